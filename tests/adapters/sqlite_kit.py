"""Short ways to ask, settle and look into the file of a SQLite store."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

from adapters.sqlite import SqliteStore
from adapters.sqlite.desk import Desk
from adapters.sqlite.writer import Writer
from quota.accounting import Estimate
from quota.limits import Bound
from quota.store import AuditRow, GrantRequest, ReserveRequest, SettleRequest
from quota.units import Unit, Usage
from quota.verdicts import Granted
from tests.fakes import MINUTE, MORNING, policy, requester

LIMITS = policy(
    "everyone: 1M tokens/hour", "everyone: 10M tokens/day", "everyone: 10k requests/day"
)
SPACE = "console:console"


def wallet(name: str = "ana") -> str:
    return requester(name).member.wallet


def bounds(name: str = "ana", *lines: str) -> tuple[Bound, ...]:
    return (policy(*lines) if lines else LIMITS).binding(requester(name), ("mini",))


def ask(event: str = "", *lines: str, name: str = "ana", says: str = "") -> ReserveRequest:
    """One hundred tokens in, up to one hundred out."""
    return ReserveRequest(
        event,
        says,
        wallet(name),
        SPACE,
        "mini",
        bounds(name, *lines),
        Estimate(100, 100, 64),
        15 * MINUTE,
        256,
    )


def used(hold_id: int, output: int = 50, note: str = "") -> SettleRequest:
    return SettleRequest(hold_id, Usage(100, 0, output, 0), "provider", note=note)


def act(action: str = "grant") -> AuditRow:
    return AuditRow(0, SPACE, "adm", action, "ana", "", "", "for the test")


def gift(amount: int = 1_000, until: int | None = None, unit: Unit = Unit.TOKENS) -> GrantRequest:
    return GrantRequest(wallet(), unit, amount, until, "adm", "a gift")


async def hold(store: SqliteStore, event: str = "", now: int = MORNING, name: str = "ana") -> int:
    verdict = await store.reserve(ask(event, name=name), now)
    assert isinstance(verdict, Granted)
    return verdict.hold_id


def desk(store: SqliteStore) -> Desk:
    return writer(store).desk


def writer(store: SqliteStore) -> Writer:
    assert isinstance(store.writer, Writer)
    return store.writer


async def say(store: SqliteStore, statement: str) -> list[Any]:
    """Say something through the write connection."""
    rows: list[Any] = await writer(store).ask(
        lambda _: desk(store).db.execute(statement).fetchall()
    )
    return rows


def look(path: Path, statement: str, values: Sequence[Any] = ()) -> list[Any]:
    """Look into the file through a connection of one's own."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        return db.execute(statement, values).fetchall()


@asynccontextmanager
async def heard(store: SqliteStore) -> AsyncIterator[list[str]]:
    """Every statement that the write connection is given meanwhile."""
    said: list[str] = []
    await writer(store).ask(lambda _: desk(store).db.set_trace_callback(said.append))
    yield said
    await writer(store).ask(lambda _: desk(store).db.set_trace_callback(None))


@asynccontextmanager
async def busy(store: SqliteStore) -> AsyncIterator[Callable[[], None]]:
    """Keep the writer's thread busy, so that what is asked meanwhile waits together."""
    started, gate = threading.Event(), threading.Event()

    def wait(_: object) -> None:
        started.set()
        gate.wait()

    waiting = writer(store).ask(wait)
    await asyncio.to_thread(started.wait)
    try:
        yield gate.set
    finally:
        gate.set()
        await waiting
