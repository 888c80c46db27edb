"""A way to the books beside a running bot: for reading only, no lock, nothing is kept in memory."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from adapters.sqlite.opening import open_for_reading
from adapters.sqlite.shelf import SqliteShelf
from adapters.sqlite.spill import Late
from adapters.sqlite.trouble import told
from quota.books import Books
from quota.errors import StoreUnavailableError
from quota.verdicts import Lapsed

log = logging.getLogger(__name__)

T = TypeVar("T")


class Visitor:
    """Answers what only reads, each time from what was last committed; refuses the rest."""

    def __init__(self, path: Path) -> None:
        """Nothing is touched before `open`."""
        self.path = path
        self._db: sqlite3.Connection | None = None
        self._turn = asyncio.Lock()
        self._stopped: StoreUnavailableError | None = None

    async def open(self) -> list[Lapsed]:
        """Open the file; a reader charges nobody."""
        if not self.path.is_file():
            raise StoreUnavailableError(f"there is no database at {self.path}: start the bot once")
        try:
            self._db = await asyncio.to_thread(open_for_reading, self.path)
        except sqlite3.Error as error:
            log.exception("%s: not opened", self.path)
            raise told(self.path, error) from error
        return []

    async def ask(
        self,
        run: Callable[[Books], T],
        *,
        late: Callable[[], Late] | None = None,
        alone: bool = False,
        reads: bool = False,
        event: str = "",
    ) -> T:
        """Have something read from the books."""
        if self._stopped is not None:
            raise self._stopped
        if self._db is None:
            raise StoreUnavailableError(f"{self.path} is closed")
        if not reads:
            raise StoreUnavailableError(
                f"{self.path} was opened for reading only: a command that writes goes through the "
                "running bot"
            )
        async with self._turn:
            return await asyncio.to_thread(self._read, self._db, run)

    def stop(self, why: StoreUnavailableError) -> None:
        """The file is damaged: nothing more is read from it."""
        log.critical("%s", why)
        self._stopped = why

    async def close(self) -> None:
        """Let go of the file."""
        async with self._turn:
            if self._db is not None:
                self._db.close()
                self._db = None

    BEGIN = "BEGIN"
    END = "ROLLBACK"

    def _read(self, db: sqlite3.Connection, run: Callable[[Books], T]) -> T:
        try:
            db.execute(self.BEGIN)
            try:
                return run(SqliteShelf(db).books())
            finally:
                db.execute(self.END)
        except sqlite3.Error as error:
            log.exception("%s: not read", self.path)
            raise told(self.path, error) from error
