"""Keeping the books for years: append-only, proven, pruned, copied."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from adapters.sqlite import SqliteStore
from quota.books import Books
from quota.errors import StoreUnavailableError
from quota.store import ReserveRequest
from quota.verdicts import Granted, Seen
from tests.adapters.sqlite_kit import (
    SPACE,
    act,
    ask,
    bounds,
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
from tests.fakes import DAY, HOUR, MINUTE, MORNING

YEAR = 365 * DAY
EVERY_KIND = (
    "everyone: 300 tokens/day",
    "everyone: 400 tokens/rolling 24h",
    "everyone: 100 requests/3h",
    "everyone: 100k tokens/balance",
    "space: 1M tokens/month",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "books.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(path, now=MORNING)
    yield store
    await store.close()


async def turn(store: SqliteStore, request: ReserveRequest, now: int, output: int = 50) -> None:
    verdict = await store.reserve(request, now)
    assert isinstance(verdict, Granted)
    await store.settle(used(verdict.hold_id, output), now + 5_000)


async def some_days(store: SqliteStore, days: int) -> None:
    """Turns, an overrun, a grant that is used, one that is not, and a correction."""
    await store.grant(gift(5_000, MORNING + 20 * DAY), act(), MORNING)
    await store.grant(gift(7, MORNING + 2 * DAY), act(), MORNING)
    for day in range(days):
        now = MORNING + day * DAY
        for number in range(4):
            request = ask(f"e{day}.{number}", *EVERY_KIND)
            await turn(store, request, now + number * MINUTE, output=50 + 200 * (number == 3))
        await turn(store, ask(f"b{day}", *EVERY_KIND, name="bob"), now)
    await store.correct(
        wallet("bob"), bounds("bob", *EVERY_KIND), act("reset"), MORNING + days * DAY
    )


@pytest.mark.parametrize("table", ["entries", "audit"])
@pytest.mark.parametrize("change", ["UPDATE {} SET at = 0", "DELETE FROM {}"])
async def test_what_is_written_down_stays(store: SqliteStore, table: str, change: str) -> None:
    await store.settle(used(await hold(store)), MORNING)
    await store.audit(act(), MORNING)
    with pytest.raises(StoreUnavailableError):
        await say(store, change.format(table))
    assert len(await store.audit_trail(SPACE, 0, 9)) == 1
    assert [entry.tokens async for entry in store.entries(0, None)] == [150]


async def test_the_file_itself_refuses_to_resolve_a_hold_twice(
    store: SqliteStore, path: Path
) -> None:
    await store.settle(used(await hold(store)), MORNING)
    again = (
        "INSERT INTO entries SELECT id + 1, at, 'release', hold_id, wallet, model, input, cached,"
        " output, reasoning, source, tokens, credits, house_tokens, house_credits, rates,"
        " estimated_input, actor, note, lines, purses, resolves, purpose, turn, served, billed"
        " FROM entries"
    )
    with pytest.raises(sqlite3.IntegrityError, match=r"UNIQUE.*resolves"):
        look(path, again)


async def test_the_proof_finds_what_was_changed_behind_its_back(
    store: SqliteStore, path: Path
) -> None:
    await store.settle(used(await hold(store)), MORNING)
    assert await store.verify() == []
    look(path, "UPDATE counters SET spent = spent + 5 WHERE account = 1")
    [difference] = await store.verify()
    assert (difference.counted, difference.proven) == (155, 150)
    assert difference.what.endswith("spent")


async def test_the_proof_finds_held_amounts_that_no_hold_explains(store: SqliteStore) -> None:
    hold_id = await hold(store)
    assert await store.verify() == []

    def lose(books: Books) -> None:
        assert isinstance(books.holds, dict)
        books.holds[hold_id] = books.holds[hold_id]._replace(lines=())

    await writer(store).ask(lose)
    told = [(d.what.split("|")[1], d.counted, d.proven) for d in await store.verify()]
    assert told == [("tokens/hour", 200, 0), ("tokens/day", 200, 0), ("requests/day", 1, 0)]


async def test_pruned_books_still_prove_themselves(store: SqliteStore, path: Path) -> None:
    await some_days(store, 12)
    now = MORNING + 12 * DAY
    before = await store.balances(wallet(), bounds("ana", *EVERY_KIND), now)
    assert await store.verify() == []
    gone = await store.prune(now, events_ms=7 * DAY, entries_ms=3 * DAY)
    assert gone > 60
    assert await store.verify() == []
    assert await store.balances(wallet(), bounds("ana", *EVERY_KIND), now) == before
    [(oldest,)] = look(path, "SELECT min(at) FROM entries")
    assert oldest >= now - 3 * DAY
    assert look(path, "SELECT count(*) FROM events WHERE at < ?", (now - 7 * DAY,)) == [(0,)]
    # What stays goes on: the same accounts are charged, and closed ones are gone.
    await turn(store, ask("more", *EVERY_KIND), now + HOUR)
    assert await store.verify() == []
    assert look(path, "SELECT count(*) FROM accounts WHERE closes_at < ?", (now - 5 * DAY,)) == [
        (0,)
    ]


async def test_everything_is_forgotten_in_the_end(store: SqliteStore, path: Path) -> None:
    await some_days(store, 3)
    assert await store.prune(MORNING + YEAR, events_ms=DAY, entries_ms=DAY) > 0
    assert [entry.kind async for entry in store.entries(0, None)] == []
    left = look(path, "SELECT book FROM accounts")
    assert {book.split("|")[1] for (book,) in left} == {"tokens/rolling 24h", "tokens/balance"}
    assert look(path, "SELECT count(*) FROM grants") == [(0,)]
    assert look(path, "SELECT count(*) FROM marks") == [(0,)]
    assert await store.verify() == []
    assert await store.wallets() == [wallet("ana"), wallet("bob")]
    assert await store.prune(MORNING + YEAR, events_ms=DAY, entries_ms=DAY) == 0


async def test_what_a_rolling_window_still_counts_is_not_pruned(store: SqliteStore) -> None:
    request = ask("", "everyone: 400 tokens/rolling 48h")
    await turn(store, request, MORNING)
    await turn(store, request, MORNING + DAY)
    now = MORNING + 47 * HOUR
    assert await store.prune(now, events_ms=1, entries_ms=1) == 0
    assert (await store.balances(wallet(), request.bounds, now))[0].used == 300
    assert await store.prune(MORNING + 49 * HOUR, events_ms=1, entries_ms=1) == 1
    assert await store.verify() == []
    balance = (await store.balances(wallet(), request.bounds, MORNING + 49 * HOUR))[0]
    assert (balance.used, balance.left) == (150, 250)


async def test_what_leads_to_a_turn_goes_with_the_last_of_it(
    store: SqliteStore, path: Path
) -> None:
    held = await hold(store, "e1")
    later = await store.reserve(ask("e1")._replace(turn=held), MORNING)
    assert isinstance(later, Granted)
    await store.show("e1", ["m1", "m2"], MORNING)
    await store.prune(MORNING + DAY, events_ms=1, entries_ms=1)
    assert look(path, "SELECT message FROM shown") == [("m1",), ("m2",)]
    for each in (held, later.hold_id):
        await store.settle(used(each), MORNING + DAY)
    await store.prune(MORNING + 2 * DAY, events_ms=1, entries_ms=2 * DAY)
    assert look(path, "SELECT message FROM shown") == [("m1",), ("m2",)]
    await store.prune(MORNING + YEAR, events_ms=1, entries_ms=1)
    assert look(path, "SELECT * FROM shown") == look(path, "SELECT * FROM calls") == []


async def test_open_holds_survive_a_prune(store: SqliteStore) -> None:
    await some_days(store, 2)
    number = await hold(store, "open", MORNING + 3 * DAY)
    await store.prune(MORNING + YEAR, events_ms=1, entries_ms=1)
    assert (await store.settle(used(number), MORNING + YEAR)).tokens == 150
    assert await store.verify() == []


async def test_a_grant_that_an_open_hold_draws_on_survives_a_prune(store: SqliteStore) -> None:
    await store.grant(gift(200, MORNING + DAY), act(), MORNING)
    paid_by_the_grant = ask("e", "everyone: 50 tokens/day")
    verdict = await store.reserve(paid_by_the_grant, MORNING)
    assert isinstance(verdict, Granted)
    await store.prune(MORNING + YEAR, events_ms=1, entries_ms=1)
    assert (await store.settle(used(verdict.hold_id), MORNING + YEAR)).tokens == 150
    assert [entry.purses async for entry in store.entries(0, None)] == [((1, 100),)]
    assert await store.verify() == []


async def test_an_event_is_known_until_it_is_pruned(store: SqliteStore) -> None:
    await store.accept("e", "", MORNING)
    await store.prune(MORNING + 7 * DAY, events_ms=7 * DAY, entries_ms=YEAR)
    assert await store.accept("e", "", MORNING + 7 * DAY) == Seen("duplicate")
    await store.prune(MORNING + 7 * DAY + 1, events_ms=7 * DAY, entries_ms=YEAR)
    assert await store.accept("e", "", MORNING + 7 * DAY) is None


async def test_pruning_takes_small_steps(store: SqliteStore) -> None:
    for number in range(450):
        await store.accept(f"e{number}", "", MORNING)
    async with heard(store) as said:
        assert await store.prune(MORNING + DAY, events_ms=1, entries_ms=1) == 450
        assert said.count("COMMIT") >= 3


def files(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


async def test_an_idle_moment_empties_the_wal(store: SqliteStore) -> None:
    async def tidied() -> bool:
        async with heard(store) as said:
            await writer(store).ask(lambda _: desk(store).tidy())
        return any("wal_checkpoint" in line for line in said)

    assert not await tidied()
    await asyncio.gather(*(writer(store).ask(partial(accept, n)) for n in range(600)))
    assert await tidied()
    assert not await tidied()


def accept(number: int, books: Books) -> Seen | None:
    return books.accept(f"e{number}", "", MORNING)


async def test_a_backup_is_a_store_of_its_own(store: SqliteStore, tmp_path: Path) -> None:
    await some_days(store, 2)
    copy = tmp_path / "copy.db"
    await store.backup(str(copy))
    await hold(store, "after the copy", MORNING + 3 * DAY)
    assert files(tmp_path) == {
        *{"books.db", "books.db-wal", "books.db-shm", "books.db-lock", "books.db-ballast"},
        "copy.db",
    }
    assert copy.stat().st_mode & 0o777 == 0o600
    other = await SqliteStore.open(copy, now=MORNING)
    assert await other.verify() == []
    assert [e async for e in other.entries(0, None)] == [e async for e in store.entries(0, None)]
    assert isinstance(await other.reserve(ask("after the copy"), MORNING + 3 * DAY), Granted)
    await other.close()


async def test_a_backup_never_overwrites(store: SqliteStore, tmp_path: Path) -> None:
    await store.backup(str(tmp_path / "copy.db"))
    with pytest.raises(StoreUnavailableError, match=r"copy\.db is there already: name a new file"):
        await store.backup(str(tmp_path / "copy.db"))
    with pytest.raises(StoreUnavailableError, match="No such file or directory"):
        await store.backup(str(tmp_path / "nowhere" / "copy.db"))
    assert not [name for name in files(tmp_path) if name.endswith(".part")]
