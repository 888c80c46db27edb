"""Each thing a provider can do wrong, over real HTTP: one truthful end, and the charge it deserves.

The prompt "hello there" is 5 tokens to the server and 9 to our counter, so a charge tells who
counted. The answer is 8 tokens, the most that is held for one 20.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from bot.messages import Answer, Duplicate, End, Failure
from tests.fakes import SECOND, let_run
from tests.scripted import Bot, over_http, until
from tests.servers.faults import FAULTS, INNER_TEXT
from tests.servers.model_server import ModelServer, closed_port

LIMIT = "everyone: 10k tokens/day"


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with ModelServer() as opened:
        yield opened


Builder = Callable[..., Bot]


@pytest.fixture
async def bot_at(server: ModelServer) -> AsyncIterator[Builder]:
    """Builds a bot whose model is the server, and hangs up when the test is over."""
    bots: list[Bot] = []

    def built(base_url: str = "", **more: Any) -> Bot:
        bots.append(over_http(base_url or server.base_url, LIMIT, **more))
        return bots[-1]

    yield built
    for bot in bots:
        await bot.chat.models.default.chat.close()


@dataclass(frozen=True)
class Row:
    """What one fault leads to; `ledger` is what is written, in order."""

    fault: str
    end: str
    charged: int
    source: str
    ledger: str
    says: str
    changes: tuple[tuple[str, Any], ...] = ()
    house: int = 0
    waits: tuple[int, ...] = ()  # Milliseconds that pass, each once somebody waits for them.
    times: int = 9
    text: str = "w1 w2 w3 w4 w5 w6 w7 w8"


def row(
    fault: str, end: str, charged: int, source: str, ledger: str, says: str, **more: Any
) -> Row:
    kept = {k: more.pop(k) for k in ("house", "waits", "times", "text") if k in more}
    return Row(fault, end, charged, source, ledger, says, tuple(more.items()), **kept)


NOT_ANSWERED = "The model did not answer. Nothing was charged."
NOT_TAKEN = "The model's provider did not accept the request. Nothing was charged."
IN_TIME = "The model did not answer in time. Charged 9 tokens for the prompt"
BROKE_OFF = "The model's answer broke off before its first word. Charged 9 tokens"
CUT = "… ✂ The answer broke off on the way. Charged 12 tokens"
WHOLE = ""

ROWS = [
    row("ok", "stop", 13, "provider", "settle", WHOLE),
    # Refused before any work: free, and tried again where waiting helps.
    row(
        *("rate_limit", "provider", 0, "", "attempt attempt release", NOT_ANSWERED),
        waits=(1_000, 1_000),
    ),
    row(
        *("rate_limit", "provider", 0, "", "attempt attempt release", NOT_ANSWERED),
        retry_after_s=None,
        waits=(500, 1_000),
    ),
    row("rate_limit", "provider", 0, "", "release", NOT_ANSWERED, retry_after_s=11),
    row("rate_limit", "stop", 13, "provider", "attempt settle", WHOLE, times=1, waits=(1_000,)),
    row(
        "rate_limit",
        "stop",
        13,
        "provider",
        "attempt attempt settle",
        WHOLE,
        times=2,
        waits=(1_000,) * 2,
    ),
    row(
        "overloaded", "provider", 0, "", "attempt attempt release", NOT_ANSWERED, waits=(500, 1_000)
    ),
    row("server_error", "provider", 0, "", "release", NOT_ANSWERED),
    row("secret_error", "provider", 0, "", "release", NOT_ANSWERED),
    row("unauthorized", "provider", 0, "", "release", NOT_TAKEN),
    row("no_max_tokens", "provider", 0, "", "release", NOT_TAKEN),
    # Asked, and nobody knows what it cost: the prompt.
    row("silent", "timeout", 9, "counted", "settle", IN_TIME, waits=(60_000,)),
    row("dropped", "timeout", 9, "counted", "settle", IN_TIME),
    row("cut", "provider", 9, "counted", "settle", BROKE_OFF, after=0),
    row("eof", "provider", 9, "counted", "settle", BROKE_OFF, after=0),
    row("stall", "timeout", 9, "counted", "settle", IN_TIME, after=0, waits=(60_000,)),
    # Broken off in mid-stream: the prompt and what came.
    row("cut", "cut", 12, "counted", "settle", CUT, text="w1 w2 w3"),
    row("eof", "cut", 12, "counted", "settle", CUT, text="w1 w2 w3"),
    row("stall", "cut", 12, "counted", "settle", CUT, text="w1 w2 w3", waits=(30_000,)),
    row("broken_json", "cut", 12, "counted", "settle", CUT, text="w1 w2 w3"),
    row("error_chunk", "cut", 12, "counted", "settle", CUT, text="w1 w2 w3"),
    row("secret_chunk", "cut", 12, "counted", "settle", CUT, text="w1 w2 w3"),
    row(
        *("cut", "cut", 8, "provider", "settle", "Charged 8 tokens"),
        text="w1 w2 w3",
        usage_on="every",
    ),
    # Whole, but unusual.
    row("empty", "stop", 5, "provider", "settle", "The model gave an empty answer.", text=""),
    row("content_filter", "stop", 13, "provider", "settle", "The model's provider withheld"),
    row("ok", "length", 25, "provider", "settle", "longest answer", answer_tokens=21, text="w20"),
    row(
        "cap_ignored",
        "length",
        29,
        "counted",
        "settle",
        "longest answer",
        answer_tokens=90,
        text="w20",
    ),
    row("other_model", "stop", 13, "provider", "settle", WHOLE),
    row("openrouter", "stop", 13, "provider", "settle", WHOLE),
    row("reasoning", "stop", 17, "provider", "settle", WHOLE),
    row("hidden_reasoning", "stop", 17, "provider", "settle", WHOLE),
    row("cached", "stop", 13, "provider", "settle", WHOLE),
    # Reports.
    row("usage_never", "stop", 17, "counted", "settle", WHOLE),
    row("usage_every", "stop", 13, "provider", "settle", WHOLE),
    row("usage_on_finish", "stop", 13, "provider", "settle", WHOLE),
    row("usage_tenfold", "stop", 29, "provider", "settle", WHOLE, house=101),
    row("usage_zero", "stop", 17, "counted", "settle", WHOLE),
    row("usage_text", "stop", 17, "counted", "settle", WHOLE),
    row("usage_negative", "stop", 17, "counted", "settle", WHOLE),
    row("usage_absurd", "stop", 17, "counted", "settle", WHOLE),
]


def told(end: End) -> str:
    """Everything that a person could read of an end."""
    match end:
        case Answer():
            return " ".join([end.text, end.footer, *end.notes])
        case Failure():
            return end.text
        case other:
            raise AssertionError(other)


async def asked(bot: Bot, server: ModelServer, waits: tuple[int, ...]) -> End:
    running = bot.start()
    for wait_ms in waits:
        await until_waited(bot, wait_ms, running.task)
        # The first time-outs begin before the request is out, and with each piece anew.
        await until(lambda: bool(server.requests))
        if wait_ms == 30 * SECOND:
            await running.reply.shows(3)
        await let_run()
        bot.clock.advance(wait_ms)
    return await running.end()


async def until_waited(bot: Bot, wait_ms: int, task: asyncio.Task[None]) -> None:
    waiting = asyncio.ensure_future(bot.clock.asked_for(wait_ms))
    await asyncio.wait((waiting, task), return_when=asyncio.FIRST_COMPLETED)
    assert waiting.done(), f"nobody waited {wait_ms} ms"


@pytest.mark.parametrize("want", ROWS, ids=[f"{n}-{r.fault}" for n, r in enumerate(ROWS)])
async def test_each_fault_has_one_truthful_end_and_its_own_charge(
    want: Row, server: ModelServer, bot_at: Builder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    bot = bot_at(output_max=20)
    server.next(want.fault, times=want.times, **dict(want.changes))
    end = await asked(bot, server, want.waits)
    if isinstance(end, Answer):
        assert end.finish == want.end
        assert end.text.endswith(want.text)
        assert end.text == bot.replies[0].text
        assert (end.charged_tokens, end.source) == (want.charged, want.source)
        assert "\n".join(end.notes).count(".") > 0 if want.says else end.notes == ()
    else:
        assert isinstance(end, Failure)
        assert end.code == want.end
        assert bot.replies[0].deltas == []
    assert want.says in told(end)
    ledger = await bot.ledger()
    assert " ".join(entry.kind for entry in ledger) == want.ledger
    assert [entry.hold_id for entry in ledger] == [1] * len(ledger)
    assert (ledger[-1].tokens, ledger[-1].house_tokens) == (want.charged, want.house)
    assert ledger[-1].source == want.source
    balance = await bot.balance()
    assert (balance.used, balance.held) == (want.charged, 0)
    assert INNER_TEXT not in told(end)
    assert "hunter2" not in caplog.text + told(end)
    assert len(server.requests) == len(ledger)
    await bot.is_clean()


async def test_a_server_that_is_not_there_is_tried_three_times_for_nothing(bot_at: Builder) -> None:
    bot = bot_at(f"http://127.0.0.1:{closed_port()}/v1")
    running = bot.start()
    for wait_ms in (500, 1_000):
        await bot.clock.asked_for(wait_ms)
        bot.clock.advance(wait_ms)
    end = await running.end()
    assert isinstance(end, Failure)
    assert end.code == "provider"
    assert end.text.startswith(NOT_ANSWERED)
    kinds = [(entry.kind, entry.tokens) for entry in await bot.ledger()]
    assert kinds == [("attempt", 0), ("attempt", 0), ("release", 0)]
    await bot.is_clean()


async def test_an_unknown_prompt_is_free_where_the_operator_says_so(
    server: ModelServer, bot_at: Builder
) -> None:
    bot = bot_at(charge_unknown=False)
    server.next("silent")
    end = await asked(bot, server, (60_000,))
    assert isinstance(end, Failure)
    assert end.text.startswith("The model did not answer in time. Nothing was charged.")
    assert (await bot.balance()).used == 0
    await bot.is_clean()


async def test_a_call_that_never_ends_is_cut_at_its_deadline(
    server: ModelServer, bot_at: Builder
) -> None:
    bot = bot_at()
    gate = server.hold(after=2)
    running = bot.start()
    await gate.reached()
    await running.reply.shows(2)
    await let_run()
    bot.clock.advance(600 * SECOND)
    end = await running.end()
    assert isinstance(end, Answer)
    assert (end.finish, end.text, end.charged_tokens) == ("cut", "w1 w2", 11)
    await server.idle()
    assert server.requests[0].ended == "left"
    await bot.is_clean()


async def test_waiting_between_tries_ends_at_the_deadline_too(
    server: ModelServer, bot_at: Builder
) -> None:
    bot = bot_at()
    server.always("rate_limit", retry_after_s=10)
    running = bot.start()
    await bot.clock.asked_for(10_000)
    bot.clock.advance(10_000)
    await bot.clock.asked_for(10_000)
    bot.clock.advance(600 * SECOND)
    end = await running.end()
    assert isinstance(end, Failure)
    assert (await bot.balance()).used == 0
    assert len(server.requests) in {2, 3}
    await bot.is_clean()


async def test_the_books_equal_those_of_the_server(server: ModelServer, bot_at: Builder) -> None:
    bot = bot_at(output_max=20)
    for fault in ("ok", "usage_every", "reasoning", "hidden_reasoning", "empty", "usage_on_finish"):
        server.next(fault)
        await bot.answer(thread=fault)
    server.next("rate_limit", retry_after_s=11)
    await bot.failure()
    await server.idle()
    ledger = await bot.ledger()
    assert sum(entry.tokens + entry.house_tokens for entry in ledger) == server.total_tokens == 78
    assert sum(entry.reasoning for entry in ledger) == 8
    await bot.is_clean()


async def test_a_cap_that_is_ignored_stops_the_server(server: ModelServer, bot_at: Builder) -> None:
    bot = bot_at(output_max=20)
    server.next("cap_ignored", answer_tokens=2_000)
    end = await bot.answer()
    assert end.usage.output == 20
    await server.idle()
    call = server.requests[0]
    assert (call.cap, call.ended) == (20, "left")
    assert call.output_tokens < 2_000


async def test_a_report_in_mid_stream_that_passes_the_cap_ends_the_answer(
    server: ModelServer, bot_at: Builder
) -> None:
    bot = bot_at(output_max=20)
    server.next("cap_ignored", usage_on="every", reasoning_tokens=90)
    end = await bot.answer()
    assert (end.finish, end.text, end.charged_tokens) == ("length", "w1", 29)
    assert (await bot.ledger())[0].house_tokens == 67
    await bot.is_clean()


@pytest.mark.parametrize("fault", ["secret_error", "secret_chunk"])
async def test_what_a_provider_says_in_trouble_is_shown_nowhere(
    fault: str, server: ModelServer, bot_at: Builder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    bot = bot_at()
    server.next(fault)
    shown = told(await bot.ask())
    ledger = str(await bot.ledger())
    for secret in ("hunter2", "10.0.0.7", "org-7Hq2", "billing"):
        assert secret not in shown + ledger + caplog.text


async def test_a_failed_answer_may_be_asked_again_but_not_delivered_again(
    server: ModelServer,
    bot_at: Builder,
) -> None:
    bot = bot_at()
    server.next("server_error")
    await bot.failure(id_="first")
    assert await bot.ask(id_="first") == Duplicate()
    assert (await bot.answer(id_="second")).finish == "stop"
    assert len(server.requests) == 2


def test_every_named_fault_is_in_the_table() -> None:
    # The adapter always asks for usage, so a server that knows no such option is a wrong config.
    assert set(FAULTS) - {want.fault for want in ROWS} == {"no_stream_options"}
