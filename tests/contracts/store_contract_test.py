"""What every store promises beyond what the tables say. Each test runs on every store."""

import asyncio

import pytest

from quota.errors import StoreUnavailableError, UnknownHoldError
from quota.ledger import LedgerEntry
from quota.store import FlagRow, LimitRow, Store
from quota.units import Rates, Unit
from quota.verdicts import Granted, Refused, Seen, Settlement, Waiting
from tests.contracts.conftest import Opener
from tests.contracts.store_desk import HOLD_MS, Desk, audit
from tests.fakes import DAY, HOUR, MINUTE, MORNING, requester

ANA = "console:console:ana"


async def entries(store: Store, since: int = 0, at_most: int | None = None) -> list[LedgerEntry]:
    return [entry async for entry in store.entries(since, at_most)]


# Asking.


async def test_a_grant_says_what_was_held_and_until_when(store: Store) -> None:
    desk = Desk(store, "everyone: 1000 tokens/day")
    verdict = await desk.ask(input_=100, cap=500)
    assert isinstance(verdict, Granted)
    assert verdict.input_tokens == 100
    assert verdict.output_cap == 500
    assert verdict.expires_at == MORNING + HOLD_MS
    assert verdict.limit is None


async def test_a_refused_ask_leaves_no_trace_in_the_books(store: Store) -> None:
    desk = Desk(store, "everyone: 1000 tokens/day", "space: 100 tokens/day", "house: 9 requests/1h")
    assert isinstance(await desk.ask(input_=100, cap=500, event="e1"), Refused)
    assert [(b.used, b.held) for b in await desk.sees()] == [(0, 0), (0, 0), (0, 0)]
    assert await entries(store) == []
    assert await store.verify() == []


async def test_to_ask_beforehand_tells_what_would_be_refused_and_changes_nothing(
    store: Store,
) -> None:
    desk = Desk(store, "everyone: 1000 tokens/day", "everyone: 5 requests/rolling 1h")
    first = await desk.hold(cap=700)
    request = desk.request(input_=400, cap=500, event="e1")
    refused = await store.would_refuse(request, desk.now)
    assert refused is not None
    assert refused.reason == "busy"
    assert refused == await store.would_refuse(request, desk.now)
    assert await store.would_refuse(desk.request(cap=300, event="e2"), desk.now) is None
    assert refused == await desk.ask(input_=400, cap=500, event="e1")
    assert await desk.ask(input_=400, cap=500, event="e1") == Seen("duplicate")
    await desk.settle(first, 0, 700)
    assert await store.would_refuse(desk.request(cap=300), desk.now + 2 * DAY) is None
    assert [b.used for b in await desk.sees()] == [700, 1]


async def test_an_event_without_a_hold_is_seen_once(store: Store) -> None:
    assert await store.accept("e1", "abc", MORNING) is None
    assert await store.accept("e1", "abc", MORNING) == Seen("duplicate")
    assert await store.accept("e1", "xyz", MORNING) == Seen("reused")
    desk = Desk(store)
    assert await desk.ask(event="e1", says="abc") == Seen("duplicate")
    assert isinstance(await desk.ask(event="e2", says="abc"), Granted)
    assert await store.accept("e2", "abc", MORNING) == Seen("duplicate")


async def test_who_waits_is_told_at_which_books(store: Store) -> None:
    desk = Desk(store, "everyone: 100 tokens/day", "space: 1000 tokens/day")
    await desk.hold(cap=100)
    books = tuple(bound.book for bound in desk.bounds(requester("ana")))
    assert await desk.ask(cap=100, final=False) == Waiting(books)


async def test_many_at_once_never_take_more_than_there_is(store: Store) -> None:
    """200 asks at five limits: what is granted is exactly what fits."""
    desk = Desk(
        store,
        "everyone: 1000 tokens/day",
        "everyone: 100 requests/1h",
        "channel general: 6k tokens/day",
        "space: 7k tokens/rolling 24h",
        "house: $5/day",
    )
    desk.rates = Rates(1_000_000, 1_000_000, 1_000_000, 1_000_000)

    async def turn(number: int) -> int:
        verdict = await desk.ask(f"member{number % 10}", input_=20, cap=80)
        if not isinstance(verdict, Granted):
            return 0
        await asyncio.sleep(0)
        return (await desk.settle(verdict.hold_id, 20, 80)).tokens

    charged = await asyncio.gather(*(turn(number) for number in range(200)))
    assert sum(charged) == 6000
    assert await store.verify() == []


async def test_one_event_delivered_many_times_at_once_is_held_once(store: Store) -> None:
    desk = Desk(store, "everyone: 1000 tokens/day")
    verdicts = await asyncio.gather(*(desk.ask(cap=100, event="e1") for _ in range(20)))
    assert sum(isinstance(verdict, Granted) for verdict in verdicts) == 1
    assert verdicts.count(Seen("duplicate")) == 19


async def test_who_leaves_while_asking_leaves_whole_books(store: Store) -> None:
    desk = Desk(store, "everyone: 1000 tokens/day")
    tasks = [asyncio.create_task(desk.ask(cap=100, event=f"e{n}")) for n in range(20)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert [b.held for b in await desk.sees()] == [1000]
    assert await store.verify() == []


# Settling.


async def test_a_hold_that_never_was_cannot_be_resolved(store: Store) -> None:
    desk = Desk(store, "everyone: 1000 tokens/day")
    with pytest.raises(UnknownHoldError):
        await desk.settle(77, 1, 1)
    with pytest.raises(UnknownHoldError):
        await desk.release(77)
    with pytest.raises(UnknownHoldError):
        await store.note_attempt(77, "overloaded", MORNING)
    await store.progress(77, 5, MORNING)
    assert await entries(store) == []


async def test_a_settlement_is_written_down_whole(store: Store) -> None:
    desk = Desk(store, "everyone: 1000 tokens/day", "everyone: $1/month")
    desk.rates = Rates(1_000_000, 100_000, 4_000_000, 8_000_000)
    hold_id = await desk.hold(input_=100, cap=200)
    desk.now += MINUTE
    done = await desk.settle(hold_id, 110, 150, cached=10, reasoning=50)
    assert done == Settlement("settle", 260, 0, 901, 0, tuple(await desk.sees()))
    (entry,) = await entries(store)
    assert entry._replace(lines=()) == LedgerEntry(
        id=1,
        at=MORNING + MINUTE,
        kind="settle",
        hold_id=hold_id,
        wallet=ANA,
        model="mini",
        input=110,
        cached=10,
        output=150,
        reasoning=50,
        source="provider",
        tokens=260,
        credits=901,
        rates=desk.rates,
        estimated_input=100,
        purpose="answer",
        turn=hold_id,
    )
    assert [(line.at, line.spent, line.extra) for line in entry.lines] == [
        (MORNING, 260, 0),
        (MORNING, 901, 0),
    ]


async def test_what_the_house_pays_is_written_beside_what_the_member_pays(store: Store) -> None:
    desk = Desk(store, "everyone: 1000 tokens/day")
    desk.rates = Rates(1_000_000, 1_000_000, 2_000_000, 2_000_000)
    hold_id = await desk.hold(input_=100, cap=200)
    done = await desk.settle(hold_id, 100, 250)
    assert (done.tokens, done.house_tokens, done.credits, done.house_credits) == (300, 50, 500, 100)
    (entry,) = await entries(store)
    assert (entry.tokens, entry.house_tokens) == (300, 50)
    assert (entry.credits, entry.house_credits) == (500, 100)
    assert [line.spent for line in entry.lines] == [300, 50, 100]
    assert await store.verify() == []


async def test_a_settlement_without_limits_tells_no_balances(store: Store) -> None:
    desk = Desk(store)
    done = await desk.settle(await desk.hold(cap=100), 5, 5)
    assert done == Settlement("settle", 10, 0, None, 0)


async def test_a_try_that_failed_is_written_down_and_costs_nothing(store: Store) -> None:
    desk = Desk(store, "everyone: 1000 tokens/day")
    hold_id = await desk.hold(cap=100)
    await store.note_attempt(hold_id, "overloaded", MORNING)
    await desk.release(hold_id)
    told = [(e.kind, e.hold_id, e.model, e.note, e.tokens) for e in await entries(store)]
    assert told == [
        ("attempt", hold_id, "mini", "overloaded", 0),
        ("release", hold_id, "mini", "not sent", 0),
    ]


async def test_a_lapse_tells_whose_turn_it_was(store: Store) -> None:
    desk = Desk(store, "everyone: 1000 tokens/day")
    verdict = await desk.ask(input_=100, cap=200, event="e1")
    assert isinstance(verdict, Granted)
    (lapsed,) = await store.lapse(MORNING + HOLD_MS, 10)
    assert lapsed == (verdict.hold_id, "e1", ANA, 300)
    (entry,) = await entries(store)
    assert (entry.kind, entry.source, entry.input, entry.output) == ("lapse", "counted", 100, 200)


async def test_entries_are_read_in_order_from_any_point(store: Store) -> None:
    desk = Desk(store, "everyone: 1000 tokens/day")
    for _ in range(4):
        await desk.spend(10)
    assert [entry.id for entry in await entries(store)] == [1, 2, 3, 4]
    assert [entry.id for entry in await entries(store, 2)] == [3, 4]
    assert [entry.id for entry in await entries(store, 1, 2)] == [2, 3]
    assert await entries(store, 4) == []


async def test_what_was_written_is_never_changed(store: Store) -> None:
    desk = Desk(store, "everyone: 1000 tokens/day")
    await desk.spend(600)
    before = await entries(store)
    await desk.reset()
    await desk.grant(100)
    await desk.spend(1000)
    assert (await entries(store))[:1] == before
    kinds = [(entry.kind, entry.actor, entry.note) for entry in await entries(store)]
    assert kinds == [
        ("settle", "", ""),
        ("correction", "admin", "because"),
        ("grant", "admin", "because"),
        ("settle", "", ""),
    ]


async def test_every_token_of_the_provider_is_somewhere(store: Store) -> None:
    desk = Desk(store, "everyone: 1000 tokens/day", "space: 1k tokens/6h")
    reported = [(0, 0), (100, 20), (0, 400), (90, 90), (1, 0)]
    for used in reported:
        await desk.settle(await desk.hold(input_=50, cap=50), *used)
    written = await entries(store)
    assert [e.tokens for e in written] == [0, 100, 100, 100, 1]
    assert [e.house_tokens for e in written] == [0, 20, 300, 80, 0]


# Admins.


async def test_the_grants_of_a_member_are_those_that_still_hold(store: Store) -> None:
    desk = Desk(store, "everyone: 100 tokens/day")
    short = await desk.grant(50, until=MORNING + HOUR)
    long = await desk.grant(70)
    take = await desk.grant(-5, Unit.REQUESTS, until=MORNING + DAY)
    await desk.grant(9, name="bo")
    assert (short.id, short.amount, short.until) == (1, 50, MORNING + HOUR)
    assert (take.unit, take.amount, take.at, take.actor) == (Unit.REQUESTS, -5, MORNING, "admin")
    await desk.spend(110)
    assert [g.id for g in await store.grants(ANA, MORNING)] == [short.id, take.id, long.id]
    (spent, _, _) = await store.grants(ANA, MORNING)
    assert (spent.spent, spent.held) == (10, 0)
    assert await store.grants(ANA, MORNING + HOUR) == [take, long]
    assert await store.grants("console:console:nobody", MORNING) == []


async def test_limits_that_admins_set_replace_one_another(store: Store) -> None:
    day = LimitRow("console:console", "everyone", "", "allowance", "20k tokens/day", "*")
    more = day._replace(rule="30k tokens/day")
    hour = day._replace(rule="5 requests/hour")
    elsewhere = day._replace(space="console:other")
    for key, row in (("day", day), ("hour", hour), ("day", elsewhere), ("day", more)):
        await store.put_limit(key, row, audit("limit set", space=row.space), MORNING)
    assert await store.limits() == [more, hour, elsewhere]
    assert await store.drop_limit("day", "console:console", audit("limit remove"), MORNING)
    assert not await store.drop_limit("day", "console:console", audit("limit remove"), MORNING)
    assert await store.limits() == [hour, elsewhere]
    actions = [row.action for row in await store.audit_trail("console:console", 0, 9)]
    assert actions == ["limit remove", "limit remove", "limit set", "limit set", "limit set"]


async def test_switches_are_set_changed_and_taken_away(store: Store) -> None:
    pause = FlagRow("console:console", "pause", "", "on", None)
    block = FlagRow("console:console", "block", ANA, "spam", MORNING + DAY)
    for row in (pause, block, block._replace(until=None)):
        await store.put_flag(row, audit("switch"), MORNING)
    assert await store.flags() == [pause, block._replace(until=None)]
    await store.put_flag(pause._replace(value=""), audit("switch"), MORNING)
    await store.put_flag(pause._replace(value="", subject="x"), audit("switch"), MORNING)
    assert await store.flags() == [block._replace(until=None)]


async def test_what_somebody_chose_for_themselves_leaves_no_row_in_the_trail(store: Store) -> None:
    tongue = FlagRow("console:console", "member", ANA, "de", None)
    french, none = tongue._replace(value="fr"), tongue._replace(value="")
    await asyncio.gather(*(store.put_flag(row, None, MORNING) for row in (tongue, none, french)))
    assert await store.flags() == [french]
    await asyncio.gather(*(store.put_flag(row, None, MORNING) for row in (tongue, none)))
    assert await store.flags() == []
    assert await store.audit_trail("console:console", 0, 9) == []


async def test_the_trail_tells_the_newest_act_first(store: Store) -> None:
    desk = Desk(store, "everyone: 100 tokens/day")
    await store.audit(audit("refused"), MORNING)
    desk.now += HOUR
    await desk.grant(5)
    await store.audit(audit("elsewhere", space="console:other"), desk.now)
    desk.now += HOUR
    await desk.reset()
    trail = await store.audit_trail("console:console", 0, 10)
    assert [(row.action, row.at) for row in trail] == [
        ("reset", MORNING + 2 * HOUR),
        ("grant", MORNING + HOUR),
        ("refused", MORNING),
    ]
    assert len({row.id for row in trail}) == 3
    since = await store.audit_trail("console:console", MORNING + HOUR, 10)
    assert [row.action for row in since] == ["reset", "grant"]
    assert [row.action for row in await store.audit_trail("console:console", 0, 1)] == ["reset"]


async def test_an_act_is_dated_by_the_time_of_the_books(store: Store) -> None:
    desk = Desk(store, now=MORNING + DAY)
    await desk.spend(1)
    await store.audit(audit("refused", MORNING), MORNING)
    (row,) = await store.audit_trail("console:console", 0, 1)
    assert row.at == MORNING + DAY


async def test_everyone_who_ever_had_an_account_is_known(store: Store) -> None:
    desk = Desk(store, "everyone: 100 tokens/day", "space: 100k tokens/day")
    await desk.hold("cy", cap=10)
    await desk.spend(10, "bo")
    await desk.grant(5)
    await desk.sees("nobody")
    wallets = [ANA, "console:console:bo", "console:console:cy"]
    assert await store.wallets() == wallets
    await store.lapse(MORNING + DAY, 10)
    assert await store.wallets() == wallets


# Upkeep.


async def test_to_forget_events_leaves_the_sums(store: Store) -> None:
    desk = Desk(store, "everyone: 1000 tokens/month", "everyone: 9 requests/rolling 30d")
    old = await desk.ask(cap=100, event="e1")
    assert isinstance(old, Granted)
    await desk.settle(old.hold_id, 0, 70)
    desk.now += 3 * DAY
    assert isinstance(await desk.ask(cap=100, event="e2"), Granted)
    desk.now += 5 * DAY
    assert await store.prune(desk.now, events_ms=7 * DAY, entries_ms=400 * DAY) == 1
    assert await store.prune(desk.now, events_ms=7 * DAY, entries_ms=400 * DAY) == 0
    assert await desk.ask(cap=100, event="e2") == Seen("duplicate")
    assert isinstance(await desk.ask(cap=100, event="e1"), Granted)
    assert [(b.used, b.held) for b in await desk.sees()] == [(70, 200), (1, 2)]
    assert await store.verify() == []


async def test_to_forget_entries_leaves_the_sums(store: Store) -> None:
    desk = Desk(store, "everyone: 1000 tokens/month", "everyone: 1000 tokens/rolling 20d")
    await desk.grant(50, until=MORNING + 15 * DAY)
    await desk.grant(60)
    await desk.spend(1030)
    desk.now += 10 * DAY
    before = await desk.sees()
    await store.prune(desk.now, events_ms=7 * DAY, entries_ms=9 * DAY)
    assert await desk.sees() == before
    assert await store.verify() == []
    desk.now += 11 * DAY
    await store.prune(desk.now, events_ms=7 * DAY, entries_ms=9 * DAY)
    await desk.spend(60)
    assert [b.used for b in await desk.sees()] == [1090, 60]
    await store.prune(desk.now, events_ms=0, entries_ms=0)
    assert [b.used for b in await desk.sees()] == [1090, 60]
    assert await store.verify() == []
    assert await store.wallets() == [ANA]


async def test_a_mark_set_in_the_future_can_be_lowered(store: Store) -> None:
    desk = Desk(store, "everyone: 100 tokens/day", now=MORNING + 400 * DAY)
    await desk.spend(100)
    desk.now = MORNING
    assert isinstance(await desk.ask(), Refused)
    assert await store.lower_mark(MORNING) == MORNING + 400 * DAY
    assert isinstance(await desk.ask(), Granted)
    assert await store.verify() == []


async def test_what_was_settled_is_there_when_the_books_are_opened_again(opener: Opener) -> None:
    desk = Desk(await opener(), "everyone: 1000 tokens/day", "everyone: 9 requests/rolling 1h")
    await desk.grant(100)
    await desk.spend(1040)
    await desk.store.accept("e1", "abc", desk.now)
    before = await desk.sees(), await entries(desk.store), await desk.store.grants(ANA, desk.now)
    desk.store = await opener()
    assert await desk.store.accept("e1", "abc", desk.now) == Seen("duplicate")
    after = await desk.sees(), await entries(desk.store), await desk.store.grants(ANA, desk.now)
    assert after == before
    assert await desk.store.verify() == []


async def test_time_does_not_run_back_when_the_books_are_opened_again(opener: Opener) -> None:
    desk = Desk(await opener(), "everyone: 100 tokens/day", "everyone: 100 tokens/rolling 1h")
    desk.now = MORNING + DAY
    await desk.spend(100)
    desk.store = await opener()
    desk.now = MORNING
    refused = await desk.ask()
    assert isinstance(refused, Refused)
    assert refused.opens_at == MORNING + DAY + 15 * HOUR


async def test_closed_books_tell_and_take_nothing(store: Store) -> None:
    desk = Desk(store, "everyone: 100 tokens/day")
    await desk.spend(10)
    await store.close()
    await store.close()
    for verb in (
        desk.ask(),
        desk.settle(1, 1, 1),
        desk.release(1),
        desk.sees(),
        desk.grant(1),
        desk.reset(),
        store.accept("e", "d", MORNING),
        store.would_refuse(desk.request(), MORNING),
        store.progress(1, 1, MORNING),
        store.note_attempt(1, "", MORNING),
        store.lapse(MORNING, 1),
        store.grants(ANA, MORNING),
        store.limits(),
        store.flags(),
        store.audit(audit("x"), MORNING),
        store.audit_trail("console:console", 0, 1),
        store.wallets(),
        store.verify(),
        store.prune(MORNING, events_ms=0, entries_ms=0),
        store.lower_mark(MORNING),
        entries(store),
    ):
        with pytest.raises(StoreUnavailableError):
            await verb
