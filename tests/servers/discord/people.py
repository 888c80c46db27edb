"""People, members and guilds: the nouns with which tests begin."""

from __future__ import annotations

from collections.abc import Iterable

from tests.servers.discord.acting import Acting
from tests.servers.discord.commands import find
from tests.servers.discord.errors import Json
from tests.servers.discord.models import Channel, Role
from tests.servers.discord.payloads import (
    channel_json,
    guild_json,
    member_json,
    role_json,
    user_json,
)
from tests.servers.discord.permissions import USUAL, Permission
from tests.servers.discord.world import GUILD_MEMBERS, GUILDS, World, number


class Person(Acting):
    """An account; acts in direct messages, and in guilds as a member."""

    def __init__(
        self, world: World, name: str, *, locale: str = "en-US", bot: bool = False
    ) -> None:
        self.world = world
        self.id = world.old_id()
        self.name = name
        self.locale = locale
        self.is_bot = bot
        self.dms_closed = False
        self.person = self
        world.people[self.id] = self

    @property
    def mention(self) -> str:
        return f"<@{self.id}>"

    def installs_the_app(self) -> None:
        """Install the app for oneself, to use it anywhere."""
        self.world.installed_by.add(self.id)

    def closes_dms(self) -> None:
        """Let no bot send direct messages."""
        self.dms_closed = True

    def __repr__(self) -> str:
        return f"<person {self.name}>"


class Member(Acting):
    """A person in one guild, with roles."""

    def __init__(self, guild: Guild, person: Person, roles: Iterable[Role] = ()) -> None:
        self.world = guild.world
        self.guild = guild
        self.person = person
        self.roles = [*roles]
        self.joined_at = guild.id >> 22

    @property
    def id(self) -> int:
        return self.person.id

    @property
    def name(self) -> str:
        return self.person.name

    @property
    def mention(self) -> str:
        return self.person.mention

    def gains(self, role: str | Role) -> None:
        """Be given a role."""
        self.roles.append(self.guild.role(role) if isinstance(role, str) else role)
        self._tell()

    def loses(self, role: str | Role) -> None:
        """Have a role taken."""
        self.roles.remove(self.guild.role(role) if isinstance(role, str) else role)
        self._tell()

    def leaves(self) -> None:
        """Leave the guild."""
        del self.guild.members[self.id]
        data = {"guild_id": str(self.guild.id), "user": user_json(self.person)}
        self.world.emit("GUILD_MEMBER_REMOVE", data, guild=self.guild, intent=GUILD_MEMBERS)

    def joins(self) -> None:
        """Join the guild, again."""
        self.guild.members[self.id] = self
        data = member_json(self) | {"guild_id": str(self.guild.id)}
        self.world.emit("GUILD_MEMBER_ADD", data, guild=self.guild, intent=GUILD_MEMBERS)

    def _tell(self) -> None:
        data = member_json(self) | {"guild_id": str(self.guild.id)}
        mine = self.person is self.world.bot
        # Of itself a bot hears without the intent ("Guild Member Update is sent for ...").
        intent = 0 if mine else GUILD_MEMBERS
        self.world.emit("GUILD_MEMBER_UPDATE", data, guild=self.guild, intent=intent)

    def __repr__(self) -> str:
        return f"<member {self.name} of {self.guild.name}>"


class Guild:
    """A server with its roles, channels and members."""

    def __init__(self, world: World, name: str, *, locale: str = "en-US") -> None:
        self.world = world
        self.id = world.old_id()
        self.name = name
        self.locale = locale
        self.members: dict[int, Member] = {}
        self.channels: list[Channel] = []
        self.owner: Member | None = None
        self.roles: dict[int, Role] = {}
        self.everyone = Role(self.id, "@everyone", self, USUAL)
        self.roles[self.id] = self.everyone
        world.guilds[self.id] = self

    @property
    def threads(self) -> list[Channel]:
        """All threads, archived ones too."""
        all_channels = self.world.channels.values()
        return [each for each in all_channels if each.guild is self and each.is_thread]

    def member(
        self, name: str, *, roles: Iterable[str | Role] = (), locale: str = "en-US"
    ) -> Member:
        """Have somebody join: somebody known by this name, or a new person."""
        known = [p for p in self.world.people.values() if p.name == name and not p.is_bot]
        person = known[0] if known else Person(self.world, name, locale=locale)
        have = [self.role(role) if isinstance(role, str) else role for role in roles]
        made = Member(self, person, have)
        self.members[person.id] = made
        if self.owner is None:
            # Somebody owns every guild; not the first whom a test speaks of.
            self.owner = Member(self, Person(self.world, f"owner-of-{self.name}"))
            self.members[self.owner.id] = self.owner
        return made

    def role(
        self,
        name: str,
        permissions: Permission = Permission.NONE,
        *,
        mentionable: bool = False,
    ) -> Role:
        """The role of this name, made where there is none."""
        for role in self.roles.values():
            if role.name == name:
                return role
        made = Role(self.world.old_id(), name, self, permissions, mentionable)
        self.roles[made.id] = made
        self._tell_role("GUILD_ROLE_CREATE", made)
        return made

    def channel(self, name: str) -> Channel:
        """The text channel of this name, made where there is none."""
        for channel in self.channels:
            if channel.name == name:
                return channel
        return self.world.text_channel(self, name)

    def lets(self, role: Role, permissions: Permission) -> None:
        """Change what a role may do."""
        role.permissions = permissions
        self._tell_role("GUILD_ROLE_UPDATE", role)

    def renames(self, what: Role | Channel, name: str) -> None:
        """Give a role or a channel another name; its id stays."""
        what.name = name
        if isinstance(what, Role):
            self._tell_role("GUILD_ROLE_UPDATE", what)
        else:
            self.world.channel_changed(what)

    def deletes(self, what: Role | Channel) -> None:
        """Take away a role, from its members too, or a channel with its threads."""
        if isinstance(what, Role):
            del self.roles[what.id]
            for member in self.members.values():
                member.roles = [role for role in member.roles if role is not what]
            data: Json = {"guild_id": str(self.id), "role_id": str(what.id)}
            self.world.emit("GUILD_ROLE_DELETE", data, guild=self, intent=GUILDS)
            return
        data = channel_json(what)
        for channel in [what, *[each for each in self.threads if each.parent is what]]:
            del self.world.channels[channel.id]
        if what in self.channels:
            self.channels.remove(what)
        name = "THREAD_DELETE" if what.is_thread else "CHANNEL_DELETE"
        self.world.emit(name, data, guild=self, intent=GUILDS)

    def _tell_role(self, name: str, role: Role) -> None:
        data = {"guild_id": str(self.id), "role": role_json(role)}
        self.world.emit(name, data, guild=self, intent=GUILDS)

    def allows_command(self, name: str, to: Role | Member, *, allowed: bool = True) -> None:
        """Override who may use a command here (Server Settings, Integrations)."""
        command = find(self.world, self, name, 1)
        assert command is not None, f"the app has no command {name!r}"
        self.world.overrides.setdefault((self.id, number(command["id"])), {})[to.id] = allowed

    # -- the bot ---------------------------------------------------------------------------

    @property
    def bot(self) -> Member:
        return self.members[self.world.bot.id]

    def invites_bot(self, permissions: Permission = Permission.NONE) -> Member:
        """Have the bot join, with a role of its own for what @everyone may not do."""
        role = self.role(self.world.bot.name, permissions)
        made = Member(self, self.world.bot, [role])
        self.members[made.id] = made
        # Of a guild that is new to it a bot is not told whether it was unavailable before.
        data = {key: value for key, value in self.json.items() if key != "unavailable"}
        self.world.emit("GUILD_CREATE", data, guild=self, intent=GUILDS)
        self.world.note(f"{self.name}: the bot joins")
        return made

    def kicks_bot(self) -> None:
        """Have the bot leave."""
        del self.members[self.world.bot.id]
        self.world.emit("GUILD_DELETE", {"id": str(self.id)}, guild=self, intent=GUILDS)
        self.world.note(f"{self.name}: the bot is kicked")

    def fails(self) -> None:
        """Become unavailable, as in an outage."""
        data = {"id": str(self.id), "unavailable": True}
        self.world.emit("GUILD_DELETE", data, guild=self, intent=GUILDS)

    def recovers(self) -> None:
        """Be available again."""
        self.world.emit("GUILD_CREATE", self.json, guild=self, intent=GUILDS)

    @property
    def json(self) -> Json:
        return guild_json(self, self.world.bot)

    def __repr__(self) -> str:
        return f"<guild {self.name}>"
