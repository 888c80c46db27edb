"""What stands around an answer on platforms: buttons, and what was left out and why."""

from collections.abc import Sequence
from typing import Literal

from bot.figures import grouped
from bot.text_dialect import Dialect

# The longest label that every platform takes has 75 characters.
LABEL_MODEL_MAX = 60

_UNREADABLE = {
    "kind": "files of this kind cannot be read",
    "large": "it is too large",
    "locked": "it needs a password",
    "broken": "it cannot be read; it may be damaged",
    "slow": "it takes too long to read",
    "long": "its text does not fit into one message",
    "empty": "it has no text; it may be scanned",
}


class Chat(Dialect):
    """The sentences and labels around answers."""

    __slots__ = ()

    # What was left out.

    def history_lost(self) -> str:
        return "Earlier messages could not be read, so this answer does not know them."

    def cannot_see(self, model: str) -> str:
        return f"{model} cannot see images"

    def images_full(self, most: int) -> str:
        return f"at most {most} images are taken"

    def unreadable(
        self, why: Literal["kind", "large", "locked", "broken", "slow", "long", "empty"]
    ) -> str:
        return _UNREADABLE[why]

    def pages_read(self, name: str, pages: int, of: int) -> str:
        read = "page" if pages == 1 else f"{grouped(pages)} pages"
        return f"Of {name}, only the first {read} of {grouped(of)} could be taken."

    # Choosing.

    def model_not_allowed(self, model: str, roles: Sequence[str]) -> str:
        who = " or ".join(map(self.role, roles))
        return f"{model} is for {who} here. Choose another model, or ask an admin."

    def waits_for_room(self) -> str:
        return "This is sent as soon as there is room. Stop it if you do not want to wait."

    # Buttons.

    def stop_label(self) -> str:
        return "Stop"

    def again_label(self) -> str:
        return "Regenerate"

    def onward_label(self) -> str:
        return "Continue"

    def good_label(self) -> str:
        return "👍"

    def bad_label(self) -> str:
        return "👎"

    def quota_label(self) -> str:
        return "Quota"

    def use_label(self, model: str) -> str:
        return f"Use {model[:LABEL_MODEL_MAX]}"

    def more_label(self) -> str:
        return "Ask for more"

    def remind_label(self) -> str:
        return "Tell me when it is back"

    def room_label(self) -> str:
        return "Send when there is room"

    def retry_label(self) -> str:
        return "Try again"

    def onward(self) -> str:
        """What is asked of the model when somebody wants more of an answer that was cut."""
        return "Please continue exactly where you stopped."
