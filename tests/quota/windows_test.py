"""Windows: every instant lies in exactly one period, in every zone."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import cast
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quota.windows import (
    Anchored,
    Calendar,
    CalendarUnit,
    Period,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
SWEEP_OPENS_AT = 1_704_067_200_000  # 2024-01-01T00:00Z
SWEEP_CLOSES_AT = 2_240_524_800_000  # 2041-01-01T00:00Z
LENGTHS_MS: dict[CalendarUnit, tuple[int, int]] = {
    "minute": (60_000, 60_000),
    "hour": (HOUR_MS // 2, HOUR_MS),
    "day": (22 * HOUR_MS, 26 * HOUR_MS),
    "week": (7 * DAY_MS - 2 * HOUR_MS, 7 * DAY_MS + 2 * HOUR_MS),
    "month": (28 * DAY_MS - 2 * HOUR_MS, 31 * DAY_MS + 2 * HOUR_MS),
}


def at(text: str) -> int:
    """Read "2026-03-28T23:00Z" as epoch milliseconds."""
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(milliseconds=1)


def local(zone: str, instant: int) -> datetime:
    """Tell what the clock on the wall shows."""
    return (EPOCH + timedelta(milliseconds=instant)).astimezone(ZoneInfo(zone))


# unit, zone, now, opens, closes: all in UTC, from the published rules of each zone.
PERIODS = """
day   UTC                 2026-12-31T23:59Z 2026-12-31T00:00Z 2027-01-01T00:00Z
day   UTC                 1969-12-31T12:00Z 1969-12-31T00:00Z 1970-01-01T00:00Z
day   Europe/Berlin       2026-03-29T12:00Z 2026-03-28T23:00Z 2026-03-29T22:00Z
day   Europe/Berlin       2026-10-25T12:00Z 2026-10-24T22:00Z 2026-10-25T23:00Z
day   Europe/Berlin       2026-10-24T22:00Z 2026-10-24T22:00Z 2026-10-25T23:00Z
day   Europe/Berlin       2026-10-24T21:59Z 2026-10-23T22:00Z 2026-10-24T22:00Z
day   Asia/Beirut         2026-03-29T12:00Z 2026-03-28T22:00Z 2026-03-29T21:00Z
day   America/Havana      2026-03-08T12:00Z 2026-03-08T05:00Z 2026-03-09T04:00Z
day   America/Havana      2026-11-01T05:30Z 2026-11-01T04:00Z 2026-11-02T05:00Z
day   Africa/Cairo        2026-04-24T12:00Z 2026-04-23T22:00Z 2026-04-24T21:00Z
day   Africa/Cairo        2026-10-29T21:30Z 2026-10-28T21:00Z 2026-10-29T22:00Z
day   America/Santiago    2026-09-06T12:00Z 2026-09-06T04:00Z 2026-09-07T03:00Z
day   America/Santiago    2026-04-05T03:30Z 2026-04-04T03:00Z 2026-04-05T04:00Z
day   Australia/Lord_Howe 2026-10-04T00:00Z 2026-10-03T13:30Z 2026-10-04T13:00Z
day   Australia/Lord_Howe 2026-04-05T00:00Z 2026-04-04T13:00Z 2026-04-05T13:30Z
day   Antarctica/Troll    2026-03-29T12:00Z 2026-03-29T00:00Z 2026-03-29T22:00Z
day   Antarctica/Troll    2026-10-25T12:00Z 2026-10-24T22:00Z 2026-10-26T00:00Z
day   America/St_Johns    2010-11-07T02:45Z 2010-11-07T02:30Z 2010-11-08T03:30Z
day   America/Toronto     1919-03-31T04:29Z 1919-03-30T05:00Z 1919-03-31T04:30Z
day   America/Toronto     1919-03-31T04:45Z 1919-03-31T04:30Z 1919-04-01T04:00Z
day   Pacific/Apia        2011-12-30T09:59Z 2011-12-29T10:00Z 2011-12-30T10:00Z
day   Pacific/Apia        2011-12-30T10:00Z 2011-12-30T10:00Z 2011-12-31T10:00Z
day   Pacific/Kiritimati  2026-06-01T10:00Z 2026-06-01T10:00Z 2026-06-02T10:00Z
day   Pacific/Pago_Pago   2026-06-01T10:59Z 2026-05-31T11:00Z 2026-06-01T11:00Z
week  UTC                 2026-01-01T00:00Z 2025-12-29T00:00Z 2026-01-05T00:00Z
week  UTC                 2026-01-04T23:59Z 2025-12-29T00:00Z 2026-01-05T00:00Z
week  Europe/Berlin       2026-03-25T00:00Z 2026-03-22T23:00Z 2026-03-29T22:00Z
week  Pacific/Apia        2011-12-30T12:00Z 2011-12-26T10:00Z 2012-01-01T10:00Z
month UTC                 2028-02-29T23:59Z 2028-02-01T00:00Z 2028-03-01T00:00Z
month UTC                 2027-02-28T23:59Z 2027-02-01T00:00Z 2027-03-01T00:00Z
month UTC                 2026-12-15T00:00Z 2026-12-01T00:00Z 2027-01-01T00:00Z
month Europe/Berlin       2026-03-31T21:59Z 2026-02-28T23:00Z 2026-03-31T22:00Z
month America/New_York    2027-01-01T04:59Z 2026-12-01T05:00Z 2027-01-01T05:00Z
hour  UTC                 2026-01-01T00:59Z 2026-01-01T00:00Z 2026-01-01T01:00Z
hour  Asia/Kolkata        2026-01-01T12:15Z 2026-01-01T11:30Z 2026-01-01T12:30Z
hour  Asia/Kathmandu      2026-01-01T12:15Z 2026-01-01T12:15Z 2026-01-01T13:15Z
hour  Europe/Berlin       2026-10-25T00:30Z 2026-10-25T00:00Z 2026-10-25T01:00Z
hour  Europe/Berlin       2026-10-25T01:30Z 2026-10-25T01:00Z 2026-10-25T02:00Z
hour  America/St_Johns    2010-11-07T02:31Z 2010-11-07T02:30Z 2010-11-07T03:30Z
hour  Australia/Lord_Howe 2026-10-03T15:29Z 2026-10-03T14:30Z 2026-10-03T15:30Z
hour  Australia/Lord_Howe 2026-10-03T15:45Z 2026-10-03T15:30Z 2026-10-03T16:00Z
hour  Australia/Lord_Howe 2026-10-03T16:10Z 2026-10-03T16:00Z 2026-10-03T17:00Z
hour  Australia/Lord_Howe 2026-04-04T14:59Z 2026-04-04T14:00Z 2026-04-04T15:00Z
hour  Australia/Lord_Howe 2026-04-04T15:10Z 2026-04-04T15:00Z 2026-04-04T15:30Z
hour  Australia/Lord_Howe 2026-04-04T15:40Z 2026-04-04T15:30Z 2026-04-04T16:30Z
hour  America/Caracas     2016-05-01T06:45Z 2016-05-01T06:30Z 2016-05-01T07:00Z
hour  America/Caracas     2016-05-01T07:15Z 2016-05-01T07:00Z 2016-05-01T08:00Z
hour  Africa/Lagos        1914-01-01T00:10Z 1913-12-31T23:46:25Z 1914-01-01T00:30Z
minute UTC                2026-01-01T00:59Z 2026-01-01T00:59Z 2026-01-01T01:00Z
minute Asia/Kolkata       2026-01-01T12:15Z 2026-01-01T12:15Z 2026-01-01T12:16Z
minute Europe/Berlin      2026-10-25T00:59Z 2026-10-25T00:59Z 2026-10-25T01:00Z
"""


@pytest.mark.parametrize("row", PERIODS.strip().splitlines())
def test_an_instant_lies_in_the_period_that_the_almanac_names(row: str) -> None:
    unit, zone, now, opens, closes = row.split()

    period = Calendar(cast("CalendarUnit", unit), zone).period_at(at(now))

    assert period == Period(at(opens), at(closes))


@pytest.mark.parametrize(
    ("week_start", "opens", "closes"),
    [
        (0, "2025-12-29T00:00Z", "2026-01-05T00:00Z"),
        (1, "2025-12-30T00:00Z", "2026-01-06T00:00Z"),
        (3, "2026-01-01T00:00Z", "2026-01-08T00:00Z"),
        (4, "2025-12-26T00:00Z", "2026-01-02T00:00Z"),
        (5, "2025-12-27T00:00Z", "2026-01-03T00:00Z"),
        (6, "2025-12-28T00:00Z", "2026-01-04T00:00Z"),
    ],
)
def test_a_week_opens_on_the_weekday_that_was_chosen(
    week_start: int, opens: str, closes: str
) -> None:
    period = Calendar("week", week_start=week_start).period_at(at("2026-01-01T15:00Z"))

    assert period == Period(at(opens), at(closes))


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25)])
def test_a_day_on_which_the_clocks_change_has_only_whole_hours(day: str, hours: int) -> None:
    whole = Calendar("day", "Europe/Berlin").period_at(at(f"{day}T12:00Z"))

    ticks = list(tiles(Calendar("hour", "Europe/Berlin"), whole.opens_at, whole.closes_at or 0))

    assert [HOUR_MS] * hours == [(tick.closes_at or 0) - tick.opens_at for tick in ticks]


def test_an_anchored_period_opens_at_the_first_use() -> None:
    assert Period(1_234, 21_601_234) == Anchored(21_600_000).period_from(1_234)


# -- time is tiled -------------------------------------------------------------------------------


def tiles(calendar: Calendar, opens_at: int, closes_at: int) -> Iterator[Period]:
    """Walk the periods from one instant to another, and hold each against the promise."""
    shortest_ms, longest_ms = LENGTHS_MS[calendar.unit]
    period = calendar.period_at(opens_at)
    assert period.opens_at <= opens_at, (calendar, opens_at)
    while period.opens_at < closes_at:
        assert period.closes_at is not None, (calendar, period)
        assert shortest_ms <= period.closes_at - period.opens_at <= longest_ms, (calendar, period)
        assert calendar.period_at(period.closes_at - 1) == period, (calendar, period)
        yield period
        following = calendar.period_at(period.closes_at)
        assert following.opens_at == period.closes_at, (calendar, period, following)
        period = following


def check_midnight(calendar: Calendar, opens_at: int) -> None:
    """Hold the opening of a day, week or month against the clock and the calendar on the wall."""
    before, after = local(calendar.zone, opens_at - 1), local(calendar.zone, opens_at)
    assert before.date() + timedelta(days=1) == after.date(), (calendar, opens_at)
    assert calendar.unit != "week" or after.weekday() == calendar.week_start, (calendar, after)
    assert calendar.unit != "month" or after.day == 1, (calendar, after)


def check_span(calendar: Calendar, opens_at: int, closes_at: int) -> int:
    """Check every period that begins between two instants; count them."""
    count = 0
    for period in tiles(calendar, opens_at, closes_at):
        count += 1
        if calendar.unit not in {"minute", "hour"}:
            check_midnight(calendar, period.opens_at)
    return count


def offset_changes(zone: str) -> Iterator[int]:
    """Find the instants, 2024 to 2040, at which a zone changes its offset, by bisection."""
    weeks = range(SWEEP_OPENS_AT, SWEEP_CLOSES_AT, 7 * DAY_MS)
    offsets = [local(zone, week).utcoffset() for week in weeks]
    for before, (old, new) in zip(weeks, pairwise(offsets), strict=False):
        low, high = before, before + 7 * DAY_MS
        while old != new and high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if local(zone, middle).utcoffset() == old else (low, middle)
        if old != new:
            yield high


def check_changes(zone: str) -> int:
    """Check every kind of period around each change of a zone's offset, 2024 to 2040."""
    count = 0
    for change in offset_changes(zone):
        count += check_span(Calendar("day", zone), change - DAY_MS, change + DAY_MS)
        count += check_span(Calendar("week", zone, change % 7), change, change + DAY_MS)
        count += check_span(Calendar("month", zone), change, change + DAY_MS)
        count += check_span(Calendar("hour", zone), change - 3 * HOUR_MS, change + 3 * HOUR_MS)
        count += check_span(Calendar("minute", zone), change - 60_001, change + 60_001)
    return count


def check_all_zones() -> int:
    """Check every day, week, month and change of offset of every zone, 2024 to 2040.

    Takes minutes; raises AssertionError at the first violation, else returns the number of periods.
    """
    count = 0
    for zone in sorted(available_timezones()):
        count += check_changes(zone)
        count += check_span(Calendar("day", zone), SWEEP_OPENS_AT, SWEEP_CLOSES_AT)
        count += check_span(Calendar("month", zone), SWEEP_OPENS_AT, SWEEP_CLOSES_AT)
        for week_start in (0, 6):
            week = Calendar("week", zone, week_start)
            count += check_span(week, SWEEP_OPENS_AT, SWEEP_CLOSES_AT)
    return count


def test_periods_tile_time_where_any_zone_changes_its_offset() -> None:
    """At least one zone in three changes it every year, so fewer checks means a broken search."""
    assert sum(map(check_changes, sorted(available_timezones()))) > 50_000


def test_periods_tile_time_at_random_instants_of_every_zone() -> None:
    dice = random.Random(20_261_121)
    for zone in sorted(available_timezones()):
        for unit, (_, longest_ms) in LENGTHS_MS.items():
            now = dice.randrange(SWEEP_OPENS_AT, SWEEP_CLOSES_AT)
            check_span(Calendar(unit, zone, dice.randrange(7)), now, now + 2 * longest_ms)


@given(st.integers(-(10**12), 10**13), st.sampled_from(["Europe/Berlin", "Pacific/Apia", "UTC"]))
def test_a_period_is_the_same_whenever_it_is_asked_for(now: int, zone: str) -> None:
    for unit in LENGTHS_MS:
        opens_at, closes_at = Calendar(unit, zone).period_at(now)

        assert closes_at is not None
        assert opens_at <= now < closes_at
        assert Calendar(unit, zone).period_at(opens_at) == (opens_at, closes_at)
