"""What Slack keeps: channels, messages with all their versions, views, sessions, files."""

from dataclasses import dataclass, field
from typing import Literal

from tests.servers.slack.clock import MINUTE_MS
from tests.servers.slack.errors import Json
from tests.servers.slack.mrkdwn import parsed_texts

Kind = Literal["channel", "group", "im", "mpim"]
StreamState = Literal["streaming", "stopped", "stopped_by_user", "expired"]

# Reported by several who measured it, 306 s; Slack writes of no number. python-slack-sdk#1859.
STREAM_MS = 5 * MINUTE_MS


@dataclass(eq=False)
class File:
    """A file in Slack. `url` opens with the bot's token only."""

    name: str
    data: bytes = b""
    mimetype: str = "text/plain"
    id: str = ""
    user: str = ""
    url: str = ""
    channels: list[str] = field(default_factory=list)
    uploaded: bool = True

    @property
    def payload(self) -> Json:
        """The file as it stands in events."""
        return {
            "id": self.id,
            "name": self.name,
            "title": self.name,
            "mimetype": self.mimetype,
            "filetype": self.name.rpartition(".")[2],
            "user": self.user,
            "mode": "hosted",
            "size": len(self.data),
            "url_private": self.url,
            "url_private_download": f"{self.url}/download",
            "file_access": "visible",
        }


@dataclass(eq=False)
class Stream:
    """The writing of one message by chat.startStream and its kin."""

    started_at: int
    recipient_user_id: str
    text: str = ""
    chunks: list[Json] = field(default_factory=list)
    state: StreamState = "streaming"
    written_at: int = 0

    def expire(self, now: int, idle_ms: int | None) -> None:
        """Let it die of old age, which appends do not change, or of silence."""
        is_old = now - self.started_at >= STREAM_MS
        is_idle = idle_ms is not None and now - self.written_at >= idle_ms
        if self.state == "streaming" and (is_old or is_idle):
            self.state = "expired"


@dataclass(eq=False)
class Message:
    """One message; `calls` holds the very arguments of each call that wrote it, in order."""

    channel: "Channel"
    ts: str
    user: str
    text: str
    blocks: list[Json] = field(default_factory=list)
    thread_ts: str | None = None
    by_bot: bool = False
    visible_to: str | None = None  # Ephemeral: for this member only.
    broadcast: bool = False
    truncated: bool = False
    files: list[File] = field(default_factory=list)
    calls: list[Json] = field(default_factory=list)
    edits: list[Json] = field(default_factory=list)  # What stood there before each edit.
    reactions: dict[str, set[str]] = field(default_factory=dict)
    metadata: Json | None = None
    markdown: str = ""  # What was given as markdown_text.
    stream: Stream | None = None
    edited_ts: str | None = None
    deleted: bool = False
    gone: bool = False  # Ephemeral, and its reader has reloaded.
    event_ids: list[str] = field(default_factory=list)

    @property
    def payload(self) -> Json:
        """What the bot sent last for this message."""
        assert self.calls, "a person wrote this; there is no call"
        return self.calls[-1]

    @property
    def is_ephemeral(self) -> bool:
        return self.visible_to is not None

    @property
    def is_streaming(self) -> bool:
        return self.stream is not None and self.stream.state == "streaming"

    @property
    def root_ts(self) -> str:
        """The thread that it is in, or would open."""
        return self.thread_ts or self.ts

    @property
    def shown(self) -> str:
        """All the text that a reader of this message sees, blocks included."""
        if self.stream is not None and self.stream.text:
            return "\n".join([self.stream.text, *texts_of(self.blocks)])
        return "\n".join(texts_of(self.blocks)) or self.markdown or self.text

    @property
    def read_texts(self) -> list[str]:
        """What Slack reads for mentions and links."""
        streamed = [self.stream.text] if self.stream is not None else []
        return [self.text, self.markdown, *streamed, *parsed_texts(self.blocks)]

    @property
    def brief(self) -> Json:
        """The message as it stands inside another event."""
        found: Json = {"type": "message", "user": self.user, "text": self.text, "ts": self.ts}
        if self.thread_ts:
            found["thread_ts"] = self.thread_ts
        if self.blocks:
            found["blocks"] = self.blocks
        return found

    @property
    def key(self) -> tuple[str, str]:
        return self.channel.id, self.ts


def texts_of(node: object) -> list[str]:
    """Every text that stands somewhere in these blocks, in order of appearance."""
    if isinstance(node, list):
        return [text for item in node for text in texts_of(item)]
    if not isinstance(node, dict):
        return []
    found: list[str] = []
    for name, value in node.items():
        if name in {"text", "title", "caption", "label"} and isinstance(value, str):
            found.append(value)
        elif name == "value" and isinstance(value, int | float):
            found.append(str(value))
        elif name != "state":
            found += texts_of(value)
    return found


@dataclass(eq=False)
class Channel:
    """A conversation of any kind."""

    id: str
    name: str
    kind: Kind
    members: set[str]
    bot_in: bool = True
    archived: bool = False
    messages: list[Message] = field(default_factory=list)

    @property
    def event_type(self) -> str:
        """What `channel_type` says in events."""
        return self.kind

    def message(self, ts: str) -> Message | None:
        return next((m for m in self.messages if m.ts == ts and not m.deleted), None)

    def thread(self, ts: str) -> list[Message]:
        """The root and its replies that everybody sees."""
        return [m for m in self.messages if m.root_ts == ts and not (m.deleted or m.is_ephemeral)]


@dataclass(eq=False)
class View:
    """A modal or a home tab; `calls` holds the arguments of each call that wrote it."""

    id: str
    user: str
    payload: Json
    hash: str
    blocks: list[Json]
    root_id: str
    previous_id: str | None = None
    calls: list[Json] = field(default_factory=list)
    closed: bool = False

    @property
    def type(self) -> str:
        return str(self.payload["type"])

    @property
    def callback_id(self) -> str:
        return str(self.payload.get("callback_id", ""))

    @property
    def shown(self) -> str:
        return "\n".join(texts_of(self.blocks))


@dataclass(eq=False)
class Session:
    """An agent session: its status hangs until the app moves it on."""

    channel_id: str
    thread_ts: str
    status: str
    title: str = ""
    stop_pressed: bool = False
    history: list[str] = field(default_factory=list)


@dataclass(eq=False)
class Usergroup:
    """A user group, which stands for a role."""

    id: str
    handle: str
    name: str
    users: set[str] = field(default_factory=set)
    disabled: bool = False

    def payload(self, team_id: str, *, users: bool) -> Json:
        """The group as lists and events show it."""
        found: Json = {
            "id": self.id,
            "team_id": team_id,
            "is_usergroup": True,
            "name": self.name,
            "handle": self.handle,
            "date_delete": int(self.disabled),
            "user_count": len(self.users),
        }
        return found | ({"users": sorted(self.users)} if users else {})


@dataclass(eq=False)
class Trigger:
    """The short-lived right to open a modal."""

    id: str
    user: str
    team_id: str
    made_at: int
    used: bool = False


@dataclass(eq=False)
class ResponseUrl:
    """The right to answer an interaction, five times in thirty minutes."""

    path: str
    team_id: str
    user: str
    channel: Channel
    made_at: int
    message: Message | None = None
    uses: int = 0
    posted: list[Message] = field(default_factory=list)
