"""What a fair pool costs beside one that is first come: `python -m tests.bench.pools`.

A reserve and a settle upon the SQLite books under two own limits and one shared pool, by 10 and by
100,000 members, one at a time and many together. ROUNDS and SECONDS in the environment change the
length. Only ratios of one run mean anything.
"""

import asyncio
import itertools
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from statistics import median
from typing import NamedTuple

from adapters.sqlite import SqliteStore
from quota.accounting import Estimate
from quota.limits import Bound
from quota.store import ReserveRequest, SettleRequest
from quota.units import Usage
from quota.verdicts import Granted
from tests.fakes import HOUR, MORNING, policy, requester

ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = float(os.environ.get("SECONDS", "2"))
CROWDS = (10, 100_000)
AT_ONCE = (1, 32)
OWN = ("everyone: 1000000M tokens/hour", "everyone: 1000000M tokens/day")
NOW = MORNING + 2 * HOUR
People = list[tuple[str, tuple[Bound, ...]]]


class Figure(NamedTuple):
    """One run: CPU microseconds of a reserve and of a settle, turns per second."""

    reserve_us: float
    settle_us: float
    rate: float


def people(count: int, how: str) -> People:
    """Wallets with the limits that bind them."""
    limits = policy(*OWN, f"space: 2000M tokens/day {how}")
    limits = replace(limits, expected_members=count)
    found = []
    for number in range(count):
        who = requester(f"member{number}")
        found.append((who.member.wallet, limits.binding(who, ("mini",))))
    return found


class Bench:
    """Turns upon a store, so many at once: first all reserve, then all settle."""

    def __init__(self, store: SqliteStore, crowd: People) -> None:
        self.store = store
        self.crowd = crowd
        self.numbers = itertools.count(time.time_ns())
        self.spent = [0, 0]
        self.turns = 0

    async def reserve(self, member: int) -> Granted:
        wallet, bounds = self.crowd[member]
        event = f"e{next(self.numbers)}"
        estimate = Estimate(200, 500, 64)
        ask = ReserveRequest(
            event, "", wallet, "console:console", "mini", bounds, estimate, 900_000, 256
        )
        granted = await self.store.reserve(ask, NOW)
        assert isinstance(granted, Granted), granted
        return granted

    async def settle(self, member: int, granted: Granted) -> None:
        used = Usage(200, 0, 300, 0)
        bounds = self.crowd[member][1]
        ask = SettleRequest(granted.hold_id, used, "provider", bounds, (75, 90))
        await self.store.settle(ask, NOW)

    async def turn(self, members: Sequence[int]) -> None:
        began = time.process_time_ns()
        held = await asyncio.gather(*map(self.reserve, members))
        between = time.process_time_ns()
        await asyncio.gather(*map(self.settle, members, held))
        self.spent[0] += between - began
        self.spent[1] += time.process_time_ns() - between
        self.turns += len(members)


async def fill(path: Path, crowd: People) -> None:
    """Everybody has asked once today."""
    store = await SqliteStore.open(path, now=NOW, synchronous="NORMAL")
    bench = Bench(store, crowd)
    for first in range(0, len(crowd), 500):
        await bench.turn(range(first, min(first + 500, len(crowd))))
    await store.close()


async def run(path: Path, crowd: People, at_once: int, chance: Random) -> Figure:
    store = await SqliteStore.open(path, now=NOW, synchronous="NORMAL", quick_check=False)
    try:
        bench = Bench(store, crowd)
        began = time.perf_counter()
        while (passed := time.perf_counter() - began) < SECONDS:
            await bench.turn([chance.randrange(len(crowd)) for _ in range(at_once)])
        reserve, settle = (spent / bench.turns / 1_000 for spent in bench.spent)
        return Figure(reserve, settle, bench.turns / passed)
    finally:
        await store.close()


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="pools-bench-") as folder:
        for count in CROWDS:
            paths = {}
            for how in ("free", "fair"):
                path = paths[how] = Path(folder) / f"{how}-{count}.db"
                asyncio.run(fill(path, people(count, how)))
            for tasks in AT_ONCE:
                found: dict[str, list[Figure]] = defaultdict(list)
                for round_ in range(ROUNDS):
                    for how, path in paths.items():
                        figure = run(path, people(count, how), tasks, Random(f"{tasks} {round_}"))
                        found[how].append(asyncio.run(figure))
                tell(count, tasks, found)


def tell(count: int, at_once: int, found: dict[str, list[Figure]]) -> None:
    """The least of all rounds: whatever else runs on a machine only adds to them."""
    least = {how: [min(f[n] for f in figures) for n in (0, 1)] for how, figures in found.items()}
    for how, (reserve, settle) in least.items():
        rate = median(figure.rate for figure in found[how])
        print(
            f"{count:>7,} members, {at_once:>2} at once, {how}: reserve {reserve:6.1f} us cpu"
            f"  settle {settle:6.1f} us cpu  {rate:7,.0f} turns/s"
        )
    ratios = [fair / free for fair, free in zip(least["fair"], least["free"], strict=True)]
    print(f"{'':>29}fair / free: reserve {ratios[0]:.2f}  settle {ratios[1]:.2f}", flush=True)


if __name__ == "__main__":
    main()
