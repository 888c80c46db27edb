"""What the previews of limits say."""

from collections.abc import Iterator

from bot.figures import grouped, limit_called
from bot.panels import Field, Form, Panel
from bot.previews import Touched
from bot.text import Words
from quota.limits import Limit


def preview_set(words: Words, limit: Limit, before: Limit | None, found: Touched) -> Panel:
    """Whom a limit would touch if it were set."""
    name = words.limit(limit)
    line = words.say("{what}.", what=name)
    if before is not None:
        line = words.say("{limit} (now {before}).", limit=name, before=before.rule.text)
    lines = (line, *_touches(words, limit, found), words.say("Apply?"))
    return Panel(words.say("Set this limit"), "warning" if found.waits else "neutral", lines)


def preview_remove(words: Words, limit: Limit, back: Limit | None, found: Touched) -> Panel:
    """Whom it would touch if a limit were removed."""
    gone = words.say("{limit} would go.", limit=words.limit(limit))
    then = words.say("Nothing would take its place.")
    if back:
        then = words.say("Then {limit} holds again.", limit=words.limit(back))
    lines = (words.joined(gone, then), *_touches(words, limit, found), words.say("Apply?"))
    return Panel(words.say("Remove this limit"), "warning" if found.waits else "neutral", lines)


def _touches(words: Words, limit: Limit, found: Touched) -> Iterator[str]:
    """In numbers of members who asked in the last 30 days."""
    what = limit_called(limit.rule.window, words)
    if limit.kind == "shared":
        what = words.say("{limit} that all share", limit=what)
    if found.lowered:
        whom = _members(words, found.lowered)
        text = words.say("This lowers the {limit} for {members}", limit=what, members=whom)
        yield _shut(words, text, found)
    if found.raised:
        whom = _members(words, found.raised)
        text = words.say("This raises the {limit} for {members}", limit=what, members=whom)
        yield _freed(words, text, found)
    if not found.lowered and not found.raised:
        yield words.say(
            "It changes nothing for the {members} who asked in the last 30 days.",
            members=_members(words, found.seen),
        )
    if found.more:
        seen = _members(words, found.seen)
        yield words.say("Only {members} were looked at; there are more.", members=seen)
    if found.strangers and limit.scope.kind == "role":
        yield words.say(
            "The roles of {members} are not known yet: they have not written since the last start.",
            members=_members(words, found.strangers),
        )


def _freed(words: Words, text: str, found: Touched) -> str:
    if not found.freed:
        return words.say("{what}.", what=text)
    return words.say(
        "{what}; {n} of them wait now and could go on.",
        what=text,
        n=grouped(found.freed, words),
    )


def _shut(words: Words, text: str, found: Touched) -> str:
    if not found.waits:
        return words.say("{what}; nobody would have to wait now.", what=text)
    if found.opens_at is None:
        return words.count(
            found.waits,
            "{what}; 1 is already above it and would wait.",
            "{what}; {n} are already above it and would wait.",
            what=text,
        )
    return words.count(
        found.waits,
        "{what}; 1 is already above it and would wait until {when}.",
        "{what}; {n} are already above it and would wait until {when}.",
        what=text,
        when=words.when(found.opens_at),
    )


def _members(words: Words, count: int) -> str:
    return words.count(count, "1 member", "{n} members")


def preview_reset(words: Words, members: int) -> Panel:
    """How much would be written off."""
    lines = (
        words.say(
            "This writes off what {members} have used in their current periods.",
            members=_members(words, members),
        ),
        words.say("Running answers keep their reservation. It cannot be undone. Apply?"),
    )
    return Panel(words.say("Reset all members"), "bad", lines)


def was_reset_all(words: Words, members: int) -> Panel:
    """How much was written off."""
    line = words.say(
        "What {who} had used is written off; running answers keep their reservation.",
        who=_members(words, members),
    )
    return Panel(words.say("Reset"), "good", (line,))


def changed_since(words: Words) -> Panel:
    """A preview that is true no more."""
    line = words.say(
        "The limits were changed since this was shown; nothing was applied. Write it again to see whom it touches now."
    )
    return Panel(words.say("Not applied"), "warning", (line,))


def expired(words: Words) -> Panel:
    """A preview whose time has ended."""
    line = words.say(
        "This was shown more than 15 minutes ago, or is applied or cancelled already. Nothing was changed now. Write it again."
    )
    return Panel(words.say("Not applied"), "warning", (line,))


def cancelled(words: Words) -> Panel:
    """Nothing came of it."""
    return Panel(words.say("Cancelled"), "neutral", (words.say("Nothing was changed."),))


def confirm_form(words: Words, sentence: str, subject: str) -> Form:
    """To be typed once more."""
    label = words.say('Type "{word}" to go on', word=sentence)
    field = Field("confirm", label, hint=sentence)
    title = words.say("Reset all members")
    return Form("apply", title, (field,), words.say("Reset"), subject)


def not_confirmed(words: Words, sentence: str) -> str:
    """Something else was typed."""
    return words.say("nothing was changed: to go on, type {word}", word=sentence)


def line_form(words: Words, line: str) -> Form:
    """A typed line, to be mended."""
    hint = "limit set 20k tokens per day for @role"
    field = Field("line", words.say("Command"), "long", line, hint, chars_max=1_000)
    return Form("line", words.say("Write a command"), (field,), words.say("Go"))
