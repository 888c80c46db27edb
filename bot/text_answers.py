"""What a person reads of an answer, or instead of one: footers, notices, refusals, breakage."""

from collections.abc import Sequence

from bot.figures import amount, begun, during, grouped, limit_called, money, percent, plain, short
from bot.text_dialect import Dialect
from quota.limits import Limit
from quota.units import Unit
from quota.verdicts import Notice, Refused, Settlement
from quota.windows import Calendar, Rolling

# A reason that an admin gave; what is longer is cut where members read it.
REASON_MAX = 150


class Answers(Dialect):
    """The sentences of the chat."""

    __slots__ = ()

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
                parts.append(self.refills(least.limit, least.opens_at))
        return " · ".join(parts)

    def notice(self, notice: Notice) -> str:
        """Once per threshold and period."""
        total = amount(notice.granted, notice.unit)
        opens_at = notice.opens_at
        again = "" if opens_at is None else f"; it {self.refills(notice.limit, opens_at)}"
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
        return f"Your limit has opened again (rule {self._rule(refused)})."

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
                    f"(rule {self._rule(refused)}). Choose another model, or ask an admin to set a price."
                )
            case "store_unavailable":
                return "⛔ The books cannot be written right now, so no model was asked. Nothing was charged. Try again shortly."
            case "busy":
                return self._busy(refused)
            case "too_large":
                return self._too_large(refused)
            case "pool_used":
                return (
                    f"⛔ The shared budget is used up{self._until(refused)} (rule {self._rule(refused)}). "
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
            f"(rule {self._rule(refused)}). Try again in a moment. Nothing was charged."
        )

    def _too_large(self, refused: Refused) -> str:
        needed, left = amount(refused.needed, refused.unit), plain(refused.left, refused.unit)
        if refused.opens_at is None:
            return (
                f"⛔ This message needs about {needed}; the whole allowance is "
                f"{plain(refused.granted, refused.unit)} (rule {self._rule(refused)}). Shorten it."
            )
        return (
            f"⛔ This message needs about {needed}; you have {left} left{self._until(refused)} "
            f"(rule {self._rule(refused)}). Shorten it, or begin anew: /new."
        )

    def _used(self, refused: Refused) -> str:
        window = refused.limit.rule.window if refused.limit is not None else Calendar("day")
        used = plain(max(0, refused.granted - refused.left), refused.unit)
        again = "" if refused.opens_at is None else f" Full again {self.when(refused.opens_at)}."
        if isinstance(window, Rolling) and refused.opens_at is not None:
            again = f" Enough is free again {self.when(refused.opens_at)}."
        return (
            f"⛔ {begun(limit_called(window, self))} reached: {used} of "
            f"{amount(refused.granted, refused.unit)} used (rule {self._rule(refused)}).{again}"
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

    def _rule(self, refused: Refused) -> str:
        return self.limit(refused.limit) if refused.limit is not None else "unknown"
