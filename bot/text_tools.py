"""What people read of tools: which one is used, what was cut, and what a member may use."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, TypeAlias

from bot.figures import grouped
from bot.panels import Panel, Table
from bot.ports import Tool
from bot.text_dialect import Dialect
from quota.verdicts import Refused

ABOUT_CHARS_MAX = 100

# Why a turn ended before its own end.
Cut: TypeAlias = Refused | Literal["steps", "late"]


def uses(words: Dialect, names: Sequence[str]) -> str:
    """A passing remark while tools run."""
    return words.say("Uses {tools} …", tools=", ".join(f"`{name}`" for name in names))


def cut(words: Dialect, name: str) -> str:
    """Of a result that was longer than it may be."""
    return words.say("`{tool}` returned so much that only the beginning was used.", tool=name)


def missing(words: Dialect, server: str) -> str:
    """Of a server that does not answer."""
    return words.say("The tools of {server} cannot be used right now.", server=server)


def ended(words: Dialect, why: Cut, steps: int) -> str:
    """Why a turn of several steps ended before its own end."""
    if why == "steps":
        return words.say(
            "… ✂ Stopped after {n} steps, the most that one answer may take. Ask it to continue.",
            n=grouped(steps, words),
        )
    if why == "late":
        return words.say("… ✂ Stopped: this took too long for one answer. Ask it to continue.")
    match why.reason:
        case "pool_used":
            said = words.say("… ✂ Stopped: the shared budget has no room for the next step.")
        case "busy":
            said = words.say("… ✂ Stopped: running answers hold what the next step needs.")
        case "paused" | "blocked":
            said = words.say("… ✂ Stopped by an admin before the next step.")
        case "store_unavailable":
            return words.say("… ✂ Stopped: the books cannot be written right now.")
        case _:
            said = words.say("… ✂ Stopped: your limit has no room for the next step.")
    said = words.joined(said, words.say("The steps so far were charged, nothing more."))
    if why.opens_at is None:
        return said
    return words.joined(said, words.say("More is possible {when}.", when=words.when(why.opens_at)))


def mine(words: Dialect, about: Panel, tools: Sequence[Tool], missing_: Sequence[str]) -> Panel:
    """What tools are, and which ones a member may use here."""
    lines = about.lines
    lines += tuple(missing(words, server) for server in missing_)
    if not tools:
        return replace(about, lines=(*lines, words.say("No tools are set up for you here.")))
    rows = tuple((tool.name, _first_line(tool.description)) for tool in tools)
    return replace(about, lines=lines, table=Table((words.say("tool"), words.say("does")), rows))


def _first_line(text: str) -> str:
    """What fits beside a name."""
    line = next(iter(text.strip().splitlines()), "")
    return line if len(line) <= ABOUT_CHARS_MAX else f"{line[:ABOUT_CHARS_MAX]}…"
