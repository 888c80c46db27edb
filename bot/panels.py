"""Platform-neutral views: title, tone, rows, gauges, table, actions, forms. Words: text.py."""

from dataclasses import dataclass
from typing import Literal

Tone = Literal["neutral", "good", "warning", "bad"]

# What an action's name, subject and owner may take together: every platform can carry it, so a
# button needs no memory and works after a restart.
ACTION_CHARS_MAX = 90


@dataclass(frozen=True, slots=True)
class Gauge:
    """A bar that always carries its numbers: `percent` used (0 to 100), None: unlimited."""

    label: str
    percent: int | None
    numbers: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under named columns."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars over labelled stretches of time, oldest first; `unit` says what the values count."""

    title: str
    unit: str
    bars: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Action:
    """Something to be done from a card: a button, or a row of a menu.

    `subject` says to what it is done (an id, a rule, a model), `owner` is the id of the one member
    who may do it, empty: whoever the deed is allowed to. Both are checked again when it is done.
    """

    name: str
    label: str
    subject: str = ""
    owner: str = ""
    style: Literal["plain", "primary", "danger"] = "plain"


@dataclass(frozen=True, slots=True)
class Field:
    """One input of a form; `value` is what stands in it already."""

    name: str
    label: str
    kind: Literal["text", "long", "number", "choice", "member", "role", "channel"] = "text"
    value: str = ""
    hint: str = ""
    required: bool = True
    chars_max: int = 100
    choices: tuple[tuple[str, str], ...] = ()  # (value, label)


@dataclass(frozen=True, slots=True)
class Form:
    """What an action asks for before it is done: at most five fields."""

    name: str
    title: str
    fields: tuple[Field, ...]
    submit: str
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """What a command shows; every adapter can render it, and text.py gives its plain twin."""

    title: str
    tone: Tone = "neutral"
    lines: tuple[str, ...] = ()
    gauges: tuple[Gauge, ...] = ()
    table: Table | None = None
    footer: str = ""
    actions: tuple[Action, ...] = ()
    chart: Chart | None = None
