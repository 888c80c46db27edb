"""What is said about channels, models, notices, and the guided set-up."""

from collections.abc import Sequence
from typing import NamedTuple

from bot.figures import grouped
from bot.panels import Action, Field, Form, Panel, Tone
from bot.settings import ChannelSettings, ModelSettings, SpaceSettings
from bot.text import Words
from quota.limits import Limit

MODES = {
    "": "as the operator says",
    "off": "does not answer",
    "mention": "answers when it is mentioned",
    "reply": "answers mentions, and replies to its messages",
    "thread": "answers in a thread, there without a mention",
    "auto-thread": "opens a thread for each question, without a mention",
}
PERIODS = (("day", "a day"), ("hour", "an hour"), ("week", "a week"), ("month", "a month"))


class SetUp(NamedTuple):
    """What a space has."""

    everyone: Sequence[Limit]
    roles: Sequence[Limit]
    shared: Sequence[Limit]
    chosen: SpaceSettings
    unpriced: Sequence[str]


def channel(words: Words, name: str, chosen: ChannelSettings) -> Panel:
    """How the bot behaves there."""
    lines = [f"In {words.channel(name)} the bot: {MODES[chosen.mode]}."]
    if chosen.model:
        lines.append(f"Model: {chosen.model}.")
    if chosen.persona:
        lines.append(f"Persona: {chosen.persona}.")
    if chosen.max_reply:
        lines.append(f"Answers of at most {grouped(chosen.max_reply)} tokens.")
    return Panel("Channel", "good", tuple(lines))


def model(words: Words, key: str, chosen: ModelSettings) -> Panel:
    """Who may use it, and what instead."""
    roles = ", ".join(words.role(role) for role in chosen.allowed_for)
    lines = [f"{key} is for {roles}." if roles else f"{key} is for whom the operator says."]
    if chosen.fallback:
        lines.append(f"In its place {chosen.fallback} is offered.")
    return Panel("Model", "good", tuple(lines))


def unknown_persona(name: str, known: Sequence[str]) -> str:
    """No such persona."""
    return f"there is no persona {name[:40]!r}; known: {', '.join(known) or 'none'}"


def alerts(words: Words, name: str) -> Panel:
    """Where admins hear of things."""
    line = (
        f"Admins hear of it in {words.channel(name)}." if name else "Alerts are shown nowhere now."
    )
    return Panel("Alerts", "good", (line,))


def contact(_words: Words, whom: str) -> Panel:
    """Whom people ask."""
    line = (
        f"In the help people read: questions go to {whom}."
        if whom
        else "The help names nobody now."
    )
    return Panel("Contact", "good", (line,))


def thresholds(_words: Words, at: Sequence[int]) -> Panel:
    """When people are told."""
    return Panel("Thresholds", "good", (f"People are told at {_percents(at)} of a limit.",))


def _percents(at: Sequence[int]) -> str:
    return " and ".join(f"{n}%" for n in at)


def notice(words: Words, note: str, chosen: SpaceSettings, at: Sequence[int]) -> Panel:
    """All of it, with a button that changes it."""
    where = words.channel(chosen.alert_channel) if chosen.alert_channel else "nowhere"
    lines = (
        f"At the limit people also read: {note or 'nothing'}",
        f"Questions go to: {chosen.contact or 'nobody'}",
        f"People are told at {_percents(at)} of a limit.",
        f"Alerts for admins are shown: {where}.",
    )
    return Panel("Notices", "neutral", lines, actions=(Action("notice", "Change"),))


def notice_form(_words: Words, note: str, chosen: SpaceSettings, at: Sequence[int]) -> Form:
    """All of it."""
    fields = (
        Field("note", "Sentence at the limit", "long", note, required=False, chars_max=300),
        Field("contact", "Questions go to", value=chosen.contact, required=False),
        Field("thresholds", "Told at (percent)", value=" ".join(map(str, at)), required=False),
        Field("alerts", "Alerts in", "channel", chosen.alert_channel, required=False),
    )
    return Form("notice", "Notices", fields, "Save")


def setup(words: Words, found: SetUp) -> Panel:
    """What is set up, what is not, and what to do next."""
    chosen = found.chosen
    shared = ", ".join(words.limit(x) for x in found.shared)
    lines = [
        _step(
            "Allowance of each member",
            ", ".join(x.rule.text for x in found.everyone),
            "none: everybody may ask without end. Write: limit set 20k tokens per day",
        ),
        _step(
            "Roles", ", ".join(words.limit(x) for x in found.roles), "no role has more (optional)"
        ),
        _step("Shared by all", shared, "no pool (optional)"),
        _step(
            "Alerts",
            words.channel(chosen.alert_channel) if chosen.alert_channel else "",
            "shown nowhere. Write: alerts #channel",
        ),
    ]
    if found.unpriced:
        names = ", ".join(found.unpriced)
        lines.append(f"– Prices: {names} has none, so a limit in money refuses it")
    right = bool(found.everyone) and not found.unpriced
    if chosen.set_up:
        lines.append("Set-up is done. Everything can be changed at any time.")
    elif right:
        lines.append("Looks right. Write setup done, or press Done.")
    tone: Tone = "good" if right else "warning"
    return Panel("Set up", tone, tuple(lines), actions=_setup_actions())


def _step(what: str, found: str, missing: str) -> str:
    return f"✓ {what}: {found}" if found else f"– {what}: {missing}"


def _setup_actions() -> tuple[Action, ...]:
    return (
        Action("setup", "Allowance", "allowance"),
        Action("setup", "Role", "role"),
        Action("setup", "Alerts", "alerts"),
        Action("setup", "Done", "done", style="primary"),
    )


def allowance_form(_words: Words) -> Form:
    """How much everybody gets."""
    fields = (
        Field("amount", "How much each member gets", value="20k tokens"),
        Field("per", "In", "choice", "day", choices=PERIODS),
    )
    return Form("setup", "Allowance of each member", fields, "Show", "allowance")


def role_form(_words: Words) -> Form:
    """How much a role gets."""
    fields = (
        Field("role", "Role", "role"),
        Field("amount", "How much each who holds it gets", value="50k tokens"),
        Field("per", "In", "choice", "day", choices=PERIODS),
    )
    return Form("setup", "Allowance of a role", fields, "Show", "role")


def alerts_form(_words: Words, value: str) -> Form:
    """Where admins hear of things."""
    return Form(
        "setup", "Alerts", (Field("channel", "Channel", "channel", value),), "Save", "alerts"
    )
