"""How soon people see what a model has said in Slack: `python -m tests.bench.streams`.

The whole bot, the real slack_sdk, and a Slack of loopback with the tiers of the real one, in real
time: a workspace takes 100 appends, 50 edits, 20 starts and 20 ends of streams in a minute.

`goal`      the answers that goal 11 was set with (tests/bench/cadence.py), beginning together
`streams`   ten answers of random length and speed at once
`edits`     the same where Slack has no streams, so that messages are edited
`rush`      sixty people who ask within a minute: more than can be streamed

Figures are those of tests/bench/edits.py. For a rush there is no theory, since streams and edits
are counted apart: its bar is that Slack never has to say that it is too much.

Exit 1: a bar is missed. SEED in the environment chooses other answers.
"""

import asyncio
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from statistics import fmean
from typing import Any

from adapters.slack import platform
from bot.config import load
from bot.main import build
from quota.clock import SystemClock
from tests.adapters.slack_kit import CONFIG, TOKENS, our_app
from tests.bench.cadence import SIZES, optimum, scenario
from tests.bench.edits import (
    LAG_MORE_S,
    LOOK_S,
    SEED,
    SETTLED_S,
    UNSEEN_MOST,
    Figures,
    Speaking,
    Stream,
    least,
    row,
)
from tests.servers.slack import Channel, Message, Slack, User

APPEND_R, EDIT_R = 100 / 60, 50 / 60
LIMITS = '"9M tokens/day"'
APART_S, RUSH_S = 4.0, 60.0


@dataclass
class Growing(Stream):
    """One answer in Slack."""

    question: Message | None = None
    message: Message | None = None

    @property
    def shown(self) -> int:
        """How much of it can be read."""
        return self.message.shown.count("x") if self.message is not None else 0


def at_random(size: int, chars: tuple[int, int] = (500, 1_800)) -> list[Growing]:
    """So many answers of random length and speed."""
    chance = Random(SEED)
    return [Growing(f"s{n}", chance.uniform(20, 70), chance.randrange(*chars)) for n in range(size)]


def of_the_goal(size: int) -> list[Growing]:
    """Those of goal 11, of as many letters as it has tokens."""
    return [
        Growing(f"s{n}", answer.rate, int(answer.said(answer.lasts_s)))
        for n, answer in enumerate(scenario(size))
    ]


class Scene:
    """The bot, and people who ask it."""

    def __init__(self, slack: Slack, streams: list[Growing]) -> None:
        self.slack, self.streams = slack, streams
        team = slack.team("Busy")
        self.people: list[User] = [team.user(stream.name) for stream in streams]
        # In one channel Slack takes a message a second; it is the workspace that is measured here.
        self.places: list[Channel] = [team.channel(f"c{n}") for n in range(len(streams))]

    async def asked(self, apart_s: float) -> None:
        """Everybody asks, within so long."""
        chance = Random(SEED + 1)
        for person, place, stream in zip(self.people, self.places, self.streams, strict=True):
            await asyncio.sleep(chance.uniform(0, 2 * apart_s / len(self.streams)))
            stream.question = await person.says(place, f"@bot say {stream.name}")

    def look(self, now: float) -> None:
        """Find the answers that are there, and those that are whole."""
        for stream, place in zip(self.streams, self.places, strict=True):
            if stream.message is None:
                mine = (m for m in place.messages if m.by_bot and not m.is_ephemeral)
                stream.message = next(mine, None)
            if stream.shown and not stream.read_at:
                stream.read_at = now
            if stream.message is None or stream.whole_at or not stream.ended_at:
                continue
            if stream.shown == stream.chars and "Regenerate" in str(stream.message.blocks):
                stream.whole_at = now

    async def watched(self, often: float, *, goal: bool) -> Figures:
        """From the first word to the last."""
        unseen: list[float] = []
        rates: list[list[float]] = []
        looks: list[int] = []
        began = time.monotonic()
        while not all(stream.whole_at for stream in self.streams):
            await asyncio.sleep(LOOK_S)
            self.look(time.monotonic())
            growing = [stream for stream in self.streams if stream.grows]
            looks += [stream.said - stream.shown for stream in growing]
            if growing and (goal or time.monotonic() > began + SETTLED_S):
                unseen.append(sum(stream.said - stream.shown for stream in growing))
                rates.append([stream.rate for stream in growing])
        ends = 0.0  # Where messages are edited, an end takes an edit of its own.
        if often == EDIT_R:
            ends = len(self.streams) / (time.monotonic() - began)
        left = fmean(least(each, often - ends, often) for each in rates)
        in_full = fmean(least(each, often, often) for each in rates)
        shown = fmean(unseen)
        if goal:
            shown = fmean(looks) * len(self.streams)
            left = in_full = optimum(scenario(len(self.streams))) / often
        lags = [stream.whole_at - stream.ended_at for stream in self.streams]
        firsts = [stream.read_at - stream.began_at for stream in self.streams]
        return Figures(shown, left, in_full, lags, firsts, sum(self.slack.rate_limited.values()))


async def measured(
    streams: list[Growing], often: float, *, apart_s: float, goal: bool = False
) -> Figures:
    """The whole bot, from its start to its end."""
    with tempfile.TemporaryDirectory() as folder:
        async with Slack(our_app()) as slack:
            scene = Scene(slack, streams)
            base = slack.base_url.removesuffix("/")
            text = CONFIG.format(
                limits=LIMITS, staff_cap="", tokens=TOKENS, api_base=base, slack="", more=""
            )
            path = Path(folder) / "config.toml"
            path.write_text(text, encoding="utf-8")
            token = slack.team("Busy").token
            environ = {"SLACK_BOT_TOKEN": token, "SLACK_APP_TOKEN": slack.app.app_token}
            models: dict[str, Any] = {"default": Speaking({s.name: s for s in streams})}
            bot = await build(load(path, environ), clock=SystemClock(), chat_models=models)
            if often == EDIT_R:
                slack.fail_next("chat.startStream", "unknown_method", times=len(streams))
            work = asyncio.create_task(platform.run(bot))
            try:
                await slack.watch.until(lambda: slack.sockets.opened, "it connects")
                asking = asyncio.create_task(scene.asked(apart_s))
                found = await scene.watched(often, goal=goal)
                await asking
                return found
            finally:
                work.cancel()
                await asyncio.wait((work,))
                await bot.close()


def told(name: str, found: Figures, often: float, *, bare: bool = False) -> bool:
    """Print a row; whether all bars are met."""
    sys.stdout.write(row(name, found))
    sys.stdout.flush()
    near = bare or found.unseen / found.least <= UNSEEN_MOST
    soon = bare or fmean(found.lags) <= 1 / often + LAG_MORE_S
    return near and soon and found.too_many == 0


def main() -> int:
    """Run all, or those that are named."""
    wanted = sys.argv[1:] or ["goal", "streams", "edits", "rush"]
    fits = True
    if "goal" in wanted:
        for size in SIZES:
            found = asyncio.run(measured(of_the_goal(size), APPEND_R, apart_s=0, goal=True))
            fits = told(f"goal N={size}", found, APPEND_R) and fits
    run = partial(measured, apart_s=APART_S)
    if "streams" in wanted:
        fits = told("10 streams", asyncio.run(run(at_random(10), APPEND_R)), APPEND_R) and fits
    if "edits" in wanted:
        fits = told("10 by edits", asyncio.run(run(at_random(10), EDIT_R)), EDIT_R) and fits
    if "rush" in wanted:
        rush = measured(at_random(60, (100, 600)), APPEND_R, apart_s=RUSH_S)
        fits = told("60 in a minute", asyncio.run(rush), APPEND_R, bare=True) and fits
    return 0 if fits else 1


if __name__ == "__main__":
    sys.exit(main())
