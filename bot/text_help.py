"""What can be typed, for members and for admins."""

from collections.abc import Sequence

from bot.panels import Panel, Table

_MEMBERS = (
    ("/quota", "where you stand with every limit, and when it refills"),
    ("/quota rules", "which limits apply to you, and why"),
    ("/quota more 5k tokens until 3d -- why", "ask the admins for more"),
    ("/quota history", "what you used in the last 7 days"),
    ("/quota ceiling 5k tokens per day", "hold yourself back; /quota ceiling off ends it"),
    ("/quota remind on", "be told when a limit that stopped you has opened"),
    ("/model", "the models with their prices; /model NAME chooses one"),
    ("/new", "start a new conversation"),
    ("/stop", "stop your running answer; what was generated is charged"),
    ("/chat forget everywhere · /chat settings", "what is remembered, and your choices"),
    ("/privacy export · /privacy delete", "your data"),
    ("/help tokens", "or limits, more, ceiling, models, privacy: how it works"),
)
_ADMINS = (
    ("limit set 20k tokens per day for @ana", "also for @role, everyone, in #channel"),
    ("limit list · limit remove <rule>", "all limits, with where they were set"),
    ("pool 2M tokens per month", "one budget for the whole space"),
    ("grant @ana +5k until 3d -- reason", "more for a member; -5k takes"),
    ("reset @ana · reset all", "write off what was used"),
    ("block @ana until 2h · unblock @ana", "stop a member"),
    ("requests · approve <request> · deny <request>", "who asks for more, and what becomes of it"),
    ("explain @ana", "why a member is admitted or refused"),
    ("audit 7 · undo <act>", "who changed what, the last days; take it back"),
    ("usage week by day · top 10", "what was used; also by member or model, and as csv"),
    ("channel #help thread model mini", "how the bot behaves in a channel"),
    ("model mini allow @role · fallback small", "who may use a model, and what instead"),
    ("pause · resume", "stop the bot in this space"),
    ("notice <sentence> · contact <whom>", "your own sentence at the limit, and whom to ask"),
    ("alerts #channel · thresholds 75 90", "where you hear of things, and when members do"),
    ("setup", "step by step"),
)


_STAFF = (
    ("/quota-staff show @ana", "where a member stands"),
    ("/quota-staff grant @ana 5k tokens -- reason", "more for a member, up to the staff's cap"),
    ("/quota-staff requests", "who has asked for more"),
    ("/quota-staff approve <request> · deny <request>", "decide on it"),
)


def help_panel(
    admin_prefix: str, extra: Sequence[tuple[str, str]], *, is_staff: bool = False
) -> Panel:
    """All commands; those of admins only where their prefix is given.

    What a platform says of a command in `extra` takes the place of the usual words.
    """
    rows = [row for row in _MEMBERS if not any(cmd.startswith(row[0]) for cmd, _ in extra)]
    rows += extra
    if is_staff:
        rows += _STAFF
    if admin_prefix:
        rows += [(f"{admin_prefix} {command}", what) for command, what in _ADMINS]
    lines = (
        "Every message takes from your allowance what it really used: prompt and answer.",
        "Before the model is asked, the most it may use is reserved; the rest comes back.",
    )
    return Panel("Help", "neutral", lines, table=Table(("type", "to"), tuple(rows)))
