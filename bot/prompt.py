"""The messages that are sent, what they are expected to cost, and the memory they come from.

Each message is counted once and remembers its count, so a long conversation costs no more to
count than a short one.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from bot.messages import Ask
from bot.ports import Message, TokenCounter
from quota.units import Unit
from quota.verdicts import Balance

REMEMBERED_MS = 24 * 3_600_000
CONVERSATIONS_MAX = 2_000
MESSAGES_MAX = 200
# What chat templates wrap around each message and around the whole, by OpenAI's own cookbook.
TOKENS_PER_MESSAGE = 4
TOKENS_PER_PROMPT = 3
HISTORY_SHARE = 4
HISTORY_TOKENS_MAX = 16_000
THOUSAND = 1_000
RATIO_MAX = 8 * THOUSAND


class Said(NamedTuple):
    """A message of a conversation, with its tokens."""

    message: Message
    tokens: int


@dataclass(slots=True)
class Conversation:
    """What was said, newest last."""

    said: list[Said] = field(default_factory=list)
    last_at: int = 0


class Conversations:
    """Conversations in bounded memory, each forgotten a day after its last message."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._kept: OrderedDict[tuple[str, ...], Conversation] = OrderedDict()

    def of(self, key: tuple[str, ...], now: int) -> Sequence[Said]:
        """What was said so far."""
        kept = self._kept.get(key)
        if kept is None or now - kept.last_at > REMEMBERED_MS:
            return ()
        return tuple(kept.said)

    def add(self, key: tuple[str, ...], said: Sequence[Said], now: int) -> None:
        """Remember more."""
        kept = self._kept.pop(key, None)
        if kept is None or now - kept.last_at > REMEMBERED_MS:
            kept = Conversation()
        kept.said = [*kept.said, *said][-MESSAGES_MAX:]
        kept.last_at = now
        self._kept[key] = kept
        while len(self._kept) > CONVERSATIONS_MAX:
            self._kept.popitem(last=False)

    def forget(self, key: tuple[str, ...]) -> None:
        """Start anew."""
        self._kept.pop(key, None)


class Calibration:
    """How a model's own count compares with ours, in thousandths; learned from its reports.

    Prompts and answers are learned apart: only prompts are wrapped in a chat template.

    It follows an undercount at once, with a margin, and an overcount slowly: the first would let
    a provider charge more than was held, the second only holds a little too much for a moment.
    """

    def __init__(self) -> None:
        """Believe our own counts at first."""
        self._ratios: dict[str, int] = {}

    def expected(self, model: str, counted: int) -> int:
        """What the provider will say about a prompt that we count as so many tokens."""
        ratio = self._ratios.get(model, THOUSAND)
        return -(-counted * ratio // THOUSAND)

    def learn(self, model: str, counted: int, reported: int) -> None:
        """The provider has reported so many tokens for a prompt that we counted."""
        if counted <= 0 or reported <= 0:
            return
        seen = min(RATIO_MAX, -(-reported * THOUSAND // counted))
        ratio = self._ratios.get(model, THOUSAND)
        if seen >= ratio:
            self._ratios[model] = min(RATIO_MAX, seen + seen // 20)
        else:
            self._ratios[model] = ratio - (ratio - seen) // 8


class Prompt(NamedTuple):
    """What is sent: our count, what the provider will probably say, and what was left out."""

    messages: tuple[Message, ...]
    counted: int
    expected: int
    asked: Said
    kept: int
    dropped: int


async def build(
    ask: Ask,
    history: Sequence[Said],
    system_prompt: str,
    history_tokens_max: int,
    counter: TokenCounter,
    calibration: Calibration,
    model: str,
) -> Prompt:
    """The newest history that fits, oldest out first, then the message itself."""
    text = full_text(ask)
    asked = Said(Message("user", text), await _tokens(counter, model, text))
    total = TOKENS_PER_PROMPT + asked.tokens
    messages = [asked.message]
    left = history_tokens_max
    kept = 0
    for said in reversed(history):
        if said.tokens > left:
            break
        left -= said.tokens
        total += said.tokens
        messages.insert(0, said.message)
        kept += 1
    if system_prompt:
        total += await _tokens(counter, model, system_prompt)
        messages.insert(0, Message("system", system_prompt))
    expected = calibration.expected(model, total)
    return Prompt(tuple(messages), total, expected, asked, kept, len(history) - kept)


async def _tokens(counter: TokenCounter, model: str, text: str) -> int:
    return (await counter.count(model, text)).tokens + TOKENS_PER_MESSAGE


def history_room(balances: Sequence[Balance]) -> int:
    """At most a quarter of what is left goes to history, so that the past eats no future."""
    left = [b.left for b in balances if b.unit is Unit.TOKENS and b.left is not None]
    return min([HISTORY_TOKENS_MAX, *(tokens // HISTORY_SHARE for tokens in left)])


def full_text(ask: Ask) -> str:
    """The message with its files, cleaned of what no model reads but every bill counts."""
    files = [f"\n\n[{file.name}]\n{file.text}" for file in ask.attachments]
    return clean("".join([ask.text, *files]))


def clean(text: str) -> str:
    """Without unpaired surrogates and invisible tag characters (U+E0000 to U+E007F)."""
    kept = (
        c for c in text if not "\ud800" <= c <= "\udfff" and not "\U000e0000" <= c <= "\U000e007f"
    )
    return "".join(kept)
