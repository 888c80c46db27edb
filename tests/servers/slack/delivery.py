"""How events and interactions reach the app: over its sockets, or as signed HTTP requests.

Events are tried again when nobody acknowledges them in three seconds: at once, after a minute,
after five (docs.slack.dev/apis/events-api, "Retries"). Commands and interactions are sent once;
whoever caused them sees that the app did not answer.
"""

import asyncio
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from quota.clock import Clock, pause
from tests.servers.slack.clock import MINUTE_MS, SECOND_MS
from tests.servers.slack.errors import Json
from tests.servers.slack.watch import Watch

Envelope = Literal["events_api", "slash_commands", "interactive"]

ACK_MS = 3 * SECOND_MS
RETRY_AFTER_MS = (0, MINUTE_MS, 5 * MINUTE_MS)


@dataclass(eq=False)
class Delivery:
    """One event or interaction on its way; `acks` holds what the app said to each attempt."""

    kind: Envelope
    payload: Json
    label: str
    attempts: int = 0
    acks: list[Json | None] = field(default_factory=list)
    failed: str = ""  # Why nobody took it: timeout, http_error, connection_failed.
    _ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def event(self) -> Json:
        """The inner event."""
        event: Json = self.payload["event"]
        return event

    @property
    def event_id(self) -> str:
        return str(self.payload.get("event_id", ""))

    @property
    def is_acked(self) -> bool:
        return bool(self.acks)

    def begin(self) -> None:
        self._ended.clear()

    def end(self) -> None:
        self._ended.set()

    async def ended(self, within_s: float = 10.0) -> "Delivery":
        """Return when it was acknowledged or given up, by the clock of the double."""
        try:
            async with asyncio.timeout(within_s):
                await self._ended.wait()
        except TimeoutError:
            raise AssertionError(f"{self.label} was neither acknowledged nor given up") from None
        return self


@dataclass
class Attempt:
    """What came of one attempt: an acknowledgement with its payload, or the reason why not."""

    acked: bool
    payload: Json | None = None
    reason: str = ""
    retry: bool = True


class Carrier(Protocol):
    """A way to the app."""

    async def carry(self, delivery: Delivery, attempt: int, reason: str) -> Attempt:
        """Try once to hand it over."""


class Postman:
    """Hands everything to the carrier, and again where Slack would."""

    def __init__(self, clock: Clock, watch: Watch, carrier: Callable[[], Carrier]) -> None:
        self._clock = clock
        self._watch = watch
        self._carrier = carrier
        self._tasks: set[asyncio.Task[None]] = set()
        self.sent: list[Delivery] = []

    def send(self, kind: Envelope, payload: Json, label: str) -> Delivery:
        """Start on its way; returns at once."""
        delivery = Delivery(kind, payload, label)
        self.sent.append(delivery)
        return self.send_again(delivery)

    def send_again(self, delivery: Delivery) -> Delivery:
        """Deliver this once more, as Slack does when an acknowledgement was lost."""
        delivery.begin()
        task = asyncio.get_running_loop().create_task(self._run(delivery))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return delivery

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, delivery: Delivery) -> None:
        tries = len(RETRY_AFTER_MS) + 1 if delivery.kind == "events_api" else 1
        reason = ""
        for number in range(tries):
            if number and RETRY_AFTER_MS[number - 1]:
                await pause(self._clock, RETRY_AFTER_MS[number - 1])
            delivery.attempts += 1
            outcome = await self._carrier().carry(delivery, number, reason)
            if outcome.acked:
                delivery.acks.append(outcome.payload)
                break
            reason = outcome.reason
            self._watch.note(f"   {delivery.label}: no acknowledgement ({reason})")
            if not outcome.retry:
                break
        else:
            delivery.failed = reason
        delivery.end()
        self._watch.changed()


@dataclass(eq=False)
class Socket:
    """One open Socket Mode connection."""

    number: int
    send_json: Callable[[Json], Any]
    ping: Callable[[bytes], Any]
    close: Callable[[], Any]
    waiting: dict[str, asyncio.Future[Json | None]] = field(default_factory=dict)
    is_leaving: bool = False
    pongs: int = 0


class Sockets:
    """The Socket Mode connections of the app; each envelope goes to one of them, in turn."""

    def __init__(self, clock: Clock, watch: Watch) -> None:
        self._clock = clock
        self._watch = watch
        self._turn = 0
        self.opened = 0
        self.open: list[Socket] = []
        self.stray_acks: list[str] = []  # Acknowledgements of envelopes that nobody waits for.

    async def carry(self, delivery: Delivery, attempt: int, reason: str) -> Attempt:
        envelope_id = str(uuid.uuid4())
        envelope: Json = {
            "envelope_id": envelope_id,
            "type": delivery.kind,
            "payload": delivery.payload,
            "accepts_response_payload": delivery.kind != "events_api",
        }
        if delivery.kind == "events_api":
            envelope |= {"retry_attempt": attempt, "retry_reason": reason}
        socket = None
        try:
            async with self._clock.timeout(ACK_MS):
                socket = await self._next()
                future = asyncio.get_running_loop().create_future()
                socket.waiting[envelope_id] = future
                self._watch.note(f"-> {delivery.label} on socket {socket.number} ({attempt})")
                await socket.send_json(envelope)
                return Attempt(acked=True, payload=await future)
        except TimeoutError:
            return Attempt(acked=False, reason="timeout")
        except ConnectionError:
            return Attempt(acked=False, reason="connection_failed")
        finally:
            if socket is not None:
                socket.waiting.pop(envelope_id, None)

    async def _next(self) -> Socket:
        def ready() -> list[Socket]:
            return [socket for socket in self.open if not socket.is_leaving] or self.open

        sockets = await self._watch.until(ready, "the app has a socket open", within_s=3600)
        self._turn += 1
        return sockets[self._turn % len(sockets)]

    def take(self, socket: Socket, message: Json) -> None:
        """Read what the app sent: an acknowledgement, with or without a payload."""
        envelope_id = str(message.get("envelope_id", ""))
        future = socket.waiting.get(envelope_id)
        if future is None or future.done():
            self.stray_acks.append(envelope_id)
            return
        self._watch.note("<- acknowledged" + (" with a payload" if message.get("payload") else ""))
        future.set_result(message.get("payload"))

    def added(self, socket: Socket) -> None:
        self.open.append(socket)
        self._watch.note(f"   socket {socket.number} opened")

    def removed(self, socket: Socket) -> None:
        if socket in self.open:
            self.open.remove(socket)
        for future in socket.waiting.values():
            if not future.done():
                future.set_exception(ConnectionError("the socket closed"))
        self._watch.note(f"   socket {socket.number} closed")

    async def disconnect(self, reason: str = "refresh_requested") -> None:
        """Tell all sockets that they will be closed, and close those that do not leave."""
        for socket in list(self.open):
            socket.is_leaving = reason != "warning"
            with suppress(ConnectionError):
                await socket.send_json(
                    {
                        "type": "disconnect",
                        "reason": reason,
                        "debug_info": {"host": f"applink-{socket.number}"},
                    }
                )
            self._watch.note(f"-> disconnect ({reason}) on socket {socket.number}")

    async def drop(self) -> None:
        """Close all sockets without a word."""
        for socket in list(self.open):
            await socket.close()

    async def ping(self) -> None:
        """Ping every socket; `pongs` counts the answers."""
        for socket in list(self.open):
            await socket.ping(b"Ping from applink")
