import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.control import socket_path
from adapters.sqlite import SqliteStore
from bot.bot import Bot
from bot.config import load
from bot.config_values import Config, ConfigError
from bot.control import Order
from bot.main import House, build, carry_out, platforms, reading, vocabulary_folder
from bot.messages import Answer, Ask, End, Failure
from bot.ports import Finished, ModelCall, ModelEvent, TextDelta, UsageReport
from bot.text import Words
from quota.errors import StoreUnavailableError
from quota.memory import MemoryStore
from quota.store import AuditRow, FlagRow, LimitRow
from quota.units import Rates, Usage
from tests.fakes import MINUTE, FakeClock, let_run, requester

CONFIG = """
[store]
url = "sqlite:///books.db"
[models.default]
name = "{name}"
base_url = "{base_url}"
[models.dear]
name = "gpt-5-mini"
base_url = "offline"
price = {{input = "$1", output = "$2"}}
[limits]
everyone = ["{limit}"]
"""


class Model:
    """Says one word; waits before it while the gate is shut."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked = asyncio.Event()
        self.closed = 0

    @asynccontextmanager
    async def stream(self, call: ModelCall) -> AsyncGenerator[AsyncIterator[ModelEvent], None]:
        events = self._events()
        try:
            yield events
        finally:
            await events.aclose()

    async def _events(self) -> AsyncGenerator[ModelEvent, None]:
        yield TextDelta("well")
        self.asked.set()
        await self.gate.wait()
        yield Finished("stop")
        yield UsageReport(Usage(input=5, output=1))

    async def close(self) -> None:
        self.closed += 1


class Reply:
    """Keeps the end."""

    def __init__(self) -> None:
        self.end: End | None = None
        self.messages = ()

    async def update(self, delta: str) -> None:
        return

    async def note(self, text: str) -> None:
        return

    def ending(self) -> None:
        return

    async def finish(self, end: End) -> None:
        self.end = end


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def write(
    folder: Path,
    limit: str = "10k tokens/day",
    name: str = "any",
    base_url: str = "http://127.0.0.1:9/v1",
) -> Config:
    path = folder / "config.toml"
    text = CONFIG.format(limit=limit, name=name, base_url=base_url)
    path.write_text(text, encoding="utf-8")
    return load(path, {})


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return write(tmp_path)


async def ask(bot: Bot, event: str = "e1") -> End | None:
    reply = Reply()
    await bot.chat.handle(Ask(event, requester(), "hello"), reply, Words(str))
    return reply.end


async def test_what_is_built_answers_and_closes_as_often_as_one_likes(config: Config) -> None:
    model = Model()
    bot = await build(config, chat_models={"default": model})
    end = await ask(bot)
    assert isinstance(end, Answer)
    assert end.text == "well"
    await asyncio.gather(bot.close(), bot.close())
    await bot.close()
    await let_run()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert not socket_path(config.store_path).exists()
    # What was handed in stays the caller's.
    assert model.closed == 0


async def test_a_store_that_is_handed_in_stays_open_and_takes_no_orders(config: Config) -> None:
    store, clock = MemoryStore(), FakeClock()
    bot = await build(config, store=store, clock=clock, chat_models={"default": Model()})
    assert isinstance(await ask(bot), Answer)
    assert not socket_path(config.store_path).exists()
    await bot.close()
    assert await store.wallets() == ["console:console:ana"]


async def test_closing_lets_a_running_answer_finish(config: Config) -> None:
    model = Model()
    model.gate.clear()
    bot = await build(config, chat_models={"default": model})
    asking = asyncio.create_task(ask(bot))
    await model.asked.wait()
    closing = asyncio.ensure_future(bot.close())
    await let_run()
    assert not closing.done()
    model.gate.set()
    await closing
    assert isinstance(await asking, Answer)


async def test_an_answer_that_takes_too_long_is_cut_and_settled_when_closing(
    config: Config,
) -> None:
    store, clock, model = MemoryStore(), FakeClock(), Model()
    model.gate.clear()
    bot = await build(config, store=store, clock=clock, chat_models={"default": model})
    asking = asyncio.create_task(ask(bot))
    await model.asked.wait()
    closing = asyncio.ensure_future(bot.close())
    await clock.run_for(MINUTE)
    await closing
    assert isinstance(await asking, Answer | Failure)
    (balance,) = await bot.quotas.balances(requester(), bot.chat.models.default.terms)
    assert balance.held == 0
    assert balance.used > 0


async def test_who_is_cancelled_while_closing_has_closed_all_the_same(config: Config) -> None:
    bot = await build(config, chat_models={"default": Model()})
    closing = asyncio.ensure_future(bot.close())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    store = await SqliteStore.open(config.store_path, now=0)
    await store.close()


def threads() -> set[threading.Thread]:
    return {t for t in threading.enumerate() if not t.name.startswith("asyncio")}


async def test_a_bot_that_cannot_be_built_leaves_nothing_behind(config: Config) -> None:
    before = threads()
    other = await SqliteStore.open(config.store_path, now=0)
    with pytest.raises(StoreUnavailableError, match="another process"):
        await build(config)
    # A limit that no version can read stops the start later, with the books already open.
    row = LimitRow("console:console", "everyone", "", "allowance", "gibberish", "*")
    audit = AuditRow(0, "console:console", "test", "limit set", "", "", "", "")
    await other.put_limit("everyone", row, audit, 0)
    await other.close()
    with pytest.raises(ValueError, match="gibberish"):
        await build(config)
    await let_run()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    for thread in threads() - before:
        await asyncio.to_thread(thread.join, 10)
    assert threads() == before
    again = await SqliteStore.open(config.store_path, now=0)
    await again.close()


async def test_the_configs_price_goes_before_the_lists_and_without_both_there_is_none(
    tmp_path: Path,
) -> None:
    config = write(tmp_path, name="gpt-4o-mini", base_url="https://api.openai.com/v1")
    bot = await build(config, store=MemoryStore())
    listed, own = (model.terms.rates for model in bot.chat.models.all)
    await bot.close()
    assert listed is not None
    assert (listed.input, listed.output) == (150_000, 600_000)
    assert own == Rates(1_000_000, 1_000_000, 2_000_000, 2_000_000)
    bot = await build(write(tmp_path, name="nobody-knows-it"), store=MemoryStore())
    assert bot.chat.models.default.terms.rates is None
    await bot.close()


async def test_what_nobody_has_a_price_for_costs_what_the_operator_says(tmp_path: Path) -> None:
    config = write(tmp_path, name="nobody-knows-it")
    fallback = replace(config.prices, fallback=Rates(5, 5, 20, 20))
    bot = await build(replace(config, prices=fallback), store=MemoryStore())
    model = bot.chat.models.default
    assert (model.terms.rates, model.pricing.price.source) == (Rates(5, 5, 20, 20), "fallback")
    await bot.close()


async def test_a_price_that_a_reload_changes_is_in_the_audit_trail(
    tmp_path: Path, config: Config
) -> None:
    store = MemoryStore()
    house = await House.build(config, store=store, chat_models={"default": Model()})
    prices = '[prices.models]\nany = {input = "$3", output = "$9"}\n'
    path = tmp_path / "config.toml"
    path.write_text(path.read_text(encoding="utf-8") + prices, encoding="utf-8")
    await house.reload()
    (newest, before) = await store.audit_trail("*", 0, 9)
    assert (newest.action, newest.subject, newest.before) == ("price", "model default", "")
    assert newest.after == "input $3, cached $3, output $9, reasoning $9 (config)"
    assert before.subject == "model dear"
    await house.bot.close()


async def test_books_that_cannot_be_written_keep_nobody_from_starting(config: Config) -> None:
    class ReadOnly(MemoryStore):
        async def put_flag(self, row: FlagRow, audit: AuditRow | None, now: int) -> None:
            raise StoreUnavailableError(f"the disk is full: {row.name}, {audit}, {now}")

    bot = await build(config, store=ReadOnly())
    assert await bot.quotas.store.audit_trail("*", 0, 9) == []
    await bot.close()


async def test_a_call_ends_before_its_hold_does(config: Config) -> None:
    slow = replace(config.models[0], deadline_ms=15 * MINUTE)
    with pytest.raises(AssertionError, match="a call ends before its hold does"):
        await build(replace(config, models=(slow,)), store=MemoryStore())


async def test_models_at_one_server_share_its_connections(config: Config) -> None:
    twin = replace(config.models[0], key="twin", name="other")
    bot = await build(replace(config, models=(config.models[0], twin)), store=MemoryStore())
    first, second = bot.chat.models.all
    assert first.chat is second.chat
    await bot.close()


async def test_a_reload_takes_over_limits_and_models(tmp_path: Path, config: Config) -> None:
    model = Model()
    house = await House.build(config, store=MemoryStore(), chat_models={"default": model})
    write(tmp_path, limit="33k tokens/day", name="newer")
    assert "is in force" in await house.reload()
    bot = house.bot
    assert bot.chat.models.default.name == "newer"
    (balance,) = await bot.quotas.balances(requester(), bot.chat.models.default.terms)
    assert balance.granted == 33_000
    await bot.close()


async def test_a_reload_that_fails_on_the_way_changes_nothing(
    tmp_path: Path, config: Config
) -> None:
    store = MemoryStore()
    house = await House.build(config, store=store, chat_models={"default": Model()})
    write(tmp_path, limit="33k tokens/day", name="newer")
    row = LimitRow("console:console", "everyone", "", "allowance", "gibberish", "*")
    audit = AuditRow(0, "console:console", "test", "limit set", "", "", "", "")
    await store.put_limit("everyone", row, audit, 0)
    with pytest.raises(ValueError, match="gibberish"):
        await house.reload()
    bot = house.bot
    assert bot.config is config
    assert bot.chat.models.default.name == "any"
    (balance,) = await bot.quotas.balances(requester(), bot.chat.models.default.terms)
    assert balance.granted == 10_000
    await bot.close()


async def test_without_a_file_there_is_nothing_to_reload() -> None:
    house = await House.build(load(None, {}), store=MemoryStore())
    with pytest.raises(ConfigError, match="no config file"):
        await house.reload()
    await house.bot.close()


async def test_an_order_is_carried_out_by_the_running_bot_or_here(config: Config) -> None:
    order = Order("grant", "cli:olga", {"member": "ana", "amount": "5k"})
    assert (await carry_out(config, order)).code == 0
    bot = await build(config, chat_models={"default": Model()})
    assert (await carry_out(config, order)).code == 0
    (balance,) = await bot.quotas.balances(requester(), bot.chat.models.default.terms)
    assert balance.granted == 20_000
    await bot.close()


async def test_reading_changes_nothing(config: Config) -> None:
    with pytest.raises(StoreUnavailableError, match="no database"):
        async with reading(config):
            pass
    async with reading(config, empty=True) as quotas:
        assert await quotas.store.wallets() == []
    assert not config.store_path.exists()


def test_the_console_is_found_as_a_platform_that_run_does_not_start(config: Config) -> None:
    found = platforms()
    assert found["console"].name == "console"
    assert not found["console"].enabled(config)


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"XDG_CACHE_HOME": "/var/cache"}, "/var/cache/quotabot/tiktoken"),
        ({"XDG_CACHE_HOME": "relative"}, None),
        ({"XDG_CACHE_HOME": ""}, None),
        ({}, None),
    ],
)
def test_vocabularies_are_kept_where_caches_are(
    environ: dict[str, str], folder: str | None
) -> None:
    home = Path.home() / ".cache" / "quotabot" / "tiktoken"
    assert vocabulary_folder(environ) == (Path(folder) if folder else home)
