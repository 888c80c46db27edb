"""Made-up communities that share a pool: who asks when, and for how much.

No real traces were at hand. Rates fall off like Zipf's, each member's day varies by a gamma
factor, turns are log-normal and come in bursts of up to four, three time zones have their
evening peaks, and the pool's day is the day of UTC. A few worlds add somebody special on top:
a grabber at midnight, colluders, late risers, a crowd in the afternoon.
"""

import math
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import NamedTuple

HOUR_S = 3_600
DAY_S = 24 * HOUR_S
MINUTE_S = 60

TURN_MEAN = 1_330
OUTPUT_CAP = 2_400
OUTPUT_FLOOR = 64
ZONES = ((0, 50), (-6, 30), (8, 20))  # hours ahead of UTC, percent of the members
# How busy each local hour is: the small hours are quiet, the evening is the peak.
HOURS = (3, 2, 1, 1, 1, 1, 2, 4, 6, 7, 8, 8, 9, 9, 8, 8, 9, 11, 14, 16, 17, 15, 10, 6)


class Turn(NamedTuple):
    """One ask: when (seconds of the day), whose, the tokens of its prompt and its full answer."""

    at: float
    member: int
    prompt: int
    answer: int

    @property
    def tokens(self) -> int:
        return self.prompt + self.answer

    @property
    def need(self) -> int:
        return self.prompt + min(self.answer, OUTPUT_FLOOR)

    @property
    def want(self) -> int:
        return self.prompt + max(self.answer, OUTPUT_CAP)


@dataclass(frozen=True)
class World:
    """A community, how much it asks for beside its pool, and what is special about it.

    `load` is the mean of what is asked for in a day over the size of the pool; `past_load` the
    same on the days before. `extra` names who comes on top on a measured day; each brings the
    tokens of `extra_load` pools, all of them together. A small world is played several `runs`.
    """

    name: str
    members: int = 800
    size: int = 2_000_000
    load: float = 2.0
    past_load: float | None = None
    past_members: int | None = None
    history: int = 5
    measured: int = 4
    heavy_roles: bool = False
    extra: str = ""
    extra_load: float = 0.0
    guess: int = 0
    runs: int = 1

    @property
    def everyone(self) -> int:
        """How many there are with those who come on top."""
        return max(self.members, self.past_members or 0) + EXTRAS.get(self.extra, Extra(0)).people

    def weight(self, member: int) -> int:
        """One in five has a role that weighs three."""
        return 3 if self.heavy_roles and member % 5 == 0 else 1


class Extra(NamedTuple):
    """Who comes on top: so many people, within these hours, without pause or like anybody."""

    people: int
    from_hour: float = 0
    to_hour: float = 24
    large: bool = False


EXTRAS = {
    "heavy": Extra(1, 0, 1, large=True),
    "colluders": Extra(50, 0, 2, large=True),
    "late": Extra(100, 20, 23.9),
    "crowd": Extra(600, 15, 23.9),
}


def day_of(world: World, seed: int, day: int) -> list[Turn]:
    """All turns of one day, in order; days before `history` are the past."""
    rng = Random(f"{world.name}/{seed}/{day}")
    past = day < world.history
    members = world.past_members if past and world.past_members else world.members
    load = world.past_load if past and world.past_load is not None else world.load
    rates = _rates(world, members)
    turns: list[Turn] = []
    for member, rate in enumerate(rates):
        mean = load * world.size * rate
        wanted = rng.gammavariate(1.2, mean / 1.2)
        clock = _zone_clock(member)
        turns += _turns(rng, member, _poisson(rng, wanted / TURN_MEAN), clock)
    if world.extra and not past:
        turns += _extra_turns(world, rng)
    return sorted(turn for turn in turns if turn.at < DAY_S)


def _rates(world: World, members: int) -> list[float]:
    """Each member's part of all that is asked for; the ranks are dealt out once and for all."""
    weights = [1 / (rank + 1 + members / 20) for rank in range(members)]
    Random(f"{world.name}/{members}").shuffle(weights)
    weights = [rate * world.weight(member) for member, rate in enumerate(weights)]
    whole = sum(weights)
    return [rate / whole for rate in weights]


def _zone_clock(member: int) -> list[int]:
    """How busy each hour of UTC is for a member."""
    place = member * 37 % 100
    ahead, below = 0, 0
    for hours, percent in ZONES:
        ahead, below = hours, below + percent
        if place < below:
            break
    return [HOURS[(hour + ahead) % 24] for hour in range(24)]


def _turns(rng: Random, member: int, count: int, clock: Sequence[int]) -> list[Turn]:
    """So many turns in bursts of up to four, spread over the day as a clock says."""
    turns = []
    edges = list(accumulate(clock))
    while count > 0:
        at = (bisect(edges, rng.random() * edges[-1]) + rng.random()) * HOUR_S
        for _ in range(min(count, 4)):
            turns.append(_turn(rng, at, member))
            at += 40 + rng.expovariate(1 / (2 * MINUTE_S))
        count -= 4
    return turns


def _turn(rng: Random, at: float, member: int, large: float = 1.0) -> Turn:
    """A log-normal turn between 200 and 8,000 tokens; about a third of it is the prompt."""
    sigma = 0.75
    mean = TURN_MEAN * large
    tokens = round(rng.lognormvariate(math.log(mean) - sigma * sigma / 2, sigma))
    tokens = min(max(tokens, 200), 8_000)
    answer = min(round(tokens * rng.uniform(0.5, 0.8)), OUTPUT_CAP)
    return Turn(at, member, tokens - answer, answer)


def _extra_turns(world: World, rng: Random) -> list[Turn]:
    who = EXTRAS[world.extra]
    first = world.everyone - who.people
    length = (who.to_hour - who.from_hour) * HOUR_S
    turns = []
    for person in range(who.people):
        tokens = world.extra_load * world.size / who.people
        if not who.large:
            tokens = rng.gammavariate(1.2, tokens / 1.2)
        while tokens > 0:
            at = who.from_hour * HOUR_S + rng.random() * length
            turn = _turn(rng, at, first + person, 3.0 if who.large else 1.0)
            turns.append(turn)
            tokens -= turn.tokens
    return turns


def _poisson(rng: Random, mean: float) -> int:
    if mean > 50:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit, count, product = math.exp(-mean), 0, rng.random()
    while product > limit:
        count += 1
        product *= rng.random()
    return count


WORLDS = (
    World("contended 2x"),
    World("mild 1.2x", load=1.2),
    World("nearly full 0.9x", load=0.9),
    World("slack 0.5x", load=0.5),
    World("5,000 members 3x", members=5_000, size=5_000_000, load=3.0),
    World("10 members 1.5x", members=10, size=200_000, load=1.5, runs=5),
    World("one member alone 1.5x", members=1, load=1.5),
    World("alone after a crowd", members=1, past_members=800, load=1.5, measured=1),
    World("heavy at 00:00, 1.3x", load=1.3, measured=1, extra="heavy", extra_load=1.0),
    World("heavy, slack day", load=0.5, measured=1, extra="heavy", extra_load=1.0),
    World("50 colluders at 00:00", load=0.9, measured=1, extra="colluders", extra_load=1.0),
    World("100 late risers", load=1.3, measured=1, extra="late", extra_load=0.3),
    World("600 join at 15:00", load=1.0, measured=1, extra="crowd", extra_load=1.5),
    World("roles 1:3, 2x", heavy_roles=True),
    World("3x after 0.5x", load=3.0, past_load=0.5, measured=1),
    World("0.6x after 3x", load=0.6, past_load=3.0, measured=1),
    World("first day, 2x", history=0, measured=1, guess=800),
    World("first day, guess /10", history=0, measured=1, guess=80),
    World("first day, guess x10", history=0, measured=1, guess=8_000),
    World("first day, 30, guess /10", 30, 100_000, 1.5, history=0, measured=1, guess=3, runs=20),
    World("first day, 30, guess x10", 30, 100_000, 1.5, history=0, measured=1, guess=300, runs=20),
)
