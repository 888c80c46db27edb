"""How a database file is opened, checked and brought to the schema that this version knows."""

import logging
import sqlite3
from pathlib import Path
from urllib.parse import quote

from quota.errors import StoreUnavailableError

log = logging.getLogger(__name__)

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_TIMEOUT_S = 2
# Where there was no idle moment, a commit empties a WAL of this many pages itself. Measured: the
# commit then takes 2 ms longer; with 4,096 pages it was 14 ms, with 1,000 it was 5.
WAL_PAGES_MAX = 500
# A WAL that had to grow (a long read kept it from being emptied) is cut back to this.
WAL_BYTES_KEPT = 16 << 20
PAGE_CACHE_KIB = 16_384
# From this version on, two connections may checkpoint at once without harm (sqlite.org/wal.html).
WAL_RESET_FIXED = (3, 51, 3)

_SET_UP = (
    "PRAGMA foreign_keys = ON",
    # On macOS a plain sync leaves data in the disk's own memory.
    "PRAGMA fullfsync = ON",
    f"PRAGMA wal_autocheckpoint = {WAL_PAGES_MAX}",
    f"PRAGMA journal_size_limit = {WAL_BYTES_KEPT}",
    f"PRAGMA cache_size = -{PAGE_CACHE_KIB}",
    "PRAGMA mmap_size = 0",
    # What is deleted is zeroed: a member's settings go before the rest of them does (erasing.py).
    "PRAGMA secure_delete = ON",
)


def open_for_writing(path: Path, synchronous: str, *, quick_check: bool) -> sqlite3.Connection:
    """The write connection to a sound database at the newest schema."""
    if sqlite3.sqlite_version_info < WAL_RESET_FIXED:
        log.info(
            "SQLite %s can damage a database that two processes write at once (fixed in 3.51.3): "
            "only one may open %s for writing",
            sqlite3.sqlite_version,
            path,
        )
    db = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, cached_statements=256)
    try:
        _set_up(db, path, synchronous)
        if quick_check:
            check(db, path)
        migrate(db, path)
    except BaseException:  # whatever went wrong, the file is let go of
        db.close()
        raise
    return db


def _set_up(db: sqlite3.Connection, path: Path, synchronous: str) -> None:
    if db.execute("PRAGMA journal_mode = WAL").fetchall() != [("wal",)]:
        raise StoreUnavailableError(
            f"{path}: this file system cannot hold a database that is read while it is written: "
            "move it to another disk"
        )
    for pragma in _SET_UP:
        db.execute(pragma).fetchall()
    db.execute(f"PRAGMA synchronous = {'NORMAL' if synchronous == 'NORMAL' else 'FULL'}")


def open_for_reading(path: Path) -> sqlite3.Connection:
    """A connection that can do no harm beside a running bot."""
    db = sqlite3.connect(
        read_only(path),
        uri=True,
        timeout=BUSY_TIMEOUT_S,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        refuse_other_schema(db, path)
    except BaseException:  # whatever went wrong, the file is let go of
        db.close()
        raise
    return db


def refuse_other_schema(db: sqlite3.Connection, path: Path) -> None:
    """Raise for a schema that this version cannot read."""
    version = schema_version(db)
    newest = max(migrations())
    if version > newest:
        raise StoreUnavailableError(_newer(path, version, newest))
    if version < newest:
        raise StoreUnavailableError(
            f"{path} has schema {version}, this version needs {newest}: start the bot once, it "
            "brings the database up to date"
        )


def read_only(path: Path) -> str:
    """The address under which SQLite opens a file for reading only."""
    return f"file:{quote(str(path))}?mode=ro"


def check(db: sqlite3.Connection, path: Path) -> None:
    """Raise for a damaged database; nothing is ever repaired silently."""
    found = db.execute("PRAGMA quick_check(1)").fetchall()
    if found != [("ok",)]:
        log.critical("%s: quick_check says: %s", path, found)
        raise StoreUnavailableError(damaged(path))


def damaged(path: Path) -> str:
    """What an operator reads when a database is corrupt."""
    name = path.name
    return (
        f"{path} is damaged or not a database, and nothing is written to it any more: stop the "
        f"bot, move {name}, {name}-wal and {name}-shm away, put a backup in its place (leave "
        f"{name}-spill where it is: what it holds is written at the next start), and start again"
    )


def migrations() -> dict[int, str]:
    """Every step of the schema by its number."""
    return {
        int(file.name.partition("_")[0]): file.read_text(encoding="utf-8")
        for file in sorted(MIGRATIONS.glob("*.sql"))
    }


def schema_version(db: sqlite3.Connection) -> int:
    """The number of the last step that was applied."""
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    return version


TABLES = "SELECT count(*) FROM sqlite_master"


def migrate(db: sqlite3.Connection, path: Path, steps: dict[int, str] | None = None) -> None:
    """Apply the steps that are missing, each in a transaction with its number."""
    steps = migrations() if steps is None else steps
    version = schema_version(db)
    if version > max(steps):
        raise StoreUnavailableError(_newer(path, version, max(steps)))
    if version == 0 and db.execute(TABLES).fetchone()[0]:
        raise StoreUnavailableError(
            f"{path} is a database of some other program: give Quotabot a file of its own"
        )
    for number in sorted(steps):
        if number > version:
            script = f"BEGIN IMMEDIATE; {steps[number]}; PRAGMA user_version = {number}; COMMIT;"
            try:
                db.executescript(script)
            except sqlite3.Error:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise


def _newer(path: Path, version: int, newest: int) -> str:
    return (
        f"{path} was written by a newer Quotabot (schema {version}, this one knows {newest}): "
        "update Quotabot, or point it at an older backup"
    )
