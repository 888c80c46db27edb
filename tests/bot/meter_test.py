"""What comes of a call is noted as it comes; silence, the cap and trouble end it."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from bot.meter import Meter, Received
from bot.models import Model
from bot.ports import (
    Finished,
    Message,
    ModelCall,
    ModelError,
    ReasoningDelta,
    TextDelta,
    TokenCounter,
    UsageReport,
)
from quota.rules import Terms
from quota.units import Usage
from tests.fakes import SECOND, let_run
from tests.scripted import Gate, ScriptedModel, Step, Steps, WatchedClock, WordCounter, steps

STOP = Finished("stop")


@dataclass
class Bench:
    """One meter before one model, with all that it told."""

    script: tuple[Step, ...]
    cap: int = 100
    progress_step: int = 1_000
    sure: bool = True
    shown: list[str] = field(default_factory=list)
    noted: list[int] = field(default_factory=list)
    received: Received = field(default_factory=Received)
    clock: WatchedClock = field(default_factory=WatchedClock)

    def __post_init__(self) -> None:
        passing = Steps()
        self.chat = ScriptedModel(passing)
        self.chat.next(steps(*self.script))
        self.counter = WordCounter(passing, sure=self.sure)

    async def run(self) -> Received:
        async def show(text: str) -> None:
            self.shown.append(text)

        async def note(tokens: int) -> None:
            self.noted.append(tokens)

        model = Model("m", "m", (), self.chat, Terms("m", ("m",)), 100, 60 * SECOND, 30 * SECOND)
        counter: TokenCounter = self.counter
        meter = Meter(model, counter, self.clock, show, note, self.progress_step)
        await meter.run(ModelCall("m", (Message("user", "hi"),), self.cap), self.received)
        return self.received


def words(count: int) -> list[Step]:
    return [TextDelta("w ") for _ in range(count)]


@pytest.mark.parametrize(
    ("script", "ending"),
    [
        ([TextDelta("w"), STOP], "finished"),
        ([TextDelta("w"), Finished("length")], "length"),
        ([TextDelta("w"), Finished("filtered")], "filtered"),
        ([TextDelta("w")], "truncated"),
        ([], "truncated"),
        ([STOP], "finished"),
        ([ModelError("overloaded")], "broken"),
        ([ModelError("silent")], "late"),
        ([TextDelta("w"), ModelError("silent")], "late"),
        ([TextDelta("w"), ModelError("broken")], "broken"),
    ],
)
async def test_the_ending_is_what_the_stream_says(script: list[Step], ending: str) -> None:
    bench = Bench(tuple(script))
    received = await bench.run()
    assert received.ending == ending
    assert received.asked
    assert received.began == (bool(script) and not isinstance(script[0], ModelError))
    assert bench.chat.open == 0


async def test_text_is_shown_and_thinking_is_not() -> None:
    bench = Bench((ReasoningDelta("hm"), TextDelta("a"), TextDelta("b"), STOP))
    received = await bench.run()
    assert bench.shown == ["a", "b"]
    assert (received.text, received.reasoning, received.pieces) == ("ab", ["hm"], 3)


async def test_the_last_report_of_usage_counts() -> None:
    reports = (UsageReport(Usage(5, 0, 1)), TextDelta("b"), STOP, UsageReport(Usage(5, 0, 2)))
    received = await Bench((TextDelta("a"), *reports)).run()
    assert (received.usage, received.bad_usage) == (Usage(5, 0, 2), False)


async def test_a_report_that_cannot_be_true_is_remembered_as_one() -> None:
    received = await Bench((TextDelta("a"), STOP, UsageReport(None))).run()
    assert (received.usage, received.bad_usage) == (None, True)


# The cap.


@pytest.mark.parametrize(("pieces", "ending"), [(9, "finished"), (10, "finished"), (11, "cut")])
async def test_as_many_pieces_as_the_cap_pass_and_not_one_more(pieces: int, ending: str) -> None:
    bench = Bench((*words(pieces), STOP), cap=10)
    received = await bench.run()
    assert received.ending == ending
    assert received.pieces == min(pieces, 10)
    assert len(bench.shown) == min(pieces, 10)


async def test_thinking_fills_the_cap_as_well() -> None:
    received = await Bench((*[ReasoningDelta("r")] * 11, TextDelta("a"), STOP), cap=10).run()
    assert (received.ending, received.pieces, received.text) == ("cut", 10, "")


async def test_a_report_in_mid_stream_that_passes_the_cap_cuts() -> None:
    bench = Bench((TextDelta("a"), UsageReport(Usage(5, 0, 11)), TextDelta("b"), STOP), cap=10)
    received = await bench.run()
    assert (received.ending, received.text) == ("cut", "a")
    assert received.usage == Usage(5, 0, 11)


async def test_the_total_after_the_end_cuts_nothing() -> None:
    received = await Bench((TextDelta("a"), STOP, UsageReport(Usage(5, 0, 11))), cap=10).run()
    assert received.ending == "finished"


async def test_our_own_count_cuts_only_beyond_three_times_the_cap() -> None:
    # Pieces of ten words: a vocabulary that counts double must not halve the answer.
    ten = TextDelta("w " * 10)
    kept = await Bench((*[ten] * 3, STOP), cap=10).run()
    assert (kept.ending, len(kept.text.split())) == ("finished", 30)
    cut = await Bench((*[ten] * 9, STOP), cap=10).run()
    assert (cut.ending, len(cut.text.split())) == ("cut", 40)


async def test_a_count_that_is_not_sure_never_cuts() -> None:
    bench = Bench((*[TextDelta("w " * 10)] * 9, STOP), cap=10, sure=False)
    assert (await bench.run()).ending == "finished"


async def test_a_long_answer_is_not_counted_again_and_again() -> None:
    bench = Bench((*[TextDelta("wwww ")] * 2_000, STOP), cap=2_000)
    assert (await bench.run()).ending == "finished"
    assert len(bench.counter.counted) <= 8
    unsure = Bench((*[TextDelta("wwww ")] * 2_000, STOP), cap=2_000, sure=False)
    await unsure.run()
    assert len(unsure.counter.counted) <= 2


# Progress.


async def test_progress_is_noted_at_each_step() -> None:
    bench = Bench((*words(10), STOP), progress_step=4)
    await bench.run()
    assert bench.noted == [4, 8]


async def test_progress_is_no_less_than_long_pieces_suggest() -> None:
    bench = Bench((TextDelta("x" * 400), TextDelta("y"), STOP), progress_step=50)
    await bench.run()
    assert bench.noted == [100]


async def test_progress_follows_what_is_reported() -> None:
    reports = (TextDelta("a"), UsageReport(Usage(5, 0, 60)), TextDelta("b"), STOP)
    bench = Bench(reports, progress_step=50)
    await bench.run()
    assert bench.noted == [60]


# Silence.


@pytest.mark.parametrize(("before", "wait_s", "text"), [((), 60, ""), ((TextDelta("a"),), 30, "a")])
async def test_silence_ends_a_call(before: tuple[Step, ...], wait_s: int, text: str) -> None:
    gate = Gate()
    bench = Bench((*before, gate, TextDelta("too late"), STOP))
    running = asyncio.create_task(bench.run())
    await gate.reached()
    await let_run()
    bench.clock.advance(wait_s * SECOND - 1)
    await let_run()
    assert not running.done()
    bench.clock.advance(1)
    received = await running
    assert (received.ending, received.text) == ("late", text)
    assert bench.chat.open == 0


async def test_the_wait_for_the_next_piece_begins_anew_with_each() -> None:
    gates = [Gate(), Gate(), Gate()]
    script: list[Any] = [step for gate in gates for step in (gate, TextDelta("w"))]
    bench = Bench((*script, STOP))
    running = asyncio.create_task(bench.run())
    for gate in gates:
        await gate.reached()
        await let_run()
        bench.clock.advance(29 * SECOND)
        gate.release()
    assert (await running).ending == "finished"


async def test_a_cancelled_call_leaves_the_model_and_keeps_what_came() -> None:
    gate = Gate()
    bench = Bench((TextDelta("a"), gate))
    running = asyncio.create_task(bench.run())
    await gate.reached()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (bench.received.text, bench.received.ending) == ("a", "truncated")
    assert bench.chat.open == 0


async def test_a_second_try_forgets_the_trouble_of_the_first() -> None:
    bench = Bench((ModelError("overloaded"),))
    bench.chat.next(steps(TextDelta("a"), STOP))
    await bench.run()
    assert bench.received.trouble is not None
    received = await bench.run()
    assert (received.trouble, received.ending, received.text) == (None, "finished", "a")
