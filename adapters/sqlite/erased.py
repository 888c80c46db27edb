"""Who was erased, kept beside the books: an older copy put in their place must not bring them back.

A line for each says when, and holds a hash of the name with a salt of its own. It tells nobody's
name; only whether a name that is found in the books is that of somebody who was erased since. What
is older than any copy that is worth putting back is let go of.
"""

import logging
import os
import secrets
import sqlite3
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from adapters.sqlite.files import OWNER_ONLY, beside
from quota.veils import split_book

log = logging.getLogger(__name__)

KEPT_MS = 400 * 24 * 3_600_000
SALT_BYTES = 16


class Erased(NamedTuple):
    """Somebody who was erased at a time."""

    at: int
    salt: bytes
    digest: bytes

    @classmethod
    def of(cls, wallet: str, at: int) -> "Erased":
        """Of this name, from now on known by its hash alone."""
        salt = secrets.token_bytes(SALT_BYTES)
        return cls(at, salt, _digest(wallet, salt))

    @classmethod
    def of_line(cls, line: str) -> "Erased":
        """Read what `line` wrote."""
        at, salt, digest = line.split()
        return cls(int(at), bytes.fromhex(salt), bytes.fromhex(digest))

    @property
    def line(self) -> str:
        """As it stands in the file."""
        return f"{self.at} {self.salt.hex()} {self.digest.hex()}\n"

    def is_(self, wallet: str) -> bool:
        """Whether this is the name."""
        return _digest(wallet, self.salt) == self.digest


def _digest(wallet: str, salt: bytes) -> bytes:
    return blake2b(wallet.encode("utf-8", "surrogatepass"), key=salt, digest_size=16).digest()


def note(path: Path, wallet: str, now: int) -> None:
    """Write somebody down beside a database, for good or with an OSError."""
    kept = [each for each in _read(path) if each.at > now - KEPT_MS]
    _write(path, [*kept, Erased.of(wallet, now)])


def lower(path: Path, now: int) -> None:
    """The books believe an earlier time again, so nobody was erased later than that."""
    found = _read(path)
    if any(each.at > now for each in found):
        _write(path, [each._replace(at=min(each.at, now)) for each in found])


def _write(path: Path, found: Iterable[Erased]) -> None:
    file = beside(path, "erased")
    part = file.with_name(f"{file.name}.part")
    target = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, OWNER_ONLY)
    with os.fdopen(target, "w", encoding="ascii") as lines:
        lines.writelines(each.line for each in found)
        lines.flush()
        os.fsync(target)
    part.replace(file)


def _read(path: Path) -> list[Erased]:
    file = beside(path, "erased")
    found = []
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
        try:
            found.append(Erased.of_line(line))
        except ValueError:
            log.exception("%s: a line cannot be read, left out: %s", file, line)
    return found


MARK = "SELECT mark FROM meta"
BEGIN = "INSERT OR IGNORE INTO erasing (wallet, name) VALUES (?, '')"


def come_back(db: sqlite3.Connection, path: Path) -> int:
    """Have erased again who was since the newest time that these books know; how many are in them.

    Whoever was erased before that time and is there has come back by themselves.
    """
    ((mark,),) = db.execute(MARK).fetchall()
    since = [each for each in _read(path) if each.at > mark]
    if not since:
        return 0
    found = [(wallet,) for wallet in _named(db) if any(each.is_(wallet) for each in since)]
    db.executemany(BEGIN, found)
    return len(found)


NAMED = (
    "SELECT wallet FROM entries UNION SELECT wallet FROM holds UNION SELECT wallet FROM grants"
    " UNION SELECT wallet FROM pool_members"
    " UNION SELECT subject FROM flags UNION SELECT space || ':' || subject FROM flags"
    " UNION SELECT subject FROM audit UNION SELECT space || ':' || actor FROM audit"
)
OWN_BOOKS = "SELECT DISTINCT book FROM accounts WHERE book NOT GLOB 'shared|*'"


def _named(db: sqlite3.Connection) -> set[str]:
    """All in the books that may be the name of a member."""
    found = {name for (name,) in db.execute(NAMED)}
    return found | {split_book(book)[1] for (book,) in db.execute(OWN_BOOKS)}
