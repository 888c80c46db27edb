"""How soon people see what a model has said on Discord: `python -m tests.bench.edits`.

The whole bot, the real discord.py, and a Discord of loopback with the rates of the real one: ten
answers that grow in one channel, then a hundred channels with one each, in real time.

`goal`      the answers that goal 11 was set with (tests/bench/cadence.py), beginning together;
            "least" is what the goal calls the optimum: all of them, for all the time
`channel`   ten answers of random length and speed, so their ends come as they come
`bot`       as many as a hundred, in a channel each

unseen  text that is not on the screen yet, on average, beside the least that is possible: with
        rates r and R edits in a second, (sum of the roots of r)^2 / 2R, and no answer more often
        than its channel takes. The end of each answer takes an edit that shows nothing of the
        others, so R is what the ends leave; the second figure is with R in full.
lag     from the last word of the model until the whole answer is on the screen, in seconds
first   from the first word of the model until there is something to read, on average
429     how often Discord had to say that it is too much

Exit 1: a bar is missed. SEED in the environment chooses other answers.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from math import sqrt
from pathlib import Path
from random import Random
from statistics import fmean, median, quantiles
from typing import NamedTuple

from adapters.discord import platform
from bot.config import load
from bot.main import build
from bot.ports import Finished, ModelCall, ModelEvent, TextDelta
from quota.clock import SystemClock
from tests.bench.cadence import SIZES, optimum, scenario
from tests.discord_kit import CONFIG
from tests.servers.discord import Channel, Discord, Message

SEED = int(os.environ.get("SEED", "1"))
TICK_S = 0.05
LOOK_S = 0.02
# A channel takes one edit a second; the whole bot fifty, of which the throttle uses 45.
CHANNEL_R, BOT_R = 1.0, 1_000 / 22
UNSEEN_MOST, LAG_MORE_S = 1.15, 0.1
SETTLED_S = 8.0
APART_S = 4.0


@dataclass
class Stream:
    """One answer: its speed, how much there will be, how much there is, and when it was whole."""

    name: str
    rate: float
    chars: int
    said: int = 0
    began_at: float = 0.0
    ended_at: float = 0.0
    whole_at: float = 0.0
    read_at: float = 0.0
    asked: Message | None = None
    answer: Message | None = None

    @property
    def shown(self) -> int:
        """How much of it can be read."""
        return self.answer.content.count("x") if self.answer is not None else 0

    @property
    def grows(self) -> bool:
        """Whether the model has begun, and has not ended."""
        return bool(self.began_at) and not self.ended_at


class Speaking:
    """A ChatModel that says as much as each stream wants, as fast as it wants."""

    def __init__(self, streams: Mapping[str, Stream]) -> None:
        self._streams = streams

    @asynccontextmanager
    async def stream(self, call: ModelCall) -> AsyncIterator[AsyncIterator[ModelEvent]]:
        said = str(call.messages[-1].content)
        yield self._events(self._streams[said.rsplit(maxsplit=1)[-1]])

    async def _events(self, stream: Stream) -> AsyncIterator[ModelEvent]:
        stream.began_at = time.monotonic()
        while stream.said < stream.chars:
            due = int((time.monotonic() - stream.began_at) * stream.rate)
            if due > stream.said:
                more = min(due, stream.chars) - stream.said
                stream.said += more
                yield TextDelta("x" * more)
            await asyncio.sleep(TICK_S)
        stream.ended_at = time.monotonic()
        yield Finished("stop")

    async def close(self) -> None:
        """Nothing is open."""


class Figures(NamedTuple):
    """What one run has shown."""

    unseen: float
    least: float
    in_full: float
    lags: list[float]
    firsts: list[float]
    too_many: int


Watched = Callable[[Discord, list[Stream]], Awaitable[Figures]]


def at_random(size: int) -> list[Stream]:
    """So many answers of random length and speed."""
    chance = Random(SEED)
    return [
        Stream(f"s{n}", chance.uniform(20, 70), chance.randrange(500, 1_800)) for n in range(size)
    ]


def of_the_goal(size: int) -> list[Stream]:
    """Those of goal 11, of as many letters as it has tokens."""
    return [
        Stream(f"s{n}", answer.rate, int(answer.said(answer.lasts_s)))
        for n, answer in enumerate(scenario(size))
    ]


async def measured(streams: list[Stream], watched: Watched) -> Figures:
    """The whole bot, from its start to its end."""
    with tempfile.TemporaryDirectory() as folder:
        async with Discord() as discord:
            text = CONFIG.format(
                api_base=discord.api_base, gateway=discord.gateway, limits="[]", discord="", more=""
            )
            path = Path(folder) / "config.toml"
            path.write_text(text, encoding="utf-8")
            environ = {"DISCORD_TOKEN": discord.token, "MODEL_KEY": "k"}
            models = {"default": Speaking({stream.name: stream for stream in streams})}
            with discord.known_to_discord_py():
                bot = await build(load(path, environ), clock=SystemClock(), chat_models=models)
                work = asyncio.create_task(platform.run(bot))
                try:
                    return await watched(discord, streams)
                finally:
                    work.cancel()
                    with suppress(asyncio.CancelledError):
                        await work
                    await bot.close()


async def _asked(
    discord: Discord, streams: list[Stream], channels: int, apart_s: float
) -> list[Channel]:
    """Somebody asks for each answer; the channels."""
    guild = discord.guild("Busy")
    await discord.connected()
    places = [guild.channel(f"c{n}") for n in range(channels)]
    members = [guild.member(stream.name) for stream in streams]
    chance = Random(SEED + 1)
    for n, stream in enumerate(streams):
        await asyncio.sleep(chance.uniform(0, apart_s / len(streams)))
        stream.asked = await members[n].says(places[n % channels], f"@bot say {stream.name}")
    return places


async def watch_many(
    discord: Discord, streams: list[Stream], *, channels: int, edits: float
) -> Figures:
    """Answers that come as they come, from when the first rush is over."""
    # People do not ask in the same moment.
    places = await _asked(discord, streams, channels, APART_S)
    begun = time.monotonic() + SETTLED_S
    unseen: list[float] = []
    rates: list[list[float]] = []
    until = begun
    while not all(stream.whole_at for stream in streams):
        await asyncio.sleep(LOOK_S)
        now = time.monotonic()
        _look(streams, places, now)
        growing = [stream for stream in streams if stream.grows]
        if growing and now > begun:
            until = now
            unseen.append(sum(stream.said - stream.shown for stream in growing))
            rates.append([stream.rate for stream in growing])
    ends = sum(begun < stream.whole_at < until for stream in streams) / (until - begun)
    often = CHANNEL_R if channels > 1 else edits
    left = fmean(least(each, edits - ends, often) for each in rates)
    in_full = fmean(least(each, edits, often) for each in rates)
    return _found(fmean(unseen), left, in_full, streams, discord)


async def watch_goal(discord: Discord, streams: list[Stream]) -> Figures:
    """Answers that begin together, from their first word on: each look at each is one figure."""
    places = await _asked(discord, streams, 1, 0)
    unseen: list[int] = []
    while not all(stream.whole_at for stream in streams):
        await asyncio.sleep(LOOK_S)
        _look(streams, places, time.monotonic())
        unseen += [stream.said - stream.shown for stream in streams if stream.grows]
    best = optimum(scenario(len(streams)))
    return _found(fmean(unseen) * len(streams), best, best, streams, discord)


def _found(
    unseen: float, left: float, in_full: float, streams: list[Stream], discord: Discord
) -> Figures:
    lags = [stream.whole_at - stream.ended_at for stream in streams]
    firsts = [stream.read_at - stream.began_at for stream in streams]
    return Figures(unseen, left, in_full, lags, firsts, len(discord.books.too_many))


def least(rates: list[float], edits: float, often: float) -> float:
    """The least unseen text with so many edits a second, of one answer at most `often`."""
    free, left, total = sorted(rates, reverse=True), edits, 0.0
    while free and sqrt(free[0]) / sum(map(sqrt, free)) * left > often:
        # This one would be shown more often than its channel takes.
        total += free.pop(0) / 2 / often
        left -= often
    return total + (sum(map(sqrt, free)) ** 2 / 2 / left if free else 0)


def _look(streams: list[Stream], places: list[Channel], now: float) -> None:
    """Find the answers that are there, and those that are whole."""
    waiting = {stream.asked: stream for stream in streams if stream.answer is None}
    for place in places if waiting else ():
        for message in place.from_bot():
            if message.reference in waiting:
                waiting[message.reference].answer = message
    for stream in streams:
        if stream.shown and not stream.read_at:
            stream.read_at = now
        if stream.answer is None or stream.whole_at or not stream.ended_at:
            continue
        if stream.shown == stream.chars and "Stop" not in stream.answer.buttons:
            stream.whole_at = now


def row(name: str, found: Figures) -> str:
    """The figures of one run."""
    ratio, mean = found.unseen / found.least, fmean(found.lags)
    in_full = found.unseen / found.in_full
    p95 = quantiles(found.lags * 2, n=20, method="inclusive")[-1]
    return (
        f"{name:<16} unseen {found.unseen:7.0f} of {found.least:6.0f} "
        f"= {ratio:4.2f} ({in_full:4.2f})   "
        f"lag mean {mean:4.2f} median {median(found.lags):4.2f} p95 {p95:4.2f} "
        f"max {max(found.lags):4.2f}   first {fmean(found.firsts):4.2f}   429 {found.too_many}\n"
    )


def _told(name: str, found: Figures) -> bool:
    """Print a row; whether all bars are met."""
    sys.stdout.write(row(name, found))
    sys.stdout.flush()
    ratio, mean = found.unseen / found.least, fmean(found.lags)
    fits = ratio <= UNSEEN_MOST and mean <= 1 / CHANNEL_R + LAG_MORE_S
    return fits and found.too_many == 0


def main() -> int:
    """Run both."""
    wanted = sys.argv[1:] or ["goal", "channel", "bot"]
    fits = True
    if "goal" in wanted:
        for size in SIZES:
            found = asyncio.run(measured(of_the_goal(size), watch_goal))
            fits = _told(f"goal N={size}", found) and fits
    if "channel" in wanted:
        watch = partial(watch_many, channels=1, edits=CHANNEL_R)
        fits = _told("10 in a channel", asyncio.run(measured(at_random(10), watch))) and fits
    if "bot" in wanted:
        watch = partial(watch_many, channels=100, edits=BOT_R)
        fits = _told("100 channels", asyncio.run(measured(at_random(100), watch))) and fits
    return 0 if fits else 1


if __name__ == "__main__":
    sys.exit(main())
