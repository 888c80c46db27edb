-- Members who had themselves erased: the names that stand in their place while a period of theirs
-- is open, and the key that those are made with. Without a name there is no key.

CREATE TABLE erased (
    name TEXT PRIMARY KEY,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE erasing_key (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    key BLOB NOT NULL
) STRICT;

-- Who is being erased right now: a start goes on with them.
CREATE TABLE erasing (
    wallet TEXT PRIMARY KEY,
    name TEXT NOT NULL
) STRICT, WITHOUT ROWID;
