"""What an operator does for a member: the same as the member could have done."""

import asyncio
import json
from typing import Any

import pytest

from bot.control import Control, Order, Outcome
from bot.messages import Ask, End
from bot.ports import TextDelta
from bot.privacy import ENTRIES_ALL, STOPPED_MS, Met, export, extent, written
from bot.settings import MemberSettings
from quota.members import Member, Requester, Space
from tests.bot.member_commands_test import DAILY, chosen, kept
from tests.fakes import requester
from tests.scripted import Bot, Gate, RecordingReply, Steps, build, steps

ANA = "console:console:ana"
OLGA = "cli:olga"


async def order(bot: Bot, verb: str, who: str = "ana", *, running: bool = True) -> Outcome:
    desk = bot.desk if running else None
    control = Control(bot.quotas, lambda: bot.chat.models.default.terms, None, desk)
    return await control.carry_out(Order(verb, OLGA, {"member": who}))


async def about(bot: Bot, who: str = "ana", seen: Met | None = None) -> dict[str, Any]:
    return await export(bot.quotas, requester(who).member, seen or Met(), ENTRIES_ALL)


@pytest.mark.parametrize("running", [True, False])
async def test_an_operator_erases_all_that_the_member_could(*, running: bool) -> None:
    bot = build(DAILY)
    await kept(bot)
    before = await bot.balance("ana")
    done = await order(bot, "erase", running=running)
    assert done.data == {"member": ANA, "erased": True}
    assert chosen(bot) == MemberSettings()
    assert {flag.name for flag in await bot.store.flags()} == {"block", "request"}
    assert ANA not in await bot.store.wallets()
    trail = await bot.store.audit_trail("console:console", 0, 99)
    assert "ana" not in repr(trail)
    assert (trail[0].actor, trail[0].action) == (OLGA, "erase")
    assert trail[0].subject.startswith("console:console:deleted-")
    assert await bot.balance("ana") == before, "who comes back finds what they used"
    assert await bot.store.verify() == []


async def test_what_was_said_is_forgotten_by_the_running_bot() -> None:
    bot = build(DAILY)
    await kept(bot)
    await order(bot, "erase")
    await bot.answer("ana", "what is my secret")
    assert len(bot.model.calls[-1].messages) == 1
    assert (await order(bot, "met")).data == {"roles": (), "language": ""}


async def test_nobody_elses_data_are_touched() -> None:
    bot = build(DAILY)
    await kept(bot)
    before = await about(bot, "bo")
    await order(bot, "erase")
    assert await about(bot, "bo") == before


async def test_what_only_the_running_bot_remembers_is_in_the_export_too() -> None:
    bot = build(DAILY)
    await kept(bot)
    bot.desk.meet(requester("ana", roles=("Guest",)), bot.words)
    seen = Met.read(json.loads(json.dumps((await order(bot, "met")).data)))
    assert seen == Met(("Guest",), "en")
    assert Met.read((await order(bot, "met", running=False)).data) == Met()
    card = await bot.type("/privacy export", requester("ana", roles=("Guest",)), previews=True)
    assert card.files[0][1].decode() == written(await about(bot, seen=seen))


async def test_an_export_tells_what_was_done_by_the_member_and_to_them() -> None:
    bot = build(DAILY)
    await kept(bot)
    acts = (await about(bot))["acts"]
    assert [(act["actor"], act["action"]) for act in acts] == [
        *(("ana", "ceiling"), ("ana", "request"), ("ada", "grant")),
    ]
    assert [act["action"] for act in (await about(bot, "ada"))["acts"]] == ["grant", "block"]


async def test_what_erasing_would_do_is_told_in_numbers() -> None:
    bot = build(DAILY)
    await kept(bot)
    await bot.type("/quota-admin limit set 5k tokens per day for @bo")
    ana = await extent(bot.quotas, await about(bot))
    assert ana == (3, 1, 2, 1, 3, (), (), True)
    bo = await extent(bot.quotas, await about(bot, "bo"))
    assert (bo.requests, bo.stays) == (1, ("block", "member:bo tokens/day"))


async def test_the_same_person_is_named_in_other_spaces_of_the_platform() -> None:
    bot = build(DAILY)
    for space in (Space("discord", "1"), Space("discord", "2"), Space("slack", "3")):
        for who in ("ana", "the-ana"):
            await bot.answer(Requester(Member(space, who)))
    data = await export(bot.quotas, Member(Space("discord", "1"), "ana"), Met())
    found = await extent(bot.quotas, data)
    assert found.elsewhere == ("discord:2:ana",)
    data = await export(bot.quotas, Member(Space("slack", "9"), "ana"), Met())
    stranger = await extent(bot.quotas, data)
    assert (stranger.is_known, stranger.elsewhere) == (False, ("slack:3:ana",))


async def test_who_only_governed_is_known_and_a_stranger_is_not() -> None:
    bot = build(DAILY)
    await kept(bot)
    assert (await extent(bot.quotas, await about(bot, "ada"))).is_known
    assert not (await extent(bot.quotas, await about(bot, "mallory"))).is_known
    await order(bot, "erase")
    assert not (await extent(bot.quotas, await about(bot))).is_known, "the grant is another's"


async def test_an_admin_who_goes_is_named_in_no_decision_and_the_request_stays() -> None:
    bot = build(DAILY)
    await kept(bot)
    for flag in [flag for flag in await bot.store.flags() if flag.name == "request"]:
        await bot.type(f"/quota-admin deny {flag.subject} -- no")
    await order(bot, "erase", "ada")
    assert "ada" not in repr(await bot.store.flags())
    listed = (await bot.type("/quota-admin requests done", requester("cy", admin=True))).panel.table
    assert listed is not None
    assert {row[5].partition("deleted-")[0] for row in listed.rows} == {"denied by "}
    assert "ada" not in repr(await bot.store.audit_trail("console:console", 0, 99))


@pytest.mark.parametrize("who", ["", "discord:1", "::"])
async def test_what_names_no_member_erases_nobody(who: str) -> None:
    bot = build(DAILY)
    await kept(bot)
    for verb in ("erase", "met"):
        assert (await order(bot, verb, who)).code == 2
    assert ANA in await bot.store.wallets()


async def test_what_is_being_answered_is_stopped_and_leaves_nothing_behind() -> None:
    bot = build(DAILY)
    gate = Gate()
    bot.model.next(steps(TextDelta("w1 w2"), gate))
    running = bot.start("ana", "my secret is a cat", shown_as=["m1"])
    await gate.reached()
    erasing = asyncio.create_task(order(bot, "erase"))
    await running.end()
    assert (await erasing).code == 0
    assert await bot.store.turns(["console:console:m1"]) == []
    assert ANA not in await bot.store.wallets()
    await bot.answer("ana", "what is my secret")
    assert len(bot.model.calls[-1].messages) == 1
    await bot.is_clean()


class Stuck(RecordingReply):
    """A platform that does not show how an answer ended before it is let go."""

    def __init__(self, passing: Steps) -> None:
        super().__init__(passing)
        self.gate = Gate()

    async def finish(self, end: End) -> None:
        await self.gate.enter()
        await super().finish(end)


async def test_an_end_that_is_not_shown_keeps_nobody_from_going() -> None:
    bot = build(DAILY)
    reply = Stuck(bot.passing)
    ask = Ask("e1", requester("ana"), "my secret is a cat")
    running = asyncio.create_task(bot.chat.handle(ask, reply, bot.words))
    await reply.gate.arrived.acquire()
    erasing = asyncio.create_task(order(bot, "erase"))
    await bot.clock.asked_for(STOPPED_MS)
    bot.clock.advance(STOPPED_MS)
    assert (await erasing).code == 0
    assert ANA not in await bot.store.wallets()
    reply.gate.release()
    await running
    await bot.is_clean()
