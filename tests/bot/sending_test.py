"""What a member has chosen for the moment before sending: to be asked, or a cheaper model."""

from typing import Any

import pytest

from bot.actions import AskAgain, Pressed, Shown
from bot.messages import Answer, Ask, Duplicate, Image, Refusal
from bot.models import Model
from bot.settings import MemberSettings
from bot.unsent import ASKS_MAX, KEPT_MS, Unsent
from quota.errors import StoreUnavailableError
from quota.members import Requester
from quota.rules import Terms
from quota.units import Rates, Usage
from tests.fakes import MINUTE, FakeClock, requester
from tests.scripted import Bot, ScriptedModel, Steps, build, says, stepping_of

DAILY = "everyone: 10k tokens/day"
SPACE = "discord:7"
CHEAP, DEAR = Rates(100, 100, 100, 100), Rates(900_000, 900_000, 9_000_000, 9_000_000)


def ana(**more: Any) -> Requester:
    return requester("1", space=SPACE, **more)


def small(**more: Any) -> Model:
    chat = ScriptedModel(Steps())
    return Model(
        "small-1",
        "small-1",
        (),
        chat,
        Terms("small-1", ("small-1",), CHEAP),
        500,
        60_000,
        30_000,
        **more,
    )


async def confirms(bot: Bot, above: str, who: Requester | None = None) -> None:
    assert "did not work" not in (await bot.type(f"/quota confirm {above}", who or ana())).text


async def held_back(bot: Bot, text: str = "hello there", **more: Any) -> Refusal:
    refusal = await bot.refusal(ana(), text, **more)
    assert refusal.refused.reason == "unconfirmed"
    return refusal


async def resent(bot: Bot, refusal: Refusal, who: Requester | None = None) -> AskAgain | Shown:
    (send, _) = refusal.actions
    pressed = Pressed(who or ana(), send.name, send.subject, send.owner)
    return await bot.actions.press(pressed, bot.words)


# Asked first.


async def test_a_dear_message_waits_for_its_asker_and_costs_nothing_until_then() -> None:
    bot = build(DAILY, rates=DEAR)
    await confirms(bot, "100 tokens")
    refusal = await held_back(bot)
    assert refusal.text == (
        "⏳ Not sent yet, because it is above 100 tokens. "
        "About 409 tokens, $0.003609, 5% of what is left today. "
        "9 tokens go to mini, the answer has about 400, at most 1,000. Nothing was charged."
    )
    assert [(a.name, a.label, a.owner) for a in refusal.actions] == [
        ("send", "Send", "1"),
        ("drop", "Cancel", "1"),
    ]
    assert bot.model.calls == []
    assert (await bot.balance(ana())).used == 0
    again = await resent(bot, refusal)
    assert isinstance(again, AskAgain)
    assert again.ask is not None
    answer = await bot.answer(ana(), id_="sent", text=again.ask.text, confirmed=again.ask.confirmed)
    assert answer.finish == "stop"
    await bot.is_clean()


async def test_a_message_below_the_threshold_is_sent_at_once() -> None:
    bot = build(DAILY, rates=DEAR)
    for above in ("409 tokens", "$0.003609", "5%", "off"):
        await confirms(bot, above)
        await bot.type("/new", ana())
        await bot.answer(ana())
        bot = build(DAILY, rates=DEAR)


@pytest.mark.parametrize("above", ["408 tokens", "$0.003608", "4%"])
async def test_each_kind_of_threshold_holds_back_what_is_above_it(above: str) -> None:
    bot = build(DAILY, rates=DEAR)
    await confirms(bot, above)
    await held_back(bot)


async def test_a_model_without_a_price_may_be_as_dear_as_any() -> None:
    bot = build(DAILY)
    await confirms(bot, "$5")
    await held_back(bot)


async def test_an_event_that_comes_twice_is_asked_about_once() -> None:
    bot = build(DAILY)
    await confirms(bot, "100 tokens")
    refusal = await held_back(bot, id_="e1")
    assert isinstance(await bot.ask(ana(), id_="e1"), Duplicate)
    assert isinstance(await resent(bot, refusal), AskAgain)
    assert isinstance(await resent(bot, refusal), Shown)
    assert bot.model.calls == []


async def test_what_was_cancelled_cannot_be_sent_any_more() -> None:
    bot = build(DAILY)
    await confirms(bot, "100 tokens")
    refusal = await held_back(bot)
    drop = refusal.actions[1]
    card = await bot.pressed(drop.name, drop.subject, ana(), owner=drop.owner)
    assert card.panel.lines == ("It is not sent. Nothing was charged.",)
    late = await resent(bot, refusal)
    assert isinstance(late, Shown)
    assert "sent or dropped already" in late.card.text
    twice = await bot.pressed(drop.name, drop.subject, ana(), owner=drop.owner)
    assert "sent or dropped already" in twice.text


async def test_only_who_asked_can_send_it() -> None:
    bot = build(DAILY)
    await confirms(bot, "100 tokens")
    refusal = await held_back(bot)
    mallory = requester("2", space=SPACE)
    shown = await resent(bot, refusal, mallory)
    assert isinstance(shown, Shown)
    assert "Only the person who asked can use this." in shown.card.text
    send = refusal.actions[0]
    # Whom the button calls its owner is what somebody says.
    forged = await bot.pressed(send.name, send.subject, mallory, owner="2")
    assert "sent or dropped already" in forged.text
    assert isinstance(await resent(bot, refusal), AskAgain)


async def test_it_is_sent_with_the_roles_of_now_in_the_channel_where_it_was_asked() -> None:
    bot = build(DAILY)
    await confirms(bot, "100 tokens")
    asked = requester("1", space=SPACE, roles=["Old"], channel="homework")
    refusal = await bot.refusal(asked)
    again = await resent(bot, refusal, requester("1", space=SPACE, roles=["New"], channel=""))
    assert isinstance(again, AskAgain)
    assert again.ask is not None
    assert (again.ask.requester.roles, again.ask.requester.channel) == (("New",), "homework")


async def test_after_a_restart_the_button_says_that_it_has_expired() -> None:
    bot = build(DAILY)
    await confirms(bot, "100 tokens")
    refusal = await held_back(bot)
    fresh = build(DAILY, store=stepping_of(bot).inner)
    await fresh.quotas.start()
    late = await resent(fresh, refusal)
    assert isinstance(late, Shown)
    assert "has waited too long" in late.card.text
    assert isinstance(await fresh.ask(ana(), id_="1-1"), Duplicate)


async def test_what_would_be_refused_is_refused_and_not_asked_about() -> None:
    bot = build("everyone: 1 request/day")
    await bot.answer(ana())
    await confirms(bot, "1%")
    assert (await bot.refusal(ana())).refused.reason == "period_used"


async def test_on_the_console_the_question_has_no_buttons() -> None:
    bot = build(DAILY)
    await confirms(bot, "100 tokens", requester("ana"))
    refusal = await bot.refusal("ana")
    assert (refusal.refused.reason, refusal.actions) == ("unconfirmed", ())
    assert isinstance(await bot.ask("ana", confirmed=True), Answer)


async def test_while_the_books_cannot_be_read_nothing_is_sent_unasked() -> None:
    bot = build(DAILY)
    await confirms(bot, "100 tokens")
    stepping_of(bot).down["balances"] = StoreUnavailableError()
    assert (await bot.refusal(ana())).refused.reason == "store_unavailable"
    assert bot.model.calls == []


# What waits.


def an_ask(text: str = "hello", who: str = "ana", size: int = 0) -> Ask:
    images = (Image("a.png", "image/png", bytes(size)),) if size else ()
    return Ask("e", requester(who), text, images=images)


def test_what_waits_is_gone_after_a_while() -> None:
    clock = FakeClock()
    unsent, ana_ = Unsent(clock), requester("ana").member
    key, other = unsent.keep(an_ask()), unsent.keep(an_ask("bye"))
    clock.advance(KEPT_MS - 1)
    found = unsent.take(other, ana_)
    assert found is not None
    assert found.text == "bye"
    clock.advance(1)
    assert unsent.take(key, ana_) is None


def test_only_so_much_waits() -> None:
    clock = FakeClock()
    unsent, ana_ = Unsent(clock), requester("ana").member
    keys = [unsent.keep(an_ask()) for _ in range(ASKS_MAX + 1)]
    assert unsent.take(keys[0], ana_) is None
    assert unsent.take(keys[1], ana_) is not None
    big = [unsent.keep(an_ask(size=30 * 1024 * 1024)) for _ in range(3)]
    assert [unsent.take(key, ana_) is None for key in big] == [True, False, False]
    huge = unsent.keep(an_ask(size=100 * 1024 * 1024))
    assert unsent.take(huge, ana_) is not None
    clock.advance(16 * MINUTE)
    last = unsent.keep(an_ask())
    assert unsent.take(last, ana_) is not None


# A cheaper model.


async def test_where_its_asker_agreed_a_cheaper_model_answers_at_the_limit_and_says_so() -> None:
    cheap = small()
    bot = build("everyone: 1 request/day for mini", rates=DEAR, more_models=[cheap])
    await bot.type("/quota fallback auto", ana())
    assert "answered" not in " ".join((await bot.answer(ana())).notes)
    answer = await bot.answer(ana(), "and why?")
    assert answer.notes == (
        "small-1 answered, because mini was at its limit for you. /quota fallback ask ends that.",
    )
    assert [entry.model for entry in await bot.ledger()] == ["mini", "small-1"]
    assert len(bot.model.calls) == 1
    await bot.is_clean()


async def test_nobody_gets_a_cheaper_model_unasked() -> None:
    bot = build("everyone: 1 request/day for mini", rates=DEAR, more_models=[small()])
    await bot.answer(ana())
    refusal = await bot.refusal(ana())
    assert [a.name for a in refusal.actions][:1] == ["use"]
    await bot.type("/quota fallback auto", ana())
    assert isinstance(await bot.ask(ana()), Answer)
    await bot.type("/quota fallback ask", ana())
    assert isinstance(await bot.ask(ana()), Refusal)


async def test_where_no_other_model_would_answer_the_refusal_stands() -> None:
    bot = build("everyone: 1 request/day", rates=DEAR, more_models=[small()])
    await bot.type("/quota fallback auto", ana())
    await bot.answer(ana())
    assert (await bot.refusal(ana())).refused.reason == "period_used"


# Choosing.


def chosen(bot: Bot) -> MemberSettings:
    return bot.desk.settings.member(ana().member)


async def test_both_are_chosen_in_a_form_and_shown_among_the_settings() -> None:
    bot = build(DAILY)
    card = await bot.type("/chat settings", ana())
    assert [a.name for a in card.panel.actions] == ["settings", "sending"]
    assert "Asked before sending: never." in card.text
    form = bot.actions.form(Pressed(ana(), "sending"), bot.words)
    assert form is not None
    assert [field.value for field in form.fields] == ["", "ask"]
    done = await bot.press("sending", "", ana(), values={"confirm": "$0.01", "fallback": "auto"})
    assert isinstance(done, Shown)
    assert done.card.panel.lines == (
        "Asked before sending: above $0.01.",
        "At the limit: let a cheaper model answer.",
    )
    assert (chosen(bot).confirm_above, chosen(bot).fallback) == ("$0.01", "auto")
    wrong = await bot.pressed("sending", "", ana(), values={"confirm": "lots"})
    assert wrong.panel.title == "That did not work"
    wrong = await bot.pressed("sending", "", ana(), values={"fallback": "maybe"})
    assert "It is ask or auto." in wrong.text
    off = await bot.pressed("sending", "", ana(), values={"confirm": ""})
    assert "never" in off.text
    assert (chosen(bot).confirm_above, chosen(bot).fallback) == ("", "auto")
    seen = await bot.press("sending", "", ana())
    assert isinstance(seen, Shown)
    assert not seen.replaces


async def test_both_can_be_typed() -> None:
    bot = build(DAILY)
    assert "You are not asked" in (await bot.type("/quota confirm", ana())).text
    asked = await bot.type("/quota confirm 10%", ana())
    assert "costs more than 10% of what is left" in asked.text
    assert "asked whether" in (await bot.type("/quota fallback", ana())).text
    assert "by itself" in (await bot.type("/quota fallback auto", ana())).text
    assert "It is ask or auto." in (await bot.type("/quota fallback never", ana())).text
    assert chosen(bot) == MemberSettings(confirm_above="10%", fallback="auto")


async def test_whoever_is_forgotten_has_nothing_waiting_any_more() -> None:
    bot = build(DAILY)
    await confirms(bot, "100 tokens")
    refusal = await held_back(bot)
    await bot.pressed("forget", "", ana(), owner="1")
    assert isinstance(await resent(bot, refusal), Shown)


async def test_who_asks_too_much_reads_how_many_usual_questions_there_is_room_for() -> None:
    bot = build("everyone: 1k tokens/day")
    long = "word " * 950
    assert "like yours" not in (await bot.refusal(ana(), long)).text
    for _ in range(5):
        bot.model.next(says(1, reported=Usage(input=10, output=90)))
        await bot.answer(ana())
    refusal = await bot.refusal(ana(), long)
    assert refusal.refused.reason == "too_large"
    assert refusal.text.endswith("Room for about 5 questions like yours.")
    await bot.answer(ana(), "word " * 400)
    spent = await bot.refusal(ana(), long)
    assert "like yours" not in spent.text


async def test_on_the_console_the_cheaper_model_is_named_with_what_to_write() -> None:
    bot = build("everyone: 1 request/day for mini", rates=DEAR, more_models=[small()])
    await bot.answer("ana")
    assert (await bot.refusal("ana")).text.endswith("small-1 would answer: /model small-1.")
    alone = build("everyone: 1 request/day", rates=DEAR, more_models=[small()])
    await alone.answer("ana")
    assert "would answer" not in (await alone.refusal("ana")).text
