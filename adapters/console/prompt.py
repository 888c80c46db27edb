"""A person at a terminal: editing, history, pasted text, Ctrl-C. Imported only when needed.

While an answer runs the terminal is in its ordinary mode: what is typed is echoed, /stop and
/quit are obeyed at once, and other lines are answered afterwards.
"""

import asyncio
import os
import select
import termios
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import Output

from adapters.console.interrupts import interrupts
from adapters.console.render import clean
from adapters.console.screen import Screen
from bot import text_console as say

HISTORY_BYTES_MAX = 512 * 1024
TYPED_BYTES = 65_536
_STOP, _LEAVE = "/stop", frozenset({"/quit", "/exit"})


class KeyTyping:
    """Reads messages key by key."""

    def __init__(
        self,
        screen: Screen,
        environ: Mapping[str, str],
        *,
        keys: Input | None = None,
        output: Output | None = None,
    ) -> None:
        """Read from the terminal, unless other `keys` are given."""
        self._screen = screen
        self.ahead: deque[str] = deque()
        self._session: PromptSession[str] = PromptSession(
            history=history(environ),
            key_bindings=_bindings(),
            multiline=True,
            prompt_continuation=say.CONTINUED,
            completer=WordCompleter(say.COMMANDS, sentence=True),
            complete_while_typing=False,
            input=keys,
            output=output,
        )
        self.fd = self._session.input.fileno()

    async def message(self, prompt: str) -> str | None:
        """The next message; Ctrl-D, or Ctrl-C twice at an empty prompt, leaves."""
        prompt = clean(prompt)
        if self.ahead:
            text = self.ahead.popleft()
            self._screen.prompt(f"{prompt}{text}\n")
            return text
        warned = False
        while True:
            try:
                return await self._session.prompt_async(prompt)
            except EOFError:
                return None
            except KeyboardInterrupt:
                if warned:
                    return None
                warned = True
                self._screen.say(say.ctrl_c_again(), "dim")

    @contextmanager
    def during_answer(self, stop: Callable[[], None], leave: Callable[[], None]) -> Iterator[None]:
        """Obey Ctrl-C, /stop, /quit and Ctrl-D; keep every other line for later."""
        loop = asyncio.get_running_loop()
        fd = self.fd

        def typed() -> None:
            text = _typed(fd)
            self._screen.moved_down()
            if text is None:
                loop.remove_reader(fd)
                leave()
            elif text.strip().casefold() == _STOP:
                stop()
            elif text.strip().casefold() in _LEAVE:
                leave()
            elif text.strip():
                self.ahead.append(text)

        loop.add_reader(fd, typed)
        try:
            with interrupts(stop), _quiet_keys(fd):
                yield
        finally:
            loop.remove_reader(fd)


@contextmanager
def _quiet_keys(fd: int) -> Iterator[None]:
    """Let the terminal not write ^C into the answer that it stops."""
    try:
        before = termios.tcgetattr(fd)
    except termios.error:  # no terminal, or a terminal that has gone
        yield
        return
    quiet = [*before]
    quiet[3] &= ~termios.ECHOCTL
    termios.tcsetattr(fd, termios.TCSANOW, quiet)
    try:
        yield
    finally:
        with suppress(termios.error):
            termios.tcsetattr(fd, termios.TCSANOW, before)


def _typed(fd: int) -> str | None:
    """What was entered, a pasted text whole; None: the terminal is gone, or Ctrl-D."""
    parts: list[bytes] = []
    try:
        while select.select([fd], [], [], 0)[0]:
            data = os.read(fd, TYPED_BYTES)
            if not data:
                return None
            parts.append(data)
    except OSError:
        return None
    return b"".join(parts).decode("utf-8", "replace").removesuffix("\n")


def _bindings() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter")
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.document.text_before_cursor.endswith("\\"):
            buffer.delete_before_cursor()
            buffer.insert_text("\n")
        else:
            buffer.validate_and_handle()

    @keys.add("escape", "enter")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    @keys.add("c-c")
    @keys.add("<sigint>")
    def _(event: KeyPressEvent) -> None:
        if event.current_buffer.text:
            event.current_buffer.reset()
        else:
            event.app.exit(exception=KeyboardInterrupt)

    return keys


class _File(FileHistory):
    """History in a file; a full disk costs the history, not the message."""

    def store_string(self, string: str) -> None:
        with suppress(OSError):
            super().store_string(string)


def history(environ: Mapping[str, str]) -> History:
    """What was typed before, private to the person; in memory where no file can be had."""
    state = environ.get("XDG_STATE_HOME") or Path(environ.get("HOME") or "~") / ".local" / "state"
    place = Path(state).expanduser() / "quotabot" / "history"
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(place, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600))
        _shorten(place)
    except (OSError, RuntimeError):
        return InMemoryHistory()
    return _File(str(place))


def _shorten(place: Path) -> None:
    """Keep the newer half of a file that has grown too long, from a whole message on."""
    if place.stat().st_size > HISTORY_BYTES_MAX:
        kept = place.read_bytes()[-HISTORY_BYTES_MAX // 2 :]
        place.write_bytes(kept[max(0, kept.find(b"\n\n#")) :])
