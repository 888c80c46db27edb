"""The shipped program as a process: `quotabot chat --json` with lines in and events out."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

Event = dict[str, Any]
ENDS = frozenset({"answer", "refused", "panel", "error", "duplicate"})
WAIT_S = 60


def executable() -> str:
    """The console script of the environment that runs the tests."""
    return str(Path(sys.executable).with_name("quotabot"))


def environment(folder: Path, extra: dict[str, str] | None = None) -> dict[str, str]:
    """A home folder of its own, and nothing of the machine's settings."""
    kept = {key: os.environ[key] for key in ("PATH", "LANG", "TERM") if key in os.environ}
    return {**kept, "HOME": str(folder), "NO_COLOR": "1", **(extra or {})}


async def run(folder: Path, *args: str, stdin: str = "") -> tuple[int, str, str]:
    """Run a command to its end: exit code, output, errors."""
    process = await asyncio.create_subprocess_exec(
        executable(),
        *args,
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        cwd=folder,
        env=environment(folder),
    )
    out, err = await asyncio.wait_for(process.communicate(stdin.encode()), WAIT_S)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


class JsonChat:
    """One running `chat --json`."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.events: list[Event] = []
        self.ends: dict[str, list[Event]] = {}
        self._news = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, folder: Path, *args: str) -> Self:
        """Start in a folder; the config file there is used."""
        with (folder / "stderr.log").open("ab") as errors:
            process = await asyncio.create_subprocess_exec(
                executable(),
                "chat",
                "--json",
                *args,
                stdin=PIPE,
                stdout=PIPE,
                stderr=errors,
                cwd=folder,
                env=environment(folder),
                limit=2**24,
            )
        return cls(process)

    async def send(self, *lines: Event) -> None:
        """Write lines; a process that has died takes none."""
        assert self.process.stdin is not None
        data = "".join(json.dumps(line) + "\n" for line in lines)
        try:
            self.process.stdin.write(data.encode())
            await self.process.stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            return

    async def until(self, there: Callable[[], bool], wait_s: float = WAIT_S) -> None:
        """Wait until something has come."""
        async with asyncio.timeout(wait_s):
            while not there():
                self._news.clear()
                await self._news.wait()

    async def ended(self, *ids: str, wait_s: float = WAIT_S) -> list[Event]:
        """The ends of these ids, once all are there."""
        await self.until(lambda: all(i in self.ends for i in ids), wait_s)
        return [self.ends[i][0] for i in ids]

    async def kill(self) -> None:
        """Pull the plug."""
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()
        await self._reading

    async def close(self) -> int:
        """End of input: running turns finish; the exit code."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        code = await asyncio.wait_for(self.process.wait(), WAIT_S)
        await self._reading
        return code

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            if not line.endswith(b"\n"):
                break  # killed in the middle of a line: nobody was told anything
            event = json.loads(line)
            self.events.append(event)
            if event["event"] in ENDS and "id" in event:
                self.ends.setdefault(event["id"], []).append(event)
            self._news.set()
        self._news.set()
