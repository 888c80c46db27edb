"""Where an answer goes: ReplyStream for programs and for people."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from adapters.console import wire
from adapters.console.lines import LineWriter
from adapters.console.screen import Screen
from bot import text_console as say
from bot.languages import Speech
from bot.messages import Answer, Card, Duplicate, End, Failure, Refusal
from quota.verdicts import Balance

# What whoever runs the bot can do something about.
OURS = frozenset({"provider", "timeout", "store", "internal"})

_log = logging.getLogger(__name__)


class JsonStream:
    """One id on standard output: deltas, then one end."""

    def __init__(
        self, event_id: str, out: LineWriter, balances: Callable[[], Awaitable[Sequence[Balance]]]
    ) -> None:
        """Write to `out`; `balances` tells where the member stands, should an answer not."""
        self._id = event_id
        self._out = out
        self._balances = balances
        self._held: list[str] = []
        self.finished = False

    @property
    def messages(self) -> tuple[str, ...]:
        """None: the console has no messages of its own."""
        return ()

    async def update(self, delta: str) -> None:
        """A delta; held back while the reader is slow, so that memory stays bounded."""
        self._held.append(delta)
        if not self._out.is_behind:
            self._release()

    async def note(self, text: str) -> None:
        """Notes are no part of the protocol."""
        _log.info("%s: %s", self._id, text)

    def ending(self) -> None:
        """Nothing waits here that could be spared."""

    async def finish(self, end: End) -> None:
        """The end, written once, after every delta."""
        if isinstance(end, Answer) and not end.balances:
            # Nothing was settled (stopped in the queue, or the books were in trouble).
            end = replace(end, balances=tuple(await self._balances()))
        if self.finished:
            return
        self.finished = True
        self._release()
        self._out.write(wire.line_of(wire.end(self._id, end)))
        await self._out.room()

    def _release(self) -> None:
        text = "".join(self._held)
        self._held.clear()
        if text:
            self._out.write(wire.line_of(wire.delta(self._id, text)))


class ScreenStream:
    """One answer on a person's screen."""

    def __init__(self, screen: Screen, words: Speech) -> None:
        """Show it there, in a language; `reason` is why it was refused, if it was."""
        self._screen = screen
        self._words = words
        self.reason = ""

    @property
    def messages(self) -> tuple[str, ...]:
        """None: the console has no messages of its own."""
        return ()

    async def update(self, delta: str) -> None:
        """More of the answer, at once."""
        self._screen.stream(delta)

    async def note(self, text: str) -> None:
        """A remark on a line of its own."""
        self._screen.end_stream()
        self._screen.say(f"… {text}", "dim")

    def ending(self) -> None:
        """All there is stands on the screen already."""

    async def finish(self, end: End) -> None:
        """What is to be said of the answer, or why there is none."""
        screen = self._screen
        screen.end_stream()
        match end:
            case Answer():
                for note in end.notes:
                    screen.say(note, "warning" if note.startswith("⚠") else "dim")
                if end.footer:
                    screen.say(end.footer, "dim")
            case Refusal(refused, text):
                self.reason = refused.reason
                screen.say(text, "warning" if text.startswith("⏳") else "bad")
            case Failure(code, text):
                screen.say(say.failed(self._words, text), "bad")
                if code in OURS:
                    screen.say(say.see_doctor(self._words), "dim")
            case Card(panel):
                screen.show(panel)
                return
            case Duplicate():
                screen.say(say.duplicate(self._words), "dim")
        screen.blank()
