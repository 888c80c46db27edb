"""Mistakes that somebody could make with prepaid balances; see store_mutants.py."""

from types import ModuleType

from adapters.sqlite.store import SqliteStore
from quota.memory import MemoryStore
from tests.contracts.prepaid_machine import PrepaidMachine
from tests.contracts.store_mutants import ACCOUNTS, COUNTERS, NOTICES, SHELF, Mutant, fails

FUNDS, REFILLING, BOOKS = "quota/funds.py", "quota/refilling.py", "quota/prepaid_books.py"
FILE = "adapters/sqlite/prepaid.py"

OF_BALANCES = (
    # What comes in by itself.
    Mutant(
        "a refill comes each time that somebody looks",
        FUNDS,
        "        fund.refilled_to = came.refilled_to\n",
        "",
    ),
    Mutant(
        "of several refills only the last one comes",
        REFILLING,
        "given += min(refill.amount, refill.cap - left - given)",
        "given = min(refill.amount, refill.cap - left - given)",
    ),
    Mutant(
        "a refill goes above the cap",
        REFILLING,
        "min(refill.amount, refill.cap - left - given)",
        "refill.amount",
    ),
    Mutant(
        "what is above the cap is taken away",
        REFILLING,
        "if left + given >= refill.cap:",
        "if left + given == refill.cap:",
    ),
    Mutant(
        "a refill comes a moment late", REFILLING, "refilled_to)) <= now", "refilled_to)) < now"
    ),
    Mutant(
        "a full balance saves refills up",
        REFILLING,
        "return Due(given, _last_boundary(refill, refilled_to, now))",
        "return Due(given, refilled_to)",
    ),
    Mutant(
        "what came due before a charge comes after it",
        ACCOUNTS,
        "        if account.fund is not None:\n            self.funds.keep_up",
        "        if account.fund is None:\n            self.funds.keep_up",
    ),
    Mutant(
        "to look is to take in",
        FUNDS,
        "account = replace(account, fund=replace(account.fund))",
        "account = replace(account)",
    ),
    Mutant(
        "a refill is in no entry",
        FUNDS,
        'self._enter(account, "refill", came.credits,',
        'self._enter(account, "refill", 0,',
    ),
    # What it begins with.
    Mutant(
        "an empty balance begins anew",
        ACCOUNTS,
        "if account.id:\n            return self.funds",
        "if account.spent:\n            return self.funds",
    ),
    Mutant("the start is in no entry", FUNDS, "        if account.spent:\n", "        if False:\n"),
    Mutant(
        "who only looks has begun",
        ACCOUNTS,
        "        if changes is not None:\n            self.open(account)\n",
        "        if True:\n            self.open(account)\n",
    ),
    # Debt.
    Mutant(
        "an overdraft has no end",
        COUNTERS,
        "    if amount is None:\n        return Room(unit, None, 0, 0)\n    unspent",
        '    if amount is None or kind == "balance":\n'
        "        return Room(unit, None, 0, 0)\n    unspent",
    ),
    Mutant(
        "a refill forgives a debt",
        FUNDS,
        "account.spent -= came.credits",
        "account.spent = min(0, account.spent) - came.credits",
    ),
    Mutant(
        "nothing is taken out that is not there",
        FUNDS,
        "        account.spent -= amount\n",
        "        account.spent = min(0, account.spent - amount)\n",
    ),
    # Other terms.
    Mutant(
        "another rule holds for what was due before",
        FUNDS,
        "        self.keep_up(account, now, changes)\n        fund = account.fund\n",
        "        fund = account.fund\n        fund.refill = terms.refill\n"
        "        self.keep_up(account, now, changes)\n",
    ),
    Mutant(
        "another amount moves the boundaries",
        FUNDS,
        "if len(windows) < 2 or windows[0] != windows[1]:",
        "if len(windows) < 3:",
    ),
    Mutant(
        "another interval counts from the last boundary",
        FUNDS,
        "if len(windows) < 2 or windows[0] != windows[1]:",
        "if len(windows) < 2:",
    ),
    Mutant("another rule is never seen", FUNDS, "if fund.refill != terms.refill:", "if False:"),
    # What is told.
    Mutant(
        "what was put in is not what is full",
        FUNDS,
        "        account.spent -= amount\n        fund.full = full_of(",
        "        account.spent -= amount\n        _ = full_of(",
    ),
    Mutant(
        "a full balance is told to refill",
        FUNDS,
        "if fund.refill is not None and left < fund.refill.cap:",
        "if fund.refill is not None:",
    ),
    Mutant(
        "enough is told one refill too early",
        REFILLING,
        "times = -(-(needed - left) // refill.amount)",
        "times = (needed - left) // refill.amount",
    ),
    Mutant("what was set is added", BOOKS, "what.amount - before", "what.amount"),
    # Files.
    Mutant("it is forgotten up to when", FILE, "fund.refilled_to, fund.full,", "0, fund.full,"),
    Mutant(
        "what is full is forgotten", FILE, "fund.refilled_to, fund.full,", "fund.refilled_to, 0,"
    ),
    Mutant("a rule is written once", FILE, ', refill = excluded.refill"', '"'),
    Mutant(
        "only the counter is written",
        SHELF,
        "            if a.fund is not None:\n",
        "            if a.fund is not None and a.id >= self._accounts_written:\n",
    ),
)

# The machine does not listen to warnings.
UNHEARD = (
    Mutant(
        "what was filled up warns no more",
        NOTICES,
        " or account.fund is not None:\n",
        ":\n",
    ),
)


def prepaid_machine_against(mutant: Mutant, copy: ModuleType, examples: int) -> bool:
    """Whether the machine of balances sees the mistake; the other of the two stores is right."""

    class Copied(PrepaidMachine):
        in_memory = copy.MemoryStore if mutant.in_memory else MemoryStore
        in_file = SqliteStore if mutant.in_memory else copy.SqliteStore

    return fails(Copied, examples)
