"""The books on disk: what the moves read when it is not in memory, and what a commit writes.

Used on the writer's thread only, and (for reading) by commands beside a running bot.
"""

import sqlite3
from collections.abc import Iterable, Sequence

from adapters.sqlite import governing, pools, prepaid, veils
from adapters.sqlite.rows import (
    Row,
    account_of,
    entry_of,
    entry_row,
    event_of,
    hold_of,
    hold_row,
    purse_of,
    purse_row,
)
from quota.books import Books
from quota.counters import Account, Changes, Event, Hold, Ids, Purse
from quota.erasing import VeiledBooks
from quota.ledger import LedgerEntry
from quota.pool_state import Pool
from quota.pool_terms import PoolMember

_ACCOUNTS = (
    "SELECT id, book, opens_at, closes_at, spent, extra_spent, warned, expired_to"
    " FROM accounts JOIN counters ON account = id WHERE "
)


EVENTS_AT_ONCE = 16


class SqliteShelf:
    """Reads and writes rows through one connection; transactions are the caller's."""

    def __init__(self, db: sqlite3.Connection) -> None:
        """Speak through this connection."""
        self.db = db
        self._accounts_written = 0
        self._looked_up: dict[str, Event | None] = {}

    ACCOUNT = _ACCOUNTS + "book = ? AND opens_at = ?"
    LATEST = _ACCOUNTS + "book = ? ORDER BY opens_at DESC LIMIT 1"

    def account(self, book: str, opens_at: int | None) -> Account | None:
        """The account of a period; the latest one where `opens_at` is None."""
        if opens_at is None:
            return self._account(self.LATEST, (book,))
        return self._account(self.ACCOUNT, (book, opens_at))

    NUMBERED = _ACCOUNTS + "id = ?"

    def account_by_id(self, account_id: int) -> Account | None:
        """The account with this id, with the marks of a rolling window."""
        return self._account(self.NUMBERED, (account_id,))

    MARKS = "SELECT at, entry, amount FROM marks WHERE account = ? ORDER BY at, entry"

    def _account(self, statement: str, key: Row) -> Account | None:
        row = self.db.execute(statement, key).fetchone()
        if row is None:
            return None
        account = account_of(row)
        if account.rolling:
            account.marks = self.db.execute(self.MARKS, (account.id,)).fetchall()
        elif account.book.startswith(prepaid.BOOKS):
            account.fund = prepaid.fund(self.db, account.id)
        return account

    EVENT = "SELECT digest, at, interrupted, hold FROM events WHERE key = ?"

    def event(self, key: str) -> Event | None:
        """An event, if it was ever seen."""
        if key in self._looked_up:
            return self._looked_up[key]
        row = self.db.execute(self.EVENT, (key,)).fetchone()
        return None if row is None else event_of(row)

    EVENTS = (
        "SELECT key, digest, at, interrupted, hold FROM events WHERE key IN"
        " (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    )

    def look_up(self, keys: Sequence[str]) -> None:
        """Find the events that a batch is about to ask for; what was found before is forgotten.

        Nearly all of them are new. Where there are many, to ask for each by itself costs three
        times as much; the few that are left over are not worth a statement with empty places.
        """
        self._looked_up.clear()
        for start in range(0, len(keys) - EVENTS_AT_ONCE + 1, EVENTS_AT_ONCE):
            some = keys[start : start + EVENTS_AT_ONCE]
            self._looked_up.update(dict.fromkeys(some))
            for key, *event in self.db.execute(self.EVENTS, some):
                self._looked_up[key] = event_of(event)

    HOLDS = (
        "SELECT id, event, wallet, house, model, at, expires_at, input, output_cap, progress_step,"
        " rates, lines, purses, purpose, turn, progress FROM holds ORDER BY id"
    )

    def holds(self) -> Iterable[Hold]:
        """Every open hold."""
        return map(hold_of, self.db.execute(self.HOLDS).fetchall())

    RESOLUTION = "SELECT * FROM entries WHERE resolves = ?"

    def resolution(self, hold_id: int) -> LedgerEntry | None:
        """The entry that resolved a hold."""
        row = self.db.execute(self.RESOLUTION, (hold_id,)).fetchone()
        return None if row is None else entry_of(row)

    PURSES = (
        "SELECT id, wallet, unit, amount, until, actor, reason, at, spent FROM grants"
        " WHERE wallet = ? ORDER BY until IS NULL, until, id"
    )

    def purses(self, wallet: str) -> list[Purse]:
        """A member's grants, ordered by when they end."""
        return [purse_of(row) for row in self.db.execute(self.PURSES, (wallet,)).fetchall()]

    def pool(self, account_id: int) -> Pool | None:
        """The pool of an account."""
        return pools.pool(self.db, account_id)

    def latest_pool(self, book: str) -> Pool | None:
        """The pool of the last period of a limit in which it was fair."""
        return pools.latest_pool(self.db, book)

    def pool_member(self, account_id: int, wallet: str) -> PoolMember | None:
        """A member who has come to a pool."""
        return pools.pool_member(self.db, account_id, wallet)

    META = "SELECT mark, next_account, next_hold, next_entry, next_purse FROM meta"

    def books(self) -> Books:
        """Books that stand exactly where the file does."""
        mark, account, hold, entry, purse = self.db.execute(self.META).fetchone()
        self._accounts_written = account
        self._looked_up.clear()
        ids = Ids(account, hold, entry, purse)
        return VeiledBooks(self, ids, mark, veils=veils.veils(self.db))

    def write(self, books: Books) -> None:
        """Write what the moves have touched, inside the transaction that the caller has begun."""
        changes = books.changes
        if changes.events:
            self._write_events(changes)
        if changes.accounts:
            self._write_accounts(changes)
        if changes.holds or changes.closed:
            self._write_holds(changes)
        if changes.purses:
            self.db.executemany(self.PUT_PURSE, map(purse_row, changes.purses.values()))
        if changes.pools:
            pools.write(self.db, changes)
        if changes.shown:
            self.db.executemany(self.SHOW, changes.shown.items())
        if changes.flags:
            governing.put_flags(self.db, changes.flags.values())
        if changes.entries:
            self.db.executemany(self.ADD_ENTRY, map(entry_row, changes.entries))
        self._write_meta(books)

    SHOW = "INSERT OR REPLACE INTO shown (message, turn) VALUES (?, ?)"
    PUT_EVENT = (
        "INSERT INTO events (key, digest, at, interrupted, hold) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (key) DO UPDATE SET interrupted = excluded.interrupted"
    )

    def _write_events(self, changes: Changes) -> None:
        rows = [(k, e.digest, e.at, int(e.interrupted), e.hold) for k, e in changes.events.items()]
        self.db.executemany(self.PUT_EVENT, rows)

    ADD_ACCOUNT = "INSERT INTO accounts (id, book, opens_at, closes_at) VALUES (?, ?, ?, ?)"
    ADD_COUNTER = (
        "INSERT INTO counters (spent, extra_spent, warned, expired_to, account)"
        " VALUES (?, ?, ?, ?, ?)"
    )
    COUNT = (
        "UPDATE counters SET spent = ?, extra_spent = ?, warned = ?, expired_to = ?"
        " WHERE account = ?"
    )
    # Two lines of one entry may name one account and instant; their sum is what counts.
    ADD_MARK = (
        "INSERT INTO marks (account, at, entry, amount) VALUES (?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET amount = amount + excluded.amount"
    )
    EXPIRE_MARKS = "DELETE FROM marks WHERE account = ? AND at <= ?"

    def _write_accounts(self, changes: Changes) -> None:
        """Only counters are written again; what prune added to an account is not in memory."""
        new, first, old, expired, funds = [], [], [], [], []
        for a in changes.accounts.values():
            counted = (a.spent, a.extra_spent, a.warned, a.expired_to, a.id)
            if a.id >= self._accounts_written:
                new.append((a.id, a.book, a.opens_at, a.closes_at))
                first.append(counted)
            else:
                old.append(counted)
            if a.expired_to:
                expired.append((a.id, a.expired_to))
            if a.fund is not None:
                funds.append(prepaid.row(a.id, a.fund))
        if new:
            self.db.executemany(self.ADD_ACCOUNT, new)
            self.db.executemany(self.ADD_COUNTER, first)
        if old:
            self.db.executemany(self.COUNT, old)
        if funds:
            self.db.executemany(prepaid.PUT, funds)
        if changes.marks:
            self.db.executemany(self.ADD_MARK, changes.marks)
        if expired:
            self.db.executemany(self.EXPIRE_MARKS, expired)

    PUT_HOLD = (
        "INSERT INTO holds (id, event, wallet, house, model, at, expires_at, input, output_cap,"
        " progress_step, rates, lines, purses, purpose, turn, progress)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, nullif(?, ''), ?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET progress = excluded.progress"
    )
    CLOSE_HOLD = "DELETE FROM holds WHERE id = ?"
    ADD_CALL = "INSERT INTO calls (turn, hold) VALUES (?, ?)"

    def _write_holds(self, changes: Changes) -> None:
        closed = changes.closed
        for hold_id in closed:
            changes.holds.pop(hold_id, None)
        if changes.holds:
            self.db.executemany(self.PUT_HOLD, map(hold_row, changes.holds.values()))
        if closed:
            self.db.executemany(self.CLOSE_HOLD, [(hold_id,) for hold_id in closed])
        if changes.calls:
            self.db.executemany(self.ADD_CALL, changes.calls)

    PUT_PURSE = (
        "INSERT INTO grants (id, wallet, unit, amount, until, actor, reason, at, spent)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET spent = excluded.spent"
    )

    ADD_ENTRY = (
        "INSERT INTO entries"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, nullif(?, ''), ?, ?, nullif(?, ''), ?, ?, ?,"
        " ?, ?, nullif(?, ''), ?, ?, ?, nullif(?, ''))"
    )

    PUT_META = (
        "UPDATE meta SET mark = ?, next_account = ?, next_hold = ?, next_entry = ?, next_purse = ?"
    )

    def _write_meta(self, books: Books) -> None:
        ids = books.ids
        row = (books.mark, ids.account, ids.hold, ids.entry, ids.purse)
        self.db.execute(self.PUT_META, row)

    def written(self, books: Books) -> None:
        """The transaction is on disk: what was new is new no longer."""
        self._accounts_written = books.ids.account
        for pool in books.changes.pools.values():
            pool.on_shelf = True
        self._looked_up.clear()
        books.changes = Changes()
