import csv
import io
import json
import tomllib
from pathlib import Path

import pytest

from bot.cli_books import balances, newest
from bot.cli_init import OLLAMA, Choices, choices, config_text, mistake, ollama_models, written
from bot.cli_views import ENTRY_COLUMNS, csv_line, entry_json, instant_json, table, when_in
from bot.config_values import ConfigError
from quota.governing import NEVER_ENDS, Act
from quota.ledger import LedgerEntry
from quota.memory import MemoryStore
from quota.quotas import Quotas
from quota.rules import Rules, Terms
from quota.units import Rates, Usage, parse_amount
from tests.fakes import MORNING, FakeClock, policy, requester
from tests.scripted import build, says

# Instants, tables, lines of CSV.


def test_an_instant_is_rounded_up_so_that_nobody_comes_too_early() -> None:
    assert instant_json(MORNING) == "2026-06-01T09:00:00Z"
    assert instant_json(MORNING + 1) == "2026-06-01T09:00:01Z"
    assert when_in("Europe/Berlin")(MORNING) == "2026-06-01 11:00 CEST"
    assert when_in("Europe/Berlin")(MORNING + 1) == "2026-06-01 11:01 CEST"


def test_what_is_past_is_not_put_off() -> None:
    when = when_in("Europe/Berlin", past=True)
    assert when(MORNING + 59_999) == "2026-06-01 11:00 CEST"


def test_never_is_said_so() -> None:
    assert instant_json(None) is None
    assert instant_json(NEVER_ENDS) is None
    assert when_in("UTC")(NEVER_ENDS) == "never"


def test_numbers_stand_right_and_names_left() -> None:
    text = table(("who", "used"), [("ana", "7"), ("bo-the-second", "1,240")])
    assert text == "who             used\nana                7\nbo-the-second  1,240"


def test_wide_and_combining_letters_keep_the_columns_straight() -> None:
    text = table(("who", "what"), [("\u6771\u4eac", "x"), ("e\u0301a", "y")])
    assert text == "who   what\n\u6771\u4eac  x\ne\u0301a    y"


def test_a_name_cannot_move_the_cursor_or_forge_a_row() -> None:
    text = table(("who",), [("eve\n\x1b[2Jbo\u202e",)])
    assert text == "who\neve\ufffd\ufffd[2Jbo\ufffd"


async def test_nobody_has_used_what_their_balance_never_had() -> None:
    bot = build("balance: start=$0.50 refill=$0.10/day up to $1", rates=Rates(0, 0, 43_000_000, 0))
    bot.model.next(says(1, reported=Usage(output=1)))
    await bot.answer("ana")
    shown = await balances(bot.quotas, bot.chat.models.default.terms, None)
    assert shown.text.splitlines()[1].split()[-7:] == [
        *("(balance)", "$0.00", "$0.49", "$1.00", "2026-06-02", "00:00", "UTC")
    ]
    assert isinstance(shown.data, list)
    (standing,) = shown.data
    (balance,) = standing["balances"]
    assert [balance[k] for k in ("used", "granted", "balance")] == [500_043, 1_000_000, 499_957]


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+1", "-1", "\u22121", "@SUM(A1)", " =1"])
def test_no_text_is_a_formula_to_a_spreadsheet(text: str) -> None:
    (row,) = csv.reader(io.StringIO(csv_line([text, "plain"])))
    assert row == [f"'{text}", "plain"]


def test_no_text_breaks_a_row_or_a_cell() -> None:
    assert csv_line(["\tx", "a\rb\nc"]) == "'\ufffdx,a\ufffdb\ufffdc\n"


def test_numbers_and_missing_values_stay_what_they_are() -> None:
    assert csv_line([-5, None, 0, "a,b", 'say "hi"']) == '-5,,0,"a,b","say ""hi"""\n'


ENTRY = LedgerEntry(
    id=3,
    at=MORNING,
    kind="settle",
    hold_id=2,
    wallet="console:console:ana",
    model="mini",
    input=10,
    cached=4,
    output=20,
    source="provider",
    tokens=30,
    credits=7,
    rates=Rates(250_000, 25_000, 2_000_000, 2_000_000),
    note="usage missing",
)


def test_an_entry_is_exported_whole_and_flat() -> None:
    flat = entry_json(ENTRY)
    assert tuple(flat) == ENTRY_COLUMNS
    assert flat["at"] == "2026-06-01T09:00:00Z"
    assert (flat["member"], flat["tokens"], flat["credits"]) == ("console:console:ana", 30, 7)
    assert (flat["rate_input"], flat["rate_output"]) == (250_000, 2_000_000)
    assert json.loads(json.dumps(flat)) == flat


def test_an_entry_without_a_price_has_no_credits() -> None:
    flat = entry_json(ENTRY._replace(rates=None, credits=None))
    assert flat["credits"] is None
    assert flat["rate_input"] is None


# The end of the ledger.


@pytest.mark.parametrize("entries", [0, 1, 2, 3, 7, 8, 9, 40])
@pytest.mark.parametrize("wanted", [0, 1, 5, 100])
async def test_the_newest_entries_are_found_without_reading_the_others(
    entries: int, wanted: int
) -> None:
    store = MemoryStore()
    quotas = Quotas(store, FakeClock(), Rules(policy("everyone: 10k tokens/day")))
    who, terms = requester(), Terms("default", ("default",))
    for _ in range(entries):
        bounds = quotas.bounds(who, terms)
        act = Act("cli:olga", "console:console")
        await quotas.governing.grant(act, who.member, parse_amount("1k"), bounds, NEVER_ENDS)
    since = await newest(store, wanted)
    assert len([e async for e in store.entries(since, None)]) == min(entries, wanted)


# The first config.

ALL = {
    "server": "openai",
    "model": "gpt-5",
    "key": "MY_KEY",
    "limit": "5k tokens/day",
    "zone": "Europe/Berlin",
}


def answers(given: dict[str, str], asked: list[str]) -> Choices:
    def ask(name: str, question: str, default: str) -> str:
        assert question.endswith("?")
        asked.append(name)
        return given.get(name, default)

    return choices(ask, [], "http://localhost:11434")


def test_at_most_five_questions_are_asked() -> None:
    asked: list[str] = []
    assert answers(ALL, asked) == Choices(
        "https://api.openai.com/v1", "gpt-5", "MY_KEY", "5k tokens/day", "Europe/Berlin"
    )
    assert len(asked) == 5


def test_the_offline_model_needs_neither_name_nor_key() -> None:
    asked: list[str] = []
    chosen = answers({"server": "offline"}, asked)
    assert (chosen.base_url, chosen.model, chosen.api_key_env) == ("offline", "", "")
    assert asked == ["server", "limit", "zone"]


def test_an_ollama_that_is_found_is_offered_first_with_its_own_model() -> None:
    defaults: dict[str, str] = {}

    def ask(name: str, question: str, default: str) -> str:
        del question
        defaults[name] = default
        return default

    chosen = choices(ask, ["qwen3:4b", "llama3.2"], "http://localhost:11434")
    assert defaults["server"] == "ollama"
    assert chosen.base_url == "http://localhost:11434/v1"
    assert chosen.model == "qwen3:4b"
    assert chosen.api_key_env == ""


def test_where_no_ollama_listens_there_is_none() -> None:
    assert ollama_models("http://127.0.0.1:9") == []


@pytest.mark.parametrize(
    "chosen",
    [
        Choices("offline"),
        Choices("https://api.openai.com/v1", "gpt-5-mini", "OPENAI_API_KEY"),
        Choices("http://127.0.0.1:11434/v1", 'a "quoted" \\ model', "", "$2/month", "Asia/Tokyo"),
    ],
)
def test_what_is_written_can_be_used(tmp_path: Path, chosen: Choices) -> None:
    path = tmp_path / "config.toml"
    told = written(path, config_text(chosen), {})
    config = tomllib.loads(path.read_text(encoding="utf-8"))
    assert config["models"]["default"]["base_url"] == chosen.base_url
    assert config["limits"]["everyone"] == [chosen.limit]
    assert any("quotabot doctor" in line for line in told)
    assert any("OPENAI_API_KEY" in line for line in told) == bool(chosen.api_key_env)


def test_a_key_that_is_there_need_not_be_put_there(tmp_path: Path) -> None:
    chosen = Choices("https://api.openai.com/v1", "gpt-5-mini", "MY_KEY")
    told = written(tmp_path / "config.toml", config_text(chosen), {"MY_KEY": "sesame-street"})
    assert not any("MY_KEY" in line for line in told)
    assert "sesame" not in (tmp_path / "config.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        (Choices("offline", limit="lots"), "[limits] everyone"),
        (Choices("offline", timezone="Berlin/Europe"), "timezone"),
        (Choices("not an address", "m"), "base_url"),
        (Choices("https://api.openai.com/v1", "m", "not a name"), "api_key_env"),
    ],
)
def test_an_answer_that_cannot_be_used_is_named_and_nothing_is_written(
    tmp_path: Path, chosen: Choices, told: str
) -> None:
    path = tmp_path / "config.toml"
    with pytest.raises(ConfigError) as caught:
        written(path, config_text(chosen), {})
    assert told in str(caught.value)
    assert str(path) in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("server", "ollama", "olama"),
        ("server", "offline", "http://"),
        ("server", "https://llm.example/v1", "https://llm.example/v1/chat/completions"),
        ("model", "qwen3:4b", ""),
        ("key", "MY_KEY", "sk-proj-1"),
        ("key", "-", "my key"),
        ("limit", "$2/month", "$2"),
        ("zone", "Europe/Berlin", "Berlin"),
    ],
)
def test_an_answer_is_looked_at_before_the_next_question(name: str, good: str, bad: str) -> None:
    assert mistake(name, good, OLLAMA) == ""
    assert bool(mistake(name, bad, OLLAMA)) is (name != "model")
