"""A server of tools as the operator set it up: how it is reached, for whom, within which bounds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from quota.members import Requester

TIMEOUT_MS = 30_000
RESULT_CHARS_MAX = 16_000


@dataclass(frozen=True, slots=True)
class ToolServer:
    """Reached by a `command` with `env` in its environment and `folder` as its own, or at a `url`.

    What is empty restricts nothing: `allowed_for` are roles, `spaces` keys such as "discord:1234",
    `only` the tools that are offered, `never` those that are not. `secrets` are values in `env` and
    `headers` that no log may show.
    """

    key: str
    command: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    folder: Path | None = None
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    allowed_for: tuple[str, ...] = ()
    spaces: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    timeout_ms: int = TIMEOUT_MS
    result_chars_max: int = RESULT_CHARS_MAX
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def connection(self) -> tuple[object, ...]:
        """What takes a new connection to change."""
        return (self.command, self.env, self.folder, self.url, self.headers)

    def serves(self, requester: Requester) -> bool:
        """Whether a requester may use it: holders of its roles and admins, in its spaces."""
        if self.spaces and requester.member.space.key not in self.spaces:
            return False
        roles = {role.removeprefix("role:").removeprefix("@") for role in self.allowed_for}
        return not roles or requester.is_admin or not roles.isdisjoint(requester.roles)

    def offers(self, title: str) -> bool:
        """Whether a tool of it is offered."""
        return title not in self.never and (not self.only or title in self.only)
