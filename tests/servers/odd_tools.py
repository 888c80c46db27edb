"""An MCP server with the tools that no published one has: slow, noisy, telling, growing.

Run as a program, it speaks over its pipes.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

from mcp.server import MCPServer
from mcp_types import ImageContent, TextContent

server = MCPServer("odd")


@server.tool(description="Says hello")
def hello() -> str:
    return "hello"


@server.tool(description="Takes a minute, and leaves a file in its folder as it begins")
async def nap() -> str:
    await asyncio.to_thread(Path("napping").touch)
    await asyncio.sleep(60)
    return "rested"


@server.tool(description="Tells its environment")
def env() -> str:
    return json.dumps(dict(os.environ))


@server.tool(description="Shows a picture", structured_output=False)
def picture() -> list[TextContent | ImageContent]:
    return [TextContent(text="before"), ImageContent(data="AA==", mime_type="image/png")]


@server.tool(description="Writes a password beside its answer")
def noisy() -> str:
    sys.stderr.write("hunter2\n")
    # What is no message at all, between the messages.
    sys.stdout.write("hunter2\n")
    sys.stdout.flush()
    return "done"


@server.tool(description="Has one more tool from then on")
def learn() -> str:
    server.add_tool(hello, name="learned_0", description="New")
    return "learned"


if __name__ == "__main__":
    server.run("stdio")
