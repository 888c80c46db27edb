"""The model server keeps its promises to the real openai client, and breaks them only when told."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import openai
import pytest
from openai.types.chat import ChatCompletionChunk

from tests.servers.faults import INNER_TEXT
from tests.servers.model_server import ModelServer, closed_port

ROOT = Path(__file__).parents[2]
USER = [{"role": "user", "content": "hi"}]


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with ModelServer() as server:
        yield server


@dataclass
class Heard:
    """What reached the client of one stream, and how it ended there."""

    chunks: list[ChatCompletionChunk] = field(default_factory=list)
    error: Exception | None = None

    @property
    def text(self) -> str:
        deltas = [choice.delta for chunk in self.chunks for choice in chunk.choices]
        return "".join(delta.content or "" for delta in deltas)

    @property
    def finish(self) -> str | None:
        reasons = [choice.finish_reason for chunk in self.chunks for choice in chunk.choices]
        return next((reason for reason in reasons if reason), None)

    @property
    def usage(self) -> list[tuple[object, object]]:
        """The prompt and completion tokens of each report."""
        reports = [chunk.usage for chunk in self.chunks if chunk.usage]
        return [(report.prompt_tokens, report.completion_tokens) for report in reports]


def client_of(base_url: str, key: str = "none", timeout_s: float = 60) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=base_url, api_key=key, max_retries=0, timeout=timeout_s)


async def listen(base_url: str, text: str = "say 5", **fields: Any) -> Heard:
    """Ask for a stream with usage and keep all that comes, the error too."""
    heard = Heard()
    fields = {"model": "test-model", "stream_options": {"include_usage": True}, **fields}
    async with client_of(base_url, timeout_s=fields.pop("timeout_s", 60)) as client:
        messages: Any = [{"role": "user", "content": text}]
        try:
            stream = await client.chat.completions.create(messages=messages, stream=True, **fields)
            async with stream:
                async for chunk in stream:
                    heard.chunks.append(chunk)
        except (openai.OpenAIError, json.JSONDecodeError) as error:
            heard.error = error
    return heard


async def post(server: ModelServer, body: object, **headers: str) -> tuple[int, Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{server.base_url}/chat/completions", json=body, headers=headers) as answer,
    ):
        return answer.status, await answer.json()


# An honest answer.


async def test_a_stream_is_one_word_a_token_with_usage_on_a_last_chunk_without_choices(
    server: ModelServer,
) -> None:
    heard = await listen(server.base_url, "please say 3")
    assert heard.error is None
    assert [chunk.choices[0].delta.content for chunk in heard.chunks[:-1]] == [
        "", "w1", " w2", " w3", None,
    ]  # fmt: skip
    assert heard.finish == "stop"
    assert heard.chunks[-1].choices == []
    assert heard.usage == [(6, 3)]
    assert {chunk.model for chunk in heard.chunks} == {"test-model"}


async def test_a_stream_that_does_not_ask_for_usage_gets_none(server: ModelServer) -> None:
    heard = await listen(server.base_url, stream_options=None)
    assert (heard.text, heard.finish, heard.usage) == ("w1 w2 w3 w4 w5", "stop", [])
    assert server.requests[0].usage is None


async def test_a_plain_answer_has_text_usage_and_a_request_id(server: ModelServer) -> None:
    async with client_of(server.base_url) as client:
        raw = await client.chat.completions.with_raw_response.create(
            model="test-model", messages=[{"role": "user", "content": "say 2"}]
        )
    assert raw.headers["x-request-id"] == "req_1"
    answer = raw.parse()
    assert answer.choices[0].message.content == "w1 w2"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == 7


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize(
    ("cap", "text", "finish"), [(4, "w1 w2 w3 w4", "length"), (5, "w1 w2 w3 w4 w5", "stop")]
)
async def test_an_answer_stops_exactly_at_the_cap(
    server: ModelServer, name: str, cap: int, text: str, finish: str
) -> None:
    heard = await listen(server.base_url, "say 5", **{name: cap})
    assert (heard.text, heard.finish) == (text, finish)
    call = server.requests[0]
    assert (call.cap_field, call.cap, call.output_tokens, call.ended) == (name, cap, cap, finish)


async def test_the_prompt_is_its_words_and_three_for_each_message(server: ModelServer) -> None:
    messages = [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": [{"type": "text", "text": "one two"}, {"text": "three"}]},
    ]
    status, body = await post(server, {"model": "test-model", "messages": messages})
    assert (status, body["usage"]["prompt_tokens"]) == (200, 11)
    assert body["usage"]["completion_tokens"] == 8
    assert server.requests[0].messages == tuple(messages)


async def test_the_models_are_listed(server: ModelServer) -> None:
    async with client_of(server.base_url) as client:
        models = await client.models.list()
    assert [model.id for model in models.data] == ["test-model"]


# What the real API refuses.


@pytest.mark.parametrize(
    ("change", "status", "param", "code"),
    [
        ({"model": None}, 400, None, None),
        ({"model": "gpt-none"}, 404, None, "model_not_found"),
        ({"messages": None}, 400, "messages", "missing_required_parameter"),
        ({"messages": "hi"}, 400, "messages", "invalid_type"),
        ({"messages": []}, 400, "messages", "empty_array"),
        ({"messages": ["hi"]}, 400, "messages[0]", "invalid_type"),
        ({"messages": [{"role": "bot"}]}, 400, "messages[0].role", "invalid_value"),
        ({"messages": [{"role": "user"}]}, 400, "messages[0].content", "invalid_type"),
        ({"max_tokens": 0}, 400, "max_tokens", "integer_below_min_value"),
        ({"max_tokens": "9"}, 400, "max_tokens", "invalid_type"),
        ({"max_completion_tokens": True}, 400, "max_completion_tokens", "invalid_type"),
        (
            {"max_tokens": 9, "max_completion_tokens": 9},
            400,
            "max_tokens",
            "invalid_parameter_combination",
        ),
        ({"stream_options": {"include_usage": True}}, 400, "stream_options", None),
    ],
)
async def test_a_bad_request_is_refused_in_the_shape_of_openai(
    server: ModelServer, change: dict[str, Any], status: int, param: str | None, code: str | None
) -> None:
    got, body = await post(server, {"model": "test-model", "messages": USER, **change})
    error = body["error"]
    assert (got, error["param"], error["code"]) == (status, param, code)
    assert error["type"] == "invalid_request_error"
    assert error["message"]
    assert (server.requests[0].status, server.requests[0].ended) == (status, "refused")
    assert server.total_tokens == 0


@pytest.mark.parametrize("text", ["{", '["model"]'])
async def test_a_body_that_is_no_json_object_is_refused(server: ModelServer, text: str) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{server.base_url}/chat/completions", data=text) as answer,
    ):
        assert answer.status == 400


async def test_only_the_right_key_opens() -> None:
    async with ModelServer(key="sk-right") as server:
        body = {"model": "test-model", "messages": USER}
        assert (await post(server, body))[0] == 401
        assert (await post(server, body, Authorization="Bearer sk-wrong"))[0] == 401
        assert (await post(server, body, Authorization="Bearer sk-right"))[0] == 200
        async with client_of(server.base_url, "sk-wrong") as client:
            with pytest.raises(openai.AuthenticationError) as wrong:
                await client.models.list()
        assert wrong.value.code == "invalid_api_key"


# Refused by a script.


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("unauthorized", openai.AuthenticationError, "Incorrect API key"),
        ("rate_limit", openai.RateLimitError, "Rate limit reached"),
        ("server_error", openai.InternalServerError, "The server had an error"),
        ("overloaded", openai.InternalServerError, "overloaded"),
        ("secret_error", openai.InternalServerError, INNER_TEXT),
    ],
)
async def test_an_error_status_is_the_error_of_the_client(
    server: ModelServer, name: str, kind: type[Exception], said: str
) -> None:
    server.next(name)
    heard = await listen(server.base_url)
    assert type(heard.error) is kind
    assert said in str(heard.error)
    assert (heard.chunks, server.total_tokens) == ([], 0)


async def test_a_rate_limit_says_when_to_come_back_and_then_lets_in(server: ModelServer) -> None:
    server.next("rate_limit", times=2, retry_after_s=7)
    refused = [(await listen(server.base_url)).error for _ in range(2)]
    assert all(isinstance(error, openai.RateLimitError) for error in refused)
    assert isinstance(refused[0], openai.RateLimitError)
    assert refused[0].response.headers["retry-after"] == "7"
    assert (await listen(server.base_url)).text == "w1 w2 w3 w4 w5"
    assert [call.status for call in server.requests] == [429, 429, 200]


async def test_a_model_may_refuse_a_field(server: ModelServer) -> None:
    server.always("no_max_tokens")
    refused = await listen(server.base_url, max_tokens=3)
    assert isinstance(refused.error, openai.BadRequestError)
    assert refused.error.code == "unsupported_parameter"
    assert (await listen(server.base_url, max_completion_tokens=3)).text == "w1 w2 w3"


async def test_a_closed_port_refuses_the_connection() -> None:
    heard = await listen(f"http://127.0.0.1:{closed_port()}/v1")
    assert type(heard.error) is openai.APIConnectionError


# Nothing comes, or it breaks off.


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("cut", openai.APIConnectionError),
        ("eof", type(None)),
        ("stall", openai.APITimeoutError),
        ("broken_json", json.JSONDecodeError),
        ("error_chunk", openai.APIError),
    ],
)
async def test_a_stream_breaks_off_after_as_many_tokens_as_told(
    server: ModelServer, name: str, kind: type[Exception] | None
) -> None:
    server.next(name, after=2)
    heard = await listen(server.base_url, timeout_s=0.2)
    assert type(heard.error) is kind
    assert (heard.text, heard.finish, heard.usage) == ("w1 w2", None, [])
    await server.idle()
    call = server.requests[0]
    assert call.ended == ("left" if name == "stall" else name)
    assert (call.prompt_tokens, call.output_tokens, call.usage) == (5, 2, None)


async def test_an_error_chunk_has_its_code_and_may_carry_inner_text(server: ModelServer) -> None:
    server.next("secret_chunk")
    error = (await listen(server.base_url)).error
    assert isinstance(error, openai.APIError)
    assert error.message == INNER_TEXT
    assert isinstance(error.body, dict)
    assert error.body["type"] == "server_error"


async def test_a_silent_server_sends_no_first_byte(server: ModelServer) -> None:
    server.next("silent")
    heard = await listen(server.base_url, timeout_s=0.2)
    await server.idle()
    call = server.requests[0]
    assert type(heard.error) is openai.APITimeoutError
    assert (call.prompt_tokens, call.ended, call.left_after) == (5, "left", 0)


async def test_a_dropped_request_gets_no_answer_at_all(server: ModelServer) -> None:
    server.next("dropped")
    heard = await listen(server.base_url)
    assert type(heard.error) is openai.APIConnectionError
    assert (server.requests[0].prompt_tokens, server.requests[0].ended) == (5, "dropped")


async def test_a_closing_server_ends_what_stalls() -> None:
    async with ModelServer() as server:
        server.next("stall")
        gate = server.hold(after=3)
        listening = asyncio.create_task(listen(server.base_url))
        await gate.reached()
    assert type((await listening).error) is openai.APIConnectionError
    assert (server.requests[0].ended, server.requests[0].left_after) == ("closed", None)


async def test_a_fault_of_a_stream_is_not_known_to_a_plain_request(server: ModelServer) -> None:
    server.next("cut")
    status, body = await post(server, {"model": "test-model", "messages": USER})
    assert (status, body["error"]["message"]) == (
        501, "'cut' is a fault of streams; ask with stream=true.",
    )  # fmt: skip


# Whole, but unusual.


async def test_an_empty_answer_stops_and_is_billed_for_its_prompt(server: ModelServer) -> None:
    server.next("empty")
    heard = await listen(server.base_url)
    assert (heard.text, heard.finish, heard.usage) == ("", "stop", [(5, 0)])


async def test_a_filtered_answer_says_so(server: ModelServer) -> None:
    server.next("content_filter")
    assert (await listen(server.base_url)).finish == "content_filter"


async def test_a_server_that_ignores_the_cap_goes_on_past_it(server: ModelServer) -> None:
    server.next("cap_ignored")
    heard = await listen(server.base_url, max_tokens=2)
    assert (heard.text, heard.finish, heard.usage) == ("w1 w2 w3 w4 w5", "stop", [(5, 5)])


async def test_the_served_model_may_have_another_name(server: ModelServer) -> None:
    server.next("other_model")
    heard = await listen(server.base_url)
    assert {chunk.model for chunk in heard.chunks} == {"some-other-model-2026-11-01"}


async def test_reasoning_comes_first_fills_the_cap_and_is_reported(server: ModelServer) -> None:
    server.next("reasoning")
    heard = await listen(server.base_url, max_tokens=6)
    deltas = [choice.delta for chunk in heard.chunks for choice in chunk.choices]
    thoughts = [(delta.model_extra or {}).get("reasoning_content", "") for delta in deltas]
    assert ("".join(thoughts), heard.text, heard.finish) == ("r1 r2 r3 r4", "w1 w2", "length")
    usage = heard.chunks[-1].usage
    assert usage is not None
    assert usage.completion_tokens_details is not None
    assert (usage.completion_tokens, usage.completion_tokens_details.reasoning_tokens) == (6, 4)


async def test_hidden_reasoning_is_billed_and_never_sent(server: ModelServer) -> None:
    server.next("hidden_reasoning")
    heard = await listen(server.base_url)
    assert (heard.text, heard.usage) == ("w1 w2 w3 w4 w5", [(5, 9)])
    assert len(heard.chunks) == 8  # The role, five words, the finish and the usage.
    assert server.output_tokens == 9


async def test_a_plain_answer_has_its_reasoning_beside_the_text(server: ModelServer) -> None:
    server.next("reasoning")
    _, body = await post(server, {"model": "test-model", "messages": USER, "max_tokens": 5})
    message = body["choices"][0]["message"]
    assert (message["reasoning_content"], message["content"]) == ("r1 r2 r3 r4", "w1")


async def test_openrouter_sends_comments_first_and_the_cost_in_the_usage(
    server: ModelServer,
) -> None:
    server.always("openrouter")
    heard = await listen(server.base_url)
    usage = heard.chunks[-1].usage
    assert usage is not None
    assert (usage.model_extra or {})["cost"] == 0.00014
    body = {"model": "test-model", "messages": USER, "stream": True}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{server.base_url}/chat/completions", json=body) as answer,
    ):
        assert (await answer.text()).startswith(": OPENROUTER PROCESSING\n\ndata: {")


# Reports of usage.


@pytest.mark.parametrize(
    ("name", "reports"),
    [
        ("usage_never", []),
        ("usage_zero", [(0, 0)]),
        ("usage_tenfold", [(50, 20)]),
        ("usage_text", [("7", "nine")]),
        ("usage_negative", [(-7, -1_000_000)]),
        ("usage_absurd", [(10**30, 1.5)]),
        # The role, two tokens, the finish, and the chunk without choices.
        ("usage_every", [(5, 0), (5, 1), (5, 2), (5, 2), (5, 2)]),
        ("usage_on_finish", [(5, 2)]),
    ],
)
async def test_usage_is_reported_as_the_script_says_and_kept_in_the_books(
    server: ModelServer, name: str, reports: list[tuple[object, object]]
) -> None:
    server.next(name)
    heard = await listen(server.base_url, "say 2")
    call = server.requests[0]
    kept = call.usage and (call.usage["prompt_tokens"], call.usage["completion_tokens"])
    assert (heard.text, heard.usage) == ("w1 w2", reports)
    assert kept == (reports[-1] if reports else None)
    assert (server.prompt_tokens, server.output_tokens, server.total_tokens) == (5, 2, 7)


async def test_usage_on_the_finish_chunk_leaves_no_chunk_without_choices(
    server: ModelServer,
) -> None:
    server.next("usage_on_finish")
    heard = await listen(server.base_url)
    assert heard.chunks[-1].choices[0].finish_reason == "stop"
    assert heard.chunks[-1].usage is not None


async def test_cached_tokens_are_reported_inside_the_prompt(server: ModelServer) -> None:
    server.next("cached")
    usage = (await listen(server.base_url)).chunks[-1].usage
    assert usage is not None
    assert usage.prompt_tokens_details is not None
    assert (usage.prompt_tokens, usage.prompt_tokens_details.cached_tokens) == (5, 2)


async def test_a_plain_answer_may_lack_usage(server: ModelServer) -> None:
    server.next("usage_never")
    _, body = await post(server, {"model": "test-model", "messages": USER})
    assert "usage" not in body


# Which script, and when.


async def test_a_marker_in_the_last_user_message_goes_first_and_leaves_the_queue_alone(
    server: ModelServer,
) -> None:
    server.next("server_error")
    heard = await listen(server.base_url, "say 5 [fault:eof:1]")
    assert (heard.text, heard.finish, heard.error) == ("w1", None, None)
    assert (await listen(server.base_url, "say 5 [fault:eof]")).text == "w1 w2 w3"
    assert isinstance((await listen(server.base_url)).error, openai.InternalServerError)
    assert (await listen(server.base_url)).text == "w1 w2 w3 w4 w5"


async def test_a_misspelt_fault_tests_nothing_and_says_so(server: ModelServer) -> None:
    with pytest.raises(ValueError, match="no fault is named 'cutt'; there are: ok, "):
        server.next("cutt")
    with pytest.raises(ValueError, match="afterr"):
        server.next("cut", afterr=3)
    with pytest.raises(ValueError, match="after"):
        server.always("cut", after="3")
    heard = await listen(server.base_url, "[fault:cutt]")
    assert isinstance(heard.error, openai.BadRequestError)


async def test_a_gate_stops_answers_at_an_exact_token_until_it_is_released(
    server: ModelServer,
) -> None:
    gate = server.hold(after=2)
    listening = [asyncio.create_task(listen(server.base_url)) for _ in range(3)]
    await gate.reached(requests=3)
    assert [call.output_tokens for call in server.requests] == [2, 2, 2]
    assert [call.ended for call in server.requests] == ["running", "running", "running"]
    gate.release()
    assert [(await each).text for each in listening] == ["w1 w2 w3 w4 w5"] * 3
    assert server.concurrent_max == 3
    assert (await listen(server.base_url)).finish == "stop"
    assert server.concurrent_max == 3


async def test_a_gate_at_zero_holds_back_the_headers(server: ModelServer) -> None:
    gate = server.hold()
    heard = await listen(server.base_url, timeout_s=0.2)
    await gate.reached()
    assert type(heard.error) is openai.APITimeoutError
    gate.release()
    assert (await listen(server.base_url)).finish == "stop"


async def test_a_client_that_leaves_is_noticed_with_the_tokens_sent_by_then(
    server: ModelServer,
) -> None:
    gate = server.hold(after=3)
    listening = asyncio.create_task(listen(server.base_url))
    await gate.reached()
    listening.cancel()
    await asyncio.wait([listening])
    await server.idle()
    call = server.requests[0]
    assert (call.ended, call.left_after, call.output_tokens) == ("left", 3, 3)
    assert (server.prompt_tokens, server.output_tokens, call.usage) == (5, 3, None)


async def test_a_client_that_leaves_a_running_stream_stops_it(server: ModelServer) -> None:
    async with client_of(server.base_url) as client:
        stream = await client.chat.completions.create(
            model="test-model",
            messages=[{"role": "user", "content": "say 20000"}],
            stream=True,
        )
        async with stream:
            async for chunk in stream:
                if chunk.choices[0].delta.content == " w5":
                    break
    await server.idle()
    call = server.requests[0]
    assert call.ended == "left"
    assert call.left_after == call.output_tokens
    assert 5 <= call.output_tokens < 20_000


# As a process.


async def test_as_a_process_it_prints_its_address_and_is_set_and_read_over_http() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.servers.model_server",
        "--port", "0", "--script", "other_model", "--model", "gpt-a", "--model", "gpt-b",
        "--key", "none",
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert process.stdout is not None
    base_url = (await process.stdout.readline()).decode().strip()
    root_url = base_url.removesuffix("/v1")
    async with aiohttp.ClientSession() as session:
        first = await listen(base_url, "hi", model="gpt-b")
        assert (first.chunks[0].model, first.usage) == ("some-other-model-2026-11-01", [(4, 8)])
        wanted = {
            "always": {"name": "ok"},
            "next": [{"name": "eof", "after": 1, "times": 2}],
            "answer_tokens": 2,
            "pace_s": 0.001,
        }
        async with session.post(f"{root_url}/_script", json=wanted) as answer:
            assert answer.status == 200
        texts = [(await listen(base_url, "hi", model="gpt-a")).text for _ in range(3)]
        assert texts == ["w1", "w1", "w1 w2"]
        async with session.get(f"{root_url}/_books") as answer:
            books = await answer.json()
        for wrong in ({"next": [{"name": "cutt"}]}, {"pase": 1}):
            async with session.post(f"{root_url}/_script", json=wrong) as answer:
                assert answer.status == 400
    assert [call["ended"] for call in books["requests"]] == ["stop", "eof", "eof", "stop"]
    assert [call["model"] for call in books["requests"]] == ["gpt-b", "gpt-a", "gpt-a", "gpt-a"]
    del books["requests"]
    assert books == {
        "prompt_tokens": 16, "output_tokens": 12, "total_tokens": 28, "concurrent_max": 1,
    }  # fmt: skip
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0
