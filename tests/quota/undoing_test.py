"""Taking acts back: what the audit trail says is enough to know how."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quota.ceilings import CEILING, ceiling_of
from quota.errors import BadRuleError
from quota.governing import Act, Governing, Said
from quota.limits import Kind, Limit, Policy, parse_rule
from quota.members import EVERYONE, Scope, Space
from quota.memory import MemoryStore
from quota.prepaid import Prepaid
from quota.prepaying import Prepaying, balance_limit
from quota.rules import Rules
from quota.told import told_of, value_of
from quota.undoing import Undoing, limit_named
from quota.units import Unit
from tests.fakes import HOUR, MORNING, FakeClock, policy, requester

ACT = Act("ada", "console:console")
RULES = Rules(policy("everyone: 10k tokens/day"), zone="Europe/Berlin", week_start=6)
PREPAID = Policy((balance_limit(Prepaid(1_000)),))
SCOPES = [
    EVERYONE,
    Scope("space"),
    *(Scope(k, "Two: Words") for k in ("role", "member", "channel")),
]
LINES = ["20k tokens/day", "$0.40/week", "60 requests/6h from first use", "9 tokens/balance"]
KINDS: list[Kind] = ["allowance", "cap", "shared"]


class Office:
    """What admins have, without a bot."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.clock = FakeClock()
        self.governing = Governing(self.store, self.clock, lambda: None)
        self.prepaying = Prepaying(self.store, self.clock, lambda _: PREPAID, lambda: None)
        self.undoing = Undoing(self.governing, self.prepaying, self.clock)


@given(
    st.sampled_from(SCOPES),
    st.sampled_from(KINDS),
    st.sampled_from([*LINES, "unlimited"]),
    st.sampled_from(["*", "gpt-5*", "llama3:8b"]),
)
def test_a_limit_is_read_back_from_its_name(
    scope: Scope, kind: Kind, line: str, models: str
) -> None:
    rule = parse_rule(line, zone=RULES.zone, week_start=RULES.week_start, unit=Unit.TOKENS)
    limit = Limit(scope, kind, rule, models, "chat")
    assert limit_named(limit.name, RULES) == limit


@pytest.mark.parametrize("name", ["", "nonsense", "planet Mars: 5k tokens/day", "everyone: lots"])
def test_what_is_no_limit_is_not_read(name: str) -> None:
    with pytest.raises(BadRuleError):
        limit_named(name, RULES)


@given(st.text(max_size=20), st.none() | st.integers(0, 1 << 44))
def test_a_switch_is_read_back_from_what_was_told(value: str, until: int | None) -> None:
    assert value_of(told_of(value, until)) == (value, until if value else None)


async def test_two_who_take_an_act_back_at_once_take_it_back_once() -> None:
    office = Office()
    bounds = RULES.base.binding(requester("ana"), ("mini",))
    member = requester("ana").member
    await office.governing.give(ACT, member.wallet, Unit.TOKENS, 500, None)
    found = await asyncio.gather(
        *(office.undoing.undo(ACT, 1, RULES) for _ in range(3)), return_exceptions=True
    )
    assert [isinstance(each, BadRuleError) for each in found].count(False) == 1
    assert sum(grant.amount for grant in await office.governing.grants(member)) == 0
    assert bounds


async def test_what_ends_in_a_restored_switch_ends_when_it_did() -> None:
    office = Office()
    await office.governing.switch(ACT, "pause", "", "the bill", MORNING + HOUR)
    await office.governing.switch(ACT, "pause", "", "for good")
    await office.undoing.undo(ACT, 2, RULES)
    assert office.governing.flag("console:console", "pause") == "the bill"
    office.clock.advance(HOUR)
    assert office.governing.flag("console:console", "pause") == ""


@pytest.mark.parametrize("row", [0, 2, 99])
async def test_what_was_no_act_here_is_not_undone(row: int) -> None:
    office = Office()
    await office.governing.switch(Act("eve", "discord:7"), "pause", "", "on")
    await office.governing.note_refused(ACT, "pause")
    with pytest.raises(BadRuleError):
        await office.undoing.undo(ACT, row, RULES)
    with pytest.raises(BadRuleError):
        await office.undoing.undo(ACT, 1, RULES)


async def test_what_is_recorded_is_kept_with_its_audit_row() -> None:
    office = Office()
    said = Said("request", "console:console:ana", "", "5k tokens")
    await office.governing.record(ACT, said, "request", "12ab", "{}", MORNING + HOUR)
    (row,) = await office.governing.audit_trail("console:console", 0, 9)
    assert (row.action, row.subject, row.after) == ("request", "console:console:ana", "5k tokens")
    assert office.governing.flags("console:console", "request") == {"12ab": "{}"}
    assert await office.governing.forget_ended({"request"}) == 0
    office.clock.advance(HOUR + 1)
    assert await office.governing.forget_ended({"other"}) == 0
    assert await office.governing.forget_ended({"request"}) == 1
    assert await office.store.flags() == []


async def test_all_that_is_kept_about_a_member_is_found_and_nobody_elses() -> None:
    office = Office()
    keep = office.governing.keep
    await keep("console:console", "member", "ana", "{}")
    await keep("console:*", "home", "ana", "x")
    await keep("*", "reminder", "console:console:ana", "y")
    await keep("console:other", "member", "ana", "z")
    await keep("console:console", "member", "bo", "b")
    found = office.governing.kept_about(requester("ana").member)
    assert [flag.value for flag in found] == ["{}", "x", "y"]


async def test_the_thresholds_and_spaces_that_admins_chose_are_known() -> None:
    office = Office()
    assert office.governing.warn_at("console:console") == ()
    await office.governing.switch(ACT, "warn", "", "50,80")
    assert office.governing.warn_at("console:console") == (50, 80)
    assert office.governing.spaces() == set()
    await office.governing.switch(ACT, "space", "", "{}")
    assert office.governing.spaces() == {"console:console"}
    assert Space.from_key(Space("discord", "7:x%").key) == Space("discord", "7:x%")


async def test_a_ceiling_is_a_cap_of_ones_own() -> None:
    office = Office()
    member = requester("ana").member
    assert ceiling_of(office.governing, member, RULES) is None
    await office.governing.switch(ACT, CEILING, "ana", "5k tokens/day")
    limit = ceiling_of(office.governing, member, RULES)
    assert limit is not None
    assert (limit.kind, limit.origin, limit.name) == (
        *("cap", "self"),
        "own ceiling: 5k tokens/day (cap)",
    )
