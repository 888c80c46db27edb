"""Whom a change of limits would touch, among those who asked lately: who gains, who would wait."""

import asyncio
from fnmatch import fnmatchcase
from typing import NamedTuple

from bot.desk import Desk
from quota.limits import Bound, Limit, Policy
from quota.members import Member, Requester, Space
from quota.verdicts import Balance

LATELY_MS = 30 * 86_400_000
# So many are looked at; of a larger community the figures say "at least".
MEMBERS_MAX = 2_000
AT_ONCE = 50


class Touched(NamedTuple):
    """How many members a change touches, of how many that were looked at.

    `waits` would have to wait from now on (until `opens_at` at the earliest), `freed` wait now and
    would not any more. `strangers` are those whose roles are not known, `more`: there are others.
    """

    seen: int = 0
    lowered: int = 0
    raised: int = 0
    waits: int = 0
    freed: int = 0
    opens_at: int | None = None
    strangers: int = 0
    more: bool = False


async def members_lately(desk: Desk, space: Space) -> list[Member]:
    """Who asked anything in the last 30 days, by the books."""
    now = desk.clock.now()
    rows = await desk.quotas.store.spending(f"{space.key}:", now - LATELY_MS, now + 1)
    return [Member.from_wallet(wallet) for wallet in sorted({row.wallet for row in rows})]


async def touched(desk: Desk, space: Space, limit: Limit, after: Policy) -> Touched:
    """What the policy `after`, which differs from the present one by `limit`, would change."""
    before, names = desk.quotas.policy(space.key), _names(desk, limit)
    members = await members_lately(desk, space)
    found = Touched(min(len(members), MEMBERS_MAX), more=len(members) > MEMBERS_MAX)
    for number, member in enumerate(members[:MEMBERS_MAX]):
        if number % AT_ONCE == 0:
            await asyncio.sleep(0)  # Answers go on meanwhile.
        found = found._replace(strangers=found.strangers + (member.wallet not in desk.roles))
        requester = _asking(desk, member, limit)
        old = {bound.book: bound for bound in before.binding(requester, names)}
        new = {bound.book: bound for bound in after.binding(requester, names)}
        less = [b for b in new.values() if _lower(old.get(b.book), b)]
        more = [b for b in old.values() if _lower(new.get(b.book), b)]
        found = await _counted(desk, member, found, (less, old), (more, new))
    return found


async def _counted(
    desk: Desk,
    member: Member,
    found: Touched,
    less: tuple[list[Bound], dict[str, Bound]],
    more: tuple[list[Bound], dict[str, Bound]],
) -> Touched:
    """Add one member: limits that are tighter than others were, and that were than others are."""
    shut = await _shut(desk, member, *less) if less[0] else []
    freed = await _shut(desk, member, *more) if more[0] else []
    opens = [b.opens_at for b in shut if b.opens_at is not None]
    known = [] if found.opens_at is None else [found.opens_at]
    return found._replace(
        lowered=found.lowered + bool(less[0]),
        raised=found.raised + (bool(more[0]) and not less[0]),
        waits=found.waits + bool(shut),
        freed=found.freed + bool(freed),
        opens_at=min([*opens, *known], default=None),
    )


async def _shut(
    desk: Desk, member: Member, tight: list[Bound], loose: dict[str, Bound]
) -> list[Balance]:
    """The tighter limits that leave a member nothing, where the looser ones leave something."""
    now = desk.clock.now()
    balances = await desk.quotas.store.balances(member.wallet, tuple(tight), now)
    others = tuple(loose[b.book] for b in tight if b.book in loose)
    still = await desk.quotas.store.balances(member.wallet, others, now) if others else []
    if any(balance.left == 0 for balance in still):
        return []
    return [balance for balance in balances if balance.left == 0]


def _lower(other: Bound | None, bound: Bound) -> bool:
    """Whether a bound allows less than the other one in its place."""
    if bound.amount is None:
        return False
    return other is None or other.amount is None or bound.amount < other.amount


def _names(desk: Desk, limit: Limit) -> tuple[str, ...]:
    """The names of a model that the limit is about: the default one where it is, else the first."""
    models = (desk.chat.models.default, *desk.chat.models.all)
    fits = (m for m in models if any(fnmatchcase(n, limit.models) for n in m.terms.names))
    return next(fits, desk.chat.models.default).terms.names


def _asking(desk: Desk, member: Member, limit: Limit) -> Requester:
    """The member as last seen, in the channel that the limit is about, if it is about one."""
    channel = limit.scope.name if limit.scope.kind == "channel" else "general"
    return desk.last_seen(member, channel)
