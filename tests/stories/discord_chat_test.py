"""People talk with the bot on Discord."""

from pathlib import Path

from tests.discord_kit import story


async def test_a_mention_is_answered_with_what_is_left(tmp_path: Path) -> None:
    async with story(tmp_path, '["10k tokens/day"]') as told:
        ana = told.discord.guild("Homework").member("ana")
        channel = ana.guild.channel("general")
        asked = await ana.says(channel, "@bot hello there")
        answer = await (await channel.answer(after=asked)).says("w8")
        assert answer.reference is asked
        assert answer.text.startswith("w1 w2 w3 w4 w5 w6 w7 w8\n-# ")
        assert told.discord.books.too_many == []
