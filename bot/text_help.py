"""What can be typed, for members and for admins."""

from collections.abc import Sequence

from bot.panels import Panel, Table

_MEMBERS = (
    ("/quota", "where you stand with every limit, and when it refills"),
    ("/quota rules", "which limits apply to you, and why"),
    ("/quota more 5k tokens until 3d -- why", "ask the admins for more"),
    ("/new", "start a new conversation"),
    ("/stop", "stop your running answer; what was generated is charged"),
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
    ("pause · resume", "stop the bot in this space"),
    ("notice <sentence>", "your own sentence at the limit"),
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
