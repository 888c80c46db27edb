"""How often Slack takes the calls that make an answer grow: of a whole workspace, per method.

chat.appendStream is of tier 4, a hundred a minute; chat.update of tier 3, fifty. Starting and
ending a stream are of tier 2, twenty each, and every start needs its end: so a stream is begun only
while all that are open could end within the same minute. What does not fit is posted and edited.
The status of a conversation is of tier 3: where many ask at once, their answers show it by coming.
"""

from collections import deque

from bot.pacing import Pacer
from quota.clock import Clock

# A little is left to edits for cards that change, and to all of them for the way to Slack.
APPEND_MS, EDIT_MS = 610, 1_250
# First words wait for nobody; what they may cost is looked at one by one.
FIRST_MS, FIRST_BURST = 50, 20
STREAMS_MAX, STATUSES_MAX = 20, 48
WINDOW_MS = 61_000
LIFE_MS = 6 * 60_000


class Lately:
    """What happened within a minute."""

    def __init__(self, clock: Clock) -> None:
        """Nothing did."""
        self._clock = clock
        self._times: deque[int] = deque()

    def note(self, times: int = 1) -> None:
        """It happens, so many times."""
        self._times.extend([self._clock.now()] * times)

    def __len__(self) -> int:
        """How often."""
        while self._times and self._times[0] <= self._clock.now() - WINDOW_MS:
            self._times.popleft()
        return len(self._times)


class Tiers:
    """The paces of one workspace."""

    def __init__(self, clock: Clock) -> None:
        """Nothing was called yet."""
        self.firsts = Pacer(clock, FIRST_MS, FIRST_BURST, at_once=True)
        self.appends = Pacer(clock, APPEND_MS)
        self.edits = Pacer(clock, EDIT_MS)
        self._clock = clock
        self._open: dict[object, int] = {}
        self._began, self._ended, self._statuses = Lately(clock), Lately(clock), Lately(clock)

    def begins(self, stream: object) -> bool:
        """Begin a stream, if its start is free and its end will be."""
        died_at = self._clock.now() - LIFE_MS
        self._open = {one: at for one, at in self._open.items() if at > died_at}
        if max(len(self._began), len(self._open) + len(self._ended)) >= STREAMS_MAX:
            return False
        self._open[stream] = self._clock.now()
        self._began.note()
        return True

    def ends(self, stream: object) -> None:
        """A stream is over: it was ended, or never came to be."""
        if self._open.pop(stream, None) is not None:
            self._ended.note()

    def shows_status(self) -> bool:
        """Whether a status can be shown, and moved on at the end."""
        both = 2
        if len(self._statuses) + both > STATUSES_MAX:
            return False
        self._statuses.note(both)
        return True
