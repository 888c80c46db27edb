"""One workspace: who the bot is there, how it is spoken to, and what it may not do."""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from aiohttp import ClientSession, ClientTimeout
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.failures import LOST, error_of
from adapters.slack.keep import Kept
from adapters.slack.markup import words_for
from adapters.slack.people import People, Rights
from adapters.slack.tiers import Tiers
from bot.languages import ENGLISH
from bot.names import Names
from bot.text import Words
from quota.clock import Clock
from quota.members import Space

API = "https://slack.com/api/"
TIMEOUT_S = 30
RETRIES_MAX = 3
WRITTEN_MS, WRITTEN_MAX = 60 * 60_000, 20_000

_log = logging.getLogger(__name__)


def session() -> ClientSession:
    """The connections that all calls share."""
    return ClientSession(timeout=ClientTimeout(total=TIMEOUT_S), trust_env=True)


def client(token: str | None, api_base: str, connections: ClientSession) -> AsyncWebClient:
    """Calls that wait where Slack asks for it, and are never made twice.

    The SDK would by itself send again what got no answer; a message could then come twice.
    """
    waits = AsyncRateLimitErrorRetryHandler(max_retry_count=RETRIES_MAX)
    base = f"{api_base}/" if api_base else API
    return AsyncWebClient(token, base, session=connections, retry_handlers=[waits])


def hasty(web: AsyncWebClient) -> AsyncWebClient:
    """The same without waiting: a stream tells its pace itself, and must not stand still."""
    return AsyncWebClient(
        web.token,
        web.base_url,
        session=web.session,
        # Never sent again: a chunk that arrived without our knowing would stand there twice.
        retry_handlers=[],
    )


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the bot is in one workspace, as auth.test or the installation tells."""

    team: str
    bot_user: str
    bot_id: str
    token: str = field(repr=False)
    name: str = ""


@dataclass(slots=True)
class Workspace:
    """One workspace with all that is kept for it in memory.

    `is_agent` is None until Slack has said; an app that is none shows its status the older way.
    """

    who: Identity
    web: AsyncWebClient
    wire: AsyncWebClient
    people: People
    clock: Clock
    tiers: Tiers
    language: str = ENGLISH
    is_agent: bool | None = None
    can_stream: bool = True
    words: Words = field(init=False)
    # The messages that the bot knows it wrote, by channel and stamp.
    written: Kept[str, bool] = field(init=False)
    _sessions: dict[tuple[str, str], int] = field(default_factory=dict)
    # Where a status stands that we have shown.
    _shown: set[tuple[str, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Sentences name people as this workspace does."""
        self.words = words_for(self.people.naming, self.language)
        self.written = Kept(self.clock, WRITTEN_MS, WRITTEN_MAX)

    @classmethod
    def of(
        cls,
        who: Identity,
        rights: Callable[[], Rights],
        names: Names,
        clock: Clock,
        api_base: str,
        connections: ClientSession,
        language: str = ENGLISH,
    ) -> "Workspace":
        """Reach a workspace through these connections."""
        web = client(who.token, api_base, connections)
        people = People(web, Space("slack", who.team), rights, clock, names)
        return cls(who, web, hasty(web), people, clock, Tiers(clock), language)

    @property
    def space(self) -> Space:
        """As the books know it."""
        return Space("slack", self.who.team)

    # The status of a conversation: Slack shows "is working" and a Stop button until it is moved on.

    async def entitle(self, channel: str, thread: str, title: str) -> None:
        """Give a session its title, where Slack lists them."""
        with suppress(*LOST):
            await self.web.assistant_threads_setTitle(
                channel_id=channel, thread_ts=thread, title=title
            )

    async def working(self, channel: str, thread: str, loading: str) -> None:
        """An answer is on its way."""
        key = (channel, thread)
        self._sessions[key] = self._sessions.get(key, 0) + 1
        if self.tiers.shows_status():
            self._shown.add(key)
            await self._status(channel, thread, "processing", loading)

    async def rested(self, channel: str, thread: str, *, told: bool, streamed: bool) -> None:
        """An answer has ended; `told`: Slack was told so with its last words.

        What is streamed shows a status by itself.
        """
        key = (channel, thread)
        left = self._sessions.pop(key, 1) - 1
        if left > 0:
            self._sessions[key] = left
            return
        shows = streamed or key in self._shown
        self._shown.discard(key)
        if shows and not (told and self.is_agent):
            await self._status(channel, thread, "active", "")

    async def moved_on(self, channel: str, thread: str, status: str) -> None:
        """The status of a conversation that somebody stopped from outside."""
        await self._status(channel, thread, status, "")

    def is_last(self, channel: str, thread: str) -> bool:
        """Whether no other answer runs in this conversation."""
        return self._sessions.get((channel, thread), 0) <= 1

    async def _status(self, channel: str, thread: str, status: str, loading: str) -> None:
        """Show it; a status that cannot be shown must not cost an answer."""
        if not thread:
            return
        try:
            if self.is_agent is not False:
                try:
                    await self.web.agents_sessions_setStatus(
                        channel_id=channel, thread_ts=thread, status=status
                    )
                except SlackApiError as error:
                    if error_of(error) not in {"not_authorized", "unknown_method"}:
                        raise
                    self.is_agent = False
                else:
                    self.is_agent = True
                    return
            await self.web.assistant_threads_setStatus(
                channel_id=channel, thread_ts=thread, status=loading
            )
        except LOST as error:
            _log.info("status of %s %s: %s", channel, thread, error)
