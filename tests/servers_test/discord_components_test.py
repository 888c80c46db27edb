"""Which components the double takes and which it refuses, sent as plain JSON."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.servers.discord import Discord
from tests.servers_test.discord_kit import Wire, on_the_wire

V2 = 1 << 15
Json = dict[str, Any]


def row(*inner: Json) -> Json:
    return {"type": 1, "components": [*inner]}


def button(custom_id: str = "b", **more: Any) -> Json:
    return {"type": 2, "style": 1, "label": "Press", "custom_id": custom_id} | more


def menu(count: int = 2, **more: Any) -> Json:
    options = [{"label": f"o{n}", "value": f"v{n}"} for n in range(count)]
    return {"type": 3, "custom_id": "m", "options": options} | more


def text(content: str = "words") -> Json:
    return {"type": 10, "content": content}


def section(*texts: Json, accessory: Json | None = None) -> Json:
    return {"type": 9, "components": [*texts], "accessory": accessory or button("s")}


def box(*inner: Json, **more: Any) -> Json:
    return {"type": 17, "components": [*inner]} | more


THUMBNAIL = {"type": 11, "media": {"url": "https://example.org/a.png"}}
GALLERY = {"type": 12, "items": [{"media": {"url": "https://example.org/a.png"}}]}
LINK = {"type": 2, "style": 5, "label": "Docs", "url": "https://example.org"}

TAKEN: list[list[Json]] = [
    [row(button("1"), button("2"), button("3"), button("4"), button("5"))],
    [row(menu(25, min_values=0, max_values=25))],
    [row({"type": 6, "custom_id": "roles", "max_values": 25})],
    [row(LINK, button(label=None, emoji={"name": "🛑"}))],
    [row(button("x" * 100, label="y" * 80))] + [row(button(str(n))) for n in range(4)],
]

REFUSED: list[tuple[list[Json], str]] = [
    ([row()], "components.0.components"),
    ([row(*[button(str(n)) for n in range(6)])], "Must be between 1 and 5 in length."),
    ([row(button(str(n))) for n in range(6)], "Must be 5 or fewer in length."),
    ([row(menu(), button())], "takes a whole row"),
    ([row(button(label="x" * 81))], "label: Must be 80 or fewer in length."),
    ([row(button(label=None))], "A label or emoji is required"),
    ([row(button("x" * 101))], "custom_id: Must be between 1 and 100 in length."),
    ([row({"type": 2, "style": 1, "label": "x"})], "custom_id: This field is required"),
    ([row(button(style=7))], "style: Value must be one of"),
    ([row(button(url="https://example.org"))], "cannot both be specified"),
    ([row(LINK | {"custom_id": "b"})], "cannot both be specified"),
    ([row(LINK | {"url": "x" * 513})], "url: Must be between 1 and 512 in length."),
    ([row(button("same"), button("same"))], "custom_id cannot be duplicated"),
    ([row(menu(26))], "options: Must be between 1 and 25 in length."),
    ([row(menu(0))], "options: Must be between 1 and 25 in length."),
    ([row(menu(2, max_values=3))], "max_values: int value should be less than or equal to 2."),
    ([row(menu(2, min_values=2, max_values=1))], "max_values: int value should be greater"),
    ([row(menu(custom_id="x" * 101))], "custom_id: Must be between 1 and 100 in length."),
    ([row({"type": 5})], "custom_id: This field is required"),
    ([row(menu(placeholder="x" * 151))], "placeholder: Must be 150 or fewer in length."),
    ([row(menu(options=[{"label": "x" * 101, "value": "v"}]))], "label: Must be between 1 and 100"),
    ([row(menu(options=[{"label": "a", "value": "v" * 101}]))], "value: Must be between 1 and 100"),
    (
        [row(menu(options=[{"label": "a", "value": "v", "description": "x" * 101}]))],
        "description: Must be 100 or fewer in length.",
    ),
    ([row(menu(options=[{"label": "a", "value": "v"}] * 2))], "option value is already used"),
    ([row({"type": 4, "custom_id": "t", "style": 1})], 'Value of field "type" must be one of'),
    ([button()], 'Value of field "type" must be one of (1,).'),
    ([text()], 'Value of field "type" must be one of (1,).'),
    ([box(text())], 'Value of field "type" must be one of (1,).'),
]

TAKEN_V2: list[list[Json]] = [
    [text("x" * 4000)],
    [box(text("a"), section(text("b")), {"type": 14, "spacing": 2}, row(button()), GALLERY)],
    [section(text("1"), text("2"), text("3"), accessory=THUMBNAIL)],
    [text(str(n)) for n in range(40)],
    [box(text(), accent_color=0xFFFFFF, spoiler=True)],
]

REFUSED_V2: list[tuple[list[Json], str]] = [
    ([text("")], "content: This field is required"),
    ([text("x" * 4001)], "4000"),
    ([text("x" * 2000), text("y" * 2001)], "The total length of text displays"),
    ([text(str(n)) for n in range(41)], "Must be 40 or fewer in length."),
    (
        [box(*[text(str(n)) for n in range(20)]), box(*[text(str(n)) for n in range(19)])],
        "The maximum number of components allowed is 40",
    ),
    ([section()], "components: Must be between 1 and 3 in length."),
    ([section(*[text(str(n)) for n in range(4)])], "Must be between 1 and 3 in length."),
    ([{"type": 9, "components": [text()]}], "accessory.type"),
    ([section(text(), accessory=text())], "accessory.type"),
    ([section(button())], "components.0.components.0.type"),
    ([box(box(text()))], "components.0.components.0.type"),
    ([box()], "components.0.components"),
    ([box(text(), accent_color=0x1000000)], "accent_color"),
    ([button()], "components.0.type"),
    ([{"type": 14, "spacing": 3}], "spacing"),
    ([section(text(), accessory=THUMBNAIL | {"description": "x" * 1025})], "description: Must be"),
    ([section(text(), accessory={"type": 11})], "media: This field is required"),
    ([{"type": 12, "items": [THUMBNAIL | {"description": "x" * 1025}]}], "description: Must be"),
    ([{"type": 12, "items": []}], "items: Must be between 1 and 10 in length."),
    ([{"type": 13, "file": {"url": "https://example.org/a.txt"}}], "Only attachment://"),
    ([{"type": 13, "file": {"url": "attachment://a.txt"}}], "was not found"),
    ([text() | {"id": 4}, text() | {"id": 4}], "id cannot be duplicated"),
]


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with Discord(limited=False) as server, on_the_wire(server) as hands:
        yield hands


def where(wire: Wire) -> str:
    channel = wire.server.guild("Homework").channel("general")
    return f"POST /channels/{channel.id}/messages"


@pytest.mark.parametrize("components", TAKEN)
async def test_a_message_may_show_this_below_its_text(wire: Wire, components: list[Json]) -> None:
    await wire(where(wire), {"content": "choose", "components": components})


@pytest.mark.parametrize("components", TAKEN_V2)
async def test_a_message_of_components_may_be_this(wire: Wire, components: list[Json]) -> None:
    await wire(where(wire), {"flags": V2, "components": components})


@pytest.mark.parametrize(("components", "words"), REFUSED)
async def test_a_message_may_not_show_this_below_its_text(
    wire: Wire, components: list[Json], words: str
) -> None:
    refusal = await wire.refused(where(wire), {"content": "choose", "components": components})
    assert refusal[:2] == (400, 50035)
    assert words in refusal[2]


@pytest.mark.parametrize(("components", "words"), REFUSED_V2)
async def test_a_message_of_components_may_not_be_this(
    wire: Wire, components: list[Json], words: str
) -> None:
    refusal = await wire.refused(where(wire), {"flags": V2, "components": components})
    assert refusal[:2] == (400, 50035)
    assert words in refusal[2]


async def test_components_are_numbered_and_found_by_people(wire: Wire) -> None:
    components = [box(text("a"), section(text("b"), accessory=button("go", label="Go")))]
    made = await wire(where(wire), {"flags": V2, "components": components})
    message = wire.server.world.messages[int(made["id"])]
    assert message.text == "a\nb"
    assert message.buttons == ["Go"]
    assert [made["components"][0]["id"], made["components"][0]["components"][1]["id"]] == [1, 3]


# -- forms -------------------------------------------------------------------------------------


def label(component: Json, words: str = "Why", **more: Any) -> Json:
    return {"type": 18, "label": words, "component": component} | more


def field(custom_id: str = "f", **more: Any) -> Json:
    return {"type": 4, "custom_id": custom_id, "style": 1} | more


def choice(kind: int, count: int, **more: Any) -> Json:
    options = [{"label": f"o{n}", "value": f"v{n}"} for n in range(count)]
    return {"type": kind, "custom_id": "c", "options": options} | more


def form(*components: Json, title: str = "A form", custom_id: str = "form") -> Json:
    return {"title": title, "custom_id": custom_id, "components": [*components]}


FORMS_TAKEN: list[Json] = [
    form(label(field(max_length=4000, placeholder="x" * 100)), title="x" * 45),
    form(*[label(field(str(n)), "x" * 45, description="y" * 100) for n in range(5)]),
    form(row(field(label="Old"))),
    form(label(choice(21, 2)), label(choice(22, 10) | {"custom_id": "d"})),
    form(
        {"type": 10, "content": "read this"},
        label({"type": 6, "custom_id": "roles", "required": False, "min_values": 0}),
        label({"type": 19, "custom_id": "file", "max_values": 10}),
        label({"type": 23, "custom_id": "yes"}),
    ),
]

FORMS_REFUSED: list[tuple[Json, str]] = [
    (form(), "components: Must be between 1 and 5 in length."),
    (form(*[label(field(str(n))) for n in range(6)]), "Must be between 1 and 5 in length."),
    (form(label(field()), title="x" * 46), "title: Must be between 1 and 45 in length."),
    (form(label(field()), title=""), "title: This field is required"),
    (form(label(field()), custom_id="x" * 101), "custom_id: Must be between 1 and 100"),
    (form(label(field(), "x" * 46)), "label: Must be between 1 and 45 in length."),
    (form(label(field(), description="x" * 101)), "description: Must be between 1 and 100"),
    (form(label(field("a")), label(field("a"))), "custom_id cannot be duplicated"),
    (form(label(field(style=3))), "style: Value must be one of (1, 2)."),
    (form(label(field(max_length=4001))), "max_length: int value should be less than or equal"),
    (form(label(field(min_length=5, max_length=4))), "max_length: int value should be greater"),
    (form(label(field(value="x" * 4001))), "value: Must be 4000 or fewer in length."),
    (form(label(field(placeholder="x" * 101))), "placeholder: Must be 100 or fewer in length."),
    (form(label(button())), "component.type"),
    (form(row(field(label="x" * 46))), "label: Must be between 1 and 45 in length."),
    (form(row(button())), "components.0.components.0.type"),
    (form(section(text())), "components.0.type"),
    (form(label(choice(21, 1))), "options: Must be between 2 and 10 in length."),
    (form(label(choice(22, 11))), "options: Must be between 1 and 10 in length."),
    (form(label(choice(22, 2, min_values=0))), "min_values"),
    (form(label({"type": 5, "custom_id": "u", "min_values": 0})), "min_values"),
    (form(label({"type": 19, "custom_id": "x", "max_values": 11})), "max_values"),
    (form(label({"type": 5, "custom_id": "u", "disabled": True})), "No disabled inputs"),
]


async def open_form(wire: Wire, data: Json) -> tuple[int, int, str]:
    """Answer a command with this form; give the refusal, or none."""
    ana = wire.server.guild("Homework").member("ana")
    app = wire.server.bot.id
    command = {"name": "ask", "description": "for more"}
    await wire(f"PUT /applications/{app}/commands", [command])
    asked = ana.sends_slash(ana.guild.channel("general"), "ask")
    path = f"POST /interactions/{asked.id}/{asked.token}/callback"
    if data in FORMS_TAKEN:
        await wire(path, {"type": 9, "data": data})
        assert asked.modal is not None
        assert asked.modal.title == data["title"]
        return 0, 0, ""
    refusal = await wire.refused(path, {"type": 9, "data": data})
    assert asked.callback is None
    return refusal


@pytest.mark.parametrize("data", FORMS_TAKEN)
async def test_a_form_may_be_this(wire: Wire, data: Json) -> None:
    await open_form(wire, data)


@pytest.mark.parametrize(("data", "words"), FORMS_REFUSED)
async def test_a_form_may_not_be_this(wire: Wire, data: Json, words: str) -> None:
    refusal = await open_form(wire, data)
    assert refusal[:2] == (400, 50035)
    assert words in refusal[2]
