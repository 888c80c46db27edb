"""One scheduler per rate-limit bucket: which of several growing answers is shown next.

Why not a timer per answer: ten of them would fill the bucket together, and the end of an answer
would wait behind frames that nobody misses. Here each free slot goes to an answer that has ended,
else to the one for which unseen text times waiting time is largest. At rates r the least text is
unseen when answer i is shown every T_i ~ 1/sqrt(r_i), that is where r_i T_i^2 is the same for all;
choosing by unseen text alone would show fast answers too often (1.18 of the least, measured).
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress

from quota.clock import Clock, pause

_log = logging.getLogger(__name__)

Write = Callable[[], Awaitable[bool]]


class SlowDownError(Exception):
    """The platform says that the bucket is empty, and for how long (HTTP 429)."""

    def __init__(self, wait_ms: int) -> None:
        """Carry the wait."""
        super().__init__(wait_ms)
        self.wait_ms = wait_ms


class Paced:
    """One answer on its way to the screen; made by `Pacer.open`.

    `write` makes one call to the platform and returns whether all there is so far is on the screen
    then. It is never called twice at the same time.
    """

    def __init__(self, write: Write, pacer: "Pacer") -> None:
        self._write = write
        self._pacer = pacer
        self._whole: asyncio.Future[None] | None = None
        self.unseen = 0
        self.shown_in = pacer.slot
        self.is_ending = False
        self._is_writing = False
        self._is_broken = False

    def grew(self, size: int) -> None:
        """So much more text waits to be shown."""
        self.unseen += size
        self._pacer.stir()

    def ending(self) -> None:
        """The end comes within moments: no slot is spent meanwhile that it would need."""
        self.is_ending = True

    async def finish(self) -> None:
        """Write until all is on the screen; raises what the last write raised."""
        self._whole = asyncio.get_running_loop().create_future()
        self._pacer.stir(has_ended=True)
        try:
            await self._whole
        finally:
            self.close()

    def close(self) -> None:
        """Show no more of it."""
        self._pacer.forget(self)

    def move(self, pacer: "Pacer") -> None:
        """From now on its writes are calls of another bucket."""
        if pacer is not self._pacer:
            self._pacer.forget(self)
            self._pacer, self.shown_in = pacer, pacer.slot
            pacer.take(self)

    @property
    def has_ended(self) -> bool:
        """Whether the end waits to be written."""
        return self._whole is not None and not self._whole.done()

    @property
    def wants(self) -> bool:
        """Whether a slot would be of use."""
        grows = self.unseen > 0 and self._whole is None and not self._is_broken
        return not self._is_writing and (grows or self.has_ended)

    async def write(self) -> int:
        """One call; returns how long the bucket must rest after it."""
        # What was begun before the end is not the end.
        whole = self._whole
        taken, self.unseen, self._is_writing = self.unseen, 0, True
        self.shown_in = self._pacer.slot
        try:
            is_all = await self._write()
            if is_all and whole is not None and not whole.done():
                whole.set_result(None)
        except SlowDownError as error:
            self.unseen += taken
            return error.wait_ms
        except Exception as error:  # whatever the platform had; the end is tried all the same
            # Frames in between are a courtesy: no more of them.
            self._is_broken = True
            _log.warning("a part of an answer could not be shown: %s", type(error).__name__)
            if whole is not None and not whole.done():
                whole.set_exception(error)
        finally:
            self._is_writing = False
            self._pacer.stir(has_ended=self.has_ended)
        return 0


class Pacer:
    """A bucket that gives one slot every `every_ms`, shared by all answers that need it.

    `burst`: the platform counts so many slots together, so what was not used of them lately is
    there for an end, which then does not wait for the next slot. `at_once`: it is there for
    everybody, as in a bucket of first words, of which no answer has two.
    """

    def __init__(
        self, clock: Clock, every_ms: int, burst: int = 1, *, at_once: bool = False
    ) -> None:
        """Nothing is on its way yet."""
        self.slot = 0
        self._at_once = at_once
        self._clock = clock
        self._every_ms = every_ms
        self._open: list[Paced] = []
        self._stirred = asyncio.Event()
        self._work: asyncio.Task[None] | None = None
        self._writing: set[asyncio.Task[int]] = set()
        self._rest_ms = 0
        self._hurried = asyncio.Event()
        self._given: deque[int] = deque(maxlen=burst)

    def open(self, write: Write) -> Paced:
        """Show one more answer."""
        paced = Paced(write, self)
        self._open.append(paced)
        return paced

    def take(self, paced: Paced) -> None:
        """One that was shown in another bucket is shown in this one."""
        self._open.append(paced)
        self.stir(has_ended=paced.has_ended)

    def forget(self, paced: Paced) -> None:
        """It has been shown, or will not be."""
        if paced in self._open:
            self._open.remove(paced)
        self.stir()

    @property
    def is_idle(self) -> bool:
        """Whether nobody needs this bucket any more."""
        return not self._open and self._work is None

    def stir(self, *, has_ended: bool = False) -> None:
        """Look again at who wants a slot."""
        self._stirred.set()
        if has_ended or self._at_once:
            self._hurried.set()
        if self._work is None and any(paced.wants for paced in self._open):
            self._work = asyncio.create_task(self._give_slots())

    async def _give_slots(self) -> None:
        """A slot for the best one, a rest, and again, until no answer is open."""
        while (paced := await self._next()) is not None:
            self.slot += 1
            task = asyncio.create_task(paced.write())
            self._writing.add(task)
            task.add_done_callback(self._written)
            self._given.append(self._clock.now())
            await self._slot_over()
            while self._rest_ms:
                rest_ms, self._rest_ms = self._rest_ms, 0
                await pause(self._clock, rest_ms)
        self._work = None

    async def _slot_over(self) -> None:
        """The next slot is there; sooner for an end, if something of the burst is left."""
        now = self._clock.now()
        # As many as the platform counts together are never given in less than their time.
        is_full = len(self._given) == self._given.maxlen
        free_at = self._given[0] + len(self._given) * self._every_ms if is_full else now
        await pause(self._clock, free_at - now)
        with suppress(TimeoutError):
            async with self._clock.timeout(max(0, now + self._every_ms - self._clock.now())):
                while not any(self._hurries(paced) for paced in self._open):
                    self._hurried.clear()
                    await self._hurried.wait()

    def _hurries(self, paced: Paced) -> bool:
        return paced.wants and (paced.has_ended or self._at_once)

    def _written(self, task: asyncio.Task[int]) -> None:
        self._writing.discard(task)
        if not task.cancelled():
            self._rest_ms = max(self._rest_ms, task.result())

    async def _next(self) -> Paced | None:
        """Whose slot this is, as soon as somebody wants it; None when no answer is open."""
        while self._open:
            if not any(paced.wants for paced in self._open):
                self._stirred.clear()
                await self._stirred.wait()
                continue
            try:
                async with self._clock.timeout(self._every_ms):
                    return await self._best()
            except TimeoutError:
                # Whoever said that its end is near was wrong, and others have waited long enough.
                for paced in self._open:
                    paced.is_ending = False
        return None

    def _missed(self, paced: Paced) -> int:
        return paced.unseen * max(1, self.slot + 1 - paced.shown_in)

    async def _best(self) -> Paced:
        """Who has ended, else who is missed most, unless a slot is kept for an end to come."""
        while True:
            wanting = [paced for paced in self._open if paced.wants]
            ended = next((paced for paced in wanting if paced.has_ended), None)
            if ended is not None:
                return ended
            if wanting and not any(paced.is_ending for paced in self._open):
                return max(wanting, key=self._missed)
            self._stirred.clear()
            await self._stirred.wait()
