"""What members do for themselves: where they stand, their conversation, their own choices."""

from bot.desk import Desk, Handled, Typed
from bot.text import Words


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
