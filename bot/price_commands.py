"""What a message would cost, from which price on one is asked, and what happens at the limit."""

import re
from dataclasses import replace

from bot import text_prices
from bot.choosing import Chosen, NotAllowed
from bot.desk import Desk, Handled, Typed
from bot.estimates import threshold_of
from bot.grammar import MistakeError
from bot.messages import NO_FILES, Ask
from bot.panels import Form
from bot.pressing import AskAgain, Pressed, Pressing, Shown
from bot.settings import Fallback
from bot.text import Words
from bot.turns import Turn

PRICE_USAGE = "/quota price [--model small] how do I boil an egg"
CONFIRM_USAGE = "/quota confirm 2k tokens | $0.01 | 10% | off"
FALLBACK_USAGE = "/quota fallback ask|auto"
_MODEL = re.compile(r"--model[ =]+(\S+)(?:\s+|$)")


async def price(desk: Desk, typed: Typed, rest: str, words: Words) -> Handled:
    """What a message would cost with its files; it is neither sent nor remembered."""
    model = _MODEL.match(rest)
    text = rest[model.end() :] if model is not None else rest
    files = typed.files or NO_FILES
    if not text and not any(files):
        raise MistakeError("write the message behind it", PRICE_USAGE)
    name = model[1] if model is not None else typed.model
    ask = Ask("", typed.requester, text, name, typed.thread).carrying(files)
    tag = await priced(desk, ask, words)
    if typed.files is None:
        lines = (*tag.panel.lines, text_prices.no_files(words))
        return tag._replace(panel=replace(tag.panel, lines=lines))
    return tag


async def priced(desk: Desk, ask: Ask, words: Words) -> Handled:
    """The price tag of an ask, as it would be sent now."""
    chat, quotas, now = desk.chat, desk.quotas, desk.clock.now()
    chosen = chat.choosing.choose(ask, now, quotas.rules.zone)
    if not isinstance(chosen, Chosen):
        if isinstance(chosen, NotAllowed):
            raise MistakeError(words.model_not_allowed(chosen.model, chosen.roles))
        raise MistakeError(words.unknown_model(chosen.name, chat.choosing.names(ask.requester)))
    turn = Turn(ask, now)
    prompt = await chat.preparing.prompt(turn, chosen, chat.settings, words)
    estimates, terms = chat.sending.estimates, chosen.model.terms
    side = await chat.preparing.besides(turn, chosen, prompt, chat.models, chat.settings)
    asked = (ask.requester, chosen.model, prompt, chosen.output_max)
    tag = await estimates.tag(*asked, side)
    balances = await quotas.balances(ask.requester, terms)
    room = await estimates.questions(ask.requester, balances, terms.rates)
    request = turn.request(terms, prompt.expected, chosen.output_max, now)
    fits = await quotas.would_refuse(request) is None
    panel = text_prices.price(words, tag, room, fits=fits)
    return Handled(replace(panel, lines=(*panel.lines, *turn.notes)), balances)


async def confirm(desk: Desk, typed: Typed, rest: str, words: Words) -> Handled:
    """From which price on one is asked before a message is sent."""
    member = typed.requester.member
    chosen = desk.settings.member(member)
    if rest:
        threshold = threshold_of(rest)
        chosen = replace(chosen, confirm_above=threshold.text if threshold is not None else "")
        await desk.settings.set_member(member, chosen)
    return Handled(text_prices.confirming(words, threshold_of(chosen.confirm_above)))


async def fallback(desk: Desk, typed: Typed, rest: str, words: Words) -> Handled:
    """Whether a cheaper model answers by itself at the limit of one."""
    member = typed.requester.member
    chosen = desk.settings.member(member)
    if rest:
        chosen = replace(chosen, fallback=_fallback(rest))
        await desk.settings.set_member(member, chosen)
    return Handled(text_prices.falling_back(words, chosen.fallback))


def _fallback(text: str) -> Fallback:
    match text.casefold():
        case "ask":
            return "ask"
        case "auto":
            return "auto"
        case _:
            raise MistakeError("it is ask or auto", FALLBACK_USAGE)


# Buttons and forms.


async def send(desk: Desk, pressed: Pressed, words: Words) -> Pressing:
    """The message that was held back, as it was written."""
    ask = desk.chat.sending.take(pressed.subject, pressed.requester.member)
    if ask is None:
        return Shown(Handled(text_prices.expired(words)).card)
    # The roles of now; the channel in which it was asked.
    asker = replace(pressed.requester, channel=ask.requester.channel)
    return AskAgain("again", ask=replace(ask, requester=asker))


async def drop(desk: Desk, pressed: Pressed, words: Words) -> Pressing:
    """It is not sent any more."""
    ask = desk.chat.sending.take(pressed.subject, pressed.requester.member)
    panel = text_prices.dropped(words) if ask is not None else text_prices.expired(words)
    return Shown(Handled(panel).card, replaces=True)


def sending_form(desk: Desk, pressed: Pressed, words: Words) -> Form:
    """One's own choices for the moment before a message is sent, as they are."""
    return text_prices.sending_form(words, desk.settings.member(pressed.requester.member))


async def sending(desk: Desk, pressed: Pressed, words: Words) -> Pressing:
    """What was chosen in the form; without one, what is chosen now."""
    member, said = pressed.requester.member, pressed.values
    chosen = desk.settings.member(member)
    if said:
        threshold = threshold_of(said.get("confirm", chosen.confirm_above))
        above = threshold.text if threshold is not None else ""
        how = _fallback(said.get("fallback", chosen.fallback))
        chosen = replace(chosen, confirm_above=above, fallback=how)
        await desk.settings.set_member(member, chosen)
    panel = text_prices.sending(words, chosen, threshold_of(chosen.confirm_above))
    return Shown(Handled(panel).card, replaces=bool(said))
