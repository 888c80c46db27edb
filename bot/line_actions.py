"""A line that was mistyped can be mended in a form, where there are forms."""

from bot.panels import ACTION_CHARS_MAX, Action
from bot.text import Words

NAME = "line"
# Name, subject and owner share what an action may take; a longer line is typed again.
LINE_CHARS_MAX = ACTION_CHARS_MAX - len(NAME) - 6


def line_actions(line: str, words: Words, *, whole: bool = False) -> tuple[Action, ...]:
    """What opens the form with the line in it; `whole`: and what else an admin begins with."""
    subject = line if len(line) <= LINE_CHARS_MAX else ""
    mend = Action(NAME, words.line_label(), subject)
    if not whole:
        return (mend,)
    return (
        Action("setup", words.setup_label(), style="primary"),
        Action("notice", words.notice_label()),
        mend,
    )
