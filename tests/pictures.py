"""Scenes on both platforms whose main cards are drawn for the documents: the bot's very payloads.

`python -m tests.pictures FOLDER` plays them on loopback and writes one JSON file per card;
docs/pictures/README.md says how they become PNGs.
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bot.ports import Finished, ModelCall, TextDelta, UsageReport
from quota.units import Usage
from tests.adapters.slack_kit import on_slack, our_app, press
from tests.discord_kit import story
from tests.scripted import Script, Step, tokens_of
from tests.servers.discord import Message as DiscordMessage
from tests.servers.discord import Permission
from tests.servers.slack import Slack

QUESTION = "@bot why is the sky blue?"
ANSWER = """\
Sunlight is a mix of all colours. Air molecules scatter **short waves** far more than long ones:

```python
blue, red = 450e-9, 700e-9
print(round((red / blue) ** 4, 1))  # 5.9 times as much
```
So wherever you look, some of the blue reaches you from the side."""
LIMITS = ("2000 tokens/day", "60 requests/day")
REQUEST = ("1k tokens", "Exam on Friday, two problem sheets to go.")
REASON = "exam week"


def sky(tokens: int) -> Script:
    """The answer, reported as taking so many tokens."""

    def script(call: ModelCall) -> Sequence[Step]:
        asked = tokens_of(call)
        usage = Usage(input=asked, output=tokens - asked)
        return TextDelta(ANSWER), Finished("stop"), UsageReport(usage)

    return script


class Album:
    """Where the payloads are put."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def discord(self, name: str, message: DiscordMessage) -> None:
        shown: dict[str, Any] = {"components": message.components, "flags": message.flags & 1 << 15}
        if message.content:
            shown["content"] = message.content
        self._keep(f"discord-{name}.json", shown)

    def slack(self, name: str, blocks: Any) -> None:
        self._keep(f"slack-{name}.json", {"blocks": blocks})

    def people(self, **names: dict[str, str]) -> None:
        """Who stands behind the ids, for who draws."""
        known = self.folder / "people.json"
        before = json.loads(known.read_text(encoding="utf-8")) if known.exists() else {}
        known.write_text(json.dumps(before | names), encoding="utf-8")

    def _keep(self, file: str, shown: dict[str, Any]) -> None:
        text = json.dumps(shown, ensure_ascii=False, indent=1)
        (self.folder / file).write_text(text, encoding="utf-8")
        print(file)


async def on_discord(album: Album, books: Path) -> None:
    """Homework: ana asks until the day is used up, ada governs."""
    limits = json.dumps(LIMITS)
    async with story(books, limits, discord='alert_channel = "admins"') as told:
        guild = told.discord.guild("Homework")
        ada = guild.member("ada", roles=[guild.role("Admin", Permission.MANAGE_GUILD)])
        ana, supporters = guild.member("ana"), guild.role("Supporter")
        general, admins = guild.channel("general"), guild.channel("admins")
        album.people(discord={str(each.id): each.name for each in (ada, ana)})
        told.model.next(sky(1_240), sky(700))
        answer = await told.ended(general, await ana.says(general, QUESTION))
        album.discord("answer", answer)
        cost = await (await ana.uses("Show cost", answer)).reply()
        album.discord("receipt", await cost.settled())
        card = await (await ana.slash(general, "quota")).reply()
        album.discord("quota", await card.settled())
        await told.ended(general, await ana.says(general, QUESTION))
        refusal = await told.ended(general, await ana.says(general, QUESTION))
        album.discord("refusal", refusal)
        opened = await ana.clicks(refusal, "Ask for more")
        more = {"How much": REQUEST[0], "What for": REQUEST[1]}
        await (await ana.fills(opened.modal, more)).reply()
        album.discord("request", await admins.answer())
        wanted = {"amount": "5k", "per": "day", "target": supporters, "reason": REASON}
        preview = await (await ada.slash(general, "quota-admin limit set", **wanted)).reply()
        album.discord("preview", await preview.settled())


async def in_slack(album: Album, books: Path) -> None:
    """The same in Slack, and Home as a member and as an admin see it."""
    settings = 'admins = ["@quota-admins"]\nalert_channel = "quota-alerts"'
    async with Slack(our_app()) as slack:
        slack.pace.off()
        team = slack.team("Acme")
        ada, ana = team.user("ada", groups=["quota-admins"]), team.user("ana")
        general, alerts = team.channel("general"), team.channel("quota-alerts")
        async with on_slack(slack, books, *LIMITS, settings=settings) as there:
            album.people(slack={each.id: each.name for each in (ada, ana)})
            there.model.next(sky(1_240), sky(700))
            answer = await there.answer_to(await ana.says(general, QUESTION))
            text = {"type": "markdown", "text": answer.stream.text if answer.stream else ""}
            album.slack("answer", [text, *answer.blocks])
            cost = await (await ana.uses_shortcut("show_cost", answer)).modal()
            album.slack("receipt", cost.blocks)
            album.slack("quota", (await (await ana.command(general, "/quota")).answer()).blocks)
            await ana.opens_home()
            await there.rests()
            album.slack("home", team.homes[ana.id].blocks)
            await there.answer_to(await ana.says(general, QUESTION))
            await ana.says(general, QUESTION)
            await there.rests()
            refusal = next(m for m in reversed(team.sees(ana, general)) if m.is_ephemeral)
            album.slack("refusal", refusal.blocks)
            form = await (await press(ana, refusal, "Ask for more")).modal()
            await ana.submits(form, {"amount": REQUEST[0], "why": REQUEST[1]})
            await there.rests()
            album.slack("request", next(m for m in alerts.messages if m.by_bot).blocks)
            line = f"limit set 5k tokens per day for everyone -- {REASON}"
            preview = await (await ada.command(general, "/quota-admin", line)).answer()
            album.slack("preview", preview.blocks)
            await ada.opens_home()
            await there.rests()
            album.slack("home-admin", team.homes[ada.id].blocks)
            menu = await (await ada.command(general, "/quota-admin")).modal()
            album.slack("menu", menu.blocks)


async def main(folder: Path) -> None:
    album = Album(folder)
    for scene in (on_discord, in_slack):
        with tempfile.TemporaryDirectory(prefix="pictures-") as books:
            await scene(album, Path(books))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
