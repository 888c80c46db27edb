"""The ceiling that a member sets for themselves: a cap like any other, which they may change.

Why it is no stored limit: it must never stand in the place of one that an admin has set, or a
member could lift that by lifting their own.
"""

from quota.governing import Act, Governing
from quota.limits import Limit, Policy, parse_rule
from quota.members import Member, Requester, Scope
from quota.rules import Rules
from quota.units import Unit

CEILING = "ceiling"


def ceiling_of(governing: Governing, member: Member, rules: Rules) -> Limit | None:
    """What a member has set, None: nothing."""
    text = governing.flag(member.space.key, CEILING, member.id)
    return parse_ceiling(text, member, rules) if text else None


async def set_ceiling(governing: Governing, limit: Limit, member: Member) -> None:
    """Bind oneself from the next ask on."""
    act = Act(member.id, member.space.key)
    await governing.switch(act, CEILING, member.id, limit.rule.text)


async def lift_ceiling(governing: Governing, member: Member) -> bool:
    """Be held by the real limits alone; whether there was a ceiling."""
    return await governing.switch(Act(member.id, member.space.key), CEILING, member.id, "")


def with_ceiling(
    policy: Policy, governing: Governing, requester: Requester, rules: Rules
) -> Policy:
    """A policy with the requester's own ceiling, where they have set one."""
    own = ceiling_of(governing, requester.member, rules)
    return policy if own is None else Policy((*policy.limits, own))


def parse_ceiling(text: str, member: Member, rules: Rules) -> Limit:
    """Read `5k tokens per day`; BadRuleError names what is wrong with it."""
    rule = parse_rule(text, zone=rules.zone, week_start=rules.week_start, unit=Unit.TOKENS)
    return Limit(Scope("self", member.id), "cap", rule, "*", "self")
