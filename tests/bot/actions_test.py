"""Buttons and forms: what each does, for whom, and what becomes of it."""

from typing import Any

import pytest

from bot.actions import AskAgain, Pressed, Shown
from bot.ports import Finished
from bot.settings import MemberSettings
from quota.store import AuditRow
from tests.fakes import requester
from tests.scripted import Bot, Gate, build, steps

DAILY = "everyone: 10k tokens/day"


async def trail(bot: Bot) -> list[AuditRow]:
    return await bot.quotas.governing.audit_trail("console:console", 0, 100)


@pytest.mark.parametrize(
    ("name", "subject", "wanted"),
    [
        ("again", "", AskAgain("again")),
        ("onward", "", AskAgain("onward")),
        ("use", "mini", AskAgain("again", "mini")),
        ("room", "", AskAgain("again", waits=True)),
    ],
)
async def test_what_asks_once_more_is_handed_to_the_platform(
    name: str, subject: str, wanted: AskAgain
) -> None:
    assert await build(DAILY).press(name, subject, owner="ana") == wanted


async def test_a_model_that_has_gone_is_named() -> None:
    card = await build(DAILY).pressed("use", "gpt-9", owner="ana")
    assert "There is no model 'gpt-9'. Known: mini." in card.text


@pytest.mark.parametrize("name", ["again", "onward", "use", "room", "good", "remind", "settings"])
async def test_only_the_person_who_asked_can_use_a_button(name: str) -> None:
    bot = build(DAILY)
    for who in ("mallory", requester("ada", admin=True), requester("ana", space="discord:7")):
        pressed = await bot.press(name, "mini", who, owner="someone")
        assert isinstance(pressed, Shown)
        assert pressed.card.panel.lines == ("Only the person who asked can use this.",)
    assert bot.desk.settings.member(requester("ana").member) == MemberSettings()
    assert await trail(bot) == []


async def test_an_answer_is_stopped_by_who_asked_and_by_staff_alone() -> None:
    bot = build(DAILY)
    for who, stops in (
        ("mallory", False),
        ("ana", True),
        (requester("sam", staff=True), True),
        (requester("ada", admin=True), True),
    ):
        gate = Gate()
        bot.model.next(steps(gate, Finished("stop")))
        running = bot.start("ana")
        await gate.reached()
        card = await bot.pressed("stop", running.ask.id, who, owner="ana")
        assert (card.panel.lines == ("Your answer is stopped.",)) is stops
        gate.release()
        await running.end()
        assert running.reply.end.finish == ("stopped" if stops else "stop")  # type: ignore[union-attr]
    late = await bot.pressed("stop", "ana-1", owner="ana")
    assert late.panel.lines == ("This answer has ended already.",)


async def test_who_governs_elsewhere_stops_nothing_here() -> None:
    bot = build(DAILY)
    gate = Gate()
    bot.model.next(steps(gate, Finished("stop")))
    running = bot.start("ana")
    await gate.reached()
    stranger = requester("eve", space="discord:7", admin=True)
    card = await bot.pressed("stop", running.ask.id, stranger, owner="ana")
    assert card.panel.lines == ("This answer has ended already.",)
    gate.release()
    await running.task


async def test_the_quota_button_shows_ones_own_card() -> None:
    card = await build(DAILY).pressed("quota")
    assert card.panel.title == "Quota — 100% left"
    assert [b.left for b in card.balances] == [10_000]


async def test_settings_are_asked_for_in_a_form_and_kept() -> None:
    bot = build(DAILY)
    form = bot.actions.form(Pressed(requester(), "settings", owner="ana"), bot.words)
    assert form is not None
    assert [(f.name, f.value) for f in form.fields] == [
        ("model", "default"),
        ("footer", "low"),
        ("remind", "off"),
        ("language", "default"),
    ]
    values = {"model": "small", "footer": "always", "remind": "on"}
    submitted = Pressed(requester(), form.name, form.subject, values=values)
    assert bot.actions.form(submitted, bot.words) is None
    card = await bot.pressed(form.name, values=values)
    assert card.panel.lines == (
        "Model: small.",
        "What is left, under answers: under every answer.",
        "Told when a limit has opened: yes.",
        "Asked before sending: never.",
        "At the limit: ask me.",
        "Language: as in your app.",
    )
    mine = bot.desk.settings.member(requester().member)
    assert mine == MemberSettings("small", "", "always", notify_reset=True)
    assert bot.desk.settings.member(requester("bo").member) == MemberSettings()


@pytest.mark.parametrize(
    "values", [{"model": "gpt-9"}, {"footer": "sometimes"}, {"language": "klingon"}]
)
async def test_a_form_with_a_value_that_nobody_offered_changes_nothing(
    values: dict[str, str],
) -> None:
    bot = build(DAILY)
    card = await bot.pressed("settings", values=values)
    assert card.panel.title == "That did not work"
    assert bot.desk.settings.member(requester().member) == MemberSettings()


async def test_the_form_of_somebody_else_is_not_opened() -> None:
    bot = build(DAILY)
    pressed = Pressed(requester("mallory"), "settings", owner="ana")
    assert bot.actions.form(pressed, bot.words) is None


async def test_who_wants_to_be_reminded_is_remembered() -> None:
    bot = build(DAILY)
    card = await bot.pressed("remind", owner="ana")
    assert card.panel.title == "Reminder"
    assert bot.desk.settings.member(requester().member).notify_reset is True


@pytest.mark.parametrize("name", ["", "grant", "apply all", "Settings"])
async def test_an_action_that_nobody_knows_is_answered_and_does_nothing(name: str) -> None:
    bot = build(DAILY)
    admin: Any = requester("ada", admin=True)
    card = await bot.pressed(name, "", admin)
    assert card.panel.title == "That did not work"
    assert await trail(bot) == []


async def test_feedback_is_counted_and_thanked_for() -> None:
    for name in ("good", "bad"):
        card = await build(DAILY).pressed(name, owner="ana")
        assert card.panel.title == "Feedback"
