"""The whole bot, as the door builds it and every platform receives it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from bot.actions import Actions
from bot.alerts import Alerts
from bot.chat import ChatHandler
from bot.commands import Commands
from bot.config import Config
from bot.desk import Desk
from bot.languages import nearest
from bot.news import Alert, Word
from bot.pricing import note_prices
from bot.settings import Settings
from bot.text import Words
from quota.clock import Clock
from quota.members import Member
from quota.quotas import Quotas
from quota.waiting import Fresh

__all__ = ["Alert", "Bot", "Platform", "Word"]


@dataclass(slots=True)
class Bot:
    """What a platform needs: where asks, commands and actions go, and how to stop in good order.

    `close` may be called more than once; it lets running answers finish or settle. Who is on
    `on_fresh` hears whose limit has opened since they were refused, who is on `on_alert` what the
    admins of a space should see, who is on `on_word` what one member should see. `spoken` holds
    the words of each platform: one that puts its own there at its start has alerts so written.
    """

    config: Config
    clock: Clock
    quotas: Quotas
    chat: ChatHandler
    commands: Commands
    actions: Actions
    settings: Settings
    alerts: Alerts
    close: Callable[[], Awaitable[None]]
    on_fresh: list[Callable[[Fresh], None]] = field(default_factory=list)
    on_alert: list[Callable[[Alert], None]] = field(default_factory=list)
    on_word: list[Callable[[Word], None]] = field(default_factory=list)
    spoken: dict[str, Words] = field(default_factory=dict)

    def language_of(self, member: Member, locale: str | None = "") -> str:
        """Their own choice, else that of their platform (`de-AT`), else the operator's."""
        chosen = self.settings.member(member).language
        return chosen or nearest(locale) or self.config.language

    @classmethod
    def at(cls, desk: Desk, config: Config, close: Callable[[], Awaitable[None]]) -> "Bot":
        """With the commands and actions of a desk."""
        bot = cls(
            config,
            desk.clock,
            desk.quotas,
            desk.chat,
            Commands(desk),
            Actions(desk),
            desk.settings,
            Alerts(desk).watch(),
            close,
            on_alert=desk.news.on_alert,
            on_word=desk.news.on_word,
            spoken=desk.spoken,
        )
        desk.usual_alerts = bot.usual_alerts
        desk.usual_language = lambda: bot.config.language
        return bot

    async def note_prices(self) -> None:
        """What models cost now goes into the audit trail, where it is new."""
        priced = [(model.key, model.pricing.price) for model in self.chat.models.all]
        await note_prices(self.quotas.governing, priced)

    def usual_alerts(self, platform: str) -> str:
        """The channel of alerts that the config names for a platform."""
        found = {"discord": self.config.discord, "slack": self.config.slack}.get(platform)
        return found.alert_channel if found is not None else ""


class Platform(Protocol):
    """One way for people to reach the bot, found by the entry point group `quotabot.platforms`."""

    name: str

    def enabled(self, config: Config) -> bool:
        """Whether the config asks for this platform under `quotabot run`."""

    async def run(self, bot: Bot) -> None:
        """Serve until there is nothing more to serve, or cancelled."""
