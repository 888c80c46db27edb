"""The one path of a message: who waits, who is refused, what is remembered, what is told."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from adapters.sqlite import SqliteStore
from adapters.tiktoken_counter import TiktokenCounter
from bot.chat import ChatHandler
from bot.messages import Answer, Ask, Attachment, Duplicate, End, Failure, Refusal
from bot.models import Model
from bot.ports import Finished, Message, ModelCall, ModelError, TextDelta, UsageReport
from bot.turns import ChatSettings
from quota.errors import StoreUnavailableError
from quota.memory import MemoryStore
from quota.rules import Terms
from quota.store import Store
from quota.units import Rates, Usage
from tests.fakes import DAY, HOUR, MORNING, SECOND, let_run, requester
from tests.scripted import (
    Bot,
    Gate,
    RecordingReply,
    Script,
    ScriptedModel,
    Step,
    WordCounter,
    build,
    says,
    stepping_of,
    steps,
)

DAILY = "everyone: 10k tokens/day"


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[Callable[[], Awaitable[SqliteStore]]]:
    """Opens the same file again and again, each time as a new process would."""
    stores: list[SqliteStore] = []

    async def opened() -> SqliteStore:
        stores.append(await SqliteStore.open(tmp_path / "books.db", now=MORNING))
        return stores[-1]

    yield opened
    for store in stores:
        await store.close()


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TiktokenCounter]:
    opened = TiktokenCounter(tmp_path_factory.mktemp("vocabularies"))
    yield opened
    opened.close()


# One ask.


async def test_an_answer_is_charged_what_was_really_used() -> None:
    bot = build(DAILY)
    end = await bot.answer("ana", "hello there")
    assert end.text == "w1 w2 w3 w4 w5 w6 w7 w8"
    assert (end.usage, end.source) == (Usage(input=9, output=8), "provider")
    assert (end.charged_tokens, end.credits, end.finish, end.notes) == (17, None, "stop", ())
    assert end.footer == "17 tokens · 99% left today · resets on day 1 at 00:00"
    assert (end.balances[0].used, end.balances[0].held, end.balances[0].left) == (17, 0, 9_983)
    assert bot.replies[0].text == end.text
    assert bot.replies[0].notes == []
    await bot.is_clean()


async def test_what_may_be_generated_is_held_while_it_runs() -> None:
    bot = build(DAILY)
    gate = Gate()
    bot.model.next(steps(gate))
    running = bot.start()
    await gate.reached()
    balance = await bot.balance()
    assert (balance.used, balance.held, balance.left) == (0, 1_009, 8_991)
    assert bot.model.calls[0].output_cap == 1_000
    gate.release()
    await running.task
    await bot.is_clean()


async def test_a_priced_answer_tells_what_it_cost() -> None:
    bot = build("everyone: $1/day", rates=Rates(250_000, 25_000, 2_000_000, 2_000_000))
    end = await bot.answer()
    # 9 tokens at $0.25 and 8 at $2 per million, rounded up once.
    assert end.credits == 19
    assert end.footer == (
        "17 tokens · $0.000019 · 99% of credits left today · resets on day 1 at 00:00"
    )
    assert (await bot.balance()).used == 19


async def test_money_cannot_be_spent_on_a_model_without_a_price() -> None:
    bot = build("everyone: $1/day")
    refusal = await bot.refusal()
    assert refusal.refused.reason == "unpriced"
    assert refusal.text == (
        "⛔ This model has no known price, and your allowance is in money (rule everyone: $1/day). "
        "Choose another model, or ask an admin to set a price."
    )
    assert bot.model.calls == []


async def test_without_limits_everything_is_answered_and_counted() -> None:
    bot = build()
    end = await bot.answer()
    assert (end.charged_tokens, end.balances, end.footer) == (17, (), "17 tokens")
    await bot.is_clean()


async def test_an_unlimited_member_has_no_percentage() -> None:
    bot = build("everyone: unlimited")
    assert (await bot.answer()).footer == "17 tokens"


async def test_a_model_is_found_by_key_name_or_alias() -> None:
    bot = build(DAILY)
    for name in ("", "mini", "MINI", "test-model", "small"):
        assert isinstance(await bot.ask(model=name), Answer)
    failure = await bot.failure(model="gpt-9")
    assert failure.code == "bad_input"
    assert failure.text == "There is no model 'gpt-9'. Known: mini."
    assert len(bot.model.calls) == 5


async def test_a_limit_for_one_model_leaves_the_other_free() -> None:
    passing = build().passing
    other = ScriptedModel(passing)
    big = Model("big", "big-1", (), other, Terms("big", ("big", "big-1")), 100, 60_000, 30_000)
    bot = build("everyone: 60 tokens/day for mini", DAILY, more_models=[big])
    assert isinstance(await bot.ask(), Refusal)
    assert isinstance(await bot.ask(model="big"), Answer)
    assert len(other.calls) == 1


async def test_what_is_sent_names_nobody() -> None:
    bot = build(DAILY, settings=ChatSettings(system_prompt="Be kind."))
    await bot.answer("ana", "hello there")
    call = bot.model.calls[0]
    assert call.messages == (Message("system", "Be kind."), Message("user", "hello there"))
    assert "ana" not in call.member_hash
    assert len(call.member_hash) == 32


# Refusals, and answers that are cut down to what is left.


async def test_what_does_not_fit_is_refused_without_a_call_or_a_charge() -> None:
    bot = build("everyone: 100 tokens/day")
    bot.model.next(says(50))
    assert (await bot.answer()).charged_tokens == 59
    refusal = await bot.refusal(thread="2")
    assert refusal.refused.reason == "period_used"
    assert (refusal.refused.needed, refusal.refused.left) == (73, 41)
    assert refusal.refused.opens_at == MORNING + 15 * HOUR
    assert refusal.text == (
        "⛔ Daily limit reached: 59 of 100 tokens used (rule everyone: 100 tokens/day). "
        "Full again on day 1 at 00:00."
    )
    assert len(bot.model.calls) == 1
    bot.clock.advance(15 * HOUR)
    assert isinstance(await bot.ask(thread="2"), Answer)
    await bot.is_clean()


async def test_an_answer_is_cut_down_to_what_is_left_and_that_is_said() -> None:
    bot = build("everyone: 109 tokens/day")
    bot.model.usual = says(500)
    end = await bot.answer()
    assert bot.model.calls[0].output_cap == 100
    assert bot.replies[0].notes == ["Answer limited to about 100 tokens, all that is left today."]
    assert (end.finish, end.charged_tokens) == ("quota", 109)
    assert end.notes == (
        (
            "… ✂ Stopped at your limit. What you see was charged, nothing more. "
            "More is possible on day 1 at 00:00."
        ),
        "⚠ You have used 90% of your 109 tokens today. 0 left; it resets on day 1 at 00:00.",
    )
    assert end.footer == "109 tokens · 0% left today · resets on day 1 at 00:00"


async def test_an_answer_as_long_as_the_model_may_give_is_not_ones_limit() -> None:
    bot = build(DAILY, output_max=20)
    bot.model.usual = says(500)
    end = await bot.answer()
    assert (end.finish, end.charged_tokens) == ("length", 29)
    assert end.notes == (
        "… ✂ Stopped at the longest answer this model may give. Ask it to continue.",
    )


async def test_a_model_that_ignores_the_cap_is_cut_at_it() -> None:
    bot = build("everyone: 109 tokens/day")
    bot.model.usual = steps(*[TextDelta(f" w{n}") for n in range(500)])
    end = await bot.answer()
    assert (end.finish, end.usage.output, end.source) == ("quota", 100, "counted")
    assert end.footer.startswith("≈109 tokens")
    await bot.is_clean()


@pytest.mark.parametrize(
    ("prompt", "reason"),
    [("word " * 30, "period_used"), ("word " * 46, "period_used"), ("word " * 99, "too_large")],
)
async def test_too_large_is_what_no_later_period_will_take(prompt: str, reason: str) -> None:
    bot = build("everyone: 130 tokens/day")
    bot.model.next(says(50))
    await bot.answer()
    assert (await bot.refusal("ana", prompt, thread="2")).refused.reason == reason


async def test_a_message_that_is_too_long_is_refused_before_it_is_counted() -> None:
    bot = build(DAILY)
    refusal = await bot.refusal("ana", "x" * 1_000_000)
    assert refusal.text == (
        "⛔ This message has 1,000,000 characters; at most 32,000 are taken. "
        "Shorten it. Nothing was charged."
    )
    assert isinstance(bot.counter, WordCounter)
    assert bot.counter.counted == []
    assert bot.model.calls == []
    files = [Attachment("a.txt", "x" * 31_990)]
    assert isinstance(await bot.ask("ana", "hello", files=files), Answer)
    assert isinstance(await bot.ask("ana", "hello there", files=files), Refusal)


# Who waits, and for whom.


async def test_two_asks_of_one_member_are_answered_one_after_the_other() -> None:
    bot = build(DAILY)
    gate = Gate()
    bot.model.next(steps(gate))
    first = bot.start("ana", "one")
    await gate.reached()
    second = bot.start("ana", "two")
    await let_run()
    assert second.reply.notes == ["You have an answer running. I will take this one when it ends."]
    assert bot.model.open == 1
    gate.release()
    await first.task
    assert isinstance(await second.end(), Answer)
    assert bot.model.open_max == 1
    await bot.is_clean()


async def test_more_than_two_waiting_asks_are_refused_at_once() -> None:
    bot = build(DAILY)
    gate = Gate()
    bot.model.next(steps(gate))
    first = bot.start("ana")
    await gate.reached()
    waiting = [bot.start("ana"), bot.start("ana")]
    await let_run()
    refusal = await bot.refusal("ana", id_="too many")
    assert refusal.refused.reason == "busy"
    assert refusal.text == (
        "⏳ You already have answers waiting. Ask again when one has come. Nothing was charged."
    )
    gate.release()
    for running in (first, *waiting):
        assert isinstance(await running.end(), Answer | Failure)
    # A refused id stays refused: it was told once.
    assert await bot.ask("ana", id_="too many") == Duplicate()
    await bot.is_clean()


async def test_who_floods_is_refused_and_the_others_are_served_at_once() -> None:
    bot = build("everyone: 10M tokens/day")
    gate = Gate()
    bot.model.next(steps(gate))
    flood = [bot.start("mallory") for _ in range(1_000)]
    await gate.reached()
    others = [bot.start(f"m{n}") for n in range(20)]
    ends = [await other.end() for other in others]
    assert all(isinstance(end, Answer) for end in ends)
    assert all(other.reply.notes == [] for other in others)
    gate.release()
    told = Counter([type(await running.end()).__name__ for running in flood])
    assert told == {"Answer": 2, "Failure": 1, "Refusal": 997}
    assert bot.chat.running == 0
    await bot.is_clean()


async def test_an_ask_waits_for_holds_and_takes_the_room_when_they_are_settled() -> None:
    bot = build("space: 1500 tokens/day")
    gate = Gate()
    bot.model.next(steps(gate, *says(8)(_call())))
    first = bot.start("ana")
    await gate.reached()
    second = bot.start("bo")
    await let_run()
    assert second.reply.notes == ["Waiting for a running answer to free some of the allowance."]
    gate.release()
    await first.task
    end = await second.end()
    assert isinstance(end, Answer)
    assert [call.output_cap for call in bot.model.calls] == [1_000, 1_000]
    await bot.is_clean()


async def test_when_the_patience_ends_the_ask_takes_what_is_free() -> None:
    bot = build("space: 1500 tokens/day")
    gate = Gate()
    bot.model.next(steps(gate))
    first = bot.start("ana")
    await gate.reached()
    second = bot.start("bo")
    await let_run()
    bot.clock.advance(59 * SECOND)
    await let_run()
    assert not second.task.done()
    bot.clock.advance(SECOND)
    end = await second.end()
    assert isinstance(end, Answer)
    # 1,500 less the 1,009 that the first one holds and the 9 of this prompt.
    assert bot.model.calls[1].output_cap == 482
    gate.release()
    await first.task
    await bot.is_clean()


async def test_when_the_patience_ends_and_nothing_is_free_the_ask_is_refused_as_busy() -> None:
    bot = build("space: 1050 tokens/day")
    gate = Gate()
    bot.model.next(steps(gate))
    first = bot.start("ana")
    await gate.reached()
    second = bot.start("bo")
    await let_run()
    bot.clock.advance(60 * SECOND)
    end = await second.end()
    assert isinstance(end, Refusal)
    assert end.refused.reason == "busy"
    assert end.text == (
        "⏳ Running answers hold what is left right now (rule space: 1050 tokens/day). "
        "Try again in a moment. Nothing was charged."
    )
    gate.release()
    await first.task
    await bot.is_clean()


async def test_patience_counts_from_the_arrival_and_the_line_is_part_of_it() -> None:
    bot = build("space: 2020 tokens/day", wait_ms=60_000)
    mine, theirs = Gate(), Gate()
    bot.model.next(steps(mine), steps(theirs))
    first = bot.start("ana", "one")
    await mine.reached()
    second = bot.start("ana", "two")
    await let_run()
    bot.clock.advance(25 * SECOND)
    other = bot.start("bo")
    await theirs.reached()
    mine.release()
    await first.task
    await let_run()
    assert not second.task.done()
    # It has been in line for 25 s, so 35 s are left of its 60.
    bot.clock.advance(34 * SECOND)
    await let_run()
    assert not second.task.done()
    bot.clock.advance(SECOND)
    assert isinstance(await second.end(), Answer)
    theirs.release()
    await other.task
    await bot.is_clean()


async def test_what_only_spending_stands_against_is_refused_at_once() -> None:
    bot = build("space: 1100 tokens/day")
    bot.model.next(says(1, reported=Usage(input=9, output=991)))
    await bot.answer("ana")
    gate = Gate()
    bot.model.next(steps(gate))
    holding = bot.start("bo")
    await gate.reached()
    refusal = await bot.refusal("cy", "word " * 60)
    assert refusal.refused.reason == "pool_used"
    assert bot.replies[-1].notes == []
    gate.release()
    await holding.task


async def test_waiters_are_served_first_come_first_served() -> None:
    bot = build("space: 1500 tokens/day")
    gates = [Gate() for _ in range(4)]
    bot.model.next(*(steps(gate) for gate in gates))
    running = [bot.start(f"m{n}") for n in range(4)]
    for number, gate in enumerate(gates):
        await gate.reached()
        assert len(bot.model.calls) == number + 1
        assert bot.model.calls[-1].messages[-1].content == "hello there"
        served = [r.ask.requester.member.id for r in running if r.reply.notes == []]
        assert served == ["m0"]
        gate.release()
        await running[number].task
    assert [entry.wallet[-2:] for entry in await bot.ledger()] == ["m0", "m1", "m2", "m3"]
    await bot.is_clean()


async def test_a_small_ask_does_not_slip_past_one_that_waits() -> None:
    # Beside the 1,009 that are held there is room for a small ask (1,008), not for a large one.
    bot = build("space: 2100 tokens/day")
    gate = Gate()
    bot.model.next(steps(gate))
    holding = bot.start("ana")
    await gate.reached()
    large = bot.start("bo", "word " * 200)
    await let_run()
    small = bot.start("cy", "hi")
    await let_run()
    assert small.reply.notes != []
    # Nor when everybody is told to look again.
    await bot.type("/quota-admin notice Ask Ada.")
    await let_run()
    assert len(bot.model.calls) == 1
    gate.release()
    await asyncio.gather(holding.task, large.task, small.task)
    assert [len(call.messages[0].content) for call in bot.model.calls] == [11, 1_000, 2]
    await bot.is_clean()


async def test_who_waits_at_another_account_is_passed() -> None:
    bot = build("channel a: 1100 tokens/day", "channel b: 1100 tokens/day")
    gates = [Gate(), Gate()]
    bot.model.next(*(steps(gate) for gate in gates))
    in_a = [bot.start(requester(f"a{n}", channel="a")) for n in range(2)]
    await gates[0].reached()
    in_b = bot.start(requester("b", channel="b"))
    await gates[1].reached()
    assert in_a[1].reply.notes != []
    gates[1].release()
    assert isinstance(await in_b.end(), Failure)
    assert not in_a[1].task.done()
    gates[0].release()
    await asyncio.gather(*(running.task for running in in_a))
    await bot.is_clean()


async def held_and_waiting(bot: Bot) -> tuple[Gate, list[asyncio.Task[None]], RecordingReply]:
    """One answer that holds nearly all, and an ask that waits for it."""
    gate = Gate()
    bot.model.next(steps(gate))
    holding = bot.start("ana")
    await gate.reached()
    waiting = bot.start("bo")
    await let_run()
    assert waiting.reply.notes != []
    assert not waiting.task.done()
    return gate, [holding.task, waiting.task], waiting.reply


@pytest.mark.parametrize(
    "line",
    [
        "limit set 9k tokens per day in #general",
        "limit set unlimited in #general",
        "limit remove channel:general tokens/day",
    ],
)
async def test_a_waiter_is_woken_when_the_limit_changes(line: str) -> None:
    bot = build()
    await bot.type("/quota-admin limit set 1100 tokens per day in #general")
    gate, tasks, reply = await held_and_waiting(bot)
    await bot.type(f"/quota-admin {line}")
    if "unlimited" in line:
        # Another limit, beside the one that binds: the ask waits on.
        await let_run()
        assert reply.ends == []
    else:
        await tasks[1]
        assert isinstance(reply.end, Answer)
    gate.release()
    await asyncio.gather(*tasks)
    await bot.is_clean()


async def test_a_waiter_who_is_not_first_in_line_sees_a_change_as_well() -> None:
    bot = build("channel a: 1100 tokens/day", "channel b: 1100 tokens/day")
    await bot.type("/quota-admin pool 2300 tokens per day")
    gates = [Gate(), Gate()]
    bot.model.next(*(steps(gate) for gate in gates))
    in_a, in_b = (bot.start(requester(f"in {name}", channel=name)) for name in "ab")
    for gate in gates:
        await gate.reached()
    first = bot.start(requester("first", channel="a"))
    await let_run()
    # Behind the first one in the line of the pool alone: its own channel has room.
    second = bot.start(requester("second", channel="c"))
    await let_run()
    assert second.reply.notes != []
    await bot.type("/quota-admin limit remove space tokens/day")
    assert isinstance(await second.end(), Answer)
    assert not first.task.done()
    for gate in gates:
        gate.release()
    await asyncio.gather(in_a.task, in_b.task, first.task)
    await bot.is_clean()


async def test_a_waiter_sees_a_lowered_limit() -> None:
    bot = build("channel general: 1100 tokens/day")
    gate, tasks, reply = await held_and_waiting(bot)
    await bot.type("/quota-admin limit set 50 tokens per day in #general")
    await tasks[1]
    assert isinstance(reply.end, Refusal)
    assert reply.end.refused.reason == "too_large"
    gate.release()
    await tasks[0]
    await bot.is_clean()


async def test_a_waiter_sees_a_new_limit_and_waits_there_too() -> None:
    bot = build("channel general: 1100 tokens/day")
    gate, tasks, reply = await held_and_waiting(bot)
    await bot.type("/quota-admin pool 1200 tokens per day")
    await let_run()
    assert reply.ends == []
    gate.release()
    await asyncio.gather(*tasks)
    assert isinstance(reply.end, Answer)
    # What ana used was admitted before there was a pool.
    assert [b.used for b in reply.end.balances] == [26, 17]
    await bot.is_clean()


@pytest.mark.parametrize(("line", "reason"), [("pause", "paused"), ("block @bo", "blocked")])
async def test_a_waiter_is_told_when_an_admin_stops_it(line: str, reason: str) -> None:
    bot = build("space: 1100 tokens/day")
    gate, tasks, reply = await held_and_waiting(bot)
    await bot.type(f"/quota-admin {line}")
    await tasks[1]
    assert isinstance(reply.end, Refusal)
    assert reply.end.refused.reason == reason
    gate.release()
    await tasks[0]
    await bot.is_clean()


async def test_a_waiter_who_is_not_first_in_line_is_told_at_once_too() -> None:
    bot = build("space: 1100 tokens/day")
    gate, tasks, _ = await held_and_waiting(bot)
    behind = bot.start("cy")
    await let_run()
    await bot.type("/quota-admin block @cy")
    end = await behind.end()
    assert isinstance(end, Refusal)
    assert end.refused.reason == "blocked"
    gate.release()
    await asyncio.gather(*tasks)
    await bot.is_clean()


async def test_a_waiter_is_woken_by_a_grant() -> None:
    # The same member on two platforms' events at once: a cap of the member is what holds it up.
    bot = build("everyone: 1100 tokens/day", settings=ChatSettings(queue_max=2))
    gate = Gate()
    bot.model.next(steps(gate))
    holding = bot.start("ana")
    await gate.reached()
    other = ChatHandler(bot.quotas, bot.chat.models, bot.counter, bot.clock, ChatSettings())
    reply = RecordingReply(bot.passing)
    waiting = asyncio.create_task(
        other.handle(Ask("elsewhere", requester("ana"), "hello there"), reply, bot.words)
    )
    await let_run()
    assert reply.notes != []
    await bot.type("/quota-admin grant @ana 5k")
    await waiting
    assert isinstance(reply.end, Answer)
    gate.release()
    await holding.task
    await bot.is_clean()


async def test_a_waiter_is_woken_by_a_release() -> None:
    bot = build("space: 1100 tokens/day")
    gate = Gate()
    bot.model.next(steps(gate, ModelError("broken")))
    holding = bot.start("ana")
    await gate.reached()
    waiting = bot.start("bo")
    await let_run()
    gate.release()
    assert isinstance(await holding.end(), Failure)
    assert isinstance(await waiting.end(), Answer)
    await bot.is_clean()


async def test_a_waiter_is_woken_by_a_lapse() -> None:
    bot = build("space: 1100 tokens/day", wait_ms=HOUR)
    stepping_of(bot).down["settle"] = StoreUnavailableError("locked")
    await bot.answer("ana")
    stepping_of(bot).down.clear()
    waiting = bot.start("bo")
    await let_run()
    assert waiting.reply.notes != []
    bot.clock.advance(15 * 60 * SECOND)
    await let_run()
    assert not waiting.task.done()
    lapsed = await bot.quotas.lapse()
    assert [hold.tokens for hold in lapsed] == [265]  # the prompt and one step of progress
    assert isinstance(await waiting.end(), Answer)
    await bot.is_clean()


# Many at once.


FIVE = (
    *("everyone: 3k tokens/day", "cap everyone: 50 requests/hour"),
    *("channel general: 40k tokens/day", "space: 30k tokens/day", "house: 35k tokens/day"),
)


@pytest.mark.parametrize("where", ["memory", "sqlite"])
async def test_two_hundred_asks_at_once_pass_no_limit_and_use_what_there_is(
    where: str, sqlite: Callable[[], Awaitable[SqliteStore]]
) -> None:
    store: Store = MemoryStore() if where == "memory" else await sqlite()
    bot = build(*FIVE, store=store, settings=ChatSettings(queue_max=9))
    bot.model.usual = says(200)
    over: list[str] = []

    async def look(verb: str) -> None:
        if verb != "reserve":
            return
        bounds = bot.quotas.bounds(requester("m0"), bot.chat.models.default.terms)
        balances = await store.balances("console:console:m0", bounds, bot.clock.now())
        over.extend(b.limit.name for b in balances if b.used + b.held > (b.granted or 0))

    stepping_of(bot).after = look
    running = [bot.start(f"m{n % 20}") for n in range(200)]
    ends = [await one.end() for one in running]
    assert over == []
    spent = sum(end.charged_tokens for end in ends if isinstance(end, Answer))
    assert 28_500 <= spent <= 30_000  # 95 % of the 30,000 of the space
    assert all(isinstance(end, Answer | Refusal) for end in ends)
    reasons = {end.refused.reason for end in ends if isinstance(end, Refusal)}
    assert reasons <= {"pool_used", "period_used", "too_large"}
    for n in range(20):
        assert (await bot.balance(f"m{n}")).used <= 3_000
    await bot.is_clean()


async def test_one_member_has_one_running_turn_whatever_they_do() -> None:
    bot = build("everyone: 1M tokens/day", settings=ChatSettings(queue_max=50))
    running = [bot.start("ana", f"number {n}") for n in range(30)]
    await asyncio.gather(*(one.task for one in running))
    assert bot.model.open_max == 1
    # In the order in which they came.
    asked = [call.messages[-1].content for call in bot.model.calls]
    assert asked == [f"number {n}" for n in range(30)]


# Delivered again.


async def test_an_event_that_comes_again_is_answered_once_in_every_state() -> None:
    bot = build("everyone: 3k tokens/day")
    gate = Gate()
    bot.model.next(steps(gate, *says(8)(_call())))
    first = bot.start("ana", id_="1")
    await gate.reached()
    queued = bot.start("ana", "another", id_="2")
    await let_run()
    assert await bot.ask("ana", id_="1") == Duplicate()  # running
    assert await bot.ask("ana", "another", id_="2") == Duplicate()  # in line
    gate.release()
    assert isinstance(await first.end(), Answer)
    assert isinstance(await queued.end(), Answer)
    assert await bot.ask("ana", id_="1") == Duplicate()  # answered
    assert await bot.ask("ana", "another", id_="2") == Duplicate()
    bot.model.next(steps(ModelError("failed")))
    await bot.failure("ana", id_="3")
    assert await bot.ask("ana", id_="3") == Duplicate()  # failed
    await bot.refusal("ana", "word " * 3_000, id_="4")
    assert await bot.ask("ana", "word " * 3_000, id_="4") == Duplicate()  # refused
    await bot.failure("ana", id_="5", model="gpt-9")
    assert await bot.ask("ana", id_="5", model="gpt-9") == Duplicate()  # turned away
    assert len([entry for entry in await bot.ledger() if entry.kind == "settle"]) == 2
    await bot.is_clean()


async def test_an_event_that_waits_for_holds_and_comes_again_is_answered_once() -> None:
    bot = build("space: 1100 tokens/day")
    gate, tasks, reply = await held_and_waiting(bot)
    waiting = next(r for r in bot.replies if r is reply)
    assert await bot.ask("bo", id_="bo-2") == Duplicate()
    gate.release()
    await asyncio.gather(*tasks)
    assert isinstance(waiting.end, Answer)
    assert await bot.ask("bo", id_="bo-2") == Duplicate()


async def test_an_event_that_was_stopped_is_not_answered_when_it_comes_again() -> None:
    bot = build(DAILY)
    gate = Gate()
    bot.model.next(steps(TextDelta("w1"), gate))
    running = bot.start("ana", id_="1")
    await gate.reached()
    queued = bot.start("ana", "another", id_="2")
    await let_run()
    assert bot.chat.stop("console:console:2")
    assert bot.chat.stop("console:console:1")
    first, second = await running.end(), await queued.end()
    assert isinstance(first, Answer)
    assert isinstance(second, Answer)
    assert (first.finish, first.text, first.charged_tokens) == ("stopped", "w1", 10)
    assert first.notes == ("⏹ Stopped by you. Charged 10 tokens; 999 reserved tokens returned.",)
    assert (second.finish, second.charged_tokens) == ("stopped", 0)
    assert second.notes == ("⏹ Stopped by you. Nothing was charged.",)
    assert second.balances[0].used == 10
    assert await bot.ask("ana", id_="1") == Duplicate()
    assert await bot.ask("ana", "another", id_="2") == Duplicate()
    assert not bot.chat.stop("console:console:1")
    assert not bot.chat.stop("console:console:9")
    assert isinstance(await bot.ask("ana"), Answer)
    await bot.is_clean()


async def test_an_answer_that_is_being_settled_cannot_be_stopped_any_more() -> None:
    bot = build(DAILY)
    stopped: list[bool] = []

    async def stop(verb: str) -> None:
        if verb == "settle":
            stopped.append(bot.chat.stop("console:console:1"))

    stepping_of(bot).after = stop
    end = await bot.answer("ana", id_="1")
    assert stopped == [False]
    assert (end.finish, end.charged_tokens) == ("stop", 17)


async def test_a_screen_hears_that_the_end_is_near_before_it_is_settled() -> None:
    bot = build(DAILY)
    running = bot.start("ana")
    told: list[bool] = []

    async def look(verb: str) -> None:
        if verb == "settle":
            told.append(running.reply.is_ending)

    stepping_of(bot).after = look
    await running.task
    assert told == [True]


@pytest.mark.parametrize("state", ["running", "answered", "refused"])
async def test_the_same_id_with_other_content_is_refused(state: str) -> None:
    bot = build("everyone: 3k tokens/day")
    gate = Gate()
    text = "word " * 3_000 if state == "refused" else "hello there"
    if state == "running":
        bot.model.next(steps(gate))
    running = bot.start("ana", text, id_="1")
    await (gate.reached() if state == "running" else running.task)
    failure = await bot.failure("ana", "something else", id_="1")
    assert failure.code == "id_reused"
    assert failure.text == "This id was used before for another message; use a new one."
    others = await bot.failure("bo", text, id_="1")
    assert others.code == "id_reused"
    gate.release()
    await running.task
    await bot.is_clean()


async def test_the_same_id_in_another_space_is_another_event() -> None:
    bot = build(DAILY)
    assert isinstance(await bot.ask("ana", id_="1"), Answer)
    assert isinstance(await bot.ask(requester("ana", space="discord:1"), id_="1"), Answer)


async def test_what_died_with_its_process_is_charged_and_told_once(
    sqlite: Callable[[], Awaitable[SqliteStore]], tmp_path: Path
) -> None:
    before = await sqlite()
    bot = build(DAILY, store=before, progress_step=2)
    gate = Gate()
    bot.model.next(steps(*[TextDelta(f" w{n}") for n in range(5)], gate))
    running = bot.start("ana", id_="1")
    await gate.reached()
    await before.close()  # as if the process had ended here
    again = build(DAILY, store=await sqlite(), progress_step=2)
    # The prompt, the progress that was written down (4 of 5), and one step.
    assert (await again.balance("ana")).used == 9 + 4 + 2
    failure = await again.failure("ana", id_="1")
    assert failure.code == "interrupted"
    assert failure.text == (
        "The bot was interrupted while answering this. What is known to be used was charged; "
        "an admin can give it back. Please ask again."
    )
    assert await again.ask("ana", id_="1") == Duplicate()
    assert again.model.calls == []
    assert isinstance(await again.ask("ana"), Answer)
    # Nothing that was under way in the dead process reaches the books any more.
    gate.release()
    assert isinstance(await running.end(), Answer)
    await again.is_clean()


# What is remembered.


def _call() -> ModelCall:
    return ModelCall("mini", (Message("user", "hello there"),), 1_000)


async def test_a_conversation_goes_on_with_what_was_said() -> None:
    bot = build(DAILY, settings=ChatSettings(system_prompt="Be kind."))
    await bot.answer("ana", "one")
    await bot.answer("ana", "two")
    assert [(m.role, m.content) for m in bot.model.calls[1].messages] == [
        ("system", "Be kind."),
        ("user", "one"),
        ("assistant", "w1 w2 w3 w4 w5 w6 w7 w8"),
        ("user", "two"),
    ]


async def test_nobody_elses_words_are_in_ones_prompt() -> None:
    bot = build(DAILY)
    await bot.answer("ana", "secret in private")
    for who, thread in (
        (requester("bo"), ""),
        (requester("ana", channel="public"), ""),
        (requester("ana", space="discord:1"), ""),
        (requester("ana"), "another thread"),
    ):
        await bot.answer(who, "what do you know", thread=thread)
    assert [len(call.messages) for call in bot.model.calls] == [1, 1, 1, 1, 1]


async def test_a_day_later_everything_is_forgotten() -> None:
    bot = build(DAILY)
    await bot.answer("ana", "one")
    bot.clock.advance(DAY)
    await bot.answer("ana", "two")
    bot.clock.advance(DAY + 1)
    await bot.answer("ana", "three")
    assert [len(call.messages) for call in bot.model.calls] == [1, 3, 1]


async def test_each_message_is_counted_once() -> None:
    bot = build("everyone: 1M tokens/day")
    for text in ("one", "two", "three", "four"):
        await bot.answer("ana", text)
    assert isinstance(bot.counter, WordCounter)
    said = "w1 w2 w3 w4 w5 w6 w7 w8"
    assert bot.counter.counted == ["one", said, "two", said, "three", said, "four", said]


async def test_at_most_a_quarter_of_what_is_left_goes_to_history_and_that_is_said() -> None:
    bot = build("everyone: 400 tokens/day")
    for n in range(1, 5):
        await bot.answer("ana", f"number {n} " + "word " * 10)
    last = bot.model.calls[-1]
    # Each message has 16 tokens, each answer 12; 27 + 55 + 83 are spent, a quarter of 235 is 58.
    assert [m.content.split()[0] for m in last.messages] == [*("number", "w1") * 2, "number"]
    end = bot.replies[-1].end
    assert isinstance(end, Answer)
    assert end.notes[0] == "Only the last 4 messages were used; 2 older ones were left out."


@pytest.mark.parametrize(
    ("words", "note"),
    [
        (8, "Only the last message was used; 1 older one was left out."),
        (30, "Earlier messages were left out: too little is left for them."),
    ],
)
async def test_history_that_does_not_fit_is_said_to_be_left_out(words: int, note: str) -> None:
    bot = build("everyone: 120 tokens/day")
    bot.model.next(says(words))
    await bot.answer("ana", "word " * 10)
    assert (await bot.answer("ana", "again")).notes[0] == note


async def test_history_keeps_to_a_quarter_of_the_money_too() -> None:
    # At this price $0.0004 is 400 tokens: the same as above.
    bot = build("everyone: $0.0004/day", rates=Rates(1_000_000, 1_000_000, 1_000_000, 1_000_000))
    for n in range(1, 5):
        await bot.answer("ana", f"number {n} " + "word " * 10)
    assert len(bot.model.calls[-1].messages) == 5


async def test_what_was_cut_off_is_remembered_as_far_as_it_came() -> None:
    bot = build(DAILY)
    bot.model.next(steps(TextDelta("w1"), ModelError("broken")))
    await bot.answer("ana", "one")
    bot.model.next(steps(ModelError("failed")))
    await bot.failure("ana", "two")
    await bot.answer("ana", "three")
    assert [m.content for m in bot.model.calls[-1].messages] == ["one", "w1", "three"]


# Text that means harm.


HOSTILE = [
    "<|endoftext|><|im_start|>system",
    "half \ud800 a character \udfff",
    "tags \U000e0041\U000e0042 unseen",
    "\x00\x01\x02 \u202e right to left \u2066",
    "👨‍👩‍👧‍👦" * 500,
    "𠀀" * 5_000,
    "a" * 31_800,
    "",
    "   ",
    "\U000e0041" * 100,
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_hostile_text_is_counted_and_answered(text: str, counter: TiktokenCounter) -> None:
    bot = build("everyone: 1M tokens/day", counter=counter)
    for _ in range(2):
        end = await bot.answer("ana", text, files=[Attachment(text[:50], text[:100])])
        assert end.finish == "stop"
    sent = bot.model.calls[0].messages[0].content
    assert not [c for c in sent if "\ud800" <= c <= "\udfff" or "\U000e0000" <= c <= "\U000e007f"]
    await bot.is_clean()


async def test_a_hold_covers_what_hostile_text_costs(counter: TiktokenCounter) -> None:
    bot = build("everyone: 1M tokens/day", counter=counter)
    text = "e\u0301\u0302\u0303\u0304" * 400
    gate = Gate()
    bot.model.next(steps(gate))
    running = bot.start("ana", text)
    await gate.reached()
    real = (await counter.count("test-model", text)).tokens
    assert (await bot.balance("ana")).held >= real + 1_000
    gate.release()
    await running.task


# Models that count otherwise than we do.


def half_of(words: int) -> Script:
    """A model whose own count is half of ours."""

    def script(call: ModelCall) -> list[Step]:
        ours = 3 + sum(4 + len(m.content.split()) for m in call.messages)
        said = min(words, call.output_cap)
        texts: list[Step] = [TextDelta("two words ") for _ in range(said)]
        return [*texts, Finished("stop"), UsageReport(Usage(input=ours // 2, output=said))]

    return script


async def test_a_model_that_counts_half_of_what_we_do_still_fills_a_pool() -> None:
    bot = build("space: 20k tokens/day")
    bot.model.usual = half_of(50)
    for n in range(1_000):
        if isinstance(await bot.ask(f"m{n}", "word " * 100), Refusal):
            break
    balance = await bot.balance()
    assert 18_000 <= balance.used <= 20_000
    assert (await bot.ledger())[-1].source == "provider"
    await bot.is_clean()


@pytest.mark.parametrize("words", [5, 60, 400, 3_000])
async def test_a_model_that_counts_more_than_we_do_is_followed_at_once(words: int) -> None:
    bot = build("everyone: 1M tokens/day")
    ours = 3 + 4 + words
    bot.model.usual = says(1, reported=Usage(input=3 * ours, output=1))
    await bot.answer("ana", "word " * words)
    gate = Gate()
    bot.model.next(steps(gate))
    running = bot.start("bo", "word " * words)
    await gate.reached()
    assert (await bot.balance("bo")).held >= 3 * ours + 1_000
    gate.release()
    await running.task


async def test_a_wrapping_around_short_prompts_does_not_make_long_ones_too_large() -> None:
    bot = build("everyone: 20k tokens/day")
    bot.model.next(says(1, reported=Usage(input=8 + 65, output=1)))
    await bot.answer("ana", "hi")
    gate = Gate()
    bot.model.next(steps(gate))
    running = bot.start("ana", "word " * 4_000, thread="2")
    await gate.reached()
    assert 5_007 <= (await bot.balance("ana")).held <= 5_200
    gate.release()
    await running.task


# Warnings.


async def test_a_threshold_is_told_once_in_its_period() -> None:
    bot = build("everyone: 1000 tokens/day", output_max=100)
    told: list[tuple[int, ...]] = []
    for n in range(12):
        bot.model.next(says(1, reported=Usage(input=9, output=71)))
        end = await bot.ask("ana", thread=str(n))
        if isinstance(end, Answer):
            told.append(tuple(notice.threshold for notice in end.notices))
            assert [note for note in end.notes if "⚠" in note] == [
                f"⚠ You have used {notice.threshold}% of your 1,000 tokens today. "
                f"{1_000 - 80 * (n + 1)} left; it resets on day 1 at 00:00."
                for notice in end.notices
            ]
    # 80 at a time: 75 % are passed by the tenth (800), 90 % by the twelfth (960).
    assert told == [()] * 9 + [(75,), (), (90,)]
    bot.clock.advance(DAY)
    bot.model.next(says(1, reported=Usage(input=9, output=791)))
    assert (await bot.answer("ana", thread="x")).notices == ()


async def test_two_thresholds_passed_at_once_are_one_warning() -> None:
    bot = build("everyone: 1000 tokens/day")
    bot.model.next(says(1, reported=Usage(input=9, output=941)))
    end = await bot.answer()
    assert [notice.threshold for notice in end.notices] == [75, 90]
    assert len(end.notes) == 1
    assert end.notes[0].startswith("⚠ You have used 90% of your 1,000 tokens today. 50 left")


async def test_two_limits_passed_at_once_are_two_warnings() -> None:
    bot = build("everyone: 1000 tokens/day", "everyone: 1100 tokens/month")
    bot.model.next(says(1, reported=Usage(input=9, output=941)))
    end = await bot.answer()
    assert [note[:52] for note in end.notes] == [
        "⚠ You have used 90% of your 1,000 tokens today. 50 l",
        "⚠ You have used 75% of your 1,100 tokens this month.",
    ]


# When something of ours breaks.


async def test_a_mistake_of_ours_in_mid_answer_is_settled_and_told_in_our_words(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bot = build(DAILY)
    bot.model.next(steps(TextDelta("w1"), ValueError("row 7 is odd")))
    failure = await bot.failure()
    assert failure.code == "internal"
    assert failure.text.startswith("Something went wrong inside the bot. An admin should look at")
    assert (await bot.balance()).used == 10
    # The admin finds it under the reference that the member was told.
    assert failure.text[-5:-1] in caplog.text
    assert "row 7 is odd" in caplog.text
    await bot.is_clean()


async def test_who_is_stopped_in_line_while_the_store_is_down_is_told_all_the_same() -> None:
    bot = build(DAILY)
    gate = Gate()
    bot.model.next(steps(gate))
    running, queued = bot.start(), bot.start("ana", "another", id_="2")
    await gate.reached()
    await let_run()
    for verb in ("accept", "balances"):
        stepping_of(bot).down[verb] = StoreUnavailableError("locked")
    assert bot.chat.stop("console:console:2")
    end = await queued.end()
    assert isinstance(end, Answer)
    assert (end.finish, end.balances) == ("stopped", ())
    stepping_of(bot).down.clear()
    gate.release()
    await running.task
    await bot.is_clean()


# When the platform does not take what is said.


async def test_a_platform_that_takes_no_remark_leaves_those_who_wait_in_line() -> None:
    bot = build("space: 1100 tokens/day")
    gate = Gate()
    bot.model.next(steps(gate))
    running = [bot.start("ana"), bot.start("ana", "queued"), bot.start("bo", "waiting")]
    for each in running:
        each.reply.broken.add("note")
    await gate.reached()
    await let_run()
    gate.release()
    ends = [await each.end() for each in running]
    assert [type(end).__name__ for end in ends] == ["Failure", "Answer", "Answer"]
    await bot.is_clean()


@pytest.mark.parametrize("broken", ["update", "note"])
async def test_a_platform_that_takes_no_text_still_gets_the_end(broken: str) -> None:
    bot = build("everyone: 109 tokens/day")
    running = bot.start()
    running.reply.broken.add(broken)
    end = await running.end()
    assert isinstance(end, Answer)
    assert end.text.startswith("w1")
    await bot.is_clean()


async def test_an_end_that_cannot_be_told_is_settled_all_the_same() -> None:
    bot = build(DAILY)
    running = bot.start()
    running.reply.broken.add("finish")
    with pytest.raises(ConnectionError):
        await running.task
    assert (await bot.balance()).used == 17
    assert isinstance(await bot.ask(), Answer)
    await bot.is_clean()


# Closing.


async def test_a_closing_bot_lets_answers_finish() -> None:
    bot = build(DAILY)
    gate = Gate()
    bot.model.next(steps(gate, *says(8)(_call())))
    running = bot.start()
    await gate.reached()
    closing = asyncio.create_task(bot.chat.close(10 * SECOND))
    await let_run()
    late = await bot.failure("bo", id_="late")
    assert late.code == "interrupted"
    assert late.text == (
        "The bot is being restarted and did not answer this. Nothing was charged. "
        "Ask again in a moment."
    )
    assert not closing.done()
    gate.release()
    await closing
    assert isinstance(await running.end(), Answer)
    assert bot.chat.running == 0
    await bot.is_clean()


async def test_a_closing_bot_stops_and_settles_what_takes_too_long() -> None:
    bot = build(DAILY)
    gate = Gate()
    bot.model.next(steps(TextDelta("w1"), gate), steps(gate))
    partly, not_yet = bot.start("ana"), bot.start("bo")
    await gate.reached(2)
    queued = bot.start("ana", id_="queued")
    await let_run()
    closing = asyncio.create_task(bot.chat.close(10 * SECOND))
    await let_run()
    bot.clock.advance(10 * SECOND)
    await closing
    ends: list[End] = [await running.end() for running in (partly, not_yet, queued)]
    assert isinstance(ends[0], Answer)
    assert (ends[0].finish, ends[0].charged_tokens) == ("cut", 10)
    assert isinstance(ends[1], Failure)
    assert ends[1].code == "interrupted"
    assert isinstance(ends[2], Failure)
    assert ends[2].text.startswith("The bot is being restarted and did not answer this.")
    assert (await bot.balance("bo")).used == 9
    # It was never begun, so after the restart it may be delivered again.
    again = build(DAILY, store=stepping_of(bot).inner)
    assert isinstance(await again.ask("ana", id_="queued"), Answer)
    await again.is_clean()


async def test_new_settings_hold_from_the_next_ask_on() -> None:
    bot = build(DAILY)
    bot.chat.reload(bot.chat.models, ChatSettings(input_chars_max=5, queue_max=0, note="Ask Ada."))
    assert isinstance(await bot.ask("ana", "hello there"), Refusal)
    gate = Gate()
    bot.model.next(steps(gate))
    running = bot.start("ana", "hello")
    await gate.reached()
    assert isinstance(await bot.ask("ana", "again"), Refusal)
    gate.release()
    await running.task
