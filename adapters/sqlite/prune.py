"""Forget what is old in small steps between the turns; the sums stay, and the books still agree.

Old rows are found by a reader, apart from the turns. The writer looks at each again before it
goes, so it does not matter what has happened meanwhile.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from adapters.sqlite.rows import entry_lines, pairs_of
from adapters.sqlite.scans import Scans
from adapters.sqlite.veils import let_go
from adapters.sqlite.writer import Writer
from quota.books import Books
from quota.ledger import EntryLine, sums_of
from quota.windows import Rolling, parse_window

# So many rows go in one transaction: about a millisecond.
STEP_ROWS = 200
# An account stays for a while after its last entry may have gone.
SLACK_MS = 2 * 24 * 3_600_000


class Step(NamedTuple):
    """How far entries are folded: how many went, the last that was looked at, whether more come."""

    gone: int
    last: int
    more: bool


async def prune(writer: Writer, scans: Scans, now: int, events_ms: int, entries_ms: int) -> int:
    """Remove old events, entries, closed accounts and used-up grants; how many rows went."""
    db = writer.desk.db
    now = await writer.ask(partial(_tick, now), alone=True)
    before = now - entries_ms
    gone = 0
    async for keys in scans.old(OLD_EVENTS, "", now - events_ms, STEP_ROWS):
        gone += await writer.ask(partial(_drop, db, DROP_EVENT, keys, now - events_ms), alone=True)
    step = Step(0, 0, more=True)
    while step.more:
        step = await writer.ask(partial(_fold, db, step.last, before, now), alone=True)
        gone += step.gone
    first = await writer.ask(partial(_first_turn, db), alone=True)
    async for messages in scans.old(OLD_SHOWN, "", first, STEP_ROWS):
        gone += await writer.ask(partial(_drop, db, DROP_SHOWN, messages, first), alone=True)
    async for turns in scans.old(OLD_CALLS, 0, first, STEP_ROWS):
        gone += await writer.ask(partial(_drop, db, DROP_CALLS, turns, first), alone=True)
    gone += await _prune_pools(writer, scans, now)
    async for ids in scans.old(OLD_ACCOUNTS, 0, before - SLACK_MS, STEP_ROWS):
        gone += await writer.ask(partial(_drop_accounts, db, ids, before - SLACK_MS), alone=True)
    async for ids in scans.old(OLD_GRANTS, 0, before, STEP_ROWS):
        gone += await writer.ask(partial(_drop_grants, db, ids, before), alone=True)
    return gone + await writer.ask(partial(let_go, db, now), alone=True)


async def _prune_pools(writer: Writer, scans: Scans, now: int) -> int:
    """Remove closed periods of fair pools but the last, then everyone who came to them."""
    db = writer.desk.db
    before, gone = now - SLACK_MS, 0
    async for ids in scans.old(OLD_POOLS, 0, before, STEP_ROWS):
        gone += await writer.ask(partial(_drop_pools, db, ids, before), alone=True)
    async for ids in scans.old(STRAYS, 0, before, STEP_ROWS):
        for account in ids:
            while went := await writer.ask(partial(_drop_members, db, account), alone=True):
                gone += went
    return gone


def _tick(now: int, books: Books) -> int:
    """What is forgotten stays forgotten: the mark must not run back behind it."""
    books.mark = max(books.mark, now)
    return books.mark


OLD_EVENTS = "SELECT key FROM events WHERE key > ? AND at < ? ORDER BY key LIMIT ?"
DROP_EVENT = "DELETE FROM events WHERE key = ? AND at < ?"
# Which calls belong together, and where they are shown, is of use as long as their entries are.
FIRST_RESOLVED = "SELECT min(resolves) FROM entries"
OLD_SHOWN = "SELECT message FROM shown WHERE message > ? AND turn < ? ORDER BY message LIMIT ?"
DROP_SHOWN = "DELETE FROM shown WHERE message = ? AND turn < ?"
OLD_CALLS = "SELECT DISTINCT turn FROM calls WHERE turn > ? AND turn < ? ORDER BY turn LIMIT ?"
DROP_CALLS = "DELETE FROM calls WHERE turn = ? AND turn < ?"
# The last period of a pool stays, for the next one learns from it.
OLD_POOLS = (
    "SELECT pools.account FROM pools JOIN accounts AS mine ON mine.id = pools.account"
    " WHERE pools.account > ? AND mine.closes_at < ? AND EXISTS (SELECT * FROM pools"
    " AS later JOIN accounts ON accounts.id = later.account WHERE accounts.book = mine.book"
    " AND accounts.opens_at > mine.opens_at) ORDER BY pools.account LIMIT ?"
)
DROP_POOL = (
    "DELETE FROM pools WHERE account = ?"
    " AND (SELECT closes_at FROM accounts WHERE id = account) < ?"
)
STRAYS = (
    "SELECT DISTINCT account FROM pool_members WHERE account > ? AND account NOT IN"
    " (SELECT account FROM pools) AND ? > 0 ORDER BY account LIMIT ?"
)
DROP_MEMBERS = (
    "DELETE FROM pool_members WHERE account = ?1 AND wallet IN"
    " (SELECT wallet FROM pool_members WHERE account = ?1 LIMIT ?2)"
)
# What remains of its entries, if any, adds up to nothing.
OLD_ACCOUNTS = (
    "SELECT id FROM accounts JOIN counters ON account = id WHERE id > ? AND closes_at < ?"
    " AND spent = pruned AND extra_spent = extra_pruned ORDER BY id LIMIT ?"
)
DROP_ACCOUNT = (
    "DELETE FROM accounts WHERE id = ? AND closes_at < ? AND EXISTS (SELECT * FROM counters"
    " WHERE account = id AND spent = pruned AND extra_spent = extra_pruned)"
)
OLD_GRANTS = (
    "SELECT id FROM grants WHERE id > ? AND until < ? AND spent = pruned ORDER BY id LIMIT ?"
)
DROP_GRANT = "DELETE FROM grants WHERE id = ? AND until < ? AND spent = pruned"


def _drop(
    db: sqlite3.Connection, statement: str, keys: Sequence[str | int], before: int, books: Books
) -> int:
    books.evict()
    return db.executemany(statement, [(key, before) for key in keys]).rowcount


def _first_turn(db: sqlite3.Connection, books: Books) -> int:
    """The oldest turn of which something is left: an entry, or a hold."""
    resolved: int | None = db.execute(FIRST_RESOLVED).fetchone()[0]
    return min([books.ids.hold if resolved is None else resolved, *books.holds])


def _drop_pools(db: sqlite3.Connection, ids: Sequence[int], before: int, books: Books) -> int:
    """An open hold still needs its pool, however old that is."""
    held, _ = sums_of(hold.held for hold in books.holds.values())
    return _drop(db, DROP_POOL, [key for key in ids if key not in held], before, books)


def _drop_members(db: sqlite3.Connection, account: int, _: Books) -> int:
    return db.execute(DROP_MEMBERS, (account, STEP_ROWS)).rowcount


def _drop_accounts(db: sqlite3.Connection, ids: Sequence[int], before: int, books: Books) -> int:
    """An open hold still needs its accounts, however old they are."""
    held, _ = sums_of(hold.held for hold in books.holds.values())
    return _drop(db, DROP_ACCOUNT, [key for key in ids if key not in held], before, books)


def _drop_grants(db: sqlite3.Connection, ids: Sequence[int], before: int, books: Books) -> int:
    """As for accounts."""
    _, held = sums_of(hold.held for hold in books.holds.values())
    return _drop(db, DROP_GRANT, [key for key in ids if key not in held], before, books)


ENTRIES_AFTER = "SELECT id, at, lines, purses FROM entries WHERE id > ? ORDER BY id LIMIT ?"
PURGING = "UPDATE meta SET purging = ?"
DROP_ENTRY = "DELETE FROM entries WHERE id = ?"
FOLD_LINE = (
    "UPDATE counters SET pruned = pruned + ?, extra_pruned = extra_pruned + ? WHERE account = ?"
)
FOLD_PURSE = "UPDATE grants SET pruned = pruned + ? WHERE id = ?"


def _fold(db: sqlite3.Connection, after: int, before: int, now: int, books: Books) -> Step:
    """Remove a few entries and keep their sums with the accounts and grants they had charged."""
    rows = db.execute(ENTRIES_AFTER, (after, STEP_ROWS)).fetchall()
    old = [row for row in rows if row[1] < before]
    windows = _Windows(db, now)
    spent: dict[int, int] = defaultdict(int)
    extra: dict[int, int] = defaultdict(int)
    purses: dict[int, int] = defaultdict(int)
    gone: list[tuple[int]] = []
    for entry_id, at, lines_text, purses_text in old:
        lines = entry_lines(at, lines_text)
        if any(windows.still_count(line) for line in lines):
            continue
        gone.append((entry_id,))
        for line in lines:
            if not windows.slides(line.account):
                spent[line.account] += line.spent
                extra[line.account] += line.extra
        for purse, amount in pairs_of(purses_text):
            purses[purse] += amount
    if gone:
        db.execute(PURGING, (1,))
        db.executemany(DROP_ENTRY, gone)
        db.execute(PURGING, (0,))
        db.executemany(FOLD_LINE, [(spent[key], extra[key], key) for key in spent])
        db.executemany(FOLD_PURSE, [(amount, key) for key, amount in purses.items()])
    if windows.expired:
        books.evict()
    last = rows[-1][0] if rows else after
    return Step(len(gone), last, more=len(old) == STEP_ROWS)


BOOK = "SELECT book, expired_to FROM accounts JOIN counters ON account = id WHERE id = ?"
EXPIRE_MARKS = "DELETE FROM marks WHERE account = ? AND at <= ?"
EXPIRE_ACCOUNT = (
    "UPDATE counters SET expired_to = ?,"
    " spent = (SELECT coalesce(sum(amount), 0) FROM marks WHERE account = counters.account)"
    " WHERE account = ?"
)


class _Windows:
    """Which accounts slide, and up to when: what they have let go of is in no sum any more."""

    def __init__(self, db: sqlite3.Connection, now: int) -> None:
        self._db = db
        self._now = now
        self._expired_to: dict[int, int | None] = {}
        self.expired = False

    def slides(self, account: int) -> bool:
        """Whether this is the account of a rolling window."""
        return self._known(account) is not None

    def still_count(self, line: EntryLine) -> bool:
        """Whether a rolling window still holds this line; if it need not, it lets go of it now."""
        expired_to = self._known(line.account)
        return expired_to is not None and line.at > expired_to

    def _known(self, account: int) -> int | None:
        if account not in self._expired_to:
            row = self._db.execute(BOOK, (account,)).fetchone()
            self._expired_to[account] = None if row is None else self._expire(account, *row)
        return self._expired_to[account]

    def _expire(self, account: int, book: str, expired_to: int) -> int | None:
        window = parse_window(book.split("|")[1].partition("/")[2])
        if not isinstance(window, Rolling):
            return None
        to = self._now - window.length_ms
        if to <= expired_to:
            return expired_to
        self._db.execute(EXPIRE_MARKS, (account, to))
        self._db.execute(EXPIRE_ACCOUNT, (to, account))
        self.expired = True
        return to
