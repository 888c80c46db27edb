"""What can be typed, for members and for admins."""

from collections.abc import Sequence

from bot.languages import Speech, phrase
from bot.panels import Panel, Table

_MEMBERS = (
    ("/quota", phrase("where you stand with every limit, and when it refills")),
    ("/quota rules", phrase("which limits apply to you, and why")),
    ("/quota more 5k tokens until 3d -- why", phrase("ask the admins for more")),
    ("/quota history", phrase("what you used in the last 7 days")),
    ("/quota receipt", phrase("what your last answer took, call by call")),
    ("/quota ceiling 5k tokens per day", phrase("hold yourself back; /quota ceiling off ends it")),
    ("/quota remind on", phrase("be told when a limit that stopped you has opened")),
    ("/quota price your message", phrase("what it would cost, before it is sent")),
    (
        "/quota confirm 2k tokens · /quota fallback auto",
        phrase("be asked before dearer messages; let a cheaper model answer at the limit"),
    ),
    ("/model", phrase("the models with their prices; /model NAME chooses one")),
    ("/new", phrase("start a new conversation")),
    ("/stop", phrase("stop your running answer; what was generated is charged")),
    ("/chat forget everywhere · /chat settings", phrase("what is remembered, and your choices")),
    ("/privacy export · /privacy delete", phrase("your data")),
    ("/help tokens", phrase("or limits, more, ceiling, models, tools, privacy: how it works")),
)
_ADMINS = (
    ("limit set 20k tokens per day for @ana", phrase("also for @role, everyone, in #channel")),
    ("limit list · limit remove <rule>", phrase("all limits, with where they were set")),
    ("pool 2M tokens per day fair", phrase("one budget for the whole space, divided fairly")),
    (
        "pool · pool +500k · pool forget",
        phrase("how it stands; more for it; let it learn anew"),
    ),
    ("grant @ana +5k until 3d -- reason", phrase("more for a member; -5k takes")),
    (
        "balance add @ana $2 · set @ana $1 · list",
        phrase("prepaid credits; with -$2 you take some out"),
    ),
    ("reset @ana · reset all", phrase("write off what was used")),
    ("block @ana until 2h · unblock @ana", phrase("stop a member")),
    (
        "requests · approve <request> · deny <request>",
        phrase("who asks for more, and what becomes of it"),
    ),
    ("explain @ana", phrase("why a member is admitted or refused")),
    ("audit 7 · undo <act>", phrase("who changed what, the last days; take it back")),
    ("usage week by day · top 10", phrase("what was used; also by member or model, and as csv")),
    ("channel #help thread model mini", phrase("how the bot behaves in a channel")),
    ("model mini allow @role · fallback small", phrase("who may use a model, and what instead")),
    ("pause · resume", phrase("stop the bot in this space")),
    (
        "notice <sentence> · contact <whom>",
        phrase("your own sentence at the limit, and whom to ask"),
    ),
    ("alerts #channel · thresholds 75 90", phrase("where you hear of things, and when members do")),
    ("setup", phrase("step by step")),
)


_STAFF = (
    ("/quota-staff show @ana", phrase("where a member stands")),
    (
        "/quota-staff grant @ana 5k tokens -- reason",
        phrase("more for a member, up to the staff's cap"),
    ),
    ("/quota-staff requests", phrase("who has asked for more")),
    ("/quota-staff approve <request> · deny <request>", phrase("decide on it")),
)


def help_panel(
    words: Speech,
    admin_prefix: str,
    extra: Sequence[tuple[str, str]],
    *,
    is_staff: bool = False,
) -> Panel:
    """All commands; those of admins only where their prefix is given.

    What a platform says of a command in `extra` takes the place of the usual words.
    """
    mine = [row for row in _MEMBERS if not any(cmd.startswith(row[0]) for cmd, _ in extra)]
    rows = [(command, words.say(what)) for command, what in mine]
    rows += extra
    if is_staff:
        rows += [(command, words.say(what)) for command, what in _STAFF]
    if admin_prefix:
        rows += [(f"{admin_prefix} {command}", words.say(what)) for command, what in _ADMINS]
    lines = (
        words.say(
            "Every message takes from your allowance what it really used: prompt and answer."
        ),
        words.say(
            "Before the model is asked, the most it may use is reserved; the rest comes back."
        ),
    )
    table = Table((words.say("type"), words.say("to")), tuple(rows))
    return Panel(words.say("Help"), "neutral", lines, table=table)
