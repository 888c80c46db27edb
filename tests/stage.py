"""One stage for two platforms: what a story needs of either, in words that fit both.

Ada governs, mo is one of the staff. Ana and bo are members, cy is a supporter as well. They speak
in #general; what admins should see comes to #quota-alerts.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bot.bot import Bot
from quota.ledger import LedgerEntry
from quota.verdicts import Balance
from tests import discord_kit
from tests.adapters import slack_kit
from tests.adapters.slack_kit import OnSlack, on_slack, our_app
from tests.discord_kit import Story, StoryClock
from tests.fakes import requester
from tests.scripted import ScriptedModel, Steps
from tests.servers import discord, slack
from tests.servers.discord import Permission

ALERTS = "quota-alerts"
GROUP, STAFF = "supporters", "helpers"
MEMBERS = ("ana", "bo", "cy")


@dataclass(frozen=True)
class Seen:
    """A message of the bot, as it is whenever one looks."""

    message: Any
    _text: Callable[[Any], str]
    _buttons: Callable[[Any], list[str]]

    @property
    def text(self) -> str:
        return self._text(self.message)

    @property
    def buttons(self) -> list[str]:
        return self._buttons(self.message)


class Stage(Protocol):
    """A place where the bot is spoken to; `asked` is whatever `says` gave."""

    model: ScriptedModel
    clock: StoryClock

    @property
    def bot(self) -> Bot: ...

    async def says(self, who: str, text: str) -> Any:
        """Say something in #general."""
        ...

    async def beginning(self, asked: Any) -> Seen:
        """The answer as soon as there is any of it."""
        ...

    async def answer(self, asked: Any) -> Seen:
        """The one answer that everybody sees, when it is whole."""
        ...

    async def refusal(self, asked: Any) -> Seen:
        """What is said in its place; whether others see it is the platform's own way."""
        ...

    async def alert(self) -> Seen:
        """The newest card for the admins: another one than was looked at last."""
        ...

    async def grants(self, who: str, whom: str, amount: str) -> Seen:
        """Use the command; the card that comes of it."""
        ...

    async def presses(self, who: str, on: Seen, label: str) -> Seen:
        """Press a button; what is shown then, beside the card or in its place."""
        ...

    async def opens(self, who: str, on: Seen, label: str) -> Mapping[str, str]:
        """Press a button that opens a form; what stands in it already, by label."""
        ...

    async def fills(self, who: str, on: Seen, label: str, answers: Mapping[str, str]) -> str:
        """Press a button that opens a form, send that with these answers; what is shown then."""
        ...

    async def stops(self, who: str, answer: Seen) -> None:
        """Stop an answer as one does it there."""
        ...

    async def loses_group(self, who: str, group: str = GROUP) -> None:
        """Be a supporter no longer, or none of the staff."""
        ...

    async def delivered_again(self, asked: Any) -> None:
        """Every event of a message comes once more."""
        ...

    async def restart(self) -> None:
        """End in good order, and begin anew on the same books."""
        ...

    async def balance(self, who: str) -> Balance:
        """The first balance of somebody."""
        ...

    def answers(self) -> list[str]:
        """What everybody sees of the bot in #general."""
        ...


async def entries(stage: Stage, kind: str) -> list[LedgerEntry]:
    """The entries of a kind in the books, which must be sound."""
    store = stage.bot.quotas.store
    assert await store.verify() == []
    return [entry async for entry in store.entries(0, None) if entry.kind == kind]


class OnDiscord:
    """The stage on Discord."""

    def __init__(self, told: Story) -> None:
        self.told, self.model, self.clock = told, told.model, told.clock
        guild = told.discord.guild("Homework")
        admins = guild.role("Admin", Permission.MANAGE_GUILD)
        staff = guild.role(STAFF, Permission.MODERATE_MEMBERS)
        self.space = f"discord:{guild.id}"
        self.people = {name: guild.member(name) for name in MEMBERS[:2]}
        self.people["cy"] = guild.member("cy", roles=[GROUP])
        self.people["ada"] = guild.member("ada", roles=[admins])
        self.people["mo"] = guild.member("mo", roles=[staff])
        self.general, self.alerts = guild.channel("general"), guild.channel(ALERTS)
        self._alerts_seen = 0

    @property
    def bot(self) -> Bot:
        return self.told.bot

    @staticmethod
    def seen(message: discord.Message) -> Seen:
        return Seen(message, lambda m: m.text, lambda m: m.buttons)

    async def says(self, who: str, text: str) -> discord.Message:
        return await self.people[who].says(self.general, text)

    async def beginning(self, asked: discord.Message) -> Seen:
        answer = await self.general.answer(after=asked)
        return self.seen(await answer.until(lambda m: m.text, "a beginning"))

    async def answer(self, asked: discord.Message) -> Seen:
        return self.seen(await self.told.ended(self.general, asked))

    async def refusal(self, asked: discord.Message) -> Seen:
        return await self.answer(asked)

    async def alert(self) -> Seen:
        seen = self._alerts_seen
        await self.told.discord.until(lambda: len(self.alerts.from_bot()) > seen, "another card")
        self._alerts_seen = len(self.alerts.from_bot())
        return self.seen(self.alerts.from_bot()[-1])

    async def grants(self, who: str, whom: str, amount: str) -> Seen:
        given = {"member": self.people[whom], "amount": amount}
        used = await self.people[who].slash(self.general, "quota-admin member grant", **given)
        return self.seen(await used.reply())

    async def presses(self, who: str, on: Seen, label: str) -> Seen:
        message: discord.Message = on.message
        before = len(message.bodies)
        clicked = self.people[who].presses(message, label)

        def shown() -> discord.Message | None:
            beside = clicked.followups[0] if clicked.followups else clicked.original
            if beside is not None and beside is not message:
                return beside
            if len(message.bodies) > before:
                return message
            # An answer that is asked for once more is a message of its own.
            later = [m for m in message.channel.from_bot() if m.id > clicked.id]
            return later[0] if later else None

        await self.told.discord.until(shown, f"what comes of {label}")
        found = shown()
        assert found is not None
        return self.seen(await found.until(lambda m: "Stop" not in m.buttons and m.text))

    async def opens(self, who: str, on: Seen, label: str) -> Mapping[str, str]:
        modal = (await self.people[who].clicks(on.message, label)).modal
        assert modal is not None, f"{label} opens a form"
        return {name: str(field.get("value", "")) for name, field in modal.fields.items()}

    async def fills(self, who: str, on: Seen, label: str, answers: Mapping[str, str]) -> str:
        message: discord.Message = on.message
        before = len(message.bodies)
        opened = await self.people[who].clicks(message, label)
        filled = await self.people[who].fills(opened.modal, answers)

        def shown() -> discord.Message | None:
            if len(message.bodies) > before:
                return message
            beside = filled.followups[0] if filled.followups else filled.original
            return beside if beside is not message else None

        await self.told.discord.until(shown, f"what comes of the form {label}")
        found = shown()
        assert found is not None
        return (await found.settled()).text

    async def stops(self, who: str, answer: Seen) -> None:
        await self.people[who].clicks(answer.message, "Stop")

    async def loses_group(self, who: str, group: str = GROUP) -> None:
        self.people[who].loses(group)

    async def delivered_again(self, asked: discord.Message) -> None:
        self.told.discord.deliver_again(asked)

    async def restart(self) -> None:
        await self.told.stop()
        await self.told.start()

    async def balance(self, who: str) -> Balance:
        asker = requester(str(self.people[who].id), space=self.space)
        return (await self.bot.quotas.balances(asker, self.bot.chat.models.default.terms))[0]

    def answers(self) -> list[str]:
        return [m.text for m in self.general.from_bot() if not m.only_for]


Begins = Callable[[ScriptedModel], AbstractAsyncContextManager[OnSlack]]


class InSlack:
    """The stage in Slack."""

    def __init__(self, server: slack.Slack, begin: Begins, clock: StoryClock) -> None:
        self.server, self.clock, self._begin = server, clock, begin
        self.model = ScriptedModel(Steps())
        self._stack = AsyncExitStack()
        self._there: OnSlack | None = None
        team = self.team = server.team("Acme")
        self.people = {name: team.user(name) for name in MEMBERS[:2]}
        self.people["cy"] = team.user("cy", groups=[GROUP])
        self.people["ada"] = team.user("ada", groups=["quota-admins"])
        self.people["mo"] = team.user("mo", groups=[STAFF])
        self.general, self.alerts = team.channel("general"), team.channel(ALERTS)

    @property
    def there(self) -> OnSlack:
        assert self._there is not None, "the bot runs"
        return self._there

    @property
    def bot(self) -> Bot:
        return self.there.bot

    @staticmethod
    def seen(message: slack.Message) -> Seen:
        return Seen(message, lambda m: m.shown, slack_kit.buttons_of)

    def newest(self, who: str, where: slack.Channel) -> slack.Message:
        """The newest message of the bot that somebody sees."""
        return [m for m in self.team.sees(self.people[who], where) if m.by_bot][-1]

    async def start(self) -> None:
        self._there = await self._stack.enter_async_context(self._begin(self.model))

    async def stop(self) -> None:
        await self._stack.aclose()
        self._there = None

    async def says(self, who: str, text: str) -> slack.Message:
        return await self.people[who].says(self.general, text)

    async def beginning(self, asked: slack.Message) -> Seen:
        return self.seen((await self.there.until(lambda: self._begun(asked), "a beginning"))[0])

    def _begun(self, asked: slack.Message) -> list[slack.Message]:
        return [m for m in self.there.answers_to(asked) if m.shown]

    async def answer(self, asked: slack.Message) -> Seen:
        await self.there.rests()
        (answer,) = self.there.answers_to(asked)
        return self.seen(answer)

    async def refusal(self, asked: slack.Message) -> Seen:
        await self.there.rests()
        assert self.there.answers_to(asked) == []
        who = next(name for name, user in self.people.items() if user.id == asked.user)
        return self.seen(self.newest(who, self.general))

    async def alert(self) -> Seen:
        await self.there.rests()
        return self.seen(self.newest("ada", self.alerts))

    async def grants(self, who: str, whom: str, amount: str) -> Seen:
        line = f"grant @{whom} {amount}"
        asked = await self.people[who].command(self.general, "/quota-admin", line)
        return self.seen(await asked.answer())

    async def presses(self, who: str, on: Seen, label: str) -> Seen:
        where = on.message.channel
        self.team.channels[where.id].members.add(self.people[who].id)
        before = self.newest(who, where)
        await slack_kit.press(self.people[who], on.message, label)
        await self.there.rests()
        after = self.newest(who, where)
        return self.seen(after) if after is not before else on

    async def opens(self, who: str, on: Seen, label: str) -> Mapping[str, str]:
        view = await (await slack_kit.press(self.people[who], on.message, label)).modal()
        inputs = [block for block in view.blocks if block["type"] == "input"]
        return {b["label"]["text"]: str(b["element"].get("initial_value", "")) for b in inputs}

    async def fills(self, who: str, on: Seen, label: str, answers: Mapping[str, str]) -> str:
        view = await (await slack_kit.press(self.people[who], on.message, label)).modal()
        await self.people[who].submits(view, dict(answers))
        await self.there.rests()
        return str(view.shown)

    async def stops(self, who: str, answer: Seen) -> None:
        await self.people[who].stops(answer.message)

    async def loses_group(self, who: str, group: str = GROUP) -> None:
        await self.people[who].leaves_group(group)
        people = self.there.connection.front.workspaces[self.team.id].people
        await self.there.until(lambda: not people.roles_of(self.people[who].id), "it is lost")

    async def delivered_again(self, asked: slack.Message) -> None:
        for event in asked.event_ids:
            await self.there.told_again(event)

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def balance(self, who: str) -> Balance:
        return await self.there.balance(self.people[who])

    def answers(self) -> list[str]:
        found = [m for m in self.team.bot_messages if m.channel is self.general]
        return [m.shown for m in found if not m.is_ephemeral]


@asynccontextmanager
async def on_discord(
    folder: Path, *limits: str, more: str = "", staff_cap: str = ""
) -> AsyncIterator[Stage]:
    """The stage on Discord, with these limits for everyone."""
    quoted = ", ".join(f'"{limit}"' for limit in limits)
    settings = f'alert_channel = "{ALERTS}"'
    more = f'staff_cap = "{staff_cap}"\n{more}'
    async with discord_kit.story(folder, f"[{quoted}]", discord=settings, more=more) as told:
        yield OnDiscord(told)


@asynccontextmanager
async def in_slack(
    folder: Path, *limits: str, more: str = "", staff_cap: str = ""
) -> AsyncIterator[Stage]:
    """The stage in Slack, with these limits for everyone."""
    settings = f'admins = ["@quota-admins"]\nstaff = ["@{STAFF}"]\nalert_channel = "{ALERTS}"'
    clock = StoryClock()

    def begin(model: ScriptedModel) -> AbstractAsyncContextManager[OnSlack]:
        return on_slack(
            server,
            folder,
            *limits,
            clock=clock,
            settings=settings,
            more=more,
            model=model,
            staff_cap=staff_cap,
        )

    async with slack.Slack(our_app(), clock=clock) as server:
        server.pace.off()
        stage = InSlack(server, begin, clock)
        await stage.start()
        try:
            yield stage
        finally:
            await stage.stop()


Opens = Callable[..., AbstractAsyncContextManager[Stage]]
STAGES: Sequence[Opens] = (on_discord, in_slack)
