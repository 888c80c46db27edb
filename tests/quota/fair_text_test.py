"""How people say that a pool is divided fairly, and what is answered to what cannot be."""

import pytest

from quota.errors import BadRuleError
from quota.fair_text import Fair
from quota.limits import parse_rule


@pytest.mark.parametrize(
    ("text", "fair", "canonical"),
    [
        ("2M tokens/day fair", Fair(), "2M tokens/day fair"),
        ("2M tokens per day  FAIR", Fair(), "2M tokens/day fair"),
        ("2M tokens/day free", None, "2M tokens/day"),
        ("2M tokens/day", None, "2M tokens/day"),
        ("90 requests/hour fair floor 3", Fair(3), "90 requests/hour fair floor 3"),
        (
            "2M tokens/week fair lend 80% floor 5k",
            Fair(5_000, 80),
            "2M tokens/week fair floor 5k lend 80%",
        ),
        ("2M tokens/day fair lend 80", Fair(None, 80), "2M tokens/day fair lend 80%"),
        ("2M tokens/day fair lend 100%", Fair(), "2M tokens/day fair"),
        (
            "$5/month fair floor $0.40",
            Fair(400_000),
            "$5/month fair floor $0.40",
        ),
    ],
)
def test_a_pool_reads_back_as_it_is_written(text: str, fair: Fair | None, canonical: str) -> None:
    rule = parse_rule(text, shared=True)
    assert (rule.fair, rule.text) == (fair, canonical)
    assert parse_rule(rule.text, shared=True) == rule


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("1k tokens/rolling 24h fair", "write /hour, /day, /week or /month"),
        ("1k tokens/6h fair", "write /hour, /day, /week or /month"),
        ("1k tokens/minute fair", "write /hour, /day, /week or /month"),
        ("1k tokens/balance fair", "write /hour, /day, /week or /month"),
        ("1k tokens/day fair floor 2k", "a floor is more than nothing, and no more than the pool"),
        ("1k tokens/day fair floor 0", "a floor is more than nothing"),
        ("1k tokens/day fair floor +5", "a floor is in tokens like the pool, such as floor 5k"),
        ("1k tokens/day fair floor $5", "a floor is in tokens like the pool, such as floor 5k"),
        ("1k tokens/day fair floor 5 floor 6", "'floor 6' is not understood"),
        ("1k tokens/day fair lend 0%", "lend is a percentage from 1 to 100, such as lend 80%"),
        ("1k tokens/day fair lend 101", "lend is a percentage"),
        ("1k tokens/day fair lend much", "lend is a percentage"),
        ("1k tokens/day fair lend", "'lend' is not understood; write \"2M tokens/day fair\""),
        ("1k tokens/day fair soon", "'soon' is not understood"),
        ("1k tokens/day free floor 5", "nothing goes after free"),
        ("1k tokens/fortnight fair", "'fortnight' is not a window"),
    ],
)
def test_what_cannot_be_divided_so_is_told_why(text: str, told: str) -> None:
    with pytest.raises(BadRuleError) as caught:
        parse_rule(text, shared=True)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("text", "word"), [("fair", "fair"), ("free", "free"), ("fair lend 5%", "fair")]
)
def test_what_is_not_shared_is_not_divided(text: str, word: str) -> None:
    with pytest.raises(BadRuleError, match=f"{word} is said of a limit that many share"):
        parse_rule(f"1k tokens/day {text}")
