"""One workspace: who is in it, what was written, and the events that this makes."""

import json
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tests.servers.slack.app import Installation
from tests.servers.slack.clock import SECOND_MS
from tests.servers.slack.delivery import Delivery
from tests.servers.slack.errors import Json
from tests.servers.slack.model import (
    Channel,
    File,
    Kind,
    Message,
    Session,
    Stream,
    Trigger,
    Usergroup,
    View,
)
from tests.servers.slack.mrkdwn import escaped, links, pings
from tests.servers.slack.user import User

if TYPE_CHECKING:
    from tests.servers.slack.server import Slack

LEGACY_STATUS_MS = 120 * SECOND_MS  # docs.slack.dev/reference/methods/assistant.threads.setStatus

PREFIX: dict[Kind, str] = {"channel": "C", "group": "G", "im": "D", "mpim": "G"}
EVENT_OF: dict[Kind, str] = {
    "channel": "message.channels",
    "group": "message.groups",
    "im": "message.im",
    "mpim": "message.mpim",
}
HISTORY_SCOPE: dict[Kind, str] = {
    "channel": "channels:history",
    "group": "groups:history",
    "im": "im:history",
    "mpim": "mpim:history",
}


class Team:
    """A workspace in which the app is installed, unless a test says otherwise."""

    def __init__(self, slack: "Slack", name: str, team_id: str, *, plan: str = "pro") -> None:
        self.slack = slack
        self.name = name
        self.id = team_id
        self.plan = plan
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.groups: dict[str, Usergroup] = {}
        self.views: dict[str, View] = {}
        self.homes: dict[str, View] = {}
        self.stacks: dict[str, list[View]] = {}
        self.sessions: dict[tuple[str, str], Session] = {}
        self.legacy_statuses: dict[tuple[str, str], tuple[str, int]] = {}
        self.prompts: dict[tuple[str, str], Json] = {}
        self.titles: dict[tuple[str, str], str] = {}
        self.files: dict[str, File] = {}
        self.installation: Installation | None = None

    # Furnishing

    def user(
        self,
        name: str,
        *,
        groups: Iterable[str] = (),
        user_id: str | None = None,
        **flags: object,
    ) -> User:
        """A person; `groups` are made where they do not exist. Flags are those of users.info."""
        assert not any(user.name == name for user in self.users.values()), f"{name} is here already"
        user = User(self, user_id or self.slack.next_id("U"), name, **flags)
        self.users[user.id] = user
        for handle in groups:
            self.usergroup(handle).users.add(user.id)
        return user

    def channel(
        self,
        name: str,
        *,
        members: Iterable[User] | None = None,
        private: bool = False,
        bot_in: bool = True,
    ) -> Channel:
        """A channel, made at the first call; everybody who is here now is in it unless told."""
        for channel in self.channels.values():
            if channel.name == name:
                return channel
        inside = {user.id for user in (self.users.values() if members is None else members)}
        kind: Kind = "group" if private else "channel"
        channel = Channel(self.slack.next_id("C"), name, kind, inside, bot_in)
        if self.installation and bot_in:
            channel.members.add(self.installation.bot_user_id)
        self.channels[channel.id] = channel
        return channel

    def dm(self, user: User) -> Channel:
        """The direct messages of this person with the bot."""
        for channel in self.channels.values():
            if channel.kind == "im" and user.id in channel.members:
                return channel
        bot = self.bot_user_id
        channel = Channel(self.slack.next_id("D"), "", "im", {user.id, bot})
        self.channels[channel.id] = channel
        return channel

    def usergroup(self, handle: str, name: str | None = None) -> Usergroup:
        """A user group, made at the first call."""
        for group in self.groups.values():
            if group.handle == handle:
                return group
        group = Usergroup(self.slack.next_id("S"), handle, name or handle.capitalize())
        self.groups[group.id] = group
        return group

    def change_group(self, handle: str, /, **changes: Any) -> Delivery | None:
        """Rename or disable a user group, and tell the app."""
        group = self.usergroup(handle)
        for name, value in changes.items():
            assert hasattr(group, name), f"a user group has no {name}"
            setattr(group, name, value)
        now = self.slack.stamps.next()
        subteam = group.payload(self.id, users=True)
        return self.emit({"type": "subteam_updated", "subteam": subteam, "event_ts": now})

    # Reading

    @property
    def bot_user_id(self) -> str:
        assert self.installation is not None, f"the app is not installed in {self.name}"
        return self.installation.bot_user_id

    @property
    def token(self) -> str:
        """The bot token of this installation."""
        assert self.installation is not None, f"the app is not installed in {self.name}"
        return self.installation.token

    @property
    def bot(self) -> str:
        """How one mentions the bot."""
        return f"<@{self.bot_user_id}>"

    def sees(self, user: User, channel: Channel, thread: Message | None = None) -> list[Message]:
        """What this person sees there, ephemeral messages included, oldest first."""
        assert user.id in channel.members, f"{user.name} is not in {channel.name}"
        return [
            message
            for message in channel.messages
            if not (message.deleted or message.gone)
            and message.visible_to in {None, user.id}
            and (thread is None or message.root_ts == thread.root_ts)
        ]

    @property
    def messages(self) -> list[Message]:
        """Everything written in this team that still stands, in the order of its stamps."""
        found = [m for channel in self.channels.values() for m in channel.messages]
        return sorted((m for m in found if not m.deleted), key=lambda m: m.ts)

    @property
    def bot_messages(self) -> list[Message]:
        return [message for message in self.messages if message.by_bot]

    async def answer_to(self, asked: Message, number: int = 1) -> Message:
        """Wait until the bot has finished so many messages in this thread; the last of them.

        A message that is being streamed is not finished; one that others cannot see is no answer.
        """

        def finished() -> list[Message] | None:
            found = [
                message
                for message in asked.channel.thread(asked.root_ts)
                if message.by_bot and message.ts > asked.ts and not message.is_streaming
            ]
            return found if len(found) >= number else None

        what = f"{number} answer(s) to {asked.text!r}"
        return (await self.slack.watch.until(finished, what))[number - 1]

    async def whisper_to(self, user: User, number: int = 1) -> Message:
        """Wait until so many ephemeral messages were sent to this person; the last of them."""

        def whispered() -> list[Message] | None:
            found = [message for message in self.bot_messages if message.visible_to == user.id]
            return found if len(found) >= number else None

        what = f"{number} ephemeral message(s) to {user.name}"
        return (await self.slack.watch.until(whispered, what))[number - 1]

    @property
    def hanging(self) -> list[str]:
        """Statuses that say the bot works, to be empty when it does not."""
        now = self.slack.clock.now()
        found = [
            f"session {s.channel_id}/{s.thread_ts} is {s.status}"
            for s in self.sessions.values()
            if s.status == "processing"
        ]
        return found + [
            f"status {status!r} in {channel}/{ts}"
            for (channel, ts), (status, since) in self.legacy_statuses.items()
            if status and now - since < LEGACY_STATUS_MS
        ]

    def translated(self, text: str) -> str:
        """What a person typed, as Slack stores it: @bot, @ana and #general become references."""
        found = escaped(text).replace(escaped(self.bot), self.bot) if self.installation else text

        def refer(match: re.Match[str]) -> str:
            sign, name = match[1], match[2]
            if sign == "@" and name == "bot":
                return self.bot
            for user in self.users.values():
                if sign == "@" and user.name == name:
                    return f"<@{user.id}>"
            for group in self.groups.values():
                if sign == "@" and group.handle == name:
                    return f"<!subteam^{group.id}|@{name}>"
            for channel in self.channels.values():
                if sign == "#" and channel.name == name:
                    return f"<#{channel.id}|{name}>"
            return match[0]

        found = re.sub(r"(?<![\w<!])([@#])([\w-]+)", refer, found)
        return re.sub(r"(?<![\w<|])(https?://[^\s<>|)]+)", r"<\1>", found)

    def with_names(self, text: str) -> str:
        """References with the name beside the id, as commands that escape get them."""

        def name(match: re.Match[str]) -> str:
            user = self.users.get(match[1])
            return f"<@{match[1]}|{user.name}>" if user is not None else match[0]

        return re.sub(r"<@(\w+)>", name, text)

    # Writing

    def write(self, message: Message) -> Message:
        """Put a message where it belongs and let everybody know."""
        message.channel.messages.append(message)
        who = "bot" if message.by_bot else self.users[message.user].name
        place = message.channel.name or "dm"
        private = " (ephemeral)" if message.is_ephemeral else ""
        self.slack.watch.note(f"{who} in {place}{private}: {message.shown[:200]!r}")
        if message.by_bot and not message.is_ephemeral:
            self.legacy_statuses.pop((message.channel.id, message.root_ts), None)
        return message

    def pings_of(self, message: Message) -> set[str]:
        """Who this message pings; meant for what the bot writes."""
        call = message.calls[-1] if message.calls else {}
        names = bool(call.get("link_names")) or call.get("parse") == "full"
        found: set[str] = set()
        for text in message.read_texts:
            found |= pings(text, link_names=names)
        return found

    def links_of(self, message: Message) -> set[str]:
        """Which links of this message would unfurl: none where the call forbade it."""
        call = message.calls[-1] if message.calls else {}
        if call.get("unfurl_links") is False and call.get("unfurl_media") is False:
            return set()
        found: set[str] = set()
        for text in message.read_texts:
            found |= links(text)
        return found

    # Events

    def emit(self, event: Json, *, subscription: str | None = None) -> Delivery | None:
        """Send an event to the app, if it is installed here, subscribed and allowed to see it."""
        name = subscription or str(event["type"])
        installed = self.installation
        if installed is None or name not in self.slack.app.events:
            return None
        if installed.revoked and name not in {"tokens_revoked", "app_uninstalled"}:
            return None
        payload: Json = {
            "token": "verification-token",
            "team_id": self.id,
            "context_team_id": self.id,
            "context_enterprise_id": None,
            "api_app_id": self.slack.app.app_id,
            "event": event,
            "type": "event_callback",
            "event_id": self.slack.next_id("Ev"),
            "event_time": self.slack.clock.now() // SECOND_MS,
            "authorizations": [
                {
                    "enterprise_id": None,
                    "team_id": self.id,
                    "user_id": installed.bot_user_id,
                    "is_bot": True,
                    "is_enterprise_install": False,
                }
            ],
            "is_ext_shared_channel": False,
            "event_context": f"4-{event['type']}",
        }
        label = f"{event.get('subtype') or event['type']} {payload['event_id']}"
        return self.slack.postman.send("events_api", json.loads(json.dumps(payload)), label)

    def emit_message(self, channel: Channel, event: Json) -> Delivery | None:
        """Send a message event, where the bot is in the channel and may read it."""
        installed = self.installation
        if installed is None or installed.bot_user_id not in channel.members:
            return None
        if HISTORY_SCOPE[channel.kind] not in installed.scopes:
            return None
        event = {**event, "channel": channel.id, "channel_type": channel.event_type}
        return self.emit(event, subscription=EVENT_OF[channel.kind])

    def event_of(self, message: Message) -> Json:
        """The event that tells of a new message."""
        event: Json = {"type": "message", "ts": message.ts, "event_ts": message.ts}
        event |= {"text": message.text, "team": self.id, "user": message.user}
        if message.by_bot:
            assert self.installation is not None  # Its bot wrote this.
            event["bot_id"] = self.installation.bot_id
            event["app_id"] = self.slack.app.app_id
            event["bot_profile"] = {"id": self.installation.bot_id, "team_id": self.id}
        else:
            event["client_msg_id"] = f"{message.ts}-client"
        if message.blocks:
            event["blocks"] = message.blocks
        if message.thread_ts:
            event["thread_ts"] = message.thread_ts
            root = message.channel.message(message.thread_ts)
            if root is not None:
                event["parent_user_id"] = root.user
                if message.broadcast:
                    event |= {"subtype": "thread_broadcast", "root": root.brief}
        if message.files:
            event["files"] = [file.payload for file in message.files]
            event["subtype"] = event.get("subtype", "file_share")
        return event

    def revoke(self, error: str = "token_revoked") -> Delivery | None:
        """Take the bot's token away, and tell the app."""
        assert self.installation is not None, f"the app is not installed in {self.name}"
        self.installation.revoked = error
        revoked = {"oauth": [], "bot": [self.installation.bot_user_id]}
        event = {"type": "tokens_revoked", "tokens": revoked}
        return self.emit(event | {"event_ts": self.slack.stamps.next()})

    def uninstall(self) -> Delivery | None:
        """Remove the app: its token is dead, and it hears of both."""
        self.revoke("account_inactive")
        return self.emit({"type": "app_uninstalled", "event_ts": self.slack.stamps.next()})

    def open_session(self, channel: Channel, thread_ts: str) -> Session:
        """The agent session of a thread, made where there is none."""
        key = (channel.id, thread_ts)
        if key not in self.sessions:
            self.sessions[key] = Session(channel.id, thread_ts, "active")
        return self.sessions[key]

    def new_trigger(self, user_id: str) -> Trigger:
        now = self.slack.clock.now()
        number = self.slack.next_number()
        trigger = Trigger(f"{number}.{now}.{number:06x}", user_id, self.id, now)
        self.slack.triggers[trigger.id] = trigger
        return trigger

    def live_streams(self, channel_id: str, thread_ts: str) -> list[tuple[Message, Stream]]:
        """The messages of a thread that are being streamed right now."""
        found = []
        for message in self.channels[channel_id].messages:
            if message.stream is None or message.root_ts != thread_ts:
                continue
            message.stream.expire(self.slack.clock.now(), self.slack.stream_idle_ms)
            if message.stream.state == "streaming":
                found.append((message, message.stream))
        return found
