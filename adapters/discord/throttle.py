"""The limit over everything a bot sends: Discord takes fifty requests in a second, of all channels.

Why beside the pacers: each of them knows one channel, and above fifty busy ones this limit rules.
What answers an interaction is not counted by Discord and does not come here.
"""

import asyncio
from heapq import heappop, heappush

from quota.clock import Clock, pause

# Forty-five in a second; the rest is for what discord.py sends by itself.
EVERY_MS = 22


class Throttle:
    """One request after the other, evenly spaced; the ends of answers before all else."""

    def __init__(self, clock: Clock) -> None:
        """Nothing is on its way yet."""
        self._clock = clock
        self._waiting: list[tuple[bool, int, asyncio.Future[None]]] = []
        self._asked = 0
        self._work: asyncio.Task[None] | None = None

    async def turn(self, *, urgent: bool = False) -> None:
        """Return when this request may be sent."""
        turn = asyncio.get_running_loop().create_future()
        self._asked += 1
        heappush(self._waiting, (not urgent, self._asked, turn))
        if self._work is None:
            self._work = asyncio.create_task(self._give_turns())
        await turn

    async def _give_turns(self) -> None:
        try:
            while self._waiting:
                *_, turn = heappop(self._waiting)
                if not turn.done():
                    turn.set_result(None)
                    await pause(self._clock, EVERY_MS)
        finally:
            self._work = None
