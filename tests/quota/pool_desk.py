"""A desk that plays a fair pool and checks every answer against a model that only scans.

The model knows members with their holds, adds up whatever it needs from them, and tells the
histogram, the averages and the curve in the plainest words. Nothing of quota/pool*.py is used to
check quota/pool*.py, so the desk can be handed a rule with a mistake in it and must notice.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import count
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

from quota.windows import Period

ROOT = Path(__file__).parents[2]
PARTS = ("pool_terms", "pool_demand", "pool", "pool_governing")
DAY_MS = 86_400_000


class Rules:
    """The functions of the four modules under one roof, as written or with a mistake."""

    def __init__(self, modules: dict[str, ModuleType]) -> None:
        self.terms: Any = modules["pool_terms"]
        self.demand: Any = modules["pool_demand"]
        self.pool: Any = modules["pool"]
        self.governing: Any = modules["pool_governing"]


_numbers = count()


@contextmanager
def rules(part: str = "", right: str = "", wrong: str = "") -> Iterator[Rules]:
    """Load the modules anew, with one piece of one of them replaced."""
    prefix = f"pool_copy_{next(_numbers)}_"
    modules: dict[str, ModuleType] = {}
    try:
        for name in PARTS:
            text = (ROOT / "quota" / f"{name}.py").read_text(encoding="utf-8")
            if name == part:
                assert text.count(right) == 1, f"{right!r} stands {text.count(right)} times"
                text = text.replace(right, wrong)
            for other in PARTS:
                text = text.replace(f"from quota.{other} import", f"from {prefix}{other} import")
            module = ModuleType(prefix + name)
            sys.modules[prefix + name] = modules[name] = module
            exec(compile(text, f"{name} with a mistake", "exec"), module.__dict__)  # noqa: S102
        yield Rules(modules)
    finally:
        for name in modules:
            del sys.modules[prefix + name]


@dataclass
class Person:
    """A member as the model knows it."""

    weight: int
    quoted: int = 0
    used: int = 0
    missed: int = 0
    holds: list[int] = field(default_factory=list)

    @property
    def taken(self) -> int:
        return self.used + sum(self.holds)

    @property
    def kept(self) -> int:
        return max(0, self.quoted - self.taken)

    @property
    def place(self) -> int:
        """The first bucket that reaches beyond what was tried per weight."""
        tried = (self.taken + self.missed) // self.weight
        return next((k for k in range(40) if tried < 1 << k), 40)


def middle(place: int) -> int:
    return (1 << place) * 3 // 4


@dataclass
class Desk:
    """Plays one pool; every method is one move, and ends with all that must hold."""

    rules: Rules
    size: int = 10_000
    floor: int | None = None
    lend: int = 100
    guess: int = 8
    now: int = 0
    people: dict[str, Person] = field(default_factory=dict)
    members: dict[str, Any] = field(default_factory=dict)
    asked_at: list[int] = field(default_factory=list)
    days: int = 0

    def __post_init__(self) -> None:
        rule = self.rules.terms.PoolRule(self.size, self.floor, self.lend)
        self.row = self.rules.terms.first_period("p", Period(0, DAY_MS), rule, self.guess)
        self.past_hist = [Fraction(0)] * 41
        self.past_asks = [Fraction(0)] * 24
        self.check_terms()

    # Moves.

    def wait(self, ms: int) -> None:
        self.now = min(self.now + ms, self.row.closes_at - 1)

    def arrive(self, name: str, weight: int) -> Person:
        known = name in self.people
        person = self.people.setdefault(name, Person(weight))
        changed = not known or person.weight != weight
        before = person.quoted
        person.weight = weight
        self.row, member = self.rules.pool.arrive(
            self.row, self.members.get(name), name, weight, self.now
        )
        if changed and self.now < self.row.keep_until:
            room = self.row.size - self.taken() - self.kept()
            room = room // 40 if self.row.guessed else room
            floor = self.floor_now() * weight
            person.quoted = max(before, min(floor, max(before, person.taken) + room))
        assert member.share == person.quoted, "the share that the rule says"
        self.members[name] = member
        self.check()
        return person

    def ask(self, name: str, weight: int, need: int, want: int) -> int:
        person = self.arrive(name, weight)
        row, member = self.row, self.members[name]
        decision = self.rules.pool.decide(row, member, need, want, self.now)
        again = self.rules.pool.decide(row, member, need, want, self.now)
        assert decision == again, "equal state, equal answer"
        grant: int = decision.grant
        self.check_grant(person, need, want, grant)
        self.check_later(member, need, want, grant)
        self.check_figures(person, decision)
        if grant:
            person.holds.append(grant)
            self.asked_at.append(self.now)
            self.row, self.members[name] = self.rules.pool.reserve(row, member, grant, self.now)
        else:
            if not person.missed:
                self.asked_at.append(self.now)
            person.missed += need
            self.row, self.members[name] = self.rules.pool.refuse(row, member, need, self.now)
            assert self.members[name] == member._replace(missed=member.missed + need)
        self.check()
        return grant

    def settle(self, name: str, nth: int, charge: int) -> None:
        person = self.people[name]
        held = person.holds.pop(nth)
        charge = min(charge, held)
        person.used += charge
        rows = self.rules.pool.settle(self.row, self.members[name], held, charge)
        self.row, self.members[name] = rows
        self.check()

    def correct(self, name: str) -> None:
        """Write off what a member used, as far as what is kept for others allows."""
        person = self.people[name]
        used, person.used = person.used, 0
        rows = self.rules.pool.settle(self.row, self.members[name], 0, -used)
        self.row, self.members[name] = rows
        self.check()

    def keep_more(self, name: str, weight: int, amount: int) -> None:
        person = self.arrive(name, weight)
        unclaimed = self.row.size - self.taken() - self.kept()
        answer = self.rules.governing.keep_more(self.row, self.members[name], amount, self.now)
        if isinstance(answer, self.rules.governing.NotKept):
            late = self.now >= self.row.keep_until
            assert answer == (("late", 0) if late else ("claimed", unclaimed))
            assert late or amount > unclaimed, "what is unclaimed can be kept"
        else:
            kept = person.kept
            self.row, self.members[name] = answer
            person.quoted = self.members[name].share
            assert person.kept == kept + amount, "so much more is kept"
        self.check()

    def resize(self, size: int) -> None:
        self.row = self.rules.governing.resize(self.row, size, self.now)
        promised = self.taken() + (self.kept() if self.now < self.row.keep_until else 0)
        assert self.row.size == max(size, promised), "no lower than what is promised"
        self.check()

    def raise_floor(self, floor: int) -> None:
        before = self.floor_now()
        self.row = self.rules.governing.raise_floor(self.row, floor, self.now)
        assert self.row.floor in {floor, before} or self.row.floor == 0
        assert self.floor_now() >= before, "a floor only rises"
        self.check()

    def forget(self) -> None:
        self.row = self.rules.terms.forget(self.row, self.guess)
        assert self.row.guessed, "nothing is known any more"
        self.past_hist = [Fraction(0)] * 41
        self.past_asks = [Fraction(0)] * 24
        self.check()

    def next_day(self, skip: int = 0) -> None:
        """Close the period; after so many days nobody asked in, the next one opens."""
        asks = [0] * 24
        for at in self.asked_at:
            asks[(at - self.row.opens_at) * 24 // DAY_MS] += 1
        assert list(self.row.asks) == asks, "what was asked, by the hour"
        if any(asks):
            hist = self.hist()
            first = not any(self.past_asks)
            self.past_hist = [
                average(p, t, first=first) for p, t in zip(self.past_hist, hist, strict=True)
            ]
            self.past_asks = [
                average(p, t, first=first) for p, t in zip(self.past_asks, asks, strict=True)
            ]
        self.days += 1 + skip
        period = Period(self.days * DAY_MS, (self.days + 1) * DAY_MS)
        rule = self.rules.terms.PoolRule(self.size, self.floor, self.lend)
        self.row = self.rules.terms.next_period(self.row, period, rule, self.guess)
        self.now = period.opens_at
        self.people, self.members, self.asked_at = {}, {}, []
        self.check_terms()
        self.check()

    # What the model adds up.

    def taken(self) -> int:
        return sum(person.taken for person in self.people.values())

    def kept(self) -> int:
        return sum(person.kept for person in self.people.values())

    def hist(self) -> list[int]:
        hist = [0] * 41
        for person in self.people.values():
            hist[person.place] += person.weight
        return hist

    def weight(self) -> int:
        return sum(person.weight for person in self.people.values())

    def to_come(self) -> int:
        """Two parts of the curve, one of the clock, in thousandths."""
        gone = Fraction(self.now - self.row.opens_at, DAY_MS)
        slot = int(gone * 24)
        drop = self.row.left[slot] - self.row.left[slot + 1]
        curve = self.row.left[slot] - int(drop * (gone * 24 - slot))
        return int(667 * curve + 333 * int((1 - gone) * 1000)) // 1000

    def trust(self) -> int:
        return 150 if any(self.past_asks) else 15

    def expected(self, guess: int) -> Fraction:
        """The weight that will have come by the end; a guess is of so many times those it names."""
        past = Fraction(guess * sum(self.row.past_hist), 1000) * self.trust()
        observed = self.trust() + 1000 - self.to_come()
        return (past + self.weight() * 1000) / observed

    def floor_now(self) -> int:
        """The floor per weight: half a share among all that come, as long as that is a guess."""
        if self.row.floor or any(self.past_asks):
            return int(self.row.floor)
        return int(self.row.size / self.expected(2) / 2)

    def newcomers(self) -> Fraction:
        """The floors of those who have not come yet."""
        coming = max(Fraction(0), self.expected(1) - self.weight())
        if self.row.floor or any(self.past_asks):
            return coming * int(self.row.floor)
        return coming * int(self.row.size) / self.expected(2) / 2

    def others_need(self, person: Person | None, level: int) -> int:
        """What all but one may still use up to a level, told member by member."""
        seen = 0
        for other in self.people.values():
            if other is not person:
                seen += min(middle(other.place), level) * other.weight
        past = sum(
            weight * min(middle(place), level) for place, weight in enumerate(self.row.past_hist)
        )
        observed = self.trust() + 1000 - self.to_come()
        whole = (past // 1000 * self.trust() + seen * 1000) // observed
        return int(whole * self.to_come() // (10 * self.row.lend_percent))

    def may_have(self, person: Person, amount: int) -> bool:
        """The rule in one sentence each: kept, or within the floor, or enough left for all."""
        keeps = self.now < self.row.keep_until
        free = self.row.size - self.taken()
        others = self.kept() - person.kept if keeps else 0
        if keeps and amount <= person.kept:
            return True
        if person.taken + amount <= self.floor_now() * person.weight and amount <= free - others:
            return True
        level = (person.taken + amount) // person.weight
        newcomers = int(self.newcomers()) if keeps else 0
        rest = free - amount
        need = self.others_need(person, level)
        return bool(rest >= others + newcomers and rest >= self.row.last_call and rest >= need)

    # What must hold.

    def check(self) -> None:
        row = self.row
        assert row.used == sum(person.used for person in self.people.values())
        assert row.held == sum(sum(person.holds) for person in self.people.values())
        assert row.claims == self.kept(), "claims are what is kept"
        assert list(row.hist) == self.hist(), "everyone stands in the right bucket"
        tally = (row.used, row.held, row.claims, row.hist)
        assert self.rules.governing.tally(self.members.values()) == tally
        assert self.taken() <= row.size, "never more than there is"
        if self.now < row.keep_until:
            assert self.taken() + self.kept() <= row.size, "what is kept is there"
        for name, person in self.people.items():
            assert self.members[name].share == person.quoted, "a share stays as it was quoted"

    def check_grant(self, person: Person, need: int, want: int, grant: int) -> None:
        assert grant == 0 or need <= grant <= want
        if self.now < self.row.keep_until and need <= person.kept:
            assert grant >= min(want, person.kept), "what is kept is granted"
        grain = max(1, (want - need) >> 11)
        if grant:
            assert self.may_have(person, grant), "a grant leaves everyone theirs"
            if grant < want:
                assert not self.may_have(person, min(want, grant + grain)), "no more would fit"
        else:
            assert not self.may_have(person, need), "no refusal without a reason"

    def check_later(self, member: Any, need: int, want: int, grant: int) -> None:
        """What fits now fits later and in a larger pool, if nobody moves meanwhile.

        Extra that was kept by an admin ends with `keep_until` and is no part of this.
        """
        decide = self.rules.pool.decide
        room = self.rules.pool.room(self.row, member, self.now)
        if grant:
            assert room >= grant, "the room holds what was granted"
            extra = member.share > self.row.floor * member.weight
            keep_until = self.row.keep_until
            for later in (self.now + DAY_MS // 100, keep_until, self.row.closes_at - 1):
                crosses = self.now < keep_until <= later
                if later >= self.now and not (extra and crosses):
                    assert decide(self.row, member, need, want, later).grant, "fits, so fits later"
        else:
            assert room < need, "no room for what was refused"
        free = self.row.size - self.taken()
        assert room <= free
        if free >= 1:
            assert room == decide(self.row, member, 1, max(free, 1), self.now).grant or (
                room > decide(self.row, member, 1, free, self.now).grant
            ), "the room is what would be granted at most"
        larger = self.rules.governing.resize(self.row, self.row.size + 1_000, self.now)
        if grant:
            assert decide(larger, member, need, want, self.now).grant, "fits in a larger pool"
        rows = self.rules.pool.without_holds(self.row, member)
        hopeful = decide(*rows, need, want, self.now).grant
        assert hopeful >= need or not grant, "without holds there is no less"

    def check_figures(self, person: Person, decision: Any) -> None:
        keeps = self.now < self.row.keep_until
        assert decision.free == self.row.size - self.taken()
        assert decision.kept == (person.kept if keeps else 0)
        assert decision.others_kept == (self.kept() - person.kept if keeps else 0)
        assert decision.newcomers == (int(self.newcomers()) if keeps else 0)
        assert decision.floor == self.floor_now() * person.weight
        assert decision.to_come == self.to_come()
        assert decision.last_call == self.row.last_call
        amount = decision.grant or decision.need
        assert decision.level == (person.taken + amount) // person.weight
        assert decision.others_need == self.others_need(person, decision.level)

    def check_terms(self) -> None:
        """What a period knows when it opens, told from the model's own averages."""
        row = self.row
        assert row.size == self.size
        assert row.lend_percent == self.lend
        assert row.last_call == self.size // 100
        assert {row.used, row.held, row.claims, *row.hist, *row.asks} == {0}
        if not any(self.past_asks):
            assert row.guessed
            assert row.floor == (self.floor or 0)
            assert row.keep_until == row.opens_at + DAY_MS * 3 // 4, "an even day: until 18:00"
            return
        assert list(row.past_hist) == self.past_hist
        assert list(row.past_asks) == self.past_asks
        weight = sum(self.past_hist)
        equal = int(Fraction(self.size * 1000) / weight)
        usual = sum(w * min(middle(k), equal) for k, w in enumerate(self.past_hist)) / weight
        assert row.floor == (int(usual) // 2 if self.floor is None else self.floor)
        asks = sum(self.past_asks)
        left = [int(1000 * sum(self.past_asks[slot:]) / asks) for slot in range(25)]
        assert list(row.left) == left
        kept = min(slot for slot in range(25) if left[slot] <= 250)
        assert row.keep_until == row.opens_at + kept * DAY_MS // 24


def average(past: Fraction, today: int, *, first: bool) -> Fraction:
    """Half the way from the past to today, in whole thousandths; a first day counts whole."""
    if first:
        return Fraction(today * 1000)
    return past + (today * 1000 - past) // 2


def walk(desk: Desk, seed: int, moves: int) -> None:
    """Play so many moves at random; an assertion fails where the rule does."""
    rng = Random(seed)
    names = [f"m{n}" for n in range(rng.choice((2, 5, 12)))]
    for _ in range(moves):
        name = rng.choice(names)
        weight = 3 if name == "m1" or rng.random() < 0.02 else 1
        if rng.random() < 0.9:
            turn(desk, rng, name, weight)
        else:
            govern(desk, rng, name, weight)


def turn(desk: Desk, rng: Random, name: str, weight: int) -> None:
    """What happens all day: somebody asks, an answer ends, time passes."""
    move = rng.random()
    busy = [known for known, person in desk.people.items() if person.holds]
    if move < 0.6:
        need = rng.randint(1, desk.size // 20)
        desk.ask(name, weight, need, need + rng.randint(0, desk.size // 4))
    elif move < 0.92 and busy:
        name = rng.choice(busy)
        desk.settle(name, 0, rng.randint(0, desk.people[name].holds[0]))
    else:
        desk.wait(rng.randint(0, DAY_MS // 12))


def govern(desk: Desk, rng: Random, name: str, weight: int) -> None:
    """What happens now and then: days end, and admins change things."""
    match rng.randrange(9):
        case 0 if desk.now < desk.row.keep_until:
            desk.wait(desk.row.keep_until - desk.now)
        case 0 | 1:
            for _ in range(rng.choice((1, 1, 2))):
                desk.next_day(rng.choice((0, 0, 2)))
        case 2 | 3:
            unclaimed = max(0, desk.row.size - desk.taken() - desk.kept())
            desk.keep_more(name, weight, rng.choice((unclaimed // 4, unclaimed)) + 1)
        case 4 | 5:
            desk.resize(rng.choice((1, desk.size // 2, desk.size, desk.size * 2)))
        case 6:
            desk.raise_floor(rng.randint(1, desk.size // 10))
        case 7 if name in desk.people:
            desk.correct(name)
        case _:
            if rng.random() < 0.2:
                desk.forget()
