"""Who is asking: a space, a member of it, and the requester a member is at this moment."""

from dataclasses import dataclass
from typing import Literal, NamedTuple, Self

from quota.errors import BadRuleError

ScopeKind = Literal["everyone", "role", "member", "channel", "space", "house", "self"]


class Space(NamedTuple):
    """One Discord server, one Slack workspace, or the console."""

    platform: str
    id: str

    @property
    def key(self) -> str:
        """`platform:id`, with colons in the id escaped so that keys never run together."""
        return f"{self.platform}:{_escaped(self.id)}"

    @classmethod
    def from_key(cls, key: str) -> Self:
        """Read what `key` wrote."""
        platform, _, id_ = key.partition(":")
        return cls(platform, _unescaped(id_))


class Member(NamedTuple):
    """One person in one space, known by an id that never changes."""

    space: Space
    id: str

    @property
    def wallet(self) -> str:
        """The name under which this member's allowance is kept: `platform:space:id`."""
        return f"{self.space.key}:{self.id}"

    @classmethod
    def from_wallet(cls, wallet: str) -> Self:
        """Read what `wallet` wrote; BadRuleError for anything else."""
        parts = wallet.split(":", 2)
        if len(parts) != 3 or not all(parts):  # noqa: PLR2004 - platform, space, id
            raise BadRuleError(f"{wallet!r} is no member; write platform:space:id")
        return cls(Space(parts[0], _unescaped(parts[1])), parts[2])


@dataclass(frozen=True, slots=True)
class Requester:
    """A member with what counts at this moment: roles, the channel, being an admin or staff."""

    member: Member
    roles: tuple[str, ...] = ()
    channel: str = "general"
    is_admin: bool = False
    is_staff: bool = False


class Scope(NamedTuple):
    """Whom or what a limit is about; `name` is empty for everyone, the space and the house."""

    kind: ScopeKind
    name: str = ""

    @property
    def text(self) -> str:
        """How people read it: `everyone`, `role Supporter`, `member ana`, `channel homework`."""
        if self.kind == "self":
            return "own ceiling"
        return f"{self.kind} {self.name}".strip()


EVERYONE = Scope("everyone")


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace(":", "%3A")


def _unescaped(text: str) -> str:
    return text.replace("%3A", ":").replace("%25", "%")
