"""A desk in front of a store: asks and settles for people by name, all else at plain values."""

from collections.abc import Sequence
from functools import lru_cache

from quota.accounting import Estimate
from quota.calls import UNTOLD, Served
from quota.ledger import Purpose
from quota.limits import Bound, Limit, Policy, Rule
from quota.members import Requester, Scope
from quota.pool_governing import NotKept
from quota.prepaid import Deposit, Deposited
from quota.prepaying import SWITCHED_OFF, balance_bound
from quota.store import (
    AuditRow,
    GrantRequest,
    GrantRow,
    PoolDeed,
    PoolState,
    ReserveRequest,
    SettleRequest,
    Store,
)
from quota.units import Rates, Unit, Usage
from quota.verdicts import Balance, Granted, Refused, Seen, Settlement, Waiting
from quota.windows import Calendar
from tests.fakes import MINUTE, MORNING, limit, requester

HOLD_MS = 15 * MINUTE
STEP = 256  # output tokens between two notes of progress


# Where the books keep what providers took beyond a hold.
HOUSE_BOOKS = tuple(
    Bound(
        Limit(Scope("house"), "shared", Rule(None, unit, Calendar("month"))),
        f"house|{unit}/month|*|console:console",
        None,
        unit,
        Calendar("month"),
        "shared",
    )
    for unit in (Unit.TOKENS, Unit.CREDITS)
)


@lru_cache(maxsize=1_000)
def binding(policy: Policy, who: Requester, model: str) -> tuple[Bound, ...]:
    """The limits that bind; who asks again brings the very same ones, as through Quotas."""
    return policy.binding(who, (model,))


class Desk:
    """Everything happens at `now`, under the limits of `policy`, at the price in `rates`."""

    def __init__(self, store: Store, *lines: str, now: int = MORNING, zone: str = "UTC") -> None:
        self.store = store
        self.now = now
        self.zone = zone
        self.policy = Policy()
        self.rates: Rates | None = None
        self.warn_at: tuple[int, ...] = ()
        self.hold_ms = HOLD_MS
        self._bounds: dict[int, tuple[Bound, ...]] = {}
        self.allow(*lines)

    def allow(self, *lines: str) -> None:
        """Add limits, each in place of the one with the same slot."""
        self.policy = self.policy.overridden_by(self.limit(line) for line in lines)

    def limit(self, line: str) -> Limit:
        return limit(line, zone=self.zone)

    def bounds(self, who: Requester, model: str = "mini") -> tuple[Bound, ...]:
        return binding(self.policy, who, model)

    def request(
        self,
        name: str = "ana",
        *,
        input_: int = 0,
        cap: int = 100,
        floor: int = 64,
        event: str = "",
        says: str = "",
        model: str = "mini",
        roles: Sequence[str] = (),
        channel: str = "general",
        final: bool = True,
        behind: bool = False,
        purpose: Purpose = "answer",
        turn: int = 0,
    ) -> ReserveRequest:
        who = requester(name, roles=roles, channel=channel)
        return ReserveRequest(
            event,
            says,
            who.member.wallet,
            who.member.space.key,
            model,
            self.bounds(who, model),
            Estimate(input_, cap, floor, self.rates, requests=0 if turn else 1),
            self.hold_ms,
            STEP,
            final,
            behind,
            purpose,
            turn,
        )

    async def reserve(self, request: ReserveRequest) -> Granted | Refused | Waiting | Seen:
        verdict = await self.store.reserve(request, self.now)
        if isinstance(verdict, Granted):
            self._bounds[verdict.hold_id] = request.bounds
        return verdict

    async def ask(
        self,
        name: str = "ana",
        *,
        input_: int = 0,
        cap: int = 100,
        floor: int = 64,
        event: str = "",
        says: str = "",
        final: bool = True,
    ) -> Granted | Refused | Waiting | Seen:
        return await self.reserve(
            self.request(
                name, input_=input_, cap=cap, floor=floor, event=event, says=says, final=final
            )
        )

    async def hold(self, name: str = "ana", *, input_: int = 0, cap: int = 100) -> int:
        """An ask that must be granted whole; the id of its hold."""
        verdict = await self.ask(name, input_=input_, cap=cap)
        assert isinstance(verdict, Granted)
        assert not verdict.shrunk
        return verdict.hold_id

    async def settle(
        self,
        hold_id: int,
        input_: int,
        output: int,
        cached: int = 0,
        reasoning: int = 0,
        *,
        served: Served = UNTOLD,
    ) -> Settlement:
        usage = Usage(input_, cached, output, reasoning)
        request = SettleRequest(
            hold_id, usage, "provider", self._bounds.get(hold_id, ()), self.warn_at, "", *served
        )
        return await self.store.settle(request, self.now)

    async def spend(self, amount: int, name: str = "ana") -> Settlement:
        """Hold and settle an amount of output tokens."""
        return await self.settle(await self.hold(name, cap=amount), 0, amount)

    async def release(self, hold_id: int) -> Settlement:
        return await self.store.release(hold_id, "not sent", self.now)

    async def sees(self, name: str = "ana", *, roles: Sequence[str] = ()) -> list[Balance]:
        who = requester(name, roles=roles)
        return await self.store.balances(who.member.wallet, self.bounds(who), self.now)

    async def house_paid(self) -> list[int]:
        """What the house of the space has paid this month, in tokens and in credits."""
        return [b.used for b in await self.store.balances("", HOUSE_BOOKS, self.now)]

    async def grant(
        self,
        amount: int,
        unit: Unit = Unit.TOKENS,
        *,
        name: str = "ana",
        until: int | None = None,
    ) -> GrantRow:
        """Add to a member's allowance; take, where negative."""
        wallet = requester(name).member.wallet
        request = GrantRequest(wallet, unit, amount, until, "admin", "because")
        return await self.store.grant(request, audit("grant", self.now), self.now)

    async def reset(self, name: str = "ana", *, shared: bool = False) -> list[Balance]:
        who = requester(name)
        own = {"allowance", "cap"}
        bounds = tuple(b for b in self.bounds(who) if shared or b.kind in own)
        row = audit("reset", self.now)
        return await self.store.correct(who.member.wallet, bounds, row, self.now)

    async def deposit(self, what: Deposit, name: str = "ana") -> Deposited:
        """Put into a member's balance, take out of it, or set it."""
        wallet = requester(name).member.wallet
        bound = next(b for b in self.bounds(requester(name)) if b.kind == "balance")
        assert bound == balance_bound(bound.limit, wallet)
        return await self.store.deposit(bound, what, audit("balance add", self.now), self.now)

    async def refill(self) -> int:
        """What upkeep does."""
        limits = (limit for limit in self.policy.limits if limit.kind == "balance")
        limit = next(limits, SWITCHED_OFF)
        rows = await self.store.prepaid("console:")
        bounds = [balance_bound(limit, row.wallet) for row in rows]
        return await self.store.refill(bounds, self.now)

    async def change_pool(
        self, deed: PoolDeed, roles: Sequence[str] = ()
    ) -> PoolState | NotKept | None:
        """Do something to the shared limit that comes first."""
        bound = next(b for b in self.bounds(requester(roles=roles)) if b.kind == "shared")
        return await self.store.change_pool(bound, deed, audit("pool", self.now), self.now)


def audit(action: str, now: int = MORNING, *, space: str = "console:console") -> AuditRow:
    return AuditRow(now, space, "admin", action, "ana", "", "", "because")
