"""Reporting an answer to those who run the bot here: with a reason, once by each member."""

from bot import text_members
from bot.desk import Desk, Handled
from bot.grammar import MistakeError
from bot.panels import Form
from bot.pressing import Pressed, Pressing, Shown
from bot.text import Words

FLAG = "reported"
WEEK_MS = 7 * 24 * 60 * 60_000
# Of one member, until a week went by without: the admins' channel is not for flooding.
REPORTS_MAX = 10


def report_form(_desk: Desk, _pressed: Pressed, words: Words) -> Form:
    """Why it is reported."""
    return text_members.report_form(words)


async def report(desk: Desk, pressed: Pressed, words: Words) -> Pressing:
    """Tell the admins; `link` among the values is where the platform shows the answer."""
    member, why = pressed.requester.member, " ".join(pressed.values.get("why", "").split())
    if not why:
        raise MistakeError("nothing was chosen", "/help")
    governing, space = desk.quotas.governing, member.space
    mine = governing.flag(space.key, FLAG, member.id).split()
    if pressed.message in mine:
        raise MistakeError(text_members.reported_already(words))
    if len(mine) >= REPORTS_MAX:
        raise MistakeError(text_members.reported_enough(words))
    until = desk.clock.now() + WEEK_MS
    await governing.keep(space.key, FLAG, member.id, " ".join([*mine, pressed.message]), until)
    link = pressed.values.get("link", "")
    desk.news.alert(space, text_members.report(desk.words_for(space), member.id, why, link))
    return Shown(Handled(text_members.reported(words)).card)
