"""Every mistake in store_mutants.py is caught by a table, and many by the machine at once.

The long form, in which the machine alone must catch each of them, is in tests/long.py.
"""

import pytest

from tests.contracts.store_mutants import (
    BY_TABLE,
    MUTANTS,
    OF_POOLS,
    Mutant,
    copied,
    machine_against,
    table_against,
)


@pytest.mark.parametrize("mutant", [*MUTANTS, *OF_POOLS, *BY_TABLE], ids=lambda mutant: mutant.name)
def test_the_mistake_is_caught(mutant: Mutant) -> None:
    with copied(mutant) as copy:
        assert table_against(mutant, copy) is not None


# The machine sees these within a second or two.
BLATANT = {
    "holds are ignored",
    "one token too many fits",
    "shared limits are skipped",
    "a hold is settled again",
    "a release keeps the hold",
    "a lapse frees",
    "a grant never ends",
    "a rolling window forgets a moment early",
    "an event is held each time it comes",
    "a pool at rest still holds",
    "something is kept for who has not come",
}


@pytest.mark.parametrize(
    "mutant",
    [m for m in (*MUTANTS, *OF_POOLS) if m.name in BLATANT],
    ids=lambda mutant: mutant.name,
)
def test_the_machine_sees_the_mistake(mutant: Mutant) -> None:
    with copied(mutant) as copy:
        assert machine_against(mutant, copy, examples=500)


def test_a_mistake_that_cannot_be_made_any_more_is_told() -> None:
    gone = Mutant("gone", "quota/books.py", "no such text", "")
    with pytest.raises(LookupError, match="has 0 times: no such text"), copied(gone):
        pass


@pytest.mark.parametrize("file", ["quota/memory.py", "adapters/sqlite/store.py"])
def test_a_copy_without_a_mistake_keeps_to_every_table(file: str) -> None:
    same = Mutant("none", file, "async def settle(", "async def settle(")
    with copied(same) as copy:
        assert table_against(same, copy) is None
        assert not machine_against(same, copy, examples=5)


def test_there_are_enough_mistakes_each_with_a_name_of_its_own() -> None:
    names = {mutant.name for mutant in (*MUTANTS, *OF_POOLS)}
    assert len(names) == len(MUTANTS) + len(OF_POOLS) >= 70
