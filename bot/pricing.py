"""What models cost: as the operator says, else as their provider or the price list does.

Before a call nobody but the operator and the list can say: that price is held. After it the
provider may have told which model it served, and what it took.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal, NamedTuple

from bot.config_values import ModelConfig, PricesConfig
from bot.ports import Prices
from quota.calls import Served
from quota.governing import EVERYWHERE, Act, Governing
from quota.units import Rates, Unit, amount_text

Source = Literal["config", "list", "fallback", "none"]

PRICE = "price"
# A server may name anything as what it served; so many names are remembered.
NAMES_MAX = 1_000


class Price(NamedTuple):
    """A price, None where nobody knows one, and who says so."""

    rates: Rates | None
    source: Source


UNKNOWN = Price(None, "none")


@dataclass(frozen=True, slots=True)
class Pricing:
    """The price of one model, and of whatever its server serves in its place."""

    price: Price = UNKNOWN
    of_served: Callable[[str], Price] = lambda _: UNKNOWN

    def said(self, name: str, served: str, cost: int | None) -> Served:
        """What to charge a call by, when a provider says what it served and what that took.

        What the operator says goes before what the provider says, and that before the list. The
        operator's price of a model holds for anything served in its place that has none itself.
        """
        price = self.price
        if served and served != name:
            found = self.of_served(served)
            if found.source == "config" or (found.source == "list" and price.source != "config"):
                price = found
        rates = None if price.rates == self.price.rates else price.rates
        return Served(served, rates, None if price.source == "config" else cost)


UNPRICED = Pricing()


class PriceBook:
    """Every price there is."""

    def __init__(
        self, models: tuple[ModelConfig, ...], config: PricesConfig, listed: Prices | None = None
    ) -> None:
        """Go by what the operator says, and by a list, which may be None for the operator alone."""
        self._own = {model.name: model.price for model in models if model.price is not None}
        self._config = config
        self._listed = listed
        self._found: dict[tuple[str, str], Price] = {}

    def of(self, model: ModelConfig) -> Pricing:
        """The price of a model of the config."""
        price = UNKNOWN if model.price is None else Price(model.price, "config")
        if price is UNKNOWN and not model.offline:
            price = self._priced(model.name, model.base_url)
        if price is UNKNOWN and self._config.fallback is not None and not model.offline:
            price = Price(self._config.fallback, "fallback")
        return Pricing(price, lambda served: self._served(served, model.base_url))

    def _served(self, name: str, base_url: str) -> Price:
        key = name, base_url
        found = self._found.get(key)
        if found is None:
            if len(self._found) >= NAMES_MAX:
                self._found.clear()
            found = self._found[key] = self._priced(name, base_url)
        return found

    def _priced(self, name: str, base_url: str) -> Price:
        """As the operator says of that very name, of a pattern that fits it, else the list."""
        if (own := self._own.get(name)) is not None:
            return Price(own, "config")
        for pattern, rates in self._config.models:
            if fnmatchcase(name, pattern):
                return Price(rates, "config")
        listed = self._listed.rates(name, base_url) if self._listed is not None else None
        return UNKNOWN if listed is None else Price(listed, "list")


async def note_prices(governing: Governing, prices: Iterable[tuple[str, Price]]) -> None:
    """Write down in the audit trail which models cost something else than when this was asked last.

    Whoever changed it, the config or a new price list: a charge can be understood years later.
    """
    for model, price in prices:
        subject, now = f"model {model}", _told(price)
        if governing.flag(EVERYWHERE, PRICE, subject) != now:
            await governing.switch(Act("operator", EVERYWHERE), PRICE, subject, now)


def _told(price: Price) -> str:
    """A price as the config would write it, and who says so; empty for none."""
    if price.rates is None:
        return ""
    each = price.rates._asdict().items()
    told = ", ".join(f"{kind} {amount_text(rate, Unit.CREDITS)}" for kind, rate in each)
    return f"{told} ({price.source})"
