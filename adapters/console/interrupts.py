"""Ctrl-C as a signal, for as long as somebody has a better use for it than to end the program."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def interrupts(handler: Callable[[], None]) -> Iterator[None]:
    """Call the handler for each SIGINT; afterwards all is as before."""
    loop = asyncio.get_running_loop()
    before = signal.getsignal(signal.SIGINT)
    try:
        loop.add_signal_handler(signal.SIGINT, handler)
    except (ValueError, RuntimeError):  # not in the main thread, to which no signal comes
        yield
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, before)
