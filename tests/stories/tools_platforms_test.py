"""Turns with tools as people see them on Discord and in Slack."""

from pathlib import Path
from typing import Any

from bot.tool_servers import ToolServer
from bot.toolbox import Toolbox
from tests.fakes import DAY
from tests.scripted import Gate, ScriptedTools, says, steps, uses
from tests.stage import GROUP, Opens, Stage, entries
from tests.stories.acts import answered

NOW = uses("time")


def equip(stage: Stage, tools: ScriptedTools, **server: Any) -> None:
    """Give the bot these tools."""
    servers = (ToolServer("clock", **server),)
    stage.bot.chat.steps.toolbox = Toolbox(tools, stage.clock, servers)


async def test_a_tool_is_used_and_each_step_is_in_the_books(
    tmp_path: Path, stage_of: Opens
) -> None:
    async with stage_of(tmp_path, "100k tokens/day") as stage:
        equip(stage, ScriptedTools(time="It is noon"))
        stage.model.next(NOW, says(3))
        answer = await answered(stage, "ana")
        assert "w1 w2\n\nw1 w2 w3" in answer.text
        (result,) = [m for m in stage.model.calls[-1].messages if m.role == "tool"]
        assert result.content == "It is noon"
        first, second = await entries(stage, "settle")
        assert (first.purpose, second.purpose) == ("answer", "tools")
        assert second.turn == first.hold_id
        assert (await stage.balance("ana")).used == first.tokens + second.tokens


async def test_a_turn_cut_between_two_steps_says_why_and_goes_on_from_there(
    tmp_path: Path, stage_of: Opens
) -> None:
    async with stage_of(tmp_path, "450 tokens/day") as stage:
        equip(stage, ScriptedTools(time="It is noon"))
        stage.model.usual = NOW
        cut = await answered(stage, "ana")
        done = len(stage.model.calls)
        assert 2 <= done < 10
        assert "w1 w2\n\nw1 w2" in cut.text
        assert "your limit has no room for the next step" in cut.text
        assert "Continue" in cut.buttons
        assert (await stage.balance("ana")).held == 0
        stage.clock.leap(DAY)
        stage.model.usual = says(3)
        await stage.presses("ana", cut, "Continue")
        assert len(stage.model.calls) == done + 1
        assert "w1 w2 w3" in stage.answers()[-1]


async def test_a_delivery_that_comes_twice_takes_no_further_step(
    tmp_path: Path, stage_of: Opens
) -> None:
    async with stage_of(tmp_path, "100k tokens/day") as stage:
        equip(stage, ScriptedTools(time="It is noon"))
        stage.model.next(NOW, says(3))
        asked = await stage.says("ana", "@bot hello")
        await stage.answer(asked)
        await stage.delivered_again(asked)
        assert len(stage.model.calls) == 2
        assert len(stage.answers()) == 1


async def test_stopped_in_a_later_step_what_was_written_stays(
    tmp_path: Path, stage_of: Opens
) -> None:
    async with stage_of(tmp_path, "100k tokens/day") as stage:
        equip(stage, ScriptedTools(time="It is noon"))
        gate = Gate()
        stage.model.next(NOW, steps(gate))
        asked = await stage.says("ana", "@bot hello")
        begun = await stage.beginning(asked)
        await gate.reached()
        await stage.stops("ana", begun)
        answer = await stage.answer(asked)
        assert "w1 w2" in answer.text
        assert (await stage.balance("ana")).held == 0


async def test_tools_of_a_role_are_for_those_who_hold_it(tmp_path: Path, stage_of: Opens) -> None:
    async with stage_of(tmp_path, "100k tokens/day") as stage:
        equip(stage, ScriptedTools(time="noon"), allowed_for=(f"role:{GROUP}",))
        await answered(stage, "ana")
        assert not stage.model.calls[-1].tools
        await answered(stage, "cy")
        assert [tool.name for tool in stage.model.calls[-1].tools] == ["time"]
