"""What the bot says unasked: alerts to admins, a word to who waits for one, a note on arrival.

Nobody gets a direct message who did not begin: a word answers a request or a wish to be reminded.
"""

import logging
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import discord

from adapters.discord.members import PLATFORM, space_of
from adapters.discord.place import TOKEN_MS, Frame
from bot import text_discord as say
from bot.bot import Alert, Word
from bot.config_values import Config
from bot.panels import Panel
from quota.errors import StoreUnavailableError
from quota.members import Member, Space
from quota.waiting import Fresh

if TYPE_CHECKING:
    from adapters.discord.gateway import Gateway

_log = logging.getLogger(__name__)

MET_MAX = 5_000

Named = discord.Role | discord.abc.GuildChannel


class Notices:
    """Says what the bot has to say, for one connection."""

    def __init__(self, gateway: "Gateway") -> None:
        """Not yet listening."""
        self._gateway = gateway
        self._bot = gateway.bot
        self._looked: dict[int, Config] = {}
        self._warned: set[tuple[str, str]] = set()
        self._met: OrderedDict[str, tuple[int, discord.Interaction[Any]]] = OrderedDict()

    def listen(self) -> None:
        """Hear of everything from now on."""
        self._bot.on_alert.append(self._alert)
        self._bot.on_word.append(self._word)
        self._bot.on_fresh.append(self._fresh)

    def leave(self) -> None:
        """Hear of nothing any more."""
        with suppress(ValueError):
            self._bot.on_alert.remove(self._alert)
            self._bot.on_word.remove(self._word)
            self._bot.on_fresh.remove(self._fresh)

    def met(self, interaction: discord.Interaction[Any]) -> None:
        """Somebody used the bot just now: for a while they can be told something in private."""
        key = str(interaction.user.id)
        self._met.pop(key, None)
        self._met[key] = (self._bot.clock.now() + TOKEN_MS, interaction)
        if len(self._met) > MET_MAX:
            self._met.popitem(last=False)

    def _alert(self, alert: Alert) -> None:
        if alert.space.platform == PLATFORM:
            self._gateway.start_work(self._alerted(alert))

    def _word(self, word: Word) -> None:
        if word.member.space.platform == PLATFORM:
            self._gateway.start_work(self._told(word.member, word.panel))

    def _fresh(self, fresh: Fresh) -> None:
        member = fresh.requester.member
        if member.space.platform == PLATFORM:
            words = self._gateway.words_for(member, "")
            panel = say.open_again(words, words.open_again(fresh.refused))
            self._gateway.start_work(self._told(member, panel))

    def shut_out(self, space: Space, channel_id: int) -> None:
        """An answer could not be shown for want of the right to write: the admins hear it once."""
        channel = self._gateway.get_channel(channel_id)
        if isinstance(channel, discord.abc.GuildChannel | discord.Thread):
            words = self._gateway.words_for(Member(space, ""), channel.guild.preferred_locale)
            self._warn(space, str(channel_id), say.shut_out(words, channel.mention))

    def look_at(self, guild: discord.Guild | None) -> None:
        """Know a server before anybody in it is answered: its size, and what its names mean.

        How many people are here tells fair pools what to expect before they have learned. Names
        are learned when a server is first heard of, and again after `look_again` or a reload.
        """
        if guild is None:
            return
        if guild.member_count:
            self._bot.quotas.peopled[space_of(guild.id).key] = guild.member_count
        if self._looked.get(guild.id) is not self._bot.config:
            self._looked[guild.id] = self._bot.config
            self._learn(
                guild,
                {str(role.id): role.name for role in guild.roles},
                {str(channel.id): channel.name for channel in guild.channels},
            )

    def look_again(self, guild: discord.Guild) -> None:
        """There are other names than before, or others are spoken of."""
        self._looked.pop(guild.id, None)
        self.look_at(guild)

    def renamed(self, before: Named, after: Named) -> None:
        """Know first what the old name meant, for a limit may have been set upon it meanwhile."""
        if before.name == after.name:
            return
        guild = after.guild
        roles = {str(role.id): role.name for role in guild.roles}
        channels = {str(channel.id): channel.name for channel in guild.channels}
        (roles if isinstance(after, discord.Role) else channels)[str(after.id)] = before.name
        self._learn(guild, roles, channels)
        self.look_again(guild)

    def _learn(
        self, guild: discord.Guild, roles: Mapping[str, str], channels: Mapping[str, str]
    ) -> None:
        space, names = space_of(guild.id), self._gateway.members.names
        words = self._gateway.words_for(Member(space, ""), guild.preferred_locale)
        for name, ids in names.learn(space, "role", roles):
            _log.warning("%s", say.ambiguous_role(name, ids))
            self._warn(space, name, say.ambiguous(words, name, ids))
        for name, ids in names.learn(space, "channel", channels):
            _log.warning("%s", say.ambiguous_channel(name, ids))
            self._warn(space, f"#{name}", say.ambiguous_place(words, name, ids))
        self._gateway.start_work(self._write(space))

    async def _write(self, space: Space) -> None:
        with suppress(StoreUnavailableError):
            await self._gateway.members.names.write(space)

    def _warn(self, space: Space, about: str, panel: Panel) -> None:
        """Tell the admins of a server something, once for as long as the bot runs."""
        if (space.key, about) in self._warned:
            return
        self._warned.add((space.key, about))
        for hear in self._bot.on_alert:
            hear(Alert(space, panel))

    async def _alerted(self, alert: Alert) -> None:
        """Into the channel that the admins of the server chose, else that of the config."""
        channel = self.alert_channel(alert.space)
        if channel is None:
            _log.warning("discord: no alert channel in %s: %s", alert.space.id, alert.panel.title)
            return
        try:
            await channel.send(**Frame(panel=alert.panel).sent())
        except (discord.HTTPException, OSError) as error:
            _log.warning("discord: an alert in %s could not be shown: %s", channel.id, error)

    def alert_channel(self, space: Space) -> discord.TextChannel | None:
        """Where the admins of a server are told things; by id, or by a name of that server."""
        config = self._bot.config.discord
        usual = config.alert_channel if config is not None else ""
        wanted = self._bot.settings.space(space).alert_channel or usual
        guild = self._gateway.get_guild(int(space.id)) if space.id.isdecimal() else None
        if guild is None or not wanted:
            return None
        name = wanted.removeprefix("#")
        id_ = self._gateway.members.names.meant(space, "channel", name)
        if id_ is not None:
            return next((c for c in guild.text_channels if str(c.id) == id_), None)
        found = (c for c in guild.text_channels if str(c.id) == name or c.name == name)
        return next(found, None)

    async def _told(self, member: Member, panel: Panel) -> None:
        """In private where they are now; else by direct message, for they began it."""
        until, interaction = self._met.get(member.id, (0, None))
        if interaction is not None and self._bot.clock.now() < until:
            try:
                await interaction.followup.send(**Frame(panel=panel).sent(), ephemeral=True)
            except (discord.HTTPException, OSError):
                self._met.pop(member.id, None)
            else:
                return
        try:
            user = self._gateway.get_user(int(member.id))
            user = user or await self._gateway.fetch_user(int(member.id))
            await user.send(**Frame(panel=panel).sent())
        except (discord.HTTPException, OSError, ValueError) as error:
            _log.info("discord: a member could not be told: %s", error)

    async def arrived(self, guild: discord.Guild) -> None:
        """One short note in a new server, for whoever can set the bot up; never a second one."""
        space = space_of(guild.id)
        governing = self._bot.quotas.governing
        if governing.flag(space.key, "greeted"):
            return
        with suppress(StoreUnavailableError):
            await governing.keep(space.key, "greeted", "", "1")
        words = self._gateway.words_for(Member(space, ""), guild.preferred_locale)
        channel = _open_channel(guild)
        if channel is None:
            _log.info("discord: %s has no channel for a note", guild.id)
            return
        try:
            await channel.send(**Frame(panel=say.welcome(words)).sent(), silent=True)
        except (discord.HTTPException, OSError) as error:
            _log.info("discord: the note in %s could not be shown: %s", guild.id, error)


def _open_channel(guild: discord.Guild) -> discord.TextChannel | None:
    """The channel for notices of Discord itself, else the first one in which the bot may write."""
    for channel in (guild.system_channel, *guild.text_channels):
        may = channel.permissions_for(guild.me) if channel is not None else None
        if channel is not None and may is not None and may.view_channel and may.send_messages:
            return channel
    return None
