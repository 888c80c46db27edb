import logging
from pathlib import Path

import pytest

from bot import upkeep
from bot.config_values import BackupConfig
from quota.calls import CallRequest, Reservation
from quota.errors import StoreUnavailableError
from quota.governing import EVERYWHERE, Act
from quota.ledger import Difference
from quota.members import Member, Space
from quota.memory import MemoryStore
from quota.quotas import Quotas
from quota.rules import Rules, Terms
from quota.units import Usage
from quota.verdicts import Refused
from quota.waiting import Fresh
from tests.fakes import DAY, HOUR, MINUTE, FakeClock, policy, requester

TERMS = Terms("default", ("default",))
WRONG = Difference("tokens/day@0 spent", 10, 7)


class Store(MemoryStore):
    """A store whose proof can be made to fail, and whose copies are files."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[Difference] = []
        self.late = 0
        self.caught_up: list[int] = []
        self.full = False

    async def verify(self) -> list[Difference]:
        return self.wrong or await super().verify()

    async def catch_up(self, now: int) -> int:
        self.caught_up.append(now)
        return self.late

    async def backup(self, target: str) -> None:
        if self.full:
            raise StoreUnavailableError("the disk is full")
        copy(target)


def copy(target: str) -> None:
    Path(target).write_text("a copy", encoding="utf-8")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def quotas(store: Store, clock: FakeClock) -> Quotas:
    return Quotas(store, clock, Rules(policy("everyone: 10k tokens/day")))


async def reserve(quotas: Quotas, event: str) -> Reservation | Refused:
    call = CallRequest(requester(event), TERMS, 100, 200, event, "digest", quotas.clock.now())
    verdict = await quotas.reserve(call)
    assert isinstance(verdict, Reservation | Refused)
    return verdict


async def test_a_hold_past_its_deadline_is_charged_and_told_once(
    quotas: Quotas, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    assert isinstance(await reserve(quotas, "ana"), Reservation)
    assert await upkeep.lapse(quotas) == 0
    clock.advance(HOUR)
    assert await upkeep.lapse(quotas) == 1
    assert await upkeep.lapse(quotas) == 0
    told = [r for r in caplog.records if "lapsed" in r.getMessage()]
    assert len(told) == 1
    assert "console:console:ana" in told[0].getMessage()


async def test_more_lapsed_holds_than_are_charged_at_once_are_all_charged(
    quotas: Quotas, clock: FakeClock
) -> None:
    for number in range(upkeep.LAPSED_AT_ONCE + 3):
        assert isinstance(await reserve(quotas, f"m{number}"), Reservation)
    clock.advance(HOUR)
    assert await upkeep.lapse(quotas) == upkeep.LAPSED_AT_ONCE + 3


async def test_events_are_forgotten_after_the_days_in_which_they_may_come_again(
    quotas: Quotas, store: Store, clock: FakeClock
) -> None:
    await quotas.refuse("console:console:e1", "digest")
    clock.advance(7 * DAY)
    assert await upkeep.prune(store, clock) == 0
    assert await quotas.refuse("console:console:e1", "digest") is not None
    clock.advance(2 * DAY)
    assert await upkeep.prune(store, clock) == 1
    assert await upkeep.prune(store, clock) == 0


async def test_books_that_agree_stop_nobody(
    quotas: Quotas, caplog: pytest.LogCaptureFixture
) -> None:
    assert await upkeep.Verifier(quotas).run() == []
    assert isinstance(await reserve(quotas, "ana"), Reservation)
    assert caplog.records == []


async def test_books_that_disagree_raise_an_alarm_and_pause_the_bot_everywhere(
    quotas: Quotas, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    store.wrong = [WRONG]
    await upkeep.Verifier(quotas).run()
    refused = await reserve(quotas, "ana")
    assert isinstance(refused, Refused)
    assert refused.reason == "paused"
    assert quotas.governing.closed_to(Member(Space("discord", "1"), "9"), quotas.clock.now())
    alarms = [r.getMessage() for r in caplog.records if r.levelno == logging.CRITICAL]
    assert alarms[0] == "the books disagree: tokens/day@0 spent is 10, the entries prove 7"
    assert "quotabot resume" in alarms[1]
    (row,) = await store.audit_trail(EVERYWHERE, 0, 10)
    assert (row.actor, row.action) == ("upkeep", "pause")


async def test_an_operator_who_resumes_is_not_stopped_by_the_same_differences(
    quotas: Quotas, store: Store
) -> None:
    store.wrong = [WRONG]
    verifier = upkeep.Verifier(quotas)
    await verifier.run()
    await quotas.governing.switch(Act("cli:op", EVERYWHERE), "pause", "", "")
    await verifier.run()
    assert isinstance(await reserve(quotas, "ana"), Reservation)
    store.wrong = [WRONG, Difference("grant 1 spent", 1, 0)]
    await verifier.run()
    assert isinstance(await reserve(quotas, "bo"), Refused)


async def test_many_differences_do_not_flood_the_log(
    quotas: Quotas, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    store.wrong = [Difference(f"counter {n}", 1, 0) for n in range(1_000)]
    await upkeep.Verifier(quotas).run()
    assert len(caplog.records) == upkeep.DIFFERENCES_TOLD + 1


async def test_settlements_that_wait_are_told(
    store: Store, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    assert await upkeep.catch_up(store, clock) == 0
    assert caplog.records == []
    store.late = 2
    assert await upkeep.catch_up(store, clock) == 2
    assert caplog.messages == ["2 settlements wait for the store"]


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


async def test_there_is_one_backup_a_day_and_the_oldest_go(
    store: Store, clock: FakeClock, tmp_path: Path
) -> None:
    config = BackupConfig(tmp_path / "copies", keep=2)
    (tmp_path / "copies").mkdir()
    (tmp_path / "copies" / "mine.db").touch()
    for _ in range(3):
        assert await upkeep.back_up(store, clock, config) is not None
        clock.advance(MINUTE)
        assert await upkeep.back_up(store, clock, config) is None
        clock.advance(DAY)
    assert names(tmp_path / "copies") == [
        "mine.db",
        "quotabot-2026-06-02.db",
        "quotabot-2026-06-03.db",
    ]


async def test_without_a_folder_there_is_no_backup(store: Store, clock: FakeClock) -> None:
    assert await upkeep.back_up(store, clock, BackupConfig(None, keep=2)) is None


async def test_a_backup_that_fails_is_told_and_lets_no_older_one_go(
    store: Store, clock: FakeClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await upkeep.back_up(store, clock, BackupConfig(tmp_path, keep=1))
    clock.advance(DAY)
    store.full = True
    assert await upkeep.back_up(store, clock, BackupConfig(tmp_path, keep=1)) is None
    assert names(tmp_path) == ["quotabot-2026-06-01.db"]
    assert caplog.messages == ["no backup today: the disk is full"]


async def test_whose_limit_has_opened_is_announced_once(quotas: Quotas, clock: FakeClock) -> None:
    heard: list[Fresh] = []
    ana, arrived = requester("ana"), clock.now()
    first = await quotas.reserve(CallRequest(ana, TERMS, 0, 10_000, "e1", "digest", arrived))
    assert isinstance(first, Reservation)
    await quotas.settle(first, Usage(output=10_000), "provider")
    second = await quotas.reserve(CallRequest(ana, TERMS, 0, 200, "e2", "digest", arrived))
    assert isinstance(second, Refused)
    assert await upkeep.announce(quotas, [heard.append]) == 0
    clock.advance(DAY)
    assert await upkeep.announce(quotas, [heard.append]) == 1
    assert await upkeep.announce(quotas, [heard.append]) == 0
    assert [fresh.requester.member.id for fresh in heard] == ["ana"]


async def test_every_job_can_run_twice_in_any_order(
    quotas: Quotas, store: Store, tmp_path: Path
) -> None:
    jobs = upkeep.jobs(quotas, lambda: BackupConfig(tmp_path, keep=1))
    assert isinstance(await reserve(quotas, "ana"), Reservation)
    for job in (*jobs, *reversed(jobs)):
        await job.run()
    assert {job.name for job in jobs} == {
        "lapse",
        "refill",
        "announce",
        "verify",
        "prune",
        "backup",
        "catch up",
        "forget",
    }
    assert await store.verify() == []


async def test_a_store_without_a_spill_needs_no_catching_up(clock: FakeClock) -> None:
    quotas = Quotas(MemoryStore(), clock, Rules(policy()))
    jobs = upkeep.jobs(quotas, lambda: BackupConfig(None, keep=1))
    assert "catch up" not in {job.name for job in jobs}
