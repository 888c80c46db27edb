"""What the cards and forms of members say."""

from collections.abc import Sequence

from bot.panels import Action, Field, Form, Panel
from bot.settings import MemberSettings
from bot.text import Words

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
