"""Messages from a pipe, a file, or a terminal that can do little: one line is one message."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from adapters.console.interrupts import interrupts
from adapters.console.lines import HasFileno, LineReader
from adapters.console.screen import Screen
from bot import text_console as say

LINE_BYTES_MAX = 1 << 20


class PlainTyping:
    """Reads lines; `echo` shows them, so that the output reads like a conversation."""

    def __init__(self, screen: Screen, source: HasFileno, *, echo: bool) -> None:
        """Read from now on."""
        self._screen = screen
        self._echo = echo
        self._lines = LineReader(source, LINE_BYTES_MAX).lines()

    async def message(self, prompt: str) -> str | None:
        """The next line; Ctrl-C leaves, as the end of the input does."""
        left = False

        def leave() -> None:
            nonlocal left
            left = True
            reading.cancel()

        if not self._echo:
            self._screen.prompt(prompt)
        reading = asyncio.ensure_future(anext(self._lines, None))
        with interrupts(leave):
            try:
                line = await reading
            except asyncio.CancelledError:
                if not left:
                    raise
                line = None
        if line is None:
            if not self._echo:
                self._screen.blank()
            return None
        if line.data is None:
            self._screen.say(say.line_too_long(LINE_BYTES_MAX), "warning")
            return ""
        text = line.data.decode("utf-8", "replace")
        if self._echo and text.strip():
            self._screen.prompt(f"{prompt}{text}\n")
        return text

    @contextmanager
    def during_answer(self, stop: Callable[[], None], leave: Callable[[], None]) -> Iterator[None]:
        """Ctrl-C stops the answer; lines wait their turn."""
        with interrupts(stop):
            yield
