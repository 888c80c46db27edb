"""What was used, by whom, of what, when: read from the ledger apart from the turns."""

import csv
import io
import re
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

from bot import text_quota, text_reports
from bot.desk import Desk, Handled, Typed, space_of
from bot.grammar import Line, MistakeError
from bot.panels import Chart
from bot.text import Words
from quota.members import Member
from quota.store import SpentRow
from quota.windows import Calendar, CalendarUnit, Period

DAY_MS = 86_400_000
DAYS_MAX = 366
# One question to the books for each day.
DAYS_APART_MAX = 92
ROWS_SHOWN = 20
TOP_MAX = 25
USAGE = "usage [today|week|month|2026-01-01..2026-01-31] [by member|model|day|platform] [csv]"
TOP_USAGE = "top [1-25] [today|week|month]"
NAMED: dict[str, CalendarUnit] = {"today": "day", "week": "week", "month": "month"}
# What the ledger does not keep.
UNKNOWN = frozenset({"role", "group", "channel"})
_RANGE = re.compile(r"(\d{4}-\d\d-\d\d)\.\.(\d{4}-\d\d-\d\d)")
# A cell that begins so is a formula to a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")

Key: TypeAlias = Callable[[SpentRow], str]


class Sums(NamedTuple):
    """What was used under one name."""

    name: str
    requests: int
    tokens: int
    credits: int
    input: int
    cached: int
    output: int


NOTHING = Sums("", 0, 0, 0, 0, 0, 0)


async def usage(desk: Desk, typed: Typed, line: Line, words: Words) -> Handled:
    """A report as a card, or as a file for a spreadsheet."""
    when, by, as_csv = _options(line.rest)
    period = _period(desk, when)
    keys: dict[str, Key] = {
        "member": lambda row: Member.from_wallet(row.wallet).id,
        "model": lambda row: row.model,
        "platform": lambda row: Member.from_wallet(row.wallet).space.platform,
    }
    if by == "day":
        rows = await _by_day(desk, typed, period, words)
    elif by in keys:
        found = await _spending(desk, typed, period)
        rows = sorted(_summed(found, keys[by]), key=lambda r: (-r.tokens, r.name))
    elif by in UNKNOWN:
        raise MistakeError(
            "the ledger does not keep the {by}; it tells member, model and day", USAGE, by=by
        )
    else:
        raise MistakeError("{said!r} is not understood", USAGE, said=by[:40])
    if as_csv:
        return _as_csv(typed, by, rows, words)
    shown = [r._replace(name=words.who(r.name)) for r in rows] if by == "member" else rows
    bars = tuple((row.name, row.tokens) for row in rows)
    chart = (
        Chart(text_quota.history_title(words), text_quota.tokens(words), bars)
        if by == "day"
        else None
    )
    return Handled(text_reports.usage(words, (period, by), shown, ROWS_SHOWN, chart))


async def top(desk: Desk, typed: Typed, line: Line, words: Words) -> Handled:
    """Who used most."""
    said = line.rest.casefold().split()
    count = next((int(word) for word in said if word.isdecimal()), 10)
    others = [word for word in said if not word.isdecimal()]
    when = others[0] if others else "month"
    if len(others) > 1 or when not in NAMED or not 1 <= count <= TOP_MAX:
        raise MistakeError("{said!r} is not understood", TOP_USAGE, said=line.rest.strip()[:40])
    period = _period(desk, when)
    found = await _spending(desk, typed, period)
    rows = sorted(
        _summed(found, lambda row: Member.from_wallet(row.wallet).id),
        key=lambda r: (-r.tokens, r.name),
    )
    shown = [r._replace(name=words.who(r.name)) for r in rows[:count]]
    return Handled(text_reports.top(words, period, shown))


def _options(text: str) -> tuple[str, str, bool]:
    """When, by what, and whether as a file; each may be left out."""
    said = text.casefold().split()
    as_csv = "csv" in said
    said = [word for word in said if word != "csv"]
    by = "member"
    if "by" in said:
        place = said.index("by")
        by = said[place + 1] if place + 1 < len(said) else ""
        said = said[:place] + said[place + 2 :]
    if len(said) > 1:
        raise MistakeError("{said!r} is not understood", USAGE, said=said[1][:40])
    return (said[0] if said else "today"), by, as_csv


def _period(desk: Desk, when: str) -> Period:
    """A stretch of whole days in the operator's zone; a named one goes up to its end."""
    rules, now = desk.quotas.rules, desk.clock.now()
    if when in NAMED:
        return Calendar(NAMED[when], rules.zone, rules.week_start).period_at(now)
    match = _RANGE.fullmatch(when)
    if match is None:
        raise MistakeError("{said!r} is no time", USAGE, said=when[:40])
    try:
        first, last = (date.fromisoformat(text) for text in match.groups())
    except ValueError:
        raise MistakeError("{said!r} holds a date that does not exist", USAGE, said=when) from None
    if not 0 <= (last - first).days < DAYS_MAX:
        raise MistakeError(
            "{said!r} is no time of 1 to {most} days", USAGE, said=when, most=DAYS_MAX
        )
    day = Calendar("day", rules.zone)
    return Period(
        day.period_at(_noon(first, rules.zone)).opens_at,
        day.period_at(_noon(last, rules.zone)).closes_at,
    )


def _noon(day: date, zone: str) -> int:
    """An instant that is surely on this day."""
    return (
        int(datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(zone)).timestamp()) * 1_000
    )


async def _spending(desk: Desk, typed: Typed, period: Period) -> Sequence[SpentRow]:
    mine, until = f"{space_of(typed).key}:", period.closes_at or desk.clock.now() + 1
    return await desk.quotas.store.spending(mine, period.opens_at, until)


async def _by_day(desk: Desk, typed: Typed, period: Period, words: Words) -> list[Sums]:
    """Oldest first, days without any use too; none that has not begun."""
    zone, now = desk.quotas.rules.zone, desk.clock.now()
    window, rows = Calendar("day", zone), []
    until = min(period.closes_at or now + 1, now + 1)
    if until - period.opens_at > DAYS_APART_MAX * DAY_MS:
        raise MistakeError("at most {most} days are told apart", USAGE, most=DAYS_APART_MAX)
    day = window.period_at(period.opens_at)
    while day.opens_at < until:
        name = text_quota.day_name(words, day.opens_at, zone)
        found = _summed(await _spending(desk, typed, day), lambda _row: "")
        rows.append((found[0] if found else NOTHING)._replace(name=name))
        day = window.period_at(day.closes_at or until)
    return rows


def _summed(rows: Sequence[SpentRow], key: Key) -> list[Sums]:
    found: dict[str, Sums] = {}
    for row in rows:
        name = key(row)
        before = found.get(name, NOTHING)
        sums = (a + b for a, b in zip(before[1:], row[2:], strict=True))
        found[name] = Sums(name, *sums)
    return list(found.values())


def _as_csv(typed: Typed, by: str, rows: Sequence[Sums], words: Words) -> Handled:
    """A file; where none can be sent, its lines in the card."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow((by, "requests", "input", "cached", "output", "tokens", "micro_dollars"))
    for r in rows:
        name = f"'{r.name}" if r.name.startswith(_FORMULA) else r.name
        writer.writerow((name, r.requests, r.input, r.cached, r.output, r.tokens, r.credits))
    text = out.getvalue()
    file = f"usage-by-{by}.csv"
    if not typed.previews:
        return Handled(text_reports.lines(words, file, text.splitlines()))
    return Handled(text_reports.file(words, file, len(rows)), (), ((file, text.encode()),))
