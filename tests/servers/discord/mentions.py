"""Who is mentioned by a text, and who of them is notified (resources/message, allowed mentions)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.servers.discord import permissions
from tests.servers.discord.errors import Form, Json
from tests.servers.discord.models import Channel, Message, Pinged, Role
from tests.servers.discord.world import number

if TYPE_CHECKING:
    from tests.servers.discord.people import Person

USER, ROLE = re.compile(r"<@!?(\d+)>"), re.compile(r"<@&(\d+)>")
EVERYONE = re.compile(r"@(everyone|here)\b")
# What no mention is read in: code, inline or fenced.
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)

IN_MESSAGES: Json = {"parse": ["users", "roles", "everyone"]}
IN_WEBHOOKS: Json = {"parse": ["users"]}


@dataclass(frozen=True)
class Mentions:
    """What stands in the message's arrays, and who hears a ping."""

    people: list[Person]
    roles: list[Role]
    everyone: bool
    pinged: Pinged


def check_allowed(allowed: Json | None, form: Form) -> None:
    """Refuse lists that contradict each other or are too long."""
    if allowed is None:
        return
    at = ("allowed_mentions",)
    parse = form.array(allowed, "parse", at, 0, 3)
    for index, kind in enumerate(parse):
        if kind not in {"users", "roles", "everyone"}:
            message = "Value must be one of ('users', 'roles', 'everyone')."
            form.wrong((*at, "parse", index), "BASE_TYPE_CHOICES", message)
    for kind in ("users", "roles"):
        if form.array(allowed, kind, at, 0, 100) and kind in parse:
            message = f"parse:[{kind!r}] and {kind}: [ids...] are mutually exclusive."
            form.wrong(at, "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", message)


def read(
    text: str, channel: Channel, author: Person, allowed: Json, reply_to: Message | None = None
) -> Mentions:
    """Find whom this text mentions, and ping those whom the author may and wants to ping."""
    text = CODE.sub("", text)
    parse = allowed.get("parse") or ()
    may_all = permissions.may(author, permissions.Permission.MENTION_EVERYONE, channel)
    may_all = may_all and channel.guild is not None
    people = [each for each in found_people(text, channel) if _named(each, "users", allowed)]
    if (
        reply_to
        and allowed.get("replied_user")
        and reply_to.author is not author
        and reply_to.author not in people
    ):
        people.append(reply_to.author)
    roles: list[Role] = []
    for found in ROLE.findall(text):
        role = channel.guild.roles.get(number(found)) if channel.guild else None
        if role and role not in roles and _named(role, "roles", allowed):
            roles.append(role)
    everyone = bool(EVERYONE.search(text)) and "everyone" in parse and may_all
    pinged = Pinged(
        frozenset(each.name for each in people if each is not author),
        frozenset(each.name for each in roles if each.mentionable or may_all),
        everyone,
    )
    return Mentions(people, roles, everyone, pinged)


def found_people(text: str, channel: Channel) -> list[Person]:
    """The people mentioned in this text, each once."""
    world = channel.world
    found: list[Person] = []
    for user_id in USER.findall(text):
        person = world.people.get(number(user_id))
        if person and person not in found:
            found.append(person)
    return found


def _named(target: Person | Role, kind: str, allowed: Json) -> bool:
    named: Iterable[object] = allowed.get(kind) or ()
    return kind in (allowed.get("parse") or ()) or str(target.id) in {str(each) for each in named}
