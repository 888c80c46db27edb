"""Roles, channels, messages and interactions: what the world is made of besides people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.servers.discord.errors import Json
from tests.servers.discord.permissions import Permission

if TYPE_CHECKING:
    from tests.servers.discord.people import Guild, Member, Person
    from tests.servers.discord.world import World

# Channel types (resources/channel).
TEXT, DM, VOICE, ANNOUNCEMENT, FORUM = 0, 1, 2, 5, 15
ANNOUNCEMENT_THREAD, PUBLIC_THREAD, PRIVATE_THREAD = 10, 11, 12

# Message flags (resources/message).
SUPPRESS_EMBEDS, HAS_THREAD, EPHEMERAL, LOADING = 1 << 2, 1 << 5, 1 << 6, 1 << 7
SUPPRESS_NOTIFICATIONS, IS_COMPONENTS_V2 = 1 << 12, 1 << 15

# Message types.
DEFAULT, THREAD_CREATED, REPLY, COMMAND, THREAD_STARTER, MENU = 0, 18, 19, 20, 21, 23
SYSTEM_TYPES = frozenset({THREAD_CREATED, THREAD_STARTER})

UNKNOWN_TYPE = "application/octet-stream"

# Interaction types and callback types (interactions/receiving-and-responding).
ON_COMMAND, ON_COMPONENT, ON_AUTOCOMPLETE, ON_MODAL = 2, 3, 4, 5
FIRST_ANSWER_MS = 3_000
REPLIES, DEFERS, DEFERS_UPDATE, UPDATES, SUGGESTS, OPENS_MODAL = 4, 5, 6, 7, 8, 9


@dataclass(eq=False, repr=False)
class Role:
    """A role of one guild."""

    id: int
    name: str
    guild: Guild
    permissions: Permission = Permission.NONE
    mentionable: bool = False

    @property
    def mention(self) -> str:
        return f"<@&{self.id}>"

    def __repr__(self) -> str:
        return f"<role {self.name}>"


@dataclass
class Overwrite:
    """What a channel grants to or takes from a role (kind 0) or a member (kind 1)."""

    kind: int
    allow: int = 0
    deny: int = 0


@dataclass(frozen=True)
class File:
    """A file as a person drops it into a message or a form."""

    name: str
    data: bytes
    content_type: str = UNKNOWN_TYPE


@dataclass(eq=False, repr=False)
class Attachment:
    """An uploaded file, to be fetched from the CDN."""

    id: int
    name: str
    data: bytes
    url: str
    content_type: str
    description: str | None = None

    def __repr__(self) -> str:
        return f"<file {self.name}>"


@dataclass(eq=False, repr=False)
class Channel:
    """A text channel, a thread or a direct message."""

    id: int
    kind: int
    name: str
    world: World
    bot: Person
    guild: Guild | None = None
    parent: Channel | None = None
    recipient: Person | None = None
    overwrites: dict[int, Overwrite] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    inside: set[int] = field(default_factory=set)
    owner: Person | None = None
    archived: bool = False
    locked: bool = False
    auto_archive_min: int = 4320

    @property
    def is_thread(self) -> bool:
        return self.kind in {ANNOUNCEMENT_THREAD, PUBLIC_THREAD, PRIVATE_THREAD}

    @property
    def is_private_thread(self) -> bool:
        return self.kind == PRIVATE_THREAD

    @property
    def mention(self) -> str:
        return f"<#{self.id}>"

    def allow(self, target: Role | Member | Guild, what: Permission) -> None:
        """Grant permissions here; a guild stands for @everyone."""
        self._overwrite(target, allow=what)

    def deny(self, target: Role | Member | Guild, what: Permission) -> None:
        """Take permissions away here; a guild stands for @everyone."""
        self._overwrite(target, deny=what)

    def _overwrite(self, target: Role | Member | Guild, *, allow: int = 0, deny: int = 0) -> None:
        kind = 0 if isinstance(target, Role) or target is self.guild else 1
        now = self.overwrites.setdefault(target.id, Overwrite(kind))
        now.allow = now.allow & ~deny | allow
        now.deny = now.deny & ~allow | deny
        self.world.channel_changed(self)

    def __repr__(self) -> str:
        return f"<#{self.name}>"

    @property
    def thread(self) -> Channel:
        """The newest thread begun here."""
        return [each for each in self.world.channels.values() if each.parent is self][-1]

    @property
    def transcript(self) -> str:
        """Who wrote what, who alone sees it, and how it changed at which time."""
        start = self.messages[0].at if self.messages else 0
        lines = [f"#{self.name}"]
        for message in self.messages:
            secret = f" (only {message.only_for.name} sees it)" if message.only_for else ""
            gone = " (deleted)" if message.deleted else ""
            lines.append(f"  {message.author.name}{secret}{gone}")
            lines += [f"  {(v.at - start) / 1000:8.3f}  {v.text}" for v in message.versions]
            lines += [f"            [{'] ['.join(message.buttons)}]"] if message.buttons else []
        return "\n".join(lines)

    def from_bot(self) -> list[Message]:
        """What the bot has posted here, oldest first, ephemeral messages included."""
        return [each for each in self.messages if each.author is self.bot and not each.deleted]

    async def answer(self, *, after: Message | None = None, timeout_s: float = 5) -> Message:
        """Wait for the bot's first message here (after this one); it may still be loading."""

        def found() -> list[Message]:
            return [m for m in self.from_bot() if after is None or m.id > after.id]

        await self.world.until(found, f"a message of the bot in #{self.name}", timeout_s)
        return found()[0]


@dataclass(frozen=True)
class Pinged:
    """Who was notified by a message."""

    people: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    everyone: bool = False

    def __bool__(self) -> bool:
        return bool(self.people or self.roles or self.everyone)


@dataclass(frozen=True)
class Version:
    """A message as it was from one moment on."""

    at: int
    text: str


@dataclass(eq=False, repr=False)
class Message:
    """A message with all its versions, and the very bodies that the bot sent for it."""

    id: int
    channel: Channel
    author: Person
    at: int
    type: int = DEFAULT
    content: str = ""
    embeds: list[Json] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    flags: int = 0
    reference: Message | None = None
    nonce: str | int | None = None
    mentions: list[Person] = field(default_factory=list)
    mention_roles: list[Role] = field(default_factory=list)
    mention_everyone: bool = False
    pinged: Pinged = Pinged()
    only_for: Person | None = None
    interaction: Interaction | None = None
    thread: Channel | None = None
    reactions: dict[str, set[int]] = field(default_factory=dict)
    edited_at: int | None = None
    deleted: bool = False
    bodies: list[Json] = field(default_factory=list)
    versions: list[Version] = field(default_factory=list)
    event: Json = field(default_factory=dict)

    @property
    def payload(self) -> Json:
        """The JSON with which the bot last sent or edited this message."""
        return self.bodies[-1] if self.bodies else {}

    @property
    def is_ephemeral(self) -> bool:
        return self.only_for is not None

    @property
    def is_loading(self) -> bool:
        """Whether people see "thinking…" in its place."""
        return bool(self.flags & LOADING)

    @property
    def is_silent(self) -> bool:
        """Whether it notified nobody's device."""
        return bool(self.flags & SUPPRESS_NOTIFICATIONS)

    @property
    def is_v2(self) -> bool:
        return bool(self.flags & IS_COMPONENTS_V2)

    @property
    def text(self) -> str:
        """What a person reads: content, embeds and text displays, top to bottom."""
        lines = [self.content] if self.content else []
        for embed in self.embeds:
            lines += [embed[key] for key in ("title", "description") if embed.get(key)]
            lines += [f"{each['name']}: {each['value']}" for each in embed.get("fields", ())]
            lines += [embed["footer"]["text"]] if embed.get("footer") else []
        lines += [each["content"] for each in walk(self.components) if each.get("type") == 10]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<{self.author.name}: {self.text!r} {self.buttons or ''}>"

    @property
    def buttons(self) -> list[str]:
        """The labels of all buttons, in order; a button without a label by its custom id."""
        found = [each for each in walk(self.components) if each.get("type") == 2]
        return [each.get("label") or each.get("custom_id", "") for each in found]

    @property
    def jump(self) -> Json:
        """A reference to this message, as a reply carries it."""
        reference: Json = {"message_id": str(self.id), "channel_id": str(self.channel.id)}
        if self.channel.guild:
            reference["guild_id"] = str(self.channel.guild.id)
        return reference

    async def until(
        self, condition: Callable[[Message], object], what: str = "", timeout_s: float = 5
    ) -> Message:
        """Wait until this message is so."""
        world = self.channel.world
        await world.until(lambda: condition(self), what or f"a change of {self.id}", timeout_s)
        return self

    async def says(self, text: str, timeout_s: float = 5) -> Message:
        """Wait until this message contains this text."""
        return await self.until(lambda m: text in m.text, f"{text!r} in a message", timeout_s)

    async def settled(self, timeout_s: float = 5) -> Message:
        """Wait until this message is no longer loading."""
        return await self.until(lambda m: not m.is_loading, "an answer in full", timeout_s)


@dataclass
class Modal:
    """A form that the bot has opened for one person."""

    interaction: Interaction
    payload: Json

    @property
    def title(self) -> str:
        return str(self.payload["title"])

    @property
    def fields(self) -> dict[str, Json]:
        """The inputs by label; an input without one by its custom id."""
        found: dict[str, Json] = {}
        for top in self.payload["components"]:
            if top["type"] == 18:
                found[top["label"]] = top["component"]
            elif top["type"] == 1:
                inner = top["components"][0]
                found[inner.get("label") or inner["custom_id"]] = inner
        return found


@dataclass(eq=False, repr=False)
class Interaction:
    """Something a person did with the app, and how the app has answered."""

    id: int
    token: str
    kind: int
    person: Person
    channel: Channel
    at: int
    data: Json
    owners: dict[str, str]
    member: Member | None = None
    message: Message | None = None
    parent: Interaction | None = None
    callback: int | None = None
    answered_at: int | None = None
    ephemeral: bool = False
    original: Message | None = None
    followups: list[Message] = field(default_factory=list)
    modal: Modal | None = None
    choices: list[Json] | None = None
    event: Json = field(default_factory=dict)

    @property
    def is_user_install_only(self) -> bool:
        return "0" not in self.owners

    @property
    def has_failed(self) -> bool:
        """Whether the person reads that the app did not respond."""
        late = self.channel.world.now - self.at > FIRST_ANSWER_MS
        return self.callback is None and late

    async def answered(self, timeout_s: float = 5) -> Interaction:
        """Wait until the bot has acknowledged this."""
        world = self.channel.world
        await world.until(lambda: self.callback is not None, f"an answer to {self}", timeout_s)
        return self

    async def reply(self, timeout_s: float = 5) -> Message:
        """Wait for the bot's message in answer to this, in full."""
        world = self.channel.world

        def found() -> Message | None:
            if self.original and not self.original.is_loading and self.callback in {4, 5, 7}:
                return self.original
            return self.followups[0] if self.followups else None

        await world.until(found, f"a message in answer to {self}", timeout_s)
        message = found()
        assert message is not None
        return message

    def __repr__(self) -> str:
        name = self.data.get("name") or self.data.get("custom_id")
        return f"{name} of {self.person.name}"


def walk(components: Any) -> list[Json]:
    """Every component, however deep, in reading order."""
    found: list[Json] = []
    for each in components if isinstance(components, list) else ():
        if isinstance(each, dict):
            found.append(each)
            found += walk(each.get("components"))
            found += walk([each[key] for key in ("accessory", "component") if each.get(key)])
    return found
