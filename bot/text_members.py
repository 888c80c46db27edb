"""What the cards and forms of members say."""

from collections.abc import Sequence

from bot.figures import grouped, money
from bot.panels import Action, Field, Form, Panel, Table
from bot.settings import MemberSettings
from bot.text import Words
from quota.units import Rates

FOOTERS = (
    ("low", "Only when half or less is left"),
    ("always", "Under every answer"),
    ("off", "Never"),
)


def answer_stopped(words: Words, *, stopped: bool) -> Panel:
    """A running answer was stopped, or had ended already."""
    return words.done("Stop", words.stopping(1) if stopped else "This answer has ended already.")


def thanks(words: Words) -> Panel:
    """Feedback was counted."""
    return words.done("Feedback", "Thank you. It was counted without your message.")


def settings_form(_words: Words, chosen: MemberSettings, models: Sequence[str]) -> Form:
    """A member's own choices."""
    models_ = (("default", "The usual one"), *((name, name) for name in models))
    fields = (
        Field("model", "Model", "choice", chosen.model or "default", choices=models_),
        Field("footer", "What is left, under answers", "choice", chosen.footer, choices=FOOTERS),
        Field(
            *("remind", "Tell me when a limit has opened", "choice"),
            "on" if chosen.notify_reset else "off",
            choices=(("on", "Yes"), ("off", "No")),
        ),
    )
    return Form("settings", "Settings", fields, "Save")


def settings(_words: Words, chosen: MemberSettings) -> Panel:
    """What a member has chosen."""
    lines = (
        f"Model: {chosen.model or 'the usual one'}.",
        f"What is left, under answers: {dict(FOOTERS)[chosen.footer].lower()}.",
        f"Told when a limit has opened: {'yes' if chosen.notify_reset else 'no'}.",
    )
    return Panel("Settings", "neutral", lines, actions=(Action("settings", "Change"),))


def no_footer(said: str) -> str:
    """A footer that does not exist."""
    return f"{said[:40]!r} is no footer; say low, always or off"


def contact(_words: Words, whom: str) -> str:
    """Below the help."""
    return f"Questions go to {whom}."


def forgotten(_words: Words, *, everywhere: bool) -> Panel:
    """What was said is not remembered any more."""
    where = "in all conversations" if everywhere else "in this conversation"
    line = f"What you said {where} is forgotten here. The platform keeps its own messages."
    return Panel("Forgotten", "good", (line,))


def sure_to_forget(_words: Words) -> Panel:
    """Before all of it goes."""
    return Panel("Forget everything", "warning", ("All your conversations begin anew.",))


def forget_label(_words: Words) -> str:
    return "Forget everything"


def no_regenerate(_words: Words) -> str:
    """Only a platform with messages of its own can."""
    return "an answer is made anew by the button under it; here, ask again"


def models(_words: Words, rows: Sequence[tuple[str, str, Rates | None]], chosen: str) -> Panel:
    """All models, with what they cost and which one answers."""
    cells = tuple(
        ("✓" if key == chosen else "", key, name, _price(rates)) for key, name, rates in rows
    )
    line = f"{chosen} answers you." if chosen else "The usual model answers you."
    table = Table(("", "model", "name", "price per million tokens"), cells)
    return Panel("Models", "neutral", (line,), table=table)


def _price(rates: Rates | None) -> str:
    if rates is None:
        return "unknown"
    return f"{money(rates.input)} in, {money(rates.output)} out"


def exported(_words: Words) -> Panel:
    """A file with all of it."""
    line = "All that is kept about you here, as JSON. No message is among it: none is kept."
    return Panel("Your data", "good", (line,))


def export_lines(_words: Words, lines: Sequence[str], total: int) -> Panel:
    """The same where no file can be sent."""
    more = total - len(lines)
    rest = (f"… {grouped(more)} more lines; quotabot ledger export has them all.",) if more else ()
    return Panel("Your data", "neutral", (*lines, *rest))


def sure_to_delete(_words: Words) -> Panel:
    """Before it goes, with what stays."""
    lines = (
        "Deleted are your settings, your ceiling, your requests, and what was said in conversations.",
        "What you used stays counted under your id, without a word of it: limits and sums depend on it. Entries go by themselves after 400 days; to have them erased sooner, ask the operator.",
    )
    return Panel("Delete my data", "warning", lines)


def delete_label(_words: Words) -> str:
    return "Delete"


def delete_line(_words: Words) -> str:
    """Where there are no buttons."""
    return "To go on, write: /privacy delete yes"


def delete_form(_words: Words) -> Form:
    """To be typed once more."""
    field = Field("confirm", 'Type "delete" to go on', hint="delete")
    return Form("privacy", "Delete my data", (field,), "Delete")


def not_deleted(_words: Words) -> str:
    """Something else was typed."""
    return "nothing was deleted: to go on, type delete"


def deleted(_words: Words) -> Panel:
    """It is gone."""
    line = "Your settings, ceiling, requests and conversations are deleted. What you used stays counted, without a word of it."
    return Panel("Deleted", "good", (line,))
