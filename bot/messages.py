"""A chat message with the platform washed off, and the one end that every ask has."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Literal, NamedTuple, TypeAlias

from bot.panels import Action, Panel
from quota.members import Requester
from quota.units import Usage
from quota.verdicts import Balance, Notice, Refused

# The platform that has no messages of its own.
CONSOLE = "console"

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
class Document:
    """A file whose text has to be taken out first, such as application/pdf."""

    name: str
    media_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Image:
    """An image that came with a message: its media type, such as image/png, and its bytes."""

    name: str
    media_type: str
    data: bytes = field(repr=False)


class Files(NamedTuple):
    """What came with a message: what was taken of it, and what was not, by name and reason."""

    texts: tuple[Attachment, ...] = ()
    images: tuple[Image, ...] = ()
    documents: tuple[Document, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()


NO_FILES = Files()
# As the parent of a message: it continues none, whatever was said there before.
BEGIN = "-"


class Utterance(NamedTuple):
    """One earlier message as the platform knows it: by whom, what, and which it continued.

    `author` is the name that its writer goes by.
    """

    id: str
    role: Literal["user", "assistant"]
    text: str
    parent: str = ""
    author: str = ""
    images: tuple[Image, ...] = ()


# Reads a conversation from the platform: the message with an id and at most so many before it,
# oldest first. Asked only for what is not in memory, such as after a restart.
Earlier: TypeAlias = Callable[[str, int], Awaitable[Sequence[Utterance]]]
# Gives a thread its title.
Entitle: TypeAlias = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Ask:
    """One message to answer. `id` is the platform's event id, unique within the space.

    Where the platform has messages of its own, `message` is the id of the one that asks and
    `parent` the one that it continues (empty: it begins anew, or goes on in its `thread`; BEGIN: it
    begins anew also there). `left_out` names attachments that were not taken, each with the reason.
    `author` is the name the member goes by, `channel_id` and `place` are the id of the channel and
    the name of the space, where they have any besides what the requester says. `persona` is the one
    asked for; `waits`: rather than be refused for want of room, it is sent when there is some;
    `confirmed`: its asker has seen what it will probably cost. `entitle` gives the thread that was
    opened for it a title, where it has none yet.
    """

    id: str
    requester: Requester
    text: str
    model: str = ""
    thread: str = ""
    attachments: tuple[Attachment, ...] = ()
    images: tuple[Image, ...] = ()
    message: str = ""
    parent: str = ""
    left_out: tuple[tuple[str, str], ...] = ()
    earlier: Earlier | None = field(default=None, compare=False, repr=False)
    author: str = ""
    channel_id: str = ""
    place: str = ""
    persona: str = ""
    waits: bool = False
    documents: tuple[Document, ...] = ()
    confirmed: bool = False
    entitle: Entitle | None = field(default=None, compare=False, repr=False)

    def carrying(self, files: Files) -> "Ask":
        """The same with the files that came along."""
        return replace(
            self,
            attachments=files.texts,
            images=files.images,
            documents=files.documents,
            left_out=files.left_out,
        )

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
        data = [image.data for image in self.images] + [file.data for file in self.documents]
        parts += [sha256(each).hexdigest() for each in data]
        packed = "".join(f"{len(part)}:{part}" for part in parts)
        return sha256(packed.encode("utf-8", "surrogatepass")).hexdigest()[:32]

    @property
    def conversation(self) -> tuple[str, str, str, str]:
        """Messages with the same value are one conversation.

        A thread or a direct message is one of all who speak there; on the console, where nobody
        sees what others say, each member has their own.
        """
        who = self.requester
        is_shared = self.thread and who.member.space.platform != CONSOLE
        return (who.member.space.key, who.channel, self.thread, "" if is_shared else who.member.id)

    @property
    def goes_on(self) -> bool:
        """Whether it continues what came last, where it does not say otherwise."""
        return bool(self.thread) or self.requester.member.space.platform == CONSOLE


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
    actions: tuple[Action, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """The ask was refused before any call; nothing was charged."""

    refused: Refused
    text: str
    actions: tuple[Action, ...] = ()


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
    """The answer to a command; `files` (name, bytes) go with it where a platform can send them."""

    panel: Panel
    text: str
    balances: tuple[Balance, ...] = field(default=())
    files: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)


End = Answer | Refusal | Failure | Duplicate | Card
