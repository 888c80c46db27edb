"""Who was refused is told once when the limit has opened."""

from quota.limits import Limit, parse_rule
from quota.members import EVERYONE
from quota.verdicts import Refused
from quota.waiting import SHUT_KEPT, Fresh, Shut
from tests.fakes import requester

LIMIT = Limit(EVERYONE, "allowance", parse_rule("20k tokens/day"))


def refused(opens_at: int | None) -> Refused:
    return Refused("period_used", LIMIT, opens_at=opens_at)


def test_each_is_told_of_once_and_not_before_it_opens() -> None:
    shut, ana, bo = Shut(), requester("ana"), requester("bo")
    shut.note(ana, refused(1_000))
    shut.note(bo, refused(2_000))

    assert shut.opened(999) == []
    assert shut.opened(1_000) == [Fresh(ana, refused(1_000))]
    assert shut.opened(5_000) == [Fresh(bo, refused(2_000))]
    assert shut.opened(5_000) == []


def test_a_refusal_that_never_ends_is_not_remembered() -> None:
    shut = Shut()
    shut.note(requester("ana"), refused(None))

    assert shut.opened(1 << 60) == []


def test_memory_is_bounded_and_the_oldest_goes_first() -> None:
    shut = Shut()
    for number in range(SHUT_KEPT + 1):
        shut.note(requester(f"m{number}"), refused(1))

    opened = shut.opened(1)

    assert len(opened) == SHUT_KEPT
    assert opened[0].requester.member.id == "m1"


def test_who_is_forgotten_is_told_nothing() -> None:
    shut, ana, bo = Shut(), requester("ana"), requester("bo")
    shut.note(ana, refused(1_000))
    shut.note(bo, refused(1_000))
    shut.forget(ana.member.wallet)
    shut.forget(ana.member.wallet)

    assert shut.opened(1_000) == [Fresh(bo, refused(1_000))]
