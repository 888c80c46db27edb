"""How an act of an admin is taken back: by the inverse act, which has an audit row of its own.

Why from the audit row: it says what was before and after, so nothing else need be kept, and an act
of last week can be undone after any number of restarts, as long as what it made still stands.
"""

import re
from collections.abc import Collection, Sequence

from quota.clock import Clock
from quota.errors import BadRuleError
from quota.governing import Act, Governing, scope_kind
from quota.limits import Kind, Limit, parse_rule
from quota.members import EVERYONE, Member, Scope
from quota.prepaid import AddToBalance
from quota.prepaying import Prepaying
from quota.rules import Rules
from quota.store import AuditRow, GrantRow
from quota.told import value_of
from quota.units import Unit, parse_amount

# Switches and settings that an act may have set, by the name of the act.
_SWITCHES = {
    action: name
    for name in ("pause", "block", "note", "channel", "model", "space", "warn")
    for action in (name, f"un{name}" if name == "block" else f"{name} off")
}
_BALANCES = ("balance add", "balance set")
REVERSIBLE = frozenset({"limit set", "limit remove", "grant", "take", *_BALANCES, *_SWITCHES})
# So many newer acts are looked through for whether one of them was taken back already.
ACTS_MAX = 1_000
_NAME = re.compile(
    r"(?P<scope>.+): (?P<rule>.+?)(?: for (?P<models>\S+))?(?: \((?P<kind>cap|shared|allowance)\))?"
)


def mark_of(row: AuditRow) -> str:
    """What the reason of an undoing act begins with."""
    return f"undo {row.id}"


def undone(row: AuditRow, newer: Sequence[AuditRow]) -> bool:
    """Whether one of these acts took that one back."""
    mark = mark_of(row)
    return any(act.reason == mark or act.reason.startswith(f"{mark}:") for act in newer)


def reversible(row: AuditRow, newer: Sequence[AuditRow]) -> bool:
    """Whether an act is of a kind that can be taken back, and was not."""
    return row.action in REVERSIBLE and row.before != row.after and not undone(row, newer)


class Undoing:
    """Takes acts back, each once."""

    def __init__(self, governing: Governing, prepaying: Prepaying, clock: Clock) -> None:
        """Work upon what admins have set."""
        self._governing = governing
        self._prepaying = prepaying
        self._clock = clock
        self._under_way: set[int] = set()

    async def undo(self, act: Act, row_id: int, rules: Rules) -> AuditRow:
        """Take back the act with this number; BadRuleError says why that cannot be."""
        trail = await self._governing.audit_trail(act.space, 0, ACTS_MAX)
        row = next((row for row in trail if row.id == row_id), None)
        if row is None:
            raise BadRuleError(f"there is no act {row_id} here")
        if row.action not in REVERSIBLE or row.before == row.after:
            raise BadRuleError(f"act {row_id} ({row.action}) cannot be undone")
        if row_id in self._under_way or undone(row, trail):
            raise BadRuleError(f"act {row_id} was undone already")
        reason = f"{mark_of(row)}: {act.reason}" if act.reason else mark_of(row)
        self._under_way.add(row_id)
        try:
            await self._take_back(act._replace(reason=reason), row, rules)
        finally:
            self._under_way.discard(row_id)
        return row

    async def _take_back(self, act: Act, row: AuditRow, rules: Rules) -> None:
        match row.action:
            case "limit set" | "limit remove":
                await self._limit(act, row, rules)
            case "grant" | "take":
                await self._grant(act, row)
            case "balance add" | "balance set":
                was, made = (parse_amount(told).value for told in (row.before, row.after))
                back = AddToBalance(was - made)
                await self._prepaying.change(act, Member.from_wallet(row.subject), back)
            case _:
                await self._switch(act, row)

    async def _limit(self, act: Act, row: AuditRow, rules: Rules) -> None:
        mine = [x for x in self._governing.limits(act.space) if x.id == row.subject]
        _as_it_was(mine[0].name if mine else "", row.after)
        operators = [x.name for x in rules.policy(act.space).limits]
        if mine and row.before in {"", *operators}:
            # Nothing stood there, or the operator's own: it holds again by itself.
            await self._governing.drop_limit(act, mine[0])
        else:
            await self._governing.set_limit(act, limit_named(row.before, rules))

    async def _grant(self, act: Act, row: AuditRow) -> None:
        held = await self._governing.grants(Member.from_wallet(row.subject))
        grant = next((grant for grant in held if _made(grant, row)), None)
        if grant is None:
            raise BadRuleError("what was given then has ended")
        left = grant.amount - grant.spent
        if not left:
            raise BadRuleError("what was given then is used up")
        await self._governing.give(act, grant.wallet, grant.unit, -left, grant.until)

    async def _switch(self, act: Act, row: AuditRow) -> None:
        name = _SWITCHES[row.action]
        _as_it_was(self._governing.told(act.space, name, row.subject), row.after)
        value, until = value_of(row.before)
        if until is not None and until <= self._clock.now():
            value = ""
        await self._governing.switch(act, name, row.subject, value, until)


def _made(grant: GrantRow, row: AuditRow) -> bool:
    """Whether a grant is the one that an act made: written at one instant, by one person."""
    amount = parse_amount(row.after)
    same = (grant.at, grant.actor, grant.amount) == (row.at, row.actor, amount.value)
    return same and grant.unit is amount.unit


def _as_it_was(now: str, after: str) -> None:
    if now != after:
        raise BadRuleError(f"it was changed since: now it is {now or 'nothing'!r}")


def limit_named(name: str, rules: Rules) -> Limit:
    """Read a limit back from `Limit.name`; it was set in the chat."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise BadRuleError(f"{name[:100]!r} is no limit")
    kind_, _, whom = match["scope"].partition(" ")
    scope = Scope(scope_kind(kind_), whom) if kind_ != "everyone" else EVERYONE
    own: Kind = "allowance" if scope.kind in {"everyone", "role", "member"} else "shared"
    kinds: Collection[Kind] = ("allowance", "cap", "shared")
    kind = next((k for k in kinds if k == match["kind"]), own)
    rule = parse_rule(
        match["rule"],
        zone=rules.zone,
        week_start=rules.week_start,
        unit=Unit.TOKENS,
        shared=kind == "shared",
    )
    return Limit(scope, kind, rule, match["models"] or "*", "chat")
