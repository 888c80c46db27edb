"""What the config says of fair pools: rules, weights, expected members, and what cannot be kept."""

from pathlib import Path

import pytest

from bot.config import Config, load
from quota.fair_text import Fair
from quota.limits import Bound, Policy
from quota.pool_terms import MEMBERS_GUESS
from tests.fakes import requester

MODEL = '[models.m]\nbase_url = "offline"\n'


def read(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "config.toml"
    path.write_text(MODEL + text, encoding="utf-8")
    return load(path, {})


def pool(policy: Policy, *roles: str) -> Bound:
    return policy.binding(requester(roles=roles), ("m",))[-1]


def test_a_shared_limit_says_how_it_is_divided(tmp_path: Path) -> None:
    base = read(
        tmp_path,
        '[limits.shared]\nspace = ["2M tokens/day fair", "9 requests/hour fair floor 1 lend 80%"]\n'
        'house = "$5/month free"\n"channel:a" = "3M tokens/week"\n',
    ).rules.base
    assert [limit.rule.fair for limit in base.limits] == [Fair(), Fair(1, 80), None, None]
    assert [limit.rule.text for limit in base.limits] == [
        "2M tokens/day fair",
        "9 requests/hour fair floor 1 lend 80%",
        "$5/month",
        "3M tokens/week",
    ]


def test_the_greatest_weight_of_all_roles_counts(tmp_path: Path) -> None:
    base = read(
        tmp_path,
        '[limits.shared]\nspace = "2M tokens/day fair"\n[limits.weights]\nSupporter = 3\nFan = 2\n',
    ).rules.base
    weights = [pool(base, *roles).weight for roles in ((), ("Fan",), ("Fan", "Supporter", "New"))]
    assert weights == [1, 2, 3]


def test_a_space_may_have_weights_and_members_of_its_own(tmp_path: Path) -> None:
    rules = read(
        tmp_path,
        '[limits]\nexpected_members = 200\n[limits.shared]\nspace = "2M tokens/day fair"\n'
        "[limits.weights]\nFan = 2\n"
        '[spaces."discord:1".limits]\nexpected_members = 9\n'
        '[spaces."discord:2".limits.weights]\nFan = 5\n',
    ).rules
    found = [pool(rules.policy(space), "Fan") for space in ("x:0", "discord:1", "discord:2")]
    assert [(bound.weight, bound.members) for bound in found] == [(2, 200), (2, 9), (5, 200)]


def test_without_a_word_of_members_a_guess_is_made(tmp_path: Path) -> None:
    base = read(tmp_path, '[limits.shared]\nspace = "2M tokens/day fair"\n').rules.base
    assert pool(base).members == MEMBERS_GUESS


TOO_HIGH = (
    "[limits.shared] space: 2M tokens/day fair floor 5k: such a floor cannot be kept for "
    "300 members, so it is first come, first served; lower it, or set expected_members"
)


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        (
            'expected_members = 300\n[limits.shared]\nspace = "2M tokens/day fair floor 5k"',
            TOO_HIGH,
        ),
        ('expected_members = 200\n[limits.shared]\nspace = "2M tokens/day fair floor 5k"', ""),
        ('[limits.shared]\nspace = "2M tokens/day fair"', ""),
        (
            '[limits.shared]\nspace = "2M tokens/day"\n[limits.weights]\nFan = 2',
            '[limits.weights] counts in fair pools, and there is none; write "… fair"',
        ),
    ],
)
def test_what_cannot_be_kept_is_told(tmp_path: Path, text: str, warning: str) -> None:
    warnings = read(tmp_path, f"[limits]\n{text}\n").warnings
    told = [w.removeprefix(f"{tmp_path}/config.toml: ") for w in warnings if "[models]" not in w]
    assert told == ([warning] if warning else [])
