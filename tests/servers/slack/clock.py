"""Time as the double tells it: milliseconds of the injected clock, and Slack's stamps."""

from quota.clock import Clock

SECOND_MS = 1_000
MINUTE_MS = 60_000


class Stamps:
    """Gives out `ts` values: seconds and microseconds, unique and rising over all teams."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last_us = 0

    def next(self) -> str:
        self._last_us = max(self._clock.now() * 1_000, self._last_us + 100)
        return f"{self._last_us // 1_000_000}.{self._last_us % 1_000_000:06d}"


def ms_of(ts: str) -> int:
    """The moment of a stamp, in milliseconds since 1970."""
    seconds, _, micros = ts.partition(".")
    return int(seconds) * 1_000 + int(micros.ljust(6, "0")[:6]) // 1_000
