"""Five people try all that admins and staff can do on Discord; it is done for whom it is meant.

A member, one of the staff, an admin, an admin of another server, and a bot that holds the admins'
role; by command, by every button that governs, and by every form. The platform's own check is left
out (`by_force`): what is tried here is the second one, in code.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from adapters.discord import dialect, panels
from adapters.discord.entries import Entry
from adapters.discord.surface import ADMIN_ENTRIES, MENUS, STAFF_ENTRIES
from bot.actions import FORMS
from bot.commands import GOVERNING as COMMANDS
from bot.news import Alert
from bot.permissions import ACTIONS
from bot.text_alerts import lapsed
from quota.members import Member, Space
from tests.discord_kit import Story, story
from tests.servers.discord import Guild, Message, Permission
from tests.servers.discord.models import Channel, Interaction, Modal, walk
from tests.servers.discord.people import Member as Somebody
from tests.servers.discord.people import Person

LIMITS = '["10 requests/day", "1000 tokens/day"]'
CHANNEL_MENU, ROLE_MENU, MEMBER_MENU, TEXT = 8, 6, 5, 4
KIND = "Not allowed"

# What fits into an option, by its name, else by its kind; whoever is meant stands in `School`.
SAID: Mapping[str, str] = {
    "amount": "+5 requests",
    "per": "day",
    "rule": "everyone: 5 requests/week",
    "model": "default",
    "actor": "ana",
}
MEANT: Mapping[str, Any] = {
    "member": "ana",
    "target": "Supporter",
    "channel": "general",
    "number": 1,
}
# Options that need not be given, but without which a command would do less.
GIVEN_TOO = {("quota-admin member reset", "member"), ("quota-admin model set", "allowed_for")}
# Amounts that are no change but a size.
PLAIN = {"quota-admin limit set": "5", "quota-admin pool set": "2M"}
# What is only ever typed, or pressed.
TYPED_ONLY = (
    "quota-admin approve 1",
    "quota-admin deny 1 -- no",
    "quota-admin undo 1",
    "quota-admin contact Ada",
    "quota-admin thresholds 60 90",
    "quota-admin alerts off",
    "quota-staff approve 1",
    "quota-staff deny 1 -- no",
)


def given(entry: Entry) -> dict[str, Any]:
    """Options with which a command does something, made from the table of commands."""
    found: dict[str, Any] = {}
    for option in entry.options:
        if option.required or (entry.path, option.name) in GIVEN_TOO:
            fits = option.choices[0] if option.choices else SAID.get(option.name, "x")
            found[option.name] = MEANT.get(option.kind, fits)
    if "amount" in found:
        found["amount"] = PLAIN.get(entry.path, found["amount"])
    return found


GOVERNING = (*ADMIN_ENTRIES, *STAFF_ENTRIES)


class Way(NamedTuple):
    """A button on a card, by what it does and what it is about."""

    message: Message
    custom_id: str
    name: str

    @property
    def opens_a_form(self) -> bool:
        """Whether an admin is asked something first: not by the last step, nor of one limit."""
        one_limit = self.name == "apply" and "Set this limit" in self.message.text
        return self.name in FORMS and not self.custom_id.endswith("|done") and not one_limit


class School:
    """A server in which everybody is there who may try, and something is set already."""

    def __init__(self, told: Story) -> None:
        self.told = told
        self.guild: Guild = told.discord.guild("Homework")
        admins = self.guild.role("Admin", Permission.MANAGE_GUILD)
        staff = self.guild.role("Staff", Permission.MODERATE_MEMBERS)
        self.supporter = self.guild.role("Supporter")
        self.ada = self.guild.member("ada", roles=[admins])
        self.mo = self.guild.member("mo", roles=[staff])
        self.ana = self.guild.member("ana")
        self.elsewhere = told.discord.guild("Elsewhere")
        boss = self.elsewhere.role("Boss", Permission.ADMINISTRATOR)
        self.boss = self.elsewhere.member("eve", roles=[boss])
        self.eve = self.guild.member("eve")
        robot = Person(self.guild.world, "robo", bot=True)
        self.robo = Somebody(self.guild, robot, [admins])
        self.guild.members[robot.id] = self.robo
        self.channel: Channel = self.guild.channel("general")
        self.desk: Channel = self.guild.channel("admins")
        self.space = Space("discord", str(self.guild.id))

    @property
    def strangers(self) -> list[Somebody]:
        """Who may not help members, staff left out."""
        return [self.ana, self.eve, self.robo]

    def may_not(self, line: str) -> list[Somebody]:
        """For whom a command is not meant."""
        return self.strangers if line.startswith("quota-staff") else [*self.strangers, self.mo]

    async def sent(self, who: Somebody, command: str, options: Mapping[str, Any]) -> Interaction:
        """Use a command, with what its options stand for."""
        stands = {"ana": self.ana, "general": self.channel, "Supporter": self.supporter}
        meant = {name: stands.get(str(value), value) for name, value in options.items()}
        return await who.by_force().slash(self.channel, command, **meant)

    def said(self, value: object) -> str:
        """The same in a typed line."""
        stands = {"ana": f"@member:{self.ana.id}", "Supporter": "@role:Supporter"}
        stands["general"] = f"#{self.channel.id}"
        return stands.get(str(value), str(value))

    async def does(self, who: Somebody, command: str, **given: Any) -> Message:
        return await (await (await self.sent(who, command, given)).reply()).settled()

    async def books(self) -> list[Any]:
        """All that an admin of this server can change, and the audit but for what was refused."""
        store = self.told.bot.quotas.store
        wallet = Member(self.space, str(self.ana.id)).wallet
        now = self.told.clock.now()
        return [
            [row for row in await store.limits() if row.space == self.space.key],
            sorted(row for row in map(str, await store.flags()) if self.space.key in row),
            await store.grants(wallet, now),
            [r for r in await self._trail() if r.action != "refused"],
        ]

    async def _trail(self) -> list[Any]:
        return await self.told.bot.quotas.store.audit_trail(self.space.key, 0, 10_000)

    async def refusals(self, who: Somebody) -> int:
        """How many attempts of somebody are written down."""
        mine = (row for row in await self._trail() if row.actor == str(who.id))
        return sum(row.action == "refused" for row in mine)

    async def refused(self, who: Somebody, sent: Interaction) -> None:
        """What was tried is answered kindly, and by nothing but a word in private."""
        assert sent.modal is None, f"{who} has got the form {sent.modal}"
        answer = await (await sent.reply()).settled()
        assert KIND in answer.text, f"{sent}: {answer.text}"
        assert answer.only_for is who.person

    async def meets_everybody(self) -> None:
        """Who was never seen changes what is kept by being seen."""
        for who in (self.ada, self.mo, *self.strangers):
            await self.does(who, "quota")

    async def ways(self) -> list[Way]:
        """Every button with which somebody governs or helps, each on a card of its own kind."""
        cards = [
            await self.does(self.ada, "quota-admin limit set", amount="7", per="week"),
            await self.does(self.ada, "quota-admin limit list"),
            await self.does(self.ada, "quota-admin member explain", member=self.ana),
            await self.does(self.ada, "quota-admin member reset"),
            await self.does(self.ada, "quota-admin member grant", member=self.ana, amount="nil"),
            await self.does(self.ada, "quota-admin setup"),
            await self.does(self.ada, "quota-admin pause", until="1h"),
            await self.hears_alerts(),
            await self.asked_for_more(),
            await self._lapse(),
        ]
        await self.does(self.ada, "quota-admin resume")
        ways: list[Way] = []
        for card in cards:
            for part in walk(card.components):
                action = panels.decoded(str(part.get("custom_id", "")))
                if action is not None and ACTIONS[action.name] in {"staff", "govern"}:
                    ways.append(Way(card, part["custom_id"], action.name))
        return ways

    async def hears_alerts(self) -> Message:
        opened = await self.ada.slash(self.channel, "quota-admin notice set")
        return await (await self.ada.fills(opened.modal, {"alerts": self.desk})).reply()

    async def asked_for_more(self) -> Message:
        card = await self.does(self.ana, "quota")
        opened = await self.ana.clicks(card, "Ask for more")
        answers = {"How much": "2 requests", "What for": "the exam"}
        await (await self.ana.fills(opened.modal, answers)).reply()
        return await self.desk.answer()

    async def _lapse(self) -> Message:
        panel = lapsed(dialect.words_of(self.told.clock), 1, str(self.ana.id), 9)
        before = len(self.desk.from_bot())
        for hear in self.told.bot.on_alert:
            hear(Alert(self.space, panel))
        await self.told.discord.until(lambda: len(self.desk.from_bot()) > before, "the alert")
        return self.desk.from_bot()[-1]

    async def presses(self, who: Somebody, message: Message, name: str) -> None:
        """Press what does this, and wait until the card is another."""
        shown = len(message.bodies)
        custom_id = f"q|{name}||{self.subject_of(message, name)}"
        await who.clicks(message, custom_id=custom_id)
        await self.told.discord.until(lambda: len(message.bodies) > shown, "another card")

    def subject_of(self, message: Message, name: str) -> str:
        """What a button of a card is about."""
        actions = (panels.decoded(str(p.get("custom_id", ""))) for p in walk(message.components))
        return next(action.subject for action in actions if action and action.name == name)

    def filled(self, modal: Modal) -> dict[str, Any]:
        """Something that fits in every field of a form."""
        fits = {CHANNEL_MENU: self.desk, ROLE_MENU: self.supporter, MEMBER_MENU: self.ana}
        found = {label: fits.get(field["type"]) for label, field in modal.fields.items()}
        for label, field in modal.fields.items():
            if field["type"] == TEXT:
                said = {"line": "quota-admin pause", "confirm": "reset all"}
                found[label] = said.get(field["custom_id"], field.get("value") or "60 90")
        return {label: value for label, value in found.items() if value is not None}


def test_what_is_tried_comes_from_the_tables_and_leaves_out_no_verb() -> None:
    """A new command, button or form is tried without a word here, or makes this red."""
    assert {entry.path.split()[0] for entry in GOVERNING} == {"quota-admin", "quota-staff"}
    lines = [*TYPED_ONLY, *(line for entry in GOVERNING for line in typed(entry, str))]
    for command, verbs in COMMANDS.items():
        tried = {line.split()[1] for line in lines if line.split()[0] == command}
        assert tried == set(verbs), command


def typed(entry: Entry, stands: Callable[[Any], str]) -> list[str]:
    """The lines that somebody may type in place of a command."""
    lines = entry.typed({name: stands(value) for name, value in given(entry).items()})
    return [f"{entry.path.split()[0]} {line}" for line in lines]


async def test_commands_are_carried_out_for_whom_they_are_meant(tmp_path: Path) -> None:
    async with story(tmp_path, LIMITS) as told:
        here = School(told)
        await here.meets_everybody()
        before = await here.books()
        for entry in GOVERNING:
            for who in here.may_not(entry.path):
                count = await here.refusals(who)
                await here.refused(who, await here.sent(who, entry.path, given(entry)))
                assert await here.refusals(who) == count + 1, entry.path
        assert await here.books() == before
        for who, entries in (
            (here.mo, STAFF_ENTRIES),
            (here.ada, (*STAFF_ENTRIES, *ADMIN_ENTRIES)),
        ):
            for entry in entries:
                sent = await here.sent(who, entry.path, given(entry))
                if sent.modal is None:
                    assert KIND not in (await (await sent.reply()).settled()).text, entry.path
        assert await here.refusals(here.ada) == 0
        assert await here.books() != before


async def test_the_same_holds_for_what_is_typed_into_a_form(tmp_path: Path) -> None:
    async with story(tmp_path, LIMITS) as told:
        here = School(told)
        await here.meets_everybody()
        mistake = await here.does(
            here.ada, "quota-admin member grant", member=here.ana, amount="nil"
        )
        opened = await here.ada.clicks(mistake, "Open the form")
        assert opened.modal is not None
        (field,) = opened.modal.fields
        before = await here.books()
        lines = [*TYPED_ONLY, *(line for entry in GOVERNING for line in typed(entry, here.said))]
        for line in lines:
            for who in here.may_not(line):
                count = await here.refusals(who)
                await here.refused(who, await who.by_force().fills(opened.modal, {field: line}))
                assert await here.refusals(who) == count + 1, line
        assert await here.books() == before
        for line in lines:
            done = await (await here.ada.fills(opened.modal, {field: line})).reply()
            assert KIND not in (await done.settled()).text, line
        assert await here.refusals(here.ada) == 0
        assert await here.books() != before


async def test_the_menu_of_a_member_is_for_staff(tmp_path: Path) -> None:
    async with story(tmp_path, LIMITS) as told:
        here = School(told)
        await here.meets_everybody()
        (menu,) = [menu for menu in MENUS if menu.staff]
        for who in here.strangers:
            used = await who.by_force().uses(menu.name, here.ana, here.channel)
            await here.refused(who, used)
            assert await here.refusals(who) == 1
        for who in (here.mo, here.ada):
            used = await who.by_force().uses(menu.name, here.ana, here.channel)
            assert KIND not in (await (await used.reply()).settled()).text


async def test_buttons_are_for_whom_they_are_meant(tmp_path: Path) -> None:
    async with story(tmp_path, LIMITS) as told:
        here = School(told)
        await here.meets_everybody()
        ways = await here.ways()
        before = await here.books()
        assert {way.name for way in ways} == {
            n for n, d in ACTIONS.items() if d in {"staff", "govern"}
        }
        for message, custom_id, name in ways:
            people = here.strangers if ACTIONS[name] == "staff" else [*here.strangers, here.mo]
            for who in people:
                count = await here.refusals(who)
                sent = await who.by_force().clicks(message, custom_id=custom_id)
                await here.refused(who, sent)
                assert await here.refusals(who) == count + 1, name
        assert await here.books() == before


async def test_forms_are_for_whom_they_are_meant(tmp_path: Path) -> None:
    async with story(tmp_path, LIMITS) as told:
        here = School(told)
        await here.meets_everybody()
        ways = await here.ways()
        forms = {}
        for way in ways:
            if way.opens_a_form:
                sent = await here.ada.clicks(way.message, custom_id=way.custom_id)
                assert sent.modal is not None, f"{way} has opened no form"
                forms[way.custom_id] = (way.name, sent.modal)
        assert {name for name, _ in forms.values()} == {
            n for n in FORMS if ACTIONS[n] in {"staff", "govern"}
        }
        before = await here.books()
        for name, modal in forms.values():
            # The staff may mend a line, but not one that governs.
            helps = ACTIONS[name] == "staff" and name != "line"
            for who in here.strangers if helps else [*here.strangers, here.mo]:
                count = await here.refusals(who)
                await here.refused(who, await who.by_force().fills(modal, here.filled(modal)))
                assert await here.refusals(who) == count + 1, name
        assert await here.books() == before
        for name, modal in forms.values():
            done = await here.ada.fills(modal, here.filled(modal))
            assert done.callback in {5, 6}, name
        await told.discord.until(lambda: told.bot.quotas.governing.flags(here.space.key, "pause"))
        assert await here.refusals(here.ada) == 0


async def test_an_admin_of_another_server_reaches_nothing_of_this_one(tmp_path: Path) -> None:
    async with story(tmp_path, LIMITS) as told:
        here = School(told)
        await here.meets_everybody()
        there = here.elsewhere.channel("general")
        await (await here.boss.slash(there, "quota")).reply()
        preview = await here.does(here.ada, "quota-admin limit set", amount="7", per="week")
        await here.presses(here.ada, preview, "apply")
        await here.hears_alerts()
        asked = here.subject_of(await here.asked_for_more(), "approve")
        before = await here.books()
        (limit,) = told.bot.quotas.governing.limits(here.space.key)
        (row, *_) = before[3]
        for line in (
            f"undo {row.id}",
            f"approve {asked}",
            f"deny {asked} -- no",
            f"limit remove {limit.id}",
            f"limit remove {limit.name}",
            f"grant @member:{here.ana.id} +500 requests",
        ):
            mistake = await (
                await here.boss.slash(
                    there, "quota-admin member grant", member=here.boss, amount="nil"
                )
            ).reply()
            opened = await here.boss.clicks((await mistake.settled()), "Open the form")
            assert opened.modal is not None
            (field,) = opened.modal.fields
            await (await here.boss.fills(opened.modal, {field: line})).reply()
            assert await here.books() == before, line
