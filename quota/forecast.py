"""At this pace, when does it run out; and at which pace would it last until the refill.

Of limits from counters only, so it costs the same for a day and for a year. Why a range and not an
hour: turns are few, of all sizes, and come in bursts, so a pace seen over ten of them is off by
half as often as not. In four of five cases what really happens lies between `earliest` and
`latest` (tests/quota/forecast_test.py plays it); under three turns nothing is told at all.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from math import isqrt
from typing import Literal, NamedTuple

from quota.prepaid import Refill
from quota.refilling import next_refill
from quota.verdicts import PrepaidBalance
from quota.windows import Period

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS
_TURNS_LEAST = 3
_THOUSAND = 1_000
# Thousandths of a pace seen over one turn; it shrinks with the root of their number. Four of
# five lie within, where turns are log-normal and come in bursts of up to four.
_ERROR_THOUSANDTHS = 2_500
# Of a balance, whose range no end of a period cuts off, it takes this for four of five; and more
# turns, for under ten the range would be so wide that it tells nothing.
_BALANCE_ERROR_THOUSANDTHS = 4_000
_BALANCE_TURNS_LEAST = 10
# A balance that lasts longer than this lasts: habits change sooner than that.
HORIZON_DAYS = 30


class Forecast(NamedTuple):
    """When it runs out at this pace (UTC milliseconds), None: it lasts until the refill.

    In four of five cases it will run out between `earliest` and `latest`; None is after the
    refill there too, so an `earliest` of None says that it lasts almost certainly.
    """

    runs_out_at: int | None
    earliest: int | None
    latest: int | None


class Lately(NamedTuple):
    """What was charged to somebody since an instant, by so many turns."""

    since: int
    credits: int
    turns: int


class Evenly(NamedTuple):
    """So much an hour or a day gets to the refill, in two digits, never too much."""

    amount: int
    per: Literal["hour", "day"]


def forecast(
    period: Period, used: int, left: int, turns: int, now: int, curve: Sequence[int] = ()
) -> Forecast | None:
    """When what is left runs out, after so much was used since the period opened.

    Of a rolling window the period is from its oldest use on. `turns` is how many asks used it,
    or an estimate. `curve` tells, for evenly spaced instants from opening to closing, the
    thousandths of a usual period's asks that still come; without one all hours are alike.
    None: too little was seen to tell.
    """
    if left <= 0:
        return Forecast(now, now, now)
    if turns < _TURNS_LEAST or used <= 0 or now <= period.opens_at:
        return None
    error = _error(used, left, turns, _ERROR_THOUSANDTHS)
    passed = _activity(period, now, curve)
    if passed == 0:
        return None
    needed = passed * left // used
    return Forecast(
        _instant(period, passed + needed, curve),
        _instant(period, passed + needed * _THOUSAND // (_THOUSAND + error), curve),
        _instant(period, passed + needed * (_THOUSAND + error) // _THOUSAND, curve),
    )


def empties(prepaid: PrepaidBalance, lately: Lately, now: int) -> Forecast | None:
    """When a prepaid balance is empty, with all that refills bring until then.

    Here None is: not within the horizon. It has no period whose beginning would do, and a day has
    its hours, so under a day is too little to tell from.
    """
    left, passed = prepaid.credits, now - lately.since
    seen = lately.turns >= _BALANCE_TURNS_LEAST and lately.credits > 0 and passed >= _DAY_MS
    if left <= 0 or not seen:
        return None
    until = now + HORIZON_DAYS * _DAY_MS
    comings = tuple(_comings(prepaid, now, until))
    error = _error(lately.credits, left, lately.turns, _BALANCE_ERROR_THOUSANDTHS) + _THOUSAND
    paces = ((_THOUSAND, _THOUSAND), (error, _THOUSAND), (_THOUSAND, error))
    found = (
        _empty_at(left, (lately.credits * more, passed * less), prepaid.refill, comings, now)
        for more, less in paces
    )
    return Forecast(*(at if at < until else None for at in found))


def _comings(prepaid: PrepaidBalance, now: int, until: int) -> Iterator[int]:
    """When refills come; of a balance that waits for none, as if it had begun to wait."""
    if prepaid.refill is None:
        return
    at = prepaid.next_at or next_refill(prepaid.refill, now)
    while at < until:
        yield at
        at = next_refill(prepaid.refill, at)


def _empty_at(
    left: int, pace: tuple[int, int], refill: Refill | None, comings: Sequence[int], now: int
) -> int:
    """When nothing is left at a pace of so many credits in so many milliseconds."""
    spent, passed = pace
    at = now
    for coming in comings:
        gone = spent * (coming - at) // passed
        if gone >= left:
            break
        left, at = left - gone, coming
        assert refill is not None, "it is what comes"
        left += max(0, min(refill.amount, refill.cap - left))
    return at + left * passed // spent


def evenly(left: int, now: int, closes_at: int | None) -> Evenly | None:
    """How much an hour (a day, if the refill is two or more away) gets there; None: no refill."""
    if closes_at is None or left <= 0 or closes_at <= now:
        return None
    wait = closes_at - now
    if wait >= 2 * _DAY_MS:
        return Evenly(about(left // -(-wait // _DAY_MS)), "day")
    return Evenly(about(left // -(-wait // _HOUR_MS)), "hour")


def about(amount: int) -> int:
    """An amount in two digits, rounded down, so that what is said of it stays true."""
    digits = str(amount)
    return int(digits[:2].ljust(len(digits), "0"))


def _error(used: int, left: int, turns: int, of_one: int) -> int:
    """By how many thousandths what is left may last shorter or longer, in four of five cases."""
    turns_left = max(1, turns * left // used)
    return isqrt(of_one**2 * (turns + turns_left) // (turns * turns_left))


def _activity(period: Period, now: int, curve: Sequence[int]) -> int:
    """How much of the usual asks has passed, in fine parts; without a curve, milliseconds."""
    opens_at, closes_at = period
    if not curve or closes_at is None:
        return now - opens_at
    length = closes_at - opens_at
    slots = len(curve) - 1
    slot, part = divmod(min(now - opens_at, length) * slots, length)
    gone = (_THOUSAND - curve[slot]) * length
    return gone + (curve[slot] - curve[slot + 1]) * part if part else gone


def _instant(period: Period, activity: int, curve: Sequence[int]) -> int | None:
    """When so much of the usual asks will have passed; None: not before the period closes."""
    opens_at, closes_at = period
    if closes_at is None:
        return opens_at + activity
    length = closes_at - opens_at
    if not curve:
        return opens_at + activity if activity < length else None
    if activity >= _THOUSAND * length:
        return None
    gone = [(_THOUSAND - still) * length for still in curve]
    slot = bisect_right(gone, activity) - 1
    part = (activity - gone[slot]) // (curve[slot] - curve[slot + 1])
    return opens_at + (slot * length + part) // (len(curve) - 1)
