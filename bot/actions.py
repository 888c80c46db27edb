"""What happens when somebody uses an action of a card or submits a form: checked anew each time.

An action carries all that it needs (see panels.Action), so it works after a restart. The adapter
first asks `form`: where an action opens a form, platforms want it at once. Else, and for what a
form brings, it asks `press`.
"""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from bot import (
    admin_actions,
    form_actions,
    member_actions,
    price_commands,
    report_actions,
    request_commands,
    setup_actions,
)
from bot.desk import Desk, Handled
from bot.grammar import MistakeError
from bot.panels import Form
from bot.permissions import ACTIONS, may_press
from bot.pressing import AskAgain, Pressed, Pressing, Shown
from bot.text import Words
from quota.errors import BadRuleError

__all__ = ["Actions", "AskAgain", "Pressed", "Pressing", "Shown"]

Opens: TypeAlias = Callable[[Desk, Pressed, Words], Form | None]
Does: TypeAlias = Callable[[Desk, Pressed, Words], Awaitable[Pressing]]

FORMS: dict[str, Opens] = {
    "settings": member_actions.settings_form,
    "sending": price_commands.sending_form,
    "privacy": member_actions.delete_form,
    "apply": admin_actions.apply_form,
    "more": request_commands.more_form,
    "less": request_commands.less_form,
    "deny": request_commands.deny_form,
    "line": admin_actions.line_form,
    "report": report_actions.report_form,
    "limit": form_actions.limit_form,
    "grant": form_actions.grant_form,
    "notice": setup_actions.notice_form,
    "setup": setup_actions.setup_form,
}
DEEDS: dict[str, Does] = {
    "again": member_actions.again,
    "onward": member_actions.onward,
    "use": member_actions.use,
    "room": member_actions.room,
    "send": price_commands.send,
    "drop": price_commands.drop,
    "sending": price_commands.sending,
    "stop": member_actions.stop,
    "good": member_actions.feedback,
    "bad": member_actions.feedback,
    "quota": member_actions.quota,
    "remind": member_actions.remind,
    "settings": member_actions.settings,
    "forget": member_actions.forget,
    "privacy": member_actions.delete,
    "apply": admin_actions.apply,
    "more": request_commands.more_sent,
    "approve": request_commands.approved,
    "less": request_commands.approved,
    "deny": request_commands.denied,
    "notice": setup_actions.notice,
    "setup": setup_actions.setup,
    "cancel": admin_actions.cancel,
    "undo": admin_actions.undo,
    "line": admin_actions.line,
    "report": report_actions.report,
    "limit": form_actions.limit,
    "grant": form_actions.grant,
    "giveback": admin_actions.give_back,
}


class Actions:
    """All actions and forms, the same on every platform."""

    def __init__(self, desk: Desk) -> None:
        """Act upon what is on this desk."""
        self._desk = desk

    def form(self, pressed: Pressed, words: Words) -> Form | None:
        """What the action asks for first, from memory; None: nothing, or not to this requester."""
        opens = FORMS.get(pressed.name)
        if pressed.values or opens is None:
            return None
        if not may_press(pressed.requester, pressed.name, pressed.owner):
            return None
        return opens(self._desk, pressed, words)

    async def press(self, pressed: Pressed, words: Words) -> Pressing:
        """Do it. Mistakes and refusals are answered with a card, never raised.

        StoreUnavailableError passes through: nothing was changed.
        """
        self._desk.meet(pressed.requester, words)
        does = DEEDS.get(pressed.name)
        if does is None:
            return Shown(Handled(words.mistake(words.unknown_action())).card)
        if not may_press(pressed.requester, pressed.name, pressed.owner):
            return await self._refused(pressed, words)
        try:
            return await does(self._desk, pressed, words)
        except MistakeError as mistake:
            return Shown(Handled(words.mistake(mistake.told(words), mistake.usage)).card)
        except BadRuleError as mistake:
            return Shown(Handled(words.mistake(str(mistake))).card)

    async def _refused(self, pressed: Pressed, words: Words) -> Pressing:
        """Not theirs, or beyond what they may; only the latter is worth an audit row."""
        if ACTIONS.get(pressed.name) == "own":
            return Shown(Handled(words.not_yours()).card)
        attempt = f"{pressed.name} {pressed.subject}".strip()
        await self._desk.note_refused(pressed.requester, attempt)
        return Shown(Handled(words.not_allowed()).card)
