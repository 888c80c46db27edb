"""Which limit a refusal names, and what it tells: needed, left, when it opens, what would fit."""

from collections.abc import Sequence
from dataclasses import replace

from quota.accounting import Room, amount_held, input_within
from quota.counters import Account, Purse, room_in
from quota.funds import balance_of_fund, fund_opens_at, whole_of_fund
from quota.limits import Bound
from quota.purses import FOREVER, lasting
from quota.store import ReserveRequest
from quota.units import Unit
from quota.verdicts import RefusalReason, Refused
from quota.windows import Balance, Rolling


def refusal(
    ask: ReserveRequest,
    rooms: Sequence[Room],
    accounts: Sequence[Account],
    purses: Sequence[Purse],
) -> Refused:
    """Name the limit that decides when one may go on: the one without room that opens last."""
    refusals = []
    for bound, room, account in zip(ask.bounds, rooms, accounts, strict=True):
        least = ask.estimate.output_least
        needed = amount_held(bound.unit, ask.estimate.input, least, ask.estimate.rates)
        if room.whole is not None and needed > room.free:
            refusals.append(_refused_by(ask, bound, room, needed, (account, purses)))
    return max(refusals, key=lambda r: (r.reason != "busy", r.opens_at or FOREVER))


def _refused_by(
    ask: ReserveRequest,
    bound: Bound,
    room: Room,
    needed: int,
    counted: tuple[Account, Sequence[Purse]],
) -> Refused:
    fund = counted[0].fund
    whole = (room.whole or 0) if fund is None else whole_of_fund(bound, fund)
    if needed <= room.unspent:
        return Refused("busy", bound.limit, bound.unit, needed, room.free, whole)
    reason: RefusalReason = "pool_used" if bound.kind == "shared" else "period_used"
    opens, fits = _opens_at(bound, needed, *counted), None
    if bound.unit is not Unit.REQUESTS:
        least = ask.estimate.output_least
        fitting = input_within(room.unspent, bound.unit, least, ask.estimate)
        never = opens is None and (needed > whole or not isinstance(bound.window, Balance))
        if fund is not None and fund.refill is None:
            never = False  # an admin may put in whatever it needs
        if never or fitting >= least:
            reason, fits = "too_large", max(0, fitting)
    said = (reason, bound.limit, bound.unit, needed, room.unspent, whole, opens, fits)
    prepaid = None if fund is None else balance_of_fund(bound, counted[0], fund).prepaid
    return Refused(*said, prepaid=prepaid)


def _opens_at(bound: Bound, needed: int, account: Account, purses: Sequence[Purse]) -> int | None:
    """When so much will fit (UTC milliseconds) if nobody spends more; None: never by itself.

    By then grants may have ended, and so may what was taken.
    """
    if account.fund is not None:
        return fund_opens_at(bound, account, account.fund, needed)
    freed = [(p.request.until, 0) for p in purses if p.request.until and p.request.amount < 0]
    if isinstance(bound.window, Rolling):
        freed += [(at + bound.window.length_ms, amount) for at, _, amount in account.marks]
    elif account.closes_at is not None:
        freed.append((account.closes_at, account.spent))
    then = replace(account, held=0)
    for instant, amount in sorted(freed):
        then.spent -= amount
        if room_in(bound, then, lasting(purses, instant)).unspent >= needed:
            return instant
    return None
