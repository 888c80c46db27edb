"""How Slack is reached: a socket that Slack sends through, or HTTP; tokens of one workspace."""

import asyncio
import logging
from contextlib import AsyncExitStack
from typing import Any

from aiohttp import ClientSession
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult

from adapters.slack.front import LAST_WORDS_MS, Front
from adapters.slack.listeners import Listeners
from adapters.slack.people import Rights
from adapters.slack.workspace import Identity, Workspace, client, session
from bot.bot import Bot
from bot.config_values import SlackConfig
from quota.clock import pause
from quota.waiting import whole

_log = logging.getLogger(__name__)

GROUPS_MS = 60 * 60_000
PING_S = 10


class Connection:
    """Slack, from the first call to the last."""

    def __init__(self, bot: Bot, config: SlackConfig) -> None:
        """Connect with what the config says."""
        self._config = config
        self._bot = bot
        self.front = Front(bot, config)
        self.listeners = Listeners(self.front)
        self.ready = asyncio.Event()

    async def run(self) -> None:
        """Serve until cancelled; then stop in good order."""
        async with AsyncExitStack() as stack:
            connections = await stack.enter_async_context(session())
            await self._join(connections)
            app = self._app(connections)
            self.listeners.register(app)
            handler = AsyncSocketModeHandler(
                app,
                self._config.app_token,
                web_client=client(self._config.app_token, self._config.api_base, connections),
                ping_interval=PING_S,
            )
            stack.push_async_callback(self._end)
            stack.push_async_callback(handler.close_async)
            await handler.connect_async()  # type: ignore[no-untyped-call]  # Bolt has no types here
            _log.info("connected to Slack")
            self.ready.set()
            await self._keep_groups()

    async def _join(self, connections: ClientSession) -> None:
        """The one workspace whose token the config has."""
        config = self._config
        found: Any = await client(config.bot_token, config.api_base, connections).auth_test()
        who = Identity(
            str(found["team_id"]),
            str(found["user_id"]),
            str(found.get("bot_id") or ""),
            config.bot_token,
        )
        rights = Rights(config.admins, config.staff, config.workspace_admins)
        workspace = Workspace.of(who, rights, self._bot.clock, config.api_base, connections)
        self.front.workspaces[who.team] = workspace
        await workspace.people.refresh()

    def _app(self, connections: ClientSession) -> AsyncApp:
        workspaces = self.front.workspaces

        # A function, for Bolt takes `self` of a method for something that it should hand in.
        async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
            workspace = workspaces.get(team_id or "")
            if workspace is None:
                return None  # type: ignore[return-value]  # Bolt says that the app is not installed
            who = workspace.who
            return AuthorizeResult(
                enterprise_id=enterprise_id,
                team_id=who.team,
                bot_user_id=who.bot_user,
                bot_id=who.bot_id,
                bot_token=who.token,
            )

        return AsyncApp(
            name="quotabot",
            logger=logging.getLogger("adapters.slack.bolt"),
            client=client(None, self._config.api_base, connections),
            authorize=authorize,
            # What comes over HTTP is verified before Bolt sees it; a socket is Slack's own.
            request_verification_enabled=False,
            attaching_conversation_kwargs_enabled=False,
        )

    async def _keep_groups(self) -> None:
        """Events tell of changes; this is for those that were lost on the way."""
        while True:
            await pause(self._bot.clock, GROUPS_MS)
            for workspace in list(self.front.workspaces.values()):
                await workspace.people.refresh()

    async def _end(self) -> None:
        """Running answers finish or are settled, and are told."""
        await whole(asyncio.ensure_future(self._bot.close()))
        await self.front.tasks.close(LAST_WORDS_MS / 1_000)
