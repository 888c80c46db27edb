"""Reads that may be long: they have a connection of their own and never stand in a turn's way."""

import asyncio
import logging
import os
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from itertools import starmap
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite

from adapters.sqlite.files import OWNER_ONLY
from adapters.sqlite.opening import BUSY_TIMEOUT_S, open_for_reading, read_only
from adapters.sqlite.pools import proofs
from adapters.sqlite.rows import Row, entry_of, hold_lines, pairs_of
from adapters.sqlite.trouble import is_corrupt, told
from quota.errors import StoreUnavailableError
from quota.ledger import AccountRow, Difference, LedgerEntry, PurseRow, differences
from quota.pools import pool_differences
from quota.store import AuditRow, FlagRow, LimitRow

log = logging.getLogger(__name__)

T = TypeVar("T")

# Entries are read in slices, so that no long snapshot keeps the WAL from being emptied.
SLICE_ROWS = 512


class Scans:
    """Reads through aiosqlite; its thread is started by the first read and ended by `close`."""

    def __init__(self, path: Path, stop: Callable[[StoreUnavailableError], None]) -> None:
        """Nothing is opened yet; `stop` is told when the file turns out to be damaged."""
        self.path = path
        self._stop = stop
        self._opening: asyncio.Future[aiosqlite.Connection] | None = None
        self._closed = False

    async def close(self) -> None:
        """End the thread of aiosqlite; left open it would keep the process alive."""
        self._closed = True
        if self._opening is not None:
            opening, self._opening = self._opening, None
            connection = await asyncio.shield(opening)
            await asyncio.shield(connection.close())

    LIMITS = "SELECT space, scope_kind, scope_name, kind, rule, models FROM limits ORDER BY id"

    async def limits(self) -> list[LimitRow]:
        """All limits that were set by admins."""
        return [LimitRow(*row) for row in await self._rows(self.LIMITS, ())]

    FLAGS = "SELECT space, name, subject, value, until FROM flags ORDER BY id"

    async def flags(self) -> list[FlagRow]:
        """All switches, also those whose time has ended."""
        return [FlagRow(*row) for row in await self._rows(self.FLAGS, ())]

    AUDIT_TRAIL = (
        "SELECT at, space, actor, action, subject, before, after, reason, id FROM audit"
        " WHERE space = ? AND at >= ? ORDER BY id DESC LIMIT ?"
    )

    async def audit_trail(self, space: str, since: int, at_most: int) -> list[AuditRow]:
        """The newest acts first."""
        rows = await self._rows(self.AUDIT_TRAIL, (space, since, at_most))
        return [AuditRow(*row) for row in rows]

    ENTRIES = "SELECT * FROM entries WHERE id > ? ORDER BY id LIMIT ?"

    async def entries(self, since_id: int, at_most: int | None) -> AsyncIterator[LedgerEntry]:
        """The ledger in order of writing."""
        left = at_most
        while left is None or left > 0:
            wanted = SLICE_ROWS if left is None else min(left, SLICE_ROWS)
            rows = await self._rows(self.ENTRIES, (since_id, wanted))
            for row in rows:
                since_id = row[0]
                yield entry_of(row)
            if len(rows) < wanted:
                return
            left = None if left is None else left - wanted

    WALLETS = (
        "SELECT wallet FROM entries UNION SELECT wallet FROM holds UNION SELECT wallet FROM grants"
    )
    OWN_BOOKS = "SELECT DISTINCT book FROM accounts WHERE book GLOB 'allowance|*'"

    async def wallets(self) -> list[str]:
        """Every member who ever had an account."""
        found = {wallet for (wallet,) in await self._rows(self.WALLETS, ())}
        # A counter outlives its entries; the last part of its name is whose it is.
        found |= {book.split("|", 3)[3] for (book,) in await self._rows(self.OWN_BOOKS, ())}
        return sorted(found)

    async def old(
        self, statement: str, first: str | int, before: int, at_most: int
    ) -> AsyncIterator[list[Any]]:
        """The keys of what is older than a time, in slices; the statement is the caller's."""
        while rows := await self._rows(statement, (first, before, at_most)):
            keys = [key for (key,) in rows]
            first = keys[-1]
            yield keys

    async def verify(self) -> list[Difference]:
        """Recompute every counter from the entries, all of one moment."""
        return await self.apart(_differences)

    async def backup(self, target: Path) -> None:
        """Write a complete copy of one moment; an existing file is never overwritten."""
        await self.apart(lambda db: _copy(db, target))

    async def _rows(self, statement: str, values: Row) -> list[Any]:
        try:
            connection = await self._connection()
            return [*await connection.execute_fetchall(statement, values)]
        except sqlite3.Error as error:
            raise self._told(error) from error

    async def _connection(self) -> aiosqlite.Connection:
        if self._closed:
            raise StoreUnavailableError(f"{self.path} is closed")
        if self._opening is None:
            self._opening = asyncio.ensure_future(self._connect())
        try:
            # A cancelled reader must not leave a half-open connection behind.
            return await asyncio.shield(self._opening)
        except sqlite3.Error:
            self._opening = None
            raise

    async def _connect(self) -> aiosqlite.Connection:
        address = read_only(self.path)
        return await aiosqlite.connect(
            address, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None
        )

    async def apart(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Do something long on a thread and a connection of its own."""
        if self._closed:
            raise StoreUnavailableError(f"{self.path} is closed")
        try:
            return await asyncio.to_thread(self._opened, job)
        except (sqlite3.Error, OSError) as error:
            raise self._told(error) from error

    def _opened(self, job: Callable[[sqlite3.Connection], T]) -> T:
        with closing(open_for_reading(self.path)) as db:
            return job(db)

    def _told(self, error: Exception) -> StoreUnavailableError:
        log.error("%s: not read: %s", self.path, error)
        why = told(self.path, error)
        if is_corrupt(error):
            self._stop(why)
        return why


BEGIN = "BEGIN"
COUNTERS = (
    "SELECT id, book, opens_at, closes_at, spent, extra_spent, warned, pruned, expired_to,"
    " extra_pruned FROM accounts JOIN counters ON account = id"
)
ALL_ENTRIES = "SELECT * FROM entries"
HOLD_LINES = "SELECT lines, purses FROM holds"
PURSES = "SELECT id, spent, pruned FROM grants"
END = "ROLLBACK"


def _differences(db: sqlite3.Connection) -> list[Difference]:
    db.execute(BEGIN)
    try:
        found = differences(
            starmap(AccountRow, db.execute(COUNTERS)),
            map(entry_of, db.execute(ALL_ENTRIES)),
            ((hold_lines(h), pairs_of(p)) for h, p in db.execute(HOLD_LINES)),
            starmap(PurseRow, db.execute(PURSES)),
        )
        return [*found, *pool_differences(proofs(db))]
    finally:
        db.execute(END)


COPY = "VACUUM INTO ?"


def _copy(db: sqlite3.Connection, target: Path) -> None:
    """Write beside the target, make it last, then give it its name in one step."""
    if target.exists():
        raise StoreUnavailableError(f"{target} is there already: name a new file")
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, OWNER_ONLY))
    try:
        db.execute(COPY, (os.fspath(part),))
        _sync(part)
        os.link(part, target)
        _sync(target.parent)
    finally:
        part.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
