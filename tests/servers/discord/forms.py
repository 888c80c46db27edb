"""What a person chooses or writes, checked as a client does and put the way an app reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tests.servers.discord.components import (
    CHECKBOX,
    CHECKBOXES,
    FILE_UPLOAD,
    LABEL,
    RADIO,
    ROW,
    STRING_SELECT,
    TEXT_INPUT,
)
from tests.servers.discord.errors import Json
from tests.servers.discord.models import Channel, File, Modal, Role
from tests.servers.discord.payloads import attachment_json, channel_json, role_json

if TYPE_CHECKING:
    from tests.servers.discord.acting import Acting

Found = dict[str, list[Any]]

STRING, INTEGER, BOOLEAN, NUMBER = 3, 4, 5, 10


def resolve(who: Acting, value: Any, found: Found) -> str:
    """Note the object behind what was chosen; give its id."""
    if isinstance(value, Role):
        found.setdefault("roles", []).append((str(value.id), role_json(value)))
    elif isinstance(value, Channel):
        shown = channel_json(value, person=who.person)
        found.setdefault("channels", []).append((str(value.id), shown))
    elif isinstance(value, File):
        made = who.world.attach(who.dm, value)
        found.setdefault("attachments", []).append((str(made.id), attachment_json(made)))
        return str(made.id)
    elif hasattr(value, "person"):
        found.setdefault("users", []).append(value.person)
        return str(value.person.id)
    else:
        message = f"{value!r} is no person, role, channel or file"
        raise AssertionError(message)
    return str(value.id)


def option_values(
    who: Acting, leaf: Json, given: Mapping[str, Any], *, partial: bool = False
) -> tuple[list[Json], Found]:
    """The options of a command as the app gets them."""
    options = {option["name"]: option for option in leaf.get("options") or ()}
    unknown = set(given) - set(options)
    assert not unknown, f"{leaf['name']} has no options {unknown}, but {[*options]}"
    missing = {name for name, each in options.items() if each.get("required")} - set(given)
    who.offered(partial or not missing, f"{leaf['name']} needs {missing}")
    chosen: list[Json] = []
    found: Found = {}
    for name, value in given.items():
        option = options[name]
        kind = option["type"]
        plain = kind in {STRING, INTEGER, BOOLEAN, NUMBER}
        sent = _plain(who, option, value) if plain else resolve(who, value, found)
        chosen.append({"name": name, "type": kind, "value": sent})
    return chosen, found


def _plain(who: Acting, option: Json, value: Any) -> Any:
    name, kind = option["name"], option["type"]
    types = {STRING: str, INTEGER: int, BOOLEAN: bool, NUMBER: (int, float)}
    assert isinstance(value, types[kind]), f"{name} is of another type than {value!r}"  # type: ignore[arg-type]  # a tuple of types is one
    choices = option.get("choices")
    if choices:
        by_name = {choice["name"]: choice["value"] for choice in choices}
        value = by_name.get(value, value)
        who.offered(value in by_name.values(), f"{name} has only {by_name}")
    if kind == STRING:
        longest = option.get("max_length", 6000)
        who.offered(len(value) <= longest, f"{name} takes {longest} characters at most")
        who.offered(len(value) >= option.get("min_length", 0), f"{name} is too short")
    elif kind in {INTEGER, NUMBER}:
        who.offered(value >= option.get("min_value", -(2**53)), f"{name} is too small")
        who.offered(value <= option.get("max_value", 2**53), f"{name} is too large")
    return value


def menu_values(who: Acting, menu: Json, values: Sequence[Any]) -> tuple[list[str], Found]:
    """What was picked from a menu; string options by their labels or values."""
    found: Found = {}
    if menu["type"] in {STRING_SELECT, RADIO, CHECKBOXES}:
        chosen = [_option(who, menu, each) for each in values]
    else:
        chosen = [resolve(who, each, found) for each in values]
    least = menu.get("min_values", 1) if menu.get("required", True) else 0
    most = menu.get("max_values", len(menu["options"]) if menu["type"] == CHECKBOXES else 1)
    who.offered(least <= len(chosen) <= most, f"choose {least} to {most}")
    return chosen, found


def _option(who: Acting, menu: Json, chosen: str) -> str:
    for option in menu["options"]:
        if chosen in {option["label"], option["value"]}:
            return str(option["value"])
    who.offered(offered=False, why=f"{chosen!r} is not in {menu['options']}")
    return chosen


def modal_values(who: Acting, modal: Modal, answers: Mapping[str, Any]) -> tuple[list[Json], Found]:
    """The inputs of a form with what was written, nested as they were sent."""
    left = dict(answers)
    found: Found = {}
    components: list[Json] = []
    for number, top in enumerate(modal.payload["components"], 1):
        base: Json = {"type": top["type"], "id": top.get("id") or number}
        if top["type"] == LABEL:
            answer = _take(left, top["label"], top["component"])
            base["component"] = _input(who, top["component"], answer, found)
        elif top["type"] == ROW:
            inner = top["components"][0]
            answer = _take(left, inner.get("label", ""), inner)
            base["components"] = [_input(who, inner, answer, found)]
        components.append(base)
    assert not left, f"the form {modal.title!r} has no inputs {[*left]}, but {[*modal.fields]}"
    return components, found


def _take(answers: dict[str, Any], label: str, component: Json) -> Any:
    for key in (label, component["custom_id"]):
        if key in answers:
            return answers.pop(key)
    return None


def _input(who: Acting, field: Json, answer: Any, found: Found) -> Json:
    kind = field["type"]
    base: Json = {"type": kind, "id": field.get("id") or 100, "custom_id": field["custom_id"]}
    must = field.get("required", True)
    if kind == TEXT_INPUT:
        text = field.get("value") or "" if answer is None else answer
        least, most = field.get("min_length", 0), field.get("max_length", 4000)
        who.offered(text or not must, f"{field['custom_id']} must be filled in")
        fits = least <= len(text) <= most or (not text and not must)
        who.offered(fits, f"{field['custom_id']} takes {least} to {most} characters")
        return base | {"value": text}
    if kind == CHECKBOX:
        return base | {"value": bool(field.get("default") if answer is None else answer)}
    if kind == RADIO:
        usual = [o["value"] for o in field["options"] if o.get("default")]
        chosen = usual if answer is None else [_option(who, field, answer)]
        who.offered(chosen or not must, f"{field['custom_id']} must be chosen")
        return base | {"value": chosen[0] if chosen else None}
    values = [] if answer is None else answer
    values = values if isinstance(values, list | tuple) else [values]
    if kind == FILE_UPLOAD:
        least = field.get("min_values", 1) if must else 0
        fits = least <= len(values) <= field.get("max_values", 1)
        who.offered(fits, f"{field['custom_id']} takes another number of files")
        return base | {"values": [resolve(who, each, found) for each in values]}
    if answer is None:
        values = [o["value"] for o in field.get("options", ()) if o.get("default")]
    chosen, more = menu_values(who, field, values)
    for each_kind, objects in more.items():
        found.setdefault(each_kind, []).extend(objects)
    return base | {"values": chosen}
