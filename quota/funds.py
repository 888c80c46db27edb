"""Prepaid balances in memory: begun, brought up to date, added to; whatever comes in is an entry.

The account of a balance counts what was charged minus what came in. So what is left is its
negative, one number, which the entries prove as they prove any other counter. Before anything is
charged or put in, what has come due until then is taken in: so it does not matter who looks when.
"""

from dataclasses import replace

from quota.counters import Account, Changes, Ids, room_in
from quota.ledger import EntryKind, EntryLine, LedgerEntry
from quota.limits import Bound
from quota.prepaid import Fund, Prepaid
from quota.purses import FOREVER
from quota.refilling import Due, due, enough_at, full_of, next_refill
from quota.verdicts import Balance, PrepaidBalance


class Funds:
    """Takes in what has come due, and writes down all that comes in."""

    def __init__(self, ids: Ids) -> None:
        """Number entries like everybody else."""
        self._ids = ids

    def begin(self, account: Account, terms: Prepaid, now: int) -> Account:
        """What a balance would begin with now; it exists once it is opened and `started`."""
        account.spent = -terms.start
        account.fund = Fund(now, full_of(terms.start, terms.refill), terms.refill)
        return account

    def started(self, account: Account, now: int, changes: Changes) -> None:
        """Write down what a new balance has begun with."""
        changes.accounts[account.id] = account
        if account.spent:
            self._enter(account, "start", -account.spent, now, now, changes)

    def current(
        self, account: Account, terms: Prepaid, now: int, changes: Changes | None
    ) -> Account:
        """A balance with all that has come due; without `changes`, in a copy.

        Where the rule was changed, the old one holds until now and the new one from now on.
        """
        if changes is None:
            assert account.fund is not None, "a balance has a fund"
            account = replace(account, fund=replace(account.fund))
        self.keep_up(account, now, changes)
        fund = account.fund
        assert fund is not None, "as above"
        if fund.refill != terms.refill:
            windows = [rule.window for rule in (fund.refill, terms.refill) if rule is not None]
            # Where only the amount or the cap is another, the boundaries stay where they are.
            if len(windows) < 2 or windows[0] != windows[1]:  # noqa: PLR2004 - both there
                fund.refilled_to = now
            fund.refill = terms.refill
            fund.full = full_of(-account.spent, fund.refill)
            if changes is not None:
                changes.accounts[account.id] = account
        return account

    def keep_up(self, account: Account, now: int, changes: Changes | None) -> None:
        """Take in what has come due by the rule that the balance was last seen under."""
        fund = account.fund
        if fund is None or fund.refill is None:
            return
        came = due(fund.refill, fund.refilled_to, -account.spent, now)
        if came.refilled_to == fund.refilled_to:
            return
        fund.refilled_to = came.refilled_to
        if changes is not None:
            changes.accounts[account.id] = account
        if came.credits:
            self._take_in(account, came, now, changes)

    def put_in(
        self,
        account: Account,
        amount: int,
        by: tuple[str, str],
        now: int,
        changes: Changes,
    ) -> None:
        """An admin's hand: the amount may be negative, and what is left too. `by`: who and why."""
        fund = account.fund
        assert fund is not None, "a balance has a fund"
        account.spent -= amount
        fund.full = full_of(-account.spent, fund.refill)
        changes.accounts[account.id] = account
        kind: EntryKind = "topup" if amount > 0 else "correction"
        self._enter(account, kind, amount, now, now, changes, by)

    def _take_in(self, account: Account, came: Due, now: int, changes: Changes | None) -> None:
        fund = account.fund
        assert fund is not None, "a balance has a fund"
        account.spent -= came.credits
        fund.full = full_of(-account.spent, fund.refill)
        if changes is not None:
            rule = "" if fund.refill is None else fund.refill.text
            at = came.refilled_to
            self._enter(account, "refill", came.credits, at, now, changes, ("", rule))

    def _enter(
        self,
        account: Account,
        kind: EntryKind,
        amount: int,
        at: int,
        now: int,
        changes: Changes,
        by: tuple[str, str] = ("", ""),
    ) -> None:
        actor, note = by
        entry = LedgerEntry(self._ids.entry, now, kind, 0, wallet_of(account), "", credits=amount)
        line = EntryLine(account.id, at, -amount, 0)
        changes.entries.append(entry._replace(actor=actor, note=note, lines=(line,)))
        self._ids.entry += 1


def wallet_of(account: Account) -> str:
    """Whose balance it is: the last part of the book's name."""
    return account.book.split("|", 3)[3]


def balance_of_fund(bound: Bound, account: Account, fund: Fund) -> Balance:
    """Where a member stands with their balance."""
    left = -account.spent
    overdraft = bound.amount or 0
    next_at = None
    if fund.refill is not None and left < fund.refill.cap:
        next_at = next_refill(fund.refill, fund.refilled_to)
    return Balance(
        bound.limit,
        bound.kind,
        bound.unit,
        fund.full,
        fund.full - left,
        account.held,
        room_in(bound, account, ()).free,
        0,
        next_at,
        prepaid=PrepaidBalance(left, overdraft, fund.refill, next_at),
    )


def whole_of_fund(bound: Bound, fund: Fund) -> int:
    """The most that can ever be asked for at once, if no admin puts anything in."""
    return fund.full + (bound.amount or 0)


def fund_opens_at(bound: Bound, account: Account, fund: Fund, needed: int) -> int | None:
    """When refills make so much room if nobody spends more; None: not by themselves."""
    if fund.refill is None:
        return None
    beyond = needed - (bound.amount or 0)
    return enough_at(fund.refill, fund.refilled_to, -account.spent, beyond)


def due_at(account: Account) -> int:
    """The moment from which on more may have come due: until then nobody need look again."""
    fund = account.fund
    if fund is None or fund.refill is None:
        return FOREVER
    return next_refill(fund.refill, fund.refilled_to)
