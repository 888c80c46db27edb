"""Shortcuts: one's quota in a window, a question about a message, what an answer took."""

import json
from typing import Any

from adapters.slack import history, post
from adapters.slack.answering import Answering
from adapters.slack.clicks import Clicks
from adapters.slack.front import Front
from adapters.slack.manifest import ASK_ABOUT, MY_QUOTA, SHOW_COST
from adapters.slack.markup import cut
from adapters.slack.orders import Orders
from adapters.slack.panels import SECTION_CHARS_MAX, filled_in, form_view, notification, section
from adapters.slack.post import Place
from adapters.slack.workspace import Workspace
from bot import text_slack
from bot.messages import BEGIN, Ask
from bot.panels import Field, Form

Json = dict[str, Any]

QUOTED_CHARS_MAX = 1_000


class Shortcuts:
    """Carries out shortcuts."""

    def __init__(self, front: Front, answering: Answering, orders: Orders, clicks: Clicks) -> None:
        """Work through these."""
        self._front = front
        self._answering = answering
        self._orders = orders
        self._clicks = clicks

    async def used(self, workspace: Workspace, body: Json) -> None:
        """Somebody used one."""
        user, trigger = str(body["user"]["id"]), str(body["trigger_id"])
        match body.get("callback_id"):
            case str(name) if name == MY_QUOTA:
                requester = await workspace.people.requester(user)
                card = await self._orders.card(
                    workspace, requester, "/quota", f"shortcut:{trigger}"
                )
                await self._clicks.modal(workspace, Place("", user), trigger, card)
            case str(name) if name == SHOW_COST:
                channel = str(body["channel"]["id"])
                message = f"{channel}:{body['message_ts']}"
                requester = await workspace.people.requester(user, channel)
                line = f"/quota receipt {message}"
                card = await self._orders.card(workspace, requester, line, f"shortcut:{trigger}")
                place = Place(channel, user, direct=channel.startswith("D"))
                await self._clicks.modal(workspace, place, trigger, card)
            case str(name) if name == ASK_ABOUT:
                await self._open(workspace, body, trigger)
            case _:
                return

    async def _open(self, workspace: Workspace, body: Json, trigger: str) -> None:
        """Ask for the question; the message travels along as its place, not as its text."""
        message = body.get("message") or {}
        memory = {
            "channel": body["channel"]["id"],
            "ts": body["message_ts"],
            "thread": message.get("thread_ts") or "",
        }
        words = self._front.words_now(workspace, str(body["user"]["id"]))
        label = words.say(text_slack.ASK_LABEL)
        field = Field("question", label, "long", chars_max=SECTION_CHARS_MAX)
        title, send = words.say(text_slack.ASK_TITLE), words.say(text_slack.ASK_SEND)
        form = Form(ASK_ABOUT, title, (field,), send)
        view = form_view(form, words.say(text_slack.CANCEL), (), memory)
        await workspace.web.views_open(trigger_id=trigger, view=view)

    async def asked(self, workspace: Workspace, body: Json) -> None:
        """The question was asked: answered where nobody but the asker reads it."""
        view = body["view"]
        memory = json.loads(view.get("private_metadata") or "{}")
        user = str(body["user"]["id"])
        question = filled_in(view.get("state") or {}).get("question", "").strip()
        channel, ts, thread = memory["channel"], memory["ts"], memory.get("thread", "")
        found = await history.message(workspace, channel, ts, thread)
        words = await self._front.words(workspace, user)
        if found is None:
            place = Place(str(channel), user, str(thread))
            await post.remark(workspace, place, words.say(text_slack.GONE))
            return
        quoted = await history.said_in(workspace, found)
        text = text_slack.about_this(words, quoted, question)
        link = await workspace.web.chat_getPermalink(channel=channel, message_ts=ts)
        head = f"<{link['permalink']}|{words.say(text_slack.ASK_TITLE)}>"
        short = cut(quoted, QUOTED_CHARS_MAX)
        quote = "\n".join(f"> {line}" for line in short.splitlines())
        opened = await workspace.web.conversations_open(users=user)
        talk = str(opened["channel"]["id"])
        posted = await workspace.web.chat_postMessage(
            channel=talk,
            text=notification(question),
            blocks=[
                {"type": "context", "elements": [{"type": "mrkdwn", "text": head}]},
                {"type": "markdown", "text": quote},
                section(question),
            ],
            metadata=history.question_metadata(text, user),
            unfurl_links=False,
            unfurl_media=False,
        )
        root = str(posted["ts"])
        requester = await workspace.people.requester(user, talk)
        place = Place(talk, user, root, direct=True)
        ask = Ask(
            f"about:{view['id']}",
            requester,
            text,
            thread=root,
            message=f"{talk}:{root}",
            parent=BEGIN,
            channel_id=talk,
            place=workspace.who.name,
        )
        await self._answering.answer(workspace, ask, place)
