"""The sections [tools.NAME]: what they mean, and what is wrong with them."""

import re
from pathlib import Path

import pytest

from bot.config import ConfigError
from bot.tool_servers import ToolServer
from tests.bot.config_test import OFFLINE, read

CLOCK = 'command = ["uvx", "mcp-server-time"]'
WIKI = 'url = "https://wiki.example.org/mcp"'


def tools(folder: Path, lines: str, environ: dict[str, str] | None = None) -> ToolServer:
    (server,) = read(folder, f"{OFFLINE}\n[tools.clock]\n{lines}", environ).tools
    return server


def test_a_program_gets_its_command_and_only_its_own_environment(tmp_path: Path) -> None:
    lines = f'{CLOCK}\nfolder = "data"\nenv = {{LANG = "C"}}\nenv_from = "WIKI_TOKEN"'
    server = tools(tmp_path, lines, {"WIKI_TOKEN": "w-secret", "OPENAI_API_KEY": "sk-other"})
    assert server.command == ("uvx", "mcp-server-time")
    assert server.env == {"LANG": "C", "WIKI_TOKEN": "w-secret"}
    assert server.folder == tmp_path / "data"
    assert server.secrets == ("w-secret",)
    assert "w-secret" not in repr(server)


def test_an_address_gets_its_token_in_the_usual_header_or_its_own(tmp_path: Path) -> None:
    lines = f'{WIKI}\ntoken_env = "WIKI_TOKEN"'
    environ = {"WIKI_TOKEN": "w-secret"}
    assert tools(tmp_path, lines, environ).headers == {"Authorization": "Bearer w-secret"}
    own = tools(tmp_path, f'{lines}\ntoken_header = "X-Api-Key"', environ)
    assert own.headers == {"X-Api-Key": "w-secret"}
    (tmp_path / "wiki.token").write_text("f-secret\n")
    by_file = tools(tmp_path, f'{WIKI}\ntoken_file = "wiki.token"')
    assert by_file.secrets == ("f-secret",)
    assert tools(tmp_path, WIKI).headers == {}


def test_secrets_of_tools_are_kept_out_of_the_log(tmp_path: Path) -> None:
    text = f'{OFFLINE}\n[tools.wiki]\n{WIKI}\ntoken_env = "WIKI_TOKEN"'
    assert "w-secret" in read(tmp_path, text, {"WIKI_TOKEN": "w-secret"}).secrets


def test_who_and_where_and_which_and_how_long_and_how_much(tmp_path: Path) -> None:
    lines = (
        f'{CLOCK}\nallowed_for = ["role:Helper"]\nspaces = ["discord:1"]\nonly = "now"\n'
        'never = ["reset"]\ntimeout_s = 5\nresult_chars_max = 500'
    )
    server = tools(tmp_path, lines)
    assert (server.allowed_for, server.spaces) == (("role:Helper",), ("discord:1",))
    assert (server.only, server.never) == (("now",), ("reset",))
    assert (server.timeout_ms, server.result_chars_max) == (5_000, 500)


def test_what_is_not_said_restricts_nothing(tmp_path: Path) -> None:
    server = tools(tmp_path, CLOCK)
    assert server == ToolServer("clock", ("uvx", "mcp-server-time"))


def test_steps_and_models_have_their_say(tmp_path: Path) -> None:
    config = read(tmp_path, f"{OFFLINE}tools = false\n[chat]\nsteps_max = 3")
    assert (config.models[0].tools, config.steps_max, config.tools) == (False, 3, ())
    config = read(tmp_path, OFFLINE)
    assert (config.models[0].tools, config.steps_max) == (True, 10)


MISTAKES = [
    ("", 'command is missing; write ["uvx", "mcp-server-time"], or a url'),
    (f"{CLOCK}\n{WIKI}", "url stands beside command; keep one of them"),
    ('command = ["", "x"]', "command names no program; write its name or path first"),
    ('command = "uvx mcp-server-time"', 'write the program and each argument: ["uvx", "mcp-'),
    (f'{CLOCK}\ntoken_env = "WIKI_TOKEN"', "token_env needs a url; remove it"),
    (f'{WIKI}\nenv = {{A = "b"}}', "[tools.clock.env] needs a command; remove it"),
    (f'{WIKI}\nfolder = "data"', "folder needs a command; remove it"),
    (f'{WIKI}\nenv_from = ["HOME"]', "env_from needs a command; remove it"),
    (f'{CLOCK}\nenv_from = ["NOT_SET"]', "env_from names NOT_SET, which is not set; set it"),
    (f'{WIKI}\ntoken_env = "NOT_SET"', "token_env names NOT_SET, which is not set"),
    (f'{WIKI}\ntoken_env = "A"\ntoken_file = "b"', "token_env stands beside token_file; keep one"),
    (f'{WIKI}\ntoken_header = "X Key"', 'write the name of a header, such as "X-Api-Key"'),
    ('url = "wiki"', "url is 'wiki'; write an address, \"https://…\", or remove it"),
    (f'{CLOCK}\nspaces = ["Homework"]', "spaces"),
    (f"{CLOCK}\ntimeout_s = 0", "timeout_s is 0; give whole seconds from 1 to 600"),
    (f"{CLOCK}\nresult_chars_max = 9", "result_chars_max is 9; give the characters of one result"),
    (f"{CLOCK}\ntimout_s = 9", "timout_s is not known; did you mean timeout_s?"),
]


@pytest.mark.parametrize(("lines", "problem"), MISTAKES)
def test_a_mistake_names_its_key_and_the_fix(tmp_path: Path, lines: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=re.escape("[tools.clock")) as caught:
        tools(tmp_path, lines)
    (line,) = caught.value.problems
    assert problem in line
