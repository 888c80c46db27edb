"""What the memory store has written, as the books read it back."""

from collections.abc import Iterable, Iterator, Mapping

from quota.counters import Account, Changes, Event, Hold, Purse
from quota.funds import wallet_of
from quota.ledger import LedgerEntry
from quota.pool_state import Pool
from quota.pool_terms import PoolMember
from quota.pools import PoolProof
from quota.prepaid import PrepaidRow
from quota.receipts import Receipt


class MemoryShelf:
    """Everything that was ever written, in dictionaries."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.accounts: dict[tuple[str, int], Account] = {}
        self.latest: dict[str, Account] = {}
        self.events: dict[str, Event] = {}
        self.entries: list[LedgerEntry] = []
        self.resolved: dict[int, LedgerEntry] = {}
        self.calls: dict[int, list[int]] = {}
        self.shown: dict[str, int] = {}
        self.grants: dict[int, Purse] = {}
        self.pools: dict[int, Pool] = {}
        self.pool_members: dict[int, dict[str, PoolMember]] = {}

    def put(self, changes: Changes) -> None:
        """Write what the moves touched."""
        self.events.update(changes.events)
        for account in changes.accounts.values():
            self.accounts[(account.book, account.opens_at)] = account
            latest = self.latest.setdefault(account.book, account)
            if account.opens_at > latest.opens_at:
                self.latest[account.book] = account
        self.entries.extend(changes.entries)
        for entry in changes.entries:
            if entry.kind in ("settle", "release", "lapse"):
                self.resolved[entry.hold_id] = entry
        for turn, hold in changes.calls:
            self.calls.setdefault(turn, []).append(hold)
        self.shown |= changes.shown
        self.grants.update(changes.purses)
        self.pools |= {key: pool.at_rest() for key, pool in changes.pools.items()}
        for (account_id, wallet), member in changes.pool_members.items():
            self.pool_members.setdefault(account_id, {})[wallet] = member._replace(held=0)

    def turns(self, names: Iterable[str]) -> list[int]:
        """The turns that events or messages lead to."""
        found = {self.shown.get(name, 0) for name in names}
        found |= {self.events[name].hold for name in names if name in self.events}
        return sorted(found - {0})

    def receipt(self, turn: int, open_holds: Mapping[int, Hold]) -> Receipt | None:
        """What a turn cost so far."""
        holds = [turn, *self.calls.get(turn, ())]
        calls = tuple(self.resolved[hold] for hold in holds if hold in self.resolved)
        running = [open_holds[hold] for hold in holds if hold in open_holds]
        whose = [*(call.wallet for call in calls), *(hold.wallet for hold in running)]
        return Receipt(turn, whose[0], calls, len(running)) if whose else None

    def account(self, book: str, opens_at: int | None) -> Account | None:
        """The account of a period; the latest one where `opens_at` is None."""
        if opens_at is None:
            return self.latest.get(book)
        return self.accounts.get((book, opens_at))

    def account_by_id(self, account_id: int) -> Account | None:
        """The account with this id."""
        return next((a for a in self.accounts.values() if a.id == account_id), None)

    def event(self, key: str) -> Event | None:
        """An event, if it was ever seen."""
        return self.events.get(key)

    def holds(self) -> Iterable[Hold]:
        """Nothing outlives the process."""
        return ()

    def resolution(self, hold_id: int) -> LedgerEntry | None:
        """The entry that resolved a hold."""
        return self.resolved.get(hold_id)

    def purses(self, wallet: str) -> list[Purse]:
        """A member's grants; the books keep them in order from here on."""
        return [p for p in self.grants.values() if p.request.wallet == wallet]

    def prepaid(self, wallets: str) -> list[PrepaidRow]:
        """Every balance of wallets that begin so."""
        found = ((wallet_of(a), a.fund, -a.spent) for a in self.accounts.values() if a.fund)
        return [
            PrepaidRow(wallet, left, fund.full, fund.refilled_to, fund.refill)
            for wallet, fund, left in sorted(found, key=lambda one: one[0])
            if wallet.startswith(wallets)
        ]

    def pool(self, account_id: int) -> Pool | None:
        """The pool of an account."""
        found = self.pools.get(account_id)
        return None if found is None else found.at_rest()

    def latest_pool(self, book: str) -> Pool | None:
        """The pool of the last period of a limit in which it was fair."""
        mine = (pool for pool in self.pools.values() if pool.row.pool == book)
        found = max(mine, key=lambda pool: pool.row.opens_at, default=None)
        return None if found is None else found.at_rest()

    def pool_member(self, account_id: int, wallet: str) -> PoolMember | None:
        """A member who has come to a pool."""
        return self.pool_members.get(account_id, {}).get(wallet)

    def pool_proofs(self) -> Iterator[PoolProof]:
        """Every pool with its members and its account."""
        for account in self.accounts.values():
            pool = self.pools.get(account.id)
            if pool is not None:
                members = self.pool_members.get(account.id, {}).values()
                yield PoolProof(pool, members, account.spent)
