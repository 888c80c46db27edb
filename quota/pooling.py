"""Fair pools as people see and change them: where they stand, what they would say to an ask."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from quota.accounting import Estimate, amounts_held
from quota.clock import Clock
from quota.errors import BadRuleError
from quota.forecast import Forecast, forecast
from quota.governing import Act
from quota.limits import Bound
from quota.pool import Decision, arrive, decide
from quota.pool_governing import NotKept, Outlook, outlook
from quota.store import AddToPool, AuditRow, KeepFor, PoolDeed, PoolState, Store
from quota.units import amount_text
from quota.windows import Period


class PoolView(NamedTuple):
    """A pool at an instant: its limit, its rows, and what they mean."""

    bound: Bound
    state: PoolState
    outlook: Outlook
    forecast: Forecast | None

    @property
    def guessed(self) -> bool:
        """Whether no period of it has closed yet."""
        return self.state.row.guessed


class Pooling:
    """What is seen of the fair pools, and what admins do to them. Every act leaves an audit row."""

    def __init__(self, store: Store, clock: Clock, changed: Callable[[], None]) -> None:
        """Tell `changed` whenever an ask may be decided otherwise than before."""
        self._store = store
        self._clock = clock
        self._changed = changed

    async def views(self, wallet: str, bounds: Sequence[Bound]) -> list[PoolView]:
        """The fair pools among some limits, with a member's part of them."""
        found = []
        for bound in bounds:
            now = self._clock.now()
            state = await self._store.pool(wallet, bound, now) if bound.kind == "shared" else None
            if state is not None:
                row = state.row
                period = Period(row.opens_at, row.closes_at)
                free, asks = row.size - row.used, sum(row.asks)
                runs_out = forecast(period, row.used, free, asks, now, row.left)
                found.append(PoolView(bound, state, outlook(row, now), runs_out))
        return found

    def decision(self, view: PoolView, wallet: str, estimate: Estimate) -> Decision:
        """What a pool alone would say to an ask, with every figure; nothing is written."""
        now, (bound, state, _, _) = self._clock.now(), view
        need, want = (
            max(1, amounts_held(estimate.input, output, estimate.rates)[bound.unit.place])
            for output in (estimate.output_least, estimate.output_max)
        )
        row, member = arrive(state.row, state.member, wallet, bound.weight, now)
        return decide(row, member, need, want, now)

    async def change(self, act: Act, bound: Bound, deed: PoolDeed) -> PoolState | NotKept:
        """Do something to a fair pool for its present period; BadRuleError where it is none."""
        audit = self._audit(act, bound, deed)
        done = await self._store.change_pool(bound, deed, audit, self._clock.now())
        if done is None:
            raise BadRuleError(f"{bound.limit.name} is no fair pool; write fair behind it")
        self._changed()
        return done

    def _audit(self, act: Act, bound: Bound, deed: PoolDeed) -> AuditRow:
        action, subject, after = "pool forget", bound.limit.id, ""
        if isinstance(deed, AddToPool):
            action, after = "pool add", amount_text(deed.amount, bound.unit)
        elif isinstance(deed, KeepFor):
            action, subject = "pool keep", deed.wallet
            after = f"{amount_text(deed.amount, bound.unit)} of {bound.limit.id}"
        now = self._clock.now()
        return AuditRow(now, act.space, act.actor, action, subject, "", after, act.reason)
