"""Commands, buttons and forms in Slack: for members, for staff, and for those who govern."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from quota.members import Space
from quota.units import Usage
from tests.adapters.slack_kit import (
    NetClock,
    OnSlack,
    buttons_of,
    on_slack,
    our_app,
    press,
    shown_to,
)
from tests.scripted import Gate, says, steps
from tests.servers.slack import Channel, Message, Slack, User

SETTINGS = """
admins = ["@quota-admins"]
staff = ["@helpers"]
alert_channel = "quota-alerts"
"""


@dataclass
class Place:
    """Ada governs, sam helps, ana and bo ask; #general and the admins' channel."""

    slack: Slack
    there: OnSlack
    ada: User
    sam: User
    ana: User
    bo: User
    general: Channel
    alerts: Channel

    async def told(self, user: User, where: Channel) -> Message:
        """The newest message of the bot that somebody sees there, once it rests."""
        await self.there.rests()
        return [m for m in self.there.team.sees(user, where) if m.by_bot][-1]

    async def command(self, user: User, name: str, text: str = "") -> Message:
        """A slash command and its private answer."""
        asked = await user.command(self.general, name, text)
        await self.there.rests()
        assert asked.error == ""
        answer = await asked.answer()
        assert answer.visible_to == user.id
        return answer


@asynccontextmanager
async def governed(folder: Path, *limits: str) -> AsyncIterator[Place]:
    async with Slack(our_app()) as slack:
        slack.pace.off()
        team = slack.team("Acme")
        ada = team.user("ada", groups=["quota-admins"])
        sam = team.user("sam", groups=["helpers"])
        ana, bo = team.user("ana"), team.user("bo", groups=["supporters"])
        general, alerts = team.channel("general"), team.channel("quota-alerts")
        async with on_slack(slack, folder, *limits, settings=SETTINGS) as there:
            yield Place(slack, there, ada, sam, ana, bo, general, alerts)


# Members.


async def test_quota_is_one_private_card_with_bars_and_numbers(tmp_path: Path) -> None:
    async with governed(tmp_path, "1000 tokens/day") as place:
        place.there.model.next(says(8, reported=Usage(input=392, output=8)))
        await place.there.answer_to(await place.ana.says(place.general, "@bot hello"))
        card = await place.command(place.ana, "/quota")
        assert "60% left" in card.shown
        assert "🟩🟩🟩🟩⬜⬜⬜⬜⬜⬜" in card.shown
        assert "400 / 1,000 tokens" in card.shown
        assert "<!date^" in card.shown
        assert shown_to(place.there.team, place.bo, place.general) == [
            text for text in shown_to(place.there.team, place.bo, place.general) if "w1" in text
        ]


@pytest.mark.parametrize("said", ["!quota", "@bot quota"])
async def test_quota_works_in_a_thread_where_slash_commands_do_not(
    tmp_path: Path, said: str
) -> None:
    async with governed(tmp_path) as place:
        asked = await place.ana.says(place.general, "@bot hello")
        await place.there.answer_to(asked)
        await place.ana.says(place.general, said, thread=asked)
        card = await place.told(place.ana, place.general)
        assert card.visible_to == place.ana.id
        assert card.thread_ts == asked.ts
        assert "% left" in card.shown
        assert len(place.there.model.calls) == 1


async def test_where_slack_refuses_a_block_the_card_comes_without_it(tmp_path: Path) -> None:
    async with governed(tmp_path) as place:
        asked = await place.ana.says(place.general, "@bot hello")
        await place.there.answer_to(asked)
        place.slack.fail_next("chat.postEphemeral", "invalid_blocks")
        await place.ana.says(place.general, "!quota history", thread=asked)
        card = await place.told(place.ana, place.general)
        assert "last 7 days" in card.shown
        assert "data_visualization" not in str(card.blocks)


async def test_only_the_exact_word_is_a_command(tmp_path: Path) -> None:
    async with governed(tmp_path) as place:
        await place.there.answer_to(await place.ana.says_to_bot("!nice work"))
        await place.there.answer_to(await place.ana.says_to_bot("quota is a strange word"))
        assert len(place.there.model.calls) == 2


async def test_regenerate_asks_the_same_again_and_only_for_who_asked(tmp_path: Path) -> None:
    async with governed(tmp_path) as place:
        asked = await place.ana.says(place.general, "@bot tell me a joke")
        await place.there.answer_to(asked)
        await place.ana.says(place.general, "!regenerate", thread=asked)
        await place.there.answer_to(asked, 2)
        calls = place.there.model.calls
        assert [m.content for m in calls[1].messages if m.role == "user"] == ["tell me a joke"]
        await place.bo.says(place.general, "!regenerate", thread=asked)
        refused = await place.told(place.bo, place.general)
        assert refused.visible_to == place.bo.id
        assert len(place.there.answers_to(asked)) == 2


SMALL = """
[models.small]
name = "gpt-5-nano"
base_url = "offline"
price = {input = "$0.01", output = "$0.02"}
"""


@pytest.mark.parametrize("restarted", [False, True])
async def test_regenerate_uses_the_model_of_the_answer_unless_one_is_named(
    tmp_path: Path, *, restarted: bool
) -> None:
    async with Slack(our_app()) as slack:
        slack.pace.off()
        async with on_slack(slack, tmp_path, more=SMALL) as there:
            ana, general = there.team.user("ana"), there.team.channel("general")
            ran = await ana.command(general, "/ask", "a joke --model small")
            await there.rests()
            assert ran.error == ""
            (quote,) = [m for m in general.messages if m.by_bot and m.thread_ts is None]
            if not restarted:
                await ana.says(general, "!regenerate", thread=quote)
                await there.rests()
            assert {call.model for call in there.model.calls} == {"gpt-5-nano"}
        async with on_slack(slack, tmp_path, more=SMALL) as there:
            await ana.says(general, "!regenerate", thread=quote)
            await there.rests()
            await ana.says(general, "!regenerate default", thread=quote)
            await there.rests()
            # The newest answer is that of the default model now.
            await ana.says(general, "!regenerate", thread=quote)
            await there.rests()
            used = [call.model for call in there.model.calls]
            assert used == ["gpt-5-nano", "gpt-5-mini", "gpt-5-mini"]


async def test_thumbs_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    async with governed(tmp_path) as place:
        answer = await place.there.answer_to(await place.ana.says(place.general, "@bot hello"))
        clicked = await place.ana.clicks(answer, "rate", True)
        await place.there.told_again(clicked.delivery)
        assert caplog.text.count("feedback good") == 1


async def test_ask_quotes_the_question_and_answers_below_it(tmp_path: Path) -> None:
    async with governed(tmp_path) as place:
        await place.ana.command(place.general, "/ask", "what is a quokka, <!channel>?")
        await place.there.rests()
        quote, answer = (m for m in place.there.team.sees(place.bo, place.general) if m.by_bot)
        assert "> what is a quokka" in quote.shown
        assert place.there.team.pings_of(quote) <= {place.ana.id}
        assert answer.thread_ts == quote.ts
        await press(place.ana, answer, "Regenerate")
        await place.there.rests()
        said = [m.content for m in place.there.model.calls[1].messages if m.role == "user"]
        assert said == ["what is a quokka, <!channel>?"]


async def test_a_private_ask_is_seen_by_nobody_else(tmp_path: Path) -> None:
    async with governed(tmp_path) as place:
        asked = await place.ana.command(place.general, "/ask", "a secret --private")
        await place.there.rests()
        (answer,) = asked.messages
        assert "w1 w2" in answer.shown
        assert shown_to(place.there.team, place.bo, place.general) == []
        said = [m.content for m in place.there.model.calls[0].messages if m.role == "user"]
        assert said == ["a secret"]


async def test_where_the_bot_is_no_member_a_command_is_answered_all_the_same(
    tmp_path: Path,
) -> None:
    async with governed(tmp_path) as place:
        outside = place.there.team.channel("outside", bot_in=False)
        asked = await place.ana.command(outside, "/quota")
        assert "% left" in (await asked.answer()).shown
        asked = await place.ana.command(outside, "/ask", "hello")
        assert "/invite" in (await asked.answer()).shown


async def test_my_quota_and_show_cost_open_windows(tmp_path: Path) -> None:
    async with governed(tmp_path) as place:
        used = await place.ana.uses_shortcut("my_quota")
        view = await used.modal()
        assert "% left" in view.shown
        answer = await place.there.answer_to(await place.ana.says(place.general, "@bot hello"))
        used = await place.ana.uses_shortcut("show_cost", answer)
        assert (await used.modal()).shown


async def test_ask_about_this_is_answered_in_private(tmp_path: Path) -> None:
    async with governed(tmp_path) as place:
        written = await place.bo.says(place.general, "The mitochondria is the powerhouse.")
        used = await place.ana.uses_shortcut("ask_about", written)
        view = await used.modal()
        await place.ana.submits(view, {"question": "Is that so?"})
        await place.there.rests()
        talk = place.there.team.dm(place.ana)
        posted, answer = (m for m in place.there.team.sees(place.ana, talk) if m.by_bot)
        assert "Is that so?" in posted.shown
        assert "w1 w2" in answer.shown
        assert answer.thread_ts == posted.ts
        (prompt,) = [m.content for m in place.there.model.calls[0].messages if m.role == "user"]
        assert "powerhouse" in prompt
        assert shown_to(place.there.team, place.bo, place.general) == []
        more = await place.ana.says(talk, "and why?", thread=posted)
        await place.there.answer_to(more)


async def test_the_messages_tab_suggests_what_can_be_asked(tmp_path: Path) -> None:
    async with governed(tmp_path) as place:
        await place.ana.opens_home("messages")
        await place.there.rests()
        (prompts,) = place.there.team.prompts.values()
        assert len(prompts["prompts"]) == 4


# Home.


async def test_home_shows_where_one_stands_and_stays_live(tmp_path: Path) -> None:
    async with governed(tmp_path, "1000 tokens/day") as place:
        await place.ana.opens_home()
        await place.there.rests()
        home = place.there.team.homes[place.ana.id]
        assert "100% left" in home.shown
        assert "Admin" not in home.shown
        assert {"Ask for more", "Settings"} <= set(buttons_of(home))
        view = await (await press(place.ana, home, "Settings")).modal()
        assert view.payload["submit"]["text"] == "Save"


async def test_admins_find_their_section_in_home(tmp_path: Path) -> None:
    async with governed(tmp_path) as place:
        await place.ada.opens_home()
        await place.there.rests()
        assert "Admin" in place.there.team.homes[place.ada.id].shown
        assert place.slack.refusals == []


# Governing.


async def test_an_admin_grants_for_a_while_with_a_reason(tmp_path: Path) -> None:
    async with governed(tmp_path, "1000 tokens/day") as place:
        granted = await place.command(
            place.ada, "/quota-admin", "grant @ana 20k until 3d -- for the demo"
        )
        assert "Added 20,000 tokens" in granted.shown
        assert f"<@{place.ana.id}>" in granted.shown
        assert (await place.there.balance(place.ana)).left == 21_000


async def test_a_limit_of_a_group_holds_for_its_members_the_moment_they_join(
    tmp_path: Path,
) -> None:
    async with governed(tmp_path, "1000 tokens/day") as place:
        preview = await place.command(
            place.ada, "/quota-admin", "limit set 5k tokens per day for @supporters"
        )
        if "Apply" in buttons_of(preview):
            await press(place.ada, preview, "Apply")
        await place.there.answer_to(await place.bo.says(place.general, "@bot hello"))
        assert "5,000 tokens" in (await place.command(place.bo, "/quota")).shown
        assert "1,000 tokens" in (await place.command(place.ana, "/quota")).shown
        await place.ana.joins_group("supporters")
        await place.there.rests()
        assert "5,000 tokens" in (await place.command(place.ana, "/quota")).shown
        await place.ana.leaves_group("supporters")
        await place.there.rests()
        assert "1,000 tokens" in (await place.command(place.ana, "/quota")).shown


async def test_a_plan_without_user_groups_has_no_roles(tmp_path: Path) -> None:
    async with Slack(our_app()) as slack:
        slack.team("Acme", plan="free")
        async with on_slack(slack, tmp_path) as there:
            ana = there.team.user("ana", groups=["supporters"])
            await there.answer_to(await ana.says(there.team.channel("general"), "@bot hello"))


async def test_a_request_for_more_reaches_the_admins_and_its_grant_the_member(
    tmp_path: Path,
) -> None:
    async with governed(tmp_path, "1000 tokens/day") as place:
        await place.ana.opens_home()
        await place.there.rests()
        home = place.there.team.homes[place.ana.id]
        view = await (await press(place.ana, home, "Ask for more")).modal()
        await place.ana.submits(view, {"amount": "5k", "why": "a demo"})
        await place.there.rests()
        assert view.shown
        alert = await place.told(place.ada, place.alerts)
        assert "a demo" in alert.shown
        await press(place.bo, alert, "Approve")
        await place.there.rests()
        assert (await place.there.balance(place.ana)).left == 1_000
        await press(place.ada, alert, "Approve")
        await place.there.rests()
        assert (await place.there.balance(place.ana)).left == 6_000
        word = await place.told(place.ana, place.there.team.dm(place.ana))
        assert "5,000" in word.shown


async def test_workspace_admins_govern_where_the_config_says_so(tmp_path: Path) -> None:
    async with Slack(our_app()) as slack:
        slack.pace.off()
        async with on_slack(slack, tmp_path, settings="workspace_admins = true") as there:
            owner, ana = there.team.user("owner", is_owner=True), there.team.user("ana")
            general = there.team.channel("general")
            asked = await owner.command(general, "/quota-admin", "limit list")
            assert "Not allowed" not in (await asked.answer()).shown
            await owner.becomes(is_owner=False)
            await there.rests()
            for who in (owner, ana):
                asked = await who.command(general, "/quota-admin", "limit list")
                assert "Not allowed" in (await asked.answer()).shown


async def test_what_is_set_for_a_channel_holds_there_however_it_was_said(tmp_path: Path) -> None:
    async with governed(tmp_path) as place:
        there, ada, general = place.there, place.ada, place.general
        thread = await place.bo.says(general, "@bot hello")
        await there.answer_to(thread)

        async def is_off() -> bool:
            asked = await place.ana.says(general, "@bot hello")
            await there.rests()
            return not there.answers_to(asked)

        told = await place.command(ada, "/quota-admin", "channel #general off")
        assert f"<#{general.id}>" in told.shown
        assert await is_off()
        await press(ada, told, "Undo")
        await there.rests()
        assert not await is_off()
        await ada.says(general, "!quota-admin channel #general off", thread=thread)
        await there.rests()
        assert await is_off()
        mistake = await place.command(ada, "/quota-admin", "channel")
        view = await (await press(ada, mistake, "Open the form")).modal()
        await ada.submits(view, {"line": "quota-admin channel #general default"})
        await there.rests()
        assert not await is_off()
        await place.command(ada, "/quota-admin", "alerts #general")
        chosen = there.bot.settings.space(Space("slack", there.team.id))
        assert chosen.alert_channel == general.id


async def test_a_mistake_is_answered_with_what_to_write(tmp_path: Path) -> None:
    async with governed(tmp_path) as place:
        told = await place.command(place.ada, "/quota-admin", "grant @ana lots")
        assert "'lots' is no amount; write 5000 tokens" in told.shown
        assert (await place.there.balance(place.ana)).left == 100_000


async def test_what_is_being_answered_again_is_not_asked_a_third_time(tmp_path: Path) -> None:
    async with governed(tmp_path) as place:
        asked = await place.ana.says(place.general, "@bot hello")
        answer = await place.there.answer_to(asked)
        gate = Gate()
        place.there.model.next(steps(gate, *says(3)(place.there.model.calls[0])))
        await press(place.ana, answer, "Regenerate")
        await gate.reached()
        await press(place.ana, answer, "Regenerate")
        await place.there.until(
            lambda: any(
                "answered already" in text
                for text in shown_to(place.there.team, place.ana, place.general)
            ),
            "a remark",
        )
        gate.release()
        await place.there.rests()
        assert len(place.there.answers_to(asked)) == 2


async def test_after_a_restart_an_answer_is_made_again_without_what_came_later(
    tmp_path: Path,
) -> None:
    async with Slack(our_app()) as slack:
        slack.pace.off()
        async with on_slack(slack, tmp_path) as there:
            ana = there.team.user("ana")
            asked = await ana.says_to_bot("first thing")
            await there.answer_to(asked)
            second = await ana.says_to_bot("second thing", thread=asked)
            answer = await there.answer_to(second)
            await there.answer_to(await ana.says_to_bot("third thing", thread=asked))
        async with on_slack(slack, tmp_path) as there:
            await press(ana, answer, "Regenerate")
            await there.rests()
            said = " ".join(m.content for m in there.model.calls[0].messages)
            assert "first thing" in said
            assert "second thing" in said
            assert "third thing" not in said


async def test_a_double_click_and_a_click_told_twice_do_it_once(tmp_path: Path) -> None:
    async with governed(tmp_path, "1000 tokens/day") as place:
        answer = await place.there.answer_to(await place.ana.says(place.general, "@bot hello"))
        clicked = await press(place.ana, answer, "Regenerate")
        await place.there.told_again(clicked.delivery)
        assert len(await place.there.entries("settle")) == 2


async def test_a_request_is_decided_by_those_who_may_and_by_nobody_else(tmp_path: Path) -> None:
    async with governed(tmp_path, "1000 tokens/day") as place:
        there = place.there
        stranger = there.team.user("stranger", is_admin=True, is_owner=True)
        place.alerts.members.add(stranger.id)
        await place.command(place.ana, "/quota", "more 5k tokens -- a demo")
        alert = await place.told(place.ada, place.alerts)
        for who in (place.ana, place.bo, stranger):
            for label in ("Approve", "Approve less", "Deny"):
                await press(who, alert, label)
                told = await place.told(who, place.alerts)
                assert told.visible_to == who.id
        assert (await there.balance(place.ana)).left == 1_000
        assert there.team.stacks.get(stranger.id, []) == []
        view = await (await press(place.ada, alert, "Approve less")).modal()
        await place.ada.submits(view, {"amount": "2k"})
        await there.rests()
        assert (await there.balance(place.ana)).left == 3_000
        assert "Approve" not in buttons_of(alert)


async def test_rights_are_asked_for_again_when_a_form_is_sent(tmp_path: Path) -> None:
    async with governed(tmp_path, "1000 tokens/day") as place:
        await place.ada.opens_home()
        await place.there.rests()
        home = place.there.team.homes[place.ada.id]
        view = await (await press(place.ada, home, "Allowance")).modal()
        await place.ada.leaves_group("quota-admins")
        await place.there.rests()
        field = view.blocks[0]["block_id"]
        await place.ada.submits(view, {field: "9M tokens"})
        await place.there.rests()
        assert "Not allowed" in view.shown
        assert (await place.there.balance(place.ana)).left == 1_000


async def test_home_is_live_at_a_bounded_rate(tmp_path: Path) -> None:
    clock = NetClock()
    async with (
        Slack(our_app(), clock=clock) as slack,
        on_slack(slack, tmp_path, "1000 tokens/day", clock=clock) as there,
    ):
        slack.pace.off()
        ana, bo = there.team.user("ana"), there.team.user("bo")
        await ana.opens_home()
        await there.rests()
        there.model.usual = says(8, reported=Usage(input=92, output=8))
        for _ in range(4):
            await there.answer_to(await ana.says_to_bot("hello"))
        await bo.says_to_bot("hello")
        home = there.team.homes[ana.id]
        assert "100% left" in home.shown
        await clock.goes_by(6_000)
        await there.until(lambda: "60% left" in home.shown, "a fresh Home")
        assert len(slack.calls_of("views.publish")) == 2
        await clock.goes_by(130_000)
        assert len(slack.calls_of("views.publish")) == 2


async def test_a_warning_is_told_to_nobody_else(tmp_path: Path) -> None:
    async with governed(tmp_path, "1000 tokens/day") as place:
        place.there.model.usual = says(8, reported=Usage(input=392, output=400))
        asked = await place.ana.says(place.general, "@bot hello")
        answer = await place.there.answer_to(asked)
        assert "You have used" not in answer.shown
        warning = await place.told(place.ana, place.general)
        assert warning.visible_to == place.ana.id
        assert "You have used 75%" in warning.shown
        assert not any(
            "You have used" in text for text in shown_to(place.there.team, place.bo, place.general)
        )


async def test_a_refusal_offers_to_ask_for_more(tmp_path: Path) -> None:
    async with governed(tmp_path, "1000 tokens/day") as place:
        place.there.model.usual = says(8, reported=Usage(input=200, output=800))
        await place.there.answer_to(await place.ana.says(place.general, "@bot hello"))
        await place.ana.says(place.general, "@bot more")
        refusal = await place.told(place.ana, place.general)
        assert "limit reached" in refusal.shown
        view = await (await press(place.ana, refusal, "Ask for more")).modal()
        await place.ana.submits(view, {"amount": "5k", "why": "a demo"})
        await place.there.rests()
        assert "a demo" in (await place.told(place.ada, place.alerts)).shown


async def test_a_report_as_a_file_is_sent_where_only_its_reader_is(tmp_path: Path) -> None:
    async with governed(tmp_path) as place:
        await place.there.answer_to(await place.ana.says(place.general, "@bot hello"))
        await place.command(place.ada, "/quota-admin", "usage week by member csv")
        talk = place.there.team.dm(place.ada)
        (file,) = [file for m in place.there.team.sees(place.ada, talk) for file in m.files]
        assert place.ana.id in file.data.decode()
        assert all(not m.files for m in place.there.team.sees(place.bo, place.general))


async def test_an_answer_is_reported_to_the_admins_once_by_whoever_reads_it(tmp_path: Path) -> None:
    async with governed(tmp_path) as place:
        answer = await place.there.answer_to(await place.ana.says(place.general, "@bot hello"))
        assert [b for b in buttons_of(answer) if b != "👍"] == ["Regenerate", "Quota", "Report"]
        view = await (await press(place.bo, answer, "Report")).modal()
        await place.bo.submits(view, {"why": "It is <!channel> wrong."})
        await place.there.rests()
        assert "were told" in view.shown
        alert = await place.told(place.ada, place.alerts)
        assert f"<@{place.bo.id}> reports an answer: It is" in alert.shown
        assert f"/archives/{place.general.id}/p" in alert.shown
        assert place.there.team.pings_of(alert) <= {place.bo.id}
        view = await (await press(place.bo, answer, "Report")).modal()
        await place.bo.submits(view, {"why": "Again."})
        await place.there.rests()
        assert "already" in view.shown
        assert await place.told(place.ada, place.alerts) is alert


async def test_a_persona_of_ones_own_is_chosen_in_the_settings(tmp_path: Path) -> None:
    more = '[personas.pirate]\nprompt = "Speak like a pirate."'
    async with Slack(our_app()) as slack, on_slack(slack, tmp_path, more=more) as there:
        slack.pace.off()
        ana = there.team.user("ana")
        await ana.opens_home()
        await there.rests()
        view = await (await press(ana, there.team.homes[ana.id], "Settings")).modal()
        assert {"model", "persona", "footer", "remind", "language"} == {
            block["block_id"] for block in view.blocks
        }
        await ana.submits(view, {"persona": "pirate"})
        await there.rests()
        assert "Persona: pirate." in view.shown
        await there.answer_to(await ana.says_to_bot("hello"))
        assert "Speak like a pirate." in there.model.calls[0].messages[0].content
