"""Answers that a dead process left half written: each gets its end when the bot is back.

While an answer is on its way, the books know what it answers and in which messages it grows; so no
Stop is left that stops nothing, and nobody is charged for what they will never see without a word.
They are told at once, and so before anything is set aside: what they are asked first is on disk
first. The answer does not wait for that.
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import discord

from adapters.discord import panels
from adapters.discord.members import OWN
from adapters.discord.panels import cut, subtext
from adapters.discord.place import nonce_of
from quota.errors import StoreUnavailableError

if TYPE_CHECKING:
    from adapters.discord.gateway import Gateway

_log = logging.getLogger(__name__)

_FLAG = "open"
_NONE = "-"
_KEPT_MS = 24 * 3_600_000
_CHARS_MAX = 1_700


@dataclass(slots=True)
class _Running:
    """What an answer answers, the channels and messages that show it so far, and its first note."""

    question: str
    shown: list[tuple[int, int]] = field(default_factory=list)
    noting: asyncio.Task[None] | None = None


class Unfinished:
    """The answers of this bot that are on their way.

    Each is kept under its channel and the event it answers, with the message it replies to and
    those that show it so far.
    """

    def __init__(self, gateway: "Gateway") -> None:
        """Kept with the bot's own things, for they are of no single server."""
        self._gateway = gateway
        self._governing = gateway.bot.quotas.governing
        self._running: dict[str, _Running] = {}

    def begun(self, answer: str, question: str) -> None:
        """From now on this is on its way."""
        running = self._running[answer] = _Running(question)
        running.noting = asyncio.create_task(self._note(answer, running))

    async def grows(self, answer: str, channel: int, message: int) -> None:
        """A message of it stands there that is not whole."""
        running = self._running.get(answer)
        if running is not None:
            running.shown.append((channel, message))
            await self._note(answer, running)

    async def ended(self, answer: str) -> None:
        """It is whole, or will never be."""
        running = self._running.pop(answer, None)
        if running is not None and running.noting is not None:
            await running.noting
            await self._forget(answer)

    async def _note(self, answer: str, running: _Running) -> None:
        until = self._gateway.bot.clock.now() + _KEPT_MS
        shown = (f"{where}/{message}" for where, message in running.shown)
        value = " ".join((running.question or _NONE, *shown))
        with suppress(StoreUnavailableError):
            await self._governing.keep(OWN, _FLAG, answer, value, until)

    async def _forget(self, answer: str) -> None:
        with suppress(StoreUnavailableError):
            await self._governing.keep(OWN, _FLAG, answer, "")

    def left(self) -> dict[str, str]:
        """What a process before this one left behind."""
        return dict(self._governing.flags(OWN, _FLAG))

    async def close(self, left: Mapping[str, str]) -> None:
        """Say what became of each: below what is there of it, else in its place."""
        for answer, value in left.items():
            question, *shown = value.split()
            try:
                for one in shown:
                    where, _, message = one.partition("/")
                    await self._close(int(where), int(message))
                if not shown and question != _NONE:
                    await self._tell(answer, int(question))
            except (discord.HTTPException, OSError) as error:
                _log.info("discord: a half answer stays as it is: %s", error)
            await self._forget(answer)

    async def _tell(self, answer: str, question: int) -> None:
        """Nothing was shown yet, or nobody knows of it: then the nonce brings what there is."""
        channel, _, event = answer.partition("/")
        place = self._gateway.get_partial_messageable(int(channel))
        text = self._gateway.words.interrupted()
        reference = discord.MessageReference(
            message_id=question, channel_id=int(channel), fail_if_not_exists=False
        )
        await self._gateway.throttle.turn()
        sent = await place.send(text, reference=reference, nonce=nonce_of(event, 0))
        if sent.content != text:
            await self._close(int(channel), sent.id)

    async def _close(self, channel: int, message: int) -> None:
        place = self._gateway.get_partial_messageable(channel)
        found = await place.fetch_message(message)
        if not found.components or panels.action_on(found, "stop") is None:
            return  # It came to its end, only the books could not be told any more.
        lines = [line for line in found.content.splitlines() if not line.startswith("-# ")]
        note = subtext(self._gateway.words.interrupted())
        text = cut("\n".join(lines), _CHARS_MAX)
        await found.edit(content=f"{text}\n{note}".strip(), view=None)
