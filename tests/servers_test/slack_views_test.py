"""Modals, homes, clicks and response URLs, as people and bots meet them."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_sdk.webhook.async_client import AsyncWebhookClient

from tests.fakes import MINUTE, SECOND, FakeClock
from tests.servers.slack import NotPossibleError, Slack, View
from tests.servers.slack.model import ResponseUrl
from tests.servers_test.slack_kit import (
    Json,
    Place,
    bolt,
    button,
    field,
    home,
    modal,
    mrkdwn,
    option,
    refused,
)

SECTION = {"type": "section", "text": mrkdwn("hi")}


@pytest.fixture
async def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def place(clock: FakeClock) -> AsyncIterator[Place]:
    async with Slack(clock=clock) as slack:
        yield Place(slack)


async def opened(place: Place, view: Json) -> View:
    trigger = place.team.new_trigger(place.ana.id)
    await place.client.views_open(trigger_id=trigger.id, view=view)
    return place.slack.opened[trigger.id]


async def test_a_trigger_is_good_once_for_three_seconds(place: Place, clock: FakeClock) -> None:
    def open_with(trigger_id: str) -> Any:
        return place.client.views_open(trigger_id=trigger_id, view=modal(SECTION))

    assert await refused(open_with("1.2.x")) == "invalid_trigger_id"
    trigger = place.team.new_trigger(place.ana.id)
    clock.advance(3 * SECOND)
    await open_with(trigger.id)
    assert await refused(open_with(trigger.id)) == "exchanged_trigger_id"
    trigger = place.team.new_trigger(place.ana.id)
    clock.advance(3 * SECOND + 1)
    assert await refused(open_with(trigger.id)) == "expired_trigger_id"


async def test_a_view_is_updated_only_by_who_knows_its_last_hash(place: Place) -> None:
    view = await opened(place, modal(SECTION))
    old = view.hash
    await place.client.views_update(view_id=view.id, hash=old, view=modal(SECTION, SECTION))
    assert len(view.blocks) == 2
    late = place.client.views_update(view_id=view.id, hash=old, view=modal(SECTION))
    assert await refused(late) == "hash_conflict"
    await place.ana.closes(view)
    gone = place.client.views_update(view_id=view.id, view=modal(SECTION))
    assert await refused(gone) == "not_found"


async def test_an_external_id_names_one_view(place: Place) -> None:
    view = await opened(place, modal(SECTION, external_id="form-1"))
    await place.client.views_update(external_id="form-1", view=modal(SECTION, SECTION))
    assert len(view.blocks) == 2
    await opened(place, modal(SECTION, external_id="form-2"))
    trigger = place.team.new_trigger(place.ana.id)
    double = place.client.views_push(
        trigger_id=trigger.id, view=modal(SECTION, external_id="form-2")
    )
    assert await refused(double) == "duplicate_external_id"


async def test_a_stack_has_three_views_at_most(place: Place) -> None:
    trigger = place.team.new_trigger(place.ana.id)
    alone = place.client.views_push(trigger_id=trigger.id, view=modal(SECTION))
    assert await refused(alone) == "not_found"
    root = await opened(place, modal(SECTION))
    for _ in range(2):
        trigger = place.team.new_trigger(place.ana.id)
        await place.client.views_push(trigger_id=trigger.id, view=modal(SECTION))
    top = place.slack.opened[trigger.id]
    assert top.root_id == root.id
    trigger = place.team.new_trigger(place.ana.id)
    fourth = place.client.views_push(trigger_id=trigger.id, view=modal(SECTION))
    assert await refused(fourth) == "push_limit_reached"
    await place.ana.closes(top, clear=True)
    assert root.closed


async def test_a_view_is_at_most_250_kilobytes(place: Place) -> None:
    big = [{"type": "section", "text": mrkdwn("a" * 3000)}] * 90
    trigger = place.team.new_trigger(place.ana.id)
    call = place.client.views_open(trigger_id=trigger.id, view=modal(*big))
    assert await refused(call) == "view_too_large"


async def test_a_home_is_published_for_a_member_with_its_hash(place: Place) -> None:
    await place.client.views_publish(user_id=place.ana.id, view=home(SECTION))
    seen = place.team.homes[place.ana.id]
    old = seen.hash
    await place.client.views_publish(user_id=place.ana.id, hash=old, view=home(SECTION, SECTION))
    late = place.client.views_publish(user_id=place.ana.id, hash=old, view=home(SECTION))
    assert await refused(late) == "hash_conflict"
    assert len(place.team.homes[place.ana.id].blocks) == 2
    stranger = place.client.views_publish(user_id="U0", view=home(SECTION))
    assert await refused(stranger) == "invalid_arguments"
    opening = await place.ana.opens_home()
    assert opening is not None
    assert opening.event["view"]["id"] == seen.id
    place.slack.app.home_tab = False
    off = place.client.views_publish(user_id=place.ana.id, view=home(SECTION))
    assert await refused(off) == "not_enabled"
    with pytest.raises(NotPossibleError, match="no home tab"):
        await place.ana.opens_home()


async def test_a_submission_carries_the_values_and_obeys_the_answer(place: Place) -> None:
    amount = field({"type": "plain_text_input", "action_id": "amount"}, "amount", "Amount")
    who = field({"type": "users_select", "action_id": "who"}, "who", "Who")
    kind = field(
        {"type": "static_select", "action_id": "kind", "options": [option("a"), option("b")]},
        "kind",
        "Kind",
        optional=True,
    )
    answers: list[Json] = [
        {"response_action": "errors", "errors": {"amount": "No number"}},
        {"response_action": "update", "view": modal(SECTION)},
    ]
    heard: list[Json] = []
    async with bolt(place.slack, place.team) as app:

        @app.view("form")
        async def submitted(ack: Any, view: Json) -> None:
            heard.append(view["state"]["values"])
            await ack(**answers.pop(0))

        view = await opened(place, modal(amount, who, kind))
        with pytest.raises(NotPossibleError, match="Who must be filled in"):
            await place.ana.submits(view, {"amount": "20k"})
        with pytest.raises(AssertionError, match="no inputs"):
            await place.ana.submits(view, {"amount": "20k", "Who": place.ana, "size": "XL"})
        asked = await place.ana.submits(view, {"amount": "20k", "Who": place.ana})
        assert asked.errors == {"amount": "No number"}
        assert not view.closed
        await place.ana.submits(view, {"amount": "20", "who": place.ana, "kind": "b"})
        assert view.blocks[0]["type"] == "section"
    assert heard[0] == {
        "amount": {"amount": {"type": "plain_text_input", "value": "20k"}},
        "who": {"who": {"type": "users_select", "selected_user": place.ana.id}},
        "kind": {"kind": {"type": "static_select", "selected_option": None}},
    }
    assert heard[1]["kind"]["kind"]["selected_option"]["value"] == "b"


async def test_errors_for_fields_that_do_not_exist_fail_the_test(place: Place) -> None:
    async with bolt(place.slack, place.team) as app:

        @app.view("form")
        async def submitted(ack: Any) -> None:
            await ack(response_action="errors", errors={"nope": "x"})

        view = await opened(place, modal(SECTION))
        with pytest.raises(AssertionError, match="no such inputs"):
            await place.ana.submits(view)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"n": "x"}, "is no number"),
        ({"n": "1.5"}, "whole numbers only"),
        ({"n": "0"}, "below 1"),
        ({"n": "10"}, "above 9"),
        ({"n": "5", "t": "long"}, "takes 0 to 3 characters"),
        ({"n": "5", "t": "ok", "s": "c"}, "no option 'c'"),
    ],
)
async def test_what_is_entered_is_held_to_the_limits_of_its_input(
    place: Place, values: Json, why: str
) -> None:
    number = {"type": "number_input", "action_id": "n", "is_decimal_allowed": False}
    menu = {"type": "static_select", "action_id": "s", "options": [option("a"), option("b")]}
    view = await opened(
        place,
        modal(
            field({**number, "min_value": "1", "max_value": "9"}, "n"),
            field({"type": "plain_text_input", "action_id": "t", "max_length": 3}, "t"),
            field(menu, "s"),
        ),
    )
    with pytest.raises(NotPossibleError, match=why):
        await place.ana.submits(view, values)


async def test_closing_is_told_only_where_it_was_asked_for(place: Place) -> None:
    quiet = await opened(place, modal(SECTION))
    assert await place.ana.closes(quiet) is None
    loud = await opened(place, modal(SECTION, notify_on_close=True))
    told = await place.ana.closes(loud)
    assert told is not None
    assert (told.payload["type"], told.payload["is_cleared"]) == ("view_closed", False)


async def test_a_click_says_what_was_pressed_and_where(place: Place) -> None:
    posted = await place.client.chat_postMessage(
        channel=place.general.id,
        text="f",
        blocks=[
            {
                "type": "actions",
                "block_id": "row",
                "elements": [
                    button("go", value="1"),
                    {
                        "type": "overflow",
                        "action_id": "more",
                        "options": [option("a", "First"), option("b", "Second")],
                    },
                ],
            }
        ],
    )
    message = place.team.bot_messages[0]
    async with bolt(place.slack, place.team) as app:
        heard: list[Json] = []

        @app.action("go")
        @app.action("more")
        async def clicked(ack: Any, body: Json) -> None:
            heard.append(body)
            await ack()

        await place.ana.clicks(message, "go")
        await place.ana.clicks(message, "more", "Second")
    first, second = heard
    assert first["actions"][0]["value"] == "1"
    assert first["actions"][0]["block_id"] == "row"
    assert first["container"]["message_ts"] == posted["ts"]
    assert first["channel"]["id"] == place.general.id
    assert first["message"]["ts"] == posted["ts"]
    assert second["actions"][0]["selected_option"]["value"] == "b"


async def test_nobody_clicks_what_is_not_there_or_not_theirs(place: Place) -> None:
    bo = place.team.user("bo")
    place.general.members.add(bo.id)
    await place.client.chat_postEphemeral(
        channel=place.general.id,
        user=place.ana.id,
        text="f",
        blocks=[{"type": "actions", "elements": [button()]}],
    )
    message = place.team.bot_messages[0]
    with pytest.raises(NotPossibleError, match="does not see"):
        await bo.clicks(message, "go")
    with pytest.raises(NotPossibleError, match="0 elements are 'stop'"):
        await place.ana.clicks(message, "stop")
    place.ana.reloads()
    with pytest.raises(NotPossibleError, match="does not see"):
        await place.ana.clicks(message, "go")
    view = await opened(place, modal(SECTION))
    with pytest.raises(NotPossibleError, match="no such modal"):
        await bo.submits(view)
    view = await opened(place, modal(SECTION, submit=None))
    with pytest.raises(NotPossibleError, match="no submit button"):
        await place.ana.submits(view)
    with pytest.raises(NotPossibleError, match="does not see this view"):
        await bo.clicks(view, "go")
    hers = await place.ana.says(place.general, "mine")
    with pytest.raises(NotPossibleError, match="did not write this"):
        await bo.edits(hers, "yours")
    with pytest.raises(NotPossibleError, match="did not write this"):
        await bo.deletes(hers)


async def test_shortcuts_are_global_or_of_a_message(place: Place) -> None:
    said = await place.ana.says(place.general, "look at this")
    async with bolt(place.slack, place.team) as app:
        heard: list[Json] = []

        @app.shortcut("mine")
        async def shortcut(ack: Any, body: Json) -> None:
            heard.append(body)
            await ack()

        await place.ana.uses_shortcut("mine")
        await place.ana.uses_shortcut("mine", on=said)
    assert [body["type"] for body in heard] == ["shortcut", "message_action"]
    assert heard[1]["message"]["text"] == "look at this"
    place.slack.app.shortcuts = {"mine": {"type": "global"}}
    with pytest.raises(NotPossibleError, match="no message shortcut"):
        await place.ana.uses_shortcut("mine", on=said)


async def test_only_declared_commands_can_be_run_and_only_where_one_is(place: Place) -> None:
    place.slack.app.commands = {"/quota": {"command": "/quota"}}
    with pytest.raises(NotPossibleError, match="/ask is not a command"):
        await place.ana.command(place.general, "/ask")
    await place.ana.leaves(place.general)
    with pytest.raises(NotPossibleError, match="not in general"):
        await place.ana.command(place.general, "/quota")


# response_url


def url_for(place: Place) -> ResponseUrl:
    return place.slack.new_response_url(place.team, place.ana, place.general, None)


async def test_a_response_url_is_good_five_times(place: Place) -> None:
    url = url_for(place)
    hook = AsyncWebhookClient(place.slack.address_of(url))
    for number in range(5):
        assert (await hook.send(text=str(number))).status_code == 200
    assert (await hook.send(text="6")).status_code == 404
    assert [message.text for message in url.posted] == ["0", "1", "2", "3", "4"]
    assert all(message.visible_to == place.ana.id for message in url.posted)


async def test_a_response_url_is_good_for_thirty_minutes(place: Place, clock: FakeClock) -> None:
    hook = AsyncWebhookClient(place.slack.address_of(url_for(place)))
    clock.advance(30 * MINUTE + 1)
    answer = await hook.send(text="late")
    assert (answer.status_code, "expired_url" in answer.body) == (404, True)


async def test_a_response_is_public_replaces_or_deletes(place: Place) -> None:
    await place.client.chat_postMessage(channel=place.general.id, text="original")
    original = place.team.bot_messages[0]
    url = place.slack.new_response_url(place.team, place.ana, place.general, original)
    hook = AsyncWebhookClient(place.slack.address_of(url))
    await hook.send(text="for all", response_type="in_channel")
    assert place.team.bot_messages[-1].visible_to is None
    await hook.send(text="changed", replace_original=True)
    assert original.text == "changed"
    await hook.send(delete_original=True)
    assert original.deleted
    empty = await hook.send(text="")
    assert (empty.status_code, "no_text" in empty.body) == (400, True)
