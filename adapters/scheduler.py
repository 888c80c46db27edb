"""Upkeep by the clock: APScheduler runs each job at its interval, never two runs of one at once.

Nothing in the books depends on this running in time, so a late run is not dropped
(`misfire_grace_time=None`; APScheduler's own default is one second) and missed ones become one.
The job store is memory: what is due is known by the books, not by the scheduler.
"""

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC
from typing import Any

from bot.upkeep import Job

_log = logging.getLogger(__name__)


class Scheduler:
    """Runs jobs on the event loop from `start` to `close`; one that fails stops no other."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._jobs = tuple(jobs)
        self._running: set[asyncio.Task[object]] = set()
        self._scheduler: Any = None

    def start(self) -> None:
        """Begin; jobs that are due at once run as soon as the loop is free."""
        from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES
        from apscheduler.schedulers.asyncio import AsyncIOScheduler

        # It would log each failure in its own words; `_tell` does it once.
        logging.getLogger("apscheduler").setLevel(logging.CRITICAL)
        defaults = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        self._scheduler = AsyncIOScheduler(timezone=UTC, job_defaults=defaults)
        self._scheduler.add_listener(_tell, EVENT_JOB_ERROR | EVENT_JOB_MAX_INSTANCES)
        for job in self._jobs:
            every_s = job.every_ms / 1_000
            self._scheduler.add_job(self._run, "interval", [job], id=job.name, seconds=every_s)
            if job.at_once:
                self._scheduler.add_job(self._run, "date", [job], id=f"{job.name} at start")
        self._scheduler.start()

    async def close(self) -> None:
        """Stop, and wait until what ran has ended; a second time does nothing."""
        scheduler, self._scheduler = self._scheduler, None
        if scheduler is None:
            return
        # It shuts down one turn of the loop later, and cancels what runs without waiting for it.
        scheduler.shutdown(wait=False)
        running = [task for task in self._running if task is not asyncio.current_task()]
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)
        await asyncio.sleep(0)

    async def _run(self, job: Job) -> None:
        task = asyncio.current_task()
        assert task is not None, "APScheduler runs a coroutine function in a task"
        self._running.add(task)
        try:
            # Stopped in the middle: every job is safe to run never, and to run again.
            with suppress(asyncio.CancelledError):
                await job.run()
        finally:
            self._running.discard(task)


def _tell(event: Any) -> None:
    """Put a failure into the log; the next run comes at its time all the same."""
    error = getattr(event, "exception", None)
    if error is None:
        _log.warning("%s still runs when it is due again", event.job_id)
    else:
        _log.error("%s failed", event.job_id, exc_info=error)
