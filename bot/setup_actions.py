"""The buttons and forms of notices and of the guided set-up: each becomes a typed line."""

from bot import commands, text_setup
from bot.desk import Desk, Handled, Typed
from bot.grammar import MistakeError
from bot.panels import Form
from bot.pressing import Pressed, Pressing, Shown
from bot.text import Words


def notice_form(desk: Desk, pressed: Pressed, words: Words) -> Form:
    """What is told at the limit, and where alerts go, as it is."""
    space, governing = pressed.requester.member.space, desk.quotas.governing
    at = governing.warn_at(space.key) or desk.quotas.rules.warn_at
    chosen = desk.settings.space(space)
    return text_setup.notice_form(words, governing.note(space.key), chosen, at)


async def notice(desk: Desk, pressed: Pressed, words: Words) -> Pressing:
    """Only what differs is changed, each by an act of its own."""
    space, governing = pressed.requester.member.space, desk.quotas.governing
    before, chosen = desk.settings.space(space), pressed.values
    at = governing.warn_at(space.key) or desk.quotas.rules.warn_at
    old = {
        "note": governing.note(space.key),
        "contact": before.contact,
        "thresholds": " ".join(map(str, at)),
        "alerts": before.alert_channel,
    }
    lines = {
        "note": "notice {}",
        "contact": "contact {}",
        "thresholds": "thresholds {}",
        "alerts": "alerts #{}",
    }
    for key, line in lines.items():
        # In a typed line two dashes would begin the reason.
        typed = chosen.get(key, old[key]).split()
        said = " ".join("–" if word == "--" else word for word in typed).removeprefix("#")
        if said == old[key]:
            continue
        empty = "thresholds default" if key == "thresholds" else line.split()[0] + " off"
        await _carry_out(desk, pressed, line.format(said) if said else empty, words)
    handled = await _carry_out(desk, pressed, "notice", words)
    return Shown(handled.card, replaces=bool(chosen))


def setup_form(desk: Desk, pressed: Pressed, words: Words) -> Form | None:
    """The form of one step; None for a step that asks nothing."""
    match pressed.subject:
        case "allowance":
            return text_setup.allowance_form(words)
        case "role":
            return text_setup.role_form(words)
        case "alerts":
            chosen = desk.settings.space(pressed.requester.member.space)
            return text_setup.alerts_form(words, chosen.alert_channel)
        case _:
            return None


async def setup(desk: Desk, pressed: Pressed, words: Words) -> Pressing:
    """One step; a limit is shown before it is set."""
    said = {key: " ".join(value.split()) for key, value in pressed.values.items()}
    match pressed.subject:
        case "allowance" if said:
            line = f"limit set {said.get('amount', '')} per {said.get('per', 'day')}"
            return Shown((await _carry_out(desk, pressed, line, words)).card)
        case "role" if said.get("role"):
            role = said["role"].removeprefix("@").replace('"', "")
            line = f"limit set {said.get('amount', '')} per {said.get('per', 'day')}"
            handled = await _carry_out(desk, pressed, f'{line} for @role:"{role}"', words)
            return Shown(handled.card)
        case "alerts" if said.get("channel"):
            await _carry_out(desk, pressed, f"alerts #{said['channel'].removeprefix('#')}", words)
            return Shown((await _carry_out(desk, pressed, "setup", words)).card, replaces=True)
        case "done" | "":
            line = f"setup {pressed.subject}".strip()
            return Shown((await _carry_out(desk, pressed, line, words)).card, replaces=True)
        case _:
            raise MistakeError("nothing was chosen", "setup")


async def _carry_out(desk: Desk, pressed: Pressed, line: str, words: Words) -> Handled:
    """As if this admin had typed it where there are buttons."""
    typed = Typed(pressed.requester, f"/quota-admin {line}", previews=True, event=pressed.event)
    return await commands.carry_out(desk, typed, "quota-admin", line, words)
