"""What the config says of models and of what they cost."""

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    PrivateAttr,
    ValidationInfo,
    model_validator,
)

from bot import config_checks as check
from bot.config_platforms import STRICT, FilePath, Place, Word
from bot.config_values import OFFLINE, ModelConfig, PricesConfig
from quota.rules import HOLD_MS, SETTLE_MS
from quota.units import Rates

# A call ends this long before its hold does, so that it is always settled and never lapses.
DEADLINE_S_MAX = (HOLD_MS - SETTLE_MS) // 1000
FIRST_TOKEN_S, IDLE_S, DEADLINE_S = 60, 30, 600
_Dollars: TypeAlias = Annotated[
    str,
    AfterValidator(check.dollars),
    Field(description='write dollars per million tokens in quotes, such as "$0.25"'),
]
_Pattern: TypeAlias = Annotated[str, AfterValidator(check.priced)]
_Seconds: TypeAlias = Annotated[
    int,
    Field(ge=1, le=DEADLINE_S_MAX, description=f"give whole seconds from 1 to {DEADLINE_S_MAX}"),
]


class _Table(BaseModel):
    model_config = STRICT


class Price(_Table):
    """Dollars per million tokens; what is not said costs what is nearest to it."""

    input: _Dollars
    cached: _Dollars = ""
    output: _Dollars
    reasoning: _Dollars = ""

    @property
    def rates(self) -> Rates:
        """Micro-dollars per million tokens."""
        input_, output = check.credits_in(self.input), check.credits_in(self.output)
        cached = check.credits_in(self.cached) if self.cached else input_
        reasoning = check.credits_in(self.reasoning) if self.reasoning else output
        return Rates(input_, cached, output, reasoning)


class Prices(_Table):
    """What models cost that do not say so themselves."""

    fallback: Price | None = Field(
        default=None, description='write {input = "$5", output = "$20"}, per million tokens'
    )
    models: dict[_Pattern, Price] = Field(
        default={}, description='write lines such as "gpt-5*" = {input = "$1", output = "$2"}'
    )

    def built(self) -> PricesConfig:
        """The frozen value of it."""
        fallback = self.fallback.rates if self.fallback else None
        return PricesConfig(fallback, tuple((k, v.rates) for k, v in self.models.items()))


class Model(_Table):
    """One model: how it is reached, and what it may take."""

    name: Word = Field(default="", description='write its name on the server, "gpt-5-mini"')
    base_url: Annotated[str, AfterValidator(check.base_url)] = Field(
        description='write the address of a server, "https://…/v1", or "offline"'
    )
    api_key_env: str | None = Field(
        default=None, description='write the name of a variable, such as "OPENAI_API_KEY"'
    )
    api_key_file: FilePath | None = Field(
        default=None, description="write the path of the file that holds the key"
    )
    aliases: list[Word] = Field(default=[], description='write a list of names: ["mini"]')
    output_max: Annotated[int, Field(ge=1, le=10_000_000)] = Field(
        default=4096, description="give the tokens of one answer at most, from 1 to 10000000"
    )
    price: Price | None = Field(
        default=None, description='write {input = "$0.25", output = "$2"}, per million tokens'
    )
    first_token_s: _Seconds = 0
    idle_s: _Seconds = 0
    deadline_s: _Seconds = DEADLINE_S
    output_cap_field: Literal["max_completion_tokens", "max_tokens"] | None = Field(
        default=None, description='write "max_completion_tokens" or "max_tokens", or remove it'
    )
    charge_unknown: Literal["input", "zero"] = Field(
        default="input", description='write "input" or "zero"'
    )
    vision: bool = Field(default=False, description="write true where it can see images")
    tools: bool = Field(default=True, description="write false where its server knows no tools")
    allowed_for: list[Word] = Field(
        default=[], description='write a list of roles: ["Supporter"], or [] for everyone'
    )
    _api_key: str = PrivateAttr("")

    @model_validator(mode="after")
    def _whole(self, info: ValidationInfo) -> Self:
        """What no key shows alone: a name, times that fit together, a secret that is there."""
        place = info.context
        assert isinstance(place, Place), "load gives it"
        found: list[tuple[str, str]] = []
        if not self.name and self.base_url != OFFLINE:
            found.append(("name", 'is missing; write its name on the server, "gpt-5-mini"'))
        for key, time_s in (("first_token_s", self.first_token_s), ("idle_s", self.idle_s)):
            if time_s > self.deadline_s:
                found += [(key, f"is longer than deadline_s = {self.deadline_s}; shorten it")]
        secret = check.Secret(self.api_key_env, self.api_key_file, self.base_url)
        self._api_key, wrong = secret.read(place.folder, place.environ)
        if found or wrong:
            raise check.WrongKeysError([*found, *wrong])
        return self

    def names(self, key: str) -> tuple[str, ...]:
        """Everything people may call it."""
        return (key, self.name or OFFLINE, *self.aliases)

    def built(self, key: str) -> ModelConfig:
        """The frozen value of it."""
        return ModelConfig(
            key=key,
            name=self.name or OFFLINE,
            base_url=self.base_url.rstrip("/"),
            api_key=self._api_key,
            aliases=tuple(self.aliases),
            output_max=self.output_max,
            price=self.price.rates if self.price else None,
            first_token_ms=(self.first_token_s or min(FIRST_TOKEN_S, self.deadline_s)) * 1000,
            idle_ms=(self.idle_s or min(IDLE_S, self.deadline_s)) * 1000,
            deadline_ms=self.deadline_s * 1000,
            output_cap_field=self.output_cap_field,
            charge_unknown=self.charge_unknown,
            vision=self.vision,
            allowed_for=tuple(self.allowed_for),
            tools=self.tools,
        )
