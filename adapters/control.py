"""Orders from the command line to the running bot: one JSON line each way over a unix socket.

Who may use it: whoever may open the socket file, which is its owner alone (mode 0600). The file
lock of the database tells whether a bot runs; a socket without one is stale and is replaced.
"""

import asyncio
import hashlib
import json
import logging
import os
import socket
import stat
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from quota.errors import StoreUnavailableError

_log = logging.getLogger(__name__)

Answer = dict[str, Any]

# What the kernels allow: 108 bytes with the final zero on Linux, 104 on macOS.
_PATH_BYTES_MAX = 100
_LINE_BYTES_MAX = 1 << 20
_READ_S = 10
_ANSWER_S = 60


def socket_path(database: Path) -> Path:
    """The socket of a database: beside it, or under a short name where that path is too long."""
    resolved = database.resolve()
    beside = resolved.with_name(f"{resolved.name}.sock")
    if len(os.fsencode(beside)) <= _PATH_BYTES_MAX:
        return beside
    name = hashlib.sha256(os.fsencode(resolved)).hexdigest()[:16]
    return Path(tempfile.gettempdir(), f"quotabot-{os.getuid()}", f"{name}.sock")


class ControlServer:
    """Takes orders from `start` to `close`; the caller holds the lock of the database."""

    def __init__(self, database: Path, carry_out: Callable[[Answer], Awaitable[Answer]]) -> None:
        self._database = database
        self._path = socket_path(database)
        self._carry_out = carry_out
        self._server: asyncio.Server | None = None
        self._talks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen. A socket that is there is left over: its bot does not hold the lock."""
        try:
            if self._path.parent != self._database.resolve().parent:
                _private_folder(self._path.parent)
            self._path.unlink(missing_ok=True)
            listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                listening.bind(os.fspath(self._path))
                # Nobody gets in before `listen`, so there is no moment with a wider mode.
                self._path.chmod(0o600)
                self._server = await asyncio.start_unix_server(
                    self._talk, sock=listening, limit=_LINE_BYTES_MAX
                )
            except BaseException:
                listening.close()
                raise
        except OSError as error:
            # The bot answers people all the same; only orders have to wait for it to end.
            _log.warning("%s: no orders can be taken: %s", self._path, error.strerror)

    async def close(self) -> None:
        """Listen no more; orders that are being carried out are answered first."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        talks = [talk for talk in self._talks if talk is not asyncio.current_task()]
        if talks:
            await asyncio.wait(talks, timeout=_READ_S)
        for talk in talks:
            talk.cancel()
        self._path.unlink(missing_ok=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "asyncio runs each connection in a task"
        self._talks.add(task)
        try:
            with suppress(OSError, TimeoutError, ValueError):
                async with asyncio.timeout(_READ_S):
                    line = await reader.readline()
                if line:
                    answer = await self._carry_out(_object(line))
                    writer.write(json.dumps(answer).encode() + b"\n")
                    await writer.drain()
        finally:
            self._talks.discard(task)
            writer.close()


async def hand_over(database: Path, order: Answer) -> Answer | None:
    """Give an order to the bot that runs on this database; None where none does.

    StoreUnavailableError where one is there and cannot be spoken to.
    """
    path = socket_path(database)
    try:
        reader, writer = await asyncio.open_unix_connection(path, limit=_LINE_BYTES_MAX)
    except (FileNotFoundError, ConnectionRefusedError):
        return None
    except OSError as error:
        raise StoreUnavailableError(
            f"the running bot cannot be reached at {path} ({error.strerror}): run this command as "
            "the user that the bot runs as"
        ) from error
    try:
        writer.write(json.dumps(order).encode() + b"\n")
        async with asyncio.timeout(_ANSWER_S):
            await writer.drain()
            line = await reader.readline()
        return _object(line)
    except (OSError, TimeoutError, ValueError) as error:
        raise StoreUnavailableError(
            "the running bot took the command and did not answer: look whether it was done "
            "(quotabot quota list), then try again"
        ) from error
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def _object(line: bytes) -> Answer:
    value = json.loads(line)
    if not isinstance(value, dict):
        raise ValueError("no object")  # noqa: TRY004 - one kind for all that is no order
    return value


def _private_folder(folder: Path) -> None:
    """Make a folder for our eyes; one that somebody else has put there is not used."""
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(0, f"{folder} belongs to somebody else")
