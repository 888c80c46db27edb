"""The OpenAI adapter before a judge that we did not write: llmock, over real HTTP.

Its journal sees each attempt, so it can tell a client that retries in secret, or takes half an
answer for a whole one. A stall ends because the client leaves, not because anybody waits.
"""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from llmock.journal import RequestRecord
from llmock.pytest_plugin import LLMock

from adapters.openai_chat import OpenAIChat
from bot.ports import (
    Finished,
    Message,
    ModelCall,
    ModelError,
    ModelEvent,
    TextDelta,
    ToolDelta,
    UsageReport,
)

CALL = ModelCall("gpt-5-mini", (Message("user", "Tell me about gardens."),), 100)
ANSWER = "Gardens are quiet places full of work."
LONG_S = 600.0


@pytest.fixture
async def model(llmock: LLMock) -> AsyncIterator[OpenAIChat]:
    model = OpenAIChat(
        base_url=llmock.base_url(), api_key="sk-mock", output_cap_field="max_completion_tokens"
    )
    yield model
    await model.close()


async def listen(model: OpenAIChat) -> tuple[list[ModelEvent], ModelError | None]:
    heard: list[ModelEvent] = []
    try:
        async with model.stream(CALL) as events:
            async for event in events:
                heard.append(event)  # noqa: PERF401 # what came before an error counts
    except ModelError as error:
        return heard, error
    return heard, None


async def ended(llmock: LLMock) -> RequestRecord:
    """The last request when it is over; the loop runs on meanwhile, and closes the connection."""
    return await asyncio.to_thread(lambda: llmock.last_request)


def text(heard: list[ModelEvent]) -> str:
    return "".join(event.text for event in heard if isinstance(event, TextDelta))


async def test_a_whole_answer_is_heard_whole(llmock: LLMock, model: OpenAIChat) -> None:
    llmock.reply(ANSWER)
    heard, error = await listen(model)
    assert error is None
    assert text(heard) == ANSWER
    assert heard[-2] == Finished("stop")
    assert isinstance(heard[-1], UsageReport)
    assert heard[-1].usage is not None
    assert heard[-1].usage.output > 0
    llmock.assert_resilient(strict=True)


async def test_the_request_is_what_the_judge_knows(llmock: LLMock, model: OpenAIChat) -> None:
    await listen(model)
    assert llmock.last_request.body == {
        "model": "gpt-5-mini",
        "messages": [{"role": "user", "content": "Tell me about gardens."}],
        "max_completion_tokens": 100,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


@pytest.mark.parametrize(
    ("status", "trouble"),
    [
        *((status, "failed") for status in (500, 502, 504)),
        *((status, "rejected") for status in (400, 401, 403, 404, 422)),
        *((status, "overloaded") for status in (429, 503)),
    ],
)
async def test_a_failure_is_tried_once(
    llmock: LLMock, model: OpenAIChat, status: int, trouble: str
) -> None:
    llmock.fail(status)
    heard, error = await listen(model)
    assert error is not None
    assert (heard, error.trouble) == ([], trouble)
    assert [request.status for request in llmock.requests] == [status]


async def test_a_rate_limit_says_how_long(llmock: LLMock, model: OpenAIChat) -> None:
    llmock.rate_limit(retry_after=1.5)
    _, error = await listen(model)
    assert error is not None
    assert error.trouble == "overloaded"
    assert error.retry_after_ms == 1_500
    assert len(llmock.requests) == 1


async def test_a_quota_of_requests_is_a_rate_limit(llmock: LLMock, model: OpenAIChat) -> None:
    llmock.limits(rpm=1)
    assert (await listen(model))[1] is None
    _, error = await listen(model)
    assert error is not None
    assert error.trouble == "overloaded"
    assert error.retry_after_ms is not None
    assert 0 < error.retry_after_ms <= 60_000


async def test_a_prompt_that_is_too_long_is_rejected(llmock: LLMock, model: OpenAIChat) -> None:
    llmock.context_overflow()
    _, error = await listen(model)
    assert error is not None
    assert error.trouble == "rejected"


async def test_an_outage_is_one_try_for_each_call(llmock: LLMock, model: OpenAIChat) -> None:
    llmock.outage()
    for _ in range(3):
        _, error = await listen(model)
        assert error is not None
        assert error.trouble == "overloaded"
    assert len(llmock.requests) == 3


# The first chunk has the role only, so after three chunks two pieces of text have come.


async def test_a_disconnect_is_broken(llmock: LLMock, model: OpenAIChat) -> None:
    llmock.reply(ANSWER).disconnect(after_chunks=3)
    heard, error = await listen(model)
    assert error is not None
    assert error.trouble == "broken"
    assert ANSWER.startswith(text(heard))
    assert 0 < len(text(heard)) < len(ANSWER)
    assert len(llmock.requests) == 1


async def test_a_truncated_stream_is_not_taken_for_a_whole_one(
    llmock: LLMock, model: OpenAIChat
) -> None:
    llmock.reply(ANSWER).truncate(after_chunks=3)
    heard, error = await listen(model)
    assert error is None
    assert {type(event) for event in heard} == {TextDelta}
    assert 0 < len(text(heard)) < len(ANSWER)
    assert len(llmock.requests) == 1


async def test_a_corrupt_chunk_is_broken(llmock: LLMock, model: OpenAIChat) -> None:
    llmock.reply(ANSWER).corrupt(after_chunks=3)
    heard, error = await listen(model)
    assert error is not None
    assert error.trouble == "broken"
    assert 0 < len(text(heard)) < len(ANSWER)
    assert len(llmock.requests) == 1


async def test_a_stall_ends_when_the_reader_leaves(llmock: LLMock, model: OpenAIChat) -> None:
    llmock.reply(ANSWER).stall(after_chunks=2, seconds=LONG_S)
    async with model.stream(CALL) as events:
        assert isinstance(await anext(events), TextDelta)
    asked = await ended(llmock)
    assert asked.stall_waited is not None
    assert asked.stall_waited < LONG_S
    assert not asked.completed


async def test_a_stall_ends_when_the_reader_is_cancelled(llmock: LLMock, model: OpenAIChat) -> None:
    llmock.reply(ANSWER).stall(after_chunks=2, seconds=LONG_S)
    begun = asyncio.Event()

    async def read() -> None:
        async with model.stream(CALL) as events:
            async for _ in events:
                begun.set()

    reader = asyncio.create_task(read())
    await begun.wait()
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert not (await ended(llmock)).completed


async def test_a_stall_ends_by_the_longest_wait(llmock: LLMock) -> None:
    llmock.reply(ANSWER).stall(after_chunks=2, seconds=LONG_S)
    model = OpenAIChat(
        base_url=llmock.base_url(),
        api_key="sk-mock",
        output_cap_field="max_completion_tokens",
        silence_s=0.2,
    )
    heard, error = await listen(model)
    await model.close()
    assert error is not None
    assert error.trouble == "silent"
    assert ANSWER.startswith(text(heard))
    assert len(llmock.requests) == 1


async def test_a_slow_first_token_is_waited_for(llmock: LLMock, model: OpenAIChat) -> None:
    llmock.reply(ANSWER).slow_first_token(0.1)
    heard, error = await listen(model)
    assert error is None
    assert text(heard) == ANSWER


async def test_who_does_not_wait_for_the_first_token_stops_the_server(
    llmock: LLMock, model: OpenAIChat
) -> None:
    llmock.reply(ANSWER).slow_first_token(LONG_S)
    async with model.stream(CALL) as events:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await anext(events)
    assert not (await ended(llmock)).completed


async def test_a_call_of_a_tool_is_heard_as_others_tell_it(
    llmock: LLMock, model: OpenAIChat
) -> None:
    llmock.call_tool("open_door", {"wide": True})
    heard, error = await listen(model)
    assert error is None
    assert Finished("tools") in heard
    assert text(heard) == ""
    deltas = [event for event in heard if isinstance(event, ToolDelta)]
    assert "".join(delta.name for delta in deltas) == "open_door"
    assert json.loads("".join(delta.arguments for delta in deltas)) == {"wide": True}
    assert {delta.place for delta in deltas} == {0}


async def test_after_every_fault_the_next_call_is_served(llmock: LLMock, model: OpenAIChat) -> None:
    llmock.fail(500).rate_limit().disconnect().truncate().corrupt()
    for _ in range(5):
        await listen(model)
    llmock.reply(ANSWER)
    heard, error = await listen(model)
    assert (text(heard), error) == (ANSWER, None)
