"""Messages of people: which are for the bot, and what they ask or command."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from adapters.slack import commands, history, post
from adapters.slack.answering import Answering
from adapters.slack.failures import LOST
from adapters.slack.files import take
from adapters.slack.front import Front
from adapters.slack.markup import plain, without
from adapters.slack.orders import Orders
from adapters.slack.panels import context, markdown, notification
from adapters.slack.post import Place
from adapters.slack.workspace import Workspace
from bot import text_slack
from bot.messages import BEGIN, Ask
from bot.settings import ChannelMode
from quota.members import Requester

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


class Talking:
    """Takes messages and questions."""

    def __init__(self, front: Front, answering: Answering, orders: Orders) -> None:
        """Hand on what they ask and command."""
        self._front = front
        self._answering = answering
        self._orders = orders

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
            # Slack tells of a message again for an hour, also after a restart.
            if await front.claims(workspace, f"command {said.id}"):
                await self._orders.command(
                    workspace, requester, command, _shown_at(said), said.id, said.files
                )
            return
        if self._mode(workspace, said.channel, requester.channel) == "off" and not said.is_direct:
            told = (await front.words(workspace, said.user)).say(text_slack.OFF_HERE)
            await post.remark(workspace, _shown_at(said), told)
            return
        words = plain(text, people.naming).strip()
        if not words and not said.files:
            return
        spoken = await front.words(workspace, said.user)
        taken = await take(workspace, said.files, spoken)
        ask = Ask(
            said.id,
            requester,
            words,
            thread=said.root,
            message=said.id,
            parent="" if said.thread else BEGIN,
            earlier=partial(history.earlier, workspace, said.channel, said.root),
        ).carrying(taken)
        if said.is_direct and not said.thread:
            # In a talk with the bot each thread is a session of its own, listed by its title.
            ask = replace(ask, entitle=partial(workspace.entitle, said.channel, said.root))
        await self._answering.answer(workspace, ask, said.place, in_thread=bool(said.thread))

    async def _follows(self, workspace: Workspace, said: Said) -> bool:
        """Whether a message without a mention is for the bot, by the mode of its channel."""
        people = workspace.people
        name = people.called(said.channel, await people.channel_name(said.channel))
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
            found: list[dict[str, Any]] = []
            with suppress(*LOST):
                found = await history.thread(workspace, channel, root)
            known = any(history.is_ours(workspace, one) for one in found)
            front.threads.put(key, known)
        return known

    async def asked(
        self, workspace: Workspace, requester: Requester, text: str, place: Place, event: str
    ) -> None:
        """`/ask`: the question is posted for all to see and answered below, or all in private."""
        options, words = commands.ask_options(text), await self._front.words(workspace, place.user)
        await workspace.people.learn(options.prompt)
        prompt = plain(options.prompt, workspace.people.naming)
        if not prompt:
            await post.remark(workspace, place, words.say(text_slack.NO_PROMPT))
            return
        if not place.direct and self._mode(workspace, place.channel, requester.channel) == "off":
            await post.remark(workspace, place, words.say(text_slack.OFF_HERE))
            return
        ask = Ask(f"ask:{event}", requester, prompt, options.model, parent=BEGIN)
        if options.is_private:
            await self._answering.answer(workspace, ask, replace(place, thread=""))
            return
        quote = "\n".join(f"> {line}" for line in prompt.splitlines())
        head = text_slack.asked(words, words.who(place.user))
        try:
            posted = await workspace.web.chat_postMessage(
                channel=place.channel,
                text=notification(f"{head} {prompt}"),
                blocks=[context(head), markdown(quote)],
                metadata=history.question_metadata(prompt, place.user),
                unfurl_links=False,
                unfurl_media=False,
            )
        except LOST:
            await post.remark(workspace, place, words.say(text_slack.NOT_HERE))
            return
        channel, ts = str(posted["channel"]), str(posted["ts"])
        there = replace(place, channel=channel, thread=ts, respond_at="")
        ask = replace(ask, thread=ts, message=f"{channel}:{ts}")
        await self._answering.answer(workspace, ask, there, in_thread=False)


def _shown_at(said: Said) -> Place:
    """Where something private about a message is shown: an empty thread shows nothing."""
    return said.place if said.thread or said.is_direct else replace(said.place, thread="")
