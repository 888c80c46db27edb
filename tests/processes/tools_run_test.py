"""The shipped program with published servers of tools: what a turn of several steps costs, and what
becomes of it when it is stopped, cut off by its allowance, or killed between its steps."""

import json
import sys
from pathlib import Path

from tests.processes.mcp_tools_test import becomes
from tests.processes.program import JsonChat, run
from tests.servers.model_server import ModelServer

CONFIG = """
[store]
url = "sqlite:///books.db"
[models.default]
name = "test-model"
base_url = "{base_url}"
output_max = 400
[limits]
everyone = ["{limit}"]
[tools.clock]
command = {time}
[tools.odd]
command = {odd}
folder = "."
only = ["nap", "hello"]
"""
ODD = Path(__file__).parents[1] / "servers" / "odd_tools.py"
NOW = '[use get_current_time {{"timezone": "UTC"}} {} times]'


def configure(folder: Path, server: ModelServer, limit: str = "90k tokens/day") -> None:
    time = json.dumps([sys.executable, "-m", "mcp_server_time", "--local-timezone", "UTC"])
    odd = json.dumps([sys.executable, str(ODD)])
    text = CONFIG.format(base_url=server.base_url, limit=limit, time=time, odd=odd)
    (folder / "config.toml").write_text(text, encoding="utf-8")


async def is_sound(folder: Path, chat: JsonChat) -> None:
    """Nothing is held, and the books agree with their entries."""
    await chat.send({"id": "q", "member": "ana", "text": "/quota"})
    (panel,) = await chat.ended("q")
    assert [balance["held"] for balance in panel["balances"]] == [0]
    assert await chat.close() == 0
    code, out, _ = await run(folder, "ledger", "verify")
    assert code == 0, out


async def charged(folder: Path) -> int:
    _, out, _ = await run(folder, "ledger", "export", "--json")
    entries = [json.loads(line) for line in out.splitlines()]
    return sum(e["tokens"] for e in entries if e["kind"] in {"settle", "lapse"})


async def test_a_published_tool_is_used_and_every_step_is_counted(tmp_path: Path) -> None:
    async with ModelServer(models=["test-model"]) as server:
        configure(tmp_path, server)
        chat = await JsonChat.start(tmp_path)
        await chat.send({"id": "e1", "member": "ana", "text": f"say 3 {NOW.format(2)}"})
        (answer,) = await chat.ended("e1")
        assert answer["text"] == "\n\n".join(["w1 w2 w3"] * 3)
        deltas = [event["text"] for event in chat.events if event["event"] == "delta"]
        assert "".join(deltas) == answer["text"]
        results = [m["content"] for m in server.requests[-1].messages if m["role"] == "tool"]
        assert [json.loads(result)["timezone"] for result in results] == ["UTC", "UTC"]
        tokens = answer["tokens"]
        assert tokens["input"] == server.prompt_tokens
        assert tokens["output"] == server.output_tokens
        await is_sound(tmp_path, chat)
        assert await charged(tmp_path) == server.total_tokens


async def test_a_loop_of_ten_steps_stops_where_the_allowance_has_room_for_four(
    tmp_path: Path,
) -> None:
    async with ModelServer(models=["test-model"]) as server:
        configure(tmp_path, server, "1600 tokens/day")
        chat = await JsonChat.start(tmp_path)
        await chat.send({"id": "e1", "member": "ana", "text": f"say 5 {NOW.format(10)}"})
        (answer,) = await chat.ended("e1")
        assert len(server.requests) == 4, answer
        assert answer["finish"] == "quota"
        assert answer["text"] == "\n\n".join(["w1 w2 w3 w4 w5"] * 4)
        assert answer["tokens"]["input"] + answer["tokens"]["output"] == server.total_tokens
        await is_sound(tmp_path, chat)
        assert await charged(tmp_path) == server.total_tokens


async def test_killed_while_a_tool_runs_the_steps_so_far_are_charged_once(tmp_path: Path) -> None:
    async with ModelServer(models=["test-model"]) as server:
        configure(tmp_path, server)
        ask = {"id": "e1", "member": "ana", "text": "say 3 [use nap {} 5 times]"}
        chat = await JsonChat.start(tmp_path)
        await chat.send(ask)
        await becomes((tmp_path / "napping").exists)
        await chat.kill()
        chat = await JsonChat.start(tmp_path)
        await chat.send(ask)
        (again,) = await chat.ended("e1")
        assert again["event"] == "duplicate"
        assert len(server.requests) == 1
        await is_sound(tmp_path, chat)
        assert await charged(tmp_path) == server.total_tokens


async def test_killed_in_a_later_step_it_is_told_once_and_never_answered_again(
    tmp_path: Path,
) -> None:
    async with ModelServer(models=["test-model"]) as server:
        configure(tmp_path, server)
        ask = {"id": "e1", "member": "ana", "text": f"say 3 {NOW.format(1)}"}
        chat = await JsonChat.start(tmp_path)
        # The first step has six tokens, so only the second one, which says more, comes so far.
        server.next()
        server.next(answer_tokens=50)
        gate = server.hold(after=30)
        await chat.send(ask)
        await gate.reached()
        await chat.kill()
        gate.release()
        await server.idle()
        chat = await JsonChat.start(tmp_path)
        await chat.send(ask, ask)
        await chat.until(lambda: len(chat.ends.get("e1", ())) == 2)
        kinds = [(end["event"], end.get("code")) for end in chat.ends["e1"]]
        assert sorted(kinds, key=str) == [("duplicate", None), ("error", "interrupted")]
        assert len(server.requests) == 2
        await is_sound(tmp_path, chat)
        assert await charged(tmp_path) >= server.total_tokens


async def test_stopped_while_a_tool_runs_the_program_ends_it_and_goes_on(tmp_path: Path) -> None:
    async with ModelServer(models=["test-model"]) as server:
        configure(tmp_path, server)
        chat = await JsonChat.start(tmp_path)
        await chat.send({"id": "e1", "member": "ana", "text": "say 3 [use nap {} 5 times]"})
        await becomes((tmp_path / "napping").exists)
        await chat.send({"id": "e1", "stop": True})
        (answer,) = await chat.ended("e1")
        assert (answer["text"], answer["finish"]) == ("w1 w2 w3", "stopped")
        await chat.send({"id": "e2", "member": "ana", "text": "say 2 [use hello {}]"})
        (next_answer,) = await chat.ended("e2")
        assert next_answer["text"] == "w1 w2\n\nw1 w2"
        await is_sound(tmp_path, chat)
        assert await charged(tmp_path) == server.total_tokens


async def test_doctor_names_the_tools_of_each_server(tmp_path: Path) -> None:
    async with ModelServer(models=["test-model"]) as server:
        configure(tmp_path, server)
        code, out, err = await run(tmp_path, "doctor")
        assert code == 0, (out, err)
        assert f"✓ tools clock: {sys.executable} offers get_current_time, convert_time" in out
        text = (tmp_path / "config.toml").read_text(encoding="utf-8")
        text = text.replace('only = ["nap", "hello"]', 'only = ["nap", "snooze"]')
        (tmp_path / "config.toml").write_text(text, encoding="utf-8")
        code, out, _ = await run(tmp_path, "doctor")
        assert code == 1
        assert "offers nap, but it has no snooze" in out
