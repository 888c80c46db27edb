"""Fair pools as rows: a pool and its members at rest, read one by one, written together.

Lists of numbers are text joined by commas: they are read whole or not at all.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from quota.counters import Changes
from quota.pool_state import Pool
from quota.pool_terms import PoolMember, PoolPeriod
from quota.pools import PoolProof

_POOLS = (
    "SELECT account, book, opens_at, closes_at, size, floor, lend_percent, keep_until, last_call,"
    " past_hist, past_asks, still, used, 0, claims, hist, asks, before, added"
    " FROM pools JOIN accounts ON accounts.id = account WHERE "
)
POOL = _POOLS + "account = ?"
LATEST = _POOLS + "book = ? ORDER BY opens_at DESC LIMIT 1"


def pool(db: sqlite3.Connection, account_id: int) -> Pool | None:
    """The pool of an account, without its members."""
    row = db.execute(POOL, (account_id,)).fetchone()
    return None if row is None else _pool_of(row)


def latest_pool(db: sqlite3.Connection, book: str) -> Pool | None:
    """The pool of the last period of a limit in which it was fair."""
    row = db.execute(LATEST, (book,)).fetchone()
    return None if row is None else _pool_of(row)


MEMBER = (
    "SELECT book, opens_at, wallet, weight, used, 0, share, missed"
    " FROM pool_members JOIN accounts ON accounts.id = account WHERE account = ? AND wallet = ?"
)


def pool_member(db: sqlite3.Connection, account_id: int, wallet: str) -> PoolMember | None:
    """A member who has come to a pool."""
    row = db.execute(MEMBER, (account_id, wallet)).fetchone()
    return None if row is None else PoolMember(*row)


PUT_POOL = (
    "INSERT INTO pools (account, lend_percent, keep_until, last_call, before, size, floor, added,"
    " used, claims, past_hist, past_asks, still, hist, asks)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account) DO UPDATE SET"
    " size = excluded.size, floor = excluded.floor, added = excluded.added, used = excluded.used,"
    " claims = excluded.claims, past_hist = excluded.past_hist,"
    " past_asks = excluded.past_asks, still = excluded.still, hist = excluded.hist,"
    " asks = excluded.asks"
)
COUNT = (
    "UPDATE pools SET size = ?, floor = ?, added = ?, used = ?, claims = ?, hist = ?, asks = ?"
    " WHERE account = ?"
)
PUT_MEMBER = (
    "INSERT INTO pool_members (account, wallet, weight, used, share, missed)"
    " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (account, wallet) DO UPDATE SET"
    " weight = excluded.weight, used = excluded.used, share = excluded.share,"
    " missed = excluded.missed"
)


def write(db: sqlite3.Connection, changes: Changes) -> None:
    """Write the pools and members that the moves have touched; their accounts are there."""
    for found in changes.pools.values():
        if found.on_shelf:
            row = found.row
            counted = (row.size, row.floor, found.added, row.used, found.rest_claims)
            lists = (_text(found.rest_hist), _text(row.asks))
            db.execute(COUNT, (*counted, *lists, found.account))
        else:
            db.execute(PUT_POOL, _pool_row(found))
    members = changes.pool_members.items()
    db.executemany(PUT_MEMBER, [_member_row(account, m) for (account, _), m in members])


ALL_POOLS = (
    "SELECT pools.account, book, opens_at, closes_at, size, floor, lend_percent, keep_until,"
    " last_call, past_hist, past_asks, still, used, 0, claims, hist, asks, before, added, spent"
    " FROM pools JOIN accounts ON accounts.id = pools.account"
    " JOIN counters ON counters.account = pools.account"
)
ALL_MEMBERS = (
    "SELECT '', 0, wallet, weight, used, 0, share, missed FROM pool_members WHERE account = ?"
)


def proofs(db: sqlite3.Connection) -> Iterator[PoolProof]:
    """Every pool with its members and its account."""
    for *row, spent in db.execute(ALL_POOLS).fetchall():
        found = _pool_of(row)
        members = (PoolMember(*m) for m in db.execute(ALL_MEMBERS, (found.account,)))
        yield PoolProof(found, members, spent)


def _pool_of(row: Any) -> Pool:
    account, *columns, past_hist, past_asks, still, used, held, claims, hist, asks = row[:17]
    before, added = row[17:]
    lists = (_numbers(past_hist), _numbers(past_asks), _numbers(still))
    counted = (used, held, claims, _numbers(hist), _numbers(asks))
    row_ = PoolPeriod._make((*columns, *lists, *counted))
    return Pool(account, row_, before, added, on_shelf=True)


def _pool_row(found: Pool) -> tuple[Any, ...]:
    row = found.row
    return (
        found.account,
        row.lend_percent,
        row.keep_until,
        row.last_call,
        found.before,
        row.size,
        row.floor,
        found.added,
        row.used,
        found.rest_claims,
        _text(row.past_hist),
        _text(row.past_asks),
        _text(row.left),
        _text(found.rest_hist),
        _text(row.asks),
    )


def _member_row(account: int, member: PoolMember) -> tuple[Any, ...]:
    _, _, wallet, weight, used, _, share, missed = member
    return account, wallet, weight, used, share, missed


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(",")))


def _text(numbers: Sequence[int]) -> str:
    return ",".join(map(str, numbers))
