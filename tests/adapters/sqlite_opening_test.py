"""How a database file is opened: for whom, by how many, and what is refused."""

import asyncio
import logging
import os
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from adapters.sqlite import SqliteStore
from adapters.sqlite.files import shared_file_system
from adapters.sqlite.opening import migrate, migrations
from quota.errors import StoreUnavailableError
from quota.verdicts import Seen
from tests.adapters.sqlite_kit import act, ask, bounds, gift, hold, look, say, used, wallet
from tests.fakes import MINUTE, MORNING

ROOT = Path(__file__).parent.parent.parent

# Opens the books, says so, turns until it is killed or its input ends.
OTHER_PROCESS = """
import asyncio, sys
from adapters.sqlite import SqliteStore
from tests.adapters.sqlite_kit import hold, used
from tests.fakes import MORNING

async def main():
    store = await SqliteStore.open(sys.argv[1], now=MORNING)
    print("open", flush=True)
    if sys.argv[2] == "wait":
        await asyncio.to_thread(sys.stdin.read)
        return await store.close()
    async def member(name):
        while True:
            hold_id = await hold(store, name=name)
            print("held", hold_id, flush=True)
            await store.settle(used(hold_id), MORNING)
            print("settled", hold_id, flush=True)
    await asyncio.gather(*(member(f"m{n}") for n in range(8)))

asyncio.run(main())
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "books.db"


async def other_process(path: Path, what: str) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-c", OTHER_PROCESS, str(path), what],
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"open\n"
    return process


async def opened(path: Path, now: int = MORNING) -> SqliteStore:
    return await SqliteStore.open(path, now=now)


def modes(path: Path) -> dict[str, int]:
    return {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}


def open_to_all(path: Path) -> None:
    path.chmod(0o644)


async def test_every_file_is_its_owners_alone(path: Path) -> None:
    store = await opened(path)
    await hold(store)
    assert set(modes(path).values()) == {0o600}
    names = {"books.db", "books.db-wal", "books.db-shm", "books.db-lock", "books.db-ballast"}
    assert set(modes(path)) == names
    await store.close()
    open_to_all(path)
    store = await opened(path)
    assert modes(path)["books.db"] == 0o600
    await store.close()


async def test_commits_reach_the_disk_before_they_are_told(path: Path) -> None:
    store = await opened(path)
    assert await say(store, "PRAGMA journal_mode") == [("wal",)]
    assert await say(store, "PRAGMA synchronous") == [(2,)]
    assert await say(store, "PRAGMA foreign_keys") == [(1,)]
    assert await say(store, "PRAGMA busy_timeout") == [(2_000,)]
    await store.close()
    store = await SqliteStore.open(path, now=MORNING, synchronous="NORMAL")
    assert await say(store, "PRAGMA synchronous") == [(1,)]
    await store.close()


async def test_a_second_writer_is_refused_and_told_who_holds_it(path: Path) -> None:
    store = await opened(path)
    with pytest.raises(StoreUnavailableError, match=rf"pid {os.getpid()}\): stop that one"):
        await opened(path)
    await store.close()
    await (await opened(path)).close()


async def test_another_process_holds_the_lock_until_it_ends(path: Path) -> None:
    process = await other_process(path, "wait")
    with pytest.raises(StoreUnavailableError, match=f"pid {process.pid}"):
        await opened(path)
    await process.communicate(b"")
    await (await opened(path)).close()


async def test_killed_at_any_moment_nothing_answered_is_lost(path: Path) -> None:
    held: set[int] = set()
    settled: set[int] = set()
    for _ in range(3):
        process = await other_process(path, "turn")
        assert process.stdout is not None
        for _ in range(200):
            word, number = (await process.stdout.readline()).split()
            (held if word == b"held" else settled).add(int(number))
        process.send_signal(signal.SIGKILL)
        for line in (await process.stdout.read()).splitlines():
            match line.split():
                case [b"held", number]:
                    held.add(int(number))
                case [b"settled", number]:
                    settled.add(int(number))
                case _:
                    pass  # a line that the kill cut off
        await process.communicate(b"")
        store = await opened(path)
        resolved = {e.hold_id: e.kind async for e in store.entries(0, None)}
        assert held <= set(resolved)
        assert {resolved[number] for number in settled} == {"settle"}
        assert await store.verify() == []
        assert look(path, "SELECT count(*) FROM holds") == [(0,)]
        assert look(path, "PRAGMA integrity_check") == [("ok",)]
        await store.close()


async def test_holds_of_a_dead_process_are_charged_before_anyone_asks(path: Path) -> None:
    store = await opened(path)
    number = await hold(store, "e1")
    await store.progress(number, 40, MORNING)
    await store.close()
    store = await opened(path, MORNING + MINUTE)
    [lapsed] = store.recovered
    assert (lapsed.hold_id, lapsed.event, lapsed.tokens) == (number, "e1", 200)
    assert (await store.balances(wallet(), bounds(), MORNING))[0].used == 200
    assert not (await store.settle(used(number), MORNING)).first
    assert await store.reserve(ask("e1"), MORNING) == Seen("interrupted")
    assert await store.verify() == []
    await store.close()
    store = await opened(path)
    assert store.recovered == []
    await store.close()


async def test_everything_comes_back_from_the_file(path: Path) -> None:
    store = await opened(path)
    await store.grant(gift(5_000, MORNING + 60 * MINUTE), act(), MORNING)
    lines = ("everyone: 1k tokens/rolling 24h", "everyone: 300 tokens/3h")
    for number in range(3):
        verdict = await store.reserve(ask(f"e{number}", *lines), MORNING + number)
        assert not isinstance(verdict, Seen)
        await store.settle(used(number + 1), MORNING + number + 5)
    before = await store.balances(wallet(), bounds("ana", *lines), MORNING + 9)
    grants = await store.grants(wallet(), MORNING + 9)
    entries = [entry async for entry in store.entries(0, None)]
    await store.close()
    store = await opened(path, MORNING + 9)
    assert await store.balances(wallet(), bounds("ana", *lines), MORNING + 9) == before
    assert await store.grants(wallet(), MORNING + 9) == grants
    assert [entry async for entry in store.entries(0, None)] == entries
    assert [entry.id async for entry in store.entries(2, 1)] == [3]
    assert await store.wallets() == [wallet()]
    assert await store.verify() == []
    await store.close()


async def test_a_file_that_is_no_database_is_left_as_it_is(diary: Path) -> None:
    with pytest.raises(StoreUnavailableError, match=r"damaged or not a database.*put a backup"):
        await opened(diary)
    assert look_at(diary) == DIARY


DIARY = b"my diary, page 1\n" * 500


@pytest.fixture
def diary(path: Path) -> Path:
    path.write_bytes(DIARY)
    return path


def look_at(path: Path) -> bytes:
    return path.read_bytes()


async def test_a_database_of_another_program_is_refused(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE songs (name TEXT)")
    with pytest.raises(StoreUnavailableError, match="some other program"):
        await opened(path)
    with pytest.raises(StoreUnavailableError, match="has schema 0"):
        await SqliteStore.open_reader(path)


async def test_a_damaged_file_is_found_at_the_start(path: Path) -> None:
    store = await opened(path)
    for number in range(200):
        await store.settle(used(await hold(store, f"event {number}")), MORNING)
    await store.close()
    [(page,)] = look(path, "SELECT rootpage FROM sqlite_master WHERE name = 'entries'")
    damage(path, page)
    with pytest.raises(StoreUnavailableError, match=r"books\.db is damaged"):
        await opened(path)


def damage(path: Path, page: int) -> None:
    with path.open("r+b") as file:
        file.seek((page - 1) * 4_096)
        file.write(b"\xff" * 4_096)


async def test_a_newer_schema_is_refused_by_its_number(path: Path) -> None:
    await (await opened(path)).close()
    look(path, "PRAGMA user_version = 99")
    for opening in (opened(path), SqliteStore.open_reader(path)):
        with pytest.raises(StoreUnavailableError, match=r"newer Quotabot \(schema 99, .* knows 5"):
            await opening


async def test_a_step_of_the_schema_is_applied_whole_or_not_at_all(path: Path) -> None:
    await (await opened(path)).close()
    steps = migrations()
    newest = max(steps)
    twice = "CREATE TABLE more (a TEXT) STRICT; CREATE TABLE more (a TEXT) STRICT"
    broken = steps | {newest + 1: twice}
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        with pytest.raises(sqlite3.OperationalError):
            migrate(db, path, broken)
        assert not db.in_transaction
        assert db.execute("PRAGMA user_version").fetchone() == (newest,)
        migrate(db, path, steps | {newest + 1: "CREATE TABLE more (a TEXT) STRICT"})
        assert db.execute("PRAGMA user_version").fetchone() == (newest + 1,)
        assert db.execute("SELECT count(*) FROM more").fetchone() == (0,)


async def test_books_of_the_first_schema_are_brought_up_to_date(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        migrate(db, path, {1: migrations()[1]})
    store = await opened(path)
    await store.settle(used(await hold(store, "e1")), MORNING)
    assert await store.verify() == []
    await store.close()
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (max(migrations()),)


# A ledger as the second schema knew it: a call that was settled, and a gift.
SECOND_SCHEMA = """
INSERT INTO entries VALUES (1, 100, 'settle', 7, 'console:console:ana', 'mini', 1, 0, 2, 0,
    'provider', 3, NULL, 0, 0, NULL, 1, '', '', '', '', 7);
INSERT INTO entries VALUES (2, 200, 'grant', 1, 'console:console:ana', 'tokens', 0, 0, 0, 0,
    '', 5, NULL, 0, 0, NULL, 0, 'admin', '', '', '', NULL);
"""


async def test_a_call_of_an_older_schema_was_a_turn_by_itself(path: Path) -> None:
    steps = migrations()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        migrate(db, path, {1: steps[1], 2: steps[2]})
        db.executescript(SECOND_SCHEMA)
    store = await opened(path)
    found = [(e.id, e.kind, e.purpose, e.turn, e.served) async for e in store.entries(0, None)]
    assert found == [(1, "settle", "answer", 7, ""), (2, "grant", "", 0, "")]
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        look(path, "UPDATE entries SET turn = 9")
    await store.close()


async def test_a_reader_stands_beside_the_writer_and_changes_nothing(path: Path) -> None:
    store = await opened(path)
    await store.settle(used(await hold(store, "e1")), MORNING)
    await hold(store, "e2")
    reader = await SqliteStore.open_reader(path)
    assert reader.recovered == []
    balance = (await reader.balances(wallet(), bounds(), MORNING))[0]
    assert (balance.used, balance.held) == (150, 200)
    await store.settle(used(2), MORNING)
    balance = (await reader.balances(wallet(), bounds(), MORNING))[0]
    assert (balance.used, balance.held) == (300, 0)
    assert [entry.hold_id async for entry in reader.entries(0, None)] == [1, 2]
    assert await reader.wallets() == [wallet()]
    assert await reader.verify() == []
    for verb in (
        reader.reserve(ask(), MORNING),
        reader.settle(used(1), MORNING),
        reader.grant(gift(), act(), MORNING),
        reader.prune(MORNING, events_ms=1, entries_ms=1),
        reader.catch_up(MORNING),
    ):
        with pytest.raises(StoreUnavailableError, match="for reading only"):
            await verb
    await reader.close()
    await store.close()


async def test_a_reader_needs_no_writer(path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match="there is no database"):
        await SqliteStore.open_reader(path)
    store = await opened(path)
    await hold(store)
    await store.close()
    reader = await SqliteStore.open_reader(path)
    assert (await reader.balances(wallet(), bounds(), MORNING))[0].held == 200
    await reader.close()
    with pytest.raises(StoreUnavailableError, match="is closed"):
        await reader.balances(wallet(), bounds(), MORNING)


async def test_any_name_will_do(tmp_path: Path) -> None:
    path = tmp_path / "my books #1? 100%.db"
    store = await opened(path)
    await store.settle(used(await hold(store)), MORNING)
    assert len([entry async for entry in store.entries(0, None)]) == 1
    assert await store.verify() == []
    await store.close()
    reader = await SqliteStore.open_reader(path)
    assert await reader.wallets() == [wallet()]
    await reader.close()


async def test_one_file_has_one_lock_by_whatever_name(path: Path) -> None:
    store = await opened(path)
    link = path.with_name("link.db")
    os.symlink(path, link)  # noqa: PTH211  (not in an async function, says another rule)
    with pytest.raises(StoreUnavailableError, match="open for writing in another process"):
        await opened(link)
    await store.close()


async def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match=r"nowhere/books\.db cannot be used: No such"):
        await opened(tmp_path / "nowhere" / "books.db")


async def test_an_old_sqlite_is_told_once(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await (await opened(path)).close()
    lines = [r.getMessage() for r in caplog.records if "only one may open" in r.getMessage()]
    assert len(lines) == (1 if sqlite3.sqlite_version_info < (3, 51, 3) else 0)


async def test_a_cancelled_opening_leaves_no_lock_behind(path: Path) -> None:
    opening = asyncio.create_task(opened(path))
    await asyncio.sleep(0)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    await (await opened(path)).close()


MOUNTS = """\
/dev/vda / ext4 rw,relatime 0 0
proc /proc proc rw 0 0
nas:/homes /home nfs4 rw 0 0
/dev/vdb /home/bot ext4 rw 0 0
//nas/team /mnt/our\\040team cifs rw 0 0
ana@nas:/ /mnt/remote fuse.sshfs rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/srv/books.db", None),
        ("/home/ana/books.db", "nfs4"),
        ("/home/bot/books.db", None),
        ("/homework/books.db", None),
        ("/mnt/our team/books.db", "cifs"),
        ("/mnt/remote/books.db", "fuse.sshfs"),
    ],
)
def test_a_network_file_system_is_known_by_its_mount(path: str, kind: str | None) -> None:
    assert shared_file_system(Path(path), MOUNTS) == kind
