"""A look at a database for `doctor`: nothing is changed, also beside a running bot."""

import sqlite3
from contextlib import closing
from pathlib import Path
from stat import S_IMODE
from typing import NamedTuple

from adapters.sqlite.files import beside
from adapters.sqlite.opening import WAL_RESET_FIXED, check, open_for_reading
from adapters.sqlite.shelf import SqliteShelf
from adapters.sqlite.trouble import told

# What belongs to a database and tells of its members.
_BESIDE = ("wal", "shm", "spill", "lock", "ballast", "erased")


class Inspection(NamedTuple):
    """A sound database: the time it has seen, who may open its files, which SQLite reads it.

    `version_note` tells of a fault of that SQLite version; empty: none is known.
    """

    mark: int
    modes: dict[Path, int]
    version: str
    version_note: str


def inspect(path: Path) -> Inspection:
    """Open and check a database; StoreUnavailableError says what is wrong with it."""
    try:
        with closing(open_for_reading(path)) as db:
            check(db, path)
            mark = SqliteShelf(db).books().mark
    except (OSError, sqlite3.Error) as error:
        raise told(path, error) from error
    files = [path, *(beside(path, what) for what in _BESIDE)]
    modes = {file: S_IMODE(file.stat().st_mode) for file in files if file.exists()}
    safe = sqlite3.sqlite_version_info >= WAL_RESET_FIXED
    note = "" if safe else "two processes that write could damage it, so a lock lets only one in"
    return Inspection(mark, modes, sqlite3.sqlite_version, note)
