"""Whose word counts for what a model costs."""

import pytest

from bot.config_values import ModelConfig, PricesConfig
from bot.pricing import NAMES_MAX, UNKNOWN, UNPRICED, Price, PriceBook, note_prices
from quota.calls import Served
from quota.governing import EVERYWHERE, Act
from quota.units import Rates
from tests.fakes import DAY, MORNING
from tests.scripted import build

OWN, PATTERN, LISTED, FALLBACK = (Rates(n, n, n, n) for n in (1, 2, 3, 4))
SERVER = "https://models.example/v1"


class PriceList:
    """A list that knows some models, and remembers what it was asked."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.asked: list[str] = []

    def rates(self, model: str, base_url: str | None) -> Rates | None:
        assert base_url == SERVER
        self.asked.append(model)
        return LISTED if model in self.names else None


def model(name: str = "mini", price: Rates | None = None, base_url: str = SERVER) -> ModelConfig:
    times = (60_000, 30_000, 600_000)
    return ModelConfig(name, name, base_url, "", (), 100, price, *times, None, "input")


def book(
    *models: ModelConfig, prices: PricesConfig | None = None, listed: PriceList | None = None
) -> PriceBook:
    return PriceBook(models, prices or PricesConfig(), listed)


PATTERNS = PricesConfig(FALLBACK, (("gpt-*", PATTERN), ("gpt-5*", FALLBACK)))


@pytest.mark.parametrize(
    ("asked", "price"),
    [
        (model("gpt-5-mini", OWN), Price(OWN, "config")),
        (model("gpt-5-mini"), Price(PATTERN, "config")),
        (model("known"), Price(LISTED, "list")),
        (model("strange"), Price(FALLBACK, "fallback")),
        (model("offline", base_url="offline"), Price(None, "none")),
    ],
)
def test_the_operator_goes_before_the_list_and_that_before_the_fallback(
    asked: ModelConfig, price: Price
) -> None:
    prices = book(asked, prices=PATTERNS, listed=PriceList("gpt-5-mini", "known", "offline"))
    assert prices.of(asked).price == price


def test_without_any_word_there_is_no_price() -> None:
    assert book(model()).of(model()).price == Price(None, "none")


def said(asked: ModelConfig, served: str, cost: int | None = None, *others: ModelConfig) -> Served:
    prices = book(asked, *others, prices=PATTERNS, listed=PriceList("known", "mini"))
    return prices.of(asked).said(asked.name, served, cost)


@pytest.mark.parametrize(
    ("asked", "served", "rates"),
    [
        # The model that was asked for, or nothing said: the price that was held.
        (model(), "", None),
        (model(), "mini", None),
        # Another one: its own price, the operator's word before the list.
        (model(), "gpt-4", PATTERN),
        (model("strange"), "known", LISTED),
        (model("gpt-4"), "other", OWN),
        # The operator priced what was asked for; the list does not change that.
        (model(price=PATTERN), "known", None),
        (model(price=PATTERN), "other", OWN),
        # Nobody knows what was served: the price that was held.
        (model(), "mini-2026-01-01", None),
        (model("strange"), "stranger", None),
    ],
)
def test_what_was_served_is_charged_at_its_own_price(
    asked: ModelConfig, served: str, rates: Rates | None
) -> None:
    assert said(asked, served, None, model("other", OWN)) == Served(served, rates, None)


def test_what_the_provider_says_it_took_goes_before_the_list_alone() -> None:
    assert said(model(), "", 77).billed == 77
    assert said(model("strange"), "", 77).billed == 77
    assert said(model(price=OWN), "", 77).billed is None
    # Also where the operator's word is about what was served.
    assert said(model(), "gpt-4", 77).billed is None
    assert UNPRICED.said("mini", "any", 77) == Served("any", None, 77)


def test_a_name_is_looked_up_once_however_often_it_is_served() -> None:
    listed = PriceList("known")
    pricing = book(model(), listed=listed).of(model())
    for _ in range(3):
        pricing.said("mini", "known", None)
    assert listed.asked == ["mini", "known"]
    for number in range(NAMES_MAX + 1):
        pricing.said("mini", f"name-{number}", None)
    assert pricing.said("mini", "known", None).rates == LISTED
    assert listed.asked.count("known") == 2


async def test_a_price_that_is_new_stands_in_the_audit_trail() -> None:
    bot = build("everyone: $1/day")

    async def noted(price: Price) -> list[tuple[str, str, str, str]]:
        before = len(await bot.quotas.governing.audit_trail(EVERYWHERE, 0, 99))
        await note_prices(bot.quotas.governing, [("mini", price)])
        trail = await bot.quotas.governing.audit_trail(EVERYWHERE, 0, 99)
        new = trail[: len(trail) - before]
        return [(row.actor, row.subject, row.before, row.after) for row in new]

    first = "input $0.000001, cached $0.000001, output $0.000001, reasoning $0.000001 (config)"
    listed = first.replace("(config)", "(list)")
    assert await noted(Price(OWN, "config")) == [("operator", "model mini", "", first)]
    assert await noted(Price(OWN, "config")) == []
    assert await noted(Price(OWN, "list")) == [("operator", "model mini", first, listed)]
    assert await noted(UNKNOWN) == [("operator", "model mini", listed, "")]
    assert await noted(UNKNOWN) == []


async def test_admins_see_what_the_operator_changed_and_cannot_undo_it() -> None:
    bot = build("everyone: $1/day")
    await note_prices(bot.quotas.governing, [("mini", Price(OWN, "config"))])
    act = Act("operator", EVERYWHERE)
    await bot.quotas.governing.switch(act, "pause", "", "maintenance", MORNING + DAY)
    await bot.type("/quota-admin grant @ana 50 credits")
    card = await bot.type("/quota-admin audit")
    assert card.panel.table is not None
    told = [(row[2], bool(row[-1])) for row in card.panel.table.rows]
    assert told == [("grant", True), ("pause", False), ("price", False)]
