"""The server itself: REST, CDN and gateway on loopback, with faults that tests ask for."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote

from aiohttp import BodyPartReader, web

from quota.clock import Clock, SystemClock
from tests.servers.discord import rest_apps, rest_channels, rest_guilds
from tests.servers.discord.buckets import GLOBAL, OLD_EDITS, Bucket, Buckets, Rate
from tests.servers.discord.errors import ApiError, Json
from tests.servers.discord.gateway import Gateway
from tests.servers.discord.models import Channel, File, Interaction, Message
from tests.servers.discord.people import Guild, Person
from tests.servers.discord.permissions import Permission
from tests.servers.discord.routing import Asked, Route, find
from tests.servers.discord.world import PRIVILEGED, Books, Call, Event, World

TOKEN = "token-of-the-bot"
INVALID_MAX = 10_000
API = "/api/v10"
ROUTES: list[Route] = [*rest_guilds.ROUTES, *rest_channels.ROUTES, *rest_apps.ROUTES]


@dataclass(frozen=True)
class Fault:
    """What happens to a request instead of its answer.

    `status` answers so; `cut` breaks the connection before anything is done, `lost` after it.
    A 429 without `via` looks like a ban by the proxy in front.
    """

    status: int = 0
    code: int = 0
    retry_after_s: float = 0.05
    is_global: bool = False
    via: bool = True
    cut: bool = False
    lost: bool = False


class Gate:
    """Requests of one route stop here until it is released."""

    def __init__(self) -> None:
        self._arrivals = asyncio.Semaphore(0)
        self._open = asyncio.Event()

    async def reached(self, requests: int = 1) -> None:
        """Return when so many requests, not counted before, stand at the gate."""
        for _ in range(requests):
            await self._arrivals.acquire()

    def release(self) -> None:
        """Let all through, now and later."""
        self._open.set()

    async def enter(self) -> None:
        if not self._open.is_set():
            self._arrivals.release()
            await self._open.wait()


class Discord:
    """A Discord on 127.0.0.1 while it is entered; see the package for what it checks."""

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        token: str = TOKEN,
        intents: frozenset[str] | set[str] = frozenset(),
        shards: int = 1,
        rates: Mapping[str, Rate] | None = None,
        over_all: Rate = GLOBAL,
        limited: bool = True,
        heartbeat_s: float = 41.25,
        bot_name: str = "quotabot",
    ) -> None:
        self.world = World(clock or SystemClock())
        self.world.bot = Person(self.world, bot_name, bot=True)
        self.world.allowed_intents = sum(PRIVILEGED[name] for name in intents)
        self.token = token
        self.gateway_server = Gateway(
            self.world, token=token, shards=shards, heartbeat_s=heartbeat_s
        )
        self.buckets = Buckets(rates, over_all, limited=limited)
        self.old_edits = OLD_EDITS
        self.interactions_endpoint: str | None = None
        self.base_url = ""
        self._old_edits: dict[int, Bucket] = {}
        self._faults: dict[str, deque[Fault]] = {}
        self._gates: dict[str, list[Gate]] = {}
        # What a body may weigh is checked where the bodies are read.
        app = web.Application(client_max_size=1 << 30)
        app.router.add_get("/gateway/", self.gateway_server.serve)
        app.router.add_get("/attachments/{channel}/{id}/{name}", self._download)
        app.router.add_route("*", "/{path:.*}", self._api)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host = f"127.0.0.1:{self._runner.addresses[0][1]}"
        self.base_url = f"http://{host}"
        self.world.cdn = self.base_url
        self.gateway_server.url = f"ws://{host}/gateway/"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for gate in [each for gates in self._gates.values() for each in gates]:
            gate.release()
        await self.gateway_server.close()
        await self._runner.cleanup()
        unknown = self.books.unknown_routes
        if kind is None and unknown:
            message = f"the bot called what this double does not know: {unknown}"
            raise AssertionError(message)

    # -- addresses -------------------------------------------------------------------------

    @property
    def api_base(self) -> str:
        return f"{self.base_url}{API}"

    @property
    def gateway(self) -> str:
        return self.gateway_server.url

    @contextmanager
    def known_to_discord_py(self) -> Iterator[None]:
        """Point discord.py here, and back again; nothing else in it is touched."""
        import yarl
        from discord.gateway import DiscordWebSocket
        from discord.http import Route as SdkRoute

        before = (SdkRoute.BASE, DiscordWebSocket.DEFAULT_GATEWAY)
        SdkRoute.BASE = self.api_base
        DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(self.gateway)
        try:
            yield
        finally:
            SdkRoute.BASE, DiscordWebSocket.DEFAULT_GATEWAY = before

    # -- what there is ---------------------------------------------------------------------

    @property
    def books(self) -> Books:
        return self.world.books

    @property
    def bot(self) -> Person:
        return self.world.bot

    @property
    def transcript(self) -> str:
        return self.world.transcript

    def guild(
        self,
        name: str,
        *,
        bot: bool = True,
        permissions: Permission = Permission.NONE,
        locale: str = "en-US",
    ) -> Guild:
        """Make a guild, as a rule with the bot in it, which may there what @everyone may."""
        made = Guild(self.world, name, locale=locale)
        if bot:
            made.invites_bot(permissions)
        return made

    def person(self, name: str, *, locale: str = "en-US") -> Person:
        """The person of this name, made where there is none."""
        for person in self.world.people.values():
            if person.name == name:
                return person
        return Person(self.world, name, locale=locale)

    def commands(self, guild: Guild | None = None) -> list[Json]:
        """The commands that the app has registered, global ones or those of a guild."""
        return self.world.commands.get(guild.id if guild else None, [])

    def sees(self, who: Any, channel: Channel) -> list[Message]:
        """What this person or member finds in this channel."""
        return self.world.sees(who.person, channel)

    # -- what happens ----------------------------------------------------------------------

    async def until(
        self, condition: Callable[[], Any], what: str = "it", timeout_s: float = 5
    ) -> None:
        """Wait until this is so; looked at after each change of this Discord."""
        await self.world.until(condition, what, timeout_s)

    async def connected(self, shards: int = 1) -> None:
        """Wait until so many shards are there."""

        def there() -> bool:
            sessions = self.gateway_server.sessions.values()
            return sum(1 for each in sessions if each.connection is not None) >= shards

        await self.until(there, f"{shards} shards")

    def drop_gateway(self, code: int | None = None) -> None:
        """Break all connections of the gateway, or close them with a code."""
        if code is None:
            self.gateway_server.drop()
        else:
            self.gateway_server.close_all(code)

    def deliver_again(self, what: Message | Interaction | Event) -> None:
        """Deliver an event once more, as a gateway may after a hiccup."""
        if isinstance(what, Event):
            event = what
        else:
            event = next(each for each in self.world.events if each.data is what.event)
        self.world.note(f"gateway: {event.name} is delivered again")
        self.gateway_server.dispatch(event)

    def fails(self, route: str, status: int = 500, *, times: int = 1, **changes: Any) -> None:
        """Let the next requests of this route fail; "*" for those of any."""
        fault = Fault(status=status, **changes)
        self._faults.setdefault(route, deque()).extend([fault] * times)

    def cuts(self, route: str, *, lost: bool = False, times: int = 1) -> None:
        """Break the connection of the next requests, before or (`lost`) after they had effect."""
        fault = Fault(cut=not lost, lost=lost)
        self._faults.setdefault(route, deque()).extend([fault] * times)

    def hold(self, route: str) -> Gate:
        """Stop the requests of this route before they have any effect."""
        gate = Gate()
        self._gates.setdefault(route, []).append(gate)
        return gate

    def take_old_edit(self, channel: Channel) -> float | None:
        """Count an edit of an old message; give the wait if there were too many."""
        now = asyncio.get_running_loop().time()
        bucket = self._old_edits.setdefault(channel.id, Bucket(self.old_edits))
        return None if bucket.take(now) else bucket.wait_s(now)

    # -- HTTP ------------------------------------------------------------------------------

    async def _download(self, request: web.Request) -> web.Response:
        found = self.world.attachments.get(int(request.match_info["id"]))
        expires_s = int(request.query.get("ex", "0"), 16)
        wrong = found is None or found.name != request.match_info["name"]
        if found is None or wrong or self.world.now > expires_s * 1000:
            return web.Response(status=404, text="This content is no longer available.")
        self.books.downloads.append(found.name)
        return web.Response(body=found.data, content_type=found.content_type.split(";")[0])

    async def _api(self, request: web.Request) -> web.StreamResponse:
        """Answer a request, in this order: gates, faults, who it is, limits, what it asks."""
        path = request.rel_url.raw_path
        known = find(ROUTES, request.method, path.removeprefix(API))
        if known is None or not path.startswith(API):
            self.books.unknown_routes.append(f"{request.method} {path}")
            not_found = {"message": "404: Not Found", "code": 0}
            return self._answer(f"{request.method} {path}", path, 404, not_found)
        route, ids = known
        for gate in self._gates.get(route.name, ()):
            await gate.enter()
        fault = self._next_fault(route.name)
        if fault.cut:
            return self._break(request)
        if fault.status:
            return self._fail(route, path, fault)
        if not route.by_token and request.headers.get("Authorization") != f"Bot {self.token}":
            stranger = {"message": "401: Unauthorized", "code": 0}
            return self._answer(route.name, path, 401, stranger)
        if self.books.invalid >= INVALID_MAX:
            return self._answer(route.name, path, 429, {"message": "banned by the proxy"})
        loop_now, wall = asyncio.get_running_loop().time(), self.world.now / 1000
        bound = not route.by_token
        headers, too_many = self.buckets.take(
            route.bucket, route.major(ids), loop_now, wall, bound=bound
        )
        if too_many is not None:
            headers |= too_many.headers
            return self._answer(route.name, path, 429, too_many.body, headers)
        body: Any = {}
        try:
            body, files = await self._read(request)
            ids = {key: unquote(value) for key, value in ids.items()}
            answer = await route.handler(Asked(self, ids, dict(request.query), body, files))
        except ApiError as error:
            if error.status == 429:
                headers |= {"Via": "1.1 google", "X-RateLimit-Scope": "user"}
            return self._answer(route.name, path, error.status, error.body, headers, sent=body)
        if fault.lost:
            return self._break(request)
        status = 204 if answer is None else 200
        return self._answer(route.name, path, status, answer, headers, sent=body)

    async def _read(self, request: web.Request) -> tuple[Any, list[File]]:
        """The JSON of a body, and the files beside it ("Uploading Files")."""
        if not request.can_read_body:
            return {}, []
        if not request.content_type.startswith("multipart/"):
            if request.content_type != "application/json":
                raise ApiError(50035, message="Invalid Content-Type")
            return self._parse(await request.text()), []
        body: Any = {}
        files: dict[int, File] = {}
        async for part in await request.multipart():
            assert isinstance(part, BodyPartReader)
            data = bytes(await part.read())
            name = part.name or ""
            if name == "payload_json":
                body = self._parse(data.decode())
            elif name.startswith("files["):
                index = int(name.removeprefix("files[").removesuffix("]"))
                kind = part.headers.get("Content-Type", "application/octet-stream")
                files[index] = File(part.filename or f"file{index}", data, kind)
        return body, [files[index] for index in sorted(files)]

    def _parse(self, text: str) -> Any:
        try:
            return json.loads(text)
        except ValueError:
            raise ApiError(50109) from None

    def _next_fault(self, name: str) -> Fault:
        for key in (name, "*"):
            if self._faults.get(key):
                return self._faults[key].popleft()
        return Fault()

    def _fail(self, route: Route, path: str, fault: Fault) -> web.Response:
        body: Json = {"message": "as the test asked", "code": fault.code}
        headers: dict[str, str] = {}
        if fault.status == 429:
            body |= {"retry_after": fault.retry_after_s, "global": fault.is_global}
            headers["Retry-After"] = "1"
            headers["X-RateLimit-Scope"] = "global" if fault.is_global else "shared"
            headers |= {"Via": "1.1 google"} if fault.via else {}
        return self._answer(route.name, path, fault.status, body, headers, counts=False)

    def _break(self, request: web.Request) -> web.Response:
        self.world.note(f"{request.method} {request.path}: the connection breaks")
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)

    def _answer(
        self,
        name: str,
        path: str,
        status: int,
        body: Any,
        headers: Mapping[str, str] | None = None,
        *,
        sent: Any = None,
        counts: bool = True,
    ) -> web.Response:
        code = body.get("code", 0) if isinstance(body, dict) and status >= 400 else 0
        call = Call(name, path, status, code, sent if isinstance(sent, dict) else {})
        self.books.calls.append(call)
        # What a test has asked for is not the bot's doing.
        if counts and status == 429:
            self.books.too_many.append(name)
        if counts and status in {401, 403, 429}:
            self.books.invalid += 1
        if status >= 400:
            self.world.note(f"{name} is refused: {status} {body}")
        self.world.wake()
        if body is None:
            return web.Response(status=status, headers=headers)
        # The type exactly: with a charset behind it discord.py reads the body as text.
        text = json.dumps(body).encode()
        return web.Response(
            body=text,
            status=status,
            headers={**(headers or {}), "Content-Type": "application/json"},
        )
