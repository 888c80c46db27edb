"""Windows and durations: every text reads as people mean it, or is told what is wrong with it."""

import re
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quota.windows import (
    Anchored,
    Balance,
    Calendar,
    CalendarUnit,
    Rolling,
    Window,
    WindowError,
    duration_text,
    parse_duration,
    parse_window,
    window_text,
)

LENGTHS = st.integers(1, 366 * 86_400).map(lambda seconds: seconds * 1_000)
UNITS: st.SearchStrategy[CalendarUnit] = st.sampled_from(["minute", "hour", "day", "week", "month"])
WINDOWS: st.SearchStrategy[Window] = st.one_of(
    st.builds(Calendar, UNITS, st.just("Europe/Berlin"), st.just(6)),
    st.builds(Anchored, LENGTHS),
    st.builds(Rolling, LENGTHS),
    st.just(Balance()),
)


@pytest.mark.parametrize(
    ("text", "window", "printed"),
    [
        ("minute", Calendar("minute"), "minute"),
        ("hour", Calendar("hour"), "hour"),
        (" Daily ", Calendar("day"), "day"),
        ("weekly", Calendar("week"), "week"),
        ("MONTH", Calendar("month"), "month"),
        ("hourly", Calendar("hour"), "hour"),
        ("6h", Anchored(21_600_000), "6h from first use"),
        ("3d", Anchored(259_200_000), "3d from first use"),
        ("1h30m from first use", Anchored(5_400_000), "1h30m from first use"),
        ("day from  first use", Anchored(86_400_000), "24h from first use"),
        ("hour from first use", Anchored(3_600_000), "1h from first use"),
        ("week from first use", Anchored(604_800_000), "7d from first use"),
        ("rolling 24h", Rolling(86_400_000), "rolling 24h"),
        ("Rolling Day", Rolling(86_400_000), "rolling 24h"),
        ("rolling hour", Rolling(3_600_000), "rolling 1h"),
        ("rolling week", Rolling(604_800_000), "rolling 7d"),
        ("balance", Balance(), "balance"),
    ],
)
def test_a_window_reads_as_people_write_it(text: str, window: Window, printed: str) -> None:
    assert window == parse_window(text)
    assert printed == window_text(window)


def test_a_calendar_window_keeps_the_zone_and_the_week_start_it_was_read_with() -> None:
    window = parse_window("week", zone="Asia/Beirut", week_start=6)

    assert Calendar("week", "Asia/Beirut", 6) == window


@pytest.mark.parametrize(
    ("text", "length_ms", "printed"),
    [
        ("1s", 1_000, "1s"),
        ("90s", 90_000, "1m30s"),
        ("10M", 600_000, "10m"),
        ("6h", 21_600_000, "6h"),
        ("1h30m", 5_400_000, "1h30m"),
        ("1d", 86_400_000, "24h"),
        ("1d12h", 129_600_000, "36h"),
        ("3d", 259_200_000, "3d"),
        (" 2w ", 1_209_600_000, "14d"),
        ("P1D", 86_400_000, "24h"),
        ("p1w", 604_800_000, "7d"),
        ("PT6H", 21_600_000, "6h"),
        ("P1DT1H1M1S", 90_061_000, "25h1m1s"),
        ("366d", 31_622_400_000, "366d"),
    ],
)
def test_a_duration_reads_as_people_write_it(text: str, length_ms: int, printed: str) -> None:
    assert length_ms == parse_duration(text)
    assert printed == duration_text(length_ms)


@given(WINDOWS)
def test_every_window_reads_back_from_its_text(window: Window) -> None:
    assert window == parse_window(window_text(window), zone="Europe/Berlin", week_start=6)


@given(LENGTHS)
def test_every_duration_reads_back_from_its_text(length_ms: int) -> None:
    assert length_ms == parse_duration(duration_text(length_ms))


@settings(max_examples=300)
@given(st.text(max_size=12) | st.text("0123456789smhdwpt-. ", max_size=12))
def test_any_text_is_either_a_duration_or_a_window_error(text: str) -> None:
    for read in (parse_duration, parse_window):
        try:
            read(text)
        except WindowError as error:
            assert "understood: " in str(error)  # noqa: PT017 - both outcomes are right


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "nothing is given"),
        ("   ", "nothing is given"),
        ("0s", "'0s' is zero"),
        ("PT0H", "'pt0h' is zero"),
        ("-6h", "'-6h' is negative"),
        ("-P1D", "'-p1d' is negative"),
        ("367d", "'367d' is longer than 366d"),
        ("9" * 90 + "w", "is longer than 366d"),
        ("1 month", "'1 month' has no fixed length; say 30d"),
        ("2mo", "'2mo' has no fixed length"),
        ("P1M", "'p1m' has no fixed length"),
        ("P1Y", "'p1y' has no fixed length"),
        ("30m1h", "'30m1h' is no duration"),
        ("1.5h", "'1.5h' is no duration"),
        ("6", "'6' is no duration"),
        ("p", "'p' is no duration"),
        ("P1DT", "'p1dt' is no duration"),
        ("٦h", "'٦h' is no duration"),
        ("1h" * 51, "'1h1h1h1h1h1h1h1h1h1h'... has more than 100 characters"),
    ],
)
def test_a_bad_duration_is_told_what_is_wrong_with_it(text: str, wrong: str) -> None:
    with pytest.raises(WindowError, match=re.escape(wrong)) as caught:
        parse_duration(text)

    assert "understood: 90s, 10m, 6h, 3d, 2w, 1h30m, P1D, PT6H" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "nothing is given"),
        ("fortnight", "'fortnight' is not a window or a duration"),
        ("days", "'days' is not a window or a duration"),
        ("rolling", "'rolling' is not a window"),
        ("rolling month", "'month' has no fixed length; say 30d"),
        ("rolling 6x", "'6x' is not a window"),
        ("month from first use", "'month' has no fixed length; say 30d"),
        ("6x from first use", "'6x' is not a window"),
        ("from first use", "'from first use' is not a window"),
        ("rolling 24h from first use", "'24h from first use' is not a window"),
        ("0h from first use", "'0h' is zero"),
        ("day" + " " * 98, "has more than 100 characters"),
    ],
)
def test_a_bad_window_is_told_what_is_wrong_with_it(text: str, wrong: str) -> None:
    with pytest.raises(WindowError, match=re.escape(wrong)) as caught:
        parse_window(text)

    assert "understood: minute, hour, day, week, month, rolling 24h" in str(caught.value)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "America", "../etc/passwd", "", "Europe/Bérlin"])
def test_an_unknown_zone_is_named(zone: str) -> None:
    with pytest.raises(WindowError, match=re.escape(f"time zone {zone!r} is not known")):
        parse_window("day", zone=zone)


@pytest.mark.parametrize("week_start", [-1, 7])
def test_a_week_start_is_a_weekday(week_start: int) -> None:
    with pytest.raises(WindowError, match=f"week start {week_start} is not a weekday"):
        parse_window("week", week_start=week_start)


def test_a_unit_outside_the_calendar_is_named() -> None:
    with pytest.raises(WindowError, match="'year' is no unit; understood: minute, hour, day"):
        Calendar(cast("CalendarUnit", "year"))


@pytest.mark.parametrize("length_ms", [0, -1_000, 999, 1_500, 31_622_401_000])
def test_a_length_that_no_text_can_say_is_refused(length_ms: int) -> None:
    for build in (Anchored, Rolling, duration_text):
        with pytest.raises(WindowError, match=f"{length_ms} ms is not a length in whole seconds"):
            build(length_ms)
