"""The console for programs: one JSON object per line in, one per line out, many turns at once.

Lines are taken in order. A question is begun before the next line is looked at, so a stop on the
next line finds it; a command that may change something is carried out whole, so a program can
set a limit and try it on the next line.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import aclosing, suppress
from typing import Any

from adapters.console import wire
from adapters.console.lines import HasFileno, Line, LineReader, LineWriter
from adapters.console.stream import JsonStream
from bot.bot import Bot
from bot.commands import Typed
from bot.messages import Ask, Duplicate, End, Failure
from bot.outcome import reference, seen_before
from bot.text import Words
from bot.text_console import utc_minute
from quota.errors import StoreUnavailableError
from quota.verdicts import Balance
from quota.waiting import whole

_log = logging.getLogger(__name__)

# What may be on its way at once; beyond it no further line is read until something has ended.
ASKS_MAX = 10_000
ASKS_BYTES_MAX = 64 << 20
# Commands that only look; all others are carried out before the next line is read.
_LOOKS = frozenset(
    {"/quota", "/quota summary", "/quota rules", "/quota history", "/quota receipt", "/help"}
)


async def chat_json(bot: Bot, source: HasFileno, sink: HasFileno) -> None:
    """Serve until the input ends and every turn has, or until nobody reads the output.

    Cancelled, it lets the bot close first: running turns finish or are settled, and are told.
    """
    await _Server(bot, LineWriter(sink)).serve(LineReader(source, wire.LINE_BYTES_MAX))


class _Server:
    def __init__(self, bot: Bot, out: LineWriter) -> None:
        self._bot = bot
        self._out = out
        self._words = Words(utc_minute, language=bot.config.language)
        self._running: dict[str, Ask] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._bytes = 0
        self._changed = asyncio.Event()

    async def serve(self, reader: LineReader) -> None:
        taking = asyncio.create_task(self._take_all(reader))
        lost = asyncio.create_task(self._out.lost.wait())
        try:
            await asyncio.wait((taking, lost), return_when=asyncio.FIRST_COMPLETED)
            if taking.done():
                taking.result()
            idle = asyncio.create_task(self._idle())
            await asyncio.wait((idle, lost), return_when=asyncio.FIRST_COMPLETED)
            if lost.done():
                _log.warning("standard output is closed: running answers are stopped")
                await self._leave(taking)
            await idle
        except BaseException:
            await whole(self._leave(taking, self._bot.close))
            raise
        finally:
            lost.cancel()
            await self._out.close()

    async def _leave(
        self, taking: asyncio.Task[None], close: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        """Read no further; end what runs."""
        taking.cancel()
        await asyncio.wait((taking,))
        if close is not None:
            await close()
        else:
            for event in list(self._running):
                self._bot.chat.stop(event)
        await self._idle()

    async def _idle(self) -> None:
        while self._tasks:
            self._changed.clear()
            await self._changed.wait()

    async def _take_all(self, reader: LineReader) -> None:
        async with aclosing(reader.lines()) as lines:
            async for line in lines:
                while len(self._tasks) >= ASKS_MAX or self._bytes >= ASKS_BYTES_MAX:
                    self._changed.clear()
                    await self._changed.wait()
                await self._out.room()
                await self._take(line)

    async def _take(self, line: Line) -> None:
        if line.data is not None and not line.data.strip():
            return
        try:
            said = wire.parse(line.data)
        except wire.BadLineError as error:
            self._out.write(wire.line_of(wire.bad_line(line.number, str(error))))
            return
        if isinstance(said, wire.Stop):
            self._stop(said)
            return
        known = self._running.get(said.event)
        if known is not None:
            same = known.digest == said.digest
            again: End = Duplicate() if same else Failure("id_reused", self._words.id_reused())
            self._out.write(wire.line_of(wire.end(said.id, again)))
            return
        is_command = said.text.startswith("/")
        work = self._command(said) if is_command else self._answer(said)
        task = self._start(said, work, len(line.data or b""))
        if is_command and " ".join(said.text.casefold().split()) not in _LOOKS:
            await asyncio.wait((task,))
        else:
            await asyncio.sleep(0)  # It begins: a stop on the next line finds it.

    def _stop(self, stop: wire.Stop) -> None:
        """Stop the turn of an id; one that is unknown or has ended is left alone."""
        for event, ask in self._running.items():
            if ask.id == stop.id and stop.space in {"", ask.requester.member.space.id}:
                self._bot.chat.stop(event)

    def _start(self, ask: Ask, work: Coroutine[Any, Any, None], size: int) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._running[ask.event] = ask
        self._tasks.add(task)
        self._bytes += size

        def ended(done: asyncio.Task[None]) -> None:
            del self._running[ask.event]
            self._tasks.discard(done)
            self._bytes -= size
            self._changed.set()

        task.add_done_callback(ended)
        return task

    async def _answer(self, ask: Ask) -> None:
        reply = self._reply(ask)
        try:
            self._bot.commands.meet(ask.requester)
            await self._bot.chat.handle(ask, reply, self._words)
        except Exception:  # whatever broke, every id gets its one end and the others go on
            await reply.finish(self._broken())

    async def _command(self, ask: Ask) -> None:
        reply = self._reply(ask)
        try:
            end = await self._carried_out(ask)
        except StoreUnavailableError:
            end = Failure("store", self._words.not_written())
        except Exception:  # a command that breaks must not stop the others
            end = self._broken()
        await reply.finish(end)

    async def _carried_out(self, ask: Ask) -> End:
        seen = await self._bot.quotas.refuse(ask.event, ask.digest)
        if seen is not None:
            return seen_before(seen, self._words)
        self._bot.commands.meet(ask.requester)
        typed = Typed(ask.requester, ask.text, ask.thread, ask.model)
        return await self._bot.commands.run(typed, self._words)

    def _broken(self) -> Failure:
        ref = reference()
        _log.exception("a line could not be carried out ref=%s", ref)
        return Failure("internal", self._words.internal(ref))

    def _reply(self, ask: Ask) -> JsonStream:
        async def balances() -> Sequence[Balance]:
            models = self._bot.chat.models
            model = models.find(ask.model) or models.default
            with suppress(StoreUnavailableError):
                return await self._bot.quotas.balances(ask.requester, model.terms)
            return ()

        return JsonStream(ask.id, self._out, balances)
