"""A small bot of discord.py alone, for the tests of the double."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import discord
from discord import app_commands

from tests.servers.discord import Discord

Heard = Callable[[discord.Message], Awaitable[object]]


class Bot(discord.AutoShardedClient):
    """Remembers what it hears; says what a test tells it to."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("intents", discord.Intents.default())
        super().__init__(guild_ready_timeout=0, **options)
        self.tree = app_commands.CommandTree(self)
        self.heard: list[discord.Message] = []
        self.events: list[str] = []
        self.failures: list[BaseException] = []
        self.on_hearing: Heard | None = None

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Wait for nobody: the tests set the pace of identifying."""

    async def on_socket_event_type(self, name: str) -> None:
        self.events.append(name)

    async def hears(self, count: int) -> None:
        """Wait until so many messages of others have been heard."""
        await self.until(lambda: len(self.heard) >= count)

    async def until(self, condition: Callable[[], object], timeout_s: float = 5) -> None:
        """Wait until this is so, looked at whenever something else has run."""
        try:
            async with asyncio.timeout(timeout_s):
                while not condition():  # noqa: ASYNC110 -- a client tells nobody what it has done
                    await asyncio.sleep(0)
        except TimeoutError:
            message = f"the bot has heard {self.heard}, and of {self.events}"
            raise AssertionError(message) from None

    async def on_message(self, message: discord.Message) -> None:
        if message.author == self.user:
            return
        self.heard.append(message)
        if self.on_hearing is not None:
            await self.on_hearing(message)

    async def on_error(self, event_method: str, /, *args: Any, **kwargs: Any) -> None:
        failure = sys.exc_info()[1]
        assert failure is not None
        self.failures.append(failure)


@asynccontextmanager
async def running(server: Discord, bot: Bot, *, shards: int = 1) -> AsyncIterator[Bot]:
    """Connect a bot to this Discord, and take it away again."""
    with server.known_to_discord_py():
        running_task = asyncio.create_task(bot.start(server.token))
        ready = asyncio.create_task(server.connected(shards))
        try:
            await asyncio.wait({running_task, ready}, return_when=asyncio.FIRST_COMPLETED)
            if running_task.done():
                ready.cancel()
                running_task.result()
            await ready
            await bot.wait_until_ready()
            yield bot
            if bot.failures:
                raise bot.failures[0]
        finally:
            ready.cancel()
            await bot.close()
            await asyncio.gather(running_task, ready, return_exceptions=True)


class Wire:
    """The bare hands of the app on the API, by the HTTP client of discord.py."""

    def __init__(self, server: Discord, bot: Bot) -> None:
        self.server = server
        self.bot = bot

    async def __call__(self, name: str, json: Any = None, **options: Any) -> Any:
        """Send a request, named like `POST /channels/1/messages`."""
        method, path = name.split(" ")
        body = {} if json is None else {"json": json}
        return await self.bot.http.request(discord.http.Route(method, path), **body, **options)

    async def refused(self, name: str, json: Any = None) -> tuple[int, int, str]:
        """Send what must be refused; give the status, the code and the words."""
        try:
            await self(name, json)
        except discord.HTTPException as error:
            return error.status, error.code, error.text
        message = f"{name} was not refused: {json}"
        raise AssertionError(message)


@asynccontextmanager
async def on_the_wire(server: Discord) -> AsyncIterator[Wire]:
    """Log in, and connect to no gateway."""
    bot = Bot()
    with server.known_to_discord_py():
        try:
            await bot.login(server.token)
            yield Wire(server, bot)
        finally:
            await bot.close()
