"""Who is asking, read from the very event: roles held now, the channel, the right to govern.

No Members intent is needed for it: every message and every interaction carries its member.
"""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Any

import discord
from discord import app_commands

from adapters.discord import asks
from bot.config import DIRECT
from bot.config_values import Config
from bot.names import Kind, Names
from quota.governing import Governing
from quota.members import Member, Requester, Space

PLATFORM = "discord"
# Where the bot keeps what is of no single server: homes, the hash of the commands.
OWN = Space(PLATFORM, "*").key
ROLES_MAX = 50
_ID = re.compile(r"[0-9]{15,20}")


def space_of(guild_id: int | str) -> Space:
    """The space of a server."""
    return Space(PLATFORM, str(guild_id))


@dataclass(frozen=True, slots=True)
class Home:
    """The last server in which somebody used the bot, and the roles they held there."""

    space: Space
    roles: tuple[str, ...] = ()


class Members:
    """Turns members of Discord into requesters, and remembers where they are at home."""

    def __init__(self, config: Callable[[], Config], governing: Governing) -> None:
        """Keep homes in these books; who governs follows the config, also a reloaded one."""
        self._config = config
        self._governing = governing
        self.names = Names(PLATFORM, config, governing, lambda name: bool(_ID.fullmatch(name)))

    def in_guild(
        self,
        member: discord.Member,
        channel: object,
        permissions: discord.Permissions | None = None,
    ) -> Requester:
        """A member as an event of a server brought them.

        `permissions` are those that an interaction carries; without them, what their roles give.
        A bot neither governs nor helps, whatever it may do in the server.
        """
        held, space = permissions or member.guild_permissions, space_of(member.guild.id)
        roles, config = self.roles_of(space, member.roles), self._config().discord
        admins, staff = (config.admin_roles, config.staff_roles) if config else ((), ())
        governs = held.manage_guild or held.administrator or not set(admins).isdisjoint(roles)
        helps = held.moderate_members or not set(staff).isdisjoint(roles)
        return Requester(
            Member(space, str(member.id)),
            roles,
            self.channel_of(space, channel),
            is_admin=governs and not member.bot,
            is_staff=(governs or helps) and not member.bot,
        )

    def roles_of(self, space: Space, roles: Iterable[discord.Role]) -> tuple[str, ...]:
        """Names and ids of roles, highest first, so that config and limits may use either."""
        held = [role for role in roles if not role.is_default()]
        held = sorted(held, key=lambda role: role.position, reverse=True)[:ROLES_MAX]
        ids = [str(role.id) for role in held]
        names = (self.names.of(space, "role", str(r.id), r.name) for r in held)
        return tuple(dict.fromkeys((*chain.from_iterable(names), *ids)))

    def channel_of(self, space: Space, channel: object) -> str:
        """What config and limits call the channel whose rules hold there."""
        name, id_, _ = asks.place_of(channel)
        return self.names.one_of(space, "channel", id_, name)

    def called(self, thing: Any) -> str:
        """What a limit may call a role or channel that was picked; by id where no name is sure."""
        guild = thing.guild
        if isinstance(thing, app_commands.AppCommandThread):
            thing = guild.get_channel(thing.parent_id) or thing
        is_role = isinstance(thing, discord.Role)
        others = guild.roles if is_role else guild.channels
        if sum(other.name == thing.name for other in others) > 1:
            return str(thing.id)
        kind: Kind = "role" if is_role else "channel"
        return self.names.one_of(space_of(guild.id), kind, str(thing.id), thing.name)

    def in_direct(self, user: discord.abc.User) -> Requester:
        """Somebody in a direct message: charged at home, with the roles last seen there."""
        home = self.home(str(user.id))
        return Requester(Member(home.space, str(user.id)), home.roles, DIRECT.id)

    def home(self, user_id: str) -> Home:
        """Where somebody used the bot last; the space of direct messages where they never did."""
        kept = self._governing.flag(OWN, "home", user_id)
        if not kept:
            return Home(DIRECT)
        guild, *roles = json.loads(kept)
        return Home(space_of(guild), tuple(roles))

    async def came_home(self, requester: Requester) -> None:
        """Remember where somebody used the bot; written only where it is news."""
        who = requester.member
        value = json.dumps([who.space.id, *requester.roles], separators=(",", ":"))
        if value != self._governing.flag(OWN, "home", who.id):
            await self._governing.keep(OWN, "home", who.id, value)
