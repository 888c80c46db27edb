"""Somebody tries what no client offers: forged buttons and forms, roles with misleading names."""

from pathlib import Path

from bot.ports import TextDelta
from tests.discord_kit import Story, story
from tests.scripted import Gate, steps
from tests.servers.discord import Message
from tests.servers.discord.models import Channel
from tests.stories.discord_chat_test import said
from tests.stories.discord_commands_test import LIMIT, Homework


async def thread_of(told: Story, here: Homework) -> Channel:
    """A thread in which the bot has spoken."""
    thread = await here.ana.starts_thread(here.channel, "homework")
    await told.ended(thread, await here.ana.says(thread, "@bot hello all"))
    return thread


async def privately(told: Story, here: Homework, where: Channel, text: str) -> Message:
    used = await here.ana.slash(where, "ask", prompt=text, private=True)
    shown = await used.reply()
    await told.discord.until(lambda: "Regenerate" in shown.buttons, "a private answer")
    return shown


async def test_what_is_asked_in_private_is_no_part_of_the_thread(tmp_path: Path) -> None:
    async with story(tmp_path) as told:
        here = Homework(told)
        thread = await thread_of(told, here)
        shown = await privately(told, here, thread, "my secret")
        assert shown.only_for is here.ana.person
        await here.ana.clicks(shown, "Regenerate")
        await told.discord.until(lambda: len(told.model.calls) == 3, "it is asked again")
        await told.ended(thread, await here.bo.says(thread, "@bot what was said?"))
        assert said(told.model.calls[1]) == ["my secret"]
        assert said(told.model.calls[2]) == ["my secret"]
        assert not any("secret" in text for text in said(told.model.calls[3]))
        assert any("hello all" in text for text in said(told.model.calls[3]))


async def test_what_was_asked_in_private_is_asked_again_in_private(tmp_path: Path) -> None:
    async with story(tmp_path) as told:
        here = Homework(told)
        await privately(told, here, here.channel, "my secret")
        used = await here.ana.slash(here.channel, "chat regenerate")
        again = await used.reply()
        assert again.only_for is here.ana.person
        assert not any("secret" in text for text in here.bo.reads(here.channel))


async def test_a_role_that_is_called_like_another_gives_none_of_its_rights(tmp_path: Path) -> None:
    async with story(tmp_path) as told:
        here = Homework(told)
        guild = here.guild
        real, small = guild.role("Quota"), guild.role("small")
        roles = f'admin_roles = ["{real.id}"]\nstaff_roles = ["small"]'
        await told.stop()
        told.configure(discord=roles)
        await told.start()
        mallory = here.guild.member("mallory", roles=[guild.role(str(real.id))])
        governs = here.guild.member("gia", roles=[real])
        helps = here.guild.member("hal", roles=[small])
        command = "quota-admin pause"
        refused = await here.does(mallory.by_force(), command)
        assert "need" in refused.text
        assert "Paused" in (await here.does(governs.by_force(), command)).text
        shown = await here.does(helps.by_force(), "quota-staff show", member=here.ana)
        assert here.ana.mention in shown.text
        # A second role of the name that the config trusts: nobody knows which was meant.
        twin = guild.role("small-2")
        guild.renames(twin, "small")
        eve = here.guild.member("eve", roles=[twin])
        shown = await here.does(eve.by_force(), "quota-staff show", member=here.ana)
        assert here.ana.mention not in shown.text


async def test_a_limit_holds_for_a_role_whatever_it_is_called(tmp_path: Path) -> None:
    async with story(tmp_path, LIMIT) as told:
        here = Homework(told)
        for name in ('best "ever" -- for everyone', "a  b", '" for everyone'):
            role = here.guild.role(name)
            preview = await here.does(
                here.ada, "quota-admin limit set", amount="2k", per="week", target=role
            )
            await here.presses(here.ada, preview, "Apply")
            assert [x.scope.name for x in told.bot.quotas.governing.limits(here.space)] == [
                str(role.id)
            ]
            (limit,) = told.bot.quotas.governing.limits(here.space)
            done = await here.does(here.ada, "quota-admin limit remove", rule=limit.id)
            await here.presses(here.ada, done, "Apply")


async def test_a_forged_form_does_not_read_another_channel(tmp_path: Path) -> None:
    async with story(tmp_path) as told:
        here = Homework(told)
        secret = here.guild.channel("staff")
        plan = await here.mo.says(secret, "the plan of the staff")
        await here.mo.uses("Ask about this", plan)
        other = await here.ana.says(here.channel, "the weather")
        opened = await here.ana.uses("Ask about this", other)
        assert opened.modal is not None
        named = opened.modal.payload["custom_id"]
        opened.modal.payload["custom_id"] = named.replace(str(other.id), str(plan.id))
        label = next(iter(opened.modal.fields))
        sent = await here.ana.fills(opened.modal, {label: "what is it?"})
        shown = await (await sent.reply()).settled()
        await told.discord.until(lambda: "Stop" not in shown.buttons, "an end")
        assert told.model.calls == []


async def test_a_forged_button_does_not_stop_what_others_asked(tmp_path: Path) -> None:
    async with story(tmp_path) as told:
        here = Homework(told)
        gate = Gate()
        told.model.next(steps(TextDelta("one "), gate, TextDelta("two")))
        asked = await here.ana.says(here.channel, "@bot hello")
        answer = await here.channel.answer(after=asked)
        await answer.until(lambda m: "Stop" in m.buttons, "a Stop")
        button = answer.components[0]["components"][0]
        forged = button["custom_id"].replace(str(here.ana.id), str(here.bo.id))
        assert forged != button["custom_id"]
        button["custom_id"] = forged
        clicked = await here.bo.clicks(answer, custom_id=forged)
        await told.discord.until(lambda: clicked.followups, "an answer to the click")
        assert told.model.open == 1
        gate.release()
        whole = await told.ended(here.channel, asked)
        assert "Stopped" not in whole.text


async def test_the_set_up_knows_where_the_operator_has_alerts_shown(tmp_path: Path) -> None:
    async with story(tmp_path, discord='alert_channel = "ops"') as told:
        here = Homework(told)
        card = await here.does(here.ada, "quota-admin setup")
        assert "#ops" in card.text
        assert "nowhere" not in card.text
