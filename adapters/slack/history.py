"""Conversations read back from Slack: after a restart, and for what is asked again."""

import json
from collections.abc import Sequence
from typing import Any, Literal

from adapters.slack.failures import LOST
from adapters.slack.markup import plain, without
from adapters.slack.workspace import Workspace
from bot.messages import Utterance

Json = dict[str, Any]

# Slack gives at most so many messages of a thread at once.
PAGE_MAX = 200
QUESTION = "quotabot_question"


async def thread(workspace: Workspace, channel: str, root: str) -> list[Json]:
    """The messages of a thread, oldest first: a page of them."""
    answer = await workspace.web.conversations_replies(
        channel=channel, ts=root, limit=PAGE_MAX, include_all_metadata=True
    )
    return list(answer["messages"])


async def message(workspace: Workspace, channel: str, ts: str, root: str) -> Json | None:
    """One message of a thread, None where it is gone."""
    try:
        answer = await workspace.web.conversations_replies(
            channel=channel,
            ts=root or ts,
            oldest=ts,
            latest=ts,
            inclusive=True,
            include_all_metadata=True,
        )
    except LOST:
        return None
    return next((found for found in answer["messages"] if found["ts"] == ts), None)


async def earlier(
    workspace: Workspace, channel: str, root: str, upto: str, most: int
) -> Sequence[Utterance]:
    """The message with an id and at most so many before it in its thread, oldest first."""
    found: list[Utterance] = []
    previous = ""
    for one in await thread(workspace, channel, root):
        said = await _utterance(workspace, channel, one, previous)
        if said is not None:
            found.append(said)
            previous = said.id
        if f"{channel}:{one['ts']}" == upto:
            break
    return found[-(most + 1) :]


async def _utterance(
    workspace: Workspace, channel: str, found: Json, previous: str
) -> Utterance | None:
    text = await said_in(workspace, found)
    if not text:
        return None
    posted = question_in(workspace, found)
    ours = is_ours(workspace, found) and posted is None
    user = str((posted or found).get("user", ""))
    author = "" if ours else (await workspace.people.person(user)).name
    role: Literal["user", "assistant"] = "assistant" if ours else "user"
    return Utterance(f"{channel}:{found['ts']}", role, text, previous, author)


async def said_in(workspace: Workspace, found: Json) -> str:
    """What a message says to the bot, in plain words."""
    question = question_in(workspace, found)
    if question is not None:
        return str(question.get("text", ""))
    text = str(found.get("text", ""))
    if is_ours(workspace, found):
        blocks = [b["text"] for b in found.get("blocks", ()) if b.get("type") == "markdown"]
        return "\n".join(blocks) or text
    text = without(text, workspace.who.bot_user)
    await workspace.people.learn(text)
    return plain(text, workspace.people.naming)


def is_ours(workspace: Workspace, found: Json) -> bool:
    """Whether the bot wrote this."""
    return found.get("user") == workspace.who.bot_user or (
        bool(found.get("bot_id")) and found.get("bot_id") == workspace.who.bot_id
    )


def question_in(workspace: Workspace, found: Json) -> Json | None:
    """What somebody asked through the bot: /ask posts the question in its own name.

    Any app may write such metadata, and put words into the mouth of somebody; ours alone count.
    """
    metadata = found.get("metadata") or {}
    if metadata.get("event_type") != QUESTION or not is_ours(workspace, found):
        return None
    payload = metadata.get("event_payload")
    return payload if isinstance(payload, dict) else json.loads(payload or "{}")


def question_metadata(text: str, user: str) -> Json:
    """See `question_in`."""
    return {"event_type": QUESTION, "event_payload": {"text": text, "user": user}}
