"""How the config speaks of what is wrong in it: where, what, and the fix.

A place is named as the operator wrote it: section and key of the file, or the variable.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TypeAlias

Path_: TypeAlias = tuple[str, ...]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_QUOTED_CHARS_MAX = 80
_NOT_PART = "is not part of this version"

# What the whole design has and this version has not.
NOT_YET: Mapping[str, str] = {
    "discord": f"[discord] {_NOT_PART} (the console is); remove the section",
    "slack": f"[slack] {_NOT_PART} (the console is); remove the section",
    "balance": f"[balance] {_NOT_PART}; remove the section, and grant amounts in chat",
    "limits.weights": (
        "[limits.weights] belongs to fair pools, which are not part of this version; "
        "remove the section"
    ),
    "limits.direct": f"[limits.direct] {_NOT_PART} (the console has no direct messages); remove it",
}
_SECRETS = {"api_key", "apikey", "key", "token", "secret", "password"}


@dataclass(frozen=True, slots=True)
class Shape:
    """What may stand at one place: named keys, or any key (`each`), or a value."""

    fix: str = ""
    keys: Mapping[str, "Shape"] = field(default_factory=dict)
    each: "Shape | None" = None
    is_text: bool = False

    @property
    def is_table(self) -> bool:
        """Whether keys stand inside."""
        return bool(self.keys) or self.each is not None

    def at(self, path: Path_) -> "Shape":
        """The shape at a path; the last known one where the path leads on."""
        shape = self
        for key in path:
            inner = shape.keys.get(key) or shape.each
            if inner is None:
                return shape
            shape = inner
        return shape


@dataclass(frozen=True, slots=True)
class Words:
    """Speaks of one file and of the variables that say otherwise."""

    file: str
    shape: Shape
    origins: Mapping[Path_, str]

    def line(self, path: Path_, what: str, *, is_section: bool = False) -> str:
        """One line of a problem."""
        for end in range(len(path), 0, -1):
            if variable := self.origins.get(path[:end]):
                rest = ".".join(path[end:])
                return f"{variable}{' ' if rest else ''}{rest} {what}"
        return f"{self.file}: {place(path, is_section=is_section)} {what}"

    def value(self, path: Path_, value: object, *, in_list: bool) -> str:
        """A value of a wrong type, out of range, or none of the words."""
        fix = self.shape.at(path).fix
        return self.line(path, f"{'holds' if in_list else 'is'} {quoted(value)}; {fix}")

    def missing(self, path: Path_) -> str:
        """A key that has to be there."""
        return self.line(path, f"is missing; {self.shape.at(path).fix}")

    def unknown(self, path: Path_, value: object) -> str:
        """A key that nobody knows, with the nearest that somebody does."""
        dotted = ".".join(path)
        if dotted in NOT_YET:
            return f"{self.file}: {NOT_YET[dotted]}"
        is_section = isinstance(value, dict)
        if path[0] == "models" and path[-1].casefold() in _SECRETS:
            fix = 'put the key into a variable and write its name, api_key_env = "OPENAI_API_KEY"'
            return self.line(path, f"would lie open in the file; {fix}")
        return self.line(path, f"is not known; {self.near(path)}", is_section=is_section)

    def near(self, path: Path_) -> str:
        """What may have been meant by an unknown key: here, elsewhere, or all there is."""
        key, here = path[-1], self.shape.at(path[:-1]).keys
        homes = [home for home in _homes(self.shape, key) if home != path[:-1]]
        if homes and not get_close_matches(key, here, 1, 0.8):
            return f"it belongs in {place(homes[0], is_section=True)}"
        near = get_close_matches(key.casefold(), here, 1, 0.5)
        return f"did you mean {near[0]}?" if near else f"known here: {', '.join(here)}"


def place(path: Path_, *, is_section: bool = False) -> str:
    """A path as it is written in the file: `[models.default] price.input`."""
    keys = [key if _BARE.fullmatch(key) else json.dumps(key, ensure_ascii=False) for key in path]
    if is_section or len(path) == 1:
        return f"[{'.'.join(keys)}]"
    # What stands in a table of a model is written inline.
    cut = 2 if path[0] == "models" else len(keys) - 1
    return f"[{'.'.join(keys[:cut])}] {'.'.join(keys[cut:])}".strip()


def quoted(value: object) -> str:
    """A value as one short line."""
    if isinstance(value, bool):
        return str(value).lower()
    text = "a table" if isinstance(value, dict) else str(value)
    if isinstance(value, str | list):
        text = repr(value)
    return text if len(text) <= _QUOTED_CHARS_MAX else f"{text[:_QUOTED_CHARS_MAX]}…"


def _homes(shape: Shape, key: str, path: Path_ = ()) -> Iterator[Path_]:
    """The sections in which a key is known."""
    for name, inner in shape.keys.items():
        if path and name == key:
            yield path
        yield from _homes(inner, key, (*path, name))
    if shape.each is not None:
        yield from _homes(shape.each, key, (*path, "…"))
