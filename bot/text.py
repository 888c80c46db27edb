"""Every sentence a person reads. Numbers come from the books, times from the platform's own way.

House style: what, which rule, when, what now; at most 300 characters; no blame, no exclamation
marks; a bar always carries its numbers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.figures import amount, during, grouped, money, percent, period_name, plain, short
from bot.panels import Gauge, Panel, Table, Tone
from bot.text_help import help_panel
from quota.limits import Limit, Reason
from quota.store import AuditRow, GrantRow
from quota.units import Unit
from quota.verdicts import Balance, Notice, Refused, Settlement
from quota.windows import Calendar, Rolling

# A reason that an admin gave; what is longer is cut where members read it.
REASON_MAX = 150


@dataclass(frozen=True, slots=True)
class Words:
    """The sentences of one platform: `when` writes an instant (UTC milliseconds) its way."""

    when: Callable[[int], str]
    admin_prefix: str = "/quota-admin"

    # Answers.

    def footer(self, done: Settlement, tokens: int, *, counted: bool) -> str:
        """1,240 tokens · 22% left today · resets …."""
        about = "≈" if counted else ""
        parts = [f"{about}{short(tokens)} tokens"]
        if done.credits is not None:
            parts.append(money(done.credits))
        own = [b for b in done.balances if b.granted is not None and b.left is not None]
        own = [b for b in own if b.kind == "allowance"] or own
        if own:
            least = max(own, key=lambda b: percent(b) or 0)
            left = 100 - (percent(least) or 0)
            name = {Unit.REQUESTS: " of requests", Unit.CREDITS: " of credits"}.get(least.unit, "")
            parts.append(f"{left}%{name} left {during(least.limit.rule.window)}")
            if least.opens_at is not None:
                parts.append(self._refills(least.limit, least.opens_at))
        return " · ".join(parts)

    def notice(self, notice: Notice) -> str:
        """Once per threshold and period."""
        total = amount(notice.granted, notice.unit)
        opens_at = notice.opens_at
        again = "" if opens_at is None else f"; it {self._refills(notice.limit, opens_at)}"
        window = during(notice.limit.rule.window)
        return (
            f"⚠ You have used {notice.threshold}% of your {total} {window}. "
            f"{plain(notice.left, notice.unit)} left{again}."
        )

    def clamped(self, tokens: int, limit: Limit | None) -> str:
        window = f" {during(limit.rule.window)}" if limit is not None else ""
        return f"Answer limited to about {grouped(tokens)} tokens, all that is left{window}."

    def history_trimmed(self, kept: int, dropped: int) -> str:
        if kept == 0:
            return "Earlier messages were left out: too little is left for them."
        used = "message was" if kept == 1 else f"{grouped(kept)} messages were"
        left_out = "1 older one was" if dropped == 1 else f"{grouped(dropped)} older ones were"
        return f"Only the last {used} used; {left_out} left out."

    def cut_at_limit(self, opens_at: int | None) -> str:
        again = "" if opens_at is None else f" More is possible {self.when(opens_at)}."
        return f"… ✂ Stopped at your limit. What you see was charged, nothing more.{again}"

    def cut_at_length(self) -> str:
        return "… ✂ Stopped at the longest answer this model may give. Ask it to continue."

    def cut_short(self, tokens: int) -> str:
        return (
            "… ✂ The answer broke off on the way. "
            f"Charged {grouped(tokens)} tokens for your message and what you see, nothing more."
        )

    def stopped(self, charged: int, returned: int) -> str:
        if not charged:
            return "⏹ Stopped by you. Nothing was charged."
        return (
            f"⏹ Stopped by you. Charged {grouped(charged)} tokens; "
            f"{grouped(returned)} reserved tokens returned."
        )

    def withheld(self, *, partly: bool) -> str:
        return f"The model's provider withheld {'the rest of ' if partly else ''}this answer."

    def empty(self) -> str:
        return "The model gave an empty answer."

    def counted_later(self) -> str:
        return "The books cannot be written right now; this answer will be counted later."

    def ignored_attachment(self, name: str, why: str) -> str:
        return f"Left out {name}: {why}."

    # Waiting and refusing.

    def waiting(self) -> str:
        return "Waiting for a running answer to free some of the allowance."

    def open_again(self, refused: Refused) -> str:
        return f"Your limit has opened again (rule {_name(refused)})."

    def queued(self) -> str:
        return "You have an answer running. I will take this one when it ends."

    def refusal(self, refused: Refused, admin_note: str = "") -> str:
        """What, which rule, when, what now."""
        text = self._refusal(refused)
        if admin_note and refused.reason in {"period_used", "pool_used", "too_large"}:
            text = f"{text} {admin_note}"
        return text

    def _refusal(self, refused: Refused) -> str:
        match refused.reason:
            case "paused":
                return self._switched(refused, "The bot is paused by an admin")
            case "blocked":
                return self._switched(refused, "An admin has blocked you from asking")
            case "unpriced":
                return (
                    "⛔ This model has no known price, and your allowance is in money "
                    f"(rule {_name(refused)}). Choose another model, or ask an admin to set a price."
                )
            case "store_unavailable":
                return "⛔ The books cannot be written right now, so no model was asked. Nothing was charged. Try again shortly."
            case "busy":
                return self._busy(refused)
            case "too_large":
                return self._too_large(refused)
            case "pool_used":
                return (
                    f"⛔ The shared budget is used up{self._until(refused)} (rule {_name(refused)}). "
                    "Your own allowance is untouched."
                )
            case "period_used":
                return self._used(refused)

    def _switched(self, refused: Refused, what: str) -> str:
        note = refused.note if len(refused.note) <= REASON_MAX else f"{refused.note[:REASON_MAX]}…"
        why = f": {note}" if note not in {"", "on"} else ""
        until = f" Back {self.when(refused.opens_at)}." if refused.opens_at is not None else ""
        return f"⛔ {what}{why}.{until} Nothing was charged."

    def _busy(self, refused: Refused) -> str:
        if refused.limit is None:
            return "⏳ You already have answers waiting. Ask again when one has come. Nothing was charged."
        return (
            "⏳ Running answers hold what is left right now "
            f"(rule {_name(refused)}). Try again in a moment. Nothing was charged."
        )

    def _too_large(self, refused: Refused) -> str:
        needed, left = amount(refused.needed, refused.unit), plain(refused.left, refused.unit)
        if refused.opens_at is None:
            return (
                f"⛔ This message needs about {needed}; the whole allowance is "
                f"{plain(refused.granted, refused.unit)} (rule {_name(refused)}). Shorten it."
            )
        return (
            f"⛔ This message needs about {needed}; you have {left} left{self._until(refused)} "
            f"(rule {_name(refused)}). Shorten it, or begin anew: /new."
        )

    def _used(self, refused: Refused) -> str:
        window = refused.limit.rule.window if refused.limit is not None else Calendar("day")
        used = plain(max(0, refused.granted - refused.left), refused.unit)
        again = "" if refused.opens_at is None else f" Full again {self.when(refused.opens_at)}."
        if isinstance(window, Rolling) and refused.opens_at is not None:
            again = f" Enough is free again {self.when(refused.opens_at)}."
        return (
            f"⛔ {period_name(window)} limit reached: {used} of "
            f"{amount(refused.granted, refused.unit)} used (rule {_name(refused)}).{again}"
        )

    def _until(self, refused: Refused) -> str:
        return "" if refused.opens_at is None else f" until {self.when(refused.opens_at)}"

    # Breakage.

    def provider_failed(self, ref: str) -> str:
        return f"The model did not answer. Nothing was charged. Try again in a moment. (ref {ref})"

    def provider_rejected(self, ref: str) -> str:
        return (
            "The model's provider did not accept the request. Nothing was charged. "
            f"An admin should look at the log. (ref {ref})"
        )

    def provider_broke(self, charged: int, ref: str) -> str:
        return (
            "The model's answer broke off before its first word. "
            f"Charged {grouped(charged)} tokens, which the provider may have billed. (ref {ref})"
        )

    def provider_unsettled(self, ref: str) -> str:
        return f"The model did not answer. The books cannot be written right now; what it may have used is counted later. (ref {ref})"

    def provider_silent(self, charged: int, ref: str) -> str:
        if not charged:
            return f"The model did not answer in time. Nothing was charged. (ref {ref})"
        return (
            f"The model did not answer in time. Charged {grouped(charged)} tokens for the prompt, "
            f"which the provider may have billed. (ref {ref})"
        )

    def interrupted(self) -> str:
        return "The bot was interrupted while answering this. What is known to be used was charged; an admin can give it back. Please ask again."

    def closing(self) -> str:
        return "The bot is being restarted and did not answer this. Nothing was charged. Ask again in a moment."

    def id_reused(self) -> str:
        return "This id was used before for another message; use a new one."

    def not_written(self) -> str:
        return "The books cannot be reached right now, and nothing was changed. Try again shortly."

    def store_trouble(self) -> str:
        return self.refusal(Refused("store_unavailable"))

    def internal(self, ref: str) -> str:
        return f"Something went wrong inside the bot. An admin should look at the log. (ref {ref})"

    def input_too_long(self, size: int, most: int) -> str:
        return f"⛔ This message has {grouped(size)} characters; at most {grouped(most)} are taken. Shorten it. Nothing was charged."

    def unknown_model(self, name: str, known: Sequence[str]) -> str:
        return f"There is no model {name!r}. Known: {', '.join(known)}."

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
        rules = "; ".join(b.limit.name for b in balances)
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
            details.append(self._refills(balance.limit, balance.opens_at))
        return Gauge(label, percent(balance), numbers, " · ".join(details))

    def _refills(self, limit: Limit, at: int) -> str:
        verb = "frees up from" if isinstance(limit.rule.window, Rolling) else "resets"
        return f"{verb} {self.when(at)}"

    def _extra(self, grant: GrantRow) -> str:
        until = "for good" if grant.until is None else f"until {self.when(grant.until)}"
        sign = "+" if grant.amount > 0 else ""
        rest = f", {plain(grant.amount - grant.spent, grant.unit)} left" if grant.spent else ""
        return f"Extra: {sign}{amount(grant.amount, grant.unit)} {until} (from {grant.actor}){rest}"

    def rules(self, who: str, reasons: Sequence[Reason]) -> Panel:
        """Which limits won, which did not, and why."""
        if not reasons:
            return Panel("Rules", "neutral", (f"No limit binds {who}.",))
        return Panel("Rules", "neutral", tuple(self.reason(r) for r in reasons))

    def reason(self, reason: Reason) -> str:
        """One limit and what became of it."""
        by = reason.by.name if reason.by is not None else ""
        why = {
            "binds": "binds",
            "member_first": f"does not bind: the member's own limit comes first ({by})",
            "role_first": f"does not bind: a role comes before everyone ({by})",
            "more_generous": f"does not bind: a more generous role wins ({by})",
            "lifted": f"lifted by {by}",
            "tighter": f"does not bind: a tighter cap does ({by})",
        }[reason.why]
        mark = "✓" if reason.binds else "–"
        return f"{mark} {reason.limit.name} [{reason.limit.origin}] {why}"

    def explained(
        self, who: str, lines: Sequence[str], reasons: Sequence[Reason], balances: Sequence[Balance]
    ) -> Panel:
        """Why this member would be admitted or refused, rule by rule."""
        rows = (*lines, *(self.reason(reason) for reason in reasons))
        gauges = tuple(self._gauge(b) for b in balances)
        return Panel(f"Explain {who}", "neutral", rows, gauges)

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
            "Limit set", "good", (f"{limit.name}{was}. It holds from the next message on.",)
        )

    def limit_removed(self, limit: Limit, after: Limit | None) -> Panel:
        now = f"Now {after.name} holds again." if after is not None else "Nothing takes its place."
        return Panel("Limit removed", "good", (f"{limit.name} is gone. {now}",))

    def granted(self, who: str, grant: GrantRow, balances: Sequence[Balance]) -> Panel:
        """Who got how much, until when, what that makes."""
        until = "for good" if grant.until is None else f"until {self.when(grant.until)}"
        verb = "Added" if grant.amount >= 0 else "Took"
        to = "for" if grant.amount >= 0 else "from"
        line = f"{verb} {amount(abs(grant.amount), grant.unit)} {to} @{who} {until}."
        mine = next((b for b in balances if b.unit is grant.unit and b.left is not None), None)
        if mine is not None:
            window = during(mine.limit.rule.window)
            line += f" Now {plain(mine.left or 0, mine.unit)} left {window}."
        reason = (f"Reason: {grant.reason}",) if grant.reason else ()
        return Panel("Granted" if grant.amount >= 0 else "Taken", "good", (line, *reason))

    def was_reset(self, who: str, balances: Sequence[Balance]) -> Panel:
        gauges = tuple(self._gauge(b) for b in balances)
        line = f"What @{who} had used is written off; running answers keep their reservation."
        return Panel("Reset", "good", (line,), gauges)

    def switched(self, title: str, line: str, until: int | None = None) -> Panel:
        ends = f" until {self.when(until)}" if until is not None else ""
        return Panel(title, "good", (f"{line}{ends}.",))

    def stopping(self, answers: int) -> str:
        if not answers:
            return "No answer of yours is running."
        return "Your answer is stopped." if answers == 1 else f"{answers} answers are stopped."

    def unblocked(self, who: str, *, was: bool) -> str:
        return f"@{who} can ask again" if was else f"@{who} was not blocked"

    def resumed(self, *, was: bool) -> str:
        return "Questions are answered again" if was else "Nothing was paused"

    def noticed(self, sentence: str) -> str:
        if not sentence:
            return "No sentence is added at the limit any more."
        return f"At the limit people now also read: {sentence}"

    def audit(self, rows: Sequence[AuditRow]) -> Panel:
        if not rows:
            return Panel("Audit", "neutral", ("Nothing has been changed in this time.",))
        cells = tuple(
            (self.when(r.at), r.actor, r.action, r.subject, f"{r.before} → {r.after}", r.reason)
            for r in rows
        )
        return Panel("Audit", table=Table(("when", "who", "did", "to", "change", "why"), cells))

    def not_allowed(self) -> Panel:
        line = "You need to be an admin here for that. The attempt was written down."
        return Panel("Not allowed", "bad", (line,))

    def mistake(self, problem: str, usage: str = "") -> Panel:
        lines = (problem[0].upper() + problem[1:].removesuffix(".") + ".",)
        return Panel(
            "That did not work", "warning", lines + ((f"Write: {usage}",) if usage else ())
        )

    def done(self, title: str, *lines: str) -> Panel:
        return Panel(title, "good", lines)

    def help(self, *, is_admin: bool, extra: Sequence[tuple[str, str]] = ()) -> Panel:
        """What can be typed."""
        return help_panel(self.admin_prefix if is_admin else "", extra)


def _name(refused: Refused) -> str:
    return refused.limit.name if refused.limit is not None else "unknown"
