"""Routes of the app itself, of people and of guilds (resources/application, user, guild)."""

from tests.servers.discord.errors import ApiError
from tests.servers.discord.payloads import (
    channel_json,
    guild_json,
    member_json,
    role_json,
    user_json,
)
from tests.servers.discord.routing import Answer, Asked, Route
from tests.servers.discord.world import GUILD_MEMBERS, PRIVILEGED, number

# Application flags that say which privileged intents an app of few guilds may use.
LIMITED_FLAGS = {"presences": 1 << 13, "members": 1 << 15, "message_content": 1 << 19}


async def me(asked: Asked) -> Answer:
    return user_json(asked.world.bot) | {"verified": True, "mfa_enabled": False, "flags": 0}


async def application(asked: Asked) -> Answer:
    world = asked.world
    on = [name for name, bit in PRIVILEGED.items() if world.allowed_intents & bit]
    return {
        "id": str(world.bot.id),
        "name": world.bot.name,
        "icon": None,
        "description": "",
        "summary": "",
        "bot_public": True,
        "bot_require_code_grant": False,
        "verify_key": "",
        "flags": sum(LIMITED_FLAGS[name] for name in on),
        "owner": user_json(world.bot),
        "team": None,
        "approximate_guild_count": len(world.guilds),
        "interactions_endpoint_url": asked.server.interactions_endpoint,
    }


async def gateway_bot(asked: Asked) -> Answer:
    gateway = asked.server.gateway_server
    limit = {
        "total": 1000,
        "remaining": 1000 - gateway.identified,
        "reset_after": 86_400_000,
        "max_concurrency": gateway.max_concurrency,
    }
    return {"url": gateway.url, "shards": gateway.shards, "session_start_limit": limit}


async def user(asked: Asked) -> Answer:
    found = asked.world.people.get(number(asked.ids["user"]))
    if found is None:
        raise ApiError(10013)
    return user_json(found)


async def open_dm(asked: Asked) -> Answer:
    found = asked.world.people.get(number(asked.body.get("recipient_id")))
    if found is None or found.is_bot:
        raise ApiError(50033)
    world, direct = asked.world, asked.world.direct(found)
    world.books.opened_dms.append(found.name)
    if all(message.author is world.bot for message in direct.messages):
        world.books.unasked_dms.append(found.name)
    return channel_json(direct)


async def my_guilds(asked: Asked) -> Answer:
    world = asked.world
    mine = [each for each in world.guilds.values() if world.bot.id in each.members]
    return [{"id": str(each.id), "name": each.name, "features": []} for each in mine]


async def leave_guild(asked: Asked) -> Answer:
    asked.world.guild(asked.ids["guild"]).kicks_bot()
    return None


async def guild(asked: Asked) -> Answer:
    found = asked.world.guild(asked.ids["guild"])
    whole = guild_json(found, asked.world.bot)
    for key in ("channels", "threads", "members", "voice_states", "presences"):
        del whole[key]
    return whole


async def guild_roles(asked: Asked) -> Answer:
    return [role_json(each) for each in asked.world.guild(asked.ids["guild"]).roles.values()]


async def guild_channels(asked: Asked) -> Answer:
    return [channel_json(each) for each in asked.world.guild(asked.ids["guild"]).channels]


async def guild_member(asked: Asked) -> Answer:
    found = asked.world.guild(asked.ids["guild"]).members.get(number(asked.ids["user"]))
    if found is None:
        raise ApiError(10007)
    return member_json(found)


async def guild_members(asked: Asked) -> Answer:
    found = asked.world.guild(asked.ids["guild"])
    if not asked.world.allowed_intents & GUILD_MEMBERS:
        raise ApiError(50001)
    after, limit = number(asked.query.get("after", 0)), number(asked.query.get("limit", 1))
    members = sorted(found.members.values(), key=lambda each: each.id)
    return [member_json(each) for each in members if each.id > after][:limit]


ROUTES = [
    Route("GET /users/@me", me),
    Route("GET /oauth2/applications/@me", application),
    Route("GET /applications/@me", application),
    Route("GET /gateway/bot", gateway_bot),
    Route("POST /users/@me/channels", open_dm),
    Route("GET /users/@me/guilds", my_guilds),
    Route("DELETE /users/@me/guilds/{guild}", leave_guild),
    Route("GET /users/{user}", user),
    Route("GET /guilds/{guild}", guild),
    Route("GET /guilds/{guild}/roles", guild_roles),
    Route("GET /guilds/{guild}/channels", guild_channels),
    Route("GET /guilds/{guild}/members", guild_members),
    Route("GET /guilds/{guild}/members/{user}", guild_member),
]
