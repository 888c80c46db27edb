"""The command line: reads what was typed, calls the door, prints what comes back.

Exit codes: 0 fine; 1 a check of `doctor` or `ledger verify` failed; 2 wrong usage, or a config
that cannot be used; 3 the store cannot be used.
"""

import asyncio
import json
import os
import sys
import traceback
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any

import typer

from bot import main as door
from bot.bot import Bot
from bot.cli_books import Shown
from bot.config_values import Config, ConfigError
from bot.control import Order
from bot.log import Redactor, set_up
from quota.errors import QuotaError, StoreUnavailableError

FINE, FAILED, WRONG, UNAVAILABLE, INTERRUPTED = 0, 1, 2, 3, 130

_PLAIN: dict[str, Any] = {
    "add_completion": False,
    "no_args_is_help": True,
    "pretty_exceptions_enable": False,
    "rich_markup_mode": None,
}
app = typer.Typer(help="A chat bot in which every member has a fair allowance.", **_PLAIN)
quota = typer.Typer(help="Look at and change what members may use.", **_PLAIN)
ledger = typer.Typer(help="Prove, export and follow the books.", **_PLAIN)
config_ = typer.Typer(help="Look at the config.", **_PLAIN)
app.add_typer(quota, name="quota")
app.add_typer(ledger, name="ledger")
app.add_typer(config_, name="config")

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
    str, typer.Option("--space", metavar="SPACE", help="platform:id (else the console).")
]
ModelName = Annotated[str, typer.Option("--model", metavar="MODEL", help="For which model.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for the audit trail.")]
Until = Annotated[
    str, typer.Option("--until", metavar="TIME", help="3d, 2h, never, or a date (2026-12-31).")
]


def run(arguments: list[str]) -> int:
    """Carry out a command line; the exit code. What goes wrong is told in one line, or a few."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A name of a member can hold what a terminal cannot show.
            stream.reconfigure(errors="backslashreplace")
    try:
        app(args=arguments, prog_name="quotabot")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else FINE
    except KeyboardInterrupt:
        return INTERRUPTED
    except ConfigError as error:
        return fail(WRONG, *error.problems)
    except StoreUnavailableError as error:
        return fail(UNAVAILABLE, str(error))
    except QuotaError as error:
        return fail(WRONG, str(error))
    except Exception as error:  # a mistake of ours; nobody can act on a traceback
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{type(error).__name__} in {Path(last.filename).name}, line {last.lineno}"
        return fail(FAILED, f"something went wrong inside ({where}); please report this line")
    return FINE


def fail(code: int, *lines: str) -> int:
    """Tell on standard error why it did not work."""
    redactor = Redactor()
    for line in lines:
        typer.echo(f"quotabot: {redactor.clean(line)}", err=True)
    return code


def note(line: str) -> None:
    """Something to know, which is no part of the output."""
    typer.echo(line, err=True)


def show(text: str, data: object, *, as_json: bool) -> None:
    """Print a result for a person or for a program."""
    typer.echo(json.dumps(data, ensure_ascii=False, indent=2) if as_json else text)


def loaded(path: Path | None) -> Config:
    """The config, its warnings told on standard error; ConfigError where it cannot be used."""
    from bot.config import find, load

    config = load(find(path, Path.cwd()), os.environ)
    for warning in config.warnings:
        note(f"quotabot: {warning}")
    return config


def held(config: Config, order: Order) -> Shown:
    """What became of an order; anything but fine ends the program."""
    outcome = asyncio.run(door.carry_out(config, order))
    if outcome.code != FINE:
        raise typer.Exit(fail(outcome.code, *outcome.text.splitlines()))
    return Shown(outcome.text, outcome.data)


# What serves.


@app.command()
def chat(
    name: Annotated[str, typer.Option("--as", metavar="NAME", help="Who you are.")] = "you",
    role: Roles = None,
    channel: Annotated[str, typer.Option(metavar="NAME", help="Where you are.")] = "general",
    admin: Annotated[bool, typer.Option("--admin", help="Govern from here.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines, for programs.")] = False,
    config_path: ConfigPath = None,
) -> None:
    """Talk to the bot in this terminal."""
    from adapters.console import Person, chat_interactive, chat_json

    config = loaded(config_path)
    if not as_json:
        set_up_log(config, beside=True)
        person = Person(name, tuple(role or ()), channel, admin)
        asyncio.run(door.serve(config, lambda bot: chat_interactive(bot, person), reloads=False))
        return
    if config.path is None:
        note("quotabot: no config.toml here, so the built-in defaults hold (quotabot init)")
    set_up_log(config)
    stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
    asyncio.run(door.serve(config, lambda bot: chat_json(bot, stdin, stdout), reloads=True))


@app.command(name="run")
def serve(config_path: ConfigPath = None) -> None:
    """Run all platforms that the config enables."""
    config = loaded(config_path)
    enabled = [platform for platform in door.platforms().values() if platform.enabled(config)]
    if not enabled:
        raise typer.Exit(
            fail(
                WRONG,
                "no platform is enabled: this version has only the console; "
                "talk in it with quotabot chat, or drive it with quotabot chat --json",
            )
        )
    set_up_log(config, level="INFO")

    async def work(bot: Bot) -> None:
        async with asyncio.TaskGroup() as group:
            for platform in enabled:
                group.create_task(platform.run(bot), name=platform.name)

    asyncio.run(door.serve(config, work, reloads=True))


def set_up_log(config: Config, *, beside: bool = False, level: str = "WARNING") -> None:
    """Log to standard error, or to a file beside the database where a person chats."""
    path = config.store_path.resolve()
    file = path.with_name(f"{path.name}.log") if beside else None
    set_up((model.api_key for model in config.models), file=file, level=level)
