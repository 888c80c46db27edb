"""What admins choose for channels, models and their space, typed or by forms."""

from typing import Any

import pytest

from bot.actions import Pressed, Shown
from bot.config_values import PersonaConfig
from bot.messages import Answer
from bot.settings import ChannelSettings, MemberSettings, ModelSettings, SpaceSettings
from bot.turns import ChatSettings
from quota.members import Space
from quota.units import Usage
from tests.fakes import requester
from tests.scripted import Bot, build, says

DAILY = "everyone: 10k tokens/day"
ADMIN = requester("ada", admin=True)
HERE = Space("console", "console")


async def shown(bot: Bot, line: str) -> Any:
    return await bot.type(f"/quota-admin {line}", ADMIN, previews=True)


def tutored() -> Bot:
    personas = {"Tutor": PersonaConfig("Tutor", "Be patient.")}
    return build(DAILY, settings=ChatSettings(personas=personas))


async def test_a_channel_is_told_how_to_behave_and_how_it_did_before() -> None:
    bot = tutored()
    card = await bot.type(
        "/quota-admin channel #help auto-thread model small persona tutor max 500"
    )
    assert card.panel.lines == (
        "In #help the bot: opens a thread for each question, without a mention.",
        "Model: mini.",
        "Persona: Tutor.",
        "Answers of at most 500 tokens.",
    )
    chosen = bot.desk.settings.channel(HERE, "help")
    assert chosen == ChannelSettings("auto-thread", "mini", "Tutor", 500)
    await bot.type("/quota-admin channel #help off model none")
    assert bot.desk.settings.channel(HERE, "help") == ChannelSettings("off", "", "Tutor", 500)
    look = await bot.type("/quota-admin channel #help")
    assert look.panel.lines[0] == "In #help the bot: does not answer."
    await bot.type("/quota-admin undo 2")
    assert bot.desk.settings.channel(HERE, "help") == chosen
    await bot.type("/quota-admin channel #help default -- enough")
    assert bot.desk.settings.channel(HERE, "help") == ChannelSettings()
    other = await bot.type("/quota-admin channel #other")
    assert other.panel.lines == ("In #other the bot: as the operator says.",)


async def test_a_model_is_for_some_roles_and_has_another_in_its_place() -> None:
    bot = build(DAILY)
    card = await bot.type('/quota-admin model small allow @Supporter @"Night Owls"')
    assert card.panel.lines == ("mini is for @Supporter, @Night Owls.",)
    chosen = bot.desk.settings.model(HERE, "mini")
    assert chosen == ModelSettings(("Supporter", "Night Owls"))
    await bot.type("/quota-admin model mini allow default")
    assert bot.desk.settings.model(HERE, "mini") == ModelSettings()
    look = await bot.type("/quota-admin model mini")
    assert look.panel.lines == ("mini is for whom the operator says.",)


async def test_alerts_contact_and_thresholds_are_kept_for_the_space() -> None:
    bot = build(DAILY)
    await bot.type("/quota-admin alerts #admins")
    await bot.type("/quota-admin contact Ada, room 7")
    assert bot.desk.settings.space(HERE) == SpaceSettings("admins", "Ada, room 7")
    card = await bot.type("/quota-admin thresholds 8%, 5")
    assert card.panel.lines == ("People are told at 5% and 8% of a limit.",)
    bot.model.next(says(1, reported=Usage(input=9, output=900)))
    assert [n.threshold for n in (await bot.answer()).notices] == [5, 8]
    default = await bot.type("/quota-admin thresholds default")
    assert default.panel.lines == ("People are told at 75% and 90% of a limit.",)
    await bot.type("/quota-admin contact off")
    await bot.type("/quota-admin alerts off")
    assert bot.desk.settings.space(HERE) == SpaceSettings()


async def test_notices_are_changed_in_one_form() -> None:
    bot = build("everyone: 60 tokens/day")
    card = await shown(bot, "notice")
    assert card.panel.lines == (
        "At the limit people also read: nothing",
        "Questions go to: nobody",
        "People are told at 75% and 90% of a limit.",
        "Alerts for admins are shown: nowhere.",
    )
    (action,) = card.panel.actions
    form = bot.actions.form(Pressed(ADMIN, action.name), bot.words)
    assert form is not None
    assert [f.value for f in form.fields] == ["", "", "75 90", ""]
    values = {"note": "Ask Ada -- please.", "contact": "Ada", "thresholds": "50", "alerts": "C1"}
    saved = await bot.press(form.name, "", ADMIN, values=values)
    assert isinstance(saved, Shown)
    assert saved.replaces
    assert saved.card.panel.lines == (
        "At the limit people also read: Ask Ada – please.",
        "Questions go to: Ada",
        "People are told at 50% of a limit.",
        "Alerts for admins are shown: #C1.",
    )
    assert (await bot.refusal("ana")).text.endswith("Shorten it. Ask Ada – please.")
    trail = await bot.quotas.governing.audit_trail("console:console", 0, 9)
    assert [row.action for row in trail] == ["space", "warn", "space", "note"]
    same = {"note": "Ask Ada – please.", "contact": "Ada", "thresholds": "50", "alerts": "C1"}
    await bot.press(form.name, "", ADMIN, values=same)
    assert len(await bot.quotas.governing.audit_trail("console:console", 0, 9)) == 4
    empty = dict.fromkeys(("note", "contact", "thresholds", "alerts"), "")
    await bot.press(form.name, "", ADMIN, values=empty)
    assert bot.desk.settings.space(HERE) == SpaceSettings()
    assert bot.quotas.governing.note("console:console") == ""


async def test_set_up_is_guided_from_nothing_to_what_looks_right() -> None:
    bot = build()
    card = await shown(bot, "setup")
    assert card.panel.tone == "warning"
    assert card.panel.lines[0] == (
        "– Allowance of each member: none: everybody may ask without end. "
        "Write: /quota-admin limit set 20k tokens per day"
    )
    assert [a.subject for a in card.panel.actions] == ["allowance", "role", "alerts", "done"]
    forms = {
        step: bot.actions.form(Pressed(ADMIN, "setup", step), bot.words)
        for step in ("allowance", "role", "alerts", "done")
    }
    assert [form.subject for form in forms.values() if form] == ["allowance", "role", "alerts"]
    values = {"amount": "20k tokens", "per": "day"}
    preview = await bot.pressed("setup", "allowance", ADMIN, values=values)
    assert preview.panel.title == "Set this limit"
    await bot.pressed("apply", preview.panel.actions[0].subject, ADMIN)
    values = {"role": '@Night "Owls"', "amount": "50k", "per": "week"}
    preview = await bot.pressed("setup", "role", ADMIN, values=values)
    assert preview.panel.lines[0] == "role Night Owls: 50k tokens/week."
    await bot.pressed("apply", preview.panel.actions[0].subject, ADMIN)
    right = await bot.pressed("setup", "alerts", ADMIN, values={"channel": "#admins"})
    assert right.panel.tone == "good"
    assert right.panel.lines == (
        "✓ Allowance of each member: 20k tokens/day",
        "✓ Roles: role Night Owls: 50k tokens/week",
        "– Shared by all: no pool (optional)",
        "✓ Alerts: #admins",
        "Looks right. Write /quota-admin setup done, or press Done.",
    )
    done = await bot.pressed("setup", "done", ADMIN)
    assert done.panel.lines[-1] == "Set-up is done. Everything can be changed at any time."
    assert bot.desk.settings.space(HERE).set_up is True


async def test_set_up_tells_of_a_limit_in_money_and_a_model_without_price() -> None:
    card = await build("everyone: $1/day").type("/quota-admin setup")
    assert card.panel.tone == "warning"
    assert "– Prices: mini has none, so a limit in money refuses it" in card.panel.lines


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("channel", "A channel is missing"),
        ("channel help", "A channel is missing"),
        ("channel #", "A channel is missing"),
        ("channel #help loudly", "'loudly' is not understood."),
        ("channel #help sing now", "'sing' is not understood."),
        ("channel #help model gpt-9", "There is no model 'gpt-9'."),
        ("channel #help persona pirate", "There is no persona 'pirate'; known: none."),
        ("channel #help max many", "'many' is no number of tokens."),
        ("model", "A model is missing."),
        ("model gpt-9", "There is no model 'gpt-9'."),
        ("model mini sing", "'sing' is not understood."),
        ("model mini allow", "A role is missing"),
        ("model mini allow Supporter", "A name is missing; write it with @"),
        ("model mini allow @member:ana", "@ana is a member; a model is for roles."),
        ("model mini fallback", "Another model is missing."),
        ("model mini fallback small", "Another model is missing."),
        ("model mini fallback gpt-9", "There is no model 'gpt-9'."),
        ("alerts", "A channel is missing"),
        ("alerts admins", "A channel is missing"),
        ("contact", "A contact of 1 to 100 characters is missing."),
        ("contact " + "x" * 101, "A contact of 1 to 100 characters is missing."),
        ("thresholds", "A threshold is a number from 1 to 100."),
        ("thresholds 0", "A threshold is a number from 1 to 100."),
        ("thresholds 75 101", "A threshold is a number from 1 to 100."),
        ("thresholds many", "A threshold is a number from 1 to 100."),
        ("setup again", "'again' is not understood."),
    ],
)
async def test_a_mistake_is_named_and_changes_nothing(line: str, problem: str) -> None:
    bot = build(DAILY)
    card = await bot.type(f"/quota-admin {line}")
    assert card.panel.title == "That did not work"
    assert problem in card.panel.lines[0]
    assert await bot.store.flags() == []


@pytest.mark.parametrize("subject", ["allowance", "role", "alerts", "nonsense"])
async def test_an_empty_form_changes_nothing(subject: str) -> None:
    bot = build(DAILY)
    card = await bot.pressed("setup", subject, ADMIN)
    assert card.panel.title == "That did not work"
    assert await bot.store.flags() == []


@pytest.mark.parametrize("name", ["notice", "setup"])
@pytest.mark.parametrize("who", [requester("ana"), requester("sam", staff=True)])
async def test_who_is_no_admin_sets_nothing_up(who: Any, name: str) -> None:
    bot = build(DAILY)
    assert bot.actions.form(Pressed(who, name, "allowance"), bot.words) is None
    values = {"note": "mine", "amount": "1M tokens", "per": "day"}
    card = await bot.pressed(name, "allowance", who, values=values)
    assert card.panel.title == "Not allowed"
    assert await bot.store.flags() == []
    assert isinstance(await bot.ask("ana"), Answer)
    assert bot.desk.settings.member(requester().member) == MemberSettings()
