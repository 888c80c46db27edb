"""Fair pools in a file: what is forgotten of them, and what becomes of what is not written."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from adapters.sqlite import SqliteStore
from quota.errors import StoreUnavailableError
from tests.contracts.store_desk import Desk
from tests.fakes import DAY, HOUR, MORNING

NOON = MORNING + 3 * HOUR
FAIR = "space: 10k tokens/day fair floor 400"


async def opened(path: Path, now: int = NOON) -> Desk:
    store = await SqliteStore.open(path, now=now, synchronous="NORMAL")
    return Desk(store, FAIR, now=now)


def look(path: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        return db.execute(statement).fetchall()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "books.db"


async def test_old_periods_go_with_everybody_and_the_last_one_stays(path: Path) -> None:
    desk = await opened(path)
    for _ in range(3):
        for number in range(3):
            await desk.spend(50, f"m{number}")
        desk.now += DAY
    assert look(path, "SELECT count(*) FROM pool_members") == [(9,)]
    desk.now += 5 * DAY
    before = await desk.sees("m1")
    gone = await desk.store.prune(desk.now, events_ms=DAY, entries_ms=400 * DAY)
    assert gone == 2 + 6
    assert look(path, "SELECT count(*) FROM pools") == [(1,)]
    assert look(path, "SELECT count(*) FROM pool_members") == [(3,)]
    assert await desk.sees("m1") == before, "what the last period taught stays"
    assert await desk.store.verify() == []
    assert await desk.store.prune(desk.now, events_ms=DAY, entries_ms=400 * DAY) == 0
    await desk.store.close()


async def test_how_often_a_pool_was_asked_is_known_though_nothing_was_settled(path: Path) -> None:
    desk = await opened(path)
    desk.hold_ms = HOUR
    for _ in range(3):
        await desk.hold(cap=100)
    asks = sum(int(n) for n in str(look(path, "SELECT asks FROM pools")[0][0]).split(","))
    assert asks == 3
    await desk.store.close()


async def test_a_period_of_which_something_is_held_stays(path: Path) -> None:
    desk = await opened(path)
    desk.hold_ms = 30 * DAY
    late = await desk.hold(cap=100)
    for _ in range(2):
        desk.now += DAY
        await desk.spend(50, "bo")
    desk.now += 5 * DAY
    await desk.store.prune(desk.now, events_ms=DAY, entries_ms=400 * DAY)
    assert look(path, "SELECT count(*) FROM pools") == [(2,)]
    await desk.settle(late, 0, 80)
    assert await desk.store.verify() == []
    await desk.store.close()


async def test_what_could_not_be_written_of_a_pool_is_in_memory_neither(path: Path) -> None:
    desk = await opened(path)
    await desk.spend(100)
    before = await desk.sees()
    look(
        path,
        "CREATE TRIGGER full BEFORE INSERT ON pool_members"
        " BEGIN SELECT RAISE(ABORT, 'no room'); END",
    )
    with pytest.raises(StoreUnavailableError):
        await desk.spend(100, "bo")
    look(path, "DROP TRIGGER full")
    assert await desk.sees() == before
    await desk.spend(100, "bo")
    assert await desk.store.verify() == []
    await desk.store.close()


async def test_a_settlement_that_waits_keeps_what_it_holds_of_a_pool(path: Path) -> None:
    desk = await opened(path)
    held = await desk.hold(cap=300)
    kept = (await desk.sees())[0].pool
    look(
        path,
        "CREATE TRIGGER full BEFORE UPDATE ON pools BEGIN SELECT RAISE(ABORT, 'no room'); END",
    )
    with pytest.raises(StoreUnavailableError):
        await desk.settle(held, 0, 200)
    assert (await desk.sees())[0].pool == kept
    assert (await desk.sees())[0].held == 300
    look(path, "DROP TRIGGER full")
    await desk.settle(held, 0, 200)
    (stands,) = await desk.sees()
    assert (stands.used, stands.held) == (200, 0)
    assert await desk.store.verify() == []
    await desk.store.close()


async def test_who_dies_is_charged_and_keeps_what_is_kept_for_others(path: Path) -> None:
    desk = await opened(path)
    await desk.spend(50, "bo")
    await desk.hold("ana", cap=300)
    (bo,) = await desk.sees("bo")
    await desk.store.close()
    again = await opened(path)
    (after,) = await again.sees("bo")
    assert (after.pool and after.pool.kept) == (bo.pool and bo.pool.kept) != 0
    (ana,) = await again.sees("ana")
    assert (ana.pool and ana.pool.used, ana.held) == (256, 0)
    assert await again.store.verify() == []
    await again.store.close()


async def test_a_visitor_sees_a_pool_as_the_bot_does(path: Path) -> None:
    desk = await opened(path)
    await desk.hold("ana", cap=300)
    reader = await SqliteStore.open_reader(path)
    here, there = await desk.sees(), await Desk(reader, FAIR, now=NOON).sees()
    assert here == there
    await reader.close()
    await desk.store.close()
