"""Which tools an ask may use, and what a model is told of their use.

A tool gets nothing but the arguments that a model wrote, and runs in a server of its own. Nothing
of the bot is a tool: whatever a result says, no quota, no command and no file can be reached by it.
"""

import asyncio
import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from bot.ports import Tool, ToolCall, ToolError, Tools
from bot.prompt import clean
from bot.tool_servers import ToolServer
from quota.clock import Clock
from quota.members import Requester

_log = logging.getLogger(__name__)

# A server that is started for the first ask has so long; one that failed is left alone for a while.
START_MS = 15_000
REST_MS = 60_000
# What all model servers take.
TOOLS_MAX = 100
NAME_CHARS_MAX = 64
DESCRIPTION_CHARS_MAX = 1_000
SCHEMA_CHARS_MAX = 20_000
ARGUMENTS_CHARS_MAX = 100_000
# So many calls of a model one answer may take, unless the operator says otherwise.
STEPS_MAX = 10
# So many tools that one step asks for are carried out.
AT_ONCE_MAX = 16

_NO_NAME = re.compile(r"[^a-zA-Z0-9_-]")

# What models are told; short, and nothing of how it broke.
UNKNOWN = "There is no tool of this name."
NO_OBJECT = "The arguments are no JSON object. Nothing was done."
TOO_MANY = "Too many tools were called at once. This one was not used."
LATE = "The tool did not answer in time."
FAILED = "The tool failed and returned nothing."


class Kit(NamedTuple):
    """What one ask may use: tools, and the servers that it would have had if they answered."""

    tools: tuple[Tool, ...] = ()
    missing: tuple[str, ...] = ()


class Used(NamedTuple):
    """What a model is told of a use; `cut`: it is only the beginning of the result."""

    text: str
    cut: bool = False


class Toolbox:
    """Hands out tools, and uses them within their bounds."""

    def __init__(
        self,
        tools: Tools | None,
        clock: Clock,
        servers: Sequence[ToolServer] = (),
        steps_max: int = STEPS_MAX,
    ) -> None:
        """`tools` is where the servers are reached; None where there are none."""
        self.servers = tuple(servers)
        self.steps_max = steps_max
        self._tools = tools
        self._clock = clock
        self._resting: dict[str, int] = {}

    def reload(self, servers: Sequence[ToolServer], steps_max: int) -> None:
        """Take over what the operator says now; running turns keep what they were offered."""
        self.servers, self.steps_max = tuple(servers), steps_max
        self._resting.clear()

    async def kit(self, requester: Requester) -> Kit:
        """The tools for an ask. A server that does not answer costs its tools, not the ask."""
        mine = [server for server in self.servers if server.serves(requester)]
        if not mine:
            return Kit()
        listed = await asyncio.gather(*map(self._listed, mine))
        missing = [s.key for s, found in zip(mine, listed, strict=True) if found is None]
        found = [tool for tools in listed if tools for tool in tools]
        return Kit(tuple(_named(found))[:TOOLS_MAX], tuple(missing))

    async def use(self, kit: Kit, call: ToolCall, left_ms: int) -> Used:
        """Use a tool as a model asks for it; whatever becomes of that is told to the model."""
        tool = next((tool for tool in kit.tools if tool.name == call.name), None)
        server = next((s for s in self.servers if tool is not None and s.key == tool.server), None)
        if tool is None or server is None or self._tools is None:
            return Used(UNKNOWN)
        arguments = _arguments(call.arguments)
        if arguments is None:
            return Used(NO_OBJECT)
        try:
            async with self._clock.timeout(min(server.timeout_ms, left_ms)):
                text = clean(await self._tools.use(tool, arguments))
        except TimeoutError:
            _log.warning("tool %s of %s did not answer in time", tool.title, tool.server)
            return Used(LATE)
        except ToolError as error:
            _log.warning("tool %s of %s failed: %s", tool.title, tool.server, error.detail)
            return Used(FAILED)
        except Exception:  # whatever broke in it, the turn is paid for and goes on
            _log.exception("tool %s of %s broke", tool.title, tool.server)
            return Used(FAILED)
        if len(text) <= server.result_chars_max:
            return Used(text)
        kept = text[: server.result_chars_max]
        return Used(f"{kept}\n[Only the first {len(kept)} of {len(text)} characters.]", cut=True)

    async def _listed(self, server: ToolServer) -> list[Tool] | None:
        """The tools of a server that are offered; None where it does not answer."""
        now = self._clock.now()
        if self._tools is None or self._resting.get(server.key, now) > now:
            return None
        try:
            async with self._clock.timeout(START_MS):
                tools = await self._tools.offered(server.key)
        except (TimeoutError, ToolError) as error:
            detail = error.detail if isinstance(error, ToolError) else "no answer in time"
            _log.warning("[tools.%s] cannot be used: %s", server.key, detail)
            self._resting[server.key] = now + REST_MS
            return None
        return [tool for tool in tools if server.offers(tool.title) and _fits(tool)]


def _fits(tool: Tool) -> bool:
    if len(tool.schema) <= SCHEMA_CHARS_MAX:
        return True
    _log.warning("tool %s of %s is left out: too long", tool.title, tool.server)
    return False


def _named(tools: Sequence[Tool]) -> Iterator[Tool]:
    """Under names that models may have; where two would have the same one, with their servers'."""
    plain = [_NO_NAME.sub("_", tool.title)[:NAME_CHARS_MAX] for tool in tools]
    taken: set[str] = set()
    for tool, name in zip(tools, plain, strict=True):
        if plain.count(name) > 1:
            name = _NO_NAME.sub("_", f"{tool.server}_{name}")[:NAME_CHARS_MAX]  # noqa: PLW2901 - the same, told apart
        if name and name not in taken:
            taken.add(name)
            about = clean(tool.description)[:DESCRIPTION_CHARS_MAX]
            yield tool._replace(name=name, description=about)


def _arguments(text: str) -> Mapping[str, object] | None:
    """The arguments that a model wrote, None where they are none; nothing stands for no words."""
    if not text.strip():
        return {}
    if len(text) > ARGUMENTS_CHARS_MAX:
        return None
    try:
        found = json.loads(text)
    # Deep brackets exhaust the parser's stack.
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
