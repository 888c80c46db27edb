"""What the views of /quota say."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from bot import text_receipts
from bot.figures import WEEKDAYS, begun, grouped
from bot.languages import phrase
from bot.panels import Action, Chart, Panel, Table
from bot.text import Words
from quota.limits import Limit

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MONTHS = (
    *(phrase("Jan"), phrase("Feb"), phrase("Mar"), phrase("Apr"), phrase("May"), phrase("Jun")),
    *(phrase("Jul"), phrase("Aug"), phrase("Sep"), phrase("Oct"), phrase("Nov"), phrase("Dec")),
)


def views(words: Words, about: str = "") -> tuple[Action, ...]:
    """What can be looked at from one's card, and asked for; `about`: the answer it is beside."""
    receipt = Action("quota", text_receipts.last(words), "receipt")
    if about:
        receipt = Action("quota", text_receipts.of_answer(words), f"receipt {about}")
    return (
        Action("quota", words.say("Rules"), "rules"),
        Action("quota", words.say("Last 7 days"), "history"),
        receipt,
        Action("more", words.say("Ask for more")),
    )


def day_name(words: Words, at: int, zone: str) -> str:
    """`Mon 1 Jun`, in the zone by which the limit counts."""
    day = (_EPOCH + timedelta(milliseconds=at)).astimezone(ZoneInfo(zone))
    return words.say(
        "{weekday} {day} {month}",
        weekday=words.say(WEEKDAYS[day.weekday()]),
        day=day.day,
        month=words.say(_MONTHS[day.month - 1]),
    )


def history_title(words: Words) -> str:
    """Above the chart."""
    return words.say("Tokens per day")


def tokens(words: Words) -> str:
    """What the chart counts."""
    return words.say("tokens")


def history(words: Words, chart: Chart, whose: str) -> Panel:
    """The last days as a chart and a table."""
    total, days = grouped(sum(tokens for _, tokens in chart.bars), words), len(chart.bars)
    line = words.say("You have used {n} tokens in the last {days} days.", n=total, days=days)
    if whose:
        line = words.say(
            "{who} has used {n} tokens in the last {days} days.", who=whose, n=total, days=days
        )
    rows = tuple((day, grouped(tokens, words)) for day, tokens in chart.bars)
    table = Table((words.say("day"), words.say("tokens")), rows)
    return Panel(words.say("History"), "neutral", (line,), table=table, chart=chart)


def no_history(words: Words) -> str:
    """No counter knows."""
    return words.say("no limit of yours counts tokens by the day, so no daily figures are kept")


def ceiling(words: Words, limit: Limit | None) -> Panel:
    """The ceiling that holds now."""
    title = words.say("Own ceiling")
    if limit is None:
        line = words.say(
            "You have set none. Write: {line}.", line="/quota ceiling 5k tokens per day"
        )
        return Panel(title, "neutral", (line,))
    lines = (
        words.say("{limit}. It counts from now on.", limit=begun(words.limit(limit))),
        words.say("Only you can change it: {line}.", line="/quota ceiling off"),
    )
    return Panel(title, "good", lines)


def ceiling_lifted(words: Words, *, was: bool) -> Panel:
    """Back to the real limits."""
    line = words.say("You had set none.")
    if was:
        line = words.say("Your own ceiling is gone; the limits of this place hold.")
    return Panel(words.say("Own ceiling"), "good", (line,))


def ceiling_too_high(words: Words, limit: Limit) -> str:
    """It would hold nobody back."""
    return words.say(
        "a ceiling is lower than the limit that holds already ({limit})", limit=words.limit(limit)
    )


def reminding(words: Words, *, on: bool) -> Panel:
    """Whether one is told when a limit has opened."""
    line = words.say("You will not be told when a limit opens.")
    if on:
        line = words.say(
            "You will be told when a limit that stopped you has opened again. {line} ends that.",
            line="/quota remind off",
        )
    return Panel(words.say("Reminder"), "good", (line,))
