"""The sections of the config about platforms, personas and channels.

Why beside config.py: together they would be longer than a sitting.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationInfo,
    model_validator,
)

from bot import config_checks as check
from bot.config_values import ChannelConfig, DiscordConfig, PersonaConfig, SlackConfig
from bot.settings import ChannelMode

# No token is looked for on this machine, as the key of a local model may be.
_FAR = "https://platform.example"
PORT_MAX = 65_535
# Of a section: known keys only, and nothing is guessed.
STRICT = ConfigDict(extra="forbid", strict=True)

Word: TypeAlias = Annotated[str, AfterValidator(check.word)]
FilePath: TypeAlias = Annotated[str, AfterValidator(check.path)]
_Names: TypeAlias = Annotated[
    list[Word],
    BeforeValidator(lambda value: [value] if isinstance(value, str) else value),
    Field(description='write a list of names or ids: ["Helpers"]'),
]
_Variable: TypeAlias = Annotated[
    str | None, Field(description='write the name of a variable, such as "DISCORD_TOKEN"')
]
_File: TypeAlias = Annotated[
    FilePath | None, Field(description="write the path of the file that holds it")
]
_Mode: TypeAlias = Annotated[
    ChannelMode, Field(description='write "off", "mention", "reply", "thread" or "auto-thread"')
]
_Address: TypeAlias = Annotated[
    str, AfterValidator(check.address), Field(description='write an address, "https://…"')
]
_Channel: TypeAlias = Annotated[
    str, AfterValidator(check.sentence), Field(description="write the name or id of a channel")
]
_Prompt: TypeAlias = Annotated[
    str, Field(max_length=20_000, description="write at most 20000 characters in quotes")
]


class _Table(BaseModel):
    model_config = STRICT


@dataclass(frozen=True, slots=True)
class Place:
    """What paths and secrets are looked up in."""

    folder: Path
    environ: Mapping[str, str]


def _place(info: ValidationInfo) -> Place:
    assert isinstance(info.context, Place), "load gives it"
    return info.context


class Discord(_Table):
    """The section [discord]."""

    token_env: _Variable = None
    token_file: _File = None
    admin_roles: _Names = []
    staff_roles: _Names = []
    message_content: bool = Field(default=False, description="write true or false")
    mode: _Mode = "mention"
    alert_channel: _Channel = ""
    commands_guild: Annotated[str, Field(pattern=r"^[0-9]{0,20}$")] = Field(
        default="", description='write the id of a server in quotes, "1234", or ""'
    )
    # For a proxy, or a server of tests; empty: Discord itself.
    api_base: _Address = ""
    gateway: _Address = ""
    _token: str = PrivateAttr("")

    @model_validator(mode="after")
    def _whole(self, info: ValidationInfo) -> Self:
        place = _place(info)
        secret = check.Secret(self.token_env, self.token_file, _FAR, "token", "DISCORD_TOKEN")
        self._token, wrong = secret.read_needed(place.folder, place.environ)
        if wrong:
            raise check.WrongKeysError(wrong)
        return self

    def built(self) -> DiscordConfig:
        """The frozen value of it."""
        return DiscordConfig(
            token=self._token,
            api_base=self.api_base.rstrip("/"),
            gateway=self.gateway.rstrip("/"),
            admin_roles=tuple(self.admin_roles),
            staff_roles=tuple(self.staff_roles),
            message_content=self.message_content,
            alert_channel=self.alert_channel,
            mode=self.mode,
            commands_guild=self.commands_guild,
        )


class Slack(_Table):
    """The section [slack]."""

    bot_token_env: _Variable = None
    bot_token_file: _File = None
    app_token_env: _Variable = None
    app_token_file: _File = None
    signing_secret_env: _Variable = None
    signing_secret_file: _File = None
    client_id: Annotated[str, AfterValidator(check.sentence)] = Field(
        default="", description='write the client id of the app, "123.456", or ""'
    )
    client_secret_env: _Variable = None
    client_secret_file: _File = None
    mode: Literal["socket", "http"] = Field(
        default="socket", description='write "socket" or "http"'
    )
    http_host: Annotated[str, AfterValidator(check.word)] = Field(
        default="127.0.0.1", description='write the address to listen at, "127.0.0.1"'
    )
    http_port: int = Field(
        default=3000, ge=1, le=PORT_MAX, description=f"give a port from 1 to {PORT_MAX}"
    )
    admins: _Names = []
    staff: _Names = []
    workspace_admins: bool = Field(default=False, description="write true or false")
    channel_mode: _Mode = "thread"
    alert_channel: _Channel = ""
    prefix: Annotated[str, Field(pattern=r"^[a-z0-9_-]{0,15}$")] = Field(
        default="", description='write what stands before command names, "acme-", or ""'
    )
    single: Annotated[str, Field(pattern=r"^[a-z0-9_-]{0,31}$")] = Field(
        default="", description='write the one command under which all others are, "acme", or ""'
    )
    # For a proxy, or a server of tests; empty: Slack itself.
    api_base: _Address = ""
    _secrets: dict[str, str] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _whole(self, info: ValidationInfo) -> Self:
        """The secrets that this way of connecting needs, each of its own kind."""
        place = _place(info)
        found: list[tuple[str, str]] = []
        for name, variable, file, is_needed in self._wanted():
            secret = check.Secret(variable, file, _FAR, name, f"SLACK_{name.upper()}")
            read = secret.read_needed if is_needed else secret.read
            self._secrets[name], wrong = read(place.folder, place.environ)
            found += wrong
        found += self._swapped()
        if bool(self.client_id) != bool(self._secrets["client_secret"]) and not found:
            other = "client_secret_env" if self.client_id else "client_id"
            found.append((other, "is missing; for several workspaces both are needed"))
        if found:
            raise check.WrongKeysError(found)
        return self

    def _wanted(self) -> Iterator[tuple[str, str | None, str | None, bool]]:
        by_http = self.mode == "http"
        yield "bot_token", self.bot_token_env, self.bot_token_file, not self.client_id
        yield "app_token", self.app_token_env, self.app_token_file, not by_http
        yield "signing_secret", self.signing_secret_env, self.signing_secret_file, by_http
        yield "client_secret", self.client_secret_env, self.client_secret_file, False

    def _swapped(self) -> Iterator[tuple[str, str]]:
        """The two tokens look alike to people, and are taken for one another."""
        for name, other, sign in (("bot_token", "app", "xapp-"), ("app_token", "bot", "xoxb-")):
            if self._secrets[name].startswith(sign):
                key = f"{name}_env" if getattr(self, f"{name}_env") else f"{name}_file"
                yield key, f"leads to a token {sign}…, which belongs to {other}_token_env"

    def built(self) -> SlackConfig:
        """The frozen value of it."""
        return SlackConfig(
            **self._secrets,
            client_id=self.client_id,
            mode=self.mode,
            http_host=self.http_host,
            http_port=self.http_port,
            api_base=self.api_base.rstrip("/"),
            admins=tuple(self.admins),
            staff=tuple(self.staff),
            workspace_admins=self.workspace_admins,
            channel_mode=self.channel_mode,
            alert_channel=self.alert_channel,
            prefix=self.prefix,
            single=self.single,
        )


class Persona(_Table):
    """One section [personas.NAME]."""

    prompt: _Prompt
    model: str = Field(default="", description="write the name of a model")

    def built(self, name: str) -> PersonaConfig:
        """The frozen value of it."""
        return PersonaConfig(name, self.prompt, self.model)


class Channel(_Table):
    """One section [channels.NAME]."""

    mode: _Mode | None = None
    model: str = Field(default="", description="write the name of a model")
    persona: str = Field(default="", description="write the name of a persona")
    max_reply: int = Field(
        default=0, ge=0, le=10_000_000, description="give the tokens of one answer at most, 0: all"
    )

    def built(self) -> ChannelConfig:
        """The frozen value of it."""
        return ChannelConfig(self.mode or "", self.model, self.persona, self.max_reply)


def unknown_names(
    personas: Mapping[str, Persona],
    channels: Mapping[str, Channel],
    chat: Mapping[str, str],
    models: Iterable[str],
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Each model or persona that is named but does not exist: where, and what to say there."""
    known = {name.casefold() for name in models}
    those = {name.casefold() for name in personas}
    for key, persona in personas.items():
        if persona.model and persona.model.casefold() not in known:
            yield ("personas", key, "model"), _unknown(persona.model, "models")
    for key, channel in channels.items():
        if channel.model and channel.model.casefold() not in known:
            yield ("channels", key, "model"), _unknown(channel.model, "models")
        if channel.persona and channel.persona.casefold() not in those:
            yield ("channels", key, "persona"), _unknown(channel.persona, "personas")
    for key, model in chat.items():
        if model and model.casefold() not in known:
            yield ("chat", key), _unknown(model, "models")


def _unknown(name: str, section: str) -> str:
    return f"is {name[:60]!r}, which no section [{section}.…] has; add one, or name another"
