"""App Home: where one stands, one's settings, and what admins look after; live while it is open.

Slack does not tell when a Home is left, so each is kept fresh for a while after it was opened, at
a bounded rate, and is sent only when something in it is new.
"""

import json
import logging
from dataclasses import replace
from typing import Any

from adapters.slack.failures import LOST
from adapters.slack.front import Front
from adapters.slack.keep import Kept
from adapters.slack.orders import Orders
from adapters.slack.panels import VIEW_BLOCKS_MAX, Json, buttons, card
from adapters.slack.workspace import Workspace
from bot import text_slack
from bot.line_actions import menu_actions
from bot.panels import Action
from bot.text_prices import sending_label
from quota.clock import pause
from quota.members import Requester

_log = logging.getLogger(__name__)

OPEN_MS = 15 * 60_000
OPEN_MAX = 1_000
# After a change a Home is sent again, but no more often than this.
REST_MS = 5_000
# What others use moves a shared pool, too: so often all open Homes are looked at again.
ROUND_MS = 60_000
ROUND_MAX = 50
MEMBER_LINES = ("/quota", "/quota history")
ADMIN_LINES = (
    "/quota-admin pool",
    "/quota-admin requests",
    "/quota-admin top 10",
    "/quota-admin limit list",
    "/quota-admin notice",
)
SETUP_LINE = "/quota-admin setup"
HOME = "home"


class Home:
    """The Homes of all workspaces."""

    def __init__(self, front: Front, orders: Orders) -> None:
        """No Home is open."""
        self._front = front
        self._orders = orders
        clock = front.bot.clock
        self._open: Kept[tuple[str, str], str] = Kept(clock, OPEN_MS, OPEN_MAX)
        self._due: set[tuple[str, str]] = set()

    async def opened(self, workspace: Workspace, user: str) -> None:
        """Somebody looks at their Home."""
        self._open.drop((workspace.who.team, user))
        await self._publish(workspace, user, "")

    def changed(self, workspace: Workspace, user: str) -> None:
        """Something that stands in somebody's Home may be different now."""
        key = (workspace.who.team, user)
        if self._open.get(key) is not None and key not in self._due:
            self._due.add(key)
            self._front.later.start(self._refresh(workspace, user), "home")

    async def keep_fresh(self) -> None:
        """Look at all open Homes now and then, for as long as Slack is served."""
        while True:
            await pause(self._front.bot.clock, ROUND_MS)
            for team, user in self._open.keys()[:ROUND_MAX]:
                workspace = self._front.workspaces.get(team)
                if workspace is not None:
                    self.changed(workspace, user)

    async def _refresh(self, workspace: Workspace, user: str) -> None:
        key = (workspace.who.team, user)
        try:
            await pause(self._front.bot.clock, REST_MS)
        finally:
            self._due.discard(key)
        await self._publish(workspace, user, self._open.get(key) or "")

    async def _publish(self, workspace: Workspace, user: str, before: str) -> None:
        """Send the Home, unless it stands there already."""
        requester = await workspace.people.requester(user)
        view = {"type": "home", "blocks": await self._blocks(workspace, requester)}
        text = json.dumps(view)
        if text == before:
            return
        try:
            await workspace.web.views_publish(user_id=user, view=view)
        except LOST as error:
            _log.info("a home could not be shown: %s", error)
            return
        self._open.put((workspace.who.team, user), text)

    async def _blocks(self, workspace: Workspace, requester: Requester) -> list[Json]:
        owner = requester.member.id
        words = await self._front.words(workspace, owner)
        settings = Action("settings", words.say(text_slack.HOME_SETTINGS), owner=owner)
        is_new = requester.is_admin and not self._is_set_up(requester)
        found: list[Json] = []
        if is_new:
            found += await self._card(workspace, requester, SETUP_LINE)
            found.append({"type": "divider"})
        for line in MEMBER_LINES:
            found += await self._card(workspace, requester, line)
        sending = Action("sending", sending_label(words), owner=owner)
        found += buttons([settings, sending], HOME)
        if requester.is_admin:
            found.append({"type": "divider"})
            found.append(_header(words.say(text_slack.HOME_ADMIN)))
            found += buttons(menu_actions(words)[1:], HOME)  # The set-up is a card here.
            for line in ADMIN_LINES if is_new else (*ADMIN_LINES, SETUP_LINE):
                found += await self._card(workspace, requester, line)
        return numbered(found)[:VIEW_BLOCKS_MAX]

    async def _card(self, workspace: Workspace, requester: Requester, line: str) -> list[Json]:
        shown = await self._orders.card(workspace, requester, line, "")
        panel = shown.panel
        if panel.chart is not None:
            panel = replace(panel, table=None)  # The bars say it already.
        return card(panel, "view", about=HOME)

    def _is_set_up(self, requester: Requester) -> bool:
        return self._front.bot.settings.space(requester.member.space).set_up


def _header(text: str) -> Json:
    return {"type": "header", "text": {"type": "plain_text", "text": text, "emoji": True}}


def numbered(blocks: list[Json]) -> list[Json]:
    """Blocks of several cards on one page: no two may have the same id."""
    found: list[dict[str, Any]] = []
    for number, block in enumerate(blocks):
        block_id = block.get("block_id")
        found.append({**block, "block_id": f"{block_id} {number}"} if block_id else block)
    return found
