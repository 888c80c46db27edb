"""More of what was promised, on Discord and in Slack: what answers offer, and how staff help."""

from pathlib import Path
from typing import Any

import pytest

from bot.ports import Finished, ModelError, TextDelta, UsageReport
from bot.upkeep import lapse
from quota.units import Usage
from tests.fakes import DAY, HOUR
from tests.scripted import Gate, Step, steps
from tests.servers import discord, slack
from tests.stage import GROUP, STAFF, InSlack, OnDiscord, Opens, Seen, Stage, entries
from tests.stories.acts import answered, costing, id_of, refused, space_of, used, uses

END: list[Step] = [Finished("stop"), UsageReport(Usage(input=20, output=3))]


async def thumbs(stage: Stage, who: str, on: Seen) -> None:
    """Say that an answer was good, as one does it there."""
    if isinstance(on.message, discord.Message):
        await stage.presses(who, on, "👍")
        return
    assert isinstance(stage, InSlack)
    assert isinstance(on.message, slack.Message)
    await stage.people[who].clicks(on.message, "rate", True)
    await stage.there.rests()


async def erases(stage: Stage, who: str, asked: Any) -> Seen:
    """Ask for all to be deleted: by command, or below what was asked; the card that warns."""
    if isinstance(stage, OnDiscord):
        return await uses(stage, who, "privacy delete")
    assert isinstance(stage, InSlack)
    await stage.people[who].says(stage.general, "!privacy delete", thread=asked)
    await stage.there.rests()
    return stage.seen(stage.newest(who, stage.general))


async def asks_for(stage: Stage, amount: str) -> Seen:
    """Ana runs out and asks for more; the card that the admins get."""
    refusal = await refused(stage, "ana")
    answers = {"How much": amount, "What for": "the exam"}
    await stage.fills("ana", refusal, "Ask for more", answers)
    return await stage.alert()


async def left(stage: Stage, who: str = "ana") -> int | None:
    return (await stage.balance(who)).left


# Answers.


async def test_a_cut_answer_goes_on_where_it_was_cut_even_after_a_restart(
    tmp_path: Path, stage_of: Opens
) -> None:
    async with stage_of(tmp_path, "100k tokens/day") as stage:
        stage.model.next(steps(TextDelta("It begins"), Finished("length")))
        cut = await answered(stage, "ana", "@bot tell me a story")
        assert "Continue" in cut.buttons
        await stage.restart()
        other = await stage.presses("bo", cut, "Continue")
        assert "Only the person who asked" in other.text
        stage.model.next(steps(TextDelta("and it ends"), *END))
        await stage.presses("ana", cut, "Continue")
        said = [message.content for message in stage.model.calls[1].messages]
        assert said[-2] == "It begins"
        assert "continue" in said[-1].casefold()
        assert any("and it ends" in answer for answer in stage.answers())


async def test_feedback_is_that_of_who_asked_even_after_a_restart(
    tmp_path: Path, stage_of: Opens, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with stage_of(tmp_path, "100k tokens/day") as stage:
        answer = await answered(stage, "ana")
        await stage.restart()
        await thumbs(stage, "bo", answer)
        assert "feedback good" not in caplog.text
        await thumbs(stage, "ana", answer)
        assert caplog.text.count("feedback good") == 1


async def test_a_system_prompt_names_the_day_the_member_and_the_place(
    tmp_path: Path, stage_of: Opens
) -> None:
    more = '[chat]\nsystem_prompt = "{date}. You talk to {member} in {channel} of {space}."'
    async with stage_of(tmp_path, "100k tokens/day", more=more) as stage:
        await answered(stage, "ana")
        first = stage.model.calls[0].messages[0].content.casefold()
        space = "homework" if isinstance(stage, OnDiscord) else "acme"
        assert f"monday, 1 june 2026. you talk to ana in general of {space}." in first


async def test_a_model_that_breaks_costs_nothing_and_its_words_are_shown_to_nobody(
    tmp_path: Path, stage_of: Opens
) -> None:
    async with stage_of(tmp_path, "1k tokens/day") as stage:
        stage.model.next(steps(ModelError("rejected", detail="key sk-123")))
        assert_kind((await refused(stage, "ana")).text)
        balance = await stage.balance("ana")
        assert (balance.held, balance.used) == (0, 0)
        stage.model.next(steps(ValueError("a mistake of ours")))
        assert_kind((await refused(stage, "ana")).text)
        assert (await stage.balance("ana")).held == 0
        assert "w1" in (await answered(stage, "ana")).text


def assert_kind(shown: str) -> None:
    """A word with a reference, and nothing of what went wrong inside."""
    assert "ref " in shown
    for word in ("sk-123", "of ours", "Error", "rejected"):
        assert word not in shown


# Knowing where one stands.


async def test_quota_shows_what_is_held_by_a_running_answer(
    tmp_path: Path, stage_of: Opens
) -> None:
    async with stage_of(tmp_path, "20k tokens/day") as stage:
        gate = Gate()
        stage.model.next(steps(TextDelta("It begins"), gate, *END))
        asked = await stage.says("ana", "@bot hello")
        await stage.beginning(asked)
        card = await used(stage, "ana", "quota", {}, meanwhile=True)
        assert "Running now: " in card.text
        assert " held" in card.text
        gate.release()
        await stage.answer(asked)
        card = await uses(stage, "ana", "quota")
        assert "Running now" not in card.text
        assert "23 / 20,000" in card.text


async def test_who_has_themselves_erased_is_found_nowhere_and_gets_nothing_by_it(
    tmp_path: Path, stage_of: Opens
) -> None:
    async with stage_of(tmp_path, "2 requests/day", "1k tokens/day") as stage:
        await answered(stage, "ana")
        asked = await stage.says("ana", "@bot hello")
        await stage.answer(asked)
        await stage.grants("ada", "ana", "-5 tokens")
        card = await erases(stage, "ana", asked)
        done = await stage.fills("ana", card, "Delete", {'Type "delete" to go on': "delete"})
        assert "a name that leads back to nobody" in done
        store, space = stage.bot.quotas.store, space_of(stage)
        found = [entry.wallet for entry in await entries(stage, "settle")]
        assert len(found) == 2
        assert all("deleted-" in wallet for wallet in found)
        trail = str(await store.audit_trail(space, 0, 99))
        assert id_of(stage, "ana") not in trail
        await stage.restart()
        assert "limit reached: 2 of 2" in (await refused(stage, "ana")).text
        stage.clock.leap(DAY)
        assert "w1" in (await answered(stage, "ana")).text
        await answered(stage, "bo")
        assert await stage.bot.quotas.store.verify() == []


# Governing.

SCOPES = [
    ({}, "ana", "everyone: 5 requests/week"),
    ({"target": f"@{GROUP}"}, "cy", "role supporters: 5 requests/week"),
    ({"target": "@ana"}, "ana", "member "),
    ({"channel": "#general"}, "ana", "channel general: 5 requests/week"),
    ({"model": "mini"}, "ana", "everyone: 5 requests/week for mini"),
    ({"kind": "cap"}, "ana", "everyone: 5 requests/week (cap)"),
]


@pytest.mark.parametrize(("given", "who", "name"), SCOPES, ids=[name for _, _, name in SCOPES])
async def test_a_limit_of_every_kind_is_shown_set_listed_and_removed(
    tmp_path: Path, stage_of: Opens, given: dict[str, str], who: str, name: str
) -> None:
    async with stage_of(tmp_path, "100k tokens/day") as stage:
        await answered(stage, who)
        limits = stage.bot.quotas.governing.limits
        path = "quota-admin limit set"
        preview = await uses(stage, "ada", path, amount="5 requests", per="week", **given)
        assert preview.buttons == ["Apply", "Cancel"]
        assert limits(space_of(stage)) == []
        await stage.presses("ada", preview, "Apply")
        (limit,) = limits(space_of(stage))
        assert name in limit.name
        listed = await uses(stage, "ada", "quota-admin limit list")
        assert "5 requests/week" in listed.text
        assert "5 requests" in (await uses(stage, who, "quota", view="rules")).text
        removal = await uses(stage, "ada", "quota-admin limit remove", rule=limit.id)
        await stage.presses("ada", removal, "Apply")
        assert limits(space_of(stage)) == []


async def test_what_was_given_for_a_while_is_gone_after_it(tmp_path: Path, stage_of: Opens) -> None:
    async with stage_of(tmp_path, "1 request/day") as stage:
        given = {"member": "@ana", "amount": "2 requests", "expires": "2h", "reason": "exam"}
        shown = await uses(stage, "ada", "quota-admin member grant", **given)
        assert "exam" in shown.text
        assert await left(stage) == 3
        stage.clock.leap(2 * HOUR + 1_000)
        assert await left(stage) == 1


async def test_less_is_given_than_was_asked_for_and_a_refusal_has_a_reason(
    tmp_path: Path, stage_of: Opens
) -> None:
    async with stage_of(tmp_path, "1 request/day") as stage:
        await answered(stage, "ana")
        request = await asks_for(stage, "9 requests")
        await stage.fills(
            "ada", request, "Approve less", {"How much (asked: 9 requests)": "2 requests"}
        )
        assert await left(stage) == 2
        for _ in range(2):
            await answered(stage, "ana")
        again = await asks_for(stage, "9 requests")
        await stage.fills("ada", again, "Deny", {"Why": "exam is over"})
        assert await left(stage) == 0
        assert "exam is over" in again.text
        assert again.buttons == []


async def test_the_admins_hear_that_a_model_does_not_answer(
    tmp_path: Path, stage_of: Opens
) -> None:
    async with stage_of(tmp_path, "100k tokens/day") as stage:
        for _ in range(3):
            stage.model.next(*[steps(ModelError("rejected"))] * 3)
            await refused(stage, "ana")
            stage.model.forget()
        assert "3 times in a row" in (await stage.alert()).text


async def test_the_admins_hear_of_an_answer_that_died_and_give_it_back(
    tmp_path: Path, stage_of: Opens
) -> None:
    async with stage_of(tmp_path, "10k tokens/day") as stage:
        quotas = stage.bot.quotas
        costing(stage, 100)
        await answered(stage, "ana")
        before = await stage.balance("ana")
        gate = Gate()
        stage.model.next(steps(TextDelta("It begins"), gate, *END))
        asked = await stage.says("ana", "@bot tell me a story")
        await stage.beginning(asked)
        stage.clock.leap(2 * HOUR)
        assert await lapse(quotas, stage.bot.alerts.lapsed) == 1
        alert = await stage.alert()
        assert "was interrupted" in alert.text
        assert (await stage.balance("ana")).used > before.used
        other = await stage.presses("bo", alert, "Give back")
        assert "Not allowed" in other.text
        await stage.presses("ada", alert, "Give back")
        assert (await stage.balance("ana")).left == before.left
        gate.release()


# Staff.


async def test_staff_give_up_to_their_cap_and_ask_admins_for_the_rest(
    tmp_path: Path, stage_of: Opens
) -> None:
    async with stage_of(tmp_path, "1 request/day", staff_cap="3 requests") as stage:
        for given, then in (("2 requests", 3), ("2 requests", 3)):
            shown = await uses(
                stage, "mo", "quota-staff grant", member="@ana", amount=given, reason="ill"
            )
            assert "did not work" not in shown.text
            assert await left(stage) == then
        request = await stage.alert()
        assert "ill" in request.text
        capped = await stage.presses("mo", request, "Approve")
        assert "Staff may give this member 1 request more in this period" in capped.text
        assert await left(stage) == 3
        await stage.presses("ada", request, "Approve")
        assert await left(stage) == 5
        one = await uses(
            stage, "mo", "quota-staff grant", member="@bo", amount="3 requests", reason="ill"
        )
        assert "3 requests" in one.text
        assert await left(stage, "bo") == 4


async def test_staff_help_others_and_govern_nothing(tmp_path: Path, stage_of: Opens) -> None:
    async with stage_of(tmp_path, "1 request/day", staff_cap="3 requests") as stage:
        own = {"member": "@mo", "amount": "2 requests", "reason": "me"}
        assert "did not work" in (await uses(stage, "mo", "quota-staff grant", **own)).text
        assert await left(stage, "mo") == 1
        assert "Not allowed" in (await uses(stage, "mo", "quota-admin pause")).text
        assert "Not allowed" in (await uses(stage, "bo", "quota-staff requests")).text
        shown = await uses(stage, "mo", "quota-staff show", member="@ana")
        assert "1 left" in shown.text or "0 / 1" in shown.text


async def test_who_is_no_longer_staff_approves_nothing(tmp_path: Path, stage_of: Opens) -> None:
    async with stage_of(tmp_path, "1 request/day", staff_cap="3 requests") as stage:
        await answered(stage, "ana")
        request = await asks_for(stage, "2 requests")
        await stage.loses_group("mo", STAFF)
        assert "Not allowed" in (await stage.presses("mo", request, "Approve")).text
        assert await left(stage) == 0
        await stage.presses("ada", request, "Approve")
        assert await left(stage) == 2
        assert len(await entries(stage, "grant")) >= 1
