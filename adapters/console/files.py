"""Text files that go along with a message; anything else is refused with the reason."""

import os
import stat
from pathlib import Path

from bot import text_console as say
from bot.messages import Attachment

FILE_BYTES_MAX = 256 * 1024
FILES_MAX = 10

_KINDS = (
    (b"%PDF-", "PDF files"),
    (b"\x89PNG\r\n", "pictures"),
    (b"\xff\xd8\xff", "pictures"),
    (b"GIF8", "pictures"),
    (b"RIFF", "pictures, sound and video"),
    (b"PK\x03\x04", "archives and office documents"),
    (b"\x1f\x8b", "archives"),
    (b"\x7fELF", "programs"),
)


class FileRefusedError(Exception):
    """The file is left out; the message says why, as the end of a sentence."""


def read(path: str, attached: int = 0) -> Attachment:
    """Read a text file beside those attached already; FileRefusedError says why not.

    Blocks for as long as a disk takes, never on a pipe or a device.
    """
    if attached >= FILES_MAX:
        raise FileRefusedError(say.files_full(FILES_MAX))
    place = Path(path).expanduser()
    try:
        # Opened without waiting, because a named pipe would wait for its other end.
        with open(place, "rb", opener=_open_at_once) as file:
            about = os.fstat(file.fileno())
            if not stat.S_ISREG(about.st_mode):
                raise FileRefusedError(say.not_a_file())
            data = file.read(FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        raise FileRefusedError(say.no_file()) from None
    except IsADirectoryError:
        raise FileRefusedError(say.not_a_file()) from None
    except (OSError, ValueError):
        raise FileRefusedError(say.not_readable()) from None
    for mark, kind in _KINDS:
        if data.startswith(mark):
            raise FileRefusedError(say.file_kind(kind))
    if len(data) > FILE_BYTES_MAX:
        size = max(about.st_size, len(data))
        raise FileRefusedError(say.file_too_large(size, FILE_BYTES_MAX))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FileRefusedError(say.file_not_text()) from None
    if "\0" in text:
        raise FileRefusedError(say.file_not_text())
    return Attachment(place.name, text)


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
