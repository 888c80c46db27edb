"""An ask before all its limits: the quick look must say what the weighing would."""

from hypothesis import given
from hypothesis import strategies as st

from quota.accounting import Estimate, plan_hold
from quota.admission import weigh
from quota.counters import Account, room_in
from quota.limits import Bound
from quota.memory_shelf import MemoryShelf
from quota.pools import Pools
from quota.store import ReserveRequest
from quota.units import Rates
from tests.fakes import HOUR, MORNING, policy, requester

OWN = (
    "everyone: 900 tokens/hour",
    "everyone: 900 tokens/day",
    "everyone: 900 requests/hour",
    "everyone: 900 credits/day",
)
MORE = ((), (), (), ("everyone: unlimited",), ("space: 1k tokens/day",))
prices = st.none() | st.just(Rates(1_000_000, 500_000, 3_000_000, 4_000_000))
estimates = st.builds(
    Estimate, st.integers(0, 500), st.integers(1, 500), st.integers(0, 100), prices
)


@st.composite
def counted(draw: st.DrawFn) -> list[tuple[Bound, Account]]:
    """Some limits, each with an account: also such as were lowered below what is used."""
    lines = [*draw(st.lists(st.sampled_from(OWN), unique=True)), *draw(st.sampled_from(MORE))]
    spent, held = st.integers(-100, 1_000), st.integers(0, 600)
    return [
        (bound, Account(1, bound.book, MORNING, MORNING + HOUR, draw(spent), draw(held)))
        for bound in policy(*lines).binding(requester(), ("mini",))
    ]


@given(counted(), estimates, st.booleans(), st.booleans())
def test_what_plainly_fits_is_granted_as_if_it_had_been_weighed(
    limits: list[tuple[Bound, Account]], estimate: Estimate, final: bool, behind: bool
) -> None:
    bounds, accounts = tuple(b for b, _ in limits), [a for _, a in limits]
    ask = ReserveRequest("", "", "w", "h", "mini", bounds, estimate, HOUR, 64, final, behind)

    plan = weigh(ask, accounts, (), Pools(MemoryShelf(), {}), MORNING).plan

    rooms = [room_in(bound, account, ()) for bound, account in limits]
    assert plan == plan_hold(rooms, estimate, final=final, behind=behind)
