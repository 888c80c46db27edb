"""The text grammar of the admin commands, and what it says about mistakes."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.grammar import (
    Line,
    MistakeError,
    Target,
    parse_amount_word,
    parse_limit_line,
    parse_line,
    parse_until,
)
from quota.errors import BadRuleError
from quota.units import Amount, Unit
from tests.fakes import DAY, HOUR, MORNING

ROLES = {"Supporter", "Two Words", "everyone else"}


def is_role(name: str) -> bool:
    return name in ROLES


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("grant @ana +5k -- for the demo", Line("grant", "@ana +5k", "for the demo")),
        ("  GRANT   @ana\t+5k  ", Line("grant", "@ana +5k", "")),
        ("pause", Line("pause", "", "")),
        ("pause -- a -- b", Line("pause", "", "a -- b")),
        ("grant @ana -5k", Line("grant", "@ana -5k", "")),
        ("grant @ana--x 5k", Line("grant", "@ana--x 5k", "")),
        ("", Line("", "", "")),
    ],
)
def test_a_line_is_a_verb_what_follows_and_a_reason(text: str, line: Line) -> None:
    assert parse_line(text) == line


@pytest.mark.parametrize(
    ("text", "kind", "name", "rest"),
    [
        ("@ana 5k", "member", "ana", "5k"),
        ("@ana", "member", "ana", ""),
        ("@Supporter x", "role", "Supporter", "x"),
        ("@supporter x", "member", "supporter", "x"),
        ('@"Two Words" x', "role", "Two Words", "x"),
        ('@"Ana Maria" x', "member", "Ana Maria", "x"),
        ("@role:Guest x", "role", "Guest", "x"),
        ("@member:Supporter x", "member", "Supporter", "x"),
        ('@member:"Two Words" x', "member", "Two Words", "x"),
        ("@123456789012345678 x", "member", "123456789012345678", "x"),
        ("  @ana   x  y ", "member", "ana", "x  y"),
        ("@\u0430d\u0430 x", "member", "\u0430d\u0430", "x"),
    ],
)
def test_a_target_is_a_member_or_a_role(text: str, kind: str, name: str, rest: str) -> None:
    assert Target.first(text, is_role, "") == (Target(kind, name), rest)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", ["", "ana", "@", '@"" x', '@"ana x', "everyone 5k", "#general", "@role: x"]
)
def test_a_target_without_its_name_is_a_mistake(text: str) -> None:
    with pytest.raises(MistakeError, match="a name is missing; write it with @, such as @ana") as e:
        Target.first(text, is_role, "grant @ana 5k")
    assert e.value.usage == "grant @ana 5k"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("20k tokens per day", "everyone: 20k tokens/day"),
        ("20k tokens/day", "everyone: 20k tokens/day"),
        ("20k per day", "everyone: 20k tokens/day"),
        ("$2 per month", "everyone: $2/month"),
        ("20 messages per 6h", "everyone: 20 requests/6h from first use"),
        ("20 requests per rolling 24h", "everyone: 20 requests/rolling 24h"),
        ("1.5M per week for everyone", "everyone: 1500k tokens/week"),
        ("20k per day for @ana", "member ana: 20k tokens/day"),
        ("20k per day for @Supporter", "role Supporter: 20k tokens/day"),
        ('20k per day for @"Two Words"', "role Two Words: 20k tokens/day"),
        ('20k per day for @"everyone else"', "role everyone else: 20k tokens/day"),
        ("20k per day in #homework", "channel homework: 20k tokens/day"),
        ("20k per day for everyone in #homework", "channel homework: 20k tokens/day"),
        ("20k per day model gpt-5*", "everyone: 20k tokens/day for gpt-5*"),
        ("10 requests per minute cap", "everyone: 10 requests/minute (cap)"),
        ("9 requests per hour cap model x for @ana", "member ana: 9 requests/hour for x (cap)"),
        ("9 requests per hour for @ana model x CAP", "member ana: 9 requests/hour for x (cap)"),
        ("unlimited for @ana", "member ana: unlimited"),
        ("  20k   tokens per  day   FOR  @ana ", "member ana: 20k tokens/day"),
    ],
)
def test_a_limit_line_reads_as_it_is_meant(text: str, name: str) -> None:
    limit = parse_limit_line(text, is_role, "UTC", 0)
    assert (limit.name, limit.origin) == (name, "chat")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "an amount is missing"),
        ("for @ana", "an amount is missing"),
        ("20k per day for @ana for @bo", "who is said twice"),
        ("20k per day model a model b", "model is said twice"),
        ("20k per day cap cap", "cap is said twice"),
        ("20k per day in #a in #b", "channel is said twice"),
        ("20k per day for @ana in #a", "a limit in a channel is shared by all who write there"),
        ("20k", "names no period"),
        ("20k per", "'20k per' names no period"),
        ("20k per day please", "'day please' is not a window or a duration"),
        ("twenty per day", "'twenty' is no amount"),
        ("-5k per day", "a limit has no sign"),
        ("0 per day", "allows nothing"),
        ("5 bananas per day", "'bananas' is no unit"),
        ("5k per 0h", "'0h' is zero"),
        ("5k per day fair", "fair is said of a limit that many share"),
    ],
)
def test_a_mistake_in_a_limit_line_is_named(text: str, problem: str) -> None:
    with pytest.raises((MistakeError, BadRuleError)) as caught:
        parse_limit_line(text, is_role, "UTC", 0)
    assert problem in str(caught.value)


def test_a_limit_counts_in_the_zone_and_week_of_the_operator() -> None:
    limit = parse_limit_line("5k per week", is_role, "Europe/Berlin", 6)
    window = limit.rule.window
    assert (getattr(window, "zone", ""), getattr(window, "week_start", 0)) == ("Europe/Berlin", 6)


def test_an_amount_has_a_unit_or_leaves_it_open() -> None:
    assert parse_amount_word("+5k", "") == Amount(5_000, None, signed=True)
    assert parse_amount_word("$0.40", "") == Amount(400_000, Unit.CREDITS)
    with pytest.raises(MistakeError, match="an amount is missing"):
        parse_amount_word("  ", "")


@pytest.mark.parametrize(
    ("text", "rest", "until"),
    [
        ("5k until 3d", "5k", MORNING + 3 * DAY),
        ("5k UNTIL 2h", "5k", MORNING + 2 * HOUR),
        ("until 1h30m", "", MORNING + 90 * 60_000),
        ("5k", "5k", None),
        ("", "", None),
        ("5k until never", "5k", 1 << 62),
        ("5kuntil 3d", "5kuntil 3d", None),
    ],
)
def test_until_is_taken_off_the_end(text: str, rest: str, until: int | None) -> None:
    assert parse_until(text, MORNING) == (rest, until)


@pytest.mark.parametrize("when", ["whenever", "-3d", "1mo", "367d", "0h", "tomorrow", "3"])
def test_a_time_that_cannot_be_is_a_mistake_that_shows_how_to_write_it(when: str) -> None:
    with pytest.raises(MistakeError) as caught:
        parse_until(f"5k until {when}", MORNING)
    assert caught.value.usage == "until 3d | until 2h | until never"


@given(st.text(max_size=200) | st.text(alphabet='@#"-: perdaylimtfok015$', max_size=80))
def test_whatever_is_typed_is_read_or_is_a_named_mistake(text: str) -> None:
    for read in (
        lambda: parse_limit_line(parse_line(text).rest, is_role, "UTC", 0),
        lambda: Target.first(text, is_role, ""),
        lambda: parse_until(text, MORNING),
    ):
        with suppress(MistakeError, BadRuleError):
            assert read()


def test_a_long_line_is_read_in_no_time() -> None:
    with pytest.raises(MistakeError):
        parse_limit_line("5k per day" + " cap" * 240, is_role, "UTC", 0)
    with pytest.raises(BadRuleError):
        parse_limit_line(" for @" * 160, is_role, "UTC", 0)
