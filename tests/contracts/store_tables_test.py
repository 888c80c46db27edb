"""What tests/contracts/tables/ says holds on every store."""

import pytest

from tests.contracts.conftest import Opener
from tests.contracts.store_tables import Player, Table, tables


@pytest.mark.parametrize("table", tables(), ids=lambda table: table.title)
async def test_the_table_holds(table: Table, opener: Opener) -> None:
    await Player(await opener(), opener).play(table)


async def test_a_table_with_a_wrong_outcome_is_told_by_its_line(opener: Opener) -> None:
    lines = ("limit everyone: 100 tokens/day", "09:00 ana asks cap=80 -> granted 79")
    with pytest.raises(AssertionError, match=r"Wrong, line 8: 09:00 ana asks cap=80"):
        await Player(await opener(), opener).play(Table("Wrong", 7, lines))


async def test_a_move_that_nobody_knows_is_told(opener: Opener) -> None:
    with pytest.raises(AssertionError, match="not understood: 09:00 ana dances"):
        await Player(await opener(), opener).play(Table("Wrong", 1, ("09:00 ana dances",)))
