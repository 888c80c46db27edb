"""What a fair pool costs beside one that is first come: `python -m tests.bench.pools`.

A reserve and a settle upon the SQLite books under two own limits and one shared pool, by 10 and by
100,000 members, one at a time and many together. ROUNDS and SECONDS in the environment change the
length. Only ratios of one run mean anything.
"""

import asyncio
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from statistics import median
from typing import NamedTuple

from adapters.sqlite import SqliteStore
from adapters.sqlite.writer import Writer
from quota.accounting import Estimate
from quota.books import Books
from quota.limits import Bound
from quota.store import ReserveRequest, SettleRequest
from quota.units import Usage
from quota.verdicts import Granted, Settlement
from tests.fakes import HOUR, MORNING, policy, requester

ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = float(os.environ.get("SECONDS", "2"))
CROWDS = (10, 100_000)
TASKS = (1, 32)
OWN = ("everyone: 1000000M tokens/hour", "everyone: 1000000M tokens/day")
NOW = MORNING + 2 * HOUR
People = list[tuple[str, tuple[Bound, ...]]]


class Figure(NamedTuple):
    """One run: CPU microseconds of a reserve and of a settle on the writer, turns per second."""

    reserve_us: float
    settle_us: float
    rate: float


def people(count: int, how: str) -> People:
    """Wallets with the limits that bind them."""
    limits = policy(*OWN, f"space: {count}M tokens/day {how}")
    limits = replace(limits, expected_members=count)
    found = []
    for number in range(count):
        who = requester(f"member{number}")
        found.append((who.member.wallet, limits.binding(who, ("mini",))))
    return found


class Timed:
    """Moves upon the books, with the CPU time of their thread told apart by verb."""

    def __init__(self, store: SqliteStore, crowd: People) -> None:
        self.store = store
        self.crowd = crowd
        self.spent = {"reserve": 0, "settle": 0}
        self.turns = 0

    def timed(self, verb: str, move: Callable[[Books], object]) -> Callable[[Books], object]:
        def run(books: Books) -> object:
            began = time.thread_time_ns()
            try:
                return move(books)
            finally:
                self.spent[verb] += time.thread_time_ns() - began

        return run

    async def turn(self, member: int, number: int) -> None:
        wallet, bounds = self.crowd[member]
        estimate = Estimate(200, 500, 64)
        ask = ReserveRequest(
            f"e{number}", "", wallet, "console:console", "mini", bounds, estimate, 900_000, 256
        )
        writer = self.store.writer
        assert isinstance(writer, Writer)
        granted = await writer.ask(self.timed("reserve", lambda books: books.reserve(ask, NOW)))
        assert isinstance(granted, Granted)
        used = SettleRequest(granted.hold_id, Usage(200, 0, 300, 0), "provider", bounds, (75, 90))
        done = await writer.ask(self.timed("settle", lambda books: books.settle(used, NOW)))
        assert isinstance(done, Settlement)
        self.turns += 1


async def meet(store: SqliteStore, crowd: People) -> None:
    """Everybody has asked once today."""
    bench = Timed(store, crowd)
    for first in range(0, len(crowd), 500):
        members = range(first, min(first + 500, len(crowd)))
        await asyncio.gather(*(bench.turn(m, -1 - m) for m in members))


async def run(path: Path, crowd: People, tasks: int, numbers: Random) -> Figure:
    store = await SqliteStore.open(path, now=NOW, synchronous="NORMAL", quick_check=False)
    try:
        bench = Timed(store, crowd)
        end = time.perf_counter() + SECONDS

        async def again_and_again() -> None:
            while time.perf_counter() < end:
                await bench.turn(numbers.randrange(len(crowd)), numbers.getrandbits(62))

        cpu = time.process_time_ns()
        began = time.perf_counter()
        await asyncio.gather(*(again_and_again() for _ in range(tasks)))
        passed = time.perf_counter() - began
        whole = (time.process_time_ns() - cpu) / bench.turns / 1_000
        moves = sum(bench.spent.values()) / bench.turns / 1_000
        # What is neither (the way to the thread and back, writing) belongs to both in halves.
        rest = (whole - moves) / 2
        reserve, settle = (bench.spent[v] / bench.turns / 1_000 + rest for v in bench.spent)
        return Figure(reserve, settle, bench.turns / passed)
    finally:
        await store.close()


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="pools-bench-") as folder:
        for count in CROWDS:
            paths = {}
            for how in ("free", "fair"):
                path = paths[how] = Path(folder) / f"{how}-{count}.db"
                crowd = people(count, how)

                async def fill(path: Path, crowd: People) -> None:
                    store = await SqliteStore.open(path, now=NOW, synchronous="NORMAL")
                    await meet(store, crowd)
                    await store.close()

                asyncio.run(fill(path, crowd))
            for tasks in TASKS:
                found: dict[str, list[Figure]] = defaultdict(list)
                for round_ in range(ROUNDS):
                    for how, path in paths.items():
                        figure = run(path, people(count, how), tasks, Random(f"{tasks} {round_}"))
                        found[how].append(asyncio.run(figure))
                tell(count, tasks, found)


def tell(count: int, tasks: int, found: dict[str, list[Figure]]) -> None:
    columns = {
        how: [median(f[n] for f in figures) for n in range(3)] for how, figures in found.items()
    }
    for how, (reserve, settle, rate) in columns.items():
        print(
            f"{count:>7,} members, {tasks:>2} at once, {how}: reserve {reserve:6.1f} us cpu"
            f"  settle {settle:6.1f} us cpu  {rate:7,.0f} turns/s"
        )
    ratios = [fair / free for fair, free in zip(columns["fair"], columns["free"], strict=True)]
    print(
        f"{'':>29}fair / free: reserve {ratios[0]:.2f}  settle {ratios[1]:.2f}"
        f"  turns/s {ratios[2]:.2f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
