"""What admins do with buttons: apply, cancel, undo."""

from dataclasses import replace

from bot import commands, pending, text_alerts, text_limits
from bot.desk import Desk, Handled, Typed, act_of
from bot.figures import amount
from bot.grammar import MistakeError
from bot.line_actions import line_of
from bot.panels import Form
from bot.pressing import Pressed, Pressing, Shown
from bot.text import Words
from quota.members import Member
from quota.prepaid import AddToBalance
from quota.undoing import ACTS_MAX
from quota.units import Amount, Unit

# What the reason of a grant says that gives a lapsed hold back.
LAPSE = "lapse"
ENTRIES_MAX = 10_000


def apply_form(desk: Desk, pressed: Pressed, words: Words) -> Form | None:
    """What cannot be undone and touches everybody is typed once more."""
    found = pending.waiting(desk, pressed.requester.member.space, pressed.subject)
    if found is None or not found.line.startswith(pending.RESET_ALL):
        return None
    return text_limits.confirm_form(words, pending.RESET_ALL, pressed.subject)


async def apply(desk: Desk, pressed: Pressed, words: Words) -> Pressing:
    """Do what was shown, unless its time has ended or the limits were changed since."""
    space = pressed.requester.member.space
    found = pending.waiting(desk, space, pressed.subject)
    if found is None or pressed.subject in desk.busy:
        return Shown(Handled(text_limits.expired(words)).card, replaces=True)
    sure = pressed.values.get("confirm", "").strip().casefold() == pending.RESET_ALL
    if found.line.startswith(pending.RESET_ALL) and not sure:
        raise MistakeError(text_limits.not_confirmed(words, pending.RESET_ALL))
    desk.busy.add(pressed.subject)
    try:
        if found.limits != pending.limits_of(desk, space):
            handled = Handled(text_limits.changed_since(words))
        else:
            typed = _typed(pressed, found.line)
            handled = await commands.carry_out(desk, typed, "quota-admin", found.line, words)
        await pending.forget(desk, space, pressed.subject)
    finally:
        desk.busy.discard(pressed.subject)
    return Shown(handled.card, replaces=True)


async def cancel(desk: Desk, pressed: Pressed, words: Words) -> Pressing:
    """Forget what was shown."""
    await pending.forget(desk, pressed.requester.member.space, pressed.subject)
    return Shown(Handled(text_limits.cancelled(words)).card, replaces=True)


async def undo(desk: Desk, pressed: Pressed, words: Words) -> Pressing:
    """Take an act back; the card that offered it goes on to say so."""
    line = f"undo {pressed.subject}"
    handled = await commands.carry_out(desk, _typed(pressed, line), "quota-admin", line, words)
    return Shown(handled.card)


def _typed(pressed: Pressed, line: str) -> Typed:
    """The line as if this requester had typed it and seen what it does."""
    typed = Typed(pressed.requester, f"/quota-admin {line}", previews=True, event=pressed.event)
    return replace(typed, applied=True)


def line_form(desk: Desk, pressed: Pressed, words: Words) -> Form:
    """The line that was typed, to be mended."""
    found = line_of(desk, pressed.requester.member.space, pressed.subject)
    return text_limits.line_form(words, found)


async def line(desk: Desk, pressed: Pressed, words: Words) -> Pressing:
    """The mended line, as if it had been typed; who may is asked as for any other."""
    said = " ".join(pressed.values.get("line", "").split()).removeprefix("/")
    if said.partition(" ")[0] not in commands.GOVERNING:
        said = f"quota-admin {said}"
    typed = Typed(pressed.requester, f"/{said}", previews=True, event=pressed.event)
    return Shown(await commands.Commands(desk).run(typed, words))


async def give_back(desk: Desk, pressed: Pressed, words: Words) -> Pressing:
    """Give a member back what a hold was charged when its process died; each hold once."""
    hold, _, member_id = pressed.subject.partition(" ")
    member = Member(pressed.requester.member.space, member_id)
    mark = f"{LAPSE} {hold}"
    governing = desk.quotas.governing
    entries = await desk.quotas.store.entries_of(member.wallet, ENTRIES_MAX)
    lapse = next((e for e in entries if e.kind == "lapse" and str(e.hold_id) == hold), None)
    if lapse is None:
        raise MistakeError(text_alerts.no_lapse(words))
    trail = await governing.audit_trail(member.space.key, lapse.at, ACTS_MAX)
    if pressed.subject in desk.busy or any(row.reason == mark for row in trail):
        raise MistakeError(text_alerts.back_already(words))
    bounds = desk.bounds(desk.last_seen(member))
    own = next((b for b in bounds if b.kind == "allowance" and b.amount is not None), None)
    unit = own.unit if own is not None else Unit.TOKENS
    charged = {Unit.TOKENS: lapse.tokens, Unit.REQUESTS: 1, Unit.CREDITS: lapse.credits or 0}
    prepaid = any(b.kind == "balance" for b in bounds) and charged[Unit.CREDITS]
    desk.busy.add(pressed.subject)
    try:
        act = act_of(pressed.requester, mark)
        if prepaid:
            back = AddToBalance(charged[Unit.CREDITS])
            await desk.quotas.prepaying.change(act, member, back)
        if own is not None or not prepaid:
            await governing.grant(act, member, Amount(charged[unit], unit), bounds)
    finally:
        desk.busy.discard(pressed.subject)
    given = unit if own is not None or not prepaid else Unit.CREDITS
    panel = text_alerts.given_back(words, member.id, amount(charged[given], given, words))
    return Shown(Handled(panel).card, replaces=True)
