"""The sentences that only the console says, and how it writes an instant."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo

from bot.figures import ENGLISH, WEEKDAYS, money
from bot.languages import Speech
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


def utc_minute(at: int, words: Speech = ENGLISH) -> str:
    """2026-11-22 00:00 UTC, rounded up, so that nobody comes too early."""
    found = moment(at + _MINUTE - 1)
    return words.say("never") if found is None else f"{found:%Y-%m-%d %H:%M} UTC"


def nearby(at: int, now: int, zone: tzinfo | None = None, words: Speech = ENGLISH) -> str:
    """23:00 (in 5 hours), tomorrow 00:00 (in 14 hours); in the zone of the terminal if None."""
    found, today = moment(at), moment(now)
    if found is None or today is None:
        return words.say("never")
    local, today = found.astimezone(zone), today.astimezone(zone)
    days = (local.date() - today.date()).days
    clock = f"{local:%H:%M:%S}" if abs(at - now) <= _SECONDS_MAX * _SECOND else f"{local:%H:%M}"
    if days == 0:
        time = clock
    elif days == 1:
        time = words.say("tomorrow {time}", time=clock)
    elif 1 < days <= _WEEKDAYS_MAX:
        time = f"{words.say(WEEKDAYS[local.weekday()])} {clock}"
    else:
        time = f"{local:%Y-%m-%d} {clock}"
    return f"{time} ({distance(at - now, words)})"


def distance(ms: int, words: Speech = ENGLISH) -> str:
    """In 5 hours, 3 minutes ago, now; the future rounded up."""
    if abs(ms) < _SECOND:
        return words.say("now")
    size = abs(ms)
    for length, most, unit in (
        (_SECOND, _SECONDS_MAX, "second"),
        (_MINUTE, _MINUTES_MAX, "minute"),
        (_HOUR, _HOURS_MAX, "hour"),
    ):
        count = -(-size // length) if ms > 0 else size // length
        if count <= most:
            return _told(words, count, unit, ahead=ms > 0)
    count = -(-size // _DAY) if ms > 0 else size // _DAY
    return _told(words, count, "day", ahead=ms > 0)


def _told(words: Speech, count: int, unit: str, *, ahead: bool) -> str:
    match unit, ahead:
        case "second", True:
            return words.count(count, "in {n} second", "in {n} seconds")
        case "second", False:
            return words.count(count, "{n} second ago", "{n} seconds ago")
        case "minute", True:
            return words.count(count, "in {n} minute", "in {n} minutes")
        case "minute", False:
            return words.count(count, "{n} minute ago", "{n} minutes ago")
        case "hour", True:
            return words.count(count, "in {n} hour", "in {n} hours")
        case "hour", False:
            return words.count(count, "{n} hour ago", "{n} hours ago")
        case _, True:
            return words.count(count, "in {n} day", "in {n} days")
        case _:
            return words.count(count, "{n} day ago", "{n} days ago")


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


def failed(words: Speech, text: str) -> str:
    return words.say("✗ Failed: {text}", text=text)


def see_doctor(words: Speech) -> str:
    """Who sits at the terminal is the one who can look."""
    return words.say("quotabot doctor tells what is wrong; the log lies beside the books.")


def duplicate(words: Speech) -> str:
    return words.say("This message came twice; it was answered once.")


def asking(words: Speech, model: str) -> str:
    return words.say("… asking {model}, Ctrl-C stops", model=model)


def ctrl_c_again() -> str:
    return "Ctrl-C once more leaves, and so does Ctrl-D."


def prompt(words: Speech, name: str, channel: str, *, is_admin: bool) -> str:
    """`ana> `, as an admin `ana# `, elsewhere `ana in homework> `."""
    sign = "#" if is_admin else ">"
    if channel == "general":
        return f"{name}{sign} "
    return words.say("{name} in {channel}", name=name, channel=channel) + f"{sign} "


CONTINUED = "... "


def banner(
    words: Speech,
    config: str | None,
    store: str,
    rules: Sequence[str],
    model: str,
    *,
    more_models: int,
) -> tuple[str, ...]:
    """What is in use, in three lines."""
    limits = ", ".join(rules) or words.say("no limits")
    source = config or words.say("no config.toml, so embedded defaults")
    named = words.say("Model: {model}. Books: {store}.", model=model, store=store)
    if more_models:
        named = words.say(
            "Model: {model} ({n} more: /model). Books: {store}.",
            model=model,
            n=more_models,
            store=store,
        )
    return (
        f"Quotabot · {source}: {limits}.",
        named,
        words.say("Write something. /quota shows what is left, /help all commands, Ctrl-D leaves."),
    )


def stand_in(words: Speech) -> str:
    return words.say("a built-in stand-in, not a real language model")


def model_at(words: Speech, key: str, name: str, host: str) -> str:
    if key in {name, "default"}:
        return words.say("{model} at {host}", model=name, host=host)
    return words.say("{model} at {host}", model=f"{key} = {name}", host=host)


COMMANDS = [
    *(
        "/quota",
        "/quota rules",
        "/quota receipt",
        "/new",
        "/stop",
        "/model ",
        "/attach ",
        "/as ",
        "/channel ",
    ),
    *("/admin on", "/admin off", "/help", "/quit", "/quota-admin limit set ", "/quota-admin pool "),
    *("/quota-admin limit list", "/quota-admin limit remove ", "/quota-admin grant @"),
    *("/quota-admin reset @", "/quota-admin block @", "/quota-admin unblock @"),
    *("/quota-admin explain @", "/quota-admin audit 7", "/quota-admin pause"),
    *("/quota-admin resume", "/quota-admin notice "),
]


def help_rows(words: Speech) -> tuple[tuple[str, str], ...]:
    """What can be typed at the console only."""
    return (
        ("/stop, Ctrl-C", words.say("stop the answer; only what came is charged")),
        ("/send", words.say("send what was held back, or what a shared pool refused")),
        ("/model [NAME]", words.say("list the models with their prices, or choose one")),
        ("/attach [PATH]", words.say("put a text file into the next message; none takes it out")),
        ("/as NAME [ROLE ...]", words.say("become somebody else")),
        ("/channel NAME", words.say("go to another channel")),
        ("/admin on|off", words.say("govern from this terminal, or stop doing so")),
        ("/quit, Ctrl-D", words.say("leave")),
        ("Alt-Enter, or \\ at the end", words.say("a new line in the message")),
    )


def who(words: Speech, name: str, roles: Sequence[str], channel: str) -> str:
    if not roles:
        return words.say("You are {name} in #{channel}.", name=name, channel=channel)
    return words.count(
        len(roles),
        "You are {name} with the role {roles} in #{channel}.",
        "You are {name} with the roles {roles} in #{channel}.",
        name=name,
        roles=", ".join(roles),
        channel=channel,
    )


def admin_is(words: Speech, *, on: bool) -> str:
    if on:
        return words.say(
            "You govern now: /quota-admin works, and every act is written down. /help shows how."
        )
    return words.say("You are a plain member again.")


def may_be_sent(words: Speech) -> str:
    return words.say("Type /send to have it sent when there is room.")


def send_it(words: Speech) -> str:
    return words.say("Type /send to send it.")


def nothing_to_send(words: Speech) -> str:
    return words.say("Nothing waits to be sent.")


def may_become_admin(words: Speech) -> str:
    return words.say("Who sits at this terminal may govern: type /admin on first.")


def channel_is(words: Speech, name: str) -> str:
    return words.say(
        "You write in #{channel} now. Each channel has a conversation of its own.", channel=name
    )


def model_is(words: Speech, name: str) -> str:
    return words.say("The next messages go to {model}.", model=name)


def attached(words: Speech, names: Sequence[str]) -> str:
    if not names:
        return words.say(
            "Nothing is attached. /attach PATH puts a text file into the next message."
        )
    return words.say(
        "With the next message: {names}. /attach none takes it out.", names=", ".join(names)
    )


def usage(words: Speech, line: str) -> str:
    return words.say("Write: {usage}", usage=line)


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


def models(words: Speech, rows: Sequence[tuple[str, str, str, str]], current: str) -> Panel:
    """Names, prices and how much one has left for each, with the current one marked."""
    marked = tuple((f"→ {k}" if k == current else f"  {k}", *rest) for k, *rest in rows)
    price_ = words.say("per million tokens")
    columns = (words.say("model"), words.say("name"), price_, words.say("you have left"))
    return Panel(words.say("Models"), table=Table(columns, marked))


def price(words: Speech, rates: Rates | None, *, offline: bool) -> str:
    if rates is None:
        return words.say("costs nothing, runs here") if offline else words.say("no known price")
    return words.say(
        "in {input} · cached {cached} · out {output}",
        input=money(rates.input, words),
        cached=money(rates.cached, words),
        output=money(rates.output, words),
    )
