"""response_url: five answers in thirty minutes.

docs.slack.dev/interactivity/handling-user-interaction
"""

from typing import TYPE_CHECKING

from tests.servers.slack.blocks import checked_blocks
from tests.servers.slack.clock import MINUTE_MS
from tests.servers.slack.errors import Json, RefusedError
from tests.servers.slack.model import Message, ResponseUrl

if TYPE_CHECKING:
    from tests.servers.slack.server import Slack

USES_MAX = 5
LIVES_MS = 30 * MINUTE_MS


def respond(slack: "Slack", url: ResponseUrl, body: Json, *, from_ack: bool) -> None:
    """Post, replace or delete, as the body says; the acknowledgement itself costs no use."""
    if not from_ack:
        if url.uses >= USES_MAX:
            raise RefusedError("used_url", status=404)
        if slack.clock.now() - url.made_at > LIVES_MS:
            raise RefusedError("expired_url", status=404)
        url.uses += 1
    team = slack.teams[url.team_id]
    message = url.message
    if body.get("delete_original"):
        if message is not None:
            message.deleted = message.gone = True
            slack.watch.note("the original message is deleted")
        return
    text = str(body.get("text") or "")
    blocks = checked_blocks(body["blocks"], "message") if body.get("blocks") else []
    if not (text.strip() or blocks):
        raise RefusedError("no_text", status=400)
    if body.get("replace_original") and message is not None:
        message.edits.append({"text": message.text, "blocks": message.blocks})
        message.text, message.blocks = text, blocks
        message.calls.append(body)
        slack.watch.note(f"the original message becomes {message.shown[:200]!r}")
        return
    public = body.get("response_type") == "in_channel"
    written = Message(
        url.channel,
        slack.stamps.next(),
        team.bot_user_id,
        text,
        blocks,
        body.get("thread_ts"),
        by_bot=True,
        visible_to=None if public else url.user,
        calls=[body],
    )
    url.posted.append(written)
    team.write(written)
