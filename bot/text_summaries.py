"""What is said of summaries of earlier messages."""

from bot.figures import grouped
from bot.languages import Speech


def making(words: Speech) -> str:
    """A passing remark while it is made."""
    return words.say("Earlier messages are being summarised …")


def done(words: Speech, messages: int, lost: int, tokens: int) -> str:
    """Under the answer that it was made for; `tokens` are what it took, `lost` what it lacks."""
    said = words.count(
        messages,
        "{n} older message was summarised ({tokens} tokens).",
        "{n} older messages were summarised ({tokens} tokens).",
        tokens=grouped(tokens, words),
    )
    if not lost:
        return said
    return words.joined(
        said,
        words.count(
            lost, "{n} still older one was left out.", "{n} still older ones were left out."
        ),
    )


def failed(words: Speech) -> str:
    """The conversation is trimmed instead, and that is said as well."""
    return words.say("Earlier messages could not be summarised.")
