"""What the cards of the commands say."""

from collections.abc import Sequence

from bot.figures import amount, during, percent, plain
from bot.panels import Gauge, Panel, Table, Tone
from bot.text_answers import Answers
from bot.text_help import help_panel
from quota.limits import Limit, Reason
from quota.store import GrantRow
from quota.verdicts import Balance, Refused


class Cards(Answers):
    """The sentences of the commands."""

    __slots__ = ()

    # Cards.

    def quota(self, who: str, balances: Sequence[Balance], grants: Sequence[GrantRow]) -> Panel:
        """Every binding limit with its bar, used, held, left, and when it refills."""
        if not balances:
            return Panel("Quota", "good", (f"No limit binds {who}.",))
        finite = [p for p in (percent(b) for b in balances) if p is not None]
        worst = max(finite, default=0)
        tone: Tone = "bad" if worst >= 100 else "warning" if worst >= 75 else "good"  # noqa: PLR2004
        title = f"Quota — {100 - worst}% left" if finite else "Quota — unlimited"
        lines = tuple(self._extra(grant) for grant in grants)
        held = sum(b.held for b in balances[:1])
        if held:
            lines += (f"Running now: {amount(held, balances[0].unit)} reserved",)
        gauges = tuple(self._gauge(b) for b in balances)
        rules = "; ".join(self.limit(b.limit) for b in balances)
        return Panel(title, tone, lines, gauges, footer=f"Rules: {rules}")

    def _gauge(self, balance: Balance) -> Gauge:
        window = during(balance.limit.rule.window)
        label = window[0].upper() + window[1:]
        if balance.kind == "shared":
            label = f"{label}, shared by {balance.limit.scope.text}"
        if balance.granted is None:
            return Gauge(label, None, f"{amount(balance.used, balance.unit)} used, unlimited")
        numbers = f"{plain(balance.used, balance.unit)} / {amount(balance.granted, balance.unit)}"
        details = [f"{plain(balance.left or 0, balance.unit)} left"]
        if balance.held:
            details.append(f"{plain(balance.held, balance.unit)} held")
        if balance.opens_at is not None:
            details.append(self.refills(balance.limit, balance.opens_at))
        return Gauge(label, percent(balance), numbers, " · ".join(details))

    def _extra(self, grant: GrantRow) -> str:
        until = "for good" if grant.until is None else f"until {self.when(grant.until)}"
        sign = "+" if grant.amount > 0 else ""
        rest = f", {plain(grant.amount - grant.spent, grant.unit)} left" if grant.spent else ""
        return f"Extra: {sign}{amount(grant.amount, grant.unit)} {until} (from {self.actor(grant.actor)}){rest}"

    def rules(self, who: str, reasons: Sequence[Reason]) -> Panel:
        """Which limits won, which did not, and why."""
        if not reasons:
            return Panel("Rules", "neutral", (f"No limit binds {who}.",))
        return Panel("Rules", "neutral", tuple(self.reason(r) for r in reasons))

    def reason(self, reason: Reason) -> str:
        """One limit and what became of it."""
        by = self.limit(reason.by) if reason.by is not None else ""
        why = {
            "binds": "binds",
            "member_first": f"does not bind: the member's own limit comes first ({by})",
            "role_first": f"does not bind: a role comes before everyone ({by})",
            "more_generous": f"does not bind: a more generous role wins ({by})",
            "lifted": f"lifted by {by}",
            "tighter": f"does not bind: a tighter cap does ({by})",
        }[reason.why]
        mark = "✓" if reason.binds else "–"
        return f"{mark} {self.limit(reason.limit)} [{reason.limit.origin}] {why}"

    def explained(
        self, who: str, lines: Sequence[str], reasons: Sequence[Reason], balances: Sequence[Balance]
    ) -> Panel:
        """Why this member would be admitted or refused, rule by rule."""
        rows = (*lines, *(self.reason(reason) for reason in reasons))
        gauges = tuple(self._gauge(b) for b in balances)
        return Panel(f"Explain {who}", "neutral", rows, gauges)

    def known_of(self, roles: Sequence[str], model: str) -> str:
        held = ", ".join(self.bare(self.role(role)) for role in roles) or "none known"
        return f"Roles: {held}. Model: {model}."

    def verdict(self, refused: Refused | None) -> str:
        if refused is None:
            return "A short question would be answered now."
        return f"A short question would be refused now. They would read: {self.refusal(refused)}"

    def limits(self, limits: Sequence[Limit]) -> Panel:
        if not limits:
            return Panel("Limits", "neutral", ("No limits are set: everything is allowed.",))
        rows = tuple((x.id, x.rule.text, x.kind, x.origin) for x in limits)
        return Panel("Limits", table=Table(("rule", "amount", "kind", "set in"), rows))

    def limit_set(self, limit: Limit, before: Limit | None) -> Panel:
        was = f" (was {before.rule.text})" if before is not None else ""
        return Panel(
            "Limit set", "good", (f"{self.limit(limit)}{was}. It holds from the next message on.",)
        )

    def limit_removed(self, limit: Limit, after: Limit | None) -> Panel:
        now = (
            f"Now {self.limit(after)} holds again."
            if after is not None
            else "Nothing takes its place."
        )
        return Panel("Limit removed", "good", (f"{self.limit(limit)} is gone. {now}",))

    def granted(self, who: str, grant: GrantRow, balances: Sequence[Balance]) -> Panel:
        """Who got how much, until when, what that makes."""
        until = "for good" if grant.until is None else f"until {self.when(grant.until)}"
        verb = "Added" if grant.amount >= 0 else "Took"
        to = "for" if grant.amount >= 0 else "from"
        line = f"{verb} {amount(abs(grant.amount), grant.unit)} {to} {self.who(who)} {until}."
        mine = next((b for b in balances if b.unit is grant.unit and b.left is not None), None)
        if mine is not None:
            window = during(mine.limit.rule.window)
            line += f" Now {plain(mine.left or 0, mine.unit)} left {window}."
        reason = (f"Reason: {grant.reason}",) if grant.reason else ()
        return Panel("Granted" if grant.amount >= 0 else "Taken", "good", (line, *reason))

    def was_reset(self, who: str, balances: Sequence[Balance]) -> Panel:
        gauges = tuple(self._gauge(b) for b in balances)
        line = (
            f"What {self.who(who)} had used is written off; running answers keep their reservation."
        )
        return Panel("Reset", "good", (line,), gauges)

    def switched(self, title: str, line: str, until: int | None = None) -> Panel:
        ends = f" until {self.when(until)}" if until is not None else ""
        return Panel(title, "good", (f"{line}{ends}.",))

    def stopping(self, answers: int) -> str:
        if not answers:
            return "No answer of yours is running."
        return "Your answer is stopped." if answers == 1 else f"{answers} answers are stopped."

    def unblocked(self, who: str, *, was: bool) -> str:
        return f"{self.who(who)} can ask again" if was else f"{self.who(who)} was not blocked"

    def resumed(self, *, was: bool) -> str:
        return "Questions are answered again" if was else "Nothing was paused"

    def noticed(self, sentence: str) -> str:
        if not sentence:
            return "No sentence is added at the limit any more."
        return f"At the limit people now also read: {sentence}"

    def apply_label(self) -> str:
        return "Apply"

    def cancel_label(self) -> str:
        return "Cancel"

    def line_label(self) -> str:
        return "Open the form"

    def setup_label(self) -> str:
        return "Set up"

    def notice_label(self) -> str:
        return "Notices"

    def undo_label(self, number: int = 0) -> str:
        return f"Undo {number}" if number else "Undo"

    def not_allowed(self) -> Panel:
        line = "You need to be an admin here for that. The attempt was written down."
        return Panel("Not allowed", "bad", (line,))

    def not_yours(self) -> Panel:
        return Panel("Not allowed", "bad", ("Only the person who asked can use this.",))

    def unknown_action(self) -> str:
        return "this button belongs to another version; ask for the card again"

    def mistake(self, problem: str, usage: str = "") -> Panel:
        lines = (problem[0].upper() + problem[1:].removesuffix(".") + ".",)
        return Panel(
            "That did not work", "warning", lines + ((f"Write: {usage}",) if usage else ())
        )

    def done(self, title: str, *lines: str) -> Panel:
        return Panel(title, "good", lines)

    def help(
        self, *, is_admin: bool, is_staff: bool = False, extra: Sequence[tuple[str, str]] = ()
    ) -> Panel:
        """What can be typed."""
        prefix = self.admin_prefix if is_admin else ""
        return help_panel(prefix, extra, is_staff=is_staff)
