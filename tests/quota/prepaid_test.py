"""The terms of prepaid credits: how they are written, and what comes due under them."""

import pytest

from quota.errors import BadRuleError
from quota.governing import Act
from quota.members import Member, Space
from quota.memory import MemoryStore
from quota.prepaid import AddToBalance, Prepaid, PrepaidRow, Refill, SetBalance, parse_refill
from quota.prepaying import Prepaying
from quota.refilling import brought_up, enough_at
from quota.windows import Anchored, Calendar
from tests.fakes import DAY, HOUR, MORNING, FakeClock, policy

ANA = Member(Space("console", "console"), "ana")
ACT = Act("ada", "console:console")
DAILY = Refill(100_000, Calendar("day"), 1_000_000)


@pytest.mark.parametrize(
    ("line", "refill", "text"),
    [
        (
            "$0.10/day up to $1",
            Refill(100_000, Calendar("day", "Europe/Berlin", 6), 1_000_000),
            "$0.10/day up to $1",
        ),
        (
            "$2 per month UP TO $2.5",
            Refill(2_000_000, Calendar("month", "Europe/Berlin", 6), 2_500_000),
            "$2/month up to $2.50",
        ),
        ("$1 / 6h  up to $5", Refill(1_000_000, Anchored(6 * HOUR), 5_000_000), "$1/6h up to $5"),
        (
            "500 credits/week up to 1000 credits",
            Refill(500, Calendar("week", "Europe/Berlin", 6), 1_000),
            "$0.0005/week up to $0.001",
        ),
    ],
)
def test_a_refill_is_read_and_written(line: str, refill: Refill, text: str) -> None:
    found = parse_refill(line, zone="Europe/Berlin", week_start=6)
    assert found == refill
    assert found.text == text
    assert Refill.read(found.written) == found


def test_no_refill_is_written_as_nothing() -> None:
    assert Refill.read("") is None


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("$0.10/day", "names no cap"),
        ("$1 up to $2", "names no interval"),
        ("up to $1", "names no interval"),
        ("5k tokens/day up to $1", "'5k tokens' is no sum of money"),
        ("-$1/day up to $2", "'-\\$1' is no sum of money"),
        ("$1/day up to", "is no amount"),
        ("$0/day up to $1", "refills nothing"),
        ("$2/day up to $1", "the cap is below the amount"),
        ("$1/fortnight up to $2", "'fortnight' is not a window"),
        ("$1/rolling day up to $2", "has no beginning"),
        ("$1/balance up to $2", "has no beginning"),
        ("$1/minute up to $2", "every hour at most"),
        ("$1/59m up to $2", "every hour at most"),
    ],
)
def test_a_mistake_in_a_refill_is_named(line: str, told: str) -> None:
    with pytest.raises(BadRuleError, match=told):
        parse_refill(line)


@pytest.mark.parametrize(
    ("prepaid", "text"),
    [
        (Prepaid(), "$0 at first"),
        (Prepaid(500_000, DAILY), "$0.50 at first, $0.10/day up to $1"),
        (Prepaid(0, None, 200_000), "$0 at first, overdraft $0.20"),
    ],
)
def test_terms_in_one_line(prepaid: Prepaid, text: str) -> None:
    assert prepaid.text == text


def test_what_takes_longer_than_anybody_waits_is_not_promised() -> None:
    slow = Refill(1, Calendar("day"), 1_000_000)
    assert enough_at(slow, MORNING, 0, 1_000) is not None
    assert enough_at(slow, MORNING, 0, 1_001) is None
    assert enough_at(slow, MORNING, 0, 1_000_001) is None


def test_a_row_is_brought_up_to_now() -> None:
    row = PrepaidRow("console:console:ana", 10, 500, MORNING, None)
    assert brought_up(row, MORNING + DAY) == row
    row = row._replace(refill=DAILY)
    later = brought_up(row, MORNING + 2 * DAY)
    assert (later.credits, later.full) == (200_010, 1_000_000)
    assert brought_up(row, MORNING) == row


def prepaying(*lines: str) -> tuple[Prepaying, MemoryStore, FakeClock]:
    store, clock = MemoryStore(), FakeClock()
    return Prepaying(store, clock, lambda _: policy(*lines), lambda: None), store, clock


async def test_an_act_tells_what_was_there_before_and_after() -> None:
    office, store, _ = prepaying("balance: start=$0.50")
    assert await office.change(ACT, ANA, AddToBalance(250_000)) == (500_000, 750_000)
    assert await office.change(ACT, ANA, SetBalance(0)) == (750_000, 0)
    assert await office.change(ACT, ANA, SetBalance(0)) == (0, 0)
    trail = await store.audit_trail("console:console", 0, 9)
    assert [(row.action, row.before, row.after) for row in reversed(trail)] == [
        ("balance add", "$0.50", "$0.75"),
        ("balance set", "$0.75", "$0"),
        ("balance set", "$0", "$0"),
    ]


async def test_nothing_is_put_in_where_there_is_no_balance_and_nothing_added_is_a_mistake() -> None:
    office, store, _ = prepaying("everyone: 5k tokens/day")
    with pytest.raises(BadRuleError, match=r"no \[balance\]"):
        await office.change(ACT, ANA, AddToBalance(1))
    office, _, _ = prepaying("balance: start=$0.50")
    with pytest.raises(BadRuleError, match="changes nothing"):
        await office.change(ACT, ANA, AddToBalance(0))
    assert await store.audit_trail("console:console", 0, 9) == []


async def test_upkeep_writes_what_has_come_due_for_many() -> None:
    office, store, clock = prepaying("balance: refill=$0.10/day up to $1")
    for number in range(450):
        await office.change(ACT, ANA._replace(id=f"m{number}"), SetBalance(5))
    assert await office.refill() == 0
    clock.advance(DAY)
    assert await office.refill() == 450
    assert await office.refill() == 0
    assert {row.credits for row in await store.prepaid("")} == {100_005}
    assert len(await office.rows("console:console:m44")) == 11
