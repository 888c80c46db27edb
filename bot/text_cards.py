"""What the cards of the commands say."""

from collections.abc import Sequence

from bot import text_balance, text_pool
from bot.figures import amount, begun, during, percent, plain
from bot.languages import phrase
from bot.panels import Gauge, Panel, Table, Tone
from bot.text_answers import Answers
from bot.text_help import help_panel
from quota.limits import Limit, Reason
from quota.store import GrantRow
from quota.verdicts import Balance, Refused

_WHY = {
    "binds": phrase("binds"),
    "member_first": phrase("does not bind: the member's own limit comes first ({by})"),
    "role_first": phrase("does not bind: a role comes before everyone ({by})"),
    "more_generous": phrase("does not bind: a more generous role wins ({by})"),
    "lifted": phrase("lifted by {by}"),
    "tighter": phrase("does not bind: a tighter cap does ({by})"),
}


class Cards(Answers):
    """The sentences of the commands."""

    __slots__ = ()

    # Cards.

    def quota(self, who: str, balances: Sequence[Balance], grants: Sequence[GrantRow]) -> Panel:
        """Every binding limit with its bar, used, held, left, and when it refills."""
        if not balances:
            line = self.say("No limit binds {who}.", who=who)
            return Panel(self.say("Quota"), "good", (line,))
        least = max(balances, key=lambda b: percent(b) or 0)
        worst = percent(least) or 0
        tone: Tone = "bad" if worst >= 100 else "warning" if worst >= 75 else "good"  # noqa: PLR2004
        title = self.say("Quota — unlimited")
        if least.prepaid is not None:
            title = text_balance.title(self, least.prepaid)
        elif any(b.granted is not None for b in balances):
            title = self.say("Quota — {left}% left", left=100 - worst)
        lines = tuple(self._extra(grant) for grant in grants)
        held = sum(b.held for b in balances[:1])
        if held:
            running = amount(held, balances[0].unit, self)
            if balances[0].prepaid is not None:
                running = text_balance.taken(self, held)
            lines += (self.say("Running now: {amount} reserved", amount=running),)
        gauges = tuple(self._gauge(b) for b in balances)
        # A role without limits is one rule, and stands for several.
        rules = "; ".join(dict.fromkeys(self.limit(b.limit) for b in balances))
        return Panel(title, tone, lines, gauges, footer=self.say("Rules: {rules}", rules=rules))

    def _gauge(self, balance: Balance) -> Gauge:
        if balance.pool is not None:
            return text_pool.gauge(self, balance, balance.pool)
        if balance.prepaid is not None:
            return text_balance.gauge(self, balance, balance.prepaid)
        label = begun(during(balance.limit.rule.window, self))
        if balance.kind == "shared":
            by = balance.limit.scope.text
            label = self.say("{during}, shared by {by}", during=label, by=by)
        used = amount(balance.used, balance.unit, self)
        if balance.granted is None:
            return Gauge(label, None, self.say("{used} used, unlimited", used=used))
        used = plain(balance.used, balance.unit, self)
        numbers = f"{used} / {amount(balance.granted, balance.unit, self)}"
        left = plain(balance.left or 0, balance.unit, self)
        details = [self.say("{left} left", left=left)]
        if balance.held:
            details.append(self.say("{n} held", n=plain(balance.held, balance.unit, self)))
        if balance.opens_at is not None:
            details.append(self.refills(balance.limit, balance.opens_at))
        return Gauge(label, percent(balance), numbers, " · ".join(details))

    def until(self, at: int | None) -> str:
        """How long a grant holds."""
        if at is None:
            return self.say("for good")
        return self.say("until {when}", when=self.when(at))

    def _extra(self, grant: GrantRow) -> str:
        sign = "+" if grant.amount > 0 else ""
        extra = self.say(
            "Extra: {amount} {until} (from {who})",
            amount=sign + amount(grant.amount, grant.unit, self),
            until=self.until(grant.until),
            who=self.actor(grant.actor),
        )
        if not grant.spent:
            return extra
        left = plain(grant.amount - grant.spent, grant.unit, self)
        return self.say("{extra}, {left} left", extra=extra, left=left)

    def rules(self, who: str, reasons: Sequence[Reason]) -> Panel:
        """Which limits won, which did not, and why."""
        title = self.say("Rules")
        if not reasons:
            return Panel(title, "neutral", (self.say("No limit binds {who}.", who=who),))
        return Panel(title, "neutral", tuple(self.reason(r) for r in reasons))

    def reason(self, reason: Reason) -> str:
        """One limit and what became of it."""
        by = self.limit(reason.by) if reason.by is not None else ""
        why = self.say(_WHY[reason.why], by=by)
        mark = "✓" if reason.binds else "–"
        return f"{mark} {self.limit(reason.limit)} [{reason.limit.origin}] {why}"

    def explained(
        self, who: str, lines: Sequence[str], reasons: Sequence[Reason], balances: Sequence[Balance]
    ) -> Panel:
        """Why this member would be admitted or refused, rule by rule."""
        rows = (*lines, *(self.reason(reason) for reason in reasons))
        gauges = tuple(self._gauge(b) for b in balances)
        return Panel(self.say("Explain {who}", who=who), "neutral", rows, gauges)

    def known_of(self, roles: Sequence[str], model: str) -> str:
        held = ", ".join(self.bare(self.role(role)) for role in roles) or self.say("none known")
        return self.say("Roles: {roles}. Model: {model}.", roles=held, model=model)

    def verdict(self, refused: Refused | None) -> str:
        if refused is None:
            return self.say("A short question would be answered now.")
        return self.say(
            "A short question would be refused now. They would read: {refusal}",
            refusal=self.refusal(refused),
        )

    def limits(self, limits: Sequence[Limit]) -> Panel:
        title = self.say("Limits")
        if not limits:
            line = self.say("No limits are set: everything is allowed.")
            return Panel(title, "neutral", (line,))
        rows = tuple((x.id, x.rule.text, x.kind, x.origin) for x in limits)
        columns = (self.say("rule"), self.say("amount"), self.say("kind"), self.say("set in"))
        return Panel(title, table=Table(columns, rows))

    def limit_set(self, limit: Limit, before: Limit | None, stranger: str = "") -> Panel:
        """`stranger`: the name that was typed, where nobody who has it was met."""
        name = self.limit(limit)
        line = self.say("{limit}. It holds from the next message on.", limit=name)
        if before is not None:
            line = self.say(
                "{limit} (was {before}). It holds from the next message on.",
                limit=name,
                before=before.rule.text,
            )
        lines = [line]
        if stranger:
            lines.append(
                self.say(
                    "@{name} is taken for a member; a role is written @role:{name}.", name=stranger
                )
            )
        return Panel(self.say("Limit set"), "good", tuple(lines))

    def limit_removed(self, limit: Limit, after: Limit | None) -> Panel:
        gone = self.say("{limit} is gone.", limit=self.limit(limit))
        now = self.say("Nothing takes its place.")
        if after is not None:
            now = self.say("Now {limit} holds again.", limit=self.limit(after))
        return Panel(self.say("Limit removed"), "good", (self.joined(gone, now),))

    def granted(self, who: str, grant: GrantRow, balances: Sequence[Balance]) -> Panel:
        """Who got how much, until when, what that makes."""
        much, until = amount(abs(grant.amount), grant.unit, self), self.until(grant.until)
        title = self.say("Granted")
        line = self.say(
            "Added {amount} for {who} {until}.", amount=much, who=self.who(who), until=until
        )
        if grant.amount < 0:
            title = self.say("Taken")
            line = self.say(
                "Took {amount} from {who} {until}.", amount=much, who=self.who(who), until=until
            )
        mine = next((b for b in balances if b.unit is grant.unit and b.left is not None), None)
        if mine is not None:
            left = plain(mine.left or 0, mine.unit, self)
            window = during(mine.limit.rule.window, self)
            line = self.joined(
                line, self.say("Now {left} left {during}.", left=left, during=window)
            )
        lines = (line, self.because(grant.reason)) if grant.reason else (line,)
        return Panel(title, "good", lines)

    def because(self, reason: str) -> str:
        """The reason that somebody gave."""
        return self.say("Reason: {reason}", reason=reason)

    def was_reset(self, who: str, balances: Sequence[Balance]) -> Panel:
        gauges = tuple(self._gauge(b) for b in balances)
        line = self.say(
            "What {who} had used is written off; running answers keep their reservation.",
            who=self.who(who),
        )
        return Panel(self.say("Reset"), "good", (line,), gauges)

    def switched(self, title: str, line: str, until: int | None = None) -> Panel:
        if until is not None:
            line = self.say("{what} until {when}", what=line, when=self.when(until))
        return Panel(title, "good", (self.say("{what}.", what=line),))

    def stopping(self, answers: int) -> str:
        if not answers:
            return self.say("No answer of yours is running.")
        return self.count(answers, "Your answer is stopped.", "{n} answers are stopped.")

    def blocked(self, who: str, until: int | None) -> Panel:
        line = self.say("{who} cannot ask", who=self.who(who))
        return self.switched(self.say("Blocked"), line, until)

    def unblocked(self, who: str, *, was: bool) -> Panel:
        line = self.say("{who} was not blocked", who=self.who(who))
        if was:
            line = self.say("{who} can ask again", who=self.who(who))
        return self.switched(self.say("Unblocked"), line)

    def paused(self, until: int | None) -> Panel:
        return self.switched(self.say("Paused"), self.say("No question is answered here"), until)

    def resumed(self, *, was: bool) -> Panel:
        line = self.say("Questions are answered again") if was else self.say("Nothing was paused")
        return self.switched(self.say("Resumed"), line)

    def noticed(self, sentence: str) -> Panel:
        line = self.say("No sentence is added at the limit any more.")
        if sentence:
            line = self.say("At the limit people now also read: {sentence}", sentence=sentence)
        return self.done(self.say("Notice"), line)

    def begun_anew(self) -> Panel:
        line = self.say("Earlier messages are left out from here on.")
        return self.done(self.say("New conversation"), line)

    def apply_label(self) -> str:
        return self.say("Apply")

    def cancel_label(self) -> str:
        return self.say("Cancel")

    def line_label(self) -> str:
        return self.say("Open the form")

    def setup_label(self) -> str:
        return self.say("Set up")

    def notice_label(self) -> str:
        return self.say("Notices")

    def undo_label(self, number: int = 0) -> str:
        return self.say("Undo {number}", number=number) if number else self.say("Undo")

    def not_allowed(self) -> Panel:
        line = self.say("You need to be an admin here for that. The attempt was written down.")
        return Panel(self.say("Not allowed"), "bad", (line,))

    def not_yours(self) -> Panel:
        line = self.say("Only the person who asked can use this.")
        return Panel(self.say("Not allowed"), "bad", (line,))

    def unknown_action(self) -> str:
        return self.say("this button belongs to another version; ask for the card again")

    def mistake(self, problem: str, usage: str = "") -> Panel:
        lines = [self.say("{what}.", what=begun(problem.rstrip(".。")))]
        if usage:
            lines.append(self.say("Write: {usage}", usage=usage))
        return Panel(self.say("That did not work"), "warning", tuple(lines))

    def done(self, title: str, *lines: str) -> Panel:
        return Panel(title, "good", lines)

    def help(
        self, *, is_admin: bool, is_staff: bool = False, extra: Sequence[tuple[str, str]] = ()
    ) -> Panel:
        """What can be typed."""
        prefix = self.admin_prefix if is_admin else ""
        return help_panel(self, prefix, extra, is_staff=is_staff)
