"""A tour of every command, button and form: what is common to all that they say."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from bot.actions import DEEDS, FORMS, AskAgain, Pressed, Shown
from bot.commands import ADMINS, MEMBERS, STAFF, Typed
from bot.panels import ACTION_CHARS_MAX, Action, Form, Panel
from bot.permissions import ACTIONS
from bot.quota_views import VIEWS
from bot.text import Words
from quota.members import Requester
from quota.units import Amount, Rates, Unit, Usage
from tests.fakes import HOUR, requester
from tests.scripted import Bot, build, says, when

# Ids as long as those of Discord; the space's as well.
ANA, BO, ADA, SAM = (f"99{n}456789012345678" for n in range(4))
SPACE = "discord:881234567890123456"
WORDS = Words(
    when,
    who=lambda id_: f"<@{id_}>",
    role=lambda name: f"@{name}",
    channel=lambda id_: f"<#{id_}>",
)

LINES = [
    "/quota",
    "/quota share",
    "/quota rules",
    "/quota history",
    "/quota receipt",
    "/quota more 5k tokens until 3d -- exam week",
    "/quota ceiling 5k tokens per day",
    "/quota ceiling",
    "/quota rules",
    "/quota ceiling off",
    "/quota remind on",
    "/quota price how do I boil an egg",
    "/quota confirm 10%",
    "/quota fallback auto",
    "/help",
    "/help tokens",
    "/model",
    "/model mini",
    "/new",
    "/stop",
    "/chat new",
    "/chat forget everywhere",
    "/chat settings",
    "/privacy export",
    "/privacy delete",
    f"/quota-staff show @member:{ANA}",
    f"/quota-staff grant @member:{ANA} 1k tokens -- stuck",
    f"/quota-staff grant @member:{ANA} 9k tokens -- stuck again",
    "/quota-staff requests",
    "/quota-staff approve 12ab34cd",
    "/quota-staff deny 12ab34cd",
    "/quota-admin",
    "/quota-admin limit list",
    f"/quota-admin limit set 400 tokens per day for @member:{ANA} -- too chatty",
    "/quota-admin limit set 90k tokens per week for @role:Supporter cap",
    "/quota-admin limit remove everyone tokens/day",
    "/quota-admin pool 500 tokens per day",
    f"/quota-admin grant @member:{ANA} +5k until 3d -- demo",
    f"/quota-admin grant @member:{ANA} -1k",
    "/quota-admin balance list",
    f"/quota-admin balance add @member:{ANA} $2 -- demo",
    f"/quota-admin balance set @member:{BO} -$1 -- a song too many",
    f"/quota-admin reset @member:{ANA} -- our fault",
    "/quota-admin reset all -- our fault",
    f"/quota-admin block @member:{BO} until 2h -- spam",
    f"/quota-admin explain @member:{BO}",
    f"/quota-admin unblock @member:{BO}",
    f"/quota-admin explain @member:{ANA}",
    "/quota-admin requests",
    "/quota-admin requests done",
    "/quota-admin approve 12ab34cd",
    "/quota-admin deny 12ab34cd",
    "/quota-admin usage month by member",
    "/quota-admin usage week by day",
    "/quota-admin usage csv",
    "/quota-admin top 5",
    "/quota-admin channel #771234567890123456 thread model mini max 500",
    "/quota-admin model mini allow @Supporter",
    "/quota-admin alerts #771234567890123456",
    "/quota-admin contact Ada",
    "/quota-admin thresholds 60 90",
    "/quota-admin notice Ask Ada for more.",
    "/quota-admin notice",
    "/quota-admin setup",
    "/quota-admin setup done",
    "/quota-admin pause until 2h -- the bill",
    "/quota-admin resume",
    "/quota-admin audit",
    f"/quota-admin audit 3 by @member:{ADA} to @member:{ANA}",
    "/quota-admin undo 1",
    "/quota-admin nonsense",
]
VALUES = {
    "more": {"amount": "2k tokens", "until": "2d", "why": "a song"},
    "less": {"amount": "1k", "reason": "the rest tomorrow"},
    "deny": {"reason": "too much"},
    "apply": {"confirm": "reset all"},
    "settings": {"model": "mini", "footer": "always", "language": "de", "remind": "on"},
    "sending": {"confirm": "2k tokens", "fallback": "ask"},
    "notice": {"note": "Ask Ada.", "contact": "Ada", "thresholds": "50", "alerts": "77"},
    "setup": {"amount": "5k tokens", "per": "day", "role": "Supporter", "channel": "77"},
    "privacy": {"confirm": "delete"},
    "line": {"line": "quota-admin limit list"},
    "report": {"why": "It is wrong.", "link": "https://chat.example/42"},
    "limit": {
        "amount": "7",
        "unit": "dollars",
        "per": "week",
        "model": "*",
        "kind": "cap",
        "role": "Supporter",
        "member": ANA,
        "channel": "77",
        "channel.name": "general",
    },
    "grant": {
        "member": ANA,
        "amount": "-1",
        "unit": "tokens",
        "until": "3d",
        "reason": "a demo -- or two",
    },
}


class Tour:
    """All cards, actions and forms that were met."""

    def __init__(self, words: Words = WORDS) -> None:
        self.words = words
        self.bot: Bot = build(
            "everyone: 10k tokens/day",
            "role Supporter: 50k tokens/day",
            "space: 1M tokens/day",
            "balance: start=$5 overdraft=$1 refill=$1/week up to $9",
            rates=Rates(1_000_000, 1_000_000, 2_000_000, 2_000_000),
            staff_cap=Amount(2_000, Unit.TOKENS),
        )
        self.panels: list[Panel] = []
        self.forms: list[Form] = []
        self.done: set[str] = set()
        for hearers in (self.bot.desk.news.on_alert, self.bot.desk.news.on_word):
            hearers.append(lambda news: self.panels.append(news.panel))

    def who(self, id_: str, **more: Any) -> Requester:
        return requester(id_, roles=["Supporter"], space=SPACE, **more)

    @property
    def admin(self) -> Requester:
        return self.who(ADA, admin=True)

    async def go(self) -> None:
        for id_ in (ANA, BO):
            self.bot.model.next(says(1, reported=Usage(input=9, output=500)))
            await self.bot.answer(self.who(id_))
        for line in LINES:
            typer = self.who(ANA)
            if line.startswith("/quota-"):
                staff = line.startswith("/quota-staff")
                typer = self.who(SAM, staff=True) if staff else self.admin
            met = len(self.panels)
            for previews in (True, False):
                typed = Typed(typer, line, previews=previews)
                self.panels.append((await self.bot.commands.run(typed, self.words)).panel)
            fresh = [a for panel in self.panels[met:] for a in panel.actions]
            for action in fresh:
                self.open(action)
            for action in fresh:
                await self.press(action)
            self.bot.clock.advance(HOUR // 10)

    def open(self, action: Action) -> Pressed:
        """As its owner, or an admin, would; what is submitted if it opens a form."""
        who = replace(self.who(action.owner or ADA), is_admin=not action.owner)
        pressed = Pressed(who, action.name, action.subject, action.owner)
        form = self.bot.actions.form(pressed, self.words)
        if form is None:
            return pressed
        self.forms.append(form)
        return replace(pressed, name=form.name, subject=form.subject, values=VALUES[form.name])

    async def press(self, action: Action) -> None:
        pressed = self.open(action)
        shown = await self.bot.actions.press(pressed, self.words)
        self.done.add(action.name)
        if isinstance(shown, Shown):
            self.panels.append(shown.card.panel)
        else:
            assert isinstance(shown, AskAgain)

    async def press_all(self) -> None:
        for name, deed in ACTIONS.items():
            owner = ANA if deed == "own" else ""
            await self.press(Action(name, name, "mini" if name == "use" else "", owner))


@pytest.fixture
async def tour() -> Tour:
    tour = Tour()
    await tour.go()
    await tour.press_all()
    return tour


def texts(tour: Tour) -> Iterator[str]:
    for panel in tour.panels:
        if panel.title in {"Your data", "usage-by-member.csv"}:
            continue  # for programs to read
        yield from (panel.title, *panel.lines, panel.footer)
        for gauge in panel.gauges:
            yield from (gauge.label, gauge.numbers, gauge.detail)
        for row in panel.table.rows if panel.table is not None else ():
            yield from row
    for form in tour.forms:
        yield from (form.title, form.submit)
        for field in form.fields:
            yield from (field.label, field.hint)


async def test_the_tour_meets_every_command_button_and_form(tour: Tour) -> None:
    typed = {line.split()[0].removeprefix("/") for line in LINES}
    assert set(MEMBERS) <= typed
    verbs = {line.split()[1] for line in LINES if line.startswith("/quota-admin ")}
    assert set(ADMINS) <= verbs
    assert set(STAFF) <= {line.split()[1] for line in LINES if line.startswith("/quota-staff ")}
    assert set(VIEWS) - {"summary"} <= {line.split()[1] for line in LINES if "/quota " in line}
    assert tour.done == set(ACTIONS) == set(DEEDS)
    # Forms that only open while something waits were met on the way.
    assert set(FORMS) == {form.name for form in tour.forms}


@pytest.mark.parametrize("unwanted", ["!", "None", "Error", "  ", "..", "sorry"])
async def test_nothing_shouts_or_shows_what_is_inside(tour: Tour, unwanted: str) -> None:
    assert [text for text in texts(tour) if unwanted in text.replace("...", "")] == []


async def test_people_are_named_as_the_platform_names_them(tour: Tour) -> None:
    """Never a bare id, which says nothing, and never one that could be taken for a name."""
    ids = re.compile(rf"(?<!<@)\b({ANA}|{BO}|{SAM}|{ADA})\b")
    found = {text for text in texts(tour) if ids.search(text)}
    # What is typed again to remove a limit is its id.
    assert {text for text in found if not text.startswith("member:")} == set()


async def test_every_refusal_is_short_and_says_what_to_write(tour: Tour) -> None:
    refused = [p for p in tour.panels if p.title in {"That did not work", "Not allowed"}]
    assert refused
    assert [p for p in refused if len(" ".join(p.lines)) > 300] == []


async def test_every_button_fits_into_what_platforms_carry(tour: Tour) -> None:
    buttons = [action for panel in tour.panels for action in panel.actions]
    assert len({action.name for action in buttons}) > 10
    for action in buttons:
        assert len(f"{action.name}|{action.subject}|{action.owner}") <= ACTION_CHARS_MAX, action
        assert 1 <= len(action.label) <= 25, action
    assert max(len(panel.actions) for panel in tour.panels) <= 5


async def test_every_form_fits_into_what_platforms_show(tour: Tour) -> None:
    for form in tour.forms:
        assert 1 <= len(form.fields) <= 5
        assert len(form.title) <= 24
        assert len(form.submit) <= 24
        assert {field.name for field in form.fields} <= set(VALUES[form.name])
        for field in form.fields:
            assert len(field.label) <= 45
            assert len(field.hint) <= 100
            assert len(field.value) <= field.chars_max
            values = [value for value, _ in field.choices]
            assert field.value in values or field.kind != "choice"
