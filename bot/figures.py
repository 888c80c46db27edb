"""How numbers, money, periods and bars are written: the same on every platform, by language."""

from bot.languages import Speech, phrase
from bot.panels import Panel
from quota.units import MILLION, Unit
from quota.verdicts import Balance
from quota.windows import Anchored, Calendar, Rolling, Window, duration_text
from quota.windows import Balance as NoPeriod

SHORT_FROM = 10_000
BAR_CELLS = 10
ENGLISH = Speech()
_NOW = {
    "minute": phrase("this minute"),
    "hour": phrase("this hour"),
    "day": phrase("today"),
    "week": phrase("this week"),
    "month": phrase("this month"),
}
_LIMIT = {
    "minute": phrase("minute limit"),
    "hour": phrase("hourly limit"),
    "day": phrase("daily limit"),
    "week": phrase("weekly limit"),
    "month": phrase("monthly limit"),
}


WEEKDAYS = (
    *(phrase("Mon"), phrase("Tue"), phrase("Wed"), phrase("Thu")),
    *(phrase("Fri"), phrase("Sat"), phrase("Sun")),
)


def grouped(number: int, speech: Speech = ENGLISH) -> str:
    """12,400."""
    return speech.grouped(number)


def short(number: int, speech: Speech = ENGLISH) -> str:
    """9,950 as it is, 12400 as 12.4k: for footers."""
    if number < SHORT_FROM:
        return speech.grouped(number)
    scale, suffix = (MILLION, "M") if number >= MILLION else (1000, "k")
    whole, tenth = divmod(number * 10 // scale, 10)
    return f"{whole}{speech.typography.decimal}{tenth}{suffix}" if tenth else f"{whole}{suffix}"


def money(micro_dollars: int, speech: Speech = ENGLISH) -> str:
    """$1.20, $0.0004: as many decimals as there are, at least two."""
    sign, size = ("-", -micro_dollars) if micro_dollars < 0 else ("", micro_dollars)
    whole, rest = divmod(size, MILLION)
    cents = f"{rest:06d}".rstrip("0").ljust(2, "0")
    number = f"{speech.grouped(whole)}{speech.typography.decimal}{cents}"
    return sign + speech.typography.dollars.format(number=number)


def floored(micro_dollars: int) -> int:
    """A sum in the digits that help: whole cents, below ten cents two digits.

    Rounded down, so that nobody counts on more than is there; a debt is never told too small.
    """
    size = abs(micro_dollars)
    cents, digits = MILLION // 100, len(str(size))
    step = cents if size >= 10 * cents else 10 ** max(0, digits - 2)
    return micro_dollars // step * step


def amount(value: int, unit: Unit, speech: Speech = ENGLISH) -> str:
    """1,240 tokens; 1 request; $0.40."""
    match unit:
        case Unit.CREDITS:
            return money(value, speech)
        case Unit.REQUESTS:
            return speech.count(value, "{n} request", "{n} requests")
        case Unit.TOKENS:
            return speech.count(value, "{n} token", "{n} tokens")


def plain(value: int, unit: Unit, speech: Speech = ENGLISH) -> str:
    """The same without the word."""
    return money(value, speech) if unit is Unit.CREDITS else speech.grouped(value)


def begun(text: str) -> str:
    """As the beginning of a sentence; names and instants within it stay as they are."""
    return f"{text[:1].upper()}{text[1:]}"


def during(window: Window, speech: Speech = ENGLISH) -> str:
    """'today', 'this hour', 'within 24h'."""
    if isinstance(window, Calendar):
        return speech.say(_NOW[window.unit])
    if isinstance(window, NoPeriod):
        return speech.say("in all")
    return speech.say("within {length}", length=duration_text(window.length_ms))


def limit_called(window: Window, speech: Speech = ENGLISH) -> str:
    """'daily limit', 'hourly limit', '24h rolling limit', '6h limit'."""
    match window:
        case Calendar():
            return speech.say(_LIMIT[window.unit])
        case Rolling():
            return speech.say("{length} rolling limit", length=duration_text(window.length_ms))
        case Anchored():
            return speech.say("{length} limit", length=duration_text(window.length_ms))
        case NoPeriod():
            return speech.say("balance limit")


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
