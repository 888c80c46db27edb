"""What admins change, and the row that every act leaves."""

import pytest

from quota.errors import BadRuleError
from quota.governing import EVERYWHERE, Act, Governing
from quota.limits import Bound
from quota.memory import MemoryStore
from quota.store import LimitRow, Store
from quota.units import Amount, Unit, parse_amount
from quota.windows import Calendar
from tests.contracts.store_desk import Desk, audit
from tests.fakes import DAY, HOUR, MORNING, FakeClock, limit, policy, requester

ACT = Act("admin", "console:console", "because")
ANA = requester("ana").member


class Office:
    """An admin's desk: acts, and looks at what was written down."""

    def __init__(self) -> None:
        self.store: Store = MemoryStore()
        self.clock = FakeClock()
        self.changes = 0
        self.governing = Governing(self.store, self.clock, self.changed)

    def changed(self) -> None:
        self.changes += 1

    async def trail(self) -> list[tuple[str, str, str, str]]:
        rows = await self.store.audit_trail("console:console", 0, 99)
        assert all((row.actor, row.reason) == ("admin", "because") for row in rows)
        return [(row.action, row.subject, row.before, row.after) for row in reversed(rows)]


def bounds(*lines: str) -> tuple[Bound, ...]:
    return policy(*lines).binding(requester("ana"), ("mini",))


async def test_a_limit_is_set_changed_and_removed() -> None:
    office = Office()
    act = office.governing
    twenty, thirty = (limit(f"everyone: {n}k tokens/day", origin="chat") for n in (20, 30))
    own = limit("everyone: 10k tokens/day")
    await act.set_limit(ACT, twenty, own)
    await act.set_limit(ACT, thirty, own)
    await act.set_limit(ACT._replace(space="console:other"), twenty)
    assert act.limits("console:console") == [thirty]
    assert act.all_limits() == [thirty, twenty]
    assert await act.drop_limit(ACT, thirty)
    assert not await act.drop_limit(ACT, thirty)
    assert act.limits("console:console") == []
    assert office.changes == 5
    name, short = "everyone: {}k tokens/day", "everyone tokens/day"
    assert await office.trail() == [
        ("limit set", short, name.format(10), name.format(20)),
        ("limit set", short, name.format(20), name.format(30)),
        ("limit remove", short, name.format(30), ""),
        ("limit remove", short, name.format(30), ""),
    ]


async def test_a_role_has_a_pool_beside_its_allowance() -> None:
    office = Office()
    pool = limit("shared role Guest: 9k tokens/day", origin="chat")
    own = limit("role Guest: 1k tokens/day", origin="chat")
    await office.governing.set_limit(ACT, pool)
    await office.governing.set_limit(ACT, own)
    assert office.governing.limits("console:console") == [pool, own]


async def test_what_was_set_is_read_again() -> None:
    office = Office()
    lines = [
        "everyone: unlimited",
        "role Night Owl: $2/month for gpt-5*",
        "member ana: 5k tokens/rolling 24h",
        "cap everyone: 9 requests/6h",
        "channel homework: 5k tokens/week",
        "shared role Guest: 9k tokens/day",
        "space: 2M tokens/day",
    ]
    zone = {"zone": "Europe/Berlin", "week_start": 6}
    limits = [limit(line, zone="Europe/Berlin", week_start=6, origin="chat") for line in lines]
    for known in limits:
        await office.governing.set_limit(ACT, known)
    await office.governing.switch(ACT, "pause", "", "on")
    again = Governing(office.store, office.clock, office.changed)
    await again.load(zone=str(zone["zone"]), week_start=6)
    assert again.limits("console:console") == limits
    assert again.closed_to(ANA, MORNING) is not None
    week = again.limits("console:console")[4].rule.window
    assert week == Calendar("week", "Europe/Berlin", 6)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (LimitRow("s", "planet", "", "shared", "5k tokens/day", "*"), "'planet' is no scope"),
        (LimitRow("s", "everyone", "", "cap", "5k tokens", "*"), "names no period"),
    ],
)
async def test_a_stored_limit_that_cannot_be_read_is_named(row: LimitRow, told: str) -> None:
    office = Office()
    await office.store.put_limit("x", row, audit("limit set"), MORNING)
    with pytest.raises(BadRuleError, match=told):
        await office.governing.load(zone="UTC", week_start=0)


GRANTS = [
    # the limits, the amount, until when it holds where nobody says
    (["everyone: 20k tokens/day"], "+5k", Unit.TOKENS, 5_000, MORNING + 15 * HOUR),
    (["everyone: 20k tokens/day"], "-5k tokens", Unit.TOKENS, -5_000, MORNING + 15 * HOUR),
    (["everyone: $1/day", "everyone: 9 requests/hour"], "5", Unit.CREDITS, 5, MORNING + 15 * HOUR),
    (["everyone: 20k tokens/day", "everyone: 9 requests/hour"], "5 messages", Unit.REQUESTS, 5,
     MORNING + HOUR),
    (["everyone: 20k tokens/rolling 6h"], "5k", Unit.TOKENS, 5_000, MORNING + 6 * HOUR),
    (["everyone: 20k tokens/6h"], "5k", Unit.TOKENS, 5_000, MORNING + 6 * HOUR),
    (["everyone: $5/balance"], "$1", Unit.CREDITS, 1_000_000, None),
    (["space: 5k tokens/day", "everyone: 2k tokens/1h"], "5", Unit.TOKENS, 5, MORNING + HOUR),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "text", "unit", "amount", "until"), GRANTS)
async def test_a_grant_is_for_the_running_period_of_the_allowance(
    lines: list[str], text: str, unit: Unit, amount: int, until: int | None
) -> None:
    office = Office()
    row = await office.governing.grant(ACT, ANA, parse_amount(text), bounds(*lines))
    assert (row.unit, row.amount, row.until, row.actor) == (unit, amount, until, "admin")
    assert await office.governing.grants(ANA) == [row]
    assert office.changes == 1


async def test_a_grant_ends_with_a_window_from_first_use_that_is_running() -> None:
    office = Office()
    desk = Desk(office.store, "everyone: 20k tokens/6h")
    await desk.spend(5)
    office.clock.advance(2 * HOUR)
    own = bounds("everyone: 20k tokens/6h")
    row = await office.governing.grant(ACT, ANA, parse_amount("5k"), own)
    assert row.until == MORNING + 6 * HOUR


async def test_a_grant_may_end_when_it_is_told_to() -> None:
    office = Office()
    own = bounds("everyone: 20k tokens/day")
    row = await office.governing.grant(ACT, ANA, parse_amount("-5k"), own, MORNING + DAY)
    assert row.until == MORNING + DAY
    assert await office.trail() == [("take", "console:console:ana", "", "-5k tokens")]


@pytest.mark.parametrize(
    ("lines", "text", "told"),
    [
        ([], "5k", "ana has no limited allowance that could be added to"),
        (["everyone: unlimited", "space: 5k tokens/day"], "5k", "no limited allowance"),
        (["everyone: 20k tokens/day"], "$1", "ana has no allowance in credits; it counts tokens"),
        (["everyone: 20k tokens/day"], "0", "0 changes nothing"),
    ],
)
async def test_a_grant_that_helps_nobody_is_told(lines: list[str], text: str, told: str) -> None:
    office = Office()
    with pytest.raises(BadRuleError, match=told):
        await office.governing.grant(ACT, ANA, parse_amount(text), bounds(*lines))
    assert await office.trail() == []
    assert office.changes == 0


async def test_a_grant_takes_the_word_for_its_unit() -> None:
    office = Office()
    own = bounds("everyone: 20k tokens/day", "everyone: 9 requests/hour")
    row = await office.governing.grant(ACT, ANA, Amount(3, Unit.REQUESTS), own)
    assert row.unit is Unit.REQUESTS


async def test_a_reset_writes_off_all_own_limits_or_one() -> None:
    office = Office()
    lines = ("everyone: 20k tokens/day", "everyone: 9 requests/hour", "space: 2M tokens/day")
    desk, act = Desk(office.store, *lines), office.governing
    await desk.spend(500)
    one = await act.reset(ACT, ANA, bounds(*lines), "Everyone REQUESTS/hour")
    assert [(balance.unit, balance.used) for balance in one] == [("requests", 0)]
    every = await act.reset(ACT, ANA, bounds(*lines))
    assert [balance.used for balance in every] == [0, 0]
    assert [balance.used for balance in await desk.sees()] == [0, 0, 500]
    await act.reset(ACT, ANA, bounds(*lines))
    before = "1 request in everyone requests/hour"
    after = "500 tokens in everyone tokens/day"
    assert await office.trail() == [
        ("reset", "console:console:ana", before, "nothing used"),
        ("reset", "console:console:ana", after, "nothing used"),
        ("reset", "console:console:ana", "nothing used", "nothing used"),
    ]
    assert office.changes == 3


async def test_a_reset_of_a_limit_that_is_not_there_names_those_that_are() -> None:
    act = Office().governing
    with pytest.raises(BadRuleError, match=r"no limit 'weekly' of their own; own: everyone tokens"):
        await act.reset(ACT, ANA, bounds("everyone: 20k tokens/day"), "weekly")
    with pytest.raises(BadRuleError, match="own: none"):
        await act.reset(ACT, ANA, bounds("space: 20k tokens/day"))


async def test_a_switch_tells_whether_it_changed_anything() -> None:
    office = Office()
    act = office.governing
    assert await act.switch(ACT, "block", ANA.wallet, "spam", MORNING + HOUR)
    assert not await act.switch(ACT, "block", ANA.wallet, "spam", MORNING + HOUR)
    assert await act.switch(ACT, "block", ANA.wallet, "spam")
    assert await act.switch(ACT, "block", ANA.wallet, "")
    assert not await act.switch(ACT, "block", ANA.wallet, "")
    assert not await act.switch(ACT, "pause", "", "")
    assert await act.switch(ACT, "pause", "", "on", MORNING + HOUR)
    office.clock.advance(HOUR)
    assert not await act.switch(ACT, "pause", "", ""), "it had ended by itself"
    wallet, ends = ANA.wallet, "until 2026-06-01T10:00:00.000+00:00"
    assert await office.trail() == [
        ("block", wallet, "", f"spam {ends}"),
        ("block", wallet, f"spam {ends}", f"spam {ends}"),
        ("block", wallet, f"spam {ends}", "spam"),
        ("unblock", wallet, "spam", ""),
        ("unblock", wallet, "", ""),
        ("pause off", "", "", ""),
        ("pause", "", "", f"on {ends}"),
        ("pause off", "", "", ""),
    ]


async def test_a_pause_is_told_before_a_block() -> None:
    office = Office()
    act = office.governing
    assert act.closed_to(ANA, MORNING) is None

    def why() -> str:
        flag = act.closed_to(ANA, MORNING)
        return flag.value if flag else ""

    await act.switch(ACT, "block", ANA.wallet, "spam")
    assert why() == "spam"
    await act.switch(ACT, "pause", "", "cleaning")
    assert why() == "cleaning"
    await act.switch(Act("admin", EVERYWHERE, "because"), "pause", "", "moving house")
    assert why() == "moving house"
    assert act.closed_to(requester("ana", space="discord:1").member, MORNING) is not None


async def test_admins_have_a_sentence_of_their_own() -> None:
    act = Office().governing
    assert act.note("console:console") == ""
    await act.switch(ACT, "note", "", "Ask Ada for more.")
    assert act.note("console:console") == "Ask Ada for more."
    assert act.note("console:other") == ""


async def test_a_command_that_was_refused_is_written_down() -> None:
    office = Office()
    await office.governing.note_refused(ACT, "grant @ana 5k")
    assert await office.trail() == [("refused", "grant @ana 5k", "", "")]
    (row,) = await office.governing.audit_trail("console:console", MORNING, 9)
    assert (row.at, row.action) == (MORNING, "refused")
