"""Everything that exists in this Discord, and what has happened in it."""

from __future__ import annotations

import asyncio
import mimetypes
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from quota.clock import Clock
from tests.servers.discord import permissions
from tests.servers.discord.errors import ApiError, Json
from tests.servers.discord.models import (
    DM,
    TEXT,
    UNKNOWN_TYPE,
    Attachment,
    Channel,
    File,
    Interaction,
    Message,
)
from tests.servers.discord.payloads import channel_json

if TYPE_CHECKING:
    from tests.servers.discord.people import Guild, Person

DISCORD_EPOCH = 1_420_070_400_000
# Guilds, people and roles are old; each gets a millisecond of its own, so that guilds of one test
# spread over the shards (events/gateway, "Sharding").
FIRST_ID_AT = 1_600_000_000_000
URL_LIFE_MS = 24 * 3_600_000

# Intents (events/gateway).
GUILDS, GUILD_MEMBERS, GUILD_PRESENCES = 1 << 0, 1 << 1, 1 << 8
GUILD_MESSAGES, GUILD_REACTIONS, GUILD_TYPING = 1 << 9, 1 << 10, 1 << 11
DIRECT_MESSAGES, DIRECT_REACTIONS, DIRECT_TYPING = 1 << 12, 1 << 13, 1 << 14
MESSAGE_CONTENT = 1 << 15
PRIVILEGED = {
    "members": GUILD_MEMBERS,
    "presences": GUILD_PRESENCES,
    "message_content": MESSAGE_CONTENT,
}


@dataclass(frozen=True)
class Event:
    """One event of the gateway, before it is cut to what a session may know."""

    name: str
    data: Json
    guild: Guild | None
    intent: int
    direct: bool = False


@dataclass(frozen=True)
class Call:
    """One request of the bot, and how it ended."""

    route: str
    path: str
    status: int
    code: int = 0
    body: Json = field(default_factory=dict)


@dataclass
class Books:
    """What a test may want to count."""

    calls: list[Call] = field(default_factory=list)
    too_many: list[str] = field(default_factory=list)
    invalid: int = 0
    unknown_routes: list[str] = field(default_factory=list)
    opened_dms: list[str] = field(default_factory=list)
    unasked_dms: list[str] = field(default_factory=list)
    typing: list[str] = field(default_factory=list)
    commands_put: list[str] = field(default_factory=list)
    downloads: list[str] = field(default_factory=list)
    presences: list[Json] = field(default_factory=list)

    def of(self, route: str) -> list[Call]:
        """The calls of one route, named as in `POST /channels/{channel}/messages`."""
        return [call for call in self.calls if call.route == route]


class World:
    """All people, guilds, channels and messages; whoever changes something says so here."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.people: dict[int, Person] = {}
        self.guilds: dict[int, Guild] = {}
        self.channels: dict[int, Channel] = {}
        self.messages: dict[int, Message] = {}
        self.interactions: dict[str, Interaction] = {}
        self.attachments: dict[int, Attachment] = {}
        self.commands: dict[int | None, list[Json]] = {}
        # By guild and command: {role, person or guild id: whether it is allowed}.
        self.overrides: dict[tuple[int, int], dict[int, bool]] = {}
        self.installed_by: set[int] = set()
        self.books = Books()
        self.events: list[Event] = []
        self.on_event: Callable[[Event], None] = lambda _event: None
        self.cdn = ""
        self.bot: Person
        self.allowed_intents = 0
        self.attachment_bytes_max = 10 * 1024 * 1024
        self._made = 0
        self._last_id = 0
        self._log: list[tuple[int, str]] = []
        self._waiting: set[asyncio.Event] = set()

    @property
    def now(self) -> int:
        return self.clock.now()

    def old_id(self) -> int:
        """An id for what was there before the test began."""
        self._made += 1
        return (FIRST_ID_AT + self._made - DISCORD_EPOCH) << 22

    def new_id(self) -> int:
        """An id for what happens now; ids grow even if the clock stands still."""
        self._last_id = max(self._last_id + 1, (self.now - DISCORD_EPOCH) << 22)
        return self._last_id

    # -- finding ---------------------------------------------------------------------------

    def channel(self, channel_id: str, *, needs: permissions.Permission | None = None) -> Channel:
        """Find a channel that the bot may see; refuse as the API does."""
        found = self.channels.get(number(channel_id))
        if found is None or (found.guild and self.bot.id not in found.guild.members):
            raise ApiError(10003 if found is None else 50001)
        if not permissions.may_see(self.bot, found):
            raise ApiError(50001)
        if needs is not None and not permissions.may(self.bot, needs, found):
            raise ApiError(50013)
        return found

    def guild(self, guild_id: str) -> Guild:
        """Find a guild that the bot is in."""
        found = self.guilds.get(number(guild_id))
        if found is None or self.bot.id not in found.members:
            raise ApiError(10004 if found is None else 50001)
        return found

    def message(self, channel: Channel, message_id: str) -> Message:
        """Find a message that is there for everybody in the channel."""
        found = self.messages.get(number(message_id))
        if found is None or found.channel is not channel or found.deleted or found.only_for:
            raise ApiError(10008)
        return found

    def direct(self, person: Person) -> Channel:
        """The channel of direct messages between the bot and this person."""
        for channel in self.channels.values():
            if channel.kind == DM and channel.recipient is person:
                return channel
        made = Channel(self.old_id(), DM, f"dm-{person.name}", self, bot=self.bot, recipient=person)
        self.channels[made.id] = made
        return made

    def text_channel(self, guild: Guild, name: str) -> Channel:
        """Make a text channel."""
        made = Channel(self.old_id(), TEXT, name, self, bot=self.bot, guild=guild)
        self.channels[made.id] = made
        guild.channels.append(made)
        self.emit("CHANNEL_CREATE", channel_json(made), guild=guild, intent=GUILDS)
        return made

    def attach(self, channel: Channel, file: File, description: str | None = None) -> Attachment:
        """Store a file where the CDN serves it."""
        made_id = self.new_id()
        # Signed, and good for a day (reference, "Signed Attachment CDN URLs").
        expires, issued = (self.now + URL_LIFE_MS) // 1000, self.now // 1000
        signature = f"ex={expires:x}&is={issued:x}&hm={made_id:064x}"
        url = f"{self.cdn}/attachments/{channel.id}/{made_id}/{quote(file.name)}?{signature}&"
        kind = file.content_type
        if kind == UNKNOWN_TYPE:
            kind = mimetypes.guess_type(file.name)[0] or kind
        kind += "; charset=utf-8" if kind.startswith("text/") and ";" not in kind else ""
        made = Attachment(made_id, file.name, file.data, url, kind, description)
        self.attachments[made_id] = made
        return made

    def sees(self, person: Person, channel: Channel) -> list[Message]:
        """What this person finds in this channel: all of it, but only their own secrets."""
        if not permissions.may_see(person, channel):
            return []
        return [
            message
            for message in channel.messages
            if not message.deleted and message.only_for in {None, person}
        ]

    # -- happening -------------------------------------------------------------------------

    def emit(
        self,
        name: str,
        data: Json,
        *,
        guild: Guild | None = None,
        intent: int = 0,
        direct: bool = False,
    ) -> Event:
        """Tell the gateway; what nobody may hear, it keeps to itself."""
        event = Event(name, data, guild, intent, direct)
        self.events.append(event)
        self.on_event(event)
        self.wake()
        return event

    def emit_in(self, channel: Channel, name: str, data: Json, intents: tuple[int, int]) -> Event:
        """Tell the gateway of something in a channel, if the bot can see it."""
        direct = channel.guild is None
        if not direct and not permissions.may_see(self.bot, channel):
            self.wake()
            return Event(name, data, channel.guild, intents[0])
        intent = intents[1] if direct else intents[0]
        return self.emit(name, data, guild=channel.guild, intent=intent, direct=direct)

    def channel_changed(self, channel: Channel) -> None:
        """Tell the gateway of a channel that is different now."""
        name = "THREAD_UPDATE" if channel.is_thread else "CHANNEL_UPDATE"
        self.emit(name, channel_json(channel), guild=channel.guild, intent=GUILDS)

    def note(self, line: str) -> None:
        """Add a line to the transcript, and wake who waits."""
        self._log.append((self.now, line))
        self.wake()

    @property
    def transcript(self) -> str:
        """What has happened, one line each, with the time of the double's clock."""
        start = self._log[0][0] if self._log else 0
        return "\n".join(f"{(at - start) / 1000:8.3f}  {line}" for at, line in self._log)

    # -- waiting ---------------------------------------------------------------------------

    def wake(self) -> None:
        """Let all who wait look again."""
        for event in self._waiting:
            event.set()

    async def until(self, condition: Callable[[], Any], what: str, timeout_s: float = 5) -> None:
        """Wait until this is so; looked at after each change, never by polling."""
        changed = asyncio.Event()
        self._waiting.add(changed)
        try:
            async with asyncio.timeout(timeout_s):
                while not condition():
                    changed.clear()
                    await changed.wait()
        except TimeoutError:
            message = f"waited {timeout_s} s for {what}\n{self.transcript}"
            raise AssertionError(message) from None
        finally:
            self._waiting.discard(changed)


def number(text: object) -> int:
    """Read an id; what is none is no id of anything."""
    try:
        return int(str(text))
    except ValueError:
        return 0
