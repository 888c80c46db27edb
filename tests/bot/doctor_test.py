import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bot import doctor
from bot.config import load
from bot.config_values import ModelConfig
from bot.doctor import Check, StoreFacts
from bot.ports import (
    Finished,
    ModelCall,
    ModelError,
    ModelEvent,
    ModelTrouble,
    ReasoningDelta,
    TextDelta,
    UsageReport,
)
from bot.pricing import Price, Pricing
from quota.ledger import Difference
from quota.units import Rates, Usage
from tests.fakes import HOUR, MORNING, SECOND, FakeClock, let_run, limit

SOUND = StoreFacts(
    path=Path("/srv/bot/quotabot.db"),
    exists=True,
    folder_writable=True,
    mark=MORNING - HOUR,
    modes={Path("/srv/bot/quotabot.db"): 0o600},
    version="3.53.0",
)
MODEL = replace(load(None, {}).models[0], name="gpt-5-mini", base_url="https://llm.example/v1")


def by_name(checks: Sequence[Check]) -> dict[str, Check]:
    return {check.name: check for check in checks}


def store(facts: StoreFacts) -> dict[str, Check]:
    return by_name(doctor.store_checks(facts, FakeClock(), "Europe/Berlin"))


def has_a_remedy(check: Check) -> bool:
    return not check.ok and len(check.remedy.split()) > 1 and check.remedy in check.text


def test_a_sound_store_passes() -> None:
    checks = store(SOUND)
    assert [*checks] == ["store", "books", "file modes", "clock"]
    assert all(check.ok for check in checks.values())


def test_a_database_that_is_not_there_yet_is_fine_where_it_can_be_made() -> None:
    facts = StoreFacts(Path("/srv/bot/quotabot.db"), exists=False, folder_writable=True)
    assert store(facts)["store"].ok
    broken = store(replace(facts, folder_writable=False))["store"]
    assert has_a_remedy(broken)
    assert "/srv/bot" in broken.remedy


def test_a_database_that_does_not_open_is_told_in_its_own_words() -> None:
    checks = store(replace(SOUND, trouble="/srv/bot/quotabot.db is damaged"))
    assert [*checks] == ["store"]
    assert "is damaged" in checks["store"].found
    assert has_a_remedy(checks["store"])


def test_an_old_sqlite_is_a_note_and_no_failure() -> None:
    check = store(replace(SOUND, version="3.40.1", version_note="only one may write"))["store"]
    assert check.ok
    assert "3.40.1 (only one may write)" in check.found


def test_counters_that_differ_fail() -> None:
    facts = replace(SOUND, differences=[Difference("a", 1, 2), Difference("b", 1, 2)])
    assert has_a_remedy(store(facts)["books"])
    assert "2 counters" in store(facts)["books"].found


def test_a_file_that_others_can_read_is_named_with_the_command_that_mends_it() -> None:
    modes = {
        Path("/srv/bot/quotabot.db"): 0o600,
        Path("/srv/bot/quotabot.db-wal"): 0o644,
        Path("/srv/my bot/x"): 0o660,
    }
    check = store(replace(SOUND, modes=modes))["file modes"]
    assert has_a_remedy(check)
    assert check.remedy == "chmod 600 /srv/bot/quotabot.db-wal '/srv/my bot/x'"
    assert "/srv/bot/quotabot.db-wal has 0644" in check.found


@pytest.mark.parametrize(("ahead_ms", "ok"), [(0, True), (30 * SECOND, True), (HOUR, False)])
def test_a_clock_behind_what_the_books_have_seen_fails(ahead_ms: int, ok: bool) -> None:
    check = store(replace(SOUND, mark=MORNING + ahead_ms))["clock"]
    assert check.ok is ok
    if not ok:
        assert "--accept-clock" in check.remedy
        assert "2026-06-01 12:00 CEST" in check.found


def test_the_zone_is_shown_with_its_time() -> None:
    check = doctor.zone_check("Asia/Kathmandu", MORNING)
    assert check.ok
    assert "2026-06-01 14:45 +0545" in check.found


def test_missing_vocabularies_fail() -> None:
    assert doctor.vocabulary_check(loaded=True, folder=Path("/cache")).ok
    missing = doctor.vocabulary_check(loaded=False, folder=Path("/cache"))
    assert has_a_remedy(missing)
    assert "/cache" in missing.remedy


def test_a_price_is_asked_for_only_where_a_limit_is_in_money() -> None:
    money, tokens = limit("everyone: $2/month"), limit("everyone: 20k tokens/day")
    listed = Pricing(Price(Rates(1, 1, 1, 1), "list"))
    rates = {"default": Pricing(), "dear": listed}
    models = [MODEL, replace(MODEL, key="dear")]
    assert doctor.price_checks(models, rates, [tokens]) == []
    checks = by_name(doctor.price_checks(models, rates, [tokens, money]))
    assert has_a_remedy(checks["price of default"])
    assert "[models.default] price" in checks["price of default"].remedy
    assert checks["price of dear"].ok
    assert "built-in price list" in checks["price of dear"].found


class Scripted:
    """A model that says what it is told to, whatever the cap; None: nothing, for ever."""

    def __init__(
        self,
        events: Sequence[ModelEvent] | None,
        trouble: ModelTrouble | None = None,
        detail: str = "status 418",
    ) -> None:
        self.events = events
        self.trouble = trouble
        self.detail = detail
        self.calls: list[ModelCall] = []
        self.left = 0

    @asynccontextmanager
    async def stream(self, call: ModelCall) -> AsyncGenerator[AsyncIterator[ModelEvent], None]:
        self.calls.append(call)
        if self.trouble is not None:
            raise ModelError(self.trouble, detail=self.detail)
        events = self._events()
        try:
            yield events
        finally:
            await events.aclose()
            self.left += 1

    async def _events(self) -> AsyncGenerator[ModelEvent, None]:
        if self.events is None:
            await asyncio.Event().wait()
        for event in self.events or ():
            yield event

    async def close(self) -> None:
        return


async def checked(chat: Scripted, model: ModelConfig = MODEL) -> Check:
    return await doctor.model_check(model, chat, FakeClock())


def words(count: int) -> list[ModelEvent]:
    return [TextDelta(" w") for _ in range(count)]


async def test_a_model_that_keeps_to_the_cap_passes() -> None:
    chat = Scripted([*words(16), Finished("length"), UsageReport(Usage(20, 0, 16, 0))])
    check = await checked(chat)
    assert check.ok
    assert check.found == "gpt-5-mini at https://llm.example/v1 answers and keeps to the cap"
    assert chat.calls[0].output_cap == 16
    assert chat.left == 1


async def test_thinking_counts_towards_the_cap() -> None:
    thoughts: list[ModelEvent] = [ReasoningDelta("h") for _ in range(17)]
    assert not (await checked(Scripted(thoughts))).ok


async def test_a_model_without_usage_passes_and_that_is_told() -> None:
    check = await checked(Scripted([*words(10), Finished("length")]))
    assert check.ok
    assert "reports no usage" in check.found


@pytest.mark.parametrize(
    "events", [words(1_000), [*words(3), UsageReport(Usage(20, 0, 40, 0)), Finished("stop")]]
)
@pytest.mark.parametrize(
    ("field", "other"),
    [
        (None, "max_completion_tokens"),
        ("max_tokens", "max_completion_tokens"),
        ("max_completion_tokens", "max_tokens"),
    ],
)
async def test_a_model_that_ignores_the_cap_fails_and_the_other_field_is_named(
    events: list[ModelEvent], field: str | None, other: str
) -> None:
    chat = Scripted(events)
    check = await checked(chat, replace(MODEL, output_cap_field=field))  # type: ignore[arg-type]
    assert has_a_remedy(check)
    assert check.remedy == f'[models.default] output_cap_field = "{other}"'
    assert chat.left == 1


@pytest.mark.parametrize(
    "trouble", ["unreachable", "overloaded", "rejected", "failed", "silent", "broken"]
)
async def test_every_trouble_has_a_remedy_that_names_the_model(trouble: ModelTrouble) -> None:
    check = await checked(Scripted([], trouble))
    assert has_a_remedy(check)
    assert "[models.default]" in check.remedy
    assert "status 418" in check.found


@pytest.mark.parametrize(
    ("trouble", "detail", "found", "remedy"),
    [
        ("rejected", "AuthenticationError 401", "refuses the key (status 401)", "api_key_env"),
        ("rejected", "NotFoundError 404", "is not known there (status 404)", "ends in /v1"),
        ("failed", "InternalServerError 500", "answers with an error (status 500)", "the log"),
        ("unreachable", "APIConnectionError from ConnectError", "cannot be reached", "base_url"),
    ],
)
async def test_what_a_server_says_is_told_in_words_and_not_in_classes(
    trouble: ModelTrouble, detail: str, found: str, remedy: str
) -> None:
    check = await checked(Scripted([], trouble, detail))
    assert check.found == f"gpt-5-mini at https://llm.example/v1 {found}"
    assert remedy in check.remedy


async def test_a_model_that_never_answers_fails_in_time() -> None:
    clock = FakeClock()
    checking = asyncio.create_task(doctor.model_check(MODEL, Scripted(None), clock))
    await let_run()
    clock.advance(doctor.PROBE_MS)
    check = await checking
    assert has_a_remedy(check)
    assert "does not answer in time" in check.found


def test_what_a_program_reads_has_the_same_words() -> None:
    check = Check("clock", ok=False, found="is wrong", remedy="set it")
    assert check.json() == {
        "check": "clock",
        "ok": False,
        "found": "is wrong",
        "remedy": "set it",
    }
    assert check.text == "✗ clock: is wrong\n  → set it"
