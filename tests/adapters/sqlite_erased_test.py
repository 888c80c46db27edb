"""An older copy of the books brings nobody back who was erased since."""

from pathlib import Path

import pytest

from adapters.sqlite.erased import KEPT_MS
from adapters.sqlite.store import SqliteStore
from quota.errors import StoreUnavailableError
from quota.store import FlagRow
from tests.contracts.store_desk import Desk, audit
from tests.fakes import DAY, HOUR, MORNING

MALLORY = "console:console:mallory"
BO = "console:console:bo"


async def opened(folder: Path, now: int = MORNING) -> SqliteStore:
    return await SqliteStore.open(folder / "books.db", now=now)


async def books(folder: Path) -> Desk:
    """Books that two members have used."""
    desk = Desk(await opened(folder), "everyone: 9000 tokens/day")
    await desk.spend(5, "mallory")
    await desk.spend(5, "bo")
    return desk


async def put_back(folder: Path, desk: Desk, copy: str = "copy.db") -> SqliteStore:
    """Close the books, put a copy in their place, and open that."""
    await desk.store.close()
    (folder / copy).replace(folder / "books.db")
    return await opened(folder, desk.now)


async def test_who_was_erased_since_a_copy_is_to_be_erased_again(tmp_path: Path) -> None:
    desk = await books(tmp_path)
    await desk.store.backup(str(tmp_path / "copy.db"))
    await desk.store.erase(MALLORY, desk.now)
    store = await put_back(tmp_path, desk)
    assert MALLORY in await store.wallets()
    assert store.unerased == [MALLORY]
    await store.close()
    store = await opened(tmp_path, desk.now + DAY)
    assert store.unerased == [MALLORY], "until somebody has done it"
    name = await store.erase(MALLORY, desk.now, "upkeep")
    assert sorted(await store.wallets()) == sorted([name, BO])
    (row,) = await store.audit_trail("console:console", 0, 9)
    assert (row.actor, row.action, row.subject) == ("upkeep", "erase", name)
    assert await store.verify() == []
    await store.close()
    store = await opened(tmp_path, desk.now + DAY)
    assert store.unerased == []
    await store.close()


async def test_who_came_back_by_themselves_stays(tmp_path: Path) -> None:
    desk = await books(tmp_path)
    await desk.store.erase(MALLORY, desk.now)
    desk.now += 3 * DAY
    await desk.store.prune(desk.now, events_ms=DAY, entries_ms=90 * DAY)
    await desk.spend(5, "mallory")
    await desk.store.backup(str(tmp_path / "copy.db"))
    assert MALLORY in await desk.store.wallets()
    store = await put_back(tmp_path, desk)
    assert store.unerased == []
    await store.close()


async def test_who_was_erased_while_the_clock_was_ahead_may_come_back(tmp_path: Path) -> None:
    desk = await books(tmp_path)
    await desk.store.erase(BO, desk.now)
    await desk.store.erase(MALLORY, desk.now + 365 * DAY)
    await desk.store.lower_mark(desk.now)
    desk.now += 3 * DAY
    await desk.store.prune(desk.now + 365 * DAY, events_ms=DAY, entries_ms=900 * DAY)
    await desk.store.lower_mark(desk.now)
    await desk.spend(5, "mallory")
    assert MALLORY in await desk.store.wallets()
    await desk.store.close()
    store = await opened(tmp_path, desk.now)
    assert store.unerased == []
    await store.close()


async def test_a_copy_of_the_very_moment_before_is_older(tmp_path: Path) -> None:
    desk = await books(tmp_path)
    await desk.store.audit(audit("look", desk.now), desk.now)
    await desk.store.backup(str(tmp_path / "copy.db"))
    await desk.store.erase(MALLORY, desk.now)
    await desk.store.backup(str(tmp_path / "after.db"))
    store = await put_back(tmp_path, desk)
    assert store.unerased == [MALLORY]
    desk.store = store
    store = await put_back(tmp_path, desk, "after.db")
    assert store.unerased == []
    await store.close()


async def test_they_are_found_wherever_they_are_named(tmp_path: Path) -> None:
    desk = Desk(await opened(tmp_path), "everyone: 9000 tokens/day")
    await desk.store.put_flag(
        FlagRow("console:console", "member", "chooser", '{"model":"mini"}', None), None, desk.now
    )
    await desk.store.audit(audit("look", desk.now)._replace(actor="governor"), desk.now)
    await desk.store.backup(str(tmp_path / "copy.db"))
    wallets = ["console:console:chooser", "console:console:governor", "console:console:nobody"]
    for wallet in wallets:
        await desk.store.erase(wallet, desk.now)
    store = await put_back(tmp_path, desk)
    assert sorted(store.unerased) == wallets[:2]
    await store.close()


async def test_the_list_names_nobody_and_is_its_owners(tmp_path: Path) -> None:
    desk = await books(tmp_path)
    await desk.store.erase(MALLORY, desk.now)
    await desk.store.erase(MALLORY, desk.now)
    file = tmp_path / "books.db-erased"
    first, second = file.read_text(encoding="ascii").splitlines()
    assert "mallory" not in first
    assert first.split()[2] != second.split()[2], "nor do two lines tell that they are the same"
    assert file.stat().st_mode & 0o777 == 0o600
    await desk.store.erase(BO, desk.now + KEPT_MS + HOUR)
    assert len(file.read_text(encoding="ascii").splitlines()) == 1
    await desk.store.close()


async def test_a_line_that_cannot_be_read_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    desk = await books(tmp_path)
    await desk.store.backup(str(tmp_path / "copy.db"))
    await desk.store.erase(MALLORY, desk.now)
    file = tmp_path / "books.db-erased"
    file.write_text(f"nonsense\n{file.read_text(encoding='ascii')}", encoding="ascii")
    store = await put_back(tmp_path, desk)
    assert store.unerased == [MALLORY]
    assert "cannot be read" in caplog.text
    await store.close()


async def test_nobody_is_erased_who_could_not_be_written_down(tmp_path: Path) -> None:
    desk = await books(tmp_path)
    (tmp_path / "books.db-erased.part").mkdir()
    with pytest.raises(StoreUnavailableError):
        await desk.store.erase(MALLORY, desk.now)
    assert MALLORY in await desk.store.wallets()
    (tmp_path / "books.db-erased").mkdir()
    await desk.store.close()
    with pytest.raises(StoreUnavailableError):
        await opened(tmp_path)
