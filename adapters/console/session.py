"""A person at the console: what each typed line does, however it was typed."""

import asyncio
import logging
import os
import secrets
import shlex
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from pathlib import Path
from typing import Protocol

from adapters.console.files import FileRefusedError, read
from adapters.console.plain import PlainTyping
from adapters.console.screen import Screen
from adapters.console.stream import ScreenStream
from bot import text_console as say
from bot.bot import Alert, Bot, Word
from bot.commands import Typed
from bot.languages import Speech
from bot.messages import Ask, Attachment, Files
from bot.outcome import reference
from bot.panels import Panel
from bot.text import Words
from bot.text_prices import room_of
from quota.errors import StoreUnavailableError
from quota.members import EVERYONE, Member, Requester, Space
from quota.waiting import Fresh

_log = logging.getLogger(__name__)

SPACE = Space("console", "console")
# What a button says on other platforms: send it, or send it when there is room.
SEND = "/send"


@dataclass(slots=True)
class Person:
    """Who sits at the terminal; changed by /as, /channel and /admin."""

    name: str = "you"
    roles: tuple[str, ...] = ()
    channel: str = "general"
    admin: bool = False

    @property
    def requester(self) -> Requester:
        """As the books know them."""
        return Requester(Member(SPACE, self.name), self.roles, self.channel, self.admin)


class Typing(Protocol):
    """Where messages are typed."""

    async def message(self, prompt: str) -> str | None:
        """The next message, None: whoever typed has left."""

    def during_answer(
        self, stop: Callable[[], None], leave: Callable[[], None]
    ) -> AbstractContextManager[None]:
        """Meanwhile Ctrl-C calls `stop`; where it can be typed, so do /stop and /quit."""


async def chat_interactive(bot: Bot, who: Person) -> None:
    """Talk with a person at the terminal, or with lines of a pipe, until they leave."""
    screen = Screen(sys.stdout, os.environ)
    if sys.stdin is None or sys.stdin.closed:
        return
    if screen.look.terminal and sys.stdin.isatty():
        # The only user of prompt_toolkit; a pipe need not wait for it.
        from adapters.console.prompt import KeyTyping

        typing: Typing = KeyTyping(screen, os.environ)
    else:
        typing = PlainTyping(screen, sys.stdin, echo=not sys.stdin.isatty())
    await Session(bot, who, screen).run(typing)


@dataclass(slots=True)
class Session:
    """One person, one conversation at a time, one message after the other.

    Times are told in the zone, None: that of the terminal.
    """

    bot: Bot
    who: Person
    screen: Screen
    model: str = ""
    files: list[Attachment] = field(default_factory=list)
    zone: tzinfo | None = None
    leaving: bool = False
    running: str = ""
    unsent: Ask | None = None
    news: list[str | Panel] = field(default_factory=list)

    async def run(self, typing: Typing) -> None:
        """Greet, then take message after message."""
        self.screen.on_lost = self.leave
        self.bot.on_fresh.append(self._hear)
        self.bot.on_word.append(self._hear_word)
        self.bot.on_alert.append(self._hear_alert)
        for line in self._banner():
            self.screen.say(line, "dim")
        while not self.leaving:
            while self.news:
                self._tell(self.news.pop(0))
            prompt = say.prompt(
                self._words, self.who.name, self.who.channel, is_admin=self.who.admin
            )
            text = await typing.message(prompt)
            if text is None:
                return
            if text.strip():
                await self.said(text, typing)

    async def said(self, text: str, typing: Typing) -> None:
        """Carry out a command or answer a message; nothing that fails ends the session."""
        try:
            self.bot.commands.meet(self.who.requester)
            unsent = self.unsent if text.strip().casefold() == SEND else None
            if text.startswith("/") and unsent is None:
                await self._command(text)
            else:
                with typing.during_answer(self.stop, self.leave):
                    await self._answer(unsent or self._ask(text))
        except StoreUnavailableError:
            self.screen.say(self._words.not_written(), "bad")
        except Exception:  # whatever broke, the person is told and may go on
            ref = reference()
            _log.exception("a line could not be carried out ref=%s", ref)
            self.screen.say(say.failed(self._words, self._words.internal(ref)), "bad")

    def _hear(self, fresh: Fresh) -> None:
        """Said before the next prompt: nothing breaks into what is being typed."""
        if fresh.requester.member == self.who.requester.member:
            self.news.append(self._words.open_again(fresh.refused))

    def _hear_word(self, word: Word) -> None:
        """The same: what came of a request."""
        if word.member == self.who.requester.member:
            self.news.append(word.panel)

    def _hear_alert(self, alert: Alert) -> None:
        """The same: what admins should know."""
        if self.who.admin and alert.space == SPACE:
            self.news.append(alert.panel)

    def _tell(self, news: str | Panel) -> None:
        if isinstance(news, Panel):
            self.screen.show(news)
        else:
            self.screen.say(news, "dim")

    def stop(self) -> None:
        """Stop the running answer."""
        self.bot.chat.stop(self.running)

    def leave(self) -> None:
        """Stop the running answer, and take no further message."""
        self.leaving = True
        self.stop()

    @property
    def _words(self) -> Words:
        language, now = self.bot.language_of(self.who.requester.member), self.bot.clock.now
        speech = Speech(language=language)
        return Words(lambda at: say.nearby(at, now(), self.zone, speech), language=language)

    def _ask(self, text: str) -> Ask:
        files = tuple(self.files)
        self.files.clear()
        return Ask(_new_id(), self.who.requester, text, self.model, attachments=files)

    async def _answer(self, ask: Ask) -> None:
        model = self.bot.chat.models.find(ask.model) or self.bot.chat.models.default
        stream = ScreenStream(self.screen, self._words)
        self.running, self.unsent = ask.event, None
        self.screen.hint(say.asking(self._words, model.name))
        try:
            await self.bot.chat.handle(ask, stream, self._words)
        finally:
            self.running = ""
        if stream.reason == "pool_used":
            self.unsent = replace(ask, id=_new_id(), waits=True)
            self.screen.say(say.may_be_sent(self._words), "dim")
        elif stream.reason == "unconfirmed":
            self.unsent = replace(ask, id=_new_id(), confirmed=True)
            self.screen.say(say.send_it(self._words), "dim")

    # Commands.

    async def _command(self, text: str) -> None:
        name, _, rest = text.removeprefix("/").strip().partition(" ")
        own: Mapping[str, Callable[[str], Awaitable[None]]] = {
            "as": self._as,
            "admin": self._admin,
            "channel": self._channel,
            "model": self._model,
            "attach": self._attach,
            "send": self._send,
            "help": self._help,
            "quit": self._quit,
            "exit": self._quit,
        }
        command = own.get(name.casefold())
        if command is not None:
            await command(rest.strip())
            return
        files = Files(tuple(self.files))
        typed = Typed(self.who.requester, text, model=self.model, files=files)
        card = await self.bot.commands.run(typed, self._words)
        self.screen.show(card.panel)
        if name.casefold() == "quota-admin" and not self.who.admin:
            self.screen.say(say.may_become_admin(self._words), "dim")

    async def _as(self, rest: str) -> None:
        try:
            name, *roles = shlex.split(rest)
        except ValueError:
            name, roles = "", []
        name = name.removeprefix("@")
        if rest and not name:
            self._mistake("/as NAME [ROLE ...]")
            return
        if name:
            self.who.name, self.who.roles = name, tuple(r.removeprefix("@") for r in roles)
            self.who.admin = False
            self.bot.commands.meet(self.who.requester)
        self.screen.say(
            say.who(self._words, self.who.name, self.who.roles, self.who.channel), "dim"
        )

    async def _admin(self, rest: str) -> None:
        if rest.casefold() not in {"on", "off"}:
            self._mistake("/admin on|off")
            return
        self.who.admin = rest.casefold() == "on"
        self.screen.say(say.admin_is(self._words, on=self.who.admin), "dim")

    async def _channel(self, rest: str) -> None:
        name = rest.removeprefix("#")
        if not name or len(name.split()) > 1:
            self._mistake("/channel NAME")
            return
        self.who.channel = name
        self.screen.say(say.channel_is(self._words, name), "dim")

    async def _model(self, rest: str) -> None:
        models = self.bot.chat.models
        if rest and models.find(rest) is None:
            self.screen.show(self._words.mistake(self._words.unknown_model(rest, models.names)))
            return
        if rest:
            self.model = rest
            self.screen.say(say.model_is(self._words, rest), "dim")
            return
        offline = {model.key for model in self.bot.config.models if model.offline}
        room = await self.bot.chat.sending.estimates.room(self.who.requester, models.all)
        rows = [
            (
                model.key,
                model.name,
                say.price(self._words, model.terms.rates, offline=model.key in offline),
                room_of(self._words, room[model.key]),
            )
            for model in models.all
        ]
        current = models.find(self.model) or models.default
        self.screen.show(say.models(self._words, rows, current.key))

    async def _attach(self, rest: str) -> None:
        if rest.casefold() == "none":
            self.files.clear()
        elif rest:
            path = rest[1:-1] if rest[0] == rest[-1] and rest[0] in "'\"" else rest
            try:
                self.files.append(await asyncio.to_thread(read, path, len(self.files)))
            except FileRefusedError as refused:
                self.screen.say(self._words.ignored_attachment(path, str(refused)), "warning")
                return
        self.screen.say(say.attached(self._words, [file.name for file in self.files]), "dim")

    async def _send(self, _rest: str) -> None:
        self.screen.say(say.nothing_to_send(self._words), "dim")

    async def _help(self, rest: str) -> None:
        if rest:
            typed = Typed(self.who.requester, f"/help {rest}")
            self.screen.show((await self.bot.commands.run(typed, self._words)).panel)
            return
        self.screen.show(
            self._words.help(is_admin=self.who.admin, extra=say.help_rows(self._words))
        )

    async def _quit(self, _rest: str) -> None:
        self.leave()

    def _mistake(self, usage: str) -> None:
        self.screen.say(say.usage(self._words, usage), "warning")

    def _banner(self) -> tuple[str, ...]:
        config, models = self.bot.config, self.bot.chat.models
        first = next(m for m in config.models if m.key == models.default.key)
        host = first.base_url.partition("://")[2].partition("/")[0]
        model = (
            say.stand_in(self._words)
            if first.offline
            else say.model_at(self._words, first.key, first.name, host)
        )
        limits = self.bot.quotas.policy(SPACE.key).limits
        own = [x for x in limits if x.kind in {"allowance", "balance"}]
        rules = [limit.rule.text for limit in own if limit.scope == EVERYONE]
        path = None if config.path is None else _short(config.path)
        return say.banner(
            self._words,
            path,
            _short(config.store_path),
            rules,
            model,
            more_models=len(models.all) - 1,
        )


def _new_id() -> str:
    """Typed messages have no id of a platform: chance gives each one of its own."""
    return secrets.token_hex(16)


def _short(path: Path) -> str:
    """As seen from here, where that is shorter."""
    with suppress(ValueError):
        return str(path.resolve().relative_to(Path.cwd()))
    return str(path)
