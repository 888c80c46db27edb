"""Every mistake in prepaid_mutants.py is caught by a table, and many by the machine at once."""

import pytest

from tests.contracts.prepaid_mutants import OF_BALANCES, UNHEARD, prepaid_machine_against
from tests.contracts.store_mutants import Mutant, copied, table_against


@pytest.mark.parametrize("mutant", [*OF_BALANCES, *UNHEARD], ids=lambda mutant: mutant.name)
def test_the_mistake_is_caught_by_a_table(mutant: Mutant) -> None:
    with copied(mutant) as copy:
        assert table_against(mutant, copy) is not None


# The machine sees these within a second or two.
BLATANT = {
    "a refill comes each time that somebody looks",
    "a refill goes above the cap",
    "an empty balance begins anew",
    "an overdraft has no end",
    "nothing is taken out that is not there",
}


@pytest.mark.parametrize(
    "mutant", [m for m in OF_BALANCES if m.name in BLATANT], ids=lambda mutant: mutant.name
)
def test_the_machine_sees_the_mistake(mutant: Mutant) -> None:
    with copied(mutant) as copy:
        assert prepaid_machine_against(mutant, copy, examples=200)


def test_a_copy_without_a_mistake_is_fine() -> None:
    same = Mutant("none", "quota/funds.py", "def begin(", "def begin(")
    with copied(same) as copy:
        assert table_against(same, copy) is None
        assert not prepaid_machine_against(same, copy, examples=5)
