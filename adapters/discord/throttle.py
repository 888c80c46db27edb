"""The limit over everything a bot sends: Discord takes fifty requests in a second, of all channels.

Why beside the pacers: each of them knows one channel, and above fifty busy ones this limit rules.
What answers an interaction is not counted by Discord and does not come here.
"""

import asyncio
from collections.abc import Callable

from quota.clock import Clock, pause

# Forty-five in a second; the rest is for what discord.py sends by itself.
EVERY_MS = 22


class Throttle:
    """One request after the other, evenly spaced; the ends of answers before all else."""

    def __init__(self, clock: Clock) -> None:
        """Nothing is on its way yet."""
        self._clock = clock
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._work: asyncio.Task[None] | None = None

    async def turn(self, urgent: Callable[[], bool] = lambda: False) -> None:
        """Return when this request may be sent; `urgent` may become true while it waits."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((urgent, turn))
        if self._work is None:
            self._work = asyncio.create_task(self._give_turns())
        await turn

    async def _give_turns(self) -> None:
        due = self._clock.now()
        try:
            while self._waiting:
                at = next((n for n, (urgent, _) in enumerate(self._waiting) if urgent()), 0)
                _, turn = self._waiting.pop(at)
                if not turn.done():
                    turn.set_result(None)
                    # A turn that came a little late does not make all after it late.
                    due = max(due + EVERY_MS, self._clock.now())
                    await pause(self._clock, due - self._clock.now())
        finally:
            self._work = None
