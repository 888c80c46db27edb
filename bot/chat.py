"""The one path that every message takes: from ask to its one end.

lanes -> prompt -> reserve -> call and meter -> settle -> end. Whatever happens on the way, the
hold is settled or released, and the reply is finished once.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from bot import endings
from bot.calling import Calling
from bot.choosing import Choosing, Chosen, NotAllowed, UnknownModel
from bot.habits import Took
from bot.lanes import LaneFullError, Lanes
from bot.leads import Leads
from bot.messages import Answer, Ask, Duplicate, End, Failure, Refusal, Utterance
from bot.models import Model, Models
from bot.outcome import (
    answer_of,
    ended_how,
    failure_of,
    reference,
    seen_before,
    sum_of,
    text_of,
)
from bot.panels import Action
from bot.ports import DocumentReader, Message, ReplyStream, TokenCounter
from bot.preparing import Preparing, Ready
from bot.prompt import (
    TOKENS_PER_MESSAGE,
    full_text,
    label_of,
    size_of,
    tokens_of,
)
from bot.reminders import Reminders
from bot.settings import Settings
from bot.steps import Steps
from bot.talks import Said, Talks
from bot.text import Words
from bot.titles import Titles
from bot.toolbox import Toolbox
from bot.turns import ChatSettings, Turn, tell, unbroken
from quota.calls import CallRequest
from quota.clock import Clock
from quota.errors import StoreUnavailableError
from quota.members import Requester, Space
from quota.quotas import Quotas
from quota.units import Usage
from quota.verdicts import Balance, Refused, Seen
from quota.waiting import whole

_log = logging.getLogger(__name__)


class ChatHandler:
    """Answers asks, many at once, each exactly once."""

    def __init__(
        self,
        quotas: Quotas,
        models: Models,
        counter: TokenCounter,
        clock: Clock,
        settings: ChatSettings,
        reader: DocumentReader | None = None,
        toolbox: Toolbox | None = None,
    ) -> None:
        """Answer with these models under these quotas; `reader` takes the text out of files."""
        self.quotas = quotas
        self.models = models
        self.settings = settings
        self.talks = Talks()
        self._chosen = Settings(quotas.governing)
        self.reminders = Reminders(quotas, self._chosen)
        self._counter = counter
        self._clock = clock
        self._calling = Calling(quotas, counter, clock)
        self.steps = Steps(self._calling, toolbox or Toolbox(None, clock), counter, clock)
        self.choosing = Choosing(models, settings, self._chosen)
        chosen, calling, steps = self._chosen, self._calling, self.steps
        self.preparing = Preparing(
            quotas, self.talks, chosen, calling, steps, counter, clock, reader
        )
        self.sending = self.preparing.sending
        self._titles = Titles(quotas, calling, counter, clock)
        self._lanes = Lanes(settings.queue_max)
        self._turns: dict[str, Turn] = {}
        self._under_way: dict[asyncio.Event, str] = {}
        self._idle = asyncio.Event()
        self._idle.set()
        self._closing = False
        self.on_end: list[Callable[[Ask, End], None]] = []
        self.on_absurd = self._calling.on_absurd
        self.leads = Leads(quotas, clock)

    def reload(self, models: Models, settings: ChatSettings) -> None:
        """Take over new models and settings; running turns keep theirs."""
        self.models = models
        self.settings = settings
        self.choosing = Choosing(models, settings, self._chosen)
        self._lanes.queue_max = settings.queue_max

    async def handle(self, ask: Ask, reply: ReplyStream, words: Words) -> None:
        """Answer one ask: any number of updates, then exactly one end, after its settlement.

        A second delivery of the same event is only told that it is one. Cancelled, it settles
        what was received and leaves nothing held.
        """
        running = self._turns.get(ask.event)
        if running is not None:
            same = running.ask.digest == ask.digest
            await reply.finish(Duplicate() if same else Failure("id_reused", words.id_reused()))
            return
        if self._closing:
            await reply.finish(Failure("interrupted", words.closing()))
            return
        over = asyncio.Event()
        self._under_way[over] = ask.requester.member.wallet
        try:
            await self._carry_out(Turn(ask, self._clock.now()), reply, words)
        finally:
            del self._under_way[over]
            over.set()

    async def _carry_out(self, turn: Turn, reply: ReplyStream, words: Words) -> None:
        ask = turn.ask
        self._turns[ask.event] = turn
        self._idle.clear()
        try:
            turn.start(self._answered(turn, reply, words))
            end = await self._finished(turn, words)
        finally:
            del self._turns[ask.event]
            if not self._turns:
                self._idle.set()
        async with self.leads.ending(ask, reply):
            try:
                await reply.finish(end)
            finally:
                # What could be shown can be asked about, also where the rest could not.
                self._remember(turn, end, reply.messages)
        tell(self.on_end, ask, end)
        if isinstance(end, Answer):
            self._titles.begin(turn, end, self.models, self.settings.side)

    def _remember(self, turn: Turn, end: End, messages: Sequence[str]) -> None:
        """Which messages carry the answer, or what stands in its place: they can be asked about."""
        if not messages or isinstance(end, Duplicate):
            return
        ask, now = turn.ready or turn.ask, self._clock.now()
        if turn.node is None:
            place = turn.recalled.place if turn.recalled else self.talks.place(ask, now)
            message = Message("user", full_text(ask), ask.images)
            asked = Said(message, 0, label_of(ask.author))
            turn.node = self.talks.unanswered(ask, asked, place, now)
        self.talks.shown(turn.node, ask.requester.member.space, messages)

    def stop(self, event: str) -> bool:
        """Stop the turn of this event; False when it does not run."""
        turn = self._turns.get(event)
        return turn is not None and turn.stop()

    def asker(self, event: str) -> Requester | None:
        """Who asked what is being answered; None where nothing is."""
        turn = self._turns.get(event)
        return turn.ask.requester if turn is not None else None

    def is_full(self, requester: Requester) -> bool:
        """Whether so many asks of a member wait that one more would be refused."""
        return self._lanes.is_full(requester.member)

    def stop_member(self, wallet: str) -> int:
        """Stop every turn of a member; how many there were."""
        mine = [t for t in self._turns.values() if t.ask.requester.member.wallet == wallet]
        return sum(turn.stop() for turn in mine)

    async def stopped(self, wallet: str, wait_ms: int) -> None:
        """Stop every turn of a member, and wait until the end of each is shown."""
        self.stop_member(wallet)
        with suppress(TimeoutError):
            async with self._clock.timeout(wait_ms):
                await asyncio.gather(*(o.wait() for o, w in self._under_way.items() if w == wallet))

    def stop_action(self, ask: Ask, words: Words) -> Action:
        """What stops an answer while it is written: for its asker, and for staff."""
        owner = ask.requester.member.id
        return Action("stop", words.stop_label(), ask.id, owner, "danger")

    def question(self, space: Space, message: str) -> Utterance | None:
        """What the answer in a message answered; None where that is not remembered any more."""
        return self.talks.question(space, message, self._clock.now())

    def forget(self, requester: Requester, thread: str = "", *, everywhere: bool = False) -> None:
        """Begin a conversation anew, or forget all that a member said and was answered."""
        self.talks.forget(Ask("", requester, "", thread=thread).conversation)
        if everywhere:
            self.talks.forget_member(requester.member.wallet)
            self.sending.forget(requester.member)

    @property
    def running(self) -> int:
        """How many asks are on their way."""
        return len(self._turns)

    async def close(self, deadline_ms: int) -> None:
        """Let running turns finish until the deadline, then stop and settle the rest."""
        self._closing = True
        with suppress(TimeoutError):
            async with self._clock.timeout(deadline_ms):
                await self._idle.wait()
        for turn in list(self._turns.values()):
            turn.stop()
        await self._idle.wait()
        await self._titles.close()

    async def _finished(self, turn: Turn, words: Words) -> End:
        """The end of a turn's work; the work is waited for also when this is cancelled."""
        work, task = turn.work, asyncio.current_task()
        assert work is not None, "the work was started by handle"
        assert task is not None, "a coroutine runs in a task"
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            if not work.done():
                work.cancel()
                await whole(asyncio.wait((work,)))
            own = self.quotas.withdrew(turn.ask.event)
            if turn.stopped and not task.cancelling():
                return await self._stopped_early(turn, words, known=own)
            raise
        except StoreUnavailableError:
            shut = Refused("store_unavailable")
            refusal = Refusal(shut, words.refusal(shut))
            return await endings.refused(refusal, turn.ask, None, self.choosing, self.quotas, words)
        except Exception:  # whatever broke inside, the member gets one truthful end
            ref = reference()
            _log.exception("turn failed ref=%s", ref)
            return Failure("internal", words.internal(ref))

    async def _stopped_early(self, turn: Turn, words: Words, *, known: bool) -> End:
        """Stopped before any call: nothing to charge, but the event must not be answered again.

        `known`: the books know the event already, from this very ask.
        """
        if self._closing:
            return Failure("interrupted", words.closing())
        with suppress(StoreUnavailableError):
            seen = None if known else await self.quotas.refuse(turn.ask.event, turn.ask.digest)
            if seen is not None:
                return seen_before(seen, words)
        model = self.models.find(turn.ask.model) or self.models.default
        credits_ = None if model.terms.rates is None else 0
        balances, notes = await self._balances(turn.ask, model), (words.stopped(0, 0),)
        return Answer("", Usage(), "counted", credits_, 0, balances, (), "stopped", "", notes)

    async def _answered(self, turn: Turn, reply: ReplyStream, words: Words) -> End:
        """Wait for the member's lane, then answer."""
        ask = turn.ask
        chosen = self.choosing.choose(ask, self._clock.now(), self.quotas.rules.zone)
        if not isinstance(chosen, Chosen):
            failure = Failure("bad_input", self._no_model(chosen, ask, words))
            return await self._turned_away(ask, failure, words)
        size = size_of(ask)
        if size > self.settings.input_chars_max:
            most = self.settings.input_chars_max
            refused = Refused("too_large", needed=size, left=most, note="input_chars_max")
            return await self._turned_away(
                ask, Refusal(refused, words.input_too_long(size, most)), words
            )

        async def on_queue() -> None:
            await unbroken(reply.note)(words.queued())

        if ask.waits:
            counted = await tokens_of(self._counter, chosen.model.name, full_text(ask))
            request = self._request(turn, chosen, counted)
            await self.sending.room_comes(request, unbroken(reply.note), words)
        try:
            async with self._lanes.turn(ask.requester.member, on_queue):
                return await self._reserved(turn, chosen, reply, words)
        except LaneFullError:
            busy = Refused("busy")
            refusal = Refusal(busy, words.refusal(busy))
            refusal = await endings.refused(refusal, ask, None, self.choosing, self.quotas, words)
            return await self._turned_away(ask, refusal, words)

    def _no_model(self, why: NotAllowed | UnknownModel, ask: Ask, words: Words) -> str:
        if isinstance(why, NotAllowed):
            return words.model_not_allowed(why.model, why.roles)
        usable = (m for m in self.models.all if self.choosing.may_use(ask.requester, m))
        return words.unknown_model(why.name, [model.key for model in usable])

    def _request(self, turn: Turn, chosen: Chosen, input_tokens: int) -> CallRequest:
        now = self._clock.now()
        return turn.request(chosen.model.terms, input_tokens, chosen.output_max, now)

    async def _turned_away(self, ask: Ask, end: End, words: Words) -> End:
        """Refused before the books were asked; they remember the event all the same."""
        seen = await self.quotas.refuse(ask.event, ask.digest)
        return seen_before(seen, words) if seen is not None else end

    async def _reserved(self, turn: Turn, chosen: Chosen, reply: ReplyStream, words: Words) -> End:
        """Answer, and tell how it ended."""
        try:
            verdict = await self._called(turn, chosen, reply, words)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not turn.made or not turn.stopped or task is None:
                raise
            # Stopped by the member: from here on this is an ordinary end.
            task.uncancel()
            if not turn.calls:
                return await self._unanswered(turn, words)
        else:
            if isinstance(verdict, Seen):
                return seen_before(verdict, words)
            if isinstance(verdict, Refusal):
                return await self._turned_away(turn.ask, verdict, words)
            if verdict is not None:
                return await self._refused(turn, chosen, verdict, words)
        turn.settling = True
        reply.ending()
        return await whole(self._ended(turn, words))

    async def _refused(self, turn: Turn, chosen: Chosen, verdict: Refused, words: Words) -> End:
        ask, request = turn.ask, turn.asked
        note = self.quotas.governing.note(ask.requester.member.space.key)
        text = words.refusal(verdict, note or self.settings.note)
        if verdict.reason == "too_large":
            human = await self.sending.in_questions(ask.requester, chosen.model.terms, words)
            text = words.joined(text, human) if human else text
        refusal = Refusal(verdict, text)
        await self.reminders.refused(ask.requester, verdict)
        return await endings.refused(refusal, ask, request, self.choosing, self.quotas, words)

    async def _called(
        self, turn: Turn, chosen: Chosen, reply: ReplyStream, words: Words
    ) -> Refused | Refusal | Seen | None:
        """Build the prompt, set aside what it may cost, and call if that was granted."""
        note, settings = unbroken(reply.note), self.settings
        ready = await self.preparing.ready(turn, chosen, self.choosing, settings, note, words)
        if not isinstance(ready, Ready):
            return ready
        return await self.steps.take(turn, *ready, reply, words)

    async def _unanswered(self, turn: Turn, words: Words) -> Answer:
        """Stopped before a word of an answer was asked for: what its summary took is charged."""
        total = sum_of(turn.made)
        done = total.done
        model = turn.made[-1].model
        balances = done.balances or await self._balances(turn.ask, model)
        notes = (words.stopped(done.tokens, total.returned),)
        charged = (done.credits, done.tokens, balances, done.notices)
        return Answer("", total.usage, total.source, *charged, "stopped", "", notes)

    async def _ended(self, turn: Turn, words: Words) -> End:
        """Remember what was said, and tell how it ended; all is settled."""
        calls = turn.calls
        model, prompt, text = calls[-1].model, calls[0].prompt, text_of(calls)
        finish = ended_how(calls, turn.walk.cut, stopped=turn.stopped and not self._closing)
        if (text or turn.walk.trail) and turn.recalled is not None:
            said, place = _said(turn, is_whole=finish == "stop"), turn.recalled.place
            turn.node = self.talks.add(turn.ask, prompt.asked, said, place, self._clock.now())
        total = sum_of(turn.made)
        took = Took(model.key, total.usage.input, total.usage.output)
        self.sending.estimates.habits.took(turn.ask.requester.member.wallet, took)
        if finish is None:
            if turn.stopped:
                return Failure("interrupted", words.interrupted())
            return failure_of(calls, total, words)
        if not total.late and not total.done.balances:
            balances = await self._balances(turn.ask, model)
            total = total._replace(done=total.done._replace(balances=balances))
        answer = answer_of(calls, total, finish, words, turn.walk.cut)
        answer = replace(answer, notes=(*turn.told, *turn.notes, *answer.notes))
        footer = self._chosen.member(turn.ask.requester.member).footer
        goes_on = bool(answer.text or turn.walk.trail)
        return endings.finished(answer, turn.ask, model, footer, words, goes_on=goes_on)

    async def _balances(self, ask: Ask, model: Model) -> tuple[Balance, ...]:
        """For an end that came without any; none while the store is in trouble."""
        with suppress(StoreUnavailableError):
            return tuple(await self.quotas.balances(ask.requester, model.terms))
        return ()


def _said(turn: Turn, *, is_whole: bool) -> Said:
    """What is remembered of an answer: where it was cut, also the steps, to go on from there."""
    if is_whole or not turn.walk.trail:
        tokens = sum(call.text_tokens for call in turn.calls) + TOKENS_PER_MESSAGE
        return Said(Message("assistant", text_of(turn.calls)), tokens)
    asked = sum(bool(message.calls) for message in turn.walk.trail)
    last = turn.calls[asked:]
    tokens = turn.walk.tokens + sum(call.text_tokens for call in last) + TOKENS_PER_MESSAGE
    return Said(Message("assistant", text_of(last)), tokens, steps=tuple(turn.walk.trail))
