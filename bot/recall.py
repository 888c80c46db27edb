"""What was said before an ask: from memory, else read again from the platform."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from bot.messages import Ask, Utterance
from bot.ports import Message
from bot.prompt import clean, label_of
from bot.talks import Place, Said, Talks
from quota.clock import Clock

_log = logging.getLogger(__name__)

# So many messages are read from the platform, so large and so long at most.
READ_MAX = 50
READ_CHARS_MAX = 100_000
READ_MS = 10_000

Count = Callable[[str], Awaitable[int]]


class Recalled(NamedTuple):
    """What was said, oldest first, and where the ask goes on; `lost`: not all could be read."""

    said: Sequence[Said]
    place: Place
    lost: bool = False


async def recall(talks: Talks, ask: Ask, clock: Clock, count: Count) -> Recalled:
    """What an ask continues. A platform that does not tell costs context, never the answer."""
    place, lost = talks.place(ask, clock.now()), False
    if place.unread:
        read = await _read(ask, place.unread, clock)
        said = [(each, await _counted(each, count)) for each in read or ()]
        lost = read is None or (not read and not place.is_last)
        place = talks.read(ask, place, said, clock.now())
    return Recalled(talks.before(place, clock.now()), place, lost)


async def _read(ask: Ask, message: str, clock: Clock) -> list[Utterance] | None:
    """The messages up to one, oldest first, without the ask itself; None: they cannot be read."""
    if ask.earlier is None:
        return []
    try:
        async with clock.timeout(READ_MS):
            found = await ask.earlier(message, READ_MAX)
    except Exception as error:  # whatever the platform had, the question can be answered
        _log.warning("earlier messages could not be read: %s", type(error).__name__)
        return None
    kept: list[Utterance] = []
    room = READ_CHARS_MAX
    for each in reversed(found):
        room -= len(each.text)
        if room < 0:
            break
        if each.id != ask.message and (each.text.strip() or each.images):
            kept.insert(0, each)
    return kept


async def _counted(utterance: Utterance, count: Count) -> Said:
    text = clean(utterance.text)
    message = Message(utterance.role, text, utterance.images)
    return Said(message, await count(text), label_of(utterance.author))
