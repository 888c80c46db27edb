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
from adapters.slack.panels import Json, context, is_stop, notification
from adapters.slack.workspace import Workspace
from bot.text import Words

_log = logging.getLogger(__name__)

LINES_MAX = 1_000


class Left(NamedTuple):
    """An answer on its way: the workspace, the thread, and the question's message."""

    team: str
    channel: str
    thread: str
    question: str


class Leftover:
    """The answers on their way, in a file that only grows until it is written anew."""

    def __init__(self, path: Path) -> None:
        """Read what the last process left, by the events that it answered."""
        self._path = path
        self._now: dict[str, Left] = {}
        self.left: dict[str, Left] = {}
        self._lines = 0
        try:
            for line in path.read_text(encoding="utf-8").splitlines():
                self._lines += 1
                self._read(line)
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as error:
            _log.warning("%s cannot be read: %s", path.name, error)
        if self._lines:
            self._write()

    def _read(self, line: str) -> None:
        try:
            event, *left = json.loads(line)
            self.left.pop(event, None)
            if left:
                self.left[event] = Left(*left)
        except (ValueError, TypeError) as error:
            _log.warning("%s: a line cannot be read: %s", self._path.name, error)

    @classmethod
    def beside(cls, books: Path) -> "Leftover":
        """That of the bot with these books."""
        return cls(books.with_name(f"{books.name}.slack.running"))

    def begin(self, event: str, left: Left) -> None:
        """An answer is on its way."""
        self._now[event] = left
        self._add(event, *left)

    def end(self, event: str) -> None:
        """It has ended."""
        if self._now.pop(event, None) is not None:
            self._add(event)

    def settled(self, event: str) -> None:
        """What the last process left there is put right."""
        if self.left.pop(event, None) is not None:
            self._add(event)

    def _add(self, *row: str) -> None:
        """One line more: a tenth of the work of a file written anew, and nobody waits for more.

        Not forced to the disk: a lost line costs a stale status.
        """
        self._lines += 1
        if self._lines > LINES_MAX:
            self._write()
            return
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        except OSError as error:
            _log.warning("%s cannot be written: %s", self._path.name, error)

    def _write(self) -> None:
        rows = [(event, *left) for event, left in (self.left | self._now).items()]
        self._lines = len(rows)
        new = self._path.with_name(f"{self._path.name}.new")
        try:
            new.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
            new.replace(self._path)
        except OSError as error:
            _log.warning("%s cannot be written: %s", self._path.name, error)


async def put_right(workspace: Workspace, left: Left, words: Words) -> None:
    """Say that the answer broke off, below what there is of it, and move the status on."""
    note = context(words.interrupted())
    try:
        ours = await _ours(workspace, left)
        is_told = any(_is_whole(one, left.question) for one in ours)
        if not is_told and not (ours and await _ended(workspace, left, ours[-1], note)):
            await workspace.web.chat_postMessage(
                channel=left.channel,
                thread_ts=left.thread,
                text=notification(words.interrupted()),
                blocks=[note],
            )
    except LOST as error:
        _log.warning("what broke off in %s: %s", left.channel, error_of(error) or error)
    await workspace.moved_on(left.channel, left.thread, "active")


async def _ours(workspace: Workspace, left: Left) -> list[Json]:
    """Our messages after the question, the newest last."""
    asked_at = left.question.partition(":")[2]
    found = [
        one
        for one in await history.thread(workspace, left.channel, left.thread)
        if history.is_ours(workspace, one) and str(one["ts"]) > asked_at
    ]
    return sorted(found, key=lambda one: str(one["ts"]))


async def _ended(workspace: Workspace, left: Left, newest: Json, note: Json) -> bool:
    """End what grew there, by a stream or by edits; False where nothing did."""
    channel, ts = left.channel, str(newest["ts"])
    try:
        # Many may have broken off together: this one waits as long as Slack asks.
        await workspace.web.chat_stopStream(
            channel=channel, ts=ts, blocks=[note], session_status="active"
        )
    except SlackApiError as error:
        if error_of(error) == "ratelimited":
            raise
        # It was over already, or never was a stream.
        said = _growing(newest)
        if said:
            text = str(newest.get("text", ""))
            await workspace.web.chat_update(channel=channel, ts=ts, text=text, blocks=[*said, note])
        return bool(said)
    return True


def _is_whole(one: Json, question: str) -> bool:
    """Whether an answer has its end: below it stands what can be done with it."""
    ids = [str(block.get("block_id")) for block in one.get("blocks") or () if not is_stop(block)]
    return any(id_.startswith(f"{question} ") for id_ in ids)


def _growing(one: Json) -> list[Json]:
    """What an answer said that was still edited: nothing stands below it but its Stop."""
    said = [block for block in one.get("blocks") or () if not is_stop(block)]
    return [] if any(block.get("type") in _BELOW for block in said) else said


# What stands in our cards and below our answers, and never in the words of an answer.
_BELOW = frozenset({"actions", "context", "context_actions", "section"})
