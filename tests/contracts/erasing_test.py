"""Who has themselves erased is found nowhere, counts on as nobody, and gets nothing by it."""

from quota.members import Member
from quota.pool_governing import NotKept
from quota.prepaid import AddToBalance
from quota.prepaying import SWITCHED_OFF, balance_bound
from quota.store import GrantRequest, KeepFor, PoolState, Store
from quota.units import Unit
from quota.verdicts import Granted, Refused, Seen, Waiting
from tests.contracts.conftest import Opener
from tests.contracts.store_desk import Desk, audit
from tests.fakes import DAY, HOUR, requester

ANA, BO = "console:console:ana", "console:console:bo"
LATE = 9 * DAY


async def told(store: Store) -> str:
    """All that the store tells about anybody of this space."""
    entries = [e async for e in store.entries(0, None) if e.wallet.startswith("console:")]
    trail = await store.audit_trail("console:console", 0, 99)
    wallets = [wallet for wallet in await store.wallets() if wallet.startswith("console:")]
    rows = (entries, trail, wallets, await store.spending("console:", 0, 1 << 60))
    return " ".join(map(repr, rows))


async def test_a_name_that_leads_to_nobody_stands_in_every_row(store: Store) -> None:
    desk = Desk(store, "everyone: 1000 tokens/day", "space: 5000 tokens/day")
    await desk.spend(300, "bo")
    desk.now += DAY
    await desk.settle(await desk.hold(cap=300), 0, 300)
    desk.now += DAY
    await desk.settle(await desk.hold(cap=300), 0, 300)
    await desk.grant(50, until=desk.now + HOUR)
    elsewhere = GrantRequest("discord:7:ana", Unit.TOKENS, 5, None, "ana", "for ana")
    abroad = audit("grant", desk.now, space="discord:7")
    await store.grant(elsewhere, abroad, desk.now)
    await store.audit(audit("block", desk.now)._replace(subject=ANA, actor="ana"), desk.now)
    await store.audit(audit("limit", desk.now)._replace(after="member ana: 5/day"), desk.now)
    await store.audit(audit("note", desk.now)._replace(reason="banana, ana-lyst, ana"), desk.now)
    name = await store.erase(ANA, desk.now)
    hidden = Member.from_wallet(name).id
    assert "ana" not in (await told(store)).replace("banana", "").replace("ana-lyst", "")
    assert {row.wallet for row in await store.spending("", 0, 1 << 60)} == {name, BO}
    (grant,) = await store.grants("discord:7:ana", desk.now)
    assert (grant.actor, grant.reason) == ("ana", "for ana")
    assert [row.subject for row in await store.audit_trail("discord:7", 0, 9)] == ["ana"]
    rows = await store.audit_trail("console:console", 0, 99)
    trail = [(row.actor, row.action, row.subject, row.after) for row in rows]
    assert trail[0] == (hidden, "erase", name, "")
    assert (hidden, "block", name, "") in trail
    assert ("admin", "limit", hidden, f"member {hidden}: 5/day") in trail
    assert await store.verify() == []


async def test_what_was_given_tells_of_them_neither_as_a_giver_nor_as_a_reason(
    store: Store,
) -> None:
    desk = Desk(store, "everyone: 1000 tokens/day")
    await desk.spend(10)
    act = audit("grant", desk.now)
    for wallet, actor, why in ((ANA, "admin", "for ana"), (BO, "ana", "as ana said, not banana")):
        given = GrantRequest(wallet, Unit.TOKENS, 5, desk.now + HOUR, actor, why)
        await store.grant(given, act, desk.now)
    hidden = Member.from_wallet(await store.erase(ANA, desk.now)).id
    told = [(g.actor, g.reason) for w in (ANA, BO) for g in await store.grants(w, desk.now)]
    assert told == [("admin", f"for {hidden}"), (hidden, f"as {hidden} said, not banana")]


async def test_who_comes_back_finds_what_was_used_until_its_period_ends(opener: Opener) -> None:
    store = await opener()
    desk = Desk(store, "everyone: 1000 tokens/day", "everyone: 9 requests/rolling 2h")
    await desk.spend(900)
    await desk.spend(70, "bo")
    await store.erase(ANA, desk.now)
    for _ in range(2):
        assert [b.used for b in await desk.sees()] == [900, 1]
        assert isinstance(await desk.ask(cap=300, floor=200), Refused)
        assert [b.used for b in await desk.sees("bo")] == [70, 1]
        store = desk.store = await opener(desk.now)
    assert await store.would_refuse(desk.request(cap=300, floor=200), desk.now) is not None
    await desk.spend(50)
    assert "ana" not in await told(store)
    desk.now += DAY
    assert [b.used for b in await desk.sees()] == [0, 0]
    await desk.spend(1000)
    assert ANA in await store.wallets()
    assert await store.verify() == []


async def test_what_runs_is_settled_under_the_new_name(store: Store) -> None:
    desk = Desk(store, "everyone: 1000 tokens/day", "space: 5000 tokens/day")
    await desk.grant(200)
    held = await desk.hold(input_=100, cap=1100)
    other = await desk.hold("bo", cap=40)
    name = await store.erase(ANA, desk.now)
    done = await desk.settle(held, 100, 1000)
    assert [(b.used, b.held) for b in done.balances] == [(1100, 0), (1100, 40)]
    await desk.settle(other, 0, 40)
    assert {row.wallet: row.tokens for row in await store.spending("", 0, 1 << 60)} == {
        name: 1100,
        BO: 40,
    }
    assert await store.verify() == []


async def test_who_waits_is_called_by_the_names_that_they_asked_with(store: Store) -> None:
    desk = Desk(store, "everyone: 1000 tokens/day")
    await desk.hold(cap=900)
    await store.erase(ANA, desk.now)
    request = desk.request(cap=300, floor=200, final=False)
    answer = await desk.reserve(request)
    assert answer == Waiting(tuple(bound.book for bound in request.bounds))
    assert isinstance(await desk.ask(cap=100), Granted)


async def test_grants_gifts_and_resets_reach_who_came_back(store: Store) -> None:
    desk = Desk(store, "everyone: 1000 tokens/day")
    await desk.spend(900)
    await desk.grant(-50)
    name = await store.erase(ANA, desk.now)
    await desk.grant(500)
    assert [grant.amount for grant in await store.grants(ANA, desk.now)] == [-50, 500]
    assert (await desk.sees())[0].left == 550
    await desk.reset()
    assert (await desk.sees())[0].used == 0
    desk.now += 400 * DAY
    assert {grant.wallet for grant in await store.grants(ANA, desk.now)} == {name}, "for good"


async def test_a_second_time_changes_nothing_and_a_stranger_leaves_no_name(store: Store) -> None:
    desk = Desk(store, "everyone: 1000 tokens/day")
    await desk.spend(900)
    first = await store.erase(ANA, desk.now)
    assert await store.erase(ANA, desk.now) == first
    assert [b.used for b in await desk.sees()] == [900]
    await store.erase(BO, desk.now)
    await desk.spend(10, "bo")
    assert BO in await store.wallets()
    assert await store.verify() == []


async def test_who_does_it_for_a_member_is_named_and_the_member_is_not(store: Store) -> None:
    desk = Desk(store, "everyone: 1000 tokens/day")
    await desk.spend(900)
    name = await store.erase(ANA, desk.now, "cli:olga")
    (row,) = await store.audit_trail("console:console", 0, 9)
    assert (row.actor, row.action, row.subject) == ("cli:olga", "erase", name)


async def test_what_was_kept_in_a_fair_pool_is_kept_on(store: Store) -> None:
    desk = Desk(store, "space: 10k tokens/day fair")
    (bound,) = desk.bounds(requester())
    await desk.spend(10, "bo")
    desk.now += DAY
    await desk.spend(700)
    await desk.spend(10, "bo")
    before = await store.pool(ANA, bound, desk.now)
    name = await store.erase(ANA, desk.now)
    after = await store.pool(ANA, bound, desk.now)
    assert isinstance(before, PoolState)
    assert isinstance(after, PoolState)
    assert before.member is not None
    assert after.member == before.member._replace(member=name)
    kept = await store.change_pool(bound, KeepFor(ANA, 5), audit("keep", desk.now), desk.now)
    assert isinstance(kept, PoolState | NotKept)
    await store.change_pool(bound, KeepFor(BO, 5), audit("keep", desk.now), desk.now)
    assert await store.verify() == []


async def test_a_prepaid_balance_goes_on(store: Store) -> None:
    desk = Desk(store)
    bound = balance_bound(SWITCHED_OFF, ANA)
    await store.deposit(bound, AddToBalance(500), audit("deposit", desk.now), desk.now)
    name = await store.erase(ANA, desk.now)
    desk.now += 800 * DAY
    done = await store.deposit(bound, AddToBalance(500), audit("deposit", desk.now), desk.now)
    assert done.after == 1_000
    assert await store.refill([bound], desk.now) == 0
    assert await store.wallets() == [name]
    assert await store.verify() == []


async def test_messages_lead_to_nothing_and_an_event_still_counts_once(store: Store) -> None:
    desk = Desk(store, "everyone: 1000 tokens/day")
    granted = await desk.ask(cap=100, event="e1")
    assert isinstance(granted, Granted)
    await store.show("e1", ["m1"], desk.now)
    await desk.settle(granted.hold_id, 0, 100)
    other = await desk.ask("bo", cap=100, event="e2")
    assert isinstance(other, Granted)
    await store.erase(ANA, desk.now)
    assert await store.turns(["e1", "m1"]) == []
    assert await store.turns(["e2"]) == [other.hold_id]
    assert await desk.ask(cap=100, event="e1") == Seen("duplicate")


async def test_the_name_is_let_go_of_when_the_last_period_has_closed(store: Store) -> None:
    desk = Desk(store, "everyone: 1000 tokens/day")
    await desk.spend(100)
    first = await store.erase(ANA, desk.now)
    await store.prune(desk.now, events_ms=DAY, entries_ms=LATE)
    assert [b.used for b in await desk.sees()] == [100]
    desk.now += DAY + HOUR
    await store.prune(desk.now, events_ms=DAY, entries_ms=LATE)
    await desk.spend(100)
    assert {ANA, first} <= set(await store.wallets())
