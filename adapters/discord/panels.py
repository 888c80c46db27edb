"""Cards, buttons and forms in Discord's components; pure, but for what a click calls.

A card is a Components V2 layout: one container in the colour of its tone. Whatever would be too
much for one message is measured here and left out aloud, because Discord refuses it whole.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import discord
from discord import ui

from adapters.discord.entries import quoted
from bot import text_discord as say
from bot.figures import BAR_CELLS
from bot.panels import Action, Chart, Field, Form, Gauge, Panel, Table, Tone

CUSTOM_ID_CHARS_MAX = 100
LABEL_CHARS_MAX = 80
CARD_CHARS_MAX = 4_000
BUTTONS_MAX = 10  # more than these become a menu
ROW_BUTTONS = 5
MENU_ROWS_MAX = 25
CHOICES_MAX = 25
TITLE_CHARS_MAX = 45
# A telephone shows about so many letters of one width beside each other.
TABLE_CELLS_MAX = 42
# A form that nobody submits is forgotten; what is submitted later still works.
FORM_S = 900

_COLOURS: Mapping[Tone, int] = {
    "neutral": 0x5865F2,
    "good": 0x2E9E5B,
    "warning": 0xD99A20,
    "bad": 0xD0393E,
}
_ICONS: Mapping[Tone, str] = {"neutral": "", "good": "✅ ", "warning": "⚠️ ", "bad": "⛔ "}
_STYLES = {
    "plain": discord.ButtonStyle.secondary,
    "primary": discord.ButtonStyle.primary,
    "danger": discord.ButtonStyle.danger,
}
_NEAR, _FULL = 75, 100


def measure(text: str) -> int:
    """The length of a text as the strictest of Discord's clients counts it: in UTF-16."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut(text: str, at_most: int) -> str:
    """No longer than so much, the end marked where something is missing."""
    if measure(text) <= at_most:
        return text
    while measure(text) > at_most - 1:
        text = text[: min(len(text) - 1, at_most - 1)]
    return f"{text}…"


# Buttons: all that they need stands in their custom id, so they work after a restart.


def encoded(action: Action) -> str:
    """An action as a custom id; the subject comes last and may hold anything."""
    return f"q|{action.name}|{action.owner}|{action.subject}"


def decoded(custom_id: str) -> Action | None:
    """What `encoded` wrote; None for anything else."""
    parts = custom_id.split("|", 3)
    if len(parts) != 4 or parts[0] != "q" or not parts[1]:  # noqa: PLR2004 - as encoded
        return None
    return Action(parts[1], "", parts[3], parts[2])


class Button(ui.DynamicItem[ui.Button[Any]], template=re.compile(r"q\|.*", re.DOTALL)):
    """A button of a card or of an answer."""

    def __init__(self, action: Action) -> None:
        """Show the action."""
        label = cut(action.label or "…", LABEL_CHARS_MAX)
        style = _STYLES[action.style]
        super().__init__(ui.Button(label=label, style=style, custom_id=encoded(action)))
        self.action = action

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """A button that somebody has used, also of an earlier run."""
        return cls(decoded(match.string) or Action("", ""))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Hand it to the gateway."""
        await interaction.client.presses.pressed(interaction, self.action)


class Menu(ui.DynamicItem[ui.Select[Any]], template=r"menu"):
    """The rows of a menu stand for actions; for cards with more than fit as buttons."""

    def __init__(self, actions: Sequence[Action] = ()) -> None:
        """Show the first so many."""
        rows = {encoded(action): action for action in actions[:MENU_ROWS_MAX]}
        options = [
            discord.SelectOption(label=cut(action.label or "…", LABEL_CHARS_MAX), value=value)
            for value, action in rows.items()
        ]
        super().__init__(ui.Select(custom_id="menu", placeholder=say.CHOOSE, options=options))

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """A menu that somebody has used."""
        return cls()

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Hand the chosen row to the gateway."""
        data: Any = interaction.data or {}
        chosen = data.get("values") or [""]
        action = decoded(str(chosen[0]))
        if action is not None:
            await interaction.client.presses.pressed(interaction, action)


DYNAMIC_ITEMS: tuple[type[ui.DynamicItem[Any]], ...] = (Button, Menu)


def rows_of(actions: Sequence[Action]) -> Iterator[ui.ActionRow[Any]]:
    """The actions in rows of buttons; as a menu where they are many."""
    fitting = [action for action in actions if len(encoded(action)) <= CUSTOM_ID_CHARS_MAX]
    if len(fitting) > BUTTONS_MAX:
        yield ui.ActionRow(Menu(fitting))
        return
    for start in range(0, len(fitting), ROW_BUTTONS):
        yield ui.ActionRow(*map(Button, fitting[start : start + ROW_BUTTONS]))


def buttons(actions: Sequence[Action]) -> ui.View | None:
    """The actions below a plain message; None where there are none."""
    view = ui.View(timeout=None)
    for action in actions[:BUTTONS_MAX]:
        if len(encoded(action)) <= CUSTOM_ID_CHARS_MAX:
            view.add_item(Button(action))
    return view if view.children else None


def action_on(message: discord.Message, name: str) -> Action | None:
    """The button of this name below a message, with its subject and its owner."""
    for row in message.components:
        for child in getattr(row, "children", ()):
            action = decoded(str(getattr(child, "custom_id", "") or ""))
            if action is not None and action.name == name:
                return action
    return None


# Cards.


def card(panel: Panel, files: Sequence[str] = ()) -> ui.LayoutView:
    """A panel as one container, within what one message may hold; files by name below it."""
    view = ui.LayoutView(timeout=None)
    container: ui.Container[Any] = ui.Container(accent_colour=_COLOURS[panel.tone])
    # Discord refuses a text of blanks.
    texts = [text for text in _texts(panel) if text.strip()]
    room = CARD_CHARS_MAX
    for number, text in enumerate(texts):
        rest = len(texts) - number - 1
        # What comes later gets at least a little, so that a long table cannot hide the footer.
        shown = cut(text, max(1, room - 200 * rest))
        room -= measure(shown)
        container.add_item(ui.TextDisplay(shown))
    if panel.footer.strip():
        container.add_item(ui.Separator(visible=False))
        container.add_item(ui.TextDisplay(subtext(cut(panel.footer, 180))))
    if panel.actions:
        container.add_item(ui.Separator())
        for row in rows_of(panel.actions):
            container.add_item(row)
    view.add_item(container)
    for name in files:
        # In a message of components a file is shown only where one of them names it.
        view.add_item(ui.File(f"attachment://{name}"))
    return view


def _texts(panel: Panel) -> Iterator[str]:
    yield f"### {_ICONS[panel.tone]}{cut(panel.title, 200)}"
    if panel.lines:
        yield broken("\n".join(panel.lines))
    if panel.gauges:
        yield "\n".join(map(_gauge, panel.gauges))
    if panel.chart is not None:
        yield _chart(panel.chart)
    if panel.table is not None:
        yield _table(panel.table)


def subtext(text: str) -> str:
    """Small and grey, each line of it."""
    return "\n".join(f"-# {line}" for line in text.splitlines() if line.strip())


def broken(text: str) -> str:
    """Without the words that call everybody; nothing here may, and nothing shall look like it."""
    return re.sub(r"@(?=everyone|here)", "@\u200b", text)


def squares(percent: int | None) -> str:
    """Ten cells in the colours of a traffic light; they read on a telephone without a picture."""
    if percent is None:
        return "∞"
    cells = min(BAR_CELLS, -(-percent * BAR_CELLS // 100))
    if percent < _FULL:
        cells = min(cells, BAR_CELLS - 1)
    colour = "🟩" if percent < _NEAR else "🟨" if percent < _FULL else "🟥"
    return colour * cells + "⬜" * (BAR_CELLS - cells)


def _gauge(gauge: Gauge) -> str:
    lines = f"**{broken(gauge.label)}** {squares(gauge.percent)}\n{gauge.numbers}"
    return f"{lines} · {gauge.detail}" if gauge.detail else lines


def _chart(chart: Chart) -> str:
    most = max((value for _, value in chart.bars), default=0)
    wide = max((len(label) for label, _ in chart.bars), default=0)
    lines = [f"**{broken(chart.title)}** ({chart.unit})", "```"]
    for label, value in chart.bars:
        cells = -(-value * BAR_CELLS // most) if most else 0
        lines.append(f"{label:<{wide}} {'█' * cells:<{BAR_CELLS}} {value:,}")
    return "\n".join([*lines, "```"])


def _table(table: Table) -> str:
    """In columns where they fit a telephone; else row under row, where dates and names show."""
    rows = [[cell.replace("\n", " ").replace("`", "'") for cell in row] for row in table.rows]
    columns = list(zip(table.columns, *rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    narrow = sum(widths) + 2 * (len(widths) - 1) <= TABLE_CELLS_MAX
    if narrow and not any("<" in cell for row in rows for cell in row):
        lines = [
            "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip()
            for row in (table.columns, *rows)
        ]
        return _fitting(lines, "```\n", "\n```", len(rows))
    lines = []
    for row in rows:
        more = [
            cell if len(row) <= 2 else f"{name}: {cell}"  # noqa: PLR2004 - a pair
            for name, cell in zip(table.columns[1:], row[1:], strict=True)
            if cell
        ]
        lines.append(broken(f"**{row[0]}** " + " · ".join(more)))
    return _fitting(lines, "", "", len(rows))


def _fitting(lines: Sequence[str], before: str, after: str, rows: int) -> str:
    """As many whole lines as there is room for, and how many more there are."""
    room, shown = CARD_CHARS_MAX - 1_000, list[str]()
    for line in lines:
        room -= measure(line) + 1
        if room < 0:
            break
        shown.append(line)
    left_out = len(lines) - len(shown)
    text = before + "\n".join(shown) + after
    return f"{text}\n{subtext(say.more_rows(left_out, rows))}" if left_out else text


# Forms.


def modal(form: Form) -> ui.Modal:
    """A form as Discord's modal; what is submitted is read by `values` in whatever run."""
    shown = ui.Modal(
        title=cut(form.title, TITLE_CHARS_MAX),
        custom_id=f"f|{form.name}|{form.subject}",
        timeout=FORM_S,
    )
    for field in form.fields[:5]:
        text = cut(field.label, TITLE_CHARS_MAX)
        hint = cut(field.hint, 100) if field.hint else None
        shown.add_item(ui.Label(text=text, description=hint, component=_input(field)))
    return shown


def _input(field: Field) -> ui.Item[Any]:
    match field.kind:
        case "text" | "long" | "number":
            long = field.kind == "long"
            return ui.TextInput(
                custom_id=field.name,
                style=discord.TextStyle.paragraph if long else discord.TextStyle.short,
                default=field.value[: field.chars_max] or None,
                required=field.required,
                max_length=max(1, min(4_000, field.chars_max)),
            )
        case "choice":
            # Discord refuses a menu in which a value stands twice.
            choices = dict(reversed(field.choices))
            options = [
                discord.SelectOption(label=cut(label, 100), value=v, default=v == field.value)
                for v, label in [*reversed(choices.items())][:CHOICES_MAX]
            ]
            return ui.Select(
                custom_id=field.name,
                options=options,
                required=field.required,
                min_values=int(field.required),
            )
        case "member":
            return ui.UserSelect(
                custom_id=field.name,
                required=field.required,
                min_values=int(field.required),
                default_values=_preset(field.value, discord.SelectDefaultValueType.user),
            )
        case "role":
            return ui.RoleSelect(
                custom_id=field.name, required=field.required, min_values=int(field.required)
            )
        case "channel":
            return ui.ChannelSelect(
                custom_id=field.name,
                required=field.required,
                min_values=int(field.required),
                default_values=_preset(field.value, discord.SelectDefaultValueType.channel),
                channel_types=[discord.ChannelType.text, discord.ChannelType.news],
            )


def _preset(value: str, kind: discord.SelectDefaultValueType) -> list[discord.SelectDefaultValue]:
    """What is chosen already, where that is an id."""
    return [discord.SelectDefaultValue(id=int(value), type=kind)] if value.isdecimal() else []


def form_of(custom_id: str) -> tuple[str, str] | None:
    """The name and subject of a submitted form; None for a form of somebody else."""
    parts = custom_id.split("|", 2)
    if len(parts) != 3 or parts[0] != "f":  # noqa: PLR2004 - as written above
        return None
    return parts[1], parts[2]


def values(data: Mapping[str, Any]) -> dict[str, str]:
    """What was filled in, by the names of the fields; roles by their names, all else by id.

    A channel has its name beside it.
    """
    resolved = data.get("resolved", {})
    roles, channels = resolved.get("roles", {}), resolved.get("channels", {})
    found = {}
    for label in data.get("components", ()):
        filled = label.get("component", {})
        if "value" in filled:
            found[filled["custom_id"]] = str(filled["value"])
        else:
            chosen = [str(value) for value in filled.get("values", ())]
            names = [_role(c, roles[c]) if c in roles else c for c in chosen]
            custom_id = str(filled.get("custom_id", ""))
            found[custom_id] = names[0] if names else ""
            if names and names[0] in channels:
                found[f"{custom_id}.name"] = str(channels[names[0]].get("name", ""))
    return found


def _role(role_id: str, role: Mapping[str, Any]) -> str:
    """The name of a role; its id, where no typed line could hold the name as it is."""
    return str(role["name"]) if quoted(str(role["name"])) else role_id
