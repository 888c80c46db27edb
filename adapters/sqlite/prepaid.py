"""Prepaid balances on disk, beside the counters of their accounts."""

import sqlite3

from adapters.sqlite.rows import Row
from quota.prepaid import Fund, PrepaidRow, Refill

# How the names of their books begin.
BOOKS = "balance|"

FUND = "SELECT refilled_to, full, refill FROM prepaid WHERE account = ?"


def fund(db: sqlite3.Connection, account_id: int) -> Fund:
    """What a balance knows beside its counter."""
    refilled_to, full, refill = db.execute(FUND, (account_id,)).fetchone()
    return Fund(refilled_to, full, Refill.read(refill))


PUT = (
    "INSERT INTO prepaid (account, refilled_to, full, refill) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (account) DO UPDATE SET refilled_to = excluded.refilled_to,"
    " full = excluded.full, refill = excluded.refill"
)


def row(account: int, fund: Fund) -> Row:
    """A balance in the order of its columns."""
    rule = "" if fund.refill is None else fund.refill.written
    return account, fund.refilled_to, fund.full, rule


ALL = (
    "SELECT substr(book, ?), -spent, full, refilled_to, refill FROM prepaid"
    " JOIN accounts ON id = prepaid.account JOIN counters ON counters.account = id"
    " WHERE substr(book, 1, ?) = ? ORDER BY book"
)
# What stands in a book's name before the member whose balance it is.
WHOSE = f"{BOOKS}credits/balance|*|"


def rows(wallets: str, db: sqlite3.Connection) -> list[PrepaidRow]:
    """Every balance of wallets that begin so."""
    name = f"{WHOSE}{wallets}"
    found = db.execute(ALL, (len(WHOSE) + 1, len(name), name))
    return [
        PrepaidRow(wallet, left, full, to, Refill.read(refill))
        for wallet, left, full, to, refill in found
    ]
