"""Tools of MCP servers that others have published, over pipes and over HTTP, without a network."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from adapters.mcp_tools import LISTED_MS, McpTools
from bot.ports import Tool, ToolError
from bot.tool_servers import ToolServer
from quota.clock import SystemClock
from tests.fakes import FakeClock
from tests.servers.model_server import closed_port

PYTHON = sys.executable
TIME = (PYTHON, "-m", "mcp_server_time", "--local-timezone", "UTC")
# The same server over HTTP, as its authors' SDK serves it.
TIME_HTTP = (
    "import sys; from mcp_server_time.server import create_server; "
    "create_server('UTC').run('streamable-http', port=int(sys.argv[1]))"
)
WAIT_S = 20


def time_server(**more: Any) -> ToolServer:
    return ToolServer("clock", command=TIME, **more)


@asynccontextmanager
async def tools_of(*servers: ToolServer, clock: Any = None) -> AsyncIterator[McpTools]:
    tools = McpTools(servers, clock or SystemClock())
    try:
        yield tools
    finally:
        await tools.close()


async def named(tools: McpTools, server: str, name: str) -> Tool:
    return next(tool for tool in await tools.offered(server) if tool.title == name)


def children() -> list[int]:
    """The processes that this one has started and not yet seen the end of."""
    tasks, found = Path("/proc/self/task"), list[str]()
    if not tasks.exists():
        listing = subprocess.Popen(["/bin/ps", "-A", "-o", "ppid=,pid="], stdout=subprocess.PIPE)
        rows = [line.split() for line in listing.communicate()[0].decode().splitlines()]
        mine = [int(pid) for parent, pid in rows if int(parent) == os.getpid()]
        return [pid for pid in mine if pid != listing.pid]
    for task in tasks.iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread may end meanwhile
            found += (task / "children").read_text().split()
    return [int(pid) for pid in found]


async def becomes(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not true():  # noqa: ASYNC110 - what other processes do rings no bell here
            await asyncio.sleep(0.02)


async def nobody_left(before: list[int]) -> None:
    await becomes(lambda: not set(children()) - set(before))


async def test_a_published_server_is_started_asked_and_ended() -> None:
    before = children()
    async with tools_of(time_server()) as tools:
        assert set(children()) == set(before), "nothing is started before it is needed"
        names = [tool.title for tool in await tools.offered("clock")]
        assert names == ["get_current_time", "convert_time"]
        convert = await named(tools, "clock", "convert_time")
        assert json.loads(convert.schema)["required"] == [
            *("source_timezone", "time", "target_timezone")
        ]
        asked = {"source_timezone": "UTC", "time": "12:00", "target_timezone": "Asia/Tokyo"}
        said = json.loads(await tools.use(convert, asked))
        assert said["target"]["datetime"].endswith("T21:00:00+09:00")
        assert len(set(children()) - set(before)) == 1
    await nobody_left(before)


async def test_what_a_server_says_to_wrong_arguments_goes_to_the_model() -> None:
    async with tools_of(time_server()) as tools:
        now = await named(tools, "clock", "get_current_time")
        assert "Invalid timezone" in await tools.use(now, {"timezone": "Nowhere"})


async def test_a_tool_that_is_not_there_is_one_trouble_and_the_server_stays() -> None:
    before = children()
    async with tools_of(time_server()) as tools:
        now = await named(tools, "clock", "get_current_time")
        running = set(children()) - set(before)
        with pytest.raises(ToolError) as caught:
            await tools.use(now._replace(title="reset_quota"), {})
        assert caught.value.detail == "MCPError -32602"
        await tools.use(now, {"timezone": "UTC"})
        assert set(children()) - set(before) == running


async def test_a_server_that_died_is_started_again() -> None:
    before = children()
    async with tools_of(time_server()) as tools:
        now = await named(tools, "clock", "get_current_time")
        (pid,) = set(children()) - set(before)
        os.kill(pid, signal.SIGKILL)
        await nobody_left(before)
        await asyncio.sleep(0.05)
        assert "UTC" in await tools.use(now, {"timezone": "UTC"})


async def test_a_server_that_dies_while_it_is_used_is_one_trouble(tmp_path: Path) -> None:
    before = children()
    async with tools_of(sleepy(folder=tmp_path)) as tools:
        nap = await named(tools, "sleepy", "nap")
        using = asyncio.create_task(tools.use(nap, {}))
        await asyncio.sleep(0.2)
        (pid,) = set(children()) - set(before)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(ToolError):
            await using
        assert await tools.offered("sleepy")


async def test_who_leaves_while_a_tool_runs_harms_nobody_else(tmp_path: Path) -> None:
    async with tools_of(sleepy(folder=tmp_path)) as tools:
        nap = await named(tools, "sleepy", "nap")
        using = asyncio.create_task(tools.use(nap, {}))
        await asyncio.sleep(0.2)
        using.cancel()
        with pytest.raises(asyncio.CancelledError):
            await using
        assert await tools.use(nap._replace(title="hello"), {}) == "hello"


def sleepy(**more: Any) -> ToolServer:
    """A server with a tool that takes its time, one that tells its environment, and odd ones."""
    program = Path(__file__).parents[1] / "servers" / "odd_tools.py"
    return ToolServer("sleepy", command=(PYTHON, str(program)), **more)


async def test_a_server_gets_no_secret_but_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    monkeypatch.setenv("DISCORD_TOKEN", "very.secret")
    async with tools_of(sleepy(env={"WIKI_TOKEN": "its own"})) as tools:
        environment = json.loads(await tools.use(await named(tools, "sleepy", "env"), {}))
    assert environment["WIKI_TOKEN"] == "its own"
    assert "OPENAI_API_KEY" not in environment
    assert "DISCORD_TOKEN" not in environment


async def test_what_is_no_text_is_named() -> None:
    async with tools_of(sleepy()) as tools:
        said = await tools.use(await named(tools, "sleepy", "picture"), {})
    assert said == "before\n\n[image, which cannot be shown]"


async def test_what_a_server_writes_beside_its_answers_is_seen_by_nobody(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    async with tools_of(sleepy()) as tools:
        said = await tools.use(await named(tools, "sleepy", "noisy"), {})
    assert said == "done"
    assert "hunter2" not in caplog.text
    assert "hunter2" not in "".join(capfd.readouterr())


@pytest.mark.parametrize(
    "command",
    [
        ("/no/such/program",),
        (PYTHON, "-c", "raise SystemExit(1)"),
        (PYTHON, "-c", "print('this is no protocol')"),
    ],
)
async def test_a_program_that_is_no_server_is_one_trouble(command: tuple[str, ...]) -> None:
    before = children()
    async with tools_of(ToolServer("clock", command=command)) as tools:
        for _ in range(2):
            with pytest.raises(ToolError):
                await tools.offered("clock")
    await nobody_left(before)


async def test_a_program_that_says_nothing_is_given_up() -> None:
    before, clock = children(), FakeClock()
    silent = ToolServer("clock", command=(PYTHON, "-c", "import time; time.sleep(60)"))
    async with tools_of(silent, clock=clock) as tools:
        asking = asyncio.create_task(tools.offered("clock"))
        await becomes(lambda: bool(set(children()) - set(before)))
        clock.advance(60_000)
        with pytest.raises(ToolError):
            await asking
    await nobody_left(before)


async def test_a_server_that_is_gone_from_the_config_is_ended() -> None:
    before = children()
    async with tools_of(time_server(), sleepy()) as tools:
        now = await named(tools, "clock", "get_current_time")
        await tools.offered("sleepy")
        tools.reload([sleepy(timeout_ms=1)])
        with pytest.raises(ToolError, match="failed"):
            await tools.use(now, {})
        await becomes(lambda: len(set(children()) - set(before)) == 1)
        # The one that is reached as before was not started anew.
        assert await tools.use(await named(tools, "sleepy", "hello"), {}) == "hello"
    await nobody_left(before)


async def test_the_list_is_asked_for_again_when_it_has_changed() -> None:
    clock = FakeClock()
    async with tools_of(sleepy(), clock=clock) as tools:
        more = await named(tools, "sleepy", "learn")
        assert await tools.use(more, {}) == "learned"
        clock.advance(LISTED_MS)
        assert (await named(tools, "sleepy", "learned_0")).title == "learned_0"


# Over HTTP.


@contextmanager
def http_server(port: int) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [PYTHON, "-c", TIME_HTTP, str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def listening(port: int) -> None:
    async with asyncio.timeout(WAIT_S):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                await writer.wait_closed()
                return


async def test_a_published_server_answers_over_http_and_after_it_was_started_again() -> None:
    port = closed_port()
    server = ToolServer("clock", url=f"http://127.0.0.1:{port}/mcp", headers={"X-Key": "k"})
    async with tools_of(server) as tools:
        with pytest.raises(ToolError):
            await tools.offered("clock")
        with http_server(port):
            await listening(port)
            now = await named(tools, "clock", "get_current_time")
            assert "UTC" in await tools.use(now, {"timezone": "UTC"})
        with pytest.raises(ToolError):
            await tools.use(now, {"timezone": "UTC"})
        with http_server(port):
            await listening(port)
            assert "UTC" in await tools.use(now, {"timezone": "UTC"})


def repository(folder: Path) -> None:
    author = ["-c", "user.name=Ana", "-c", "user.email=ana@example.org"]
    for line in (["init", "-q"], [*author, "commit", "-q", "--allow-empty", "-m", "Begin"]):
        subprocess.run(["git", "-C", str(folder), *line], check=True)


async def test_a_published_git_server_reads_the_repository_that_it_was_given(
    tmp_path: Path,
) -> None:
    repository(tmp_path)
    command = (PYTHON, "-m", "mcp_server_git", "--repository", str(tmp_path))
    async with tools_of(ToolServer("git", command=command)) as tools:
        log = await named(tools, "git", "git_log")
        assert "Begin" in await tools.use(log, {"repo_path": str(tmp_path)})
        assert "Begin" not in await tools.use(log, {"repo_path": "/"})
