"""What a message costs before it is sent, word for word on Discord and in Slack."""

import re
from pathlib import Path

from tests.adapters.pdf_text_test import pdf
from tests.stage import InSlack, OnDiscord, Opens, Seen, Stage, entries
from tests.stories.acts import answered, costing, goes_on, prices, refused, uses
from tests.stories.rows_test import MODEL

SMALL = MODEL.format(name="small", more="")
DEFAULT_IS_USED = '[limits.models.default]\neveryone = "1 request/day"'


async def sent(stage: Stage, held_back: Seen, label: str = "Send") -> str:
    """What comes of the button under a message that was held back."""
    before = len(stage.answers())
    shown = await stage.presses("ana", held_back, label)
    if label != "Send":
        return shown.text
    if isinstance(stage, InSlack):
        await stage.there.rests()
    assert len(stage.answers()) == before + 1
    return stage.answers()[-1]


async def test_a_message_has_a_price_before_it_is_sent(tmp_path: Path, stage_of: Opens) -> None:
    async with stage_of(tmp_path, "10k tokens/day", more=SMALL) as stage:
        shown = (await uses(stage, "ana", "chat price", prompt="how do I boil an egg")).text
        assert "About 4" in shown
        assert "of what is left today" in shown
        assert "go to default" in shown
        other = await uses(stage, "ana", "chat price", prompt="and rice", model="small")
        assert "go to small" in other.text
        assert "$0.00" in other.text
        assert stage.model.calls == []
        assert stage.answers() == []
        assert (await stage.balance("ana")).used == 0


async def test_the_files_of_a_message_are_in_its_price(tmp_path: Path, stage_of: Opens) -> None:
    async with stage_of(tmp_path, "10k tokens/day") as stage:
        data = pdf(["egg " * 500])
        shown = await prices(stage, "ana", "read it", "eggs.pdf", data, "application/pdf")
        tokens = re.search(r"About ([\d,]+) tokens", shown.text)
        assert tokens is not None
        assert int(tokens[1].replace(",", "")) > 900
        movie = await prices(stage, "ana", "see it", "eggs.mp4", b"moo", "video/mp4")
        assert "Left out eggs.mp4" in movie.text
        # In Slack each began with a question, which made the thread.
        assert len(stage.model.calls) == 2 * isinstance(stage, InSlack)


async def test_in_slack_a_command_brings_no_files_and_says_so(
    tmp_path: Path, stage_of: Opens
) -> None:
    async with stage_of(tmp_path, "10k tokens/day") as stage:
        shown = await uses(stage, "ana", "chat price", prompt="read it")
        assert ("Files cannot come" in shown.text) == isinstance(stage, InSlack)


async def test_a_dear_message_waits_for_its_asker_and_is_sent_once(
    tmp_path: Path, stage_of: Opens
) -> None:
    async with stage_of(tmp_path, "10k tokens/day") as stage:
        await uses(stage, "ana", "chat confirm", above="100 tokens")
        await answered(stage, "bo")
        asked = await stage.says("ana", "@bot tell me of eggs")
        held_back = await stage.refusal(asked)
        assert "Not sent yet, because it is above 100 tokens." in held_back.text
        assert {"Send", "Cancel"} <= set(held_back.buttons)
        assert (await stage.balance("ana")).used == 0
        await stage.delivered_again(asked)
        assert "w1" in await sent(stage, held_back)
        assert [call.messages[-1].content for call in stage.model.calls][1:] == ["tell me of eggs"]
        again = await stage.presses("ana", held_back, "Send")
        assert "sent or dropped already" in again.text
        assert len(stage.model.calls) == 2
        assert len(await entries(stage, "settle")) == 2
        await uses(stage, "ana", "chat confirm", above="off")
        assert "w1" in (await answered(stage, "ana")).text


async def test_a_message_that_waits_is_its_askers_alone_and_can_be_dropped(
    tmp_path: Path, stage_of: Opens
) -> None:
    async with stage_of(tmp_path, "10k tokens/day") as stage:
        await uses(stage, "ana", "chat confirm", above="1%")
        held_back = await refused(stage, "ana")
        if isinstance(stage, OnDiscord):  # in Slack nobody else sees it
            other = await stage.presses("bo", held_back, "Send")
            assert "Only the person who asked can use this." in other.text
        assert "It is not sent. Nothing was charged." in await sent(stage, held_back, "Cancel")
        assert stage.model.calls == []
        assert (await stage.balance("ana")).used == 0


async def test_what_was_held_back_in_private_is_answered_in_private(
    tmp_path: Path, stage_of: Opens
) -> None:
    async with stage_of(tmp_path, "10k tokens/day") as stage:
        await uses(stage, "ana", "chat confirm", above="1%")
        if isinstance(stage, OnDiscord):
            asked = {"prompt": "tell me of eggs", "private": True}
            used = await stage.people["ana"].slash(stage.general, "ask", **asked)
            held_back = stage.seen(await (await used.reply()).settled())
        else:
            held_back = await uses(stage, "ana", "ask", prompt="tell me of eggs", model="default")
        assert "Not sent yet" in held_back.text
        shown = await stage.presses("ana", held_back, "Send")
        assert "w1" in shown.text
        assert stage.answers() == []
        assert [call.messages[-1].content for call in stage.model.calls] == ["tell me of eggs"]


async def test_what_waited_has_expired_after_a_restart(tmp_path: Path, stage_of: Opens) -> None:
    async with stage_of(tmp_path, "10k tokens/day") as stage:
        await uses(stage, "ana", "chat confirm", above="1%")
        held_back = await refused(stage, "ana")
        await stage.restart()
        late = await stage.presses("ana", held_back, "Send")
        assert "has waited too long" in late.text
        assert stage.model.calls == []


async def test_limits_are_told_in_questions_like_ones_own(tmp_path: Path, stage_of: Opens) -> None:
    async with stage_of(tmp_path, "10k tokens/day") as stage:
        for _ in range(4):
            costing(stage, 500)
            await answered(stage, "ana")
        assert "like yours" not in (await uses(stage, "ana", "quota")).text
        costing(stage, 500)
        await answered(stage, "ana")
        card = (await uses(stage, "ana", "quota")).text
        assert "Room for about 15 questions like yours." in card
        assert "like yours" not in (await uses(stage, "bo", "quota")).text
        await stage.restart()
        assert "Room for about 15 questions" in (await uses(stage, "ana", "quota")).text


async def test_at_the_limit_a_cheaper_model_answers_whoever_agreed(
    tmp_path: Path, stage_of: Opens
) -> None:
    async with stage_of(tmp_path, "10 requests/day", more=SMALL + DEFAULT_IS_USED) as stage:
        await uses(stage, "ana", "chat fallback", choice="auto")
        for who in ("ana", "bo"):
            await answered(stage, who)
        second = await answered(stage, "ana", "@bot and why?")
        assert "small answered, because default was at its limit for you." in second.text
        assert "Use small" in (await refused(stage, "bo")).buttons
        assert [call.model for call in stage.model.calls][-1] == "gpt-5-nano"


async def test_a_long_conversation_is_summarised_and_that_is_said(
    tmp_path: Path, stage_of: Opens
) -> None:
    more = "[chat]\nsummaries = true\nsummary_tokens = 100"
    async with stage_of(tmp_path, "10k tokens/day", more=more) as stage:
        asked = await stage.says("ana", f"@bot {'apple ' * 2_700}")
        first = await stage.answer(asked)
        assert "summarised" not in first.text
        second = await goes_on(stage, asked, first, "@bot and pears?")
        assert "1 older message was summarised" in second
        summary, answer = stage.model.calls[1:]
        assert "Summarise the conversation" in summary.messages[0].content
        assert "apple" not in " ".join(message.content for message in answer.messages)
        purposes = [entry.purpose for entry in await entries(stage, "settle")]
        assert purposes == ["answer", "summary", "answer"]
