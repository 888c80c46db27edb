"""The limit over all channels of Discord, on a clock that the test moves."""

import asyncio

from adapters.discord.throttle import EVERY_MS, Throttle
from tests.fakes import SECOND, FakeClock, let_run


async def test_no_second_sees_more_than_discord_takes() -> None:
    clock = FakeClock()
    throttle, sent = Throttle(clock), list[int]()

    async def request() -> None:
        await throttle.turn()
        sent.append(clock.now())

    tasks = [asyncio.create_task(request()) for _ in range(200)]
    await clock.run_for(200 * EVERY_MS)
    await asyncio.gather(*tasks)
    begin = sent[0]
    assert sum(at < begin + SECOND for at in sent) <= 50
    assert len(sent) == 200


async def test_the_end_of_an_answer_goes_first() -> None:
    clock = FakeClock()
    throttle, sent = Throttle(clock), list[str]()

    async def request(name: str, *, urgent: bool) -> None:
        await throttle.turn(lambda: urgent)
        sent.append(name)

    names = [("a", False), ("b", False), ("c", False), ("end", True)]
    tasks = [asyncio.create_task(request(name, urgent=urgent)) for name, urgent in names]
    await clock.run_for(SECOND)
    await asyncio.gather(*tasks)
    assert sent == ["end", "a", "b", "c"]


async def test_who_no_longer_waits_takes_no_turn() -> None:
    clock = FakeClock()
    throttle = Throttle(clock)
    tasks = [asyncio.create_task(throttle.turn()) for _ in range(3)]
    await let_run()
    tasks[1].cancel()
    await clock.run_for(EVERY_MS)
    await let_run()
    assert tasks[2].done()
    await clock.run_for(SECOND)
