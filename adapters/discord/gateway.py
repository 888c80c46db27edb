"""The connection to Discord: events in, each with a task of its own; and its start and its end."""

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import aiohttp
import discord
import yarl
from discord import app_commands

from adapters.discord import dialect
from adapters.discord.chats import Chats
from adapters.discord.commands import plant, sync_if_changed
from adapters.discord.members import OWN, Members
from adapters.discord.notices import Notices
from adapters.discord.panels import DYNAMIC_ITEMS
from adapters.discord.presence import Presence
from adapters.discord.presses import Presses
from adapters.discord.throttle import Throttle
from adapters.discord.translator import Translator
from adapters.discord.unfinished import Unfinished
from bot import text_discord as say
from bot.bot import Bot
from bot.config_values import ConfigError, DiscordConfig
from bot.pacing import Pacer
from bot.text import Words
from quota.clock import pause
from quota.errors import StoreUnavailableError
from quota.members import Member, Requester
from quota.waiting import whole

_log = logging.getLogger(__name__)

# Discord takes five new messages in five seconds in one channel, and as many edits.
SLOT_MS = 1_000
BURST = 5
MESSAGES_KEPT = 1_000
PACERS_MAX = 1_000
# What was generated is settled by then; so long Discord may take to show it.
LEAVE_MS = 30_000
# A machine that has just started may have no network yet. What discord.py raises is none of its
# own errors then, and once it is connected it comes back by itself.
LOST = (aiohttp.ClientError, OSError, TimeoutError, discord.DiscordServerError)
TRY_MS = 5_000
# Nobody is pinged by what a model or a member wrote; only the one who is answered.
MENTIONS = discord.AllowedMentions(everyone=False, users=False, roles=False, replied_user=True)


async def serve(bot: Bot) -> None:
    """Serve Discord until cancelled; then running answers end first."""
    config = bot.config.discord
    assert config is not None, "the platform is enabled"
    _point(config)
    # There is no voice here, so nobody needs to be told what it would take.
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
    content = config.message_content
    while True:
        gateway = Gateway(bot, config, content=content)
        try:
            await gateway.serve(config.token)
        except discord.PrivilegedIntentsRequired:
            if not content:
                raise ConfigError([say.INTENTS_REFUSED]) from None
            _log.warning("%s", say.WITHOUT_CONTENT)
            content = False
        except discord.LoginFailure:
            raise ConfigError([say.LOGIN_REFUSED]) from None
        except LOST as error:
            _log.warning("Discord cannot be reached: %s; trying again", error)
            await pause(bot.clock, TRY_MS)
        else:
            return


def _point(config: DiscordConfig) -> None:
    """Speak to another address than Discord's own, where the config names one."""
    if config.api_base:
        discord.http.Route.BASE = config.api_base
    if config.gateway:
        discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(f"{config.gateway}/")


class Gateway(discord.AutoShardedClient):
    """One connection, of as many shards as Discord asks for."""

    def __init__(self, bot: Bot, config: DiscordConfig, *, content: bool) -> None:
        """Not yet connected. `content`: ask for the text of messages that do not name the bot."""
        intents = discord.Intents.none()
        intents.guilds = intents.guild_messages = intents.dm_messages = True
        intents.message_content = content
        super().__init__(
            intents=intents,
            allowed_mentions=MENTIONS,
            max_messages=MESSAGES_KEPT,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            # Nobody waits for all servers to be there: each is served from its first event on.
            guild_ready_timeout=0,
        )
        self.bot = bot
        self._words: dict[str, Words] = {}
        self.members = Members(lambda: bot.config, bot.quotas.governing)
        self.throttle = Throttle(bot.clock)
        self.chats = Chats(self)
        self.notices = Notices(self)
        self.presence = Presence(self)
        self.unfinished = Unfinished(self)
        self.presses = Presses(self)
        self.tree = app_commands.CommandTree(self)
        self._config = config
        self._pacers: dict[tuple[str, bool], Pacer] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._is_leaving = False

    async def serve(self, token: str) -> None:
        """Stay connected until cancelled, or until Discord wants none of it."""
        connection = asyncio.create_task(self.start(token))
        try:
            await asyncio.shield(connection)
        except asyncio.CancelledError:
            await whole(self._leave())
            raise
        finally:
            self.notices.leave()
            # Closing ends it; cancelling alone may be lost in a shard that is just being launched.
            await whole(self.close())
            connection.cancel()
            await asyncio.wait((connection,))

    async def _leave(self) -> None:
        """Take nothing new; let what runs come to its end, and be shown."""
        self._is_leaving = True
        self.notices.leave()
        self.presence.close()
        await self.bot.close()
        with suppress(TimeoutError):
            async with self.bot.clock.timeout(LEAVE_MS):
                while self._running:
                    await asyncio.wait(self._running)

    def start_work(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside; the end of the connection waits for it."""
        if self._is_leaving:
            work.close()
            return
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("an event could not be dealt with", exc_info=task.exception())

    @property
    def reads_all(self) -> bool:
        """Whether messages that do not name the bot can be read."""
        return self.intents.message_content

    def requester(self, interaction: discord.Interaction[Any]) -> Requester:
        """Who used a command, a button or a form, as this very event tells."""
        user = interaction.user
        inside = interaction.guild_id is not None and self.get_guild(interaction.guild_id)
        if inside and isinstance(user, discord.Member):
            self.notices.look_at(interaction.guild)
            return self.members.in_guild(user, interaction.channel, interaction.permissions)
        return self.members.in_direct(user)

    @property
    def words(self) -> Words:
        """The sentences in the operator's language, as the config has it now."""
        return self._words_in(self.bot.config.language)

    def words_for(self, member: Member, locale: object) -> Words:
        """The sentences in the language that a member chose, else that of a locale of Discord."""
        return self._words_in(self.bot.language_of(member, str(locale)))

    def _words_in(self, language: str) -> Words:
        if language not in self._words:
            self._words[language] = dialect.words_of(self.bot.clock, language)
        return self._words[language]

    def pacer(self, bucket: str, creates: bool) -> Pacer:  # noqa: FBT001 - read as a pair
        """The one that shares out a rate limit: of a place, for new messages or for edits."""
        found = self._pacers.get((bucket, creates))
        if found is None:
            if len(self._pacers) >= PACERS_MAX:
                self._pacers = {k: p for k, p in self._pacers.items() if not p.is_idle}
            found = Pacer(self.bot.clock, SLOT_MS, BURST, at_once=creates)
            self._pacers[bucket, creates] = found
        return found

    # Events, as discord.py calls them.

    async def setup_hook(self) -> None:
        """Before the first event: what the commands are, told to Discord where that is news."""
        await self.tree.set_translator(Translator())
        plant(self.tree, self.presses)
        self.add_dynamic_items(*DYNAMIC_ITEMS)
        self.notices.listen()
        self.start_work(self._sync())
        self.start_work(self.unfinished.close(self.unfinished.left()))

    async def on_message(self, message: discord.Message) -> None:
        """Something was said."""
        self.notices.look_at(message.guild)
        mode = self.chats.mode_for(message)
        if mode is not None:
            self.start_work(self.chats.heard(message, mode))

    async def on_guild_join(self, guild: discord.Guild) -> None:
        """A server has invited the bot."""
        self.start_work(self.notices.arrived(guild))

    async def on_guild_available(self, guild: discord.Guild) -> None:
        """A server is there from now on."""
        self.notices.look_at(guild)

    async def on_guild_role_create(self, role: discord.Role) -> None:
        """A name may be that of two now."""
        self.notices.look_again(role.guild)

    async def on_guild_role_update(self, before: discord.Role, after: discord.Role) -> None:
        """What is renamed stays what it is to limits and config."""
        self.notices.renamed(before, after)

    async def on_guild_role_delete(self, role: discord.Role) -> None:
        """A name may be that of one alone now."""
        self.notices.look_again(role.guild)

    async def on_guild_channel_create(self, channel: discord.abc.GuildChannel) -> None:
        """As with roles."""
        self.notices.look_again(channel.guild)

    async def on_guild_channel_update(
        self, before: discord.abc.GuildChannel, after: discord.abc.GuildChannel
    ) -> None:
        """As with roles."""
        self.notices.renamed(before, after)

    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        """As with roles."""
        self.notices.look_again(channel.guild)

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """A server has sent the bot away; its books stay, for it may come back."""
        self.chats.left(guild)

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        """A form came back; commands and buttons find their way by discord.py itself."""
        self.notices.look_at(interaction.guild)
        if interaction.type is discord.InteractionType.modal_submit:
            self.start_work(self.presses.submitted(interaction))

    async def _sync(self) -> None:
        governing = self.bot.quotas.governing
        guild = (
            discord.Object(int(self._config.commands_guild))
            if self._config.commands_guild
            else None
        )
        if guild is not None:
            self.tree.copy_global_to(guild=guild)
        subject = f"{self.application_id} {guild.id if guild else ''}".strip()
        known = governing.flag(OWN, "commands", subject)
        try:
            digest = await sync_if_changed(self.tree, known, guild)
            if digest != known:
                await governing.keep(OWN, "commands", subject, digest)
        except (discord.HTTPException, OSError) as error:
            _log.error("discord: the commands could not be sent: %s", error)
        except StoreUnavailableError:
            _log.warning("discord: what commands Discord knows could not be kept")
