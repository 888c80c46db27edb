"""The models that the operator offers: found by key, name or alias, with their terms."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.ports import ChatModel
from bot.pricing import UNPRICED, Pricing
from quota.rules import Terms


@dataclass(frozen=True, slots=True)
class Model:
    """One model: what it is asked as, its limits in tokens and time, and how it is reached.

    Times are milliseconds: until the first token, between two pieces, for a whole call.
    `charge_unknown` tells whether a prompt is charged when nobody knows if it was billed, `vision`
    whether it sees images, `allowed_for` which roles may use it (none: everyone), `tools` whether
    its server knows any, `pricing` what it costs and who says so.
    """

    key: str
    name: str
    aliases: tuple[str, ...]
    chat: ChatModel
    terms: Terms
    output_max: int
    first_token_ms: int
    idle_ms: int
    charge_unknown: bool = True
    vision: bool = False
    allowed_for: tuple[str, ...] = ()
    tools: bool = True
    pricing: Pricing = UNPRICED

    @property
    def deadline_ms(self) -> int:
        """For a whole call; shorter than its hold."""
        return self.terms.deadline_ms


class Models:
    """All models, the default one first."""

    def __init__(self, models: Sequence[Model]) -> None:
        """Offer these; there is at least one."""
        self.all = tuple(models)
        self.default = models[0]
        self._by_name = {
            name.casefold(): model
            for model in reversed(models)
            for name in (*model.aliases, model.name, model.key)
        }

    def find(self, name: str) -> Model | None:
        """The model with this key, name or alias; the default for an empty one."""
        return self._by_name.get(name.casefold()) if name else self.default

    @property
    def names(self) -> tuple[str, ...]:
        """What people can ask for."""
        return tuple(model.key for model in self.all)
