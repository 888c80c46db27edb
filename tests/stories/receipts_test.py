"""What an answer cost is shown to whoever asked it, from the answer itself, on both platforms."""

from pathlib import Path

from tests.stage import InSlack, OnDiscord, Opens, Seen, Stage, entries
from tests.stories.acts import answered, costing, uses

PRICED = """
[prices.models]
"gpt-5*" = {input = "$1", output = "$4"}
"""


async def shows_cost(stage: Stage, who: str, answer: Seen) -> str:
    """Use "Show cost" in the menu of an answer; what only they see then."""
    if isinstance(stage, OnDiscord):
        sent = await stage.people[who].uses("Show cost", answer.message)
        return (await (await sent.reply()).settled()).text
    assert isinstance(stage, InSlack)
    used = await stage.people[who].uses_shortcut("show_cost", answer.message)
    return (await used.modal()).shown


async def test_an_answer_leads_to_what_it_cost_even_after_a_restart(
    tmp_path: Path, stage_of: Opens
) -> None:
    async with stage_of(tmp_path, "10k tokens/day") as stage:
        costing(stage, 209)
        answer = await answered(stage, "ana")
        costing(stage, 309)
        await answered(stage, "ana")
        shown = await shows_cost(stage, "ana", answer)
        assert "209 tokens" in shown
        assert "Today: 518 tokens" in shown
        await stage.restart()
        again = await shows_cost(stage, "ana", answer)
        assert "209 tokens" in again
        assert "Today: 518 tokens" in again


async def test_a_receipt_tells_the_price_and_every_credit(tmp_path: Path, stage_of: Opens) -> None:
    async with stage_of(tmp_path, "$1/day", more=PRICED) as stage:
        costing(stage, 209)
        shown = await shows_cost(stage, "ana", await answered(stage, "ana"))
        (entry,) = await entries(stage, "settle")
        assert f"209 tokens, $0.000{entry.credits} ({entry.credits} credits)" in shown
        assert entry.rates is not None
        price = f"$1.00 input · ${entry.rates.output // 1_000_000}.00 output per million tokens"
        assert price in shown
        assert entry.credits == 9 + 200 * entry.rates.output // 1_000_000


async def test_only_who_asked_sees_what_it_cost(tmp_path: Path, stage_of: Opens) -> None:
    async with stage_of(tmp_path, "10k tokens/day") as stage:
        costing(stage, 209)
        answer = await answered(stage, "ana")
        for who in ("bo", "ada"):
            shown = await shows_cost(stage, who, answer)
            assert "Only the person who asked can see what an answer took" in shown
            assert "209" not in shown


async def test_what_is_no_answer_cost_nothing_that_is_known(
    tmp_path: Path, stage_of: Opens
) -> None:
    async with stage_of(tmp_path, "10k tokens/day") as stage:
        costing(stage, 209)
        await answered(stage, "ana")
        words = await stage.says("bo", "not for the bot")
        shown = await shows_cost(stage, "ana", Seen(words, str, list))
        assert "Nothing is known of what this message took" in shown


async def test_the_command_shows_the_receipt_of_the_last_answer(
    tmp_path: Path, stage_of: Opens
) -> None:
    async with stage_of(tmp_path, "10k tokens/day") as stage:
        costing(stage, 209)
        await answered(stage, "ana")
        costing(stage, 309)
        await answered(stage, "ana")
        card = await uses(stage, "ana", "quota", view="receipt")
        assert "309 tokens" in card.text
        assert "Today: 518 tokens" in card.text


async def test_the_quota_button_of_an_answer_leads_to_its_cost(
    tmp_path: Path, stage_of: Opens
) -> None:
    async with stage_of(tmp_path, "10k tokens/day") as stage:
        costing(stage, 209)
        answer = await answered(stage, "ana")
        costing(stage, 309)
        await answered(stage, "ana")
        card = await stage.presses("ana", answer, "Quota")
        shown = await stage.presses("ana", card, "Cost of this answer")
        assert "209 tokens" in shown.text
