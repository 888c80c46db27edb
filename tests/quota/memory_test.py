"""What only the memory store says, and the books right before a commit."""

import pytest

from quota.accounts import Accounts
from quota.books import Books
from quota.counters import Changes, Ids
from quota.errors import StoreUnavailableError, UnknownHoldError
from quota.memory import MemoryStore
from quota.memory_shelf import MemoryShelf
from quota.store import SettleRequest
from quota.units import Usage
from quota.verdicts import Granted
from tests.contracts.store_desk import Desk
from tests.fakes import MORNING


async def test_memory_has_no_copy_to_open() -> None:
    with pytest.raises(StoreUnavailableError, match=r"cannot be backed up to copy\.db"):
        await MemoryStore().backup("copy.db")


async def test_accounts_that_were_let_go_of_come_back_for_their_holds() -> None:
    store = MemoryStore()
    desk = Desk(store, "everyone: 1000 tokens/day", "everyone: 5 requests/1h")
    hold_id = await desk.hold(cap=400)
    assert store.books.resident == 2
    store.books.evict()
    assert store.books.resident == 0
    assert [(b.used, b.held) for b in await desk.sees()] == [(0, 400), (0, 1)]
    store.books.evict()
    await desk.settle(hold_id, 0, 300)
    assert [(b.used, b.held) for b in await desk.sees()] == [(300, 0), (1, 0)]
    assert await store.verify() == []


async def test_grants_that_were_let_go_of_come_back_with_what_is_held() -> None:
    store = MemoryStore()
    desk = Desk(store, "everyone: 100 tokens/day")
    await desk.grant(500)
    hold_id = await desk.hold(cap=400)
    store.books.evict()
    [row] = await store.grants("console:console:ana", MORNING)
    assert row.held == 300
    await desk.settle(hold_id, 0, 250)
    [row] = await store.grants("console:console:ana", MORNING)
    assert (row.held, row.spent) == (0, 150)
    assert await store.verify() == []


def test_what_is_not_written_yet_is_reported_too() -> None:
    """A store may run many moves and commit them together."""
    books = Books(MemoryShelf(), Ids())
    verdict = books.reserve(Desk(MemoryStore()).request(cap=100, event="e1"), MORNING)
    assert isinstance(verdict, Granted)
    first = books.settle(SettleRequest(verdict.hold_id, Usage(5, 0, 6), "provider"), MORNING)
    again = books.release(verdict.hold_id, "too late", MORNING)
    assert first.first
    assert again == first._replace(first=False)
    with pytest.raises(UnknownHoldError):
        books.release(verdict.hold_id + 1, "never was", MORNING)


def test_a_hold_whose_account_is_gone_is_breakage() -> None:
    with pytest.raises(UnknownHoldError, match="account 7 of an open hold is missing"):
        Accounts(MemoryShelf(), Ids()).charged(7, 0, Changes())


def test_changes_know_whether_there_is_anything_to_write() -> None:
    assert not Changes()
    assert Changes(closed=[1])
