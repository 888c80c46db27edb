"""A week of a space with its admins, on a real file that is opened again in between."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.sqlite.store import SqliteStore
from bot.messages import Answer, Card
from bot.news import Alert, Word
from quota.units import Amount, Unit, Usage
from tests.fakes import DAY, HOUR, requester
from tests.scripted import Bot, build, says

ADA = requester("ada", admin=True)


class Space:
    """One file, and the bot that has it open."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.passed = self.starts = 0
        self.alerts: list[Alert] = []
        self.words: list[Word] = []
        self._store: SqliteStore | None = None

    async def start(self) -> Bot:
        """Start the bot, again if need be: nothing is left but what stands in the file."""
        await self.close()
        self._store = await SqliteStore.open(self.path, now=0, synchronous="NORMAL")
        bot = build(
            "everyone: 1k tokens/day", store=self._store, staff_cap=Amount(500, Unit.TOKENS)
        )
        self.starts += 1
        bot.asked = 1_000 * self.starts  # No event of an earlier run comes again.
        bot.clock.advance(self.passed)
        await bot.quotas.start()
        bot.desk.news.on_alert.append(self.alerts.append)
        bot.desk.news.on_word.append(self.words.append)
        return bot

    async def close(self) -> None:
        if self._store is not None:
            await self._store.close()


@pytest.fixture
async def space(tmp_path: Path) -> AsyncIterator[Space]:
    space = Space(tmp_path / "books.db")
    yield space
    await space.close()


async def uses(bot: Bot, who: str, tokens: int) -> None:
    bot.model.next(says(1, reported=Usage(input=9, output=tokens - 9)))
    assert (await bot.answer(who)).charged_tokens == tokens
    bot.chat.forget(requester(who))


async def types(bot: Bot, line: str, who: str = "") -> Card:
    return await bot.type(line, ADA if who == "" else who, previews=True)


async def test_what_was_begun_before_a_restart_is_ended_after_it(space: Space) -> None:
    bot = await space.start()
    await uses(bot, "ana", 700)
    preview = await types(bot, "/quota-admin limit set 600 tokens per day -- the bill")
    assert "1 is already above it" in preview.panel.lines[1]
    await types(bot, "/quota more 400 tokens -- exam week", "ana")
    request = space.alerts[-1].panel.actions[0].subject
    await types(bot, "/quota-admin grant @bo 2k tokens until 3d")

    bot = await space.start()
    done = await bot.pressed("apply", preview.panel.actions[0].subject, ADA)
    assert done.panel.title == "Limit set"
    assert (await bot.refusal("ana")).refused.reason == "period_used"
    await bot.pressed("approve", request, ADA)
    assert space.words[-1].member.id == "ana"
    assert isinstance(await bot.ask("ana"), Answer)

    bot = await space.start()
    audit = (await types(bot, "/quota-admin audit")).panel
    assert [action.label for action in audit.actions] == ["Undo 4", "Undo 3", "Undo 2"]
    await types(bot, "/quota-admin undo 2")
    await types(bot, "/quota-admin undo 3")
    assert (await bot.balance("bo")).granted == 1_000
    assert (await bot.type("/quota-admin undo 3")).panel.title == "That did not work"
    assert await bot.store.verify() == []


async def test_a_week_is_looked_back_at_from_the_file(space: Space) -> None:
    bot = await space.start()
    for day in range(3):
        await uses(bot, "ana", 100 + day)
        await uses(bot, "bo", 50)
        bot.clock.advance(DAY)
        space.passed += DAY
    bot = await space.start()
    history = (await types(bot, "/quota history", "ana")).panel.chart
    assert history is not None
    assert [tokens for _, tokens in history.bars] == [0, 0, 0, 100, 101, 102, 0]
    usage = await types(bot, "/quota-admin usage week csv")
    ((_, data),) = usage.files
    assert data.decode().splitlines()[1:] == ["ana,3,27,0,276,303,0", "bo,3,27,0,123,150,0"]
    top = (await types(bot, "/quota-admin top 1 week")).panel.chart
    assert top is not None
    assert top.bars == (("@ana", 303),)
    export = await types(bot, "/privacy export", "ana")
    assert b'"tokens": 102' in export.files[0][1]
    assert b"bo" not in export.files[0][1]


async def test_staff_give_what_the_file_says_is_left_to_give(space: Space) -> None:
    bot = await space.start()
    sam = requester("sam", staff=True)
    await bot.type("/quota-staff grant @ana 400 tokens until 1h -- stuck", sam)
    space.passed += 2 * HOUR
    bot = await space.start()
    over = await bot.type("/quota-staff grant @ana 200 tokens -- stuck again", sam)
    assert over.panel.title == "Request sent"
    fits = await bot.type("/quota-staff grant @ana 100 tokens -- the last", sam)
    assert fits.panel.title == "Granted"
    assert (await bot.balance("ana")).left == 1_100


async def test_all_are_reset_whether_they_were_seen_since_the_start_or_not(space: Space) -> None:
    bot = await space.start()
    for who in ("ana", "bo", "cy"):
        await uses(bot, who, 300)
    bot = await space.start()
    card = await types(bot, "/quota-admin reset all -- our fault")
    assert card.panel.lines[0].startswith("This writes off what 3 members have used")
    id_ = card.panel.actions[0].subject
    await bot.pressed("apply", id_, ADA, values={"confirm": "reset all"})
    assert [(await bot.balance(who)).used for who in ("ana", "bo", "cy")] == [0, 0, 0]
    assert await bot.store.verify() == []
