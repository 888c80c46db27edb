"""What was said, remembered as a tree: each message knows which one it continued.

A reply to an older message branches off there. In a thread or a direct message whatever comes
next continues what came last, whoever says it; where a platform has no messages of its own (the
console), each member talks alone. All of it lives in bounded memory and is gone a day after it
was last of use.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from bot.messages import BEGIN, Ask, Utterance
from bot.ports import Message
from quota.members import Member, Space

REMEMBERED_MS = 24 * 3_600_000
MESSAGES_MAX = 40_000
TEXT_BYTES_MAX = 64 * 1024 * 1024
IMAGE_BYTES_MAX = 64 * 1024 * 1024
# So far back a conversation is followed.
CHAIN_MAX = 200
TALKS_MAX = 10_000

Talk = tuple[str, ...]


class Said(NamedTuple):
    """A message of a conversation, with its tokens; `author` is the name its writer chose.

    `steps` are the calls of tools and their results before it, where its turn was cut: with them
    it can be continued, and they are part of its tokens.
    """

    message: Message
    tokens: int
    author: str = ""
    steps: tuple[Message, ...] = ()

    @property
    def messages(self) -> tuple[Message, ...]:
        """All of it; a message in which nothing is said is none."""
        said = self.message.content or self.message.images or not self.steps
        return (*self.steps, self.message) if said else self.steps


@dataclass(slots=True)
class _Node:
    """A message, the number of the one it continued, and its ids on the platform.

    `event` is what an answer of this run of the bot answered, `summary` stands for it and all that
    was said before it.
    """

    said: Said
    talk: Talk
    wallet: str
    parent: int | None
    at: int
    ids: list[tuple[str, str]] = field(default_factory=list)
    event: str = ""
    summary: Said | None = None

    @property
    def text_bytes(self) -> int:
        """At most so many."""
        both = (self.said, self.summary) if self.summary is not None else (self.said,)
        messages = [message for said in both for message in said.messages]
        calls = sum(len(call.arguments) for message in messages for call in message.calls)
        return 4 * (sum(len(message.content) for message in messages) + calls)

    @property
    def image_bytes(self) -> int:
        return sum(len(image.data) for image in self.said.message.images)


class Place(NamedTuple):
    """Where an ask goes on: after a message we know (`node`), or up to one we must read first.

    `is_last`: nobody said after which message; it is whatever came last in the talk.
    """

    node: int | None
    unread: str = ""
    is_last: bool = False


class Talks:
    """All conversations, in bounded memory."""

    def __init__(
        self,
        *,
        messages_max: int = MESSAGES_MAX,
        text_bytes_max: int = TEXT_BYTES_MAX,
        image_bytes_max: int = IMAGE_BYTES_MAX,
    ) -> None:
        """Remember nothing yet."""
        self._messages_max = messages_max
        self._text_bytes_max, self._image_bytes_max = text_bytes_max, image_bytes_max
        # What was of no use for longest is first.
        self._nodes: OrderedDict[int, _Node] = OrderedDict()
        self._by_id: dict[tuple[str, str], int] = {}
        self._last: dict[Talk, int] = {}
        # Where somebody began anew: what the platform shows from before is never read again.
        self._anew: OrderedDict[Talk, None] = OrderedDict()
        self._number = self._text_bytes = self._image_bytes = 0
        # Who keeps something of what was said besides, by the wallet of who said it.
        self.on_forgotten: list[Callable[[str], None]] = []

    def place(self, ask: Ask, now: int) -> Place:
        """Where an ask goes on."""
        self._forget_old(now)
        space = ask.requester.member.space.key
        if ask.parent == BEGIN:
            return Place(None)
        if ask.parent:
            node = self._by_id.get((space, ask.parent))
            return Place(node, "" if node is not None else ask.parent)
        again = self._by_id.get((space, ask.message))
        if again is not None:
            return Place(self._nodes[again].parent)
        if not ask.goes_on:
            return Place(None)
        last = self._last.get(ask.conversation)
        is_unread = last is None and ask.conversation not in self._anew
        return Place(last, ask.message if is_unread else "", is_last=True)

    def before(self, place: Place, now: int) -> list[Said]:
        """What was said up to a place, oldest first."""
        found: dict[int, Said] = {}
        number, node = place.node, self._node(place.node)
        while number is not None and node is not None and len(found) < CHAIN_MAX:
            node.at = now
            found[number] = node.summary or node.said
            if node.summary is not None:
                break
            # A message is younger than the one it continues, so this ends.
            number, node = node.parent, self._node(node.parent)
        # The oldest first, so that it is also the first to be let go.
        for each in reversed(found):
            self._nodes.move_to_end(each)
        said = reversed(found.values())
        return [each for each in said if _says(each)]

    def summarise(self, place: Place, kept: int, summary: Said) -> None:
        """Up to a place, a summary stands for all but so many of the newest messages."""
        node = self._node(place.node)
        while node is not None and (kept or not _says(node.said)):
            kept -= _says(node.said)
            node = self._node(node.parent)
        if node is not None:
            self._summed_up(node, summary)

    def _summed_up(self, node: _Node, summary: Said | None) -> None:
        self._text_bytes -= node.text_bytes
        node.summary = summary
        self._text_bytes += node.text_bytes

    def read(
        self, ask: Ask, place: Place, said: Iterable[tuple[Utterance, Said]], now: int
    ) -> Place:
        """Remember what the platform told, oldest first; where the ask goes on after it."""
        space, talk = ask.requester.member.space.key, ask.conversation
        newest: int | None = None
        for utterance, what in said:
            known = self._by_id.get((space, utterance.id))
            if known is None:
                ids = [(space, utterance.id)]
                known = self._add(_Node(what, talk, "", newest, now, ids))
            newest = known
        if place.is_last and newest is not None:
            self._last[talk] = newest
        return Place(newest, is_last=place.is_last)

    def add(self, ask: Ask, asked: Said, answered: Said, place: Place, now: int) -> int:
        """Remember a question and its answer; the number of the answer."""
        space, talk = ask.requester.member.space.key, ask.conversation
        # What others said in the thread meanwhile stands before it.
        parent = self._last.get(talk) if place.is_last else place.node
        wallet = ask.requester.member.wallet
        question = _Node(asked, talk, wallet, parent, now)
        if ask.message:
            question.ids.append((space, ask.message))
        answer = _Node(answered, talk, wallet, self._add(question), now, event=ask.event)
        number = self._add(answer)
        if ask.goes_on:
            self._last[talk] = number
        self._forget_old(now)
        return number

    def unanswered(self, ask: Ask, asked: Said, place: Place, now: int) -> int:
        """Remember a question that got no answer, for who asks it again; the conversation does not.

        Returns the number of what stands in the place of an answer.
        """
        parent = self._last.get(ask.conversation) if place.is_last else place.node
        question = _Node(asked, ask.conversation, ask.requester.member.wallet, parent, now)
        if ask.message:
            question.ids.append((ask.requester.member.space.key, ask.message))
        nothing = Said(Message("assistant", ""), 0)
        parent = self._add(question)
        return self._add(replace(question, said=nothing, parent=parent, ids=[], event=ask.event))

    def shown(self, number: int, space: Space, ids: Sequence[str]) -> None:
        """The platform shows an answer in these messages."""
        if (node := self._node(number)) is not None:
            node.ids += [(space.key, each) for each in ids]
            self._by_id |= dict.fromkeys(((space.key, each) for each in ids), number)

    def names(self, member: Member, message: str = "") -> list[str]:
        """What the books know a conversation by, up to a message, or a member's last answer.

        Events, and for what was read from the platform the ids of its messages.
        """
        number = self._by_id.get((member.space.key, message))
        if not message:
            mine = (n for n, node in reversed(self._nodes.items()) if node.wallet == member.wallet)
            number = next((n for n in mine if self._nodes[n].event), None)
        found: list[str] = []
        node = self._node(number)
        for _ in range(CHAIN_MAX):
            if node is None:
                break
            found += [node.event] if node.event else [f"{space}:{id_}" for space, id_ in node.ids]
            node = self._node(node.parent)
        return found

    def question(self, space: Space, message: str, now: int) -> Utterance | None:
        """What the answer in a message answered; None where that is not remembered."""
        self._forget_old(now)
        answer = self._node(self._by_id.get((space.key, message)))
        asked = self._node(answer.parent if answer is not None else None)
        if answer is None or asked is None or answer.said.message.role != "assistant":
            return None
        above = self._node(asked.parent)
        return Utterance(
            asked.ids[0][1] if asked.ids else "",
            "user",
            asked.said.message.content,
            above.ids[-1][1] if above is not None and above.ids else BEGIN,
            asked.said.author,
            asked.said.message.images,
        )

    def forget(self, talk: Talk) -> None:
        """Begin a conversation anew."""
        for number in [n for n, node in self._nodes.items() if node.talk == talk]:
            self._drop(number)
        self._begin_anew(talk)

    def forget_member(self, wallet: str) -> int:
        """Forget everywhere what a member said and was answered; how many messages."""
        mine = [n for n, node in self._nodes.items() if node.wallet == wallet]
        talks = {self._nodes[number].talk for number in mine}
        for node in self._nodes.values():
            if node.summary is not None and node.talk in talks:
                self._summed_up(node, None)  # It may say what they said.
        for number in mine:
            self._begin_anew(self._nodes[number].talk)
            self._drop(number)
        for hear in self.on_forgotten:
            hear(wallet)
        return len(mine)

    def _node(self, number: int | None) -> _Node | None:
        return None if number is None else self._nodes.get(number)

    def _begin_anew(self, talk: Talk) -> None:
        self._last.pop(talk, None)
        self._anew[talk] = None
        while len(self._anew) > TALKS_MAX:
            self._anew.popitem(last=False)

    def _add(self, node: _Node) -> int:
        self._number += 1
        self._nodes[self._number] = node
        self._text_bytes += node.text_bytes
        self._image_bytes += node.image_bytes
        for each in node.ids:
            # Asked again, or gone on with: the message stays what it was at first.
            self._by_id.setdefault(each, self._number)
        return self._number

    def _drop(self, number: int) -> None:
        node = self._nodes.pop(number)
        self._text_bytes -= node.text_bytes
        self._image_bytes -= node.image_bytes
        for each in node.ids:
            if self._by_id.get(each) == number:
                del self._by_id[each]
        if self._last.get(node.talk) == number:
            del self._last[node.talk]

    def _forget_old(self, now: int) -> None:
        """Let go of what is a day old, and of the oldest beyond the bounds."""
        while self._nodes:
            number, node = next(iter(self._nodes.items()))
            is_over = now - node.at > REMEMBERED_MS or len(self._nodes) > self._messages_max
            if not is_over and self._text_bytes <= self._text_bytes_max:
                break
            self._drop(number)
        if self._image_bytes > self._image_bytes_max:
            self._forget_images()

    def _forget_images(self) -> None:
        """The oldest images go before any text does."""
        for node in self._nodes.values():
            if self._image_bytes <= self._image_bytes_max:
                return
            self._image_bytes -= node.image_bytes
            node.said = node.said._replace(message=node.said.message._replace(images=()))


def _says(said: Said) -> bool:
    """Whether there is anything in a message."""
    return bool(said.message.content or said.message.images or said.steps)
