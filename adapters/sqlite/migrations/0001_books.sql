-- The books: counters that decide, entries that prove them, and what admins have set.
-- Times are UTC milliseconds, amounts are whole numbers. Lines are compact text (see rows.py):
-- they are read whole or not at all, and rows stay few and small.

CREATE TABLE meta (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    mark INTEGER NOT NULL,          -- the highest time seen; time never runs back
    next_account INTEGER NOT NULL,
    next_hold INTEGER NOT NULL,
    next_entry INTEGER NOT NULL,
    next_purse INTEGER NOT NULL,
    purging INTEGER NOT NULL DEFAULT 0 CHECK (purging IN (0, 1))
) STRICT;
INSERT INTO meta VALUES (1, 0, 1, 1, 1, 1, 0);

CREATE TABLE events (
    key TEXT PRIMARY KEY,
    digest TEXT NOT NULL,
    at INTEGER NOT NULL,
    interrupted INTEGER NOT NULL CHECK (interrupted IN (0, 1))
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
    id INTEGER PRIMARY KEY,
    book TEXT NOT NULL,
    opens_at INTEGER NOT NULL,
    closes_at INTEGER,
    UNIQUE (book, opens_at)
) STRICT;

-- What accounts count, apart from their names: every turn writes these rows, so they are kept so
-- short that two hundred of them share a page. What is held is not here: it is the sum of the rows
-- in holds, so to reserve writes no counter.
CREATE TABLE counters (
    account INTEGER PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    spent INTEGER NOT NULL,
    extra_spent INTEGER NOT NULL,
    warned INTEGER NOT NULL,
    expired_to INTEGER NOT NULL,
    pruned INTEGER NOT NULL DEFAULT 0,       -- what removed entries had added
    extra_pruned INTEGER NOT NULL DEFAULT 0
) STRICT;

-- What a rolling window still counts, by the instant it was admitted.
CREATE TABLE marks (
    account INTEGER NOT NULL REFERENCES accounts (id),
    at INTEGER NOT NULL,
    entry INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    PRIMARY KEY (account, at, entry)
) STRICT, WITHOUT ROWID;

-- Open holds only; the entry that resolves one takes its place.
CREATE TABLE holds (
    id INTEGER PRIMARY KEY,
    event TEXT NOT NULL,
    wallet TEXT NOT NULL,
    house TEXT NOT NULL,
    model TEXT NOT NULL,
    at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    input INTEGER NOT NULL,
    output_cap INTEGER NOT NULL,
    progress_step INTEGER NOT NULL,
    rates TEXT,
    lines TEXT NOT NULL,
    purses TEXT NOT NULL,
    progress INTEGER NOT NULL
) STRICT;

CREATE TABLE grants (
    id INTEGER PRIMARY KEY,
    wallet TEXT NOT NULL,
    unit TEXT NOT NULL CHECK (unit IN ('tokens', 'requests', 'credits')),
    amount INTEGER NOT NULL,
    until INTEGER,
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    at INTEGER NOT NULL,
    spent INTEGER NOT NULL CHECK (spent >= 0),
    pruned INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX grants_by_wallet ON grants (wallet);

CREATE TABLE entries (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    hold_id INTEGER NOT NULL,
    wallet TEXT NOT NULL,
    model TEXT NOT NULL,
    input INTEGER NOT NULL,
    cached INTEGER NOT NULL,
    output INTEGER NOT NULL,
    reasoning INTEGER NOT NULL,
    source TEXT NOT NULL,
    tokens INTEGER NOT NULL,
    credits INTEGER,
    house_tokens INTEGER NOT NULL,
    house_credits INTEGER NOT NULL,
    rates TEXT,
    estimated_input INTEGER NOT NULL,
    actor TEXT NOT NULL,
    note TEXT NOT NULL,
    lines TEXT NOT NULL,
    purses TEXT NOT NULL,
    resolves INTEGER -- the hold that this entry ends
) STRICT;
-- A hold is resolved once; the file itself refuses a second time. A column of its own, because an
-- index with a condition on the kind takes four times as long to keep.
CREATE UNIQUE INDEX entries_resolve_once ON entries (resolves);
CREATE TRIGGER entries_are_never_changed BEFORE UPDATE ON entries
    WHEN (SELECT purging FROM meta) = 0
    BEGIN SELECT RAISE(ABORT, 'entries are append-only'); END;
CREATE TRIGGER entries_are_never_deleted BEFORE DELETE ON entries
    WHEN (SELECT purging FROM meta) = 0
    BEGIN SELECT RAISE(ABORT, 'entries are append-only'); END;

CREATE TABLE limits (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    space TEXT NOT NULL,
    scope_kind TEXT NOT NULL,
    scope_name TEXT NOT NULL,
    kind TEXT NOT NULL,
    rule TEXT NOT NULL,
    models TEXT NOT NULL,
    UNIQUE (space, key)
) STRICT;

CREATE TABLE flags (
    id INTEGER PRIMARY KEY,
    space TEXT NOT NULL,
    name TEXT NOT NULL,
    subject TEXT NOT NULL,
    value TEXT NOT NULL,
    until INTEGER,
    UNIQUE (space, name, subject)
) STRICT;

CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    space TEXT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    reason TEXT NOT NULL
) STRICT;
CREATE INDEX audit_by_space ON audit (space, id);
CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
    WHEN (SELECT purging FROM meta) = 0
    BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
    WHEN (SELECT purging FROM meta) = 0
    BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
