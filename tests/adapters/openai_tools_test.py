"""Tools over the chat-completions wire: offered, called in pieces, answered."""

import json
from dataclasses import replace
from typing import Any

import pytest

from bot.meter import Meter, Received
from bot.models import Model
from bot.ports import Finished, Message, ModelCall, Tool, ToolCall, ToolDelta, UsageReport
from quota.rules import Terms
from tests.adapters.openai_chat_test import choice, connected, http, listen, listen_to, sse
from tests.fakes import FakeClock
from tests.scripted import Steps, WordCounter
from tests.servers.model_server import MODEL, ModelServer

SCHEMA = '{"type": "object", "properties": {"zone": {"type": "string"}}}'
TIME = Tool("get_time", "Tells the time", SCHEMA)
ASKED = Message("user", 'say 2 [use get_time {"zone": "UTC"} twice]')


def asks(*messages: Message, tools: tuple[Tool, ...] = (TIME,), cap: int = 100) -> ModelCall:
    return ModelCall(MODEL, messages, cap, tools=tools)


def tool_piece(
    id_: str | None = None, name: str | None = None, arguments: object = None, **more: Any
) -> dict[str, Any]:
    said = {"id": id_, "function": {"name": name, "arguments": arguments}}
    return {**said, **more}


async def received(call: ModelCall, server: ModelServer) -> Received:
    """What a meter makes of an answer."""
    came = Received()

    async def nothing(_what: object) -> None: ...

    async with connected(server.base_url) as chat:
        model = Model("m", MODEL, (), chat, Terms("m", ("m",)), 100, 60_000, 30_000)
        meter = Meter(model, WordCounter(Steps()), FakeClock(), nothing, nothing, 100)
        await meter.run(call, came)
    return came


async def test_tools_are_offered_as_functions_and_called_by_name() -> None:
    async with ModelServer() as server:
        came = await received(asks(ASKED), server)
        await server.idle()
    assert came.text == "w1 w2"
    assert came.calls == (
        ToolCall("call_0_0", "get_time", '{"zone": "UTC"}'),
        ToolCall("call_0_1", "get_time", '{"zone": "UTC"}'),
    )
    assert came.finished == "tools"
    # Two words, and of each call its name and three pieces.
    assert came.usage is not None
    assert (came.pieces, came.usage.output) == (10, 10)
    # 3 and five words of the message, 3 and eleven words of the tool as JSON.
    assert came.usage.input == 3 + 7 + 3 + 13


async def test_what_tools_gave_goes_back_with_the_calls_it_answers() -> None:
    call = ToolCall("call_0_0", "get_time", '{"zone": "UTC"}')
    turn = (
        Message("user", 'say 2 [use get_time {"zone": "UTC"}]'),
        Message("assistant", "", calls=(call,)),
        Message("tool", "It is noon.", answers=call.id),
    )
    async with ModelServer() as server:
        came = await received(asks(*turn), server)
        await server.idle()
        said = server.requests[0].messages
    assert (came.text, came.calls, came.finished) == ("w1 w2", (), "stop")
    function = {"name": "get_time", "arguments": '{"zone": "UTC"}'}
    assert said[1] == {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "call_0_0", "type": "function", "function": function}],
    }
    assert said[2] == {"role": "tool", "tool_call_id": "call_0_0", "content": "It is noon."}


async def test_without_tools_nothing_is_said_of_them() -> None:
    async with ModelServer() as server:
        came = await received(asks(ASKED, tools=()), server)
    assert (came.text, came.calls) == ("w1 w2", ())


async def test_where_no_tool_may_be_used_any_more_the_model_is_told_so() -> None:
    async with ModelServer() as server:
        came = await received(replace(asks(ASKED), may_use_tools=False), server)
    assert (came.text, came.calls, came.finished) == ("w1 w2", (), "stop")


async def test_a_call_that_was_cut_is_none() -> None:
    async with ModelServer() as server:
        came = await received(asks(ASKED, cap=6), server)
    # What there is of the arguments may be valid JSON and mean something else.
    assert came.ending == "length"
    assert came.tools[0].arguments == '{"zone": "UTC"}'
    assert came.calls == ()


async def test_arguments_count_against_the_cap() -> None:
    async with ModelServer() as server:
        server.next("cap_ignored")
        came = await received(asks(ASKED, cap=6), server)
    assert (came.ending, came.pieces, came.calls) == ("cut", 6, ())


CALLS = [
    # By the rules: an index in each piece, the id in the first.
    (
        [tool_piece("a", "f", "", index=0), tool_piece(None, None, "{}", index=0)],
        [ToolDelta(0, "a", "f", ""), ToolDelta(0, "a", "", "{}")],
    ),
    # Each whole, the same index or none: a new id begins a new call.
    (
        [tool_piece("a", "f", "{}", index=0), tool_piece("b", "g", "{}", index=0)],
        [ToolDelta(0, "a", "f", "{}"), ToolDelta(1, "b", "g", "{}")],
    ),
    (
        [tool_piece("a", "f", "{}"), tool_piece("b", "g", "{}")],
        [ToolDelta(0, "a", "f", "{}"), ToolDelta(1, "b", "g", "{}")],
    ),
    # Two that grow at the same time.
    (
        [
            *(tool_piece("a", "f", "", index=0), tool_piece("b", "g", "", index=1)),
            *(tool_piece(None, None, "1", index=0), tool_piece(None, None, "2", index=1)),
        ],
        [
            *(ToolDelta(0, "a", "f", ""), ToolDelta(1, "b", "g", "")),
            *(ToolDelta(0, "a", "", "1"), ToolDelta(1, "b", "", "2")),
        ],
    ),
    # The id comes again with each piece, or never.
    (
        [tool_piece("a", "f", "", index=0), tool_piece("a", None, "{}", index=0)],
        [ToolDelta(0, "a", "f", ""), ToolDelta(0, "a", "", "{}")],
    ),
    (
        [tool_piece(None, "f", "{}", index=0), tool_piece(None, "g", "{}", index=1)],
        [ToolDelta(0, "call_0", "f", "{}"), ToolDelta(1, "call_1", "g", "{}")],
    ),
    # The object itself, half characters, nothing at all.
    ([tool_piece("a", "f", {"x": 1})], [ToolDelta(0, "a", "f", '{"x": 1}')]),
    ([tool_piece("a", "f", "\ud83d")], [ToolDelta(0, "a", "f", "\ufffd")]),
    ([], []),
    (None, []),
]


@pytest.mark.parametrize(("said", "want"), CALLS)
async def test_calls_are_told_apart_however_a_server_tells_them(
    said: list[dict[str, Any]] | None, want: list[ToolDelta]
) -> None:
    apart = [choice(tool_calls=[each]) for each in said or ()]
    for chunks in ([choice(tool_calls=said)], apart):
        heard = await listen_to(http(sse(*chunks, choice("tool_calls"))))
        assert heard.error is None
        assert heard.events == [*want, Finished("tools")]


@pytest.mark.parametrize(
    "said",
    [
        *(7, "f", {"index": 0}, [7], ["f"], [{"function": "f"}]),
        [tool_piece("a", "f", 7)],
        [tool_piece("a", "f", [])],
        # Arguments of a call that never began.
        [tool_piece(None, None, "{}", index=0)],
        [tool_piece("a", "f", "", index=[])],
    ],
)
async def test_calls_that_are_none_break_the_answer(said: object) -> None:
    heard = await listen_to(http(sse(choice(content="a"), choice(tool_calls=said))))
    assert (heard.text, heard.trouble) == ("a", "broken")


async def test_a_schema_goes_out_as_it_is() -> None:
    async with ModelServer() as server, connected(server.base_url) as chat:
        odd = TIME._replace(schema=json.dumps({"type": "object", "$defs": {"é": {}}}))
        heard = await listen(chat, asks(Message("user", "say 1"), tools=(odd,)))
    assert isinstance(heard.events[-1], UsageReport)
