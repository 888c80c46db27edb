"""What the operator decides: terms of models, and the rules that every ask is held to."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from quota.limits import Policy
from quota.units import Amount, Rates

# A hold outlives every call it pays for, by enough to settle in.
HOLD_MS = 15 * 60_000
SETTLE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Terms:
    """What a model is known by, what it costs, and how long one call may take."""

    key: str
    names: tuple[str, ...]
    rates: Rates | None = None
    deadline_ms: int = 600_000


@dataclass(frozen=True, slots=True)
class Rules:
    """The operator's part: base policies, thresholds and patience.

    `spaces` holds the policies of spaces that the operator set apart. `wait_ms` is how long an
    ask waits for holds, from its arrival; `output_floor` the fewest output tokens worth giving;
    `progress_step` how many output tokens may pass between two notes of progress. `staff_cap` is
    what staff may give one member in one window, None: nothing.
    """

    base: Policy
    spaces: Mapping[str, Policy] = field(default_factory=dict)
    warn_at: tuple[int, ...] = (75, 90)
    wait_ms: int = 60_000
    output_floor: int = 64
    progress_step: int = 256
    zone: str = "UTC"
    week_start: int = 0
    staff_cap: Amount | None = None

    def policy(self, space: str) -> Policy:
        """The operator's policy in a space."""
        return self.spaces.get(space, self.base)
