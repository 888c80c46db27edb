"""What somebody may try who forges a button, or who presses twice at once."""

import asyncio

from bot.messages import Answer, End
from bot.ports import TextDelta
from quota.units import Amount, Unit
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
