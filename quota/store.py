"""The store as a port: atomic verbs, each with its promise. Implementations: memory, SQLite.

Every verb either happens whole and is durable when it returns, or did not happen and raises
StoreUnavailableError. Every verb takes `now` (UTC milliseconds); the effective time is the later
of `now` and the highest time that the store has seen, kept with the books.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Literal, NamedTuple, Protocol, TypeAlias

from quota.accounting import Estimate
from quota.ledger import Difference, LedgerEntry, Purpose
from quota.limits import Bound
from quota.pool_governing import NotKept
from quota.pool_terms import PoolMember, PoolPeriod
from quota.prepaid import Deposit, Deposited, PrepaidRow
from quota.receipts import ReceiptStore
from quota.units import Rates, Unit, Usage
from quota.veils import ErasingStore
from quota.verdicts import Balance, Granted, Lapsed, Refused, Seen, Settlement, Waiting


class ReserveRequest(NamedTuple):
    """One call to be paid for.

    `event` names the platform event that asks, in every call of its turn (empty: none does), and
    `digest` hashes its content. `turn` is the hold of the turn's first call; 0: this is the first,
    and only then the event must be new. A hold lives `hold_ms` at most. Unless this is its `final`
    try an ask waits for holds that are in its way; one `behind` others is not granted yet.
    """

    event: str
    digest: str
    wallet: str
    house: str
    model: str
    bounds: tuple[Bound, ...]
    estimate: Estimate
    hold_ms: int
    progress_step: int
    final: bool = True
    behind: bool = False
    purpose: Purpose = "answer"
    turn: int = 0


class SettleRequest(NamedTuple):
    """What a call really used; `bounds` and `warn_at` are for the balances and notices after.

    `served` is the model that the provider says it served, `rates` its price where that is not the
    price of the hold, `billed` the credits that the provider says it took where that decides.
    """

    hold_id: int
    usage: Usage
    source: Literal["provider", "counted"]
    bounds: tuple[Bound, ...] = ()
    warn_at: tuple[int, ...] = ()
    note: str = ""
    served: str = ""
    rates: Rates | None = None
    billed: int | None = None


class GrantRequest(NamedTuple):
    """Extra allowance (or less, where `amount` is negative) until a time, None: for good."""

    wallet: str
    unit: Unit
    amount: int
    until: int | None
    actor: str
    reason: str


class GrantRow(NamedTuple):
    """A grant as it stands."""

    id: int
    wallet: str
    unit: Unit
    amount: int
    spent: int
    held: int
    at: int
    until: int | None
    actor: str
    reason: str


class LimitRow(NamedTuple):
    """A limit that an admin set in a space: `rule` in the grammar of limits.py."""

    space: str
    scope_kind: str
    scope_name: str
    kind: str
    rule: str
    models: str


class FlagRow(NamedTuple):
    """A switch or setting of a space, channel or member; `until` when it holds, None: for good."""

    space: str
    name: str
    subject: str
    value: str
    until: int | None


class AuditRow(NamedTuple):
    """One act of an admin, or an attempt that was refused."""

    at: int
    space: str
    actor: str
    action: str
    subject: str
    before: str
    after: str
    reason: str
    id: int = 0


class AddToPool(NamedTuple):
    """Give a fair pool so much more (less, where negative) until its period ends."""

    amount: int


class KeepFor(NamedTuple):
    """Keep so much more of a fair pool for a member."""

    wallet: str
    amount: int


class ForgetPast(NamedTuple):
    """Let a fair pool forget what earlier periods taught it."""


PoolDeed: TypeAlias = AddToPool | KeepFor | ForgetPast


class PoolState(NamedTuple):
    """A fair pool as it stands now, and a member of it (None: has not come).

    `before` was used in the period before the pool was fair, `added` is what admins gave it.
    """

    row: PoolPeriod
    member: PoolMember | None
    before: int
    added: int


class SpentRow(NamedTuple):
    """What one member was charged in a stretch of time by a model; `requests` counts turns."""

    wallet: str
    model: str
    requests: int
    tokens: int
    credits: int
    input: int
    cached: int
    output: int


class SpendingStore(Protocol):
    """What a turn needs."""

    async def accept(self, event: str, digest: str, now: int) -> Seen | None:
        """Note an event that makes no hold; how it was seen before, if it was."""

    async def reserve(
        self, request: ReserveRequest, now: int
    ) -> Granted | Refused | Waiting | Seen:
        """Set the amount aside in every account, or in none; a refused event stays refused."""

    async def would_refuse(self, request: ReserveRequest, now: int) -> Refused | None:
        """What `reserve` would refuse with, None: it would grant; reads only."""

    async def progress(self, hold_id: int, output_tokens: int, now: int) -> None:
        """Note how far an answer has come, so that a lapse charges what was surely used."""

    async def settle(self, request: SettleRequest, now: int) -> Settlement:
        """Charge what was used, give back the rest; a second time only reports the first."""

    async def release(self, hold_id: int, note: str, now: int) -> Settlement:
        """Give everything back: nothing was sent. A second time only reports the first."""

    async def note_attempt(self, hold_id: int, note: str, now: int) -> None:
        """Write down a try that failed and cost nothing."""

    async def lapse(self, now: int, at_most: int) -> list[Lapsed]:
        """Charge the holds that are past their deadline by what is known of them."""

    async def balances(self, wallet: str, bounds: tuple[Bound, ...], now: int) -> list[Balance]:
        """Where a member stands, as one consistent snapshot; reads only."""

    async def close(self) -> None:
        """Finish what is waiting and let go of the files."""


class GoverningStore(ErasingStore, Protocol):
    """What admins and upkeep need."""

    async def grant(self, request: GrantRequest, audit: AuditRow, now: int) -> GrantRow:
        """Add to or take from a member's allowance."""

    async def grants(self, wallet: str, now: int) -> list[GrantRow]:
        """The grants of a member that hold now."""

    async def correct(
        self, wallet: str, bounds: tuple[Bound, ...], audit: AuditRow, now: int
    ) -> list[Balance]:
        """Write off what the member has spent in these limits; holds stay."""

    async def limits(self) -> list[LimitRow]:
        """All limits that were set by admins."""

    async def put_limit(self, key: str, row: LimitRow, audit: AuditRow, now: int) -> None:
        """Set a limit in place of the one with this key (its slot) in the space."""

    async def drop_limit(self, key: str, space: str, audit: AuditRow, now: int) -> bool:
        """Remove a limit that an admin set; False where there is none."""

    async def flags(self) -> list[FlagRow]:
        """All switches, also those whose time has ended."""

    async def put_flag(self, row: FlagRow, audit: AuditRow | None, now: int) -> None:
        """Set a switch; an empty value removes it. No `audit`: a member's own choice."""

    async def audit(self, row: AuditRow, now: int) -> None:
        """Write down an act that changed nothing, such as a refused command."""

    async def audit_trail(self, space: str, since: int, at_most: int) -> list[AuditRow]:
        """The newest acts first."""

    def entries(self, since_id: int, at_most: int | None) -> AsyncIterator[LedgerEntry]:
        """The ledger in order of writing."""

    async def wallets(self) -> Sequence[str]:
        """Every member who ever had an account."""

    async def verify(self) -> list[Difference]:
        """Recompute every counter from the entries; nothing, when the books agree."""

    async def prune(self, now: int, *, events_ms: int, entries_ms: int) -> int:
        """Forget what is older; sums stay. Returns how many rows went."""

    async def backup(self, target: str) -> None:
        """Write a complete copy that can be opened in place of the store."""

    async def lower_mark(self, now: int) -> int:
        """Believe `now` although a later time was stored; returns the mark that was."""


class PoolStore(Protocol):
    """What is seen of a fair pool and changed in it; None where a limit is none."""

    async def pool(self, wallet: str, bound: Bound, now: int) -> PoolState | None:
        """A pool as it stands, and a member before it; reads only."""

    async def change_pool(
        self, bound: Bound, deed: PoolDeed, audit: AuditRow, now: int
    ) -> PoolState | NotKept | None:
        """Do something for the period that is open; what is kept for members stays kept."""


class PrepaidStore(Protocol):
    """Prepaid balances; `bound` says whose and by which terms."""

    async def deposit(self, bound: Bound, what: Deposit, audit: AuditRow, now: int) -> Deposited:
        """Put in or take out; the audit row is written with what was before and after."""

    async def refill(self, bounds: Sequence[Bound], now: int) -> int:
        """Take in what has come due; how many balances something came to."""

    async def prepaid(self, wallets: str) -> list[PrepaidRow]:
        """Every balance of wallets that begin so, as it was written last."""


class ReportingStore(ReceiptStore, Protocol):
    """What people look back at; read apart from the turns, never in their way."""

    async def spending(self, wallets: str, since: int, until: int) -> list[SpentRow]:
        """What was charged in [since, until) to wallets that begin so, by wallet and model."""

    async def periods(self, book: str, since: int) -> list[tuple[int, int]]:
        """When each period of a book since then opened, and what was spent in it."""

    async def entries_of(self, wallet: str, most: int, among: int = 0) -> list[LedgerEntry]:
        """The newest entries of one member, oldest first; `among` so many newest of all, 0: all."""


class Store(SpendingStore, GoverningStore, ReportingStore, PoolStore, PrepaidStore, Protocol):
    """All of them."""
