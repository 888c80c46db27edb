"""What people do with their clients: talk, use commands, press buttons, fill in forms.

A client offers only what Discord lets its person do; what it would not offer raises NotOffered.
`by_force()` is a person with a client that offers everything, for tests of the app's own checks.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from tests.servers.discord import commands, forms, interacting, mentions, permissions, posting
from tests.servers.discord.errors import Json
from tests.servers.discord.models import (
    ON_AUTOCOMPLETE,
    ON_COMMAND,
    ON_COMPONENT,
    ON_MODAL,
    PRIVATE_THREAD,
    PUBLIC_THREAD,
    REPLY,
    Channel,
    File,
    Interaction,
    Message,
    Modal,
    walk,
)
from tests.servers.discord.payloads import message_json
from tests.servers.discord.permissions import Permission
from tests.servers.discord.world import (
    DIRECT_REACTIONS,
    DIRECT_TYPING,
    GUILD_REACTIONS,
    GUILD_TYPING,
    World,
)

if TYPE_CHECKING:
    from tests.servers.discord.people import Member, Person

LINK = re.compile(r"(?<![<\w])([@#])([\w-]+)")


class NotOfferedError(AssertionError):
    """No client offers this to this person; act `by_force()` to do it nevertheless."""


class Acting:
    """The verbs of a person, be it as a member of a guild or in direct messages."""

    world: World
    person: Person
    forced = False

    def by_force(self) -> Self:
        """The same person with a client that checks nothing."""
        twin = copy.copy(self)
        twin.forced = True
        return twin

    def offered(self, offered: object, why: str) -> None:
        """Stop a test that does what no client offers, unless it does so by force."""
        if not offered and not self.forced:
            message = f"{self.person.name}: {why}\n{self.world.transcript}"
            raise NotOfferedError(message)

    # -- talking ---------------------------------------------------------------------------

    @property
    def dm(self) -> Channel:
        """The direct messages between this person and the bot."""
        return self.world.direct(self.person)

    async def says(
        self,
        channel: Channel,
        text: str,
        *,
        reply_to: Message | None = None,
        ping: bool = True,
        files: Sequence[File] = (),
    ) -> Message:
        """Post a message; "@bot", "@name", "@Role" and "#channel" become mentions."""
        sends = Permission.SEND_MESSAGES
        sends = Permission.SEND_MESSAGES_IN_THREADS if channel.is_thread else sends
        self.offered(permissions.may_see(self.person, channel), f"cannot see #{channel.name}")
        self.offered(permissions.may(self.person, sends, channel), "may not send here")
        world = self.world
        message = Message(
            world.new_id(),
            channel,
            self.person,
            world.now,
            type=REPLY if reply_to else 0,
            content=self.linked(channel, text),
            reference=reply_to,
            attachments=[world.attach(channel, file) for file in files],
        )
        self._find_mentions(message, ping=ping)
        if channel.archived:
            channel.archived = False
            world.channel_changed(channel)
        if channel.is_thread:
            channel.inside.add(self.person.id)
        world.note(f"#{channel.name} {self.person.name}: {posting.shown(message)}")
        posting.add(world, message)
        return message

    async def edits(self, message: Message, text: str) -> Message:
        """Change a message of one's own."""
        self.offered(message.author is self.person, "this message is not theirs")
        message.content = self.linked(message.channel, text)
        self._find_mentions(message, ping=True)
        message.edited_at = self.world.now
        self.world.note(f"#{message.channel.name} {self.person.name} edits: {message.content}")
        posting.changed(self.world, message)
        return message

    async def deletes(self, message: Message) -> None:
        """Take away a message of one's own, or as a moderator."""
        mine = message.author is self.person
        moderates = permissions.may(self.person, Permission.MANAGE_MESSAGES, message.channel)
        self.offered(mine or moderates, "this message is not theirs")
        posting.delete(self.world, message)

    async def reacts(self, message: Message, emoji: str) -> None:
        """Add a reaction."""
        message.reactions.setdefault(emoji, set()).add(self.person.id)
        self._tell_reaction("MESSAGE_REACTION_ADD", message, emoji)

    async def unreacts(self, message: Message, emoji: str) -> None:
        """Take a reaction back."""
        message.reactions.get(emoji, set()).discard(self.person.id)
        self._tell_reaction("MESSAGE_REACTION_REMOVE", message, emoji)

    async def is_typing(self, channel: Channel) -> None:
        """Show that one is typing."""
        data: Json = {"channel_id": str(channel.id), "user_id": str(self.person.id)}
        data["timestamp"] = self.world.now // 1000
        if channel.guild:
            data["guild_id"] = str(channel.guild.id)
        self.world.emit_in(channel, "TYPING_START", data, (GUILD_TYPING, DIRECT_TYPING))

    async def starts_thread(
        self, where: Channel | Message, name: str, *, private: bool = False
    ) -> Channel:
        """Open a thread on a message, or in a channel."""
        kind = PRIVATE_THREAD if private else PUBLIC_THREAD
        source = where if isinstance(where, Message) else None
        parent = where.channel if isinstance(where, Message) else where
        return posting.start_thread(self.world, parent, name, kind, self.person, source)

    async def archives(self, thread: Channel, *, locked: bool = False) -> None:
        """Close a thread; a locked one is opened again only by moderators."""
        moderates = permissions.may(self.person, Permission.MANAGE_THREADS, thread)
        self.offered(moderates or (thread.owner is self.person and not locked), "may not close it")
        thread.archived, thread.locked = True, locked
        self.world.channel_changed(thread)

    def sees(self, channel: Channel) -> list[Message]:
        """What this person finds in this channel, their own secrets included."""
        return self.world.sees(self.person, channel)

    def reads(self, channel: Channel) -> list[str]:
        """The texts of what this person sees."""
        return [message.text for message in self.sees(channel)]

    def linked(self, channel: Channel, text: str) -> str:
        """Turn names into mentions, as a client does when one picks them from its list."""
        guild = channel.guild
        names: dict[str, str] = {"@bot": self.world.bot.mention}
        names[f"@{self.world.bot.name}"] = self.world.bot.mention
        if guild is not None:
            names |= {f"@{role.name}": role.mention for role in guild.roles.values()}
            names |= {f"@{each.name}": each.person.mention for each in guild.members.values()}
            names |= {f"#{each.name}": each.mention for each in guild.channels}
            names.pop("@everyone", None)
        return LINK.sub(lambda found: names.get(found[0], found[0]), text)

    def _find_mentions(self, message: Message, *, ping: bool) -> None:
        allowed = mentions.IN_MESSAGES | {"replied_user": ping}
        found = mentions.read(
            message.content, message.channel, self.person, allowed, message.reference
        )
        message.mentions, message.mention_roles = found.people, found.roles
        message.mention_everyone, message.pinged = found.everyone, found.pinged

    def _tell_reaction(self, name: str, message: Message, emoji: str) -> None:
        data: Json = {
            "user_id": str(self.person.id),
            "channel_id": str(message.channel.id),
            "message_id": str(message.id),
            "message_author_id": str(message.author.id),
            "emoji": {"id": None, "name": emoji},
            "burst": False,
            "type": 0,
        }
        if message.channel.guild:
            data["guild_id"] = str(message.channel.guild.id)
        self.world.emit_in(message.channel, name, data, (GUILD_REACTIONS, DIRECT_REACTIONS))

    # -- commands --------------------------------------------------------------------------

    async def slash(self, channel: Channel, name: str, /, **options: Any) -> Interaction:
        """Use a command ("quota-admin limit set" for a sub-command); wait until it is answered."""
        return await self.sends_slash(channel, name, **options).answered()

    def sends_slash(self, channel: Channel, name: str, /, **options: Any) -> Interaction:
        """Use a command, and do not wait."""
        command, leaf, path = self._command(channel, name)
        chosen, found = forms.option_values(self, leaf, options)
        data = self._command_data(command, path, chosen)
        resolved = interacting.resolved(self.world, channel, found)
        if resolved:
            data["resolved"] = resolved
        return self._begin(ON_COMMAND, channel, data, command)

    async def types(
        self,
        channel: Channel,
        name: str,
        /,
        *,
        option: str,
        text: str,
        given: Mapping[str, Any] | None = None,
    ) -> list[Json]:
        """Type into an option; give the suggestions that the bot makes."""
        command, leaf, path = self._command(channel, name)
        focused = {each["name"]: each for each in leaf.get("options", ())}.get(option, {})
        self.offered(focused.get("autocomplete"), f"{option!r} suggests nothing")
        chosen, found = forms.option_values(self, leaf, given or {}, partial=True)
        kind = focused.get("type", commands.STRING)
        chosen.append({"name": option, "type": kind, "value": text, "focused": True})
        data = self._command_data(command, path, chosen)
        resolved = interacting.resolved(self.world, channel, found)
        if resolved:
            data["resolved"] = resolved
        interaction = await self._begin(ON_AUTOCOMPLETE, channel, data, command).answered()
        assert interaction.choices is not None
        return interaction.choices

    async def uses(
        self, name: str, target: Message | Member, channel: Channel | None = None
    ) -> Interaction:
        """Use a command of the menu of a message or of a person; wait until it is answered."""
        on_message = isinstance(target, Message)
        kind = commands.ON_MESSAGE if on_message else commands.ON_USER
        place = target.channel if isinstance(target, Message) else channel
        assert place is not None, "say in which channel the menu of a person is opened"
        command = self._find(place, name, kind)
        if isinstance(target, Message):
            self.offered(target in self.sees(place), "they do not see this message")
            found: dict[str, list[Any]] = {"messages": [(str(target.id), message_json(target))]}
            target_id = target.id
        else:
            found = {"users": [target.person]}
            target_id = target.person.id
        data: Json = {
            "id": command["id"],
            "name": name,
            "type": kind,
            "target_id": str(target_id),
            "resolved": interacting.resolved(self.world, place, found),
        }
        return await self._begin(ON_COMMAND, place, data, command).answered()

    def commands(self, channel: Channel) -> list[str]:
        """The names of the commands that this person is offered here."""
        owner = channel.guild.id if channel.guild else 0
        known = [*self.world.commands.get(owner, ()), *self.world.commands.get(None, ())]
        return [
            each["name"]
            for each in known
            if not commands.why_not(self.world, each, channel, self.person)
        ]

    def _command(self, channel: Channel, name: str) -> tuple[Json, Json, list[str]]:
        top, *path = name.removeprefix("/").split()
        command = self._find(channel, top, commands.CHAT_INPUT)
        leaf = commands.leaf(command, path)
        assert leaf is not None, f"/{name} is nothing that can be sent; see {command}"
        return command, leaf, path

    def _find(self, channel: Channel, name: str, kind: int) -> Json:
        command = commands.find(self.world, channel.guild, name, kind)
        assert command is not None, f"the app has no command {name!r}\n{self.world.transcript}"
        why = commands.why_not(self.world, command, channel, self.person)
        self.offered(not why, f"is not offered /{name}: {why}")
        return command

    def _command_data(self, command: Json, path: Sequence[str], chosen: list[Json]) -> Json:
        options = chosen
        for depth, name in reversed([*enumerate(path)]):
            is_leaf = depth == len(path) - 1
            kind = commands.SUBCOMMAND if is_leaf else commands.GROUP
            options = [{"name": name, "type": kind, "options": options}]
        data: Json = {"id": command["id"], "name": command["name"], "type": command["type"]}
        if options:
            data["options"] = options
        if "guild_id" in command:
            data["guild_id"] = command["guild_id"]
        return data

    def _begin(self, kind: int, channel: Channel, data: Json, command: Json) -> Interaction:
        owners = commands.owners(self.world, command, channel, self.person)
        return interacting.begin(self.world, kind, self.person, channel, data, owners)

    # -- components ------------------------------------------------------------------------

    async def clicks(
        self, message: Message, label: str | None = None, *, custom_id: str | None = None
    ) -> Interaction:
        """Press a button, named by its label or custom id; wait until it is answered."""
        return await self.presses(message, label, custom_id=custom_id).answered()

    def presses(
        self, message: Message, label: str | None = None, *, custom_id: str | None = None
    ) -> Interaction:
        """Press a button, and do not wait."""
        fits = [
            each
            for each in walk(message.components)
            if each.get("type") == 2
            and label in {None, each.get("label")}
            and custom_id in {None, each.get("custom_id")}
        ]
        assert fits, f"no button {label or custom_id!r} among {message.buttons}"
        data = {"custom_id": fits[0].get("custom_id"), "component_type": 2, "id": fits[0]["id"]}
        return self._on_component(message, fits[0], data)

    async def picks(
        self, message: Message, values: Sequence[Any], *, custom_id: str | None = None
    ) -> Interaction:
        """Choose from a menu: labels of options, or people, roles and channels themselves."""
        fits = [
            each
            for each in walk(message.components)
            if each.get("type") in {3, 5, 6, 7, 8} and custom_id in {None, each.get("custom_id")}
        ]
        assert fits, f"no menu {custom_id!r} in {message.components}"
        chosen, found = forms.menu_values(self, fits[0], values)
        data: Json = {"custom_id": fits[0]["custom_id"], "component_type": fits[0]["type"]}
        data |= {"id": fits[0]["id"], "values": chosen}
        resolved = interacting.resolved(self.world, message.channel, found)
        if resolved:
            data["resolved"] = resolved
        return await self._on_component(message, fits[0], data).answered()

    def _on_component(self, message: Message, component: Json, data: Json) -> Interaction:
        self.offered(message in self.sees(message.channel), "they do not see this message")
        self.offered(not component.get("disabled"), f"{data['custom_id']} is disabled")
        self.offered(component.get("style") not in {5, 6}, "this button only opens a page")
        owners = commands.owners(self.world, None, message.channel, self.person)
        if message.interaction is not None:
            # A message that came of a person's own app stays theirs, whoever clicks.
            owners = message.interaction.owners
        return interacting.begin(
            self.world, ON_COMPONENT, self.person, message.channel, data, owners, message=message
        )

    async def fills(self, modal: Modal | None, answers: Mapping[str, Any]) -> Interaction:
        """Fill in a form by the labels of its inputs, and send it; wait until it is answered."""
        assert modal is not None, f"the bot has opened no form\n{self.world.transcript}"
        before = modal.interaction
        self.offered(before.person is self.person, "another person has this form")
        components, found = forms.modal_values(self, modal, answers)
        data: Json = {"custom_id": modal.payload["custom_id"], "components": components}
        resolved = interacting.resolved(self.world, before.channel, found)
        if resolved:
            data["resolved"] = resolved
        return await interacting.begin(
            self.world,
            ON_MODAL,
            self.person,
            before.channel,
            data,
            before.owners,
            message=before.message,
            parent=before,
        ).answered()
