"""What members and admins see of fair pools, and what admins do to them."""

import pytest

from bot import text_pool, upkeep
from bot.alerts import Alerts
from bot.config_values import BackupConfig
from bot.news import Alert
from quota.units import Usage
from tests.fakes import DAY, HOUR, MINUTE, requester
from tests.scripted import Bot, build, says

FAIR = "space: 100k tokens/day fair floor 1k"


async def use(bot: Bot, who: str, tokens: int) -> None:
    """Have a member use so many tokens, or as many as there are."""
    bot.model.next(says(1, reported=Usage(input=9, output=tokens - 9)))
    assert (await bot.answer(who)).charged_tokens <= tokens
    bot.chat.forget(requester(who))


def pool_bot(*lines: str, output_max: int = 20_000) -> Bot:
    bot = build(*lines or (FAIR,), output_max=output_max)
    bot.clock.advance(3 * HOUR)
    return bot


class TestMembers:
    async def test_the_rule_in_a_sentence(self) -> None:
        card = await pool_bot().type("/quota rules", "ana")
        assert card.panel.lines == (
            f"✓ {FAIR} [config] binds",
            (
                f"{FAIR}: all share 100,000 tokens today. Everyone can count on 1,000; beyond that "
                "you may use as much as would still be left for everyone else expected today."
            ),
        )

    async def test_a_floor_of_nothing_is_not_spoken_of(self) -> None:
        bot = pool_bot("space: 1 request/day fair")
        card = await bot.type("/quota rules", "ana")
        assert card.panel.lines[1] == (
            "space: 1 request/day fair: all share 1 request today. You may use as much as would "
            "still be left for everyone else expected today."
        )

    async def test_what_is_kept_and_about_how_much_room_there_is(self) -> None:
        bot = pool_bot()
        await use(bot, "ana", 300)
        (gauge,) = (await bot.type("/quota", "ana")).panel.gauges
        assert gauge.label == "Today, shared fairly by space"
        assert gauge.numbers == "you used 300 tokens"
        assert gauge.detail == (
            "about 47,000 more now · 700 kept for you until at 18:00 · "
            "all together 300 of 100,000 · resets on day 1 at 00:00"
        )
        assert gauge.percent == 1

    async def test_who_has_not_come_is_promised_nothing(self) -> None:
        bot = pool_bot()
        (gauge,) = (await bot.type("/quota", "ana")).panel.gauges
        assert "kept" not in gauge.detail

    async def test_a_full_bar_says_that_there_is_no_room(self) -> None:
        bot = pool_bot("space: 3 requests/day fair")
        bot.clock.advance(11 * HOUR)
        for _ in range(3):
            await use(bot, "ana", 100)
        (gauge,) = (await bot.type("/quota", "ana")).panel.gauges
        assert gauge.percent == 100
        assert gauge.detail.startswith("no room right now · all together 3 of 3")

    async def test_a_refusal_tells_why_and_leaves_the_allowance_alone(self) -> None:
        bot = pool_bot("everyone: 90k tokens/day", "space: 2000 tokens/day fair")
        for _ in range(3):
            await use(bot, "ana", 480)
        refusal = await bot.refusal("ana")
        assert refusal.refused.reason == "pool_used"
        assert refusal.text == (
            "⛔ You have had 1,440 tokens from the shared pool today; more would leave less than "
            "that for the others still expected (rule space: 2k tokens/day fair). It opens on day "
            "1 at 00:00. Your own allowance is untouched."
        )
        own, pool = await bot.quotas.balances(requester("ana"), bot.chat.models.default.terms)
        assert (own.used, own.held) == (1_440, 0)
        assert pool.pool is not None
        assert pool.pool.used == 1_440

    async def test_a_message_that_is_too_long_now_is_told_what_would_fit(self) -> None:
        bot = pool_bot("space: 20k tokens/day fair")
        await use(bot, "ana", 14_000)
        refusal = await bot.refusal("dee", text="w " * 5_000)
        assert "What is left in the shared pool today is kept for those who came" in refusal.text
        assert "This message needs about 5,0" in refusal.text
        assert "would fit now. It opens on day 1 at 00:00." in refusal.text

    async def test_a_pool_that_is_used_up_says_so(self) -> None:
        bot = pool_bot("space: 3 requests/day fair")
        bot.clock.advance(11 * HOUR)
        for _ in range(3):
            await use(bot, "ana", 100)
        refusal = await bot.refusal("bo")
        assert refusal.text == (
            "⛔ The shared budget is used up today (rule space: 3 requests/day fair). "
            "It opens on day 1 at 00:00. Your own allowance is untouched."
        )

    async def test_a_pace_is_told_once_enough_was_seen(self) -> None:
        bot = pool_bot("everyone: 20k tokens/day")
        await use(bot, "ana", 4_000)
        assert (await bot.type("/quota", "ana")).panel.lines == ()
        await use(bot, "ana", 4_000)
        await use(bot, "ana", 3_000)
        (line,) = (await bot.type("/quota", "ana")).panel.lines
        assert line.startswith("At this pace everyone: 20k tokens/day runs out between at ")
        assert line.endswith(" About 750 an hour gets you to the reset.")

    async def test_who_asks_rarely_is_told_that_it_lasts(self) -> None:
        bot = pool_bot("everyone: 9000 requests/month")
        for _ in range(3):
            await use(bot, "ana", 100)
        (line,) = (await bot.type("/quota", "ana")).panel.lines
        assert line == "At this pace everyone: 9k requests/month lasts until it resets."

    @pytest.mark.parametrize("window", ["rolling 24h", "balance"])
    async def test_what_has_no_end_has_no_pace(self, window: str) -> None:
        bot = pool_bot(f"everyone: 20k tokens/{window}")
        await use(bot, "ana", 9_000)
        assert (await bot.type("/quota", "ana")).panel.lines == ()

    async def test_what_began_with_the_first_use_has_one(self) -> None:
        bot = pool_bot("everyone: 20k tokens/6h")
        await use(bot, "ana", 9_000)
        bot.clock.advance(HOUR)
        (line,) = (await bot.type("/quota", "ana")).panel.lines
        assert "runs out between" in line


class TestAdmins:
    async def test_the_card_of_a_first_day(self) -> None:
        bot = pool_bot()
        await use(bot, "ana", 300)
        panel = (await bot.type("/quota-admin pool")).panel
        assert panel.lines == (
            f"{FAIR}: no period has closed yet, so what members need is a guess.",
            "Everyone can count on 1,000. Nobody is held back now.",
        )
        assert panel.gauges[0].numbers == "300 / 100,000 tokens"
        assert panel.gauges[0].percent == 1
        assert panel.table is not None
        assert panel.table.columns[5] == "members"
        assert panel.table.rows == (
            (
                *("space tokens/day", "300", "0", "700", "99,700", "1 of 2", "100,000"),
                "at 18:00",
            ),
        )

    async def test_the_card_of_a_later_day_tells_what_is_usual_and_when_it_runs_out(self) -> None:
        bot = pool_bot("space: 10k tokens/day fair")
        for who in ("ana", "bo", "cy"):
            await use(bot, who, 500)
        bot.clock.advance(DAY)
        for who in ("ana", "bo", "cy", "dee"):
            await use(bot, who, 1_500)
        bot.clock.advance(30 * MINUTE)
        panel = (await bot.type("/quota-admin pool show")).panel
        assert panel.lines[0].startswith("space: 10k tokens/day fair: about ")
        assert panel.lines[0].endswith("tokens are wanted today; usual are 1,152 tokens.")
        assert panel.lines[1].startswith("That is more than twice as much as usual")
        assert panel.lines[-1].startswith("At this pace space: 10k tokens/day fair runs out")
        assert panel.tone == "warning"

    async def test_how_far_anybody_may_go_is_told(self) -> None:
        bot = pool_bot()
        await use(bot, "ana", 300)
        (view,) = await bot.quotas.pooling.views("", bot.desk.bounds(requester("ana")))
        lines = [
            text_pool.cards(
                bot.words, [view._replace(outlook=view.outlook._replace(line=line))]
            ).lines[1]
            for line in (0, 2_000)
        ]
        assert lines == [
            "Everyone can count on 1,000. Beyond that and what is kept nothing is given now.",
            "Everyone can count on 1,000. Nobody goes beyond 2,000 now.",
        ]

    async def test_where_no_pool_is_fair_the_card_shows_how_to_make_one(self) -> None:
        panel = (await pool_bot("space: 2k tokens/day").type("/quota-admin pool")).panel
        assert panel.lines == (
            "No pool here is divided fairly.",
            "Write: /quota-admin pool 2M tokens per day fair",
        )

    async def test_a_pool_is_set_fair_and_back(self) -> None:
        bot = pool_bot("everyone: 9k tokens/day")
        card = await bot.type("/quota-admin pool 2M tokens per day fair lend 80%")
        assert card.panel.lines == (
            "space: 2M tokens/day fair lend 80%. It holds from the next message on.",
        )
        await use(bot, "ana", 100)
        card = await bot.type("/quota-admin pool 1M tokens per day free")
        assert card.panel.lines[1] == (
            "What is kept for members today stays kept until the period ends; then it is first "
            "come, first served."
        )
        (_, gauge) = (await bot.type("/quota", "ana")).panel.gauges
        assert "kept for you" in gauge.detail
        bot.clock.advance(DAY)
        (_, gauge) = (await bot.type("/quota", "ana")).panel.gauges
        assert gauge.label == "Today, shared by space"

    async def test_a_floor_that_cannot_be_kept_is_told(self) -> None:
        bot = pool_bot("everyone: 9k tokens/day")
        card = await bot.type("/quota-admin pool 100k tokens per day fair floor 5k")
        assert card.panel.lines[1] == (
            "Such a floor cannot be kept for the 50 members expected, so it is first come, first "
            "served; at most 1,000 can."
        )

    async def test_admins_give_to_a_pool_and_take_from_it(self) -> None:
        bot = pool_bot()
        await use(bot, "ana", 300)
        card = await bot.type("/quota-admin pool +50k -- big day")
        assert card.panel.lines == (f"Added 50,000 tokens to {FAIR}: 150,000 tokens today.",)
        assert (
            "Admins gave it +50,000 tokens today."
            in (await bot.type("/quota-admin pool")).panel.lines
        )
        card = await bot.type("/quota-admin pool -900k tokens space tokens/day")
        assert card.panel.lines == (
            f"Took 900,000 tokens from {FAIR}: 1,000 tokens today.",
            "What is used, held and kept for members stays.",
        )
        trail = await bot.quotas.governing.audit_trail("console:console", 0, 2)
        assert [row.action for row in trail] == ["pool add", "pool add"]
        assert (trail[1].after, trail[1].reason) == ("50k tokens", "big day")

    async def test_admins_keep_more_for_a_member(self) -> None:
        bot = pool_bot()
        await use(bot, "ana", 300)
        card = await bot.type("/quota-admin grant @ana +20k from the pool -- demo")
        assert card.panel.lines == (
            f"20,000 tokens more of {FAIR} are kept, 20,700 in all, until at 18:00.",
        )
        assert card.balances[0].pool is not None
        assert card.balances[0].pool.kept == 20_700
        (row,) = await bot.quotas.governing.audit_trail("console:console", 0, 1)
        assert (row.action, row.subject, row.reason) == (
            *("pool keep", "console:console:ana", "demo"),
        )

    @pytest.mark.parametrize(
        ("line", "told"),
        [
            ("grant @ana +200k from the pool", "Only 99,000 tokens of"),
            ("grant @ana -2k from pool", "What is kept for a member is never taken back."),
            ("grant @ana +$2 from pool", "There is no such fair pool; known: none."),
            ("grant @ana from pool", "An amount is missing."),
            ("pool +5k requests", "There is no such fair pool; known: none."),
            ("pool forget space requests/day", "known: space tokens/day."),
            ("pool +many", "'+many' is no amount"),
        ],
    )
    async def test_what_cannot_be_done_is_told_why(self, line: str, told: str) -> None:
        bot = pool_bot()
        card = await bot.type(f"/quota-admin {line}")
        assert card.panel.title == "That did not work"
        assert told in card.panel.lines[0]

    async def test_when_keeping_has_ended_nothing_more_is_kept(self) -> None:
        bot = pool_bot()
        bot.clock.advance(7 * HOUR)
        card = await bot.type("/quota-admin grant @ana +2k from the pool")
        assert card.panel.lines[0].endswith("today: keeping has ended.")

    async def test_of_several_pools_one_is_named(self) -> None:
        bot = pool_bot("space: 9k tokens/day fair", "channel general: 2k tokens/day fair")
        card = await bot.type("/quota-admin pool +1k")
        assert "name one: space tokens/day, channel:general tokens/day" in card.panel.lines[0]
        card = await bot.type("/quota-admin pool +1k tokens channel:general tokens/day")
        assert card.panel.title == "Pool"

    async def test_the_house_is_the_operators(self) -> None:
        bot = pool_bot("house: 9k tokens/day fair")
        card = await bot.type("/quota-admin pool +1k")
        assert card.panel.lines[0] == "There is no such fair pool; known: none."
        assert (await bot.type("/quota-admin pool")).panel.table is not None

    async def test_a_pool_forgets_its_past(self) -> None:
        bot = pool_bot()
        await use(bot, "ana", 300)
        bot.clock.advance(DAY)
        card = await bot.type("/quota-admin pool forget")
        assert card.panel.lines == (
            f"{FAIR} has forgotten what earlier periods taught it.",
            "What is kept for members stays kept.",
        )
        assert "is a guess" in (await bot.type("/quota-admin pool")).panel.lines[0]

    async def test_explain_shows_every_figure(self) -> None:
        bot = pool_bot()
        await use(bot, "ana", 300)
        card = await bot.type("/quota-admin explain @ana")
        (line,) = [x for x in card.panel.lines if " grants " in x]
        assert line.startswith(f"{FAIR} grants ")
        for word in (
            *("asked", "level with it", "floor 1,000", "kept 700", "free 99,700"),
            *("kept for others 0", "floors of those expected", "others need", "last call 1,000"),
            *("still to come 50%", "weight 1"),
        ):
            assert word in line

    async def test_explain_shows_a_refusal_too(self) -> None:
        bot = pool_bot("space: 2000 tokens/day fair")
        for _ in range(3):
            await use(bot, "ana", 490)
        card = await bot.type("/quota-admin explain @ana")
        assert any("tokens/day fair refuses: asked" in line for line in card.panel.lines)


async def test_admins_hear_once_a_period_that_much_more_is_wanted_than_usual() -> None:
    bot = pool_bot("everyone: 9k tokens/day", "space: 3k tokens/day fair")
    heard: list[Alert] = []
    bot.desk.news.on_alert.append(heard.append)
    alerts = Alerts(bot.desk)
    await use(bot, "ana", 100)
    await alerts.pools()
    bot.clock.advance(DAY)
    await use(bot, "ana", 100)
    await alerts.pools()
    assert heard == []
    for who in ("bo", "cy", "dee"):
        await use(bot, who, 900)
    await alerts.pools()
    await alerts.pools()
    assert [alert.panel.title for alert in heard] == ["Pool in demand"]
    jobs = upkeep.jobs(bot.quotas, lambda: BackupConfig(None, 0), alerts=alerts)
    assert [job.every_ms for job in jobs if job.name == "pools"] == [5 * MINUTE]
