"""People talk with the bot on Discord, and read what it answers."""

from dataclasses import replace
from pathlib import Path

from adapters.discord.gateway import Gateway
from bot.ports import Finished, ModelCall, TextDelta
from tests.discord_kit import story
from tests.scripted import Gate, steps
from tests.servers.discord import Discord, File, Member, Permission, Person


def said(call: ModelCall) -> list[str]:
    """What people and the model have said so far, as the model is told."""
    return [message.content for message in call.messages if message.role != "system"]


async def test_a_mention_is_answered_with_what_is_left(tmp_path: Path) -> None:
    async with story(tmp_path, '["10k tokens/day"]') as told:
        ana = told.discord.guild("Homework").member("ana")
        channel = ana.guild.channel("general")
        asked = await ana.says(channel, "@bot hello there")
        answer = await told.ended(channel, asked)
        assert answer.reference is asked
        assert answer.text.startswith("w1 w2 w3 w4 w5 w6 w7 w8")
        assert said(told.model.calls[0]) == ["hello there"]
        assert told.discord.books.too_many == []


async def test_what_is_not_for_the_bot_is_left_alone(tmp_path: Path) -> None:
    async with story(tmp_path) as told:
        guild = told.discord.guild("Homework")
        ana, channel = guild.member("ana"), guild.channel("general")
        early = await ana.says(channel, "hello everybody")
        await ana.says(channel, "@bot")
        first = await ana.says(channel, "@bot are you there?")
        await told.ended(channel, first)
        await ana.edits(first, "@bot are you still there?")
        await ana.edits(early, "@bot hello everybody")
        await told.ended(channel, await ana.says(channel, "@bot bye"))
        assert [said(call) for call in told.model.calls] == [["are you there?"], ["bye"]]
        assert len(channel.from_bot()) == 2


async def test_bots_are_not_answered(tmp_path: Path) -> None:
    async with story(tmp_path) as told:
        guild = told.discord.guild("Homework")
        ana, channel = guild.member("ana"), guild.channel("general")
        robot = Member(guild, Person(told.discord.world, "robot", bot=True))
        guild.members[robot.id] = robot
        await robot.says(channel, "@bot hello, colleague")
        await told.ended(channel, await ana.says(channel, "@bot hello"))
        assert [said(call) for call in told.model.calls] == [["hello"]]


async def test_a_direct_message_is_answered_without_a_mention(tmp_path: Path) -> None:
    async with story(tmp_path) as told:
        ana = told.discord.guild("Homework").member("ana")
        asked = await ana.says(ana.dm, "hello there")
        answer = await told.ended(ana.dm, asked)
        assert answer.text.startswith("w1 w2")


async def test_a_direct_message_is_charged_at_home(tmp_path: Path) -> None:
    async with story(tmp_path, '["1 request/day"]') as told:
        ana = told.discord.guild("Homework").member("ana")
        channel = ana.guild.channel("general")
        await told.ended(channel, await ana.says(channel, "@bot hello"))
        answer = await told.ended(ana.dm, await ana.says(ana.dm, "and here?"))
        assert "limit reached" in answer.text
        assert len(told.model.calls) == 1


async def test_a_reply_goes_on_and_a_reply_further_up_branches(tmp_path: Path) -> None:
    async with story(tmp_path) as told:
        ana = told.discord.guild("Homework").member("ana")
        channel = ana.guild.channel("general")
        first = await told.ended(channel, await ana.says(channel, "@bot one"))
        second = await told.ended(channel, await ana.says(channel, "@bot two", reply_to=first))
        await told.ended(channel, await ana.says(channel, "@bot three", reply_to=first))
        answer = "w1 w2 w3 w4 w5 w6 w7 w8"
        assert said(told.model.calls[1]) == ["one", answer, "two"]
        assert said(told.model.calls[2]) == ["one", answer, "three"]
        assert second.reference is not None


async def test_a_reply_goes_on_after_a_restart(tmp_path: Path) -> None:
    async with story(tmp_path, '["10k tokens/day"]') as told:
        ana = told.discord.guild("Homework").member("ana")
        channel = ana.guild.channel("general")
        first = await told.ended(channel, await ana.says(channel, "@bot one"))
        await told.stop()
        await told.start()
        await told.ended(channel, await ana.says(channel, "@bot two", reply_to=first))
        assert said(told.model.calls[1]) == ["one", "w1 w2 w3 w4 w5 w6 w7 w8", "two"]


async def test_where_the_past_may_not_be_read_it_is_said(tmp_path: Path) -> None:
    async with story(tmp_path) as told:
        guild = told.discord.guild("Homework")
        ana, channel = guild.member("ana"), guild.channel("general")
        first = await told.ended(channel, await ana.says(channel, "@bot one"))
        second = await told.ended(channel, await ana.says(channel, "@bot two", reply_to=first))
        await told.stop()
        channel.deny(guild, Permission.READ_MESSAGE_HISTORY)
        await told.start()
        last = await told.ended(channel, await ana.says(channel, "@bot three", reply_to=second))
        assert "could not be read" in last.text


async def test_in_a_thread_nobody_has_to_mention_the_bot(tmp_path: Path) -> None:
    settings = 'message_content = true\nmode = "thread"'
    server = Discord(intents={"message_content"})
    async with story(tmp_path, discord=settings, server=server) as told:
        ana = told.discord.guild("Homework").member("ana")
        channel = ana.guild.channel("general")
        asked = await ana.says(channel, "who knows?")
        thread = await ana.starts_thread(asked, "Physics")
        first = await ana.says(thread, "@bot what is mass?")
        await told.ended(thread, first)
        second = await ana.says(thread, "and weight?")
        await told.ended(thread, second)
        assert said(told.model.calls[1])[-1].endswith("and weight?")
        await ana.says(channel, "thanks all")
        assert len(told.model.calls) == 2


async def test_a_channel_may_want_a_thread_for_each_question(tmp_path: Path) -> None:
    more = '[channels.homework]\nmode = "auto-thread"'
    async with story(tmp_path, more=more) as told:
        ana = told.discord.guild("Homework").member("ana")
        channel = ana.guild.channel("homework")
        asked = await ana.says(channel, "@bot why is the sky blue, and not green as the grass is?")
        await told.discord.until(lambda: ana.guild.threads, "a thread")
        (thread,) = ana.guild.threads
        await told.ended(thread, asked)
        assert thread.name.startswith("why is the sky blue")
        assert channel.from_bot() == []


async def test_where_no_thread_may_be_opened_the_channel_is_answered(tmp_path: Path) -> None:
    more = '[channels.homework]\nmode = "auto-thread"'
    async with story(tmp_path, more=more) as told:
        guild = told.discord.guild("Homework")
        ana, channel = guild.member("ana"), guild.channel("homework")
        channel.deny(guild, Permission.CREATE_PUBLIC_THREADS)
        for text in ("@bot one", "@bot two"):
            await told.ended(channel, await ana.says(channel, text))
            await told.discord.until(lambda: len(channel.from_bot()) >= 2)
        texts = [message.text for message in channel.from_bot()]
        assert sum("may not open threads" in text for text in texts) == 1
        assert len(texts) == 3


async def test_a_channel_may_be_switched_off(tmp_path: Path) -> None:
    more = '[channels.serious]\nmode = "off"'
    async with story(tmp_path, more=more) as told:
        ana = told.discord.guild("Homework").member("ana")
        serious, general = ana.guild.channel("serious"), ana.guild.channel("general")
        await ana.says(serious, "@bot hello")
        await told.ended(general, await ana.says(general, "@bot hello"))
        assert serious.from_bot() == []


async def test_an_answer_grows_by_edits_and_can_be_stopped(tmp_path: Path) -> None:
    async with story(tmp_path, '["10k tokens/day"]') as told:
        ana = told.discord.guild("Homework").member("ana")
        channel = ana.guild.channel("general")
        gate = Gate()
        told.model.next(steps(TextDelta("It begins"), gate, TextDelta(" and never ends")))
        asked = await ana.says(channel, "@bot tell me a story")
        growing = await (await channel.answer(after=asked)).says("It begins")
        assert growing.buttons == ["Stop"]
        assert growing.is_silent
        await ana.clicks(growing, "Stop")
        answer = await told.ended(channel, asked)
        assert answer is growing
        assert "Stopped by you" in answer.text


async def test_only_who_asked_may_stop_and_staff(tmp_path: Path) -> None:
    async with story(tmp_path) as told:
        guild = told.discord.guild("Homework")
        ana, bo = guild.member("ana"), guild.member("bo")
        mo = guild.member("mo", roles=[guild.role("Staff", Permission.MODERATE_MEMBERS)])
        channel = guild.channel("general")
        told.model.next(steps(TextDelta("It begins"), Gate()))
        asked = await ana.says(channel, "@bot tell me a story")
        growing = await (await channel.answer(after=asked)).says("It begins")
        refused = await (await bo.clicks(growing, "Stop")).reply()
        assert "Only the person who asked" in refused.text
        assert refused.only_for is bo.person
        assert growing.buttons == ["Stop"]
        await mo.clicks(growing, "Stop")
        assert "Stopped" in (await told.ended(channel, asked)).text


async def test_a_long_answer_takes_several_messages_with_its_code_whole(tmp_path: Path) -> None:
    async with story(tmp_path) as told:
        ana = told.discord.guild("Homework").member("ana")
        channel = ana.guild.channel("general")
        code = "\n".join(f"print({n})" for n in range(400))
        told.model.next(steps(TextDelta(f"Here:\n```python\n{code}\n```"), Finished("stop")))
        asked = await ana.says(channel, "@bot count")
        last = await told.ended(channel, asked, messages=3)
        messages = channel.from_bot()
        assert last is messages[-1]
        assert messages[1].reference is messages[0]
        assert all(message.text.count("```") % 2 == 0 for message in messages)
        assert all("```python" in message.text for message in messages)
        assert [bool(message.buttons) for message in messages] == [False] * (len(messages) - 1) + [
            bool(last.buttons)
        ]


async def test_a_very_long_answer_comes_as_a_file(tmp_path: Path) -> None:
    async with story(tmp_path) as told:
        ana = told.discord.guild("Homework").member("ana")
        channel = ana.guild.channel("general")
        text = "\n\n".join(f"Paragraph {n}. " + "word " * 60 for n in range(60)).strip()
        told.model.next(steps(TextDelta(text), Finished("stop")))
        asked = await ana.says(channel, "@bot write a book")
        last = await told.ended(channel, asked, messages=4)
        assert len(channel.from_bot()) == 4
        (file,) = last.attachments
        assert file.name == "answer.md"
        assert file.data.decode() == text
        assert "in the file" in last.text


async def test_nothing_that_a_model_writes_calls_anybody(tmp_path: Path) -> None:
    async with story(tmp_path) as told:
        ana = told.discord.guild("Homework").member("ana")
        bo, channel = ana.guild.member("bo"), ana.guild.channel("general")
        text = f"@everyone @here {bo.mention} https://example.org"
        told.model.next(steps(TextDelta(text), Finished("stop")))
        asked = await ana.says(channel, "@bot call them")
        answer = await told.ended(channel, asked)
        assert "@everyone" not in answer.text
        assert answer.pinged.people == {"ana"}
        assert not answer.pinged.everyone
        assert answer.flags & 4


async def test_files_go_along_and_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    async with story(tmp_path) as told:
        ana = told.discord.guild("Homework").member("ana")
        channel = ana.guild.channel("general")
        files = [
            File("notes.txt", b"the moon is far", "text/plain"),
            File("song.mp3", b"la la", "audio/mpeg"),
        ]
        asked = await ana.says(channel, "@bot read", files=files)
        answer = await told.ended(channel, asked)
        assert "the moon is far" in said(told.model.calls[0])[0]
        assert "song.mp3" in answer.text


async def test_nothing_is_fetched_for_somebody_who_is_going_to_be_refused(tmp_path: Path) -> None:
    async with story(tmp_path, more="queue_max = 0") as told:
        ana = told.discord.guild("Homework").member("ana")
        channel = ana.guild.channel("general")
        gate, file = Gate(), File("notes.txt", b"the moon is far", "text/plain")
        told.model.next(steps(TextDelta("It begins"), gate, Finished("stop")))
        running = await ana.says(channel, "@bot hello")
        await (await channel.answer(after=running)).until(lambda m: m.text)
        busy = await told.ended(channel, await ana.says(channel, "@bot read", files=[file]))
        assert "answers waiting" in busy.text
        used = await ana.slash(channel, "ask", prompt="read", file=file)
        assert "answers waiting" in (await (await used.reply()).settled()).text
        assert told.discord.books.downloads == []
        gate.release()
        await told.ended(channel, running)
        await told.discord.until(lambda: not told.bot.chat.running, "the lane is free")
        await told.ended(channel, await ana.says(channel, "@bot read", files=[file]))
        assert told.discord.books.downloads == ["notes.txt"]


async def test_what_the_bot_says_by_itself_follows_a_reload(tmp_path: Path) -> None:
    async with story(tmp_path) as told:
        config = told.bot.config
        assert config.discord is not None
        gateway = Gateway(told.bot, config.discord, content=False)
        assert gateway.words.language == "en"
        told.bot.config = replace(config, language="de")
        assert gateway.words.language == "de"


async def test_a_refusal_names_the_rule_and_when_it_opens(tmp_path: Path) -> None:
    async with story(tmp_path, '["1 request/day"]') as told:
        ana = told.discord.guild("Homework").member("ana")
        channel = ana.guild.channel("general")
        await told.ended(channel, await ana.says(channel, "@bot one"))
        answer = await told.ended(channel, await ana.says(channel, "@bot two"))
        assert "Daily limit reached" in answer.text
        assert "<t:1780358400:" in answer.text
        assert len(told.model.calls) == 1
