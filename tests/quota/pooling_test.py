"""What is seen of fair pools and done to them, from above the store."""

import pytest

from quota.errors import BadRuleError
from quota.governing import Act
from quota.memory import MemoryStore
from quota.pooling import Pooling
from quota.store import AddToPool, ForgetPast, KeepFor, PoolState
from tests.contracts.store_desk import Desk
from tests.fakes import FakeClock, requester

ACT = Act("ada", "console:console", "why not")
ANA = requester().member.wallet


def pooling(*lines: str) -> tuple[Pooling, Desk, list[str]]:
    clock, changed = FakeClock(), list[str]()
    desk = Desk(MemoryStore(), *lines, now=clock.now())
    return Pooling(desk.store, clock, lambda: changed.append("changed")), desk, changed


async def test_each_act_is_written_down_and_told_to_who_waits() -> None:
    acting, desk, changed = pooling("space: 10k tokens/day fair floor 100")
    (bound,) = desk.bounds(requester())
    for deed in (AddToPool(500), KeepFor(ANA, 50), ForgetPast()):
        assert isinstance(await acting.change(ACT, bound, deed), PoolState)
    assert changed == ["changed"] * 3
    trail = await desk.store.audit_trail("console:console", 0, 9)
    assert [(row.action, row.subject, row.after) for row in reversed(trail)] == [
        ("pool add", "space tokens/day", "500 tokens"),
        ("pool keep", ANA, "50 tokens of space tokens/day"),
        ("pool forget", "space tokens/day", ""),
    ]


async def test_what_is_no_fair_pool_is_not_changed() -> None:
    acting, desk, changed = pooling("space: 10k tokens/day")
    (bound,) = desk.bounds(requester())
    with pytest.raises(BadRuleError, match="space: 10k tokens/day is no fair pool"):
        await acting.change(ACT, bound, AddToPool(5))
    assert changed == []
    assert await desk.store.audit_trail("console:console", 0, 9) == []


async def test_only_fair_pools_are_seen() -> None:
    acting, desk, _ = pooling("everyone: 5k tokens/day", "space: 10k tokens/day fair")
    await desk.spend(100)
    (view,) = await acting.views(ANA, desk.bounds(requester()))
    assert view.bound.limit.name == "space: 10k tokens/day fair"
    assert view.state.member is not None
    assert view.state.member.used == 100
    assert view.guessed
