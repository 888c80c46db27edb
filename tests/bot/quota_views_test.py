"""/quota: what one sees, and what one may set for oneself."""

import pytest

from bot.messages import Answer
from quota.units import Usage
from tests.fakes import DAY, HOUR, requester
from tests.scripted import Bot, build, says, stepping_of

DAILY = "everyone: 10k tokens/day"


async def used(bot: Bot, who: str, tokens: int) -> None:
    bot.model.next(says(1, reported=Usage(input=9, output=tokens - 9)))
    assert (await bot.answer(who)).charged_tokens == tokens
    bot.chat.forget(requester(who))


async def test_history_shows_the_tokens_of_the_last_seven_days() -> None:
    bot = build(DAILY, "everyone: 5 requests/hour", "space: 1M tokens/day")
    for days, tokens in ((0, 111), (1, 300), (1, 200), (0, 40), (6, 70)):
        bot.clock.advance(days * DAY)
        await used(bot, "ana", tokens)
        await used(bot, "bo", 999)
    card = await bot.type("/quota history", "ana")
    assert card.panel.lines == ("You have used 310 tokens in the last 7 days.",)
    assert card.panel.chart is not None
    assert card.panel.chart.bars == (
        ("Wed 3 Jun", 240),
        ("Thu 4 Jun", 0),
        ("Fri 5 Jun", 0),
        ("Sat 6 Jun", 0),
        ("Sun 7 Jun", 0),
        ("Mon 8 Jun", 0),
        ("Tue 9 Jun", 70),
    )
    assert card.panel.table is not None
    assert card.panel.table.rows[0] == ("Wed 3 Jun", "240")
    shared = await bot.type("/quota history share", "ana")
    assert shared.panel.lines == ("@ana has used 310 tokens in the last 7 days.",)


async def test_history_adds_up_hours_and_goes_by_the_zone_of_the_limit() -> None:
    bot = build("everyone: 10k tokens/hour", zone="Europe/Berlin")
    for hours, tokens in ((0, 10), (1, 20), (13, 40)):
        bot.clock.advance(hours * HOUR)
        await used(bot, "ana", tokens)
    card = await bot.type("/quota history", "ana")
    assert card.panel.chart is not None
    assert card.panel.chart.bars[-2:] == (("Sun 31 May", 0), ("Mon 1 Jun", 70))
    bot.clock.advance(DAY)
    assert [e.kind for e in await bot.ledger()] == ["settle"] * 3


async def test_no_history_without_a_limit_that_counts_days() -> None:
    others = ("everyone: 1M tokens/month", "everyone: $5/day", "space: 9 tokens/day")
    for line in others:
        card = await build(line).type("/quota history", "ana")
        told = "No limit of yours counts tokens by the day, so no daily figures are kept."
        assert card.panel.lines == (told,)


async def test_what_is_shared_tells_nothing_private() -> None:
    bot = build(DAILY)
    await bot.type("/quota-admin grant @ana 5k until 3d -- for the divorce")
    mine = await bot.type("/quota", "ana")
    shared = await bot.type("/quota share", "ana")
    assert "Extra: +5,000 tokens" in mine.text
    assert "Extra" not in shared.text
    assert "ada" not in shared.text
    assert (await bot.type("/quota summary share", "ana")).panel == shared.panel
    assert shared.panel.actions == ()


async def test_a_platform_with_buttons_offers_the_other_views() -> None:
    card = await build(DAILY).type("/quota", "ana", previews=True)
    assert [(a.name, a.subject) for a in card.panel.actions] == [
        ("quota", "rules"),
        ("quota", "history"),
        ("quota", "receipt"),
        ("more", ""),
    ]
    assert (await build(DAILY).pressed("quota", "rules")).panel.title == "Rules"


async def test_ones_own_ceiling_holds_until_one_lifts_it() -> None:
    bot = build(DAILY)
    card = await bot.type("/quota ceiling 80 tokens per day", "ana")
    assert card.panel.lines == (
        "Own ceiling: 80 tokens/day (cap). It counts from now on.",
        "Only you can change it: /quota ceiling off.",
    )
    assert [b.granted for b in card.balances] == [10_000, 80]
    assert isinstance(await bot.ask("ana"), Answer)
    refusal = await bot.refusal("ana")
    assert refusal.refused.limit is not None
    assert refusal.refused.limit.origin == "self"
    assert "(rule own ceiling: 80 tokens/day (cap))" in refusal.text
    assert isinstance(await bot.ask("bo"), Answer)
    raised = await bot.type("/quota ceiling 5k tokens per day", "ana")
    assert raised.panel.lines[0] == "Own ceiling: 5k tokens/day (cap). It counts from now on."
    assert isinstance(await bot.ask("ana"), Answer)
    shown = await bot.type("/quota ceiling", "ana")
    assert shown.panel.lines[0].startswith("Own ceiling: 5k tokens/day (cap).")
    off = await bot.type("/quota ceiling off", "ana")
    assert off.panel.lines == ("Your own ceiling is gone; the limits of this place hold.",)
    assert (await bot.type("/quota ceiling off", "ana")).panel.lines == ("You had set none.",)
    assert (await bot.type("/quota ceiling", "ana")).panel.lines[0].startswith("You have set none.")
    assert [b.granted for b in (await bot.type("/quota", "ana")).balances] == [10_000]
    await bot.is_clean()


async def test_a_ceiling_is_audited_and_outlives_a_restart() -> None:
    bot = build(DAILY)
    await bot.type("/quota ceiling 5k tokens per day", "ana")
    again = build(DAILY, store=stepping_of(bot).inner)
    await again.quotas.start()
    assert (await again.balance("ana", 1)).granted == 5_000
    await again.type("/quota ceiling off", "ana")
    trail = await again.quotas.governing.audit_trail("console:console", 0, 9)
    assert [(r.actor, r.action, r.subject, r.before, r.after) for r in trail] == [
        ("ana", "ceiling off", "ana", "5k tokens/day", ""),
        ("ana", "ceiling", "ana", "", "5k tokens/day"),
    ]


async def test_a_ceiling_lifts_nothing_that_an_admin_has_set() -> None:
    bot = build(DAILY)
    await bot.type("/quota-admin limit set 50 tokens per day for @ana cap")
    high = await bot.type("/quota ceiling 60 tokens per day", "ana")
    told = "A ceiling is lower than the limit that holds already (member ana: 50 tokens/day (cap))."
    assert high.panel.lines == (told,)
    await bot.type("/quota ceiling 40 tokens per day", "ana")
    assert [b.granted for b in (await bot.type("/quota", "ana")).balances] == [10_000, 40]
    await bot.type("/quota ceiling off", "ana")
    assert (await bot.balance("ana", 1)).granted == 50
    rules = await bot.type("/quota rules", "ana")
    assert "own ceiling" not in rules.text


async def test_a_ceiling_is_nobody_elses_business() -> None:
    bot = build(DAILY)
    await bot.type("/quota ceiling 5k tokens per day", "ana")
    assert "ceiling" not in (await bot.type("/quota-admin limit list")).text
    assert "ceiling" not in (await bot.type("/quota rules", "bo")).text
    mine = await bot.type("/quota rules", "ana")
    assert "✓ own ceiling: 5k tokens/day (cap) [self] binds" in mine.panel.lines
    remove = await bot.type("/quota-admin limit remove own:ceiling tokens/day cap")
    assert remove.panel.title == "That did not work"
    stranger = requester("ana", space="discord:7")
    assert len((await bot.type("/quota", stranger)).balances) == 1


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("ceiling lots", "'lots' names no period"),
        ("ceiling 0 tokens per day", "allows nothing"),
        ("ceiling 10k tokens per day", "A ceiling is lower than the limit that holds already"),
        ("ceiling 5k tokens per fortnight", "'fortnight' is not a window"),
        ("remind", "It is on or off."),
        ("remind later", "It is on or off."),
        ("rules share", "'share' is not understood."),
        ("history all", "'all' is not understood."),
        ("summary everything", "'everything' is not understood."),
        ("nonsense", "/quota has no view 'nonsense'."),
    ],
)
async def test_a_mistake_is_named_and_changes_nothing(line: str, problem: str) -> None:
    bot = build(DAILY)
    card = await bot.type(f"/quota {line}", "ana")
    assert card.panel.title == "That did not work"
    assert problem in card.panel.lines[0]
    assert await bot.store.flags() == []


async def test_to_be_reminded_is_switched_on_and_off() -> None:
    bot = build(DAILY)
    for on in (True, False):
        card = await bot.type(f"/quota remind {'on' if on else 'off'}", "ana")
        assert card.panel.title == "Reminder"
        assert bot.desk.settings.member(requester().member).notify_reset is on
