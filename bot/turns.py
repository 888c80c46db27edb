"""An ask on its way, and what the operator says about all of them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

from bot.config_values import ChannelConfig, Config, PersonaConfig, SideCallsConfig
from bot.messages import Ask, End
from bot.outcome import Call
from bot.ports import Message, ModelError
from bot.recall import Recalled
from bot.text_tools import Cut
from bot.toolbox import Kit
from quota.calls import CallRequest
from quota.errors import QuotaError
from quota.ledger import Purpose
from quota.rules import Terms

_log = logging.getLogger(__name__)

TRIES_MAX = 3
BACKOFF_MS = 500
RETRY_AFTER_MAX_MS = 10_000


@dataclass(frozen=True, slots=True)
class ChatSettings:
    """The operator's settings of the chat; `channels` are told by name or id.

    `side` are the calls that are made besides answers.
    """

    input_chars_max: int = 32_000
    queue_max: int = 2
    system_prompt: str = ""
    note: str = ""
    personas: Mapping[str, PersonaConfig] = field(default_factory=dict)
    channels: Mapping[str, ChannelConfig] = field(default_factory=dict)
    side: SideCallsConfig = field(default_factory=SideCallsConfig)

    @classmethod
    def of(cls, config: Config) -> Self:
        """What a config says."""
        return cls(
            config.input_chars_max,
            config.queue_max,
            config.system_prompt,
            config.note,
            config.personas,
            config.channels,
            config.side,
        )


@dataclass(slots=True)
class Walk:
    """What a turn does between its calls.

    `kit` are the tools it may use, `trail` is what model and tools said to each other in finished
    steps, of so many `tokens`; `told` are the tools whose use was told, in so many `remarks`. It
    is to be over at `ends_at`, which counts from the first step; `cut` is why it was ended before.
    """

    kit: Kit = field(default_factory=Kit)
    trail: list[Message] = field(default_factory=list)
    tokens: int = 0
    told: set[str] = field(default_factory=set)
    remarks: int = 0
    ends_at: int = 0
    cut: Cut | None = None


@dataclass(slots=True)
class Turn:
    """An ask on its way.

    `ready` is the ask with what could be read of its files, `node` what its answer is remembered
    as, `notes` what must be said about it, `asked` the last call that was asked for,
    `calls` are those that were granted, `walk` what lies between them, `summary` is the call that
    was made before it, `room` the tokens of what was said before, `told` what must be said besides.
    """

    ask: Ask
    arrived_at: int
    work: asyncio.Task[End] | None = None
    stopped: bool = False
    settling: bool = False
    calls: list[Call] = field(default_factory=list)
    asked: CallRequest | None = None
    walk: Walk = field(default_factory=Walk)
    recalled: Recalled | None = None
    node: int | None = None
    summary: Call | None = None
    room: int = 0
    notes: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    ready: Ask | None = None

    def start(self, answered: Coroutine[None, None, End]) -> None:
        """Begin to work on it, in a task of its own."""
        self.work = asyncio.create_task(answered)
        # Nobody may be left to hear of what breaks in it.
        self.work.add_done_callback(lambda work: work.cancelled() or work.exception())

    @property
    def made(self) -> list[Call]:
        """All its calls, also the one that is no part of the answer."""
        return [self.summary, *self.calls] if self.summary is not None else self.calls

    def request(
        self,
        terms: Terms,
        input_tokens: int,
        output_max: int,
        now: int,
        purpose: Purpose = "answer",
    ) -> CallRequest:
        """The next call of this turn, as the books are asked for it.

        The first one may wait as long as its asker has had patience; each later one begins anew.
        """
        made = self.made
        first = made[0].reservation.turn if made else 0
        asked_at = now if made else self.arrived_at
        asked = (self.ask.requester, terms, input_tokens, output_max)
        return CallRequest(*asked, self.ask.event, self.ask.digest, asked_at, purpose, first)

    def stop(self) -> bool:
        """End it now; what was generated is charged, nothing more. False when it has ended."""
        if self.work is None or self.settling or self.work.done():
            return False
        if not self.stopped:
            self.stopped = True
            self.work.cancel()
        return True


def unbroken(update: Callable[[str], Awaitable[None]]) -> Callable[[str], Awaitable[None]]:
    """The same, but a platform that does not take a text does not end the turn."""
    broken = False

    async def show(delta: str) -> None:
        nonlocal broken
        if broken:
            return
        try:
            await update(delta)
        except QuotaError:
            raise
        except Exception:  # the answer is paid for; its end is delivered all the same
            broken = True
            _log.exception("a text could not be shown")

    return show


def tell(hearers: Iterable[Callable[[Ask, End], None]], ask: Ask, end: End) -> None:
    """Everybody hears of an end; that one of them breaks is no matter of who asked."""
    for hear in hearers:
        try:
            hear(ask, end)
        except Exception:  # the answer is delivered, and the others want to hear of it too
            _log.exception("an end was not taken")


def wait_before_retry(trouble: ModelError | None, attempt: int) -> int | None:
    """Milliseconds to wait before the next try, None: this was the last one.

    Only what was refused before any work is tried again; whatever may have been billed is not.
    """
    if trouble is None or trouble.trouble not in {"unreachable", "overloaded"}:
        return None
    backoff_ms = BACKOFF_MS << attempt
    wait_ms = backoff_ms if trouble.retry_after_ms is None else trouble.retry_after_ms
    return None if attempt == TRIES_MAX - 1 or wait_ms > RETRY_AFTER_MAX_MS else wait_ms
