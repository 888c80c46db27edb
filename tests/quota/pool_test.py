"""The fair pool by example: what is quoted, granted, refused, kept, learned and told."""

import pytest

from quota.pool import (
    arrive,
    decide,
    hint,
    refuse,
    reserve,
    room,
    settle,
    without_holds,
)
from quota.pool_demand import floor_at, newcomers_floor, slot_at, still_to_come, weight_expected
from quota.pool_governing import NotKept, keep_more, outlook, raise_floor, resize, tally
from quota.pool_terms import (
    BUCKETS,
    PoolMember,
    PoolPeriod,
    PoolRule,
    area,
    bucket,
    first_period,
    floors_fit,
    forget,
    members_guess,
    middle,
    next_period,
)
from quota.windows import Period

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
DAY = Period(0, DAY_MS)


def past(*levels: int) -> tuple[int, ...]:
    """The average histogram of members who use these levels each day."""
    hist = [0] * BUCKETS
    for level in levels:
        hist[bucket(level)] += 1_000
    return tuple(hist)


def learned(size: int, *levels: int, floor: int = 0, lend: int = 100) -> PoolPeriod:
    """A day after many alike: members of these levels, asks spread evenly over the hours."""
    return first_period("p", DAY, PoolRule(size, floor, lend), 1)._replace(
        past_hist=past(*levels), past_asks=(1_000,) * 24
    )


def come(
    row: PoolPeriod, name: str = "ana", weight: int = 1, now: int = 0
) -> tuple[PoolPeriod, PoolMember]:
    return arrive(row, None, name, weight, now)


def test_a_bucket_is_twice_as_wide_as_the_one_before() -> None:
    assert [bucket(level) for level in (0, 1, 2, 3, 4, 1_000, 2**39, 2**60)] == [
        *(0, 1, 2, 2, 3, 10, 40, 40)
    ]
    assert [middle(place) for place in (0, 1, 2, 3, 10)] == [0, 1, 3, 6, 768]


def test_the_area_is_what_all_use_when_nobody_may_pass_a_level() -> None:
    hist = [0] * BUCKETS
    hist[3], hist[10] = 2, 1  # two use 6 each, one uses 768
    assert [area(hist, level) for level in (0, 5, 6, 7, 767, 768, 10_000)] == [
        *(0, 15, 18, 19, 779, 780, 780)
    ]


@pytest.mark.parametrize(
    ("expected", "on_platform", "guess"),
    [(30, 900, 30), (None, 900, 450), (None, None, 50), (None, 1, 1), (0, 0, 50)],
)
def test_a_guess_is_what_is_configured_or_half_of_those_there_are(
    expected: int | None, on_platform: int | None, guess: int
) -> None:
    assert members_guess(expected, on_platform) == guess


def test_a_first_period_guesses_half_the_members_over_all_levels() -> None:
    row = first_period("p", DAY, PoolRule(200_000), 20)
    places = [place for place, weight in enumerate(row.past_hist) if weight]
    assert (places[0], places[-1]) == (bucket(500), bucket(100_000))
    assert 9_990 <= sum(row.past_hist) <= 10_000
    assert (row.last_call, row.keep_until, row.guessed) == (2_000, 18 * HOUR_MS, True)
    # Nobody came yet: half a share of twenty.
    assert floor_at(row, 1_000) == 5_000


@pytest.mark.parametrize("size", [1, 60, 700])
def test_a_pool_of_a_few_requests_has_a_first_period_too(size: int) -> None:
    row, ana = come(first_period("p", DAY, PoolRule(size), 50))
    assert sum(row.past_hist) > 0
    assert decide(row, ana, 1, 1, DAY_MS - 1).grant == 1


def test_terms_come_from_the_averages() -> None:
    row = first_period("p", DAY, PoolRule(100_000), 10)._replace(
        # Ten members: nine used about 1,500, one 48,000; three of four asks came before noon.
        hist=tuple(9 if place == 11 else int(place == 16) for place in range(BUCKETS)),
        asks=(3,) * 12 + (1,) * 12,
    )
    after = next_period(row, Period(DAY_MS, 2 * DAY_MS), PoolRule(200_000), 10)
    # An equal share is 20,000: (9 x 1,536 + 20,000) / 10 = 3,382, and half of that.
    assert after.floor == 1_691
    assert (after.size, after.last_call) == (200_000, 2_000)
    assert (after.left[0], after.left[12], after.left[24]) == (1_000, 250, 0)
    assert after.keep_until == DAY_MS + 12 * HOUR_MS
    assert (after.past_hist[11], after.past_hist[16]) == (9_000, 1_000)
    assert not after.guessed


def test_an_average_goes_half_the_way_each_day_and_an_empty_day_teaches_nothing() -> None:
    row = learned(10_000, 100, 100)._replace(
        hist=tuple(4 if place == bucket(100) else 0 for place in range(BUCKETS)),
        asks=(5,) * 24,
    )
    two = next_period(row, Period(DAY_MS, 2 * DAY_MS), PoolRule(10_000), 1)
    assert two.past_hist[bucket(100)] == 3_000
    assert two.past_asks == (3_000,) * 24
    three = next_period(two, Period(5 * DAY_MS, 6 * DAY_MS), PoolRule(10_000), 1)
    assert (three.past_hist, three.past_asks) == (two.past_hist, two.past_asks)


def test_a_first_period_in_which_nobody_came_is_followed_by_another_first_one() -> None:
    row = first_period("p", DAY, PoolRule(10_000), 10)
    after = next_period(row, Period(DAY_MS, 2 * DAY_MS), PoolRule(20_000, 7), 40)
    assert after == first_period("p", Period(DAY_MS, 2 * DAY_MS), PoolRule(20_000, 7), 40)


def test_a_pool_without_an_end_cannot_be_fair() -> None:
    with pytest.raises(AssertionError, match="needs an end"):
        first_period("p", Period(0, None), PoolRule(10), 1)


def test_what_is_still_to_come_falls_to_nothing() -> None:
    row = learned(1_000, 100)
    hours = (-1, 0, 6, 12, 23, 24, 30)
    # 667 thousandths of the curve and 333 of the clock, both even here; left[18] is 250.
    assert [still_to_come(row, hour * HOUR_MS) for hour in hours] == [
        *(1_000, 1_000, 750, 500, 41, 0, 0)
    ]
    assert [slot_at(row, hour * HOUR_MS) for hour in hours] == [0, 0, 6, 12, 23, 23, 23]


def test_a_first_ask_is_quoted_the_floor() -> None:
    row, ana = come(learned(100_000, 1_000, floor=1_150))
    assert (ana.share, ana.own, row.claims) == (1_150, 1_150, 1_150)


def test_a_first_ask_is_quoted_no_more_than_nobody_claims() -> None:
    row = learned(1_000, 100, floor=700)
    row, ana = come(row)
    row, bob = come(row, "bob")
    row, cem = come(row, "cem")
    assert (ana.share, bob.share, cem.share) == (700, 300, 0)


def test_in_a_guessed_period_a_first_ask_is_quoted_a_fortieth_at_most() -> None:
    _, ana = come(first_period("p", DAY, PoolRule(40_000, 5_000), 10))
    assert ana.share == 1_000


def test_nothing_is_quoted_once_keeping_has_ended() -> None:
    row, ana = come(learned(100_000, 1_000, floor=1_150), now=18 * HOUR_MS)
    assert (ana.share, row.claims, row.hist[0]) == (0, 0, 1)


def test_more_weight_raises_a_share_and_less_never_lowers_it() -> None:
    row, ana = come(learned(100_000, 1_000, floor=1_000))
    row, ana = arrive(row, ana, "ana", 3, 0)
    assert (ana.share, row.claims, row.hist[0]) == (3_000, 3_000, 3)
    row, ana = arrive(row, ana, "ana", 1, 0)
    assert (ana.share, row.claims, row.hist[0]) == (3_000, 3_000, 1)


def test_a_weight_is_at_least_one() -> None:
    with pytest.raises(AssertionError, match="whole number from 1 on"):
        come(learned(100, 10), weight=0)


def test_an_ask_is_granted_what_it_wants_while_enough_is_left_for_the_others() -> None:
    # Ten others use about 1,500 a day; nothing was seen yet, so all of that is to come.
    row, ana = come(learned(100_000, *[1_500] * 10, floor=500))
    answer = decide(row, ana, 100, 2_000, 0)
    assert answer.grant == 2_000
    assert (answer.level, answer.floor, answer.kept, answer.free) == (2_000, 500, 500, 100_000)
    assert (answer.others_kept, answer.others_need, answer.last_call) == (0, 15_360, 1_000)
    assert answer.to_come == 1_000
    # The first of ten comes at once: that looks like 16.7 in all, so 15.7 more floors of 500.
    assert answer.newcomers == 7_833


def test_beyond_the_floor_a_grant_ends_where_the_others_begin() -> None:
    row, ana = come(learned(20_000, *[1_500] * 10, floor=500))
    answer = decide(row, ana, 100, 10_000, 0)
    # 20,000 less the 15,360 that ten others use at any level above 1,536.
    assert 4_636 <= answer.grant <= 4_640
    assert room(row, ana, 0) == 4_640


def test_where_the_others_want_as_much_everyone_has_an_equal_share() -> None:
    row, ana = come(learned(10_000, *[1_500] * 10, floor=500))
    # One eleventh for her and each of the ten who are still to come.
    assert decide(row, ana, 100, 2_000, 0).grant == 909
    assert room(row, ana, 0) == 909


def test_what_is_kept_is_granted_even_if_the_others_need_everything() -> None:
    row, ana = come(learned(5_000, *[1_500] * 10, floor=500))
    assert decide(row, ana, 400, 2_000, 0).grant == 500
    assert room(row, ana, 0) == 500


def test_where_neither_the_floor_nor_the_rest_will_do_an_ask_is_refused() -> None:
    row, ana = come(learned(5_000, *[1_500] * 10, floor=500))
    answer = decide(row, ana, 501, 2_000, 0)
    assert (answer.grant, answer.level) == (0, 501)


def test_after_keeping_has_ended_the_floor_comes_first_but_is_not_kept() -> None:
    row, ana = come(learned(10_000, *[1_500] * 10, floor=500))
    late = 20 * HOUR_MS
    row = row._replace(used=9_700)
    assert decide(row, ana, 300, 2_000, late).grant == 300
    assert decide(row, ana, 301, 2_000, late).grant == 0


def test_lending_less_keeps_more() -> None:
    # The others' part counts as a quarter more: one in 13.5 instead of one in 11.
    row, ana = come(learned(10_000, *[1_500] * 10, floor=500, lend=80))
    assert room(row, ana, 0) == 740


def test_an_ask_has_a_need_and_wants_at_least_that() -> None:
    row, ana = come(learned(100, 10))
    with pytest.raises(AssertionError, match="at least that"):
        decide(row, ana, 2, 1, 0)


def test_an_empty_pool_has_no_room() -> None:
    row, ana = come(learned(100, 10))
    assert room(row._replace(used=100), ana, 0) == 0


@pytest.mark.parametrize(("amount", "said"), [(0, 0), (1, 0), (19, 9), (8_399, 4_100), (250, 120)])
def test_a_hint_is_half_the_room_in_two_digits(amount: int, said: int) -> None:
    assert hint(amount) == said


def test_a_turn_moves_both_rows() -> None:
    row, ana = come(learned(10_000, 1_000, floor=500))
    row, ana = reserve(row, ana, 400, 2 * HOUR_MS)
    assert (row.held, row.claims, ana.held, ana.own, row.asks[2]) == (400, 100, 400, 100, 1)
    assert row.hist[bucket(400)] == 1
    row, ana = settle(row, ana, 400, 150)
    assert (row.used, row.held, row.claims, ana.used, ana.own) == (150, 0, 350, 150, 350)
    assert row.hist[bucket(150)] == 1
    assert sum(row.hist) == 1
    row, ana = settle(row, ana, 0, -150)
    assert (row.used, row.claims, ana.own) == (0, 500, 500)


def test_only_the_first_refusal_of_a_member_counts_as_an_ask() -> None:
    row, ana = come(learned(10_000, 1_000, floor=500))
    for _ in range(3):
        row, ana = refuse(row, ana, 600, 0)
    assert (row.asks[0], ana.missed, row.used, row.claims) == (1, 1_800, 0, 500)
    assert row.hist[bucket(1_800)] == 1


def test_without_holds_the_room_is_what_waiting_could_give() -> None:
    row, ana = come(learned(10_000, *[1_500] * 3, floor=500))
    row, bob = come(row, "bob")
    row, bob = reserve(row, bob, 4_000, 0)
    row, ana = reserve(row, ana, 1_000, 0)
    rows = without_holds(row, ana)
    assert (rows[0].held, rows[0].hist[0], rows[1].own) == (0, 1, 500)
    assert (room(row, ana, 12 * HOUR_MS), room(*rows, 12 * HOUR_MS)) == (2_106, 7_106)


def test_newcomers_are_those_expected_who_have_not_come() -> None:
    row = learned(100_000, *[1_500] * 10, floor=500)
    assert newcomers_floor(row, 1_000) == 5_000
    row, _ = come(row, weight=10)
    assert weight_expected(row, 1_000) == 76
    # At noon ten of ten have come: 11,500 / 650 = 17 in all, so seven and a bit are missing.
    assert newcomers_floor(row, 500) == 3_846
    assert newcomers_floor(row, 0) == 0


def test_in_a_guessed_period_the_floor_moves_with_what_is_seen() -> None:
    row = first_period("p", DAY, PoolRule(100_000), 1_000)
    assert floor_at(row, 1_000) == 50
    row = row._replace(hist=tuple(10 if place == 10 else 0 for place in range(BUCKETS)))
    # Ten by noon, and a thousand guessed, half a day and 15 thousandths: 48.5 sharers.
    assert floor_at(row, 500) == 1_030
    assert newcomers_floor(row, 500) > 0


def test_an_admin_can_keep_more_for_a_member() -> None:
    row, ana = come(learned(10_000, 1_000, floor=500))
    row, ana = reserve(row, ana, 800, 0)
    kept = keep_more(row, ana, 2_000, 0)
    assert not isinstance(kept, NotKept)
    assert (kept[1].own, kept[1].share, kept[0].claims) == (2_000, 2_800, 2_000)
    assert keep_more(row, ana, 9_201, 0) == NotKept("claimed", 9_200)
    assert keep_more(row, ana, 1, 18 * HOUR_MS) == NotKept("late", 0)


def test_a_pool_grows_at_once_and_shrinks_to_what_is_promised() -> None:
    row, ana = come(learned(10_000, 1_000, floor=500))
    row, ana = reserve(row, ana, 300, 0)
    assert resize(row, 50_000, 0).size == 50_000
    assert resize(row, 100, 0).size == 500
    assert resize(row, 100, 20 * HOUR_MS).size == 300


def test_a_higher_floor_counts_at_once_if_there_is_room_for_it() -> None:
    row, _ = come(learned(10_000, 1_000, floor=500))
    assert raise_floor(row, 900, 0).floor == 900
    assert raise_floor(row, 400, 0).floor == 500
    assert raise_floor(row, 20_000, 0).floor == 500


def test_a_floor_that_cannot_be_kept_for_all_is_told() -> None:
    assert floors_fit(10_000, 500, 10)
    assert not floors_fit(10_000, 501, 10)


def test_a_past_that_misleads_can_be_forgotten() -> None:
    row, ana = come(learned(10_000, *[9_000] * 50, floor=500))
    clean = forget(row, 10)
    assert clean.guessed
    assert (clean.claims, clean.keep_until, clean.hist) == (500, row.keep_until, row.hist)
    assert (room(row, ana, 12 * HOUR_MS), room(clean, ana, 12 * HOUR_MS)) == (1_477, 9_457)


def test_an_admin_sees_the_line_and_what_is_expected() -> None:
    row = learned(20_000, *[1_500] * 10, floor=500)
    seen = outlook(row, 0)
    assert (seen.seen, seen.expected, seen.demand, seen.usual) == (0, 10, 15_360, 15_360)
    assert (seen.line, seen.floor, seen.to_come) == (20_000, 500, 1_000)
    assert not seen.surprising
    assert outlook(row._replace(used=10_000), 0).line == 1_000
    assert outlook(row._replace(used=19_900), 0).line == 0


def test_a_crowd_that_nobody_expected_is_a_surprise() -> None:
    row = learned(20_000, 1_500, 1_500)
    row = row._replace(hist=tuple(30 if place == 11 else 0 for place in range(BUCKETS)))
    assert outlook(row, 12 * HOUR_MS).surprising
    guessed = first_period("p", DAY, PoolRule(20_000), 2)._replace(hist=row.hist)
    assert outlook(guessed, 12 * HOUR_MS).usual == 0
    assert not outlook(guessed, 12 * HOUR_MS).surprising


def test_the_tally_of_members_proves_the_counters() -> None:
    row, ana = come(learned(10_000, 1_000, floor=500))
    row, bob = come(row, "bob", 3)
    row, ana = reserve(row, ana, 400, 0)
    row, bob = refuse(row, bob, 9_999, 0)
    assert tally([ana, bob]) == (row.used, row.held, row.claims, row.hist)
