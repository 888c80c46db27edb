"""What a conversation is begun with, and what the admins of a server hear about its rights."""

from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

from tests.discord_kit import Story, story
from tests.servers.discord import Channel, Guild, Member, Permission
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


def twin_of(told: Story, guild: Guild, role: Role) -> Role:
    """Another role of the same name."""
    twin = guild.role("another")
    guild.renames(twin, role.name)
    return twin


async def test_a_role_whose_name_is_anothers_too_governs_nothing(tmp_path: Path) -> None:
    async with story(tmp_path, discord=ALERTS) as told:
        guild = told.discord.guild("Homework")
        admins, channel = guild.channel("admins"), guild.channel("general")
        first = guild.role("Teacher")
        second = twin_of(told, guild, first)
        await told.stop()
        told.configure(discord=f'admin_roles = ["Teacher"]\n{ALERTS}')
        await told.start()
        for role in (first, second):
            who = guild.member(f"of {role.id}", roles=[role])
            used = await who.by_force().slash(channel, "quota-admin audit")
            assert "Not allowed" in (await used.reply()).text
        alert = await admins.answer()
        assert all(str(role.id) in alert.text for role in (first, second))


async def test_a_role_that_is_renamed_governs_on_and_its_old_name_is_nobodys(
    tmp_path: Path,
) -> None:
    async with story(tmp_path, discord=f'admin_roles = ["Teacher"]\n{ALERTS}') as told:
        guild = told.discord.guild("Homework")
        channel, role = guild.channel("general"), guild.role("Teacher")
        ada = guild.member("ada", roles=[role])

        async def tries(who: Member) -> str:
            used = await who.by_force().slash(channel, "quota-admin audit")
            return (await used.reply()).text

        assert "role Teacher" in await tries(ada), "the trail tells what the name was bound to"
        guild.renames(role, "Professor")
        usurper = guild.role("Teacher")
        eve = guild.member("eve", roles=[usurper])
        for _ in range(2):
            assert "Not allowed" not in await tries(ada)
            assert "Not allowed" in await tries(eve)
            await told.stop()
            await told.start()
        guild.deletes(role)
        assert "Not allowed" not in await tries(eve), "the name is that of one role alone again"


async def sets(told: Story, ada: Member, where: Channel, amount: int, **to: Any) -> list[str]:
    """Set a limit of so many requests and apply it; whom all limits are for."""
    given = {"amount": f"{amount} requests", "per": "day", **to}
    used = await ada.slash(where, "quota-admin limit set", **given)
    await ada.clicks(await (await used.reply()).settled(), "Apply")
    limits = partial(told.bot.quotas.governing.limits, f"discord:{ada.guild.id}")
    await told.discord.until(lambda: any(x.rule.amount == amount for x in limits()), "the limit")
    return [limit.scope.name for limit in limits()]


async def test_a_limit_stays_with_a_role_and_a_channel_that_are_renamed(tmp_path: Path) -> None:
    async with story(tmp_path, '["100 requests/day"]', discord=ALERTS) as told:
        guild = told.discord.guild("Homework")
        ada = guild.member("ada", roles=[guild.role("Admin", Permission.MANAGE_GUILD)])
        role, channel = guild.role("Supporter"), guild.channel("general")
        cy = guild.member("cy", roles=[role])
        await sets(told, ada, channel, 7, target=role)
        await sets(told, ada, channel, 9, channel=channel)
        guild.renames(role, "Patron")
        guild.renames(channel, "lounge")
        for _ in range(2):
            rules = await (await cy.slash(channel, "quota", view="rules")).reply()
            assert "7 requests/day" in rules.text
            assert "9 requests/day" in rules.text
            await told.stop()
            await told.start()
        await sets(told, ada, channel, 8, channel=channel)
        rules = await (await cy.slash(channel, "quota", view="rules")).reply()
        assert "8 requests/day" in rules.text
        assert "9 requests/day" not in rules.text


async def test_what_is_set_for_one_of_two_channels_of_a_name_holds_in_that_one(
    tmp_path: Path,
) -> None:
    async with story(tmp_path, '["100 requests/day"]', discord=ALERTS) as told:
        guild = told.discord.guild("Homework")
        ada = guild.member("ada", roles=[guild.role("Admin", Permission.MANAGE_GUILD)])
        one, other = guild.channel("help"), guild.channel("help-2")
        guild.renames(other, "help")
        assert await sets(told, ada, one, 7, channel=other) == [str(other.id)]
        await told.stop()
        await told.start()
        for channel, holds in ((one, False), (other, True)):
            rules = await (await ada.slash(channel, "quota", view="rules")).reply()
            assert ("7 requests/day" in rules.text) == holds


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
