"""What members do for themselves: their conversation, their choices, their data."""

from dataclasses import replace

from bot import text_members, text_prices, text_tools
from bot.desk import Desk, Handled, Typed
from bot.grammar import MistakeError
from bot.member_actions import language_said
from bot.panels import Action
from bot.privacy import delete, export, met, written
from bot.text import Words
from bot.text_topics import TOPICS, topic

CHAT_USAGE = "/chat new | stop | forget here | forget everywhere | settings [language de]"
PRIVACY_USAGE = "/privacy export | /privacy delete"
LINES_MAX = 400


async def help_(desk: Desk, typed: Typed, rest: str, words: Words) -> Handled:
    """What can be typed; or what is behind one word of it."""
    who, said = typed.requester, rest.strip().casefold()
    if said == "tools":
        kit = await desk.chat.steps.toolbox.kit(who)
        return Handled(text_tools.mine(words, topic(words, said), kit.tools, kit.missing))
    if said in TOPICS:
        return Handled(topic(words, said))
    if said:
        raise MistakeError("the help has no {said!r}", f"/help {'|'.join(TOPICS)}", said=said[:40])
    panel = words.help(is_admin=who.is_admin, is_staff=who.is_staff)
    contact = desk.settings.space(who.member.space).contact
    if contact:
        panel = replace(panel, footer=text_members.contact(words, contact))
    return Handled(panel)


async def new(desk: Desk, typed: Typed, _rest: str, words: Words) -> Handled:
    """Begin a new conversation."""
    desk.chat.forget(typed.requester, typed.thread)
    return Handled(words.begun_anew())


async def stop(desk: Desk, typed: Typed, _rest: str, words: Words) -> Handled:
    """Stop one's own running answers."""
    stopped = desk.chat.stop_member(typed.requester.member.wallet)
    return Handled(words.done(words.stop_label(), words.stopping(stopped)))


async def chat(desk: Desk, typed: Typed, rest: str, words: Words) -> Handled:
    """`/chat new`, `stop`, `forget`, `settings`; a platform takes `regenerate` itself."""
    verb, _, more = rest.strip().partition(" ")
    match verb.casefold(), more.strip().casefold():
        case "new", _:
            return await new(desk, typed, "", words)
        case "stop", "":
            return await stop(desk, typed, "", words)
        case "forget", "" | "here":
            desk.chat.forget(typed.requester, typed.thread)
            return Handled(text_members.forgotten(words, everywhere=False))
        case "forget", "everywhere" if typed.asks_first:
            owner = typed.requester.member.id
            panel = text_members.sure_to_forget(words)
            button = Action("forget", text_members.forget_label(words), "", owner, "danger")
            return Handled(replace(panel, actions=(button,)))
        case "forget", "everywhere":
            desk.chat.forget(typed.requester, typed.thread, everywhere=True)
            return Handled(text_members.forgotten(words, everywhere=True))
        case "settings", said if not said or said.split()[0] == "language":
            return await _settings(desk, typed, said.removeprefix("language").strip(), words)
        case "regenerate", _:
            raise MistakeError(text_members.no_regenerate(words))
        case "", _:
            raise MistakeError("nothing was chosen", CHAT_USAGE)
        case _:
            raise MistakeError("/chat {said} is not understood", CHAT_USAGE, said=verb[:40])


async def _settings(desk: Desk, typed: Typed, language: str, words: Words) -> Handled:
    """One's own choices; with a language, that one from now on."""
    member = typed.requester.member
    chosen = desk.settings.member(member)
    if language:
        chosen = replace(chosen, language=language_said(language, words))
        await desk.settings.set_member(member, chosen)
    words = replace(words, language=chosen.language or words.language)
    return Handled(text_members.settings(words, chosen))


async def model(desk: Desk, typed: Typed, rest: str, words: Words) -> Handled:
    """The models with their prices; with a name, which one answers this member from now on."""
    member, name = typed.requester.member, rest.strip()
    chosen = desk.settings.member(member)
    if name:
        is_usual = name.casefold() == "default"
        key = "" if is_usual else desk.model_for(typed.requester, name, words).key
        chosen = replace(chosen, model=key)
        await desk.settings.set_member(member, chosen)
    theirs = [m for m in desk.chat.models.all if desk.chat.choosing.may_use(typed.requester, m)]
    room = await desk.chat.sending.estimates.room(typed.requester, theirs)
    rows = [(m.key, m.name, m.terms.rates, text_prices.room_of(words, room[m.key])) for m in theirs]
    return Handled(text_members.models(words, rows, chosen.model))


async def privacy(desk: Desk, typed: Typed, rest: str, words: Words) -> Handled:
    """All that is kept about a member, and letting go of what can be let go of."""
    match " ".join(rest.casefold().split()):
        case "export":
            member = typed.requester.member
            data = written(await export(desk.quotas, member, met(desk, member)))
            if typed.previews:
                panel = text_members.exported(words)
                return Handled(panel, (), (("quotabot-my-data.json", data.encode()),))
            lines = data.splitlines()
            return Handled(text_members.export_lines(words, lines[:LINES_MAX], len(lines)))
        case "delete" if typed.asks_first:
            panel = text_members.sure_to_delete(words)
            owner = typed.requester.member.id
            button = Action("privacy", text_members.delete_label(words), "", owner, "danger")
            return Handled(replace(panel, actions=(button,)))
        case "delete":
            panel = text_members.sure_to_delete(words)
            return Handled(replace(panel, footer=text_members.delete_line(words)))
        case "delete yes":
            await delete(desk, typed.requester)
            return Handled(text_members.deleted(words))
        case _:
            raise MistakeError("say export or delete", PRIVACY_USAGE)
