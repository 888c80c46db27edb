"""Asking for more, and what staff may give: from the request to the word that comes back."""

from dataclasses import replace
from typing import Any

import pytest

from bot import requests, text_requests
from bot.actions import Pressed, Shown
from bot.messages import Answer, Card
from bot.news import Alert, Word
from bot.settings import MemberSettings
from quota.store import AuditRow
from quota.units import Amount, Unit
from tests.fakes import DAY, HOUR, requester
from tests.scripted import Bot, build, stepping_of

DAILY = "everyone: 500 tokens/day"
ADMIN = requester("ada", admin=True)
STAFF = requester("sam", staff=True)


class Office:
    """A bot whose alerts and words are written down."""

    def __init__(self, *lines: str, **more: Any) -> None:
        self.bot = build(*lines or (DAILY,), **more)
        self.alerts: list[Alert] = []
        self.words: list[Word] = []
        self.bot.desk.news.on_alert.append(self.alerts.append)
        self.bot.desk.news.on_word.append(self.words.append)

    async def asks(
        self, who: str = "ana", amount: str = "5k tokens", why: str = "exam week", until: str = ""
    ) -> Card:
        values = {"amount": amount, "until": until, "why": why}
        return await self.bot.pressed("more", "", who, values=values)

    @property
    def request(self) -> str:
        """The id of the request that was alerted last."""
        return self.alerts[-1].panel.actions[0].subject

    async def trail(self) -> list[AuditRow]:
        return await self.bot.quotas.governing.audit_trail("console:console", 0, 100)

    async def acts(self) -> list[tuple[str, str, str]]:
        return [(row.actor, row.action, row.subject) for row in await self.trail()]


async def test_a_request_is_asked_with_one_click_and_approved_with_another() -> None:
    office = Office()
    bot = office.bot
    form = bot.actions.form(Pressed(requester(), "more", owner="ana"), bot.words)
    assert form is not None
    assert [(f.name, f.required) for f in form.fields] == [
        ("amount", True),
        ("until", False),
        ("why", True),
    ]
    sent = await office.asks(until="3d")
    assert sent.panel.lines == (
        (
            "You asked for 5,000 tokens more until on day 3 at 09:00. The admins decide; you "
            "will be told."
        ),
    )
    (alert,) = office.alerts
    assert alert.space == requester().member.space
    assert alert.panel.lines == (
        "@ana asks for 5,000 tokens more until on day 3 at 09:00.",
        "Why: exam week",
    )
    assert [a.name for a in alert.panel.actions] == ["approve", "less", "deny"]
    done = await bot.press("approve", office.request, ADMIN)
    assert isinstance(done, Shown)
    assert done.replaces
    assert done.card.panel.lines == ("@ada gave @ana 5k tokens.", "Why it was asked: exam week")
    (word,) = office.words
    assert word.member == requester().member
    assert word.panel.lines == ("@ada gave you 5,000 tokens until on day 3 at 09:00.",)
    assert (await bot.balance("ana")).left == 5_500
    assert isinstance(await bot.ask("ana"), Answer)
    assert await office.acts() == [
        ("ada", "request approved", "console:console:ana"),
        ("ada", "grant", "console:console:ana"),
        ("ana", "request", "console:console:ana"),
    ]
    bot.clock.advance(3 * DAY)
    assert (await bot.balance("ana")).left == 500


async def test_without_a_time_it_ends_with_the_period() -> None:
    office = Office()
    await office.asks()
    assert "to the end of the period" in office.alerts[0].panel.lines[0]
    await office.bot.press("approve", office.request, ADMIN)
    assert office.words[0].panel.lines == ("@ada gave you 5,000 tokens until on day 1 at 00:00.",)


async def test_less_may_be_given_with_a_reason() -> None:
    office = Office()
    await office.asks()
    form = office.bot.actions.form(Pressed(ADMIN, "less", office.request), office.bot.words)
    assert form is not None
    assert (form.subject, form.fields[0].value) == (office.request, "5k tokens")
    values = {"amount": "2k", "reason": "the rest tomorrow"}
    card = await office.bot.pressed("less", form.subject, ADMIN, values=values)
    assert card.panel.lines[:2] == (
        "@ada gave @ana 2k tokens of the 5k tokens asked for.",
        "Reason: the rest tomorrow",
    )
    assert office.words[0].panel.lines == (
        "@ada gave you 2,000 tokens of the 5k tokens you asked for until on day 1 at 00:00.",
        "Reason: the rest tomorrow",
    )
    assert (await office.bot.balance("ana")).left == 2_500


@pytest.mark.parametrize("amount", ["", "6k", "0", "-1k", "$1", "lots"])
async def test_never_more_than_was_asked_for(amount: str) -> None:
    office = Office()
    await office.asks()
    values = {"amount": amount, "reason": ""}
    card = await office.bot.pressed("less", office.request, ADMIN, values=values)
    assert card.panel.title == "That did not work"
    assert (await office.bot.balance("ana")).left == 500
    assert office.words == []


async def test_a_request_is_denied_with_a_reason_and_the_member_is_told() -> None:
    office = Office()
    await office.asks()
    form = office.bot.actions.form(Pressed(ADMIN, "deny", office.request), office.bot.words)
    assert form is not None
    card = await office.bot.pressed("deny", form.subject, ADMIN, values={"reason": "too much"})
    assert card.panel.lines[0] == "@ada denied @ana the 5k tokens."
    assert office.words[0].panel.lines == (
        "@ada did not approve the 5k tokens you asked for.",
        "Reason: too much",
    )
    assert (await office.bot.balance("ana")).left == 500
    assert (await office.acts())[0] == ("ada", "request denied", "console:console:ana")


async def test_what_was_decided_stays_decided() -> None:
    office = Office()
    await office.asks()
    await office.bot.press("approve", office.request, ADMIN)
    for name in ("approve", "deny"):
        late = await office.bot.pressed(name, office.request, requester("eva", admin=True))
        assert late.panel.lines == ("@ada has approved this request already.",)
    assert office.bot.actions.form(Pressed(ADMIN, "deny", office.request), office.bot.words) is None
    assert (await office.bot.balance("ana")).left == 5_500
    assert len(office.words) == 1


async def test_a_request_outlives_a_restart_and_gives_nothing_twice_after_a_crash() -> None:
    office = Office()
    await office.asks()
    id_ = office.request
    stepping_of(office.bot).down["put_flag"] = ConnectionError("the power failed")
    with pytest.raises(ConnectionError):
        await office.bot.press("approve", id_, ADMIN)
    again = Office(store=stepping_of(office.bot).inner)
    await again.bot.quotas.start()
    card = await again.bot.pressed("approve", id_, ADMIN)
    assert card.panel.lines[0] == "@ada gave @ana 5k tokens."
    assert (await again.bot.balance("ana")).left == 5_500


async def test_one_request_at_a_time_and_three_a_day() -> None:
    office = Office(DAILY, "everyone: 5 requests/hour")
    await office.asks()
    twice = await office.asks(amount="1k tokens")
    assert twice.panel.lines == ("You have asked already, and nobody has decided yet.",)
    other = await office.asks(amount="3 requests")
    assert other.panel.title == "Request sent"
    await office.asks("bo")
    await office.bot.press("deny", office.alerts[0].panel.actions[0].subject, ADMIN)
    await office.asks()
    await office.bot.press("deny", office.request, ADMIN)
    often = await office.asks()
    assert often.panel.lines == ("At most 3 requests a day are taken; ask again tomorrow.",)
    office.bot.clock.advance(DAY)
    assert (await office.asks()).panel.title == "Request sent"


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"amount": "", "why": "x"}, "An amount is missing."),
        ({"amount": "lots", "why": "x"}, "'lots' is no amount"),
        ({"amount": "0", "why": "x"}, "A request is for a positive amount and ends."),
        ({"amount": "-5k", "why": "x"}, "A request is for a positive amount and ends."),
        ({"amount": "5k", "until": "never", "why": "x"}, "a positive amount and ends."),
        ({"amount": "5k", "until": "soon", "why": "x"}, "'soon' is no duration"),
        ({"amount": "5k", "why": " "}, "A reason is missing."),
        ({"amount": "5k", "why": "x" * 301}, "The reason has 301 characters; at most 300"),
        ({"amount": "$5", "why": "x"}, "The allowance counts tokens; ask for tokens."),
        ({}, "Nothing was asked for."),
    ],
)
async def test_a_mistake_in_a_request_is_named_and_reaches_nobody(
    values: dict[str, str], problem: str
) -> None:
    office = Office()
    card = await office.bot.pressed("more", "", "ana", values=values)
    assert card.panel.title == "That did not work"
    assert problem in card.panel.lines[0]
    assert office.alerts == []
    assert await office.trail() == []


async def test_who_has_no_limit_needs_no_more() -> None:
    office = Office("everyone: unlimited")
    card = await office.asks()
    assert card.panel.lines == ("No limited allowance is there that could be added to.",)


async def test_requests_are_typed_too() -> None:
    office = Office()
    await office.bot.type("/quota more 5k tokens until 3d -- exam week", "ana")
    office.bot.clock.advance(HOUR)
    await office.bot.type("/quota more 1k tokens -- a song", "bo")
    first, second = (alert.panel.actions[0].subject for alert in office.alerts)
    table = (await office.bot.type("/quota-admin requests")).panel.table
    assert table is not None
    assert [row[1:] for row in table.rows] == [
        ("at 09:00", "@ana", "5k tokens", "exam week", "open"),
        ("at 10:00", "@bo", "1k tokens", "a song", "open"),
    ]
    await office.bot.type(f"/quota-admin approve {first} 2k -- enough")
    await office.bot.type(f"/quota-admin deny {second.upper()} -- no songs")
    assert [w.panel.title for w in office.words] == ["Request approved", "Request denied"]
    done = (await office.bot.type("/quota-admin requests done")).panel.table
    assert done is not None
    assert {row[5] for row in done.rows} == {"approved by ada", "denied by ada"}
    empty = await office.bot.type("/quota-admin requests")
    assert empty.panel.lines == ("Nobody is waiting for an answer.",)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("requests old", "'old' is not understood."),
        ("approve", "There is no request '' here."),
        ("approve 1234 5k", "There is no request '1234' here."),
        ("deny 1234", "There is no request '1234' here."),
    ],
)
async def test_a_request_that_is_not_there_is_named(line: str, problem: str) -> None:
    card = await Office().bot.type(f"/quota-admin {line}")
    assert card.panel.lines[0] == problem


@pytest.mark.parametrize("name", ["approve", "less", "deny"])
@pytest.mark.parametrize("who", [requester("ana"), requester("quotabot")])
async def test_who_is_no_staff_decides_nothing(who: Any, name: str) -> None:
    office = Office()
    await office.asks()
    pressed = Pressed(who, name, office.request)
    assert office.bot.actions.form(pressed, office.bot.words) is None
    values = {"amount": "1k", "reason": ""}
    card = await office.bot.pressed(name, office.request, who, values=values)
    assert card.panel.title == "Not allowed"
    assert (await office.bot.balance("ana")).left == 500
    assert office.words == []
    assert (await office.acts())[0][:2] == (who.member.id, "refused")


@pytest.mark.parametrize("name", ["approve", "deny"])
async def test_the_admin_of_another_space_decides_nothing_here(name: str) -> None:
    office = Office()
    await office.asks()
    stranger = requester("eve", space="discord:7", admin=True)
    card = await office.bot.pressed(name, office.request, stranger)
    assert "There is no request" in card.panel.lines[0]
    assert office.words == []


async def test_decided_requests_are_forgotten_after_a_week() -> None:
    office = Office()
    await office.asks()
    await office.bot.press("approve", office.request, ADMIN)
    governing = office.bot.quotas.governing
    office.bot.clock.advance(7 * DAY)
    assert await governing.forget_ended({"request"}) == 0
    office.bot.clock.advance(1)
    assert await governing.forget_ended({"pending", "request"}) == 1
    assert [flag.name for flag in await office.bot.store.flags()] == []


# Staff.


CAP = Amount(2_000, Unit.TOKENS)


def staffed(cap: Amount | None = CAP) -> Office:
    return Office(staff_cap=cap)


async def test_staff_give_up_to_the_cap_in_a_window_and_ask_for_the_rest() -> None:
    office = staffed()
    card = await office.bot.type("/quota-staff grant @ana 1500 tokens until 1h -- stuck", STAFF)
    assert card.panel.title == "Granted"
    assert (await office.bot.balance("ana")).left == 2_000
    over = await office.bot.type("/quota-staff grant @ana 600 tokens -- stuck again", STAFF)
    assert over.panel.lines == (
        (
            "Staff may give @ana 500 tokens more in this period. Your 600 tokens went to the "
            "admins as a request."
        ),
    )
    assert office.alerts[0].panel.lines[0].startswith("@ana asks for 600 tokens more")
    office.bot.clock.advance(2 * HOUR)
    hidden = await office.bot.type("/quota-staff grant @ana 501 -- the first has ended", STAFF)
    assert hidden.panel.lines == ("You have asked already, and nobody has decided yet.",)
    await office.bot.type("/quota-staff grant @ana 500 tokens -- last", STAFF)
    await office.bot.type("/quota-staff grant @bo 2k tokens -- somebody else", STAFF)
    office.bot.clock.advance(DAY)
    fresh = await office.bot.type("/quota-staff grant @ana 2k tokens -- a new day", STAFF)
    assert fresh.panel.title == "Granted"


async def test_staff_approve_up_to_the_cap_and_admins_without() -> None:
    office = staffed()
    await office.asks()
    above = await office.bot.pressed("approve", office.request, STAFF)
    assert above.panel.lines == (
        (
            "Staff may give this member 2,000 tokens more in this period; an admin has to decide "
            "on the rest."
        ),
    )
    values = {"amount": "2k tokens", "reason": ""}
    less = await office.bot.pressed("less", office.request, STAFF, values=values)
    assert less.panel.lines[0] == "@sam gave @ana 2k tokens of the 5k tokens asked for."
    await office.asks("bo")
    await office.bot.pressed("approve", office.request, ADMIN)
    assert (await office.bot.balance("bo")).left == 5_500
    none = await office.bot.type("/quota-staff grant @ana 1 tokens -- more", STAFF)
    assert none.panel.title == "Request sent"


async def test_without_a_cap_staff_only_ask() -> None:
    office = staffed(None)
    card = await office.bot.type("/quota-staff grant @ana 1 tokens -- please", STAFF)
    assert card.panel.title == "Request sent"
    assert (await office.bot.balance("ana")).left == 500


async def test_staff_give_nothing_to_themselves() -> None:
    office = staffed()
    card = await office.bot.type("/quota-staff grant @sam 1k tokens -- me", STAFF)
    assert card.panel.lines == ("Somebody else has to decide on your own request.",)
    await office.asks("sam")
    card = await office.bot.pressed("approve", office.request, STAFF)
    assert card.panel.lines == ("Somebody else has to decide on your own request.",)
    assert (await office.bot.balance("sam")).left == 500


async def test_staff_see_where_a_member_stands_and_who_asks() -> None:
    office = staffed()
    await office.asks()
    card = await office.bot.type("/quota-staff show @ana", STAFF)
    assert card.panel.title == "Quota — 100% left"
    listed = await office.bot.type("/quota-staff requests", STAFF)
    assert listed.panel.table is not None
    denied = await office.bot.type(f"/quota-staff deny {office.request}", STAFF)
    assert denied.panel.lines[0] == "@sam denied @ana the 5k tokens."
    help_ = await office.bot.type("/quota-staff", STAFF)
    assert "/quota-staff grant" in help_.text
    assert "/quota-admin" not in help_.text


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("show", "A name is missing"),
        ("show @ana now", "'now' is not understood."),
        ("grant @ana -5 tokens -- x", "Staff can give, not take."),
        ("grant @ana 5 tokens", "A reason is missing."),
        ("grant @ana -- x", "An amount is missing."),
        ("grant @ana $5 -- x", "The allowance counts tokens; ask for tokens."),
        ("pause", "There is no 'pause'."),
    ],
)
async def test_a_mistake_of_staff_is_named(line: str, problem: str) -> None:
    office = staffed()
    card = await office.bot.type(f"/quota-staff {line}", STAFF)
    assert card.panel.title == "That did not work"
    assert problem in card.panel.lines[0]
    assert await office.trail() == []


@pytest.mark.parametrize("line", ["show @ana", "grant @ana 5 -- x", "requests", "", "nonsense"])
@pytest.mark.parametrize(
    "who", [requester("mallory"), requester("quotabot"), requester("eve", space="discord:7")]
)
async def test_who_is_no_staff_is_refused_and_written_down(who: Any, line: str) -> None:
    bot: Bot = staffed().bot
    card = await bot.type(f"/quota-staff {line}", who)
    assert card.panel.title == "Not allowed"
    trail = await bot.quotas.governing.audit_trail(who.member.space.key, 0, 9)
    assert [(row.actor, row.action, row.subject) for row in trail] == [
        (who.member.id, "refused", line)
    ]


async def test_admins_and_members_are_each_told_in_a_language_of_their_own() -> None:
    office = Office()
    bot = office.bot
    ana = requester().member
    await bot.desk.settings.set_member(ana, MemberSettings(language="de"))
    german = replace(bot.words, language="de")
    values = {"amount": "5k tokens", "until": "", "why": "exam week"}
    pressed = Pressed(requester(), "more", values=values)
    await bot.actions.press(pressed, german)
    assert office.alerts[0].panel.title == "Request for more"
    await bot.press("approve", office.request, ADMIN)
    assert bot.desk.words_for(ana.space, ana).language == "de"
    assert bot.desk.words_for(ana.space).language == "en"
    assert office.words[0].panel == text_requests.granted(
        german,
        requests.of_space(bot.desk, ana.space)[0],
        (await bot.quotas.governing.grants(ana))[0],
        "",
    )
