"""The gateway: who may connect, what a session hears, and what survives a broken line."""

import json
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import discord
import pytest

from tests.servers.discord import Channel, Discord, Member, NotOfferedError, Permission
from tests.servers.discord.gateway import Gateway
from tests.servers_test.discord_kit import Bot, running

Json = dict[str, Any]


def general(server: Discord) -> tuple[Member, Channel]:
    guild = server.guild("Homework")
    return guild.member("ana", roles=["Supporter"]), guild.channel("general")


def intents(**more: bool) -> discord.Intents:
    chosen = discord.Intents.default()
    for name, wanted in more.items():
        setattr(chosen, name, wanted)
    return chosen


# -- by hand, for what discord.py never does ---------------------------------------------------


@asynccontextmanager
async def line(server: Discord, query: str = "v=10&encoding=json") -> AsyncIterator[Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{server.gateway}?{query}") as socket,
    ):
        yield socket


def identify(server: Discord, **changes: Any) -> Json:
    return {"op": 2, "d": {"token": server.token, "intents": 0, "properties": {}} | changes}


CLOSED: list[tuple[list[Json], int]] = [
    ([{"op": 3, "d": {}}], 4003),
    ([{"op": 99, "d": {}}], 4001),
    ([{"d": {}}], 4002),
    ([identify(Discord(), token="wrong")], 4004),
    ([identify(Discord()), identify(Discord())], 4005),
    ([identify(Discord(), shard=[1, 1])], 4010),
    ([identify(Discord(), intents=1 << 40)], 4013),
    ([identify(Discord(), intents=1 << 15)], 4014),
    ([{"op": 6, "d": {"token": "wrong", "session_id": "x", "seq": 0}}], 4004),
    ([{"op": 1, "d": None}] * 121, 4008),
]


@pytest.mark.parametrize(("sent", "code"), CLOSED)
async def test_who_breaks_the_rules_is_disconnected(sent: list[Json], code: int) -> None:
    async with Discord() as server, line(server) as socket:
        for payload in sent:
            await socket.send_json(payload)
        async for _ in socket:
            pass
        assert socket.close_code == code


async def test_another_version_is_refused() -> None:
    async with Discord() as server, line(server, "v=6") as socket:
        async for _ in socket:
            pass
        assert socket.close_code == 4012


async def test_who_asks_for_it_gets_one_compressed_stream() -> None:
    async with Discord() as server, line(server, "v=10&compress=zlib-stream") as socket:
        await socket.send_json({"op": 1, "d": None})
        stream = zlib.decompressobj()
        frames = [await socket.receive_bytes() for _ in range(2)]
        assert all(frame.endswith(b"\x00\x00\xff\xff") for frame in frames)
        assert [json.loads(stream.decompress(frame))["op"] for frame in frames] == [10, 11]


async def test_a_sequence_from_the_future_is_refused() -> None:
    async with Discord() as server, line(server) as first:
        await first.send_json(identify(server))
        await first.receive_json()
        session = (await first.receive_json())["d"]["session_id"]
        async with line(server) as second:
            resume = {"token": server.token, "session_id": session, "seq": 99}
            await second.send_json({"op": 6, "d": resume})
            async for _ in second:
                pass
            assert second.close_code == 4007


async def test_who_sends_no_heartbeat_is_disconnected() -> None:
    async with Discord(heartbeat_s=0.02) as server, line(server) as socket:
        async for _ in socket:
            pass
        assert socket.close_code == 4009


# -- the real client ---------------------------------------------------------------------------


async def test_a_wrong_token_ends_the_client() -> None:
    async with Discord() as server:
        bot = Bot()
        server.gateway_server.token = "changed since the login"
        with pytest.raises(discord.ConnectionClosed) as caught:
            async with running(server, bot):
                pass
        assert caught.value.code == 4004


@pytest.mark.parametrize("name", ["message_content", "members", "presences"])
async def test_an_intent_that_the_app_may_not_use_ends_the_client(name: str) -> None:
    async with Discord() as server:
        with pytest.raises(discord.PrivilegedIntentsRequired):
            async with running(server, Bot(intents=intents(**{name: True}))):
                pass
    async with Discord(intents={name}) as server, running(server, Bot(intents=intents())):
        pass


async def test_without_the_intent_only_some_messages_show_their_words() -> None:
    async with Discord() as server:
        ana, channel = general(server)
        async with running(server, bot := Bot()):
            mine = await bot.get_partial_messageable(channel.id).send("I speak")
            mine_here = server.world.messages[mine.id]
            await ana.says(channel, "unseen")
            await ana.says(channel, "@bot mentioned")
            await ana.says(channel, "reply with ping", reply_to=mine_here)
            await ana.says(channel, "reply without", reply_to=mine_here, ping=False)
            await ana.says(ana.dm, "direct")
            await bot.hears(5)
    said = [message.content for message in bot.heard]
    assert said == ["", f"{server.bot.mention} mentioned", "reply with ping", "", "direct"]
    # What is replied to is shown if it is the bot's own.
    replied = bot.heard[3].reference
    assert replied is not None
    assert isinstance(replied.resolved, discord.Message)
    assert replied.resolved.content == "I speak"


async def test_with_the_intent_all_messages_show_their_words() -> None:
    async with Discord(intents={"message_content"}) as server:
        ana, channel = general(server)
        async with running(server, bot := Bot(intents=intents(message_content=True))):
            await ana.says(channel, "seen")
            await bot.hears(1)
    assert bot.heard[0].content == "seen"


async def test_nothing_is_heard_from_where_the_bot_cannot_look() -> None:
    async with Discord() as server:
        ana, channel = general(server)
        hidden = ana.guild.channel("hidden")
        hidden.deny(ana.guild.bot, Permission.VIEW_CHANNEL)
        foreign = server.guild("Elsewhere", bot=False)
        secret = await ana.starts_thread(channel, "secret", private=True)
        async with running(server, bot := Bot()):
            await ana.says(hidden, "@bot one")
            await foreign.member("ana").says(foreign.channel("lobby"), "@bot two")
            await ana.says(secret, "@bot three")
            await ana.says(channel, "@bot four")
            await bot.hears(1)
    assert [message.content[-4:] for message in bot.heard] == ["four"]


async def test_the_author_brings_fresh_roles_without_the_members_intent() -> None:
    async with Discord() as server:
        ana, channel = general(server)
        ana.guild.role("Boss")
        async with running(server, bot := Bot()):
            await ana.says(channel, "@bot one")
            ana.gains("Boss")
            ana.loses("Supporter")
            await ana.says(channel, "@bot two")
            await bot.hears(2)
    authors = [message.author for message in bot.heard]
    assert all(isinstance(each, discord.Member) for each in authors)
    assert "GUILD_MEMBER_UPDATE" not in bot.events
    assert [each.name for each in authors[1].roles[1:]] == ["Boss"]  # type: ignore[union-attr]  # as just asserted


async def test_a_client_resumes_after_a_broken_line_and_hears_what_it_missed() -> None:
    async with Discord() as server:
        ana, channel = general(server)
        async with running(server, bot := Bot()):
            server.drop_gateway()
            await server.until(lambda: not server.gateway_server.connections)
            for number in range(3):
                await ana.says(channel, f"@bot {number}")
            await bot.hears(3)
    assert [message.content[-1] for message in bot.heard] == ["0", "1", "2"]
    assert (server.gateway_server.identified, server.gateway_server.resumed) == (1, 1)
    assert "RESUMED" in bot.events


@pytest.mark.parametrize("how", ["asked", "resumable", "closed"])
async def test_a_client_resumes_when_told_to_reconnect(how: str) -> None:
    async with Discord() as server:
        ana, channel = general(server)
        async with running(server, bot := Bot()):
            if how == "asked":
                server.gateway_server.ask_to_reconnect()
            elif how == "resumable":
                server.gateway_server.invalidate(resumable=True)
            else:
                server.drop_gateway(code=4000)
            await server.until(lambda: server.gateway_server.resumed)
            await ana.says(channel, "@bot still there?")
            await bot.hears(1)
    assert server.gateway_server.identified == 1


async def test_a_client_begins_anew_when_its_session_is_gone() -> None:
    async with Discord() as server:
        server.gateway_server.identify_every_s = 0
        ana, channel = general(server)
        async with running(server, bot := Bot()):
            server.gateway_server.invalidate()
            await ana.says(channel, "@bot lost in between")
            await server.until(lambda: server.gateway_server.identified == 2)
            await ana.says(channel, "@bot again")
            await bot.hears(1)
            assert [*server.gateway_server.sessions] == ["session-2"]
    assert [message.content[-5:] for message in bot.heard] == ["again"]
    assert server.gateway_server.resumed == 0


async def test_a_client_that_closes_ends_its_session_and_one_that_is_cut_off_does_not() -> None:
    async with Discord() as server:
        async with running(server, Bot()):
            server.drop_gateway()
            await server.until(lambda: not server.gateway_server.connections)
            assert [each.connection for each in server.gateway_server.sessions.values()] == [None]
            await server.connected()
        await server.until(lambda: not server.gateway_server.connections)
        assert server.gateway_server.sessions == {}


async def test_a_line_that_says_nothing_is_left_and_resumed() -> None:
    async with Discord(heartbeat_s=0.05) as server:
        ana, channel = general(server)
        async with running(server, bot := Bot(heartbeat_timeout=0.2)):
            server.gateway_server.fall_silent()
            await ana.says(channel, "@bot into the void")
            await bot.hears(1)
    assert server.gateway_server.resumed >= 1


async def test_heartbeats_are_acknowledged() -> None:
    async with Discord(heartbeat_s=0.05) as server, running(server, bot := Bot()):
        beats = server.gateway_server.connections[0]
        await server.until(lambda: beats.heartbeats > 2)
        assert bot.latency < 1


async def test_shards_share_the_guilds_and_the_first_has_the_direct_messages() -> None:
    async with Discord(shards=2) as server:
        server.gateway_server.identify_every_s = 0
        rooms = []
        for name in ("One", "Two", "Three"):
            guild = server.guild(name)
            rooms.append((guild.member("ana"), guild.channel("general")))
        async with running(server, bot := Bot(), shards=2):
            for ana, channel in rooms:
                await ana.says(channel, f"@bot {channel.name}")
            await rooms[0][0].says(rooms[0][0].dm, "direct")
            await bot.hears(4)
            guilds = shares(server.gateway_server, "GUILD_CREATE", "name")
            said = shares(server.gateway_server, "MESSAGE_CREATE", "channel_id")
    assert bot.shard_count == 2
    assert sorted(map(len, guilds.values())) == [1, 2]
    assert sum(map(len, said.values())) == 4
    assert str(rooms[0][0].dm.id) in said[0]


def shares(gateway: Gateway, event: str, key: str) -> dict[int, list[str]]:
    """What each shard was told by such events."""
    told: dict[int, list[str]] = {}
    for session in gateway.sessions.values():
        data = [each["d"] for each in session.sent if each["t"] == event]
        told[session.shard[0]] = [each[key] for each in data]
    return told


async def test_who_identifies_too_often_is_sent_back() -> None:
    async with Discord() as server, line(server) as first:
        await first.send_json(identify(server))
        await first.receive_json()
        assert (await first.receive_json())["t"] == "READY"
        async with line(server) as second:
            await second.send_json(identify(server))
            await second.receive_json()
            assert await second.receive_json() == {"op": 9, "d": False, "s": None, "t": None}


async def test_an_event_may_come_twice() -> None:
    async with Discord() as server:
        ana, channel = general(server)
        bot = Bot()
        uses: list[int] = []

        @bot.tree.command(name="quota", description="What is left")
        async def quota(interaction: discord.Interaction[Any]) -> None:
            uses.append(interaction.id)
            if len(uses) == 1:
                await interaction.response.defer()

        async with running(server, bot):
            await bot.tree.sync()
            message = await ana.says(channel, "@bot once")
            server.deliver_again(message)
            await bot.hears(2)
            server.deliver_again(await ana.slash(channel, "quota"))
            await bot.until(lambda: len(uses) == 2)
    assert bot.heard[0].id == bot.heard[1].id
    assert uses[0] == uses[1]


async def test_of_a_secret_the_gateway_says_nothing() -> None:
    async with Discord() as server:
        ana, channel = general(server)
        bot = Bot()

        @bot.tree.command(name="quota", description="What is left")
        async def quota(interaction: discord.Interaction[Any]) -> None:
            await interaction.response.send_message("secret", ephemeral=True)
            await interaction.edit_original_response(content="changed")
            await interaction.delete_original_response()

        async with running(server, bot):
            await bot.tree.sync()
            used = await ana.slash(channel, "quota")
            assert used.original is not None
            await used.original.until(lambda message: message.deleted)
            await ana.says(channel, "@bot hello")
            await bot.hears(1)
    assert [name for name in bot.events if name.startswith("MESSAGE")] == ["MESSAGE_CREATE"]


async def test_what_people_change_and_delete_is_told() -> None:
    told: list[Any] = []
    async with Discord() as server:
        ana, channel = general(server)
        bot = Bot()

        async def on_raw_message_edit(event: discord.RawMessageUpdateEvent) -> None:
            told.append((event.guild_id, event.data["content"]))

        async def on_raw_message_delete(event: discord.RawMessageDeleteEvent) -> None:
            told.append((event.guild_id, event.message_id))

        bot.event(on_raw_message_edit)
        bot.event(on_raw_message_delete)
        async with running(server, bot):
            message = await ana.says(channel, "@bot hello")
            await ana.edits(message, "never mind")
            await ana.deletes(message)
            direct = await ana.says(ana.dm, "hello")
            await ana.deletes(direct)
            await bot.until(lambda: len(told) == 3)
            with pytest.raises(NotOfferedError):
                await ana.guild.member("bo").deletes(message)
    # Who is no longer mentioned keeps the words to those who may read all.
    first = (ana.guild.id, "")
    assert told == [first, (ana.guild.id, message.id), (None, direct.id)]


async def test_guilds_come_and_go() -> None:
    async with Discord() as server:
        ana, _ = general(server)
        joined: list[str] = []
        bot = Bot()

        async def on_guild_join(guild: discord.Guild) -> None:
            joined.append(f"+{guild.name}")

        async def on_guild_remove(guild: discord.Guild) -> None:
            joined.append(f"-{guild.name}")

        bot.event(on_guild_join)
        bot.event(on_guild_remove)
        async with running(server, bot):
            later = server.guild("Later")
            ana.guild.kicks_bot()
            await bot.until(lambda: len(joined) == 2)
            later.fails()
            later.recovers()
            later.member("ana")
            await later.member("ana").says(later.channel("new"), "@bot hi")
            await bot.hears(1)
    assert joined == ["+Later", "-Homework"]


async def test_roles_and_channels_are_made_renamed_and_taken_away() -> None:
    async with Discord() as server:
        ana, channel = general(server)
        async with running(server, bot := Bot()):
            guild = bot.get_guild(ana.guild.id)
            assert guild is not None
            boss = ana.guild.role("Boss")
            ana.guild.lets(boss, Permission.MANAGE_GUILD)
            ana.guild.renames(boss, "Chief")
            ana.guild.renames(channel, "lounge")
            ana.guild.channel("new")
            thread = await ana.starts_thread(channel, "story")
            with pytest.raises(AssertionError, match="may not close it"):
                await ana.archives(thread, locked=True)
            await ana.archives(thread)
            await bot.until(lambda: "THREAD_UPDATE" in bot.events)
            assert [role.name for role in guild.roles if role.permissions.manage_guild] == ["Chief"]
            assert [each.name for each in guild.text_channels] == ["lounge", "new"]
            ana.guild.deletes(boss)
            ana.guild.deletes(channel)
            await bot.until(lambda: "CHANNEL_DELETE" in bot.events)
            assert guild.get_role(boss.id) is None
            assert [each.name for each in guild.text_channels] == ["new"]
            with pytest.raises(discord.NotFound, match="10003"):
                await bot.fetch_channel(thread.id)


async def test_members_are_told_on_request() -> None:
    async with Discord() as server:
        ana, _ = general(server)
        async with running(server, bot := Bot()):
            guild = bot.get_guild(ana.guild.id)
            assert guild is not None
            assert guild.get_member(ana.id) is None
            found = await guild.query_members(user_ids=[ana.id, 7])
            assert [each.name for each in found] == ["ana"]
            assert [each.name for each in await guild.query_members("an")] == ["ana"]
            assert (await guild.fetch_member(ana.id)).name == "ana"
            with pytest.raises(discord.NotFound, match="10007"):
                await guild.fetch_member(7)


async def test_what_the_system_says_in_threads_is_told_too() -> None:
    async with Discord(intents={"message_content"}) as server:
        ana, channel = general(server)
        async with running(server, bot := Bot(intents=intents(message_content=True))):
            asked = await ana.says(channel, "a story")
            await ana.starts_thread(asked, "on it")
            await ana.starts_thread(channel, "beside it")
            await bot.hears(3)
    assert [message.type for message in bot.heard] == [
        discord.MessageType.default,
        discord.MessageType.thread_starter_message,
        discord.MessageType.thread_created,
    ]
