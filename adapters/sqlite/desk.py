"""Where the books meet the file: ops are run, written, committed; and what happens when not.

Everything here runs on the writer's thread. The rule when a commit fails: memory is never ahead
of the disk. The books are thrown away, read again from the file, and the ops of the batch are run
again one by one, each in a transaction of its own, so that a poisonous one only fails itself.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from adapters.sqlite.erased import come_back
from adapters.sqlite.files import Ballast, Lock, make_private, refuse_shared
from adapters.sqlite.opening import BUSY_TIMEOUT_S, open_for_writing
from adapters.sqlite.shelf import SqliteShelf
from adapters.sqlite.spill import Late, Spill
from adapters.sqlite.trouble import LockedError, is_corrupt, is_full, is_locked, may_pass, told
from quota.books import Books
from quota.errors import QuotaError, StoreUnavailableError, UnknownHoldError
from quota.verdicts import Lapsed

log = logging.getLogger(__name__)

RESIDENT_ACCOUNTS_MAX = 50_000
# So many changed rows are worth a checkpoint when there is nothing else to do.
IDLE_CHECKPOINT_ROWS = 500
# So many are worth one also while others wait: those who were just answered take their time.
BUSY_CHECKPOINT_ROWS = 2_000


@dataclass(slots=True, eq=False)
class Op:
    """One verb: what it does to the books, who waits, and what is kept if it cannot be written.

    One that stands `alone` speaks SQL itself and is given a transaction of its own. `event` is
    what it will ask the books about.
    """

    run: Callable[[Books], Any]
    future: "asyncio.Future[Any] | None" = None
    late: Callable[[], Late] | None = None
    alone: bool = False
    event: str = ""


# What became of an op. A plain tuple: a named one takes longer to make than to use.
Answer: TypeAlias = tuple[Op, Any, Exception | None]


class Desk:
    """The write connection, the books upon it, and what is kept for bad days."""

    def __init__(self, path: Path, synchronous: str) -> None:
        """Nothing is touched before `open`."""
        self.path = path
        self.synchronous = synchronous
        self.stopped: StoreUnavailableError | None = None
        self.locked = False
        self.db: sqlite3.Connection
        self.shelf: SqliteShelf
        self.spill: Spill
        self._ballast = Ballast(path)
        self._lock: Lock
        self._books: Books | None = None
        self._rows_checkpointed = 0
        self._unwiped = False

    def open(self, now: int, *, quick_check: bool) -> list[Lapsed]:
        """Lock, open and check the file, land what waited, charge the holds of dead processes."""
        try:
            refuse_shared(self.path)
            self._lock = Lock(self.path)
        except OSError as error:
            raise told(self.path, error) from error
        try:
            make_private(self.path)
            self.db = open_for_writing(self.path, self.synchronous, quick_check=quick_check)
        except (OSError, sqlite3.Error) as error:
            self._lock.release()
            raise told(self.path, error) from error
        except BaseException:  # whatever it is, another process may try
            self._lock.release()
            raise
        try:
            come_back(self.db, self.path)
            return self._recover(now)
        except OSError as error:
            self.close()
            raise told(self.path, error) from error
        except BaseException:  # as above
            self.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        try:
            self.db.close()
        finally:
            self._lock.release()

    def serve(self, ops: Sequence[Op], *, locked: bool = False) -> list[Answer]:
        """Run ops in order; what is answered is on disk. `locked`: do not even try to write."""
        self.locked = locked
        if self.stopped is not None:
            return [self._failed(op, StoreUnavailableError(str(self.stopped))) for op in ops]
        answers: list[Answer] = []
        if self.spill:
            self._land()
        together: list[Op] = []
        for op in ops:
            if op.alone:
                self._together(together, answers)
                together = []
                answers.append(self._single(op))
            else:
                together.append(op)
        self._together(together, answers)
        return answers

    def tidy(self) -> None:
        """Use an idle moment: empty the WAL into the database, take the ballast aboard again."""
        self._ballast.take_aboard()
        self.checkpoint(IDLE_CHECKPOINT_ROWS)
        if self._unwiped:
            self.wipe()

    def checkpoint(self, after_rows: int = BUSY_CHECKPOINT_ROWS) -> None:
        """Empty the WAL into the database if so many rows were changed since that was done."""
        if self.db.total_changes - self._rows_checkpointed >= after_rows:
            try:
                self.db.execute(self.CHECKPOINT).fetchall()
                self._rows_checkpointed = self.db.total_changes
            except sqlite3.Error as error:
                log.warning("%s: checkpoint put off: %s", self.path, error)
                if is_corrupt(error):
                    self.stop(told(self.path, error))

    def stop(self, why: StoreUnavailableError) -> None:
        """The file is damaged: nothing is read from it or written to it from now on."""
        if self.stopped is None:
            log.critical("%s", why)
            self.stopped = why

    def catch_up(self) -> int:
        """How many settlements still wait; those that could land have done so before this."""
        self._ballast.take_aboard()
        return len(self.spill)

    CHECKPOINT = "PRAGMA wal_checkpoint(PASSIVE)"
    WIPE = "PRAGMA wal_checkpoint(TRUNCATE)"
    WAIT = "PRAGMA busy_timeout = {}"

    def wipe(self, _: Books | None = None) -> None:
        """Leave nothing in the WAL; while somebody reads from it, in an idle moment to come."""
        self._unwiped = True
        try:
            self.db.execute(self.WAIT.format(0)).fetchall()
            ((busy, _, _),) = self.db.execute(self.WIPE).fetchall()
            self._unwiped = bool(busy)
        except sqlite3.Error as error:
            log.warning("%s: emptying the WAL is put off: %s", self.path, error)
        finally:
            # Those who write wait for others again.
            self.db.execute(self.WAIT.format(BUSY_TIMEOUT_S * 1_000)).fetchall()

    def _recover(self, now: int) -> list[Lapsed]:
        self.shelf = SqliteShelf(self.db)
        self.spill = Spill(self.path)
        self._ballast.take_aboard()
        self._land()
        op = Op(lambda books: books.lapse(now, len(books.holds), everything=True))
        _, result, error = self._single(op)
        if error is not None:
            raise error
        lapsed: list[Lapsed] = result
        return lapsed

    def _together(self, ops: list[Op], answers: list[Answer]) -> None:
        """Run ops one after another and commit what they touched at once."""
        if not ops:
            return
        done: list[Answer] = []
        try:
            books = self._current()
            self.shelf.look_up([op.event for op in ops if op.event])
            for op in ops:
                try:
                    done.append((op, op.run(books), None))
                except QuotaError as error:
                    if books.changes:  # by this op or another: nobody can tell
                        raise
                    done.append((op, None, error))
            self._commit(books)
        except Exception as error:  # whatever it was, memory must not stay ahead of the disk
            log.warning("%s: %d ops are run one by one: %s", self.path, len(ops), error)
            self._start_over()
            self.locked = self.locked or is_locked(error)
            done = [self._single(op) for op in ops]
        answers += done

    def _single(self, op: Op) -> Answer:
        """Run one op in a transaction of its own; it fails for itself."""
        while True:
            try:
                return op, self._whole(op), None
            except Exception as error:  # whatever it was, the others must not suffer
                self._start_over()
                if is_full(error) and op.late is not None and self._ballast.drop():
                    continue
                return self._failed(op, error)

    def _whole(self, op: Op) -> Any:
        books = self._current()
        self.shelf.look_up(())
        if op.alone:
            self._begin()
            result = op.run(books)
            self._write(books)
        else:
            result = op.run(books)
            self._commit(books)
        return result

    def _commit(self, books: Books) -> None:
        if books.changes:
            self._begin()
            self._write(books)

    BEGIN = "BEGIN IMMEDIATE"

    def _begin(self) -> None:
        if self.locked:
            raise LockedError
        self.db.execute(self.BEGIN)

    COMMIT = "COMMIT"

    def _write(self, books: Books) -> None:
        self.shelf.write(books)
        self.db.execute(self.COMMIT)
        self.shelf.written(books)
        if books.resident > RESIDENT_ACCOUNTS_MAX:
            books.evict()

    def _current(self) -> Books:
        if self._books is None:
            self._books = self.shelf.books()
        return self._books

    ROLLBACK = "ROLLBACK"

    def _start_over(self) -> None:
        """Forget what is in memory; the file is right."""
        self._books = None
        if self.db.in_transaction:
            try:
                self.db.execute(self.ROLLBACK)
            except sqlite3.Error:
                log.exception("%s: rollback failed", self.path)

    def _failed(self, op: Op, error: Exception) -> Answer:
        """Tell the caller in our own words, and lose no settlement."""
        if isinstance(error, QuotaError) and not isinstance(error, StoreUnavailableError):
            return op, None, error
        self.locked = self.locked or is_locked(error)
        log.error("%s: not written: %s", self.path, error, exc_info=not may_pass(error))
        answer = told(self.path, error)
        if is_corrupt(error):
            self.stop(answer)
        if op.late is not None:
            self._keep(op.late(), lands=may_pass(error) or self.stopped is not None)
        return op, None, answer

    def _keep(self, late: Late, *, lands: bool) -> None:
        """Keep a settlement for later, unless it can never be written: then its hold lapses."""
        if not lands:
            self.spill.landed(late)
        elif not (self.spill.add(late) or (self._ballast.drop_rest() and self.spill.write(late))):
            log.error("%s: kept in memory alone: %s", self.path, late)

    def _land(self) -> None:
        """Write what could not be written earlier, as far as it goes."""
        for late in self.spill:
            _, _, error = self._single(Op(late.land, late=partial(Late._make, late)))
            if isinstance(error, UnknownHoldError):
                log.error("%s: a settlement of no known hold was dropped: %s", self.path, late)
            elif error is not None and late in self.spill:
                return
            self.spill.landed(late)
