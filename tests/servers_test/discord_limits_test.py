"""Rate limits that bite, and whatever else a network does to a request."""

import asyncio
from typing import Any

import aiohttp
import discord
import pytest

from tests.servers.discord import Channel, Discord, Rate
from tests.servers.discord.buckets import CREATE, EDIT
from tests.servers_test.discord_kit import Bot, Wire, on_the_wire, running

SHORT = {CREATE: Rate(2, 0.2), EDIT: Rate(2, 0.2), "webhook": Rate(2, 0.2)}


def general(server: Discord) -> Channel:
    return server.guild("Homework").channel("general")


async def post(wire: Wire, channel: Channel, content: str = "x", **more: Any) -> Any:
    path = f"POST /channels/{channel.id}/messages"
    return await wire(path, {"content": content, **more})


async def raw(server: Discord, channel: Channel) -> aiohttp.ClientResponse:
    """Post as a client does that knows nothing of limits."""
    url = f"{server.api_base}/channels/{channel.id}/messages"
    headers = {"Authorization": f"Bot {server.token}"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, json={"content": "x"}, headers=headers) as response,
    ):
        await response.read()
        return response


async def test_discord_py_keeps_the_limits_it_is_told() -> None:
    async with Discord(rates=SHORT) as server, on_the_wire(server) as wire:
        channel = general(server)
        loop = asyncio.get_running_loop()
        began = loop.time()
        for _ in range(5):
            await post(wire, channel)
        assert loop.time() - began >= 0.4
    assert server.books.too_many == []
    assert len(server.books.of(CREATE)) == 5


async def test_each_channel_has_a_bucket_of_its_own() -> None:
    async with Discord(rates=SHORT) as server:
        guild = server.guild("Homework")
        names = ["one", "one", "two", "two"]
        answers = [await raw(server, guild.channel(name)) for name in names]
        assert [each.status for each in answers] == [200] * 4
        headers = answers[-1].headers
        assert headers["X-RateLimit-Limit"] == "2"
        assert headers["X-RateLimit-Remaining"] == "0"
        assert 0 < float(headers["X-RateLimit-Reset-After"]) <= 0.2
        assert (await raw(server, guild.channel("two"))).status == 429


async def test_who_asks_too_often_is_told_when_to_come_back_and_counted() -> None:
    async with Discord(rates=SHORT) as server:
        channel = general(server)
        answers = [await raw(server, channel) for _ in range(3)]
        headers = answers[-1].headers
        assert [each.status for each in answers] == [200, 200, 429]
        assert headers["Via"]
        assert headers["X-RateLimit-Scope"] == "user"
        assert headers["Content-Type"] == "application/json"
        assert server.books.too_many == [CREATE]
        assert server.books.invalid == 1
        assert len(channel.messages) == 2


async def test_the_limit_over_all_stops_every_route() -> None:
    async with Discord(over_all=Rate(2, 60)) as server:
        channel = general(server)
        answers = [await raw(server, channel) for _ in range(3)]
    assert answers[-1].status == 429
    assert answers[-1].headers["X-RateLimit-Global"] == "true"
    assert "X-RateLimit-Bucket" not in answers[-1].headers


async def test_interactions_are_outside_the_limit_over_all() -> None:
    async with Discord() as server:
        ana = server.guild("Homework").member("ana")
        bot = Bot()

        @bot.tree.command(name="quota", description="What is left")
        async def quota(interaction: discord.Interaction[Any]) -> None:
            await interaction.response.send_message("much")

        async with running(server, bot):
            await bot.tree.sync()
            server.buckets = type(server.buckets)(over_all=Rate(0, 60))
            used = await ana.slash(ana.guild.channel("general"), "quota")
            assert (await used.reply()).text == "much"


async def test_after_too_many_invalid_requests_the_proxy_shuts_the_door() -> None:
    async with Discord() as server, on_the_wire(server) as wire:
        server.books.invalid = 10_000
        with pytest.raises(discord.HTTPException) as caught:
            await post(wire, general(server))
    assert caught.value.status == 429
    assert len(server.books.of(CREATE)) == 1


@pytest.mark.parametrize("is_global", [False, True])
async def test_a_429_on_demand_is_waited_for_and_not_held_against_the_bot(
    is_global: bool,
) -> None:
    async with Discord() as server, on_the_wire(server) as wire:
        channel = general(server)
        server.fails(CREATE, 429, retry_after_s=0.05, is_global=is_global)
        await post(wire, channel)
    assert [call.status for call in server.books.of(CREATE)] == [429, 200]
    assert server.books.too_many == []


async def test_a_429_from_the_proxy_is_final() -> None:
    async with Discord() as server, on_the_wire(server) as wire:
        server.fails(CREATE, 429, via=False)
        with pytest.raises(discord.HTTPException):
            await post(wire, general(server))
    assert len(server.books.of(CREATE)) == 1


async def test_a_503_is_told_to_the_caller() -> None:
    async with Discord() as server, on_the_wire(server) as wire:
        server.fails("*", 503)
        with pytest.raises(discord.DiscordServerError):
            await post(wire, general(server))


async def test_a_body_of_another_type_or_no_json_is_refused() -> None:
    async with Discord() as server, aiohttp.ClientSession() as session:
        url = f"{server.api_base}/channels/{general(server).id}/messages"
        for kind, code in (("text/plain", 50035), ("application/json", 50109)):
            headers = {"Authorization": f"Bot {server.token}", "Content-Type": kind}
            async with session.post(url, data="{", headers=headers) as response:
                assert response.status == 400
                assert (await response.json())["code"] == code


async def test_a_lost_answer_hides_a_message_that_is_there() -> None:
    async with Discord() as server, on_the_wire(server) as wire:
        channel = general(server)
        server.cuts(CREATE)
        with pytest.raises(aiohttp.ClientError):
            await post(wire, channel, "one")
        assert channel.messages == []
        server.cuts(CREATE, lost=True)
        with pytest.raises(aiohttp.ClientError):
            await post(wire, channel, "two", nonce="n", enforce_nonce=True)
        await post(wire, channel, "two", nonce="n", enforce_nonce=True)
        assert [message.text for message in channel.messages] == ["two"]


async def test_requests_stop_at_a_gate_until_it_is_released() -> None:
    async with Discord() as server, on_the_wire(server) as wire:
        channel = general(server)
        gate = server.hold(CREATE)
        posting = asyncio.create_task(post(wire, channel))
        await gate.reached()
        assert channel.messages == []
        gate.release()
        await posting
        assert len(channel.messages) == 1


async def test_whoever_waits_in_vain_reads_what_happened() -> None:
    async with Discord() as server:
        ana = server.guild("Homework").member("ana")
        channel = ana.guild.channel("general")
        await ana.says(channel, "hello?")
        with pytest.raises(AssertionError, match=r"(?s)waited 0.01 s for a message.*ana: hello\?"):
            await channel.answer(timeout_s=0.01)
