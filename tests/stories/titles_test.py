"""Threads that the bot opens get a title beside the answer, on Discord and in Slack."""

from pathlib import Path
from typing import Any

from bot.ports import Finished, TextDelta, UsageReport
from quota.units import Usage
from tests.discord_kit import story
from tests.scripted import says, steps
from tests.stage import InSlack, OnDiscord, Opens, Stage, entries

TITLES = """
[chat]
titles = true
[channels.general]
mode = "auto-thread"
"""
TITLE = steps(TextDelta("Boiling eggs"), Finished("stop"), UsageReport(Usage(input=50, output=3)))


async def begins(stage: Stage, text: str) -> Any:
    """Ana begins a thread of her own: below her message, or in her talk with the bot."""
    if isinstance(stage, OnDiscord):
        below = await stage.people["ana"].says(stage.general, f"@bot {text}")

        def answered() -> bool:
            found = below.thread.from_bot() if below.thread is not None else []
            return bool(found) and "Regenerate" in found[-1].buttons

        await stage.told.discord.until(answered, "an answer in a thread")
        return below
    assert isinstance(stage, InSlack)
    user = stage.people["ana"]
    asked = await user.says(stage.team.dm(user), text)
    await stage.there.rests()
    return asked


def name_of(stage: Stage, asked: Any) -> str:
    """What the thread of a message is called."""
    if isinstance(stage, OnDiscord):
        return str(asked.thread.name)
    assert isinstance(stage, InSlack)
    return stage.team.titles.get((asked.channel.id, asked.ts), "")


async def renamed(stage: Stage, asked: Any) -> None:
    if isinstance(stage, OnDiscord):
        await stage.told.discord.until(lambda: name_of(stage, asked) == "Boiling eggs", "a title")
    else:
        assert isinstance(stage, InSlack)
        await stage.there.until(lambda: name_of(stage, asked) == "Boiling eggs", "a title")


async def test_a_new_thread_gets_a_title_that_is_charged(tmp_path: Path, stage_of: Opens) -> None:
    async with stage_of(tmp_path, "10k tokens/day", more=TITLES) as stage:
        stage.model.next(says(8), TITLE)
        asked = await begins(stage, "how long do I boil eggs")
        await renamed(stage, asked)
        purposes = [(entry.purpose, entry.turn) for entry in await entries(stage, "settle")]
        assert [purpose for purpose, _ in purposes] == ["answer", "title"]
        assert len({turn for _, turn in purposes}) == 1


async def test_where_little_is_left_no_title_is_made(tmp_path: Path, stage_of: Opens) -> None:
    async with stage_of(tmp_path, "350 tokens/day", more=TITLES) as stage:
        stage.model.next(says(8), TITLE)
        asked = await begins(stage, "how long do I boil eggs")
        if isinstance(stage, InSlack):
            await stage.there.rests()
        assert name_of(stage, asked) != "Boiling eggs"
        assert [entry.purpose for entry in await entries(stage, "settle")] == ["answer"]


async def test_a_thread_that_was_begun_with_a_title_keeps_it(tmp_path: Path) -> None:
    async with story(tmp_path, more=TITLES) as told:
        guild = told.discord.guild("Homework")
        ana, channel = guild.member("ana"), guild.channel("general")
        for title in ({"title": "Rice"}, {}):
            await (await ana.slash(channel, "chat new", **title)).reply()
        rice, eggs = guild.threads
        told.model.next(says(8))
        await told.ended(rice, await ana.says(rice, "@bot and rice?"))
        told.model.next(says(8), TITLE)
        await told.ended(eggs, await ana.says(eggs, "@bot and eggs?"))
        await told.discord.until(lambda: eggs.name == "Boiling eggs", "a title")
        await told.ended(eggs, await ana.says(eggs, "@bot and more?"))
        assert rice.name == "Rice"
        assert len(told.model.calls) == 4
