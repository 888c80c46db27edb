"""Counters in memory: accounts, holds, grants, events, what has changed, and what they allow.

A shelf brings what is not in memory; `Changes` says what a store has to write.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from quota.accounting import Room
from quota.ledger import AccountRow, Held, HoldLine, LedgerEntry, Purpose
from quota.limits import Bound
from quota.pool_state import Pool, PoolShelf
from quota.pool_terms import PoolMember
from quota.prepaid import Fund
from quota.store import FlagRow, GrantRequest, GrantRow
from quota.units import Rates, Unit
from quota.verdicts import Balance
from quota.windows import Calendar, Rolling

# What the constructor of a NamedTuple, a Python function, calls in the end: half as long.
new_tuple = tuple.__new__


@dataclass(slots=True, eq=False)
class Account:
    """The counter of one limit, for one subject, in one period.

    What is held is the sum of the open holds, so it is counted here and stored nowhere. A prepaid
    balance has a `fund`, and counts what came in as spent less than nothing.
    """

    id: int
    book: str
    opens_at: int
    closes_at: int | None
    spent: int = 0
    held: int = 0
    extra_spent: int = 0
    extra_held: int = 0
    warned: int = 0
    pruned: int = 0
    expired_to: int = 0
    marks: list[tuple[int, int, int]] = field(default_factory=list)
    fund: Fund | None = None
    shared: bool = field(init=False)
    rolling: bool = field(init=False)
    plain: bool = field(init=False)

    def __post_init__(self) -> None:
        """Know what it is by the parts of the book's name that the books wrote themselves."""
        kind, window, _ = self.book.split("|", 2)
        self.shared = kind == "shared"
        self.rolling = "/rolling " in window
        # Nothing counts beside it: no pool, no marks, no fund.
        self.plain = not (self.shared or self.rolling or kind == "balance")

    def row(self) -> AccountRow:
        """The counter as it is stored."""
        return AccountRow(
            self.id,
            self.book,
            self.opens_at,
            self.closes_at,
            self.spent,
            self.extra_spent,
            self.warned,
            self.pruned,
            self.expired_to,
        )


class Hold(NamedTuple):
    """An amount set aside for one call; `turn` is the hold of the first call of its turn."""

    id: int
    event: str
    wallet: str
    house: str
    model: str
    at: int
    expires_at: int
    input: int
    output_cap: int
    progress_step: int
    rates: Rates | None
    lines: tuple[HoldLine, ...]
    purses: tuple[tuple[int, int], ...]
    purpose: Purpose
    turn: int
    progress: int = 0

    @property
    def held(self) -> Held:
        """What it has set aside of accounts and of grants."""
        return self.lines, self.purses


@dataclass(slots=True, eq=False)
class Purse:
    """A grant while it is counted; what is held of it, as for accounts."""

    id: int
    request: GrantRequest
    at: int
    spent: int = 0
    held: int = 0

    def row(self) -> GrantRow:
        """The grant as it is stored and shown."""
        ask = self.request
        return GrantRow(
            self.id,
            ask.wallet,
            ask.unit,
            ask.amount,
            self.spent,
            self.held,
            self.at,
            ask.until,
            ask.actor,
            ask.reason,
        )


@dataclass(slots=True)
class Event:
    """A platform event that was seen: what it said, and whether its turn was cut off.

    `hold` is the hold of the first call of its turn, 0: none was made.
    """

    digest: str
    at: int
    interrupted: bool = False
    hold: int = 0


class Shelf(PoolShelf, Protocol):
    """Where counters come from that are not in memory; all of it what was last committed.

    The `held` of what it brings means nothing: who asked fills it in from the open holds.
    """

    def account(self, book: str, opens_at: int | None) -> Account | None:
        """The account of a period; the latest one where `opens_at` is None."""

    def account_by_id(self, account_id: int) -> Account | None:
        """The account with this id, with the marks of a rolling window."""

    def event(self, key: str) -> Event | None:
        """An event, if it was ever seen."""

    def holds(self) -> Iterable[Hold]:
        """Every open hold."""

    def resolution(self, hold_id: int) -> LedgerEntry | None:
        """The entry that resolved a hold."""

    def purses(self, wallet: str) -> list[Purse]:
        """A member's grants, ordered by when they end."""


@dataclass(slots=True)
class Changes:
    """What the moves since the last commit touched."""

    events: dict[str, Event] = field(default_factory=dict)
    holds: dict[int, Hold] = field(default_factory=dict)
    closed: list[int] = field(default_factory=list)
    calls: list[tuple[int, int]] = field(default_factory=list)  # later ones of a turn: turn, hold
    shown: dict[str, int] = field(default_factory=dict)  # messages, and the turn they show
    accounts: dict[int, Account] = field(default_factory=dict)
    marks: list[tuple[int, int, int, int]] = field(default_factory=list)
    purses: dict[int, Purse] = field(default_factory=dict)
    pools: dict[int, Pool] = field(default_factory=dict)
    pool_members: dict[tuple[int, str], PoolMember] = field(default_factory=dict)
    entries: list[LedgerEntry] = field(default_factory=list)
    flags: dict[tuple[str, str, str], FlagRow] = field(default_factory=dict)  # no move reads them

    def __bool__(self) -> bool:
        """Whether there is anything to write."""
        return bool(
            self.events
            or self.holds
            or self.closed
            or self.accounts
            or self.marks
            or self.purses
            or self.pools
            or self.entries
            or self.shown
            or self.flags
        )


@dataclass(slots=True)
class Ids:
    """The next free numbers."""

    account: int = 1
    hold: int = 1
    entry: int = 1
    purse: int = 1


def takes_of(purses: Sequence[Purse], unit: Unit) -> int:
    """What admins have taken from an allowance in this unit: zero or less."""
    return sum(p.request.amount for p in purses if p.request.unit is unit and p.request.amount < 0)


def extra_of(purses: Sequence[Purse], unit: Unit) -> tuple[int, int]:
    """What grants still allow in this unit: not spent, and neither spent nor held."""
    given = [p for p in purses if p.request.unit is unit and p.request.amount > 0]
    unspent = sum(p.request.amount - p.spent for p in given)
    return unspent, unspent - sum(p.held for p in given)


def room_in(bound: Bound, account: Account, purses: Sequence[Purse]) -> Room:
    """One limit's side of a decision. A limit lowered below what is used has no room, not less."""
    _, _, amount, unit, _, kind, _, _ = bound
    if amount is None:
        return Room(unit, None, 0, 0)
    unspent = amount - account.spent
    if not purses or kind != "allowance":
        free = unspent - account.held
        if unspent < 0 or free < 0:
            unspent, free = max(0, unspent), max(0, free)
        return new_tuple(Room, (unit, amount, unspent, free))
    taken = takes_of(purses, unit)
    unspent_extra, free_extra = extra_of(purses, unit)
    return Room(
        unit,
        _left(amount, taken, unspent_extra),
        _left(unspent, taken, unspent_extra),
        _left(unspent - account.held, taken, free_extra),
    )


def _left(own: int, taken: int, extra: int) -> int:
    """What an allowance and grants leave of a take (zero or less): it eats into grants last."""
    if own + taken >= 0:
        return own + taken + extra
    return max(0, extra + max(own + taken, taken))


def balance_of(bound: Bound, account: Account, purses: Sequence[Purse]) -> Balance:
    """The same, as a person reads it."""
    limit, _, amount, unit, window, kind, _, _ = bound
    spent, extra_spent = account.spent, account.extra_spent
    _, whole, unspent, free = room_in(bound, account, purses)
    granted, left = (None, None) if whole is None else (whole + extra_spent, free)
    extra = 0
    if purses and amount is not None and kind == "allowance":
        extra = unspent - max(0, amount + takes_of(purses, unit) - spent)
    opens_at = account.closes_at
    if account.rolling:
        opens_at = _next_to_leave(bound, account)
    elif account.id == 0 and not isinstance(window, Calendar):
        opens_at = None
    held = account.held + account.extra_held
    row = (limit, kind, unit, granted, spent + extra_spent, held, left, extra, opens_at, None, None)
    return new_tuple(Balance, row)


def _next_to_leave(bound: Bound, account: Account) -> int | None:
    """When a rolling window frees the first of what it counts."""
    if isinstance(bound.window, Rolling) and account.marks:
        return account.marks[0][0] + bound.window.length_ms
    return None


def spent_at(account: Account, now: int) -> dict[int, int]:
    """What an account has spent, by the instant at which it counts."""
    if not account.rolling:
        return {now: account.spent}
    spent: dict[int, int] = {}
    for at, _, amount in account.marks:
        spent[at] = spent.get(at, 0) + amount
    return spent
