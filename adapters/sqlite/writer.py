"""The one writer: a thread that takes ops from the event loop, and answers when they are on disk.

Why a thread of its own: a transaction is one plain function run whole, so a cancelled caller can
only abandon its future, never half a transaction. Why together: ops that wait at the same time
share one commit, so that waiting for the disk costs each of them little.

Why the moves are made on this thread too, and not on the event loop's while a commit is under way
here: that was tried, and is slower. Each statement lets go of the interpreter and has to win it
back from a busy loop, and threads that wake each other on two cores hand the same objects to and
fro. With 32 asks at once, two batches in turn (one decided while the other is written) came to
0.25-0.38 of what plain batched SQLite does; one after another here is as fast as the sketch of
`python -m tests.bench.books`, which decides nothing but a sum. What is left is the way: where
waking a thread takes 60 us, 32 asks that all wait for one commit spend a quarter of their time on
the event loop and between the two.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

from adapters.sqlite.desk import Answer, Desk, Op
from adapters.sqlite.spill import Late
from adapters.sqlite.trouble import told
from quota.books import Books
from quota.errors import StoreUnavailableError
from quota.verdicts import Lapsed

log = logging.getLogger(__name__)

T = TypeVar("T")

BATCH_OPS_MAX = 1_024
IDLE_S = 0.1


class Writer:
    """The way from the event loop to the desk and back."""

    def __init__(self, path: Path, synchronous: str) -> None:
        """Belong to the running event loop."""
        self.desk = Desk(path, synchronous)
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[Op | None] = SimpleQueue()
        self._closed = False

    async def open(self, now: int, *, quick_check: bool) -> list[Lapsed]:
        """Open the file; the holds of dead processes that were charged."""
        opened: asyncio.Future[list[Lapsed]] = self._loop.create_future()
        opening = partial(self.desk.open, now, quick_check=quick_check)
        # A daemon: who forgets to close loses nothing, for every answer was on disk.
        self._thread = Thread(target=self._work, args=(opened, opening), name="sqlite", daemon=True)
        self._thread.start()
        try:
            return await asyncio.shield(opened)
        except asyncio.CancelledError:
            await self.close()
            raise

    def ask(
        self,
        run: Callable[[Books], T],
        *,
        late: Callable[[], Late] | None = None,
        alone: bool = False,
        reads: bool = False,
        event: str = "",
    ) -> "asyncio.Future[T]":
        """Have something done upon the books; the future is done when it is on disk."""
        if self._closed:
            raise StoreUnavailableError(f"{self.desk.path} is closed")
        future: asyncio.Future[T] = self._loop.create_future()
        self._queue.put(Op(run, future, late, alone, event))
        return future

    async def close(self) -> None:
        """Finish what waits and end the thread."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    # From here on: the thread.

    def _work(
        self, opened: "asyncio.Future[list[Lapsed]]", opening: Callable[[], list[Lapsed]]
    ) -> None:
        first = Op(lambda _: None, opened)
        try:
            lapsed = opening()
        except Exception as error:  # whoever opens hears of it, whatever it is
            self._answer([(first, None, error)])
            return
        self._answer([(first, lapsed, None)])
        while batch := self._batch():
            answers = self._serve(batch, locked=False)
            if self.desk.locked:
                # Those that came meanwhile have waited as long as one may.
                answers += self._serve(self._waiting(self._queue.qsize()), locked=True)
            self._answer(answers)
            self.desk.checkpoint()
        self.desk.close()

    def _serve(self, batch: Sequence[Op], *, locked: bool) -> list[Answer]:
        try:
            return self.desk.serve(batch, locked=locked)
        except Exception as error:  # a mistake of ours must not leave everybody waiting for ever
            log.exception("%s: the desk failed", self.desk.path)
            why = told(self.desk.path, error)
            return [(op, None, why) for op in batch]

    def stop(self, why: StoreUnavailableError) -> None:
        """A reader found the file damaged."""
        self.desk.stop(why)

    def _batch(self) -> list[Op]:
        """What waits, at least one op; none when the end has come."""
        try:
            first = self._queue.get(timeout=IDLE_S)
        except Empty:
            self.desk.tidy()
            first = self._queue.get()
        if first is None:
            return []
        return [first, *self._waiting(min(self._queue.qsize(), BATCH_OPS_MAX))]

    def _waiting(self, at_most: int) -> list[Op]:
        ops: list[Op] = []
        for _ in range(at_most):
            op = self._queue.get()
            if op is None:
                self._queue.put(None)  # nothing comes after it; the next batch is the end
                break
            ops.append(op)
        return ops

    def _answer(self, answers: Sequence[Answer]) -> None:
        with suppress(RuntimeError):  # the event loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(_deliver, answers)


def _deliver(answers: Sequence[Answer]) -> None:
    """Wake those who wait, on the event loop; a cancelled one is not there any more."""
    for op, result, error in answers:
        if op.future is None or op.future.done():
            continue
        if error is None:
            op.future.set_result(result)
        else:
            op.future.set_exception(error)
