"""A small OpenAI-compatible chat server on real loopback HTTP, with books of its own.

In a test, in the same event loop:

    async with ModelServer(answer_tokens=20) as server:
        server.next("cut", after=5)          # the next request; see faults.FAULTS
        gate = server.hold(after=2)          # requests stop after 2 tokens ...
        await gate.reached()                 # ... now one of them has
        gate.release()
        await server.idle()                  # the books are final

As a process: `python -m tests.servers.model_server --port 0 [--script NAME]` prints its base URL
as the first line. `GET /_books` shows the books; `POST /_script` with any of
`{"next": [{"name": "rate_limit", "times": 2}], "always": {"name": "cut", "after": 5},
"answer_tokens": 20, "pace_s": 0.1}` sets what happens.

A message may steer its own answer: "say 30" asks for 30 words, "[fault:cut:5]" for a fault,
"[use get_time {} 3 times]" for a tool in each of three answers (see tool_api.py); a fault's
marker goes before `next`, and that before `always`. What is checked, and after which document:
chat_api.py and answers.py. A fault of a stream in a request without `stream` is answered by a 501.
"""

import argparse
import asyncio
import signal
import socket
import sys
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from dataclasses import asdict
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from tests.servers.answers import CREATED_AT, Answer, Call
from tests.servers.chat_api import (
    ApiError,
    Ask,
    Token,
    check_key,
    plan_answer,
    read_ask,
    refusal,
)
from tests.servers.faults import FAULTS, Script, marked_script, script

MODEL = "test-model"


def closed_port() -> int:
    """Find a loopback port on which nobody listens, so that connections are refused."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Gate:
    """A place in the answers at which requests stop until it is released."""

    def __init__(self, after: int) -> None:
        self.after = after
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
        """Be counted as arrived, and wait for the release."""
        if not self._open.is_set():
            self._arrivals.release()
            await self._open.wait()


class ModelServer:
    """Serves chat completions on 127.0.0.1 while it is entered, and keeps the books of them."""

    def __init__(
        self,
        *,
        models: Iterable[str] = (MODEL,),
        key: str | None = None,
        answer_tokens: int = 8,
        pace_s: float = 0.0,
        port: int = 0,
    ) -> None:
        self.models = tuple(models)
        self.key = key
        self.answer_tokens = answer_tokens
        self.pace_s = pace_s
        self.base_url = ""
        self.requests: list[Call] = []
        self.concurrent_max = 0
        self._port = port
        self._always = Script()
        self._next: deque[Script] = deque()
        self._gates: list[Gate] = []
        self._running: set[asyncio.Task[Any]] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = asyncio.Event()
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_get("/v1/models", self._list_models)
        app.router.add_get("/_books", self._show_books)
        app.router.add_post("/_script", self._set_script)
        # A handler is cancelled when its client leaves, so a stall or a gate need not poll.
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self.base_url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/v1"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closed.set()
        for task in self._running:
            task.cancel()
        await self._runner.cleanup()

    def next(self, name: str = "ok", *, times: int = 1, **changes: Any) -> None:
        """Answer the next requests by this script, after those already queued."""
        self._next.extend([script(name, **changes)] * times)

    def always(self, name: str = "ok", **changes: Any) -> None:
        """Answer by this script whatever has none of its own."""
        self._always = script(name, **changes)

    def hold(self, after: int = 0) -> Gate:
        """Stop every request after so many tokens; after 0, ahead of the response's headers."""
        gate = Gate(after)
        self._gates.append(gate)
        return gate

    async def idle(self) -> None:
        """Return when no request is running, so that the books are final."""
        await self._idle.wait()

    @property
    def prompt_tokens(self) -> int:
        """The prompts of all requests that reached the model."""
        return sum(call.prompt_tokens for call in self.requests)

    @property
    def output_tokens(self) -> int:
        """What was sent over all requests, finished or not."""
        return sum(call.output_tokens for call in self.requests)

    @property
    def total_tokens(self) -> int:
        """What a provider would bill that stops when its client leaves."""
        return self.prompt_tokens + self.output_tokens

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        call = Call(number=len(self.requests) + 1)
        self.requests.append(call)
        task = asyncio.current_task()
        assert task is not None  # A handler always runs in a task.
        self._running.add(task)
        self._idle.clear()
        self.concurrent_max = max(self.concurrent_max, len(self._running))
        try:
            return await self._answer(request, call)
        except ApiError as error:
            call.status, call.ended = error.status, "refused"
            headers = {**call.headers, **error.headers}
            return web.json_response(error.body, status=error.status, headers=headers)
        except (asyncio.CancelledError, ConnectionError) as error:
            if call.ended in {"running", "stall"}:
                call.ended = "closed" if self._closed.is_set() else "left"
                call.left_after = call.output_tokens if call.ended == "left" else None
            # Both mean that nobody listens; this one aiohttp takes in silence.
            raise asyncio.CancelledError from error
        finally:
            self._running.discard(task)
            if not self._running:
                self._idle.set()

    async def _answer(self, request: web.Request, call: Call) -> web.StreamResponse:
        check_key(request.headers.get("Authorization"), self.key)
        ask = read_ask(await request.text(), self.models)
        call.model, call.messages = ask.model, ask.messages
        call.cap_field, call.cap = ask.cap_field, ask.cap
        plan = self._script_of(ask)
        if plan.status != 200:
            raise refusal(plan.status, plan.message, plan.retry_after_s)
        if plan.refused_field in ask.fields:
            message = f"Unsupported parameter: '{plan.refused_field}' is not supported."
            raise ApiError(400, message, param=plan.refused_field, code="unsupported_parameter")
        if plan.end != "done" and not ask.stream:
            raise ApiError(501, f"'{plan.end}' is a fault of streams; ask with stream=true.")
        call.prompt_tokens = ask.prompt_tokens
        await self._stop_at_gates(0)
        if plan.start == "silent":
            await asyncio.Event().wait()
        if plan.start == "dropped":
            call.ended = "dropped"
            raise asyncio.CancelledError
        tokens, finish = plan_answer(ask, plan, self.answer_tokens)
        answer = Answer(call=call, ask=ask, script=plan, tokens=self._paced(tokens), finish=finish)
        return await (answer.stream(request) if ask.stream else answer.whole())

    def _script_of(self, ask: Ask) -> Script:
        try:
            marked = marked_script(ask.last_user_text)
        except ValueError as error:
            raise ApiError(400, str(error)) from error
        if marked is not None:
            return marked
        return self._next.popleft() if self._next else self._always

    async def _paced(self, tokens: Iterable[Token]) -> AsyncIterator[Token]:
        for number, token in enumerate(tokens, start=1):
            await asyncio.sleep(0)
            if self.pace_s:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._closed.wait(), self.pace_s)
            yield token
            await self._stop_at_gates(number)

    async def _stop_at_gates(self, tokens_sent: int) -> None:
        for gate in [gate for gate in self._gates if gate.after == tokens_sent]:
            await gate.enter()

    async def _list_models(self, request: web.Request) -> web.Response:
        try:
            check_key(request.headers.get("Authorization"), self.key)
        except ApiError as error:
            return web.json_response(error.body, status=error.status)
        models = [
            {"id": name, "object": "model", "created": CREATED_AT, "owned_by": "tests"}
            for name in self.models
        ]
        return web.json_response({"object": "list", "data": models})

    async def _show_books(self, _request: web.Request) -> web.Response:
        return web.json_response(
            {
                "requests": [asdict(call) for call in self.requests],
                "prompt_tokens": self.prompt_tokens,
                "output_tokens": self.output_tokens,
                "total_tokens": self.total_tokens,
                "concurrent_max": self.concurrent_max,
            }
        )

    async def _set_script(self, request: web.Request) -> web.Response:
        wanted = await request.json()
        try:
            if "always" in wanted:
                self.always(**wanted.pop("always"))
            for spec in wanted.pop("next", ()):
                self.next(**spec)
            self.answer_tokens = int(wanted.pop("answer_tokens", self.answer_tokens))
            self.pace_s = float(wanted.pop("pace_s", self.pace_s))
        except (TypeError, ValueError) as error:
            return web.json_response({"error": str(error)}, status=400)
        if wanted:
            return web.json_response({"error": f"unknown: {sorted(wanted)}"}, status=400)
        return web.json_response({})


async def _serve(server: ModelServer) -> None:
    stopped = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopped.set)
    async with server:
        sys.stdout.write(f"{server.base_url}\n")
        sys.stdout.flush()
        await stopped.wait()


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m tests.servers.model_server")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--script", choices=FAULTS, default="ok", metavar="NAME")
    parser.add_argument("--model", action="append", help="may be given more than once")
    parser.add_argument("--key")
    given = parser.parse_args()
    server = ModelServer(models=given.model or [MODEL], key=given.key, port=given.port)
    server.always(given.script)
    asyncio.run(_serve(server))


if __name__ == "__main__":
    main()
