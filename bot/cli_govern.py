"""The commands that look at and change what members may use: quota, balances, pause, ledger."""

import asyncio
import json
from typing import Annotated

import typer

from bot import cli_books as books
from bot import main as door
from bot.cli_books import Shown
from bot.cli_common import (
    PLAIN,
    AsJson,
    Channel,
    ConfigPath,
    MemberName,
    ModelName,
    Reason,
    Roles,
    SpaceName,
    Until,
    loaded,
    looked,
    ordered,
)
from bot.cli_views import ENTRY_COLUMNS, csv_line, entry_json, when_in
from bot.config_values import ModelConfig
from bot.control import CONSOLE, FAILED, member_of, space_of
from quota.clock import pause as wait
from quota.members import Requester
from quota.quotas import Quotas

FOLLOW_MS = 1_000
LINES_AT_ONCE = 500

quota = typer.Typer(help="Look at and change what members may use.", **PLAIN)
balances = typer.Typer(
    help="Where everybody stands; fill prepaid balances.", **{**PLAIN, "no_args_is_help": False}
)
ledger = typer.Typer(help="Prove, export and follow the books.", **PLAIN)


@quota.command(name="show")
def quota_show(
    member: MemberName,
    role: Roles = None,
    model: ModelName = "",
    space: SpaceName = "",
    channel: Channel = "general",
    as_json: AsJson = False,
    config: ConfigPath = None,
) -> None:
    """Where a member stands."""
    who = Requester(member_of(member, space), tuple(role or ()), channel)

    async def look(quotas: Quotas, chosen: ModelConfig) -> Shown:
        return await books.show(quotas, who, door.terms_of(chosen))

    looked(config, look, as_json=as_json, model=model)


@quota.command()
def explain(
    member: MemberName,
    role: Roles = None,
    model: ModelName = "",
    space: SpaceName = "",
    channel: Channel = "general",
    as_json: AsJson = False,
    config: ConfigPath = None,
) -> None:
    """Why a member would be answered or refused now, rule by rule."""
    who = Requester(member_of(member, space), tuple(role or ()), channel)

    async def look(quotas: Quotas, chosen: ModelConfig) -> Shown:
        priced = await door.prices(loaded(config), [chosen], quotas.clock)
        terms = door.terms_of(chosen, priced[chosen.key].price.rates)
        return await books.explain(quotas, who, terms, chosen.output_max)

    looked(config, look, as_json=as_json, model=model)


@quota.command(name="list")
def quota_list(space: SpaceName = "", as_json: AsJson = False, config: ConfigPath = None) -> None:
    """Every limit of a space, with where it was set."""
    where = space_of(space) if space else CONSOLE

    async def look(quotas: Quotas, _: ModelConfig) -> Shown:
        return books.limits(quotas, where)

    looked(config, look, as_json=as_json)


# An amount may begin with a minus, which is no option.
@quota.command(context_settings={"ignore_unknown_options": True})
def grant(
    member: MemberName,
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="5k, '20 requests', -2k, '$1'.")],
    space: SpaceName = "",
    until: Until = "",
    reason: Reason = "",
    role: Roles = None,
    as_json: AsJson = False,
    config: ConfigPath = None,
) -> None:
    """Give a member more (with a minus: less). It ends with the period, or as --until says."""
    ordered(
        config,
        "grant",
        as_json=as_json,
        member=member,
        amount=amount,
        space=space,
        until=until,
        reason=reason,
        roles=role or [],
    )


@quota.command(name="set")
def quota_set(
    rule: Annotated[str, typer.Argument(metavar="LIMIT", help="Such as '20k tokens/day'.")],
    whom: Annotated[
        str,
        typer.Option(
            "--for",
            metavar="WHOM",
            help="everyone, role:NAME, member:ID, channel:NAME or space.",
        ),
    ] = "everyone",
    cap: Annotated[bool, typer.Option("--cap", help="Bind always, in addition.")] = False,
    model: ModelName = "",
    space: SpaceName = "",
    reason: Reason = "",
    as_json: AsJson = False,
    config: ConfigPath = None,
) -> None:
    """Set a limit in a space. It replaces the one of the same kind there."""
    args = {"rule": rule, "for": whom, "cap": cap, "model": model, "space": space}
    ordered(config, "set", as_json=as_json, reason=reason, **args)


@quota.command()
def drop(
    rule: Annotated[str, typer.Argument(metavar="RULE", help="As quota list names it.")],
    space: SpaceName = "",
    reason: Reason = "",
    as_json: AsJson = False,
    config: ConfigPath = None,
) -> None:
    """Remove a limit that was set. The one of the config, if any, holds again."""
    ordered(config, "drop", as_json=as_json, rule=rule, space=space, reason=reason)


@balances.callback(invoke_without_command=True)
def balances_list(
    context: typer.Context,
    space: SpaceName = "",
    as_json: AsJson = False,
    config: ConfigPath = None,
) -> None:
    """Where everybody stands who ever used something (what roles give is not counted in)."""
    if context.invoked_subcommand is not None:
        return
    where = space_of(space) if space else None

    async def look(quotas: Quotas, chosen: ModelConfig) -> Shown:
        return await books.balances(quotas, door.terms_of(chosen), where)

    looked(config, look, as_json=as_json)


SUM = typer.Argument(metavar="AMOUNT", help="Such as '$2'; '-$2' takes it out.")


# An amount may begin with a minus, which is no option.
@balances.command(context_settings={"ignore_unknown_options": True})
def add(
    member: MemberName,
    amount: Annotated[str, SUM],
    space: SpaceName = "",
    reason: Reason = "",
    as_json: AsJson = False,
    config: ConfigPath = None,
) -> None:
    """Put something into a member's prepaid balance, or take it out."""
    args = {"member": member, "amount": amount, "space": space, "reason": reason}
    ordered(config, "balance add", as_json=as_json, **args)


@balances.command(name="set", context_settings={"ignore_unknown_options": True})
def balances_set(
    member: MemberName,
    amount: Annotated[str, SUM],
    space: SpaceName = "",
    reason: Reason = "",
    as_json: AsJson = False,
    config: ConfigPath = None,
) -> None:
    """Set what is left of a member's prepaid balance."""
    args = {"member": member, "amount": amount, "space": space, "reason": reason}
    ordered(config, "balance set", as_json=as_json, **args)


def pause(
    space: SpaceName = "",
    until: Until = "",
    reason: Reason = "",
    as_json: AsJson = False,
    config: ConfigPath = None,
) -> None:
    """Answer no questions, in one space or (without --space) anywhere."""
    ordered(config, "pause", as_json=as_json, space=space, until=until, reason=reason)


def resume(
    space: SpaceName = "", reason: Reason = "", as_json: AsJson = False, config: ConfigPath = None
) -> None:
    """Answer questions again. Pause, or a failed proof of the books, had stopped them."""
    ordered(config, "resume", as_json=as_json, space=space, reason=reason)


@ledger.command()
def verify(as_json: AsJson = False, config: ConfigPath = None) -> None:
    """Recompute every counter from the entries. Exit code 1 where they differ."""
    shown = looked(config, lambda quotas, _: books.verify(quotas), as_json=as_json, empty=False)
    if shown.data:
        raise typer.Exit(FAILED)


Answered = Annotated[
    str,
    typer.Argument(
        metavar="ANSWER",
        help="An event or a message such as discord:SERVER:MESSAGE, or the turn of an entry.",
    ),
]


@ledger.command()
def receipt(answer: Answered, as_json: AsJson = False, config: ConfigPath = None) -> None:
    """What one answer took, call by call. Exit code 1 where nothing is known of it."""
    shown = looked(config, lambda quotas, _: books.receipt(quotas, answer), as_json=as_json)
    if not shown.data:
        raise typer.Exit(FAILED)


After = Annotated[int, typer.Option("--after", metavar="ID", min=0, help="From this entry on.")]


@ledger.command()
def export(after: After = 0, as_json: AsJson = False, config: ConfigPath = None) -> None:
    """Print the ledger as CSV. With --json it is one JSON object a line."""

    async def exporting() -> None:
        async with door.reading(loaded(config)) as quotas:
            lines = [] if as_json else [csv_line(ENTRY_COLUMNS)]
            async for entry in books.entries_json(quotas.store, after):
                text = json.dumps(entry, ensure_ascii=False) + "\n"
                lines.append(text if as_json else csv_line(entry.values()))
                if len(lines) >= LINES_AT_ONCE:
                    typer.echo("".join(lines), nl=False)
                    lines.clear()
            typer.echo("".join(lines), nl=False)

    asyncio.run(exporting())


@ledger.command()
def tail(
    lines: Annotated[int, typer.Option("-n", "--lines", min=0, max=10_000)] = 20,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Print what comes, too.")] = False,
    as_json: AsJson = False,
    config: ConfigPath = None,
) -> None:
    """Print the newest entries of the ledger."""

    async def tailing() -> None:
        async with door.reading(loaded(config)) as quotas:
            last = await books.newest(quotas.store, lines)
            when = when_in(quotas.rules.zone, past=True)
            while True:
                found = [entry async for entry in quotas.store.entries(last, None)]
                last = found[-1].id if found else last
                if as_json:
                    for entry in found:
                        typer.echo(json.dumps(entry_json(entry), ensure_ascii=False))
                elif found:
                    typer.echo(books.entry_rows(found, when))
                if not follow:
                    return
                await wait(quotas.clock, FOLLOW_MS)

    asyncio.run(tailing())
