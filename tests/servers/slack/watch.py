"""Waiting for something to become true, without polling and without sleeping."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_S = 5.0
LINES_KEPT = 400
LINES_SHOWN = 60


class Watch:
    """Remembers what happened, line by line, and wakes those who wait at each change."""

    def __init__(self) -> None:
        self.lines: deque[str] = deque(maxlen=LINES_KEPT)
        self._waiting: set[asyncio.Future[None]] = set()

    def note(self, line: str) -> None:
        """Write a line into the transcript, and wake everybody who waits."""
        self.lines.append(line)
        self.changed()

    def changed(self) -> None:
        waiting, self._waiting = self._waiting, set()
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def until(
        self, condition: Callable[[], T | None], what: str, within_s: float = PATIENCE_S
    ) -> T:
        """Return what `condition` yields as soon as that is neither false nor None.

        Time is real here: it bounds how long a broken bot may keep a test waiting.
        """
        try:
            async with asyncio.timeout(within_s):
                while not (found := condition()):
                    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                    self._waiting.add(future)
                    await future
        except TimeoutError:
            message = f"waited {within_s:g} s in vain: {what}\n{self.transcript}"
            raise AssertionError(message) from None
        return found

    @property
    def transcript(self) -> str:
        """What happened last, as a failing test shows it."""
        return "\n".join(list(self.lines)[-LINES_SHOWN:])
