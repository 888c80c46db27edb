"""What the reports of admins say."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bot.figures import grouped, money
from bot.panels import Chart, Panel, Table
from bot.text import Words
from quota.windows import Period

if TYPE_CHECKING:
    from bot.report_commands import Sums


def usage(
    words: Words,
    what: tuple[Period, str],
    rows: Sequence["Sums"],
    most: int,
    chart: Chart | None = None,
) -> Panel:
    """Sums by name, the largest first (days: the oldest)."""
    period, by = what
    if not any(row.requests for row in rows):
        return Panel("Usage", "neutral", (f"Nothing was used {_during(words, period)}.",))
    requests, tokens = sum(r.requests for r in rows), sum(r.tokens for r in rows)
    cost = sum(r.credits for r in rows)
    priced = f", {money(cost)}" if cost else ""
    line = f"{_begun(_during(words, period))}: {grouped(requests)} requests, {grouped(tokens)} tokens{priced}."
    shown = rows if by == "day" else rows[:most]
    lines = [line]
    if len(shown) < len(rows):
        lines.append(f"The first {len(shown)} of {grouped(len(rows))}; csv has them all.")
    return Panel("Usage", "neutral", tuple(lines), table=_table(by, shown), chart=chart)


def top(words: Words, period: Period, rows: Sequence["Sums"]) -> Panel:
    """Who used most."""
    if not rows:
        return Panel("Top", "neutral", (f"Nothing was used {_during(words, period)}.",))
    bars = tuple((row.name, row.tokens) for row in rows)
    chart = Chart("Tokens by member", "tokens", bars)
    line = f"{_begun(_during(words, period))}."
    return Panel("Top", "neutral", (line,), table=_table("member", rows), chart=chart)


def _begun(text: str) -> str:
    """As the beginning of a sentence; an instant within it stays as the platform writes it."""
    return f"{text[0].upper()}{text[1:]}"


def _table(by: str, rows: Sequence["Sums"]) -> Table:
    cells = tuple(
        (
            row.name,
            grouped(row.requests),
            grouped(row.input),
            grouped(row.output),
            grouped(row.tokens),
            money(row.credits) if row.credits else "",
        )
        for row in rows
    )
    return Table((by, "requests", "input", "output", "tokens", "cost"), cells)


def _during(words: Words, period: Period) -> str:
    until = f" to {words.when(period.closes_at)}" if period.closes_at is not None else ""
    return f"from {words.when(period.opens_at)}{until}"


def lines(_words: Words, name: str, rows: Sequence[str]) -> Panel:
    """A file where none can be sent."""
    return Panel(name, "neutral", tuple(rows))


def file(_words: Words, name: str, rows: int) -> Panel:
    """A file that goes with the card."""
    return Panel("Usage", "neutral", (f"{name} has {grouped(rows)} rows.",))
