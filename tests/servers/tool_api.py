"""The part of the chat-completions wire that is about tools (API reference of chat/create).

A message steers which tool an answer uses: `[use get_time {"zone": "UTC"} 3 times]` asks for it in
each of the next three answers of the turn, once in each; with `twice` in place of `3 times` it asks
for two calls at once. Refused as the real API refuses it (openai/openai-python#1763, the forum's
"must be followed by tool messages"): a result that nobody asked for, and a call without its result.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

_USE = re.compile(r"\[use (\w+) (\{.*?\})(?: (?:(\d+) times|(twice)))?\]", re.DOTALL)
_PIECE_CHARS = 6


class BadToolsError(ValueError):
    """What the real API says of a request whose tools are wrong."""


class Use(NamedTuple):
    """A call of a tool that an answer is to make; `at_once` of them."""

    name: str
    arguments: str
    at_once: int


def read_tools(body: Mapping[str, Any]) -> dict[str, str]:
    """The tools that a request offers, by name, with what is counted of each."""
    tools = body.get("tools")
    if tools is None:
        if "tool_choice" in body:
            raise BadToolsError("'tool_choice' is only allowed when 'tools' are specified.")
        return {}
    if not isinstance(tools, list) or not tools:
        raise BadToolsError("Invalid 'tools': expected an array with minimum length 1.")
    found: dict[str, str] = {}
    for tool in tools:
        function = tool.get("function") if isinstance(tool, dict) else None
        if not isinstance(function, dict) or tool.get("type") != "function":
            raise BadToolsError("Invalid value for 'tools[0].type'.")
        name, parameters = function.get("name"), function.get("parameters")
        if not isinstance(name, str) or not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name):
            raise BadToolsError("Invalid 'tools[0].function.name': string does not match pattern.")
        if not isinstance(parameters, dict) or parameters.get("type") != "object":
            raise BadToolsError("Invalid schema for function: schema must be of 'type': 'object'.")
        found[name] = json.dumps(function)
    return found


def check_results(messages: Sequence[Mapping[str, Any]]) -> None:
    """Refuse results without a call and calls without a result."""
    open_: set[str] = set()
    for message in messages:
        if message.get("role") == "tool":
            if message.get("tool_call_id") not in open_:
                raise BadToolsError(
                    "Invalid parameter: messages with role 'tool' must be a response to a "
                    "preceding message with 'tool_calls'."
                )
            open_.discard(message["tool_call_id"])
            continue
        if open_:
            break
        open_ = {call["id"] for call in message.get("tool_calls") or ()}
    if open_:
        raise BadToolsError(
            "An assistant message with 'tool_calls' must be followed by tool messages responding "
            "to each 'tool_call_id'."
        )


def texts_of(message: Mapping[str, Any]) -> str:
    """What is counted of the calls in a message."""
    calls = message.get("tool_calls") or ()
    return " ".join(f"{c['function']['name']} {c['function']['arguments']}" for c in calls)


def wanted(text: str, messages: Sequence[Mapping[str, Any]]) -> Use | None:
    """The tool that the next answer of a turn uses, if any; `text` is what the user said last."""
    found = _USE.search(text)
    if found is None:
        return None
    steps = 0
    for message in messages:
        steps = 0 if message.get("role") == "user" else steps + bool(message.get("tool_calls"))
    name, arguments, times, twice = found.groups()
    return None if steps >= int(times or 1) else Use(name, arguments, 2 if twice else 1)


def pieces(use: Use, answer: int) -> Iterator[Mapping[str, Any]]:
    """The pieces in which an answer (by its number) tells the calls; each is a token."""
    for index in range(use.at_once):
        head = {"id": f"call_{answer}_{index}", "type": "function"}
        yield {"index": index, **head, "function": {"name": use.name, "arguments": ""}}
        for start in range(0, len(use.arguments), _PIECE_CHARS):
            piece = use.arguments[start : start + _PIECE_CHARS]
            yield {"index": index, "function": {"arguments": piece}}
