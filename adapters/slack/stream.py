"""Where an answer goes: into the thread of its question, while it grows.

Each piece of the answer that fits into one message is a Piece. How often they are written is
decided by the pacers of the workspace; one call after the other, so that none overtakes another.
"""

import asyncio
import logging
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from adapters.slack.failures import LOST
from adapters.slack.markup import harmless, settled
from adapters.slack.panels import Json, buttons, context, ending, notification, section
from adapters.slack.piece import Piece
from adapters.slack.post import Place, remark, say, show, upload
from adapters.slack.workspace import Workspace
from bot import text_slack
from bot.messages import Answer, Card, Duplicate, End, Failure, Refusal
from bot.pacing import Paced
from bot.panels import Action
from bot.splitting import split
from bot.text import Words
from bot.text_members import report_label

_log = logging.getLogger(__name__)

# The markdown of a message may have 12,000 characters; the rest is for what stands below it.
PIECE_CHARS_MAX = 11_000
PIECES_MAX = 4
FILE_NAME = "answer.md"

_CLOSED = re.compile(r"\n(?:`{3,8}|~{3,8})$")
# So much of a text is looked at to tell whether its code was closed by itself or by the cut.
_TAIL_CHARS = 50


class SlackStream:
    """One answer in a thread."""

    def __init__(
        self,
        workspace: Workspace,
        place: Place,
        about: str,
        words: Words,
        *,
        stop: Action | None = None,
        in_thread: bool = False,
    ) -> None:
        """Answer in this place; `about` is the id of the question.

        `in_thread`: the thread was there before. `stop` is shown where Slack has no such button.
        """
        self._workspace = workspace
        self._place = place
        self._about = about
        self._words = words
        self._stop = stop
        self._in_thread = in_thread or place.direct
        self._text = ""
        self._pieces: list[Piece] = []
        self._paced: Paced | None = None
        self._writing = asyncio.Lock()
        self._ended = False
        # What has answered, as the button says that has it answer once more.
        self.model = ""

    @property
    def messages(self) -> tuple[str, ...]:
        """The ids of the messages that carry the answer."""
        return tuple(f"{self._place.channel}:{piece.ts}" for piece in self._pieces if piece.ts)

    @property
    def told_rest(self) -> bool:
        """Whether Slack was told with the last words that the conversation rests."""
        return any(piece.told_rest for piece in self._pieces)

    @property
    def has_streamed(self) -> bool:
        """Whether Slack has shown a status by itself."""
        return any(piece.has_streamed for piece in self._pieces)

    async def update(self, delta: str) -> None:
        """More of the answer; shown when it is this stream's turn."""
        self._text += delta
        if self._paced is None:
            self._paced = self._workspace.tiers.firsts.open(self._write)
        self._paced.grew(len(delta))

    async def note(self, text: str) -> None:
        """A remark beside the answer, to whoever asked."""
        await remark(self._workspace, self._private, text)

    def ending(self) -> None:
        """The end comes within moments; that of a stream takes no slot from others."""
        if self._paced is not None and self._is_edited:
            self._paced.ending()

    async def finish(self, end: End) -> None:
        """The end, after every word of the answer."""
        self._ended = True
        if self._paced is not None:
            self._paced.close()
        async with self._writing:  # The last frame may be on its way still.
            pass
        try:
            await self._told(end)
        except LOST as error:
            _log.warning("an answer in %s: %s", self._place.channel, error)

    @property
    def _private(self) -> Place:
        """Where whoever asked is told something: Slack shows nothing private in an empty thread."""
        has_thread = self._in_thread or any(piece.ts for piece in self._pieces)
        return self._place if has_thread else replace(self._place, thread="")

    # While the answer grows.

    @property
    def _is_edited(self) -> bool:
        if self._pieces:
            return self._pieces[-1].is_edited
        return not self._workspace.can_stream

    async def _write(self) -> bool:
        """One frame."""
        async with self._writing:
            if self._ended:
                return True
            text = self._text
            try:
                await self._bring(text[: settled(text)])
            except LOST as error:
                # What is missing comes with the next words, at the latest with the last.
                _log.info("a frame of an answer: %s", error)
            if self._paced is not None and not self._ended:
                # Slack counts first words, appends and edits apart: each has its own line.
                tiers = self._workspace.tiers
                self._paced.move(tiers.edits if self._is_edited else tiers.appends)
        return True

    async def _bring(self, text: str) -> None:
        """Show this much of the answer: all pieces but the last one are as they will stay."""
        texts = split(harmless(text), PIECE_CHARS_MAX)[:PIECES_MAX]
        for number, want in enumerate(texts):
            piece = self._piece(number)
            if number + 1 < len(texts):
                await piece.complete(want, ())
            else:
                stop = [] if self._stop is None or self._workspace.is_agent else [self._stop]
                await piece.grow(unclosed(want, text), buttons(stop, self._about))

    def _piece(self, number: int) -> Piece:
        while len(self._pieces) <= number:
            self._pieces.append(Piece(self._workspace, self._place, self._rest))
        return self._pieces[number]

    def _rest(self) -> str:
        is_last = self._workspace.is_last(self._place.channel, self._place.thread)
        return "active" if self._ended and is_last else "processing"

    # The end.

    async def _told(self, end: End) -> None:
        match end:
            case Answer():
                await self._answered(end)
            case Refusal(_, text, actions):
                blocks = [section(text), *buttons(actions, self._about)]
                await say(self._workspace, self._private, notification(text), blocks)
            case Failure(_, text) if self._pieces:
                await self._finished(self._text, [context(text)])
            case Failure(_, text):
                await say(self._workspace, self._private, notification(text), [section(text)])
            case Card():
                await show(self._workspace, self._private, end)
            case Duplicate():
                pass

    async def _answered(self, answer: Answer) -> None:
        """The last words, and below them what is to be said of the answer.

        That an allowance runs low is nobody else's business: in a channel it is said in private.
        """
        warnings = {self._words.notice(notice) for notice in answer.notices}
        private = [note for note in answer.notes if note in warnings and not self._place.direct]
        notes = [note for note in answer.notes if note not in private]
        below = [context(note) for note in (*notes, answer.footer) if note]
        # The menu has room for what other platforms have in menus of their own.
        actions = (*answer.actions, Action("report", report_label(self._words)))
        below += ending(actions, self._about)
        self.model = next((a.subject for a in answer.actions if a.name == "again"), "")
        if answer.text.strip():
            await self._finished(answer.text, below)
        elif notes:
            blocks = [section("\n".join(notes)), *ending(actions, self._about)]
            await say(self._workspace, self._private, notification("\n".join(notes)), blocks)
        for warning in private:
            await remark(self._workspace, self._private, warning)

    async def _finished(self, text: str, below: Sequence[Json]) -> None:
        texts = split(harmless(text), PIECE_CHARS_MAX)
        is_long = len(texts) > PIECES_MAX
        if is_long:
            texts, below = (
                texts[:PIECES_MAX],
                [context(self._words.say(text_slack.LONG_ANSWER)), *below],
            )
        for number, want in enumerate(texts):
            is_last = number + 1 == len(texts)
            await self._piece(number).complete(want, below if is_last else ())
        if is_long:
            with suppress(*LOST):
                # In the thread: whoever reads the answer may read all of it.
                there = replace(self._place, direct=True)
                await upload(self._workspace, there, FILE_NAME, text.encode())


def unclosed(piece: str, text: str) -> str:
    """The last piece of a text that goes on, without the end of the code that is still open."""
    closing = _CLOSED.search(piece)
    if closing is None:
        return piece
    before = piece[: closing.start()]
    return before if text.rstrip().endswith(before[-_TAIL_CHARS:]) else piece
