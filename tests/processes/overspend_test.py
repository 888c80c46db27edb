"""Nobody can spend more than there is, by the count of the server that was asked."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from tests.processes.program import JsonChat, run
from tests.servers.model_server import ModelServer

CONFIG = """
[store]
url = "sqlite:///books.db"
[models.default]
name = "test-model"
base_url = "{base_url}"
output_max = {output_max}
[limits]
everyone = ["3000 tokens/day"]
queue_max = 20
[limits.shared]
space = ["20000 tokens/day"]
"""


def configure(folder: Path, server: ModelServer, output_max: int = 1000) -> None:
    text = CONFIG.format(base_url=server.base_url, output_max=output_max)
    (folder / "config.toml").write_text(text, encoding="utf-8")


@pytest.mark.parametrize("output_max", [400, 1000, 4096])
async def test_two_hundred_asks_at_once_use_the_pool_and_not_a_token_more(
    tmp_path: Path, output_max: int
) -> None:
    async with ModelServer(models=["test-model"], answer_tokens=150) as server:
        configure(tmp_path, server, output_max)
        chat = await JsonChat.start(tmp_path)
        asks = [
            {"id": f"e{n}", "member": f"m{n % 12}", "text": f"question {n} of many"}
            for n in range(200)
        ]
        await chat.send(*asks)
        ends = await chat.ended(*(f"e{n}" for n in range(200)))
        assert await chat.close() == 0

        assert all(len(seen) == 1 for seen in chat.ends.values())
        assert server.total_tokens <= 20_000
        assert server.total_tokens >= 18_000
        spent = Counter[str]()
        for ask, end in zip(asks, ends, strict=True):
            if end["event"] == "answer":
                spent[ask["member"]] += end["tokens"]["input"] + end["tokens"]["output"]
            else:
                assert end["event"] == "refused"
        assert max(spent.values()) <= 3000
        assert sum(spent.values()) == server.total_tokens
        for call in server.requests:
            assert call.cap is not None
            assert call.output_tokens <= call.cap
        code, out, _ = await run(tmp_path, "ledger", "verify")
        assert (code, bool(out)) == (0, True)


async def test_a_model_that_counts_half_of_our_tokenizer_is_charged_what_it_reports(
    tmp_path: Path,
) -> None:
    async with ModelServer(models=["test-model"], answer_tokens=300) as server:
        configure(tmp_path, server)
        chat = await JsonChat.start(tmp_path)
        ids = [f"e{n}" for n in range(160)]
        await chat.send(
            *(
                {"id": i, "member": f"m{n % 10}", "text": "w1 w2 w3 w4 w5 w6"}
                for n, i in enumerate(ids)
            )
        )
        ends = await chat.ended(*ids)
        assert await chat.close() == 0

        answers = [end for end in ends if end["event"] == "answer"]
        assert {end["tokens"]["source"] for end in answers} == {"provider"}
        charged = sum(end["tokens"]["input"] + end["tokens"]["output"] for end in answers)
        assert charged == server.total_tokens
        assert 18_000 <= charged <= 20_000


async def test_asks_sent_one_after_the_other_fill_a_member_to_the_brim(tmp_path: Path) -> None:
    async with ModelServer(models=["test-model"], answer_tokens=500) as server:
        configure(tmp_path, server)
        chat = await JsonChat.start(tmp_path)
        for n in range(8):
            await chat.send(
                {"id": f"e{n}", "member": "ana", "text": "tell me more", "thread": str(n)}
            )
            await chat.ended(f"e{n}")
        await chat.send({"id": "q", "member": "ana", "text": "/quota"})
        (panel,) = await chat.ended("q")
        assert await chat.close() == 0
        own = panel["balances"][0]
        assert (own["granted"], own["held"]) == (3000, 0)
        assert own["used"] == server.total_tokens
        assert 2_900 <= own["used"] <= 3_000
        assert chat.ends["e7"][0]["event"] == "refused"
        assert chat.ends["e7"][0]["reason"] == "period_used"
        cut = [e for e in chat.ends.values() if e[0].get("finish") == "quota"]
        assert len(cut) == 1


async def test_a_flood_of_one_member_does_not_starve_the_others(tmp_path: Path) -> None:
    async with ModelServer(models=["test-model"], answer_tokens=5) as server:
        configure(tmp_path, server)
        chat = await JsonChat.start(tmp_path)
        flood = [{"id": f"f{n}", "member": "loud", "text": "again"} for n in range(1000)]
        others = [{"id": f"o{n}", "member": f"quiet{n}", "text": "hello"} for n in range(20)]
        await chat.send(*flood, *others)
        ends = await chat.ended(*(ask["id"] for ask in [*flood, *others]))
        assert await asyncio.wait_for(chat.close(), 30) == 0
        assert all(end["event"] == "answer" for end in ends[1000:])
        refused = [end for end in ends[:1000] if end["event"] == "refused"]
        assert {end["reason"] for end in refused} <= {"busy", "period_used", "pool_used"}
