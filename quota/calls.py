"""What callers ask of Quotas for one model call, and what they are given."""

from dataclasses import dataclass
from typing import NamedTuple

from quota.ledger import Purpose
from quota.members import Requester
from quota.rules import Terms
from quota.units import Rates
from quota.verdicts import Granted


class CallRequest(NamedTuple):
    """One model call that somebody wants: `event`, `digest` and `turn` as in ReserveRequest.

    A turn may take several calls, each with a hold of its own: every one of them names the event,
    and all but the first the `turn` that `Reservation.turn` of the first one tells.
    """

    requester: Requester
    terms: Terms
    input_tokens: int
    output_max: int
    event: str
    digest: str
    arrived_at: int
    purpose: Purpose = "answer"
    turn: int = 0


@dataclass(slots=True)
class Reservation:
    """A granted call until it is settled or released; `turn` is for further calls of its turn."""

    requester: Requester
    terms: Terms
    granted: Granted
    books: tuple[str, ...]
    turn: int


class Served(NamedTuple):
    """What a provider said of a call: the model, its price if not the reserved one, its own bill.

    `model` is empty where it did not say, `rates` None where the reserved price holds, `billed` in
    credits where the provider's own figure decides, else None.
    """

    model: str = ""
    rates: Rates | None = None
    billed: int | None = None


UNTOLD = Served()
