"""A window repeats, a period happened.

A window is the shape of time a limit counts in: by the calendar of a zone, from the first use,
rolling, or none at all (a prepaid balance).
A period is one concrete stretch of it.
Which period holds an instant is computed from the two and nothing else: no clock, no job, no state.
So no reset can be missed, doubled or late.

Every instant is an int, UTC epoch milliseconds; every length is an int, milliseconds.
"""

import re
from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Literal, NamedTuple, TypeAlias, get_args
from zoneinfo import ZoneInfo

CalendarUnit: TypeAlias = Literal["minute", "hour", "day", "week", "month"]

_SECOND_MS = 1_000
_MINUTE_MS = 60 * _SECOND_MS
_HOUR_MS = 60 * _MINUTE_MS
_DAY_MS = 24 * _HOUR_MS
_WEEK_MS = 7 * _DAY_MS
_LENGTH_MAX_MS = 366 * _DAY_MS
_TEXT_CHARACTERS_MAX = 100
_WEEKDAYS = 7

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ORDINAL = _EPOCH.toordinal()
_EPOCH_WEEKDAY = _EPOCH.weekday()
_ONE_MS = timedelta(milliseconds=1)

_DURATIONS = "90s, 10m, 6h, 3d, 2w, 1h30m, P1D, PT6H (from 1s to 366d)"
_WINDOWS = (
    "minute, hour, day, week, month, rolling 24h, rolling day, day from first use, balance,"
    f" or a duration from first use: {_DURATIONS}"
)
_UNITS: tuple[CalendarUnit, ...] = get_args(CalendarUnit)
_ADVERBS: dict[str, CalendarUnit] = dict(
    zip(("hourly", "daily", "weekly", "monthly"), _UNITS[1:], strict=True)
)
_CALENDAR_WORDS = {unit: unit for unit in _UNITS} | _ADVERBS
_EVEN_WORDS_MS = {"minute": _MINUTE_MS, "hour": _HOUR_MS, "day": _DAY_MS, "week": _WEEK_MS}
_UNITS_MS = (_WEEK_MS, _DAY_MS, _HOUR_MS, _MINUTE_MS, _SECOND_MS)
_SHORT = re.compile(
    r"(?:([0-9]+)w)?(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?",
)
_ISO = re.compile(
    r"p(?:([0-9]+)w)?(?:([0-9]+)d)?(?:t(?=[0-9])(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?)?",
)
_UNEVEN = re.compile(r"(?:p?[0-9]+)? ?(?:mo|months?|monthly|y|years?|yearly)|p[0-9]+m.*")


class WindowError(ValueError):
    """A window, a duration or a zone that cannot be; the message names what was wrong."""


class Period(NamedTuple):
    """Half-open: `opens_at` belongs to it, `closes_at` to the next; None never closes."""

    opens_at: int
    closes_at: int | None


@dataclass(frozen=True, slots=True)
class Calendar:
    """Periods by the calendar of a zone; `week_start` is 0 Monday to 6 Sunday, for weeks only."""

    unit: CalendarUnit
    zone: str = "UTC"
    week_start: int = 0

    def __post_init__(self) -> None:
        """Refuse what has no periods, so that `period_at` always has an answer."""
        if self.unit not in _UNITS:
            raise WindowError(f"{self.unit!r} is no unit; understood: {', '.join(_UNITS)}")
        if not 0 <= self.week_start < _WEEKDAYS:
            raise WindowError(
                f"week start {self.week_start!r} is not a weekday; understood: 0 Monday to 6 Sunday"
            )
        _zone(self.zone)

    def period_at(self, now: int) -> Period:
        """Tell the one period that holds `now`; it closes exactly where the next one opens.

        Days, weeks and months open at local midnight: the first one where there are two, the jump
        of the clock where there is none.
        Hours and minutes follow the zone's offset; a change of the offset that is no whole number
        of them is a boundary of its own.
        """
        if self.unit in {"minute", "hour"}:
            return _tick_at(self.zone, _EVEN_WORDS_MS[self.unit], now)
        first = _local_day(self.zone, now)
        after = first + 1
        if self.unit == "week":
            first -= (first + _EPOCH_WEEKDAY - self.week_start) % _WEEKDAYS
            after = first + _WEEKDAYS
        elif self.unit == "month":
            first, after = _month_around(first)
        return Period(_midnight(self.zone, first), _midnight(self.zone, after))


@dataclass(frozen=True, slots=True)
class Anchored:
    """Opens at the first use and lasts `length_ms`; the first use after that opens a new one."""

    length_ms: int

    def __post_init__(self) -> None:
        """Refuse a length that has no text."""
        duration_text(self.length_ms)

    def period_from(self, first_use: int) -> Period:
        """Tell the period that a first use at this instant opens."""
        return Period(first_use, first_use + self.length_ms)


@dataclass(frozen=True, slots=True)
class Rolling:
    """The last `length_ms`, sliding with now."""

    length_ms: int

    def __post_init__(self) -> None:
        """Refuse a length that has no text."""
        duration_text(self.length_ms)


@dataclass(frozen=True, slots=True)
class Balance:
    """No period at all: prepaid, spent until it is gone."""


Window: TypeAlias = Calendar | Anchored | Rolling | Balance


def parse_window(text: str, *, zone: str = "UTC", week_start: int = 0) -> Window:
    """Read "day", "6h", "6h from first use", "rolling 24h" or "balance"; case does not matter."""
    words = _plain(text, _WINDOWS)
    if words in _CALENDAR_WORDS:
        return Calendar(_CALENDAR_WORDS[words], zone, week_start)
    if words == "balance":
        return Balance()
    if words.startswith("rolling "):
        return Rolling(_length_ms(words.removeprefix("rolling ")))
    return Anchored(_length_ms(words.removesuffix(" from first use")))


def window_text(window: Window) -> str:
    """Print a window as `parse_window` reads it back, given the same zone and week start."""
    if isinstance(window, Calendar):
        return window.unit
    if isinstance(window, Balance):
        return "balance"
    length = duration_text(window.length_ms)
    return f"rolling {length}" if isinstance(window, Rolling) else f"{length} from first use"


def parse_duration(text: str) -> int:
    """Read "90s", "1h30m", "2w" or "PT6H" as milliseconds; case does not matter."""
    return _duration_ms(_plain(text, _DURATIONS), _DURATIONS)


def duration_text(ms: int) -> str:
    """Print milliseconds as `parse_duration` reads them back: "6h", "1h30m", "3d"."""
    if ms % _SECOND_MS or not _SECOND_MS <= ms <= _LENGTH_MAX_MS:
        raise WindowError(f"{ms} ms is not a length in whole seconds from 1s to 366d")
    # One day prints as 24h: "1d" reads like a calendar day, which it is not.
    if ms % _DAY_MS == 0 and ms > _DAY_MS:
        return f"{ms // _DAY_MS}d"
    hours, minutes, seconds = ms // _HOUR_MS, ms // _MINUTE_MS % 60, ms // _SECOND_MS % 60
    parts = ((hours, "h"), (minutes, "m"), (seconds, "s"))
    return "".join(f"{count}{unit}" for count, unit in parts if count)


def _plain(text: str, understood: str) -> str:
    """Strip case and spare blanks; refuse what is empty or too long to be meant."""
    if len(text) > _TEXT_CHARACTERS_MAX:
        raise WindowError(
            f"{text[:20]!r}... has more than {_TEXT_CHARACTERS_MAX} characters;"
            f" understood: {understood}"
        )
    words = " ".join(text.lower().split())
    if not words:
        raise WindowError(f"nothing is given; understood: {understood}")
    return words


def _length_ms(part: str) -> int:
    """Read the length inside a window: a word of fixed length or a duration."""
    return _EVEN_WORDS_MS.get(part) or _duration_ms(part, _WINDOWS)


def _duration_ms(part: str, understood: str) -> int:
    found = _SHORT.fullmatch(part) or _ISO.fullmatch(part)
    if found is None or not any(found.groups()):
        if _UNEVEN.fullmatch(part):
            wrong = "has no fixed length; say 30d for a month, 365d for a year"
        elif re.match(r"-\s*[0-9p]", part):
            wrong = "is negative"
        else:
            wrong = "is not a window or a duration" if understood is _WINDOWS else "is no duration"
        raise WindowError(f"{part!r} {wrong}; understood: {understood}")
    counts = [int(count or 0) for count in found.groups()]
    length_ms = sum(count * unit for count, unit in zip(counts, _UNITS_MS, strict=True))
    if length_ms == 0:
        raise WindowError(f"{part!r} is zero; understood: {understood}")
    if length_ms > _LENGTH_MAX_MS:
        raise WindowError(f"{part!r} is longer than 366d; understood: {understood}")
    return length_ms


@lru_cache(maxsize=1_024)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    # A name can miss (KeyError), leave the folder (ValueError) or be a folder itself (OSError).
    except (KeyError, ValueError, OSError) as error:
        raise WindowError(
            f"time zone {name!r} is not known; understood: IANA names such as UTC, Europe/Berlin"
        ) from error


def _offset_ms(zone: str, instant: int) -> int:
    """How far the local clock is ahead of UTC at an instant."""
    local = (_EPOCH + timedelta(milliseconds=instant)).astimezone(_zone(zone))
    return (local.replace(tzinfo=UTC) - _EPOCH) // _ONE_MS - instant


def _change_at(zone: str, before: int, after: int) -> int:
    """Find where, in (before, after], the zone took the offset that it has at `after`."""
    offset = _offset_ms(zone, after)
    instants = range(before + 1, after)
    return instants.start + bisect_left(
        instants, 1, key=lambda instant: _offset_ms(zone, instant) == offset
    )


def _local_day(zone: str, now: int) -> int:
    """Tell the day that holds `now`, counted from 1970-01-01: the last one begun by then.

    The last one begun, not the date on the local clock: where the clock falls back over midnight
    the date returns for a moment to the day before, whose period has closed.
    """
    day = now // _DAY_MS
    if zone == "UTC":
        return day
    # Offsets stay within a day, so these three days are all it can be.
    if now >= _midnight(zone, day + 1):
        return day + 1
    return day if now >= _midnight(zone, day) else day - 1


@lru_cache(maxsize=8_192)
def _midnight(zone: str, day: int) -> int:
    """Tell the first instant at which the local clock has reached the midnight that opens a day."""
    if zone == "UTC":
        return day * _DAY_MS
    local = datetime.fromordinal(day + _EPOCH_ORDINAL).replace(tzinfo=_zone(zone))
    first = (local - _EPOCH) // _ONE_MS
    second = (local.replace(fold=1) - _EPOCH) // _ONE_MS
    # Fold 1 lies after fold 0 where midnight comes twice, and before it where the clock jumps over.
    return first if first <= second else _change_at(zone, second, first)


@lru_cache(maxsize=1_024)
def _month_around(day: int) -> tuple[int, int]:
    """Tell the first day of this day's month and of the next, counted from 1970-01-01."""
    first = date.fromordinal(day + _EPOCH_ORDINAL).replace(day=1)
    after = (first + timedelta(days=31)).replace(day=1)
    return first.toordinal() - _EPOCH_ORDINAL, after.toordinal() - _EPOCH_ORDINAL


def _tick_at(zone: str, length_ms: int, now: int) -> Period:
    """Tell the minute or hour of the local clock that holds `now`."""
    steady = 0 if zone == "UTC" else _steady_offset_ms(zone, now // _DAY_MS)
    offset = _offset_ms(zone, now) if steady is None else steady
    opens_at = now - (now + offset) % length_ms
    closes_at = opens_at + length_ms
    if steady is None:
        # A shift by whole hours moves no tick; only a shift of the ticks themselves cuts one short.
        if (_offset_ms(zone, opens_at) - offset) % length_ms:
            opens_at = _change_at(zone, opens_at, now)
        if (_offset_ms(zone, closes_at - 1) - offset) % length_ms:
            closes_at = _change_at(zone, now, closes_at - 1)
    return Period(opens_at, closes_at)


@lru_cache(maxsize=4_096)
def _steady_offset_ms(zone: str, utc_day: int) -> int | None:
    """Tell the offset of a UTC day and of the hours beside it, None where it changes."""
    # The hours beside it count too: a tick that holds an instant of this day may reach into them.
    before = _offset_ms(zone, utc_day * _DAY_MS - _HOUR_MS)
    after = _offset_ms(zone, (utc_day + 1) * _DAY_MS + _HOUR_MS)
    return before if before == after else None
