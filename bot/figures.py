"""How numbers, money, periods and bars are written, the same on every platform."""

from bot.panels import Panel
from quota.units import MILLION, Unit
from quota.verdicts import Balance
from quota.windows import Anchored, Calendar, Rolling, Window, duration_text
from quota.windows import Balance as NoPeriod

SHORT_FROM = 10_000
BAR_CELLS = 10
_NOW = {
    "minute": "this minute",
    "hour": "this hour",
    "day": "today",
    "week": "this week",
    "month": "this month",
}
_EVERY = {
    "minute": "Minute",
    "hour": "Hourly",
    "day": "Daily",
    "week": "Weekly",
    "month": "Monthly",
}


def grouped(number: int) -> str:
    """12,400."""
    return f"{number:,}"


def short(number: int) -> str:
    """9,950 as it is, 12400 as 12.4k: for footers."""
    if number < SHORT_FROM:
        return grouped(number)
    scale, suffix = (MILLION, "M") if number >= MILLION else (1000, "k")
    whole, tenth = divmod(number * 10 // scale, 10)
    return f"{whole}.{tenth}{suffix}" if tenth else f"{whole}{suffix}"


def money(micro_dollars: int) -> str:
    """$1.20, $0.0004: as many decimals as there are, at least two."""
    sign, size = ("-", -micro_dollars) if micro_dollars < 0 else ("", micro_dollars)
    whole, rest = divmod(size, MILLION)
    return f"{sign}${whole:,}.{f'{rest:06d}'.rstrip('0').ljust(2, '0')}"


def amount(value: int, unit: Unit) -> str:
    """1,240 tokens; 1 request; $0.40."""
    if unit is Unit.CREDITS:
        return money(value)
    word = unit.value[:-1] if value == 1 else unit.value
    return f"{grouped(value)} {word}"


def plain(value: int, unit: Unit) -> str:
    """The same without the word."""
    return money(value) if unit is Unit.CREDITS else grouped(value)


def during(window: Window) -> str:
    """'today', 'this hour', 'within 24h'."""
    if isinstance(window, Calendar):
        return _NOW[window.unit]
    if isinstance(window, NoPeriod):
        return "in all"
    return f"within {duration_text(window.length_ms)}"


def period_name(window: Window) -> str:
    """'Daily', 'Hourly', '24h rolling', '6h'."""
    match window:
        case Calendar():
            return _EVERY[window.unit]
        case Rolling():
            return f"{duration_text(window.length_ms)} rolling"
        case Anchored():
            return duration_text(window.length_ms)
        case NoPeriod():
            return "Balance"


def percent(balance: Balance) -> int | None:
    """How much is used or held, 0 only for nothing, 100 only for all; None: unlimited.

    Of a fair pool it is of what a member has had and could have now: others' use is not theirs.
    """
    if balance.granted is None:
        return None
    granted, taken = balance.granted, balance.used + balance.held
    if balance.pool is not None:
        taken = balance.pool.used
        granted = taken + (balance.left or 0)
    if granted <= 0:
        return 100
    return min(100, max(taken * 100 // granted, 1 if taken else 0))


def bar(used_percent: int | None) -> str:
    """Ten cells; any use shows in the first one, only a full one fills the last."""
    if used_percent is None:
        return "∞"
    cells = min(BAR_CELLS, -(-used_percent * BAR_CELLS // 100))
    if used_percent < 100:  # noqa: PLR2004 - a hundred percent
        cells = min(cells, BAR_CELLS - 1)
    return "█" * cells + "░" * (BAR_CELLS - cells)


def panel_text(panel: Panel) -> str:
    """The plain twin of a panel, for screen readers, notifications and pipes."""
    lines = [panel.title, *panel.lines]
    for gauge in panel.gauges:
        shown = f"{gauge.label}: {bar(gauge.percent)} {gauge.numbers}"
        lines.append(f"{shown} · {gauge.detail}" if gauge.detail else shown)
    if panel.table is not None:
        lines += [" | ".join(panel.table.columns), *(" | ".join(row) for row in panel.table.rows)]
    if panel.footer:
        lines.append(panel.footer)
    return "\n".join(lines)
