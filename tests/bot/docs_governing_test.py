"""What the pages show is what people see: every example is played, word for word.

A line `> ada: /quota-admin …` is typed (ada is an admin, sam is staff) where there are buttons,
`> ana uses 400 tokens` is a question that took so many, `> ada presses Apply` (or with what a form
is filled, `> ada presses Deny: reason = too much`) presses a button that was shown last, and
`> 3h pass` lets time pass. Below it stands all that is shown, with its buttons in brackets.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from bot.actions import Pressed, Shown
from bot.commands import Typed
from bot.figures import panel_text
from bot.messages import Refusal
from bot.news import Alert, Word
from bot.panels import Action, Panel
from bot.text import Words
from bot.text_console import utc_minute
from quota.members import Requester
from quota.units import Amount, Rates, Unit, Usage
from quota.windows import parse_duration
from tests.fakes import requester
from tests.scripted import build, says

DOCS = Path(__file__).parents[2] / "docs"
# The pages with so many examples at least, and the price of the model there.
PRICE = Rates(1_000_000, 100_000, 4_000_000, 4_000_000)
PAGES: dict[str, tuple[int, Rates | None]] = {"governing.md": (8, None), "receipts.md": (1, PRICE)}
_USES = re.compile(r"(\w+) uses (\d+) tokens")
_PRESSES = re.compile(r"(\w+) presses ([\w ]+?)(?:: (.+))?")
_PASS = re.compile(r"(\w+) pass")


class Example(NamedTuple):
    page: str
    title: str
    lines: tuple[str, ...]


def examples(page: str) -> list[Example]:
    """The blocks marked `chat`, with the heading they stand under."""
    found: list[Example] = []
    title, block, inside = "", list[str](), False
    for line in (DOCS / page).read_text(encoding="utf-8").splitlines():
        if line == "```chat":
            block, inside = [], True
        elif line == "```" and inside:
            found.append(Example(page, f"{title} {len(found) + 1}", tuple(block)))
            inside = False
        elif inside:
            block.append(line)
        elif line.startswith("#"):
            title = line.strip("# ")
    return found


class Player:
    """A space in which everybody has 1,000 tokens a day."""

    def __init__(self, rates: Rates | None) -> None:
        cap = Amount(500, Unit.TOKENS)
        self.bot = build("everyone: 1k tokens/day", rates=rates, staff_cap=cap)
        self.bot.words = self.words = Words(utc_minute)
        self.buttons: list[Action] = []
        self.out: list[str] = []
        self.bot.desk.spoken["console"] = self.words
        self.bot.desk.news.on_alert.append(self.alert)
        self.bot.desk.news.on_word.append(self.word)
        self.heard: list[tuple[str, Panel]] = []

    def alert(self, alert: Alert) -> None:
        self.heard.append(("the admins", alert.panel))

    def word(self, word: Word) -> None:
        self.heard.append((word.member.id, word.panel))

    def who(self, name: str) -> Requester:
        return requester(name, admin=name == "ada", staff=name == "sam")

    def show(self, panel: Panel) -> None:
        text = panel_text(panel)
        # Ids of requests are made by chance.
        self.out += re.sub(r"\b[0-9a-f]{8}\b", "12ab34cd", text).splitlines()
        if panel.actions:
            self.out.append(" ".join(f"[{action.label}]" for action in panel.actions))
            self.buttons = list(panel.actions)

    async def play(self, move: str) -> list[str]:
        """What is shown after a move, to whoever it is shown."""
        self.out = []
        if match := _USES.fullmatch(move):
            tokens = int(match[2])
            self.bot.model.next(says(1, reported=Usage(input=9, output=tokens - 9)))
            end = await self.bot.ask(self.who(match[1]))
            if isinstance(end, Refusal):
                self.out.append(end.text)
            self.bot.chat.forget(self.who(match[1]))
        elif match := _PASS.fullmatch(move):
            self.bot.clock.advance(parse_duration(match[1]))
        elif match := _PRESSES.fullmatch(move):
            await self.press(self.who(match[1]), match[2], match[3] or "")
        else:
            name, _, line = move.partition(": ")
            typed = Typed(self.who(name), line, previews=True)
            self.show((await self.bot.commands.run(typed, self.words)).panel)
        heard, self.heard = self.heard, []
        for whom, panel in heard:
            self.out.append(f"-- to {whom}:")
            self.show(panel)
        return [line.rstrip() for line in self.out]

    async def press(self, who: Requester, label: str, filled: str) -> None:
        action = next(action for action in self.buttons if action.label == label)
        pressed = Pressed(who, action.name, action.subject, action.owner)
        form = self.bot.actions.form(pressed, self.words)
        if form is not None:
            values = dict(part.split(" = ", 1) for part in filled.split("; ") if part)
            assert set(values) <= {field.name for field in form.fields}
            pressed = Pressed(who, form.name, form.subject, action.owner, values=values)
        shown = await self.bot.actions.press(pressed, self.words)
        assert isinstance(shown, Shown)
        self.show(shown.card.panel)


def moves(lines: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Each move with what should be shown after it."""
    found: list[tuple[str, list[str]]] = []
    for line in lines:
        if line.startswith("> "):
            found.append((line.removeprefix("> "), []))
        else:
            found[-1][1].append(line)
    return found


@pytest.mark.parametrize("page", PAGES)
def test_the_page_has_examples(page: str) -> None:
    assert len(examples(page)) >= PAGES[page][0]


@pytest.mark.parametrize(
    "example",
    [example for page in PAGES for example in examples(page)],
    ids=lambda example: example.title,
)
async def test_the_example_holds(example: Example) -> None:
    player = Player(PAGES[example.page][1])
    for move, shown in moves(example.lines):
        assert await player.play(move) == shown, move
