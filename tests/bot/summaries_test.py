"""Summaries of what does not fit any more: charged, remembered, said aloud, never half."""

import asyncio
from typing import Any, Literal

from bot.config_values import SideCallsConfig
from bot.messages import Answer, Ask, Duplicate, Refusal, Utterance
from bot.models import Model
from bot.ports import Finished, Message, ModelCall, ModelError, TextDelta, UsageReport
from bot.summaries import HEAD
from bot.talks import Said, Talks
from bot.turns import ChatSettings
from quota.errors import StoreUnavailableError
from quota.rules import Terms
from quota.units import Rates, Usage
from tests.fakes import MORNING, requester
from tests.scripted import (
    Bot,
    Gate,
    ScriptedModel,
    Steps,
    build,
    says,
    stepping_of,
    steps,
    tokens_of,
)

DAILY = "everyone: 10k tokens/day"


def a_bot(*lines: str, wanted: bool = True, **more: Any) -> Bot:
    """A bot that summarises; answers of it are short."""
    side = SideCallsConfig(summaries=wanted, summary_tokens=100, **more.pop("side", {}))
    return build(*(lines or (DAILY,)), settings=ChatSettings(side=side), output_max=200, **more)


def summed(text: str = "ana counts words") -> Any:
    """What a model says when it is asked for a summary."""

    def script(call: ModelCall) -> Any:
        pieces = text.split()
        deltas = [TextDelta(f"{' ' if n else ''}{piece}") for n, piece in enumerate(pieces)]
        usage = Usage(input=tokens_of(call), output=len(pieces))
        return [*deltas, Finished("stop"), UsageReport(usage)]

    return script


def past(messages: int = 12, words: int = 250, last: int = 0) -> Any:
    """What the platform tells of a thread: so many messages of so many words; the last of more."""
    texts = ["w " * words] * (messages - 1) + ["w " * (last or words)]

    async def earlier(_message: str, _most: int) -> list[Utterance]:
        sides: list[Literal["user", "assistant"]] = ["user", "assistant"]
        told = ((f"u{n}", sides[n % 2], f"{n} {text}") for n, text in enumerate(texts))
        return [Utterance(*each, author="" if n % 2 else "Ana") for n, each in enumerate(told)]

    return {"thread": "t", "message": "m1", "earlier": earlier}


def goes_on(number: int) -> Any:
    """The next message in the same thread."""
    return {"thread": "t", "message": f"m{number}"}


async def spent(bot: Bot) -> list[tuple[str, str, int]]:
    """Each call in the ledger: of which turn by its purpose, and its tokens."""
    entries = [e for e in await bot.ledger() if e.kind == "settle"]
    return [(e.purpose, e.model, e.tokens) for e in entries]


# Made.


async def test_what_does_not_fit_is_summarised_and_said_with_what_it_took() -> None:
    bot = a_bot()
    used = (await bot.balance()).used
    bot.model.next(summed())
    answer = await bot.answer("ana", "and now?", **past())
    summary, asked = bot.model.calls
    assert "Summarise the conversation" in summary.messages[0].content
    assert summary.messages[1].content.startswith("Ana: 0 w w")
    assert summary.output_cap == 100
    first = asked.messages[0]
    assert (first.role, first.content.startswith(f"{HEAD}ana counts words")) == ("user", True)
    assert asked.messages[-1].content == "and now?"
    (of_summary, of_answer) = (await bot.ledger())[-2:]
    assert (of_summary.purpose, of_answer.purpose) == ("summary", "answer")
    assert of_summary.turn == of_answer.turn == of_summary.hold_id
    told = f"messages were summarised ({of_summary.tokens:,} tokens)."
    assert [note for note in answer.notes if told in note]
    assert not [note for note in answer.notes if "left out" in note]
    # What the answer tells and what the member pays is both together.
    assert answer.charged_tokens == of_summary.tokens + of_answer.tokens
    assert (await bot.balance()).used == used + answer.charged_tokens
    assert bot.replies[-1].notes == ["Earlier messages are being summarised …"]
    await bot.is_clean()


async def test_a_dear_summary_goes_along_although_it_left_little() -> None:
    bot = a_bot("everyone: 3800 tokens/day")
    bot.model.next(summed())
    await bot.answer("ana", "and now?", **past())
    left = (await bot.balance()).left
    assert left is not None
    # A quarter of it would be too little for the message that stays.
    assert left < 1_000
    asked = bot.model.calls[-1].messages
    assert asked[0].content.startswith(f"{HEAD}ana counts words")
    assert asked[1].content.startswith("11 w w")


async def test_the_newest_messages_stay_as_many_as_fit_into_half_of_the_room() -> None:
    bot = a_bot()
    bot.model.next(summed())
    await bot.answer("ana", "and now?", **past(12, 100, last=1_500))
    (asked,) = bot.model.calls[-1].messages
    assert asked.content.startswith(f"{HEAD}ana counts words")
    assert asked.content.endswith("and now?")
    assert "11 w" in bot.model.calls[0].messages[1].content


async def test_a_summary_is_paid_once_and_goes_along_with_what_comes_after() -> None:
    bot = a_bot()
    bot.model.next(summed())
    await bot.answer("ana", "and now?", **past())
    bot.model.calls.clear()
    answer = await bot.answer("ana", "and then?", **goes_on(2))
    (asked,) = bot.model.calls
    assert asked.messages[0].content.startswith(HEAD)
    assert not [note for note in answer.notes if "summarised" in note]


async def test_a_summary_is_of_the_one_before_and_what_came_since() -> None:
    bot = a_bot()
    bot.model.next(summed("the first"))
    await bot.answer("ana", "and now?", **past())
    bot.model.next(says(3), summed("the second"))
    await bot.answer("ana", "word " * 900, **goes_on(2))
    bot.model.calls.clear()
    await bot.answer("ana", "and then?", **goes_on(3))
    summary, asked = bot.model.calls
    assert summary.messages[1].content.startswith(f"User: {HEAD}the first")
    assert asked.messages[0].content.startswith(f"{HEAD}the second")


async def test_unless_the_operator_wants_summaries_the_oldest_is_left_out() -> None:
    bot = a_bot(wanted=False)
    answer = await bot.answer("ana", "and now?", **past())
    assert len(bot.model.calls) == 1
    assert [note for note in answer.notes if "left out" in note]


async def test_another_model_may_make_it() -> None:
    chat = ScriptedModel(Steps())
    cheap = Model("cheap", "cheap-1", (), chat, Terms("cheap", ("cheap",)), 80, 60_000, 30_000)
    bot = a_bot(more_models=[cheap], side={"summary_model": "cheap"})
    chat.next(summed())
    await bot.answer("ana", "and now?", **past())
    assert [call.output_cap for call in chat.calls] == [80]
    assert [(p, m) for p, m, _ in (await spent(bot))[-2:]] == [
        ("summary", "cheap"),
        ("answer", "mini"),
    ]


async def test_money_is_not_asked_for_a_summary_by_a_model_without_a_price() -> None:
    chat = ScriptedModel(Steps())
    bare = Model("bare", "bare-1", (), chat, Terms("bare", ("bare",)), 80, 60_000, 30_000)
    rates = Rates(1, 1, 1, 1)
    more: Any = {"more_models": [bare], "side": {"summary_model": "bare"}, "rates": rates}
    bot = a_bot("everyone: $1/day", DAILY, **more)
    bot.model.next(summed())
    await bot.answer("ana", "and now?", **past())
    assert chat.calls == []
    assert (await spent(bot))[-2][:2] == ("summary", "mini")


async def test_where_little_is_left_there_is_no_room_for_a_summary_either() -> None:
    bot = a_bot("everyone: 540 tokens/day")
    answer = await bot.answer("ana", "and now?", **past(12, 10))
    assert len(bot.model.calls) == 1
    assert [note for note in answer.notes if "left out" in note]


async def test_one_very_long_message_is_summarised_too() -> None:
    bot = a_bot()
    bot.model.next(summed())
    answer = await bot.answer("ana", "and now?", **past(1, 3_000))
    assert [note for note in answer.notes if note.startswith("1 older message was summarised")]


async def test_of_very_much_the_newest_is_summarised_and_the_rest_is_said_to_be_lost() -> None:
    bot = a_bot("everyone: 200k tokens/day")
    bot.model.next(summed())
    answer = await bot.answer("ana", "and now?", **past(12, 3_000))
    # Two stay, of ten the newest three are read.
    assert bot.model.calls[0].messages[1].content.count("Assistant: ") == 2
    assert [note for note in answer.notes if "7 still older ones were left out." in note]


# Both or neither.


async def test_a_message_that_does_not_fit_beside_its_summary_is_refused_with_it() -> None:
    # 4,000 have 1,000 for the past, of which 500 stay and 10 messages are summarised for 2,700.
    bot = a_bot("everyone: 4k tokens/day")
    long = "word " * 900
    refusal = await bot.refusal("ana", long, id_="e1", **past())
    assert refusal.refused.reason == "too_large"
    assert refusal.refused.needed > refusal.refused.left == 4_000
    assert "begin anew: /new" in refusal.text
    assert bot.model.calls == []
    assert [(e.kind, e.purpose) for e in await bot.ledger()] == [("release", "summary")]
    assert ((await bot.balance()).used, (await bot.balance()).held) == (0, 0)
    assert isinstance(await bot.ask("ana", long, id_="e1", **past()), Duplicate)
    await bot.type("/new", "ana", thread="t")
    assert isinstance(await bot.ask("ana", long, **goes_on(2)), Answer)
    await bot.is_clean()


async def test_where_not_even_the_summary_fits_nothing_is_sent() -> None:
    bot = a_bot(DAILY, "everyone: 1 request/day")
    await bot.answer("ana", "hello")
    refusal = await bot.refusal("ana", "and now?", **past())
    assert refusal.refused.reason == "period_used"
    assert len(bot.model.calls) == 1
    await bot.is_clean()


async def test_one_request_is_too_few_for_both() -> None:
    bot = a_bot(DAILY, "everyone: 1 request/day")
    refusal = await bot.refusal("ana", "and now?", **past())
    assert bot.model.calls == []
    assert (refusal.refused.needed, refusal.refused.left) == (2, 1)
    assert "1 left until on day 1 at 00:00" in refusal.text
    await bot.is_clean()


async def test_who_is_held_up_by_others_in_a_pool_is_told_so() -> None:
    # 5,000 would cover both, were not 2,400 of them held for bo.
    bot = a_bot("space: 5k tokens/day")
    gate = Gate()
    bot.model.next(steps(gate, TextDelta("late"), Finished("stop")))
    other = bot.start("bo", "word " * 2_200)
    await gate.reached()
    refusal = await bot.refusal("ana", "word " * 1_000, **past(6))
    assert refusal.refused.reason == "busy"
    gate.release()
    await other.end()
    await bot.is_clean()


async def test_the_price_before_sending_knows_of_the_summary() -> None:
    bot = a_bot()
    await bot.type("/quota confirm 2k tokens", "ana")
    refusal = await bot.refusal("ana", "and now?", **past())
    assert refusal.refused.reason == "unconfirmed"
    # 2,032 to be summarised in 100, and 1,000 that stay, beside the message and its answer.
    assert refusal.refused.needed > 3_000
    assert bot.model.calls == []
    again = await bot.type("/quota price and now?", "ana", thread="t")
    assert again.panel.lines[1].startswith("3,")
    assert "the answer has about 300, at most 300." in again.panel.lines[1]


# When it fails.


async def test_a_summary_that_fails_costs_what_came_and_the_oldest_is_left_out() -> None:
    bot = a_bot()
    bot.model.next(steps(ModelError("failed")))
    answer = await bot.answer("ana", "and now?", **past())
    assert "Earlier messages could not be summarised." in answer.notes
    assert [note for note in answer.notes if "left out" in note]
    assert [e.kind for e in (await bot.ledger())[-2:]] == ["release", "settle"]
    assert (await bot.ledger())[-2].purpose == "summary"
    bot.model.next(steps(TextDelta("it"), ModelError("broken")))
    broken = await bot.answer("ana", "and then?", **goes_on(2))
    assert "Earlier messages could not be summarised." in broken.notes
    half = (await bot.ledger())[-2]
    assert (half.purpose, half.kind, half.source) == ("summary", "settle", "counted")
    assert broken.charged_tokens == half.tokens + (await bot.ledger())[-1].tokens
    await bot.is_clean()


async def test_stopped_in_a_summary_only_what_it_took_is_charged() -> None:
    bot = a_bot()
    used = (await bot.balance()).used
    gate = Gate()
    bot.model.next(steps(TextDelta("it"), gate))
    running = bot.start("ana", "and now?", id_="e1", **past())
    await gate.reached()
    assert bot.chat.stop(running.ask.event)
    end = await running.end()
    assert isinstance(end, Answer)
    assert (end.finish, end.text) == ("stopped", "")
    assert end.charged_tokens == (await bot.balance()).used - used > 0
    assert f"Charged {end.charged_tokens:,} tokens" in end.notes[0]
    assert len(bot.model.calls) == 1
    await bot.is_clean()


async def test_cancelled_at_any_moment_a_summary_leaves_nothing_held() -> None:
    """As when the process ends: what was received is charged, and nothing is asked twice."""
    bot = a_bot()
    for moment in range(0, 120, 7):
        bot.model.forget()
        bot.model.next(summed("a few words of it"))
        running = bot.start("ana", "and now?", **(past() | {"thread": f"t{moment}"}))
        bot.passing.at = bot.passing.passed + moment
        bot.passing.then = running.task.cancel
        await asyncio.wait((running.task,))
        await bot.all_is_still()
        assert (await bot.balance()).held == 0
    assert await bot.store.verify() == []


async def test_a_store_in_trouble_stops_before_anything_is_sent() -> None:
    bot = a_bot()
    stepping_of(bot).down["reserve"] = StoreUnavailableError()
    end = await bot.ask("ana", "and now?", **past())
    assert isinstance(end, Refusal)
    assert end.refused.reason == "store_unavailable"
    assert bot.model.calls == []


# Remembered.


def an_ask(who: str, message: str, parent: str = "") -> Ask:
    return Ask(
        "e", requester(who, space="discord:7"), "x", thread="t", message=message, parent=parent
    )


def said(text: str) -> Said:
    return Said(Message("user", text), 10)


def talk() -> Talks:
    """Three questions with their answers: a1 b1 a2 b2 a3 b3."""
    talks = Talks()
    for number in "123":
        ask = an_ask("ana" if number == "1" else "bo", f"m{number}")
        place = talks.place(ask, MORNING)
        node = talks.add(ask, said(f"a{number}"), said(f"b{number}"), place, MORNING)
        talks.shown(node, ask.requester.member.space, [f"r{number}"])
    return talks


def texts(talks: Talks, ask: Ask) -> list[str]:
    return [each.message.content for each in talks.before(talks.place(ask, MORNING), MORNING)]


def test_a_summary_stands_for_all_but_the_newest_messages() -> None:
    talks, ask = talk(), an_ask("ana", "")
    talks.summarise(talks.place(ask, MORNING), 2, said("s"))
    assert texts(talks, ask) == ["s", "a3", "b3"]
    # A branch that left before it knows nothing of it.
    assert texts(talks, an_ask("ana", "", "r1")) == ["a1", "b1"]
    talks.summarise(talks.place(ask, MORNING), 1, said("t"))
    assert texts(talks, ask) == ["t", "b3"]
    talks.summarise(talks.place(ask, MORNING), 9, said("u"))
    assert texts(talks, ask) == ["t", "b3"]


def test_whoever_is_forgotten_is_in_no_summary_either() -> None:
    talks, ask = talk(), an_ask("ana", "")
    talks.summarise(talks.place(ask, MORNING), 2, said("s"))
    talks.forget_member(requester("ana", space="discord:7").member.wallet)
    assert "s" not in texts(talks, an_ask("bo", "", "r3"))
