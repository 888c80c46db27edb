"""chat.*: posting, changing and taking away messages."""

from typing import Any

from tests.servers.slack.blocks import checked_blocks
from tests.servers.slack.calls import (
    POSTING,
    TIER_3,
    TIER_4,
    UNLIMITED,
    Call,
    Method,
)
from tests.servers.slack.clock import ms_of
from tests.servers.slack.errors import Json, RefusedError
from tests.servers.slack.model import Channel, Message

POST_TEXT_MAX = 40_000  # Longer is cut. docs.slack.dev/reference/methods/chat.postMessage
UPDATE_TEXT_MAX = 4_000  # "The text field cannot exceed 4,000 characters": chat.update's errors.
MARKDOWN_MAX = 12_000
ATTACHMENTS_MAX = 100
METADATA_MAX = 16_000


def content(call: Call, text_max: int | None) -> Json:
    """The text, Markdown and blocks of a call, checked together."""
    text, markdown = call.text("text"), call.text("markdown_text")
    blocks = call.structure("blocks", "invalid_blocks_format")
    attachments = call.structure("attachments", "invalid_attachments") or []
    if markdown and (text or blocks):
        raise RefusedError("markdown_text_conflict")
    if not (text.strip() or markdown.strip() or blocks or attachments):
        raise RefusedError("no_text")
    if len(markdown) > MARKDOWN_MAX:
        raise RefusedError("msg_too_long")
    if text_max is not None and len(text) > text_max:
        raise RefusedError("msg_too_long")
    if len(attachments) > ATTACHMENTS_MAX:
        raise RefusedError("too_many_attachments")
    checked = checked_blocks(blocks, "message") if blocks else []
    return {"text": text, "markdown": markdown, "blocks": checked}


def metadata_of(call: Call) -> Json | None:
    metadata = call.structure("metadata", "invalid_metadata_format")
    if metadata is None:
        return None
    if not isinstance(metadata, dict) or not {"event_type", "event_payload"} <= set(metadata):
        raise RefusedError("invalid_metadata_format")
    if len(str(metadata)) > METADATA_MAX:
        raise RefusedError("metadata_too_large")
    return metadata


def thread_of(call: Call, channel: Channel) -> str | None:
    """The thread to write in; a reply's stamp is refused, as nothing can hang on a reply."""
    ts = call.text("thread_ts")
    if not ts:
        return None
    root = channel.message(ts)
    if root is None:
        raise RefusedError("cannot_reply_to_message")
    if root.thread_ts not in {None, ts}:
        raise RefusedError("cannot_reply_to_message")
    return ts


def shown_of(call: Call, message: Message) -> Json:
    """The message as an answer shows it."""
    found: Json = {
        "type": "message",
        "user": message.user,
        "bot_id": call.installation.bot_id,
        "app_id": call.slack.app.app_id,
        "team": call.team.id,
        "text": message.text or message.markdown,
        "ts": message.ts,
        "blocks": message.blocks,
    }
    if message.thread_ts:
        found["thread_ts"] = message.thread_ts
    if message.edited_ts:
        found["edited"] = {"user": message.user, "ts": message.edited_ts}
    return found


def record(call: Call) -> Json:
    """The arguments as the bot sent them."""
    return {"method": call.method, **call.args}


def post_message(call: Call) -> Json:
    channel = call.channel()
    if channel.kind == "im" and not call.slack.app.messages_tab:
        raise RefusedError("messages_tab_disabled")
    found = content(call, None)
    message = Message(
        channel,
        call.slack.stamps.next(),
        call.installation.bot_user_id,
        found["text"][:POST_TEXT_MAX],
        found["blocks"],
        thread_of(call, channel),
        by_bot=True,
        markdown=found["markdown"],
        truncated=len(found["text"]) > POST_TEXT_MAX,
        broadcast=call.flag("reply_broadcast"),
        metadata=metadata_of(call),
        calls=[record(call)],
    )
    call.team.write(message)
    call.team.emit_message(channel, call.team.event_of(message))
    return {"channel": channel.id, "ts": message.ts, "message": shown_of(call, message)}


def post_ephemeral(call: Call) -> Json:
    channel = call.channel()
    user = call.team.users.get(call.text("user"))
    if user is None or user.id not in channel.members:
        raise RefusedError("user_not_in_channel")
    found = content(call, POST_TEXT_MAX)
    message = Message(
        channel,
        call.slack.stamps.next(),
        call.installation.bot_user_id,
        found["text"],
        found["blocks"],
        thread_of(call, channel),
        by_bot=True,
        markdown=found["markdown"],
        visible_to=user.id,
        calls=[record(call)],
    )
    # Accepted all the same: the caller is not told that nobody sees it.
    message.gone = bool(message.thread_ts) and len(channel.thread(message.root_ts)) < 2
    call.team.write(message)
    return {"message_ts": message.ts}


def update(call: Call) -> Json:
    channel = call.channel(member=False)
    message = call.message(channel=channel)
    if not message.by_bot:
        raise RefusedError("cant_update_message")
    now = call.slack.clock.now()
    window = call.slack.edit_window_ms
    if window is not None and now - ms_of(message.ts) > window:
        raise RefusedError("edit_window_closed")
    if message.stream is not None:
        message.stream.expire(now, call.slack.stream_idle_ms)
        if message.stream.state == "streaming":
            raise RefusedError("streaming_state_conflict")
    found = content(call, UPDATE_TEXT_MAX)
    previous = call.team.event_of(message)
    message.edits.append(previous)
    if "metadata" in call.args:  # "If you don't include this field", it stays.
        message.metadata = metadata_of(call)
    replace(message, found, record(call))
    message.edited_ts = call.slack.stamps.next()
    call.slack.watch.note(f"bot edits: {message.shown[-200:]!r}")
    changed(call, message, previous)
    return {
        "channel": channel.id,
        "ts": message.ts,
        "text": message.text,
        "message": shown_of(call, message),
    }


def replace(message: Message, found: Json, written: Json) -> None:
    """Put other content into a message; what was streamed goes with it."""
    message.text, message.markdown = found["text"], found["markdown"]
    # "If text is provided and blocks are not provided, the blocks will be removed."
    message.blocks = found["blocks"]
    if message.stream is not None:
        message.stream.text, message.stream.chunks = "", []
    message.calls.append(written)


def changed(call: Call, message: Message, previous: Json) -> None:
    """Tell the app of an edit, its own ones included."""
    stamp = message.edited_ts or message.ts
    event: Json = {"type": "message", "subtype": "message_changed", "hidden": True}
    event |= {"message": call.team.event_of(message), "previous_message": previous}
    call.team.emit_message(message.channel, event | {"ts": stamp, "event_ts": stamp})


def delete(call: Call) -> Json:
    channel = call.channel(member=False)
    message = call.message(channel=channel)
    if not message.by_bot:
        raise RefusedError("cant_delete_message")
    message.deleted = True
    stamp = call.slack.stamps.next()
    event: Json = {"type": "message", "subtype": "message_deleted", "hidden": True}
    event |= {"deleted_ts": message.ts, "previous_message": call.team.event_of(message)}
    call.team.emit_message(channel, event | {"ts": stamp, "event_ts": stamp})
    return {"channel": channel.id, "ts": message.ts}


def get_permalink(call: Call) -> Json:
    channel = call.channel(member=False)
    message = call.message("message_ts", channel)
    place = f"https://{call.team.name.lower()}.slack.com/archives/{channel.id}"
    return {"channel": channel.id, "permalink": f"{place}/p{message.ts.replace('.', '')}"}


WRITE: Any = {"scopes": ("chat:write",)}
METHODS = {
    "chat.postMessage": Method(
        post_message, POSTING, **WRITE, required=("channel",), per_channel=True
    ),
    "chat.postEphemeral": Method(post_ephemeral, TIER_4, **WRITE, required=("channel", "user")),
    "chat.update": Method(update, TIER_3, **WRITE, required=("channel", "ts")),
    "chat.delete": Method(delete, TIER_3, **WRITE, required=("channel", "ts")),
    "chat.getPermalink": Method(get_permalink, UNLIMITED, required=("channel", "message_ts")),
}
