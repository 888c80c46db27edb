"""TOML and environment in, one frozen Config out; every problem names file, key and fix.

Why pydantic: it finds everything that is wrong in one pass, so that a file is mended in one go.
Its words are not used: each key carries its own fix, as the description of its field.
"""

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from importlib.resources import files
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Self, TypeAlias, Union, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from bot import config_checks as check
from bot import config_limits as limit
from bot.config_source import FILE_NAME, overlay, parsed
from bot.config_words import Path_, Shape, Words
from quota.errors import BadRuleError
from quota.limits import Policy
from quota.quotas import HOLD_MS, SETTLE_MS, Rules
from quota.units import Rates

# A call ends this long before its hold does, so that it is always settled and never lapses.
DEADLINE_S_MAX = (HOLD_MS - SETTLE_MS) // 1000
FIRST_TOKEN_S, IDLE_S, DEADLINE_S = 60, 30, 600

EMBEDDED: Mapping[str, Any] = {
    "store": {"url": "sqlite:///quotabot.db"},
    "models": {"default": {"base_url": check.OFFLINE}},
    # Small, so that a newcomer sees the warning and the wall within a minute.
    "limits": {"everyone": ["1k tokens/hour", "30 requests/hour"], "warn_at": [75, 90]},
}


class ConfigError(Exception):
    """The config cannot be used; each problem is one line that names where, what and the fix."""

    def __init__(self, problems: Iterable[str]) -> None:
        """Carry every problem that was found."""
        self.problems = tuple(problems)
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
        return self.base_url == check.OFFLINE

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


def find(path: Path | None, cwd: Path) -> Path | None:
    """The config file to read: the given one, else config.toml in a folder, else none."""
    if path is None:
        default = cwd / FILE_NAME
        return default if default.exists() else None
    if not path.exists():
        raise ConfigError([f"{path}: there is no such file; give another or run quotabot init"])
    return path


def load(path: Path | None, environ: Mapping[str, str]) -> Config:
    """Read a file (None: the embedded defaults) and what the environment says otherwise.

    ConfigError tells everything that is wrong.
    """
    try:
        raw = deepcopy(dict(EMBEDDED)) if path is None else parsed(path)
    except ValueError as error:
        raise ConfigError([str(error)]) from None
    if path is not None and not raw.get("models"):
        raw["models"] = deepcopy(EMBEDDED["models"])
    origins, problems = overlay(raw, environ, _SHAPE)
    words = Words(str(path or FILE_NAME), _SHAPE, origins)
    problems += [words.line(*found) for found in check.shared_names(raw.get("models"))]
    place = _Place(path.parent if path else Path(), environ)
    root: _Root | None = None
    try:
        root = _Root.model_validate(raw, context=place)
    except ValidationError as error:
        problems += _problems(error, words)
    if root is None or problems:
        raise ConfigError(dict.fromkeys(problems))
    return _built(path, raw, root, origins)


def read_example() -> str:
    """The text of config.example.toml, which shows every key."""
    # In the wheel it lies in the package, in a checkout beside it.
    inside = files("bot") / "config.example.toml"
    beside = Path(__file__).parent.parent / "config.example.toml"
    return (inside if inside.is_file() else beside).read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class _Place:
    """What paths and secrets are looked up in."""

    folder: Path
    environ: Mapping[str, str]


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


_LINE_FIX = 'write it like "20k tokens/day", or a list of such lines'
_Lines: TypeAlias = Annotated[
    list[Annotated[str, AfterValidator(limit.check_line)]],
    BeforeValidator(_as_list),
    AfterValidator(limit.check_list),
]
_PoolLines: TypeAlias = Annotated[
    list[Annotated[str, AfterValidator(limit.check_pool_line)]],
    BeforeValidator(_as_list),
    AfterValidator(limit.check_list),
]
_Name: TypeAlias = Annotated[str, AfterValidator(limit.check_name)]
_SharedKey: TypeAlias = Annotated[str, AfterValidator(limit.check_shared_key)]
_SpaceSharedKey: TypeAlias = Annotated[str, AfterValidator(limit.check_space_shared_key)]
_OwnKey: TypeAlias = Annotated[str, AfterValidator(limit.check_own_key)]
_Pattern: TypeAlias = Annotated[str, AfterValidator(limit.check_pattern)]
_SpaceKey: TypeAlias = Annotated[str, AfterValidator(limit.check_space)]
_Word: TypeAlias = Annotated[str, AfterValidator(check.word)]
_Dollars: TypeAlias = Annotated[str, AfterValidator(check.dollars)]

_DOLLARS_FIX = 'write dollars per million tokens in quotes, such as "$0.25"'


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Store(_Table):
    url: Annotated[str, AfterValidator(check.store_url)] = Field(
        default="sqlite:///quotabot.db", description='write "sqlite:///quotabot.db"'
    )


class _Price(_Table):
    input: _Dollars = Field(description=_DOLLARS_FIX)
    cached: _Dollars | None = Field(default=None, description=_DOLLARS_FIX)
    output: _Dollars = Field(description=_DOLLARS_FIX)
    reasoning: _Dollars | None = Field(default=None, description=_DOLLARS_FIX)

    @property
    def rates(self) -> Rates:
        """Micro-dollars per million tokens; what is not said costs what is nearest to it."""
        return Rates(
            check.credits_in(self.input),
            check.credits_in(self.cached or self.input),
            check.credits_in(self.output),
            check.credits_in(self.reasoning or self.output),
        )


_SECONDS_FIX = f"give whole seconds from 1 to {DEADLINE_S_MAX}"


class _Model(_Table):
    name: _Word = Field(
        default="", description='write the name that the server knows, such as name = "gpt-5-mini"'
    )
    base_url: Annotated[str, AfterValidator(check.base_url)] = Field(
        description='write the address of a server, "https://…/v1", or "offline"'
    )
    api_key_env: str | None = Field(
        default=None, description='write the name of a variable, such as "OPENAI_API_KEY"'
    )
    api_key_file: str | None = Field(
        default=None, description="write the path of the file that holds the key"
    )
    aliases: list[_Word] = Field(default=[], description='write a list of names, such as ["mini"]')
    output_max: int = Field(
        default=4096, ge=1, le=10_000_000, description="give the tokens of one answer, at least 1"
    )
    price: _Price | None = Field(
        default=None, description='write {input = "$0.25", output = "$2"}, per million tokens'
    )
    first_token_s: int | None = Field(
        default=None, ge=1, le=DEADLINE_S_MAX, description=_SECONDS_FIX
    )
    idle_s: int | None = Field(default=None, ge=1, le=DEADLINE_S_MAX, description=_SECONDS_FIX)
    deadline_s: int = Field(default=DEADLINE_S, ge=1, le=DEADLINE_S_MAX, description=_SECONDS_FIX)
    output_cap_field: Literal["max_completion_tokens", "max_tokens"] | None = Field(
        default=None, description='write "max_completion_tokens" or "max_tokens", or remove it'
    )
    charge_unknown: Literal["input", "zero"] = Field(
        default="input", description='write "input" or "zero"'
    )
    _api_key: str = PrivateAttr("")

    @model_validator(mode="after")
    def _whole(self, info: ValidationInfo) -> Self:
        """What no key shows alone: a name, times that fit together, a secret that is there."""
        place = info.context
        assert isinstance(place, _Place), "load gives it"
        found: list[tuple[str, str]] = []
        if not self.name and self.base_url != check.OFFLINE:
            found.append(("name", "is missing; write the name that the server knows"))
        times = {"first_token_s": self.first_token_s, "idle_s": self.idle_s}
        words = f"is longer than deadline_s = {self.deadline_s}; shorten it"
        found += [(key, words) for key, time_s in times.items() if (time_s or 0) > self.deadline_s]
        secret = check.Secret(self.api_key_env, self.api_key_file, self.base_url)
        self._api_key, wrong = secret.read(place.folder, place.environ)
        if found or wrong:
            raise check.WrongKeysError([*found, *wrong])
        return self

    def built(self, key: str) -> ModelConfig:
        """The frozen value of it."""
        first_token_s = self.first_token_s or min(FIRST_TOKEN_S, self.deadline_s)
        idle_s = self.idle_s or min(IDLE_S, self.deadline_s)
        return ModelConfig(
            key=key,
            name=self.name or check.OFFLINE,
            base_url=self.base_url.rstrip("/"),
            api_key=self._api_key,
            aliases=tuple(self.aliases),
            output_max=self.output_max,
            price=self.price.rates if self.price else None,
            first_token_ms=first_token_s * 1000,
            idle_ms=idle_s * 1000,
            deadline_ms=self.deadline_s * 1000,
            output_cap_field=self.output_cap_field,
            charge_unknown=self.charge_unknown,
        )


class _SpaceLimits(_Table):
    everyone: _Lines = Field(default=[], description=_LINE_FIX)
    roles: dict[_Name, _Lines] = Field(default={}, description=_LINE_FIX)
    shared: dict[_SpaceSharedKey, _PoolLines] = Field(default={}, description=_LINE_FIX)
    caps: dict[_OwnKey, _PoolLines] = Field(default={}, description=_LINE_FIX)
    members: dict[_Name, _Lines] = Field(default={}, description=_LINE_FIX)
    models: dict[_Pattern, dict[_OwnKey, _Lines]] = Field(default={}, description=_LINE_FIX)


class _Limits(_SpaceLimits):
    shared: dict[_SharedKey, _PoolLines] = Field(default={}, description=_LINE_FIX)
    timezone: Annotated[str, AfterValidator(limit.check_zone)] = Field(
        default="UTC", description='write an IANA name such as "Europe/Berlin"'
    )
    week_start: limit.Weekday = Field(
        default="monday", description=f"write one of {', '.join(limit.WEEKDAYS)}"
    )
    warn_at: Annotated[
        list[Annotated[int, Field(ge=1, le=100)]], AfterValidator(check.ascending)
    ] = Field(default=[75, 90], description="write percentages from 1 to 100, such as [75, 90]")
    input_chars_max: int = Field(
        default=32_000,
        ge=1,
        le=10_000_000,
        description="give the characters of one question, at least 1",
    )
    output_floor: int = Field(
        default=64,
        ge=1,
        le=10_000_000,
        description="give the fewest tokens worth answering with, from 1",
    )
    wait_s: int = Field(default=60, ge=0, le=3_600, description="give whole seconds from 0 to 3600")
    queue_max: int = Field(default=2, ge=0, le=1_000, description="give a number from 0 to 1000")
    note: Annotated[str, Field(max_length=300)] = Field(
        default="", description="write one sentence of at most 300 characters"
    )


class _Space(_Table):
    limits: _SpaceLimits = Field(
        default_factory=_SpaceLimits, description='make it a section, [spaces."…".limits]'
    )


class _Chat(_Table):
    system_prompt: Annotated[str, Field(max_length=20_000)] = Field(
        default="", description="write what the model is told first, at most 20000 characters"
    )


class _Backup(_Table):
    dir: str = Field(default="", description='write the path of a folder, or "" for none')
    keep: int = Field(
        default=7, ge=1, le=10_000, description="give how many backups to keep, at least 1"
    )


def _section(name: str) -> str:
    return f"make it a section, [{name}]"


class _Root(_Table):
    store: _Store = Field(default_factory=_Store, description=_section("store"))
    models: dict[_Word, _Model] = Field(default={}, description=_section("models.default"))
    limits: _Limits = Field(default_factory=_Limits, description=_section("limits"))
    spaces: dict[_SpaceKey, _Space] = Field(
        default={}, description=_section('spaces."platform:id".limits')
    )
    chat: _Chat = Field(default_factory=_Chat, description=_section("chat"))
    backup: _Backup = Field(default_factory=_Backup, description=_section("backup"))


def _shape(annotation: object, fix: str = "") -> Shape:
    """The shape of a type: fields by name, dicts by any key, all else is a value."""
    bare: Any = annotation
    while (origin := get_origin(bare)) in {Annotated, Union, UnionType}:
        bare = next(a for a in get_args(bare) if a is not type(None))
    if isinstance(bare, type) and issubclass(bare, BaseModel):
        fields = bare.model_fields.items()
        return Shape(fix, {k: _shape(f.annotation, f.description or fix) for k, f in fields})
    if origin is dict:
        return Shape(fix, each=_shape(get_args(bare)[1], fix))
    return Shape(fix, is_text=bare is str)


_SHAPE = _shape(_Root)


def _problems(error: ValidationError, words: Words) -> Iterator[str]:
    """Say in our words what pydantic found."""
    for line in error.errors(include_url=False):
        # List positions do not help a reader, nor does the mark of a bad key.
        path = tuple(str(p) for p in line["loc"] if isinstance(p, str) and p != "[key]")
        value, cause = line["input"], line.get("ctx", {}).get("error")
        if isinstance(cause, check.WrongKeysError):
            yield from (words.line((*path, key), what) for key, what in cause.found)
        elif isinstance(cause, BadRuleError):
            yield words.line(path, f"has a fault: {cause}")
        elif cause is not None and line["type"] == "value_error":
            yield words.line(path, str(cause))
        elif line["type"] == "extra_forbidden":
            yield words.unknown(path, value)
        elif line["type"] == "missing":
            yield words.missing(path)
        else:
            in_list = bool(line["loc"]) and isinstance(line["loc"][-1], int)
            yield words.value(path, value, in_list=in_list)


def _built(
    path: Path | None, raw: Mapping[str, Any], root: _Root, origins: Mapping[Path_, str]
) -> Config:
    models = tuple(model.built(key) for key, model in root.models.items())
    limits, week_start = root.limits, limit.WEEKDAYS.index(root.limits.week_start)
    said = path is not None or ("limits", "everyone") in origins
    reading = limit.Reading(limits.timezone, week_start, "config" if said else "default")
    base, spaces = limit.policies(raw, reading)
    folder = path.parent if path else Path()
    return Config(
        path=path,
        store_path=check.store_path(root.store.url, folder),
        models=models,
        rules=Rules(
            base=base,
            spaces=spaces,
            warn_at=tuple(limits.warn_at),
            wait_ms=limits.wait_s * 1000,
            output_floor=limits.output_floor,
            zone=limits.timezone,
            week_start=week_start,
        ),
        queue_max=limits.queue_max,
        input_chars_max=limits.input_chars_max,
        note=limits.note,
        system_prompt=root.chat.system_prompt,
        backup=BackupConfig(
            folder / root.backup.dir if root.backup.dir else None, root.backup.keep
        ),
        warnings=tuple(_warnings(models, base)) if path else (),
    )


def _warnings(models: Iterable[ModelConfig], base: Policy) -> Iterator[str]:
    if not base.limits:
        yield "[limits] is empty: every member may use any amount; write everyone = [...]"
    models = tuple(models)
    if all(model.offline for model in models):
        yield "[models] names no server: the offline model answers; write [models.default]"
    for model in models:
        if not model.api_key and not check.is_local(model.base_url):
            yield f"[models.{model.key}] has no api_key_env: its server must need no key"
    names = {name for model in models for name in model.names}
    for pattern in dict.fromkeys(bound.models for bound in base.limits):
        if not any(fnmatchcase(name, pattern) for name in names):
            yield f"[limits.models.{pattern!r}] fits no model: {', '.join(sorted(names))}"
