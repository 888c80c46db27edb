"""The one way to call a model: set aside, call and meter, charge, settle; and learn from it.

Answers, their steps between tools, summaries and titles all go through here, each call with a
hold of its own.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from hashlib import sha256

from bot.meter import Meter
from bot.models import Model
from bot.outcome import Call, Charge, charge_for
from bot.ports import ModelCall, TokenCounter
from bot.prompt import Calibration, Prompt
from bot.turns import TRIES_MAX, wait_before_retry
from quota.calls import CallRequest, Reservation
from quota.clock import Clock, pause
from quota.errors import StoreUnavailableError
from quota.ledger import PARTIAL
from quota.members import Space
from quota.quotas import Quotas
from quota.verdicts import Refused, Seen, Settlement
from quota.waiting import whole

_log = logging.getLogger(__name__)


async def unseen(_delta: str) -> None:
    """Show nothing: what a call writes is for the bot alone."""


class Calling:
    """Calls models and charges what came."""

    def __init__(self, quotas: Quotas, counter: TokenCounter, clock: Clock) -> None:
        """Nothing is known yet of how providers count."""
        self.prompts = Calibration()
        self.on_absurd: list[Callable[[Space, str], None]] = []
        self._answers = Calibration()
        self._quotas = quotas
        self._counter = counter
        self._clock = clock

    async def reserve(
        self,
        request: CallRequest,
        model: Model,
        prompt: Prompt,
        on_wait: Callable[[], Awaitable[None]] | None = None,
    ) -> Call | Refused | Seen:
        """Set aside what a call may take at most; what was granted must be `paid`."""
        verdict = await self._quotas.reserve(request, on_wait)
        return Call(model, prompt, verdict) if isinstance(verdict, Reservation) else verdict

    @asynccontextmanager
    async def paid(self, call: Call) -> AsyncIterator[None]:
        """Make the call inside: however that ends, what came of it is charged on the way out.

        Cancelled at any moment, it charges first. `call.done` stays None where the store is in
        trouble: the hold stays then until the settlement lands.
        """
        try:
            yield
        finally:
            await whole(self._settle(call))

    async def make(
        self,
        call: Call,
        show: Callable[[str], Awaitable[None]] = unseen,
        within_ms: int | None = None,
        *,
        may_use_tools: bool = True,
    ) -> None:
        """Fill `call.received`: call, and again after a refusal that cost nothing.

        Each failed try is in the ledger. Only inside `paid`; `within_ms` shortens its deadline.
        """
        reservation, received = call.reservation, call.received
        step, note = self._quotas.rules.progress_step, self._progress_of(reservation)
        meter = Meter(call.model, self._counter, self._clock, show, note, step)
        wallet = reservation.requester.member.wallet
        member_hash = sha256(wallet.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        cap = call.granted.output_cap
        prompt, deadline_ms = call.prompt, call.model.deadline_ms
        deadline_ms = deadline_ms if within_ms is None else min(deadline_ms, within_ms)
        tools = (prompt.tools, may_use_tools)
        asked = ModelCall(call.model.name, prompt.messages, cap, member_hash, *tools)
        try:
            async with self._clock.timeout(deadline_ms):
                for attempt in range(TRIES_MAX):
                    await meter.run(asked, received)
                    wait_ms = wait_before_retry(received.trouble, attempt)
                    if wait_ms is None:
                        return
                    with suppress(StoreUnavailableError):
                        await self._quotas.note_attempt(reservation, str(received.trouble))
                    await pause(self._clock, wait_ms)
        except TimeoutError:
            received.ending = "late"

    async def _settle(self, call: Call) -> None:
        """Charge what was really used, or give everything back where there is none."""
        call.charge = charge = await self._charge(call)
        try:
            call.done = await self._settled(call, charge)
        except StoreUnavailableError:
            hold = call.granted.hold_id
            _log.exception("settlement of hold %d waits for the store", hold)

    async def _charge(self, call: Call) -> Charge:
        """What was really used, beside our own count of the text; the estimates learn from it."""
        received, model, prompt = call.received, call.model, call.prompt
        call.text_tokens = await self._count(model, received.text)
        counted = call.text_tokens + await self._count(model, received.unseen)
        # The syntax around calls of tools is another than that around text.
        learned_as = f"{model.name} with tools" if received.tools else model.name
        output = self._answers.likely(learned_as, counted)
        charge = charge_for(received, prompt.likely, output, call.granted, model)
        if received.bad_usage or received.bad_cost:
            what = "a usage" if received.bad_usage else "a cost"
            _log.warning("%s reported %s that cannot be true", model.key, what)
            for hear in self.on_absurd:
                hear(call.reservation.requester.member.space, model.key)
        if charge.usage is not None and charge.source == "provider":
            hidden = 0 if received.reasoning else charge.usage.reasoning
            if not prompt.has_images:
                self.prompts.learn(
                    prompt.learned_as(model.name), prompt.counted, charge.usage.input
                )
            self._answers.learn(learned_as, counted, charge.usage.output - hidden)
        return charge

    async def _settled(self, call: Call, charge: Charge) -> Settlement:
        reservation, received = call.reservation, call.received
        if charge.usage is None:
            return await self._quotas.release(reservation, charge.note)
        # A provider whose count is not believed is not believed in what it took either.
        cost = received.cost if charge.source == "provider" else None
        served = call.model.pricing.said(call.model.name, received.served, cost)
        note = charge.note
        if received.finished is None:
            note = f"{PARTIAL}, {note}" if note else PARTIAL
        used = (charge.usage, charge.source, note, served)
        done = await self._quotas.settle(reservation, *used)
        if done.house_tokens or done.house_credits:
            _log.warning(
                "overrun: %s took %d tokens beyond the hold %d",
                reservation.terms.key,
                done.house_tokens,
                reservation.granted.hold_id,
            )
        return done

    async def _count(self, model: Model, text: str) -> int:
        return (await self._counter.count(model.name, text)).tokens if text else 0

    def _progress_of(self, reservation: Reservation) -> Callable[[int], Awaitable[None]]:
        async def note(output_tokens: int) -> None:
            # The hold covers the answer; a store in trouble must not stop what is paid for.
            with suppress(StoreUnavailableError):
                await self._quotas.progress(reservation, output_tokens)

        return note
