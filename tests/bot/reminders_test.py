"""Who is told that their limit has opened again: who asked for it, once, also after a restart."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from bot.settings import MemberSettings, Settings
from bot.upkeep import announce
from quota.errors import StoreUnavailableError
from quota.governing import EVERYWHERE
from quota.members import Requester
from quota.memory import MemoryStore
from quota.store import Store
from quota.units import Usage
from quota.waiting import Fresh
from tests.fakes import DAY, HOUR, let_run, requester
from tests.scripted import Bot, build, says, stepping_of

LIMIT = "everyone: 100 tokens/day"


def member(name: str = "1", **more: Any) -> Requester:
    return requester(name, space="discord:7", **more)


async def wants(bot: Bot, who: Requester, *, on: bool = True) -> None:
    settings = Settings(bot.quotas.governing)
    await settings.set_member(who.member, MemberSettings(notify_reset=on))


async def refused(bot: Bot, who: Requester | str) -> None:
    """Somebody uses all they have, and asks once more."""
    bot.model.next(says(1, reported=Usage(input=9, output=91)))
    await bot.answer(who)
    await bot.refusal(who)


async def told(bot: Bot, after: int = DAY) -> list[Fresh]:
    """Whom the upkeep job tells when so much time has passed."""
    heard: list[Fresh] = []
    bot.clock.advance(after)
    hear: Callable[[Fresh], None] = partial(bot.chat.reminders.opened, listeners=[heard.append])
    await announce(bot.quotas, [hear])
    await bot.chat.reminders.close()
    return heard


def kept(bot: Bot) -> dict[str, str]:
    return bot.quotas.governing.flags(EVERYWHERE, "reminder")


async def restarted(store: Store, bot: Bot) -> Bot:
    """Another process on the same books, at the same time."""
    again = build(LIMIT, store=store)
    again.clock.step(bot.clock.now() - again.clock.now())
    await again.quotas.start()
    again.chat.reminders.restore()
    return again


async def test_who_asked_for_it_is_told_once() -> None:
    bot = build(LIMIT)
    await wants(bot, member())
    await refused(bot, member())
    assert await told(bot, HOUR) == []
    (fresh,) = await told(bot)
    assert fresh.requester == member()
    assert bot.words.open_again(fresh.refused) == (
        "Your limit has opened again (rule everyone: 100 tokens/day)."
    )
    assert await told(bot) == []
    assert kept(bot) == {}


async def test_who_did_not_ask_is_not_told() -> None:
    bot = build(LIMIT)
    await refused(bot, member())
    assert kept(bot) == {}
    assert await told(bot) == []


async def test_who_does_not_want_it_any_more_is_not_told() -> None:
    bot = build(LIMIT)
    await wants(bot, member())
    await refused(bot, member())
    await wants(bot, member(), on=False)
    assert await told(bot) == []
    assert kept(bot) == {}


async def test_who_sits_at_the_console_is_told_without_asking() -> None:
    bot = build(LIMIT)
    await refused(bot, "ana")
    assert [fresh.requester.member.id for fresh in await told(bot)] == ["ana"]
    assert kept(bot) == {}


async def test_after_the_refusal_one_can_still_ask() -> None:
    bot = build(LIMIT)
    await refused(bot, member())
    await wants(bot, member())
    await bot.chat.reminders.asked(member())
    assert list(kept(bot)) == ["discord:7:1"]
    assert len(await told(bot)) == 1


async def test_who_was_not_refused_has_nothing_to_be_told() -> None:
    bot = build(LIMIT)
    await wants(bot, member())
    await bot.chat.reminders.asked(member())
    assert kept(bot) == {}


async def test_a_reminder_survives_a_restart() -> None:
    store = MemoryStore()
    bot = build(LIMIT, store=store)
    who = member(roles=("Guest",), channel="homework")
    await wants(bot, who)
    await refused(bot, who)
    again = await restarted(store, bot)
    (fresh,) = await told(again)
    assert fresh.requester == who
    assert fresh.refused.limit == again.quotas.policy("discord:7").limits[0]
    assert kept(again) == {}


async def test_what_opened_while_the_bot_was_down_is_told_for_a_day() -> None:
    store = MemoryStore()
    bot = build(LIMIT, store=store)
    await wants(bot, member())
    await refused(bot, member())
    bot.clock.advance(DAY)
    assert len(await told(await restarted(store, bot), 0)) == 1
    late = build(LIMIT, store=store)
    await wants(late, member("2"))
    await refused(late, member("2"))
    late.clock.advance(3 * DAY)
    assert await told(await restarted(store, late), 0) == []


@pytest.mark.parametrize("text", ["{}", "[]", "x", '{"roles": 1, "channel": 2, "limit": 3}'])
async def test_a_reminder_of_another_version_does_no_harm(text: str) -> None:
    bot = build(LIMIT)
    await bot.quotas.governing.keep(EVERYWHERE, "reminder", "discord:7:1", text)
    await bot.quotas.governing.keep(EVERYWHERE, "reminder", "nobody", text)
    bot.chat.reminders.restore()
    assert await told(bot) == []


async def test_a_store_in_trouble_costs_no_refusal_and_no_reminder() -> None:
    bot = build(LIMIT)
    await wants(bot, member())
    stepping_of(bot).down["put_flag"] = StoreUnavailableError("down")
    await refused(bot, member())
    assert len(await told(bot)) == 1
    await let_run()
