"""Block elements and composition objects. docs.slack.dev/reference/block-kit/block-elements."""

from typing import Any

from tests.servers.slack.errors import Json
from tests.servers.slack.shapes import (
    PLAIN,
    Report,
    Rule,
    Shape,
    anything,
    boolean,
    choice,
    identity,
    many,
    numeric,
    string,
    text,
    typed,
    whole,
)

ID = string(255)
ACTION: dict[str, Rule] = {"action_id": ID}
URL = string(3000)

CONFIRM = Shape(
    {
        "title": text(100, PLAIN),
        "text": text(300),
        "confirm": text(30, PLAIN),
        "deny": text(30, PLAIN),
        "style": choice("primary", "danger"),
    },
    ("title", "text", "confirm", "deny"),
)
FOCUS: dict[str, Rule] = {**ACTION, "focus_on_load": boolean}
HINTED: dict[str, Rule] = {**FOCUS, "confirm": CONFIRM, "placeholder": text(150, PLAIN)}
DISPATCH = Shape(
    {"trigger_actions_on": many(choice("on_enter_pressed", "on_character_entered"), 1, 2)}
)


def option(*, styled: bool = False, url: bool = False) -> Shape:
    """One option of a menu; boxes may style their text."""
    words = text(75) if styled else text(75, PLAIN)
    fields: dict[str, Rule] = {"text": words, "value": string(150), "description": words}
    if url:
        fields["url"] = URL
    return Shape(fields, ("text", "value"))


OPTION = option()
BOX = option(styled=True)
GROUP = Shape(
    {"label": text(75, PLAIN), "options": many(OPTION, 1, 100)},
    ("label", "options"),
)
FILTER = Shape(
    {
        "include": many(choice("im", "mpim", "private", "public"), 1, 4),
        "exclude_external_shared_channels": boolean,
        "exclude_bot_users": boolean,
    }
)
FEEDBACK = Shape(
    {"text": text(75, PLAIN), "value": string(2000), "accessibility_label": string(75)},
    ("text", "value"),
)
SELECTED: dict[str, Rule] = {"max_selected_items": whole(1, 100)}


def options_of(element: Json) -> list[Json]:
    """All options of a menu, grouped or not."""
    groups = element.get("option_groups") or [{"options": element.get("options") or []}]
    return [one for group in groups for one in group.get("options", []) if isinstance(one, dict)]


def with_initial(shape: Shape, *names: str) -> Rule:
    """A menu whose initial choice is one of its options."""

    def check(value: Any, path: str, report: Report) -> None:
        shape(value, path, report)
        if not isinstance(value, dict):
            return
        options = options_of(value)
        for name in names:
            chosen = value.get(name)
            for one in chosen if isinstance(chosen, list) else [chosen]:
                if one is not None and one not in options:
                    report.add(f"{name} must match one of the options", f"{path}/{name}")

    return check


def bounded(shape: Shape) -> Rule:
    """A text input whose least length is not above its greatest."""

    def check(value: Any, path: str, report: Report) -> None:
        shape(value, path, report)
        if isinstance(value, dict) and value.get("min_length", 0) > value.get("max_length", 3000):
            report.add("min_length must not exceed max_length", path)

    return check


MENU: dict[str, Rule] = {"options": many(OPTION, 1, 100), "option_groups": many(GROUP, 1, 100)}
EITHER = ("options", "option_groups")

ELEMENTS: dict[str, Rule] = {
    "button": typed(
        {
            **ACTION,
            "text": text(75, PLAIN),
            "url": URL,
            "value": string(2000),
            "style": choice("primary", "danger"),
            "confirm": CONFIRM,
            "accessibility_label": string(75),
            "agent_prompt": string(4000),
        },
        "text",
    ),
    "checkboxes": with_initial(
        typed(
            {
                **FOCUS,
                "confirm": CONFIRM,
                "options": many(BOX, 1, 10),
                "initial_options": many(BOX, 1, 10),
            },
            "options",
        ),
        "initial_options",
    ),
    "radio_buttons": with_initial(
        typed(
            {**FOCUS, "confirm": CONFIRM, "options": many(BOX, 1, 10), "initial_option": BOX},
            "options",
        ),
        "initial_option",
    ),
    "static_select": with_initial(
        typed({**HINTED, **MENU, "initial_option": OPTION}, one_of=EITHER), "initial_option"
    ),
    "multi_static_select": with_initial(
        typed(
            {**HINTED, **MENU, **SELECTED, "initial_options": many(OPTION, 1, 100)}, one_of=EITHER
        ),
        "initial_options",
    ),
    # Slack's page has said "two to five" and "up to five"; a bot that offers two suits both.
    "overflow": typed(
        {**ACTION, "confirm": CONFIRM, "options": many(option(url=True), 2, 5)}, "options"
    ),
    "users_select": typed({**HINTED, "initial_user": identity("UW")}),
    "multi_users_select": typed(
        {**HINTED, **SELECTED, "initial_users": many(identity("UW"), 0, 100)},
    ),
    "conversations_select": typed(
        {
            **HINTED,
            "initial_conversation": identity("CDGUW"),
            "default_to_current_conversation": boolean,
            "response_url_enabled": boolean,
            "filter": FILTER,
        }
    ),
    "multi_conversations_select": typed(
        {
            **HINTED,
            **SELECTED,
            "initial_conversations": many(identity("CDGUW"), 0, 100),
            "default_to_current_conversation": boolean,
            "filter": FILTER,
        }
    ),
    "channels_select": typed(
        {**HINTED, "initial_channel": identity("CG"), "response_url_enabled": boolean}
    ),
    "multi_channels_select": typed(
        {**HINTED, **SELECTED, "initial_channels": many(identity("CG"), 0, 100)}
    ),
    "datepicker": typed({**HINTED, "initial_date": string(10)}),
    "timepicker": typed({**HINTED, "initial_time": string(5), "timezone": string(100)}),
    "datetimepicker": typed(
        {**FOCUS, "confirm": CONFIRM, "initial_date_time": whole(1_000_000_000, 9_999_999_999)}
    ),
    "plain_text_input": bounded(
        typed(
            {
                **FOCUS,
                "placeholder": text(150, PLAIN),
                "initial_value": string(3000, 0),
                "multiline": boolean,
                "min_length": whole(0, 3000),
                "max_length": whole(1, 3000),
                "dispatch_action_config": DISPATCH,
            }
        )
    ),
    "number_input": typed(
        {
            **FOCUS,
            "placeholder": text(150, PLAIN),
            "is_decimal_allowed": boolean,
            "initial_value": numeric,
            "min_value": numeric,
            "max_value": numeric,
            "dispatch_action_config": DISPATCH,
        },
        "is_decimal_allowed",
    ),
    "email_text_input": typed(
        {**FOCUS, "placeholder": text(150, PLAIN), "initial_value": string(3000)}
    ),
    "url_text_input": typed(
        {**FOCUS, "placeholder": text(150, PLAIN), "initial_value": string(3000)}
    ),
    "feedback_buttons": typed(
        {**ACTION, "positive_button": FEEDBACK, "negative_button": FEEDBACK},
        "positive_button",
        "negative_button",
    ),
    "icon_button": typed(
        {
            **ACTION,
            "icon": choice("trash"),
            "text": text(75, PLAIN),
            "value": string(2000),
            "confirm": CONFIRM,
            "accessibility_label": string(75),
            "visible_to_user_ids": many(string(30), 1, 10),
        },
        "icon",
        "text",
    ),
    "image": typed(
        {"image_url": URL, "alt_text": string(2000), "slack_file": anything},
        "alt_text",
        one_of=("image_url", "slack_file"),
    ),
}

MENUS = {
    f"{many_}{kind}"
    for many_ in ("", "multi_")
    for kind in ("static_select", "users_select", "conversations_select", "channels_select")
}
BOXES = {"checkboxes", "radio_buttons"}
PICKERS = {"datepicker", "timepicker"}
INPUTS = MENUS | BOXES | PICKERS | {"datetimepicker", "plain_text_input"}
MODAL_INPUTS = {"number_input", "email_text_input", "url_text_input"}


def elements(*kinds: str) -> dict[str, Rule]:
    """The rules of these elements."""
    return {kind: ELEMENTS[kind] for kind in kinds}


ACCESSORIES = elements("button", "overflow", "image", *sorted(MENUS | BOXES | PICKERS))
ACTIONS = elements("button", "overflow", "datetimepicker", *sorted(MENUS | BOXES | PICKERS))
INPUT_ELEMENTS = elements(*sorted(INPUTS | MODAL_INPUTS))
