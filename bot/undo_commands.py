"""Looking back at what admins did, and taking it back."""

import re
from collections.abc import Sequence
from dataclasses import replace

from bot import text_audit
from bot.desk import Desk, Handled, Typed, act_of, space_of
from bot.grammar import Line, MistakeError, Target
from bot.panels import Action
from bot.text import Words
from quota.governing import EVERYWHERE
from quota.members import Member
from quota.store import AuditRow
from quota.undoing import ACTS_MAX, reversible

DAY_MS = 86_400_000
ROWS_MAX = 50
DAYS_MAX = 365
UNDO_BUTTONS_MAX = 5
# An act is looked for among so many: those of others that came in between.
NEWEST = 10
USAGE = "audit [1-365] [by @ada] [to @ana]"
_FILTER = re.compile(r"\b(by|to)\s+(@\"[^\"]+\"|@(?:member|role):\"[^\"]+\"|@\S+)", re.IGNORECASE)


async def audit(desk: Desk, typed: Typed, line: Line, words: Words) -> Handled:
    """Who changed what, newest first; by one admin, or to one member or role."""
    filters = {key.casefold(): whom for key, whom in _FILTER.findall(line.rest)}
    days = _FILTER.sub("", line.rest).strip() or "7"
    if not days.isdecimal() or not 1 <= int(days) <= DAYS_MAX:
        raise MistakeError("{said!r} is no number of days", USAGE, said=days)
    since, space = desk.clock.now() - int(days) * DAY_MS, space_of(typed)
    governing = desk.quotas.governing
    trail = await governing.audit_trail(space.key, since, ACTS_MAX)
    # What the operator changed for all spaces, such as a price, concerns this one, too.
    trail += await governing.audit_trail(EVERYWHERE, since, ACTS_MAX)
    trail.sort(key=lambda row: row.id, reverse=True)
    for whom in filters.values():
        target, _ = Target.first(whom, desk.is_role, USAGE)
        if target.kind == "member" and all(row.actor != target.name for row in trail):
            desk.check_member(space, target.name, USAGE)
    rows = [row for row in trail if _matches(desk, typed, row, filters)][:ROWS_MAX]
    back = [row for row in rows if row.space == space.key and reversible(row, trail)]
    panel = text_audit.audit(words, space, rows, {row.id for row in back})
    buttons = tuple(_undo_action(row, words) for row in back[:UNDO_BUTTONS_MAX])
    return Handled(replace(panel, actions=buttons))


def _matches(desk: Desk, typed: Typed, row: AuditRow, filters: dict[str, str]) -> bool:
    """Whether a row is by the one and to the other that were asked for."""
    for key, text in filters.items():
        target, _ = Target.first(text, desk.is_role, USAGE)
        if key == "by" and row.actor != target.name:
            return False
        wallet = Member(space_of(typed), target.name).wallet
        whole = {target.name, wallet}
        named = f"{target.kind}:{target.name.replace(' ', ':')} "
        if key == "to" and row.subject not in whole and not row.subject.startswith(named):
            return False
    return True


async def undo(desk: Desk, typed: Typed, line: Line, words: Words) -> Handled:
    """Take an act back by its number."""
    number = line.rest.strip().removeprefix("#")
    if not number.isdecimal():
        raise MistakeError("{said!r} is no number of an act", "undo 17", said=number)
    act = act_of(typed.requester, line.reason)
    row = await desk.undoing.undo(act, int(number), desk.quotas.rules)
    return Handled(text_audit.undone(words, space_of(typed), row))


async def with_undo(
    desk: Desk, typed: Typed, handled: Handled, act: tuple[str, str], words: Words
) -> Handled:
    """What was done, with a button that takes it back; only where there are buttons."""
    if not typed.previews:
        return handled
    space, now = space_of(typed).key, desk.clock.now()
    rows = await desk.quotas.governing.audit_trail(space, now - DAY_MS, NEWEST)
    row = _newest(rows, typed.requester.member.id, act)
    if row is None:
        return handled
    panel = handled.panel
    actions = (*panel.actions, _undo_action(row, words, words.undo_label()))
    return handled._replace(panel=replace(panel, actions=actions))


def _newest(rows: Sequence[AuditRow], actor: str, act: tuple[str, str]) -> AuditRow | None:
    same = (r for r in rows if r.actor == actor and (r.action, r.subject) == act)
    newest = next(same, None)
    return newest if newest is not None and reversible(newest, rows) else None


def _undo_action(row: AuditRow, words: Words, label: str = "") -> Action:
    return Action("undo", label or words.undo_label(row.id), str(row.id))
