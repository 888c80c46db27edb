"""Where the messages of one answer go: a channel, or the response to an interaction.

A place sends what it is given and tells failures apart by what can be done about them; when to
send, and what, is decided in stream.py.
"""

import io
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import aiohttp
import discord

from adapters.discord import panels
from adapters.discord.throttle import Throttle
from bot.panels import Action, Panel
from quota.clock import Clock

# A token is good for 15 minutes; one is left so that nothing is on its way when it ends.
TOKEN_MS = 14 * 60_000
FILE_NAME = "answer.md"

Trouble = Literal[
    "again",  # the network, or Discord itself: what is sent again may arrive
    "gone",  # this message can be edited no more; a new one can be sent
    "closed",  # nothing can be sent here any more
    "expired",  # the token of the interaction has ended
    "refused",  # Discord does not take this content; something plainer may pass
]

_GONE = {10008, 30046, 50005, 50083}
_NO_REPLIES = 160002
_EXPIRED = {10015, 10062, 50027}
_CLOSED = {10003, 10004, 50001, 50007, 50013, 50278, 160005, 20016}


def trouble_of(error: BaseException) -> Trouble:
    """What can be done about a failure."""
    if isinstance(error, discord.HTTPException):
        if error.code in _GONE:
            return "gone"
        if error.code in _EXPIRED:
            return "expired"
        if error.code in _CLOSED or isinstance(error, discord.Forbidden | discord.NotFound):
            return "closed"
        if error.status >= 500 or error.status == 429:  # noqa: PLR2004 - HTTP
            return "again"
        return "refused"
    if isinstance(error, discord.RateLimited | aiohttp.ClientError | OSError):
        return "again"
    return "refused"


@dataclass(frozen=True, slots=True)
class Frame:
    """What one message shows: text with buttons below and a file, or else a card."""

    text: str = ""
    actions: tuple[Action, ...] = ()
    file: str = field(default="", repr=False)
    panel: Panel | None = None
    files: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)

    def sent(self) -> dict[str, Any]:
        """The arguments of a send."""
        if self.panel is not None:
            names = [name for name, _ in self.files]
            return {"view": panels.card(self.panel, names), "files": self._attached()}
        found: dict[str, Any] = {"content": self.text or None}
        view, files = panels.buttons(self.actions), self._attached()
        return found | ({"view": view} if view else {}) | ({"files": files} if files else {})

    def edited(self) -> dict[str, Any]:
        """The arguments of an edit; whatever was there before is replaced."""
        if self.panel is not None:
            return {"view": panels.card(self.panel)}
        files = self._attached()
        found = {"content": self.text, "view": panels.buttons(self.actions)}
        return found | ({"attachments": files} if files else {})

    def _attached(self) -> list[discord.File]:
        texts = ((FILE_NAME, self.file.encode()),) if self.file else ()
        return [discord.File(io.BytesIO(data), name) for name, data in (*texts, *self.files)]


def nonce_of(event: str, number: int) -> str:
    """By which Discord knows the message of this number again, sent twice for the same event."""
    return f"{event}-{number}"[:25]


class Place(Protocol):
    """One answer's messages, numbered from 0."""

    @property
    def bucket(self) -> str:
        """The rate limit that its messages share with others."""

    @property
    def channel_id(self) -> int:
        """Where they can be seen."""

    @property
    def is_lasting(self) -> bool:
        """Whether the bot can change these messages for as long as they are there."""

    @property
    def is_private(self) -> bool:
        """Whether only one person sees them."""

    async def turn(self, urgent: Callable[[], bool]) -> None:
        """Return when something may be sent; what it is should be decided only then.

        `urgent`: it is the end of an answer, and goes before what is only on the way to one.
        """

    async def post(self, number: int, frame: Frame, *, silent: bool) -> int:
        """Send a new message; its id."""

    async def edit(self, message: int, frame: Frame) -> None:
        """Change a message."""

    async def typing(self) -> None:
        """Show that something is on its way."""


class ChannelPlace:
    """A channel, a thread, or a direct message: each message replies to the one before it."""

    def __init__(
        self,
        channel: discord.abc.Messageable,
        channel_id: int,
        nonce: str,
        throttle: Throttle,
        *,
        question: int | None = None,
        opened: Callable[[], Awaitable[discord.abc.Messageable]] | None = None,
    ) -> None:
        """Reply to `question`; `opened` makes the thread to write in, when there is a first word.

        The nonce makes it harmless that a send is repeated whose answer was lost.
        """
        self._channel = channel
        self._id = channel_id
        self._nonce = nonce
        self._throttle = throttle
        self._last = question
        self._replies = True
        self._opened = opened

    @property
    def bucket(self) -> str:
        """See Place."""
        return str(self._id)

    @property
    def channel_id(self) -> int:
        """See Place."""
        return self._id

    @property
    def is_lasting(self) -> bool:
        """See Place."""
        return True

    @property
    def is_private(self) -> bool:
        """See Place."""
        return False

    async def turn(self, urgent: Callable[[], bool]) -> None:
        """See Place."""
        await self._throttle.turn(urgent)

    async def post(self, number: int, frame: Frame, *, silent: bool) -> int:
        """See Place."""
        await self._open()
        try:
            sent = await self._send(number, frame, silent=silent)
        except discord.HTTPException as error:
            if error.code != _NO_REPLIES or self._last is None:
                raise
            # Without the right to read what was said here, there can be no reply to it.
            self._replies, self._last = False, None
            await self._throttle.turn()
            sent = await self._send(number, frame, silent=silent)
        self._last = sent if self._replies else None
        return sent

    async def _send(self, number: int, frame: Frame, *, silent: bool) -> int:
        more: dict[str, Any] = {}
        if self._last is not None:
            more["reference"] = discord.MessageReference(
                message_id=self._last, channel_id=self._id, fail_if_not_exists=False
            )
        sent = await self._channel.send(
            **frame.sent(),
            **more,
            silent=silent,
            nonce=nonce_of(self._nonce, number),
            suppress_embeds=frame.panel is None,
        )
        if frame.panel is None and sent.content.strip() != frame.text.strip():
            # The nonce has brought the message of a process that died before it knew of it.
            await self._throttle.turn()
            await self.edit(sent.id, frame)
        return sent.id

    async def edit(self, message: int, frame: Frame) -> None:
        """See Place."""
        channel: Any = self._channel
        await channel.get_partial_message(message).edit(**frame.edited())

    async def typing(self) -> None:
        """See Place."""
        await self._throttle.turn()
        await self._channel.typing()

    async def _open(self) -> None:
        if self._opened is None:
            return
        opened: Any = await self._opened()
        if opened.id != self._id:
            # In a thread of its own there is nothing to reply to.
            self._channel, self._id, self._last = opened, opened.id, None
        self._opened = None


class InteractionPlace:
    """The response to an interaction that was deferred; after 14 minutes, the channel.

    What only one person sees must not turn up in the channel: it is closed then.
    """

    def __init__(
        self,
        interaction: discord.Interaction[Any],
        clock: Clock,
        *,
        private: bool,
        later: ChannelPlace | None = None,
        filled: bool = False,
    ) -> None:
        """Fill the deferred response first (unless `filled`), then follow up."""
        self._interaction = interaction
        self._clock = clock
        self._private = private
        self._later = None if private else later
        self._until = clock.now() + TOKEN_MS
        self._original: int | None = None
        self._filled = filled

    @property
    def bucket(self) -> str:
        """See Place."""
        return f"interaction {self._interaction.id}"

    @property
    def channel_id(self) -> int:
        """See Place."""
        return self._interaction.channel_id or 0

    @property
    def is_lasting(self) -> bool:
        """See Place."""
        return self._later is not None

    @property
    def is_private(self) -> bool:
        """See Place."""
        return self._private

    async def turn(self, urgent: Callable[[], bool]) -> None:
        """See Place; what answers an interaction is not counted."""
        if self._later is not None and self._has_ended:
            await self._later.turn(urgent)

    async def post(self, number: int, frame: Frame, *, silent: bool) -> int:
        """See Place."""
        if self._later is None:
            return await self._post(frame, silent=silent)
        if not self._has_ended:
            try:
                return await self._post(frame, silent=silent)
            except discord.HTTPException as error:
                self._ended_by(error)
        return await self._later.post(number, frame, silent=silent)

    async def edit(self, message: int, frame: Frame) -> None:
        """See Place."""
        if self._later is None:
            await self._edit(message, frame)
            return
        if not self._has_ended:
            try:
                await self._edit(message, frame)
            except discord.HTTPException as error:
                self._ended_by(error)
            else:
                return
        # A message of a response is one of the bot's own, where it is in the channel.
        await self._later.edit(message, frame)

    def _ended_by(self, error: discord.HTTPException) -> None:
        """The token has ended before its time; anything else is not for here."""
        if trouble_of(error) != "expired":
            raise error
        self._until = self._clock.now()

    async def _post(self, frame: Frame, *, silent: bool) -> int:
        if not self._filled:
            response = frame.sent() if frame.panel is not None else frame.edited()
            if "files" in response:
                response["attachments"] = response.pop("files")
            message = await self._interaction.edit_original_response(**response)
            self._filled = True
            self._original = message.id
            return message.id
        sent = await self._interaction.followup.send(
            **frame.sent(),
            wait=True,
            ephemeral=self._private,
            silent=silent,
            suppress_embeds=frame.panel is None,
        )
        return int(sent.id)

    async def _edit(self, message: int, frame: Frame) -> None:
        if message == self._original:
            await self._interaction.edit_original_response(**frame.edited())
        else:
            await self._interaction.followup.edit_message(message, **frame.edited())

    async def typing(self) -> None:
        """Discord itself says that the bot is thinking."""

    @property
    def _has_ended(self) -> bool:
        return self._clock.now() >= self._until


def ids(messages: Sequence[int]) -> tuple[str, ...]:
    """Ids as the bot keeps them."""
    return tuple(map(str, messages))
