"""Every store that the contract holds for."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

import pytest

from adapters.sqlite.store import SqliteStore
from quota.memory import MemoryStore
from quota.store import Store


class Opener(Protocol):
    """Opens the same books again and again; what was written stays there."""

    async def __call__(self, now: int = 0) -> Store: ...


class Memory:
    """Books in memory, which outlive the process only here."""

    def __init__(self) -> None:
        self.store = MemoryStore()

    async def open(self, now: int = 0) -> Store:
        await open_again(self.store, now)
        return self.store

    async def close(self) -> None:
        await self.store.close()


async def open_again(store: MemoryStore, now: int) -> None:
    """Do what a store does that opens its file: charge open holds, begin with nothing at hand."""
    store.books.evict()
    store.books.lapse(now, len(store.books.holds), everything=True)
    await store.lapse(now, at_most=0)
    store.books.evict()


class Sqlite:
    """Books in a file. Power does not fail in a test, so NORMAL loses nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store: Store | None = None

    async def open(self, now: int = 0) -> Store:
        await self.close()
        self.store = await SqliteStore.open(self.path, now=now, synchronous="NORMAL")
        return self.store

    async def close(self) -> None:
        if self.store is not None:
            await self.store.close()


@pytest.fixture(params=["memory", "sqlite"])
async def opener(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Opener]:
    books = Memory() if request.param == "memory" else Sqlite(tmp_path / "books.db")
    yield books.open
    await books.close()


@pytest.fixture
async def store(opener: Opener) -> Store:
    return await opener()
