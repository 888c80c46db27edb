"""Which model answers an ask, what it is told before, and how long its answer may be.

Names that people chose (of members, channels, spaces) come into a system prompt only cleaned and
short: they are data, never instructions.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import NamedTuple, Self
from zoneinfo import ZoneInfo

from bot.config_values import ChannelConfig, PersonaConfig
from bot.messages import Ask
from bot.models import Model, Models
from bot.prompt import label_of
from bot.settings import ChannelSettings, Settings
from bot.turns import ChatSettings
from quota.members import Requester

_PLACEHOLDER = re.compile(r"\{(date|time|member|channel|space)\}")


class Chosen(NamedTuple):
    """What answers an ask."""

    model: Model
    system_prompt: str
    output_max: int

    def by(self, other: Model) -> Self:
        """The same by another model."""
        return self._replace(model=other, output_max=min(self.output_max, other.output_max))


class NotAllowed(NamedTuple):
    """The model that was named is not for this requester; `roles` may use it (none: nobody)."""

    model: str
    roles: tuple[str, ...]


class UnknownModel(NamedTuple):
    """No model has the name that was given."""

    name: str


class Choosing:
    """Reads what the operator, the admins and the members have chosen."""

    def __init__(self, models: Models, settings: ChatSettings, chosen: Settings) -> None:
        """`settings` are the operator's, `chosen` those that were made in the chat."""
        self.models = models
        self._settings = settings
        self._chosen = chosen

    def choose(self, ask: Ask, now: int, zone: str) -> Chosen | NotAllowed | UnknownModel:
        """The model that is named, or the member's, the channel's, the persona's, the default."""
        admins, operator = self._channel(ask)
        persona = self._persona(ask, admins, operator)
        model = self._model(ask, admins, operator, persona)
        if not isinstance(model, Model):
            return model
        prompt = persona.prompt if persona is not None else self._settings.system_prompt
        longest = admins.max_reply or operator.max_reply or model.output_max
        return Chosen(model, _filled(prompt, ask, now, zone), min(model.output_max, longest))

    def may_use(self, requester: Requester, model: Model) -> bool:
        """Whether a requester may choose a model: holders of its roles, and admins."""
        roles = self.roles_of(requester, model)
        return not roles or requester.is_admin or not roles.isdisjoint(requester.roles)

    def names(self, requester: Requester) -> tuple[str, ...]:
        """The models that a requester may choose."""
        return tuple(m.key for m in self.models.all if self.may_use(requester, m))

    def roles_of(self, requester: Requester, model: Model) -> frozenset[str]:
        """Who may use a model, as the admins said, else the operator; none: everyone."""
        said = self._chosen.model(requester.member.space, model.key).allowed_for
        return frozenset(role.removeprefix("@") for role in said or model.allowed_for)

    def fallback(self, requester: Requester, model: Model) -> Model | None:
        """What the admins offer in place of a model."""
        name = self._chosen.model(requester.member.space, model.key).fallback
        return self.models.find(name) if name else None

    def _model(
        self,
        ask: Ask,
        admins: ChannelSettings,
        operator: ChannelConfig,
        persona: PersonaConfig | None,
    ) -> Model | NotAllowed | UnknownModel:
        if ask.model:
            named = self.models.find(ask.model)
            if named is None:
                return UnknownModel(ask.model)
            if self.may_use(ask.requester, named):
                return named
            return NotAllowed(named.key, tuple(sorted(self.roles_of(ask.requester, named))))
        member = self._chosen.member(ask.requester.member).model
        usual = persona.model if persona is not None else ""
        names = (name for name in (member, admins.model, operator.model, usual) if name)
        # What was chosen once may be gone since, or be for others: then the next one answers.
        for model in (*map(self.models.find, names), *self.models.all):
            if model is not None and self.may_use(ask.requester, model):
                return model
        default = self.models.default
        return NotAllowed(default.key, tuple(sorted(self.roles_of(ask.requester, default))))

    def _persona(
        self, ask: Ask, admins: ChannelSettings, operator: ChannelConfig
    ) -> PersonaConfig | None:
        """The channel's, which members cannot put aside; else the one asked for, or their own."""
        own = self._chosen.member(ask.requester.member).persona
        for name in (admins.persona, operator.persona, ask.persona, own):
            found = named(self._settings.personas, name)
            if found is not None:
                return found
        return None

    def _channel(self, ask: Ask) -> tuple[ChannelSettings, ChannelConfig]:
        """What the admins and the operator say about the channel of an ask."""
        name = ask.requester.channel
        id_ = ask.channel_id or name
        admins = self._chosen.channel(ask.requester.member.space, id_)
        channels = self._settings.channels
        return admins, channels.get(id_) or channels.get(name) or ChannelConfig()


def named(personas: Mapping[str, PersonaConfig], name: str) -> PersonaConfig | None:
    """A persona by its name, whatever its case; None for none, or for one that is gone."""
    wanted = name.casefold()
    return next((each for key, each in personas.items() if key.casefold() == wanted), None)


def _filled(prompt: str, ask: Ask, now: int, zone: str) -> str:
    """A prompt with its placeholders replaced; braces that are none stay."""
    if "{" not in prompt:
        return prompt
    values = dict(_values(ask, now, zone))
    return _PLACEHOLDER.sub(lambda found: values[found[1]], prompt)


def _values(ask: Ask, now: int, zone: str) -> Iterator[tuple[str, str]]:
    moment = datetime.fromtimestamp(now // 1_000, UTC).astimezone(ZoneInfo(zone))
    who = ask.requester
    yield "date", f"{moment:%A}, {moment.day} {moment:%B %Y}"
    yield "time", f"{moment:%H:%M} ({zone})"
    yield "member", label_of(ask.author or who.member.id)
    yield "channel", label_of(who.channel)
    yield "space", label_of(ask.place or who.member.space.id)
