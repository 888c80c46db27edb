"""The section [balance]: prepaid credits, for everywhere or for one space.

Why a section of its own and no kind of limit line: what is prepaid has a beginning, a refill and
an overdraft, and is there or not by whether the section is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BaseModel, Field

from bot.config_platforms import STRICT
from quota.errors import BadRuleError
from quota.limits import Policy
from quota.prepaid import REFILL_HELP, Prepaid, Refill, credits_of, parse_refill
from quota.prepaying import balance_limit

_FIX = 'write a sum in quotes, such as "$0.50"'


def check_sum(text: str) -> str:
    """Refuse what is no sum of money, or is below nothing."""
    try:
        credits_of(text)
    except BadRuleError as error:
        raise ValueError(f"is {text[:60]!r}; {_FIX}") from error
    return text


def check_refill(text: str) -> str:
    """Refuse what is no refill; an empty text is none."""
    _refill(text)
    return text


_Sum: TypeAlias = Annotated[str, AfterValidator(check_sum), Field(description=_FIX)]


class Balance(BaseModel):
    """What members begin with, what comes by itself, what may be owed."""

    model_config = STRICT

    enabled: bool = Field(default=True, description="write true, or false for none")
    start: _Sum = "$0"
    refill: Annotated[str, AfterValidator(check_refill)] = Field(
        default="", description=REFILL_HELP
    )
    overdraft: _Sum = "$0"


def with_balance(policy: Policy, raw: Mapping[str, Any], zone: str, week_start: int) -> Policy:
    """A policy with the balance of a checked section in place of its own; none where it is off."""
    others = tuple(limit for limit in policy.limits if limit.kind != "balance")
    if not raw.get("enabled", True):
        return replace(policy, limits=others)
    prepaid = Prepaid(
        credits_of(raw.get("start", "$0")),
        _refill(raw.get("refill", ""), zone, week_start),
        credits_of(raw.get("overdraft", "$0")),
    )
    return replace(policy, limits=(*others, balance_limit(prepaid)))


def warnings(policy: Policy) -> Iterator[str]:
    """What an operator may not have meant."""
    terms = (limit.rule.prepaid for limit in policy.limits)
    if any(t is not None and not (t.start or t.refill or t.overdraft) for t in terms):
        yield (
            "[balance] has neither start nor refill: nobody is answered until an admin puts "
            'something in; write start = "$0.50", or leave it so'
        )


def _refill(text: str, zone: str = "UTC", week_start: int = 0) -> Refill | None:
    return parse_refill(text, zone=zone, week_start=week_start) if text.strip() else None
