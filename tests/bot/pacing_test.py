"""Several answers in one rate-limit bucket: who is shown next, and how soon an end is seen."""

import asyncio
import random
from math import sqrt

import pytest

from bot.pacing import Paced, Pacer, SlowDownError
from tests.bench import cadence
from tests.fakes import SECOND, FakeClock, let_run

TICK = 100
EVERY = SECOND


class Screen:
    """A message of a platform: remembers when it was written, and how much was unseen then."""

    def __init__(self, clock: FakeClock, pacer: Pacer, calls_at_end: int = 1) -> None:
        self.clock = clock
        self.writes: list[int] = []
        self.troubles: list[Exception] = []
        self.calls_at_end = calls_at_end
        self.paced: Paced = pacer.open(self.write)
        self.started = clock.now()

    async def write(self) -> bool:
        self.writes.append(self.clock.now() - self.started)
        await asyncio.sleep(0)
        if self.troubles:
            raise self.troubles.pop(0)
        if not self.paced.has_ended:
            return True
        self.calls_at_end -= 1
        return self.calls_at_end <= 0


def bucket() -> tuple[FakeClock, Pacer]:
    clock = FakeClock()
    return clock, Pacer(clock, EVERY)


async def test_the_first_words_are_shown_at_once() -> None:
    clock, pacer = bucket()
    screen = Screen(clock, pacer)
    screen.paced.grew(3)
    await let_run()
    assert screen.writes == [0]


async def test_what_grows_is_shown_at_the_pace_of_the_bucket() -> None:
    clock, pacer = bucket()
    screen = Screen(clock, pacer)
    for _ in range(29):
        screen.paced.grew(3)
        await clock.run_for(TICK)
    assert screen.writes == [0, 1_000, 2_000]


async def test_nothing_is_written_while_nothing_grows() -> None:
    clock, pacer = bucket()
    screen = Screen(clock, pacer)
    screen.paced.grew(3)
    await clock.run_for(5_000)
    screen.paced.grew(3)
    await let_run()
    assert screen.writes == [0, 5_000]


async def test_who_has_waited_long_comes_before_who_has_a_little_more() -> None:
    clock, pacer = bucket()
    slow, fast = Screen(clock, pacer), Screen(clock, pacer)
    fast.paced.grew(9)
    await let_run()
    slow.paced.grew(4)
    fast.paced.grew(9)
    await clock.run_for(1_000)
    assert (slow.writes, fast.writes) == ([], [0, 1_000])
    fast.paced.grew(9)
    await clock.run_for(1_000)
    assert (slow.writes, fast.writes) == ([2_000], [0, 1_000])


async def test_most_unseen_text_comes_first() -> None:
    clock, pacer = bucket()
    slow, fast = Screen(clock, pacer), Screen(clock, pacer)
    slow.paced.grew(1)
    fast.paced.grew(9)
    await clock.run_for(500)
    assert (slow.writes, fast.writes) == ([], [0])


async def test_an_end_comes_before_any_growing_answer() -> None:
    clock, pacer = bucket()
    ended, growing = Screen(clock, pacer), Screen(clock, pacer)
    growing.paced.grew(5)
    await let_run()
    growing.paced.grew(500)
    ending = asyncio.create_task(ended.paced.finish())
    await clock.run_for(1_000)
    await ending
    assert (growing.writes, ended.writes) == ([0], [1_000])


async def test_an_end_takes_what_is_left_of_a_burst() -> None:
    clock = FakeClock()
    pacer = Pacer(clock, EVERY, burst=5)
    screen = Screen(clock, pacer)
    screen.paced.grew(5)
    await clock.run_for(300)
    ending = asyncio.create_task(screen.paced.finish())
    await let_run()
    await ending
    assert screen.writes == [0, 300]


async def test_an_end_that_comes_during_a_write_takes_what_is_left_of_a_burst() -> None:
    clock = FakeClock()
    pacer = Pacer(clock, EVERY, burst=5)
    screen = Screen(clock, pacer)
    screen.paced.grew(5)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    ending = asyncio.create_task(screen.paced.finish())
    await let_run()
    await ending
    assert screen.writes == [0, 0]


async def test_no_burst_is_larger_than_the_platform_takes() -> None:
    clock = FakeClock()
    pacer = Pacer(clock, EVERY, burst=5)
    screens = [Screen(clock, pacer) for _ in range(12)]
    growing = Screen(clock, pacer)
    growing.paced.grew(1)
    ends = [asyncio.create_task(screen.paced.finish()) for screen in screens]
    await clock.run_for(15 * EVERY)
    await asyncio.gather(*ends)
    writes = [w for s in (*screens, growing) for w in s.writes]
    assert never_more_than(writes, 5, 5_000)
    assert sorted(writes)[:6] == [0, 0, 0, 0, 0, 5_000]


async def test_first_words_take_what_is_left_of_a_burst_at_once() -> None:
    clock = FakeClock()
    pacer = Pacer(clock, EVERY, burst=5, at_once=True)
    screens = [Screen(clock, pacer) for _ in range(7)]
    for screen in screens:
        screen.paced.grew(1)
        await let_run()
    await clock.run_for(10 * EVERY)
    writes = [w for s in screens for w in s.writes]
    assert writes == [0, 0, 0, 0, 0, 5_000, 5_000]


async def test_what_moves_to_another_bucket_waits_for_that_one_alone() -> None:
    clock = FakeClock()
    posts, edits = Pacer(clock, EVERY, at_once=True), Pacer(clock, EVERY)
    moving, other = Screen(clock, posts), Screen(clock, edits)
    moving.paced.grew(1)
    await let_run()
    moving.paced.move(edits)
    other.paced.grew(9)
    moving.paced.grew(4)
    await clock.run_for(1_500)
    assert (moving.writes, other.writes) == ([0, 1_000], [0])
    moving.paced.move(posts)
    ending = asyncio.create_task(moving.paced.finish())
    await let_run()
    await ending
    assert moving.writes == [0, 1_000, 1_500]
    other.paced.close()
    await clock.run_for(2_000)
    assert posts.is_idle
    assert edits.is_idle


async def test_an_end_of_several_messages_is_written_whole_first() -> None:
    clock, pacer = bucket()
    ended, growing = Screen(clock, pacer, calls_at_end=3), Screen(clock, pacer)
    ending = asyncio.create_task(ended.paced.finish())
    await let_run()
    growing.paced.grew(1)
    await clock.run_for(3_000)
    await ending
    assert (ended.writes, growing.writes) == ([0, 1_000, 2_000], [3_000])


async def test_an_end_waits_for_a_frame_that_is_on_its_way_and_is_written_itself() -> None:
    clock, pacer = bucket()
    screen = Screen(clock, pacer)
    screen.paced.grew(5)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    ending = asyncio.create_task(screen.paced.finish())
    await let_run()
    assert not ending.done()
    await clock.run_for(1_000)
    await ending
    assert screen.writes == [0, 1_000]


async def test_no_slot_is_spent_when_an_end_is_near() -> None:
    clock, pacer = bucket()
    near, growing = Screen(clock, pacer), Screen(clock, pacer)
    growing.paced.grew(5)
    await clock.run_for(900)
    growing.paced.grew(5)
    near.paced.ending()
    await clock.run_for(600)
    ending = asyncio.create_task(near.paced.finish())
    await let_run()
    await ending
    assert (growing.writes, near.writes) == ([0], [1_500])
    await clock.run_for(1_000)
    assert growing.writes == [0, 2_500]


async def test_who_was_wrong_about_its_end_holds_nobody_up_for_long() -> None:
    clock, pacer = bucket()
    wrong, growing = Screen(clock, pacer), Screen(clock, pacer)
    wrong.paced.ending()
    for _ in range(15):
        growing.paced.grew(5)
        await clock.run_for(TICK)
    assert growing.writes == [1_000]


async def test_a_bucket_that_is_empty_rests_and_nothing_is_lost() -> None:
    clock, pacer = bucket()
    screen = Screen(clock, pacer)
    screen.troubles = [SlowDownError(4_000)]
    screen.paced.grew(7)
    await clock.run_for(4_900)
    assert screen.writes == [0]
    assert screen.paced.unseen == 7
    await clock.run_for(100)
    assert screen.writes == [0, 5_000]
    assert screen.paced.unseen == 0


async def test_an_end_is_written_although_the_bucket_was_empty() -> None:
    clock, pacer = bucket()
    screen = Screen(clock, pacer)
    screen.troubles = [SlowDownError(2_000), SlowDownError(2_000)]
    ending = asyncio.create_task(screen.paced.finish())
    await clock.run_for(6_000)
    await ending
    assert screen.writes == [0, 3_000, 6_000]


async def test_a_frame_that_broke_is_the_last_but_for_the_end() -> None:
    clock, pacer = bucket()
    screen = Screen(clock, pacer)
    screen.troubles = [ConnectionError("gone")]
    screen.paced.grew(1)
    await clock.run_for(1_000)
    screen.paced.grew(1)
    await clock.run_for(2_000)
    assert screen.writes == [0]
    await screen.paced.finish()
    assert screen.writes == [0, 3_000]


async def test_an_end_that_cannot_be_written_is_told() -> None:
    clock, pacer = bucket()
    screen = Screen(clock, pacer)
    screen.troubles = [ConnectionError("gone")]
    with pytest.raises(ConnectionError, match="gone"):
        await screen.paced.finish()


async def test_a_bucket_that_nobody_needs_is_idle() -> None:
    clock, pacer = bucket()
    shown, dropped = Screen(clock, pacer), Screen(clock, pacer)
    await shown.paced.finish()
    dropped.paced.grew(1)
    before = pacer.is_idle
    dropped.paced.close()
    await clock.run_for(2_000)
    assert (before, pacer.is_idle) == (False, True)
    assert dropped.writes == []


async def test_who_leaves_while_the_end_waits_leaves_nothing_behind() -> None:
    clock, pacer = bucket()
    growing, leaving = Screen(clock, pacer), Screen(clock, pacer)
    growing.paced.grew(1)
    await let_run()
    ending = asyncio.create_task(leaving.paced.finish())
    await let_run()
    ending.cancel()
    await clock.run_for(3_000)
    assert leaving.writes == []
    growing.paced.close()
    await clock.run_for(1_000)
    assert pacer.is_idle


# The goal of the whole: how much text is unseen on average, against the least that is possible.


def never_more_than(writes: list[int], calls: int, within: int) -> bool:
    ordered = sorted(writes)
    return all(
        later - first >= within for first, later in zip(ordered, ordered[calls:], strict=False)
    )


@pytest.mark.parametrize(
    "rates",
    [[40], [40, 40], [10, 90], [40] * 5, [5, 20, 40, 60, 90], [40] * 10, [*range(10, 110, 10)]],
    ids=str,
)
async def test_little_more_is_unseen_than_must_be(rates: list[int]) -> None:
    clock, pacer = bucket()
    screens = [Screen(clock, pacer) for _ in rates]
    total = ticks = 0
    for tick in range(900):
        for screen, rate in zip(screens, rates, strict=True):
            # Characters per second, spread over the ticks without a remainder.
            screen.paced.grew(rate * (tick + 1) * TICK // SECOND - rate * tick * TICK // SECOND)
        await clock.run_for(TICK)
        if tick >= 100:
            total += sum(screen.paced.unseen for screen in screens)
            ticks += 1
    # One slot a second: the least mean of unseen text is (sum of the roots of the rates)^2 / 2.
    least = sum(map(sqrt, rates)) ** 2 / 2
    # Between two looks the text grows on, by half a tick on average.
    mean = total / ticks + sum(rates) * TICK / SECOND / 2
    assert mean <= 1.15 * least
    assert never_more_than([w for s in screens for w in s.writes], 5, 5_000)


@pytest.mark.parametrize("size", cadence.SIZES)
async def test_the_goal_is_met_by_its_own_definition(size: int) -> None:
    found = await cadence.played(size, tick_ms=TICK)
    assert found.ratio <= cadence.UNSEEN_MOST
    # A look every tenth of a second sees an end that much late.
    assert sum(found.lags_s) / size <= cadence.LAG_MOST_S
    assert found.most <= cadence.BURST


@pytest.mark.parametrize("streams", [1, 2, 5, 10])
async def test_an_end_is_seen_within_a_slot(streams: int) -> None:
    chance, lags, writes = random.Random(streams), [], []
    for _ in range(8):
        clock, pacer = bucket()
        screens = [Screen(clock, pacer) for _ in range(streams)]
        ends = {screen: chance.randrange(5_000, 35_000, TICK) for screen in screens}

        async def ends_now(screen: Screen, clock: FakeClock) -> int:
            before = clock.now()
            await screen.paced.finish()
            return clock.now() - before

        tasks = []
        for now in range(0, 45_000, TICK):
            for screen, end in ends.items():
                if now < end:
                    screen.paced.grew(4)
                elif now == end:
                    tasks.append(asyncio.create_task(ends_now(screen, clock)))
            await clock.run_for(TICK)
        lags += [await task for task in tasks]
        writes = [w for s in screens for w in s.writes]
        assert never_more_than(writes, 5, 5_000)
        assert pacer.is_idle
    assert sum(lags) / len(lags) <= EVERY + 100
