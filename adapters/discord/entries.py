"""What the commands of Discord are made of, and the typed line that each one stands for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

OptionKind = Literal["text", "number", "flag", "member", "target", "channel", "file"]
Does = Literal["line", "ask", "begin", "again", "form"]
Completes = Literal["", "model", "persona", "rule", "window", "topic"]

_GAP = re.compile(r"\[([^\[\]]*)\]")
_NAME = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Option:
    """One option; `least` and `most` bound its length, or its value where it is a number.

    `plain` is the choice that needs no word in the line.
    """

    name: str
    about: str
    kind: OptionKind = "text"
    required: bool = False
    choices: tuple[str, ...] = ()
    completes: Completes = ""
    least: int = 1
    most: int = 100
    plain: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One command by its path, such as `quota-admin limit set`."""

    path: str
    about: str
    line: str
    options: tuple[Option, ...] = ()
    does: Does = "line"

    def typed(self, given: Mapping[str, str]) -> list[str]:
        """The lines for these options, as a rule one; each value is one that `said` has written.

        Where several are written in the table, those are meant whose options were all given; the
        last one where none is.
        """
        plain = {option.name: option.plain for option in self.options}
        chosen = {n: v for n, v in given.items() if v and v != plain.get(n)}

        def gap(match: re.Match[str]) -> str:
            return match[1] if all(n in chosen for n in _NAME.findall(match[1])) else ""

        lines = [_GAP.sub(gap, line) for line in self.line.split("\n")]
        whole = [n for n in lines if all(name in chosen for name in _NAME.findall(n))]
        meant = whole[:-1] if len(whole) > 1 else whole or lines[-1:]
        return [_NAME.sub(lambda match: chosen.get(match[1], ""), n).strip() for n in meant]


@dataclass(frozen=True, slots=True)
class Menu:
    """A command in the menu of a message or of a member."""

    name: str
    on: Literal["message", "member"]
    does: Literal["about", "cost", "again", "member"]
    staff: bool = False


def said(text: str) -> str:
    """A value as one piece of a line, without the sign that stands before a reason."""
    return " ".join("-" if word == "--" else word for word in text.split())


def quoted(name: str) -> str:
    """A name as the grammar reads it; empty where it cannot be written there as it is."""
    if said(name) != name or '"' in name:
        return ""
    return f'"{name}"' if " " in name else name
