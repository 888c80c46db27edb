"""Every sentence as a person reads it: short, calm, true, and with its numbers."""

import re
from collections.abc import Iterator
from itertools import product
from typing import get_args

import pytest

from bot import text_audit
from bot.figures import amount, bar, floored, grouped, money, percent, plain, short
from bot.panels import Panel
from bot.text import Words
from quota.limits import Kind, Limit, Reason, parse_rule
from quota.members import EVERYONE, Scope, Space
from quota.store import AuditRow, GrantRow
from quota.units import Unit
from quota.verdicts import Balance, Notice, RefusalReason, Refused, Settlement
from tests.fakes import DAY, HOUR, MORNING, limit
from tests.scripted import when

WORDS = Words(when)
DAILY = limit("everyone: 20k tokens/day")
RULES = {
    Unit.TOKENS: ["20k tokens/day", "2M tokens/month", "20k tokens/rolling 24h", "9k tokens/6h"],
    Unit.REQUESTS: ["60 requests/hour", "10 requests/minute", "9 requests/balance"],
    Unit.CREDITS: ["$2/week", "$0.40/balance"],
}
LONG = "x" * 60


def refused(reason: RefusalReason, **more: object) -> str:
    return WORDS.refusal(Refused(reason)._replace(**more))  # type: ignore[arg-type]


def refusals() -> Iterator[Refused]:
    for reason, (unit, lines) in product(get_args(RefusalReason), RULES.items()):
        for line, scope, opens_at in product(
            lines, (EVERYONE, Scope("role", LONG), Scope("space")), (None, MORNING + 40 * DAY)
        ):
            kind: Kind = "shared" if scope.kind == "space" else "allowance"
            rule = Limit(scope, kind, parse_rule(line), LONG if scope.kind == "role" else "*")
            big = 123_456_789
            yield Refused(reason, rule, unit, big, 2 * big, 3 * big, opens_at, 7, LONG * 9)
        yield Refused(reason)


def sentences(words: Words = WORDS) -> Iterator[str]:
    """What a member may read, each with large numbers."""
    done = Settlement("settle", 123_456, 0, 1_234_567, 0, BALANCES)
    yield from (words.refusal(each) for each in refusals())
    yield from (words.footer(done, 123_456, counted=counted) for counted in (True, False))
    yield from (words.history_trimmed(kept, 12_345) for kept in (0, 1, 12_345))
    yield from (words.cut_at_limit(opens_at) for opens_at in (None, MORNING))
    yield from (words.stopped(charged, 12_345) for charged in (0, 12_345))
    yield from (words.withheld(partly=partly) for partly in (True, False))
    yield from (words.provider_silent(charged, "7F3K") for charged in (0, 12_345))
    yield from (words.stopping(answers) for answers in (0, 1, 2))
    yield from (
        words.cut_at_length(),
        words.cut_short(12_345),
        words.empty(),
        words.counted_later(),
        words.clamped(12_345, DAILY),
        words.clamped(12_345, None),
        words.waiting(),
        words.queued(),
        words.closing(),
        words.provider_failed("7F3K"),
        words.provider_rejected("7F3K"),
        words.provider_broke(12_345, "7F3K"),
        words.provider_unsettled("7F3K"),
        words.interrupted(),
        words.id_reused(),
        words.internal("7F3K"),
        words.refusal(Refused("store_unavailable")),
        words.not_written(),
        words.input_too_long(1_000_000, 32_000),
        words.unknown_model("gpt-9", ["mini", "big"]),
        words.ignored_attachment("a.pdf", "it is no text"),
    )
    for balance in BALANCES:
        if balance.granted is not None and balance.left is not None:
            yield words.notice(
                Notice(balance.limit, balance.unit, 90, balance.granted, balance.left, MORNING)
            )


def balance(line: str, used: int, held: int, opens_at: int | None = MORNING + DAY) -> Balance:
    rule = limit(line)
    granted = rule.rule.amount
    left = None if granted is None else max(0, granted - used - held)
    return Balance(rule, rule.kind, rule.rule.unit, granted, used, held, left, 0, opens_at)


BALANCES = (
    balance("everyone: 20k tokens/day", 7_600, 1_800),
    balance("everyone: 60 requests/hour", 1, 0, MORNING + HOUR),
    balance("everyone: 20k tokens/rolling 24h", 7_600, 0),
    balance("everyone: $2/month", 1_234_567, 0),
    balance("everyone: $0.40/balance", 400_000, 0, None),
    balance("everyone: unlimited", 123_456, 0, None),
    balance("space: 2M tokens/day", 12, 0),
)


def test_no_sentence_is_longer_than_300_characters() -> None:
    assert [text for text in sentences() if len(text) > 300] == []


@pytest.mark.parametrize("unwanted", ["!", "None", "Error", "  ", "..", "please", "sorry", "_"])
def test_no_sentence_shouts_begs_or_shows_what_is_inside(unwanted: str) -> None:
    assert [text for text in sentences() if unwanted in text.replace("Please ask again", "")] == []


def test_every_sentence_has_an_end() -> None:
    odd = [s for s in sentences() if not re.search(r"[.)]$", s) and " · " not in s]
    assert odd == []


def test_large_numbers_are_grouped() -> None:
    # Names of limits and dates are written as people typed or as the platform shows them.
    bare = re.compile(r"(?<![\d,.$x])\d{5,}(?![\d,k])")
    assert [text for text in sentences() if bare.search(text)] == []


@pytest.mark.parametrize("reason", get_args(RefusalReason))
def test_every_refusal_begins_with_a_sign_and_says_what_it_is_about(reason: RefusalReason) -> None:
    for each in refusals():
        if each.reason == reason:
            assert WORDS.refusal(each)[:2] in {"⛔ ", "⏳ "}


@pytest.mark.parametrize(
    ("text", "want"),
    [
        (
            refused("period_used", limit=DAILY, granted=20_000, left=0, opens_at=MORNING + DAY),
            (
                "⛔ Daily limit reached: 20,000 of 20,000 tokens used "
                "(rule everyone: 20k tokens/day). Full again on day 1 at 09:00."
            ),
        ),
        (
            refused(
                "period_used",
                limit=limit("everyone: 20k tokens/rolling 24h"),
                granted=20_000,
                left=500,
                opens_at=MORNING + HOUR,
            ),
            (
                "⛔ 24h rolling limit reached: 19,500 of 20,000 tokens used "
                "(rule everyone: 20k tokens/rolling 24h). Enough is free again at 10:00."
            ),
        ),
        (
            refused(
                "too_large",
                limit=DAILY,
                needed=6_400,
                left=2_010,
                granted=20_000,
                opens_at=MORNING + DAY,
            ),
            (
                "⛔ This message needs about 6,400 tokens; you have 2,010 left until on day 1 "
                "at 09:00 (rule everyone: 20k tokens/day). Shorten it, or begin anew: /new."
            ),
        ),
        (
            refused("too_large", limit=DAILY, needed=64_000, left=20_000, granted=20_000),
            (
                "⛔ This message needs about 64,000 tokens; the whole allowance is 20,000 "
                "(rule everyone: 20k tokens/day). Shorten it."
            ),
        ),
        (
            refused("pool_used", limit=limit("space: 2M tokens/day"), opens_at=MORNING + DAY),
            (
                "⛔ The shared budget is used up until on day 1 at 09:00 "
                "(rule space: 2M tokens/day). Your own allowance is untouched."
            ),
        ),
        (
            refused("busy"),
            (
                "⏳ You already have answers waiting. Ask again when one has come. "
                "Nothing was charged."
            ),
        ),
        (
            refused("paused", note="on"),
            "⛔ The bot is paused by an admin. Nothing was charged.",
        ),
        (
            refused("blocked", note="spam", opens_at=MORNING),
            "⛔ An admin has blocked you from asking: spam. Back at 09:00. Nothing was charged.",
        ),
        (
            refused("store_unavailable"),
            (
                "⛔ The books cannot be written right now, so no model was asked. "
                "Nothing was charged. Try again shortly."
            ),
        ),
    ],
)
def test_a_refusal_says_what_which_rule_when_and_what_now(text: str, want: str) -> None:
    assert text == want


@pytest.mark.parametrize(
    ("balances", "counted", "footer"),
    [
        (BALANCES[:1], False, "1,240 tokens · 53% left today · resets on day 1 at 09:00"),
        (BALANCES[:1], True, "≈1,240 tokens · 53% left today · resets on day 1 at 09:00"),
        (BALANCES[1:2], False, "1,240 tokens · 99% of requests left this hour · resets at 10:00"),
        (
            BALANCES[2:3],
            False,
            "1,240 tokens · 62% left within 24h · frees up from on day 1 at 09:00",
        ),
        (BALANCES[4:5], False, "1,240 tokens · 0% of credits left in all"),
        (BALANCES[5:6], False, "1,240 tokens"),
        # One's own limit that is nearest to its end, never the shared one beside it.
        (
            (BALANCES[6], BALANCES[1], BALANCES[0]),
            False,
            "1,240 tokens · 53% left today · resets on day 1 at 09:00",
        ),
        (BALANCES[6:], False, "1,240 tokens · 99% left today · resets on day 1 at 09:00"),
        ((), False, "1,240 tokens"),
    ],
)
def test_a_footer_tells_the_cost_and_the_limit_that_is_nearest(
    balances: tuple[Balance, ...], counted: bool, footer: str
) -> None:
    done = Settlement("settle", 1_240, 0, None, 0, balances)
    assert WORDS.footer(done, 1_240, counted=counted) == footer


# Figures.


@pytest.mark.parametrize(
    ("used", "shown"),
    [
        (None, "∞"),
        (0, "░░░░░░░░░░"),
        (1, "█░░░░░░░░░"),
        (10, "█░░░░░░░░░"),
        (11, "██░░░░░░░░"),
        (50, "█████░░░░░"),
        (91, "█████████░"),
        (99, "█████████░"),
        (100, "██████████"),
    ],
)
def test_any_use_fills_the_first_cell_and_only_all_of_it_the_last(
    used: int | None, shown: str
) -> None:
    assert bar(used) == shown


@pytest.mark.parametrize(
    ("used", "held", "percent_used"),
    [
        (0, 0, 0),
        (1, 0, 1),
        (0, 1, 1),
        (199, 0, 1),
        (7_600, 1_800, 47),
        (19_999, 0, 99),
        (20_000, 0, 100),
        (30_000, 0, 100),
    ],
)
def test_a_percentage_is_0_only_for_nothing_and_100_only_for_all(
    used: int, held: int, percent_used: int
) -> None:
    assert percent(balance("everyone: 20k tokens/day", used, held)) == percent_used


def test_what_is_there_is_told_in_the_digits_that_help_and_never_too_high() -> None:
    exact = (0, 7, 123, 999, 99_999, 100_000, 500_043, 499_957, 1_234_567)
    told = (0, 7, 120, 990, 99_000, 100_000, 500_000, 490_000, 1_230_000)
    assert tuple(map(floored, exact)) == told
    assert tuple(map(floored, (-7, -123, -99_999, -500_043))) == (-7, -130, -100_000, -510_000)


def test_numbers_are_written_for_people() -> None:
    assert [grouped(n) for n in (0, 999, 12_400, 1_000_000)] == ["0", "999", "12,400", "1,000,000"]
    assert [short(n) for n in (0, 9_999, 10_000, 12_449, 999_999, 1_000_000, 1_250_000)] == [
        *("0", "9,999", "10k", "12.4k", "999.9k", "1M", "1.2M"),
    ]
    assert [money(n) for n in (0, 1, 19, 400_000, 1_200_000, -5_000_000, 1_234_567_890)] == [
        *("$0.00", "$0.000001", "$0.000019", "$0.40", "$1.20", "-$5.00", "$1,234.56789"),
    ]
    assert amount(1, Unit.REQUESTS) == "1 request"
    assert amount(2_000, Unit.TOKENS) == "2,000 tokens"
    assert amount(400_000, Unit.CREDITS) == "$0.40"
    assert plain(2_000, Unit.TOKENS) == "2,000"


# Cards.


GRANT = GrantRow(1, "w", Unit.TOKENS, 5_000, 1_200, 0, MORNING, MORNING + DAY, "ada", "demo")


def cards(words: Words = WORDS) -> Iterator[Panel]:
    yield words.quota("you", BALANCES, [GRANT])
    yield words.quota("you", BALANCES[5:6], [])
    yield words.quota("you", (), [])
    yield words.rules("you", [Reason(DAILY, binds=True, why="binds")])
    yield words.limits([DAILY])
    yield words.limit_set(DAILY, None)
    yield words.limit_removed(DAILY, None)
    yield words.granted("ana", GRANT, BALANCES)
    yield words.was_reset("ana", BALANCES)
    yield words.switched("Blocked", "@ana cannot ask", MORNING)
    row = AuditRow(MORNING, "s:1", "ada", "grant", "s:1:w", "", "5k tokens", "demo", 7)
    yield text_audit.audit(words, Space("s", "1"), [row], {7})
    yield text_audit.undone(words, Space("s", "1"), row)
    yield words.not_allowed()
    yield words.mistake("something is odd", "grant @ana 5k")
    yield words.help(is_admin=True)
    yield words.help(is_admin=False)


def test_a_card_says_in_plain_text_all_that_it_shows() -> None:
    from bot.figures import panel_text

    for card in cards():
        text = panel_text(card)
        assert "!" not in text
        for part in (card.title, *card.lines, card.footer):
            assert part in text
        for gauge in card.gauges:
            assert f"{gauge.label}: {bar(gauge.percent)} {gauge.numbers}" in text
            assert re.search(r"\d", gauge.numbers)
            assert gauge.detail in text
        if card.table is not None:
            assert all(cell in text for row in card.table.rows for cell in row)


def test_a_quota_card_shows_used_held_left_and_when_it_refills() -> None:
    card = WORDS.quota("you", BALANCES, [GRANT])
    assert card.title == "Quota — 0% left"
    assert card.tone == "bad"
    assert card.lines == (
        "Extra: +5,000 tokens until on day 1 at 09:00 (from ada), 3,800 left",
        "Running now: 1,800 tokens reserved",
    )
    assert [(g.label, g.percent, g.numbers, g.detail) for g in card.gauges] == [
        (
            *("Today", 47, "7,600 / 20,000 tokens"),
            "10,600 left · 1,800 held · resets on day 1 at 09:00",
        ),
        ("This hour", 1, "1 / 60 requests", "59 left · resets at 10:00"),
        (
            *("Within 24h", 38, "7,600 / 20,000 tokens"),
            "12,400 left · frees up from on day 1 at 09:00",
        ),
        (
            *("This month", 61, "$1.234567 / $2.00"),
            "$0.765433 left · resets on day 1 at 09:00",
        ),
        ("In all", 100, "$0.40 / $0.40", "$0.00 left"),
        ("Today", None, "123,456 tokens used, unlimited", ""),
        (
            *("Today, shared by space", 1, "12 / 2,000,000 tokens"),
            "1,999,988 left · resets on day 1 at 09:00",
        ),
    ]


@pytest.mark.parametrize(
    ("used", "tone"), [(0, "good"), (14_999, "good"), (15_000, "warning"), (20_000, "bad")]
)
def test_the_tone_of_a_card_follows_what_is_left(used: int, tone: str) -> None:
    card = WORDS.quota("you", [balance("everyone: 20k tokens/day", used, 0)], [])
    assert card.tone == tone
