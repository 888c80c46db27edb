"""The sentences that only Slack says."""

from bot.figures import grouped
from bot.languages import Speech, phrase

CLOSE = phrase("Close")
CANCEL = phrase("Cancel")
LOADING = phrase("is writing…")
WORKING = phrase("One moment…")
LONG_ANSWER = phrase("The answer is longer than fits here; all of it is in the file below.")

FILE_KIND = phrase("only text files, pictures and PDF files are read")
FILE_NO_TEXT = phrase("it is no text in UTF-8")
FILE_UNREADABLE = phrase("it could not be fetched from Slack")
FILE_ELSEWHERE = phrase("it is not kept by Slack")

OFF_HERE = phrase("I am switched off in this channel. Write to me directly, or in another channel.")
NOT_HERE = phrase("I am not in this channel. Invite me with /invite, or write to me directly.")
GONE = phrase("The question is not there any more. Ask it again.")
NOTHING_TO_REPEAT = phrase("There is no answer of mine in this thread.")
RUNNING_ALREADY = phrase("That is being answered already.")
TOO_LATE = phrase("Slack gave me too little time for that. Please press it again.")
NO_PROMPT = phrase("Write what you want to ask behind the command.")


def file_too_large(words: Speech, size: int, most: int) -> str:
    """A file that is left out."""
    return words.say(
        "it has {size} bytes, and at most {most} are read",
        size=grouped(size, words),
        most=grouped(most, words),
    )


def too_many_files(words: Speech, most: int) -> str:
    """A file that is left out."""
    return words.say("at most {most} files are read", most=most)


def asked(words: Speech, who: str) -> str:
    """Above a question that somebody asks with a command."""
    return words.say("{who} asks:", who=who)


BOT_REFUSED = (
    "Slack does not take the bot token of [slack]; copy it anew from OAuth & Permissions at "
    "api.slack.com/apps, where it begins with xoxb-"
)
APP_REFUSED = (
    "Slack does not take the app token of [slack]; make one with the scope connections:write "
    "under Basic Information at api.slack.com/apps, where it begins with xapp-"
)


def not_listening(where: str, why: str) -> str:
    """The port of the HTTP mode."""
    return f"[slack] http_host and http_port: nobody can listen at {where} ({why})"


# The settings pages of the app.

DESCRIPTION = "Ask an AI model, within an allowance that you can see."
AGENT_DESCRIPTION = (
    "Ask anything: here, by mentioning me in a channel, or with /ask. Everybody has an allowance "
    "that is fair and visible; /quota shows yours."
)
# What is sent is the asker's own sentence, but for commands, which are typed alike everywhere.
PROMPTS = (
    (phrase("How much quota do I have left?"), "!quota"),
    (phrase("Which rules hold for me?"), "!quota rules"),
    (
        phrase("Summarise a text"),
        phrase("I will give you a text. Summarise it in five sentences."),
    ),
    (phrase("Explain something"), phrase("Explain it simply, with one example:")),
)
# By their own names: what stands behind them, and what they do.
COMMANDS = {
    "ask": ("your question [--model name] [--private]", "Ask the model"),
    "quota": ("[summary | rules | history]", "See what is left of your allowance"),
    "quota-admin": ("limit set 20k tokens per day | grant @ana 5k | …", "Govern allowances"),
    "quota-staff": ("show @ana | grant @ana 5k -- reason | requests", "Help members out"),
}
SINGLE_COMMAND = ("ask … | quota | quota-admin … | help", "Ask the model, see your allowance")
SHORTCUTS = {
    "my_quota": ("My quota", "See what is left of your allowance"),
    "ask_about": ("Ask about this", "Ask the model about a message, in private"),
    "show_cost": ("Show cost", "See what an answer of the bot took"),
}

PREFIX_OR_SINGLE = "--prefix and --single exclude one another; give one of them"
BAD_ADDRESS = "--http takes an address that begins with https://, for Slack sends nowhere else"


def bad_app_name(most: int) -> str:
    """A name that Slack would refuse."""
    return f"--name takes 1 to {most} characters"


def bad_command_name(most: int) -> str:
    """A name that Slack would refuse."""
    return (
        "Slack takes no such command: a name has lower case letters, digits, - and _, at most "
        f"{most} of them, and is none of Slack's own, such as status or remind"
    )


# App Home.

HOME_SETTINGS = phrase("Settings")
HOME_ADMIN = phrase("Admin")

# Shortcuts and welcome.

ASK_TITLE = phrase("Ask about this")
ASK_LABEL = phrase("What do you want to know?")
ASK_SEND = phrase("Ask")
PROMPTS_TITLE = phrase("What can I do for you?")
WELCOME_MENU = phrase("Set up")


def about_this(words: Speech, message: str, question: str) -> str:
    """A question about somebody's message, as the model reads it."""
    return f"{question}\n\n{words.say('The message in question:')}\n{message}"


def welcome(words: Speech, who: str) -> str:
    """To whoever installed the app."""
    return words.say(
        "Thank you for installing me, {who}. Everybody can ask me now, within the limits of the config. The rest takes a minute: open the Home tab here, or press the button.",
        who=who,
    )


def date_and_time(words: Speech) -> str:
    """How Slack writes an instant; it fills in both by itself."""
    return words.say("{date} at {time}", date="{date_short_pretty}", time="{time}")


def installed() -> str:
    """In the browser, after the installation."""
    return "The app is installed. You can close this window and go to Slack."


def not_installed() -> str:
    """In the browser, where the installation came to nothing."""
    return "The app was not installed. Begin again at the address where you came from."
