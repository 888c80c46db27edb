"""What reaches a bot, in which shape, and what becomes of it when nobody acknowledges."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from tests.fakes import MINUTE, SECOND, FakeClock
from tests.servers.slack import App, File, Slack
from tests.servers_test.slack_kit import Json, Place, bolt, client_of


class Listener:
    """A socket that remembers what came, and acknowledges while `acks` is set."""

    def __init__(self, slack: Slack, *, acks: bool = True) -> None:
        self.slack = slack
        self.acks = acks
        self.requests: list[SocketModeRequest] = []
        self.client = SocketModeClient(
            app_token=slack.app.app_token,
            web_client=client_of(slack, slack.app.app_token),
            ping_interval=1,
        )
        self.client.socket_mode_request_listeners.append(self._take)

    async def _take(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        self.requests.append(request)
        if self.acks:
            response = SocketModeResponse(envelope_id=request.envelope_id)
            await client.send_socket_mode_response(response)
        self.slack.watch.changed()

    async def connect(self) -> None:
        opened = self.slack.sockets.opened
        await self.client.connect()  # type: ignore[no-untyped-call]  # the SDK has no types here
        await self.slack.watch.until(lambda: self.slack.sockets.opened > opened, "a socket")

    async def close(self) -> None:
        await self.client.close()  # type: ignore[no-untyped-call]  # the SDK has no types here

    @property
    def events(self) -> list[Json]:
        return [request.payload.get("event", {}) for request in self.requests]

    async def got(self, number: int) -> list[Json]:
        await self.slack.watch.until(lambda: len(self.requests) >= number, f"{number} events")
        return self.events


@pytest.fixture
async def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def place(clock: FakeClock) -> AsyncIterator[Place]:
    async with Slack(clock=clock) as slack:
        yield Place(slack)


@pytest.fixture
async def listener(place: Place) -> AsyncIterator[Listener]:
    listener = Listener(place.slack)
    await listener.connect()
    yield listener
    await listener.close()


async def test_a_mention_in_a_channel_makes_two_events_for_one_text(
    place: Place, listener: Listener
) -> None:
    said = await place.ana.says(place.general, "@bot look at #general & <b>")
    first, second = sorted(await listener.got(2), key=lambda event: str(event["type"]))
    assert [first["type"], second["type"]] == ["app_mention", "message"]
    assert first["ts"] == second["ts"] == said.ts
    expected = f"{place.team.bot} look at <#{place.general.id}|general> &amp; &lt;b&gt;"
    assert first["text"] == second["text"] == expected
    assert second["channel_type"] == "channel"
    assert second["channel"] == place.general.id
    payload = listener.requests[0].payload
    assert payload["team_id"] == place.team.id
    assert payload["authorizations"][0]["user_id"] == place.team.bot_user_id
    assert payload["event_id"] != listener.requests[1].payload["event_id"]


async def test_a_direct_message_makes_one(place: Place, listener: Listener) -> None:
    await place.ana.says_to_bot("@bot hello")
    (event,) = await listener.got(1)
    assert (event["type"], event["channel_type"]) == ("message", "im")


async def test_replies_broadcasts_files_edits_and_deletions_have_their_shapes(
    place: Place, listener: Listener
) -> None:
    root = await place.ana.says(place.general, "root")
    reply = await place.ana.says(place.general, "reply", thread=root, broadcast=True)
    await place.ana.edits(reply, "better")
    await place.ana.deletes(reply)
    await place.ana.says(place.general, "look", files=[File("a.txt", b"data")])
    events = await listener.got(6)
    by_subtype = {event.get("subtype") or event["type"]: event for event in events}
    assert by_subtype["thread_broadcast"]["thread_ts"] == root.ts
    assert by_subtype["thread_broadcast"]["root"]["ts"] == root.ts
    assert by_subtype["thread_broadcast"]["parent_user_id"] == place.ana.id
    assert by_subtype["message_changed"]["message"]["text"] == "better"
    assert by_subtype["message_changed"]["previous_message"]["text"] == "reply"
    assert by_subtype["message_deleted"]["deleted_ts"] == reply.ts
    assert by_subtype["file_share"]["files"][0]["name"] == "a.txt"
    assert by_subtype["file_shared"]["file_id"] == by_subtype["file_share"]["files"][0]["id"]


async def test_a_bot_hears_its_own_words(place: Place, listener: Listener) -> None:
    posted = await place.client.chat_postMessage(channel=place.general.id, text="hi")
    await place.client.chat_update(channel=place.general.id, ts=posted["ts"], text="ho")
    first, second = await listener.got(2)
    assert first["bot_id"] == place.team.installation.bot_id  # type: ignore[union-attr]  # it is installed
    assert first["user"] == place.team.bot_user_id
    assert second["subtype"] == "message_changed"


async def test_members_homes_and_groups_make_events(place: Place, listener: Listener) -> None:
    acts = [
        place.ana.opens_home(),
        place.ana.opens_home("messages"),
        place.ana.looks_at(place.general),
        place.ana.looks_at(None),
        place.ana.becomes(is_admin=True),
        place.ana.joins_group("supporters"),
        place.ana.leaves(place.general),
        place.ana.joins(place.general),
    ]
    for number, act in enumerate(acts, start=1):
        await act
        await listener.got(number)
    place.team.change_group("supporters", disabled=True)
    events = await listener.got(9)
    assert [event["type"] for event in events] == [
        "app_home_opened",
        "app_home_opened",
        "app_context_changed",
        "app_context_changed",
        "user_change",
        "subteam_members_changed",
        "member_left_channel",
        "member_joined_channel",
        "subteam_updated",
    ]
    assert [event["tab"] for event in events[:2]] == ["home", "messages"]
    assert events[2]["context"]["entities"][0]["value"] == place.general.id
    assert events[3]["context"] == {}
    assert events[4]["user"]["is_admin"]
    assert events[5]["added_users"] == [place.ana.id]


async def test_what_is_not_subscribed_or_not_allowed_is_not_sent() -> None:
    app = App(events=("message.im", "message.channels"), scopes=("im:history", "chat:write"))
    async with Slack(app) as slack:
        place = Place(slack)
        assert await place.ana.opens_home() is None
        assert (await place.ana.says(place.general, "no scope")).event_ids == []
        away = place.team.channel("away", bot_in=False)
        assert (await place.ana.says(away, "@bot")).event_ids == []
        assert len((await place.ana.says_to_bot("yes")).event_ids) == 1


async def test_an_event_that_nobody_acknowledges_comes_again_at_once_then_in_1_and_5_minutes(
    place: Place, listener: Listener, clock: FakeClock
) -> None:
    listener.acks = False
    delivery = await place.ana.opens_home()
    assert delivery is not None
    for number, wait_ms in enumerate((0, 3 * SECOND, 3 * SECOND + MINUTE), start=1):
        await clock.run_for(wait_ms)
        await listener.got(number)
    await clock.run_for(3 * SECOND)
    listener.acks = True
    await clock.run_for(5 * MINUTE)
    await listener.got(4)
    await delivery.ended()
    attempts = [(one.retry_attempt, one.retry_reason) for one in listener.requests]
    assert attempts == [(0, ""), (1, "timeout"), (2, "timeout"), (3, "timeout")]
    assert len({one.payload["event_id"] for one in listener.requests}) == 1
    assert len({one.envelope_id for one in listener.requests}) == 4


async def test_an_event_is_given_up_after_three_retries(
    place: Place, listener: Listener, clock: FakeClock
) -> None:
    listener.acks = False
    delivery = await place.ana.opens_home()
    assert delivery is not None
    for number, wait_ms in enumerate((0, 3 * SECOND, 3 * SECOND + MINUTE, 3 * SECOND + 5 * MINUTE)):
        await clock.run_for(wait_ms)
        await listener.got(number + 1)
    await clock.run_for(3 * SECOND)
    await delivery.ended()
    assert delivery.failed == "timeout"


async def test_an_acknowledged_event_can_be_delivered_again(
    place: Place, listener: Listener
) -> None:
    said = await place.ana.says_to_bot("hello")
    await listener.got(1)
    again = place.slack.deliver_again(said.event_ids[0])
    await again.ended()
    first, second = await listener.got(2)
    assert first == second


async def test_a_command_that_nobody_acknowledges_has_timed_out(
    place: Place, listener: Listener, clock: FakeClock
) -> None:
    listener.acks = False
    running = asyncio.ensure_future(place.ana.command(place.general, "/quota"))
    await listener.got(1)
    await clock.run_for(3 * SECOND)
    assert (await running).error == "operation_timeout"
    assert len(listener.requests) == 1


# Sockets


async def test_a_socket_address_is_good_once_and_needs_the_app_token(place: Place) -> None:
    from aiohttp import ClientSession, WSServerHandshakeError

    opener = client_of(place.slack, place.slack.app.app_token)
    url = (await opener.apps_connections_open(app_token=place.slack.app.app_token))["url"]
    async with ClientSession() as session:
        async with session.ws_connect(url) as socket:
            hello = await socket.receive_json()
            assert (hello["type"], hello["num_connections"]) == ("hello", 1)
        with pytest.raises(WSServerHandshakeError):
            await session.ws_connect(url)


async def test_the_client_moves_to_another_socket_when_slack_asks(
    place: Place, listener: Listener
) -> None:
    await place.slack.sockets.disconnect("refresh_requested")
    await place.slack.watch.until(lambda: place.slack.sockets.opened == 2, "a second socket")
    await place.ana.says_to_bot("hello")
    await listener.got(1)


async def test_the_client_comes_back_when_a_socket_is_dropped(
    place: Place, listener: Listener
) -> None:
    await place.slack.sockets.drop()
    await place.slack.watch.until(lambda: place.slack.sockets.opened == 2, "a second socket", 10)
    await place.ana.says_to_bot("hello")
    await listener.got(1)


async def test_several_sockets_share_the_events(place: Place, listener: Listener) -> None:
    second = Listener(place.slack)
    await second.connect()
    await place.slack.watch.until(lambda: len(place.slack.sockets.open) == 2, "two sockets")
    for _ in range(4):
        await place.ana.says_to_bot("hello")
    await place.slack.watch.until(
        lambda: len(listener.requests) == len(second.requests) == 2, "two events each"
    )
    await second.close()


async def test_pings_are_answered(place: Place, listener: Listener) -> None:
    await place.slack.sockets.ping()
    await place.slack.watch.until(lambda: place.slack.sockets.open[0].pongs, "a pong")


async def test_events_wait_for_a_bot_that_is_away(place: Place) -> None:
    said = await place.ana.says_to_bot("anybody there?")
    async with bolt(place.slack, place.team) as app:
        heard: list[Json] = []

        @app.event("message")
        async def hear(event: Json, **_: Any) -> None:
            heard.append(event)
            place.slack.watch.changed()

        await place.slack.watch.until(lambda: heard, "the message")
    assert heard[0]["ts"] == said.ts


# Installations


async def test_a_revoked_token_is_dead_and_the_app_is_told(
    place: Place, listener: Listener
) -> None:
    await place.client.auth_revoke()
    (event,) = await listener.got(1)
    assert event["type"] == "tokens_revoked"
    assert event["tokens"]["bot"] == [place.team.bot_user_id]
    await place.ana.says_to_bot("hello")
    place.team.uninstall()
    assert (await listener.got(3))[-1]["type"] == "app_uninstalled"
