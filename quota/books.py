"""The moves of the books upon counters in memory: synchronous, exact, without I/O.

Why apart from the stores: the memory store answers from it alone, and SQLite's writer runs the
very same moves on its own thread and writes what they touched in one commit, so a decision is
written once and proven once.

Each move reads top to bottom: what could stop it, then "From here it succeeds", then writes.
"""

from collections.abc import Mapping, Sequence

from quota.accounts import Accounts
from quota.admission import Weighed, balance, reason_of, set_aside, turn_away, weigh
from quota.charging import settlement_of
from quota.counters import Account, Changes, Hold, Ids, Purse, Shelf, balance_of, new_tuple
from quota.errors import UnknownHoldError
from quota.events import Events
from quota.holds import Holds
from quota.ledger import (
    Difference,
    EntryKind,
    EntryLine,
    HeldRow,
    LedgerEntry,
    held_differences,
    sums_of,
)
from quota.limits import Bound
from quota.notices import notices_of
from quota.pool_books import change_pool, pool_state
from quota.pool_governing import NotKept
from quota.prepaid import Deposit, Deposited
from quota.prepaid_books import deposit, refill
from quota.purses import Purses
from quota.store import (
    GrantRequest,
    GrantRow,
    PoolDeed,
    PoolState,
    ReserveRequest,
    SettleRequest,
)
from quota.units import Usage
from quota.verdicts import (
    Balance,
    Granted,
    Lapsed,
    Refused,
    Seen,
    Settlement,
    Waiting,
)


class Books:
    """All counters, and the moves that keep them equal to the ledger."""

    def __init__(self, shelf: Shelf, ids: Ids, mark: int = 0) -> None:
        """Take over what the shelf holds; `mark` is the highest time seen."""
        self.shelf = shelf
        self.ids = ids
        self.mark = mark
        self.changes = Changes()
        self._accounts = Accounts(shelf, ids)
        self._purses = Purses(shelf)
        self._holds = Holds(shelf, ids, self._accounts, self._purses)
        self._pools = self._holds.pools
        self._events = Events(shelf)
        self.evict()

    def accept(self, event: str, digest: str, now: int) -> Seen | None:
        """Note an event that makes no hold; how it was seen before, if it was."""
        return self._events.accept(event, digest, self._tick(now), self.changes)

    def reserve(self, ask: ReserveRequest, now: int) -> Granted | Refused | Waiting | Seen:
        """Set the amount aside in every account, or in none."""
        now = self._tick(now)
        asks_anew = bool(ask.event) and not ask.turn
        if asks_anew and (seen := self._events.seen(ask.event, ask.digest, self.changes)):
            return seen
        weighed = self._weighed(ask, now, self.changes)
        plan = weighed.plan
        if plan.waits:
            return Waiting(tuple(bound.book for bound in ask.bounds))
        # From here it succeeds.
        if asks_anew:
            first = 0 if plan.refused else self.ids.hold
            self._events.note(ask.event, ask.digest, now, first, self.changes)
        if plan.refused:
            return turn_away(weighed, self._pools, self._accounts, now, self.changes)
        hold = set_aside(weighed, self._pools, self._holds, now, self.changes)
        shrunk = plan.output < ask.estimate.output_max
        limit = ask.bounds[plan.tightest].limit if shrunk else None
        row = (hold.id, hold.input, plan.output, shrunk, limit, hold.expires_at)
        return new_tuple(Granted, row)

    def show(self, event: str, messages: Sequence[str], now: int) -> None:
        """Remember which messages show what came of an event."""
        self._tick(now)
        turn = self._events.turn(event, self.changes)
        if turn:
            self.changes.shown |= dict.fromkeys(messages, turn)

    def would_refuse(self, ask: ReserveRequest, now: int) -> Refused | None:
        """What `reserve` would refuse with, None: it would grant; changes nothing."""
        now = max(now, self.mark)
        weighed = self._weighed(ask._replace(final=True, behind=False), now, None)
        return reason_of(weighed, now) if weighed.plan.refused else None

    def progress(self, hold_id: int, output_tokens: int, now: int) -> None:
        """Note how far an answer has come."""
        self._tick(now)
        hold = self._holds.open.get(hold_id)
        if hold is not None and output_tokens > hold.progress:
            self._holds.put(hold._replace(progress=output_tokens), self.changes)

    def settle(self, ask: SettleRequest, now: int) -> Settlement:
        """Charge what was used, give back the rest."""
        now = self._tick(now)
        hold = self._holds.open.get(ask.hold_id)
        if hold is None:
            return self._reported(ask.hold_id)
        entry = self._holds.resolve(hold, "settle", ask, ask.note, now, self.changes)
        accounts = self._accounts.all(ask.bounds, now, self.changes)
        balances = self._balances(hold.wallet, ask.bounds, accounts, now)
        notices = notices_of(entry, accounts, balances, ask.warn_at, self.changes)
        return settlement_of(entry, tuple(balances), tuple(notices), first=True)

    def release(self, hold_id: int, note: str, now: int) -> Settlement:
        """Give everything back."""
        now = self._tick(now)
        hold = self._holds.open.get(hold_id)
        if hold is None:
            return self._reported(hold_id)
        return settlement_of(
            self._holds.resolve(hold, "release", None, note, now, self.changes), first=True
        )

    def note_attempt(self, hold_id: int, note: str, now: int) -> None:
        """Write down a try that failed and cost nothing."""
        now = self._tick(now)
        hold = self._holds.open.get(hold_id)
        if hold is None:
            raise UnknownHoldError
        entry = self._blank("attempt", hold.wallet, now)
        call = entry._replace(hold_id=hold_id, model=hold.model, note=note)
        self._enter(call._replace(purpose=hold.purpose, turn=hold.turn))

    def lapse(self, now: int, at_most: int, *, everything: bool = False) -> list[Lapsed]:
        """Charge holds past their deadline (or all of them): prompt, progress and one step."""
        now = self._tick(now)
        late = [hold for hold in self._holds.open.values() if everything or hold.expires_at <= now]
        lapsed = []
        for hold in late[:at_most]:
            output = min(hold.progress + hold.progress_step, hold.output_cap)
            known = SettleRequest(hold.id, Usage(input=hold.input, output=output), "counted")
            entry = self._holds.resolve(hold, "lapse", known, "", now, self.changes)
            self._events.interrupt(hold.event, self.changes)
            lapsed.append(Lapsed(hold.id, hold.event, hold.wallet, entry.tokens))
        return lapsed

    def grant(self, ask: GrantRequest, now: int) -> GrantRow:
        """Add to or take from a member's allowance."""
        now = self._tick(now)
        purse = Purse(self.ids.purse, ask, now)
        self.ids.purse += 1
        self._purses.add(purse, self.changes)
        entry = self._blank("grant" if ask.amount >= 0 else "take", ask.wallet, now)
        self._enter(
            entry._replace(
                hold_id=purse.id,
                model=str(ask.unit),
                tokens=ask.amount,
                actor=ask.actor,
                note=ask.reason,
            )
        )
        return purse.row()

    def grants(self, wallet: str, now: int) -> list[GrantRow]:
        """The grants of a member that hold now."""
        return [purse.row() for purse in self._purses.live(wallet, max(now, self.mark))]

    def correct(
        self, wallet: str, bounds: Sequence[Bound], actor: str, reason: str, now: int
    ) -> list[Balance]:
        """Write off what the member has spent in these limits; holds stay."""
        now = self._tick(now)
        lines: list[EntryLine] = []
        for bound in bounds:
            account = self._accounts.at(bound, now, self.changes)
            if account.id == 0:
                continue
            for at, amount in self._pools.spent_at(account, wallet, now).items():
                lines.append(EntryLine(account.id, at, -amount, 0))
                self._accounts.spend(account, at, -amount, self.changes)
                self._pools.settle(account, wallet, 0, -amount, self.changes)
            if account.extra_spent:
                lines.append(EntryLine(account.id, now, 0, -account.extra_spent))
                account.extra_spent = 0
            account.warned = 0
            self.changes.accounts[account.id] = account
        entry = self._blank("correction", wallet, now)
        self._enter(entry._replace(actor=actor, note=reason, lines=tuple(lines)))
        return self.balances(wallet, bounds, now)

    def balances(self, wallet: str, bounds: Sequence[Bound], now: int) -> list[Balance]:
        """Where a member stands; changes nothing."""
        now = max(now, self.mark)
        accounts = [self._accounts.at(bound, now, None) for bound in bounds]
        return self._balances(wallet, bounds, accounts, now)

    def pool(self, wallet: str, bound: Bound, now: int) -> PoolState | None:
        """A fair pool as it stands, and a member of it; changes nothing."""
        return pool_state(self._accounts, self._pools, bound, wallet, max(now, self.mark))

    def change_pool(self, bound: Bound, deed: PoolDeed, now: int) -> PoolState | NotKept | None:
        """Do what an admin wants of a fair pool; None where the limit is none."""
        now = self._tick(now)
        return change_pool(self._accounts, self._pools, bound, deed, now, self.changes)

    def deposit(self, bound: Bound, what: Deposit, actor: str, reason: str, now: int) -> Deposited:
        """Put into a prepaid balance what an admin gives, or take it out."""
        now, by = self._tick(now), (actor, reason)
        return deposit(self._accounts, bound, what, by, now, self.changes)

    def refill(self, bounds: Sequence[Bound], now: int) -> int:
        """Take into prepaid balances what has come due; how many something came to."""
        return refill(self._accounts, bounds, self._tick(now), self.changes)

    def held_differences(self) -> list[Difference]:
        """Where counters in memory hold something else than the open holds do."""
        found = held_differences(
            [HeldRow(f"{a.book}@{a.opens_at}", a.id, a.held, a.extra_held) for a in self._accounts],
            [HeldRow(f"grant {purse.id}", purse.id, purse.held) for purse in self._purses],
            [hold.held for hold in self.holds.values()],
        )
        return [*found, *self._pools.differences()]

    def evict(self) -> None:
        """Forget everything that the shelf can bring back; only right after a commit."""
        held, purse_held = sums_of(hold.held for hold in self.holds.values())
        self._accounts.evict(held)
        self._purses.evict(purse_held)
        self._pools.evict()

    @property
    def holds(self) -> Mapping[int, Hold]:
        """Every open hold."""
        return self._holds.open

    @property
    def resident(self) -> int:
        """How many accounts, and members of pools, are in memory."""
        return len(self._accounts) + self._pools.resident

    # How the moves are made.

    def _tick(self, now: int) -> int:
        """Time never runs back: the later of the clock and the highest time seen."""
        self.mark = max(self.mark, now)
        return self.mark

    def _weighed(self, ask: ReserveRequest, now: int, changes: Changes | None) -> Weighed:
        accounts = self._accounts.all(ask.bounds, now, changes)
        return weigh(ask, accounts, self._purses.live(ask.wallet, now), self._pools, now)

    def _balances(
        self, wallet: str, bounds: Sequence[Bound], accounts: Sequence[Account], now: int
    ) -> list[Balance]:
        purses = self._purses.live(wallet, now)
        return [
            balance_of(bound, account, purses)
            if account.plain
            else balance(bound, account, purses, self._pools, wallet, now)
            for bound, account in zip(bounds, accounts, strict=True)
        ]

    def _blank(self, kind: EntryKind, wallet: str, now: int) -> LedgerEntry:
        return LedgerEntry(self.ids.entry, now, kind, 0, wallet, "")

    def _enter(self, entry: LedgerEntry) -> None:
        self.changes.entries.append(entry)
        self.ids.entry += 1

    def _reported(self, hold_id: int) -> Settlement:
        """How a hold was resolved before; UnknownHoldError if it never was."""
        for entry in reversed(self.changes.entries):
            if entry.hold_id == hold_id and entry.kind in ("settle", "release", "lapse"):
                return settlement_of(entry, first=False)
        resolved = self.shelf.resolution(hold_id)
        if resolved is None:
            raise UnknownHoldError
        return settlement_of(resolved, first=False)
