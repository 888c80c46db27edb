"""The forms of limits and grants: what is sent becomes a typed line, and does what that does."""

from bot import commands, text_forms
from bot.desk import Desk, Typed
from bot.grammar import MistakeError
from bot.panels import Form
from bot.pressing import Pressed, Pressing, Shown
from bot.text import Words


def limit_form(desk: Desk, pressed: Pressed, words: Words) -> Form | None:
    """A limit for whom the action says."""
    if pressed.subject not in text_forms.TARGETS:
        return None
    return text_forms.limit_form(words, pressed.subject, desk.chat.models.names)


async def limit(desk: Desk, pressed: Pressed, words: Words) -> Pressing:
    """Show what the limit would do, as after the typed line; at first, which limits there are."""
    if not pressed.subject:
        return await _typed(desk, pressed, "limit list", words)
    said = _said(pressed)
    line = f"limit set {_amount(said)} per {said.get('per', 'day')}"
    match pressed.subject:
        case "role" if said.get("role"):
            role = said["role"].removeprefix("@").replace('"', "")
            line += f' for @role:"{role}"'
        case "member" if said.get("member"):
            line += f" for @member:{said['member']}"
        case "channel" if said.get("channel"):
            # A limit knows its channel by the name, where the platform tells that as well.
            name = said.get("channel.name") or said["channel"]
            line += f" in #{name.removeprefix('#')}"
        case "everyone" if said:
            line += " cap" if said.get("kind") == "cap" else ""
        case _:
            raise MistakeError("nothing was chosen", "limit set 20k tokens per day")
    model = said.get("model", text_forms.ALL)
    line += f" model {model}" if model != text_forms.ALL else ""
    return await _typed(desk, pressed, line, words)


def grant_form(_desk: Desk, pressed: Pressed, words: Words) -> Form:
    """More for the member that the action names, or for one to be chosen."""
    return text_forms.grant_form(words, pressed.subject)


async def grant(desk: Desk, pressed: Pressed, words: Words) -> Pressing:
    """Give it, as the typed line does."""
    said = _said(pressed)
    if not said.get("member"):
        raise MistakeError("nothing was chosen", "grant @ana +5k tokens until 3d -- reason")
    line = f"grant @member:{said['member']} {_amount(said)}"
    until = said.get("until", text_forms.END)
    line += f" until {until}" if until != text_forms.END else ""
    line += f" -- {said['reason']}" if said.get("reason") else ""
    return await _typed(desk, pressed, line, words)


def _said(pressed: Pressed) -> dict[str, str]:
    """What was filled in, without the sign that stands before a reason."""
    return {
        key: " ".join("–" if word == "--" else word for word in value.split())
        for key, value in pressed.values.items()
    }


def _amount(said: dict[str, str]) -> str:
    number, unit = said.get("amount", ""), said.get("unit", "tokens")
    if unit == "dollars" and number and "$" not in number:
        sign = number[0] if number[0] in "+-" else ""
        return f"{sign}${number.removeprefix(sign)}"
    return f"{number} {unit}" if number and unit != "dollars" else number


async def _typed(desk: Desk, pressed: Pressed, line: str, words: Words) -> Pressing:
    """As if this admin had typed it where there are buttons."""
    typed = Typed(pressed.requester, f"/quota-admin {line}", previews=True, event=pressed.event)
    return Shown((await commands.carry_out(desk, typed, "quota-admin", line, words)).card)
