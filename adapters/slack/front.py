"""What all listeners share: the bot, the workspaces, what runs, and what came before."""

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from adapters.slack.keep import Kept
from adapters.slack.leftover import Leftover
from adapters.slack.markup import words_for
from adapters.slack.post import Place
from adapters.slack.workspace import Workspace
from bot.bot import Bot
from bot.config_values import SlackConfig
from bot.messages import Ask
from bot.text import Words
from quota.errors import StoreUnavailableError
from quota.members import Member

_log = logging.getLogger(__name__)

# Slack sends an event again for up to an hour; the books know it for a week.
SEEN_MS = 60 * 60_000
DAY_MS = 24 * 60 * 60_000
KEPT_MAX = 20_000
# What the books keep beside the id of something that was done.
CLAIMED = "done"
# After the bot is closed, what still has to be told has so long.
LAST_WORDS_MS = 5_000


class Tasks:
    """Work that goes on after Slack was answered, held until it is done."""

    def __init__(self) -> None:
        """Nothing runs."""
        self._running: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Begin; what breaks is logged, and stops nothing else."""
        task = asyncio.create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._ended)

    @property
    def is_busy(self) -> bool:
        """Whether anything runs."""
        return bool(self._running)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("%s failed", task.get_name(), exc_info=task.exception())

    async def close(self, within_s: float) -> None:
        """Let everything end; what takes longer is cut off."""
        others = self._running - {asyncio.current_task()}
        if others:
            _, late = await asyncio.wait(others, timeout=within_s)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)


@dataclass(frozen=True, slots=True)
class Running:
    """An answer on its way."""

    ask: Ask
    place: Place


@dataclass(frozen=True, slots=True)
class Answered:
    """The newest answer of a thread: its message, its question, who asked, and which model."""

    message: str
    question: str
    owner: str
    model: str = ""


@dataclass(slots=True)
class Front:
    """Held for as long as Slack is served."""

    bot: Bot
    started_with: SlackConfig
    workspaces: dict[str, Workspace] = field(default_factory=dict)
    tasks: Tasks = field(default_factory=Tasks)
    # What only waits for its moment, and is not waited for at the end.
    later: Tasks = field(default_factory=Tasks)
    running: dict[str, Running] = field(default_factory=dict)
    repeating: set[str] = field(default_factory=set)
    leftover: Leftover = field(init=False)
    seen: Kept[str, bool] = field(init=False)
    threads: Kept[tuple[str, str], bool] = field(init=False)
    answered: Kept[tuple[str, str], Answered] = field(init=False)

    def __post_init__(self) -> None:
        """Nothing was seen yet."""
        clock = self.bot.clock
        self.leftover = Leftover.beside(self.bot.config.store_path)
        self.seen = Kept(clock, SEEN_MS, KEPT_MAX)
        self.threads = Kept(clock, DAY_MS, KEPT_MAX)
        self.answered = Kept(clock, DAY_MS, KEPT_MAX)

    @property
    def config(self) -> SlackConfig:
        """What is in force: a reload may have changed it."""
        return self.bot.config.slack or self.started_with

    async def words(self, workspace: Workspace, user: str) -> Words:
        """The sentences in the language of one person: chosen here, else set in Slack."""
        if not self.bot.settings.member(Member(workspace.space, user)).language:
            await workspace.people.person(user)
        return self.words_now(workspace, user)

    def words_now(self, workspace: Workspace, user: str) -> Words:
        """The same where there is no time to ask Slack."""
        locale = workspace.people.locale_of(user)
        language = self.bot.language_of(Member(workspace.space, user), locale)
        return words_for(workspace.people.naming, language)

    async def claims(self, workspace: Workspace, told: str) -> bool:
        """Whether nobody acted yet upon something Slack told, in this process or an earlier one.

        For what the books do not know by themselves; asks they do.
        """
        if not self.seen.first(f"{workspace.who.team} {told}", value=True):
            return False
        try:
            event = f"{workspace.space.key}:{told}"
            return await self.bot.quotas.refuse(event, CLAIMED) is None
        except StoreUnavailableError:
            # Where nothing can be written nothing can be done, so nothing can be done twice.
            return True

    def running_in(self, workspace: Workspace, channel_id: str, thread: str) -> list[Running]:
        """The answers on their way in one thread."""
        return [
            one
            for one in self.running.values()
            if one.ask.requester.member.space == workspace.space
            and (one.place.channel, one.place.thread) == (channel_id, thread)
        ]
