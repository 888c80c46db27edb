"""The section [balance]: who has prepaid credits, and on which terms."""

from pathlib import Path

from bot.config import load
from bot.config_values import Config
from quota.limits import Limit
from quota.members import Member, Requester, Space
from quota.prepaid import Prepaid, Refill
from quota.windows import Calendar

SECTION = """
[limits]
everyone = "20k tokens/day"
timezone = "Europe/Berlin"
week_start = "sunday"

[balance]
start = "$0.50"
refill = "$0.10/week up to $1"
overdraft = "$0.20"
"""


def read(folder: Path, text: str, **environ: str) -> Config:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    return load(path, {f"QUOTABOT_{key}": value for key, value in environ.items()})


def balance_in(config: Config, space: str = "") -> Limit | None:
    limits = config.rules.policy(space).limits
    return next((limit for limit in limits if limit.kind == "balance"), None)


def terms(config: Config, space: str = "") -> Prepaid | None:
    limit = balance_in(config, space)
    return None if limit is None else limit.rule.prepaid


def test_without_the_section_nobody_has_a_balance(tmp_path: Path) -> None:
    assert balance_in(read(tmp_path, '[limits]\neveryone = "1k tokens/day"')) is None


def test_the_section_gives_everyone_a_balance_that_refills_by_the_zone(tmp_path: Path) -> None:
    refill = Refill(100_000, Calendar("week", "Europe/Berlin", 6), 1_000_000)
    assert terms(read(tmp_path, SECTION)) == Prepaid(500_000, refill, 200_000)


def test_a_balance_binds_beside_the_limits(tmp_path: Path) -> None:
    policy = read(tmp_path, SECTION).rules.base
    ana = Requester(Member(Space("console", "console"), "ana"))
    assert [bound.limit.name for bound in policy.binding(ana, ("mini",))] == [
        "everyone: 20k tokens/day",
        "everyone: $0.50 at first, $0.10/week up to $1, overdraft $0.20 (balance)",
    ]


def test_an_empty_section_is_a_balance_that_only_admins_fill(tmp_path: Path) -> None:
    config = read(tmp_path, "[balance]\n")
    assert terms(config) == Prepaid()
    assert "until an admin puts something in" in "".join(config.warnings)


def test_a_space_says_what_is_other_there(tmp_path: Path) -> None:
    text = SECTION + '[spaces."discord:1".balance]\nstart = "$2"\n'
    config = read(tmp_path, text)
    base = terms(config)
    assert base is not None
    assert terms(config, "discord:1") == base._replace(start=2_000_000)


def test_a_space_switches_it_off(tmp_path: Path) -> None:
    config = read(tmp_path, SECTION + '[spaces."discord:1".balance]\nenabled = false\n')
    assert balance_in(config, "discord:1") is None
    assert balance_in(config) is not None


def test_a_space_has_one_of_its_own(tmp_path: Path) -> None:
    config = read(tmp_path, '[spaces."discord:1".balance]\nstart = "$2"\n')
    assert terms(config, "discord:1") == Prepaid(2_000_000)
    assert balance_in(config) is None


def test_limits_of_a_space_leave_its_balance_alone(tmp_path: Path) -> None:
    text = SECTION + '[spaces."discord:1".limits]\neveryone = "1k tokens/day"\n'
    config = read(tmp_path, text)
    assert terms(config, "discord:1") == terms(config) is not None


def test_a_variable_sets_a_key(tmp_path: Path) -> None:
    found = terms(read(tmp_path, SECTION, BALANCE__START="$3"))
    assert found is not None
    assert found.start == 3_000_000
