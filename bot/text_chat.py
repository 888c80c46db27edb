"""What stands around an answer on platforms: buttons, and what was left out."""

from bot.text_dialect import Dialect


class Chat(Dialect):
    """The sentences and labels around answers."""

    __slots__ = ()

    def stop_label(self) -> str:
        return "Stop"

    def onward(self) -> str:
        """What is asked of the model when somebody wants more of an answer that was cut."""
        return "Please continue exactly where you stopped."

    def history_lost(self) -> str:
        return "Earlier messages could not be read, so this answer does not know them."
