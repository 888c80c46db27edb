"""What docs/limits.md says happens, happens: every example is played on every store."""

from pathlib import Path

import pytest

from tests.contracts.conftest import Opener
from tests.contracts.store_tables import Player, Table

PAGE = Path(__file__).parents[2] / "docs" / "limits.md"


def examples() -> list[Table]:
    """The blocks marked `example`, with the heading they stand under."""
    found: list[Table] = []
    title, first, block = "", 0, list[str]()
    for number, line in enumerate(PAGE.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("#"):
            title = line.strip("# ")
        elif line == "```example":
            first, block = number + 1, []
        elif line == "```" and first:
            found.append(Table(f"{title} {first}", first, tuple(block)))
            first = 0
        elif first:
            block.append(line)
    return found


def test_the_page_has_examples() -> None:
    assert len(examples()) >= 9


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.title)
async def test_the_example_holds(example: Table, opener: Opener) -> None:
    await Player(await opener(), opener).play(example)
