"""What the operator decided, as frozen values."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from quota.rules import Rules
from quota.units import Rates

# The address of the embedded model.
OFFLINE = "offline"
# Nobody mends more at once, and no line is read further.
_PROBLEMS_MAX = 50
_LINE_CHARS_MAX = 1_000


class ConfigError(Exception):
    """The config cannot be used; each problem is one line that names where, what and the fix."""

    def __init__(self, problems: Iterable[str]) -> None:
        """Carry every problem that was found, each once."""
        found = tuple(dict.fromkeys(_one_line(problem) for problem in problems))
        more = len(found) - _PROBLEMS_MAX
        rest = (f"and {more} more problems; correct these first",) if more > 0 else ()
        self.problems = found[:_PROBLEMS_MAX] + rest
        super().__init__(*self.problems)

    def __str__(self) -> str:
        return "\n".join(self.problems)


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """One model: how it is called, what it may take, what it costs (None: see the catalogue)."""

    key: str
    name: str
    base_url: str
    api_key: str = field(repr=False)
    aliases: tuple[str, ...]
    output_max: int
    price: Rates | None
    first_token_ms: int
    idle_ms: int
    deadline_ms: int
    output_cap_field: Literal["max_completion_tokens", "max_tokens"] | None
    charge_unknown: Literal["input", "zero"]

    @property
    def offline(self) -> bool:
        """Whether it is the embedded model, which needs neither key nor network."""
        return self.base_url == OFFLINE

    @property
    def names(self) -> tuple[str, ...]:
        """Everything people may call it: key, name, aliases."""
        return tuple(dict.fromkeys((self.key, self.name, *self.aliases)))


@dataclass(frozen=True, slots=True)
class BackupConfig:
    """Where backups go (None: none are made by themselves) and how many are kept."""

    dir: Path | None
    keep: int


@dataclass(frozen=True, slots=True)
class Config:
    """What the operator decided; the first model is the default. `path` None: no file."""

    path: Path | None
    store_path: Path
    models: tuple[ModelConfig, ...]
    rules: Rules
    queue_max: int
    input_chars_max: int
    note: str
    system_prompt: str
    backup: BackupConfig
    warnings: tuple[str, ...] = ()


def _one_line(text: str) -> str:
    """Show what would move or hide the rest of a line, and nothing without end."""
    shown = text if len(text) <= _LINE_CHARS_MAX else f"{text[:_LINE_CHARS_MAX]}…"
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in shown)
