"""Fair pools in the books: who waits, who is called, and what the books find when they differ."""

import pytest

from quota.ledger import Difference
from quota.memory import MemoryStore
from quota.pool_state import Pool
from quota.pool_terms import PoolRule, first_period
from quota.pools import Pools
from quota.quotas import Quotas
from quota.rules import Rules, Terms
from quota.verdicts import Granted, Refused
from quota.waiting import Lines
from quota.windows import Period
from tests.contracts.store_desk import Desk
from tests.fakes import DAY, HOUR, MORNING, FakeClock, policy, requester

NOON = MORNING + 3 * HOUR


def pool_desk(*lines: str) -> tuple[MemoryStore, Desk]:
    store = MemoryStore()
    return store, Desk(store, *lines or ("space: 10k tokens/day fair floor 100",), now=NOON)


class TestLines:
    def test_at_a_fair_pool_nobody_stands_in_front_of_another(self) -> None:
        lines = Lines()
        first = lines.join(("pool", "ana"), frozenset({"pool"}))
        second = lines.join(("pool", "bo"), frozenset({"pool"}))
        assert lines.is_first(second)
        first.turn.clear()
        second.turn.clear()
        lines.wake(["pool"])
        assert first.turn.is_set()
        assert second.turn.is_set()

    def test_elsewhere_the_first_one_stays_the_first(self) -> None:
        lines = Lines()
        first = lines.join(("house", "pool"), frozenset({"pool"}))
        second = lines.join(("house", "pool"), frozenset({"pool"}))
        assert not lines.is_first(second)
        first.turn.clear()
        lines.wake(["pool", "house"])
        assert first.turn.is_set()
        assert not second.turn.is_set()
        lines.leave(first)
        assert second.turn.is_set()

    def test_a_pool_that_is_fair_no_more_is_a_line_again(self) -> None:
        lines = Lines()
        lines.join(("pool",), frozenset({"pool"}))
        second = lines.join(("pool",), frozenset({"pool"}))
        lines.move(second, ("pool",))
        assert not lines.is_first(second)


async def test_what_is_held_of_a_pool_is_proven_by_the_holds() -> None:
    store, desk = pool_desk()
    await desk.hold(cap=100)
    assert await store.verify() == []
    pools = Pools(store.shelf, store.books.holds)
    ((account, _),) = store.shelf.pools.items()
    found = store.shelf.account_by_id(account)
    assert found is not None
    pool = pools.of(found)
    assert pool is not None
    assert list(pools.differences()) == []
    pool.row = pool.row._replace(held=90)
    name = "pool shared|tokens/day|*|space @console:console@1780272000000"
    assert list(pools.differences()) == [Difference(f"{name} held", 90, 100)]


async def test_what_members_used_is_proven_by_the_account_and_by_each_of_them() -> None:
    store, desk = pool_desk()
    await desk.spend(100)
    ((account, pool),) = store.shelf.pools.items()
    name = "pool shared|tokens/day|*|space @console:console@1780272000000"
    store.shelf.pools[account] = Pool(pool.account, pool.row._replace(used=99, claims=5))
    assert await store.verify() == [
        Difference(f"{name} used", 99, 100),
        Difference(f"{name} kept", 5, 0),
        Difference(f"{name} used of its account", 99, 100),
    ]
    ((wallet, member),) = store.shelf.pool_members[account].items()
    store.shelf.pools[account] = pool
    store.shelf.pool_members[account][wallet] = member._replace(missed=5_000)
    assert [d.what for d in await store.verify()] == [f"{name} level 7", f"{name} level 13"]


async def test_a_pool_let_go_of_comes_back_with_what_is_held() -> None:
    store, desk = pool_desk()
    hold_id = await desk.hold(cap=100)
    before = await desk.sees()
    store.books.evict()
    assert store.books.resident == 0
    assert await desk.sees() == before
    store.books.evict()
    await desk.settle(hold_id, 0, 60)
    assert [(b.used, b.held) for b in await desk.sees()] == [(60, 0)]
    assert await store.verify() == []


async def test_yesterday_comes_back_for_a_late_settlement() -> None:
    store, desk = pool_desk()
    late = await desk.hold(cap=100)
    await desk.spend(50, "bo")
    desk.now += DAY
    await desk.spend(70)
    await desk.settle(late, 0, 80)
    assert await store.verify() == []
    assert [(b.used, b.held) for b in await desk.sees()] == [(70, 0)]


async def test_a_reset_of_who_never_came_writes_nothing_off() -> None:
    store, desk = pool_desk()
    await desk.spend(50, "bo")
    (stands,) = await desk.reset("ana", shared=True)
    assert stands.used == 50
    assert await store.verify() == []


async def test_a_dear_ask_is_refused_by_the_pool_and_a_small_one_is_not() -> None:
    _, desk = pool_desk("space: 10k tokens/day fair floor 100")
    await desk.spend(6_000)
    large = await desk.ask("bo", input_=5_000, cap=64)
    assert isinstance(large, Refused)
    assert (large.reason, large.opens_at is not None) == ("pool_used", True)
    assert large.fits is not None
    assert large.pool is not None
    small = await desk.ask("bo", input_=large.fits, cap=64)
    assert isinstance(small, Granted)


async def test_what_is_larger_than_the_pool_never_fits() -> None:
    _, desk = pool_desk("space: 1000 tokens/day fair")
    refused = await desk.ask(input_=5_000, cap=64)
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.opens_at) == ("too_large", None)


def test_a_pool_comes_at_rest() -> None:
    row = first_period("p", Period(0, DAY), PoolRule(100), 2)._replace(held=1)
    with pytest.raises(AssertionError, match="holds are put upon a pool"):
        Pool(1, row)


def test_a_first_period_reckons_with_half_of_those_whom_the_platform_counts() -> None:
    rules = Rules(policy("space: 1M tokens/day fair"))
    quotas = Quotas(MemoryStore(), FakeClock(), rules)
    quotas.peopled["console:console"] = 300
    terms = Terms("mini", ("mini",))
    (bound,) = quotas.bounds(requester(), terms)
    assert bound.members == 150
    (elsewhere,) = quotas.bounds(requester(space="slack:T1"), terms)
    assert elsewhere.members == 50
