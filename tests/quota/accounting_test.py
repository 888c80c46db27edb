"""What a hold takes, what fits, which thresholds are crossed."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quota.accounting import (
    Estimate,
    Plan,
    Room,
    amount_held,
    amounts_held,
    crossed,
    input_within,
    output_within,
    plan_hold,
    still_warned,
)
from quota.units import TOKENS_MAX, Rates, Unit

DOLLAR = Rates(1_000_000, 1_000_000, 4_000_000, 4_000_000)
FREE = Rates(0, 0, 0, 0)

HELD = [
    (Unit.TOKENS, 100, 50, None, 150),
    (Unit.TOKENS, 100, 50, DOLLAR, 150),
    (Unit.REQUESTS, 100, 50, None, 1),
    (Unit.REQUESTS, 0, 0, DOLLAR, 1),
    (Unit.CREDITS, 100, 50, DOLLAR, 300),
    (Unit.CREDITS, 100, 50, FREE, 0),
    (Unit.CREDITS, 100, 50, None, 0),
]


@pytest.mark.parametrize(("unit", "input_", "output", "rates", "held"), HELD)
def test_a_call_takes_so_much_of_a_limit(
    unit: Unit, input_: int, output: int, rates: Rates | None, held: int
) -> None:
    assert amount_held(unit, input_, output, rates) == held


FITS = [
    (1000, Unit.TOKENS, None, 900),
    (100, Unit.TOKENS, None, 0),
    (99, Unit.TOKENS, None, -1),
    (1, Unit.REQUESTS, None, TOKENS_MAX),
    (0, Unit.REQUESTS, None, -1),
    (300, Unit.CREDITS, DOLLAR, 50),
    (303, Unit.CREDITS, DOLLAR, 50),
    (99, Unit.CREDITS, DOLLAR, -1),
    (0, Unit.CREDITS, FREE, TOKENS_MAX),
    (0, Unit.CREDITS, None, TOKENS_MAX),
]


@pytest.mark.parametrize(("amount", "unit", "rates", "output"), FITS)
def test_so_much_output_fits_beside_a_hundred_tokens_of_input(
    amount: int, unit: Unit, rates: Rates | None, output: int
) -> None:
    assert output_within(amount, unit, Estimate(100, 4_000, 64, rates)) == output


INPUTS = [
    (1000, Unit.TOKENS, None, 936),
    (63, Unit.TOKENS, None, -1),
    (1000, Unit.CREDITS, DOLLAR, 744),
    (256, Unit.CREDITS, DOLLAR, 0),
    (255, Unit.CREDITS, DOLLAR, -1),
    (0, Unit.CREDITS, FREE, TOKENS_MAX),
]


@pytest.mark.parametrize(("amount", "unit", "rates", "input_"), INPUTS)
def test_so_much_input_fits_beside_the_least_answer(
    amount: int, unit: Unit, rates: Rates | None, input_: int
) -> None:
    assert input_within(amount, unit, 64, Estimate(100, 4_000, 64, rates)) == input_


@pytest.mark.parametrize(
    ("output_max", "output_floor", "least"),
    [(4000, 64, 64), (50, 64, 50), (50, 0, 1), (1, 1, 1), (64, 64, 64)],
)
def test_the_least_answer_is_the_floor_or_all_that_is_asked(
    output_max: int, output_floor: int, least: int
) -> None:
    assert Estimate(0, output_max, output_floor).output_least == least


def tokens(whole: int | None, unspent: int, free: int) -> Room:
    return Room(Unit.TOKENS, whole, unspent, free)


# The rooms (whole, unspent, free), how one asks, and the decision for 100 + up to 400 tokens.
PLANS: list[tuple[list[Room], str, Plan]] = [
    ([], "final", Plan(400, waits=False, tightest=-1)),
    ([tokens(None, 0, 0)], "final", Plan(400, waits=False, tightest=-1)),
    ([tokens(1000, 1000, 1000)], "final", Plan(400, waits=False, tightest=-1)),
    ([tokens(1000, 500, 500)], "final", Plan(400, waits=False, tightest=-1)),
    ([tokens(1000, 499, 499)], "final", Plan(399, waits=False, tightest=0)),
    ([tokens(1000, 900, 900), tokens(1000, 300, 300)], "final", Plan(200, False, 1)),
    ([tokens(1000, 164, 164)], "final", Plan(64, waits=False, tightest=0)),
    ([tokens(1000, 163, 163)], "final", Plan(0, waits=False, tightest=0)),
    ([tokens(1000, 163, 163)], "patient", Plan(0, waits=False, tightest=0)),
    ([tokens(1000, 163, 163)], "behind", Plan(0, waits=False, tightest=0)),
    ([tokens(1000, 1000, 300)], "final", Plan(200, waits=False, tightest=0)),
    ([tokens(1000, 1000, 300)], "patient", Plan(0, waits=True, tightest=0)),
    ([tokens(1000, 1000, 164)], "final", Plan(64, waits=False, tightest=0)),
    ([tokens(1000, 1000, 163)], "final", Plan(0, waits=False, tightest=0)),
    ([tokens(1000, 300, 300), tokens(1000, 900, 250)], "final", Plan(150, False, 1)),
    ([tokens(1000, 300, 300), tokens(1000, 900, 250)], "patient", Plan(0, True, 1)),
    ([tokens(1000, 300, 300), tokens(1000, 900, 300)], "patient", Plan(200, False, 0)),
    ([tokens(1000, 1000, 1000)], "behind", Plan(0, waits=True, tightest=-1)),
    ([tokens(1000, 1000, 1000)], "patient", Plan(400, waits=False, tightest=-1)),
    ([Room(Unit.REQUESTS, 3, 0, 0)], "final", Plan(0, waits=False, tightest=0)),
    ([Room(Unit.REQUESTS, 3, 1, 0)], "patient", Plan(0, waits=True, tightest=0)),
]


@pytest.mark.parametrize(("rooms", "how", "plan"), PLANS)
def test_an_ask_is_decided_against_all_limits_together(
    rooms: Sequence[Room], how: str, plan: Plan
) -> None:
    ask = Estimate(100, 400, 64)
    made = plan_hold(rooms, ask, final=how == "final", behind=how == "behind")
    assert (made.output, made.waits) == (plan.output, plan.waits)
    assert made.refused == (plan.output == 0 and not plan.waits)
    if not made.waits and made.output < 400:
        assert made.tightest == plan.tightest


def test_an_answer_of_no_tokens_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(AssertionError, match="at least one token"):
        plan_hold([], Estimate(0, 0, 64), final=True)


amounts = st.integers(0, 500)
prices = st.none() | st.builds(Rates, *[st.integers(0, 3_000_000)] * 4)
estimates = st.builds(
    Estimate, amounts, st.integers(1, 500), st.integers(0, 100), prices, st.integers(0, 1)
)


@st.composite
def rooms(draw: st.DrawFn) -> Room:
    whole = draw(amounts)
    unspent = draw(st.integers(0, whole))
    return Room(draw(st.sampled_from(Unit)), whole, unspent, draw(st.integers(0, unspent)))


def fits(room: Room, amount: int, ask: Estimate, output: int) -> bool:
    return amounts_held(ask.input, output, ask.rates, ask.requests)[room.unit.place] <= amount


@given(st.lists(rooms(), max_size=5), estimates, st.booleans(), st.booleans())
def test_what_is_granted_fits_and_nothing_that_fits_is_refused(
    all_rooms: list[Room], ask: Estimate, final: bool, behind: bool
) -> None:
    plan = plan_hold(all_rooms, ask, final=final, behind=behind)
    least = ask.output_least
    if plan.output:
        assert least <= plan.output <= ask.output_max
        assert all(fits(room, room.free, ask, plan.output) for room in all_rooms)
        more = plan.output + 1
        assert more > ask.output_max or not all(fits(r, r.free, ask, more) for r in all_rooms)
    elif plan.waits:
        assert not final
        assert all(fits(room, room.unspent, ask, least) for room in all_rooms)
    else:
        amounts_left = [room.free if final else room.unspent for room in all_rooms]
        pairs = zip(all_rooms, amounts_left, strict=True)
        assert not all(fits(room, amount, ask, least) for room, amount in pairs)


@given(st.lists(rooms(), max_size=5), estimates, st.booleans())
def test_equal_states_give_equal_answers(all_rooms: list[Room], ask: Estimate, final: bool) -> None:
    once = plan_hold(all_rooms, ask, final=final)
    again = plan_hold(list(reversed(all_rooms)), ask, final=final)
    assert (once.output, once.waits) == (again.output, again.waits)


@given(st.lists(rooms(), max_size=4), rooms(), estimates)
def test_one_limit_more_never_grants_more(all_rooms: list[Room], room: Room, ask: Estimate) -> None:
    few = plan_hold(all_rooms, ask, final=True)
    many = plan_hold([*all_rooms, room], ask, final=True)
    assert many.output <= few.output


@given(rooms(), estimates)
def test_the_longest_message_that_fits_is_the_longest(room: Room, ask: Estimate) -> None:
    if room.unit is Unit.REQUESTS or (room.unit is Unit.CREDITS and ask.rates is None):
        return
    least = ask.output_least
    longest = input_within(room.unspent, room.unit, least, ask)
    if longest == TOKENS_MAX:
        return
    if longest >= 0:
        assert fits(room, room.unspent, ask._replace(input=longest), least)
    assert not fits(room, room.unspent, ask._replace(input=longest + 1), least)


@pytest.mark.parametrize(
    ("used", "granted", "warned", "told"),
    [
        (74, 100, 0, ()),
        (75, 100, 0, (75,)),
        (89, 100, 75, ()),
        (90, 100, 75, (90,)),
        (100, 100, 0, (75, 90)),
        (500, 100, 90, ()),
        (3, 4, 0, (75,)),
        (0, 0, 0, (75, 90)),
    ],
)
def test_a_threshold_is_crossed_once(
    used: int, granted: int, warned: int, told: tuple[int, ...]
) -> None:
    assert crossed(used, granted, warned, (75, 90)) == told


@pytest.mark.parametrize(
    ("used", "warned", "still"), [(95, 90, 90), (89, 90, 75), (74, 90, 0), (95, 75, 75), (80, 0, 0)]
)
def test_what_was_told_holds_as_long_as_it_is_true(used: int, warned: int, still: int) -> None:
    assert still_warned(used, 100, warned, (75, 90)) == still
