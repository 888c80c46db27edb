"""A fair pool while it is counted, and how it is brought back into memory."""

from dataclasses import dataclass, field
from typing import Protocol

from quota.pool_terms import PoolMember, PoolPeriod


@dataclass(slots=True, eq=False)
class Pool:
    """One period of a fair pool; `account` is that of the same limit and period.

    `before` was used in the period before the pool became fair and belongs to nobody here; `added`
    is what admins gave the pool (or took, where negative). `members` are those looked at so far,
    None: has not come. `on_shelf`: what is frozen of the row is written and has not changed.
    """

    account: int
    row: PoolPeriod
    before: int = 0
    added: int = 0
    on_shelf: bool = False
    members: dict[str, PoolMember | None] = field(default_factory=dict)


class PoolShelf(Protocol):
    """Where pools come from that are not in memory; all of it what was last committed."""

    def pool(self, account_id: int) -> Pool | None:
        """The pool of an account, without its members."""

    def latest_pool(self, book: str) -> Pool | None:
        """The pool of the last period of a limit in which it was fair, without its members."""

    def pool_member(self, account_id: int, wallet: str) -> PoolMember | None:
        """A member who has come to a pool."""
