"""What a call is charged and how its end is told: the failure table of the books, in one place."""

import logging
import secrets
from collections.abc import Iterator
from typing import Literal, NamedTuple

from bot.messages import Answer, Duplicate, End, Failure, Finish
from bot.meter import Received
from bot.models import Model
from bot.prompt import Prompt
from bot.text import Words
from quota.units import Usage
from quota.verdicts import Granted, Seen, Settlement

_log = logging.getLogger(__name__)

# Refused before any work: these cost nothing.
_FREE = frozenset({"unreachable", "overloaded", "rejected", "failed"})


class Charge(NamedTuple):
    """What is charged (None: nothing, all is given back), who counted, and a remark."""

    usage: Usage | None
    source: Literal["provider", "counted"]
    note: str


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


def ended_how(received: Received, granted: Granted, *, stopped: bool) -> Finish | None:
    """How an answer ended, None where there is none to speak of."""
    if stopped:
        return "stopped"
    at_cap: Finish = "quota" if granted.shrunk else "length"
    if received.ending in {"length", "cut"}:
        return at_cap
    if received.ending in {"finished", "filtered"}:
        return "stop"
    return "cut" if received.text else None


def answer_of(
    received: Received,
    prompt: Prompt,
    charge: Charge,
    granted: Granted,
    finish: Finish,
    done: Settlement | None,
    words: Words,
) -> Answer:
    """An answer, wholly or in part; `done` is None where the books could not be written yet."""
    late = done is None
    done = done or Settlement("settle", 0, 0, None, 0)
    notes = [*_notes_on(words, prompt, received, finish, done, granted)]
    if late:
        notes.append(words.counted_later())
    # Of one limit the last notice says it all.
    notes += [words.notice(n) for n in {notice.limit: notice for notice in done.notices}.values()]
    return Answer(
        received.text,
        charge.usage or Usage(),
        charge.source,
        done.credits,
        done.tokens,
        done.balances,
        done.notices,
        finish,
        "" if late else words.footer(done, done.tokens, counted=charge.source == "counted"),
        tuple(notes),
    )


def _notes_on(
    words: Words,
    prompt: Prompt,
    received: Received,
    finish: Finish,
    done: Settlement,
    granted: Granted,
) -> Iterator[str]:
    """What must be said about an answer that is not simply whole."""
    if prompt.dropped:
        yield words.history_trimmed(prompt.kept, prompt.dropped)
    if finish == "quota":
        opens = (b.opens_at for b in done.balances if b.limit == granted.limit)
        yield words.cut_at_limit(next(opens, None))
    elif finish == "length":
        yield words.cut_at_length()
    elif finish == "cut":
        yield words.cut_short(done.tokens)
    elif finish == "stopped":
        held = granted.input_tokens + granted.output_cap
        yield words.stopped(done.tokens, held - done.tokens)
    elif received.ending == "filtered":
        yield words.withheld(partly=bool(received.text))
    elif not received.text:
        yield words.empty()


def failure_of(received: Received, done: Settlement | None, words: Words) -> Failure:
    """No word of an answer came: say what was charged, never what the provider said."""
    ref = reference()
    trouble = received.trouble
    detail = trouble.detail if trouble is not None else received.ending
    _log.warning("model call failed ref=%s trouble=%s %s", ref, trouble, detail)
    if done is None:
        return Failure("store", words.provider_unsettled(ref))
    if received.ending == "late":
        return Failure("timeout", words.provider_silent(done.tokens, ref))
    if done.tokens:
        return Failure("provider", words.provider_broke(done.tokens, ref))
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
