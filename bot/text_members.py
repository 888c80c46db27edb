"""What the cards and forms of members say."""

from collections.abc import Sequence

from bot import text_prices
from bot.estimates import threshold_of
from bot.figures import grouped, money
from bot.languages import LANGUAGES, phrase
from bot.panels import Action, Field, Form, Panel, Table
from bot.settings import MemberSettings
from bot.text import Words
from quota.units import Rates

FOOTERS = (
    ("low", phrase("Only when half or less is left")),
    ("always", phrase("Under every answer")),
    ("off", phrase("Never")),
)


def answer_stopped(words: Words, *, stopped: bool) -> Panel:
    """A running answer was stopped, or had ended already."""
    line = words.stopping(1) if stopped else words.say("This answer has ended already.")
    return words.done(words.say("Stop"), line)


def thanks(words: Words) -> Panel:
    """Feedback was counted."""
    line = words.say("Thank you. It was counted without your message.")
    return words.done(words.say("Feedback"), line)


def report_label(words: Words) -> str:
    """On the row of a menu."""
    return words.say("Report")


def report_form(words: Words) -> Form:
    """Why an answer is reported."""
    field = Field("why", words.say("What is wrong with it"), "long", chars_max=300)
    return Form("report", words.say("Report an answer"), (field,), words.say("Send"))


def report(words: Words, member: str, why: str, link: str) -> Panel:
    """For the admins."""
    lines = [words.say("{who} reports an answer: {why}", who=words.who(member), why=why)]
    if link:
        lines.append(words.say("It is here: {link}", link=link))
    return Panel(words.say("Report"), "warning", tuple(lines))


def reported(words: Words) -> Panel:
    """To the one who reported it."""
    return words.done(words.say("Report"), words.say("Thank you. The admins here were told."))


def reported_already(words: Words) -> str:
    """A second time."""
    return words.say("you have reported this answer already")


def reported_enough(words: Words) -> str:
    """Too often."""
    return words.say("you have reported much lately; write to an admin instead")


def settings_form(
    words: Words,
    chosen: MemberSettings,
    models: Sequence[tuple[str, str]],
    personas: Sequence[str] = (),
) -> Form:
    """A member's own choices; `models` with what stands beside each."""
    models_ = (("default", words.say("The usual one")), *models)
    footers = tuple((key, words.say(label)) for key, label in FOOTERS)
    switch = (("on", words.say("Yes")), ("off", words.say("No")))
    reminded = "on" if chosen.notify_reset else "off"
    model, footer = words.say("Model"), words.say("What is left, under answers")
    remind = words.say("Tell me when a limit has opened")
    fields: tuple[Field, ...] = (
        Field("model", model, "choice", chosen.model or "default", choices=models_),
        Field("footer", footer, "choice", chosen.footer, choices=footers),
        Field("remind", remind, "choice", reminded, choices=switch),
        _language_field(words, chosen),
    )
    if personas:
        choices = (("default", words.say("None")), *((name, name) for name in personas))
        now = chosen.persona if chosen.persona in personas else "default"
        persona = Field("persona", words.say("Persona"), "choice", now, choices=choices)
        fields = (fields[0], persona, *fields[1:])
    return Form("settings", words.say("Settings"), fields, words.say("Save"))


def _language_field(words: Words, chosen: MemberSettings) -> Field:
    languages = (("default", words.say("As in my app")), *LANGUAGES.items())
    now = chosen.language or "default"
    return Field("language", words.say("Language"), "choice", now, choices=languages)


def settings(words: Words, chosen: MemberSettings) -> Panel:
    """What a member has chosen."""
    usual = words.say("the usual one")
    footer = words.say(dict(FOOTERS)[chosen.footer])
    language = LANGUAGES.get(chosen.language) or words.say("as in your app")
    yes = words.say("yes") if chosen.notify_reset else words.say("no")
    persona = [words.say("Persona: {persona}.", persona=chosen.persona)] if chosen.persona else []
    lines = (
        words.say("Model: {model}.", model=chosen.model or usual),
        *persona,
        words.say(
            "What is left, under answers: {choice}.", choice=f"{footer[0].lower()}{footer[1:]}"
        ),
        words.say("Told when a limit has opened: {choice}.", choice=yes),
        *text_prices.chosen_lines(words, chosen, threshold_of(chosen.confirm_above)),
        words.say("Language: {language}.", language=language),
    )
    change = Action("settings", words.say("Change"))
    sending = Action("sending", text_prices.sending_label(words))
    return Panel(words.say("Settings"), "neutral", lines, actions=(change, sending))


def no_language(words: Words, said: str) -> str:
    """A language in which there are no sentences."""
    known = ", ".join(LANGUAGES)
    return words.say("{said!r} is no language here; known: {known}", said=said[:40], known=known)


def no_footer(words: Words, said: str) -> str:
    """A footer that does not exist."""
    return words.say("{said!r} is no footer; say low, always or off", said=said[:40])


def contact(words: Words, whom: str) -> str:
    """Below the help."""
    return words.say("Questions go to {whom}.", whom=whom)


def forgotten(words: Words, *, everywhere: bool) -> Panel:
    """What was said is not remembered any more."""
    line = words.say(
        "What you said in this conversation is forgotten here. The platform keeps its own messages."
    )
    if everywhere:
        line = words.say(
            "What you said in all conversations is forgotten here. The platform keeps its own messages."
        )
    return Panel(words.say("Forgotten"), "good", (line,))


def sure_to_forget(words: Words) -> Panel:
    """Before all of it goes."""
    line = words.say("All your conversations begin anew.")
    return Panel(words.say("Forget everything"), "warning", (line,))


def forget_label(words: Words) -> str:
    return words.say("Forget everything")


def no_regenerate(words: Words) -> str:
    """Only a platform with messages of its own can."""
    return words.say("an answer is made anew by the button under it; here, ask again")


def models(words: Words, rows: Sequence[tuple[str, str, Rates | None, str]], chosen: str) -> Panel:
    """All models, with what they cost, for how much there is room, and which one answers."""
    cells = tuple(
        ("✓" if key == chosen else "", key, name, price(words, rates), room)
        for key, name, rates, room in rows
    )
    line = words.say("The usual model answers you.")
    if chosen:
        line = words.say("{model} answers you.", model=chosen)
    price_ = words.say("price per million tokens")
    columns = ("", words.say("model"), words.say("name"), price_, words.say("you have left"))
    return Panel(words.say("Models"), "neutral", (line,), table=Table(columns, cells))


def price(words: Words, rates: Rates | None) -> str:
    """What a million tokens cost."""
    if rates is None:
        return words.say("unknown")
    return words.say(
        "{input} in, {output} out",
        input=money(rates.input, words),
        output=money(rates.output, words),
    )


def exported(words: Words) -> Panel:
    """A file with all of it."""
    line = words.say(
        "All that is kept about you here, as JSON. No message is among it: none is kept."
    )
    return Panel(words.say("Your data"), "good", (line,))


def export_lines(words: Words, lines: Sequence[str], total: int) -> Panel:
    """The same where no file can be sent."""
    more = total - len(lines)
    rest = words.say(
        "… {n} more lines; quotabot privacy export has them all.", n=grouped(more, words)
    )
    return Panel(words.say("Your data"), "neutral", (*lines, rest) if more else tuple(lines))


def sure_to_delete(words: Words) -> Panel:
    """Before it goes, with what stays."""
    lines = (
        words.say(
            "Deleted are your settings, your ceiling, your requests, and what was said in conversations."
        ),
        words.say(
            "What you used stays counted, under a name that leads back to nobody; who comes back finds it until its periods end. What admins set for you, such as a block, stays theirs."
        ),
    )
    return Panel(words.say("Delete my data"), "warning", lines)


def delete_label(words: Words) -> str:
    return words.say("Delete")


def delete_line(words: Words) -> str:
    """Where there are no buttons."""
    return words.say("To go on, write: {line}", line="/privacy delete yes")


def delete_form(words: Words) -> Form:
    """To be typed once more."""
    label = words.say('Type "{word}" to go on', word="delete")
    field = Field("confirm", label, hint="delete")
    return Form("privacy", words.say("Delete my data"), (field,), words.say("Delete"))


def not_deleted(words: Words) -> str:
    """Something else was typed."""
    return words.say("nothing was deleted: to go on, type delete")


def deleted(words: Words) -> Panel:
    """It is gone."""
    line = words.say(
        "Your settings, ceiling, requests and conversations are deleted. What you used stays counted, under a name that leads back to nobody."
    )
    return Panel(words.say("Deleted"), "good", (line,))
