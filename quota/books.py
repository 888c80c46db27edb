"""The moves of the books upon counters in memory: synchronous, exact, without I/O.

Why apart from the stores: the memory store answers from it alone, and SQLite's writer runs the
very same moves on its own thread and writes what they touched in one commit, so a decision is
written once and proven once.

Each move reads top to bottom: what could stop it, then "From here it succeeds", then writes.
"""

from bisect import insort
from collections.abc import Sequence

from quota.accounting import (
    Estimate,
    Room,
    amount_held,
    crossed,
    input_within,
    plan_hold,
    split_charge,
)
from quota.counters import (
    Account,
    Changes,
    Event,
    Hold,
    Ids,
    Purse,
    Shelf,
    balance_of,
    opens_at,
    room_in,
    takes_of,
)
from quota.errors import UnknownHoldError
from quota.ledger import EntryKind, EntryLine, HoldLine, LedgerEntry
from quota.limits import Bound
from quota.store import GrantRequest, GrantRow, ReserveRequest, SettleRequest
from quota.units import Unit, Usage, cost_credits
from quota.verdicts import (
    Balance,
    Granted,
    Lapsed,
    Notice,
    Refused,
    RefusalReason,
    Seen,
    Settlement,
    Waiting,
)
from quota.windows import Anchored, Calendar, Rolling

HOUSE_MONTH = Calendar("month")
FOREVER = 1 << 62
_NOTHING = Usage()


class Books:
    """All counters, and the moves that keep them equal to the ledger."""

    def __init__(self, shelf: Shelf, ids: Ids, mark: int = 0) -> None:
        """Take over what the shelf holds; `mark` is the highest time seen."""
        self.shelf = shelf
        self.ids = ids
        self.mark = mark
        self.changes = Changes()
        self._accounts: dict[tuple[str, int], Account] = {}
        self._latest: dict[str, Account] = {}
        self._by_id: dict[int, Account] = {}
        self._purses: dict[str, list[Purse]] = {}
        self.holds: dict[int, Hold] = {hold.id: hold for hold in shelf.holds()}

    def accept(self, event: str, digest: str, now: int) -> Seen | None:
        """Note an event that makes no hold; how it was seen before, if it was."""
        now = self._tick(now)
        seen = self._seen(event, digest)
        if seen is None:
            self.changes.events[event] = Event(digest, now)
        return seen

    def reserve(self, ask: ReserveRequest, now: int) -> Granted | Refused | Waiting | Seen:
        """Set the amount aside in every account, or in none."""
        now = self._tick(now)
        if ask.event and (seen := self._seen(ask.event, ask.digest)):
            return seen
        accounts = [self._account(bound, now) for bound in ask.bounds]
        purses = self._live_purses(ask.wallet, now)
        rooms = [room_in(b, a, purses) for b, a in zip(ask.bounds, accounts, strict=True)]
        plan = plan_hold(rooms, ask.estimate, final=ask.final)
        if plan.waits:
            return Waiting(tuple(bound.book for bound in ask.bounds))
        # From here it succeeds.
        if ask.event:
            self.changes.events[ask.event] = Event(ask.digest, now)
        if plan.refused:
            return _refused(ask, rooms, accounts)
        hold = self._hold(ask, accounts, purses, plan.output, now)
        shrunk = plan.output < ask.estimate.output_max
        name = ask.bounds[plan.tightest].limit.name if shrunk else ""
        return Granted(hold.id, hold.input, plan.output, shrunk, name, hold.expires_at)

    def progress(self, hold_id: int, output_tokens: int, now: int) -> None:
        """Note how far an answer has come."""
        self._tick(now)
        hold = self.holds.get(hold_id)
        if hold is not None and output_tokens > hold.progress:
            hold.progress = output_tokens
            self.changes.holds[hold_id] = hold

    def settle(self, ask: SettleRequest, now: int) -> Settlement:
        """Charge what was used, give back the rest."""
        now = self._tick(now)
        hold = self.holds.get(ask.hold_id)
        if hold is None:
            return self._reported(ask.hold_id)
        done = self._resolve(hold, "settle", ask.usage, ask.source, ask.note, now)
        if not ask.bounds:
            return done
        notices = self._notices(hold, ask.bounds, ask.warn_at, now)
        balances = tuple(self.balances(hold.wallet, ask.bounds, now))
        return done._replace(balances=balances, notices=notices)

    def release(self, hold_id: int, note: str, now: int) -> Settlement:
        """Give everything back."""
        now = self._tick(now)
        hold = self.holds.get(hold_id)
        if hold is None:
            return self._reported(hold_id)
        return self._resolve(hold, "release", None, "", note, now)

    def note_attempt(self, hold_id: int, note: str, now: int) -> None:
        """Write down a try that failed and cost nothing."""
        now = self._tick(now)
        hold = self.holds.get(hold_id)
        if hold is None:
            raise UnknownHoldError
        entry = self._blank("attempt", hold.wallet, now)
        self._enter(entry._replace(hold_id=hold_id, model=hold.model, note=note))

    def lapse(self, now: int, at_most: int, *, everything: bool = False) -> list[Lapsed]:
        """Charge holds past their deadline (or all of them): prompt, progress and one step."""
        now = self._tick(now)
        late = [hold for hold in self.holds.values() if everything or hold.expires_at <= now]
        lapsed = []
        for hold in late[:at_most]:
            output = min(hold.progress + hold.progress_step, hold.output_cap)
            usage = Usage(input=hold.input, output=output)
            done = self._resolve(hold, "lapse", usage, "counted", "", now)
            event = self._event(hold.event)
            if event is not None:
                event.interrupted = True
                self.changes.events[hold.event] = event
            lapsed.append(Lapsed(hold.id, hold.event, hold.wallet, done.tokens))
        return lapsed

    def grant(self, ask: GrantRequest, now: int) -> GrantRow:
        """Add to or take from a member's allowance."""
        now = self._tick(now)
        purse = Purse(self.ids.purse, ask, now)
        self.ids.purse += 1
        mine = self._purses_of(ask.wallet)
        insort(mine, purse, key=_ends)
        self.changes.purses[purse.id] = purse
        entry = self._blank("grant" if ask.amount >= 0 else "take", ask.wallet, now)
        self._enter(
            entry._replace(
                hold_id=purse.id,
                model=str(ask.unit),
                tokens=ask.amount,
                actor=ask.actor,
                note=ask.reason,
            )
        )
        return purse.row()

    def grants(self, wallet: str, now: int) -> list[GrantRow]:
        """The grants of a member that hold now."""
        return [purse.row() for purse in self._live_purses(wallet, max(now, self.mark))]

    def correct(
        self, wallet: str, bounds: Sequence[Bound], actor: str, reason: str, now: int
    ) -> list[Balance]:
        """Write off what the member has spent in these limits; holds stay."""
        now = self._tick(now)
        lines: list[EntryLine] = []
        for bound in bounds:
            account = self._account(bound, now)
            if account.id == 0:
                continue
            for at, amount in _spent_at(account, now).items():
                lines.append(EntryLine(account.id, at, -amount, 0))
                self._spend(account, at, -amount)
            if account.extra_spent:
                lines.append(EntryLine(account.id, now, 0, -account.extra_spent))
                account.extra_spent = 0
            account.warned = 0
            self.changes.accounts[account.id] = account
        entry = self._blank("correction", wallet, now)
        self._enter(entry._replace(actor=actor, note=reason, lines=tuple(lines)))
        return self.balances(wallet, bounds, now)

    def balances(self, wallet: str, bounds: Sequence[Bound], now: int) -> list[Balance]:
        """Where a member stands; changes nothing."""
        now = max(now, self.mark)
        purses = self._live_purses(wallet, now)
        return [balance_of(bound, self._account(bound, now), purses) for bound in bounds]

    def evict(self) -> None:
        """Forget everything that the shelf can bring back; only right after a commit."""
        self._accounts.clear()
        self._latest.clear()
        self._by_id.clear()
        self._purses.clear()

    @property
    def resident(self) -> int:
        """How many accounts are in memory."""
        return len(self._by_id)

    # How the moves are made.

    def _tick(self, now: int) -> int:
        """Time never runs back: the later of the clock and the highest time seen."""
        if now > self.mark:
            self.mark = now
        return self.mark

    def _event(self, key: str) -> Event | None:
        return self.changes.events.get(key) or self.shelf.event(key)

    def _seen(self, key: str, digest: str) -> Seen | None:
        event = self._event(key)
        if event is None:
            return None
        if event.digest != digest:
            return Seen("reused")
        if event.interrupted:
            event.interrupted = False
            self.changes.events[key] = event
            return Seen("interrupted")
        return Seen("duplicate")

    def _account(self, bound: Bound, now: int) -> Account:
        """The counter that counts now; one with id 0 stands for a period not yet begun."""
        window, book = bound.window, bound.book
        if isinstance(window, Calendar):
            opens, closes = window.period_at(now)
        elif isinstance(window, Anchored):
            latest = self._latest.get(book) or self.shelf.account(book, None)
            if latest is not None and latest.closes_at is not None and now < latest.closes_at:
                self._latest[book] = latest
                return self._keep(latest)
            opens, closes = window.period_from(now)
        else:
            opens, closes = 0, None
        account = self._accounts.get((book, opens)) or self.shelf.account(book, opens)
        account = self._keep(account or Account(0, book, opens, closes))
        if isinstance(window, Rolling):
            self._expire(account, now - window.length_ms)
        return account

    def _keep(self, account: Account) -> Account:
        if account.id and account.id not in self._by_id:
            self._accounts[(account.book, account.opens_at)] = account
            self._by_id[account.id] = account
        return account

    def _open(self, account: Account, *, anchored: bool = False) -> None:
        account.id = self.ids.account
        self.ids.account += 1
        self._keep(account)
        if anchored:
            self._latest[account.book] = account

    def _expire(self, account: Account, to: int) -> None:
        """Let go of what a rolling window has left behind. Harmless to do again."""
        old = 0
        while old < len(account.marks) and account.marks[old][0] <= to:
            account.spent -= account.marks[old][2]
            old += 1
        if old:
            del account.marks[:old]
            account.expired_to = to
            self.changes.accounts[account.id] = account

    def _hold(
        self,
        ask: ReserveRequest,
        accounts: Sequence[Account],
        purses: Sequence[Purse],
        output: int,
        now: int,
    ) -> Hold:
        """Hold the amount in each account; what does not fit into its own is asked of grants."""
        estimate = ask.estimate
        lines = []
        extras: dict[int, int] = {}
        for bound, account in zip(ask.bounds, accounts, strict=True):
            base = amount = amount_held(bound.unit, estimate.input, output, estimate.rates)
            if purses and bound.amount is not None and bound.kind == "allowance":
                own = bound.amount + takes_of(purses, bound.unit) - account.spent - account.held
                base = min(amount, max(0, own))
                extras[bound.unit.place] = max(extras.get(bound.unit.place, 0), amount - base)
            if account.id == 0:
                self._open(account, anchored=isinstance(bound.window, Anchored))
            account.held += base
            account.extra_held += amount - base
            self.changes.accounts[account.id] = account
            lines.append(HoldLine(account.id, bound.unit, base, amount - base))
        hold = Hold(
            self.ids.hold,
            ask.event,
            ask.wallet,
            ask.house,
            ask.model,
            now,
            now + ask.hold_ms,
            estimate.input,
            output,
            ask.progress_step,
            estimate.rates,
            tuple(lines),
            self._hold_purses(purses, extras),
        )
        self.ids.hold += 1
        self.holds[hold.id] = hold
        self.changes.holds[hold.id] = hold
        return hold

    def _hold_purses(
        self, purses: Sequence[Purse], extras: dict[int, int]
    ) -> tuple[tuple[int, int], ...]:
        """Take from the grants that end first."""
        held = []
        for purse in purses:
            unit = purse.request.unit.place
            wanted = extras.get(unit, 0)
            amount = min(wanted, purse.request.amount - purse.spent - purse.held)
            if amount > 0:
                extras[unit] = wanted - amount
                purse.held += amount
                self.changes.purses[purse.id] = purse
                held.append((purse.id, amount))
        return tuple(held)

    def _resolve(
        self, hold: Hold, kind: EntryKind, usage: Usage | None, source: str, note: str, now: int
    ) -> Settlement:
        """End a hold: the charge goes to its accounts, the rest goes back, an entry is written."""
        charge, over = _charge(hold, usage)
        lines = []
        extras: dict[int, int] = {}
        for account_id, unit, base, held_extra in hold.lines:
            account = self._by_id.get(account_id) or self._fetch(account_id)
            own, extra = split_charge(charge[unit.place], base)
            account.held -= base
            self._spend(account, hold.at, own)
            if held_extra:
                account.extra_held -= held_extra
                account.extra_spent += 0 if account.rolling else extra
                extras[unit.place] = max(extras.get(unit.place, 0), extra)
            self.changes.accounts[account_id] = account
            lines.append(EntryLine(account_id, hold.at, own, extra))
        purses = self._charge_purses(hold, extras) if hold.purses else ()
        if over[0] or over[2]:
            lines += self._house_lines(hold.house, over, now)
        entry = LedgerEntry(
            self.ids.entry,
            now,
            kind,
            hold.id,
            hold.wallet,
            hold.model,
            *(usage or _NOTHING),
            source,
            charge[0],
            charge[2] if usage is not None and hold.rates is not None else None,
            over[0],
            over[2],
            hold.rates,
            hold.input,
            "",
            note,
            tuple(lines),
            purses,
        )
        self._enter(entry)
        del self.holds[hold.id]
        self.changes.closed.append(hold.id)
        return _settlement(entry, first=True)

    def _spend(self, account: Account, at: int, amount: int) -> None:
        """Count an amount; a rolling window remembers when it was admitted."""
        if account.rolling:
            if at <= account.expired_to or not amount:
                return
            insort(account.marks, (at, self.ids.entry, amount))
            self.changes.marks.append((account.id, at, self.ids.entry, amount))
        account.spent += amount

    def _charge_purses(
        self, hold: Hold, extras: dict[int, int]
    ) -> tuple[tuple[int, int], ...]:
        charged = []
        mine = {purse.id: purse for purse in self._purses_of(hold.wallet)}
        for purse_id, amount in hold.purses:
            purse = mine[purse_id]
            unit = purse.request.unit.place
            take = min(amount, extras.get(unit, 0))
            extras[unit] = extras.get(unit, 0) - take
            purse.held -= amount
            purse.spent += take
            self.changes.purses[purse.id] = purse
            charged.append((purse_id, take))
        return tuple(charged)

    def _house_lines(self, house: str, over: tuple[int, int, int], now: int) -> list[EntryLine]:
        """Every token is somewhere: what a provider took beyond the hold is the house's."""
        lines = []
        for unit in (Unit.TOKENS, Unit.CREDITS):
            amount = over[unit.place]
            if amount:
                book = f"house|{unit}/month|*|{house}"
                opens, closes = HOUSE_MONTH.period_at(now)
                account = self._accounts.get((book, opens)) or self.shelf.account(book, opens)
                account = account or Account(0, book, opens, closes)
                if account.id == 0:
                    self._open(account)
                self._keep(account)
                account.spent += amount
                self.changes.accounts[account.id] = account
                lines.append(EntryLine(account.id, now, amount, 0))
        return lines

    def _fetch(self, account_id: int) -> Account:
        account = self.shelf.account_by_id(account_id)
        if account is None:
            raise UnknownHoldError(f"account {account_id} of an open hold is missing")
        return self._keep(account)

    def _purses_of(self, wallet: str) -> list[Purse]:
        mine = self._purses.get(wallet)
        if mine is None:
            mine = self._purses[wallet] = self.shelf.purses(wallet)
        return mine

    def _live_purses(self, wallet: str, now: int) -> list[Purse]:
        mine = self._purses_of(wallet)
        if not mine:
            return mine
        return [p for p in mine if p.request.until is None or p.request.until > now]

    def _notices(
        self, hold: Hold, bounds: Sequence[Bound], warn_at: Sequence[int], now: int
    ) -> tuple[Notice, ...]:
        """Thresholds that this charge has crossed; each is told once per period."""
        notices: list[Notice] = []
        charged = {line.account for line in hold.lines}
        purses = self._live_purses(hold.wallet, now)
        for bound in bounds:
            if bound.kind != "allowance" or bound.amount is None:
                continue
            account = self._account(bound, now)
            if account.id not in charged:
                continue
            now_at = balance_of(bound, account, purses)
            granted, left = now_at.granted or 0, now_at.left or 0
            for percent in crossed(now_at.used, granted, account.warned, warn_at):
                account.warned = max(account.warned, percent)
                self.changes.accounts[account.id] = account
                notices.append(
                    Notice(now_at.limit, bound.unit, percent, granted, left, now_at.opens_at)
                )
        return tuple(notices)

    def _blank(self, kind: EntryKind, wallet: str, now: int) -> LedgerEntry:
        return LedgerEntry(self.ids.entry, now, kind, 0, wallet, "")

    def _enter(self, entry: LedgerEntry) -> None:
        self.changes.entries.append(entry)
        self.ids.entry += 1

    def _reported(self, hold_id: int) -> Settlement:
        """How a hold was resolved before; UnknownHoldError if it never was."""
        for entry in reversed(self.changes.entries):
            if entry.hold_id == hold_id and entry.kind in ("settle", "release", "lapse"):
                return _settlement(entry, first=False)
        resolved = self.shelf.resolution(hold_id)
        if resolved is None:
            raise UnknownHoldError
        return _settlement(resolved, first=False)


def _charge(hold: Hold, usage: Usage | None) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """What the member pays, never above the hold, and what the house pays, by unit."""
    if usage is None:
        return (0, 0, 0), (0, 0, 0)
    rates = hold.rates
    tokens = usage.tokens
    own = min(tokens, hold.input + hold.output_cap)
    if rates is None:
        return (own, 1, 0), (tokens - own, 0, 0)
    cost = cost_credits(usage, rates)
    paid = min(cost, amount_held(Unit.CREDITS, hold.input, hold.output_cap, rates))
    return (own, 1, paid), (tokens - own, 0, cost - paid)


def _refused(
    ask: ReserveRequest, rooms: Sequence[Room], accounts: Sequence[Account]
) -> Refused:
    """Name the limit that decides when one may go on: the one without room that opens last."""
    floor = min(ask.estimate.output_floor, ask.estimate.output_max)
    refusals = []
    for bound, room, account in zip(ask.bounds, rooms, accounts, strict=True):
        needed = amount_held(bound.unit, ask.estimate.input, floor, ask.estimate.rates)
        if room.whole is not None and needed > room.free:
            refusals.append(_refused_by(bound, room, account, needed, ask.estimate))
    return max(refusals, key=lambda r: (r.reason != "busy", r.opens_at or FOREVER))


def _refused_by(
    bound: Bound, room: Room, account: Account, needed: int, estimate: Estimate
) -> Refused:
    reason: RefusalReason = "pool_used" if bound.kind == "shared" else "period_used"
    left, fits = room.unspent, None
    opens = opens_at(bound, account, room.whole or 0, needed)
    if needed <= room.unspent:
        reason, left, opens = "busy", room.free, None
    elif bound.unit is not Unit.REQUESTS:
        floor = min(estimate.output_floor, estimate.output_max)
        fitting = input_within(room.unspent, bound.unit, floor, estimate)
        if opens is None or fitting >= floor:
            reason, fits = "too_large", max(0, fitting)
    name, whole = bound.limit.name, room.whole or 0
    return Refused(reason, name, bound.unit, needed, left, whole, opens, fits)


def _settlement(entry: LedgerEntry, *, first: bool) -> Settlement:
    kind = "settle" if entry.kind == "settle" else "lapse" if entry.kind == "lapse" else "release"
    return Settlement(
        kind, entry.tokens, entry.house_tokens, entry.credits, entry.house_credits, first=first
    )


def _spent_at(account: Account, now: int) -> dict[int, int]:
    """What an account has spent, by the instant at which it counts."""
    if not account.rolling:
        return {now: account.spent}
    spent: dict[int, int] = {}
    for at, _, amount in account.marks:
        spent[at] = spent.get(at, 0) + amount
    return spent


def _ends(purse: Purse) -> int:
    return FOREVER if purse.request.until is None else purse.request.until
