"""The door: builds everything, starts it, and stops it in reverse order.

Why the imports stand in the functions: `quotabot --version` needs none of them, and nobody should
wait for the parts of a platform or a provider that the config does not use.
"""

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adapters.sqlite import SqliteStore
    from bot.bot import Bot, Platform
    from bot.config_values import Config, ModelConfig
    from bot.control import Order, Outcome
    from bot.desk import Desk
    from bot.models import Model, Models
    from bot.ports import ChatModel
    from bot.pricing import Pricing
    from bot.servers import Servers
    from quota.clock import Clock
    from quota.quotas import Quotas
    from quota.rules import Terms
    from quota.store import Store
    from quota.units import Rates

_log = logging.getLogger(__name__)

# Running answers have so long to finish when the bot is stopped; then they are cut and settled.
STOP_MS = 20_000
# Vocabularies, SDKs and the scheduler take some tenths of a second to load. They come after the
# first prompt; a question that is earlier loads what it needs by itself.
WARM_UP_S = 0.3
# A command of a moment may hold the books; so often and so long one waits for it.
TRIES_MAX = 15
TRY_MS = 200


def main() -> None:
    """The program `quotabot`."""
    if sys.argv[1:] == ["--version"]:
        print_version()
        return
    from bot.cli import run

    sys.exit(run(sys.argv[1:]))


def print_version() -> None:
    """`quotabot 0.1.0`."""
    from importlib.metadata import version

    sys.stdout.write(f"quotabot {version('quotabot')}\n")


async def build(
    config: "Config",
    *,
    clock: "Clock | None" = None,
    store: "Store | None" = None,
    chat_models: "Mapping[str, ChatModel] | None" = None,
) -> "Bot":
    """Build the whole bot and start it; `Bot.close` stops it, as does a failure on the way.

    A `store` and `chat_models` (by the key of their model in the config) that are handed in stay
    the caller's to close, and nobody can send orders to a bot whose store was handed in.
    """
    return (await House.build(config, clock=clock, store=store, chat_models=chat_models)).bot


class House:
    """The bot with what reloading needs."""

    def __init__(self, bot: "Bot", servers: "Servers", desk: "Desk") -> None:
        """Made by `build`."""
        self.bot = bot
        self._servers = servers
        self._desk = desk

    @classmethod
    async def build(
        cls,
        config: "Config",
        *,
        clock: "Clock | None" = None,
        store: "Store | None" = None,
        chat_models: "Mapping[str, ChatModel] | None" = None,
    ) -> "House":
        """See `build`."""
        from adapters.pdf_text import PdfText
        from adapters.scheduler import Scheduler
        from adapters.tiktoken_counter import TiktokenCounter
        from bot.bot import Bot
        from bot.chat import ChatHandler
        from bot.desk import Desk
        from bot.servers import Servers
        from bot.toolbox import Toolbox
        from bot.turns import ChatSettings
        from bot.upkeep import jobs
        from quota.clock import SystemClock
        from quota.quotas import Quotas

        clock = clock or SystemClock()
        async with AsyncExitStack() as stack:
            counter = TiktokenCounter(vocabulary_folder(os.environ))
            stack.callback(counter.close)
            servers = Servers(config, clock, chat_models)
            stack.push_async_callback(servers.close)
            models = await _models(config, servers, clock)
            own_store = None if store is not None else await _opened(config.store_path, clock)
            if own_store is not None:
                stack.push_async_callback(own_store.close)
            quotas = Quotas(store or _there(own_store), clock, config.rules)
            await _started(quotas, own_store.unerased if own_store is not None else ())
            reader = PdfText(clock)
            stack.callback(reader.close)
            toolbox = Toolbox(servers.tools, clock, config.tools, config.steps_max)
            settings = ChatSettings.of(config)
            chat = ChatHandler(quotas, models, counter, clock, settings, reader, toolbox)
            closing = _Closing(stack)
            desk = Desk(quotas, chat, clock)
            bot = Bot.at(desk, config, closing)
            await bot.note_prices()
            house = cls(bot, servers, desk)
            if own_store is not None:
                await house._take_orders(stack)
            lapsed = own_store.recovered if own_store is not None else ()
            backup = (quotas, lambda: house.bot.config.backup)
            chat.reminders.restore()
            stack.push_async_callback(chat.reminders.close)
            hear = partial(chat.reminders.opened, listeners=bot.on_fresh)
            scheduler = Scheduler(jobs(*backup, [hear], bot.alerts, lapsed))
            stack.push_async_callback(scheduler.close)
            names = [model.name for model in config.models]
            later = asyncio.get_running_loop().call_later
            for start in (partial(counter.start, names), servers.warm_up, scheduler.start):
                stack.callback(later(WARM_UP_S, start).cancel)
            stack.push_async_callback(chat.close, STOP_MS)
            closing.stack = stack.pop_all()
        return house

    async def reload(self) -> str:
        """Take over limits, prices, texts and models from the config file: all, or nothing.

        Returns what to tell; ConfigError names everything that stands against it.
        """
        from bot.config import load
        from bot.config_values import ConfigError
        from bot.log import keep_secret
        from bot.turns import ChatSettings

        bot, before = self.bot, self.bot.config
        if before.path is None:
            raise ConfigError(["there is no config file: the bot runs on its built-in defaults"])
        config = await asyncio.to_thread(load, before.path, os.environ)
        if config.store_path.resolve() != before.store_path.resolve():
            raise ConfigError([f"{before.path}: [store] url has changed; restart the bot for that"])
        if config.connections != before.connections:
            how = "how [discord] or [slack] is reached has changed"
            raise ConfigError([f"{before.path}: {how}; restart the bot for that"])
        keep_secret(config.secrets)
        models = await _models(config, self._servers, bot.clock)
        rules = bot.quotas.rules
        try:
            await bot.quotas.reload(config.rules)
        except BaseException:
            bot.quotas.rules = rules
            raise
        self._servers.tools.reload(config.tools)
        bot.chat.steps.toolbox.reload(config.tools, config.steps_max)
        bot.chat.reload(models, ChatSettings.of(config))
        await bot.note_prices()
        bot.config = config
        self._servers.warm_up()
        return "\n".join((f"{config.path} is in force.", *config.warnings))

    async def _take_orders(self, stack: AsyncExitStack) -> None:
        """Listen to the command line; the lock of the books says that we are the only one."""
        from adapters.control import ControlServer
        from bot.control import Control, Order

        bot = self.bot
        control = Control(
            bot.quotas, lambda: bot.chat.models.default.terms, self.reload, self._desk
        )

        async def carry_out(line: dict[str, Any]) -> dict[str, Any]:
            return (await control.carry_out(Order.read(line)))._asdict()

        server = ControlServer(bot.config.store_path, carry_out)
        await server.start()
        stack.push_async_callback(server.close)


class _Closing:
    """Closes what a stack holds, once and whole, whoever asks and however often."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self.stack = stack
        self._work: asyncio.Task[None] | None = None

    async def __call__(self) -> None:
        from quota.waiting import whole

        if self._work is None:
            self._work = asyncio.create_task(self.stack.aclose())
        await whole(self._work)


async def _models(config: "Config", servers: "Servers", clock: "Clock") -> "Models":
    """The models of a config with their prices: the config's own, else the catalogue's."""
    from bot.models import Models

    priced = await prices(config, config.models, clock)
    return Models([_model(model, servers, priced[model.key]) for model in config.models])


async def prices(
    config: "Config", models: "Sequence[ModelConfig]", clock: "Clock"
) -> "Mapping[str, Pricing]":
    """What models cost, by their keys: as the config says, else the catalogue."""
    from adapters.catalogue import Catalogue
    from bot.pricing import PriceBook

    catalogue = Catalogue(datetime.fromtimestamp(clock.now() // 1_000, UTC).date())
    book = PriceBook(config.models, config.prices, catalogue)
    # The list is read with the first question: not at all where the config has all the prices.
    return await asyncio.to_thread(lambda: {model.key: book.of(model) for model in models})


def _model(model: "ModelConfig", servers: "Servers", pricing: "Pricing") -> "Model":
    from bot.models import Model
    from quota.rules import HOLD_MS, SETTLE_MS

    assert model.deadline_ms + SETTLE_MS <= HOLD_MS, "a call ends before its hold does"
    return Model(
        key=model.key,
        name=model.name,
        aliases=model.aliases,
        chat=servers.of(model),
        terms=terms_of(model, pricing.price.rates),
        output_max=model.output_max,
        first_token_ms=model.first_token_ms,
        idle_ms=model.idle_ms,
        charge_unknown=model.charge_unknown == "input",
        vision=model.vision,
        allowed_for=model.allowed_for,
        tools=model.tools,
        pricing=pricing,
    )


def terms_of(model: "ModelConfig", rates: "Rates | None" = None) -> "Terms":
    """What the books know of a model."""
    from quota.rules import Terms

    return Terms(model.key, model.names, rates or model.price, model.deadline_ms)


def vocabulary_folder(environ: Mapping[str, str]) -> Path:
    """Where unpacked vocabularies are kept between starts."""
    cache = environ.get("XDG_CACHE_HOME") or ""
    folder = Path(cache) / "quotabot" if Path(cache).is_absolute() else None
    return (folder or Path.home() / ".cache" / "quotabot") / "tiktoken"


async def _opened(path: Path, clock: "Clock") -> "SqliteStore":
    """The books for writing; what dead processes left behind is charged and told."""
    from adapters.sqlite import SqliteStore

    store = await SqliteStore.open(path, now=clock.now())
    for hold in store.recovered:
        _log.warning(
            "recovered: hold %d of %s was charged %d tokens", hold.hold_id, hold.wallet, hold.tokens
        )
    return store


async def _started(quotas: "Quotas", unerased: "Sequence[str]") -> None:
    """Read what was set, and erase whom a dead process or an older copy of the books has left."""
    from bot.privacy import erase
    from quota.members import Member

    await quotas.start()
    for wallet in unerased:
        await erase(quotas, Member.from_wallet(wallet), "upkeep")
    if unerased:
        _log.warning("members who had been erased and were in the books again: %d", len(unerased))


def _there(store: "Store | None") -> "Store":
    assert store is not None, "one of the two stores was opened"
    return store


def platforms() -> "dict[str, Platform]":
    """Every platform that is installed, by name; another package may bring one."""
    from importlib.metadata import entry_points

    return {point.name: point.load() for point in entry_points(group="quotabot.platforms")}


@asynccontextmanager
async def reading(config: "Config", *, empty: bool = False) -> "AsyncIterator[Quotas]":
    """The books to look at, beside a running bot or without one.

    `empty`: where no database was made yet, look at books in which nothing is written.
    """
    from adapters.sqlite import SqliteStore
    from quota.clock import SystemClock
    from quota.memory import MemoryStore
    from quota.quotas import Quotas

    store: Store
    if empty and not config.store_path.exists():
        store = MemoryStore()
    else:
        store = await SqliteStore.open_reader(config.store_path)
    try:
        quotas = Quotas(store, SystemClock(), config.rules)
        await quotas.start()
        yield quotas
    finally:
        await store.close()


async def carry_out(config: "Config", order: "Order") -> "Outcome":
    """Hand an order to the bot that runs on these books; with none, open them and do it here."""
    from quota.clock import SystemClock, pause
    from quota.errors import StoreTakenError

    clock = SystemClock()
    for tries_left in reversed(range(TRIES_MAX)):
        outcome = await asked(config, order)
        if outcome is not None:
            return outcome
        try:
            return await _carry_out_here(config, order, clock)
        except StoreTakenError:
            # A bot that starts holds the lock before it takes orders; a command holds it briefly.
            if not tries_left:
                raise
            await pause(clock, TRY_MS)
    raise AssertionError("the last try returns or raises")


async def asked(config: "Config", order: "Order") -> "Outcome | None":
    """What the bot that runs on these books answers; None where none runs."""
    from adapters.control import hand_over
    from bot.control import Outcome

    answer = await hand_over(config.store_path, order._asdict())
    return None if answer is None else Outcome.read(answer)


async def _carry_out_here(config: "Config", order: "Order", clock: "Clock") -> "Outcome":
    from bot.control import Control
    from quota.quotas import Quotas

    store = await _opened(config.store_path, clock)
    try:
        quotas = Quotas(store, clock, config.rules)
        await _started(quotas, store.unerased)
        control = Control(quotas, partial(terms_of, config.models[0]))
        return await control.carry_out(order)
    finally:
        await store.close()
