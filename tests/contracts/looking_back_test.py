"""What people look back at, the same from every store."""

import pytest

from quota.errors import StoreUnavailableError
from quota.store import SpentRow, Store
from quota.units import Rates
from tests.contracts.store_desk import Desk
from tests.fakes import DAY, HOUR, MORNING, requester

ANA, BO = "console:console:ana", "console:console:bo"
MIDNIGHT = MORNING + 15 * HOUR


async def test_what_was_charged_is_summed_by_member_and_model(store: Store) -> None:
    desk = Desk(store, "everyone: 10k tokens/day")
    desk.rates = Rates(1_000_000, 500_000, 2_000_000, 2_000_000)
    await desk.settle(await desk.hold(input_=100, cap=500), 100, 50, cached=40)
    await desk.settle(await desk.hold(input_=100, cap=500), 100, 50)
    await desk.settle(await desk.hold("bo", cap=500), 0, 7)
    await desk.release(await desk.hold("bo", cap=500))
    await desk.grant(5_000)
    assert await store.spending("console:console:", 0, MORNING + 1) == [
        SpentRow(ANA, "mini", 2, 300, 380, 200, 40, 100),
        SpentRow(BO, "mini", 1, 7, 14, 0, 0, 7),
    ]


async def test_only_the_stretch_and_the_wallets_that_are_asked_for_count(store: Store) -> None:
    desk = Desk(store)
    await desk.spend(10)
    desk.now += HOUR
    await desk.spend(20)
    desk.now += HOUR
    await desk.spend(40)
    rows = await store.spending(ANA, MORNING + HOUR, MORNING + 2 * HOUR)
    assert [(r.requests, r.tokens) for r in rows] == [(1, 20)]
    assert await store.spending("console:console:a%", 0, desk.now + 1) == []
    assert await store.spending("discord:7:", 0, desk.now + 1) == []


async def test_a_lapse_was_charged_as_well(store: Store) -> None:
    desk = Desk(store, "everyone: 10k tokens/day")
    await desk.hold(input_=30, cap=500)
    desk.now += DAY
    (lapsed,) = await store.lapse(desk.now, 10)
    (row,) = await store.spending(ANA, 0, desk.now + 1)
    assert (row.requests, row.tokens) == (1, lapsed.tokens)


async def test_each_period_tells_what_was_spent_in_it(store: Store) -> None:
    desk = Desk(store, "everyone: 100 tokens/day")
    (bound,) = desk.bounds(requester("ana"))
    await desk.spend(30)
    desk.now += DAY
    await desk.grant(50)
    await desk.spend(120)
    desk.now += 2 * DAY
    await desk.sees()
    assert await store.periods(bound.book, 0) == [
        (MIDNIGHT - DAY, 30),
        (MIDNIGHT, 120),
    ]
    assert await store.periods(bound.book, MIDNIGHT) == [(MIDNIGHT, 120)]
    assert await store.periods("no such book", 0) == []


async def test_ones_own_entries_are_read_oldest_first_and_at_most_so_many(store: Store) -> None:
    desk = Desk(store)
    for amount in (10, 20, 30):
        await desk.spend(amount)
        await desk.spend(1, "bo")
    assert [e.tokens for e in await store.entries_of(ANA, 10)] == [10, 20, 30]
    assert [e.tokens for e in await store.entries_of(ANA, 2)] == [20, 30]
    assert [e.tokens for e in await store.entries_of(ANA, 10, among=3)] == [30]
    assert await store.entries_of("console:console:cy", 10) == []


async def test_closed_books_are_not_looked_back_at(store: Store) -> None:
    await store.close()
    for verb in (store.spending("", 0, 1), store.periods("", 0), store.entries_of(ANA, 1)):
        with pytest.raises(StoreUnavailableError):
            await verb
