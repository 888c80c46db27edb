-- Fair pools: what decides in each period of one, beside the account of that period, which the
-- ledger proves. What is held is not here: it is the sum of the rows in holds. Lists of numbers
-- are joined by commas (see pools.py): they are read whole.

CREATE TABLE pools (
    account INTEGER PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    lend_percent INTEGER NOT NULL,
    keep_until INTEGER NOT NULL,
    last_call INTEGER NOT NULL,
    before INTEGER NOT NULL,        -- what was used in the period before the pool was fair
    size INTEGER NOT NULL,
    floor INTEGER NOT NULL,
    added INTEGER NOT NULL,         -- what admins gave it, or took
    used INTEGER NOT NULL,
    claims INTEGER NOT NULL CHECK (claims >= 0),
    past_hist TEXT NOT NULL,
    past_asks TEXT NOT NULL,
    still TEXT NOT NULL,            -- what of the asks is still to come, by the slot
    hist TEXT NOT NULL,
    asks TEXT NOT NULL,
    CHECK (used <= size)
) STRICT;

-- Rows whose pool is gone mean nothing: they are many, and go in small steps after it.
CREATE TABLE pool_members (
    account INTEGER NOT NULL,
    wallet TEXT NOT NULL,
    weight INTEGER NOT NULL CHECK (weight > 0),
    used INTEGER NOT NULL,
    share INTEGER NOT NULL,
    missed INTEGER NOT NULL,
    PRIMARY KEY (account, wallet)
) STRICT, WITHOUT ROWID;
