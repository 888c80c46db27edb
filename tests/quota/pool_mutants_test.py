"""Mistakes that could be made in the fair pool, each by its name: the desk notices all of them."""

import pytest

from tests.quota.pool_desk import Desk, rules, walk

# What is wrong then, in which module, what stands there, and what would stand there instead.
MISTAKES = [
    (
        "what is kept for others is lent",
        "pool",
        "max(self.others_kept + self.newcomers, ",
        "max(",
    ),
    (
        "the floors of those who have not come yet are lent",
        "pool",
        "self.others_kept + self.newcomers",
        "self.others_kept",
    ),
    ("the last call is lent", "pool", " row.last_call, self", " self"),
    ("others need nothing", "pool", ", self.others_need(amount))", ")"),
    (
        "the floor takes what is kept for others",
        "pool",
        "min(floor - taken, row.free - others_kept)",
        "min(floor - taken, row.free)",
    ),
    ("the floor is all there is", "pool", "max(own, min(floor - taken,", "(min(floor - taken,"),
    (
        "the asker is one of the others",
        "pool",
        "mine = min(middle(self.member.bucket), level) * self.member.weight",
        "mine = 0",
    ),
    (
        "more weight gets no further",
        "pool",
        "level = (self.taken + amount) // self.member.weight",
        "level = self.taken + amount",
    ),
    (
        "keeping ends a moment late",
        "pool",
        "keeps = now < row.keep_until",
        "keeps = now <= row.keep_until",
    ),
    ("keeping never ends", "pool", "keeps = now < row.keep_until", "keeps = True"),
    (
        "a share is quoted that is not there",
        "pool",
        "min(floor, most)",
        "floor",
    ),
    (
        "less weight lowers a share",
        "pool",
        "share=max(member.share, min(floor, most))",
        "share=min(floor, most)",
    ),
    (
        "a guess is quoted in full",
        "pool",
        "    if row.guessed:\n        room //= _GUESS_PART\n",
        "",
    ),
    (
        "a change of roles leaves a shadow in the histogram",
        "pool",
        "    if found is not None:\n        hist[found.bucket] -= found.weight\n",
        "",
    ),
    ("what was missed is forgotten", "pool_terms", "self.held + self.missed)", "self.held)"),
    (
        "every refusal bends the curve",
        "pool",
        "row.asks if member.missed else _asked(row, now)",
        "_asked(row, now)",
    ),
    (
        "claims do not shrink by use",
        "pool",
        "row.claims + after.own - before.own",
        "max(row.claims, row.claims + after.own - before.own)",
    ),
    (
        "a settlement leaves the histogram alone",
        "pool",
        "if old != new:",
        "if old < new:",
    ),
    (
        "a little more than fits",
        "pool",
        "            stayed = -1\n    return low\n",
        "            stayed = -1\n    return high\n",
    ),
    (
        "half of what would fit",
        "pool",
        "low if below < 0 else _furthest(case, low + 1, below, want, above, grain)",
        "low",
    ),
    ("lending does not matter", "pool_demand", "(10 * row.lend_percent)", "1000"),
    ("the clock alone tells", "pool_demand", "_CURVE_THOUSANDTHS * curve", "667 * clock"),
    (
        "the whole day is still to come",
        "pool_demand",
        "return demand(row, level, mine, to_come) * to_come //",
        "return demand(row, level, mine, to_come) * 1000 //",
    ),
    (
        "a guess counts like a past",
        "pool_terms",
        "_GUESS_THOUSANDTHS = 15",
        "_GUESS_THOUSANDTHS = 150",
    ),
    (
        "an empty day teaches that nobody comes",
        "pool_terms",
        "    if not any(row.asks):\n        return row.past_hist, row.past_asks\n",
        "",
    ),
    ("the past is never forgotten", "pool_terms", "p + (t - p) // 2", "p"),
    ("a guess is mixed into the first average", "pool_terms", "if row.guessed:\n", "if False:\n"),
    (
        "keeping goes on too long",
        "pool_terms",
        "_KEPT_THOUSANDTHS = 250",
        "_KEPT_THOUSANDTHS = 200",
    ),
    (
        "usual is not cut at an equal share",
        "pool_terms",
        "rule.size * THOUSAND // weight)",
        "rule.size)",
    ),
    (
        "an admin keeps more than there is",
        "pool_governing",
        "if amount > unclaimed:",
        "if amount > row.free:",
    ),
    (
        "an admin's gift is eaten by what was used",
        "pool_governing",
        "max(member.share, member.used + member.held) + amount",
        "member.share + amount",
    ),
    (
        "a pool shrinks below what is promised",
        "pool_governing",
        "row.used + row.held + promised",
        "row.used + row.held",
    ),
]


def noticed(part: str = "", right: str = "", wrong: str = "") -> bool:
    """Whether a few walks end in a broken rule."""
    with rules(part, right, wrong) as loaded:
        for seed in range(12):
            size, floor = ((10_000, None), (200, None), (1_000_000, 3_000))[seed % 3]
            try:
                desk = Desk(loaded, size, floor, (100, 80)[seed % 2], (8, 100)[seed // 3 % 2])
                walk(desk, seed, 250)
            except AssertionError:
                return True
    return False


@pytest.mark.parametrize(
    ("part", "right", "wrong"), [row[1:] for row in MISTAKES], ids=[row[0] for row in MISTAKES]
)
def test_a_mistake_is_noticed(part: str, right: str, wrong: str) -> None:
    assert noticed(part, right, wrong)


def test_the_rule_as_written_passes() -> None:
    assert not noticed()
