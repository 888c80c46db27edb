"""The sentences that only Discord says."""

from collections.abc import Iterable

from bot.languages import Speech, phrase
from bot.panels import Field, Form, Panel

CHOOSE = "Choose…"


def more_rows(left_out: int, rows: int) -> str:
    """Of a table that is too long for one card."""
    return f"{left_out} of {rows} rows are left out here; narrow it down, or ask for csv."


FILE_NOT_FETCHED = phrase("it could not be fetched from Discord")
FILE_NOT_TEXT = phrase("it is not text in UTF-8")
NO_FILES = phrase("The bot may not attach files here, so only the beginning is shown.")
NO_THREADS = phrase("The bot may not open threads here, so it answers in the channel.")


def files_full(words: Speech, most: int) -> str:
    return words.say("at most {most} files go along with a message", most=most)


def file_kind(words: Speech, kind: str) -> str:
    return words.say("files of the kind {kind} cannot be read", kind=kind or "?")


def file_too_large(words: Speech, size: int, most: int) -> str:
    sizes = {"size": words.grouped(size), "most": words.grouped(most)}
    return words.say("it has {size} bytes; at most {most} are taken", **sizes)


def in_a_file(words: Speech, chars: int) -> str:
    count = words.grouped(chars)
    return words.say("The whole answer ({count} characters) is in the file.", count=count)


# Messages, threads, forms.

NO_ANSWER = phrase("This is no answer of mine that could be given again.")
NO_QUESTION = phrase("I know no question of yours here since I was started. Ask it again.")
QUESTION_GONE = phrase("The question of this answer is gone. Ask it again.")
MESSAGE_GONE = phrase("I cannot read this message any more.")
NEW_THREAD = phrase("New conversation")
ABOUT = "about"
ABOUT_QUESTION = phrase("Explain this message.")
INTENTS_REFUSED = (
    "discord: the connection was refused for its intents; in the developer portal, under Bot, "
    "look at the privileged gateway intents"
)
WITHOUT_CONTENT = (
    "discord: the Message Content intent is not switched on for this app, so the bot answers "
    "mentions, replies that ping it, direct messages and commands only; switch it on in the "
    "developer portal under Bot, or set message_content = false in [discord]"
)
LOGIN_REFUSED = (
    "discord: the token was not accepted; make a new one in the developer portal under Bot, "
    "and put it where token_env or token_file in [discord] says"
)


def about_form(words: Speech, message_id: str) -> Form:
    """What to ask about a message; nothing needs to be written."""
    label = words.say("What do you want to know?")
    question = Field("question", label, "long", required=False, chars_max=2_000)
    title, submit = words.say("Ask about this message"), words.say("Ask")
    return Form(ABOUT, title, (question,), submit, message_id)


def thread_begun(words: Speech, link: str) -> str:
    return words.say("Go on in {link}.", link=link)


def thread_hello(words: Speech, *, needs_mention: bool) -> str:
    if needs_mention:
        return words.say("A new conversation. Mention me in each message here.")
    return words.say("A new conversation. Everything that is said here is for me.")


# What is said unasked.


def open_again(words: Speech, sentence: str) -> Panel:
    """What somebody wanted to be reminded of."""
    return Panel(words.say("Back again"), "good", (sentence,))


def welcome(words: Speech) -> Panel:
    """For whoever can set the bot up, in a server that it has just joined."""
    return Panel(
        words.say("Hello"),
        "neutral",
        (
            words.say("I answer questions. Everybody here has a fair allowance: see `/quota`."),
            words.say("Whoever may manage this server can set me up now: `/quota-admin setup`."),
            words.say("Mention me, reply to me, use `/ask`, or write me a direct message."),
        ),
    )


def shut_out(words: Speech, channel: str) -> Panel:
    """An answer could not be shown."""
    line = words.say("I may not write in {channel}, so an answer there was lost.", channel=channel)
    return Panel(words.say("A right is missing"), "warning", (line,))


def ambiguous(words: Speech, name: str, ids: Iterable[str]) -> Panel:
    """A role of the config that is several roles of this server."""
    both = ", ".join(ids)
    line = words.say(
        "Several roles are called {name}, so none of them counts: {ids}.", name=name, ids=both
    )
    return Panel(words.say("A right is missing"), "warning", (line,))


def ambiguous_place(words: Speech, name: str, ids: Iterable[str]) -> Panel:
    """A channel of the config or of a limit that is several channels of this server."""
    both = ", ".join(ids)
    line = words.say(
        "Several channels are called {name}, so what was set for it holds in none: {ids}.",
        name=name,
        ids=both,
    )
    return Panel(words.say("A name means nothing"), "warning", (line,))


def ambiguous_channel(name: str, ids: Iterable[str]) -> str:
    """The same for the operator."""
    both = ", ".join(ids)
    return f"discord: several channels are called {name!r}; name one by its id: {both}"


def ambiguous_role(name: str, ids: Iterable[str]) -> str:
    """The same for the operator."""
    both = ", ".join(ids)
    return f"discord: several roles are called {name!r}, so none governs; name one by id: {both}"


POOL_USED = "the shared budget is used up"
