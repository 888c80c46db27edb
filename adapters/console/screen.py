"""The one place that writes to a person's terminal, or to the pipe that stands for it."""

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TextIO

from adapters.console import render
from adapters.console.render import Flow, Look, Style
from bot.panels import Panel

_ERASE_LINE = "\r\x1b[K"


class Screen:
    """Shows sentences, panels and a running answer; says once when nobody can see them."""

    def __init__(self, out: TextIO, environ: Mapping[str, str]) -> None:
        """Write to `out`, as plainly as it and the environment ask for."""
        self._out = out
        self._environ = environ
        self._flow: Flow | None = None
        self._hint = False
        self.on_lost: Callable[[], None] = lambda: None
        self.is_lost = False

    @property
    def look(self) -> Look:
        """What can be shown now; a window may have changed its size."""
        return render.look_of(self._out, self._environ)

    def say(self, text: str, style: Style = "plain", indent: str = "") -> None:
        """A sentence."""
        self._write(render.sentence(text, style, self.look, indent))

    def show(self, panel: Panel) -> None:
        """A panel, with air below it."""
        self._write(render.panel(panel, self.look) + "\n")

    def prompt(self, text: str) -> None:
        """What stands before typed text; no newline follows."""
        self._write(render.clean(text))

    def blank(self) -> None:
        """An empty line."""
        self._write("\n")

    def hint(self, text: str) -> None:
        """A passing remark that the next thing shown replaces; only on terminals that can."""
        look = self.look
        if look.terminal:
            self._write(render.paint(render.clean(text)[: look.width - 1], "dim", look))
            self._hint = True

    def stream(self, text: str) -> None:
        """More of an answer."""
        text = render.clean(text)
        if self._flow is None:
            look = self.look
            self._flow = Flow(look.width) if look.terminal else Flow(1 << 30)
        self._write(self._flow.feed(text))

    def moved_down(self) -> None:
        """Whoever types has ended a line in the middle of an answer."""
        if self._flow is not None:
            self._flow.restart_line()

    def end_stream(self) -> None:
        """The answer is whole: what follows begins on a new line."""
        if self._flow is not None:
            rest, self._flow = self._flow.finish(), None
            self._write(f"{rest}\n")

    def _write(self, text: str) -> None:
        if self.is_lost or not text:
            return
        look = self.look
        text = render.spelled(text, look)
        if self._hint:
            text, self._hint = _ERASE_LINE + text, False
        encoding = getattr(self._out, "encoding", None) or "utf-8"
        try:
            self._out.write(text.encode(encoding, "replace").decode(encoding))
            self._out.flush()
        except OSError:
            self._lose()

    def _lose(self) -> None:
        """Nobody reads any more: say so once, and leave nothing for Python to write at exit."""
        self.is_lost = True
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._out.fileno())
            os.close(nowhere)
        self.on_lost()
