"""How fair, and how full: rules for a shared pool beside the best that anybody could have done.

`python -m tests.bench.fair [--quick] [--world WORD] [--seeds N]`; exit 1: a bar is missed.

The best is the weighted max-min division of a day by somebody who knows all of it beforehand.
util    what was served, of what the best serves
short   what members missed of what the best gives them, of all it gives
light   refused asks of members who want at most half of a fair share, in percent
asks    refused asks of everybody, in percent
jain    Jain's index over served / best
broken  promises of a share that were broken
over    moments at which more was given than there is
hints   "about so much room now": told and untrue within the hour, in percent
floor   refused asks within the floor, at any hour, in percent
Rules know only what the bot sees: who asked, for how much, and what was refused.
"""

import argparse
import heapq
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import NamedTuple, Protocol

from quota.pool import arrive, decide, hint, refuse, reserve, room, settle
from quota.pool_terms import PoolMember, PoolPeriod, PoolRule, first_period, next_period
from quota.windows import Period
from tests.bench.worlds import DAY_S, HOUR_S, MINUTE_S, WORLDS, Turn, World, day_of

DAY_MS = DAY_S * 1_000
RETRIES = 3
RETRIED = 0.6
QUICK_MEMBERS = 1_000


class Bar(NamedTuple):
    """What the fair rule must reach in a world."""

    util_least: float = 0.0
    short_most: float = 1.0
    light_most: float = 1.0
    refused_most: float = 1.0


BARS = {
    "contended 2x": Bar(util_least=0.98, short_most=0.06),
    "5,000 members 3x": Bar(short_most=0.13),
    "heavy at 00:00, 1.3x": Bar(short_most=0.07),
    "one member alone 1.5x": Bar(util_least=0.98),
    "alone after a crowd": Bar(util_least=0.98),
    "slack 0.5x": Bar(refused_most=0.0),
    "first day, guess /10": Bar(light_most=0.05),
    "first day, guess x10": Bar(light_most=0.05),
    "first day, 30, guess /10": Bar(light_most=0.05),
    "first day, 30, guess x10": Bar(light_most=0.05),
}


@dataclass
class Faults:
    """What should never happen, and how often a hint of the room was untrue."""

    broken: int = 0
    overspent: int = 0
    hints: int = 0
    hints_untrue: int = 0
    floor_asks: int = 0
    floor_refused: int = 0


class Rule(Protocol):
    """A way to divide a pool."""

    faults: Faults

    def open(self, day: int) -> None:
        """Begin a day."""

    def ask(self, member: int, need: int, want: int, at: float) -> int:
        """Grant something in [need, want], or 0."""

    def settle(self, member: int, held: int, charge: int, at: float) -> None:
        """End a hold."""


class FirstCome:
    """Whoever comes takes what is there."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.left = 0
        self.faults = Faults()

    def open(self, day: int) -> None:
        self.left = self.world.size

    def ask(self, member: int, need: int, want: int, at: float) -> int:
        grant = min(want, self.left)
        if grant < need:
            return 0
        self.left -= grant
        return grant

    def settle(self, member: int, held: int, charge: int, at: float) -> None:
        self.left += held - charge


class Split:
    """Everyone has the same part, among as many as usually come."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.left = world.size
        self.usual = world.guess or world.members
        self.seen: set[int] = set()
        self.mine: dict[int, int] = {}
        self.faults = Faults()

    def open(self, day: int) -> None:
        if self.seen:
            today = sum(map(self.world.weight, self.seen))
            self.usual = today if day == 1 else (self.usual + today) // 2
        self.left, self.seen, self.mine = self.world.size, set(), {}

    def ask(self, member: int, need: int, want: int, at: float) -> int:
        self.seen.add(member)
        share = self.world.size * self.world.weight(member) // max(1, self.usual)
        grant = min(want, self.left, share - self.mine.get(member, 0))
        if grant < need:
            return 0
        self.settle(member, 0, grant, at)
        return grant

    def settle(self, member: int, held: int, charge: int, at: float) -> None:
        self.mine[member] = self.mine.get(member, 0) - held + charge
        self.left += held - charge


class Fair:
    """The rule of quota/pool.py."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.row: PoolPeriod | None = None
        self.members: dict[int, PoolMember] = {}
        self.told: dict[int, tuple[float, int]] = {}
        self.day = 0
        self.faults = Faults()

    def open(self, day: int) -> None:
        period = Period(day * DAY_MS, (day + 1) * DAY_MS)
        rule = PoolRule(self.world.size)
        guess = self.world.guess or self.world.members
        if self.row is None:
            self.row = first_period("pool", period, rule, guess)
        else:
            self.row = next_period(self.row, period, rule, guess)
        self.members, self.told, self.day = {}, {}, day

    def ask(self, member: int, need: int, want: int, at: float) -> int:
        assert self.row is not None
        now = self._now(at)
        weight = self.world.weight(member)
        row, mine = arrive(self.row, self.members.get(member), str(member), weight, now)
        answer = decide(row, mine, need, want, now)
        if answer.grant:
            row, mine = reserve(row, mine, answer.grant, now)
        else:
            self.faults.broken += need <= mine.own and now < row.keep_until
            row, mine = refuse(row, mine, need, now)
        if mine.used + mine.held - answer.grant + need <= answer.floor:
            self.faults.floor_asks += 1
            self.faults.floor_refused += not answer.grant
        told_at, told = self.told.pop(member, (0.0, 0))
        if need <= told and at - told_at < HOUR_S:
            self.faults.hints += 1
            self.faults.hints_untrue += not answer.grant
        self._keep(row, member, mine, now)
        return answer.grant

    def settle(self, member: int, held: int, charge: int, at: float) -> None:
        assert self.row is not None
        row, mine = settle(self.row, self.members[member], held, charge)
        now = self._now(at)
        self._keep(row, member, mine, now)
        if held % 4 == 0:
            self.told[member] = at, hint(room(row, mine, now))

    def _now(self, at: float) -> int:
        return self.day * DAY_MS + min(int(at * 1_000), DAY_MS - 1)

    def _keep(self, row: PoolPeriod, member: int, mine: PoolMember, now: int) -> None:
        before = self.members.get(member)
        self.faults.broken += before is not None and mine.share < before.share
        claims = row.claims if now < row.keep_until else 0
        self.faults.overspent += row.used + row.held + claims > row.size
        self.row, self.members[member] = row, mine


@dataclass
class Figures:
    """Sums over the measured days of one rule in one world."""

    served: float = 0
    best: float = 0
    missed: float = 0
    asks: int = 0
    refused: int = 0
    light_asks: int = 0
    light_refused: int = 0
    jain: list[float] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)

    @property
    def util(self) -> float:
        return self.served / self.best

    @property
    def short(self) -> float:
        return self.missed / self.best

    @property
    def light(self) -> float:
        return self.light_refused / max(1, self.light_asks)


class Day(NamedTuple):
    """What became of one day under one rule."""

    served: dict[int, int]
    asks: list[tuple[int, bool]]


def play(rule: Rule, turns: Sequence[Turn], rng: Random) -> Day:
    """Let a day pass: asks, retries of what was refused, settlements 3 to 40 s after."""
    day = Day({}, [])
    order = count()
    coming = [(turn.at, next(order), turn, 0) for turn in turns]
    running: list[tuple[float, int, int, int, int]] = []
    while coming or running:
        if running and (not coming or running[0] < coming[0][:1]):
            at, _, member, held, charge = heapq.heappop(running)
            rule.settle(member, held, charge, at)
            continue
        at, _, turn, tries = heapq.heappop(coming)
        grant = rule.ask(turn.member, turn.need, turn.want, at)
        day.asks.append((turn.member, not grant))
        if grant:
            charge = min(turn.tokens, grant)
            day.served[turn.member] = day.served.get(turn.member, 0) + charge
            done = at + rng.uniform(3, 40)
            heapq.heappush(running, (done, next(order), turn.member, grant, charge))
        elif tries < RETRIES and rng.random() < RETRIED:
            again = at + 30 + rng.expovariate(1 / (20 * MINUTE_S))
            if again < DAY_S:
                heapq.heappush(coming, (again, next(order), turn, tries + 1))
    return day


def best_of(world: World, wanted: dict[int, int]) -> dict[int, float]:
    """The weighted max-min division by somebody who knows the whole day: water filling."""
    left = float(world.size)
    weights = sum(map(world.weight, wanted))
    best: dict[int, float] = {}
    for member in sorted(wanted, key=lambda m: wanted[m] / world.weight(m)):
        weight = world.weight(member)
        best[member] = min(wanted[member], left * weight / weights)
        left -= best[member]
        weights -= weight
    return best


def measure(figures: Figures, world: World, turns: Sequence[Turn], day: Day) -> None:
    """Compare a day with the best."""
    wanted: dict[int, int] = {}
    for turn in turns:
        wanted[turn.member] = wanted.get(turn.member, 0) + turn.tokens
    best = best_of(world, wanted)
    served = day.served
    figures.served += sum(served.values())
    figures.best += sum(best.values())
    figures.missed += sum(max(0, best[m] - served.get(m, 0)) for m in best)
    ratios = [served.get(m, 0) / best[m] for m in best if best[m]]
    figures.jain.append(sum(ratios) ** 2 / max(1e-9, len(ratios) * sum(r * r for r in ratios)))
    fair = world.size / sum(map(world.weight, wanted))
    light = {m for m in wanted if wanted[m] <= fair * world.weight(m) / 2}
    for member, refused in day.asks:
        figures.asks += 1
        figures.refused += refused
        figures.light_asks += member in light
        figures.light_refused += refused and member in light


def run(world: World, rule: Rule, seed: int, figures: Figures) -> None:
    """All days of a world under one rule; the first ones only teach."""
    for day in range(world.history + world.measured):
        turns = day_of(world, seed, day)
        rule.open(day)
        played = play(rule, turns, Random(f"{seed}/{day}"))
        if day >= world.history:
            measure(figures, world, turns, played)
    for name, number in vars(rule.faults).items():
        setattr(figures.faults, name, getattr(figures.faults, name) + number)


def missed(bar: Bar, f: Figures) -> list[str]:
    """Which bars these figures do not reach."""
    found = []
    if f.util < bar.util_least:
        found.append(f"util below {bar.util_least}")
    if f.short > bar.short_most:
        found.append(f"short above {bar.short_most}")
    if f.light > bar.light_most:
        found.append(f"light above {100 * bar.light_most:.0f} %")
    if f.refused / f.asks > bar.refused_most:
        found.append("refused without need")
    if f.faults.broken:
        found.append("promises broken")
    if f.faults.overspent:
        found.append("overspent")
    return found


RULES: dict[str, Callable[[World], Rule]] = {
    "first come": FirstCome,
    "static split": Split,
    "equal chance": Fair,
}


def percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:6.1f}" if whole else "     -"


def line(f: Figures) -> str:
    it = f.faults
    return (
        f"{f.util:6.3f} {f.short:6.3f} {percent(f.light_refused, f.light_asks)}"
        f" {percent(f.refused, f.asks)} {sum(f.jain) / len(f.jain):6.2f} {it.broken:6}"
        f" {it.overspent:4} {percent(it.hints_untrue, it.hints)}"
        f" {percent(it.floor_refused, it.floor_asks)}"
    )


def main(arguments: list[str]) -> int:
    """Play every world under every rule and print what came out."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.fair")
    parser.add_argument("--quick", action="store_true", help="one seed, no large community")
    parser.add_argument("--world", default="", help="only worlds with this word in their name")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args(arguments)
    seeds = 1 if options.quick else options.seeds
    began = time.perf_counter()
    all_missed = []
    print(f"{'':39}  util  short  light   asks   jain broken over  hints  floor")
    for world in WORLDS:
        if options.world not in world.name or (options.quick and world.members > QUICK_MEMBERS):
            continue
        for name, make in RULES.items():
            figures = Figures()
            for seed in range(1, seeds * world.runs + 1):
                run(world, make(world), seed, figures)
            bars = missed(BARS.get(world.name, Bar()), figures) if make is Fair else []
            all_missed += [f"{world.name}: {bar}" for bar in bars]
            print(f"{world.name:25} {name:13} {line(figures)}", *bars, flush=True)
    print(
        f"{time.perf_counter() - began:.0f} s;",
        "missed: " if all_missed else "every bar is reached",
    )
    print("\n".join(all_missed))
    return 1 if all_missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
