"""Mistakes that somebody could make in the books, each in a copy that the machine must catch.

A mutant is a change of source text. The copy is loaded under another name, so the real modules
stay as they are; a change whose text is no longer found fails loudly and wants to be written anew.
"""

import asyncio
import importlib
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from hypothesis import HealthCheck, Phase, Verbosity, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from adapters.sqlite.store import SqliteStore
from quota.memory import MemoryStore
from quota.store import Store
from tests.contracts.conftest import open_again
from tests.contracts.pool_machine import PoolMachine
from tests.contracts.store_machine import MemoryMachine, SqliteMachine, StoreMachine
from tests.contracts.store_tables import Player, Table, tables

ROOT = Path(__file__).parent.parent.parent

# What both sides speak of; everything else of quota/ is copied.
SHARED = {
    *{"units", "windows", "limits", "members", "verdicts", "store", "errors", "clock"},
    *{"__init__", "quotas", "governing", "waiting", "calls"},
    *{"fair_text", "pool", "pool_terms", "pool_demand", "pool_governing", "forecast"},
    *{"prepaid", "prepaying"},
}


class Mutant(NamedTuple):
    """A mistake: where it is made, the text that is right, and the text that is wrong."""

    name: str
    file: str
    right: str
    wrong: str

    @property
    def in_memory(self) -> bool:
        return self.file.startswith("quota/")


@contextmanager
def copied(mutant: Mutant) -> Iterator[ModuleType]:
    """The copy with the mistake in it: `quota.memory` or `adapters.sqlite.store`, renamed."""
    source = ROOT / mutant.file
    text = source.read_text(encoding="utf-8")
    if text.count(mutant.right) != 1:
        raise LookupError(f"{mutant.file} has {text.count(mutant.right)} times: {mutant.right}")
    with tempfile.TemporaryDirectory(prefix="quotabot-") as folder:
        package = Path(folder) / "mutated"
        shutil.copytree(source.parent, package, ignore=shutil.ignore_patterns("__pycache__"))
        (package / "__init__.py").write_text("")
        if mutant.in_memory:
            for module in SHARED - {"__init__"}:
                (package / f"{module}.py").unlink()
        (package / source.name).write_text(text.replace(mutant.right, mutant.wrong))
        family = ".".join(source.parent.relative_to(ROOT).parts)
        names = "|".join(path.stem for path in package.glob("*.py"))
        for path in package.glob("*.py"):
            code = path.read_text(encoding="utf-8")
            code = re.sub(rf"\b{re.escape(family)}\.({names})\b", r"mutated.\1", code)
            code = re.sub(rf"from {re.escape(family)} import", "from mutated import", code)
            path.write_text(code, encoding="utf-8")
        sys.path.insert(0, folder)
        importlib.invalidate_caches()
        try:
            yield importlib.import_module(f"mutated.{'memory' if mutant.in_memory else 'store'}")
        finally:
            sys.path.remove(folder)
            for name in [name for name in sys.modules if name.split(".")[0] == "mutated"]:
                del sys.modules[name]


def table_against(mutant: Mutant, copy: ModuleType) -> str | None:
    """The first table that the copy does not keep to, if there is one."""
    for table in tables():
        with tempfile.TemporaryDirectory(prefix="quotabot-") as folder:
            try:
                asyncio.run(played(mutant, copy, table, Path(folder) / "books.db"))
            except Exception:  # whatever breaks in a broken copy has been seen
                return table.title
    return None


async def played(mutant: Mutant, copy: ModuleType, table: Table, path: Path) -> None:
    """Play a table on the copy's store: memory, or a file for what is wrong with files."""
    if mutant.in_memory:
        store: MemoryStore = copy.MemoryStore()

        async def reopen() -> Store:
            await open_again(store, 0)
            return store

        await Player(store, reopen).play(table)
    else:
        async with AsyncExitStack() as stack:

            async def open_file() -> Store:
                await stack.aclose()
                opened: SqliteStore = await copy.SqliteStore.open(
                    path, now=0, synchronous="NORMAL", quick_check=False
                )
                stack.push_async_callback(opened.close)
                return opened

            await Player(await open_file(), open_file).play(table)


def machine_against(mutant: Mutant, copy: ModuleType, examples: int) -> bool:
    """Whether the machine sees the mistake within so many examples, always the same ones."""
    machine: type[StoreMachine | PoolMachine]
    if mutant in OF_POOLS:
        machine = pool_machine(mutant, copy)
    else:
        machine = memory_machine(copy) if mutant.in_memory else sqlite_machine(copy)
    return fails(machine, examples)


def fails(machine: type[RuleBasedStateMachine], examples: int) -> bool:
    """Whether a machine breaks within so many examples, always the same ones."""
    budget = settings(
        max_examples=examples,
        stateful_step_count=50,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
    )
    try:
        with redirect_stdout(StringIO()):
            run_state_machine_as_test(machine, settings=budget)
    except Exception:  # whatever breaks in a broken copy has been seen
        return True
    return False


def memory_machine(copy: ModuleType) -> type[StoreMachine]:
    class Copied(MemoryMachine):
        kind = copy.MemoryStore

    return Copied


def sqlite_machine(copy: ModuleType) -> type[StoreMachine]:
    class Copied(SqliteMachine):
        kind = copy.SqliteStore

    return Copied


def pool_machine(mutant: Mutant, copy: ModuleType) -> type[PoolMachine]:
    """The other of the two stores is the right one."""

    class Copied(PoolMachine):
        in_memory = copy.MemoryStore if mutant.in_memory else MemoryStore
        in_file = SqliteStore if mutant.in_memory else copy.SqliteStore

    return Copied


BOOKS, HOLDS, COUNTERS = "quota/books.py", "quota/holds.py", "quota/counters.py"
EVENTS, CHARGING = "quota/events.py", "quota/charging.py"
NOTICES, ACCOUNTING = "quota/notices.py", "quota/accounting.py"
ACCOUNTS, PURSES = "quota/accounts.py", "quota/purses.py"
ADMISSION, POOLS, POOL_STATE = "quota/admission.py", "quota/pools.py", "quota/pool_state.py"
FILE_POOLS = "adapters/sqlite/pools.py"
REFUSALS, SHELF, DESK = "quota/refusals.py", "adapters/sqlite/shelf.py", "adapters/sqlite/desk.py"

MUTANTS = (
    # What an ask is granted.
    Mutant(
        "holds are ignored",
        COUNTERS,
        "_left(unspent - account.held, taken, free_extra)",
        "_left(unspent, taken, unspent_extra)",
    ),
    Mutant(
        "one token too many fits",
        ACCOUNTING,
        "return amount - estimate.input\n",
        "return amount - estimate.input + 1\n",
    ),
    Mutant(
        "what nearly fits is granted whole",
        ACCOUNTING,
        "room_free >= wanted[unit.place]",
        "room_free >= wanted[unit.place] - 1",
    ),
    Mutant(
        "the last token does not fit",
        ACCOUNTING,
        "return amount - estimate.input\n",
        "return amount - estimate.input - 1\n",
    ),
    Mutant(
        "only the first limit is checked",
        ADMISSION,
        "plan = plan_hold(rooms, ask.estimate, final=ask.final, behind=ask.behind)\n    shares",
        "plan = plan_hold(rooms[:1], ask.estimate, final=ask.final, behind=ask.behind)\n    shares",
    ),
    Mutant(
        "shared limits are skipped",
        ADMISSION,
        "plan = plan_hold(rooms, ask.estimate, final=ask.final, behind=ask.behind)\n    shares",
        "plan = plan_hold([r for r, b in zip(rooms, ask.bounds) if b.kind != 'shared'],"
        " ask.estimate, final=ask.final, behind=ask.behind)\n    shares",
    ),
    Mutant(
        "a refusal leaves a hold behind",
        BOOKS,
        "        if plan.refused:\n",
        "        if plan.refused:\n            accounts[-1].held += 1\n",
    ),
    Mutant(
        "the patient take what is free",
        ACCOUNTING,
        "    if not final:\n",
        "    if not final and free < floor:\n",
    ),
    Mutant(
        "who came later goes first", ACCOUNTING, "if behind and not final:", "if behind and False:"
    ),
    Mutant("a request is not counted", CHARGING, "int(hold.turn == hold.id)", "0"),
    Mutant(
        "a request is not held",
        ACCOUNTING,
        "return input_tokens + output_tokens, requests, priced",
        "return input_tokens + output_tokens, 0, priced",
    ),
    Mutant(
        "credits are rounded down",
        CHARGING,
        "cost = cost_credits(ask.usage, rates)",
        "cost = max(0, cost_credits(ask.usage, rates) - 1)",
    ),
    Mutant(
        "a hold is priced as if all were cached",
        ACCOUNTING,
        "hold_credits(input_tokens, output_tokens, rates)",
        "hold_credits(input_tokens, output_tokens, rates._replace(input=rates.cached))",
    ),
    Mutant(
        "it opens whenever anything is freed",
        REFUSALS,
        ".unspent >= needed:",
        ".unspent >= 0:",
    ),
    Mutant(
        "what is held is told as spent",
        REFUSALS,
        "    if needed <= room.unspent:\n",
        "    if needed <= room.free:\n",
    ),
    # How it ends.
    Mutant("a hold is settled again", HOLDS, "        del self.open[hold.id]\n", ""),
    Mutant(
        "the charge has no cap",
        CHARGING,
        "own = min(tokens, hold.input + hold.output_cap)",
        "own = tokens",
    ),
    Mutant(
        "a release keeps the hold",
        HOLDS,
        "account.held -= base\n",
        "account.held -= base if ask else 0\n",
    ),
    Mutant(
        "a release takes a request",
        CHARGING,
        "return Charge((0, 0, 0), (0, 0, 0), hold.rates, priced=False)",
        "return Charge((0, 1, 0), (0, 0, 0), hold.rates, priced=False)",
    ),
    Mutant(
        "a lapse frees",
        BOOKS,
        "Usage(input=hold.input, output=output)",
        "Usage()",
    ),
    Mutant(
        "a lapse forgets the progress",
        BOOKS,
        "output = min(hold.progress + hold.progress_step, hold.output_cap)",
        "output = min(hold.progress_step, hold.output_cap)",
    ),
    Mutant(
        "a lapse charges no step",
        BOOKS,
        "output = min(hold.progress + hold.progress_step, hold.output_cap)",
        "output = min(hold.progress, hold.output_cap)",
    ),
    Mutant(
        "a lapse charges the house",
        BOOKS,
        "output = min(hold.progress + hold.progress_step, hold.output_cap)",
        "output = hold.progress + hold.progress_step",
    ),
    Mutant(
        "an older note of progress wins",
        BOOKS,
        "output_tokens > hold.progress:",
        "output_tokens != hold.progress:",
    ),
    Mutant(
        "a hold lapses a moment late",
        BOOKS,
        "everything or hold.expires_at <= now",
        "everything or hold.expires_at < now",
    ),
    Mutant(
        "an overrun is dropped",
        CHARGING,
        "(tokens - own, 0, cost - paid)",
        "(0, 0, 0)",
    ),
    Mutant(
        "the house keeps no account",
        HOLDS,
        "            lines += self._house_lines(hold.house, over, now, changes)\n",
        "            lines += []\n",
    ),
    Mutant(
        "a turn is charged to the window in which it ends",
        HOLDS,
        "            account = self._accounts.charged(account_id, now, changes)\n",
        "            account = self._accounts.charged(account_id, now, changes)\n"
        "            account = self._accounts._latest.get(account.book, account)\n",
    ),
    # Time.
    Mutant("the clock runs back", BOOKS, "self.mark = max(self.mark, now)", "self.mark = now"),
    Mutant(
        "who asks again stays in the period of before",
        ACCOUNTS,
        "known[2] <= now < known[3]:",
        "known[2] <= now:",
    ),
    Mutant(
        "who asks again finds what a rolling window has left behind",
        ACCOUNTS,
        "if all(account.id and not account.rolling for account in accounts):",
        "if all(account.id for account in accounts):",
    ),
    Mutant(
        "a rolling window forgets nothing",
        ACCOUNTS,
        "return _expired(account, now - window.length_ms, changes)",
        "return account",
    ),
    Mutant(
        "a rolling window forgets a moment early",
        ACCOUNTS,
        "return _expired(account, now - window.length_ms, changes)",
        "return _expired(account, now - window.length_ms + 1, changes)",
    ),
    Mutant(
        "a rolling window forgets all at once",
        ACCOUNTS,
        "while old < len(account.marks) and account.marks[old][0] <= to:",
        "while old < len(account.marks):",
    ),
    Mutant(
        "to look ahead is to forget",
        BOOKS,
        "accounts = [self._accounts.at(bound, now, None) for bound in bounds]",
        "accounts = [self._accounts.at(bound, now, self.changes) for bound in bounds]",
    ),
    Mutant(
        "a window from first use closes early",
        ACCOUNTS,
        "return self.of(book, window.period_from(now))",
        "return self.of(book, Period(now, now + window.length_ms - 60_000))",
    ),
    Mutant(
        "a window from first use opens early",
        ACCOUNTS,
        "known is not None and now < (known.closes_at or 0):",
        "known is not None and now < (known.closes_at or 0) - 60_000:",
    ),
    Mutant(
        "a window from first use never closes",
        ACCOUNTS,
        "known is not None and now < (known.closes_at or 0):",
        "known is not None and now < (known.closes_at or 0) * 2:",
    ),
    # Events.
    Mutant(
        "an event is held each time it comes",
        BOOKS,
        "asks_anew = bool(ask.event) and not ask.turn",
        "asks_anew = False",
    ),
    Mutant(
        "a refused event is forgotten",
        BOOKS,
        "        if asks_anew:\n",
        "        if asks_anew and not plan.refused:\n",
    ),
    Mutant(
        "an event that waits is taken for heard",
        BOOKS,
        "        if plan.waits:\n",
        "        if ask.event:\n"
        "            self._events.note(ask.event, ask.digest, now, 0, self.changes)\n"
        "        if plan.waits:\n",
    ),
    Mutant("other words pass as the same", EVENTS, "if event.digest != digest:", "if False:"),
    Mutant(
        "the price of what was asked for is charged, whatever was served",
        CHARGING,
        "rates = ask.rates or hold.rates",
        "rates = hold.rates or ask.rates",
    ),
    Mutant(
        "what the provider says it took is passed over",
        CHARGING,
        "if ask.billed is not None:",
        "if ask.billed is not None and rates is None:",
    ),
    Mutant(
        "an interruption is told again",
        EVENTS,
        "            event.interrupted = False\n",
        "",
    ),
    # Admins.
    Mutant(
        "a grant never ends",
        PURSES,
        "p.request.until is None or p.request.until > now]",
        "True or p.request.until]",
    ),
    Mutant("a grant is used again", PURSES, "            purse.spent += take\n", ""),
    Mutant("a grant is not given back", PURSES, "purse.held -= amount\n", "purse.held -= take\n"),
    Mutant(
        "the grant that ends last is used first",
        PURSES,
        "return FOREVER if purse.request.until is None else purse.request.until",
        "return 0 if purse.request.until is None else -purse.request.until",
    ),
    Mutant(
        "a grant pays in each limit anew",
        HOLDS,
        "extras[unit.place] = max(extras.get(unit.place, 0), amount - base)",
        "extras[unit.place] = extras.get(unit.place, 0) + amount - base",
    ),
    Mutant(
        "a grant is used before the allowance",
        HOLDS,
        "base = min(amount, max(0, own))",
        "base = min(amount, max(0, own)) if own < amount else 0",
    ),
    Mutant("what is taken stays", COUNTERS, "return sum(p.request", "return 0 * sum(p.request"),
    Mutant(
        "what is taken leaves grants alone",
        COUNTERS,
        "return max(0, extra + max(own + taken, taken))",
        "return extra",
    ),
    Mutant(
        "a reset clears the holds",
        BOOKS,
        "            account.warned = 0\n",
        "            account.warned = account.held = 0\n",
    ),
    Mutant(
        "a reset writes nothing down",
        BOOKS,
        "note=reason, lines=tuple(lines))",
        "note=reason, lines=())",
    ),
    Mutant(
        "a reset forgets what grants paid",
        BOOKS,
        "                account.extra_spent = 0\n",
        "",
    ),
    Mutant("a threshold is told again", ACCOUNTING, "if t > warned and used", "if used"),
    Mutant(
        "a rolling window warns only once",
        NOTICES,
        "if (account.rolling and line.at > account.expired_to) or",
        "if (account.rolling and False) or",
    ),
    # The file.
    Mutant(
        "the mark is only in memory",
        SHELF,
        "row = (books.mark, ids.account,",
        "row = (0, ids.account,",
    ),
    Mutant("marks stay behind", SHELF, "        if changes.marks:\n", "        if False:\n"),
    Mutant("events stay behind", SHELF, "        if changes.events:\n", "        if False:\n"),
    Mutant("a restart charges nothing", DESK, "everything=True", "everything=False"),
    Mutant(
        "where there is plainly room, what is held is forgotten",
        ADMISSION,
        "amount - account.spent - account.held < wanted",
        "amount - account.spent < wanted",
    ),
    Mutant(
        "where there is plainly room, who came later goes first",
        ADMISSION,
        "if not (purses or ask.behind) and",
        "if not purses and",
    ),
    Mutant(
        "where there is plainly room, what admins took is forgotten",
        ADMISSION,
        "if not (purses or ask.behind) and",
        "if not ask.behind and",
    ),
)

# What the machine does not do: it makes one call for each ask, and none without a price whose cost
# is known in the end.
BY_TABLE = (
    Mutant("every call of a turn is a request", CHARGING, "int(hold.turn == hold.id)", "1"),
    Mutant(
        "a further call is taken for a new ask",
        BOOKS,
        "asks_anew = bool(ask.event) and not ask.turn",
        "asks_anew = bool(ask.event)",
    ),
    Mutant(
        "only the first call can cut a turn off",
        EVENTS,
        "            event.interrupted = True\n",
        "            event.interrupted = event.hold > 1\n",
    ),
    Mutant(
        "a cost that is known only in the end is a grant's to pay",
        HOLDS,
        "if own > base and (hold.rates is not None or unit is not _CREDITS):",
        "if own > base:",
    ),
)

# What the machine of fair pools sees, and that of the store does not.
OF_POOLS = (
    Mutant(
        "what holds of a pool is not read again",
        POOLS,
        "            for wallet, amount in self._held(pool.account):\n",
        "            for wallet, amount in ():\n",
    ),
    Mutant(
        "a pool is first come as soon as the limit says so",
        POOLS,
        "pool = self._by_account.get(account.id) or self.of(account)",
        "pool = bound.limit.rule.fair and self.of(account)",
    ),
    Mutant(
        "a refusal tells the pool nothing",
        ADMISSION,
        "pools.keep(pool, account, refuse(row, member, need, now), changes)",
        "pools.keep(pool, account, (row, member), changes)",
    ),
    Mutant(
        "what another limit refuses counts as wanted",
        ADMISSION,
        "if not found or plan.refused:",
        "if not found:",
    ),
    Mutant(
        "a pool with plenty of room is not asked",
        ADMISSION,
        '        if kind == "shared":\n',
        "        if False:\n",
    ),
    Mutant("a pool keeps its size", POOLS, "    if size != row.size:\n", "    if False:\n"),
    Mutant(
        "a floor that rises waits for the next period",
        POOLS,
        "fair.floor is not None and fair.floor > row.floor",
        "fair.floor is not None and False",
    ),
    Mutant(
        "a pool that becomes fair forgets what is held",
        POOLS,
        "        if account.held:\n",
        "        if False:\n",
    ),
    Mutant(
        "a pool that becomes fair forgets what was used",
        POOLS,
        "Pool(0, row, before=account.spent)",
        "Pool(0, row)",
    ),
    Mutant(
        "a pool at rest still holds",
        POOL_STATE,
        "rest = member._replace(held=0)",
        "rest = member",
    ),
    Mutant(
        "something is kept for who has not come",
        ADMISSION,
        "kept=quoted.own if quoted is not None and keeps else 0,",
        "kept=member.own if keeps else 0,",
    ),
    Mutant(
        "what is kept is told for ever",
        ADMISSION,
        "kept=quoted.own if quoted is not None and keeps else 0,",
        "kept=quoted.own if quoted is not None else 0,",
    ),
    Mutant("a gift to a pool is lost", POOLS, "pool.added += deed.amount", "pool.added += 0"),
    Mutant("twice as much is kept", POOLS, "deed.amount, now)", "2 * deed.amount, now)"),
    Mutant(
        "nobody waits for holds of a pool",
        ADMISSION,
        "    if free < share.want and row.held:\n",
        "    if False:\n",
    ),
    Mutant(
        "a reset writes off what others used",
        POOLS,
        "        if pool is None:\n            return spent_at(account, now)\n",
        "        if True:\n            return spent_at(account, now)\n",
    ),
    Mutant("all weigh the same", POOLS, "wallet, bound.weight, now)", "wallet, 1, now)"),
    Mutant(
        "what is left is what the pool has",
        ADMISSION,
        "left=room(row, member, now)",
        "left=row.free",
    ),
    Mutant(
        "members stay behind",
        FILE_POOLS,
        "    members = changes.pool_members.items()\n",
        "    members: dict = {}.items()\n",
    ),
    Mutant(
        "a pool is written once",
        FILE_POOLS,
        "            db.execute(COUNT, (*counted, *lists, found.account))\n",
        "            pass\n",
    ),
    Mutant(
        "what is frozen stays as it was",
        FILE_POOLS,
        " past_hist = excluded.past_hist,",
        " past_hist = past_hist,",
    ),
)
