"""Changes that wait for somebody to press Apply: kept with the books, so they outlive a restart.

What is kept is the line that was typed. Apply carries it out as if it were typed again, by whoever
presses, so there is one way in which a change is made and checked.
"""

import json
from dataclasses import replace
from hashlib import sha256
from secrets import token_hex
from typing import NamedTuple

from bot.desk import Desk, Handled, Typed, space_of
from bot.panels import Action, Panel
from bot.text import Words
from quota.members import Space

PENDING = "pending"
PENDING_MS = 15 * 60_000
RESET_ALL = "reset all"


class Pending(NamedTuple):
    """The line that waits, and what the limits were when it was shown."""

    line: str
    limits: str


async def propose(desk: Desk, typed: Typed, line: str, panel: Panel, words: Words) -> Handled:
    """Keep a line of an admin for a while, and show what it would do."""
    space, id_ = space_of(typed), token_hex(4)
    value = json.dumps(Pending(line, limits_of(desk, space)))
    until = desk.clock.now() + PENDING_MS
    await desk.quotas.governing.keep(space.key, PENDING, id_, value, until)
    actions = (
        Action("apply", words.apply_label(), id_, style="primary"),
        Action("cancel", words.cancel_label(), id_),
    )
    return Handled(replace(panel, actions=actions))


def waiting(desk: Desk, space: Space, id_: str) -> Pending | None:
    """What waits under an id in this space; None: nothing, or its time has ended."""
    value = desk.quotas.governing.flag(space.key, PENDING, id_)
    return Pending(*json.loads(value)) if value else None


async def forget(desk: Desk, space: Space, id_: str) -> None:
    """It was applied, or is not wanted any more."""
    await desk.quotas.governing.keep(space.key, PENDING, id_, "")


def limits_of(desk: Desk, space: Space) -> str:
    """A short hash of the limits that hold: a preview is true for these."""
    names = "\n".join(limit.name for limit in desk.quotas.policy(space.key).limits)
    return sha256(names.encode()).hexdigest()[:16]
