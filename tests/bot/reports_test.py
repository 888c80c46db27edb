"""Reporting an answer: once each, with a reason, and not without end."""

from bot.actions import Pressed, Shown
from bot.news import Alert
from bot.report_actions import REPORTS_MAX, WEEK_MS
from tests.fakes import requester
from tests.scripted import Bot, build


async def reports(bot: Bot, who: str, message: str, why: str = "It is wrong.") -> str:
    values = {"why": why, "link": "https://chat.example/1"}
    pressed = Pressed(requester(who), "report", message=message, values=values)
    shown = await bot.actions.press(pressed, bot.words)
    assert isinstance(shown, Shown)
    return shown.card.text


async def test_each_reports_an_answer_once_and_few_in_a_week() -> None:
    bot = build("everyone: 1k tokens/day")
    heard: list[Alert] = []
    bot.desk.news.on_alert.append(heard.append)
    assert "were told" in await reports(bot, "ana", "m0")
    assert "already" in await reports(bot, "ana", "m0")
    assert "were told" in await reports(bot, "bo", "m0")
    for number in range(1, REPORTS_MAX):
        assert "were told" in await reports(bot, "ana", f"m{number}")
    assert "reported much" in await reports(bot, "ana", "one more")
    assert len(heard) == REPORTS_MAX + 1
    assert "https://chat.example/1" in " ".join(heard[0].panel.lines)
    bot.clock.advance(WEEK_MS + 1)
    assert "were told" in await reports(bot, "ana", "m0")


async def test_without_a_reason_nobody_is_told() -> None:
    bot = build("everyone: 1k tokens/day")
    heard: list[Alert] = []
    bot.desk.news.on_alert.append(heard.append)
    assert "did not work" in await reports(bot, "ana", "m0", "  ")
    assert heard == []
