"""One call of the Web API: its arguments, its right to be made, and its pace.

Tiers, scopes and error names: docs.slack.dev/reference/methods and its machine-readable copy,
slack-ruby/slack-api-ref (2026-08-20); pace: docs.slack.dev/apis/web-api/rate-limits.
"""

import json
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.servers.slack.app import Installation
from tests.servers.slack.clock import MINUTE_MS, SECOND_MS
from tests.servers.slack.errors import Json, RefusedError
from tests.servers.slack.model import Channel, Message

if TYPE_CHECKING:
    from tests.servers.slack.server import Slack
    from tests.servers.slack.team import Team


@dataclass(frozen=True)
class Rate:
    """So many calls in so long."""

    calls: int
    window_ms: int = MINUTE_MS


TIER_1, TIER_2, TIER_3, TIER_4 = Rate(1), Rate(20), Rate(50), Rate(100)
# "Generally one message per second per channel"; short bursts pass, so five in five seconds.
POSTING = Rate(5, 5 * SECOND_MS)
UNLIMITED = Rate(1_000_000)


@dataclass(eq=False)
class Call:
    """A call in progress, and what a test can read of it afterwards."""

    slack: "Slack"
    method: str
    args: Json
    team_or_none: "Team | None" = None
    error: str = ""
    answer: Json | None = None
    retry_after: int | None = None  # Seconds, where it came too often.
    at: int = 0

    @property
    def team(self) -> "Team":
        assert self.team_or_none is not None  # Checked with the token.
        return self.team_or_none

    @property
    def installation(self) -> Installation:
        assert self.team.installation is not None  # Its token was good.
        return self.team.installation

    def text(self, name: str, default: str = "") -> str:
        value = self.args.get(name)
        if value is None:
            return default
        if not isinstance(value, str):
            value = json.dumps(value) if isinstance(value, dict | list) else str(value)
        return value

    def flag(self, name: str) -> bool:
        return str(self.args.get(name, "")).lower() in {"1", "true"}

    def number(self, name: str, default: int) -> int:
        try:
            return int(self.text(name) or default)
        except ValueError:
            raise RefusedError("invalid_arguments", f"{name} must be an integer") from None

    def structure(self, name: str, error: str) -> Any:
        """An argument that is JSON, written out or in a string."""
        value = self.args.get(name)
        if isinstance(value, str):
            try:
                return json.loads(value)
            except ValueError:
                raise RefusedError(error) from None
        return value

    def channel(self, name: str = "channel", *, member: bool = True) -> Channel:
        """The conversation of an argument, which the bot must see, and be in to write."""
        team = self.team
        channel = team.channels.get(self.text(name))
        user = team.users.get(self.text(name))
        if channel is None and user is not None and name == "channel":
            channel = team.dm(user)  # A member's id stands for the direct messages with them.
        bot_in = channel is not None and self.installation.bot_user_id in channel.members
        if channel is None or (channel.kind != "channel" and not bot_in):
            raise RefusedError("channel_not_found")
        if member and not bot_in:
            raise RefusedError("not_in_channel")
        if member and channel.archived:
            raise RefusedError("is_archived")
        return channel

    def message(self, name: str = "ts", channel: Channel | None = None) -> Message:
        channel = channel or self.channel()
        message = channel.message(self.text(name))
        if message is None or message.is_ephemeral:
            raise RefusedError("message_not_found")
        return message

    def need(self, *scopes: str) -> None:
        """Refuse unless the token has one of these scopes."""
        have = self.installation.scopes
        if scopes and not set(scopes) & set(have):
            needed, provided = ",".join(scopes), ",".join(have)
            raise RefusedError("missing_scope", needed=needed, provided=provided)


@dataclass(frozen=True)
class Method:
    """One method: what does it, and what it asks for."""

    run: Callable[[Call], Json]
    rate: Rate = TIER_3
    scopes: tuple[str, ...] = ()  # One of these.
    required: tuple[str, ...] = ()
    per_channel: bool = False
    token: str = "bot"  # bot, app, none.


class Pace:
    """Who has called what how often; answers with how long to wait where that was too often."""

    def __init__(self) -> None:
        self.changed: dict[str, Rate] = {}
        self._calls: dict[tuple[str, ...], deque[int]] = defaultdict(deque)

    def set(self, method: str, calls: int, window_ms: int = MINUTE_MS) -> None:
        """Give a method another rate; `*` is for all."""
        self.changed[method] = Rate(calls, window_ms)

    def off(self) -> None:
        """Let everything pass, for tests of something else."""
        self.changed["*"] = UNLIMITED

    def wait_s(self, method: str, rate: Rate, key: tuple[str, ...], now: int) -> int:
        """0, and the call is counted; else the whole seconds until there is room again."""
        rate = self.changed.get(method) or self.changed.get("*") or rate
        calls = self._calls[method, *key]
        while calls and calls[0] <= now - rate.window_ms:
            calls.popleft()
        if len(calls) < rate.calls:
            calls.append(now)
            return 0
        return max(1, -(-(calls[0] + rate.window_ms - now) // SECOND_MS))
