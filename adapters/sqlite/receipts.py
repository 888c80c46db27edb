"""How a message leads to its turn, and a turn to what it cost; read apart from the turns."""

import sqlite3
from collections.abc import Iterator, Sequence

from adapters.sqlite.rows import entry_of
from quota.ledger import LedgerEntry
from quota.receipts import Receipt

TURNS = (
    "SELECT turn FROM shown WHERE message = ?1 UNION SELECT hold FROM events WHERE key = ?1"
    " AND hold > 0"
)


def turns(names: Sequence[str], db: sqlite3.Connection) -> list[int]:
    """The turns of events, or of messages that show them, oldest first."""
    return sorted({turn for name in names for (turn,) in db.execute(TURNS, (name,))})


# From the newest entry backwards: whoever asks was mostly there of late.
TURNS_OF = "SELECT turn FROM entries WHERE wallet = ? AND turn > 0 ORDER BY id DESC"


def turns_of(wallet: str, at_most: int, db: sqlite3.Connection) -> list[int]:
    """The newest turns of one member, newest first."""
    found: dict[int, None] = {}
    for (turn,) in db.execute(TURNS_OF, (wallet,)):
        found[turn] = None
        if len(found) == at_most:
            break
    return [*found]


BEGIN = "BEGIN"
END = "ROLLBACK"


def receipts(turns: Sequence[int], db: sqlite3.Connection) -> list[Receipt]:
    """What turns cost, all of one moment."""
    db.execute(BEGIN)
    try:
        return [receipt for turn in turns if (receipt := _receipt(turn, db)) is not None]
    finally:
        db.execute(END)


CALLS = "SELECT ?1 AS hold UNION ALL SELECT hold FROM calls WHERE turn = ?1 ORDER BY hold"
RESOLVED = "SELECT * FROM entries WHERE resolves = ?"
OPEN = "SELECT wallet FROM holds WHERE id = ?"


def _receipt(turn: int, db: sqlite3.Connection) -> Receipt | None:
    holds = [hold for (hold,) in db.execute(CALLS, (turn,))]
    calls = tuple(_resolved(holds, db))
    running = [wallet for hold in holds for (wallet,) in db.execute(OPEN, (hold,))]
    whose = [*(call.wallet for call in calls), *running]
    return Receipt(turn, whose[0], calls, len(running)) if whose else None


def _resolved(holds: Sequence[int], db: sqlite3.Connection) -> Iterator[LedgerEntry]:
    for hold in holds:
        yield from map(entry_of, db.execute(RESOLVED, (hold,)))
