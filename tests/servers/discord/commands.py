"""What commands an app may have, and who is offered them (interactions/application-commands)."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tests.servers.discord import permissions
from tests.servers.discord.errors import Form, Json, Path
from tests.servers.discord.models import Channel
from tests.servers.discord.world import number

if TYPE_CHECKING:
    from tests.servers.discord.people import Guild, Person
    from tests.servers.discord.world import World

CHAT_INPUT, ON_USER, ON_MESSAGE = 1, 2, 3
SUBCOMMAND, GROUP, STRING, INTEGER, BOOLEAN, USER = 1, 2, 3, 4, 5, 6
CHANNEL, ROLE, MENTIONABLE, NUMBER, ATTACHMENT = 7, 8, 9, 10, 11
OPTION_TYPES = tuple(range(1, 12))

# How many of each type an app may have, in each guild and over all.
MOST = {CHAT_INPUT: 100, ON_USER: 15, ON_MESSAGE: 15}
SIZE_MAX = 8000

LOCALES = frozenset(
    [
        "id",
        "da",
        "de",
        "en-GB",
        "en-US",
        "es-ES",
        "es-419",
        "fr",
        "hr",
        "it",
        "lt",
        "hu",
        "nl",
        "no",
        "pl",
        "pt-BR",
        "ro",
        "fi",
        "sv-SE",
        "vi",
        "tr",
        "cs",
        "el",
        "bg",
        "ru",
        "uk",
        "hi",
        "th",
        "zh-CN",
        "ja",
        "zh-TW",
        "ko",
    ]
)


def check_all(commands: Any, form: Form) -> None:
    """Check a whole list as the bulk overwrite does: all or nothing."""
    if not isinstance(commands, list):
        form.wrong((), "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
        return
    names: set[tuple[int, str]] = set()
    for index, command in enumerate(commands):
        check(command, (index,), form)
        name = (command.get("type", CHAT_INPUT), str(command.get("name")))
        if name in names:
            message = "Application command names must be unique"
            form.wrong((index,), "APPLICATION_COMMANDS_DUPLICATE_NAME", message)
        names.add(name)
    for kind, most in MOST.items():
        if sum(1 for each, _ in names if each == kind) > most:
            message = f"Maximum number of application commands of type {kind} reached ({most})"
            form.wrong((), "APPLICATION_COMMAND_MAX_COUNT", message)


def check(command: Json, at: Path, form: Form) -> None:
    """Check one command with everything in it."""
    form.choice(command, "type", at, tuple(MOST), must=False)
    kind = command.get("type", CHAT_INPUT)
    if kind == CHAT_INPUT:
        _name(command, at, form)
        form.text(command, "description", at, 1, 100, must=True)
        _options(form.array(command, "options", at, 0, 25), (*at, "options"), form, depth=0)
    elif kind in MOST:
        form.text(command, "name", at, 1, 32, must=True)
        if command.get("description"):
            message = "Context menu commands cannot have description"
            form.wrong(at, "APPLICATION_COMMAND_CONTEXT_MENU_DESCRIPTION_NOT_ALLOWED", message)
        if command.get("options"):
            message = "Context menu commands cannot have options"
            form.wrong(at, "APPLICATION_COMMAND_CONTEXT_MENU_OPTIONS_NOT_ALLOWED", message)
    _localizations(command, at, form)
    for key, values in (("contexts", (0, 1, 2)), ("integration_types", (0, 1))):
        for index, value in enumerate(form.array(command, key, at, 0, 3)):
            if value not in values:
                message = f"Value must be one of {values}."
                form.wrong((*at, key, index), "BASE_TYPE_CHOICES", message)
    needed = command.get("default_member_permissions")
    if needed is not None and not str(needed).isdigit():
        form.wrong((*at, "default_member_permissions"), "BITFIELD_TYPE", "Not a set of permissions")
    if size(command) > SIZE_MAX:
        message = f"Command exceeds maximum size ({SIZE_MAX})"
        form.wrong(at, "APPLICATION_COMMAND_TOO_LARGE", message)


def size(node: Json) -> int:
    """The characters of names, descriptions and values; of localizations only the longest."""
    total = 0
    for key in ("name", "description"):
        texts = [str(node.get(key) or ""), *(node.get(f"{key}_localizations") or {}).values()]
        total += max(map(len, texts))
    if "value" in node:
        total += len(str(node["value"]))
    inner = [*(node.get("options") or ()), *(node.get("choices") or ())]
    return total + sum(size(each) for each in inner)


def _name(node: Json, at: Path, form: Form) -> None:
    form.text(node, "name", at, 1, 32, must=True)
    name = node.get("name")
    if isinstance(name, str) and name and not is_name(name):
        what = f"Command name is invalid: {name!r}"
        form.wrong((*at, "name"), "APPLICATION_COMMAND_INVALID_NAME", what)


def is_name(name: str) -> bool:
    r"""Whether this matches ^[-_'\p{L}\p{N}\p{sc=Deva}\p{sc=Thai}]{1,32}$ and is in lower case."""

    def fits(char: str) -> bool:
        kind = unicodedata.category(char)[0]
        return char in "-_'" or kind in "LN" or "ऀ" <= char <= "ॿ" or "฀" <= char <= "๿"

    return 1 <= len(name) <= 32 and all(map(fits, name)) and name == name.lower()


def _localizations(node: Json, at: Path, form: Form) -> None:
    for key, most in (("name_localizations", 32), ("description_localizations", 100)):
        for locale, text in (node.get(key) or {}).items():
            if locale not in LOCALES:
                message = f"Value must be one of {sorted(LOCALES)}."
                form.wrong((*at, key, locale), "BASE_TYPE_CHOICES", message)
            chat_input = node.get("type", CHAT_INPUT) == CHAT_INPUT or "options" in node
            if not 1 <= len(text) <= most or (most == 32 and chat_input and not is_name(text)):
                message = f"Localization is invalid: {text!r}"
                form.wrong((*at, key, locale), "APPLICATION_COMMAND_INVALID_NAME", message)


def _options(options: Sequence[Any], at: Path, form: Form, *, depth: int) -> None:
    names: set[str] = set()
    optional_seen = False
    kinds = {option.get("type") for option in options}
    if kinds & {SUBCOMMAND, GROUP} and kinds - {SUBCOMMAND, GROUP}:
        message = "Sub-command and sub-command group option types are mutually exclusive to all"
        form.wrong(at, "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", message)
    for index, option in enumerate(options):
        here: Path = (*at, index)
        _name(option, here, form)
        form.text(option, "description", here, 1, 100, must=True)
        _localizations(option, here, form)
        form.choice(option, "type", here, OPTION_TYPES, must=True)
        if option.get("name") in names:
            message = "Option name already exists on this command"
            form.wrong((*here, "name"), "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS", message)
        names.add(str(option.get("name")))
        kind = option.get("type")
        if kind in {SUBCOMMAND, GROUP}:
            if (kind == GROUP and depth > 0) or depth > 1:
                message = "Sub-commands nest no deeper"
                form.wrong(here, "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", message)
            inner = form.array(option, "options", here, 1 if kind == GROUP else 0, 25)
            _options(inner, (*here, "options"), form, depth=depth + (1 if kind == GROUP else 2))
            continue
        if depth == 1:
            message = "A group holds sub-commands only"
            form.wrong(here, "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", message)
        if option.get("required") and optional_seen:
            message = "Required options must be placed before non-required options"
            form.wrong(here, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", message)
        optional_seen = optional_seen or not option.get("required")
        _value(option, here, form)


def _value(option: Json, at: Path, form: Form) -> None:
    kind = option.get("type")
    choices = form.array(option, "choices", at, 0, 25)
    if choices and kind not in {STRING, INTEGER, NUMBER}:
        message = "This option type has no choices"
        form.wrong((*at, "choices"), "APPLICATION_COMMAND_OPTIONS_CHOICES_INVALID", message)
    if choices and option.get("autocomplete"):
        message = "autocomplete may not be set to true if choices are present"
        form.wrong(at, "APPLICATION_COMMAND_AUTOCOMPLETE_WITH_CHOICES", message)
    check_choices(choices, (*at, "choices"), form, STRING if kind is None else kind)
    if kind == STRING:
        form.number(option, "min_length", at, 0, 6000, 0)
        form.number(option, "max_length", at, 1, 6000, 6000)
    for key in ("min_value", "max_value"):
        value = option.get(key)
        if value is not None and kind not in {INTEGER, NUMBER}:
            message = f"{key} is for numbers"
            form.wrong((*at, key), "APPLICATION_COMMAND_OPTIONS_VALUE_INVALID", message)
        elif kind == INTEGER and value is not None and abs(value) > 2**53:
            form.wrong((*at, key), "NUMBER_TYPE_MAX", "int value should be within 2^53.")


def check_choices(choices: Sequence[Any], at: Path, form: Form, kind: int) -> None:
    """Check choices, be they of a command or suggestions while somebody types."""
    names: set[str] = set()
    for index, choice in enumerate(choices):
        form.text(choice, "name", (*at, index), 1, 100, must=True)
        value = choice.get("value")
        if value is None:
            form.required((*at, index, "value"))
        elif kind == STRING:
            form.text(choice, "value", (*at, index), 1, 100, must=True)
        elif isinstance(value, str | bool):
            form.wrong((*at, index, "value"), "NUMBER_TYPE_COERCE", f"Value {value!r} is no number")
        if choice.get("name") in names:
            message = "Choice names must be unique"
            form.wrong((*at, index), "APPLICATION_COMMAND_OPTIONS_CHOICE_NAME_DUPLICATE", message)
        names.add(str(choice.get("name")))


def stored(command: Json, command_id: int, app_id: int, guild_id: int | None, version: int) -> Json:
    """A command as the API gives it back, with what was left out."""
    made: Json = {
        "id": str(command_id),
        "application_id": str(app_id),
        "version": str(version),
        "type": CHAT_INPUT,
        "description": "",
        "default_member_permissions": None,
        "dm_permission": True,
        "nsfw": False,
        "contexts": None,
        "integration_types": [0],
        "name_localizations": None,
        "description_localizations": None,
        **{key: value for key, value in command.items() if value is not None},
    }
    return made | {"guild_id": str(guild_id)} if guild_id else made


# -- who is offered what -----------------------------------------------------------------------


def find(world: World, guild: Guild | None, name: str, kind: int) -> Json | None:
    """The command of this name, of the guild before the global one."""
    for owner in (guild.id if guild else 0, None):
        for command in world.commands.get(owner, ()):
            if command["name"] == name and command["type"] == kind:
                return command
    return None


def owners(world: World, command: Json | None, channel: Channel, person: Person) -> dict[str, str]:
    """Through which installations this command (or component) is used here."""
    found: dict[str, str] = {}
    kinds = command["integration_types"] if command else [0, 1]
    guild = channel.guild
    if 0 in kinds and (guild is None or world.bot.id in guild.members):
        found["0"] = str(guild.id) if guild else "0"
    if 1 in kinds and person.id in world.installed_by:
        found["1"] = str(person.id)
    return found


def why_not(world: World, command: Json, channel: Channel, person: Person) -> str:
    """Why Discord would not offer this command here; empty where it would."""
    contexts = command.get("contexts")
    if contexts is not None and (0 if channel.guild else 1) not in contexts:
        return "it is not for this kind of channel"
    if channel.guild is None and command.get("guild_id"):
        return "it belongs to a guild"
    if not owners(world, command, channel, person):
        return "the app is not installed for this"
    if channel.guild is None:
        return ""
    here = permissions.in_channel(channel, person)
    if not here & permissions.Permission.USE_APPLICATION_COMMANDS:
        return "they may not use commands here"
    return _permitted(world, command, channel.guild, person, here)


def _permitted(world: World, command: Json, guild: Guild, person: Person, here: int) -> str:
    """Overrides of the person beat those of roles, these beat @everyone, then the default."""
    if here & permissions.Permission.ADMINISTRATOR:
        return ""
    overrides = world.overrides.get((guild.id, number(command["id"])), {})
    if person.id in overrides:
        return "" if overrides[person.id] else "an admin has taken it from them"
    roles = [overrides[r.id] for r in guild.members[person.id].roles if r.id in overrides]
    if roles:
        return "" if any(roles) else "an admin has taken it from their roles"
    if guild.id in overrides:
        return "" if overrides[guild.id] else "an admin has taken it from everyone"
    needed = command.get("default_member_permissions")
    if needed is None:
        return ""
    bits = number(needed)
    return "" if bits and here & bits == bits else "it needs default_member_permissions"


def leaf(command: Json, path: Sequence[str]) -> Json | None:
    """The command or sub-command at this path; None where there is none to send."""
    node: Json = command
    for name in path:
        found = [o for o in node.get("options") or () if o["name"] == name and o["type"] <= GROUP]
        if not found:
            return None
        node = found[0]
    kinds = {option["type"] for option in node.get("options") or ()}
    return None if kinds & {SUBCOMMAND, GROUP} else node
