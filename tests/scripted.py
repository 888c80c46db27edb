"""A model that says what a test tells it to, a reply that remembers, and a whole bot around them.

Every stand-in yields at each of its awaits and counts it as a step, so that a test can do something
(cancel, stop) at any one of them: see `Steps`.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from adapters.openai_chat import OpenAIChat
from bot.actions import Actions, Pressed, Pressing, Shown
from bot.chat import ChatHandler
from bot.commands import Commands, Typed
from bot.desk import Desk
from bot.messages import Answer, Ask, Attachment, Card, End, Failure, Refusal
from bot.models import Model, Models
from bot.ports import (
    ChatModel,
    Count,
    DocumentReader,
    Finished,
    ModelCall,
    ModelError,
    ModelEvent,
    TextDelta,
    TokenCounter,
    Tool,
    ToolDelta,
    ToolError,
    UsageReport,
)
from bot.prompt import TOKENS_PER_TOOL, text_of_calls
from bot.text import Words
from bot.tool_servers import ToolServer
from bot.toolbox import Toolbox
from bot.turns import ChatSettings
from quota.ledger import LedgerEntry
from quota.limits import Policy
from quota.members import Requester
from quota.memory import MemoryStore
from quota.quotas import Quotas
from quota.rules import Rules, Terms
from quota.store import Store
from quota.units import Rates, Unit, Usage
from quota.verdicts import Balance
from tests.fakes import DAY, MINUTE, SECOND, FakeClock, policy, requester
from tests.servers.model_server import MODEL

# Where a chain of ours is longer than this, something turns in circles.
TURNS_MAX = 1_000_000


class Steps:
    """Counts the awaits of all stand-ins; at the one numbered `at`, `then` is called."""

    def __init__(self) -> None:
        self.passed = 0
        self.at: int | None = None
        self.then: Callable[[], object] = lambda: None

    async def __call__(self) -> None:
        self.passed += 1
        if self.passed == self.at:
            self.then()
        await asyncio.sleep(0)


class Gate:
    """A place in a script at which the model stops until it is released."""

    def __init__(self) -> None:
        self.arrived = asyncio.Semaphore(0)
        self.opened = asyncio.Event()

    async def reached(self, calls: int = 1) -> None:
        for _ in range(calls):
            await self.arrived.acquire()

    def release(self) -> None:
        self.opened.set()

    async def enter(self) -> None:
        self.arrived.release()
        await self.opened.wait()


Step = ModelEvent | ModelError | Gate | Exception
Script = Callable[[ModelCall], Sequence[Step]]


def tokens_of(call: ModelCall) -> int:
    """What this model's provider counts for a prompt: just what WordCounter expects."""
    texts = [message.content for message in call.messages]
    texts += [text_of_calls(message.calls) for message in call.messages if message.calls]
    said = sum(4 + len(text.split()) for text in texts)
    offered = [f"{tool.name} {tool.description} {tool.schema}" for tool in call.tools]
    return 3 + said + sum(TOKENS_PER_TOOL + len(text.split()) for text in offered)


def says(words: int, *, reported: Usage | None = None) -> Script:
    """So many words (or as many as the cap allows), an end, and the truth about both."""

    def script(call: ModelCall) -> Sequence[Step]:
        said = min(words, call.output_cap)
        texts = [f"{' ' if n > 1 else ''}w{n}" for n in range(1, said + 1)]
        usage = reported or Usage(input=tokens_of(call), output=said)
        end = Finished("stop" if said == words else "length")
        return [*map(TextDelta, texts), end, UsageReport(usage)]

    return script


def uses(name: str, arguments: str = "{}", *, words: int = 2, at_once: int = 1) -> Script:
    """So many words, then calls of a tool, each a piece for its name and one for its arguments."""

    def script(call: ModelCall) -> Sequence[Step]:
        texts = [TextDelta(f"{' ' if n > 1 else ''}w{n}") for n in range(1, words + 1)]
        calls: list[ToolDelta] = []
        for place in range(at_once):
            calls.append(ToolDelta(place, f"call_{len(call.messages)}_{place}", name, ""))
            calls.append(ToolDelta(place, "", "", arguments))
        said: list[ModelEvent] = [*texts, *calls]
        usage = Usage(input=tokens_of(call), output=min(len(said), call.output_cap))
        if len(said) > call.output_cap:
            return [*said[: call.output_cap], Finished("length"), UsageReport(usage)]
        return [*said, Finished("tools"), UsageReport(usage)]

    return script


def steps(*each: Step) -> Script:
    """These steps, whatever is asked."""
    return lambda _call: each


class ScriptedModel:
    """A ChatModel that answers by scripts, one for each call, `usual` when there is none left.

    A ModelError that stands first is raised on entering, as a refusal of the request is.
    """

    def __init__(self, passing: Steps) -> None:
        self.usual: Script = says(8)
        self.calls: list[ModelCall] = []
        self.open = 0
        self.open_max = 0
        self._next: deque[Script] = deque()
        self._passing = passing

    def next(self, *scripts: Script) -> None:
        self._next.extend(scripts)

    def forget(self) -> None:
        """Answer as usual from here on."""
        self._next.clear()

    @asynccontextmanager
    async def stream(self, call: ModelCall) -> AsyncIterator[AsyncIterator[ModelEvent]]:
        self.calls.append(call)
        script = (self._next.popleft() if self._next else self.usual)(call)
        await self._passing()
        if script and isinstance(script[0], ModelError):
            raise script[0]
        self.open += 1
        self.open_max = max(self.open_max, self.open)
        try:
            yield self._events(script)
        finally:
            self.open -= 1
            await self._passing()

    async def _events(self, script: Sequence[Step]) -> AsyncIterator[ModelEvent]:
        for step in script:
            await self._passing()
            if isinstance(step, Gate):
                await step.enter()
            elif isinstance(step, Exception):
                raise step
            else:
                yield step

    async def close(self) -> None:
        """Nothing is open."""


class ScriptedTools:
    """Tools that return what a test tells them to: a text, a failure, or what waits at a gate.

    Each has the server "clock" unless it says `server/tool`.
    """

    def __init__(self, **results: str | ToolError | Exception | Gate) -> None:
        self.results: dict[str, str | ToolError | Exception | Gate] = dict(results)
        self.used: list[tuple[str, object]] = []
        self.down: set[str] = set()
        self.schema = '{"type": "object"}'
        self.running = 0
        self.passing: Callable[[], Awaitable[None]] = Steps()

    async def offered(self, server: str) -> Sequence[Tool]:
        await self.passing()
        if server in self.down:
            raise ToolError("it is down")
        titles = [name for name in self.results if _home(name)[0] == server]
        return [Tool("", f"Does {_home(t)[1]}", self.schema, *_home(t)) for t in titles]

    async def use(self, tool: Tool, arguments: object) -> str:
        self.used.append((tool.title, arguments))
        self.running += 1
        try:
            await self.passing()
            name = tool.title if tool.server == "clock" else f"{tool.server}/{tool.title}"
            result = self.results[name]
            if isinstance(result, Gate):
                await result.enter()
                return "after the gate"
            if isinstance(result, Exception):
                raise result
            return result
        finally:
            self.running -= 1

    async def close(self) -> None:
        """Nothing was started."""


def _home(name: str) -> tuple[str, str]:
    server, _, title = name.rpartition("/")
    return server or "clock", title


class WordCounter:
    """Counts words, and remembers what it was given to count."""

    def __init__(self, passing: Steps, *, sure: bool = True) -> None:
        self.counted: list[str] = []
        self._passing = passing
        self._sure = sure

    async def count(self, model: str, text: str) -> Count:
        self.counted.append(text)
        await self._passing()
        return Count(len(text.split()), self._sure)


class RecordingReply:
    """A ReplyStream that remembers everything, and fails where it is told to."""

    def __init__(self, passing: Steps) -> None:
        self.deltas: list[str] = []
        self.notes: list[str] = []
        self.ends: list[End] = []
        self.broken: set[str] = set()
        self.messages: tuple[str, ...] = ()
        self.is_ending = False
        self._passing = passing
        self._changed = asyncio.Event()

    @property
    def text(self) -> str:
        return "".join(self.deltas)

    @property
    def end(self) -> End:
        (end,) = self.ends
        return end

    async def update(self, delta: str) -> None:
        await self._take("update", self.deltas, delta)

    async def note(self, text: str) -> None:
        await self._take("note", self.notes, text)

    def ending(self) -> None:
        self.is_ending = True

    async def finish(self, end: End) -> None:
        await self._take("finish", self.ends, end)

    async def shows(self, deltas: int) -> None:
        """Return when so many pieces of the answer have come."""
        while len(self.deltas) < deltas:
            await self._change()

    async def notes_something(self) -> None:
        while not self.notes:
            await self._change()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    async def _take(self, name: str, kept: list[Any], what: object) -> None:
        await self._passing()
        if name in self.broken:
            raise ConnectionError(f"the platform takes no {name}")
        kept.append(what)
        self._changed.set()
        await self._passing()


class WatchedClock(FakeClock):
    """A FakeClock that tells when somebody begins to wait for a given time."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[int | None] = []
        self._asked = asyncio.Event()

    def timeout(self, wait_ms: int | None) -> asyncio.Timeout:
        self.waits.append(wait_ms)
        self._asked.set()
        return super().timeout(wait_ms)

    async def asked_for(self, wait_ms: int) -> None:
        """Return when somebody waits, or has waited, so long; each wait is told once."""
        while wait_ms not in self.waits:
            self._asked.clear()
            await self._asked.wait()
        self.waits.remove(wait_ms)


class SteppingStore:
    """Any store, with a step before a verb, one while it is under way, and one after it.

    `down` names the verbs that fail; `after` is called with the name of each verb that has ended.
    """

    def __init__(self, inner: Store, passing: Steps) -> None:
        self.inner = inner
        self.down: dict[str, Exception] = {}
        self.after: Callable[[str], Awaitable[None]] | None = None
        self._passing = passing

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self.inner, name)
        if name == "entries" or not callable(verb):
            return verb

        async def stepping(*args: Any, **kwargs: Any) -> Any:
            await self._passing()
            if name in self.down:
                raise self.down[name]
            # As in SQLite: a caller that is cancelled leaves, the verb goes on.
            under_way = asyncio.ensure_future(verb(*args, **kwargs))
            await asyncio.sleep(0)
            await self._passing()
            result = await under_way
            if self.after is not None:
                await self.after(name)
            await self._passing()
            return result

        return stepping


@dataclass(slots=True)
class Running:
    """An ask on its way in a test."""

    ask: Ask
    reply: RecordingReply
    task: asyncio.Task[None]

    async def end(self) -> End:
        await self.task
        return self.reply.end


@dataclass
class Bot:
    """A whole bot without a platform. Member "ana" asks, admin "ada" governs."""

    store: Store
    clock: WatchedClock
    passing: Steps
    model: ScriptedModel
    counter: TokenCounter
    quotas: Quotas
    chat: ChatHandler
    desk: Desk
    words: Words
    replies: list[RecordingReply] = field(default_factory=list)
    asked: int = 0

    def start(
        self,
        who: str | Requester = "ana",
        text: str = "hello there",
        *,
        id_: str = "",
        model: str = "",
        thread: str = "",
        files: Sequence[Attachment] = (),
        shown_as: Sequence[str] = (),
        **more: Any,
    ) -> Running:
        """Begin an ask; its id is a new one unless given.

        The platform shows the answer in the messages `shown_as`.
        """
        self.asked += 1
        sender = requester(who) if isinstance(who, str) else who
        event = id_ or f"{sender.member.id}-{self.asked}"
        ask = Ask(event, sender, text, model, thread, tuple(files), **more)
        reply = RecordingReply(self.passing)
        reply.messages = tuple(shown_as)
        self.replies.append(reply)
        task = asyncio.create_task(self.chat.handle(ask, reply, self.words))
        return Running(ask, reply, task)

    async def ask(
        self, who: str | Requester = "ana", text: str = "hello there", **more: Any
    ) -> End:
        return await self.start(who, text, **more).end()

    async def answer(
        self, who: str | Requester = "ana", text: str = "hello there", **more: Any
    ) -> Answer:
        end = await self.ask(who, text, **more)
        assert isinstance(end, Answer), end
        return end

    async def refusal(
        self, who: str | Requester = "ana", text: str = "hello there", **more: Any
    ) -> Refusal:
        end = await self.ask(who, text, **more)
        assert isinstance(end, Refusal), end
        return end

    async def failure(
        self, who: str | Requester = "ana", text: str = "hello there", **more: Any
    ) -> Failure:
        end = await self.ask(who, text, **more)
        assert isinstance(end, Failure), end
        return end

    async def type(self, text: str, who: str | Requester = "", **more: Any) -> Card:
        """A command, by the admin unless somebody else is named."""
        sender = requester("ada", admin=True) if who == "" else who
        if isinstance(sender, str):
            sender = requester(sender)
        return await self.commands.run(Typed(sender, text, **more), self.words)

    @property
    def commands(self) -> Commands:
        return Commands(self.desk)

    @property
    def actions(self) -> Actions:
        return Actions(self.desk)

    async def press(
        self, name: str, subject: str = "", who: str | Requester = "ana", **more: Any
    ) -> Pressing:
        """An action or form, used by a member unless a requester is given."""
        sender = requester(who) if isinstance(who, str) else who
        return await self.actions.press(Pressed(sender, name, subject, **more), self.words)

    async def pressed(
        self, name: str, subject: str = "", who: str | Requester = "ana", **more: Any
    ) -> Card:
        """The card that an action shows."""
        shown = await self.press(name, subject, who, **more)
        assert isinstance(shown, Shown), shown
        return shown.card

    async def balance(self, who: str | Requester = "ana", place: int = 0) -> Balance:
        sender = requester(who) if isinstance(who, str) else who
        return (await self.quotas.balances(sender, self.chat.models.default.terms))[place]

    async def ledger(self) -> list[LedgerEntry]:
        return [entry async for entry in self.store.entries(0, None)]

    async def all_is_still(self) -> None:
        """Wait until nothing of ours runs any more."""
        while ours := [task for task in asyncio.all_tasks() if is_ours(task)]:
            await asyncio.wait(ours)

    async def is_clean(self) -> None:
        """Nothing is held or under way, and the books agree with the ledger.

        Held amounts show themselves when their time has come: then nothing may lapse.
        """
        assert await self.store.verify() == []
        assert self.chat.running == 0
        assert self.model.open == 0
        assert not [task for task in asyncio.all_tasks() if is_ours(task)]
        self.clock.advance(DAY)
        assert await self.quotas.lapse() == []


def is_ours(task: asyncio.Task[Any]) -> bool:
    """Whether a task that still runs is one of the bot's or of the books'."""
    code = getattr(task.get_coro(), "cr_code", None)
    place = code.co_filename if code is not None else ""
    return not task.done() and ("/bot/" in place or "/quota/" in place) and "/tests/" not in place


def when(instant: int) -> str:
    """An instant as these tests read it: `at 23:59`, with the day where it is another one."""
    days, rest = divmod(instant, DAY)
    hours, minutes = divmod(rest // MINUTE, 60)
    return (
        f"at {hours:02}:{minutes:02}"
        if days == 20_605
        else f"on day {days - 20_605} at {hours:02}:{minutes:02}"
    )


def build(
    *lines: str,
    store: Store | None = None,
    chat_model: ChatModel | None = None,
    counter: TokenCounter | None = None,
    more_models: Sequence[Model] = (),
    settings: ChatSettings | None = None,
    rates: Rates | None = None,
    output_max: int = 1_000,
    charge_unknown: bool = True,
    spaces: dict[str, Policy] | None = None,
    reader: DocumentReader | None = None,
    tools: ScriptedTools | None = None,
    servers: Sequence[ToolServer] = (ToolServer("clock"),),
    steps_max: int = 10,
    **rules: Any,
) -> Bot:
    """A bot under these limits, with a scripted model unless another one is given."""
    clock, passing = WatchedClock(), Steps()
    scripted = ScriptedModel(passing)
    counter = counter or WordCounter(passing)
    stepping = cast("Store", SteppingStore(store or MemoryStore(), passing))
    quotas = Quotas(stepping, clock, Rules(policy(*lines), spaces or {}, **rules))
    model = Model(
        "mini",
        MODEL,
        ("small",),
        chat_model or scripted,
        Terms("mini", ("mini", MODEL, "small"), rates),
        output_max,
        first_token_ms=60 * SECOND,
        idle_ms=30 * SECOND,
        charge_unknown=charge_unknown,
    )
    toolbox = None
    if tools is not None:
        tools.passing = passing
        toolbox = Toolbox(tools, clock, servers, steps_max)
    models = Models([model, *more_models])
    chat = ChatHandler(quotas, models, counter, clock, settings or ChatSettings(), reader, toolbox)
    desk = Desk(quotas, chat, clock)
    words = Words(when)
    return Bot(stepping, clock, passing, scripted, counter, quotas, chat, desk, words)


def stepping_of(bot: Bot) -> SteppingStore:
    """The store's stand-in, to take it down or to watch it."""
    store: Any = bot.store
    assert isinstance(store, SteppingStore)
    return store


def over_http(base_url: str, *lines: str, key: str = "", **more: Any) -> Bot:
    """A bot whose model is an OpenAI-compatible server."""
    chat_model = OpenAIChat(base_url=base_url, api_key=key, output_cap_field="max_tokens")
    return build(*lines, chat_model=chat_model, **more)


async def until(true: Callable[[], bool]) -> None:
    """Let others run, the network among them, until something has become true."""
    for _ in range(TURNS_MAX):
        if true():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never became true")


def tokens(balances: Sequence[Balance]) -> Balance:
    """The first balance in tokens."""
    return next(b for b in balances if b.unit is Unit.TOKENS)
