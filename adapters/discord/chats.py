"""What people say to the bot: from an event to an ask, and the one answer to it."""

import asyncio
import json
import logging
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import discord

from adapters.discord import asks, files
from adapters.discord.asks import Past
from adapters.discord.members import OWN, space_of
from adapters.discord.place import TOKEN_MS, ChannelPlace, Place
from adapters.discord.stream import Reply
from bot import text_discord as say
from bot.messages import Ask, Failure, Files
from bot.outcome import reference
from bot.settings import ChannelMode
from bot.text import Words
from quota.clock import pause
from quota.errors import StoreUnavailableError
from quota.members import Requester

if TYPE_CHECKING:
    from adapters.discord.gateway import Gateway

_log = logging.getLogger(__name__)

# Discord tells an event again after a lost connection; the newest are known by their ids.
SEEN_MAX = 10_000
LAST_MAX = 1_000
# What a conversation was begun with is kept for as long as people come back to one.
BEGUN, BEGUN_MS = "begun", 30 * 86_400_000
THREAD_MINUTES: Literal[1440] = 1_440


class Asked(NamedTuple):
    """A question, and whether it was asked for nobody else to see."""

    ask: Ask
    is_private: bool


class Chats:
    """Answers messages, /ask, and questions that are asked again."""

    def __init__(self, gateway: "Gateway") -> None:
        """Answer for this connection."""
        self._gateway = gateway
        self._bot = gateway.bot
        self._seen: OrderedDict[int, None] = OrderedDict()
        self._told: set[tuple[str, str]] = set()
        self._threads: set[int] = set()
        self._untitled: OrderedDict[int, None] = OrderedDict()
        self._last: dict[tuple[str, int], Asked] = {}
        self._bot.chat.talks.on_forgotten.append(self._forget)

    # Messages.

    def mode_for(self, message: discord.Message) -> ChannelMode | None:
        """The mode of the channel in which this is for the bot; None: it is not, or is no news.

        Nearly all messages are for others, so this is no work of its own.
        """
        me = self._gateway.user
        if me is None or not asks.is_talk(message) or not self._is_new(message.id):
            return None
        mode = self.mode_of(message.guild, message.channel)
        return mode if asks.is_meant(message, me, mode, self._threads) else None

    async def heard(self, message: discord.Message, mode: ChannelMode) -> None:
        """Answer a message that is for the bot."""
        me = self._gateway.user
        assert me is not None, "who is meant has a name"
        text = asks.text_of(message, me)
        if not text and not message.attachments:
            return
        requester = self._requester(message)
        await self.know(requester, is_home=message.guild is not None)
        words = self._words(message, requester)
        found = await self.files_of(requester, message.attachments, words)
        in_own_thread = mode == "auto-thread" and _can_open_thread(message)
        _, channel_id, thread = asks.place_of(message.channel)
        ask = Ask(
            str(message.id),
            requester,
            text,
            thread=str(message.id) if in_own_thread else thread,
            author=message.author.display_name,
            channel_id=channel_id,
            place=message.guild.name if message.guild is not None else "",
            message=str(message.id),
            parent=asks.parent_of(message),
            earlier=Past(me, message.channel, known=_referenced(message)),
        ).carrying(found)
        if in_own_thread:
            ask = replace(ask, entitle=partial(self._entitled, message.id))
        elif thread:
            ask = self._as_begun(ask, message.channel.id)
        place = ChannelPlace(
            message.channel,
            message.channel.id,
            str(message.id),
            self._gateway.throttle,
            question=message.id,
            opened=(lambda: self._thread(message, text)) if in_own_thread else None,
        )
        if thread:
            self._threads.add(message.channel.id)
        await self.answer(ask, place, words)

    async def begins(self, conversation: int, model: str, persona: str) -> None:
        """From now on a thread or direct conversation has this model and persona."""
        value = json.dumps([model, persona]) if model or persona else ""
        until = self._bot.clock.now() + BEGUN_MS
        governing = self._bot.quotas.governing
        if value or governing.flag(OWN, BEGUN, str(conversation)):
            await governing.keep(OWN, BEGUN, str(conversation), value, until)

    def lacks_title(self, thread: int) -> None:
        """A thread was opened that nobody has given a title."""
        self._untitled[thread] = None
        if len(self._untitled) > LAST_MAX:
            self._untitled.popitem(last=False)

    async def _entitled(self, thread: int, title: str) -> None:
        """Give a thread that the bot opened its title; whoever may not is not told."""
        found = self._gateway.get_channel(thread)
        if isinstance(found, discord.Thread):
            with suppress(discord.HTTPException):
                await found.edit(name=title)

    def _as_begun(self, ask: Ask, conversation: int) -> Ask:
        """With the model and persona that `/chat new` chose, where this member may use them.

        A thread that was begun without a title gets one with its first answer.
        """
        if conversation in self._untitled:
            del self._untitled[conversation]
            ask = replace(ask, entitle=partial(self._entitled, conversation))
        kept = self._bot.quotas.governing.flag(OWN, BEGUN, str(conversation))
        if not kept:
            return ask
        name, persona = json.loads(kept)
        chat = self._bot.chat
        model = chat.models.find(name) if name else None
        may = model is not None and chat.choosing.may_use(ask.requester, model)
        return replace(ask, model=name if may else "", persona=persona)

    def mode_of(self, guild: discord.Guild | None, channel: Any) -> ChannelMode:
        """When the bot answers here: as the admins chose, else as the operator did."""
        if guild is None:
            return "reply"
        _, channel_id, _ = asks.place_of(channel)
        space = space_of(guild.id)
        chosen = self._bot.settings.channel(space, channel_id).mode
        config = self._bot.config
        named = config.channels.get(channel_id)
        if config.channels and named is None:
            named = config.channels.get(self._gateway.members.channel_of(space, channel))
        usual = config.discord.mode if config.discord is not None else "mention"
        return chosen or (named.mode if named is not None else "") or usual

    async def files_of(
        self, requester: Requester, attachments: Sequence[discord.Attachment], words: Words
    ) -> Files:
        """What goes along; nothing is fetched for somebody who is going to be refused."""
        if self._bot.chat.is_full(requester):
            return files.untaken(attachments, words)
        return await files.taken(attachments, words)

    def _is_new(self, event: int) -> bool:
        if event in self._seen:
            return False
        self._seen[event] = None
        if len(self._seen) > SEEN_MAX:
            self._seen.popitem(last=False)
        return True

    def _requester(self, message: discord.Message) -> Requester:
        if isinstance(message.author, discord.Member):
            return self._gateway.members.in_guild(message.author, message.channel)
        return self._gateway.members.in_direct(message.author)

    def _words(self, message: discord.Message, requester: Requester) -> Words:
        locale = message.guild.preferred_locale if message.guild is not None else ""
        return self._gateway.words_for(requester.member, locale)

    async def know(self, requester: Requester, *, is_home: bool) -> None:
        """Remember who it is and where they are at home; an answer does not wait for it to work."""
        self._bot.commands.meet(requester)
        if is_home:
            with suppress(StoreUnavailableError):
                await self._gateway.members.came_home(requester)

    async def _thread(self, message: discord.Message, text: str) -> discord.abc.Messageable:
        """The thread below a question; the channel itself where there may be none."""
        try:
            return await message.create_thread(
                name=asks.thread_name(text), auto_archive_duration=THREAD_MINUTES
            )
        except discord.HTTPException as error:
            known = self._gateway.get_channel(message.id)
            if isinstance(known, discord.Thread):
                return known
            words = self._words(message, self._requester(message))
            self.tell_once(message.channel, words.say(say.NO_THREADS), error)
            return message.channel

    # Answers.

    def last_of(self, requester: Requester, channel: Any) -> Asked | None:
        """The last question of a member in a channel or thread, as long as the bot runs."""
        return self._last.get((requester.member.wallet, getattr(channel, "id", 0)))

    async def answer(self, ask: Ask, place: Place, words: Words, *, head: str = "") -> None:
        """Have an ask answered there; whatever breaks, it gets its one end."""
        chat, unfinished = self._bot.chat, self._gateway.unfinished
        answer = f"{place.channel_id}/{ask.id}"

        async def grows(message: int) -> None:
            await unfinished.grows(answer, place.channel_id, message)

        reply = Reply(
            place,
            self._gateway.pacer,
            self._bot.clock,
            stop=chat.stop_action(ask, words),
            words=words,
            head=head,
            grows=grows if place.is_lasting else None,
        )
        self._keep_last(ask, place)
        reply.begin()
        if place.is_lasting:
            unfinished.begun(answer, ask.message)
        late = None if place.is_lasting else asyncio.create_task(self._stop_late(ask))
        try:
            await chat.handle(ask, reply, words)
        except Exception:  # a mistake of ours must not leave a question without an answer
            ref = reference()
            _log.exception("a message could not be answered ref=%s", ref)
            await reply.finish(Failure("internal", words.internal(ref)))
        if isinstance(reply.lost, discord.Forbidden):
            self._gateway.notices.shut_out(ask.requester.member.space, place.channel_id)
        if late is not None:
            late.cancel()
        if place.is_lasting:
            await unfinished.ended(answer)
        with suppress(ConnectionError):
            await self._gateway.presence.ended(reply.end)

    async def _stop_late(self, ask: Ask) -> None:
        """What only one person sees ends with its token: what there is then is shown, and paid."""
        await pause(self._bot.clock, TOKEN_MS)
        self._bot.chat.stop(ask.event)

    def left(self, guild: discord.Guild) -> None:
        """Forget what was kept in mind of a server that sent the bot away."""
        self._threads -= {thread.id for thread in guild.threads}
        mine = space_of(guild.id)
        self._last = {k: a for k, a in self._last.items() if a.ask.requester.member.space != mine}

    def _keep_last(self, ask: Ask, place: Place) -> None:
        key = (ask.requester.member.wallet, place.channel_id)
        self._last.pop(key, None)
        self._last[key] = Asked(ask, place.is_private)
        if len(self._last) > LAST_MAX:
            del self._last[next(iter(self._last))]

    def _forget(self, wallet: str) -> None:
        """A member had all that they said forgotten."""
        self._last = {key: asked for key, asked in self._last.items() if key[0] != wallet}

    def tell_once(self, channel: Any, what: str, error: BaseException) -> None:
        """Say that something may not be done in a channel, once for as long as the bot runs."""
        key = (str(channel.id), what)
        _log.info("discord: %s (%s)", what, type(error).__name__)
        if key not in self._told:
            self._told.add(key)
            self._gateway.start_work(self._tell(channel, what))

    async def _tell(self, channel: Any, what: str) -> None:
        with suppress(discord.HTTPException, OSError):
            await channel.send(content=f"-# {what}", silent=True)


def _can_open_thread(message: discord.Message) -> bool:
    return isinstance(message.channel, discord.TextChannel)


def _referenced(message: discord.Message) -> list[discord.Message]:
    found = message.reference.resolved if message.reference is not None else None
    return [message, found] if isinstance(found, discord.Message) else [message]
