"""An action that was used, a form that was submitted, and what comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from bot.messages import Ask, Card
from quota.members import Requester


@dataclass(frozen=True, slots=True)
class Pressed:
    """An action that somebody used, or a form that they submitted (`values` by field name).

    `event` is the platform's id of the click, `message` the id of the message it sits on.
    """

    requester: Requester
    name: str
    subject: str = ""
    owner: str = ""
    event: str = ""
    message: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shown:
    """A card for whoever pressed: in place of the card that was pressed, or privately beside it."""

    card: Card
    replaces: bool = False


@dataclass(frozen=True, slots=True)
class AskAgain:
    """The adapter is to ask once more: the same question, or to go on where the answer was cut.

    `model` empty: the one that answered. `waits`: keep the place until there is room. `ask`: this
    very message, as it was written; the adapter gives it an id of its own.
    """

    how: Literal["again", "onward"]
    model: str = ""
    waits: bool = False
    ask: Ask | None = None


Pressing = Shown | AskAgain
