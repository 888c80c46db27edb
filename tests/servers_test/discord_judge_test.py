"""The same small bot on this double and on simcord, which others wrote, and what they say.

Where they differ, the difference is written down with the document that speaks for ours; a new
version of simcord that changes its mind is seen here. simcord patches time and the webhook adapter
of discord.py while it runs, and leaves the latter in its context: each run has a task of its own,
whose context ends with it. Commands are not compared: simcord takes any.
"""

import asyncio
import io
from collections.abc import Awaitable, Callable
from typing import Any

import discord
import pytest
import simcord
from discord.http import Route

from tests.servers.discord import Discord, Permission
from tests.servers_test.discord_components_test import REFUSED, REFUSED_V2, TAKEN, TAKEN_V2, V2
from tests.servers_test.discord_kit import Bot, running

Attempt = Callable[[Any], Awaitable[Any]]

# Each attempt with what both servers say to it.
AGREED: list[tuple[Attempt, Any]] = []
# ... with what this double says, what simcord says, and why ours is right.
DIFFERENT: list[tuple[Attempt, Any, Any, str]] = []


def both(outcome: Any) -> Callable[[Attempt], Attempt]:
    def add(attempt: Attempt) -> Attempt:
        AGREED.append((attempt, outcome))
        return attempt

    return add


def differ(ours: Any, theirs: Any, why: str) -> Callable[[Attempt], Attempt]:
    def add(attempt: Attempt) -> Attempt:
        DIFFERENT.append((attempt, ours, theirs, why))
        return attempt

    return add


class Panel(discord.ui.LayoutView):
    """A message of components only."""

    def __init__(self, text: str = "a panel") -> None:
        super().__init__()
        self.add_item(discord.ui.TextDisplay(text))


# -- in answer to a message --------------------------------------------------------------------


@both((400, 50035))
async def on_message_too_long(m: discord.Message) -> None:
    await m.channel.send("x" * 2001)


@both((403, 50005))
async def on_message_edit_of_anothers(m: discord.Message) -> None:
    await m.edit(content="x")


@both((404, 10008))
async def on_message_edit_of_none(m: discord.Message) -> None:
    assert isinstance(m.channel, discord.TextChannel)
    await m.channel.get_partial_message(5).edit(content="x")


@both((404, 10008))
async def on_message_fetch_of_none(m: discord.Message) -> None:
    await m.channel.fetch_message(5)


@both((400, 50035))
async def on_message_components_beside_content(m: discord.Message) -> None:
    await m.channel.send("x", view=Panel())  # type: ignore[call-overload]  # what is tried


@both((400, 50035))
async def on_message_content_into_components(m: discord.Message) -> None:
    await (await m.channel.send(view=Panel())).edit(content="x")


@both((True, "", "another"))
async def on_message_change_of_components(m: discord.Message) -> Any:
    changed = await (await m.channel.send(view=Panel())).edit(view=Panel("another"))
    shown = changed.components[0]
    assert isinstance(shown, discord.TextDisplay)
    return changed.flags.components_v2, changed.content, shown.content


@both((400, 50035))
async def on_message_components_over_content(m: discord.Message) -> None:
    await (await m.channel.send("x")).edit(view=Panel())


@both((True, ""))
async def on_message_components_instead_of_content(m: discord.Message) -> Any:
    sent = await m.channel.send("x")
    changed = await sent.edit(content=None, view=Panel())
    return changed.flags.components_v2, changed.content


@both((1, True))
async def on_message_pings_by_default(m: discord.Message) -> Any:
    sent = await m.channel.send(f"@everyone {m.author.mention}")
    return len(sent.mentions), sent.mention_everyone


@both((0, 1))
async def on_message_replies_with_and_without_ping(m: discord.Message) -> Any:
    quiet, loud = await m.reply("x", mention_author=False), await m.reply("y", mention_author=True)
    return len(quiet.mentions), len(loud.mentions)


@both(("a.txt", 2, b"hi"))
async def on_message_file(m: discord.Message) -> Any:
    sent = await m.channel.send("x", file=discord.File(io.BytesIO(b"hi"), "a.txt"))
    found = sent.attachments[0]
    return found.filename, found.size, await found.read()


@both(["a"])
async def on_message_history(m: discord.Message) -> Any:
    await m.channel.send("a")
    return [each.content async for each in m.channel.history(limit=1)]


@both((400, 50035))
async def on_message_same_custom_id_twice(m: discord.Message) -> None:
    view = discord.ui.View()
    for label in ("a", "b"):
        view.add_item(discord.ui.Button(label=label, custom_id="same"))
    await m.channel.send("x", view=view)


@both("private")
async def on_message_direct(m: discord.Message) -> Any:
    return str((await m.author.send("x")).channel.type)


@both("z")
async def on_message_archived_thread_opens(m: discord.Message) -> Any:
    thread = await m.create_thread(name="x")
    await thread.edit(archived=True)
    return (await thread.send("z")).content


@both(True)
async def on_message_silent(m: discord.Message) -> Any:
    return (await m.channel.send("x", silent=True)).flags.suppress_notifications


@differ((400, 50006), (400, 50035), "error codes: 50006 is 'Cannot send an empty message'")
async def on_message_empty(m: discord.Message) -> None:
    await m.channel.send("")


@differ((400, 50006), None, "error codes, as above; an edit may not empty a message")
async def on_message_edited_to_nothing(m: discord.Message) -> None:
    await (await m.channel.send("x")).edit(content="")


@differ((400, 50035), None, "message_reference: fail_if_not_exists defaults to true")
async def on_message_reply_to_what_is_gone(m: discord.Message) -> None:
    gone = await m.channel.send("x")
    await gone.delete()
    await gone.reply("y")


@differ("default", "reply", "message_reference: 'sending as a normal (non-reply) message'")
async def on_message_soft_reply_to_what_is_gone(m: discord.Message) -> Any:
    gone = await m.channel.send("x")
    await gone.delete()
    reference = gone.to_reference(fail_if_not_exists=False)
    return (await m.channel.send("y", reference=reference)).type.name


@differ(True, False, "create message: enforce_nonce gives back the message that is there")
async def on_message_nonce(m: discord.Message) -> Any:
    first, again = await m.channel.send("x", nonce="n"), await m.channel.send("x", nonce="n")
    return first.id == again.id


@differ((400, 160004), None, "error codes: 'A thread has already been created'")
async def on_message_second_thread(m: discord.Message) -> None:
    await m.create_thread(name="x")
    await m.create_thread(name="y")


@differ((400, 50035), None, "start thread: a name of 1-100 characters")
async def on_message_thread_of_long_name(m: discord.Message) -> None:
    await m.create_thread(name="x" * 101)


@differ(0, 1, "edit message: allowed_mentions controls the arrays of mentions")
async def on_message_ping_withheld(m: discord.Message) -> Any:
    none = discord.AllowedMentions.none()
    return len((await m.channel.send(m.author.mention, allowed_mentions=none)).mentions)


@differ((400, 50083), None, "error codes: 'on an archived thread, such as editing a message'")
async def on_message_edit_in_archived_thread(m: discord.Message) -> None:
    thread = await m.create_thread(name="x")
    sent = await thread.send("y")
    await thread.edit(archived=True)
    await sent.edit(content="z")


# -- in answer to a command --------------------------------------------------------------------

Use = discord.Interaction[Any]


@both((400, 40060))
async def on_use_second_answer(i: Use) -> None:
    await i.response.send_message("x")
    await discord.InteractionResponse(i).send_message("y")


@both((400, 40060))
async def on_use_form_after_deferring(i: Use) -> None:
    await i.response.defer()
    await discord.InteractionResponse(i).send_modal(discord.ui.Modal(title="x"))


@both((True, False, False))
async def on_use_privacy_is_decided_when_deferring(i: Use) -> Any:
    await i.response.defer(ephemeral=True)
    first = await i.followup.send("x", ephemeral=False, wait=True)
    second = await i.followup.send("y", wait=True)
    return first.flags.ephemeral, second.flags.ephemeral, first.flags.loading


@both((404, 10008))
async def on_use_edit_of_a_deleted_answer(i: Use) -> None:
    await i.response.send_message("x")
    await i.delete_original_response()
    await i.edit_original_response(content="y")


@both((404, 10008))
async def on_use_secret_is_in_no_channel(i: Use) -> None:
    await i.response.send_message("x", ephemeral=True)
    secret = await i.original_response()
    assert isinstance(i.channel, discord.TextChannel)
    await i.channel.get_partial_message(secret.id).edit(content="y")


@both((400, 50035))
async def on_use_too_long(i: Use) -> None:
    await i.response.send_message("x" * 2001)


@both((True, True))
async def on_use_components_after_deferring(i: Use) -> Any:
    await i.response.defer(ephemeral=True)
    sent = await i.followup.send(view=Panel(), wait=True)
    return sent.flags.components_v2, sent.flags.ephemeral


@both(("chat_input_command", "application_command", True))
async def on_use_of_whom_it_came(i: Use) -> Any:
    await i.response.send_message("x")
    sent = await i.original_response()
    assert sent.interaction_metadata is not None
    about = sent.interaction_metadata
    return sent.type.name, about.type.name, about.user == i.user


@both((True, False, True, "InteractionMessage"))
async def on_use_what_an_answer_tells(i: Use) -> Any:
    told = await i.response.send_message("x", ephemeral=True)
    known = told.message_id is not None
    return told.is_ephemeral(), told.is_thinking(), known, type(told.resource).__name__


@both((True, True, True, "NoneType"))
async def on_use_what_a_deferral_tells(i: Use) -> Any:
    told = await i.response.defer(ephemeral=True, thinking=True)
    assert told is not None
    known = told.message_id is not None
    return told.is_ephemeral(), told.is_thinking(), known, type(told.resource).__name__


@differ((404, 10015), None, "a webhook opens with the first answer; 10015 is 'Unknown webhook'")
async def on_use_follow_up_before_an_answer(i: Use) -> None:
    await i.followup.send("x")


@differ((404, 10015), (404, 10008), "as above")
async def on_use_edit_before_an_answer(i: Use) -> None:
    await i.edit_original_response(content="x")


@differ((1, False), (1, True), "allowed mentions: in interactions only users are parsed")
async def on_use_pings(i: Use) -> Any:
    await i.response.send_message(f"@everyone {i.user.mention}")
    sent = await i.original_response()
    return len(sent.mentions), sent.mention_everyone


@differ(True, False, "interaction: authorizing_integration_owners has the guild")
async def on_use_through_the_guild(i: Use) -> Any:
    return i.is_guild_integration()


# -- the two courts ----------------------------------------------------------------------------


async def tried(attempt: Attempt, what: Any) -> Any:
    try:
        return await attempt(what)
    except discord.HTTPException as error:
        return error.status, error.code


def bot_that(attempt: Attempt, outcome: list[Any]) -> tuple[Bot, bool]:
    """A bot that makes this attempt once; and whether it does so on a command."""
    bot = Bot(shard_count=1)
    on_use = attempt.__name__.startswith("on_use")
    if on_use:

        @bot.tree.command(name="try", description="Try it")
        async def attempt_it(interaction: Use) -> None:
            outcome.append(await tried(attempt, interaction))
    else:

        async def hear(message: discord.Message) -> None:
            if not outcome and not message.author.bot:
                outcome.append(await tried(attempt, message))

        bot.on_hearing = hear
    return bot, on_use


async def by_ours(attempt: Attempt) -> Any:
    outcome: list[Any] = []
    bot, on_use = bot_that(attempt, outcome)
    async with Discord(limited=False) as server, running(server, bot):
        guild = server.guild("Homework", permissions=Permission.MANAGE_THREADS)
        ana, channel = guild.member("ana"), guild.channel("general")
        await bot.tree.sync()
        if on_use:
            ana.sends_slash(channel, "try")
        else:
            await ana.says(channel, "@bot try it")
        await bot.until(lambda: outcome)
    return outcome[0]


async def by_simcord(attempt: Attempt) -> Any:
    outcome: list[Any] = []
    bot, on_use = bot_that(attempt, outcome)
    async with simcord.run(bot, check_errors=False) as env:
        guild = env.create_guild()
        channel = guild.create_text_channel("general")
        ana = guild.add_member(env.create_user("ana"))
        await bot.tree.sync()
        if on_use:
            await ana.slash(channel, "try")
        else:
            assert bot.user is not None
            await ana.send(channel, f"{bot.user.mention} try it")
        await env.settle()
    return outcome[0]


def named(each: object) -> str:
    return getattr(each, "__name__", "")


@pytest.mark.parametrize(("attempt", "outcome"), AGREED, ids=named)
async def test_both_say_the_same(attempt: Attempt, outcome: Any) -> None:
    assert await asyncio.create_task(by_ours(attempt)) == outcome
    assert await asyncio.create_task(by_simcord(attempt)) == outcome


@pytest.mark.parametrize(
    ("attempt", "ours", "theirs", "why"),
    DIFFERENT,
    ids=named,
)
async def test_where_they_differ_a_document_speaks_for_ours(
    attempt: Attempt, ours: Any, theirs: Any, why: str
) -> None:
    assert await asyncio.create_task(by_ours(attempt)) == ours, why
    assert await asyncio.create_task(by_simcord(attempt)) == theirs, why


# What simcord lets pass among the components that this double refuses.
LAXER = {
    "A label or emoji is required",
    "max_values: int value should be less than or equal to 2.",
    "components.0.components",
    "Only attachment://",
}


async def test_both_take_and_refuse_the_same_components() -> None:
    async def judge() -> tuple[list[Any], set[str]]:
        bot = Bot(shard_count=1)
        refused, passed = [], set()
        async with simcord.run(bot, check_errors=False) as env:
            channel = env.create_guild().create_text_channel("general")

            async def outcome(components: Any, *, v2: bool) -> Any:
                body = {"flags": V2} if v2 else {"content": "x"}
                route = Route("POST", "/channels/{channel_id}/messages", channel_id=channel.id)

                async def send(_: Any) -> Any:
                    return await bot.http.request(route, json=body | {"components": components})

                said = await tried(send, None)
                return said if isinstance(said, tuple) else None

            for v2, table in ((False, TAKEN), (True, TAKEN_V2)):
                refused += [each for each in table if await outcome(each, v2=v2) is not None]
            for v2, wrong in ((False, REFUSED), (True, REFUSED_V2)):
                for components, words in wrong:
                    if await outcome(components, v2=v2) != (400, 50035):
                        passed.add(words)
        return refused, passed

    assert await asyncio.create_task(judge()) == ([], LAXER)
