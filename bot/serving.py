"""How a process that serves is told to stop or to reload: signals, and what they do."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from bot.bot import Bot
from bot.config_values import ConfigError
from quota.errors import QuotaError

_log = logging.getLogger(__name__)


async def serve(
    bot: Bot,
    work: Callable[[Bot], Coroutine[Any, Any, None]],
    reload: Callable[[], Awaitable[str]] | None,
) -> None:
    """Let `work` use the bot until it ends, then close the bot.

    The first SIGTERM (and SIGINT, for a service) lets running answers finish as long as closing
    allows; a second one cuts them short. Either way all is settled. SIGHUP calls `reload`; a
    person at a terminal has none, there it means that the terminal has gone.
    """
    try:
        serving = asyncio.create_task(work(bot))
        signals = _Signals(bot, serving, reload)
        try:
            await serving
        except asyncio.CancelledError:
            if not signals.told:
                raise
    finally:
        await bot.close()


class _Signals:
    """What a signal does; `told`: to stop."""

    def __init__(
        self,
        bot: Bot,
        serving: asyncio.Task[None],
        reload: Callable[[], Awaitable[str]] | None,
    ) -> None:
        self.told = False
        self._bot = bot
        self._serving = serving
        self._tasks: set[asyncio.Task[None]] = set()
        listen = asyncio.get_running_loop().add_signal_handler
        listen(signal.SIGTERM, self._stop)
        if reload is None:
            listen(signal.SIGHUP, self._stop)
        else:
            listen(signal.SIGINT, self._stop)
            listen(signal.SIGHUP, lambda: self._start(_reloaded(reload)))

    def _stop(self) -> None:
        if self.told:
            self._start(self._bot.chat.close(0))
        self.told = True
        self._serving.cancel()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _reloaded(reload: Callable[[], Awaitable[str]]) -> None:
    """Reload; what stands against it is told in the log, and all stays as it was."""
    try:
        _log.warning("%s", await reload())
    except (ConfigError, QuotaError) as error:
        _log.error("nothing was reloaded: %s", error)
