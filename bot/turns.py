"""An ask on its way, and what the operator says about all of them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bot.messages import Ask, End
from bot.meter import Received
from quota.errors import QuotaError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ChatSettings:
    """The operator's settings of the chat."""

    input_chars_max: int = 32_000
    queue_max: int = 2
    system_prompt: str = ""
    note: str = ""


@dataclass(slots=True)
class Turn:
    """An ask on its way."""

    ask: Ask
    arrived_at: int
    work: asyncio.Task[End] | None = None
    stopped: bool = False
    received: Received = field(default_factory=Received)

    def stop(self) -> None:
        """End it now; what was generated is charged, nothing more."""
        if self.work is not None and not self.stopped:
            self.stopped = True
            self.work.cancel()


def unbroken(update: Callable[[str], Awaitable[None]]) -> Callable[[str], Awaitable[None]]:
    """The same, but a platform that does not take an update does not end the turn."""
    broken = False

    async def show(delta: str) -> None:
        nonlocal broken
        if broken:
            return
        try:
            await update(delta)
        except QuotaError:
            raise
        except Exception:  # the answer is paid for; its end is delivered all the same
            broken = True
            _log.exception("an update could not be shown")

    return show
