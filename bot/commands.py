"""The commands of the chat: which function carries out a typed line, and who may have it done.

The parser of the text grammar is in grammar.py; what a command says is in text*.py. Every command
is checked here, whoever called it, and every act or refused attempt leaves an audit row.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from difflib import get_close_matches

from bot import (
    admin_commands,
    balance_commands,
    limit_commands,
    member_commands,
    pool_commands,
    quota_views,
    report_commands,
    request_commands,
    setup_commands,
    undo_commands,
)
from bot.desk import Desk, Handled, Typed
from bot.grammar import Line, MistakeError, parse_line
from bot.line_actions import mending_action, menu_actions, typing_action
from bot.messages import Card
from bot.panels import Panel
from bot.permissions import DEEDS, may_command
from bot.text import Words
from quota.errors import BadRuleError
from quota.members import Requester

__all__ = ["Commands", "Typed"]

ATTEMPT_CHARS_MAX = 100
WORD_CHARS_MAX = 40

Command = Callable[[Desk, Typed, str, Words], Awaitable[Handled]]
AdminCommand = Callable[[Desk, Typed, Line, Words], Awaitable[Handled]]

MEMBERS: dict[str, Command] = {
    "quota": quota_views.quota,
    "help": member_commands.help_,
    "new": member_commands.new,
    "stop": member_commands.stop,
    "chat": member_commands.chat,
    "model": member_commands.model,
    "privacy": member_commands.privacy,
}
ADMINS: dict[str, AdminCommand] = {
    "limit": limit_commands.limit,
    "pool": pool_commands.pool,
    "balance": balance_commands.balance,
    "grant": admin_commands.grant,
    "reset": admin_commands.reset,
    "block": admin_commands.block,
    "unblock": admin_commands.unblock,
    "explain": admin_commands.explain,
    "audit": undo_commands.audit,
    "undo": undo_commands.undo,
    "pause": admin_commands.pause,
    "resume": admin_commands.resume,
    "notice": setup_commands.notice,
    "alerts": setup_commands.alerts,
    "contact": setup_commands.contact,
    "thresholds": setup_commands.thresholds,
    "channel": setup_commands.channel,
    "model": setup_commands.model,
    "setup": setup_commands.setup,
    "requests": request_commands.listed,
    "approve": request_commands.approve,
    "deny": request_commands.deny,
    "usage": report_commands.usage,
    "top": report_commands.top,
}
STAFF: dict[str, AdminCommand] = {
    "show": request_commands.show,
    "grant": request_commands.grant,
    "requests": request_commands.listed,
    "approve": request_commands.approve,
    "deny": request_commands.deny,
}
GOVERNING = {"quota-admin": ADMINS, "quota-staff": STAFF}


class Commands:
    """All commands of the chat, the same on every platform."""

    def __init__(self, desk: Desk) -> None:
        """Act upon what is on this desk."""
        self._desk = desk

    def meet(self, requester: Requester) -> None:
        """Remember the roles somebody held last, for when an admin speaks of them."""
        self._desk.meet(requester)

    async def run(self, typed: Typed, words: Words) -> Card:
        """Carry out a command. Mistakes are answered with what to write, never raised.

        StoreUnavailableError passes through: nothing was changed.
        """
        command, rest = [*typed.text.strip().removeprefix("/").split(maxsplit=1), "", ""][:2]
        command = command.casefold()
        self._desk.learn(typed.requester.member, words)
        try:
            if command in DEEDS and not may_command(typed.requester, command):
                await self._desk.note_refused(typed.requester, rest[:ATTEMPT_CHARS_MAX])
                return Handled(words.not_allowed()).card
            return (await carry_out(self._desk, typed, command, rest, words)).card
        except BadRuleError as mistake:
            panel = words.mistake(str(mistake))
        except MistakeError as mistake:
            panel = words.mistake(mistake.told(words), _typed_whole(command, mistake.usage))
        if typed.previews and command in GOVERNING:
            line = f"{command} {rest}".strip()
            mend = await mending_action(self._desk, typed, line, words)
            panel = replace(panel, actions=(mend,))
        return Handled(panel).card


async def carry_out(desk: Desk, typed: Typed, command: str, rest: str, words: Words) -> Handled:
    """Do it; who may was checked before. MistakeError and BadRuleError say what is wrong."""
    if command in GOVERNING:
        return await _governing(desk, typed, rest, words, GOVERNING[command])
    if command in MEMBERS:
        return await MEMBERS[command](desk, typed, rest, words)
    known = [name for name in (*MEMBERS, *GOVERNING) if may_command(typed.requester, name)]
    meant = _meant(command, rest, known)
    usage = f"/{meant}" if meant else "/help"
    raise MistakeError("there is no command /{command}", usage, command=command[:WORD_CHARS_MAX])


def _meant(word: str, rest: str, known: Iterable[str]) -> str:
    """The line with the word that was probably meant; empty where nobody could tell."""
    nearest = get_close_matches(word[:WORD_CHARS_MAX], list(known), 1)
    line = f"{nearest[0]} {rest}".strip() if nearest else ""
    return line if len(line) <= ATTEMPT_CHARS_MAX else nearest[0]


def _typed_whole(command: str, usage: str) -> str:
    """How to write it, from the slash on: without it the line would go to the model as a question.

    What governs says only its verb, as the forms of the platforms want it.
    """
    is_verb = usage.partition(" ")[0] in GOVERNING.get(command, {})
    return f"/{command} {usage}" if is_verb else usage


def _menu(panel: Panel, verbs: dict[str, AdminCommand]) -> Panel:
    """Of the help what those who govern or help can type, where buttons lead to the rest."""
    if panel.table is None:
        return panel
    name = next(name for name, known in GOVERNING.items() if known is verbs)
    rows = tuple(row for row in panel.table.rows if name in row[0])
    return replace(panel, lines=(), table=replace(panel.table, rows=rows))


async def _governing(
    desk: Desk, typed: Typed, rest: str, words: Words, verbs: dict[str, AdminCommand]
) -> Handled:
    if not rest.strip():
        panel = words.help(is_admin=typed.requester.is_admin, is_staff=verbs is STAFF)
        if typed.previews:
            actions = menu_actions(words) if verbs is ADMINS else (typing_action(words),)
            panel = replace(_menu(panel, verbs), actions=actions)
        return Handled(panel)
    line = parse_line(rest)
    command = verbs.get(line.verb)
    if command is None:
        usage = _meant(line.verb, line.rest, verbs) or "/help"
        raise MistakeError("there is no {verb!r}", usage, verb=line.verb[:WORD_CHARS_MAX])
    return await command(desk, typed, line, words)
