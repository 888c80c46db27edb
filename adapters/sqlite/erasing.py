"""Another name in place of a member, in every row of the file; in small steps between the turns.

The first step is the one that counts: counters, holds, grants and pools change hands, and whoever
comes back is counted under the new name. Entries follow, for they are many; after a start one goes
on with what a dead process had begun. What is overwritten is zeroed (opening.py), and the WAL,
which has it still, is emptied at the end.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from functools import partial

from adapters.sqlite.desk import Desk
from adapters.sqlite.erased import note
from adapters.sqlite.governing import add_audit
from adapters.sqlite.prune import PURGING, STEP_ROWS
from adapters.sqlite.scans import Scans
from adapters.sqlite.writer import Writer
from quota.books import Books
from quota.erasing import VeiledBooks, erased_by
from quota.members import Member
from quota.veils import NEVER_ENDS, ends_at, hiding, split_book


async def erase(writer: Writer, scans: Scans, wallet: str, now: int, by: str = "") -> str:
    """See ErasingStore."""
    db = writer.desk.db
    name = await writer.ask(partial(change_hands, writer.desk, wallet, now, by), alone=True)
    last, more, turns = 0, True, set[int]()
    while more:
        rows = await scans.apart(partial(_entries_after, last, wallet))
        more = len(rows) == STEP_ROWS
        if rows:
            last = rows[-1][0]
            turns |= {turn for _, turn in rows if turn}
            ids = [id_ for id_, _ in rows]
            await writer.ask(partial(_rename_entries, db, wallet, name, ids), alone=True)
    found = await scans.apart(partial(_leading_to, turns))
    for start in range(0, len(found), STEP_ROWS):
        some = found[start : start + STEP_ROWS]
        await writer.ask(partial(_unlink, db, some), alone=True)
    await writer.ask(partial(_done, db, wallet), alone=True)
    await writer.ask(writer.desk.wipe)
    return name


ERASING = "SELECT wallet FROM erasing"


def unfinished(db: sqlite3.Connection) -> list[str]:
    """Whom a dead process was erasing, and who has come back with an older copy of the books."""
    return [wallet for (wallet,) in db.execute(ERASING)]


BEGUN = (
    "INSERT INTO erasing (wallet, name) VALUES (?, ?) ON CONFLICT (wallet) DO UPDATE SET"
    " name = excluded.name WHERE name = ''"
)
KEEP_KEY = "INSERT OR IGNORE INTO erasing_key (one, key) VALUES (1, ?)"
VEIL = "INSERT OR REPLACE INTO erased (name, until) VALUES (?, ?)"


def change_hands(desk: Desk, wallet: str, now: int, by: str, books: Books) -> str:
    """All that decides is the new name's, at once; the name."""
    assert isinstance(books, VeiledBooks), "the shelf makes no others"
    db = desk.db
    # Later than all that any copy of the books has seen so far.
    books.mark = now = max(books.mark + 1, now)
    note(desk.path, wallet, now)
    name = books.veils.made(wallet)
    db.execute(KEEP_KEY, (books.veils.key,))
    is_new = db.execute(BEGUN, (wallet, name)).rowcount > 0
    books.rename(wallet, name)
    _rename_counters(db, wallet, name)
    until = max((when for when in _ends(db, name, now)), default=0)
    until = max(until, books.veils.until.get(name, 0))
    if until > now:
        db.execute(VEIL, (name, until))
        books.veils.until[name] = until
    _rename_audit(db, wallet, name)
    if is_new:  # What a dead process had begun is in the trail already.
        add_audit(db, books, erased_by(name, by), now)
    books.evict()
    return name


RENAME_HOLDS = "UPDATE holds SET wallet = ?2 WHERE wallet = ?1"
RENAME_POOLS = "UPDATE pool_members SET wallet = ?2 WHERE wallet = ?1"
GRANTS_TELLING = (
    "SELECT id, wallet, actor, reason FROM grants WHERE wallet = ?1 OR"
    " (substr(wallet, 1, ?2) = ?3 AND (actor = ?4 OR instr(reason, ?4) > 0))"
)
RENAME_GRANT = "UPDATE grants SET wallet = ?, actor = ?, reason = ? WHERE id = ?"
OWN_BOOKS = (
    "SELECT id, book FROM accounts WHERE substr(book, -?1) = ?2 AND book NOT GLOB 'shared|*'"
)
RENAME_BOOK = "UPDATE accounts SET book = ? WHERE id = ?"


def _rename_counters(db: sqlite3.Connection, wallet: str, name: str) -> None:
    for statement in (RENAME_HOLDS, RENAME_POOLS):
        db.execute(statement, (wallet, name))
    hide, member = hiding(wallet, name), Member.from_wallet(wallet)
    prefix = f"{member.space.key}:"
    telling = db.execute(GRANTS_TELLING, (wallet, len(prefix), prefix, member.id)).fetchall()
    for id_, whose, actor, reason in telling:
        owner = name if whose == wallet else whose
        by = hide(actor) if actor == member.id else actor
        db.execute(RENAME_GRANT, (owner, by, hide(reason), id_))
    tail = f"|{wallet}"
    for account, book in db.execute(OWN_BOOKS, (len(tail), tail)).fetchall():
        what, whose = split_book(book)
        if whose == wallet:
            db.execute(RENAME_BOOK, (f"{what}|{name}", account))


ACCOUNTS_OF = "SELECT book, closes_at FROM accounts WHERE substr(book, -?1) = ?2"
POOLS_OF = "SELECT book, closes_at FROM pool_members JOIN accounts ON id = account WHERE wallet = ?"
GRANTS_OF = "SELECT until FROM grants WHERE wallet = ? AND spent <> amount"


def _ends(db: sqlite3.Connection, name: str, now: int) -> Iterator[int]:
    """When each period of somebody closes."""
    tail = f"|{name}"
    own = db.execute(ACCOUNTS_OF, (len(tail), tail)).fetchall()
    for book, closes_at in (*own, *db.execute(POOLS_OF, (name,)).fetchall()):
        yield ends_at(book, closes_at, now)
    for (until,) in db.execute(GRANTS_OF, (name,)):
        yield NEVER_ENDS if until is None else until


AUDIT_OF = (
    "SELECT id, actor, subject, before, after, reason FROM audit WHERE space = ?1 AND"
    " instr(actor || ' ' || subject || ' ' || before || ' ' || after || ' ' || reason, ?2) > 0"
)
RENAME_AUDIT = (
    "UPDATE audit SET actor = ?, subject = ?, before = ?, after = ?, reason = ? WHERE id = ?"
)


def _rename_audit(db: sqlite3.Connection, wallet: str, name: str) -> None:
    member, hide = Member.from_wallet(wallet), hiding(wallet, name)
    rows = db.execute(AUDIT_OF, (member.space.key, member.id)).fetchall()
    db.execute(PURGING, (1,))
    for id_, actor, *texts in rows:
        by = hide(actor) if actor == member.id else actor
        db.execute(RENAME_AUDIT, (by, *map(hide, texts), id_))
    db.execute(PURGING, (0,))


ENTRIES_OF = (
    "SELECT id, turn FROM entries WHERE id > ?1 AND (wallet = ?2 OR"
    " (substr(wallet, 1, ?3) = ?4 AND (actor = ?5 OR instr(note, ?5) > 0)))"
    " ORDER BY id LIMIT ?6"
)


def _entries_after(last: int, wallet: str, db: sqlite3.Connection) -> list[tuple[int, int]]:
    member = Member.from_wallet(wallet)
    prefix = f"{member.space.key}:"
    keys = (last, wallet, len(prefix), prefix, member.id, STEP_ROWS)
    return db.execute(ENTRIES_OF, keys).fetchall()


ENTRY = "SELECT wallet, actor, note FROM entries WHERE id = ?"
RENAME_ENTRY = "UPDATE entries SET wallet = ?, actor = ?, note = ? WHERE id = ?"


def _rename_entries(
    db: sqlite3.Connection, wallet: str, name: str, ids: Sequence[int], _: Books
) -> None:
    hide, member = hiding(wallet, name), Member.from_wallet(wallet)
    db.execute(PURGING, (1,))
    for id_ in ids:
        row = db.execute(ENTRY, (id_,)).fetchone()
        if row is not None:
            whose, actor, note = row
            whose = name if whose == wallet else whose
            by = hide(actor) if actor == member.id else actor
            db.execute(RENAME_ENTRY, (whose, by, hide(note), id_))
    db.execute(PURGING, (0,))


EVENTS_WITH = "SELECT key, hold FROM events WHERE hold > 0"
SHOWN_WITH = "SELECT message, turn FROM shown"


def _leading_to(turns: set[int], db: sqlite3.Connection) -> list[str]:
    """The events and messages that lead to these turns: the platform knows whose they are."""
    rows = (*db.execute(EVENTS_WITH), *db.execute(SHOWN_WITH))
    return [key for key, turn in rows if turn in turns]


UNLINK_EVENT = "UPDATE events SET hold = 0 WHERE key = ?"
DROP_SHOWN = "DELETE FROM shown WHERE message = ?"


def _unlink(db: sqlite3.Connection, keys: Sequence[str], _: Books) -> None:
    db.executemany(UNLINK_EVENT, [(key,) for key in keys])
    db.executemany(DROP_SHOWN, [(key,) for key in keys])


DONE = "DELETE FROM erasing WHERE wallet = ?"


def _done(db: sqlite3.Connection, wallet: str, _: Books) -> None:
    db.execute(DONE, (wallet,))
