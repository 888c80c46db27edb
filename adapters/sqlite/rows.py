"""Values of the books as rows and back: plain columns, and lines as compact text.

Why text for lines: a turn has a handful of them, they are read whole or not at all, and one row
costs less than six. Numbers are joined by commas, lines by semicolons.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from quota.counters import Account, Event, Hold, Purse
from quota.ledger import EntryLine, HoldLine, LedgerEntry
from quota.store import GrantRequest
from quota.units import Rates, Unit

Row = tuple[Any, ...]

RESOLVING = frozenset({"settle", "release", "lapse"})
_UNITS = {unit.place: unit for unit in Unit}
_NAMED = {str(unit): unit for unit in Unit}


def entry_row(entry: LedgerEntry) -> Row:
    """An entry in the order of its columns; lines count their age from the entry's time.

    Nothing is written as the empty text, of which SQLite makes NULL: for each None its module
    would look for an adapter, which takes longer than to write it.
    """
    at = entry.at
    lines = ";".join([f"{a},{at - admitted},{s},{x}" for a, admitted, s, x in entry.lines])
    purses = _pairs(entry.purses)
    resolves = entry.hold_id if entry.kind in RESOLVING else ""
    price = "" if entry.credits is None else entry.credits
    rates = _rates_text(entry.rates)
    bill = "" if entry.billed is None else entry.billed
    counted, said = entry[:12], entry[16:19]
    house, told = entry[13:15], entry[21:24]
    return (*counted, price, *house, rates, *said, lines, purses, resolves, *told, bill)


def entry_of(row: Row) -> LedgerEntry:
    """The entry that `entry_row` wrote."""
    lines = entry_lines(row[1], row[19])
    columns = (*row[:15], _rates(row[15]), *row[16:19], lines, pairs_of(row[20]), *row[22:])
    return LedgerEntry._make(columns)


def entry_lines(at: int, text: str) -> tuple[EntryLine, ...]:
    """The lines of an entry written at an instant."""
    return tuple(EntryLine(a, at - age, s, x) for a, age, s, x in _numbers(text))


def hold_row(hold: Hold) -> Row:
    """A hold in the order of its columns; nothing as in `entry_row`."""
    lines = ";".join([f"{a},{unit.place},{base},{extra}" for a, unit, base, extra in hold.lines])
    return (*hold[:10], _rates_text(hold.rates), lines, _pairs(hold.purses), *hold[13:])


def hold_of(row: Row) -> Hold:
    """The hold that `hold_row` wrote."""
    rates, lines, purses = _rates(row[10]), hold_lines(row[11]), pairs_of(row[12])
    return Hold._make((*row[:10], rates, lines, purses, *row[13:]))


def hold_lines(text: str) -> tuple[HoldLine, ...]:
    """The lines of a hold."""
    return tuple(
        HoldLine(a, _UNITS[place], base, extra) for a, place, base, extra in _numbers(text)
    )


def account_of(row: Row) -> Account:
    """An account, without the marks of a rolling window."""
    id_, book, opens, closes, spent, extra_spent, warned, expired_to = row
    return Account(
        id_,
        book,
        opens,
        closes,
        spent,
        extra_spent=extra_spent,
        warned=warned,
        expired_to=expired_to,
    )


def purse_row(purse: Purse) -> Row:
    """A grant in the order of its columns."""
    ask = purse.request
    return (
        purse.id,
        ask.wallet,
        str(ask.unit),
        ask.amount,
        ask.until,
        ask.actor,
        ask.reason,
        purse.at,
        purse.spent,
    )


def purse_of(row: Row) -> Purse:
    """The grant that `purse_row` wrote."""
    id_, wallet, unit, amount, until, actor, reason, at, spent = row
    ask = GrantRequest(wallet, _NAMED[unit], amount, until, actor, reason)
    return Purse(id_, ask, at, spent)


def event_of(row: Sequence[Any]) -> Event:
    """An event."""
    digest, at, interrupted, hold = row
    return Event(digest, at, bool(interrupted), hold)


def _numbers(text: str) -> Iterable[list[int]]:
    if not text:
        return ()
    return [[int(number) for number in line.split(",")] for line in text.split(";")]


def _pairs(pairs: Iterable[tuple[int, int]]) -> str:
    return ";".join([f"{a},{b}" for a, b in pairs]) if pairs else ""


def pairs_of(text: str) -> tuple[tuple[int, int], ...]:
    """Grants with amounts."""
    return tuple((a, b) for a, b in _numbers(text))


def _rates_text(rates: Rates | None) -> str:
    return "" if rates is None else ",".join(map(str, rates))


def _rates(text: str | None) -> Rates | None:
    return None if text is None else Rates(*map(int, text.split(",")))
