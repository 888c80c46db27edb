import asyncio
import logging

import pytest

from adapters.scheduler import Scheduler
from bot.upkeep import Job

NEVER_MS = 1_000_000_000
SOON_MS = 20


class Runs:
    """Counts how often it was run; `times` lets a test wait for that."""

    def __init__(self) -> None:
        self.count = 0
        self._more = asyncio.Event()

    async def __call__(self) -> None:
        self.count += 1
        self._more.set()

    async def times(self, count: int) -> None:
        async with asyncio.timeout(10):
            while self.count < count:
                self._more.clear()
                await self._more.wait()


async def test_a_job_runs_again_and_again() -> None:
    runs = Runs()
    scheduler = Scheduler([Job("tidy", runs, SOON_MS)])
    scheduler.start()
    await runs.times(3)
    await scheduler.close()


async def test_a_job_that_is_due_at_once_does_not_wait_for_its_interval() -> None:
    now, later = Runs(), Runs()
    scheduler = Scheduler([Job("a", now, NEVER_MS, at_once=True), Job("b", later, NEVER_MS)])
    scheduler.start()
    await now.times(1)
    await scheduler.close()
    assert (now.count, later.count) == (1, 0)


async def test_a_job_that_fails_is_told_and_stops_neither_itself_nor_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    runs, failures = Runs(), Runs()

    async def fail() -> None:
        await failures()
        raise ValueError("out of luck")

    scheduler = Scheduler([Job("broken", fail, SOON_MS), Job("fine", runs, SOON_MS)])
    scheduler.start()
    await failures.times(2)
    await runs.times(runs.count + 2)
    await scheduler.close()
    told = [r for r in caplog.records if r.name == "adapters.scheduler"]
    assert len(told) >= 2
    assert {(r.levelno, r.getMessage()) for r in told} == {(logging.ERROR, "broken failed")}
    assert "ValueError: out of luck" in caplog.text


async def test_a_job_never_runs_twice_at_once(caplog: pytest.LogCaptureFixture) -> None:
    started, end = Runs(), asyncio.Event()
    others = Runs()

    async def slow() -> None:
        await started()
        await end.wait()

    scheduler = Scheduler([Job("slow", slow, SOON_MS), Job("other", others, SOON_MS)])
    scheduler.start()
    await started.times(1)
    await others.times(others.count + 3)
    assert started.count == 1
    end.set()
    await started.times(2)
    await scheduler.close()
    assert "slow still runs when it is due again" in caplog.text


async def test_closing_waits_until_a_running_job_has_let_go() -> None:
    started, let_go = Runs(), Runs()

    async def careful() -> None:
        try:
            await started()
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            await let_go()

    scheduler = Scheduler([Job("careful", careful, NEVER_MS, at_once=True)])
    scheduler.start()
    await started.times(1)
    await scheduler.close()
    assert let_go.count == 1
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_nothing_runs_after_closing() -> None:
    runs = Runs()
    scheduler = Scheduler([Job("tidy", runs, SOON_MS)])
    scheduler.start()
    await runs.times(1)
    await scheduler.close()
    count = runs.count
    # Three other intervals pass in the meantime.
    other = Runs()
    clock = Scheduler([Job("clock", other, SOON_MS)])
    clock.start()
    await other.times(3)
    await clock.close()
    assert runs.count == count


async def test_closing_twice_or_before_the_start_does_nothing() -> None:
    scheduler = Scheduler([])
    await scheduler.close()
    scheduler.start()
    await scheduler.close()
    await scheduler.close()
