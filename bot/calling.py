"""One call of a model: tried, metered, charged, settled; and what is learned from it."""

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from bot.meter import Meter, Received
from bot.models import Model
from bot.outcome import Charge, charge_for
from bot.ports import ModelCall, TokenCounter
from bot.prompt import Calibration, Prompt
from bot.turns import TRIES_MAX, wait_before_retry
from quota.clock import Clock, pause
from quota.errors import StoreUnavailableError
from quota.quotas import Quotas, Reservation
from quota.verdicts import Granted, Settlement

_log = logging.getLogger(__name__)


class Calling:
    """Calls models and charges what came."""

    def __init__(self, quotas: Quotas, counter: TokenCounter, clock: Clock) -> None:
        """Nothing is known yet of how providers count."""
        self.prompts = Calibration()
        self._answers = Calibration()
        self._quotas = quotas
        self._counter = counter
        self._clock = clock

    def meter(
        self, model: Model, reservation: Reservation, show: Callable[[str], Awaitable[None]]
    ) -> Meter:
        """What watches one call."""
        return Meter(
            model,
            self._counter,
            self._clock,
            show,
            self._progress_of(reservation),
            self._quotas.rules.progress_step,
        )

    async def tried(
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
                        await self._quotas.note_attempt(reservation, str(received.trouble))
                    await pause(self._clock, wait_ms)
        except TimeoutError:
            received.ending = "late"

    async def charge(
        self, received: Received, model: Model, prompt: Prompt, granted: Granted
    ) -> tuple[Charge, int]:
        """What was really used, and our own count of the text; the estimates learn from it."""
        text_tokens = await self.count(model, received.text)
        counted = text_tokens + await self.count(model, "".join(received.reasoning))
        output = self._answers.likely(model.name, counted)
        charge = charge_for(received, prompt.likely, output, granted, model)
        if received.bad_usage:
            _log.warning("%s reported a usage that cannot be true", model.key)
        if charge.usage is not None and charge.source == "provider":
            hidden = 0 if received.reasoning else charge.usage.reasoning
            if not prompt.has_images:
                self.prompts.learn(model.name, prompt.counted, charge.usage.input)
            self._answers.learn(model.name, counted, charge.usage.output - hidden)
        return charge, text_tokens

    async def settled(self, reservation: Reservation, charge: Charge) -> Settlement:
        """Take the charge, or give everything back where there is none."""
        if charge.usage is None:
            return await self._quotas.release(reservation, charge.note)
        done = await self._quotas.settle(reservation, charge.usage, charge.source, charge.note)
        if done.house_tokens or done.house_credits:
            _log.warning(
                "overrun: %s took %d tokens beyond the hold %d",
                reservation.terms.key,
                done.house_tokens,
                reservation.granted.hold_id,
            )
        return done

    async def count(self, model: Model, text: str) -> int:
        """Our own count of a text."""
        return (await self._counter.count(model.name, text)).tokens if text else 0

    def _progress_of(self, reservation: Reservation) -> Callable[[int], Awaitable[None]]:
        async def note(output_tokens: int) -> None:
            # The hold covers the answer; a store in trouble must not stop what is paid for.
            with suppress(StoreUnavailableError):
                await self._quotas.progress(reservation, output_tokens)

        return note
