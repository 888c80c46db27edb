"""What was being answered when the process died: put right at the next start.

Without it a broken-off message would stay as it is, and Slack would say for an hour that the bot
is working. Why a file and not the books: it is of this moment, holds no amount, and may be lost.
"""

import json
import logging
from pathlib import Path
from typing import NamedTuple

from slack_sdk.errors import SlackApiError

from adapters.slack import history
from adapters.slack.failures import LOST, error_of
from adapters.slack.panels import context, notification
from adapters.slack.workspace import Workspace
from bot.text import Words

_log = logging.getLogger(__name__)


class Left(NamedTuple):
    """An answer on its way: the workspace, the thread, and the question's message."""

    team: str
    channel: str
    thread: str
    question: str


class Leftover:
    """The answers on their way, in a file."""

    def __init__(self, path: Path) -> None:
        """Read what the last process left."""
        self._path = path
        self._now: dict[str, Left] = {}
        self.left: tuple[Left, ...] = ()
        try:
            self.left = tuple(Left(*row) for row in json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            pass
        except (OSError, ValueError, TypeError) as error:
            _log.warning("%s cannot be read: %s", path.name, error)

    @classmethod
    def beside(cls, books: Path) -> "Leftover":
        """That of the bot with these books."""
        return cls(books.with_name(f"{books.name}.slack.running"))

    def begin(self, event: str, left: Left) -> None:
        """An answer is on its way."""
        self._now[event] = left
        self._write()

    def end(self, event: str) -> None:
        """It has ended."""
        if self._now.pop(event, None) is not None:
            self._write()

    def _write(self) -> None:
        """Small, and not forced to the disk: a lost line costs a stale status, no more."""
        new = self._path.with_name(f"{self._path.name}.new")
        try:
            new.write_text(json.dumps([*self.left, *self._now.values()]), encoding="utf-8")
            new.replace(self._path)
        except OSError as error:
            _log.warning("%s cannot be written: %s", self._path.name, error)

    def settled(self, left: Left) -> None:
        """What the last process left there is put right."""
        self.left = tuple(one for one in self.left if one != left)
        self._write()


async def put_right(workspace: Workspace, left: Left, words: Words) -> None:
    """Say that the answer broke off, below what there is of it, and move the status on."""
    note = context(words.interrupted())
    try:
        stream = await _open_stream(workspace, left)
        if stream is None or not await _ended(workspace, left, stream, note):
            await workspace.web.chat_postMessage(
                channel=left.channel,
                thread_ts=left.thread,
                text=notification(words.interrupted()),
                blocks=[note],
            )
    except LOST as error:
        _log.warning("what broke off in %s: %s", left.channel, error_of(error) or error)
    await workspace.moved_on(left.channel, left.thread, "active")


async def _open_stream(workspace: Workspace, left: Left) -> str | None:
    """Our newest message after the question."""
    asked_at = left.question.partition(":")[2]
    found = [
        str(one["ts"])
        for one in await history.thread(workspace, left.channel, left.thread)
        if history.is_ours(workspace, one) and str(one["ts"]) > asked_at
    ]
    return max(found, default=None)


async def _ended(workspace: Workspace, left: Left, ts: str, note: dict[str, object]) -> bool:
    try:
        await workspace.wire.chat_stopStream(
            channel=left.channel, ts=ts, blocks=[note], session_status="active"
        )
    except SlackApiError:
        return False  # It was over already, or never was a stream.
    return True
