"""What stands in the forms with which admins set limits and give more."""

from collections.abc import Sequence

from bot.languages import phrase
from bot.panels import Action, Field, Form
from bot.text import Words
from bot.text_setup import per_field

# Stands for every model, and for no end of its own: a platform takes no empty choice.
ALL, END = "*", "-"
TARGETS = {
    "everyone": phrase("Limit for everyone"),
    "role": phrase("Limit for a role"),
    "member": phrase("Limit for a member"),
    "channel": phrase("Limit for a channel"),
}
UNITS = (
    ("tokens", phrase("tokens")),
    ("requests", phrase("requests")),
    ("dollars", phrase("dollars")),
)
KINDS = (
    ("allowance", phrase("unless a role or a member has another")),
    ("cap", phrase("always, in addition")),
)
ENDS = (
    (END, phrase("to the end of the period")),
    ("1d", phrase("for a day")),
    ("3d", phrase("for three days")),
    ("7d", phrase("for a week")),
    ("30d", phrase("for thirty days")),
    ("never", phrase("without an end")),
)


def limits_action(words: Words) -> Action:
    """What leads to the limits, and from there to their forms."""
    return Action("limit", words.say("Set a limit"))


def limit_actions(words: Words) -> tuple[Action, ...]:
    """What opens the form of a limit, for each whom it can be for."""
    return tuple(Action("limit", words.say(label), target) for target, label in TARGETS.items())


def grant_action(words: Words, member: str = "") -> Action:
    """What opens the form of a grant, for a member where one is spoken of."""
    return Action("grant", words.say("Give more"), member)


def typing_label(words: Words) -> str:
    """On the button that opens the form of a line with nothing in it."""
    return words.say("Write a command")


def limit_form(words: Words, target: str, models: Sequence[str]) -> Form:
    """A limit for everyone, a role, a member or a channel."""
    of_all = [(ALL, words.say("all models")), *((name, name) for name in models)]
    fields = [
        *_amount(words),
        per_field(words),
        Field("model", words.say("Model"), "choice", ALL, choices=tuple(of_all)),
    ]
    match target:
        case "role":
            fields.insert(0, Field("role", words.say("Role"), "role"))
        case "member":
            fields.insert(0, Field("member", words.say("Member"), "member"))
        case "channel":
            fields.insert(0, Field("channel", words.say("Channel"), "channel"))
        case _:
            kinds = tuple((key, words.say(label)) for key, label in KINDS)
            fields.append(Field("kind", words.say("Holds"), "choice", "allowance", choices=kinds))
    title = words.say(TARGETS[target])
    return Form("limit", title, tuple(fields), words.say("Show"), target)


def grant_form(words: Words, member: str) -> Form:
    """More for a member, or less."""
    ends = tuple((key, words.say(label)) for key, label in ENDS)
    fields = (
        Field("member", words.say("Member"), "member", member),
        *_amount(words),
        Field("until", words.say("For how long"), "choice", END, choices=ends),
        Field("reason", words.say("Why"), "long", required=False, chars_max=300),
    )
    return Form("grant", words.say("Give more"), fields, words.say("Give"), member)


def _amount(words: Words) -> tuple[Field, Field]:
    units = tuple((key, words.say(label)) for key, label in UNITS)
    return (
        Field("amount", words.say("How much"), "number", chars_max=20),
        Field("unit", words.say("Counted in"), "choice", "tokens", choices=units),
    )
