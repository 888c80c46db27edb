"""The machine of prepaid_machine.py; the long form is in tests/long.py."""

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.contracts.prepaid_machine import PrepaidMachine


def test_a_lazy_balance_is_what_one_is_that_wakes_at_every_boundary() -> None:
    run_state_machine_as_test(
        PrepaidMachine,
        settings=settings(
            max_examples=40, stateful_step_count=40, suppress_health_check=list(HealthCheck)
        ),
    )
