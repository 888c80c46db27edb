"""Amounts as people write them; what a usage costs, exactly."""

import re
from decimal import ROUND_CEILING, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quota.errors import BadRuleError, BadUsageError
from quota.units import (
    AMOUNT_MAX,
    TOKENS_MAX,
    Rates,
    Unit,
    Usage,
    amount_text,
    cost_credits,
    hold_credits,
    output_affordable,
    parse_amount,
)

# What is written, what it means (a sign makes it relative), and how it is printed.
AMOUNTS = """
5000               5000      -         +
50k                50000     -         +
50K tokens         50000     tokens    50k tokens
1.5M tokens        1500000   tokens    1500k tokens
2m tokens          2000000   tokens    2M tokens
0.25k tokens       250       tokens    250 tokens
20,000 tokens      20000     tokens    20k tokens
1,234,567 tokens   1234567   tokens    1234567 tokens
1 token            1         tokens    1 token
20 messages        20        requests  20 requests
20messages         20        requests  20 requests
1 message          1         requests  1 request
3k requests        3000      requests  3k requests
5m messages        5000000   requests  5M requests
20m                20000000  -         +
5ktokens           5000      tokens    5k tokens
5 k tokens         5000      tokens    5k tokens
0 tokens           0         tokens    0 tokens
$0.40              400000    credits   $0.40
$2                 2000000   credits   $2
$2.5               2500000   credits   $2.50
$0.000001          1         credits   $0.000001
$1,000             1000000000  credits  $1000
$1k                1000000000  credits  $1000
$0.5 credits       500000    credits   $0.50
40 credits         40        credits   $0.00004
1000000000000000   1000000000000000  -  +
"""


def cells(table: str) -> list[list[str]]:
    """The rows of a table whose columns stand two blanks or more apart."""
    return [re.split(r" {2,}", line) for line in table.strip().splitlines()]


@pytest.mark.parametrize(("text", "value", "unit", "printed"), cells(AMOUNTS))
def test_an_amount_reads_as_people_write_it(text: str, value: str, unit: str, printed: str) -> None:
    amount = parse_amount(text)
    assert (amount.value, amount.signed) == (int(value), False)
    assert (amount.unit or "-") == unit
    if amount.unit is not None:
        assert amount_text(amount.value, amount.unit) == printed


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("+5k", 5_000),
        ("-5k tokens", -5_000),
        ("\u22125k tokens", -5_000),
        ("- $0.40", -400_000),
        ("+0", 0),
        ("  +  7  requests ", 7),
    ],
)
def test_a_sign_makes_an_amount_relative(text: str, value: int) -> None:
    amount = parse_amount(text)
    assert (amount.value, amount.signed) == (value, True)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "'' is no amount"),
        ("many", "'many' is no amount; write 5000 tokens"),
        ("tokens", "'tokens' is no amount"),
        ("5 5", "'5 5' is no amount"),
        ("1e6", "'1e6' is no amount"),
        ("5,00 tokens", "is no amount"),
        (".5k", "is no amount"),
        ("--5", "is no amount"),
        ("5 bananas", "'bananas' is no unit; say tokens, requests or credits (or $)"),
        ("5 months", "'months' is no unit"),
        ("5k5", "is no amount"),
        ("$5 tokens", "mixes $ and tokens"),
        ("1.5 tokens", "'1.5 tokens' is finer than one unit"),
        ("20.000 tokens", "'20.000 tokens' has a point; write 20,000 or 20k, say"),
        ("$0.0000001", "is finer than one unit"),
        ("0.0001k", "is finer than one unit"),
        ("1000000000000001", "is too large; at most 10^15"),
        ("$1,000,000,001", "is too large"),
        ("9999999999999999", "is too large"),
        ("9" * 500, "9' is no amount"),
    ],
)
def test_a_bad_amount_is_told_what_is_wrong_with_it(text: str, told: str) -> None:
    with pytest.raises(BadRuleError) as caught:
        parse_amount(text)
    assert told in str(caught.value)
    assert len(str(caught.value)) < 200


@given(st.integers(-AMOUNT_MAX, AMOUNT_MAX), st.sampled_from(Unit))
def test_every_amount_reads_back_from_its_text(value: int, unit: Unit) -> None:
    amount = parse_amount(amount_text(value, unit))
    assert (amount.value, amount.unit) == (value, unit)


@given(st.text(max_size=30))
def test_any_text_is_either_an_amount_or_a_bad_rule(text: str) -> None:
    try:
        amount = parse_amount(text)
    except BadRuleError:
        return
    assert abs(amount.value) <= AMOUNT_MAX


# What a usage (input, cached, output, reasoning) costs at prices per million, by hand.
COSTS = """
0 0 0 0             $1 $0.1 $4 $8      0
1 0 0 0             $1 $0.1 $4 $8      1
1 1 0 0             $1 $0.1 $4 $8      1
10 10 0 0           $1 $0.1 $4 $8      1
11 11 0 0           $1 $0.1 $4 $8      2
1000 400 0 0        $1 $0.1 $4 $8      640
1000 400 100 0      $1 $0.1 $4 $8      1040
1000 400 100 50     $1 $0.1 $4 $8      1240
1 0 1 0             $0.3 $0.3 $0.3 $0.3  1
1000000 0 0 0       $0.000001 $0 $0 $0   1
1000000 0 1000000 0  $0.25 $0.025 $2 $2   2250000
12345 678 910 11    $0 $0 $0 $0        0
"""


@pytest.mark.parametrize(("used", "prices", "credits_"), cells(COSTS))
def test_a_cost_is_exact_and_rounded_up_once(used: str, prices: str, credits_: str) -> None:
    rates = Rates(*(parse_amount(price).value for price in prices.split()))
    usage = Usage(*(int(tokens) for tokens in used.split()))
    assert cost_credits(usage, rates) == int(credits_)


def test_the_worked_example_of_librechat_holds_to_the_credit() -> None:
    """gpt-3.5-turbo-1106: 137 tokens at 1.5 credits each are 205.5 there; here, rounded up once."""
    there = Decimal(137) * Decimal("1.5")
    assert there == Decimal("205.5")
    rates = Rates(*[parse_amount("$1.5").value] * 2, *[parse_amount("$2").value] * 2)
    assert cost_credits(Usage(137), rates) == 206
    # The half credit is not lost, and not paid twice: prompt and answer are rounded together.
    assert cost_credits(Usage(137, output=1), rates) == 208
    assert cost_credits(Usage(137 + 1, output=0), rates) == 207
    assert sum(cost_credits(Usage(1), rates) for _ in range(137)) == 274, "by token it would be"


tokens = st.integers(0, 10**7) | st.integers(0, 50)
rates = st.builds(Rates, *[st.integers(0, 10**9) | st.sampled_from([0, 1, 333_333])] * 4)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    input_, output = draw(tokens), draw(tokens)
    return Usage(input_, draw(st.integers(0, input_)), output, draw(st.integers(0, output)))


@given(usages(), rates)
def test_a_cost_is_what_decimal_arithmetic_says(usage: Usage, price: Rates) -> None:
    fresh, spoken = usage.input - usage.cached, usage.output - usage.reasoning
    total = (
        Decimal(fresh) * price.input
        + Decimal(usage.cached) * price.cached
        + Decimal(spoken) * price.output
        + Decimal(usage.reasoning) * price.reasoning
    )
    dollars = total / Decimal(10) ** 12
    rounded = dollars.quantize(Decimal("0.000001"), rounding=ROUND_CEILING)
    assert cost_credits(usage, price) == int(rounded.scaleb(6))


@given(usages(), rates)
def test_no_usage_within_a_hold_costs_more_than_the_hold(usage: Usage, price: Rates) -> None:
    assert cost_credits(usage, price) <= hold_credits(usage.input, usage.output, price)


@given(st.integers(0, 10**9), tokens, rates)
def test_what_is_affordable_is_all_that_is(left: int, input_: int, price: Rates) -> None:
    output = output_affordable(left, input_, price)
    if output < 0:
        assert hold_credits(input_, 0, price) > left
        return
    assert hold_credits(input_, min(output, TOKENS_MAX), price) <= left
    free = price.output == price.reasoning == 0
    assert (output == TOKENS_MAX) if free else hold_credits(input_, output + 1, price) > left


def test_a_usage_knows_its_tokens() -> None:
    assert Usage(input=10, cached=4, output=20, reasoning=5).tokens == 30


@pytest.mark.parametrize(
    ("reported", "believed"),
    [
        ((10, 4, 20, 5), Usage(10, 4, 20, 5)),
        ((10, 40, 20, 50), Usage(10, 10, 20, 20)),
        ((0, 0, 0, 0), Usage()),
        ((TOKENS_MAX, 0, TOKENS_MAX, 0), Usage(TOKENS_MAX, 0, TOKENS_MAX, 0)),
    ],
)
def test_parts_of_a_usage_lie_inside_it(
    reported: tuple[int, int, int, int], believed: Usage
) -> None:
    assert Usage.checked(*reported) == believed


@pytest.mark.parametrize(
    "reported",
    [(-1, 0, 0, 0), (0, -1, 0, 0), (0, 0, -1, 0), (0, 0, 0, -1), (TOKENS_MAX + 1, 0, 0, 0)],
)
def test_a_usage_that_cannot_be_true_is_refused(reported: tuple[int, int, int, int]) -> None:
    with pytest.raises(BadUsageError, match="no provider can truthfully report"):
        Usage.checked(*reported)


def test_units_are_their_words_in_their_places() -> None:
    assert [str(unit) for unit in Unit] == ["tokens", "requests", "credits"]
    assert [unit.place for unit in Unit] == [0, 1, 2]
    assert f"{Unit.TOKENS}/day" == "tokens/day"
