"""What the bot adds to its libraries: `python -m tests.bench.dispatch [dispatch|first|memory ...]`.

dispatch  CPU per message, of the library with a listener that does nothing, and of the whole bot:
          for a message that is for somebody else, and for one that is for the bot, with all that
          surrounds an answer but the answer (the chat ends at once). What the bot adds is the
          difference; in Slack it holds the calls that set the status of the thread, and the double
          that answers them in the same process.
first     time until the first word beside 31 other growing answers, of an ask through the whole
          bot (prompt, reserve, call) and of plain aiohttp; alternating, so both see the same
          machine. What the bot adds is the difference.
memory    what `quotabot run` holds when it is connected to both platforms and rests, and what a
          process that only imports the libraries does.

ROUNDS and PROBES in the environment change the length. Only figures of one run belong together.
"""

import asyncio
import gc
import json
import os
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, create_subprocess_exec
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import aiohttp
import discord
from discord import utils
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest

from adapters.discord.gateway import Gateway
from adapters.slack.connection import Connection
from bot.bot import Bot
from bot.chat import ChatHandler
from bot.config import Config, load
from bot.main import WARM_UP_S, build
from bot.messages import Ask, Duplicate, End
from bot.ports import ChatModel, ReplyStream
from bot.text import Words
from tests.discord_kit import CONFIG as DISCORD
from tests.fakes import requester
from tests.processes.platforms_kit import both
from tests.scripted import ScriptedModel, Steps
from tests.servers.discord import TOKEN, Discord
from tests.servers.discord.posting import message_event
from tests.servers.slack import Slack

ROUNDS = int(os.environ.get("ROUNDS", "5"))
PROBES = int(os.environ.get("PROBES", "200"))
MESSAGES = 500
LIVE = 31
PACE_S = 0.02
# Who looks more often than this measures the looking.
LOOK_S = 0.002
SLACK = """
[store]
url = "sqlite:///books.db"
[models.default]
name = "mini"
base_url = "offline"
[slack]
bot_token_env = "B"
app_token_env = "A"
api_base = "{base}"
"""


class Idle(ChatHandler):
    """Ends every ask at once, as if it had been answered before."""

    async def handle(self, ask: Ask, reply: ReplyStream, words: Words) -> None:
        assert ask.text
        await reply.finish(Duplicate())


class First:
    """A reply that notes when the first word came."""

    messages: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.at: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    async def update(self, delta: str) -> None:
        if delta and not self.at.done():
            self.at.set_result(time.perf_counter())

    async def note(self, text: str) -> None:
        """Nobody reads it."""

    def ending(self) -> None:
        """Nobody waits for it."""

    async def finish(self, end: End) -> None:
        if not self.at.done():
            self.at.set_exception(RuntimeError(str(end)))


async def settled() -> None:
    """Let everything that was begun come to its end."""
    await asyncio.sleep(0)
    while len(asyncio.all_tasks()) > Rest.tasks:  # noqa: ASYNC110 - no one event says so
        await asyncio.sleep(LOOK_S)


class Rest:
    """How many tasks there are when nothing happens."""

    tasks = 0


def resting() -> None:
    Rest.tasks = len(asyncio.all_tasks())


async def begun(config: Config, **chat_models: ChatModel) -> Bot:
    """The whole bot, when what its start puts off is over: that would be measured else."""
    bot = await build(config, chat_models=chat_models or None)
    await asyncio.sleep(WARM_UP_S)
    await bot.chat._counter.count("gpt-5", "a")  # noqa: SLF001 - it waits for the vocabulary
    return bot


async def cpu_us(feed: Callable[[], Awaitable[None]], count: int) -> float:
    """CPU per message of one round, threads and all."""
    gc.collect()
    before = time.process_time()
    await feed()
    return (time.process_time() - before) / count * 1e6


# Discord.


class Plain(discord.AutoShardedClient):
    """The library with a listener that does nothing."""

    async def on_message(self, message: discord.Message) -> None:
        """Nothing."""


@asynccontextmanager
async def connected(client: discord.Client, server: Discord, run: Any) -> AsyncIterator[None]:
    work = asyncio.create_task(run)
    await server.connected()
    while not client.guilds:  # noqa: ASYNC110 - the library tells nobody
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.3)
    yield
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    await client.close()


def payloads(server: Discord, text: str) -> Iterator[str]:
    """Ever new messages of ana as the gateway would tell them."""
    guild = next(iter(server.world.guilds.values()))
    ana = next(one for one in guild.members.values() if one.name == "ana")
    channel = guild.channel("general")
    while True:
        asked = discord_message(server, ana, channel, text)
        yield json.dumps(asked)


def discord_message(server: Discord, who: Any, channel: Any, text: str) -> dict[str, Any]:
    from tests.servers.discord.models import Message

    world = server.world
    message = Message(world.new_id(), channel, who.person, world.now, content=text)
    if str(world.bot.id) in text:
        message.mentions.append(world.bot)
    return message_event(message)


async def on_discord(folder: Path, *, whole: bool) -> dict[str, float]:
    async with Discord() as server:
        guild = server.guild("Homework")
        guild.member("ana")
        guild.channel("general")
        config = load_discord(folder, server)
        found = dict[str, float]()
        with server.known_to_discord_py():
            model = ScriptedModel(Steps())
            bot = await begun(config, default=model)
            bot.chat.__class__ = Idle
            assert config.discord is not None
            intents = discord.Intents(guilds=True, guild_messages=True, dm_messages=True)
            client: Any = (
                Gateway(bot, config.discord, content=False) if whole else Plain(intents=intents)
            )
            run = client.serve(TOKEN) if whole else client.start(TOKEN)
            async with connected(client, server, run):
                resting()
                for name, text in (
                    ("others", "hello all"),
                    ("bot", f"<@{server.world.bot.id}> hello"),
                ):
                    source = payloads(server, text)
                    given = [next(source) for _ in range(MESSAGES)]

                    async def feed(given: list[str] = given) -> None:
                        for number, text in enumerate(given):
                            client._connection.parse_message_create(utils._from_json(text))  # noqa: SLF001 - where the gateway brings it
                            if number % 50 == 49:
                                await settled()
                        await settled()

                    found[name] = await cpu_us(feed, MESSAGES)
            await bot.close()
        return found


def load_discord(folder: Path, server: Discord) -> Any:
    path = folder / "config.toml"
    text = DISCORD.format(
        api_base=server.api_base, gateway=server.gateway, limits="[]", discord="", more=""
    )
    path.write_text(text, encoding="utf-8")
    return load(path, {"DISCORD_TOKEN": TOKEN, "MODEL_KEY": "k"})


# Slack.


async def on_slack(folder: Path, *, whole: bool) -> dict[str, float]:
    async with Slack() as server:
        team = server.team("Acme")
        server.pace.off()
        ana, general = team.user("ana"), team.channel("general")
        general.members.add(ana.id)
        path = folder / "config.toml"
        path.write_text(SLACK.format(base=server.base_url.removesuffix("/")), encoding="utf-8")
        config = load(path, {"B": team.token, "A": server.app.app_token})
        bot = await begun(config)
        bot.chat.__class__ = Idle
        assert config.slack is not None
        connection = Connection(bot, config.slack)
        work = asyncio.create_task(connection.run())
        await connection.ready.wait()
        await asyncio.sleep(0.3)
        app = await plain_app(server, team)
        if whole:
            connections: Any = connection._connections  # noqa: SLF001 - those it has opened
            app = connection._app(connections)  # noqa: SLF001 - as it makes its own
            connection.listeners.register(app)
        found = dict[str, float]()
        for name, text in (("others", "hello all"), ("bot", f"{team.bot} hello")):

            async def feed(text: str = text, name: str = name) -> None:
                for number in range(MESSAGES):
                    body = slack_body(
                        server, team, ana.id, general.id, text, f"{name}{whole}{number}"
                    )
                    await app.async_dispatch(AsyncBoltRequest(mode="socket_mode", body=body))
                    if number % 50 == 49:
                        await quiet(connection)
                await quiet(connection)

            found[name] = await cpu_us(feed, MESSAGES)
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        await bot.close()
        return found


async def quiet(connection: Connection) -> None:
    """Let what Bolt begins beside its answer begin, and then come to its end."""
    for _ in range(5):
        await asyncio.sleep(0)
    while connection.front.tasks.is_busy:  # noqa: ASYNC110 - nobody is told
        await asyncio.sleep(LOOK_S)


def slack_body(server: Slack, team: Any, user: str, channel: str, text: str, key: str) -> Any:
    is_mention = team.bot in text
    event = {
        "type": "app_mention" if is_mention else "message",
        "user": user,
        "text": text,
        "ts": server.stamps.next(),
        "channel": channel,
        "channel_type": "channel",
        "team": team.id,
    }
    authorizations = [{"team_id": team.id, "user_id": team.bot_user_id, "is_bot": True}]
    return {
        "type": "event_callback",
        "team_id": team.id,
        "api_app_id": server.app.app_id,
        "event": event,
        "event_id": f"Ev{key}",
        "event_time": 1,
        "authorizations": authorizations,
    }


async def plain_app(server: Slack, team: Any) -> AsyncApp:
    """The library with listeners that do nothing."""
    from slack_bolt.authorization import AuthorizeResult
    from slack_sdk.web.async_client import AsyncWebClient

    async def authorize(**_: Any) -> AuthorizeResult:
        found = {"team_id": team.id, "bot_token": team.token, "bot_user_id": team.bot_user_id}
        return AuthorizeResult(enterprise_id=None, bot_id="B1", **found)

    client = AsyncWebClient(team.token, base_url=server.base_url)
    app = AsyncApp(authorize=authorize, client=client, signing_secret="-")

    async def nothing() -> None:
        """Nothing."""

    app.event("message")(nothing)
    app.event("app_mention")(nothing)
    return app


async def dispatch() -> None:
    for platform, measure in (("Discord", on_discord), ("Slack", on_slack)):
        rounds: dict[bool, list[dict[str, float]]] = {False: [], True: []}
        for _ in range(ROUNDS):
            for whole in (False, True):
                with tempfile.TemporaryDirectory() as folder:
                    rounds[whole].append(await measure(Path(folder), whole=whole))
        for name in ("others", "bot"):
            library, bot = (median(one[name] for one in rounds[whole]) for whole in (False, True))
            print(
                f"dispatch {platform:8} for {name:7} library {library:6.0f} us, "
                f"whole bot {bot:6.0f} us, the bot adds {bot - library:6.0f} us"
            )


# The first word.


async def first() -> None:
    server = await create_subprocess_exec(
        *(sys.executable, "-m", "tests.servers.model_server", "--port", "0"), stdout=PIPE
    )
    assert server.stdout is not None
    base = (await server.stdout.readline()).decode().strip()
    try:
        with tempfile.TemporaryDirectory() as folder:
            await probed(Path(folder), base)
    finally:
        server.terminate()
        await server.wait()


def spoken(line: bytes) -> bool:
    """Whether a line of a stream brings a word."""
    if not line.startswith(b"data: {"):
        return False
    choices = json.loads(line[6:])["choices"]
    return bool(choices and choices[0]["delta"].get("content"))


async def probed(folder: Path, base: str) -> None:
    path = folder / "config.toml"
    text = f"""
[store]
url = "sqlite:///books.db"
[models.default]
name = "test-model"
base_url = "{base}"
output_max = 100000
[limits]
everyone = ["1000M tokens/day"]
"""
    path.write_text(text, encoding="utf-8")
    bot = await begun(load(path, {}))
    words, root = Words(str), base.removesuffix("/v1")

    async def asked(number: int, text: str) -> float:
        ask = Ask(f"e{number}", requester(f"m{number}"), text)
        reply, begun = First(), time.perf_counter()
        work = asyncio.create_task(bot.chat.handle(ask, reply, words))
        took = await reply.at - begun
        if text == "say 3":
            await work
        else:
            live.append(work)
        return took * 1_000

    live: list[asyncio.Task[None]] = []
    async with aiohttp.ClientSession() as session:

        async def plainly() -> float:
            messages = [{"role": "user", "content": "say 3"}]
            body = {"model": "test-model", "messages": messages, "stream": True}
            begun = time.perf_counter()
            async with session.post(f"{base}/chat/completions", json=body) as answer:
                took = 0.0
                async for line in answer.content:
                    if not took and spoken(line):
                        took = time.perf_counter() - begun
            return took * 1_000

        async with session.post(f"{root}/_script", json={"pace_s": PACE_S}):
            pass
        await asyncio.gather(*(asked(number, "say 5000") for number in range(LIVE)))
        took: dict[str, list[float]] = {"aiohttp": [], "bot": []}
        for number in range(PROBES):
            took["aiohttp"].append(await plainly())
            took["bot"].append(await asked(1_000 + number, "say 3"))
    for name, found in took.items():
        centiles = quantiles(found, n=100)
        print(f"first word {name:8} p50 {median(found):6.2f} ms, p99 {centiles[98]:6.2f} ms")
    added = median(took["bot"]) - median(took["aiohttp"])
    worst = quantiles(took["bot"], n=100)[98] - quantiles(took["aiohttp"], n=100)[98]
    print(f"first word the bot adds p50 {added:.2f} ms, p99 {worst:.2f} ms, {LIVE} others growing")
    for work in live:
        work.cancel()
    await asyncio.gather(*live, return_exceptions=True)
    await bot.close()


# Memory.

LIBRARIES = "import asyncio, sqlite3, aiohttp, discord, slack_bolt.async_app, apscheduler, time"


def resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def memory() -> None:
    code = f"{LIBRARIES}; print(flush=True); time.sleep(60)"
    libraries = await create_subprocess_exec(sys.executable, "-c", code, stdout=PIPE)
    assert libraries.stdout is not None
    await libraries.stdout.readline()
    alone = resident_mb(libraries.pid)
    libraries.kill()
    await libraries.wait()
    with tempfile.TemporaryDirectory() as folder:
        async with both(Path(folder)) as world, world.running() as process:
            await asyncio.sleep(5)
            idle = resident_mb(process.pid)
            await world.ended(await world.asks("ana", "say 20"))
            print(
                f"memory libraries {alone:.0f} MB, idle on both platforms {idle:.0f} MB, "
                f"after an answer on each {resident_mb(process.pid):.0f} MB"
            )


PARTS = {"dispatch": dispatch, "first": first, "memory": memory}


def main(wanted: list[str]) -> None:
    for name, part in PARTS.items():
        if not wanted or name in wanted:
            asyncio.run(part())


if __name__ == "__main__":
    main(sys.argv[1:])
