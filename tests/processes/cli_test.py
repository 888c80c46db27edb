"""The shipped program at the command line, as an operator meets it."""

import asyncio
import csv
import io
import json
import os
import pty
import signal
import socket
import stat
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from adapters.control import socket_path
from adapters.sqlite import SqliteStore
from quota.store import AuditRow
from tests.fakes import DAY
from tests.processes.program import JsonChat, environment, executable, run
from tests.servers.model_server import ModelServer, closed_port

CONFIG = """
[store]
url = "sqlite:///books.db"
[models.default]
base_url = "offline"
[limits]
everyone = ["10k tokens/day"]
"""
SERVED = """
[store]
url = "sqlite:///books.db"
[models.default]
name = "test-model"
base_url = "{base_url}"
api_key_file = "key"
[limits]
everyone = ["10k tokens/day"]
"""
KEY = "sk-" + "test0123456789abcdefghij"
WAIT_S = 30


def configure(folder: Path, text: str = CONFIG, **values: str) -> None:
    (folder / "config.toml").write_text(text.format(**values), encoding="utf-8")
    (folder / "key").write_text(KEY, encoding="utf-8")


async def fine(folder: Path, *args: str, stdin: str = "") -> str:
    """What a command that works prints."""
    code, out, err = await run(folder, *args, stdin=stdin)
    assert code == 0, err
    return out


async def data(folder: Path, *args: str) -> Any:
    """What a command prints for programs."""
    return json.loads(await fine(folder, *args, "--json"))


async def refused(folder: Path, *args: str) -> tuple[int, str]:
    """Exit code and words of a command that does not work; nothing goes to its output."""
    code, out, err = await run(folder, *args)
    assert code != 0, out
    assert out == ""
    assert "Traceback" not in err
    assert 0 < len(err.splitlines()) <= 6, err
    return code, err


def names(folder: Path) -> list[str]:
    """What is in a folder."""
    return sorted(file.name for file in folder.iterdir())


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


async def written(path: Path, words: str) -> None:
    """Wait until another process has written some words."""
    for _ in range(WAIT_S * 20):
        if words in text_of(path):
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"{words!r} never came: {text_of(path)}")


@pytest.fixture
async def chat(tmp_path: Path) -> AsyncIterator[JsonChat]:
    """A running bot with the usual config."""
    configure(tmp_path)
    running = await JsonChat.start(tmp_path)
    await asked(running, "first", "hello")
    yield running
    if running.process.returncode is None:
        await running.kill()


async def asked(chat: JsonChat, event_id: str, text: str, member: str = "ana") -> dict[str, Any]:
    await chat.send({"id": event_id, "member": member, "text": text})
    (end,) = await chat.ended(event_id)
    return end


# The first hour of a newcomer.


async def test_without_any_file_one_can_chat_at_once(tmp_path: Path) -> None:
    out = await fine(tmp_path, "chat", stdin="hello\n/quota\n/quit\n")
    assert "no config.toml" in out
    assert "1,000 tokens" in out
    assert stat.S_IMODE((tmp_path / "quotabot.db").stat().st_mode) == 0o600


async def test_the_first_hour(tmp_path: Path) -> None:
    assert (await fine(tmp_path, "--version")).startswith("quotabot 0.")
    assert "Commands:" in await fine(tmp_path, "--help")
    said = await fine(tmp_path, "init", "--yes", "--server", "offline", "--limit", "20k tokens/day")
    assert "quotabot doctor" in said
    assert "fine" in await fine(tmp_path, "config", "check")
    assert "✗" not in await fine(tmp_path, "doctor")
    assert "20k tokens/day" in await fine(tmp_path, "quota", "list")
    assert "20,000 left" in await fine(tmp_path, "quota", "show", "ana")
    await fine(tmp_path, "chat", "--as", "ana", stdin="hello\n")
    before = (await data(tmp_path, "quota", "show", "ana"))["balances"][0]
    assert 0 < before["used"] < 1_000
    await fine(tmp_path, "quota", "grant", "ana", "5k", "--reason", "welcome")
    after = (await data(tmp_path, "quota", "show", "ana"))["balances"][0]
    assert after["left"] == before["left"] + 5_000
    assert "console:console:ana" in await fine(tmp_path, "balances")
    config, prepaid = tmp_path / "config.toml", '\n[balance]\nstart = "$1"\n'
    config.write_text(config.read_text() + prepaid)
    assert "is $3.00" in await fine(tmp_path, "balances", "add", "ana", "$2", "--reason", "won")
    assert "is -$0.50" in await fine(tmp_path, "balances", "set", "ana", "-$0.5")
    config.write_text(config.read_text().removesuffix(prepaid))
    assert "agree" in await fine(tmp_path, "ledger", "verify")
    assert "welcome" in await fine(tmp_path, "ledger", "tail")
    assert "agree" in await fine(tmp_path, "backup", "copy.db")
    # Every check has been made on books that hold something, too.
    assert "✗" not in await fine(tmp_path, "doctor")


async def test_no_config_is_ever_overwritten_unasked(tmp_path: Path) -> None:
    configure(tmp_path)
    code, told = await refused(tmp_path, "init", "--yes")
    assert code == 2
    assert "--force" in told
    assert text_of(tmp_path / "config.toml") == CONFIG
    await fine(tmp_path, "init", "--yes", "--force", "--server", "offline")
    assert text_of(tmp_path / "config.toml") != CONFIG


async def test_init_can_write_elsewhere_and_that_config_is_used(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    said = await fine(tmp_path, "init", "--yes", "--config", "etc/bot.toml", "--server", "offline")
    assert "--config etc/bot.toml" in said
    await fine(tmp_path, "chat", "--config", "etc/bot.toml", stdin="hello\n")
    assert (tmp_path / "etc" / "quotabot.db").exists()
    assert names(tmp_path) == [".cache", "etc"]


async def test_init_names_the_variable_of_a_key_and_never_asks_for_the_key(tmp_path: Path) -> None:
    said = await fine(tmp_path, "init", "--yes", "--server", "openai")
    assert "Put the key into the variable OPENAI_API_KEY: export OPENAI_API_KEY=…\n" in said
    code, told = await refused(tmp_path, "config", "check")
    assert code == 2
    assert "OPENAI_API_KEY" in told


async def test_init_refuses_an_answer_that_cannot_be_used(tmp_path: Path) -> None:
    args = ("init", "--yes", "--server", "offline", "--limit", "lots")
    code, told = await refused(tmp_path, *args)
    assert code == 2
    assert "config.toml: [limits] everyone" in told
    assert names(tmp_path) == []


async def test_init_offers_an_ollama_that_it_finds(tmp_path: Path) -> None:
    async def tags(_: web.Request) -> web.Response:
        return web.json_response({"models": [{"name": "qwen3:4b"}, {"name": "llama3.2"}]})

    server = web.Application()
    server.router.add_get("/api/tags", tags)
    runner = web.AppRunner(server)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port := closed_port()).start()
    await fine(tmp_path, "init", "--yes", "--ollama", f"http://127.0.0.1:{port}")
    await runner.cleanup()
    text = text_of(tmp_path / "config.toml")
    assert 'name = "qwen3:4b"' in text
    assert f'base_url = "http://127.0.0.1:{port}/v1"' in text
    assert "fine" in await fine(tmp_path, "config", "check")


async def test_init_asks_five_questions_at_a_terminal(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    nobody = f"http://127.0.0.1:{closed_port()}"
    process = await asyncio.create_subprocess_exec(
        *(executable(), "init", "--ollama", nobody),
        stdin=theirs,
        stdout=PIPE,
        stderr=PIPE,
        cwd=tmp_path,
        env=environment(tmp_path),
    )
    os.close(theirs)
    typed = ["openai", "gpt-5", "MY_KEY", "7k tokens/day", "Asia/Tokyo"]
    slips = {2: "sk-1 2", 3: "7k tokens", 4: "Tokio"}
    for number, line in enumerate(typed):
        # Who slips is asked once more, and keeps what was answered before.
        slip = f"{slips[number]}\n" if number in slips else ""
        os.write(ours, f"{slip}{line}\n".encode())
    out, err = await asyncio.wait_for(process.communicate(), WAIT_S)
    os.close(ours)
    assert process.returncode == 0, err
    assert out.decode().count("]:") == 5 + len(slips)
    assert "sk-1" not in out.decode()
    assert "'7k tokens' names no period; write it like" in out.decode()
    assert "It is 'Tokio', which is no time zone; " in out.decode()
    text = text_of(tmp_path / "config.toml")
    assert [line for line in typed[1:] if f'"{line}"' not in text] == []


# Exit codes.

UNUSABLE = {
    "no TOML": "[limits\n",
    "unknown key": "[limits]\neverybody = ['1k tokens/day']\n",
    "bad limit": "[models.default]\nbase_url = 'offline'\n[limits]\neveryone = ['lots']\n",
    "not part of this version": CONFIG + "[discord]\n",
    "no folder for the books": CONFIG.replace("///books", "///missing/books"),
    "a folder for a file": CONFIG.replace("///books.db", "///../"),
}
COMMANDS = [
    ("config", "check"),
    ("chat",),
    ("chat", "--json"),
    ("run",),
    ("doctor",),
    ("reload",),
    ("balances",),
    ("pause",),
    ("resume",),
    ("quota", "show", "ana"),
    ("quota", "explain", "ana"),
    ("quota", "list"),
    ("quota", "grant", "ana", "5k"),
    ("quota", "set", "5k tokens/day"),
    ("quota", "drop", "everyone tokens/day"),
    ("ledger", "verify"),
    ("ledger", "export"),
    ("ledger", "tail"),
    ("ledger", "receipt", "console:console:e1"),
    ("backup", "copy.db"),
    ("privacy", "export", "ana"),
    ("privacy", "erase", "ana", "--yes"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
async def test_every_command_refuses_a_config_that_cannot_be_used(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    (tmp_path / "bad.toml").write_text(UNUSABLE["unknown key"], encoding="utf-8")
    code, told = await refused(tmp_path, *command, "--config", "bad.toml")
    assert code == 2
    assert "did you mean everyone?" in told
    assert names(tmp_path) == ["bad.toml"]


async def test_a_config_that_is_not_there_is_not_made_up(tmp_path: Path) -> None:
    code, told = await refused(tmp_path, "quota", "grant", "ana", "5k", "--config", "missing.toml")
    assert code == 2
    assert "missing.toml: there is no such file" in told
    assert names(tmp_path) == []


@pytest.mark.parametrize("text", UNUSABLE.values(), ids=UNUSABLE)
async def test_a_config_that_cannot_be_used_is_named_with_the_fix(
    tmp_path: Path, text: str
) -> None:
    (tmp_path / "config.toml").write_text(text, encoding="utf-8")
    code, told = await refused(tmp_path, "config", "check")
    assert code == 2
    assert told.startswith("quotabot: ")
    assert "config.toml" in told


@pytest.mark.parametrize(
    "args",
    [
        ("fly",),
        ("quota",),
        ("quota", "show"),
        ("quota", "show", "discord:1"),
        ("quota", "show", "ana", "--model", "nobody's"),
        ("quota", "show", "ana", "--verbose"),
        ("quota", "list", "--space", "discord:"),
        ("quota", "grant", "ana"),
        ("quota", "grant", "ana", "lots"),
        ("quota", "grant", "ana", "5k", "--until", "someday"),
        ("quota", "set", "20k tokens"),
        ("quota", "set", "20k tokens/day", "--for", "house"),
        ("quota", "drop", "no such rule"),
        ("chat", "--model"),
        ("chat", "--as", " "),
        ("ledger", "tail", "-n", "many"),
        ("backup", "config.toml"),
        ("backup", "missing/copy.db"),
        ("privacy", "export"),
        ("privacy", "export", "discord:1"),
        ("privacy", "export", "ana", "--json", "--out", "data.json"),
        ("privacy", "export", "ana", "--out", "config.toml"),
        ("privacy", "export", "ana", "--out", "missing/data.json"),
        ("privacy", "erase", "discord:1:2", "--space", "discord:3"),
        ("run",),
        ("run", "--json"),
    ],
    ids=" ".join,
)
async def test_wrong_usage_is_exit_code_2(tmp_path: Path, args: tuple[str, ...]) -> None:
    configure(tmp_path)
    code, out, err = await run(tmp_path, *args)
    assert code == 2, out
    assert "Traceback" not in err


async def test_a_misspelt_member_is_told_beside_what_was_done(tmp_path: Path) -> None:
    """Every name has an allowance, so nothing else would show the slip."""
    configure(tmp_path)
    told = "'console:console:anna' has used nothing yet; quotabot balances lists who has.\n"
    assert told not in await fine(tmp_path, "quota", "show", "ana")
    assert (await fine(tmp_path, "quota", "grant", "anna", "5k")).endswith(told)
    assert told not in await fine(tmp_path, "quota", "grant", "anna", "5k")
    assert (await fine(tmp_path, "quota", "show", "bo")).startswith("'console:console:bo' has")
    assert (await fine(tmp_path, "quota", "explain", "bo")).startswith("'console:console:bo' has")


async def test_what_a_command_does_is_said_to_the_end(tmp_path: Path) -> None:
    for args in ((), ("quota",), ("ledger",), ("invite",), ("manifest",)):
        shown = await fine(tmp_path, *args, "--help")
        assert [line for line in shown.splitlines()[1:] if line.endswith("...")] == []


@pytest.mark.parametrize("args", [(), ("quota",), ("quota", "grant")], ids=" ".join)
async def test_help_has_its_short_name_too(tmp_path: Path, args: tuple[str, ...]) -> None:
    assert await fine(tmp_path, *args, "-h") == await fine(tmp_path, *args, "--help")


async def test_run_tells_what_to_do_where_no_platform_is_enabled(tmp_path: Path) -> None:
    configure(tmp_path)
    code, told = await refused(tmp_path, "run")
    assert code == 2
    assert "quotabot chat" in told
    assert not (tmp_path / "books.db").exists()


@pytest.mark.parametrize(
    "command",
    [
        ("chat",),
        ("chat", "--json"),
        ("quota", "show", "ana"),
        ("quota", "grant", "ana", "5k"),
        ("balances",),
        ("ledger", "verify"),
        ("ledger", "export"),
        ("backup", "copy.db"),
        ("privacy", "export", "ana"),
        ("privacy", "erase", "ana", "--yes"),
    ],
    ids=" ".join,
)
async def test_a_store_that_cannot_be_used_is_exit_code_3(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    configure(tmp_path)
    (tmp_path / "books.db").write_bytes(b"this is no database" * 500)
    code, out, err = await run(tmp_path, *command)
    assert (code, out) == (3, "")
    assert "Traceback" not in err
    assert "books.db" in err


@pytest.mark.parametrize("command", [("verify",), ("export",), ("tail",)], ids=" ".join)
async def test_there_is_no_ledger_before_the_first_start(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    configure(tmp_path)
    code, told = await refused(tmp_path, "ledger", *command)
    assert code == 3
    assert "start the bot once" in told


async def test_before_the_first_start_nobody_has_used_anything(tmp_path: Path) -> None:
    configure(tmp_path)
    code, out, err = await run(tmp_path, "balances")
    assert (code, out) == (0, "Nobody has used anything yet.\n")
    assert "is not there yet" in err
    assert not (tmp_path / "books.db").exists()


async def test_a_check_that_fails_is_exit_code_1_with_a_remedy(tmp_path: Path) -> None:
    configure(tmp_path, SERVED, base_url=f"http://127.0.0.1:{closed_port()}/v1")
    code, out, err = await run(tmp_path, "doctor")
    assert (code, err) == (1, "")
    assert "✗ model default: test-model at" in out
    assert "→ [models.default]: start the server" in out
    await fine(tmp_path, "doctor", "--offline")


async def test_a_clock_that_was_wrong_is_found_and_believed_again(tmp_path: Path) -> None:
    configure(tmp_path)
    await fine(tmp_path, "quota", "grant", "ana", "1k")
    # Somebody had set the clock a year ahead.
    ahead = (await stamp(tmp_path)) + 365 * DAY
    store = await SqliteStore.open(tmp_path / "books.db", now=ahead)
    await store.audit(AuditRow(ahead, "*", "test", "look", "", "", "", ""), ahead)
    await store.close()
    code, out, _ = await run(tmp_path, "doctor")
    assert code == 1
    assert "quotabot doctor --accept-clock" in out
    assert "✗" not in await fine(tmp_path, "doctor", "--accept-clock")
    assert "✗" not in await fine(tmp_path, "doctor")


async def stamp(folder: Path) -> int:
    """The time by the books."""
    store = await SqliteStore.open_reader(folder / "books.db")
    times = [entry.at async for entry in store.entries(0, None)]
    await store.close()
    return times[-1]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is always full")
async def test_an_output_that_cannot_be_written_is_told_in_one_line(tmp_path: Path) -> None:
    configure(tmp_path)
    command = f"{executable()} quota list >/dev/full"
    shell = await asyncio.create_subprocess_shell(
        command, stderr=PIPE, cwd=tmp_path, env=environment(tmp_path)
    )
    _, err = await asyncio.wait_for(shell.communicate(), WAIT_S)
    assert shell.returncode == 1
    assert err.decode().endswith("quotabot: the output: No space left on device\n")


# For programs.


async def test_what_is_printed_for_programs_is_json(tmp_path: Path) -> None:
    configure(tmp_path)
    await fine(tmp_path, "chat", "--as", "ana", stdin="hello\n")
    shown = await data(tmp_path, "quota", "show", "ana")
    assert shown["member"] == "console:console:ana"
    assert list(shown["balances"][0]) == [
        *("limit", "unit", "granted", "used", "held", "left", "opens_at")
    ]
    (balance,) = await data(tmp_path, "balances")
    assert balance == {"member": shown["member"], "balances": shown["balances"]}
    assert (await data(tmp_path, "balances", "--space", "discord:1")) == []
    granted = await data(tmp_path, "quota", "grant", "ana", "5k", "--until", "never")
    assert granted["grant"]["until"] is None
    assert granted["grant"]["actor"].startswith("cli:")
    was_set = await data(tmp_path, "quota", "set", "3k tokens/day", "--for", "role:Guest")
    assert was_set["rule"] == "role:Guest tokens/day"
    rules = {row["rule"]: row["origin"] for row in await data(tmp_path, "quota", "list")}
    assert rules == {"everyone tokens/day": "config", "role:Guest tokens/day": "chat"}
    explained = await data(tmp_path, "quota", "explain", "ana", "--role", "Guest")
    assert {r["rule"]: r["binds"] for r in explained["reasons"]} == {
        "everyone tokens/day": False,
        "role:Guest tokens/day": True,
    }
    assert explained["refused"] is None
    dropped = await data(tmp_path, "quota", "drop", "role:Guest tokens/day")
    assert dropped["after"] is None
    assert await data(tmp_path, "ledger", "verify") == []
    assert {c["ok"] for c in await data(tmp_path, "doctor")} == {True}
    assert (await data(tmp_path, "config", "check"))["limits"] == ["everyone: 10k tokens/day"]
    assert (await data(tmp_path, "backup", "copy.db"))["differences"] == 0
    assert (await data(tmp_path, "pause"))["space"] == "*"
    assert (await data(tmp_path, "resume"))["changed"] is True
    assert await data(tmp_path, "reload") == {}
    lines = (await fine(tmp_path, "ledger", "export", "--json")).splitlines()
    assert [json.loads(line)["kind"] for line in lines] == ["settle", "grant"]
    tail = (await fine(tmp_path, "ledger", "tail", "-n", "1", "--json")).splitlines()
    assert [json.loads(line)["kind"] for line in tail] == ["grant"]


async def test_an_answer_has_a_receipt_at_the_command_line(chat: JsonChat, tmp_path: Path) -> None:
    end = await asked(chat, "e1", "hello")
    tokens = end["tokens"]["input"] + end["tokens"]["output"]
    found = await data(tmp_path, "ledger", "receipt", "console:console:e1")
    assert (found["member"], found["total"]["tokens"]) == ("console:console:ana", tokens)
    (call,) = found["calls"]
    assert (call["purpose"], call["turn"], call["hold"]) == ("answer", found["turn"], found["turn"])
    text = await fine(tmp_path, "ledger", "receipt", str(found["turn"]))
    assert text.startswith(f"Turn {found['turn']} of console:console:ana: {tokens} tokens, ")
    assert "answer" in text
    code, out, _ = await run(tmp_path, "ledger", "receipt", "console:console:e9")
    assert (code, "Nothing is known of console:console:e9" in out) == (1, True)
    code, out, _ = await run(tmp_path, "ledger", "receipt", "e1")
    assert (code, "with its space: console:console:e1." in out) == (1, True)


async def test_an_exported_ledger_carries_no_formulas(tmp_path: Path) -> None:
    configure(tmp_path)
    evil = '=HYPERLINK("https://evil.example")'
    await fine(tmp_path, "quota", "grant", "=ana", "-1k", "--reason", evil)
    text = await fine(tmp_path, "ledger", "export")
    (row,) = csv.DictReader(io.StringIO(text))
    assert row["note"] == f"'{evil}"
    assert row["tokens"] == "-1000"
    (flat,) = (await fine(tmp_path, "ledger", "export", "--json")).splitlines()
    assert json.loads(flat)["note"] == evil


async def test_names_that_no_terminal_can_show_break_nothing(tmp_path: Path) -> None:
    configure(tmp_path)
    await fine(tmp_path, "quota", "grant", "ev\x1b[2Je\u202e\n", "1k")
    out = await fine(tmp_path, "balances")
    assert "\x1b" not in out
    assert len(out.splitlines()) == 2
    assert (await data(tmp_path, "balances"))[0]["member"] == "console:console:ev\x1b[2Je\u202e"


# Beside a running bot.


async def test_one_can_look_while_the_bot_runs(chat: JsonChat, tmp_path: Path) -> None:
    first = chat.ends["first"][0]
    shown = await data(tmp_path, "quota", "show", "ana")
    assert shown["balances"] == first["balances"]
    assert "agree" in await fine(tmp_path, "ledger", "verify")
    assert "console:console:ana" in await fine(tmp_path, "balances")
    assert len((await fine(tmp_path, "ledger", "export")).splitlines()) == 2
    await fine(tmp_path, "backup", "copy.db")
    assert "✗" not in await fine(tmp_path, "doctor")
    assert await chat.close() == 0


async def test_what_one_changes_holds_in_the_running_bot_at_once(
    chat: JsonChat, tmp_path: Path
) -> None:
    await fine(tmp_path, "quota", "set", "3k tokens/day")
    panel = await asked(chat, "q1", "/quota")
    assert [b["limit"] for b in panel["balances"]] == ["everyone: 3k tokens/day"]
    await fine(tmp_path, "quota", "grant", "ana", "5k")
    panel = await asked(chat, "q2", "/quota")
    assert panel["balances"][0]["granted"] == 8_000
    await fine(tmp_path, "quota", "drop", "everyone tokens/day")
    panel = await asked(chat, "q3", "/quota")
    assert panel["balances"][0]["granted"] == 15_000
    await fine(tmp_path, "pause", "--reason", "upgrade")
    end = await asked(chat, "p1", "hello")
    assert (end["event"], end["reason"]) == ("refused", "paused")
    assert "upgrade" in end["text"]
    await fine(tmp_path, "resume")
    assert (await asked(chat, "p2", "hello"))["event"] == "answer"
    code, told = await refused(tmp_path, "quota", "grant", "ana", "lots")
    assert code == 2
    assert "'lots' is no amount" in told
    assert await chat.close() == 0


async def test_a_second_bot_on_the_same_books_is_refused_by_name(
    chat: JsonChat, tmp_path: Path
) -> None:
    for second in (("chat", "--json"), ("chat",)):
        code, told = await refused(tmp_path, *second)
        assert code == 3
        assert f"pid {chat.process.pid}" in told
    assert (await asked(chat, "still", "hello"))["event"] == "answer"


async def test_a_change_is_refused_while_somebody_holds_the_books_and_takes_no_orders(
    tmp_path: Path,
) -> None:
    configure(tmp_path)
    store = await SqliteStore.open(tmp_path / "books.db", now=0)
    code, told = await refused(tmp_path, "quota", "grant", "ana", "5k")
    await store.close()
    assert code == 3
    assert f"pid {os.getpid()}" in told
    await fine(tmp_path, "quota", "grant", "ana", "5k")


async def test_changes_at_the_same_time_wait_for_one_another(tmp_path: Path) -> None:
    configure(tmp_path)
    await asyncio.gather(*(fine(tmp_path, "quota", "grant", "ana", "1k") for _ in range(4)))
    shown = await data(tmp_path, "quota", "show", "ana")
    assert shown["balances"][0]["left"] == 14_000


async def test_a_bot_that_was_killed_leaves_nothing_in_the_way(
    chat: JsonChat, tmp_path: Path
) -> None:
    await chat.kill()
    assert socket_path(tmp_path / "books.db").exists()
    await fine(tmp_path, "quota", "grant", "ana", "5k")
    again = await JsonChat.start(tmp_path)
    assert (await asked(again, "next", "hello"))["event"] == "answer"
    await fine(tmp_path, "quota", "grant", "ana", "5k")
    assert await again.close() == 0
    assert not socket_path(tmp_path / "books.db").exists()


async def test_orders_find_the_bot_also_where_the_path_is_long(tmp_path: Path) -> None:
    folder = tmp_path / ("d" * 100)
    folder.mkdir()
    configure(folder)
    running = await JsonChat.start(folder)
    await asked(running, "first", "hello")
    await fine(folder, "quota", "set", "3k tokens/day")
    panel = await asked(running, "q1", "/quota")
    assert panel["balances"][0]["granted"] == 3_000
    assert await running.close() == 0


# Reloading.


async def granted_now(chat: JsonChat, event_id: str) -> int:
    granted: int = (await asked(chat, event_id, "/quota"))["balances"][0]["granted"]
    return granted


async def test_a_new_config_is_taken_over_by_command(chat: JsonChat, tmp_path: Path) -> None:
    configure(tmp_path, CONFIG.replace("10k", "33k"))
    assert await granted_now(chat, "q1") == 10_000
    assert "is in force" in await fine(tmp_path, "reload")
    assert await granted_now(chat, "q2") == 33_000
    assert await chat.close() == 0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (CONFIG.replace("10k", "many"), "'many tokens' is no amount"),
        (CONFIG.replace("10k", "33k").replace("books.db", "other.db"), "restart the bot"),
        (CONFIG.replace("10k", "33k") + "colour = 1\n", "colour"),
    ],
)
async def test_a_new_config_with_anything_wrong_in_it_changes_nothing(
    chat: JsonChat, tmp_path: Path, text: str, told: str
) -> None:
    configure(tmp_path, text)
    # The bot is asked about its own file; the command may go by another one.
    (tmp_path / "mine.toml").write_text(CONFIG, encoding="utf-8")
    code, err = await refused(tmp_path, "reload", "--config", "mine.toml")
    assert code == 2
    assert told in err
    assert await granted_now(chat, "q1") == 10_000
    assert await chat.close() == 0


async def test_sighup_reloads_or_tells_in_the_log_why_not(chat: JsonChat, tmp_path: Path) -> None:
    log = tmp_path / "stderr.log"

    configure(tmp_path, CONFIG.replace("10k", "33k"))
    chat.process.send_signal(signal.SIGHUP)
    await written(log, "is in force")
    assert await granted_now(chat, "q1") == 33_000
    configure(tmp_path, CONFIG.replace("10k", "many"))
    chat.process.send_signal(signal.SIGHUP)
    await written(log, "nothing was reloaded")
    assert await granted_now(chat, "q2") == 33_000
    assert await chat.close() == 0


# Stopping.


async def slow_answer(folder: Path, server: ModelServer) -> JsonChat:
    """A bot in the middle of an answer that takes some seconds."""
    configure(folder, SERVED, base_url=server.base_url)
    chat = await JsonChat.start(folder)
    await chat.send({"id": "slow", "member": "ana", "text": "tell me a long story"})
    await chat.until(lambda: any(event["event"] == "delta" for event in chat.events))
    return chat


async def nothing_is_held(folder: Path) -> None:
    (balance,) = (await data(folder, "quota", "show", "ana"))["balances"]
    assert balance["held"] == 0
    assert balance["used"] > 0
    assert await data(folder, "ledger", "verify") == []


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
async def test_a_bot_that_is_told_to_stop_finishes_its_answers(
    tmp_path: Path, stop: signal.Signals
) -> None:
    async with ModelServer(models=["test-model"], answer_tokens=40, pace_s=0.03) as server:
        chat = await slow_answer(tmp_path, server)
        chat.process.send_signal(stop)
        (end,) = await chat.ended("slow")
        assert (end["event"], end["finish"]) == ("answer", "stop")
        assert await asyncio.wait_for(chat.process.wait(), WAIT_S) == 0
    await nothing_is_held(tmp_path)


async def test_a_bot_that_is_told_twice_stops_at_once_and_settles(tmp_path: Path) -> None:
    async with ModelServer(models=["test-model"], answer_tokens=500, pace_s=0.05) as server:
        chat = await slow_answer(tmp_path, server)
        chat.process.send_signal(signal.SIGTERM)
        # A second one that comes with the first would be the same one to the system.
        await asyncio.sleep(0.3)
        chat.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(chat.process.wait(), 10) == 0
    await nothing_is_held(tmp_path)


# Secrets.


async def test_no_key_is_in_any_output(tmp_path: Path) -> None:
    async with ModelServer(models=["test-model"]) as server:
        configure(tmp_path, SERVED, base_url=server.base_url)
        server.always("unauthorized")
        chat = await JsonChat.start(tmp_path)
        end = await asked(chat, "e1", "hello")
        assert await chat.close() == 0
    told = json.dumps(end) + text_of(tmp_path / "stderr.log")
    assert KEY not in told
    in_a_wrong_place = SERVED.replace('api_key_file = "key"', f'api_key_env = "{KEY}"')
    configure(tmp_path, in_a_wrong_place, base_url=server.base_url)
    for command in (("config", "check"), ("doctor",), ("chat", "--json")):
        code, err = await refused(tmp_path, *command)
        assert code == 2
        assert KEY not in err


async def test_a_socket_is_for_its_owner_only(chat: JsonChat, tmp_path: Path) -> None:
    path = socket_path(tmp_path / "books.db")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    assert await chat.close() == 0


async def test_the_ledger_can_be_followed(chat: JsonChat, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(executable(), "ledger", "tail", "--follow", "--json"),
        stdout=PIPE,
        stderr=PIPE,
        cwd=tmp_path,
        env=environment(tmp_path),
    )
    assert process.stdout is not None
    first = json.loads(await asyncio.wait_for(process.stdout.readline(), WAIT_S))
    assert first["member"] == "console:console:ana"
    await asked(chat, "more", "hello", member="bo")
    second = json.loads(await asyncio.wait_for(process.stdout.readline(), WAIT_S))
    assert second["member"] == "console:console:bo"
    process.send_signal(signal.SIGINT)
    _, err = await asyncio.wait_for(process.communicate(), WAIT_S)
    assert process.returncode == 130
    assert err == b""
