"""What stands around answers: short, without blame, and small enough for every platform."""

from collections.abc import Iterator
from typing import Literal, get_args, get_type_hints

import pytest

from bot.text import Words
from bot.text_chat import Chat
from tests.scripted import when

WORDS = Words(when)
LONG = "x" * 200
Why = Literal["kind", "large", "locked", "broken", "slow", "long", "empty"]


def labels(words: Words = WORDS) -> Iterator[str]:
    yield from (words.stop_label(), words.again_label(), words.onward_label())
    yield from (words.good_label(), words.bad_label(), words.quota_label())
    yield from (words.more_label(), words.remind_label(), words.room_label(), words.retry_label())
    yield words.use_label(LONG)


def sentences(words: Words = WORDS) -> Iterator[str]:
    yield from (words.history_lost(), words.waits_for_room(), words.onward())
    yield words.pages_read("paper.pdf", 1, 1_234)
    yield words.model_not_allowed("best", ("Supporter", "Guest"))
    for why in (words.cannot_see("mini"), words.images_full(10), *map(words.unreadable, reasons())):
        yield words.ignored_attachment("a.png", why)


def reasons() -> tuple[Why, ...]:
    return get_args(get_type_hints(Chat.unreadable)["why"])


@pytest.mark.parametrize("label", [*labels()])
def test_every_platform_takes_the_label(label: str) -> None:
    assert 0 < len(label) <= 75


@pytest.mark.parametrize("sentence", [*sentences()])
def test_a_sentence_is_short_and_calm(sentence: str) -> None:
    assert len(sentence) <= 300
    assert sentence.endswith(".")
    assert "!" not in sentence


def test_every_reason_has_its_words() -> None:
    assert len({WORDS.unreadable(why) for why in reasons()}) == len(get_args(Why))
