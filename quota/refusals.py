"""Which limit a refusal names, and what it tells: needed, left, when it opens, what would fit."""

from collections.abc import Sequence

from quota.accounting import Estimate, Room, amount_held, input_within
from quota.counters import Account, opens_at
from quota.limits import Bound
from quota.purses import FOREVER
from quota.store import ReserveRequest
from quota.units import Unit
from quota.verdicts import RefusalReason, Refused


def refusal(ask: ReserveRequest, rooms: Sequence[Room], accounts: Sequence[Account]) -> Refused:
    """Name the limit that decides when one may go on: the one without room that opens last."""
    floor = min(ask.estimate.output_floor, ask.estimate.output_max)
    refusals = []
    for bound, room, account in zip(ask.bounds, rooms, accounts, strict=True):
        needed = amount_held(bound.unit, ask.estimate.input, floor, ask.estimate.rates)
        if room.whole is not None and needed > room.free:
            refusals.append(_refused_by(bound, room, account, needed, ask.estimate))
    return max(refusals, key=lambda r: (r.reason != "busy", r.opens_at or FOREVER))


def _refused_by(
    bound: Bound, room: Room, account: Account, needed: int, estimate: Estimate
) -> Refused:
    reason: RefusalReason = "pool_used" if bound.kind == "shared" else "period_used"
    left, fits = room.unspent, None
    opens = opens_at(bound, account, room.whole or 0, needed)
    if needed <= room.unspent:
        reason, left, opens = "busy", room.free, None
    elif bound.unit is not Unit.REQUESTS:
        floor = min(estimate.output_floor, estimate.output_max)
        fitting = input_within(room.unspent, bound.unit, floor, estimate)
        if opens is None or fitting >= floor:
            reason, fits = "too_large", max(0, fitting)
    whole = room.whole or 0
    return Refused(reason, bound.limit, bound.unit, needed, left, whole, opens, fits)
