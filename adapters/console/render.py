"""Panels and sentences as terminal text. Pure functions: what they need to know is a `Look`.

Colour only ever repeats what a word or an icon says. What a model or a member wrote is cleaned
first: nobody but this module sends control characters to a terminal.
"""

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TextIO

from bot.figures import BAR_CELLS, bar
from bot.panels import Gauge, Panel, Table, Tone

WIDTH_MIN, WIDTH_MAX, WIDTH_UNKNOWN = 20, 100, 100
FOLDED_CELLS_MIN = 24
LABEL_CELLS_MAX = 28
INDENT = "  "

Style = Literal["plain", "bold", "dim", "good", "warning", "bad"]

_CODES: Mapping[Style, str] = {
    "plain": "",
    "bold": "1",
    "dim": "2",
    "good": "32",
    "warning": "33",
    "bad": "31",
}
_TONES: Mapping[Tone, tuple[str, Style]] = {
    "neutral": ("", "plain"),
    "good": ("✓ ", "good"),
    "warning": ("⚠ ", "warning"),
    "bad": ("✗ ", "bad"),
}
# For terminals that have no Unicode; what is not named here becomes a question mark.
_ASCII = str.maketrans(
    {"█": "#", "░": ".", "∞": "unlimited", "✓": "+", "✗": "x", "⚠": "!", "⛔": "x", "⏳": "~"}
    | {"⏹": "x", "✂": "x", "—": "-", "–": "-", "·": "|", "…": "...", "≈": "~", "→": "->"}
    | {"“": '"', "”": '"', "‘": "'", "’": "'", "×": "x"}
)
# Everything that moves a cursor, starts a sequence or turns the direction of writing, but
# newline and tab.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Look:
    """What a terminal can show: its width, colours, Unicode; whether it is one at all."""

    width: int = WIDTH_UNKNOWN
    colours: bool = False
    unicode: bool = True
    terminal: bool = False


def look_of(out: TextIO, environ: Mapping[str, str]) -> Look:
    """Find out, as https://no-color.org and terminfo's dumb terminal want it."""
    encoding = (getattr(out, "encoding", None) or "ascii").lower().replace("-", "")
    unicode = encoding.startswith(("utf", "gb18030"))
    if not out.isatty():
        return Look(unicode=unicode)
    clever = environ.get("TERM", "dumb") not in {"", "dumb", "unknown"}
    try:
        columns = os.get_terminal_size(out.fileno()).columns
    except OSError:
        columns = 0
    width = max(WIDTH_MIN, min(WIDTH_MAX, columns or WIDTH_UNKNOWN))
    return Look(width, clever and not environ.get("NO_COLOR"), unicode, clever)


def clean(text: str) -> str:
    """Without control characters, so that a text cannot do more than be read."""
    return _CONTROLS.sub("", text)


def spelled(text: str, look: Look) -> str:
    """In the characters that the terminal has."""
    return text if look.unicode else text.translate(_ASCII)


def paint(text: str, style: Style, look: Look) -> str:
    """In colour where there is any."""
    code = _CODES[style] if look.colours else ""
    return f"\x1b[{code}m{text}\x1b[0m" if code and text else text


def cells(text: str) -> int:
    """How many columns a text takes, near enough for joined emoji."""
    return sum(map(_cells_of, text))


def _cells_of(char: str) -> int:
    if char < "\u0300":
        return 1
    if unicodedata.combining(char) or unicodedata.category(char) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1


def fold(text: str, width: int) -> list[str]:
    """Lines of at most so many columns, broken at blanks; a longer word stays whole."""
    lines: list[str] = []
    for line in text.expandtabs(4).split("\n"):
        room, current = width, ""
        for word in line.split(" "):
            if current and cells(current) + 1 + cells(word) > room:
                lines.append(current)
                current = word
            else:
                current = f"{current} {word}" if current else word
        lines.append(current)
    return lines


def sentence(text: str, style: Style, look: Look, indent: str = "") -> str:
    """A sentence in a style, folded where there is a terminal; ends with a newline."""
    text = clean(text)
    width = look.width - cells(indent)
    lines = fold(text, width) if look.terminal else text.split("\n")
    return "".join(f"{indent}{paint(line, style, look)}\n" for line in lines)


def panel(shown: Panel, look: Look) -> str:
    """A panel; ends with a newline."""
    icon, style = _TONES[shown.tone]
    title = f"{icon}{clean(shown.title)}"
    parts = [f"{paint(title, 'bold' if style == 'plain' else style, look)}\n"]
    parts += [sentence(line, "plain", look, INDENT) for line in shown.lines]
    parts += _gauges(shown.gauges, look)
    if shown.table is not None:
        parts += [f"{INDENT}{line}\n" for line in _table(shown.table, look)]
    if shown.footer:
        parts.append(sentence(shown.footer, "dim", look, INDENT))
    return "".join(parts)


def _gauges(gauges: Sequence[Gauge], look: Look) -> Iterator[str]:
    label_cells = max((cells(g.label) for g in gauges), default=0)
    beside = label_cells <= LABEL_CELLS_MAX and all(
        len(INDENT) + label_cells + 2 + BAR_CELLS + 2 + cells(g.numbers) <= look.width
        for g in gauges
    )
    for gauge in gauges:
        label = clean(gauge.label)
        shown = bar(gauge.percent)
        shown += " " * (BAR_CELLS - cells(shown))
        shown = paint(shown, _fullness(gauge.percent), look)
        if beside:
            label += " " * (label_cells - cells(label))
            yield f"{INDENT}{label}  {shown}  {clean(gauge.numbers)}\n"
            indent = INDENT + " " * (label_cells + 2)
        else:
            yield sentence(label, "plain", look, INDENT)
            yield f"{INDENT * 2}{shown}  {clean(gauge.numbers)}\n"
            indent = INDENT * 2
        if gauge.detail:
            yield sentence(gauge.detail, "dim", look, indent)


def _fullness(percent: int | None) -> Style:
    full, near = 100, 75
    if percent is None or percent < near:
        return "good"
    return "bad" if percent >= full else "warning"


def _table(table: Table, look: Look) -> Iterable[str]:
    columns = [clean(column) for column in table.columns]
    rows = [[clean(cell).replace("\n", " ") for cell in row] for row in table.rows]
    used = [i for i in range(len(columns)) if any(row[i] for row in rows)]
    columns, rows = [columns[i] for i in used], [[row[i] for i in used] for row in rows]
    widths = [max(map(cells, column)) for column in zip(columns, *rows, strict=True)]
    surplus = len(INDENT) + sum(widths) + 2 * (len(widths) - 1) - look.width
    widest = max(range(len(widths)), key=widths.__getitem__)
    if surplus > 0:
        if widths[widest] - surplus < FOLDED_CELLS_MIN:
            return _stacked(columns, rows, look)
        widths[widest] -= surplus
    return _aligned(columns, rows, widths, look)


def _aligned(
    columns: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int], look: Look
) -> Iterator[str]:
    for number, row in enumerate((columns, *rows)):
        folded = [fold(cell, width) for cell, width in zip(row, widths, strict=True)]
        for at in range(max(map(len, folded))):
            parts = [lines[at] if at < len(lines) else "" for lines in folded]
            padded = (
                part + " " * (width - cells(part))
                for part, width in zip(parts, widths, strict=True)
            )
            yield paint("  ".join(padded).rstrip(), "dim" if number == 0 else "plain", look)


def _stacked(columns: Sequence[str], rows: Sequence[Sequence[str]], look: Look) -> Iterator[str]:
    """One row under the other, for terminals too narrow for columns."""
    for row in rows:
        for line in fold(row[0], look.width - len(INDENT)):
            yield paint(line, "bold", look)
        for column, cell in zip(columns[1:], row[1:], strict=True):
            text = cell if len(columns) <= 2 else f"{column}: {cell}"  # noqa: PLR2004 - a pair
            if cell:
                for line in fold(text, look.width - 2 * len(INDENT)):
                    yield f"{INDENT}{line}"


class Flow:
    """Folds a text that comes in pieces, at blanks; code between fences is left as it is.

    A word is held back until it is whole.
    """

    def __init__(self, width: int) -> None:
        """Fold to so many columns."""
        self._width = width
        self._column = 0
        self._gap = ""
        self._word = ""
        self._line = ""
        self._in_code = False

    def feed(self, text: str) -> str:
        """What can be shown of it now."""
        return "".join(self._fed(char) for char in text)

    def restart_line(self) -> None:
        """Something else has moved the cursor to the beginning of a line."""
        self._column, self._gap = 0, ""

    def finish(self) -> str:
        """What was held back."""
        return self._placed()

    def _fed(self, char: str) -> str:
        if char == "\n":
            shown = self._placed() + char
            if self._line.lstrip().startswith("```"):
                self._in_code = not self._in_code
            self._column, self._gap, self._line = 0, "", ""
            return shown
        if len(self._line) < WIDTH_MIN:
            self._line += char
        if self._in_code:
            return char
        if char in " \t":
            shown = self._placed()
            self._gap += char
            return shown
        if _cells_of(char) > 1:  # Chinese, Japanese and Korean break anywhere.
            shown = self._placed()
            self._word = char
            return shown + self._placed()
        self._word += char
        return ""

    def _placed(self) -> str:
        """The held word, on this line or on the next one."""
        if not self._word:
            return ""
        gap, word = self._gap.replace("\t", "    "), self._word
        self._gap = self._word = ""
        size = cells(word)
        if self._column and self._column + len(gap) + size > self._width:
            gap, self._column = "\n", 0
        else:
            self._column += len(gap)
        self._column = (self._column + size - 1) % self._width + 1
        return gap + word
