"""Time: the machine's clock and the clock that tests move keep the same promises."""

import asyncio
import time

import pytest

from quota.clock import Clock, SystemClock, pause
from tests.fakes import MINUTE, MORNING, SECOND, FakeClock, let_run


def test_the_machines_clock_tells_milliseconds_since_1970() -> None:
    before = time.time_ns() // 1_000_000
    assert before <= SystemClock().now() <= time.time_ns() // 1_000_000


async def test_the_machines_clock_lets_a_wait_end() -> None:
    await pause(SystemClock(), 1)
    await pause(SystemClock(), -1)


async def test_the_machines_clock_ends_a_wait_after_so_many_milliseconds() -> None:
    before = asyncio.get_running_loop().time()
    async with SystemClock().timeout(90_500) as timeout:
        after = asyncio.get_running_loop().time()
        ends = timeout.when()
    assert ends is not None
    assert before + 90.5 <= ends <= after + 90.5


async def test_without_a_time_nothing_ends_a_wait() -> None:
    for clock in (SystemClock(), FakeClock()):
        async with clock.timeout(None) as timeout:
            await let_run()
        assert timeout.when() is None
        assert not timeout.expired()


async def waits(clock: Clock, wait_ms: int, ended: list[int]) -> None:
    await pause(clock, wait_ms)
    ended.append(clock.now())


async def test_a_wait_ends_when_its_time_has_come_and_not_before() -> None:
    clock, ended = FakeClock(), list[int]()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(waits(clock, MINUTE, ended))
        tasks.create_task(waits(clock, SECOND, ended))
        await clock.run_for(SECOND - 1)
        assert ended == []
        await clock.run_for(1)
        assert ended == [MORNING + SECOND]
        await clock.run_for(MINUTE)
    assert ended == [MORNING + SECOND, MORNING + MINUTE]


async def test_time_stops_at_each_wait_that_begins_while_it_runs() -> None:
    clock, told = FakeClock(), list[int]()

    async def tick() -> None:
        for _ in range(3):
            await waits(clock, SECOND, told)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(tick())
        await clock.run_for(MINUTE)
    assert told == [MORNING + 1_000, MORNING + 2_000, MORNING + 3_000]


async def test_setting_the_wall_clock_ends_no_wait() -> None:
    clock, ended = FakeClock(), list[int]()
    task = asyncio.create_task(waits(clock, SECOND, ended))
    await let_run()
    clock.step(-MINUTE)
    clock.step(5 * MINUTE)
    await let_run()
    assert ended == []
    clock.advance(SECOND)
    await task
    assert ended == [MORNING + 4 * MINUTE + SECOND]


async def test_a_wait_that_is_over_is_left_alone() -> None:
    clock = FakeClock()
    async with clock.timeout(SECOND) as timeout:
        pass
    clock.advance(SECOND)
    assert not timeout.expired()


async def test_no_time_at_all_ends_at_once() -> None:
    for clock in (SystemClock(), FakeClock()):
        with pytest.raises(TimeoutError):
            async with clock.timeout(0):
                await asyncio.Event().wait()
