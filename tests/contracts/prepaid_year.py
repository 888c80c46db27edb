"""A year of prepaid balances in a file: many members, outages, late jobs, clocks that jump.

What comes of it is compared with balances that wake at every boundary (prepaid_machine.py), and
with the sum of all entries. Used in short by prepaid_year_test.py, in full by tests/long.py.
"""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import NamedTuple

from adapters.sqlite.store import SqliteStore
from quota.calls import CallRequest, Reservation
from quota.governing import Act
from quota.members import Member, Requester, Space
from quota.prepaid import AddToBalance
from quota.quotas import Quotas
from quota.rules import Rules, Terms
from quota.units import Rates, Usage
from quota.verdicts import Refused
from tests.contracts.prepaid_machine import ZONE, Purse, Rule
from tests.fakes import DAY, HOUR, MINUTE, FakeClock, policy

# New Year's Eve in Berlin, so that a year has both jumps of the clock.
BEGIN = 1_798_671_600_000
PRICE = Rates(1_000_000, 1_000_000, 1_000_000, 1_000_000)
TERMS = Terms("mini", ("mini",), PRICE)
START, OVERDRAFT = 5_000, 700
DAILY, QUARTERLY = Rule(True, 900, 5_000), Rule(False, 250, 5_000)
SPACES = {Space("console", "daily"): DAILY, Space("console", "quarterly"): QUARTERLY}
LINES = {
    DAILY: "balance: start=$0.005 overdraft=$0.0007 refill=$0.0009/day up to $0.005",
    QUARTERLY: "balance: start=$0.005 overdraft=$0.0007 refill=$0.00025/6h up to $0.005",
}
ADMIN_SUMS = (2_000, 9_000, -1_500, -8_000)


class Running(NamedTuple):
    """A call that was granted and has not ended."""

    wallet: str
    reservation: Reservation
    input: int
    output: int


@dataclass
class Year:
    """What happened so far."""

    path: Path
    random: Random
    clock: FakeClock = field(default_factory=lambda: FakeClock(BEGIN))
    purses: dict[str, Purse] = field(default_factory=dict)
    running: list[Running] = field(default_factory=list)
    told: Counter[str] = field(default_factory=Counter)

    async def start(self) -> None:
        """The process begins; what was running when it died is charged by what is known."""
        store = await SqliteStore.open(self.path, now=self.clock.now(), synchronous="NORMAL")
        for lapsed in store.recovered:
            (call,) = [c for c in self.running if c.reservation.granted.hold_id == lapsed.hold_id]
            self.wake(call.wallet).credits -= lapsed.tokens
            self.told["lapsed"] += 1
        self.running.clear()
        spaces = {space.key: policy(LINES[rule], zone=ZONE) for space, rule in SPACES.items()}
        rules = Rules(policy(), spaces, progress_step=64, output_floor=16, wait_ms=0)
        self.quotas = Quotas(store, self.clock, rules)
        await self.quotas.start()

    def wake(self, wallet: str) -> Purse:
        now = self.clock.now()
        space = Member.from_wallet(wallet).space
        purse = self.purses.setdefault(wallet, Purse(START, SPACES[space], now, now))
        purse.wake(now)
        return purse

    async def ask(self, member: Member) -> None:
        """A call begins, if the balance allows it; it is exactly as long as that allows."""
        wallet, input_ = member.wallet, self.random.randrange(10, 200)
        cap = self.random.randrange(50, 1_500)
        call = CallRequest(Requester(member), TERMS, input_, cap, "", "", self.clock.now())
        verdict = await self.quotas.reserve(call)
        purse = self.wake(wallet)
        held = sum(c.input + c.output for c in self.running if c.wallet == wallet)
        fits = min(cap, purse.credits + OVERDRAFT - held - input_)
        if isinstance(verdict, Reservation):
            assert verdict.granted.output_cap == fits
            self.running.append(Running(wallet, verdict, input_, fits))
            return
        assert isinstance(verdict, Refused)
        assert fits < min(16, cap)
        self.told["refused"] += 1

    async def end(self, call: Running) -> None:
        """A call ends, perhaps days after it began."""
        output = self.random.randrange(call.output + 1)
        self.running.remove(call)
        await self.quotas.settle(call.reservation, Usage(call.input, 0, output), "provider")
        self.wake(call.wallet).credits -= call.input + output
        self.told["settled"] += 1

    async def put_in(self, member: Member) -> None:
        amount = self.random.choice(ADMIN_SUMS)
        act = Act("ada", member.space.key, "because")
        done = await self.quotas.prepaying.change(act, member, AddToBalance(amount))
        purse = self.wake(member.wallet)
        assert done == (purse.credits, purse.credits + amount)
        purse.credits += amount
        purse.fill()
        self.told["put in"] += 1

    async def proven(self) -> None:
        """Everybody has what the model says, and what the entries add up to."""
        seen = {row.wallet: row for row in await self.quotas.prepaying.rows("console:")}
        assert seen.keys() == self.purses.keys()
        assert all(seen[wallet].credits == self.wake(wallet).credits for wallet in seen)
        await self.quotas.prepaying.refill()
        sums, refills, starts = Counter[str](), Counter[str](), Counter[str]()
        async for entry in self.quotas.store.entries(0, None):
            sums[entry.wallet] -= sum(line.spent for line in entry.lines)
            if entry.kind == "refill":
                refills[entry.wallet] += entry.credits or 0
            starts[entry.wallet] += entry.kind == "start"
        for row in await self.quotas.store.prepaid("console:"):
            purse = self.purses[row.wallet]
            assert row.credits == sums[row.wallet] == purse.credits
            assert (starts[row.wallet], refills[row.wallet]) == (1, purse.refilled)
        assert await self.quotas.store.verify() == []
        self.told["refilled"] = sum(refills.values())


async def play(folder: Path, members: int, days: int, seed: int = 1) -> str:
    """Let so many days pass; the figures."""
    random = Random(seed)
    year = Year(folder / "books.db", random)
    people = [Member(space, f"m{n}") for n in range(members // 2) for space in SPACES]
    await year.start()
    end = BEGIN + days * DAY
    while year.clock.now() < end:
        year.clock.advance(random.choice((MINUTE, HOUR, 3 * HOUR, 5 * HOUR, 6 * HOUR, 9 * HOUR)))
        for member in random.sample(people, members // 4):
            await year.ask(member)
        for call in random.sample(year.running, len(year.running) * 3 // 4):
            await year.end(call)
        if random.random() < 0.3:
            await year.put_in(random.choice(people))
        if random.random() < 0.4:
            await year.quotas.prepaying.refill()
        if random.random() < 0.03:
            await year.quotas.store.close()
            year.clock.advance(random.randrange(HOUR, 9 * DAY))
            await year.start()
            year.told["outages"] += 1
    for call in list(year.running):
        await year.end(call)
    await year.proven()
    await year.quotas.store.close()
    figures = ", ".join(f"{count:,} {what}" for what, count in sorted(year.told.items()))
    return f"{members} members, {days} days: {figures}, 0 differences"
