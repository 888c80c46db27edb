"""The gateway: connections, sessions, resuming, and what each session may know (events/gateway)."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import sys
import zlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from tests.servers.discord.errors import Json
from tests.servers.discord.payloads import member_json, user_json, without_content
from tests.servers.discord.world import (
    GUILD_MEMBERS,
    MESSAGE_CONTENT,
    PRIVILEGED,
    Event,
    World,
    number,
)

HEARTBEAT, IDENTIFY, PRESENCE, VOICE, RESUME, MEMBERS = 1, 2, 3, 4, 6, 8
DISPATCH, RECONNECT, INVALID_SESSION, HELLO, ACK = 0, 7, 9, 10, 11

UNKNOWN_OPCODE, DECODE_ERROR, NOT_AUTHENTICATED, BAD_TOKEN = 4001, 4002, 4003, 4004
ALREADY_AUTHENTICATED, BAD_SEQUENCE, TOO_FAST, TIMED_OUT = 4005, 4007, 4008, 4009
BAD_SHARD, BAD_VERSION, BAD_INTENTS, DISALLOWED_INTENTS = 4010, 4012, 4013, 4014

INTENTS_MAX = 1 << 26
SENT_MAX, SENT_WINDOW_S = 120, 60.0
EVENTS_KEPT = 10_000


@dataclass(eq=False)
class Session:
    """What a client has identified for; survives its connections."""

    id: str
    shard: tuple[int, int]
    intents: int
    connection: Connection | None = None
    sequence: int = 0
    sent: deque[Json] = field(default_factory=lambda: deque(maxlen=EVENTS_KEPT))

    def wants(self, event: Event) -> bool:
        """Whether this event belongs to this shard and to these intents."""
        home = (event.guild.id >> 22) % self.shard[1] if event.guild else 0
        if home != self.shard[0]:
            return False
        return not event.intent or bool(self.intents & event.intent)

    def put(self, name: str, data: Json) -> None:
        """Send an event, or keep it until the client resumes."""
        self.sequence += 1
        payload = {"op": DISPATCH, "t": name, "s": self.sequence, "d": data}
        self.sent.append(payload)
        if self.connection is not None:
            self.connection.put(payload)


def compressor(kind: str) -> Callable[[bytes], bytes] | None:
    """What makes one stream of all payloads ("Transport Compression"); None for plain text."""
    if kind == "zlib-stream":
        by_zlib = zlib.compressobj()
        return lambda data: by_zlib.compress(data) + by_zlib.flush(zlib.Z_SYNC_FLUSH)
    if kind == "zstd-stream":
        # discord.py asks for it where Python has it (3.14) or this package is installed.
        module = "compression.zstd" if sys.version_info >= (3, 14) else "zstandard"
        zstd = importlib.import_module(module)
        if module == "zstandard":
            stream = zstd.ZstdCompressor().compressobj()
            flush = zstd.COMPRESSOBJ_FLUSH_BLOCK
            return lambda data: bytes(stream.compress(data) + stream.flush(flush))
        stream = zstd.ZstdCompressor()
        return lambda data: bytes(stream.compress(data, mode=stream.FLUSH_BLOCK))
    return None


class Connection:
    """One websocket: what is put goes out in order, compressed as asked for."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        self.socket = socket
        self.session: Session | None = None
        self.silent = False
        self.closed_here = False
        self.heard_at = asyncio.get_running_loop().time()
        self.heartbeats = 0
        self._transport = request.transport
        self._queue: asyncio.Queue[Json | int] = asyncio.Queue()
        self._compress = compressor(request.query.get("compress", ""))
        self._received: deque[float] = deque()

    def put(self, payload: Json) -> None:
        """Queue a payload; a silent connection loses it, as a half-dead one does."""
        if not self.silent:
            self._queue.put_nowait(payload)

    def close(self, code: int) -> None:
        """Close after all that is queued."""
        self._queue.put_nowait(code)

    def cut(self) -> None:
        """Let the connection break, without a word."""
        if self._transport is not None:
            self._transport.abort()

    async def write(self) -> None:
        """Send what is put, until the close."""
        while True:
            payload = await self._queue.get()
            if isinstance(payload, int):
                self.closed_here = True
                await self.socket.close(code=payload)
                return
            text = json.dumps(payload)
            try:
                if self._compress is None:
                    await self.socket.send_str(text)
                else:
                    await self.socket.send_bytes(self._compress(text.encode()))
            except (ConnectionError, RuntimeError):
                return  # the client has left; its session keeps what it missed

    def too_fast(self) -> bool:
        """Whether more came than a connection may send."""
        now = asyncio.get_running_loop().time()
        self._received.append(now)
        while self._received and now - self._received[0] > SENT_WINDOW_S:
            self._received.popleft()
        return len(self._received) > SENT_MAX


class Gateway:
    """All sessions of the app."""

    def __init__(self, world: World, *, token: str, shards: int, heartbeat_s: float) -> None:
        self.world = world
        self.token = token
        self.shards = shards
        self.heartbeat_s = heartbeat_s
        self.identify_every_s = 5.0
        self.max_concurrency = 1
        self.url = ""
        self.connections: list[Connection] = []
        self.sessions: dict[str, Session] = {}
        self.identified = 0
        self.resumed = 0
        self.close_codes: list[int] = []
        self._identified_at: dict[int, float] = {}
        world.on_event = self.dispatch

    # -- what tests do to it ---------------------------------------------------------------

    def drop(self) -> None:
        """Break every connection; the clients may resume."""
        for connection in self.connections:
            connection.cut()

    def close_all(self, code: int) -> None:
        """Close every connection with this code."""
        for connection in self.connections:
            connection.close(code)

    def ask_to_reconnect(self) -> None:
        """Send opcode 7 to all."""
        for connection in self.connections:
            connection.put({"op": RECONNECT, "d": None, "s": None, "t": None})

    def invalidate(self, *, resumable: bool = False) -> None:
        """Send opcode 9 to all; what is not resumable is forgotten."""
        if not resumable:
            self.sessions.clear()
        for connection in self.connections:
            if not resumable:
                connection.session = None
            connection.put({"op": INVALID_SESSION, "d": resumable, "s": None, "t": None})

    def fall_silent(self) -> None:
        """Leave every connection open and say nothing on it, as a zombie does."""
        for connection in self.connections:
            connection.silent = True

    def end_session(self, session: Session) -> None:
        self.sessions.pop(session.id, None)

    # -- events ----------------------------------------------------------------------------

    def dispatch(self, event: Event) -> None:
        """Send an event to each session that it is for, cut to what that may know."""
        for session in [*self.sessions.values()]:
            if not session.wants(event):
                continue
            data = event.data
            written = event.name in {"MESSAGE_CREATE", "MESSAGE_UPDATE"}
            if written and not event.direct and not session.intents & MESSAGE_CONTENT:
                data = without_content(data, self.world.bot)
            session.put(event.name, data)

    # -- connections -----------------------------------------------------------------------

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Hold one connection."""
        socket = web.WebSocketResponse(max_msg_size=1 << 14)
        await socket.prepare(request)
        connection = Connection(socket, request)
        self.connections.append(connection)
        writer = asyncio.create_task(connection.write())
        watcher = asyncio.create_task(self._watch(connection))
        interval = int(self.heartbeat_s * 1000)
        connection.put({"op": HELLO, "d": {"heartbeat_interval": interval}, "s": None, "t": None})
        if request.query.get("v") != "10":
            connection.close(BAD_VERSION)
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    code = self._receive(connection, message.data)
                    if code is not None:
                        connection.close(code)
        finally:
            self._left(connection, socket.close_code)
            for task in (writer, watcher):
                task.cancel()
            await asyncio.gather(writer, watcher, return_exceptions=True)
        return socket

    async def close(self) -> None:
        """Close what is open."""
        for connection in [*self.connections]:
            with contextlib.suppress(ConnectionError):
                await connection.socket.close(code=1001)

    def _left(self, connection: Connection, code: int | None) -> None:
        self.connections.remove(connection)
        session = connection.session
        if session is not None and session.connection is connection:
            session.connection = None
            if code in {1000, 1001} and not connection.closed_here:
                # A client that closes with these ends its session ("Disconnecting").
                self.end_session(session)
        self.close_codes.append(code or 1006)
        self.world.note(f"gateway: a connection ends with {code or 1006}")

    async def _watch(self, connection: Connection) -> None:
        """Close a connection that sends no heartbeat for two intervals."""
        while True:
            await asyncio.sleep(self.heartbeat_s)
            if asyncio.get_running_loop().time() - connection.heard_at > 2 * self.heartbeat_s:
                connection.close(TIMED_OUT)
                return

    def _receive(self, connection: Connection, text: str) -> int | None:
        """Do what a client sends; give the code to close with, if any."""
        if connection.too_fast():
            return TOO_FAST
        try:
            payload = json.loads(text)
            op, data = payload["op"], payload.get("d")
        except (ValueError, TypeError, KeyError):
            return DECODE_ERROR
        if op == HEARTBEAT:
            connection.heard_at = asyncio.get_running_loop().time()
            connection.heartbeats += 1
            connection.put({"op": ACK, "d": None, "s": None, "t": None})
            self.world.wake()
            return None
        if op in {IDENTIFY, RESUME}:
            if connection.session is not None:
                return ALREADY_AUTHENTICATED
            begin = self._identify if op == IDENTIFY else self._resume
            return begin(connection, data)
        if op not in {PRESENCE, VOICE, MEMBERS}:
            return UNKNOWN_OPCODE
        if connection.session is None:
            return NOT_AUTHENTICATED
        if op == PRESENCE:
            self.world.books.presences.append(data)
            self.world.wake()
        elif op == MEMBERS:
            self._chunk(connection.session, data)
        return None

    def _identify(self, connection: Connection, data: Any) -> int | None:
        if data.get("token") != self.token:
            return BAD_TOKEN
        index, count = data.get("shard") or (0, 1)
        if not 0 <= index < count:
            return BAD_SHARD
        intents = data.get("intents")
        if not isinstance(intents, int) or not 0 <= intents < INTENTS_MAX:
            return BAD_INTENTS
        privileged = sum(PRIVILEGED.values())
        if intents & privileged & ~self.world.allowed_intents:
            return DISALLOWED_INTENTS
        now = asyncio.get_running_loop().time()
        key = index % self.max_concurrency
        if now - self._identified_at.get(key, -1e9) < self.identify_every_s:
            connection.put({"op": INVALID_SESSION, "d": False, "s": None, "t": None})
            return None
        self._identified_at[key] = now
        self.identified += 1
        if "presence" in data:
            self.world.books.presences.append(data["presence"])
        session = Session(f"session-{self.identified}", (index, count), intents, connection)
        self.sessions[session.id] = session
        connection.session = session
        self._ready(session)
        self.world.note(f"gateway: shard {index} of {count} identifies, intents {intents}")
        return None

    def _ready(self, session: Session) -> None:
        world = self.world
        mine = [
            guild
            for guild in world.guilds.values()
            if world.bot.id in guild.members
            and (guild.id >> 22) % session.shard[1] == session.shard[0]
        ]
        flags = 1 << 19 if world.allowed_intents & MESSAGE_CONTENT else 0
        data: Json = {
            "v": 10,
            "user": user_json(world.bot) | {"email": None, "verified": True, "mfa_enabled": False},
            "guilds": [{"id": str(guild.id), "unavailable": True} for guild in mine],
            "session_id": session.id,
            "resume_gateway_url": self.url,
            "session_type": "normal",
            "shard": [*session.shard],
            "private_channels": [],
            "application": {"id": str(world.bot.id), "flags": flags},
        }
        session.put("READY", data)
        for guild in mine:
            session.put("GUILD_CREATE", guild.json)

    def _resume(self, connection: Connection, data: Any) -> int | None:
        if data.get("token") != self.token:
            return BAD_TOKEN
        session = self.sessions.get(data.get("session_id"))
        if session is None:
            connection.put({"op": INVALID_SESSION, "d": False, "s": None, "t": None})
            return None
        sequence = data.get("seq")
        if not isinstance(sequence, int) or sequence > session.sequence:
            return BAD_SEQUENCE
        if session.connection is not None:
            session.connection.session = None
            session.connection.close(4000)
        session.connection, connection.session = connection, session
        self.resumed += 1
        missed = [payload for payload in session.sent if payload["s"] > sequence]
        for payload in missed:
            connection.put(payload)
        session.put("RESUMED", {})
        self.world.note(f"gateway: {session.id} resumes, {len(missed)} events are replayed")
        return None

    def _chunk(self, session: Session, data: Any) -> None:
        """Answer a request for members ("Request Guild Members")."""
        guild = self.world.guilds.get(number(data.get("guild_id")))
        if guild is None:
            return
        ids = data.get("user_ids")
        everyone = ids is None and not data.get("query")
        if everyone and not session.intents & GUILD_MEMBERS:
            return
        wanted = [number(each) for each in (ids if isinstance(ids, list) else [ids])]
        if ids is None:
            begins = str(data.get("query") or "").lower()
            found = [m for m in guild.members.values() if m.name.lower().startswith(begins)]
        else:
            found = [guild.members[each] for each in wanted if each in guild.members]
        limit = data.get("limit") or len(found)
        answer: Json = {
            "guild_id": str(guild.id),
            "members": [member_json(each) for each in found[:limit]],
            "chunk_index": 0,
            "chunk_count": 1,
        }
        if ids is not None:
            answer["not_found"] = [str(each) for each in wanted if each not in guild.members]
        if data.get("nonce"):
            answer["nonce"] = data["nonce"]
        session.put("GUILD_MEMBERS_CHUNK", answer)
