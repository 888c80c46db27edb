"""Cancelled or stopped at every await, the books stay right and the next ask is answered.

Each stand-in (store, model, counter, reply) counts its awaits. A dry run tells how many there are;
then the same ask runs again and again, and each time another one of them is where it is cut off.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import pytest

from adapters.sqlite import SqliteStore
from bot.messages import Answer, Duplicate, Failure, Refusal
from bot.ports import ModelError, ReasoningDelta, TextDelta
from quota.errors import StoreUnavailableError
from quota.memory import MemoryStore
from quota.store import Store
from tests.fakes import DAY, MINUTE, MORNING, let_run, requester
from tests.scripted import (
    Bot,
    Gate,
    Running,
    ScriptedTools,
    build,
    is_ours,
    says,
    stepping_of,
    steps,
    uses,
)

Cut = Literal["cancel", "stop", "stop and cancel", "cancel twice"]


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    opened: Store = MemoryStore()
    if request.param == "sqlite":
        opened = await SqliteStore.open(tmp_path / "books.db", now=MORNING, synchronous="NORMAL")
    yield opened
    await opened.close()


@dataclass(frozen=True)
class Scene:
    """A way in which an ask can go; `start` begins it, with all before it already done."""

    name: str
    start: Callable[[Bot, str], Awaitable[Running]]
    limits: tuple[str, ...] = ("everyone: 10k tokens/day", "house: 90M tokens/day")
    output_max: int = 100
    tools: bool = False


async def plain(bot: Bot, who: str) -> Running:
    return bot.start(who)


async def thinking(bot: Bot, who: str) -> Running:
    bot.model.next(steps(ReasoningDelta("hm"), TextDelta("w1"), TextDelta(" w2")))
    return bot.start(who)


async def remembering(bot: Bot, who: str) -> Running:
    await bot.answer(who)
    return bot.start(who)


async def tried_again(bot: Bot, who: str) -> Running:
    bot.model.next(steps(ModelError("overloaded", retry_after_ms=0)))
    return bot.start(who)


async def failing(bot: Bot, who: str) -> Running:
    bot.model.next(steps(ModelError("failed")))
    return bot.start(who)


async def breaking(bot: Bot, who: str) -> Running:
    bot.model.next(steps(TextDelta("w1"), ModelError("broken")))
    return bot.start(who)


async def turned_away(bot: Bot, who: str) -> Running:
    return bot.start(who, model="nobody's")


async def in_line(bot: Bot, who: str) -> Running:
    gate = Gate()
    bot.model.next(steps(gate, TextDelta("w1")))
    bot.start(who, "first of two")
    await gate.reached()
    second = bot.start(who)
    await let_run()
    gate.release()
    return second


async def waiting(bot: Bot, who: str) -> Running:
    gate = Gate()
    bot.model.next(steps(gate, TextDelta("w1")))
    bot.start(requester(f"{who}'s friend", channel=who), "first of two")
    await gate.reached()
    second = bot.start(requester(who, channel=who))
    await let_run()
    gate.release()
    return second


async def using_tools(bot: Bot, who: str) -> Running:
    bot.model.next(uses("time"), uses("time", at_once=2), says(3))
    return bot.start(who)


async def failing_after_tools(bot: Bot, who: str) -> Running:
    bot.model.next(uses("time"), steps(TextDelta("w1"), ModelError("broken")))
    return bot.start(who)


SCENES = [
    Scene("plain", plain),
    Scene("thinking", thinking),
    Scene("remembering", remembering),
    Scene("tried again", tried_again),
    Scene("failing", failing),
    Scene("breaking", breaking),
    Scene("turned away", turned_away),
    Scene("refused", plain, ("everyone: 50 tokens/day",)),
    Scene("shrunk", plain, ("everyone: 100 tokens/day",)),
    Scene("using tools", using_tools, tools=True),
    Scene("failing after tools", failing_after_tools, tools=True),
    Scene("no room for a step", using_tools, ("everyone: 160 tokens/day",), tools=True),
    Scene("in line", in_line),
    Scene("waiting", waiting, ("channel {who}: 150 tokens/day", "everyone: 10k tokens/day")),
]


# Where one ask may leave too little for another.
SHORT = {"refused", "shrunk", "waiting", "no room for a step"}


def bot_for(scene: Scene, store: Store, who: str) -> Bot:
    bot = build(
        *(line.format(who=who) for line in scene.limits),
        store=store,
        output_max=scene.output_max,
        progress_step=2,
        tools=ScriptedTools(time="It is noon") if scene.tools else None,
    )
    bot.model.usual = says(5)
    return bot


async def cut_at(bot: Bot, scene: Scene, who: str, cut: Cut, step: int) -> Running:
    """Play the scene, cut off at the step (counted from its beginning), until all is still."""
    running = await scene.start(bot, who)
    bot.passing.passed, bot.passing.at = 0, step

    def cut_off() -> None:
        if cut.startswith("stop"):
            bot.chat.stop(running.ask.event)
        if "cancel" in cut:
            running.task.cancel()
        if cut == "cancel twice":
            asyncio.get_running_loop().call_soon(running.task.cancel)

    bot.passing.then = cut_off
    await asyncio.wait([running.task])
    await bot.all_is_still()
    bot.passing.at = None
    return running


async def charged(bot: Bot, who: str) -> int:
    wallet = f"console:console:{who}"
    return sum(entry.tokens for entry in await bot.ledger() if entry.wallet == wallet)


async def steps_of(scene: Scene) -> int:
    bot = bot_for(scene, MemoryStore(), "ana")
    await cut_at(bot, scene, "ana", "cancel", 0)
    return bot.passing.passed


@pytest.mark.parametrize("cut", get_args(Cut))
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
async def test_cut_off_at_any_await_nothing_stays_held(
    scene: Scene, cut: Cut, store: Store
) -> None:
    count = await steps_of(scene)
    assert count >= 5
    seen: set[str] = set()
    bot = bot_for(scene, store, "m0")
    for step in range(1, count + 1):
        who = f"m{step}"
        bot = bot_for(scene, store, who)
        running = await cut_at(bot, scene, who, cut, step)
        where = f"{cut} at step {step} of {count}"
        assert one_end_unless_cancelled(running, cut), where
        await nothing_is_left(bot, who, where)
        await ends_are_true(bot, running, scene, who, where)
        seen |= {type(end).__name__ for end in running.reply.ends} | {
            end.finish for end in running.reply.ends if isinstance(end, Answer)
        }
        bot.model.forget()
        again = await bot.ask(who, id_=running.ask.id)
        assert isinstance(again, Duplicate | Answer | Failure | Refusal), where
        if scene.name not in SHORT:
            assert (await bot.answer(who)).finish == "stop", where
        await nothing_is_left(bot, who, where)
    bot.clock.advance(10**12)
    assert await bot.quotas.lapse() == []
    if cut == "stop" and scene.name != "turned away":
        assert "stopped" in seen


def one_end_unless_cancelled(running: Running, cut: Cut) -> bool:
    """Who stops an answer reads how it ended; who is not there any more is told nothing."""
    if running.task.cancelled():
        return cut != "stop" and len(running.reply.ends) <= 1
    return len(running.reply.ends) == 1


async def nothing_is_left(bot: Bot, who: str, where: str) -> None:
    assert await bot.store.verify() == [], where
    assert (await bot.balance(who)).held == 0, where
    assert bot.chat.running == 0, where
    assert bot.model.open == 0, where
    assert not [task for task in asyncio.all_tasks() if is_ours(task)], where


async def ends_are_true(bot: Bot, running: Running, scene: Scene, who: str, where: str) -> None:
    for end in running.reply.ends:
        if isinstance(end, Answer) and scene.name not in {"remembering", "in line"}:
            assert end.charged_tokens == await charged(bot, who), where
        if isinstance(end, Answer) and end.finish == "stopped" and not end.charged_tokens:
            assert end.notes == ("⏹ Stopped by you. Nothing was charged.",), where
        if isinstance(end, Answer):
            assert end.text.startswith(running.reply.text), where
            assert end.balances, where
        if isinstance(end, Refusal):
            assert await charged(bot, who) == 0, where


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
async def test_cut_off_at_any_turn_of_the_loop_nothing_stays_held(scene: Scene) -> None:
    store, turn, in_time = MemoryStore(), 0, True
    while in_time:
        turn += 1
        bot = bot_for(scene, store, f"m{turn}")
        running = await scene.start(bot, f"m{turn}")
        for _ in range(turn):
            await asyncio.sleep(0)
        in_time = running.task.cancel()
        await asyncio.wait([running.task])
        await bot.all_is_still()
        bot.model.forget()
        if scene.name not in SHORT:
            await bot.answer(f"m{turn}")
        await nothing_is_left(bot, f"m{turn}", f"turn {turn}")
    assert turn >= 8


VERBS = ["accept", "balances", "reserve", "progress", "note_attempt", "settle", "release"]


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
async def test_a_store_that_fails_at_any_verb_leaves_one_true_end(scene: Scene, verb: str) -> None:
    bot = bot_for(scene, MemoryStore(), "ana")
    running = await scene.start(bot, "ana")
    stepping_of(bot).down[verb] = StoreUnavailableError("the disk is full")
    await let_run()
    await let_run()
    bot.clock.advance(MINUTE)  # Who waits for a hold that is not settled waits no longer.
    await bot.all_is_still()
    (end,) = running.reply.ends
    assert bot.chat.running == 0
    assert bot.model.open == 0
    match end:
        case Answer():
            late = "The books cannot be written right now; this answer will be counted later."
            assert (late in end.notes) == (verb == "settle")
            assert (end.charged_tokens == 0) == (verb == "settle")
        case Refusal(refused=refused) if refused.reason == "store_unavailable":
            assert bot.model.calls == [] or scene.start in {in_line, waiting, remembering}
        case Failure(code="store"):
            assert verb in {"settle", "release"}
        case Failure() | Refusal():
            pass
        case other:
            raise AssertionError(other)
    stepping_of(bot).down.clear()
    bot.model.forget()
    # What could not be settled lapses: charged for sure, never free.
    bot.clock.advance(DAY)
    lapsed = await bot.quotas.lapse()
    assert len(lapsed) <= (2 if scene.name == "in line" else 1)
    assert await bot.store.verify() == []
    if scene.name not in {"refused", "no room for a step"}:
        assert (await bot.answer("ana")).text == "w1 w2 w3 w4 w5"
    await bot.is_clean()


async def test_a_store_that_breaks_in_its_own_way_is_told_without_its_words() -> None:
    bot = build("everyone: 10k tokens/day")
    stepping_of(bot).down["reserve"] = ValueError("row 7 of accounts is odd")
    end = await bot.failure()
    assert end.code == "internal"
    assert end.text.startswith("Something went wrong inside the bot.")
    assert "row 7" not in end.text
    stepping_of(bot).down.clear()
    await bot.answer()
    await bot.is_clean()


async def test_an_ask_that_breaks_while_nobody_listens_leaves_no_trace() -> None:
    bot = build("everyone: 10k tokens/day")
    gate = Gate()
    bot.model.next(steps(gate))
    running = bot.start()
    await gate.reached()
    stepping_of(bot).down["settle"] = ValueError("odd")
    running.task.cancel()
    await asyncio.wait([running.task])
    await bot.all_is_still()
    stepping_of(bot).down.clear()
    assert running.reply.ends == []
    assert bot.chat.running == 0
    await bot.answer()
