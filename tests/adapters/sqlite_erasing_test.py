"""Erasing in a file: nothing of a member is left in its bytes, and a start goes on with it."""

import sqlite3
from functools import partial
from pathlib import Path

from adapters.sqlite import erasing
from adapters.sqlite.store import SqliteStore
from adapters.sqlite.writer import Writer
from quota.store import FlagRow
from tests.contracts.store_desk import Desk
from tests.fakes import DAY, HOUR, MORNING

MALLORY = "console:console:mallory"


async def opened(path: Path, now: int = MORNING) -> SqliteStore:
    return await SqliteStore.open(path, now=now)


async def spent(desk: Desk, times: int) -> None:
    for _ in range(times):
        await desk.spend(1, "mallory")


async def test_the_bytes_of_the_file_tell_nothing(tmp_path: Path) -> None:
    path = tmp_path / "books.db"
    store = await opened(path)
    desk = Desk(store, "everyone: 9000 tokens/day", "everyone: 900 requests/rolling 2h")
    await spent(desk, 450)
    await desk.grant(5, name="mallory")
    await store.close()
    assert MALLORY.encode() in path.read_bytes()
    desk.store = store = await opened(path)
    await store.erase(MALLORY, desk.now)
    assert await store.verify() == []
    await store.close()
    assert b"mallory" not in path.read_bytes()


async def test_nothing_is_left_beside_the_file_while_it_is_open(tmp_path: Path) -> None:
    path = tmp_path / "books.db"
    store = await opened(path)
    desk = Desk(store, "everyone: 9000 tokens/day")
    await spent(desk, 3)
    chosen = FlagRow("console:console", "member", "mallory", '{"model":"mini"}', None)
    await store.put_flag(chosen, None, desk.now)
    wal = path.with_name("books.db-wal")
    assert b"mallory" in wal.read_bytes()
    await store.put_flag(chosen._replace(value=""), None, desk.now)
    await store.erase(MALLORY, desk.now)
    assert b"mallory" not in path.read_bytes() + wal.read_bytes()
    await store.close()


async def test_what_somebody_still_reads_is_wiped_in_the_next_idle_moment(tmp_path: Path) -> None:
    path = tmp_path / "books.db"
    store = await opened(path)
    desk = Desk(store, "everyone: 9000 tokens/day")
    await spent(desk, 3)
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM entries").fetchall()
    await store.erase(MALLORY, desk.now)
    wal = path.with_name("books.db-wal")
    assert b"mallory" in path.read_bytes() + wal.read_bytes()
    reader.close()
    writer = store.writer
    assert isinstance(writer, Writer)
    await writer.ask(lambda _: writer.desk.tidy())
    assert b"mallory" not in path.read_bytes() + wal.read_bytes()
    await store.close()


async def test_who_has_done_it_is_told_once(tmp_path: Path) -> None:
    store = await opened(tmp_path / "books.db")
    desk = Desk(store, "everyone: 9000 tokens/day")
    await spent(desk, 3)
    writer = store.writer
    assert isinstance(writer, Writer)
    first = partial(erasing.change_hands, writer.desk, MALLORY, desk.now, "cli:olga")
    name = await writer.ask(first, alone=True)
    await store.close()
    store = await opened(tmp_path / "books.db")
    await store.erase(MALLORY, desk.now, "upkeep")
    (row,) = await store.audit_trail("console:console", 0, 9)
    assert (row.actor, row.action, row.subject) == ("cli:olga", "erase", name)
    await store.close()


async def test_a_start_goes_on_with_whom_a_dead_process_was_erasing(tmp_path: Path) -> None:
    store = await opened(tmp_path / "books.db")
    desk = Desk(store, "everyone: 9000 tokens/day")
    await spent(desk, 3)
    writer = store.writer
    assert isinstance(writer, Writer)
    first = partial(erasing.change_hands, writer.desk, MALLORY, desk.now, "")
    name = await writer.ask(first, alone=True)
    assert MALLORY in await store.wallets(), "the entries are still theirs"
    await store.close()
    store = await opened(tmp_path / "books.db")
    assert store.unerased == [MALLORY]
    assert await store.erase(MALLORY, desk.now) == name
    assert await store.wallets() == [name]
    await store.close()
    store = await opened(tmp_path / "books.db")
    assert store.unerased == []
    await store.close()


async def test_the_key_goes_with_the_last_name(tmp_path: Path) -> None:
    store = await opened(tmp_path / "books.db")
    desk = Desk(store, "everyone: 9000 tokens/day")
    await spent(desk, 1)
    first = await store.erase(MALLORY, desk.now)
    desk.now += DAY + HOUR
    await store.prune(desk.now, events_ms=DAY, entries_ms=DAY * 9)
    await spent(desk, 1)
    assert await store.erase(MALLORY, desk.now) != first
    await store.close()
    with sqlite3.connect(tmp_path / "books.db") as db:
        assert db.execute("SELECT count(*) FROM erased").fetchone() == (1,)
        assert db.execute("SELECT count(*) FROM erasing").fetchone() == (0,)
    db.close()
