"""What members read on receipts is what the ledger says, and what the provider counted.

Random turns of many members meet a server that lies, breaks off, falls silent, serves other models
and tells its own prices. Each call is held against what the server itself counted: the difference
is nothing, or has the name of the rule that made it.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal
from pathlib import Path
from random import Random
from typing import Any, Literal

from adapters.openai_chat import OpenAIChat
from adapters.sqlite import SqliteStore
from bot.calling import Calling
from bot.chat import ChatHandler
from bot.messages import Ask, End
from bot.models import Model, Models
from bot.ports import Count, Message
from bot.pricing import Price, Pricing
from bot.prompt import Prompt
from bot.talks import Said
from bot.text import Words
from bot.turns import ChatSettings
from quota.calls import CallRequest
from quota.clock import SystemClock
from quota.ledger import LedgerEntry
from quota.quotas import Quotas
from quota.receipts import total
from quota.rules import Rules, Terms
from quota.units import Rates
from quota.verdicts import Refused, Seen
from tests.contracts.store_desk import HOUSE_BOOKS
from tests.fakes import policy, requester
from tests.scripted import when
from tests.servers.answers import Call
from tests.servers.faults import FAULTS
from tests.servers.model_server import MODEL, ModelServer

SHORT = 300
FULL = 10_000
AT_ONCE = 40
# Small enough that answers are cut at it.
OUTPUT_MAX = 24
# Far longer than an honest answer takes, also where others are at work.
PATIENCE_MS = 4_000
LIMITS = ("everyone: 50M tokens/month", "everyone: $500/month", "member poor: 60 tokens/month")
ASKED, SERVED = Rates(250_000, 25_000, 2_000_000, 3_000_000), Rates(700_000, 70_000, 900_000, 1)
OTHER_MODEL = "some-other-model-2026-11-01"
# Retries wait for seconds; one of them is enough of a kind.
LEFT_OUT = {"rate_limit"}
USUAL = 30  # honest answers for each of the faults

Rule = Literal[
    "reported",  # what the provider reported, to the token
    "refused before any work",  # I7: nothing was sent, nothing is charged
    "usage not told, or not believable",  # I6: the prompt, and what came, counted here
    "broken off",  # I6: the same
    "no answer",  # I6: the prompt alone
    "stopped",  # I6: the prompt, and what had come
    "died before it was sent",  # I6: prompt and a step, for nobody knows
]
_BROKEN = {"cut", "eof", "stall", "broken_json", "error_chunk", "secret_chunk"}
_NOT_BELIEVED = {"usage_never", "usage_zero", "usage_text", "usage_negative", "usage_absurd"}
_BEFORE = {
    *{"unauthorized", "server_error", "overloaded", "secret_error"},
    *{"no_max_tokens", "no_stream_options"},
}
_RULES: Mapping[str, Rule] = {
    **dict.fromkeys(FAULTS, "reported"),
    **dict.fromkeys(_BEFORE, "refused before any work"),
    **dict.fromkeys(_NOT_BELIEVED, "usage not told, or not believable"),
    **dict.fromkeys(_BROKEN, "broken off"),
    **dict.fromkeys(("silent", "dropped"), "no answer"),
}


@dataclass
class Reply:
    """Takes an answer, and wants it stopped where `stop` is given."""

    messages: tuple[str, ...]
    stop: Any = None
    ends: list[End] = field(default_factory=list)

    async def update(self, _delta: str) -> None:
        if self.stop is not None:
            self.stop()

    async def note(self, _text: str) -> None: ...

    def ending(self) -> None: ...

    async def finish(self, end: End) -> None:
        self.ends.append(end)


class WordsCounted:
    """Counts as the server does, but for the tokens that it adds to each message."""

    async def count(self, _model: str, text: str) -> Count:
        return Count(len(text.split()), sure=True)


@dataclass
class Plan:
    """One turn as the dice had it."""

    number: int
    member: str
    fault: str
    words: int
    is_stopped: bool
    has_title: bool

    @property
    def text(self) -> str:
        marker = "" if self.fault == "ok" else f"[fault:{self.fault}] "
        return f"{marker}say {self.words} of turn#{self.number}."

    @property
    def rule(self) -> Rule:
        # A cap that is ignored is kept by leaving, and who leaves hears no usage.
        is_left = self.fault == "cap_ignored" and self.words > OUTPUT_MAX
        return "stopped" if self.is_stopped or is_left else _RULES[self.fault]


def plans(turns: int, dice: Random) -> Iterator[Plan]:
    names = sorted(set(FAULTS) - LEFT_OUT - {"ok"})
    for number in range(turns):
        fault = names[number % len(names)] if dice.random() > USUAL / 60 else "ok"
        stopped = fault == "ok" and dice.random() < 0.05
        member = "poor" if dice.random() < 0.03 else f"m{dice.randrange(20)}"
        words = 20 if stopped else dice.randrange(1, 30)
        yield Plan(number, member, fault, words, stopped, dice.random() < 0.2)


class World:
    """A bot over HTTP on books in a file."""

    def __init__(self, store: SqliteStore, server: ModelServer) -> None:
        self.store, self.server = store, server
        self.clock, counter = SystemClock(), WordsCounted()
        self.provider = OpenAIChat(
            base_url=server.base_url, api_key="", output_cap_field="max_tokens"
        )
        served = {OTHER_MODEL: Price(SERVED, "list")}
        pricing = Pricing(Price(ASKED, "list"), lambda name: served.get(name, Price(None, "none")))
        terms = Terms("mini", ("mini", MODEL), ASKED)
        what = ("mini", MODEL, (), self.provider, terms, OUTPUT_MAX, PATIENCE_MS, PATIENCE_MS)
        self.model = Model(*what, pricing=pricing)
        self.quotas = Quotas(store, self.clock, Rules(policy(*LIMITS)))
        settings = ChatSettings(queue_max=100)
        self.chat = ChatHandler(self.quotas, Models([self.model]), counter, self.clock, settings)
        self.calling = Calling(self.quotas, counter, self.clock)

    async def plays(self, plan: Plan) -> Ask:
        """Ask, stop where that is planned, and give the thread a title in the same turn."""
        ask = Ask(f"e{plan.number}", requester(plan.member), plan.text, thread=str(plan.number))
        reply = Reply((f"m{plan.number}",))
        if plan.is_stopped:
            reply.stop = lambda: self.chat.stop(ask.event)
        await self.chat.handle(ask, reply, Words(when))
        assert len(reply.ends) == 1
        turns = await self.store.turns([ask.event])
        if plan.has_title and turns:
            await self._titles(ask, plan, turns[0])
        return ask

    async def _titles(self, ask: Ask, plan: Plan, turn: int) -> None:
        text = f"say 3 as a title#{plan.number}."
        said = Said(Message("user", text), 8)
        prompt = Prompt((said.message,), 8, 8, 8, said, 0, 0)
        terms, now = self.model.terms, self.clock.now()
        request = CallRequest(
            *(ask.requester, terms, prompt.expected, 8, ask.event, ask.digest, now),
            purpose="title",
            turn=turn,
        )
        call = await self.calling.reserve(request, self.model, prompt)
        if isinstance(call, Refused | Seen):
            return
        async with self.calling.paid(call):
            await self.calling.make(call)

    async def dies(self, number: int) -> None:
        """A hold is made, and the process dies before anything was sent."""
        who, terms = requester(f"m{number % 20}"), self.model.terms
        asked = (10, OUTPUT_MAX, f"dead{number}", "d", self.clock.now())
        await self.quotas.reserve(CallRequest(who, terms, *asked))


def credits_for(entry: LedgerEntry, fault: str) -> int:
    """What a call costs by decimal arithmetic, or by the provider's own word."""
    if fault == "openrouter" and entry.source == "provider":
        return 140
    rates = SERVED if fault == "other_model" and entry.source == "provider" else ASKED
    parts = (
        Decimal(entry.input - entry.cached) * rates.input,
        Decimal(entry.cached) * rates.cached,
        Decimal(entry.output - entry.reasoning) * rates.output,
        Decimal(entry.reasoning) * rates.reasoning,
    )
    cost = sum(parts, Decimal(0)) / 1_000_000
    return int(cost.to_integral_value(ROUND_CEILING))


@dataclass
class Audit:
    """Every difference between ledger and server, under the name of its rule."""

    counted: int = 0
    requests: int = 0
    differences: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    house: Counter[str] = field(default_factory=Counter)

    def hold(self, entry: LedgerEntry, rule: Rule, fault: str, sent: list[Call]) -> None:
        """One entry against the requests of its call that reached the model."""
        where = (entry, rule, fault)
        counted = sum(call.prompt_tokens + call.output_tokens for call in sent)
        charged = entry.tokens + entry.house_tokens
        if rule == "refused before any work":
            assert (entry.kind, charged, counted, entry.credits) == ("release", 0, 0, None), where
        elif rule == "reported":
            (call,) = sent
            assert call.usage is not None, where
            counted = call.usage["total_tokens"]
            assert (entry.kind, entry.source) == ("settle", "provider"), where
            assert (entry.input, entry.output) == (
                call.usage["prompt_tokens"],
                call.usage["completion_tokens"],
            ), where
            assert charged == counted, where
        else:
            # Counted here: never more than was held, so nothing is the house's.
            assert entry.source == "counted", where
            assert (entry.house_tokens, entry.house_credits) == (0, 0), where
            came = sum(call.output_tokens for call in sent)
            assert entry.output <= OUTPUT_MAX, where
            assert rule in {"stopped", "died before it was sent"} or entry.output >= came, where
        if entry.kind != "release":
            assert (entry.credits or 0) + entry.house_credits == credits_for(entry, fault), where
        self.counted += counted
        self.requests += len(sent)
        self.calls[rule] += 1
        self.differences[rule] += charged - counted
        if entry.house_tokens or entry.house_credits:
            self.house[fault] += 1


async def play(folder: Path, turns: int, seed: int = 7) -> str:
    """Play so many turns; the figures."""
    dice = Random(seed)
    store = await SqliteStore.open(
        folder / "books.db", now=SystemClock().now(), synchronous="NORMAL"
    )
    async with ModelServer(answer_tokens=5) as server:
        world = World(store, server)
        await world.quotas.start()
        wanted, asks = list(plans(turns, dice)), dict[int, Ask]()
        room = asyncio.Semaphore(AT_ONCE)

        async def one(plan: Plan) -> None:
            async with room:
                asks[plan.number] = await world.plays(plan)

        await asyncio.gather(*map(one, wanted))
        for number in range(max(1, turns // 100)):
            await world.dies(number)
        await world.provider.close()
        await server.idle()
        await store.close()
        store = await SqliteStore.open(folder / "books.db", now=SystemClock().now())
        try:
            return await audited(store, server, wanted, asks)
        finally:
            await store.close()


def requests_by_text(server: ModelServer) -> dict[str, list[Call]]:
    """The requests that reached the model, by the last word of what was asked."""
    found: dict[str, list[Call]] = defaultdict(list)
    for call in server.requests:
        if call.prompt_tokens:
            found[str(call.messages[-1]["content"]).split()[-1]].append(call)
    return found


async def audited(
    store: SqliteStore, server: ModelServer, wanted: list[Plan], asks: dict[int, Ask]
) -> str:
    entries = [entry async for entry in store.entries(0, None)]
    resolved = [entry for entry in entries if entry.kind != "attempt"]
    audit, receipts = Audit(), list[LedgerEntry]()
    sent = requests_by_text(server)
    refused = 0
    for plan in wanted:
        found = await store.receipts(await store.turns([f"console:console:m{plan.number}"]))
        if not found:
            assert plan.member == "poor"
            assert sent[f"turn#{plan.number}."] == []
            refused += 1
            continue
        (receipt,) = found
        assert receipt.wallet == asks[plan.number].requester.member.wallet
        assert receipt.running == 0
        receipts += receipt.calls
        for call in receipt.calls:
            if call.purpose == "title":
                audit.hold(call, "reported", "ok", sent[f"title#{plan.number}."])
            else:
                audit.hold(call, plan.rule, plan.fault, sent[f"turn#{plan.number}."])
    lost = [entry for entry in resolved if entry.kind == "lapse"]
    for entry in lost:
        audit.hold(entry, "died before it was sent", "", [])
        (receipt,) = await store.receipts([entry.turn])
        receipts += receipt.calls
    # The sum of receipts is the sum of the ledger, entry for entry.
    assert sorted(receipts) == sorted(resolved)
    assert total(receipts) == total(resolved)
    # What the house paid stands in its account, to the token and the credit.
    house = await store.balances("", HOUSE_BOOKS, entries[-1].at)
    sums = total(resolved)
    assert [b.used for b in house] == [sums.house_tokens, sums.house_credits]
    assert set(audit.house) <= {"usage_tenfold", "other_model", "hidden_reasoning", "openrouter"}
    # The ledger less the server is what the rules made of it, and nothing else.
    assert audit.differences["reported"] == audit.differences["refused before any work"] == 0
    assert audit.requests == sum(map(len, sent.values())), "each request was held against an entry"
    named = sum(audit.differences.values())
    assert sums.tokens + sums.house_tokens - audit.counted == named
    assert await store.verify() == []
    told = ", ".join(
        f"{rule} {calls:,} calls {audit.differences[rule]:+,}"
        for rule, calls in audit.calls.items()
    )
    paid = ", ".join(f"{fault} {n}" for fault, n in audit.house.items())
    return (
        f"{len(wanted):,} turns, {len(resolved):,} calls, {refused} refused; tokens of the ledger "
        f"less the server's: {named:+,} ({told}); unexplained 0; the house paid "
        f"{sums.house_tokens:,} tokens in {paid}"
    )


async def test_receipts_ledger_and_provider_agree_over_random_turns(tmp_path: Path) -> None:
    assert "unexplained 0" in await play(tmp_path, SHORT)
