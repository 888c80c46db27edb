"""What the pages say happens, happens: every example is played on every store."""

from pathlib import Path

import pytest

from tests.contracts.conftest import Opener
from tests.contracts.store_tables import Player, Table

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {"balances.md": 5, "limits.md": 9, "fair-pool.md": 2, "receipts.md": 3}


def examples(page: str) -> list[Table]:
    """The blocks marked `example`, with the heading they stand under."""
    found: list[Table] = []
    title, first, block = "", 0, list[str]()
    for number, line in enumerate((DOCS / page).read_text(encoding="utf-8").splitlines(), 1):
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


@pytest.mark.parametrize("page", PAGES)
def test_the_page_has_examples(page: str) -> None:
    assert len(examples(page)) >= PAGES[page]


@pytest.mark.parametrize(
    "example",
    [example for page in PAGES for example in examples(page)],
    ids=lambda example: example.title,
)
async def test_the_example_holds(example: Table, opener: Opener) -> None:
    await Player(await opener(), opener).play(example)
