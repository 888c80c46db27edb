"""What admins change: limits, grants, corrections, switches. Every act leaves an audit row."""

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from quota.clock import Clock
from quota.errors import BadRuleError
from quota.limits import Bound, Kind, Limit, parse_rule
from quota.members import Member, Scope, ScopeKind, Space
from quota.store import AuditRow, FlagRow, GrantRequest, GrantRow, LimitRow, Store
from quota.told import told_of
from quota.units import Amount, Unit, amount_text
from quota.verdicts import Balance
from quota.windows import Anchored, Rolling

# Switches that hold in every space.
EVERYWHERE = "*"
NEVER_ENDS = 1 << 62


class Act(NamedTuple):
    """Who does something, in which space, and why."""

    actor: str
    space: str
    reason: str = ""


class Said(NamedTuple):
    """What an audit row says was done, to whom, and what it changed."""

    action: str
    subject: str
    before: str = ""
    after: str = ""


class Governing:
    """The admins' side of the books, with what every ask must know of it kept in memory."""

    def __init__(self, store: Store, clock: Clock, changed: Callable[[], None]) -> None:
        """Tell `changed` whenever an ask may be decided otherwise than before."""
        self._store = store
        self._clock = clock
        self._changed = changed
        self._limits: dict[tuple[str, str], Limit] = {}
        self._flags: dict[tuple[str, str, str], FlagRow] = {}

    async def load(self, *, zone: str, week_start: int) -> None:
        """Read what was set before; BadRuleError names a stored limit that cannot be read."""
        limits = {}
        for row in await self._store.limits():
            limit = _limit(row, zone, week_start)
            limits[(row.space, limit.id)] = limit
        self._limits = limits
        self._flags = {(f.space, f.name, f.subject): f for f in await self._store.flags()}

    def limits(self, space: str) -> list[Limit]:
        """The limits that admins set in a space."""
        return [limit for (where, _), limit in self._limits.items() if where == space]

    def all_limits(self) -> list[Limit]:
        """The limits that admins set, in every space."""
        return list(self._limits.values())

    async def set_limit(self, act: Act, limit: Limit, before: Limit | None = None) -> None:
        """Set a limit; it binds from the next ask on. `before` is the operator's own, if any."""
        before = self._limits.get((act.space, limit.id), before)
        row = LimitRow(
            act.space,
            limit.scope.kind,
            limit.scope.name,
            limit.kind,
            limit.rule.text,
            limit.models,
        )
        audit = self._audit(act, "limit set", limit.id, before.name if before else "", limit.name)
        await self._store.put_limit(limit.id, row, audit, self._clock.now())
        self._limits[(act.space, limit.id)] = limit
        self._changed()

    async def drop_limit(self, act: Act, limit: Limit) -> bool:
        """Remove a limit that an admin set; the operator's own, if any, holds again."""
        audit = self._audit(act, "limit remove", limit.id, limit.name, "")
        dropped = await self._store.drop_limit(limit.id, act.space, audit, self._clock.now())
        self._limits.pop((act.space, limit.id), None)
        self._changed()
        return dropped

    async def grant(
        self,
        act: Act,
        member: Member,
        amount: Amount,
        bounds: Sequence[Bound],
        until: int | None = None,
    ) -> GrantRow:
        """Add to a member's allowance (take, where negative) until a time.

        Without one, until the end of the current period of the first allowance in that unit. A
        number without a unit takes that of the first allowance. BadRuleError where there is none.
        """
        own = [b for b in bounds if b.kind == "allowance" and b.amount is not None]
        if not own:
            hint = "; fill the balance" if any(b.kind == "balance" for b in bounds) else ""
            raise BadRuleError(f"{member.id} has no limited allowance that could be added to{hint}")
        unit = amount.unit or own[0].unit
        bound = next((b for b in own if b.unit is unit), None)
        if bound is None:
            raise BadRuleError(f"{member.id} has no allowance in {unit}; it counts {own[0].unit}")
        if amount.value == 0:
            raise BadRuleError("0 changes nothing; give an amount such as +5k tokens")
        ends = until if until is not None else await self._period_end(member.wallet, bound)
        return await self.give(
            act, member.wallet, unit, amount.value, None if ends == NEVER_ENDS else ends
        )

    async def give(
        self, act: Act, wallet: str, unit: Unit, amount: int, until: int | None
    ) -> GrantRow:
        """Add to a wallet (take, where negative) until an instant, None: for good."""
        request = GrantRequest(wallet, unit, amount, until, act.actor, act.reason)
        action = "grant" if amount > 0 else "take"
        audit = self._audit(act, action, wallet, "", amount_text(amount, unit))
        row = await self._store.grant(request, audit, self._clock.now())
        self._changed()
        return row

    async def reset(
        self, act: Act, member: Member, bounds: Sequence[Bound], window: str = ""
    ) -> list[Balance]:
        """Write off what a member has spent, in all own limits or those of one window."""
        mine = [b for b in bounds if b.kind in {"allowance", "cap"}]
        wanted = window.casefold()
        own = tuple(b for b in mine if wanted in {"", b.limit.id.casefold()})
        if not own:
            known = ", ".join(b.limit.id for b in mine) or "none"
            raise BadRuleError(
                f"{member.id} has no limit {window[:60]!r} of their own; own: {known}"
            )
        used = await self._store.balances(member.wallet, own, self._clock.now())
        before = ", ".join(f"{amount_text(b.used, b.unit)} in {b.limit.id}" for b in used if b.used)
        audit = self._audit(act, "reset", member.wallet, before or "nothing used", "nothing used")
        balances = await self._store.correct(member.wallet, own, audit, self._clock.now())
        self._changed()
        return balances

    async def switch(
        self, act: Act, name: str, subject: str, value: str, until: int | None = None
    ) -> bool:
        """Set a switch (`pause`, `block`, `note`) or, with an empty value, remove it.

        Returns whether anything changed.
        """
        key = (act.space, name, subject)
        before = self._flags.get(key)
        if before is not None and before.until is not None and before.until <= self._clock.now():
            before = None
        row = FlagRow(act.space, name, subject, value, until)
        action = name if value else f"un{name}" if name == "block" else f"{name} off"
        told = told_of(before.value, before.until) if before else ""
        audit = self._audit(act, action, subject, told, told_of(value, until))
        await self._store.put_flag(row, audit, self._clock.now())
        self._flags.pop(key, None)
        if value:
            self._flags[key] = row
        self._changed()
        return before != row if value else before is not None

    def flag(self, space: str, name: str, subject: str = "") -> str:
        """What a switch or setting says now; empty where there is none, or its time has ended."""
        flag = self._flags.get((space, name, subject))
        if flag is None or (flag.until is not None and flag.until <= self._clock.now()):
            return ""
        return flag.value

    def told(self, space: str, name: str, subject: str) -> str:
        """The same with its end, as the audit trail tells it."""
        flag = self._flags.get((space, name, subject))
        return told_of(flag.value, flag.until) if flag and self.flag(space, name, subject) else ""

    def flags(self, space: str, name: str) -> dict[str, str]:
        """All switches or settings of this name in a space that hold now, by their subject."""
        now = self._clock.now()
        return {
            subject: flag.value
            for (where, which, subject), flag in self._flags.items()
            if where == space and which == name and (flag.until is None or flag.until > now)
        }

    def spaces(self) -> set[str]:
        """The spaces in which admins have set anything."""
        return {flag.space for flag in self._flags.values() if flag.name == "space"}

    def kept_about(self, member: Member) -> list[FlagRow]:
        """All that is kept about a member: in the space, by their platform, or everywhere."""
        places = {member.space.key, Space(member.space.platform, "*").key, EVERYWHERE}
        names = {member.id, member.wallet}
        return [f for f in self._flags.values() if f.space in places and f.subject in names]

    async def keep(
        self, space: str, name: str, subject: str, value: str, until: int | None = None
    ) -> None:
        """Keep a member's or the bot's own setting (an empty value forgets it); no act of an admin.

        Nothing that decides an ask may be kept this way: it would change without a trace.
        """
        await self._keep(FlagRow(space, name, subject, value, until), None)

    async def record(
        self, act: Act, said: Said, name: str, key: str, value: str, until: int
    ) -> None:
        """Keep something under a name and key, with an audit row that says what was done."""
        audit = self._audit(act, said.action, said.subject, said.before, said.after)
        await self._keep(FlagRow(act.space, name, key, value, until), audit)

    async def _keep(self, row: FlagRow, audit: AuditRow | None) -> None:
        await self._store.put_flag(row, audit, self._clock.now())
        self._flags.pop(row[:3], None)
        if row.value:
            self._flags[row[:3]] = row

    async def forget_ended(self, names: Collection[str]) -> int:
        """Let go of what was kept under these names and has ended; how many.

        Only for names whose subjects are never used again: what is renewed meanwhile would go too.
        """
        now = self._clock.now()
        ended = [f for f in self._flags.values() if f.name in names and (f.until or now) < now]
        for flag in ended:
            await self.keep(flag.space, flag.name, flag.subject, "")
        return len(ended)

    async def note_refused(self, act: Act, action: str) -> None:
        """Write down that a command was refused for want of permission."""
        audit = self._audit(act, "refused", action, "", "")
        await self._store.audit(audit, self._clock.now())

    async def audit_trail(self, space: str, since: int, at_most: int) -> list[AuditRow]:
        """The newest acts first."""
        return await self._store.audit_trail(space, since, at_most)

    async def grants(self, member: Member) -> list[GrantRow]:
        """The grants of a member that hold now."""
        return await self._store.grants(member.wallet, self._clock.now())

    def closed_to(self, member: Member, now: int) -> FlagRow | None:
        """The switch that stops this member, if one does: pauses first."""
        space = member.space.key
        for key in (
            (EVERYWHERE, "pause", ""),
            (space, "pause", ""),
            (space, "block", member.wallet),
        ):
            flag = self._flags.get(key)
            if flag is not None and (flag.until is None or flag.until > now):
                return flag
        return None

    def warn_at(self, space: str) -> tuple[int, ...]:
        """The thresholds that admins chose for their space; empty: the operator's."""
        return tuple(int(part) for part in self.flag(space, "warn").split(",") if part)

    def note(self, space: str) -> str:
        """The admins' own sentence at the limit."""
        flag = self._flags.get((space, "note", ""))
        return flag.value if flag is not None else ""

    async def _period_end(self, wallet: str, bound: Bound) -> int:
        now = self._clock.now()
        (balance,) = await self._store.balances(wallet, (bound,), now)
        window = bound.window
        if isinstance(window, Rolling) or (isinstance(window, Anchored) and not balance.opens_at):
            return now + window.length_ms
        return NEVER_ENDS if balance.opens_at is None else balance.opens_at

    def _audit(self, act: Act, action: str, subject: str, before: str, after: str) -> AuditRow:
        now = self._clock.now()
        return AuditRow(now, act.space, act.actor, action, subject, before, after, act.reason)


def _limit(row: LimitRow, zone: str, week_start: int) -> Limit:
    shared = row.kind == "shared"
    rule = parse_rule(row.rule, zone=zone, week_start=week_start, unit=Unit.TOKENS, shared=shared)
    kind: Kind = "cap" if row.kind == "cap" else "shared" if shared else "allowance"
    return Limit(Scope(scope_kind(row.scope_kind), row.scope_name), kind, rule, row.models, "chat")


_SCOPES: tuple[ScopeKind, ...] = ("everyone", "role", "member", "channel", "space", "house")


def scope_kind(text: str) -> ScopeKind:
    """What a stored limit is about; BadRuleError for anything else."""
    for kind in _SCOPES:
        if kind == text:
            return kind
    raise BadRuleError(f"{text!r} is no scope of a limit")
