"""The less trodden ways to the bot on Discord: threads of one's own, menus, apps of a person."""

import asyncio
from pathlib import Path

from bot.ports import Finished, TextDelta
from quota.members import Member, Space
from tests.discord_kit import FASTER, RATES, story
from tests.fakes import HOUR, MINUTE
from tests.scripted import Gate, says, steps
from tests.servers.discord import Discord, Message, Permission, Rate

TEN_K = '["10k tokens/day"]'


async def test_commands_work_in_direct_messages_and_speak_of_home(tmp_path: Path) -> None:
    async with story(tmp_path, '["3 requests/day"]') as told:
        ana = told.discord.guild("Homework").member("ana")
        channel = ana.guild.channel("general")
        await told.ended(channel, await ana.says(channel, "@bot hello"))
        card = await (await (await ana.person.slash(ana.dm, "quota")).reply()).settled()
        assert "1 / 3" in card.text


async def test_who_was_in_no_server_has_a_limit_of_their_own(tmp_path: Path) -> None:
    more = '[limits.direct]\neveryone = ["1 request/day"]'
    async with story(tmp_path, '["5 requests/day"]', more=more) as told:
        zoe = told.discord.person("zoe")
        zoe.installs_the_app()
        await told.ended(zoe.dm, await zoe.says(zoe.dm, "hello"))
        refused = await told.ended(zoe.dm, await zoe.says(zoe.dm, "hello"))
        assert "limit reached" in refused.text


async def test_a_new_conversation_is_a_thread(tmp_path: Path) -> None:
    async with story(tmp_path) as told:
        ana = told.discord.guild("Homework").member("ana")
        channel = ana.guild.channel("general")
        used = await ana.slash(channel, "chat new", title="Physics")
        card = await (await used.reply()).settled()
        (thread,) = ana.guild.threads
        assert thread.name == "Physics"
        assert thread.mention in card.text
        assert ana.id in thread.inside
        answer = await told.ended(thread, await ana.says(thread, "@bot what is mass?"))
        assert answer.text.startswith("w1")


async def test_an_answer_is_given_again_from_its_menu(tmp_path: Path) -> None:
    async with story(tmp_path) as told:
        guild = told.discord.guild("Homework")
        ana, bo, channel = guild.member("ana"), guild.member("bo"), guild.channel("general")
        answer = await told.ended(channel, await ana.says(channel, "@bot hello"))
        refused = await (await bo.uses("Regenerate", answer)).reply()
        assert "Only the person who asked" in (await refused.settled()).text
        told.model.next(says(3))
        again = await (await ana.uses("Regenerate", answer)).reply()
        await again.says("w3")
        assert "w4" not in again.text
        foreign = await bo.says(channel, "just talking")
        nothing = await (await ana.uses("Regenerate", foreign)).reply()
        assert "no answer of mine" in nothing.text


async def test_the_last_question_is_answered_again(tmp_path: Path) -> None:
    async with story(tmp_path) as told:
        ana = told.discord.guild("Homework").member("ana")
        channel = ana.guild.channel("general")
        none = await (await ana.slash(channel, "chat regenerate")).reply()
        assert "no question of yours" in none.text
        await told.ended(channel, await ana.says(channel, "@bot hello there"))
        again = await (await ana.slash(channel, "chat regenerate")).reply()
        await again.says("w8")
        assert told.model.calls[1].messages[-1].content == "hello there"


async def test_a_question_that_was_forgotten_is_not_answered_again(tmp_path: Path) -> None:
    async with story(tmp_path) as told:
        guild = told.discord.guild("Homework")
        ana, bo, channel = guild.member("ana"), guild.member("bo"), guild.channel("general")
        for member in (ana, bo):
            await told.ended(channel, await member.says(channel, "@bot my secret is a cat"))
        sure = await (await ana.slash(channel, "chat forget", scope="everywhere")).reply()
        await ana.clicks(sure, "Forget everything")
        await sure.says("Forgotten")
        none = await (await ana.slash(channel, "chat regenerate")).reply()
        assert "no question of yours" in none.text
        again = await (await bo.slash(channel, "chat regenerate")).reply()
        await again.says("w8")


async def test_a_cut_answer_goes_on(tmp_path: Path) -> None:
    async with story(tmp_path) as told:
        ana = told.discord.guild("Homework").member("ana")
        channel = ana.guild.channel("general")
        told.model.next(steps(TextDelta("It begins"), Finished("length")))
        asked = await ana.says(channel, "@bot tell me a story")
        cut = await told.ended(channel, asked)
        assert "Continue" in cut.buttons
        await ana.clicks(cut, "Continue")
        onward = await told.ended(channel, cut)
        assert onward.reference is cut
        said = [m.content for m in told.model.calls[1].messages]
        assert said[-2] == "It begins"
        assert "continue" in said[-1].casefold()


async def test_feedback_is_thanked_for_in_private(tmp_path: Path) -> None:
    async with story(tmp_path) as told:
        ana = told.discord.guild("Homework").member("ana")
        channel = ana.guild.channel("general")
        answer = await told.ended(channel, await ana.says(channel, "@bot hello"))
        thanks = await (await ana.clicks(answer, "👍")).reply()
        assert thanks.only_for is ana.person
        assert "Regenerate" in answer.buttons


async def test_an_app_of_a_person_answers_where_the_bot_is_not(tmp_path: Path) -> None:
    async with story(tmp_path) as told:
        foreign = told.discord.guild("Foreign", bot=False)
        boss = foreign.role("Boss", Permission.ADMINISTRATOR)
        zoe = foreign.member("zoe", roles=[boss])
        zoe.person.installs_the_app()
        channel = foreign.channel("general")
        used = await zoe.slash(channel, "ask", prompt="hello")
        answer = await (await used.reply()).says("w8")
        assert answer.text.startswith("> hello")
        assert "quota-admin" not in zoe.commands(channel)
        forced = await zoe.by_force().slash(channel, "chat stop")
        assert forced.original is not None


async def test_what_is_private_ends_with_its_token(tmp_path: Path) -> None:
    async with story(tmp_path, TEN_K) as told:
        ana = told.discord.guild("Homework").member("ana")
        channel = ana.guild.channel("general")
        told.model.next(steps(TextDelta("It begins"), Gate()))
        told.clock.hurry = 14 * MINUTE
        used = await ana.slash(channel, "ask", prompt="a secret", private=True)
        answer = await (await used.reply()).says("Stopped by you")
        assert answer.only_for is ana.person
        assert [m for m in channel.from_bot() if not m.only_for] == []


async def test_two_shards_serve_two_servers(tmp_path: Path) -> None:
    server = Discord(shards=2, rates=RATES, over_all=Rate(50 * FASTER, 1.0))
    async with story(tmp_path, server=server) as told:
        # discord.py itself leaves five seconds between two shards.
        sessions = told.discord.gateway_server.sessions
        await told.discord.until(lambda: len(sessions) == 2, "two shards", 12)
        guilds = [told.discord.guild(f"Server {n}") for n in range(4)]
        for guild in guilds:
            ana, channel = guild.member("ana"), guild.channel("general")
            await told.ended(channel, await ana.says(channel, "@bot hello"))
        assert len(told.model.calls) == 4


async def test_the_bot_looks_idle_while_the_house_has_nothing_left(tmp_path: Path) -> None:
    more = '[limits.shared]\nhouse = ["1 request/day"]'
    async with story(tmp_path, more=more) as told:
        guild = told.discord.guild("Homework")
        ana, bo, channel = guild.member("ana"), guild.member("bo"), guild.channel("general")
        await told.ended(channel, await ana.says(channel, "@bot hello"))
        await told.ended(channel, await bo.says(channel, "@bot hello"))
        presences = told.discord.books.presences
        await told.discord.until(lambda: presences, "a presence")
        assert presences[-1]["status"] == "idle"
        told.clock.leap(24 * HOUR)
        await told.ended(channel, await ana.says(channel, "@bot hello"))
        await told.discord.until(lambda: presences[-1]["status"] == "online", "the old presence")


async def test_a_members_language_is_spoken(tmp_path: Path) -> None:
    async with story(tmp_path, TEN_K) as told:
        guild = told.discord.guild("Homework")
        ana = guild.member("ana", locale="de")
        channel = guild.channel("general")
        card = await (await (await ana.slash(channel, "quota")).reply()).settled()
        plain = guild.member("bo")
        other = await (await (await plain.slash(channel, "quota")).reply()).settled()
        assert card.text != other.text
        (ask,) = [c for c in told.discord.commands() if c["name"] == "ask"]
        assert ask["name_localizations"]["de"] == "fragen"


async def test_a_direct_message_is_not_opened_unasked(tmp_path: Path) -> None:
    async with story(tmp_path, '["1 request/day"]') as told:
        guild = told.discord.guild("Homework")
        ana, channel = guild.member("ana"), guild.channel("general")
        for _ in range(3):
            await told.ended(channel, await ana.says(channel, "@bot hello"))
        assert told.discord.books.opened_dms == []
        member = Member(Space("discord", str(guild.id)), str(ana.id))
        assert told.bot.settings.member(member).notify_reset is False


async def test_everybody_may_speak_at_once(tmp_path: Path) -> None:
    async with story(tmp_path, TEN_K) as told:
        guild = told.discord.guild("Homework")
        people = [guild.member(f"m{n}") for n in range(12)]
        channels = [guild.channel(f"room-{n}") for n in range(3)]

        async def talk(number: int) -> Message:
            where = channels[number % 3]
            return await people[number].says(where, "@bot hello")

        await asyncio.gather(*(talk(n) for n in range(12)))
        await told.discord.until(
            lambda: sum("w8" in m.text for c in channels for m in c.from_bot()) == 12, "answers", 15
        )
        assert told.discord.books.too_many == []
