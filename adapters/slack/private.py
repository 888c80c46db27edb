"""A private answer: Slack shows it to one person, whole, and forgets it when they reload."""

import logging
from collections.abc import Sequence

from adapters.slack.failures import LOST
from adapters.slack.markup import cut, escaped, harmless
from adapters.slack.panels import Json, buttons, context, markdown, notification, section
from adapters.slack.post import Place, remark, say, show
from adapters.slack.workspace import Workspace
from bot.messages import Answer, Card, Duplicate, End, Failure, Refusal
from bot.splitting import split
from bot.text import Words

_log = logging.getLogger(__name__)

PIECE_CHARS_MAX = 11_000
# Slack takes five answers to one command.
PIECES_MAX = 4
TEXT_CHARS_MAX = 3_000


class PrivateStream:
    """One answer for one person's eyes. Slack has no way to let such a message grow."""

    messages: tuple[str, ...] = ()
    told_rest = True
    has_streamed = False

    def __init__(self, workspace: Workspace, place: Place, words: Words, about: str) -> None:
        """Answer in this place."""
        self._workspace = workspace
        self._place = place
        self._words = words
        self._about = about
        self._text = ""

    async def update(self, delta: str) -> None:
        """More of the answer, shown at its end."""
        self._text += delta

    async def note(self, text: str) -> None:
        """A remark beside the answer."""
        await remark(self._workspace, self._place, text)

    def ending(self) -> None:
        """Nothing is shown before the end."""

    async def finish(self, end: End) -> None:
        """The whole answer, or why there is none."""
        try:
            match end:
                case Answer():
                    below = [context(note) for note in (*end.notes, end.footer) if note]
                    await self._say(end.text, below)
                case Refusal(_, text, actions):
                    await self._say("", [section(text), *buttons(actions, self._about)], text)
                case Failure(_, text):
                    await self._say(self._text, [section(text)], text)
                case Card():
                    await show(self._workspace, self._place, end)
                case Duplicate():
                    pass
        except LOST as error:
            _log.warning("a private answer in %s: %s", self._place.channel, error)

    async def _say(self, text: str, below: Sequence[Json], plain: str = "") -> None:
        pieces = split(harmless(text), PIECE_CHARS_MAX)[:PIECES_MAX] or [""]
        for number, piece in enumerate(pieces):
            blocks = [markdown(piece)] if piece else []
            if number + 1 == len(pieces):
                blocks += below
            told = cut(escaped(piece), TEXT_CHARS_MAX) or notification(plain)
            if blocks:
                await say(self._workspace, self._place, told, blocks)
