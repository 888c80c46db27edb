"""What a call is charged and how its end is told: the failure table of the books, in one place."""

import logging
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from bot import text_tools
from bot.messages import Answer, Duplicate, End, Failure, Finish
from bot.meter import Received
from bot.models import Model
from bot.prompt import Prompt
from bot.text import Words
from bot.text_tools import Cut
from quota.calls import Reservation
from quota.units import Usage
from quota.verdicts import Granted, Refused, Seen, Settlement

_log = logging.getLogger(__name__)

# Refused before any work: these cost nothing.
_FREE = frozenset({"unreachable", "overloaded", "rejected", "failed"})
# Between the texts of two calls of one answer.
CALLS_APART = "\n\n"


class Charge(NamedTuple):
    """What is charged (None: nothing, all is given back), who counted, and a remark."""

    usage: Usage | None
    source: Literal["provider", "counted"]
    note: str


@dataclass(slots=True)
class Call:
    """One call of a model: what is set aside for it, what has come, and what that cost.

    `charge` is None until it has ended, `done` until (or where) the books do not hold it yet.
    """

    model: Model
    prompt: Prompt
    reservation: Reservation
    received: Received = field(default_factory=Received)
    text_tokens: int = 0
    charge: Charge | None = None
    done: Settlement | None = None

    @property
    def granted(self) -> Granted:
        """What was set aside."""
        return self.reservation.granted


class Sum(NamedTuple):
    """What all calls of a turn took together; `late`: some are not in the books yet.

    `returned` is what the last one had set aside and did not take.
    """

    usage: Usage
    source: Literal["provider", "counted"]
    done: Settlement
    returned: int
    late: bool


def charge_for(
    received: Received, expected_input: int, counted_output: int, granted: Granted, model: Model
) -> Charge:
    """The provider's own usage where it can be true; else the prompt and what was received.

    Unknown means charged, never free: once the request was sent the provider may have billed it.
    """
    trouble = received.trouble.trouble if received.trouble is not None else None
    if not received.asked:
        return Charge(None, "counted", "not sent")
    if not received.began and trouble in _FREE:
        return Charge(None, "counted", f"not sent: {trouble}")
    usage = received.usage
    if usage is not None and usage.output >= received.pieces:
        return Charge(usage, "provider", "")
    if usage is not None and usage.output and received.finished is not None:
        return Charge(usage, "provider", f"reported less than the {received.pieces} pieces sent")
    if not received.began and received.ending == "late" and not model.charge_unknown:
        return Charge(None, "counted", "no answer in time")
    # What was reported on the way may be an early count; the text that came is what counts then.
    # Our own count may come from another vocabulary: no call is billed beyond its cap.
    output = min(max(counted_output, received.pieces), granted.output_cap)
    read = usage.input if usage is not None else 0
    note = "usage not believable" if received.bad_usage or usage is not None else "usage missing"
    return Charge(Usage(input=read or expected_input, output=output), "counted", note)


def text_of(calls: Sequence[Call]) -> str:
    """What was written in a turn so far, call after call."""
    return CALLS_APART.join(call.received.text for call in calls if call.received.text)


def sum_of(calls: Sequence[Call]) -> Sum:
    """All calls of a turn together, with the balances after the last of them."""
    charges = [call.charge for call in calls if call.charge is not None]
    dones = [call.done for call in calls if call.done is not None]
    taken = [charge.usage for charge in charges if charge.usage is not None]
    usage = Usage(
        sum(u.input for u in taken),
        sum(u.cached for u in taken),
        sum(u.output for u in taken),
        sum(u.reasoning for u in taken),
    )
    credits_ = [done.credits for done in dones if done.credits is not None]
    done = Settlement(
        dones[-1].kind if dones else "settle",
        sum(done.tokens for done in dones),
        sum(done.house_tokens for done in dones),
        sum(credits_) if credits_ else None,
        sum(done.house_credits for done in dones),
        dones[-1].balances if dones else (),
        tuple(notice for done in dones for notice in done.notices),
    )
    last = calls[-1].granted
    returned = last.input_tokens + last.output_cap - (dones[-1].tokens if dones else 0)
    told = [charge.source for charge in charges if charge.usage is not None]
    counted = not told or "counted" in told
    source: Literal["provider", "counted"] = "counted" if counted else "provider"
    return Sum(usage, source, done, returned, late=len(dones) < len(calls))


def ended_how(calls: Sequence[Call], cut: Cut | None, *, stopped: bool) -> Finish | None:
    """How an answer ended, None where there is none to speak of."""
    if stopped:
        return "stopped"
    if cut is not None:
        return _cut_how(cut)
    last = calls[-1]
    at_cap: Finish = "quota" if last.granted.shrunk else "length"
    if last.received.ending in {"length", "cut"}:
        return at_cap
    if last.received.ending in {"finished", "filtered"}:
        return "stop"
    return "cut" if text_of(calls) else None


def _cut_how(cut: Cut) -> Finish:
    match cut:
        case "steps":
            return "length"
        case "late" | Refused(reason="paused" | "blocked" | "store_unavailable"):
            return "cut"
        case Refused():
            return "quota"


def answer_of(
    calls: Sequence[Call], total: Sum, finish: Finish, words: Words, cut: Cut | None = None
) -> Answer:
    """An answer, wholly or in part; `cut` is why its turn was ended between two steps."""
    done, late = total.done, total.late
    notes = [*_notes_on(words, calls, total, finish, cut)]
    if late:
        notes.append(words.counted_later())
    # Of one limit the last notice says it all.
    notes += [words.notice(n) for n in {notice.limit: notice for notice in done.notices}.values()]
    return Answer(
        text_of(calls),
        total.usage,
        total.source,
        done.credits,
        done.tokens,
        done.balances,
        done.notices,
        finish,
        "" if late else words.footer(done, done.tokens, counted=total.source == "counted"),
        tuple(notes),
    )


def _notes_on(
    words: Words, calls: Sequence[Call], total: Sum, finish: Finish, cut: Cut | None
) -> Iterator[str]:
    """What must be said about an answer that is not simply whole."""
    last, done = calls[-1], total.done
    if last.prompt.dropped:
        yield words.history_trimmed(last.prompt.kept, last.prompt.dropped)
    if cut is not None and finish != "stopped":
        yield text_tools.ended(words, cut, len(calls))
    elif finish == "quota":
        opens = (b.opens_at for b in done.balances if b.limit == last.granted.limit)
        yield words.cut_at_limit(next(opens, None))
    elif finish == "length":
        yield words.cut_at_length()
    elif finish == "cut":
        yield words.cut_short(done.tokens)
    elif finish == "stopped":
        yield words.stopped(done.tokens, total.returned)
    elif last.received.ending == "filtered":
        yield words.withheld(partly=bool(last.received.text))
    elif not text_of(calls):
        yield words.empty()


def failure_of(calls: Sequence[Call], total: Sum, words: Words) -> Failure:
    """No word of an answer came: say what was charged, never what the provider said."""
    received, charged, ref = calls[-1].received, total.done.tokens, reference()
    trouble = received.trouble
    detail = trouble.detail if trouble is not None else received.ending
    _log.warning("model call failed ref=%s trouble=%s %s", ref, trouble, detail)
    if total.late:
        return Failure("store", words.provider_unsettled(ref))
    if received.ending == "late":
        return Failure("timeout", words.provider_silent(charged, ref))
    if charged:
        return Failure("provider", words.provider_broke(charged, ref))
    if trouble is not None and trouble.trouble == "rejected":
        return Failure("provider", words.provider_rejected(ref))
    return Failure("provider", words.provider_failed(ref))


def seen_before(seen: Seen, words: Words) -> End:
    if seen.how == "interrupted":
        return Failure("interrupted", words.interrupted())
    if seen.how == "reused":
        return Failure("id_reused", words.id_reused())
    return Duplicate()


def reference() -> str:
    """A short name under which an admin finds a failure in the log."""
    return secrets.token_hex(2).upper()
