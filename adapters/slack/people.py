"""Who somebody is in a workspace: their user groups, their rights, the names of things.

User groups are the roles of Slack. They are read whole, refreshed by events and every hour, so a
question needs no call to know them. A free plan has none, and then nobody holds a role.
"""

import asyncio
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from adapters.slack.failures import LOST, error_of
from adapters.slack.keep import Kept
from bot.names import Kind, Names
from quota.clock import Clock
from quota.errors import StoreUnavailableError
from quota.members import Member, Requester, Space

_log = logging.getLogger(__name__)

USERS_MS = 10 * 60_000
# Looked at anew every hour.
CHANNELS_MS = 2 * 60 * 60_000
# A name may be old, a right may not.
NAMES_MS = 7 * 24 * 60 * 60_000
KEPT_MAX = 10_000
# What a limit can be set for where there is no channel with a name.
DIRECT = "direct"
NAMES_MAX = 20
PAGE, PAGES_MAX = 1_000, 20
# Of a workspace with more people than these pages hold it is enough to know that it is large.
COUNT_PAGES_MAX = 10
SLACKBOT = "USLACKBOT"
_CHANNEL_ID = re.compile(r"[CG][A-Z0-9]{6,}")
_ANY_ID = re.compile(r"[SUW][A-Z0-9]{6,}")
_NAMED = re.compile(r"<([@#])([A-Z0-9]+)>")


class Web(Protocol):
    """What is asked of Slack here."""

    async def users_info(self, *, user: str, **more: Any) -> Any:
        """One person."""

    async def users_list(self, **more: Any) -> Any:
        """Everybody."""

    async def usergroups_list(self, **more: Any) -> Any:
        """All user groups with who is in them."""

    async def users_conversations(self, **more: Any) -> Any:
        """The channels that the bot is in."""

    async def conversations_info(self, *, channel: str, **more: Any) -> Any:
        """One channel."""


@dataclass(frozen=True, slots=True)
class Rights:
    """Who governs and who helps, as the config says: ids, or `@handle` of a user group."""

    admins: tuple[str, ...] = ()
    staff: tuple[str, ...] = ()
    workspace_admins: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """A user group."""

    id: str
    handle: str
    name: str
    members: frozenset[str]


@dataclass(frozen=True, slots=True)
class Person:
    """What Slack says of one person."""

    name: str
    is_workspace_admin: bool = False
    is_bot: bool = False
    locale: str = ""
    team: str = ""


class People:
    """The people, groups and channels of one workspace."""

    def __init__(
        self,
        web: Web,
        space: Space,
        rights: Callable[[], Rights],
        clock: Clock,
        names: Names,
    ) -> None:
        """Ask this client; nothing is known yet. Rights are those of the config in force."""
        self._called = names
        self._rights = rights
        self._web = web
        self._space = space
        self._groups: dict[str, Group] = {}
        self._persons: Kept[str, Person] = Kept(clock, USERS_MS, KEPT_MAX)
        self._channels: Kept[str, str] = Kept(clock, CHANNELS_MS, KEPT_MAX)
        self._names: Kept[str, str] = Kept(clock, NAMES_MS, KEPT_MAX)
        self._reading = asyncio.Lock()

    async def refresh(self) -> None:
        """Read the user groups anew; where that fails, those known stay."""
        async with self._reading:
            try:
                answer = await self._web.usergroups_list(include_users=True)
            except LOST as error:
                if error_of(error) in {"plan_upgrade_required", "missing_scope"}:
                    self._groups = {}
                    return
                _log.warning("user groups of %s: %s", self._space.id, error_of(error) or error)
                return
            self._groups = {found.id: found for found in map(_group, answer["usergroups"])}
        await self._bind("role", {group.id: group.handle for group in self._groups.values()})

    async def _bind(self, kind: Kind, things: Mapping[str, str]) -> None:
        """Handles and channel names are unique in Slack, so none that is spoken of is in doubt."""
        self._called.learn(self._space, kind, things)
        try:
            await self._called.write(self._space)
        except StoreUnavailableError:
            _log.info("names of %s are bound in memory only", self._space.id)

    @property
    def group_names(self) -> tuple[str, ...]:
        """The handles of all user groups."""
        return tuple(sorted(group.handle for group in self._groups.values()))

    def roles_of(self, user: str) -> tuple[str, ...]:
        """The user groups that somebody is in, by each of their names and by id."""
        mine = [group for group in self._groups.values() if user in group.members]
        found: list[str] = []
        for group in sorted(mine, key=lambda group: group.handle):
            # A name that reads like an id is not taken for one.
            shown = "" if _ANY_ID.fullmatch(group.name) else group.name
            for name in (group.handle, shown):
                found += self._called.of(self._space, "role", group.id, name) if name else ()
            found.append(group.id)
        return tuple(dict.fromkeys(found))

    async def requester(self, user: str, channel: str = "", name: str = "") -> Requester:
        """Somebody with the roles and rights that they hold at this moment.

        `name` is that of the channel, where an event tells it.
        """
        where = self.called(channel, self._named(channel, name) or await self.channel_name(channel))
        rights = self._rights()
        is_admin = self._listed(user, rights.admins)
        if not is_admin and rights.workspace_admins:
            is_admin = (await self.person(user)).is_workspace_admin
        is_staff = self._listed(user, rights.staff)
        if (is_admin or is_staff) and (await self.person(user)).is_bot:
            is_admin = is_staff = False  # A program governs nobody, whatever group it is in.
        member = Member(self._space, user)
        return Requester(member, self.roles_of(user), where, is_admin, is_staff)

    def _listed(self, user: str, names: Iterable[str]) -> bool:
        """Whether the config names this person, or a group that they are in by handle or id.

        Not by its name: that may be anything, such as somebody's id or the handle of another. And
        by a handle only the group that had it when it was first heard of.
        """
        named = {name.removeprefix("@") for name in names}
        mine = (group for group in self._groups.values() if user in group.members)
        called = ((*self._called.of(self._space, "role", g.id, g.handle), g.id) for g in mine)
        return user in named or any(not named.isdisjoint(one) for one in called)

    def called(self, channel: str, name: str) -> str:
        """What config and limits call the channel of this name: they stay with its id."""
        if not channel or name == DIRECT:
            return name
        return self._called.one_of(self._space, "channel", channel, name)

    async def person(self, user: str) -> Person:
        """What Slack says of somebody; where it says nothing, nobody with any right."""
        known = self._persons.get(user)
        if known is not None:
            return known
        try:
            answer = await self._web.users_info(user=user, include_locale=True)
        except LOST as error:
            _log.warning("user %s: %s", user, error)
            return Person(user)
        found = _person(answer["user"], self._space.id)
        self._persons.put(user, found)
        self._names.put(user, found.name)
        return found

    async def counted(self) -> int | None:
        """How many people the workspace has; None where Slack does not say."""
        count, cursor = 0, ""
        for _ in range(COUNT_PAGES_MAX):
            try:
                answer = await self._web.users_list(limit=PAGE, cursor=cursor)
            except LOST as error:
                _log.warning("people of %s: %s", self._space.id, error_of(error) or error)
                return None
            count += sum(_is_counted(found, self._space.id) for found in answer["members"])
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                break
        return count

    def locale_of(self, user: str) -> str:
        """The locale that somebody has set, as far as it is known already."""
        known = self._persons.get(user)
        return known.locale if known is not None else ""

    def team_of(self, user: str) -> str:
        """The workspace that somebody belongs to: a guest of a shared channel to another one."""
        known = self._persons.get(user)
        return (known.team if known is not None else "") or self._space.id

    def forget(self, user: str) -> None:
        """Somebody was changed: ask again."""
        self._persons.drop(user)

    async def channel_name(self, channel: str) -> str:
        """The name of a channel; that of all direct messages is the same."""
        known = self._named(channel, "")
        if known:
            return known
        try:
            answer = await self._web.conversations_info(channel=channel)
        except LOST as error:
            _log.warning("channel %s: %s", channel, error)
            return channel
        found = answer["channel"]
        name = DIRECT if found.get("is_im") or found.get("is_mpim") else found["name"]
        self._channels.put(channel, name)
        return str(name)

    async def channel_id(self, name: str) -> str:
        """The id of a channel that the bot is in, by id or name; empty where there is none."""
        name = name.removeprefix("#")
        if _CHANNEL_ID.fullmatch(name):
            return name
        return (await self.learn_channels()).get(name, "")

    async def learn_channels(self) -> dict[str, str]:
        """The channels that the bot is in, ids by name; then their names need no call each."""
        found: dict[str, str] = {}
        cursor = ""
        for _ in range(PAGES_MAX):
            try:
                answer = await self._web.users_conversations(
                    types="public_channel,private_channel", limit=PAGE, cursor=cursor
                )
            except LOST as error:
                _log.warning("channels of %s: %s", self._space.id, error_of(error) or error)
                return found
            for one in answer["channels"]:
                found.setdefault(str(one["name"]), str(one["id"]))
                self._channels.put(str(one["id"]), str(one["name"]))
            cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                break
        await self._bind("channel", {channel: name for name, channel in found.items()})
        return found

    def _named(self, channel: str, name: str) -> str:
        if not channel or channel.startswith("D") or name == "directmessage":
            return DIRECT
        if name and not name.startswith("mpdm-") and name != "privategroup":
            self._channels.put(channel, name)
        return self._channels.get(channel) or ""

    async def learn(self, text: str) -> None:
        """Ask for everything that a message names, so that `naming` knows it."""
        for sign, what in _NAMED.findall(text)[:NAMES_MAX]:
            await (self.person(what) if sign == "@" else self.channel_name(what))

    def naming(self, sign: str, what: str) -> str:
        """The name of an id, empty where it is not known (see markup.Naming)."""
        if sign == "@":
            return self._names.get(what) or ""
        if sign == "!":
            group = self._groups.get(what)
            return group.handle if group is not None else ""
        return self._channels.get(what) or ""


def is_id(text: str) -> bool:
    """Whether a text is the id of a group or channel, and no name of one."""
    return bool(_ANY_ID.fullmatch(text) or _CHANNEL_ID.fullmatch(text))


def _group(found: dict[str, Any]) -> Group:
    members = frozenset(found.get("users") or ())
    return Group(found["id"], found.get("handle", ""), found.get("name", ""), members)


def _person(found: dict[str, Any], team: str) -> Person:
    profile = found.get("profile") or {}
    name = profile.get("display_name") or found.get("real_name") or found.get("name") or found["id"]
    rights = ("is_admin", "is_owner", "is_primary_owner")
    # Whoever comes through a shared channel may be an admin at home, and is none here.
    is_admin = _is_of(found, team) and any(found.get(right) for right in rights)
    locale, home = str(found.get("locale") or ""), str(found.get("team_id") or "")
    return Person(name, is_admin, bool(found.get("is_bot")), locale, home)


def _is_of(found: dict[str, Any], team: str) -> bool:
    """Whether somebody belongs to this workspace."""
    return not found.get("is_stranger") and found.get("team_id", team) == team


def _is_counted(found: dict[str, Any], team: str) -> bool:
    """Whether somebody of a list is a person who could ask here."""
    is_nobody = found.get("deleted") or found.get("is_bot") or found.get("id") == SLACKBOT
    return not is_nobody and _is_of(found, team)
