"""Messages that wait for their asker to say Send: in memory alone, for a while.

Why memory: a message may carry files, and no word of it is ever written down here. After a restart
the button says that it has expired.
"""

from collections import OrderedDict
from secrets import token_hex
from typing import NamedTuple

from bot.messages import Ask
from quota.clock import Clock
from quota.members import Member

KEPT_MS = 15 * 60_000
ASKS_MAX = 500
BYTES_MAX = 64 * 1024 * 1024


class _Kept(NamedTuple):
    ask: Ask
    until: int
    size: int


class Unsent:
    """What waits, the oldest first."""

    def __init__(self, clock: Clock) -> None:
        """Nothing waits."""
        self._clock = clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._bytes = 0

    def keep(self, ask: Ask) -> str:
        """Let an ask wait; the name by which it is taken."""
        key = token_hex(6)
        size = 4 * len(ask.text) + sum(4 * len(file.text) for file in ask.attachments)
        size += sum(len(each.data) for each in ask.images)
        size += sum(len(each.data) for each in ask.documents)
        self._kept[key] = _Kept(ask, self._clock.now() + KEPT_MS, size)
        self._bytes += size
        # The newest stays in any case, for its asker is about to be asked.
        while len(self._kept) > 1 and self._is_full():
            self._drop(next(iter(self._kept)))
        return key

    def take(self, key: str, member: Member) -> Ask | None:
        """What a member lets wait under a name, once; None: it is gone, or was never theirs."""
        kept = self._kept.get(key)
        if kept is None or kept.ask.requester.member != member:
            return None
        self._drop(key)
        return kept.ask if kept.until > self._clock.now() else None

    def forget(self, member: Member) -> None:
        """Nothing of a member waits any more."""
        for key in [k for k, kept in self._kept.items() if kept.ask.requester.member == member]:
            self._drop(key)

    def _is_full(self) -> bool:
        if len(self._kept) > ASKS_MAX or self._bytes > BYTES_MAX:
            return True
        return next(iter(self._kept.values())).until <= self._clock.now()

    def _drop(self, key: str) -> None:
        self._bytes -= self._kept.pop(key).size
