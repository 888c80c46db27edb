"""The books once more, as slowly and plainly as can be: what a store must answer.

Nothing is counted along the way. Every figure is a sum over all turns that ever were, every grant
is found by trying, every price is a fraction. It shares no line with quota/.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from math import ceil
from typing import NamedTuple

DAY = 24 * 3_600_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Window = tuple[str, int]  # day, first (from first use), rolling, balance; and its length
UNITS = ("tokens", "requests", "credits")


class Rule(NamedTuple):
    """One limit: what it is called, what it counts, whose it is (own: the member's)."""

    name: str
    unit: str
    window: Window
    kind: str

    def book(self, who: str) -> str:
        return self.name if self.kind == "shared" else f"{self.name} of {who}"


@dataclass
class Line:
    """What a turn did to one book: `own` and `extra` are held until it ends, spent afterwards."""

    rule: Rule
    book: str
    opened: int
    own: int
    extra: int


@dataclass
class Turn:
    """One call, open or ended."""

    who: str
    event: str
    at: int
    ends: int
    input: int
    cap: int
    prices: tuple[int, int, int, int] | None
    lines: list[Line]
    gifts: list[tuple["Gift", int]]
    progress: int = 0
    end: tuple[str, int, int, int | None, int] | None = None


@dataclass(eq=False)
class Gift:
    """A grant, or with a negative amount what was taken."""

    who: str
    unit: str
    amount: int
    until: int | None
    spent: int = 0
    held: int = 0


@dataclass
class Ask:
    """What somebody asks for."""

    who: str
    event: str
    says: str
    input: int
    cap: int
    floor: int
    prices: tuple[int, int, int, int] | None
    final: bool = True
    behind: bool = False

    @property
    def least(self) -> int:
        return max(1, min(self.floor, self.cap))

    def needs(self, unit: str, output: int) -> int:
        if unit == "tokens":
            return self.input + output
        return 1 if unit == "requests" else cost(self.prices, self.input, 0, output, 0, dear=True)


def cost(
    prices: tuple[int, int, int, int] | None,
    input_: int,
    cached: int,
    output: int,
    thought: int,
    *,
    dear: bool = False,
) -> int:
    """Credits, rounded up once; `dear` for a hold, which cannot know what will be cached."""
    if prices is None:
        return 0
    plain, cheap, spoken, silent = prices
    if dear:
        plain, spoken = max(plain, cheap), max(spoken, silent)
    total = Fraction(plain, 10**6) * (input_ - cached) + Fraction(cheap, 10**6) * cached
    total += Fraction(spoken, 10**6) * (output - thought) + Fraction(silent, 10**6) * thought
    return ceil(total)


def month(now: int) -> str:
    return f"{EPOCH + timedelta(milliseconds=now):%Y-%m}"


@dataclass
class Model:
    """Everything that ever happened, and the limits of the moment."""

    step: int
    hold_ms: int
    warn_at: tuple[int, ...]
    limits: dict[Rule, int] = field(default_factory=dict)
    mark: int = 0
    turns: dict[int, Turn] = field(default_factory=dict)
    gifts: list[Gift] = field(default_factory=list)
    events: dict[str, tuple[str, int, bool]] = field(default_factory=dict)
    opened: dict[str, list[int]] = field(default_factory=dict)
    written_off: list[tuple[str, int, int, int, int]] = field(default_factory=list)
    warned: dict[tuple[str, int], int] = field(default_factory=dict)
    house: list[tuple[str, int, int]] = field(default_factory=list)

    def tick(self, clock: int) -> int:
        self.mark = max(self.mark, clock)
        return self.mark

    # Sums.

    def period(self, rule: Rule, who: str, now: int) -> tuple[int, int | None]:
        """When the period of a limit opened (-1: not yet) and when it closes."""
        kind, length = rule.window
        if kind == "day":
            return now // DAY * DAY, now // DAY * DAY + DAY
        if kind == "first":
            began = max(self.opened.get(rule.book(who), [-DAY * 99]))
            return (began, began + length) if now < began + length else (-1, None)
        return 0, None

    def spent(self, rule: Rule, who: str, now: int) -> tuple[int, int]:
        """What was spent of a limit itself, and what grants have paid there."""
        key = rule.book(who), self.period(rule, who, now)[0]
        since = now - rule.window[1] if rule.window[0] == "rolling" else -1
        ended = [t for t in self.turns.values() if t.end and t.at > since]
        lines = [line for t in ended for line in t.lines if (line.book, line.opened) == key]
        off = [w for w in self.written_off if w[:2] == key and w[2] > since]
        own = sum(line.own for line in lines) - sum(w[3] for w in off)
        extra = sum(line.extra for line in lines) - sum(w[4] for w in off)
        return own, 0 if rule.window[0] == "rolling" else extra

    def held(self, rule: Rule, who: str, now: int) -> tuple[int, int]:
        key = rule.book(who), self.period(rule, who, now)[0]
        running = [t for t in self.turns.values() if not t.end]
        lines = [line for t in running for line in t.lines if (line.book, line.opened) == key]
        return sum(line.own for line in lines), sum(line.extra for line in lines)

    def live(self, rule: Rule, who: str, now: int) -> list[Gift]:
        """Grants that count for a limit now, those that end first in front."""
        mine = [g for g in self.gifts if (g.who, g.unit) == (who, rule.unit)]
        mine = [g for g in mine if g.until is None or g.until > now]
        mine = mine if rule.kind == "allowance" else []
        return sorted(mine, key=lambda g: 1 << 60 if g.until is None else g.until)

    def own_left(self, rule: Rule, who: str, now: int, *, holds: bool) -> int:
        taken = sum(g.amount for g in self.live(rule, who, now) if g.amount < 0)
        held = self.held(rule, who, now)[0] if holds else 0
        return max(0, self.limits[rule] - self.spent(rule, who, now)[0] - held + taken)

    def extra_left(self, rule: Rule, who: str, now: int, *, holds: bool) -> int:
        """What grants leave, once what was taken has eaten up the allowance."""
        live = self.live(rule, who, now)
        taken = -sum(g.amount for g in live if g.amount < 0)
        held = self.held(rule, who, now)[0] if holds else 0
        own = max(0, self.limits[rule] - self.spent(rule, who, now)[0] - held)
        given = [g for g in live if g.amount > 0]
        extra = sum(g.amount - g.spent - (g.held if holds else 0) for g in given)
        return max(0, extra - max(0, taken - own))

    def left(self, rule: Rule, who: str, now: int, *, holds: bool) -> int:
        own = self.own_left(rule, who, now, holds=holds)
        return own + self.extra_left(rule, who, now, holds=holds)

    def granted(self, rule: Rule, who: str, now: int) -> int:
        live = self.live(rule, who, now)
        taken = -sum(g.amount for g in live if g.amount < 0)
        extra = sum(g.amount - g.spent for g in live if g.amount > 0)
        whole = max(0, self.limits[rule] - taken)
        whole += max(0, extra - max(0, taken - self.limits[rule]))
        return whole + self.spent(rule, who, now)[1]

    def opens(self, rule: Rule, who: str, now: int, needed: int) -> int | None:
        """The first moment at which so much fits, if nobody spends more."""
        closes = self.period(rule, who, now)[1]
        moments = [g.until for g in self.gifts if g.until] + ([closes] if closes else [])
        moments += [t.at + rule.window[1] for t in self.turns.values()]
        later = (m for m in sorted(moments) if m > now)
        return next((m for m in later if self.left(rule, who, m, holds=False) >= needed), None)

    # Moves.

    def ask(self, ask: Ask, clock: int) -> tuple[str, int]:
        """What an ask must be answered, and with how much; nothing is written yet."""
        now = self.tick(clock)
        if ask.event in self.events:
            says, _, interrupted = self.events[ask.event]
            if says != ask.says:
                return "reused", 0
            self.events[ask.event] = says, self.events[ask.event][1], False
            return ("interrupted" if interrupted else "duplicate"), 0
        unspent, free = (self.most(ask, now, holds=holds) for holds in (False, True))
        if unspent >= ask.least and not ask.final and (ask.behind or free < unspent):
            return "waits", 0
        if ask.event:
            self.events[ask.event] = ask.says, now, False
        output = min(unspent, free)
        return ("granted", output) if output >= ask.least else ("refused", 0)

    def most(self, ask: Ask, now: int, *, holds: bool) -> int:
        """The longest answer that fits into everything, found by trying."""
        left = {rule: self.left(rule, ask.who, now, holds=holds) for rule in self.limits}
        for output in range(ask.cap, 0, -1):
            if all(ask.needs(rule.unit, output) <= left[rule] for rule in self.limits):
                return output
        return 0

    def grant(self, hold_id: int, ask: Ask, output: int) -> None:
        """Write down what was granted."""
        now, lines, wanted = self.mark, [], dict.fromkeys(UNITS, 0)
        for rule in self.limits:
            opened = self.period(rule, ask.who, now)[0]
            if opened == -1:
                opened = now
                self.opened.setdefault(rule.book(ask.who), []).append(now)
            needs = ask.needs(rule.unit, output)
            own = min(needs, self.own_left(rule, ask.who, now, holds=True))
            lines.append(Line(rule, rule.book(ask.who), opened, own, needs - own))
            wanted[rule.unit] = max(wanted[rule.unit], needs - own)
        gifts = []
        for gift in sorted(self.gifts, key=lambda g: 1 << 60 if g.until is None else g.until):
            if gift.who == ask.who and (gift.until is None or gift.until > now):
                amount = min(wanted[gift.unit], max(0, gift.amount - gift.spent - gift.held))
                if amount:
                    wanted[gift.unit] -= amount
                    gift.held += amount
                    gifts.append((gift, amount))
        assert not any(wanted.values()), "more was granted than grants can pay"
        ends = now + self.hold_ms
        turn = Turn(ask.who, ask.event, now, ends, ask.input, output, ask.prices, lines, gifts)
        self.turns[hold_id] = turn

    def finish(
        self,
        turn: Turn,
        kind: str,
        used: tuple[int, int, int, int] | None,
        prices: tuple[int, int, int, int] | None = None,
        billed: int | None = None,
    ) -> None:
        """End a turn: what was used is spent, never more than was held.

        At the prices of what was served, or as the provider billed it, where that is told.
        """
        input_, cached, output, thought = used or (0, 0, 0, 0)
        priced = cost(prices or turn.prices, input_, cached, output, thought)
        tokens, credits_ = input_ + output, priced if billed is None else billed
        paid = min(tokens, turn.input + turn.cap)
        dear = min(credits_, cost(turn.prices, turn.input, 0, turn.cap, 0, dear=True))
        charge = {"tokens": paid, "requests": 0 if used is None else 1, "credits": dear}
        extra = dict.fromkeys(UNITS, 0)
        for line in turn.lines:
            whole = charge[line.rule.unit]
            line.own, line.extra = min(line.own, whole), max(0, whole - line.own)
            extra[line.rule.unit] = max(extra[line.rule.unit], line.extra)
        for gift, amount in turn.gifts:
            take = min(amount, extra[gift.unit])
            extra[gift.unit] -= take
            gift.held -= amount
            gift.spent += take
        shown = None if used is None or turn.prices is None else dear
        turn.end = kind, paid, tokens - paid, shown, credits_ - dear
        self.house.append((month(self.mark), tokens - paid, credits_ - dear))

    def house_paid(self, now: int) -> tuple[int, int]:
        """What the house has paid this month in tokens and credits."""
        mine = [(tokens, credits_) for when, tokens, credits_ in self.house if when == month(now)]
        return sum(tokens for tokens, _ in mine), sum(credits_ for _, credits_ in mine)

    def late(self, now: int) -> list[int]:
        """Open turns that are past their deadline."""
        return [i for i, turn in self.turns.items() if not turn.end and turn.ends <= now]

    def lapse(self, hold_id: int) -> None:
        turn = self.turns[hold_id]
        output = min(turn.cap, turn.progress + self.step)
        self.finish(turn, "lapse", (turn.input, 0, output, 0))
        if turn.event in self.events:
            says, at, _ = self.events[turn.event]
            self.events[turn.event] = says, at, True

    def warnings(self, turn: Turn) -> list[tuple[str, int]]:
        """Thresholds that the end of a turn has crossed."""
        told = []
        for line in turn.lines:
            rule, who, now = line.rule, turn.who, self.mark
            if rule.kind != "allowance" or rule not in self.limits:
                continue
            if self.period(rule, who, now)[0] != line.opened:
                continue
            key, granted = (line.book, line.opened), self.granted(rule, who, now)
            used = sum(self.spent(rule, who, now))
            if rule.window[0] == "rolling" and turn.at > now - rule.window[1]:
                before = [t for t in self.warn_at if (used - line.own) * 100 >= t * granted]
                known = [t for t in before if t <= self.warned.get(key, 0)]
                self.warned[key] = max(known, default=0)
            highest = self.warned.get(key, 0)
            reached = [t for t in self.warn_at if used * 100 >= t * granted and t > highest]
            told += [(rule.name, threshold) for threshold in reached]
            self.warned[key] = max([highest, *reached])
        return told

    def write_off(self, who: str) -> None:
        """Forget what a member has spent in own limits; holds stay."""
        for rule in self.limits:
            opened = self.period(rule, who, self.mark)[0]
            if rule.kind == "shared" or opened == -1:
                continue
            book = rule.book(who)
            if rule.window[0] == "rolling":
                ended = [t for t in self.turns.values() if t.end]
                for at in {turn.at for turn in ended}:
                    lines = [x for t in ended if t.at == at for x in t.lines if x.book == book]
                    off = sum(w[3] for w in self.written_off if (w[0], w[2]) == (book, at))
                    own = sum(line.own for line in lines) - off
                    self.written_off.append((book, opened, at, own, 0))
            else:
                own, extra = self.spent(rule, who, self.mark)
                self.written_off.append((book, opened, self.mark, own, extra))
            self.warned.pop((book, opened), None)
