"""The HTTP way in: signed requests under the real Bolt, forged ones, retries, OAuth."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from slack_bolt.async_app import AsyncApp

from tests.fakes import MINUTE, FakeClock
from tests.servers.slack import App, NotPossibleError, Slack
from tests.servers_test.slack_kit import Json, Place, client_of, refused


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def bolt_over_http(place: Place) -> AsyncIterator[AsyncApp]:
    bolt = AsyncApp(client=place.client, signing_secret=place.slack.app.signing_secret)
    async with served(bolt.web_app("/slack/events")) as url:
        place.slack.send_over_http(url)
        yield bolt


async def test_events_commands_and_clicks_come_as_signed_requests() -> None:
    async with Slack() as slack:
        place = Place(slack)
        async with bolt_over_http(place) as bolt:

            @bolt.event("message")
            async def hear(event: Json, say: Any) -> None:
                await say(f"you said {event['text']}")

            @bolt.command("/quota")
            async def quota(ack: Any, respond: Any) -> None:
                await ack()
                await respond("plenty")

            assert slack.http is not None
            assert await slack.http.verify_url()
            await place.ana.says_to_bot("hello")
            await slack.watch.until(lambda: place.team.bot_messages, "an answer")
            assert place.team.bot_messages[0].text == "you said hello"
            ran = await place.ana.command(place.general, "/quota")
            assert (await ran.answer()).text == "plenty"


@pytest.mark.parametrize(
    "forgery",
    [
        {"secret": "guessed"},
        {"signed": False},
        {"timestamp": str(int(time.time()) - 600)},
    ],
)
async def test_a_forged_or_old_request_is_seen_as_such_by_bolt(forgery: Json) -> None:
    async with Slack() as slack:
        place = Place(slack)
        async with bolt_over_http(place):
            assert slack.http is not None
            assert await slack.http.forge({"type": "event_callback"}, **forgery) == 401


async def test_a_request_can_be_replayed_byte_for_byte() -> None:
    async with Slack() as slack:
        place = Place(slack)
        async with bolt_over_http(place) as bolt:
            heard: list[str] = []

            @bolt.event("message")
            async def hear(body: Json) -> None:
                heard.append(body["event_id"])
                slack.watch.changed()

            await place.ana.says_to_bot("hello")
            await slack.watch.until(lambda: len(heard) == 1, "the event")
            assert slack.http is not None
            assert await slack.http.replay() == 200
            await slack.watch.until(lambda: len(heard) == 2, "the replay")
            assert heard[0] == heard[1]


async def test_a_request_that_fails_comes_again_with_its_number_and_reason() -> None:
    clock = FakeClock()
    seen: list[tuple[str | None, str | None]] = []

    async with Slack(clock=clock) as slack:
        place = Place(slack)

        async def fail(request: web.Request) -> web.Response:
            headers = request.headers
            seen.append((headers.get("X-Slack-Retry-Num"), headers.get("X-Slack-Retry-Reason")))
            slack.watch.changed()
            return web.Response(status=500)

        app = web.Application()
        app.router.add_post("/slack/events", fail)
        async with served(app) as url:
            slack.send_over_http(url)
            await place.ana.says_to_bot("hello")
            for number, wait_ms in enumerate((0, 0, MINUTE, 5 * MINUTE), start=1):
                await clock.run_for(wait_ms)
                await slack.watch.until(lambda n=number: len(seen) >= n, "a request")  # type: ignore[misc]  # n is bound early
            assert [number for number, _ in seen] == [None, "1", "2", "3"]
            assert {reason for _, reason in seen[1:]} == {"http_error"}


async def test_an_app_that_is_switched_off_fails_its_commands() -> None:
    async with Slack() as slack:
        place = Place(slack)
        slack.send_over_http("http://127.0.0.1:1/slack/events")
        assert (await place.ana.command(place.general, "/quota")).error == "dispatch_failed"


# OAuth

# The SDK gives aiohttp the client's secret in a way that aiohttp wants to drop.
basic_auth_is_old = pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning")


def authorize(slack: Slack, **changes: str) -> str:
    query = {"client_id": slack.app.client_id, "scope": "chat:write", "state": "s1"}
    query |= {"redirect_uri": "https://bot.example/back", **changes}
    return "https://slack.com/oauth/v2/authorize?" + "&".join(f"{k}={v}" for k, v in query.items())


@basic_auth_is_old
async def test_a_workspace_is_joined_by_a_code_that_is_good_once() -> None:
    async with Slack() as slack:
        team = slack.team("Acme", installed=False)
        ana = team.user("ana")
        back = await ana.allows(authorize(slack))
        assert back == "https://bot.example/back?code=code-3&state=s1"
        nobody = client_of(slack, "")
        right: dict[str, str] = {"client_id": "111.222", "client_secret": "client-secret"}
        wrong = {**right, "client_secret": "guessed"}
        assert await refused(nobody.oauth_v2_access(**wrong, code="code-3")) == "bad_client_secret"
        wrong = {**right, "client_id": "0.0"}
        assert await refused(nobody.oauth_v2_access(**wrong, code="code-3")) == "invalid_client_id"
        found = await nobody.oauth_v2_access(**right, code="code-3")
        assert found["team"]["id"] == team.id
        assert found["authed_user"]["id"] == ana.id
        assert (await client_of(slack, found["access_token"]).auth_test())["team"] == "Acme"
        assert await refused(nobody.oauth_v2_access(**right, code="code-3")) == "invalid_code"


@basic_auth_is_old
async def test_the_code_is_bound_to_its_redirect_address() -> None:
    async with Slack() as slack:
        ana = slack.team("Acme", installed=False).user("ana")
        await ana.allows(authorize(slack))
        call = client_of(slack, "").oauth_v2_access(
            client_id="111.222",
            client_secret="client-secret",
            code="code-3",
            redirect_uri="https://evil.example/",
        )
        assert await refused(call) == "bad_redirect_uri"


async def test_slack_shows_no_consent_for_another_client_or_for_scopes_not_declared() -> None:
    async with Slack(App(scopes=("chat:write",))) as slack:
        ana = slack.team("Acme").user("ana")
        with pytest.raises(NotPossibleError, match="client_id"):
            await ana.allows(authorize(slack, client_id="0.0"))
        with pytest.raises(NotPossibleError, match="scopes"):
            await ana.allows(authorize(slack, scope="users:read"))


@pytest.mark.parametrize(
    ("token", "error"),
    [
        ("", "not_authed"),
        ("xoxb-wrong", "invalid_auth"),
        ("xapp-1-A0APP0001-1-secret", "not_allowed_token_type"),
    ],
)
async def test_a_token_must_be_the_bot_s(token: str, error: str) -> None:
    async with Slack() as slack:
        slack.team("Acme")
        assert await refused(client_of(slack, token).auth_test()) == error


async def test_tokens_of_an_app_removed_and_of_sockets_are_told_apart() -> None:
    async with Slack() as slack:
        place = Place(slack)
        call = place.client.apps_connections_open(app_token=place.team.token)
        assert await refused(call) == "not_allowed_token_type"
        place.team.revoke()
        assert await refused(place.client.auth_test()) == "token_revoked"
        place.team.uninstall()
        assert await refused(place.client.auth_test()) == "account_inactive"


async def test_a_method_that_does_not_exist_fails_the_test() -> None:
    async with Slack() as slack:
        place = Place(slack)
        assert await refused(place.client.api_call("chat.shout")) == "unknown_method"
        assert slack.unknown_methods == ["chat.shout"]
        slack.unknown_methods.clear()
    with pytest.raises(AssertionError, match=r"no method \['chat.shout'\]"):
        async with Slack() as slack:
            await refused(Place(slack).client.api_call("chat.shout"))
