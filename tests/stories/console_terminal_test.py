"""A newcomer's first minutes: the shipped program on a terminal of its own."""

import asyncio
import os
import pty
import re
import signal
import struct
import termios
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from fcntl import ioctl
from pathlib import Path

import pytest

from tests.processes.program import WAIT_S, environment, executable

CTRL_C, CTRL_D, ENTER = "\x03", "\x04", "\r"
WHERE, TAKES_PASTED_TEXT = b"\x1b[6n", "\x1b[?2004h"
SEQUENCES = re.compile(r"\x1b(\[[0-9;?]*[a-zA-Z]|\][^\x07]*\x07|[=>])|\r")


class Window:
    """A terminal window with a program in it."""

    def __init__(self, process: asyncio.subprocess.Process, fd: int) -> None:
        self.process = process
        self.raw = ""
        self._fd = fd
        self._changed = asyncio.Event()
        asyncio.get_running_loop().add_reader(fd, self._read)

    @property
    def text(self) -> str:
        """All that was ever shown, without control sequences."""
        return SEQUENCES.sub("", self.raw)

    def type(self, keys: str) -> None:
        os.write(self._fd, keys.encode())

    async def shows(self, text: str) -> None:
        """Wait for a text."""
        await self._until(lambda: text in self.text)

    async def prompts(self, times: int = 1) -> None:
        """Wait until messages are taken for the so-manieth time."""
        await self._until(lambda: self.raw.count(TAKES_PASTED_TEXT) >= times)

    async def _until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not true():
                self._changed.clear()
                await self._changed.wait()

    async def exit_code(self) -> int:
        return await asyncio.wait_for(self.process.wait(), WAIT_S)

    def _read(self) -> None:
        try:
            data = os.read(self._fd, 65_536)
        except OSError:
            data = b""
        if not data:
            self.leave()
        for _ in range(data.count(WHERE)):
            os.write(self._fd, b"\x1b[1;1R")  # as a terminal says where its cursor is
        self.raw += data.decode("utf-8", "replace")
        self._changed.set()

    def leave(self) -> None:
        asyncio.get_running_loop().remove_reader(self._fd)


def own_terminal() -> None:
    ioctl(0, termios.TIOCSCTTY, 0)


@asynccontextmanager
async def window(
    folder: Path, *args: str, columns: int = 100, **environ: str
) -> AsyncIterator[Window]:
    parent, child = pty.openpty()
    ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = await asyncio.create_subprocess_exec(
        executable(),
        "chat",
        *args,
        stdin=child,
        stdout=child,
        stderr=child,
        cwd=folder,
        env=environment(folder, {"TERM": "xterm-256color", "TZ": "UTC", **environ}),
        start_new_session=True,
        preexec_fn=own_terminal,  # the kernel turns Ctrl-C into a signal for its owner only
    )
    os.close(child)
    shown = Window(process, parent)
    try:
        yield shown
    finally:
        shown.leave()
        if process.returncode is None:
            process.kill()
            await process.wait()
        os.close(parent)


async def test_the_first_minute(tmp_path: Path) -> None:
    async with window(tmp_path, "--as", "ana") as it:
        await it.prompts()
        assert "ana>" in it.text
        assert "embedded defaults: 1k tokens/hour, 30 requests/hour" in it.text
        it.type("hello" + ENTER)
        await it.shows("left this hour · resets")
        it.type("/quota" + ENTER)
        await it.shows("✓ Quota — 9")
        await it.shows("Rules: everyone: 1k tokens/hour; everyone: 30 requests/hour")
        it.type("/quit" + ENTER)
        assert await it.exit_code() == 0
    assert (tmp_path / ".local" / "state" / "quotabot" / "history").exists()


@pytest.mark.parametrize("how", [CTRL_C, "/stop\n"])
async def test_an_answer_is_stopped_and_the_prompt_comes_back(tmp_path: Path, how: str) -> None:
    async with window(tmp_path) as it:
        await it.prompts()
        it.type("count to 300" + ENTER)
        await it.shows("1 2 3 4 5")
        it.type(how)
        await it.shows("Stopped by you. Charged")
        it.type("/quota" + ENTER)
        await it.shows("Quota — ")
        assert "^C" not in it.text
        await it.prompts(3)
        it.type(CTRL_D)
        assert await it.exit_code() == 0


@pytest.mark.parametrize("how", ["/quit\n", CTRL_D, signal.SIGTERM, signal.SIGHUP])
async def test_leaving_in_the_middle_of_an_answer_settles_it(
    tmp_path: Path, how: str | signal.Signals
) -> None:
    async with window(tmp_path) as it:
        await it.prompts()
        it.type("count to 300" + ENTER)
        await it.shows("1 2 3 4 5")
        if isinstance(how, str):
            it.type(how)
        else:
            it.process.send_signal(how)
        assert await it.exit_code() == 0
    async with window(tmp_path) as it:
        await it.prompts()
        it.type("/quota" + ENTER)
        await it.shows("Rules: ")
        used = re.search(r"(\d+) / 1,000 tokens", it.text)
        assert used is not None
        assert 0 < int(used[1]) < 300
        assert "held" not in it.text


async def test_ctrl_c_twice_leaves(tmp_path: Path) -> None:
    async with window(tmp_path) as it:
        await it.prompts()
        it.type("half a thought" + CTRL_C + CTRL_C)
        await it.shows("Ctrl-C once more leaves")
        await it.prompts(2)
        it.type(CTRL_C)
        assert await it.exit_code() == 0


async def test_colours_are_left_out_where_they_are_not_wanted(tmp_path: Path) -> None:
    for wanted, said in ((True, ""), (False, "1")):
        async with window(tmp_path, NO_COLOR=said) as it:
            await it.prompts()
            it.type("/quota" + ENTER)
            await it.shows("Rules: ")
            assert ("\x1b[32m" in it.raw) == wanted
            assert ("\x1b[2m" in it.raw) == wanted


async def test_a_terminal_that_can_do_little_is_enough(tmp_path: Path) -> None:
    async with window(tmp_path, columns=40, TERM="dumb") as it:
        await it.shows("you> ")
        it.type("hello\n")
        await it.shows("left this hour")
        it.type("/quit\n")
        assert await it.exit_code() == 0
        assert "\x1b" not in it.raw


async def test_forty_columns_are_enough(tmp_path: Path) -> None:
    async with window(tmp_path, "--admin", columns=40) as it:
        commands = ["hello", "/help", "/quota", "/quota-admin limit list", "/model"]
        for number, command in enumerate(commands, 1):
            await it.prompts(number)
            it.type(command + ENTER)
        await it.prompts(len(commands) + 1)
        assert "    █░░░" in it.text
        assert "    amount: 1k tokens/hour\n" in it.text
        # What is typed, and the hint that the answer replaces, are no lines of their own.
        shown = [x for x in it.text.splitlines() if "you#" not in x and "asking" not in x]
        assert max(map(len, shown)) <= 40
