"""Prices from genai-prices: the list that its wheel carries, read on this machine.

Never undercharging is the rule where a list price depends on what is not known before the call.
"""

import datetime as dt
import logging
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING

from quota.units import MILLION, Rates

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, TieredPrices

_log = logging.getLogger(__name__)

# Dearer than any model; a price above it is a slip of a decimal point in the list.
_DOLLARS_PER_MILLION_MAX = 10_000


class Catalogue:
    """List prices of models; `today` decides which announced prices have begun (None: all)."""

    def __init__(self, today: dt.date | None = None) -> None:
        self._today = today
        # Ids from the list itself, so never more than it has: each is complained of once.
        self._complained: set[str] = set()

    def rates(self, model: str, base_url: str | None) -> Rates | None:
        """Micro-dollars per million tokens, rounded up; None for what cannot be priced safely.

        A known server has its own prices. One that the list does not know (a proxy, a server in
        the house) is taken to pass the model of that name on at its maker's price. The first call
        reads the list, some 0.2 s of work: make it before turns begin.
        """
        found = _find(model, base_url)
        if found is None:
            return None
        try:
            return _dearest(_prices(found, self._today))
        except _UnusableError as error:
            if found.id not in self._complained:
                self._complained.add(found.id)
                _log.warning("the list price of %s is not used: %s", found.id, error)
            return None


class _UnusableError(Exception):
    """A list price that would not cover what a call costs, or makes no sense."""


def _find(model: str, base_url: str | None) -> "ModelInfo | None":
    # Imported at first use: 0.2 s that a bot with its own prices need not spend.
    from genai_prices.data_snapshot import get_snapshot

    snapshot = get_snapshot()
    try:
        maker = snapshot.find_provider(None, None, base_url) if base_url else None
    except LookupError:
        maker = None
    try:
        return snapshot.find_provider_model(model, maker, None, None)[1]
    except LookupError:
        return None


def _prices(model: "ModelInfo", today: dt.date | None) -> "list[ModelPrice]":
    """The prices that may apply: the newest that has begun, and those of certain hours."""
    from genai_prices.types import ModelPrice, StartDateConstraint, TimeOfDateConstraint

    if isinstance(model.prices, ModelPrice):
        return [model.prices]
    apply: list[ModelPrice] = []
    # Later ones go before earlier ones, as in the library itself.
    for price in reversed(model.prices):
        match price.constraint:
            case TimeOfDateConstraint():
                apply.append(price.prices)
            case StartDateConstraint(start_date=start) if today is not None and today < start:
                pass
            case _:
                return [*apply, price.prices]
    return apply


def _dearest(prices: "list[ModelPrice]") -> Rates | None:
    """The highest of each rate; None when one of them is not sold by input and output tokens."""
    each = [_rates(price) for price in prices]
    known = [rates for rates in each if rates is not None]
    if not known or len(known) < len(each):
        return None
    return Rates(*(max(of_a_kind) for of_a_kind in zip(*known, strict=True)))


def _rates(price: "ModelPrice") -> Rates | None:
    if price.requests_kcount:
        raise _UnusableError("each request costs something besides its tokens")
    input_ = _micro_dollars(price.input_mtok)
    output = _micro_dollars(price.output_mtok)
    if input_ is None or output is None:
        return None
    cached = _micro_dollars(price.cache_read_mtok)
    reasoning = _micro_dollars(price.output_reasoning_mtok)
    return Rates(
        input=input_,
        cached=input_ if cached is None else cached,
        output=output,
        reasoning=output if reasoning is None else reasoning,
    )


def _micro_dollars(price: "Decimal | TieredPrices | None") -> int | None:
    """Micro-dollars per million tokens, rounded up; None where there is no price.

    Which tier a call falls into is known only when its prompt is counted. The highest is charged,
    so that a long prompt is never undercharged; who would rather have the lower one gives `price`
    in the config.
    """
    if price is None:
        return None
    tiers = [price] if isinstance(price, Decimal) else [price.base, *(t.price for t in price.tiers)]
    for dollars in tiers:
        if not dollars.is_finite() or not 0 <= dollars <= _DOLLARS_PER_MILLION_MAX:
            raise _UnusableError("it is negative, or more than anything costs")
    return int((max(tiers) * MILLION).to_integral_value(ROUND_CEILING))
