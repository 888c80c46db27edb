"""Commands: which lists are taken, who is offered what, and what the app hears of a use."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import discord
import pytest
from discord import app_commands

from tests.servers.discord import Discord, File, Guild, NotOfferedError, Permission
from tests.servers_test.discord_kit import Bot, Wire, on_the_wire, running

Json = dict[str, Any]


def command(name: str = "quota", **more: Any) -> Json:
    return {"name": name, "description": "What is left", "type": 1} | more


def option(name: str = "view", kind: int = 3, **more: Any) -> Json:
    return {"name": name, "description": "Of what", "type": kind} | more


def choices(count: int) -> list[Json]:
    return [{"name": f"n{n}", "value": f"v{n}"} for n in range(count)]


def sub(name: str, *inner: Json, kind: int = 1) -> Json:
    return option(name, kind, options=[*inner])


# 25 options with a description of 100 characters and 25 choices of 10 characters each.
CHOICES = [{"name": f"name{n:02}", "value": f"v{n:03}"} for n in range(25)]
LARGE = [option(f"o{n}", description="x" * 100, choices=CHOICES) for n in range(25)]

TAKEN: list[list[Json]] = [
    [command("x" * 32, description="y" * 100)],
    [command(f"c{n}") for n in range(100)],
    [command(options=[option(f"o{n}") for n in range(25)])],
    [command(options=[option(choices=choices(25))])],
    [command(options=[option("a", required=True), option("b")])],
    [command(options=[sub("limit", sub("set", option()), sub("list"), kind=2), sub("audit")])],
    [command("a"), {"name": "a", "type": 2}, {"name": "Show cost", "type": 3}],
    [{"name": f"m{n}", "type": 3} for n in range(15)],
    [command("größe", name_localizations={"de": "größe"}, contexts=[0, 1], integration_types=[1])],
    [command(options=[option("n", 4, min_value=1, max_value=25)])],
    [command(default_member_permissions="32")],
]

REFUSED: list[tuple[list[Json], str]] = [
    ([command("")], "0.name: This field is required"),
    ([command("x" * 33)], "0.name: Must be between 1 and 32 in length."),
    ([command("two words")], "Command name is invalid"),
    ([command("Quota")], "Command name is invalid"),
    ([command("a.b")], "Command name is invalid"),
    ([command(description="")], "0.description: This field is required"),
    ([command(description="x" * 101)], "0.description: Must be between 1 and 100 in length."),
    ([command(), command()], "1: Application command names must be unique"),
    ([command(f"c{n}") for n in range(101)], "Maximum number of application commands"),
    ([{"name": f"m{n}", "type": 2} for n in range(16)], "Maximum number of application commands"),
    ([{"name": "x" * 33, "type": 3}], "0.name: Must be between 1 and 32 in length."),
    ([command(options=[option(min_length=6001)])], "min_length: int value should be less"),
    ([command(options=[option(kind=4, max_value=2**53 + 1)])], "within 2^53"),
    ([{"name": "m", "type": 3, "description": "x"}], "cannot have description"),
    ([{"name": "m", "type": 2, "options": [option()]}], "cannot have options"),
    ([command(type=9)], "0.type: Value must be one of"),
    ([command(options=[option(f"o{n}") for n in range(26)])], "Must be 25 or fewer in length."),
    ([command(options=[option("a"), option("a")])], "Option name already exists"),
    ([command(options=[option("A")])], "Command name is invalid"),
    ([command(options=[option(kind=12)])], "0.options.0.type: Value must be one of"),
    ([command(options=[option(description="")])], "0.options.0.description"),
    ([command(options=[option("a"), option("b", required=True)])], "Required options must be"),
    ([command(options=[option(choices=choices(26))])], "Must be 25 or fewer in length."),
    ([command(options=[option(choices=choices(1) * 2)])], "Choice names must be unique"),
    ([command(options=[option(choices=[{"name": "x", "value": 5}])])], "choices.0.value"),
    ([command(options=[option(kind=4, choices=choices(1))])], "is no number"),
    ([command(options=[option(choices=choices(1), autocomplete=True)])], "choices are present"),
    ([command(options=[option(kind=6, choices=choices(1))])], "This option type has no choices"),
    ([command(options=[option(max_length=6001)])], "max_length: int value should be less"),
    ([command(options=[option(min_value=1)])], "min_value is for numbers"),
    ([command(options=[sub("a"), option("b")])], "mutually exclusive"),
    ([command(options=[sub("a", sub("b", sub("c"), kind=2), kind=2)])], "nest no deeper"),
    ([command(options=[sub("a", option("b"), kind=2)])], "A group holds sub-commands only"),
    ([command(options=[sub("a", sub("b", sub("c")))])], "nest no deeper"),
    ([command(name_localizations={"xx": "quota"})], "name_localizations.xx"),
    ([command(name_localizations={"de": "Mein Rest"})], "Localization is invalid"),
    ([command(description_localizations={"de": "x" * 101})], "Localization is invalid"),
    ([command(contexts=[3])], "contexts.0: Value must be one of"),
    ([command(integration_types=[2])], "integration_types.0: Value must be one of"),
    ([command(default_member_permissions="many")], "default_member_permissions"),
    ([command(options=LARGE)], "Command exceeds maximum size (8000)"),
]


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with Discord(limited=False) as server, on_the_wire(server) as hands:
        yield hands


@pytest.mark.parametrize("commands", TAKEN)
async def test_such_commands_are_taken(wire: Wire, commands: list[Json]) -> None:
    made = await wire(f"PUT /applications/{wire.server.bot.id}/commands", commands)
    assert [each["name"] for each in made] == [each["name"] for each in commands]
    assert wire.server.commands() == made


@pytest.mark.parametrize(("commands", "words"), REFUSED)
async def test_one_wrong_command_refuses_the_whole_list(
    wire: Wire, commands: list[Json], words: str
) -> None:
    path = f"PUT /applications/{wire.server.bot.id}/commands"
    refusal = await wire.refused(path, commands)
    assert refusal[:2] == (400, 50035)
    assert words in refusal[2]
    assert wire.server.commands() == []
    assert wire.server.books.commands_put == []


async def test_commands_of_guilds_are_their_own_and_each_put_is_counted(wire: Wire) -> None:
    guild = wire.server.guild("Homework")
    app = f"/applications/{wire.server.bot.id}"
    first = await wire(f"PUT {app}/commands", [command()])
    again = await wire(f"PUT {app}/commands", [command(), command("ask")])
    await wire(f"PUT {app}/guilds/{guild.id}/commands", [command("here")])
    assert again[0]["id"] == first[0]["id"]
    assert wire.server.books.commands_put == ["global", "global", str(guild.id)]
    assert [each["name"] for each in wire.server.commands(guild)] == ["here"]
    assert await wire(f"GET {app}/commands") == again
    unknown = f"GET {app}/guilds/{guild.id}/commands/7/permissions"
    assert (await wire.refused(unknown))[:2] == (404, 10066)
    assert (await wire.refused(f"GET {app}/commands/7"))[:2] == (404, 10063)
    assert (await wire.refused(f"PUT {app}/commands", command()))[:2] == (400, 50035)
    assert (await wire.refused("PUT /applications/7/commands", []))[:2] == (403, 20012)


# -- who is offered what -----------------------------------------------------------------------

ADMIN = command("quota-admin", default_member_permissions=str(Permission.MANAGE_GUILD.value))


async def offering(wire: Wire, *commands: Json) -> Guild:
    await wire(f"PUT /applications/{wire.server.bot.id}/commands", [*commands])
    return wire.server.guild("Homework")


async def test_a_command_is_hidden_from_who_lacks_its_permission(wire: Wire) -> None:
    guild = await offering(wire, ADMIN)
    channel = guild.channel("general")
    ana = guild.member("ana")
    guild.role("Boss", Permission.MANAGE_GUILD)
    bo = guild.member("bo", roles=["Boss"])
    assert ana.commands(channel) == []
    assert bo.commands(channel) == ["quota-admin"]
    with pytest.raises(NotOfferedError, match="default_member_permissions"):
        ana.sends_slash(channel, "quota-admin")
    forced = ana.by_force().sends_slash(channel, "quota-admin")
    assert forced.event["member"]["permissions"] == str(int(guild.everyone.permissions))


async def test_overrides_of_admins_beat_the_default(wire: Wire) -> None:
    guild = await offering(wire, ADMIN)
    channel = guild.channel("general")
    ana, bo = guild.member("ana", roles=["Staff"]), guild.member("bo")
    guild.role("All", Permission.ADMINISTRATOR)
    root = guild.member("root", roles=["All"])
    guild.allows_command("quota-admin", guild.role("Staff"))
    assert ana.commands(channel) == ["quota-admin"]
    assert bo.commands(channel) == []
    guild.allows_command("quota-admin", ana, allowed=False)
    guild.allows_command("quota-admin", guild.everyone)
    assert ana.commands(channel) == []
    assert bo.commands(channel) == ["quota-admin"]
    assert root.commands(channel) == ["quota-admin"]
    path = f"GET /applications/{wire.server.bot.id}/guilds/{guild.id}/commands"
    found = await wire(f"{path}/{wire.server.commands()[0]['id']}/permissions")
    assert [each["type"] for each in found["permissions"]] == [1, 2, 1]


async def test_a_command_is_offered_only_in_its_contexts_and_installations(wire: Wire) -> None:
    guild = await offering(
        wire,
        command("everywhere", integration_types=[0, 1]),
        command("guilds", contexts=[0]),
        command("mine", integration_types=[1], contexts=[0, 1, 2]),
    )
    ana = guild.member("ana")
    elsewhere = wire.server.guild("Elsewhere", bot=False)
    same = elsewhere.member("ana")
    assert ana.commands(guild.channel("general")) == ["everywhere", "guilds"]
    assert ana.commands(ana.dm) == ["everywhere"]
    assert same.commands(elsewhere.channel("lobby")) == []
    ana.person.installs_the_app()
    assert same.commands(elsewhere.channel("lobby")) == ["everywhere", "mine"]
    used = same.sends_slash(elsewhere.channel("lobby"), "mine")
    assert used.event["authorizing_integration_owners"] == {"1": str(ana.id)}
    guild.channel("general").deny(guild.everyone, Permission.USE_APPLICATION_COMMANDS)
    assert ana.commands(guild.channel("general")) == []


async def test_a_client_sends_only_options_that_fit(wire: Wire) -> None:
    guild = await offering(
        wire,
        command(
            "set",
            options=[
                option("amount", 4, required=True, min_value=1, max_value=9),
                option("why", max_length=5),
                option("per", choices=[{"name": "Day", "value": "day"}]),
            ],
        ),
        command("top", options=[sub("list")]),
    )
    ana, channel = guild.member("ana"), guild.channel("general")
    for given in ({}, {"amount": 10}, {"amount": 0}, {"amount": 1, "why": "too long"}):
        with pytest.raises(NotOfferedError):
            ana.sends_slash(channel, "set", **given)
    with pytest.raises(NotOfferedError):
        ana.sends_slash(channel, "set", amount=1, per="week")
    with pytest.raises(AssertionError, match="no options"):
        ana.sends_slash(channel, "set", amount=1, unknown=1)
    with pytest.raises(AssertionError, match="nothing that can be sent"):
        ana.sends_slash(channel, "top")
    sent = ana.sends_slash(channel, "set", amount=9, per="Day")
    assert [each["value"] for each in sent.data["options"]] == [9, "day"]


# -- what the app hears ------------------------------------------------------------------------


async def test_what_was_chosen_arrives_as_objects() -> None:
    heard: list[Any] = []
    async with Discord() as server:
        guild = server.guild("Homework", locale="de")
        ana, bo = guild.member("ana", locale="fr"), guild.member("bo", roles=["Guest"])
        channel = guild.channel("general")
        bot = Bot()
        group = app_commands.Group(name="limit", description="Limits", guild_only=True)

        @group.command(name="set", description="Set one")
        async def set_limit(
            interaction: discord.Interaction[Any],
            who: discord.Member,
            role: discord.Role,
            where: discord.TextChannel,
            file: discord.Attachment,
        ) -> None:
            heard.extend([who, role, where, await file.read(), interaction.locale])
            heard.extend([interaction.guild_locale, interaction.permissions.manage_guild])
            await interaction.response.send_message("set")

        bot.tree.add_command(group)
        async with running(server, bot):
            await bot.tree.sync()
            file = File("a.txt", b"hello")
            chosen = {"who": bo, "role": guild.role("Guest"), "where": channel, "file": file}
            await ana.slash(channel, "limit set", **chosen)
    assert [each.name for each in heard[:3]] == ["bo", "Guest", "general"]
    assert [role.name for role in heard[0].roles] == ["@everyone", "Guest"]
    assert heard[3:] == [b"hello", discord.Locale.french, discord.Locale.german, False]


async def test_suggestions_come_while_somebody_types() -> None:
    async with Discord() as server:
        ana = server.guild("Homework").member("ana")
        channel = ana.guild.channel("general")
        bot = Bot()

        @bot.tree.command(name="ask", description="Ask")
        async def ask(interaction: discord.Interaction[Any], model: str) -> None:
            await interaction.response.send_message(model)

        @ask.autocomplete("model")
        async def suggest(
            _: discord.Interaction[Any], typed: str
        ) -> list[app_commands.Choice[str]]:
            names = [name for name in ("mini", "micro", "large") if name.startswith(typed)]
            return [app_commands.Choice(name=name, value=name) for name in names]

        async with running(server, bot):
            await bot.tree.sync()
            found = await ana.types(channel, "ask", option="model", text="mi")
    assert [each["name"] for each in found] == ["mini", "micro"]


@pytest.mark.parametrize(
    ("suggested", "words"),
    [
        (choices(26), "choices: Must be 25 or fewer in length."),
        ([{"name": "x" * 101, "value": "v"}], "choices.0.name: Must be between 1 and 100"),
        ([{"name": "x", "value": "v" * 101}], "choices.0.value: Must be between 1 and 100"),
    ],
)
async def test_too_much_is_not_suggested(wire: Wire, suggested: list[Json], words: str) -> None:
    guild = await offering(wire, command(options=[option("model", autocomplete=True)]))
    ana, channel = guild.member("ana"), guild.channel("general")
    typing = asyncio.create_task(ana.types(channel, "quota", option="model", text="m"))
    await wire.server.until(lambda: wire.server.world.interactions)
    typed = next(iter(wire.server.world.interactions.values()))
    path = f"POST /interactions/{typed.id}/{typed.token}/callback"
    refusal = await wire.refused(path, {"type": 8, "data": {"choices": suggested}})
    assert words in refusal[2]
    assert (await wire.refused(path, {"type": 4, "data": {"content": "x"}}))[:2] == (400, 50035)
    await wire(path, {"type": 8, "data": {"choices": []}})
    assert await typing == []


async def test_for_a_number_only_numbers_are_suggested(wire: Wire) -> None:
    counted = sub("top", option("count", 4, autocomplete=True))
    guild = await offering(wire, command(options=[counted]))
    ana, channel = guild.member("ana"), guild.channel("general")
    typing = asyncio.create_task(ana.types(channel, "quota top", option="count", text="1"))
    await wire.server.until(lambda: wire.server.world.interactions)
    typed = next(iter(wire.server.world.interactions.values()))
    path = f"POST /interactions/{typed.id}/{typed.token}/callback"
    text, number = {"name": "ten", "value": "10"}, {"name": "ten", "value": 10}
    refusal = await wire.refused(path, {"type": 8, "data": {"choices": [text]}})
    assert "is no number" in refusal[2]
    await wire(path, {"type": 8, "data": {"choices": [number]}})
    assert await typing == [number]


async def test_the_menus_of_messages_and_people_tell_what_was_meant() -> None:
    heard: list[str] = []
    async with Discord() as server:
        ana = server.guild("Homework").member("ana")
        bo = ana.guild.member("bo")
        channel = ana.guild.channel("general")
        bot = Bot()

        @bot.tree.context_menu(name="Show cost")
        async def cost(interaction: discord.Interaction[Any], message: discord.Message) -> None:
            heard.append(message.content)
            await interaction.response.send_message("dear", ephemeral=True)

        @bot.tree.context_menu(name="Quota of this member")
        async def of(interaction: discord.Interaction[Any], member: discord.Member) -> None:
            heard.append(member.name)
            await interaction.response.send_message("much", ephemeral=True)

        async with running(server, bot):
            await bot.tree.sync()
            # Whoever opens the menu of a message shows it to the app, content and all.
            message = await bo.says(channel, "not for the bot")
            await ana.uses("Show cost", message)
            await ana.uses("Quota of this member", bo, channel)
    assert heard == ["not for the bot", "bo"]
