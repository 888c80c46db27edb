"""What a person reads of an answer, or instead of one: footers, notices, refusals, breakage."""

from collections.abc import Sequence

from bot import text_balance, text_pool
from bot.figures import amount, begun, during, grouped, limit_called, money, percent, plain, short
from bot.languages import phrase
from bot.text_dialect import Dialect
from quota.limits import Limit
from quota.units import Unit
from quota.verdicts import Notice, Refused, Settlement
from quota.windows import Calendar, Rolling

# A reason that an admin gave; what is longer is cut where members read it.
REASON_MAX = 150
_LEFT = {
    Unit.TOKENS: phrase("{left}% left {during}"),
    Unit.REQUESTS: phrase("{left}% of requests left {during}"),
    Unit.CREDITS: phrase("{left}% of credits left {during}"),
}


class Answers(Dialect):
    """The sentences of the chat."""

    __slots__ = ()

    # Answers.

    def footer(self, done: Settlement, tokens: int, *, counted: bool) -> str:
        """1,240 tokens · 22% left today · resets …."""
        about = "≈" if counted else ""
        parts = [about + self.say("{n} tokens", n=short(tokens, self))]
        if done.credits is not None:
            parts.append(money(done.credits, self))
        own = [b for b in done.balances if b.granted is not None and b.left is not None]
        own = [b for b in own if b.kind in {"allowance", "balance"}] or own
        least = max(own, key=lambda b: percent(b) or 0, default=None)
        if least is not None and least.prepaid is not None:
            parts.append(text_balance.footer(self, least.prepaid))
        elif least is not None:
            left = 100 - (percent(least) or 0)
            window = during(least.limit.rule.window, self)
            parts.append(self.say(_LEFT[least.unit], left=left, during=window))
            if least.opens_at is not None:
                parts.append(self.refills(least.limit, least.opens_at))
        return " · ".join(parts)

    def notice(self, notice: Notice) -> str:
        """Once per threshold and period."""
        if notice.limit.kind == "balance":
            return text_balance.notice(self, notice)
        used = self.say(
            "⚠ You have used {percent}% of your {total} {during}.",
            percent=notice.threshold,
            total=amount(notice.granted, notice.unit, self),
            during=during(notice.limit.rule.window, self),
        )
        left = plain(notice.left, notice.unit, self)
        if notice.opens_at is None:
            return self.joined(used, self.say("{left} left.", left=left))
        again = self.refills(notice.limit, notice.opens_at)
        return self.joined(used, self.say("{left} left; it {refills}.", left=left, refills=again))

    def clamped(self, tokens: int, limit: Limit | None) -> str:
        left = grouped(tokens, self)
        if limit is not None and limit.kind == "balance":
            return text_balance.clamped(self, left)
        if limit is None:
            return self.say("Answer limited to about {n} tokens, all that is left.", n=left)
        return self.say(
            "Answer limited to about {n} tokens, all that is left {during}.",
            n=left,
            during=during(limit.rule.window, self),
        )

    def history_trimmed(self, kept: int, dropped: int) -> str:
        if kept == 0:
            return self.say("Earlier messages were left out: too little is left for them.")
        used = self.count(
            kept, "Only the last message was used", "Only the last {n} messages were used"
        )
        return self.count(
            dropped,
            "{used}; 1 older one was left out.",
            "{used}; {n} older ones were left out.",
            used=used,
        )

    def cut_at_limit(self, opens_at: int | None) -> str:
        text = self.say("… ✂ Stopped at your limit. What you see was charged, nothing more.")
        if opens_at is None:
            return text
        return self.joined(text, self.say("More is possible {when}.", when=self.when(opens_at)))

    def cut_at_length(self) -> str:
        return self.say(
            "… ✂ Stopped at the longest answer this model may give. Ask it to continue."
        )

    def cut_short(self, tokens: int) -> str:
        return self.say(
            "… ✂ The answer broke off on the way. Charged {n} tokens for your message and what you see, nothing more.",
            n=grouped(tokens, self),
        )

    def stopped(self, charged: int, returned: int) -> str:
        if not charged:
            return self.say("⏹ Stopped by you. Nothing was charged.")
        return self.say(
            "⏹ Stopped by you. Charged {charged} tokens; {returned} reserved tokens returned.",
            charged=grouped(charged, self),
            returned=grouped(returned, self),
        )

    def withheld(self, *, partly: bool) -> str:
        if partly:
            return self.say("The model's provider withheld the rest of this answer.")
        return self.say("The model's provider withheld this answer.")

    def empty(self) -> str:
        return self.say("The model gave an empty answer.")

    def counted_later(self) -> str:
        return self.say("The books cannot be written right now; this answer will be counted later.")

    def ignored_attachment(self, name: str, why: str) -> str:
        return self.say("Left out {name}: {why}.", name=name, why=why)

    # Waiting and refusing.

    def waiting(self) -> str:
        return self.say("Waiting for a running answer to free some of the allowance.")

    def open_again(self, refused: Refused) -> str:
        return self.say("Your limit has opened again (rule {rule}).", rule=self._rule(refused))

    def queued(self) -> str:
        return self.say("You have an answer running. I will take this one when it ends.")

    def refusal(self, refused: Refused, admin_note: str = "") -> str:
        """What, which rule, when, what now."""
        text = self._refusal(refused)
        if admin_note and refused.reason in {"period_used", "pool_used", "too_large"}:
            text = self.joined(text, admin_note)
        return text

    def _refusal(self, refused: Refused) -> str:
        if refused.pool is not None and refused.reason in {"pool_used", "too_large"}:
            return text_pool.refusal(self, refused, refused.pool)
        match refused.reason:
            case "paused":
                return self._switched(refused, self.say("⛔ The bot is paused by an admin"))
            case "blocked":
                return self._switched(refused, self.say("⛔ An admin has blocked you from asking"))
            case "unpriced":
                return self.say(
                    "⛔ This model has no known price, and your allowance is in money (rule {rule}). Choose another model, or ask an admin to set a price.",
                    rule=self._rule(refused),
                )
            case "store_unavailable":
                return self.say(
                    "⛔ The books cannot be written right now, so no model was asked. Nothing was charged. Try again shortly."
                )
            case "unconfirmed":
                return self.say("⏳ Not sent yet: it waits for you to say so. Nothing was charged.")
            case "busy":
                return self._busy(refused)
            case "too_large":
                return self._too_large(refused)
            case "pool_used":
                return self._pool_used(refused)
            case "period_used":
                return self._used(refused)

    def _switched(self, refused: Refused, what: str) -> str:
        note = refused.note if len(refused.note) <= REASON_MAX else f"{refused.note[:REASON_MAX]}…"
        if note in {"", "on"}:
            said = self.say("{what}.", what=what)
        else:
            said = self.say("{what}: {reason}.", what=what, reason=note)
        if refused.opens_at is not None:
            said = self.joined(said, self.say("Back {when}.", when=self.when(refused.opens_at)))
        return self.joined(said, self.say("Nothing was charged."))

    def _busy(self, refused: Refused) -> str:
        if refused.limit is None:
            return self.say(
                "⏳ You already have answers waiting. Ask again when one has come. Nothing was charged."
            )
        return self.say(
            "⏳ Running answers hold what is left right now (rule {rule}). Try again in a moment. Nothing was charged.",
            rule=self._rule(refused),
        )

    def _too_large(self, refused: Refused) -> str:
        if refused.prepaid is not None:
            return text_balance.refusal(self, refused, refused.prepaid)
        needed = amount(refused.needed, refused.unit, self)
        if refused.opens_at is None:
            return self.say(
                "⛔ This message needs about {needed}; the whole allowance is {granted} (rule {rule}). Shorten it.",
                needed=needed,
                granted=plain(refused.granted, refused.unit, self),
                rule=self._rule(refused),
            )
        return self.say(
            "⛔ This message needs about {needed}; you have {left} left until {when} (rule {rule}). Shorten it, or begin anew: /new.",
            needed=needed,
            left=plain(refused.left, refused.unit, self),
            when=self.when(refused.opens_at),
            rule=self._rule(refused),
        )

    def _pool_used(self, refused: Refused) -> str:
        if refused.opens_at is None:
            return self.say(
                "⛔ The shared budget is used up (rule {rule}). Your own allowance is untouched.",
                rule=self._rule(refused),
            )
        return self.say(
            "⛔ The shared budget is used up until {when} (rule {rule}). Your own allowance is untouched.",
            when=self.when(refused.opens_at),
            rule=self._rule(refused),
        )

    def _used(self, refused: Refused) -> str:
        if refused.prepaid is not None:
            return text_balance.refusal(self, refused, refused.prepaid)
        window = refused.limit.rule.window if refused.limit is not None else Calendar("day")
        said = self.say(
            "⛔ {limit} reached: {used} of {total} used (rule {rule}).",
            limit=begun(limit_called(window, self)),
            used=plain(max(0, refused.granted - refused.left), refused.unit, self),
            total=amount(refused.granted, refused.unit, self),
            rule=self._rule(refused),
        )
        if refused.opens_at is None:
            return said
        when = self.when(refused.opens_at)
        if isinstance(window, Rolling):
            return self.joined(said, self.say("Enough is free again {when}.", when=when))
        return self.joined(said, self.say("Full again {when}.", when=when))

    # Breakage.

    def provider_failed(self, ref: str) -> str:
        return self.say(
            "The model did not answer. Nothing was charged. Try again in a moment. (ref {ref})",
            ref=ref,
        )

    def provider_rejected(self, ref: str) -> str:
        return self.say(
            "The model's provider did not accept the request. Nothing was charged. An admin should look at the log. (ref {ref})",
            ref=ref,
        )

    def provider_broke(self, charged: int, ref: str) -> str:
        return self.say(
            "The model's answer broke off before its first word. Charged {n} tokens, which the provider may have billed. (ref {ref})",
            n=grouped(charged, self),
            ref=ref,
        )

    def provider_unsettled(self, ref: str) -> str:
        return self.say(
            "The model did not answer. The books cannot be written right now; what it may have used is counted later. (ref {ref})",
            ref=ref,
        )

    def provider_silent(self, charged: int, ref: str) -> str:
        if not charged:
            return self.say(
                "The model did not answer in time. Nothing was charged. (ref {ref})", ref=ref
            )
        return self.say(
            "The model did not answer in time. Charged {n} tokens for the prompt, which the provider may have billed. (ref {ref})",
            n=grouped(charged, self),
            ref=ref,
        )

    def interrupted(self) -> str:
        return self.say(
            "The bot was interrupted while answering this. What is known to be used was charged; an admin can give it back. Please ask again."
        )

    def closing(self) -> str:
        return self.say(
            "The bot is being restarted and did not answer this. Nothing was charged. Ask again in a moment."
        )

    def id_reused(self) -> str:
        return self.say("This id was used before for another message; use a new one.")

    def not_written(self) -> str:
        return self.say(
            "The books cannot be reached right now, and nothing was changed. Try again shortly."
        )

    def internal(self, ref: str) -> str:
        return self.say(
            "Something went wrong inside the bot. An admin should look at the log. (ref {ref})",
            ref=ref,
        )

    def input_too_long(self, size: int, most: int) -> str:
        return self.say(
            "⛔ This message has {size} characters; at most {most} are taken. Shorten it. Nothing was charged.",
            size=grouped(size, self),
            most=grouped(most, self),
        )

    def unknown_model(self, name: str, known: Sequence[str]) -> str:
        names = ", ".join(known)
        return self.say("There is no model {name!r}. Known: {known}.", name=name, known=names)

    def _rule(self, refused: Refused) -> str:
        return self.limit(refused.limit) if refused.limit is not None else self.say("unknown")
