"""Panels and sentences on terminals of every kind, and in pipes."""

import io
import re
from collections.abc import Mapping
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.console import render
from adapters.console.render import Flow, Look
from bot.figures import panel_text
from bot.panels import Gauge, Panel, Table
from tests.console_kit import Page, Terminal

PIPE = Look()
WIDE = Look(80, colours=True, terminal=True)
NARROW = Look(40, terminal=True)

QUOTA = Panel(
    "Quota — 38% left",
    "warning",
    ("Extra: +5,000 tokens until Fri 00:00 (in 3 days) (from ada)",),
    (
        Gauge("Today", 62, "12,400 / 20,000 tokens", "7,600 left · resets 00:00 (in 5 hours)"),
        Gauge("This month, shared by space", 100, "$2.00 / $2.00", "$0.00 left"),
        Gauge("This hour", None, "3 requests used, unlimited"),
    ),
    footer="Rules: everyone: 20k tokens/day; space: $2/month",
)
LIMITS = Panel(
    "Limits",
    table=Table(
        ("rule", "amount", "kind", "set in"),
        (
            ("everyone tokens/day", "20k tokens/day", "allowance", "config"),
            ("member:ana tokens/day", "50k tokens/day", "allowance", "chat"),
        ),
    ),
)


def test_a_panel_in_a_pipe() -> None:
    assert render.panel(QUOTA, PIPE) == (
        "⚠ Quota — 38% left\n"
        "  Extra: +5,000 tokens until Fri 00:00 (in 3 days) (from ada)\n"
        "  Today                        ███████░░░  12,400 / 20,000 tokens\n"
        "                               7,600 left · resets 00:00 (in 5 hours)\n"
        "  This month, shared by space  ██████████  $2.00 / $2.00\n"
        "                               $0.00 left\n"
        "  This hour                    ∞           3 requests used, unlimited\n"
        "  Rules: everyone: 20k tokens/day; space: $2/month\n"
    )


def test_a_panel_on_forty_columns() -> None:
    shown = render.panel(QUOTA, NARROW)
    assert shown == (
        "⚠ Quota — 38% left\n"
        "  Extra: +5,000 tokens until Fri 00:00\n"
        "  (in 3 days) (from ada)\n"
        "  Today\n"
        "    ███████░░░  12,400 / 20,000 tokens\n"
        "    7,600 left · resets 00:00 (in 5\n"
        "    hours)\n"
        "  This month, shared by space\n"
        "    ██████████  $2.00 / $2.00\n"
        "    $0.00 left\n"
        "  This hour\n"
        "    ∞           3 requests used, unlimited\n"
        "  Rules: everyone: 20k tokens/day;\n"
        "  space: $2/month\n"
    )


def test_a_table_with_room() -> None:
    assert render.panel(LIMITS, PIPE) == (
        "Limits\n"
        "  rule                   amount          kind       set in\n"
        "  everyone tokens/day    20k tokens/day  allowance  config\n"
        "  member:ana tokens/day  50k tokens/day  allowance  chat\n"
    )


def test_a_table_without_room_is_stacked() -> None:
    assert render.panel(LIMITS, NARROW) == (
        "Limits\n"
        "  everyone tokens/day\n"
        "    amount: 20k tokens/day\n"
        "    kind: allowance\n"
        "    set in: config\n"
        "  member:ana tokens/day\n"
        "    amount: 50k tokens/day\n"
        "    kind: allowance\n"
        "    set in: chat\n"
    )


def test_a_table_with_nearly_enough_room_folds_its_widest_column() -> None:
    rows = (("/quota", "where you stand with every limit, and when it refills"),)
    shown = render.panel(Panel("Help", table=Table(("type", "to"), rows)), NARROW)
    assert shown == (
        "Help\n"
        "  type    to\n"
        "  /quota  where you stand with every\n"
        "          limit, and when it refills\n"
    )


def test_a_column_that_is_empty_everywhere_is_left_out() -> None:
    table = Table(("did", "to", "why"), (("pause", "", "night"), ("resume", "", "")))
    assert render.panel(Panel("Audit", table=table), PIPE) == (
        "Audit\n  did     why\n  pause   night\n  resume\n"
    )


def test_colour_only_repeats_what_is_written() -> None:
    coloured = render.panel(QUOTA, WIDE)
    assert "\x1b[33m⚠ Quota — 38% left\x1b[0m" in coloured
    plain = render.panel(QUOTA, Look(80, terminal=True))
    for code in ("\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[33m"):
        coloured = coloured.replace(code, "")
    assert coloured == plain


def test_every_word_of_the_plain_twin_is_shown() -> None:
    for panel, look in ((QUOTA, PIPE), (QUOTA, NARROW), (LIMITS, PIPE)):
        shown = re.findall(r"\w+", render.panel(panel, look))
        assert set(re.findall(r"\w+", panel_text(panel))) == set(shown)


@pytest.mark.parametrize("width", [20, 30, 40, 60, 80, 100])
def test_what_can_be_folded_fits(width: int) -> None:
    look = Look(width, terminal=True)
    words = "so many words that they cannot stand in one line of any terminal at all, or 5"
    shown = render.sentence(words, "plain", look, "  ")
    assert max(map(len, shown.splitlines())) <= width
    assert shown.split() == words.split()


def test_wide_characters_count_twice() -> None:
    assert render.fold("日本語 日本語 日本語", 14) == ["日本語 日本語", "日本語"]
    assert render.cells("e\u0301 🙂") == 4


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x1b]0;owned\x07hello", "[2J]0;ownedhello"),
        ("a\rb\x08c\x7f", "abc"),
        ("\x9b31mred\x85\x84", "31mred"),
        ("a\tb\nc", "a\tb\nc"),
        ("\u202eabc\u2066d\u200f", "abcd"),
        ("é日🙂", "é日🙂"),
    ],
)
def test_nobody_else_controls_the_terminal(text: str, shown: str) -> None:
    assert render.clean(text) == shown


def test_a_panel_cannot_carry_controls_either() -> None:
    bad = "\x1b[31m\x9b1m\rx"
    panel = Panel(bad, "bad", (bad,), (Gauge(bad, 5, bad, bad),), Table((bad,), ((bad,),)), bad)
    shown = render.panel(panel, Look(40, terminal=True))
    assert not set(shown) & {"\x1b", "\x9b", "\r"}


def test_without_unicode_everything_has_a_spelling() -> None:
    look = Look(unicode=False)
    shown = render.spelled(render.panel(QUOTA, look), look)
    assert shown.isascii()
    assert "! Quota - 38% left" in shown
    assert "#######...  12,400 / 20,000 tokens" in shown


@pytest.mark.parametrize(
    ("out", "environ", "colours", "terminal"),
    [
        (Terminal(), {"TERM": "xterm-256color"}, True, True),
        (Terminal(), {"TERM": "xterm", "NO_COLOR": "1"}, False, True),
        (Terminal(), {"TERM": "xterm", "NO_COLOR": ""}, True, True),
        (Terminal(), {"TERM": "dumb"}, False, False),
        (Terminal(), {}, False, False),
        (Page(), {"TERM": "xterm-256color"}, False, False),
    ],
)
def test_looks_degrade(
    out: io.StringIO, environ: Mapping[str, str], colours: bool, terminal: bool
) -> None:
    look = render.look_of(out, environ)
    assert (look.colours, look.terminal, look.unicode) == (colours, terminal, True)


def test_an_ascii_terminal_is_known_by_its_encoding() -> None:
    out = io.TextIOWrapper(io.BytesIO(), "ascii")
    assert not render.look_of(out, {}).unicode


# Text that comes in pieces.


def flowed(pieces: list[str], width: int = 20) -> str:
    flow = Flow(width)
    return "".join(map(flow.feed, pieces)) + flow.finish()


def test_an_answer_is_folded_at_blanks_while_it_comes() -> None:
    flow = Flow(20)
    assert flow.feed("Hello the") == "Hello"
    assert flow.feed("re, how are") == " there, how"
    assert flow.feed(" you today?") == " are\nyou"
    assert flow.finish() == " today?"


def test_code_between_fences_is_left_as_it_is() -> None:
    code = "```py\nfor number in range(1_000):\n    print(number, end='')\n```\n"
    assert flowed([code, "and then it is folded again"]) == code + "and then it is\nfolded again"


def test_words_longer_than_the_line_stay_whole() -> None:
    assert flowed(["see https://example.test/a/long/address here"]) == (
        "see\nhttps://example.test/a/long/address here"
    )


def test_indents_and_empty_lines_stay() -> None:
    assert flowed(["- one\n\n  - two\n"]) == "- one\n\n  - two\n"


def test_languages_without_blanks_break_anywhere() -> None:
    assert flowed(["日本語日本語日本語日本語"], 10) == "日本語日本\n語日本語日\n本語"


@given(st.text("ab日 \n`\t", max_size=60), st.lists(st.integers(0, 60)), st.integers(5, 30))
def test_however_a_text_comes_it_looks_the_same(text: str, cuts: list[int], width: int) -> None:
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    pieces = [text[a:b] for a, b in pairwise(places)]
    assert flowed(pieces, width) == flowed([text], width)
    assert "".join(flowed(pieces, width).split()) == "".join(text.split())
