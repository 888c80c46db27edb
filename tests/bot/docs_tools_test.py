"""docs/tools.md says what is so: its configs load, and its figures are those of the program."""

import re
from pathlib import Path

import pytest

from bot import toolbox
from bot.config import load
from bot.tool_servers import RESULT_CHARS_MAX, TIMEOUT_MS

PAGE = (Path(__file__).parents[2] / "docs" / "tools.md").read_text(encoding="utf-8")
CONFIGS = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("text", CONFIGS)
def test_every_config_on_the_page_loads(text: str, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    (server,) = load(path, {"TICKETS_TOKEN": "t-secret"}).tools
    assert server.key in {"clock", "tickets"}


def test_there_are_two_of_them() -> None:
    assert len(CONFIGS) == 2


@pytest.mark.parametrize(
    "line",
    [
        f"| steps of one answer | {toolbox.STEPS_MAX} (",
        f"| one use | {TIMEOUT_MS // 1000} s (",
        f"| one result | {RESULT_CHARS_MAX:,} characters (",
        f"| uses in one step | {toolbox.AT_ONCE_MAX} at the same time |",
        f"| tools in one question | {toolbox.TOOLS_MAX} |",
    ],
)
def test_the_bounds_are_those_of_the_program(line: str) -> None:
    assert line in PAGE
