"""Pure arithmetic: what a hold takes from each limit, what fits, which thresholds are crossed."""

from collections.abc import Sequence
from typing import NamedTuple

from quota.units import (
    MILLION,
    TOKENS_MAX,
    Rates,
    Unit,
    hold_credits,
    output_affordable,
)

# To look a member up in its enum costs more than the sum that it decides.
_TOKENS, _REQUESTS = Unit.TOKENS, Unit.REQUESTS


class Estimate(NamedTuple):
    """What an answer may take: input tokens, at most and at least so many output tokens.

    Below `output_floor` an answer is not worth giving. `rates` price it, None: no price known.
    `requests` is 1, or 0 for a further call of a turn: who asks once has made one request.
    """

    input: int
    output_max: int
    output_floor: int
    rates: Rates | None = None
    requests: int = 1

    @property
    def output_least(self) -> int:
        """The fewest output tokens that are worth giving to this ask, at least one."""
        return max(1, min(self.output_floor, self.output_max))


class Room(NamedTuple):
    """One limit's side of a decision, None where it is unlimited.

    `whole` is what an untouched period allows, `unspent` what settled spending has left, and
    `free` what neither spending nor holds have taken.
    """

    unit: Unit
    whole: int | None
    unspent: int
    free: int


class Plan(NamedTuple):
    """The decision: grant `output` tokens, wait for holds, or (neither) refuse at `tightest`."""

    output: int
    waits: bool
    tightest: int

    @property
    def refused(self) -> bool:
        """Neither a grant nor worth waiting."""
        return self.output == 0 and not self.waits


def amount_held(unit: Unit, input_tokens: int, output_tokens: int, rates: Rates | None) -> int:
    """What a call with so many tokens takes at most from a limit in this unit."""
    return amounts_held(input_tokens, output_tokens, rates)[unit.place]


def amounts_held(
    input_tokens: int, output_tokens: int, rates: Rates | None, requests: int = 1
) -> tuple[int, int, int]:
    """What a call with so many tokens takes at most: tokens, requests and credits."""
    priced = 0 if rates is None else hold_credits(input_tokens, output_tokens, rates)
    return input_tokens + output_tokens, requests, priced


def output_within(amount: int, unit: Unit, estimate: Estimate) -> int:
    """How many output tokens fit into an amount beside the input; negative: not even the input."""
    if unit is _TOKENS:
        return amount - estimate.input
    if unit is _REQUESTS:
        return TOKENS_MAX if amount >= estimate.requests else -1
    if estimate.rates is None:
        return TOKENS_MAX
    return output_affordable(amount, estimate.input, estimate.rates)


def input_within(amount: int, unit: Unit, output: int, estimate: Estimate) -> int:
    """How many input tokens fit into an amount beside so much output; negative: none."""
    rates = estimate.rates
    if unit is _TOKENS or rates is None:
        return amount - output
    left = amount * MILLION - output * max(rates.output, rates.reasoning)
    dearest = max(rates.input, rates.cached)
    return left // dearest if dearest else TOKENS_MAX


def plan_hold(
    rooms: Sequence[Room], estimate: Estimate, *, final: bool, behind: bool = False
) -> Plan:
    """Decide an ask against all its limits together.

    What is unspent decides: the grant shrinks only against what is spent. Where that is covered
    but holds are in the way the ask waits, unless this is its `final` try: then it takes what is
    free, as long as that is worth having. An ask `behind` others that wait takes nothing.
    """
    assert estimate.output_max > 0, "an answer has at least one token"
    unspent = free = estimate.output_max
    tightest = blocking = -1
    input_, most, _, rates, requests = estimate
    wanted = amounts_held(input_, most, rates, requests)
    for index, room in enumerate(rooms):
        unit, whole, _, room_free = room
        if whole is None or room_free >= wanted[unit.place]:
            continue
        fits = output_within(room.unspent, room.unit, estimate)
        if fits < unspent:
            unspent, tightest = fits, index
        if room.free != room.unspent:
            fits = output_within(room.free, room.unit, estimate)
        if fits < free:
            free, blocking = fits, index
    floor = estimate.output_least
    if unspent < floor:
        return Plan(0, waits=False, tightest=tightest)
    if behind and not final:
        return Plan(0, waits=True, tightest=tightest)
    if free >= unspent:
        return Plan(unspent, waits=False, tightest=tightest)
    if not final:
        return Plan(0, waits=True, tightest=blocking)
    output = free if free >= floor else 0
    return Plan(output, waits=False, tightest=blocking)


def crossed(used: int, granted: int, warned: int, warn_at: Sequence[int]) -> tuple[int, ...]:
    """The thresholds (percent) that `used` has reached and that were not told before."""
    return tuple([t for t in warn_at if t > warned and used * 100 >= t * granted])


def still_warned(used: int, granted: int, warned: int, warn_at: Sequence[int]) -> int:
    """The highest threshold that was told and is still reached, 0: none."""
    return max((t for t in crossed(used, granted, 0, warn_at) if t <= warned), default=0)
