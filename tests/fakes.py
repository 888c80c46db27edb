"""Stand-ins that remember, and short ways to write what tests speak of all the time."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from quota.limits import Kind, Limit, Origin, Policy, parse_rule
from quota.members import Member, Requester, Scope, ScopeKind, Space
from quota.prepaid import Prepaid, credits_of, parse_refill
from quota.prepaying import balance_limit

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Whoever wakes may wake others; so many rounds are more than any chain of ours is long.
ROUNDS = 50


def at(text: str) -> int:
    """Read "2026-06-01T09:00Z" as UTC milliseconds."""
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(milliseconds=1)


MORNING = at("2026-06-01T09:00Z")  # a Monday


async def let_run() -> None:
    """Let every task that can go on without time passing do so."""
    for _ in range(ROUNDS):
        await asyncio.sleep(0)


class FakeClock:
    """A clock that moves only when a test moves it.

    `advance` lets time pass: time-outs that fall due fire. `step` is somebody setting the wall
    clock: `now` jumps, nothing falls due.
    """

    def __init__(self, now: int = MORNING) -> None:
        self._now = now
        self._passed = 0
        self._waiting: list[tuple[int, asyncio.Timeout]] = []

    def now(self) -> int:
        return self._now

    def timeout(self, wait_ms: int | None) -> asyncio.Timeout:
        if wait_ms is None:
            return asyncio.timeout(None)
        if wait_ms <= 0:
            return asyncio.timeout(0)
        timeout = asyncio.timeout(None)
        self._waiting.append((self._passed + wait_ms, timeout))
        return timeout

    def step(self, ms: int) -> None:
        self._now += ms

    def advance(self, ms: int) -> None:
        """Let time pass at once; tasks notice when they run next."""
        assert ms >= 0, "time passes forwards; `step` sets the wall clock"
        self._now += ms
        self._passed += ms
        due = [timeout for when, timeout in self._waiting if when <= self._passed]
        self._waiting = [(when, timeout) for when, timeout in self._waiting if when > self._passed]
        for timeout in due:
            fire(timeout)

    async def run_for(self, ms: int) -> None:
        """Let time pass, stopping at each moment at which somebody waits for it."""
        await let_run()
        end = self._passed + ms
        while self._passed < end:
            stop = min((when for when, _ in self._waiting if when < end), default=end)
            self.advance(stop - self._passed)
            await let_run()


def fire(timeout: asyncio.Timeout) -> None:
    """Let a time-out fall due; one that was left in time stays as it is."""
    try:
        timeout.reschedule(asyncio.get_running_loop().time())
    except RuntimeError:
        return


def requester(
    name: str = "ana",
    *,
    roles: Iterable[str] = (),
    channel: str = "general",
    space: str = "console:console",
    admin: bool = False,
    staff: bool = False,
) -> Requester:
    """A member of the console's space, unless `space` says `platform:id`."""
    platform, _, space_id = space.partition(":")
    member = Member(Space(platform, space_id), name)
    return Requester(member, tuple(roles), channel, admin, staff)


_SCOPES: dict[str, ScopeKind] = {
    kind: kind for kind in ("everyone", "role", "member", "channel", "space", "house")
}
_SHARED = {"channel", "space", "house"}


def limit(line: str, *, zone: str = "UTC", week_start: int = 0, origin: Origin = "config") -> Limit:
    """Read a limit as `Limit.name` writes it, with the kind in front where it is not plain.

    `everyone: 20k tokens/day`, `role Supporter: $2/month for gpt-5*`, `space: 2M tokens/day`,
    `cap everyone: 10 requests/minute`, `shared role Guest: 100k tokens/day`; or the terms of
    prepaid balances, `balance: start=$0.50 refill=$0.10/day up to $1`.
    """
    who, _, what = line.partition(": ")
    if who == "balance":
        return balance_limit(prepaid(what, zone))
    first, *rest = who.split()
    kind: Kind = "shared" if first in _SHARED else "allowance"
    if first == "cap":
        kind, (first, *rest) = "cap", rest
    elif first == "shared":
        kind, (first, *rest) = "shared", rest
    text, _, models = what.partition(" for ")
    rule = parse_rule(text, zone=zone, week_start=week_start, shared=kind == "shared")
    return Limit(Scope(_SCOPES[first], " ".join(rest)), kind, rule, models or "*", origin)


def prepaid(text: str, zone: str = "UTC") -> Prepaid:
    """Read `start=$0.50 overdraft=$0.20 refill=$0.10/day up to $1`; the refill stands last."""
    what, _, refill = text.partition("refill=")
    values = dict(word.split("=") for word in what.split())
    return Prepaid(
        credits_of(values.get("start", "$0")),
        parse_refill(refill, zone=zone) if refill else None,
        credits_of(values.get("overdraft", "$0")),
    )


def policy(*lines: str, zone: str = "UTC", week_start: int = 0) -> Policy:
    """A policy of such limits, in this order."""
    return Policy(tuple(limit(line, zone=zone, week_start=week_start) for line in lines))
