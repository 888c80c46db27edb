"""Entries and counters prove one another."""

from quota.ledger import (
    AccountRow,
    Difference,
    EntryLine,
    HeldRow,
    HoldLine,
    LedgerEntry,
    PurseRow,
    held_differences,
)
from quota.ledger import differences as found
from quota.units import Unit

DAY = AccountRow(
    id=1,
    book="allowance|tokens/day|*|ana",
    opens_at=500,
    closes_at=900,
    spent=70,
    extra_spent=5,
    warned=0,
    pruned=20,
    expired_to=0,
    extra_pruned=2,
)
ROLLING = DAY._replace(
    id=2, book="allowance|tokens/rolling 6h|*|ana", opens_at=0, closes_at=None, spent=40,
    extra_spent=0, pruned=0, expired_to=600, extra_pruned=0,
)  # fmt: skip
SETTLED = LedgerEntry(
    1, 700, "settle", 1, "ana", "mini",
    lines=(EntryLine(1, 650, 60, 3), EntryLine(2, 650, 40, 0)), purses=((1, 3),),
)  # fmt: skip
EARLIER = LedgerEntry(2, 600, "settle", 2, "ana", "mini", lines=(EntryLine(2, 600, 99, 0),))
WRITTEN_OFF = LedgerEntry(3, 710, "correction", 0, "ana", "", lines=(EntryLine(1, 710, -10, 0),))
ENTRIES = [SETTLED, EARLIER, WRITTEN_OFF]
HOLD = ((HoldLine(1, Unit.TOKENS, 30, 6),), ((1, 6),))
GRANT = PurseRow(id=1, spent=3)


def test_books_that_agree_have_no_differences() -> None:
    untouched = PurseRow(id=2, spent=0)
    assert found([DAY, ROLLING], ENTRIES, [HOLD], [GRANT, untouched]) == []
    assert found([], [], [], []) == []


def test_each_counter_that_is_wrong_is_named_with_both_figures() -> None:
    day = DAY._replace(spent=71, extra_spent=4)
    rolling = ROLLING._replace(spent=139)
    assert found([day, rolling], ENTRIES, [HOLD], [PurseRow(1, 4)]) == [
        Difference("allowance|tokens/day|*|ana@500 spent", 71, 70),
        Difference("allowance|tokens/day|*|ana@500 extra", 4, 5),
        Difference("allowance|tokens/rolling 6h|*|ana@0 spent", 139, 40),
        Difference("grant 1 spent", 4, 3),
    ]


def test_an_entry_that_was_lost_shows() -> None:
    assert found([DAY], [SETTLED._replace(lines=SETTLED.lines[:1])], [HOLD], [GRANT]) == [
        Difference("allowance|tokens/day|*|ana@500 spent", 70, 80)
    ]


HELD = [HeldRow("day", 1, 30, 6), HeldRow("rolling", 2, 0)]
GRANTS_HELD = [HeldRow("grant 1", 1, 6), HeldRow("grant 2", 2, 0)]


def test_what_is_held_is_the_sum_of_the_open_holds() -> None:
    assert held_differences(HELD, GRANTS_HELD, [HOLD]) == []
    half = ((HoldLine(1, Unit.TOKENS, 15, 3),), ((1, 3),))
    assert held_differences(HELD, GRANTS_HELD, [half, half]) == []


def test_held_counters_that_are_wrong_are_named_with_both_figures() -> None:
    assert held_differences([HeldRow("day", 1, 29, 7)], [HeldRow("grant 1", 1, 5)], [HOLD]) == [
        Difference("day held", 29, 30),
        Difference("day extra held", 7, 6),
        Difference("grant 1 held", 5, 6),
    ]


def test_a_hold_that_was_lost_shows() -> None:
    told = [difference.what for difference in held_differences(HELD, GRANTS_HELD, [])]
    assert told == ["day held", "day extra held", "grant 1 held"]


def test_counters_that_are_missing_show() -> None:
    assert found([], [SETTLED], [HOLD], []) == [
        Difference("missing counter 1 spent", 0, 60),
        Difference("missing counter 2 spent", 0, 40),
        Difference("missing counter 1 held", 0, 36),
        Difference("missing grant 1 held", 0, 6),
    ]
