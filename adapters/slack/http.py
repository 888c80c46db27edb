"""Slack over HTTP: what it sends, and the pages through which workspaces install the app.

Nothing is looked at that Slack has not signed within five minutes, and nothing signed is taken
twice: a copy of a request is refused as a forged one is, before anybody is asked anything.
"""

import hmac
import logging
import secrets
from collections.abc import Awaitable, Callable
from urllib.parse import urlencode

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp
from slack_sdk.signature import Clock as SlackClock
from slack_sdk.signature import SignatureVerifier

from adapters.slack.keep import Kept
from adapters.slack.listeners import begin_after
from adapters.slack.manifest import EVENTS_PATH, INSTALL_PATH, OAUTH_PATH, SCOPES
from bot import text_slack
from bot.config_values import SlackConfig
from quota.clock import Clock

_log = logging.getLogger(__name__)

BODY_BYTES_MAX = 1 << 20
# A signature is good for five minutes on either side of our clock.
REPLAY_MS = 11 * 60_000
REPLAYS_MAX = 100_000
STATE_MS = 10 * 60_000
STATES_MAX = 1_000
AUTHORIZE = "https://slack.com/oauth/v2/authorize"
COOKIE = "quotabot-slack-state"
FORGED, BROKEN = 401, 500

# Exchanges a code for an installation; False where Slack gives none.
Installing = Callable[[str], Awaitable[bool]]


class _Seconds(SlackClock):
    """Our clock as the SDK reads one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> float:
        return self._clock.now() / 1_000


class Gate:
    """Tells requests of Slack from all others."""

    def __init__(self, secret: str, clock: Clock) -> None:
        """Know the signing secret of the app."""
        self._verifier = SignatureVerifier(secret, _Seconds(clock))
        self._taken: Kept[str, bool] = Kept(clock, REPLAY_MS, REPLAYS_MAX)

    def lets_in(self, body: bytes, timestamp: str, signature: str) -> bool:
        """Whether Slack signed this just now, and it did not come before."""
        if not (timestamp.isascii() and timestamp.isdecimal()):
            return False
        if not self._verifier.is_valid(body, timestamp, signature):
            return False
        return self._taken.first(f"{timestamp} {signature}", value=True)


class HttpServer:
    """Listens where the config says."""

    def __init__(
        self, config: SlackConfig, clock: Clock, app: AsyncApp, installing: Installing | None
    ) -> None:
        """Hand to Bolt what Slack sends; without `installing` there are no pages for it."""
        self._config = config
        self._app = app
        self._installing = installing
        self._gate = Gate(config.signing_secret, clock) if config.signing_secret else None
        self._states: Kept[str, bool] = Kept(clock, STATE_MS, STATES_MAX)
        server = web.Application(client_max_size=BODY_BYTES_MAX)
        if self._gate is not None:
            server.router.add_post(EVENTS_PATH, self._events)
        if installing is not None:
            server.router.add_get(INSTALL_PATH, self._install)
            server.router.add_get(OAUTH_PATH, self._redirected)
        self._runner = web.AppRunner(server, access_log=None)

    async def start(self) -> None:
        """Listen."""
        await self._runner.setup()
        await web.TCPSite(self._runner, self._config.http_host, self._config.http_port).start()
        _log.info("listening for Slack at %s:%d", self._config.http_host, self._config.http_port)

    async def close(self) -> None:
        """Listen no more."""
        await self._runner.cleanup()

    async def _events(self, request: web.Request) -> web.Response:
        assert self._gate is not None, "the route is there only with a secret"
        body = await request.read()
        timestamp = request.headers.get("X-Slack-Request-Timestamp", "")
        signature = request.headers.get("X-Slack-Signature", "")
        if not self._gate.lets_in(body, timestamp, signature):
            return web.Response(status=FORGED)
        asked = await to_bolt_request(request)
        response = await to_aiohttp_response(await self._app.async_dispatch(asked))
        await response.prepare(request)
        await response.write_eof()
        begin_after(asked)
        return response

    async def _install(self, request: web.Request) -> web.Response:
        """Send whoever wants to install the app to Slack, with a secret to come back with."""
        state = secrets.token_urlsafe(24)
        self._states.put(state, value=True)
        query = {"client_id": self._config.client_id, "scope": ",".join(SCOPES), "state": state}
        response = web.HTTPFound(f"{AUTHORIZE}?{urlencode(query)}")
        response.set_cookie(
            COOKIE, state, max_age=STATE_MS // 1_000, httponly=True, secure=True, samesite="Lax"
        )
        raise response

    async def _redirected(self, request: web.Request) -> web.Response:
        """Back from Slack: the same browser, a state of ours, used once."""
        assert self._installing is not None, "the route is there only with it"
        state, code = request.query.get("state", ""), request.query.get("code", "")
        cookie = request.cookies.get(COOKIE, "")
        known = self._states.get(state) is not None
        self._states.drop(state)
        same = hmac.compare_digest(state.encode(), cookie.encode())
        if not (known and same and code and await self._installing(code)):
            return web.Response(status=400, text=text_slack.not_installed())
        response = web.Response(text=text_slack.installed())
        response.del_cookie(COOKIE)
        return response
