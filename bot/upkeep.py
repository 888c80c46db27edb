"""Upkeep: jobs as plain async functions, each safe to run late, twice or never.

Periods are computed and never reset, and every hold is looked at wherever it matters, so these
jobs only tidy, prove, copy and tell. Also what refills prepaid balances only writes earlier what
would be written the next time that somebody looked.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

from bot.alerts import Alerts
from bot.config_values import BackupConfig
from quota.clock import Clock
from quota.errors import StoreUnavailableError
from quota.governing import EVERYWHERE, Act
from quota.ledger import Difference
from quota.quotas import Quotas
from quota.store import Store
from quota.verdicts import Lapsed
from quota.waiting import Fresh

_log = logging.getLogger(__name__)

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

# A delivery may be repeated for seven days; the day more is for clocks that disagree.
EVENTS_KEPT_MS = 8 * DAY_MS
ENTRIES_KEPT_MS = 400 * DAY_MS
LAPSED_AT_ONCE = 500
DIFFERENCES_TOLD = 10
ACTOR = "upkeep"
# What is kept under names that are never used again (bot/pending.py, bot/requests.py).
KEPT_FOR_A_WHILE = frozenset({"pending", "request", "begun"})


class Job(NamedTuple):
    """Something to do again and again; `at_once`: for the first time as soon as the bot runs."""

    name: str
    run: Callable[[], Awaitable[object]]
    every_ms: int
    at_once: bool = False


@runtime_checkable
class CatchesUp(Protocol):
    """A store that keeps what it could not write, and tries again."""

    async def catch_up(self, now: int) -> int:
        """How many settlements still wait."""


async def lapse(quotas: Quotas, tell: Callable[[Sequence[Lapsed]], None] | None = None) -> int:
    """Charge the holds that are past their deadline, each told in the log; how many."""
    count = 0
    while lapsed := await quotas.lapse(LAPSED_AT_ONCE):
        for hold in lapsed:
            _log.warning(
                "lapsed: hold %d of %s was charged %d tokens",
                hold.hold_id,
                hold.wallet,
                hold.tokens,
            )
        if tell is not None:
            tell(lapsed)
        count += len(lapsed)
        if len(lapsed) < LAPSED_AT_ONCE:
            break
    return count


async def announce(quotas: Quotas, listeners: Sequence[Callable[[Fresh], None]]) -> int:
    """Tell whose limit has opened since they were refused; how many there were."""
    opened = quotas.shut.opened(quotas.clock.now())
    for fresh in opened:
        _log.info("%s may ask again", fresh.requester.member.wallet)
        for listener in listeners:
            listener(fresh)
    return len(opened)


async def refill(quotas: Quotas) -> int:
    """Bring prepaid balances up to date, also of those who are idle; how many something came to."""
    came = await quotas.prepaying.refill()
    if came:
        _log.info("refilled %d balances", came)
    return came


async def prune(store: Store, clock: Clock) -> int:
    """Forget events and entries that are old; the sums stay. How many rows went."""
    gone = await store.prune(clock.now(), events_ms=EVENTS_KEPT_MS, entries_ms=ENTRIES_KEPT_MS)
    if gone:
        _log.info("pruned %d rows", gone)
    return gone


async def forget_ended(quotas: Quotas) -> int:
    """Let go of previews that nobody applied and of requests that were decided; how many."""
    return await quotas.governing.forget_ended(KEPT_FOR_A_WHILE)


async def catch_up(store: CatchesUp, clock: Clock) -> int:
    """Write the settlements that could not be written when they were due; how many still wait."""
    waiting = await store.catch_up(clock.now())
    if waiting:
        _log.warning("%d settlements wait for the store", waiting)
    return waiting


class Verifier:
    """Proves the books again and again, and stops the bot the first time that they do not agree.

    Once an operator resumes, the same differences are told again but do not stop the bot again.
    """

    def __init__(
        self, quotas: Quotas, tell: Callable[[Sequence[Difference]], None] | None = None
    ) -> None:
        """Nothing was found yet; `tell` hears of what is."""
        self._quotas = quotas
        self._tell = tell
        self._known: frozenset[str] = frozenset()

    async def run(self) -> Sequence[Difference]:
        """Recompute every counter; for what is new in disagreement, raise the alarm and pause."""
        found = await self._quotas.store.verify()
        for one in found[:DIFFERENCES_TOLD]:
            _log.critical(
                "the books disagree: %s is %d, the entries prove %d",
                one.what,
                one.counted,
                one.proven,
            )
        what = frozenset(one.what for one in found)
        new, self._known = what - self._known, what
        if new:
            _log.critical(
                "%d counters disagree: the bot is paused; compare with a backup, then run "
                "quotabot resume",
                len(found),
            )
            act = Act(ACTOR, EVERYWHERE, "the books disagree")
            await self._quotas.governing.switch(
                act, "pause", "", "the books are being checked by the operator"
            )
            if self._tell is not None:
                self._tell(found)
        return found


async def back_up(store: Store, clock: Clock, config: BackupConfig) -> Path | None:
    """Write today's copy unless it is there, and let go of the oldest beyond `keep`."""
    if config.dir is None:
        return None
    config.dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    day = datetime.fromtimestamp(clock.now() // 1_000, UTC).date()
    target = config.dir / f"quotabot-{day.isoformat()}.db"
    if target.exists():
        return None
    try:
        await store.backup(str(target))
    except StoreUnavailableError as error:
        _log.error("no backup today: %s", error)
        return None
    copies = sorted(config.dir.glob("quotabot-????-??-??.db"))
    for old in copies[: -config.keep]:
        old.unlink(missing_ok=True)
    _log.info("backup written: %s", target)
    return target


def jobs(
    quotas: Quotas,
    backup: Callable[[], BackupConfig],
    listeners: Sequence[Callable[[Fresh], None]] = (),
    alerts: Alerts | None = None,
    recovered: Sequence[Lapsed] = (),
) -> list[Job]:
    """Every job with its interval; `backup` tells what the config says now.

    The `listeners` hear whose limit has opened, `alerts` what admins should know; `recovered` are
    holds that were charged at the start, when nobody listened yet.
    """
    store, clock = quotas.store, quotas.clock
    tell, disagree = (alerts.lapsed, alerts.disagree) if alerts else (None, None)
    untold = list(recovered)

    async def lapsing() -> None:
        if tell is not None and untold:
            tell(untold)
            untold.clear()
        await lapse(quotas, tell)

    async def announcing() -> None:
        await announce(quotas, listeners)

    async def refilling() -> None:
        await refill(quotas)

    async def pruning() -> None:
        await prune(store, clock)

    async def forgetting() -> None:
        await forget_ended(quotas)

    async def backing_up() -> None:
        await back_up(store, clock, backup())

    found = [
        Job("lapse", lapsing, MINUTE_MS),
        Job("announce", announcing, 5 * SECOND_MS),
        Job("refill", refilling, 5 * MINUTE_MS, at_once=True),
        Job("verify", Verifier(quotas, disagree).run, HOUR_MS, at_once=True),
        Job("prune", pruning, 6 * HOUR_MS),
        Job("forget", forgetting, HOUR_MS),
        Job("backup", backing_up, HOUR_MS, at_once=True),
    ]
    if isinstance(store, CatchesUp):
        keeper = store

        async def catching_up() -> None:
            await catch_up(keeper, clock)

        found.append(Job("catch up", catching_up, 30 * SECOND_MS))
    if alerts is not None:
        found.append(Job("pools", alerts.pools, 5 * MINUTE_MS))
    return found
