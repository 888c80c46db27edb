"""`quotabot run` with Discord and Slack in one process and one store, as people there meet it."""

import asyncio
import json
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.processes.program import WAIT_S, environment, executable, run
from tests.servers.discord import TOKEN, Discord, Permission, Rate
from tests.servers.discord import Channel as DiscordChannel
from tests.servers.discord import Message as DiscordMessage
from tests.servers.discord.buckets import CREATE, EDIT
from tests.servers.model_server import MODEL, ModelServer
from tests.servers.slack import Message as SlackMessage
from tests.servers.slack import Slack

CONFIG = """
[store]
url = "sqlite:///books.db"
[models.default]
name = "{model}"
base_url = "{base_url}"
output_max = 400
[limits]
everyone = ["{limit} tokens/day"]
output_floor = 8
[discord]
token_env = "DISCORD_TOKEN"
api_base = "{discord}"
gateway = "{gateway}"
[slack]
bot_token_env = "SLACK_BOT_TOKEN"
app_token_env = "SLACK_APP_TOKEN"
api_base = "{slack}"
admins = ["{admin}"]
"""
RATES = {CREATE: Rate(50, 1.0), EDIT: Rate(50, 1.0)}
DELIVERIES = 4


class OnDiscord:
    """A server with ada, who governs it, and whoever speaks there."""

    def __init__(self, discord: Discord) -> None:
        self.discord = discord
        self.guild = discord.guild("Homework")
        self.ada = self.guild.member(
            "ada", roles=[self.guild.role("Admin", Permission.MANAGE_GUILD)]
        )
        self.channel: DiscordChannel = self.guild.channel("general")
        self.asked: list[DiscordMessage] = []

    def member(self, name: str) -> Any:
        known = [m for m in self.guild.members.values() if m.name == name]
        return known[0] if known else self.guild.member(name)

    async def asks(self, name: str, text: str) -> DiscordMessage:
        message: DiscordMessage = await self.member(name).says(self.channel, f"@bot {text}")
        self.asked.append(message)
        return message

    def written(self, asked: DiscordMessage) -> list[DiscordMessage]:
        """What the bot replied to a message."""
        return [m for m in self.channel.from_bot() if m.reference is asked]

    async def begun(self, asked: DiscordMessage) -> None:
        """The answer has begun to show."""
        await self.discord.until(lambda: self.written(asked), f"a beginning of {asked}", WAIT_S)

    async def ended(self, asked: DiscordMessage) -> str:
        """The one answer, at its end."""

        def end() -> bool:
            found = self.written(asked)
            return bool(found) and all(m.text and "Stop" not in m.buttons for m in found)

        await self.discord.until(end, f"an end of {asked}", WAIT_S)
        (answer,) = self.written(asked)
        return answer.text

    async def stops(self, asked: DiscordMessage) -> None:
        (growing,) = self.written(asked)
        await growing.until(lambda m: "Stop" in m.buttons, "a Stop button", WAIT_S)
        await asked.author.clicks(growing, "Stop")

    async def grants(self, name: str) -> str:
        options = {"member": self.member(name), "amount": "+100k tokens"}
        used = await self.ada.slash(self.channel, "quota-admin member grant", **options)
        shown = await (await used.reply(WAIT_S)).settled(WAIT_S)
        self.discord.deliver_again(used)
        return shown.text

    def tell_again(self) -> None:
        for message in self.asked:
            self.discord.deliver_again(message)


class OnSlack:
    """A workspace with ada, who governs it, and whoever speaks there."""

    def __init__(self, slack: Slack) -> None:
        self.slack = slack
        self.team = slack.team("Acme")
        self.ada = self.team.user("ada")
        self.channel = self.team.channel("general")
        self.asked: list[SlackMessage] = []

    def member(self, name: str) -> Any:
        known = [u for u in self.team.users.values() if u.name == name]
        user = known[0] if known else self.team.user(name)
        self.channel.members.add(user.id)
        return user

    async def asks(self, name: str, text: str) -> SlackMessage:
        message: SlackMessage = await self.member(name).says(self.channel, f"@bot {text}")
        self.asked.append(message)
        return message

    def written(self, asked: SlackMessage) -> list[SlackMessage]:
        return [m for m in self.channel.messages if m.by_bot and m.root_ts == asked.root_ts]

    async def until(self, condition: Callable[[], object], what: str) -> None:
        # Slack counts by the minute: what many broken answers take may have to wait for another.
        await self.slack.watch.until(condition, what, within_s=3 * WAIT_S)

    async def begun(self, asked: SlackMessage) -> None:
        await self.until(lambda: self.written(asked), "a beginning")

    async def ended(self, asked: SlackMessage) -> str:
        """The one answer, or what stands in its place for the asker's eyes alone."""

        def rests() -> bool:
            found = self._told(asked)
            return bool(found) and not any(m.is_streaming for m in found) and not self.team.hanging

        await self.until(rests, f"an end of {asked.text}")
        told = [message.shown for message in self._told(asked)]
        assert len(told) == 1, f"{asked.text!r} has {len(told)} answers: {told}"
        return told[0]

    def _told(self, asked: SlackMessage) -> list[SlackMessage]:
        whispered = [m for m in self.channel.messages if m.is_ephemeral and m.ts > asked.ts]
        # What an answer has used up is whispered beside it, maybe after the next question.
        mine = [
            m for m in whispered if m.visible_to == asked.user and "You have used" not in m.shown
        ]
        return self.written(asked) or mine

    async def stops(self, asked: SlackMessage) -> None:
        (growing,) = self.written(asked)
        await self.team.users[asked.user].stops(growing)

    async def grants(self, name: str) -> str:
        self.member(name)
        used = await self.ada.command(self.channel, "/quota-admin", f"grant @{name} +100k tokens")
        shown = (await used.answer()).shown
        self.slack.deliver_again(used.delivery)
        return shown

    def tell_again(self) -> None:
        """Each as the mention and as the message that one post makes."""
        for message in self.asked:
            for event_id in message.event_ids:
                self.slack.deliver_again(event_id)


class Both:
    """A Discord, a Slack, a model, and the folder of one bot between them."""

    def __init__(self, discord: Discord, slack: Slack, model: ModelServer, folder: Path) -> None:
        self.on_discord, self.on_slack = OnDiscord(discord), OnSlack(slack)
        self.model = model
        self.folder = folder
        self.places: tuple[Any, ...] = (self.on_discord, self.on_slack)

    def configure(self, limit: str = "100k") -> None:
        text = CONFIG.format(
            model=MODEL,
            base_url=self.model.base_url,
            limit=limit,
            discord=self.on_discord.discord.api_base,
            gateway=self.on_discord.discord.gateway,
            slack=self.on_slack.slack.base_url.removesuffix("/"),
            admin=self.on_slack.ada.id,
        )
        (self.folder / "config.toml").write_text(text, encoding="utf-8")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Process]:
        """`quotabot run`, connected to both; killed in the end unless it has left by itself."""
        discord, slack = self.on_discord.discord, self.on_slack.slack
        sessions, sockets = len(discord.gateway_server.sessions), slack.sockets.opened
        tokens = {
            "DISCORD_TOKEN": TOKEN,
            "SLACK_BOT_TOKEN": self.on_slack.team.token,
            "SLACK_APP_TOKEN": slack.app.app_token,
        }
        with (self.folder / "stderr.log").open("ab") as errors:
            process = await asyncio.create_subprocess_exec(
                *(executable(), "run"),
                cwd=self.folder,
                env=environment(self.folder, tokens),
                stderr=errors,
            )
        try:
            there = discord.gateway_server.sessions
            await discord.until(lambda: len(there) > sessions, "a session", WAIT_S)
            await discord.connected()
            await self.on_slack.until(lambda: slack.sockets.opened > sockets, "it connects")
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def asks(self, name: str, text: str) -> list[Any]:
        """The same, asked by a member of this name on both."""
        return [await place.asks(name, text) for place in self.places]

    async def begun(self, asked: list[Any]) -> None:
        await asyncio.gather(*(p.begun(a) for p, a in zip(self.places, asked, strict=True)))

    async def ended(self, asked: list[Any]) -> list[str]:
        ends = (p.ended(a) for p, a in zip(self.places, asked, strict=True))
        return list(await asyncio.gather(*ends))

    async def stops(self, asked: list[Any]) -> None:
        await asyncio.gather(*(p.stops(a) for p, a in zip(self.places, asked, strict=True)))

    def tell_again(self) -> None:
        """Both platforms deliver everything that was ever asked once more."""
        for place in self.places:
            place.tell_again()

    def calls(self, marker: str) -> int:
        """How many calls the model had for questions with this in them."""
        whole = [call.messages[-1] for call in self.model.requests if call.messages]
        return sum(marker in str(message["content"]) for message in whole)

    # What the books say, to another process.

    async def proven(self) -> None:
        """The counters and the ledger agree."""
        code, out, err = await run(self.folder, "ledger", "verify")
        assert code == 0, out + err

    async def held(self) -> int:
        """What is set aside, over all members and limits."""
        code, out, err = await run(self.folder, "balances", "--json")
        assert code == 0, err
        return sum(one["held"] for who in json.loads(out) for one in who["balances"])

    async def entries(self) -> list[dict[str, Any]]:
        code, out, err = await run(self.folder, "ledger", "export", "--json")
        assert code == 0, err
        return [json.loads(line) for line in out.splitlines()]


@asynccontextmanager
async def both(folder: Path, limit: str = "100k") -> AsyncIterator[Both]:
    """Both platforms and a model on loopback, and a config for them."""
    discord, model = Discord(rates=RATES), ModelServer(answer_tokens=40)
    async with discord, Slack() as slack, model:
        discord.gateway_server.identify_every_s = 0.0
        found = Both(discord, slack, model, folder)
        found.configure(limit)
        yield found


async def stopped(process: Process) -> int:
    """Asked to leave in good order; how it left."""
    process.send_signal(signal.SIGTERM)
    return await asyncio.wait_for(process.wait(), WAIT_S)
