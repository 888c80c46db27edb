"""Platform-neutral views: title, tone, rows, gauges, table, notes. Words come from text.py."""

from dataclasses import dataclass
from typing import Literal

Tone = Literal["neutral", "good", "warning", "bad"]


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
class Panel:
    """What a command shows; every adapter can render it, and text.py gives its plain twin."""

    title: str
    tone: Tone = "neutral"
    lines: tuple[str, ...] = ()
    gauges: tuple[Gauge, ...] = ()
    table: Table | None = None
    footer: str = ""
