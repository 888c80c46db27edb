"""Two hundred members share a day, and one of them never stops asking.

The bot is built as the door builds it, with its own books and tokenizer, and driven through the
console as programs do it; only the model and the clock are stand-ins.
"""

import asyncio
import heapq
import json
import os
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any

from adapters.console import chat_json
from bot.bot import Bot
from bot.config import load
from bot.main import build
from tests.fakes import DAY, HOUR, MINUTE, MORNING, SECOND, FakeClock
from tests.scripted import ScriptedModel, Steps, says

Json = dict[str, Any]

SIZE, MEMBERS = 100_000, 200
HALF_A_SHARE = SIZE // MEMBERS // 2
MIDNIGHT = MORNING // DAY * DAY
KEPT_UNTIL = 18 * HOUR  # of a first period, of which no hour is known to be busier than another
CONFIG = f"""
[store]
url = "sqlite:///books.db"
[models.default]
name = "gpt-5-mini"
base_url = "offline"
output_max = 700
[limits]
expected_members = {MEMBERS}
shared.space = "{SIZE} tokens/day fair"
"""


class Console:
    """A program at the console: one line in, the end of it out."""

    def __init__(self, bot: Bot) -> None:
        source, sink = os.pipe()
        self._bots_input, self._input = os.fdopen(source, "rb", 0), os.fdopen(sink, "wb", 0)
        source, sink = os.pipe()
        self._output, self._bots_output = os.fdopen(source, "rb", 0), os.fdopen(sink, "wb", 0)
        self._lines = asyncio.StreamReader(limit=1 << 20)
        self._number = 0
        self._work = asyncio.create_task(chat_json(bot, self._bots_input, self._bots_output))

    @classmethod
    @asynccontextmanager
    async def at(cls, bot: Bot) -> AsyncIterator["Console"]:
        console = cls(bot)
        loop = asyncio.get_running_loop()
        protocol = asyncio.StreamReaderProtocol(console._lines)
        reading, _ = await loop.connect_read_pipe(lambda: protocol, console._output)
        try:
            yield console
        finally:
            console._input.close()
            await console._work
            reading.close()
            console._bots_output.close()
            console._bots_input.close()

    async def say(self, member: str, text: str) -> Json:
        self._number += 1
        line = {"id": f"e{self._number}", "member": member, "text": text, "thread": text}
        self._input.write(json.dumps(line).encode() + b"\n")
        while True:
            end: Json = json.loads(await self._lines.readline())
            if end.get("event") != "delta":
                assert end["id"] == line["id"]
                return end

    async def pool(self, member: str) -> Json:
        """How a member stands in the pool."""
        balance: Json = (await self.say(member, "/quota"))["balances"][-1]
        return balance


class Day:
    """Who asks when: the grabber again and again, the others once or twice before keeping ends."""

    def __init__(self, chance: Random) -> None:
        self.asks: list[tuple[int, str]] = [(0, "grabber")]
        for number in range(1, MEMBERS):
            for _ in range(chance.choice([1, 2])):
                self.asks.append((chance.randrange(KEPT_UNTIL), f"member{number}"))
        heapq.heapify(self.asks)
        self.times = Counter(name for _, name in self.asks)
        self.answered: Counter[str] = Counter()
        self.used: Counter[str] = Counter()

    async def play(self, console: Console, model: ScriptedModel, clock: FakeClock) -> None:
        while self.asks:
            at, name = heapq.heappop(self.asks)
            if at >= DAY:
                continue
            clock.advance(MIDNIGHT + at - clock.now())
            if name == "grabber":
                model.usual = says(600)
                wait = await self.ask(console, name, SECOND, 20 * SECOND)
                heapq.heappush(self.asks, (at + wait, name))
            else:
                model.usual = says(HALF_A_SHARE // self.times[name] - 30)
                await self.ask(console, name, 0, 0)

    async def ask(self, console: Console, name: str, after: int, refused: int) -> int:
        """One ask, and how long until this member asks again."""
        kept = (await console.pool(name))["kept"] if name != "grabber" else 0
        end = await console.say(name, f"question {self.answered[name]}")
        if end["event"] == "answer":
            self.answered[name] += 1
            self.used[name] += end["tokens"]["input"] + end["tokens"]["output"]
            return after
        assert end["reason"] in {"pool_used", "busy"}, end
        assert end["needed"] > kept, f"{name} was refused what was kept"
        assert name == "grabber", f"{name} was refused: {end}"
        return refused


async def test_two_hundred_members_share_a_day_with_one_who_never_stops(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(CONFIG, encoding="utf-8")
    clock, model = FakeClock(MIDNIGHT), ScriptedModel(Steps())
    bot = await build(load(path, {}), clock=clock, chat_models={"default": model})
    try:
        async with Console.at(bot) as console:
            day = Day(Random(7))
            await day.play(console, model, clock)
            for name, times in day.times.items():
                assert name == "grabber" or day.answered[name] == times
                assert name == "grabber" or day.used[name] <= HALF_A_SHARE
            stands = await console.pool("grabber")
            assert stands["used"] == sum(day.used.values()) <= SIZE
            assert stands["used"] >= SIZE * 97 // 100
            assert await bot.quotas.store.verify() == []
            clock.advance(MIDNIGHT + DAY + MINUTE - clock.now())
            assert (await console.pool("grabber"))["used"] == 0
    finally:
        await bot.close()
