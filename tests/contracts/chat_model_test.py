"""What every ChatModel promises; both models here say N words when asked to "say N"."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from adapters.offline_chat import OfflineChat
from adapters.openai_chat import OpenAIChat
from bot.ports import (
    ChatModel,
    Finished,
    Message,
    ModelCall,
    ModelEvent,
    TextDelta,
    UsageReport,
)
from tests.servers.model_server import MODEL, ModelServer


@pytest.fixture(params=["openai", "offline"])
async def model(request: pytest.FixtureRequest) -> AsyncIterator[ChatModel]:
    opened: ChatModel
    if request.param == "offline":
        opened = OfflineChat(pace_ms=0)
        yield opened
        await opened.close()
        return
    async with ModelServer() as server:
        opened = OpenAIChat(base_url=server.base_url, api_key="", output_cap_field="max_tokens")
        yield opened
        await opened.close()


def call(text: str, cap: int = 1_000, *before: Message) -> ModelCall:
    return ModelCall(MODEL, (*before, Message("user", text)), cap)


async def heard(model: ChatModel, asked: ModelCall) -> list[ModelEvent]:
    async with model.stream(asked) as events:
        return [event async for event in events]


def pieces(events: Sequence[ModelEvent]) -> list[str]:
    return [event.text for event in events if isinstance(event, TextDelta)]


def output(events: Sequence[ModelEvent]) -> int:
    match events[-1]:
        case UsageReport(usage=usage) if usage is not None:
            return usage.output
        case other:
            raise AssertionError(other)


def prompt(events: Sequence[ModelEvent]) -> int:
    match events[-1]:
        case UsageReport(usage=usage) if usage is not None:
            return usage.input
        case other:
            raise AssertionError(other)


async def test_an_answer_comes_in_pieces_that_join_to_the_text(model: ChatModel) -> None:
    shown = pieces(await heard(model, call("say 5")))
    assert len(shown) == 5
    assert len("".join(shown).split()) == 5


async def test_no_piece_is_empty(model: ChatModel) -> None:
    assert all(pieces(await heard(model, call("say 5"))))


async def test_the_end_is_told_once_and_the_usage_last(model: ChatModel) -> None:
    events = await heard(model, call("say 5"))
    assert [type(event) for event in events] == [*[TextDelta] * 5, Finished, UsageReport]


async def test_a_whole_answer_ends_by_itself(model: ChatModel) -> None:
    events = await heard(model, call("say 5"))
    assert Finished("stop") in events
    assert output(events) == 5


@pytest.mark.parametrize("cap", [1, 7, 29])
async def test_the_cap_is_kept_to_the_token(model: ChatModel, cap: int) -> None:
    events = await heard(model, call("say 30", cap))
    assert Finished("length") in events
    assert len(pieces(events)) == cap
    assert output(events) == cap


async def test_an_answer_that_just_fits_is_not_cut(model: ChatModel) -> None:
    assert Finished("stop") in await heard(model, call("say 30", 30))


async def test_what_was_said_before_counts_as_prompt(model: ChatModel) -> None:
    alone = await heard(model, call("say 5"))
    before = (Message("system", "be kind"), Message("user", "hi"), Message("assistant", "hello"))
    after = await heard(model, call("say 5", 1_000, *before))
    assert 0 < prompt(alone) < prompt(after)


async def test_the_model_that_answered_is_named(model: ChatModel) -> None:
    last = (await heard(model, call("say 1")))[-1]
    assert isinstance(last, UsageReport)
    assert last.served_model == MODEL


async def test_half_characters_do_no_harm(model: ChatModel) -> None:
    assert Finished("stop") in await heard(model, call("say 5 \ud83d"))


async def test_what_is_left_early_says_nothing_more(model: ChatModel) -> None:
    async with model.stream(call("say 500")) as events:
        first = await anext(events)
    assert isinstance(first, TextDelta)
    assert [event async for event in events] == []


async def test_what_goes_wrong_in_the_caller_comes_out_as_it_is(model: ChatModel) -> None:
    async def fail() -> None:
        async with model.stream(call("say 5")) as events:
            await anext(events)
            raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await fail()


async def test_a_cancelled_reader_is_cancelled_and_the_next_one_is_served(
    model: ChatModel,
) -> None:
    begun = asyncio.Event()

    async def read() -> None:
        async with model.stream(call("say 5000", 5_000)) as events:
            async for _ in events:
                begun.set()

    reader = asyncio.create_task(read())
    await begun.wait()
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert output(await heard(model, call("say 5"))) == 5


async def test_answers_at_the_same_time_do_not_mix(model: ChatModel) -> None:
    answers = await asyncio.gather(*(heard(model, call(f"say {n}")) for n in range(1, 9)))
    assert [output(events) for events in answers] == [1, 2, 3, 4, 5, 6, 7, 8]


async def test_closing_twice_is_closing_once(model: ChatModel) -> None:
    await heard(model, call("say 5"))
    await model.close()
    await model.close()
