"""The slash commands, as discord.py registers and calls them, from the table in surface.py."""

import hashlib
import inspect
import json
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, Protocol

import discord
from discord import app_commands

from adapters.discord.entries import Entry, Menu, Option, OptionKind, quoted, said
from adapters.discord.surface import ENTRIES, GROUPS, MENUS

_log = logging.getLogger(__name__)

CHOICES_MAX = 25
CHOICE_CHARS_MAX = 100
# No cached channel or member is needed for these: they stand in the event itself.
_TYPES: Mapping[OptionKind, Any] = {
    "text": str,
    "number": int,
    "flag": bool,
    "member": discord.User | discord.Member,
    "target": discord.User | discord.Member | discord.Role,
    "channel": app_commands.AppCommandChannel | app_commands.AppCommandThread,
    "file": discord.Attachment,
}
_EVERYWHERE = app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=True)
_IN_GUILDS = app_commands.AppCommandContext(guild=True, dm_channel=False, private_channel=False)
_BY_ANYBODY = app_commands.AppInstallationType(guild=True, user=True)
_BY_GUILDS = app_commands.AppInstallationType(guild=True, user=False)
_DEFAULTS: Mapping[str, discord.Permissions] = {
    "quota-admin": discord.Permissions(manage_guild=True),
    "quota-staff": discord.Permissions(moderate_members=True),
}


class Desk(Protocol):
    """Who carries the commands out: see chats.py and presses.py."""

    async def entered(
        self, interaction: discord.Interaction[Any], entry: Entry, given: Mapping[str, Any]
    ) -> None:
        """A slash command with its options as Discord resolved them."""

    async def chosen(
        self,
        interaction: discord.Interaction[Any],
        menu: Menu,
        target: discord.Message | discord.User | discord.Member,
    ) -> None:
        """A command of a menu."""

    async def completions(
        self, interaction: discord.Interaction[Any], completes: str, typed: str
    ) -> Iterable[tuple[str, str]]:
        """What may be meant (label, value), within a second."""


def plant(tree: app_commands.CommandTree[Any], desk: Desk) -> None:
    """Put every command of the table into the tree."""
    groups: dict[str, app_commands.Group] = {}
    for entry in ENTRIES:
        *parents, name = entry.path.split()
        command = _command(entry, name, desk)
        if not parents:
            tree.add_command(command)
            continue
        _group(tree, groups, parents).add_command(command)
    for menu in MENUS:
        tree.add_command(_menu(menu, desk))


def _scope(root: str) -> dict[str, Any]:
    """Where a command may be used, and by whom unless the admins of a server say otherwise."""
    if root in _DEFAULTS:
        scope = {"allowed_contexts": _IN_GUILDS, "allowed_installs": _BY_GUILDS}
        return scope | {"default_permissions": _DEFAULTS[root]}
    return {"allowed_contexts": _EVERYWHERE, "allowed_installs": _BY_ANYBODY}


def _group(
    tree: app_commands.CommandTree[Any], groups: dict[str, app_commands.Group], path: list[str]
) -> app_commands.Group:
    key = " ".join(path)
    if key not in groups:
        about = app_commands.locale_str(GROUPS[key])
        name = app_commands.locale_str(path[-1])
        if len(path) == 1:
            groups[key] = app_commands.Group(name=name, description=about, **_scope(path[0]))
            tree.add_command(groups[key])
        else:
            groups[key] = app_commands.Group(name=name, description=about)
            _group(tree, groups, path[:-1]).add_command(groups[key])
    return groups[key]


def _command(entry: Entry, name: str, desk: Desk) -> app_commands.Command[Any, ..., None]:
    """A command whose parameters are the options of the table."""

    async def run(interaction: discord.Interaction[Any], **given: Any) -> None:
        await desk.entered(interaction, entry, {k[:-1]: value for k, value in given.items()})

    callback: Any = run
    first = inspect.Parameter("interaction", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    # discord.py reads the options of a command from the signature of what it calls.
    callback.__signature__ = inspect.Signature([first, *map(_parameter, entry.options)])
    options = entry.options
    # `from` is no name in Python, so all have something behind them there.
    abouts = {f"{o.name}_": app_commands.locale_str(o.about) for o in options}
    app_commands.describe(**abouts)(callback)
    names = {f"{o.name}_": app_commands.locale_str(o.name) for o in options}
    app_commands.rename(**names)(callback)
    choices = {
        f"{o.name}_": [
            app_commands.Choice(name=app_commands.locale_str(c), value=c) for c in o.choices
        ]
        for o in options
        if o.choices
    }
    app_commands.choices(**choices)(callback)
    completing = {f"{o.name}_": _completing(o.completes, desk) for o in options if o.completes}
    app_commands.autocomplete(**completing)(callback)
    root = entry.path.split()[0]
    command: app_commands.Command[Any, ..., None] = app_commands.Command(
        name=app_commands.locale_str(name),
        description=app_commands.locale_str(entry.about),
        callback=callback,
    )
    if root == entry.path:
        for key, value in _scope(root).items():
            setattr(command, key, value)
    return command


def _parameter(option: Option) -> inspect.Parameter:
    kind = _TYPES[option.kind]
    if option.kind in {"text", "number"} and not option.choices:
        kind = app_commands.Range[kind, option.least, option.most]
    default = inspect.Parameter.empty if option.required else None
    place = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(f"{option.name}_", place, default=default, annotation=kind)


def _completing(
    completes: str, desk: Desk
) -> Callable[[Any, str], Coroutine[Any, Any, list[app_commands.Choice[str]]]]:
    async def complete(
        interaction: discord.Interaction[Any], current: str
    ) -> list[app_commands.Choice[str]]:
        found = await desk.completions(interaction, completes, current)
        return [
            app_commands.Choice(name=label[:CHOICE_CHARS_MAX], value=value)
            for label, value in list(found)[:CHOICES_MAX]
            if len(value) <= CHOICE_CHARS_MAX
        ]

    return complete


def _menu(menu: Menu, desk: Desk) -> app_commands.ContextMenu:
    async def on_message(interaction: discord.Interaction[Any], target: discord.Message) -> None:
        await desk.chosen(interaction, menu, target)

    async def on_member(
        interaction: discord.Interaction[Any], target: discord.User | discord.Member
    ) -> None:
        await desk.chosen(interaction, menu, target)

    command = app_commands.ContextMenu(
        name=app_commands.locale_str(menu.name),
        callback=on_message if menu.on == "message" else on_member,
    )
    for key, value in _scope("quota-staff" if menu.staff else "").items():
        setattr(command, key, value)
    return command


# What was given, as pieces of a line.


def pieces(entry: Entry, given: Mapping[str, Any], called: Callable[[Any], str]) -> dict[str, str]:
    """The options as the grammar writes them; `called` says what limits call a role or channel."""
    # Limits go by the name that people know, settings by the id that stays.
    name_of = _id if entry.path == "quota-admin channel set" else called
    found = {name: _piece(value, name_of) for name, value in given.items() if value is not None}
    if entry.path == "quota-admin member reset":
        found.setdefault("member", "all")
    if entry.path == "quota-admin usage report":
        start, end = found.get("from", ""), found.get("to", "")
        found["range"] = f"{start}..{end}" if start and end else start
    return found


def _id(thing: Any) -> str:
    return str(thing.id)


def _piece(value: object, called: Callable[[Any], str]) -> str:
    match value:
        case bool():
            return "on" if value else ""
        case discord.Role():
            return f"@role:{quoted(called(value)) or value.id}"
        case discord.User() | discord.Member():
            return f"@member:{value.id}"
        case app_commands.AppCommandChannel() | app_commands.AppCommandThread():
            return f"#{said(called(value)).replace(' ', '-')}"
        case _:
            return said(str(value))


# Telling Discord about the commands.


async def sync_if_changed(
    tree: app_commands.CommandTree[Any],
    known: str,
    guild: discord.abc.Snowflake | None,
) -> str:
    """Send the commands unless Discord knows them already; the hash of what it knows now."""
    translator = tree.translator
    payload = [
        await command.get_translated_payload(tree, translator)
        if translator is not None
        else command.to_dict(tree)
        for command in tree.get_commands(guild=guild)
    ]
    text = json.dumps(payload, sort_keys=True, ensure_ascii=False)
    digest = hashlib.sha256(text.encode()).hexdigest()[:32]
    if digest != known:
        await tree.sync(guild=guild)
        _log.info("discord: %d commands were sent", len(payload))
    return digest
