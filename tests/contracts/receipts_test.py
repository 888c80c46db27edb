"""What a turn cost, and how an answer leads to it: the same from every store."""

from quota.calls import Served
from quota.receipts import Receipt, total
from quota.store import Store
from quota.units import Rates
from quota.verdicts import Granted
from tests.contracts.conftest import Opener
from tests.contracts.store_desk import Desk
from tests.fakes import DAY, MINUTE, MORNING

ANA = "console:console:ana"
RATES = Rates(1_000_000, 500_000, 2_000_000, 2_000_000)


async def asked(desk: Desk, event: str = "e1", name: str = "ana", turn: int = 0) -> int:
    """An ask of 100 and at most 500 tokens; the number of its hold."""
    verdict = await desk.reserve(desk.request(name, input_=100, cap=500, event=event, turn=turn))
    assert isinstance(verdict, Granted)
    return verdict.hold_id


async def the_receipt(store: Store, *names: str) -> Receipt:
    (receipt,) = await store.receipts(await store.turns(names))
    return receipt


async def test_a_receipt_lists_every_call_of_its_turn_in_order(store: Store) -> None:
    desk = Desk(store)
    desk.rates = RATES
    first = await asked(desk)
    other = await asked(desk, "e2", "bo")
    request = desk.request(input_=10, cap=100, event="e1", purpose="tools", turn=first)
    verdict = await desk.reserve(request)
    assert isinstance(verdict, Granted)
    await desk.settle(verdict.hold_id, 10, 5, served=Served("mini-2", None, 4))
    await desk.settle(other, 100, 7)
    await desk.settle(first, 100, 50, cached=40)
    receipt = await the_receipt(store, "e1")
    assert (receipt.turn, receipt.wallet, receipt.running) == (first, ANA, 0)
    told = [(c.purpose, c.served, c.cached, c.output, c.credits) for c in receipt.calls]
    assert told == [("answer", "", 40, 50, 180), ("tools", "mini-2", 0, 5, 4)]
    assert [c.billed for c in receipt.calls] == [None, 4]
    assert {c.turn for c in receipt.calls} == {first}
    sums = total(receipt.calls)
    assert (sums.calls, sums.input, sums.cached, sums.output) == (2, 110, 40, 55)
    assert (sums.tokens, sums.credits, sums.unpriced) == (165, 184, 0)


async def test_what_still_runs_is_told(store: Store) -> None:
    desk = Desk(store)
    first = await asked(desk)
    receipt = await the_receipt(store, "e1")
    assert receipt == Receipt(first, ANA, (), 1)
    await desk.settle(first, 100, 50)
    second = await asked(desk, turn=first)
    receipt = await the_receipt(store, "e1")
    assert (len(receipt.calls), receipt.running) == (1, 1)
    await desk.release(second)
    receipt = await the_receipt(store, "e1")
    assert [c.kind for c in receipt.calls] == ["settle", "release"]
    assert total(receipt.calls).calls == 1


async def test_the_messages_of_an_answer_lead_to_its_receipt_also_after_a_restart(
    opener: Opener,
) -> None:
    desk = Desk(await opener())
    hold = await asked(desk)
    await desk.settle(hold, 100, 50)
    await desk.store.show("e1", ["space:m1", "space:m2"], desk.now)
    store = await opener(desk.now)
    assert await store.turns(["space:m2"]) == [hold]
    assert await store.turns(["space:m2", "e1", "space:m1"]) == [hold]
    assert await store.turns(["space:m3", ""]) == []


async def test_what_was_refused_or_never_heard_of_leads_nowhere(store: Store) -> None:
    desk = Desk(store, "everyone: 10 tokens/day")
    await desk.ask(input_=100, event="e1")
    await store.show("e1", ["space:m1"], MORNING)
    await store.show("e2", ["space:m2"], MORNING)
    assert await store.turns(["e1", "e2", "space:m1", "space:m2"]) == []
    assert await store.receipts([7]) == []


async def test_the_newest_turns_of_a_member_come_first(store: Store) -> None:
    desk = Desk(store)
    holds = [await asked(desk, f"e{n}") for n in range(4)]
    other = await asked(desk, "e9", "bo")
    for hold in (*reversed(holds), other):
        await desk.settle(hold, 100, 50)
    await desk.grant(5_000)
    assert await store.turns_of(ANA, 2) == holds[:2]
    assert await store.turns_of(ANA, 9) == holds
    assert await store.turns_of("console:console:a", 9) == []


async def test_an_answer_that_died_with_its_process_has_a_receipt(opener: Opener) -> None:
    desk = Desk(await opener())
    desk.rates = RATES
    hold = await asked(desk)
    await desk.store.progress(hold, 20, desk.now)
    store = await opener(desk.now)
    (call,) = (await the_receipt(store, "e1")).calls
    assert (call.kind, call.source, call.input, call.output) == ("lapse", "counted", 100, 276)
    sums = total([call])
    assert (sums.lapsed, sums.partial, sums.estimated, sums.credits) == (1, 0, 1, 652)


async def test_what_had_no_price_is_told_apart_from_what_was_free(store: Store) -> None:
    desk = Desk(store)
    await desk.settle(await asked(desk), 100, 50)
    desk.rates = Rates(0, 0, 0, 0)
    await desk.settle(await asked(desk, "e2"), 100, 50)
    unpriced, free = await store.receipts(await store.turns(["e1", "e2"]))
    assert (total(unpriced.calls).credits, total(unpriced.calls).unpriced) == (None, 1)
    assert (total(free.calls).credits, total(free.calls).unpriced) == (0, 0)


async def test_receipts_last_as_long_as_their_entries(opener: Opener) -> None:
    desk = Desk(await opener())
    old = await asked(desk, "e1")
    await desk.settle(old, 100, 50)
    await desk.settle(await asked(desk, turn=old), 100, 50)
    await desk.store.show("e1", ["space:m1"], desk.now)
    desk.now += 30 * DAY
    await desk.settle(await asked(desk, "e2"), 100, 50)
    await desk.store.show("e2", ["space:m2"], desk.now)
    desk.now += MINUTE
    await desk.store.prune(desk.now, events_ms=7 * DAY, entries_ms=60 * DAY)
    assert await desk.store.turns(["e1"]) == []
    assert len((await the_receipt(desk.store, "space:m1")).calls) == 2
    assert len((await the_receipt(desk.store, "space:m2")).calls) == 1
