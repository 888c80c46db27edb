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


def labels() -> Iterator[str]:
    yield from (WORDS.stop_label(), WORDS.again_label(), WORDS.onward_label())
    yield from (WORDS.good_label(), WORDS.bad_label(), WORDS.quota_label())
    yield from (WORDS.more_label(), WORDS.remind_label(), WORDS.room_label(), WORDS.retry_label())
    yield WORDS.use_label(LONG)


def sentences() -> Iterator[str]:
    yield from (WORDS.history_lost(), WORDS.waits_for_room(), WORDS.onward())
    yield WORDS.pages_read("paper.pdf", 1, 1_234)
    yield WORDS.model_not_allowed("best", ("Supporter", "Guest"))
    for why in (WORDS.cannot_see("mini"), WORDS.images_full(10), *map(WORDS.unreadable, reasons())):
        yield WORDS.ignored_attachment("a.png", why)


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
