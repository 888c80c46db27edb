"""What the views of /quota say."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.figures import grouped
from bot.panels import Action, Chart, Panel, Table
from bot.text import Words
from quota.limits import Limit

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def views(_words: Words) -> tuple[Action, ...]:
    """What can be looked at from one's card, and asked for."""
    return (
        Action("quota", "Rules", "rules"),
        Action("quota", "Last 7 days", "history"),
        Action("more", "Ask for more"),
    )


def day_name(at: int, zone: str) -> str:
    """`Mon 1 Jun`, in the zone by which the limit counts."""
    day = (_EPOCH + timedelta(milliseconds=at)).astimezone(ZoneInfo(zone))
    return f"{day:%a} {day.day} {day:%b}"


def history_title(_words: Words) -> str:
    """Above the chart."""
    return "Tokens per day"


def history(_words: Words, chart: Chart, whose: str) -> Panel:
    """The last days as a chart and a table."""
    total = sum(tokens for _, tokens in chart.bars)
    who = f"{whose} has" if whose else "You have"
    line = f"{who} used {grouped(total)} tokens in the last {len(chart.bars)} days."
    rows = tuple((day, grouped(tokens)) for day, tokens in chart.bars)
    return Panel("History", "neutral", (line,), table=Table(("day", "tokens"), rows), chart=chart)


def no_history(_words: Words) -> str:
    """No counter knows."""
    return "no limit of yours counts tokens by the day, so no daily figures are kept"


def ceiling(words: Words, limit: Limit | None) -> Panel:
    """The ceiling that holds now."""
    if limit is None:
        return Panel(
            *("Own ceiling", "neutral"),
            ("You have set none. Write: /quota ceiling 5k tokens per day.",),
        )
    lines = (
        f"{words.limit(limit)[0].upper()}{words.limit(limit)[1:]}. It counts from now on.",
        "Only you can change it: /quota ceiling off.",
    )
    return Panel("Own ceiling", "good", lines)


def ceiling_lifted(_words: Words, *, was: bool) -> Panel:
    """Back to the real limits."""
    line = (
        "Your own ceiling is gone; the limits of this place hold." if was else "You had set none."
    )
    return Panel("Own ceiling", "good", (line,))


def ceiling_too_high(words: Words, limit: Limit) -> str:
    """It would hold nobody back."""
    return f"a ceiling is lower than the limit that holds already ({words.limit(limit)})"


def reminding(_words: Words, *, on: bool) -> Panel:
    """Whether one is told when a limit has opened."""
    line = (
        "You will be told when a limit that stopped you has opened again. /quota remind off ends that."
        if on
        else "You will not be told when a limit opens."
    )
    return Panel("Reminder", "good", (line,))
