import datetime as dt
import logging
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal

import pytest
from genai_prices.data_snapshot import DataSnapshot, set_custom_snapshot
from genai_prices.types import (
    ClauseEquals,
    ClauseStartsWith,
    ConditionalPrice,
    ModelInfo,
    ModelPrice,
    Provider,
    StartDateConstraint,
    Tier,
    TieredPrices,
    TimeOfDateConstraint,
)

from adapters.catalogue import Catalogue
from bot.ports import Prices
from quota.units import Rates

OPENAI = "https://api.openai.com/v1"
_LOG = "adapters.catalogue"


@pytest.fixture
def lists() -> Iterator[None]:
    """Give back the list that the wheel carries, whatever a test put in its place."""
    yield
    set_custom_snapshot(None)


def _list(prices: ModelPrice | list[ConditionalPrice]) -> None:
    model = ModelInfo(id="m-1", match=ClauseEquals("m-1"), prices=prices)
    maker = Provider(
        id="maker",
        name="Maker",
        api_pattern=r"https://api\.maker\.test",
        model_match=ClauseStartsWith("m-"),
        models=[model],
    )
    set_custom_snapshot(DataSnapshot(providers=[maker], from_auto_update=False))


def _price(input_: str, output: str) -> ModelPrice:
    return ModelPrice(input_mtok=Decimal(input_), output_mtok=Decimal(output))


@pytest.mark.parametrize("base_url", [None, "", OPENAI, "http://127.0.0.1:4000/v1"])
def test_gpt_5_costs_what_its_maker_says(base_url: str | None) -> None:
    """A proxy passes the maker's price on; the list knows nothing of its address."""
    prices: Prices = Catalogue()
    assert prices.rates("gpt-5", base_url) == Rates(1_250_000, 125_000, 10_000_000, 10_000_000)


@pytest.mark.parametrize(
    ("model", "base_url", "rates"),
    [
        ("gpt-5-mini", OPENAI, Rates(250_000, 25_000, 2_000_000, 2_000_000)),
        ("gpt-4o-mini-2024-07-18", None, Rates(150_000, 75_000, 600_000, 600_000)),
        (
            "sonar-deep-research",
            "https://api.perplexity.ai",
            Rates(2_000_000, 2_000_000, 8_000_000, 3_000_000),
        ),
    ],
)
def test_known_models_have_their_prices(model: str, base_url: str | None, rates: Rates) -> None:
    assert Catalogue().rates(model, base_url) == rates


@pytest.mark.parametrize(
    ("model", "base_url"),
    [
        ("llama3.2:3b", None),
        ("llama3.2:3b", "http://localhost:11434/v1"),
        ("claude-sonnet-4-6", OPENAI),
        ("", None),
        ("\ud800", OPENAI),
        ("x" * 10_000, None),
        ("text-embedding-3-small", OPENAI),
    ],
)
def test_what_the_list_does_not_know_has_no_price(model: str, base_url: str | None) -> None:
    assert Catalogue().rates(model, base_url) is None


def test_a_price_that_fell_is_the_new_one() -> None:
    assert Catalogue().rates("o3", OPENAI) == Rates(2_000_000, 500_000, 8_000_000, 8_000_000)
    old = Catalogue(today=dt.date(2025, 6, 9)).rates("o3", OPENAI)
    assert old == Rates(10_000_000, 500_000, 40_000_000, 40_000_000)


@pytest.mark.usefixtures("lists")
def test_the_highest_tier_is_charged() -> None:
    tiers = TieredPrices(base=Decimal(3), tiers=[Tier(start=200_000, price=Decimal(6))])
    _list(ModelPrice(input_mtok=tiers, output_mtok=Decimal(15)))
    assert Catalogue().rates("m-1", None) == Rates(6_000_000, 6_000_000, 15_000_000, 15_000_000)


@pytest.mark.usefixtures("lists")
def test_the_dearest_hours_are_charged_and_superseded_prices_are_not() -> None:
    night = TimeOfDateConstraint(start_time=dt.time(0), end_time=dt.time(6))
    dear = ModelPrice(input_mtok=Decimal(2), cache_read_mtok=Decimal("0.5"), output_mtok=Decimal(7))
    _list(
        [
            ConditionalPrice(prices=_price("90", "90")),
            ConditionalPrice(StartDateConstraint(dt.date(2026, 1, 1)), prices=dear),
            ConditionalPrice(night, prices=_price("1", "9")),
        ]
    )
    assert Catalogue().rates("m-1", None) == Rates(2_000_000, 1_000_000, 9_000_000, 9_000_000)
    before = Catalogue(today=dt.date(2025, 12, 31)).rates("m-1", None)
    assert before == Rates(90_000_000, 90_000_000, 90_000_000, 90_000_000)


@pytest.mark.usefixtures("lists")
def test_fractions_of_a_micro_dollar_are_rounded_up() -> None:
    _list(_price("0.0000011", "0"))
    assert Catalogue().rates("m-1", None) == Rates(2, 2, 0, 0)


@pytest.mark.usefixtures("lists")
@pytest.mark.parametrize(
    "prices",
    [
        _price("-1", "2"),
        _price("1", "-0.000001"),
        _price("10000.01", "2"),
        _price("1", "NaN"),
        _price("Infinity", "1"),
        ModelPrice(input_mtok=Decimal(1), output_mtok=Decimal(1), requests_kcount=Decimal(12)),
    ],
)
def test_a_senseless_price_is_no_price_and_is_complained_of_once(
    prices: ModelPrice, caplog: pytest.LogCaptureFixture
) -> None:
    _list(prices)
    catalogue = Catalogue()
    with caplog.at_level(logging.WARNING, _LOG):
        assert catalogue.rates("m-1", None) is None
        assert catalogue.rates("m-1", None) is None
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("the list price of m-1 is not used: ")


@pytest.mark.usefixtures("lists")
@pytest.mark.parametrize(
    "prices", [ModelPrice(), ModelPrice(input_mtok=Decimal(1)), ModelPrice(output_mtok=Decimal(1))]
)
def test_what_is_not_sold_by_both_kinds_of_token_has_no_price(prices: ModelPrice) -> None:
    _list(prices)
    assert Catalogue().rates("m-1", None) is None


def test_the_whole_list_can_be_asked() -> None:
    """No entry of the real list raises, and a free model is free, not unpriced."""
    from genai_prices.data import providers

    catalogue = Catalogue()
    asked = [catalogue.rates(model.id, None) for provider in providers for model in provider.models]
    assert sum(rates is not None for rates in asked) > 100
    assert all(min(rates) >= 0 for rates in asked if rates is not None)


def test_the_list_is_read_only_when_it_is_asked() -> None:
    code = (
        "import sys, adapters.catalogue as c; c.Catalogue(); print('genai_prices' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert ended.stdout == "False\n"
