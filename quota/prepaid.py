"""Prepaid credits: what a balance begins with, how it refills, how far into debt it may go.

Why computed: which refills are due is a function of up to when they were given, of what is left,
of now and of the rule, and of nothing else. So none can be missed, doubled or late: if no job ever
ran, every balance would still be right the next time that somebody looks.

A boundary of the interval brings the amount, or as much of it as fits below the cap. What is above
the cap (by an admin's hand) stays, and nothing comes on top of it. What is left is one number, so
whatever comes to a balance in debt repays that first.
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
# So far ahead is looked for the refill that makes enough room.
LOOK_AHEAD = 1_000
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

    def at(self, now: int) -> "PrepaidRow":
        """The same with what has come due until now."""
        if self.refill is None:
            return self
        came = due(self.refill, self.refilled_to, self.credits, now)
        credits_ = self.credits + came.credits
        full = full_of(credits_, self.refill) if came.credits else self.full
        return self._replace(credits=credits_, full=full, refilled_to=came.refilled_to)


class Due(NamedTuple):
    """What has come due: so many credits, for all boundaries up to and with `refilled_to`."""

    credits: int
    refilled_to: int


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


def next_refill(refill: Refill, refilled_to: int) -> int:
    """The first boundary after an instant up to which refills were given."""
    if isinstance(refill.window, Anchored):
        return refilled_to + refill.window.length_ms
    closes_at = refill.window.period_at(refilled_to).closes_at
    assert closes_at is not None, "a calendar always goes on"
    return closes_at


def due(refill: Refill, refilled_to: int, left: int, now: int) -> Due:
    """What came due since, if nothing was spent meanwhile: whoever spends looks first."""
    given = 0
    while (boundary := next_refill(refill, refilled_to)) <= now:
        if left + given >= refill.cap:
            return Due(given, _last_boundary(refill, refilled_to, now))
        given += min(refill.amount, refill.cap - left - given)
        refilled_to = boundary
    return Due(given, refilled_to)


def enough_at(refill: Refill, refilled_to: int, left: int, needed: int) -> int | None:
    """When refills alone will have brought what is left to what is needed; None: never soon."""
    if needed > refill.cap:
        return None
    times = -(-(needed - left) // refill.amount)
    if times > LOOK_AHEAD:
        return None
    for _ in range(times):
        refilled_to = next_refill(refill, refilled_to)
    return refilled_to


def full_of(left: int, refill: Refill | None) -> int:
    """What counts as full once something has come in."""
    return max(left, refill.cap if refill is not None else 0)


def _last_boundary(refill: Refill, refilled_to: int, now: int) -> int:
    """The last boundary that has come, in one step."""
    if isinstance(refill.window, Anchored):
        length = refill.window.length_ms
        return refilled_to + (now - refilled_to) // length * length
    return refill.window.period_at(now).opens_at


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
