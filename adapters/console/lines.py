"""Lines in and lines out of file descriptors, without ever blocking the event loop.

Why threads: asyncio's own pipe transports refuse regular files and make the descriptor
non-blocking for everybody who shares it, which breaks a terminal. Why `os.read` on the
descriptor: a daemon thread that waits inside a buffered reader holds its lock, and Python then
aborts at exit.
"""

import asyncio
import os
import select
from collections import deque
from collections.abc import AsyncGenerator
from queue import SimpleQueue
from threading import Semaphore, Thread
from typing import NamedTuple, Protocol

CHUNK_BYTES = 65_536
CHUNKS_AHEAD = 16
# Output that waits to be taken: from the first mark on deltas are held together, at the second
# whoever writes has to wait. Far apart, because a program may write all its lines before it
# reads the first answer.
BEHIND_BYTES = 1 << 20
BACKLOG_BYTES_MAX = 64 << 20


class HasFileno(Protocol):
    """A file of the operating system: a pipe, a regular file, a terminal."""

    def fileno(self) -> int:
        """Its descriptor."""


class Line(NamedTuple):
    """One line without its end, counted from 1; `data` is None for one that is too long."""

    number: int
    data: bytes | None


class LineReader:
    """The lines of a descriptor, read ahead by a bounded amount."""

    def __init__(self, source: HasFileno, line_bytes_max: int) -> None:
        """Read from now on; longer lines than `line_bytes_max` are skipped, but told of."""
        self._fd = source.fileno()
        self._line_bytes_max = line_bytes_max
        self._loop = asyncio.get_running_loop()
        self._chunks: asyncio.Queue[bytes] = asyncio.Queue()
        self._room = Semaphore(CHUNKS_AHEAD)
        Thread(target=self._read, name="stdin", daemon=True).start()

    async def lines(self) -> AsyncGenerator[Line, None]:
        """Each line as it comes; the last one may lack its end."""
        number, parts, size = 0, deque[bytes](), 0
        while chunk := await self._chunks.get():
            self._room.release()
            *ended, rest = chunk.split(b"\n")
            for piece in ended:
                number += 1
                size += len(piece)
                parts.append(piece)
                yield self._line(number, parts, size)
                parts.clear()
                size = 0
            size += len(rest)
            if size <= self._line_bytes_max + 1:
                parts.append(rest)
            else:
                parts.clear()  # The size alone tells that it was too long.
        if size:
            yield self._line(number + 1, parts, size)

    def _line(self, number: int, parts: deque[bytes], size: int) -> Line:
        if size > self._line_bytes_max + 1:
            return Line(number, None)
        data = b"".join(parts).removesuffix(b"\r")
        return Line(number, data if len(data) <= self._line_bytes_max else None)

    def _read(self) -> None:
        """The thread: chunk after chunk, an empty one at the end."""
        chunk = b"-"
        while chunk:
            try:
                chunk = os.read(self._fd, CHUNK_BYTES)
            except BlockingIOError:
                # Whoever started us has made the descriptor non-blocking.
                select.select([self._fd], [], [])
                continue
            except OSError:
                chunk = b""
            self._room.acquire()
            try:
                self._loop.call_soon_threadsafe(self._chunks.put_nowait, chunk)
            except RuntimeError:
                return  # The loop is closed: nobody listens any more.


class LineWriter:
    """Writes whole lines, in the order in which they were given, as fast as they are taken.

    `lost` is set when nobody can read them any more; what is written then is dropped.
    """

    def __init__(self, sink: HasFileno) -> None:
        """Write from now on."""
        self._fd = sink.fileno()
        self._loop = asyncio.get_running_loop()
        self.lost = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._batch: list[bytes] = []
        self._backlog = 0
        self._queue: SimpleQueue[bytes | None] = SimpleQueue()
        self._idle = asyncio.Event()
        self._idle.set()
        Thread(target=self._write, name="stdout", daemon=True).start()

    @property
    def is_behind(self) -> bool:
        """Whether so much waits to be taken that more should be held back."""
        return self._backlog > BEHIND_BYTES

    def write(self, line: bytes) -> None:
        """Write a line, ended by a newline, soon."""
        if self.lost.is_set():
            return
        self._batch.append(line)
        self._backlog += len(line)
        self._idle.clear()
        if self._backlog > BACKLOG_BYTES_MAX:
            self._room.clear()
        if len(self._batch) == 1:
            # What this turn of the loop still writes goes along.
            self._loop.call_soon(self._hand_over)

    async def room(self) -> None:
        """Wait while too much has been written that nobody has taken."""
        await self._room.wait()

    async def close(self) -> None:
        """Wait until everything is taken, or lost."""
        await self._idle.wait()
        self._queue.put(None)

    def _hand_over(self) -> None:
        self._queue.put(b"".join(self._batch))
        self._batch.clear()

    def _write(self) -> None:
        """The thread: batch after batch."""
        while (data := self._queue.get()) is not None:
            try:
                _write_all(self._fd, data)
            except OSError:
                self._tell(-1)
                return
            self._tell(len(data))

    def _tell(self, size: int) -> None:
        try:
            self._loop.call_soon_threadsafe(self._wrote, size)
        except RuntimeError:
            return  # The loop is closed: nobody waits any more.

    def _wrote(self, size: int) -> None:
        if size < 0:
            self.lost.set()
            size = self._backlog
        self._backlog -= size
        if self._backlog <= BACKLOG_BYTES_MAX:
            self._room.set()
        if self._backlog == 0:
            self._idle.set()


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            select.select([], [fd], [])
