"""What the double lets a bot post, and what it refuses, in the words of the API."""

import io
from collections.abc import AsyncIterator
from typing import Any

import discord
import pytest

from tests.fakes import DAY, HOUR, MINUTE, FakeClock
from tests.servers.discord import Channel, Discord, File, Member, Message, Permission
from tests.servers_test.discord_kit import Bot, Wire, on_the_wire, running

V2 = 1 << 15


class Scene:
    """A guild of two, one channel, and a bot that has logged in."""

    def __init__(self, server: Discord, wire: Wire, clock: FakeClock) -> None:
        self.server, self.wire, self.clock = server, wire, clock
        self.guild = server.guild("Homework")
        self.ana: Member = self.guild.member("ana", roles=["Supporter"])
        self.channel: Channel = self.guild.channel("general")
        self.here = f"/channels/{self.channel.id}"

    async def post(self, content: str = "hello", **body: Any) -> Message:
        made = await self.wire(f"POST {self.here}/messages", {"content": content, **body})
        return self.server.world.messages[int(made["id"])]


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    clock = FakeClock()
    async with Discord(clock=clock, limited=False) as server, on_the_wire(server) as wire:
        yield Scene(server, wire, clock)


REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({}, 50006, "Cannot send an empty message"),
    ({"content": " \n "}, 50006, "Cannot send an empty message"),
    ({"content": "x" * 2001}, 50035, "In content: Must be 2000 or fewer in length."),
    ({"content": 7}, 50035, "In content: Could not interpret value as string."),
    ({"content": "x", "nonce": "n" * 26}, 50035, "In nonce: Must be 25 or fewer in length."),
    ({"content": "x", "embeds": [{}] * 11}, 50035, "In embeds: Must be 10 or fewer in length."),
    ({"embeds": [{"title": "x" * 257}]}, 50035, "In embeds.0.title: Must be 256 or fewer"),
    ({"embeds": [{"description": "x" * 4097}]}, 50035, "In embeds.0.description"),
    ({"embeds": [{"footer": {"text": "x" * 2049}}]}, 50035, "In embeds.0.footer.text"),
    ({"embeds": [{"author": {"name": "x" * 257}}]}, 50035, "In embeds.0.author.name"),
    ({"embeds": [{"fields": [{"value": "x"}]}]}, 50035, "In embeds.0.fields.0.name: This field is"),
    ({"embeds": [{"fields": [{}] * 26}]}, 50035, "In embeds.0.fields: Must be 25 or fewer"),
    ({"embeds": [{"fields": [{"name": "x"}]}]}, 50035, "In embeds.0.fields.0.value: This field is"),
    ({"embeds": [{"description": "x" * 4000}] * 2}, 50035, "In embeds: Embed size exceeds"),
    (
        {"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["1"]}},
        50035,
        "mutually exclusive",
    ),
    ({"content": "x", "allowed_mentions": {"parse": ["all"]}}, 50035, "allowed_mentions.parse.0"),
    ({"content": "x", "message_reference": {"message_id": 5}}, 50035, "Unknown message"),
    ({"content": "x", "flags": V2}, 50035, "cannot be used with IS_COMPONENTS_V2"),
    ({"embeds": [{"title": "x"}], "flags": V2}, 50035, "cannot be used with IS_COMPONENTS_V2"),
    ({"flags": V2}, 50006, "Cannot send an empty message"),
]


@pytest.mark.parametrize(("body", "code", "words"), REFUSED)
async def test_a_body_that_is_no_message_is_refused(
    scene: Scene, body: dict[str, Any], code: int, words: str
) -> None:
    refusal = await scene.wire.refused(f"POST {scene.here}/messages", body)
    assert refusal[:2] == (400, code)
    assert words in refusal[2]
    assert scene.channel.messages == []


async def test_a_message_of_the_full_length_is_posted(scene: Scene) -> None:
    # The API counts code points, so an emoji counts as one.
    message = await scene.post("🙂" * 2000)
    assert len(message.text) == 2000


async def test_what_the_double_does_not_know_fails_the_test() -> None:
    async def forward_a_poll() -> None:
        async with Discord() as server, on_the_wire(server) as wire:
            scene = Scene(server, wire, FakeClock())
            await wire.refused(f"POST {scene.here}/messages", {"content": "x", "poll": {}})
            assert (await wire.refused("GET /voice/regions"))[:2] == (404, 0)

    with pytest.raises(AssertionError, match=r"field 'poll'.*GET /api/v10/voice/regions"):
        await forward_a_poll()


async def test_a_nonce_makes_a_repeated_send_harmless(scene: Scene) -> None:
    first = await scene.post("once", nonce="n1", enforce_nonce=True)
    again = await scene.post("once", nonce="n1", enforce_nonce=True)
    assert first is again
    assert await scene.post("twice", nonce="n1") is not first
    scene.clock.advance(6 * MINUTE)
    assert await scene.post("much later", nonce="n1", enforce_nonce=True) is not first


async def test_a_reply_to_what_is_gone_is_refused_unless_it_may_stand_alone(scene: Scene) -> None:
    asked = await scene.ana.says(scene.channel, "a question")
    answered = await scene.post("an answer", message_reference={"message_id": str(asked.id)})
    assert answered.reference is asked
    await scene.ana.deletes(asked)
    gone = {"message_id": str(asked.id), "fail_if_not_exists": False}
    assert (await scene.post("too late", message_reference=gone)).reference is None


async def test_a_reply_stays_in_its_channel_and_answers_a_person(scene: Scene) -> None:
    elsewhere = await scene.ana.says(scene.guild.channel("elsewhere"), "hello")
    await scene.ana.starts_thread(scene.channel, "story")
    system = scene.channel.messages[-1]
    path = f"POST {scene.here}/messages"
    for target, words in ((elsewhere, "Unknown message"), (system, "reply to a system message")):
        body = {"content": "x", "message_reference": {"message_id": str(target.id)}}
        assert words in (await scene.wire.refused(path, body))[2]


async def test_forwarding_is_not_played_and_fails_the_test() -> None:
    async def forward() -> None:
        async with Discord() as server, on_the_wire(server) as wire:
            scene = Scene(server, wire, FakeClock())
            asked = await scene.ana.says(scene.channel, "hello")
            body = {"content": "x", "message_reference": {"message_id": asked.id, "type": 1}}
            refusal = await wire.refused(f"POST {scene.here}/messages", body)
            assert refusal[:2] == (400, 50035)

    with pytest.raises(AssertionError, match="a forwarded message"):
        await forward()


# Who is pinged by "@everyone <@ana> <@&Supporter> <@bo>", said in reply to ana.
PINGS: list[tuple[dict[str, Any] | None, list[str]]] = [
    (None, ["Supporter", "ana", "bo", "everyone"]),
    ({"parse": []}, []),
    ({"parse": [], "replied_user": True}, ["ana"]),
    ({"parse": ["users"]}, ["ana", "bo"]),
    ({"parse": ["roles"]}, ["Supporter"]),
    ({"parse": ["everyone"]}, ["everyone"]),
]


@pytest.mark.parametrize(("allowed", "pinged"), PINGS)
async def test_who_is_pinged_is_what_allowed_mentions_lets_through(
    scene: Scene, allowed: dict[str, Any] | None, pinged: list[str]
) -> None:
    bo = scene.guild.member("bo")
    role = scene.guild.role("Supporter")
    asked = await scene.ana.says(scene.channel, "call all")
    text = f"@everyone {scene.ana.mention} {role.mention} {bo.mention} `@everyone {bo.mention}`"
    more = {} if allowed is None else {"allowed_mentions": allowed}
    message = await scene.post(text, message_reference={"message_id": asked.id}, **more)
    found = message.pinged
    assert sorted([*found.people, *found.roles, *["everyone"] * found.everyone]) == pinged


async def test_a_bot_that_may_not_ping_all_pings_only_mentionable_roles(scene: Scene) -> None:
    scene.channel.deny(scene.guild.everyone, Permission.MENTION_EVERYONE)
    scene.guild.role("Open", mentionable=True)
    names = [scene.guild.role(name).mention for name in ("Supporter", "Open")]
    message = await scene.post(f"@everyone @here {' '.join(names)}")
    assert message.pinged.roles == {"Open"}
    assert not message.pinged.everyone


async def test_an_edit_pings_nobody(scene: Scene) -> None:
    message = await scene.post("hello")
    await scene.wire(f"PATCH {scene.here}/messages/{message.id}", {"content": "@everyone"})
    assert message.text == "@everyone"
    assert not message.pinged
    assert message.mention_everyone


async def test_a_message_sent_silently_says_so(scene: Scene) -> None:
    assert (await scene.post("hush", flags=1 << 12)).is_silent


async def test_what_is_edited_is_of_the_bot_and_there(scene: Scene) -> None:
    other = await scene.ana.says(scene.channel, "mine")
    edit = {"content": "yours"}
    refused = scene.wire.refused
    assert (await refused(f"PATCH {scene.here}/messages/{other.id}", edit))[:2] == (403, 50005)
    mine = await scene.post()
    empty = {"content": None}
    assert (await refused(f"PATCH {scene.here}/messages/{mine.id}", empty))[:2] == (400, 50006)
    assert mine.text == "hello"
    await scene.wire(f"DELETE {scene.here}/messages/{mine.id}")
    assert (await refused(f"PATCH {scene.here}/messages/{mine.id}", edit))[:2] == (404, 10008)
    assert (await refused(f"DELETE {scene.here}/messages/{mine.id}"))[:2] == (404, 10008)
    assert (await refused(f"GET {scene.here}/messages/{mine.id}"))[:2] == (404, 10008)
    assert (await refused(f"DELETE {scene.here}/messages/{other.id}"))[:2] == (403, 50013)


async def test_old_messages_are_edited_only_so_often(scene: Scene) -> None:
    message = await scene.post()
    scene.clock.advance(HOUR + 1)
    path = f"PATCH {scene.here}/messages/{message.id}"
    for number in range(scene.server.old_edits.count):
        await scene.wire(path, {"content": str(number)})
    scene.wire.bot.http.max_ratelimit_timeout = 0.001
    with pytest.raises(discord.RateLimited):
        await scene.wire(path, {"content": "one too many"})
    assert scene.server.books.calls[-1].code == 30046
    assert message.text == "2"


async def test_components_only_is_for_ever_and_leaves_no_room_for_text(scene: Scene) -> None:
    text = {"type": 10, "content": "a panel"}
    panel = await scene.post("", flags=V2, components=[text])
    path = f"PATCH {scene.here}/messages/{panel.id}"
    refusal = await scene.wire.refused(path, {"content": "plain again"})
    assert "IS_COMPONENTS_V2" in refusal[2]
    await scene.wire(path, {"flags": 0, "components": [text | {"content": "another"}]})
    assert panel.is_v2
    assert panel.text == "another"
    plain = await scene.post("plain")
    path = f"PATCH {scene.here}/messages/{plain.id}"
    change = {"flags": V2, "components": [text]}
    assert "IS_COMPONENTS_V2" in (await scene.wire.refused(path, change))[2]
    await scene.wire(path, change | {"content": None})
    assert plain.text == "a panel"


# Without which permission which request is refused, and how.
NEEDED: list[tuple[Permission, dict[str, Any], tuple[int, int]]] = [
    (Permission.VIEW_CHANNEL, {"content": "x"}, (403, 50001)),
    (Permission.SEND_MESSAGES, {"content": "x"}, (403, 50013)),
    (Permission.EMBED_LINKS, {"embeds": [{"title": "x"}]}, (403, 50013)),
    (
        Permission.READ_MESSAGE_HISTORY,
        {"content": "x", "message_reference": {"message_id": "?"}},
        (403, 160002),
    ),
]


@pytest.mark.parametrize(("missing", "body", "refusal"), NEEDED)
async def test_what_the_bot_may_not_do_is_refused(
    scene: Scene, missing: Permission, body: dict[str, Any], refusal: tuple[int, int]
) -> None:
    asked = await scene.ana.says(scene.channel, "hello")
    if "message_reference" in body:
        body = body | {"message_reference": {"message_id": str(asked.id)}}
    scene.channel.deny(scene.guild.everyone, missing)
    assert (await scene.wire.refused(f"POST {scene.here}/messages", body))[:2] == refusal
    scene.channel.allow(scene.guild.bot, missing)
    await scene.wire(f"POST {scene.here}/messages", body)


async def test_files_go_up_and_come_down_and_need_a_permission(scene: Scene) -> None:
    channel = scene.wire.bot.get_partial_messageable(scene.channel.id)
    file = discord.File(io.BytesIO(b"1,2\n"), "usage.csv", description="your usage")
    sent = await channel.send("here", file=file)
    message = scene.channel.messages[-1]
    assert message.attachments[0].data == b"1,2\n"
    assert message.attachments[0].description == "your usage"
    assert await sent.attachments[0].read() == b"1,2\n"
    scene.channel.deny(scene.guild.everyone, Permission.ATTACH_FILES)
    with pytest.raises(discord.Forbidden, match="50013"):
        await channel.send("here", file=discord.File(io.BytesIO(b"x"), "x.txt"))


async def test_a_file_that_is_too_large_is_refused(scene: Scene) -> None:
    scene.server.world.attachment_bytes_max = 10
    channel = scene.wire.bot.get_partial_messageable(scene.channel.id)
    with pytest.raises(discord.HTTPException, match="40005") as caught:
        await channel.send("here", file=discord.File(io.BytesIO(b"x" * 11), "x.txt"))
    assert caught.value.status == 413


async def test_eleven_files_are_too_many(scene: Scene) -> None:
    form = [{"name": f"files[{n}]", "value": b"x", "filename": f"{n}.txt"} for n in range(11)]
    with pytest.raises(discord.HTTPException, match="Must be 10 or fewer"):
        await scene.wire(f"POST {scene.here}/messages", form=form)
    await scene.wire(f"POST {scene.here}/messages", form=form[:10])
    assert len(scene.channel.messages[0].attachments) == 10


async def test_an_edit_keeps_the_files_it_names_and_adds_new_ones(scene: Scene) -> None:
    channel = scene.wire.bot.get_partial_messageable(scene.channel.id)
    files = [discord.File(io.BytesIO(b"1"), "a.txt"), discord.File(io.BytesIO(b"2"), "b.txt")]
    sent = await channel.send("two", files=files)
    new = discord.File(io.BytesIO(b"3"), "c.txt")
    await sent.edit(attachments=[sent.attachments[1], new])
    assert [each.name for each in scene.channel.messages[-1].attachments] == ["b.txt", "c.txt"]


async def test_a_link_to_a_file_is_good_for_a_day(scene: Scene) -> None:
    message = await scene.ana.says(scene.channel, "see", files=[File("notes.txt", b"hello")])
    url = message.attachments[0].url
    assert await scene.wire.bot.http.get_from_cdn(url) == b"hello"
    scene.clock.advance(DAY + 1)
    with pytest.raises(discord.NotFound):
        await scene.wire.bot.http.get_from_cdn(url)


async def test_history_comes_newest_first_in_pages_and_not_without_permission(
    scene: Scene,
) -> None:
    for number in range(5):
        scene.clock.advance(1000)
        await scene.ana.says(scene.channel, f"@bot {number}")
    path = f"GET {scene.here}/messages"
    newest = await scene.wire(path, params={"limit": 2})
    assert [each["content"][-1] for each in newest] == ["4", "3"]
    older = await scene.wire(path, params={"limit": 2, "before": newest[-1]["id"]})
    assert [each["content"][-1] for each in older] == ["2", "1"]
    later = await scene.wire(path, params={"limit": 2, "after": older[-1]["id"]})
    assert [each["content"][-1] for each in later] == ["3", "2"]
    with pytest.raises(discord.HTTPException, match="limit"):
        await scene.wire(path, params={"limit": 101})
    scene.channel.deny(scene.guild.everyone, Permission.READ_MESSAGE_HISTORY)
    assert await scene.wire(path) == []


async def test_history_hides_what_others_wrote_from_an_app_without_the_intent(
    scene: Scene,
) -> None:
    await scene.ana.says(scene.channel, "a secret", files=[File("a.txt", b"a")])
    await scene.ana.says(scene.channel, "@bot look")
    await scene.post("I look")
    found = await scene.wire(f"GET {scene.here}/messages")
    assert [bool(each["content"]) for each in found] == [True, True, False]
    assert found[-1]["attachments"] == []


async def test_direct_messages_opened_unasked_are_counted(scene: Scene) -> None:
    bo = scene.server.person("bo")
    await scene.ana.says(scene.ana.dm, "hello")
    for person in (scene.ana, bo):
        await scene.wire("POST /users/@me/channels", {"recipient_id": str(person.id)})
    assert scene.server.books.opened_dms == ["ana", "bo"]
    assert scene.server.books.unasked_dms == ["bo"]
    for nobody in ("7", str(scene.server.bot.id)):
        body = {"recipient_id": nobody}
        assert (await scene.wire.refused("POST /users/@me/channels", body))[:2] == (400, 50033)
    assert (await scene.wire.refused("GET /users/7"))[:2] == (404, 10013)
    bo.closes_dms()
    refusal = await scene.wire.refused(f"POST /channels/{bo.dm.id}/messages", {"content": "x"})
    assert refusal[:2] == (403, 50007)


async def test_threads_begin_on_a_message_once_or_without_one(scene: Scene) -> None:
    asked = await scene.ana.says(scene.channel, "a long story")
    path = f"POST {scene.here}/messages/{asked.id}/threads"
    for name in ("", "x" * 101):
        assert (await scene.wire.refused(path, {"name": name}))[:2] == (400, 50035)
    made = await scene.wire(path, {"name": "story", "auto_archive_duration": 60})
    assert made["id"] == str(asked.id)
    assert asked.thread is scene.channel.thread
    assert (await scene.wire.refused(path, {"name": "again"}))[:2] == (400, 160004)
    secret = await scene.wire(f"POST {scene.here}/threads", {"name": "secret", "type": 12})
    thread = scene.server.world.channels[int(secret["id"])]
    assert scene.ana.sees(thread) == []
    await scene.wire(f"PUT /channels/{thread.id}/thread-members/{scene.ana.id}")
    await scene.wire(f"POST /channels/{thread.id}/messages", {"content": "psst"})
    assert scene.ana.reads(thread) == ["psst"]


@pytest.mark.parametrize(
    ("missing", "kind"),
    [(Permission.CREATE_PUBLIC_THREADS, 11), (Permission.CREATE_PRIVATE_THREADS, 12)],
)
async def test_threads_need_their_permission(scene: Scene, missing: Permission, kind: int) -> None:
    scene.channel.deny(scene.guild.everyone, missing)
    refusal = await scene.wire.refused(f"POST {scene.here}/threads", {"name": "x", "type": kind})
    assert refusal[:2] == (403, 50013)


async def test_sending_in_a_thread_has_a_permission_of_its_own(scene: Scene) -> None:
    thread = await scene.ana.starts_thread(scene.channel, "story")
    path = f"POST /channels/{thread.id}/messages"
    scene.channel.deny(scene.guild.everyone, Permission.SEND_MESSAGES)
    await scene.wire(path, {"content": "x"})
    scene.channel.deny(scene.guild.everyone, Permission.SEND_MESSAGES_IN_THREADS)
    assert (await scene.wire.refused(path, {"content": "x"}))[:2] == (403, 50013)


async def test_in_an_archived_thread_nothing_is_edited_and_a_new_message_opens_it(
    scene: Scene,
) -> None:
    thread = await scene.ana.starts_thread(scene.channel, "story")
    path = f"/channels/{thread.id}/messages"
    made = await scene.wire(f"POST {path}", {"content": "x"})
    thread.archived = True
    change = {"content": "y"}
    assert (await scene.wire.refused(f"PATCH {path}/{made['id']}", change))[:2] == (400, 50083)
    await scene.wire(f"POST {path}", {"content": "z"})
    assert not thread.archived
    thread.locked = True
    assert (await scene.wire.refused(f"POST {path}", change))[:2] == (400, 160005)


async def test_threads_are_changed_by_whom_they_belong_to(scene: Scene) -> None:
    refused, here = scene.wire.refused, scene.here
    theirs = await scene.ana.starts_thread(scene.channel, "theirs")
    made = await scene.wire(f"POST {here}/threads", {"name": "mine", "type": 11})
    mine = f"/channels/{made['id']}"
    assert (await refused(f"PATCH {here}", {"name": "x"}))[:2] == (400, 50024)
    assert (await refused(f"DELETE {here}"))[:2] == (400, 50024)
    assert (await refused(f"PATCH /channels/{theirs.id}", {"name": "x"}))[:2] == (403, 50013)
    assert (await refused(f"DELETE {mine}"))[:2] == (403, 50013)
    for body in ({"auto_archive_duration": 61}, {"name": "x" * 101}):
        assert (await refused(f"PATCH {mine}", body))[:2] == (400, 50035)
    await scene.wire(f"PATCH {mine}", {"archived": True})
    assert (await refused(f"PATCH {mine}", {"name": "x"}))[:2] == (400, 50083)
    for who in ("@me", str(scene.ana.id)):
        assert (await refused(f"PUT {mine}/thread-members/{who}"))[:2] == (400, 50083)
    assert (await refused(f"PUT /channels/{theirs.id}/thread-members/7"))[:2] == (404, 10013)
    stranger = scene.server.person("cy")
    path = f"PUT /channels/{theirs.id}/thread-members/{stranger.id}"
    assert (await refused(path))[:2] == (404, 10007)


@pytest.mark.parametrize(
    "body", [{"type": 10}, {"auto_archive_duration": 61}, {"rate_limit_per_user": 21601}]
)
async def test_a_thread_begins_with_what_there_is(scene: Scene, body: dict[str, Any]) -> None:
    body = {"name": "x", "type": 11} | body
    assert (await scene.wire.refused(f"POST {scene.here}/threads", body))[:2] == (400, 50035)


async def test_no_thread_begins_in_a_thread_or_changes_what_the_system_says(scene: Scene) -> None:
    thread = await scene.ana.starts_thread(scene.channel, "story")
    said = await scene.ana.says(thread, "hello")
    inside = f"/channels/{thread.id}"
    body = {"name": "x", "type": 11}
    refused = scene.wire.refused
    assert (await refused(f"POST {inside}/threads", body))[:2] == (400, 50024)
    assert (await refused(f"POST {inside}/messages/{said.id}/threads", body))[:2] == (400, 50024)
    await scene.wire(f"POST {scene.here}/threads", body)
    told = scene.channel.messages[-1]
    path = f"PATCH {scene.here}/messages/{told.id}"
    assert (await refused(path, {"content": "x"}))[:2] == (403, 50021)


async def test_many_messages_are_deleted_at_once_if_they_are_young(scene: Scene) -> None:
    path = f"POST {scene.here}/messages/bulk-delete"
    said = [await scene.ana.says(scene.channel, str(number)) for number in range(3)]
    ids = [str(message.id) for message in said]
    refused = scene.wire.refused
    assert (await refused(path, {"messages": ids}))[:2] == (403, 50013)
    scene.channel.allow(scene.guild.bot, Permission.MANAGE_MESSAGES)
    assert (await refused(path, {"messages": ids[:1]}))[:2] == (400, 50016)
    await scene.wire(path, {"messages": ids[:2]})
    assert scene.ana.reads(scene.channel) == ["2"]
    scene.clock.advance(14 * DAY + 1)
    late = await scene.ana.says(scene.channel, "late")
    assert (await refused(path, {"messages": [ids[2], str(late.id)]}))[:2] == (400, 50034)


async def test_a_new_reaction_needs_a_permission_and_one_that_is_there_does_not(
    scene: Scene,
) -> None:
    asked = await scene.ana.says(scene.channel, "hello")
    await scene.ana.reacts(asked, "👍")
    scene.channel.deny(scene.guild.everyone, Permission.ADD_REACTIONS)
    path = f"PUT {scene.here}/messages/{asked.id}/reactions"
    await scene.wire(f"{path}/👍/@me")
    assert (await scene.wire.refused(f"{path}/👀/@me"))[:2] == (403, 50013)


async def test_who_is_no_guest_finds_nothing(scene: Scene) -> None:
    foreign = scene.server.guild("Elsewhere", bot=False).channel("general")
    body = {"content": "x"}
    refused = scene.wire.refused
    assert (await refused(f"POST /channels/{foreign.id}/messages", body))[:2] == (403, 50001)
    assert (await refused("POST /channels/7/messages", body))[:2] == (404, 10003)
    assert (await refused(f"GET /guilds/{scene.guild.id}/members"))[:2] == (403, 50001)
    scene.guild.kicks_bot()
    assert (await refused(f"POST {scene.here}/messages", body))[:2] == (403, 50001)
    assert (await refused(f"GET /guilds/{scene.guild.id}"))[:2] == (403, 50001)


async def test_a_wrong_token_is_refused_and_counted() -> None:
    async with Discord() as server:
        bot = Bot()
        with server.known_to_discord_py(), pytest.raises(discord.LoginFailure):
            await bot.login("another token")
        await bot.close()
    assert server.books.invalid == 1


async def test_reactions_and_typing_are_seen(scene: Scene) -> None:
    asked = await scene.ana.says(scene.channel, "hello")
    path = f"{scene.here}/messages/{asked.id}/reactions/👀/@me"
    await scene.wire(f"PUT {path}")
    assert asked.reactions == {"👀": {scene.server.bot.id}}
    await scene.wire(f"DELETE {path}")
    assert asked.reactions == {}
    await scene.wire(f"POST {scene.here}/typing")
    assert scene.server.books.typing == ["general"]


async def test_a_channel_tells_its_story() -> None:
    async with Discord(clock=FakeClock(), limited=False) as server:
        ana = server.guild("Homework").member("ana")
        channel = ana.guild.channel("general")
        async with running(server, bot := Bot()):
            bot.on_hearing = lambda message: message.reply("hi ana")
            await ana.says(channel, "@bot hello")
            await (await channel.answer()).says("hi ana")
    assert channel.transcript.splitlines() == [
        "#general",
        "  ana",
        f"     0.000  {server.bot.mention} hello",
        "  quotabot",
        "     0.000  hi ana",
    ]
