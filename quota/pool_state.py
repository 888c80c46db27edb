"""A fair pool while it is counted, and how it is brought back into memory.

What is held of a pool is not stored with it: a hold is a row of its own, and all of them are read
at start. So a shelf keeps a pool at rest, as if every open hold had been given back, and to hold
something of a pool that one has come to before writes no more of it than that it was asked.
"""

from dataclasses import dataclass, field, replace
from typing import Protocol

from quota.pool_terms import PoolMember, PoolPeriod


@dataclass(slots=True, eq=False)
class Pool:
    """One period of a fair pool; `account` is that of the same limit and period.

    `before` was used in the period before the pool became fair and belongs to nobody here; `added`
    is what admins gave the pool (or took, where negative). `rest_claims` and `rest_hist` are those
    of the row at rest. `members` are those looked at so far, None: has not come. `on_shelf`: what
    is frozen of the row is written and has not changed.
    """

    account: int
    row: PoolPeriod
    before: int = 0
    added: int = 0
    on_shelf: bool = False
    rest_claims: int = field(init=False)
    rest_hist: list[int] = field(init=False)
    members: dict[str, PoolMember | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """It comes at rest."""
        assert self.row.held == 0, "holds are put upon a pool by those who know them"
        self.rest_claims, self.rest_hist = self.row.claims, list(self.row.hist)

    def put(self, row: PoolPeriod, member: PoolMember) -> bool:
        """From here on the rows are so; whether that of the member at rest is another."""
        before = self.members.get(member.member)
        self.row, self.members[member.member] = row, member
        rest = member._replace(held=0)
        if before is not None:
            old = before._replace(held=0)
            if old == rest:
                return False
            self.rest_claims -= old.own
            self.rest_hist[old.bucket] -= old.weight
        self.rest_claims += rest.own
        self.rest_hist[rest.bucket] += rest.weight
        return True

    def at_rest(self) -> "Pool":
        """As a shelf keeps it."""
        claims, hist = self.rest_claims, tuple(self.rest_hist)
        row = self.row._replace(held=0, claims=claims, hist=hist)
        return replace(self, row=row, members={})


class PoolShelf(Protocol):
    """Where pools come from that are not in memory; all of it what was last committed, at rest."""

    def pool(self, account_id: int) -> Pool | None:
        """The pool of an account, without its members."""

    def latest_pool(self, book: str) -> Pool | None:
        """The pool of the last period of a limit in which it was fair, without its members."""

    def pool_member(self, account_id: int, wallet: str) -> PoolMember | None:
        """A member who has come to a pool."""
