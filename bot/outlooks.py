"""What lies ahead of a member: when an allowance or a balance runs out, what gets to the refill."""

from collections.abc import Iterator, Sequence

from bot import text_balance, text_pool
from bot.figures import percent
from bot.habits import LEDGER_ENTRIES_MAX
from bot.text_dialect import Dialect
from quota.forecast import Forecast, Lately, empties, evenly, forecast
from quota.ledger import LedgerEntry
from quota.store import ReportingStore
from quota.units import Unit
from quota.verdicts import Balance
from quota.windows import Anchored, Calendar, Period

# No counter tells how many turns used an allowance. A turn is rarely longer, and to think of them
# as longer makes the range that is told wider, never too narrow.
TURN_TOKENS = 2_000
# A balance has no period: its pace is that of the last days, or of so many entries.
LATELY_MS = 7 * 24 * 3_600_000
ENTRIES_MAX = 500


def forecasts(words: Dialect, balances: Sequence[Balance], now: int) -> Iterator[str]:
    """The allowance that is nearest to its end, if enough was seen to tell."""
    own = [b for b in balances if b.kind == "allowance" and b.granted is not None]
    for balance in sorted(own, key=lambda b: -(percent(b) or 0)):
        told = ahead(balance, now)
        if told is not None:
            pace = evenly(balance.left or 0, now, balance.opens_at)
            yield text_pool.forecast(words, balance.limit, told, pace)
            return


def ahead(balance: Balance, now: int) -> Forecast | None:
    """When an allowance runs out at this pace; None: too little was seen to tell."""
    period = _period(balance, now)
    turns = {Unit.TOKENS: balance.used // TURN_TOKENS, Unit.REQUESTS: balance.used}
    if period is None or balance.unit not in turns or not balance.left:
        return None
    return forecast(period, balance.used, balance.left, turns[balance.unit], now)


async def emptying(
    words: Dialect, balances: Sequence[Balance], store: ReportingStore, wallet: str, now: int
) -> tuple[str, ...]:
    """When a prepaid balance is empty, if there is one and enough was seen to tell."""
    prepaid = next((b.prepaid for b in balances if b.prepaid is not None), None)
    if prepaid is None:
        return ()
    entries = await store.entries_of(wallet, ENTRIES_MAX, LEDGER_ENTRIES_MAX)
    told = empties(prepaid, lately(entries, now), now)
    return () if told is None else (text_balance.forecast(words, told),)


def lately(entries: Sequence[LedgerEntry], now: int) -> Lately:
    """What was charged in the last days, or since the oldest of the entries if that is later."""
    since = max(now - LATELY_MS, entries[0].at if entries else now)
    charged = [e for e in entries if e.at >= since and e.kind in {"settle", "lapse"} and e.credits]
    return Lately(since, sum(e.credits or 0 for e in charged), len({e.turn for e in charged}))


def _period(balance: Balance, now: int) -> Period | None:
    """The period that a balance is of, where it has a beginning and an end."""
    window, closes = balance.limit.rule.window, balance.opens_at
    if isinstance(window, Calendar):
        return window.period_at(now)
    if isinstance(window, Anchored) and closes is not None:
        return Period(closes - window.length_ms, closes)
    return None
