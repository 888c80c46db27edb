"""The way from the messages of an answer to what it cost, kept with the books.

A platform shows an answer a moment before the books know in which messages: whoever is that fast
is made to wait for it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from bot.messages import Ask
from bot.ports import ReplyStream
from quota.clock import Clock
from quota.errors import StoreUnavailableError
from quota.members import Space
from quota.quotas import Quotas

WAIT_MS = 2_000


class Leads:
    """Remembers which messages show what came of an ask."""

    def __init__(self, quotas: Quotas, clock: Clock) -> None:
        """Nothing is on its way."""
        self._quotas = quotas
        self._clock = clock
        self._on_their_way: set[asyncio.Event] = set()

    @asynccontextmanager
    async def ending(self, ask: Ask, reply: ReplyStream) -> AsyncIterator[None]:
        """Give the answer its end inside: its messages lead to what it cost from then on."""
        done = asyncio.Event()
        self._on_their_way.add(done)
        try:
            yield
        finally:
            try:
                space = ask.requester.member.space
                names = [_name(space, message) for message in reply.messages]
                if names:
                    with suppress(StoreUnavailableError):
                        await self._quotas.store.show(ask.event, names, self._clock.now())
            finally:
                self._on_their_way.discard(done)
                done.set()

    async def turns(self, space: Space, message: str) -> list[int]:
        """The turn whose answer a message shows, if it is known, or is about to be."""
        names, ahead = [_name(space, message)], list(self._on_their_way)
        found = await self._quotas.store.turns(names)
        if found or not ahead:
            return found
        with suppress(TimeoutError):
            async with self._clock.timeout(WAIT_MS):
                for each in ahead:
                    await each.wait()
        return await self._quotas.store.turns(names)


def _name(space: Space, message: str) -> str:
    return f"{space.key}:{message}"
