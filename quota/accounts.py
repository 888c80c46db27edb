"""The accounts in memory: found or fetched by window and time, opened, charged, let go."""

from bisect import insort
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from quota.counters import Account, Changes, Ids, Shelf
from quota.errors import UnknownHoldError
from quota.funds import Funds, due_at
from quota.limits import Bound
from quota.purses import FOREVER
from quota.windows import Anchored, Calendar, Period, Rolling, Window

TOGETHER_KEPT = 20_000

# Bounds, their accounts, and the stretch of time in which these are the ones that count.
_Together: TypeAlias = tuple[tuple[Bound, ...], list[Account], int, int]


class Accounts:
    """Every account that was touched since the last `evict`."""

    def __init__(self, shelf: Shelf, ids: Ids) -> None:
        """Fetch from the shelf what is not in memory."""
        self._shelf = shelf
        self._ids = ids
        self.funds = Funds(ids)
        self._held: Mapping[int, tuple[int, int]] = {}
        self._by_period: dict[tuple[str, int], Account] = {}
        self._latest: dict[str, Account] = {}
        self._current: dict[str, tuple[Window, Account]] = {}
        self._by_id: dict[int, Account] = {}
        self._together: dict[int, _Together] = {}

    def __len__(self) -> int:
        """How many accounts are in memory."""
        return len(self._by_id)

    def __iter__(self) -> Iterator[Account]:
        """Every account in memory."""
        return iter(self._by_id.values())

    def all(
        self, bounds: tuple[Bound, ...], now: int, changes: Changes | None
    ) -> Sequence[Account]:
        """The accounts that count now, one for each bound; see `at`.

        Who asks again brings the very same bounds. The answer is kept under their identity, with
        the bounds themselves so that no others can have it, until the first of its periods ends.
        """
        known = self._together.get(id(bounds))
        if known is not None and known[0] is bounds and known[2] <= now < known[3]:
            return known[1]
        accounts = [self.at(bound, now, changes) for bound in bounds]
        if all(account.id and not account.rolling for account in accounts):
            opened_at = max((account.opens_at for account in accounts), default=0)
            closes_at = min((a.closes_at or due_at(a) for a in accounts), default=FOREVER)
            if len(self._together) >= TOGETHER_KEPT:
                self._together.clear()
            self._together[id(bounds)] = bounds, accounts, opened_at, closes_at
        return accounts

    def at(self, bound: Bound, now: int, changes: Changes | None) -> Account:
        """The account that counts now; one with id 0 stands for a period not yet begun.

        A rolling window lets go of what it has left behind, a balance takes in what has come due
        and begins at first sight; without `changes`, in a copy.
        """
        window, book = bound.window, bound.book
        current = self._current.get(book)
        # The window is compared as well: a reload may have moved the days to another zone.
        if current is not None and current[0] == window:
            account = current[1]
            if account.opens_at <= now < (account.closes_at or 0):
                return account
        if isinstance(window, Calendar):
            account = self.of(book, window.period_at(now))
            if account.id:
                self._current[book] = window, account
            return account
        if isinstance(window, Anchored):
            known = self._latest.get(book)
            if known is None and (stored := self._shelf.account(book, None)) is not None:
                known = self._latest[book] = self._fetched(stored)
            if known is not None and now < (known.closes_at or 0):
                return known
            return self.of(book, window.period_from(now))
        account = self.of(book, Period(0, None))
        if isinstance(window, Rolling):
            return _expired(account, now - window.length_ms, changes)
        terms = bound.limit.rule.prepaid
        if terms is None:
            return account
        if account.id:
            return self.funds.current(account, terms, now, changes)
        account = self.funds.begin(account, terms, now)
        if changes is not None:
            self.open(account)
            self.funds.started(account, now, changes)
        return account

    def of(self, book: str, period: Period) -> Account:
        """The account of a book in a period, or a new one with id 0."""
        opens_at, closes_at = period
        account = self._by_period.get((book, opens_at))
        if account is not None:
            return account
        account = self._shelf.account(book, opens_at)
        return self._fetched(account) if account else Account(0, book, opens_at, closes_at)

    def charged(self, account_id: int, now: int, changes: Changes) -> Account:
        """The account with this id, to be charged: a balance first takes in what came due.

        UnknownHoldError where an open hold names one that is gone.
        """
        account = self._by_id.get(account_id)
        if account is None:
            stored = self._shelf.account_by_id(account_id)
            if stored is None:
                raise UnknownHoldError(f"account {account_id} of an open hold is missing")
            account = self._fetched(stored)
        if account.fund is not None:
            self.funds.keep_up(account, now, changes)
        return account

    def open(self, account: Account) -> None:
        """Give a new account its number: from here on it exists."""
        account.id = self._ids.account
        self._ids.account += 1
        self._keep(account)
        self._latest[account.book] = account

    def spend(self, account: Account, at: int, amount: int, changes: Changes) -> None:
        """Count an amount admitted at an instant; a rolling window remembers the instant."""
        changes.accounts[account.id] = account
        if account.rolling:
            if at <= account.expired_to or not amount:
                return
            insort(account.marks, (at, self._ids.entry, amount))
            changes.marks.append((account.id, at, self._ids.entry, amount))
        account.spent += amount

    def evict(self, held: Mapping[int, tuple[int, int]]) -> None:
        """Forget what the shelf can bring back; what is `held` by open holds it cannot tell."""
        self._held = held
        self._by_period.clear()
        self._latest.clear()
        self._current.clear()
        self._by_id.clear()
        self._together.clear()

    def _fetched(self, account: Account) -> Account:
        """Take in an account from the shelf; one that is here already is the one that counts."""
        kept = self._by_id.get(account.id)
        if kept is not None:
            return kept
        account.held, account.extra_held = self._held.get(account.id, (0, 0))
        self._keep(account)
        return account

    def _keep(self, account: Account) -> None:
        self._by_id[account.id] = account
        self._by_period[(account.book, account.opens_at)] = account


def _expired(account: Account, to: int, changes: Changes | None) -> Account:
    """Let go of what a rolling window has left behind. Harmless to do again."""
    if not account.marks or account.marks[0][0] > to:
        return account
    if changes is None:
        account = replace(account, marks=[*account.marks])
    else:
        changes.accounts[account.id] = account
    old = 0
    while old < len(account.marks) and account.marks[old][0] <= to:
        account.spent -= account.marks[old][2]
        old += 1
    del account.marks[:old]
    account.expired_to = to
    return account
