"""The open holds in memory: an amount is set aside, and later charged and given back."""

from collections.abc import Sequence

from quota.accounting import amounts_held
from quota.accounts import Accounts
from quota.charging import charge_of
from quota.counters import Account, Changes, Hold, Ids, Purse, Shelf, new_tuple, takes_of
from quota.ledger import EntryKind, EntryLine, HoldLine, LedgerEntry
from quota.pools import Pools
from quota.purses import Purses
from quota.store import ReserveRequest, SettleRequest
from quota.units import Unit, Usage
from quota.windows import Calendar

HOUSE_MONTH = Calendar("month")
_NOTHING = Usage()
_CREDITS = Unit.CREDITS


class Holds:
    """Every open hold; each is resolved once."""

    def __init__(self, shelf: Shelf, ids: Ids, accounts: Accounts, purses: Purses) -> None:
        """Take over the holds that were left open."""
        self._ids = ids
        self._accounts = accounts
        self._purses = purses
        self.open: dict[int, Hold] = {hold.id: hold for hold in shelf.holds()}
        self.pools = Pools(shelf, self.open)

    def take(
        self,
        ask: ReserveRequest,
        accounts: Sequence[Account],
        purses: Sequence[Purse],
        output: int,
        now: int,
        changes: Changes,
    ) -> Hold:
        """Hold the amount in each account; what does not fit into its own is asked of grants."""
        estimate = ask.estimate
        amounts = amounts_held(estimate.input, output, estimate.rates, estimate.requests)
        lines = []
        extras: dict[int, int] = {}
        for bound, account in zip(ask.bounds, accounts, strict=True):
            unit = bound.unit
            base = amount = amounts[unit.place]
            if purses and bound.amount is not None and bound.kind == "allowance":
                own = bound.amount + takes_of(purses, unit) - account.spent - account.held
                base = min(amount, max(0, own))
                extras[unit.place] = max(extras.get(unit.place, 0), amount - base)
            if account.id == 0:
                self._accounts.open(account)
                changes.accounts[account.id] = account
            account.held += base
            if base < amount:
                account.extra_held += amount - base
            lines.append(new_tuple(HoldLine, (account.id, unit, base, amount - base)))
        number = self._ids.hold
        row = (
            number,
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
            self._purses.hold(purses, extras) if purses else (),
            ask.purpose,
            ask.turn or number,
            0,
        )
        if ask.turn:
            changes.calls.append((ask.turn, number))
        self._ids.hold = number + 1
        hold = self.open[number] = changes.holds[number] = new_tuple(Hold, row)
        return hold

    def put(self, hold: Hold, changes: Changes) -> None:
        """An open hold is so from here on."""
        self.open[hold.id] = changes.holds[hold.id] = hold

    def rename(self, wallet: str, name: str) -> None:
        """The holds of a member are another's from here on."""
        mine = [hold for hold in self.open.values() if hold.wallet == wallet]
        self.open.update((hold.id, hold._replace(wallet=name)) for hold in mine)

    def resolve(
        self,
        hold: Hold,
        kind: EntryKind,
        ask: SettleRequest | None,
        note: str,
        now: int,
        changes: Changes,
    ) -> LedgerEntry:
        """End a hold: the charge goes to its accounts, the rest goes back, an entry is written."""
        charge, over, rates, is_priced = charge_of(hold, ask)
        at = hold.at
        lines = []
        extras: dict[int, int] = {}
        for account_id, unit, base, held_extra in hold.lines:
            account = self._accounts.charged(account_id, now, changes)
            own, extra = charge[unit.place], 0
            # Without a price nothing was held, and no limit there is overdrawn: see charge_of.
            if own > base and (hold.rates is not None or unit is not _CREDITS):
                own, extra = base, own - base
            account.held -= base
            if account.plain:
                account.spent += own
                changes.accounts[account_id] = account
            else:
                self._accounts.spend(account, at, own, changes)
                if account.shared:
                    self.pools.settle(account, hold.wallet, base, own, changes)
            if held_extra:
                account.extra_held -= held_extra
                extras[unit.place] = max(extras.get(unit.place, 0), extra)
                # What grants paid never has to leave a rolling window again, so it never enters.
                extra = 0 if account.rolling else extra
                account.extra_spent += extra
            lines.append(new_tuple(EntryLine, (account_id, at, own, extra)))
        if over[0] or over[2]:
            lines += self._house_lines(hold.house, over, now, changes)
        row = (
            self._ids.entry,
            now,
            kind,
            hold.id,
            hold.wallet,
            hold.model,
            *((*_NOTHING, "") if ask is None else (*ask.usage, ask.source)),
            charge[0],
            charge[2] if is_priced else None,
            over[0],
            over[2],
            rates,
            hold.input,
            "",
            note,
            tuple(lines),
            self._purses.charge(hold, extras, changes) if hold.purses else (),
            hold.purpose,
            hold.turn,
            *(("", None) if ask is None else (ask.served, ask.billed)),
        )
        return self._ended(hold, new_tuple(LedgerEntry, row), changes)

    def _ended(self, hold: Hold, entry: LedgerEntry, changes: Changes) -> LedgerEntry:
        """The entry takes the place of the hold."""
        self._ids.entry += 1
        changes.entries.append(entry)
        del self.open[hold.id]
        changes.closed.append(hold.id)
        return entry

    def _house_lines(
        self, house: str, over: tuple[int, int, int], now: int, changes: Changes
    ) -> list[EntryLine]:
        """Every token is somewhere: what a provider took beyond the hold is the house's."""
        lines = []
        for unit in (Unit.TOKENS, Unit.CREDITS):
            amount = over[unit.place]
            if amount:
                book = f"house|{unit}/month|*|{house}"
                account = self._accounts.of(book, HOUSE_MONTH.period_at(now))
                if account.id == 0:
                    self._accounts.open(account)
                self._accounts.spend(account, now, amount, changes)
                lines.append(EntryLine(account.id, now, amount, 0))
        return lines
