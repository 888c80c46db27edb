"""Commands and buttons that are carried out behind the port, and questions that are asked again."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

from adapters.slack import history, post
from adapters.slack.answering import Answering
from adapters.slack.commands import Command
from adapters.slack.failures import LOST
from adapters.slack.files import take
from adapters.slack.front import Answered, Front
from adapters.slack.panels import unpacked
from adapters.slack.post import Place
from adapters.slack.workspace import Workspace
from bot import text_slack
from bot.commands import Typed
from bot.messages import BEGIN, Ask, Card, Files, Utterance
from bot.pressing import AskAgain, Pressed, Shown
from bot.text import Words
from quota.errors import StoreUnavailableError
from quota.members import Requester


class Orders:
    """Carries out what people command and press."""

    def __init__(self, front: Front, answering: Answering) -> None:
        """Work at this front; what is asked again is answered there."""
        self._front = front
        self._answering = answering

    async def command(
        self,
        workspace: Workspace,
        requester: Requester,
        command: Command,
        place: Place,
        event: str,
        files: Sequence[dict[str, Any]],
    ) -> None:
        """Carry out a command of a message with its files; show its card to whoever gave it."""
        if command.name == "regenerate":
            await self._regenerate(workspace, requester, command.rest, place, event)
            return
        words = await self._front.words(workspace, requester.member.id)
        came = await take(workspace, files, words)
        card = await self.card(workspace, requester, command.line, event, place.thread, came)
        await post.show(workspace, place, card)

    async def card(
        self,
        workspace: Workspace,
        requester: Requester,
        line: str,
        event: str,
        thread: str = "",
        files: Files | None = None,
    ) -> Card:
        """What a command says; that the books cannot be reached is said as a card, too.

        Only with a message can files come along: Slack sends none with slash commands.
        """
        front = self._front
        typed = Typed(requester, line, thread, previews=True, event=event, files=files)
        front.bot.commands.meet(requester)
        words = await front.words(workspace, requester.member.id)
        try:
            return await front.bot.commands.run(typed, words)
        except StoreUnavailableError:
            return _not_written(words)

    async def _regenerate(
        self, workspace: Workspace, requester: Requester, model: str, place: Place, event: str
    ) -> None:
        """`!regenerate`: the newest answer of this thread once more."""
        front = self._front
        last = front.answered.get((place.channel, place.thread))
        last = last or await self._last_answer(workspace, place)
        if last is None:
            words = await front.words(workspace, requester.member.id)
            await post.remark(workspace, place, words.say(text_slack.NOTHING_TO_REPEAT))
            return
        name, model = ("use", model) if model else ("again", last.model)
        pressed = Pressed(requester, name, model, last.owner, event, last.message)
        shown = await self.pressed(workspace, pressed, place, last.question)
        if shown is not None:
            await post.show(workspace, place, shown.card)

    async def _last_answer(self, workspace: Workspace, place: Place) -> Answered | None:
        """The newest answer as Slack has it."""
        question: tuple[str, str] | None = None
        last: Answered | None = None
        found: list[dict[str, Any]] = []
        with suppress(*LOST):
            found = await history.thread(workspace, place.channel, place.thread)
        for one in found:
            name = f"{place.channel}:{one['ts']}"
            posted = history.question_in(workspace, one)
            if posted is not None:
                question = (name, str(posted.get("user", "")))
            elif not history.is_ours(workspace, one):
                if not str(one.get("text", "")).startswith("!"):
                    question = (name, str(one.get("user", "")))
            elif question is not None:
                last = Answered(name, *question, _model_of(one))
        return last

    # Asking once more.

    async def pressed(
        self, workspace: Workspace, pressed: Pressed, place: Place, about: str
    ) -> Shown | None:
        """Do what was pressed; asks once more where that is what it takes."""
        front = self._front
        words = await front.words(workspace, pressed.requester.member.id)
        try:
            pressing = await front.bot.actions.press(pressed, words)
        except StoreUnavailableError:
            return Shown(_not_written(words))
        if isinstance(pressing, AskAgain) and pressing.ask is not None:
            await self._sent(workspace, pressed, pressing.ask, place, about)
            return None
        if isinstance(pressing, AskAgain):
            await self._again(workspace, pressed, pressing, place, about)
            return None
        return pressing

    async def _sent(
        self, workspace: Workspace, pressed: Pressed, ask: Ask, place: Place, about: str
    ) -> None:
        """What was held back, where it would have been answered then; in private where it was."""
        there = replace(place, thread=ask.thread, respond_at="" if ask.thread else place.respond_at)
        begins = ask.message == f"{place.channel}:{ask.thread}"
        ask = replace(ask, id=f"send:{pressed.event}")
        await self._answering.answer(workspace, ask, there, about=about, in_thread=not begins)

    async def _again(
        self, workspace: Workspace, pressed: Pressed, how: AskAgain, place: Place, about: str
    ) -> None:
        """The same question, or to go on where its answer was cut."""
        front = self._front
        guard = f"{workspace.who.team} {about} {how.how}"
        if guard in front.repeating:
            words = await front.words(workspace, pressed.requester.member.id)
            await post.remark(workspace, place, words.say(text_slack.RUNNING_ALREADY))
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
        words = await self._front.words(workspace, pressed.requester.member.id)
        if question is None:
            await post.remark(workspace, place, words.say(text_slack.GONE))
            return
        said, files = question
        is_onward = how.how == "onward"
        taken = await take(workspace, () if is_onward else files, words)
        images = () if is_onward else (taken.images or said.images)
        thread = place.thread or about.partition(":")[2]
        there = replace(place, thread=thread, respond_at="")
        ask = Ask(
            f"{how.how}:{pressed.event}",
            pressed.requester,
            words.onward() if is_onward else said.text,
            how.model,
            thread,
            waits=how.waits,
            message="" if is_onward else said.id,
            parent=pressed.message if is_onward else said.parent,
            earlier=partial(history.earlier, workspace, place.channel, thread),
        ).carrying(taken._replace(images=images))
        await self._answering.answer(workspace, ask, there, about=about)

    async def _question(
        self, workspace: Workspace, pressed: Pressed, place: Place, about: str
    ) -> tuple[Utterance, Sequence[dict[str, Any]]] | None:
        """The question as Slack has it now, with its files; else as it is remembered."""
        known = self._front.bot.chat.question(workspace.space, pressed.message)
        channel, _, ts = about.partition(":")
        found = await history.message(workspace, channel, ts, place.thread) if ts else None
        if found is None:
            return (known, ()) if known is not None else None
        text = await history.said_in(workspace, found)
        parent = known.parent if known is not None else ""
        if not parent and ts == place.thread:
            parent = BEGIN
        return Utterance(about, "user", text, parent), tuple(found.get("files") or ())


def _model_of(answer: dict[str, Any]) -> str:
    """Which model has answered, as the menu below says that has it answer once more."""
    for block in answer.get("blocks", ()):
        for element in block.get("elements", ()):
            for each in (element, *element.get("options", ())):
                click = unpacked(str(each.get("value", "")), "")
                if click is not None and click.name == "again":
                    return click.subject
    return ""


def _not_written(words: Words) -> Card:
    text = words.not_written()
    return Card(words.mistake(text), text)
