"""A Discord on loopback, spoken to by the real discord.py."""

from tests.servers.discord.acting import NotOfferedError
from tests.servers.discord.buckets import Rate
from tests.servers.discord.models import Channel, File, Interaction, Message, Modal, Role
from tests.servers.discord.people import Guild, Member, Person
from tests.servers.discord.permissions import Permission
from tests.servers.discord.server import TOKEN, Discord

__all__ = [
    "TOKEN",
    "Channel",
    "Discord",
    "File",
    "Guild",
    "Interaction",
    "Member",
    "Message",
    "Modal",
    "NotOfferedError",
    "Permission",
    "Person",
    "Rate",
    "Role",
]
