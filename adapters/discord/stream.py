"""One answer on Discord: paced edits of as few messages as hold it, and its end in any case.

The token loop never waits for Discord: what is to be seen stands in memory, and the pacer of the
rate limit sends what is newest whenever there is room. Why plain text and not Components V2: a
message that began as one can never become the other, and plain text is copied, searched and
quoted as people expect.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from adapters.discord.panels import broken, cut, measure, subtext
from adapters.discord.place import Frame, Place, trouble_of
from bot import text_discord as say
from bot.messages import Answer, Card, Duplicate, End, Failure, Refusal
from bot.pacing import Pacer
from bot.panels import Action
from bot.splitting import split
from bot.text import Words
from quota.clock import Clock, pause

_log = logging.getLogger(__name__)

MESSAGE_CHARS_MAX = 2_000
# What is longer goes into a file, with its beginning above it.
MESSAGES_MAX = 4
# Where no file may be attached, the answer takes as many as it needs, within reason.
MESSAGES_WITHOUT_FILE_MAX = 20
TAIL_CHARS_MAX = 900
TYPING_MS = 8_000
# What is lost on the way is sent again after so long, the end of an answer at least.
RETRY_MS = (1_000, 2_000, 4_000, 8_000, 16_000)


def frames(
    text: str,
    tail: str,
    actions: Sequence[Action],
    words: Words,
    *,
    head: str = "",
    messages_max: int = MESSAGES_MAX,
) -> list[Frame]:
    """The messages that show a text, with small print and buttons below the last of them."""
    text, tail = broken(text), cut(tail, TAIL_CHARS_MAX)
    room = MESSAGE_CHARS_MAX - (measure(head) + 1 if head else 0)
    pieces = split(text, room, measure=measure) if text else []
    if head:
        pieces[:1] = [f"{head}\n{pieces[0]}" if pieces else head]
    if len(pieces) > messages_max:
        note = subtext(say.in_a_file(words, len(text)))
        shown = split(pieces[messages_max - 1], 1_000, measure=measure)[0]
        last = Frame(_joined(shown, f"{note}\n{tail}"), tuple(actions), file=text)
        return [*map(Frame, pieces[: messages_max - 1]), last]
    if not pieces:
        return [Frame(tail, tuple(actions))]
    if tail and measure(pieces[-1]) + 1 + measure(tail) > MESSAGE_CHARS_MAX:
        room = MESSAGE_CHARS_MAX - 1 - measure(tail)
        pieces[-1:] = split(pieces[-1], room, measure=measure)
    pieces[-1] = _joined(pieces[-1], tail)
    return [*map(Frame, pieces[:-1]), Frame(pieces[-1], tuple(actions))]


def _joined(text: str, tail: str) -> str:
    return f"{text}\n{tail}".rstrip() if tail else text


class Reply:
    """Where one answer goes: see ReplyStream in bot/ports.py."""

    def __init__(
        self,
        place: Place,
        pacers: Callable[[str, bool], Pacer],
        clock: Clock,
        *,
        words: Words,
        stop: Action | None = None,
        head: str = "",
        grows: Callable[[int], Awaitable[None]] | None = None,
    ) -> None:
        """Show it in a place; `head` stands above it; `grows` is told what message is not whole.

        `pacers` gives the one for a rate limit, and for new messages or for edits.
        """
        self._place = place
        self._pacers = pacers
        self._paced = pacers(place.bucket, True).open(self._write)
        self._clock = clock
        self._words = words
        self._stop = (stop,) if stop is not None else ()
        self._head = head
        self._grows = grows
        self._text = ""
        self._note = ""
        self._end: list[Frame] | None = None
        self.end: End | None = None
        self.lost: Exception | None = None
        self._shown: list[Frame] = []
        self._sent: list[int] = []
        self._doubtful: set[int] = set()
        self._typing: asyncio.Task[None] | None = None

    @property
    def messages(self) -> tuple[str, ...]:
        """The ids of the messages that carry the answer."""
        return tuple(map(str, self._sent))

    def begin(self) -> None:
        """Show that an answer is on its way."""
        self._typing = asyncio.create_task(self._type())

    async def update(self, delta: str) -> None:
        """See ReplyStream."""
        self._text += delta
        self._paced.grew(len(delta))

    async def note(self, text: str) -> None:
        """A remark below what is there so far; the next one, or the end, takes its place."""
        self._note = text
        self._paced.grew(len(text))

    def ending(self) -> None:
        """See ReplyStream."""
        self._paced.ending()

    async def finish(self, end: End) -> None:
        """The end, shown whatever it takes; where nothing can be shown, the log says so."""
        self.end, self._end = end, self._last_frames(end)
        try:
            if self._end is not None:
                await self._finished()
        finally:
            self._paced.close()
            self._still()

    def _last_frames(self, end: End) -> list[Frame] | None:
        """What is to stand there in the end; None: nothing."""
        match end:
            case Answer():
                text = end.text or self._text
                tail = "\n".join((*end.notes, end.footer))
                return frames(text, subtext(tail), end.actions, self._words, head=self._head)
            case Refusal():
                return frames(end.text, "", end.actions, self._words, head=self._head)
            case Failure():
                return frames(end.text, "", (), self._words, head=self._head)
            case Card():
                return [Frame(panel=end.panel, files=end.files)]
            case Duplicate():
                # An answer stands there already, or comes from whoever heard of it first.
                return [] if self._sent else None

    async def _finished(self) -> None:
        for wait_ms in (*RETRY_MS, None):
            try:
                await self._paced.finish()
            except Exception as error:  # whatever Discord had: what can be done depends on it
                trouble = trouble_of(error)
                plainer = trouble in {"refused", "closed"} and self._made_plainer()
                if wait_ms is None or (trouble not in {"again", "gone"} and not plainer):
                    self.lost = error
                    _log.warning("discord: an answer could not be shown: %s", error)
                    return
                if trouble == "again":
                    await pause(self._clock, wait_ms)
                self._renew()
            else:
                return

    def _renew(self) -> None:
        """A finish that has failed is over for the pacer: the next try is a new one."""
        self._paced = self._pacer(self._wanted()).open(self._write)

    def _made_plainer(self) -> bool:
        """Without a file, for where the bot may not attach any; False where there was none."""
        last = self._end[-1] if self._end else Frame()
        if not (last.file or last.files):
            return False
        if last.file:
            tail = "\n".join(line for line in last.text.splitlines() if line.startswith("-# "))
            tail = f"{tail}\n{subtext(self._words.say(say.NO_FILES))}"
            more = MESSAGES_WITHOUT_FILE_MAX
            plain = frames(
                last.file, tail, last.actions, self._words, head=self._head, messages_max=more
            )
            self._end = [replace(frame, file="") for frame in plain]
        else:
            self._end = [replace(last, files=())]
        return True

    # One call at a time; the pacer says when.

    async def _write(self) -> bool:
        """Bring one message up to what it should show; whether all of them are then."""
        if not self._sent:
            self._still()
        if self._shown == self._wanted():
            return True
        await self._place.turn(lambda: self._end is not None)
        # What has come while others had their turn is shown with it.
        wanted = self._wanted()
        at = self._next_of(wanted)
        frame = wanted[at]
        if at < len(self._sent):
            await self._edited(at, frame)
        else:
            is_last = self._end is not None and at == len(wanted) - 1
            try:
                message = await self._place.post(at, frame, silent=not is_last)
            except Exception:
                self._doubtful.add(at)
                raise
            self._sent.append(message)
            # A send that seemed lost may have arrived: then this is that older message.
            self._shown.append(Frame() if at in self._doubtful else frame)
            if self._grows is not None and self._end is None:
                await self._grows(message)
        wanted = self._wanted()
        self._paced.move(self._pacer(wanted))
        return self._shown == wanted

    def _next_of(self, wanted: Sequence[Frame]) -> int:
        """The first message that does not show what it should; their number where all do."""
        different = (n for n, frame in enumerate(wanted) if self._shown[n : n + 1] != [frame])
        return next(different, len(wanted))

    def _pacer(self, wanted: Sequence[Frame]) -> Pacer:
        """New messages and edits have a rate limit each, so first words wait for no edit."""
        at = self._next_of(wanted)
        return self._pacers(self._place.bucket, len(self._sent) <= at < len(wanted))

    async def _edited(self, at: int, frame: Frame) -> None:
        try:
            await self._place.edit(self._sent[at], frame)
        except Exception as error:  # whatever Discord had; a lost message may be sent anew
            if trouble_of(error) != "gone" or self._end is None:
                raise
            number = len(self._sent) + at
            self._sent[at] = await self._place.post(number, frame, silent=False)
        self._shown[at] = frame

    def _wanted(self) -> list[Frame]:
        """What should stand there now."""
        if self._end is not None:
            return self._end
        if not (self._text.strip() or self._note):
            return []
        note = subtext(self._note)
        found = frames(self._text, note, self._stop, self._words, head=self._head)
        return [replace(frame, file="") for frame in found]

    async def _type(self) -> None:
        while True:
            try:
                await self._place.typing()
            except Exception as error:  # a courtesy; the answer itself tells what is wrong
                _log.debug("typing could not be shown: %s", type(error).__name__)
                return
            await pause(self._clock, TYPING_MS)

    def _still(self) -> None:
        if self._typing is not None:
            self._typing.cancel()
            self._typing = None
