"""The whole bot, as the door builds it and every platform receives it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from bot.chat import ChatHandler
from bot.commands import Commands
from bot.config import Config
from bot.panels import Panel
from bot.settings import Settings
from quota.clock import Clock
from quota.members import Space
from quota.quotas import Quotas
from quota.waiting import Fresh


@dataclass(frozen=True, slots=True)
class Alert:
    """Something the admins of a space should see; platforms show it in the alert channel."""

    space: Space
    panel: Panel


@dataclass(slots=True)
class Bot:
    """What a platform needs: where asks and commands go, and how to stop in good order.

    `close` may be called more than once; it lets running answers finish or settle. Who is on
    `on_fresh` hears whose limit has opened since they were refused, who is on `on_alert` what the
    admins of a space should see.
    """

    config: Config
    clock: Clock
    quotas: Quotas
    chat: ChatHandler
    commands: Commands
    settings: Settings
    close: Callable[[], Awaitable[None]]
    on_fresh: list[Callable[[Fresh], None]] = field(default_factory=list)
    on_alert: list[Callable[[Alert], None]] = field(default_factory=list)


class Platform(Protocol):
    """One way for people to reach the bot, found by the entry point group `quotabot.platforms`."""

    name: str

    def enabled(self, config: Config) -> bool:
        """Whether the config asks for this platform under `quotabot run`."""

    async def run(self, bot: Bot) -> None:
        """Serve until there is nothing more to serve, or cancelled."""
