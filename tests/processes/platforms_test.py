"""Discord and Slack in one process and one store: both stories at once, killed, and whole again.

Short here; `python -m tests.long platforms` kills it at random moments for minutes.
"""

import asyncio
import random
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.processes.platforms_kit import DELIVERIES, Both, both, stopped
from tests.processes.program import WAIT_S

LONG_S = 300
ROUND_MEMBERS = 6
RESOLVED = frozenset({"settle", "release", "lapse"})


async def check_books(world: Both) -> list[dict[str, Any]]:
    """No hold is resolved twice or left over, and the counters agree with the ledger."""
    entries: list[dict[str, Any]]
    _, entries, held = await asyncio.gather(world.proven(), world.entries(), world.held())
    holds = Counter(e["hold"] for e in entries if e["kind"] in RESOLVED)
    assert not [hold for hold, times in holds.items() if times > 1], "a hold was charged twice"
    assert held == 0, "something is held after all has ended"
    return entries


async def test_both_stories_run_at_the_same_time_in_one_process(tmp_path: Path) -> None:
    """Members run out, an admin gives more, an answer is stopped; then it leaves in good order."""
    async with both(tmp_path, limit="180") as world:
        async with world.running() as process:
            ends = await world.ended(await world.asks("ana", "first say 300"))
            assert all("Stopped at your limit" in end for end in ends), ends
            refused = await world.ended(await world.asks("ana", "second say 100"))
            assert all("imit" in end for end in refused), refused
            assert world.calls("second") == 0
            granted = [await place.grants("ana") for place in world.places]
            assert all("Added 100,000 tokens" in card for card in granted), granted
            again = await world.ended(await world.asks("ana", "third say 100"))
            assert all(len(end) > 100 for end in again), again

            gate = world.model.hold(after=7)
            asked = await world.asks("bo", "fourth say 60")
            await gate.reached(2)
            await world.begun(asked)
            await world.stops(asked)
            cut = await world.ended(asked)
            assert all("Stopped by you" in end for end in cut), cut
            gate.release()

            last = world.model.hold(after=11)
            asked = await world.asks("cara", "fifth say 60")
            await last.reached(2)
            await world.begun(asked)
            process.send_signal(signal.SIGTERM)
            last.release()
            assert await asyncio.wait_for(process.wait(), WAIT_S) == 0
            whole = await world.ended(asked)
            assert all("interrupted" not in end for end in whole), whole
        entries = await check_books(world)
        kinds = Counter(e["kind"] for e in entries)
        assert (kinds["settle"], kinds["lapse"]) == (8, 0)
        assert kinds["grant"] == 2
        assert "Traceback" not in (tmp_path / "stderr.log").read_text(encoding="utf-8")


async def test_killed_in_mid_stream_and_told_everything_again_each_is_answered_and_charged_once(
    tmp_path: Path,
) -> None:
    async with both(tmp_path) as world:
        async with world.running() as process:
            whole = await world.asks("ana", "first say 20")
            before = await world.ended(whole)
            gate = world.model.hold(after=15)
            broken = await world.asks("bo", "second say 30")
            await gate.reached(2)
            await world.begun(broken)
            for _ in range(DELIVERIES):
                world.tell_again()
            process.kill()
            await process.wait()
        gate.release()
        async with world.running() as process:
            for _ in range(DELIVERIES):
                world.tell_again()
            cut = await world.ended(broken)
            assert all("interrupted" in end for end in cut), cut
            last = await world.ended(await world.asks("cara", "third say 20"))
            assert all("interrupted" not in end for end in last), last
            assert await stopped(process) == 0
        assert await world.ended(whole) == before
        assert [world.calls(marker) for marker in ("first", "second", "third")] == [2, 2, 2]
        kinds = Counter(e["kind"] for e in await check_books(world))
        assert (kinds["settle"], kinds["lapse"]) == (4, 2)


async def test_who_was_never_shown_an_answer_is_told_so_when_the_bot_is_back(
    tmp_path: Path,
) -> None:
    """Neither platform tells the event again: the books know what was on its way."""
    async with both(tmp_path) as world:
        gate = world.on_discord.discord.hold("POST /channels/{channel}/messages")
        end = world.model.hold(after=19)
        async with world.running() as process:
            asked = await world.asks("ana", "first say 20")
            await end.reached(2)
            await gate.reached()
            process.kill()
            await process.wait()
        gate.release()
        end.release()
        async with world.running() as process:
            cut = await world.ended(asked)
            assert all("interrupted" in end for end in cut), cut
            assert await stopped(process) == 0
        await check_books(world)


async def one_round(world: Both, number: int, chance: random.Random) -> int:
    """Members of both ask, the plug is pulled at any moment, all is told again; how many broke."""
    world.model.answer_tokens, world.model.pace_s = 40, chance.choice((0.0, 0.01, 0.04))
    async with world.running() as process:
        asked = [await world.asks(f"m{n}", f"r{number}n{n}x hello") for n in range(ROUND_MEMBERS)]
        for _ in range(DELIVERIES - 1):
            await asyncio.sleep(chance.random() / 2)
            world.tell_again()
        process.kill()
        await process.wait()
    async with world.running() as process:
        for _ in range(DELIVERIES):
            world.tell_again()
        ends = [end for one in asked for end in await world.ended(one)]
        assert await stopped(process) == 0
    for n in range(ROUND_MEMBERS):
        assert world.calls(f"r{number}n{n}x") <= len(world.places), "an event was called for twice"
    return sum("interrupted" in end for end in ends)


async def kill_for(folder: Path, seconds: float, seed: int) -> str:
    """Rounds on one store for so long; figures for people."""
    chance, broken, rounds, end = random.Random(seed), 0, 0, time.monotonic() + seconds
    async with both(folder, limit="10M") as world:
        while time.monotonic() < end:
            broken += await one_round(world, rounds, chance)
            rounds += 1
            for place in world.places:
                place.asked.clear()
        entries = await check_books(world)
        asked = rounds * ROUND_MEMBERS * len(world.places)
        kinds = Counter(e["kind"] for e in entries)
        assert kinds["settle"] + kinds["lapse"] + kinds["release"] == asked
    return (
        f"{rounds} rounds, {asked} questions told {2 * DELIVERIES - 1} times (Slack: twice each), "
        f"{broken} told as interrupted, {kinds['settle']} settled, {kinds['lapse']} lapsed, "
        f"{kinds['release']} released, 0 twice"
    )


def killed_on_both_platforms(folder: Path) -> str:
    """The long form."""
    return asyncio.run(kill_for(folder, LONG_S, seed=2026))
