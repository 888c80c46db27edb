"""Where the config comes from: a file of TOML, and QUOTABOT_SECTION__KEY in place of its keys."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.config_words import FIXED, Path_, Shape, near, quoted

FILE_NAME = "config.toml"
FILE_BYTES_MAX = 1_000_000
PREFIX = "QUOTABOT_"
# Kubernetes and container links tell of a service named quotabot in this way; not meant for us.
_FOREIGN = re.compile(r"QUOTABOT_(SERVICE_(HOST|PORT)(_\w+)?|PORT(_\d+_(TCP|UDP)(_\w+)?)?)")
# What stands bare in no key of TOML; where there is a quote, somebody knew.
_UNQUOTED = re.compile(r"^[^\"']*[^\w.\-\[\]\"'][^\"']*$")
_SECRET = re.compile(r"key|token\b|secret|password|sk-", re.IGNORECASE)


def parsed(path: Path) -> dict[str, Any]:
    """The tables of a file; ValueError names the file, the line that is not TOML, and the fix."""
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except IsADirectoryError:
        fix = f"give the file in it, such as {path / FILE_NAME}"
        raise ValueError(f"{path}: is a folder; {fix}") from None
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else "") or "no such name"
        raise ValueError(f"{path}: cannot be read ({why}); give a file that can") from None
    if len(data) > FILE_BYTES_MAX:
        raise ValueError(f"{path}: is longer than {FILE_BYTES_MAX} bytes; give a config file")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ValueError(f"{path}, line 1: is UTF-16; save the file as UTF-8")
    try:
        # Editors on Windows put a mark before the first line.
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{path}, line {number}: is not UTF-8; save the file as UTF-8") from None
    try:
        return tomllib.loads(text)
    # Deep brackets exhaust the parser's stack.
    except (ValueError, RecursionError) as error:
        raise ValueError(_not_toml(path, text, error)) from None


def _not_toml(path: Path, text: str, error: Exception) -> str:
    lines = text.split("\n")
    found = re.search(r"\(at line (\d+), column \d+\)", str(error))
    # The parser names no line for what is wrong at the end.
    number = int(found[1]) if found else len(text.rstrip("\n").split("\n"))
    why = re.sub(r"\s*\(at .*\)$", "", str(error)) if isinstance(error, ValueError) else "too deep"
    written = lines[number - 1].strip()
    fix = _fix(written, why)
    if _SECRET.search(written):
        written = f"{written.partition('=')[0]}= …"
    written = quoted(written)
    return f"{path}, line {number}: {written} is not TOML ({why[:80]}); {fix}"


def _fix(line: str, why: str) -> str:
    """What to do about a line, where it is one of the usual mistakes."""
    key, is_said, value = (part.strip() for part in line.partition("="))
    if any(mark in line for mark in "“”„‘’«»"):
        return 'write straight quotes, "…"'
    if why.startswith(("Cannot declare", "Cannot overwrite")):
        return "it stands there twice: leave one out"
    if _UNQUOTED.search(key.removeprefix("[").removesuffix("]")) and key.startswith("["):
        return 'put a name with signs or blanks in quotes, [spaces."discord:1234"]'
    if _UNQUOTED.search(key) and is_said:
        return 'put a name with signs or blanks in quotes, "Two Words" = …'
    if ":" in key and not is_said:
        return "write = in place of :"
    if re.match(r"\[?\s*[\w$€]", value) and not re.search("[\"']", value):
        return 'put text in quotes, "…"'
    return "correct this line"


class UnknownVariableError(Exception):
    """A variable stands for no key; the words go on after its name."""


def overlay(
    raw: dict[str, Any], environ: Mapping[str, str], shape: Shape
) -> tuple[dict[Path_, str], list[str]]:
    """Put what variables say into the tables; returns who said what, and the problems."""
    origins: dict[Path_, str] = {}
    problems = []
    for variable in sorted(environ):
        if not variable.startswith(PREFIX) or _FOREIGN.fullmatch(variable):
            continue
        try:
            path = _path(variable, raw, shape)
        except UnknownVariableError as unknown:
            problems.append(f"{variable} {unknown}")
            continue
        table: object = raw
        for key in path[:-1]:
            table = table.setdefault(key, {}) if isinstance(table, dict) else None
        # What is no table is a problem of the file, and is told as such.
        if isinstance(table, dict):
            table[path[-1]] = value_of(environ[variable], is_text=shape.at(path).is_text)
            origins[path] = variable
    return origins, problems


def value_of(text: str, *, is_text: bool) -> Any:  # noqa: ANN401 - a value of TOML
    """Read a number, list, table, boolean or quoted string of TOML; anything else is a string."""
    try:
        table = tomllib.loads(f"value = {text}")
    # Deep brackets exhaust the parser's stack.
    except (ValueError, RecursionError):
        return text
    value = table["value"]
    if len(table) > 1 or (is_text and not isinstance(value, str)):
        return text
    return value


def _path(variable: str, raw: Mapping[str, Any], shape: Shape) -> Path_:
    parts = variable.removeprefix(PREFIX).lower().split("__")
    if len(parts) == 1:
        section = next((s for s in shape.keys if parts[0].startswith(f"{s}_")), "")
        if section:
            rest = parts[0].removeprefix(f"{section}_").upper()
            raise UnknownVariableError(
                f"is not known; with two underscores it is {PREFIX}{section.upper()}__{rest}"
            )
        raise UnknownVariableError(
            f"is not known; name section and key, such as {PREFIX}LIMITS__WAIT_S"
        )
    path: Path_ = ()
    node: Any = raw
    for part in parts:
        path = (*path, _key(part, path, node, shape))
        node = node.get(path[-1]) if isinstance(node, dict) else None
    return path


def _key(part: str, path: Path_, node: object, shape: Shape) -> str:
    """The key that a part of a variable's name stands for."""
    here = shape.at(path)
    known = dict.fromkeys(here.keys)
    if here.each is not None:
        known |= dict.fromkeys(
            (*FIXED.get(path[-1], ()), *(node if isinstance(node, dict) else ()))
        )
        if path[-2:-1] == ("models",) and path[0] != "models":
            known |= {"everyone": None}
    fits = [key for key in known if _plain(key) == _plain(part)]
    if part in fits or len(fits) == 1:
        return part if part in fits else fits[0]
    if len(fits) > 1:
        raise UnknownVariableError(f"stands for {' and '.join(fits)}; change it in the file")
    if not here.is_table:
        raise UnknownVariableError(f"is not known; nothing stands inside {'.'.join(path)}")
    if not known:
        raise UnknownVariableError(
            f"is not known; the file has nothing in [{'.'.join(path)}] to change"
        )
    raise UnknownVariableError(f"is not known; {near(shape, (*path, part), known)}")


def _plain(key: str) -> str:
    """A key as a variable's name can carry it."""
    return re.sub(r"[\W_]+", "_", key.casefold()).strip("_")
