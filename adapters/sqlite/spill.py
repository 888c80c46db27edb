"""What was used but could not be written: kept in memory and in a file until it lands.

A settlement must not be lost when the disk is full or locked: the answer was given. Each line of
the file is one settlement or release; to land one twice is harmless, because a hold is resolved
once.
"""

import errno
import json
import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from adapters.sqlite.files import OWNER_ONLY, beside
from quota.books import Books
from quota.store import SettleRequest
from quota.units import Rates, Usage
from quota.verdicts import Settlement

log = logging.getLogger(__name__)

Source: TypeAlias = Literal["provider", "counted"]


class Late(NamedTuple):
    """A settlement (or, without usage, a release) and when it was asked for."""

    hold_id: int
    usage: Usage | None
    source: Source
    note: str
    now: int
    served: str
    rates: Rates | None
    billed: int | None

    @classmethod
    def of(cls, ask: SettleRequest, now: int) -> "Late":
        """A settlement that was asked for now."""
        what = (ask.hold_id, ask.usage, ask.source, ask.note)
        return cls(*what, now, ask.served, ask.rates, ask.billed)

    def land(self, books: Books) -> Settlement:
        """Do upon the books what could not be done then."""
        if self.usage is None:
            return books.release(self.hold_id, self.note, self.now)
        priced = (self.served, self.rates, self.billed)
        ask = SettleRequest(self.hold_id, self.usage, self.source, (), (), self.note, *priced)
        return books.settle(ask, self.now)

    @property
    def line(self) -> str:
        """One line of the file; it begins anew, for the one before may have been cut off."""
        return f"\n{json.dumps([*self])}\n"

    @classmethod
    def of_line(cls, line: str) -> "Late":
        """Read one line back; ValueError for one that was cut off."""
        hold_id, usage, source, note, now, *priced = json.loads(line)
        checked = None if usage is None else Usage.checked(*usage)
        said: Source = "provider" if source == "provider" else "counted"
        # A line of the version before this one ends here.
        served, rates, billed = priced or ("", None, None)
        price = None if rates is None else Rates(*map(int, rates))
        bill = None if billed is None else int(billed)
        return cls(int(hold_id), checked, said, str(note), int(now), str(served), price, bill)


class Spill:
    """The settlements that wait, by hold."""

    def __init__(self, path: Path) -> None:
        """Read what an earlier process left behind."""
        self.path = beside(path, "spill")
        self._late: dict[int, Late] = {}
        if self.path.exists():
            for line in self.path.read_text(encoding="utf-8").splitlines():
                if not line:
                    continue
                try:
                    late = Late.of_line(line)
                except (ValueError, TypeError):
                    log.exception("%s: a line cannot be read, left out: %s", self.path, line)
                else:
                    self._late.setdefault(late.hold_id, late)

    def __len__(self) -> int:
        """How many wait."""
        return len(self._late)

    def __iter__(self) -> Iterator[Late]:
        """Those that wait, oldest first, while others may land."""
        return iter(list(self._late.values()))

    def add(self, late: Late) -> bool:
        """Keep one; False where not even this file can be written: then in memory alone."""
        if late.hold_id in self._late:
            return True
        self._late[late.hold_id] = late
        return self.write(late)

    def write(self, late: Late) -> bool:
        """Put one that is kept in memory into the file as well."""
        try:
            self._append(late)
        except OSError:
            return False
        return True

    def landed(self, late: Late) -> None:
        """Forget one; the file goes when all have landed, for to land twice is harmless."""
        self._late.pop(late.hold_id, None)
        if not self._late:
            with suppress(OSError):
                self.path.unlink(missing_ok=True)

    def _append(self, late: Late) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        line = late.line.encode()
        file = os.open(self.path, flags, OWNER_ONLY)
        try:
            if os.write(file, line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(file)
        finally:
            os.close(file)
