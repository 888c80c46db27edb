"""Routes of channels, threads and messages (resources/channel, resources/message)."""

from urllib.parse import unquote

from tests.servers.discord import permissions, posting
from tests.servers.discord.errors import ApiError, Form, Json
from tests.servers.discord.models import (
    PRIVATE_THREAD,
    PUBLIC_THREAD,
    SYSTEM_TYPES,
    TEXT,
    Channel,
    Message,
)
from tests.servers.discord.payloads import (
    channel_json,
    message_json,
    thread_member_json,
    without_content,
)
from tests.servers.discord.permissions import Permission
from tests.servers.discord.routing import Answer, Asked, Route
from tests.servers.discord.world import (
    DIRECT_REACTIONS,
    GUILD_REACTIONS,
    GUILDS,
    MESSAGE_CONTENT,
    number,
)

HOUR_MS = 3_600_000
BULK_DELETE_AGE_MS = 14 * 24 * HOUR_MS
ARCHIVE_AFTER_MIN = (60, 1440, 4320, 10080)


# -- channels and threads ----------------------------------------------------------------------


async def channel(asked: Asked) -> Answer:
    return channel_json(asked.world.channel(asked.ids["channel"]))


async def change_channel(asked: Asked) -> Answer:
    """Archive, lock or rename a thread; other channels stay as they are."""
    found = asked.world.channel(asked.ids["channel"])
    if not found.is_thread:
        raise ApiError(50024)
    mine = found.owner is asked.world.bot
    if not mine and not permissions.may(asked.world.bot, Permission.MANAGE_THREADS, found):
        raise ApiError(50013)
    body: Json = asked.body
    form = Form()
    form.text(body, "name", (), 1, 100, must=False)
    form.choice(body, "auto_archive_duration", (), ARCHIVE_AFTER_MIN, must=False)
    form.enforce()
    if found.archived and body.get("archived") is not False:
        raise ApiError(50083)
    found.name = body.get("name", found.name)
    found.archived = bool(body.get("archived", found.archived))
    found.locked = bool(body.get("locked", found.locked))
    found.auto_archive_min = body.get("auto_archive_duration", found.auto_archive_min)
    asked.world.channel_changed(found)
    return channel_json(found)


async def delete_channel(asked: Asked) -> Answer:
    found = asked.world.channel(asked.ids["channel"])
    if not found.is_thread:
        raise ApiError(50024)
    if not permissions.may(asked.world.bot, Permission.MANAGE_THREADS, found):
        raise ApiError(50013)
    del asked.world.channels[found.id]
    asked.world.emit("THREAD_DELETE", channel_json(found), guild=found.guild, intent=GUILDS)
    return channel_json(found)


async def thread_on_message(asked: Asked) -> Answer:
    parent = asked.world.channel(asked.ids["channel"], needs=Permission.CREATE_PUBLIC_THREADS)
    source = asked.world.message(parent, asked.ids["message"])
    if parent.kind != TEXT:
        raise ApiError(50024)
    if source.thread is not None:
        raise ApiError(160004)
    return channel_json(_thread(asked, parent, PUBLIC_THREAD, source))


async def thread_beside(asked: Asked) -> Answer:
    kind = asked.body.get("type", PRIVATE_THREAD)
    public = kind == PUBLIC_THREAD
    needs = Permission.CREATE_PUBLIC_THREADS if public else Permission.CREATE_PRIVATE_THREADS
    parent = asked.world.channel(asked.ids["channel"], needs=needs)
    form = Form()
    form.choice({"type": kind}, "type", (), (PUBLIC_THREAD, PRIVATE_THREAD), must=True)
    form.enforce()
    if parent.kind != TEXT:
        raise ApiError(50024)
    return channel_json(_thread(asked, parent, kind, None))


def _thread(asked: Asked, parent: Channel, kind: int, source: Message | None) -> Channel:
    form = Form()
    form.text(asked.body, "name", (), 1, 100, must=True)
    form.choice(asked.body, "auto_archive_duration", (), ARCHIVE_AFTER_MIN, must=False)
    form.number(asked.body, "rate_limit_per_user", (), 0, 21600, 0)
    form.enforce()
    world = asked.world
    made = posting.start_thread(world, parent, asked.body["name"], kind, world.bot, source)
    made.auto_archive_min = asked.body.get("auto_archive_duration") or made.auto_archive_min
    return made


async def join_thread(asked: Asked) -> Answer:
    found = asked.world.channel(asked.ids["channel"])
    if found.archived:
        raise ApiError(50083)
    found.inside.add(asked.world.bot.id)
    return None


async def leave_thread(asked: Asked) -> Answer:
    asked.world.channel(asked.ids["channel"]).inside.discard(asked.world.bot.id)
    return None


async def add_to_thread(asked: Asked) -> Answer:
    found = asked.world.channel(asked.ids["channel"])
    if found.archived:
        raise ApiError(50083)
    person = asked.world.people.get(number(asked.ids["user"]))
    if person is None or found.guild is None or person.id not in found.guild.members:
        raise ApiError(10013 if person is None else 10007)
    found.inside.add(person.id)
    return None


async def thread_members(asked: Asked) -> Answer:
    found = asked.world.channel(asked.ids["channel"])
    people = [asked.world.people[each] for each in found.inside]
    return [thread_member_json(found, person) for person in people]


async def typing(asked: Asked) -> Answer:
    found = asked.world.channel(asked.ids["channel"])
    sends = Permission.SEND_MESSAGES_IN_THREADS if found.is_thread else Permission.SEND_MESSAGES
    asked.world.channel(asked.ids["channel"], needs=sends)
    asked.world.books.typing.append(found.name)
    asked.world.note(f"#{found.name} bot is typing")
    return None


# -- messages ----------------------------------------------------------------------------------


def shown(asked: Asked, message: Message) -> Json:
    """A message as REST gives it: without the intent, without what others wrote."""
    data = message_json(message)
    if message.channel.guild is None or asked.world.allowed_intents & MESSAGE_CONTENT:
        return data
    return without_content(data, asked.world.bot)


async def messages(asked: Asked) -> Answer:
    found = asked.world.channel(asked.ids["channel"])
    limit = number(asked.query.get("limit", 50))
    form = Form()
    form.number({"limit": limit}, "limit", (), 1, 100, 50)
    form.enforce()
    if not permissions.may(asked.world.bot, Permission.READ_MESSAGE_HISTORY, found):
        return []
    there = [each for each in found.messages if not each.deleted and not each.only_for]
    if "after" in asked.query:
        later = [each for each in there if each.id > number(asked.query["after"])]
        there = later[:limit]
    if "before" in asked.query:
        there = [each for each in there if each.id < number(asked.query["before"])]
    if "around" in asked.query:
        middle = number(asked.query["around"])
        nearest = sorted(there, key=lambda each: abs(each.id - middle))[:limit]
        there = sorted(nearest, key=lambda each: each.id)
    return [shown(asked, each) for each in reversed(there[-limit:])]


async def message(asked: Asked) -> Answer:
    found = asked.world.channel(asked.ids["channel"], needs=Permission.READ_MESSAGE_HISTORY)
    return shown(asked, asked.world.message(found, asked.ids["message"]))


async def create_message(asked: Asked) -> Answer:
    found = asked.world.channel(asked.ids["channel"])
    return message_json(posting.create(asked.world, found, asked.draft))


async def edit_message(asked: Asked) -> Answer:
    world = asked.world
    found = world.message(world.channel(asked.ids["channel"]), asked.ids["message"])
    if found.author is not world.bot:
        raise ApiError(50005)
    if found.type in SYSTEM_TYPES:
        raise ApiError(50021)
    if found.channel.archived:
        raise ApiError(50083)
    if world.now - found.at > HOUR_MS:
        wait_s = asked.server.take_old_edit(found.channel)
        if wait_s is not None:
            raise ApiError(30046, retry_after_s=wait_s)
    return message_json(posting.edit(world, found, asked.draft))


async def delete_message(asked: Asked) -> Answer:
    world = asked.world
    found = world.message(world.channel(asked.ids["channel"]), asked.ids["message"])
    moderates = permissions.may(world.bot, Permission.MANAGE_MESSAGES, found.channel)
    if found.author is not world.bot and (not moderates or found.channel.guild is None):
        raise ApiError(50013 if found.channel.guild else 50003)
    posting.delete(world, found)
    return None


async def delete_messages(asked: Asked) -> Answer:
    world = asked.world
    found = world.channel(asked.ids["channel"], needs=Permission.MANAGE_MESSAGES)
    ids = asked.body.get("messages", [])
    if not 2 <= len(ids) <= 100:
        raise ApiError(50016)
    there = [world.messages[number(each)] for each in ids if number(each) in world.messages]
    if any(world.now - each.at > BULK_DELETE_AGE_MS for each in there):
        raise ApiError(50034)
    for each in there:
        if each.channel is found and not each.deleted:
            posting.delete(world, each)
    return None


async def react(asked: Asked) -> Answer:
    world = asked.world
    found = world.channel(asked.ids["channel"], needs=Permission.READ_MESSAGE_HISTORY)
    target = world.message(found, asked.ids["message"])
    emoji = unquote(asked.ids["emoji"])
    new = emoji not in target.reactions
    if new and not permissions.may(world.bot, Permission.ADD_REACTIONS, found):
        raise ApiError(50013)
    target.reactions.setdefault(emoji, set()).add(world.bot.id)
    _tell_reaction(asked, target, emoji, "MESSAGE_REACTION_ADD")
    return None


async def unreact(asked: Asked) -> Answer:
    world = asked.world
    target = world.message(world.channel(asked.ids["channel"]), asked.ids["message"])
    emoji = unquote(asked.ids["emoji"])
    target.reactions.get(emoji, set()).discard(world.bot.id)
    if not target.reactions.get(emoji):
        target.reactions.pop(emoji, None)
    _tell_reaction(asked, target, emoji, "MESSAGE_REACTION_REMOVE")
    return None


def _tell_reaction(asked: Asked, target: Message, emoji: str, name: str) -> None:
    data: Json = {
        "user_id": str(asked.world.bot.id),
        "channel_id": str(target.channel.id),
        "message_id": str(target.id),
        "emoji": {"id": None, "name": emoji},
        "burst": False,
        "type": 0,
    }
    if target.channel.guild:
        data["guild_id"] = str(target.channel.guild.id)
    asked.world.note(f"#{target.channel.name} bot {name.rsplit('_', 1)[-1].lower()}s {emoji}")
    asked.world.emit_in(target.channel, name, data, (GUILD_REACTIONS, DIRECT_REACTIONS))


MESSAGE = "/channels/{channel}/messages/{message}"
ROUTES = [
    Route("GET /channels/{channel}", channel),
    Route("PATCH /channels/{channel}", change_channel),
    Route("DELETE /channels/{channel}", delete_channel),
    Route("POST /channels/{channel}/typing", typing),
    Route("POST /channels/{channel}/threads", thread_beside),
    Route(f"POST {MESSAGE}/threads", thread_on_message),
    Route("PUT /channels/{channel}/thread-members/@me", join_thread),
    Route("DELETE /channels/{channel}/thread-members/@me", leave_thread),
    Route("PUT /channels/{channel}/thread-members/{user}", add_to_thread),
    Route("GET /channels/{channel}/thread-members", thread_members),
    Route("GET /channels/{channel}/messages", messages),
    Route("POST /channels/{channel}/messages", create_message),
    Route("POST /channels/{channel}/messages/bulk-delete", delete_messages),
    Route(f"GET {MESSAGE}", message),
    Route(f"PATCH {MESSAGE}", edit_message),
    Route(f"DELETE {MESSAGE}", delete_message),
    Route(f"PUT {MESSAGE}/reactions/{{emoji}}/@me", react),
    Route(f"DELETE {MESSAGE}/reactions/{{emoji}}/@me", unreact),
]
