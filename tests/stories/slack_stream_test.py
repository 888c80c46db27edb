"""Answers arrive whole and once, whatever becomes of Slack's streams; Stop stops the bill."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from adapters.slack.tiers import STREAMS_MAX
from bot.ports import Finished, TextDelta, UsageReport
from quota.units import Usage
from tests.adapters.slack_kit import NetClock, OnSlack, buttons_of, on_slack, our_app, press
from tests.fakes import MINUTE
from tests.scripted import Gate, Step, steps
from tests.servers.slack import App, Channel, Message, Slack, User

PATIENCE = 200
END: list[Step] = [Finished("stop"), UsageReport(Usage(input=20, output=3))]


@asynccontextmanager
async def asking(folder: Path, app: App | None = None) -> AsyncIterator["Scene"]:
    """Ana in #general, and a clock that the test moves."""
    clock = NetClock()
    async with Slack(app or our_app(), clock=clock) as slack:
        slack.pace.off()
        async with on_slack(slack, folder, clock=clock) as there:
            ana, bo = there.team.user("ana"), there.team.user("bo")
            yield Scene(slack, there, clock, ana, bo, there.team.channel("general"))


class Scene:
    def __init__(
        self, slack: Slack, there: OnSlack, clock: NetClock, ana: User, bo: User, general: Channel
    ) -> None:
        self.slack = slack
        self.there = there
        self.clock = clock
        self.ana = ana
        self.bo = bo
        self.general = general

    async def asks(self, *script: Step) -> Message:
        self.there.model.next(steps(*script))
        return await self.ana.says(self.general, "@bot count")

    async def first(self, asked: Message) -> Message:
        """The answer's message, as soon as it is there."""
        return await self.there.until(
            lambda: next(iter(self.there.answers_to(asked)), None), "a beginning"
        )

    async def goes_by(self, ms: int) -> None:
        await self.clock.goes_by(ms)

    async def rests(self) -> None:
        """Let time go by until the bot has nothing left to do."""
        for _ in range(PATIENCE):
            if not self.there.busy:
                break
            await self.goes_by(500)
        await self.there.rests()

    async def ends(self, asked: Message) -> Message:
        """The one answer to a question, once the bot rests."""
        await self.rests()
        (answer,) = self.there.answers_to(asked)
        return answer


async def test_a_ten_minute_answer_arrives_whole_once_with_one_charge(tmp_path: Path) -> None:
    async with asking(tmp_path) as scene:
        gates = [Gate() for _ in range(23)]
        script: list[Step] = []
        for number, gate in enumerate(gates):
            script += [TextDelta(f"minute {number}\n\n"), gate]
        asked = await scene.asks(*script, *END)
        for gate in gates:
            await gate.reached()
            # A model that is silent for longer than this is given up by the bot.
            await scene.goes_by(25_000)
            gate.release()
        answer = await scene.ends(asked)
        assert [line for line in answer.shown.split("\n") if line.startswith("minute")] == [
            f"minute {number}" for number in range(23)
        ]
        assert answer.stream is not None
        assert answer.stream.state == "stopped"
        assert len(scene.there.answers_to(asked)) == 1
        assert len(await scene.there.entries("settle")) == 1
        assert scene.slack.refusals == []


async def test_a_stream_that_dies_early_is_gone_on_with_by_editing(tmp_path: Path) -> None:
    async with asking(tmp_path) as scene:
        gates = [Gate(), Gate()]
        asked = await scene.asks(
            TextDelta("one "), gates[0], TextDelta("two "), gates[1], TextDelta("three"), *END
        )
        answer = await scene.first(asked)
        assert answer.stream is not None
        answer.stream.state = "expired"
        gates[0].release()
        await gates[1].reached()
        await scene.goes_by(3_000)
        await scene.there.until(lambda: "one two" in answer.shown, "the edited text")
        gates[1].release()
        await scene.ends(asked)
        assert answer.shown.startswith("one two three")
        assert answer.shown.count("one") == 1


async def test_a_stream_that_died_before_the_last_words_still_ends_whole(tmp_path: Path) -> None:
    async with asking(tmp_path) as scene:
        gate = Gate()
        asked = await scene.asks(TextDelta("one "), gate, TextDelta("two"), *END)
        answer = await scene.first(asked)
        assert answer.stream is not None
        answer.stream.state = "expired"
        gate.release()
        await scene.ends(asked)
        assert answer.shown.startswith("one two")
        assert answer.shown.count("one") == 1


@pytest.mark.parametrize("method", ["chat.startStream", "chat.appendStream", "chat.stopStream"])
@pytest.mark.parametrize("trouble", ["error", "status", "limit", "lost", "dropped"])
async def test_whatever_a_stream_is_answered_nothing_is_lost_or_doubled(
    tmp_path: Path, method: str, trouble: str
) -> None:
    async with asking(tmp_path) as scene:
        if trouble == "error":
            scene.slack.fail_next(method)
        elif trouble == "status":
            scene.slack.fail_next(method, status=500)
        elif trouble == "lost":
            scene.slack.lose_next(method)
        elif trouble == "dropped":
            scene.slack.drop_next(method)
        else:
            scene.slack.limit_next(method, 2)
        gates = [Gate(), Gate()]
        asked = await scene.asks(
            TextDelta("one "), gates[0], TextDelta("two "), gates[1], TextDelta("three"), *END
        )
        await scene.first(asked)
        for gate in gates:
            await gate.reached()
            await scene.goes_by(4_000)
            gate.release()
        answer = await scene.ends(asked)
        assert answer.shown.startswith("one two three")
        assert answer.shown.count("one") == 1
        assert answer.stream is None or answer.stream.state != "streaming"


async def test_a_message_whose_stamp_was_lost_is_found_again(tmp_path: Path) -> None:
    async with asking(tmp_path) as scene:
        scene.slack.fail_next("chat.startStream", "unknown_method")
        scene.slack.lose_next("chat.postMessage")
        gate = Gate()
        asked = await scene.asks(TextDelta("**one** <b> "), gate, TextDelta("two"), *END)
        await scene.first(asked)
        await gate.reached()
        await scene.goes_by(3_000)
        gate.release()
        answer = await scene.ends(asked)
        assert answer.shown.startswith("**one** <b> two")
        # What stood in the thread before is not taken for it.
        scene.slack.drop_next("chat.postMessage")
        again = await scene.ana.says(scene.general, "and", thread=asked)
        scene.there.model.next(steps(TextDelta("**one** <b> two"), *END))
        for _ in range(PATIENCE):
            if not scene.there.busy:
                break
            await scene.goes_by(500)
        assert answer.shown.startswith("**one** <b> two")
        assert len(scene.there.answers_to(again)) == 1


async def test_a_cut_that_falls_before_what_was_shown_loses_and_doubles_nothing(
    tmp_path: Path,
) -> None:
    async with asking(tmp_path) as scene:
        first, second, third = "a" * 8_000, "b" * 2_900, "c" * 4_000
        gate = Gate()
        asked = await scene.asks(
            TextDelta(f"{first}\n\n{second}"), gate, TextDelta(f"{third} end"), *END
        )
        await scene.first(asked)
        gate.release()
        for _ in range(PATIENCE):
            if not scene.there.busy:
                break
            await scene.goes_by(500)
        await scene.there.rests()
        one, two = scene.there.answers_to(asked)
        assert one.shown == first
        assert two.shown.startswith(f"{second}{third} end")
        assert scene.slack.refusals == []


@pytest.mark.parametrize("tries", [1, 3])
async def test_the_last_edit_arrives_although_slack_stumbles(tmp_path: Path, tries: int) -> None:
    async with asking(tmp_path) as scene:
        gate = Gate()
        asked = await scene.asks(TextDelta("one "), gate, TextDelta("two"), *END)
        answer = await scene.first(asked)
        assert answer.stream is not None
        answer.stream.state = "expired"
        scene.slack.fail_next("chat.update", status=503, times=tries)
        scene.slack.limit_next("chat.update", 3)
        gate.release()
        assert await scene.ends(asked) is answer
        assert answer.shown.startswith("one two")


async def test_nobody_else_can_stop_an_answer_but_its_status_moves_on(tmp_path: Path) -> None:
    async with asking(tmp_path) as scene:
        gate = Gate()
        asked = await scene.asks(TextDelta("one "), gate, TextDelta("two"), *END)
        answer = await scene.first(asked)
        await gate.reached()
        await scene.bo.stops(answer)
        await scene.there.until(
            lambda: [m for m in scene.there.team.bot_messages if m.visible_to == scene.bo.id],
            "a refusal",
        )
        gate.release()
        await scene.ends(asked)
        assert answer.shown.startswith("one two")
        assert "Stopped" not in answer.shown
        assert scene.there.team.hanging == []


async def test_a_thread_is_at_rest_when_its_last_answer_has_ended(tmp_path: Path) -> None:
    async with asking(tmp_path) as scene:
        first, second = Gate(), Gate()
        asked = await scene.asks(TextDelta("one "), first, *END)
        await first.reached()
        scene.there.model.next(steps(TextDelta("two "), second, *END))
        await scene.bo.says(scene.general, "@bot me too", thread=asked)
        await second.reached()
        await scene.goes_by(2_000)
        await scene.there.until(lambda: len(scene.there.answers_to(asked)) == 2, "two answers")
        first.release()
        one, two = scene.there.answers_to(asked)
        await scene.there.until(lambda: one.stream and one.stream.state == "stopped", "one ends")
        assert scene.there.team.hanging
        second.release()
        await scene.there.rests()
        assert (one.shown[:4], two.shown[:4]) == ("one\n", "two\n")


async def test_staff_may_stop_an_answer(tmp_path: Path) -> None:
    clock = NetClock()
    async with Slack(our_app(), clock=clock) as slack:
        slack.pace.off()
        bo = slack.team("Acme").user("bo", groups=["helpers"])
        async with on_slack(slack, tmp_path, clock=clock, settings='staff = ["@helpers"]') as there:
            scene = Scene(
                slack, there, clock, there.team.user("ana"), bo, there.team.channel("general")
            )
            gate = Gate()
            asked = await scene.asks(TextDelta("one "), gate, *END)
            answer = await scene.first(asked)
            await bo.stops(answer)
            await there.rests()
            assert "Stopped" in answer.shown


async def test_an_app_that_is_no_agent_shows_a_status_the_older_way(tmp_path: Path) -> None:
    async with asking(tmp_path, our_app(is_agent=False)) as scene:
        gate = Gate()
        asked = await scene.asks(TextDelta("one "), gate, TextDelta("two"), *END)
        await scene.first(asked)
        gate.release()
        await scene.ends(asked)
        assert scene.there.team.hanging == []
        assert scene.slack.calls_of("assistant.threads.setStatus")
        again = await scene.asks(TextDelta("three"), *END)
        await scene.ends(again)
        assert len(scene.slack.calls_of("agents.sessions.setStatus")) == 1


async def test_without_streams_an_answer_is_edited_and_has_a_button_to_stop_it(
    tmp_path: Path,
) -> None:
    async with asking(tmp_path, our_app(is_agent=False)) as scene:
        scene.slack.fail_next("chat.startStream", "unknown_method")
        gate = Gate()
        asked = await scene.asks(TextDelta("one "), gate, TextDelta("two"), *END)
        answer = await scene.first(asked)
        assert answer.stream is None
        assert buttons_of(answer) == ["Stop"]
        await press(scene.ana, answer, "Stop")
        await scene.there.rests()
        assert "Stopped by you" in answer.shown
        assert "Stop" not in buttons_of(answer)


async def test_the_status_moves_on_when_the_model_breaks(tmp_path: Path) -> None:
    async with asking(tmp_path) as scene:
        asked = await scene.asks(RuntimeError("a mistake of ours"))
        await scene.there.rests()
        assert scene.there.answers_to(asked) == []
        (told,) = [m for m in scene.there.team.sees(scene.ana, scene.general) if m.by_bot]
        assert "a mistake of ours" not in told.shown
        assert scene.there.team.hanging == []


async def test_many_answers_at_once_keep_to_the_pace_of_the_workspace(tmp_path: Path) -> None:
    """More than Slack lets begin, or end, in a minute: what cannot be streamed is edited."""
    async with asking(tmp_path) as scene:
        scene.slack.pace.changed.clear()
        there, many = scene.there, STREAMS_MAX + 6
        people = [there.team.user(f"u{number}") for number in range(many)]
        # In one channel Slack takes a message a second; here it is the workspace that counts.
        places = [there.team.channel(f"c{number}") for number in range(many)]
        gates = [Gate() for _ in people]
        asked = []
        for person, place, gate in zip(people, places, gates, strict=True):
            there.model.next(steps(TextDelta("part 0 "), gate, TextDelta("part 1"), *END))
            asked.append(await person.says(place, "@bot go"))
            await gate.reached()
        await scene.goes_by(3_000)
        begun = [answer for question in asked for answer in there.answers_to(question)]
        assert len(begun) == many
        assert sum(answer.stream is not None for answer in begun) == STREAMS_MAX
        for gate in gates:
            gate.release()
        await scene.goes_by(MINUTE)
        await there.rests()
        for question in asked:
            (answer,) = there.answers_to(question)
            assert answer.shown.startswith("part 0 part 1")
        assert scene.slack.rate_limited == {}
        # A minute after those ends there is room for streams again.
        await scene.goes_by(MINUTE + 5_000)
        gate = Gate()
        again = await scene.asks(TextDelta("fresh"), gate, *END)
        assert (await scene.first(again)).stream is not None
        gate.release()
        await scene.ends(again)


@pytest.mark.parametrize("moment", ["unasked", "first", "later", "edited"])
async def test_stop_at_any_moment_settles_what_was_used_within_a_second(
    tmp_path: Path, moment: str
) -> None:
    async with asking(tmp_path) as scene:
        gates = [Gate() for _ in range(3)]
        texts = ("one", " two", " three")
        script = [s for t, g in zip(texts, gates, strict=True) for s in (TextDelta(t), g)]
        silent = Gate()
        asked = await scene.asks(*([silent] if moment == "unasked" else []), *script, *END)
        if moment == "unasked":
            await silent.reached()
            await scene.there.until(lambda: scene.there.team.hanging, "a status")
        elif moment == "first":
            await gates[0].reached()
            await scene.first(asked)
        else:
            answer = await scene.first(asked)
            for gate, following in pairwise(gates):
                if moment == "edited":
                    assert answer.stream is not None
                    answer.stream.state = "expired"
                gate.release()
                await following.reached()
                await scene.goes_by(3_000)
            assert answer.shown.startswith("one two three")
        before = scene.there.bot.clock.now()
        await scene.ana.stops(asked)
        await scene.there.until(lambda: not scene.there.bot.chat.running, "it has stopped")
        # No time went by: the model was let go of, and what it had said was settled.
        assert scene.there.bot.clock.now() - before < 1_000
        # The end of what is written by edits may have to wait for the pace of these.
        await scene.rests()
        balance = await scene.there.balance(scene.ana)
        (settled,) = await scene.there.entries("settle")
        said = {"unasked": 0, "first": 1, "later": 3, "edited": 3}[moment]
        assert (balance.held, settled.output) == (0, said)
        assert balance.used == settled.tokens
        assert scene.there.team.hanging == []
        told = [m.shown for m in scene.there.team.sees(scene.ana, scene.general) if m.by_bot]
        assert "Stopped by you" in told[-1]
        assert len([text for text in told if "one" in text]) == (moment != "unasked")
