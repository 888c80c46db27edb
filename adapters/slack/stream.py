"""Where an answer goes: a stream of Slack's while that lasts, an edited message after that.

What stands in Slack is always known: each piece of the answer is one message, and each message
remembers what was shown in it. Where a stream dies or an answer of Slack's is lost on the way,
the message is edited to hold its whole text: nothing is lost, and nothing stands there twice.
"""

import asyncio
import logging
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

from slack_sdk.errors import SlackApiError

from adapters.slack.markup import cut, escaped, harmless, settled
from adapters.slack.panels import Json, buttons, context, ending, notification, section
from adapters.slack.post import Place, remark, say, show, upload
from adapters.slack.workspace import LOST, Workspace, error_of, retry_after_ms
from bot import text_slack
from bot.messages import Answer, Card, Duplicate, End, Failure, Refusal
from bot.pacing import Paced, SlowDownError
from bot.panels import Action
from bot.splitting import split
from bot.text import Words
from quota.clock import pause

_log = logging.getLogger(__name__)

# A stream dies about five minutes after its start; before that we end it ourselves and go on in
# the same message by editing it.
STREAM_MS = 4 * 60_000
# The markdown of a message may have 12,000 characters; the rest is for what stands below it.
PIECE_CHARS_MAX = 11_000
PIECES_MAX = 4
TEXT_CHARS_MAX = 3_000
TRIES_MAX = 5
TRY_MS = 1_000
FILE_NAME = "answer.md"

_CLOSED = re.compile(r"\n(?:`{3,8}|~{3,8})$")
# The stream is over already, so nothing needs to end it.
_OVER = frozenset({"message_not_in_streaming_state", "stopped_by_user"})
_TOO_MUCH = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long"}
)
# Somebody took the answer away, or it may not be changed any more.
_GONE = frozenset({"message_not_found", "channel_not_found", "is_archived", "not_in_channel"})


@dataclass(slots=True)
class _Part:
    """One message of the answer: how it is written, and what is known to stand in it."""

    mode: Literal["stream", "edit"] = "stream"
    ts: str = ""
    shown: str = ""
    started_at: int = 0
    is_whole: bool = False


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
        self.told_rest = False
        self._workspace = workspace
        self._place = place
        self._about = about
        self._words = words
        self._stop = stop
        self._in_thread = in_thread or place.direct
        self._text = ""
        self._parts: list[_Part] = []
        self._paced: Paced | None = None
        self._is_edited = False
        self._writing = asyncio.Lock()
        self._ended = False

    @property
    def messages(self) -> tuple[str, ...]:
        """The ids of the messages that carry the answer."""
        return tuple(f"{self._place.channel}:{part.ts}" for part in self._parts if part.ts)

    async def update(self, delta: str) -> None:
        """More of the answer; shown when it is this stream's turn."""
        self._text += delta
        if self._paced is None:
            self._paced = self._slots()
        self._paced.grew(len(delta))

    async def note(self, text: str) -> None:
        """A remark beside the answer, to whoever asked."""
        await remark(self._workspace, self._private, text)

    async def finish(self, end: End) -> None:
        """The end, after every word of the answer."""
        self._ended = True
        self._leave()
        async with self._writing:  # The last frame may be on its way still.
            pass
        try:
            await self._told(end)
        except LOST as error:
            _log.warning("an answer in %s: %s", self._place.channel, error)

    @property
    def _private(self) -> Place:
        """Where whoever asked is told something: Slack shows nothing private in an empty thread."""
        has_thread = self._in_thread or any(part.ts for part in self._parts)
        return self._place if has_thread else replace(self._place, thread="")

    # While the answer grows. One call after the other, so that none overtakes another.

    def _slots(self) -> Paced:
        """A place in line with all other answers: appends and edits are counted apart."""
        workspace = self._workspace
        self._is_edited = any(part.mode == "edit" for part in self._parts[-1:])
        if not self._parts:
            self._is_edited = not workspace.can_stream
        pacer = workspace.edits if self._is_edited else workspace.appends
        return pacer.open(self._write)

    def _leave(self) -> None:
        if self._paced is not None:
            self._paced.close()
            self._paced = None

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
            is_edited = self._parts[-1].mode == "edit" if self._parts else self._is_edited
            if is_edited != self._is_edited and not self._ended:
                self._leave()
                self._paced = self._slots()
                self._paced.grew(len(self._text) - sum(len(part.shown) for part in self._parts))
        return True

    async def _bring(self, text: str) -> None:
        """Show this much of the answer: all pieces but the last one are as they will stay."""
        pieces = split(harmless(text), PIECE_CHARS_MAX)[:PIECES_MAX]
        for number, piece in enumerate(pieces):
            part = self._part(number)
            if number + 1 < len(pieces):
                await self._complete(part, piece, [])
            else:
                await self._grow(part, unclosed(piece, text))

    def _part(self, number: int) -> _Part:
        while len(self._parts) <= number:
            mode: Literal["stream", "edit"] = "stream" if self._workspace.can_stream else "edit"
            self._parts.append(_Part(mode))
        return self._parts[number]

    async def _grow(self, part: _Part, want: str) -> None:
        if part.mode == "stream" and await self._streamed(part, want):
            return
        if want != part.shown:
            stop = [] if self._stop is None or self._workspace.is_agent else [self._stop]
            await self._edited(part, want, buttons(stop, self._about))

    async def _complete(self, part: _Part, want: str, below: Sequence[Json]) -> None:
        """Bring a message to its last text, whatever it takes."""
        if part.is_whole:
            return
        if part.mode == "stream" and await self._closed(part, want, below):
            part.is_whole = True
            return
        part.mode = "edit"
        for number in range(TRIES_MAX):
            try:
                await self._in_turn(part, want, below)
                break
            except SlackApiError as error:
                if error_of(error) in _TOO_MUCH and below:
                    below = ()
                elif error_of(error) == "streaming_state_conflict":
                    part.mode = "stream"
                    await self._end_stream(part)
                elif error_of(error) in _GONE:
                    break
            except LOST as error:
                _log.info("the end of an answer: %s", error)
            await pause(self._workspace.clock, TRY_MS * 2**number)
        else:
            _log.warning("the end of an answer in %s could not be shown", self._place.channel)
        part.is_whole = True

    async def _in_turn(self, part: _Part, want: str, below: Sequence[Json]) -> None:
        """Write the last text of a message, in line with the edits of all others."""

        async def write() -> bool:
            await self._edited(part, want, below)
            return True

        if not part.ts:
            await self._edited(part, want, below)
            return
        await self._workspace.edits.open(write).finish()

    # By Slack's own streams.

    async def _streamed(self, part: _Part, want: str) -> bool:
        """Stream up to this text; False where the message is to be edited from now on."""
        is_old = part.ts and self._workspace.clock.now() - part.started_at >= STREAM_MS
        if is_old or not want.startswith(part.shown):
            await self._end_stream(part)
            return False
        if want == part.shown:
            return True
        chunks = [{"type": "markdown_text", "text": want[len(part.shown) :]}]
        wire, channel = self._workspace.wire, self._place.channel
        try:
            if part.ts:
                await wire.chat_appendStream(channel=channel, ts=part.ts, chunks=chunks)
            else:
                part.started_at = self._workspace.clock.now()
                answer = await wire.chat_startStream(
                    channel=channel,
                    thread_ts=self._place.thread,
                    recipient_user_id=self._place.user,
                    recipient_team_id=self._workspace.who.team,
                    chunks=chunks,
                )
                part.ts = str(answer["ts"])
        except SlackApiError as error:
            return await self._stumbled(part, error)
        except LOST as error:
            # Whether it arrived is not known: the whole text is written over it.
            _log.info("a stream: %s", error)
            await self._end_stream(part)
            return False
        part.shown = want
        return True

    async def _stumbled(self, part: _Part, error: SlackApiError) -> bool:
        """A call of a stream was refused: whether the stream goes on."""
        name = error_of(error)
        if name == "ratelimited" and part.ts:
            raise SlowDownError(retry_after_ms(error))
        if name not in {"ratelimited", *_OVER}:
            _log.info("a stream was refused: %s", name)
        if name in {"unknown_method", "method_deprecated"}:
            self._workspace.can_stream = False
        if part.ts and name not in _OVER:
            await self._end_stream(part)
        part.mode = "edit"
        return False

    async def _closed(self, part: _Part, want: str, below: Sequence[Json]) -> bool:
        """End a stream with its last words; False where the message must be edited instead."""
        if not part.ts:
            return False  # It comes whole: one call instead of two.
        if not want.startswith(part.shown):
            await self._end_stream(part)
            return False
        rest = want[len(part.shown) :]
        return await self._stopped(part, rest, below, self._rest_status())

    async def _end_stream(self, part: _Part) -> None:
        """Let go of a stream whose message is edited from here on."""
        if part.mode == "stream" and part.ts:
            part.mode = "edit"
            await self._stopped(part, "", (), "processing")
        part.mode = "edit"

    async def _stopped(self, part: _Part, rest: str, below: Sequence[Json], status: str) -> bool:
        chunks = [{"type": "markdown_text", "text": rest}] if rest else None
        for _ in range(TRIES_MAX):
            try:
                await self._workspace.wire.chat_stopStream(
                    channel=self._place.channel,
                    ts=part.ts,
                    chunks=chunks,
                    blocks=list(below) or None,
                    session_status=status,
                )
            except SlackApiError as error:
                if error_of(error) != "ratelimited":
                    if error_of(error) not in _OVER:
                        _log.info("the end of a stream was refused: %s", error_of(error))
                    return False
                await pause(self._workspace.clock, retry_after_ms(error))
            except LOST as error:
                _log.info("the end of a stream: %s", error)
                return False
            else:
                part.shown += rest
                self.told_rest = self.told_rest or status == "active"
                return True
        return False

    def _rest_status(self) -> str:
        is_last = self._ended and self._workspace.is_last(self._place.channel, self._place.thread)
        return "active" if is_last else "processing"

    # By editing.

    async def _edited(self, part: _Part, want: str, below: Sequence[Json]) -> None:
        """Write the whole message anew, or post it."""
        text = cut(escaped(want), TEXT_CHARS_MAX)
        blocks = [{"type": "markdown", "text": want}, *below] if want else list(below)
        channel = self._place.channel
        if part.ts:
            await self._changed(channel, part.ts, text, blocks)
        else:
            answer = await self._workspace.web.chat_postMessage(
                channel=channel,
                thread_ts=self._place.thread or None,
                text=text,
                blocks=blocks,
                unfurl_links=False,
                unfurl_media=False,
            )
            part.ts = str(answer["ts"])
        part.shown = want

    async def _changed(self, channel: str, ts: str, text: str, blocks: Sequence[Json]) -> None:
        try:
            await self._workspace.wire.chat_update(channel=channel, ts=ts, text=text, blocks=blocks)
        except SlackApiError as error:
            if error_of(error) == "ratelimited":
                raise SlowDownError(retry_after_ms(error)) from error
            raise

    # The end.

    async def _told(self, end: End) -> None:
        match end:
            case Answer():
                await self._answered(end)
            case Refusal(_, text, actions):
                blocks = [section(text), *buttons(actions, self._about)]
                await say(self._workspace, self._private, notification(text), blocks)
            case Failure(_, text) if self._parts:
                await self._finished(self._text, [context(text)])
            case Failure(_, text):
                await say(self._workspace, self._private, notification(text), [section(text)])
            case Card():
                await show(self._workspace, self._private, end)
            case Duplicate():
                pass

    async def _answered(self, answer: Answer) -> None:
        """The last words, and below them what is to be said of the answer."""
        warnings = [self._words.notice(notice) for notice in answer.notices]
        notes = [note for note in answer.notes if self._place.direct or note not in warnings]
        below = [context(note) for note in notes]
        if answer.footer:
            below.append(context(answer.footer))
        if answer.text.strip():
            await self._finished(answer.text, [*below, *ending(answer.actions, self._about)])
        elif notes:
            text = "\n".join(notes)
            blocks = [section(text), *ending(answer.actions, self._about)]
            await say(self._workspace, self._private, notification(text), blocks)
        if not self._place.direct:
            for warning in dict.fromkeys(warnings):
                if warning in answer.notes:
                    await remark(self._workspace, self._private, warning)

    async def _finished(self, text: str, below: Sequence[Json]) -> None:
        pieces = split(harmless(text), PIECE_CHARS_MAX)
        if len(pieces) > PIECES_MAX:
            below = [context(text_slack.LONG_ANSWER), *below]
            pieces = pieces[:PIECES_MAX]
        for number, piece in enumerate(pieces):
            is_last = number + 1 == len(pieces)
            await self._complete(self._part(number), piece, below if is_last else ())
        if len(split(harmless(text), PIECE_CHARS_MAX)) > PIECES_MAX:
            with suppress(*LOST):
                # In the thread of the answer, where all may read it that read the answer.
                there = replace(self._place, direct=True)
                await upload(self._workspace, there, FILE_NAME, text.encode())


def unclosed(piece: str, text: str) -> str:
    """The last piece of a text that goes on, without the end of the code that is still open."""
    closing = _CLOSED.search(piece)
    if closing is None:
        return piece
    before = piece[: closing.start()]
    return before if text.rstrip().endswith(before[-50:]) else piece
