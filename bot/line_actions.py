"""A line that was mistyped can be mended in a form, where there are forms."""

from secrets import token_hex

from bot import text_forms
from bot.desk import Desk, Typed, space_of
from bot.panels import ACTION_CHARS_MAX, Action
from bot.text import Words
from quota.members import Space

NAME = "line"
# Name, subject and owner share what an action may take; a longer line is kept for a while.
LINE_CHARS_MAX = ACTION_CHARS_MAX - len(NAME) - 6
KEPT_MS = 15 * 60_000
KEPT_CHARS_MAX = 1_000
_KEPT = "#"


def menu_actions(words: Words) -> tuple[Action, ...]:
    """What an admin begins with: each opens a form, or the way through several."""
    return (
        Action("setup", words.setup_label(), style="primary"),
        text_forms.limits_action(words),
        text_forms.grant_action(words),
        Action("notice", words.notice_label()),
        typing_action(words),
    )


def typing_action(words: Words) -> Action:
    """What opens the form with nothing in it."""
    return Action(NAME, text_forms.typing_label(words))


async def mending_action(desk: Desk, typed: Typed, line: str, words: Words) -> Action:
    """What opens the form with this line in it."""
    subject = line
    if len(line) > LINE_CHARS_MAX or line.startswith(_KEPT):
        subject, until = f"{_KEPT}{token_hex(4)}", desk.clock.now() + KEPT_MS
        kept = line[:KEPT_CHARS_MAX]
        await desk.quotas.governing.keep(space_of(typed).key, NAME, subject, kept, until)
    return Action(NAME, words.line_label(), subject)


def line_of(desk: Desk, space: Space, subject: str) -> str:
    """The line that an action carries; of a long one nothing is left after a while."""
    if not subject.startswith(_KEPT):
        return subject
    return desk.quotas.governing.flag(space.key, NAME, subject)
