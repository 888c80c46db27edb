"""Draw the Discord cards of a folder of payloads: `python discord.py PAYLOADS PICTURES`.

Needs `pip install "simcord[screenshot]==3.2.1"` in a place of its own, and Debian's chromium.
The cards are drawn at the width of a phone, by a preview of Discord that is not ours.
"""

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# This file is named after the platform; what it imports is the library of the same name.
sys.path.remove(str(Path(__file__).parent))

import discord
import simcord
from discord.http import Route
from playwright.async_api import BrowserType

PHONE = 420
# The day of the stories; times in the cards are told from here.
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
_launch = BrowserType.launch


async def _launched(browser: BrowserType, **wanted: Any) -> Any:
    wanted |= {"executable_path": "/usr/bin/chromium", "args": ["--no-sandbox"]}
    return await _launch(browser, **wanted)


async def main(payloads: Path, pictures: Path) -> None:
    BrowserType.launch = _launched
    bot = discord.Client(intents=discord.Intents.default())
    async with simcord.run(bot) as env:
        guild = env.create_guild("Homework")
        env.backend.bot_user.name = "Quotabot"
        reader = guild.add_member(env.create_user("ana"))
        names = json.loads((payloads / "people.json").read_text(encoding="utf-8"))["discord"]
        people = {known: guild.add_member(env.create_user(name)) for known, name in names.items()}
        for file in sorted(payloads.glob("discord-*.json")):
            channel = guild.create_text_channel(file.stem)
            route = Route("POST", "/channels/{channel_id}/messages", channel_id=channel.id)
            text = file.read_text(encoding="utf-8")
            for known, member in people.items():
                text = text.replace(f"<@{known}>", member.mention)
            await bot.http.request(route, json=json.loads(text))
            wanted = {"width": PHONE, "height": 1200, "presentation_time": NOON}
            async with env.preview(channel, viewers=[reader], **wanted) as preview:
                await preview.screenshot(pictures / f"{file.stem}.png")
            print(f"{file.stem}.png")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
