"""Where words of ours go: privately wherever Slack can, in the thread that they are about."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from slack_sdk.errors import SlackApiError
from slack_sdk.webhook.async_client import AsyncWebhookClient

from adapters.slack.failures import LOST, error_of
from adapters.slack.panels import Json, card, context, notification
from adapters.slack.workspace import Workspace
from bot.messages import Card

_log = logging.getLogger(__name__)

# Where nobody can be told privately in a channel: they, or the bot, are not in it.
_ELSEWHERE = frozenset(
    {"user_not_in_channel", "not_in_channel", "channel_not_found", "is_archived", "no_permission"}
)
_OLDER = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"})


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody is: `thread` is its first message, `direct` a talk with the bot alone.

    Slack answers a command through `respond_at` also where the bot is no member.
    """

    channel: str
    user: str
    thread: str = ""
    direct: bool = False
    respond_at: str = ""


async def show(
    workspace: Workspace, place: Place, shown: Card, *, about: str = "", replace: bool = False
) -> None:
    """Show a card to one person; `replace` the message that `respond_at` belongs to."""
    for plain in (False, True):
        blocks = card(shown.panel, about=about, plain=plain)
        try:
            await _send(workspace, place, notification(shown.text), blocks, replace=replace)
            break
        except SlackApiError as error:
            if plain or error_of(error) not in _OLDER:
                raise
    for name, data in shown.files:
        await upload(workspace, place, name, data)


async def remark(workspace: Workspace, place: Place, text: str) -> None:
    """Say something in passing; that it could not be said must not cost an answer."""
    try:
        await _send(workspace, place, notification(text), [context(text)])
    except LOST as error:
        _log.info("a remark in %s: %s", place.channel, error)


async def say(workspace: Workspace, place: Place, text: str, blocks: Sequence[Json]) -> str:
    """Say something to one person; the id of the message."""
    return await _send(workspace, place, text, blocks)


async def _send(
    workspace: Workspace, place: Place, text: str, blocks: Sequence[Json], *, replace: bool = False
) -> str:
    if place.respond_at:
        session = workspace.web.session
        response = await AsyncWebhookClient(place.respond_at, session=session).send(
            text=text,
            blocks=blocks,
            response_type="ephemeral",
            replace_original=replace,
            unfurl_links=False,
            unfurl_media=False,
        )
        if response.status_code == OK:
            return ""
        _log.info("response_url: %s %s", response.status_code, response.body[:100])
    thread = place.thread or None
    if place.direct:
        answer = await workspace.web.chat_postMessage(
            channel=place.channel,
            thread_ts=thread,
            text=text,
            blocks=blocks,
            unfurl_links=False,
            unfurl_media=False,
        )
        return _written(workspace, f"{answer['channel']}:{answer['ts']}")
    try:
        answer = await workspace.web.chat_postEphemeral(
            channel=place.channel, user=place.user, thread_ts=thread, text=text, blocks=blocks
        )
    except SlackApiError as error:
        if error_of(error) not in _ELSEWHERE:
            raise
        return await directly(workspace, place.user, text, blocks)
    return f"{place.channel}:{answer['message_ts']}"


async def directly(workspace: Workspace, user: str, text: str, blocks: Sequence[Json]) -> str:
    """Write to somebody in their talk with the bot."""
    opened = await workspace.web.conversations_open(users=user)
    channel = opened["channel"]["id"]
    answer = await workspace.web.chat_postMessage(
        channel=channel,
        text=text,
        blocks=blocks,
        unfurl_links=False,
        unfurl_media=False,
    )
    return _written(workspace, f"{channel}:{answer['ts']}")


async def link_to(workspace: Workspace, message: str) -> str:
    """The address of a message; empty where Slack gives none."""
    channel, _, ts = message.partition(":")
    try:
        found = await workspace.web.chat_getPermalink(channel=channel, message_ts=ts)
    except LOST as error:
        _log.info("no link to %s: %s", message, error_of(error) or error)
        return ""
    return str(found["permalink"])


def _written(workspace: Workspace, message: str) -> str:
    workspace.written.put(message, value=True)
    return message


async def upload(workspace: Workspace, place: Place, name: str, data: bytes) -> None:
    """Send a file: into a talk with the bot alone, since a channel would show it to everybody."""
    channel, thread = place.channel, place.thread
    if not place.direct:
        opened = await workspace.web.conversations_open(users=place.user)
        channel, thread = opened["channel"]["id"], ""
    await workspace.web.files_upload_v2(
        channel=channel, thread_ts=thread or None, filename=name, content=data
    )


OK = 200
