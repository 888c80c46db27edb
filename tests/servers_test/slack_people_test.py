"""What the double tells of members, groups, channels, history, reactions and files."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError

from tests.servers.slack import App, File, Slack
from tests.servers_test.slack_kit import Place, refused


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    async with Slack() as slack:
        yield Place(slack)


async def test_a_member_is_told_with_rights_zone_and_language(place: Place) -> None:
    boss = place.team.user("boss", is_owner=True, tz="America/New_York", locale="fr-FR")
    user = (await place.client.users_info(user=boss.id, include_locale=True))["user"]
    assert (user["is_owner"], user["is_admin"]) == (True, False)
    assert (user["tz"], user["locale"]) == ("America/New_York", "fr-FR")
    assert "locale" not in (await place.client.users_info(user=boss.id))["user"]
    assert await refused(place.client.users_info(user="U0")) == "user_not_found"
    bot = (await place.client.users_info(user=place.team.bot_user_id))["user"]
    assert bot["is_bot"]
    bot_id = bot["profile"]["bot_id"]
    assert (await place.client.bots_info(bot=bot_id))["bot"]["user_id"] == bot["id"]
    assert await refused(place.client.bots_info(bot="B0")) == "bot_not_found"


async def test_lists_come_in_pages(place: Place) -> None:
    place.team.user("bo")
    first = await place.client.users_list(limit=2)
    second = await place.client.users_list(
        limit=2, cursor=first["response_metadata"]["next_cursor"]
    )
    names = [user["name"] for user in first["members"] + second["members"]]
    assert names == ["ana", "bo", "quotabot"]
    assert await refused(place.client.users_list(cursor="?")) == "invalid_cursor"
    assert await refused(place.client.users_list(limit=1001)) == "invalid_limit"
    odd = place.client.api_call("users.list", params={"limit": "many"})
    assert await refused(odd) == "invalid_arguments"


async def test_user_groups_come_with_their_members_and_not_on_the_free_plan(place: Place) -> None:
    bo = place.team.user("bo", groups=["supporters"])
    (group,) = (await place.client.usergroups_list(include_users=True))["usergroups"]
    assert (group["handle"], group["users"]) == ("supporters", [bo.id])
    found = await place.client.usergroups_users_list(usergroup=group["id"])
    assert found["users"] == [bo.id]
    unknown = place.client.usergroups_users_list(usergroup="S0")
    assert await refused(unknown) == "no_such_subteam"
    place.team.change_group("supporters", disabled=True)
    assert (await place.client.usergroups_list())["usergroups"] == []
    place.team.plan = "free"
    assert await refused(place.client.usergroups_list()) == "plan_upgrade_required"
    users = place.client.usergroups_users_list(usergroup=group["id"])
    assert await refused(users) == "plan_upgrade_required"


async def test_a_missing_scope_is_named() -> None:
    async with Slack(App(scopes=("chat:write", "users:read"))) as slack:
        place = Place(slack)
        with pytest.raises(SlackApiError) as caught:
            await place.client.usergroups_list()
        answer = caught.value.response
        assert answer["error"] == "missing_scope"
        assert (answer["needed"], answer["provided"]) == (
            "usergroups:read",
            "chat:write,users:read",
        )
        info = place.client.conversations_info(channel=place.general.id)
        assert await refused(info) == "missing_scope"
        history = place.client.conversations_history(channel=place.general.id)
        assert await refused(history) == "missing_scope"


async def test_channels_are_told_by_kind_and_only_those_the_bot_may_see(place: Place) -> None:
    secret = place.team.channel("secret", private=True)
    hidden = place.team.channel("hidden", private=True, bot_in=False)
    public = (await place.client.conversations_list())["channels"]
    assert [one["name"] for one in public] == ["general"]
    both = await place.client.conversations_list(types="public_channel,private_channel")
    assert [one["name"] for one in both["channels"]] == ["general", "secret"]
    assert (await place.client.conversations_info(channel=secret.id))["channel"]["is_private"]
    info = place.client.conversations_info(channel=hidden.id)
    assert await refused(info) == "channel_not_found"
    members = (await place.client.conversations_members(channel=place.general.id))["members"]
    assert members == sorted([place.ana.id, place.team.bot_user_id])
    wrong = place.client.conversations_list(types="cellar")
    assert await refused(wrong) == "invalid_types"


async def test_direct_messages_are_opened_with_a_member(place: Place) -> None:
    opened = await place.client.conversations_open(users=place.ana.id)
    assert opened["channel"]["id"] == place.team.dm(place.ana).id
    assert await refused(place.client.conversations_open(users="U0")) == "user_not_found"
    assert await refused(place.client.conversations_open(users="")) == "users_list_not_supplied"
    several = place.client.conversations_open(users=f"{place.ana.id},U2")
    assert await refused(several) == "method_not_supported_for_channel_type"
    await place.ana.becomes(deleted=True)
    call = place.client.conversations_open(users=place.ana.id)
    assert await refused(call) == "user_disabled"


async def test_history_shows_roots_newest_first_and_replies_oldest_first(place: Place) -> None:
    first = await place.ana.says(place.general, "first")
    second = await place.ana.says(place.general, "second")
    await place.ana.says(place.general, "reply", thread=first)
    await place.client.chat_postEphemeral(channel=place.general.id, user=place.ana.id, text="psst")
    history = await place.client.conversations_history(channel=place.general.id)
    assert [message["text"] for message in history["messages"]] == ["second", "first"]
    assert history["messages"][1]["reply_count"] == 1
    replies = await place.client.conversations_replies(channel=place.general.id, ts=first.ts)
    assert [message["text"] for message in replies["messages"]] == ["first", "reply"]
    after = await place.client.conversations_history(channel=place.general.id, oldest=first.ts)
    assert [message["text"] for message in after["messages"]] == ["second"]
    same = await place.client.conversations_history(
        channel=place.general.id, latest=second.ts, inclusive=True, limit=1
    )
    assert same["messages"][0]["ts"] == second.ts
    lost = place.client.conversations_replies(channel=place.general.id, ts="1.000001")
    assert await refused(lost) == "thread_not_found"
    away = place.team.channel("away", bot_in=False)
    history_away = place.client.conversations_history(channel=away.id)
    assert await refused(history_away) == "not_in_channel"


async def test_a_reaction_is_given_once_and_taken_back_once(place: Place) -> None:
    said = await place.ana.says(place.general, "hi")
    where = {"channel": place.general.id, "timestamp": said.ts, "name": "eyes"}
    await place.client.reactions_add(**where)
    assert await refused(place.client.reactions_add(**where)) == "already_reacted"
    assert said.reactions == {"eyes": {place.team.bot_user_id}}
    await place.client.reactions_remove(**where)
    assert await refused(place.client.reactions_remove(**where)) == "no_reaction"
    gone = place.client.reactions_add(**{**where, "timestamp": "1.000001"})
    assert await refused(gone) == "message_not_found"


async def test_a_file_opens_with_the_token_and_is_a_sign_in_page_without(place: Place) -> None:
    said = await place.ana.says(place.general, "look", files=[File("a.txt", b"data")])
    url = said.files[0].payload["url_private_download"]
    async with aiohttp.ClientSession() as session:
        right = {"Authorization": f"Bearer {place.team.token}"}
        async with session.get(url, headers=right) as answer:
            assert await answer.read() == b"data"
        async with session.get(url) as answer:
            assert (answer.status, answer.content_type) == (200, "text/html")
    found = await place.client.files_info(file=said.files[0].id)
    assert found["file"]["name"] == "a.txt"
    assert await refused(place.client.files_info(file="F0")) == "file_not_found"


async def test_the_bot_uploads_a_file_in_three_steps(place: Place) -> None:
    root = await place.ana.says(place.general, "export please")
    await place.client.files_upload_v2(
        channel=place.general.id,
        thread_ts=root.ts,
        filename="usage.csv",
        content="member,tokens\nana,1\n",
        initial_comment="Here it is",
    )
    (message,) = place.team.bot_messages
    assert (message.text, message.thread_ts) == ("Here it is", root.ts)
    assert message.files[0].data == b"member,tokens\nana,1\n"
    early = await place.client.files_getUploadURLExternal(filename="b.txt", length=3)
    call = place.client.files_completeUploadExternal(files=[{"id": early["file_id"], "title": "b"}])
    assert await refused(call) == "file_not_found"
    empty = place.client.files_getUploadURLExternal(filename="b.txt", length=0)
    assert await refused(empty) == "invalid_arguments"


async def test_two_workspaces_know_nothing_of_one_another(place: Place) -> None:
    other = place.slack.team("Other")
    bo = other.user("bo", user_id=place.ana.id)
    there = other.channel("general")
    assert bo.id == place.ana.id
    assert there.id != place.general.id
    post = place.client.chat_postMessage(channel=there.id, text="hi")
    assert await refused(post) == "channel_not_found"
    said = await bo.says(there, "hello")
    sent = [one for one in place.slack.postman.sent if one.event_id in said.event_ids]
    assert [one.payload["team_id"] for one in sent] == [other.id]


async def test_a_failing_wait_shows_what_happened(place: Place) -> None:
    await place.ana.says(place.general, "hello")
    with pytest.raises(AssertionError, match=r"(?s)a miracle.*ana in general: 'hello'"):
        await place.slack.watch.until(lambda: None, "a miracle", within_s=0.01)
