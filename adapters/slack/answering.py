"""From a message of a person to its one answer, and what stops it on the way."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from adapters.slack import commands, history, post
from adapters.slack.commands import Command
from adapters.slack.files import take
from adapters.slack.front import Answered, Front, Running
from adapters.slack.markup import plain, without
from adapters.slack.panels import context, notification
from adapters.slack.post import Place
from adapters.slack.private import PrivateStream
from adapters.slack.stream import SlackStream
from adapters.slack.workspace import LOST, Workspace
from bot import text_slack
from bot.commands import Typed
from bot.messages import Ask, Card, Failure, Utterance
from bot.outcome import reference
from bot.panels import Action
from bot.permissions import may_press
from bot.pressing import AskAgain, Pressed, Shown
from bot.settings import ChannelMode
from quota.errors import StoreUnavailableError
from quota.members import Requester

_log = logging.getLogger(__name__)

# What people write themselves; all else is joins, edits and the like.
SUBTYPES = frozenset({None, "file_share", "thread_broadcast", "me_message"})


@dataclass(frozen=True, slots=True)
class Said:
    """A message of a person as an event tells it."""

    channel: str
    ts: str
    thread: str
    user: str
    text: str
    is_direct: bool
    files: Sequence[dict[str, Any]] = ()

    @classmethod
    def read(cls, event: dict[str, Any]) -> "Said | None":
        """None for what no person wrote, or what is no message to answer."""
        if event.get("bot_id") or event.get("hidden") or event.get("subtype") not in SUBTYPES:
            return None
        if not event.get("user") or not event.get("ts"):
            return None
        channel = str(event["channel"])
        return cls(
            channel,
            str(event["ts"]),
            str(event.get("thread_ts") or ""),
            str(event["user"]),
            str(event.get("text") or ""),
            event.get("channel_type") == "im" or channel.startswith("D"),
            tuple(event.get("files") or ()),
        )

    @property
    def id(self) -> str:
        """The same for the mention and for the message that one post makes."""
        return f"{self.channel}:{self.ts}"

    @property
    def root(self) -> str:
        """The thread that it is in, or begins."""
        return self.thread or self.ts

    @property
    def place(self) -> Place:
        """Where it is answered."""
        return Place(self.channel, self.user, self.root, self.is_direct)


class Answering:
    """Takes messages and questions, many at once."""

    def __init__(self, front: Front) -> None:
        """Answer at this front."""
        self._front = front

    async def said(self, workspace: Workspace, said: Said) -> None:
        """Answer a message if it is for the bot; the mention and the message of a post are one."""
        front = self._front
        mention = f"<@{workspace.who.bot_user}"
        is_mention = mention in said.text
        if not (said.is_direct or is_mention or await self._follows(workspace, said)):
            return
        if not front.seen.first(f"{workspace.who.team} {said.id}", value=True):
            return
        people = workspace.people
        await people.learn(said.text)
        text = without(said.text, workspace.who.bot_user)
        requester = await people.requester(said.user, said.channel)
        command = commands.in_thread(text, people.naming) or (
            commands.mentioned(text) if is_mention or said.is_direct else None
        )
        if command is not None:
            await self.command(workspace, requester, command, _shown_at(said), said.id)
            return
        if self._mode(workspace, said.channel, requester.channel) == "off" and not said.is_direct:
            await post.remark(workspace, _shown_at(said), text_slack.OFF_HERE)
            return
        words = plain(text, people.naming).strip()
        if not words and not said.files:
            return
        taken = await take(workspace, said.files)
        ask = Ask(
            said.id,
            requester,
            words,
            thread=said.root,
            attachments=taken.texts,
            images=taken.images,
            message=said.id,
            left_out=taken.left_out,
            earlier=partial(history.earlier, workspace, said.channel, said.root),
        )
        await self.answer(workspace, ask, said.place, in_thread=bool(said.thread))

    async def _follows(self, workspace: Workspace, said: Said) -> bool:
        """Whether a message without a mention is for the bot, by the mode of its channel."""
        name = await workspace.people.channel_name(said.channel)
        mode = self._mode(workspace, said.channel, name)
        if mode in {"off", "mention"}:
            return False
        if not said.thread:
            return mode == "auto-thread"
        return await self._has_spoken(workspace, said.channel, said.thread)

    def _mode(self, workspace: Workspace, channel: str, name: str) -> ChannelMode:
        front = self._front
        chosen = front.bot.settings.channel(workspace.space, channel).mode
        config = front.bot.config.channels.get(name) or front.bot.config.channels.get(channel)
        return chosen or (config.mode if config is not None else "") or front.config.channel_mode

    async def _has_spoken(self, workspace: Workspace, channel: str, root: str) -> bool:
        """Whether the bot takes part in a thread: from memory, after a restart from Slack."""
        front, key = self._front, (channel, root)
        known = front.threads.get(key)
        if known is None:
            found = await history.thread(workspace, channel, root)
            known = any(history.is_ours(workspace, one) for one in found)
            front.threads.put(key, known)
        return known

    # Answering.

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
        about = about or ask.message
        reply: SlackStream | PrivateStream = PrivateStream(workspace, place, front.words, about)
        if place.thread:
            stop = Action("stop", text_slack.STOP, ask.id, ask.requester.member.id, "danger")
            reply = SlackStream(
                workspace, place, about, front.words, stop=stop, in_thread=in_thread
            )
        front.running[ask.event] = Running(ask, place)
        working = asyncio.create_task(
            workspace.working(place.channel, place.thread, text_slack.LOADING)
        )
        try:
            front.bot.commands.meet(ask.requester)
            await front.bot.chat.handle(ask, reply, front.words)
        except Exception:  # whatever broke, whoever asked is told once
            ref = reference()
            _log.exception("an ask could not be answered ref=%s", ref)
            await reply.finish(Failure("internal", front.words.internal(ref)))
        finally:
            front.running.pop(ask.event, None)
            await working
            await workspace.rested(place.channel, place.thread, told=reply.told_rest)
            self._remember(place, about, ask.requester.member.id, reply.messages)

    def _remember(self, place: Place, about: str, owner: str, messages: Sequence[str]) -> None:
        if messages and place.thread:
            key = (place.channel, place.thread)
            self._front.threads.put(key, value=True)
            self._front.answered.put(key, Answered(messages[-1], about, owner))

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
                pressing = await front.bot.actions.press(pressed, front.words)
                if isinstance(pressing, Shown):
                    place = replace(one.place, user=user)
                    await post.show(workspace, place, pressing.card)
        if refused or not running:
            status = "processing" if refused else "active"
            await workspace.moved_on(channel, thread, status)

    # Commands.

    async def command(
        self, workspace: Workspace, requester: Requester, command: Command, place: Place, event: str
    ) -> None:
        """Carry out a command and show its card to whoever gave it."""
        if command.name == "regenerate":
            await self._regenerate(workspace, requester, command.rest, place, event)
            return
        card = await self.card(requester, command.line, event, place.thread)
        await post.show(workspace, place, card)

    async def card(self, requester: Requester, line: str, event: str, thread: str = "") -> Card:
        """What a command says; that the books cannot be reached is said as a card, too."""
        front = self._front
        typed = Typed(requester, line, thread, previews=True, event=event)
        front.bot.commands.meet(requester)
        try:
            return await front.bot.commands.run(typed, front.words)
        except StoreUnavailableError:
            panel = front.words.mistake(front.words.not_written())
            return Card(panel, front.words.not_written())

    async def _regenerate(
        self, workspace: Workspace, requester: Requester, model: str, place: Place, event: str
    ) -> None:
        """`!regenerate`: the newest answer of this thread once more."""
        front = self._front
        last = front.answered.get((place.channel, place.thread))
        last = last or await self._last_answer(workspace, place)
        if last is None:
            await post.remark(workspace, place, text_slack.NOTHING_TO_REPEAT)
            return
        name = "use" if model else "again"
        pressed = Pressed(requester, name, model, last.owner, event, last.message)
        await self.pressed(workspace, pressed, place, last.question)

    async def _last_answer(self, workspace: Workspace, place: Place) -> Answered | None:
        """The newest answer as Slack has it."""
        question: tuple[str, str] | None = None
        last: Answered | None = None
        for one in await history.thread(workspace, place.channel, place.thread):
            name = f"{place.channel}:{one['ts']}"
            posted = history.question_in(one)
            if posted is not None:
                question = (name, str(posted.get("user", "")))
            elif not history.is_ours(workspace, one):
                if not str(one.get("text", "")).startswith("!"):
                    question = (name, str(one.get("user", "")))
            elif question is not None:
                last = Answered(name, *question)
        return last

    # Asking once more.

    async def pressed(
        self, workspace: Workspace, pressed: Pressed, place: Place, about: str
    ) -> Shown | None:
        """Do what was pressed; asks once more where that is what it takes."""
        front = self._front
        try:
            pressing = await front.bot.actions.press(pressed, front.words)
        except StoreUnavailableError:
            panel = front.words.mistake(front.words.not_written())
            return Shown(Card(panel, front.words.not_written()))
        if isinstance(pressing, AskAgain):
            await self._again(workspace, pressed, pressing, place, about)
            return None
        return pressing

    async def _again(
        self, workspace: Workspace, pressed: Pressed, how: AskAgain, place: Place, about: str
    ) -> None:
        """The same question, or to go on where its answer was cut."""
        front = self._front
        guard = f"{workspace.who.team} {about} {how.how}"
        if guard in front.repeating:
            await post.remark(workspace, place, text_slack.RUNNING_ALREADY)
            return
        front.repeating.add(guard)
        try:
            await self._once_more(workspace, pressed, how, place, about)
        finally:
            front.repeating.discard(guard)

    async def _once_more(
        self, workspace: Workspace, pressed: Pressed, how: AskAgain, place: Place, about: str
    ) -> None:
        question = await self._question(workspace, pressed, place, about)
        if question is None:
            await post.remark(workspace, place, text_slack.GONE)
            return
        said, files = question
        is_onward = how.how == "onward"
        taken = await take(workspace, () if is_onward else files)
        thread = place.thread or about.partition(":")[2]
        there = replace(place, thread=thread, respond_at="")
        ask = Ask(
            f"{how.how}:{pressed.event}",
            pressed.requester,
            text_slack.ONWARD if is_onward else said.text,
            how.model,
            thread,
            attachments=taken.texts,
            images=taken.images,
            message="" if is_onward else said.id,
            parent=pressed.message if is_onward else said.parent,
            left_out=taken.left_out,
            earlier=partial(history.earlier, workspace, place.channel, thread),
        )
        await self.answer(workspace, ask, there, about=about)

    async def _question(
        self, workspace: Workspace, pressed: Pressed, place: Place, about: str
    ) -> tuple[Utterance, Sequence[dict[str, Any]]] | None:
        """The question itself, as Slack has it now, and the files that came with it."""
        channel, _, ts = about.partition(":")
        found = await history.message(workspace, channel, ts, place.thread) if ts else None
        if found is None:
            return None
        text = await history.said_in(workspace, found)
        return Utterance(about, "user", text), tuple(found.get("files") or ())

    # /ask.

    async def asked(
        self, workspace: Workspace, requester: Requester, text: str, place: Place, event: str
    ) -> None:
        """`/ask`: the question is posted for all to see and answered below, or all in private."""
        front = self._front
        options = commands.ask_options(text)
        await workspace.people.learn(options.prompt)
        prompt = plain(options.prompt, workspace.people.naming)
        if not prompt:
            await post.remark(workspace, place, text_slack.NO_PROMPT)
            return
        ask = Ask(f"ask:{event}", requester, prompt, options.model)
        if options.is_private:
            await self.answer(workspace, ask, replace(place, thread=""))
            return
        quote = "\n".join(f"> {line}" for line in prompt.splitlines())
        head = text_slack.asked(front.words.who(place.user))
        try:
            posted = await workspace.web.chat_postMessage(
                channel=place.channel,
                text=notification(f"{head} {prompt}"),
                blocks=[context(head), {"type": "markdown", "text": quote}],
                metadata=history.question_metadata(prompt, place.user),
                unfurl_links=False,
                unfurl_media=False,
            )
        except LOST:
            await post.remark(workspace, place, text_slack.NOT_HERE)
            return
        channel, ts = str(posted["channel"]), str(posted["ts"])
        there = replace(place, channel=channel, thread=ts, respond_at="")
        ask = replace(ask, thread=ts, message=f"{channel}:{ts}")
        await self.answer(workspace, ask, there, in_thread=False)


def _shown_at(said: Said) -> Place:
    """Where something private about a message is shown: an empty thread shows nothing."""
    return said.place if said.thread or said.is_direct else replace(said.place, thread="")
