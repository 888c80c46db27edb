"""Messages come to be, change and go (resources/message, resources/webhook, reference)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.servers.discord import mentions, permissions
from tests.servers.discord.components import check_message, number_them
from tests.servers.discord.errors import ApiError, Form, Json, Path
from tests.servers.discord.models import (
    COMMAND,
    EPHEMERAL,
    IS_COMPONENTS_V2,
    MENU,
    ON_COMMAND,
    PUBLIC_THREAD,
    REPLY,
    SUPPRESS_EMBEDS,
    SUPPRESS_NOTIFICATIONS,
    SYSTEM_TYPES,
    THREAD_CREATED,
    THREAD_STARTER,
    Attachment,
    Channel,
    File,
    Interaction,
    Message,
    Version,
    walk,
)
from tests.servers.discord.payloads import channel_json, member_json, message_json
from tests.servers.discord.permissions import Permission
from tests.servers.discord.world import (
    DIRECT_MESSAGES,
    GUILD_MESSAGES,
    GUILDS,
    World,
    number,
)

if TYPE_CHECKING:
    from tests.servers.discord.people import Person

CONTENT_MAX, EMBEDS_MAX, FILES_MAX, NONCE_MAX = 2000, 10, 10, 25
EMBED_TEXT_MAX, REQUEST_BYTES_MAX = 6000, 25 * 1024 * 1024
NONCE_LIFE_MS = 5 * 60_000
INTENTS = (GUILD_MESSAGES, DIRECT_MESSAGES)

KNOWN = frozenset(
    [
        "content",
        "nonce",
        "tts",
        "embeds",
        "allowed_mentions",
        "message_reference",
        "components",
        "attachments",
        "flags",
        "enforce_nonce",
    ]
)
SETTABLE = SUPPRESS_EMBEDS | SUPPRESS_NOTIFICATIONS | IS_COMPONENTS_V2


@dataclass(frozen=True)
class Draft:
    """What the bot sends: the body and the files beside it."""

    body: Json
    files: Sequence[File] = field(default=())


# -- checks ------------------------------------------------------------------------------------


def check(world: World, draft: Draft, *, was: Message | None = None) -> None:
    """Refuse a body that is not a message, new or as a change of one that is there."""
    body = draft.body
    form = Form()
    for key in sorted(set(body) - KNOWN):
        # What this double cannot play it refuses, rather than let it pass unseen.
        world.books.unknown_routes.append(f"the field {key!r} of a message")
        form.wrong((key,), "DOUBLE_DOES_NOT_KNOW", "The test server does not know this field")
    form.text(body, "content", (), 0, CONTENT_MAX, must=False)
    form.text({"nonce": _text(body.get("nonce"))}, "nonce", (), 0, NONCE_MAX, must=False)
    mentions.check_allowed(body.get("allowed_mentions"), form)
    _check_embeds(form.array(body, "embeds", (), 0, EMBEDS_MAX), form)
    kept = {each.name for each in was.attachments} if was else set()
    names = kept | {each.name for each in draft.files}
    v2 = is_v2(body, was)
    components = form.array(body, "components", (), 0, COMPONENTS_SENT_MAX)
    check_message(components, form, v2=v2, files=names)
    if len(draft.files) > FILES_MAX:
        form.wrong(("attachments",), "BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length.")
    if v2:
        _check_v2(body, was, form)
    form.enforce()
    sizes = [len(each.data) for each in draft.files]
    if sum(sizes) > REQUEST_BYTES_MAX or max(sizes, default=0) > world.attachment_bytes_max:
        raise ApiError(40005)


COMPONENTS_SENT_MAX = 40


def is_v2(body: Json, was: Message | None) -> bool:
    """Whether the message is of components only; once it is, it stays so."""
    return bool((body.get("flags") or 0) & IS_COMPONENTS_V2) or bool(was and was.is_v2)


def _check_v2(body: Json, was: Message | None, form: Form) -> None:
    message = "Fields of older messages cannot be used with IS_COMPONENTS_V2"
    for key in ("content", "embeds"):
        left = was is not None and not was.is_v2 and key not in body and getattr(was, key)
        if body.get(key) or left:
            form.wrong((key,), "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", message)


def _check_embeds(embeds: Sequence[Any], form: Form) -> None:
    total = 0
    for index, embed in enumerate(embeds):
        at: Path = ("embeds", index)
        form.text(embed, "title", at, 0, 256, must=False)
        form.text(embed, "description", at, 0, 4096, must=False)
        form.text(embed.get("footer") or {}, "text", (*at, "footer"), 0, 2048, must=False)
        form.text(embed.get("author") or {}, "name", (*at, "author"), 0, 256, must=False)
        for number_, each in enumerate(form.array(embed, "fields", at, 0, 25)):
            form.text(each, "name", (*at, "fields", number_), 1, 256, must=True)
            form.text(each, "value", (*at, "fields", number_), 1, 1024, must=True)
            total += len(each.get("name", "")) + len(each.get("value", ""))
        total += sum(len(embed.get(key) or "") for key in ("title", "description"))
        total += len((embed.get("footer") or {}).get("text", ""))
        total += len((embed.get("author") or {}).get("name", ""))
    if total > EMBED_TEXT_MAX:
        message = f"Embed size exceeds maximum size of {EMBED_TEXT_MAX}"
        form.wrong(("embeds",), "MAX_EMBED_SIZE_EXCEEDED", message)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def check_may_send(world: World, channel: Channel, draft: Draft) -> None:
    """Refuse what the bot may not do in this channel."""
    sends = Permission.SEND_MESSAGES_IN_THREADS if channel.is_thread else Permission.SEND_MESSAGES
    needed = [sends]
    needed += [Permission.ATTACH_FILES] if draft.files else []
    needed += [Permission.EMBED_LINKS] if draft.body.get("embeds") else []
    if channel.guild is None:
        assert channel.recipient is not None
        if channel.recipient.dms_closed:
            raise ApiError(50007)
        return
    for each in needed:
        if not permissions.may(world.bot, each, channel):
            raise ApiError(50013)
    if channel.locked and not permissions.may(world.bot, Permission.MANAGE_THREADS, channel):
        raise ApiError(160005)


# -- the bot's messages ------------------------------------------------------------------------


def create(
    world: World,
    channel: Channel,
    draft: Draft,
    *,
    interaction: Interaction | None = None,
    only_for: Person | None = None,
) -> Message:
    """Post what the bot sends; in answer to an interaction, its permissions do not matter."""
    body = draft.body
    check(world, draft)
    if interaction is None:
        check_may_send(world, channel, draft)
    target = _reply_target(world, channel, body)
    twin = _twin(world, channel, body)
    if twin is not None:
        return twin
    if channel.archived:
        channel.archived = False
        world.channel_changed(channel)
    kind = REPLY if target else 0
    if interaction is not None and interaction.kind == ON_COMMAND:
        kind = COMMAND if interaction.data.get("type", 1) == 1 else MENU
    message = Message(
        world.new_id(),
        channel,
        world.bot,
        world.now,
        type=kind,
        reference=target,
        nonce=body.get("nonce"),
        only_for=only_for,
        interaction=interaction,
    )
    _fill(world, message, draft, fresh=True)
    if is_empty(message):
        raise ApiError(50006)
    add(world, message)
    secret = f" (only for {only_for.name})" if only_for else ""
    world.note(f"#{channel.name} bot{secret}: {shown(message)}")
    return message


def edit(world: World, message: Message, draft: Draft, *, fresh: bool = False) -> Message:
    """Change a message of the bot; `fresh` if it was only loading, so that it may ping."""
    check(world, draft, was=message)
    before = (message.content, message.embeds, message.components, message.attachments)
    _fill(world, message, draft, fresh=fresh)
    if is_empty(message):
        message.content, message.embeds, message.components, message.attachments = before
        raise ApiError(50006)
    message.edited_at = world.now
    changed(world, message)
    world.note(f"#{message.channel.name} bot edits …{message.id % 1000}: {shown(message)}")
    return message


def delete(world: World, message: Message) -> None:
    """Take a message away; an ephemeral one only its person could see."""
    message.deleted = True
    if message.only_for is None:
        data = {"id": str(message.id), "channel_id": str(message.channel.id)}
        if message.channel.guild:
            data["guild_id"] = str(message.channel.guild.id)
        world.emit_in(message.channel, "MESSAGE_DELETE", data, INTENTS)
    world.note(f"#{message.channel.name} …{message.id % 1000} is deleted")


def add(world: World, message: Message) -> None:
    """Put a message into its channel, and tell the gateway unless it is somebody's secret."""
    world.messages[message.id] = message
    message.channel.messages.append(message)
    message.versions.append(Version(world.now, message.text))
    message.event = message_event(message)
    if message.only_for is None:
        world.emit_in(message.channel, "MESSAGE_CREATE", message.event, INTENTS)


def changed(world: World, message: Message) -> None:
    """Remember a version, and tell the gateway."""
    message.versions.append(Version(world.now, message.text))
    if message.only_for is None:
        world.emit_in(message.channel, "MESSAGE_UPDATE", message_event(message), INTENTS)
    world.wake()


def message_event(message: Message) -> Json:
    """A message as the gateway tells it: with the author's roles, which may be news."""
    data = message_json(message) | {"channel_type": message.channel.kind}
    guild = message.channel.guild
    if guild is not None:
        data["guild_id"] = str(guild.id)
        member = guild.members.get(message.author.id)
        if member is not None and message.interaction is None:
            data["member"] = member_json(member, with_user=False)
        for user in data["mentions"]:
            mentioned = guild.members.get(number(user["id"]))
            if mentioned is not None:
                user["member"] = member_json(mentioned, with_user=False)
    return data


def is_empty(message: Message) -> bool:
    return not (message.content or message.embeds or message.components or message.attachments)


def shown(message: Message) -> str:
    """One line for the transcript."""
    parts = [message.text.replace("\n", " ⏎ ")]
    parts += [f"[{label}]" for label in message.buttons]
    parts += [f"<{each.name}>" for each in message.attachments]
    if message.pinged:
        ping = message.pinged
        names = [*sorted(ping.people), *sorted(ping.roles), *(["everyone"] * ping.everyone)]
        parts.append(f"(pings {', '.join(names)})")
    return " ".join(filter(None, parts))


def _reply_target(world: World, channel: Channel, body: Json) -> Message | None:
    reference = body.get("message_reference")
    if reference is None:
        return None
    form, at = Form(), ("message_reference",)
    if reference.get("type", 0) != 0:
        world.books.unknown_routes.append("a forwarded message")
        form.wrong((*at, "type"), "BASE_TYPE_CHOICES", "Value must be one of (0,).")
    target = world.messages.get(number(reference.get("message_id")))
    elsewhere = number(reference.get("channel_id", channel.id)) != channel.id
    if target is not None and (target.channel is not channel or elsewhere):
        form.wrong(at, "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
    elif target is None or target.deleted or target.only_for:
        target = None
        if reference.get("fail_if_not_exists", True):
            form.wrong(at, "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
    elif target.type in SYSTEM_TYPES:
        message = "Cannot reply to a system message"
        form.wrong(at, "REPLIES_CANNOT_REPLY_TO_SYSTEM_MESSAGE", message)
    form.enforce()
    if not permissions.may(world.bot, Permission.READ_MESSAGE_HISTORY, channel):
        raise ApiError(160002)
    return target


def _twin(world: World, channel: Channel, body: Json) -> Message | None:
    """The message that was made with this nonce a moment ago."""
    nonce = body.get("nonce")
    if nonce is None or not body.get("enforce_nonce"):
        return None
    for message in reversed(channel.messages):
        young = world.now - message.at <= NONCE_LIFE_MS
        if message.author is world.bot and message.nonce == nonce and young:
            return message
    return None


def _fill(world: World, message: Message, draft: Draft, *, fresh: bool) -> None:
    """Take over what the body says; what it does not name stays as it is."""
    body = draft.body
    message.bodies.append(body)
    if "content" in body:
        message.content = (body["content"] or "").strip()
    if "embeds" in body:
        message.embeds = list(body["embeds"] or ())
    if "components" in body:
        message.components = number_them(list(body["components"] or ()))
    if "flags" in body:
        keep = message.flags & (IS_COMPONENTS_V2 | EPHEMERAL)
        message.flags = keep | ((body["flags"] or 0) & SETTABLE)
    if message.only_for is not None:
        message.flags |= EPHEMERAL
    message.attachments = _attachments(world, message, draft)
    texts = [message.content] if not message.is_v2 else []
    texts += [each["content"] for each in walk(message.components) if each.get("type") == 10]
    by_webhook = message.interaction is not None
    usual = mentions.IN_WEBHOOKS if by_webhook else mentions.IN_MESSAGES
    allowed = body.get("allowed_mentions")
    # Without the field a reply pings whom it answers; with it, only if it says so.
    allowed = usual | {"replied_user": True} if allowed is None else allowed
    found = mentions.read("\n".join(texts), message.channel, world.bot, allowed, message.reference)
    message.mentions, message.mention_roles = found.people, found.roles
    message.mention_everyone = found.everyone
    if fresh and message.only_for is None:
        # Only a new message notifies; who is named by an edit later hears nothing.
        message.pinged = found.pinged


def _attachments(world: World, message: Message, draft: Draft) -> list[Attachment]:
    listed = draft.body.get("attachments")
    described = {number(each.get("id")): each for each in listed or () if "id" in each}
    kept = message.attachments
    if listed is not None:
        kept = [each for each in kept if each.id in described]
    made = [
        world.attach(message.channel, file, described.get(index, {}).get("description"))
        for index, file in enumerate(draft.files)
    ]
    return [*kept, *made]


def start_thread(
    world: World, parent: Channel, name: str, kind: int, owner: Person, source: Message | None
) -> Channel:
    """Open a thread, on a message or beside all of them."""
    thread = Channel(
        source.id if source else world.new_id(),
        kind,
        name,
        world,
        bot=world.bot,
        guild=parent.guild,
        parent=parent,
        owner=owner,
    )
    thread.inside.add(owner.id)
    world.channels[thread.id] = thread
    if source is not None:
        source.thread = thread
        changed(world, source)
    data = channel_json(thread) | {"newly_created": True}
    if permissions.may_see(world.bot, thread):
        world.emit("THREAD_CREATE", data, guild=parent.guild, intent=GUILDS)
    world.note(f"#{parent.name} {owner.name} opens the thread {name!r}")
    if source is not None:
        # A thread begins with a message of the system that shows where it came from ...
        starter = Message(world.new_id(), thread, owner, world.now, type=THREAD_STARTER)
        starter.reference = source
        add(world, starter)
    elif kind == PUBLIC_THREAD:
        # ... and one without a message is told of in its channel, by its name.
        told = Message(world.new_id(), parent, owner, world.now, type=THREAD_CREATED, content=name)
        add(world, told)
    return thread
