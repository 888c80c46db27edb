"""Cards and forms as Block Kit: whatever a panel holds, Slack takes it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.slack import panels
from adapters.slack.markup import words_for
from adapters.slack.panels import Click
from bot.panels import Action, Chart, Field, Form, Gauge, Panel, Table
from tests.servers.slack.blocks import checked_blocks, checked_view
from tests.servers.slack.model import texts_of

WORDS = words_for(lambda sign, what: {"@U1": "ana"}.get(sign + what, ""))
TEXT = st.text(alphabet="abc <>&|`*_\n\ue000\ue001😀", max_size=80)
LONG = st.integers(0, 5_000).map(lambda n: "<&> word " * n)
ACTIONS = st.builds(
    Action,
    st.sampled_from(["again", "onward", "good", "bad", "quota", "use"]),
    TEXT,
    st.text(max_size=60),
    st.just("U123"),
    st.sampled_from(["plain", "primary", "danger"]),
)
PANELS = st.builds(
    Panel,
    TEXT,
    st.sampled_from(["neutral", "good", "warning", "bad"]),
    st.lists(TEXT | LONG, max_size=4).map(tuple),
    st.lists(st.builds(Gauge, TEXT, st.none() | st.integers(0, 100), TEXT, TEXT), max_size=4).map(
        tuple
    ),
    st.none()
    | st.integers(1, 25).flatmap(
        lambda n: st.builds(
            Table,
            st.lists(TEXT, min_size=n, max_size=n).map(tuple),
            st.lists(st.lists(TEXT, min_size=n, max_size=n).map(tuple), max_size=3).map(tuple),
        )
    ),
    TEXT,
    st.lists(ACTIONS, max_size=30).map(tuple),
    st.none()
    | st.builds(
        Chart,
        TEXT,
        st.just("tokens"),
        st.lists(
            st.tuples(st.text("abc", min_size=1), st.integers(0, 9)),
            max_size=7,
            unique_by=lambda bar: bar[0][:19],
        ).map(tuple),
    ),
)


@given(PANELS)
def test_slack_takes_every_card(panel: Panel) -> None:
    for plain in (False, True):
        checked_blocks(panels.card(panel, about="C1:1.2", plain=plain), "message")
    view = panels.shown_view(panel.title, panels.card(panel, "view"), "Close")
    checked_view(view, ("modal",))


@given(st.lists(ACTIONS, max_size=8, unique_by=lambda action: action.name))
def test_slack_takes_every_ending_of_an_answer(actions: list[Action]) -> None:
    checked_blocks([panels.markdown("hi"), *panels.ending(actions, "C1:1.2")], "message")


@given(ACTIONS)
def test_a_button_brings_back_what_it_is_about(action: Action) -> None:
    (block,) = panels.buttons([action], "C1:1.2")
    value = block["elements"][0]["value"]
    click = panels.unpacked(value, block["block_id"])
    assert click == Click(action.name, action.subject, action.owner, "C1:1.2")


@pytest.mark.parametrize("value", ["", "{}", "[]", "[1,2,3]", '["a","b"]', "null", "again"])
def test_a_button_of_somebody_else_is_not_understood(value: str) -> None:
    assert panels.unpacked(value, "b1") is None


def test_a_bar_has_ten_cells_and_its_numbers() -> None:
    gauge = Gauge("Today", 62, "7,600 / 20,000", "resets soon")
    (_, block) = panels.card(Panel("Quota", gauges=(gauge,)))
    assert block["text"]["text"] == "Today  🟩🟩🟩🟩🟩🟩🟩⬜⬜⬜  7,600 / 20,000\nresets soon"
    assert panels.cells(80).startswith("🟨")
    assert panels.cells(100) == "🟥" * 10
    assert panels.cells(None) == "∞"


def test_a_table_shows_instants_and_members_as_slack_does() -> None:
    table = Table(("when", "who"), ((f"{WORDS.when(0)}", f"by {WORDS.who('U1')}"),))
    (_, block) = panels.card(Panel("Audit", table=table))
    when, who = block["rows"][1]
    assert when["elements"][0]["elements"][0]["type"] == "date"
    assert who["elements"][0]["elements"] == [
        {"type": "text", "text": "by "},
        {"type": "user", "user_id": "U1"},
    ]


def test_a_chart_is_drawn_in_messages_and_written_in_views() -> None:
    chart = Chart("Tokens", "tokens", (("Mon", 100), ("Tue", 50)))
    (_, block) = panels.card(Panel("History", chart=chart))
    assert block["type"] == "data_visualization"
    (_, written) = panels.card(Panel("History", chart=chart), "view")
    assert "Tue  50" in written["text"]["text"]


def test_of_many_choices_below_an_answer_one_button_and_a_menu_are_seen() -> None:
    actions = [
        Action("again", "Regenerate"),
        Action("onward", "Continue"),
        Action("quota", "Quota"),
        Action("good", "Good"),
        Action("bad", "Bad"),
    ]
    thumbs, row = panels.ending(actions, "C1:1.2")
    assert thumbs["elements"][0]["type"] == "feedback_buttons"
    assert [element["type"] for element in row["elements"]] == ["button", "overflow"]


FORM = Form(
    "limit",
    "Set a limit for somebody, somewhere",
    (
        Field("amount", "Amount", value="5k", hint="such as 20k"),
        Field("why", "Why", "long", required=False, chars_max=300),
        Field("who", "Who", "member", value="U1"),
        Field("role", "Role", "role", value="supporters"),
        Field("kind", "Kind", "choice", "cap", choices=(("cap", "Cap"), ("all", "Allowance"))),
    ),
    "Save",
    "subject",
)


@pytest.mark.parametrize("groups", [(), ("helpers", "supporters")])
def test_slack_takes_a_form_and_what_stands_in_it_comes_back(groups: tuple[str, ...]) -> None:
    view = panels.form_view(FORM, "Cancel", groups, {"subject": FORM.subject})
    checked_view(view, ("modal",))
    assert json.loads(view["private_metadata"]) == {"subject": "subject"}
    assert FORM.title in texts_of(view["blocks"])


def test_what_was_filled_in_is_read_whatever_it_was_filled_into() -> None:
    values = {
        "amount": {"v": {"type": "plain_text_input", "value": "5k"}},
        "why": {"v": {"type": "plain_text_input", "value": None}},
        "who": {"v": {"type": "users_select", "selected_user": "U1"}},
        "where": {"v": {"type": "conversations_select", "selected_conversation": "C1"}},
        "kind": {"v": {"type": "static_select", "selected_option": {"value": "cap"}}},
    }
    assert panels.filled_in({"values": values}) == {
        "amount": "5k",
        "why": "",
        "who": "U1",
        "where": "C1",
        "kind": "cap",
    }
