"""What stands around an answer on platforms: buttons, and what was left out and why."""

from collections.abc import Sequence
from typing import Literal

from bot.figures import grouped
from bot.languages import phrase
from bot.text_dialect import Dialect

# The longest label that every platform takes has 75 characters.
LABEL_MODEL_MAX = 60

_UNREADABLE = {
    "kind": phrase("files of this kind cannot be read"),
    "large": phrase("it is too large"),
    "locked": phrase("it needs a password"),
    "broken": phrase("it cannot be read; it may be damaged"),
    "slow": phrase("it takes too long to read"),
    "long": phrase("its text does not fit into one message"),
    "empty": phrase("it has no text; it may be scanned"),
}


class Chat(Dialect):
    """The sentences and labels around answers."""

    __slots__ = ()

    # What was left out.

    def history_lost(self) -> str:
        return self.say("Earlier messages could not be read, so this answer does not know them.")

    def cannot_see(self, model: str) -> str:
        return self.say("{model} cannot see images", model=model)

    def images_full(self, most: int) -> str:
        return self.say("at most {most} images are taken", most=most)

    def unreadable(
        self, why: Literal["kind", "large", "locked", "broken", "slow", "long", "empty"]
    ) -> str:
        return self.say(_UNREADABLE[why])

    def pages_read(self, name: str, pages: int, of: int) -> str:
        return self.count(
            pages,
            "Of {name}, only the first page of {of} could be taken.",
            "Of {name}, only the first {n} pages of {of} could be taken.",
            name=name,
            of=grouped(of, self),
        )

    # Choosing.

    def model_not_allowed(self, model: str, roles: Sequence[str]) -> str:
        who = self.say(" or ").join(map(self.role, roles))
        return self.say(
            "{model} is for {who} here. Choose another model, or ask an admin.",
            model=model,
            who=who,
        )

    def waits_for_room(self) -> str:
        return self.say(
            "This is sent as soon as there is room. Stop it if you do not want to wait."
        )

    # Buttons.

    def stop_label(self) -> str:
        return self.say("Stop")

    def again_label(self) -> str:
        return self.say("Regenerate")

    def onward_label(self) -> str:
        return self.say("Continue")

    def good_label(self) -> str:
        return "👍"

    def bad_label(self) -> str:
        return "👎"

    def quota_label(self) -> str:
        return self.say("Quota")

    def use_instead(self, model: str) -> str:
        """What a button says, where there are none."""
        return self.say("{model} would answer: {line}.", model=model, line=f"/model {model}")

    def use_label(self, model: str) -> str:
        return self.say("Use {model}", model=model[:LABEL_MODEL_MAX])

    def more_label(self) -> str:
        return self.say("Ask for more")

    def remind_label(self) -> str:
        return self.say("Tell me when it is back")

    def room_label(self) -> str:
        return self.say("Send when there is room")

    def retry_label(self) -> str:
        return self.say("Try again")

    def onward(self) -> str:
        """What is asked of the model when somebody wants more of an answer that was cut."""
        return self.say("Please continue exactly where you stopped.")
