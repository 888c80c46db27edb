"""How an answer goes out: in one piece, or as server-sent events that may break off.

The forms are those of the API reference of chat/create and chat/streaming, as typed in openai 3.54:
the first chunk has the role and no text; with `include_usage` each chunk has `usage: null` and the
last one has the counts and no choices. Elsewhere: usage on every chunk is vLLM's
`continuous_usage_stats`, usage on the finish chunk is in ggml-org/llama.cpp#15443, `usage.cost` and
comments ahead of the answer are OpenRouter's (docs/use-cases/usage-accounting, streaming).
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.servers.chat_api import Ask, Token, refusal, usage_report
from tests.servers.faults import Script

CREATED_AT = 1_790_000_000


@dataclass(kw_only=True)
class Call:
    """A request in the books. Not frozen: a test may look at it while it runs.

    `ended` is "running", "refused", "dropped", the finish reason, the `end` of a script that broke
    the stream off, "left" (by the client) or "closed" (with the server).
    """

    number: int
    model: str = ""
    messages: tuple[Mapping[str, Any], ...] = ()
    cap_field: str | None = None
    cap: int | None = None
    prompt_tokens: int = 0  # Stays 0 where the model was never asked.
    output_tokens: int = 0  # Sent so far, hidden reasoning included.
    usage: Mapping[str, Any] | None = None  # As last reported on the wire, lies included.
    status: int = 200
    ended: str = "running"
    left_after: int | None = None  # The tokens that had been sent when the client left.

    @property
    def headers(self) -> dict[str, str]:
        """What the real API sends for support to ask about."""
        return {"x-request-id": f"req_{self.number}"}


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One planned answer to one request."""

    call: Call
    ask: Ask
    script: Script
    tokens: AsyncIterator[Token]  # At the pace of the server, gates and all.
    finish: str

    async def whole(self) -> web.Response:
        """Send all in one piece, usage included."""
        texts = {"content": "", "reasoning_content": "", "hidden": "", "tool_calls": ""}
        async for token in self.tokens:
            texts[token.place] += token.text
            self.call.output_tokens += 1
        del texts["hidden"], texts["tool_calls"]  # Nobody asks for tools in one piece here.
        message = {"role": "assistant", "refusal": None, **texts}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self.finish}
        body = self._body("chat.completion", [choice])
        if self.script.usage_on != "never":
            body["usage"] = self._report()
        self.call.ended = self.finish
        return web.json_response(body, headers=self.call.headers)

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Send one chunk for each token, then end as the script says."""
        response = web.StreamResponse(headers=self.call.headers)
        response.content_type, response.charset = "text/event-stream", "utf-8"
        await response.prepare(request)
        if self.script.comment:
            await response.write(f": {self.script.comment}\n\n".encode())
        await self._send(response, {"role": "assistant", "content": "", "refusal": None})
        async for token in self.tokens:
            self.call.output_tokens += 1
            if token.place != "hidden":
                shown = token.text if token.piece is None else [token.piece]
                await self._send(response, {token.place: shown})
        await self._end(response)
        return response

    async def _finish(self, response: web.StreamResponse) -> None:
        await self._send(response, {}, self.finish)
        if self.script.usage_on == "every" or (
            self.script.usage_on == "last" and self.ask.usage_asked
        ):
            body = self._body("chat.completion.chunk", [])
            await _write(response, {**body, "usage": self._report()})
        await response.write(b"data: [DONE]\n\n")
        self.call.ended = self.finish

    async def _end(self, response: web.StreamResponse) -> None:
        if self.script.end != "done":
            self.call.ended = self.script.end
        match self.script.end:
            case "done":
                await self._finish(response)
            case "eof":
                pass
            case "cut":
                # So aiohttp hangs up: what was written still goes out, no last chunk follows.
                raise asyncio.CancelledError
            case "stall":
                await asyncio.Event().wait()
            case "broken_json":
                await response.write(b'data: {"id": "chatcmpl-1", "choices": [{"del\n\n')
            case "error_chunk":
                await _write(response, refusal(500, self.script.message).body)

    async def _send(
        self, response: web.StreamResponse, delta: Mapping[str, Any], finish: str | None = None
    ) -> None:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        body = self._body("chat.completion.chunk", [choice])
        if self.script.usage_on == "every" or (self.script.usage_on == "finish" and finish):
            body["usage"] = self._report()
        elif self.ask.usage_asked and self.script.usage_on != "never":
            body["usage"] = None
        await _write(response, body)

    def _body(self, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": f"chatcmpl-{self.call.number}",
            "object": kind,
            "created": CREATED_AT,
            "model": self.script.served_model or self.ask.model,
            "choices": choices,
        }

    def _report(self) -> Mapping[str, Any]:
        call = self.call
        call.usage = usage_report(self.script, call.prompt_tokens, call.output_tokens)
        return call.usage


async def _write(response: web.StreamResponse, body: Mapping[str, Any]) -> None:
    await response.write(f"data: {json.dumps(body)}\n\n".encode())
