"""Buttons, menus and forms: each answered at once, then carried out, then shown.

What a click or a submission is about travels within it, so it works after a restart. Who may is
decided behind the port (bot/actions.py), each time anew.
"""

import json
import logging
from dataclasses import dataclass, replace
from typing import Any

from slack_sdk.errors import SlackApiError

from adapters.slack import post
from adapters.slack.failures import LOST, error_of
from adapters.slack.front import Front
from adapters.slack.markup import channel_meant, is_member
from adapters.slack.orders import Orders
from adapters.slack.panels import (
    Click,
    card,
    filled_in,
    form_view,
    notification,
    section,
    shown_view,
    unpacked,
)
from adapters.slack.post import Place
from adapters.slack.workspace import Workspace
from bot import text_slack
from bot.languages import Speech
from bot.messages import Card
from bot.panels import Form
from bot.pressing import Pressed, Shown

Json = dict[str, Any]
_log = logging.getLogger(__name__)

# The form that tells the admins of an answer, who must be able to find it.
REPORT = "report"
_LATE = frozenset({"expired_trigger_id", "exchanged_trigger_id"})


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a click came from: a message, or a view (`view_id`)."""

    place: Place
    message: str = ""
    view_id: str = ""
    is_modal: bool = False
    is_private: bool = False

    @classmethod
    def of(cls, body: Json) -> "Spot":
        """Read it from a click."""
        user = str(body["user"]["id"])
        container = body.get("container") or {}
        channel = str((body.get("channel") or {}).get("id") or container.get("channel_id") or "")
        if not channel:
            view = body.get("view") or {}
            memory = _memory(view)
            place = Place(
                str(memory.get("channel", "")),
                user,
                str(memory.get("thread", "")),
                bool(memory.get("direct")),
            )
            return cls(place, view_id=str(view.get("id", "")), is_modal=view.get("type") == "modal")
        ts = str(container.get("message_ts", ""))
        message = body.get("message") or {}
        thread = str(container.get("thread_ts") or message.get("thread_ts") or "")
        place = Place(
            channel, user, thread, channel.startswith("D"), str(body.get("response_url") or "")
        )
        return cls(place, f"{channel}:{ts}", is_private=bool(container.get("is_ephemeral")))

    @property
    def memory(self) -> Json:
        """What a form must bring back."""
        return {**memory_of(self.place), "message": self.message, "private": self.is_private}


def memory_of(place: Place) -> Json:
    """A place, as a view keeps it in mind."""
    return {
        "channel": place.channel,
        "thread": place.thread,
        "direct": place.direct,
        "respond_at": place.respond_at,
    }


class Clicks:
    """Carries out what was clicked and what was submitted."""

    def __init__(self, front: Front, orders: Orders) -> None:
        """Work at this front."""
        self._front = front
        self._orders = orders

    async def clicked(self, workspace: Workspace, body: Json) -> None:
        """A button, a thumb, or a row of a menu."""
        action = body["actions"][0]
        value = action.get("value") or (action.get("selected_option") or {}).get("value") or ""
        click = unpacked(str(value), str(action.get("block_id", "")))
        if click is None:
            _log.info("a click on something unknown: %s", action.get("action_id"))
            return
        spot = Spot.of(body)
        name = str((body.get("channel") or {}).get("name") or "")
        user = spot.place.user
        requester = await workspace.people.requester(user, spot.place.channel, name)
        trigger = str(body["trigger_id"])
        pressed = Pressed(
            requester, click.name, click.subject, click.owner, trigger, spot.message or spot.view_id
        )
        words = await self._front.words(workspace, user)
        form = self._front.bot.actions.form(pressed, words)
        if form is not None:
            await self._open(workspace, form, spot, trigger, click.about)
            return
        about = click.about or spot.message
        shown = await self._orders.pressed(workspace, pressed, self._beside(spot, click), about)
        if shown is not None:
            await self._show(workspace, spot, shown, trigger, click.about)

    def _beside(self, spot: Spot, click: Click) -> Place:
        """Where an answer that a click asks for belongs: into the thread of its question."""
        channel, _, ts = click.about.partition(":")
        if spot.place.thread or not ts or channel != spot.place.channel:
            return spot.place
        return replace(spot.place, thread="" if spot.is_private else ts)

    async def submitted(self, workspace: Workspace, body: Json) -> None:
        """A form; its modal waits, and becomes what comes of it."""
        view = body["view"]
        memory = _memory(view)
        user, channel = str(body["user"]["id"]), str(memory.get("channel", ""))
        place = Place(
            channel,
            user,
            str(memory.get("thread", "")),
            bool(memory.get("direct")),
            str(memory.get("respond_at", "")),
        )
        requester = await workspace.people.requester(user, channel)
        values, message = await self._meant(workspace, view), str(memory.get("message", ""))
        if view["callback_id"] == REPORT:
            values["link"] = await post.link_to(workspace, message)
        pressed = Pressed(
            requester,
            str(view["callback_id"]),
            str(memory.get("subject", "")),
            event=f"{view['id']}:{view.get('hash', '')}",
            message=message,
            values=values,
        )
        about = str(memory.get("about", ""))
        shown = await self._orders.pressed(workspace, pressed, place, about)
        if shown is None:
            return
        await self._update(workspace, str(view["id"]), user, shown.card, memory)
        if shown.replaces and pressed.message and not memory.get("private"):
            await self._replace(workspace, pressed.message, shown.card, about)

    async def _meant(self, workspace: Workspace, view: Json) -> dict[str, str]:
        """What was filled in, a channel also by its name.

        In a typed line Slack has marked nothing, so a channel is found by what it is called.
        """
        values, people = filled_in(view.get("state") or {}), workspace.people
        for block in view.get("blocks", ()):
            name = str(block.get("block_id", ""))
            is_channel = (block.get("element") or {}).get("type") == "conversations_select"
            if is_channel and values.get(name):
                values[f"{name}.name"] = await people.channel_name(values[name])
        line = values.get("line", "")
        found = channel_meant(line)
        if found is not None:
            channel = await people.channel_id(found[1]) or found[1]
            values["line"] = f"{line[: found.start(1)]}{channel}{line[found.end(1) :]}"
        return values

    # Showing what came of it.

    async def _show(
        self, workspace: Workspace, spot: Spot, shown: Shown, trigger: str, about: str
    ) -> None:
        if spot.is_modal:
            await self._update(workspace, spot.view_id, spot.place.user, shown.card, spot.memory)
        elif spot.view_id:
            await self.modal(workspace, spot.place, trigger, shown.card)
        elif shown.replaces and not spot.is_private:
            await self._replace(workspace, spot.message, shown.card, about)
        elif shown.replaces:
            await post.show(workspace, spot.place, shown.card, about=about, replace=True)
        else:
            there = spot.place if spot.is_private else replace(spot.place, respond_at="")
            await post.show(workspace, there, shown.card, about=about)

    async def _replace(self, workspace: Workspace, message: str, shown: Card, about: str) -> None:
        channel, _, ts = message.partition(":")
        for plain in (False, True):
            try:
                await workspace.web.chat_update(
                    channel=channel,
                    ts=ts,
                    text=notification(shown.text),
                    blocks=card(shown.panel, about=about, plain=plain),
                )
                return
            except LOST as error:
                _log.info("a card could not be replaced: %s", error)

    async def modal(
        self,
        workspace: Workspace,
        place: Place,
        trigger: str,
        shown: Card,
        *,
        is_menu: bool = False,
    ) -> None:
        """Show a card in a window of its own; as any other one where that is too late.

        Without a channel that is in the talk with the bot. A menu has its buttons above.
        """
        blocks = card(shown.panel, "view")
        if is_menu:
            blocks.sort(key=lambda block: block["type"] not in {"header", "actions"})
        close = self._front.words_now(workspace, place.user).say(text_slack.CLOSE)
        view = shown_view(shown.panel.title, blocks, close, memory_of(place))
        try:
            await workspace.web.views_open(trigger_id=trigger, view=view)
        except SlackApiError as error:
            if error_of(error) not in _LATE:
                raise
            if place.channel:
                await post.show(workspace, place, shown)
                return
            blocks = card(shown.panel)
            await post.directly(workspace, place.user, notification(shown.text), blocks)

    async def _update(
        self, workspace: Workspace, view_id: str, user: str, shown: Card, memory: Json
    ) -> None:
        close = self._front.words_now(workspace, user).say(text_slack.CLOSE)
        view = shown_view(shown.panel.title, card(shown.panel, "view"), close, memory)
        try:
            await workspace.web.views_update(view_id=view_id, view=view)
        except SlackApiError as error:
            # Closed in the meantime; what was done is done, and stands in the audit.
            _log.info("a form was gone: %s", error_of(error))

    async def _open(
        self, workspace: Workspace, form: Form, spot: Spot, trigger: str, about: str
    ) -> None:
        memory = {**spot.memory, "subject": form.subject, "about": about}
        form = await self._preset(workspace, form)
        words = self._front.words_now(workspace, spot.place.user)
        cancel = words.say(text_slack.CANCEL)
        view = form_view(form, cancel, workspace.people.group_names, memory)
        opening = workspace.web.views_push if spot.is_modal else workspace.web.views_open
        try:
            await opening(trigger_id=trigger, view=view)
        except SlackApiError as error:
            if error_of(error) not in _LATE:
                raise
            there = replace(spot.place, respond_at="")
            await post.remark(workspace, there, words.say(text_slack.TOO_LATE))

    async def _preset(self, workspace: Workspace, form: Form) -> Form:
        """What stands in it already, by ids: of a name Slack would refuse the whole form."""
        fields = []
        for field in form.fields:
            value = field.value
            if value and field.kind == "channel":
                value = await workspace.people.channel_id(value)
            elif value and field.kind == "member" and not is_member(value):
                value = ""
            fields.append(replace(field, value=value))
        return replace(form, fields=tuple(fields))


def waiting_view(view: Json, words: Speech) -> Json:
    """What a form shows while it is being carried out."""
    title = str((view.get("title") or {}).get("text") or words.say(text_slack.WORKING))
    waiting = [section(words.say(text_slack.WORKING))]
    return shown_view(title, waiting, words.say(text_slack.CLOSE), _memory(view))


def _memory(view: Json) -> Json:
    try:
        found = json.loads(view.get("private_metadata") or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
