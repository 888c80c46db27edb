"""A chat message with the platform washed off, and the one end that every ask has."""

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Literal

from bot.panels import Panel
from quota.members import Requester
from quota.units import Usage
from quota.verdicts import Balance, Notice, Refused

Finish = Literal["stop", "length", "quota", "stopped", "cut"]
FailureCode = Literal[
    "bad_input", "provider", "timeout", "interrupted", "id_reused", "store", "internal"
]


@dataclass(frozen=True, slots=True)
class Attachment:
    """A text file that came with a message."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Ask:
    """One message to answer. `id` is the platform's event id, unique within the space."""

    id: str
    requester: Requester
    text: str
    model: str = ""
    thread: str = ""
    attachments: tuple[Attachment, ...] = ()

    @property
    def event(self) -> str:
        """The name under which the books know this event."""
        return f"{self.requester.member.space.key}:{self.id}"

    @property
    def digest(self) -> str:
        """A hash of what was said, where, and by whom: the same id must mean the same message."""
        who = self.requester
        parts = [who.member.wallet, who.channel, self.thread, self.model, self.text]
        parts += [part for file in self.attachments for part in (file.name, file.text)]
        packed = "".join(f"{len(part)}:{part}" for part in parts)
        return sha256(packed.encode("utf-8", "surrogatepass")).hexdigest()[:32]

    @property
    def conversation(self) -> tuple[str, str, str, str]:
        """Messages with the same value are one conversation."""
        who = self.requester
        return (who.member.space.key, who.channel, self.thread, who.member.id)


@dataclass(frozen=True, slots=True)
class Answer:
    """The ask was answered, wholly or in part; everything is settled.

    `source` tells who counted the tokens, `notes` are sentences about what was left out or cut,
    `footer` what is left. `credits` is None where the model has no price.
    """

    text: str
    usage: Usage
    source: Literal["provider", "counted"]
    credits: int | None
    charged_tokens: int
    balances: tuple[Balance, ...]
    notices: tuple[Notice, ...]
    finish: Finish
    footer: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """The ask was refused before any call; nothing was charged."""

    refused: Refused
    text: str


@dataclass(frozen=True, slots=True)
class Failure:
    """Something broke; `text` says what was charged and what to do, never how it broke."""

    code: FailureCode
    text: str


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The event came before and has had, or will have, its one answer."""


@dataclass(frozen=True, slots=True)
class Card:
    """The answer to a command."""

    panel: Panel
    text: str
    balances: tuple[Balance, ...] = field(default=())


End = Answer | Refusal | Failure | Duplicate | Card
