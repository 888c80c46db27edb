from typing import Any

import pytest

from bot.config_values import ConfigError
from bot.control import CONSOLE, Control, Order, Outcome, instant_of, member_of, space_of
from quota.errors import BadRuleError
from quota.governing import EVERYWHERE, NEVER_ENDS, Act
from quota.members import Member, Space
from quota.memory import MemoryStore
from quota.quotas import Quotas
from quota.rules import Rules, Terms
from quota.store import LimitRow
from tests.fakes import DAY, MORNING, FakeClock, at, limit, policy, requester

TERMS = Terms("default", ("default",))
ACTOR = "cli:olga"


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def quotas(store: MemoryStore) -> Quotas:
    base = policy("everyone: 10k tokens/day", "role Guest: 1k tokens/day")
    return Quotas(store, FakeClock(), Rules(base, zone="Europe/Berlin"))


@pytest.fixture
def control(quotas: Quotas) -> Control:
    return Control(quotas, lambda: TERMS)


async def do(control: Control, verb: str, **args: Any) -> Outcome:
    return await control.carry_out(Order(verb, ACTOR, args))


async def left(quotas: Quotas, name: str = "ana", *, roles: tuple[str, ...] = ()) -> int | None:
    (balance,) = await quotas.balances(requester(name, roles=roles), TERMS)
    return balance.left


# Who and when.


@pytest.mark.parametrize(
    ("text", "space", "wanted"),
    [
        ("ana", "", Member(CONSOLE, "ana")),
        ("ana maria", "", Member(CONSOLE, "ana maria")),
        ("discord:1234:99", "", Member(Space("discord", "1234"), "99")),
        ("slack:T1:U1", "slack:T1", Member(Space("slack", "T1"), "U1")),
        ("console:a%3Ab:bo", "", Member(Space("console", "a:b"), "bo")),
        ("ana", "team", Member(Space("console", "team"), "ana")),
        ("99", "discord:1234", Member(Space("discord", "1234"), "99")),
    ],
)
def test_a_member_is_named_whole_or_by_a_name_of_the_console(
    text: str, space: str, wanted: Member
) -> None:
    assert member_of(text, space) == wanted


@pytest.mark.parametrize(
    ("text", "space"),
    [("", ""), (" ", ""), ("discord:99", ""), ("::", ""), ("a::b", ""), ("a:b:c", "a:x")],
)
def test_what_names_no_member_is_told_how_to_write_one(text: str, space: str) -> None:
    with pytest.raises(BadRuleError, match=r"write|leave"):
        member_of(text, space)


@pytest.mark.parametrize("text", ["", ":", "discord:", ":1"])
def test_what_names_no_space_is_told_how_to_write_one(text: str) -> None:
    with pytest.raises(BadRuleError, match="write platform:id"):
        space_of(text)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", None),
        ("never", NEVER_ENDS),
        ("3d", MORNING + 3 * DAY),
        ("2026-07-01", at("2026-06-30T22:00Z")),  # midnight in Berlin
        ("2026-07-01T12:30", at("2026-07-01T10:30Z")),
        ("2026-07-01T12:30Z", at("2026-07-01T12:30Z")),
    ],
)
def test_an_end_is_a_time_from_now_or_a_date_of_the_zone(text: str, wanted: int | None) -> None:
    assert instant_of(text, MORNING, "Europe/Berlin") == wanted


@pytest.mark.parametrize("text", ["tomorrow", "2026-13-01", "2025-01-01", "3", "-1d"])
def test_what_is_no_time_to_come_is_refused(text: str) -> None:
    with pytest.raises(BadRuleError):
        instant_of(text, MORNING, "Europe/Berlin")


# Grants.


async def test_a_grant_adds_and_is_written_down_with_who_did_it(
    control: Control, quotas: Quotas, store: MemoryStore
) -> None:
    done = await do(control, "grant", member="ana", amount="5k", until="3d", reason="the demo")
    assert done.code == 0
    assert done.text == (
        "Granted\nAdded 5,000 tokens for @ana until 2026-06-04 11:00 CEST. "
        "Now 15,000 left today.\nReason: the demo\n"
        "'console:console:ana' has used nothing yet; quotabot balances lists who has."
    )
    assert done.data["grant"]["until"] == "2026-06-04T09:00:00Z"
    assert done.data["balances"][0]["left"] == 15_000
    assert await left(quotas) == 15_000
    (row,) = await store.audit_trail("console:console", 0, 10)
    assert (row.actor, row.action, row.subject, row.after, row.reason) == (
        ACTOR,
        "grant",
        "console:console:ana",
        "5k tokens",
        "the demo",
    )


async def test_an_amount_with_a_minus_takes(control: Control, quotas: Quotas) -> None:
    done = await do(control, "grant", member="ana", amount="-2k")
    assert done.text.startswith("Taken\nTook 2,000 tokens from @ana")
    assert await left(quotas) == 8_000


async def test_a_grant_in_another_space_stays_there(control: Control, quotas: Quotas) -> None:
    await do(control, "grant", member="ana", amount="5k", space="team")
    assert await left(quotas) == 10_000
    done = await do(control, "grant", member="console:team:ana", amount="1k")
    assert done.data["balances"][0]["left"] == 16_000


@pytest.mark.parametrize(
    "args",
    [
        {"member": "ana", "amount": "lots"},
        {"member": "ana", "amount": "0"},
        {"member": "ana", "amount": ""},
        {"member": "ana", "amount": "$5"},
        {"member": "", "amount": "5k"},
        {"member": "ana", "amount": "5k", "until": "yesterday"},
        {"member": 7, "amount": "5k"},
        {"member": "ana", "amount": "5k", "roles": "Guest"},
        {"member": "a" * 2_000, "amount": "5k"},
        {},
    ],
)
async def test_a_grant_that_is_not_understood_changes_nothing(
    control: Control, quotas: Quotas, store: MemoryStore, args: dict[str, Any]
) -> None:
    done = await do(control, "grant", **args)
    assert done.code == 2
    assert done.text
    assert await left(quotas) == 10_000
    assert await store.audit_trail("console:console", 0, 10) == []


# Limits.


@pytest.mark.parametrize(
    ("args", "rule"),
    [
        ({"rule": "20k tokens/day"}, "everyone tokens/day"),
        ({"rule": "20k/day", "for": "everyone"}, "everyone tokens/day"),
        ({"rule": "unlimited", "for": "role:Moderator"}, "role:Moderator unlimited"),
        ({"rule": "9 requests/hour", "for": "member:ana"}, "member:ana requests/hour"),
        ({"rule": "2M tokens/day", "for": "space"}, "space tokens/day"),
        ({"rule": "2M tokens/day", "for": "channel:#help"}, "channel:help tokens/day"),
        ({"rule": "5 requests/minute", "cap": True}, "everyone requests/minute cap"),
        ({"rule": "$1/day", "model": "gpt-5*"}, "everyone credits/day gpt-5*"),
    ],
)
async def test_a_limit_is_set_listed_and_dropped_by_the_same_name(
    control: Control, quotas: Quotas, args: dict[str, Any], rule: str
) -> None:
    done = await do(control, "set", **args)
    assert done.code == 0, done.text
    assert done.data["rule"] == rule
    assert rule in {x.id for x in quotas.governing.limits("console:console")}
    assert (await do(control, "drop", rule=rule.upper())).code == 0
    assert quotas.governing.limits("console:console") == []


async def test_a_limit_that_is_set_takes_the_place_of_the_configs_until_it_is_dropped(
    control: Control, quotas: Quotas
) -> None:
    done = await do(control, "set", rule="3k tokens/day")
    assert done.text == (
        "Limit set\neveryone: 3k tokens/day (was 10k tokens/day). "
        "It holds from the next message on."
    )
    assert await left(quotas) == 3_000
    done = await do(control, "drop", rule="everyone tokens/day")
    assert done.data["after"] == "10k tokens/day"
    assert await left(quotas) == 10_000


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ({"rule": "20k tokens"}, "names no period"),
        ({"rule": "0 tokens/day"}, "allows nothing"),
        ({"rule": "2k tokens/day fair"}, "fair is said of a limit that many share"),
        ({"rule": "2k tokens/day", "for": "house"}, "write it in the config"),
        ({"rule": "2k tokens/day", "for": "Guest"}, "say everyone, role:NAME"),
        ({"rule": "2k tokens/day", "for": "role:"}, "say everyone, role:NAME"),
        ({"rule": "2k tokens/day", "for": "space", "cap": True}, "leave out --cap"),
        ({"rule": "unlimited", "for": "space"}, "holds nobody back"),
        ({"rule": "unlimited", "cap": True}, "holds nobody back"),
        ({"rule": "2k tokens/day", "space": "discord:"}, "is no space"),
    ],
)
async def test_a_limit_that_cannot_be_is_refused_with_what_to_write(
    control: Control, quotas: Quotas, args: dict[str, Any], told: str
) -> None:
    done = await do(control, "set", **args)
    assert done.code == 2
    assert told in done.text
    assert quotas.governing.all_limits() == []


async def test_a_limit_of_the_config_is_not_dropped_but_its_place_is_told(
    control: Control, quotas: Quotas
) -> None:
    done = await do(control, "drop", rule="everyone tokens/day")
    assert done.code == 2
    assert "stands in the config" in done.text
    done = await do(control, "drop", rule="no such thing")
    assert done.code == 2
    assert "known: none was set" in done.text
    await do(control, "set", rule="9 requests/hour")
    done = await do(control, "drop", rule="no such thing")
    assert "known: 'everyone requests/hour'" in done.text


# Stopping, resuming, the clock.


async def test_a_pause_is_everywhere_or_in_one_space_and_ends_when_told(
    control: Control, quotas: Quotas
) -> None:
    ana, now = requester().member, MORNING
    assert (await do(control, "pause", reason="upgrade")).code == 0
    flag = quotas.governing.closed_to(ana, now)
    assert flag is not None
    assert flag.value == "upgrade"
    assert (await do(control, "resume")).data == {"space": EVERYWHERE, "changed": True}
    assert (await do(control, "resume")).data == {"space": EVERYWHERE, "changed": False}
    assert quotas.governing.closed_to(ana, now) is None
    await do(control, "pause", space="discord:1", until="2d")
    assert quotas.governing.closed_to(ana, now) is None
    there = Member(Space("discord", "1"), "9")
    assert quotas.governing.closed_to(there, now + DAY) is not None
    assert quotas.governing.closed_to(there, now + 3 * DAY) is None


async def test_a_mark_of_the_future_is_lowered_to_the_clock(
    control: Control, quotas: Quotas, store: MemoryStore
) -> None:
    store.books.mark = MORNING + 365 * DAY
    done = await do(control, "accept clock")
    assert done.code == 0
    assert done.data == {"before": "2027-06-01T09:00:00Z", "now": "2026-06-01T09:00:00Z"}
    assert store.books.mark == MORNING
    (row,) = await store.audit_trail(EVERYWHERE, 0, 10)
    assert (row.actor, row.action, row.before) == (ACTOR, "accept clock", "2027-06-01T09:00:00Z")


# Reloading, and what goes wrong.


async def test_reloading_is_told_by_who_does_it(quotas: Quotas) -> None:
    async def reload() -> str:
        return "config.toml is in force."

    done = await do(Control(quotas, lambda: TERMS, reload), "reload")
    assert done == Outcome(0, "config.toml is in force.", {"reloaded": True})


async def test_a_config_that_cannot_be_used_is_told_line_by_line(quotas: Quotas) -> None:
    async def reload() -> str:
        raise ConfigError(["config.toml: one", "config.toml: two"])

    done = await do(Control(quotas, lambda: TERMS, reload), "reload")
    assert done == Outcome(2, "config.toml: one\nconfig.toml: two", {})


async def test_without_a_running_bot_there_is_nothing_to_reload(control: Control) -> None:
    done = await do(control, "reload")
    assert done.code == 0
    assert "No bot is running" in done.text


async def test_a_store_that_cannot_be_used_is_its_own_exit_code(
    control: Control, store: MemoryStore
) -> None:
    await store.close()
    done = await do(control, "grant", member="ana", amount="5k")
    assert done == Outcome(3, "the store is closed", {})


async def test_a_mistake_of_ours_is_logged_and_not_shown(
    quotas: Quotas, caplog: pytest.LogCaptureFixture
) -> None:
    async def reload() -> str:
        raise KeyError("inner works")

    done = await do(Control(quotas, lambda: TERMS, reload), "reload")
    assert done.code == 1
    assert "inner works" not in done.text
    assert "inner works" in caplog.text
    ref = done.text.rpartition("ref ")[2].rstrip(")")
    assert ref in caplog.text


async def test_a_command_that_nobody_knows_is_wrong_usage(control: Control) -> None:
    done = await do(control, "format disk")
    assert done.code == 2


@pytest.mark.parametrize(
    "line", [{}, {"verb": 1}, {"verb": "grant", "actor": None, "args": [1]}, {"args": "x" * 9}]
)
async def test_what_comes_over_the_wire_and_is_no_order_is_wrong_usage(
    control: Control, line: dict[str, Any]
) -> None:
    done = await control.carry_out(Order.read(line))
    assert done.code == 2


@pytest.mark.parametrize("line", [{}, {"code": "0", "data": {}}, {"code": 0, "data": None}])
def test_an_answer_that_is_not_understood_is_no_success(line: dict[str, Any]) -> None:
    assert Outcome.read(line).code == 1


async def test_a_stored_limit_is_known_after_a_start(quotas: Quotas, store: MemoryStore) -> None:
    set_before = limit("everyone: 7k tokens/day", origin="chat")
    row = LimitRow("console:console", "everyone", "", "allowance", "7k tokens/day", "*")
    act = Act(ACTOR, "console:console")
    await quotas.governing.set_limit(act, set_before)
    assert await store.limits() == [row]
    again = Quotas(store, FakeClock(), quotas.rules)
    await again.start()
    done = await do(Control(again, lambda: TERMS), "drop", rule="everyone tokens/day")
    assert done.code == 0


# Prepaid balances.


@pytest.fixture
def filling(store: MemoryStore) -> Control:
    base = policy("balance: start=$0.50 refill=$0.10/day up to $1")
    return Control(Quotas(store, FakeClock(), Rules(base)), lambda: TERMS)


async def test_a_balance_is_filled_and_set(filling: Control, store: MemoryStore) -> None:
    done = await do(filling, "balance add", member="ana", amount="$2", reason="demo")
    assert done.text.splitlines()[1:] == [
        "The balance of @ana was $0.50 and is $2.50.",
        "Reason: demo",
    ]
    assert done.data == {"member": "console:console:ana", "before": 500_000, "after": 2_500_000}
    done = await do(filling, "balance add", member="ana", amount="-$0.75")
    assert done.data["after"] == 1_750_000
    done = await do(filling, "balance set", member="ana", amount="-$0.25")
    assert "That is a debt; what comes in repays it first." in done.text
    trail = await store.audit_trail("console:console", 0, 9)
    assert [(row.actor, row.action, row.before, row.after) for row in trail] == [
        (ACTOR, "balance set", "$1.75", "-$0.25"),
        (ACTOR, "balance add", "$2.50", "$1.75"),
        (ACTOR, "balance add", "$0.50", "$2.50"),
    ]
    assert await store.verify() == []


@pytest.mark.parametrize("amount", ["5", "5k tokens", "$0", "much"])
async def test_a_balance_is_filled_with_money_alone(filling: Control, amount: str) -> None:
    done = await do(filling, "balance add", member="ana", amount=amount)
    assert done.code == 2


async def test_without_a_balance_there_is_nothing_to_fill(control: Control) -> None:
    done = await do(control, "balance set", member="ana", amount="$1")
    assert (done.code, "no [balance]" in done.text) == (2, True)
