"""What stands beside the bot's name: idle while a budget that all share is used up."""

import asyncio
import logging
from typing import TYPE_CHECKING

import discord

from bot import text_discord as say
from bot.messages import Answer, End, Refusal
from quota.clock import pause

if TYPE_CHECKING:
    from adapters.discord.gateway import Gateway

_log = logging.getLogger(__name__)

# A presence is the same in every server, so a server's own pool shows only where it is alone.
_EVERYWHERE = "house"
AGAIN_MS = 10 * 60_000


class Presence:
    """Never sticks: it ends with the next answer, and when the budget opens."""

    def __init__(self, gateway: "Gateway") -> None:
        """As Discord has it: online."""
        self._gateway = gateway
        self._is_idle = False
        self._waking: asyncio.Task[None] | None = None

    async def ended(self, end: End | None) -> None:
        """An ask has come to this end."""
        match end:
            case Refusal(refused) if refused.reason == "pool_used" and refused.limit is not None:
                kind = refused.limit.scope.kind
                alone = len(self._gateway.guilds) == 1
                if kind == _EVERYWHERE or (kind == "space" and alone):
                    await self._idle(refused.opens_at)
            case Answer():
                await self._online()
            case _:
                pass

    def close(self) -> None:
        """Wait for nothing any more."""
        if self._waking is not None:
            self._waking.cancel()

    async def _idle(self, opens_at: int | None) -> None:
        if self._is_idle:
            return
        self._is_idle = True
        activity = discord.CustomActivity(say.POOL_USED)
        await self._gateway.change_presence(status=discord.Status.idle, activity=activity)
        self._waking = asyncio.create_task(self._wake(opens_at))

    async def _wake(self, opens_at: int | None) -> None:
        now = self._gateway.bot.clock.now()
        await pause(self._gateway.bot.clock, AGAIN_MS if opens_at is None else opens_at - now)
        self._waking = None
        await self._online()

    async def _online(self) -> None:
        if not self._is_idle:
            return
        self._is_idle = False
        self.close()
        await self._gateway.change_presence(status=discord.Status.online, activity=None)
