"""The limits of the config: who a key speaks of, what a line may say, and the policy they make.

Why beside config.py: the shape of the file is its business, the meaning of a limit is ours.
A function here raises ValueError with words that go on after the name of the key.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any, Literal, NamedTuple, TypeAlias, get_args
from zoneinfo import available_timezones

from bot.config_balance import warnings as balance_warnings
from bot.config_balance import with_balance
from quota.limits import Kind, Limit, Origin, Policy, parse_rule
from quota.members import EVERYONE, Scope, ScopeKind, Space
from quota.pool_terms import floors_fit, members_guess
from quota.units import Amount, parse_amount
from quota.windows import Calendar, WindowError, window_text

Weekday: TypeAlias = Literal[
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"
]
WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)

_SHARED: tuple[ScopeKind, ...] = ("channel", "role")
_OWN: tuple[ScopeKind, ...] = ("role", "member")


class Reading(NamedTuple):
    """How the lines of one file are read: in which zone, from which weekday on, as whose."""

    zone: str = "UTC"
    week_start: int = 0
    origin: Origin = "config"


_Group: TypeAlias = Callable[[Any, Reading], Iterator[Limit]]


def as_list(value: object) -> object:
    """A single line stands for a list of one."""
    return [value] if isinstance(value, str) else value


def check_line(line: str) -> str:
    """Refuse a line that is no limit."""
    parse_rule(line)
    return line


def staff_cap(text: str) -> Amount | None:
    """What staff may give one member in one window; None for an empty text: nothing."""
    if not text.strip():
        return None
    amount = parse_amount(text)
    if amount.unit is None or amount.signed or amount.value == 0:
        raise ValueError('is no cap; write it like "50k tokens", "20 requests" or "$1"')
    return amount


def check_staff_cap(text: str) -> str:
    """Refuse what `staff_cap` cannot read."""
    staff_cap(text)
    return text


def check_cap_line(line: str) -> str:
    """Refuse a line that is no limit, and one that limits nothing."""
    return _check_binding(line, shared=False)


def check_pool_line(line: str) -> str:
    """The same for a pool, which may say how it is divided."""
    return _check_binding(line, shared=True)


def _check_binding(line: str, *, shared: bool) -> str:
    if parse_rule(line, shared=shared).amount is None:
        raise ValueError(f"holds {line!r}, which holds nobody back; remove it")
    return line


def check_list(lines: list[str]) -> list[str]:
    """Refuse lines of which one makes another void."""
    rules = [parse_rule(line, shared=True) for line in lines]
    seen: set[tuple[str, str]] = set()
    for rule in rules:
        if rule.amount is None and len(rules) > 1:
            raise ValueError("says unlimited beside a limit; keep one of them")
        counted = (rule.unit, window_text(rule.window))
        if counted in seen:
            raise ValueError(f"has two limits in {'/'.join(counted)}; keep one of them")
        seen.add(counted)
    return lines


def shared_scope(key: str) -> Scope:
    """Whom a pool is for; ValueError for a key of [limits.shared] that is none of its words."""
    if key == "space":
        return Scope("space")
    if key == "house":
        return Scope("house")
    help_ = 'write space, house, "channel:NAME" or "role:NAME"'
    scope = _named_scope(key, _SHARED, help_)
    if scope.kind == "channel" and scope.name.startswith("#"):
        raise ValueError(f'has a # too many; write "channel:{scope.name.lstrip("#")}"')
    return scope


def own_scope(key: str) -> Scope:
    """Whose limit it is; ValueError for a key of [limits.caps] or of a model's limits."""
    if key == "everyone":
        return EVERYONE
    return _named_scope(key, _OWN, 'write everyone, "role:NAME" or "member:ID"')


def check_name(key: str) -> str:
    """Refuse the name of a role or the id of a member that nobody can have."""
    if not key.strip() or not key.isprintable():
        raise ValueError("is no name; write it as the platform shows it")
    if key == "everyone":
        # Written below the header of a section, it would quietly be somebody's name.
        raise ValueError("is nobody's name; choose another")
    return key


def check_shared_key(key: str) -> str:
    """Refuse what `shared_scope` does not know."""
    shared_scope(key)
    return key


def check_space_shared_key(key: str) -> str:
    """Refuse what `shared_scope` does not know, and the house, which is more than one space."""
    if shared_scope(key).kind == "house":
        raise ValueError("is over all spaces; write it in [limits.shared]")
    return key


def check_own_key(key: str) -> str:
    """Refuse what `own_scope` does not know."""
    own_scope(key)
    return key


def check_pattern(key: str) -> str:
    """Refuse a model pattern that names nothing or everything."""
    if not key.strip() or not key.isprintable():
        raise ValueError('names no model; write a name or a pattern such as "gpt-5*"')
    if set(key) == {"*"}:
        raise ValueError("means every model; write these limits in [limits]")
    return key


def check_space(key: str) -> str:
    """Refuse a key of [spaces] that `space_of` cannot read."""
    space_of(key)
    return key


def space_of(key: str) -> Space:
    """Read "platform:id"."""
    platform, _, name = key.partition(":")
    if not platform.isidentifier() or not name.strip() or not name.isprintable():
        raise ValueError('is no space; write "platform:id", for instance "console:console"')
    return Space(platform, name)


def check_zone(zone: str) -> str:
    """Refuse a time zone that nobody knows, naming the nearest that somebody does."""
    try:
        Calendar("day", zone)
    except WindowError:
        near = _nearest_zone(zone)
        write = f"did you mean {near!r}?" if near else "write an IANA name such as 'Europe/Berlin'"
        raise ValueError(f"is {zone[:60]!r}, which is no time zone; {write}") from None
    return zone


def limits_in(table: Mapping[str, Any], reading: Reading) -> tuple[Limit, ...]:
    """The limits of one checked [limits] table, in the order in which they are written."""
    return tuple(
        limit
        for key, value in table.items()
        if key in _GROUPS
        for limit in _GROUPS[key](value, reading)
    )


def policies(raw: Mapping[str, Any], reading: Reading) -> tuple[Policy, dict[str, Policy]]:
    """The policy of everywhere and those of the spaces set apart, from checked tables."""
    base = _peopled(Policy(limits_in(raw.get("limits", {}), reading)), raw.get("limits", {}))
    prepaid = raw.get("balance")
    if prepaid is not None:
        base = with_balance(base, prepaid, reading.zone, reading.week_start)
    spaces: dict[str, Policy] = {}
    for key, table in raw.get("spaces", {}).items():
        own = table.get("limits", {})
        policy = _peopled(merged(base, limits_in(own, reading)), own)
        if "balance" in table:
            terms = {**(prepaid or {}), **table["balance"]}
            policy = with_balance(policy, terms, reading.zone, reading.week_start)
        spaces[space_of(key).key] = policy
    return base, spaces


def _peopled(policy: Policy, table: Mapping[str, Any]) -> Policy:
    """A policy with what a table says of those who share its fair pools."""
    return replace(
        policy,
        weights=tuple(table.get("weights", dict(policy.weights)).items()),
        expected_members=table.get("expected_members", policy.expected_members),
    )


def merged(base: Policy, own: Iterable[Limit]) -> Policy:
    """The policy of a space: its own limits in place of those of the same slot.

    `unlimited` gives way to any limit for the same people: it has no window to be replaced in.
    """
    limits = tuple(own)
    spoken = {(limit.scope, limit.kind, limit.models) for limit in limits}
    kept = (
        limit
        for limit in base.limits
        if limit.rule.amount is not None or (limit.scope, limit.kind, limit.models) not in spoken
    )
    return replace(base, limits=tuple(kept)).overridden_by(limits)


def warnings(base: Policy, models: Collection[str]) -> Iterator[str]:
    """What an operator may not have meant: no limits at all, limits for models there are not."""
    if not base.limits:
        yield '[limits] is empty: there is no limit for anybody; write everyone = "20k tokens/day"'
    yield from balance_warnings(base)
    members = members_guess(base.expected_members, base.on_platform)
    for limit in base.limits:
        floor = 0 if limit.rule.fair is None else limit.rule.fair.floor or 0
        if not floors_fit(limit.rule.amount or 0, floor, members):
            yield (
                f"[limits.shared] {limit.name}: such a floor cannot be kept for {members} members, "
                "so it is first come, first served; lower it, or set expected_members"
            )
    if base.weights and not any(limit.rule.fair for limit in base.limits):
        yield '[limits.weights] counts in fair pools, and there is none; write "… fair"'
    for pattern in dict.fromkeys(limit.models for limit in base.limits):
        if not any(fnmatchcase(name, pattern) for name in models):
            known = ", ".join(sorted(models))
            yield f'[limits.models."{pattern}"] fits no model; name one of these: {known}'


def _named_scope(key: str, kinds: tuple[ScopeKind, ...], help_: str) -> Scope:
    word, colon, name = key.partition(":")
    for kind in kinds:
        if word == kind and colon and name.strip() and name.isprintable():
            return Scope(kind, name.strip())
    near = get_close_matches(word.strip().lower(), ["space", "house", "everyone", *kinds], 1)
    hint = f" (did you mean {near[0]}?)" if near and near[0] != word else ""
    raise ValueError(f"is not known here{hint}; {help_}")


def _nearest_zone(zone: str) -> str:
    names = {name.casefold(): name for name in sorted(available_timezones())}
    wanted = zone.strip().casefold().replace(" ", "_")
    if wanted in names:
        return names[wanted]
    for low, name in names.items():
        if low.rpartition("/")[2] == wanted:
            return name
    near = get_close_matches(wanted[:60], names, 1)
    return names[near[0]] if near else ""


def _lines(
    value: str | list[str], reading: Reading, scope: Scope, kind: Kind, models: str = "*"
) -> Iterator[Limit]:
    for line in [value] if isinstance(value, str) else value:
        rule = parse_rule(
            line, zone=reading.zone, week_start=reading.week_start, shared=kind == "shared"
        )
        yield Limit(scope, kind, rule, models, reading.origin)


def _everyone(lines: Any, reading: Reading) -> Iterator[Limit]:  # noqa: ANN401 - checked TOML
    yield from _lines(lines, reading, EVERYONE, "allowance")


def _named(kind: ScopeKind) -> _Group:
    def read(table: Mapping[str, Any], reading: Reading) -> Iterator[Limit]:
        for name, lines in table.items():
            yield from _lines(lines, reading, Scope(kind, name), "allowance")

    return read


def _models(table: Mapping[str, Any], reading: Reading) -> Iterator[Limit]:
    for pattern, own in table.items():
        for key, lines in own.items():
            yield from _lines(lines, reading, own_scope(key), "allowance", pattern)


def _caps(table: Mapping[str, Any], reading: Reading) -> Iterator[Limit]:
    for key, lines in table.items():
        yield from _lines(lines, reading, own_scope(key), "cap")


def _shared(table: Mapping[str, Any], reading: Reading) -> Iterator[Limit]:
    for key, lines in table.items():
        yield from _lines(lines, reading, shared_scope(key), "shared")


_GROUPS: dict[str, _Group] = {
    "everyone": _everyone,
    "roles": _named("role"),
    "members": _named("member"),
    "models": _models,
    "caps": _caps,
    "shared": _shared,
}
