"""What admins set, as rows: limits, switches, and the trail of who did what.

Each function runs inside a transaction that the writer has begun, together with the move upon the
books that it belongs to.
"""

import sqlite3
from collections.abc import Collection

from quota.books import Books
from quota.store import AuditRow, FlagRow, LimitRow

ADD_AUDIT = (
    "INSERT INTO audit (at, space, actor, action, subject, before, after, reason)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)


def add_audit(db: sqlite3.Connection, books: Books, row: AuditRow, now: int) -> None:
    """Write an act down, at the time by which the books go."""
    books.mark = max(books.mark, now)
    db.execute(ADD_AUDIT, (books.mark, *row[1:8]))


PUT_LIMIT = (
    "INSERT INTO limits (key, space, scope_kind, scope_name, kind, rule, models)"
    " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (space, key) DO UPDATE SET"
    " scope_kind = excluded.scope_kind, scope_name = excluded.scope_name, kind = excluded.kind,"
    " rule = excluded.rule, models = excluded.models"
)


def put_limit(db: sqlite3.Connection, key: str, row: LimitRow) -> None:
    """Set a limit in place of the one with this key in the space."""
    db.execute(PUT_LIMIT, (key, *row))


DROP_LIMIT = "DELETE FROM limits WHERE space = ? AND key = ?"


def drop_limit(db: sqlite3.Connection, key: str, space: str) -> bool:
    """Remove a limit; False where there is none."""
    return db.execute(DROP_LIMIT, (space, key)).rowcount > 0


DROP_FLAG = "DELETE FROM flags WHERE space = ? AND name = ? AND subject = ?"
ADD_FLAG = "INSERT INTO flags (space, name, subject, value, until) VALUES (?, ?, ?, ?, ?)"


def put_flags(db: sqlite3.Connection, rows: Collection[FlagRow]) -> None:
    """Set switches; an empty value removes one."""
    db.executemany(DROP_FLAG, [row[:3] for row in rows])
    db.executemany(ADD_FLAG, [row for row in rows if row.value])
