"""What admins do with buttons: apply, cancel, undo."""

from dataclasses import replace

from bot import commands, pending, text_limits
from bot.desk import Desk, Handled, Typed
from bot.grammar import MistakeError
from bot.panels import Form
from bot.pressing import Pressed, Pressing, Shown
from bot.text import Words


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
        return Shown(Handled(text_limits.expired()).card, replaces=True)
    sure = pressed.values.get("confirm", "").strip().casefold() == pending.RESET_ALL
    if found.line.startswith(pending.RESET_ALL) and not sure:
        raise MistakeError(text_limits.not_confirmed(pending.RESET_ALL))
    desk.busy.add(pressed.subject)
    try:
        if found.limits != pending.limits_of(desk, space):
            handled = Handled(text_limits.changed_since())
        else:
            typed = _typed(pressed, found.line)
            handled = await commands.carry_out(desk, typed, "quota-admin", found.line, words)
        await pending.forget(desk, space, pressed.subject)
    finally:
        desk.busy.discard(pressed.subject)
    return Shown(handled.card, replaces=True)


async def cancel(desk: Desk, pressed: Pressed, _words: Words) -> Pressing:
    """Forget what was shown."""
    await pending.forget(desk, pressed.requester.member.space, pressed.subject)
    return Shown(Handled(text_limits.cancelled()).card, replaces=True)


async def undo(desk: Desk, pressed: Pressed, words: Words) -> Pressing:
    """Take an act back; the card that offered it goes on to say so."""
    line = f"undo {pressed.subject}"
    handled = await commands.carry_out(desk, _typed(pressed, line), "quota-admin", line, words)
    return Shown(handled.card)


def _typed(pressed: Pressed, line: str) -> Typed:
    """The line as if this requester had typed it and seen what it does."""
    typed = Typed(pressed.requester, f"/quota-admin {line}", previews=True, event=pressed.event)
    return replace(typed, applied=True)
