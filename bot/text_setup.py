"""What is said about channels, models, notices, and the guided set-up."""

from collections.abc import Sequence
from typing import NamedTuple

from bot.figures import grouped
from bot.languages import phrase
from bot.panels import Action, Field, Form, Panel, Tone
from bot.settings import ChannelSettings, ModelSettings, SpaceSettings
from bot.text import Words
from quota.limits import Limit

MODES = {
    "": phrase("as the operator says"),
    "off": phrase("does not answer"),
    "mention": phrase("answers when it is mentioned"),
    "reply": phrase("answers mentions, and replies to its messages"),
    "thread": phrase("answers in a thread, there without a mention"),
    "auto-thread": phrase("opens a thread for each question, without a mention"),
}
PERIODS = (
    ("day", phrase("a day")),
    ("hour", phrase("an hour")),
    ("week", phrase("a week")),
    ("month", phrase("a month")),
)


class SetUp(NamedTuple):
    """What a space has."""

    everyone: Sequence[Limit]
    roles: Sequence[Limit]
    shared: Sequence[Limit]
    chosen: SpaceSettings
    unpriced: Sequence[str]


def channel(words: Words, name: str, chosen: ChannelSettings) -> Panel:
    """How the bot behaves there."""
    mode = words.say(MODES[chosen.mode])
    lines = [words.say("In {channel} the bot: {mode}.", channel=words.channel(name), mode=mode)]
    if chosen.model:
        lines.append(words.say("Model: {model}.", model=chosen.model))
    if chosen.persona:
        lines.append(words.say("Persona: {persona}.", persona=chosen.persona))
    if chosen.max_reply:
        most = grouped(chosen.max_reply, words)
        lines.append(words.say("Answers of at most {n} tokens.", n=most))
    return Panel(words.say("Channel"), "good", tuple(lines))


def model(words: Words, key: str, chosen: ModelSettings) -> Panel:
    """Who may use it, and what instead."""
    roles = ", ".join(words.role(role) for role in chosen.allowed_for)
    lines = [words.say("{model} is for whom the operator says.", model=key)]
    if roles:
        lines = [words.say("{model} is for {roles}.", model=key, roles=roles)]
    if chosen.fallback:
        lines.append(words.say("In its place {model} is offered.", model=chosen.fallback))
    return Panel(words.say("Model"), "good", tuple(lines))


def unknown_persona(words: Words, name: str, known: Sequence[str]) -> str:
    """No such persona."""
    names = ", ".join(known) or words.say("none")
    return words.say("there is no persona {name!r}; known: {known}", name=name[:40], known=names)


def alerts(words: Words, name: str) -> Panel:
    """Where admins hear of things."""
    line = words.say("Alerts are shown nowhere now.")
    if name:
        line = words.say("Admins hear of it in {channel}.", channel=words.channel(name))
    return Panel(words.say("Alerts"), "good", (line,))


def contact(words: Words, whom: str) -> Panel:
    """Whom people ask."""
    line = words.say("The help names nobody now.")
    if whom:
        line = words.say("In the help people read: questions go to {whom}.", whom=whom)
    return Panel(words.say("Contact"), "good", (line,))


def thresholds(words: Words, at: Sequence[int]) -> Panel:
    """When people are told."""
    return Panel(words.say("Thresholds"), "good", (_told_at(words, at),))


def _told_at(words: Words, at: Sequence[int]) -> str:
    percents = words.say(" and ").join(words.say("{n}%", n=n) for n in at)
    return words.say("People are told at {percents} of a limit.", percents=percents)


def notice(words: Words, note: str, chosen: SpaceSettings, at: Sequence[int]) -> Panel:
    """All of it, with a button that changes it."""
    where = words.say("nowhere")
    if chosen.alert_channel:
        where = words.channel(chosen.alert_channel)
    lines = (
        words.say("At the limit people also read: {note}", note=note or words.say("nothing")),
        words.say("Questions go to: {whom}", whom=chosen.contact or words.say("nobody")),
        _told_at(words, at),
        words.say("Alerts for admins are shown: {where}.", where=where),
    )
    change = Action("notice", words.say("Change"))
    return Panel(words.say("Notices"), "neutral", lines, actions=(change,))


def notice_form(words: Words, note: str, chosen: SpaceSettings, at: Sequence[int]) -> Form:
    """All of it."""
    sentence, whom = words.say("Sentence at the limit"), words.say("Questions go to")
    told, alerts_ = words.say("Told at (percent)"), words.say("Alerts in")
    percents = " ".join(map(str, at))
    fields = (
        Field("note", sentence, "long", note, required=False, chars_max=300),
        Field("contact", whom, value=chosen.contact, required=False),
        Field("thresholds", told, value=percents, required=False),
        Field("alerts", alerts_, "channel", chosen.alert_channel, required=False),
    )
    return Form("notice", words.say("Notices"), fields, words.say("Save"))


def setup(words: Words, found: SetUp) -> Panel:
    """What is set up, what is not, and what to do next."""
    chosen = found.chosen
    lines = [
        _step(
            words,
            words.say("Allowance of each member"),
            ", ".join(x.rule.text for x in found.everyone),
            words.say(
                "none: everybody may ask without end. Write: {line}",
                line=f"{words.admin_prefix} limit set 20k tokens per day",
            ),
        ),
        _step(
            words,
            words.say("Roles"),
            ", ".join(words.limit(x) for x in found.roles),
            words.say("no role has more (optional)"),
        ),
        _step(
            words,
            words.say("Shared by all"),
            ", ".join(words.limit(x) for x in found.shared),
            words.say("no pool (optional)"),
        ),
        _step(
            words,
            words.say("Alerts"),
            words.channel(chosen.alert_channel) if chosen.alert_channel else "",
            words.say("shown nowhere. Write: {line}", line=f"{words.admin_prefix} alerts #channel"),
        ),
    ]
    if found.unpriced:
        lines.append(
            words.say(
                "– Prices: {models} has none, so a limit in money refuses it",
                models=", ".join(found.unpriced),
            )
        )
    right = bool(found.everyone) and not found.unpriced
    if chosen.set_up:
        lines.append(words.say("Set-up is done. Everything can be changed at any time."))
    elif right:
        lines.append(
            words.say(
                "Looks right. Write {line}, or press Done.", line=f"{words.admin_prefix} setup done"
            )
        )
    tone: Tone = "good" if right else "warning"
    return Panel(words.say("Set up"), tone, tuple(lines), actions=_setup_actions(words))


def _step(words: Words, what: str, found: str, missing: str) -> str:
    if found:
        return words.say("✓ {what}: {found}", what=what, found=found)
    return words.say("– {what}: {missing}", what=what, missing=missing)


def _setup_actions(words: Words) -> tuple[Action, ...]:
    return (
        Action("setup", words.say("Allowance"), "allowance"),
        Action("setup", words.say("Role"), "role"),
        Action("setup", words.say("Alerts"), "alerts"),
        Action("setup", words.say("Done"), "done", style="primary"),
    )


def per_field(words: Words) -> Field:
    """In which stretch of time it is counted."""
    periods = tuple((key, words.say(label)) for key, label in PERIODS)
    return Field("per", words.say("In"), "choice", "day", choices=periods)


def allowance_form(words: Words) -> Form:
    """How much everybody gets."""
    much = Field("amount", words.say("How much each member gets"), value="20k tokens")
    title = words.say("Allowance of each member")
    return Form("setup", title, (much, per_field(words)), words.say("Show"), "allowance")


def role_form(words: Words) -> Form:
    """How much a role gets."""
    fields = (
        Field("role", words.say("Role"), "role"),
        Field("amount", words.say("How much each who holds it gets"), value="50k tokens"),
        per_field(words),
    )
    return Form("setup", words.say("Allowance of a role"), fields, words.say("Show"), "role")


def alerts_form(words: Words, value: str) -> Form:
    """Where admins hear of things."""
    field = Field("channel", words.say("Channel"), "channel", value)
    return Form("setup", words.say("Alerts"), (field,), words.say("Save"), "alerts")
