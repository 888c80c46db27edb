"""The fair pools of the books: their rows in memory, and what each move does to them.

The rule itself is quota/pool.py; this joins it to accounts and holds. A pool counts beside the
account of its period: the ledger proves the account, the members prove the pool, and the two must
agree.

What is kept for members is promised, so a pool that is fair in a period stays so until it closes,
whatever the limit says meanwhile: only its size follows the limit, and its floor where it rises.
One that becomes fair in mid-period takes over the holds that are open, and shares what is left.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from quota.counters import Account, Changes, Hold, spent_at
from quota.ledger import Difference
from quota.limits import Bound
from quota.pool import Rows, arrive, moved, settle
from quota.pool_governing import NotKept, keep_more, raise_floor, resize, tally
from quota.pool_state import Pool, PoolShelf
from quota.pool_terms import PoolMember, PoolPeriod, PoolRule, first_period, forget, next_period
from quota.store import AddToPool, KeepFor, PoolDeed, PoolState
from quota.windows import Period


class Standing(NamedTuple):
    """A member before a pool, as an ask would find both; nothing of it is written yet.

    `quoted` is the member as last written, None: has not come, so nothing is promised.
    """

    pool: Pool
    row: PoolPeriod
    member: PoolMember
    quoted: PoolMember | None


class Pools:
    """Every pool that was looked at since the last `evict`."""

    def __init__(self, shelf: PoolShelf, open_holds: Mapping[int, Hold]) -> None:
        """Fetch from the shelf what is not in memory."""
        self._shelf = shelf
        self._open_holds = open_holds
        self._by_account: dict[int, Pool | None] = {}
        self._latest: dict[str, Pool] = {}
        self.resident = 0

    def at(self, bound: Bound, account: Account) -> Pool | None:
        """The fair pool of a shared limit in the period of its account; None: first come."""
        pool = self._by_account.get(account.id) or self.of(account)
        if pool is None and bound.limit.rule.fair is not None:
            pool = self._opened(bound, account)
        return pool

    def of(self, account: Account) -> Pool | None:
        """The pool that counts beside an account."""
        if not account.id or not account.shared:
            return None
        if account.id not in self._by_account:
            self._by_account[account.id] = self._fetched(self._shelf.pool(account.id))
        return self._by_account[account.id]

    def standing(self, pool: Pool, bound: Bound, wallet: str, now: int) -> Standing:
        """A member before a pool, with what the limit says now."""
        quoted = self.member(pool, wallet)
        row, member = arrive(_sized(pool, bound, now), quoted, wallet, bound.weight, now)
        return Standing(pool, row, member, quoted)

    def member(self, pool: Pool, wallet: str) -> PoolMember | None:
        """A member who has come to the pool."""
        if wallet not in pool.members and pool.account:
            pool.members[wallet] = self._shelf.pool_member(pool.account, wallet)
            self.resident += 1
        return pool.members.get(wallet)

    def keep(self, pool: Pool, account: Account, rows: Rows, changes: Changes) -> None:
        """From here on the rows are so; a pool that is new exists."""
        row, member = rows
        new = not pool.account
        if new:
            self._begin(pool, account, changes)
        changes.pools[pool.account] = pool
        if pool.put(row, member) or new:
            changes.pool_members[pool.account, member.member] = member

    def settle(
        self, account: Account, wallet: str, held: int, charge: int, changes: Changes
    ) -> None:
        """Charge what a member held of a pool, give back the rest; no pool: nothing."""
        pool = self.of(account)
        if pool is None or not (held or charge):
            return
        member = self.member(pool, wallet)
        assert member is not None, "who holds something of a pool has come to it"
        self.keep(pool, account, settle(pool.row, member, held, charge), changes)

    def spent_at(self, account: Account, wallet: str, now: int) -> dict[int, int]:
        """What a member may be given back of an account, by the instant at which it counts."""
        pool = self.of(account)
        if pool is None:
            return spent_at(account, now)
        member = self.member(pool, wallet)
        return {} if member is None else {now: member.used}

    def state(self, pool: Pool, bound: Bound, wallet: str, now: int) -> PoolState:
        """A pool as it stands, for those who only look."""
        row = _sized(pool, bound, now)
        return PoolState(row, self.member(pool, wallet), pool.before, pool.added)

    def change(
        self, pool: Pool, account: Account, bound: Bound, deed: PoolDeed, now: int, changes: Changes
    ) -> NotKept | None:
        """Do what an admin wants of a pool, if it can be done."""
        if isinstance(deed, KeepFor):
            _, row, member, _ = self.standing(pool, bound, deed.wallet, now)
            kept = keep_more(row, member, deed.amount, now)
            if isinstance(kept, NotKept):
                return kept
            self.keep(pool, account, kept, changes)
            return None
        if not pool.account:
            self._begin(pool, account, changes)
        if isinstance(deed, AddToPool):
            pool.added += deed.amount
            pool.row = _sized(pool, bound, now)
        else:
            pool.row = forget(_sized(pool, bound, now), bound.members)
            pool.on_shelf = False
        changes.pools[pool.account] = pool
        return None

    def differences(self) -> Iterator[Difference]:
        """Where the pools in memory disagree with the open holds."""
        for account, pool in self._by_account.items():
            if pool is not None:
                held = sum(amount for _, amount in self._held(account))
                if pool.row.held != held:
                    yield Difference(f"{_name(pool)} held", pool.row.held, held)

    def evict(self) -> None:
        """Forget what the shelf can bring back."""
        self._by_account.clear()
        self._latest.clear()
        self.resident = 0

    def _opened(self, bound: Bound, account: Account) -> Pool:
        """A pool as its first ask finds it, with what was used and is held already."""
        rule, fair = bound.limit.rule, bound.limit.rule.fair
        assert fair is not None, "only a fair pool is opened"
        terms = PoolRule(max(0, (rule.amount or 0) - account.spent), *fair)
        period = Period(account.opens_at, account.closes_at)
        previous = self._latest.get(bound.book)
        if previous is None:
            previous = self._fetched(self._shelf.latest_pool(bound.book))
        if previous is None:
            row = first_period(bound.book, period, terms, bound.members)
        else:
            row = next_period(previous.row, period, terms, bound.members)
        pool = Pool(0, row, before=account.spent)
        if account.held:
            self._take_over(pool, account)
        return pool

    def _fetched(self, pool: Pool | None) -> Pool | None:
        """A pool from the shelf, with what is held of it."""
        if pool is not None:
            for wallet, amount in self._held(pool.account):
                member = self.member(pool, wallet)
                assert member is not None, "who holds something of a pool has come to it"
                pool.put(*moved(pool.row, member, member._replace(held=member.held + amount)))
        return pool

    def _take_over(self, pool: Pool, account: Account) -> None:
        """Let those who hold something already be members; nothing was promised to them."""
        held = list(self._held(account.id))
        size = max(pool.row.size, sum(amount for _, amount in held))
        pool.row = pool.row._replace(size=size)
        for wallet, amount in held:
            member = pool.members.get(wallet)
            if member is None:
                member = PoolMember(pool.row.pool, pool.row.opens_at, wallet, 1)
                hist = list(pool.row.hist)
                hist[member.bucket] += 1
                pool.put(pool.row._replace(hist=tuple(hist)), member)
            pool.put(*moved(pool.row, member, member._replace(held=member.held + amount)))

    def _held(self, account_id: int) -> Iterator[tuple[str, int]]:
        """What is held of an account, and by whom."""
        for hold in self._open_holds.values():
            for line in hold.lines:
                if line.account == account_id and line.base:
                    yield hold.wallet, line.base

    def _begin(self, pool: Pool, account: Account, changes: Changes) -> None:
        before = self._latest.get(account.book)
        # What is not written yet must not be read again.
        if before is not None and before.account not in changes.pools:
            self._by_account.pop(before.account, None)
        pool.account = account.id
        self._by_account[account.id] = self._latest[account.book] = pool
        taken_over = (member for member in pool.members.values() if member is not None)
        changes.pool_members |= {(account.id, member.member): member for member in taken_over}


def _sized(pool: Pool, bound: Bound, now: int) -> PoolPeriod:
    """The pool with the size that the limit says, as far as what is promised allows."""
    row, fair = pool.row, bound.limit.rule.fair
    size = max(0, (bound.amount or 0) + pool.added - pool.before)
    if size != row.size:
        row = resize(row, size, now)
    if fair is not None and fair.floor is not None and fair.floor > row.floor:
        row = raise_floor(row, fair.floor, now)
    return row


class PoolProof(NamedTuple):
    """A pool at rest with everyone who came to it, and what its account has spent."""

    pool: Pool
    members: Iterable[PoolMember]
    spent: int


def pool_differences(proofs: Iterable[PoolProof]) -> Iterator[Difference]:
    """Where the counters of a pool disagree with its members, or with its account."""
    for pool, members, spent in proofs:
        row, name = pool.row, _name(pool)
        used, _, claims, hist = tally(members)
        pairs = {
            "used": (row.used, used),
            "kept": (row.claims, claims),
            "used of its account": (row.used + pool.before, spent),
        }
        pairs |= {f"level {k}": (row.hist[k], weight) for k, weight in enumerate(hist)}
        for what, (counted, proven) in pairs.items():
            if counted != proven:
                yield Difference(f"{name} {what}", counted, proven)


def _name(pool: Pool) -> str:
    return f"pool {pool.row.pool}@{pool.row.opens_at}"
