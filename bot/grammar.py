"""The text grammar of the admin commands: targets, amounts, times, reasons; mistakes name a fix."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from bot.languages import Speech
from quota.errors import QuotaError
from quota.limits import Kind, Limit, parse_rule
from quota.members import EVERYONE, Scope
from quota.units import Amount, Unit, parse_amount
from quota.windows import WindowError, parse_duration

LINE_CHARS_MAX = 1_000
NAME_CHARS_MAX = 100


class MistakeError(QuotaError):
    """A command that cannot be carried out as it was typed; `usage` shows how to write it."""

    def __init__(self, problem: str, usage: str = "", /, **fields: object) -> None:
        """Say what is wrong and how to write it; `fields` stand in the braces of the problem."""
        super().__init__(problem.format(**fields) if fields else problem)
        self.problem, self.fields, self.usage = problem, fields, usage

    def told(self, speech: Speech) -> str:
        """The problem in a language."""
        return speech.say(self.problem, **self.fields)


class Line(NamedTuple):
    """A command line: its verb, what follows, and the reason after ` -- `."""

    verb: str
    rest: str
    reason: str

    @property
    def text(self) -> str:
        """The line again, as `parse_line` reads it."""
        command = f"{self.verb} {self.rest}".strip()
        return f"{command} -- {self.reason}" if self.reason else command


def parse_line(text: str) -> Line:
    """Split `grant @ana +5k -- for the demo`."""
    if len(text) > LINE_CHARS_MAX:
        raise MistakeError(
            "the line has {size} characters; at most {most} are read",
            size=len(text),
            most=LINE_CHARS_MAX,
        )
    command, _, reason = text.partition(" -- ")
    verb, _, rest = " ".join(command.split()).partition(" ")
    return Line(verb.casefold(), rest, " ".join(reason.split()))


_TARGET = re.compile(
    r'@(?!(?:role|member):(?:\s|$))(?:(role|member):)?(?:"([^"]+)"|([^\s"]\S*))\s*'
)


@dataclass(frozen=True, slots=True)
class Target:
    """`@ana` or `@Supporter`, told apart by which names are roles."""

    kind: Literal["member", "role"]
    name: str

    @classmethod
    def first(cls, text: str, is_role: Callable[[str], bool], usage: str) -> tuple["Target", str]:
        """The target that a text begins with, and the rest.

        `@"two words"` quotes a name; `@role:NAME` and `@member:NAME` say what is meant.
        """
        match = _TARGET.match(text.strip())
        if match is None:
            raise MistakeError("a name is missing; write it with @, such as @ana", usage)
        name = match[2] or match[3]
        if len(name) > NAME_CHARS_MAX:
            raise MistakeError(
                "the name has {size} characters; at most 100 are read", usage, size=len(name)
            )
        kind: Literal["member", "role"] = "member"
        if match[1] == "role" or (match[1] is None and is_role(name)):
            kind = "role"
        return cls(kind, name), text.strip()[match.end() :]


SET_USAGE = "limit set 20k tokens per day [for @name|@role|everyone] [in #channel] [model M] [cap]"
_CLAUSE = re.compile(
    r"(?:^|\s+)(?:for\s+(?P<who>@(?:role:|member:)?\"[^\"]+\"|@\S+|everyone)"
    r"|in\s+#(?P<channel>\S+)|model\s+(?P<model>\S+)|(?P<cap>cap))\s*$",
    re.IGNORECASE,
)


def parse_limit_line(
    text: str, is_role: Callable[[str], bool], zone: str, week_start: int, *, shared: bool = False
) -> Limit:
    """Read `<amount> per <period> [for ...] [in #channel] [model M] [cap]`.

    `shared`: it is for a pool, so it may say how that is divided.
    """
    rest = " ".join(text.split())
    clauses: dict[str, str] = {}
    while match := _CLAUSE.search(rest):
        for key, value in match.groupdict().items():
            if value:
                if key in clauses:
                    raise MistakeError("{key} is said twice", SET_USAGE, key=key)
                clauses[key] = value
        rest = rest[: match.start()]
    if not rest:
        raise MistakeError("an amount is missing", SET_USAGE)
    scope, kind = _scope(clauses, is_role)
    rule = parse_rule(
        rest,
        zone=zone,
        week_start=week_start,
        unit=Unit.TOKENS,
        shared=shared or kind == "shared",
    )
    return Limit(scope, kind, rule, clauses.get("model", "*"), "chat")


def _scope(clauses: dict[str, str], is_role: Callable[[str], bool]) -> tuple[Scope, Kind]:
    who = clauses.get("who", "everyone")
    if "channel" in clauses:
        if "who" in clauses and who.casefold() != "everyone":
            raise MistakeError(
                "a limit in a channel is shared by all who write there; leave out 'for'", SET_USAGE
            )
        return Scope("channel", clauses["channel"]), "shared"
    kind: Kind = "cap" if "cap" in clauses else "allowance"
    if who.casefold() == "everyone":
        return EVERYONE, kind
    target, _ = Target.first(who, is_role, SET_USAGE)
    return Scope(target.kind, target.name), kind


def parse_amount_word(text: str, usage: str) -> Amount:
    """An amount, or a mistake that shows the whole command."""
    if not text.strip():
        raise MistakeError("an amount is missing", usage)
    return parse_amount(text)


def parse_until(text: str, now: int) -> tuple[str, int | None]:
    """Take `until 3d` or `until never` off the end: what is left, and the instant.

    None where nothing is said; for `never` an instant that never comes.
    """
    match = re.search(r"(?:^|\s)until\s+(.+)$", text, re.IGNORECASE)
    if match is None:
        return text.strip(), None
    rest, when = text[: match.start()].strip(), match[1].strip()
    if when.casefold() == "never":
        return rest, 1 << 62
    try:
        return rest, now + parse_duration(when)
    except WindowError as error:
        raise MistakeError(str(error), "until 3d | until 2h | until never") from error
