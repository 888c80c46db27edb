"""How the config speaks of what is wrong in it: where, what, and the fix.

A place is named as the operator wrote it: section and key of the file, or the variable.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, TypeAlias

from bot.config_checks import WrongKeysError
from quota.errors import BadRuleError

Path_: TypeAlias = tuple[str, ...]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_QUOTED_CHARS_MAX = 80
_KEY_CHARS_MAX = 60
_PART_CHARS_MIN = 4

# Keys that stand for themselves in a table of names.
FIXED: Mapping[str, tuple[str, ...]] = {"shared": ("space", "house"), "caps": ("everyone",)}
_SECRETS = {"api_key", "apikey", "key", "token", "secret", "password"}
_VARIABLES = {"api_key_env": "OPENAI_API_KEY", "token_env": "DISCORD_TOKEN"}


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
        """The shape at a path, an empty one where nothing is known."""
        shape = self
        for key in path:
            shape = shape.keys.get(key) or shape.each or Shape()
        return shape


@dataclass(frozen=True, slots=True)
class Words:
    """Speaks of one file and of the variables that say otherwise."""

    file: str
    shape: Shape
    origins: Mapping[Path_, str]

    def all_of(self, errors: Iterable[Mapping[str, Any]]) -> Iterator[str]:
        """Say in our words what pydantic found (`loc`, `type`, `input`, `ctx` of each error)."""
        errors = tuple(errors)
        bad_keys = {error["loc"][:-1] for error in errors if error["loc"][-1] == "[key]"}
        for error in errors:
            # What stands behind a key that must go is of no interest.
            starts = (error["loc"][:end] for end in range(1, len(error["loc"]) + 1))
            if error["loc"][-1] != "[key]" and any(start in bad_keys for start in starts):
                continue
            # Positions in a list do not help a reader, nor does the mark of a bad key.
            path = tuple(p for p in error["loc"] if isinstance(p, str) and p != "[key]")
            cause = error.get("ctx", {}).get("error")
            is_section = isinstance(error["input"], dict)
            if isinstance(cause, WrongKeysError):
                yield from (self.line((*path, key), what) for key, what in cause.found)
            elif error["type"] == "extra_forbidden":
                yield self.line(path, self._unknown(path), is_section=is_section)
            elif error["type"] == "missing":
                yield self.line(path, f"is missing; {self._fix(path)}")
            else:
                yield self.line(path, self._wrong(error, path, cause) + self._astray(path))

    def line(self, path: Path_, what: str, *, is_section: bool = False) -> str:
        """One line of a problem."""
        # Words about a value inside begin with a colon.
        what = what if what.startswith(":") else f" {what}"
        for end in range(len(path), 0, -1):
            if variable := self.origins.get(path[:end]):
                return " ".join((variable, ".".join(path[end:]))).strip() + what
        is_section = is_section or self.shape.at(path).is_table
        return f"{self.file}: {place(path, is_section=is_section)}{what}"

    def _wrong(self, error: Mapping[str, Any], path: Path_, cause: object) -> str:
        """A value of a wrong type, out of range, none of the words, or refused by a check."""
        if isinstance(cause, BadRuleError):
            return f": {cause}"
        if isinstance(cause, ValueError):
            return str(cause)
        each = self.shape.at(path[:-1]).each
        if each is not None and path[-1] in each.keys:
            home = place((*path[:-1], "default"), is_section=True)
            return f"is no section but {quoted(error['input'])}; write {path[-1]} in {home}"
        verb = "holds" if isinstance(error["loc"][-1], int) else "is"
        return f"{verb} {quoted(error['input'])}; {self._fix(path)}"

    def _fix(self, path: Path_) -> str:
        return self.shape.at(path).fix or f"make it a section, {place(path, is_section=True)}"

    def _astray(self, path: Path_) -> str:
        """A hint where a key of one section stands below the header of another.

        TOML ends a section only where the next begins, which people forget.
        """
        key, table, home = path[-1], path[:-1], path[:-2]
        if key in FIXED.get(path[-2] if home else "", ()):
            return ""
        if (
            not home
            or self.shape.at(table).each is None
            or path[-1] not in self.shape.at(home).keys
        ):
            return ""
        above, below = place(home, is_section=True), place(table, is_section=True)
        return f" (or move {path[-1]} up into {above}, above {below})"

    def _unknown(self, path: Path_) -> str:
        """A key that nobody knows, with the nearest that somebody does."""
        here = self.shape.at(path[:-1]).keys
        if key := _by_variable(path[-1].casefold(), here):
            name = _VARIABLES.get(key, f"SLACK_{key.removesuffix('_env').upper()}")
            fix = f'put it into a variable and write its name, {key} = "{name}"'
            return f"would lie open in the file; {fix}"
        return f"is not known; {near(self.shape, path, here)}"


def _by_variable(key: str, known: Collection[str]) -> str:
    """The key that names a variable for what somebody meant to write down openly."""
    if f"{key}_env" in known:
        return f"{key}_env"
    own = [k for k in ("api_key_env", "token_env", "bot_token_env") if k in known]
    return own[0] if own and key in _SECRETS else ""


def near(shape: Shape, path: Path_, known: Collection[str]) -> str:
    """What may have been meant by an unknown key: another here, one elsewhere, or all there is."""
    key = path[-1]
    homes = [home for home in _homes(shape, key) if home != path[:-1]]
    if homes and not get_close_matches(key.casefold(), known, 1, 0.8):
        return f"{key} belongs in {place(homes[0], is_section=True)}"
    word = key.casefold()
    # Below that, a few letters in common are taken for a slip.
    nearest = get_close_matches(word, known, 1, 0.65)
    nearest += [name for name in known if len(word) >= _PART_CHARS_MIN and word in name]
    return f"did you mean {nearest[0]}?" if nearest else f"known here: {', '.join(known)}"


def place(path: Path_, *, is_section: bool = False) -> str:
    """A path as it is written in the file: `[models.default] price.input`."""
    keys = [key if len(key) <= _KEY_CHARS_MAX else f"{key[:_KEY_CHARS_MAX]}…" for key in path]
    keys = [key if _BARE.fullmatch(key) else json.dumps(key, ensure_ascii=False) for key in keys]
    # What stands in a table of a model is written inline.
    inline = path[0] == "models" and len(path) > 2  # noqa: PLR2004 - [models.key] key
    if (is_section and not inline) or len(path) == 1:
        return f"[{'.'.join(keys)}]"
    cut = 2 if inline else len(keys) - 1
    return f"[{'.'.join(keys[:cut])}] {'.'.join(keys[cut:])}"


def quoted(value: object) -> str:
    """A value as one short line. What is inside of tables may be a secret, and is not shown."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        return "a list of tables or lists"
    if isinstance(value, str):
        return repr(value[:_QUOTED_CHARS_MAX]) + ("…" if len(value) > _QUOTED_CHARS_MAX else "")
    text = str(value)
    return text if len(text) <= _QUOTED_CHARS_MAX else f"{text[:_QUOTED_CHARS_MAX]}…"


def _homes(shape: Shape, key: str, path: Path_ = ()) -> Iterator[Path_]:
    """The sections in which a key is known."""
    for name, inner in shape.keys.items():
        if path and name == key:
            yield path
        yield from _homes(inner, key, (*path, name))
    if shape.each is not None:
        yield from _homes(shape.each, key, (*path, "NAME"))
