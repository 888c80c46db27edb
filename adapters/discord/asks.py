"""A message of Discord: whether it is meant for the bot, what it says, what it continues."""

import re
from collections.abc import Container, Sequence
from typing import Any

import discord

from adapters.discord.panels import cut
from bot.messages import Utterance
from bot.settings import ChannelMode

# Reading a conversation again asks Discord at most so often, and for so many messages.
STEPS_MAX = 25
HISTORY_MAX = 50
THREAD_NAME_CHARS_MAX = 60
_KINDS = (discord.MessageType.default, discord.MessageType.reply)
_TOKEN = re.compile(r"<(@!?|@&|#)(\d{1,20})>")
_QUOTED = re.compile(r"\A(?:> .*(?:\n|\Z))+")


def is_talk(message: discord.Message) -> bool:
    """Whether a person said something: no bot, no webhook, no notice of Discord itself."""
    return not message.author.bot and message.webhook_id is None and message.type in _KINDS


def is_meant(
    message: discord.Message,
    me: discord.ClientUser,
    mode: ChannelMode,
    threads: Container[int] = frozenset(),
) -> bool:
    """Whether a message is for the bot, as the mode of its channel has it.

    `threads` are those in which it has spoken since it was started.
    """
    if message.guild is None:
        return True
    if mode == "off":
        return False
    if mentions(message, me):
        return True
    if mode == "mention":
        return False
    if _answers(message, me):
        return True
    # In a thread in which the bot speaks, whoever names others is talking to them.
    return (
        mode in {"thread", "auto-thread"}
        and isinstance(message.channel, discord.Thread)
        and _speaks_in(message.channel, me, threads)
        and not message.mentions
    )


def _speaks_in(thread: discord.Thread, me: discord.ClientUser, threads: Container[int]) -> bool:
    return thread.me is not None or thread.owner_id == me.id or thread.id in threads


def mentions(message: discord.Message, me: discord.ClientUser) -> bool:
    """Whether the bot is named, itself or by the role that Discord made for it."""
    if any(user.id == me.id for user in message.mentions):
        return True
    return any(
        role.tags is not None and role.tags.bot_id == me.id for role in message.role_mentions
    )


def _answers(message: discord.Message, me: discord.ClientUser) -> bool:
    found = message.reference.resolved if message.reference is not None else None
    return isinstance(found, discord.Message) and found.author.id == me.id


def text_of(message: discord.Message, me: discord.ClientUser) -> str:
    """What was said, with names for numbers and without calling the bot."""
    forwarded = (part for one in message.message_snapshots for part in one.content.splitlines())
    texts = (_named(message, message.content, me), *(f"> {part}" for part in forwarded))
    return "\n".join(filter(None, texts)).strip()


def _named(message: discord.Message, text: str, me: discord.ClientUser) -> str:
    users = {user.id: user.display_name for user in message.mentions}
    roles = {role.id: role for role in message.role_mentions}

    def name(match: re.Match[str]) -> str:
        kind, number = match[1], int(match[2])
        if kind == "#":
            channel = message.guild.get_channel_or_thread(number) if message.guild else None
            return f"#{channel.name}" if channel is not None else match[0]
        if kind == "@&":
            role = roles.get(number)
            if role is not None and role.tags is not None and role.tags.bot_id == me.id:
                return ""
            return f"@{role.name}" if role is not None else match[0]
        if number == me.id:
            return ""
        return f"@{users[number]}" if number in users else match[0]

    return _TOKEN.sub(name, text).strip()


def answered(text: str) -> str:
    """An answer of the bot as the model gave it: without what the bot wrote around it."""
    lines = [line for line in text.splitlines() if not line.startswith("-# ")]
    return _QUOTED.sub("", "\n".join(lines)).strip()


def quote(text: str, at_most: int) -> str:
    """A question above its answer, on one line."""
    return f"> {cut(' '.join(text.split()), at_most)}"


def quoted(text: str) -> str:
    """The question that `quote` wrote above an answer."""
    found = _QUOTED.match(text)
    return found[0].removeprefix("> ").strip() if found is not None else ""


def parent_of(message: discord.Message) -> str:
    """The id of the message that this one replies to."""
    reference = message.reference
    if reference is None or reference.message_id is None:
        return ""
    is_reply = message.type is discord.MessageType.reply
    return str(reference.message_id) if is_reply else ""


def place_of(channel: Any) -> tuple[str, str, str]:
    """The name and id of the channel whose rules hold here, and the thread or conversation."""
    if isinstance(channel, discord.Thread):
        parent = channel.parent
        name = parent.name if parent is not None else channel.name
        return name, str(channel.parent_id), str(channel.id)
    if getattr(channel, "guild", None) is None:
        return "direct", str(channel.id), str(channel.id)
    # A channel that is not known yet has an id and no name.
    return str(getattr(channel, "name", channel.id)), str(channel.id), ""


def thread_name(text: str) -> str:
    """The first words of a question."""
    words = " ".join(text.split())
    if len(words) <= THREAD_NAME_CHARS_MAX:
        return words or "…"
    return words[:THREAD_NAME_CHARS_MAX].rsplit(" ", 1)[0] + "…"


class Past:
    """Reads a conversation from Discord, for what the bot no longer remembers."""

    def __init__(
        self,
        me: discord.ClientUser,
        channel: Any,
        *,
        known: Sequence[discord.Message] = (),
    ) -> None:
        """Read in this channel; `known` messages need not be asked for."""
        self._me = me
        self._channel = channel
        self._is_direct = getattr(channel, "guild", None) is None
        self._known = {str(message.id): message for message in known}

    async def __call__(self, message: str, at_most: int) -> Sequence[Utterance]:
        """See bot.messages.Earlier; raises what Discord had, such as that nothing may be read."""
        at_most = min(at_most, HISTORY_MAX)
        if isinstance(self._channel, discord.Thread) or self._is_direct:
            found = await self._history(message, at_most)
        else:
            found = await self._chain(message, at_most)
        return [self._said(m) for m in found if m.content or m.attachments]

    async def _chain(self, message: str, at_most: int) -> list[discord.Message]:
        """From reply to reply, back to the first."""
        found: list[discord.Message] = []
        while message and len(found) < min(at_most, STEPS_MAX):
            known = self._known.get(message)
            if known is None:
                try:
                    known = await self._channel.fetch_message(int(message))
                except discord.NotFound:
                    break
            found.append(known)
            message = parent_of(known)
            replied = known.reference.resolved if known.reference is not None else None
            if isinstance(replied, discord.Message):
                self._known[str(replied.id)] = replied
        return found[::-1]

    async def _history(self, message: str, at_most: int) -> list[discord.Message]:
        """What stands above in a thread or a direct message, the first post of a thread too."""
        before = discord.Object(int(message) + 1) if message else None
        found = [m async for m in self._channel.history(limit=at_most, before=before)]
        found = [m for m in found if m.type in _KINDS]
        starter = getattr(self._channel, "starter_message", None)
        if starter is not None and len(found) < at_most:
            found.append(starter)
        return found[::-1]

    def _said(self, message: discord.Message) -> Utterance:
        key, parent = str(message.id), parent_of(message)
        if message.author.id == self._me.id:
            return Utterance(key, "assistant", answered(message.content), parent)
        text, author = text_of(message, self._me), message.author.display_name
        return Utterance(key, "user", text, parent, author)
