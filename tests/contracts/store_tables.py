"""Tables of moves with their outcomes, one per line, for people who know limits and no Python.

    = Two asks share a day
    limit everyone: 1000 tokens/day
    09:00 ana asks in=100 cap=500 as A  -> granted 500
    09:01 A settles in=100 out=300      -> charged 400 tokens
    09:02 ana sees
        -> everyone: 1k tokens/day: used 400 of 1000, held 0, left 600, until 2026-06-02 00:00

Before the moves, or between them: `limit` adds one or replaces that of the same kind, `unlimit`
takes it away, `price in=$1 out=$4` is per million tokens, `warn 75 90` sets thresholds, `zone`
says where the times are, `members 10` and `weight Supporter 3` are for fair pools, `balance
start=$0.50 overdraft=$0.20 refill=$0.10/day up to $1` gives everyone a prepaid balance and `balance
off` takes it away, a date begins another day. The books are verified after every line.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from quota.calls import Served
from quota.pool_governing import NotKept
from quota.prepaid import AddToBalance, SetBalance, credits_of
from quota.store import AddToPool, ForgetPast, KeepFor, PoolDeed, PoolState, Store
from quota.units import Rates, Unit, amount_text, parse_amount
from quota.verdicts import (
    Balance,
    Granted,
    Notice,
    PrepaidBalance,
    Refused,
    Seen,
    Settlement,
    Waiting,
)
from tests.contracts.store_desk import Desk
from tests.fakes import EPOCH, requester

TABLES = Path(__file__).parent / "tables"


class Table(NamedTuple):
    """One section of a file, with the number of its first line."""

    title: str
    first: int
    lines: tuple[str, ...]


class Line(NamedTuple):
    """What is done, and what must come of it."""

    number: int
    text: str
    outcomes: list[str]


def tables() -> list[Table]:
    """Every section of every file."""
    found = []
    for path in sorted(TABLES.glob("*.txt")):
        text = path.read_text(encoding="utf-8").splitlines()
        starts = [n for n, line in enumerate(text) if line.startswith("= ")]
        for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
            title = f"{path.stem}: {text[start].removeprefix('= ')}"
            found.append(Table(title, start + 2, tuple(text[start + 1 : end])))
    return found


def read(table: Table) -> list[Line]:
    """Take comments out, and put each outcome to the line it belongs to."""
    lines: list[Line] = []
    for number, raw in enumerate(table.lines, table.first):
        text, *outcomes = (" ".join(part.split()) for part in raw.partition("#")[0].split("->"))
        if text:
            lines.append(Line(number, text, []))
        if outcomes:
            lines[-1].outcomes.extend(outcomes)
    return lines


class Player:
    """Plays a table upon a store."""

    def __init__(self, store: Store, reopen: Callable[[], Awaitable[Store]]) -> None:
        self.desk = Desk(store)
        self.reopen = reopen
        self.zone = ZoneInfo("UTC")
        self.day = "2026-06-01"
        self.holds: dict[str, int] = {}

    async def play(self, table: Table) -> None:
        for line in read(table):
            told = [] if self.prepares(line.text) else await self.move(line.text)
            where = f"{table.title}, line {line.number}: {line.text}"
            assert told == line.outcomes, "\n  -> ".join([where, *told])
            assert await self.desk.store.verify() == [], where

    def prepares(self, text: str) -> bool:
        """Do what needs no store; False for a move."""
        word, _, rest = text.partition(" ")
        if word == "limit":
            self.desk.allow(rest)
        elif word == "unlimit":
            slot = self.desk.limit(rest).slot
            kept = tuple(limit for limit in self.desk.policy.limits if limit.slot != slot)
            assert kept != self.desk.policy.limits, f"there is no {rest}"
            self.desk.policy = replace(self.desk.policy, limits=kept)
        elif word == "balance":
            others = [limit for limit in self.desk.policy.limits if limit.kind != "balance"]
            new = [] if rest == "off" else [self.desk.limit(f"balance: {rest}")]
            self.desk.policy = replace(self.desk.policy, limits=(*others, *new))
        elif word == "members":
            self.desk.policy = replace(self.desk.policy, expected_members=int(rest))
        elif word == "weight":
            role, weight = rest.split()
            self.desk.policy = replace(self.desk.policy, weights=((role, int(weight)),))
        elif word == "price":
            self.desk.rates = price(rest)
        elif word == "warn":
            self.desk.warn_at = tuple(int(percent) for percent in rest.split())
        elif word == "zone":
            self.desk.zone, self.zone = rest, ZoneInfo(rest)
        elif re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            self.day = text
        else:
            return False
        return True

    async def move(self, text: str) -> list[str]:
        clock, _, what = text.partition(" ")
        self.desk.now = self.instant(f"{self.day} {clock}")
        for pattern, name in MOVES.items():
            if match := re.fullmatch(pattern, what):
                parts = match.groupdict()
                done: Awaitable[list[str]] = getattr(self, name)(**parts)
                return await done
        raise AssertionError(f"not understood: {text}")

    async def ask(self, who: str, how: str, name: str | None) -> list[str]:
        words = how.split()
        values = dict(word.split("=", 1) for word in words if "=" in word)
        request = self.desk.request(
            who,
            input_=int(values.get("in", "0")),
            cap=int(values["cap"]),
            floor=int(values.get("floor", "64")),
            event=values.get("event", ""),
            says=values.get("says", ""),
            model=values.get("model", "mini"),
            roles=tuple(filter(None, values.get("roles", "").split(","))),
            channel=values.get("channel", "general"),
            final="patiently" not in words,
            behind="behind" in words,
            turn=self.holds[values["after"]] if "after" in values else 0,
        )
        verdict = await self.desk.reserve(request)
        if isinstance(verdict, Granted):
            self.holds[name or "it"] = verdict.hold_id
        return [self.told(verdict)]

    async def settle(self, name: str, how: str) -> list[str]:
        values = dict(word.split("=", 1) for word in how.split())
        used = [int(values.get(key, "0")) for key in ("in", "out", "cached", "think")]
        billed = int(values["billed"]) if "billed" in values else None
        rates = price(values["at"].replace(",", " ").replace(":", "=")) if "at" in values else None
        served = Served(values.get("served", ""), rates, billed)
        done = await self.desk.settle(self.holds[name], *used, served=served)
        return [settlement(done), *(self.notice(n) for n in done.notices)]

    async def release(self, name: str) -> list[str]:
        return [settlement(await self.desk.release(self.holds[name]))]

    async def progress(self, name: str, output: str) -> list[str]:
        await self.desk.store.progress(self.holds[name], int(output), self.desk.now)
        return ["noted"]

    async def lapse(self, most: str | None) -> list[str]:
        names = {hold_id: name for name, hold_id in self.holds.items()}
        lapsed = await self.desk.store.lapse(self.desk.now, int(most or 100))
        return [f"{names[x.hold_id]} charged {x.tokens} tokens" for x in lapsed] or ["nothing"]

    async def sees(self, who: str, how: str | None) -> list[str]:
        roles = tuple(filter(None, (how or "").removeprefix(" roles=").split(",")))
        return [self.balance(b) for b in await self.desk.sees(who, roles=roles)]

    async def give(self, verb: str, what: str, who: str, until: str | None) -> list[str]:
        amount = parse_amount(what)
        value = amount.value if verb == "gives" else -amount.value
        ends = self.instant(until if " " in until else f"{self.day} {until}") if until else None
        await self.desk.grant(value, amount.unit or Unit.TOKENS, name=who, until=ends)
        return ["done"]

    async def deposit(self, verb: str, what: str, who: str) -> list[str]:
        amount = credits_of(what)
        change = AddToBalance(amount if verb == "puts" else -amount)
        return [self.deposited(*await self.desk.deposit(change, who))]

    async def set_balance(self, who: str, what: str) -> list[str]:
        value = parse_amount(what).value
        return [self.deposited(*await self.desk.deposit(SetBalance(value), who))]

    def deposited(self, before: int, after: int) -> str:
        was, now = (amount_text(amount, Unit.CREDITS) for amount in (before, after))
        return f"was {was}, is {now}"

    async def refill(self) -> list[str]:
        return [f"{await self.desk.refill()} refilled"]

    async def reset(self, who: str, what: str | None) -> list[str]:
        return [self.balance(b) for b in await self.desk.reset(who, shared=bool(what))]

    async def add_to_pool(self, verb: str, what: str) -> list[str]:
        amount = parse_amount(what).value
        return [await self.changed(AddToPool(amount if verb == "gives" else -amount))]

    async def keep_for(self, what: str, who: str, how: str | None) -> list[str]:
        wallet = requester(who).member.wallet
        roles = tuple(filter(None, (how or "").removeprefix(" roles=").split(",")))
        return [await self.changed(KeepFor(wallet, parse_amount(what).value), roles)]

    async def forget(self) -> list[str]:
        return [await self.changed(ForgetPast())]

    async def changed(self, deed: PoolDeed, roles: tuple[str, ...] = ()) -> str:
        match await self.desk.change_pool(deed, roles):
            case NotKept(reason, room):
                return f"{reason}, {room} unclaimed"
            case None:
                return "no fair pool"
            case PoolState(row, member):
                kept = "" if member is None else f", of it {member.own} for {member.member[16:]}"
                return f"size {row.size}, kept {row.claims}{kept}"

    async def erase(self, who: str) -> list[str]:
        await self.desk.store.erase(requester(who).member.wallet, self.desk.now)
        return ["done"]

    async def house(self) -> list[str]:
        tokens, credits_ = await self.desk.house_paid()
        return [f"{tokens} tokens, {credits_} credits"]

    async def restart(self) -> list[str]:
        self.desk.store = await self.reopen()
        return ["ready"]

    def told(self, verdict: Granted | Refused | Waiting | Seen) -> str:
        match verdict:
            case Granted(output_cap=output, shrunk=False, limit=None):
                return f"granted {output}"
            case Granted(output_cap=output, shrunk=True, limit=by) if by is not None:
                return f"granted {output} by {by.name}"
            case Refused(limit=by) if by is not None:
                name = "balance" if by.kind == "balance" else by.name
                told = f"refused {verdict.reason} by {name}, needs {verdict.needed}"
                told += f", left {verdict.left} of {verdict.granted}"
                told += f", fits {verdict.fits}" if verdict.fits is not None else ""
                return told + self.time(", opens", verdict.opens_at)
            case Waiting():
                return "waits"
            case Seen(how=how):
                return how
            case _:
                raise AssertionError(f"no such verdict: {verdict}")

    def balance(self, balance: Balance) -> str:
        if balance.prepaid is not None:
            return self.prepaid_balance(balance, balance.prepaid)
        told = f"{balance.limit.name}: used {balance.used}"
        told += "" if balance.granted is None else f" of {balance.granted}"
        told += f", held {balance.held}"
        told += "" if balance.left is None else f", left {balance.left}"
        told += f", extra {balance.extra}" if balance.extra else ""
        told += self.time(", until", balance.opens_at)
        if balance.pool is not None:
            _, kept, kept_until, floor, _ = balance.pool
            told += f", own {balance.pool.used}, floor {floor}"
            told += f", kept {kept}{self.time(' until', kept_until)}" if kept or kept_until else ""
        return told

    def prepaid_balance(self, balance: Balance, prepaid: PrepaidBalance) -> str:
        amounts = (prepaid.credits, balance.granted or 0, balance.held, balance.left or 0)
        left, full, held, room = (amount_text(amount, Unit.CREDITS) for amount in amounts)
        told = f"balance {left} of {full}, held {held}, room {room}"
        assert (balance.used, balance.opens_at) == (
            (balance.granted or 0) - prepaid.credits,
            prepaid.next_at,
        )
        return told + self.time(", refills", balance.opens_at)

    def notice(self, notice: Notice) -> str:
        name = "balance" if notice.limit.kind == "balance" else notice.limit.name
        told = f"warns {notice.threshold}% of {name}, left {notice.left}"
        return told + self.time(", until", notice.opens_at)

    def instant(self, text: str) -> int:
        local = datetime.fromisoformat(text).replace(tzinfo=self.zone)
        return (local - EPOCH) // timedelta(milliseconds=1)

    def time(self, word: str, instant: int | None) -> str:
        if instant is None:
            return ""
        local = (EPOCH + timedelta(milliseconds=instant)).astimezone(self.zone)
        clock = local.isoformat(" ", "minutes" if instant % 60_000 == 0 else "milliseconds")
        return f"{word} {clock[: clock.rindex('+')].removeprefix(f'{self.day} ')}"


MOVES = {
    r"(?P<who>\w+) asks (?P<how>.*?)(?: as (?P<name>\w+))?": "ask",
    r"(?P<name>\w+) settles (?P<how>.*)": "settle",
    r"(?P<name>\w+) releases": "release",
    r"(?P<name>\w+) is at (?P<output>\d+)": "progress",
    r"lapse(?: at most (?P<most>\d+))?": "lapse",
    r"(?P<who>\w+) sees(?P<how> roles=\S+)?": "sees",
    r"admin (?P<verb>puts|takes) (?P<what>\S+) (?:into|out of) (?P<who>\w+)'s balance": "deposit",
    r"admin (?P<verb>gives|takes) (?P<what>.*?) (?:to|from) (?P<who>\w+)"
    r"(?: until (?P<until>.*))?": "give",
    r"admin resets (?P<who>\w+)(?P<what> of all)?": "reset",
    r"admin (?P<verb>gives|takes) the pool (?P<what>.*)": "add_to_pool",
    r"admin sets (?P<who>\w+)'s balance to (?P<what>\S+)": "set_balance",
    r"refill": "refill",
    r"admin keeps (?P<what>.*) for (?P<who>\w+)(?P<how> roles=\S+)?": "keep_for",
    r"admin forgets the past": "forget",
    r"(?P<who>\w+) is erased": "erase",
    r"house paid": "house",
    r"restart": "restart",
}


def settlement(done: Settlement) -> str:
    """How a hold ended, and whether it is news."""
    told = "given back" if done.kind == "release" else f"charged {done.tokens} tokens"
    if done.kind != "release":
        told += f", {done.credits} credits" if done.credits is not None else ""
        told += f", house {done.house_tokens} tokens" if done.house_tokens else ""
        told += f", house {done.house_credits} credits" if done.house_credits else ""
    if done.first:
        return told
    return f"before: {'lapsed, ' if done.kind == 'lapse' else ''}{told}"


def price(text: str) -> Rates:
    """Read `in=$1 cached=$0.1 out=$4`; cached tokens and thinking cost the same unless said."""
    values = {key: parse_amount(value).value for key, _, value in split(text)}
    output = values["out"]
    return Rates(
        values["in"], values.get("cached", values["in"]), output, values.get("think", output)
    )


def split(text: str) -> list[tuple[str, str, str]]:
    return [word.partition("=") for word in text.split()]
