"""Slack's way of writing text: what comes in is made plain, what goes out is made harmless.

Words writes instants and names between two marks. They become Slack's `<…>` only after everything
else in the sentence was escaped, so nothing that a person or a model wrote can become one. Text
that comes from Slack is freed of the marks at its entrance.
"""

import re
from collections.abc import Callable
from typing import Any

from bot.languages import ENGLISH, Speech
from bot.text import Words
from bot.text_console import utc_minute
from bot.text_slack import date_and_time

OPEN, SHUT = "\ue000", "\ue001"
_MARKS = str.maketrans("", "", OPEN + SHUT)
_MARKED = re.compile(f"{OPEN}([^{OPEN}{SHUT}]+){SHUT}")
_DATE = re.compile(r"!date\^(\d+)\^([^|]*)\|(.*)", re.DOTALL)
# What only Slack writes between angle brackets: a person's own < comes as &lt;.
_TOKEN = re.compile(r"<([@#!])([^<>|]*)(?:\|([^<>]*))?>|<([^<>|]+)(?:\|([^<>]*))?>")
# A joiner that takes no width, behind a < that Slack could read as the beginning of a ping.
_PING = re.compile(r"<(?=[@#!][A-Za-z])")
_JOINER = "\u2060"

# Names what an id stands for: kind is "@", "#" or "!", answers "" where it is not known.
Naming = Callable[[str, str], str]


# The commands about a channel itself.
_ABOUT_CHANNELS = re.compile(r"\s*(?:channel|alerts)\b", re.IGNORECASE)
_CHANNEL_MEANT = re.compile(
    r"\s*/?(?:quota-admin\s+)?(?:channel|alerts)\s+#([^\s#]+)", re.IGNORECASE
)


def words_for(naming: Naming, language: str = ENGLISH) -> Words:
    """The sentences as one workspace is told them, in a language."""
    speech = Speech(language=language)
    return Words(
        language=language,
        when=lambda at: when(at, speech),
        who=lambda member_id: who(member_id, naming("@", member_id)),
        role=role,
        channel=channel,
    )


def when(at: int, speech: Speech) -> str:
    """An instant, which everybody reads in their own zone and language."""
    fallback = utc_minute(at, speech)
    if fallback == speech.say("never"):
        return fallback
    seconds = -(-at // 1_000)  # Rounded up, so that nobody comes too early.
    return f"{OPEN}!date^{seconds}^{date_and_time(speech)}|{fallback}{SHUT}"


def who(member_id: str, name: str = "") -> str:
    """A member by id, whom everybody reads by name; `name` is for where Slack knows no mentions."""
    if not is_member(member_id):
        return member_id
    return f"{OPEN}@{member_id}|{name.translate(_MARKS)}{SHUT}"


def is_member(text: str) -> bool:
    """Whether a text is the id of a member."""
    return re.fullmatch(r"[UW][A-Z0-9]+", text) is not None


def role(name: str) -> str:
    """A user group, by its name: as a mention it would call all its members."""
    return f"@{name}"


def channel(name: str) -> str:
    """A channel by id or by name."""
    return f"{OPEN}#{name}{SHUT}" if re.fullmatch(r"[CG][A-Z0-9]{6,}", name) else f"#{name}"


def mrkdwn(text: str) -> str:
    """A sentence of ours as Slack's own markup."""
    return _MARKED.sub(_token, escaped(text)).translate(_MARKS)


def unmarked(text: str) -> str:
    """A sentence of ours for places that know no markup: titles, labels."""
    return _MARKED.sub(_bare, text).translate(_MARKS)


def escaped(text: str) -> str:
    """Any text, so that Slack reads it as it stands."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _token(match: re.Match[str]) -> str:
    """Of a member only the id: the name that Slack shows is its own."""
    return f"<{match[1].partition('|')[0] if match[1][0] == '@' else match[1]}>"


def _bare(match: re.Match[str]) -> str:
    date = _DATE.fullmatch(match[1])
    if date:
        return date[3]
    what, _, name = match[1].partition("|")
    return f"@{name}" if name else what


def rich(text: str) -> list[dict[str, Any]]:
    """A sentence of ours as the elements of rich text, for the cells of a table."""
    found: list[dict[str, Any]] = []
    for number, part in enumerate(_MARKED.split(text)):
        date = _DATE.fullmatch(part) if number % 2 else None
        if date:
            found.append(
                {
                    "type": "date",
                    "timestamp": int(date[1]),
                    "format": date[2],
                    "fallback": date[3],
                }
            )
        elif number % 2 and part.startswith("@"):
            found.append({"type": "user", "user_id": part[1:].partition("|")[0]})
        elif number % 2 and part.startswith("#"):
            found.append({"type": "channel", "channel_id": part[1:]})
        elif part:
            found.append({"type": "text", "text": part.translate(_MARKS)})
    return found


def is_marked(text: str) -> bool:
    """Whether an instant or a name stands in a sentence of ours."""
    return _MARKED.search(text) is not None


# What a model wrote.


def harmless(markdown: str) -> str:
    """Markdown of a model, in which nothing calls anybody.

    Each prefix stays a prefix, but for a last `<` or two characters behind it: see `settled`.
    """
    return _PING.sub(f"<{_JOINER}", markdown)


def settled(markdown: str) -> int:
    """How much of a text that goes on growing `harmless` will never write otherwise."""
    tail = markdown[-2:]
    if tail.endswith("<"):
        return len(markdown) - 1
    return len(markdown) - 2 if re.fullmatch(r"<[@#!]", tail) else len(markdown)


# What came from Slack.


def plain(text: str, naming: Naming) -> str:
    """A message as a person reads it: names instead of ids, addresses as they are."""

    def read(match: re.Match[str]) -> str:
        sign, what, label, address, shown = match.groups()
        if sign is None:
            return _address(address, shown)
        if sign == "!":
            return _special(what, label, naming)
        return f"{sign}{naming(sign, what) or label or what}"

    return unescaped(_TOKEN.sub(read, text))


def _address(address: str, shown: str | None) -> str:
    if address.startswith("mailto:"):
        return shown or address.removeprefix("mailto:")
    if shown is None or shown == address or address.endswith(f"://{shown}"):
        return address
    return f"{shown} ({address})"


def _special(what: str, label: str | None, naming: Naming) -> str:
    name, _, rest = what.partition("^")
    if name == "subteam":
        return f"@{naming('!', rest) or (label or rest).removeprefix('@')}"
    return label if label is not None else f"@{name}"


def unescaped(text: str) -> str:
    """Text as it was typed, without the marks that only we may set."""
    text = text.translate(_MARKS)
    for entity, sign in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        text = text.replace(entity, sign)
    return text


def command_line(text: str, naming: Naming) -> str:
    """A typed command in the grammar that all platforms share: names as ids where it knows ids.

    Limits know channels by name; how the bot behaves in one, and where alerts go, is kept by id.
    """
    by_id = _ABOUT_CHANNELS.match(text) is not None

    def read(match: re.Match[str]) -> str:
        sign, what, label, address, shown = match.groups()
        if sign == "@":
            return f"@member:{what}"
        if sign == "#":
            return f"#{what if by_id else naming('#', what) or label or what}"
        if sign == "!" and what.startswith("subteam^"):
            name = naming("!", what.removeprefix("subteam^")) or (label or "").removeprefix("@")
            return f'@role:"{name}"' if " " in name else f"@role:{name}"
        if sign == "!":
            return "everyone" if what in {"channel", "everyone", "here"} else f"@{what}"
        return _address(address, shown)

    return unescaped(_TOKEN.sub(read, text))


def channel_meant(line: str) -> re.Match[str] | None:
    """The channel that a line speaks of by name (group 1) where it is kept by id."""
    return _CHANNEL_MEANT.match(line)


def without(text: str, user_id: str) -> str:
    """A message without the mention of somebody, who need not be told that it is them."""
    return re.sub(rf" ?<@{re.escape(user_id)}(?:\|[^>]*)?>", "", text).strip()


def cut(text: str, most: int) -> str:
    """At most so many characters, the last of them an ellipsis where some had to go."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
