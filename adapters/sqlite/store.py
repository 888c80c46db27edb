"""The store verbs over one SQLite file: each is a function run whole on the writer's thread."""

from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

from adapters.sqlite import erased, erasing, governing, looking_back, prepaid, receipts
from adapters.sqlite.prune import prune
from adapters.sqlite.reading import Visitor
from adapters.sqlite.scans import Scans
from adapters.sqlite.spill import Late
from adapters.sqlite.writer import Writer
from quota.books import Books
from quota.errors import StoreUnavailableError
from quota.ledger import Difference, LedgerEntry
from quota.limits import Bound
from quota.pool_governing import NotKept
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
from quota.verdicts import Balance, Granted, Lapsed, Refused, Seen, Settlement, Waiting


class SqliteStore:
    """See quota/store.py for the promise of each verb; made by `open` or `open_reader`."""

    def __init__(self, path: Path, writer: Writer | Visitor, recovered: list[Lapsed]) -> None:
        """Speak through a writer, or as a visitor; `recovered` are holds of dead processes.

        `unerased` are members whom a dead process was erasing, or who were erased since these books
        were copied: whoever opens has them erased before anybody asks.
        """
        self.path = path
        self.recovered = recovered
        self.unerased: list[str] = []
        self._ask = writer.ask
        self.writer = writer
        self._scans = Scans(path, writer.stop)

    @classmethod
    async def open(
        cls,
        path: Path | str,
        *,
        now: int,
        synchronous: Literal["FULL", "NORMAL"] = "FULL",
        quick_check: bool = True,
    ) -> "SqliteStore":
        """Open the books for writing, which one process may at a time; create them if missing.

        `NORMAL` may lose the last commits when the power fails; it never damages the file.
        """
        resolved = _resolved(path)
        writer = Writer(resolved, synchronous)
        store = cls(resolved, writer, await writer.open(now, quick_check=quick_check))
        store.unerased = await writer.ask(lambda _: erasing.unfinished(writer.desk.db), reads=True)
        return store

    @classmethod
    async def open_reader(cls, path: Path | str) -> "SqliteStore":
        """Open the books for reading, beside a process that writes; every other verb refuses."""
        resolved = _resolved(path)
        visitor = Visitor(resolved)
        return cls(resolved, visitor, await visitor.open())

    # What a turn needs.

    async def accept(self, event: str, digest: str, now: int) -> Seen | None:
        """See SpendingStore."""
        return await self._ask(lambda books: books.accept(event, digest, now), event=event)

    async def reserve(
        self, request: ReserveRequest, now: int
    ) -> Granted | Refused | Waiting | Seen:
        """See SpendingStore."""
        return await self._ask(lambda books: books.reserve(request, now), event=request.event)

    async def show(self, event: str, messages: Sequence[str], now: int) -> None:
        """See ReceiptStore."""
        await self._ask(lambda books: books.show(event, messages, now))

    async def would_refuse(self, request: ReserveRequest, now: int) -> Refused | None:
        """See SpendingStore."""
        return await self._ask(lambda books: books.would_refuse(request, now), reads=True)

    async def progress(self, hold_id: int, output_tokens: int, now: int) -> None:
        """See SpendingStore."""
        await self._ask(lambda books: books.progress(hold_id, output_tokens, now))

    async def settle(self, request: SettleRequest, now: int) -> Settlement:
        """See SpendingStore."""
        return await self._ask(
            lambda books: books.settle(request, now),
            late=lambda: Late.of(request, now),
        )

    async def release(self, hold_id: int, note: str, now: int) -> Settlement:
        """See SpendingStore."""
        return await self._ask(
            lambda books: books.release(hold_id, note, now),
            late=lambda: Late(hold_id, None, "counted", note, now, "", None, None),
        )

    async def note_attempt(self, hold_id: int, note: str, now: int) -> None:
        """See SpendingStore."""
        await self._ask(lambda books: books.note_attempt(hold_id, note, now))

    async def lapse(self, now: int, at_most: int) -> list[Lapsed]:
        """See SpendingStore."""
        return await self._ask(lambda books: books.lapse(now, at_most))

    async def balances(self, wallet: str, bounds: tuple[Bound, ...], now: int) -> list[Balance]:
        """See SpendingStore."""
        return await self._ask(lambda books: books.balances(wallet, bounds, now), reads=True)

    async def close(self) -> None:
        """See SpendingStore."""
        # The writer goes last: it empties the WAL and takes it away, which a reader cannot.
        try:
            await self._scans.close()
        finally:
            await self.writer.close()

    async def catch_up(self, now: int) -> int:
        """Try again to write what could not be written; how many settlements still wait."""
        desk = self._writing().desk
        return await self._ask(lambda _: desk.catch_up())

    # What admins and upkeep need.

    async def grant(self, request: GrantRequest, audit: AuditRow, now: int) -> GrantRow:
        """See GoverningStore."""

        def move(books: Books) -> GrantRow:
            row = books.grant(request, now)
            self._write_down(books, audit, now)
            return row

        return await self._ask(move, alone=True)

    async def grants(self, wallet: str, now: int) -> list[GrantRow]:
        """See GoverningStore."""
        return await self._ask(lambda books: books.grants(wallet, now), reads=True)

    async def correct(
        self, wallet: str, bounds: tuple[Bound, ...], audit: AuditRow, now: int
    ) -> list[Balance]:
        """See GoverningStore."""

        def move(books: Books) -> list[Balance]:
            balances = books.correct(wallet, bounds, audit.actor, audit.reason, now)
            self._write_down(books, audit, now)
            return balances

        return await self._ask(move, alone=True)

    async def pool(self, wallet: str, bound: Bound, now: int) -> PoolState | None:
        """See PoolStore."""
        return await self._ask(lambda books: books.pool(wallet, bound, now), reads=True)

    async def change_pool(
        self, bound: Bound, deed: PoolDeed, audit: AuditRow, now: int
    ) -> PoolState | NotKept | None:
        """See PoolStore."""

        def move(books: Books) -> PoolState | NotKept | None:
            answer = books.change_pool(bound, deed, now)
            if isinstance(answer, PoolState):
                self._write_down(books, audit, now)
            return answer

        return await self._ask(move, alone=True)

    async def deposit(self, bound: Bound, what: Deposit, audit: AuditRow, now: int) -> Deposited:
        """See PrepaidStore."""

        def move(books: Books) -> Deposited:
            done = books.deposit(bound, what, audit.actor, audit.reason, now)
            self._write_down(books, told_by(audit, done), now)
            return done

        return await self._ask(move, alone=True)

    async def refill(self, bounds: Sequence[Bound], now: int) -> int:
        """See PrepaidStore."""
        return await self._ask(lambda books: books.refill(bounds, now))

    async def prepaid(self, wallets: str) -> list[PrepaidRow]:
        """See PrepaidStore."""
        return await self._scans.apart(partial(prepaid.rows, wallets))

    async def limits(self) -> list[LimitRow]:
        """See GoverningStore."""
        return await self._scans.limits()

    async def put_limit(self, key: str, row: LimitRow, audit: AuditRow, now: int) -> None:
        """See GoverningStore."""

        def move(books: Books) -> None:
            governing.put_limit(self._writing().desk.db, key, row)
            self._write_down(books, audit, now)

        await self._ask(move, alone=True)

    async def drop_limit(self, key: str, space: str, audit: AuditRow, now: int) -> bool:
        """See GoverningStore."""

        def move(books: Books) -> bool:
            dropped = governing.drop_limit(self._writing().desk.db, key, space)
            self._write_down(books, audit, now)
            return dropped

        return await self._ask(move, alone=True)

    async def flags(self) -> list[FlagRow]:
        """See GoverningStore."""
        return await self._scans.flags()

    async def put_flag(self, row: FlagRow, audit: AuditRow | None, now: int) -> None:
        """See GoverningStore."""

        def move(books: Books) -> None:
            books.changes.flags[row.space, row.name, row.subject] = row
            if audit is not None:
                self._write_down(books, audit, now)

        # Nearly all of them are kept for an ask on its way, whose commit they can share.
        await self._ask(move, alone=audit is not None)

    async def audit(self, row: AuditRow, now: int) -> None:
        """See GoverningStore."""
        await self._ask(lambda books: self._write_down(books, row, now), alone=True)

    async def audit_trail(self, space: str, since: int, at_most: int) -> list[AuditRow]:
        """See GoverningStore."""
        return await self._scans.audit_trail(space, since, at_most)

    async def entries(self, since_id: int, at_most: int | None) -> AsyncIterator[LedgerEntry]:
        """See GoverningStore."""
        async for entry in self._scans.entries(since_id, at_most):
            yield entry

    async def wallets(self) -> list[str]:
        """See GoverningStore."""
        return await self._scans.wallets()

    async def verify(self) -> list[Difference]:
        """See GoverningStore."""
        found = await self._scans.verify()
        return found + await self._ask(lambda books: books.held_differences(), reads=True)

    async def prune(self, now: int, *, events_ms: int, entries_ms: int) -> int:
        """See GoverningStore."""
        return await prune(self._writing(), self._scans, now, events_ms, entries_ms)

    async def erase(self, wallet: str, now: int, by: str = "") -> str:
        """See ErasingStore."""
        return await erasing.erase(self._writing(), self._scans, wallet, now, by)

    async def backup(self, target: str) -> None:
        """See GoverningStore."""
        await self._scans.backup(_resolved(target))

    async def lower_mark(self, now: int) -> int:
        """See GoverningStore."""

        def move(books: Books) -> int:
            erased.lower(self.path, now)
            before, books.mark = books.mark, now
            return before

        return await self._ask(move, alone=True)

    # What people look back at.

    async def spending(self, wallets: str, since: int, until: int) -> list[SpentRow]:
        """See ReportingStore."""
        return await self._scans.apart(partial(looking_back.spending, wallets, since, until))

    async def periods(self, book: str, since: int) -> list[tuple[int, int]]:
        """See ReportingStore."""
        return await self._scans.apart(partial(looking_back.periods, book, since))

    async def entries_of(self, wallet: str, most: int, among: int = 0) -> list[LedgerEntry]:
        """See ReportingStore."""
        return await self._scans.apart(partial(looking_back.entries_of, wallet, most, among))

    async def turns(self, names: Sequence[str]) -> list[int]:
        """See ReceiptStore."""
        return await self._scans.apart(partial(receipts.turns, names))

    async def turns_of(self, wallet: str, at_most: int) -> list[int]:
        """See ReceiptStore."""
        return await self._scans.apart(partial(receipts.turns_of, wallet, at_most))

    async def receipts(self, turns: Sequence[int]) -> list[Receipt]:
        """See ReceiptStore."""
        return await self._scans.apart(partial(receipts.receipts, turns))

    def _write_down(self, books: Books, audit: AuditRow, now: int) -> None:
        governing.add_audit(self._writing().desk.db, books, audit, now)

    def _writing(self) -> Writer:
        if isinstance(self.writer, Writer):
            return self.writer
        raise StoreUnavailableError(f"{self.path} was opened for reading only")


def _resolved(path: Path | str) -> Path:
    """The same file has one name, so that its lock has one too."""
    return Path(path).resolve()
