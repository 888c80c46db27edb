"""Permission bits, and what a member may do in a channel (topics/permissions)."""

from __future__ import annotations

from enum import IntFlag
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.servers.discord.models import Channel
    from tests.servers.discord.people import Guild, Person


class Permission(IntFlag):
    """The bits that this double knows a use for."""

    NONE = 0
    KICK_MEMBERS = 1 << 1
    BAN_MEMBERS = 1 << 2
    ADMINISTRATOR = 1 << 3
    MANAGE_CHANNELS = 1 << 4
    MANAGE_GUILD = 1 << 5
    ADD_REACTIONS = 1 << 6
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    SEND_TTS_MESSAGES = 1 << 12
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    USE_EXTERNAL_EMOJIS = 1 << 18
    MANAGE_ROLES = 1 << 28
    MANAGE_WEBHOOKS = 1 << 29
    USE_APPLICATION_COMMANDS = 1 << 31
    MANAGE_THREADS = 1 << 34
    CREATE_PUBLIC_THREADS = 1 << 35
    CREATE_PRIVATE_THREADS = 1 << 36
    SEND_MESSAGES_IN_THREADS = 1 << 38
    MODERATE_MEMBERS = 1 << 40
    SEND_POLLS = 1 << 49
    USE_EXTERNAL_APPS = 1 << 50


P = Permission
ALL = (1 << 53) - 1

# What @everyone may do in a new server.
USUAL = (
    P.ADD_REACTIONS
    | P.VIEW_CHANNEL
    | P.SEND_MESSAGES
    | P.EMBED_LINKS
    | P.ATTACH_FILES
    | P.READ_MESSAGE_HISTORY
    | P.MENTION_EVERYONE
    | P.USE_EXTERNAL_EMOJIS
    | P.USE_APPLICATION_COMMANDS
    | P.CREATE_PUBLIC_THREADS
    | P.CREATE_PRIVATE_THREADS
    | P.SEND_MESSAGES_IN_THREADS
    | P.USE_EXTERNAL_APPS
)

# What one has in a direct message ("implicit permissions").
IN_DM = USUAL & ~(P.CREATE_PUBLIC_THREADS | P.CREATE_PRIVATE_THREADS | P.SEND_MESSAGES_IN_THREADS)


def in_guild(guild: Guild, person: Person) -> int:
    """What this member may do where no channel says otherwise; nothing for a stranger."""
    member = guild.members.get(person.id)
    if member is None:
        return 0
    if guild.owner is not None and guild.owner.person is person:
        return ALL
    bits = int(guild.everyone.permissions)
    for role in member.roles:
        bits |= int(role.permissions)
    return ALL if bits & P.ADMINISTRATOR else bits


def in_channel(channel: Channel, person: Person) -> int:
    """What this person may do here, overwrites included; a thread asks its parent."""
    if channel.guild is None:
        return int(IN_DM)
    place = channel.parent if channel.is_thread and channel.parent else channel
    bits = in_guild(channel.guild, person)
    member = channel.guild.members.get(person.id)
    if member is None or bits == ALL:
        return bits
    everyone = place.overwrites.get(channel.guild.id)
    if everyone:
        bits = bits & ~everyone.deny | everyone.allow
    allow = deny = 0
    for role in member.roles:
        if overwrite := place.overwrites.get(role.id):
            allow |= overwrite.allow
            deny |= overwrite.deny
    bits = bits & ~deny | allow
    if own := place.overwrites.get(person.id):
        bits = bits & ~own.deny | own.allow
    if not bits & P.VIEW_CHANNEL:
        return 0
    may_send = P.SEND_MESSAGES_IN_THREADS if channel.is_thread else P.SEND_MESSAGES
    if not bits & may_send:
        # Who may not send may not embed, attach or mention everyone either.
        bits &= ~(P.EMBED_LINKS | P.ATTACH_FILES | P.MENTION_EVERYONE | P.SEND_TTS_MESSAGES)
    return bits


def may(person: Person, what: Permission, channel: Channel) -> bool:
    """Whether this person has all of these permissions here."""
    return in_channel(channel, person) & what == what


def may_see(person: Person, channel: Channel) -> bool:
    """Whether this person can open this channel; private threads are for those inside."""
    if channel.guild is None:
        return person in {channel.recipient, channel.bot}
    if not may(person, P.VIEW_CHANNEL, channel):
        return False
    if channel.is_private_thread:
        return person.id in channel.inside or may(person, P.MANAGE_THREADS, channel)
    return True
