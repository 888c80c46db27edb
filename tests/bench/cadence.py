"""Goal 11 by its own definition, on a virtual clock: `python -m tests.bench.cadence`.

One channel, which takes an edit in a second: N answers begin together, each at 25, 50 or 100
tokens a second for six to twenty seconds, the same ones for every run of the same N. Each tick each
answer that still grows is looked at.

unseen  what is not on the screen of one answer, on average over all looks, times N; beside
        (sum of the roots of all rates)^2 / 2R, the least that N answers without an end would have.
        Towards the end fewer grow than N, so a figure below 1 is no mistake: the goal has it so.
lag     from the last token until the end is written, in seconds
most    the most writes of one kind within five seconds: the platform takes five

`tests.bench.edits goal` plays the same answers through the whole bot. Exit 1: a bar is missed.
"""

import asyncio
import random
import sys
from dataclasses import dataclass, field
from math import sqrt
from statistics import fmean
from typing import NamedTuple

from bot.pacing import Pacer
from tests.fakes import SECOND, FakeClock, let_run

SIZES = (1, 2, 5, 10)
TICK_MS = 20
UNSEEN_MOST, LAG_MOST_S = 1.15, 1.1
SLOT_MS, BURST = 1_000, 5


class Growing(NamedTuple):
    """One answer: so many tokens a second, for so long."""

    rate: int
    lasts_s: float

    def said(self, now_s: float) -> float:
        """How many tokens there are by then."""
        return self.rate * min(now_s, self.lasts_s)


def scenario(size: int) -> list[Growing]:
    """The answers that the goal was set with."""
    chance = random.Random(size)
    rates = [chance.choice([25, 50, 100]) for _ in range(size)]
    return [Growing(rate, chance.uniform(6, 20)) for rate in rates]


def optimum(answers: list[Growing]) -> float:
    """The least unseen text with one edit a second."""
    return sum(sqrt(answer.rate) for answer in answers) ** 2 / 2


@dataclass
class Shown:
    """One answer on its way through the pacers of a channel."""

    growing: Growing
    clock: FakeClock
    posts: Pacer
    edits: Pacer
    said: float = 0.0
    shown: float = 0.0
    writes: list[tuple[str, int]] = field(default_factory=list)
    end: asyncio.Task[None] | None = None
    whole_at: int = 0

    def __post_init__(self) -> None:
        """Its first word is a new message."""
        self.paced = self.posts.open(self.write)

    async def write(self) -> bool:
        """One call: all there is so far is on the screen then."""
        self.writes.append(("edit" if self.writes else "post", self.clock.now()))
        self.shown = self.said
        self.paced.move(self.edits)
        return True

    def grow(self, now_s: float) -> None:
        """What has come by now, and the end when it is time."""
        more = self.growing.said(now_s) - self.said
        if more > 0:
            self.said += more
            self.paced.grew(round(more * 1_000))
        if now_s >= self.growing.lasts_s and self.end is None:
            self.end = asyncio.create_task(self._finish())

    async def _finish(self) -> None:
        await self.paced.finish()
        self.whole_at = self.clock.now()


class Found(NamedTuple):
    """What one run has shown."""

    ratio: float
    lags_s: list[float]
    most: int

    @property
    def fits(self) -> bool:
        """Whether the goal is met."""
        return self.ratio <= UNSEEN_MOST and fmean(self.lags_s) <= LAG_MOST_S and self.most <= BURST


async def played(size: int, tick_ms: int = TICK_MS) -> Found:
    """All answers of a scenario from beginning to end."""
    clock, answers = FakeClock(), scenario(size)
    posts = Pacer(clock, SLOT_MS, BURST, at_once=True)
    edits = Pacer(clock, SLOT_MS, BURST)
    began = clock.now()
    screens = [Shown(answer, clock, posts, edits) for answer in answers]
    unseen: list[float] = []
    while any(screen.end is None or not screen.end.done() for screen in screens):
        now_s = (clock.now() - began) / SECOND
        for screen in screens:
            screen.grow(now_s)
        await let_run()
        growing = [screen for screen in screens if screen.end is None]
        unseen += [screen.said - screen.shown for screen in growing]
        await clock.run_for(tick_ms)
    lags_s = [(s.whole_at - began) / SECOND - s.growing.lasts_s for s in screens]
    ratio = fmean(unseen) * size / optimum(answers)
    return Found(ratio, lags_s, max(_most(screens, "post"), _most(screens, "edit")))


def _most(screens: list[Shown], kind: str) -> int:
    times = sorted(when for screen in screens for made, when in screen.writes if made == kind)
    return max((sum(t <= u < t + 5 * SECOND for u in times) for t in times), default=0)


def main() -> int:
    """Print a row for each size."""
    fits = True
    for size in SIZES:
        found = asyncio.run(played(size))
        fits = fits and found.fits
        lag, worst = fmean(found.lags_s), max(found.lags_s)
        sys.stdout.write(
            f"N={size:<3} unseen {found.ratio:4.2f} of the optimum   "
            f"lag mean {lag:4.2f} max {worst:4.2f}   most {found.most}\n"
        )
    return 0 if fits else 1


if __name__ == "__main__":
    sys.exit(main())
