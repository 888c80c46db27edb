-- Prepaid balances: what each knows beside its counter, which the ledger proves. What is left is
-- the negative of what the counter has spent.

CREATE TABLE prepaid (
    account INTEGER PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    refilled_to INTEGER NOT NULL,   -- all boundaries until then were taken in
    full INTEGER NOT NULL,          -- what there was when something came in last, at least the cap
    refill TEXT NOT NULL            -- the rule until now, empty: none (see quota/prepaid.py)
) STRICT;
