"""Interactions and their answers (interactions/receiving-and-responding)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from tests.servers.discord import permissions
from tests.servers.discord.commands import STRING, check_choices
from tests.servers.discord.components import check_modal
from tests.servers.discord.errors import ApiError, Form, Json
from tests.servers.discord.models import (
    COMMAND,
    DEFERS,
    DEFERS_UPDATE,
    EPHEMERAL,
    LOADING,
    MENU,
    ON_AUTOCOMPLETE,
    ON_COMMAND,
    ON_COMPONENT,
    ON_MODAL,
    OPENS_MODAL,
    REPLIES,
    SUGGESTS,
    UPDATES,
    Channel,
    Interaction,
    Message,
    Modal,
)
from tests.servers.discord.payloads import (
    channel_json,
    member_json,
    message_json,
    user_json,
)
from tests.servers.discord.posting import Draft, add, create, edit

if TYPE_CHECKING:
    from tests.servers.discord.people import Person
    from tests.servers.discord.world import World

TOKEN_LIFE_MS = 15 * 60_000
FOLLOWUPS_MAX = 5  # where the app is installed for the person only

# Which answers each kind of interaction may have.
ANSWERS = {
    ON_COMMAND: {REPLIES, DEFERS, OPENS_MODAL},
    ON_COMPONENT: {REPLIES, DEFERS, DEFERS_UPDATE, UPDATES, OPENS_MODAL},
    ON_AUTOCOMPLETE: {SUGGESTS},
    ON_MODAL: {REPLIES, DEFERS, DEFERS_UPDATE, UPDATES},
}


def begin(
    world: World,
    kind: int,
    person: Person,
    channel: Channel,
    data: Json,
    owners: dict[str, str],
    *,
    message: Message | None = None,
    parent: Interaction | None = None,
) -> Interaction:
    """Send an interaction to the app; whether it is in the guild does not matter."""
    made_id = world.new_id()
    token = hashlib.sha256(f"token of {made_id}".encode()).hexdigest()
    member = channel.guild.members.get(person.id) if channel.guild else None
    made = Interaction(
        made_id,
        token,
        kind,
        person,
        channel,
        world.now,
        data,
        owners,
        member=member,
        message=message,
        parent=parent,
    )
    world.interactions[token] = made
    made.event = _event(world, made)
    world.note(f"#{channel.name} {person.name} → {_named(made)}")
    world.emit("INTERACTION_CREATE", made.event, guild=channel.guild)
    return made


def _named(interaction: Interaction) -> str:
    name = interaction.data.get("name") or interaction.data.get("custom_id")
    what = {2: "command", 3: "component", 4: "autocomplete", 5: "form"}[interaction.kind]
    return f"{what} {name}"


def _event(world: World, interaction: Interaction) -> Json:
    channel, guild, person = interaction.channel, interaction.channel.guild, interaction.person
    data: Json = {
        "id": str(interaction.id),
        "application_id": str(world.bot.id),
        "type": interaction.kind,
        "data": interaction.data,
        "channel": channel_json(channel, person=person),
        "channel_id": str(channel.id),
        "token": interaction.token,
        "version": 1,
        "app_permissions": str(permissions.in_channel(channel, world.bot)),
        "locale": person.locale,
        "entitlements": [],
        "entitlement_sku_ids": [],
        "authorizing_integration_owners": interaction.owners,
        "context": 0 if guild else 1,
        "attachment_size_limit": world.attachment_bytes_max,
    }
    if guild is not None:
        assert interaction.member is not None
        bits = str(permissions.in_channel(channel, person))
        data["guild_id"] = str(guild.id)
        data["guild"] = {"id": str(guild.id), "locale": guild.locale, "features": []}
        data["guild_locale"] = guild.locale
        data["member"] = member_json(interaction.member) | {"permissions": bits}
    else:
        data["user"] = user_json(person)
    if interaction.message is not None:
        data["message"] = message_json(interaction.message)
    return data


# -- the first answer --------------------------------------------------------------------------


def respond(world: World, interaction_id: str, token: str, draft: Draft) -> Json:
    """Take the first answer; one, within three seconds, and of a kind that fits."""
    interaction = world.interactions.get(token)
    if interaction is None or str(interaction.id) != interaction_id:
        raise ApiError(10062)
    if interaction.callback is not None:
        raise ApiError(40060)
    if interaction.has_failed:
        raise ApiError(10062)
    kind = draft.body.get("type")
    data = draft.body.get("data") or {}
    # A form opened by a command has no message that it could change.
    fits = ANSWERS[interaction.kind] - ({6, 7} if interaction.message is None else set())
    form = Form()
    form.choice({"type": kind}, "type", (), sorted(fits), must=True)
    form.enforce()
    assert isinstance(kind, int)
    _act(world, interaction, kind, Draft(data, draft.files))
    interaction.callback, interaction.answered_at = kind, world.now
    names = {4: "answers", 5: "defers", 6: "defers", 7: "changes", 8: "suggests", 9: "opens a form"}
    world.note(f"#{interaction.channel.name} bot {names[kind]} ({_named(interaction)})")
    return _answer_json(interaction, kind)


def _act(world: World, interaction: Interaction, kind: int, draft: Draft) -> None:
    data = draft.body
    secret = _is_secret(interaction, data)
    only_for = interaction.person if secret else None
    if kind == REPLIES:
        interaction.ephemeral = secret
        interaction.original = create(
            world, interaction.channel, _plain(draft), interaction=interaction, only_for=only_for
        )
    elif kind == DEFERS:
        interaction.ephemeral = secret
        chat = interaction.data.get("type", 1) == 1
        command = interaction.kind == ON_COMMAND
        loading = Message(
            world.new_id(),
            interaction.channel,
            world.bot,
            world.now,
            type=(COMMAND if chat else MENU) if command else 0,
            flags=LOADING | (EPHEMERAL if secret else 0),
            only_for=only_for,
            interaction=interaction,
        )
        add(world, loading)
        interaction.original = loading
    elif kind == DEFERS_UPDATE:
        interaction.original = interaction.message
    elif kind == UPDATES:
        assert interaction.message is not None
        interaction.original = edit(world, interaction.message, draft)
    elif kind == SUGGESTS:
        form = Form()
        choices = form.array(data, "choices", ("data",), 0, 25)
        check_choices(choices, ("data", "choices"), form, _focused_type(interaction.data))
        form.enforce()
        interaction.choices = list(choices)
    else:
        form = Form()
        check_modal(data, form)
        form.enforce()
        interaction.modal = Modal(interaction, data)


def _is_secret(interaction: Interaction, data: Json) -> bool:
    """Whether an answer is for one person: as the app says, or as the channel has it.

    Where a person may not use external apps, what their own app says is for them alone
    (topics/permissions, USE_EXTERNAL_APPS).
    """
    outside = interaction.is_user_install_only and not permissions.may(
        interaction.person, permissions.Permission.USE_EXTERNAL_APPS, interaction.channel
    )
    return outside or bool((data.get("flags") or 0) & EPHEMERAL)


def _plain(draft: Draft) -> Draft:
    """The draft without what only an interaction's flags say."""
    if "flags" not in draft.body:
        return draft
    return Draft(draft.body | {"flags": (draft.body["flags"] or 0) & ~EPHEMERAL}, draft.files)


def _focused_type(data: Json) -> int:
    for option in data.get("options", ()):
        if option.get("focused"):
            return int(option["type"])
        if "options" in option:
            return _focused_type(option)
    return STRING


def _answer_json(interaction: Interaction, kind: int) -> Json:
    about: Json = {"id": str(interaction.id), "type": interaction.kind}
    resource: Json = {"type": kind}
    if kind in {REPLIES, DEFERS, UPDATES} and interaction.original is not None:
        about["response_message_id"] = str(interaction.original.id)
        about["response_message_loading"] = interaction.original.is_loading
        about["response_message_ephemeral"] = interaction.original.is_ephemeral
        if kind != DEFERS:
            resource["message"] = message_json(interaction.original)
    return {"interaction": about, "resource": resource}


# -- what follows ------------------------------------------------------------------------------


def by_token(world: World, app_id: str, token: str) -> Interaction:
    """The interaction whose token opens this webhook, while it is good."""
    interaction = world.interactions.get(token)
    if interaction is None or app_id != str(world.bot.id) or interaction.callback is None:
        raise ApiError(10015)
    if world.now - interaction.at > TOKEN_LIFE_MS:
        raise ApiError(50027)
    return interaction


def message_of(world: World, interaction: Interaction, message_id: str) -> Message:
    """The original answer or a follow-up."""
    candidates = [interaction.original, *interaction.followups]
    for message in candidates[:1] if message_id == "@original" else candidates:
        named = message_id == "@original" or (message and str(message.id) == message_id)
        if message is not None and named and not message.deleted:
            return message
    raise ApiError(10008)


def follow_up(world: World, interaction: Interaction, draft: Draft) -> Message:
    """Post one more message; the first after a deferral takes the place of "thinking…"."""
    original = interaction.original
    secret = _is_secret(interaction, draft.body)
    if original is not None and original.is_loading and not original.deleted:
        return change(world, original, _plain(draft))
    if interaction.is_user_install_only and len(interaction.followups) >= FOLLOWUPS_MAX:
        raise ApiError(40094)
    message = create(
        world,
        interaction.channel,
        _plain(draft),
        interaction=interaction,
        only_for=interaction.person if secret else None,
    )
    interaction.followups.append(message)
    return message


def change(world: World, message: Message, draft: Draft) -> Message:
    """Change an answer; one that was loading appears by it."""
    loading = message.is_loading
    message.flags &= ~LOADING
    try:
        edited = edit(world, message, draft, fresh=loading)
    except ApiError:
        message.flags |= LOADING if loading else 0
        raise
    if loading:
        message.edited_at = None
    return edited


def resolved(world: World, channel: Channel, ids: dict[str, list[Any]]) -> Json:
    """The objects behind the ids that a person chose, as an interaction carries them."""
    guild = channel.guild
    data: Json = {}
    for person in ids.get("users", ()):
        data.setdefault("users", {})[str(person.id)] = user_json(person)
        member = guild.members.get(person.id) if guild else None
        if member is not None:
            bits = {"permissions": str(permissions.in_channel(channel, person))}
            partial = member_json(member, with_user=False) | bits
            data.setdefault("members", {})[str(person.id)] = partial
    for kind in ("roles", "channels", "attachments", "messages"):
        for each_id, each in ids.get(kind, ()):
            data.setdefault(kind, {})[each_id] = each
    return data
