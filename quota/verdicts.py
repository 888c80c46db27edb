"""Answers of the books: numbers and names, no prose. bot/text.py turns them into sentences."""

from typing import Literal, NamedTuple

from quota.limits import Kind, Limit
from quota.prepaid import Refill
from quota.units import Unit

RefusalReason = Literal[
    "store_unavailable",
    "unconfirmed",
    "paused",
    "blocked",
    "unpriced",
    "too_large",
    "period_used",
    "pool_used",
    "busy",
]


class PoolBalance(NamedTuple):
    """A member's own part of a fair pool.

    `used` is by the member, `kept` is promised to the member until `kept_until` (None: nothing is
    kept any more), `floor` what a member of such weight can count on, `free` what of the whole
    pool is neither used nor held.
    """

    used: int
    kept: int
    kept_until: int | None
    floor: int
    free: int


class PrepaidBalance(NamedTuple):
    """What is on a prepaid balance: less than nothing is a debt, which may go to `overdraft`.

    `next_at` is the next refill (UTC milliseconds); None: nothing comes by itself, for there is no
    refill or as much is there as it goes up to.
    """

    credits: int
    overdraft: int
    refill: Refill | None
    next_at: int | None


class Balance(NamedTuple):
    """Where a member stands with one limit; unlimited is None for `granted` and `left`.

    `granted` includes what admins added, `left` is what can be asked for right now (never below
    0, also where a limit was lowered below what is used), `opens_at` is when the period ends
    (UTC milliseconds, None: it has not begun or never ends). Of a fair `pool`, `left` is what
    this member could have now. Of what is `prepaid`, `granted` is what counts as full (what was
    there when something came in last, at least the cap), `used` is what is missing of that, which
    need never have been there, and `opens_at` is the next refill.
    """

    limit: Limit
    kind: Kind
    unit: Unit
    granted: int | None
    used: int
    held: int
    left: int | None
    extra: int
    opens_at: int | None
    pool: PoolBalance | None = None
    prepaid: PrepaidBalance | None = None


class Notice(NamedTuple):
    """A threshold (percent) that was just crossed, for the first time in its period."""

    limit: Limit
    unit: Unit
    threshold: int
    granted: int
    left: int
    opens_at: int | None


class Granted(NamedTuple):
    """So much is set aside: the answer may have `output_cap` tokens, and not one more.

    `shrunk` tells that a limit allowed less than the model would; `limit` names it then.
    """

    hold_id: int
    input_tokens: int
    output_cap: int
    shrunk: bool
    limit: Limit | None
    expires_at: int


class Refused(NamedTuple):
    """Why not: which limit, what was needed of it, what is left, when it opens, what would fit.

    `needed`, `left` and `granted` are in the limit's unit; `fits` is how many input tokens a
    message may have to be answered now (None where shortening does not help). `note` is what an
    admin wrote who paused the bot or blocked the member; `pool` tells of a fair pool, `prepaid` of
    a balance.
    """

    reason: RefusalReason
    limit: Limit | None = None
    unit: Unit = Unit.TOKENS
    needed: int = 0
    left: int = 0
    granted: int = 0
    opens_at: int | None = None
    fits: int | None = None
    note: str = ""
    pool: PoolBalance | None = None
    prepaid: PrepaidBalance | None = None


class Waiting(NamedTuple):
    """It will fit once running answers are settled; nothing was written."""

    books: tuple[str, ...]


class Seen(NamedTuple):
    """The event came before: delivered twice, cut off by a crash, or its id was used again."""

    how: Literal["duplicate", "interrupted", "reused"]


class Settlement(NamedTuple):
    """What a call cost in the end, and where the member stands after it.

    `tokens` and `credits` were charged to the member, `house_tokens` and `house_credits` went to
    the house because a provider took more than was held. `first` is False where the hold had
    been resolved before and this only reports how.
    """

    kind: Literal["settle", "release", "lapse"]
    tokens: int
    house_tokens: int
    credits: int | None
    house_credits: int
    balances: tuple[Balance, ...] = ()
    notices: tuple[Notice, ...] = ()
    first: bool = True


class Lapsed(NamedTuple):
    """A hold whose process died or hung: charged by what is known, listed for admins."""

    hold_id: int
    event: str
    wallet: str
    tokens: int
