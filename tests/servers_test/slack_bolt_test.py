"""The double under the real Bolt: what a bot lives from."""

from typing import Any

from tests.servers.slack import Slack
from tests.servers_test.slack_kit import bolt


async def test_a_mention_is_answered_by_a_stream_in_its_thread() -> None:
    async with Slack() as slack:
        team = slack.team("Acme")
        ana = team.user("ana")
        general = team.channel("general")
        async with bolt(slack, team) as app:

            @app.event("app_mention")
            async def answer(event: dict[str, Any], client: Any) -> None:
                stream = await client.chat_stream(
                    channel=event["channel"],
                    thread_ts=event["ts"],
                    recipient_team_id=team.id,
                    recipient_user_id=event["user"],
                    buffer_size=1,
                )
                await stream.append(markdown_text="hello ")
                await stream.append(markdown_text="you")
                await stream.stop(session_status="active")

            asked = await ana.says(general, "@bot hello")
            reply = await team.answer_to(asked)
        assert reply.shown == "hello you"
        assert reply.thread_ts == asked.ts
        assert team.hanging == []
        assert asked.text == f"{team.bot} hello"


async def test_a_command_opens_a_modal_whose_submission_is_answered() -> None:
    async with Slack() as slack:
        team = slack.team("Acme")
        ana = team.user("ana")
        general = team.channel("general")
        async with bolt(slack, team) as app:

            @app.command("/quota")
            async def quota(ack: Any, body: dict[str, Any], client: Any) -> None:
                await ack(text="one moment")
                view = {
                    "type": "modal",
                    "callback_id": "ask",
                    "title": {"type": "plain_text", "text": "Ask"},
                    "submit": {"type": "plain_text", "text": "Send"},
                    "blocks": [
                        {
                            "type": "input",
                            "block_id": "why",
                            "label": {"type": "plain_text", "text": "Why"},
                            "element": {"type": "plain_text_input", "action_id": "why"},
                        }
                    ],
                }
                await client.views_open(trigger_id=body["trigger_id"], view=view)

            submitted = []

            @app.view("ask")
            async def ask(ack: Any, view: dict[str, Any], body: dict[str, Any]) -> None:
                submitted.append(view["state"]["values"]["why"]["why"]["value"])
                await ack()

            ran = await ana.command(general, "/quota", "for @ana")
            assert ran.delivery.payload["text"] == f"for <@{ana.id}|ana>"
            assert [m.text for m in team.sees(ana, general)] == ["one moment"]
            view = await ran.modal()
            await ana.submits(view, {"why": "a demo"})
            assert submitted == ["a demo"]
            assert view.closed


async def test_a_click_on_a_button_reaches_the_bot_which_answers_by_its_response_url() -> None:
    async with Slack() as slack:
        team = slack.team("Acme")
        ana = team.user("ana")
        general = team.channel("general")
        async with bolt(slack, team) as app:

            @app.action("more")
            async def more(ack: Any, respond: Any, action: dict[str, Any]) -> None:
                await ack()
                await respond(text=f"got {action['value']}", replace_original=False)

            button = {"type": "button", "action_id": "more", "value": "20k"}
            button["text"] = {"type": "plain_text", "text": "More"}  # type: ignore[assignment]
            await app.client.chat_postMessage(
                channel=general.id,
                text="blocked",
                blocks=[{"type": "actions", "elements": [button]}],
            )
            clicked = await ana.clicks(team.bot_messages[0], "more")
            answer = await clicked.answer()
        assert answer.text == "got 20k"
        assert answer.visible_to == ana.id


async def test_a_private_word_is_waited_for_and_is_no_answer() -> None:
    async with Slack() as slack:
        team = slack.team("Acme")
        ana = team.user("ana")
        general = team.channel("general")
        async with bolt(slack, team) as app:

            @app.event("app_mention")
            async def answer(event: dict[str, Any], client: Any) -> None:
                where = {"channel": event["channel"], "thread_ts": event["ts"]}
                await client.chat_postMessage(**where, text="one")
                await client.chat_postEphemeral(**where, user=event["user"], text="psst")
                await client.chat_postMessage(**where, text="two")

            asked = await ana.says(general, "@bot hello")
            assert (await team.answer_to(asked, 2)).text == "two"
            assert (await team.whisper_to(ana)).text == "psst"
