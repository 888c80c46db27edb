"""A whole bot on the loopback Slack: built by the door, spoken to by people in Slack's window."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from adapters.slack.connection import Connection
from adapters.slack.manifest import manifest
from bot.bot import Bot
from bot.config import load
from bot.main import build
from quota.clock import Clock
from quota.ledger import LedgerEntry
from quota.verdicts import Balance
from tests.fakes import FakeClock, requester
from tests.scripted import ScriptedModel, Steps
from tests.servers.slack import App, Channel, Message, Slack, Team, User, View
from tests.servers.slack.delivery import Delivery

T = TypeVar("T")

PATIENCE_S = 10
ROUNDS = 1500

CONFIG = """
[store]
url = "sqlite:///books.db"
[models.default]
name = "gpt-5-mini"
base_url = "offline"
price = {{input = "$1", output = "$2"}}
aliases = ["mini"]
[limits]
everyone = [{limits}]
staff_cap = "{staff_cap}"
[slack]
{tokens}
api_base = "{api_base}"
{slack}
{more}
"""
TOKENS = 'bot_token_env = "SLACK_BOT_TOKEN"\napp_token_env = "SLACK_APP_TOKEN"'
# With this several workspaces install the app through the pages of the bot.
OAUTH = """
client_id = "111.222"
client_secret_env = "SLACK_CLIENT_SECRET"
http_port = {port}
"""
SECRETS = {"SLACK_SIGNING_SECRET": "signing-secret", "SLACK_CLIENT_SECRET": "client-secret"}


def our_app(**changes: object) -> App:
    """The app that our own manifest makes: with its scopes and events, and no others."""
    return App.of_manifest(manifest(), **changes)


class NetClock(FakeClock):
    """A clock that tests move, and that lets the network keep up with it."""

    async def goes_by(self, ms: int) -> None:
        """Let time pass, stopping at each moment at which somebody waits for it."""
        end = self._passed + ms
        while self._passed < end:
            stop = min((when for when, _ in self._waiting if when < end), default=end)
            self.advance(max(0, stop - self._passed))
            for _ in range(ROUNDS):
                await asyncio.sleep(0)


@dataclass
class OnSlack:
    """The bot, its model, and the Slack around it."""

    slack: Slack
    team: Team
    bot: Bot
    model: ScriptedModel
    connection: Connection
    work: asyncio.Task[None]

    async def until(self, condition: Callable[[], T | None], what: str) -> T:
        """Wait until something has become true; time is real here, and bounds a broken bot."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not (found := condition()):  # noqa: ASYNC110 - both sides may change it
                    await asyncio.sleep(0)
        except TimeoutError:
            transcript = self.slack.watch.transcript
            raise AssertionError(f"it never came to this: {what}\n{transcript}") from None
        return found

    async def answer_to(self, asked: Message, number: int = 1) -> Message:
        """The so many-th message of the bot in the thread of a question, once all is done."""
        await self.rests()
        found = self.answers_to(asked)
        assert len(found) >= number, self.slack.watch.transcript
        return found[number - 1]

    def answers_to(self, asked: Message) -> list[Message]:
        """What the bot wrote in the thread of a question, after it."""
        return [
            m
            for m in asked.channel.messages
            if m.by_bot and m.root_ts == asked.root_ts and m.ts > asked.ts and not m.is_ephemeral
        ]

    async def told_again(self, event: Delivery | str) -> None:
        """Deliver something once more, and wait for what comes of it."""
        await self.slack.deliver_again(event).ended()
        await self.rests()

    async def rests(self) -> None:
        """Wait until nothing is on its way any more."""
        await self.until(lambda: not self.busy, "the bot rests")
        hanging = [status for team in self.slack.teams.values() for status in team.hanging]
        assert not hanging, self.slack.watch.transcript

    @property
    def busy(self) -> bool:
        """Whether the bot works at something that Slack told."""
        on_their_way = (d for d in self.slack.postman.sent if not (d.is_acked or d.failed))
        return self.connection.front.tasks.is_busy or any(on_their_way)

    async def balance(self, user: User) -> Balance:
        """The first balance of somebody."""
        who = requester(user.id, space=f"slack:{self.team.id}")
        model = self.bot.chat.models.default
        return (await self.bot.quotas.balances(who, model.terms))[0]

    async def entries(self, kind: str) -> list[LedgerEntry]:
        """The entries of a kind in the books."""
        return [e async for e in self.bot.quotas.store.entries(0, None) if e.kind == kind]

    async def stop(self) -> None:
        """End the bot in good order."""
        self.work.cancel()
        await asyncio.wait((self.work,))
        await self.bot.close()


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@asynccontextmanager
async def on_slack(
    slack: Slack,
    folder: Path,
    *limits: str,
    clock: Clock | None = None,
    settings: str = "",
    more: str = "",
    team: str = "Acme",
    tokens: str = TOKENS,
    model: ScriptedModel | None = None,
    staff_cap: str = "",
) -> AsyncIterator[OnSlack]:
    """The bot with these limits, connected to this Slack, until the end of the block."""
    home = slack.team(team)
    path = folder / "config.toml"
    quoted = ", ".join(f'"{limit}"' for limit in limits or ("100k tokens/day",))
    base = slack.base_url.removesuffix("/")
    text = CONFIG.format(
        limits=quoted,
        tokens=tokens,
        api_base=base,
        slack=settings,
        more=more,
        staff_cap=staff_cap,
    )
    path.write_text(text, encoding="utf-8")
    bot_token = home.token if home.installation is not None else ""
    environ = {**SECRETS, "SLACK_BOT_TOKEN": bot_token, "SLACK_APP_TOKEN": slack.app.app_token}
    model = model or ScriptedModel(Steps())
    config = load(path, environ)
    models = dict.fromkeys((each.key for each in config.models), model)
    bot = await build(config, clock=clock, chat_models=models)
    assert bot.config.slack is not None, "the config says so"
    connection = Connection(bot, bot.config.slack)
    work = asyncio.create_task(connection.run())
    serving = OnSlack(slack, home, bot, model, connection, work)
    try:
        ready = asyncio.create_task(connection.ready.wait())
        await asyncio.wait((ready, work), return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        yield serving
    except BaseException:
        # A test has failed: nobody moves its clock any more, so nothing may wait for it.
        await bot.chat.close(0)
        raise
    finally:
        await serving.stop()
    if not work.cancelled() and work.exception() is not None:
        raise AssertionError("the connection broke") from work.exception()


async def browser(url: str, cookie: str = "") -> tuple[int, str, str, str]:
    """What a browser is answered: status, text, where it is sent, its new cookie."""
    headers = {"Cookie": f"quotabot-slack-state={cookie}"} if cookie else {}
    async with (
        aiohttp.ClientSession() as session,
        session.get(url, headers=headers, allow_redirects=False) as got,
    ):
        morsel = got.cookies.get("quotabot-slack-state")
        there = got.headers.get("Location", "")
        return got.status, await got.text(), there, morsel.value if morsel else ""


async def installs(person: User, port: int) -> None:
    """Somebody installs the app in their workspace, all the way."""
    home = f"http://127.0.0.1:{port}/slack"
    _, _, address, cookie = await browser(f"{home}/install")
    query = (await person.allows(address)).partition("?")[2]
    status, text, _, _ = await browser(f"{home}/oauth_redirect?{query}", cookie)
    assert status == 200, text


def shown_to(team: Team, user: User, where: Channel) -> list[str]:
    """What somebody sees of the bot in a channel, as text."""
    return [m.shown for m in team.sees(user, where) if m.by_bot]


def buttons_of(message: Message | View) -> list[str]:
    """The labels of the buttons and menu rows of a message."""
    found: list[str] = []
    for block in message.blocks:
        for element in block.get("elements", ()):
            if element.get("type") == "button":
                found.append(element["text"]["text"])
            found += [option["text"]["text"] for option in element.get("options", ())]
    return found


async def press(user: User, on: Message | View, label: str) -> Any:
    """Press the button, or choose the row, that reads like this."""
    for block in on.blocks:
        for element in block.get("elements", ()):
            if element.get("type") == "button" and element["text"]["text"] == label:
                return await user.clicks(on, element["action_id"], block_id=block["block_id"])
            for option in element.get("options", ()):
                if option["text"]["text"] == label:
                    action, block_id = element["action_id"], block["block_id"]
                    return await user.clicks(on, action, option["value"], block_id=block_id)
    raise AssertionError(f"there is no {label!r}: {buttons_of(on)}")
