"""Five people try all that admins and staff can do in Slack; it is done for whom it is meant.

A member, one of the staff, an admin, an admin of another workspace that the same bot serves, and a
bot in the admins' group; by command, by text in a thread, by every button that governs, and by
every form. The admin of the other workspace tries it twice: as the guest whom a shared channel
brings here, and from the window of their own workspace, where they may. What Slack's own window
would not offer is tried by force: what is tried here is the check in code.
"""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from adapters.discord.surface import ADMIN_ENTRIES, STAFF_ENTRIES
from adapters.slack.panels import unpacked
from bot.actions import FORMS
from bot.commands import ADMINS, STAFF
from bot.news import Alert
from bot.permissions import ACTIONS
from bot.text_alerts import lapsed
from quota.members import Member, Space
from tests.adapters.slack_kit import (
    OAUTH,
    OnSlack,
    buttons_of,
    free_port,
    installs,
    on_slack,
    our_app,
    press,
)
from tests.servers.slack import Channel, Message, Slack, Team, User, View

SETTINGS = 'admins = ["@quota-admins"]\nstaff = ["@helpers"]\nalert_channel = "quota-alerts"'
KIND = "Not allowed"

# Every command, with words that would do something.
ADMIN_LINES = (
    "limit set 5 requests per day for @supporters",
    "limit list",
    "limit remove everyone: 5 requests/week",
    "pool 2M tokens per day fair",
    "pool",
    "pool +5k",
    "pool forget",
    "grant @ana 5k until 3d -- for the demo",
    "balance add @ana $2 -- for the demo",
    "balance set @ana $1",
    "balance list",
    "reset @ana -- our fault",
    "reset all",
    "block @ana until 2h",
    "unblock @ana",
    "explain @ana model mini in #general",
    "usage week by member",
    "top 3",
    "requests",
    "approve 1",
    "deny 1 -- no",
    "audit 7",
    "undo 1",
    "channel #general off",
    "channel #general default",
    "model mini allow default",
    "notice ask Ada",
    "contact Ada",
    "thresholds 60 90",
    "alerts #quota-alerts",
    "pause until 2h",
    "resume",
    "setup",
    "",
)
STAFF_LINES = (
    "show @ana",
    "grant @ana 100 tokens -- ill",
    "requests",
    "approve 1",
    "deny 1 -- no",
    "",
)
HELPING = {"approve", "less", "deny", "line"}
GOVERNING = {"apply", "cancel", "undo", "giveback", "notice", "setup", "limit", "grant"}
COMMANDS = [("quota-admin", line) for line in ADMIN_LINES]
COMMANDS += [("quota-staff", line) for line in STAFF_LINES]


class Way(NamedTuple):
    """A button on a card, by its label, and what it does."""

    on: Message | View
    label: str
    name: str

    @property
    def opens_a_form(self) -> bool:
        """Whether an admin is asked something first: not where nothing is left to choose."""
        one_limit = self.name == "apply" and "Reset all" not in self.on.shown
        is_step = self.label in {"Set up", "Done", "Set a limit"}
        return self.name in FORMS and not (one_limit or is_step)


class School:
    """A workspace in which everybody is there who may try."""

    def __init__(self, slack: Slack, there: OnSlack) -> None:
        self.slack, self.there, self.team = slack, there, there.team
        named = {user.name: user for user in self.team.users.values()}
        self.ada, self.sam, self.ana = named["ada"], named["sam"], named["ana"]
        self.eve, self.robo = named["eve"], named["robo"]
        self.strangers = [self.ana, self.eve, self.robo]
        (self.elsewhere,) = (team for team in slack.teams.values() if team is not self.team)
        # The same person in the window of the workspace that they govern.
        self.abroad = self.elsewhere.users[self.eve.id]
        self.general, self.alerts = self.team.channel("general"), self.team.channel("quota-alerts")
        self.space = Space("slack", self.team.id)

    def may_not(self, deed: str) -> Sequence[User]:
        """Whom it is not meant for."""
        return self.strangers if deed == "staff" else [*self.strangers, self.sam]

    def told(self, who: User) -> list[Message]:
        """All that somebody was ever told by the bot in private."""
        return [m for m in self.team.bot_messages if m.visible_to == who.id]

    def sees(self, who: User, where: Channel) -> list[Message]:
        """What somebody sees of the bot there."""
        return [m for m in self.team.sees(who, where) if m.by_bot]

    async def commands(self, who: User, name: str, line: str) -> Message:
        """Use a command; its private answer."""
        shown = await self.uses(who, name, line)
        assert isinstance(shown, Message)
        return shown

    async def uses(self, who: User, name: str, line: str) -> Message | View:
        """Use a command; the private answer, or the menu of those who govern."""
        asked = await who.command(who.team.channel("general"), f"/{name}", line)
        await self.there.rests()
        opened = self.slack.opened.get(asked.delivery.payload["trigger_id"])
        return opened or await asked.answer()

    async def books(self, team: Team | None = None) -> list[Any]:
        """All that an admin can change in a workspace, and the audit but for what was refused."""
        store = self.there.bot.quotas.store
        space = Space("slack", (team or self.team).id)
        wallet = Member(space, self.ana.id).wallet
        keys = f" space='{space.key}'"
        return [
            [row for row in await store.limits() if row.space == space.key],
            sorted(row for row in map(str, await store.flags()) if keys in f" {row}"),
            await store.grants(wallet, self.there.bot.clock.now()),
            [row for row in await self._trail(space) if row.action != "refused"],
        ]

    async def _trail(self, space: Space) -> list[Any]:
        store = self.there.bot.quotas.store
        return list(await store.audit_trail(space.key, 0, 10_000))

    async def refusals(self, who: User) -> int:
        """How many attempts of somebody are written down."""
        trail = await self._trail(self.space)
        return sum((row.actor, row.action) == (who.id, "refused") for row in trail)

    async def mistaken(self) -> Message:
        return await self.commands(self.ada, "quota-admin", "grant @ana lots")

    async def asked_for_more(self) -> Message:
        await self.commands(self.ana, "quota", "more 5k tokens -- a demo")
        return self._newest_alert()

    async def lapses(self) -> Message:
        workspace = self.there.connection.front.workspaces[self.team.id]
        for hear in self.there.bot.on_alert:
            hear(Alert(self.space, lapsed(workspace.words, 1, self.ana.id, 9)))
        await self.there.rests()
        return self._newest_alert()

    def _newest_alert(self) -> Message:
        return [m for m in self.alerts.messages if m.by_bot and not m.is_ephemeral][-1]

    async def ways(self) -> list[Way]:
        """Every button with which somebody governs or helps, each on a card of its own kind."""
        lines = (
            "limit set 7 requests per week",
            "reset all",
            "limit list",
            "setup",
            "notice",
            "pause",
        )
        cards: list[Message | View]
        cards = [await self.commands(self.ada, "quota-admin", line) for line in lines]
        await self.commands(self.ada, "quota-admin", "resume")
        cards += [await self.mistaken(), await self.asked_for_more(), await self.lapses()]
        await self.ada.opens_home()
        await self.there.rests()
        cards.append(self.team.homes[self.ada.id])
        ways = []
        for card in cards:
            for block in card.blocks:
                for element in block.get("elements", ()):
                    click = unpacked(str(element.get("value")), "")
                    if click is not None and click.name in HELPING | GOVERNING:
                        ways.append(Way(card, element["text"]["text"], click.name))
        return ways

    async def uses_all(self, ways: Sequence[Way], who: User) -> set[str]:
        """Use every button: first those with a form, for others take their card away."""
        used = set()
        for on, label, name in sorted(ways, key=lambda way: not way.opens_a_form):
            if label not in buttons_of(on):
                continue
            await press(who, on, label)
            await self.there.rests()
            used.add(name)
        return used

    def filled(self, view: View) -> dict[str, Any]:
        """Something that fits in every field of a form."""
        fits = {
            "plain_text_input": "60 90",
            "conversations_select": self.alerts,
            "users_select": self.ana,
            "number_input": "5",
            "static_select": "supporters",
        }
        said = {"line": "quota-admin limit set 9 requests per week", "confirm": "reset all"}
        found: dict[str, Any] = {}
        for block in view.blocks:
            element = block.get("element") or {}
            preset = {"initial_value", "initial_option", "initial_conversation"} & element.keys()
            if block["type"] != "input" or (preset and block["block_id"] not in said):
                continue
            found[block["block_id"]] = said.get(block["block_id"], fits[element["type"]])
        return found


@asynccontextmanager
async def school(folder: Path) -> AsyncIterator[School]:
    async with Slack(our_app()) as slack:
        slack.pace.off()
        team, elsewhere = slack.team("Acme"), slack.team("Elsewhere", installed=False)
        team.user("ada", groups=["quota-admins"])
        team.user("sam", groups=["helpers"])
        ana = team.user("ana", groups=["supporters"])
        elsewhere.user("ana", user_id=ana.id, home_id=team.id, is_stranger=True)
        elsewhere.usergroup("supporters")
        team.user("robo", groups=["quota-admins"], is_bot=True)
        eve = elsewhere.user("eve", groups=["quota-admins"], is_admin=True, is_owner=True)
        rights: dict[str, Any] = {"is_stranger": True, "is_admin": True, "is_owner": True}
        team.user("eve", user_id=eve.id, home_id=elsewhere.id, **rights)
        for each in (team, elsewhere):
            each.channel("general")
            each.channel("quota-alerts")
        port = free_port()
        settings = SETTINGS + OAUTH.format(port=port)
        async with on_slack(slack, folder, "1000 tokens/day", settings=settings) as there:
            await installs(eve, port)
            await there.rests()
            yield School(slack, there)


def test_everything_of_the_tables_is_tried() -> None:
    deeds = {name: deed for name, deed in ACTIONS.items() if deed in {"staff", "govern"}}
    assert deeds == dict.fromkeys(HELPING, "staff") | dict.fromkeys(GOVERNING, "govern")
    for lines, verbs in ((ADMIN_LINES, ADMINS), (STAFF_LINES, STAFF)):
        assert {line.split()[0] for line in lines if line} == set(verbs)
    for lines, entries in ((ADMIN_LINES, ADMIN_ENTRIES), (STAFF_LINES, STAFF_ENTRIES)):
        begins = {entry.line.partition("{")[0].partition("[")[0].strip() for entry in entries}
        tried = {f"{line} " for line in lines}
        assert [one for one in begins if not any(t.startswith(f"{one} ") for t in tried)] == []


async def test_commands_are_carried_out_for_whom_they_are_meant(tmp_path: Path) -> None:
    async with school(tmp_path) as here:
        await here.asked_for_more()
        before = await here.books()
        for name, line in COMMANDS:
            for who in here.may_not("staff" if name == "quota-staff" else "govern"):
                count = await here.refusals(who)
                told = await here.commands(who, name, line)
                assert (told.visible_to, KIND in told.shown) == (who.id, True), (who, line)
                assert await here.refusals(who) == count + 1, (who, line)
        assert await here.books() == before
        yonder = await here.books(here.elsewhere)
        for name, line in COMMANDS:
            assert KIND not in (await here.uses(here.abroad, name, line)).shown, line
        assert await here.books(here.elsewhere) != yonder
        assert await here.books() == before
        for who in (here.sam, here.ada):
            for name, line in COMMANDS:
                if who is here.ada or name == "quota-staff":
                    assert KIND not in (await here.uses(who, name, line)).shown, line
        assert await here.refusals(here.ada) == 0
        assert await here.books() != before


@pytest.mark.parametrize("direct", [False, True])
async def test_the_same_holds_for_what_is_written_as_a_message(
    tmp_path: Path, *, direct: bool
) -> None:
    async with school(tmp_path) as here:
        await here.asked_for_more()
        thread = None if direct else await here.ana.says(here.general, "@bot hello")
        await here.there.rests()
        before = await here.books()
        for name, line in COMMANDS:
            for who in here.may_not("staff" if name == "quota-staff" else "govern"):
                where = here.team.dm(who) if direct else here.general
                seen, count = here.sees(who, where), await here.refusals(who)
                await who.says(where, f"!{name} {line}", thread=thread)
                await here.there.rests()
                told = here.sees(who, where)[len(seen) :]
                assert [KIND in each.shown for each in told] == [True], (who, line)
                assert await here.refusals(who) == count + 1, (who, line)
        assert await here.books() == before
        yonder = await here.books(here.elsewhere)
        there = here.elsewhere.channel("general")
        for name, line in COMMANDS:
            await here.abroad.says_to_bot(f"!{name} {line}")
            await here.abroad.says(there, f"@bot !{name} {line}")
            await here.there.rests()
        assert await here.books(here.elsewhere) != yonder
        assert await here.books() == before
        where = here.team.dm(here.ada) if direct else here.general
        await here.ada.says(where, "!quota-admin grant @ana 5k", thread=thread)
        await here.there.rests()
        assert "Added 5,000 tokens" in here.sees(here.ada, where)[-1].shown


async def test_buttons_are_for_whom_they_are_meant(tmp_path: Path) -> None:
    async with school(tmp_path) as here:
        ways = await here.ways()
        before = await here.books()
        assert {way.name for way in ways} == HELPING | GOVERNING
        for on, label, name in ways:
            for who in here.may_not("staff" if name in HELPING else "govern"):
                said, count = len(here.told(who)), await here.refusals(who)
                asked = await press(who.by_force(), on, label)
                await here.there.rests()
                opened = here.slack.opened.get(asked.delivery.payload["trigger_id"])
                found = [opened] if opened is not None else here.told(who)[said:]
                assert [KIND in each.shown for each in found] == [True], (who, label)
                assert opened is None or not opened.payload.get("submit"), (who, label)
                assert await here.refusals(who) == count + 1, (who, label)
        assert await here.books() == before
        assert await here.uses_all(ways, here.ada) == HELPING | GOVERNING
        assert await here.refusals(here.ada) == 0
        assert await here.books() != before


async def test_who_governs_elsewhere_changes_nothing_here_by_any_button(tmp_path: Path) -> None:
    async with school(tmp_path) as here:
        ways = await here.ways()
        before = await here.books()
        # With the first button the card is gone: it is not one of their workspace.
        used = await here.uses_all(ways, here.abroad.by_force())
        assert used >= (HELPING | GOVERNING) - {"cancel"}
        assert await here.books() == before


async def test_forms_are_for_whom_they_are_meant(tmp_path: Path) -> None:
    async with school(tmp_path) as here:
        ways = [way for way in await here.ways() if way.opens_a_form]
        assert {way.name for way in ways} == FORMS.keys() & (HELPING | GOVERNING)
        before = await here.books()
        for way in ways:
            # The staff may mend a line, but not one that governs.
            helps = way.name in HELPING and way.name != "line"
            for who in here.may_not("staff" if helps else "govern"):
                view = await (await press(here.ada, way.on, way.label)).modal()
                count = await here.refusals(who)
                await who.by_force().submits(view, here.filled(view))
                await here.there.rests()
                assert KIND in view.shown, (who, way.label)
                assert await here.refusals(who) == count + 1, (who, way.label)
            view = await (await press(here.ada, way.on, way.label)).modal()
            await here.abroad.by_force().submits(view, here.filled(view))
            await here.there.rests()
            assert KIND in view.shown, way.label
        assert await here.books() == before
        # The one request is decided once; it stands on two cards, each with two forms.
        decides = [way for way in ways if way.name in {"less", "deny"}]
        for way in [way for way in ways if way not in decides[1:]]:
            view = await (await press(here.ada, way.on, way.label)).modal()
            await here.ada.submits(view, here.filled(view))
            await here.there.rests()
            assert KIND not in view.shown, way.label
        assert await here.refusals(here.ada) == 0
        assert await here.books() != before


async def test_what_a_button_carries_is_no_key(tmp_path: Path) -> None:
    """A window that sends anything at all: the owner that a button names gives no right."""
    async with school(tmp_path) as here:
        card = await here.commands(here.ada, "quota-admin", "limit set 7 requests per week")
        before = await here.books()
        (block,) = [block for block in card.blocks if block["type"] == "actions"]
        for element in block["elements"]:
            name, subject, _ = json.loads(element["value"])
            element["value"] = json.dumps([name, subject, here.eve.id])
        await press(here.eve.by_force(), card, "Apply")
        await here.there.rests()
        assert KIND in here.told(here.eve)[-1].shown
        assert await here.books() == before
