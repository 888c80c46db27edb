"""The only reader of time in the project. Everything else is told what time it is."""

import asyncio
import time
from datetime import timedelta
from typing import Protocol


class Clock(Protocol):
    """Time as a port: the books use `now`, everything that waits uses `timeout`."""

    def now(self) -> int:
        """UTC, in milliseconds since 1970. May step backwards; the store's mark does not."""

    def timeout(self, wait_ms: int | None) -> asyncio.Timeout:
        """A context that raises TimeoutError inside after so many milliseconds (None: never)."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        """UTC, in milliseconds since 1970."""
        return time.time_ns() // 1_000_000

    def timeout(self, wait_ms: int | None) -> asyncio.Timeout:
        """A real time-out."""
        if wait_ms is None:
            return asyncio.timeout(None)
        when = asyncio.get_running_loop().time()
        # asyncio measures in float seconds; this is its edge, no amount passes here.
        return asyncio.timeout_at(when + timedelta(milliseconds=wait_ms).total_seconds())


async def pause(clock: Clock, wait_ms: int) -> None:
    """Wait so many milliseconds of this clock."""
    try:
        async with clock.timeout(max(0, wait_ms)):
            await asyncio.Event().wait()
    except TimeoutError:
        return
