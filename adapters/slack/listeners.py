"""What Slack tells, and who takes it. Slack is answered first; then the work begins.

Bolt answers events before their listener runs; commands, clicks, forms and shortcuts are answered
here, before anything is asked of the books.
"""

import logging
import re
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.request.async_request import AsyncBoltRequest

from adapters.slack import commands, post
from adapters.slack.answering import Answering
from adapters.slack.clicks import Clicks, waiting_view
from adapters.slack.failures import LOST, error_of
from adapters.slack.front import Front
from adapters.slack.home import Home
from adapters.slack.manifest import ASK_ABOUT, prompts
from adapters.slack.orders import Orders
from adapters.slack.post import Place
from adapters.slack.shortcuts import Shortcuts
from adapters.slack.talking import Said, Talking
from adapters.slack.workspace import Workspace
from bot import text_slack
from bot.languages import Speech

Json = dict[str, Any]
Ack = Callable[..., Awaitable[Any]]
Taking = Callable[[Workspace, Json], Coroutine[Any, Any, None]]
_log = logging.getLogger(__name__)

# Under this name a listener leaves what begins when the answer to Slack is on its way. Bolt sends
# it some milliseconds after a listener gave it; a window could be changed before it is opened.
AFTER = "quotabot_after"
MENU = "/quota-admin"
ANY = re.compile(r".*", re.DOTALL)
GROUP_EVENTS = re.compile(r"subteam_\w+")


def begin_after(request: AsyncBoltRequest) -> None:
    """Slack has been answered: begin what a listener left for now."""
    begin = request.context.get(AFTER)
    if begin is not None:
        begin()


class Listeners:
    """All listeners of one front."""

    def __init__(
        self, front: Front, left: Callable[[Workspace], Coroutine[Any, Any, None]]
    ) -> None:
        """Take what Slack tells to these; `left` hears of workspaces that removed the app."""
        self._front = front
        self._left = left
        self.answering = Answering(front)
        self.orders = Orders(front, self.answering)
        self.talking = Talking(front, self.answering, self.orders)
        self.clicks = Clicks(front, self.orders)
        self.home = Home(front, self.orders)
        self.shortcuts = Shortcuts(front, self.answering, self.orders, self.clicks)

    def register(self, app: AsyncApp) -> None:
        """Listen."""
        events: dict[str | re.Pattern[str], Taking] = {
            "message": self._message,
            "app_mention": self._message,
            "agent_session_stopped": self._stopped,
            "app_home_opened": self._opened,
            "tokens_revoked": self._revoked,
            "app_uninstalled": self._revoked,
            "user_change": self._user_changed,
            GROUP_EVENTS: self._groups_changed,
        }
        for name, taking in events.items():
            app.event(name)(self._event(taking))
        app.command(ANY)(self._command)
        app.action(ANY)(self._action)
        app.shortcut(ANY)(self._shortcut)
        app.view(ANY)(self._submitted)
        app.error(self._broke)

    # Taking.

    def _event(self, taking: Taking) -> Callable[..., Awaitable[None]]:
        async def take(body: Json, event: Json, context: AsyncBoltContext) -> None:
            workspace = self._front.workspaces.get(context.team_id or "")
            event_id = f"event {body.get('event_id')}"
            if workspace is not None and self._front.seen.first(event_id, value=True):
                self._front.tasks.start(taking(workspace, event), f"event {event.get('type')}")

        return take

    async def _command(self, ack: Ack, body: Json, context: AsyncBoltContext) -> None:
        self._then(context, f"command {body['trigger_id']}", self._typed, body)
        await ack()

    async def _action(self, ack: Ack, body: Json, context: AsyncBoltContext) -> None:
        self._then(context, f"click {body['trigger_id']}", self._clicked, body)
        await ack()

    async def _shortcut(self, ack: Ack, body: Json, context: AsyncBoltContext) -> None:
        self._then(context, f"shortcut {body['trigger_id']}", self.shortcuts.used, body)
        await ack()

    async def _submitted(self, ack: Ack, body: Json, context: AsyncBoltContext) -> None:
        view = body["view"]
        name = f"form {view['id']} {view.get('hash')}"
        if view.get("callback_id") == ASK_ABOUT:
            self._then(context, name, self.shortcuts.asked, body)
            await ack()
            return
        self._then(context, name, self._sent, body)
        await ack(response_action="update", view=waiting_view(view, self._words(context, body)))

    def _words(self, context: AsyncBoltContext, body: Json) -> Speech:
        workspace = self._front.workspaces.get(context.team_id or "")
        user = str(body["user"]["id"])
        return self._front.words_now(workspace, user) if workspace is not None else Speech()

    def _then(self, context: AsyncBoltContext, name: str, taking: Taking, body: Json) -> None:
        """What is done once Slack has its answer, unless the same was told before."""
        workspace = self._front.workspaces.get(context.team_id or "")
        if workspace is None:
            return
        start, kind = self._front.tasks.start, name.partition(" ")[0]
        context[AFTER] = lambda: start(self._first(workspace, name, taking, body), kind)

    async def _first(self, workspace: Workspace, name: str, taking: Taking, body: Json) -> None:
        if await self._front.claims(workspace, name):
            await taking(workspace, body)

    async def _broke(self, error: Exception) -> None:
        _log.error("something Slack told could not be taken", exc_info=error)

    # What it is about.

    async def _message(self, workspace: Workspace, event: Json) -> None:
        said = Said.read(event)
        if said is not None and said.user != workspace.who.bot_user:
            await self.talking.said(workspace, said)
            self.home.changed(workspace, said.user)

    async def _stopped(self, workspace: Workspace, event: Json) -> None:
        channel, thread = str(event["channel"]), str(event.get("thread_ts", ""))
        await self.answering.stopped(workspace, channel, thread, str(event["user"]))

    async def _clicked(self, workspace: Workspace, body: Json) -> None:
        await self.clicks.clicked(workspace, body)
        self.home.changed(workspace, str(body["user"]["id"]))

    async def _sent(self, workspace: Workspace, body: Json) -> None:
        await self.clicks.submitted(workspace, body)
        self.home.changed(workspace, str(body["user"]["id"]))

    async def _opened(self, workspace: Workspace, event: Json) -> None:
        """Somebody opened the talk with the bot, or their Home."""
        user = str(event["user"])
        if event.get("tab") == "home":
            await self.home.opened(workspace, user)
            return
        words = await self._front.words(workspace, user)
        try:
            await workspace.web.assistant_threads_setSuggestedPrompts(
                channel_id=str(event["channel"]),
                title=words.say(text_slack.PROMPTS_TITLE),
                prompts=prompts(words),
            )
        except LOST as error:
            # The manifest has the same ones in English; an app that is no agent has none.
            _log.info("prompts: %s", error_of(error) or error)

    async def _revoked(self, workspace: Workspace, event: Json) -> None:
        tokens = (event.get("tokens") or {}).get("bot")
        if event["type"] == "app_uninstalled" or workspace.who.bot_user in (tokens or ()):
            await self._left(workspace)

    async def _user_changed(self, workspace: Workspace, event: Json) -> None:
        workspace.people.forget(str((event.get("user") or {}).get("id", "")))

    async def _groups_changed(self, workspace: Workspace, event: Json) -> None:
        await workspace.people.refresh()

    async def _typed(self, workspace: Workspace, body: Json) -> None:
        """A slash command; Slack has none in threads."""
        front, people = self._front, workspace.people
        channel, user = str(body["channel_id"]), str(body["user_id"])
        text = str(body.get("text") or "")
        requester = await people.requester(user, channel, str(body.get("channel_name") or ""))
        place = Place(
            channel, user, "", channel.startswith("D"), str(body.get("response_url") or "")
        )
        command = commands.slash(
            str(body["command"]), text, front.config.prefix, front.config.single, people.naming
        )
        event = str(body["trigger_id"])
        if command.name == "ask":
            await self.talking.asked(workspace, requester, command.rest, place, event)
            self.home.changed(workspace, user)
            return
        card = await self.orders.card(workspace, requester, command.line, f"command:{event}")
        if command.line == MENU and card.panel.actions:
            # The menu of those who govern; for all others it is a word that they may not.
            await self.clicks.modal(workspace, place, event, card, is_menu=True)
        else:
            await post.show(workspace, place, card)
        self.home.changed(workspace, user)
