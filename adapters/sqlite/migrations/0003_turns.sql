-- A turn of several calls, and what each was for; what a provider said that it served and took.

ALTER TABLE events ADD COLUMN hold INTEGER NOT NULL DEFAULT 0;  -- of the first call, 0: none

ALTER TABLE holds ADD COLUMN purpose TEXT NOT NULL DEFAULT 'answer';
ALTER TABLE holds ADD COLUMN turn INTEGER NOT NULL DEFAULT 0;   -- the hold of its first call
UPDATE holds SET turn = id;

ALTER TABLE entries ADD COLUMN purpose TEXT NOT NULL DEFAULT '';
ALTER TABLE entries ADD COLUMN turn INTEGER NOT NULL DEFAULT 0;
ALTER TABLE entries ADD COLUMN served TEXT NOT NULL DEFAULT '';
ALTER TABLE entries ADD COLUMN billed INTEGER;                  -- the provider's own figure
-- Until now each turn was one call.
UPDATE meta SET purging = 1;
UPDATE entries SET purpose = 'answer', turn = hold_id
    WHERE kind IN ('settle', 'release', 'lapse', 'attempt');
UPDATE meta SET purging = 0;

-- Which messages of a platform show what came of a turn.
CREATE TABLE shown (
    message TEXT PRIMARY KEY,
    turn INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The later calls of a turn. Most turns have none, and an index on entries would cost all of them.
CREATE TABLE calls (
    turn INTEGER NOT NULL,
    hold INTEGER NOT NULL,
    PRIMARY KEY (turn, hold)
) STRICT, WITHOUT ROWID;
