"""Titles of threads: after the answer, charged, and left out where they would be felt."""

from typing import Any

import pytest

from bot.config_values import SideCallsConfig
from bot.messages import Answer
from bot.models import Model
from bot.ports import Finished, ModelError, TextDelta, UsageReport
from bot.titles import title_of
from bot.turns import ChatSettings
from quota.errors import StoreUnavailableError
from quota.rules import Terms
from quota.units import Rates, Usage
from tests.fakes import let_run
from tests.scripted import Bot, Gate, ScriptedModel, Steps, build, says, stepping_of, steps

# What the model is told for a title, with its quotes and the answer of eight words.
TITLE_INPUT = 57


def a_bot(*lines: str, wanted: bool = True, model: str = "", **more: Any) -> Bot:
    side = SideCallsConfig(titles=wanted, title_model=model)
    limits = lines or ("everyone: 10k tokens/day",)
    return build(*limits, settings=ChatSettings(side=side), output_max=100, **more)


def titled(text: str, *, tokens: int = 60) -> Any:
    usage = Usage(input=tokens - 4, output=4)
    return steps(TextDelta(text), Finished("stop"), UsageReport(usage))


async def asks(bot: Bot, text: str = "hello there", **more: Any) -> tuple[Answer, list[str]]:
    """The answer, and the titles that its thread was given."""
    given: list[str] = []

    async def entitle(title: str) -> None:
        given.append(title)

    answer = await bot.answer("ana", text, entitle=entitle, **more)
    await bot.all_is_still()
    return answer, given


async def test_a_new_thread_gets_a_title_which_is_charged_to_the_turn() -> None:
    bot = a_bot()
    bot.model.next(says(8), titled('"Greeting a friend."\nmore'))
    answer, given = await asks(bot)
    assert given == ["Greeting a friend"]
    first, title = await bot.ledger()
    assert (first.purpose, title.purpose) == ("answer", "title")
    assert title.turn == first.turn == first.hold_id
    assert "Write a title" in bot.model.calls[1].messages[0].content
    assert "User: hello there\n\nAssistant: w1 w2" in bot.model.calls[1].messages[1].content
    # The answer was told before, and tells of itself alone.
    assert answer.charged_tokens == first.tokens
    assert (await bot.balance()).used == first.tokens + title.tokens
    await bot.is_clean()


async def test_the_answer_does_not_wait_for_its_title() -> None:
    bot = a_bot()
    gate = Gate()
    bot.model.next(says(8), steps(gate, TextDelta("late")))
    given: list[str] = []

    async def entitle(title: str) -> None:
        given.append(title)

    assert (await bot.answer("ana", entitle=entitle)).finish == "stop"
    await gate.reached()
    # Not even the next question waits.
    assert isinstance(await bot.ask("ana", "and now?"), Answer)
    assert given == []
    gate.release()
    await bot.all_is_still()
    assert given == ["late"]
    await bot.is_clean()


@pytest.mark.parametrize("more", [{}, {"wanted": False}])
async def test_only_a_new_thread_gets_a_title_and_only_where_titles_are_wanted(more: Any) -> None:
    bot = a_bot(**more)
    if more:
        await asks(bot)
    else:
        await bot.answer("ana")
        await bot.all_is_still()
    assert len(bot.model.calls) == 1


@pytest.mark.parametrize(("left", "calls"), [(0, 2), (-1, 1)])
async def test_no_title_is_made_where_less_than_the_buffer_would_be_left(
    left: int, calls: int
) -> None:
    # 17 for the answer, then what a title may take at most, and 150 that stay.
    bot = a_bot(f"everyone: {17 + TITLE_INPUT + 150 + 150 + left} tokens/day")
    bot.model.next(says(8), titled("A title"))
    answer, given = await asks(bot)
    assert answer.text
    assert len(bot.model.calls) == calls
    assert len(given) == calls - 1
    assert len(await bot.ledger()) == calls
    await bot.is_clean()


@pytest.mark.parametrize(("requests", "used"), [(11, 1), (12, 2)])
async def test_a_title_takes_no_question_from_who_has_few(requests: int, used: int) -> None:
    bot = a_bot(f"everyone: {requests} requests/day")
    bot.model.next(says(8), titled("A title"))
    await asks(bot)
    assert (await bot.balance()).used == used


async def test_money_below_the_buffer_or_without_a_price_buys_no_title() -> None:
    rates = Rates(1_000_000, 0, 1_000_000, 1_000_000)
    poor = a_bot("everyone: $0.0003/day", rates=rates)
    rich = a_bot("everyone: $0.04/day", rates=rates)
    chat = ScriptedModel(Steps())
    bare = Model("bare", "bare-1", (), chat, Terms("bare", ("bare",)), 80, 60_000, 30_000)
    unpriced = a_bot("everyone: $0.04/day", rates=rates, model="bare", more_models=[bare])
    for bot in (poor, rich, unpriced):
        bot.model.next(says(8), titled("A title"))
        await asks(bot)
    assert [len(bot.model.calls) for bot in (poor, rich, unpriced)] == [1, 2, 1]
    assert chat.calls == []


async def test_another_model_may_name_it() -> None:
    chat = ScriptedModel(Steps())
    chat.next(titled("A title"))
    cheap = Model("cheap", "cheap-1", (), chat, Terms("cheap", ("cheap",)), 80, 60_000, 30_000)
    bot = a_bot(model="cheap", more_models=[cheap])
    assert (await asks(bot))[1] == ["A title"]
    assert [entry.model for entry in await bot.ledger()] == ["mini", "cheap"]


async def test_a_title_that_fails_leaves_the_thread_as_it_is() -> None:
    bot = a_bot()
    bot.model.next(says(8), steps(ModelError("failed")))
    assert (await asks(bot))[1] == []
    assert [entry.kind for entry in await bot.ledger()] == ["settle", "release"]

    async def refuses(_title: str) -> None:
        raise ConnectionError

    bot.model.next(says(8), titled("A title"))
    assert (await bot.answer("ana", entitle=refuses)).finish == "stop"
    await bot.all_is_still()
    await bot.is_clean()


async def test_books_that_cannot_be_written_name_nothing() -> None:
    bot = a_bot()

    async def breaks(verb: str) -> None:
        if verb == "settle":
            stepping_of(bot).down["reserve"] = StoreUnavailableError()

    stepping_of(bot).after = breaks
    answer, given = await asks(bot)
    assert (answer.finish, given) == ("stop", [])
    assert len(bot.model.calls) == 1


async def test_at_the_end_of_the_bot_a_title_is_left_and_what_came_is_charged() -> None:
    bot = a_bot()
    gate = Gate()
    bot.model.next(says(8), steps(TextDelta("A"), gate))
    given: list[str] = []

    async def entitle(title: str) -> None:
        given.append(title)

    await bot.answer("ana", entitle=entitle)
    await gate.reached()
    await bot.chat.close(1_000)
    await let_run()
    assert given == []
    last = (await bot.ledger())[-1]
    assert (last.purpose, last.kind, last.source) == ("title", "settle", "counted")
    await bot.is_clean()


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("A title", "A title"),
        ("\n\n  **“A title”.**  \nbecause", "A title"),
        ("a\tb\x07c", "a b c"),
        ("word " * 30, "word word word word word word word word word word word word…"),
        ("", ""),
        ("...", ""),
    ],
)
def test_a_title_is_one_short_line(text: str, title: str) -> None:
    assert title_of(text) == title
    assert len(title) <= 60
