"""What the double refuses of posts, edits and streams, and what it keeps of them."""

from collections.abc import AsyncIterator

import pytest

from tests.fakes import MINUTE, SECOND, FakeClock
from tests.servers.slack import App, Slack
from tests.servers_test.slack_kit import Json, Place, button, client_of, mrkdwn, plain, refused


@pytest.fixture
async def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def place(clock: FakeClock) -> AsyncIterator[Place]:
    async with Slack(clock=clock) as slack:
        yield Place(slack)


async def test_a_post_keeps_the_very_arguments_and_the_history_of_its_edits(place: Place) -> None:
    posted = await place.client.chat_postMessage(channel=place.general.id, text="one")
    await place.client.chat_update(channel=place.general.id, ts=posted["ts"], text="two")
    (message,) = place.team.bot_messages
    assert message.calls[0] == {
        "method": "chat.postMessage",
        "channel": place.general.id,
        "text": "one",
    }
    assert message.payload["text"] == "two"
    assert [edit["text"] for edit in message.edits] == ["one"]
    assert message.shown == "two"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"text": " "}, "no_text"),
        ({"text": "a", "markdown_text": "b"}, "markdown_text_conflict"),
        ({"markdown_text": "a" * 12_001}, "msg_too_long"),
        ({"text": "a", "blocks": "{"}, "invalid_blocks_format"),
        ({"text": "a", "blocks": {"type": "divider"}}, "invalid_blocks_format"),
        (
            {"text": "a", "metadata": {"event_type": "x", "event_payload": {"a": "a" * 16_000}}},
            "metadata_too_large",
        ),
        ({"text": "a", "blocks": [{"type": "sparkle"}]}, "invalid_blocks"),
        ({"text": "a", "thread_ts": "1.000001"}, "cannot_reply_to_message"),
        ({"text": "a", "channel": "C0"}, "channel_not_found"),
        ({"text": "a", "channel": ""}, "invalid_arguments"),
        ({"text": "a", "metadata": {"event_type": "x"}}, "invalid_metadata_format"),
        (
            {"text": "a", "attachments": [{"text": "x", "fallback": "x"}] * 101},
            "too_many_attachments",
        ),
    ],
)
async def test_a_post_is_refused(place: Place, arguments: dict[str, object], error: str) -> None:
    call: Json = {"channel": place.general.id, **arguments}
    assert await refused(place.client.api_call("chat.postMessage", json=call)) == error
    assert place.slack.refusals == [f"chat.postMessage: {error}"]


async def test_a_bot_posts_only_where_it_is(place: Place) -> None:
    away = place.team.channel("away", bot_in=False)
    secret = place.team.channel("secret", bot_in=False, private=True)
    closed = place.team.channel("closed")
    closed.archived = True
    assert (
        await refused(place.client.chat_postMessage(channel=away.id, text="a")) == "not_in_channel"
    )
    assert (
        await refused(place.client.chat_postMessage(channel=secret.id, text="a"))
        == "channel_not_found"
    )
    assert (
        await refused(place.client.chat_postMessage(channel=closed.id, text="a")) == "is_archived"
    )


async def test_nothing_is_posted_into_a_messages_tab_that_is_off(place: Place) -> None:
    place.slack.app.messages_tab = False
    dm = place.team.dm(place.ana)
    call = place.client.chat_postMessage(channel=dm.id, text="a")
    assert await refused(call) == "messages_tab_disabled"


async def test_a_text_that_is_too_long_is_cut_when_posted_and_refused_in_an_edit(
    place: Place,
) -> None:
    posted = await place.client.chat_postMessage(channel=place.general.id, text="a" * 40_001)
    message = place.team.bot_messages[0]
    assert len(message.text) == 40_000
    assert message.truncated
    edit = place.client.chat_update(channel=place.general.id, ts=posted["ts"], text="a" * 4_001)
    assert await refused(edit) == "msg_too_long"


async def test_a_reply_hangs_on_a_root_and_never_on_a_reply(place: Place) -> None:
    root = await place.ana.says(place.general, "root")
    reply = await place.ana.says(place.general, "reply", thread=root)
    wrong = place.client.chat_postMessage(channel=place.general.id, text="a", thread_ts=reply.ts)
    assert await refused(wrong) == "cannot_reply_to_message"


async def test_only_its_own_messages_can_be_changed_and_taken_away(place: Place) -> None:
    hers = await place.ana.says(place.general, "mine")
    where: Json = {"channel": place.general.id, "ts": hers.ts}
    assert await refused(place.client.chat_update(**where, text="x")) == "cant_update_message"
    assert await refused(place.client.chat_delete(**where)) == "cant_delete_message"
    gone = place.client.chat_update(channel=place.general.id, ts="1.000001", text="x")
    assert await refused(gone) == "message_not_found"


async def test_a_workspace_may_close_the_window_for_edits(place: Place, clock: FakeClock) -> None:
    place.slack.edit_window_ms = 5 * MINUTE
    posted = await place.client.chat_postMessage(channel=place.general.id, text="one")
    clock.advance(6 * MINUTE)
    late = place.client.chat_update(channel=place.general.id, ts=posted["ts"], text="two")
    assert await refused(late) == "edit_window_closed"


async def test_an_ephemeral_message_is_for_one_who_is_there_and_gone_on_reload(
    place: Place,
) -> None:
    bo = place.team.user("bo")
    await place.client.chat_postEphemeral(channel=place.general.id, user=place.ana.id, text="psst")
    place.general.members.add(bo.id)
    assert [m.text for m in place.team.sees(place.ana, place.general)] == ["psst"]
    assert place.team.sees(bo, place.general) == []
    place.ana.reloads()
    assert place.team.sees(place.ana, place.general) == []
    place.general.members.discard(bo.id)
    wrong = place.client.chat_postEphemeral(channel=place.general.id, user=bo.id, text="psst")
    assert await refused(wrong) == "user_not_in_channel"


async def test_an_ephemeral_reply_is_seen_only_in_a_thread_that_has_begun(place: Place) -> None:
    root = await place.ana.says(place.general, "root")
    where: Json = {"channel": place.general.id, "user": place.ana.id, "thread_ts": root.ts}
    await place.client.chat_postEphemeral(**where, text="unseen")
    await place.client.chat_postMessage(channel=place.general.id, thread_ts=root.ts, text="begun")
    await place.client.chat_postEphemeral(**where, text="seen")
    seen = place.team.sees(place.ana, place.general, thread=root)
    assert [message.text for message in seen] == ["root", "begun", "seen"]


async def test_the_double_knows_who_is_pinged_and_which_links_unfurl(place: Place) -> None:
    await place.client.chat_postMessage(
        channel=place.general.id,
        text="fallback",
        blocks=[
            {
                "type": "section",
                "text": mrkdwn(f"<!channel> <@{place.ana.id}> https://a.example/x"),
            },
            {"type": "section", "text": plain("<!here>")},
            {"type": "markdown", "text": "[b](https://b.example/)"},
        ],
    )
    (message,) = place.team.bot_messages
    assert place.team.pings_of(message) == {"!channel", place.ana.id}
    assert place.team.links_of(message) == {"https://a.example/x", "https://b.example/"}
    await place.client.chat_postMessage(
        channel=place.general.id,
        text="&lt;!channel&gt; https://a.example",
        unfurl_links=False,
        unfurl_media=False,
    )
    assert place.team.pings_of(place.team.bot_messages[-1]) == set()
    assert place.team.links_of(place.team.bot_messages[-1]) == set()


async def test_a_permalink_leads_to_a_message(place: Place) -> None:
    hers = await place.ana.says(place.general, "hi")
    found = await place.client.chat_getPermalink(channel=place.general.id, message_ts=hers.ts)
    stamp = hers.ts.replace(".", "")
    assert found["permalink"] == f"https://acme.slack.com/archives/{place.general.id}/p{stamp}"


# Streams


async def stream(place: Place, **more: object) -> Json:
    root = await place.ana.says(place.general, "root")
    arguments: Json = {
        "channel": place.general.id,
        "thread_ts": root.ts,
        "recipient_team_id": place.team.id,
        "recipient_user_id": place.ana.id,
        **more,
    }
    arguments = {name: value for name, value in arguments.items() if value is not None}
    started = await place.client.api_call("chat.startStream", json=arguments)
    return {"channel": place.general.id, "ts": started["ts"]}


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"thread_ts": ""}, "invalid_arguments"),
        ({"recipient_team_id": None}, "missing_recipient_team_id"),
        ({"recipient_user_id": None}, "missing_recipient_user_id"),
        ({"recipient_team_id": "T0"}, "team_not_found"),
        ({"recipient_user_id": "U0"}, "user_not_found"),
        ({"chunks": [{"type": "song"}]}, "invalid_chunks"),
        ({"chunks": {"type": "markdown_text", "text": "a"}}, "invalid_chunks"),
        (
            {"chunks": [{"type": "blocks", "blocks": [{"type": "divider"}] * 26}] * 2},
            "msg_blocks_too_many",
        ),
        ({"task_display_mode": "poster"}, "invalid_arguments"),
        ({"markdown_text": "a" * 12_001}, "msg_too_long"),
    ],
)
async def test_a_stream_is_refused(place: Place, arguments: dict[str, object], error: str) -> None:
    assert await refused(stream(place, **arguments)) == error


async def test_in_direct_messages_a_stream_needs_no_recipient(place: Place) -> None:
    root = await place.ana.says_to_bot("hello")
    await place.client.chat_startStream(channel=root.channel.id, thread_ts=root.ts)
    assert place.team.bot_messages[0].thread_ts == root.ts


async def test_a_stream_grows_and_ends_with_blocks(place: Place) -> None:
    where = await stream(place, markdown_text="a")
    await place.client.chat_appendStream(**where, markdown_text="b")
    await place.client.chat_appendStream(
        **where, chunks=[{"type": "task_update", "id": "1", "title": "t", "status": "complete"}]
    )
    message = place.team.bot_messages[0]
    edit = place.client.chat_update(**where, text="x")
    assert await refused(edit) == "streaming_state_conflict"
    await place.client.chat_stopStream(
        **where, markdown_text="c", blocks=[{"type": "actions", "elements": [button()]}]
    )
    assert message.shown == "abc\nGo"
    again = place.client.chat_appendStream(**where, markdown_text="d")
    assert await refused(again) == "message_not_in_streaming_state"
    assert await refused(place.client.chat_stopStream(**where)) == "message_not_in_streaming_state"


async def test_a_stream_dies_five_minutes_after_its_start_and_can_then_be_edited(
    place: Place, clock: FakeClock
) -> None:
    where = await stream(place, markdown_text="a")
    clock.advance(5 * MINUTE - SECOND)
    await place.client.chat_appendStream(**where, markdown_text="b")
    clock.advance(SECOND)
    late = place.client.chat_appendStream(**where, markdown_text="c")
    assert await refused(late) == "message_not_in_streaming_state"
    assert await refused(place.client.chat_stopStream(**where)) == "message_not_in_streaming_state"
    await place.client.chat_update(**where, text="abc")
    assert place.team.bot_messages[0].shown == "abc"


async def test_where_a_test_says_so_a_stream_dies_of_silence(
    place: Place, clock: FakeClock
) -> None:
    place.slack.stream_idle_ms = 30 * SECOND
    where = await stream(place, markdown_text="a")
    clock.advance(29 * SECOND)
    await place.client.chat_appendStream(**where, markdown_text="b")
    clock.advance(30 * SECOND)
    late = place.client.chat_appendStream(**where, markdown_text="c")
    assert await refused(late) == "message_not_in_streaming_state"


async def test_an_edit_keeps_the_metadata_and_drops_the_blocks_unless_it_gives_others(
    place: Place,
) -> None:
    metadata = {"event_type": "turn", "event_payload": {"id": "1"}}
    posted = await place.client.chat_postMessage(
        channel=place.general.id,
        text="one",
        metadata=metadata,
        blocks=[{"type": "actions", "elements": [button()]}],
    )
    where: Json = {"channel": place.general.id, "ts": posted["ts"]}
    await place.client.chat_update(**where, text="two")
    message = place.team.bot_messages[0]
    assert (message.metadata, message.blocks) == (metadata, [])
    await place.client.chat_update(**where, text="two", metadata={**metadata, "event_type": "end"})
    assert message.metadata == {**metadata, "event_type": "end"}


async def test_nobody_streams_into_what_was_not_streamed(place: Place) -> None:
    posted = await place.client.chat_postMessage(channel=place.general.id, text="one")
    where: Json = {"channel": place.general.id, "ts": posted["ts"]}
    call = place.client.chat_appendStream(**where, markdown_text="x")
    assert await refused(call) == "message_not_in_streaming_state"
    hers = await place.ana.says(place.general, "mine")
    call = place.client.chat_appendStream(**{**where, "ts": hers.ts}, markdown_text="x")
    assert await refused(call) == "message_not_owned_by_app"
    where = await stream(place)
    assert await refused(place.client.chat_appendStream(**where)) == "no_text"
    assert await refused(place.client.chat_stopStream(**where)) == "no_text"
    odd = place.client.chat_stopStream(**where, markdown_text="a", session_status="asleep")
    assert await refused(odd) == "invalid_status"


# Sessions


async def test_the_stop_button_stops_the_streams_and_the_status_hangs_until_moved_on(
    place: Place,
) -> None:
    where = await stream(place, markdown_text="a")
    message = place.team.bot_messages[0]
    delivery = await place.ana.stops(message)
    assert delivery is not None
    assert delivery.event["streaming_message_ts"] == [where["ts"]]
    assert delivery.event["thread_ts"] == message.thread_ts
    assert delivery.event["user"] == place.ana.id
    late = place.client.chat_appendStream(**where, markdown_text="b")
    assert await refused(late) == "stopped_by_user"
    assert await refused(place.client.chat_stopStream(**where)) == "message_not_in_streaming_state"
    assert place.team.hanging == [f"session {place.general.id}/{message.thread_ts} is processing"]
    await place.client.agents_sessions_setStatus(
        channel_id=place.general.id, thread_ts=message.thread_ts, status="active"
    )
    assert place.team.hanging == []
    with pytest.raises(AssertionError, match="no stop button"):
        await place.ana.stops(message)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"status": "asleep"}, "invalid_status"),
        ({"thread_ts": ""}, "thread_ts_required"),
        ({"channel_id": "C0"}, "channel_not_found"),
        ({"initiator_user_id": "U0"}, "user_not_found"),
        ({"title": "a" * 201}, "invalid_arguments"),
    ],
)
async def test_a_session_status_is_refused(
    place: Place, arguments: dict[str, str], error: str
) -> None:
    root = await place.ana.says(place.general, "root")
    call: Json = {
        "channel_id": place.general.id,
        "thread_ts": root.ts,
        "status": "active",
        **arguments,
    }
    assert await refused(place.client.agents_sessions_setStatus(**call)) == error


async def test_a_session_is_of_a_channel_that_the_bot_is_in(place: Place) -> None:
    away = place.team.channel("away", bot_in=False)
    root = await place.ana.says(away, "root")
    call = place.client.agents_sessions_setStatus(
        channel_id=away.id, thread_ts=root.ts, status="active"
    )
    assert await refused(call) == "not_authorized"


async def test_a_session_is_renamed_once_there_is_one(place: Place) -> None:
    root = await place.ana.says(place.general, "root")
    where: Json = {"channel_id": place.general.id, "thread_ts": root.ts}
    early = place.client.agents_sessions_rename(**where, title="Plans")
    assert await refused(early) == "session_not_found"
    await place.client.agents_sessions_setStatus(**where, status="active", title="Old")
    await place.client.agents_sessions_rename(**where, title="Plans")
    assert place.team.sessions[place.general.id, root.ts].title == "Plans"
    long = place.client.agents_sessions_rename(**where, title="a" * 201)
    assert await refused(long) == "invalid_name"


async def test_an_app_that_is_no_agent_has_no_sessions_and_no_prompts() -> None:
    async with Slack(App(is_agent=False)) as slack:
        place = Place(slack)
        root = await place.ana.says(place.general, "root")
        where = {"channel_id": place.general.id, "thread_ts": root.ts}
        call = place.client.agents_sessions_setStatus(**where, status="processing")
        assert await refused(call) == "not_authorized"
        prompts = [{"title": "a", "message": "b"}]
        call = place.client.assistant_threads_setSuggestedPrompts(**where, prompts=prompts)
        assert await refused(call) == "not_agent_app"


async def test_without_the_subscription_there_is_a_warning_and_no_button() -> None:
    async with Slack(App(events=("app_mention",))) as slack:
        place = Place(slack)
        root = await place.ana.says(place.general, "root")
        found = await place.client.agents_sessions_setStatus(
            channel_id=place.general.id, thread_ts=root.ts, status="processing"
        )
        assert found["warning"] == "missing_agent_session_stopped_event_subscription"
        with pytest.raises(AssertionError, match="does not subscribe"):
            await place.ana.stops(root)


async def test_the_legacy_status_is_cleared_by_a_post_or_after_two_minutes(
    place: Place, clock: FakeClock
) -> None:
    root = await place.ana.says(place.general, "root")
    where: Json = {"channel_id": place.general.id, "thread_ts": root.ts}
    await place.client.assistant_threads_setStatus(**where, status="is thinking")
    assert len(place.team.hanging) == 1
    await place.client.chat_postMessage(channel=place.general.id, thread_ts=root.ts, text="a")
    assert place.team.hanging == []
    await place.client.assistant_threads_setStatus(**where, status="is thinking")
    clock.advance(2 * MINUTE)
    assert place.team.hanging == []
    wrong = place.client.assistant_threads_setStatus(
        channel_id=place.general.id, thread_ts="1.000001", status="x"
    )
    assert await refused(wrong) == "invalid_thread_ts"
    wrong = place.client.assistant_threads_setStatus(
        **where, status="x", loading_messages=["a"] * 11
    )
    assert await refused(wrong) == "invalid_arguments"
    broken = {**where, "status": "x", "loading_messages": "{"}
    wrong = place.client.api_call("assistant.threads.setStatus", json=broken)
    assert await refused(wrong) == "invalid_arguments"


async def test_prompts_are_one_to_four(place: Place) -> None:
    dm = place.team.dm(place.ana)
    prompts = [{"title": str(number), "message": "m"} for number in range(5)]
    call = place.client.assistant_threads_setSuggestedPrompts(channel_id=dm.id, prompts=prompts)
    assert await refused(call) == "invalid_arguments"
    await place.client.assistant_threads_setSuggestedPrompts(channel_id=dm.id, prompts=prompts[:4])
    assert len(place.team.prompts[dm.id, ""]["prompts"]) == 4
    lost = place.client.assistant_threads_setSuggestedPrompts(
        channel_id=dm.id, thread_ts="1.000001", prompts=prompts[:1]
    )
    assert await refused(lost) == "invalid_thread_ts"


# Pace


async def test_too_many_calls_are_told_to_wait_and_counted(place: Place, clock: FakeClock) -> None:
    posted = await place.client.chat_postMessage(channel=place.general.id, text="0")
    where: Json = {"channel": place.general.id, "ts": posted["ts"]}
    for number in range(50):
        await place.client.chat_update(**where, text=str(number))
    clock.advance(10 * SECOND)
    assert await refused(place.client.chat_update(**where, text="x")) == "ratelimited"
    assert place.slack.rate_limited == {"chat.update": 1}
    assert place.slack.calls[-1].retry_after == 50
    clock.advance(50 * SECOND)
    await place.client.chat_update(**where, text="y")


async def test_posts_are_paced_by_channel_and_other_calls_by_workspace(place: Place) -> None:
    place.slack.pace.set("chat.postMessage", 1, SECOND)
    place.slack.pace.set("users.info", 1)
    other = place.team.channel("other")
    await place.client.chat_postMessage(channel=place.general.id, text="a")
    await place.client.chat_postMessage(channel=other.id, text="a")
    again = place.client.chat_postMessage(channel=other.id, text="a")
    assert await refused(again) == "ratelimited"
    second = place.slack.team("Bmce")
    bo = second.user("bo")
    await place.client.users_info(user=place.ana.id)
    await client_of(place.slack, second.token).users_info(user=bo.id)
    assert await refused(place.client.users_info(user=place.ana.id)) == "ratelimited"


async def test_a_test_may_break_the_next_calls(place: Place) -> None:
    place.slack.fail_next("chat.postMessage", "fatal_error")
    place.slack.fail_next("chat.postMessage", "internal_error", status=503)
    place.slack.limit_next("chat.postMessage", 3)
    for error in ("fatal_error", "internal_error", "ratelimited"):
        call = place.client.chat_postMessage(channel=place.general.id, text="a")
        assert await refused(call) == error
    await place.client.chat_postMessage(channel=place.general.id, text="a")
