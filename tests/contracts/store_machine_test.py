"""The machine of store_machine.py over every store; the long form is in tests/long.py."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.contracts.store_machine import MemoryMachine, SqliteMachine, StoreMachine


@pytest.mark.parametrize(("machine", "examples"), [(MemoryMachine, 100), (SqliteMachine, 15)])
def test_a_store_answers_as_the_model_does(machine: type[StoreMachine], examples: int) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=50,
            suppress_health_check=list(HealthCheck),
        ),
    )
