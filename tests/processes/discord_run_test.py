"""`quotabot run` with only Discord: the shipped program, a Discord and a model on loopback."""

import asyncio
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.processes.program import WAIT_S, environment, executable, run
from tests.servers.discord import TOKEN, Discord, Message
from tests.servers.discord.models import Channel
from tests.servers.model_server import MODEL, ModelServer

CONFIG = """
[store]
url = "sqlite:///books.db"
[models.default]
name = "{model}"
base_url = "{base_url}"
[limits]
everyone = ["100k tokens/day"]
[discord]
token_env = "DISCORD_TOKEN"
api_base = "{api_base}"
gateway = "{gateway}"
"""


def configure(folder: Path, discord: Discord, model: ModelServer) -> None:
    text = CONFIG.format(
        model=MODEL,
        base_url=model.base_url,
        api_base=discord.api_base,
        gateway=discord.gateway,
    )
    (folder / "config.toml").write_text(text, encoding="utf-8")


@asynccontextmanager
async def running(folder: Path, discord: Discord, token: str = TOKEN) -> AsyncIterator[Process]:
    """`quotabot run`, connected; killed in the end unless it has left by itself."""
    with (folder / "stderr.log").open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            *(executable(), "run"),
            cwd=folder,
            env=environment(folder, {"DISCORD_TOKEN": token}),
            stderr=errors,
        )
    try:
        # A process takes its time to load, and the model's vocabulary too.
        await discord.until(discord.gateway_server.sessions.__len__, "a session", WAIT_S)
        await discord.connected()
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
            await process.wait()


async def answered(discord: Discord, channel: Channel, asked: Message) -> Message:
    def last() -> list[Message]:
        return [m for m in channel.from_bot() if m.id > asked.id and "Stop" not in m.buttons]

    await discord.until(last, "an answer", WAIT_S)
    return last()[-1]


async def stopped(process: Process) -> int:
    process.send_signal(signal.SIGTERM)
    return await asyncio.wait_for(process.wait(), WAIT_S)


async def test_it_starts_answers_and_stops(tmp_path: Path) -> None:
    async with Discord() as discord, ModelServer() as model:
        configure(tmp_path, discord, model)
        ana = discord.guild("Homework").member("ana")
        channel = ana.guild.channel("general")
        async with running(tmp_path, discord) as process:
            answer = await answered(discord, channel, await ana.says(channel, "@bot hello"))
            assert answer.text
            assert await stopped(process) == 0
        code, out, _ = await run(tmp_path, "ledger", "verify")
        assert code == 0, out
        log = (tmp_path / "stderr.log").read_text(encoding="utf-8")
        assert "Traceback" not in log
        assert TOKEN not in log


async def test_an_answer_that_runs_when_it_is_stopped_comes_to_its_end(tmp_path: Path) -> None:
    async with Discord() as discord, ModelServer(answer_tokens=40) as model:
        configure(tmp_path, discord, model)
        ana = discord.guild("Homework").member("ana")
        channel = ana.guild.channel("general")
        gate = model.hold(after=5)
        async with running(tmp_path, discord) as process:
            asked = await ana.says(channel, "@bot hello")
            growing = await channel.answer(after=asked, timeout_s=WAIT_S)
            process.send_signal(signal.SIGTERM)
            gate.release()
            assert await asyncio.wait_for(process.wait(), WAIT_S) == 0
        assert "Stop" not in growing.buttons
        assert len(growing.text.split()) >= 40


async def test_a_killed_process_leaves_no_half_answer_behind(tmp_path: Path) -> None:
    async with Discord() as discord, ModelServer(answer_tokens=400, pace_s=0.02) as model:
        configure(tmp_path, discord, model)
        ana = discord.guild("Homework").member("ana")
        channel = ana.guild.channel("general")
        async with running(tmp_path, discord) as process:
            asked = await ana.says(channel, "@bot hello")
            growing = await channel.answer(after=asked, timeout_s=WAIT_S)
            await growing.until(lambda m: len(m.versions) > 1, "a second frame", WAIT_S)
            process.send_signal(signal.SIGKILL)
            await process.wait()
        discord.gateway_server.identify_every_s = 0.0
        async with running(tmp_path, discord) as process:
            discord.deliver_again(asked)
            await growing.until(lambda m: "Stop" not in m.buttons, "the end of it", WAIT_S)
            assert "interrupted" in growing.text
            model.answer_tokens = 8
            asked = await ana.says(channel, "@bot again")
            await answered(discord, channel, asked)
            assert await stopped(process) == 0
        code, out, _ = await run(tmp_path, "ledger", "verify")
        assert code == 0, out


async def test_a_wrong_token_is_told_in_one_line(tmp_path: Path) -> None:
    async with Discord() as discord, ModelServer() as model:
        configure(tmp_path, discord, model)
        process = await asyncio.create_subprocess_exec(
            *(executable(), "run"),
            cwd=tmp_path,
            env=environment(tmp_path, {"DISCORD_TOKEN": "wrong"}),
            stderr=asyncio.subprocess.PIPE,
        )
        _, err = await asyncio.wait_for(process.communicate(), WAIT_S)
        assert process.returncode == 2
        assert b"token was not accepted" in err
        assert b"Traceback" not in err


@pytest.mark.parametrize("config", [True, False])
async def test_the_invitation_names_the_app(tmp_path: Path, config: bool) -> None:
    if config:
        async with Discord() as discord, ModelServer() as model:
            configure(tmp_path, discord, model)
        code, _, err = await run(tmp_path, "invite", "discord")
        assert code == 2
        assert "DISCORD_TOKEN" in err
        return
    code, out, _ = await run(tmp_path, "invite", "discord", "--app", "1234")
    assert code == 0
    assert "client_id=1234" in out
    assert "permissions=377957223424" in out
