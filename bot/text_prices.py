"""What is said of prices before a message is sent, and of how many more there is room for."""

from collections.abc import Sequence

from bot.estimates import PriceTag, Threshold
from bot.figures import amount, begun, during, grouped, money
from bot.languages import Speech, phrase
from bot.panels import Action, Field, Form, Panel
from bot.settings import MemberSettings
from bot.text_dialect import Dialect
from quota.units import Unit

FALLBACKS = (
    ("ask", phrase("Ask me")),
    ("auto", phrase("Let a cheaper model answer")),
)


def tagged(words: Speech, tag: PriceTag) -> str:
    """About 900 tokens, $0.0004, 4% of what is left today."""
    parts = [words.say("about {amount}", amount=amount(tag.tokens, Unit.TOKENS, words))]
    if tag.credits is not None:
        parts.append(money(tag.credits, words))
    if tag.limit is not None:
        window = during(tag.limit.limit.rule.window, words)
        share = words.say("{percent}% of what is left {during}", percent=tag.percent, during=window)
        if tag.limit.kind == "balance":
            share = words.say("{percent}% of your balance", percent=tag.percent)
        parts.append(share)
    return words.say("{what}.", what=begun(", ".join(parts)))


def _parts(words: Speech, tag: PriceTag) -> str:
    return words.say(
        "{input} tokens go to {model}, the answer has about {output}, at most {most}.",
        model=tag.model.key,
        input=grouped(tag.input, words),
        output=grouped(tag.output, words),
        most=grouped(tag.output_max, words),
    )


def price(words: Dialect, tag: PriceTag, room: int | None, *, fits: bool) -> Panel:
    """What a message would cost, and how many like one's own there is room for."""
    lines = [tagged(words, tag), _parts(words, tag)]
    if not fits:
        lines.append(words.say("It would be refused now."))
    if room is not None:
        lines.append(questions(words, room))
    return Panel(words.say("Price"), "neutral" if fits else "warning", tuple(lines))


def no_files(words: Speech) -> str:
    """Where a command cannot bring files: Slack sends none along with its slash commands."""
    return words.say(
        "Files cannot come with this command. In a thread, {line} counts those of its message.",
        line="!quota price",
    )


def questions(words: Speech, room: int) -> str:
    """The limits in a unit that people think in."""
    if not room:
        return words.say("There is no room for a question as long as yours usually are.")
    return words.count(
        room,
        "Room for about {n} question like yours.",
        "Room for about {n} questions like yours.",
    )


def held_back(words: Speech, tag: PriceTag, threshold: Threshold) -> str:
    """Before a message that costs more than its asker wants to be asked about."""
    above = words.say(
        "⏳ Not sent yet, because it is above {threshold}.",
        threshold=threshold_text(words, threshold),
    )
    nothing = words.say("Nothing was charged.")
    return words.joined(above, tagged(words, tag), _parts(words, tag), nothing)


def threshold_text(words: Speech, threshold: Threshold) -> str:
    """2,000 tokens; $0.01; 10% of what is left."""
    if threshold.unit is None:
        return words.say("{percent}% of what is left", percent=threshold.value)
    return amount(threshold.value, threshold.unit, words)


def send_label(words: Speech) -> str:
    return words.say("Send")


def expired(words: Speech) -> Panel:
    """It was sent, cancelled, or forgotten with a restart."""
    line = words.say(
        "This message was sent or dropped already, or has waited too long. Nothing more was charged."
    )
    return Panel(words.say("Not sent"), "neutral", (line,))


def dropped(words: Speech) -> Panel:
    """Its asker does not want it any more."""
    line = words.say("It is not sent. Nothing was charged.")
    return Panel(words.say("Not sent"), "good", (line,))


def instead(words: Speech, model: str, usual: str) -> str:
    """Said under an answer by a cheaper model."""
    return words.say(
        "{model} answered, because {usual} was at its limit for you. /quota fallback ask ends that.",
        model=model,
        usual=usual,
    )


# Choices.


def confirming(words: Speech, threshold: Threshold | None) -> Panel:
    """From which price on one is asked."""
    line = words.say("You are not asked before a message is sent.")
    if threshold is not None:
        line = words.say(
            "You are asked before a message is sent that costs more than {threshold}. {line} ends that.",
            threshold=threshold_text(words, threshold),
            line="/quota confirm off",
        )
    return Panel(words.say("Before sending"), "good", (line,))


def falling_back(words: Speech, chosen: str) -> Panel:
    """What happens at the limit of a model."""
    line = words.say("At the limit of a model you are asked whether a cheaper one shall answer.")
    if chosen == "auto":
        line = words.say(
            "At the limit of a model a cheaper one answers by itself, and says so. {line} ends that.",
            line="/quota fallback ask",
        )
    return Panel(words.say("At the limit"), "good", (line,))


def chosen_lines(
    words: Speech, chosen: MemberSettings, threshold: Threshold | None
) -> Sequence[str]:
    """Both, among all other choices."""
    asked = words.say("never")
    if threshold is not None:
        asked = words.say("above {threshold}", threshold=threshold_text(words, threshold))
    fallback = words.say(dict(FALLBACKS)[chosen.fallback])
    return (
        words.say("Asked before sending: {choice}.", choice=asked),
        words.say("At the limit: {choice}.", choice=f"{fallback[0].lower()}{fallback[1:]}"),
    )


def sending(words: Speech, chosen: MemberSettings, threshold: Threshold | None) -> Panel:
    """Both, as they are now."""
    change = Action("sending", words.say("Change"))
    lines = tuple(chosen_lines(words, chosen, threshold))
    return Panel(words.say("Before sending"), "neutral", lines, actions=(change,))


def sending_label(words: Speech) -> str:
    return words.say("Before sending")


def sending_form(words: Speech, chosen: MemberSettings) -> Form:
    """Both, to be changed."""
    fields = (
        Field(
            "confirm",
            words.say("Ask me before a message above"),
            value=chosen.confirm_above,
            hint="2k tokens, $0.01, 10%",
            required=False,
            chars_max=40,
        ),
        Field(
            "fallback",
            words.say("At the limit of a model"),
            "choice",
            chosen.fallback,
            choices=tuple((key, words.say(label)) for key, label in FALLBACKS),
        ),
    )
    return Form("sending", words.say("Before sending"), fields, words.say("Save"))


# Models.


def model_choice(words: Speech, key: str, cost: int | None, room: int | None) -> str:
    """A model with what a usual question costs, and whether there is room for one."""
    if cost is None:
        told = words.say("{model} — no known price", model=key)
    else:
        told = words.say("{model} — ≈ {money} a question", model=key, money=money(cost, words))
    if room is None:
        return told
    return f"{told} — {fits(words, room)}"


def fits(words: Speech, room: int) -> str:
    """Whether what is left is enough for a question."""
    return words.say("fits what you have left") if room else words.say("too little is left")


def room_of(words: Speech, room: int | None) -> str:
    """In the list of models; None: no limit binds."""
    if room is None:
        return words.say("unlimited")
    if not room:
        return words.say("too little is left")
    return words.count(room, "about {n} question", "about {n} questions")
