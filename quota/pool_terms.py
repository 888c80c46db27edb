"""The terms of a fair pool: what a period knows before its first ask, frozen when it opens.

A level is an amount per weight. Who has tried how much is kept as a histogram over levels, each
bucket twice as wide as the one before: 41 whole numbers tell what all members of a period would
use together if nobody could pass a level, so that no decision ever scans the members. The past
is an average of closed periods, in thousandths, so that rounding loses no half member.

Why a first period is no exception of its own: its past is a guess, which counts a tenth of what
a real past counts, so what is seen takes over within the first dozen members. Guessed wrong by
ten either way, at most 5 in 100 light asks are refused (tests/bench/fair.py).
"""

from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from operator import mul
from typing import NamedTuple

from quota.windows import Period

BUCKETS = 41
SLOTS = 24
THOUSAND = 1_000
LEND_PERCENT = 100
MEMBERS_GUESS = 50

_MIDDLES = tuple(3 << k >> 2 for k in range(BUCKETS))
_KEPT_THOUSANDTHS = 250
# The past counts as so many thousandths of a period of observation, a guess as far fewer.
_PAST_THOUSANDTHS = 150
_GUESS_THOUSANDTHS = 15
_GUESS_LEVEL_LEAST = 500
_NONE_ASKED = (0,) * SLOTS
_NOBODY = (0,) * BUCKETS


class PoolRule(NamedTuple):
    """What an admin says of a pool; a floor of None is half of what members usually use."""

    size: int
    floor: int | None = None
    lend_percent: int = LEND_PERCENT


class PoolPeriod(NamedTuple):
    """One period of a fair pool: its frozen terms, then its counters.

    `claims` is what is kept for members who came and have not used their share yet, `hist` the
    weight of the members by what each tried per weight, `asks` how many asks came in each slot.
    `size` may change while it is open. A `floor` of 0 in a guessed period moves with what is
    seen; `floor_at` tells it.
    """

    pool: str
    opens_at: int
    closes_at: int
    size: int
    floor: int
    lend_percent: int
    keep_until: int
    last_call: int
    past_hist: tuple[int, ...]
    past_asks: tuple[int, ...]
    left: tuple[int, ...]
    used: int = 0
    held: int = 0
    claims: int = 0
    hist: tuple[int, ...] = _NOBODY
    asks: tuple[int, ...] = _NONE_ASKED

    @property
    def free(self) -> int:
        """What is neither used nor held."""
        return self.size - self.used - self.held

    @property
    def guessed(self) -> bool:
        """Whether nothing was learned yet: the past is a guess."""
        return self.past_asks == _NONE_ASKED

    @property
    def trust(self) -> int:
        """As how many thousandths of a period of observation the past counts."""
        return _GUESS_THOUSANDTHS if self.guessed else _PAST_THOUSANDTHS


class PoolMember(NamedTuple):
    """One member in one period of a fair pool; `share` is what was quoted, never lowered."""

    pool: str
    opens_at: int
    member: str
    weight: int
    used: int = 0
    held: int = 0
    share: int = 0
    missed: int = 0

    @property
    def own(self) -> int:
        """What is left of the share."""
        return max(0, self.share - self.used - self.held)

    @property
    def bucket(self) -> int:
        """Where the member stands in the histogram: by what was used, held and missed."""
        return bucket((self.used + self.held + self.missed) // self.weight)


def bucket(level: int) -> int:
    """The place of a level in a histogram."""
    return min(level.bit_length(), BUCKETS - 1)


def middle(place: int) -> int:
    """The level that stands for all levels of a bucket."""
    return _MIDDLES[place]


def area(hist: Sequence[int], level: int) -> int:
    """What the members of a histogram would use together if nobody could pass a level."""
    below = bisect_left(_MIDDLES, level)
    under: int = sum(map(mul, hist[:below], _MIDDLES))
    return under + level * sum(hist[below:])


def past_area(hist: tuple[int, ...], level: int) -> int:
    """The same of a histogram that stays, as those of the past do: its sums are kept."""
    below = bisect_left(_MIDDLES, level)
    under, above = _sums(hist)
    return under[below] + level * above[below]


@lru_cache(maxsize=256)
def _sums(hist: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """What those below each place use together, and how many are from there on."""
    under = accumulate(map(mul, hist, _MIDDLES), initial=0)
    above = accumulate(hist, lambda rest, weight: rest - weight, initial=sum(hist))
    return tuple(under), tuple(above)


def members_guess(expected: int | None, on_platform: int | None) -> int:
    """How many members a first period reckons with: as configured, or half of those there are."""
    return max(1, expected or (on_platform or 2 * MEMBERS_GUESS) // 2)


def floors_fit(size: int, floor: int, expected: int) -> bool:
    """Whether a floor can be kept for the members expected; if not, the pool is first come."""
    return floor * expected <= size // 2


def first_period(pool: str, period: Period, rule: PoolRule, members: int) -> PoolPeriod:
    """Open the first period ever, for about so many members.

    Half of them are thought to come, spread evenly over the levels from 500 to half the pool.
    """
    floor = 0 if rule.floor is None else rule.floor
    return _opened(pool, period, rule, floor, _guess(rule.size, members), _NONE_ASKED)


def next_period(previous: PoolPeriod, period: Period, rule: PoolRule, members: int) -> PoolPeriod:
    """Open a period after another one of the same pool, learning from what happened in that.

    Where nothing was ever learned it is a first period again, for so many members.
    """
    past_hist, past_asks = _learned(previous)
    if not any(past_asks):
        return first_period(previous.pool, period, rule, members)
    weight = sum(past_hist)
    usual = area(past_hist, rule.size * THOUSAND // weight) // weight
    floor = usual // 2 if rule.floor is None else rule.floor
    return _opened(previous.pool, period, rule, floor, past_hist, past_asks)


def forget(row: PoolPeriod, members: int) -> PoolPeriod:
    """Put a guess in place of a past that misleads; what was promised for this period stays."""
    flat = _left(_NONE_ASKED)
    return row._replace(past_hist=_guess(row.size, members), past_asks=_NONE_ASKED, left=flat)


def _guess(size: int, members: int) -> tuple[int, ...]:
    highest = bucket(max(1, size // 2))
    lowest = min(bucket(_GUESS_LEVEL_LEAST), highest)
    each = max(1, members * THOUSAND // 2 // (highest - lowest + 1))
    return tuple(each if lowest <= place <= highest else 0 for place in range(BUCKETS))


def _learned(row: PoolPeriod) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The averages with this period in them: a first one whole, an empty one not at all."""
    if not any(row.asks):
        return row.past_hist, row.past_asks
    hist = tuple(weight * THOUSAND for weight in row.hist)
    asks = tuple(count * THOUSAND for count in row.asks)
    if row.guessed:
        return hist, asks
    return _halfway(row.past_hist, hist), _halfway(row.past_asks, asks)


def _halfway(past: Sequence[int], today: Sequence[int]) -> tuple[int, ...]:
    return tuple(p + (t - p) // 2 for p, t in zip(past, today, strict=True))


def _opened(
    pool: str,
    period: Period,
    rule: PoolRule,
    floor: int,
    past_hist: tuple[int, ...],
    past_asks: tuple[int, ...],
) -> PoolPeriod:
    """Freeze the terms of a period."""
    opens_at, closes_at = period
    assert closes_at is not None, "a fair pool needs an end"
    left = _left(past_asks)
    kept = next(slot for slot, share in enumerate(left) if share <= _KEPT_THOUSANDTHS)
    return PoolPeriod(
        pool=pool,
        opens_at=opens_at,
        closes_at=closes_at,
        size=rule.size,
        floor=floor,
        lend_percent=rule.lend_percent,
        keep_until=opens_at + (closes_at - opens_at) * kept // SLOTS,
        last_call=rule.size // 100,
        past_hist=past_hist,
        past_asks=past_asks,
        left=left,
    )


def _left(past_asks: Sequence[int]) -> tuple[int, ...]:
    """Thousandths of the asks that come from each slot on; evenly spread where none are known."""
    asks = past_asks if any(past_asks) else (1,) * SLOTS
    whole = sum(asks)
    return tuple(THOUSAND * sum(asks[slot:]) // whole for slot in range(SLOTS + 1))
