"""What receipts say, and to whom."""

import asyncio
from typing import Any

import pytest

from bot.messages import Answer, Ask, End
from bot.ports import Finished, ModelError, TextDelta, UsageReport
from bot.text import Words
from bot.text_receipts import Around, Spent, receipt
from quota.ledger import LedgerEntry
from quota.receipts import Receipt
from quota.units import Rates, Usage
from tests.bot.summaries_test import a_bot, past, summed
from tests.fakes import DAY, MORNING, SECOND, requester
from tests.scripted import (
    Bot,
    RecordingReply,
    Script,
    ScriptedTools,
    build,
    says,
    steps,
    uses,
    when,
)

DAILY = "everyone: 10k tokens/day"
RATES = Rates(1_000_000, 100_000, 4_000_000, 4_000_000)


def told(*usages: Usage, served: str = "", cost: int | None = None) -> Script:
    reports = [UsageReport(usage, served, cost) for usage in usages]
    return steps(TextDelta("well"), Finished("stop"), *reports)


async def test_the_last_answer_is_told_call_by_call_with_its_price() -> None:
    bot = build(DAILY, rates=RATES)
    bot.model.next(says(2, reported=Usage(8, 4, 200, 0)))
    assert isinstance(await bot.ask("ana"), Answer)
    card = await bot.type("/quota receipt", "ana")
    assert card.text.splitlines() == [
        "Receipt",
        "208 tokens, $0.000805 (805 credits)",
        "This conversation so far (1 answer): 208 tokens, $0.000805",
        "mini: $1.00 input · $0.10 cached · $4.00 output per million tokens.",
        "call | cost | input | cached | output",
        "Answer | $0.000805 | 8 | 4 | 200",
        "Today: 208 tokens, $0.000805",
        "This month: 208 tokens, $0.000805",
    ]
    await bot.is_clean()


async def test_every_step_between_tools_has_its_row() -> None:
    bot = build(DAILY, rates=RATES, tools=ScriptedTools(time="It is noon"))
    bot.model.next(uses("time", '{"zone": "UTC"}'), says(3))
    answer = await bot.answer("ana", shown_as=["m1"])
    card = await bot.type("/quota receipt m1", "ana")
    assert card.panel.table is not None
    assert [row[0] for row in card.panel.table.rows] == ["Answer", "After tools"]
    assert card.panel.lines[0].startswith(f"{answer.charged_tokens} tokens, ")
    assert f"({answer.credits} credits)" in card.panel.lines[0]


async def test_a_summary_stands_before_the_answer_that_needed_it() -> None:
    bot = a_bot(rates=RATES)
    bot.model.next(summed())
    await bot.answer("ana", "and now?", shown_as=["a1"], **past())
    card = await bot.type("/quota receipt a1", "ana")
    assert card.panel.table is not None
    assert [row[0] for row in card.panel.table.rows] == ["Summary", "Answer"]
    spent = sum(entry.tokens for entry in await bot.ledger())
    assert card.panel.lines[0].startswith(f"{spent:,} tokens, ")


async def test_an_answer_is_found_by_the_messages_that_show_it() -> None:
    bot = build(DAILY, rates=RATES)
    bot.model.next(says(2, reported=Usage(10, 0, 10, 0)), says(2, reported=Usage(20, 0, 20, 0)))
    await bot.ask("ana", shown_as=["m1", "m2"])
    await bot.ask("ana", shown_as=["m3"])
    for message in ("m1", "m2"):
        card = await bot.type(f"/quota receipt {message}", "ana")
        assert card.panel.lines[0].startswith("20 tokens, ")
    last = await bot.type("/quota receipt", "ana")
    assert last.panel.lines[0].startswith("40 tokens, ")
    assert "so far (2 answers): 60 tokens" in last.panel.lines[1]


async def test_a_conversation_is_counted_up_to_the_answer() -> None:
    bot = build(DAILY, rates=RATES)
    for number in range(3):
        await bot.ask("ana", shown_as=[f"m{number}"])
    second = await bot.type("/quota receipt m1", "ana")
    assert "so far (2 answers): " in second.panel.lines[1]
    await bot.type("/new", "ana")
    old = await bot.type("/quota receipt m1", "ana")
    assert old.panel.lines == (second.panel.lines[0], *second.panel.lines[2:])


class SlowPlatform(RecordingReply):
    """Shows an answer before it confirms that, as platforms do."""

    def __init__(self, bot: Bot) -> None:
        super().__init__(bot.passing)
        self.messages = ("m1",)
        self.shown, self.confirms = asyncio.Event(), asyncio.Event()

    async def finish(self, end: End) -> None:
        await super().finish(end)
        self.shown.set()
        await self.confirms.wait()


async def test_whoever_looks_before_the_books_know_is_made_to_wait() -> None:
    bot = build(DAILY)
    reply = SlowPlatform(bot)
    ask = Ask("e1", requester("ana"), "hello there")
    answered = asyncio.create_task(bot.chat.handle(ask, reply, bot.words))
    await reply.shown.wait()
    card = asyncio.create_task(bot.type("/quota receipt m1", "ana"))
    for _ in range(50):
        await asyncio.sleep(0)
    assert not card.done()
    reply.confirms.set()
    assert (await card).panel.title == "Receipt"
    await answered


async def test_what_never_comes_is_not_waited_for_without_end() -> None:
    bot = build(DAILY)
    reply = SlowPlatform(bot)
    ask = Ask("e1", requester("ana"), "hello there")
    answered = asyncio.create_task(bot.chat.handle(ask, reply, bot.words))
    await reply.shown.wait()
    card = asyncio.create_task(bot.type("/quota receipt m9", "ana"))
    for _ in range(50):
        await asyncio.sleep(0)
    assert not card.done()
    bot.clock.advance(2 * SECOND)
    assert (await card).panel.lines[0] == "Nothing is known of what this message took."
    reply.confirms.set()
    await answered


async def test_only_whoever_asked_sees_what_an_answer_took() -> None:
    bot = build(DAILY)
    await bot.ask("ana", shown_as=["m1"])
    for card in (
        await bot.type("/quota receipt m1", "bo"),
        await bot.type("/quota receipt m1"),
    ):
        assert card.panel.lines[0] == "Only the person who asked can see what an answer took."


async def test_what_is_not_known_is_said_so() -> None:
    bot = build(DAILY)
    card = await bot.type("/quota receipt", "ana")
    assert card.panel.lines[0] == "You have had no answer yet."
    card = await bot.type("/quota receipt m9", "ana")
    assert card.panel.lines[0] == "Nothing is known of what this message took."


@pytest.mark.parametrize(
    ("link", "message"),
    [
        ("https://discord.com/channels/123/456/789", "789"),
        ("<https://ptb.discord.com/channels/@me/456/789>", "789"),
        ("https://acme.slack.com/archives/C01/p1718000000123456", "C01:1718000000.123456"),
        (
            "https://acme.slack.com/archives/C01/p1718000000123456?thread_ts=1.2&cid=C01",
            "C01:1718000000.123456",
        ),
    ],
)
async def test_a_link_to_a_message_leads_to_its_receipt(link: str, message: str) -> None:
    bot = build(DAILY)
    await bot.ask("ana", shown_as=[message])
    card = await bot.type(f"/quota receipt {link}", "ana")
    assert card.panel.title == "Receipt"


async def test_from_an_answer_the_quota_card_leads_to_its_cost() -> None:
    bot = build(DAILY)
    await bot.ask("ana", shown_as=["m1"])
    card = await bot.pressed("quota", who="ana", message="m1")
    assert [a.subject for a in card.panel.actions] == ["rules", "history", "receipt m1", ""]
    assert card.panel.actions[2].label == "Cost of this answer"
    assert (await bot.pressed("quota", "receipt m1", who="ana")).panel.title == "Receipt"
    other = await bot.pressed("quota", who="bo", message="m1")
    assert other.panel.actions[2].label == "Last receipt"


async def test_what_the_provider_says_it_took_is_marked_as_its_word() -> None:
    bot = build(DAILY)
    bot.model.next(told(Usage(10, 0, 10, 0), served="mini-2026", cost=77))
    await bot.ask("ana")
    card = await bot.type("/quota receipt", "ana")
    assert card.panel.lines == (
        "20 tokens, $0.000077 (77 credits)",
        "This conversation so far (1 answer): 20 tokens, $0.000077",
        "mini (mini-2026): the cost is what the provider says it took.",
    )
    (entry,) = await bot.ledger()
    assert (entry.served, entry.billed, entry.credits) == ("mini-2026", 77, 77)


async def test_what_had_to_be_counted_here_is_marked() -> None:
    bot = build(DAILY, rates=RATES)
    bot.model.next(steps(TextDelta("well"), Finished("stop")))
    await bot.ask("ana")
    card = await bot.type("/quota receipt", "ana")
    assert "≈ The provider did not say how much it was: counted here." in card.panel.lines
    assert card.panel.table is not None
    assert card.panel.table.rows[0][1].startswith("≈ $")


async def test_what_was_cut_off_is_marked() -> None:
    bot = build(DAILY, rates=RATES)
    bot.model.next(steps(TextDelta("well"), ModelError("broken")))
    await bot.ask("ana")
    card = await bot.type("/quota receipt", "ana")
    assert card.panel.lines[2:4] == (
        "Cut off or stopped: what had come by then is charged.",
        "≈ The provider did not say how much it was: counted here.",
    )
    (entry,) = await bot.ledger()
    assert entry.note == "partial, usage missing"


async def test_what_was_reported_of_a_cut_answer_is_the_providers_word() -> None:
    bot = build(DAILY, rates=RATES)
    report = UsageReport(Usage(9, 0, 3, 0))
    bot.model.next(steps(TextDelta("well"), report, ModelError("broken")))
    await bot.ask("ana")
    (entry,) = await bot.ledger()
    assert (entry.note, entry.source) == ("partial", "provider")


async def test_today_ends_at_midnight() -> None:
    bot = build(DAILY, rates=RATES)
    bot.model.next(says(2, reported=Usage(10, 0, 10, 0)))
    await bot.ask("ana")
    bot.clock.advance(DAY)
    card = await bot.type("/quota receipt", "ana")
    assert "Today: 0 tokens\nThis month: 20 tokens, $0.00005" in card.panel.footer


def entry(number: int, **what: Any) -> LedgerEntry:
    usual: dict[str, Any] = {
        "input": 100,
        "output": 50,
        "source": "provider",
        "tokens": 150,
        "credits": 300,
    }
    blank = LedgerEntry(number, MORNING, "settle", number, "ana", "mini", turn=1, rates=RATES)
    return blank._replace(**{"purpose": "answer", **usual, **what})


def test_every_kind_of_call_has_its_mark() -> None:
    """A turn in which everything happened."""
    calls = (
        entry(1, purpose="summary", credits=None, rates=None),
        entry(2, reasoning=20, rates=RATES._replace(reasoning=9_000_000)),
        entry(3, kind="release", purpose="tools", credits=None, tokens=0, input=0, output=0),
        entry(4, kind="lapse", purpose="tools", source="counted", house_tokens=7, house_credits=9),
        entry(5, purpose="title", served="nano", billed=3, credits=3),
    )
    around = Around(0, None, Spent(600, 603), Spent(12_600, None))
    panel = receipt(Words(when), Receipt(1, "ana", calls, 1), around)
    assert panel.lines == (
        "600 tokens, $0.000603 (603 credits)",
        "1 call is still running.",
        "Interrupted: charged by what was known when the bot stopped.",
        "The provider took 7 tokens, $0.000009 more than was reserved; that is not yours to pay.",
        "mini (nano): the cost is what the provider says it took.",
        ("mini: $1.00 input · $0.10 cached · $4.00 output · $9.00 thinking per million tokens."),
        "mini: $1.00 input · $0.10 cached · $4.00 output per million tokens.",
    )
    assert panel.table is not None
    assert panel.table.columns == ("call", "cost", "input", "output", "of it thinking", "model")
    assert panel.table.rows == (
        ("Summary", "no price", "100", "50", "0", "mini"),
        ("Answer", "$0.0003", "100", "50", "20", "mini"),
        ("After tools", "nothing", "0", "0", "0", "mini"),
        ("After tools", "≈ $0.0003", "100", "50", "0", "mini"),
        ("Title", "$0.000003", "100", "50", "0", "mini (nano)"),
    )
    assert panel.footer == "Today: 600 tokens, $0.000603\nThis month: 12,600 tokens"


def test_a_turn_that_has_only_begun_has_a_receipt() -> None:
    around = Around(0, None, Spent(0, None), Spent(0, None))
    panel = receipt(Words(when), Receipt(1, "ana", (), 1), around)
    assert panel.lines == ("0 tokens", "1 call is still running.")
    assert panel.table is None
