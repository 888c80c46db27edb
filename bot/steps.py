"""A turn of several calls: each step is set aside, made and settled before the next one begins.

After a step in which the model asked for tools come their results, and another step. A turn ends
when a step asks for none, when there is no room for the next one, or when one of its bounds is
reached; what was written by then is the member's in any case.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from bot import text_tools
from bot.calling import Calling
from bot.choosing import Chosen
from bot.outcome import CALLS_APART, Call, text_of
from bot.ports import Message, ReplyStream, TokenCounter, ToolCall
from bot.prompt import OUTSIDE_TEXT, Prompt, text_of_calls, tokens_of, tokens_of_tools
from bot.text import Words
from bot.toolbox import AT_ONCE_MAX, TOO_MANY, Kit, Toolbox, Used
from bot.turns import Turn, unbroken
from quota.clock import Clock
from quota.errors import StoreUnavailableError
from quota.ledger import Purpose
from quota.verdicts import Refused, Seen

_log = logging.getLogger(__name__)

# Slack takes five messages in answer to a command, the last of which is the answer.
REMARKS_MAX = 3


class _Way(NamedTuple):
    """What all steps of a turn have in common."""

    turn: Turn
    chosen: Chosen
    reply: ReplyStream
    show: Callable[[str], Awaitable[None]]
    words: Words


class Steps:
    """Takes the steps of turns."""

    def __init__(
        self, calling: Calling, toolbox: Toolbox, counter: TokenCounter, clock: Clock
    ) -> None:
        """Nothing is known yet of models that cannot use tools."""
        self.toolbox = toolbox
        self._calling = calling
        self._counter = counter
        self._clock = clock
        self._toolless: set[str] = set()

    async def equip(self, turn: Turn, chosen: Chosen, prompt: Prompt, words: Words) -> Prompt:
        """Offer with a prompt what its asker may use, at its cost in tokens."""
        model, turn.walk.kit = chosen.model, Kit()
        if not model.tools or model.key in self._toolless or self.toolbox.steps_max == 1:
            return prompt.without_steps()
        turn.walk.kit = await self.toolbox.kit(turn.ask.requester)
        turn.notes += [text_tools.missing(words, key) for key in turn.walk.kit.missing]
        if not turn.walk.kit.tools:
            return prompt.without_steps()
        tokens = await tokens_of_tools(self._counter, model.name, turn.walk.kit.tools)
        tokens += await tokens_of(self._counter, model.name, OUTSIDE_TEXT)
        warned = prompt.under(OUTSIDE_TEXT)
        return warned.grown(tokens, self._calling.prompts, model.name, tools=turn.walk.kit.tools)

    async def take(
        self, turn: Turn, chosen: Chosen, prompt: Prompt, reply: ReplyStream, words: Words
    ) -> Refused | Seen | None:
        """Call after call, until the last one is made; a verdict where there was not even one.

        What ended it before its own end is told by `turn.walk.cut`.
        """
        way = _Way(turn, chosen, reply, unbroken(reply.update), words)
        bare = prompt.without_tools()
        for left in reversed(range(self.toolbox.steps_max)):
            call = await self._reserved(way, prompt)
            if not isinstance(call, Call):
                return call
            await self._made(way, call, is_last=left == 0)
            if _refuses_tools(call) and left:
                # Perhaps this model's server knows no tools: without them it shows.
                call = await self._reserved(way, bare)
                if not isinstance(call, Call):
                    return call
                await self._made(way, call, is_last=True)
                self._learn_toolless(call)
                return None
            if not call.received.calls or not prompt.tools:
                return None
            if left == 0:
                turn.walk.cut = "steps"
                return None
            if call.done is None:
                # The books do not hold this one yet: no further call.
                turn.walk.cut = Refused("store_unavailable")
                return None
            prompt = await self._with_results(way, call, prompt)
            if self._clock.now() >= turn.walk.ends_at:
                turn.walk.cut = "late"
                return None
        raise AssertionError("the last step returns")

    async def _reserved(self, way: _Way, prompt: Prompt) -> Call | Refused | Seen | None:
        """Set the next step aside; None where there were some before, and this is their end."""
        turn, model = way.turn, way.chosen.model

        async def on_wait() -> None:
            await unbroken(way.reply.note)(way.words.waiting())

        purpose: Purpose = "tools" if turn.walk.trail else "answer"
        now = self._clock.now()
        asked = turn.request(model.terms, prompt.expected, way.chosen.output_max, now, purpose)
        turn.asked = asked
        try:
            verdict = await self._calling.reserve(asked, model, prompt, on_wait)
        except StoreUnavailableError:
            if not turn.calls:
                raise
            verdict = Refused("store_unavailable")
        if isinstance(verdict, Call):
            turn.calls.append(verdict)
            turn.walk.ends_at = turn.walk.ends_at or self._clock.now() + model.deadline_ms
        elif turn.calls:
            assert isinstance(verdict, Refused), "only the first call can have been seen before"
            turn.walk.cut = verdict
            return None
        return verdict

    async def _made(self, way: _Way, call: Call, *, is_last: bool) -> None:
        """Make one call and settle it, also when cancelled at any moment."""
        is_apart = not text_of(way.turn.calls[:-1])

        async def show(delta: str) -> None:
            nonlocal is_apart
            await way.show(delta if is_apart else CALLS_APART + delta)
            is_apart = True

        left_ms = way.turn.walk.ends_at - self._clock.now()
        async with self._calling.paid(call):
            try:
                if call.granted.shrunk:
                    clamped = way.words.clamped(call.granted.output_cap, call.granted.limit)
                    await unbroken(way.reply.note)(clamped)
                await self._calling.make(call, show, left_ms, may_use_tools=not is_last)
            finally:
                goes_on = (call.received.calls and call.prompt.tools) or _refuses_tools(call)
                if is_last or not goes_on:
                    way.turn.settling = True
                    way.reply.ending()

    async def _with_results(self, way: _Way, call: Call, prompt: Prompt) -> Prompt:
        """Use the tools that a step asked for, all at the same time; the prompt of the next one."""
        turn, wanted, words = way.turn, call.received.calls, way.words
        await self._told(way, wanted)
        left_ms = way.turn.walk.ends_at - self._clock.now()
        first = wanted[:AT_ONCE_MAX]
        used = await asyncio.gather(*(self.toolbox.use(turn.walk.kit, c, left_ms) for c in first))
        used += [Used(TOO_MANY)] * (len(wanted) - len(first))
        cut = (c.name for c, result in zip(wanted, used, strict=True) if result.cut)
        told = [text_tools.cut(words, name) for name in dict.fromkeys(cut)]
        turn.notes += [note for note in told if note not in turn.notes]
        step = _step(call.received.text, wanted, used)
        turn.walk.trail += step
        texts = [text_of_calls(wanted), *(message.content for message in step)]
        name = call.model.name
        tokens = sum([await tokens_of(self._counter, name, text) for text in texts])
        turn.walk.tokens += tokens
        return prompt.grown(tokens, self._calling.prompts, name, messages=step)

    async def _told(self, way: _Way, wanted: Sequence[ToolCall]) -> None:
        """Tell which tools are used, each once in a turn; some platforms take few remarks."""
        turn = way.turn
        known = {tool.name for tool in turn.walk.kit.tools} - turn.walk.told
        names = list(dict.fromkeys(each.name for each in wanted if each.name in known))
        if names and turn.walk.remarks < REMARKS_MAX:
            turn.walk.told |= set(names)
            turn.walk.remarks += 1
            await unbroken(way.reply.note)(text_tools.uses(way.words, names))

    def _learn_toolless(self, call: Call) -> None:
        if call.received.began:
            self._toolless.add(call.model.key)
            _log.warning(
                "the server of %s refuses tools, so they are not offered to it any more; "
                "write tools = false in [models.%s]",
                call.model.name,
                call.model.key,
            )


def _refuses_tools(call: Call) -> bool:
    """Whether a request with tools was turned down before any work."""
    trouble = call.received.trouble
    is_first = all(message.role != "tool" for message in call.prompt.messages)
    return (
        bool(call.prompt.tools)
        and is_first
        and not call.received.began
        and trouble is not None
        and trouble.trouble == "rejected"
    )


def _step(text: str, wanted: Sequence[ToolCall], used: Sequence[Used]) -> list[Message]:
    """What a model said and asked for, and what it got."""
    asked = Message("assistant", text, calls=tuple(wanted))
    pairs = zip(wanted, used, strict=True)
    return [asked, *(Message("tool", result.text, answers=call.id) for call, result in pairs)]
