"""The sentences that only Discord says."""

from bot.figures import money
from bot.panels import Field, Form, Panel
from quota.units import Rates

CHOOSE = "Choose…"


def more_rows(left_out: int, rows: int) -> str:
    """Of a table that is too long for one card."""
    return f"{left_out} of {rows} rows are left out here; narrow it down, or ask for csv."


FILE_NOT_FETCHED = "it could not be fetched from Discord"
FILE_NOT_TEXT = "it is not text in UTF-8"
NO_FILES = "The bot may not attach files here, so only the beginning is shown."
NO_THREADS = "The bot may not open threads here, so it answers in the channel."


def files_full(most: int) -> str:
    return f"at most {most} files go along with a message"


def file_kind(kind: str) -> str:
    return f"files of the kind {kind or 'unknown'} cannot be read"


def file_too_large(size: int, most: int) -> str:
    return f"it has {size:,} bytes; at most {most:,} are taken"


def in_a_file(chars: int) -> str:
    return f"The whole answer ({chars:,} characters) is in the file."


# Messages, threads, forms.

NO_ANSWER = "This is no answer of mine that could be given again."
NO_QUESTION = "I know no question of yours here since I was started. Ask it again."
QUESTION_GONE = "The question of this answer is gone. Ask it again."
MESSAGE_GONE = "I cannot read this message any more."
NEW_THREAD = "New conversation"
TOPICS = ("quota", "limits", "chat", "privacy")
ABOUT = "about"
ABOUT_QUESTION = "Explain this message."
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


def about_form(message_id: str) -> Form:
    """What to ask about a message; nothing needs to be written."""
    question = Field(
        "question", "What do you want to know?", "long", required=False, chars_max=2_000
    )
    return Form(ABOUT, "Ask about this message", (question,), "Ask", message_id)


def thread_begun(link: str) -> str:
    return f"Go on in {link}."


def thread_hello(*, needs_mention: bool) -> str:
    if needs_mention:
        return "A new conversation. Mention me in each message here."
    return "A new conversation. Everything that is said here is for me."


def model_choice(key: str, rates: Rates | None) -> str:
    """A model with its price beside it."""
    if rates is None:
        return f"{key} — no known price"
    return f"{key} — {money(rates.input)} in, {money(rates.output)} out per million tokens"


# What is said unasked.


def open_again(sentence: str) -> Panel:
    """What somebody wanted to be reminded of."""
    return Panel("Back again", "good", (sentence,))


def welcome() -> Panel:
    """For whoever can set the bot up, in a server that it has just joined."""
    return Panel(
        "Hello",
        "neutral",
        (
            "I answer questions. Everybody here has a fair allowance: see `/quota`.",
            "Whoever may manage this server can set me up now: `/quota-admin setup`.",
            "Ask by mentioning me, by replying to me, with `/ask`, or in a direct message.",
        ),
    )


POOL_USED = "the shared budget is used up"
