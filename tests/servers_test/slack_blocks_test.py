"""What the double refuses of blocks and manifests, each rule once from either side."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.servers.slack import Slack
from tests.servers.slack.manifest import errors_of
from tests.servers_test.slack_kit import (
    Json,
    Place,
    button,
    field,
    home,
    modal,
    mrkdwn,
    option,
    plain,
    reasons,
)


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    async with Slack() as slack:
        slack.pace.off()
        yield Place(slack)


def section(words: str = "hi", **more: Any) -> Json:
    return {"type": "section", "text": mrkdwn(words), **more}


def actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def overflow(options: int) -> Json:
    menu = [option(str(number)) for number in range(options)]
    return actions({"type": "overflow", "action_id": "o", "options": menu})


def select(options: int = 1, **more: Any) -> Json:
    menu = [option(str(number)) for number in range(options)]
    return {"type": "static_select", "action_id": "menu", "options": menu, **more}


def raw(text: str) -> Json:
    return {"type": "raw_text", "text": text}


def table(rows: int = 3, columns: int = 2, text: str = "x", **more: Any) -> Json:
    cells = [[raw(text) for _ in range(columns)] for _ in range(rows)]
    return {"type": "data_table", "caption": "Members", "rows": cells, **more}


def pie(segments: int = 2, label: str = "a", value: Any = 1) -> Json:
    parts = [{"label": label, "value": value} for _ in range(segments)]
    return {"type": "data_visualization", "title": "T", "chart": {"type": "pie", "segments": parts}}


def bars(labels: str = "ab", categories: str = "ab", names: str = "x") -> Json:
    data = [{"label": label, "value": 1} for label in labels]
    chart = {
        "type": "bar",
        "series": [{"name": name, "data": data} for name in names],
        "axis_config": {"categories": list(categories)},
    }
    return {"type": "data_visualization", "title": "T", "chart": chart}


FEEDBACK = {
    "type": "feedback_buttons",
    "action_id": "vote",
    "positive_button": {"text": plain("+"), "value": "up"},
    "negative_button": {"text": plain("-"), "value": "down"},
}
RICH = {
    "type": "rich_text",
    "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "x"}]}],
}

GOOD: list[Json] = [
    section("a" * 3000),
    {"type": "section", "fields": [mrkdwn("a" * 2000)] * 6},
    {"type": "section", "fields": [mrkdwn("a")] * 10},
    {"type": "header", "text": plain("a" * 150)},
    {"type": "divider"},
    {"type": "context", "elements": [mrkdwn("a")] * 10},
    actions(*[button(f"b{number}") for number in range(25)]),
    actions(button(value="a" * 2000, style="danger")),
    actions(select(100)),
    overflow(2),
    {"type": "markdown", "text": "a" * 12_000},
    {"type": "context_actions", "elements": [FEEDBACK]},
    RICH,
    table(101, 20, "a"),
    table(2, 1, page_size=100, row_header_column_index=0),
    pie(6),
    bars("ab", "ba", "xyzuvw"),
    {"type": "table", "rows": [[raw("a")]]},
    field({"type": "plain_text_input", "action_id": "t"}),
    {"type": "card", "title": plain("T"), "actions": [button()]},
    {"type": "carousel", "elements": [{"type": "card", "title": plain("T")}]},
    {"type": "container", "title": plain("T"), "child_blocks": [section()]},
    {"type": "task_card", "task_id": "1", "title": "T", "status": "complete"},
]

BAD: list[tuple[Json, str]] = [
    ({"type": "sparkle"}, "unsupported type: sparkle [json-pointer:/blocks/0/type]"),
    (section("a" * 3001), "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"),
    (section(""), "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
    (section(expand="yes"), "must be a boolean [json-pointer:/blocks/0/expand]"),
    (
        section(accessory=None, text="hi"),
        "unsupported type: None [json-pointer:/blocks/0/text/type]",
    ),
    ({"type": "section", "text": {"type": "mrkdwn", "text": 5}}, "must be a string"),
    (
        {"type": "section", "fields": mrkdwn("a")},
        "must be an array [json-pointer:/blocks/0/fields]",
    ),
    ({**pie(), "chart": {"type": "pie", "segments": ["a"]}}, "must provide an object"),
    (pie(1, value="1"), "must be a number"),
    (section(shiny=True), "invalid additional property: shiny [json-pointer:/blocks/0]"),
    ({"type": "section"}, "at least one of text, fields must be given [json-pointer:/blocks/0]"),
    ({"type": "section", "fields": [mrkdwn("a")] * 11}, "no more than 10 items allowed"),
    ({"type": "section", "fields": [mrkdwn("a" * 2001)]}, "must be less than 2001 characters"),
    (section(block_id="a" * 256), "must be less than 256 characters"),
    (section(accessory={"type": "plain_text_input"}), "unsupported type: plain_text_input"),
    ({"type": "header", "text": mrkdwn("a")}, "unsupported type: mrkdwn"),
    ({"type": "header", "text": plain("a" * 151)}, "must be less than 151 characters"),
    ({"type": "header"}, "missing required field: text [json-pointer:/blocks/0]"),
    ({"type": "context", "elements": [mrkdwn("a")] * 11}, "no more than 10 items allowed"),
    (actions(*[button(f"b{n}") for n in range(26)]), "no more than 25 items allowed"),
    (actions(), "no less than 1 items allowed [json-pointer:/blocks/0/elements]"),
    (actions(button(), button()), "action_id go already exists for a different element"),
    (actions({**button(), "text": plain("a" * 76)}), "must be less than 76 characters"),
    (actions({**button(), "text": mrkdwn("a")}), "unsupported type: mrkdwn"),
    (actions(button(value="a" * 2001)), "must be less than 2001 characters"),
    (actions(button("a" * 256)), "must be less than 256 characters"),
    (actions(button(style="shiny")), "must be one of primary, danger"),
    (actions(select(101)), "no more than 100 items allowed"),
    (actions(select(initial_option=option("9"))), "initial_option must match one of the options"),
    (actions(select(option_groups=[])), "exactly one of options, option_groups must be given"),
    (actions({**select(), "options": [option("a" * 151)]}), "must be less than 151 characters"),
    (actions({**select(), "options": [option("1", "a" * 76)]}), "must be less than 76 characters"),
    (overflow(1), "no less than 2 items allowed"),
    (overflow(6), "no more than 5 items allowed"),
    (actions(button(confirm={"title": plain("a")})), "missing required field: text"),
    ({"type": "markdown", "text": "a" * 12_001}, "must be less than 12001 characters"),
    ({"type": "context_actions", "elements": [button()]}, "unsupported type: button"),
    ({"type": "context_actions", "elements": [FEEDBACK] * 6}, "no more than 5 items allowed"),
    (table(1), "no less than 2 items allowed"),
    (table(102), "no more than 101 items allowed"),
    (table(2, 21), "no more than 20 items allowed"),
    (table(5, 5, "a" * 401), "must be less than 10001 characters"),
    (table(page_size=101), "must be a whole number from 1 to 100"),
    ({**table(), "rows": [[raw("a")], [raw("a"), raw("b")]]}, "the same number of cells"),
    ({**table(), "rows": [[RICH], [raw("a")]]}, "unsupported type: rich_text"),
    ({"type": "data_table", "rows": [[raw("a")]] * 2}, "missing required field: caption"),
    (pie(7), "no more than 6 items allowed"),
    (pie(1, "a" * 21), "must be less than 21 characters"),
    (pie(1, value=0), "must be more than 0"),
    ({**pie(), "title": "a" * 51}, "must be less than 51 characters"),
    ({**pie(), "chart": {"type": "donut"}}, "unsupported type: donut"),
    (bars("a", "ab"), "data must have one point per category"),
    (bars("ab", "ab", "xx"), "series names must be unique"),
    (bars("aa", "aa"), "categories must be unique"),
    ({"type": "alert", "text": mrkdwn("a")}, "unsupported type: alert"),
    (
        field({"type": "number_input", "is_decimal_allowed": False}),
        "number_input",
    ),
    (
        field({"type": "plain_text_input", "min_length": 9, "max_length": 3}),
        "min_length must not exceed max_length",
    ),
    ({"type": "container", "title": plain("T"), "child_blocks": [{"type": "x"}]}, "unsupported"),
]


@pytest.mark.parametrize("block", GOOD)
async def test_a_block_within_its_limits_is_taken(place: Place, block: Json) -> None:
    posted = await place.client.chat_postMessage(
        channel=place.general.id, text="fallback", blocks=[block]
    )
    assert posted["message"]["blocks"][0]["block_id"]


@pytest.mark.parametrize(("block", "reason"), BAD)
async def test_a_block_is_refused_with_the_reason(place: Place, block: Json, reason: str) -> None:
    call = place.client.chat_postMessage(channel=place.general.id, text="f", blocks=[block])
    said = await reasons(call)
    assert any(reason in line for line in said), said
    assert place.slack.refusals == ["chat.postMessage: invalid_blocks"]


@pytest.mark.parametrize(
    ("blocks", "error"),
    [
        ([{"type": "divider"}] * 51, "invalid_blocks"),
        ([section(block_id="a"), section(block_id="a")], "invalid_blocks"),
        ([pie(), pie(), pie()], "invalid_blocks"),
        ([{"type": "table", "rows": [[raw("a")]]}] * 2, "invalid_blocks"),
        ([{"type": "markdown", "text": "a" * 6_001}] * 2, "msg_blocks_too_long"),
        ([section("a" * 2_700)] * 5, "msg_blocks_too_long"),
    ],
)
async def test_blocks_are_refused_together(place: Place, blocks: list[Json], error: str) -> None:
    call = place.client.chat_postMessage(channel=place.general.id, text="f", blocks=blocks)
    await reasons(call)
    assert place.slack.refusals == [f"chat.postMessage: {error}"]


async def test_ids_are_given_where_none_were_sent(place: Place) -> None:
    element = button()
    del element["action_id"]
    await place.client.chat_postMessage(
        channel=place.general.id, text="f", blocks=[actions(element), section()]
    )
    first, second = place.team.bot_messages[0].blocks
    assert first["elements"][0]["action_id"]
    assert first["block_id"] != second["block_id"]


# Views

TEXT = {"type": "plain_text_input", "action_id": "t"}
FOCUSED = {**TEXT, "focus_on_load": True}
BAD_VIEWS: list[tuple[Json, str]] = [
    (modal(section(), title=plain("a" * 25)), "must be less than 25 characters"),
    (modal(section(), submit=plain("a" * 25)), "must be less than 25 characters"),
    (modal(section(), close=plain("a" * 25)), "must be less than 25 characters"),
    (modal(*[section()] * 101), "no more than 100 items allowed"),
    (modal(section(), private_metadata="a" * 3001), "must be less than 3001 characters"),
    (modal(section(), callback_id="a" * 256), "must be less than 256 characters"),
    (modal(section(), colour="red"), "invalid additional property: colour"),
    (modal(field(TEXT), submit=None), "missing required field: submit"),
    (modal({"type": "markdown", "text": "a"}), "unsupported type: markdown"),
    (modal(table()), "unsupported type: data_table"),
    (
        modal(
            field({**TEXT, "focus_on_load": True}, "1"), field({**TEXT, "focus_on_load": True}, "2")
        ),
        "only one element may have focus_on_load",
    ),
    (modal(field({"type": "file_input"})), "unsupported type: file_input"),
    (home(section()), "unsupported type: home"),
]


@pytest.mark.parametrize(("view", "reason"), BAD_VIEWS)
async def test_a_modal_is_refused_with_the_reason(place: Place, view: Json, reason: str) -> None:
    trigger = place.team.new_trigger(place.ana.id)
    said = await reasons(place.client.views_open(trigger_id=trigger.id, view=view))
    assert any(reason in line for line in said), said
    assert place.slack.refusals == ["views.open: invalid_arguments"]


@pytest.mark.parametrize(
    ("view", "reason"),
    [
        (modal(section()), "unsupported type: modal"),
        ({**home(section()), "title": plain("a")}, "invalid additional property: title"),
        (home({"type": "alert", "text": plain("a")}), "unsupported type: alert"),
        (home(field({"type": "number_input", "is_decimal_allowed": True})), "number_input"),
    ],
)
async def test_a_home_is_refused_with_the_reason(place: Place, view: Json, reason: str) -> None:
    said = await reasons(place.client.views_publish(user_id=place.ana.id, view=view))
    assert any(reason in line for line in said), said


async def test_a_modal_may_hold_an_alert_and_a_number(place: Place) -> None:
    trigger = place.team.new_trigger(place.ana.id)
    alert = {"type": "alert", "level": "warning", "text": mrkdwn("a")}
    number = field({"type": "number_input", "action_id": "n", "is_decimal_allowed": False})
    await place.client.views_open(trigger_id=trigger.id, view=modal(alert, number))
    assert place.slack.opened[trigger.id].blocks[0]["type"] == "alert"


# Manifests


def manifest(**features: Any) -> Json:
    return {
        "display_information": {"name": "Quotabot"},
        "features": {
            "bot_user": {"display_name": "quotabot"},
            "agent_view": {"agent_description": "Answers"},
            **features,
        },
        "oauth_config": {"scopes": {"bot": ["assistant:write", "chat:write", "commands"]}},
        "settings": {
            "socket_mode_enabled": True,
            "interactivity": {"is_enabled": True},
            "event_subscriptions": {"bot_events": ["app_home_opened", "agent_session_stopped"]},
        },
    }


def commands(*names: str) -> list[Json]:
    return [{"command": name, "description": "d"} for name in names]


def shortcut(**more: str) -> Json:
    return {"name": "Q", "type": "global", "callback_id": "q", "description": "d", **more}


def test_a_good_manifest_is_taken_and_makes_the_app() -> None:
    from tests.servers.slack import App

    good = manifest(slash_commands=commands("/quota"), shortcuts=[shortcut()])
    assert errors_of(good) == []
    app = App.of_manifest(good)
    assert app.scopes == ("assistant:write", "chat:write", "commands")
    assert app.events == ("app_home_opened", "agent_session_stopped")
    assert list(app.commands or ()) == ["/quota"]
    assert app.is_agent
    assert not app.home_tab


@pytest.mark.parametrize(
    ("features", "reason"),
    [
        ({"assistant_view": {"assistant_description": "a"}}, "assistant_view is not available"),
        ({"slash_commands": commands("/status")}, "the slash command has an invalid name"),
        ({"slash_commands": commands("quota")}, "the slash command has an invalid name"),
        ({"slash_commands": commands("/Quota")}, "the slash command has an invalid name"),
        ({"slash_commands": commands("/" + "q" * 32)}, "must be less than 33 characters"),
        ({"slash_commands": []}, "no less than 1 items allowed"),
        ({"slash_commands": commands(*[f"/q{n}" for n in range(51)])}, "no more than 50 items"),
        ({"slash_commands": commands("/quota", "/quota")}, "commands must be unique"),
        ({"slash_commands": [{"command": "/quota"}]}, "missing required field: description"),
        ({"shortcuts": [shortcut(name="a" * 25)]}, "must be less than 25 characters"),
        ({"shortcuts": [shortcut(type="local")]}, "must be one of message, global"),
        ({"shortcuts": [shortcut(), shortcut()]}, "callback_id must be unique"),
        ({"agent_view": {"agent_description": "a" * 301}}, "must be less than 301 characters"),
        (
            {"agent_view": {"suggested_prompts": [{"title": "a"}]}},
            "missing required field: message",
        ),
        ({"bot_user": None}, "bot scopes need a bot_user"),
        ({"glitter": True}, "invalid additional property: glitter"),
    ],
)
def test_features_of_a_manifest_are_refused(features: Json, reason: str) -> None:
    bad = manifest(**features)
    bad["features"] = {name: value for name, value in bad["features"].items() if value is not None}
    found = errors_of(bad)
    assert any(reason in line for line in found), found


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("display_information.name", "a" * 36, "must be less than 36 characters"),
        ("display_information.long_description", "short", "must be more than 174 characters"),
        ("display_information.background_color", "red", "must be a colour"),
        ("oauth_config.scopes.bot", ["group:read"], "must be one of"),
        ("oauth_config.scopes.bot", ["chat:write"], "agent_view needs assistant:write"),
        ("settings.event_subscriptions.bot_events", ["message"], "unknown event: message"),
        ("settings.event_subscriptions.bot_events", ["app_mention"], "needs one of app_mentions"),
        ("settings.event_subscriptions.bot_events", ["app_home_opened"] * 2, "must be unique"),
        ("settings.interactivity", {}, "missing required field: is_enabled"),
    ],
)
def test_other_parts_of_a_manifest_are_refused(path: str, value: Any, reason: str) -> None:
    bad = manifest()
    *way, name = path.split(".")
    part = bad
    for step in way:
        part = part[step]
    part[name] = value
    found = errors_of(bad)
    assert any(reason in line for line in found), found


def test_over_http_events_interactions_and_commands_need_an_address() -> None:
    bad = manifest(slash_commands=commands("/quota"))
    bad["settings"]["socket_mode_enabled"] = False
    assert errors_of(bad) == [
        "request_url is required without socket mode [json-pointer:/settings/event_subscriptions]",
        "url is required without socket mode [json-pointer:/features/slash_commands/0]",
        "request_url is required without socket mode [json-pointer:/settings/interactivity]",
    ]


def test_commands_need_their_scope() -> None:
    bad = manifest(slash_commands=commands("/quota"))
    bad["oauth_config"]["scopes"]["bot"].remove("commands")
    assert any("need the scope commands" in line for line in errors_of(bad))
