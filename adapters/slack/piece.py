"""One message of an answer: a stream of Slack's while that lasts, an edited message after that.

What stands in Slack is always known. Where a stream dies, or Slack's answer is lost on the way,
the message is edited to hold its whole text: nothing is lost, and nothing stands there twice.
"""

import logging
import re
from collections.abc import Callable, Sequence
from contextlib import suppress

from slack_sdk.errors import SlackApiError

from adapters.slack import history
from adapters.slack.failures import LOST, error_of, retry_after_ms
from adapters.slack.markup import cut, escaped
from adapters.slack.panels import Json
from adapters.slack.post import Place
from adapters.slack.workspace import Workspace
from bot.pacing import SlowDownError
from quota.clock import pause

_log = logging.getLogger(__name__)

# A stream dies about five minutes after its start; before that we end it ourselves and go on in
# the same message by editing it.
STREAM_MS = 4 * 60_000
TEXT_CHARS_MAX = 3_000
TRIES_MAX = 5
TRY_MS = 1_000
# Slack's clock and ours may differ by so much.
SKEW_MS = 60_000
FOUND_CHARS = 50

# The stream is over already, so nothing needs to end it.
_OVER = frozenset({"message_not_in_streaming_state", "stopped_by_user", "message_not_found"})
_TOO_MUCH = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long"}
)
# Somebody took the answer or its channel away.
_GONE = frozenset({"message_not_found", "channel_not_found", "is_archived", "not_in_channel"})
_NO_STREAMS = frozenset({"unknown_method", "method_deprecated", "missing_scope"})


class Piece:
    """One message. `rest` says which status a conversation has once this stream has ended."""

    def __init__(self, workspace: Workspace, place: Place, rest: Callable[[], str]) -> None:
        """Nothing stands in Slack yet."""
        self.ts = ""
        self.shown = ""
        self.is_edited = not workspace.can_stream
        self.is_whole = False
        self.told_rest = False
        self.has_streamed = False
        self._workspace = workspace
        self._place = place
        self._rest = rest
        self._is_open = False
        self._started_at = 0

    async def grow(self, want: str, below: Sequence[Json] = ()) -> None:
        """Show this much, and `below` where the message is edited.

        SlowDownError where the bucket is empty; another error where nothing could be shown.
        """
        if want == self.shown:
            return
        if not self.is_edited and await self._streamed(want):
            return
        await self._edited(want, below)

    async def complete(self, want: str, below: Sequence[Json]) -> None:
        """Bring the message to its last text, whatever it takes."""
        if self.is_whole:
            return
        self.is_whole = True
        if not self.is_edited and await self._closed(want, below):
            return
        self.is_edited = True
        for number in range(TRIES_MAX):
            try:
                await self._edited_in_turn(want, below)
            except SlackApiError as error:
                name = error_of(error)
                if name in _GONE:
                    return
                if name in _TOO_MUCH:
                    below = ()
                if name == "streaming_state_conflict":
                    await self._stopped("", (), "processing")
            except LOST as error:
                _log.info("the end of an answer: %s", error)
            else:
                return
            await pause(self._workspace.clock, TRY_MS * 2**number)
        _log.warning("the end of an answer in %s could not be shown", self._place.channel)

    # By a stream.

    async def _streamed(self, want: str) -> bool:
        """Stream up to this text; False where the message is edited from now on."""
        is_old = self.ts and self._workspace.clock.now() - self._started_at >= STREAM_MS
        if is_old or not want.startswith(self.shown):
            await self._end_stream()
            return False
        if not self.ts and not self._workspace.tiers.begins(self):
            self.is_edited = True
            return False
        chunks = [{"type": "markdown_text", "text": want[len(self.shown) :]}]
        wire, channel = self._workspace.wire, self._place.channel
        try:
            if self.ts:
                await wire.chat_appendStream(channel=channel, ts=self.ts, chunks=chunks)
            else:
                self._started_at = self._workspace.clock.now()
                answer = await wire.chat_startStream(
                    channel=channel,
                    thread_ts=self._place.thread,
                    recipient_user_id=self._place.user,
                    recipient_team_id=self._workspace.people.team_of(self._place.user),
                    chunks=chunks,
                )
                self.ts, self._is_open, self.has_streamed = str(answer["ts"]), True, True
        except SlackApiError as error:
            name = error_of(error)
            if name == "ratelimited" and self.ts:
                raise SlowDownError(retry_after_ms(error)) from error
            if name in _NO_STREAMS:
                self._workspace.can_stream = False
            _log.info("a stream was refused: %s", name)
            self._is_open = self._is_open and name not in _OVER
            await self._end_stream()
            return False
        except LOST as error:
            # Whether it arrived is not known: the whole text is written over it.
            _log.info("a stream: %s", error)
            await self._find(want)
            await self._end_stream()
            return False
        self._note_written()
        self.shown = want
        return True

    async def _closed(self, want: str, below: Sequence[Json]) -> bool:
        """End the stream with its last words; False where the message must be edited instead."""
        if not self.ts:
            return False  # It comes whole: one call instead of two.
        if not want.startswith(self.shown):
            await self._end_stream()
            return False
        is_told = await self._stopped(want[len(self.shown) :], below, self._rest())
        self._workspace.tiers.ends(self)
        return is_told

    async def _end_stream(self) -> None:
        """Let go of the stream; the message is edited from here on."""
        self.is_edited = True
        if self._is_open:
            await self._stopped("", (), "processing")
        self._workspace.tiers.ends(self)

    async def _stopped(self, rest: str, below: Sequence[Json], status: str) -> bool:
        chunks = [{"type": "markdown_text", "text": rest}] if rest else None
        for _ in range(TRIES_MAX):
            try:
                await self._workspace.wire.chat_stopStream(
                    channel=self._place.channel,
                    ts=self.ts,
                    chunks=chunks,
                    blocks=list(below) or None,
                    session_status=status,
                )
            except SlackApiError as error:
                if error_of(error) != "ratelimited":
                    _log.info("the end of a stream was refused: %s", error_of(error))
                    return False
                await pause(self._workspace.clock, retry_after_ms(error))
            except LOST as error:
                _log.info("the end of a stream: %s", error)
                return False
            else:
                self._is_open = False
                self.shown += rest
                self.told_rest = status == "active"
                return True
        return False

    # By editing.

    async def _edited_in_turn(self, want: str, below: Sequence[Json]) -> None:
        """Write the last text, in line with the edits of all others and before them."""
        if not self.ts:
            await self._edited(want, below)
            return

        async def write() -> bool:
            await self._edited(want, below)
            return True

        await self._workspace.tiers.edits.open(write).finish()

    async def _edited(self, want: str, below: Sequence[Json]) -> None:
        """Write the whole message anew, or post it."""
        text = cut(escaped(want), TEXT_CHARS_MAX)
        blocks: list[Json] = [{"type": "markdown", "text": want}] if want else []
        blocks += below
        channel = self._place.channel
        if not self.ts:
            await self._post(text, blocks)
        else:
            try:
                await self._workspace.wire.chat_update(
                    channel=channel, ts=self.ts, text=text, blocks=blocks
                )
            except SlackApiError as error:
                if error_of(error) == "ratelimited":
                    raise SlowDownError(retry_after_ms(error)) from error
                raise
        self.shown = want

    async def _post(self, text: str, blocks: Sequence[Json]) -> None:
        self._started_at = self._workspace.clock.now()
        try:
            answer = await self._workspace.web.chat_postMessage(
                channel=self._place.channel,
                thread_ts=self._place.thread or None,
                text=text,
                blocks=blocks,
                unfurl_links=False,
                unfurl_media=False,
            )
            self.ts = str(answer["ts"])
        except SlackApiError:
            raise
        except LOST:
            await self._find(text)
            raise
        self._note_written()

    # A message whose stamp was lost on the way.

    async def _find(self, text: str) -> None:
        """Look whether a message came into being although Slack's answer to it was lost.

        It is ours, nobody here knows it, it is of just now, and it begins as we did.
        """
        if self.ts:
            return
        begins = _letters(text)[:FOUND_CHARS]
        with suppress(*LOST):
            for one in await history.thread(
                self._workspace, self._place.channel, self._place.thread
            ):
                ts = str(one["ts"])
                is_known = self._workspace.written.get(f"{self._place.channel}:{ts}")
                is_new = float(ts) * 1_000 >= self._started_at - SKEW_MS
                is_ours = history.is_ours(self._workspace, one)
                if is_ours and is_new and not is_known:
                    said = _letters(str(one.get("text", "")))[:FOUND_CHARS]
                    if begins.startswith(said) or said.startswith(begins):
                        self.ts, self._is_open, self.has_streamed = ts, True, True
                        self._note_written()

    def _note_written(self) -> None:
        self._workspace.written.put(f"{self._place.channel}:{self.ts}", value=True)


def _letters(text: str) -> str:
    """What is left of a text whatever markup it goes through."""
    return re.sub(r"\W+", "", text)
