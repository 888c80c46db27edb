"""How Slack is reached: through a socket or over HTTP, in one workspace or in several."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

from aiohttp import ClientSession
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.adapter.socket_mode.async_internals import send_async_response
from slack_bolt.adapter.socket_mode.internals import build_headers
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.request import SocketModeRequest

from adapters.slack.failures import LOST, error_of
from adapters.slack.front import LAST_WORDS_MS, Front
from adapters.slack.http import HttpServer
from adapters.slack.installs import Installs
from adapters.slack.leftover import Left, put_right
from adapters.slack.listeners import Listeners, begin_after
from adapters.slack.notices import Notices
from adapters.slack.panels import buttons, notification, section
from adapters.slack.people import Rights, is_id
from adapters.slack.post import directly
from adapters.slack.workspace import Identity, Workspace, client, session
from bot import text_slack
from bot.bot import Bot
from bot.config_values import ConfigError, SlackConfig
from bot.names import Names
from bot.panels import Action
from quota.clock import pause
from quota.waiting import whole

_log = logging.getLogger(__name__)

GROUPS_MS = 60 * 60_000
PING_S = 10
TRY_MS = 5_000
# With one of these Slack says that a token is none of its own, or of another kind.
WRONG_TOKEN = frozenset(
    {"invalid_auth", "not_authed", "account_inactive", "token_revoked", "not_allowed_token_type"}
    | {"token_expired", "no_permission", "missing_scope"}
)


class _Socket(AsyncSocketModeHandler):
    """Takes what comes through the socket; the work begins when Slack has its answer."""

    async def handle(self, client: Any, req: SocketModeRequest) -> None:
        """See AsyncBaseSocketModeHandler."""
        asked = AsyncBoltRequest(mode="socket_mode", body=req.payload, headers=build_headers(req))
        answer = await self.app.async_dispatch(asked)
        await send_async_response(client, req, answer, 0.0)
        begin_after(asked)


class Connection:
    """Slack, from the first call to the last."""

    def __init__(self, bot: Bot, config: SlackConfig) -> None:
        """Connect with what the config says."""
        self._config = config
        self._bot = bot
        self._installs = Installs.beside(bot.config.store_path) if config.client_id else None
        self._connections: ClientSession | None = None
        self.front = Front(bot, config)
        governing = bot.quotas.governing
        self._names = Names("slack", lambda: bot.config, governing, is_id)
        self.listeners = Listeners(self.front, self._left)
        self.ready = asyncio.Event()

    async def run(self) -> None:
        """Serve until cancelled; then stop in good order."""
        config = self._config
        async with AsyncExitStack() as stack:
            self._connections = await stack.enter_async_context(session())
            await self._join_all()
            app = self._app(self._connections)
            self.listeners.register(app)
            stack.callback(Notices(self.front, self.listeners.home).close)
            stack.push_async_callback(self._end)
            if config.mode == "http" or self._installs is not None:
                installing = None if self._installs is None else self._install
                server = HttpServer(config, self._bot.clock, app, installing)
                stack.push_async_callback(server.close)
                try:
                    await server.start()
                except OSError as error:
                    where = f"{config.http_host}:{config.http_port}"
                    raise ConfigError([text_slack.not_listening(where, str(error))]) from None
            if config.mode == "socket":
                await self._open_socket(stack, app, self._connections)
            for event, left in self.front.leftover.left.items():
                self.front.tasks.start(self._put_right(event, left), "leftover")
            _log.info("connected to Slack")
            self.ready.set()
            await self._keep()

    async def _open_socket(
        self, stack: AsyncExitStack, app: AsyncApp, connections: ClientSession
    ) -> None:
        config = self._config
        web = client(config.app_token, config.api_base, connections)

        async def opened() -> Any:
            return await web.apps_connections_open(app_token=config.app_token)

        # The SDK would try a wrong token for ever.
        found = await self._reached(opened, text_slack.APP_REFUSED)
        handler = _Socket(app, config.app_token, web_client=web, ping_interval=PING_S)
        handler.client.wss_uri = str(found["url"])
        stack.push_async_callback(handler.close_async)
        await handler.connect_async()  # type: ignore[no-untyped-call]  # it has no types

    # Workspaces.

    async def _join_all(self) -> None:
        if self._config.bot_token:
            who = await self._asked_who(self._config.bot_token)
            await self._join(who)
        for who in self._installs.all if self._installs is not None else ():
            await self._join(who)

    async def _put_right(self, event: str, left: Left) -> None:
        workspace = self.front.workspaces.get(left.team)
        if workspace is not None:
            await put_right(workspace, left, workspace.words)
        self.front.leftover.settled(event)

    def _rights(self) -> Rights:
        config = self.front.config
        return Rights(config.admins, config.staff, config.workspace_admins)

    async def _reached(self, call: Callable[[], Awaitable[Any]], refused: str) -> Any:
        """The answer to a call, as soon as Slack can be reached; a token it refuses ends all."""
        while True:
            try:
                return await call()
            except SlackApiError as error:
                if error_of(error) in WRONG_TOKEN:
                    raise ConfigError([f"{refused} ({error_of(error)})"]) from None
                _log.warning("Slack: %s; trying again", error_of(error))
            except LOST as error:
                _log.warning("Slack cannot be reached: %s; trying again", error)
            await pause(self._bot.clock, TRY_MS)

    async def _asked_who(self, token: str) -> Identity:
        """Who a token belongs to."""
        assert self._connections is not None, "it is connected"
        asked = client(token, self._config.api_base, self._connections)
        found = await self._reached(asked.auth_test, text_slack.BOT_REFUSED)
        team, user = str(found["team_id"]), str(found["user_id"])
        bot, name = str(found.get("bot_id") or ""), str(found.get("team") or "")
        return Identity(team, user, bot, token, name)

    async def _join(self, who: Identity) -> Workspace:
        assert self._connections is not None, "it is connected"
        workspace = Workspace.of(
            who,
            self._rights,
            self._names,
            self._bot.clock,
            self._config.api_base,
            self._connections,
            self._bot.config.language,
        )
        self.front.workspaces[who.team] = workspace
        await workspace.people.refresh()
        self.front.tasks.start(self._look_at(workspace), "looking around")
        return workspace

    async def _look_at(self, workspace: Workspace) -> None:
        """What the channels are called; how many people are here, which fair pools want to know."""
        await workspace.people.learn_channels()
        count = await workspace.people.counted()
        if count is not None:
            self._bot.quotas.peopled[workspace.space.key] = count

    async def _install(self, code: str) -> bool:
        """A workspace installs the app: keep its token, and greet whoever did it."""
        assert self._connections is not None, "it is connected"
        assert self._installs is not None, "the pages are there only with it"
        config = self._config
        try:
            # Not by the SDK's own method: that one leans on what aiohttp is about to remove.
            found: Any = await client(None, config.api_base, self._connections).api_call(
                "oauth.v2.access",
                data={
                    "client_id": config.client_id,
                    "client_secret": config.client_secret,
                    "code": code,
                },
            )
            who = await self._asked_who(str(found["access_token"]))
        except SlackApiError as error:
            _log.warning("an installation came to nothing: %s", error_of(error))
            return False
        except LOST as error:
            _log.warning("an installation came to nothing: %s", error)
            return False
        await asyncio.to_thread(self._installs.put, who)
        workspace = await self._join(who)
        installer = str((found.get("authed_user") or {}).get("id") or "")
        if installer:
            self.front.tasks.start(self._greet(workspace, installer), "greeting")
        return True

    async def _greet(self, workspace: Workspace, installer: str) -> None:
        words = await self.front.words(workspace, installer)
        text = text_slack.welcome(words, words.who(installer))
        setup = Action("setup", words.say(text_slack.WELCOME_MENU), style="primary")
        try:
            await directly(
                workspace, installer, notification(text), [section(text), *buttons([setup])]
            )
        except LOST as error:
            _log.info("whoever installed the app could not be greeted: %s", error)

    async def _left(self, workspace: Workspace) -> None:
        """The app was removed from a workspace, or its token is no good any more."""
        team = workspace.who.team
        if self.front.workspaces.pop(team, None) is None:
            return
        _log.warning("the app is installed in %s no longer", team)
        if self._installs is not None:
            await asyncio.to_thread(self._installs.drop, team)

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

    # While it runs, and at its end.

    async def _keep(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_groups())
            group.create_task(self.listeners.home.keep_fresh())

    async def _keep_groups(self) -> None:
        """Events tell of changes; this is for those that were lost on the way."""
        while True:
            await pause(self._bot.clock, GROUPS_MS)
            for workspace in list(self.front.workspaces.values()):
                await workspace.people.refresh()
                await self._look_at(workspace)

    async def _end(self) -> None:
        """Running answers finish or are settled, and are told."""
        await self.front.later.close(0)
        await whole(asyncio.ensure_future(self._bot.close()))
        await self.front.tasks.close(LAST_WORDS_MS / 1_000)
