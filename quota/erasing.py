"""The moves of the books for members who may go by another name: see quota/veils.py."""

from collections.abc import Sequence

from quota.books import Books
from quota.counters import Ids, Shelf
from quota.limits import Bound
from quota.members import Member
from quota.pool_governing import NotKept
from quota.prepaid import Deposit, Deposited
from quota.store import (
    AuditRow,
    GrantRequest,
    GrantRow,
    KeepFor,
    PoolDeed,
    PoolState,
    ReserveRequest,
    SettleRequest,
)
from quota.veils import Veils
from quota.verdicts import Balance, Granted, Refused, Seen, Settlement, Waiting


def erased_by(name: str, by: str) -> AuditRow:
    """What the audit trail says of it: that somebody did, and no more."""
    member = Member.from_wallet(name)
    return AuditRow(0, member.space.key, by or member.id, "erase", name, "", "", "")


class VeiledBooks(Books):
    """The moves, for members who may go by another name."""

    def __init__(self, shelf: Shelf, ids: Ids, mark: int = 0, *, veils: Veils) -> None:
        """Take over what the shelf holds."""
        super().__init__(shelf, ids, mark)
        self.veils = veils

    def reserve(self, ask: ReserveRequest, now: int) -> Granted | Refused | Waiting | Seen:
        """See Books."""
        if not self.veils.until:
            return Books.reserve(self, ask, now)
        answer = super().reserve(self._ask(ask, now), now)
        # Who waits is called by the names that they asked with.
        return Waiting(tuple(b.book for b in ask.bounds)) if type(answer) is Waiting else answer

    def would_refuse(self, ask: ReserveRequest, now: int) -> Refused | None:
        """See Books."""
        return super().would_refuse(self._ask(ask, now), now)

    def settle(self, ask: SettleRequest, now: int) -> Settlement:
        """See Books."""
        if not self.veils.until:
            return Books.settle(self, ask, now)
        return super().settle(ask._replace(bounds=self._bounds(ask.bounds, now)), now)

    def grant(self, ask: GrantRequest, now: int) -> GrantRow:
        """See Books."""
        return super().grant(ask._replace(wallet=self._of(ask.wallet, now)), now)

    def grants(self, wallet: str, now: int) -> list[GrantRow]:
        """See Books."""
        return super().grants(self._of(wallet, now), now)

    def correct(
        self, wallet: str, bounds: Sequence[Bound], actor: str, reason: str, now: int
    ) -> list[Balance]:
        """See Books."""
        veiled = self._bounds(bounds, now)
        return super().correct(self._of(wallet, now), veiled, actor, reason, now)

    def balances(self, wallet: str, bounds: Sequence[Bound], now: int) -> list[Balance]:
        """See Books."""
        return super().balances(self._of(wallet, now), self._bounds(bounds, now), now)

    def pool(self, wallet: str, bound: Bound, now: int) -> PoolState | None:
        """See Books."""
        return super().pool(self._of(wallet, now), bound, now)

    def change_pool(self, bound: Bound, deed: PoolDeed, now: int) -> PoolState | NotKept | None:
        """See Books."""
        if isinstance(deed, KeepFor):
            deed = deed._replace(wallet=self._of(deed.wallet, now))
        return super().change_pool(bound, deed, now)

    def deposit(self, bound: Bound, what: Deposit, actor: str, reason: str, now: int) -> Deposited:
        """See Books."""
        (veiled,) = self._bounds((bound,), now)
        return super().deposit(veiled, what, actor, reason, now)

    def refill(self, bounds: Sequence[Bound], now: int) -> int:
        """See Books."""
        return super().refill(self._bounds(bounds, now), now)

    def rename(self, wallet: str, name: str) -> None:
        """What a member holds goes on under another name."""
        self._holds.rename(wallet, name)

    def _ask(self, ask: ReserveRequest, now: int) -> ReserveRequest:
        wallet = self._of(ask.wallet, now)
        return ask._replace(wallet=wallet, bounds=self._bounds(ask.bounds, now))

    def _of(self, wallet: str, now: int) -> str:
        return self.veils.of(wallet, max(now, self.mark))

    def _bounds(self, bounds: Sequence[Bound], now: int) -> tuple[Bound, ...]:
        if not self.veils:
            return tuple(bounds)
        return self.veils.bounds(bounds, max(now, self.mark))
