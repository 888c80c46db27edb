"""Routes by method and path, and what a handler is given."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.servers.discord.errors import Json
from tests.servers.discord.models import File
from tests.servers.discord.posting import Draft

if TYPE_CHECKING:
    from tests.servers.discord.server import Discord
    from tests.servers.discord.world import World

Answer = Json | list[Json] | None
Handler = Callable[["Asked"], Awaitable[Answer]]


@dataclass(frozen=True)
class Asked:
    """One request, read."""

    server: Discord
    ids: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    files: Sequence[File] = ()

    @property
    def world(self) -> World:
        return self.server.world

    @property
    def draft(self) -> Draft:
        return Draft(self.body or {}, self.files)


@dataclass(frozen=True)
class Route:
    """A route, named as in the documents: `GET /channels/{channel}`."""

    name: str
    handler: Handler
    # Interactions and webhooks carry their token in the path, and are outside the global limit.
    by_token: bool = False
    pattern: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        method, path = self.name.split(" ")
        inner = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)
        object.__setattr__(self, "pattern", re.compile(f"{method} {inner}"))

    @property
    def bucket(self) -> str:
        return "webhook" if self.name.split(" ")[1].startswith("/webhooks") else self.name

    def major(self, ids: Mapping[str, str]) -> str:
        """The top-level resource, for which limits count on their own."""
        return next((ids[key] for key in ("channel", "guild", "token") if key in ids), "")


def find(routes: Sequence[Route], method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """The route of this request and the ids in its path."""
    for route in routes:
        found = route.pattern.fullmatch(f"{method} {path}")
        if found is not None:
            return route, found.groupdict()
    return None
