"""A whole bot on the loopback Slack: built by the door, spoken to by people in Slack's window."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from adapters.slack.connection import Connection
from bot.bot import Bot
from bot.config import load
from bot.main import build
from quota.clock import Clock
from quota.ledger import LedgerEntry
from quota.verdicts import Balance
from tests.fakes import requester
from tests.scripted import ScriptedModel, Steps
from tests.servers.slack import Message, Slack, Team, User

T = TypeVar("T")

PATIENCE_S = 10

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
[slack]
bot_token_env = "SLACK_BOT_TOKEN"
app_token_env = "SLACK_APP_TOKEN"
api_base = "{api_base}"
{slack}
{more}
"""
SECRETS = {"SLACK_SIGNING_SECRET": "signing-secret", "SLACK_CLIENT_SECRET": "client-secret"}


@dataclass
class OnSlack:
    """The bot, its model, and the Slack around it."""

    slack: Slack
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

    async def answer_to(self, team: Team, asked: Message, number: int = 1) -> Message:
        """The so many-th message of the bot in the thread of a question, once it is whole."""

        def whole() -> Message | None:
            found = [
                m
                for m in asked.channel.messages
                if m.by_bot and m.root_ts == asked.root_ts and m.ts > asked.ts and not m.gone
            ]
            if len(found) < number or self.busy or team.hanging:
                return None
            return found[number - 1]

        return await self.until(whole, f"answer {number} to {asked.text!r}")

    async def rests(self, team: Team) -> None:
        """Wait until nothing is on its way any more."""
        await self.until(lambda: not (self.busy or team.hanging), "the bot rests")

    @property
    def busy(self) -> bool:
        """Whether the bot works at something that Slack told."""
        on_their_way = (d for d in self.slack.postman.sent if not (d.is_acked or d.failed))
        return self.connection.front.tasks.is_busy or any(on_their_way)

    async def balance(self, team: Team, user: User) -> Balance:
        """The first balance of somebody."""
        who = requester(user.id, space=f"slack:{team.id}")
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


@asynccontextmanager
async def on_slack(
    slack: Slack,
    folder: Path,
    *limits: str,
    clock: Clock | None = None,
    settings: str = "",
    more: str = "",
    team: str = "Acme",
) -> AsyncIterator[OnSlack]:
    """The bot with these limits, connected to this Slack, until the end of the block."""
    home = slack.team(team)
    path = folder / "config.toml"
    quoted = ", ".join(f'"{limit}"' for limit in limits or ("100k tokens/day",))
    base = slack.base_url.removesuffix("/")
    text = CONFIG.format(limits=quoted, api_base=base, slack=settings, more=more)
    path.write_text(text, encoding="utf-8")
    environ = {**SECRETS, "SLACK_BOT_TOKEN": home.token, "SLACK_APP_TOKEN": slack.app.app_token}
    model = ScriptedModel(Steps())
    bot = await build(load(path, environ), clock=clock, chat_models={"default": model})
    assert bot.config.slack is not None, "the config says so"
    connection = Connection(bot, bot.config.slack)
    work = asyncio.create_task(connection.run())
    serving = OnSlack(slack, bot, model, connection, work)
    try:
        await connection.ready.wait()
        yield serving
    finally:
        await serving.stop()
    if not work.cancelled() and work.exception() is not None:
        raise AssertionError("the connection broke") from work.exception()


def shown_to(team: Team, user: User, where: Any) -> list[str]:
    """What somebody sees of the bot in a channel, as text."""
    return [m.shown for m in team.sees(user, where) if m.by_bot]
