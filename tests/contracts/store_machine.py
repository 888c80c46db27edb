"""A machine that does to a store whatever can be done, and compares each answer with the model.

Amounts lie near the limits and ids repeat, so that what is rare in life is common here. The clock
is set forwards and backwards by a rule of its own. Where members share limits of every unit and
every window, a restart, a duplicate or a grant that ends may come at any moment.
"""

import asyncio
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from adapters.sqlite.store import SqliteStore
from quota import limits as limits_of
from quota.accounting import Estimate
from quota.calls import UNTOLD, Served
from quota.errors import UnknownHoldError
from quota.limits import Bound, Kind, Limit, Policy
from quota.members import EVERYONE, Scope
from quota.memory import MemoryStore
from quota.store import GrantRequest, ReserveRequest, SettleRequest, Store
from quota.units import Rates, Unit, Usage
from quota.verdicts import Granted, Refused, Seen, Settlement, Waiting
from quota.windows import Anchored, Balance, Calendar, Rolling
from tests.contracts.conftest import open_again
from tests.contracts.store_desk import HOUSE_BOOKS, audit, binding
from tests.contracts.store_model import Ask, Gift, Model, Rule, Turn
from tests.fakes import DAY, HOUR, MINUTE, MORNING, requester

T = TypeVar("T")

STEP = 40
HOLD_MS = 20 * MINUTE
WARN_AT = (50, 90)
SPACE, HOUSE = Scope("space"), Scope("house")

UNITS = {str(unit): unit for unit in Unit}
KINDS: dict[str, Kind] = {kind: kind for kind in ("allowance", "cap", "shared")}

# Each limit as the model knows it, and as the project does.
RULES: dict[Rule, Limit] = {
    Rule(name, unit, window, kind): Limit(
        scope, KINDS[kind], limits_of.Rule(1, UNITS[unit], counted)
    )
    for name, unit, window, kind, scope, counted in (
        ("day", "tokens", ("day", DAY), "allowance", EVERYONE, Calendar("day")),
        ("slide", "tokens", ("rolling", 6 * HOUR), "allowance", EVERYONE, Rolling(6 * HOUR)),
        ("calls", "requests", ("first", HOUR), "allowance", EVERYONE, Anchored(HOUR)),
        ("money", "credits", ("balance", 0), "allowance", EVERYONE, Balance()),
        ("pace", "requests", ("rolling", HOUR), "cap", EVERYONE, Rolling(HOUR)),
        ("pool", "tokens", ("first", 12 * HOUR), "shared", SPACE, Anchored(12 * HOUR)),
        ("bill", "credits", ("rolling", DAY), "shared", HOUSE, Rolling(DAY)),
    )
}
AMOUNTS = {
    "tokens": st.sampled_from([60, 100, 150, 250]),
    "requests": st.integers(1, 4),
    "credits": st.sampled_from([50, 200, 500]),
}
PRICES = st.sampled_from(
    [None, (1_300_000, 200_000, 2_700_001, 2_700_001), (1, 3, 500_000, 900_000)]
)
# Mostly the provider says nothing, or what was asked for; at times another price, or its own bill.
SERVED = [
    *(UNTOLD, UNTOLD, UNTOLD, Served("mini")),
    *(Served("cheap", Rates(1, 1, 1, 1)), Served("dear", Rates(*[9_000_000] * 4))),
    *(Served("", None, 0), Served("", None, 17), Served("dear", Rates(*[9_000_000] * 4), 400)),
]
NAMES = st.sampled_from(["ana", "bo"])
# Mostly one of the open holds, at times any that was, at times one that never was.
HOLDS = st.integers(0, 30)
# Of what was held, in percent; or a number of tokens of its own.
SHARES = st.sampled_from([0, 30, 60, 90, 100, 100, 100, 101, 130])
TOKENS = st.sampled_from([0, 1, 20, 50, 99, 100, 101, 150, 300])
MOVES_MS = [1, 1, MINUTE, MINUTE, 19 * MINUTE, HOUR - 1, HOUR, 6 * HOUR, 6 * HOUR, DAY, 3 * DAY]


KNOWN = {(x.kind, x.rule.unit, x.rule.window): known for known, x in RULES.items()}


class StoreMachine(RuleBasedStateMachine):
    """The rules; subclasses say which store, and what a restart is."""

    store: Store

    def __init__(self) -> None:
        super().__init__()
        self.model = Model(STEP, HOLD_MS, WARN_AT)
        self.clock = MORNING
        self.loose: set[str] = set()
        self.pruned = False
        self.store = self.run(self.open())

    def run(self, move: Coroutine[Any, Any, T]) -> T:
        """Let a verb happen. A store that waits for nothing needs no event loop."""
        try:
            move.send(None)
        except StopIteration as done:
            answer: T = done.value
            return answer
        raise AssertionError("memory has nothing to wait for")

    async def open(self) -> Store:
        """A new store."""
        return self.store

    async def reopen(self) -> None:
        """End the process and begin again."""

    def teardown(self) -> None:
        try:
            assert self.run(self.store.verify()) == []
        finally:
            self.run(self.store.close())

    # What the model does not need to know.

    def bounds(self, who: str) -> tuple[Bound, ...]:
        found = []
        for known, amount in self.model.limits.items():
            limit = RULES[known]
            new = limits_of.Rule(amount, limit.rule.unit, limit.rule.window)
            found.append(Limit(limit.scope, limit.kind, new))
        return binding(Policy(tuple(found)), requester(who), "mini")

    def request(self, ask: Ask) -> ReserveRequest:
        who = requester(ask.who).member
        rates = None if ask.prices is None else Rates(*ask.prices)
        return ReserveRequest(
            ask.event,
            ask.says,
            who.wallet,
            who.space.key,
            "mini",
            self.bounds(ask.who),
            Estimate(ask.input, ask.cap, ask.floor, rates),
            HOLD_MS,
            STEP,
            ask.final,
            ask.behind,
        )

    # Limits and time.

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        names = sorted(
            data.draw(st.sets(st.sampled_from(range(len(RULES))), min_size=1, max_size=4))
        )
        for known in [known for n, known in enumerate(RULES) if n in names]:
            self.model.limits[known] = data.draw(AMOUNTS[known.unit])

    @rule(known=st.sampled_from(list(RULES)), data=st.data())
    def set_limit(self, known: Rule, data: st.DataObject) -> None:
        amount = data.draw(AMOUNTS[known.unit])
        if amount < self.model.limits.get(known, 1 << 60):
            self.loose.add(known.name)
        self.model.limits[known] = amount

    @rule(known=st.sampled_from(list(RULES)))
    def drop_limit(self, known: Rule) -> None:
        if len(self.model.limits) > 1:
            self.model.limits.pop(known, None)

    @rule(ms=st.sampled_from(MOVES_MS), back=st.sampled_from([False, False, True]))
    def set_the_clock(self, ms: int, *, back: bool) -> None:
        self.clock += -ms if back else ms

    @rule(number=st.integers(0, 40), ms=st.sampled_from([-1, 0, 0, 1]))
    def go_to_a_moment(self, number: int, ms: int) -> None:
        """Go where something ends, or to the last millisecond before."""
        moments = {gift.until for gift in self.model.gifts if gift.until}
        for turn in self.model.turns.values():
            moments |= {turn.ends} if turn.end is None else set()
            moments |= {turn.at + line.rule.window[1] for line in turn.lines}
        ahead = sorted(moment for moment in moments if moment > self.model.mark)
        if ahead:
            self.clock = ahead[number % len(ahead)] + ms

    # Turns.

    @rule(
        who=NAMES,
        event=st.sampled_from([*[""] * 8, "e1", "e2", "e3", "e4"]),
        says=st.sampled_from(["hello", "hello", "hello", "bye"]),
        input_=st.sampled_from([0, 1, 10, 40]),
        cap=st.sampled_from([1, 20, 50, 60, 61, 100, 150]),
        floor=st.sampled_from([0, 1, 16, 64]),
        prices=PRICES,
        how=st.sampled_from(["final", "final", "patient", "behind", "both"]),
    )
    def ask(
        self,
        who: str,
        event: str,
        says: str,
        input_: int,
        cap: int,
        floor: int,
        prices: tuple[int, int, int, int] | None,
        how: str,
    ) -> None:
        final, behind = how in {"final", "both"}, how in {"behind", "both"}
        ask = Ask(who, event, says, input_, cap, floor, prices, final, behind)
        verdict = self.run(self.store.reserve(self.request(ask), self.clock))
        must, output = self.model.ask(ask, self.clock)
        match verdict:
            case Granted():
                assert must == "granted", must
                assert verdict.output_cap == output
                assert verdict.shrunk == (output < cap)
                assert (verdict.input_tokens, verdict.hold_id) == (input_, self.next_id())
                assert verdict.expires_at == self.model.mark + HOLD_MS
                self.model.grant(verdict.hold_id, ask, output)
                self.check_nothing_is_overspent(who)
            case Refused():
                assert must == "refused", must
                self.check_refusal(ask, verdict)
            case Waiting():
                assert must == "waits", must
            case Seen(how=told):
                assert must == told

    ask_too = ask_as_well = ask

    @rule(number=st.integers(0, 9), how=st.sampled_from(["final", "patient"]))
    def hear_again(self, number: int, how: str) -> None:
        """The platform delivers what it has delivered before."""
        heard = sorted(self.model.events)
        if heard:
            event = heard[number % len(heard)]
            says = self.model.events[event][0]
            self.ask("ana", event, says, 1, 20, 1, None, how)

    @rule(who=NAMES, cap=st.sampled_from([10, 25, 60, 150]), prices=PRICES)
    def use_up(self, who: str, cap: int, prices: tuple[int, int, int, int] | None) -> None:
        """Spend what is left, of grants too."""
        self.ask(who, "", "", 0, cap, 1, prices, "final")
        last = max(self.model.turns, default=0)
        if last and self.model.turns[last].end is None:
            self.settle_hold(last, (0, 0, self.model.turns[last].cap, 0))

    use_it_up = use_up

    def next_id(self) -> int:
        return len(self.model.turns) + 1

    def check_nothing_is_overspent(self, who: str) -> None:
        """At the moment of a grant spent and held fit, wherever nobody has lowered anything."""
        for bound in self.run(self.store.balances(self.wallet(who), self.bounds(who), self.clock)):
            known = self.known(bound.limit)
            if bound.granted is not None and known.name not in self.loose and not self.taken(who):
                assert bound.used + bound.held <= bound.granted

    def taken(self, who: str) -> bool:
        return any(g.who == who and (g.amount < 0 or g.until) for g in self.model.gifts)

    def check_refusal(self, ask: Ask, told: Refused) -> None:
        now, model = self.model.mark, self.model
        assert told.limit is not None
        expected: dict[str, tuple[bool, int]] = {}
        for known in model.limits:
            needed = ask.needs(known.unit, ask.least)
            if needed > model.left(known, ask.who, now, holds=False):
                opens = model.opens(known, ask.who, now, needed)
                expected[known.name] = True, 1 << 61 if opens is None else opens
            elif needed > model.left(known, ask.who, now, holds=True):
                expected[known.name] = False, 1 << 61
        known = self.known(told.limit)
        needed = ask.needs(known.unit, ask.least)
        assert expected[known.name] == max(expected.values())
        spent, opens_at = expected[known.name]
        left = model.left(known, ask.who, now, holds=not spent)
        assert (told.needed, told.left, str(told.unit)) == (needed, left, known.unit)
        if not spent:
            assert (told.reason, told.opens_at, told.fits) == ("busy", None, None)
            return
        assert (told.opens_at or 1 << 61) == opens_at
        used_up = "pool_used" if known.kind == "shared" else "period_used"
        assert told.reason in {"too_large", used_up}
        never = told.opens_at is None and (known.window[0] != "balance" or needed > told.granted)
        if told.reason == used_up:
            assert not never or known.unit == "requests"
        elif told.fits:
            for shorter, fits in ((told.fits, True), (told.fits + 1, False)):
                less = Ask(ask.who, "", "", shorter, ask.cap, ask.floor, ask.prices)
                dear = less.needs(known.unit, ask.least) > left
                assert dear is not fits

    def pick(self, number: int) -> int:
        still = [hold_id for hold_id, turn in self.model.turns.items() if not turn.end]
        return still[number % len(still)] if still and number < 24 else number - 23

    @rule(
        number=HOLDS,
        of_input=SHARES,
        of_output=SHARES,
        cached=st.sampled_from([0, 0, 7, 50]),
        thought=st.sampled_from([0, 0, 5]),
        after=st.sampled_from([0, 0, 0, HOUR, 12 * HOUR, DAY]),
        said=st.sampled_from(SERVED),
    )
    def settle(
        self,
        number: int,
        of_input: int,
        of_output: int,
        cached: int,
        thought: int,
        after: int,
        said: Served,
    ) -> None:
        hold_id = self.pick(number)
        self.clock += after
        turn = self.model.turns.get(hold_id)
        input_ = of_input * (turn.input if turn else 1) // 100
        output = of_output * (turn.cap if turn else 1) // 100
        # What has no price is refused before the books, where money is limited.
        said = said if turn is not None and turn.prices is not None else UNTOLD
        used = input_, min(cached, input_), output, min(thought, output)
        self.settle_hold(hold_id, used, said)

    def settle_hold(
        self, hold_id: int, used: tuple[int, int, int, int], said: Served = UNTOLD
    ) -> None:
        turn = self.model.turns.get(hold_id)
        bounds = self.bounds(turn.who) if turn else ()
        request = SettleRequest(hold_id, Usage(*used), "provider", bounds, WARN_AT, "", *said)
        done = self.resolve(hold_id, self.store.settle(request, self.clock))
        if done is None or turn is None:
            return
        if turn.end is None:
            self.model.finish(turn, "settle", used, said.rates, said.billed)
            self.check_end(turn, done, first=True)
            told = [(self.known(n.limit).name, n.threshold) for n in done.notices]
            assert sorted(told) == sorted(self.model.warnings(turn))
        else:
            self.check_end(turn, done, first=False)

    settle_too = settle

    @rule(number=HOLDS)
    def release(self, number: int) -> None:
        hold_id = self.pick(number)
        done = self.resolve(hold_id, self.store.release(hold_id, "not sent", self.clock))
        turn = self.model.turns.get(hold_id)
        if done is None or turn is None:
            return
        first = turn.end is None
        if first:
            self.model.finish(turn, "release", None)
        self.check_end(turn, done, first=first)

    def resolve(self, hold_id: int, move: Coroutine[Any, Any, Settlement]) -> Settlement | None:
        """None where no such hold is known, or is known any more."""
        turn = self.model.turns.get(hold_id)
        try:
            done = self.run(move)
        except UnknownHoldError:
            assert turn is None or (turn.end is not None and self.pruned)
            return None
        finally:
            self.model.tick(self.clock)
        assert turn is not None
        return done

    def check_end(self, turn: Turn, done: Settlement, *, first: bool) -> None:
        told = done.kind, done.tokens, done.house_tokens, done.credits, done.house_credits
        assert told == turn.end
        assert done.first is first

    @rule(number=HOLDS, output=TOKENS)
    def progress(self, number: int, output: int) -> None:
        hold_id = self.pick(number)
        self.note(hold_id, output)

    @rule(number=HOLDS, output=TOKENS, older=TOKENS, at_most=st.sampled_from([1, 100]))
    def hang(self, number: int, output: int, older: int, at_most: int) -> None:
        """A turn gets so far and no further; notes of it may come in any order."""
        hold_id = self.pick(number)
        self.note(hold_id, output)
        self.note(hold_id, older)
        turn = self.model.turns.get(hold_id)
        if turn is not None and turn.end is None:
            self.clock = turn.ends
        self.lapse(at_most)

    def note(self, hold_id: int, output: int) -> None:
        self.run(self.store.progress(hold_id, output, self.clock))
        self.model.tick(self.clock)
        turn = self.model.turns.get(hold_id)
        if turn is not None and turn.end is None:
            turn.progress = max(turn.progress, output)

    @rule(at_most=st.sampled_from([1, 100]))
    def sweep(self, at_most: int) -> None:
        self.lapse(at_most)

    def lapse(self, at_most: int) -> None:
        now = self.model.tick(self.clock)
        late = self.model.late(now)[:at_most]
        lapsed = self.run(self.store.lapse(self.clock, at_most))
        assert [row.hold_id for row in lapsed] == late
        for row in lapsed:
            self.model.lapse(row.hold_id)
            end = self.model.turns[row.hold_id].end
            assert end is not None
            assert end[:2] == ("lapse", row.tokens)

    # Admins and upkeep.

    @rule(
        who=NAMES,
        number=st.integers(0, 5),
        amount=st.sampled_from([1, 30, 30, 100, 100, -1, -30, -500]),
        ms=st.sampled_from([None, MINUTE, HOUR, 12 * HOUR]),
    )
    def grant(self, who: str, number: int, amount: int, ms: int | None) -> None:
        units = [x.unit for x in self.model.limits if x.kind == "allowance"] or ["tokens"]
        unit = units[number % len(units)]
        now = self.model.tick(self.clock)
        until = None if ms is None else now + ms
        request = GrantRequest(self.wallet(who), UNITS[unit], amount, until, "admin", "because")
        self.run(self.store.grant(request, audit("grant"), self.clock))
        self.model.gifts.append(Gift(who, unit, amount, until))

    @rule(
        who=NAMES,
        number=st.integers(0, 5),
        amount=st.sampled_from([30, 100]),
        cap=st.sampled_from([10, 25, 60]),
    )
    def lean_on_a_grant(self, who: str, number: int, amount: int, cap: int) -> None:
        """Spend the allowance, and let a grant pay for what is held next."""
        self.use_up(who, 150, None)
        self.use_up(who, 150, None)
        self.grant(who, number, amount, HOUR)
        self.ask(who, "", "", 0, cap, 1, None, "final")

    @rule(who=NAMES)
    def reset(self, who: str) -> None:
        self.use_up(who, 150, None)
        own = tuple(bound for bound in self.bounds(who) if bound.kind != "shared")
        self.model.tick(self.clock)
        self.run(self.store.correct(self.wallet(who), own, audit("reset"), self.clock))
        self.model.write_off(who)

    @rule(who=NAMES, ms=st.sampled_from(MOVES_MS))
    def look_ahead(self, who: str, ms: int) -> None:
        """To read is to change nothing, whatever the clock of the reader says."""
        self.run(self.store.balances(self.wallet(who), self.bounds(who), self.clock + ms))

    @rule(days=st.sampled_from([0, 2, 7]))
    def prune(self, days: int) -> None:
        age = days * DAY
        self.run(self.store.prune(self.clock, events_ms=age, entries_ms=age))
        self.pruned = True
        now = self.model.tick(self.clock)
        kept = {k: e for k, e in self.model.events.items() if e[1] >= now - age}
        self.model.events = kept

    @rule(back=st.sampled_from([0, 0, HOUR, DAY]))
    def restart(self, back: int) -> None:
        # What is on disk after a move is what the move was told; the clock may have run on.
        fresh = f"fresh {self.clock} {len(self.model.events)}"
        self.model.tick(self.clock)
        self.run(self.store.accept(fresh, "", self.clock))
        self.model.events[fresh] = "", self.model.mark, False
        self.clock -= back
        self.run(self.reopen())
        for hold_id in [i for i, turn in self.model.turns.items() if not turn.end]:
            self.model.lapse(hold_id)

    # What always holds.

    @invariant()
    def balances_are_the_sums(self) -> None:
        now = max(self.clock, self.model.mark)
        for who in ("ana", "bo"):
            told = self.run(self.store.balances(self.wallet(who), self.bounds(who), self.clock))
            assert len(told) == len(self.model.limits)
            for balance in told:
                known = self.known(balance.limit)
                shown = balance.used, balance.held, balance.left, balance.granted
                assert shown == (
                    sum(self.model.spent(known, who, now)),
                    sum(self.model.held(known, who, now)),
                    self.model.left(known, who, now, holds=True),
                    self.model.granted(known, who, now),
                ), balance

    @invariant()
    def grants_are_the_sums(self) -> None:
        now = max(self.clock, self.model.mark)
        for who in ("ana", "bo"):
            rows = self.run(self.store.grants(self.wallet(who), self.clock))
            told = {row.id: (str(row.unit), row.amount, row.spent, row.held) for row in rows}
            assert told == {
                number: (gift.unit, gift.amount, gift.spent, gift.held)
                for number, gift in enumerate(self.model.gifts, 1)
                if gift.who == who and (gift.until is None or gift.until > now)
            }

    @invariant()
    def the_house_has_what_nobody_held(self) -> None:
        told = self.run(self.store.balances("nobody", HOUSE_BOOKS, self.clock))
        now = max(self.clock, self.model.mark)
        assert tuple(balance.used for balance in told) == self.model.house_paid(now)

    @invariant()
    def the_books_agree(self) -> None:
        assert self.run(self.store.verify()) == []

    def wallet(self, who: str) -> str:
        return requester(who).member.wallet

    def known(self, limit: Limit) -> Rule:
        return KNOWN[limit.kind, limit.rule.unit, limit.rule.window]


class MemoryMachine(StoreMachine):
    """Over the memory store, whose books forget what the shelf can bring back."""

    store: MemoryStore
    kind: ClassVar[type[MemoryStore]] = MemoryStore

    async def open(self) -> Store:
        return self.kind()

    async def reopen(self) -> None:
        await open_again(self.store, self.clock)

    @rule()
    def let_go(self) -> None:
        """What is not in memory any more comes back from the shelf."""
        self.store.books.evict()


class SqliteMachine(StoreMachine):
    """Over a file, which a restart closes and opens again."""

    store: SqliteStore
    kind: ClassVar[type[SqliteStore]] = SqliteStore

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="quotabot-")
        self.loop = asyncio.new_event_loop()
        super().__init__()

    def run(self, move: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(move)

    async def open(self) -> Store:
        path = Path(self.folder.name) / "books.db"
        return await self.kind.open(path, now=0, synchronous="NORMAL", quick_check=False)

    async def reopen(self) -> None:
        await self.store.close()
        self.store = await self.kind.open(
            self.store.path, now=self.clock, synchronous="NORMAL", quick_check=False
        )

    def teardown(self) -> None:
        try:
            super().teardown()
        finally:
            self.loop.close()
            self.folder.cleanup()
