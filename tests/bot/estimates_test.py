"""Price tags, thresholds, human units: what a message will probably cost, and how many more."""

from typing import Any

import pytest

from bot.estimates import UNKNOWN, Threshold, room_for, threshold_of
from bot.habits import Habits, Took, Usual, median, turns_of
from bot.models import Model
from quota.errors import BadRuleError
from quota.ledger import LedgerEntry
from quota.memory import MemoryStore
from quota.rules import Terms
from quota.units import Rates, Unit, Usage
from quota.verdicts import Balance
from tests.fakes import limit, requester
from tests.scripted import Bot, ScriptedModel, Steps, build, says

RATES = Rates(250_000, 25_000, 2_000_000, 2_000_000)
DAILY = "everyone: 10k tokens/day"


async def asks(bot: Bot, times: int, who: str = "ana", tokens: int = 100) -> None:
    """Somebody asks so often; each turn takes so many tokens, a tenth of them read."""
    for _ in range(times):
        bot.model.next(says(1, reported=Usage(input=tokens // 10, output=tokens - tokens // 10)))
        await bot.answer(who)
        await bot.type("/new", who)


def priced_model(key: str, rates: Rates | None) -> Model:
    chat, terms = ScriptedModel(Steps()), Terms(key, (key,), rates)
    return Model(key, key, (), chat, terms, 1_000, 60_000, 30_000)


# What is usual.


def test_the_median_is_the_middle_and_of_two_the_greater() -> None:
    assert [median([7]), median([1, 9]), median([9, 1, 2])] == [7, 9, 2]


def entry(turn: int, input_: int, output: int, **more: Any) -> LedgerEntry:
    blank = LedgerEntry(1, 0, "settle", turn, "w", "mini", purpose="answer", turn=turn)
    return blank._replace(input=input_, output=output, **more)


def test_the_calls_of_a_turn_are_one_question_answered_by_the_model_of_the_answer() -> None:
    entries = [
        entry(1, 10, 20),
        entry(2, 100, 50, model="small", purpose="summary"),
        entry(2, 30, 40),
        entry(2, 60, 5, purpose="tools"),
        entry(3, 5, 0, kind="lapse"),
        entry(4, 0, 0, kind="release"),
        entry(0, 0, 0, kind="grant"),
    ]
    assert turns_of(entries) == [Took("mini", 10, 20), Took("mini", 190, 95), Took("mini", 5, 0)]


async def test_a_usual_question_is_known_after_five_of_them() -> None:
    bot = build(DAILY)
    habits = bot.chat.sending.estimates.habits
    wallet = requester("ana").member.wallet
    await asks(bot, 4)
    await habits.learn(wallet)
    assert habits.usual(wallet) is None
    await asks(bot, 1, tokens=900)
    assert habits.usual(wallet) == Usual(10, 90, 100)
    other = requester("bo").member.wallet
    await habits.learn(other)
    assert habits.usual(other) is None


async def test_the_ledger_is_read_once_and_turns_are_noted_from_then_on() -> None:
    bot = build(DAILY)
    await asks(bot, 5)
    reads = 0

    async def counted(verb: str) -> None:
        nonlocal reads
        reads += verb == "entries_of"

    store = bot.store
    store.after = counted  # type: ignore[attr-defined]  # a SteppingStore, see scripted.py
    for _ in range(3):
        await bot.type("/quota", "ana")
        await asks(bot, 2, tokens=300)
    assert reads == 1
    habits = bot.chat.sending.estimates.habits
    assert habits.usual(requester("ana").member.wallet) == Usual(30, 270, 300)


async def test_an_answer_is_as_long_as_theirs_usually_are_else_as_those_of_the_model() -> None:
    habits = Habits(MemoryStore())
    assert habits.output("bo", "mini") == 400
    await habits.learn("ana")
    for _ in range(5):
        habits.took("ana", Took("mini", 10, 70))
    for _ in range(4):
        habits.took("ana", Took("big", 10, 700))
    assert habits.output("ana", "mini") == 70
    # Of the big one too little is known, of all theirs enough.
    assert habits.output("ana", "big") == 70
    assert habits.output("bo", "mini") == 70
    assert habits.output("bo", "big") == 400
    habits.took("ana", Took("big", 10, 700))
    assert habits.output("ana", "big") == 700
    habits.forget("ana")
    assert habits.usual("ana") is None


async def test_a_turn_that_took_nothing_is_no_example() -> None:
    habits = Habits(MemoryStore())
    await habits.learn("ana")
    for _ in range(9):
        habits.took("ana", Took("mini", 0, 0))
    assert habits.usual("ana") is None


# How many more.


def balance(line: str, left: int | None) -> Balance:
    found = limit(line)
    return Balance(found, "allowance", found.rule.unit, left, 0, 0, left, 0, None)


@pytest.mark.parametrize(
    ("balances", "rates", "room"),
    [
        ([], None, None),
        ([balance("everyone: unlimited", None)], None, None),
        ([balance(DAILY, 1_000)], None, 10),
        ([balance(DAILY, 99)], None, 0),
        ([balance(DAILY, 1_000), balance("everyone: 9 requests/day", 3)], None, 3),
        # 10 in and 90 out cost 2.5 + 180 micro-dollars, rounded up.
        ([balance("everyone: $1/day", 1_000_000)], RATES, 5_464),
        ([balance("everyone: $1/day", 1_000_000)], Rates(0, 0, 0, 0), 1_000_000),
        ([balance("everyone: $1/day", 1_000_000)], None, 0),
    ],
)
def test_the_tightest_limit_says_how_many_more_there_are(
    balances: list[Balance], rates: Rates | None, room: int | None
) -> None:
    assert room_for(Usual(10, 90, 100), balances, rates) == room


async def test_the_quota_card_speaks_of_questions_once_they_are_known() -> None:
    bot = build(DAILY)
    await asks(bot, 4)
    assert "like yours" not in (await bot.type("/quota", "ana")).text
    await asks(bot, 1)
    assert "Room for about 95 questions like yours." in (await bot.type("/quota", "ana")).text
    short = build("everyone: 600 tokens/day")
    await asks(short, 5)
    assert "Room for about 1 question like yours." in (await short.type("/quota", "ana")).text
    await asks(short, 1, tokens=50)
    text = (await short.type("/quota", "ana")).text
    assert "There is no room for a question as long as yours usually are." in text
    assert "like yours" not in (await bot.type("/quota share", "ana")).text


async def test_each_model_is_listed_with_what_is_left_for_it() -> None:
    dear = priced_model("dear", Rates(2_500_000, 0, 20_000_000, 20_000_000))
    bare = priced_model("bare", None)
    bot = build("everyone: $0.01/day", rates=RATES, more_models=[dear, bare])
    await asks(bot, 5)
    table = (await bot.type("/model", "ana")).panel.table
    assert table is not None
    # Five took 183 each: 9,085 are left; the dear one takes ten times as much.
    assert [(row[1], row[4]) for row in table.rows] == [
        ("mini", "about 49 questions"),
        ("dear", "about 4 questions"),
        ("bare", "too little is left"),
    ]
    free = (await build("everyone: unlimited").type("/model", "ana")).panel.table
    assert free is not None
    assert free.rows[0][4] == "unlimited"


# The price of a message.


async def test_a_message_is_priced_with_what_goes_along_and_a_likely_answer() -> None:
    bot = build("everyone: 1k tokens/day", rates=RATES)
    await asks(bot, 5)
    card = await bot.type("/quota price hello there you", "ana")
    # Three words, what the provider was seen to wrap around them, and an answer as long as usual.
    assert card.panel.lines == (
        "About 101 tokens, $0.000183, 21% of what is left today.",
        "11 tokens go to mini, the answer has about 90, at most 1,000.",
        "Room for about 5 questions like yours.",
    )
    assert (await bot.balance()).used == 500
    await bot.answer("ana", "a " * 30)
    more = await bot.type("/quota price hello", "ana")
    assert "55 tokens go to mini" in more.text


async def test_of_nothing_known_the_price_is_still_told() -> None:
    bot = build("everyone: 10k tokens/day")
    card = await bot.type("/quota price hello", "ana")
    assert card.panel.lines == (
        "About 408 tokens, 5% of what is left today.",
        "8 tokens go to mini, the answer has about 400, at most 1,000.",
    )
    assert bot.model.calls == []
    assert await bot.ledger() == []


async def test_what_would_be_refused_is_said_with_its_price() -> None:
    bot = build("everyone: 1 request/day")
    await bot.answer("ana")
    card = await bot.type("/quota price hello", "ana")
    assert card.panel.tone == "warning"
    assert "100% of what is left today" in card.panel.lines[0]
    assert "It would be refused now." in card.panel.lines
    assert UNKNOWN.tokens == 550


async def test_a_price_may_be_that_of_another_model() -> None:
    dear = priced_model("dear", Rates(2_500_000, 0, 20_000_000, 20_000_000))
    bot = build(DAILY, more_models=[dear])
    card = await bot.type("/quota price --model dear hello", "ana")
    assert "$0.00802" in card.text
    assert "tokens go to dear" in card.text
    unknown = await bot.type("/quota price --model gpt-9 hello", "ana")
    assert "There is no model 'gpt-9'" in unknown.text
    assert "Write the message behind it." in (await bot.type("/quota price", "ana")).text


async def test_the_price_of_a_model_for_others_is_not_told() -> None:
    strong = priced_model("strong", RATES)
    bot = build(DAILY, more_models=[strong])
    await bot.type("/quota-admin model strong allow @Supporter")
    assert (
        "Strong is for @Supporter"
        in (await bot.type("/quota price --model strong hello", "ana")).text
    )


# Thresholds.


@pytest.mark.parametrize(
    ("text", "threshold"),
    [
        ("2k tokens", Threshold(2_000, Unit.TOKENS)),
        ("2000", Threshold(2_000, Unit.TOKENS)),
        ("$0.01", Threshold(10_000, Unit.CREDITS)),
        ("10%", Threshold(10, None)),
        ("10 %", Threshold(10, None)),
        ("400%", Threshold(100, None)),
        ("off", None),
        ("None", None),
        ("0", None),
        ("", None),
    ],
)
def test_a_threshold_is_read_and_written_back(text: str, threshold: Threshold | None) -> None:
    assert threshold_of(text) == threshold
    if threshold is not None:
        assert threshold_of(threshold.text) == threshold


@pytest.mark.parametrize("text", ["lots", "+5k", "3 requests", "-1", "10 percent"])
def test_what_is_no_threshold_is_named(text: str) -> None:
    with pytest.raises(BadRuleError):
        threshold_of(text)
