"""What members do for themselves: where they stand, their conversation, their own choices."""

from bot.desk import Desk, Handled, Typed
from bot.grammar import MistakeError
from bot.messages import Ask
from bot.text import Words


async def quota(desk: Desk, typed: Typed, view: str, words: Words) -> Handled:
    """Where one stands with every limit, or which limits bind and why."""
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
    return Handled(words.help(is_admin=typed.requester.is_admin))


async def new(desk: Desk, typed: Typed, _rest: str, words: Words) -> Handled:
    """Begin a new conversation."""
    ask = Ask("", typed.requester, "", thread=typed.thread)
    desk.chat.conversations.forget(ask.conversation)
    return Handled(words.done("New conversation", "Earlier messages are left out from here on."))


async def stop(desk: Desk, typed: Typed, _rest: str, words: Words) -> Handled:
    """Stop one's own running answers."""
    stopped = desk.chat.stop_member(typed.requester.member.wallet)
    return Handled(words.done("Stop", words.stopping(stopped)))
