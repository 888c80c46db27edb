"""Forecasts: an hour with an honest range, and a pace that lasts."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quota.forecast import (
    HORIZON_DAYS,
    Evenly,
    Forecast,
    Lately,
    about,
    empties,
    evenly,
    forecast,
)
from quota.prepaid import parse_refill
from quota.refilling import next_refill
from quota.verdicts import PrepaidBalance
from quota.windows import Period

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
DAY = Period(0, DAY_MS)
FOR_GOOD = Period(0, None)
EVEN = tuple(1_000 * (24 - hour) // 24 for hour in range(25))
# All asks come between 12:00 and 18:00.
AFTERNOON = (*[1_000] * 13, 800, 600, 400, 200, 100, *[0] * 7)


def hours(told: Forecast | None) -> list[int | None]:
    """A forecast in hundredths of an hour."""
    assert told is not None
    return [None if at is None else round(100 * at / HOUR_MS) for at in told]


def test_at_this_pace_it_runs_out() -> None:
    # 6,000 in six hours by 100 turns, 4,000 left: four more hours, give or take.
    told = forecast(DAY, 6_000, 4_000, 100, 6 * HOUR_MS)
    # 66 more turns: 2.5 x the root of (1/100 + 1/66) is 0.396; 4 / 1.396 and 4 x 1.396 hours.
    assert hours(told) == [1_000, 887, 1_158]


def test_few_turns_tell_little() -> None:
    assert hours(forecast(DAY, 6_000, 4_000, 6, 6 * HOUR_MS)) == [1_000, 753, 1_645]


def test_what_lasts_until_the_refill_has_no_hour() -> None:
    assert hours(forecast(DAY, 6_000, 60_000, 1_000, 6 * HOUR_MS)) == [None, None, None]
    assert hours(forecast(DAY, 6_000, 19_000, 400, 6 * HOUR_MS)) == [None, 2_262, None]


def test_a_balance_never_refills() -> None:
    assert hours(forecast(FOR_GOOD, 1_000, 9_000, 400, 10 * HOUR_MS)) == [10_000, 8_958, 11_179]
    assert hours(forecast(FOR_GOOD, 1_000, 9_000, 400, 10 * HOUR_MS, EVEN)) == [
        *(10_000, 8_958, 11_179)
    ]


def test_what_is_used_up_has_run_out() -> None:
    assert forecast(DAY, 6_000, 0, 1, 5) == (5, 5, 5)
    assert forecast(DAY, 6_000, -20, 1, 5) == (5, 5, 5)


@pytest.mark.parametrize(
    ("used", "turns", "now"), [(500, 2, HOUR_MS), (0, 9, HOUR_MS), (500, 9, 0)]
)
def test_too_little_seen_tells_nothing(used: int, turns: int, now: int) -> None:
    assert forecast(DAY, used, 500, turns, now) is None


def test_the_usual_hours_count_more_than_the_clock() -> None:
    # At 13:00 a fifth of the asks has passed: the rest takes until 15:00, not until evening.
    assert hours(forecast(DAY, 2_000, 4_000, 900, 13 * HOUR_MS, AFTERNOON)) == [1_500, 1_481, 1_520]
    # Used at night, when nobody ever asks: nothing can be said.
    assert forecast(DAY, 2_000, 4_000, 900, 3 * HOUR_MS, AFTERNOON) is None
    # After the last usual ask it lasts.
    assert hours(forecast(DAY, 2_000, 4_000, 900, 20 * HOUR_MS, AFTERNOON)) == [None, None, None]


def test_a_flat_curve_is_the_clock() -> None:
    by_curve = forecast(DAY, 6_000, 4_000, 100, 6 * HOUR_MS, EVEN)
    assert hours(by_curve) == pytest.approx([1_000, 887, 1_158], abs=2)


@pytest.mark.parametrize(
    ("left", "wait", "told"),
    [
        (6_400, 7 * DAY_MS, Evenly(910, "day")),
        (6_400, 2 * DAY_MS, Evenly(3_200, "day")),
        (6_400, 2 * DAY_MS - 1, Evenly(130, "hour")),
        (6_400, 90 * 60_000, Evenly(3_200, "hour")),
        (6_400, 60_000, Evenly(6_400, "hour")),
        (5, DAY_MS, Evenly(0, "hour")),
        (0, DAY_MS, None),
        (6_400, 0, None),
    ],
)
def test_so_much_gets_you_to_the_refill(left: int, wait: int, told: Evenly | None) -> None:
    assert evenly(left, 1_000, 1_000 + wait) == told


def test_without_a_refill_no_pace_is_even() -> None:
    assert evenly(6_400, 0, None) is None


@pytest.mark.parametrize(
    ("amount", "said"), [(0, 0), (9, 9), (99, 99), (987, 980), (12_345, 12_000)]
)
def test_about_is_two_digits(amount: int, said: int) -> None:
    assert about(amount) == said


curves = st.lists(st.integers(0, 1_000), min_size=23, max_size=23).map(
    lambda inner: (1_000, *sorted(inner, reverse=True), 0)
)


@given(
    st.integers(1, 10**12),
    st.integers(1, 10**12),
    st.integers(3, 10**6),
    st.integers(1, DAY_MS - 1),
    st.one_of(st.just(()), curves),
    st.sampled_from([DAY, FOR_GOOD]),
)
def test_a_range_holds_its_hour_and_never_lies_in_the_past(
    used: int, left: int, turns: int, now: int, curve: tuple[int, ...], period: Period
) -> None:
    told = forecast(period, used, left, turns, now, curve)
    if told is None:
        assert curve
        return
    end = DAY_MS * 10**15
    early, hour, late = (
        end if at is None else at for at in (told.earliest, told.runs_out_at, told.latest)
    )
    # A curve tells an instant to within what a thousandth of its asks takes.
    assert now - (DAY_MS // 24 if curve else 1) <= early <= hour <= late
    assert all(at is None or at < DAY_MS for at in told) or period == FOR_GOOD


@given(st.integers(0, 10**12), st.integers(1, 400 * DAY_MS))
def test_an_even_pace_is_never_too_much(left: int, wait: int) -> None:
    told = evenly(left, 0, wait)
    if told is not None:
        unit = DAY_MS if told.per == "day" else HOUR_MS
        assert told.amount * (wait // unit) <= left


def day_of_bursts(rng: Random, turns: float) -> list[tuple[float, int]]:
    """When and how much: log-normal turns in bursts of up to four, for six days."""
    at = 0.0
    found: list[tuple[float, int]] = []
    while at < 6 * DAY_MS:
        at += rng.expovariate(turns / 2.5 / DAY_MS)
        found += [
            (at + 60_000 * nth, max(1, round(rng.lognormvariate(7, 0.75))))
            for nth in range(rng.randint(1, 4))
        ]
    return sorted(found)


def test_in_four_of_five_cases_it_runs_out_within_the_range() -> None:
    rng = Random(7)
    told = within = 0
    for _ in range(700):
        turns = 10 ** rng.uniform(0.3, 2.2)
        asks = day_of_bursts(rng, turns)
        limit = round(turns * 1_460 * 10 ** rng.uniform(-0.5, 0.4))
        now = round(DAY_MS * rng.uniform(0.1, 0.9))
        seen = [tokens for at, tokens in asks if at <= now]
        used = sum(seen)
        guess = forecast(DAY, used, limit - used, len(seen), now)
        if guess is None or used >= limit:
            continue
        told += 1
        true = float("inf")
        for at, tokens in asks:
            if at > now:
                used += tokens
                if used >= limit:
                    true = at if at < DAY_MS else true
                    break
        early, late = (float("inf") if at is None else at for at in guess[1:])
        within += early <= true <= late
    assert told > 300
    assert 0.77 <= within / told <= 0.87


# Balances.


def balance(credits_: int, refill: str = "", next_at: int | None = None) -> PrepaidBalance:
    return PrepaidBalance(credits_, 0, parse_refill(refill) if refill else None, next_at)


# A thousand credits a day, by so many turns that little is left to chance.
LATELY = Lately(0, 4_000, 400)
NOW = 4 * DAY_MS


def days(told: Forecast | None) -> list[int | None]:
    """How many hundredths of a day a forecast is ahead."""
    assert told is not None
    return [None if at is None else round(100 * (at - NOW) / DAY_MS) for at in told]


def test_a_balance_without_a_refill_is_empty_when_what_is_left_is_gone() -> None:
    # 1,000 more turns: 4 x the root of (1/400 + 1/1,000) is 0.236; 10 / 1.236 and 10 x 1.236.
    assert days(empties(balance(10_000), LATELY, NOW)) == [1_000, 809, 1_236]


def test_refills_make_it_last_longer() -> None:
    # A day takes 1,000 and brings 600: 800 are there on the fourth day, which lasts 0.8 of it.
    told = empties(balance(2_000, "$0.0006/day up to $1", NOW + DAY_MS), LATELY, NOW)
    assert days(told) == [380, 193, 997]


def test_a_refill_brings_no_more_than_up_to_the_cap() -> None:
    # At the cap it waits for nothing; what a day takes comes back.
    kept = empties(balance(2_000, "$0.002/day up to $0.002"), LATELY, NOW)
    assert days(kept) == [None, None, None]
    # Above the cap nothing comes: two days lead from 2,500 to 500, the refill only to 600.
    above = empties(balance(2_500, "$0.0006/day up to $0.0006"), LATELY, NOW)
    assert days(above) == [260, 189, 379]


def test_what_lasts_beyond_the_horizon_has_no_day() -> None:
    assert days(empties(balance(HORIZON_DAYS * 2_000), LATELY, NOW)) == [None, None, None]
    edge = empties(balance(HORIZON_DAYS * 1_000), LATELY, NOW)
    assert days(edge) == [None, 2_475, None]


@pytest.mark.parametrize(
    ("left", "lately"),
    [
        (0, LATELY),
        (-5, LATELY),
        (10_000, Lately(0, 4_000, 9)),
        (10_000, Lately(0, 0, 9)),
        (10_000, Lately(NOW - DAY_MS + 1, 4_000, 400)),
    ],
)
def test_of_an_empty_balance_or_too_little_seen_nothing_is_told(left: int, lately: Lately) -> None:
    assert empties(balance(left), lately, NOW) is None


def test_in_four_of_five_cases_a_balance_is_empty_within_the_range() -> None:
    rng = Random(11)
    told = within = 0
    for _ in range(500):
        turns = 10 ** rng.uniform(0.3, 1.6)
        asks = [(round(at), credits_) for at, credits_ in day_of_bursts(rng, turns)]
        now = round(DAY_MS * rng.uniform(1, 2))
        seen = [credits_ for at, credits_ in asks if at <= now]
        refill = parse_refill(f"${max(1, round(turns * 500)) / 1_000_000:.6f}/day up to $9")
        left = round(turns * 1_460 * rng.uniform(0.2, 2))
        coming = next_refill(refill, now)
        guess = empties(
            PrepaidBalance(left, 0, refill, coming), Lately(0, sum(seen), len(seen)), now
        )
        if guess is None:
            continue
        # What really comes is known for six days; what may be later tells nothing.
        end = 6 * DAY_MS
        true = end
        for at, credits_ in asks:
            if at > now:
                while coming <= at:
                    left, coming = left + refill.amount, next_refill(refill, coming)
                left -= credits_
                if left <= 0:
                    true = at
                    break
        told += 1
        early, late = (end if at is None else min(at, end) for at in guess[1:])
        within += early <= true <= late
    assert told > 200
    assert 0.77 <= within / told <= 0.87
