"""Prepaid credits, on Discord and in Slack: begun, filled, used up, owed, refilled."""

from pathlib import Path

from tests.fakes import DAY
from tests.stage import Opens, entries
from tests.stories.acts import answered, costing, refused, uses
from tests.stories.receipts_test import PRICED

LIMIT = "100k tokens/day"


async def test_an_admin_fills_a_balance_lists_all_and_takes_it_back(
    tmp_path: Path, stage_of: Opens
) -> None:
    more = PRICED + '[balance]\nstart = "$0.50"\n'
    async with stage_of(tmp_path, LIMIT, more=more) as stage:
        costing(stage, 1_000)
        await answered(stage, "ana")
        (entry,) = await entries(stage, "settle")
        left = 500_000 - (entry.credits or 0)
        card = await uses(
            stage, "ada", "quota-admin balance add", member="@ana", amount="$2", reason="workshop"
        )
        assert f"was $0.{left:06} and is $2.{left:06}." in card.text
        assert "workshop" in card.text
        shown = (await uses(stage, "ana", "quota")).text
        assert "$2.49 of $2.49 left" in shown
        listed = (await uses(stage, "ada", "quota-admin balance list")).text
        assert "1 balance, $2.49 in all." in listed
        undone = await stage.presses("ada", card, "Undo")
        assert f"It is $0.{left:06} again." in undone.text
        card = await uses(stage, "ada", "quota-admin balance set", member="@ana", amount="$1")
        assert "is $1.00." in card.text
        assert await stage.bot.quotas.store.verify() == []


async def test_who_has_no_credits_is_told_when_enough_has_come_and_is_answered_then(
    tmp_path: Path, stage_of: Opens
) -> None:
    more = PRICED + '[balance]\nrefill = "$0.10/day up to $0.20"\n'
    async with stage_of(tmp_path, LIMIT, more=more) as stage:
        refusal = await refused(stage, "ana")
        assert "$0.00 of your balance is left" in refusal.text
        assert "There is enough" in refusal.text
        assert stage.model.calls == []
        stage.clock.leap(DAY)
        costing(stage, 500)
        assert "w1" in (await answered(stage, "ana")).text
        assert [entry.credits for entry in await entries(stage, "refill")] == [100_000]


async def test_an_overdraft_is_shown_as_owed_and_repaid_first(
    tmp_path: Path, stage_of: Opens
) -> None:
    more = PRICED + '[balance]\nstart = "$0.0001"\noverdraft = "$1"\n'
    async with stage_of(tmp_path, LIMIT, more=more) as stage:
        costing(stage, 1_000)
        await answered(stage, "ana")
        (entry,) = await entries(stage, "settle")
        owed = (entry.credits or 0) - 100
        shown = (await uses(stage, "ana", "quota")).text
        # Rounded up to two digits, so that whoever pays that owes nothing.
        digits = -(-owed // 100)
        assert f"$0.{digits:04} owed, repaid first" in shown
        card = await uses(stage, "ada", "quota-admin balance add", member="@ana", amount="$1")
        assert f"is $0.{1_000_000 - owed:06}".rstrip("0") in card.text


async def test_more_credits_are_asked_for_and_put_in(tmp_path: Path, stage_of: Opens) -> None:
    more = PRICED + "[balance]\n"
    async with stage_of(tmp_path, LIMIT, more=more) as stage:
        refusal = await refused(stage, "ana")
        await stage.fills(
            "ana", refusal, "Ask for more", {"How much": "$2", "What for": "the workshop"}
        )
        alert = await stage.alert()
        assert "$2.00 more for good" in alert.text
        await stage.presses("ada", alert, "Approve")
        costing(stage, 500)
        assert "w1" in (await answered(stage, "ana")).text
        assert [entry.credits for entry in await entries(stage, "topup")] == [2_000_000]
