"""What can be typed, for members and for admins."""

from collections.abc import Sequence

from bot.panels import Panel, Table

_MEMBERS = (
    ("/quota", "where you stand with every limit, and when it refills"),
    ("/quota rules", "which limits apply to you, and why"),
    ("/new", "start a new conversation"),
    ("/stop", "stop your running answer; what was generated is charged"),
)
_ADMINS = (
    ("limit set 20k tokens per day for @ana", "also for @role, everyone, in #channel"),
    ("limit list · limit remove <rule>", "all limits, with where they were set"),
    ("pool 2M tokens per month", "one budget for the whole space"),
    ("grant @ana +5k until 3d -- reason", "more for a member; -5k takes"),
    ("reset @ana", "write off what was used"),
    ("block @ana until 2h · unblock @ana", "stop a member"),
    ("explain @ana", "why a member is admitted or refused"),
    ("audit 7", "who changed what, the last days"),
    ("pause · resume", "stop the bot in this space"),
    ("notice <sentence>", "your own sentence at the limit"),
)


def help_panel(admin_prefix: str, extra: Sequence[tuple[str, str]]) -> Panel:
    """All commands; those of admins only where their prefix is given.

    What a platform says of a command in `extra` takes the place of the usual words.
    """
    rows = [row for row in _MEMBERS if not any(cmd.startswith(row[0]) for cmd, _ in extra)]
    rows += extra
    if admin_prefix:
        rows += [(f"{admin_prefix} {command}", what) for command, what in _ADMINS]
    lines = (
        "Every message takes from your allowance what it really used: prompt and answer.",
        "Before the model is asked, the most it may use is reserved; the rest comes back.",
    )
    return Panel("Help", "neutral", lines, table=Table(("type", "to"), tuple(rows)))
