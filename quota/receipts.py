"""What a turn cost, call by call: read from entries, which are written once and never changed."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from quota.ledger import PARTIAL, LedgerEntry


class Receipt(NamedTuple):
    """The calls of one turn in the order in which they were made; `running` are not settled yet."""

    turn: int
    wallet: str
    calls: tuple[LedgerEntry, ...]
    running: int = 0


class Total(NamedTuple):
    """Some calls together; `credits` is None where none of them had a price.

    `unpriced` of those that were charged had none, `estimated` were not counted by the provider,
    `partial` were cut off or stopped, `lapsed` charged by what was known when their process died.
    """

    calls: int
    input: int
    cached: int
    output: int
    reasoning: int
    tokens: int
    credits: int | None
    house_tokens: int
    house_credits: int
    unpriced: int
    estimated: int
    partial: int
    lapsed: int


def total(entries: Iterable[LedgerEntry]) -> Total:
    """Add up entries; what was given back counts for nothing."""
    calls = [e for e in entries if e.kind in {"settle", "lapse"}]
    priced = [e.credits for e in calls if e.credits is not None]
    return Total(
        len(calls),
        sum(e.input for e in calls),
        sum(e.cached for e in calls),
        sum(e.output for e in calls),
        sum(e.reasoning for e in calls),
        sum(e.tokens for e in calls),
        sum(priced) if priced else None,
        sum(e.house_tokens for e in calls),
        sum(e.house_credits for e in calls),
        len(calls) - len(priced),
        sum(e.source == "counted" for e in calls),
        sum(e.note.startswith(PARTIAL) for e in calls),
        sum(e.kind == "lapse" for e in calls),
    )


class ReceiptStore(Protocol):
    """How an answer leads to its receipt. A turn goes by the hold of its first call."""

    async def show(self, event: str, messages: Sequence[str], now: int) -> None:
        """Remember which messages show what came of an event, as long as its turn is known."""

    async def turns(self, names: Sequence[str]) -> list[int]:
        """The turns of events, or of messages that show them, oldest first; each of them once."""

    async def turns_of(self, wallet: str, at_most: int) -> list[int]:
        """The newest turns of one member, newest first, as they were settled."""

    async def receipts(self, turns: Sequence[int]) -> list[Receipt]:
        """What turns cost, in the order asked for; one of which nothing is left is left out."""
