"""What comes into prepaid balances besides what a turn takes in: an admin's hand, and upkeep."""

from collections.abc import Iterable

from quota.accounts import Accounts
from quota.counters import Changes
from quota.limits import Bound
from quota.prepaid import AddToBalance, Deposit, Deposited
from quota.store import AuditRow
from quota.units import Unit, amount_text


def deposit(
    accounts: Accounts, bound: Bound, what: Deposit, by: tuple[str, str], now: int, to: Changes
) -> Deposited:
    """Put in or take out, after what has come due. `by` says who and why."""
    account = accounts.at(bound, now, to)
    before = -account.spent
    amount = what.amount if isinstance(what, AddToBalance) else what.amount - before
    if amount:
        accounts.funds.put_in(account, amount, by, now, to)
    return Deposited(before, -account.spent)


def refill(accounts: Accounts, bounds: Iterable[Bound], now: int, changes: Changes) -> int:
    """Take in what has come due; how many balances something came to."""
    before = len(changes.entries)
    for bound in bounds:
        accounts.at(bound, now, changes)
    return len(changes.entries) - before


def told_by(audit: AuditRow, done: Deposited) -> AuditRow:
    """An act with what was there before it and after."""
    before, after = (amount_text(amount, Unit.CREDITS) for amount in done)
    return audit._replace(before=before, after=after)
