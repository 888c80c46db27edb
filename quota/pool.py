"""How a shared pool is divided fairly while it is contended: everyone has an equal chance.

Everyone who comes has a floor kept for them; beyond it a member may use as much as would still
be left for everyone else expected in this period. That is max-min fairness, tested at each ask
against one row of the pool and one of the member: no scan, no job.

Why not an equal split: most of it stays unused. Why not first come: one early member empties the
pool. What nobody has claimed is lent to who is there, and lending never touches what is kept.

`arrive` comes first; its rows go into `decide`, then into `reserve` or `refuse`, later `settle`.
Every move returns both rows anew, to be stored together.
"""

from typing import NamedTuple

from quota.forecast import about
from quota.pool_demand import (
    demand_left,
    floor_at,
    newcomers_floor,
    slot_at,
    still_to_come,
)
from quota.pool_terms import PoolMember, PoolPeriod, middle

# A grant is found in so many halvings: within a 2,048th of what lies between need and want.
_HALVINGS = 11
_TERMS = PoolPeriod._fields.index("used")
# In a guessed period a first ask is quoted at most such a part of what nobody has claimed.
_GUESS_PART = 40

Rows = tuple[PoolPeriod, PoolMember]


class Decision(NamedTuple):
    """An answer with every figure it was made of; a grant of 0 is a refusal.

    `level` is what the asker would have per weight with the grant (with the need, if refused),
    `others_need` what everyone else may still need up to that level, `to_come` the thousandths
    of a usual period's asks that are still expected. `floor`, `kept`: of this member.
    """

    need: int
    want: int
    grant: int
    level: int
    floor: int
    kept: int
    free: int
    others_kept: int
    newcomers: int
    others_need: int
    last_call: int
    to_come: int


class _Case(NamedTuple):
    """What an ask of a member meets at an instant, whatever its size."""

    row: PoolPeriod
    member: PoolMember
    to_come: int
    taken: int
    own: int
    others_kept: int
    newcomers: int
    floor: int
    best: int

    def others_need(self, amount: int) -> int:
        """What everyone else may still need up to the level that this amount would reach."""
        level = (self.taken + amount) // self.member.weight
        mine = min(middle(self.member.bucket), level) * self.member.weight
        return demand_left(self.row, level, mine, self.to_come)

    def margin(self, amount: int) -> int:
        """What would be left over if this much more were granted; negative: it does not fit.

        Besides what others may need up to this level, what is kept for those who came and the
        floors of those still expected stay, both: a share left over by one does not help another.
        """
        row = self.row
        stays = max(self.others_kept + self.newcomers, row.last_call, self.others_need(amount))
        return row.free - amount - stays


def arrive(row: PoolPeriod, found: PoolMember | None, name: str, weight: int, now: int) -> Rows:
    """The rows as an ask finds them: a first ask is quoted its share, new roles count at once.

    Roles of more weight raise the share as far as nobody else claims it; less never lowers it.
    """
    assert weight > 0, "a weight is a whole number from 1 on"
    if found is not None and found.weight == weight:
        return row, found
    hist = list(row.hist)
    if found is not None:
        hist[found.bucket] -= found.weight
    member = (found or PoolMember(row.pool, row.opens_at, name, weight))._replace(weight=weight)
    hist[member.bucket] += weight
    row = row._replace(hist=tuple(hist))
    if now >= row.keep_until:
        return row, member
    room = row.free - row.claims
    if row.guessed:
        room //= _GUESS_PART
    floor = floor_at(row, still_to_come(row, now)) * weight
    most = max(member.share, member.used + member.held) + room
    return moved(row, member, member._replace(share=max(member.share, min(floor, most))))


def decide(row: PoolPeriod, member: PoolMember, need: int, want: int, now: int) -> Decision:
    """The most in [need, want] that leaves everyone else theirs, or 0; never less than is kept.

    The last call is frozen with the other terms, whatever size the pool is given meanwhile.
    """
    assert 0 < need <= want, "an ask needs something and wants at least that"
    case = _case(row, member, now)
    grant = _most(case, need, want, (want - need) >> _HALVINGS)
    amount = grant or need
    return Decision(
        need=need,
        want=want,
        grant=grant,
        level=(case.taken + amount) // member.weight,
        floor=case.floor,
        kept=case.own,
        free=row.free,
        others_kept=case.others_kept,
        newcomers=case.newcomers,
        others_need=case.others_need(amount),
        last_call=row.last_call,
        to_come=case.to_come,
    )


def granted(row: PoolPeriod, member: PoolMember, need: int, want: int, now: int) -> int:
    """The same without the figures; what is kept needs no look at others."""
    if member.own >= want and now < row.keep_until:
        return want
    return _most(_case(row, member, now), need, want, (want - need) >> _HALVINGS)


def room(row: PoolPeriod, member: PoolMember, now: int) -> int:
    """The most that the member could be granted now."""
    return _most(_case(row, member, now), 1, row.free, 1) if row.free > 0 else 0


def hint(amount: int) -> int:
    """What is said of a room: about half of it, for others may come before one asks."""
    return about(amount // 2)


def reserve(row: PoolPeriod, member: PoolMember, amount: int, now: int) -> Rows:
    """Set aside what was granted."""
    return moved(row, member, member._replace(held=member.held + amount), _asked(row, now))


def refuse(row: PoolPeriod, member: PoolMember, need: int, now: int) -> Rows:
    """Remember what could not be given, so that the pool knows what is wanted of it.

    Of what a member is refused only the first counts as an ask: asking again and again must not
    bend the curve by which the next days judge how much is still to come.
    """
    asks = row.asks if member.missed else _asked(row, now)
    return moved(row, member, member._replace(missed=member.missed + need), asks)


def settle(row: PoolPeriod, member: PoolMember, held: int, charge: int) -> Rows:
    """Charge a hold, give back the rest. A release charges 0; a correction holds 0, charges < 0."""
    used, left = member.used + charge, member.held - held
    return moved(row, member, member._replace(used=used, held=left))


def without_holds(row: PoolPeriod, member: PoolMember) -> Rows:
    """The rows if every hold were given back whole: at most so much will be free by waiting."""
    row, member = settle(row, member, member.held, 0)
    return row._replace(held=0), member


def moved(
    row: PoolPeriod,
    before: PoolMember,
    after: PoolMember,
    asks: tuple[int, ...] | None = None,
) -> Rows:
    """Carry what changed of a member over to the period, and that they have asked."""
    hist, old, new = row.hist, before.bucket, after.bucket
    if old != new:
        places = list(hist)
        places[old] -= before.weight
        places[new] += after.weight
        hist = tuple(places)
    counters = (
        row.used + after.used - before.used,
        row.held + after.held - before.held,
        row.claims + after.own - before.own,
        hist,
        row.asks if asks is None else asks,
    )
    # Every turn comes by here twice, and `_replace` takes three times as long.
    return PoolPeriod._make((*row[:_TERMS], *counters)), after


def _case(row: PoolPeriod, member: PoolMember, now: int) -> _Case:
    to_come = still_to_come(row, now)
    taken = member.used + member.held
    keeps = now < row.keep_until
    own = member.own if keeps else 0
    others_kept = row.claims - own if keeps else 0
    newcomers = newcomers_floor(row, to_come) if keeps else 0
    floor = floor_at(row, to_come) * member.weight
    best = max(own, min(floor - taken, row.free - others_kept))
    return _Case(row, member, to_come, taken, own, others_kept, newcomers, floor, best)


def _most(case: _Case, need: int, want: int, grain: int) -> int:
    """The most in [need, want] that is kept for the member or fits, 0: not even the need."""
    if case.best >= want or (above := case.margin(want)) >= 0:
        return want
    if case.best < need and case.margin(need) < 0:
        return 0
    low = max(case.best, need)
    below = case.margin(low + 1)
    return low if below < 0 else _furthest(case, low + 1, below, want, above, grain)


def _furthest(case: _Case, low: int, below: int, high: int, above: int, grain: int) -> int:
    """The most that fits, to within a grain: `low` does by a margin, `high` falls short by one.

    The margin falls in nearly straight lines, so its zero is guessed from both ends. Where an end
    has stayed for two guesses its margin counts half, or the other would creep.
    """
    stayed = 0
    while high - low > max(1, grain):
        guess = low + max(1, min(high - low - 1, below * (high - low) // (below - above)))
        margin = case.margin(guess)
        if margin >= 0:
            low, below = guess, margin
            above = above // 2 if stayed > 0 else above
            stayed = 1
        else:
            high, above = guess, margin
            below = below // 2 if stayed < 0 else below
            stayed = -1
    return low


def _asked(row: PoolPeriod, now: int) -> tuple[int, ...]:
    asks = list(row.asks)
    asks[slot_at(row, now)] += 1
    return tuple(asks)
