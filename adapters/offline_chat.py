"""The model of a machine that has none: it shows how allowances work, and says that it does.

Why it exists: who tries the bot has no key at hand, and the first minute should show streaming,
usage and a limit being reached, without an account, a download or a network. The same messages
always get the same answer.

It uses a tool when it is told to by its name, as in `get_time {"zone": "UTC"}`, and tells what the
tool returned: enough to see each step being counted.

A token of this model is a word, so a person can count along. No real vocabulary counts fewer, so
a hold made with one always covers what is reported here.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

from bot.ports import (
    Finished,
    Message,
    ModelCall,
    ModelEvent,
    TextDelta,
    ToolDelta,
    UsageReport,
)
from quota.units import Usage

# An answer that is only there to be long needs an end of its own, whatever the cap.
_SAID_WORDS_MAX = 10_000
_SMALL_TALK_WORDS_MAX = 6
_QUOTED_CHARS_MAX = 24

_TOKEN = re.compile(r"\s*\S+")
_SAY = re.compile(r"\b(?:say|count to)\s+(\d{1,9})\b", re.IGNORECASE | re.ASCII)
_WORD = re.compile(r"[^\W\d_]+")


class OfflineChat:
    """Answers word by word, `pace_ms` apart so that a person sees it stream."""

    def __init__(self, *, pace_ms: int = 15) -> None:
        self._pace_s = pace_ms / 1_000

    @asynccontextmanager
    async def stream(self, call: ModelCall) -> AsyncGenerator[AsyncIterator[ModelEvent], None]:
        """As ChatModel.stream; nothing here can fail."""
        events = self._events(call)
        try:
            yield events
        finally:
            await events.aclose()

    async def close(self) -> None:
        """Nothing is held."""

    async def _events(self, call: ModelCall) -> AsyncGenerator[ModelEvent, None]:
        wanted = _tool_for(call)
        prompt = sum(len(message.content.split()) for message in call.messages)
        if wanted is not None:
            await asyncio.sleep(self._pace_s)
            yield wanted
            yield Finished("tools")
            yield UsageReport(Usage(input=prompt, output=1), call.model)
            return
        tokens = _TOKEN.findall(answer_to(call.messages))
        sent = tokens[: call.output_cap]
        for token in sent:
            await asyncio.sleep(self._pace_s)
            yield TextDelta(token)
        yield Finished("length" if len(sent) < len(tokens) else "stop")
        yield UsageReport(Usage(input=prompt, output=len(sent)), call.model)


def _tool_for(call: ModelCall) -> ToolDelta | None:
    """The tool that the last message names, with what stands behind the name as its arguments."""
    last = call.messages[-1] if call.messages else Message("user", "")
    name, _, arguments = last.content.strip().partition(" ")
    known = {tool.name for tool in call.tools if call.may_use_tools}
    if last.role != "user" or name not in known:
        return None
    return ToolDelta(0, f"call_{len(call.messages)}", name, arguments.strip())


def answer_to(messages: Sequence[Message]) -> str:
    """The whole answer to the last thing the member said, or to what a tool returned."""
    if messages and messages[-1].role == "tool":
        return f"The tool returned:\n\n{messages[-1].content}"
    said = [message.content for message in messages if message.role == "user"]
    text = said[-1] if said else ""
    if match := _SAY.search(text):
        return " ".join(map(str, range(1, min(int(match[1]), _SAID_WORDS_MAX) + 1)))
    words = [word.lower() for word in _WORD.findall(text)]
    is_small_talk = len(words) <= _SMALL_TALK_WORDS_MAX
    if is_small_talk and _GREETINGS.intersection(words[:2]):
        return _HELLO
    topic = max(_TOPICS, key=lambda topic: topic.likeness(words))  # The first of the best.
    if topic.likeness(words):
        return topic.answer
    if is_small_talk and "you" in words:
        return _ABOUT_ME
    return _echo(text, turn=len(said))


class _Topic(NamedTuple):
    keywords: frozenset[str]
    answer: str

    def likeness(self, words: Iterable[str]) -> int:
        """How many of the keywords are said."""
        return len(self.keywords.intersection(words))


def _echo(text: str, turn: int) -> str:
    """What can be said of a text without understanding it, and a hint that changes each turn."""
    count = len(text.split())
    wrote = "You wrote one word" if count == 1 else f"You wrote {count} words"
    # Letters only: nothing that is quoted can mention a person or open a link.
    quotable = [word for word in _WORD.findall(text) if len(word) <= _QUOTED_CHARS_MAX]
    longest = max(quotable, key=len, default="")
    if count > 1 and longest:
        wrote += f", the longest of them “{longest}”"
    verb = "answer that question" if text.rstrip().endswith("?") else "reply to that"
    return f"{wrote}. A real model would {verb}; {_STAND_IN}\n\n{_HINTS[turn % len(_HINTS)]}"


# What the model has learned, in place of weights.

_GREETINGS = frozenset({"hello", "hi", "hey", "hallo", "hola", "salut", "moin", "morning", "yo"})

_HELLO = (
    "Hello! I am the built-in stand-in of Quotabot, not a language model: I know a few paragraphs"
    " by heart, so that you can see how allowances work before you connect a real model.\n\n"
    "Every word that you or I write counts as one token and is taken from your allowance. Ask me"
    " about limits, about the reset, or about connecting a model; say “count to 200” to spend"
    " some tokens; then type /quota to see what is left."
)

_ABOUT_ME = (
    "I am the built-in stand-in of Quotabot, a chat bot that gives every member of a Discord"
    " server or a Slack workspace a fair, visible allowance. I am not a language model: I have a"
    " few paragraphs by heart and find them by their words.\n\n"
    "Ask me about limits, the reset, tokens and prices, shared pools, admins, privacy, Discord or"
    " Slack, or how to connect a real model. Say “count to 100” for an answer of a hundred"
    " tokens, and type /quota to see what it cost you."
)

_STAND_IN = (
    "I am the built-in stand-in and only show how allowances work, with one token for each word."
)

_HINTS = (
    "To watch a limit do its work, say “count to 500” and then type /quota.",
    "To connect a real model, leave with /quit and run `quotabot init`; Ollama needs no key.",
    "To see which limits bind you, and which one won, type /quota rules.",
    "To give yourself more, type /admin on and then /quota-admin grant @you +1k.",
    "Ask me how the reset works, what an admin can do, or what happens at a limit.",
)

# Of topics that are alike, the first one wins: the general ones stand below.
_TOPICS = (
    _Topic(
        frozenset({"connect", "ollama", "openai", "key", "api", "config", "configure", "setup"})
        | {"vllm", "llama", "gpt", "install", "init", "endpoint", "openrouter"},
        "To connect a real model, leave this chat with /quit and run `quotabot init`: it asks a"
        " few questions and writes config.toml. Any OpenAI-compatible server will do.\n\n"
        "With a local Ollama, no key is needed: under [models.default] set `name` to a model that"
        " you have pulled and `base_url` to `http://localhost:11434/v1`. With OpenAI or another"
        " provider, set its address, and put your key into the environment variable that"
        " `api_key_env` names. Then `quotabot doctor` checks that it answers and keeps to its"
        " limits, and `quotabot chat` talks to it.",
    ),
    _Topic(
        frozenset({"discord", "slack", "workspace", "platform", "deploy", "invite"}),
        "This version of Quotabot answers in the terminal, for people with `quotabot chat` and"
        " for programs with `quotabot chat --json`. Discord and Slack stand on the very same"
        " books and handler and come next.\n\n"
        "What you set up here, the limits of members and roles, the shared pools and the models,"
        " is what they will use as well.",
    ),
    _Topic(
        frozenset({"admin", "admins", "moderator", "moderators", "grant", "grants", "role"})
        | {"roles", "command", "commands", "staff", "block"},
        "Admins govern from the chat, and every change lands in an audit log with its reason. On"
        " the console, type /admin on to become one, then try these:\n\n"
        "`/quota-admin limit set 500 tokens per hour` sets a limit for everyone.\n"
        "`/quota-admin grant @ana +5k tokens -- well done` gives Ana more.\n"
        "`/quota-admin explain @ana` shows which rules bind her, and why.\n"
        "`/quota-admin audit` shows who changed what.\n\n"
        "Type /as ana to see the world as Ana does, and /help for everything else.",
    ),
    _Topic(
        frozenset({"privacy", "private", "data", "stored", "saved", "erase", "export"}),
        "Everything stays in the database of whoever runs Quotabot, except what is sent to the"
        " model that they connect; I am part of the program and send nothing anywhere. What"
        " members write is kept in memory for a day at most, so that a conversation can go on,"
        " and is not stored unless the operator chooses to.\n\n"
        "The books keep who used how many tokens and when, and no text. They are one file, readable"
        " by its owner alone, and `quotabot ledger export` prints all of it.",
    ),
    _Topic(
        frozenset({"fair", "shared", "share", "pool", "pools"}),
        "Besides the allowance of each member there can be shared limits: for a channel, for all"
        " who hold a role, for a whole server, or for the house. All that apply must have room,"
        " and a question that does not fit into one of them is not charged to any.\n\n"
        "A shared limit is first come, first served, unless it says fair: then everyone who comes"
        " has a floor kept, and beyond it may use as much as would still be left for all others"
        " expected. What others hold and do not use comes back within seconds, and a question that"
        " only has to wait for that waits. Type /quota to see the shared limits beside your own.",
    ),
    _Topic(
        frozenset({"reset", "resets", "refill", "refills", "midnight", "tomorrow", "period"})
        | {"window", "renew", "renews", "hourly", "daily", "weekly", "monthly"},
        "Nothing has to run for a reset. A limit per day counts in a period that ends at midnight"
        " of the configured time zone, and the first question of the new day simply opens a new"
        " period with nothing spent, even if the bot was off all night.\n\n"
        "Hours, weeks and months work alike, and a rolling limit, such as “rolling 24h”, frees"
        " what you used a day after you used it. An answer belongs to the period in which it was"
        " asked. Type /quota to see when each of your limits opens again.",
    ),
    _Topic(
        frozenset({"stop", "stopped", "cancel", "interrupt", "abort"}),
        "An answer can be stopped at any time, with Ctrl-C here. The"
        " provider is told to stop as well. You pay for your question and"
        " for what had been written by then; everything else that was set aside comes back.\n\n"
        "An answer that reaches your limit ends there by itself, because the model is never"
        " allowed more than your allowance has room for. Try it: say “count to 5000”.",
    ),
    _Topic(
        frozenset({"token", "tokens", "cost", "costs", "price", "prices", "credit", "credits"})
        | {"charge", "charged", "expensive"},
        "Models read and write in tokens, pieces of about four letters of English; your question,"
        " what was said before it, and the answer all count. I am simpler: each word is one"
        " token, so you can check me by counting.\n\n"
        "The numbers of a real model come from its provider, not from a guess. Limits can also"
        " count requests, or money: prices per million tokens turn usage into credits, where"
        " 1,000 credits are a tenth of a cent. What an answer cost stands below it.",
    ),
    _Topic(
        frozenset({"limit", "limits", "quota", "quotas", "allowance", "allowances", "left"})
        | {"remaining", "balance", "budget", "rules", "spend", "spent"},
        "Each member has an allowance, such as 20,000 tokens a day. Before a question goes to the"
        " model, its prompt and the longest answer it may get are set aside from your allowance;"
        " after the answer, only what was really used is taken, and the rest comes back.\n\n"
        "If the answer would not fit, it is made shorter; if not even a short one fits, the"
        " question is refused, costs nothing, and you are told when there is room again. Type"
        " /quota to see what is used and left, or /quota rules to see which limit decides.",
    ),
    _Topic(
        frozenset({"thanks", "thank", "danke", "merci", "gracias", "bye", "goodbye"}),
        "You are welcome. Even this costs a few tokens; type /quota for the sum of them. When you"
        " are ready for someone who really understands you, run `quotabot init`: it connects a"
        " model of your choice, and your limits and balances stay as they are.",
    ),
    _Topic(
        frozenset({"help", "quotabot", "bot", "robot", "model", "ai", "llm", "assistant"}),
        _ABOUT_ME,
    ),
)
