"""The account that counts now is found again without working out its period, and never wrongly."""

from quota.accounts import Accounts
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
