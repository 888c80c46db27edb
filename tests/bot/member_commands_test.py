"""What members do for themselves, typed or by buttons."""

import json
from typing import Any

import pytest

from bot.actions import Pressed, Shown
from bot.settings import MemberSettings
from bot.text_topics import TOPICS
from quota.units import Rates
from tests.fakes import requester
from tests.scripted import Bot, Gate, build, steps

DAILY = "everyone: 10k tokens/day"


def chosen(bot: Bot, who: str = "ana") -> MemberSettings:
    return bot.desk.settings.member(requester(who).member)


async def test_a_member_chooses_a_model_among_those_with_their_prices() -> None:
    bot = build(DAILY, rates=Rates(250_000, 25_000, 2_000_000, 2_000_000))
    card = await bot.type("/model", "ana")
    assert card.panel.lines == ("The usual model answers you.",)
    assert card.panel.table is not None
    assert card.panel.table.rows[0][1:2] + card.panel.table.rows[0][3:] == (
        "mini",
        "$0.25 in, $2.00 out",
        "about 18 questions",
    )
    mine = await bot.type("/model small", "ana")
    assert mine.panel.lines == ("mini answers you.",)
    assert chosen(bot).model == "mini"
    assert chosen(bot, "bo").model == ""
    await bot.type("/model default", "ana")
    assert chosen(bot).model == ""
    unknown = await bot.type("/model gpt-9", "ana")
    assert unknown.panel.lines == ("There is no model 'gpt-9'. Known: mini.",)
    bare = await build(DAILY).type("/model", "ana")
    assert "unknown" in bare.text


async def test_the_chat_is_begun_anew_stopped_and_forgotten() -> None:
    bot = build(DAILY)
    for line in ("/chat new", "/chat new My title", "/chat forget", "/chat forget here"):
        await bot.answer("ana", "my name is Ana")
        await bot.type(line, "ana")
        await bot.answer("ana", "who am I")
        assert len(bot.model.calls[-1].messages) == 1
        await bot.type("/new", "ana")
    gate = Gate()
    bot.model.next(steps(gate))
    running = bot.start("ana")
    await gate.reached()
    assert (await bot.type("/chat stop", "ana")).panel.lines == ("Your answer is stopped.",)
    await running.end()


async def test_to_forget_everything_is_asked_twice_where_there_are_buttons() -> None:
    bot = build(DAILY)
    await bot.answer("ana", "my name is Ana")
    card = await bot.type("/chat forget everywhere", "ana", previews=True)
    (button,) = card.panel.actions
    assert (button.name, button.owner) == ("forget", "ana")
    other = await bot.pressed("forget", "", "mallory", owner="ana")
    assert other.panel.lines == ("Only the person who asked can use this.",)
    done = await bot.press("forget", "", "ana", owner="ana")
    assert isinstance(done, Shown)
    assert done.replaces
    await bot.answer("ana", "who am I")
    assert len(bot.model.calls[-1].messages) == 1
    typed = await bot.type("/chat forget everywhere", "ana")
    assert typed.panel.title == "Forgotten"


async def test_settings_are_shown_with_a_button_that_changes_them() -> None:
    card = await build(DAILY).type("/chat settings", "ana")
    assert card.panel.lines[0] == "Model: the usual one."
    assert [a.name for a in card.panel.actions] == ["settings", "sending"]


async def kept(bot: Bot) -> None:
    """Somebody who has used all there is to keep."""
    await bot.answer("ana", "my secret is a cat")
    await bot.type("/model mini", "ana")
    await bot.type("/quota ceiling 5k tokens per day", "ana")
    await bot.type("/quota more 1k tokens -- exam week", "ana")
    await bot.type("/quota more 2k tokens -- a song", "bo")
    await bot.type("/quota-admin grant @ana 2k until 3d -- demo")
    await bot.type("/quota-admin block @bo -- spam")
    await bot.desk.quotas.governing.keep("console:*", "home", "ana", "console")
    await bot.answer("cy")


async def test_all_that_is_kept_about_somebody_is_given_to_them_and_nobody_elses() -> None:
    bot = build(DAILY)
    await kept(bot)
    card = await bot.type("/privacy export", "ana", previews=True)
    ((name, data),) = card.files
    assert name == "quotabot-my-data.json"
    found = json.loads(data)
    assert found["member"] == "console:console:ana"
    assert found["settings"] == {
        "member": '{"model":"mini"}',
        "ceiling": "5k tokens/day",
        "home": "console",
    }
    assert found["ceiling"] == "5k tokens/day"
    assert "exam week" in found["requests"][0]
    assert [grant["reason"] for grant in found["grants"]] == ["demo"]
    assert [entry["kind"] for entry in found["entries"]] == ["settle", "grant"]
    assert {entry["wallet"] for entry in found["entries"]} == {"console:console:ana"}
    text = data.decode()
    assert "secret" not in text
    assert "cy" not in text
    typed = await bot.type("/privacy export", "ana")
    assert typed.files == ()
    assert typed.panel.lines[1] == ' "member": "console:console:ana",'


async def test_what_can_be_deleted_is_and_what_was_used_stays_counted() -> None:
    bot = build(DAILY)
    await kept(bot)
    before = await bot.balance("ana")
    first = await bot.type("/privacy delete", "ana", previews=True)
    (button,) = first.panel.actions
    form = bot.actions.form(Pressed(requester(), button.name, owner="ana"), bot.words)
    assert form is not None
    for values in ({}, {"confirm": "no"}):
        wrong = await bot.pressed("privacy", "", "ana", values=values)
        assert wrong.panel.lines == ("Nothing was deleted: to go on, type delete.",)
    assert chosen(bot).model == "mini"
    done = await bot.pressed("privacy", "", "ana", values={"confirm": "Delete"})
    assert done.panel.title == "Deleted"
    assert chosen(bot) == MemberSettings()
    assert {flag.name for flag in await bot.store.flags()} == {"block", "request"}
    requests = (await bot.type("/quota-admin requests")).panel.table
    assert requests is not None
    assert [row[2] for row in requests.rows] == ["@bo"]
    wallets = await bot.store.wallets()
    assert requester().member.wallet not in wallets
    assert any("deleted-" in wallet for wallet in wallets)
    await bot.answer("ana", "what is my secret")
    assert len(bot.model.calls[-1].messages) == 1
    after = await bot.balance("ana")
    assert after.used > before.used
    assert after.granted == before.granted
    assert await bot.store.verify() == []


async def test_without_buttons_it_is_typed_twice() -> None:
    bot = build(DAILY)
    await kept(bot)
    card = await bot.type("/privacy delete", "ana")
    assert card.panel.footer == "To go on, write: /privacy delete yes"
    assert chosen(bot).model == "mini"
    done = await bot.type("/privacy delete yes", "ana")
    assert done.panel.title == "Deleted"
    assert chosen(bot) == MemberSettings()


async def test_nobody_deletes_for_somebody_else_or_lifts_their_own_block() -> None:
    bot = build(DAILY)
    await kept(bot)
    other = await bot.pressed("privacy", "", "mallory", owner="ana", values={"confirm": "delete"})
    assert other.panel.lines == ("Only the person who asked can use this.",)
    await bot.type("/privacy delete yes", "bo")
    assert (await bot.refusal("bo")).refused.reason == "blocked"
    assert chosen(bot).model == "mini"


@pytest.mark.parametrize("topic", sorted(TOPICS))
async def test_the_help_explains_each_topic(topic: str) -> None:
    card = await build(DAILY).type(f"/help {topic.upper()}", "ana")
    assert card.panel.title == f"Help: {topic}"
    assert all(len(line) <= 300 and "!" not in line for line in card.panel.lines)


async def test_the_help_names_whom_to_ask() -> None:
    bot = build(DAILY)
    await bot.type("/quota-admin contact Ada, room 7")
    assert (await bot.type("/help", "ana")).panel.footer == "Questions go to Ada, room 7."


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("/chat", "Nothing was chosen."),
        ("/chat sing", "/chat sing is not understood."),
        ("/chat forget me", "/chat forget is not understood."),
        ("/chat regenerate", "An answer is made anew by the button under it; here, ask again."),
        ("/privacy", "Say export or delete."),
        ("/privacy delete no", "Say export or delete."),
        ("/help nonsense", "The help has no 'nonsense'."),
    ],
)
async def test_a_mistake_is_named_and_changes_nothing(line: str, problem: str) -> None:
    bot = build(DAILY)
    card: Any = await bot.type(line, "ana")
    assert card.panel.title == "That did not work"
    assert card.panel.lines[0] == problem
    assert await bot.store.flags() == []
