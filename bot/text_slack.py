"""The sentences that only Slack says."""

from bot.figures import grouped

STOP = "Stop"
ONWARD = "Go on exactly where your last answer was cut off."
CLOSE = "Close"
CANCEL = "Cancel"
LOADING = "is writing…"
WORKING = "One moment…"
LONG_ANSWER = "The answer is longer than fits here; all of it is in the file below."

FILE_KIND = "only text files and pictures are read"
FILE_NO_TEXT = "it is no text in UTF-8"
FILE_UNREADABLE = "it could not be fetched from Slack"
FILE_ELSEWHERE = "it is not kept by Slack"

OFF_HERE = "I am switched off in this channel. Write to me directly, or in another channel."
NOT_HERE = "I am not in this channel. Invite me with /invite, or write to me directly."
GONE = "The question is not there any more. Ask it again."
NOTHING_TO_REPEAT = "There is no answer of mine in this thread."
RUNNING_ALREADY = "That is being answered already."
TOO_LATE = "Slack gave me too little time for that. Please press it again."
NO_PROMPT = "Write what you want to ask behind the command."


def file_too_large(size: int, most: int) -> str:
    """A file that is left out."""
    return f"it has {grouped(size)} bytes, and at most {grouped(most)} are read"


def too_many_files(most: int) -> str:
    """A file that is left out."""
    return f"at most {most} files are read"


def asked(who: str) -> str:
    """Above a question that somebody asks with a command."""
    return f"{who} asks:"
