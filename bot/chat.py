"""The one path that every message takes: from ask to its one end.

lanes -> prompt -> reserve -> call and meter -> settle -> end. Whatever happens on the way, the
hold is settled or released, and the reply is finished once.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from hashlib import sha256

from bot.lanes import LaneFullError, Lanes
from bot.messages import Answer, Ask, Duplicate, End, Failure, Refusal
from bot.meter import Meter, Received
from bot.models import Model, Models
from bot.outcome import (
    Charge,
    answer_of,
    charge_for,
    ended_how,
    failure_of,
    reference,
    seen_before,
)
from bot.ports import Message, ModelCall, ReplyStream, TokenCounter
from bot.prompt import (
    TOKENS_PER_MESSAGE,
    Calibration,
    Conversations,
    Prompt,
    Said,
    build,
    history_room,
    size_of,
)
from bot.text import Words
from bot.turns import TRIES_MAX, ChatSettings, Turn, unbroken, wait_before_retry
from quota.clock import Clock, pause
from quota.errors import StoreUnavailableError
from quota.quotas import CallRequest, Quotas, Reservation
from quota.units import Usage
from quota.verdicts import Balance, Granted, Refused, Seen, Settlement
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
    ) -> None:
        """Answer with these models under these quotas."""
        self.quotas = quotas
        self.models = models
        self.settings = settings
        self.conversations = Conversations()
        self._counter = counter
        self._clock = clock
        self._prompts = Calibration()
        self._answers = Calibration()
        self._lanes = Lanes(settings.queue_max)
        self._turns: dict[str, Turn] = {}
        self._idle = asyncio.Event()
        self._idle.set()
        self._closing = False

    def reload(self, models: Models, settings: ChatSettings) -> None:
        """Take over new models and settings; running turns keep theirs."""
        self.models = models
        self.settings = settings
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
        turn = Turn(ask, self._clock.now())
        self._turns[ask.event] = turn
        self._idle.clear()
        try:
            turn.start(self._answered(turn, reply, words))
            end = await self._finished(turn, words)
        finally:
            del self._turns[ask.event]
            if not self._turns:
                self._idle.set()
        await reply.finish(end)

    def stop(self, event: str) -> bool:
        """Stop the turn of this event; False when it does not run."""
        turn = self._turns.get(event)
        return turn is not None and turn.stop()

    def stop_member(self, wallet: str) -> int:
        """Stop every turn of a member; how many there were."""
        mine = [t for t in self._turns.values() if t.ask.requester.member.wallet == wallet]
        return sum(turn.stop() for turn in mine)

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
            refused = Refused("store_unavailable")
            return Refusal(refused, words.refusal(refused))
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
        model = self.models.find(ask.model)
        if model is None:
            text = words.unknown_model(ask.model, self.models.names)
            return await self._turned_away(ask, Failure("bad_input", text), words)
        size = size_of(ask)
        if size > self.settings.input_chars_max:
            most = self.settings.input_chars_max
            refused = Refused("too_large", needed=size, left=most, note="input_chars_max")
            return await self._turned_away(
                ask, Refusal(refused, words.input_too_long(size, most)), words
            )

        async def on_queue() -> None:
            await unbroken(reply.note)(words.queued())

        try:
            async with self._lanes.turn(ask.requester.member, on_queue):
                return await self._reserved(turn, model, reply, words)
        except LaneFullError:
            refused = Refused("busy")
            return await self._turned_away(ask, Refusal(refused, words.refusal(refused)), words)

    async def _turned_away(self, ask: Ask, end: End, words: Words) -> End:
        """Refused before the books were asked; they remember the event all the same."""
        seen = await self.quotas.refuse(ask.event, ask.digest)
        return seen_before(seen, words) if seen is not None else end

    async def _reserved(self, turn: Turn, model: Model, reply: ReplyStream, words: Words) -> End:
        """Build the prompt, set aside what it may cost, and answer if that was granted."""
        ask = turn.ask
        prompt = await self._prompt(turn, model)
        request = CallRequest(
            ask.requester,
            model.terms,
            prompt.expected,
            model.output_max,
            ask.event,
            ask.digest,
            turn.arrived_at,
        )

        async def on_wait() -> None:
            await unbroken(reply.note)(words.waiting())

        verdict = await self.quotas.reserve(request, on_wait)
        if isinstance(verdict, Seen):
            return seen_before(verdict, words)
        if isinstance(verdict, Refused):
            note = self.quotas.governing.note(ask.requester.member.space.key)
            return Refusal(verdict, words.refusal(verdict, note or self.settings.note))
        return await self._called(turn, model, prompt, verdict, reply, words)

    async def _prompt(self, turn: Turn, model: Model) -> Prompt:
        ask = turn.ask
        history = self.conversations.of(ask.conversation, self._clock.now())
        room = 0
        if history:
            balances = await self.quotas.balances(ask.requester, model.terms)
            room = history_room(balances, model.terms.rates)
        return await build(
            ask,
            history,
            self.settings.system_prompt,
            room,
            self._counter,
            self._prompts,
            model.name,
        )

    async def _called(
        self,
        turn: Turn,
        model: Model,
        prompt: Prompt,
        reservation: Reservation,
        reply: ReplyStream,
        words: Words,
    ) -> End:
        """Call the model and settle, also when cancelled at any moment."""
        received = turn.received
        meter = Meter(
            model,
            self._counter,
            self._clock,
            unbroken(reply.update),
            self._progress_of(reservation),
            self.quotas.rules.progress_step,
        )
        wallet = turn.ask.requester.member.wallet
        member_hash = sha256(wallet.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        call = ModelCall(model.name, prompt.messages, reservation.granted.output_cap, member_hash)
        cancelled: asyncio.CancelledError | None = None
        granted = reservation.granted
        try:
            if granted.shrunk:
                await unbroken(reply.note)(words.clamped(granted.output_cap, granted.limit))
            await self._tried(meter, call, received, reservation)
        except asyncio.CancelledError as error:
            cancelled = error
        except BaseException:
            # A mistake of ours: what came is charged before it is told.
            await whole(self._ended(turn, model, prompt, reservation, words))
            raise
        turn.settling = True
        task = asyncio.current_task()
        if cancelled is not None and turn.stopped and task is not None:
            # Stopped by the member: from here on this is an ordinary end.
            task.uncancel()
            cancelled = None
        end = await whole(self._ended(turn, model, prompt, reservation, words))
        if cancelled is not None:
            raise cancelled
        return end

    async def _tried(
        self, meter: Meter, call: ModelCall, received: Received, reservation: Reservation
    ) -> None:
        """Call, and again after a refusal that cost nothing; each failed try is in the ledger."""
        try:
            async with self._clock.timeout(meter.model.deadline_ms):
                for attempt in range(TRIES_MAX):
                    await meter.run(call, received)
                    wait_ms = wait_before_retry(received.trouble, attempt)
                    if wait_ms is None:
                        return
                    with suppress(StoreUnavailableError):
                        await self.quotas.note_attempt(reservation, str(received.trouble))
                    await pause(self._clock, wait_ms)
        except TimeoutError:
            received.ending = "late"

    async def _charge(
        self, turn: Turn, model: Model, prompt: Prompt, granted: Granted
    ) -> tuple[Charge, int]:
        """What was really used, and our own count of the text; the estimates learn from it."""
        received = turn.received
        text_tokens = await self._count(model, received.text)
        counted = text_tokens + await self._count(model, "".join(received.reasoning))
        output = self._answers.likely(model.name, counted)
        charge = charge_for(received, prompt.likely, output, granted, model)
        if received.bad_usage:
            _log.warning("%s reported a usage that cannot be true", model.key)
        if charge.usage is not None and charge.source == "provider":
            hidden = 0 if received.reasoning else charge.usage.reasoning
            self._prompts.learn(model.name, prompt.counted, charge.usage.input)
            self._answers.learn(model.name, counted, charge.usage.output - hidden)
        return charge, text_tokens

    async def _settled(self, reservation: Reservation, charge: Charge) -> Settlement:
        """Take the charge, or give everything back where there is none."""
        if charge.usage is None:
            return await self.quotas.release(reservation, charge.note)
        done = await self.quotas.settle(reservation, charge.usage, charge.source, charge.note)
        if done.house_tokens or done.house_credits:
            _log.warning(
                "overrun: %s took %d tokens beyond the hold %d",
                reservation.terms.key,
                done.house_tokens,
                reservation.granted.hold_id,
            )
        return done

    async def _ended(
        self,
        turn: Turn,
        model: Model,
        prompt: Prompt,
        reservation: Reservation,
        words: Words,
    ) -> End:
        """Settle, remember what was said, and tell how it ended."""
        received, granted = turn.received, reservation.granted
        charge, text_tokens = await self._charge(turn, model, prompt, granted)
        try:
            done: Settlement | None = await self._settled(reservation, charge)
        except StoreUnavailableError:
            # The hold stays until the settlement lands; the answer is the member's already.
            _log.exception("settlement of hold %d waits for the store", granted.hold_id)
            done = None
        if received.text:
            said = Said(Message("assistant", received.text), text_tokens + TOKENS_PER_MESSAGE)
            self.conversations.add(turn.ask.conversation, (prompt.asked, said), self._clock.now())
        finish = ended_how(received, granted, stopped=turn.stopped and not self._closing)
        if finish is None:
            if turn.stopped:
                return Failure("interrupted", words.interrupted())
            return failure_of(received, done, words)
        if done is not None and not done.balances:
            done = done._replace(balances=await self._balances(turn.ask, model))
        return answer_of(received, prompt, charge, granted, finish, done, words)

    async def _count(self, model: Model, text: str) -> int:
        return (await self._counter.count(model.name, text)).tokens if text else 0

    async def _balances(self, ask: Ask, model: Model) -> tuple[Balance, ...]:
        """For an end that came without any; none while the store is in trouble."""
        with suppress(StoreUnavailableError):
            return tuple(await self.quotas.balances(ask.requester, model.terms))
        return ()

    def _progress_of(self, reservation: Reservation) -> Callable[[int], Awaitable[None]]:
        async def note(output_tokens: int) -> None:
            # The hold covers the answer; a store in trouble must not stop what is paid for.
            with suppress(StoreUnavailableError):
                await self.quotas.progress(reservation, output_tokens)

        return note
