"""The names of those who were erased, as rows; see quota/veils.py."""

import secrets
import sqlite3

from quota.books import Books
from quota.erasing import VeiledBooks
from quota.veils import KEY_BYTES, Veils

KEY = "SELECT key FROM erasing_key"
ERASED = "SELECT name, until FROM erased"


def veils(db: sqlite3.Connection) -> Veils:
    """The names that were given, and their key; a fresh one where there is none."""
    row = db.execute(KEY).fetchone()
    key: bytes = secrets.token_bytes(KEY_BYTES) if row is None else row[0]
    return Veils(key, dict(db.execute(ERASED).fetchall()))


LET_GO = "DELETE FROM erased WHERE until <= ?"
FORGET_KEY = "DELETE FROM erasing_key WHERE NOT EXISTS (SELECT * FROM erased)"


def let_go(db: sqlite3.Connection, now: int, books: Books) -> int:
    """Forget the names whose periods have all closed, and with the last of them the key."""
    books.mark = max(books.mark, now)
    gone = db.execute(LET_GO, (books.mark,)).rowcount
    db.execute(FORGET_KEY)
    if gone and isinstance(books, VeiledBooks):
        books.veils = veils(db)
    return gone
