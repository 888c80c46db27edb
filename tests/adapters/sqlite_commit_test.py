"""One writer, shared commits: who waits together is written together, and answered afterwards."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.sqlite import SqliteStore
from quota.errors import StoreUnavailableError, UnknownHoldError
from quota.store import FlagRow, LimitRow
from quota.verdicts import Granted, Seen
from tests.adapters.sqlite_kit import (
    SPACE,
    act,
    ask,
    bounds,
    busy,
    desk,
    gift,
    heard,
    hold,
    look,
    say,
    used,
    wallet,
    writer,
)
from tests.fakes import MORNING, let_run


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "books.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(path, now=MORNING)
    yield store
    await store.close()


async def test_a_hundred_asks_that_wait_together_share_one_commit(store: SqliteStore) -> None:
    async with heard(store) as said:
        async with busy(store) as go:
            asks = [asyncio.create_task(hold(store, f"e{n}", name=f"m{n}")) for n in range(100)]
            await let_run()
            go()
        assert sorted(await asyncio.gather(*asks)) == list(range(1, 101))
        assert said.count("BEGIN IMMEDIATE") == 1
        assert said.count("COMMIT") == 1


async def test_who_came_before_is_known_among_a_hundred(path: Path) -> None:
    """The events of a crowd are looked up together; each is answered as if it came alone."""
    store = await SqliteStore.open(path, now=MORNING)
    await hold(store, "cut off")
    await store.close()
    store = await SqliteStore.open(path, now=MORNING)
    await store.accept("heard", "", MORNING)
    crowd = [f"e{n}" for n in range(100)]
    crowd[3:3] = ["heard", "e1", "cut off", "cut off"]
    async with busy(store) as go:
        asks = [asyncio.create_task(store.reserve(ask(event), MORNING)) for event in crowd]
        other = asyncio.create_task(store.reserve(ask("heard", says="else"), MORNING))
        await let_run()
        go()
    verdicts = [await one for one in asks]
    assert [v.how if isinstance(v, Seen) else "new" for v in verdicts] == [
        *["new"] * 3, "duplicate", "duplicate", "interrupted", "duplicate", *["new"] * 97,
    ]  # fmt: skip
    assert await other == Seen("reused")
    assert await store.reserve(ask("e50"), MORNING) == Seen("duplicate")
    await store.close()


async def test_settlements_share_a_commit_too(store: SqliteStore) -> None:
    holds = [await hold(store, name=f"m{n}") for n in range(20)]
    async with heard(store) as said:
        async with busy(store) as go:
            done = [asyncio.create_task(store.settle(used(id_), MORNING)) for id_ in holds]
            await let_run()
            go()
        assert {(await one).tokens for one in done} == {150}
        assert said.count("COMMIT") == 1
    assert await store.verify() == []


async def test_what_is_kept_for_an_ask_shares_its_commit(store: SqliteStore) -> None:
    note = FlagRow(SPACE, "open", "e1", "its message", None)
    async with heard(store) as said:
        async with busy(store) as go:
            keeping = asyncio.create_task(store.put_flag(note, None, MORNING))
            asking = asyncio.create_task(hold(store, "e1"))
            await let_run()
            go()
        await asyncio.gather(keeping, asking)
        assert said.count("COMMIT") == 1
    assert await store.flags() == [note]


async def test_who_is_answered_is_on_disk(store: SqliteStore, path: Path) -> None:
    async def turn(number: int) -> None:
        hold_id = await hold(store, f"e{number}", name=f"m{number}")
        assert look(path, "SELECT event FROM holds WHERE id = ?", (hold_id,))
        await store.settle(used(hold_id), MORNING)
        assert look(path, "SELECT tokens FROM entries WHERE hold_id = ?", (hold_id,)) == [(150,)]

    await asyncio.gather(*(turn(number) for number in range(30)))


async def test_to_reserve_writes_no_counter_that_is_there(store: SqliteStore) -> None:
    """What is held is the sum of the holds: the row of the hold says it all."""
    await hold(store, "first")
    async with heard(store) as said:
        await hold(store, "second")
        assert any(line.startswith("INSERT INTO holds") for line in said)
        assert not any("counters" in line for line in said if not line.startswith("SELECT"))


async def test_reading_balances_writes_nothing(store: SqliteStore) -> None:
    await hold(store)
    async with heard(store) as said:
        first = (await store.balances(wallet(), bounds(), MORNING))[0]
        assert (first.used, first.held) == (0, 200)
        assert await store.grants(wallet(), MORNING) == []
        assert await store.would_refuse(ask(), MORNING) is None
        assert not any(line.startswith("BEGIN") for line in said)


async def test_a_cancelled_caller_abandons_the_answer_and_not_the_transaction(
    store: SqliteStore, path: Path
) -> None:
    hold_id = await hold(store)
    async with busy(store):
        asking = asyncio.create_task(store.reserve(ask("late"), MORNING))
        settling = asyncio.create_task(store.settle(used(hold_id), MORNING))
        await let_run()
        asking.cancel()
        settling.cancel()
        await let_run()
        assert asking.cancelled()
        assert settling.cancelled()
    assert await store.reserve(ask("late"), MORNING) == Seen("duplicate")
    assert look(path, "SELECT count(*) FROM entries") == [(1,)]
    assert not desk(store).db.in_transaction
    assert await store.verify() == []


async def test_cancelled_in_a_storm_the_books_still_agree(store: SqliteStore, path: Path) -> None:
    async def turn(number: int) -> None:
        await store.settle(used(await hold(store, f"e{number}", name=f"m{number % 7}")), MORNING)

    turns = [asyncio.create_task(turn(number)) for number in range(90)]
    for number, one in enumerate(turns):
        if number % 3 == 0:
            await asyncio.sleep(0)
            one.cancel()
    await asyncio.gather(*turns, return_exceptions=True)
    assert await store.verify() == []
    assert await store.lapse(MORNING * 2, 500) == [] or await store.verify() == []
    assert look(path, "SELECT count(*) FROM holds") == [(0,)]


async def test_an_ask_for_an_unknown_hold_fails_alone(store: SqliteStore) -> None:
    async with busy(store):
        good = asyncio.create_task(store.reserve(ask("a"), MORNING))
        bad = asyncio.create_task(store.settle(used(77), MORNING))
        more = asyncio.create_task(store.reserve(ask("b"), MORNING))
        await let_run()
    assert isinstance(await good, Granted)
    assert isinstance(await more, Granted)
    with pytest.raises(UnknownHoldError):
        await bad
    assert await store.verify() == []


async def test_a_poisonous_op_only_fails_itself(store: SqliteStore, path: Path) -> None:
    hold_id = await hold(store)
    async with busy(store):
        before = asyncio.create_task(store.reserve(ask("a"), MORNING))
        poison = asyncio.create_task(store.reserve(ask("half a \ud800 letter"), MORNING))
        after = asyncio.create_task(store.settle(used(hold_id), MORNING))
        await let_run()
    assert isinstance(await before, Granted)
    assert (await after).tokens == 150
    with pytest.raises(StoreUnavailableError) as told:
        await poison
    assert "surrogate" not in str(told.value)
    assert look(path, "SELECT event FROM holds") == [("a",)]
    assert (await store.balances(wallet(), bounds(), MORNING))[0].held == 200
    assert await store.verify() == []


async def test_a_settlement_that_never_can_be_written_is_left_to_lapse(
    store: SqliteStore,
) -> None:
    hold_id = await hold(store)
    with pytest.raises(StoreUnavailableError):
        await store.settle(used(hold_id, note="\ud800"), MORNING)
    assert await store.catch_up(MORNING) == 0
    [lapsed] = await store.lapse(MORNING + 3_600_000, 10)
    assert lapsed.hold_id == hold_id
    assert await store.verify() == []


async def test_order_is_kept_between_moves_and_statements(store: SqliteStore) -> None:
    async with busy(store):
        first = asyncio.create_task(store.reserve(ask("a", "everyone: 200 tokens/day"), MORNING))
        given = asyncio.create_task(store.grant(gift(200), act(), MORNING))
        second = asyncio.create_task(store.reserve(ask("b", "everyone: 200 tokens/day"), MORNING))
        await let_run()
    assert isinstance(await first, Granted)
    assert (await given).amount == 200
    assert isinstance(await second, Granted)
    assert await store.verify() == []


async def test_what_admins_set_is_read_back(store: SqliteStore) -> None:
    row = LimitRow(SPACE, "everyone", "", "allowance", "5 requests/day", "*")
    await store.put_limit("k", row, act("limit"), MORNING)
    await store.put_limit("k", row._replace(rule="6 requests/day"), act("limit"), MORNING + 1)
    assert await store.limits() == [row._replace(rule="6 requests/day")]
    assert await store.drop_limit("k", SPACE, act("drop"), MORNING + 2)
    assert not await store.drop_limit("k", SPACE, act("drop"), MORNING + 3)
    flag = FlagRow(SPACE, "pause", "", "because", None)
    await store.put_flag(flag, act("pause"), MORNING + 4)
    assert await store.flags() == [flag]
    await store.put_flag(flag._replace(value=""), act("resume"), MORNING + 5)
    assert await store.flags() == []
    await store.audit(act("refused"), MORNING + 6)
    trail = await store.audit_trail(SPACE, MORNING + 1, 3)
    assert [row.action for row in trail] == ["refused", "resume", "pause"]
    assert [row.at - MORNING for row in trail] == [6, 5, 4]


async def test_an_act_and_its_trail_are_one_transaction(store: SqliteStore) -> None:
    with pytest.raises(StoreUnavailableError):
        await store.grant(gift(), act("half a \ud800 letter"), MORNING)
    assert await store.grants(wallet(), MORNING) == []
    assert await store.wallets() == []
    assert await store.audit_trail(SPACE, 0, 10) == []


async def test_the_mark_survives_and_can_be_lowered(path: Path) -> None:
    store = await SqliteStore.open(path, now=MORNING)
    await hold(store, now=MORNING + 1_000)
    await store.close()
    store = await SqliteStore.open(path, now=MORNING - 5_000)
    assert [entry.at async for entry in store.entries(0, None)] == [MORNING + 1_000]
    assert await store.lower_mark(MORNING - 5_000) == MORNING + 1_000
    await store.close()
    store = await SqliteStore.open(path, now=MORNING - 4_000)
    await hold(store, now=MORNING - 4_000)
    assert await say(store, "SELECT mark FROM meta") == [(MORNING - 4_000,)]
    await store.close()


async def test_numbers_are_never_given_twice(path: Path) -> None:
    store = await SqliteStore.open(path, now=MORNING)
    first = await hold(store)
    await store.release(first, "", MORNING)
    await store.close()
    store = await SqliteStore.open(path, now=MORNING)
    assert await hold(store) == first + 1
    await store.close()


async def test_after_close_every_verb_says_so(store: SqliteStore) -> None:
    await store.close()
    for verb in (
        store.balances(wallet(), bounds(), MORNING),
        store.limits(),
        store.verify(),
        store.accept("e", "", MORNING),
    ):
        with pytest.raises(StoreUnavailableError, match="is closed"):
            await verb
    await store.close()


async def test_counters_that_were_let_go_come_back_as_they_were(store: SqliteStore) -> None:
    open_hold = await hold(store)
    await store.settle(used(await hold(store, "e", name="bob")), MORNING)
    before = await store.balances(wallet(), bounds(), MORNING)
    await writer(store).ask(lambda books: books.evict())
    assert await store.balances(wallet(), bounds(), MORNING) == before
    await writer(store).ask(lambda books: books.evict())
    assert (await store.settle(used(open_hold), MORNING)).tokens == 150
    assert await store.verify() == []
