"""The HTTP way to the app, with signed requests.

The signature: docs.slack.dev/authentication/verifying-requests-from-slack.

The timestamp is the machine's, not that of the double's clock: the app checks it against its own.
"""

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import aiohttp

from quota.clock import Clock
from tests.servers.slack.delivery import ACK_MS, Attempt, Delivery
from tests.servers.slack.errors import Json
from tests.servers.slack.watch import Watch


def signature(secret: str, timestamp: str, body: str) -> str:
    """The v0 signature of a request."""
    digest = hmac.new(secret.encode(), f"v0:{timestamp}:{body}".encode(), hashlib.sha256)
    return f"v0={digest.hexdigest()}"


class HttpSender:
    """Posts everything to one address of the app."""

    def __init__(self, url: str, secret: str, clock: Clock, watch: Watch) -> None:
        self.url = url
        self.secret = secret
        self._clock = clock
        self._watch = watch
        self._session: aiohttp.ClientSession | None = None
        self.requests: list[tuple[str, dict[str, str]]] = []  # Bodies and headers, as sent.

    async def carry(self, delivery: Delivery, attempt: int, reason: str) -> Attempt:
        body, kind = body_of(delivery)
        extra = {}
        if attempt:
            extra = {"X-Slack-Retry-Num": str(attempt), "X-Slack-Retry-Reason": reason}
        self._watch.note(f"-> {delivery.label} over HTTP ({attempt})")
        try:
            async with self._clock.timeout(ACK_MS):
                status, headers, text = await self.post(body, kind, extra=extra)
        except TimeoutError:
            return Attempt(acked=False, reason="http_timeout")
        except aiohttp.ClientError:
            return Attempt(acked=False, reason="connection_failed")
        if not 200 <= status < 300:
            again = headers.get("X-Slack-No-Retry") != "1"
            return Attempt(acked=False, reason="http_error", retry=again)
        self._watch.note(f"<- acknowledged ({status})")
        return Attempt(acked=True, payload=payload_of(text, headers))

    async def post(
        self,
        body: str,
        kind: str,
        *,
        extra: Mapping[str, str] | None = None,
        secret: str | None = None,
        timestamp: str | None = None,
        signed: bool = True,
    ) -> tuple[int, Mapping[str, str], str]:
        """Send one request, forged or old where a test wants that; the answer as it came."""
        stamp = timestamp if timestamp is not None else str(int(time.time()))
        headers = {"Content-Type": kind, "User-Agent": "Slackbot 1.0", **(extra or {})}
        if signed:
            headers["X-Slack-Request-Timestamp"] = stamp
            headers["X-Slack-Signature"] = signature(secret or self.secret, stamp, body)
        return await self._post(body, headers)

    async def replay(self, number: int = -1) -> int:
        """Send one of the earlier requests again, byte for byte; the status of the answer."""
        return (await self._post(*self.requests[number]))[0]

    async def forge(self, event: Json, **changes: Any) -> int:
        """Send an event with another `secret` or `timestamp`, or not `signed`; the status."""
        return (await self.post(json.dumps(event), "application/json", **changes))[0]

    async def verify_url(self) -> bool:
        """Ask the address whether it is the app's, as when it is entered in the settings."""
        challenge = f"challenge-{len(self.requests)}"
        question = {"token": "verification-token", "challenge": challenge}
        body = json.dumps(question | {"type": "url_verification"})
        status, _, text = await self.post(body, "application/json")
        return status == 200 and challenge in text

    async def _post(self, body: str, headers: dict[str, str]) -> tuple[int, Mapping[str, str], str]:
        self.requests.append((body, headers))
        if self._session is None:
            self._session = aiohttp.ClientSession()
        async with self._session.post(self.url, data=body.encode(), headers=headers) as response:
            return response.status, response.headers, await response.text()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


def body_of(delivery: Delivery) -> tuple[str, str]:
    """The request's body and its content type, as Slack packs each kind."""
    form = "application/x-www-form-urlencoded"
    if delivery.kind == "events_api":
        return json.dumps(delivery.payload), "application/json"
    if delivery.kind == "slash_commands":
        return urlencode(delivery.payload), form
    return urlencode({"payload": json.dumps(delivery.payload)}), form


def payload_of(text: str, headers: Mapping[str, str]) -> Json | None:
    """What an acknowledgement carried: JSON, or plain text for a command."""
    if not text:
        return None
    if "json" in headers.get("Content-Type", "") or text.startswith("{"):
        found: Json = json.loads(text)
        return found
    return {"text": text}
