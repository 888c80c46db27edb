"""The console as tests meet it: a program at two pipes, a person's page, a real bot behind."""

import asyncio
import io
import json
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from adapters.console import chat_json
from bot.bot import Bot
from bot.config_values import BackupConfig, Config, ModelConfig
from tests import scripted

Json = dict[str, Any]


def whole(bot: scripted.Bot, path: Path | None = None) -> Bot:
    """The bot as a platform receives it; closing it gives running answers no time."""

    async def close() -> None:
        await bot.chat.close(0)

    models = tuple(
        ModelConfig(
            key=model.key,
            name=model.name,
            base_url="https://llm.test/v1",
            api_key="",
            aliases=model.aliases,
            output_max=model.output_max,
            price=None,
            first_token_ms=model.first_token_ms,
            idle_ms=model.idle_ms,
            deadline_ms=model.deadline_ms,
            output_cap_field=None,
            charge_unknown="input",
        )
        for model in bot.chat.models.all
    )
    config = Config(
        path=path,
        store_path=Path("books.db"),
        models=models,
        rules=bot.quotas.rules,
        queue_max=2,
        input_chars_max=32_000,
        note="",
        system_prompt="",
        backup=BackupConfig(None, 0),
    )
    return Bot.at(bot.desk, config, close)


class Program:
    """What drives `chat --json`: it writes lines, and remembers every line that it reads."""

    def __init__(self, bot: scripted.Bot) -> None:
        self.bot = bot
        self.heard: list[Json] = []
        self.raw = b""
        source, sink = os.pipe()
        self._bots_input = os.fdopen(source, "rb", 0)
        self.input = os.fdopen(sink, "wb", 0)
        source, sink = os.pipe()
        self._output = os.fdopen(source, "rb", 0)
        self._bots_output = os.fdopen(sink, "wb", 0)
        self._lines = asyncio.StreamReader(limit=1 << 26)
        self._reading: asyncio.ReadTransport | None = None
        self.work = asyncio.create_task(
            chat_json(whole(bot), self._bots_input, self._bots_output), name="chat --json"
        )
        # As at the end of a process: who reads is told that nothing more will come.
        self.work.add_done_callback(lambda _: self._bots_output.close())

    async def listen(self) -> None:
        """Begin to read."""
        protocol = asyncio.StreamReaderProtocol(self._lines)
        loop = asyncio.get_running_loop()
        self._reading, _ = await loop.connect_read_pipe(lambda: protocol, self._output)

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Read nothing meanwhile."""
        assert self._reading is not None, "it listened before"
        self._reading.pause_reading()
        yield
        self._reading.resume_reading()

    def deafen(self) -> None:
        """Nobody reads the output from now on."""
        assert self._reading is not None, "it listened before"
        self._reading.close()

    def write(self, data: bytes) -> None:
        """Give the bot these bytes, few enough for a pipe to take."""
        self.input.write(data)

    def send(self, **line: Any) -> None:
        """Give the bot an object; it is an ask of ana's unless it stops something."""
        if "stop" not in line:
            line = {"id": "e1", "member": "ana", "text": "hello there"} | line
        self.write(json.dumps(line).encode() + b"\n")

    async def hear(self) -> Json:
        """The next line."""
        line = await self._lines.readline()
        assert line.endswith(b"\n"), f"the output ended with {line!r}"
        return self._keep(line)

    async def end_of(self, event_id: str = "e1") -> Json:
        """The first end of an id."""
        while not (ends := self.ends(event_id)):
            await self.hear()
        return ends[0]

    async def ask(self, **line: Any) -> Json:
        """Send, and wait for the end."""
        self.send(**line)
        return await self.end_of(line.get("id", "e1"))

    async def leave(self) -> list[Json]:
        """End the input, wait for the bot to go, and return everything it ever said."""
        self.input.close()
        while line := await self._lines.readline():
            self._keep(line)
        await self.work
        return self.heard

    def _keep(self, line: bytes) -> Json:
        self.raw += line
        heard: Json = json.loads(line)
        self.heard.append(heard)
        return heard

    def ends(self, event_id: str) -> list[Json]:
        """What an id was answered so far, without its deltas."""
        return [x for x in self.heard if x.get("id") == event_id and x["event"] != "delta"]

    def deltas(self, event_id: str = "e1") -> str:
        """The text that an id was answered so far."""
        return "".join(
            x["text"] for x in self.heard if x.get("id") == event_id and x["event"] == "delta"
        )

    async def close(self) -> None:
        """Let go of everything, whatever a test left."""
        self.input.close()
        self.work.cancel()
        await asyncio.wait((self.work,))
        if self._reading is not None:
            self._reading.close()
        self._bots_output.close()
        await asyncio.sleep(0)
        self._bots_input.close()


@asynccontextmanager
async def program(*limits: str, bot: scripted.Bot | None = None) -> AsyncIterator[Program]:
    """A program at the bot, which has these limits unless it is given whole."""
    driving = Program(bot or scripted.build(*limits))
    await driving.listen()
    try:
        yield driving
    finally:
        await driving.close()


class Hands:
    """Who types: one message after the other, then leaves. Ctrl-C is there to be pressed."""

    def __init__(self, *messages: str) -> None:
        self.messages = list(messages)
        self.prompts: list[str] = []
        self.press_ctrl_c: Callable[[], None] = lambda: None
        self.walk_away: Callable[[], None] = lambda: None

    async def message(self, prompt: str) -> str | None:
        self.prompts.append(prompt)
        return self.messages.pop(0) if self.messages else None

    @contextmanager
    def during_answer(self, stop: Callable[[], None], leave: Callable[[], None]) -> Iterator[None]:
        self.press_ctrl_c, self.walk_away = stop, leave
        yield


class Page(io.StringIO):
    """Standard output that is no terminal."""

    encoding = "utf-8"


class Terminal(Page):
    """Standard output that says it is a terminal; how wide is not known."""

    def isatty(self) -> bool:
        return True
