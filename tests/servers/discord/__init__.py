"""A Discord on loopback, spoken to by the real discord.py.

    async with Discord() as discord, running(discord, bot):
        guild = discord.guild("Homework")               # the bot is in it
        ana = guild.member("ana", roles=["Supporter"])
        channel = guild.channel("general")
        asked = await ana.says(channel, "@bot hello")
        answer = await channel.answer(after=asked)      # the bot's first message
        await answer.says("hello ana")                  # waits for an edit
        used = await ana.slash(channel, "quota", view="rules")
        panel = await used.reply()
        pressed = await ana.clicks(panel, "Ask for more")
        await ana.fills(pressed.modal, {"How much": "5k"})
        assert ana.reads(channel) == [...]              # with her own ephemeral messages
        assert not answer.pinged and not discord.books.too_many

A client is pointed here by `discord.api_base` and `discord.gateway`, in a test of discord.py alone
by `discord.known_to_discord_py()`; nothing in it is patched. `discord.transcript` and
`channel.transcript` tell what happened; every wait that fails prints the former. A bot that calls
what the double does not know gets a 404, and the test fails at the end.

The clock is handed in: the 3 seconds for an answer, the 15 minutes of a token, the age of messages,
links and nonces go by it. Buckets, heartbeats and the pace of identifying go by real time, and are
set to be short where a test needs them: `rates`, `over_all`, `limited`, `heartbeat_s`,
`gateway_server.identify_every_s`.

What is checked, after the documents at docs.discord.com/developers as of August 2026:

=======================  =====================================================================
events/gateway           HELLO, IDENTIFY, READY, RESUME with replay, opcodes 7 and 9, heartbeats,
                         sharding, intents (4014, and who reads which words), 120 sent a minute
topics/opcodes           close codes 4001 to 4014, error codes
topics/rate-limits       buckets for each channel, 50 a second over all (interactions outside),
                         10,000 invalid requests
topics/permissions       roles and overwrites, implicit denials, threads, external apps
reference                form errors, uploads, nonces, links signed for a day
resources/message        2,000 characters (code points), embeds, allowed mentions, replies, edits,
                         flags, files; what an edit keeps, and that it notifies nobody
resources/channel        threads: 50083, 160004, 160005, who is inside, what the system says
resources/user           direct messages, and which of them the bot began
components/reference     rows, buttons, menus, V2, forms; 40 in a message, ids and custom ids unique
interactions/*           answers that fit, in time, once; ephemeral; follow-ups; commands validated
                         whole; contexts, installations, default permissions and overrides
=======================  =====================================================================

Seen in practice and in no document: the HTTP status of each code, the inner codes of forms, 4,000
characters over all text displays, 5 requests in 5 seconds, the window of 30046 (here 3 edits in
5 seconds), that the first follow-up after a deferral takes its place, that an unanswered
interaction's webhook is unknown (10015) and an old one's token invalid (50027).

Stricter than what is written: a container needs a component, a button a label or an emoji, and a
menu may not ask for more options than it has. Not played: voice, polls, stickers, forums, webhooks
of channels, audit logs, presences of others, slow mode; group messages; expiry of sessions.
"""

from tests.servers.discord.acting import NotOfferedError
from tests.servers.discord.buckets import Rate
from tests.servers.discord.models import Channel, File, Interaction, Message, Modal, Role
from tests.servers.discord.people import Guild, Member, Person
from tests.servers.discord.permissions import Permission
from tests.servers.discord.server import TOKEN, Discord

__all__ = [
    "TOKEN",
    "Channel",
    "Discord",
    "File",
    "Guild",
    "Interaction",
    "Member",
    "Message",
    "Modal",
    "NotOfferedError",
    "Permission",
    "Person",
    "Rate",
    "Role",
]
