"""An ask before all its limits: own allowances first, fair pools last, the tightest grants.

Fair pools come last because what they give depends on what is wanted of them, and because an ask
that another limit refuses must not count as demand upon a pool.
"""

from collections.abc import Sequence
from typing import NamedTuple

from quota.accounting import Estimate, Plan, Room, amounts_held, output_within, plan_hold
from quota.accounts import Accounts
from quota.counters import Account, Changes, Hold, Purse, balance_of, new_tuple, room_in
from quota.funds import balance_of_fund
from quota.holds import Holds
from quota.limits import Bound, Limit
from quota.pool import granted, refuse, reserve, room, without_holds
from quota.pool_demand import floor_at, still_to_come
from quota.pool_state import Pool
from quota.pools import Pools, Standing
from quota.refusals import refusal
from quota.store import ReserveRequest
from quota.units import Unit
from quota.verdicts import Balance, PoolBalance, Refused

# How a fair pool stands there until the other limits have said what they allow.
_LATER = tuple(Room(unit, None, 0, 0) for unit in Unit)


class Share(NamedTuple):
    """What an ask needs of the fair pool at one of its limits, and wants of it at most."""

    place: int
    standing: Standing
    need: int
    want: int


class Weighed(NamedTuple):
    """An ask with what was found: the room in every limit, the fair pools, and the decision."""

    ask: ReserveRequest
    accounts: Sequence[Account]
    purses: Sequence[Purse]
    rooms: list[Room]
    shares: list[Share]
    plan: Plan


def weigh(
    ask: ReserveRequest,
    accounts: Sequence[Account],
    purses: Sequence[Purse],
    pools: Pools,
    now: int,
) -> Weighed:
    """Decide an ask against all its limits together; nothing is written."""
    if not (purses or ask.behind) and _has_room(ask, accounts):
        plan = new_tuple(Plan, (ask.estimate.output_max, False, -1))
        return new_tuple(Weighed, (ask, accounts, purses, [], [], plan))
    rooms: list[Room] = []
    found: list[tuple[int, Pool, Bound]] = []
    for bound, account in zip(ask.bounds, accounts, strict=True):
        if bound.kind == "shared" and (pool := pools.at(bound, account)) is not None:
            found.append((len(rooms), pool, bound))
            rooms.append(_LATER[bound.unit.place])
        else:
            rooms.append(room_in(bound, account, purses))
    plan = plan_hold(rooms, ask.estimate, final=ask.final, behind=ask.behind)
    shares: list[Share] = []
    if not found or plan.refused:
        return Weighed(ask, accounts, purses, rooms, shares, plan)
    input_, _, _, rates, requests = ask.estimate
    most = plan.output or _output_unspent(rooms, ask.estimate)
    needs = amounts_held(input_, ask.estimate.output_least, rates, requests)
    wants = amounts_held(input_, most, rates, requests)
    less = False
    for place, pool, bound in found:
        want = wants[bound.unit.place]
        if want:
            standing = pools.standing(pool, bound, ask.wallet, now)
            share = Share(place, standing, needs[bound.unit.place], want)
            rooms[place] = _given(share, bound, now)
            less = less or rooms[place].free < want
            shares.append(share)
    if less:
        plan = plan_hold(rooms, ask.estimate, final=ask.final, behind=ask.behind)
    return Weighed(ask, accounts, purses, rooms, shares, plan)


def _has_room(ask: ReserveRequest, accounts: Sequence[Account]) -> bool:
    """Whether every limit plainly has room, so that there is nothing to weigh: nearly always."""
    input_, most, _, rates, requests = ask.estimate
    wanted = amounts_held(input_, most, rates, requests)
    for (_, _, amount, unit, _, kind, _, _), account in zip(ask.bounds, accounts, strict=True):
        if kind == "shared":
            return False
        if amount is not None and amount - account.spent - account.held < wanted[unit.place]:
            return False
    return True


def set_aside(weighed: Weighed, pools: Pools, holds: Holds, now: int, changes: Changes) -> Hold:
    """Hold what was granted in every account, and in the fair pools beside them."""
    ask, accounts = weighed.ask, weighed.accounts
    hold = holds.take(ask, accounts, weighed.purses, weighed.plan.output, now, changes)
    for place, standing, _, _ in weighed.shares:
        pool, row, member, _ = standing
        amount = hold.lines[place].base
        pools.keep(pool, accounts[place], reserve(row, member, amount, now), changes)
    return hold


def turn_away(
    weighed: Weighed, pools: Pools, accounts: Accounts, now: int, changes: Changes
) -> Refused:
    """Tell why not; the pools that refuse remember what was wanted of them."""
    for place, standing, need, _ in weighed.shares:
        if weighed.rooms[place].free < need:
            account, (pool, row, member, _) = weighed.accounts[place], standing
            if account.id == 0:
                accounts.open(account)
                changes.accounts[account.id] = account
            pools.keep(pool, account, refuse(row, member, need, now), changes)
    return reason_of(weighed, now)


def reason_of(weighed: Weighed, now: int) -> Refused:
    """Why an ask is refused, and by which limit."""
    rooms = list(weighed.rooms)
    told: dict[Limit, PoolBalance] = {}
    for place, standing, need, _ in weighed.shares:
        limit = weighed.ask.bounds[place].limit
        told[limit] = _told(standing, now)
        if rooms[place].free < need:
            _, row, member, _ = standing
            rooms[place] = rooms[place]._replace(
                unspent=room(*without_holds(row, member), now), free=room(row, member, now)
            )
    refused = refusal(weighed.ask, rooms, weighed.accounts, weighed.purses)
    pool = None if refused.limit is None else told.get(refused.limit)
    if pool is not None and refused.reason == "too_large" and refused.opens_at is not None:
        # It may yet fit: others may turn out to need less.
        refused = refused._replace(reason="pool_used")
    return refused._replace(pool=pool)


def balance(
    bound: Bound,
    account: Account,
    purses: Sequence[Purse],
    pools: Pools,
    wallet: str,
    now: int,
) -> Balance:
    """Where a member stands with one limit; of a fair pool, what they themselves could have."""
    if account.fund is not None:
        return balance_of_fund(bound, account, account.fund)
    stands = balance_of(bound, account, purses)
    pool = pools.at(bound, account) if bound.kind == "shared" else None
    if pool is None:
        return stands
    standing = pools.standing(pool, bound, wallet, now)
    _, row, member, _ = standing
    return stands._replace(
        granted=row.size + pool.before, left=room(row, member, now), pool=_told(standing, now)
    )


def _told(standing: Standing, now: int) -> PoolBalance:
    """A member's own part of a pool; only what is written down is promised."""
    _, row, member, quoted = standing
    keeps = now < row.keep_until
    return PoolBalance(
        used=member.used,
        kept=quoted.own if quoted is not None and keeps else 0,
        kept_until=row.keep_until if keeps else None,
        floor=floor_at(row, still_to_come(row, now)) * member.weight,
        free=row.free,
    )


def _given(share: Share, bound: Bound, now: int) -> Room:
    """What the pool grants now, and what it would if all holds were given back."""
    pool, row, member, _ = share.standing
    free = unspent = granted(row, member, share.need, share.want, now)
    if free < share.want and row.held:
        unspent = granted(*without_holds(row, member), share.need, share.want, now)
    return Room(bound.unit, row.size + pool.before, max(free, unspent), free)


def _output_unspent(rooms: Sequence[Room], estimate: Estimate) -> int:
    """How many output tokens settled spending leaves room for."""
    limited = [room for room in rooms if room.whole is not None]
    fits = (output_within(room.unspent, room.unit, estimate) for room in limited)
    return min([estimate.output_max, *fits])
