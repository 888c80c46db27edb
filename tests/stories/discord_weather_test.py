"""What may go wrong around an answer on Discord, and what becomes of it."""

import asyncio
from functools import partial
from pathlib import Path

import pytest

from adapters.discord.members import OWN
from bot.ports import Finished, TextDelta
from bot.upkeep import announce
from tests.discord_kit import FASTER, RATES, Story, StoryClock, story
from tests.fakes import DAY
from tests.scripted import Gate, says, steps, until
from tests.servers.discord import Discord, Message, Permission
from tests.servers.discord.buckets import CREATE, EDIT

TEN_K = '["10k tokens/day"]'


async def growing(told: Story, gate: Gate) -> tuple[Message, Message]:
    """A question whose answer has begun, and stands at a gate."""
    ana = told.discord.guild("Homework").member("ana")
    channel = ana.guild.channel("general")
    told.model.next(steps(TextDelta("It begins"), gate, TextDelta(" and ends"), Finished("stop")))
    asked = await ana.says(channel, "@bot tell me a story")
    answer = await (await channel.answer(after=asked)).says("It begins")
    return asked, answer


async def test_who_wants_it_is_told_when_it_is_back(tmp_path: Path) -> None:
    async with story(tmp_path, '["1 request/day"]') as told:
        ana = told.discord.guild("Homework").member("ana")
        channel = ana.guild.channel("general")
        await told.ended(channel, await ana.says(channel, "@bot hello"))
        refusal = await told.ended(channel, await ana.says(channel, "@bot hello"))
        await (await ana.clicks(refusal, "Tell me when it is back")).reply()
        assert ana.dm.from_bot() == []
        told.clock.leap(DAY)
        hear = partial(told.bot.chat.reminders.opened, listeners=told.bot.on_fresh)
        assert await announce(told.bot.quotas, [hear]) == 1
        await told.discord.until(ana.dm.from_bot, "a word to ana")


async def test_the_gateway_drops_and_resumes(tmp_path: Path) -> None:
    async with story(tmp_path) as told:
        gate = Gate()
        _asked, answer = await growing(told, gate)
        told.discord.drop_gateway()
        gate.release()
        await answer.says("and ends")
        await told.discord.connected()
        guild = answer.channel.guild
        assert guild is not None
        bo = guild.member("bo")
        later = await bo.says(answer.channel, "@bot are you still there?")
        await told.ended(answer.channel, later)
        assert len(told.model.calls) == 2


@pytest.mark.parametrize("route", ["GET /users/@me", "GET /gateway/bot"])
async def test_it_waits_for_a_discord_that_cannot_be_reached_at_its_start(
    tmp_path: Path, route: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with story(tmp_path) as told:
        await told.stop()
        # Each is tried twice before anybody hears of it.
        told.discord.cuts(route, times=4)
        await told.start()
        lost = [r for r in caplog.messages if r.startswith("Discord cannot be reached")]
        assert len(lost) == 2
        ana = told.discord.guild("Homework").member("ana")
        channel = ana.guild.channel("general")
        await told.ended(channel, await ana.says(channel, "@bot hello"))
        assert len(told.model.calls) == 1


async def test_the_end_arrives_although_discord_fails(tmp_path: Path) -> None:
    async with story(tmp_path) as told:
        gate = Gate()
        _, answer = await growing(told, gate)
        told.discord.fails(EDIT, 503, times=3)
        gate.release()
        await answer.says("It begins and ends", timeout_s=10)


async def test_the_end_arrives_although_the_line_is_cut(tmp_path: Path) -> None:
    async with story(tmp_path) as told:
        gate = Gate()
        asked, answer = await growing(told, gate)
        told.discord.cuts(EDIT, times=2)
        gate.release()
        await answer.says("It begins and ends", timeout_s=10)
        assert len(asked.channel.from_bot()) == 1


async def test_an_answer_whose_receipt_is_lost_is_not_said_twice(tmp_path: Path) -> None:
    async with story(tmp_path) as told:
        ana = told.discord.guild("Homework").member("ana")
        channel = ana.guild.channel("general")
        told.discord.cuts(CREATE, lost=True)
        asked = await ana.says(channel, "@bot hello")
        await (await channel.answer(after=asked)).says("w8", timeout_s=10)
        assert len(channel.from_bot()) == 1


async def test_the_end_arrives_although_the_message_was_deleted(tmp_path: Path) -> None:
    async with story(tmp_path) as told:
        gate = Gate()
        asked, answer = await growing(told, gate)
        guild = asked.channel.guild
        assert guild is not None
        mo = guild.member("mo", roles=[guild.role("Staff", Permission.MANAGE_MESSAGES)])
        await mo.deletes(answer)
        gate.release()
        end = await asked.channel.answer(after=asked)
        await end.says("It begins and ends")


async def test_a_channel_that_is_closed_costs_nobody_more_than_the_answer(tmp_path: Path) -> None:
    async with story(tmp_path, TEN_K) as told:
        gate = Gate()
        asked, answer = await growing(told, gate)
        guild = asked.channel.guild
        assert guild is not None
        asked.channel.deny(guild, Permission.VIEW_CHANNEL)
        gate.release()
        other = guild.channel("other")
        bo = guild.member("bo")
        later = await told.ended(other, await bo.says(other, "@bot hello"))
        assert later.text.startswith("w1")
        assert answer.text == "It begins"
        assert await told.bot.quotas.store.verify() == []


async def test_without_the_intent_the_bot_degrades(tmp_path: Path) -> None:
    async with story(tmp_path, discord="message_content = true") as told:
        ana = told.discord.guild("Homework").member("ana")
        channel = ana.guild.channel("general")
        answer = await told.ended(channel, await ana.says(channel, "@bot hello"))
        assert answer.text.startswith("w1")


async def test_a_note_is_left_where_the_bot_is_invited_and_only_once(tmp_path: Path) -> None:
    async with story(tmp_path) as told:
        bo = told.discord.guild("Elsewhere").member("bo")
        await told.ended(bo.dm, await bo.says(bo.dm, "hello"))
        guild = told.discord.guild("Homework", bot=False)
        channel = guild.channel("general")
        guild.invites_bot()
        note = await channel.answer()
        assert "/quota-admin setup" in note.text
        assert not note.pinged
        guild.kicks_bot()
        guild.invites_bot()
        ana = guild.member("ana")
        await told.ended(channel, await ana.says(channel, "@bot hello"))
        assert len(channel.from_bot()) == 2
        assert told.discord.books.unasked_dms == []


async def test_every_event_comes_four_times_and_counts_once(tmp_path: Path) -> None:
    async with story(tmp_path, '["10 requests/day"]') as told:
        ana = told.discord.guild("Homework").member("ana")
        channel = ana.guild.channel("general")
        asked = [await ana.says(channel, f"@bot question {n}") for n in range(3)]
        for _ in range(2):
            for each in asked:
                told.discord.deliver_again(each)
        await told.discord.until(
            lambda: len([m for m in channel.from_bot() if "Stop" not in m.buttons]) == 3
        )
        used = await ana.slash(channel, "ask", prompt="and this?")
        await (await used.reply()).says("w8")
        for _ in range(3):
            told.discord.deliver_again(used)
        await told.stop()
        await told.start()
        for each in asked:
            told.discord.deliver_again(each)
        told.discord.deliver_again(used)
        last = await ana.guild.member("bo").says(channel, "@bot the last one")
        await told.ended(channel, last)
        assert len(told.model.calls) == 5, told.discord.transcript
        entries = [e async for e in told.bot.quotas.store.entries(0, None)]
        assert len([e for e in entries if e.kind == "settle"]) == 5
        assert len(channel.from_bot()) == 5


async def test_ten_answers_in_one_channel_provoke_no_limit(tmp_path: Path) -> None:
    async with story(tmp_path) as told:
        guild = told.discord.guild("Homework")
        channel = guild.channel("general")
        told.model.usual = says(120)
        people = [guild.member(f"m{n}") for n in range(10)]
        asked = await asyncio.gather(*(each.says(channel, "@bot talk") for each in people))
        await told.discord.until(
            lambda: sum("w120" in m.text for m in channel.from_bot()) == len(asked),
            "ten answers",
            12,
        )
        assert told.discord.books.too_many == []
        assert len(channel.from_bot()) == 10


async def test_fifty_busy_channels(tmp_path: Path) -> None:
    async with story(tmp_path) as told:
        guild = told.discord.guild("Homework")
        told.model.usual = says(60)
        channels = [guild.channel(f"room-{n}") for n in range(50)]
        people = [guild.member(f"m{n}") for n in range(50)]
        for who, where in zip(people, channels, strict=True):
            await who.says(where, "@bot talk")
        await told.discord.until(
            lambda: sum("w60" in m.text for c in channels for m in c.from_bot()) == 50,
            "fifty answers",
            60,
        )
        assert told.discord.books.too_many == []


async def test_rights_that_are_missing_are_told_once(tmp_path: Path) -> None:
    server = Discord(clock=StoryClock(), rates=RATES)
    assert FASTER > 1
    async with story(tmp_path, server=server) as told:
        guild = told.discord.guild("Homework")
        ana, channel = guild.member("ana"), guild.channel("general")
        channel.deny(guild, Permission.ATTACH_FILES)
        text = "\n\n".join(f"Paragraph {n}. " + "word " * 60 for n in range(60)).strip()
        told.model.next(steps(TextDelta(text), Finished("stop")))
        asked = await ana.says(channel, "@bot write a book")
        await told.discord.until(
            lambda: "Paragraph 59" in channel.from_bot()[-1].text if channel.from_bot() else None,
            "the whole of it",
            20,
        )
        whole = "".join(m.text for m in channel.from_bot() if m.id > asked.id)
        assert all(f"Paragraph {n}." in whole for n in range(60))
        assert "may not attach files" in channel.from_bot()[-1].text


async def test_the_books_know_what_is_on_its_way_and_nothing_of_what_has_ended(
    tmp_path: Path,
) -> None:
    async with story(tmp_path, '["1 request/day"]') as told:
        ana = told.discord.guild("Homework").member("ana")
        channel = ana.guild.channel("general")
        silent = Gate()
        told.model.next(steps(silent, TextDelta("It begins"), Finished("stop")))
        asked = await ana.says(channel, "@bot hello")
        await silent.reached()

        def noted() -> dict[str, str]:
            return told.bot.quotas.governing.flags(OWN, "open")

        assert noted() == {f"{channel.id}/{asked.id}": str(asked.id)}, "before anything is charged"
        silent.release()
        await told.ended(channel, asked)
        await told.ended(channel, await ana.says(channel, "@bot and now?"))
        await until(lambda: not noted())
