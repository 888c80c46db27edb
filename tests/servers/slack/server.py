"""The double itself: a Web API, Socket Mode, files and response URLs on one loopback port."""

import itertools
import json
from collections import Counter
from collections.abc import Mapping
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl

from aiohttp import WSMsgType, web

from quota.clock import Clock, SystemClock
from tests.servers.slack.app import App, Installation
from tests.servers.slack.calls import Call, Method, Pace
from tests.servers.slack.clock import Stamps
from tests.servers.slack.delivery import Carrier, Delivery, Postman, Socket, Sockets
from tests.servers.slack.errors import Json, RefusedError
from tests.servers.slack.methods import METHODS
from tests.servers.slack.model import Channel, File, Message, ResponseUrl, Trigger, View
from tests.servers.slack.responding import respond
from tests.servers.slack.signing import HttpSender
from tests.servers.slack.team import Team
from tests.servers.slack.user import User
from tests.servers.slack.viewing import after_submission, close_view, view_payload
from tests.servers.slack.watch import Watch

SOCKETS_MAX = 10


class Slack:
    """Slack on 127.0.0.1 while it is entered; see the package for what it checks."""

    def __init__(self, app: App | None = None, *, clock: Clock | None = None) -> None:
        self.app = app or App()
        self.clock: Clock = clock or SystemClock()
        self.watch = Watch()
        self.stamps = Stamps(self.clock)
        self.pace = Pace()
        self.sockets = Sockets(self.clock, self.watch)
        self.http: HttpSender | None = None
        self.postman = Postman(self.clock, self.watch, self._carrier)
        self.teams: dict[str, Team] = {}
        self.calls: list[Call] = []
        self.unknown_methods: list[str] = []
        self.broken: list[Exception] = []  # Mistakes of the double itself.
        self.rate_limited: Counter[str] = Counter()  # The 429s provoked, by method.
        self.triggers: dict[str, Trigger] = {}
        self.opened: dict[str, View] = {}  # By the trigger that opened it.
        self.response_urls: dict[str, ResponseUrl] = {}
        self.codes: dict[str, tuple[str, str, str]] = {}  # OAuth: team, user, redirect address.
        self.faults: dict[str, list[tuple[int, str, int]]] = {}
        self.dropped: Counter[str] = Counter()  # Which will not come through, by method.
        self.lost: Counter[str] = Counter()  # Whose answers will be lost, by method.
        self.edit_window_ms: int | None = None  # A workspace may forbid late edits.
        self.stream_idle_ms: int | None = None  # Some saw streams die of 30 s of silence.
        self.base_url = ""
        self._numbers = itertools.count(1)
        self._tickets: set[str] = set()
        self._root = ""
        app_ = web.Application(client_max_size=64 * 1024 * 1024)
        app_.router.add_route("*", "/api/{method}", self._api)
        app_.router.add_get("/link", self._link)
        app_.router.add_post("/response/{path}", self._response)
        app_.router.add_post("/upload/{file}", self._upload)
        app_.router.add_get("/files-pri/{file}/{name}", self._download)
        app_.router.add_get("/files-pri/{file}/{name}/download", self._download)
        self._runner = web.AppRunner(app_, access_log=None)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._root = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self.base_url = f"{self._root}/api/"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.postman.close()
        for socket in list(self.sockets.open):
            await socket.close()
        if self.http is not None:
            await self.http.close()
        await self._runner.cleanup()
        if kind is None:
            if self.broken:
                raise self.broken[0]
            assert not self.unknown_methods, f"Slack has no method {self.unknown_methods}"

    # What a test sets up

    def team(self, name: str, *, installed: bool = True, plan: str = "pro") -> Team:
        """A workspace, made at the first call."""
        for team in self.teams.values():
            if team.name == name:
                return team
        team = Team(self, name, self.next_id("T"), plan=plan)
        self.teams[team.id] = team
        if installed:
            self.install(team)
        return team

    def install(self, team: Team) -> Installation:
        """Put the app into a team; its bot joins where the old one was."""
        team.installation = Installation(
            team_id=team.id,
            bot_user_id=self.next_id("U"),
            bot_id=self.next_id("B"),
            token=f"xoxb-{team.id}-{self.next_number()}",
            scopes=tuple(self.app.scopes),
        )
        for channel in team.channels.values():
            if channel.bot_in:
                channel.members.add(team.installation.bot_user_id)
        return team.installation

    def send_over_http(self, url: str) -> HttpSender:
        """Send everything to this address from now on, instead of over sockets."""
        if self.http is None:
            self.http = HttpSender(url, self.app.signing_secret, self.clock, self.watch)
        self.http.url = url
        return self.http

    def fail_next(
        self, method: str, error: str = "internal_error", *, status: int = 200, times: int = 1
    ) -> None:
        """Answer the next calls of a method by this error, or by this HTTP status."""
        self.faults.setdefault(method, []).extend([(status, error, 0)] * times)

    def lose_next(self, method: str, *, times: int = 1) -> None:
        """Carry out the next calls of a method, and break off before they are answered."""
        self.lost[method] += times

    def drop_next(self, method: str, *, times: int = 1) -> None:
        """Break off at the next calls of a method, and do nothing of what they ask."""
        self.dropped[method] += times

    def limit_next(self, method: str, retry_after_s: int = 1, *, times: int = 1) -> None:
        """Answer the next calls of a method by a 429."""
        self.faults.setdefault(method, []).extend([(429, "ratelimited", retry_after_s)] * times)

    def deliver_again(self, event: Delivery | str) -> Delivery:
        """Deliver an event once more, as after a lost acknowledgement."""
        if isinstance(event, str):
            event = next(sent for sent in self.postman.sent if sent.event_id == event)
        return self.postman.send_again(event)

    def calls_of(self, method: str) -> list[Call]:
        return [call for call in self.calls if call.method == method]

    @property
    def refusals(self) -> list[str]:
        """Each call that was refused, with its error."""
        return [f"{call.method}: {call.error}" for call in self.calls if call.error]

    # Used by people and methods

    def next_number(self) -> int:
        return next(self._numbers)

    def next_id(self, letter: str) -> str:
        return f"{letter}{self.next_number():09d}"

    def keep_file(self, team: Team, user_id: str, file: File) -> File:
        """Give a file an id and an address."""
        if not file.id:
            file.id, file.user = self.next_id("F"), user_id
            file.url = f"{self._root}/files-pri/{team.id}-{file.id}/{file.name}"
            team.files[file.id] = file
        return file

    def upload_address(self, file: File) -> str:
        return f"{self._root}/upload/{file.id}"

    def new_response_url(
        self, team: Team, user: User, channel: Channel, message: Message | None
    ) -> ResponseUrl:
        path = f"{team.id}-{self.next_number()}"
        url = ResponseUrl(path, team.id, user.id, channel, self.clock.now(), message)
        self.response_urls[path] = url
        return url

    def address_of(self, url: ResponseUrl) -> str:
        return f"{self._root}/response/{url.path}"

    def respond(self, url: ResponseUrl, body: Json, *, from_ack: bool = False) -> None:
        respond(self, url, body, from_ack=from_ack)

    def view_payload(self, view: View) -> Json:
        return view_payload(self, view)

    def close_view(self, team: Team, view: View, *, clear: bool = False) -> None:
        close_view(team, view, clear=clear)

    def after_submission(self, team: Team, view: View, ack: Json) -> Json:
        return after_submission(self, team, view, ack)

    def new_ticket(self) -> str:
        """A Socket Mode address, good for one connection."""
        ticket = f"ticket-{self.next_number()}"
        self._tickets.add(ticket)
        root = self._root.replace("http://", "ws://")
        return f"{root}/link?ticket={ticket}&app_id={self.app.app_id}"

    def _carrier(self) -> Carrier:
        return self.http or self.sockets

    # The Web API

    async def _api(self, request: web.Request) -> web.Response:
        name = request.match_info["method"]
        call = Call(self, name, await arguments(request), at=self.clock.now())
        self.calls.append(call)
        if self.dropped[name] and request.transport is not None:
            self.dropped[name] -= 1
            request.transport.abort()
            return web.Response(status=500)
        try:
            call.answer = {"ok": True, **self._answered(call, request)}
            if self.lost[name] and request.transport is not None:
                self.lost[name] -= 1
                request.transport.abort()
            return web.json_response(call.answer)
        except RefusedError as refused:
            call.error = refused.error
            headers = {}
            if refused.status == 429:
                self.rate_limited[name] += 1
                call.retry_after = int(refused.extra.pop("retry_after"))
                headers["Retry-After"] = str(call.retry_after)
            call.answer = refused.body
            return web.json_response(refused.body, status=refused.status, headers=headers)
        except Exception as error:  # Ours, not the bot's: the test must fail by it at its end.
            self.broken.append(error)
            raise
        finally:
            self.watch.note(f"   {name} {call.error or 'ok'}")

    def _answered(self, call: Call, request: web.Request) -> Json:
        method = METHODS.get(call.method)
        if method is None:
            self.unknown_methods.append(call.method)
            raise RefusedError("unknown_method", req_method=call.method)
        self._let_in(call, method, request.headers)
        if faults := self.faults.get(call.method):
            status, error, retry_after = faults.pop(0)
            extra = {"retry_after": retry_after} if status == 429 else {}
            raise RefusedError(error, status=status, **extra)
        key: tuple[str, ...] = (call.team_or_none.id if call.team_or_none else "app",)
        if method.per_channel:
            key += (call.text("channel"),)
        if wait := self.pace.wait_s(call.method, method.rate, key, call.at):
            raise RefusedError("ratelimited", status=429, retry_after=wait)
        missing = [name for name in method.required if call.args.get(name) in (None, "")]
        if missing:
            lines = [f"missing required field: {name}" for name in missing]
            raise RefusedError("invalid_arguments", *lines)
        return method.run(call)

    def _let_in(self, call: Call, method: Method, headers: Mapping[str, str]) -> None:
        """Find out whose token this is, and whether it may."""
        call.args.pop("token", None) if method.token == "none" else None
        kind, _, bearer = headers.get("Authorization", "").partition(" ")
        token = bearer if kind == "Bearer" else str(call.args.pop("token", ""))
        if method.token == "none":
            call.args["_basic"] = bearer if kind == "Basic" else ""
            return
        if not token:
            raise RefusedError("not_authed")
        if method.token == "app":
            if token != self.app.app_token:
                raise RefusedError("not_allowed_token_type" if "xoxb" in token else "invalid_auth")
            return
        for team in self.teams.values():
            if team.installation is not None and team.installation.token == token:
                if team.installation.revoked:
                    raise RefusedError(team.installation.revoked)
                call.team_or_none = team
                call.need(*method.scopes)
                return
        raise RefusedError("not_allowed_token_type" if "xapp" in token else "invalid_auth")

    # Socket Mode

    async def _link(self, request: web.Request) -> web.WebSocketResponse:
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            raise web.HTTPForbidden(text="this ticket was used, or never given")
        self._tickets.discard(ticket)
        connection = web.WebSocketResponse(autoping=False)
        await connection.prepare(request)
        self.sockets.opened += 1
        socket = Socket(
            self.sockets.opened, connection.send_json, connection.ping, connection.close
        )
        if len(self.sockets.open) >= SOCKETS_MAX:
            await connection.send_json({"type": "disconnect", "reason": "too_many_websockets"})
            await connection.close()
            return connection
        await connection.send_json(self._hello(socket))
        self.sockets.added(socket)
        try:
            async for message in connection:
                if message.type is WSMsgType.PING:
                    await connection.pong(message.data)
                elif message.type is WSMsgType.PONG:
                    socket.pongs += 1
                    self.watch.changed()
                elif message.type is WSMsgType.TEXT:
                    self.sockets.take(socket, json.loads(message.data))
        finally:
            self.sockets.removed(socket)
        return connection

    def _hello(self, socket: Socket) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self.sockets.open) + 1,
            "debug_info": {
                "host": f"applink-{socket.number}",
                "build_number": 1,
                "approximate_connection_time": 18060,
            },
            "connection_info": {"app_id": self.app.app_id},
        }

    # Files and response URLs

    async def _response(self, request: web.Request) -> web.Response:
        url = self.response_urls.get(request.match_info["path"])
        if url is None:
            return web.Response(status=404, text="expired_url")
        try:
            body = json.loads(await request.text())
            self.respond(url, body)
        except RefusedError as refused:
            self.watch.note(f"   response_url {refused.error}")
            return web.json_response(refused.body, status=refused.status)
        return web.Response(text="ok")

    async def _upload(self, request: web.Request) -> web.Response:
        for team in self.teams.values():
            file = team.files.get(request.match_info["file"])
            if file is not None and not file.uploaded:
                file.data = await request.read()
                file.uploaded = True
                return web.Response(text=f"OK - {len(file.data)}")
        return web.Response(status=404, text="no such upload")

    async def _download(self, request: web.Request) -> web.Response:
        team_id, _, file_id = request.match_info["file"].partition("-")
        team = self.teams.get(team_id)
        file = team.files.get(file_id) if team is not None else None
        if team is None or file is None:
            return web.Response(status=404)
        installed = team.installation
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        allowed = installed is not None and bearer == installed.token and not installed.revoked
        if not (allowed and installed is not None and "files:read" in installed.scopes):
            # No error: Slack shows its sign-in page, and a careless bot reads that as the file.
            return web.Response(
                text="<!DOCTYPE html><title>Slack</title>", content_type="text/html"
            )
        return web.Response(body=file.data, content_type=file.mimetype)


async def arguments(request: web.Request) -> Json:
    """Arguments from the query, a form or a JSON body, as Slack takes them."""
    found: Json = dict(request.query)
    if request.method == "GET":
        return found
    text = await request.text()
    if request.content_type == "application/json":
        body = json.loads(text or "{}")
        return found | (body if isinstance(body, dict) else {})
    return found | dict(parse_qsl(text, keep_blank_values=True))
