"""What a conversation is begun with, and what the admins of a server hear about its rights."""

from functools import partial
from http import HTTPStatus
from pathlib import Path

from tests.discord_kit import Story, story
from tests.servers.discord import Permission
from tests.servers.discord.buckets import CREATE
from tests.servers.discord.models import Role

PERSONAS = """
[personas.pirate]
prompt = "You are a pirate."

[models.large]
name = "gpt-5"
base_url = "http://127.0.0.1:9/v1"
output_max = 8000
api_key_env = "MODEL_KEY"
"""
ALERTS = 'alert_channel = "admins"'


def refused_at_least(told: Story, times: int) -> bool:
    """Whether Discord has not let the bot send a message so often."""
    sent = told.discord.books.of(CREATE)
    return sum(call.status == HTTPStatus.FORBIDDEN for call in sent) >= times


async def test_a_question_may_name_a_persona(tmp_path: Path) -> None:
    async with story(tmp_path, more=PERSONAS) as told:
        guild = told.discord.guild("Homework")
        ana, channel = guild.member("ana"), guild.channel("general")
        used = await ana.slash(channel, "ask", prompt="hello", persona="Pirate")
        await (await used.reply()).says("w8")
        assert "pirate" in told.model.calls[-1].messages[0].content
        refused = await (await ana.slash(channel, "ask", prompt="hello", persona="x")).reply()
        assert "here is no persona 'x'; known: pirate" in refused.text
        assert refused.only_for is ana.person
        assert len(told.model.calls) == 1


async def test_a_thread_keeps_the_model_and_persona_that_it_was_begun_with(tmp_path: Path) -> None:
    async with story(tmp_path, more=PERSONAS) as told:
        guild = told.discord.guild("Homework")
        ana, channel = guild.member("ana"), guild.channel("general")
        used = await ana.slash(channel, "chat new", persona="pirate", model="large")
        await used.reply()
        (thread,) = guild.threads
        await told.stop()
        await told.start()
        await told.ended(thread, await ana.says(thread, "@bot hello"))
        assert "pirate" in told.model.calls[-1].messages[0].content
        assert told.model.calls[-1].model == "gpt-5"
        await told.ended(channel, await ana.says(channel, "@bot hello"))
        assert "pirate" not in told.model.calls[-1].messages[0].content
        assert told.model.calls[-1].model == "gpt-5-mini"


async def test_a_role_whose_name_is_anothers_too_governs_nothing(tmp_path: Path) -> None:
    settings = f'admin_roles = ["Teacher"]\n{ALERTS}'
    async with story(tmp_path, discord=settings) as told:
        guild = told.discord.guild("Homework")
        admins, channel = guild.channel("admins"), guild.channel("general")
        first = guild.role("Teacher")
        ada = guild.member("ada", roles=[first])
        allowed = await (await ada.by_force().slash(channel, "quota-admin audit")).reply()
        assert "Not allowed" not in allowed.text
        second = Role(told.discord.world.old_id(), "Teacher", guild)
        guild.roles[second.id] = second
        await told.stop()
        await told.start()
        refused = await (await ada.by_force().slash(channel, "quota-admin audit")).reply()
        assert "Not allowed" in refused.text
        alert = await admins.answer()
        assert all(str(role.id) in alert.text for role in (first, second))


async def test_admins_hear_once_of_a_channel_in_which_the_bot_may_not_write(tmp_path: Path) -> None:
    async with story(tmp_path, discord=ALERTS) as told:
        guild = told.discord.guild("Homework")
        ana, admins = guild.member("ana"), guild.channel("admins")
        quiet, silent = guild.channel("quiet"), guild.channel("silent")
        for where, refused in ((quiet, 1), (quiet, 2), (silent, 3)):
            where.deny(guild.bot, Permission.SEND_MESSAGES)
            await ana.says(where, "@bot hello")
            there = partial(refused_at_least, told, refused)
            await told.discord.until(there, "a refusal by Discord")
        await told.discord.until(
            lambda: any(silent.mention in m.text for m in admins.from_bot()), "an alert"
        )
        first, second = admins.from_bot()
        assert quiet.mention in first.text
        assert silent.mention in second.text
