"""A fair pool in real time, at whatever hour: not a token too much, and no promise broken."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.processes.program import Event, JsonChat, run
from tests.servers.model_server import ModelServer

CONFIG = """
[store]
url = "sqlite:///books.db"
[models.default]
name = "test-model"
base_url = "{base_url}"
output_max = 700
[limits]
expected_members = {members}
wait_s = 5
shared.space = "{size} tokens/day fair"
"""


class Traffic(NamedTuple):
    """So many tokens for so many members, each of whom asks so often; the first one for ever."""

    size: int
    members: int
    asks: int


SHORT = Traffic(size=20_000, members=20, asks=2)
LONG = Traffic(size=100_000, members=200, asks=2)


class Told(NamedTuple):
    """What a member was told to be kept, until when, in which period."""

    kept: int
    until: datetime
    period: str


class Member:
    """One at a time, so that what is kept for them is used by nothing else meanwhile."""

    def __init__(self, chat: JsonChat, name: str) -> None:
        self.chat = chat
        self.name = name
        self.told: Told | None = None
        self.asked = 0
        self.refused = 0

    async def ask(self) -> Event:
        self.asked += 1
        event = f"{self.name}.{self.asked}"
        await self.chat.send({"id": event, "member": self.name, "text": event, "thread": event})
        (end,) = await self.chat.ended(event)
        if end["event"] == "refused":
            self.refused += 1
            self.holds_to_what_was_told(end)
        else:
            assert end["event"] == "answer", end
            self.told = told(end["balances"][-1])
        return end

    def holds_to_what_was_told(self, end: Event) -> None:
        if self.told is not None and end["opens_at"] in {None, self.told.period}:
            broken = datetime.now(UTC) < self.told.until and end["needed"] <= self.told.kept
            assert not broken, f"{self.name} was told {self.told} and then {end}"


def told(balance: Event) -> Told | None:
    if balance["kept_until"] is None:
        return None
    return Told(balance["kept"], datetime.fromisoformat(balance["kept_until"]), balance["opens_at"])


async def play(folder: Path, traffic: Traffic) -> str:
    """Let everybody come; the figures."""
    size, members, asks = traffic
    async with ModelServer(models=["test-model"], answer_tokens=120) as server:
        text = CONFIG.format(base_url=server.base_url, members=members, size=size)
        (folder / "config.toml").write_text(text, encoding="utf-8")
        chat = await JsonChat.start(folder)
        people = [Member(chat, f"m{n}") for n in range(members)]
        loud, done = people[0], asyncio.Event()

        async def never_stop() -> None:
            while not done.is_set():
                if (await loud.ask())["event"] == "refused":
                    await asyncio.sleep(0.02)

        async def come(member: Member) -> None:
            for _ in range(asks):
                await member.ask()

        shouting = asyncio.create_task(never_stop())
        await asyncio.gather(*map(come, people[1:]))
        done.set()
        await shouting
        await chat.send({"id": "q", "member": "m0", "text": "/quota"})
        (panel,) = await chat.ended("q")
        assert await chat.close() == 0
        pool = panel["balances"][-1]
        assert pool["granted"] == size
        assert pool["held"] == 0
        # At midnight another pool opens; what was spent before is in the old one.
        assert pool["used"] <= size
        assert server.total_tokens == pool["used"] or server.total_tokens <= 2 * size
        code, _, errors = await run(folder, "ledger", "verify")
        assert (code, errors) == (0, "")
        refused = sum(member.refused for member in people[1:])
        return (
            f"{pool['used']:,} of {size:,} tokens used, {loud.asked:,} asks of one member "
            f"({loud.refused:,} refused), {refused} of {(members - 1) * asks:,} others refused"
        )


@pytest.mark.parametrize("traffic", [SHORT])
async def test_nobody_spends_too_much_and_no_promise_is_broken(
    tmp_path: Path, traffic: Traffic
) -> None:
    await play(tmp_path, traffic)
