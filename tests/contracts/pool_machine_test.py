"""The machine of pool_machine.py; the long form is in tests/long.py."""

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.contracts.pool_machine import PoolMachine


def test_a_fair_pool_keeps_what_it_promises_in_every_store() -> None:
    run_state_machine_as_test(
        PoolMachine,
        settings=settings(
            max_examples=25, stateful_step_count=40, suppress_health_check=list(HealthCheck)
        ),
    )
