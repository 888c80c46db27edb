"""How the console writes an instant."""

from datetime import timedelta, timezone

import pytest

from bot import text_console as say
from tests.fakes import DAY, HOUR, MINUTE, MORNING, SECOND, at

BERLIN = timezone(timedelta(hours=2))


@pytest.mark.parametrize(
    ("ahead", "shown"),
    [
        (0, "11:00:00 (now)"),
        (30 * SECOND, "11:00:30 (in 30 seconds)"),
        (1, "11:00:00 (now)"),
        (1_001, "11:00:01 (in 2 seconds)"),
        (5 * MINUTE, "11:05 (in 5 minutes)"),
        (5 * HOUR - 1, "15:59 (in 5 hours)"),
        (12 * HOUR, "23:00 (in 12 hours)"),
        (13 * HOUR, "tomorrow 00:00 (in 13 hours)"),
        (3 * DAY, "Thu 11:00 (in 3 days)"),
        (30 * DAY, "2026-07-01 11:00 (in 30 days)"),
        (-3 * MINUTE, "10:57 (3 minutes ago)"),
        (-1 * DAY, "2026-05-31 11:00 (24 hours ago)"),
        (-40 * DAY, "2026-04-22 11:00 (40 days ago)"),
        (1 << 62, "never"),
    ],
)
def test_a_person_reads_a_time_nearby(ahead: int, shown: str) -> None:
    assert say.nearby(MORNING + ahead, MORNING, BERLIN) == shown


def test_the_zone_is_that_of_the_terminal_unless_given() -> None:
    here = say.nearby(MORNING + HOUR, MORNING)
    assert here.endswith(" (in 60 minutes)")


@pytest.mark.parametrize(
    ("instant", "shown"),
    [
        (at("2026-11-22T00:00Z"), "2026-11-22 00:00 UTC"),
        (at("2026-11-22T00:00Z") - 1, "2026-11-22 00:00 UTC"),
        (at("2026-11-22T00:00Z") + 1, "2026-11-22 00:01 UTC"),
        (1 << 62, "never"),
    ],
)
def test_a_program_reads_a_time_in_utc(instant: int, shown: str) -> None:
    assert say.utc_minute(instant) == shown
