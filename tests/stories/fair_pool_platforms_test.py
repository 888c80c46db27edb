"""What people see and press where a budget is shared fairly, on Discord and in Slack."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from bot.ports import Finished, ModelCall, TextDelta, UsageReport
from quota.units import Usage
from tests.adapters import slack_kit
from tests.scripted import Step, says, tokens_of
from tests.stage import STAGES, InSlack, OnDiscord, Seen, Stage
from tests.stories.acts import uses

Opens = Callable[..., AbstractAsyncContextManager[Stage]]
FAIR = """
[limits.shared]
space = ["20k tokens/day fair floor 100"]
"""
ROOM = "Send when there is room"


@pytest.fixture(params=STAGES, ids=["discord", "slack"])
def stage_of(request: pytest.FixtureRequest) -> Opens:
    opens: Opens = request.param
    return opens


def all_it_may(call: ModelCall) -> Sequence[Step]:
    """Few words that took as many tokens as were granted."""
    usage = Usage(input=tokens_of(call), output=call.output_cap)
    return TextDelta("so much"), Finished("stop"), UsageReport(usage)


async def refused(stage: Stage) -> Seen:
    """Ana asks until the pool has no more for her; what she reads then."""
    stage.model.usual = all_it_may
    for _ in range(20):
        calls = len(stage.model.calls)
        asked = await stage.says("ana", "@bot go on")
        if isinstance(stage, InSlack):
            await stage.there.rests()
            answered = len(stage.model.calls) > calls
        else:
            assert isinstance(stage, OnDiscord)
            answered = "pool" not in (await stage.told.ended(stage.general, asked)).text
        if not answered:
            return await stage.refusal(asked)
    raise AssertionError("the pool gave all it had to one who asked and asked")


async def send_when_there_is_room(stage: Stage, on: Seen) -> None:
    """Press, without waiting for what comes of it."""
    if isinstance(stage, OnDiscord):
        await stage.people["ana"].clicks(on.message, ROOM)
    else:
        assert isinstance(stage, InSlack)
        await slack_kit.press(stage.people["ana"], on.message, ROOM)


async def until(stage: Stage, condition: Callable[[], bool], what: str) -> None:
    if isinstance(stage, OnDiscord):
        await stage.told.discord.until(condition, what, timeout_s=10)
    else:
        assert isinstance(stage, InSlack)
        await stage.there.until(condition, what)


async def test_what_the_pool_refuses_is_sent_when_there_is_room(
    stage_of: Opens, tmp_path: Path
) -> None:
    async with stage_of(tmp_path, "100k tokens/day", more=FAIR) as stage:
        refusal = await refused(stage)
        assert "from the shared pool today" in refusal.text
        assert "Your own allowance is untouched" in refusal.text
        assert ROOM in refusal.buttons
        stage.model.usual = says(8)
        calls = len(stage.model.calls)
        await send_when_there_is_room(stage, refusal)
        await uses(stage, "ada", "quota-admin pool add", amount="+20k tokens", reason="exams")
        await until(stage, lambda: len(stage.model.calls) > calls, "what was asked is sent")
        await until(stage, lambda: "w8" in stage.answers()[-1], "the answer")


async def test_who_comes_after_somebody_who_took_all_there_was_is_answered(
    stage_of: Opens, tmp_path: Path
) -> None:
    async with stage_of(tmp_path, "100k tokens/day", more=FAIR) as stage:
        await refused(stage)
        stage.model.usual = says(8)
        asked = await stage.says("bo", "@bot hello")
        assert "w8" in (await stage.answer(asked)).text
        mine = await uses(stage, "bo", "quota")
        assert "you used 16 tokens" in mine.text
        assert "more now" in mine.text


async def test_admins_see_how_the_pool_stands_and_what_a_decision_is_made_of(
    stage_of: Opens, tmp_path: Path
) -> None:
    async with stage_of(tmp_path, "100k tokens/day", more=FAIR) as stage:
        await refused(stage)
        card = await uses(stage, "ada", "quota-admin pool show")
        for figure in ("used", "held", "kept", "free", "members", "line"):
            assert figure in card.text
        why = await uses(stage, "ada", "quota-admin member explain", member="@ana")
        for figure in ("floor", "kept for others", "last call", "still to come"):
            assert figure in why.text
        done = await uses(stage, "ada", "quota-admin pool forget", reason="a party")
        assert "did not work" not in done.text
