"""chat.startStream, appendStream, stopStream, and the agent sessions around them.

docs.slack.dev/reference/methods/chat.startStream and kin, /ai/agent-sessions. That a stream dies
five minutes after its start, on append and on stop, was measured by others: python-slack-sdk#1859.
"""

from tests.servers.slack.blocks import checked_blocks
from tests.servers.slack.calls import TIER_2, TIER_3, TIER_4, UNLIMITED, Call, Method
from tests.servers.slack.chat import MARKDOWN_MAX, changed, metadata_of, record, shown_of, thread_of
from tests.servers.slack.errors import Json, RefusedError
from tests.servers.slack.model import Channel, Message, Session, Stream

STATUSES = ("active", "processing", "suspended", "closed")
TASK_STATUSES = ("pending", "in_progress", "complete", "error")
TITLE_MAX = 200
LOADING_MAX = 10
PROMPTS_MAX = 4
STREAMED_BLOCKS_MAX = 50


def pieces(call: Call, *, required: bool = True) -> list[Json]:
    """What a call adds: `markdown_text`, or `chunks` of several kinds."""
    markdown = call.text("markdown_text")
    chunks = call.structure("chunks", "invalid_chunks") or []
    if not isinstance(chunks, list):
        raise RefusedError("invalid_chunks")
    if markdown:
        chunks = [{"type": "markdown_text", "text": markdown}, *chunks]
    if required and not chunks:
        raise RefusedError("no_text")
    for chunk in chunks:
        check_chunk(chunk)
    length = sum(len(chunk["text"]) for chunk in chunks if chunk["type"] == "markdown_text")
    if length > MARKDOWN_MAX:
        raise RefusedError("msg_too_long")
    return chunks


def check_chunk(chunk: Json) -> None:
    match chunk:
        case {"type": "markdown_text", "text": str(text)} if text:
            return
        case {"type": "task_update", "id": str(), "title": str(title), "status": str(status)}:
            if status in TASK_STATUSES and title:
                return
        case {"type": "plan_update", "title": str(title)} if title:
            return
        case {"type": "blocks", "blocks": list(blocks)}:
            chunk["blocks"] = checked_blocks(blocks, "message")
            return
        case _:
            pass
    raise RefusedError("invalid_chunks")


def add(message: Message, stream: Stream, chunks: list[Json]) -> None:
    """Put what came behind what is there."""
    blocks = [b for c in chunks + stream.chunks if c["type"] == "blocks" for b in c["blocks"]]
    if len(blocks) > STREAMED_BLOCKS_MAX:
        raise RefusedError("msg_blocks_too_many")
    stream.text += "".join(c["text"] for c in chunks if c["type"] == "markdown_text")
    stream.chunks += chunks
    message.blocks = [b for c in stream.chunks if c["type"] == "blocks" for b in c["blocks"]]
    message.text = stream.text


def start(call: Call) -> Json:
    channel = call.channel()
    thread_ts = thread_of(call, channel)
    if thread_ts is None:
        # Newer documents let channels stream at the top; the SDK's method does not.
        raise RefusedError("invalid_arguments", "missing required field: thread_ts")
    if channel.kind != "im":
        if not call.text("recipient_team_id"):
            raise RefusedError("missing_recipient_team_id")
        if not call.text("recipient_user_id"):
            raise RefusedError("missing_recipient_user_id")
    if (reader_id := call.text("recipient_user_id")) and reader_id not in call.team.users:
        raise RefusedError("user_not_found")
    # "The encoded ID of the team the user receiving the streaming text belongs to."
    reader = call.team.users.get(reader_id)
    home = reader.home_id if reader is not None else call.team.id
    if (team_id := call.text("recipient_team_id")) and team_id != home:
        raise RefusedError("team_not_found")
    if call.text("task_display_mode", "timeline") not in {"timeline", "plan"}:
        raise RefusedError("invalid_arguments", "task_display_mode is timeline or plan")
    chunks = pieces(call, required=False)
    stream = Stream(call.at, call.text("recipient_user_id"), written_at=call.at)
    message = Message(
        channel,
        call.slack.stamps.next(),
        call.installation.bot_user_id,
        "",
        thread_ts=thread_ts,
        by_bot=True,
        stream=stream,
        calls=[record(call)],
    )
    add(message, stream, chunks)
    call.team.write(message)
    if call.slack.app.is_agent:
        # "By automatically creating sessions": apps that only stream have a stop button as well.
        move(call, call.team.open_session(channel, thread_ts), "processing")
    call.team.emit_message(channel, call.team.event_of(message))
    return {"channel": channel.id, "ts": message.ts}


def streamed(call: Call) -> tuple[Message, Stream]:
    """The message of a stream that can still be written."""
    message = call.message(channel=call.channel())
    if not message.by_bot:
        raise RefusedError("message_not_owned_by_app")
    if message.stream is None:
        raise RefusedError("message_not_in_streaming_state")
    message.stream.expire(call.at, call.slack.stream_idle_ms)
    if message.stream.state == "stopped_by_user" and call.method == "chat.appendStream":
        raise RefusedError("stopped_by_user")
    if message.stream.state != "streaming":
        raise RefusedError("message_not_in_streaming_state")
    return message, message.stream


def append(call: Call) -> Json:
    message, stream = streamed(call)
    add(message, stream, pieces(call))
    stream.written_at = call.at
    message.calls.append(record(call))
    call.slack.watch.note(f"bot streams: ...{stream.text[-80:]!r}")
    return {"channel": message.channel.id, "ts": message.ts}


def stop(call: Call) -> Json:
    message, stream = streamed(call)
    status = call.text("session_status", "active")
    if status not in STATUSES:
        raise RefusedError("invalid_status")
    chunks = pieces(call, required=False)
    blocks = call.structure("blocks", "invalid_blocks_format") or []
    checked = checked_blocks(blocks, "message") if blocks else []
    message.metadata = metadata_of(call)
    if not (stream.text or chunks or stream.chunks or checked):
        raise RefusedError("no_text")
    previous = call.team.event_of(message)
    add(message, stream, chunks)
    stream.state = "stopped"
    message.blocks += checked
    message.calls.append(record(call))
    session = call.team.sessions.get((message.channel.id, message.root_ts))
    if session is not None:
        move(call, session, status)
    call.slack.watch.note(f"bot ends its stream: {stream.text[-200:]!r}")
    changed(call, message, previous)
    return {
        "channel": message.channel.id,
        "ts": message.ts,
        "message": shown_of(call, message),
    }


def move(call: Call, session: Session, status: str) -> None:
    session.status = status
    session.history.append(status)
    if status != "processing":
        session.stop_pressed = False
    call.slack.watch.changed()


def agent_channel(call: Call) -> Channel:
    """The channel of an agent session; only apps declared as agents have those."""
    if not call.slack.app.is_agent:
        raise RefusedError("not_authorized")
    channel = call.channel("channel_id", member=False)
    if call.installation.bot_user_id not in channel.members:
        raise RefusedError("not_authorized")
    if not call.text("thread_ts"):
        raise RefusedError("thread_ts_required")
    return channel


def set_status(call: Call) -> Json:
    channel = agent_channel(call)
    status = call.text("status")
    if status not in STATUSES:
        raise RefusedError("invalid_status")
    if (starter := call.text("initiator_user_id")) and starter not in channel.members:
        raise RefusedError("user_not_found")
    title = call.text("title")
    if len(title) > TITLE_MAX:
        raise RefusedError("invalid_arguments", f"title is longer than {TITLE_MAX}")
    key = (channel.id, call.text("thread_ts"))
    session = call.team.sessions.get(key)
    if session is None:
        session = call.team.open_session(*((channel, key[1])))
        session.title = title
    move(call, session, status)
    found: Json = {"status": status, "agent_status": status, "title": session.title}
    if "agent_session_stopped" not in call.slack.app.events:
        found["warning"] = "missing_agent_session_stopped_event_subscription"
    return found


def rename(call: Call) -> Json:
    channel = agent_channel(call)
    session = call.team.sessions.get((channel.id, call.text("thread_ts")))
    if session is None:
        raise RefusedError("session_not_found")
    if not 1 <= len(call.text("title")) <= TITLE_MAX:
        raise RefusedError("invalid_name")
    session.title = call.text("title")
    return {"title": session.title}


def legacy_place(call: Call) -> tuple[str, str]:
    channel = call.channel("channel_id")
    if channel.message(call.text("thread_ts")) is None:
        raise RefusedError("invalid_thread_ts")
    return channel.id, call.text("thread_ts")


def set_legacy_status(call: Call) -> Json:
    if len(call.structure("loading_messages", "invalid_arguments") or []) > LOADING_MAX:
        raise RefusedError("invalid_arguments", "at most 10 loading_messages")
    place = legacy_place(call)
    call.team.legacy_statuses[place] = (call.text("status"), call.slack.clock.now())
    call.slack.watch.changed()
    return {}


def set_title(call: Call) -> Json:
    call.team.titles[legacy_place(call)] = call.text("title")
    call.slack.watch.changed()
    return {}


def set_prompts(call: Call) -> Json:
    if not call.slack.app.is_agent:
        raise RefusedError("not_agent_app")
    channel = call.channel("channel_id")
    prompts = call.structure("prompts", "invalid_arguments")
    good = isinstance(prompts, list) and all({"title", "message"} <= set(one) for one in prompts)
    if not good or not 1 <= len(prompts) <= PROMPTS_MAX:
        raise RefusedError("invalid_arguments", "prompts are 1 to 4, each with title and message")
    ts = call.text("thread_ts")
    if ts and channel.message(ts) is None:
        raise RefusedError("invalid_thread_ts")
    call.team.prompts[channel.id, ts] = {"title": call.text("title"), "prompts": prompts}
    return {}


CHAT, AGENT = ("chat:write",), ("assistant:write",)
LEGACY = ("channel_id", "thread_ts")
METHODS = {
    "chat.startStream": Method(start, TIER_2, CHAT, ("channel",)),
    "chat.appendStream": Method(append, TIER_4, CHAT, ("channel", "ts")),
    "chat.stopStream": Method(stop, TIER_2, CHAT, ("channel", "ts")),
    "agents.sessions.setStatus": Method(set_status, TIER_3, CHAT, ("channel_id", "status")),
    "agents.sessions.rename": Method(rename, TIER_3, CHAT, ("channel_id", "title")),
    "assistant.threads.setStatus": Method(set_legacy_status, UNLIMITED, CHAT, LEGACY),
    "assistant.threads.setTitle": Method(set_title, TIER_4, AGENT, (*LEGACY, "title")),
    "assistant.threads.setSuggestedPrompts": Method(
        set_prompts, TIER_4, AGENT, ("channel_id", "prompts")
    ),
}
