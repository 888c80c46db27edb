"""Memory and a file at once: whatever is done is done to both, and both must answer alike."""

import asyncio
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from hypothesis.stateful import RuleBasedStateMachine

from adapters.sqlite.store import SqliteStore
from quota.limits import Bound
from quota.memory import MemoryStore
from quota.store import Store
from quota.verdicts import Balance

T = TypeVar("T")


async def balances_of(
    store: Store, *, wallet: str, bounds: tuple[Bound, ...], now: int
) -> list[Balance]:
    return await store.balances(wallet, bounds, now)


class TwoStores(RuleBasedStateMachine):
    """What machines stand upon; a mutant brings a broken store for one of the two."""

    in_memory: ClassVar[type[MemoryStore]] = MemoryStore
    in_file: ClassVar[type[SqliteStore]] = SqliteStore

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="quotabot-")
        self.loop = asyncio.new_event_loop()
        self.memory = self.in_memory()
        self.sqlite: SqliteStore = self.loop.run_until_complete(self.opened())

    async def opened(self, now: int = 0) -> SqliteStore:
        path = Path(self.folder.name) / "books.db"
        return await self.in_file.open(path, now=now, synchronous="NORMAL", quick_check=False)

    def teardown(self) -> None:
        try:
            self.loop.run_until_complete(self.sqlite.close())
        finally:
            self.loop.close()
            self.folder.cleanup()

    def both(self, move: Callable[[Store], Coroutine[Any, Any, T]]) -> T:
        """Do it to both stores; the one answer."""
        one = self.look(move)
        two = self.loop.run_until_complete(move(self.sqlite))
        assert one == two, "memory and file differ"
        return one

    def look(self, move: Callable[[Store], Coroutine[Any, Any, T]]) -> T:
        """Do it to the store in memory, which waits for nothing."""
        try:
            move(self.memory).send(None)
        except StopIteration as done:
            answer: T = done.value
            return answer
        raise AssertionError("memory has nothing to wait for")
