"""What a member's questions usually take: medians of their latest turns, from the ledger.

Why the median: one long text among short questions must not make them all seem long. The ledger is
read once for a member who is asked about; from then on their turns are noted as they end, so no
answer ever waits for it.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from quota.ledger import LedgerEntry
from quota.store import ReportingStore

# So many turns are looked back at; fewer than the least tell nothing.
TURNS_MAX = 25
TURNS_MIN = 5
ENTRIES_MAX = 60
# Whoever is in none of so many entries of a large community has no habits that hold now; to look
# through all of millions would take seconds.
LEDGER_ENTRIES_MAX = 100_000
MEMBERS_MAX = 10_000
# What an answer has where nothing was learned yet.
OUTPUT_UNKNOWN = 400


class Took(NamedTuple):
    """What one turn took, all of its calls together; `model` answered it."""

    model: str
    input: int
    output: int

    @property
    def tokens(self) -> int:
        """What limits in tokens count."""
        return self.input + self.output


class Usual(NamedTuple):
    """A usual question with its answer; `tokens` is what both together usually are."""

    input: int
    output: int
    tokens: int


class Habits:
    """How long questions and answers usually are: of members, and of models."""

    def __init__(self, store: ReportingStore) -> None:
        """Nothing was asked yet."""
        self._store = store
        self._members: OrderedDict[str, deque[Took]] = OrderedDict()
        self._models: dict[str, deque[int]] = {}

    def took(self, wallet: str, took: Took) -> None:
        """A turn has ended."""
        if not took.tokens:
            return
        self._models.setdefault(took.model, deque(maxlen=TURNS_MAX)).append(took.output)
        if wallet in self._members:
            self._members[wallet].append(took)

    async def learn(self, wallet: str) -> None:
        """Look back at a member's latest turns, unless that was done before."""
        if wallet in self._members:
            self._members.move_to_end(wallet)
            return
        entries = await self._store.entries_of(wallet, ENTRIES_MAX, LEDGER_ENTRIES_MAX)
        self._members[wallet] = deque(turns_of(entries), maxlen=TURNS_MAX)
        while len(self._members) > MEMBERS_MAX:
            self._members.popitem(last=False)

    def usual(self, wallet: str) -> Usual | None:
        """A usual question of a member; None: too few are known, or nobody looked back yet."""
        turns = self._members.get(wallet, ())
        if len(turns) < TURNS_MIN:
            return None
        return Usual(
            median([turn.input for turn in turns]),
            median([turn.output for turn in turns]),
            max(1, median([turn.tokens for turn in turns])),
        )

    def output(self, wallet: str, model: str) -> int:
        """How long an answer of a model is likely to be: to this member, else to anybody."""
        mine = [turn.output for turn in self._members.get(wallet, ()) if turn.model == model]
        if len(mine) >= TURNS_MIN:
            return median(mine)
        usual, all_ = self.usual(wallet), self._models.get(model, ())
        if usual is not None:
            return usual.output
        return median(all_) if len(all_) >= TURNS_MIN else OUTPUT_UNKNOWN

    def forget(self, wallet: str) -> None:
        """Look back anew when it is asked for next."""
        self._members.pop(wallet, None)


def turns_of(entries: Iterable[LedgerEntry]) -> list[Took]:
    """The turns that entries tell of, oldest first; what was given back was none."""
    turns: dict[int, Took] = {}
    for entry in entries:
        if entry.kind not in {"settle", "lapse"} or not entry.input + entry.output:
            continue
        before = turns.get(entry.turn, Took(entry.model, 0, 0))
        model = before.model if entry.purpose in {"summary", "title"} else entry.model
        turns[entry.turn] = Took(model, before.input + entry.input, before.output + entry.output)
    return list(turns.values())


def median(values: Iterable[int]) -> int:
    """The middle one, of two the greater; there is at least one."""
    found: Sequence[int] = sorted(values)
    return found[len(found) // 2]
