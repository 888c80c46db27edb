"""Entries, append-only, and the rule by which they add up to accounts.

Why both: summing entries at every ask costs time that grows with the ledger; counters alone can
prove nothing. Both are written in one transaction, and `differences` recomputes one from the
other.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Literal, NamedTuple

from quota.units import Rates, Unit

EntryKind = Literal["settle", "release", "lapse", "attempt", "grant", "take", "correction"]


class EntryLine(NamedTuple):
    """What one entry did to one account: `spent` of its own, `extra` paid by grants.

    `at` is when the turn was admitted (UTC milliseconds); rolling windows count by it, and no
    `extra`.
    """

    account: int
    at: int
    spent: int
    extra: int


class LedgerEntry(NamedTuple):
    """One fact that was added to the books and is never changed.

    `tokens` and `credits` are what the member was charged (for grants: what was given, in
    `model`); `house_*` is what went to the house. `rates` is the price that was applied, `source`
    says who counted, `estimated_input` is what the prompt was expected to be.
    """

    id: int
    at: int
    kind: EntryKind
    hold_id: int
    wallet: str
    model: str
    input: int = 0
    cached: int = 0
    output: int = 0
    reasoning: int = 0
    source: str = ""
    tokens: int = 0
    credits: int | None = None
    house_tokens: int = 0
    house_credits: int = 0
    rates: Rates | None = None
    estimated_input: int = 0
    actor: str = ""
    note: str = ""
    lines: tuple[EntryLine, ...] = ()
    purses: tuple[tuple[int, int], ...] = ()


class HoldLine(NamedTuple):
    """What a hold took from one account: `base` of its own, `extra` paid by grants."""

    account: int
    unit: Unit
    base: int
    extra: int


class AccountRow(NamedTuple):
    """A counter as it is stored. `expired_to` is only used by rolling windows.

    `pruned` and `extra_pruned` are what entries had added that were removed since.
    """

    id: int
    book: str
    opens_at: int
    closes_at: int | None
    spent: int
    held: int
    extra_spent: int
    extra_held: int
    warned: int
    pruned: int
    expired_to: int
    extra_pruned: int = 0


class PurseRow(NamedTuple):
    """A grant as it is counted; `pruned` as for accounts."""

    id: int
    spent: int
    held: int
    pruned: int = 0


class Difference(NamedTuple):
    """Where counters and entries disagree."""

    what: str
    counted: int
    proven: int


def differences(
    accounts: Iterable[AccountRow],
    entries: Iterable[LedgerEntry],
    holds: Iterable[tuple[tuple[HoldLine, ...], tuple[tuple[int, int], ...]]],
    purses: Iterable[PurseRow],
) -> list[Difference]:
    """Recompute every counter from entries and open holds; what does not agree, or nothing."""
    spent, purse_spent = _sorted_lines(entries)
    held, extra_held, purse_held = _sorted_holds(holds)
    found: list[Difference] = []
    for row in accounts:
        own = [line for line in spent.pop(row.id, ()) if line.at > row.expired_to]
        name = f"{row.book}@{row.opens_at}"
        found += _compare(f"{name} spent", row.spent, row.pruned + sum(x.spent for x in own))
        extra = row.extra_pruned + sum(x.extra for x in own)
        found += _compare(f"{name} extra", row.extra_spent, extra)
        found += _compare(f"{name} held", row.held, held.pop(row.id, 0))
        found += _compare(f"{name} extra held", row.extra_held, extra_held.pop(row.id, 0))
    for purse_row in purses:
        name = f"grant {purse_row.id}"
        charged = purse_row.pruned + purse_spent.pop(purse_row.id, 0)
        found += _compare(f"{name} spent", purse_row.spent, charged)
        found += _compare(f"{name} held", purse_row.held, purse_held.pop(purse_row.id, 0))
    for account, strays in spent.items():
        found += _compare(f"missing counter {account} spent", 0, sum(x.spent for x in strays))
    for missing in (held, extra_held, purse_held):
        for key, amount in missing.items():
            found += _compare(f"missing counter {key} held", 0, amount)
    return found


def _sorted_lines(
    entries: Iterable[LedgerEntry],
) -> tuple[dict[int, list[EntryLine]], dict[int, int]]:
    lines: dict[int, list[EntryLine]] = defaultdict(list)
    purses: dict[int, int] = defaultdict(int)
    for entry in entries:
        for line in entry.lines:
            lines[line.account].append(line)
        for purse, amount in entry.purses:
            purses[purse] += amount
    return lines, purses


def _sorted_holds(
    holds: Iterable[tuple[tuple[HoldLine, ...], tuple[tuple[int, int], ...]]],
) -> tuple[dict[int, int], dict[int, int], dict[int, int]]:
    held: dict[int, int] = defaultdict(int)
    extra_held: dict[int, int] = defaultdict(int)
    purse_held: dict[int, int] = defaultdict(int)
    for hold_lines, hold_purses in holds:
        for line in hold_lines:
            held[line.account] += line.base
            extra_held[line.account] += line.extra
        for purse, amount in hold_purses:
            purse_held[purse] += amount
    return held, extra_held, purse_held


def _compare(what: str, counted: int, proven: int) -> list[Difference]:
    return [] if counted == proven else [Difference(what, counted, proven)]
