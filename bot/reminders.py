"""Telling a member that their limit has opened again: only who asked for it, also after a restart.

Kept in the books as a flag beside the settings, one for each member, gone a day after the limit
opened: nobody wants to be told last week's news. The console tells whoever sits there.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress

from bot.messages import CONSOLE
from bot.settings import Settings
from quota.errors import BadRuleError, StoreUnavailableError
from quota.governing import EVERYWHERE
from quota.members import Member, Requester
from quota.quotas import Quotas
from quota.verdicts import Refused
from quota.waiting import Fresh

_log = logging.getLogger(__name__)

NAME = "reminder"
LATE_MS = 24 * 3_600_000


class Reminders:
    """Remembers who wants to be told, and tells them once."""

    def __init__(self, quotas: Quotas, settings: Settings) -> None:
        """Nobody is to be told before `restore`."""
        self._quotas = quotas
        self._settings = settings
        self._dropping: set[asyncio.Task[None]] = set()

    def restore(self) -> None:
        """Take up what was kept before a restart; the upkeep job finds it when its time comes."""
        for wallet, text in self._quotas.governing.flags(EVERYWHERE, NAME).items():
            try:
                member, kept = Member.from_wallet(wallet), json.loads(text)
                requester = Requester(member, tuple(kept["roles"]), kept["channel"])
                limits = self._quotas.policy(member.space.key).limits
                limit = next((x for x in limits if x.id == kept["limit"]), None)
                refused = Refused("period_used", limit, opens_at=kept["opens_at"])
            except (BadRuleError, ValueError, KeyError, TypeError):
                _log.warning("a reminder of another version was left out")
                continue
            self._quotas.shut.note(requester, refused)

    async def refused(self, requester: Requester, refused: Refused) -> None:
        """Somebody was refused: keep that for who wants to be told when it is over."""
        if refused.opens_at is None or not self._wanted(requester.member):
            return
        kept = {
            "opens_at": refused.opens_at,
            "limit": refused.limit.id if refused.limit is not None else "",
            "roles": requester.roles,
            "channel": requester.channel,
        }
        text, until = json.dumps(kept, separators=(",", ":")), refused.opens_at + LATE_MS
        # A reminder that is not kept is still given, unless the bot is restarted before.
        with suppress(StoreUnavailableError):
            await self._keep(requester.member, text, until)

    async def asked(self, requester: Requester) -> None:
        """Somebody asks to be told after they were refused."""
        fresh = self._quotas.shut.of(requester.member.wallet)
        if fresh is not None:
            await self.refused(requester, fresh.refused)

    def opened(self, fresh: Fresh, listeners: Sequence[Callable[[Fresh], None]]) -> None:
        """A limit has opened: tell whoever wants to know, through every platform that listens."""
        member = fresh.requester.member
        if member.space.platform == CONSOLE or self._wanted(member):
            for listener in listeners:
                listener(fresh)
        if self._quotas.governing.flag(EVERYWHERE, NAME, member.wallet):
            task = asyncio.create_task(self._drop(member))
            self._dropping.add(task)
            task.add_done_callback(self._dropping.discard)

    async def close(self) -> None:
        """Wait until what was told is written down as told."""
        if self._dropping:
            await asyncio.wait(self._dropping)

    def _wanted(self, member: Member) -> bool:
        return member.space.platform != CONSOLE and self._settings.member(member).notify_reset

    async def _drop(self, member: Member) -> None:
        # What is told twice is better than what is never told.
        with suppress(StoreUnavailableError):
            await self._keep(member, "")

    async def _keep(self, member: Member, text: str, until: int | None = None) -> None:
        await self._quotas.governing.keep(EVERYWHERE, NAME, member.wallet, text, until)
