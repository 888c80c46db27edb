"""What was used, by whom, of what and when; and nothing of another space."""

from typing import Any

import pytest

from quota.units import Rates, Usage
from tests.fakes import DAY, requester
from tests.scripted import Bot, build, says

ADMIN = requester("ada", admin=True)
PRICE = Rates(1_000_000, 500_000, 2_000_000, 2_000_000)


async def used(bot: Bot, who: Any, tokens: int) -> None:
    bot.model.next(says(1, reported=Usage(input=9, output=tokens - 9)))
    assert (await bot.answer(who)).charged_tokens == tokens
    bot.chat.forget(requester(who) if isinstance(who, str) else who)


async def busy() -> Bot:
    """Two days of two members, and a stranger elsewhere."""
    bot = build(rates=PRICE)
    await used(bot, "ana", 100)
    await used(bot, "bo", 50)
    await used(bot, requester("eve", space="discord:7"), 900)
    bot.clock.advance(DAY)
    await used(bot, "bo", 70)
    return bot


async def rows(bot: Bot, line: str) -> list[tuple[str, ...]]:
    table = (await bot.type(f"/quota-admin {line}")).panel.table
    return [tuple(row) for row in table.rows] if table is not None else []


async def test_usage_is_told_by_member_for_today_unless_said_otherwise() -> None:
    bot = await busy()
    card = await bot.type("/quota-admin usage")
    assert card.panel.lines == (
        "From on day 1 at 00:00 to on day 2 at 00:00: 1 requests, 70 tokens, $0.000131.",
    )
    assert await rows(bot, "usage") == [("@bo", "1", "9", "61", "70", "$0.000131")]


async def test_usage_of_a_stretch_is_told_by_what_is_asked_for() -> None:
    bot = await busy()
    assert [row[:2] + row[4:5] for row in await rows(bot, "usage week by member")] == [
        ("@bo", "2", "120"),
        ("@ana", "1", "100"),
    ]
    assert [row[0::4] for row in await rows(bot, "usage month by model")] == [("mini", "220")]
    assert [row[0::4] for row in await rows(bot, "usage by platform month")] == [("console", "220")]
    assert [row[0::4] for row in await rows(bot, "usage 2026-06-01..2026-06-01")] == [
        ("@ana", "100"),
        ("@bo", "50"),
    ]
    days = await bot.type("/quota-admin usage week by day")
    assert days.panel.chart is not None
    assert days.panel.chart.bars == (("Mon 1 Jun", 150), ("Tue 2 Jun", 70))


async def test_nothing_used_says_so() -> None:
    bot = build()
    for line in ("usage", "usage week by day", "top", "usage 2020-01-01..2020-02-01 by model"):
        assert (
            (await bot.type(f"/quota-admin {line}")).panel.lines[0].startswith("Nothing was used")
        )


async def test_the_top_names_who_used_most() -> None:
    bot = await busy()
    card = await bot.type("/quota-admin top 1")
    assert card.panel.chart is not None
    assert card.panel.chart.bars == (("@bo", 120),)
    assert [row[0] for row in await rows(bot, "top")] == ["@bo", "@ana"]
    assert [row[0] for row in await rows(bot, "top 25 today")] == ["@bo"]


async def test_a_file_for_spreadsheets_holds_no_formula() -> None:
    bot = await busy()
    await used(bot, '=HYPERLINK("x")', 20)
    card = await bot.type("/quota-admin usage month csv", ADMIN, previews=True)
    ((name, data),) = card.files
    assert name == "usage-by-member.csv"
    assert data.decode().splitlines() == [
        "member,requests,input,cached,output,tokens,micro_dollars",
        "bo,2,18,0,102,120,222",
        "ana,1,9,0,91,100,191",
        '"\'=HYPERLINK(""x"")",1,9,0,11,20,31',
    ]
    assert card.panel.lines == ("usage-by-member.csv has 3 rows.",)
    typed = await bot.type("/quota-admin usage month csv")
    assert typed.files == ()
    assert typed.panel.lines[0].startswith("member,requests")


async def test_long_reports_are_cut_and_say_so() -> None:
    bot = build()
    for number in range(22):
        await used(bot, f"m{number}", 10)
    card = await bot.type("/quota-admin usage")
    assert card.panel.lines[1] == "The first 20 of 22; csv has them all."
    assert len(await rows(bot, "usage")) == 20


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("usage by role", "The ledger does not keep the role; it tells member, model and day."),
        ("usage by channel", "The ledger does not keep the channel"),
        ("usage by", "'' is not understood."),
        ("usage by mood", "'mood' is not understood."),
        ("usage yesterday", "'yesterday' is no time."),
        ("usage today week", "'week' is not understood."),
        ("usage 2026-02-30..2026-03-01", "holds a date that does not exist"),
        ("usage 2026-03-02..2026-03-01", "is no time of 1 to 366 days"),
        ("usage 2024-01-01..2026-01-01", "is no time of 1 to 366 days"),
        ("usage 2026-01-01..2026-05-01 by day", "At most 92 days are told apart."),
        ("top 0", "'0' is not understood."),
        ("top 26", "'26' is not understood."),
        ("top ten", "'ten' is not understood."),
        ("top today week", "'today week' is not understood."),
    ],
)
async def test_a_mistake_is_named(line: str, problem: str) -> None:
    card = await build().type(f"/quota-admin {line}")
    assert card.panel.title == "That did not work"
    assert problem in card.panel.lines[0]


async def test_days_are_those_of_the_operators_zone() -> None:
    bot = build(zone="Pacific/Auckland")  # 09:00 UTC is 21:00 there
    await used(bot, "ana", 10)
    bot.clock.advance(4 * 3_600_000)
    await used(bot, "ana", 20)
    days = await bot.type("/quota-admin usage week by day")
    assert days.panel.chart is not None
    assert days.panel.chart.bars == (("Mon 1 Jun", 10), ("Tue 2 Jun", 20))
