"""Admins govern in Slack by forms: from the menu, from App Home, and where a line was mistyped."""

from pathlib import Path
from typing import Any

import pytest

from bot.commands import ADMINS, STAFF
from quota.members import Space
from quota.units import Unit, Usage
from tests.adapters.slack_kit import buttons_of, press
from tests.scripted import says
from tests.servers.slack import View
from tests.stories.slack_govern_test import Place, governed
from tests.stories.slack_rights_test import ADMIN_LINES, STAFF_LINES

MENU = ["Set up", "Set a limit", "Give more", "Notices", "Write a command"]


async def menu_of(place: Place) -> View:
    """The menu that Ada opens by her command alone."""
    view: View = await (await place.ada.command(place.general, "/quota-admin")).modal()
    assert place.slack.calls_of("chat.postEphemeral") == []
    return view


async def sent(place: Place, on: Any, label: str, answers: dict[str, Any]) -> View:
    """Ada opens a form and sends it with these answers; what its window shows then."""
    view: View = await (await press(place.ada, on, label)).modal()
    await place.ada.submits(view, answers)
    await place.there.rests()
    return view


def kinds(view: View) -> list[str]:
    return [b["element"]["type"] for b in view.blocks if b["type"] == "input"]


async def test_the_menu_leads_from_window_to_window_to_a_limit_that_holds(tmp_path: Path) -> None:
    async with governed(tmp_path, "1000 tokens/day") as place:
        menu = await menu_of(place)
        assert buttons_of(menu) == MENU
        assert [block["type"] for block in menu.blocks[:2]] == ["header", "actions"]
        assert "/quota-admin grant" in menu.shown
        assert "/quota more" not in menu.shown
        await press(place.ada, menu, "Set a limit")
        await place.there.rests()
        assert "1k tokens/day" in menu.shown
        view = await (await press(place.ada, menu, "Limit for a role")).modal()
        assert kinds(view) == ["static_select", "number_input"] + ["static_select"] * 3
        await place.ada.submits(view, {"Role": "supporters", "How much": "5000"})
        await place.there.rests()
        assert "supporters" in view.shown
        await press(place.ada, view, "Apply")
        await place.there.rests()
        for who, limit in ((place.bo, "5,000 tokens"), (place.ana, "1,000 tokens")):
            assert limit in (await place.command(who, "/quota")).shown
        assert place.slack.refusals == []


async def test_a_limit_for_a_member_and_one_for_a_channel_are_set_by_choosing(
    tmp_path: Path,
) -> None:
    async with governed(tmp_path, "1000 tokens/day") as place:
        listed = await place.command(place.ada, "/quota-admin", "limit list")
        answers = {"Member": place.ana, "How much": "2.5", "Counted in": "dollars", "In": "week"}
        view = await sent(place, listed, "Limit for a member", answers)
        await press(place.ada, view, "Apply")
        await place.there.rests()
        answers = {"Channel": place.general, "How much": "300", "In": "hour", "Model": "default"}
        view = await sent(place, listed, "Limit for a channel", answers)
        await press(place.ada, view, "Apply")
        await place.there.rests()
        space = Space("slack", place.there.team.id)
        mine, channel = place.there.bot.quotas.governing.limits(space.key)
        assert (mine.scope.name, mine.rule.amount, mine.rule.unit) == (
            place.ana.id,
            2_500_000,
            Unit.CREDITS,
        )
        assert (channel.scope.name, channel.models) == ("general", "default")
        # It holds: what is asked in the channel is counted there.
        place.there.model.next(says(1, reported=Usage(input=99, output=201)))
        await place.there.answer_to(await place.bo.says(place.general, "@bot hello"))
        refused = await place.bo.says(place.general, "@bot and again")
        await place.there.rests()
        assert place.there.answers_to(refused) == []
        assert "300" in (await place.told(place.bo, place.general)).shown


async def test_everybody_may_be_given_a_cap(tmp_path: Path) -> None:
    async with governed(tmp_path, "1000 tokens/day") as place:
        listed = await place.command(place.ada, "/quota-admin", "limit list")
        answers = {"How much": "20", "Counted in": "requests", "In": "hour", "Holds": "cap"}
        view = await sent(place, listed, "Limit for everyone", answers)
        await press(place.ada, view, "Apply")
        await place.there.rests()
        (cap,) = place.there.bot.quotas.governing.limits(f"slack:{place.there.team.id}")
        assert (cap.kind, cap.rule.amount, cap.rule.unit) == ("cap", 20, Unit.REQUESTS)


async def test_more_is_given_from_app_home_and_from_an_explanation(tmp_path: Path) -> None:
    async with governed(tmp_path, "1000 tokens/day") as place:
        await place.ada.opens_home()
        await place.there.rests()
        home = place.there.team.homes[place.ada.id]
        answers: dict[str, Any] = {
            "Member": place.ana,
            "How much": "500",
            "For how long": "3d",
            "Why": "a demo -- or two",
        }
        view = await sent(place, home, "Give more", answers)
        assert "Added 500 tokens" in view.shown
        (grant,) = await place.there.bot.quotas.store.grants(
            f"slack:{place.there.team.id}:{place.ana.id}", place.there.bot.clock.now()
        )
        assert grant.until is not None
        explained = await place.command(place.ada, "/quota-admin", "explain @ana")
        opened = await (await press(place.ada, explained, "Give more")).modal()
        element = next(b["element"] for b in opened.blocks if b["block_id"] == "member")
        assert (element["type"], element["initial_user"]) == ("users_select", place.ana.id)
        await place.ada.submits(opened, {"How much": "-200"})
        await place.there.rests()
        assert (await place.there.balance(place.ana)).left == 1_300


async def test_what_cannot_be_is_told_in_the_window(tmp_path: Path) -> None:
    async with governed(tmp_path, "1000 tokens/day") as place:
        listed = await place.command(place.ada, "/quota-admin", "limit list")
        view = await sent(place, listed, "Limit for everyone", {"How much": "-5"})
        assert "did not work" in view.shown
        assert place.there.bot.quotas.governing.limits(f"slack:{place.there.team.id}") == []


async def test_a_window_that_comes_too_late_is_a_card(tmp_path: Path) -> None:
    async with governed(tmp_path) as place:
        place.slack.fail_next("views.open", "expired_trigger_id")
        ran = await place.ada.command(place.general, "/quota-admin")
        assert buttons_of(await ran.answer()) == MENU


async def test_the_notices_open_with_their_channel_however_it_was_said(tmp_path: Path) -> None:
    """Slack refuses a form whole in which a name stands where an id must."""
    async with governed(tmp_path) as place:
        mistake = await place.command(place.ada, "/quota-admin", "alerts")
        view = await (await press(place.ada, mistake, "Open the form")).modal()
        await place.ada.submits(view, {"line": "quota-admin alerts #quota-alerts"})
        await place.there.rests()
        card = await place.command(place.ada, "/quota-admin", "notice")
        view = await (await press(place.ada, card, "Change")).modal()
        element = next(b["element"] for b in view.blocks if b["block_id"] == "alerts")
        assert element["initial_conversation"] == place.alerts.id


@pytest.mark.parametrize(
    ("name", "verb"),
    [("quota-admin", verb) for verb in ADMINS] + [("quota-staff", verb) for verb in STAFF],
)
async def test_a_line_that_was_mistyped_stands_in_the_form_whole_and_can_be_mended(
    tmp_path: Path, name: str, verb: str
) -> None:
    lines = ADMIN_LINES if name == "quota-admin" else STAFF_LINES
    right = next(line for line in lines if line.split()[:1] == [verb])
    async with governed(tmp_path) as place:
        who = place.ada if name == "quota-admin" else place.sam
        wrong = f"{right.replace(verb, verb + 'x', 1)} and {'more ' * 20}"
        mistake = await place.command(who, f"/{name}", wrong)
        assert "Write:" in mistake.shown
        view = await (await press(who, mistake, "Open the form")).modal()
        (field,) = [b["element"] for b in view.blocks if b["type"] == "input"]
        typed = place.there.team.translated(wrong)
        said = str(field["initial_value"])
        assert said.startswith(f"{name} {verb}x")
        assert said.endswith(f"and {'more ' * 20}".strip()), typed
        mended = said.replace(f"{verb}x", verb, 1).partition(" and more")[0]
        await who.submits(view, {"line": mended})
        await place.there.rests()
        assert f"no '{verb}x'" not in view.shown
