"""What admins hear without asking, once in its period or hour, and never twice."""

from typing import Any

import pytest

from bot import upkeep
from bot.alerts import Alerts
from bot.config_values import BackupConfig
from bot.news import Alert
from bot.panels import Action
from bot.ports import Finished, ModelError, TextDelta, UsageReport
from quota.calls import CallRequest, Reservation
from quota.ledger import Difference
from quota.members import Space
from quota.units import Rates, Usage
from quota.verdicts import Lapsed
from tests.fakes import DAY, HOUR, MINUTE, requester
from tests.scripted import Bot, build, says, steps

ADMIN = requester("ada", admin=True)
HERE = Space("console", "console")


class Watch:
    """A bot whose alerts are written down."""

    def __init__(self, *lines: str, **more: Any) -> None:
        self.bot: Bot = build(*lines or ("everyone: 10k tokens/day",), **more)
        self.heard: list[Alert] = []
        self.bot.desk.news.on_alert.append(self.heard.append)
        self.bot.desk.spoken["console"] = self.bot.words
        self.alerts = Alerts(self.bot.desk).watch()

    async def used(self, who: Any, tokens: int) -> None:
        self.bot.model.next(says(1, reported=Usage(input=9, output=tokens - 9)))
        await self.bot.answer(who)
        self.bot.chat.forget(requester(who) if isinstance(who, str) else who)

    def told(self) -> list[str]:
        """The lines that were heard since this was asked last."""
        lines = [line for alert in self.heard for line in alert.panel.lines]
        self.heard.clear()
        return lines

    async def lapse(self, who: str = "ana") -> Action:
        """A hold of somebody is charged because its process hung; what gives it back."""
        terms = self.bot.chat.models.default.terms
        now = self.bot.clock.now()
        call = CallRequest(requester(who), terms, 100, 500, "", "", now)
        assert isinstance(await self.bot.quotas.reserve(call), Reservation)
        self.bot.clock.advance(HOUR)
        await upkeep.lapse(self.bot.quotas, self.alerts.lapsed)
        (action,) = self.heard[-1].panel.actions
        return action


@pytest.mark.parametrize(
    "report", [UsageReport(Usage(9, 0, 2, 0), "", None, bad_cost=True), UsageReport(None)]
)
async def test_what_cannot_be_true_is_told_once_an_hour(report: UsageReport) -> None:
    watch = Watch("everyone: 10k tokens/day")
    for _ in range(2):
        watch.bot.model.next(steps(TextDelta("well"), Finished("stop"), report))
        await watch.bot.answer("ana")
    (line,) = watch.told()
    assert line.startswith("mini reported a usage or a cost that cannot be true.")
    watch.bot.clock.advance(HOUR)
    watch.bot.model.next(steps(TextDelta("well"), Finished("stop"), report))
    await watch.bot.answer("ana")
    assert len(watch.told()) == 1


async def test_a_shared_limit_is_told_at_each_threshold_once_in_its_period() -> None:
    watch = Watch("space: 1000 tokens/day")
    await watch.used("ana", 700)
    assert watch.told() == []
    await watch.used("ana", 60)
    assert watch.told() == [
        (
            "75% of the shared 1,000 tokens is used; 240 left (rule space: 1k tokens/day). "
            "It resets on day 1 at 00:00."
        )
    ]
    await watch.used("bo", 20)
    assert watch.told() == []
    await watch.used("bo", 220)
    assert watch.told() == [
        "The shared limit space: 1k tokens/day is used up. It resets on day 1 at 00:00."
    ]
    watch.bot.clock.advance(DAY)
    await watch.used("ana", 800)
    assert watch.told()[0].startswith("75% of the shared 1,000 tokens is used")


async def test_the_thresholds_are_those_of_the_space_and_own_limits_alert_nobody() -> None:
    watch = Watch("space: 1000 tokens/day", "everyone: 100 tokens/day")
    await watch.bot.type("/quota-admin thresholds 5")
    await watch.used("ana", 90)
    assert watch.told()[0].startswith("5% of the shared 1,000 tokens is used")
    other = Watch("everyone: 100 tokens/day", "house: 100 tokens/day")
    await other.used("ana", 95)
    assert other.told() == []


async def test_a_rolling_pool_is_told_at_most_once_an_hour() -> None:
    watch = Watch("space: 1000 tokens/rolling 24h")
    await watch.used("ana", 800)
    assert len(watch.told()) == 1
    await watch.used("ana", 10)
    assert watch.told() == []
    watch.bot.clock.advance(HOUR)
    await watch.used("ana", 10)
    assert len(watch.told()) == 1


async def test_a_provider_that_takes_too_much_is_told_of_once_an_hour() -> None:
    watch = Watch(rates=Rates(1_000_000, 1_000_000, 1_000_000, 1_000_000))
    for _ in range(2):
        await watch.used("ana", 3_000)
    (line,) = watch.told()
    assert line.startswith("mini took 1,991 tokens ($0.001991) more than it was allowed to.")
    assert all(alert.space == HERE for alert in watch.heard)
    watch.bot.clock.advance(HOUR)
    await watch.used("ana", 3_000)
    assert len(watch.told()) == 1


async def test_answers_that_fail_one_after_the_other_are_told_of() -> None:
    watch = Watch()
    broken = steps(ModelError("failed"))
    for _ in range(2):
        watch.bot.model.next(broken)
        await watch.bot.failure()
    assert watch.told() == []
    watch.bot.model.next(broken)
    await watch.bot.failure()
    (line,) = watch.told()
    assert line.startswith("mini has failed 3 times in a row.")
    watch.bot.model.next(broken)
    await watch.bot.failure()
    assert watch.told() == []


async def test_a_success_or_a_pause_between_failures_is_no_alarm() -> None:
    watch = Watch()
    broken = steps(ModelError("failed"))
    for _ in range(4):
        watch.bot.model.next(broken)
        await watch.bot.failure()
        watch.bot.model.next(broken)
        await watch.bot.failure()
        await watch.bot.answer()
    for _ in range(4):
        watch.bot.model.next(broken)
        await watch.bot.failure()
        watch.bot.clock.advance(10 * MINUTE)
    assert watch.told() == []


async def test_an_interrupted_answer_can_be_given_back_once() -> None:
    watch = Watch()
    action = await watch.lapse()
    assert watch.told() == [
        (
            "An answer for @ana was interrupted; 356 tokens were charged, because the provider "
            "may have billed them."
        )
    ]
    assert (action.name, action.subject) == ("giveback", "1 ana")
    assert (await watch.bot.balance()).left == 10_000 - 356
    card = await watch.bot.pressed(action.name, action.subject, ADMIN)
    assert card.panel.lines == ("@ana has 356 tokens back.",)
    assert (await watch.bot.balance()).left == 10_000
    twice = await watch.bot.pressed(action.name, action.subject, ADMIN)
    assert twice.panel.lines == ("This was given back already.",)
    assert await watch.bot.store.verify() == []


@pytest.mark.parametrize("subject", ["", "1", "2 ana", "1 bo", "x ana"])
async def test_what_did_not_lapse_is_not_given_back(subject: str) -> None:
    watch = Watch()
    await watch.lapse()
    card = await watch.bot.pressed("giveback", subject, ADMIN)
    assert card.panel.title == "That did not work"
    assert (await watch.bot.balance()).left == 10_000 - 356


@pytest.mark.parametrize(
    "who", [requester("ana"), requester("sam", staff=True), requester("eve", space="discord:7")]
)
async def test_who_is_no_admin_gives_nothing_back(who: Any) -> None:
    watch = Watch()
    action = await watch.lapse()
    card = await watch.bot.pressed(action.name, action.subject, who)
    assert card.panel.title == "Not allowed"
    assert (await watch.bot.balance()).left == 10_000 - 356


async def test_what_lapsed_before_the_start_is_told_when_somebody_listens() -> None:
    watch = Watch()
    await watch.lapse()
    (entry,) = await watch.bot.ledger()
    lapsed = Lapsed(entry.hold_id, "", entry.wallet, entry.tokens)
    watch.told()
    jobs = upkeep.jobs(
        watch.bot.quotas, lambda: BackupConfig(None, keep=1), (), watch.alerts, [lapsed]
    )
    job = next(job for job in jobs if job.name == "lapse")
    await job.run()
    await job.run()
    assert len(watch.told()) == 1


async def test_books_that_do_not_agree_are_told_to_every_space_that_is_known() -> None:
    watch = Watch()
    watch.bot.commands.meet(requester("ana"))
    watch.bot.commands.meet(requester("eve", space="discord:7:x"))
    await watch.bot.type(
        "/quota-admin alerts #admins", requester("z", space="slack:T1", admin=True)
    )
    watch.alerts.disagree([Difference("a", 1, 2)])
    watch.alerts.disagree([Difference("a", 1, 2)])
    spaces = [HERE, Space("discord", "7:x"), Space("slack", "T1")]
    assert [alert.space for alert in watch.heard] == spaces
    assert watch.heard[0].panel.lines[0].startswith("1 counter disagrees with the ledger.")


async def test_an_alert_that_cannot_be_told_harms_no_answer() -> None:
    watch = Watch("space: 100 tokens/day")

    def broken(alert: Alert) -> None:
        raise ConnectionError(alert.panel.title)

    watch.bot.desk.news.on_alert.insert(0, broken)
    await watch.used("ana", 95)
    assert len(watch.told()) == 1
    watch.bot.model.next(steps(TextDelta("hi"), Finished("stop"), UsageReport(Usage(1, 0, 1, 0))))
    await watch.bot.is_clean()
