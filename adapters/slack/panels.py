"""Panels as Block Kit: messages, modals and App Home. Nothing here speaks to anybody.

A button carries its action whole, and the block around it the message that it is about, so both
work after a restart. What is too long for Slack is cut here; the plain twin goes along as `text`.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

from adapters.slack.markup import cut, escaped, harmless, is_marked, mrkdwn, rich, unmarked
from bot.figures import bar
from bot.panels import Action, Chart, Form, Gauge, Panel, Table
from bot.panels import Field as Input

Json = dict[str, Any]
Place = Literal["message", "view"]

# Limits of Block Kit, docs.slack.dev/reference/block-kit.
SECTION_CHARS_MAX = 3_000
HEADER_CHARS_MAX = 150
BUTTON_CHARS_MAX = 75
VIEW_TITLE_CHARS_MAX = 24
LABEL_CHARS_MAX = 2_000
BUTTONS_MAX = 25
OPTIONS_MAX = 100
OVERFLOW_MAX = 5
ROWS_MAX = 100
COLUMNS_MAX = 20
CHART_TITLE_CHARS_MAX = 50
CHART_LABEL_CHARS_MAX = 20
BARS_MAX = 20
MESSAGE_BLOCKS_MAX = 50
VIEW_BLOCKS_MAX = 100
TEXT_CHARS_MAX = 3_000
# The markdown blocks of one message may have so many characters together.
MARKDOWN_CHARS_MAX = 12_000

DO, CHOOSE, RATE, INPUT = "do", "choose", "rate", "v"
_FULL, _MOST = 100, 75


class Click(NamedTuple):
    """What a button carries: its action, and the message that it is about (empty: none)."""

    name: str
    subject: str
    owner: str
    about: str


def packed(action: Action) -> str:
    """An action as the value of a button."""
    parts = [action.name, action.subject, action.owner]
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":"))


def unpacked(value: str, block_id: str) -> Click | None:
    """What `packed` wrote; None for what is not ours, such as a button of an older version."""
    try:
        name, subject, owner = json.loads(value)
    except (TypeError, ValueError):
        return None
    if not all(isinstance(part, str) for part in (name, subject, owner)):
        return None
    return Click(name, subject, owner, block_id.partition(" ")[0])


def card(
    panel: Panel, place: Place = "message", *, about: str = "", plain: bool = False
) -> list[Json]:
    """A panel as blocks. `plain` does without what an older workspace may refuse."""
    found: list[Json] = [_title(panel.title)]
    found += [section(text) for text in _joined(panel.lines)]
    found += [section(_gauge(gauge)) for gauge in panel.gauges]
    if panel.chart is not None and panel.chart.bars:
        fancy = place == "message" and not plain and len(panel.chart.bars) <= BARS_MAX
        found.append(_chart(panel.chart) if fancy else section(_bars(panel.chart)))
    if panel.table is not None:
        fancy = place == "message" and not plain
        found += [_table(panel.table)] if fancy else _rows(panel.table)
    if panel.footer:
        found.append(context(panel.footer))
    found += buttons(panel.actions, about)
    return found[: MESSAGE_BLOCKS_MAX if place == "message" else VIEW_BLOCKS_MAX]


def section(text: str) -> Json:
    """A paragraph of our own words."""
    return {"type": "section", "text": _mrkdwn(text)}


def context(text: str) -> Json:
    """Small print of our own words."""
    return {"type": "context", "elements": [_mrkdwn(text)]}


def markdown(text: str) -> Json:
    """What a model wrote."""
    return {"type": "markdown", "text": harmless(text)}


def buttons(actions: Sequence[Action], about: str = "") -> list[Json]:
    """Actions side by side, as many blocks as they need."""
    return [
        {
            "type": "actions",
            "block_id": f"{about} {start}",
            "elements": [
                _button(a, start + n) for n, a in enumerate(actions[start : start + BUTTONS_MAX])
            ],
        }
        for start in range(0, len(actions), BUTTONS_MAX)
    ]


def is_stop(block: Json) -> bool:
    """Whether this is the button alone that stops a growing answer."""
    values = [element.get("value") for element in block.get("elements") or ()]
    clicks = [unpacked(value, "") for value in values if isinstance(value, str)]
    return block.get("type") == "actions" and [c.name for c in clicks if c is not None] == ["stop"]


def ending(actions: Sequence[Action], about: str) -> list[Json]:
    """What stands below an answer: thumbs, what matters now as a button, the rest in a menu."""
    found: list[Json] = []
    by_name = {action.name: action for action in actions}
    good, bad = by_name.get("good"), by_name.get("bad")
    if good is not None and bad is not None:
        found.append(_thumbs(good, bad, about))
    rest = [action for action in actions if action.name not in {"good", "bad"}]
    shown = [action for action in rest if action.style == "primary" or action.name == "onward"]
    menu = [action for action in rest if action not in shown][:OVERFLOW_MAX]
    elements = [_button(action, number) for number, action in enumerate(shown)]
    if len(menu) == 1:
        elements.append(_button(menu[0], len(shown)))
    elif menu:
        options = [_option(packed(action), action.label) for action in menu]
        elements.append({"type": "overflow", "action_id": CHOOSE, "options": options})
    if elements:
        found.append({"type": "actions", "block_id": f"{about} 0", "elements": elements})
    return found


def _thumbs(good: Action, bad: Action, about: str) -> Json:
    element = {
        "type": "feedback_buttons",
        "action_id": RATE,
        "positive_button": {"text": _label(good.label), "value": packed(good)},
        "negative_button": {"text": _label(bad.label), "value": packed(bad)},
    }
    return {"type": "context_actions", "block_id": f"{about} {RATE}", "elements": [element]}


def _button(action: Action, number: int) -> Json:
    found: Json = {
        "type": "button",
        "action_id": f"{DO} {number}",
        "text": _label(action.label),
        "value": packed(action),
    }
    if action.style != "plain":
        found["style"] = action.style
    return found


def _label(text: str, most: int = BUTTON_CHARS_MAX) -> Json:
    return {"type": "plain_text", "text": cut(unmarked(text), most) or "–", "emoji": True}


def _option(value: str, label: str) -> Json:
    return {"text": _label(label), "value": value}


def _mrkdwn(text: str) -> Json:
    return {"type": "mrkdwn", "text": _cut_markup(text) or " "}


def _cut_markup(text: str) -> str:
    """Cut before it is escaped: what is cut behind must not end within an entity."""
    most, found = SECTION_CHARS_MAX, mrkdwn(text)
    while len(found) > SECTION_CHARS_MAX:
        most -= max(1, len(found) - SECTION_CHARS_MAX)
        found = mrkdwn(cut(unmarked(text), most))
    return found


def _title(text: str) -> Json:
    if is_marked(text):
        return {"type": "section", "text": {"type": "mrkdwn", "text": f"*{mrkdwn(text)}*"}}
    return {"type": "header", "text": _label(text, HEADER_CHARS_MAX)}


def _joined(lines: Sequence[str]) -> Iterator[str]:
    """Lines together in as few paragraphs as fit."""
    together = ""
    for line in lines:
        longer = f"{together}\n{line}" if together else line
        if together and len(mrkdwn(longer)) > SECTION_CHARS_MAX:
            yield together
            longer = line
        together = longer
    if together:
        yield together


def _gauge(gauge: Gauge) -> str:
    shown = f"{gauge.label}  {cells(gauge.percent)}  {gauge.numbers}"
    return f"{shown}\n{gauge.detail}" if gauge.detail else shown


def cells(percent: int | None) -> str:
    """The bar in coloured squares; its numbers always stand beside it."""
    if percent is None:
        return bar(percent)
    full = "🟥" if percent >= _FULL else "🟨" if percent >= _MOST else "🟩"
    return bar(percent).replace("█", full).replace("░", "⬜")


def _chart(chart: Chart) -> Json:
    bars = [
        (cut(unmarked(label), CHART_LABEL_CHARS_MAX) or "–", value) for label, value in chart.bars
    ]
    data = [{"label": label, "value": value} for label, value in bars]
    return {
        "type": "data_visualization",
        "title": cut(unmarked(chart.title), CHART_TITLE_CHARS_MAX) or "–",
        "chart": {
            "type": "bar",
            "series": [{"name": chart.unit, "data": data}],
            "axis_config": {"categories": [label for label, _ in bars]},
        },
    }


def _bars(chart: Chart) -> str:
    """The same in letters, for where Slack draws no charts."""
    most = max(value for _, value in chart.bars) or 1
    rows = [chart.title]
    rows += [f"{bar(value * _FULL // most)}  {label}  {value:,}" for label, value in chart.bars]
    return "\n".join(rows)


def _table(table: Table) -> Json:
    columns = table.columns[:COLUMNS_MAX]
    head = [{"type": "raw_text", "text": name or "–"} for name in columns]
    rows = [[_cell(text) for text in row[: len(columns)]] for row in table.rows[: ROWS_MAX - 1]]
    return {"type": "table", "rows": [head, *rows]}


def _cell(text: str) -> Json:
    if is_marked(text):
        return {
            "type": "rich_text",
            "elements": [{"type": "rich_text_section", "elements": rich(text)}],
        }
    return {"type": "raw_text", "text": unmarked(text) or "–"}


def _rows(table: Table) -> list[Json]:
    lines = [" · ".join(part for part in row if part) for row in table.rows[: ROWS_MAX - 1]]
    return [context(" · ".join(table.columns)), *(section(text) for text in _joined(lines))]


# Forms.


def form_view(form: Form, close: str, groups: Sequence[str], memory: Json) -> Json:
    """A form as a modal; `memory` comes back with what was filled in."""
    blocks = [_input(field, groups) for field in form.fields]
    if len(form.title) > VIEW_TITLE_CHARS_MAX:
        blocks.insert(0, section(form.title))
    return {
        "type": "modal",
        "callback_id": form.name,
        "title": _label(form.title, VIEW_TITLE_CHARS_MAX),
        "submit": _label(form.submit, VIEW_TITLE_CHARS_MAX),
        "close": _label(close, VIEW_TITLE_CHARS_MAX),
        "private_metadata": json.dumps(memory, separators=(",", ":")),
        "blocks": blocks,
    }


def shown_view(title: str, blocks: Sequence[Json], close: str, memory: Json | None = None) -> Json:
    """A modal that only shows something."""
    return {
        "type": "modal",
        "title": _label(title, VIEW_TITLE_CHARS_MAX),
        "close": _label(close, VIEW_TITLE_CHARS_MAX),
        "private_metadata": json.dumps(memory or {}, separators=(",", ":")),
        "blocks": list(blocks)[:VIEW_BLOCKS_MAX],
    }


def _input(field: Input, groups: Sequence[str]) -> Json:
    found: Json = {
        "type": "input",
        "block_id": field.name,
        "label": _label(field.label, LABEL_CHARS_MAX),
        "optional": not field.required,
        "element": {"action_id": INPUT, **_element(field, groups)},
    }
    if field.hint:
        found["hint"] = _label(field.hint, LABEL_CHARS_MAX)
    return found


def _element(field: Input, groups: Sequence[str]) -> Json:
    match field.kind:
        case "member":
            return _preset({"type": "users_select"}, "initial_user", field.value)
        case "channel":
            kinds = {"include": ["public", "private"], "exclude_bot_users": True}
            select = {"type": "conversations_select", "filter": kinds}
            return _preset(select, "initial_conversation", field.value)
        case "choice" if field.choices:
            return _select(field.choices, field.value)
        case "number":
            number = {"type": "number_input", "is_decimal_allowed": True}
            return _preset(number, "initial_value", field.value)
        case "role" if groups:
            return _select([(name, f"@{name}") for name in groups], field.value)
        case _:
            most = min(field.chars_max, SECTION_CHARS_MAX)
            typed = {
                "type": "plain_text_input",
                "multiline": field.kind == "long",
                "max_length": most,
            }
            return _preset(typed, "initial_value", field.value[:most])


def _preset(element: Json, key: str, value: str) -> Json:
    return {**element, key: value} if value else element


def _select(choices: Sequence[tuple[str, str]], value: str) -> Json:
    options = {key: _option(key, label) for key, label in choices[:OPTIONS_MAX]}
    found: Json = {"type": "static_select", "options": list(options.values())}
    if value in options:
        found["initial_option"] = options[value]
    return found


def filled_in(state: Json) -> dict[str, str]:
    """What was filled into a form, by the names of its fields."""
    values: dict[str, str] = {}
    for name, inputs in state.get("values", {}).items():
        for element in inputs.values():
            option = element.get("selected_option") or {}
            value = (
                element.get("value")
                or option.get("value")
                or element.get("selected_user")
                or element.get("selected_conversation")
            )
            values[name] = value or ""
    return values


def notification(text: str) -> str:
    """The plain twin of blocks: for notifications and screen readers."""
    return cut(escaped(unmarked(text)), TEXT_CHARS_MAX)
