"""Discord as a platform: mentions, replies, threads, direct messages, slash commands, buttons."""

from bot.bot import Bot
from bot.config_values import Config

__all__ = ["platform"]


class DiscordPlatform:
    """Started by `quotabot run` where the config has a section [discord]."""

    name = "discord"

    def enabled(self, config: Config) -> bool:
        """See Platform."""
        return config.discord is not None

    async def run(self, bot: Bot) -> None:
        """See Platform."""
        # The SDK takes a fifth of a second to load; only who runs it waits for it.
        from adapters.discord.gateway import serve

        await serve(bot)


platform = DiscordPlatform()
