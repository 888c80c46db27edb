"""Who runs when: one turn per member, fair between spaces and members."""

import asyncio
from contextlib import suppress

import pytest

from bot.lanes import LaneFullError, Lanes
from quota.members import Member, Space
from tests.fakes import let_run

HERE, THERE = Space("console", "here"), Space("console", "there")
ANA, BO, CY = (Member(HERE, name) for name in ("ana", "bo", "cy"))
EVE = Member(THERE, "eve")


class Hall:
    """Lanes, and who has run in them, in order."""

    def __init__(self, queue_max: int = 2, turns_max: int = 256) -> None:
        self.lanes = Lanes(queue_max, turns_max)
        self.ran: list[str] = []
        self.queued: list[str] = []
        self.doors: dict[str, asyncio.Event] = {}

    def enter(self, member: Member, name: str) -> asyncio.Task[None]:
        self.doors[name] = asyncio.Event()
        return asyncio.create_task(self._turn(member, name))

    async def _turn(self, member: Member, name: str) -> None:
        async def on_queue() -> None:
            self.queued.append(name)

        async with self.lanes.turn(member, on_queue):
            self.ran.append(name)
            await self.doors[name].wait()

    async def leave(self, *names: str) -> None:
        for name in names:
            self.doors[name].set()
            await let_run()


async def test_one_turn_of_a_member_runs_at_a_time_in_the_order_of_arrival() -> None:
    hall = Hall()
    tasks = [hall.enter(ANA, name) for name in ("a1", "a2", "a3")]
    await let_run()
    assert (hall.ran, hall.queued) == (["a1"], ["a2", "a3"])
    await hall.leave("a1")
    assert hall.ran == ["a1", "a2"]
    await hall.leave("a2", "a3")
    assert hall.ran == ["a1", "a2", "a3"]
    await asyncio.gather(*tasks)


async def test_members_do_not_wait_for_one_another() -> None:
    hall = Hall()
    tasks = [hall.enter(member, member.id) for member in (ANA, BO, CY, EVE)]
    await let_run()
    assert (hall.ran, hall.queued) == (["ana", "bo", "cy", "eve"], [])
    await hall.leave("ana", "bo", "cy", "eve")
    await asyncio.gather(*tasks)


@pytest.mark.parametrize("queue_max", [0, 1, 2, 5])
async def test_so_many_may_wait_and_the_next_one_is_refused_at_once(queue_max: int) -> None:
    hall = Hall(queue_max)
    tasks = [hall.enter(ANA, f"a{n}") for n in range(queue_max + 1)]
    await let_run()
    with pytest.raises(LaneFullError):
        await hall.enter(ANA, "too many")
    other = hall.enter(BO, "b")
    await hall.leave("b", *(f"a{n}" for n in range(queue_max + 1)))
    await asyncio.gather(*tasks, other)
    assert "too many" not in hall.ran


async def test_free_places_go_round_robin_to_spaces_and_then_to_members() -> None:
    hall = Hall(queue_max=3, turns_max=1)
    first = hall.enter(CY, "first")
    await let_run()
    waiting = [
        *(hall.enter(ANA, f"ana{n}") for n in range(3)),
        *(hall.enter(BO, f"bo{n}") for n in range(2)),
        *(hall.enter(EVE, f"eve{n}") for n in range(2)),
    ]
    await let_run()
    for _ in range(8):
        await hall.leave(hall.ran[-1])
    assert hall.ran == ["first", "ana0", "eve0", "bo0", "eve1", "ana1", "bo1", "ana2"]
    await asyncio.gather(first, *waiting)


async def test_who_floods_takes_one_place_in_turn_like_everybody() -> None:
    hall = Hall(queue_max=1_000, turns_max=2)
    flood = [hall.enter(ANA, f"flood{n}") for n in range(1_000)]
    others = [hall.enter(Member(HERE, f"m{n}"), f"m{n}") for n in range(20)]
    await let_run()
    # The flood has one of the two places; the other one serves all others in turn.
    for n in range(20):
        assert sum(name.startswith("flood") for name in hall.ran) == 1
        await hall.leave(f"m{n}")
    await asyncio.gather(*others)
    for task in flood:
        task.cancel()
    await asyncio.wait(flood)


async def test_who_leaves_the_line_gives_the_place_to_the_next() -> None:
    hall = Hall()
    tasks = [hall.enter(ANA, name) for name in ("a1", "a2", "a3")]
    await let_run()
    tasks[1].cancel()
    await let_run()
    await hall.leave("a1")
    assert hall.ran == ["a1", "a3"]
    await hall.leave("a3")
    last = hall.enter(ANA, "a4")
    await hall.leave("a4")
    assert hall.ran == ["a1", "a3", "a4"]
    await asyncio.gather(tasks[0], tasks[2], last)


async def test_who_is_cancelled_just_when_the_place_comes_free_does_not_take_it() -> None:
    hall = Hall()
    tasks = [hall.enter(ANA, name) for name in ("a1", "a2", "a3")]
    await let_run()
    # In one breath: the second one is cancelled, and before its task has run the first one leaves.
    hall.doors["a1"].set()
    await asyncio.sleep(0)
    tasks[1].cancel()
    await let_run()
    hall.doors["a3"].set()
    await tasks[2]
    assert hall.ran == ["a1", "a3"]
    await tasks[0]
    await hall.leave("a3")
    again = hall.enter(ANA, "a4")
    await hall.leave("a4")
    await again
    with suppress(asyncio.CancelledError):
        await tasks[1]


@pytest.mark.parametrize("breaths", range(8))
async def test_whenever_somebody_is_cancelled_nobody_is_stuck(breaths: int) -> None:
    hall = Hall()
    tasks = [hall.enter(ANA, name) for name in ("a1", "a2", "a3")]
    await let_run()
    tasks[1].cancel()
    hall.doors["a1"].set()
    hall.doors["a2"].set()
    hall.doors["a3"].set()
    for _ in range(breaths):
        await asyncio.sleep(0)
    tasks[2].cancel()
    await asyncio.wait(tasks)
    again = hall.enter(ANA, "a4")
    await hall.leave("a4")
    await again


async def test_a_platform_that_takes_no_remark_leaves_the_line_in_order() -> None:
    hall = Hall()
    first = hall.enter(ANA, "a1")
    await let_run()

    async def broken() -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        async with hall.lanes.turn(ANA, broken):
            raise AssertionError("it never runs")
    await hall.leave("a1")
    await first
    again = hall.enter(ANA, "a2")
    await hall.leave("a2")
    await again


async def test_a_turn_that_breaks_frees_its_lane() -> None:
    hall = Hall()

    async def nothing() -> None:
        raise AssertionError("nobody waits")

    with pytest.raises(ZeroDivisionError):
        async with hall.lanes.turn(ANA, nothing):
            raise ZeroDivisionError
    async with hall.lanes.turn(ANA, nothing):
        pass
