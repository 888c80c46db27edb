"""Which thresholds a charge has crossed: each is told once per period."""

from collections.abc import Sequence

from quota.accounting import crossed, still_warned
from quota.counters import Account, Changes
from quota.ledger import LedgerEntry
from quota.verdicts import Balance, Notice

_TOLD = frozenset({"allowance", "balance"})


def notices_of(
    entry: LedgerEntry,
    accounts: Sequence[Account],
    balances: Sequence[Balance],
    warn_at: Sequence[int],
    changes: Changes,
) -> list[Notice]:
    """What there is to tell after an entry; it is noted with the accounts as told."""
    notices: list[Notice] = []
    lowest = min(warn_at) if warn_at else 0
    for account, stands in zip(accounts, balances, strict=True):
        granted = stands.granted
        if granted is None or stands.kind not in _TOLD:
            continue
        if not account.warned and stands.used * 100 < lowest * granted:
            continue  # far from anything to tell: so it is for nearly everybody
        if account.fund is not None and granted == 0:
            continue  # there never was anything of which a part could be left
        line = next((line for line in entry.lines if line.account == account.id), None)
        if line is None:
            continue
        if (account.rolling and line.at > account.expired_to) or account.fund is not None:
            # It never ends: what has emptied (or refilled) since it was told may be told again.
            before = stands.used - line.spent
            account.warned = still_warned(before, granted, account.warned, warn_at)
        for percent in crossed(stands.used, granted, account.warned, warn_at):
            account.warned = max(account.warned, percent)
            changes.accounts[account.id] = account
            left = (stands.left or 0) if stands.prepaid is None else stands.prepaid.credits
            notices.append(
                Notice(stands.limit, stands.unit, percent, granted, left, stands.opens_at)
            )
    return notices
