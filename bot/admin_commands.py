"""What admins do to members and to the space: give, take, stop, explain, look back."""

from dataclasses import replace

from bot import pool_commands, text_forms, text_limits
from bot.desk import Desk, Handled, Typed, act_of, space_of
from bot.grammar import Line, MistakeError, parse_amount_word, parse_until
from bot.pending import propose
from bot.text import Words
from bot.undo_commands import with_undo
from quota.accounting import Estimate
from quota.calls import CallRequest
from quota.members import Member

# What a short question takes: for "would it be answered now?".
SHORT_INPUT = 50


async def grant(desk: Desk, typed: Typed, line: Line, words: Words) -> Handled:
    """Add to a member's allowance, or take from it."""
    usage = "grant @ana +5k tokens until 3d -- reason"
    target, rest = desk.member_of(typed.requester, line.rest, usage)
    if (kept := pool_commands.keeps(rest)) is not None:
        return await pool_commands.keep(desk, typed, line, words, desk.last_seen(target), kept)
    amount_part, until = parse_until(rest, desk.clock.now())
    amount = parse_amount_word(amount_part, usage)
    requester = desk.last_seen(target)
    act = act_of(typed.requester, line.reason)
    row = await desk.quotas.governing.grant(act, target, amount, desk.bounds(requester), until)
    balances = await desk.balances(requester)
    done = Handled(words.granted(target.id, row, balances), balances)
    action = "grant" if row.amount > 0 else "take"
    return await with_undo(desk, typed, done, (action, target.wallet), words)


async def reset(desk: Desk, typed: Typed, line: Line, words: Words) -> Handled:
    """Write off what a member has used."""
    usage = "reset @ana [rule] -- reason"
    if line.rest.split()[:1] == ["all"]:
        return await _reset_all(desk, typed, line, words)
    target, rest = desk.member_of(typed.requester, line.rest, usage)
    requester = desk.last_seen(target)
    act = act_of(typed.requester, line.reason)
    bounds = desk.bounds(requester)
    balances = await desk.quotas.governing.reset(act, target, bounds, rest.strip())
    return Handled(words.was_reset(target.id, balances), await desk.balances(requester))


async def _reset_all(desk: Desk, typed: Typed, line: Line, words: Words) -> Handled:
    """Write off what everybody has used; each member has a row of their own in the audit."""
    rule = line.rest.partition(" ")[2].strip()
    mine = f"{space_of(typed).key}:"
    wallets = [w for w in await desk.quotas.store.wallets() if w.startswith(mine)]
    found, counted = [], False
    for wallet in wallets:
        requester = desk.last_seen(Member.from_wallet(wallet))
        own = [b for b in desk.bounds(requester) if b.kind in {"allowance", "cap"}]
        wanted = [b for b in own if rule.casefold() in {"", b.limit.id.casefold()}]
        counted = counted or bool(wanted)
        now = desk.clock.now()
        balances = await desk.quotas.store.balances(wallet, tuple(wanted), now)
        if any(balance.used for balance in balances):
            found.append((requester.member, wanted))
    if rule and not counted:
        raise MistakeError(
            "nobody has a limit {rule!r} of their own", "reset all [rule]", rule=rule[:60]
        )
    if typed.asks_first:
        panel = text_limits.preview_reset(words, len(found))
        return await propose(desk, typed, line.text, panel, words)
    act = act_of(typed.requester, line.reason)
    for member, bounds in found:
        await desk.quotas.governing.reset(act, member, bounds, rule)
    return Handled(text_limits.was_reset_all(words, len(found)))


async def block(desk: Desk, typed: Typed, line: Line, words: Words) -> Handled:
    """Stop a member from asking."""
    usage = "block @ana until 2h -- reason"
    target, rest = desk.member_of(typed.requester, line.rest, usage)
    leftover, until = parse_until(rest, desk.clock.now())
    _nothing_more(leftover, usage)
    act = act_of(typed.requester, line.reason)
    value = line.reason or "on"
    await desk.quotas.governing.switch(act, "block", target.wallet, value, until)
    done = Handled(words.blocked(target.id, until))
    return await with_undo(desk, typed, done, ("block", target.wallet), words)


async def unblock(desk: Desk, typed: Typed, line: Line, words: Words) -> Handled:
    """Let a member ask again."""
    target, leftover = desk.member_of(typed.requester, line.rest, "unblock @ana")
    _nothing_more(leftover, "unblock @ana -- reason")
    act = act_of(typed.requester, line.reason)
    changed = await desk.quotas.governing.switch(act, "block", target.wallet, "")
    done = Handled(words.unblocked(target.id, was=changed))
    return await with_undo(desk, typed, done, ("unblock", target.wallet), words)


async def explain(desk: Desk, typed: Typed, line: Line, words: Words) -> Handled:
    """Why a member would be admitted or refused now, rule by rule."""
    usage = "explain @ana [model mini] [in #channel]"
    target, rest = desk.member_of(typed.requester, line.rest, usage)
    model_name, channel = _explain_options(rest, usage)
    model = desk.chat.models.find(model_name)
    if model is None:
        raise MistakeError(words.unknown_model(model_name, desk.chat.models.names))
    requester = desk.last_seen(target, channel)
    reasons = desk.quotas.policy_for(requester).reasons(requester, model.terms.names)
    balances = await desk.quotas.balances(requester, model.terms)
    verdict = await desk.quotas.would_refuse(
        CallRequest(requester, model.terms, SHORT_INPUT, model.output_max, "", "", desk.clock.now())
    )
    estimate = Estimate(
        SHORT_INPUT, model.output_max, desk.quotas.rules.output_floor, model.terms.rates
    )
    pools = await pool_commands.explained(desk, requester, model.terms, estimate, words)
    lines = (words.known_of(requester.roles, model.key), words.verdict(verdict), *pools)
    panel = words.explained(words.who(target.id), lines, reasons, balances)
    actions = (text_forms.grant_action(words, target.id),) if typed.previews else ()
    return Handled(replace(panel, actions=actions), balances)


async def pause(desk: Desk, typed: Typed, line: Line, words: Words) -> Handled:
    """Answer nobody in this space."""
    leftover, until = parse_until(line.rest, desk.clock.now())
    _nothing_more(leftover, "pause [until 2h] -- reason")
    act = act_of(typed.requester, line.reason)
    await desk.quotas.governing.switch(act, "pause", "", line.reason or "on", until)
    done = Handled(words.paused(until))
    return await with_undo(desk, typed, done, ("pause", ""), words)


async def resume(desk: Desk, typed: Typed, line: Line, words: Words) -> Handled:
    """Answer again."""
    _nothing_more(line.rest, "resume -- reason")
    act = act_of(typed.requester, line.reason)
    changed = await desk.quotas.governing.switch(act, "pause", "", "")
    done = Handled(words.resumed(was=changed))
    return await with_undo(desk, typed, done, ("pause off", ""), words)


def _nothing_more(leftover: str, usage: str) -> None:
    if leftover:
        raise MistakeError("{said!r} is not understood", usage, said=leftover)


def _explain_options(rest: str, usage: str) -> tuple[str, str]:
    """`model M` and `in #channel`, in any order."""
    model, channel = "", "general"
    words = rest.split()
    while words:
        if words[0].casefold() == "model" and len(words) > 1:
            model, words = words[1], words[2:]
        elif words[0].casefold() == "in" and len(words) > 1 and words[1].startswith("#"):
            channel, words = words[1][1:], words[2:]
        else:
            raise MistakeError("{said!r} is not understood", usage, said=words[0])
    return model, channel
