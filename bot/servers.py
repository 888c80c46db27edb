"""The servers that models are reached at, and those that have tools: part of the door."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from bot.config_values import Config, ModelConfig
    from bot.ports import ChatModel
    from quota.clock import Clock


class Servers:
    """Models at the same server share its connections; `tools` are reached when they are needed."""

    def __init__(
        self,
        config: "Config",
        clock: "Clock",
        given: "Mapping[str, ChatModel] | None" = None,
        errors: TextIO | None = None,
    ) -> None:
        """`given` are used as they are; `errors` is where programs with tools may complain."""
        from adapters.mcp_tools import McpTools

        self.tools = McpTools(config.tools, clock, errors)
        self._given = given or {}
        self._open: dict[tuple[str, str, str | None], ChatModel] = {}
        self._warming: set[asyncio.Task[None]] = set()

    def of(self, model: "ModelConfig") -> "ChatModel":
        """What speaks to the server of a model."""
        from adapters.offline_chat import OfflineChat
        from adapters.openai_chat import OpenAIChat, output_cap_field_for

        if model.key in self._given:
            return self._given[model.key]
        key = (model.base_url, model.api_key, model.output_cap_field)
        if key not in self._open:
            field = model.output_cap_field or output_cap_field_for(model.base_url)
            self._open[key] = (
                OfflineChat()
                if model.offline
                else OpenAIChat(
                    base_url=model.base_url, api_key=model.api_key, output_cap_field=field
                )
            )
        return self._open[key]

    def warm_up(self) -> None:
        """Load what the first call would have to wait for, in the background."""
        from adapters.openai_chat import OpenAIChat

        for server in self._open.values():
            if isinstance(server, OpenAIChat):
                task = asyncio.create_task(server.warm_up())
                self._warming.add(task)
                task.add_done_callback(self._warming.discard)

    async def close(self) -> None:
        """Let go of all connections. Those of servers that a reload left behind end here, too."""
        if self._warming:
            await asyncio.wait(self._warming)
        await self.tools.close()
        for server in self._open.values():
            await server.close()
