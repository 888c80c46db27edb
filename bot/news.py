"""What people should hear without having asked: admins of a space, or one member in private."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from bot.panels import Panel
from quota.members import Member, Space

_log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Alert:
    """Something the admins of a space should see; platforms show it in the alert channel."""

    space: Space
    panel: Panel


@dataclass(frozen=True, slots=True)
class Word:
    """Something one member should see, and nobody else: it answers what they began."""

    member: Member
    panel: Panel


@dataclass(slots=True)
class News:
    """Who hears what; the lists are those of the bot (bot/bot.py)."""

    on_alert: list[Callable[[Alert], None]] = field(default_factory=list)
    on_word: list[Callable[[Word], None]] = field(default_factory=list)

    def alert(self, space: Space, panel: Panel) -> None:
        """Tell the admins of a space."""
        _tell(self.on_alert, Alert(space, panel))

    def tell(self, member: Member, panel: Panel) -> None:
        """Tell one member."""
        _tell(self.on_word, Word(member, panel))


def _tell(hearers: Sequence[Callable[[T], None]], what: T) -> None:
    for hear in hearers:
        try:
            hear(what)
        except Exception:  # a platform that cannot listen must not undo what was done
            _log.exception("news could not be told")
