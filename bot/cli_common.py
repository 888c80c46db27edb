"""What all commands of the command line have in common: options, and how they speak."""

import asyncio
import json
import os
import pwd
from collections.abc import Callable, Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from bot import main as door
from bot.cli_books import Shown
from bot.config_values import Config, ConfigError, ModelConfig
from bot.control import FINE, Order, Outcome
from bot.log import Redactor
from quota.errors import BadRuleError
from quota.quotas import Quotas

PLAIN: dict[str, Any] = {
    "add_completion": False,
    "no_args_is_help": True,
    "context_settings": {"help_option_names": ["-h", "--help"]},
    "pretty_exceptions_enable": False,
    "rich_markup_mode": None,
}

ConfigPath = Annotated[
    Path | None,
    typer.Option("--config", metavar="PATH", help="The config file (else ./config.toml)."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
MemberName = Annotated[
    str, typer.Argument(metavar="MEMBER", help="platform:space:id, or a name of the console.")
]
Roles = Annotated[
    list[str] | None, typer.Option("--role", metavar="ROLE", help="A role held; may be repeated.")
]
SpaceName = Annotated[
    str, typer.Option("--space", metavar="SPACE", help="platform:id, or a space of the console.")
]
Channel = Annotated[str, typer.Option("--channel", metavar="NAME", help="In which channel.")]
ModelName = Annotated[str, typer.Option("--model", metavar="MODEL", help="For which model.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for the audit trail.")]
Until = Annotated[
    str, typer.Option("--until", metavar="TIME", help="3d, 2h, never, or a date (2026-12-31).")
]


def fail(code: int, *lines: str) -> int:
    """Tell on standard error why it did not work; returns the exit code."""
    redactor = Redactor()
    for line in lines:
        typer.echo(f"quotabot: {redactor.clean(line)}", err=True)
    return code


def note(line: str) -> None:
    """Something to know, which is no part of the output."""
    typer.echo(f"quotabot: {line}", err=True)


def show(shown: Shown, *, as_json: bool) -> None:
    """Print a result for a person or for a program."""
    text = json.dumps(shown.data, ensure_ascii=False, indent=2) if as_json else shown.text
    typer.echo(text)


class _Keyless(Mapping[str, str]):
    """The environment, in which every other variable is there, too: who only looks needs no key."""

    def __getitem__(self, name: str) -> str:
        return os.environ.get(name) or "no-key"

    def __iter__(self) -> Iterator[str]:
        return iter(os.environ)

    def __len__(self) -> int:
        return len(os.environ)


def loaded(path: Path | None, *, keys: bool = False) -> Config:
    """The config; ConfigError where it cannot be used.

    `keys`: the models will be called, so their keys have to be there, and warnings are told.
    """
    from bot.config import find, load
    from bot.config_checks import folder_problem

    config = load(find(path, Path.cwd()), os.environ if keys else _Keyless())
    if wrong := folder_problem(config.store_path):
        where = f"{config.path}: [store] url" if config.path else "QUOTABOT_STORE__URL"
        raise ConfigError([f"{where} {wrong}"])
    for warning in config.warnings if keys else ():
        note(warning)
    return config


def actor() -> str:
    """Who is at the command line, for the audit trail."""
    try:
        return f"cli:{pwd.getpwuid(os.getuid()).pw_name}"
    except KeyError:
        return f"cli:{os.getuid()}"


def ordered(config_path: Path | None, verb: str, *, as_json: bool, **args: object) -> None:
    """Have something done by the running bot, or here; what became of it is shown."""
    outcome = asyncio.run(door.carry_out(loaded(config_path), Order(verb, actor(), args)))
    fine = done(outcome)
    show(Shown(fine.text, fine.data), as_json=as_json)


def done(outcome: Outcome) -> Outcome:
    """An order that worked; the end of the command where it did not."""
    if outcome.code != FINE:
        raise typer.Exit(fail(outcome.code, *outcome.text.splitlines()))
    return outcome


def looked(
    config_path: Path | None,
    look: Callable[[Quotas, ModelConfig], Coroutine[Any, Any, Shown]],
    *,
    as_json: bool,
    model: str = "",
    empty: bool = True,
) -> Shown:
    """Look at the books beside a running bot or without one, and show what was found.

    `empty`: where no database was made yet, nothing has been used yet.
    """
    config = loaded(config_path)
    chosen = model_of(config, model)
    if empty and not config.store_path.exists():
        note(f"{config.store_path} is not there yet, so nothing has been used")

    async def looking() -> Shown:
        async with door.reading(config, empty=empty) as quotas:
            return await look(quotas, chosen)

    shown = asyncio.run(looking())
    show(shown, as_json=as_json)
    return shown


def model_of(config: Config, name: str) -> ModelConfig:
    """The model with this key, name or alias; the default for an empty one."""
    for model in config.models:
        if not name or name.casefold() in {known.casefold() for known in model.names}:
            return model
    known = ", ".join(model.key for model in config.models)
    raise BadRuleError(f"there is no model {name!r}; known: {known}")
