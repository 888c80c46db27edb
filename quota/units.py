"""Tokens, requests, credits; what a call used, what it costs: exact integers, rounded up once.

A credit is one micro-dollar. Rates are micro-dollars per million tokens, so a cost is a sum of
tokens times rates, divided by a million and rounded up once per entry, never per token.
"""

import re
from enum import StrEnum
from typing import NamedTuple, Self

from quota.errors import BadRuleError, BadUsageError

MILLION = 1_000_000
# A usage above this is a broken provider, not a long answer (no model takes a billion tokens).
TOKENS_MAX = 1_000_000_000
# Amounts fit SQLite's 64-bit integers with room for sums.
AMOUNT_MAX = 10**15


class Unit(StrEnum):
    """What a limit counts; `place` is where it stands in (tokens, requests, credits)."""

    place: int

    TOKENS = ("tokens", 0)
    REQUESTS = ("requests", 1)
    CREDITS = ("credits", 2)

    def __new__(cls, value: str, place: int) -> Self:
        """Make the word with its place beside it."""
        unit = str.__new__(cls, value)
        unit._value_ = value
        unit.place = place
        return unit


class Usage(NamedTuple):
    """Tokens of one model call: `cached` is part of `input`, `reasoning` is part of `output`."""

    input: int = 0
    cached: int = 0
    output: int = 0
    reasoning: int = 0

    @property
    def tokens(self) -> int:
        """What limits in tokens count: input and output."""
        return self.input + self.output

    @classmethod
    def checked(cls, input_: int, cached: int, output: int, reasoning: int) -> Self:
        """A usage that can be true; BadUsageError for a negative, absurd or inconsistent one."""
        usage = cls(input_, cached, output, reasoning)
        if min(usage) < 0 or max(usage) > TOKENS_MAX:
            raise BadUsageError
        # Some servers count cached or reasoning tokens beside the total instead of inside it.
        return usage._replace(cached=min(cached, input_), reasoning=min(reasoning, output))


class Rates(NamedTuple):
    """The price of a model: micro-dollars per million tokens, each at least 0."""

    input: int
    cached: int
    output: int
    reasoning: int


def cost_credits(usage: Usage, rates: Rates) -> int:
    """Micro-dollars for a usage, rounded up once."""
    return -(-_millionths(usage, rates) // MILLION)


def hold_credits(input_tokens: int, output_tokens: int, rates: Rates) -> int:
    """The most that so many tokens can cost: nothing cached, the dearer kind of output."""
    total = input_tokens * max(rates.input, rates.cached)
    total += output_tokens * max(rates.output, rates.reasoning)
    return -(-total // MILLION)


def output_affordable(credits_left: int, input_tokens: int, rates: Rates) -> int:
    """How many output tokens fit beside the input; negative when not even the input does."""
    left = credits_left * MILLION - input_tokens * max(rates.input, rates.cached)
    if left < 0:
        return -1
    dearest = max(rates.output, rates.reasoning)
    return left // dearest if dearest else TOKENS_MAX


def _millionths(usage: Usage, rates: Rates) -> int:
    return (
        (usage.input - usage.cached) * rates.input
        + usage.cached * rates.cached
        + (usage.output - usage.reasoning) * rates.output
        + usage.reasoning * rates.reasoning
    )


class Amount(NamedTuple):
    """A number of units; `signed` tells `+5k` and `-5k` (relative) from `5k` (absolute)."""

    value: int
    unit: Unit | None
    signed: bool = False


_AMOUNT = re.compile(
    r"(?P<sign>[+\-\u2212]?)\s*(?P<dollar>\$?)\s*(?P<whole>\d{1,3}(?:,\d{3})+|\d{1,16})"
    r"(?:\.(?P<part>\d{1,12}))?\s*(?P<suffix>(?:[km](?=\s|$|token|request|message|credit))?)"
    r"(?:\s+(?P<unit>[a-z]+)|(?P<glued>[a-z]+))?",
    re.IGNORECASE,
)
_UNITS = {
    "token": Unit.TOKENS,
    "tokens": Unit.TOKENS,
    "request": Unit.REQUESTS,
    "requests": Unit.REQUESTS,
    "message": Unit.REQUESTS,
    "messages": Unit.REQUESTS,
    "credit": Unit.CREDITS,
    "credits": Unit.CREDITS,
}
_SCALE = {"": 1, "k": 1_000, "m": MILLION}
AMOUNT_HELP = "write 5000 tokens, 50k tokens, 1.5M tokens, 20 requests or $0.40"


def parse_amount(text: str) -> Amount:
    """Read `5000`, `50k`, `+1.5M tokens`, `-$0.40`, `20 messages`; BadRuleError names the fault.

    `$` counts in dollars and gives credits; a number without a unit leaves the unit open.
    """
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        raise BadRuleError(f"{text.strip()[:60]!r} is no amount; {AMOUNT_HELP}")
    word = (match["unit"] or match["glued"] or "").lower()
    if word and word not in _UNITS:
        raise BadRuleError(f"{word!r} is no unit; say tokens, requests or credits (or $)")
    unit = _UNITS.get(word)
    if match["dollar"]:
        if unit is not None and unit is not Unit.CREDITS:
            raise BadRuleError(f"{text.strip()[:60]!r} mixes $ and {word}; {AMOUNT_HELP}")
        unit = Unit.CREDITS
    scale = _SCALE[match["suffix"].lower()] * (MILLION if match["dollar"] else 1)
    part = match["part"] or ""
    digits = int(match["whole"].replace(",", "") + part) * scale
    value, rest = divmod(digits, 10 ** len(part))
    if rest:
        raise BadRuleError(f"{text.strip()[:60]!r} is finer than one unit; {AMOUNT_HELP}")
    if part and scale == 1:
        # In half of the world 20.000 is twenty thousand, and nobody writes twenty so.
        raise BadRuleError(f"{text.strip()[:60]!r} has a point; write 20,000 or 20k, say")
    if value > AMOUNT_MAX:
        raise BadRuleError(f"{text.strip()[:60]!r} is too large; at most 10^15")
    minus = match["sign"] in ("-", "\u2212")
    return Amount(-value if minus else value, unit, signed=bool(match["sign"]))


def amount_text(value: int, unit: Unit) -> str:
    """The shortest way to write an amount that `parse_amount` reads back exactly."""
    sign, size = ("-", -value) if value < 0 else ("", value)
    if unit is Unit.CREDITS:
        whole, rest = divmod(size, MILLION)
        part = f"{rest:06d}".rstrip("0")
        cents = part.ljust(2, "0") if part else ""
        return f"{sign}${whole}.{cents}" if cents else f"{sign}${whole}"
    for suffix, scale in (("M", MILLION), ("k", 1_000)):
        if size and size % scale == 0:
            return f"{sign}{size // scale}{suffix} {unit}"
    return f"{sign}{size} {str(unit).removesuffix('s') if size == 1 else unit}"
