"""What is wrong with a database, in words for the operator; SQLite's own words go to the log."""

import sqlite3
from pathlib import Path

from adapters.sqlite.opening import damaged
from quota.errors import StoreUnavailableError

_PRIMARY = 0xFF
_CORRUPT = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
# What the statement itself is to blame for; to try it again cannot help.
_ITS_OWN_FAULT = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.DataError)
_WORDS = {
    sqlite3.SQLITE_BUSY: "another program holds its lock",
    sqlite3.SQLITE_LOCKED: "another program holds its lock",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "it is read-only",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened",
    sqlite3.SQLITE_IOERR: "the disk reports errors",
}


class LockedError(sqlite3.OperationalError):
    """The database was found locked a moment ago, so this was not even tried."""

    def __init__(self) -> None:
        """Look like what SQLite says itself."""
        super().__init__("found locked a moment ago")
        self.sqlite_errorcode = sqlite3.SQLITE_BUSY


def is_corrupt(error: BaseException) -> bool:
    """Whether the file is damaged: nothing more may be written to it."""
    return _code(error) in _CORRUPT


def is_locked(error: BaseException) -> bool:
    """Whether somebody else held the write lock for too long."""
    return _code(error) in _LOCKED


def is_full(error: BaseException) -> bool:
    """Whether there is no room left."""
    return _code(error) == sqlite3.SQLITE_FULL


def may_pass(error: BaseException) -> bool:
    """Whether the same may succeed at another time."""
    return isinstance(error, sqlite3.Error) and not isinstance(error, _ITS_OWN_FAULT)


def told(path: Path, error: BaseException) -> StoreUnavailableError:
    """What a caller and an operator hear of it."""
    if isinstance(error, StoreUnavailableError):
        return error
    if is_corrupt(error):
        return StoreUnavailableError(damaged(path))
    if isinstance(error, OSError):
        return StoreUnavailableError(f"{path} cannot be used: {error.strerror}")
    why = _WORDS.get(_code(error) or 0, "the log says why")
    return StoreUnavailableError(f"{path} cannot be used right now: {why}")


def _code(error: BaseException) -> int | None:
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & _PRIMARY
