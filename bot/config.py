"""TOML and environment in, one frozen Config out; every problem names file, key and fix.

Why pydantic: it finds everything that is wrong in one pass, so that a file is mended in one go.
Its words are not used: each key carries its own fix, as the description of its field.
"""

import os
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, TypeAlias, Union, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    ValidationError,
)
from pydantic.fields import FieldInfo

from bot import config_checks as check
from bot import config_limits as limit
from bot.config_balance import Balance
from bot.config_models import Model, Prices
from bot.config_platforms import (
    STRICT,
    Channel,
    Discord,
    FilePath,
    Persona,
    Place,
    Slack,
    Word,
    unknown_names,
)
from bot.config_source import FILE_NAME, overlay, parsed
from bot.config_tools import Tools
from bot.config_values import (
    OFFLINE,
    BackupConfig,
    Config,
    ConfigError,
    ModelConfig,
    SideCallsConfig,
)
from bot.config_words import Path_, Shape, Words
from bot.languages import LanguageCode
from quota.members import Space
from quota.rules import Rules

__all__ = [
    "EMBEDDED",
    "SHAPE",
    "BackupConfig",
    "Config",
    "ConfigError",
    "ModelConfig",
    "find",
    "load",
    "read_example",
]

# Where direct messages of people belong who have used the bot in no server.
DIRECT = Space("discord", "direct")

EMBEDDED: Mapping[str, Any] = {
    "store": {"url": "sqlite:///quotabot.db"},
    "models": {"default": {"base_url": OFFLINE, "output_max": 400}},
    # Small, so that a newcomer sees the warning and the wall within a minute.
    "limits": {"everyone": ["1k tokens/hour", "30 requests/hour"], "warn_at": [75, 90]},
}


def find(path: Path | None, cwd: Path) -> Path | None:
    """The config file to read: the given one, else config.toml in a folder, else none."""
    default = cwd / FILE_NAME
    # A link that leads nowhere is a mistake to be told, not the absence of a file.
    if path is None:
        return default if os.path.lexists(default) else None
    if not os.path.lexists(path):
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
    names_models = raw.get("models", {}) != {}
    if not names_models:
        raw["models"] = deepcopy(EMBEDDED["models"])
    origins, problems = overlay(raw, environ, SHAPE)
    words = Words(str(path or "environment"), SHAPE, origins)
    problems += [words.line(*found) for found in check.shared_names(raw.get("models"))]
    place = Place(path.parent if path else Path(), environ)
    root: _Root | None = None
    try:
        root = _Root.model_validate(raw, context=place)
    except ValidationError as error:
        problems += words.all_of(error.errors(include_url=False))
    if root is not None:
        those = (name for key, model in root.models.items() for name in model.names(key))
        besides = {n: getattr(root.chat, n) for n in ("summary_model", "title_model")}
        found = unknown_names(root.personas, root.channels, besides, those)
        problems += [words.line(*each) for each in found]
    if root is None or problems:
        raise ConfigError(problems)
    config = _built(path, raw, root, origins)
    if path is None:
        return config
    warnings = (f"{path}: {w}" for w in _warnings(root, config, names_models=names_models))
    return replace(config, warnings=tuple(warnings))


def read_example() -> str:
    """The text of config.example.toml, which shows every key."""
    # In the wheel it lies in the package, in a checkout beside it.
    inside = files("bot") / "config.example.toml"
    beside = Path(__file__).parent.parent / "config.example.toml"
    return (inside if inside.is_file() else beside).read_text(encoding="utf-8")


_AS_LIST, _CHECK_LIST = BeforeValidator(limit.as_list), AfterValidator(limit.check_list)
_LINE_FIX = Field(description='write it like "20k tokens/day", or a list of such lines')
_POOL_FIX = Field(description='write it like "2M tokens/day fair", or a list of such lines')
_Line: TypeAlias = Annotated[str, AfterValidator(limit.check_line)]
_CapLine: TypeAlias = Annotated[str, AfterValidator(limit.check_cap_line)]
_PoolLine: TypeAlias = Annotated[str, AfterValidator(limit.check_pool_line)]
_Lines: TypeAlias = Annotated[list[_Line], _AS_LIST, _CHECK_LIST, _LINE_FIX]
_CapLines: TypeAlias = Annotated[list[_CapLine], _AS_LIST, _CHECK_LIST, _LINE_FIX]
_PoolLines: TypeAlias = Annotated[list[_PoolLine], _AS_LIST, _CHECK_LIST, _POOL_FIX]
_Name: TypeAlias = Annotated[str, AfterValidator(limit.check_name)]
_SharedKey: TypeAlias = Annotated[str, AfterValidator(limit.check_shared_key)]
_SpaceSharedKey: TypeAlias = Annotated[str, AfterValidator(limit.check_space_shared_key)]
_OwnKey: TypeAlias = Annotated[str, AfterValidator(limit.check_own_key)]
_Pattern: TypeAlias = Annotated[str, AfterValidator(limit.check_pattern)]
_SpaceKey: TypeAlias = Annotated[str, AfterValidator(limit.check_space)]
_Weight: TypeAlias = Annotated[
    int, Field(ge=1, le=1000, description="give a whole number from 1 to 1000")
]


class _Table(BaseModel):
    model_config = STRICT


class _Store(_Table):
    url: Annotated[str, AfterValidator(check.store_url)] = Field(
        default="sqlite:///quotabot.db", description='write "sqlite:///quotabot.db"'
    )


class _SpaceLimits(_Table):
    everyone: _Lines = []
    roles: dict[_Name, _Lines] = {}
    shared: dict[_SpaceSharedKey, _PoolLines] = {}
    caps: dict[_OwnKey, _CapLines] = {}
    members: dict[_Name, _Lines] = {}
    models: dict[_Pattern, dict[_OwnKey, _Lines]] = {}
    weights: dict[_Name, _Weight] = {}
    expected_members: int | None = Field(
        default=None, ge=1, le=10_000_000, description="give a number from 1 to 10000000"
    )


class _Limits(_SpaceLimits):
    shared: dict[_SharedKey, _PoolLines] = {}
    direct: _SpaceLimits = _SpaceLimits()
    timezone: Annotated[str, AfterValidator(limit.check_zone)] = Field(
        default="UTC", description='write an IANA name such as "Europe/Berlin"'
    )
    week_start: limit.Weekday = Field(
        default="monday", description=f"write one of {', '.join(limit.WEEKDAYS)}"
    )
    warn_at: Annotated[
        list[Annotated[int, Field(ge=1, le=100)]], AfterValidator(check.ascending)
    ] = Field(default=[75, 90], description="write percentages from 1 to 100: [75, 90]")
    input_chars_max: Annotated[int, Field(ge=1, le=10_000_000)] = Field(
        default=32_000, description="give the characters of one question, from 1 to 10000000"
    )
    output_floor: Annotated[int, Field(ge=1, le=10_000_000)] = Field(
        default=64, description="give the fewest tokens worth an answer, from 1 to 10000000"
    )
    wait_s: int = Field(default=60, ge=0, le=3600, description="give whole seconds from 0 to 3600")
    queue_max: int = Field(default=2, ge=0, le=1000, description="give a number from 0 to 1000")
    note: Annotated[str, AfterValidator(check.sentence)] = Field(
        default="", max_length=300, description="write a sentence of at most 300 characters"
    )
    staff_cap: Annotated[str, AfterValidator(limit.check_staff_cap)] = Field(
        default="", description='write it like "50k tokens"'
    )


class _Space(_Table):
    limits: _SpaceLimits = _SpaceLimits()
    balance: Balance | None = None


class _Chat(_Table):
    system_prompt: str = Field(
        default="", max_length=20_000, description="write at most 20000 characters in quotes"
    )
    language: LanguageCode = Field(
        default="en", description=f"write one of {', '.join(get_args(LanguageCode))}"
    )
    summaries: bool = Field(default=False, description="write true or false")
    summary_model: str = Field(default="", description="write the name of a model in quotes")
    summary_tokens: int = Field(default=500, ge=64, le=8_000, description="give 64 to 8000 tokens")
    titles: bool = Field(default=False, description="write true or false")
    title_model: str = Field(default="", description="write the name of a model in quotes")
    steps_max: int = Field(default=10, ge=1, le=50, description="give a number from 1 to 50")


class _Backup(_Table):
    dir: FilePath = Field(default="", description='write the path of a folder, or "" for none')
    keep: int = Field(default=7, ge=1, le=10_000, description="give a number from 1 to 10000")


class _Root(_Table):
    store: _Store = _Store()
    models: dict[Word, Model] = Field(default={}, description="make it a section, [models.default]")
    prices: Prices = Prices()
    limits: _Limits = _Limits()
    balance: Balance | None = None
    spaces: dict[_SpaceKey, _Space] = {}
    chat: _Chat = _Chat()
    backup: _Backup = _Backup()
    discord: Discord | None = None
    slack: Slack | None = None
    tools: dict[Word, Tools] = Field(default={}, description="make it a section, [tools.clock]")
    personas: dict[Word, Persona] = Field(
        default={}, description="make it a section, [personas.helper]"
    )
    channels: dict[Word, Channel] = Field(
        default={}, description="make it a section, [channels.general]"
    )


def _shape(annotation: object, fix: str = "") -> Shape:
    """The shape of a type: fields by name, dicts by any key, all else is a value."""
    bare: Any = annotation
    while (origin := get_origin(bare)) in {Annotated, Union, UnionType}:
        noted = (
            m.description for m in getattr(bare, "__metadata__", ()) if isinstance(m, FieldInfo)
        )
        fix = fix or next(filter(None, noted), "")
        bare = next(a for a in get_args(bare) if a is not type(None))
    if isinstance(bare, type) and issubclass(bare, BaseModel):
        fields = bare.model_fields.items()
        return Shape(fix, {k: _shape(f.annotation, f.description or "") for k, f in fields})
    if origin is dict:
        return Shape(fix, each=_shape(get_args(bare)[1]))
    return Shape(fix, is_text=bare is str)


# Every key there is, for who wants to name them.
SHAPE = _shape(_Root)


def _built(
    path: Path | None, raw: Mapping[str, Any], root: _Root, origins: Mapping[Path_, str]
) -> Config:
    models = tuple(model.built(key) for key, model in root.models.items())
    limits, week_start = root.limits, limit.WEEKDAYS.index(root.limits.week_start)
    said = path is not None or ("limits", "everyone") in origins
    reading = limit.Reading(limits.timezone, week_start, "config" if said else "default")
    base, spaces = limit.policies(raw, reading)
    if direct := raw.get("limits", {}).get("direct"):
        spaces[DIRECT.key] = limit.merged(base, limit.limits_in(direct, reading))
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
            staff_cap=limit.staff_cap(limits.staff_cap),
        ),
        queue_max=limits.queue_max,
        input_chars_max=limits.input_chars_max,
        note=limits.note,
        system_prompt=root.chat.system_prompt,
        language=root.chat.language,
        backup=BackupConfig(
            folder / root.backup.dir if root.backup.dir else None, root.backup.keep
        ),
        discord=root.discord.built() if root.discord else None,
        slack=root.slack.built() if root.slack else None,
        personas={name: persona.built(name) for name, persona in root.personas.items()},
        channels={name: channel.built() for name, channel in root.channels.items()},
        prices=root.prices.built(),
        tools=tuple(tools.built(key) for key, tools in root.tools.items()),
        steps_max=root.chat.steps_max,
        side=SideCallsConfig(
            root.chat.summaries,
            root.chat.summary_model,
            root.chat.summary_tokens,
            root.chat.titles,
            root.chat.title_model,
        ),
    )


def _warnings(root: _Root, config: Config, *, names_models: bool) -> Iterator[str]:
    """What loads, and may not have been meant."""
    if not names_models:
        yield "[models] names no server: the offline model answers; write [models.default]"
    for model in config.models:
        variable = root.models[model.key].api_key_env
        if model.api_key or model.offline:
            continue
        if variable is not None:
            yield (
                f"[models.{model.key}] api_key_env names {variable}, which is not set; "
                f"if this server needs a key, set {variable} to it, else remove api_key_env"
            )
        elif not check.is_local(model.base_url):
            yield f"[models.{model.key}] has no api_key_env: its server must need no key"
    names = {name for model in config.models for name in model.names}
    yield from limit.warnings(config.rules.base, names)
