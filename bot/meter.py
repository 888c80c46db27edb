"""Watches one model call: shows what comes, counts it, stops it at the cap or when it is silent.

The cap that was sent is the guard. The cut here is for servers that ignore it, and goes by lower
bounds only (pieces received, tokens reported), or by our own count when it is three times over
and certain: a vocabulary that counts double must not halve every answer.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Literal

from bot.models import Model
from bot.ports import (
    Finished,
    ModelCall,
    ModelError,
    ModelEvent,
    ReasoningDelta,
    TextDelta,
    TokenCounter,
    ToolCall,
    ToolDelta,
    UsageReport,
)
from quota.clock import Clock
from quota.units import Usage

SURELY_TOO_LONG = 3
BYTES_PER_TOKEN = 4

Ending = Literal["finished", "filtered", "length", "truncated", "late", "cut", "broken"]

_ENDINGS: dict[str, Ending] = {
    "stop": "finished",
    "tools": "finished",
    "length": "length",
    "filtered": "filtered",
}


@dataclass(slots=True)
class Received:
    """What has come of a call so far, whatever becomes of it."""

    parts: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    tools: dict[int, ToolCall] = field(default_factory=dict)
    pieces: int = 0
    size_bytes: int = 0
    asked: bool = False
    began: bool = False
    usage: Usage | None = None
    bad_usage: bool = False
    served: str = ""
    cost: int | None = None
    bad_cost: bool = False
    finished: Literal["stop", "length", "filtered", "tools"] | None = None
    ending: Ending = "truncated"
    trouble: ModelError | None = None

    @property
    def text(self) -> str:
        """The answer so far."""
        return "".join(self.parts)

    @property
    def unseen(self) -> str:
        """What was generated, and is billed, but not shown: thoughts, and calls of tools."""
        calls = (text for call in self.tools.values() for text in (call.name, call.arguments))
        return "".join((*self.reasoning, *calls))

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """The tools to use; none where the answer did not come to its own end.

        What was cut may have lost the end of its arguments, and means something else then.
        """
        return tuple(self.tools.values()) if self.ending == "finished" else ()

    @property
    def progress(self) -> int:
        """Output tokens so far: no fewer than the pieces, nor than long pieces suggest."""
        reported = self.usage.output if self.usage is not None else 0
        return max(self.pieces, self.size_bytes // BYTES_PER_TOKEN, reported)


@dataclass(slots=True)
class Meter:
    """One call of one model."""

    model: Model
    counter: TokenCounter
    clock: Clock
    show: Callable[[str], Awaitable[None]]
    note_progress: Callable[[int], Awaitable[None]]
    progress_step: int

    async def run(self, call: ModelCall, received: Received) -> None:
        """Fill `received` until the call ends. Raises only CancelledError and breakage of ours.

        A model's own trouble, its silence and our cut are told by `received`.
        """
        received.trouble = None
        received.asked = True
        try:
            async with AsyncExitStack() as stack:
                async with self.clock.timeout(self.model.first_token_ms):
                    events = await stack.enter_async_context(self.model.chat.stream(call))
                    event = await anext(events, None)
                await self._read(event, events, call, received)
        except ModelError as error:
            received.trouble = error
            received.ending = "late" if error.trouble == "silent" else "broken"
        except TimeoutError:
            received.ending = "late"
        if received.finished is not None and received.ending != "cut":
            # What a provider has said to be its end is one, however the line behaves after it.
            received.trouble = None
            received.ending = _ENDINGS[received.finished]

    async def _read(
        self,
        event: ModelEvent | None,
        events: AsyncIterator[ModelEvent],
        call: ModelCall,
        received: Received,
    ) -> None:
        """Take piece after piece; the stream's end, our cut, or an error ends it."""
        noted = 0
        count_at = SURELY_TOO_LONG * call.output_cap
        while event is not None:
            received.began = True
            over = self._take(event, call.output_cap, received)
            if over:
                received.ending = "cut"
                return
            if isinstance(event, TextDelta):
                await self.show(event.text)
            if received.size_bytes > count_at:
                surplus = await self._surplus(call.output_cap, received)
                if surplus > 0:
                    received.ending = "cut"
                    return
                count_at = received.size_bytes - surplus
            if received.progress >= noted + self.progress_step:
                noted = received.progress
                await self.note_progress(noted)
            async with self.clock.timeout(self.model.idle_ms):
                event = await anext(events, None)

    def _take(self, event: ModelEvent, output_cap: int, received: Received) -> bool:
        """Note an event; True when it proves that the cap has been passed."""
        match event:
            case TextDelta(text):
                if received.pieces >= output_cap:
                    return True
                received.pieces += 1
                received.parts.append(text)
                received.size_bytes += len(text.encode("utf-8", "replace"))
            case ReasoningDelta(text):
                if received.pieces >= output_cap:
                    return True
                received.pieces += 1
                received.reasoning.append(text)
                received.size_bytes += len(text.encode("utf-8", "replace"))
            case ToolDelta(place, id_, name, arguments):
                if received.pieces >= output_cap:
                    return True
                received.pieces += 1
                so_far = received.tools.get(place, ToolCall("", "", ""))
                received.tools[place] = ToolCall(
                    so_far.id or id_, so_far.name or name, so_far.arguments + arguments
                )
                received.size_bytes += len((name + arguments).encode("utf-8", "replace"))
            case UsageReport(usage, served, cost, bad_cost):
                received.bad_usage = usage is None
                received.usage, received.served = usage, served
                received.cost, received.bad_cost = cost, bad_cost
                # The total comes after the end; on the way it may prove that the cap is ignored.
                return received.finished is None and usage is not None and usage.output > output_cap
            case Finished(reason):
                received.finished = reason
        return False

    async def _surplus(self, output_cap: int, received: Received) -> int:
        """How far our own count is beyond three times the cap; below zero where not sure."""
        text = received.text + received.unseen
        count = await self.counter.count(self.model.name, text)
        over = count.tokens - SURELY_TOO_LONG * output_cap
        return over if count.sure else min(over, -received.size_bytes)
