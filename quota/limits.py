"""A limit, its one-line grammar, and the policy: which limits bind a requester, and why.

Why most generous: a member in several roles is helped by each of them, never punished for one
(the rule discourse-ai documents). Caps and shared limits are for the operator's protection, so
they bind in addition and the tightest counts.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Literal, NamedTuple

from quota.errors import BadRuleError
from quota.fair_text import Fair, parse_how, split_how
from quota.members import EVERYONE, Requester, Scope
from quota.pool_terms import MEMBERS_GUESS, members_guess
from quota.prepaid import Prepaid
from quota.units import Unit, amount_text, parse_amount
from quota.windows import Calendar, Window, WindowError, parse_window, window_text

Kind = Literal["allowance", "cap", "shared", "balance"]
Origin = Literal["config", "chat", "default", "self"]


class Rule(NamedTuple):
    """What one line of grammar says: so much (None = unlimited) of a unit per window.

    `fair` is how a shared limit is divided; None: first come, first served. `prepaid` are the terms
    of a balance, of which `amount` is the overdraft: what may be taken beyond what is left.
    """

    amount: int | None
    unit: Unit
    window: Window
    fair: Fair | None = None
    prepaid: Prepaid | None = None

    @property
    def text(self) -> str:
        """The canonical line, read back by `parse_rule`."""
        if self.amount is None:
            return "unlimited"
        if self.prepaid is not None:
            return self.prepaid.text
        line = f"{amount_text(self.amount, self.unit)}/{window_text(self.window)}"
        return line if self.fair is None else f"{line} {self.fair.text(self.unit)}"


UNLIMITED = Rule(None, Unit.TOKENS, Calendar("day"))
RULE_HELP = 'write it like "20k tokens/day", "60 requests/hour", "$2/month" or "unlimited"'


def parse_rule(
    text: str,
    *,
    zone: str = "UTC",
    week_start: int = 0,
    unit: Unit | None = None,
    shared: bool = False,
) -> Rule:
    """Read one limit; `unit` is taken where the text names none. BadRuleError names the fault.

    Only a limit that many `shared` says how it is divided: `fair`, or `free` as without a word.
    """
    line = " ".join(text.split())
    if line.lower() == "unlimited":
        return UNLIMITED
    amount_part, slash, window_part = line.partition("/")
    if not slash:
        amount_part, slash, window_part = line.partition(" per ")
    if not slash:
        raise BadRuleError(f"{line[:60]!r} names no period; {RULE_HELP}")
    window_part, how = split_how(window_part)
    if how and not shared:
        raise BadRuleError(
            f"{line[:60]!r}: {how.split()[0]} is said of a limit that many share; leave it out here"
        )
    amount = parse_amount(amount_part)
    if amount.signed:
        raise BadRuleError(f"{line[:60]!r}: a limit has no sign; {RULE_HELP}")
    if amount.value == 0:
        raise BadRuleError(
            f"{line[:60]!r} allows nothing; give a positive amount, or block instead"
        )
    kind = amount.unit or unit
    if kind is None:
        raise BadRuleError(f"{line[:60]!r} names no unit; say tokens, requests or $")
    try:
        window = parse_window(window_part, zone=zone, week_start=week_start)
        fair = parse_how(how, amount.value, kind, window)
    except (WindowError, BadRuleError) as error:
        raise BadRuleError(f"{line[:60]!r}: {error}") from error
    return Rule(amount.value, kind, window, fair)


@dataclass(frozen=True, slots=True)
class Limit:
    """A rule with whom it is about, for which models, of which kind, and where it comes from."""

    scope: Scope
    kind: Kind
    rule: Rule
    models: str = "*"
    origin: Origin = "config"

    @property
    def slot(self) -> tuple[Scope, Kind, str, str, str]:
        """Limits with the same slot override one another."""
        rule = self.rule
        if rule.amount is None:
            return (self.scope, self.kind, "unlimited", "", self.models)
        return (self.scope, self.kind, rule.unit, window_text(rule.window), self.models)

    @property
    def name(self) -> str:
        """How people and programs see the limit: `everyone: 20k tokens/day`."""
        models = "" if self.models == "*" else f" for {self.models}"
        kind = f" ({self.kind})" if self._has_a_kind_of_its_own else ""
        return f"{self.scope.text}: {self.rule.text}{models}{kind}"

    @property
    def id(self) -> str:
        """A short name for `limit remove`: scope, unit, window and models without the amount."""
        scope, kind, unit, window, models = self.slot
        parts = [scope.text.replace(" ", ":"), unit if not window else f"{unit}/{window}"]
        parts += [models] if models != "*" else []
        parts += [kind] if self._has_a_kind_of_its_own else []
        return " ".join(parts)

    @property
    def _has_a_kind_of_its_own(self) -> bool:
        """Whether the scope alone does not say of which kind the limit is."""
        return self.kind != ("allowance" if self.scope.kind in _RANK else "shared")


class Bound(NamedTuple):
    """A limit that binds a requester: the book it counts in, and how much it allows there.

    Where it is a fair pool, `weight` is how much the requester counts there, and `members` how
    many a first period reckons with.
    """

    limit: Limit
    book: str
    amount: int | None
    unit: Unit
    window: Window
    kind: Kind
    weight: int = 1
    members: int = MEMBERS_GUESS


class Reason(NamedTuple):
    """One line of an explanation: a limit, whether it binds, and why."""

    limit: Limit
    binds: bool
    why: Literal["binds", "member_first", "role_first", "more_generous", "lifted", "tighter"]
    by: Limit | None = None


_RANK = {"member": 0, "role": 1, "everyone": 2}


@dataclass(frozen=True, slots=True)
class Policy:
    """All limits that hold in one space, in the order in which people wrote them.

    `weights` are of roles in fair pools; `expected_members` are those that a fair pool reckons
    with in its first period, None: half of those `on_platform`, if that is known.
    """

    limits: tuple[Limit, ...] = ()
    weights: tuple[tuple[str, int], ...] = ()
    expected_members: int | None = None
    on_platform: int | None = None

    def overridden_by(self, others: Iterable[Limit]) -> "Policy":
        """This policy with each of the other limits in place of its own of the same slot."""
        merged = {limit.slot: limit for limit in self.limits}
        merged.update((limit.slot, limit) for limit in others)
        return replace(self, limits=tuple(merged.values()))

    def binding(self, requester: Requester, models: tuple[str, ...]) -> tuple[Bound, ...]:
        """The limits that bind for a model (known by any of the names): own first, then shared.

        All of them must have room.
        """
        bounds: dict[str, Bound] = {}
        weight = max([1, *(weight for role, weight in self.weights if role in requester.roles)])
        members = members_guess(self.expected_members, self.on_platform)
        for reason in self.reasons(requester, models):
            # A lifted limit counts on, but nobody runs into debt while nothing holds them back.
            counts_on = reason.why == "lifted" and reason.limit.kind != "balance"
            if reason.binds or counts_on:
                bound = _bound(reason, requester)._replace(weight=weight, members=members)
                # A bare "unlimited" counts where nothing else does.
                if bound.book not in bounds or reason.limit.rule.amount is not None:
                    bounds[bound.book] = bound
        return tuple(sorted(bounds.values(), key=lambda b: b.kind == "shared"))

    def reasons(self, requester: Requester, models: tuple[str, ...]) -> tuple[Reason, ...]:
        """Every limit that could bind this requester, with what became of it and why."""
        near = [limit for limit in self.limits if _concerns(limit, requester, models)]
        own = [limit for limit in near if limit.kind == "allowance"]
        caps = [limit for limit in near if limit.kind == "cap"]
        lifts = [limit for limit in own if limit.rule.amount is None]
        free = min(lifts, key=lambda x: _RANK[x.scope.kind], default=None)
        verdicts: dict[tuple[Scope, Kind, str, str, str], Reason] = {}
        for group in _groups(x for x in own if x.rule.amount is not None):
            winner = min(group, key=lambda x: (_RANK[x.scope.kind], -(x.rule.amount or 0)))
            verdicts.update((x.slot, _own_reason(x, winner, free)) for x in group)
        for group in _groups(caps):
            winner = min(group, key=lambda x: x.rule.amount or 0)
            for limit in group:
                wins = limit is winner
                why: Literal["binds", "tighter"] = "binds" if wins else "tighter"
                verdicts[limit.slot] = Reason(limit, wins, why, None if wins else winner)
        if free is not None and free.scope != EVERYONE:
            balances = (limit for limit in near if limit.kind == "balance")
            verdicts.update(
                (x.slot, Reason(x, binds=False, why="lifted", by=free)) for x in balances
            )
        return tuple(verdicts.get(x.slot) or Reason(x, binds=True, why="binds") for x in near)


def _own_reason(limit: Limit, winner: Limit, free: Limit | None) -> Reason:
    if free is not None and _RANK[free.scope.kind] <= _RANK[winner.scope.kind]:
        return Reason(limit, binds=False, why="lifted", by=free)
    if limit is winner:
        return Reason(limit, binds=True, why="binds")
    if winner.scope.kind == "member":
        return Reason(limit, binds=False, why="member_first", by=winner)
    if limit.scope.kind == "role":
        return Reason(limit, binds=False, why="more_generous", by=winner)
    return Reason(limit, binds=False, why="role_first", by=winner)


def _groups(limits: Iterable[Limit]) -> list[list[Limit]]:
    groups: dict[tuple[str, str, str], list[Limit]] = {}
    for limit in limits:
        groups.setdefault(limit.slot[2:], []).append(limit)
    return list(groups.values())


def _concerns(limit: Limit, requester: Requester, models: tuple[str, ...]) -> bool:
    if limit.models != "*" and not any(fnmatchcase(name, limit.models) for name in models):
        return False
    return _TOUCHES[limit.scope.kind](limit.scope.name, requester)


_TOUCHES: dict[str, Callable[[str, Requester], bool]] = {
    "everyone": lambda _name, _who: True,
    "space": lambda _name, _who: True,
    "house": lambda _name, _who: True,
    "role": lambda name, who: name in who.roles,
    "member": lambda name, who: name == who.member.id,
    "self": lambda name, who: name == who.member.id,
    "channel": lambda name, who: name == who.channel,
}


def _bound(reason: Reason, requester: Requester) -> Bound:
    """What is counted; where an unlimited rule lifts a limit, its counter goes on without one."""
    rule, lifted = reason.limit.rule, reason.why == "lifted"
    named = reason.by if lifted and reason.by else reason.limit
    amount = None if lifted else rule.amount
    book = _book(reason.limit, requester)
    return Bound(named, book, amount, rule.unit, rule.window, reason.limit.kind)


def _book(limit: Limit, requester: Requester) -> str:
    """Name the counter.

    The name leaves out the amount and, for own limits, the role that gave it, so that what was
    used survives a change of the limit, of roles, and rejoining.
    """
    if limit.kind == "shared":
        space = "" if limit.scope.kind == "house" else requester.member.space.key
        subject = f"{limit.scope.kind} {limit.scope.name}@{space}"
    else:
        subject = requester.member.wallet
    return book_of(limit, subject)


def book_of(limit: Limit, subject: str) -> str:
    """The counter of a limit that counts for this subject."""
    rule = limit.rule
    return f"{limit.kind}|{rule.unit}/{window_text(rule.window)}|{limit.models}|{subject}"
