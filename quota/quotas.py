"""Quotas: the only class that others call. It knows who may spend what, and keeps the books."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Literal

from quota.accounting import Estimate
from quota.calls import UNTOLD, CallRequest, Reservation, Served
from quota.ceilings import with_ceiling
from quota.clock import Clock
from quota.errors import StoreUnavailableError
from quota.governing import Governing
from quota.limits import Bound, Policy
from quota.members import Requester, Space
from quota.pooling import Pooling
from quota.prepaying import Prepaying
from quota.rules import HOLD_MS, SETTLE_MS, Rules, Terms
from quota.store import ReserveRequest, SettleRequest, Store
from quota.units import Unit, Usage
from quota.verdicts import Balance, Granted, Lapsed, Refused, Seen, Settlement, Waiting
from quota.waiting import Lines, Shut, Ticket, lines_of, whole

BOUNDS_KEPT = 10_000


class Quotas:
    """Reserve, call, settle; and everything that admins change about it."""

    def __init__(self, store: Store, clock: Clock, rules: Rules) -> None:
        """Work upon a store; `start` before the first call."""
        self.store = store
        self.clock = clock
        self.rules = rules
        self.governing = Governing(store, clock, self._changed)
        self.pooling = Pooling(store, clock, self._changed)
        self.prepaying = Prepaying(store, clock, self.policy, self._changed)
        self._lines = Lines()
        self.shut = Shut()
        self.after_settlement: list[Callable[[Requester, Terms, Settlement], None]] = []
        self.peopled: dict[str, int] = {}  # how many members platforms count, by space
        self._withdrawn: set[str] = set()
        self._policies: dict[str, Policy] = {}
        self._bounds: dict[tuple[Requester, tuple[str, ...]], tuple[Bound, ...]] = {}

    async def start(self) -> None:
        """Read the limits and switches that admins have set."""
        await self.governing.load(zone=self.rules.zone, week_start=self.rules.week_start)
        self._changed()

    async def reload(self, rules: Rules) -> None:
        """Take over new rules; what runs keeps its grant."""
        self.rules = rules
        await self.start()

    def policy(self, space: str) -> Policy:
        """The operator's policy in a space with the admins' limits in place of its own."""
        policy = self._policies.get(space)
        if policy is None:
            base = replace(self.rules.policy(space), on_platform=self.peopled.get(space))
            policy = self._policies[space] = base.overridden_by(self.governing.limits(space))
        return policy

    def policy_for(self, requester: Requester) -> Policy:
        """The same with the ceiling that the requester has set for themselves, if any."""
        policy = self.policy(requester.member.space.key)
        return with_ceiling(policy, self.governing, requester, self.rules)

    def bounds(self, requester: Requester, terms: Terms) -> tuple[Bound, ...]:
        """The limits that bind this requester for a model."""
        key = (requester, terms.names)
        bounds = self._bounds.get(key)
        if bounds is None:
            if len(self._bounds) >= BOUNDS_KEPT:
                self._bounds.clear()
            policy = self.policy_for(requester)
            bounds = self._bounds[key] = policy.binding(requester, terms.names)
        return bounds

    def fair_bounds(self) -> Sequence[tuple[Space, Bound]]:
        """The fair pools that somebody asked of lately, each once, with whose space that was in."""
        found: dict[str, tuple[Space, Bound]] = {}
        for (requester, _), bounds in self._bounds.items():
            for bound in bounds:
                if bound.limit.rule.fair is not None:
                    found.setdefault(bound.book, (requester.member.space, bound))
        return list(found.values())

    async def reserve(
        self, call: CallRequest, on_wait: Callable[[], Awaitable[None]] | None = None
    ) -> Reservation | Refused | Seen:
        """Set aside what a call may take at most, waiting for holds as long as the rules allow.

        Cancelled, it leaves nothing held. `on_wait` is called once if the ask has to wait.
        """
        bounds = self.bounds(call.requester, call.terms)
        now = self.clock.now()
        if closed := self._closed(call, bounds, now):
            return await self._seen(call, now) or closed
        request = self._request(call, bounds)
        behind = self._lines.busy(bound.book for bound in bounds if not bound.limit.rule.fair)
        verdict = await self._try(request._replace(final=False, behind=behind))
        if isinstance(verdict, Waiting):
            return await self._wait(call, request, on_wait)
        return self._reserved(call, request, verdict)

    async def progress(self, reservation: Reservation, output_tokens: int) -> None:
        """Note how far an answer has come."""
        hold_id = reservation.granted.hold_id
        await self.store.progress(hold_id, output_tokens, self.clock.now())

    async def note_attempt(self, reservation: Reservation, note: str) -> None:
        """Write down a try that failed and cost nothing."""
        await self.store.note_attempt(reservation.granted.hold_id, note, self.clock.now())

    async def settle(
        self,
        reservation: Reservation,
        usage: Usage,
        source: Literal["provider", "counted"],
        note: str = "",
        served: Served = UNTOLD,
    ) -> Settlement:
        """Charge what was really used; happens whole even when the caller is cancelled."""
        request = SettleRequest(
            reservation.granted.hold_id,
            usage,
            source,
            self.bounds(reservation.requester, reservation.terms),
            self.governing.warn_at(reservation.requester.member.space.key) or self.rules.warn_at,
            note,
            *served,
        )
        done = await whole(self.store.settle(request, self.clock.now()))
        self._lines.wake(reservation.books)
        for hear in self.after_settlement:
            hear(reservation.requester, reservation.terms, done)
        return done

    async def release(self, reservation: Reservation, note: str) -> Settlement:
        """Give everything back: nothing was sent, or the provider took nothing."""
        hold_id = reservation.granted.hold_id
        done = await whole(self.store.release(hold_id, note, self.clock.now()))
        self._lines.wake(reservation.books)
        return done

    async def lapse(self, at_most: int = 500) -> list[Lapsed]:
        """Charge the holds that are past their deadline."""
        lapsed = await self.store.lapse(self.clock.now(), at_most)
        self._lines.wake()
        return lapsed

    async def refuse(self, event: str, digest: str) -> Seen | None:
        """Remember an event that is turned away before the books are asked."""
        try:
            return await self.store.accept(event, digest, self.clock.now())
        except asyncio.CancelledError:
            self._withdrawn.add(event)
            raise

    async def balances(self, requester: Requester, terms: Terms) -> Sequence[Balance]:
        """Where a requester stands with every limit that binds."""
        bounds, wallet = self.bounds(requester, terms), requester.member.wallet
        return await self.store.balances(wallet, bounds, self.clock.now())

    async def would_refuse(self, call: CallRequest) -> Refused | None:
        """What a call would be refused with now, None: it would be answered. Changes nothing."""
        bounds = self.bounds(call.requester, call.terms)
        now = self.clock.now()
        closed = self._closed(call, bounds, now)
        return closed or await self.store.would_refuse(self._request(call, bounds), now)

    async def _seen(self, call: CallRequest, now: int) -> Seen | None:
        """Note the event of an ask that no limit is asked about; a further call has none anew."""
        return None if call.turn else await self.store.accept(call.event, call.digest, now)

    def _closed(self, call: CallRequest, bounds: Sequence[Bound], now: int) -> Refused | None:
        """What stops an ask before any limit is looked at."""
        flag = self.governing.closed_to(call.requester.member, now)
        if flag is not None:
            reason: Literal["paused", "blocked"] = "paused" if flag.name == "pause" else "blocked"
            return Refused(reason, opens_at=flag.until, note=flag.value)
        if call.terms.rates is None:
            money = (b for b in bounds if b.unit is Unit.CREDITS and b.amount is not None)
            unpriced = next(money, None)
            if unpriced is not None:
                return Refused("unpriced", unpriced.limit, unpriced.unit)
        return None

    def _request(self, call: CallRequest, bounds: tuple[Bound, ...]) -> ReserveRequest:
        member, terms, rules = call.requester.member, call.terms, self.rules
        sizes = call.input_tokens, call.output_max, rules.output_floor
        return ReserveRequest(
            call.event,
            call.digest,
            member.wallet,
            member.space.key,
            terms.key,
            bounds,
            Estimate(*sizes, terms.rates, requests=0 if call.turn else 1),
            max(HOLD_MS, terms.deadline_ms + SETTLE_MS),
            rules.progress_step,
            purpose=call.purpose,
            turn=call.turn,
        )

    async def _try(self, request: ReserveRequest) -> Granted | Refused | Waiting | Seen:
        """One try; what it granted is given back when the caller is cancelled meanwhile."""
        trying = asyncio.ensure_future(self.store.reserve(request, self.clock.now()))
        try:
            return await asyncio.shield(trying)
        except asyncio.CancelledError:
            await whole(self._undo(trying, request))
            raise

    async def _undo(
        self, trying: Awaitable[Granted | Refused | Waiting | Seen], request: ReserveRequest
    ) -> None:
        """Give back what a try granted to somebody who has left."""
        with suppress(StoreUnavailableError):
            verdict = await trying
            if isinstance(verdict, Granted | Refused):
                self._withdrawn.add(request.event)
            if isinstance(verdict, Granted):
                note = "cancelled before the call"
                await self.store.release(verdict.hold_id, note, self.clock.now())
                self._lines.wake(bound.book for bound in request.bounds)

    def withdrew(self, event: str) -> bool:
        """Whether the books know an event only from an ask that was cancelled; told once."""
        known = event in self._withdrawn
        self._withdrawn.discard(event)
        return known

    async def _wait(
        self,
        call: CallRequest,
        request: ReserveRequest,
        on_wait: Callable[[], Awaitable[None]] | None,
    ) -> Reservation | Refused | Seen:
        """Try whenever it is this ask's turn; what admins change meanwhile holds at once."""
        ticket = self._lines.join(*lines_of(request.bounds))
        try:
            if on_wait is not None:
                await on_wait()
            while True:
                final = not await self._turn_comes(ticket, call)
                bounds, now = self.bounds(call.requester, call.terms), self.clock.now()
                if closed := self._closed(call, bounds, now):
                    return await self._seen(call, now) or closed
                request = self._request(call, bounds)
                self._lines.move(ticket, *lines_of(bounds))
                if final or self._lines.is_first(ticket):
                    verdict = await self._try(request._replace(final=final))
                    if not isinstance(verdict, Waiting):
                        return self._reserved(call, request, verdict)
        finally:
            self._lines.leave(ticket)

    async def _turn_comes(self, ticket: Ticket, call: CallRequest) -> bool:
        """Wait to be called; False when the patience has ended, which counts from the arrival."""
        left = call.arrived_at + self.rules.wait_ms - self.clock.now()
        if left <= 0:
            return False
        try:
            async with self.clock.timeout(left):
                await ticket.turn.wait()
        except TimeoutError:
            return False
        ticket.turn.clear()
        return True

    def _reserved(
        self, call: CallRequest, request: ReserveRequest, verdict: Granted | Refused | Seen
    ) -> Reservation | Refused | Seen:
        if isinstance(verdict, Refused):
            self.shut.note(call.requester, verdict)
        if not isinstance(verdict, Granted):
            return verdict
        books = tuple(b.book for b in request.bounds)
        turn = call.turn or verdict.hold_id
        return Reservation(call.requester, call.terms, verdict, books, turn)

    def _changed(self) -> None:
        """Rules, limits or allowances are new: forget what was worked out, let waiters look."""
        self._policies.clear()
        self._bounds.clear()
        self._lines.stir()
