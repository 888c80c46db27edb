"""Members, staff and admins use commands, buttons and forms on Discord."""

import json
from pathlib import Path
from typing import Any

import pytest

from quota.members import Member, Space
from quota.units import Usage
from tests.discord_kit import Story, story
from tests.fakes import HOUR
from tests.scripted import says
from tests.servers.discord import Guild, Message, Permission
from tests.servers.discord.models import Channel, Interaction, walk

LIMIT = '["1000 tokens/day"]'


class Homework:
    """A server with ada who governs it, mo of the staff, and ana and bo who study."""

    def __init__(self, told: Story) -> None:
        self.told = told
        self.guild: Guild = told.discord.guild("Homework")
        admins = self.guild.role("Admin", Permission.MANAGE_GUILD)
        staff = self.guild.role("Staff", Permission.MODERATE_MEMBERS)
        self.supporter = self.guild.role("Supporter")
        self.ada = self.guild.member("ada", roles=[admins])
        self.mo = self.guild.member("mo", roles=[staff])
        self.ana, self.bo = self.guild.member("ana"), self.guild.member("bo")
        self.channel: Channel = self.guild.channel("general")

    @property
    def space(self) -> str:
        return Space("discord", str(self.guild.id)).key

    async def does(self, who: Any, command: str, **options: Any) -> Message:
        """Use a command; the answer to it."""
        used: Interaction = await who.slash(self.channel, command, **options)
        return await (await used.reply()).settled()

    async def presses(self, who: Any, message: Message, label: str) -> Message:
        """Press a button; what is shown then, beside the card or in its place."""
        before = len(message.bodies)
        clicked = who.presses(message, label)

        def shown() -> Message | None:
            if len(message.bodies) > before:
                return message
            return clicked.followups[0] if clicked.followups else None

        await self.told.discord.until(shown, f"what comes of {label}")
        found = shown()
        assert found is not None
        return await found.settled()

    async def asks(self, who: Any, text: str = "@bot hello") -> Message:
        asked = await who.says(self.channel, text)
        return await self.told.ended(self.channel, asked)


async def test_quota_is_a_card_that_only_its_member_sees(tmp_path: Path) -> None:
    async with story(tmp_path, LIMIT) as told:
        here = Homework(told)
        await here.asks(here.ana)
        card = await here.does(here.ana, "quota")
        assert card.is_v2
        assert card.only_for is here.ana.person
        assert "% left" in card.text
        assert "1,000" in card.text
        assert "🟩" in card.text
        assert card not in here.bo.sees(here.channel)


async def test_quota_can_be_shared(tmp_path: Path) -> None:
    async with story(tmp_path, LIMIT) as told:
        here = Homework(told)
        card = await here.does(here.ana, "quota", share=True)
        assert card.only_for is None


async def test_a_grant_is_told_to_its_admin_and_calls_nobody(tmp_path: Path) -> None:
    async with story(tmp_path, '["1 request/day"]') as told:
        here = Homework(told)
        given = await here.does(
            here.ada,
            "quota-admin member grant",
            member=here.ana,
            amount="+2 requests",
            reason="homework -- due",
        )
        assert given.only_for is here.ada.person
        assert here.ana.mention in given.text
        assert "homework - due" in given.text
        assert not given.pinged


async def test_a_limit_is_shown_before_it_holds(tmp_path: Path) -> None:
    async with story(tmp_path, LIMIT) as told:
        here = Homework(told)
        await here.asks(here.ana)
        preview = await here.does(
            here.ada, "quota-admin limit set", amount="2k", per="day", target=here.supporter
        )
        assert preview.buttons == ["Apply", "Cancel"]
        assert told.bot.quotas.governing.limits(here.space) == []
        done = await here.presses(here.ada, preview, "Apply")
        assert "Supporter" in done.text
        (limit,) = told.bot.quotas.governing.limits(here.space)
        assert limit.name == "role Supporter: 2k tokens/day"
        assert preview.buttons != ["Apply", "Cancel"]


async def test_who_changes_their_mind_changes_nothing(tmp_path: Path) -> None:
    async with story(tmp_path, LIMIT) as told:
        here = Homework(told)
        preview = await here.does(here.ada, "quota-admin limit set", amount="1", per="day")
        await here.presses(here.ada, preview, "Cancel")
        assert told.bot.quotas.governing.limits(here.space) == []


async def test_what_is_shown_before_a_restart_is_applied_after_it(tmp_path: Path) -> None:
    async with story(tmp_path, LIMIT) as told:
        here = Homework(told)
        preview = await here.does(here.ada, "quota-admin limit set", amount="2k", per="day")
        await told.stop()
        await told.start()
        done = await here.presses(here.ada, preview, "Apply")
        assert "2k tokens/day" in done.text


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("limit set", {"amount": "5", "per": "day"}),
        ("limit list", {}),
        ("limit remove", {"rule": "x"}),
        ("member grant", {"member": "bo", "amount": "+5"}),
        ("member reset", {"member": "bo"}),
        ("member block", {"member": "bo"}),
        ("member unblock", {"member": "bo"}),
        ("member explain", {"member": "bo"}),
        ("pool set", {"amount": "2M", "per": "day"}),
        ("usage report", {}),
        ("usage top", {}),
        ("channel set", {"channel": "general", "mode": "off"}),
        ("model set", {"model": "default"}),
        ("request list", {}),
        ("audit", {}),
        ("pause", {}),
        ("resume", {}),
        ("setup", {}),
    ],
)
async def test_each_admin_command_is_for_admins_of_this_server(
    tmp_path: Path, command: str, options: dict[str, Any]
) -> None:
    async with story(tmp_path, LIMIT) as told:
        here = Homework(told)
        await here.asks(here.bo)
        elsewhere = told.discord.guild("Elsewhere")
        boss = elsewhere.role("Boss", Permission.ADMINISTRATOR)
        elsewhere.member("eve", roles=[boss])
        eve = here.guild.member("eve")
        given = options | {"member": here.bo} if "member" in options else dict(options)
        if "channel" in given:
            given["channel"] = here.channel
        before = told.bot.quotas.governing.limits(here.space)
        name = f"quota-admin {command}"
        for stranger in (here.ana, here.mo, eve):
            assert "quota-admin" not in stranger.commands(here.channel)
            refused = await here.does(stranger.by_force(), name, **given)
            assert "Not allowed" in refused.text, refused.text
        assert told.bot.quotas.governing.limits(here.space) == before
        assert told.bot.quotas.governing.flags(here.space, "pause") == {}
        done = await here.does(here.ada, name, **given)
        assert "Not allowed" not in done.text
        assert "not part of this version" not in done.text
        assert "internal" not in done.text


async def test_staff_may_look_but_not_govern(tmp_path: Path) -> None:
    async with story(tmp_path, LIMIT) as told:
        here = Homework(told)
        await here.asks(here.ana)
        shown = await here.does(here.mo, "quota-staff show", member=here.ana)
        assert "Not allowed" not in shown.text
        refused = await here.does(here.ana.by_force(), "quota-staff show", member=here.mo)
        assert "Not allowed" in refused.text
        used = await here.mo.uses("Quota of this member", here.ana, here.channel)
        card = await (await used.reply()).settled()
        assert card.text == shown.text
        assert card.only_for is here.mo.person


async def test_a_button_of_an_admin_is_not_for_others(tmp_path: Path) -> None:
    async with story(tmp_path, LIMIT) as told:
        here = Homework(told)
        preview = await here.does(here.ada, "quota-admin limit set", amount="5", per="day")
        refused = await here.presses(here.ana.by_force(), preview, "Apply")
        assert "Not allowed" in refused.text or "Only the person" in refused.text
        assert told.bot.quotas.governing.limits(here.space) == []


async def test_who_lost_the_right_meanwhile_can_no_longer_apply(tmp_path: Path) -> None:
    async with story(tmp_path, LIMIT) as told:
        here = Homework(told)
        preview = await here.does(here.ada, "quota-admin limit set", amount="5", per="day")
        here.ada.loses("Admin")
        refused = await here.presses(here.ada, preview, "Apply")
        assert "Not allowed" in refused.text
        assert told.bot.quotas.governing.limits(here.space) == []


async def test_a_form_is_checked_when_it_comes_back(tmp_path: Path) -> None:
    async with story(tmp_path, LIMIT) as told:
        here = Homework(told)
        opened = await here.ada.slash(here.channel, "quota-admin notice set")
        assert opened.modal is not None
        filled = dict.fromkeys(opened.modal.fields, "")
        (note,) = [label for label in filled if "limit" in label]
        answers = {note: "Ask Ada in room 7."}
        here.ada.loses("Admin")
        refused = await (await here.ada.fills(opened.modal, answers)).reply()
        assert "Not allowed" in refused.text
        here.ada.gains("Admin")
        opened = await here.ada.slash(here.channel, "quota-admin notice set")
        await (await here.ada.fills(opened.modal, answers)).reply()
        assert told.bot.quotas.governing.note(here.space) == "Ask Ada in room 7."


async def test_the_member_hears_what_became_of_their_request(tmp_path: Path) -> None:
    settings = 'alert_channel = "admins"'
    async with story(tmp_path, '["1 request/day"]', discord=settings) as told:
        here = Homework(told)
        admins = here.guild.channel("admins")
        await here.asks(here.ana)
        opened = await here.ana.clicks(await here.asks(here.ana), "Ask for more")
        answers = {"How much": "2 requests", "What for": "the exam"}
        await (await here.ana.fills(opened.modal, answers)).reply()
        await here.ada.clicks(await admins.answer(), "Approve")

        def told_so() -> list[Message]:
            secret = [m for m in here.channel.from_bot() if m.only_for is here.ana.person]
            return [m for m in (*secret, *here.ana.dm.from_bot()) if "2 requests" in m.text]

        await told.discord.until(lambda: len(told_so()) > 1, "a word to ana")


async def test_models_are_suggested_with_their_price(tmp_path: Path) -> None:
    async with story(tmp_path, LIMIT) as told:
        here = Homework(told)
        (choice,) = await here.ana.types(here.channel, "ask", option="model", text="def")
        assert choice["value"] == "default"
        assert "a question — fits what you have left" in choice["name"]
        assert "$" in choice["name"]
        told.model.next(says(1, reported=Usage(input=9, output=900)))
        await here.asks(here.ana, "@bot a long story")
        (choice,) = await here.ana.types(here.channel, "ask", option="model", text="def")
        assert "too little is left" in choice["name"]


async def test_limits_are_suggested_to_admins_of_their_server_only(tmp_path: Path) -> None:
    async with story(tmp_path, LIMIT) as told:
        here = Homework(told)
        preview = await here.does(here.ada, "quota-admin limit set", amount="2k", per="day")
        await here.presses(here.ada, preview, "Apply")
        elsewhere = told.discord.guild("Elsewhere")
        eve = elsewhere.member("eve", roles=[elsewhere.role("Boss", Permission.MANAGE_GUILD)])
        name = "quota-admin limit remove"
        (mine,) = await here.ada.types(here.channel, name, option="rule", text="2k")
        assert mine["name"] == "everyone: 2k tokens/day"
        theirs = await eve.types(elsewhere.channel("general"), name, option="rule", text="")
        assert theirs == []


async def test_every_topic_that_is_suggested_is_explained(tmp_path: Path) -> None:
    async with story(tmp_path, LIMIT) as told:
        here = Homework(told)
        topics = await here.ana.types(here.channel, "help", option="topic", text="")
        assert len(topics) > 3
        for topic in topics:
            card = await here.does(here.ana, "help", topic=topic["value"])
            assert "did not work" not in card.text


async def test_ask_shows_the_question_above_the_answer(tmp_path: Path) -> None:
    async with story(tmp_path, LIMIT) as told:
        here = Homework(told)
        used = await here.ana.slash(here.channel, "ask", prompt="why is\nthe sky blue?")
        answer = await (await used.reply()).says("w8")
        assert answer.text.startswith("> why is the sky blue?\nw1")
        assert answer.only_for is None


async def test_ask_can_be_private(tmp_path: Path) -> None:
    async with story(tmp_path, LIMIT) as told:
        here = Homework(told)
        used = await here.ana.slash(here.channel, "ask", prompt="why?", private=True)
        answer = await (await used.reply()).says("w8")
        assert answer.only_for is here.ana.person


async def test_a_message_can_be_asked_about(tmp_path: Path) -> None:
    async with story(tmp_path, LIMIT) as told:
        here = Homework(told)
        claim = await here.bo.says(here.channel, "the moon is made of cheese")
        opened = await here.ana.uses("Ask about this", claim)
        sent = await here.ana.fills(opened.modal, {"What do you want to know?": "is it true?"})
        answer = await (await sent.reply()).says("w8")
        assert answer.text.startswith("> is it true?")
        said = [m.content for m in told.model.calls[0].messages]
        assert any("made of cheese" in text for text in said)
        assert said[-1].endswith("is it true?")


async def test_an_answer_that_outlives_its_token_goes_on_in_the_channel(tmp_path: Path) -> None:
    from bot.ports import Finished, TextDelta
    from tests.scripted import Gate, steps

    async with story(tmp_path, LIMIT) as told:
        here = Homework(told)
        gate = Gate()
        end = TextDelta("\n\n" + "the end " * 300)
        told.model.next(steps(TextDelta("It begins. " * 100), gate, end, Finished("stop")))
        used = await here.ana.slash(here.channel, "ask", prompt="tell me a story")
        first = await (await used.reply()).says("It begins")
        told.clock.leap(HOUR // 4)
        gate.release()
        await told.discord.until(
            lambda: "the end" in here.channel.from_bot()[-1].text, "the rest of it"
        )
        assert first.buttons != ["Stop"]


async def test_settings_are_a_form_and_kept(tmp_path: Path) -> None:
    async with story(tmp_path, LIMIT) as told:
        here = Homework(told)
        opened = await here.ana.slash(here.channel, "chat settings")
        assert opened.modal is not None
        await (await here.ana.fills(opened.modal, {"What is left, under answers": "off"})).reply()
        member = Member(Space("discord", str(here.guild.id)), str(here.ana.id))
        assert told.bot.settings.member(member).footer == "off"


async def test_a_member_gets_what_is_kept_about_them(tmp_path: Path) -> None:
    async with story(tmp_path, LIMIT) as told:
        here = Homework(told)
        await here.asks(here.ana)
        card = await here.does(here.ana, "privacy export")
        (file,) = card.attachments
        assert json.loads(file.data)
        shown = [part["file"]["url"] for part in walk(card.components) if part["type"] == 13]
        assert shown == [f"attachment://{file.name}"]
        assert card.only_for is here.ana.person


async def test_commands_are_sent_only_when_they_are_new(tmp_path: Path) -> None:
    async with story(tmp_path) as told:
        await told.stop()
        await told.start()
        sent = [call for call in told.discord.books.calls if call.route.startswith("PUT")]
        assert len(sent) == 1
