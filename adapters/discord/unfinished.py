"""Answers that a dead process left half written: each gets its end when the bot is back.

While an answer grows, the books know its message; so no Stop is left that stops nothing.
"""

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

import discord

from adapters.discord import panels
from adapters.discord.members import OWN
from adapters.discord.panels import cut, subtext
from quota.errors import StoreUnavailableError

if TYPE_CHECKING:
    from adapters.discord.gateway import Gateway

_log = logging.getLogger(__name__)

_FLAG = "open"
_KEPT_MS = 24 * 3_600_000
_CHARS_MAX = 1_700


class Unfinished:
    """The messages of this bot that still grow."""

    def __init__(self, gateway: "Gateway") -> None:
        """Kept with the bot's own things, for they are of no single server."""
        self._gateway = gateway
        self._governing = gateway.bot.quotas.governing

    async def begun(self, channel: int, message: int) -> None:
        """From now on this message grows."""
        until = self._gateway.bot.clock.now() + _KEPT_MS
        with suppress(StoreUnavailableError):
            await self._governing.keep(OWN, _FLAG, f"{channel}/{message}", "1", until)

    async def ended(self, channel: int, message: int) -> None:
        """It is whole, or will never be."""
        with suppress(StoreUnavailableError):
            await self._governing.keep(OWN, _FLAG, f"{channel}/{message}", "")

    async def close(self, left: list[str]) -> None:
        """Say below each of them what became of it."""
        for key in left:
            channel, _, message = key.partition("/")
            try:
                await self._close(int(channel), int(message))
            except (discord.HTTPException, OSError) as error:
                _log.info("discord: a half answer stays as it is: %s", error)
            await self.ended(int(channel), int(message))

    async def _close(self, channel: int, message: int) -> None:
        place = self._gateway.get_partial_messageable(channel)
        found = await place.fetch_message(message)
        if not found.components or panels.action_on(found, "stop") is None:
            return  # It came to its end, only the books could not be told any more.
        lines = [line for line in found.content.splitlines() if not line.startswith("-# ")]
        note = subtext(self._gateway.words.interrupted())
        text = cut("\n".join(lines), _CHARS_MAX)
        await found.edit(content=f"{text}\n{note}".strip(), view=None)

    def left(self) -> list[str]:
        """What a process before this one left behind."""
        return list(self._governing.flags(OWN, _FLAG))
