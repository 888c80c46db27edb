"""The grants in memory: which ones hold now, what a hold takes from them, what a charge leaves."""

from bisect import insort
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from quota.counters import Changes, Hold, Purse, Shelf

FOREVER = 1 << 62


class Purses:
    """Every member's grants that were asked for since the last `evict`, first to end first."""

    def __init__(self, shelf: Shelf) -> None:
        """Fetch from the shelf what is not in memory."""
        self._shelf = shelf
        self._by_wallet: dict[str, list[Purse]] = {}
        self._held: Mapping[int, int] = {}

    def __iter__(self) -> Iterator[Purse]:
        """Every grant in memory."""
        return chain.from_iterable(self._by_wallet.values())

    def live(self, wallet: str, now: int) -> Sequence[Purse]:
        """The grants that hold now."""
        mine = self._of(wallet)
        return lasting(mine, now) if mine else mine

    def add(self, purse: Purse, changes: Changes) -> None:
        """A new grant."""
        insort(self._of(purse.request.wallet), purse, key=_ends)
        changes.purses[purse.id] = purse

    def hold(self, live: Sequence[Purse], wanted: dict[int, int]) -> tuple[tuple[int, int], ...]:
        """Set aside what is wanted of each unit (by its place) from the grants that end first."""
        held = []
        for purse in live:
            place = purse.request.unit.place
            open_ = wanted.get(place, 0)
            amount = min(open_, purse.request.amount - purse.spent - purse.held)
            if amount > 0:
                wanted[place] = open_ - amount
                purse.held += amount
                held.append((purse.id, amount))
        return tuple(held)

    def charge(
        self, hold: Hold, used: dict[int, int], changes: Changes
    ) -> tuple[tuple[int, int], ...]:
        """Take what was used of each unit from the grants that a hold had set aside."""
        charged = []
        mine = {purse.id: purse for purse in self._of(hold.wallet)}
        for purse_id, amount in hold.purses:
            purse = mine[purse_id]
            place = purse.request.unit.place
            take = min(amount, used.get(place, 0))
            used[place] = used.get(place, 0) - take
            purse.held -= amount
            purse.spent += take
            changes.purses[purse.id] = purse
            charged.append((purse_id, take))
        return tuple(charged)

    def evict(self, held: Mapping[int, int]) -> None:
        """Forget what the shelf can bring back; what is `held` by open holds it cannot tell."""
        self._held = held
        self._by_wallet.clear()

    def _of(self, wallet: str) -> list[Purse]:
        mine = self._by_wallet.get(wallet)
        if mine is None:
            mine = self._by_wallet[wallet] = sorted(self._shelf.purses(wallet), key=_ends)
            for purse in mine:
                purse.held = self._held.get(purse.id, 0)
        return mine


def lasting(purses: Sequence[Purse], now: int) -> Sequence[Purse]:
    """Those that have not ended by an instant."""
    if not purses:
        return purses
    return [p for p in purses if p.request.until is None or p.request.until > now]


def _ends(purse: Purse) -> int:
    return FOREVER if purse.request.until is None else purse.request.until
