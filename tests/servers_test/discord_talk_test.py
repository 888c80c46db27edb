"""The real discord.py talks with people of the double."""

from typing import Any

import discord

from tests.servers.discord import Discord
from tests.servers_test.discord_kit import Bot, running


async def test_a_mention_is_answered_and_the_answer_edited() -> None:
    async with Discord() as server:
        ana = server.guild("Homework").member("ana")
        channel = ana.guild.channel("general")
        async with running(server, bot := Bot()):

            async def answer(message: discord.Message) -> None:
                sent = await message.reply("thinking", mention_author=False)
                await sent.edit(content="42")

            bot.on_hearing = answer
            asked = await ana.says(channel, "@bot what is six times seven?")
            answered = await (await channel.answer(after=asked)).says("42")
    assert [version.text for version in answered.versions] == ["thinking", "42"]
    assert answered.reference is asked
    assert not answered.pinged
    assert bot.heard[0].content == f"{server.bot.mention} what is six times seven?"


async def test_a_command_a_button_and_a_form_lead_to_one_secret_message() -> None:
    class Why(discord.ui.Modal, title="Why"):
        why: discord.ui.TextInput[Any] = discord.ui.TextInput(label="Reason")

        async def on_submit(self, interaction: discord.Interaction[Any]) -> None:
            await interaction.response.edit_message(content=f"because {self.why.value}")

    async with Discord() as server:
        guild = server.guild("Homework")
        ana, bo = guild.member("ana"), guild.member("bo")
        channel = guild.channel("general")
        bot = Bot()

        @bot.tree.command(name="quota", description="What is left")
        async def quota(interaction: discord.Interaction[Any], view: str) -> None:
            await interaction.response.defer(ephemeral=True)
            panel = discord.ui.View()
            button: discord.ui.Button[Any] = discord.ui.Button(label="More", custom_id="more")

            async def more(clicked: discord.Interaction[Any]) -> None:
                await clicked.response.send_modal(Why())

            button.callback = more  # type: ignore[method-assign, assignment]  # the way discord.py shows
            panel.add_item(button)
            await interaction.followup.send(f"view {view}", view=panel)

        async with running(server, bot):
            await bot.tree.sync()
            message = await (await ana.slash(channel, "quota", view="rules")).reply()
            assert message.text == "view rules"
            clicked = await ana.clicks(message, "More")
            await ana.fills(clicked.modal, {"Reason": "fun"})
            await message.says("because fun")
    assert ana.reads(channel) == ["because fun"]
    assert bo.reads(channel) == []
    assert server.books.commands_put == ["global"]
