"""The account that counts now is found again without working out its period, and never wrongly."""

import sys

from quota.accounts import TOGETHER_KEPT, Accounts
from quota.counters import Changes, Ids
from quota.limits import Bound, Limit, parse_rule
from quota.members import EVERYONE
from quota.memory_shelf import MemoryShelf
from tests.fakes import HOUR, MORNING


def bound(zone: str) -> Bound:
    limit = Limit(EVERYONE, "allowance", parse_rule("20k tokens/day", zone=zone))
    rule = limit.rule
    return Bound(
        limit, "allowance|tokens/day|*|ana", rule.amount, rule.unit, rule.window, limit.kind
    )


def test_days_that_a_reload_moved_to_another_zone_are_other_days() -> None:
    accounts, changes = Accounts(MemoryShelf(), Ids()), Changes()
    utc, tokyo = bound("UTC"), bound("Asia/Tokyo")
    there = accounts.at(utc, MORNING, changes)
    accounts.open(there)

    assert accounts.at(utc, MORNING + HOUR, changes) is there
    assert accounts.at(tokyo, MORNING + HOUR, changes) is not there
    assert accounts.at(utc, MORNING + HOUR, changes) is there


def test_who_asks_again_finds_the_same_accounts_until_the_first_period_ends() -> None:
    accounts, changes = Accounts(MemoryShelf(), Ids()), Changes()
    bounds = (bound("UTC"), bound("Asia/Tokyo"))
    assert [a.id for a in accounts.all(bounds, MORNING, changes)] == [0, 0]
    for account in accounts.all(bounds, MORNING, changes):
        accounts.open(account)

    known = accounts.all(bounds, MORNING, changes)
    assert accounts.all(bounds, MORNING + 5 * HOUR, changes) is known
    # In Tokyo it is midnight six hours after nine in the morning in London.
    utc, tokyo = accounts.all(bounds, MORNING + 6 * HOUR, changes)
    assert utc is known[0]
    assert tokyo.id == 0
    assert accounts.all(bounds, MORNING - 10 * HOUR, changes)[0].id == 0


def test_what_is_kept_for_those_who_ask_again_has_a_bound() -> None:
    accounts, changes = Accounts(MemoryShelf(), Ids()), Changes()
    utc = bound("UTC")
    accounts.open(accounts.at(utc, MORNING, changes))
    first = (utc, utc)
    before = sys.getrefcount(first)
    accounts.all(first, MORNING, changes)
    assert sys.getrefcount(first) == before + 1
    for _ in range(TOGETHER_KEPT):
        accounts.all((utc, utc), MORNING, changes)
    assert sys.getrefcount(first) == before
