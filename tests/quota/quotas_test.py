"""Quotas: who waits for whom, who is turned away, and that nothing stays held."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from quota.calls import CallRequest, Reservation
from quota.errors import StoreUnavailableError, UnknownHoldError
from quota.governing import EVERYWHERE, Act
from quota.limits import Policy
from quota.memory import MemoryStore
from quota.quotas import BOUNDS_KEPT, Quotas
from quota.rules import Rules, Terms
from quota.store import ReserveRequest
from quota.units import Rates, Usage
from quota.verdicts import Granted, Refused, Seen, Waiting
from quota.waiting import Fresh, Lines, whole
from tests.fakes import (
    DAY,
    HOUR,
    MINUTE,
    MORNING,
    SECOND,
    FakeClock,
    let_run,
    limit,
    policy,
    requester,
)

MINI = Terms("mini", ("default", "mini"))
PRICED = replace(MINI, rates=Rates(1_000_000, 1_000_000, 1_000_000, 1_000_000))
ACT = Act("admin", "console:console", "because")


class Slow(MemoryStore):
    """Answers later than it has decided, as a store with a disk does."""

    def __init__(self) -> None:
        super().__init__()
        self.held_back: list[asyncio.Event] = []

    def hold_back_one(self) -> asyncio.Event:
        """The next verdict is not told before this event."""
        self.held_back.append(asyncio.Event())
        return self.held_back[-1]

    async def accept(self, event: str, digest: str, now: int) -> Seen | None:
        seen = await super().accept(event, digest, now)
        await asyncio.sleep(0)
        return seen

    async def reserve(
        self, request: ReserveRequest, now: int
    ) -> Granted | Refused | Waiting | Seen:
        verdict = await super().reserve(request, now)
        await asyncio.sleep(0)
        if self.held_back:
            await self.held_back.pop().wait()
        return verdict


class Bot:
    """Asks for people by name, and remembers who was told to wait."""

    def __init__(
        self, *lines: str, rules: Rules | None = None, store: MemoryStore | None = None
    ) -> None:
        self.clock = FakeClock()
        self.store = store or MemoryStore()
        self.quotas = Quotas(self.store, self.clock, rules or Rules(policy(*lines)))
        self.waiting: list[str] = []

    def call(
        self,
        name: str,
        output: int = 100,
        *,
        input_: int = 0,
        event: str = "",
        terms: Terms = MINI,
        roles: Sequence[str] = (),
        arrived_at: int | None = None,
    ) -> CallRequest:
        who = requester(name, roles=roles)
        at = self.clock.now() if arrived_at is None else arrived_at
        return CallRequest(who, terms, input_, output, event, "digest", at)

    async def ask(self, call: CallRequest) -> Reservation | Refused | Seen:
        async def told() -> None:
            self.waiting.append(call.requester.member.id)

        return await self.quotas.reserve(call, told)

    async def hold(self, name: str, output: int = 100) -> Reservation:
        got = await self.quotas.reserve(self.call(name, output))
        assert isinstance(got, Reservation)
        return got

    def begin(self, call: CallRequest) -> asyncio.Task[Reservation | Refused | Seen]:
        return asyncio.create_task(self.ask(call))

    async def hold_of(self, asked: asyncio.Task[Reservation | Refused | Seen]) -> Reservation:
        got = await asked
        assert isinstance(got, Reservation)
        return got

    async def settle(self, held: Reservation, output: int) -> None:
        await self.quotas.settle(held, Usage(output=output), "provider")

    async def stands(self, name: str) -> list[tuple[int, int]]:
        balances = await self.quotas.balances(requester(name), MINI)
        return [(balance.used, balance.held) for balance in balances]


def granted(got: Reservation | Refused | Seen) -> int:
    assert isinstance(got, Reservation), got
    return got.granted.output_cap


# The straight way.


async def test_what_is_reserved_is_settled_with_what_is_left_and_what_was_crossed() -> None:
    bot = Bot("everyone: 1000 tokens/day")
    held = await bot.hold("ana", 800)
    await bot.quotas.progress(held, 300)
    await bot.quotas.note_attempt(held, "overloaded")
    done = await bot.quotas.settle(held, Usage(100, 0, 650), "provider", "well done")
    assert (done.tokens, done.balances[0].left) == (750, 250)
    assert [notice.threshold for notice in done.notices] == [75]
    notes = [entry.note async for entry in bot.store.entries(0, None)]
    assert notes == ["overloaded", "well done"]


async def test_how_far_an_answer_has_come_is_known_when_it_lapses() -> None:
    bot = Bot("everyone: 1000 tokens/day")
    held = await bot.hold("ana", 800)
    await bot.quotas.progress(held, 300)
    bot.clock.advance(15 * MINUTE)
    assert [lapsed.tokens for lapsed in await bot.quotas.lapse()] == [556]


async def test_what_is_released_is_given_back() -> None:
    bot = Bot("everyone: 1000 tokens/day")
    done = await bot.quotas.release(await bot.hold("ana", 800), "not sent")
    assert (done.kind, done.tokens) == ("release", 0)
    assert await bot.stands("ana") == [(0, 0)]


async def test_a_hold_outlives_the_call_it_pays_for() -> None:
    bot = Bot()
    quick = await bot.ask(bot.call("ana"))
    slow = await bot.ask(bot.call("ana", terms=replace(MINI, deadline_ms=HOUR)))
    assert isinstance(quick, Reservation)
    assert isinstance(slow, Reservation)
    assert quick.granted.expires_at == MORNING + 15 * MINUTE
    assert slow.granted.expires_at == MORNING + 61 * MINUTE


async def test_a_space_may_have_rules_of_its_own() -> None:
    rules = Rules(policy("everyone: 100 tokens/day"), {"discord:1": policy()})
    bot = Bot(rules=rules)
    here, there = bot.call("ana", 500), bot.call("ana", 500)
    there = there._replace(requester=requester("ana", space="discord:1"))
    assert granted(await bot.ask(here)) == 100
    assert granted(await bot.ask(there)) == 500


async def test_new_rules_hold_from_the_next_ask_on() -> None:
    bot = Bot("everyone: 1000 tokens/day")
    held = await bot.hold("ana", 800)
    await bot.quotas.reload(Rules(policy("everyone: 900 tokens/day"), warn_at=(50,)))
    done = await bot.quotas.settle(held, Usage(output=800), "counted")
    assert (done.tokens, done.balances[0].left) == (800, 100)
    assert granted(await bot.ask(bot.call("ana", 200))) == 100


async def test_what_binds_is_worked_out_once_and_not_remembered_for_ever() -> None:
    bot = Bot("everyone: 1000 tokens/day")
    first = bot.quotas.bounds(requester("ana"), MINI)
    assert bot.quotas.bounds(requester("ana"), MINI) is first
    for number in range(BOUNDS_KEPT):
        bot.quotas.bounds(requester(f"m{number}"), MINI)
    assert bot.quotas.bounds(requester("ana"), MINI) is not first


async def test_who_was_refused_is_told_when_it_opens() -> None:
    bot = Bot("everyone: 100 tokens/day")
    await bot.settle(await bot.hold("ana"), 100)
    refused = await bot.ask(bot.call("ana"))
    assert isinstance(refused, Refused)
    assert bot.quotas.shut.opened(bot.clock.now()) == []
    bot.clock.advance(DAY)
    assert bot.quotas.shut.opened(bot.clock.now()) == [Fresh(requester("ana"), refused)]


async def test_to_ask_beforehand_changes_nothing() -> None:
    bot = Bot("everyone: 100 tokens/day")
    assert await bot.quotas.would_refuse(bot.call("ana", event="e1")) is None
    assert granted(await bot.ask(bot.call("ana", event="e1"))) == 100
    told = await bot.quotas.would_refuse(bot.call("ana"))
    assert told is not None
    assert told.reason == "busy"


# Who is turned away before any limit is looked at.


@pytest.mark.parametrize(
    ("space", "name", "subject", "reason"),
    [
        (EVERYWHERE, "pause", "", "paused"),
        ("console:console", "pause", "", "paused"),
        ("console:console", "block", "console:console:ana", "blocked"),
    ],
)
async def test_a_switch_turns_away_until_it_ends(
    space: str, name: str, subject: str, reason: str
) -> None:
    bot = Bot("everyone: 1000 tokens/day")
    until = MORNING + HOUR
    await bot.quotas.governing.switch(Act("admin", space), name, subject, "cleaning", until)
    refused = await bot.ask(bot.call("ana", event="e1"))
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.opens_at, refused.note) == (reason, until, "cleaning")
    assert await bot.quotas.would_refuse(bot.call("ana")) == refused
    bot.clock.advance(HOUR)
    assert await bot.ask(bot.call("ana", event="e1")) == Seen("duplicate")
    assert granted(await bot.ask(bot.call("ana", event="e2"))) == 100


async def test_a_limit_in_money_turns_away_a_model_without_a_price() -> None:
    bot = Bot("everyone: 1000 tokens/day", "space: $1/day")
    refused = await bot.ask(bot.call("ana"))
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.limit) == ("unpriced", limit("space: $1/day"))
    assert granted(await bot.ask(bot.call("ana", terms=PRICED))) == 100


async def test_money_that_is_unlimited_needs_no_price() -> None:
    bot = Bot("everyone: $1/day", "role Mod: unlimited")
    assert granted(await bot.ask(bot.call("ana", roles=("Mod",)))) == 100


async def test_an_event_that_is_turned_away_elsewhere_is_remembered() -> None:
    bot = Bot()
    assert await bot.quotas.refuse("e1", "digest") is None
    assert await bot.quotas.refuse("e1", "digest") == Seen("duplicate")
    assert await bot.ask(bot.call("ana", event="e1")) == Seen("duplicate")


# Waiting.


async def test_an_ask_waits_for_a_hold_and_is_told_once() -> None:
    bot = Bot("everyone: 1000 tokens/day")
    held = await bot.hold("ana", 900)
    waiting = bot.begin(bot.call("ana", 200))
    await bot.clock.run_for(30 * SECOND)
    assert bot.waiting == ["ana"]
    await bot.settle(held, 100)
    assert granted(await waiting) == 200
    assert bot.waiting == ["ana"]


async def test_an_ask_may_wait_without_being_told() -> None:
    bot = Bot("everyone: 1000 tokens/day")
    held = await bot.hold("ana", 900)
    waiting = asyncio.create_task(bot.quotas.reserve(bot.call("ana", 200)))
    await let_run()
    await bot.quotas.release(held, "not sent")
    assert granted(await waiting) == 200


async def test_who_waits_long_enough_takes_what_is_free() -> None:
    bot = Bot("everyone: 1000 tokens/day")
    await bot.hold("ana", 900)
    waiting = bot.begin(bot.call("ana", 200))
    await bot.clock.run_for(59 * SECOND)
    assert not waiting.done()
    await bot.clock.run_for(SECOND)
    assert granted(await waiting) == 100


async def test_who_waits_in_vain_is_refused_as_busy() -> None:
    bot = Bot("everyone: 1000 tokens/day")
    await bot.hold("ana", 950)
    waiting = bot.begin(bot.call("ana", 200, event="e1"))
    await bot.clock.run_for(MINUTE)
    refused = await waiting
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.left) == ("busy", 50)
    assert await bot.ask(bot.call("ana", 200, event="e1")) == Seen("duplicate")


async def test_patience_counts_from_the_arrival() -> None:
    bot = Bot("everyone: 1000 tokens/day")
    await bot.hold("ana", 900)
    early = bot.begin(bot.call("ana", 200, arrived_at=MORNING - 50 * SECOND))
    late = bot.begin(bot.call("ana", 200, arrived_at=MORNING - 2 * MINUTE))
    assert granted(await late) == 100
    await bot.clock.run_for(9 * SECOND)
    assert not early.done()
    await bot.clock.run_for(SECOND)
    refused = await early
    assert isinstance(refused, Refused)


async def test_first_come_first_served() -> None:
    bot = Bot("everyone: 1000 tokens/day")
    held = await bot.hold("ana", 1000)
    first, second, third = (bot.begin(bot.call("ana", 400)) for _ in range(3))
    await let_run()
    await bot.settle(held, 0)
    assert granted(await first) == 400
    got = await second
    assert granted(got) == 400
    await let_run()
    assert not third.done()
    assert isinstance(got, Reservation)
    await bot.quotas.release(got, "not sent")
    assert granted(await third) == 400


async def test_who_is_first_waits_on_while_there_is_too_little() -> None:
    bot = Bot("everyone: 1000 tokens/day")
    small, large = await bot.hold("ana", 100), await bot.hold("ana", 800)
    waiting = bot.begin(bot.call("ana", 500))
    await let_run()
    await bot.settle(small, 0)
    await let_run()
    assert not waiting.done()
    await bot.settle(large, 0)
    assert granted(await waiting) == 500


async def test_nobody_passes_those_who_wait() -> None:
    bot = Bot("everyone: 1000 tokens/day")
    held = await bot.hold("ana", 700)
    large = bot.begin(bot.call("ana", 500))
    await let_run()
    small = bot.begin(bot.call("ana", 100))
    await let_run()
    assert not small.done()
    await bot.settle(held, 0)
    assert granted(await large) == 500
    assert granted(await small) == 100


async def test_members_wait_for_one_another_only_where_they_share() -> None:
    bot = Bot("everyone: 500 tokens/day", "space: 1000 tokens/day")
    mine = await bot.hold("ana", 500)
    waiting = bot.begin(bot.call("ana", 100))
    await let_run()
    bos = bot.begin(bot.call("bo", 100))
    await let_run()
    assert not bos.done(), "both need the pool, and ana came first"
    apart = Bot("everyone: 500 tokens/day")
    await apart.hold("ana", 500)
    alone = apart.begin(apart.call("ana", 100))
    await let_run()
    assert granted(await apart.ask(apart.call("bo", 100))) == 100
    alone.cancel()
    await bot.quotas.release(mine, "not sent")
    assert granted(await waiting) == 100
    assert granted(await bos) == 100


async def test_a_lapse_lets_the_next_one_try() -> None:
    bot = Bot("everyone: 1000 tokens/day")
    await bot.hold("ana", 900)
    bot.clock.advance(15 * MINUTE - 30 * SECOND)
    waiting = bot.begin(bot.call("ana", 200))
    await bot.clock.run_for(30 * SECOND)
    assert not waiting.done()
    assert [lapsed.tokens for lapsed in await bot.quotas.lapse()] == [256]
    assert granted(await waiting) == 200


async def test_what_admins_change_reaches_those_who_wait() -> None:
    bot = Bot("everyone: 1000 tokens/day")
    await bot.hold("ana", 900)
    waiting = bot.begin(bot.call("ana", 500))
    await let_run()
    await bot.quotas.governing.set_limit(ACT, limit("everyone: 2k tokens/day", origin="chat"))
    assert granted(await waiting) == 500


async def test_what_admins_change_makes_nobody_pass_another() -> None:
    bot = Bot("everyone: 1000 tokens/day")
    held = await bot.hold("ana", 900)
    first, second = (bot.begin(bot.call("ana", 800)) for _ in range(2))
    await let_run()
    await bot.quotas.governing.set_limit(ACT, limit("everyone: 9 requests/day", origin="chat"))
    await let_run()
    assert not first.done()
    assert not second.done()
    await bot.settle(held, 0)
    assert granted(await first) == 800
    await bot.settle(await bot.hold_of(first), 0)
    assert granted(await second) == 800


async def test_who_is_blocked_while_waiting_is_turned_away() -> None:
    bot = Bot("everyone: 1000 tokens/day")
    await bot.hold("ana", 900)
    waiting = bot.begin(bot.call("ana", 500, event="e1"))
    await let_run()
    await bot.quotas.governing.switch(ACT, "block", "console:console:ana", "spam")
    refused = await waiting
    assert isinstance(refused, Refused)
    assert refused.reason == "blocked"
    assert await bot.quotas.refuse("e1", "digest") == Seen("duplicate")


async def test_an_event_that_was_heard_while_its_twin_waited_is_a_duplicate() -> None:
    bot = Bot("everyone: 1000 tokens/day")
    held = await bot.hold("ana", 900)
    twins = [bot.begin(bot.call("ana", 200, event="e1")) for _ in range(2)]
    await let_run()
    await bot.settle(held, 0)
    assert granted(await twins[0]) == 200
    assert await twins[1] == Seen("duplicate")


# Leaving.


@pytest.mark.parametrize("turns", range(12))
async def test_who_leaves_at_any_moment_leaves_nothing_held(turns: int) -> None:
    bot = Bot("everyone: 1000 tokens/day")
    held = await bot.hold("ana", 900)
    leaving = bot.begin(bot.call("ana", 200))
    behind = bot.begin(bot.call("ana", 100))
    for _ in range(turns):
        await asyncio.sleep(0)
    if turns % 2:
        await bot.settle(held, 900)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    if not turns % 2:
        await bot.settle(held, 900)
    assert granted(await behind) == 100
    assert await bot.stands("ana") == [(900, 100)]
    assert await bot.store.verify() == []


@pytest.mark.parametrize("turns", range(4))
async def test_who_leaves_while_being_granted_gives_it_back(turns: int) -> None:
    bot = Bot("everyone: 1000 tokens/day")
    leaving = bot.begin(bot.call("ana", 200))
    for _ in range(turns):
        await asyncio.sleep(0)
    leaving.cancel()
    try:
        await leaving
    except asyncio.CancelledError:
        assert await bot.stands("ana") == [(0, 0)]
    else:
        assert await bot.stands("ana") == [(0, 200)]


async def test_who_leaves_while_being_granted_lets_the_next_one_try() -> None:
    store = Slow()
    bot = Bot("everyone: 1000 tokens/day", store=store)
    slow = store.hold_back_one()
    leaving = bot.begin(bot.call("ana", 900))
    await let_run()
    behind = bot.begin(bot.call("ana", 500))
    await let_run()
    assert bot.waiting == ["ana"], "the one behind waits for a hold that was never told"
    leaving.cancel()
    await let_run()
    assert not behind.done()
    slow.set()
    await let_run()
    assert behind.done()
    assert granted(await behind) == 500


@pytest.mark.parametrize("spent", [0, 1000])
async def test_an_ask_that_was_cancelled_is_told_apart_from_one_that_came_twice(
    spent: int,
) -> None:
    bot = Bot("everyone: 1000 tokens/day", store=Slow())
    await bot.settle(await bot.hold("ana", 1000), spent)
    leaving = bot.begin(bot.call("ana", event="e1"))
    for _ in range(3):
        await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert await bot.ask(bot.call("ana", event="e1")) == Seen("duplicate")
    assert bot.quotas.withdrew("e1")
    assert not bot.quotas.withdrew("e1")
    assert not bot.quotas.withdrew("e2")


async def test_who_leaves_while_waiting_has_not_been_heard() -> None:
    bot = Bot("everyone: 1000 tokens/day", store=Slow())
    held = await bot.hold("ana", 1000)
    leaving = bot.begin(bot.call("ana", event="e1"))
    for _ in range(3):
        await asyncio.sleep(0)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert not bot.quotas.withdrew("e1")
    await bot.settle(held, 0)
    assert granted(await bot.ask(bot.call("ana", event="e1"))) == 100


async def test_a_refusal_that_was_cancelled_is_known_as_such() -> None:
    bot = Bot(store=Slow())
    refusing = asyncio.create_task(bot.quotas.refuse("e1", "digest"))
    await asyncio.sleep(0)
    refusing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await refusing
    assert await bot.quotas.refuse("e1", "digest") == Seen("duplicate")
    assert bot.quotas.withdrew("e1")


async def test_a_settlement_happens_whole_for_one_who_leaves() -> None:
    bot = Bot("everyone: 1000 tokens/day")
    held = await bot.hold("ana", 900)
    waiting = bot.begin(bot.call("ana", 500))
    await let_run()
    settling = asyncio.create_task(bot.settle(held, 300))
    await asyncio.sleep(0)
    settling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await settling
    assert await bot.stands("ana") == [(300, 0)]
    waiting.cancel()


async def test_a_move_is_whole_or_raises() -> None:
    done = asyncio.Event()

    async def move() -> int:
        await done.wait()
        return 7

    moving = asyncio.create_task(whole(move()))
    for _ in range(3):
        await asyncio.sleep(0)
        moving.cancel()
    await let_run()
    assert not moving.done()
    done.set()
    with pytest.raises(asyncio.CancelledError):
        await moving

    async def fails() -> int:
        raise UnknownHoldError

    with pytest.raises(UnknownHoldError):
        await whole(fails())


async def test_closed_books_let_nobody_ask() -> None:
    bot = Bot("everyone: 1000 tokens/day")
    await bot.store.close()
    with pytest.raises(StoreUnavailableError):
        await bot.ask(bot.call("ana"))


# Lines.


def test_a_ticket_that_moves_keeps_its_place() -> None:
    lines = Lines()
    first, second, third = lines.join(("a",)), lines.join(("b",)), lines.join(("b", "c"))
    assert first.turn.is_set()
    assert second.turn.is_set()
    assert not third.turn.is_set()
    lines.move(first, ("b", "c"))
    assert lines.is_first(first)
    assert not lines.is_first(second)
    assert not lines.busy(("a",))
    lines.move(first, ("b", "c"))
    lines.leave(first)
    assert lines.is_first(second)
    assert not lines.is_first(third)
    lines.leave(second)
    assert third.turn.is_set()
    lines.leave(third)
    assert not lines.busy(("a", "b", "c"))
    lines.wake(("a",))
    lines.wake()


def test_a_ticket_that_moves_stands_between_those_before_and_after_it() -> None:
    lines = Lines()
    first, second, third = lines.join(("a",)), lines.join(("b",)), lines.join(("a",))
    lines.move(second, ("a",))
    lines.leave(first)
    assert lines.is_first(second)
    lines.leave(second)
    assert lines.is_first(third)


def test_a_policy_is_asked_for_the_space() -> None:
    rules = Rules(policy("everyone: 5 requests/day"), {"discord:1": Policy()})
    assert rules.policy("discord:1") == Policy()
    assert rules.policy("discord:2") == rules.base
