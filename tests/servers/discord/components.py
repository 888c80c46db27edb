"""What components a message or a form may have (components/reference).

The most that a message shows in text displays, 4,000 characters, is in no document of that page:
it is what the API says in COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from tests.servers.discord.errors import Form, Json, Path
from tests.servers.discord.models import walk

ROW, BUTTON, STRING_SELECT, TEXT_INPUT = 1, 2, 3, 4
USER_SELECT, ROLE_SELECT, MENTIONABLE_SELECT, CHANNEL_SELECT = 5, 6, 7, 8
SECTION, TEXT_DISPLAY, THUMBNAIL, GALLERY, FILE, SEPARATOR = 9, 10, 11, 12, 13, 14
CONTAINER, LABEL, FILE_UPLOAD, RADIO, CHECKBOXES, CHECKBOX = 17, 18, 19, 21, 22, 23

SELECTS = (STRING_SELECT, USER_SELECT, ROLE_SELECT, MENTIONABLE_SELECT, CHANNEL_SELECT)
IN_ROW = (BUTTON, *SELECTS)
IN_CONTAINER = (ROW, SECTION, TEXT_DISPLAY, GALLERY, FILE, SEPARATOR)
IN_V2 = (*IN_CONTAINER, CONTAINER)
IN_MODAL = (ROW, TEXT_DISPLAY, LABEL)
IN_LABEL = (TEXT_INPUT, *SELECTS, FILE_UPLOAD, RADIO, CHECKBOXES, CHECKBOX)
WITH_CUSTOM_ID = (*SELECTS, TEXT_INPUT, FILE_UPLOAD, RADIO, CHECKBOXES, CHECKBOX)

COMPONENTS_MAX, DISPLAYED_MAX = 40, 4000


def check_message(components: Sequence[Any], form: Form, *, v2: bool, files: set[str]) -> None:
    """Check what a message shows; `files` are those it carries."""
    at: Path = ("components",)
    if not v2 and len(components) > 5:
        form.wrong(at, "BASE_TYPE_MAX_LENGTH", "Must be 5 or fewer in length.")
    _children(components, at, IN_V2 if v2 else (ROW,), form)
    everything = walk(list(components))
    if len(everything) > COMPONENTS_MAX:
        message = f"The maximum number of components allowed is {COMPONENTS_MAX}"
        form.wrong(at, "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED", message)
    shown = sum(len(str(c.get("content", ""))) for c in everything if c.get("type") == TEXT_DISPLAY)
    if shown > DISPLAYED_MAX:
        message = f"The total length of text displays may not exceed {DISPLAYED_MAX}"
        form.wrong(at, "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED", message)
    _unique(everything, at, form)
    for url in _media(everything):
        name = url.removeprefix("attachment://")
        if name != url and name not in files:
            message = f"The referenced attachment {name!r} was not found"
            form.wrong(at, "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND", message)


def check_modal(data: Json, form: Form) -> None:
    """Check a form: title, custom id, and one to five inputs (receiving-and-responding)."""
    form.text(data, "custom_id", ("data",), 1, 100, must=True)
    form.text(data, "title", ("data",), 1, 45, must=True)
    components = form.array(data, "components", ("data",), 1, 5)
    _children(components, ("data", "components"), IN_MODAL, form, modal=True)
    everything = walk(list(components))
    for each in everything:
        if each.get("disabled"):
            form.wrong(("data", "components"), "COMPONENT_MODAL_DISABLED", "No disabled inputs")
    _unique(everything, ("data", "components"), form)


def number_them(components: list[Json]) -> list[Json]:
    """Give each component without an id the next free one, as the API does."""
    taken = {each["id"] for each in walk(components) if each.get("id")}
    free = 0
    for each in walk(components):
        if not each.get("id"):
            free += 1
            while free in taken:
                free += 1
            each["id"] = free
    return components


def _children(
    components: Iterable[Any], at: Path, allowed: Sequence[int], form: Form, *, modal: bool = False
) -> None:
    for index, each in enumerate(components):
        _component(each, (*at, index), allowed, form, modal=modal)


def _component(
    each: Any, at: Path, allowed: Sequence[int], form: Form, *, modal: bool = False
) -> None:
    if not isinstance(each, dict) or each.get("type") not in allowed:
        message = f'Value of field "type" must be one of {tuple(allowed)}.'
        form.wrong((*at, "type"), "UNION_TYPE_CHOICES", message)
        return
    kind = each["type"]
    if kind in WITH_CUSTOM_ID:
        form.text(each, "custom_id", at, 1, 100, must=True)
    if kind == ROW:
        _row(each, at, form, modal=modal)
    elif kind == BUTTON:
        _button(each, at, form)
    elif kind in SELECTS:
        _select(each, at, form, modal=modal)
    elif kind in {RADIO, CHECKBOXES}:
        _group(each, at, form)
    elif kind == TEXT_INPUT:
        _text_input(each, at, form)
    elif kind == FILE_UPLOAD:
        _amounts(each, at, form, least=0, most=10, must_choose=each.get("required", True))
    elif kind == LABEL:
        form.text(each, "label", at, 1, 45, must=True)
        form.text(each, "description", at, 1, 100, must=False)
        _component(each.get("component"), (*at, "component"), IN_LABEL, form, modal=True)
    else:
        _layout(each, kind, at, form)


def _layout(each: Json, kind: int, at: Path, form: Form) -> None:
    if kind == TEXT_DISPLAY:
        form.text(each, "content", at, 1, DISPLAYED_MAX, must=True)
    elif kind == SECTION:
        texts = form.array(each, "components", at, 1, 3)
        _children(texts, (*at, "components"), (TEXT_DISPLAY,), form)
        _component(each.get("accessory"), (*at, "accessory"), (BUTTON, THUMBNAIL), form)
    elif kind == CONTAINER:
        inner = form.array(each, "components", at, 1, COMPONENTS_MAX)
        _children(inner, (*at, "components"), IN_CONTAINER, form)
        form.number(each, "accent_color", at, 0, 0xFFFFFF, 0)
    elif kind == SEPARATOR:
        form.choice(each, "spacing", at, (1, 2), must=False)
    elif kind == GALLERY:
        for index, item in enumerate(form.array(each, "items", at, 1, 10)):
            form.text(item, "description", (*at, "items", index), 1, 1024, must=False)
    elif kind == THUMBNAIL:
        form.text(each, "description", at, 1, 1024, must=False)
        if not each.get("media"):
            form.required((*at, "media"))
    elif kind == FILE and not str(each.get("file", {}).get("url", "")).startswith("attachment://"):
        message = "Only attachment:// references are allowed"
        form.wrong((*at, "file", "url"), "UNFURLED_MEDIA_ITEM_INVALID", message)


def _row(row: Json, at: Path, form: Form, *, modal: bool) -> None:
    inner = form.array(row, "components", at, 1, 5)
    _children(inner, (*at, "components"), (TEXT_INPUT,) if modal else IN_ROW, form, modal=modal)
    kinds = [each.get("type") for each in inner if isinstance(each, dict)]
    if len(kinds) > 1 and set(kinds) != {BUTTON}:
        message = "A select or a text input takes a whole row"
        form.wrong((*at, "components"), "COMPONENT_LAYOUT_WIDTH_EXCEEDED", message)


def _button(button: Json, at: Path, form: Form) -> None:
    form.choice(button, "style", at, (1, 2, 3, 4, 5, 6), must=True)
    form.text(button, "label", at, 0, 80, must=False)
    style = button.get("style")
    if style == 5:
        form.text(button, "url", at, 1, 512, must=True)
        if button.get("custom_id") is not None:
            message = "A custom id and url cannot both be specified"
            form.wrong((*at, "custom_id"), "COMPONENT_CUSTOM_ID_AND_URL", message)
    elif style == 6:
        if not button.get("sku_id"):
            form.required((*at, "sku_id"))
    else:
        form.text(button, "custom_id", at, 1, 100, must=True)
        if button.get("url") is not None:
            message = "A custom id and url cannot both be specified"
            form.wrong((*at, "url"), "COMPONENT_CUSTOM_ID_AND_URL", message)
    if style != 6 and not button.get("label") and not button.get("emoji"):
        form.wrong(at, "BUTTON_COMPONENT_MISSING_LABEL_OR_EMOJI", "A label or emoji is required")


def _select(select: Json, at: Path, form: Form, *, modal: bool) -> None:
    form.text(select, "placeholder", at, 0, 150, must=False)
    must_choose = modal and select.get("required", True)
    most = _amounts(select, at, form, least=0, most=25, must_choose=must_choose)
    if select["type"] == STRING_SELECT:
        options = form.array(select, "options", at, 1, 25)
        _options(options, (*at, "options"), form)
        if most > len(options):
            message = f"int value should be less than or equal to {len(options)}."
            form.wrong((*at, "max_values"), "NUMBER_TYPE_MAX", message)


def _group(group: Json, at: Path, form: Form) -> None:
    radio = group["type"] == RADIO
    options = form.array(group, "options", at, 2 if radio else 1, 10)
    _options(options, (*at, "options"), form)
    if not radio:
        must = group.get("required", True)
        _amounts(group, at, form, least=0, most=10, must_choose=must)


def _options(options: Sequence[Any], at: Path, form: Form) -> None:
    values: set[str] = set()
    for index, option in enumerate(options):
        form.text(option, "label", (*at, index), 1, 100, must=True)
        form.text(option, "value", (*at, index), 1, 100, must=True)
        form.text(option, "description", (*at, index), 0, 100, must=False)
        value = str(option.get("value"))
        if value in values:
            message = "The specified option value is already used"
            form.wrong((*at, index, "value"), "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", message)
        values.add(value)


def _amounts(each: Json, at: Path, form: Form, *, least: int, most: int, must_choose: bool) -> int:
    lowest = form.number(each, "min_values", at, least, most, 1)
    highest = form.number(each, "max_values", at, 1, most, 1)
    if must_choose and lowest < 1:
        message = "min_values must be at least 1 where an answer is required"
        form.wrong((*at, "min_values"), "COMPONENT_REQUIRED_MIN_VALUES", message)
    if highest < lowest and each.get("max_values") is not None:
        message = f"int value should be greater than or equal to {lowest}."
        form.wrong((*at, "max_values"), "NUMBER_TYPE_MIN", message)
    return highest


def _text_input(field: Json, at: Path, form: Form) -> None:
    form.choice(field, "style", at, (1, 2), must=True)
    form.text(field, "label", at, 1, 45, must=False)
    form.text(field, "placeholder", at, 0, 100, must=False)
    form.text(field, "value", at, 0, 4000, must=False)
    lowest = form.number(field, "min_length", at, 0, 4000, 0)
    highest = form.number(field, "max_length", at, 1, 4000, 4000)
    if highest < lowest:
        message = f"int value should be greater than or equal to {lowest}."
        form.wrong((*at, "max_length"), "NUMBER_TYPE_MIN", message)


def _unique(everything: list[Json], at: Path, form: Form) -> None:
    for key, code in (
        ("custom_id", "COMPONENT_CUSTOM_ID_DUPLICATED"),
        ("id", "COMPONENT_ID_DUPLICATED"),
    ):
        seen: set[Any] = set()
        for each in everything:
            value = each.get(key)
            if value and value in seen:
                form.wrong(at, code, f"Component {key} cannot be duplicated: {value}")
            seen.add(value)


def _media(everything: list[Json]) -> list[str]:
    items = [each.get("file") or each.get("media") or {} for each in everything]
    items += [item.get("media", {}) for each in everything for item in each.get("items", ())]
    return [str(item["url"]) for item in items if isinstance(item, dict) and item.get("url")]
