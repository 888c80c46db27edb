"""How things look in JSON (resources/*, events/gateway-events)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tests.servers.discord import permissions
from tests.servers.discord.errors import Json
from tests.servers.discord.models import (
    HAS_THREAD,
    THREAD_STARTER,
    Attachment,
    Channel,
    Interaction,
    Message,
    Role,
)

if TYPE_CHECKING:
    from tests.servers.discord.people import Guild, Member, Person

# Fields that hold what people wrote (gateway, "Message Content Intent").
WRITTEN = {"content": "", "embeds": [], "attachments": [], "components": []}


def iso(at: int) -> str:
    """Write milliseconds as Discord writes a time."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="microseconds")


def user_json(person: Person) -> Json:
    return {
        "id": str(person.id),
        "username": person.name,
        "discriminator": "0",
        "global_name": person.name.title(),
        "avatar": None,
        "bot": person.is_bot,
        "public_flags": 0,
    }


def member_json(member: Member, *, with_user: bool = True) -> Json:
    data: Json = {
        "nick": None,
        "avatar": None,
        "roles": [str(role.id) for role in member.roles],
        "joined_at": iso(member.joined_at),
        "premium_since": None,
        "deaf": False,
        "mute": False,
        "flags": 0,
        "pending": False,
        "communication_disabled_until": None,
    }
    return data | {"user": user_json(member.person)} if with_user else data


def role_json(role: Role) -> Json:
    position = [*role.guild.roles].index(role.id)
    return {
        "id": str(role.id),
        "name": role.name,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "position": position,
        "permissions": str(int(role.permissions)),
        "managed": False,
        "mentionable": role.mentionable,
        "flags": 0,
    }


def channel_json(channel: Channel, *, person: Person | None = None) -> Json:
    """A channel; with a person, as an interaction of theirs carries it."""
    last = str(channel.messages[-1].id) if channel.messages else None
    data: Json = {"id": str(channel.id), "type": channel.kind, "last_message_id": last}
    data["flags"] = 0
    if channel.guild is None:
        assert channel.recipient is not None
        return data | {"recipients": [user_json(channel.recipient)]}
    data |= {"guild_id": str(channel.guild.id), "name": channel.name, "rate_limit_per_user": 0}
    parent = channel.parent
    if channel.is_thread:
        assert parent is not None
        assert channel.owner is not None
        data |= {
            "parent_id": str(parent.id),
            "owner_id": str(channel.owner.id),
            "message_count": len(channel.messages),
            "total_message_sent": len(channel.messages),
            "member_count": len(channel.inside),
            "thread_metadata": {
                "archived": channel.archived,
                "auto_archive_duration": channel.auto_archive_min,
                "archive_timestamp": iso(channel.id >> 22),
                "locked": channel.locked,
                "invitable": True,
            },
        }
        if channel.bot.id in channel.inside:
            data["member"] = thread_member_json(channel, channel.bot)
    else:
        data |= {
            "parent_id": str(parent.id) if parent else None,
            "position": [*channel.guild.channels].index(channel),
            "topic": None,
            "nsfw": False,
            "permission_overwrites": [
                {"id": str(target), "type": o.kind, "allow": str(o.allow), "deny": str(o.deny)}
                for target, o in channel.overwrites.items()
            ],
        }
    if person is not None:
        data["permissions"] = str(permissions.in_channel(channel, person))
    return data


def thread_member_json(thread: Channel, person: Person) -> Json:
    return {
        "id": str(thread.id),
        "user_id": str(person.id),
        "join_timestamp": iso(thread.id >> 22),
        "flags": 1,
    }


def attachment_json(attachment: Attachment) -> Json:
    return {
        "id": str(attachment.id),
        "filename": attachment.name,
        "description": attachment.description,
        "content_type": attachment.content_type,
        "size": len(attachment.data),
        "url": attachment.url,
        "proxy_url": attachment.url,
    }


def message_json(message: Message, *, reference: bool = True) -> Json:
    edited = None if message.edited_at is None else iso(message.edited_at)
    data: Json = {
        "id": str(message.id),
        "channel_id": str(message.channel.id),
        "author": user_json(message.author),
        "type": message.type,
        "content": message.content,
        "timestamp": iso(message.at),
        "edited_timestamp": edited,
        "tts": False,
        "mention_everyone": message.mention_everyone,
        "mentions": [user_json(person) for person in message.mentions],
        "mention_roles": [str(role.id) for role in message.mention_roles],
        "attachments": [attachment_json(each) for each in message.attachments],
        "embeds": [{"type": "rich", **embed} for embed in message.embeds],
        "components": message.components,
        "pinned": False,
        "flags": message.flags,
    }
    if message.nonce is not None:
        data["nonce"] = message.nonce
    if message.reactions:
        data["reactions"] = [
            {
                "count": len(people),
                "count_details": {"burst": 0, "normal": len(people)},
                "me": message.channel.bot.id in people,
                "me_burst": False,
                "emoji": {"id": None, "name": emoji},
                "burst_colors": [],
            }
            for emoji, people in message.reactions.items()
        ]
    if message.reference is not None:
        data["message_reference"] = {"type": 0, **message.reference.jump}
        if reference:
            target = None if message.reference.deleted else message.reference
            data["referenced_message"] = target and message_json(target, reference=False)
    elif message.type == THREAD_STARTER:
        data["referenced_message"] = None
    if message.thread is not None:
        data["thread"] = channel_json(message.thread)
        data["flags"] |= HAS_THREAD
    if message.interaction is not None:
        data["application_id"] = str(message.author.id)
        data["webhook_id"] = str(message.author.id)
        data["interaction_metadata"] = interaction_metadata_json(message.interaction)
    return data


def interaction_metadata_json(interaction: Interaction) -> Json:
    data: Json = {
        "id": str(interaction.id),
        "type": interaction.kind,
        "user": user_json(interaction.person),
        "authorizing_integration_owners": interaction.owners,
    }
    if interaction.kind == 3 and interaction.message:
        data["interacted_message_id"] = str(interaction.message.id)
    if interaction.kind == 5 and interaction.parent:
        data["triggering_interaction_metadata"] = interaction_metadata_json(interaction.parent)
    return data


def guild_json(guild: Guild, person: Person) -> Json:
    """A whole guild, as GUILD_CREATE tells it to this bot without the members intent."""
    threads = [each for each in guild.threads if not each.archived]
    return {
        "id": str(guild.id),
        "name": guild.name,
        "icon": None,
        "splash": None,
        "owner_id": str(guild.owner.id if guild.owner else 0),
        "afk_timeout": 300,
        "verification_level": 0,
        "default_message_notifications": 0,
        "explicit_content_filter": 0,
        "roles": [role_json(role) for role in guild.roles.values()],
        "emojis": [],
        "stickers": [],
        "features": [],
        "mfa_level": 0,
        "system_channel_flags": 0,
        "premium_tier": 0,
        "premium_subscription_count": 0,
        "preferred_locale": guild.locale,
        "nsfw_level": 0,
        "premium_progress_bar_enabled": False,
        "joined_at": iso(guild.id >> 22),
        "large": False,
        "unavailable": False,
        "member_count": len(guild.members),
        "voice_states": [],
        "members": [member_json(guild.members[person.id])] if person.id in guild.members else [],
        "channels": [channel_json(each) for each in guild.channels],
        "threads": [channel_json(each) for each in threads if permissions.may_see(person, each)],
        "presences": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }


def without_content(data: Json, bot: Person) -> Json:
    """Take out what people wrote, except where Discord shows it without the intent.

    It shows messages of the app, those in which the app is mentioned and direct messages
    (gateway, "Message Content Intent"); the caller knows a direct message.
    """
    if data.get("referenced_message"):
        data = data | {"referenced_message": without_content(data["referenced_message"], bot)}
    mine = data.get("author", {}).get("id") == str(bot.id)
    if mine or any(user["id"] == str(bot.id) for user in data.get("mentions", ())):
        return data
    return data | {key: value for key, value in WRITTEN.items() if key in data}
