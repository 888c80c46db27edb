"""A machine that does to a fair pool whatever can be done, over memory and a file at once.

Both must answer alike. After every step all that a pool promises is put to the test: what was told
to be kept is still there and would be granted, what is told to be left would be granted and not
one more, no more is promised than there is, and the counters are what the members prove.
"""

from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    invariant,
    precondition,
    rule,
)

from quota.accounting import Estimate
from quota.fair_text import Fair
from quota.limits import Bound, Limit, Policy, Rule
from quota.members import EVERYONE, Scope
from quota.pool_governing import NotKept
from quota.store import (
    AddToPool,
    ForgetPast,
    GrantRequest,
    KeepFor,
    PoolDeed,
    PoolState,
    ReserveRequest,
    SettleRequest,
)
from quota.units import Unit, Usage
from quota.verdicts import Balance, Granted, Refused, Seen, Waiting
from quota.windows import Calendar
from tests.contracts.conftest import open_again
from tests.contracts.store_desk import audit
from tests.contracts.two_stores import TwoStores, balances_of
from tests.fakes import DAY, HOUR, MINUTE, MORNING, requester

T = TypeVar("T")

MEMBERS = ("ana", "bo", "cy", "dee")
HOLD_MS = 20 * MINUTE
names = st.sampled_from(MEMBERS)
parts = st.integers(0, 1_000)
fairs = st.builds(Fair, st.sampled_from([None, None, 5, 120]), st.sampled_from([100, 100, 80]))


class Promise(NamedTuple):
    """What a member was told to be kept for them."""

    kept: int
    until: int


class Taken(NamedTuple):
    """An open hold: whose, how much, and when."""

    who: str
    amount: int
    at: int


class PoolMachine(TwoStores):
    """The rules, over two stores that must not differ."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = self.mark = MORNING
        self.weights = dict.fromkeys(MEMBERS, 1)
        self.holds: dict[int, Taken] = {}
        self.promises: dict[str, Promise] = {}
        self.size, self.fair = 1_000, Fair()
        self.free = False
        self.own = 0

    # The limits that bind.

    def pool_bound(self, who: str) -> Bound:
        return next(b for b in self.bounds(who) if b.kind == "shared")

    def bounds(self, who: str) -> tuple[Bound, ...]:
        day = Calendar("day")
        rule_ = Rule(self.size, Unit.TOKENS, day, None if self.free else self.fair)
        limits = [Limit(Scope("space"), "shared", rule_)]
        if self.own:
            limits.append(Limit(EVERYONE, "allowance", Rule(self.own, Unit.TOKENS, day)))
        weights = (("heavy", 3),)
        roles = ("heavy",) if self.weights[who] > 1 else ()
        policy = Policy(tuple(limits), weights, expected_members=6)
        return policy.binding(requester(who, roles=roles), ("mini",))

    def request(
        self, who: str, estimate: Estimate, bounds: tuple[Bound, ...], *, final: bool = True
    ) -> ReserveRequest:
        wallet = requester(who).member.wallet
        return ReserveRequest(
            *("", "", wallet, "console:console", "mini", bounds, estimate, HOLD_MS, 1, final)
        )

    @initialize(
        size=st.sampled_from([40, 1_000, 100_000]),
        fair=fairs,
        own=st.sampled_from([0, 0, 500]),
        start=st.integers(0, 23),
        free=st.sampled_from([False, False, True]),
    )
    def begin(self, *, size: int, fair: Fair, own: int, start: int, free: bool) -> None:
        self.size, self.fair, self.own, self.free = size, fair, own, free
        self.clock = MORNING // DAY * DAY + start * HOUR

    # Turns.

    @rule(who=names, need=parts, more=parts, final=st.sampled_from([True, True, False]))
    def ask(self, who: str, need: int, more: int, *, final: bool) -> None:
        input_ = need * self.size // 4_000
        cap = 1 + more * self.size // 2_000
        floor = 1 + cap // 4
        estimate = Estimate(input_, cap, floor)
        before = self.stand(who)
        kept, left = (before.pool.kept, before.left or 0) if before.pool else (0, 0)
        others = {name: self.stands(name)[0] for name in MEMBERS if name != who}
        request = self.request(who, estimate, self.bounds(who), final=final)
        foretold = self.both(lambda store: store.would_refuse(request, self.clock))
        verdict = self.both(lambda store: store.reserve(request, self.clock))
        self.tick()
        least = input_ + estimate.output_least
        match verdict:
            case Granted(hold_id=hold_id, output_cap=output):
                amount = input_ + output
                assert least <= amount <= input_ + cap
                assert foretold is None
                self.holds[hold_id] = Taken(who, amount, self.mark)
                self.lower(who, amount)
                assert before.pool is None or amount <= left
            case Refused(limit=limit):
                assert foretold == verdict, "a refusal that was not foretold"
                assert limit is not None
                assert limit.kind != "shared" or least > max(kept, 0 if before.pool else left)
                spent = limit.kind == "shared" and verdict.reason != "busy"
                if spent and before.pool is not None:
                    assert verdict.left < least, "it would have fit"
                    assert verdict.opens_at == before.opens_at or least > self.size
            case Waiting() | Seen():
                assert verdict == Waiting(tuple(b.book for b in request.bounds))
                assert not final
        if not isinstance(verdict, Granted):
            # What is left to others may be less: they, too, know now how much is wanted.
            after = {name: self.stands(name)[0] for name in others}
            assert [b[:6] for b in after.values()] == [b[:6] for b in others.values()]

    @precondition(lambda self: self.holds)
    @rule(number=st.integers(0, 20), part=st.sampled_from([0, 300, 700, 1_000, 1_000, 1_300]))
    def settle(self, number: int, part: int) -> None:
        hold_id = sorted(self.holds)[number % len(self.holds)]
        taken = self.holds.pop(hold_id)
        usage = Usage(0, 0, taken.amount * part // 1_000, 0)
        bounds = self.bounds(taken.who)
        request = SettleRequest(hold_id, usage, "provider", bounds, (50, 90))
        self.both(lambda store: store.settle(request, self.clock))
        self.tick()

    @precondition(lambda self: self.holds)
    @rule(number=st.integers(0, 20))
    def release(self, number: int) -> None:
        hold_id = sorted(self.holds)[number % len(self.holds)]
        del self.holds[hold_id]
        self.both(lambda store: store.release(hold_id, "not sent", self.clock))
        self.tick()

    @rule()
    def lapse(self) -> None:
        for lapsed in self.both(lambda store: store.lapse(self.clock, 100)):
            del self.holds[lapsed.hold_id]
        self.tick()

    # Time.

    @rule(ms=st.sampled_from([1, MINUTE, 19 * MINUTE, HOUR, 3 * HOUR, -HOUR]))
    def wait(self, ms: int) -> None:
        self.clock += ms

    @rule()
    def next_day(self) -> None:
        self.clock = (self.mark // DAY + 1) * DAY + MINUTE

    @rule(before=st.sampled_from([0, 1]))
    def until_keeping_ends(self, before: int) -> None:
        stands = self.stand("ana")
        if stands.pool is not None and stands.pool.kept_until is not None:
            self.clock = stands.pool.kept_until - before

    # What admins do.

    @rule(part=st.integers(1, 3_000))
    def resize(self, part: int) -> None:
        self.size = max(1, self.size * part // 1_000)

    @rule(fair=fairs)
    def divide_otherwise(self, fair: Fair) -> None:
        self.fair, self.free = fair, False

    @rule()
    def divide_no_more(self) -> None:
        self.free = True

    @rule(who=names, weight=st.sampled_from([1, 3]))
    def give_a_role(self, who: str, weight: int) -> None:
        self.weights[who] = weight

    @rule(part=st.integers(-500, 500))
    def add_to_the_pool(self, part: int) -> None:
        before = self.state()
        after = self.change(AddToPool(self.size * part // 1_000))
        if before is not None and isinstance(after, PoolState):
            assert part <= 0 or after.row.size >= before.row.size

    @rule(who=names, part=st.integers(1, 800))
    def keep_for(self, who: str, part: int) -> None:
        amount = 1 + self.size * part // 1_000
        before = self.stand(who)
        answer = self.change(KeepFor(requester(who).member.wallet, amount), who)
        if isinstance(answer, PoolState):
            assert answer.member is not None
            assert before.pool is not None
            assert answer.member.own >= before.pool.kept + amount, "so much more is kept"

    @rule()
    def forget(self) -> None:
        self.change(ForgetPast())

    def change(self, deed: PoolDeed, who: str = "ana") -> PoolState | NotKept | None:
        bound = self.pool_bound(who)
        row = audit("pool", self.clock)
        answer = self.both(lambda store: store.change_pool(bound, deed, row, self.clock))
        self.tick()
        return answer

    @rule(who=names)
    def reset(self, who: str) -> None:
        """Of a pool, too, only what this member has used is written off."""
        wallet, bounds = requester(who).member.wallet, self.bounds(who)
        if self.state() is not None:
            row = audit("reset", self.clock)
            self.both(lambda store: store.correct(wallet, bounds, row, self.clock))
            self.tick()
            pool = self.stand(who).pool
            assert pool is None or pool.used == 0

    @rule(who=names, amount=st.integers(-100, 300).filter(bool))
    def grant(self, who: str, amount: int) -> None:
        ask = GrantRequest(requester(who).member.wallet, Unit.TOKENS, amount, None, "cleo", "")
        self.both(lambda store: store.grant(ask, audit("grant", self.clock), self.clock))
        self.tick()

    @rule()
    def restart(self) -> None:
        """The process dies: what it held is charged, what it knew is read again."""
        self.clock = self.now  # a mark that nothing was written with is forgotten
        self.loop.run_until_complete(open_again(self.memory, self.clock))
        self.loop.run_until_complete(self.sqlite.close())
        path = Path(self.folder.name) / "books.db"
        self.sqlite = self.loop.run_until_complete(
            self.in_file.open(path, now=self.clock, synchronous="NORMAL", quick_check=False)
        )
        self.holds.clear()
        self.tick()

    @rule()
    def prune(self) -> None:
        self.loop.run_until_complete(
            self.sqlite.prune(self.clock, events_ms=DAY, entries_ms=2 * DAY)
        )
        self.loop.run_until_complete(
            self.memory.prune(self.clock, events_ms=DAY, entries_ms=2 * DAY)
        )
        self.tick()

    # What is seen.

    def tick(self) -> None:
        self.mark = max(self.mark, self.clock)

    @property
    def now(self) -> int:
        return max(self.mark, self.clock)

    def stands(self, who: str) -> list[Balance]:
        wallet, bounds = requester(who).member.wallet, self.bounds(who)
        return self.look(lambda store: store.balances(wallet, bounds, self.clock))

    def stand(self, who: str) -> Balance:
        return self.stands(who)[-1]

    def state(self) -> PoolState | None:
        return self.look(lambda store: store.pool("", self.pool_bound("ana"), self.clock))

    def lower(self, who: str, amount: int) -> None:
        """What a member takes comes out of what is kept for them."""
        promise = self.promises.get(who)
        if promise is not None:
            self.promises[who] = promise._replace(kept=max(0, promise.kept - amount))

    @invariant()
    def the_books_agree(self) -> None:
        assert self.both(lambda store: store.verify()) == []
        for who in MEMBERS:
            wallet, bounds = requester(who).member.wallet, self.bounds(who)
            self.both(partial(balances_of, wallet=wallet, bounds=bounds, now=self.clock))

    @invariant()
    def no_more_is_promised_than_there_is(self) -> None:
        state = self.state()
        if state is not None:
            row = state.row
            assert 0 <= row.used + row.held <= row.size
            assert self.now >= row.keep_until or row.used + row.held + row.claims <= row.size
            kept = [self.stand(who).pool for who in MEMBERS]
            told = sum(pool.kept for pool in kept if pool is not None)
            assert told == (row.claims if self.now < row.keep_until else 0)

    @invariant()
    def what_is_kept_is_granted(self) -> None:
        for who in MEMBERS:
            pool = self.stand(who).pool
            promise = self.promises.get(who, Promise(0, 0))
            if promise.kept and self.now < promise.until:
                assert pool is not None, "a pool that has promised stays a pool"
                assert pool.kept >= promise.kept, "what was kept is not kept any more"
                assert pool.kept_until == promise.until
            if pool is not None and pool.kept_until is not None:
                self.promises[who] = Promise(pool.kept, pool.kept_until)
                assert pool.kept == 0 or self.would_grant(who, pool.kept)
            else:
                self.promises.pop(who, None)

    @invariant()
    def what_is_left_is_granted(self) -> None:
        for who in MEMBERS:
            stands = self.stand(who)
            if stands.pool is not None:
                left = stands.left or 0
                assert left == 0 or self.would_grant(who, left)
                assert not self.would_grant(who, left + 1)

    def would_grant(self, who: str, amount: int) -> bool:
        """Whether the pool alone would give a member so much."""
        request = self.request(who, Estimate(amount - 1, 1, 1), (self.pool_bound(who),))
        return self.look(lambda store: store.would_refuse(request, self.clock)) is None
