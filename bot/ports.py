"""The outside as the bot sees it: models, token counters, prices, and where a reply goes."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from bot.messages import Document, End, Image
from quota.units import Rates, Usage


class ToolCall(NamedTuple):
    """A model wants a tool used: by the name that it was offered, with arguments in JSON.

    `id` is the model's own. The arguments are its words: they may be anything.
    """

    id: str
    name: str
    arguments: str


class Message(NamedTuple):
    """One message of a prompt; images only where the model can see.

    An assistant's may ask for tools (`calls`); a tool's is what came of the call named `answers`,
    text that nobody vouches for.
    """

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    images: tuple[Image, ...] = ()
    calls: tuple[ToolCall, ...] = ()
    answers: str = ""


class Tool(NamedTuple):
    """A tool that a model is offered: the name it has there, what it does, its parameters in JSON.

    `server` and `title` are what it is called at home.
    """

    name: str
    description: str
    schema: str
    server: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class ModelCall:
    """One request to a model. The output cap is what was held; it is always sent.

    Where it has used tools before, they are told to it also when it may not use them any more.
    """

    model: str
    messages: tuple[Message, ...]
    output_cap: int
    member_hash: str = ""
    tools: tuple[Tool, ...] = ()
    may_use_tools: bool = True


class TextDelta(NamedTuple):
    """A piece of the answer; every piece is at least one token."""

    text: str


class ReasoningDelta(NamedTuple):
    """A piece of thinking that is not shown, but was generated and is billed."""

    text: str


class ToolDelta(NamedTuple):
    """A piece of a call of a tool: of the one at `place` in this answer, the first being 0.

    Id and name come with its first piece, the arguments in any number of them.
    """

    place: int
    id: str
    name: str
    arguments: str


class UsageReport(NamedTuple):
    """The provider's own count so far (the last one is the total).

    `usage` is None where the report cannot be true (negative, absurd, not a number). `cost` is
    what the provider says the call took, in credits, None: it says nothing; `bad_cost` tells that
    what it says cannot be true.
    """

    usage: Usage | None
    served_model: str = ""
    cost: int | None = None
    bad_cost: bool = False


class Finished(NamedTuple):
    """The provider says that the answer is complete, or why it ends."""

    reason: Literal["stop", "length", "filtered", "tools"]


ModelEvent = TextDelta | ReasoningDelta | ToolDelta | UsageReport | Finished

ModelTrouble = Literal[
    "unreachable",  # no connection was made: nothing was sent
    "overloaded",  # 429, 503: refused before any work
    "rejected",  # 400, 401, 403, 404, 422: the request or the key is not accepted
    "failed",  # 500 and others before the first byte of an answer
    "silent",  # the provider's time ran out after the request was sent
    "broken",  # the stream broke, or carried an error or nonsense
]


class ModelError(Exception):
    """A model call that failed. Carries no text of the provider, so none can be shown.

    `retry_after_ms` is what the provider asked for, None: nothing. `detail` is for the log only.
    """

    def __init__(
        self, trouble: ModelTrouble, *, retry_after_ms: int | None = None, detail: str = ""
    ) -> None:
        """Name the trouble."""
        super().__init__(trouble)
        self.trouble: ModelTrouble = trouble
        self.retry_after_ms = retry_after_ms
        self.detail = detail


class ChatModel(Protocol):
    """A model that streams. It never retries by itself; time-outs are the caller's."""

    def stream(self, call: ModelCall) -> AbstractAsyncContextManager[AsyncIterator[ModelEvent]]:
        """Send the request on entering, stop the provider on leaving, whatever happened.

        Entering raises ModelError (unreachable, overloaded, rejected, failed, silent); reading
        raises ModelError (broken, silent). A stream may end without `Finished`: it was cut.
        """

    async def close(self) -> None:
        """Let go of connections."""


class Count(NamedTuple):
    """Tokens of a text; `sure` where it is the model's own vocabulary that counted."""

    tokens: int
    sure: bool


class TokenCounter(Protocol):
    """Counts without ever raising, blocking the event loop, or using the network."""

    async def count(self, model: str, text: str) -> Count:
        """The tokens of any text; its length in bytes where no vocabulary can be had in time."""


class Extract(NamedTuple):
    """The text of a document: so many of its pages. `why` says what stood in the way, if anything.

    kind: not of a kind that can be read; large: too many bytes; locked: it needs a password;
    broken: it cannot be understood; slow: it takes too long; long: no page fits; empty: no text.
    """

    text: str
    pages: int = 0
    of: int = 0
    why: Literal["", "kind", "large", "locked", "broken", "slow", "long", "empty"] = ""


class DocumentReader(Protocol):
    """Takes the text out of files."""

    async def read(self, document: Document, chars_max: int) -> Extract:
        """The first pages that fit into so many characters, without blocking the event loop."""


class ToolError(Exception):
    """A tool, or the server that has it, failed. Carries no text of it, so none can be shown.

    `detail` is for the log only.
    """

    def __init__(self, detail: str) -> None:
        """Say what the log may know."""
        super().__init__("a tool failed")
        self.detail = detail


class Tools(Protocol):
    """Tools on servers of their own, which are started when they are needed first.

    Time-outs are the caller's: a wait may be cancelled at any moment, and harms nobody else's.
    """

    async def offered(self, server: str) -> Sequence[Tool]:
        """The tools that a server has; ToolError where it cannot be reached or talks nonsense."""

    async def use(self, tool: Tool, arguments: Mapping[str, object]) -> str:
        """What a tool returns, as text that nobody vouches for; ToolError where it gave none."""

    async def close(self) -> None:
        """End every server that was started."""


class Prices(Protocol):
    """What a model costs when the config does not say."""

    def rates(self, model: str, base_url: str | None) -> Rates | None:
        """The price of a model, None: unknown or not to be believed."""


class ReplyStream(Protocol):
    """Where one answer goes. The adapter paces; the last text always arrives."""

    @property
    def messages(self) -> tuple[str, ...]:
        """The ids of the messages that carry the answer; none before its end, or on the console."""

    async def update(self, delta: str) -> None:
        """More of the answer."""

    async def note(self, text: str) -> None:
        """A passing remark, such as waiting for a running answer."""

    def ending(self) -> None:
        """The model has said its last: the end comes as soon as it is settled."""

    async def finish(self, end: End) -> None:
        """The one end of this ask."""
