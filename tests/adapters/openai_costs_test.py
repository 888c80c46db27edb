"""What a provider says that a call took, in the ways in which providers say it."""

import pytest

from bot.ports import UsageReport
from tests.adapters.openai_chat_test import choice, http, listen_to, sse


def billed(upstream: float | None) -> dict[str, object]:
    """What OpenRouter says that the maker of the model took."""
    return {"cost_details": {"upstream_inference_cost": upstream}}


async def told(**usage: object) -> tuple[int | None, bool]:
    """The cost that is understood from a report, and whether it was absurd."""
    counts = {"prompt_tokens": 900, "completion_tokens": 100}
    chunk = {"choices": [], "usage": {**counts, **usage}}
    last = (await listen_to(http(sse(choice("stop"), chunk)))).events[-1]
    assert isinstance(last, UsageReport)
    assert last.usage is not None, "the tokens are believed, whatever the cost"
    return last.cost, last.bad_cost


@pytest.mark.parametrize(
    ("usage", "credits_"),
    [
        ({}, None),
        ({"cost": None}, None),
        ({"cost": 0}, 0),
        ({"cost": 0.00014}, 140),
        ({"cost": 2}, 2_000_000),
        # Rounded up once, but not for the noise of floats.
        ({"cost": 0.0001401}, 141),
        ({"cost": 0.1 + 0.2}, 300_000),
        ({"cost": 1e-7}, 1),
        # OpenRouter with a key of one's own: its fee, and what the key was billed.
        (
            {"cost": 0.00001, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.0002}},
            210,
        ),
        ({"cost": 0.00001, "is_byok": True, "cost_details": {"upstream_inference_cost": None}}, 10),
        (
            {"cost": 0.0002, "is_byok": False, "cost_details": {"upstream_inference_cost": 0.0002}},
            200,
        ),
        # Perplexity tells the parts and their sum, xAI ten-billionths of a dollar.
        ({"cost": {"input_tokens_cost": 0.001, "total_cost": 0.006}}, 6_000),
        ({"cost_in_usd_ticks": 318_319_000}, 31_832),
    ],
)
async def test_a_cost_is_taken_as_it_is_told(
    usage: dict[str, object], credits_: int | None
) -> None:
    assert await told(**usage) == (credits_, False)


@pytest.mark.parametrize(
    "usage",
    [
        {"cost": -0.00014},
        {"cost": -1_000_000},
        {"cost": "free"},
        {"cost": True},
        {"cost": [1]},
        {"cost": 1e300},
        {"cost": float("inf")},
        {"cost": float("nan")},
        {"cost_in_usd_ticks": "1"},
        # More than any thousand tokens cost.
        {"cost": 10.01},
    ],
)
async def test_a_cost_that_cannot_be_true_is_not_taken(usage: dict[str, object]) -> None:
    assert await told(**usage) == (None, True)


async def test_a_call_of_few_tokens_may_cost_a_dollar() -> None:
    """Some providers bill searches and requests besides tokens."""
    few = {"prompt_tokens": 1, "completion_tokens": 1}
    assert await told(**few, cost=1) == (1_000_000, False)
    assert await told(**few, cost=1.01) == (None, True)


async def test_what_was_cached_has_more_than_one_name() -> None:
    counts = {"prompt_tokens": 9, "completion_tokens": 1, "prompt_cache_hit_tokens": 4}
    last = (await listen_to(http(sse(choice("stop"), {"choices": [], "usage": counts})))).events[-1]
    assert isinstance(last, UsageReport)
    assert last.usage is not None
    assert last.usage.cached == 4
