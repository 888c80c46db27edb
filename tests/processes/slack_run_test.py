"""`quotabot run` against a Slack on loopback, as a process: stopped, killed, started again."""

import asyncio
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from adapters.slack.leftover import Leftover
from tests.processes.program import WAIT_S, environment, executable, run
from tests.servers.model_server import ModelServer
from tests.servers.slack import Message, Slack

CONFIG = """
[store]
url = "sqlite:///books.db"
[models.default]
name = "test-model"
base_url = "{model}"
output_max = 400
[limits]
everyone = ["100k tokens/day"]
[slack]
bot_token_env = "SLACK_BOT_TOKEN"
app_token_env = "SLACK_APP_TOKEN"
api_base = "{slack}"
"""


@asynccontextmanager
async def running(folder: Path, slack: Slack) -> AsyncIterator[Process]:
    tokens = {
        "SLACK_BOT_TOKEN": slack.team("Acme").token,
        "SLACK_APP_TOKEN": slack.app.app_token,
    }
    before = slack.sockets.opened
    with (folder / "stderr.log").open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            executable(), "run", cwd=folder, env=environment(folder, tokens), stderr=errors
        )
    try:
        await slack.watch.until(
            lambda: slack.sockets.opened > before, "it connects", within_s=WAIT_S
        )
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.wait(), WAIT_S)


def written(asked: Message) -> list[Message]:
    return [m for m in asked.channel.messages if m.by_bot and m.root_ts == asked.root_ts]


async def test_killed_in_mid_stream_it_puts_the_thread_right_and_charges_once(
    tmp_path: Path,
) -> None:
    async with Slack() as slack, ModelServer(answer_tokens=40) as model:
        team = slack.team("Acme")
        ana = team.user("ana")
        general = team.channel("general")
        base = slack.base_url.removesuffix("/")
        text = CONFIG.format(model=model.base_url, slack=base)
        (tmp_path / "config.toml").write_text(text, encoding="utf-8")
        gate = model.hold(after=10)
        async with running(tmp_path, slack) as process:
            asked = await ana.says(general, "@bot say 40")
            await gate.reached()
            await slack.watch.until(lambda: written(asked), "a beginning", within_s=WAIT_S)
            process.kill()
            await process.wait()
        assert team.hanging
        gate.release()
        async with running(tmp_path, slack) as process:
            await slack.watch.until(
                lambda: not team.hanging, "the status moves on", within_s=WAIT_S
            )
            (broken,) = written(asked)
            assert "interrupted" in broken.shown
            # Slack did not hear that the event was taken; it sends it again.
            for event_id in asked.event_ids:
                slack.deliver_again(event_id)
            told = await slack.watch.until(
                lambda: [m for m in team.sees(ana, general) if m.is_ephemeral],
                "the repetition is told what happened",
                within_s=WAIT_S,
            )
            assert "interrupted" in told[0].shown
            assert len(written(asked)) == 1
            again = await ana.says(general, "@bot say 5", thread=asked)
            await slack.watch.until(lambda: len(written(again)) == 2, "an answer", within_s=WAIT_S)
            gate = model.hold(after=2)
            last = await ana.says(general, "@bot say 5")
            await gate.reached()
            process.send_signal(signal.SIGTERM)
            gate.release()
            await asyncio.wait_for(process.wait(), WAIT_S)
        assert process.returncode == 0
        (answer,) = written(last)
        assert "Regenerate" in str(answer.blocks)
        assert not team.hanging
        code, out, _ = await run(tmp_path, "ledger", "verify")
        assert code == 0, out
        assert Leftover(tmp_path / "books.db.slack.running").left == {}


async def test_killed_while_an_answer_grows_by_edits_it_is_ended_where_it_stands(
    tmp_path: Path,
) -> None:
    async with Slack() as slack, ModelServer(answer_tokens=40) as model:
        team = slack.team("Acme")
        ana, general = team.user("ana"), team.channel("general")
        base = slack.base_url.removesuffix("/")
        text = CONFIG.format(model=model.base_url, slack=base)
        (tmp_path / "config.toml").write_text(text, encoding="utf-8")
        slack.fail_next("chat.startStream", "unknown_method")
        gate = model.hold(after=10)
        async with running(tmp_path, slack) as process:
            asked = await ana.says(general, "@bot say 40")
            await gate.reached()
            await slack.watch.until(lambda: written(asked), "a beginning", within_s=WAIT_S)
            process.kill()
            await process.wait()
        (growing,) = written(asked)
        begun = growing.shown.split("\n")[0]
        assert begun.startswith("w1")
        gate.release()
        async with running(tmp_path, slack):
            await slack.watch.until(
                lambda: "interrupted" in written(asked)[0].shown, "its end", within_s=WAIT_S
            )
            (broken,) = written(asked)
            assert broken.shown.startswith(begun)
            assert '"stop' not in str(broken.blocks)
