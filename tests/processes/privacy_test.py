"""What an operator does for a member at the command line, with the shipped program."""

import asyncio
import json
import os
import pty
import stat
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.processes.cli_test import WAIT_S, asked, configure, data, fine, refused
from tests.processes.program import JsonChat, environment, executable, run

MALLORY = "mallory-the-first"


@pytest.fixture
async def chat(tmp_path: Path) -> AsyncIterator[JsonChat]:
    """A running bot that two members have used."""
    configure(tmp_path)
    running = await JsonChat.start(tmp_path)
    await asked(running, "m1", "my secret is a cat", MALLORY)
    await asked(running, "m2", "/quota ceiling 9k tokens per day", MALLORY)
    await asked(running, "b1", "hello", "bo")
    yield running
    if running.process.returncode is None:
        await running.kill()


def bytes_of(folder: Path) -> bytes:
    """All that stands in the files of the books."""
    return b"".join(path.read_bytes() for path in folder.glob("books.db*") if path.is_file())


async def used(chat: JsonChat, event: str, who: str) -> int:
    panel = await asked(chat, event, "/quota", who)
    return int(panel["balances"][0]["used"])


async def test_a_member_is_erased_while_the_bot_runs(chat: JsonChat, tmp_path: Path) -> None:
    await fine(tmp_path, "quota", "grant", MALLORY, "2k", "--reason", f"to {MALLORY} alone")
    await asked(chat, "m3", "/quota more 5k tokens -- exam week", MALLORY)
    before = await used(chat, "q1", MALLORY), await used(chat, "q2", "bo")
    assert MALLORY.encode() in bytes_of(tmp_path)
    code, out, err = await run(tmp_path, "privacy", "erase", MALLORY, "--yes")
    assert code == 0, err
    assert out == (
        f"Erased console:console:{MALLORY}. What was used counts on, under a name that leads back "
        "to nobody.\n"
    )
    assert "deletes 1 setting, 1 request, and all that a running bot remembers" in err
    assert "that leads back to nobody: 2 entries of the ledger, 1 grant, 3 acts in" in err
    assert MALLORY.encode() not in bytes_of(tmp_path)
    assert await data(tmp_path, "ledger", "verify") == []
    assert (await used(chat, "q3", MALLORY), await used(chat, "q4", "bo")) == before
    said = await asked(chat, "m4", "what is my secret", MALLORY)
    assert said["tokens"]["input"] < 30, "the conversation began anew"
    assert await chat.close() == 0


async def test_what_is_given_beside_the_bot_is_what_the_chat_gives(
    chat: JsonChat, tmp_path: Path
) -> None:
    panel = await asked(chat, "p1", "/privacy export", MALLORY)
    lines = "\n".join(panel["panel"]["lines"])
    told = await fine(tmp_path, "privacy", "export", MALLORY, "--out", "data.json")
    assert told == (
        f"Kept about console:console:{MALLORY}: 1 setting, 0 requests, 1 entry of the ledger, "
        "0 grants, 1 act in the audit log; all of it is in data.json.\n"
    )
    file = tmp_path / "data.json"
    assert file.read_text(encoding="utf-8") == lines
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert await data(tmp_path, "privacy", "export", MALLORY) == json.loads(lines)
    assert json.loads(lines)["language_last_read"] == "en"
    assert await chat.close() == 0


async def test_with_no_bot_running_it_is_done_here(chat: JsonChat, tmp_path: Path) -> None:
    assert await chat.close() == 0
    assert "1 setting" in await fine(tmp_path, "privacy", "export", MALLORY)
    done = await data(tmp_path, "privacy", "erase", MALLORY, "--yes")
    wallet = f"console:console:{MALLORY}"
    counts = {"settings": 1, "requests": 0, "entries": 1, "grants": 0, "acts": 1, "stays": []}
    counts["elsewhere"] = []
    assert done == {"member": wallet, "erased": True, **counts}
    assert MALLORY.encode() not in bytes_of(tmp_path)
    assert [entry["kind"] for entry in await entries(tmp_path)] == ["settle", "settle"]


async def entries(folder: Path) -> list[dict[str, Any]]:
    lines = (await fine(folder, "ledger", "export", "--json")).splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("command", [("export",), ("erase", "--yes")], ids=" ".join)
async def test_of_a_stranger_there_is_nothing(
    chat: JsonChat, tmp_path: Path, command: tuple[str, ...]
) -> None:
    for member in ("mallory", f"discord:1:{MALLORY}"):
        code, told = await refused(tmp_path, "privacy", *command, member)
        assert code == 1
        assert "nothing is kept about" in told
        assert "quotabot balances" in told
    assert (await used(chat, "q1", MALLORY)) > 0
    assert await chat.close() == 0


async def test_before_the_first_start_nobody_can_be_erased(tmp_path: Path) -> None:
    configure(tmp_path)
    code, told = await refused(tmp_path, "privacy", "erase", "ana", "--yes")
    assert (code, "nothing is kept about console:console:ana" in told) == (1, True)
    assert not (tmp_path / "books.db").exists()


async def test_nobody_is_erased_unasked(chat: JsonChat, tmp_path: Path) -> None:
    assert await chat.close() == 0
    code, told = await refused(tmp_path, "privacy", "erase", MALLORY)
    assert (code, "say --yes" in told) == (2, True)
    no = await at_a_terminal(tmp_path, "n\n", "privacy", "erase", MALLORY)
    assert no[0] == 1
    assert "nothing was erased" in no[2]
    assert MALLORY.encode() in bytes_of(tmp_path)
    yes = await at_a_terminal(tmp_path, "y\n", "privacy", "erase", MALLORY)
    assert yes[0] == 0
    assert "Erase console:console:mallory-the-first? [y/N]" in yes[2]
    assert yes[1].startswith("Erased ")
    assert MALLORY.encode() not in bytes_of(tmp_path)


async def test_an_older_copy_does_not_bring_them_back(chat: JsonChat, tmp_path: Path) -> None:
    await fine(tmp_path, "backup", "copy.db")
    await fine(tmp_path, "privacy", "erase", MALLORY, "--yes")
    assert await chat.close() == 0
    (tmp_path / "copy.db").replace(tmp_path / "books.db")
    assert MALLORY.encode() in bytes_of(tmp_path)
    again = await JsonChat.start(tmp_path)
    assert (await used(again, "q1", MALLORY)) > 0
    code, _ = await refused(tmp_path, "privacy", "export", MALLORY)
    assert code == 1
    assert MALLORY.encode() not in bytes_of(tmp_path)
    assert (await asked(again, "q2", "/quota rules", MALLORY))["event"] == "panel"
    assert "own ceiling" not in again.ends["q2"][0]["text"]
    assert await data(tmp_path, "ledger", "verify") == []
    assert await again.close() == 0
    log = (tmp_path / "stderr.log").read_text(encoding="utf-8")
    assert "members who had been erased and were in the books again: 1" in log


async def test_nor_to_a_command_that_comes_before_the_bot(chat: JsonChat, tmp_path: Path) -> None:
    await fine(tmp_path, "backup", "copy.db")
    assert await chat.close() == 0
    await fine(tmp_path, "privacy", "erase", MALLORY, "--yes")
    (tmp_path / "copy.db").replace(tmp_path / "books.db")
    await fine(tmp_path, "quota", "grant", "bo", "1k")
    assert MALLORY.encode() not in bytes_of(tmp_path)


async def at_a_terminal(folder: Path, typed: str, *args: str) -> tuple[int | None, str, str]:
    """Run a command that can ask; exit code, output, errors."""
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(executable(), *args),
        stdin=theirs,
        stdout=PIPE,
        stderr=PIPE,
        cwd=folder,
        env=environment(folder),
    )
    os.close(theirs)
    os.write(ours, typed.encode())
    out, err = await asyncio.wait_for(process.communicate(), WAIT_S)
    os.close(ours)
    return process.returncode, out.decode(), err.decode()
