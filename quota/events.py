"""Events of the platform: each is heard once, and leads to the calls of its turn."""

from quota.counters import Changes, Event, Shelf
from quota.verdicts import Seen


class Events:
    """What was heard, in memory or on the shelf."""

    def __init__(self, shelf: Shelf) -> None:
        """Know what the shelf knows."""
        self._shelf = shelf

    def accept(self, key: str, digest: str, now: int, changes: Changes) -> Seen | None:
        """Note an event that makes no hold; how it was seen before, if it was."""
        seen = self.seen(key, digest, changes)
        if seen is None:
            self.note(key, digest, now, 0, changes)
        return seen

    def note(self, key: str, digest: str, now: int, hold: int, changes: Changes) -> None:
        """Remember an event, and the hold of the first call that it asked for."""
        changes.events[key] = Event(digest, now, hold=hold)

    def seen(self, key: str, digest: str, changes: Changes) -> Seen | None:
        """How an event was seen before, if it was; that it was cut off is told once."""
        event = self._event(key, changes)
        if event is None:
            return None
        if event.digest != digest:
            return Seen("reused")
        if event.interrupted:
            event.interrupted = False
            changes.events[key] = event
            return Seen("interrupted")
        return Seen("duplicate")

    def interrupt(self, key: str, changes: Changes) -> None:
        """The turn of an event was cut off, whichever of its calls that was."""
        event = self._event(key, changes)
        if event is not None:
            event.interrupted = True
            changes.events[key] = event

    def turn(self, key: str, changes: Changes) -> int:
        """The hold of the first call that an event asked for; 0: it made none, or is forgotten."""
        event = self._event(key, changes)
        return 0 if event is None else event.hold

    def _event(self, key: str, changes: Changes) -> Event | None:
        return changes.events.get(key) or self._shelf.event(key)
