"""Routes of commands, interactions and their webhooks (interactions/*)."""

from tests.servers.discord import commands, interacting, posting
from tests.servers.discord.errors import ApiError, Form, Json
from tests.servers.discord.payloads import message_json
from tests.servers.discord.routing import Answer, Asked, Route
from tests.servers.discord.world import number


def _owner(asked: Asked) -> int | None:
    """The guild whose commands are meant, or None for the global ones."""
    if asked.ids["app"] != str(asked.world.bot.id):
        raise ApiError(20012)
    if "guild" not in asked.ids:
        return None
    return asked.world.guild(asked.ids["guild"]).id


async def list_commands(asked: Asked) -> Answer:
    return asked.world.commands.get(_owner(asked), [])


async def put_commands(asked: Asked) -> Answer:
    """Overwrite all commands; one of a known name and type keeps its id."""
    owner = _owner(asked)
    form = Form()
    commands.check_all(asked.body, form)
    form.enforce()
    world = asked.world
    known = {(each["type"], each["name"]): each for each in world.commands.get(owner, ())}
    made: list[Json] = []
    for command in asked.body:
        was = known.get((command.get("type", 1), command["name"]))
        made_id = number(was["id"]) if was else world.new_id()
        made.append(commands.stored(command, made_id, world.bot.id, owner, world.new_id()))
    world.commands[owner] = made
    world.books.commands_put.append("global" if owner is None else str(owner))
    world.note(f"commands: {', '.join(each['name'] for each in made)}")
    return made


async def get_command(asked: Asked) -> Answer:
    return _command(asked)


async def delete_command(asked: Asked) -> Answer:
    found = _command(asked)
    asked.world.commands[_owner(asked)].remove(found)
    return None


async def command_permissions(asked: Asked) -> Answer:
    """The overrides of one command in one guild."""
    guild = asked.world.guild(asked.ids["guild"])
    overrides = asked.world.overrides.get((guild.id, number(asked.ids["command"])))
    if overrides is None:
        raise ApiError(10066, status=404, message="Unknown application command permissions")
    return {
        "id": asked.ids["command"],
        "application_id": str(asked.world.bot.id),
        "guild_id": str(guild.id),
        "permissions": [
            {"id": str(target), "type": 1 if target in guild.roles else 2, "permission": allowed}
            for target, allowed in overrides.items()
        ],
    }


def _command(asked: Asked) -> Json:
    for command in asked.world.commands.get(_owner(asked), ()):
        if command["id"] == asked.ids["command"]:
            return command
    raise ApiError(10063)


# -- interactions ------------------------------------------------------------------------------


async def respond(asked: Asked) -> Answer:
    answer = interacting.respond(
        asked.world, asked.ids["interaction"], asked.ids["token"], asked.draft
    )
    return answer if asked.query.get("with_response") in {"1", "true"} else None


async def follow_up(asked: Asked) -> Answer:
    interaction = interacting.by_token(asked.world, asked.ids["app"], asked.ids["token"])
    message = interacting.follow_up(asked.world, interaction, asked.draft)
    return message_json(message)


async def get_answer(asked: Asked) -> Answer:
    interaction = interacting.by_token(asked.world, asked.ids["app"], asked.ids["token"])
    return message_json(interacting.message_of(asked.world, interaction, asked.ids["message"]))


async def edit_answer(asked: Asked) -> Answer:
    interaction = interacting.by_token(asked.world, asked.ids["app"], asked.ids["token"])
    message = interacting.message_of(asked.world, interaction, asked.ids["message"])
    return message_json(interacting.change(asked.world, message, asked.draft))


async def delete_answer(asked: Asked) -> Answer:
    interaction = interacting.by_token(asked.world, asked.ids["app"], asked.ids["token"])
    posting.delete(
        asked.world, interacting.message_of(asked.world, interaction, asked.ids["message"])
    )
    return None


GLOBAL = "/applications/{app}/commands"
GUILD = "/applications/{app}/guilds/{guild}/commands"
HOOK = "/webhooks/{app}/{token}"
ROUTES = [
    *(
        route
        for path in (GLOBAL, GUILD)
        for route in (
            Route(f"GET {path}", list_commands),
            Route(f"PUT {path}", put_commands),
            Route(f"GET {path}/{{command}}", get_command),
            Route(f"DELETE {path}/{{command}}", delete_command),
        )
    ),
    Route(f"GET {GUILD}/{{command}}/permissions", command_permissions),
    Route("POST /interactions/{interaction}/{token}/callback", respond, by_token=True),
    Route(f"POST {HOOK}", follow_up, by_token=True),
    Route(f"GET {HOOK}/messages/{{message}}", get_answer, by_token=True),
    Route(f"PATCH {HOOK}/messages/{{message}}", edit_answer, by_token=True),
    Route(f"DELETE {HOOK}/messages/{{message}}", delete_answer, by_token=True),
]
