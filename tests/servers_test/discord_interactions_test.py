"""Interactions: in time or not at all, once, and seen by whom they are for."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import discord
import pytest

from tests.fakes import MINUTE, SECOND, FakeClock
from tests.servers.discord import Discord, File, Interaction, NotOfferedError, Permission
from tests.servers_test.discord_kit import Bot, Wire, on_the_wire, running

Json = dict[str, Any]
BUTTON = {
    "type": 1,
    "components": [{"type": 2, "style": 4, "label": "Stop", "custom_id": "stop"}],
}
MENU = {
    "type": 1,
    "components": [
        {
            "type": 3,
            "custom_id": "menu",
            "options": [{"label": "One", "value": "1"}, {"label": "Two", "value": "2"}],
        }
    ],
}
PEOPLE = {"type": 1, "components": [{"type": 7, "custom_id": "who", "max_values": 2}]}
REPLIES, DEFERS, DEFERS_UPDATE, UPDATES, SUGGESTS, OPENS_MODAL = 4, 5, 6, 7, 8, 9


class Scene:
    """A person who has just used /ask, and the bare hands of the app."""

    def __init__(self, server: Discord, wire: Wire, clock: FakeClock) -> None:
        self.server, self.wire, self.clock = server, wire, clock
        self.guild = server.guild("Homework")
        self.ana, self.bo = self.guild.member("ana"), self.guild.member("bo")
        self.channel = self.guild.channel("general")

    def uses(self) -> Interaction:
        return self.ana.sends_slash(self.channel, "ask")

    async def respond(self, to: Interaction, kind: int, **data: Any) -> Any:
        return await self.wire(callback(to), {"type": kind, "data": data})

    async def refused(self, to: Interaction, kind: int, **data: Any) -> tuple[int, int]:
        return (await self.wire.refused(callback(to), {"type": kind, "data": data}))[:2]

    def hook(self, of: Interaction, rest: str = "") -> str:
        return f"/webhooks/{self.server.bot.id}/{of.token}{rest}"

    async def with_button(self) -> Interaction:
        used = self.uses()
        await self.respond(used, REPLIES, content="running", components=[BUTTON])
        return used


def callback(to: Interaction) -> str:
    return f"POST /interactions/{to.id}/{to.token}/callback"


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    clock = FakeClock()
    async with Discord(clock=clock, limited=False) as server, on_the_wire(server) as wire:
        app = server.bot.id
        known = {"name": "ask", "description": "Ask", "integration_types": [0, 1]}
        await wire(f"PUT /applications/{app}/commands", [known])
        yield Scene(server, wire, clock)


async def test_the_first_answer_has_three_seconds(scene: Scene) -> None:
    in_time, late = scene.uses(), scene.uses()
    scene.clock.advance(3 * SECOND)
    await scene.respond(in_time, REPLIES, content="just so")
    before = late.has_failed
    scene.clock.advance(1)
    assert (before, late.has_failed, in_time.has_failed) == (False, True, False)
    assert await scene.refused(late, REPLIES, content="too late") == (404, 10062)
    path = f"POST {scene.hook(late)}"
    assert (await scene.wire.refused(path, {"content": "x"}))[:2] == (404, 10015)


async def test_a_second_answer_is_refused(scene: Scene) -> None:
    used = scene.uses()
    await scene.respond(used, DEFERS)
    assert await scene.refused(used, REPLIES, content="again") == (400, 40060)


async def test_what_is_not_known_is_refused(scene: Scene) -> None:
    used = scene.uses()
    refused = scene.wire.refused
    body = {"type": REPLIES, "data": {"content": "x"}}
    assert (await refused("POST /interactions/5/none/callback", body))[:2] == (404, 10062)
    path = f"POST /interactions/5/{used.token}/callback"
    assert (await refused(path, body))[:2] == (404, 10062)
    hook = f"POST /webhooks/{scene.server.bot.id}/none"
    assert (await refused(hook, {"content": "x"}))[:2] == (404, 10015)
    # Nothing has been answered yet, so there is nothing to follow up or to change.
    assert (await refused(f"POST {scene.hook(used)}", {"content": "x"}))[:2] == (404, 10015)
    original = f"PATCH {scene.hook(used, '/messages/@original')}"
    assert (await refused(original, {"content": "x"}))[:2] == (404, 10015)


@pytest.mark.parametrize("kind", [DEFERS_UPDATE, UPDATES, SUGGESTS, 1, 12])
async def test_a_command_has_no_such_answer(scene: Scene, kind: int) -> None:
    assert await scene.refused(scene.uses(), kind, content="x") == (400, 50035)


async def test_the_token_is_good_for_a_quarter_of_an_hour(scene: Scene) -> None:
    used = scene.uses()
    await scene.respond(used, DEFERS)
    scene.clock.advance(15 * MINUTE)
    await scene.wire(f"POST {scene.hook(used)}", {"content": "at last"})
    scene.clock.advance(1)
    for name in (f"POST {scene.hook(used)}", f"PATCH {scene.hook(used, '/messages/@original')}"):
        assert (await scene.wire.refused(name, {"content": "x"}))[:2] == (401, 50027)


async def test_privacy_is_decided_when_deferring(scene: Scene) -> None:
    used = scene.uses()
    await scene.respond(used, DEFERS, flags=64)
    assert used.original is not None
    assert used.original.flags & 128
    # The first message afterwards takes the place of "thinking", whatever it says of itself.
    await scene.wire(f"POST {scene.hook(used)}", {"content": "a secret", "flags": 0})
    await scene.wire(f"POST {scene.hook(used)}", {"content": "not so secret"})
    assert used.original.text == "a secret"
    assert not used.original.is_loading
    assert used.original.edited_at is None
    assert scene.ana.reads(scene.channel) == ["a secret", "not so secret"]
    assert scene.bo.reads(scene.channel) == ["not so secret"]


async def test_an_ephemeral_message_is_reached_only_by_its_token(scene: Scene) -> None:
    used = scene.uses()
    answer = await scene.wire(
        f"{callback(used)}?with_response=1",
        {"type": REPLIES, "data": {"content": "secret", "flags": 64}},
    )
    made = answer["resource"]["message"]
    assert answer["interaction"]["response_message_ephemeral"] is True
    assert made["flags"] & 64
    path = f"/channels/{scene.channel.id}/messages/{made['id']}"
    for method in ("GET", "PATCH", "DELETE"):
        assert (await scene.wire.refused(f"{method} {path}", {}))[:2] == (404, 10008)
    await scene.wire(f"PATCH {scene.hook(used, '/messages/@original')}", {"content": "changed"})
    assert scene.ana.reads(scene.channel) == ["changed"]
    await scene.wire(f"DELETE {scene.hook(used, '/messages/@original')}")
    assert scene.ana.reads(scene.channel) == []
    original = f"PATCH {scene.hook(used, '/messages/@original')}"
    assert (await scene.wire.refused(original, {"content": "x"}))[:2] == (404, 10008)


async def test_follow_ups_are_changed_and_deleted_by_their_ids(scene: Scene) -> None:
    used = scene.uses()
    await scene.respond(used, REPLIES, content="first")
    made = await scene.wire(f"POST {scene.hook(used)}", {"content": "second"})
    path = scene.hook(used, f"/messages/{made['id']}")
    await scene.wire(f"PATCH {path}", {"content": "second, changed"})
    assert (await scene.wire(f"GET {path}"))["content"] == "second, changed"
    await scene.wire(f"DELETE {path}")
    assert scene.bo.reads(scene.channel) == ["first"]
    assert (await scene.wire.refused(f"GET {path}"))[:2] == (404, 10008)


async def test_where_only_the_person_has_the_app_there_are_five_follow_ups(scene: Scene) -> None:
    elsewhere = scene.server.guild("Elsewhere", bot=False)
    ana, lobby = elsewhere.member("ana"), elsewhere.channel("lobby")
    ana.person.installs_the_app()
    used = ana.sends_slash(lobby, "ask")
    await scene.respond(used, REPLIES, content="first")
    for number in range(5):
        await scene.wire(f"POST {scene.hook(used)}", {"content": str(number)})
    refusal = await scene.wire.refused(f"POST {scene.hook(used)}", {"content": "six"})
    assert refusal[:2] == (400, 40094)


async def test_where_external_apps_are_unwelcome_they_answer_in_secret(scene: Scene) -> None:
    elsewhere = scene.server.guild("Elsewhere", bot=False)
    ana, cy, lobby = elsewhere.member("ana"), elsewhere.member("cy"), elsewhere.channel("lobby")
    ana.person.installs_the_app()
    lobby.deny(elsewhere.everyone, Permission.USE_EXTERNAL_APPS)
    await scene.respond(ana.sends_slash(lobby, "ask"), REPLIES, content="hush")
    assert ana.reads(lobby) == ["hush"]
    assert cy.reads(lobby) == []


async def test_answers_need_no_permission_and_ping_no_roles(scene: Scene) -> None:
    scene.channel.deny(scene.guild.everyone, Permission.EMBED_LINKS)
    scene.channel.deny(scene.guild.bot, Permission.SEND_MESSAGES)
    role = scene.guild.role("Boss", mentionable=True)
    used = scene.uses()
    await scene.respond(used, REPLIES, content=f"@everyone {role.mention} {scene.bo.mention}")
    assert used.original is not None
    assert used.original.pinged.people == {"bo"}
    assert not used.original.pinged.roles
    assert not used.original.pinged.everyone


async def test_an_answer_is_checked_like_any_message(scene: Scene) -> None:
    used = scene.uses()
    assert await scene.refused(used, REPLIES) == (400, 50006)
    assert await scene.refused(used, REPLIES, content="x" * 2001) == (400, 50035)
    # What was refused has not answered.
    await scene.respond(used, DEFERS)
    path = f"PATCH {scene.hook(used, '/messages/@original')}"
    assert (await scene.wire.refused(path, {"content": "x" * 2001}))[:2] == (400, 50035)
    assert used.original is not None
    assert used.original.is_loading


# -- components and forms ----------------------------------------------------------------------


async def test_a_button_changes_its_message_at_once_or_later(scene: Scene) -> None:
    used = await scene.with_button()
    message = used.original
    assert message is not None
    pressed = scene.ana.presses(message, "Stop")
    await scene.respond(pressed, UPDATES, content="stopped", components=[])
    assert message.text == "stopped"
    assert message.buttons == []
    again = await scene.with_button()
    assert again.original is not None
    later = scene.ana.presses(again.original, custom_id="stop")
    await scene.respond(later, DEFERS_UPDATE)
    await scene.wire(f"PATCH {scene.hook(later, '/messages/@original')}", {"content": "later"})
    assert again.original.text == "later"


async def test_others_press_too_unless_they_do_not_see_it(scene: Scene) -> None:
    used = await scene.with_button()
    assert used.original is not None
    pressed = scene.bo.presses(used.original, "Stop")
    assert pressed.event["member"]["user"]["username"] == "bo"
    await scene.respond(pressed, REPLIES, content="not yours", flags=64)
    secret = scene.uses()
    await scene.respond(secret, REPLIES, content="mine", components=[BUTTON], flags=64)
    assert secret.original is not None
    with pytest.raises(NotOfferedError, match="do not see"):
        scene.bo.presses(secret.original, "Stop")
    scene.bo.by_force().presses(secret.original, "Stop")


async def test_a_button_that_is_disabled_or_not_there_cannot_be_pressed(scene: Scene) -> None:
    used = scene.uses()
    off = {"type": 2, "style": 4, "label": "Stop", "custom_id": "stop", "disabled": True}
    await scene.respond(used, REPLIES, content="x", components=[{"type": 1, "components": [off]}])
    assert used.original is not None
    with pytest.raises(NotOfferedError, match="disabled"):
        scene.ana.presses(used.original, "Stop")
    with pytest.raises(AssertionError, match=r"no button 'Go' among \['Stop'\]"):
        scene.ana.presses(used.original, "Go")


async def test_menus_give_values_or_the_objects_behind_them() -> None:
    heard: list[Any] = []
    async with Discord() as server:
        guild = server.guild("Homework")
        ana, boss = guild.member("ana"), guild.role("Boss")
        channel = guild.channel("general")

        class Panel(discord.ui.View):
            @discord.ui.select(
                options=[discord.SelectOption(label="One", value="1")], custom_id="menu"
            )
            async def menu(
                self, interaction: discord.Interaction[Any], select: discord.ui.Select[Any]
            ) -> None:
                heard.extend(select.values)
                await interaction.response.defer()

            @discord.ui.select(cls=discord.ui.MentionableSelect, max_values=2, custom_id="who")
            async def who(
                self,
                interaction: discord.Interaction[Any],
                select: discord.ui.MentionableSelect[Any],
            ) -> None:
                heard.extend(each.name for each in select.values)
                await interaction.response.defer()

        async with running(server, bot := Bot()):
            sent = await bot.get_partial_messageable(channel.id).send("choose", view=Panel())
            message = server.world.messages[sent.id]
            await ana.picks(message, ["One"], custom_id="menu")
            await ana.picks(message, [ana, boss], custom_id="who")
            with pytest.raises(NotOfferedError):
                await ana.picks(message, ["Three"], custom_id="menu")
            with pytest.raises(NotOfferedError):
                await ana.picks(message, [ana, boss, boss], custom_id="who")
    assert heard == ["1", "ana", "Boss"]


async def test_a_form_brings_back_what_was_filled_in() -> None:
    heard: dict[str, Any] = {}

    class Form(discord.ui.Modal, title="Set a limit"):
        amount = discord.ui.Label(
            text="Amount", component=discord.ui.TextInput[Any](min_length=2, max_length=5)
        )
        who = discord.ui.Label(
            text="For whom", component=discord.ui.UserSelect[Any](max_values=2, required=False)
        )
        per = discord.ui.Label(
            text="Per",
            component=discord.ui.RadioGroup[Any](
                options=[discord.RadioGroupOption(label=x, value=x) for x in ("day", "week")]
            ),
        )
        sure = discord.ui.Label(text="Sure", component=discord.ui.Checkbox[Any]())
        proof = discord.ui.Label(
            text="Proof", component=discord.ui.FileUpload[Any](max_values=1, required=False)
        )

        async def on_submit(self, interaction: discord.Interaction[Any]) -> None:
            heard["amount"] = self.amount.component.value  # type: ignore[attr-defined]  # a label's
            heard["who"] = [each.name for each in self.who.component.values]  # type: ignore[attr-defined]  # as above
            heard["per"] = self.per.component.value  # type: ignore[attr-defined]  # as above
            heard["sure"] = self.sure.component.value  # type: ignore[attr-defined]  # as above
            heard["proof"] = await self.proof.component.values[0].read()  # type: ignore[attr-defined]  # as above
            await interaction.response.send_message("set", ephemeral=True)

    async with Discord() as server:
        ana = server.guild("Homework").member("ana")
        bo = ana.guild.member("bo")
        channel = ana.guild.channel("general")
        bot = Bot()

        @bot.tree.command(name="limit", description="Set")
        async def limit(interaction: discord.Interaction[Any]) -> None:
            await interaction.response.send_modal(Form())

        async with running(server, bot):
            await bot.tree.sync()
            opened = (await ana.slash(channel, "limit")).modal
            assert opened is not None
            assert opened.title == "Set a limit"
            assert [*opened.fields] == ["Amount", "For whom", "Per", "Sure", "Proof"]
            for wrong in ({}, {"Amount": "1", "Per": "day"}, {"Amount": "123456", "Per": "day"}):
                with pytest.raises(NotOfferedError):
                    await ana.fills(opened, wrong)
            with pytest.raises(AssertionError, match="no inputs"):
                await ana.fills(opened, {"Amount": "50k", "Per": "day", "Else": "x"})
            with pytest.raises(NotOfferedError, match="another person"):
                await bo.fills(opened, {"Amount": "50k", "Per": "day"})
            proof = File("proof.txt", b"see")
            chosen = {"Amount": "50k", "For whom": [bo], "Per": "week", "Sure": True}
            await ana.fills(opened, chosen | {"Proof": proof})
    proven = {"amount": "50k", "who": ["bo"], "per": "week", "sure": True, "proof": b"see"}
    assert heard == proven


async def test_a_form_of_a_command_has_no_message_to_change(scene: Scene) -> None:
    used = scene.uses()
    text = {"type": 4, "custom_id": "f", "style": 1, "required": False}
    inner = {"type": 18, "label": "Why", "component": text}
    await scene.respond(used, OPENS_MODAL, title="x", custom_id="x", components=[inner])
    filling = asyncio.create_task(scene.ana.fills(used.modal, {}))
    await asyncio.sleep(0)
    sent = [*scene.server.world.interactions.values()][-1]
    assert await scene.refused(sent, UPDATES, content="x") == (400, 50035)
    assert await scene.refused(sent, OPENS_MODAL, title="x") == (400, 50035)
    await scene.respond(sent, REPLIES, content="thanks")
    await filling


async def test_commands_in_direct_messages_tell_the_person_and_no_guild() -> None:
    heard: list[Any] = []
    async with Discord() as server:
        ana = server.person("ana")
        bot = Bot()

        @bot.tree.command(name="quota", description="What is left")
        async def quota(interaction: discord.Interaction[Any]) -> None:
            heard.extend(
                [interaction.guild_id, interaction.user.name, interaction.context.dm_channel]
            )
            await interaction.response.send_message("all of it")

        async with running(server, bot):
            await bot.tree.sync()
            used = await ana.slash(ana.dm, "quota")
    assert heard == [None, "ana", True]
    assert ana.reads(ana.dm) == ["all of it"]
    assert used.original is not None
    assert server.books.opened_dms == []
