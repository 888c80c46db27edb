"""Memory with a bound in time and in number."""

from collections import OrderedDict
from typing import Generic, TypeVar

from quota.clock import Clock

K = TypeVar("K")
V = TypeVar("V")


class Kept(Generic[K, V]):
    """Values by key, each for so long; the oldest goes where there are too many."""

    def __init__(self, clock: Clock, keep_ms: int, most: int) -> None:
        """Keep nothing yet."""
        self._clock = clock
        self._keep_ms = keep_ms
        self._most = most
        self._values: OrderedDict[K, tuple[int, V]] = OrderedDict()

    def get(self, key: K) -> V | None:
        """The value, None where there is none any more."""
        found = self._values.get(key)
        if found is None or found[0] <= self._clock.now():
            return None
        return found[1]

    def put(self, key: K, value: V) -> None:
        """Keep a value from now on."""
        self._values[key] = (self._clock.now() + self._keep_ms, value)
        self._values.move_to_end(key)
        while len(self._values) > self._most:
            self._values.popitem(last=False)

    def keys(self) -> list[K]:
        """What is kept still, the oldest first."""
        now = self._clock.now()
        return [key for key, (until, _) in self._values.items() if until > now]

    def drop(self, key: K) -> None:
        """Keep it no longer."""
        self._values.pop(key, None)

    def first(self, key: K, value: V) -> bool:
        """Keep a value unless there is one: whether there was none."""
        if self.get(key) is not None:
            return False
        self.put(key, value)
        return True
