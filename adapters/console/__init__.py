"""The terminal as a platform: a person at a prompt, or JSON lines for programs."""

from adapters.console.json_lines import chat_json
from adapters.console.session import Person, chat_interactive
from bot.bot import Bot
from bot.config_values import Config

__all__ = ["Person", "chat_interactive", "chat_json", "platform"]


class ConsolePlatform:
    """Started by `quotabot chat`, never by `quotabot run`: a service has no terminal."""

    name = "console"

    def enabled(self, config: Config) -> bool:
        """See Platform."""
        return False

    async def run(self, bot: Bot) -> None:
        """See Platform."""
        await chat_interactive(bot, Person())


platform = ConsolePlatform()
