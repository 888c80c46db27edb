"""The command line: reads what was typed, calls the door, prints what comes back.

Exit codes: 0 fine; 1 a check of `doctor` or `ledger verify` failed; 2 wrong usage, or a config
that cannot be used; 3 the store cannot be used.
"""

import asyncio
import os
import sys
import traceback
from collections.abc import Callable, Coroutine
from dataclasses import replace
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any

import typer

from bot import cli_govern as govern
from bot import cli_init as setup
from bot import cli_privacy
from bot import doctor as checks
from bot import main as door
from bot.bot import Bot
from bot.cli_books import Shown
from bot.cli_common import (
    PLAIN,
    AsJson,
    ConfigPath,
    Roles,
    actor,
    fail,
    loaded,
    note,
    ordered,
    show,
)
from bot.config_source import FILE_NAME
from bot.config_values import Config, ConfigError
from bot.control import FAILED, FINE, UNAVAILABLE, WRONG, Order
from bot.log import be_quiet, set_up
from bot.serving import serve
from quota.clock import SystemClock
from quota.errors import QuotaError, StoreUnavailableError

INTERRUPTED = 130

app = typer.Typer(help="A chat bot in which every member has a fair, enforced allowance.", **PLAIN)
config_ = typer.Typer(help="Look at the config.", **PLAIN)
manifest = typer.Typer(help="Write what the settings pages of a platform take.", **PLAIN)
invite = typer.Typer(help="Write the link that invites the bot.", **PLAIN)


@app.callback()
def options(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Take what stands before a command."""
    if version:
        door.print_version()
        raise typer.Exit(FINE)


def run(arguments: list[str]) -> int:
    """Carry out a command line; the exit code. What goes wrong is told in one line, or a few."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A name of a member can hold what a terminal cannot show.
            stream.reconfigure(errors="backslashreplace")
    be_quiet()
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
    except OSError as error:
        # What waits to be written cannot be written at the end, either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return fail(FAILED, f"{error.filename or 'the output'}: {error.strerror}")
    except Exception as error:  # a mistake of ours; nobody can act on a traceback
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{type(error).__name__} in {Path(last.filename).name}, line {last.lineno}"
        return fail(FAILED, f"something went wrong inside ({where}); please report this line")
    return FINE


@app.command()
def init(
    server: Annotated[
        str, typer.Option(metavar="SERVER", help="ollama, openai, offline, or an address.")
    ] = "",
    model: Annotated[str, typer.Option(metavar="NAME", help="As the server knows it.")] = "",
    api_key_env: Annotated[
        str, typer.Option(metavar="VARIABLE", help="The variable that holds the key.")
    ] = "",
    limit: Annotated[str, typer.Option(metavar="LIMIT", help="What each member may use.")] = "",
    timezone: Annotated[str, typer.Option(metavar="ZONE", help="Such as Europe/Berlin.")] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a config.")] = False,
    ollama: Annotated[
        str, typer.Option(metavar="URL", help="Where an Ollama may listen.")
    ] = setup.OLLAMA,
    config: ConfigPath = None,
) -> None:
    """Ask a few questions and write config.toml."""
    path = config or Path(FILE_NAME)
    if path.exists() and not force:
        raise typer.Exit(fail(WRONG, f"{path} is there already; --force replaces it"))
    given = {"server": server, "model": model, "key": api_key_env, "limit": limit, "zone": timezone}

    def ask(name: str, question: str, default: str) -> str:
        """What was given, or is answered now; the default where nobody is there to ask."""
        if given[name] or yes or not sys.stdin.isatty():
            return given[name] or default
        while True:
            answer = str(typer.prompt(question, default=default)).strip()
            if not (wrong := setup.mistake(name, answer, ollama)):
                return answer
            typer.echo(wrong)

    text = setup.config_text(setup.choices(ask, setup.ollama_models(ollama), ollama))
    for line in setup.written(path, text, os.environ):
        typer.echo(line)


@app.command()
def chat(
    name: Annotated[str, typer.Option("--as", metavar="NAME", help="Who you are.")] = "you",
    role: Roles = None,
    channel: Annotated[str, typer.Option(metavar="NAME", help="Where you are.")] = "general",
    admin: Annotated[bool, typer.Option("--admin", help="Govern from here.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines, for programs.")] = False,
    config: ConfigPath = None,
) -> None:
    """Talk to the bot in this terminal."""
    from adapters.console import Person, chat_interactive, chat_json

    read = loaded(config, keys=True)
    if not name.strip() or not name.isprintable():
        raise typer.Exit(fail(WRONG, f"--as {name!r} is no name; write one such as ana"))
    if not as_json:
        _set_up_log(read, beside=True)
        person = Person(name, tuple(role or ()), channel, admin)
        asyncio.run(_serve(read, lambda bot: chat_interactive(bot, person), reloads=False))
        return
    if read.path is None:
        note("no config.toml here, so the built-in defaults hold (quotabot init writes one)")
    _set_up_log(read)
    if sys.stdin is None or sys.stdout is None:
        raise typer.Exit(fail(WRONG, "chat --json needs an open standard input and output"))
    stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
    asyncio.run(_serve(read, lambda bot: chat_json(bot, stdin, stdout)))


@app.command(name="run")
def run_platforms(config: ConfigPath = None) -> None:
    """Run all platforms that the config enables."""
    read = loaded(config, keys=True)
    enabled = [platform for platform in door.platforms().values() if platform.enabled(read)]
    if not enabled:
        why = (
            "no platform is enabled: add a section [discord] or [slack] to the config, or talk "
            "right here with quotabot chat"
        )
        raise typer.Exit(fail(WRONG, why))
    _set_up_log(read, level="INFO")

    async def work(bot: Bot) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for platform in enabled:
                    group.create_task(platform.run(bot), name=platform.name)
        except ExceptionGroup as errors:
            # One that cannot go on ends them all; the first reason is the one to tell.
            raise errors.exceptions[0] from errors

    asyncio.run(_serve(read, work))


async def _serve(
    config: Config, work: Callable[[Bot], Coroutine[Any, Any, None]], *, reloads: bool = True
) -> None:
    house = await door.House.build(config)
    await serve(house.bot, work, house.reload if reloads else None)


def _set_up_log(config: Config, *, beside: bool = False, level: str = "WARNING") -> None:
    """Log to standard error, or to a file beside the database where a person chats."""
    path = config.store_path.resolve()
    file = path.with_name(f"{path.name}.log") if beside else None
    set_up(config.secrets, file=file, level=level)


@app.command()
def doctor(
    offline: Annotated[bool, typer.Option("--offline", help="Call no model.")] = False,
    accept_clock: Annotated[
        bool, typer.Option("--accept-clock", help="Believe the clock again.")
    ] = False,
    as_json: AsJson = False,
    config: ConfigPath = None,
) -> None:
    """Check this installation; every failure names a remedy. Exit code 1 where one fails."""
    read = loaded(config, keys=True)
    if accept_clock:
        done = asyncio.run(door.carry_out(read, Order("accept clock", actor(), {})))
        if done.code != FINE:
            raise typer.Exit(fail(done.code, done.text))
        note(done.text)
    found = asyncio.run(_checked(read, _first_look(read.store_path), call_models=not offline))
    text = "\n".join(check.text for check in found)
    show(Shown(text, [check.json() for check in found]), as_json=as_json)
    if not all(check.ok for check in found):
        raise typer.Exit(FAILED)


async def _checked(
    config: Config, facts: checks.StoreFacts, *, call_models: bool
) -> list[checks.Check]:
    """Every check in turn."""
    from bot.servers import Servers

    clock = SystemClock()
    priced = await door.prices(config, config.models, clock)
    limits = (
        *config.rules.base.limits,
        *(x for p in config.rules.spaces.values() for x in p.limits),
    )
    found = [
        checks.config_check(config),
        *checks.store_checks(await _store_facts(facts), clock, config.rules.zone),
        checks.zone_check(config.rules.zone, clock.now()),
        await _vocabulary(),
        *checks.price_checks(config.models, priced, limits),
    ]
    if call_models:
        servers = Servers(config, clock, errors=sys.stderr)
        try:
            calls = [checks.model_check(m, servers.of(m), clock) for m in config.models]
            calls += [checks.tools_check(server, servers.tools, clock) for server in config.tools]
            found += await asyncio.gather(*calls)
        finally:
            await servers.close()
    return found


async def _vocabulary() -> checks.Check:
    from adapters.tiktoken_counter import TiktokenCounter

    counter = TiktokenCounter(door.vocabulary_folder(os.environ))
    try:
        counter.start()
        await counter.ready()
        # It has the default vocabulary, whatever models are configured.
        sure = (await counter.count("gpt-5", "hello")).sure
    finally:
        counter.close()
    return checks.vocabulary_check(loaded=sure, folder=door.vocabulary_folder(os.environ))


def _first_look(path: Path) -> checks.StoreFacts:
    resolved = path.resolve()
    writable = os.access(resolved.parent, os.W_OK)
    return checks.StoreFacts(resolved, resolved.exists(), folder_writable=writable)


async def _store_facts(facts: checks.StoreFacts) -> checks.StoreFacts:
    """What more is seen by opening the books for reading."""
    from adapters.sqlite import SqliteStore
    from adapters.sqlite.inspecting import inspect

    if not facts.exists:
        return facts
    try:
        seen = await asyncio.to_thread(inspect, facts.path)
        store = await SqliteStore.open_reader(facts.path)
        try:
            differences = await store.verify()
        finally:
            await store.close()
    except StoreUnavailableError as error:
        return replace(facts, trouble=str(error))
    return replace(facts, differences=differences, **seen._asdict())


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(metavar="PATH", help="A new file.")],
    as_json: AsJson = False,
    config: ConfigPath = None,
) -> None:
    """Copy the books, also while the bot runs. The copy is proven."""
    read = loaded(config)
    if target.exists() or not target.resolve().parent.is_dir():
        why = "is there already" if target.exists() else "lies in no folder that exists"
        raise typer.Exit(fail(WRONG, f"{target} {why}; name a new file"))

    async def copying() -> Shown:
        async with door.reading(read) as quotas:
            await quotas.store.backup(str(target))
        async with door.reading(replace(read, store_path=target)) as copy:
            differences = await copy.store.verify()
        size = target.stat().st_size
        proof = "its books agree" if not differences else "its books do NOT agree"
        data = {"path": str(target.resolve()), "bytes": size, "differences": len(differences)}
        return Shown(f"{target}: {size:,} bytes, {proof}.", data)

    show(asyncio.run(copying()), as_json=as_json)


@config_.command()
def check(as_json: AsJson = False, config: ConfigPath = None) -> None:
    """Whether the config can be used."""
    read = loaded(config, keys=True)
    where = str(read.path) if read.path else None
    models = ", ".join(f"{m.key} ({m.name})" for m in read.models)
    limits = [limit.name for limit in read.rules.base.limits]
    text = (
        f"{where or 'No config.toml here, so the built-in defaults hold'}: fine. "
        f"Models: {models}. Limits: {'; '.join(limits) or 'none'}. Books: {read.store_path}."
    )
    data = {
        "path": where,
        "store": str(read.store_path),
        "models": [model.key for model in read.models],
        "limits": limits,
        "warnings": list(read.warnings),
    }
    show(Shown(text, data), as_json=as_json)


@app.command()
def reload(as_json: AsJson = False, config: ConfigPath = None) -> None:
    """Have the running bot take over limits, prices, texts and models."""
    ordered(config, "reload", as_json=as_json)


@manifest.command()
def slack(
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="What the app is called.")] = (
        "Quotabot"
    ),
    prefix: Annotated[
        str,
        typer.Option("--prefix", metavar="P", help="Stands before commands, such as acme-."),
    ] = "",
    single: Annotated[
        str, typer.Option("--single", metavar="NAME", help="Put all commands under this one.")
    ] = "",
    http: Annotated[
        str, typer.Option("--http", metavar="URL", help="Where Slack reaches the bot, if by HTTP.")
    ] = "",
) -> None:
    """Write the manifest of the Slack app. It is pasted at api.slack.com/apps."""
    from adapters.slack.manifest import problems, written

    wrong = problems(name, prefix, single, http)
    if wrong:
        raise typer.Exit(fail(WRONG, *wrong))
    typer.echo(written(name, prefix, single, http))


@invite.command(name="discord")
def invite_discord(
    application: Annotated[
        str, typer.Option("--app", metavar="ID", help="Of the app (else that of the token).")
    ] = "",
    config: ConfigPath = None,
) -> None:
    """Write the link that invites the bot. It names the permissions that are needed."""
    from adapters.discord.invite import PERMISSIONS, application_of, link

    if not application:
        read = loaded(config, keys=True)
        application = application_of(read.discord.token) if read.discord else ""
    if not application.isdecimal():
        why = "give the id of the app with --app, from the developer portal, General Information"
        raise typer.Exit(fail(WRONG, f"no token in [discord] tells which app it is; {why}"))
    typer.echo(link(application))
    note(f"it asks for: {', '.join(PERMISSIONS)}")


app.add_typer(govern.quota, name="quota")
app.add_typer(govern.balances, name="balances")
app.command()(govern.pause)
app.command()(govern.resume)
app.add_typer(govern.ledger, name="ledger")
app.add_typer(cli_privacy.privacy, name="privacy")
app.add_typer(config_, name="config")
app.add_typer(manifest, name="manifest")
app.add_typer(invite, name="invite")
