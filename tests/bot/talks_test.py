"""What is remembered of conversations, how they branch, and how they are forgotten."""

from collections.abc import Sequence
from typing import Any

import pytest

from bot.messages import BEGIN, Ask, Image, Utterance
from bot.ports import Message
from bot.talks import CHAIN_MAX, Place, Said, Talks
from quota.members import Space
from tests.fakes import DAY, HOUR, MORNING, requester

SERVER = "discord:7"
SPACE = Space("discord", "7")


def ask(text: str = "hi", who: str = "ana", space: str = SERVER, **more: Any) -> Ask:
    return Ask(f"e-{text}", requester(who, space=space), text, **more)


def said(text: str, *, images: tuple[Image, ...] = ()) -> Said:
    return Said(Message("user", text, images), 5)


def answer(text: str) -> Said:
    return Said(Message("assistant", text), 5)


class Memory:
    """Talks, and an exchange in one line."""

    def __init__(self, **bounds: int) -> None:
        self.talks = Talks(**bounds)
        self.now = MORNING

    def tell(self, one: Ask, shown_as: Sequence[str] = (), images: tuple[Image, ...] = ()) -> None:
        """It is asked and answered, and the answer is shown in these messages."""
        place = self.talks.place(one, self.now)
        text = said(one.text, images=images)
        number = self.talks.add(one, text, answer(f"re {one.text}"), place, self.now)
        self.talks.shown(number, one.requester.member.space, shown_as)

    def before(self, one: Ask) -> list[str]:
        """What an ask continues."""
        place = self.talks.place(one, self.now)
        return [each.message.content for each in self.talks.before(place, self.now)]


def test_on_the_console_each_member_talks_alone_and_goes_on() -> None:
    memory = Memory()
    for who, text in (("ana", "one"), ("bo", "two"), ("ana", "three")):
        memory.tell(ask(text, who, "console:console"))
    assert memory.before(ask("x", "ana", "console:console")) == [
        *("one", "re one", "three", "re three"),
    ]
    assert memory.before(ask("x", "bo", "console:console")) == ["two", "re two"]


def test_also_in_a_thread_of_the_console_each_member_talks_alone() -> None:
    memory = Memory()
    memory.tell(ask("one", "ana", "console:console", thread="t"))
    assert memory.before(ask("x", "bo", "console:console", thread="t")) == []
    assert memory.before(ask("x", "ana", "console:console", thread="t")) == ["one", "re one"]


def test_in_a_channel_a_message_begins_anew() -> None:
    memory = Memory()
    memory.tell(ask("one", message="1"), ["2"])
    assert memory.before(ask("two", message="3")) == []


def test_a_reply_continues_what_it_replies_to_whoever_sends_it() -> None:
    memory = Memory()
    memory.tell(ask("one", message="1"), ["2"])
    memory.tell(ask("two", message="3"), ["4"])
    memory.tell(ask("three", "bo", message="5", parent="2"), ["6"])
    assert memory.before(ask("x", message="7", parent="6")) == [
        *("one", "re one", "three", "re three"),
    ]


def test_a_reply_to_an_older_message_branches_off() -> None:
    memory = Memory()
    memory.tell(ask("one", message="1"), ["2"])
    memory.tell(ask("two", message="3", parent="2"), ["4"])
    memory.tell(ask("other", message="5", parent="2"), ["6"])
    assert memory.before(ask("x", parent="6")) == ["one", "re one", "other", "re other"]
    assert memory.before(ask("x", parent="4")) == ["one", "re one", "two", "re two"]


def test_a_reply_to_a_question_leaves_its_answer_out() -> None:
    memory = Memory()
    memory.tell(ask("one", message="1"), ["2"])
    assert memory.before(ask("x", parent="1")) == ["one"]


def test_any_of_the_messages_that_show_an_answer_stands_for_it() -> None:
    memory = Memory()
    memory.tell(ask("one", message="1"), ["2", "3", "4"])
    for part in ("2", "3", "4"):
        assert memory.before(ask("x", parent=part)) == ["one", "re one"]


def test_a_thread_is_one_conversation_of_all_who_speak_there() -> None:
    memory = Memory()
    memory.tell(ask("one", message="1", thread="t"), ["2"])
    memory.tell(ask("two", "bo", message="3", thread="t"), ["4"])
    assert memory.before(ask("x", "cy", message="5", thread="t")) == [
        *("one", "re one", "two", "re two"),
    ]
    assert memory.before(ask("x", message="6", thread="another")) == []


def test_what_two_ask_in_a_thread_at_the_same_time_stands_there_one_after_the_other() -> None:
    memory = Memory()
    one, two = ask("one", message="1", thread="t"), ask("two", "bo", message="2", thread="t")
    places = [memory.talks.place(each, MORNING) for each in (one, two)]
    for each, place in zip((one, two), places, strict=True):
        memory.talks.add(each, said(each.text), answer(f"re {each.text}"), place, MORNING)
    assert memory.before(ask("x", thread="t")) == ["one", "re one", "two", "re two"]


def test_the_same_ids_in_another_space_are_other_messages() -> None:
    memory = Memory()
    memory.tell(ask("one", message="1"), ["2"])
    elsewhere = ask("x", space="discord:8", parent="2")
    assert memory.before(elsewhere) == []
    assert memory.talks.question(Space("discord", "8"), "2", MORNING) is None


# Asked again.


def test_the_question_of_an_answer_is_known() -> None:
    memory = Memory()
    picture = Image("cat.png", "image/png", b"png")
    memory.tell(ask("one", message="1"), ["2"])
    memory.tell(ask("two", message="3", parent="2"), ["4", "5"], (picture,))
    found = memory.talks.question(SPACE, "5", MORNING)
    assert found == Utterance("3", "user", "two", "2", "", (picture,))
    assert memory.talks.question(SPACE, "2", MORNING) == Utterance("1", "user", "one", BEGIN)
    assert memory.talks.question(SPACE, "3", MORNING) is None
    assert memory.talks.question(SPACE, "nowhere", MORNING) is None


def test_asked_again_a_question_does_not_know_its_first_answer() -> None:
    memory = Memory()
    memory.tell(ask("one", message="1", thread="t"), ["2"])
    memory.tell(ask("two", message="3", thread="t"), ["4"])
    found = memory.talks.question(SPACE, "4", MORNING)
    assert found is not None
    again = ask("two", message=found.id, thread="t", parent=found.parent)
    assert memory.before(again) == ["one", "re one"]
    # Also where the adapter does not say what it continued.
    assert memory.before(ask("two", message="3", thread="t")) == ["one", "re one"]
    memory.tell(again, ["5"])
    assert memory.before(ask("x", message="6", thread="t")) == ["one", "re one", "two", "re two"]


def test_the_first_question_of_a_thread_asked_again_begins_anew() -> None:
    memory = Memory()
    memory.tell(ask("one", message="1", thread="t"), ["2"])
    assert memory.before(ask("one", message="9", thread="t", parent=BEGIN)) == []


def test_going_on_with_an_answer_knows_question_and_answer() -> None:
    memory = Memory()
    memory.tell(ask("one", message="1"), ["2"])
    onward = ask("go on", message="1", parent="2")
    assert memory.before(onward) == ["one", "re one"]
    memory.tell(onward, ["3"])
    assert memory.before(ask("x", parent="3")) == ["one", "re one", "go on", "re go on"]
    # The question is still the question.
    assert memory.before(ask("x", parent="1")) == ["one"]


# Read again.


def test_what_is_not_known_is_to_be_read() -> None:
    talks = Talks()
    assert talks.place(ask(parent="5"), MORNING) == Place(None, "5")
    assert talks.place(ask(message="8", thread="t"), MORNING) == Place(None, "8", is_last=True)
    assert talks.place(ask(message="8"), MORNING) == Place(None)


def test_what_was_read_is_what_was_said() -> None:
    memory = Memory()
    one = ask("x", message="9", thread="t")
    read = [(Utterance("1", "user", "a"), said("a")), (Utterance("2", "assistant", "b"), said("b"))]
    place = memory.talks.read(one, memory.talks.place(one, MORNING), read, MORNING)
    assert [each.message.content for each in memory.talks.before(place, MORNING)] == ["a", "b"]
    memory.tell(one, ["10"])
    assert memory.before(ask("y", thread="t")) == ["a", "b", "x", "re x"]
    assert memory.before(ask("y", parent="1")) == ["a"]


def test_what_is_known_is_not_remembered_twice() -> None:
    memory = Memory()
    memory.tell(ask("one", message="1"), ["2"])
    reply = ask("x", parent="4")
    read = [
        (Utterance("2", "assistant", "re one"), said("?")),
        (Utterance("4", "user", "c"), said("c")),
    ]
    place = memory.talks.read(reply, memory.talks.place(reply, MORNING), read, MORNING)
    found = memory.talks.before(place, MORNING)
    assert [each.message.content for each in found] == ["one", "re one", "c"]


# Forgotten.


def test_what_was_said_is_remembered_for_a_day_after_it_was_last_of_use() -> None:
    memory = Memory()
    memory.tell(ask("one", message="1"), ["2"])
    memory.now += DAY
    assert memory.before(ask("x", parent="2")) == ["one", "re one"]
    memory.now += DAY
    assert memory.before(ask("x", parent="2")) == ["one", "re one"]
    memory.now += DAY + 1
    assert memory.before(ask("x", parent="2")) == []
    # The clock is set back: what was forgotten does not come again.
    memory.now = MORNING
    assert memory.before(ask("x", parent="2")) == []


def test_begun_anew_a_thread_knows_nothing_and_reads_nothing() -> None:
    memory = Memory()
    memory.tell(ask("one", message="1", thread="t"), ["2"])
    memory.talks.forget(ask(thread="t").conversation)
    assert memory.talks.place(ask(message="3", thread="t"), MORNING) == Place(None, is_last=True)
    memory.tell(ask("two", message="3", thread="t"), ["4"])
    assert memory.before(ask("x", message="5", thread="t")) == ["two", "re two"]
    # Also when that has been forgotten in its turn.
    memory.now += DAY + 1
    place = memory.talks.place(ask(message="6", thread="t"), memory.now)
    assert place == Place(None, is_last=True)


def test_what_never_was_can_be_forgotten() -> None:
    memory = Memory()
    memory.talks.forget(ask(thread="t").conversation)
    assert memory.talks.forget_member("discord:7:ana") == 0


def test_a_member_is_forgotten_everywhere_and_nobody_else() -> None:
    memory = Memory()
    memory.tell(ask("one", message="1", thread="t"), ["2"])
    memory.tell(ask("two", "bo", message="3", thread="u"), ["4"])
    memory.tell(ask("three", message="5"), ["6"])
    assert memory.talks.forget_member("discord:7:ana") == 4
    assert memory.before(ask("x", thread="t")) == []
    assert memory.before(ask("x", parent="6")) == []
    assert memory.before(ask("x", thread="u")) == ["two", "re two"]


# Bounds.


def test_messages_are_bounded_and_the_idle_ones_go_first() -> None:
    memory = Memory(messages_max=6)
    for n in range(3):
        memory.tell(ask(f"q{n}", message=f"m{n}"), [f"a{n}"])
    assert memory.before(ask("x", parent="a0")) == ["q0", "re q0"]
    memory.tell(ask("q3", message="m3"), ["a3"])
    assert memory.before(ask("x", parent="a1")) == []
    assert memory.before(ask("x", parent="a0")) == ["q0", "re q0"]
    assert memory.talks.place(ask(parent="a1"), MORNING) == Place(None, "a1")


def test_text_is_bounded() -> None:
    memory = Memory(text_bytes_max=10_000)
    for n in range(20):
        memory.tell(ask("x" * 500, message=f"m{n}"), [f"a{n}"])
    known = [n for n in range(20) if memory.before(ask(parent=f"a{n}"))]
    assert known == [18, 19]


def test_of_the_oldest_the_images_go_first() -> None:
    memory = Memory(image_bytes_max=25)
    for n in range(3):
        memory.tell(ask(f"q{n}", message=f"m{n}"), [f"a{n}"], (Image("i", "image/png", b"x" * 10),))
    found = [memory.talks.question(SPACE, f"a{n}", MORNING + HOUR) for n in range(3)]
    assert [len(each.images) for each in found if each is not None] == [0, 1, 1]


def test_a_conversation_is_followed_only_so_far() -> None:
    memory = Memory()
    for n in range(CHAIN_MAX):
        memory.tell(ask(f"q{n}", message=f"m{n}", thread="t"), [f"a{n}"])
    before = memory.before(ask("x", thread="t"))
    assert len(before) == CHAIN_MAX
    assert before[-1] == f"re q{CHAIN_MAX - 1}"


@pytest.mark.parametrize("thread", ["", "t"])
def test_a_message_that_answers_itself_does_no_harm(thread: str) -> None:
    memory = Memory()
    memory.tell(ask("one", message="1", parent="1", thread=thread), ["1"])
    assert memory.before(ask("x", parent="1")) == ["one", "re one"]
