"""Limits set, listed and removed by admins."""

from bot.desk import Desk, Handled, Typed, act_of, space_of
from bot.grammar import Line, MistakeError, parse_limit_line
from bot.text import Words
from quota.limits import Limit
from quota.members import Scope


async def limit(desk: Desk, typed: Typed, line: Line, words: Words) -> Handled:
    """`limit set`, `limit list`, `limit remove`."""
    sub, _, rest = line.rest.partition(" ")
    match sub.casefold():
        case "set":
            return await _set(desk, typed, line, _parsed(desk, rest), words)
        case "list":
            return Handled(words.limits(desk.quotas.policy(space_of(typed).key).limits))
        case "remove":
            return await _remove(desk, typed, line, rest.strip(), words)
        case _:
            raise MistakeError(
                "limit is set, list or remove", "limit set 20k tokens per day for everyone"
            )


async def pool(desk: Desk, typed: Typed, line: Line, words: Words) -> Handled:
    """One budget for the whole space."""
    wanted = _parsed(desk, line.rest)
    if wanted.scope.kind != "everyone" or wanted.kind != "allowance":
        raise MistakeError("a pool is for the whole space", "pool 2M tokens per day")
    budget = Limit(Scope("space"), "shared", wanted.rule, wanted.models, "chat")
    return await _set(desk, typed, line, budget, words)


def _parsed(desk: Desk, text: str) -> Limit:
    rules = desk.quotas.rules
    return parse_limit_line(text, desk.is_role, rules.zone, rules.week_start)


async def _set(desk: Desk, typed: Typed, line: Line, wanted: Limit, words: Words) -> Handled:
    before = _at(desk, typed, wanted)
    act = act_of(typed.requester, line.reason)
    await desk.quotas.governing.set_limit(act, wanted, before)
    return Handled(words.limit_set(wanted, before))


async def _remove(desk: Desk, typed: Typed, line: Line, rule: str, words: Words) -> Handled:
    wanted = _found(desk, typed, rule)
    await desk.quotas.governing.drop_limit(act_of(typed.requester, line.reason), wanted)
    return Handled(words.limit_removed(wanted, _at(desk, typed, wanted)))


def _found(desk: Desk, typed: Typed, rule: str) -> Limit:
    """The limit that was set in this space under a name or id."""
    space, wanted = space_of(typed).key, rule.casefold()
    mine = desk.quotas.governing.limits(space)
    found = next((x for x in mine if wanted in {x.id.casefold(), x.name.casefold()}), None)
    if found is not None:
        return found
    base = desk.quotas.rules.policy(space).limits
    if any(wanted in {x.id.casefold(), x.name.casefold()} for x in base):
        raise MistakeError(f"{rule!r} is set in the config file; change it there")
    known = ", ".join(x.id for x in mine) or "none was set in the chat"
    raise MistakeError(f"there is no rule {rule!r}; known: {known}", "limit remove <rule>")


def _at(desk: Desk, typed: Typed, limit: Limit) -> Limit | None:
    """The limit that holds in the place of this one."""
    policy = desk.quotas.policy(space_of(typed).key)
    return next((x for x in policy.limits if x.slot == limit.slot), None)
