"""What holds wherever people are: the same stories, word for word, on Discord and in Slack."""

from pathlib import Path

from bot.ports import Finished, TextDelta, UsageReport
from quota.units import Usage
from tests.fakes import HOUR, MINUTE
from tests.scripted import Gate, Step, says, steps
from tests.stage import Opens, entries

END: list[Step] = [Finished("stop"), UsageReport(Usage(input=20, output=3))]


async def test_a_member_runs_out_at_noon_and_is_back_at_midnight(
    tmp_path: Path, stage_of: Opens
) -> None:
    async with stage_of(tmp_path, "2 requests/day") as stage:
        for _ in range(2):
            await stage.answer(await stage.says("ana", "@bot hello"))
        stage.clock.leap(3 * HOUR)
        noon = await stage.refusal(await stage.says("ana", "@bot and again"))
        assert "limit reached: 2 of 2" in noon.text
        assert "1780358400" in noon.text, "midnight, as the platform's own date"
        assert len(stage.model.calls) == 2
        stage.clock.leap(12 * HOUR + MINUTE)
        back = await stage.answer(await stage.says("ana", "@bot good morning"))
        assert back.text.startswith("w1")
        assert len(await entries(stage, "settle")) == 3


async def test_an_admin_grants_and_takes_it_back(tmp_path: Path, stage_of: Opens) -> None:
    async with stage_of(tmp_path, "1 request/day") as stage:
        await stage.answer(await stage.says("ana", "@bot hello"))
        await stage.refusal(await stage.says("ana", "@bot and again"))
        granted = await stage.grants("ada", "ana", "2 requests")
        assert "2 requests" in granted.text
        assert (await stage.balance("ana")).left == 2
        assert (await stage.answer(await stage.says("ana", "@bot now"))).text.startswith("w1")
        undone = await stage.presses("ada", granted, "Undo")
        assert "did not work" not in undone.text
        assert (await stage.balance("ana")).left == 0
        assert "limit reached" in (await stage.refusal(await stage.says("ana", "@bot and"))).text


async def test_a_group_that_is_lost_in_mid_answer_counts_from_the_next_one(
    tmp_path: Path, stage_of: Opens
) -> None:
    more = '[limits.roles]\nsupporters = ["5 requests/day"]'
    async with stage_of(tmp_path, "1 request/day", more=more) as stage:
        await stage.answer(await stage.says("cy", "@bot one"))
        gate = Gate()
        stage.model.next(steps(TextDelta("It begins"), gate, TextDelta(" and ends"), *END))
        asked = await stage.says("cy", "@bot two")
        await stage.beginning(asked)
        await stage.loses_group("cy")
        gate.release()
        assert (await stage.answer(asked)).text.startswith("It begins and ends")
        after = await stage.refusal(await stage.says("cy", "@bot three"))
        assert "limit reached" in after.text
        assert len(await entries(stage, "settle")) == 2


async def test_a_restart_in_mid_stream_settles_what_was_used_and_says_so(
    tmp_path: Path, stage_of: Opens
) -> None:
    async with stage_of(tmp_path, "10k tokens/day") as stage:
        stage.model.next(steps(TextDelta("It begins"), Gate(), TextDelta(" and ends"), *END))
        asked = await stage.says("ana", "@bot tell me a story")
        answer = await stage.beginning(asked)
        await stage.restart()
        assert answer.text.startswith("It begins")
        assert "broke off" in answer.text
        assert "and ends" not in answer.text
        balance = await stage.balance("ana")
        assert (balance.held, 0 < balance.used < 1_000) == (0, True)
        assert len(await entries(stage, "settle")) == 1
        assert (await stage.answer(await stage.says("ana", "@bot again"))).text.startswith("w1")


async def test_every_event_comes_four_times_and_counts_once(
    tmp_path: Path, stage_of: Opens
) -> None:
    async with stage_of(tmp_path, "10 requests/day") as stage:
        asked = await stage.says("ana", "@bot hello")
        await stage.delivered_again(asked)
        await stage.answer(asked)
        await stage.delivered_again(asked)
        await stage.restart()
        await stage.delivered_again(asked)
        other = await stage.says("bo", "@bot and me?")
        await stage.answer(other)
        assert len(stage.model.calls) == 2
        assert len(stage.answers()) == 2
        assert len(await entries(stage, "settle")) == 2
        assert (await stage.balance("ana")).used == 1


async def test_a_button_is_for_who_asked_even_after_a_restart(
    tmp_path: Path, stage_of: Opens
) -> None:
    async with stage_of(tmp_path, "10 requests/day") as stage:
        answer = await stage.answer(await stage.says("ana", "@bot tell me a joke"))
        await stage.restart()
        refused = await stage.presses("bo", answer, "Regenerate")
        assert "Only the person who asked" in refused.text
        assert len(stage.model.calls) == 1
        stage.model.next(says(3))
        await stage.presses("ana", answer, "Regenerate")
        assert len(stage.model.calls) == 2
        assert stage.model.calls[1].messages[-1].content == "tell me a joke"
        assert (await stage.balance("bo")).used == 0


async def test_more_is_asked_for_and_given_with_a_click(tmp_path: Path, stage_of: Opens) -> None:
    async with stage_of(tmp_path, "1 request/day") as stage:
        await stage.answer(await stage.says("ana", "@bot hello"))
        refusal = await stage.refusal(await stage.says("ana", "@bot and again"))
        answers = {"How much": "2 requests", "What for": "the exam"}
        await stage.fills("ana", refusal, "Ask for more", answers)
        request = await stage.alert()
        assert "the exam" in request.text
        assert request.buttons == ["Approve", "Approve less", "Deny"]
        refused = await stage.presses("bo", request, "Approve")
        assert "Not allowed" in refused.text
        assert (await stage.balance("ana")).left == 0
        await stage.presses("ada", request, "Approve")
        assert "Approve" not in request.buttons
        assert (await stage.balance("ana")).left == 2
        assert (await stage.answer(await stage.says("ana", "@bot now"))).text.startswith("w1")


async def test_a_mistyped_line_is_mended_in_a_form(tmp_path: Path, stage_of: Opens) -> None:
    async with stage_of(tmp_path, "1 request/day") as stage:
        mistake = await stage.grants("ada", "ana", "lots")
        assert "'lots' is no amount; write 5000 tokens" in mistake.text
        assert mistake.buttons == ["Open the form"]
        (said,) = (await stage.opens("ada", mistake, "Open the form")).values()
        assert said.startswith("quota-admin grant @")
        assert said.endswith(" lots")
        mended = said.replace("lots", "2 requests")
        await stage.fills("ada", mistake, "Open the form", {"Command": mended})
        assert (await stage.balance("ana")).left == 3


async def test_a_name_that_is_only_typed_is_nobody(tmp_path: Path, stage_of: Opens) -> None:
    async with stage_of(tmp_path, "1 request/day") as stage:
        mistake = await stage.grants("ada", "ana", "lots")
        before = await entries(stage, "grant")
        line = {"Command": "grant @ana 2 requests"}
        told = await stage.fills("ada", mistake, "Open the form", line)
        assert "'ana' is no mention and no id of a member" in told
        assert await entries(stage, "grant") == before
        for said in ("limit set 5 requests per day for @ana", "audit by @ana", "audit 7 to @ana"):
            told = await stage.fills("ada", mistake, "Open the form", {"Command": said})
            assert "'ana' is no mention and no id of a member" in told
        told = await stage.fills("ada", mistake, "Open the form", {"Command": "audit by @upkeep"})
        assert "is no mention" in told


async def test_stop_settles_what_was_used(tmp_path: Path, stage_of: Opens) -> None:
    async with stage_of(tmp_path, "10k tokens/day") as stage:
        stage.model.next(steps(TextDelta("It begins"), Gate(), TextDelta(" and never ends"), *END))
        asked = await stage.says("ana", "@bot tell me a story")
        await stage.stops("ana", await stage.beginning(asked))
        answer = await stage.answer(asked)
        assert "Stopped by you" in answer.text
        assert answer.text.count("It begins") == 1
        assert "never ends" not in answer.text
        assert stage.model.open == 0
        balance = await stage.balance("ana")
        assert (balance.held, 0 < balance.used < 1_000) == (0, True)
        assert len(await entries(stage, "settle")) == 1
