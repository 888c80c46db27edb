"""Cuts a text into messages that a platform takes, so that each reads well by itself.

A block of code that goes on in the next message is closed and opened again with its language.
Where a cut falls depends only on the text before it: while an answer grows, messages that were
sent stay as they are, and only the last one changes.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import NamedTuple

# Less room than this could not hold what is put around a piece of code.
AT_MOST_MIN = 100
_MARKS_MAX = 8
# Kept free where code may have to be closed: a line break and the marks.
_CLOSING_ROOM = 1 + _MARKS_MAX

_MARKED = re.compile(r"[ \t]*(?:```|~~~)")
_OPENING = re.compile(rf"[ \t]*(`{{3,{_MARKS_MAX}}}|~{{3,{_MARKS_MAX}}})([^`\n]*)\n?")
_LANGUAGE = re.compile(r"[ \t]*([A-Za-z0-9_+#.-]{1,30})")
_TABLE_ROW = re.compile(r"[ \t]*\|")
_HEADING = re.compile(r" {0,3}#{1,6} ")
# Full-width ends (of Chinese and Japanese) have no blank behind them.
_SENTENCE_END = re.compile("[.!?…][\"')\\]”’]*\\s+|[\u3002\uff01\uff1f]")
_BLANK = re.compile(r"[ \t]+")
# What is no longer itself when it is cut: a link, a span of code, an address.
_WHOLE = re.compile(r"!?\[[^\]\n]*(?:\](?:\([^)\n]*\)?)?)?|`[^`\n]*`?|https?://\S+")
_JOINERS = "\u200d\ufe0e\ufe0f"


class _Fence(NamedTuple):
    """A block of code that is open: the marks that close it, and its language."""

    marks: str
    language: str

    @property
    def head(self) -> str:
        return f"{self.marks}{self.language}\n"


class _Line(NamedTuple):
    """A line of a piece, where it begins, the line before it, and the code that it stands in."""

    text: str
    begin: int
    before: str
    inside: _Fence | None


def split(text: str, at_most: int, *, measure: Callable[[str], int] = len) -> list[str]:
    """The text in pieces of which none measures more than `at_most`.

    `measure` says how much room a text takes; of two texts together it is the sum. Only blanks
    at the cuts are lost. Nothing but blanks makes no piece.
    """
    assert at_most >= AT_MOST_MIN, "there is room for marks around code"
    pieces = []
    start = 0
    fence: _Fence | None = None
    while start < len(text):
        head = fence.head if fence else ""
        limit = _fitting(text, start, at_most - measure(head), measure, is_open=fence is not None)
        end = len(text) if limit == len(text) else _cut(text, start, limit, fence)
        body = text[start:end]
        fence = _after(text, start, end, fence)
        if body.strip():
            shown = body.removesuffix("\n") if fence else body.rstrip()
            pieces.append(head + shown + (f"\n{fence.marks}" if fence else ""))
        start, fence = _next_start(text, end, fence)
    return pieces


def _fitting(
    text: str, start: int, room: int, measure: Callable[[str], int], *, is_open: bool
) -> int:
    """How far the text fits, with room left to close the code that may be open there.

    Of a growing text, each longer one fits no farther.
    """
    begin, used = start, 0
    reserve = _CLOSING_ROOM if is_open else 0
    while begin < len(text):
        line_end = text.find("\n", begin) + 1 or len(text)
        line = text[begin:line_end]
        if _MARKED.match(line):
            reserve = _CLOSING_ROOM
        size = measure(line)
        left = room - used - reserve
        if size > left:
            fits = bisect_right(range(1, len(line) + 1), left, key=lambda n: measure(line[:n]))
            # A lone character that is wider than the whole room goes through all the same.
            return max(begin + fits, start + 1)
        used += size
        begin = line_end
    return len(text)


def _cut(text: str, start: int, limit: int, fence: _Fence | None) -> int:
    """Where to end a piece of which no more fits than up to `limit`: as late and well as can be.

    Nothing beyond the limit is looked at but its first character.
    """
    half = start + (limit - start) // 2
    lines = list(_lines(text, start, limit, fence))
    if text[limit - 1] == "\n":
        last = lines[-1]
        lines.append(_Line("", limit, last.text, _turned(last.text, last.inside)))
    for is_good in (_between_blocks, _between_lines, bool):
        found = [line.begin for line in lines if line.begin > half and is_good(line)]
        if found:
            return found[-1]
    last = lines[-1]
    if last.inside is None and (place := _in_prose(text, last.begin, half, limit)):
        return place
    if last.begin > start:
        return last.begin
    while limit > start + 1 and _joined(text, limit):
        limit -= 1
    return limit


def _between_blocks(line: _Line) -> bool:
    """Whether something new begins with this line: a paragraph, a heading, a table, code."""
    if line.inside is not None:
        return False
    begins = (_HEADING, _OPENING)
    if not line.before.strip() or any(pattern.match(line.text) for pattern in begins):
        return True
    return bool(_TABLE_ROW.match(line.text)) and not _TABLE_ROW.match(line.before)


def _between_lines(line: _Line) -> bool:
    """Whether a line of prose ends before this one, and no table goes on."""
    return line.inside is None and not _TABLE_ROW.match(line.before)


def _in_prose(text: str, line_begin: int, half: int, limit: int) -> int:
    """After a sentence, else between words, but not inside of a link; 0 where that cannot be."""
    # One that is not whole before the limit may well go on behind it.
    wholes = [m.span() for m in _WHOLE.finditer(text, line_begin, limit)]
    any_blank = 0
    for pattern in (_SENTENCE_END, _BLANK):
        for found in reversed([*pattern.finditer(text, max(line_begin, half), limit)]):
            place = found.end()
            if _MARKED.match(text, place, limit):
                continue  # At the beginning of a piece, they would open code that is none.
            if not any(begin < place <= end for begin, end in wholes):
                return place
            any_blank = any_blank or place
    return any_blank


def _lines(text: str, start: int, end: int, fence: _Fence | None) -> Iterator[_Line]:
    """The lines of a piece, the last one perhaps not whole."""
    begin, before = start, ""
    while begin < end:
        line = text[begin : text.find("\n", begin, end) + 1 or end]
        yield _Line(line, begin, before, fence)
        fence = _turned(line, fence)
        begin, before = begin + len(line), line


def _turned(line: str, fence: _Fence | None) -> _Fence | None:
    """The code that is open after a line."""
    if not _MARKED.match(line):
        return fence
    if fence is None:
        opening = _OPENING.fullmatch(line)
        if opening is None:
            return None
        language = _LANGUAGE.match(opening[2])
        return _Fence(opening[1], language[1] if language else "")
    marks = line.strip()
    closes = set(marks) == set(fence.marks[0]) and len(marks) >= len(fence.marks)
    return None if closes else fence


def _after(text: str, start: int, end: int, fence: _Fence | None) -> _Fence | None:
    for line in _lines(text, start, end, fence):
        fence = _turned(line.text, line.inside)
    return fence


def _next_start(text: str, end: int, fence: _Fence | None) -> tuple[int, _Fence | None]:
    """Where the next piece begins, and the code it begins in.

    No piece begins with empty lines, nor with the end of code that was closed already.
    """
    while end < len(text):
        line_end = text.find("\n", end) + 1 or len(text)
        line = text[end:line_end]
        if fence is not None and text[end - 1] == "\n" and _turned(line, fence) is None:
            fence = None
        elif fence is not None or line.strip():
            break
        end = line_end
    return end, fence


def _joined(text: str, place: int) -> bool:
    """Whether the character at a place belongs to the one before it."""
    there = text[place]
    return bool(unicodedata.combining(there)) or there in _JOINERS or text[place - 1] == "\u200d"
