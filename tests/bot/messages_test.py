"""One event has one name and one digest; a conversation is one place, thread and person."""

import pytest

from bot.messages import Ask, Attachment
from tests.fakes import requester

PLAIN = Ask("e1", requester(), "hello")

OTHERS = [
    Ask("e1", requester(), "hello "),
    Ask("e1", requester("bo"), "hello"),
    Ask("e1", requester(channel="dev"), "hello"),
    Ask("e1", requester(space="discord:1"), "hello"),
    Ask("e1", requester(), "hello", model="mini"),
    Ask("e1", requester(), "hello", thread="t"),
    Ask("e1", requester(), "hello", attachments=(Attachment("a", ""),)),
    Ask("e1", requester(), "", attachments=(Attachment("hello", ""),)),
    Ask("e1", requester(), "", attachments=(Attachment("", "hello"),)),
    # The same letters, cut elsewhere.
    Ask("e1", requester(), "lo", thread="hel"),
    Ask("e1", requester(), "1:a", model="1:b"),
    Ask("e1", requester(), "1:a1:b"),
    Ask("e1", requester(), "half \ud800"),
]


def test_whatever_differs_gives_another_digest() -> None:
    assert len({ask.digest for ask in (PLAIN, *OTHERS)}) == 1 + len(OTHERS)


def test_what_a_person_is_at_this_moment_is_no_part_of_what_they_said() -> None:
    later = Ask("e1", requester(roles=["Supporter"], admin=True), "hello")
    assert later.digest == PLAIN.digest


def test_the_digest_stays_the_same_from_version_to_version() -> None:
    # It stands in the books for seven days, also across an update.
    assert PLAIN.digest == "ad3f2a6f93da3c1c13097149f9e7bc25"


@pytest.mark.parametrize(
    ("space", "name"),
    [("console:console", "console:console:e1"), ("slack:T1:x", "slack:T1%3Ax:e1")],
)
def test_an_event_is_named_after_its_space(space: str, name: str) -> None:
    assert Ask("e1", requester(space=space), "hello").event == name


def test_a_conversation_is_one_place_thread_and_person() -> None:
    same = Ask("e2", requester(roles=["x"]), "else", model="mini")
    assert same.conversation == PLAIN.conversation
    for other in (
        Ask("e1", requester("bo"), "hello"),
        Ask("e1", requester(channel="dev"), "hello"),
        Ask("e1", requester(space="discord:1"), "hello"),
        Ask("e1", requester(), "hello", thread="t"),
    ):
        assert other.conversation != PLAIN.conversation
