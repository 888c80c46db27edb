"""A complete store in dictionaries: the reference for the contract suite, and for demos."""

import secrets
from collections.abc import AsyncIterator, Sequence

from quota import memory_erasing
from quota.counters import Changes, Ids
from quota.erasing import VeiledBooks, erased_by
from quota.errors import StoreUnavailableError
from quota.ledger import Difference, LedgerEntry, PurseRow, differences
from quota.limits import Bound
from quota.memory_shelf import MemoryShelf
from quota.pool_governing import NotKept
from quota.pools import pool_differences
from quota.prepaid import Deposit, Deposited, PrepaidRow
from quota.prepaid_books import told_by
from quota.receipts import Receipt
from quota.store import (
    AuditRow,
    FlagRow,
    GrantRequest,
    GrantRow,
    LimitRow,
    PoolDeed,
    PoolState,
    ReserveRequest,
    SettleRequest,
    SpentRow,
)
from quota.veils import KEY_BYTES, Veils
from quota.verdicts import Balance, Granted, Lapsed, Refused, Seen, Settlement, Waiting


class MemoryStore:
    """The store verbs over `Books`, with nothing between a move and its effect."""

    def __init__(self) -> None:
        """Start with empty books."""
        self.shelf = MemoryShelf()
        self.books = VeiledBooks(self.shelf, Ids(), veils=Veils(secrets.token_bytes(KEY_BYTES), {}))
        self._limits: dict[tuple[str, ...], LimitRow] = {}
        self._flags: dict[tuple[str, str, str], FlagRow] = {}
        self._audit: list[AuditRow] = []
        self._closed = False

    async def accept(self, event: str, digest: str, now: int) -> Seen | None:
        """See SpendingStore."""
        seen = self._open().accept(event, digest, now)
        self._put()
        return seen

    async def reserve(
        self, request: ReserveRequest, now: int
    ) -> Granted | Refused | Waiting | Seen:
        """See SpendingStore."""
        verdict = self._open().reserve(request, now)
        self._put()
        return verdict

    async def would_refuse(self, request: ReserveRequest, now: int) -> Refused | None:
        """See SpendingStore."""
        return self._open().would_refuse(request, now)

    async def progress(self, hold_id: int, output_tokens: int, now: int) -> None:
        """See SpendingStore."""
        self._open().progress(hold_id, output_tokens, now)
        self._put()

    async def settle(self, request: SettleRequest, now: int) -> Settlement:
        """See SpendingStore."""
        done = self._open().settle(request, now)
        self._put()
        return done

    async def release(self, hold_id: int, note: str, now: int) -> Settlement:
        """See SpendingStore."""
        done = self._open().release(hold_id, note, now)
        self._put()
        return done

    async def note_attempt(self, hold_id: int, note: str, now: int) -> None:
        """See SpendingStore."""
        self._open().note_attempt(hold_id, note, now)
        self._put()

    async def lapse(self, now: int, at_most: int) -> list[Lapsed]:
        """See SpendingStore."""
        lapsed = self._open().lapse(now, at_most)
        self._put()
        return lapsed

    async def balances(self, wallet: str, bounds: tuple[Bound, ...], now: int) -> list[Balance]:
        """See SpendingStore."""
        return self._open().balances(wallet, bounds, now)

    async def grant(self, request: GrantRequest, audit: AuditRow, now: int) -> GrantRow:
        """See GoverningStore."""
        row = self._open().grant(request, now)
        self._put(audit, now)
        return row

    async def grants(self, wallet: str, now: int) -> list[GrantRow]:
        """See GoverningStore."""
        return self._open().grants(wallet, now)

    async def correct(
        self, wallet: str, bounds: tuple[Bound, ...], audit: AuditRow, now: int
    ) -> list[Balance]:
        """See GoverningStore."""
        balances = self._open().correct(wallet, bounds, audit.actor, audit.reason, now)
        self._put(audit, now)
        return balances

    async def pool(self, wallet: str, bound: Bound, now: int) -> PoolState | None:
        """See PoolStore."""
        return self._open().pool(wallet, bound, now)

    async def change_pool(
        self, bound: Bound, deed: PoolDeed, audit: AuditRow, now: int
    ) -> PoolState | NotKept | None:
        """See PoolStore."""
        answer = self._open().change_pool(bound, deed, now)
        self._put(audit if isinstance(answer, PoolState) else None, now)
        return answer

    async def deposit(self, bound: Bound, what: Deposit, audit: AuditRow, now: int) -> Deposited:
        """See PrepaidStore."""
        done = self._open().deposit(bound, what, audit.actor, audit.reason, now)
        self._put(told_by(audit, done), now)
        return done

    async def refill(self, bounds: Sequence[Bound], now: int) -> int:
        """See PrepaidStore."""
        count = self._open().refill(bounds, now)
        self._put()
        return count

    async def prepaid(self, wallets: str) -> list[PrepaidRow]:
        """See PrepaidStore."""
        self._open()
        return self.shelf.prepaid(wallets)

    async def limits(self) -> list[LimitRow]:
        """See GoverningStore."""
        self._open()
        return list(self._limits.values())

    async def put_limit(self, key: str, row: LimitRow, audit: AuditRow, now: int) -> None:
        """See GoverningStore."""
        self._open()
        self._limits[(row.space, key)] = row
        self._put(audit, now)

    async def drop_limit(self, key: str, space: str, audit: AuditRow, now: int) -> bool:
        """See GoverningStore."""
        self._open()
        dropped = self._limits.pop((space, key), None)
        self._put(audit, now)
        return dropped is not None

    async def flags(self) -> list[FlagRow]:
        """See GoverningStore."""
        self._open()
        return list(self._flags.values())

    async def put_flag(self, row: FlagRow, audit: AuditRow | None, now: int) -> None:
        """See GoverningStore."""
        self._open()
        key = (row.space, row.name, row.subject)
        self._flags.pop(key, None)
        if row.value:
            self._flags[key] = row
        if audit is not None:
            self._put(audit, now)

    async def audit(self, row: AuditRow, now: int) -> None:
        """See GoverningStore."""
        self._open()
        self._put(row, now)

    async def audit_trail(self, space: str, since: int, at_most: int) -> list[AuditRow]:
        """See GoverningStore."""
        self._open()
        rows = [row for row in reversed(self._audit) if row.space == space and row.at >= since]
        return rows[:at_most]

    async def entries(self, since_id: int, at_most: int | None) -> AsyncIterator[LedgerEntry]:
        """See GoverningStore."""
        self._open()
        for entry in [e for e in self.shelf.entries if e.id > since_id][:at_most]:
            yield entry

    async def spending(self, wallets: str, since: int, until: int) -> list[SpentRow]:
        """See ReportingStore."""
        self._open()
        found: dict[tuple[str, str], SpentRow] = {}
        for e in self.shelf.entries:
            charged = e.kind in {"settle", "lapse"} and since <= e.at < until
            if charged and e.wallet.startswith(wallets):
                key = e.wallet, e.model
                more = e.turn == e.hold_id, e.tokens, e.credits or 0, e.input, e.cached, e.output
                before = found[key][2:] if key in found else (0,) * len(more)
                found[key] = SpentRow(*key, *(a + b for a, b in zip(before, more, strict=True)))
        return [found[key] for key in sorted(found)]

    async def periods(self, book: str, since: int) -> list[tuple[int, int]]:
        """See ReportingStore."""
        self._open()
        mine = [a for a in self.shelf.accounts.values() if a.book == book and a.opens_at >= since]
        return sorted((a.opens_at, a.spent + a.extra_spent) for a in mine)

    async def entries_of(self, wallet: str, most: int, among: int = 0) -> list[LedgerEntry]:
        """See ReportingStore."""
        self._open()
        return [e for e in self.shelf.entries[-among:] if e.wallet == wallet][-most:]

    async def show(self, event: str, messages: Sequence[str], now: int) -> None:
        """See ReceiptStore."""
        self._open().show(event, messages, now)
        self._put()

    async def turns(self, names: Sequence[str]) -> list[int]:
        """See ReceiptStore."""
        self._open()
        return self.shelf.turns(names)

    async def turns_of(self, wallet: str, at_most: int) -> list[int]:
        """See ReceiptStore."""
        self._open()
        mine = (e.turn for e in reversed(self.shelf.entries) if e.wallet == wallet and e.turn)
        return [*dict.fromkeys(mine)][:at_most]

    async def receipts(self, turns: Sequence[int]) -> list[Receipt]:
        """See ReceiptStore."""
        holds = self._open().holds
        found = (self.shelf.receipt(turn, holds) for turn in turns)
        return [receipt for receipt in found if receipt is not None]

    async def wallets(self) -> list[str]:
        """See GoverningStore."""
        holds = self._open().holds.values()
        return sorted({row.wallet for rows in (self.shelf.entries, holds) for row in rows})

    async def verify(self) -> list[Difference]:
        """See GoverningStore."""
        books = self._open()
        found = differences(
            [account.row() for account in self.shelf.accounts.values()],
            self.shelf.entries,
            [hold.held for hold in books.holds.values()],
            [PurseRow(p.id, p.spent) for p in self.shelf.grants.values()],
        )
        found += pool_differences(self.shelf.pool_proofs())
        return found + books.held_differences()

    async def prune(self, now: int, *, events_ms: int, entries_ms: int) -> int:
        """See GoverningStore. Events only: what is in memory is short-lived anyway."""
        del entries_ms
        books = self._open()
        books.mark = max(books.mark, now)
        books.veils.let_go(books.mark)
        before = books.mark - events_ms
        old = [key for key, event in self.shelf.events.items() if event.at < before]
        for key in old:
            del self.shelf.events[key]
        return len(old)

    async def backup(self, target: str) -> None:
        """Memory has no copy that could be opened."""
        raise StoreUnavailableError(f"books in memory cannot be backed up to {target}")

    async def lower_mark(self, now: int) -> int:
        """See GoverningStore."""
        before, self.books.mark = self._open().mark, now
        return before

    async def close(self) -> None:
        """See SpendingStore."""
        self._closed = True

    async def erase(self, wallet: str, now: int, by: str = "") -> str:
        """See ErasingStore."""
        name = memory_erasing.erase(self._open(), self.shelf, self._audit, wallet, now)
        self._put(erased_by(name, by), now)
        return name

    def _open(self) -> VeiledBooks:
        if self._closed:
            raise StoreUnavailableError("the store is closed")
        return self.books

    def _put(self, audit: AuditRow | None = None, now: int = 0) -> None:
        self.shelf.put(self.books.changes)
        self.books.changes = Changes()
        if audit is not None:
            self.books.mark = max(self.books.mark, now)
            self._audit.append(audit._replace(id=len(self._audit) + 1, at=self.books.mark))
