"""The fair pool under any order of moves: all that was promised, at every step.

The desk (pool_desk.py) checks after each move: never more than there is; counters are sums over
members; what is kept is granted, whatever anyone else did; a quoted share stays; a grant lies in
[need, want] and is the most that fits; what fits fits later and in a larger pool; equal state,
equal answer.
"""

import heapq
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from quota import pool, pool_demand, pool_governing, pool_terms
from quota.pool_terms import BUCKETS, PoolMember, PoolPeriod, PoolRule, first_period, next_period
from quota.windows import Period
from tests.quota.pool_desk import DAY_MS, Desk, Rules, walk

AS_WRITTEN = Rules(
    {
        "pool_terms": pool_terms,
        "pool_demand": pool_demand,
        "pool": pool,
        "pool_governing": pool_governing,
    }
)
names = st.sampled_from(["ana", "bob", "cem", "dee", "eva", "fay"])
weights = st.sampled_from([1, 1, 1, 3])
parts = st.integers(0, 1_000)


class FairPool(RuleBasedStateMachine):
    """Members and admins do whatever they like; the desk checks."""

    desk: Desk

    @initialize(
        size=st.sampled_from([20, 1_000, 100_000]),
        floor=st.sampled_from([None, None, 5, 300]),
        lend=st.sampled_from([100, 100, 80]),
        guess=st.sampled_from([1, 6, 60]),
        days=st.integers(0, 3),
    )
    def open(self, size: int, floor: int | None, lend: int, guess: int, days: int) -> None:
        self.desk = Desk(AS_WRITTEN, size, floor, lend, guess)
        for day in range(days):
            for name in ("ana", "bob", "cem")[day:]:
                self.desk.ask(name, 1, max(1, size // 50), size // 10)
                self.desk.wait(DAY_MS // 5)
            self.desk.next_day()

    @rule(name=names, weight=weights, need=parts, more=parts)
    def ask(self, name: str, weight: int, need: int, more: int) -> None:
        need = 1 + need * self.desk.size // 5_000
        self.desk.ask(name, weight, need, need + more * self.desk.size // 2_000)

    @precondition(lambda self: any(person.holds for person in self.desk.people.values()))
    @rule(data=st.data(), part=parts)
    def settle(self, data: st.DataObject, part: int) -> None:
        busy = [name for name, person in self.desk.people.items() if person.holds]
        name = data.draw(st.sampled_from(busy))
        nth = data.draw(st.integers(0, len(self.desk.people[name].holds) - 1))
        self.desk.settle(name, nth, self.desk.people[name].holds[nth] * part // 1_000)

    @rule(part=parts)
    def wait(self, part: int) -> None:
        self.desk.wait(part * DAY_MS // 5_000)

    @rule(name=names, weight=weights, part=parts)
    def keep_more(self, name: str, weight: int, part: int) -> None:
        self.desk.keep_more(name, weight, 1 + part * self.desk.size // 2_000)

    @rule(part=parts)
    def resize(self, part: int) -> None:
        self.desk.resize(1 + part * self.desk.size // 500)

    @rule(part=parts)
    def raise_floor(self, part: int) -> None:
        self.desk.raise_floor(1 + part * self.desk.size // 5_000)

    @rule(name=names)
    def correct(self, name: str) -> None:
        if name in self.desk.people:
            self.desk.correct(name)

    @rule(skip=st.integers(0, 2))
    def next_day(self, skip: int) -> None:
        self.desk.next_day(skip)

    @rule()
    def forget(self) -> None:
        self.desk.forget()


FairPool.TestCase.settings = settings(max_examples=60, stateful_step_count=40)
TestFairPool = FairPool.TestCase


@settings(max_examples=25)
@given(seed=st.integers(0, 10**9), size=st.sampled_from([30, 10_000, 3_000_000]))
def test_a_long_walk_breaks_nothing(seed: int, size: int) -> None:
    walk(Desk(AS_WRITTEN, size), seed, 120)


levels = st.integers(0, 10**7)
hists = st.lists(st.integers(0, 50), min_size=BUCKETS, max_size=BUCKETS).map(tuple)


@given(hists, levels, levels)
def test_the_area_grows_with_the_level_but_no_faster_than_the_weights(
    hist: tuple[int, ...], low: int, high: int
) -> None:
    low, high = sorted((low, high))
    grown = pool_terms.area(hist, high) - pool_terms.area(hist, low)
    assert 0 <= grown <= (high - low) * sum(hist)


@st.composite
def periods(draw: st.DrawFn) -> PoolPeriod:
    """A period in the middle of its day, with any past."""
    size = draw(st.integers(1, 10**7))
    asks = draw(st.lists(st.integers(0, 9_000), min_size=24, max_size=24))
    row = first_period("p", Period(0, DAY_MS), PoolRule(size), draw(st.integers(1, 5_000)))
    today = tuple(draw(hists))
    row = row._replace(hist=(max(1, today[0]), *today[1:]), asks=tuple(asks))
    row = next_period(row, Period(0, DAY_MS), PoolRule(size, lend_percent=draw(lends)), 1)
    used = draw(st.integers(0, size))
    return row._replace(hist=tuple(draw(hists)), used=used)


lends = st.integers(1, 100)
instants = st.integers(0, DAY_MS - 1)


@given(periods(), instants, instants)
def test_less_and_less_is_still_to_come(row: PoolPeriod, one: int, two: int) -> None:
    early, late = sorted((one, two))
    before = pool_demand.still_to_come(row, early)
    after = pool_demand.still_to_come(row, late)
    assert 1_000 >= before >= after >= 0
    for told in (pool_demand.newcomers_floor, lambda r, q: pool_demand.demand_left(r, 500, 0, q)):
        assert told(row, before) >= told(row, after) >= 0
    assert pool_demand.floor_at(row, before) <= pool_demand.floor_at(row, after)


@given(periods(), instants)
def test_the_line_is_as_far_as_anybody_may_go(row: PoolPeriod, now: int) -> None:
    line = pool_governing.outlook(row, now).line
    to_come = pool_demand.still_to_come(row, now)
    assert line == 0 or row.free >= pool_demand.demand_left(row, line, 0, to_come)
    if row.free >= row.last_call and line < row.size:
        assert row.free < pool_demand.demand_left(row, line + 1, 0, to_come)


@given(st.integers(0, 10**15))
def test_a_hint_is_never_more_than_half(amount: int) -> None:
    said = pool.hint(amount)
    assert said <= amount // 2
    assert said * 11 >= (amount // 2) * 10
    assert len(str(said).rstrip("0")) <= 2


def hungry_day(
    row: PoolPeriod, weights: list[int], rng: Random
) -> tuple[PoolPeriod, dict[int, PoolMember]]:
    """Members who ask again as soon as they are answered, and ten minutes after a refusal."""
    members: dict[int, PoolMember] = {}
    queue: list[tuple[int, int, int, int]] = [
        (rng.randrange(600_000), who, 0, 0) for who in range(len(weights))
    ]
    heapq.heapify(queue)
    while queue:
        at, who, held, charge = heapq.heappop(queue)
        if held:
            row, members[who] = pool.settle(row, members[who], held, charge)
            heapq.heappush(queue, (at + rng.randrange(120_000), who, 0, 0))
            continue
        if at >= DAY_MS:
            continue
        now = row.opens_at + at
        row, member = pool.arrive(row, members.get(who), str(who), weights[who], now)
        tokens = min(8_000, max(200, round(rng.lognormvariate(6.9, 0.75))))
        need, want = tokens // 3 + 64, tokens // 3 + 2_400
        grant = pool.decide(row, member, need, want, now).grant
        if grant:
            row, members[who] = pool.reserve(row, member, grant, now)
            done = at + rng.randrange(3_000, 40_000)
            heapq.heappush(queue, (done, who, grant, min(tokens, grant)))
        else:
            row, members[who] = pool.refuse(row, member, need, now)
            heapq.heappush(queue, (at + rng.randrange(1_200_000), who, 0, 0))
    return row, members


@pytest.mark.parametrize(
    ("weights", "least", "most"), [([1] * 20, 8_900, 11_500), ([1] * 10 + [3] * 10, 3_900, 6_000)]
)
def test_members_alike_and_always_hungry_end_within_a_turn_of_each_other(
    weights: list[int], least: int, most: int
) -> None:
    rng = Random(3)
    row = first_period("p", Period(0, DAY_MS), PoolRule(200_000), 20)
    for day in range(3):
        row, members = hungry_day(row, weights, rng)
        per_weight = [member.used // member.weight for member in members.values()]
        assert least <= min(per_weight) <= max(per_weight) <= most
        assert row.used >= 197_000
        period = Period((day + 1) * DAY_MS, (day + 2) * DAY_MS)
        row = next_period(row, period, PoolRule(200_000), 20)


@pytest.mark.parametrize("asks", [1, 2])
@pytest.mark.parametrize("seed", range(3))
def test_a_grabber_from_the_first_moment_leaves_everyone_half_a_share(asks: int, seed: int) -> None:
    """200 members, 100,000 tokens, a first period: 199 want half of an equal share before 18:00."""
    rng = Random(seed)
    row = first_period("p", Period(0, DAY_MS), PoolRule(100_000), 200)
    members: dict[int, PoolMember] = {}
    # When, who, what is held and what of it will be charged, how much the ask takes.
    queue = [(0, 0, 0, 0, 900)]
    for who in range(1, 200):
        queue += [(rng.randrange(DAY_MS * 3 // 4), who, 0, 0, 250 // asks) for _ in range(asks)]
    heapq.heapify(queue)
    while queue:
        at, who, held, charge, tokens = heapq.heappop(queue)
        if held:
            row, members[who] = pool.settle(row, members[who], held, charge)
            if who == 0:
                heapq.heappush(queue, (at + 1_000, 0, 0, 0, tokens))
        elif at < DAY_MS:
            row, member = pool.arrive(row, members.get(who), str(who), 1, at)
            need, want = tokens // 2, tokens // 2 + 700
            grant = pool.decide(row, member, need, want, at).grant
            if grant:
                row, members[who] = pool.reserve(row, member, grant, at)
                done = at + rng.randrange(1_000, 8_000)
                heapq.heappush(queue, (done, who, grant, min(grant, tokens), tokens))
            else:
                assert who == 0, "only the grabber is refused"
                row, members[who] = pool.refuse(row, member, need, at)
                heapq.heappush(queue, (at + 20_000, 0, 0, 0, tokens))
    assert row.used >= 97_000
