"""What a call is charged: the member never above the hold, the house for the rest."""

from typing import Literal, NamedTuple

from quota.accounting import amounts_held
from quota.counters import Hold, new_tuple
from quota.ledger import LedgerEntry
from quota.store import SettleRequest
from quota.units import Rates, Unit, cost_credits
from quota.verdicts import Balance, Notice, Settlement


class Charge(NamedTuple):
    """What the member pays and what the house pays, by unit, and the price that was applied.

    `priced` is False where nobody knows what the call cost.
    """

    own: tuple[int, int, int]
    house: tuple[int, int, int]
    rates: Rates | None
    priced: bool


def charge_of(hold: Hold, ask: SettleRequest | None) -> Charge:
    """Charge what was used (None: nothing) at the price of what was served."""
    if ask is None:
        return Charge((0, 0, 0), (0, 0, 0), hold.rates, priced=False)
    rates = ask.rates or hold.rates
    requests = int(hold.turn == hold.id)
    tokens = ask.usage.tokens
    own = min(tokens, hold.input + hold.output_cap)
    if ask.billed is not None:
        cost = ask.billed
    elif rates is not None:
        cost = cost_credits(ask.usage, rates)
    else:
        return new_tuple(Charge, ((own, requests, 0), (tokens - own, 0, 0), None, False))
    paid = cost
    # Without a price nothing was held, and no limit in credits was there that could be overdrawn.
    if hold.rates is not None:
        held = amounts_held(hold.input, hold.output_cap, hold.rates)
        paid = min(cost, held[Unit.CREDITS.place])
    house = (tokens - own, 0, cost - paid)
    return new_tuple(Charge, ((own, requests, paid), house, rates, True))


def settlement_of(
    entry: LedgerEntry,
    balances: tuple[Balance, ...] = (),
    notices: tuple[Notice, ...] = (),
    *,
    first: bool,
) -> Settlement:
    """What an entry says became of a hold."""
    kind: Literal["settle", "release", "lapse"] = "release"
    if entry.kind in {"settle", "lapse"}:
        kind = "settle" if entry.kind == "settle" else "lapse"
    paid = entry.tokens, entry.house_tokens, entry.credits, entry.house_credits
    return new_tuple(Settlement, (kind, *paid, balances, notices, first))
