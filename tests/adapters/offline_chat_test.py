import asyncio
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.offline_chat import OfflineChat, answer_to
from adapters.tiktoken_counter import TiktokenCounter
from bot.ports import (
    Finished,
    Message,
    ModelCall,
    ModelEvent,
    TextDelta,
    Tool,
    ToolDelta,
    UsageReport,
)
from quota.units import Usage


def reply(text: str, *before: Message) -> str:
    return answer_to([Message("system", "You are kind."), *before, Message("user", text)])


async def heard(*messages: Message, cap: int = 1_000, pace_ms: int = 0) -> list[ModelEvent]:
    model = OfflineChat(pace_ms=pace_ms)
    async with model.stream(ModelCall("offline", messages, cap)) as events:
        return [event async for event in events]


QUESTIONS = [
    *["hello", "Who are you?", "help", "How do limits work?", "When does my quota reset?"],
    *["How do I connect a real model?", "Can I use it on Discord?", "What can admins do?"],
    *["What is a token?", "Is the shared pool fair?", "Is my data private?", "How do I stop it?"],
    *["thanks", "Why is the sky blue?", "word", "???", "", "Tell me about gardens in spring."],
]


@pytest.mark.parametrize("question", QUESTIONS)
def test_an_answer_has_40_to_120_tokens(question: str) -> None:
    assert 40 <= len(reply(question).split()) <= 120


@pytest.mark.parametrize("question", ["hello", "Who are you?", "help", "Why is the sky blue?"])
def test_it_says_that_it_is_a_stand_in(question: str) -> None:
    assert "built-in stand-in" in reply(question)


@pytest.mark.parametrize(
    ("question", "part"),
    [
        ("Hi there!", "Hello! I am the built-in stand-in"),
        ("Hey, how does the reset work?", "Hello!"),
        ("Hey there, can you tell me when my daily limit opens again?", "Nothing has to run"),
        ("what are you?", "not a language model"),
        ("How do limits work?", "Each member has an allowance"),
        ("HOW MUCH IS LEFT", "Type /quota to see what is used and left"),
        ("When does my quota reset?", "Nothing has to run for a reset"),
        ("How can I connect a real model?", "http://localhost:11434/v1"),
        ("do I need an API key?", "`quotabot init`"),
        ("What can an admin do?", "/quota-admin limit set"),
        ("What is a token?", "each word is one token"),
        ("how do I add it to Slack", "come next"),
        ("what does a shared pool mean", "first come, first served"),
        ("can I stop an answer", "Ctrl-C"),
        ("is my data private", "send nothing anywhere"),
    ],
)
def test_it_knows_its_way_around_quotabot(question: str, part: str) -> None:
    assert part in reply(question)


@pytest.mark.parametrize(
    ("question", "begin"),
    [
        ("Why is the sky blue?", "You wrote 5 words, the longest of them “blue”. A real model"),
        ("Tell me about photosynthesis", "You wrote 4 words, the longest of them “photosynthesis”"),
        ("Supercalifragilistic!", "You wrote one word. A real model would reply to that;"),
        ("1 + 1 = 2", "You wrote 5 words. A real model would reply to that;"),
        ("", "You wrote 0 words."),
    ],
)
def test_other_words_are_echoed_in_short(question: str, begin: str) -> None:
    assert reply(question).startswith(begin)


@pytest.mark.parametrize("text", ["@everyone wake up now", "see <@123> and https://evil.example/x"])
def test_an_echo_mentions_nobody_and_links_nowhere(text: str) -> None:
    assert not re.search(r"[@<>]|://", reply(text))


def test_the_hint_changes_from_turn_to_turn() -> None:
    first = reply("Why is the sky blue?")
    before = (Message("user", "Why is the sky blue?"), Message("assistant", first))
    assert reply("Why is the sky blue?", *before) != first


def test_the_same_words_get_the_same_answer() -> None:
    assert reply("Why is the sky blue?") == reply("Why is the sky blue?")


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("say 3", "1 2 3"),
        ("Please count to 5!", "1 2 3 4 5"),
        ("SAY 1 word", "1"),
    ],
)
def test_it_says_as_many_words_as_it_is_asked_for(question: str, answer: str) -> None:
    assert reply(question) == answer


def test_what_it_says_has_an_end() -> None:
    assert len(reply("say 999999999").split()) == 10_000


async def test_nothing_asked_is_answered_too() -> None:
    assert isinstance((await heard())[0], TextDelta)


async def test_a_token_is_a_word() -> None:
    events = await heard(Message("system", "be kind"), Message("user", "say 3"))
    assert events == [
        *(TextDelta("1"), TextDelta(" 2"), TextDelta(" 3")),
        *(Finished("stop"), UsageReport(Usage(input=4, output=3), "offline")),
    ]


async def test_line_breaks_survive_the_streaming() -> None:
    events = await heard(Message("user", "hello"))
    text = "".join(event.text for event in events if isinstance(event, TextDelta))
    assert text == reply("hello")
    assert "\n\n" in text


async def test_a_cap_cuts_between_words() -> None:
    assert await heard(Message("user", "count to 9"), cap=2) == [
        *(TextDelta("1"), TextDelta(" 2"), Finished("length")),
        UsageReport(Usage(input=3, output=2), "offline"),
    ]


async def test_a_pace_changes_nothing_but_the_pace() -> None:
    slow = await heard(Message("user", "say 3"), pace_ms=1)
    assert slow == await heard(Message("user", "say 3"))


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TiktokenCounter]:
    counter = TiktokenCounter(tmp_path_factory.mktemp("vocabularies"), deadline_s=60)
    counter.start()
    asyncio.run(counter.ready())
    yield counter
    counter.close()


@given(text=st.text())
def test_no_vocabulary_counts_fewer_tokens_than_it_does(
    counter: TiktokenCounter, text: str
) -> None:
    assert len(text.split()) <= counter.count_now("offline", text).tokens


TIME = Tool("get_time", "Tells the time", '{"type": "object"}')


async def used(text: str, *after: Message, **more: Any) -> list[ModelEvent]:
    messages = (Message("user", text), *after)
    model = OfflineChat(pace_ms=0)
    async with model.stream(ModelCall("offline", messages, 100, tools=(TIME,), **more)) as events:
        return [event async for event in events]


async def test_a_tool_is_used_where_it_is_named_first() -> None:
    assert await used('get_time {"zone": "UTC"}') == [
        *(ToolDelta(0, "call_1", "get_time", '{"zone": "UTC"}'), Finished("tools")),
        UsageReport(Usage(input=3, output=1), "offline"),
    ]
    assert isinstance((await used("what is get_time"))[0], TextDelta)
    assert isinstance((await used("get_time", may_use_tools=False))[0], TextDelta)


async def test_what_a_tool_returned_is_told() -> None:
    events = await used("get_time", Message("tool", "It is noon.", answers="call_1"))
    said = "".join(event.text for event in events if isinstance(event, TextDelta))
    assert said == "The tool returned:\n\nIt is noon."
