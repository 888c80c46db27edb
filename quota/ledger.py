"""Entries, append-only, and the rule by which they add up to accounts.

Why both: summing entries at every ask costs time that grows with the ledger; counters alone can
prove nothing. Both are written in one transaction, and `differences` recomputes one from the
other.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Literal, NamedTuple

from quota.units import Rates, Unit

EntryKind = Literal[
    "settle",
    "release",
    "lapse",
    "attempt",
    "grant",
    "take",
    "correction",
    "start",
    "refill",
    "topup",
]

# What a call of a turn is for: the answer (its first words, or all of it), the answer again after
# tools have said something, a summary of what was said before, a title for the thread.
Purpose = Literal["answer", "tools", "summary", "title"]
# So begins the note of a settled call whose answer did not come to its own end.
PARTIAL = "partial"


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

    `tokens` and `credits` are what the member was charged (for grants: what was given, in `model`;
    for what comes into a balance: how much, less than nothing where it is taken out); `house_*` is
    what went to the house. `rates` is the price that was applied, `source` says who counted,
    `estimated_input` is what the prompt was expected to be. Of a call, `turn` is the hold of the
    first call of the same turn, `served` the model that the provider says it served (empty: it did
    not say), `billed` the cost that the provider itself reported where that decided.
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
    purpose: Purpose | Literal[""] = ""
    turn: int = 0
    served: str = ""
    billed: int | None = None


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
    extra_spent: int
    warned: int
    pruned: int
    expired_to: int
    extra_pruned: int = 0


class PurseRow(NamedTuple):
    """A grant as it is counted; `pruned` as for accounts."""

    id: int
    spent: int
    pruned: int = 0


class HeldRow(NamedTuple):
    """What an account (or a grant, which has no extra) counts as held by open holds."""

    name: str
    id: int
    held: int
    extra_held: int = 0


Held = tuple[tuple[HoldLine, ...], tuple[tuple[int, int], ...]]


class Difference(NamedTuple):
    """Where counters and entries disagree."""

    what: str
    counted: int
    proven: int


def differences(
    accounts: Iterable[AccountRow],
    entries: Iterable[LedgerEntry],
    holds: Iterable[Held],
    purses: Iterable[PurseRow],
) -> list[Difference]:
    """Recompute every counter from entries; what does not agree, or nothing.

    Open holds are nowhere counted but in memory (see `held_differences`): here they only must not
    name what is missing.
    """
    spent, purse_spent = _sorted_lines(entries)
    held, purse_held = sums_of(holds)
    found: list[Difference] = []
    for row in accounts:
        own = [line for line in spent.pop(row.id, ()) if line.at > row.expired_to]
        name = f"{row.book}@{row.opens_at}"
        found += _compare(f"{name} spent", row.spent, row.pruned + sum(x.spent for x in own))
        extra = row.extra_pruned + sum(x.extra for x in own)
        found += _compare(f"{name} extra", row.extra_spent, extra)
        held.pop(row.id, None)
    for purse_row in purses:
        charged = purse_row.pruned + purse_spent.pop(purse_row.id, 0)
        found += _compare(f"grant {purse_row.id} spent", purse_row.spent, charged)
        purse_held.pop(purse_row.id, None)
    for account, strays in spent.items():
        found += _compare(f"missing counter {account} spent", 0, sum(x.spent for x in strays))
    for account, (base, extra) in held.items():
        found += _compare(f"missing counter {account} held", 0, base + extra)
    for purse, amount in purse_held.items():
        found += _compare(f"missing grant {purse} held", 0, amount)
    return found


def held_differences(
    accounts: Iterable[HeldRow], purses: Iterable[HeldRow], holds: Iterable[Held]
) -> list[Difference]:
    """Recompute what counters in memory hold from the open holds."""
    held, purse_held = sums_of(holds)
    found: list[Difference] = []
    for row in accounts:
        base, extra = held.get(row.id, (0, 0))
        found += _compare(f"{row.name} held", row.held, base)
        found += _compare(f"{row.name} extra held", row.extra_held, extra)
    for row in purses:
        found += _compare(f"{row.name} held", row.held, purse_held.get(row.id, 0))
    return found


def sums_of(holds: Iterable[Held]) -> tuple[dict[int, tuple[int, int]], dict[int, int]]:
    """What holds have set aside: of each account (its own and extra), and of each grant."""
    held: dict[int, tuple[int, int]] = {}
    purse_held: dict[int, int] = defaultdict(int)
    for lines, purses in holds:
        for account, _, base, extra in lines:
            own, more = held.get(account, (0, 0))
            held[account] = own + base, more + extra
        for purse, amount in purses:
            purse_held[purse] += amount
    return held, purse_held


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


def _compare(what: str, counted: int, proven: int) -> list[Difference]:
    return [] if counted == proven else [Difference(what, counted, proven)]
