"""What the audit trail says, and what is said when an act is taken back."""

import re
from collections.abc import Collection, Sequence

from bot.panels import Panel, Table
from bot.text import Words
from quota.ceilings import CEILING
from quota.members import Space
from quota.store import AuditRow
from quota.told import value_of

_MEMBER = re.compile(r"(\bmember[: ])([^\s:]+)")


def audit(words: Words, space: Space, rows: Sequence[AuditRow], back: Collection[int]) -> Panel:
    """Newest first; `back` are the numbers of acts that can be undone."""
    if not rows:
        line = words.say("Nothing has been changed in this time.")
        return Panel(words.say("Audit"), "neutral", (line,))
    cells = tuple(
        (
            words.when(row.at),
            words.actor(row.actor),
            row.action,
            _subject(words, space, row),
            _change(words, row),
            row.reason,
            f"undo {row.id}" if row.id in back else "",
        )
        for row in rows
    )
    # As one, for "to" alone says too little.
    columns = tuple(words.say("when | who | did | to | change | why | take back").split(" | "))
    return Panel(words.say("Audit"), table=Table(columns, cells))


def undone(words: Words, space: Space, row: AuditRow) -> Panel:
    """An act was taken back."""
    what = f"{row.action} {_subject(words, space, row)}".strip()
    line = words.say("Act {id} ({act}) is taken back.", id=row.id, act=what)
    if row.before:
        before = words.say("It is {before} again.", before=_state(words, row.before))
        line = words.joined(line, before)
    return Panel(words.say("Undone"), "good", (line,))


def _subject(words: Words, space: Space, row: AuditRow) -> str:
    """To whom or what: a member of this space as the platform writes them."""
    mine = f"{space.key}:"
    if row.action.startswith(CEILING):
        return words.who(row.subject)
    if not row.subject.startswith(mine) or row.action == "refused":
        return _people(words, row.subject)
    return words.who(row.subject.removeprefix(mine))


def _change(words: Words, row: AuditRow) -> str:
    """What was and what is; a dash for nothing."""
    before, after = _state(words, row.before), _state(words, row.after)
    return f"{before or '–'} → {after or '–'}" if before or after else ""


def _state(words: Words, told: str) -> str:
    """What was, or is; with its end as the platform writes it."""
    value, until = value_of(told)
    shown = _people(words, value)
    if until is None:
        return shown
    return words.say("{what} until {when}", what=shown, when=words.when(until))


def _people(words: Words, text: str) -> str:
    """Limits and attempts, with the members in them as the platform writes them."""
    return _MEMBER.sub(lambda found: found[1] + words.actor(found[2]), text)
