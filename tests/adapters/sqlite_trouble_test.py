"""Bad days: the disk is full, read-only, locked or damaged. Fail closed, lose no settlement."""

import asyncio
import shutil
import sqlite3
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import pytest

from adapters.sqlite import SqliteStore
from adapters.sqlite.files import Ballast
from adapters.sqlite.spill import Late, Spill
from quota.books import Books
from quota.errors import StoreUnavailableError, UnknownHoldError
from quota.units import Rates, Usage
from quota.verdicts import Granted, Seen
from tests.adapters.sqlite_kit import (
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

# Longer than any free room inside the file's pages.
LONG = "x" * 20_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "books.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(path, now=MORNING)
    yield store
    await store.close()


def spilled(path: Path) -> list[str]:
    file = path.with_name("books.db-spill")
    return file.read_text().split("\n\n") if file.exists() else []


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


async def fill_up(store: SqliteStore) -> None:
    [(pages,)] = await say(store, "PRAGMA page_count")
    await say(store, f"PRAGMA max_page_count = {pages}")


async def make_room(store: SqliteStore) -> None:
    await say(store, "PRAGMA max_page_count = 1000000")


async def held(store: SqliteStore) -> tuple[int, int]:
    """What memory says is used and held."""
    balance = (await store.balances(wallet(), bounds(), MORNING))[0]
    return balance.used, balance.held


async def on_disk(path: Path) -> tuple[int, int]:
    """What the file says."""
    reader = await SqliteStore.open_reader(path)
    try:
        return await held(reader)
    finally:
        await reader.close()


async def test_on_a_full_disk_an_ask_is_refused_and_changes_nothing(
    store: SqliteStore, path: Path
) -> None:
    await hold(store)
    await fill_up(store)
    with pytest.raises(StoreUnavailableError, match=r"right now: the disk is full$"):
        await store.reserve(ask(LONG), MORNING)
    assert await held(store) == await on_disk(path) == (0, 200)
    await make_room(store)
    assert isinstance(await store.reserve(ask(LONG), MORNING), Granted)
    assert await store.verify() == []


async def test_one_that_does_not_fit_does_not_stop_those_that_do(
    store: SqliteStore, path: Path
) -> None:
    numbers = [await hold(store, name=f"m{n}") for n in range(3)]
    await fill_up(store)
    async with busy(store):
        large = asyncio.create_task(store.reserve(ask(LONG), MORNING))
        small = [asyncio.create_task(store.settle(used(n), MORNING)) for n in numbers]
        await let_run()
    assert [(await one).tokens for one in small] == [150, 150, 150]
    with pytest.raises(StoreUnavailableError):
        await large
    assert look(path, "SELECT count(*) FROM holds") == [(0,)]
    await make_room(store)
    assert await store.verify() == []


async def test_a_settlement_that_finds_no_room_waits_in_a_file_and_lands(
    store: SqliteStore, path: Path
) -> None:
    number = await hold(store)
    await fill_up(store)
    with pytest.raises(StoreUnavailableError):
        await store.settle(used(number, note=LONG), MORNING + 7)
    assert len(spilled(path)) == 1
    assert mode(path.with_name("books.db-spill")) == 0o600
    assert await store.catch_up(MORNING + 8) == 1
    assert await held(store) == await on_disk(path) == (0, 200)
    await make_room(store)
    assert await store.catch_up(MORNING + 9) == 0
    assert spilled(path) == []
    assert await held(store) == (150, 0)
    [entry] = [entry async for entry in store.entries(0, None)]
    assert (entry.kind, entry.tokens, entry.source, entry.note) == ("settle", 150, "provider", LONG)
    assert await store.verify() == []


async def test_what_waits_lands_before_the_next_ask_is_decided(store: SqliteStore) -> None:
    number = await hold(store)
    await fill_up(store)
    with pytest.raises(StoreUnavailableError):
        await store.release(number, LONG, MORNING)
    await make_room(store)
    assert await store.would_refuse(ask("next"), MORNING) is None
    assert await held(store) == (0, 0)
    assert not (await store.release(number, "again", MORNING)).first


async def test_what_waits_lands_when_the_books_are_opened_again(path: Path) -> None:
    store = await SqliteStore.open(path, now=MORNING)
    first, second = await hold(store), await hold(store)
    await fill_up(store)
    for move in (store.settle(used(first, note=LONG), MORNING), store.release(second, LONG, 0)):
        with pytest.raises(StoreUnavailableError):
            await move
    await store.close()
    assert len(spilled(path)) == 2
    store = await SqliteStore.open(path, now=MORNING)
    assert store.recovered == []
    kinds = {entry.hold_id: entry.kind async for entry in store.entries(0, None)}
    assert kinds == {first: "settle", second: "release"}
    assert spilled(path) == []
    assert await store.verify() == []
    await store.close()


async def test_landing_twice_is_harmless(path: Path) -> None:
    store = await SqliteStore.open(path, now=MORNING)
    number = await hold(store)
    await store.settle(used(number), MORNING)
    await store.close()
    late = Late(number, Usage(100, 0, 90, 0), "counted", "", MORNING, "", None, None)
    unknown = late._replace(hold_id=99)
    spill = Spill(path)
    for one in (late, unknown, unknown):
        spill.add(one)
    with path.with_name("books.db-spill").open("a") as file:
        file.write("[3, [100, 0, 5")
    store = await SqliteStore.open(path, now=MORNING)
    assert await held(store) == (150, 0)
    assert spilled(path) == []
    with pytest.raises(UnknownHoldError):
        await store.release(99, "", MORNING)
    await store.close()


async def test_the_ballast_makes_room_for_a_settlement(store: SqliteStore, path: Path) -> None:
    ballast = path.with_name("books.db-ballast")
    number = await hold(store)
    await fill_up(store)
    assert (ballast.stat().st_blocks * 512, ballast.stat().st_size) >= (1 << 20, 1 << 20)
    with pytest.raises(StoreUnavailableError):
        await store.reserve(ask(LONG), MORNING)
    assert ballast.exists()
    async with heard(store) as said:
        with pytest.raises(StoreUnavailableError):
            await store.settle(used(number, note=LONG), MORNING)
        assert said.count("BEGIN IMMEDIATE") == 3  # with others, alone, and with more room
    assert size(ballast) == 1 << 17
    assert await store.catch_up(MORNING) == 1
    assert size(ballast) == 1 << 20


def size(file: Path) -> int:
    return file.stat().st_size


def test_the_last_of_the_ballast_is_kept_for_what_finds_no_room(path: Path) -> None:
    ballast = Ballast(path)
    ballast.take_aboard()
    assert ballast.drop()
    assert not ballast.drop()
    assert size(ballast.path) == 1 << 17
    assert ballast.drop_rest()
    assert not ballast.drop_rest()
    ballast.take_aboard()
    assert size(ballast.path) == 1 << 20


def test_a_line_that_was_cut_off_costs_only_itself(path: Path) -> None:
    rates = Rates(1, 2, 3, 4)
    late = Late(7, Usage(1, 0, 2, 0), "provider", "a \ud800 note\n", MORNING, "m", rates, 5)
    spill = Spill(path)
    with spill.path.open("w") as file:
        file.write(late._replace(hold_id=1).line + late.line[:9])
    assert spill.add(late._replace(hold_id=2))
    assert spill.add(late._replace(hold_id=3, usage=None))
    assert [*Spill(path)] == [
        late._replace(hold_id=1),
        late._replace(hold_id=2),
        late._replace(hold_id=3, usage=None),
    ]


def test_no_ballast_is_taken_from_a_disk_that_has_no_room(tmp_path: Path) -> None:
    ballast = Ballast(tmp_path / "missing" / "books.db")
    ballast.take_aboard()
    assert not ballast.drop()
    assert not ballast.drop_rest()


async def test_read_only_books_still_tell_balances(store: SqliteStore, path: Path) -> None:
    number = await hold(store)
    await say(store, "PRAGMA query_only = 1")
    for move in (
        store.reserve(ask("e"), MORNING),
        store.settle(used(number), MORNING),
        store.grant(gift(), act(), MORNING),
    ):
        with pytest.raises(StoreUnavailableError, match="it is read-only"):
            await move
    assert await held(store) == (0, 200)
    await say(store, "PRAGMA query_only = 0")
    assert await store.catch_up(MORNING) == 0
    assert await held(store) == await on_disk(path) == (150, 0)
    assert await store.verify() == []


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another program holds the write lock."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


async def test_locked_books_refuse_after_one_wait_whoever_came_meanwhile(
    store: SqliteStore, path: Path
) -> None:
    number = await hold(store)
    await say(store, "PRAGMA busy_timeout = 0")
    with locked(path):
        async with heard(store) as said:
            async with busy(store):
                asks = [asyncio.create_task(store.reserve(ask(f"e{n}"), MORNING)) for n in range(9)]
                reading = asyncio.create_task(held(store))
                settling = asyncio.create_task(store.settle(used(number), MORNING))
                await let_run()
            for move in (*asks, settling):
                with pytest.raises(StoreUnavailableError, match="another program holds its lock"):
                    await move
            assert await reading == (0, 200)
            assert said.count("BEGIN IMMEDIATE") == 1
        assert len(spilled(path)) == 1
    assert isinstance(await store.reserve(ask("e1"), MORNING), Granted)
    assert await held(store) == await on_disk(path) == (150, 200)
    assert spilled(path) == []


async def test_who_came_while_others_waited_for_the_lock_does_not_wait_again(
    store: SqliteStore, path: Path
) -> None:
    await say(store, "PRAGMA busy_timeout = 0")
    with locked(path):
        async with heard(store) as said:
            async with busy(store):
                first = writer(store).ask(lambda books: books.accept("a", "", MORNING))
                # Too many for one batch: the second batch came before the lock was found.
                more = [writer(store).ask(partial(accept, n)) for n in range(1_500)]
            for answer in (first, *more):
                with pytest.raises(StoreUnavailableError):
                    await answer
            assert said.count("BEGIN IMMEDIATE") == 1


def accept(number: int, books: Books) -> Seen | None:
    return books.accept(f"e{number}", "", MORNING)


async def test_what_the_disk_refuses_is_nowhere(store: SqliteStore, path: Path) -> None:
    """An entry that cannot be written takes its counters with it."""
    number = await hold(store)

    def no_entries(action: int, table: str | None, *_: str | None) -> int:
        denied = action == sqlite3.SQLITE_INSERT and table == "entries"
        return sqlite3.SQLITE_DENY if denied else sqlite3.SQLITE_OK

    await writer(store).ask(lambda _: desk(store).db.set_authorizer(no_entries))
    async with busy(store):
        settling = asyncio.create_task(store.settle(used(number), MORNING))
        asking = asyncio.create_task(store.reserve(ask("e", name="bob"), MORNING))
        await let_run()
    assert isinstance(await asking, Granted)
    with pytest.raises(StoreUnavailableError, match="the log says why"):
        await settling
    assert await held(store) == await on_disk(path) == (0, 200)
    await writer(store).ask(lambda _: desk(store).db.set_authorizer(None))
    assert await held(store) == await on_disk(path) == (150, 0)
    assert await store.verify() == []


def ruin(path: Path, table: str) -> None:
    [(page,)] = look(path, "SELECT rootpage FROM sqlite_master WHERE name = ?", (table,))
    with path.open("r+b") as file:
        file.seek((page - 1) * 4_096)
        file.write(b"\xff" * 4_096)


async def test_damage_stops_everything_until_a_backup_is_put_back(path: Path) -> None:
    backup = path.with_name("backup.db")
    store = await SqliteStore.open(path, now=MORNING)
    number = await hold(store, "e1")
    await store.backup(str(backup))
    await say(store, "PRAGMA wal_checkpoint(TRUNCATE)")
    ruin(path, "events")
    await say(store, "PRAGMA shrink_memory")
    with pytest.raises(StoreUnavailableError, match=r"damaged.*put a backup in its place"):
        await store.reserve(ask("e2"), MORNING)
    for verb in (
        store.settle(used(number), MORNING),
        store.balances(wallet(), bounds(), MORNING),
        store.grants(wallet(), MORNING),
        store.lapse(MORNING, 5),
        store.grant(gift(), act(), MORNING),
    ):
        with pytest.raises(StoreUnavailableError, match="damaged"):
            await verb
    await store.close()
    shutil.move(backup, path)
    store = await SqliteStore.open(path, now=MORNING)
    assert store.recovered == []
    assert await held(store) == (150, 0)
    assert await store.verify() == []
    await store.close()


async def test_damage_that_a_reader_meets_stops_the_writer_too(path: Path) -> None:
    store = await SqliteStore.open(path, now=MORNING)
    await store.audit(act(), MORNING)
    await say(store, "PRAGMA wal_checkpoint(TRUNCATE)")
    ruin(path, "audit_by_space")
    with pytest.raises(StoreUnavailableError, match="damaged"):
        await store.audit_trail(act().space, 0, 10)
    with pytest.raises(StoreUnavailableError, match="damaged"):
        await store.reserve(ask("e"), MORNING)
    await store.close()
