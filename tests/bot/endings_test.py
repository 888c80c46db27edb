"""What can be done after an answer and after a refusal, and when the footer shows."""

from typing import Any

import pytest

from bot.messages import BEGIN, Answer, Refusal
from bot.models import Model
from bot.panels import ACTION_CHARS_MAX, Action
from bot.ports import Finished, ModelError, TextDelta, UsageReport
from bot.settings import MemberSettings, ModelSettings, Settings
from quota.errors import StoreUnavailableError
from quota.governing import Act
from quota.members import Requester, Space
from quota.rules import Terms
from quota.units import Rates, Usage
from tests.fakes import DAY, let_run, limit, requester
from tests.scripted import Bot, Gate, ScriptedModel, Steps, build, says, stepping_of, steps

SPACE = Space("discord", "7")
CHEAP, DEAR = Rates(100, 100, 100, 100), Rates(900_000, 900_000, 9_000_000, 9_000_000)


def member(name: str = "1", **more: Any) -> Requester:
    return requester(name, space="discord:7", **more)


def a_model(key: str, rates: Rates | None = None, **more: Any) -> Model:
    chat, terms = ScriptedModel(Steps()), Terms(key, (key,), rates)
    return Model(key, key, (), chat, terms, 1_000, 60_000, 30_000, **more)


def names(end: Answer | Refusal) -> list[str]:
    return [f"{action.name} {action.subject}".strip() for action in end.actions]


# After an answer.


async def test_after_an_answer_one_can_ask_again_judge_and_look() -> None:
    bot = build("everyone: 10k tokens/day")
    end = await bot.answer(member())
    assert end.actions == (
        Action("again", "Regenerate", "mini", "1"),
        Action("good", "👍", "", "1"),
        Action("bad", "👎", "", "1"),
        Action("quota", "Quota", "", "1"),
    )


@pytest.mark.parametrize(
    ("line", "finish"),
    [("everyone: 1M tokens/day", "length"), ("everyone: 100 tokens/day", "quota")],
)
async def test_an_answer_that_was_cut_can_be_gone_on_with(line: str, finish: str) -> None:
    bot = build(line)
    bot.model.next(says(1_200))
    end = await bot.answer(member())
    assert end.finish == finish
    assert names(end)[:2] == ["onward mini", "again mini"]


async def test_an_answer_that_broke_off_can_be_gone_on_with() -> None:
    bot = build()
    bot.model.next(steps(TextDelta("w1"), ModelError("broken")))
    end = await bot.answer(member())
    assert (end.finish, names(end)[0]) == ("cut", "onward mini")


async def test_an_empty_answer_can_only_be_asked_again() -> None:
    bot = build()
    bot.model.next(steps(Finished("stop"), UsageReport(Usage(input=9, output=0))))
    assert names(await bot.answer(member())) == ["again mini", "quota"]


async def test_the_console_has_no_buttons() -> None:
    bot = build("everyone: 100 tokens/day")
    assert (await bot.answer("ana")).actions == ()
    assert (await bot.refusal("ana", "word " * 200)).actions == ()


async def test_every_button_can_be_carried() -> None:
    long = "x" * 100
    bot = build("everyone: $0.0004/day", rates=DEAR, more_models=[a_model(long, CHEAP)])
    who = member("123456789012345678")
    answer = await bot.answer(who, model=long)
    refusal = await bot.refusal(who)
    assert "again" in names(answer)
    for action in (*answer.actions, *refusal.actions):
        assert len(f"{action.name}|{action.subject}|{action.owner}") <= ACTION_CHARS_MAX
    assert not any(name.startswith("use") for name in names(refusal))


# The footer.


@pytest.mark.parametrize(
    ("footer", "used", "shows"),
    [
        ("low", 490, False),
        ("low", 500, True),
        ("always", 10, True),
        ("off", 900, False),
    ],
)
async def test_the_footer_shows_where_a_member_wants_it(
    footer: Any, used: int, shows: bool
) -> None:
    bot = build("everyone: 1000 tokens/day", output_floor=1)
    settings = Settings(bot.quotas.governing)
    await settings.set_member(member().member, MemberSettings(footer=footer))
    bot.model.next(says(1, reported=Usage(input=9, output=used - 9)))
    end = await bot.answer(member())
    assert end.charged_tokens == used
    assert bool(end.footer) is shows


async def test_the_console_always_shows_the_footer() -> None:
    bot = build("everyone: 1M tokens/day")
    assert (await bot.answer("ana")).footer != ""


async def test_a_pool_that_is_nearly_empty_is_nobodys_footer() -> None:
    bot = build("everyone: 1M tokens/day", "space: 30 tokens/day", output_floor=1)
    assert (await bot.answer(member())).footer == ""


# After a refusal.


async def used_up(bot: Bot, tokens: int, who: Requester | None = None) -> None:
    bot.model.next(says(1, reported=Usage(input=9, output=tokens - 9)))
    await bot.answer(who or member())


async def test_at_the_limit_one_can_ask_for_more_and_be_reminded() -> None:
    bot = build("everyone: 100 tokens/day")
    await used_up(bot, 100)
    refusal = await bot.refusal(member())
    assert refusal.refused.reason == "period_used"
    assert refusal.actions == (
        Action("more", "Ask for more", "", "1"),
        Action("remind", "Tell me when it is back", "", "1"),
        Action("quota", "Quota", "", "1"),
    )


async def test_a_pool_can_be_waited_for_and_nobody_asks_for_more_of_it() -> None:
    bot = build("space: 100 tokens/day")
    await used_up(bot, 100)
    refusal = await bot.refusal(member())
    assert refusal.refused.reason == "pool_used"
    assert names(refusal) == ["room", "remind", "quota"]


async def test_a_message_that_is_too_large_can_be_asked_more_for() -> None:
    bot = build("everyone: 500 tokens/day")
    refusal = await bot.refusal(member(), "word " * 600)
    assert refusal.refused.reason == "too_large"
    assert names(refusal) == ["more", "quota"]


async def test_nobody_asks_for_more_of_what_is_shared() -> None:
    bot = build("space: 500 tokens/day")
    refusal = await bot.refusal(member(), "word " * 600)
    assert (refusal.refused.reason, names(refusal)) == ("too_large", ["quota"])


async def test_a_busy_member_can_try_again() -> None:
    bot, gate = build(), Gate()
    bot.model.next(steps(gate))
    running = [bot.start(member()) for _ in range(3)]
    await let_run()
    refusal = await bot.refusal(member())
    assert (refusal.refused.reason, names(refusal)) == ("busy", ["again", "quota"])
    gate.release()
    for one in running:
        await one.end()


async def test_what_an_admin_has_closed_offers_nothing() -> None:
    bot = build("everyone: 10k tokens/day")
    await bot.quotas.governing.switch(Act("ada", SPACE.key), "pause", "", "on")
    assert (await bot.refusal(member())).actions == ()


async def test_a_store_in_trouble_can_be_tried_again() -> None:
    bot = build("everyone: 10k tokens/day")
    stepping_of(bot).down["reserve"] = StoreUnavailableError("down")
    refusal = await bot.refusal(member())
    assert names(refusal) == ["again"]


async def test_a_model_that_costs_less_and_would_answer_is_offered() -> None:
    # For the dear one a cent is not enough, for the others it is.
    middle, cheap = Rates(400, 400, 400, 400), CHEAP
    others = [a_model("cheap", cheap), a_model("middle", middle), a_model("unpriced")]
    bot = build("everyone: $0.0004/day", rates=DEAR, more_models=others)
    refusal = await bot.refusal(member())
    assert refusal.actions[0] == Action("use", "Use middle", "middle", "1")


async def test_a_dearer_model_is_never_offered_instead() -> None:
    bot = build(
        "everyone: 60 tokens/day for mini", rates=CHEAP, more_models=[a_model("dear", DEAR)]
    )
    assert not any(name.startswith("use") for name in names(await bot.refusal(member())))


async def test_a_model_that_is_used_up_as_well_is_not_offered() -> None:
    bot = build("everyone: 60 tokens/day", rates=DEAR, more_models=[a_model("cheap", CHEAP)])
    assert not any(name.startswith("use") for name in names(await bot.refusal(member())))


async def test_a_model_for_others_is_not_offered() -> None:
    cheap = a_model("cheap", CHEAP, allowed_for=("Supporter",))
    bot = build("everyone: 60 tokens/day for mini", rates=DEAR, more_models=[cheap])
    assert "use cheap" not in names(await bot.refusal(member()))
    assert "use cheap" in names(await bot.refusal(member("2", roles=("Supporter",))))


async def test_what_admins_offer_instead_comes_first() -> None:
    others = [a_model("cheap", CHEAP), a_model("local")]
    bot = build("everyone: 60 tokens/day for mini", rates=DEAR, more_models=others)
    await Settings(bot.quotas.governing).set_model(
        Act("ada", SPACE.key), "mini", ModelSettings(fallback="local")
    )
    assert names(await bot.refusal(member()))[0] == "use local"


async def test_where_money_cannot_pay_a_model_one_with_a_price_is_offered() -> None:
    bot = build("everyone: $1/day", more_models=[a_model("cheap", CHEAP)])
    refusal = await bot.refusal(member())
    assert (refusal.refused.reason, names(refusal)) == ("unpriced", ["use cheap", "quota"])


async def test_what_was_refused_can_be_asked_again_from_its_card() -> None:
    bot = build("everyone: 60 tokens/day")
    who = member()
    await bot.refusal(who, "hello you", message="5", parent="2", shown_as=["6"], author="Ana")
    found = bot.chat.question(SPACE, "6")
    assert found is not None
    assert (found.id, found.text, found.author) == ("5", "hello you", "Ana")
    # It was never answered, so no conversation knows of it.
    await bot.quotas.governing.switch(Act("ada", SPACE.key), "note", "", "x")
    bot2 = build("everyone: 1M tokens/day")
    await bot2.failure(who, model="?", message="5", thread="t", shown_as=["6"])
    again = bot2.chat.question(SPACE, "6")
    assert again is not None
    assert again.parent == BEGIN
    await bot2.answer(who, "x", thread="t", message="7")
    assert [m.content for m in bot2.model.calls[0].messages] == ["x"]


# Waiting for room.


async def test_who_waits_for_a_pool_is_answered_when_it_has_room() -> None:
    bot = build("space: 100 tokens/day")
    await used_up(bot, 100)
    running = bot.start(member("2"), waits=True)
    await let_run()
    assert running.reply.notes == [
        "This is sent as soon as there is room. Stop it if you do not want to wait."
    ]
    more = limit("space: 5000 tokens/day", origin="chat")
    await bot.quotas.governing.set_limit(Act("ada", SPACE.key), more)
    await bot.clock.run_for(5_000)
    assert isinstance(await running.end(), Answer)
    await bot.is_clean()


async def test_who_waits_in_vain_is_refused_after_half_an_hour() -> None:
    bot = build("space: 100 tokens/day")
    await used_up(bot, 100)
    running = bot.start(member("2"), waits=True)
    await bot.clock.run_for(30 * 60_000)
    end = await running.end()
    assert isinstance(end, Refusal)
    assert end.refused.reason == "pool_used"
    await bot.is_clean()


async def test_who_waits_can_stop_and_pays_nothing() -> None:
    bot = build("space: 100 tokens/day")
    await used_up(bot, 100)
    running = bot.start(member("2"), id_="w", waits=True)
    await let_run()
    assert bot.chat.stop("discord:7:w")
    end = await running.end()
    assert isinstance(end, Answer)
    assert (end.finish, end.charged_tokens) == ("stopped", 0)
    await bot.is_clean()


async def test_who_waits_for_a_pool_can_ask_something_else_meanwhile() -> None:
    bot = build("space: 100 tokens/day for mini", more_models=[a_model("other")])
    await used_up(bot, 100)
    waiting = bot.start(member("2"), waits=True)
    await let_run()
    assert isinstance(await bot.ask(member("2"), model="other"), Answer)
    bot.chat.stop(waiting.ask.event)
    await waiting.end()


async def test_a_day_later_nobody_waits_any_more() -> None:
    bot = build("space: 100 tokens/day")
    await used_up(bot, 100)
    running = bot.start(member("2"), waits=True)
    await let_run()
    bot.clock.advance(DAY)
    await bot.clock.run_for(5_000)
    assert isinstance(await running.end(), Answer)
