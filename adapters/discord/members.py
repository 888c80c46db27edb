"""Who is asking, read from the very event: roles held now, the channel, the right to govern.

No Members intent is needed for it: every message and every interaction carries its member.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

import discord

from bot.config import DIRECT
from bot.config_values import Config
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

    def in_guild(
        self,
        member: discord.Member,
        channel: str,
        permissions: discord.Permissions | None = None,
    ) -> Requester:
        """A member as an event of a server brought them.

        `permissions` are those that an interaction carries; without them, what their roles give.
        A bot neither governs nor helps, whatever it may do in the server.
        """
        held = permissions or member.guild_permissions
        roles, config = role_names(member.roles), self._config().discord
        admins, staff = (config.admin_roles, config.staff_roles) if config else ((), ())
        governs = held.manage_guild or held.administrator or _holds(member, admins)
        helps = held.moderate_members or _holds(member, staff)
        return Requester(
            Member(space_of(member.guild.id), str(member.id)),
            roles,
            channel,
            is_admin=governs and not member.bot,
            is_staff=(governs or helps) and not member.bot,
        )

    def ambiguous(self, guild: discord.Guild) -> list[tuple[str, list[int]]]:
        """The names of the config that several roles of a server have, with the ids of those."""
        config = self._config().discord
        wanted = {*config.admin_roles, *config.staff_roles} if config is not None else set()
        names = (name for name in sorted(wanted) if not _ID.fullmatch(name))
        found = ((name, [role.id for role in guild.roles if role.name == name]) for name in names)
        return [(name, ids) for name, ids in found if len(ids) > 1]

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


def role_names(roles: Iterable[discord.Role]) -> tuple[str, ...]:
    """Names and ids of roles, highest first, so that a limit may use either."""
    held = [role for role in roles if not role.is_default()]
    held = sorted(held, key=lambda role: role.position, reverse=True)[:ROLES_MAX]
    # A role that is called like the id of another one is not that one.
    names = (role.name for role in held if not _ID.fullmatch(role.name))
    return (*names, *(str(role.id) for role in held))


def _holds(member: discord.Member, wanted: Collection[str]) -> bool:
    """Whether a member has a role that the config names, by its id or by a name of its own.

    Whoever may make roles could make another one of the same name: of two, neither is meant.
    """
    named = {name for name in wanted if not _ID.fullmatch(name)}
    called = Counter(role.name for role in member.guild.roles if role.name in named)
    return any(str(r.id) in wanted or called[r.name] == 1 for r in member.roles)
