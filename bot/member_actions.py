"""What members do with the buttons under their answers, refusals and cards."""

import logging
from dataclasses import replace
from typing import get_args

from bot import privacy, quota_views, text_members, text_prices, text_setup
from bot.desk import Desk, Handled, Typed
from bot.grammar import MistakeError
from bot.languages import named
from bot.messages import Ask
from bot.panels import Form
from bot.permissions import may_press
from bot.pressing import AskAgain, Pressed, Pressing, Shown
from bot.settings import FooterMode, MemberSettings
from bot.text import Words

_log = logging.getLogger(__name__)

NOTHING = {"", "-", "default", "none"}


async def again(_desk: Desk, pressed: Pressed, _words: Words) -> Pressing:
    """The same question once more, by the same model or the one that is named."""
    return AskAgain("again", pressed.subject)


async def onward(_desk: Desk, pressed: Pressed, _words: Words) -> Pressing:
    """Go on where the answer was cut."""
    return AskAgain("onward", pressed.subject)


async def use(desk: Desk, pressed: Pressed, words: Words) -> Pressing:
    """The same question by another model."""
    if desk.chat.models.find(pressed.subject) is None:
        raise MistakeError(words.unknown_model(pressed.subject, desk.chat.models.names))
    return AskAgain("again", pressed.subject)


async def room(_desk: Desk, _pressed: Pressed, _words: Words) -> Pressing:
    """The same question as soon as there is room for it."""
    return AskAgain("again", waits=True)


async def stop(desk: Desk, pressed: Pressed, words: Words) -> Pressing:
    """Stop one running answer; what was generated is charged, nothing more."""
    event = Ask(pressed.subject, pressed.requester, "").event
    asker = desk.chat.asker(event)
    # Whom the button calls its owner is what somebody says; whose answer it is, is known here.
    if asker is not None and not may_press(pressed.requester, "stop", asker.member.id):
        return Shown(Handled(words.not_yours()).card)
    stopped = desk.chat.stop(event)
    return Shown(Handled(text_members.answer_stopped(words, stopped=stopped)).card)


async def feedback(_desk: Desk, pressed: Pressed, words: Words) -> Pressing:
    """Counted in the log by model and space, without a word of the message."""
    space = pressed.requester.member.space.key
    _log.info("feedback %s on %s in %s", pressed.name, pressed.message or "an answer", space)
    return Shown(Handled(text_members.thanks(words)).card)


async def quota(desk: Desk, pressed: Pressed, words: Words) -> Pressing:
    """One's own card; a view of it where the action names one."""
    typed = Typed(pressed.requester, "/quota", previews=True, message=pressed.message)
    return Shown((await quota_views.quota(desk, typed, pressed.subject, words)).card)


async def remind(desk: Desk, pressed: Pressed, words: Words) -> Pressing:
    """Tell me when it is back, from now on."""
    return Shown((await quota_views.remind(desk, pressed.requester, "on", words)).card)


def settings_form(desk: Desk, pressed: Pressed, words: Words) -> Form:
    """One's own choices, as they are."""
    asker, chat = pressed.requester, desk.chat
    chosen, estimates = desk.settings.member(asker.member), chat.sending.estimates
    models = [
        (m.key, text_prices.model_choice(words, m.key, cost, None))
        for m in chat.models.all
        if chat.choosing.may_use(asker, m)
        for cost in (estimates.usual_cost(asker, m.terms.rates),)
    ]
    return text_members.settings_form(words, chosen, models, tuple(chat.settings.personas))


async def settings(desk: Desk, pressed: Pressed, words: Words) -> Pressing:
    """What was chosen in the form; without one, what is chosen now."""
    member = pressed.requester.member
    if pressed.values:
        await desk.settings.set_member(member, _chosen(desk, pressed, words))
    chosen = desk.settings.member(member)
    words = replace(words, language=chosen.language or words.language)
    return Shown(Handled(text_members.settings(words, chosen)).card, replaces=bool(pressed.values))


def _chosen(desk: Desk, pressed: Pressed, words: Words) -> MemberSettings:
    """The settings that a form says; what it leaves out stays as it is."""
    before, said = desk.settings.member(pressed.requester.member), pressed.values
    model = said.get("model", before.model)
    model = "" if model.casefold() in NOTHING else model
    if model and model != before.model:
        desk.model_for(pressed.requester, model, words)
    persona = said.get("persona", before.persona)
    persona = "" if persona.casefold() in NOTHING else persona
    if persona and persona != before.persona and persona not in desk.chat.settings.personas:
        known = tuple(desk.chat.settings.personas)
        raise MistakeError(text_setup.unknown_persona(words, persona, known))
    footer = said.get("footer", before.footer)
    found: FooterMode | None = next((x for x in get_args(FooterMode) if x == footer), None)
    if found is None:
        raise MistakeError(text_members.no_footer(words, footer))
    language = language_said(said.get("language", before.language), words)
    remind_ = said.get("remind", "on" if before.notify_reset else "off")
    notify = remind_ == "on"
    return replace(
        before,
        model=model,
        persona=persona,
        footer=found,
        notify_reset=notify,
        language=language,
    )


def language_said(text: str, words: Words) -> str:
    """The language that somebody names; empty: that of their platform."""
    language = named(text)
    if not language and text.strip().casefold() not in NOTHING:
        raise MistakeError(text_members.no_language(words, text))
    return language


async def forget(desk: Desk, pressed: Pressed, words: Words) -> Pressing:
    """Forget all that was said, in every conversation."""
    desk.chat.forget(pressed.requester, everywhere=True)
    return Shown(Handled(text_members.forgotten(words, everywhere=True)).card, replaces=True)


def delete_form(_desk: Desk, _pressed: Pressed, words: Words) -> Form:
    """What is to go is typed once more."""
    return text_members.delete_form(words)


async def delete(desk: Desk, pressed: Pressed, words: Words) -> Pressing:
    """Let go of one's own data."""
    if pressed.values.get("confirm", "").strip().casefold() != "delete":
        raise MistakeError(text_members.not_deleted(words))
    await privacy.delete(desk, pressed.requester)
    return Shown(Handled(text_members.deleted(words)).card, replaces=True)
