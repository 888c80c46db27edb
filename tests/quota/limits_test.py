"""Limits as one line of text, and which of them bind whom."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quota.errors import BadRuleError
from quota.limits import UNLIMITED, Limit, Policy, Rule, parse_rule
from quota.members import Requester, Scope
from quota.units import AMOUNT_MAX, Unit
from quota.windows import Anchored, Balance, Calendar, Rolling, parse_window
from tests.fakes import DAY, HOUR, limit, policy, requester

RULES = [
    ("20k tokens/day", 20_000, "tokens", Calendar("day"), "20k tokens/day"),
    ("20k tokens per day", 20_000, "tokens", Calendar("day"), "20k tokens/day"),
    ("  60   requests / hour ", 60, "requests", Calendar("hour"), "60 requests/hour"),
    ("20 messages/hour", 20, "requests", Calendar("hour"), "20 requests/hour"),
    ("$2/month", 2_000_000, "credits", Calendar("month"), "$2/month"),
    ("$0.10/6h", 100_000, "credits", Anchored(6 * HOUR), "$0.10/6h from first use"),
    ("5K TOKENS/ROLLING 24H", 5_000, "tokens", Rolling(DAY), "5k tokens/rolling 24h"),
    ("$5/balance", 5_000_000, "credits", Balance(), "$5/balance"),
    ("1 token/daily", 1, "tokens", Calendar("day"), "1 token/day"),
]


@pytest.mark.parametrize(("text", "amount", "unit", "window", "printed"), RULES)
def test_a_rule_reads_as_people_write_it(
    text: str, amount: int, unit: str, window: Calendar, printed: str
) -> None:
    rule = parse_rule(text)
    assert (rule.amount, str(rule.unit), rule.window, rule.text) == (amount, unit, window, printed)


def test_unlimited_is_a_rule() -> None:
    assert parse_rule(" Unlimited ") == UNLIMITED
    assert UNLIMITED.text == "unlimited"


def test_a_rule_keeps_the_zone_and_the_week_start_it_was_read_with() -> None:
    rule = parse_rule("5k tokens/week", zone="Europe/Berlin", week_start=6)
    assert rule.window == Calendar("week", "Europe/Berlin", 6)


def test_a_number_takes_the_unit_that_is_meant() -> None:
    assert parse_rule("500/day", unit=Unit.REQUESTS).unit is Unit.REQUESTS
    assert parse_rule("500 tokens/day", unit=Unit.REQUESTS).unit is Unit.TOKENS


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "'' names no period; write it like"),
        ("20k tokens", "'20k tokens' names no period"),
        ("many", "names no period"),
        ("many/day", "'many' is no amount"),
        ("500/day", "names no unit; say tokens, requests or $"),
        ("0 tokens/day", "allows nothing; give a positive amount, or block instead"),
        ("$0.00/day", "allows nothing"),
        ("+5k tokens/day", "a limit has no sign"),
        ("-5k tokens/day", "a limit has no sign"),
        ("5k tokens/", "nothing is given"),
        ("5k tokens/fortnight", "'5k tokens/fortnight': 'fortnight' is not a window"),
        ("5k tokens/day/week", "is not a window"),
        ("5k tokens/1mo", "has no fixed length"),
        ("2M tokens/day fair", "fair is said of a limit that many share"),
        ("2M tokens/day free", "free is said of a limit that many share"),
        ("unlimited/day", "'unlimited' is no amount"),
        ("x" * 500, "names no period"),
    ],
)
def test_a_bad_rule_is_told_what_is_wrong_with_it(text: str, told: str) -> None:
    with pytest.raises(BadRuleError) as caught:
        parse_rule(text)
    assert told in str(caught.value)
    assert len(str(caught.value)) < 400


windows = st.sampled_from(
    [parse_window(text) for text in ("hour", "day", "month", "90m", "rolling 7d", "balance")]
)


@given(st.integers(1, AMOUNT_MAX), st.sampled_from(Unit), windows)
def test_every_rule_reads_back_from_its_text(amount: int, unit: Unit, window: Calendar) -> None:
    rule = Rule(amount, unit, window)
    assert parse_rule(rule.text) == rule


@given(st.text(max_size=40))
def test_any_text_is_either_a_rule_or_a_bad_rule(text: str) -> None:
    try:
        rule = parse_rule(text)
    except BadRuleError:
        return
    assert rule.amount is None or rule.amount > 0


@pytest.mark.parametrize(
    ("line", "name", "short"),
    [
        ("everyone: 20k tokens/day", "everyone: 20k tokens/day", "everyone tokens/day"),
        ("role Night Owl: $2/month", "role Night Owl: $2/month", "role:Night:Owl credits/month"),
        ("role Mod: unlimited", "role Mod: unlimited", "role:Mod unlimited"),
        (
            "cap everyone: 9 requests/hour",
            "everyone: 9 requests/hour (cap)",
            "everyone requests/hour cap",
        ),
        (
            "shared role Guest: 5k tokens/day",
            "role Guest: 5k tokens/day (shared)",
            "role:Guest tokens/day shared",
        ),
        (
            "cap channel x: 5k tokens/day",
            "channel x: 5k tokens/day (cap)",
            "channel:x tokens/day cap",
        ),
        ("space: 2M tokens/day", "space: 2M tokens/day", "space tokens/day"),
        (
            "everyone: 5k tokens/day for gpt-5*",
            "everyone: 5k tokens/day for gpt-5*",
            "everyone tokens/day gpt-5*",
        ),
    ],
)
def test_a_limit_has_a_name_and_a_short_one(line: str, name: str, short: str) -> None:
    assert limit(line).name == name
    assert limit(line).id == short


# Who is bound by what: the policy, who asks for which model, what binds (an own limit that is
# lifted goes on counting, without an amount), own limits first.
ANA, MOD = requester("ana"), requester("ana", roles=("Mod",))
BINDING: dict[str, tuple[Policy, Requester, str, list[str]]] = {
    "everyone's holds for everyone": (
        policy("everyone: 20k tokens/day", "everyone: 9 requests/hour"),
        ANA,
        "mini",
        ["everyone: 20k tokens/day", "everyone: 9 requests/hour"],
    ),
    "a role beats everyone, even where it gives less": (
        policy("everyone: 20k tokens/day", "role Mod: 5k tokens/day"),
        MOD,
        "mini",
        ["role Mod: 5k tokens/day"],
    ),
    "a role that is not held counts for nothing": (
        policy("everyone: 20k tokens/day", "role Mod: 5k tokens/day"),
        ANA,
        "mini",
        ["everyone: 20k tokens/day"],
    ),
    "the most generous role beats the others": (
        policy("role A: 5k tokens/day", "role B: 9k tokens/day", "role C: 7k tokens/day"),
        requester("ana", roles=("A", "B", "C")),
        "mini",
        ["role B: 9k tokens/day"],
    ),
    "a member's own beats every role": (
        policy("everyone: 20k tokens/day", "role Mod: 90k tokens/day", "member ana: 1k tokens/day"),
        MOD,
        "mini",
        ["member ana: 1k tokens/day"],
    ),
    "another member's own does not": (
        policy("everyone: 20k tokens/day", "member bo: 1k tokens/day"),
        ANA,
        "mini",
        ["everyone: 20k tokens/day"],
    ),
    "other units and windows stay": (
        policy(
            "everyone: 20k tokens/day",
            "everyone: 90k tokens/week",
            "everyone: $1/day",
            "role Mod: 50k tokens/day",
        ),
        MOD,
        "mini",
        ["everyone: 90k tokens/week", "everyone: $1/day", "role Mod: 50k tokens/day"],
    ),
    "unlimited lifts allowances, not caps or shared limits": (
        policy(
            "everyone: 20k tokens/day",
            "everyone: 9 requests/hour",
            "cap everyone: 5 requests/minute",
            "space: 2M tokens/day",
            "role Mod: unlimited",
        ),
        MOD,
        "mini",
        [
            "lifted tokens/day by role Mod: unlimited",
            "lifted requests/hour by role Mod: unlimited",
            "everyone: 5 requests/minute (cap)",
            "space: 2M tokens/day",
        ],
    ),
    "unlimited for everyone lifts nothing that a role has": (
        policy("everyone: unlimited", "role Mod: 5k tokens/day"),
        MOD,
        "mini",
        ["role Mod: 5k tokens/day"],
    ),
    "unlimited for everyone, and what else there is for them": (
        policy("everyone: 9 requests/hour", "everyone: unlimited"),
        ANA,
        "mini",
        [
            "lifted requests/hour by everyone: unlimited",
            "lifted tokens/day by everyone: unlimited",
        ],
    ),
    "a member's own limit beats an unlimited role": (
        policy("role Mod: unlimited", "member ana: 1k tokens/day", "everyone: 5 requests/day"),
        MOD,
        "mini",
        ["member ana: 1k tokens/day", "lifted requests/day by role Mod: unlimited"],
    ),
    "a member's own unlimited beats everything, wherever it stands": (
        policy("role Mod: unlimited", "member ana: 1k tokens/day", "member ana: unlimited"),
        MOD,
        "mini",
        ["lifted tokens/day by member ana: unlimited"],
    ),
    "the tightest cap binds": (
        policy(
            "cap everyone: 9 requests/minute",
            "cap role Mod: 3 requests/minute",
            "cap member ana: 5 requests/minute",
        ),
        MOD,
        "mini",
        ["role Mod: 3 requests/minute (cap)"],
    ),
    "every shared limit binds, after the own ones": (
        policy(
            "house: $5/day",
            "space: 2M tokens/day",
            "channel general: 5k tokens/day",
            "channel other: 5k tokens/day",
            "shared role Mod: 1M tokens/day",
            "everyone: 20k tokens/day",
        ),
        MOD,
        "mini",
        [
            "everyone: 20k tokens/day",
            "house: $5/day",
            "space: 2M tokens/day",
            "channel general: 5k tokens/day",
            "role Mod: 1M tokens/day (shared)",
        ],
    ),
    "a limit for some models binds with the one for all": (
        policy("everyone: 20k tokens/day", "everyone: 5k tokens/day for gpt-5*"),
        ANA,
        "gpt-5-mini",
        ["everyone: 20k tokens/day", "everyone: 5k tokens/day for gpt-5*"],
    ),
    "a limit for other models does not": (
        policy("everyone: 20k tokens/day", "everyone: 5k tokens/day for gpt-5*"),
        ANA,
        "mini",
        ["everyone: 20k tokens/day"],
    ),
    "unlimited for some models": (
        policy("everyone: 20k tokens/day", "role Mod: unlimited for mini"),
        MOD,
        "big",
        ["everyone: 20k tokens/day"],
    ),
    "nothing binds where nothing is written": (policy(), ANA, "mini", []),
}


@pytest.mark.parametrize(("rules", "who", "model", "binding"), BINDING.values(), ids=BINDING.keys())
def test_who_is_bound_by_what(
    rules: Policy, who: Requester, model: str, binding: list[str]
) -> None:
    told = []
    for bound in rules.binding(who, (model,)):
        counted = bound.book.split("|")[1]
        assert bound.amount in {None, bound.limit.rule.amount}
        told.append(bound.limit.name if bound.amount else f"lifted {counted} by {bound.limit.name}")
    assert told == binding


def test_a_model_is_known_by_any_of_its_names() -> None:
    rules = policy("everyone: 5k tokens/day for gpt-5*")
    assert rules.binding(ANA, ("default", "gpt-5-mini"))
    assert not rules.binding(ANA, ("default", "GPT-5-mini"))


def test_no_two_bounds_count_in_one_book() -> None:
    rules = policy(
        "everyone: unlimited",
        "role Mod: 5k tokens/day",
        "role A: unlimited",
        "member ana: 9k tokens/day",
        "cap everyone: unlimited",
        "cap everyone: 9k tokens/day",
    )
    for who in (ANA, MOD, requester("bo", roles=("Mod", "A")), requester("bo", roles=("A",))):
        books = [bound.book for bound in rules.binding(who, ("mini",))]
        assert len(set(books)) == len(books)


@pytest.mark.parametrize(
    ("line", "book"),
    [
        ("everyone: 20k tokens/day", "allowance|tokens/day|*|console:console:ana"),
        ("role Mod: 90k tokens/day", "allowance|tokens/day|*|console:console:ana"),
        ("member ana: 1k tokens/day", "allowance|tokens/day|*|console:console:ana"),
        ("cap everyone: 9 requests/1h", "cap|requests/1h from first use|*|console:console:ana"),
        ("space: $2/rolling 7d", "shared|credits/rolling 7d|*|space @console:console"),
        ("channel general: 5k tokens/day", "shared|tokens/day|*|channel general@console:console"),
        ("house: $5/day", "shared|credits/day|*|house @"),
        ("everyone: $1/day for gpt-5*", "allowance|credits/day|gpt-5*|console:console:ana"),
    ],
)
def test_what_was_used_outlives_the_limit_that_it_counted_in(line: str, book: str) -> None:
    (bound,) = policy(line).binding(MOD, ("gpt-5",))
    assert bound.book == book


def test_the_house_counts_all_spaces_together_and_a_space_only_its_own() -> None:
    rules = policy("house: $5/day", "space: $5/day")
    here, there = (
        [bound.book for bound in rules.binding(requester("ana", space=space), ("mini",))]
        for space in ("discord:1", "discord:2")
    )
    assert here[0] == there[0]
    assert here[1] != there[1]


def test_a_limit_set_in_chat_takes_the_place_of_the_one_with_its_slot() -> None:
    base = policy(
        "everyone: 20k tokens/day",
        "everyone: 9 requests/hour",
        "everyone: 5k tokens/day for gpt-5*",
        "cap everyone: 20k tokens/day",
    )
    chat = [
        limit("everyone: 30k tokens/day", origin="chat"),
        limit("role Mod: 50k tokens/day", origin="chat"),
        limit("cap everyone: 1k tokens/day", origin="chat"),
    ]
    merged = base.overridden_by(chat)
    assert [f"{x.origin} {x.name}" for x in merged.limits] == [
        "chat everyone: 30k tokens/day",
        "config everyone: 9 requests/hour",
        "config everyone: 5k tokens/day for gpt-5*",
        "chat everyone: 1k tokens/day (cap)",
        "chat role Mod: 50k tokens/day",
    ]
    assert base.overridden_by([]) == base


REASONS = [
    (ANA, "everyone: 20k tokens/day", True, "binds", ""),
    (MOD, "everyone: 20k tokens/day", False, "role_first", "role Mod: 50k tokens/day"),
    (MOD, "role Mod: 50k tokens/day", True, "binds", ""),
    (
        requester("ana", roles=("Mod", "Sub")),
        "role Sub: 30k tokens/day",
        False,
        "more_generous",
        "role Mod: 50k tokens/day",
    ),
    (
        requester("cy", roles=("Mod",)),
        "role Mod: 50k tokens/day",
        False,
        "member_first",
        "member cy: 1k tokens/day",
    ),
    (
        requester("cy", roles=("Mod",)),
        "everyone: 20k tokens/day",
        False,
        "member_first",
        "member cy: 1k tokens/day",
    ),
    (
        requester("ana", roles=("Free",)),
        "everyone: 20k tokens/day",
        False,
        "lifted",
        "role Free: unlimited",
    ),
    (requester("ana", roles=("Free",)), "role Free: unlimited", True, "binds", ""),
    (ANA, "everyone: 9 requests/hour (cap)", False, "tighter", "member ana: 5 requests/hour (cap)"),
    (ANA, "member ana: 5 requests/hour (cap)", True, "binds", ""),
    (ANA, "space: 2M tokens/day", True, "binds", ""),
]


@pytest.mark.parametrize(("who", "name", "binds", "why", "by"), REASONS)
def test_a_limit_says_why_it_binds_or_not(
    who: Requester, name: str, binds: bool, why: str, by: str
) -> None:
    rules = policy(
        "everyone: 20k tokens/day",
        "role Mod: 50k tokens/day",
        "role Sub: 30k tokens/day",
        "role Free: unlimited",
        "member cy: 1k tokens/day",
        "cap everyone: 9 requests/hour",
        "cap member ana: 5 requests/hour",
        "space: 2M tokens/day",
    )
    (reason,) = [x for x in rules.reasons(who, ("mini",)) if x.limit.name == name]
    told = (reason.binds, reason.why, reason.by.name if reason.by else "")
    assert told == (binds, why, by)


def test_reasons_stand_in_the_order_in_which_limits_are_written() -> None:
    rules = policy("space: 2M tokens/day", "everyone: 20k tokens/day", "channel x: 5 requests/day")
    names = [reason.limit.name for reason in rules.reasons(ANA, ("mini",))]
    assert names == ["space: 2M tokens/day", "everyone: 20k tokens/day"]


roles = st.sets(st.sampled_from(["A", "B", "C"]))
amounts = st.integers(1, 9)


@given(st.dictionaries(st.sampled_from(["A", "B", "C"]), amounts), amounts, roles, roles)
def test_a_role_more_never_gives_less(
    given_: dict[str, int], base: int, some: set[str], more: set[str]
) -> None:
    """Unless it is the first: a role beats everyone, also with less."""
    limits = [limit(f"everyone: {base} tokens/day")]
    limits += [
        replace(limits[0], scope=Scope("role", name), rule=limits[0].rule._replace(amount=amount))
        for name, amount in given_.items()
    ]
    rules = Policy(tuple(limits))
    few = rules.binding(requester(roles=some), ("mini",))[0].amount
    many = rules.binding(requester(roles=some | more), ("mini",))[0].amount
    assert few is not None
    assert many is not None
    if some & set(given_):
        assert many >= few


def test_a_limit_is_a_value() -> None:
    assert limit("everyone: 20k tokens/day") == Limit(
        Scope("everyone"), "allowance", Rule(20_000, Unit.TOKENS, Calendar("day"))
    )
