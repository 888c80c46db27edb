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
    charge_for,
    ended_how,
    failure_of,
    notes_on,
    reference,
    seen_before,
)
from bot.ports import Message, ModelCall, ReplyStream, TokenCounter
from bot.prompt import (
    Calibration,
    Conversations,
    Prompt,
    Said,
    build,
    full_text,
    history_room,
)
from bot.text import Words
from bot.turns import ChatSettings, Turn, unbroken
from quota.clock import Clock, pause
from quota.errors import StoreUnavailableError
from quota.quotas import CallRequest, Quotas, Reservation
from quota.units import Usage
from quota.verdicts import Refused, Seen, Settlement
from quota.waiting import whole

_log = logging.getLogger(__name__)

TRIES_MAX = 3
BACKOFF_MS = 500
RETRY_AFTER_MAX_MS = 10_000
_NO_TOKENS = Usage()


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
        self._calibration = Calibration()
        self._lanes = Lanes(settings.queue_max)
        self._turns: dict[str, Turn] = {}
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
        turn = Turn(ask, self._clock.now())
        self._turns[ask.event] = turn
        try:
            turn.work = asyncio.create_task(self._answered(turn, reply, words))
            end = await self._finished(turn, words)
        finally:
            del self._turns[ask.event]
        await reply.finish(end)

    def stop(self, event: str) -> bool:
        """Stop the turn of this event; False when it does not run."""
        turn = self._turns.get(event)
        if turn is None:
            return False
        turn.stop()
        return True

    def stop_member(self, wallet: str) -> int:
        """Stop every turn of a member; how many there were."""
        mine = [t for t in self._turns.values() if t.ask.requester.member.wallet == wallet]
        for turn in mine:
            turn.stop()
        return len(mine)

    @property
    def running(self) -> int:
        """How many asks are on their way."""
        return len(self._turns)

    async def close(self, deadline_ms: int) -> None:
        """Let running turns finish until the deadline, then stop and settle the rest."""
        self._closing = True
        with suppress(TimeoutError):
            async with self._clock.timeout(deadline_ms):
                await self._idle()
        for turn in list(self._turns.values()):
            turn.stop()
        await self._idle()

    async def _idle(self) -> None:
        while self._turns:
            work = [turn.work for turn in self._turns.values() if turn.work is not None]
            if work:
                await asyncio.wait(work)
            await asyncio.sleep(0)

    async def _finished(self, turn: Turn, words: Words) -> End:
        """The end of a turn's work; the work is waited for also when this is cancelled."""
        assert turn.work is not None, "the work was started by handle"
        try:
            return await asyncio.shield(turn.work)
        except asyncio.CancelledError:
            if not turn.work.done():
                turn.work.cancel()
                await whole(asyncio.wait((turn.work,)))
            if turn.stopped and turn.work.cancelled():
                return await self._stopped_early(turn)
            raise
        except StoreUnavailableError:
            refused = Refused("store_unavailable")
            return Refusal(refused, words.refusal(refused))
        except Exception:  # whatever broke inside, the member gets one truthful end
            ref = reference()
            _log.exception("turn failed ref=%s", ref)
            return Failure("internal", words.internal(ref))

    async def _stopped_early(self, turn: Turn) -> End:
        """Stopped before any call: nothing to charge, but the event must not be answered again."""
        with suppress(StoreUnavailableError):
            await self.quotas.refuse(turn.ask.event, turn.ask.digest)
        return Answer("", _NO_TOKENS, "counted", None, 0, (), (), "stopped")

    async def _answered(self, turn: Turn, reply: ReplyStream, words: Words) -> End:
        """Wait for the member's lane, then answer."""
        ask = turn.ask
        model = self.models.find(ask.model)
        if model is None:
            text = words.unknown_model(ask.model, self.models.names)
            return await self._turned_away(ask, Failure("bad_input", text), words)
        size = len(full_text(ask))
        if size > self.settings.input_chars_max:
            most = self.settings.input_chars_max
            refused = Refused("too_large", needed=size, left=most, note="input_chars_max")
            return await self._turned_away(
                ask, Refusal(refused, words.input_too_long(size, most)), words
            )

        async def on_queue() -> None:
            await reply.note(words.queued())

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
            await reply.note(words.waiting())

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
            room = history_room(await self.quotas.balances(ask.requester, model.terms))
        return await build(
            ask,
            history,
            self.settings.system_prompt,
            room,
            self._counter,
            self._calibration,
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
        try:
            await self._tried(meter, call, received, reservation)
        except asyncio.CancelledError as error:
            cancelled = error
        except BaseException:
            # A mistake of ours: what came is charged before it is told.
            await whole(self._settled(turn, model, prompt, reservation))
            raise
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
                    wait_ms = _wait_before_retry(received, attempt)
                    if wait_ms is None:
                        return
                    with suppress(StoreUnavailableError):
                        await self.quotas.note_attempt(reservation, str(received.trouble))
                    await pause(self._clock, wait_ms)
        except TimeoutError:
            received.ending = "late"

    async def _settled(
        self, turn: Turn, model: Model, prompt: Prompt, reservation: Reservation
    ) -> tuple[Charge, Settlement]:
        """Charge what was really used, or give everything back when nothing was."""
        received = turn.received
        text = received.text + "".join(received.reasoning)
        counted = (await self._counter.count(model.name, text)).tokens if text else 0
        output = self._calibration.expected(f"{model.name} output", counted)
        charge = charge_for(received, prompt.expected, output, reservation.granted, model)
        if charge.usage is None:
            return charge, await self.quotas.release(reservation, charge.note)
        if charge.source == "provider":
            self._calibration.learn(model.name, prompt.counted, charge.usage.input)
            self._calibration.learn(f"{model.name} output", counted, charge.usage.output)
        done = await self.quotas.settle(reservation, charge.usage, charge.source, charge.note)
        if done.house_tokens:
            _log.warning(
                "overrun: %s took %d tokens beyond the hold %d",
                model.key,
                done.house_tokens,
                reservation.granted.hold_id,
            )
        return charge, done

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
        trouble_with_books = False
        try:
            charge, done = await self._settled(turn, model, prompt, reservation)
        except StoreUnavailableError:
            # The hold stays until the settlement lands; the answer is the member's already.
            _log.exception("settlement of hold %d waits for the store", granted.hold_id)
            trouble_with_books = True
            charge = charge_for(received, prompt.expected, 0, granted, model)
            done = Settlement("settle", 0, 0, None, 0)
        finish = ended_how(received, granted, stopped=turn.stopped and not self._closing)
        if finish is None:
            if turn.stopped:
                return Failure("interrupted", words.interrupted())
            return failure_of(received, done, words)
        text = received.text
        usage = charge.usage or _NO_TOKENS
        if text:
            self._remember(turn.ask, prompt, text, usage.output)
        notes = notes_on(words, prompt, received, finish, done, granted)
        if trouble_with_books:
            notes = (*notes, words.undelivered_books())
        return Answer(
            text,
            usage,
            charge.source,
            done.credits,
            done.tokens,
            done.balances,
            done.notices,
            finish,
            words.footer(done, done.tokens, counted=charge.source == "counted"),
            (*notes, *(words.notice(notice) for notice in done.notices[-1:])),
        )

    def _remember(self, ask: Ask, prompt: Prompt, text: str, output_tokens: int) -> None:
        said = (prompt.asked, Said(Message("assistant", text), output_tokens))
        self.conversations.add(ask.conversation, said, self._clock.now())

    def _progress_of(self, reservation: Reservation) -> Callable[[int], Awaitable[None]]:
        async def note(output_tokens: int) -> None:
            # The hold covers the answer; a store in trouble must not stop what is paid for.
            with suppress(StoreUnavailableError):
                await self.quotas.progress(reservation, output_tokens)

        return note


def _wait_before_retry(received: Received, attempt: int) -> int | None:
    """Milliseconds to wait before the next try, None: this was the last one.

    Only what was refused before any work is tried again; whatever may have been billed is not.
    """
    trouble = received.trouble
    if trouble is None or trouble.trouble not in {"unreachable", "overloaded"}:
        return None
    backoff_ms = BACKOFF_MS << attempt
    wait_ms = backoff_ms if trouble.retry_after_ms is None else trouble.retry_after_ms
    return None if attempt == TRIES_MAX - 1 or wait_ms > RETRY_AFTER_MAX_MS else wait_ms
