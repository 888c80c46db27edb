"""What members and admins were promised, word for word on Discord and in Slack."""

from functools import partial
from pathlib import Path

from bot.upkeep import announce
from tests.adapters.pdf_text_test import pdf
from tests.fakes import DAY, HOUR
from tests.stage import GROUP, Opens
from tests.stories.acts import (
    answered,
    costing,
    direct,
    goes_on,
    id_of,
    payload_of,
    refused,
    sends,
    space_of,
    told,
    uses,
    writes_note,
)

PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489")
MODEL = """
[models.{name}]
name = "gpt-5-nano"
base_url = "offline"
price = {{input = "$0.01", output = "$0.02"}}
{more}
"""
IN_GENERAL = """
[channels.general]
model = "{model}"
"""


# Chatting.


async def test_a_picture_is_named_as_left_out_where_the_model_cannot_see(
    tmp_path: Path, stage_of: Opens
) -> None:
    async with stage_of(tmp_path, "100k tokens/day") as stage:
        answer = await sends(stage, "ana", "@bot what is this", "cat.png", PNG, "image/png")
        assert "cat.png" in answer.text
        assert "cannot see images" in answer.text
        assert "w1" in answer.text
        assert not any(message.images for message in stage.model.calls[0].messages)


async def test_a_picture_reaches_a_model_that_can_see(tmp_path: Path, stage_of: Opens) -> None:
    more = MODEL.format(name="eyes", more="vision = true") + IN_GENERAL.format(model="eyes")
    async with stage_of(tmp_path, "100k tokens/day", more=more) as stage:
        answer = await sends(stage, "ana", "@bot what is this", "cat.png", PNG, "image/png")
        assert "cat.png" not in answer.text
        (image,) = stage.model.calls[0].messages[-1].images
        assert image.data == PNG


async def test_the_words_of_a_pdf_reach_the_model(tmp_path: Path, stage_of: Opens) -> None:
    async with stage_of(tmp_path, "100k tokens/day") as stage:
        data = pdf(["the password is swordfish"])
        answer = await sends(stage, "ana", "@bot read it", "notes.pdf", data, "application/pdf")
        assert "notes.pdf" not in answer.text
        said = " ".join(message.content for message in stage.model.calls[0].messages)
        assert "the password is swordfish" in said


async def test_the_persona_of_a_channel_reaches_the_model(tmp_path: Path, stage_of: Opens) -> None:
    more = """
[personas.pirate]
prompt = "Speak like a pirate."
[channels.general]
persona = "pirate"
"""
    async with stage_of(tmp_path, "100k tokens/day", more=more) as stage:
        await answered(stage, "ana")
        first = stage.model.calls[0].messages[0]
        assert first.role == "system"
        assert "Speak like a pirate." in first.content


async def test_a_model_may_be_for_a_role_and_others_are_told_for_which(
    tmp_path: Path, stage_of: Opens
) -> None:
    more = MODEL.format(name="strong", more=f'allowed_for = ["{GROUP}"]')
    async with stage_of(tmp_path, "10 requests/day", more=more) as stage:
        shown = await uses(stage, "ana", "ask", prompt="hello", model="strong")
        assert "strong is for" in shown.text
        assert GROUP in shown.text
        assert stage.model.calls == []
        await uses(stage, "cy", "ask", prompt="hello", model="strong")
        assert [call.model for call in stage.model.calls] == ["gpt-5-nano"]


async def test_the_cheaper_model_is_offered_at_the_limit_and_answers_when_pressed(
    tmp_path: Path, stage_of: Opens
) -> None:
    more = MODEL.format(name="small", more="")
    more += '[limits.models.default]\neveryone = "1 request/day"'
    async with stage_of(tmp_path, "10 requests/day", more=more) as stage:
        await answered(stage, "ana")
        refusal = await refused(stage, "ana", "@bot and why?")
        assert "Use small" in refusal.buttons
        shown = await stage.presses("ana", refusal, "Use small")
        assert "did not work" not in shown.text
        assert [call.model for call in stage.model.calls] == ["gpt-5-mini", "gpt-5-nano"]
        assert stage.model.calls[1].messages[-1].content == "and why?"
        assert "w1" in stage.answers()[-1]


async def test_it_is_said_how_much_of_the_past_was_used(tmp_path: Path, stage_of: Opens) -> None:
    async with stage_of(tmp_path, "3k tokens/day") as stage:
        asked = await stage.says("ana", f"@bot {'apple ' * 600}")
        first = await stage.answer(asked)
        assert "older" not in first.text
        second = await goes_on(stage, asked, first, "@bot and pears?")
        assert "Only the last message was used; 1 older one was left out." in second
        said = " ".join(message.content for message in stage.model.calls[1].messages)
        assert ("pears" in said, "apple" in said) == (True, False)


# Knowing where one stands.


async def test_the_rules_that_hold_are_listed_with_the_one_that_gives_way(
    tmp_path: Path, stage_of: Opens
) -> None:
    more = f'[limits.roles]\n{GROUP} = ["5k tokens/day"]'
    async with stage_of(tmp_path, "1k tokens/day", more=more) as stage:
        shown = (await uses(stage, "cy", "quota", view="rules")).text
        assert "5k tokens/day" in shown
        assert "does not bind" in shown
        assert "does not bind" not in (await uses(stage, "ana", "quota", view="rules")).text


async def test_a_ceiling_of_ones_own_stops_its_member_and_nobody_else(
    tmp_path: Path, stage_of: Opens
) -> None:
    async with stage_of(tmp_path, "1k tokens/day") as stage:
        await uses(stage, "ana", "chat ceiling", amount="200 tokens", per="day")
        costing(stage, 200)
        await answered(stage, "ana")
        assert "limit reached" in (await refused(stage, "ana")).text
        await answered(stage, "bo")
        await uses(stage, "ana", "chat ceiling", amount="off")
        assert "w1" in (await answered(stage, "ana")).text


async def test_who_wants_it_is_told_once_the_limit_has_opened(
    tmp_path: Path, stage_of: Opens
) -> None:
    async with stage_of(tmp_path, "1 request/day") as stage:
        await uses(stage, "ana", "chat remind", switch="on")
        for who in ("ana", "bo"):
            await answered(stage, who)
            await refused(stage, who)
        hear = partial(stage.bot.chat.reminders.opened, listeners=stage.bot.on_fresh)
        assert await announce(stage.bot.quotas, [hear]) == 0
        stage.clock.leap(DAY)
        assert await announce(stage.bot.quotas, [hear]) > 0
        assert "open" in (await told(stage, "ana")).casefold()
        assert direct(stage, "bo") == []


# Governing.


async def test_the_admins_own_sentence_stands_in_the_refusal(
    tmp_path: Path, stage_of: Opens
) -> None:
    async with stage_of(tmp_path, "1 request/day") as stage:
        await writes_note(stage, "Ask Ada in room 7.")
        await answered(stage, "ana")
        shown = (await refused(stage, "ana")).text
        assert "limit reached: 1 of 1" in shown
        assert "Ask Ada in room 7." in shown


async def test_a_limit_for_a_role_holds_at_once_and_removing_it_gives_back(
    tmp_path: Path, stage_of: Opens
) -> None:
    async with stage_of(tmp_path, "1k tokens/day") as stage:
        costing(stage, 300)
        await answered(stage, "cy")
        preview = await uses(
            stage,
            "ada",
            "quota-admin limit set",
            amount="300 tokens",
            per="day",
            target=f"@{GROUP}",
        )
        await stage.presses("ada", preview, "Apply")
        assert "limit reached: 300 of 300" in (await refused(stage, "cy")).text
        await answered(stage, "ana")
        assert (await stage.balance("ana")).granted == 1_000
        listed = await uses(stage, "ada", "quota-admin limit list")
        assert "300 tokens/day" in listed.text
        (limit,) = stage.bot.quotas.governing.limits(space_of(stage))
        removal = await uses(stage, "ada", "quota-admin limit remove", rule=limit.id)
        await stage.presses("ada", removal, "Apply")
        assert (await stage.balance("cy")).left == 700
        assert "w1" in (await answered(stage, "cy")).text


async def test_what_is_taken_is_gone_and_a_reset_writes_off_what_was_used(
    tmp_path: Path, stage_of: Opens
) -> None:
    async with stage_of(tmp_path, "1k tokens/day") as stage:
        costing(stage, 300)
        await answered(stage, "ana")
        await stage.grants("ada", "ana", "-500 tokens")
        assert (await stage.balance("ana")).left == 200
        await uses(stage, "ada", "quota-admin member reset", member="@ana", reason="oops")
        balance = await stage.balance("ana")
        assert (balance.used, balance.left) == (0, 500)


async def test_a_block_ends_when_it_was_said_to_or_by_hand(tmp_path: Path, stage_of: Opens) -> None:
    async with stage_of(tmp_path, "1k tokens/day") as stage:
        await uses(stage, "ada", "quota-admin member block", member="@ana", until="2h")
        await uses(stage, "ada", "quota-admin member block", member="@bo")
        for who in ("ana", "bo"):
            assert "block" in (await refused(stage, who)).text.casefold()
        assert stage.model.calls == []
        stage.clock.leap(2 * HOUR + 1_000)
        await answered(stage, "ana")
        await refused(stage, "bo")
        await uses(stage, "ada", "quota-admin member unblock", member="@bo")
        await answered(stage, "bo")
        assert len(stage.model.calls) == 2


async def test_explain_names_the_rule_that_refuses(tmp_path: Path, stage_of: Opens) -> None:
    async with stage_of(tmp_path, "1 request/day", "10k tokens/day") as stage:
        before = await uses(stage, "ada", "quota-admin member explain", member="@ana")
        assert "would be refused now" not in before.text
        await answered(stage, "ana")
        after = await uses(stage, "ada", "quota-admin member explain", member="@ana")
        assert "would be refused now" in after.text
        assert "limit reached: 1 of 1" in after.text


async def test_the_audit_names_actor_change_and_reason(tmp_path: Path, stage_of: Opens) -> None:
    async with stage_of(tmp_path, "1k tokens/day") as stage:
        given = {"member": "@ana", "amount": "500 tokens", "reason": "exam week"}
        await uses(stage, "ada", "quota-admin member grant", **given)
        audit = await uses(stage, "ada", "quota-admin audit")
        for said in ("grant", "\u2192 500 tokens", "exam week"):
            assert said in audit.text
        for name in ("ada", "ana"):
            assert id_of(stage, name) in payload_of(audit)


async def test_the_admins_hear_that_a_shared_limit_runs_low(
    tmp_path: Path, stage_of: Opens
) -> None:
    async with stage_of(tmp_path, "10k tokens/day") as stage:
        done = await uses(stage, "ada", "quota-admin pool set", amount="1k tokens", per="day")
        await stage.presses("ada", done, "Apply")
        costing(stage, 800)
        await answered(stage, "ana")
        assert "75% of the shared 1,000 tokens is used; 200 left" in (await stage.alert()).text


async def test_the_admins_hear_that_a_model_took_more_than_was_held(
    tmp_path: Path, stage_of: Opens
) -> None:
    async with stage_of(tmp_path, "1k tokens/day") as stage:
        costing(stage, 5_000)
        await answered(stage, "ana")
        assert "more than it was allowed to" in (await stage.alert()).text
        assert (await stage.balance("ana")).used <= 1_000


async def test_a_pause_is_said_and_its_end_answers_again(tmp_path: Path, stage_of: Opens) -> None:
    async with stage_of(tmp_path, "1k tokens/day") as stage:
        await uses(stage, "ada", "quota-admin pause", until="2h")
        assert "paused" in (await refused(stage, "ana")).text.casefold()
        assert stage.model.calls == []
        await uses(stage, "ada", "quota-admin resume")
        assert "w1" in (await answered(stage, "ana")).text
