"""The commands for what is kept about one member: to give it to them, or to erase it for them."""

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from bot import main as door
from bot.cli_books import Shown
from bot.cli_common import (
    PLAIN,
    AsJson,
    ConfigPath,
    MemberName,
    SpaceName,
    actor,
    done,
    fail,
    loaded,
    note,
    show,
)
from bot.config_values import Config
from bot.control import FAILED, WRONG, Order, member_of
from bot.log import OWNER_ONLY
from bot.privacy import ENTRIES_ALL, Extent, Met, extent, written
from bot.privacy import export as exported
from quota.members import Member

privacy = typer.Typer(help="Give or erase what is kept about a member.", **PLAIN)


@privacy.command()
def export(
    member: MemberName,
    space: SpaceName = "",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="PATH", help="Write it to a new file.")
    ] = None,
    as_json: AsJson = False,
    config: ConfigPath = None,
) -> None:
    """Give all that is kept about a member, as /privacy export does."""
    if out is not None and as_json:
        raise typer.Exit(fail(WRONG, "--json prints it and --out writes it: say one of them"))
    if out is not None and (out.exists() or not out.resolve().parent.is_dir()):
        why = "is there already" if out.exists() else "lies in no folder that exists"
        raise typer.Exit(fail(WRONG, f"{out} {why}; name a new file"))
    who = member_of(member, space)
    data, found = _known(loaded(config), who)
    where = "--out FILE writes all of it"
    if out is not None:
        file = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, OWNER_ONLY)
        with os.fdopen(file, "w", encoding="utf-8") as target:
            target.write(written(data))
        where = f"all of it is in {out}"
    text = f"Kept about {who.wallet}: {_goes(found)}, {_stays(found)}; {where}."
    show(Shown(text, data), as_json=as_json)


@privacy.command()
def erase(
    member: MemberName,
    space: SpaceName = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
    config: ConfigPath = None,
) -> None:
    """Erase a member, as /privacy delete does; tells what would go, and asks."""
    who, read = member_of(member, space), loaded(config)
    _, found = _known(read, who)
    for line in _would_do(who, found):
        note(line)
    if not yes and not sys.stdin.isatty():
        raise typer.Exit(fail(WRONG, "nothing was erased: nobody is here to be asked; say --yes"))
    if not yes and not _agreed(f"Erase {who.wallet}?"):
        raise typer.Exit(fail(FAILED, "nothing was erased"))
    order = Order("erase", actor(), {"member": who.wallet})
    outcome = done(asyncio.run(door.carry_out(read, order)))
    counts = {name: value for name, value in found._asdict().items() if name != "is_known"}
    show(Shown(outcome.text, outcome.data | counts), as_json=as_json)


def _agreed(question: str) -> bool:
    """Asked beside the output, which may be for a program."""
    typer.echo(f"{question} [y/N] ", nl=False, err=True)
    return sys.stdin.readline().strip().casefold() in {"y", "yes"}


def _known(config: Config, who: Member) -> tuple[dict[str, Any], Extent]:
    """What is kept about a member, in the books and by a running bot; an end where nothing is."""

    async def looking() -> tuple[dict[str, Any], Extent]:
        answer = await door.asked(config, Order("met", actor(), {"member": who.wallet}))
        seen = Met() if answer is None else Met.read(done(answer).data)
        async with door.reading(config, empty=True) as quotas:
            data = await exported(quotas, who, seen, ENTRIES_ALL)
            return data, await extent(quotas, data)

    data, found = asyncio.run(looking())
    if found.elsewhere:
        note(f"the same id is known elsewhere, too: {', '.join(found.elsewhere)}")
    if not found.is_known:
        why = "quotabot balances lists whom the books know"
        raise typer.Exit(fail(FAILED, f"nothing is kept about {who.wallet}; {why}"))
    return data, found


def _would_do(who: Member, found: Extent) -> Iterator[str]:
    """What erasing does, before it is done."""
    yield f"erasing {who.wallet} deletes {_goes(found)}, and all that a running bot remembers"
    if found.entries or found.grants or found.acts:
        yield f"what was used counts on, under a name that leads back to nobody: {_stays(found)}"
    if found.stays:
        yield f"what admins set for them stays: {', '.join(found.stays)}"
    yield "copies that were made before (quotabot backup) still tell of them"


def _goes(found: Extent) -> str:
    return f"{_many(found.settings, 'setting')}, {_many(found.requests, 'request')}"


def _stays(found: Extent) -> str:
    entries = _many(found.entries, "entry of the ledger", "entries of the ledger")
    acts = _many(found.acts, "act in the audit log", "acts in the audit log")
    return f"{entries}, {_many(found.grants, 'grant')}, {acts}"


def _many(number: int, one: str, several: str = "") -> str:
    return f"{number:,} {one if number == 1 else several or f'{one}s'}"
