"""What members do for themselves: where they stand, their conversation, their own choices."""

from bot import request_commands
from bot.desk import Desk, Handled, Typed
from bot.grammar import MistakeError
from bot.text import Words


async def quota(desk: Desk, typed: Typed, view: str, words: Words) -> Handled:
    """Where one stands with every limit, or which limits bind and why; or ask for more."""
    first, _, rest = view.strip().partition(" ")
    if first.casefold() == "more":
        return await request_commands.more(desk, typed, rest, words)
    requester = typed.requester
    model = desk.chat.models.find(typed.model) or desk.chat.models.default
    balances = await desk.quotas.balances(requester, model.terms)
    match view.strip().casefold():
        case "" | "summary":
            grants = await desk.quotas.governing.grants(requester.member)
            return Handled(words.quota("you", balances, grants), balances)
        case "rules":
            policy = desk.quotas.policy(requester.member.space.key)
            reasons = policy.reasons(requester, model.terms.names)
            return Handled(words.rules("you", reasons), balances)
        case "history" | "receipt":
            raise MistakeError(f"/quota {view.strip()} is not part of this version", "/quota")
        case _:
            said = view.strip()[:40]
            raise MistakeError(f"/quota has no view {said!r}", "/quota [summary|rules]")


async def help_(_desk: Desk, typed: Typed, _rest: str, words: Words) -> Handled:
    """What can be typed."""
    who = typed.requester
    return Handled(words.help(is_admin=who.is_admin, is_staff=who.is_staff))


async def new(desk: Desk, typed: Typed, _rest: str, words: Words) -> Handled:
    """Begin a new conversation."""
    desk.chat.forget(typed.requester, typed.thread)
    return Handled(words.done("New conversation", "Earlier messages are left out from here on."))


async def stop(desk: Desk, typed: Typed, _rest: str, words: Words) -> Handled:
    """Stop one's own running answers."""
    stopped = desk.chat.stop_member(typed.requester.member.wallet)
    return Handled(words.done("Stop", words.stopping(stopped)))
