"""A small bot on the real Bolt, joined to the double, for the tests of the double."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from tests.servers.slack import Slack, Team


def client_of(slack: Slack, token: str) -> AsyncWebClient:
    return AsyncWebClient(token, base_url=slack.base_url)


@asynccontextmanager
async def bolt(slack: Slack, team: Team) -> AsyncIterator[AsyncApp]:
    """A Bolt app over Socket Mode; listeners may be added once it is connected."""
    app = AsyncApp(client=client_of(slack, team.token))
    handler = AsyncSocketModeHandler(app, slack.app.app_token)
    handler.client.web_client = client_of(slack, slack.app.app_token)
    await handler.connect_async()  # type: ignore[no-untyped-call]  # Bolt has no types here
    try:
        yield app
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call]  # Bolt has no types here
