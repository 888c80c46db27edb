"""Block Kit as Slack checks it, by the pages under docs.slack.dev/reference/block-kit/blocks.

Which surface takes which block: docs.slack.dev/blocks.json (`alert` is for modals alone). Where two
of Slack's pages give two numbers, the smaller one holds here: data_table 101 rows and 10,000
characters (elsewhere 201 and 20,000), charts 6 series or segments (elsewhere 12). Two charts in a
message at most: vercel/chat#696. About 13,200 characters over all blocks: slackapi/bolt-js#2509.
"""

import itertools
import json
from collections import Counter
from typing import Any

from tests.servers.slack.acting import elements_of
from tests.servers.slack.elements import (
    ACCESSORIES,
    ACTIONS,
    ELEMENTS,
    ID,
    INPUT_ELEMENTS,
    MODAL_INPUTS,
    URL,
    elements,
)
from tests.servers.slack.errors import Json, RefusedError
from tests.servers.slack.shapes import (
    PLAIN,
    Report,
    Rule,
    Shape,
    anything,
    boolean,
    by_type,
    choice,
    many,
    number,
    positive,
    string,
    text,
    typed,
    whole,
)

MESSAGE_BLOCKS_MAX = 50
VIEW_BLOCKS_MAX = 100
MESSAGE_CHARS_MAX = 13_200
MARKDOWN_CHARS_MAX = 12_000
TABLE_CHARS_MAX = 10_000
CHARTS_MAX = 2

_ids = itertools.count(1)


def block(fields: dict[str, Rule], *required: str, **groups: tuple[str, ...]) -> Shape:
    return typed({"block_id": ID, **fields}, *required, **groups)


RICH_PART = typed(
    {
        "elements": many(anything, 0, 1000),
        "border": whole(0, 1),
        "style": choice("bullet", "ordered"),
        "indent": whole(0, 8),
        "offset": whole(0, 10_000),
        "language": string(100),
    },
    "elements",
)
RICH_PARTS: dict[str, Rule] = {
    f"rich_text_{kind}": RICH_PART for kind in ("section", "list", "preformatted", "quote")
}
RICH_TEXT = block({"elements": many(by_type(RICH_PARTS), 1, 1000)}, "elements")
RAW_TEXT = typed({"text": string(3000)}, "text")
RAW_NUMBER = typed({"value": number, "text": string(3000)}, "value", "text")
CELL = by_type({"raw_text": RAW_TEXT, "raw_number": RAW_NUMBER, "rich_text": RICH_TEXT})
HEADER_CELL = by_type({"raw_text": RAW_TEXT, "raw_number": RAW_NUMBER})

SEGMENT = Shape({"label": string(20), "value": positive}, ("label", "value"))
POINT = Shape({"label": string(20), "value": number}, ("label", "value"))
SERIES = Shape({"name": string(20), "data": many(POINT, 1, 20)}, ("name", "data"))
AXES = Shape(
    {"categories": many(string(20), 1, 20), "x_label": string(50), "y_label": string(50)},
    ("categories",),
)


def chart_of_series(value: Any, path: str, report: Report) -> None:
    """Bars, lines or areas: each series has one point for each category."""
    fields: dict[str, Rule] = {"series": many(SERIES, 1, 6), "axis_config": AXES}
    before = len(report.messages)
    typed(fields, "series", "axis_config")(value, path, report)
    if len(report.messages) > before:
        return
    categories = value["axis_config"]["categories"]
    if len(set(categories)) < len(categories):
        report.add("categories must be unique", f"{path}/axis_config/categories")
    names = [series["name"] for series in value["series"]]
    if len(set(names)) < len(names):
        report.add("series names must be unique", f"{path}/series")
    for index, series in enumerate(value["series"]):
        if sorted(point["label"] for point in series["data"]) != sorted(categories):
            report.add("data must have one point per category", f"{path}/series/{index}/data")


PIE = typed({"segments": many(SEGMENT, 1, 6)}, "segments")
CHARTS: dict[str, Rule] = {
    "pie": PIE,
    "bar": chart_of_series,
    "line": chart_of_series,
    "area": chart_of_series,
}


def data_table(value: Any, path: str, report: Report) -> None:
    """Rows of equal length, the first of them the header."""
    fields: dict[str, Rule] = {
        "caption": string(2000),
        "rows": many(many(CELL, 1, 20), 2, 101),
        "page_size": whole(1, 100),
        "row_header_column_index": whole(0, 19),
    }
    block(fields, "caption", "rows")(value, path, report)
    rows = value.get("rows")
    if isinstance(rows, list) and rows and all(isinstance(row, list) for row in rows):
        many(HEADER_CELL, 1, 20)(rows[0], f"{path}/rows/0", report)
        if len({len(row) for row in rows}) > 1:
            report.add("all rows must have the same number of cells", f"{path}/rows")
    check_table_chars(value, path, report)


def table(value: Any, path: str, report: Report) -> None:
    column = Shape({"is_wrapped": boolean, "align": choice("left", "center", "right")})
    fields: dict[str, Rule] = {
        "rows": many(many(CELL, 1, 20), 1, 100),
        "column_settings": many(column, 0, 20),
    }
    block(fields, "rows")(value, path, report)
    check_table_chars(value, path, report)


def check_table_chars(value: Json, path: str, report: Report) -> None:
    if sum(map(len, strings(value.get("rows")))) > TABLE_CHARS_MAX:
        report.add(f"must be less than {TABLE_CHARS_MAX + 1} characters", f"{path}/rows")


def strings(node: Any) -> list[str]:
    """The words in blocks: whatever stands as `text`."""
    if isinstance(node, list):
        return [one for item in node for one in strings(item)]
    if not isinstance(node, dict):
        return []
    own = [value for name, value in node.items() if name == "text" and isinstance(value, str)]
    return own + [one for value in node.values() for one in strings(value)]


TASK = block(
    {
        "task_id": string(255),
        "title": string(255),
        "details": RICH_TEXT,
        "output": RICH_TEXT,
        "sources": many(anything, 0, 50),
        "status": choice("pending", "in_progress", "complete", "error"),
    },
    "task_id",
    "title",
    "status",
)
IMAGE = ELEMENTS["image"]
CONTEXT: dict[str, Rule] = {"image": IMAGE, "plain_text": text(3000), "mrkdwn": text(3000)}
CARD = block(
    {
        "hero_image": IMAGE,
        "icon": IMAGE,
        "title": text(150),
        "subtitle": text(150),
        "body": text(200),
        "subtext": text(200),
        "actions": many(by_type(elements("button")), 1, 3),
    },
    any_of=("hero_image", "title", "body", "actions"),
)
SHAPES: dict[str, Rule] = {
    "section": block(
        {
            "text": text(3000),
            "fields": many(text(2000), 1, 10),
            "accessory": by_type(ACCESSORIES),
            "expand": boolean,
        },
        any_of=("text", "fields"),
    ),
    "header": block({"text": text(150, PLAIN), "level": whole(1, 4)}, "text"),
    "divider": block({}),
    "context": block({"elements": many(by_type(CONTEXT), 1, 10)}, "elements"),
    "actions": block({"elements": many(by_type(ACTIONS), 1, 25)}, "elements"),
    "context_actions": block(
        {"elements": many(by_type(elements("feedback_buttons", "icon_button")), 1, 5)}, "elements"
    ),
    "image": block(
        {
            "image_url": URL,
            "slack_file": anything,
            "alt_text": string(2000),
            "title": text(2000, PLAIN),
        },
        "alt_text",
        one_of=("image_url", "slack_file"),
    ),
    "input": block(
        {
            "label": text(2000, PLAIN),
            "element": by_type(INPUT_ELEMENTS),
            "hint": text(2000, PLAIN),
            "optional": boolean,
            "dispatch_action": boolean,
        },
        "label",
        "element",
    ),
    "markdown": block({"text": string(MARKDOWN_CHARS_MAX)}, "text"),
    "rich_text": RICH_TEXT,
    "table": table,
    "data_table": data_table,
    "data_visualization": block({"title": string(50), "chart": by_type(CHARTS)}, "title", "chart"),
    "alert": block(
        {
            "text": text(200),
            "level": choice("default", "info", "warning", "error", "success"),
        },
        "text",
    ),
    "task_card": TASK,
    "plan": block({"title": string(255), "tasks": many(TASK, 0, 50)}, "title"),
    "card": CARD,
    "carousel": block({"elements": many(CARD, 1, 10)}, "elements"),
    "container": block(
        {
            "title": text(150, PLAIN),
            "rich_text_title": RICH_TEXT,
            "subtitle": text(150, PLAIN),
            "child_blocks": many(anything, 1, 10),
            "is_collapsible": boolean,
            "default_collapsed": boolean,
            "has_header_divider": boolean,
            "icon": IMAGE,
            "width": choice("narrow", "standard", "wide", "full"),
        },
        "child_blocks",
        any_of=("title", "rich_text_title"),
    ),
}
EVERYWHERE = {"actions", "card", "context", "divider", "header", "image", "input", "rich_text"}
EVERYWHERE |= {"section"}
TABLES = {"table", "data_table", "data_visualization"}
SURFACES: dict[str, set[str]] = {
    "message": EVERYWHERE
    | TABLES
    | {"carousel", "container", "context_actions", "markdown", "plan", "task_card"},
    "modal": EVERYWHERE | {"alert"},
    "home": EVERYWHERE | TABLES | {"carousel"},
}
# docs.slack.dev/reference/block-kit/block-elements, "Surfaces".
NOT_ON = {"message": MODAL_INPUTS, "home": MODAL_INPUTS | {"datetimepicker"}, "modal": set()}


def check_blocks(blocks: Any, surface: str, path: str, report: Report) -> None:
    """Each block by its shape, and what must hold among them."""
    most = MESSAGE_BLOCKS_MAX if surface == "message" else VIEW_BLOCKS_MAX
    rules = {kind: rule for kind, rule in SHAPES.items() if kind in SURFACES[surface]}
    many(by_type(rules), 1, most)(blocks, path, report)
    if report.messages:
        return
    for index, one in enumerate(blocks):
        if one["type"] == "container":
            inner = {kind: rules[kind] for kind in rules if kind != "container"}
            at = f"{path}/{index}/child_blocks"
            many(by_type(inner), 1, 10)(one["child_blocks"], at, report)
    ids = Counter(one["block_id"] for one in blocks if one.get("block_id"))
    for block_id, times in ids.items():
        if times > 1:
            report.add(f"block_id {block_id} already exists for a different block", path)
    for index, one in enumerate(blocks):
        names = Counter(element["action_id"] for _, element in elements_of([one]))
        for action_id, times in names.items():
            if times > 1:
                what = f"action_id {action_id} already exists for a different element"
                report.add(what, f"{path}/{index}/elements")
        element = one.get("element", {})
        if element.get("type") in NOT_ON[surface]:
            report.add(f"unsupported type: {element['type']}", f"{path}/{index}/element/type")


def check_message(blocks: list[Json], report: Report) -> None:
    """What holds for the blocks of one message together."""
    kinds = Counter(str(one["type"]) for one in blocks)
    if kinds["data_visualization"] > CHARTS_MAX:
        report.add(f"no more than {CHARTS_MAX} data_visualization blocks allowed", "/blocks")
    if kinds["table"] > 1:
        report.add("only_one_table_allowed", "/blocks")
    plain = [one for one in blocks if one["type"] not in TABLES]
    markdown = sum(len(one["text"]) for one in blocks if one["type"] == "markdown")
    if markdown > MARKDOWN_CHARS_MAX or sum(map(len, strings(plain))) > MESSAGE_CHARS_MAX:
        raise RefusedError("msg_blocks_too_long")


def named(blocks: list[Json]) -> list[Json]:
    """The blocks with the ids that Slack gives where none was sent."""
    found: list[Json] = json.loads(json.dumps(blocks))
    for one in found:
        one.setdefault("block_id", f"b{next(_ids):04d}")
        inner = [*one.get("elements", ()), *one.get("actions", ())]
        inner += [one[name] for name in ("accessory", "element") if name in one]
        for element in inner:
            if element.get("type") in ELEMENTS and element["type"] != "image":
                element.setdefault("action_id", f"a{next(_ids):04d}")
        if "child_blocks" in one:
            one["child_blocks"] = named(one["child_blocks"])
        if one["type"] == "carousel":
            one["elements"] = named(one["elements"])
    return found


def checked_blocks(blocks: Any, surface: str) -> list[Json]:
    """The blocks with their ids filled in, or `invalid_blocks` with what is wrong."""
    if not isinstance(blocks, list):
        raise RefusedError("invalid_blocks_format")
    report = Report()
    check_blocks(blocks, surface, "/blocks", report)
    if not report.messages and surface == "message":
        check_message(blocks, report)
    if report.messages:
        raise RefusedError("invalid_blocks", *report.messages)
    return named(blocks)


VIEW: dict[str, Rule] = {
    "type": anything,
    "blocks": anything,
    "private_metadata": string(3000, 0),
    "callback_id": string(255, 0),
    "external_id": string(255, 0),
}
VIEWS = {
    "modal": Shape(
        {
            **VIEW,
            "title": text(24, PLAIN),
            "submit": text(24, PLAIN),
            "close": text(24, PLAIN),
            "clear_on_close": boolean,
            "notify_on_close": boolean,
            "submit_disabled": boolean,
        },
        ("title", "blocks"),
    ),
    "home": Shape(VIEW, ("blocks",)),
}


def checked_view(view: Any, kinds: tuple[str, ...]) -> Json:
    """The view with its ids filled in, or `invalid_arguments` with what is wrong."""
    report = Report()
    by_type({kind: VIEWS[kind] for kind in kinds})(view, "/view", report)
    if not report.messages:
        check_blocks(view["blocks"], view["type"], "/view/blocks", report)
    if not report.messages:
        has_input = any(one["type"] == "input" for one in view["blocks"])
        if view["type"] == "modal" and has_input and not view.get("submit"):
            report.add("missing required field: submit", "/view")
        focused = [e for _, e in elements_of(view["blocks"]) if e.get("focus_on_load")]
        if len(focused) > 1:
            report.add("only one element may have focus_on_load", "/view/blocks")
    if report.messages:
        raise RefusedError("invalid_arguments", *report.messages)
    return {**view, "blocks": named(view["blocks"])}
