"""The proofs in their long forms: `python -m tests.long [WORD ...]`, minutes each, on two cores.

One line per proof with its figures; exit 1 where one fails. With words, only the proofs whose name
has one of them.
"""

import asyncio
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.contracts.pool_machine import PoolMachine
from tests.contracts.prepaid_machine import PrepaidMachine
from tests.contracts.prepaid_mutants import OF_BALANCES, prepaid_machine_against
from tests.contracts.prepaid_year import play as year_of_balances
from tests.contracts.store_machine import MemoryMachine, SqliteMachine, StoreMachine
from tests.contracts.store_mutants import MUTANTS, OF_POOLS, copied, machine_against, table_against
from tests.processes import receipts_test
from tests.processes.fair_pool_test import LONG, play
from tests.processes.kill_test import fifty_rounds
from tests.processes.platforms_test import killed_on_both_platforms
from tests.quota.windows_test import check_all_zones

# A proof is given an empty folder; it raises, or tells its figures.
Proof = Callable[[Path], str]

MACHINE_S = 300
BATCH_EXAMPLES = 250
MUTANT_EXAMPLES = 1_500
MUTANT_S_MAX = 60


def every_zone(_: Path) -> str:
    return f"{check_all_zones():,} periods, 0 gaps, 0 overlaps"


def fair_pool(folder: Path) -> str:
    return asyncio.run(play(folder, LONG))


def receipts(folder: Path) -> str:
    return asyncio.run(receipts_test.play(folder, receipts_test.FULL))


def balances(folder: Path) -> str:
    return asyncio.run(year_of_balances(folder, members=100, days=366))


def machine(kind: type[StoreMachine | PoolMachine | PrepaidMachine]) -> Proof:
    """Let the machine run for minutes, another path each time."""

    def prove(_: Path) -> str:
        class Counted(kind):  # type: ignore[misc,valid-type]
            steps = 0

            def check_invariants(self, *args: object, **kwargs: object) -> None:
                Counted.steps += 1
                super().check_invariants(*args, **kwargs)

        examples, end = 0, time.monotonic() + MACHINE_S
        while time.monotonic() < end:
            run_state_machine_as_test(
                Counted,
                settings=settings(
                    max_examples=BATCH_EXAMPLES,
                    stateful_step_count=50,
                    deadline=None,
                    database=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )
            examples += BATCH_EXAMPLES
        return f"{examples:,} examples, {Counted.steps:,} steps, 0 differences"

    return prove


def every_mistake(_: Path) -> str:
    """The machine sees each of them without the tables, and the tables without the machine."""
    slowest, missed, unread = (0.0, ""), [], []
    mutants = (*MUTANTS, *OF_POOLS, *OF_BALANCES)
    for mutant in mutants:
        with copied(mutant) as copy:
            if table_against(mutant, copy) is None:
                unread.append(mutant.name)
            begun = time.monotonic()
            against = prepaid_machine_against if mutant in OF_BALANCES else machine_against
            if not against(mutant, copy, MUTANT_EXAMPLES):
                missed.append(mutant.name)
            slowest = max(slowest, (time.monotonic() - begun, mutant.name))
    assert not missed, f"the machine missed: {', '.join(missed)}"
    assert not unread, f"the tables missed: {', '.join(unread)}"
    assert slowest[0] < MUTANT_S_MAX, f"{slowest[1]} took {slowest[0]:.0f} s"
    return f"{len(mutants)} of {len(mutants)} seen, at most {slowest[0]:.0f} s ({slowest[1]})"


# Whoever has a proof that takes minutes adds it here.
PROOFS: dict[str, Proof] = {
    "periods tile time in every zone": every_zone,
    "memory answers as the model does": machine(MemoryMachine),
    "sqlite answers as the model does": machine(SqliteMachine),
    "fair pools keep what they promise": machine(PoolMachine),
    "a lazy balance is what one is that wakes in time": machine(PrepaidMachine),
    "a year of a hundred balances": balances,
    "a fair pool in real time": fair_pool,
    "every mistake is seen": every_mistake,
    "receipts are what the provider counted": receipts,
    "the plug is pulled fifty times": fifty_rounds,
    "both platforms are killed at random moments": killed_on_both_platforms,
}


def main(words: list[str]) -> int:
    failed = 0
    for name, proof in PROOFS.items():
        if words and not any(word in name for word in words):
            continue
        begun = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="quotabot-") as folder:
            try:
                figures = proof(Path(folder))
            except Exception:  # the other proofs are still worth their time
                failed += 1
                traceback.print_exc()
                figures = "FAILED"
        print(f"{name}: {figures} ({time.monotonic() - begun:.0f} s)", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
