"""Prepaid credits: what a balance begins with, how it refills, how far into debt it may go.

What is above the cap (by an admin's hand) stays, and nothing comes on top of it. What is left is
one number, so whatever comes to a balance in debt repays that first.
"""

import re
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from quota.errors import BadRuleError
from quota.units import Unit, amount_text, parse_amount
from quota.windows import (
    Anchored,
    Calendar,
    Window,
    WindowError,
    duration_text,
    parse_window,
)

# Refills are given one by one, so they must not be too many: a year has 8,784 hours.
INTERVAL_LEAST_MS = 3_600_000
REFILL_HELP = 'write it like "$0.10/day up to $1" or "$2/month up to $2"'
_REFILL = re.compile(r"(?P<amount>[^/]+?)\s*(?:/|\sper\s)\s*(?P<every>.+)", re.IGNORECASE)
_CAP = re.compile(r"(?P<rest>.*?)\s*\bup to\b\s*(?P<cap>.*)", re.IGNORECASE)


class Refill(NamedTuple):
    """So many credits at every boundary of a window, up to a cap.

    The boundaries of a calendar are those of its zone; those of a plain length are counted from
    the moment at which the balance began.
    """

    amount: int
    window: Calendar | Anchored
    cap: int

    @property
    def text(self) -> str:
        """The line that `parse_refill` reads back, given the same zone and week start."""
        each, cap = (amount_text(value, Unit.CREDITS) for value in (self.amount, self.cap))
        return f"{each}/{_interval_text(self.window)} up to {cap}"

    @property
    def written(self) -> str:
        """The same with the zone and the week start, as it is kept with a balance."""
        zone, week_start = "UTC", 0
        if isinstance(self.window, Calendar):
            zone, week_start = self.window.zone, self.window.week_start
        return f"{self.text}|{zone}|{week_start}"

    @classmethod
    def read(cls, written: str) -> "Refill | None":
        """What `written` wrote; None for an empty text."""
        if not written:
            return None
        text, zone, week_start = written.split("|")
        return parse_refill(text, zone=zone, week_start=int(week_start))


class Prepaid(NamedTuple):
    """What the operator decided: with what a balance begins, how it refills, what may be owed."""

    start: int = 0
    refill: Refill | None = None
    overdraft: int = 0

    @property
    def text(self) -> str:
        """In one line, for listings."""
        start, overdraft = (amount_text(x, Unit.CREDITS) for x in (self.start, self.overdraft))
        parts = [f"{start} at first"]
        parts += [self.refill.text] if self.refill else []
        parts += [f"overdraft {overdraft}"] if self.overdraft else []
        return ", ".join(parts)


@dataclass(slots=True, eq=False)
class Fund:
    """What a balance knows beside its number: its rule, and up to when that was carried out.

    `full` is what there was when something came in last, at least the cap: what is used and what
    is left are told in parts of it.
    """

    refilled_to: int
    full: int
    refill: Refill | None


class AddToBalance(NamedTuple):
    """Put so much in; where negative, take it out, also below nothing."""

    amount: int


class SetBalance(NamedTuple):
    """Put in or take out what makes it so much."""

    amount: int


Deposit: TypeAlias = AddToBalance | SetBalance


class Deposited(NamedTuple):
    """What was left of a balance before a deed and after it."""

    before: int
    after: int


class PrepaidRow(NamedTuple):
    """A balance as it was written last: what has come due since is not in it."""

    wallet: str
    credits: int
    full: int
    refilled_to: int
    refill: Refill | None


def parse_refill(text: str, *, zone: str = "UTC", week_start: int = 0) -> Refill:
    """Read "$0.10/day up to $1"; BadRuleError names what is wrong with it."""
    line = " ".join(text.split())
    capped = _CAP.fullmatch(line)
    if capped is None:
        raise BadRuleError(f"{line[:60]!r} names no cap; {REFILL_HELP}")
    parts = _REFILL.fullmatch(capped["rest"])
    if parts is None:
        raise BadRuleError(f"{line[:60]!r} names no interval; {REFILL_HELP}")
    amount, cap = credits_of(parts["amount"]), credits_of(capped["cap"])
    if amount == 0:
        raise BadRuleError(f"{line[:60]!r} refills nothing; give a positive amount")
    if cap < amount:
        raise BadRuleError(
            f"{line[:60]!r}: the cap is below the amount; {REFILL_HELP}",
        )
    try:
        window = parse_window(parts["every"], zone=zone, week_start=week_start)
    except WindowError as error:
        raise BadRuleError(f"{line[:60]!r}: {error}") from error
    return Refill(amount, _with_boundaries(line, window), cap)


def credits_of(text: str) -> int:
    """Read "$0.50" or "500 credits"; BadRuleError for any other unit, and for a sign."""
    amount = parse_amount(text)
    if amount.unit is not Unit.CREDITS or amount.signed:
        raise BadRuleError(f"{text.strip()[:60]!r} is no sum of money; write it like $0.50")
    return amount.value


def _interval_text(window: Calendar | Anchored) -> str:
    return window.unit if isinstance(window, Calendar) else duration_text(window.length_ms)


def _with_boundaries(line: str, window: Window) -> Calendar | Anchored:
    """Only a window that has moments at which something can come in, and not too many of them."""
    if not isinstance(window, Calendar | Anchored):
        raise BadRuleError(
            f"{line[:60]!r}: such a period has no beginning at which a balance could be refilled;"
            " say hour, day, week, month or a length such as 6h"
        )
    if isinstance(window, Calendar):
        too_short = window.unit == "minute"
    else:
        too_short = window.length_ms < INTERVAL_LEAST_MS
    if too_short:
        raise BadRuleError(f"{line[:60]!r}: a balance is refilled every hour at most")
    return window
