"""The sentences that only the console says, and how it writes an instant."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo

from bot.figures import money
from bot.panels import Panel, Table
from quota.units import Rates

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = datetime(9999, 12, 30, tzinfo=UTC)
_SECOND, _MINUTE, _HOUR, _DAY = 1_000, 60_000, 3_600_000, 86_400_000
# Above these a larger unit says it better.
_SECONDS_MAX, _MINUTES_MAX, _HOURS_MAX = 90, 90, 36
_WEEKDAYS_MAX = 6


# Instants.


def moment(at: int) -> datetime | None:
    """The instant (UTC milliseconds) as a time, None: it never comes."""
    try:
        found = _EPOCH + timedelta(milliseconds=at)
    except OverflowError:
        return None
    return found if found <= _LAST else None


def utc_minute(at: int) -> str:
    """2026-11-22 00:00 UTC, rounded up, so that nobody comes too early."""
    found = moment(at + _MINUTE - 1)
    return "never" if found is None else f"{found:%Y-%m-%d %H:%M} UTC"


def nearby(at: int, now: int, zone: tzinfo | None = None) -> str:
    """23:00 (in 5 hours), tomorrow 00:00 (in 14 hours); in the zone of the terminal if None."""
    found, today = moment(at), moment(now)
    if found is None or today is None:
        return "never"
    local, today = found.astimezone(zone), today.astimezone(zone)
    days = (local.date() - today.date()).days
    clock = f"{local:%H:%M:%S}" if abs(at - now) <= _SECONDS_MAX * _SECOND else f"{local:%H:%M}"
    if days == 0:
        day = ""
    elif days == 1:
        day = "tomorrow "
    elif 1 < days <= _WEEKDAYS_MAX:
        day = f"{local:%a} "
    else:
        day = f"{local:%Y-%m-%d} "
    return f"{day}{clock} ({distance(at - now)})"


def distance(ms: int) -> str:
    """In 5 hours, 3 minutes ago, now; the future rounded up."""
    if abs(ms) < _SECOND:
        return "now"
    size = abs(ms)
    for length, most, word in (
        (_SECOND, _SECONDS_MAX, "second"),
        (_MINUTE, _MINUTES_MAX, "minute"),
        (_HOUR, _HOURS_MAX, "hour"),
    ):
        count = -(-size // length) if ms > 0 else size // length
        if count <= most:
            return _told(count, word, ahead=ms > 0)
    count = -(-size // _DAY) if ms > 0 else size // _DAY
    return _told(count, "day", ahead=ms > 0)


def _told(count: int, word: str, *, ahead: bool) -> str:
    counted = f"{count} {word}" if count == 1 else f"{count:,} {word}s"
    return f"in {counted}" if ahead else f"{counted} ago"


# Lines of JSON that cannot be understood. Each says what is wrong and what to write.

_EXAMPLE = '{"id": "e1", "member": "ana", "text": "hello"}'


def line_too_long(most: int) -> str:
    return f"The line has more than {most:,} bytes. Send a shorter one."


def line_not_utf8(position: int) -> str:
    return f"The line is not UTF-8: byte {position + 1} is wrong."


def line_not_json(problem: str) -> str:
    return f"The line is not JSON: {problem}. Write one object per line, such as {_EXAMPLE}."


def line_not_object() -> str:
    return f"The line is JSON, but no object. Write {_EXAMPLE}."


def key_unknown(key: str, known: Sequence[str]) -> str:
    return f"There is no key {_quoted(key)}. Known: {', '.join(known)}."


def key_twice(key: str) -> str:
    return f"The key {_quoted(key)} is given twice. Leave one out."


def key_missing(key: str) -> str:
    return f"The key '{key}' is missing. Write at least {_EXAMPLE}."


def key_empty(key: str) -> str:
    return f"The key '{key}' is empty. Give it a value."


def key_type(key: str, wanted: str) -> str:
    return f"The value of '{key}' must be {wanted}."


def key_unicode(key: str) -> str:
    return f"The value of '{key}' holds half a character (an unpaired surrogate). Leave it out."


def _quoted(text: str) -> str:
    most = 40
    return repr(text if len(text) <= most else f"{text[:most]}…")


# At the prompt.


def failed(text: str) -> str:
    return f"✗ Failed: {text}"


def duplicate() -> str:
    return "This message came twice; it was answered once."


def asking(model: str) -> str:
    return f"… asking {model}, Ctrl-C stops"


def ctrl_c_again() -> str:
    return "Ctrl-C once more leaves, and so does Ctrl-D."


def prompt(name: str, channel: str, *, is_admin: bool) -> str:
    """`ana> `, as an admin `ana# `, elsewhere `ana in homework> `."""
    place = "" if channel == "general" else f" in {channel}"
    return f"{name}{place}{'#' if is_admin else '>'} "


CONTINUED = "... "


def banner(
    config: str | None, store: str, rules: Sequence[str], model: str, *, more_models: int
) -> tuple[str, ...]:
    """What is in use, in three lines."""
    limits = ", ".join(rules) or "no limits"
    source = "no config.toml, so embedded defaults" if config is None else config
    more = f" ({more_models} more: /model)" if more_models else ""
    return (
        f"Quotabot · {source}: {limits}.",
        f"Model: {model}{more}. Books: {store}.",
        "Write something. /quota shows what is left, /help all commands, Ctrl-D leaves.",
    )


def stand_in() -> str:
    return "a built-in stand-in, not a real language model"


def model_at(key: str, name: str, host: str) -> str:
    return f"{name} at {host}" if key in {name, "default"} else f"{key} = {name} at {host}"


COMMANDS = [
    *("/quota", "/quota rules", "/new", "/stop", "/model ", "/attach ", "/as ", "/channel "),
    *("/admin on", "/admin off", "/help", "/quit", "/quota-admin limit set ", "/quota-admin pool "),
    *("/quota-admin limit list", "/quota-admin limit remove ", "/quota-admin grant @"),
    *("/quota-admin reset @", "/quota-admin block @", "/quota-admin unblock @"),
    *("/quota-admin explain @", "/quota-admin audit 7", "/quota-admin pause"),
    *("/quota-admin resume", "/quota-admin notice "),
]


def help_rows() -> tuple[tuple[str, str], ...]:
    """What can be typed at the console only."""
    return (
        ("/stop, Ctrl-C", "stop the answer; only what came is charged"),
        ("/model [NAME]", "list the models with their prices, or choose one"),
        ("/attach [PATH]", "put a text file into the next message; none takes it out"),
        ("/as NAME [ROLE ...]", "become somebody else"),
        ("/channel NAME", "go to another channel"),
        ("/admin on|off", "govern from this terminal, or stop doing so"),
        ("/quit, Ctrl-D", "leave"),
        ("Alt-Enter, or \\ at the end", "a new line in the message"),
    )


def who(name: str, roles: Sequence[str], channel: str) -> str:
    held = f"with the role{'s' if len(roles) > 1 else ''} {', '.join(roles)}" if roles else ""
    return " ".join(filter(None, (f"You are {name}", held, f"in #{channel}"))) + "."


def admin_is(*, on: bool) -> str:
    if on:
        return "You govern now: /quota-admin works, and every act is written down. /help shows how."
    return "You are a plain member again."


def may_become_admin() -> str:
    return "Who sits at this terminal may govern: type /admin on first."


def channel_is(name: str) -> str:
    return f"You write in #{name} now. Each channel has a conversation of its own."


def model_is(name: str) -> str:
    return f"The next messages go to {name}."


def attached(names: Sequence[str]) -> str:
    if not names:
        return "Nothing is attached. /attach PATH puts a text file into the next message."
    return f"With the next message: {', '.join(names)}. /attach none takes it out."


def usage(line: str) -> str:
    return f"Write: {line}"


# Why a file is left out.


def no_file() -> str:
    return "there is no such file"


def not_readable() -> str:
    return "it cannot be read"


def not_a_file() -> str:
    return "it is not a regular file"


def file_too_large(size: int, most: int) -> str:
    return f"it has {size:,} bytes, at most {most:,} are taken"


def files_full(most: int) -> str:
    return f"{most} files are attached already"


def file_kind(kind: str) -> str:
    return f"{kind} are not part of this version, only text files are"


def file_not_text() -> str:
    return "it is not text in UTF-8"


# Models.


def models(rows: Sequence[tuple[str, str, str]], current: str) -> Panel:
    """Names and prices, with the current one marked."""
    marked = tuple((f"→ {k}" if k == current else f"  {k}", *rest) for k, *rest in rows)
    return Panel("Models", table=Table(("model", "name", "per million tokens"), marked))


def price(rates: Rates | None, *, offline: bool) -> str:
    if rates is None:
        return "costs nothing, runs here" if offline else "no known price"
    return f"in {money(rates.input)} · cached {money(rates.cached)} · out {money(rates.output)}"
