"""What the books are measured against: the same turn as plain SQLite code would do it.

Three counters per member (tokens this hour, tokens today, requests today) and one ledger row;
reserve and settle are a transaction each. No events, no grants, no balances: less than the books
do.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from random import Random
from typing import NamedTuple, TypeVar

import aiosqlite

ESTIMATE, PROMPT, COMPLETION = 700, 200, 300
DDL = """
CREATE TABLE windows (member INTEGER, kind INTEGER, start INTEGER, used INTEGER NOT NULL,
    PRIMARY KEY (member, kind, start)) WITHOUT ROWID;
CREATE TABLE ledger (id INTEGER PRIMARY KEY, ts INTEGER NOT NULL, member INTEGER NOT NULL,
    model INTEGER, prompt INTEGER, completion INTEGER, reserved INTEGER, state INTEGER);
CREATE INDEX ledger_member_ts ON ledger (member, ts);
"""
T = TypeVar("T")
NOW = 1_800_000_000
HOUR, DAY = NOW // 3600, NOW // 86400
LIMIT = 10**12
READ = (
    "SELECT kind, used FROM windows WHERE member = ? AND ((kind = 0 AND start = ?)"
    " OR (kind = 1 AND start = ?) OR (kind = 2 AND start = ?))"
)
ADD = (
    "INSERT INTO windows VALUES (?, ?, ?, ?)"
    " ON CONFLICT (member, kind, start) DO UPDATE SET used = used + excluded.used"
)
ENTER = (
    "INSERT INTO ledger (ts, member, model, prompt, completion, reserved, state)"
    " VALUES (?, ?, 1, ?, 0, ?, 0)"
)
ENTER_AS = (
    "INSERT INTO ledger (id, ts, member, model, prompt, completion, reserved, state)"
    " VALUES (?, ?, ?, 1, ?, 0, ?, 0)"
)
SETTLE = "UPDATE ledger SET prompt = ?, completion = ?, state = 1 WHERE id = ?"
LAST = "SELECT max(id) FROM ledger"
BEGIN, COMMIT = "BEGIN IMMEDIATE", "COMMIT"


def fill(path: Path, members: int, entries: int) -> None:
    """Counters of every member, and a month of ledger."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = OFF")
    db.executescript(DDL)
    chance = Random(1)
    db.execute("BEGIN")
    db.executemany(
        "INSERT INTO windows VALUES (?, ?, ?, 100)",
        ((m, kind, HOUR if kind == 0 else DAY) for m in range(members) for kind in range(3)),
    )
    db.executemany(
        "INSERT INTO ledger (ts, member, model, prompt, completion, reserved, state)"
        " VALUES (?, ?, 1, 200, 300, 700, 1)",
        (
            (NOW - 30 * 86400 + number * 30 * 86400 // entries, chance.randrange(members))
            for number in range(entries)
        ),
    )
    db.execute("COMMIT")
    db.close()


def settle_in(db: sqlite3.Connection) -> None:
    """Give the WAL the size it has after an hour: while it grows, each sync takes longer."""
    db.execute("CREATE TABLE IF NOT EXISTS warm (page BLOB)")
    db.execute("BEGIN")
    db.executemany("INSERT INTO warm VALUES (?)", [(bytes(4_000),)] * 1_500)
    db.execute("COMMIT")
    db.execute("DELETE FROM warm")
    db.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()


def _room(used: dict[int, int]) -> bool:
    tokens = max(used.get(0, 0), used.get(1, 0)) + ESTIMATE
    return tokens <= LIMIT and used.get(2, 0) < LIMIT


class Raw:
    """sqlite3 and nothing else, on one thread: `turns` of them share a transaction (1: two)."""

    def __init__(self, path: Path, synchronous: str, turns: int) -> None:
        self.turns = turns
        self._db = sqlite3.connect(path, isolation_level=None, timeout=30)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute(f"PRAGMA synchronous = {synchronous}")
        settle_in(self._db)
        self._alone = turns == 1

    def run(self, members: int, going_on: Callable[[], bool]) -> int:
        say, chance, done = self._db.execute, Random(self.turns), 0
        while going_on():
            if not self._alone:
                say(BEGIN)
            for _ in range(self.turns):
                self._turn(chance.randrange(members))
            if not self._alone:
                say(COMMIT)
            done += self.turns
        self._db.close()
        return done

    def _turn(self, member: int) -> None:
        say = self._db.execute
        if self._alone:
            say(BEGIN)
        used = dict(say(READ, (member, HOUR, DAY, DAY)).fetchall())
        assert _room(used)
        say(ADD, (member, 0, HOUR, ESTIMATE))
        say(ADD, (member, 1, DAY, ESTIMATE))
        say(ADD, (member, 2, DAY, 1))
        number = say(ENTER, (NOW, member, ESTIMATE, ESTIMATE)).lastrowid
        if self._alone:
            say(COMMIT)
            say(BEGIN)
        say(SETTLE, (PROMPT, COMPLETION, number))
        rest = PROMPT + COMPLETION - ESTIMATE
        say(ADD, (member, 0, HOUR, rest))
        say(ADD, (member, 1, DAY, rest))
        if self._alone:
            say(COMMIT)


class Shared:
    """The first good draft: one aiosqlite connection, a lock, an await per statement."""

    def __init__(self, db: aiosqlite.Connection) -> None:
        self._db = db
        self._lock = asyncio.Lock()

    @classmethod
    async def open(cls, path: Path, synchronous: str) -> "Shared":
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("PRAGMA journal_mode = WAL")
        db = await aiosqlite.connect(path, isolation_level=None, timeout=30)
        await db.execute_fetchall("PRAGMA journal_mode = WAL")
        await db.execute_fetchall(f"PRAGMA synchronous = {synchronous}")
        settle_in(holder)
        holder.close()
        return cls(db)

    async def close(self) -> None:
        await self._db.close()

    async def reserve(self, member: int) -> int:
        say = self._db.execute
        async with self._lock:
            await say(BEGIN)
            async with say(READ, (member, HOUR, DAY, DAY)) as rows:
                used = {row[0]: row[1] for row in await rows.fetchall()}
            assert _room(used)
            await say(ADD, (member, 0, HOUR, ESTIMATE))
            await say(ADD, (member, 1, DAY, ESTIMATE))
            await say(ADD, (member, 2, DAY, 1))
            entered = await say(ENTER, (NOW, member, ESTIMATE, ESTIMATE))
            await self._db.commit()
            assert entered.lastrowid is not None
            return entered.lastrowid

    async def settle(self, number: int, member: int) -> None:
        say = self._db.execute
        async with self._lock:
            await say(BEGIN)
            await say(SETTLE, (PROMPT, COMPLETION, number))
            rest = PROMPT + COMPLETION - ESTIMATE
            await say(ADD, (member, 0, HOUR, rest))
            await say(ADD, (member, 1, DAY, rest))
            await self._db.commit()

    async def turn(self, member: int, _: int) -> None:
        number = await self.reserve(member)
        await asyncio.sleep(0)
        await self.settle(number, member)


class _Op(NamedTuple):
    """A reserve (`settled` is False) or a settle that waits for the next commit."""

    number: int
    member: int
    amount: int
    settled: bool
    done: asyncio.Future[None]


class Grouped:
    """A sketch of the fastest that asyncio allows: decided in memory, and what waits is one commit.

    It shows what the way to a thread and back leaves of the raw rate on this machine, for it does
    less than the books: no event is known again, no hold has a row, no balance is told.
    """

    def __init__(self, path: Path, synchronous: str) -> None:
        """Nothing is touched before `open`."""
        self._thread = ThreadPoolExecutor(1)
        self._path, self._synchronous = path, synchronous
        self._used: dict[int, list[int]] = {}
        self._waiting: list[_Op] = []
        self._wake = asyncio.Event()

    @classmethod
    async def open(cls, path: Path, synchronous: str) -> "Grouped":
        """Connect on the thread, and begin to write."""
        grouped = cls(path, synchronous)
        await grouped._begin()
        return grouped

    async def _begin(self) -> None:
        await self._apart(self._connect)
        self._writer = asyncio.create_task(self._write())

    async def close(self) -> None:
        """End the thread; nobody waits any more."""
        self._writer.cancel()
        await self._apart(self._db.close)
        self._thread.shutdown()

    async def turn(self, member: int, _: int) -> None:
        """Reserve and settle, each answered when it is on disk."""
        used = self._used.get(member)
        if used is None:
            rows = dict(await self._apart(partial(self._read, member)))
            used = self._used.setdefault(member, [rows.get(kind, 0) for kind in range(3)])
        assert _room(dict(enumerate(used)))
        for kind, amount in enumerate((ESTIMATE, ESTIMATE, 1)):
            used[kind] += amount
        self._next += 1
        number = self._next
        await self._soon(number, member, ESTIMATE, settled=False)
        await asyncio.sleep(0)
        rest = PROMPT + COMPLETION - ESTIMATE
        used[0] += rest
        used[1] += rest
        await self._soon(number, member, rest, settled=True)

    def _soon(
        self, number: int, member: int, amount: int, *, settled: bool
    ) -> asyncio.Future[None]:
        done = asyncio.get_running_loop().create_future()
        self._waiting.append(_Op(number, member, amount, settled, done))
        self._wake.set()
        return done

    async def _write(self) -> None:
        while await self._wake.wait():
            self._wake.clear()
            while self._waiting:
                batch, self._waiting = self._waiting, []
                await self._apart(partial(self._commit, batch))
                for op in batch:
                    op.done.set_result(None)

    def _apart(self, work: Callable[[], T]) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._thread, work)

    # On the thread.

    def _connect(self) -> None:
        self._db = sqlite3.connect(self._path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute(f"PRAGMA synchronous = {self._synchronous}")
        settle_in(self._db)
        self._next: int = self._db.execute(LAST).fetchone()[0]

    def _read(self, member: int) -> list[tuple[int, int]]:
        return self._db.execute(READ, (member, HOUR, DAY, DAY)).fetchall()

    def _commit(self, batch: list[_Op]) -> None:
        say = self._db.execute
        say(BEGIN)
        for number, member, amount, settled, _ in batch:
            if settled:
                say(SETTLE, (PROMPT, COMPLETION, number))
            else:
                say(ENTER_AS, (number, NOW, member, ESTIMATE, ESTIMATE))
                say(ADD, (member, 2, DAY, 1))
            say(ADD, (member, 0, HOUR, amount))
            say(ADD, (member, 1, DAY, amount))
        say(COMMIT)
