"""Who runs when: one turn per member, a short line behind it, fair between spaces and members."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from quota.members import Member, Space

TURNS_MAX = 256


class LaneFullError(Exception):
    """The member already has as many asks waiting as are allowed."""


class Lanes:
    """A lane per member. Free places go round robin to spaces, and within one to its members."""

    def __init__(self, queue_max: int, turns_max: int = TURNS_MAX) -> None:
        """Let `queue_max` asks of a member wait, and run `turns_max` turns at once."""
        self.queue_max = queue_max
        self._turns_max = turns_max
        self._running: set[Member] = set()
        # Insertion order is the order of service: who was served goes to the end.
        self._waiting: dict[Space, dict[Member, deque[asyncio.Future[None]]]] = {}

    def is_full(self, member: Member) -> bool:
        """Whether too many asks of a member wait for one more to be taken."""
        lane = self._waiting.get(member.space, {}).get(member, ())
        return len(lane) >= self.queue_max + (member not in self._running)

    @asynccontextmanager
    async def turn(
        self, member: Member, on_queue: Callable[[], Awaitable[None]]
    ) -> AsyncIterator[None]:
        """Hold the member's lane; LaneFullError at once when too many of its asks wait."""
        if self.is_full(member):
            raise LaneFullError
        place = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(member.space, {}).setdefault(member, deque()).append(place)
        self._serve()
        try:
            if not place.done():
                await on_queue()
                await place
            yield
        finally:
            self._leave(member, place)

    def _leave(self, member: Member, place: asyncio.Future[None]) -> None:
        if place.done() and not place.cancelled():
            self._running.discard(member)
        else:
            self._forget(member, place)
        self._serve()

    def _forget(self, member: Member, place: asyncio.Future[None]) -> None:
        members = self._waiting[member.space]
        members[member].remove(place)
        if not members[member]:
            del members[member]
        if not members:
            del self._waiting[member.space]

    def _serve(self) -> None:
        """Give free places away, one per space and member in turn."""
        while len(self._running) < self._turns_max:
            found = self._next()
            if found is None:
                return
            member, place = found
            self._forget(member, place)
            if member.space in self._waiting:
                members = self._waiting[member.space] = self._waiting.pop(member.space)
                if member in members:
                    members[member] = members.pop(member)
            self._running.add(member)
            place.set_result(None)

    def _next(self) -> tuple[Member, asyncio.Future[None]] | None:
        for members in self._waiting.values():
            for member, lane in members.items():
                if member in self._running:
                    continue
                # One that was just cancelled is still in line, until its task has run.
                place = next((place for place in lane if not place.done()), None)
                if place is not None:
                    return member, place
        return None
