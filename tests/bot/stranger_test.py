"""What somebody may try who forges a button, or who presses twice at once."""

import asyncio

from bot import text_alerts
from bot.actions import Pressed
from bot.messages import Answer, End
from bot.ports import TextDelta
from quota.units import Amount, Unit
from tests.bot.choosing_test import a_model, place
from tests.bot.requests_test import DAILY, Office
from tests.fakes import requester
from tests.scripted import Gate, build, steps


async def test_a_forged_owner_does_not_stop_what_another_asked() -> None:
    bot, gate = build(), Gate()
    bot.model.next(steps(TextDelta("one "), gate))
    asked = bot.start("ana", id_="e1")
    await gate.reached()
    refused = await bot.pressed("stop", "e1", "bo", owner="bo")
    assert "Only the person who asked" in refused.text
    assert bot.model.open == 1
    await bot.pressed("stop", "e1", requester("sam", staff=True), owner="bo")
    end = await asked.end()
    assert isinstance(end, Answer)
    assert end.finish == "stopped"


async def test_who_listens_to_ends_and_breaks_harms_nobody() -> None:
    bot = build()
    heard: list[End] = []

    def breaks(_ask: object, _end: End) -> None:
        raise ValueError

    bot.chat.on_end += [breaks, lambda _, end: heard.append(end)]
    end = await bot.answer()
    assert heard == [end]


async def test_staff_who_press_at_once_give_no_more_than_the_cap() -> None:
    office = Office(DAILY, staff_cap=Amount(5_000, Unit.TOKENS))
    await office.asks(amount="4k tokens")
    first = office.request
    sam, mo = requester("sam", staff=True), requester("mo", staff=True)
    line = "/quota-staff grant @ana 4k tokens -- exam"
    cards = await asyncio.gather(
        office.bot.pressed("approve", first, sam), office.bot.type(line, mo)
    )
    given = [row for row in await office.trail() if row.action == "grant"]
    assert len(given) == 1, [card.text for card in cards]


async def test_one_request_by_two_names_is_decided_once() -> None:
    office = Office(DAILY)
    await office.asks()
    ada = requester("ada", admin=True)
    lines = [f"/quota-admin approve {name}" for name in (office.request, office.request.upper())]
    await asyncio.gather(*(office.bot.type(line, ada) for line in lines))
    given = [row for row in await office.trail() if row.action == "grant"]
    assert len(given) == 1


async def test_only_models_that_a_member_may_use_are_offered_and_chosen() -> None:
    bot = place(a_model("best", allowed_for=("Supporter",)))
    listed = await bot.type("/model", "ana")
    assert "best" not in listed.text
    refused = await bot.type("/model best", "ana")
    assert "Supporter" in refused.text
    form = bot.actions.form(Pressed(requester(), "settings"), bot.words)
    assert form is not None
    assert "best" not in dict(form.fields[0].choices)
    supporter = requester(roles=("Supporter",))
    assert "best" in (await bot.type("/model", supporter)).text


async def test_an_overrun_in_money_alone_speaks_of_no_tokens() -> None:
    words = build().words
    (line,) = text_alerts.overrun(words, "mini", 0, 230).lines
    assert line.startswith("mini took $0.00023 more than")
    (line,) = text_alerts.overrun(words, "mini", 12, 230).lines
    assert line.startswith("mini took 12 tokens ($0.00023) more than")


async def test_alerts_go_where_the_operator_says_unless_the_admins_say_otherwise() -> None:
    bot, ada = build(), requester("ada", admin=True)
    bot.desk.usual_alerts = lambda platform: f"ops-of-{platform}"
    assert "#ops-of-console" in (await bot.type("/quota-admin setup", ada)).text
    assert "nowhere" not in (await bot.type("/quota-admin notice", ada)).text
    await bot.type("/quota-admin alerts #admins", ada)
    assert "#admins" in (await bot.type("/quota-admin setup", ada)).text
