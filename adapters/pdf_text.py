"""The text of PDF files, with pypdf, in threads of their own.

Why threads of their own: a hostile file can keep one busy for long, and it shall be ours, not one
that anybody else waits for. Nothing can end a thread, so it looks between pages whether it should.
"""

import asyncio
import io
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from bot.messages import Document
from bot.ports import Extract
from quota.clock import Clock

if TYPE_CHECKING:  # The import takes a tenth of a second, and most members attach none.
    from pypdf import PdfReader

_log = logging.getLogger(__name__)

BYTES_MAX = 20 * 1024 * 1024
PAGES_MAX = 200
READ_MS = 15_000
THREADS_MAX = 2


class PdfText:
    """DocumentReader for PDF."""

    def __init__(self, clock: Clock) -> None:
        """No thread runs before the first file."""
        self._clock = clock
        self._threads = ThreadPoolExecutor(THREADS_MAX, "pdf")
        self._stop = threading.Event()

    async def read(self, document: Document, chars_max: int) -> Extract:
        """See DocumentReader."""
        if document.media_type != "application/pdf":
            return Extract("", why="kind")
        if len(document.data) > BYTES_MAX:
            return Extract("", why="large")
        late = threading.Event()
        loop = asyncio.get_running_loop()
        reading = loop.run_in_executor(self._threads, self._read, document.data, chars_max, late)
        try:
            async with self._clock.timeout(READ_MS):
                return await asyncio.shield(reading)
        except TimeoutError:
            return Extract("", why="slow")
        finally:
            late.set()

    def close(self) -> None:
        """Let go of the threads; one that is busy ends after its page."""
        self._stop.set()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _read(self, data: bytes, chars_max: int, late: threading.Event) -> Extract:
        """The text page by page, until there is enough of it."""
        try:
            reader = _opened(data)
            if reader is None:
                return Extract("", why="locked")
            of = len(reader.pages)
            parts: list[str] = []
            left = chars_max
            for page in reader.pages[:PAGES_MAX]:
                if late.is_set() or self._stop.is_set():
                    return Extract("", why="slow")
                text = page.extract_text().strip()
                if len(text) > left:
                    break
                left -= len(text) + 1
                parts.append(text)
        except Exception as error:  # hostile files raise anything, recursion errors among them
            _log.info("a PDF could not be read: %s", type(error).__name__)
            return Extract("", why="broken")
        text = "\n".join(parts).strip()
        if not text and len(parts) < of:
            return Extract("", why="long")
        return Extract(text, len(parts), of) if text else Extract("", why="empty")


def _opened(data: bytes) -> "PdfReader | None":
    """None where only a password opens it, or more than we have."""
    from pypdf import PasswordType, PdfReader
    from pypdf.errors import DependencyError

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    reader = PdfReader(io.BytesIO(data))
    # Many files are encrypted with an empty password, so that they cannot be changed.
    try:
        is_locked = reader.is_encrypted and reader.decrypt("") is PasswordType.NOT_DECRYPTED
    except DependencyError:
        return None
    return None if is_locked else reader
