"""People talk with the bot in Slack."""

from pathlib import Path

from bot.ports import Finished, TextDelta, UsageReport
from quota.units import Usage
from tests.adapters.slack_kit import NetClock, on_slack, our_app, shown_to
from tests.scripted import Gate, says, steps
from tests.servers.slack import File, Slack


async def test_a_mention_is_answered_in_its_thread(tmp_path: Path) -> None:
    async with Slack(our_app()) as slack, on_slack(slack, tmp_path) as there:
        ana = there.team.user("ana")
        general = there.team.channel("general")
        asked = await ana.says(general, "@bot hello there")
        answer = await there.answer_to(asked)
        assert answer.shown.startswith("w1 w2 w3 w4 w5 w6 w7 w8")
        assert answer.thread_ts == asked.ts
        assert [m.content for m in there.model.calls[0].messages if m.role == "user"] == [
            "hello there"
        ]
        assert len(await there.entries("settle")) == 1
        assert slack.calls_of("conversations.replies") == []
        assert slack.refusals == []


async def test_channels_are_known_from_the_start_and_need_no_call_each(tmp_path: Path) -> None:
    async with Slack(our_app()) as slack:
        team = slack.team("Acme")
        ana, busy = team.user("ana"), [team.channel(f"c{number}") for number in range(5)]
        async with on_slack(slack, tmp_path) as there:
            await there.rests()
            for channel in busy:
                await ana.says(channel, "lunch?")
            await there.rests()
            assert slack.calls_of("conversations.info") == []


async def test_a_direct_message_is_answered_in_a_thread_of_its_own(tmp_path: Path) -> None:
    async with Slack(our_app()) as slack, on_slack(slack, tmp_path) as there:
        ana = there.team.user("ana")
        asked = await ana.says_to_bot("hello")
        answer = await there.answer_to(asked)
        assert answer.thread_ts == asked.ts
        again = await ana.says_to_bot("and again", thread=asked)
        await there.answer_to(again)
        said = [m.content for m in there.model.calls[1].messages]
        assert any("hello" in text for text in said)
        assert any("w1 w2" in text for text in said)
        assert there.team.hanging == []


async def test_in_a_thread_where_the_bot_has_spoken_nobody_needs_to_mention_it(
    tmp_path: Path,
) -> None:
    async with Slack(our_app()) as slack, on_slack(slack, tmp_path) as there:
        ana, bo = there.team.user("ana"), there.team.user("bo")
        general = there.team.channel("general")
        asked = await ana.says(general, "@bot hello")
        await there.answer_to(asked)
        await there.answer_to(await bo.says(general, "tell me more", thread=asked))
        other = await ana.says(general, "lunch?")
        await bo.says(general, "yes", thread=other)
        await there.rests()
        assert there.answers_to(other) == []
        assert len(there.model.calls) == 2


async def test_after_a_restart_a_thread_is_known_and_read_again(tmp_path: Path) -> None:
    async with Slack(our_app()) as slack:
        async with on_slack(slack, tmp_path) as there:
            ana = there.team.user("ana")
            general = there.team.channel("general")
            asked = await ana.says(general, "@bot what is a quokka")
            await there.answer_to(asked)
        async with on_slack(slack, tmp_path) as there:
            more = await ana.says(general, "where does it live", thread=asked)
            await there.answer_to(more)
            said = " ".join(m.content for m in there.model.calls[0].messages)
            assert "what is a quokka" in said
            assert "w1 w2" in said


async def test_the_mode_of_a_channel_decides_what_is_answered(tmp_path: Path) -> None:
    more = '[channels.help]\nmode = "auto-thread"\n[channels.quiet]\nmode = "off"\n'
    more += '[channels.strict]\nmode = "mention"\n'
    async with Slack(our_app()) as slack, on_slack(slack, tmp_path, more=more) as there:
        ana = there.team.user("ana")
        channels = {name: there.team.channel(name) for name in ("help", "quiet", "strict")}
        await there.answer_to(await ana.says(channels["help"], "my laptop is broken"))
        off = await ana.says(channels["quiet"], "@bot hello")
        await there.rests()
        assert there.answers_to(off) == []
        (told,) = there.team.sees(ana, channels["quiet"])[1:]
        assert told.is_ephemeral
        assert "switched off" in told.shown
        asked = await ana.says(channels["strict"], "@bot hello")
        await there.answer_to(asked)
        follow = await ana.says(channels["strict"], "and", thread=asked)
        await there.rests()
        assert there.answers_to(follow) == []


async def test_a_command_that_mentions_the_bot_is_told_twice_and_shown_once(tmp_path: Path) -> None:
    async with Slack(our_app()) as slack, on_slack(slack, tmp_path) as there:
        ana = there.team.user("ana")
        general = there.team.channel("general")
        asked = await ana.says(general, "@bot quota")
        await there.rests()
        for event_id in asked.event_ids:
            await there.told_again(event_id)
        assert len(shown_to(there.team, ana, general)) == 1


async def test_bots_edits_and_empty_mentions_are_not_answered(tmp_path: Path) -> None:
    async with Slack(our_app()) as slack, on_slack(slack, tmp_path) as there:
        ana = there.team.user("ana")
        general = there.team.channel("general")
        await ana.says(general, "@bot")
        asked = await ana.says(general, "hello")
        await ana.edits(asked, "@bot hello")
        await ana.deletes(asked)
        await there.rests()
        assert there.model.calls == []
        assert there.team.bot_messages == []


async def test_an_answer_grows_while_it_is_written(tmp_path: Path) -> None:
    clock = NetClock()
    async with (
        Slack(our_app(), clock=clock) as slack,
        on_slack(slack, tmp_path, clock=clock) as there,
    ):
        ana = there.team.user("ana")
        general = there.team.channel("general")
        gates = [Gate(), Gate()]
        end = (Finished("stop"), UsageReport(Usage(input=20, output=3)))
        parts = (TextDelta("one "), gates[0], TextDelta("two "), gates[1], TextDelta("three"))
        there.model.next(steps(*parts, *end))
        asked = await ana.says(general, "@bot count")
        first = await there.until(lambda: next(iter(there.answers_to(asked)), None), "a beginning")
        assert first.stream is not None
        assert first.shown == "one"
        gates[0].release()
        await gates[1].reached()
        await clock.goes_by(2_000)
        await there.until(lambda: "two" in first.shown, "more of it")
        assert there.team.hanging
        gates[1].release()
        await there.answer_to(asked)
        assert first.stream.text == "one two three"
        assert first.stream.state == "stopped"
        assert len(there.answers_to(asked)) == 1


async def test_nothing_a_model_writes_calls_anybody_or_unfurls(tmp_path: Path) -> None:
    async with Slack(our_app()) as slack, on_slack(slack, tmp_path) as there:
        ana = there.team.user("ana")
        general = there.team.channel("general")
        evil = f"<!channel> <!here> <@{ana.id}> <!subteam^S123> see https://evil.example <b> & c"
        pieces = [TextDelta(evil[n : n + 3]) for n in range(0, len(evil), 3)]
        usage = UsageReport(Usage(input=20, output=30))
        there.model.next(steps(*pieces, Finished("stop"), usage))
        asked = await ana.says(general, "@bot shout")
        answer = await there.answer_to(asked)
        assert there.team.pings_of(answer) == set()
        assert "https://evil.example" in answer.shown
        dm = await there.answer_to(await ana.says_to_bot("hello"))
        assert there.team.links_of(dm) == set()


async def test_a_very_long_answer_comes_in_pieces_and_as_a_file(tmp_path: Path) -> None:
    async with Slack(our_app()) as slack, on_slack(slack, tmp_path, "9M tokens/day") as there:
        ana = there.team.user("ana")
        code = "".join(f"print({number})  # {'x' * 60}\n" for number in range(900))
        text = f"Here:\n```python\n{code}```\ndone"
        usage = UsageReport(Usage(input=20, output=4_000))
        there.model.next(steps(TextDelta(text), Finished("stop"), usage))
        asked = await ana.says_to_bot("write a lot")
        await there.rests()
        answers = there.answers_to(asked)
        texts = [m for m in answers if not m.files]
        (file,) = [file for m in answers for file in m.files]
        assert file.data.decode() == text
        assert len(texts) == 4
        for message in texts:
            assert message.shown.count("```") % 2 == 0
            assert "```python" in message.shown
        assert "in the file" in texts[-1].shown
        assert slack.refusals == []


async def test_text_files_and_pictures_go_along_and_others_are_named(tmp_path: Path) -> None:
    async with Slack(our_app()) as slack, on_slack(slack, tmp_path) as there:
        ana = there.team.user("ana")
        general = there.team.channel("general")
        files = [
            File("notes.txt", b"the password is swordfish"),
            File("tune.mp3", b"\xff\xfb", mimetype="audio/mpeg"),
            File("fake.txt", b"\xff\xfe\x00"),
        ]
        asked = await ana.says(general, "@bot read this", files=files)
        answer = await there.answer_to(asked)
        assert "swordfish" in " ".join(m.content for m in there.model.calls[0].messages)
        assert "tune.mp3" in answer.shown
        assert "fake.txt" in answer.shown


async def test_a_refusal_is_told_to_nobody_else(tmp_path: Path) -> None:
    async with Slack(our_app()) as slack, on_slack(slack, tmp_path, "300 tokens/day") as there:
        ana, bo = there.team.user("ana"), there.team.user("bo")
        general = there.team.channel("general")
        there.model.usual = says(8, reported=Usage(input=150, output=150))
        await there.answer_to(await ana.says(general, "@bot hello"))
        refused = await ana.says(general, "@bot and again")
        await there.rests()
        assert there.answers_to(refused) == []
        told = [m for m in there.team.sees(ana, general) if m.is_ephemeral]
        assert "limit reached: 300 of 300 tokens" in told[-1].shown
        assert "<!date^" in told[-1].shown
        assert not any("limit" in text for text in shown_to(there.team, bo, general))
