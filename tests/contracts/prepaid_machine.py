"""A machine that does to prepaid balances whatever can be done, over memory and a file at once.

The books are lazy: what has come due is taken in when somebody looks. The model is the opposite: it
wakes at every boundary of every balance, takes in what is due there and nothing else, and knows no
line of quota/. Both must agree after every step, however long nobody looked, whoever looked first,
whatever was running, and whichever terms held meanwhile.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import NamedTuple
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from quota.accounting import Estimate
from quota.limits import Bound
from quota.prepaid import AddToBalance, Deposited, Prepaid, Refill, SetBalance
from quota.prepaying import SWITCHED_OFF, balance_bound, balance_limit
from quota.store import ReserveRequest, SettleRequest
from quota.units import Rates, Usage
from quota.verdicts import Granted, Refused, Waiting
from quota.windows import Anchored, Calendar
from tests.contracts.conftest import open_again
from tests.contracts.store_desk import audit
from tests.contracts.two_stores import TwoStores, balances_of
from tests.fakes import DAY, HOUR, MINUTE, requester

MEMBERS = ("ana", "bo")
ZONE = "Europe/Berlin"
SIX_HOURS = 6 * HOUR
HOLD_MS = 20 * MINUTE
STEP = 40
# One token costs one credit.
PRICE = Rates(1_000_000, 1_000_000, 1_000_000, 1_000_000)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The evening before a clock in Berlin jumps forward.
BEGIN = 1_774_720_000_000
MOVES_MS = [1, 1, MINUTE, HOUR, SIX_HOURS - 1, SIX_HOURS, DAY, 3 * DAY, 40 * DAY]
names = st.sampled_from(MEMBERS)


class Rule(NamedTuple):
    """How a balance refills: each day in Berlin, or every six hours from its beginning."""

    daily: bool
    amount: int
    cap: int

    @property
    def refill(self) -> Refill:
        """As the project knows it."""
        window = Calendar("day", ZONE) if self.daily else Anchored(SIX_HOURS)
        return Refill(self.amount, window, self.cap)


rules = st.sampled_from(
    [None, *(Rule(d, a, c) for d in (True, False) for a in (30, 100) for c in (100, 300, 950))]
)


@dataclass
class Purse:
    """A balance that wakes at every boundary."""

    credits: int
    rule: Rule | None
    at: int
    anchor: int
    full: int = 0
    refilled: int = 0

    def __post_init__(self) -> None:
        self.fill()

    def fill(self) -> None:
        self.full = max(self.credits, self.rule.cap if self.rule else 0)

    def boundaries(self) -> Iterator[int]:
        """Those still to come, one after the other, without an end."""
        assert self.rule is not None
        if not self.rule.daily:
            boundary = self.anchor
            while True:
                boundary += SIX_HOURS
                if boundary > self.at:
                    yield boundary
        day: date = (EPOCH + timedelta(milliseconds=self.at)).date() - timedelta(days=1)
        while True:
            midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(ZONE))
            boundary = (midnight - EPOCH) // timedelta(milliseconds=1)
            if boundary > self.at:
                yield boundary
            day += timedelta(days=1)

    def wake(self, now: int) -> None:
        """Let time pass."""
        if self.rule is not None:
            for boundary in self.boundaries():
                if boundary > now:
                    break
                came = min(self.rule.amount, self.rule.cap - self.credits)
                if came > 0:
                    self.credits += came
                    self.refilled += came
                    self.fill()
        self.at = max(self.at, now)

    def touch(self, rule: Rule | None) -> None:
        """Somebody looks who knows the terms of now."""
        if rule != self.rule:
            if rule is None or self.rule is None or rule.daily != self.rule.daily:
                self.anchor = self.at
            self.rule = rule
            self.fill()

    def enough_at(self, needed: int) -> int | None:
        """When so much will be there if nobody spends; None: never."""
        later = replace(self)
        if later.rule is None or needed > later.rule.cap:
            return None
        for boundary in replace(self).boundaries():
            later.wake(boundary)
            if later.credits >= needed:
                return boundary
        raise AssertionError("there is always another boundary")


class Taken(NamedTuple):
    """An open hold."""

    who: str
    input: int
    output: int
    ends: int


class PrepaidMachine(TwoStores):
    """The rules."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = self.mark = BEGIN
        self.start, self.overdraft = 0, 0
        self.refill: Rule | None = None
        self.off = False
        self.pruned = False
        self.purses: dict[str, Purse] = {}
        self.holds: dict[int, Taken] = {}

    # What the model knows.

    @property
    def terms(self) -> Prepaid:
        refill = None if self.refill is None else self.refill.refill
        return Prepaid(self.start, refill, self.overdraft)

    def bound(self, who: str) -> Bound:
        return balance_bound(balance_limit(self.terms), requester(who).member.wallet)

    def now(self) -> int:
        """Time never runs back; every balance wakes at each of its boundaries."""
        self.mark = max(self.mark, self.clock)
        for purse in self.purses.values():
            purse.wake(self.mark)
        return self.mark

    def touched(self, who: str) -> Purse:
        now = self.now()
        if who not in self.purses:
            self.purses[who] = Purse(self.start, self.refill, now, now)
        self.purses[who].touch(self.refill)
        return self.purses[who]

    def seen(self, who: str, now: int) -> Purse:
        """What somebody would see who looks and changes nothing."""
        if who not in self.purses:
            return Purse(self.start, self.refill, now, now)
        purse = replace(self.purses[who])
        purse.full = self.purses[who].full
        purse.wake(now)
        purse.touch(self.refill)
        return purse

    def held(self, who: str) -> int:
        return sum(hold.input + hold.output for hold in self.holds.values() if hold.who == who)

    # Time and terms.

    @initialize(
        start=st.sampled_from([0, 100, 500]), overdraft=st.sampled_from([0, 0, 150]), refill=rules
    )
    def begin(self, start: int, overdraft: int, refill: Rule | None) -> None:
        self.start, self.overdraft, self.refill = start, overdraft, refill

    @rule(ms=st.sampled_from(MOVES_MS), back=st.sampled_from([False, False, True]))
    def set_the_clock(self, ms: int, *, back: bool) -> None:
        self.clock += -ms if back else ms

    @rule(who=names, ms=st.sampled_from([-1, 0, 0, 1]))
    def go_to_a_boundary(self, who: str, ms: int) -> None:
        purse = self.purses.get(who)
        if purse is not None and purse.rule is not None:
            self.clock = next(purse.boundaries()) + ms

    @rule(refill=rules, overdraft=st.sampled_from([0, 150]))
    def change_the_terms(self, refill: Rule | None, overdraft: int) -> None:
        """From here on other terms hold, for each balance from when it is looked at."""
        self.refill, self.overdraft = refill, overdraft

    @rule()
    def upkeep(self) -> None:
        """The job comes round; it may come at any time."""
        now = self.now()

        limit = SWITCHED_OFF if self.off else balance_limit(self.terms)
        bounds = [balance_bound(limit, requester(who).member.wallet) for who in self.purses]
        self.both(lambda store: store.refill(bounds, self.clock))
        for purse in self.purses.values():
            purse.wake(now)
            purse.touch(None if self.off else self.refill)

    upkeep_again = upkeep

    @rule()
    def switch(self) -> None:
        self.off = not self.off

    # Turns.

    @precondition(lambda self: not self.off)
    @rule(
        who=names,
        input_=st.sampled_from([0, 10, 40]),
        cap=st.sampled_from([20, 64, 100, 300, 900]),
        floor=st.sampled_from([1, 16, 64]),
        final=st.sampled_from([True, True, False]),
    )
    def ask(self, who: str, input_: int, cap: int, floor: int, *, final: bool) -> None:
        member = requester(who).member
        request = ReserveRequest(
            *("", "", member.wallet, member.space.key, "mini", (self.bound(who),)),
            Estimate(input_, cap, floor, PRICE),
            HOLD_MS,
            STEP,
            final,
        )
        verdict = self.both(lambda store: store.reserve(request, self.clock))
        purse = self.touched(who)
        room = purse.credits + self.overdraft
        unspent, free = min(cap, room - input_), min(cap, room - self.held(who) - input_)
        least = min(floor, cap)
        match verdict:
            case Granted(hold_id, _, output):
                assert output == min(unspent, free) >= least
                assert final or free >= unspent
                self.holds[hold_id] = Taken(who, input_, output, self.mark + HOLD_MS)
            case Waiting():
                assert not final
                assert unspent >= least
                assert free < unspent
            case Refused():
                assert min(unspent, free) < least
                self.check_refusal(purse, verdict, input_ + least)
            case _:
                raise AssertionError(verdict)

    ask_too = ask

    def check_refusal(self, purse: Purse, told: Refused, needed: int) -> None:
        room = purse.credits + self.overdraft
        assert told.needed == needed
        if told.reason == "busy":
            assert needed <= room
            return
        assert told.left == max(0, room)
        assert told.opens_at == purse.enough_at(needed - self.overdraft)
        assert told.prepaid is not None
        assert told.prepaid.credits == purse.credits

    @rule(
        number=st.integers(0, 9),
        percent=st.sampled_from([0, 50, 100, 100, 130]),
        after=st.sampled_from([0, 0, MINUTE, SIX_HOURS, DAY, 9 * DAY]),
    )
    def settle(self, number: int, percent: int, after: int) -> None:
        """An answer ends, perhaps on another day than it began."""
        if not self.holds:
            return
        self.clock += after
        hold_id = sorted(self.holds)[number % len(self.holds)]
        hold = self.holds[hold_id]
        used = Usage(hold.input, 0, hold.output * percent // 100)
        request = SettleRequest(hold_id, used, "provider")
        self.now()
        self.both(lambda store: store.settle(request, self.clock))
        self.charge(hold_id, min(used.tokens, hold.input + hold.output))

    settle_too = settle

    def charge(self, hold_id: int, amount: int) -> None:
        self.purses[self.holds.pop(hold_id).who].credits -= amount

    @rule(number=st.integers(0, 9))
    def release(self, number: int) -> None:
        if self.holds:
            hold_id = sorted(self.holds)[number % len(self.holds)]
            self.now()
            self.both(lambda store: store.release(hold_id, "not sent", self.clock))
            self.charge(hold_id, 0)

    @rule()
    def lapse(self) -> None:
        now = self.now()
        lapsed = self.both(lambda store: store.lapse(self.clock, 100))
        late = [hold_id for hold_id, hold in self.holds.items() if hold.ends <= now]
        assert [row.hold_id for row in lapsed] == late
        self.charge_late(late)

    def charge_late(self, late: list[int]) -> None:
        for hold_id in late:
            hold = self.holds[hold_id]
            self.charge(hold_id, hold.input + min(STEP, hold.output))

    # Admins and upkeep.

    @precondition(lambda self: not self.off)
    @rule(who=names, amount=st.sampled_from([-700, -100, -1, 1, 100, 900]))
    def put_in(self, who: str, amount: int) -> None:
        bound = self.bound(who)
        row = audit("balance add")
        done = self.both(lambda s: s.deposit(bound, AddToBalance(amount), row, self.clock))
        purse = self.touched(who)
        assert done == Deposited(purse.credits, purse.credits + amount)
        purse.credits += amount
        purse.fill()

    @precondition(lambda self: not self.off)
    @rule(who=names, amount=st.sampled_from([-200, 0, 250, 2_000]))
    def set_to(self, who: str, amount: int) -> None:
        bound = self.bound(who)
        row = audit("balance set")
        done = self.both(lambda s: s.deposit(bound, SetBalance(amount), row, self.clock))
        purse = self.touched(who)
        assert done == Deposited(purse.credits, amount)
        if purse.credits != amount:
            purse.credits = amount
            purse.fill()

    @rule(who=names, ms=st.sampled_from(MOVES_MS))
    def look_ahead(self, who: str, ms: int) -> None:
        """To read is to change nothing, whatever the clock of the reader says."""
        bounds = (self.bound(who),)
        wallet = requester(who).member.wallet
        self.both(lambda store: store.balances(wallet, bounds, self.clock + ms))

    @rule(days=st.sampled_from([0, 7]))
    def prune(self, days: int) -> None:
        self.now()
        age = days * DAY
        for store in (self.memory, self.sqlite):
            self.loop.run_until_complete(store.prune(self.clock, events_ms=age, entries_ms=age))
        self.pruned = True

    @rule()
    def restart(self) -> None:
        self.now()
        self.loop.run_until_complete(open_again(self.memory, self.clock))
        self.loop.run_until_complete(self.sqlite.close())
        self.sqlite = self.loop.run_until_complete(self.opened(self.clock))
        self.charge_late(list(self.holds))

    # What always holds.

    @invariant()
    def what_is_told_is_what_the_model_has(self) -> None:
        now = max(self.clock, self.mark)
        for who in MEMBERS:
            bounds, wallet = (self.bound(who),), requester(who).member.wallet

            look = partial(balances_of, wallet=wallet, bounds=bounds, now=self.clock)
            (told,) = self.both(look)
            purse = self.seen(who, now)
            held = self.held(who)
            assert told.prepaid is not None
            assert told.prepaid.credits == purse.credits
            assert (told.granted, told.held) == (purse.full, held)
            assert told.left == max(0, purse.credits + self.overdraft - held)
            waits = purse.rule is not None and purse.credits < purse.rule.cap
            assert told.opens_at == (next(purse.boundaries()) if waits else None)

    @invariant()
    def every_refill_is_an_entry_and_every_start_was_one(self) -> None:
        if self.pruned:
            return
        came: dict[tuple[str, str], list[int]] = {}
        for entry in self.memory.shelf.entries:
            came.setdefault((entry.wallet, entry.kind), []).append(entry.credits or 0)
        for who in MEMBERS:
            wallet = requester(who).member.wallet
            begun = [self.start] if self.start and who in self.purses else []
            assert came.get((wallet, "start"), []) == begun
        for (wallet, kind), credits_ in came.items():
            if kind == "refill":
                assert sum(credits_) <= self.purses[wallet.rpartition(":")[2]].refilled

    @invariant()
    def the_books_agree(self) -> None:
        assert self.both(lambda store: store.verify()) == []
