"""The limit over everything a bot sends: Discord takes fifty requests in a second, of all channels.

Why beside the pacers: each of them knows one channel, and above fifty busy ones this limit rules.
What answers an interaction is not counted by Discord and does not come here.
"""

from quota.clock import Clock, pause

# Forty in a second; the rest is for what discord.py sends by itself.
EVERY_MS = 25


class Throttle:
    """One request after the other, evenly spaced, in the order in which they were asked for."""

    def __init__(self, clock: Clock) -> None:
        """Nothing is on its way yet."""
        self._clock = clock
        self._next_at = 0

    async def turn(self) -> None:
        """Return when the next request may be sent."""
        now = self._clock.now()
        at = max(now, self._next_at)
        self._next_at = at + EVERY_MS
        if at > now:
            await pause(self._clock, at - now)
