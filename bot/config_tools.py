"""What the config says of tools: the servers that have them, for whom, and within which bounds."""

from typing import Annotated, Self, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    PrivateAttr,
    ValidationInfo,
    model_validator,
)

from bot import config_checks as check
from bot import config_limits as limit
from bot.config_platforms import STRICT, FilePath, Place, Word
from bot.tool_servers import RESULT_CHARS_MAX, TIMEOUT_MS, ToolServer

TIMEOUT_S_MAX = 600
_CHARS_MAX = 1_000_000
_PLAIN = "Authorization"

_Names: TypeAlias = Annotated[
    list[Word],
    BeforeValidator(lambda value: [value] if isinstance(value, str) else value),
    Field(description='write a list of names: ["one", "another"]'),
]
_SpaceKey: TypeAlias = Annotated[str, AfterValidator(limit.check_space)]


class Tools(BaseModel):
    """A section [tools.NAME]: a program (`command`) or an address (`url`)."""

    model_config = STRICT

    command: list[str] = Field(
        default=[], description='write the program and each argument: ["uvx", "mcp-server-time"]'
    )
    folder: FilePath = Field(default="", description='write the path of a folder, or ""')
    env: dict[Word, str] = Field(default={}, description='write {LANG = "C.UTF-8"}')
    env_from: _Names = []
    url: Annotated[str, AfterValidator(check.address)] = Field(
        default="", description='write an address, "https://…/mcp"'
    )
    token_env: str | None = Field(
        default=None, description='write the name of a variable, such as "WIKI_TOKEN"'
    )
    token_file: FilePath | None = Field(
        default=None, description="write the path of the file that holds the token"
    )
    token_header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,100}$")] = Field(
        default=_PLAIN, description='write the name of a header, such as "X-Api-Key"'
    )
    allowed_for: _Names = []
    spaces: list[_SpaceKey] = Field(default=[], description='write ["discord:1234"]')
    only: _Names = []
    never: _Names = []
    timeout_s: int = Field(
        default=TIMEOUT_MS // 1000,
        ge=1,
        le=TIMEOUT_S_MAX,
        description=f"give whole seconds from 1 to {TIMEOUT_S_MAX}",
    )
    result_chars_max: int = Field(
        default=RESULT_CHARS_MAX,
        ge=100,
        le=_CHARS_MAX,
        description=f"give the characters of one result at most, from 100 to {_CHARS_MAX}",
    )
    _token: str = PrivateAttr("")
    _env: dict[str, str] = PrivateAttr(default_factory=dict)
    _built_in: Place = PrivateAttr()

    @model_validator(mode="after")
    def _whole(self, info: ValidationInfo) -> Self:
        """What no key shows alone: one way to reach it, and secrets that are there."""
        place = info.context
        assert isinstance(place, Place), "load gives it"
        self._built_in = place
        found = list(self._ways())
        secret = check.Secret(self.token_env, self.token_file, self.url, "token", "WIKI_TOKEN")
        self._token, wrong = secret.read(place.folder, place.environ)
        for name in self.env_from if self.command else ():
            value = place.environ.get(name)
            if value is None:
                found.append(("env_from", f"names {name[:60]}, which is not set; set it"))
            else:
                self._env[name] = value
        if found or wrong:
            raise check.WrongKeysError([*found, *wrong])
        return self

    def _ways(self) -> list[tuple[str, str]]:
        if self.command and self.url:
            return [("url", "stands beside command; keep one of them")]
        if not self.command and not self.url:
            return [("command", 'is missing; write ["uvx", "mcp-server-time"], or a url')]
        if self.command and not self.command[0].strip():
            return [("command", "names no program; write its name or path first")]
        beside = {"folder": self.folder, "env": self.env, "env_from": self.env_from}
        of_url = {"token_env": self.token_env, "token_file": self.token_file}
        other, needs = (of_url, "url") if self.command else (beside, "command")
        return [(key, f"needs a {needs}; remove it") for key, said in other.items() if said]

    def built(self, key: str) -> ToolServer:
        """The frozen value of it."""
        token = f"Bearer {self._token}" if self.token_header == _PLAIN else self._token
        return ToolServer(
            key=key,
            command=tuple(self.command),
            env={**self.env, **self._env},
            folder=self._built_in.folder / self.folder if self.folder else None,
            url=self.url,
            headers={self.token_header: token} if self._token else {},
            allowed_for=tuple(self.allowed_for),
            spaces=tuple(self.spaces),
            only=tuple(self.only),
            never=tuple(self.never),
            timeout_ms=self.timeout_s * 1000,
            result_chars_max=self.result_chars_max,
            secrets=tuple(filter(None, (self._token, *self._env.values()))),
        )
