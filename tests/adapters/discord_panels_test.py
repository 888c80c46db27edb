"""Cards, buttons and forms as Discord takes them: measured, and working without any memory."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.discord.panels import (
    CARD_CHARS_MAX,
    broken,
    card,
    cut,
    decoded,
    encoded,
    form_of,
    measure,
    modal,
    squares,
    values,
)
from adapters.discord.stream import MESSAGE_CHARS_MAX, MESSAGES_MAX, frames
from bot.panels import Action, Chart, Field, Form, Gauge, Panel, Table
from bot.text import Words
from tests.scripted import when
from tests.servers.discord.models import walk

WORDS = Words(when)
LONG = st.text(alphabet=st.sampled_from("ab \n`|#😀é@everyone"), max_size=12_000)


def components(view: Any) -> Any:
    return view.to_components()


def texts(view: Any) -> list[str]:
    return [c["content"] for c in walk(components(view)) if c["type"] == 10]


def kinds(view: Any) -> list[int]:
    return [c["type"] for c in walk(components(view))]


@given(
    name=st.from_regex(r"\A[a-z]{1,12}\Z"),
    subject=st.text(max_size=40),
    owner=st.from_regex(r"\A[0-9]{0,19}\Z"),
)
def test_a_button_carries_all_that_it_needs(name: str, subject: str, owner: str) -> None:
    action = Action(name, "Press", subject, owner)
    assert decoded(encoded(action)) == Action(name, "", subject, owner)


@pytest.mark.parametrize("custom_id", ["", "q", "q|", "x|stop|1|2", "q||1|2", "menu"])
def test_what_is_no_button_of_ours_is_left_alone(custom_id: str) -> None:
    assert decoded(custom_id) is None


def test_a_bar_is_empty_only_for_nothing_and_full_only_for_all() -> None:
    assert squares(0) == "⬜" * 10
    assert squares(1) == "🟩" + "⬜" * 9
    assert squares(99) == "🟨" * 9 + "⬜"
    assert squares(100) == "🟥" * 10
    assert squares(None) == "∞"


def test_a_card_has_title_bars_and_small_print() -> None:
    gauge = Gauge("Today", 38, "7,600 / 20,000", "resets soon")
    panel = Panel("Quota — 62% left", "good", ("Extra: +5,000",), (gauge,), footer="Rule: daily")
    assert texts(card(panel)) == [
        "### ✅ Quota — 62% left",
        "Extra: +5,000",
        "**Today** 🟩🟩🟩🟩⬜⬜⬜⬜⬜⬜\n7,600 / 20,000 · resets soon",
        "-# Rule: daily",
    ]


def test_a_narrow_table_has_columns_and_a_wide_one_rows() -> None:
    narrow = Panel("Top", table=Table(("who", "tokens"), (("ana", "12"), ("bo", "7"))))
    assert texts(card(narrow))[1] == "```\nwho  tokens\nana  12\nbo   7\n```"
    wide = Panel("Top", table=Table(("who", "why"), (("<@1>", "12 " * 30),)))
    assert texts(card(wide))[1].startswith("**<@1>** 12")


def test_a_chart_is_drawn_in_letters() -> None:
    panel = Panel("History", chart=Chart("A week", "tokens", (("Mon", 100), ("Tue", 50))))
    assert texts(card(panel))[1] == (
        "**A week** (tokens)\n```\nMon ██████████ 100\nTue █████      50\n```"
    )


def test_more_than_ten_buttons_become_a_menu() -> None:
    few = Panel("Audit", actions=tuple(Action("undo", f"Undo {n}", str(n)) for n in range(10)))
    assert kinds(card(few)).count(2) == 10
    many = Panel("Audit", actions=tuple(Action("undo", f"Undo {n}", str(n)) for n in range(40)))
    assert kinds(card(many)).count(2) == 0
    (menu,) = [c for c in walk(components(card(many))) if c["type"] == 3]
    assert len(menu["options"]) == 25


@settings(max_examples=30)
@given(lines=st.lists(LONG, max_size=4), rows=st.integers(0, 400), footer=LONG)
def test_every_card_fits_into_one_message(lines: list[str], rows: int, footer: str) -> None:
    table = Table(("when", "who"), tuple((f"day {n}", "somebody " * 5) for n in range(rows)))
    panel = Panel("Title", "bad", tuple(lines), table=table, footer=footer)
    view = card(panel)
    assert sum(map(measure, texts(view))) <= CARD_CHARS_MAX
    assert len(kinds(view)) <= 40
    assert all(text.strip() for text in texts(view))


def test_a_form_has_what_was_in_it_and_gives_back_what_is() -> None:
    fields = (
        Field("amount", "How much", value="5k", hint="such as 5k"),
        Field("why", "What for", "long", required=False, chars_max=300),
        Field("per", "In", "choice", "day", choices=(("day", "Day"), ("day", "Twice"), ("w", "W"))),
        Field("role", "Role", "role"),
        Field("channel", "Channel", "channel", "123"),
    )
    payload: Any = modal(Form("more", "Ask for more", fields, "Send", "s|1")).to_dict()
    assert form_of(payload["custom_id"]) == ("more", "s|1")
    inputs = [part["component"] for part in payload["components"]]
    assert inputs[0]["value"] == "5k"
    assert [option["value"] for option in inputs[2]["options"]] == ["day", "w"]
    assert inputs[4]["default_values"] == [{"id": 123, "type": "channel"}]
    sent = {
        "components": [
            {"type": 18, "component": {"custom_id": "amount", "value": "6k"}},
            {"type": 18, "component": {"custom_id": "role", "values": ["9"]}},
            {"type": 18, "component": {"custom_id": "channel", "values": []}},
        ],
        "resolved": {"roles": {"9": {"name": "Supporter"}}},
    }
    assert values(sent) == {"amount": "6k", "role": "Supporter", "channel": ""}


@settings(max_examples=50)
@given(text=LONG, tail=st.text(max_size=2_000))
def test_every_message_of_an_answer_fits(text: str, tail: str) -> None:
    found = frames(text, tail, (), WORDS, head="> a question")
    assert 1 <= len(found) <= MESSAGES_MAX
    assert all(measure(frame.text) <= MESSAGE_CHARS_MAX for frame in found)
    assert [bool(frame.file) for frame in found[:-1]] == [False] * (len(found) - 1)
    assert all("@everyone" not in frame.text for frame in found)


def test_buttons_stand_below_the_last_message_only() -> None:
    stop = Action("stop", "Stop", "1", "2", "danger")
    found = frames("word " * 600, "small", (stop,), WORDS)
    assert [frame.actions for frame in found] == [(), (stop,)]


@given(text=st.text(max_size=300), at_most=st.integers(1, 100))
def test_what_is_cut_is_no_longer_than_allowed(text: str, at_most: int) -> None:
    assert measure(cut(text, at_most)) <= at_most


def test_nobody_is_called_by_the_words_for_everybody() -> None:
    assert broken("@everyone and @here") == "@\u200beveryone and @\u200bhere"
