"""The commands as Discord shows them: names, options, and the typed line that each one stands for.

One table. A line is in the grammar that every platform has (bot/grammar.py), so what a command
does and says is not known here. `[…]` is left out unless its option was given.
"""

from collections.abc import Mapping

from adapters.discord.entries import Entry, Menu, Option

ASK_CHARS_MAX = 6_000
REASON_CHARS_MAX = 300

_REASON = Option("reason", "Why; it stands in the audit log", most=REASON_CHARS_MAX)
_UNTIL = Option("until", "Such as 3d, 2h, never")
_MODEL = Option("model", "Which model", completes="model")
_PERSONA = Option("persona", "Which persona", completes="persona")
_FILE = Option("file", "An image, a PDF or a text file", "file")
_PER = Option("per", "hour, day, week, month, 6h, rolling 24h", required=True, most=40)
_MODES = ("off", "mention", "reply", "thread", "auto-thread")

MEMBER_ENTRIES = (
    Entry(
        "ask",
        "Ask the bot",
        "",
        (
            Option("prompt", "What you want to know", required=True, most=ASK_CHARS_MAX),
            _MODEL,
            _PERSONA,
            _FILE,
            Option("private", "Only you see the answer", "flag"),
        ),
        does="ask",
    ),
    Entry(
        "quota",
        "Where you stand: what is left, and when it refills",
        "/quota[ {view}]",
        (
            Option(
                "view",
                "What to show",
                choices=("summary", "history", "rules", "receipt"),
                plain="summary",
            ),
            Option("share", "Show it to everybody here", "flag"),
        ),
    ),
    Entry(
        "chat new",
        "Begin a new conversation, in a thread where there can be one",
        "/chat new",
        (
            Option("title", "What it is about", most=80),
            _MODEL,
            _PERSONA,
            Option("private", "A thread that only you are in", "flag"),
        ),
        does="begin",
    ),
    Entry("chat stop", "Stop your running answers", "/chat stop"),
    Entry(
        "chat regenerate",
        "Answer your last question here again",
        "/chat regenerate",
        (_MODEL,),
        does="again",
    ),
    Entry(
        "chat forget",
        "Forget what was said",
        "/chat forget {scope}",
        (Option("scope", "Where", required=True, choices=("here", "everywhere")),),
    ),
    Entry(
        "chat price",
        "What a message would cost",
        "/quota price[ --model {model}] {prompt}",
        (
            Option("prompt", "What you want to know", required=True, most=ASK_CHARS_MAX),
            _MODEL,
            _FILE,
        ),
    ),
    Entry(
        "chat confirm",
        "Be asked before a message that costs more",
        "/quota confirm {above}",
        (Option("above", "Such as 2k tokens, $0.01, 10%, or off", required=True, most=40),),
    ),
    Entry(
        "chat fallback",
        "At the limit of a model: be asked, or have a cheaper one answer",
        "/quota fallback {choice}",
        (Option("choice", "Which", required=True, choices=("ask", "auto")),),
    ),
    Entry("chat settings", "Your model, persona, footer and reminders", "settings", does="form"),
    Entry(
        "chat ceiling",
        "A lower limit that you set for yourself",
        "/quota ceiling {amount}[ per {per}]",
        (
            Option("amount", "Such as 5k tokens, or off", required=True, most=40),
            Option("per", "hour, day, week, month", most=40),
        ),
    ),
    Entry(
        "chat remind",
        "Tell me when my allowance is back",
        "/quota remind {switch}",
        (Option("switch", "On or off", required=True, choices=("on", "off")),),
    ),
    Entry("privacy export", "What the bot keeps about you, as a file", "/privacy export"),
    Entry("privacy delete", "Have it forgotten", "/privacy delete"),
    Entry(
        "help",
        "How to use the bot",
        "/help[ {topic}]",
        (Option("topic", "What about", completes="topic"),),
    ),
)

ADMIN_ENTRIES = (
    Entry(
        "quota-admin limit set",
        "Set a limit; you see whom it touches before it holds",
        "limit set {amount}[ {unit}] per {per}[ for {target}][ in {channel}][ model {model}]"
        "[ {kind}][ -- {reason}]",
        (
            Option("amount", "Such as 20k, 1.5M, $0.40, unlimited", required=True, most=40),
            _PER,
            Option("target", "A member or a role; empty: everyone", "target"),
            Option("channel", "Only there", "channel"),
            _MODEL,
            Option(
                "kind",
                "An allowance for each, or a cap that always binds",
                choices=("allowance", "cap"),
                plain="allowance",
            ),
            Option("unit", "What is counted", choices=("tokens", "credits", "messages")),
            _REASON,
        ),
    ),
    Entry(
        "quota-admin limit list",
        "All limits, and where each was set",
        "limit list[ {target}][ model {model}]",
        (Option("target", "A member or a role", "target"), _MODEL),
    ),
    Entry(
        "quota-admin limit remove",
        "Remove a limit that was set here",
        "limit remove {rule}[ -- {reason}]",
        (Option("rule", "Which limit", required=True, completes="rule"), _REASON),
    ),
    Entry(
        "quota-admin member grant",
        "Give a member more, or take something",
        "grant {member} {amount}[ until {expires}][ -- {reason}]",
        (
            Option("member", "Who", "member", required=True),
            Option("amount", "Such as +20k, -5k, $2", required=True, most=40),
            Option("expires", "End of the window unless given: 3d, never"),
            _REASON,
        ),
    ),
    Entry(
        "quota-admin member reset",
        "Write off what was used",
        "reset {member}[ {window}][ -- {reason}]",
        (
            Option("member", "Who; empty: all", "member"),
            Option("window", "Which limit", completes="window"),
            _REASON,
        ),
    ),
    Entry(
        "quota-admin member block",
        "Let a member ask nothing",
        "block {member}[ until {until}][ -- {reason}]",
        (Option("member", "Who", "member", required=True), _UNTIL, _REASON),
    ),
    Entry(
        "quota-admin member unblock",
        "Let a member ask again",
        "unblock {member}[ -- {reason}]",
        (Option("member", "Who", "member", required=True), _REASON),
    ),
    Entry(
        "quota-admin member explain",
        "Why a member is admitted or refused, rule by rule",
        "explain {member}[ model {model}][ in {channel}]",
        (
            Option("member", "Who", "member", required=True),
            _MODEL,
            Option("channel", "Where", "channel"),
        ),
    ),
    Entry(
        "quota-admin balance add",
        "Put something into a member's balance, or take it out",
        "balance add {member} {amount}[ -- {reason}]",
        (
            Option("member", "Who", "member", required=True),
            Option("amount", "Such as $2, -$0.50", required=True, most=40),
            _REASON,
        ),
    ),
    Entry(
        "quota-admin balance set",
        "Set what is left of a member's balance",
        "balance set {member} {amount}[ -- {reason}]",
        (
            Option("member", "Who", "member", required=True),
            Option("amount", "Such as $1", required=True, most=40),
            _REASON,
        ),
    ),
    Entry("quota-admin balance list", "Who has how much", "balance list"),
    Entry(
        "quota-admin pool set",
        "One budget for the whole server",
        "pool {amount} per {per}[ {share}][ floor {floor}][ lend {lend}][ -- {reason}]",
        (
            Option("amount", "Such as 2M, $20", required=True, most=40),
            _PER,
            Option(
                "share", "Divided fairly, or first come", choices=("fair", "free"), plain="free"
            ),
            Option("floor", "Kept for everyone who comes, such as 5k", most=40),
            Option("lend", "How much of what is free is lent, such as 80%", most=4),
            _REASON,
        ),
    ),
    Entry("quota-admin pool show", "How each pool stands", "pool"),
    Entry(
        "quota-admin pool add",
        "More or less for this period",
        "pool {amount}[ -- {reason}]",
        (Option("amount", "Such as +20k, -5k, $2", required=True, most=40), _REASON),
    ),
    Entry(
        "quota-admin pool forget",
        "Let pools forget a day that must not teach the next ones",
        "pool forget[ -- {reason}]",
        (_REASON,),
    ),
    Entry(
        "quota-admin usage report",
        "What was used",
        "usage[ {range}][ by {by}][ {format}]",
        (
            Option("from", "A date, or today, week, month"),
            Option("to", "A date"),
            Option("by", "For each", choices=("member", "model", "platform", "day")),
            Option("format", "How", choices=("card", "csv"), plain="card"),
        ),
    ),
    Entry(
        "quota-admin usage top",
        "Who used most",
        "top[ {count}][ {period}]",
        (
            Option("period", "Of when", choices=("today", "week", "month"), plain="month"),
            Option("count", "How many", "number", most=25),
        ),
    ),
    Entry(
        "quota-admin channel set",
        "When the bot answers in a channel, and how",
        "channel {channel} {mode}[ model {model}][ persona {persona}][ max {max_reply}]"
        "[ -- {reason}]",
        (
            Option("channel", "Where", "channel", required=True),
            Option("mode", "When it answers", required=True, choices=_MODES),
            _MODEL,
            _PERSONA,
            Option("max_reply", "Tokens of one answer at most", "number", most=1_000_000),
            _REASON,
        ),
    ),
    Entry(
        "quota-admin model set",
        "Who may use a model, and what comes instead",
        "model {model} allow {allowed_for}[ -- {reason}]\n"
        "model {model} fallback {fallback}[ -- {reason}]\nmodel {model}",
        (
            Option("model", "Which model", required=True, completes="model"),
            Option("allowed_for", "A role", "target"),
            Option("fallback", "A cheaper model to offer", completes="model"),
            _REASON,
        ),
    ),
    Entry("quota-admin notice set", "Your sentence at the limit", "notice", does="form"),
    Entry(
        "quota-admin request list",
        "Who asks for more",
        "requests[ {state}]",
        (Option("state", "Which", choices=("open", "done"), plain="open"),),
    ),
    Entry(
        "quota-admin audit",
        "Who changed what; with undo",
        "audit[ {days}][ by {actor}][ to {target}]",
        (
            Option("actor", "Who did it", "member"),
            Option("target", "To whom", "target"),
            Option("days", "How far back", "number", most=365),
        ),
    ),
    Entry(
        "quota-admin pause",
        "Answer nothing for a while",
        "pause[ until {until}][ -- {reason}]",
        (_UNTIL, _REASON),
    ),
    Entry("quota-admin resume", "Answer again", "resume[ -- {reason}]", (_REASON,)),
    Entry("quota-admin setup", "Set the bot up, step by step", "setup"),
)

STAFF_ENTRIES = (
    Entry(
        "quota-staff show",
        "Where a member stands",
        "show {member}",
        (Option("member", "Who", "member", required=True),),
    ),
    Entry(
        "quota-staff grant",
        "Give a member a little more",
        "grant {member} {amount} -- {reason}",
        (
            Option("member", "Who", "member", required=True),
            Option("amount", "Such as +5k", required=True, most=40),
            Option("reason", "Why", required=True, most=REASON_CHARS_MAX),
        ),
    ),
    Entry("quota-staff requests", "Who asks for more", "requests"),
)

ENTRIES = (*MEMBER_ENTRIES, *ADMIN_ENTRIES, *STAFF_ENTRIES)

MENUS = (
    Menu("Ask about this", "message", "about"),
    Menu("Show cost", "message", "cost"),
    Menu("Regenerate", "message", "again"),
    Menu("Quota of this member", "member", "member", staff=True),
)

# What the groups and the commands with subcommands are about.
GROUPS: Mapping[str, str] = {
    "chat": "Your conversations",
    "privacy": "What the bot keeps about you",
    "quota-admin": "Govern limits, members and channels",
    "quota-admin limit": "Limits",
    "quota-admin member": "One member",
    "quota-admin balance": "Prepaid credits",
    "quota-admin pool": "The budget of the server",
    "quota-admin usage": "What was used",
    "quota-admin channel": "Channels",
    "quota-admin model": "Models",
    "quota-admin notice": "Your sentence at the limit",
    "quota-admin request": "Requests for more",
    "quota-staff": "Help members",
}
