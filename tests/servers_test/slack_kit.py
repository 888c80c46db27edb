"""A small bot on the real Bolt, joined to the double, for the tests of the double."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.servers.slack import Channel, Slack, Team, User

Json = dict[str, Any]


class Place:
    """A team with one member and one channel, and the bot's client."""

    def __init__(self, slack: Slack) -> None:
        self.slack = slack
        self.team: Team = slack.team("Acme")
        self.ana: User = self.team.user("ana")
        self.general: Channel = self.team.channel("general")
        self.client = client_of(slack, self.team.token)


def client_of(slack: Slack, token: str) -> AsyncWebClient:
    return AsyncWebClient(token, base_url=slack.base_url)


@asynccontextmanager
async def bolt(slack: Slack, team: Team) -> AsyncIterator[AsyncApp]:
    """A Bolt app over Socket Mode; listeners may be added once it is connected."""
    app = AsyncApp(client=client_of(slack, team.token))
    handler = AsyncSocketModeHandler(app, slack.app.app_token, ping_interval=1)
    handler.client.web_client = client_of(slack, slack.app.app_token)
    await handler.connect_async()  # type: ignore[no-untyped-call]  # Bolt has no types here
    try:
        yield app
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call]  # Bolt has no types here


async def refused(call: Awaitable[Any]) -> str:
    """The error by which Slack refuses this call."""
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


async def reasons(call: Awaitable[Any]) -> list[str]:
    """What Slack says is wrong with the blocks, the view or the arguments of this call."""
    with pytest.raises(SlackApiError) as caught:
        await call
    said: list[str] = caught.value.response.get("response_metadata", {}).get("messages", [])
    return said


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> Json:
    return {"type": "mrkdwn", "text": text}


def button(action_id: str = "go", **more: Any) -> Json:
    return {"type": "button", "action_id": action_id, "text": plain("Go"), **more}


def option(value: str, text: str = "One") -> Json:
    return {"text": plain(text), "value": value}


def field(element: Json, block_id: str = "in", label: str = "Label", **more: Any) -> Json:
    return {
        "type": "input",
        "block_id": block_id,
        "label": plain(label),
        "element": element,
        **more,
    }


def modal(*blocks: Json, **more: Any) -> Json:
    return {
        "type": "modal",
        "callback_id": "form",
        "title": plain("Form"),
        "submit": plain("Send"),
        "blocks": list(blocks),
        **more,
    }


def home(*blocks: Json) -> Json:
    return {"type": "home", "blocks": list(blocks)}
