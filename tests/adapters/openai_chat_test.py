"""The OpenAI adapter against a scripted server, and against raw bytes where no server would go."""

import asyncio
import json
import struct
import subprocess
import sys
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET
from typing import Any

import pytest

from adapters.openai_chat import OpenAIChat, output_cap_field_for
from bot.messages import Image
from bot.ports import (
    Finished,
    Message,
    ModelCall,
    ModelError,
    ModelEvent,
    ReasoningDelta,
    TextDelta,
    UsageReport,
)
from quota.units import Usage
from tests.servers.faults import INNER_TEXT
from tests.servers.model_server import MODEL, ModelServer, closed_port

ROOT = Path(__file__).parents[2]
CAP = 100


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with ModelServer() as server:
        yield server


@asynccontextmanager
async def connected(base_url: str, **options: Any) -> AsyncIterator[OpenAIChat]:
    options = {"api_key": "", "output_cap_field": "max_tokens", **options}
    model = OpenAIChat(base_url=base_url, **options)
    try:
        yield model
    finally:
        await model.close()


@pytest.fixture
async def model(server: ModelServer) -> AsyncIterator[OpenAIChat]:
    async with connected(server.base_url) as model:
        yield model


def call(text: str = "say 5", **fields: Any) -> ModelCall:
    return ModelCall(MODEL, (Message("user", text),), CAP, **fields)


@dataclass
class Heard:
    """What one stream said, and the trouble that ended it."""

    events: list[ModelEvent] = field(default_factory=list)
    error: ModelError | None = None

    @property
    def text(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, TextDelta))

    @property
    def usage(self) -> list[Usage | None]:
        return [event.usage for event in self.events if isinstance(event, UsageReport)]

    @property
    def trouble(self) -> str | None:
        return self.error.trouble if self.error else None


async def listen(model: OpenAIChat, asked: ModelCall | None = None) -> Heard:
    heard = Heard()
    try:
        async with model.stream(asked or call()) as events:
            async for event in events:
                heard.events.append(event)
    except ModelError as error:
        heard.error = error
    return heard


# What goes out.


@pytest.mark.parametrize("cap_field", ["max_tokens", "max_completion_tokens"])
async def test_the_cap_goes_out_in_the_field_that_was_chosen(
    server: ModelServer, cap_field: str
) -> None:
    async with connected(server.base_url, output_cap_field=cap_field) as model:
        await listen(model)
    assert [(asked.cap_field, asked.cap) for asked in server.requests] == [(cap_field, CAP)]


async def test_the_messages_go_out_in_order(server: ModelServer, model: OpenAIChat) -> None:
    messages = (Message("system", "be kind"), Message("user", "hi"), Message("assistant", "yes?"))
    await listen(model, ModelCall(MODEL, (*messages, Message("user", "say 2")), CAP))
    assert server.requests[0].messages == (
        {"role": "system", "content": "be kind"},
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "yes?"},
        {"role": "user", "content": "say 2"},
    )


async def test_a_half_character_goes_out_as_a_replacement(
    server: ModelServer, model: OpenAIChat
) -> None:
    await listen(model, call("say 2 \ud83d now"))
    assert server.requests[0].messages[0]["content"] == "say 2 \ufffd now"


@pytest.mark.parametrize("key", ["sk-a", ""])
async def test_the_key_goes_out_and_none_where_there_is_none(key: str) -> None:
    async with (
        ModelServer(key=key or "none") as server,
        connected(server.base_url, api_key=key) as m,
    ):
        assert (await listen(m)).trouble is None


@pytest.mark.parametrize(
    ("base_url", "cap_field"),
    [
        ("https://api.openai.com/v1", "max_completion_tokens"),
        ("https://eu.api.openai.com/v1", "max_completion_tokens"),
        ("https://API.OpenAI.com/v1/", "max_completion_tokens"),
        ("http://localhost:11434/v1", "max_tokens"),
        ("https://api.openai.com.example.org/v1", "max_tokens"),
        ("https://notapi.openai.com/v1", "max_tokens"),
        ("https://openrouter.ai/api/v1", "max_tokens"),
        ("", "max_tokens"),
    ],
)
def test_only_openai_knows_the_new_name_of_the_cap(base_url: str, cap_field: str) -> None:
    assert output_cap_field_for(base_url) == cap_field


async def test_a_stray_variable_does_not_redirect_prompts(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{closed_port()}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-for-this-server")
    async with connected(server.base_url) as model:
        assert (await listen(model)).text == "w1 w2 w3 w4 w5"


# What comes back.


async def test_thinking_is_told_apart_from_the_answer(
    server: ModelServer, model: OpenAIChat
) -> None:
    server.next("reasoning")
    heard = await listen(model, call("say 1"))
    assert heard.events == [
        *(ReasoningDelta("r1"), ReasoningDelta(" r2"), ReasoningDelta(" r3")),
        *(ReasoningDelta(" r4"), TextDelta("w1"), Finished("stop")),
        UsageReport(Usage(input=5, cached=0, output=5, reasoning=4), MODEL),
    ]


@pytest.mark.parametrize(
    ("fault", "usage"),
    [
        ("ok", Usage(5, 0, 5, 0)),
        ("cached", Usage(5, 2, 5, 0)),
        ("hidden_reasoning", Usage(5, 0, 9, 4)),
        ("openrouter", Usage(5, 0, 5, 0)),
        ("usage_on_finish", Usage(5, 0, 5, 0)),
        ("usage_every", Usage(5, 0, 5, 0)),
        ("usage_tenfold", Usage(50, 0, 50, 0)),
        ("usage_zero", Usage(0, 0, 0, 0)),
        ("usage_text", None),
        ("usage_negative", None),
        ("usage_absurd", None),
    ],
)
async def test_the_last_report_is_the_usage(
    server: ModelServer, model: OpenAIChat, fault: str, usage: Usage | None
) -> None:
    server.next(fault)
    heard = await listen(model)
    assert heard.text == "w1 w2 w3 w4 w5"
    assert heard.usage[-1] == usage


async def test_every_report_is_passed_on(server: ModelServer, model: OpenAIChat) -> None:
    server.next("usage_every")
    heard = await listen(model, call("say 2"))
    # With the role, each word, the finish, and at the end: so many output tokens.
    assert [usage and usage.output for usage in heard.usage] == [0, 1, 2, 2, 2]


async def test_no_report_is_no_event(server: ModelServer, model: OpenAIChat) -> None:
    server.next("usage_never")
    assert (await listen(model)).events[-1] == Finished("stop")


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("content_filter", "filtered"),
        ("tool_calls", "tools"),
        ("function_call", "stop"),
        ("eos", "stop"),
    ],
)
async def test_the_reason_of_the_end_is_told_in_our_words(
    server: ModelServer, model: OpenAIChat, reason: str, told: Any
) -> None:
    server.next(finish_reason=reason)
    assert Finished(told) in (await listen(model)).events


async def test_an_empty_answer_is_whole(server: ModelServer, model: OpenAIChat) -> None:
    server.next("empty")
    assert (await listen(model)).events == [
        Finished("stop"),
        UsageReport(Usage(input=5), MODEL),
    ]


async def test_the_model_that_really_answered_is_named(
    server: ModelServer, model: OpenAIChat
) -> None:
    server.next("other_model")
    last = (await listen(model)).events[-1]
    assert isinstance(last, UsageReport)
    assert last.served_model == "some-other-model-2026-11-01"


# What goes wrong.


@pytest.mark.parametrize(
    ("fault", "trouble", "wait_ms"),
    [
        ("unauthorized", "rejected", None),
        ("no_max_tokens", "rejected", None),
        ("no_stream_options", "rejected", None),
        ("rate_limit", "overloaded", 1_000),
        ("overloaded", "overloaded", None),
        ("server_error", "failed", None),
        ("secret_error", "failed", None),
        ("dropped", "silent", None),
    ],
)
async def test_a_refusal_is_told_on_entering(
    server: ModelServer, model: OpenAIChat, fault: str, trouble: str, wait_ms: int | None
) -> None:
    server.next(fault)
    with pytest.raises(ModelError) as caught:
        await model.stream(call()).__aenter__()
    assert (caught.value.trouble, caught.value.retry_after_ms) == (trouble, wait_ms)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("status", "trouble"),
    [
        *((status, "rejected") for status in (400, 401, 402, 403, 404, 409, 413, 415, 422)),
        *((status, "overloaded") for status in (429, 503, 529)),
        *((status, "failed") for status in (408, 418, 500, 501, 502, 504, 524)),
    ],
)
async def test_a_status_says_what_to_do(
    server: ModelServer, model: OpenAIChat, status: int, trouble: str
) -> None:
    server.next(status=status)
    assert (await listen(model)).trouble == trouble
    assert len(server.requests) == 1


async def test_an_unknown_model_is_rejected(model: OpenAIChat) -> None:
    heard = await listen(model, ModelCall("no-such-model", call().messages, CAP))
    assert heard.trouble == "rejected"


@pytest.mark.parametrize("fault", ["cut", "broken_json", "error_chunk", "secret_chunk"])
async def test_what_breaks_off_keeps_what_had_come(
    server: ModelServer, model: OpenAIChat, fault: str
) -> None:
    server.next(fault, after=3)
    heard = await listen(model)
    assert (heard.text, heard.trouble) == ("w1 w2 w3", "broken")
    assert len(server.requests) == 1


async def test_a_stream_that_just_ends_has_no_finish(
    server: ModelServer, model: OpenAIChat
) -> None:
    server.next("eof", after=3)
    heard = await listen(model)
    assert heard.events == [TextDelta("w1"), TextDelta(" w2"), TextDelta(" w3")]
    assert heard.error is None


@pytest.mark.parametrize(("fault", "text"), [("silent", ""), ("stall", "w1 w2 w3")])
async def test_a_provider_that_falls_silent_is_left_in_the_end(
    server: ModelServer, fault: str, text: str
) -> None:
    server.next(fault)
    async with connected(server.base_url, silence_s=0.5) as model:
        heard = await listen(model)
        assert (heard.text, heard.trouble) == (text, "silent")
        await server.idle()
    assert len(server.requests) == 1


async def test_nobody_there_is_unreachable() -> None:
    async with connected(f"http://127.0.0.1:{closed_port()}/v1") as model:
        assert (await listen(model)).trouble == "unreachable"


@pytest.mark.parametrize("base_url", ["ftp://127.0.0.1/v1", "http://127.0.0.1:0/v1", "nowhere"])
async def test_an_address_that_is_none_is_unreachable(base_url: str) -> None:
    async with connected(base_url) as model:
        assert (await listen(model)).trouble == "unreachable"


async def test_a_key_that_no_header_can_carry_is_an_error_and_not_a_crash(
    server: ModelServer,
) -> None:
    async with connected(server.base_url, api_key="sk-\u00fc\u4e2d") as model:
        assert (await listen(model)).trouble == "failed"
    assert server.requests == []


@pytest.mark.parametrize(
    ("fault", "detail"),
    [
        ("secret_error", "InternalServerError 500"),
        ("secret_chunk", "APIError"),
        ("unauthorized", "AuthenticationError 401"),
        ("broken_json", "JSONDecodeError"),
        ("cut", "APIConnectionError from ClientPayloadError"),
    ],
)
async def test_an_error_carries_nothing_that_the_provider_wrote(
    server: ModelServer, model: OpenAIChat, fault: str, detail: str
) -> None:
    server.next(fault)
    error = (await listen(model)).error
    assert error is not None
    assert error.detail == detail
    told = "".join(traceback.format_exception(error)) + repr(vars(error)) + repr(error.args)
    assert INNER_TEXT not in told
    assert "secret" not in told.replace("secret_", "")
    assert (error.__cause__, error.__context__) == (None, None)


# Leaving.


async def test_leaving_stops_the_server(server: ModelServer, model: OpenAIChat) -> None:
    gate = server.hold(after=2)
    async with model.stream(call("say 500")) as events:
        assert [await anext(events), await anext(events)] == [TextDelta("w1"), TextDelta(" w2")]
        await gate.reached()
    await server.idle()
    assert (server.requests[0].ended, server.requests[0].left_after) == ("left", 2)


async def test_cancelling_a_reader_stops_the_server(server: ModelServer, model: OpenAIChat) -> None:
    gate = server.hold(after=2)
    reader = asyncio.create_task(listen(model, call("say 500")))
    await gate.reached()
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    await server.idle()
    assert (server.requests[0].ended, server.requests[0].left_after) == ("left", 2)


async def test_cancelling_who_waits_for_the_first_byte_stops_the_server(
    server: ModelServer, model: OpenAIChat
) -> None:
    gate = server.hold()
    reader = asyncio.create_task(listen(model))
    await gate.reached()
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    await server.idle()
    assert server.requests[0].ended == "left"


async def test_a_time_out_of_the_caller_is_the_callers(
    server: ModelServer, model: OpenAIChat
) -> None:
    server.next("stall", after=1)
    async with model.stream(call()) as events:
        assert await anext(events) == TextDelta("w1")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await anext(events)
    await server.idle()
    assert (server.requests[0].ended, server.requests[0].left_after) == ("left", 1)


async def test_a_closed_model_opens_again(model: OpenAIChat) -> None:
    await listen(model)
    await model.close()
    assert (await listen(model)).text == "w1 w2 w3 w4 w5"


# Starting.


def test_the_sdk_is_not_loaded_before_it_is_needed() -> None:
    program = (
        "import sys, adapters.openai_chat as chat\n"
        "chat.OpenAIChat(base_url='http://x/v1', api_key='', output_cap_field='max_tokens')\n"
        "sys.exit(bool({'aiohttp', 'openai', 'httpx2', 'pydantic'} & {*sys.modules}))"
    )
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False)
    assert ended.returncode == 0


async def test_a_model_that_is_not_warm_serves_many_at_once(model: OpenAIChat) -> None:
    answers = await asyncio.gather(*(listen(model) for _ in range(5)))
    assert {heard.text for heard in answers} == {"w1 w2 w3 w4 w5"}


async def test_warming_up_again_is_harmless(server: ModelServer, model: OpenAIChat) -> None:
    await asyncio.gather(model.warm_up(), model.warm_up())
    await model.warm_up()
    assert server.requests == []
    assert (await listen(model)).text == "w1 w2 w3 w4 w5"


# What no server of ours would say, in raw bytes.


@dataclass
class RawServer:
    """Answers every request with the same bytes, and keeps what was asked."""

    answer: bytes
    base_url: str = ""
    heads: list[str] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.heads.append(head)
        size = int(head.lower().split("content-length:")[1].split()[0])
        self.bodies.append(json.loads(await reader.readexactly(size)))
        writer.write(self.answer)
        await writer.drain()
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def raw(answer: bytes) -> AsyncIterator[RawServer]:
    kept = RawServer(answer)
    async with await asyncio.start_server(kept.serve, "127.0.0.1", 0) as server:
        kept.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        yield kept


def http(
    body: str, status: str = "200 OK", kind: str = "text/event-stream", **headers: str
) -> bytes:
    named = {"content-type": kind, **{k.replace("_", "-"): v for k, v in headers.items()}}
    lines = [f"HTTP/1.1 {status}", "connection: close", *(f"{k}: {v}" for k, v in named.items())]
    return "\r\n".join([*lines, "", body]).encode()


def sse(*chunks: object) -> str:
    return "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks)


async def listen_to(answer: bytes) -> Heard:
    async with raw(answer) as server, connected(server.base_url) as model:
        return await listen(model)


def choice(finish_reason: object = None, **delta: object) -> dict[str, object]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]}


ANSWER = json.dumps({"choices": [{"message": {"content": "All at once."}, "index": 0}]})


@pytest.mark.parametrize(
    "answer",
    [
        http(ANSWER, kind="application/json"),
        http("<html><body>It works!</body></html>", kind="text/html"),
        http("", kind="text/plain"),
        http(""),
        http("data: [DONE]\n\n"),
        http(": keep-alive\n\n"),
    ],
)
async def test_an_answer_that_is_no_stream_is_broken(answer: bytes) -> None:
    heard = await listen_to(answer)
    assert (heard.events, heard.trouble) == ([], "broken")


@pytest.mark.parametrize(
    ("chunk", "events"),
    [
        ({}, []),
        ({"choices": None}, []),
        ({"choices": []}, []),
        ({"choices": [None]}, []),
        ({"choices": [{"index": 0}]}, []),
        ({"choices": [{"index": 0, "delta": None}]}, []),
        (choice(content=None), []),
        (choice(content=""), []),
        (choice(finish_reason=""), []),
        (choice(content="a"), [TextDelta("a")]),
        (choice(refusal="I may not."), [TextDelta("I may not.")]),
        (choice(reasoning_content="hm"), [ReasoningDelta("hm")]),
        (choice(reasoning="hm"), [ReasoningDelta("hm")]),
        (choice(reasoning="hm", reasoning_content="hm"), [ReasoningDelta("hm")]),
        (choice(reasoning_content="", content="a"), [TextDelta("a")]),
        (choice("stop", content="a"), [TextDelta("a"), Finished("stop")]),
        (choice(content="half \ud83d"), [TextDelta("half \ufffd")]),
        (choice(reasoning={"text": "hm"}, content="a"), [TextDelta("a")]),
        (choice(refusal=False, content="a"), [TextDelta("a")]),
        (choice(["stop"], content="a"), [TextDelta("a")]),
        (
            {"choices": [], "model": 7, "usage": {"prompt_tokens": 1, "completion_tokens": 1}},
            [UsageReport(Usage(input=1, output=1))],
        ),
    ],
)
async def test_an_odd_chunk_says_what_it_says(chunk: object, events: list[ModelEvent]) -> None:
    heard = await listen_to(http(sse(chunk, choice(content=".")) + "data: [DONE]\n\n"))
    assert heard.error is None
    assert heard.events == [*events, TextDelta(".")]


@pytest.mark.parametrize(
    "line",
    [
        *("7", '"text"', "[1, 2]", "null", "NaN", "{", "\ufffd", "[" * 100_000),
        json.dumps({"choices": 7}),
        json.dumps({"choices": {"0": {}}}),
        json.dumps(choice(content=7)),
        json.dumps(choice(content=[{"type": "text", "text": "a"}])),
        json.dumps(choice(content=False)),
        json.dumps({"choices": [7]}),
        json.dumps({"choices": [{"delta": "a"}]}),
        json.dumps(choice("error")),
        json.dumps(choice("abort")),
        json.dumps(choice("insufficient_system_resource")),
        json.dumps({"error": {"message": INNER_TEXT, "code": 502}, "choices": []}),
        json.dumps({"error": INNER_TEXT}),
        json.dumps({"error": [7]}),
    ],
    ids=lambda line: line[-60:],
)
async def test_nonsense_is_broken_after_what_had_come(line: str) -> None:
    heard = await listen_to(http(sse(choice(content="a")) + f"data: {line}\n\n"))
    assert (heard.text, heard.trouble) == ("a", "broken")


async def test_bytes_that_are_no_text_are_broken() -> None:
    heard = await listen_to(http(sse(choice(content="a"))) + b"data: \xff\xfe\n\n")
    assert (heard.text, heard.trouble) == ("a", "broken")


async def test_bytes_that_cannot_be_unpacked_are_broken() -> None:
    assert (await listen_to(http("plain", content_encoding="gzip"))).trouble == "broken"


async def test_the_end_is_told_once_however_often_it_comes() -> None:
    last = {**choice("stop", content=""), "usage": {"prompt_tokens": 3, "completion_tokens": 1}}
    heard = await listen_to(http(sse(choice(content="a"), choice("stop"), last)))
    assert heard.events == [
        *(TextDelta("a"), Finished("stop")),
        UsageReport(Usage(input=3, output=1)),
    ]


@pytest.mark.parametrize(
    "rest", ["data: {\n\n", 'data: {"error": {"code": 500}}\n\n', "data: 7\n\n"]
)
async def test_what_breaks_after_the_end_breaks_nothing(rest: str) -> None:
    heard = await listen_to(http(sse(choice(content="a"), choice("stop")) + rest))
    assert (heard.events, heard.error) == ([TextDelta("a"), Finished("stop")], None)


async def test_a_connection_cut_after_the_end_breaks_nothing() -> None:
    answer = http(sse(choice("stop")), content_length="5000")
    heard = await listen_to(answer)
    assert (heard.events, heard.error) == ([Finished("stop")], None)


async def test_an_answer_broken_off_by_the_server_still_has_its_usage() -> None:
    heard = await listen_to(http(sse({**choice("abort", content="a"), "usage": counts(3, 1)})))
    assert (heard.text, heard.usage, heard.trouble) == ("a", [Usage(input=3, output=1)], "broken")


def counts(prompt: object, output: object, **more: object) -> dict[str, object]:
    return {"prompt_tokens": prompt, "completion_tokens": output, **more}


def details(cached: object = 0, reasoning: object = 0) -> dict[str, object]:
    return {
        "prompt_tokens_details": {"cached_tokens": cached},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }


@pytest.mark.parametrize(
    ("report", "usage"),
    [
        (counts(7, 2), Usage(7, 0, 2, 0)),
        (counts(0, 0), Usage(0, 0, 0, 0)),
        (counts(7, 2, total_tokens=9), Usage(7, 0, 2, 0)),
        (counts(7, 2, total_tokens=None), Usage(7, 0, 2, 0)),
        (counts(7, 2, total_tokens=5), Usage(7, 0, 2, 0)),
        (counts(7, 2, **details(3, 1)), Usage(7, 3, 2, 1)),
        (counts(7, 2, **details(None, None)), Usage(7, 0, 2, 0)),
        (counts(7, 2, prompt_tokens_details=None), Usage(7, 0, 2, 0)),
        (counts(7, 2, **details(9, 5)), Usage(7, 7, 2, 2)),
        (counts(10**9, 2), Usage(10**9, 0, 2, 0)),
        # Gemini counts its thinking in the total only, xAI beside the output.
        (counts(20, 198, total_tokens=623), Usage(20, 0, 603, 0)),
        (counts(32, 9, total_tokens=135, **details(0, 94)), Usage(32, 0, 103, 94)),
        # None of these can be true.
        ({}, None),
        ("7", None),
        ([7, 2], None),
        (counts(7, None), None),
        (counts(None, 2), None),
        (counts("7", 2), None),
        (counts(7, "2"), None),
        (counts(7.0, 2), None),
        (counts(7, 2.5), None),
        (counts(True, 2), None),
        (counts(-7, 2), None),
        (counts(7, -2), None),
        (counts(10**9 + 1, 2), None),
        (counts(7, 2, total_tokens=10**30), None),
        (counts(7, 2, total_tokens="9"), None),
        (counts(7, 2, total_tokens=-9), None),
        (counts("7", 2, total_tokens=9), None),
        (counts(7, 2, **details(-1, 0)), None),
        (counts(7, 2, **details(0, "1")), None),
        (counts(7, 2, **details([], 0)), None),
    ],
)
async def test_a_report_is_believed_only_if_all_of_it_can_be_true(
    report: object, usage: Usage | None
) -> None:
    heard = await listen_to(http(sse(choice("stop"), {"choices": [], "usage": report})))
    assert heard.error is None
    assert heard.usage == [usage]


async def test_a_served_model_has_a_bounded_name() -> None:
    chunk = {"choices": [], "model": "m" * 5_000, "usage": counts(1, 1)}
    last = (await listen_to(http(sse(chunk)))).events[-1]
    assert isinstance(last, UsageReport)
    assert last.served_model == "m" * 100


@pytest.mark.parametrize(
    ("headers", "wait_ms"),
    [
        ({"retry_after": "2"}, 2_000),
        ({"retry_after": " 2 "}, 2_000),
        ({"retry_after": "0"}, 0),
        ({"retry_after": "1.5"}, 1_500),
        ({"retry_after": "0.0001"}, 1),
        ({"retry_after": "3600"}, 120_000),
        ({"retry_after": "999999999"}, 120_000),
        ({"retry_after_ms": "250"}, 250),
        ({"retry_after_ms": "250.2"}, 251),
        ({"retry_after_ms": "250", "retry_after": "9"}, 250),
        ({"retry_after_ms": "soon", "retry_after": "9"}, 9_000),
        ({"retry_after": "-1"}, None),
        ({"retry_after": "nan"}, None),
        ({"retry_after": "1e9"}, None),
        ({"retry_after": "9999999999"}, None),
        ({"retry_after": "Fri, 31 Dec 2026 23:59:59 GMT"}, None),
        ({}, None),
    ],
)
async def test_a_wait_is_read_where_it_is_told_in_seconds(
    headers: dict[str, str], wait_ms: int | None
) -> None:
    error = (await listen_to(http("{}", "429 Too Many Requests", **headers))).error
    assert error is not None
    assert (error.trouble, error.retry_after_ms) == ("overloaded", wait_ms)


@pytest.mark.parametrize(
    "error",
    [
        {"code": "insufficient_quota", "type": "insufficient_quota"},
        {"code": "insufficient_quota"},
        {"type": "insufficient_quota", "code": None},
        {"code": "billing_not_active"},
    ],
)
async def test_an_empty_account_is_rejected_since_waiting_is_useless(
    error: dict[str, object],
) -> None:
    body = json.dumps({"error": {"message": INNER_TEXT, **error}})
    heard = await listen_to(
        http(body, "429 Too Many Requests", "application/json", retry_after="1")
    )
    assert heard.trouble == "rejected"


@pytest.mark.parametrize("body", ["", "[]", "7", '{"error": []}', '{"error": {"code": {}}}', "<p>"])
async def test_an_error_may_have_any_body(body: str) -> None:
    answer = http(body, "500 Internal Server Error", "application/json")
    assert (await listen_to(answer)).trouble == "failed"


@pytest.mark.parametrize("answer", [b"", b"SMTP ready\r\n\r\n", b"HTTP/1.1 200 OK\r\ncont"])
async def test_a_sent_request_without_a_status_is_silent(answer: bytes) -> None:
    assert (await listen_to(answer)).trouble == "silent"


async def test_a_connection_that_is_lost_after_the_request_is_silent() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        no_goodbye = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, no_goodbye)
        writer.transport.abort()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with connected(f"http://127.0.0.1:{port}/v1") as model:
            assert (await listen(model)).trouble == "silent"


async def test_a_proxy_that_opens_no_way_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        async with connected("https://model.example/v1") as model:
            assert (await listen(model)).trouble == "unreachable"


async def test_a_redirect_that_never_ends_was_never_processed() -> None:
    answer = http("", "307 Temporary Redirect", location="/v1/chat/completions")
    assert (await listen_to(answer)).trouble == "unreachable"


def _picture(url: str) -> dict[str, object]:
    """An image as it is sent: at a detail with a bound, which is what is set aside for it."""
    return {"type": "image_url", "image_url": {"url": url, "detail": "high"}}


async def test_images_go_along_before_the_question_about_them() -> None:
    cat, dog = Image("cat", "image/png", b"\x89PNG"), Image("dog", "image/jpeg", b"\xff\xd8")
    said = (
        Message("system", "be kind"),
        Message("user", "which is a cat \ud800", (cat, dog)),
        Message("user", " ", (cat,)),
    )
    async with raw(http(sse(choice("stop")))) as server, connected(server.base_url) as model:
        await listen(model, ModelCall(MODEL, said, CAP))
    png = _picture("data:image/png;base64,iVBORw==")
    jpeg = _picture("data:image/jpeg;base64,/9g=")
    text = {"type": "text", "text": "which is a cat \ufffd"}
    assert server.bodies[0]["messages"] == [
        {"role": "system", "content": "be kind"},
        {"role": "user", "content": [png, jpeg, text]},
        {"role": "user", "content": [png]},
    ]


async def sent_to(address: str, proxy: RawServer, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What goes out to an address that is really a server of ours, posing as a proxy."""
    monkeypatch.setenv("HTTP_PROXY", proxy.base_url.removesuffix("/v1"))
    async with connected(address) as model:
        await listen(model, call(member_hash="a1b2"))
    return proxy.bodies[0]


async def test_openai_is_told_a_hash_of_the_member(monkeypatch: pytest.MonkeyPatch) -> None:
    async with raw(http(sse(choice("stop")))) as proxy:
        body = await sent_to("http://api.openai.com/v1", proxy, monkeypatch)
    assert body["safety_identifier"] == "a1b2"


async def test_nobody_else_is_told_anything_of_the_member(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with raw(http(sse(choice("stop")))) as proxy:
        body = await sent_to("http://model.example/v1", proxy, monkeypatch)
    assert body == {
        "model": MODEL,
        "messages": [{"role": "user", "content": "say 5"}],
        "max_tokens": CAP,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
