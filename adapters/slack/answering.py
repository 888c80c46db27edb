"""From an ask to its one answer in Slack, and what stops it on the way."""

import asyncio
import logging
from dataclasses import replace

from adapters.slack import post
from adapters.slack.front import Answered, Front, Running
from adapters.slack.leftover import Left
from adapters.slack.post import Place
from adapters.slack.private import PrivateStream
from adapters.slack.stream import SlackStream
from adapters.slack.workspace import Workspace
from bot import text_slack
from bot.messages import Ask, Failure
from bot.outcome import reference
from bot.permissions import may_press
from bot.pressing import Pressed, Shown

_log = logging.getLogger(__name__)


class Answering:
    """Answers asks, many at once."""

    def __init__(self, front: Front) -> None:
        """Answer at this front."""
        self._front = front

    async def answer(
        self,
        workspace: Workspace,
        ask: Ask,
        place: Place,
        *,
        about: str = "",
        in_thread: bool = True,
    ) -> None:
        """Answer one ask in a place; whatever happens, the status of the thread moves on.

        `about` is the id of the question's message. Without a thread the answer is private.
        """
        front = self._front
        author = (await workspace.people.person(ask.requester.member.id)).name
        ask = replace(ask, author=author, channel_id=place.channel, place=workspace.who.name)
        about = about or ask.message
        words = await front.words(workspace, ask.requester.member.id)
        reply: SlackStream | PrivateStream = PrivateStream(workspace, place, words, about)
        if place.thread:
            stop = front.bot.chat.stop_action(ask, words)
            reply = SlackStream(workspace, place, about, words, stop=stop, in_thread=in_thread)
        front.running[ask.event] = Running(ask, place)
        if place.thread:
            left = Left(workspace.who.team, place.channel, place.thread, about)
            front.leftover.begin(ask.event, left)
        working = asyncio.create_task(
            workspace.working(place.channel, place.thread, words.say(text_slack.LOADING))
        )
        try:
            front.bot.commands.meet(ask.requester)
            await front.bot.chat.handle(ask, reply, words)
        except Exception:  # whatever broke, whoever asked is told once
            ref = reference()
            _log.exception("an ask could not be answered ref=%s", ref)
            await reply.finish(Failure("internal", words.internal(ref)))
        finally:
            front.running.pop(ask.event, None)
            await working
            await workspace.rested(
                place.channel, place.thread, told=reply.told_rest, streamed=reply.has_streamed
            )
            front.leftover.end(ask.event)
            if isinstance(reply, SlackStream):
                self._remember(place, about, ask.requester.member.id, reply)

    def _remember(self, place: Place, about: str, owner: str, reply: SlackStream) -> None:
        if reply.messages:
            key = (place.channel, place.thread)
            self._front.threads.put(key, value=True)
            answered = Answered(reply.messages[-1], about, owner, reply.model)
            self._front.answered.put(key, answered)

    async def stopped(self, workspace: Workspace, channel: str, thread: str, user: str) -> None:
        """Somebody pressed Slack's own Stop: the status moves on, whoever that was."""
        front = self._front
        requester = await workspace.people.requester(user, channel)
        refused = False
        running = front.running_in(workspace, channel, thread)
        for one in running:
            owner = one.ask.requester.member.id
            if may_press(requester, "stop", owner):
                front.bot.chat.stop(one.ask.event)
            elif not refused:
                refused = True
                pressed = Pressed(requester, "stop", one.ask.id, owner)
                pressing = await front.bot.actions.press(
                    pressed, await front.words(workspace, user)
                )
                if isinstance(pressing, Shown):
                    place = replace(one.place, user=user)
                    await post.show(workspace, place, pressing.card)
        if refused or not running:
            status = "processing" if refused else "active"
            await workspace.moved_on(channel, thread, status)
