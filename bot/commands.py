"""/quota and the admin commands: functions from a typed line to a card.

The parser of the text grammar is in grammar.py; what a command says is in text.py. Every admin
command is checked here, whoever called it, and every act or refused attempt leaves an audit row.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from bot.chat import ChatHandler
from bot.figures import panel_text
from bot.grammar import (
    Line,
    MistakeError,
    Target,
    parse_amount_word,
    parse_limit_line,
    parse_line,
    parse_until,
)
from bot.messages import Ask, Card
from bot.panels import Panel
from bot.permissions import allowed
from bot.text import Words
from quota.clock import Clock
from quota.errors import BadRuleError
from quota.governing import Act
from quota.limits import Limit
from quota.members import Member, Requester, Scope
from quota.quotas import CallRequest, Quotas
from quota.verdicts import Balance

DAY_MS = 86_400_000
AUDIT_ROWS_MAX = 50
AUDIT_DAYS_MAX = 365
NOTE_CHARS_MAX = 300
# Known from the plans and from other bots: refused by their names.
NOT_YET = frozenset({"ask", "chat", "privacy", "regenerate", "model"})
ADMIN_NOT_YET = frozenset(
    {"usage", "top", "requests", "channel", "model", "setup", "undo", "member", "request"}
)
# What a short question takes: for "would it be answered now?".
SHORT_INPUT = 50

Handled = tuple[Panel, Sequence[Balance]]


@dataclass(frozen=True, slots=True)
class Typed:
    """A command as it was typed: `text` begins with its slash."""

    requester: Requester
    text: str
    thread: str = ""
    model: str = ""


class Commands:
    """All commands of the chat, the same on every platform."""

    def __init__(self, quotas: Quotas, chat: ChatHandler, clock: Clock) -> None:
        """Act on these quotas, and on the running turns of this chat."""
        self._quotas = quotas
        self._chat = chat
        self._clock = clock
        self._roles: dict[str, tuple[str, ...]] = {}
        self._table: dict[str, Callable[[Typed, Line, Words], Awaitable[Handled]]] = {
            "limit": self._limit,
            "pool": self._pool,
            "grant": self._grant,
            "reset": self._reset,
            "block": self._block,
            "unblock": self._unblock,
            "explain": self._explain,
            "audit": self._audit,
            "pause": self._pause,
            "resume": self._resume,
            "notice": self._notice,
        }

    def meet(self, requester: Requester) -> None:
        """Remember the roles somebody held last, for when an admin speaks of them."""
        self._roles[requester.member.wallet] = requester.roles

    async def run(self, typed: Typed, words: Words) -> Card:
        """Carry out a command. Mistakes are answered with what to write, never raised.

        StoreUnavailableError passes through: nothing was changed.
        """
        command, rest = [*typed.text.strip().removeprefix("/").split(maxsplit=1), "", ""][:2]
        command = command.casefold()
        try:
            if not allowed(typed.requester, command) and command == "quota-admin":
                act = self._act(typed.requester)
                await self._quotas.governing.note_refused(act, rest[:100])
                return _card(words.not_allowed())
            panel, balances = await self._run(typed, command, rest, words)
        except MistakeError as mistake:
            return _card(words.mistake(str(mistake), mistake.usage))
        except BadRuleError as mistake:
            return _card(words.mistake(str(mistake)))
        return _card(panel, balances)

    async def _run(self, typed: Typed, command: str, rest: str, words: Words) -> Handled:
        match command:
            case "quota":
                return await self._quota(typed, rest, words)
            case "quota-admin":
                return await self._admin(typed, rest, words)
            case "help":
                return words.help(is_admin=typed.requester.is_admin), ()
            case "new":
                self._chat.conversations.forget(
                    Ask("", typed.requester, "", thread=typed.thread).conversation
                )
                return words.done(
                    "New conversation", "Earlier messages are left out from here on."
                ), ()
            case "stop":
                stopped = self._chat.stop_member(typed.requester.member.wallet)
                return words.done("Stop", words.stopping(stopped)), ()
            case _ if command in NOT_YET:
                raise MistakeError(f"/{command} is not part of this version", "/help")
            case _:
                raise MistakeError(f"there is no command /{command[:40]}", "/help")

    async def _quota(self, typed: Typed, view: str, words: Words) -> Handled:
        requester = typed.requester
        model = self._chat.models.find(typed.model) or self._chat.models.default
        balances = await self._quotas.balances(requester, model.terms)
        match view.strip().casefold():
            case "" | "summary":
                grants = await self._quotas.governing.grants(requester.member)
                return words.quota("you", balances, grants), balances
            case "rules":
                policy = self._quotas.policy(requester.member.space.key)
                reasons = policy.reasons(requester, model.terms.names)
                return words.rules("you", reasons), balances
            case "history" | "receipt":
                raise MistakeError(f"/quota {view.strip()} is not part of this version", "/quota")
            case _:
                said = view.strip()[:40]
                raise MistakeError(f"/quota has no view {said!r}", "/quota [summary|rules]")

    async def _admin(self, typed: Typed, rest: str, words: Words) -> Handled:
        if not rest.strip():
            return words.help(is_admin=True), ()
        line = parse_line(rest)
        command = self._table.get(line.verb)
        if line.verb in ADMIN_NOT_YET:
            raise MistakeError(f"{line.verb} is not part of this version", "/help")
        if command is None:
            raise MistakeError(f"there is no {line.verb[:40]!r}", "/help")
        return await command(typed, line, words)

    async def _limit(self, typed: Typed, line: Line, words: Words) -> Handled:
        sub, _, rest = line.rest.partition(" ")
        match sub.casefold():
            case "set":
                wanted = parse_limit_line(rest, self._is_role, self._zone, self._week_start)
                return await self._set(typed, line, wanted, words)
            case "list":
                policy = self._quotas.policy(typed.requester.member.space.key)
                return words.limits(policy.limits), ()
            case "remove":
                return await self._remove(typed, line, rest.strip(), words)
            case _:
                raise MistakeError(
                    "limit is set, list or remove", "limit set 20k tokens per day for everyone"
                )

    async def _pool(self, typed: Typed, line: Line, words: Words) -> Handled:
        wanted = parse_limit_line(line.rest, self._is_role, self._zone, self._week_start)
        if wanted.scope.kind != "everyone" or wanted.kind != "allowance":
            raise MistakeError("a pool is for the whole space", "pool 2M tokens per day")
        pool = Limit(Scope("space"), "shared", wanted.rule, wanted.models, "chat")
        return await self._set(typed, line, pool, words)

    async def _set(self, typed: Typed, line: Line, limit: Limit, words: Words) -> Handled:
        policy = self._quotas.policy(typed.requester.member.space.key)
        before = next((x for x in policy.limits if x.slot == limit.slot), None)
        await self._quotas.governing.set_limit(
            self._act(typed.requester, line.reason), limit, before
        )
        return words.limit_set(limit, before), ()

    async def _remove(self, typed: Typed, line: Line, rule: str, words: Words) -> Handled:
        space = typed.requester.member.space.key
        wanted = rule.casefold()
        mine = self._quotas.governing.limits(space)
        limit = next((x for x in mine if wanted in {x.id.casefold(), x.name.casefold()}), None)
        if limit is None:
            base = self._quotas.rules.policy(space).limits
            if any(wanted in {x.id.casefold(), x.name.casefold()} for x in base):
                raise MistakeError(f"{rule!r} is set in the config file; change it there")
            known = ", ".join(x.id for x in mine) or "none was set in the chat"
            raise MistakeError(f"there is no rule {rule!r}; known: {known}", "limit remove <rule>")
        await self._quotas.governing.drop_limit(self._act(typed.requester, line.reason), limit)
        policy = self._quotas.policy(space)
        after = next((x for x in policy.limits if x.slot == limit.slot), None)
        return words.limit_removed(limit, after), ()

    async def _grant(self, typed: Typed, line: Line, words: Words) -> Handled:
        usage = "grant @ana +5k tokens until 3d -- reason"
        target, rest = self._member_of(typed, line.rest, usage)
        amount_part, until = parse_until(rest, self._clock.now())
        amount = parse_amount_word(amount_part, usage)
        requester = self._as(target)
        bounds = self._quotas.bounds(requester, self._chat.models.default.terms)
        act = self._act(typed.requester, line.reason)
        row = await self._quotas.governing.grant(act, target, amount, bounds, until)
        balances = await self._balances(requester)
        return words.granted(target.id, row, balances), balances

    async def _reset(self, typed: Typed, line: Line, words: Words) -> Handled:
        usage = "reset @ana [rule] -- reason"
        if line.rest.split()[:1] == ["all"]:
            raise MistakeError("to reset all members is not part of this version", usage)
        target, rest = self._member_of(typed, line.rest, usage)
        requester = self._as(target)
        bounds = self._quotas.bounds(requester, self._chat.models.default.terms)
        act = self._act(typed.requester, line.reason)
        balances = await self._quotas.governing.reset(act, target, bounds, rest.strip())
        return words.was_reset(target.id, balances), await self._balances(requester)

    async def _block(self, typed: Typed, line: Line, words: Words) -> Handled:
        target, rest = self._member_of(typed, line.rest, "block @ana until 2h -- reason")
        leftover, until = parse_until(rest, self._clock.now())
        if leftover:
            raise MistakeError(f"{leftover!r} is not understood", "block @ana until 2h -- reason")
        act = self._act(typed.requester, line.reason)
        value = line.reason or "on"
        await self._quotas.governing.switch(act, "block", target.wallet, value, until)
        return words.switched("Blocked", f"@{target.id} cannot ask", until), ()

    async def _unblock(self, typed: Typed, line: Line, words: Words) -> Handled:
        target, leftover = self._member_of(typed, line.rest, "unblock @ana")
        if leftover:
            raise MistakeError(f"{leftover!r} is not understood", "unblock @ana -- reason")
        act = self._act(typed.requester, line.reason)
        changed = await self._quotas.governing.switch(act, "block", target.wallet, "")
        return words.switched("Unblocked", words.unblocked(target.id, was=changed)), ()

    async def _explain(self, typed: Typed, line: Line, words: Words) -> Handled:
        usage = "explain @ana [model mini] [in #channel]"
        target, rest = self._member_of(typed, line.rest, usage)
        model_name, channel = _explain_options(rest, usage)
        model = self._chat.models.find(model_name)
        if model is None:
            raise MistakeError(words.unknown_model(model_name, self._chat.models.names))
        requester = self._as(target, channel)
        reasons = self._quotas.policy(target.space.key).reasons(requester, model.terms.names)
        balances = await self._quotas.balances(requester, model.terms)
        verdict = await self._quotas.would_refuse(
            CallRequest(
                requester, model.terms, SHORT_INPUT, model.output_max, "", "", self._clock.now()
            )
        )
        roles = ", ".join(requester.roles) or "none known"
        lines = (f"Roles: {roles}. Model: {model.key}.", words.verdict(verdict))
        return words.explained(f"@{target.id}", lines, reasons, balances), balances

    async def _audit(self, typed: Typed, line: Line, words: Words) -> Handled:
        days = line.rest.strip() or "7"
        if not days.isdecimal() or not 1 <= int(days) <= AUDIT_DAYS_MAX:
            raise MistakeError(f"{days!r} is no number of days", "audit [1-365]")
        since = self._clock.now() - int(days) * DAY_MS
        space = typed.requester.member.space.key
        return words.audit(
            await self._quotas.governing.audit_trail(space, since, AUDIT_ROWS_MAX)
        ), ()

    async def _pause(self, typed: Typed, line: Line, words: Words) -> Handled:
        leftover, until = parse_until(line.rest, self._clock.now())
        if leftover:
            raise MistakeError(f"{leftover!r} is not understood", "pause [until 2h] -- reason")
        act = self._act(typed.requester, line.reason)
        await self._quotas.governing.switch(act, "pause", "", line.reason or "on", until)
        return words.switched("Paused", "No question is answered here", until), ()

    async def _resume(self, typed: Typed, line: Line, words: Words) -> Handled:
        if line.rest:
            raise MistakeError(f"{line.rest!r} is not understood", "resume -- reason")
        act = self._act(typed.requester, line.reason)
        changed = await self._quotas.governing.switch(act, "pause", "", "")
        return words.switched("Resumed", words.resumed(was=changed)), ()

    async def _notice(self, typed: Typed, line: Line, words: Words) -> Handled:
        sentence = line.rest.strip()
        if len(sentence) > NOTE_CHARS_MAX:
            raise MistakeError(
                f"the sentence has {len(sentence)} characters; at most 300 are shown"
            )
        if not sentence:
            raise MistakeError("a sentence is missing", "notice <sentence> | notice off")
        value = "" if sentence.casefold() == "off" else sentence
        act = self._act(typed.requester, line.reason)
        await self._quotas.governing.switch(act, "note", "", value)
        return words.done("Notice", words.noticed(value)), ()

    # Who is meant.

    def _member_of(self, typed: Typed, text: str, usage: str) -> tuple[Member, str]:
        target, rest = Target.first(text, self._is_role, usage)
        if target.kind != "member":
            raise MistakeError(f"@{target.name} is a role; this is for one member", usage)
        return Member(typed.requester.member.space, target.name), rest

    def _as(self, member: Member, channel: str = "general") -> Requester:
        """A member as last seen; their roles are not known before they have said something."""
        return Requester(member, self._roles.get(member.wallet, ()), channel)

    def _is_role(self, name: str) -> bool:
        """Whether a name is that of a role: in a limit, or held by somebody who was seen."""
        limits = (*self._quotas.rules.base.limits, *(self._all_chat_limits()))
        named = {x.scope.name for x in limits if x.scope.kind == "role"}
        return name in named or any(name in roles for roles in self._roles.values())

    def _all_chat_limits(self) -> list[Limit]:
        return self._quotas.governing.all_limits()

    async def _balances(self, requester: Requester) -> Sequence[Balance]:
        return await self._quotas.balances(requester, self._chat.models.default.terms)

    def _act(self, requester: Requester, reason: str = "") -> Act:
        return Act(requester.member.id, requester.member.space.key, reason)

    @property
    def _zone(self) -> str:
        return self._quotas.rules.zone

    @property
    def _week_start(self) -> int:
        return self._quotas.rules.week_start


def _explain_options(rest: str, usage: str) -> tuple[str, str]:
    """`model M` and `in #channel`, in any order."""
    model, channel = "", "general"
    words = rest.split()
    while words:
        if words[0].casefold() == "model" and len(words) > 1:
            model, words = words[1], words[2:]
        elif words[0].casefold() == "in" and len(words) > 1 and words[1].startswith("#"):
            channel, words = words[1][1:], words[2:]
        else:
            raise MistakeError(f"{words[0]!r} is not understood", usage)
    return model, channel


def _card(panel: Panel, balances: Sequence[Balance] = ()) -> Card:
    return Card(panel, panel_text(panel), tuple(balances))
