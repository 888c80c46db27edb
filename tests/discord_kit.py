"""Discord as stories meet it: the whole bot from its door, on a Discord of loopback."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

from adapters.discord import platform
from bot.bot import Bot
from bot.config import load
from bot.main import build
from tests.fakes import MORNING
from tests.scripted import ScriptedModel, Steps
from tests.servers.discord import Channel, Discord, Message, Rate
from tests.servers.discord.buckets import CREATE, EDIT

# A rest between two edits takes a tenth of its time; so the rate limits refill as fast.
FASTER = 10
RATES = {
    CREATE: Rate(5, 0.5),
    EDIT: Rate(5, 0.5),
    "POST /channels/{channel}/typing": Rate(5, 0.5),
    "webhook": Rate(5, 0.2),
}
CONFIG = """
[store]
url = "sqlite:///books.db"

[models.default]
name = "gpt-5-mini"
base_url = "http://127.0.0.1:9/v1"
aliases = ["mini"]
output_max = 8000
api_key_env = "MODEL_KEY"

[discord]
token_env = "DISCORD_TOKEN"
api_base = "{api_base}"
gateway = "{gateway}"
{discord}

[limits]
everyone = {limits}
{more}
"""


class StoryClock:
    """The time of day goes on by itself from a Monday morning, and leaps where a test says so.

    Whoever waits on it waits a tenth of the time.
    """

    def __init__(self) -> None:
        self._began = time.monotonic_ns()
        self._leapt = 0
        # Whoever waits longer than this from now on waits no time at all.
        self.hurry: int | None = None

    def now(self) -> int:
        return MORNING + self._leapt + (time.monotonic_ns() - self._began) // 1_000_000

    def timeout(self, wait_ms: int | None) -> asyncio.Timeout:
        if wait_ms is None:
            return asyncio.timeout(None)
        if self.hurry is not None and wait_ms >= self.hurry:
            wait_ms = 1_000
        return asyncio.timeout(timedelta(milliseconds=wait_ms).total_seconds() / FASTER)

    def leap(self, ms: int) -> None:
        self._leapt += ms


class Story:
    """A Discord, a model that says what a test tells it to, and a bot that may be restarted."""

    def __init__(self, discord: Discord, clock: StoryClock, folder: Path) -> None:
        self.discord = discord
        self.clock = clock
        self.model = ScriptedModel(Steps())
        self.folder = folder
        self._bot: Bot | None = None
        self._work: asyncio.Task[None] | None = None

    @property
    def bot(self) -> Bot:
        assert self._bot is not None, "the bot runs"
        return self._bot

    def configure(self, limits: str = "[]", discord: str = "", more: str = "") -> None:
        text = CONFIG.format(
            api_base=self.discord.api_base,
            gateway=self.discord.gateway,
            limits=limits,
            discord=discord,
            more=more,
        )
        (self.folder / "config.toml").write_text(text, encoding="utf-8")

    async def start(self) -> None:
        """As `quotabot run` does it."""
        environ = {"DISCORD_TOKEN": self.discord.token, "MODEL_KEY": "k"}
        config = load(self.folder / "config.toml", environ)
        assert platform.enabled(config)
        models = dict.fromkeys((model.key for model in config.models), self.model)
        self._bot = await build(config, clock=self.clock, chat_models=models)
        self._work = asyncio.create_task(platform.run(self._bot))
        ready = asyncio.create_task(self.discord.connected())
        await asyncio.wait({self._work, ready}, return_when=asyncio.FIRST_COMPLETED)
        if self._work.done():
            ready.cancel()
            self._work.result()
        await ready
        # Commands are sent beside; tests use them at once.
        await self.discord.until(self.discord.commands, "the commands")

    async def stop(self) -> None:
        """As SIGTERM does it."""
        if self._work is not None:
            self._work.cancel()
            with suppress(asyncio.CancelledError):
                await self._work
        if self._bot is not None:
            await self._bot.close()
        self._bot = self._work = None

    async def ended(self, channel: Channel, asked: Message, messages: int = 1) -> Message:
        """The last message of an answer that takes so many, when it is whole."""

        def last() -> Message | None:
            found = [m for m in channel.from_bot() if m.id > asked.id and not m.only_for]
            if len(found) < messages or found[-1].is_loading or "Stop" in found[-1].buttons:
                return None
            return found[-1]

        await self.discord.until(last, "the end of an answer")
        found = last()
        assert found is not None
        return found

    async def kill(self) -> None:
        """The connection is gone at once, and whatever ran with it; the books stay as they are."""
        await self.stop()


@asynccontextmanager
async def story(
    folder: Path,
    limits: str = "[]",
    *,
    discord: str = "",
    more: str = "",
    server: Discord | None = None,
) -> AsyncIterator[Story]:
    clock = StoryClock()
    over_all = Rate(50 * FASTER, 1.0)
    async with server or Discord(clock=clock, rates=RATES, over_all=over_all) as made:
        # Restarts follow upon each other faster than Discord would have them.
        made.gateway_server.identify_every_s = 0.0
        told = Story(made, clock, folder)
        told.configure(limits, discord, more)
        with made.known_to_discord_py():
            await told.start()
            try:
                yield told
            finally:
                await told.stop()
