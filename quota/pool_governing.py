"""What admins see of a fair pool, and what they change in it while a period is open.

No change takes back what was promised: what is kept for members stays kept.
"""

from bisect import bisect_right
from collections.abc import Iterable
from typing import Literal, NamedTuple

from quota.pool import Rows, moved
from quota.pool_demand import demand, demand_left, floor_at, still_to_come, weight_expected
from quota.pool_terms import BUCKETS, THOUSAND, PoolMember, PoolPeriod, area


class NotKept(NamedTuple):
    """Why nothing more is kept for a member: keeping has ended, or only so much is unclaimed."""

    reason: Literal["late", "claimed"]
    room: int


class Outlook(NamedTuple):
    """The pool as an admin sees it; `seen` and `expected` are weights of members.

    `line` is the level up to which anybody may go now, 0: only what is kept and the floor.
    `demand` is what all would use in this period if there were enough, `usual` what they use in
    others (0: nothing learned yet).
    """

    seen: int
    expected: int
    demand: int
    usual: int
    line: int
    floor: int
    to_come: int

    @property
    def surprising(self) -> bool:
        """Whether twice as much is asked for as usual, so that an admin should know."""
        return 0 < 2 * self.usual < self.demand


def keep_more(row: PoolPeriod, member: PoolMember, amount: int, now: int) -> Rows | NotKept:
    """Keep so much more for a member, beyond what is kept already; only of what nobody claims."""
    unclaimed = row.free - row.claims
    if now >= row.keep_until:
        return NotKept("late", 0)
    if amount > unclaimed:
        return NotKept("claimed", unclaimed)
    share = max(member.share, member.used + member.held) + amount
    return moved(row, member, member._replace(share=share))


def resize(row: PoolPeriod, size: int, now: int) -> PoolPeriod:
    """Give the pool another size at once, never less than is used, held and promised."""
    promised = row.claims if now < row.keep_until else 0
    return row._replace(size=max(size, row.used + row.held + promised))


def raise_floor(row: PoolPeriod, floor: int, now: int) -> PoolPeriod:
    """A higher floor counts at once if all who came could have it, else from the next period on."""
    more = (floor - floor_at(row, still_to_come(row, now))) * sum(row.hist)
    return row._replace(floor=floor) if 0 < more <= row.free - row.claims else row


def outlook(row: PoolPeriod, now: int) -> Outlook:
    """The pool at a glance."""
    to_come = still_to_come(row, now)

    def exceeds(level: int) -> bool:
        return row.free < max(row.last_call, demand_left(row, level, 0, to_come))

    size = row.size
    line = max(0, bisect_right(range(size + 1), False, key=exceeds) - 1)
    return Outlook(
        seen=sum(row.hist),
        expected=weight_expected(row, to_come),
        demand=demand(row, size, 0, to_come),
        usual=0 if row.guessed else area(row.past_hist, size) // THOUSAND,
        line=line,
        floor=floor_at(row, to_come),
        to_come=to_come,
    )


def tally(members: Iterable[PoolMember]) -> tuple[int, int, int, tuple[int, ...]]:
    """What used, held, claims and hist of a period must be: the proof of its counters."""
    used = held = claims = 0
    hist = [0] * BUCKETS
    for member in members:
        used += member.used
        held += member.held
        claims += member.own
        hist[member.bucket] += member.weight
    return used, held, claims, tuple(hist)
