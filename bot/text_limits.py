"""What the previews of limits say."""

from collections.abc import Iterator

from bot.figures import grouped, limit_called
from bot.panels import Field, Form, Panel
from bot.previews import Touched
from bot.text import Words
from quota.limits import Limit


def preview_set(words: Words, limit: Limit, before: Limit | None, found: Touched) -> Panel:
    """Whom a limit would touch if it were set."""
    was = f" (now {before.rule.text})" if before is not None else ""
    lines = (f"{words.limit(limit)}{was}.", *_touches(words, limit, found), "Apply?")
    return Panel("Set this limit", "warning" if found.waits else "neutral", lines)


def preview_remove(words: Words, limit: Limit, back: Limit | None, found: Touched) -> Panel:
    """Whom it would touch if a limit were removed."""
    then = f"Then {words.limit(back)} holds again." if back else "Nothing would take its place."
    lines = (f"{words.limit(limit)} would go. {then}", *_touches(words, limit, found), "Apply?")
    return Panel("Remove this limit", "warning" if found.waits else "neutral", lines)


def _touches(words: Words, limit: Limit, found: Touched) -> Iterator[str]:
    """In numbers of members who asked in the last 30 days."""
    what = limit_called(limit.rule.window, words)
    if limit.kind == "shared":
        what = f"{what} that all share"
    if found.lowered:
        yield f"This lowers the {what} for {_members(found.lowered)}{_shut(words, found)}."
    if found.raised:
        freed = f"; {grouped(found.freed)} of them wait now and could go on" if found.freed else ""
        yield f"This raises the {what} for {_members(found.raised)}{freed}."
    if not found.lowered and not found.raised:
        yield f"It changes nothing for the {_members(found.seen)} who asked in the last 30 days."
    if found.more:
        yield f"Only {_members(found.seen)} were looked at; there are more."
    if found.strangers and limit.scope.kind == "role":
        who = _members(found.strangers)
        yield f"The roles of {who} are not known yet: they have not written since the last start."


def _shut(words: Words, found: Touched) -> str:
    if not found.waits:
        return "; nobody would have to wait now"
    verb = "is" if found.waits == 1 else "are"
    until = f" until {words.when(found.opens_at)}" if found.opens_at is not None else ""
    return f"; {grouped(found.waits)} {verb} already above it and would wait{until}"


def _members(count: int) -> str:
    return "1 member" if count == 1 else f"{grouped(count)} members"


def preview_reset(_words: Words, members: int) -> Panel:
    """How much would be written off."""
    line = f"This writes off what {_members(members)} have used in their current periods."
    lines = (line, "Running answers keep their reservation. It cannot be undone. Apply?")
    return Panel("Reset all members", "bad", lines)


def was_reset_all(_words: Words, members: int) -> Panel:
    """How much was written off."""
    line = (
        f"What {_members(members)} had used is written off; running answers keep their reservation."
    )
    return Panel("Reset", "good", (line,))


def changed_since() -> Panel:
    """A preview that is true no more."""
    line = "The limits were changed since this was shown; nothing was applied. Write it again to see whom it touches now."
    return Panel("Not applied", "warning", (line,))


def expired() -> Panel:
    """A preview whose time has ended."""
    line = "This was shown more than 15 minutes ago, or is applied or cancelled already. Nothing was changed now. Write it again."
    return Panel("Not applied", "warning", (line,))


def cancelled() -> Panel:
    """Nothing came of it."""
    return Panel("Cancelled", "neutral", ("Nothing was changed.",))


def confirm_form(_words: Words, sentence: str, subject: str) -> Form:
    """To be typed once more."""
    field = Field("confirm", f'Type "{sentence}" to go on', hint=sentence)
    return Form("apply", "Reset all members", (field,), "Reset", subject)


def not_confirmed(sentence: str) -> str:
    """Something else was typed."""
    return f"nothing was changed: to go on, type {sentence}"


def line_form(_words: Words, line: str) -> Form:
    """A typed line, to be mended."""
    hint = "limit set 20k tokens per day for @role"
    field = Field("line", "Command", "long", line, hint, chars_max=1_000)
    return Form("line", "Write a command", (field,), "Go")
