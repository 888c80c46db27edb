"""What people have chosen: for themselves, for a channel, for a space. Kept as flags of the books.

Why flags: a setting is a small value under (space, name, subject), all of them fit in memory, and
an act of an admin upon one leaves its audit row in the same transaction.
"""

import json
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, TypeAlias, TypeVar

from quota.governing import Act, Governing
from quota.members import Member, Space

ChannelMode: TypeAlias = Literal["off", "mention", "reply", "thread", "auto-thread"]
FooterMode: TypeAlias = Literal["off", "low", "always"]
Fallback: TypeAlias = Literal["ask", "auto"]


@dataclass(frozen=True, slots=True)
class MemberSettings:
    """A member's own choices.

    `confirm_above` is a threshold (`2k tokens`, `$0.01`, `10%`) above which a message is not sent
    before they say so, empty: none. `fallback`: whether a cheaper model answers by itself at the
    limit, or asks them.
    """

    model: str = ""
    persona: str = ""
    footer: FooterMode = "low"
    notify_reset: bool = False
    language: str = ""
    confirm_above: str = ""
    fallback: Fallback = "ask"


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """What admins chose for a channel; `mode` empty: the operator's; `max_reply` tokens, 0: all."""

    mode: ChannelMode | Literal[""] = ""
    model: str = ""
    persona: str = ""
    max_reply: int = 0


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """What admins chose for a model: who may use it (no role: as the operator says), what else."""

    allowed_for: tuple[str, ...] = ()
    fallback: str = ""


@dataclass(frozen=True, slots=True)
class SpaceSettings:
    """What admins chose for their space."""

    alert_channel: str = ""
    contact: str = ""
    set_up: bool = False


T = TypeVar("T", MemberSettings, ChannelSettings, ModelSettings, SpaceSettings)


class Settings:
    """Reads settings from memory and writes them to the books."""

    def __init__(self, governing: Governing) -> None:
        """Keep them beside the limits."""
        self._governing = governing

    def member(self, member: Member) -> MemberSettings:
        """What a member chose."""
        return _read(MemberSettings, self._governing.flag(member.space.key, "member", member.id))

    def channel(self, space: Space, channel: str) -> ChannelSettings:
        """What holds in a channel, by its id."""
        return _read(ChannelSettings, self._governing.flag(space.key, "channel", channel))

    def model(self, space: Space, key: str) -> ModelSettings:
        """What holds for a model in a space, by its key."""
        return _read(ModelSettings, self._governing.flag(space.key, "model", key))

    def space(self, space: Space) -> SpaceSettings:
        """What holds in a space."""
        return _read(SpaceSettings, self._governing.flag(space.key, "space", ""))

    async def set_member(self, member: Member, chosen: MemberSettings) -> None:
        """A member chooses for themselves."""
        await self._governing.keep(member.space.key, "member", member.id, _written(chosen))

    async def set_channel(self, act: Act, channel: str, chosen: ChannelSettings) -> None:
        """An admin chooses for a channel of the space of the act."""
        await self._governing.switch(act, "channel", channel, _written(chosen))

    async def set_model(self, act: Act, key: str, chosen: ModelSettings) -> None:
        """An admin chooses for a model in the space of the act."""
        await self._governing.switch(act, "model", key, _written(chosen))

    async def set_space(self, act: Act, chosen: SpaceSettings) -> None:
        """An admin chooses for the space of the act."""
        await self._governing.switch(act, "space", "", _written(chosen))


def _written(settings: T) -> str:
    """Only what differs from the default; empty where nothing does."""
    plain = type(settings)()
    changed = {k: v for k, v in asdict(settings).items() if v != getattr(plain, k)}
    return json.dumps(changed, separators=(",", ":")) if changed else ""


def _read(kind: type[T], text: str) -> T:
    """What was written; keys of another version are left out, so that no start fails on them."""
    if not text:
        return kind()
    known = {field.name for field in fields(kind)}
    found = {k: v for k, v in json.loads(text).items() if k in known}
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in found.items()}
    return kind(**values)
