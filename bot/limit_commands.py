"""Limits set, listed and removed by admins; where there are buttons, shown before they are set."""

from collections.abc import Iterator
from dataclasses import replace

from bot import text_forms, text_limits, text_pool
from bot.desk import Desk, Handled, Typed, act_of, space_of
from bot.grammar import SET_USAGE, Line, MistakeError, parse_limit_line
from bot.pending import propose
from bot.previews import touched
from bot.text import Words
from bot.undo_commands import with_undo
from quota.limits import Limit, Policy
from quota.members import Member, Scope
from quota.pool_terms import floors_fit, members_guess


async def limit(desk: Desk, typed: Typed, line: Line, words: Words) -> Handled:
    """`limit set`, `limit list`, `limit remove`."""
    sub, _, rest = line.rest.partition(" ")
    match sub.casefold():
        case "set":
            wanted = _parsed(desk, rest)
            if wanted.scope.kind == "member":
                desk.check_member(space_of(typed), wanted.scope.name, SET_USAGE)
            return await _set(desk, typed, line, wanted, words)
        case "list":
            panel = words.limits(desk.quotas.policy(space_of(typed).key).limits)
            actions = text_forms.limit_actions(words) if typed.previews else ()
            return Handled(replace(panel, actions=actions))
        case "remove":
            return await _remove(desk, typed, line, rest.strip(), words)
        case _:
            raise MistakeError(
                "limit is set, list or remove", "limit set 20k tokens per day for everyone"
            )


async def pool(desk: Desk, typed: Typed, line: Line, words: Words) -> Handled:
    """One budget for the whole space, first come or divided fairly."""
    wanted = _parsed(desk, line.rest, shared=True)
    if wanted.scope.kind != "everyone" or wanted.kind != "allowance":
        raise MistakeError("a pool is for the whole space", "pool 2M tokens per day")
    budget = Limit(Scope("space"), "shared", wanted.rule, wanted.models, "chat")
    return await _set(desk, typed, line, budget, words)


def _parsed(desk: Desk, text: str, *, shared: bool = False) -> Limit:
    rules = desk.quotas.rules
    return parse_limit_line(text, desk.is_role, rules.zone, rules.week_start, shared=shared)


async def _set(desk: Desk, typed: Typed, line: Line, wanted: Limit, words: Words) -> Handled:
    before, policy = _at(desk, typed, wanted), desk.quotas.policy(space_of(typed).key)
    if typed.asks_first:
        after = policy.overridden_by([wanted])
        found = await touched(desk, space_of(typed), wanted, after)
        panel = text_limits.preview_set(words, wanted, before, found)
        return await propose(desk, typed, line.text, panel, words)
    act = act_of(typed.requester, line.reason)
    await desk.quotas.governing.set_limit(act, wanted, before)
    panel = words.limit_set(wanted, before, await _stranger(desk, typed, wanted, words))
    panel = replace(panel, lines=(*panel.lines, *_divided(policy, wanted, before, words)))
    return await with_undo(desk, typed, Handled(panel), ("limit set", wanted.id), words)


async def _stranger(desk: Desk, typed: Typed, wanted: Limit, words: Words) -> str:
    """The name of a member nobody has met, where a role is typed in the same way."""
    kind, name = wanted.scope
    if kind != "member" or words.who(name) != words.role(name) or "@member:" in typed.text:
        return ""
    met = (*desk.roles, *await desk.quotas.store.wallets())
    return "" if Member(space_of(typed), name).wallet in met else name


def _divided(policy: Policy, wanted: Limit, before: Limit | None, words: Words) -> Iterator[str]:
    """What should be known of how a shared limit is divided from now on."""
    fair = wanted.rule.fair
    if fair is None and before is not None and before.rule.fair is not None:
        yield text_pool.still_fair(words, wanted)
    members = members_guess(policy.expected_members, policy.on_platform)
    floor = 0 if fair is None else fair.floor or 0
    if not floors_fit(wanted.rule.amount or 0, floor, members):
        yield text_pool.floor_too_high(words, wanted, members)


async def _remove(desk: Desk, typed: Typed, line: Line, rule: str, words: Words) -> Handled:
    wanted = _found(desk, typed, rule)
    if typed.asks_first:
        after = _without(desk, typed, wanted)
        found = await touched(desk, space_of(typed), wanted, after)
        back = next((x for x in after.limits if x.slot == wanted.slot), None)
        panel = text_limits.preview_remove(words, wanted, back, found)
        return await propose(desk, typed, line.text, panel, words)
    await desk.quotas.governing.drop_limit(act_of(typed.requester, line.reason), wanted)
    panel = words.limit_removed(wanted, _at(desk, typed, wanted))
    return await with_undo(desk, typed, Handled(panel), ("limit remove", wanted.id), words)


def _without(desk: Desk, typed: Typed, limit: Limit) -> Policy:
    """The policy of the space with one of the admins' limits taken away."""
    space = space_of(typed).key
    mine = [x for x in desk.quotas.governing.limits(space) if x.slot != limit.slot]
    return desk.quotas.rules.policy(space).overridden_by(mine)


def _found(desk: Desk, typed: Typed, rule: str) -> Limit:
    """The limit that was set in this space under a name or id."""
    space, wanted = space_of(typed).key, rule.casefold()
    mine = desk.quotas.governing.limits(space)
    found = next((x for x in mine if wanted in {x.id.casefold(), x.name.casefold()}), None)
    if found is not None:
        return found
    base = desk.quotas.rules.policy(space).limits
    if any(wanted in {x.id.casefold(), x.name.casefold()} for x in base):
        raise MistakeError("{rule!r} is set in the config file; change it there", rule=rule)
    known = ", ".join(x.id for x in mine) or "none was set in the chat"
    raise MistakeError(
        "there is no rule {rule!r}; known: {known}", "limit remove <rule>", rule=rule, known=known
    )


def _at(desk: Desk, typed: Typed, limit: Limit) -> Limit | None:
    """The limit that holds in the place of this one."""
    policy = desk.quotas.policy(space_of(typed).key)
    return next((x for x in policy.limits if x.slot == limit.slot), None)
