"""What members and admins see of prepaid balances, and what admins do to them."""

import pytest

from bot import privacy, upkeep
from bot.messages import Card
from bot.news import Alert, Word
from quota.accounting import Estimate
from quota.store import ReserveRequest
from quota.units import Amount, Rates, Unit, Usage
from quota.verdicts import Granted
from tests.fakes import DAY, MINUTE, requester
from tests.scripted import Bot, build, says, stepping_of

# Every token costs $0.0001, so a thousand of them are ten cents.
PRICE = Rates(100_000_000, 100_000_000, 100_000_000, 100_000_000)
ADMIN = requester("ada", admin=True)
TERMS = "balance: start=$0.50 refill=$0.10/day up to $1"


def prepaid_bot(*lines: str, staff_cap: Amount | None = None) -> Bot:
    return build(*lines or (TERMS,), rates=PRICE, staff_cap=staff_cap)


async def use(bot: Bot, who: str, tokens: int) -> str:
    """Have a member use so many tokens; what stands below the answer."""
    bot.model.next(says(1, reported=Usage(input=9, output=tokens - 9)))
    answer = await bot.answer(who)
    assert answer.charged_tokens == tokens
    bot.chat.forget(requester(who))
    return answer.footer


async def left(bot: Bot, who: str) -> int:
    (row,) = await bot.quotas.prepaying.rows(requester(who).member.wallet)
    return row.credits


def request_of(bot: Bot) -> ReserveRequest:
    who, terms = requester("ana"), bot.chat.models.default.terms
    bounds = bot.quotas.bounds(who, terms)
    estimate = Estimate(100, 200, 64, PRICE)
    member = who.member
    return ReserveRequest(
        *("", "", member.wallet, member.space.key, terms.key, bounds, estimate, MINUTE, 100)
    )


async def govern(bot: Bot, line: str, *, previews: bool = False) -> Card:
    return await bot.type(f"/quota-admin {line}", previews=previews)


class TestMembers:
    async def test_the_card_shows_what_is_left_and_what_comes_when(self) -> None:
        bot = prepaid_bot()
        await use(bot, "ana", 900)
        panel = (await bot.type("/quota", "ana")).panel
        (gauge,) = panel.gauges
        assert panel.title == "Quota — balance $0.41"
        assert gauge.label == "Balance"
        assert gauge.numbers == "$0.41 left"
        assert gauge.detail == "$0.10 more on day 1 at 00:00, up to $1.00"
        assert gauge.percent == 59

    async def test_a_full_balance_waits_for_nothing(self) -> None:
        bot = prepaid_bot("balance: start=$2 refill=$0.10/day up to $1")
        (gauge,) = (await bot.type("/quota", "ana")).panel.gauges
        assert (gauge.numbers, gauge.detail) == ("$2.00 of $2.00 left", "")

    async def test_nobody_is_told_of_more_than_was_ever_there(self) -> None:
        bot = prepaid_bot("balance: start=$0.20 refill=$0.10/day up to $1")
        told = [(await bot.type("/quota", "ana")).panel]
        bot.model.next(says(1, reported=Usage(input=9, output=91)))
        answer = await bot.answer("ana")
        assert answer.notes[0].startswith(
            "⚠ Your balance is down to $0.19, at most 25% of $1.00. $0.10 more on day 1"
        )
        assert answer.footer == "100 tokens · $0.01 · balance $0.19"
        bot.chat.forget(requester("ana"))
        bot.clock.advance(DAY)
        told.append((await bot.type("/quota", "ana")).panel)
        await govern(bot, "balance add @ana $2")
        told.append((await bot.type("/quota", "ana")).panel)
        await govern(bot, "balance add @ana -$0.50")
        told.append((await bot.type("/quota", "ana")).panel)
        await use(bot, "ana", 1_000)
        told.append((await bot.type("/quota", "ana")).panel)
        await govern(bot, "balance set @ana -$0.30")
        told.append((await bot.type("/quota", "ana")).panel)
        assert [(panel.title, panel.gauges[0].numbers) for panel in told] == [
            ("Quota — balance $0.20", "$0.20 left"),
            ("Quota — balance $0.29", "$0.29 left"),
            ("Quota — balance $2.29", "$2.29 of $2.29 left"),
            ("Quota — balance $1.79", "$1.79 of $1.79 left"),
            ("Quota — balance $1.69", "$1.69 of $1.79 left"),
            ("Quota — balance -$0.30", "-$0.30 left"),
        ]

    async def test_what_is_there_is_rounded_down_and_what_is_held_up(self) -> None:
        bot = prepaid_bot("balance: start=$0.500043")
        assert isinstance(await bot.store.reserve(request_of(bot), bot.clock.now()), Granted)
        panel = (await bot.type("/quota", "ana")).panel
        (gauge,) = panel.gauges
        assert (gauge.numbers, gauge.detail) == ("$0.50 of $0.50 left", "$0.03 held")
        assert panel.lines == ("Running now: $0.03 reserved",)
        listed = await govern(bot, "balance list")
        assert listed.panel.lines == ("1 balance, $0.50 in all.",)

    async def test_a_debt_is_shown_and_how_far_it_may_go(self) -> None:
        bot = prepaid_bot("balance: start=$0.05 overdraft=$0.20")
        await use(bot, "ana", 900)
        (gauge,) = (await bot.type("/quota", "ana")).panel.gauges
        assert gauge.numbers == "-$0.04 of $0.05 left"
        assert gauge.detail == "$0.04 owed, repaid first · up to $0.20 may be owed"
        assert gauge.percent == 100

    async def test_the_rules_name_the_balance_and_what_lifts_it(self) -> None:
        bot = prepaid_bot(TERMS, "role Mod: unlimited")
        card = await bot.type("/quota rules", "ana")
        told = "everyone: $0.50 at first, $0.10/day up to $1 (balance) [config]"
        assert card.panel.lines == (f"✓ {told} binds",)
        card = await bot.type("/quota rules", requester("ada", roles=["Mod"]))
        assert card.panel.lines[0] == f"– {told} lifted by role Mod: unlimited"

    async def test_the_footer_shows_the_balance_where_that_is_what_is_least(self) -> None:
        bot = prepaid_bot(TERMS, "everyone: 100k tokens/day")
        assert await use(bot, "ana", 1_000) == "1,000 tokens · $0.10 · balance $0.40"
        bot = prepaid_bot("balance: start=$90", "everyone: 10k tokens/day")
        assert "balance" not in await use(bot, "ana", 1_000)

    async def test_a_warning_when_a_quarter_is_left_and_when_a_tenth_is(self) -> None:
        bot = prepaid_bot("balance: start=$0.50 refill=$0.50/day up to $0.50")
        for _ in range(3):
            await use(bot, "ana", 1_000)
        bot.model.next(says(1, reported=Usage(input=9, output=991)))
        (note,) = (await bot.answer("ana")).notes
        assert note.startswith(
            "⚠ Your balance is down to $0.10, at most 25% of $0.50. $0.50 more on"
        )
        bot.chat.forget(requester("ana"))
        bot.model.next(says(1, reported=Usage(input=9, output=591)))
        answer = await bot.answer("ana")
        assert "⚠ Your balance is down to $0.04, at most 10% of $0.50." in "\n".join(answer.notes)

    async def test_a_refusal_says_when_there_is_enough(self) -> None:
        bot = prepaid_bot("balance: start=$0.001 refill=$0.10/day up to $1")
        refusal = await bot.refusal("ana")
        assert refusal.refused.reason == "period_used"
        assert refusal.text == (
            "⛔ This message needs about $0.0073, and $0.001 of your balance is left. "
            "There is enough on day 1 at 00:00."
        )

    async def test_without_a_refill_an_admin_is_named(self) -> None:
        bot = prepaid_bot("balance: start=$0.001")
        refusal = await bot.refusal("ana")
        assert refusal.text.endswith("An admin can put something in.")

    async def test_a_debt_is_named_in_the_refusal(self) -> None:
        bot = prepaid_bot()
        await govern(bot, "balance add @ana -$0.60")
        refusal = await bot.refusal("ana")
        assert refusal.text == (
            "⛔ You owe $0.10 of your balance, and this message needs about $0.0073. "
            "What comes in repays that first. There is enough on day 2 at 00:00."
        )

    async def test_a_message_that_is_too_long_may_be_shortened(self) -> None:
        bot = prepaid_bot("balance: start=$0.05")
        refusal = await bot.refusal("ana", text="w " * 1_000)
        assert refusal.refused.reason == "too_large"
        assert "Shorten it, or begin anew: /new." in refusal.text

    async def test_an_answer_is_made_shorter_to_what_the_balance_pays_for(self) -> None:
        bot = prepaid_bot("balance: start=$0.05")
        bot.model.next(says(900))
        await bot.answer("ana")
        (note,) = bot.replies[0].notes
        assert note == "Answer limited to about 491 tokens, all that your balance pays for."

    async def test_at_this_pace_it_is_empty_on_some_day_which_is_told_as_a_range(self) -> None:
        bot = prepaid_bot("balance: start=$1")
        for _ in range(11):
            await use(bot, "ana", 300)
        assert "pace" not in (await bot.type("/quota", "ana")).text
        bot.clock.advance(DAY)
        await use(bot, "ana", 300)
        # $0.36 in a day: $0.64 last for two days more, give or take what twelve turns tell.
        assert (await bot.type("/quota", "ana")).panel.lines[-1] == (
            "At this pace your balance is empty between on day 2 at 02:26 and on day 5 at 17:24."
        )
        assert "pace" not in (await bot.type("/quota", "bo")).text

    async def test_what_is_far_off_is_told_as_far_off(self) -> None:
        bot = prepaid_bot("balance: start=$90")
        for _ in range(12):
            await use(bot, "ana", 900)
            bot.clock.advance(DAY // 2)
        lines = (await bot.type("/quota", "ana")).panel.lines
        assert lines[-1] == "At this pace your balance lasts longer than 30 days."
        await govern(bot, "balance set @ana $4")
        lines = (await bot.type("/quota", "ana")).panel.lines
        assert lines[-1] == "At this pace your balance lasts at least until on day 16 at 00:40."

    async def test_the_pace_is_that_of_the_last_seven_days(self) -> None:
        bot = prepaid_bot("balance: start=$90")
        for _ in range(10):
            await use(bot, "ana", 900)
        bot.clock.advance(7 * DAY)
        assert "pace" in (await bot.type("/quota", "ana")).text
        bot.clock.advance(1)
        assert "pace" not in (await bot.type("/quota", "ana")).text

    async def test_a_message_has_a_price_in_parts_of_the_balance(self) -> None:
        card = await prepaid_bot().type("/quota price hello there", "ana")
        assert "% of your balance" in card.panel.lines[0]

    async def test_a_reminder_comes_when_the_balance_has_filled_up_enough(self) -> None:
        bot = prepaid_bot("balance: start=$0.001 refill=$0.10/day up to $1")
        refusal = await bot.refusal("ana")
        assert bot.quotas.shut.opened(bot.clock.now()) == []
        bot.clock.advance(DAY)
        (fresh,) = bot.quotas.shut.opened(bot.clock.now())
        assert fresh.refused == refusal.refused


class TestAdmins:
    async def test_something_is_put_in_and_taken_back_with_undo(self) -> None:
        bot = prepaid_bot()
        card = await govern(bot, "balance add @ana $2 -- for the demo", previews=True)
        assert card.panel.lines == (
            "The balance of @ana was $0.50 and is $2.50.",
            "Reason: for the demo",
        )
        (undo,) = card.panel.actions
        card = await govern(bot, f"undo {undo.subject}")
        assert card.panel.lines[0].endswith("(balance add @ana) is taken back. It is $0.50 again.")
        (row, _) = await bot.store.audit_trail("console:console", 0, 2)
        assert (row.action, row.before, row.after) == ("balance add", "$2.50", "$0.50")
        card = await govern(bot, f"undo {undo.subject}")
        assert "was undone already" in card.panel.lines[0]

    async def test_what_was_spent_since_stays_spent_when_it_is_undone(self) -> None:
        bot = prepaid_bot()
        card = await govern(bot, "balance set @ana $2", previews=True)
        await use(bot, "ana", 900)
        await govern(bot, f"undo {card.panel.actions[0].subject}")
        (row,) = await bot.quotas.prepaying.rows("console:")
        assert row.credits == 410_000

    async def test_something_is_taken_out_also_into_debt(self) -> None:
        bot = prepaid_bot()
        card = await govern(bot, "balance add @ana -$0.60 -- refunded twice")
        assert card.panel.lines == (
            "The balance of @ana was $0.50 and is -$0.10.",
            "That is a debt; what comes in repays it first.",
            "Reason: refunded twice",
        )

    async def test_a_balance_is_set(self) -> None:
        bot = prepaid_bot()
        card = await govern(bot, "balance set @ana $0.75")
        assert card.panel.lines == ("The balance of @ana was $0.50 and is $0.75.",)
        assert card.balances[0].prepaid is not None
        assert card.balances[0].prepaid.credits == 750_000

    async def test_who_has_their_data_deleted_begins_with_nothing_anew(self) -> None:
        bot = prepaid_bot()
        await use(bot, "ana", 900)
        await privacy.delete(bot.desk, requester("ana"))
        for there in ("$0.41", "$0.32"):
            (gauge,) = (await bot.type("/quota", "ana")).panel.gauges
            assert gauge.numbers == f"{there} left"
            await use(bot, "ana", 900)
        entries = [entry async for entry in bot.quotas.store.entries(0, None)]
        assert [entry.kind for entry in entries] == ["start", "settle", "settle", "settle"]

    async def test_the_list_begins_with_the_lowest(self) -> None:
        bot = prepaid_bot()
        await govern(bot, "balance set @ana $3")
        await govern(bot, "balance set @bo -$0.10")
        await use(bot, "cy", 900)
        card = await govern(bot, "balance list")
        assert card.panel.lines == ("3 balances, $3.31 in all.",)
        assert card.panel.table is not None
        assert card.panel.table.rows == (
            ("@bo", "-$0.10", "on day 1 at 00:00"),
            ("@cy", "$0.41", "on day 1 at 00:00"),
            ("@ana", "$3.00", "–"),
        )

    async def test_a_long_list_is_cut_and_says_so(self) -> None:
        bot = prepaid_bot()
        for number in range(51):
            await govern(bot, f"balance set @m{number} ${number}")
        card = await govern(bot, "balance")
        assert card.panel.lines == ("51 balances, $1,275.00 in all.", "The lowest 50 are shown.")

    async def test_nobody_has_one_before_the_first_question(self) -> None:
        card = await govern(prepaid_bot(), "balance list")
        assert card.panel.lines == ("Nobody has a balance yet; it begins with the first question.",)

    @pytest.mark.parametrize(
        ("line", "told"),
        [
            ("balance give @ana $2", "Balance is list, add or set."),
            ("balance add @ana", "An amount is missing."),
            ("balance add @ana 5k tokens", "'5k tokens' is no sum of money; write it like $2."),
            ("balance add @ana 5", "'5' is no sum of money; write it like $2."),
            ("balance add @ana $0", "$0 changes nothing; give an amount such as $2 or -$0.50."),
            ("balance add $2", "A name is missing; write it with @, such as @ana."),
        ],
    )
    async def test_a_mistake_is_named(self, line: str, told: str) -> None:
        card = await govern(prepaid_bot(), line)
        assert card.panel.lines[0] == told

    async def test_where_there_is_no_balance_nothing_is_put_in(self) -> None:
        card = await govern(build("everyone: 5k tokens/day"), "balance add @ana $2")
        assert "the config has no [balance]" in card.panel.lines[0]

    async def test_a_reset_gives_no_money_back(self) -> None:
        bot = prepaid_bot("everyone: 20k tokens/day", TERMS)
        await use(bot, "ana", 900)
        await govern(bot, "reset @ana")
        await govern(bot, "reset all")
        own, balance = (await bot.type("/quota", "ana")).balances
        assert own.used == 0
        assert balance.prepaid is not None
        assert balance.prepaid.credits == 410_000

    async def test_the_limits_show_it_and_it_is_not_removed_here(self) -> None:
        bot = prepaid_bot()
        card = await govern(bot, "limit list")
        assert card.panel.table is not None
        assert card.panel.table.rows == (
            (
                "everyone credits/balance balance",
                "$0.50 at first, $0.10/day up to $1",
                "balance",
                "config",
            ),
        )
        card = await govern(bot, "limit remove everyone credits/balance balance")
        assert "is set in the config file; change it there" in card.panel.lines[0]


class TestRequests:
    async def test_more_is_asked_for_and_put_in_for_good(self) -> None:
        bot = prepaid_bot("balance: start=$0")
        alerts: list[Alert] = []
        bot.desk.news.on_alert.append(alerts.append)
        words: list[Word] = []
        bot.desk.news.on_word.append(words.append)
        asked = await bot.type("/quota more $2 -- exam week", "ana")
        assert asked.panel.lines[0].startswith("You asked for $2.00 more for good.")
        request = alerts[0].panel.actions[0].subject
        await bot.press("approve", request, ADMIN)
        assert words[0].panel.lines == ("@ada gave you $2.00 for good.",)
        assert await left(bot, "ana") == 2_000_000
        assert await bot.store.verify() == []

    async def test_after_a_crash_nothing_is_put_in_twice(self) -> None:
        bot = prepaid_bot("balance: start=$0")
        alerts: list[Alert] = []
        bot.desk.news.on_alert.append(alerts.append)
        await bot.type("/quota more $2 -- exam week", "ana")
        request = alerts[0].panel.actions[0].subject
        stepping_of(bot).down["put_flag"] = ConnectionError("the power failed")
        with pytest.raises(ConnectionError):
            await bot.press("approve", request, ADMIN)
        again = build("balance: start=$0", rates=PRICE, store=stepping_of(bot).inner)
        await again.quotas.start()
        card = await again.pressed("approve", request, ADMIN)
        assert card.panel.lines[0] == "@ada gave @ana $2."
        assert await left(again, "ana") == 2_000_000

    async def test_staff_put_in_up_to_their_cap_from_one_refill_to_the_next(self) -> None:
        bot = prepaid_bot(TERMS, staff_cap=Amount(300_000, Unit.CREDITS))
        staff = requester("sam", staff=True)
        done = await bot.type("/quota-staff grant @ana $0.20 -- stuck", staff)
        assert done.panel.title == "Granted"
        over = await bot.type("/quota-staff grant @ana $0.20 -- again", staff)
        assert over.panel.title == "Request sent"
        assert await left(bot, "ana") == 700_000
        bot.clock.advance(DAY)
        done = await bot.type("/quota-staff grant @ana $0.30 -- another day", staff)
        assert done.panel.title == "Granted"

    async def test_what_a_lapse_took_is_given_back_to_the_balance(self) -> None:
        bot = prepaid_bot()
        ask = bot.store.reserve(request_of(bot), bot.clock.now())
        assert isinstance(await ask, Granted)
        bot.clock.advance(DAY // 2)
        await upkeep.lapse(bot.quotas)
        assert await left(bot, "ana") < 500_000
        await bot.pressed("giveback", "1 ana", ADMIN)
        assert await left(bot, "ana") == 500_000
        twice = await bot.pressed("giveback", "1 ana", ADMIN)
        assert twice.panel.lines == ("This was given back already.",)


class TestUpkeep:
    async def test_idle_balances_are_filled_up_once(self) -> None:
        bot = prepaid_bot()
        await use(bot, "ana", 900)
        await use(bot, "bo", 900)
        bot.clock.advance(DAY)
        assert await upkeep.refill(bot.quotas) == 2
        assert await upkeep.refill(bot.quotas) == 0
        rows = await bot.quotas.store.prepaid("console:")
        assert [row.credits for row in rows] == [510_000, 510_000]

    async def test_a_balance_that_was_switched_off_gets_nothing_more(self) -> None:
        bot = prepaid_bot()
        await use(bot, "ana", 900)
        bot.clock.advance(DAY)
        rules = build().quotas.rules
        await bot.quotas.reload(rules)
        assert await upkeep.refill(bot.quotas) == 1
        bot.clock.advance(9 * DAY)
        assert await upkeep.refill(bot.quotas) == 0
        (row,) = await bot.quotas.prepaying.rows("")
        assert (row.credits, row.refill) == (510_000, None)
