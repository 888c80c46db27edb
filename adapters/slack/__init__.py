"""Slack as a platform: Bolt over a socket or HTTP, Block Kit, Slack's own streaming."""

from bot.bot import Bot
from bot.config_values import Config

__all__ = ["platform"]


class SlackPlatform:
    """Started by `quotabot run` where the config has a section [slack]."""

    name = "slack"

    def enabled(self, config: Config) -> bool:
        """See Platform."""
        return config.slack is not None

    async def run(self, bot: Bot) -> None:
        """See Platform."""
        from adapters.slack.connection import Connection

        assert bot.config.slack is not None, "the section is what enables it"
        await Connection(bot, bot.config.slack).run()


platform = SlackPlatform()
