"""Commands as Slack brings them: slash commands, `!words` in threads, and the options of /ask."""

import re
from dataclasses import dataclass

from adapters.slack.markup import Naming, command_line

NAMES = ("ask", "quota", "quota-admin", "quota-staff")
# Where slash commands do not work, which is in every thread: exact first words, so that "!nice"
# stays an ordinary message.
IN_THREADS = frozenset(
    {
        *{"quota", "stop", "regenerate", "new", "model", "help", "privacy"},
        *{"quota-admin", "quota-staff"},
    }
)
# What may follow a mention as a whole message: `@bot quota`, `@bot quota rules`.
_MENTIONED = re.compile(r"(quota(?:\s+(?:summary|history|rules|receipt))?|help)\s*", re.IGNORECASE)
_BANG = re.compile(r"!([a-z-]+)(?:\s+(.*))?", re.DOTALL)
_OPTION = re.compile(r"(?:^|\s)--(private|model)(?:[ =]+(\S+))?(?=\s|$)")


@dataclass(frozen=True, slots=True)
class Command:
    """A command by its own name, without prefix and slash."""

    name: str
    rest: str

    @property
    def line(self) -> str:
        """As it is typed on every platform."""
        return f"/{self.name} {self.rest}".rstrip()


@dataclass(frozen=True, slots=True)
class AskOptions:
    """What stands behind /ask."""

    prompt: str
    model: str = ""
    is_private: bool = False


def slash(command: str, text: str, prefix: str, single: str, naming: Naming) -> Command:
    """A slash command; `/acme quota rules` and `/acme-quota rules` are `/quota rules`."""
    name = command.removeprefix("/")
    if single and name == single:
        name, _, text = text.strip().partition(" ")
        name = name.casefold() or "help"
    elif prefix:
        name = name.removeprefix(prefix)
    if name == "ask":
        return Command(name, text)
    return Command(name, command_line(text, naming).strip())


def in_thread(text: str, naming: Naming) -> Command | None:
    """A message that is a command, with everything that Slack wrote into it still in it."""
    match = _BANG.fullmatch(text.strip())
    if match is None or match[1] not in IN_THREADS:
        return None
    return Command(match[1], command_line(match[2] or "", naming).strip())


def mentioned(text: str) -> Command | None:
    """A mention with nothing but the name of a command."""
    match = _MENTIONED.fullmatch(text.strip())
    if match is None:
        return None
    name, _, rest = match[1].casefold().partition(" ")
    return Command(name, rest.strip())


def ask_options(text: str) -> AskOptions:
    """The prompt of /ask without its options, wherever those stand."""
    model, is_private = "", False
    for match in _OPTION.finditer(text):
        if match[1] == "private":
            is_private = True
        elif match[2]:
            model = match[2]
    prompt = _OPTION.sub(lambda m: f" {m[2]}" if m[1] == "private" and m[2] else "", text)
    return AskOptions(prompt.strip(), model, is_private)
