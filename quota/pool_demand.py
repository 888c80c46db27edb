"""What is still to come in a period of a fair pool: asks, members, and what they will use.

All of it is told from two rows of numbers: what past periods taught and what was seen today. The
more of a period was seen, the less its past counts.
"""

from quota.pool_terms import SLOTS, THOUSAND, PoolPeriod, area, past_area

# Two parts of the learned curve, one of the clock: a strange day is not misjudged by much.
_CURVE_THOUSANDTHS = 667
_CLOCK_THOUSANDTHS = 333


def slot_at(row: PoolPeriod, now: int) -> int:
    """Which slot of the period an instant lies in; the nearest, if it lies outside."""
    slot = (now - row.opens_at) * SLOTS // (row.closes_at - row.opens_at)
    return min(max(0, slot), SLOTS - 1)


def still_to_come(row: PoolPeriod, now: int) -> int:
    """Thousandths of a usual period's asks that are still to come; falls from 1000 to 0."""
    length = row.closes_at - row.opens_at
    elapsed = min(max(0, now - row.opens_at), length)
    slot, part = divmod(elapsed * SLOTS, length)
    if slot == SLOTS:
        return 0
    curve = row.left[slot] - (row.left[slot] - row.left[slot + 1]) * part // length
    clock = (length - elapsed) * THOUSAND // length
    return (_CURVE_THOUSANDTHS * curve + _CLOCK_THOUSANDTHS * clock) // THOUSAND


def demand(row: PoolPeriod, level: int, mine: int, to_come: int) -> int:
    """What the whole period will use up to a level: the past, corrected by what was seen so far.

    `mine` is the asker's part of what was seen, which is left out.
    """
    trust = row.trust
    past = past_area(row.past_hist, level) // THOUSAND
    seen = max(0, area(row.hist, level) - mine)
    return (past * trust + seen * THOUSAND) // (trust + THOUSAND - to_come)


def demand_left(row: PoolPeriod, level: int, mine: int, to_come: int) -> int:
    """What of it is still to come; lending less than everything makes it more."""
    return demand(row, level, mine, to_come) * to_come // (10 * row.lend_percent)


def weight_expected(row: PoolPeriod, to_come: int) -> int:
    """The weight of all members who will have come when the period ends."""
    past, seen, observed = _members(row, to_come)
    return (past + seen) // (THOUSAND * observed)


def floor_at(row: PoolPeriod, to_come: int) -> int:
    """The floor per weight: frozen, but while the past is a guess it moves with what is seen.

    Then it is half a share of those who come; all members guessed count, not the half expected.
    """
    if row.floor or not row.guessed:
        return row.floor
    past, seen, observed = _members(row, to_come)
    return row.size * THOUSAND * observed // (2 * (2 * past + seen))


def newcomers_floor(row: PoolPeriod, to_come: int) -> int:
    """The floors of those who are expected and have not come yet; falls as time passes."""
    past, seen, observed = _members(row, to_come)
    coming = past + seen - seen * observed // THOUSAND
    if coming <= 0:
        return 0
    if row.floor or not row.guessed:
        return coming * row.floor // (THOUSAND * observed)
    # The floor moves too: multiplied out, no rounding of it can make this rise again.
    return coming * row.size // (2 * (2 * past + seen))


def _members(row: PoolPeriod, to_come: int) -> tuple[int, int, int]:
    """Weights of members in millionths, past and seen, and how much of a period they stand for."""
    trust = row.trust
    seen = sum(row.hist) * THOUSAND * THOUSAND
    return sum(row.past_hist) * trust, seen, trust + THOUSAND - to_come
