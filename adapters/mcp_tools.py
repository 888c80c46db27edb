"""Tools from MCP servers: programs that are spoken to over their pipes, or addresses over HTTP.

Why a task per server: what the SDK opens must be closed by the task that opened it, and those who
use a tool come and go, cancelled at any moment. So one task holds the connection, and all others
only speak through it.

Why the SDK's own log is silenced: it prints what servers send, which may be what members said.
"""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from subprocess import DEVNULL
from typing import TYPE_CHECKING, Any, Self, TextIO, cast

from bot.ports import Tool, ToolError
from bot.tool_servers import ToolServer
from quota.clock import Clock

if TYPE_CHECKING:  # The import takes a second, and most bots have no tools.
    from mcp import Client

# A server that needs longer to start, or to say what it has, is given up.
OPEN_MS = 60_000
LISTED_MS = 5 * 60_000
PAGES_MAX = 20
CLOSE_MS = 10_000
# For connecting and sending, and for the longest silence: tools may think.
HTTP_S, HTTP_READ_S = 30, 600

# Refused by a server that is well: there is no such tool, or not with these arguments.
_REFUSED = frozenset({-32602, -32601})


class McpTools:
    """Tools of these servers, each started when it is needed first, and again when it has died."""

    def __init__(
        self, servers: Sequence[ToolServer], clock: Clock, errors: TextIO | None = None
    ) -> None:
        """`errors` is where programs may write what goes wrong in them; by default nowhere."""
        self._clock = clock
        self._errors = errors
        self._servers = {server.key: _Server(server, clock, errors) for server in servers}
        self._left: list[_Server] = []

    def reload(self, servers: Sequence[ToolServer]) -> None:
        """Know these servers from now on; those that are reached as before stay as they are."""
        before, self._servers = self._servers, {}
        for server in servers:
            known = before.get(server.key)
            if known is not None and known.setup.connection == server.connection:
                self._servers[server.key] = before.pop(server.key)
            else:
                self._servers[server.key] = _Server(server, self._clock, self._errors)
        # Whatever still runs there is ended at once.
        for gone in before.values():
            gone.give_up()
        self._left += before.values()

    async def offered(self, server: str) -> Sequence[Tool]:
        """See Tools."""
        return await self._server(server).tools()

    async def use(self, tool: Tool, arguments: Mapping[str, object]) -> str:
        """See Tools."""
        return await self._server(tool.server).use(tool.title, arguments)

    async def close(self) -> None:
        """See Tools."""
        await asyncio.gather(*(server.close() for server in (*self._servers.values(), *self._left)))

    def _server(self, key: str) -> "_Server":
        server = self._servers.get(key)
        if server is None:
            raise ToolError("the config does not name it any more")
        return server


@dataclass(slots=True)
class _Line:
    """A connection, held by its task until `hang_up`; `client` comes when it is open."""

    client: "asyncio.Future[Client]"
    hang_up: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    listed: list[Tool] | None = None
    listed_at: int = 0

    @property
    def is_dead(self) -> bool:
        """Whether nobody will answer over it any more."""
        return self.task is None or self.task.done() or self.hang_up.is_set()


class _Server:
    """One server: at most one connection to it, opened when it is needed."""

    def __init__(self, setup: ToolServer, clock: Clock, errors: TextIO | None) -> None:
        self.setup = setup
        self._clock = clock
        self._errors = errors
        self._line: _Line | None = None
        self._over: set[asyncio.Task[None]] = set()

    async def tools(self) -> list[Tool]:
        """What it has; asked for again when it says that it has changed, and now and then."""
        line = self._opened()
        client = await self._client(line)
        if line.listed is None or self._clock.now() >= line.listed_at + LISTED_MS:
            try:
                async with self._clock.timeout(OPEN_MS):
                    found = [tool async for tool in _listed(client, self.setup.key)]
            except Exception as error:  # a server may send anything; here it is one kind of trouble
                line.hang_up.set()
                raise ToolError(_names(error)) from None
            line.listed, line.listed_at = found, self._clock.now()
        return line.listed

    async def use(self, name: str, arguments: Mapping[str, object]) -> str:
        """What a tool returns."""
        from mcp import MCPError

        line = self._opened()
        client = await self._client(line)
        try:
            result = await client.call_tool(name, dict(arguments))
        except MCPError as error:
            if error.code not in _REFUSED:
                line.hang_up.set()
            raise ToolError(f"{_names(error)} {error.code}") from None
        except Exception as error:  # as above: nobody vouches for what a server sends
            line.hang_up.set()
            raise ToolError(_names(error)) from None
        return _text_of(result)

    def give_up(self) -> None:
        """Hang up, without waiting for it."""
        if self._line is not None:
            self._line.hang_up.set()

    async def close(self) -> None:
        """Hang up, and wait until the program has ended; it is made to."""
        self.give_up()
        if self._over:
            await asyncio.wait(self._over, timeout=CLOSE_MS / 1_000)
        for task in self._over:
            task.cancel()

    def _opened(self) -> _Line:
        """The connection that is open or being opened, else a new one."""
        if self._line is None or self._line.is_dead:
            line = self._line = _Line(asyncio.get_running_loop().create_future())
            # Nobody may be left to hear that it did not open.
            line.client.add_done_callback(lambda told: told.cancelled() or told.exception())
            line.task = asyncio.create_task(self._held(line))
            self._over.add(line.task)
            line.task.add_done_callback(self._over.discard)
        return self._line

    async def _client(self, line: _Line) -> "Client":
        """Wait until it is open; who stops waiting does not stop it from opening."""
        return await asyncio.shield(line.client)

    async def _held(self, line: _Line) -> None:
        """Open a connection and hold it until it is hung up or breaks off."""
        try:
            async with AsyncExitStack() as stack:
                async with self._clock.timeout(OPEN_MS):
                    client = await stack.enter_async_context(self._connected(line))
                line.client.set_result(client)
                await line.hang_up.wait()
        except Exception as error:  # whatever a program or an address does; the tools are not there
            if not line.client.done():
                line.client.set_exception(ToolError(_names(error)))
        finally:
            line.hang_up.set()
            line.client.cancel()

    @asynccontextmanager
    async def _connected(self, line: _Line) -> "AsyncGenerator[Client, None]":
        await asyncio.to_thread(_load)
        from mcp import Client
        from mcp_types import ToolListChangedNotification

        async def heard(message: object) -> None:
            if isinstance(message, ToolListChangedNotification):
                line.listed = None

        async with (
            self._transport() as streams,
            Client(_Watched(streams, line.hang_up), message_handler=heard) as client,
        ):
            yield client

    @asynccontextmanager
    async def _transport(self) -> AsyncGenerator[Any, None]:
        import httpx2
        from mcp import StdioServerParameters, stdio_client
        from mcp.client.streamable_http import streamable_http_client

        setup = self.setup
        async with AsyncExitStack() as stack:
            if setup.url:
                timeout = httpx2.Timeout(HTTP_S, read=HTTP_READ_S)
                http = httpx2.AsyncClient(headers=dict(setup.headers), timeout=timeout)
                await stack.enter_async_context(http)
                there = streamable_http_client(setup.url, http_client=http)
                yield await stack.enter_async_context(there)
                return
            command, *args = setup.command
            how = StdioServerParameters(
                command=command, args=args, env=dict(setup.env), cwd=setup.folder
            )
            # The SDK hands it on to the process as it is.
            errors = self._errors or cast("TextIO", DEVNULL)
            yield await stack.enter_async_context(stdio_client(how, errlog=errors))


class _Watched:
    """The streams of a transport as a transport, which tells when nothing more comes."""

    def __init__(self, streams: Any, ended: asyncio.Event) -> None:
        self._read, self._write = streams
        self._ended = ended

    async def __aenter__(self) -> Any:
        return _Ending(self._read, self._ended), self._write

    async def __aexit__(self, *_how: object) -> None:
        """Whoever opened the streams closes them."""


class _Ending:
    """A stream that tells when it is at its end."""

    def __init__(self, inner: Any, ended: asyncio.Event) -> None:
        self._inner = inner
        self._ended = ended

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        try:
            return await self._inner.__anext__()
        except BaseException:
            self._ended.set()
            raise

    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, *how: object) -> Any:
        return await self._inner.__aexit__(*how)


def _load() -> None:
    """Import the SDK, which takes a second."""
    import mcp.client.streamable_http

    logging.getLogger(mcp.__name__).setLevel(logging.CRITICAL + 1)


async def _listed(client: "Client", server: str) -> AsyncIterator[Tool]:
    """Every tool of a server, page by page; an endless list ends."""
    cursor: str | None = None
    for _ in range(PAGES_MAX):
        page = await client.list_tools(cursor=cursor, cache_mode="refresh")
        for tool in page.tools:
            schema = json.dumps(tool.input_schema, ensure_ascii=False)
            yield Tool("", tool.description or tool.title or "", schema, server, tool.name)
        cursor = page.next_cursor
        if cursor is None:
            return


def _text_of(result: Any) -> str:
    """What a tool returned, as text; what is none is named."""
    texts = list(_texts(result.content))
    if not texts and result.structured_content is not None:
        with suppress(TypeError, ValueError):
            texts.append(json.dumps(result.structured_content, ensure_ascii=False))
    return "\n\n".join(texts)


def _texts(blocks: Sequence[Any]) -> Iterator[str]:
    for block in blocks:
        match block.type:
            case "text":
                yield block.text
            case "resource" if (text := getattr(block.resource, "text", None)) is not None:
                yield text
            case "resource_link":
                yield f"[{block.name}: {block.uri}]"
            case kind:
                yield f"[{kind}, which cannot be shown]"


def _names(error: BaseException) -> str:
    """The class of an error, or of the first one in a group: what the log may know."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return type(error).__name__
