"""Words for saying what JSON Slack takes: a rule looks at one value and reports what is wrong.

The reports read as Slack's do: `must be less than 3001 characters [json-pointer:/blocks/0/text]`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.servers.slack.errors import Json


@dataclass
class Report:
    """What is wrong, in order of appearance."""

    messages: list[str] = field(default_factory=list)

    def add(self, what: str, path: str) -> None:
        self.messages.append(f"{what} [json-pointer:{path}]")


Rule = Callable[[Any, str, Report], None]

BOTH = ("plain_text", "mrkdwn")
PLAIN = ("plain_text",)


@dataclass(frozen=True)
class Shape:
    """An object with these fields and no others; `one_of` names fields of which exactly one is."""

    fields: Mapping[str, Rule]
    required: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()

    def __call__(self, value: Any, path: str, report: Report) -> None:
        if not isinstance(value, dict):
            report.add("must provide an object", path)
            return
        for name in self.required:
            if value.get(name) is None:
                report.add(f"missing required field: {name}", path)
        for group, words in ((self.any_of, "at least one"), (self.one_of, "exactly one")):
            given = [name for name in group if value.get(name) is not None]
            if group and (not given or (group is self.one_of and len(given) > 1)):
                report.add(f"{words} of {', '.join(group)} must be given", path)
        for name, inner in value.items():
            rule = self.fields.get(name)
            if rule is None:
                report.add(f"invalid additional property: {name}", path)
            elif inner is not None:
                rule(inner, f"{path}/{name}", report)


def anything(value: Any, path: str, report: Report) -> None:
    """Not looked at."""


def string(longest: int, shortest: int = 1) -> Rule:
    def check(value: Any, path: str, report: Report) -> None:
        if not isinstance(value, str):
            report.add("must be a string", path)
        elif len(value) > longest:
            report.add(f"must be less than {longest + 1} characters", path)
        elif len(value) < shortest:
            report.add(f"must be more than {shortest - 1} characters", path)

    return check


def identity(letters: str) -> Rule:
    """An id of Slack that begins with one of these letters; a name is none."""

    def check(value: Any, path: str, report: Report) -> None:
        if not isinstance(value, str) or not re.fullmatch(rf"[{letters}][A-Z0-9]+", value):
            report.add("must be a valid id", path)

    return check


def numeric(value: Any, path: str, report: Report) -> None:
    """A number in a string."""
    if not isinstance(value, str) or not re.fullmatch(r"-?\d+(\.\d+)?", value):
        report.add("must be a number in a string", path)


def choice(*values: str) -> Rule:
    def check(value: Any, path: str, report: Report) -> None:
        if value not in values:
            report.add(f"must be one of {', '.join(values)}", path)

    return check


def boolean(value: Any, path: str, report: Report) -> None:
    if not isinstance(value, bool):
        report.add("must be a boolean", path)


def whole(low: int, high: int) -> Rule:
    def check(value: Any, path: str, report: Report) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            report.add(f"must be a whole number from {low} to {high}", path)

    return check


def number(value: Any, path: str, report: Report) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        report.add("must be a number", path)


def positive(value: Any, path: str, report: Report) -> None:
    number(value, path, report)
    if isinstance(value, int | float) and value <= 0:
        report.add("must be more than 0", path)


def many(rule: Rule, low: int, high: int) -> Rule:
    def check(value: Any, path: str, report: Report) -> None:
        if not isinstance(value, list):
            report.add("must be an array", path)
            return
        if len(value) > high:
            report.add(f"no more than {high} items allowed", path)
        if len(value) < low:
            report.add(f"no less than {low} items allowed", path)
        for index, item in enumerate(value):
            rule(item, f"{path}/{index}", report)

    return check


def by_type(shapes: Mapping[str, Rule]) -> Rule:
    """An object whose `type` says which of these it is."""

    def check(value: Any, path: str, report: Report) -> None:
        kind = value.get("type") if isinstance(value, dict) else None
        rule = shapes.get(str(kind))
        if rule is None:
            report.add(f"unsupported type: {kind}", f"{path}/type")
        else:
            rule(value, path, report)

    return check


def text(longest: int, kinds: tuple[str, ...] = BOTH, shortest: int = 1) -> Rule:
    """A text object."""
    plain = {"type": anything, "text": string(longest, shortest), "emoji": boolean}
    styled = {"type": anything, "text": string(longest, shortest), "verbatim": boolean}
    shapes = {"plain_text": Shape(plain, ("text",)), "mrkdwn": Shape(styled, ("text",))}
    return by_type({kind: shapes[kind] for kind in kinds})


def typed(fields: Json, *required: str, **groups: tuple[str, ...]) -> Shape:
    """A shape that has a `type`."""
    return Shape({"type": anything, **fields}, required, **groups)
