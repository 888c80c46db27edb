"""The plug is pulled at random moments; nothing that was told is lost, nothing is charged twice.

Short here; `python -m tests.long` pulls it fifty times.
"""

import asyncio
import json
import random
from dataclasses import dataclass, field
from pathlib import Path

from tests.processes.program import Event, JsonChat, run
from tests.servers.model_server import ModelServer

CONFIG = """
[store]
url = "sqlite:///books.db"
[models.default]
name = "test-model"
base_url = "{base_url}"
output_max = 400
[limits]
everyone = ["1M tokens/day"]
[limits.shared]
space = ["10M tokens/day"]
"""
TURNS = 10


@dataclass(slots=True)
class Seen:
    """What the world outside knows: what was sent, and what was told before the plug was pulled."""

    asks: dict[str, Event] = field(default_factory=dict)
    told: dict[str, Event] = field(default_factory=dict)
    interrupted: set[str] = field(default_factory=set)


async def one_round(folder: Path, server: ModelServer, number: int, chance: random.Random) -> Seen:
    """Ten turns run, the plug is pulled, everything is delivered again."""
    seen = Seen()
    chat = await JsonChat.start(folder)
    for n in range(TURNS * 3):
        key = f"r{number}n{n}"
        seen.asks[key] = {"id": key, "member": f"m{n % TURNS}", "text": f"{key} say {60 + n}"}
    await chat.send(*seen.asks.values())
    moment = chance.randrange(1, 2_000)
    await chat.until(lambda: len(chat.events) >= moment)
    await chat.kill()
    seen.told = {key: ends[0] for key, ends in chat.ends.items()}

    code, out, _ = await run(folder, "ledger", "verify")
    assert code == 0, out
    chat = await JsonChat.start(folder)
    await chat.send(*seen.asks.values(), *seen.asks.values())
    await chat.until(lambda: all(len(chat.ends.get(key, ())) == 2 for key in seen.asks))
    for key in seen.asks:
        kinds = [(end["event"], end.get("code")) for end in chat.ends[key]]
        first = [kind for kind in kinds if kind != ("duplicate", None)]
        assert len(first) <= 1, (key, kinds)
        if key in seen.told:
            assert not first, f"{key} was told {seen.told[key]} and is told again {kinds}"
        if first == [("error", "interrupted")]:
            seen.interrupted.add(key)
    await chat.send({"id": f"q{number}", "member": "m0", "text": "/quota"})
    (panel,) = await chat.ended(f"q{number}")
    assert [balance["held"] for balance in panel["balances"]] == [0, 0]
    assert await chat.close() == 0
    return seen


async def pull_the_plug(folder: Path, rounds: int, seed: int) -> str:
    """So many rounds on one set of books; figures for people."""
    chance = random.Random(seed)
    told: dict[str, Event] = {}
    interrupted: set[str] = set()
    async with ModelServer(models=["test-model"], answer_tokens=60) as server:
        text = CONFIG.format(base_url=server.base_url)
        (folder / "config.toml").write_text(text, encoding="utf-8")
        for number in range(rounds):
            seen = await one_round(folder, server, number, chance)
            told |= seen.told
            interrupted |= seen.interrupted
        await server.idle()
        # The plug may be pulled in the middle of a request; one that never came whole asks nothing.
        whole = [call.messages[-1] for call in server.requests if call.messages]
        asked = [str(message["content"]).split()[0] for message in whole]
        assert len(asked) == len(set(asked)), "an event was dispatched twice"
    code, out, _ = await run(folder, "ledger", "export", "--json")
    assert code == 0
    entries = [json.loads(line) for line in out.splitlines()]
    resolved = [e["hold"] for e in entries if e["kind"] in {"settle", "release", "lapse"}]
    assert len(resolved) == len(set(resolved)), "a hold was charged twice"
    settled = sorted(e["tokens"] for e in entries if e["kind"] == "settle")
    for end in told.values():
        if end["event"] == "answer":
            settled.remove(end["tokens"]["input"] + end["tokens"]["output"])
    code, out, _ = await run(folder, "ledger", "verify")
    assert code == 0, out
    return (
        f"{rounds} rounds, {len(told)} ends told before the plug was pulled, "
        f"{len(interrupted)} interrupted turns, {len(entries)} entries, 0 lost, 0 twice"
    )


async def test_nothing_told_is_lost_when_the_plug_is_pulled(tmp_path: Path) -> None:
    figures = await pull_the_plug(tmp_path, rounds=4, seed=1)
    assert "0 lost" in figures


def fifty_rounds(folder: Path) -> str:
    """The long form."""
    return asyncio.run(pull_the_plug(folder, rounds=50, seed=2026))
