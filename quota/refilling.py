"""What has come due of a prepaid balance: pure arithmetic.

Why computed: it is a function of up to when refills were given, of what is left, of now and of the
rule, and of nothing else. So none can be missed, doubled or late: if no job ever ran, every balance
would still be right the next time that somebody looks.

A boundary of the interval brings the amount, or as much of it as fits below the cap.
"""

from typing import NamedTuple

from quota.prepaid import PrepaidRow, Refill
from quota.windows import Anchored

# So far ahead is looked for the refill that makes enough room.
LOOK_AHEAD = 1_000


class Due(NamedTuple):
    """What has come due: so many credits, for all boundaries up to and with `refilled_to`."""

    credits: int
    refilled_to: int


def next_refill(refill: Refill, refilled_to: int) -> int:
    """The first boundary after an instant up to which refills were given."""
    if isinstance(refill.window, Anchored):
        return refilled_to + refill.window.length_ms
    closes_at = refill.window.period_at(refilled_to).closes_at
    assert closes_at is not None, "a calendar always goes on"
    return closes_at


def due(refill: Refill, refilled_to: int, left: int, now: int) -> Due:
    """What came due since, if nothing was spent meanwhile: whoever spends looks first."""
    given = 0
    while (boundary := next_refill(refill, refilled_to)) <= now:
        if left + given >= refill.cap:
            return Due(given, _last_boundary(refill, refilled_to, now))
        given += min(refill.amount, refill.cap - left - given)
        refilled_to = boundary
    return Due(given, refilled_to)


def enough_at(refill: Refill, refilled_to: int, left: int, needed: int) -> int | None:
    """When refills alone will have brought what is left to what is needed; None: never soon."""
    if needed > refill.cap:
        return None
    times = -(-(needed - left) // refill.amount)
    if times > LOOK_AHEAD:
        return None
    for _ in range(times):
        refilled_to = next_refill(refill, refilled_to)
    return refilled_to


def full_of(left: int, refill: Refill | None) -> int:
    """What counts as full once something has come in."""
    return max(left, refill.cap if refill is not None else 0)


def _last_boundary(refill: Refill, refilled_to: int, now: int) -> int:
    """The last boundary that has come, in one step."""
    if isinstance(refill.window, Anchored):
        length = refill.window.length_ms
        return refilled_to + (now - refilled_to) // length * length
    return refill.window.period_at(now).opens_at


def brought_up(row: PrepaidRow, now: int) -> PrepaidRow:
    """A balance as it was written, with what has come due until now."""
    if row.refill is None:
        return row
    came = due(row.refill, row.refilled_to, row.credits, now)
    left = row.credits + came.credits
    full = full_of(left, row.refill) if came.credits else row.full
    return row._replace(credits=left, full=full, refilled_to=came.refilled_to)
