"""What the chunks of a streamed answer say, in the words of bot.ports."""

import json
import re
from collections.abc import Iterator
from decimal import ROUND_CEILING, Decimal

from bot.ports import (
    Finished,
    ModelEvent,
    ReasoningDelta,
    TextDelta,
    ToolDelta,
    UsageReport,
)
from quota.errors import BadUsageError
from quota.units import MILLION, Usage

_SERVED_MODEL_CHARS_MAX = 100
# OpenRouter, vLLM and DeepSeek say so where an answer was broken off.
_BROKEN_OFF = {"error", "abort", "insufficient_system_resource"}
# Dearer than any token; and what any call may cost, however few its tokens are.
_DOLLARS_PER_TOKEN_MAX = Decimal("0.01")
_DOLLARS_PER_CALL = Decimal(1)
_TICKS_PER_DOLLAR = 10**10
# Sums of floats end in noise, which must not be rounded up to a credit.
_NOISE = Decimal("1e-9")
# Half characters, which JSON can carry and UTF-8 cannot.
_SURROGATE = re.compile("[\ud800-\udfff]")


def clean(text: str) -> str:
    return _SURROGATE.sub("\ufffd", text)


class Places:
    """Which call of a tool a piece belongs to, whatever a server says of that.

    By the rules each piece has an index, and the first one an id. Some servers send every call
    whole and with the same index or none; then a new id is what begins a new call. Some have no
    ids; then it is the name.
    """

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._by_index: dict[object, int] = {}

    def of(self, index: object, id_: str, name: str) -> tuple[int, str]:
        """The place of a call, the first being 0, and its id; a ValueError where none began."""
        place = self._by_index.get(index)
        if place is None and not name:
            raise ValueError("tool_calls")
        if place is None or (id_ and self._ids[place] != id_):
            place = self._by_index[index] = len(self._ids)
            self._ids.append(id_ or f"call_{place}")
        return place, self._ids[place]


def chunk_events(chunk: object, places: Places) -> Iterator[ModelEvent]:
    """The events of one chunk, in the order in which they happened; a TypeError for no chunk."""
    if not isinstance(chunk, dict):
        raise TypeError("chunk")
    choices = chunk.get("choices") or []  # Some send null, and none comes beside the last usage.
    if not isinstance(choices, list):
        raise TypeError("choices")
    reason = ""
    for choice in choices[:1]:
        delta = _field(choice, "delta")
        if thought := _text(delta, "reasoning_content") or _text(delta, "reasoning"):
            yield ReasoningDelta(thought)
        if not isinstance(_field(delta, "content"), str | None):
            raise TypeError("content")  # Passed over, it would be an answer of nothing.
        if text := _text(delta, "content") or _text(delta, "refusal"):
            yield TextDelta(text)
        yield from _tool_events(delta, places)
        reason = _text(choice, "finish_reason")
        if reason and reason not in _BROKEN_OFF:
            yield _finished(reason)
    # Some report usage beside a choice, or with every chunk.
    if (report := chunk.get("usage")) is not None:
        usage = _usage(report)
        served = _text(chunk, "model")[:_SERVED_MODEL_CHARS_MAX]
        yield UsageReport(usage, served, *_cost(report, usage or Usage()))
    if reason in _BROKEN_OFF:
        raise ValueError(reason)


def _tool_events(delta: object, places: Places) -> Iterator[ToolDelta]:
    """The pieces of calls of tools in a chunk; a TypeError for what is none."""
    pieces = _field(delta, "tool_calls") or []
    if not isinstance(pieces, list):
        raise TypeError("tool_calls")
    for piece in pieces:
        function = _field(piece, "function")
        name, arguments = _text(function, "name"), _field(function, "arguments")
        if isinstance(arguments, dict):  # Ollama has sent the object itself.
            arguments = json.dumps(arguments)
        if not isinstance(arguments, str | None):
            raise TypeError("arguments")
        place, id_ = places.of(_field(piece, "index"), _text(piece, "id"), name)
        yield ToolDelta(place, id_, name, clean(arguments or ""))


def _field(holder: object, name: str) -> object:
    """A field of a JSON object, None where either is missing; a TypeError for what is no object."""
    if holder is None:
        return None
    if not isinstance(holder, dict):
        raise TypeError(name)
    return holder.get(name)


def _text(holder: object, name: str) -> str:
    """The text of a field, empty where there is none."""
    value = _field(holder, name)
    return clean(value) if isinstance(value, str) else ""


def _count(holder: object, name: str) -> int:
    """The number in a field, 0 where there is none; a TypeError for what counts nothing."""
    value = _field(holder, name)
    if value is None:
        return 0
    if type(value) is not int or value < 0:  # To isinstance, a bool is an int.
        raise TypeError(name)
    return value


def _finished(reason: str) -> Finished:
    if reason == "length":
        return Finished("length")
    if reason == "tool_calls":
        return Finished("tools")
    return Finished("filtered" if reason == "content_filter" else "stop")


def _usage(report: object) -> Usage | None:
    """The usage of a report in which every number can be true; None for any other."""
    try:
        if None in (_field(report, "prompt_tokens"), _field(report, "completion_tokens")):
            return None
        prompt, output = _count(report, "prompt_tokens"), _count(report, "completion_tokens")
        cached = _count(_field(report, "prompt_tokens_details"), "cached_tokens")
        cached = cached or _count(report, "prompt_cache_hit_tokens")  # DeepSeek's own name for it.
        reasoning = _count(_field(report, "completion_tokens_details"), "reasoning_tokens")
        beside_prompt = _count(report, "total_tokens") - prompt
        # Where thinking stands beside the output (xAI, Gemini), only the total has all of it.
        return Usage.checked(prompt, cached, max(output, beside_prompt), reasoning)
    except (TypeError, BadUsageError):
        return None


def _cost(report: object, usage: Usage) -> tuple[int | None, bool]:
    """The credits that a call took as its provider says, None: nothing; whether that is absurd.

    OpenRouter tells dollars in `cost`, and apart what was billed to a key of one's own; a LiteLLM
    proxy that is told to (`include_cost_in_streaming_usage`) does likewise; Perplexity tells a sum
    with its parts, xAI ticks. Rounded up once.
    """
    try:
        dollars = _dollars(report)
    except (TypeError, ValueError):
        return None, True
    if dollars is None:
        return None, False
    most = max(_DOLLARS_PER_CALL, usage.tokens * _DOLLARS_PER_TOKEN_MAX)
    if not 0 <= dollars <= most:
        return None, True
    exact = dollars.quantize(_NOISE) * MILLION
    return int(exact.to_integral_value(ROUND_CEILING)), False


def _dollars(report: object) -> Decimal | None:
    ticks = _field(report, "cost_in_usd_ticks")
    if ticks is not None:
        return _decimal(ticks) / _TICKS_PER_DOLLAR
    cost = _field(report, "cost")
    if isinstance(cost, dict):
        cost = cost.get("total_cost")
    if cost is None:
        return None
    beside = _field(_field(report, "cost_details"), "upstream_inference_cost")
    is_own_key = _field(report, "is_byok") is True and beside is not None
    return _decimal(cost) + (_decimal(beside) if is_own_key else 0)


def _decimal(value: object) -> Decimal:
    """A number of JSON as it was written; a TypeError or ValueError for anything else."""
    if type(value) not in {int, float}:  # To isinstance, a bool is an int.
        raise TypeError("cost")
    number = Decimal(str(value))
    if not number.is_finite():
        raise ValueError("cost")
    return number
