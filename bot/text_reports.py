"""What the reports of admins say."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bot.figures import begun, grouped, money
from bot.languages import phrase
from bot.panels import Chart, Panel, Table
from bot.text import Words
from quota.windows import Period

if TYPE_CHECKING:
    from bot.report_commands import Sums

_BY = {
    "member": phrase("member"),
    "model": phrase("model"),
    "day": phrase("day"),
    "platform": phrase("platform"),
}


def usage(
    words: Words,
    what: tuple[Period, str],
    rows: Sequence["Sums"],
    most: int,
    chart: Chart | None = None,
) -> Panel:
    """Sums by name, the largest first (days: the oldest)."""
    period, by = what
    title, when = words.say("Usage"), _during(words, period)
    if not any(row.requests for row in rows):
        return Panel(title, "neutral", (words.say("Nothing was used {during}.", during=when),))
    cost = sum(r.credits for r in rows)
    much = words.say(
        "{requests} requests, {tokens} tokens",
        requests=grouped(sum(r.requests for r in rows), words),
        tokens=grouped(sum(r.tokens for r in rows), words),
    )
    if cost:
        much = f"{much}, {money(cost, words)}"
    lines = [words.say("{during}: {amounts}.", during=begun(when), amounts=much)]
    shown = rows if by == "day" else rows[:most]
    if len(shown) < len(rows):
        all_ = grouped(len(rows), words)
        lines.append(words.say("The first {n} of {all}; csv has them all.", n=len(shown), all=all_))
    return Panel(title, "neutral", tuple(lines), table=_table(words, by, shown), chart=chart)


def top(words: Words, period: Period, rows: Sequence["Sums"]) -> Panel:
    """Who used most."""
    title, when = words.say("Top"), _during(words, period)
    if not rows:
        return Panel(title, "neutral", (words.say("Nothing was used {during}.", during=when),))
    bars = tuple((row.name, row.tokens) for row in rows)
    chart = Chart(words.say("Tokens by member"), words.say("tokens"), bars)
    line = words.say("{what}.", what=begun(when))
    return Panel(title, "neutral", (line,), table=_table(words, "member", rows), chart=chart)


def _table(words: Words, by: str, rows: Sequence["Sums"]) -> Table:
    cells = tuple(
        (
            row.name,
            grouped(row.requests, words),
            grouped(row.input, words),
            grouped(row.output, words),
            grouped(row.tokens, words),
            money(row.credits, words) if row.credits else "",
        )
        for row in rows
    )
    columns = (
        *(words.say(_BY[by]), words.say("requests"), words.say("input")),
        *(words.say("output"), words.say("tokens"), words.say("cost")),
    )
    return Table(columns, cells)


def _during(words: Words, period: Period) -> str:
    since = words.when(period.opens_at)
    if period.closes_at is None:
        return words.say("from {since}", since=since)
    return words.say("from {since} to {until}", since=since, until=words.when(period.closes_at))


def lines(_words: Words, name: str, rows: Sequence[str]) -> Panel:
    """A file where none can be sent."""
    return Panel(name, "neutral", tuple(rows))


def file(words: Words, name: str, rows: int) -> Panel:
    """A file that goes with the card."""
    line = words.say("{name} has {n} rows.", name=name, n=grouped(rows, words))
    return Panel(words.say("Usage"), "neutral", (line,))
