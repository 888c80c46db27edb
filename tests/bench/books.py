"""Turns per second of the SQLite books beside plain code: `python -m tests.bench.books [PART]`.

PART is `rates` (default), `growth` or `all`. ROUNDS and SECONDS in the environment change the
length. A turn is a reserve and a settle, each answered when it is on disk, over three limits
(tokens an hour, tokens a day, requests a day), with an event to know again and balances told
after. Only ratios of one run mean anything: machines and their disks differ, and change.
"""

import asyncio
import os
import sqlite3
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from random import Random
from statistics import median
from typing import NamedTuple

from adapters.sqlite import SqliteStore
from adapters.sqlite.writer import Writer
from quota.accounting import Estimate
from quota.limits import Bound
from quota.store import ReserveRequest, SettleRequest
from quota.units import Usage
from quota.verdicts import Granted
from tests.bench.references import Grouped, Raw, Shared, fill, settle_in
from tests.fakes import DAY, MORNING, policy, requester

ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = float(os.environ.get("SECONDS", "1"))
LIMITS = policy(
    "everyone: 1000000M tokens/hour",
    "everyone: 1000000M tokens/day",
    "everyone: 1000000M requests/day",
)
Turn = Callable[[int, int], Awaitable[None]]


class Figure(NamedTuple):
    """One run: turns per second, CPU microseconds per turn, milliseconds of a turn."""

    rate: float
    cpu_us: float
    p50_ms: float = 0.0
    p99_ms: float = 0.0


class Bench:
    """A store full of members and entries, and turns upon it."""

    def __init__(self, store: SqliteStore, members: list[tuple[str, tuple[Bound, ...]]]) -> None:
        self.store = store
        self.members = members

    async def turn(self, member: int, number: int) -> None:
        wallet, bounds = self.members[member]
        ask = ReserveRequest(
            f"console:{number}",
            "digest",
            wallet,
            "console:console",
            "mini",
            bounds,
            Estimate(200, 500, 64),
            900_000,
            256,
        )
        verdict = await self.store.reserve(ask, MORNING)
        assert isinstance(verdict, Granted)
        await asyncio.sleep(0)
        usage = Usage(200, 0, 300, 0)
        request = SettleRequest(verdict.hold_id, usage, "provider", bounds, (75, 90))
        await self.store.settle(request, MORNING)


def people(count: int) -> list[tuple[str, tuple[Bound, ...]]]:
    """Wallets with the limits that bind them."""
    found = []
    for number in range(count):
        who = requester(f"member{number}")
        found.append((who.member.wallet, LIMITS.binding(who, ("mini",))))
    return found


def fill_books(path: Path, members: list[tuple[str, tuple[Bound, ...]]], entries: int) -> None:
    """Accounts of every member and a month of entries that add up to them."""
    per_member = [
        entries // len(members) + (m < entries % len(members)) for m in range(len(members))
    ]
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA synchronous = OFF")
        db.execute("BEGIN")
        rows = []
        for m, (_, bounds) in enumerate(members):
            for place, bound in enumerate(bounds):
                opens, closes = bound.window.period_at(MORNING)  # type: ignore[union-attr]
                spent = per_member[m] * (1 if place == 2 else 500)
                rows.append((3 * m + place + 1, bound.book, opens, closes, spent))
        db.executemany(
            "INSERT INTO accounts (id, book, opens_at, closes_at) VALUES (?, ?, ?, ?)",
            [row[:4] for row in rows],
        )
        db.executemany(
            "INSERT INTO counters VALUES (?, ?, 0, 0, 0, 0, 0)",
            [(row[0], row[4]) for row in rows],
        )
        db.executemany(
            "INSERT INTO entries (id, hold_id, resolves, turn, at, wallet, lines, kind, purpose,"
            " model, input, cached, output, reasoning, source, tokens, credits, house_tokens,"
            " house_credits, estimated_input, actor, note, purses)"
            " VALUES (?1, ?1, ?1, ?1, ?2, ?3, ?4, 'settle', 'answer',"
            " 'mini', 200, 0, 300, 0, 'provider', 500, NULL, 0, 0, 200, '', '', '')",
            (
                (
                    number + 1,
                    MORNING - 30 * DAY + number * 30 * DAY // entries,
                    members[number % len(members)][0],
                    ";".join(
                        f"{3 * (number % len(members)) + place + 1},0,{1 if place == 2 else 500},0"
                        for place in range(3)
                    ),
                )
                for number in range(entries)
            ),
        )
        db.execute(
            "UPDATE meta SET next_account = ?, next_hold = ?, next_entry = ?",
            (3 * len(members) + 1, entries + 1, entries + 1),
        )
        db.execute("COMMIT")


async def drive(turn: Turn, members: int, tasks: int, seconds: float) -> Figure:
    """So many members ask at the same time, each again when it was answered."""
    chance, took = Random(tasks), []
    numbers = iter(range(time.time_ns(), 1 << 63))
    clock = time.perf_counter
    end = clock() + seconds

    async def ask_again_and_again() -> None:
        while (began := clock()) < end:
            await turn(chance.randrange(members), next(numbers))
            took.append(clock() - began)

    began, cpu = clock(), time.process_time()
    await asyncio.gather(*(ask_again_and_again() for _ in range(tasks)))
    passed, cpu = clock() - began, time.process_time() - cpu
    took.sort()
    return Figure(
        len(took) / passed,
        cpu / len(took) * 1e6,
        took[len(took) // 2] * 1e3,
        took[len(took) * 99 // 100] * 1e3,
    )


def drive_raw(raw: Raw, members: int, seconds: float) -> Figure:
    clock = time.perf_counter
    began, cpu = clock(), time.process_time()
    done = raw.run(members, lambda: clock() - began < seconds)
    passed, cpu = clock() - began, time.process_time() - cpu
    return Figure(done / passed, cpu / done * 1e6)


async def drive_books(
    path: Path,
    members: list[tuple[str, tuple[Bound, ...]]],
    synchronous: str,
    tasks: int,
    seconds: float,
) -> Figure:
    mode = "NORMAL" if synchronous == "NORMAL" else "FULL"
    store = await SqliteStore.open(path, now=MORNING, synchronous=mode, quick_check=False)  # type: ignore[arg-type]
    try:
        bench = Bench(store, members)
        writer = store.writer
        assert isinstance(writer, Writer)
        await writer.ask(lambda _: settle_in(writer.desk.db))
        await drive(bench.turn, len(members), tasks, 0.1)
        return await drive(bench.turn, len(members), tasks, seconds)
    finally:
        await store.close()


async def drive_other(
    kind: type[Shared | Grouped], path: Path, members: int, synchronous: str, tasks: int
) -> Figure:
    other = await kind.open(path, synchronous)
    try:
        await drive(other.turn, members, tasks, 0.1)
        return await drive(other.turn, members, tasks, SECONDS)
    finally:
        await other.close()


def syncs(folder: Path) -> float:
    """How many times a second this disk makes 4 KiB last."""
    file = os.open(folder / "sync", os.O_RDWR | os.O_CREAT)
    page, done, began = bytes(4096), 0, time.perf_counter()
    while time.perf_counter() - began < 0.2:
        os.pwrite(file, page, 0)
        os.fdatasync(file)
        done += 1
    os.close(file)
    return done / (time.perf_counter() - began)


async def make_books(
    path: Path, members: list[tuple[str, tuple[Bound, ...]]], entries: int
) -> None:
    await (await SqliteStore.open(path, now=MORNING)).close()
    fill_books(path, members, entries)


def told(name: str, figures: list[Figure], *anchors: tuple[str, float]) -> None:
    rate = median(f.rate for f in figures)
    ratios = "  ".join(f"{rate / anchor:5.2f} x {name}" for name, anchor in anchors)
    print(
        f"{name:28} {rate:9,.0f} turns/s  {median(f.cpu_us for f in figures):6.1f} us cpu"
        f"  p50 {median(f.p50_ms for f in figures):7.3f} ms"
        f"  p99 {median(f.p99_ms for f in figures):7.3f} ms  {ratios}",
        flush=True,
    )


def rates(folder: Path) -> None:
    """Three crowds, two kinds of durability, four references; rounds take turns."""
    members, entries = people(1_000), 100_000
    plain, books = folder / "plain.db", folder / "books.db"
    fill(plain, len(members), entries)
    asyncio.run(make_books(books, members, entries))
    found: dict[tuple[str, str, int], list[Figure]] = defaultdict(list)
    fsyncs = []
    for _ in range(ROUNDS):
        for mode in ("NORMAL", "FULL"):
            fsyncs.append(syncs(folder))
            for turns in (1, 16, 256):
                raw = drive_raw(Raw(plain, mode, turns), len(members), SECONDS)
                found[mode, "raw", turns].append(raw)
            for tasks in (1, 32, 256):
                for name, kind in (("plain aiosqlite", Shared), ("sketch", Grouped)):
                    other = asyncio.run(drive_other(kind, plain, len(members), mode, tasks))
                    found[mode, name, tasks].append(other)
                figure = asyncio.run(drive_books(books, members, mode, tasks, SECONDS))
                found[mode, "books", tasks].append(figure)
    print(f"fdatasync of 4 KiB: {median(fsyncs):,.0f}/s ({min(fsyncs):,.0f}-{max(fsyncs):,.0f})")
    for mode in ("NORMAL", "FULL"):
        rate = {k: median(f.rate for f in v) for k, v in found.items()}
        two, batch = rate[mode, "raw", 1], rate[mode, "raw", 256]
        print(f"-- synchronous {mode}")
        told("raw, two tx per turn", found[mode, "raw", 1])
        # 32 that all wait for the same commit can put no more than 16 turns into one.
        told("raw, 16 turns per tx", found[mode, "raw", 16], ("raw 256", batch))
        told("raw, 256 turns per tx", found[mode, "raw", 256])
        for tasks in (1, 32, 256):
            anchors = [("raw two", two), ("raw 256", batch)]
            for name in ("plain aiosqlite", "sketch"):
                told(f"{name}, {tasks} tasks", found[mode, name, tasks], *anchors[:2])
                anchors.append((name.split()[0], rate[mode, name, tasks]))
            if mode == "FULL":
                anchors.append(("NORMAL", rate["NORMAL", "books", tasks]))
            told(f"books, {tasks} tasks", found[mode, "books", tasks], *anchors)


def growth(folder: Path) -> None:
    """Whether a turn costs more as the ledger and the community grow."""
    for label, sizes in (
        ("entries", [(1_000, 10**4), (1_000, 10**5), (1_000, 10**6)]),
        ("members", [(10, 10**5), (1_000, 10**5), (100_000, 10**5)]),
    ):
        paths = {}
        for members, entries in sizes:
            path = folder / f"{label}-{members}-{entries}.db"
            asyncio.run(make_books(path, people(members), entries))
            paths[path] = people(members)
        found: dict[Path, list[Figure]] = defaultdict(list)
        for _ in range(ROUNDS):
            for path, crowd in paths.items():
                figure = asyncio.run(drive_books(path, crowd, "NORMAL", 32, 2 * SECONDS))
                found[path].append(figure)
        base = median(f.cpu_us for f in found[next(iter(paths))])
        for path, figures in found.items():
            told(path.stem, figures)
            print(f"{'':28} cpu {median(f.cpu_us for f in figures) / base:.2f} x the smallest")
            path.unlink()


def main(parts: list[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="books-bench-") as folder:
        if not parts or parts[0] in {"rates", "all"}:
            rates(Path(folder))
        if parts and parts[0] in {"growth", "all"}:
            growth(Path(folder))


if __name__ == "__main__":
    main(sys.argv[1:])
