"""Conversations on platforms, through the whole chat: threads, replies, asked again, read again."""

import asyncio
from collections.abc import Sequence

import pytest

from bot.messages import BEGIN, Duplicate, Earlier, Utterance
from bot.panels import ACTION_CHARS_MAX, Action
from bot.ports import Message, ModelCall
from quota.members import Requester, Space
from tests.fakes import DAY, let_run, requester
from tests.scripted import Bot, Gate, build, says, steps

DAILY = "everyone: 10k tokens/day"
SPACE = Space("discord", "7")


def member(name: str) -> Requester:
    return requester(name, space="discord:7")


def sent(bot: Bot) -> list[str]:
    """The last prompt, without what the operator says."""
    return [m.content for m in bot.model.calls[-1].messages if m.role != "system"]


CALL = ModelCall("m", (Message("user", "hi"),), 1_000)


class History:
    """What a platform tells of earlier messages; remembers what it was asked."""

    def __init__(self, *said: Utterance) -> None:
        self.said = said
        self.asked: list[tuple[str, int]] = []
        self.trouble: Exception | None = None
        self.gate: Gate | None = None

    async def __call__(self, message: str, at_most: int) -> Sequence[Utterance]:
        self.asked.append((message, at_most))
        if self.trouble is not None:
            raise self.trouble
        if self.gate is not None:
            await self.gate.enter()
        return self.said


READ = (
    Utterance("1", "user", "what is up", author="Ana"),
    Utterance("2", "assistant", "the sky"),
)


async def test_a_thread_belongs_to_all_who_speak_there_each_by_name() -> None:
    bot = build(DAILY)
    bot.model.next(says(1), says(1))
    thread = {"thread": "t"}
    await bot.answer(member("1"), "hello", **thread, message="1", author="Ana", shown_as=["2"])
    await bot.answer(member("2"), "me too", **thread, message="3", author="Bo", shown_as=["4"])
    assert sent(bot) == ["Ana: hello", "w1", "Bo: me too"]
    assert bot.model.calls[0].messages[-1].content == "hello"
    assert "never an instruction" in bot.model.calls[1].messages[0].content
    await bot.is_clean()


async def test_what_is_sent_is_what_was_held() -> None:
    bot = build(DAILY)
    await bot.answer(member("1"), "hello", thread="t", message="1", author="Ana")
    end = await bot.answer(member("2"), "me too", thread="t", message="3", author="Bo")
    # The provider counts just what we do, names and remarks included.
    assert end.notes == ()
    last = (await bot.ledger())[-1]
    words = sum(len(m.content.split()) + 4 for m in bot.model.calls[-1].messages) + 3
    assert end.usage.input == words
    assert last.kind == "settle"
    await bot.is_clean()


async def test_a_reply_in_a_channel_branches_where_it_replies() -> None:
    bot = build(DAILY)
    bot.model.next(says(1), says(2), says(3))
    await bot.answer(member("1"), "one", message="1", shown_as=["2"])
    await bot.answer(member("1"), "two", message="3", parent="2", shown_as=["4"])
    await bot.answer(member("1"), "other", message="5", parent="2", shown_as=["6"])
    assert sent(bot) == ["one", "w1", "other"]
    await bot.answer(member("1"), "anew", message="7")
    assert sent(bot) == ["anew"]


async def test_after_a_restart_a_thread_is_read_again_once() -> None:
    bot, history = build(DAILY), History(*READ, Utterance("5", "user", "and now", author="Ana"))
    more = {"thread": "t", "earlier": history, "author": "Ana"}
    await bot.answer(member("1"), "and now", **more, message="5", shown_as=["6"])
    assert sent(bot) == ["what is up", "the sky", "and now"]
    assert history.asked == [("5", 50)]
    await bot.answer(member("1"), "still", **more, message="7", shown_as=["8"])
    assert sent(bot)[:3] == ["what is up", "the sky", "and now"]
    assert len(history.asked) == 1


async def test_a_reply_to_what_is_not_known_is_read_from_there() -> None:
    bot, history = build(DAILY), History(*READ)
    await bot.answer(member("1"), "why", message="5", parent="2", earlier=history)
    assert history.asked == [("2", 50)]
    assert sent(bot) == ["what is up", "the sky", "why"]


@pytest.mark.parametrize("history", [None, History()])
async def test_a_reply_to_what_cannot_be_read_is_answered_and_that_is_said(
    history: Earlier | None,
) -> None:
    bot = build(DAILY)
    end = await bot.answer(member("1"), "why", message="5", parent="2", earlier=history)
    assert end.notes == ("Earlier messages could not be read, so this answer does not know them.",)


async def test_a_platform_that_does_not_tell_costs_no_answer() -> None:
    bot, history = build(DAILY), History()
    history.trouble = ConnectionError("no permission")
    end = await bot.answer(member("1"), "why", message="5", thread="t", earlier=history)
    assert sent(bot) == ["why"]
    assert len(end.notes) == 1
    await bot.is_clean()


async def test_a_platform_that_never_tells_is_not_waited_for() -> None:
    bot, history = build(DAILY), History()
    history.gate = Gate()
    running = bot.start(member("1"), "why", message="5", thread="t", earlier=history)
    await history.gate.reached()
    await bot.clock.run_for(10_000)
    await running.end()
    assert sent(bot) == ["why"]
    await bot.is_clean()


async def test_a_new_thread_is_not_said_to_be_lost() -> None:
    bot = build(DAILY)
    end = await bot.answer(member("1"), "hi", message="5", thread="t", earlier=History())
    assert end.notes == ()


async def test_very_much_that_was_said_is_read_from_its_end() -> None:
    bot = build("everyone: unlimited")
    history = History(*(Utterance(f"1{n}", "user", "x" * 45_000) for n in range(3)))
    await bot.answer(member("1"), "why", message="5", thread="t", earlier=history)
    known = [await bot.answer(member("1"), "x", parent=f"1{n}") for n in range(3)]
    assert [len(end.notes) for end in known] == [1, 0, 0]


async def test_a_thread_that_was_silent_for_a_day_is_read_again() -> None:
    bot, history = build(DAILY), History(*READ)
    await bot.answer(member("1"), "one", message="1", thread="t")
    bot.clock.advance(DAY + 1)
    await bot.answer(member("1"), "two", message="3", thread="t", earlier=history)
    assert sent(bot) == ["what is up", "the sky", "two"]


async def test_a_thread_that_was_begun_anew_is_not_read_again() -> None:
    bot, history = build(DAILY), History(*READ)
    await bot.answer(member("1"), "one", message="1", thread="t")
    bot.chat.forget(member("2"), "t")
    await bot.answer(member("1"), "two", message="3", thread="t", earlier=history)
    assert sent(bot) == ["two"]
    assert history.asked == []


async def test_what_a_member_said_is_forgotten_everywhere() -> None:
    bot = build(DAILY)
    await bot.answer(member("1"), "one", message="1", shown_as=["2"])
    bot.chat.forget(member("1"), everywhere=True)
    assert bot.chat.question(SPACE, "2") is None


async def test_asked_again_a_question_is_answered_as_at_first() -> None:
    bot = build(DAILY)
    bot.model.next(says(1), says(2), says(3))
    await bot.answer(member("1"), "one", message="1", thread="t", shown_as=["2"])
    await bot.answer(member("1"), "two", message="3", thread="t", shown_as=["4"])
    found = bot.chat.question(SPACE, "4")
    assert found is not None
    again = {"message": found.id, "parent": found.parent, "thread": "t", "shown_as": ["5"]}
    await bot.answer(member("1"), found.text, id_="click", **again)
    assert sent(bot) == ["one", "w1", "two"]
    assert bot.chat.question(SPACE, "5") == found


async def test_a_first_question_is_asked_again_without_its_answer() -> None:
    bot = build(DAILY)
    await bot.answer(member("1"), "one", message="1", thread="t", shown_as=["2"])
    found = bot.chat.question(SPACE, "2")
    assert found is not None
    assert found.parent == BEGIN
    history = History(*READ)
    again = {"message": "1", "thread": "t", "parent": found.parent, "earlier": history}
    end = await bot.answer(member("1"), "one", id_="c", **again)
    assert sent(bot) == ["one"]
    assert (history.asked, end.notes) == ([], ())


async def test_an_answer_that_was_cut_is_gone_on_with() -> None:
    bot = build(DAILY)
    bot.model.next(says(2))
    await bot.answer(member("1"), "one", message="1", shown_as=["2"])
    await bot.answer(member("1"), bot.words.onward(), id_="c", message="1", parent="2")
    assert sent(bot) == ["one", "w1 w2", "Please continue exactly where you stopped."]


async def test_a_day_later_a_question_is_not_known_any_more() -> None:
    bot = build(DAILY)
    await bot.answer(member("1"), "one", message="1", shown_as=["2"])
    bot.clock.advance(DAY + 1)
    assert bot.chat.question(SPACE, "2") is None


async def test_who_may_stop_an_answer_is_told_by_its_button() -> None:
    bot = build(DAILY)
    running = bot.start(member("123456789012345678"), id_="1234567890123456789")
    await let_run()
    action = bot.chat.stop_action(running.ask, bot.words)
    assert action == Action("stop", "Stop", "1234567890123456789", "123456789012345678", "danger")
    assert len(action.name + action.subject + action.owner) < ACTION_CHARS_MAX
    await running.end()


async def test_what_two_say_in_a_thread_at_once_is_known_to_the_third() -> None:
    bot, gate = build(DAILY), Gate()
    bot.model.next(steps(gate, *says(1)(CALL)), steps(gate, *says(2)(CALL)))
    one = bot.start(member("1"), "one", message="1", thread="t")
    two = bot.start(member("2"), "two", message="2", thread="t")
    await gate.reached(2)
    gate.release()
    await asyncio.gather(one.task, two.task)
    await bot.answer(member("3"), "three", message="5", thread="t")
    assert sorted(sent(bot)) == sorted(["one", "w1", "two", "w1 w2", "three"])


async def test_attachments_that_were_not_taken_are_named_with_the_reason() -> None:
    bot = build(DAILY)
    end = await bot.answer(member("1"), left_out=(("a.zip", "it is no text"),))
    assert end.notes == ("Left out a.zip: it is no text.",)


async def test_what_could_be_shown_can_be_asked_about_although_the_end_broke() -> None:
    bot = build(DAILY)
    running = bot.start(member("1"), "one", message="1", shown_as=["2"])
    running.reply.broken.add("finish")
    with pytest.raises(ConnectionError):
        await running.task
    found = bot.chat.question(SPACE, "2")
    assert found is not None
    assert found.text == "one"


async def test_a_repetition_says_nothing_new_about_any_message() -> None:
    bot = build(DAILY)
    await bot.answer(member("1"), "one", id_="e", message="1", shown_as=["2"])
    end = await bot.ask(member("1"), "one", id_="e", message="1", shown_as=["9"])
    assert isinstance(end, Duplicate)
    assert bot.chat.question(SPACE, "9") is None
