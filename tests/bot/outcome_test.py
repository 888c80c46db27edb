"""The failure table of the books, line by line: what is charged, and how the end is told."""

from dataclasses import replace
from typing import Any

import pytest

from bot.messages import Answer, Duplicate, Failure
from bot.meter import Received
from bot.models import Model
from bot.outcome import (
    Call,
    answer_of,
    charge_for,
    ended_how,
    failure_of,
    reference,
    seen_before,
    sum_of,
)
from bot.ports import Message, ModelError
from bot.prompt import Prompt
from bot.talks import Said
from bot.text import Words
from quota.calls import Reservation
from quota.rules import Terms
from quota.units import Unit, Usage
from quota.verdicts import Balance, Granted, Notice, Seen, Settlement
from tests.fakes import MORNING, limit, requester
from tests.scripted import ScriptedModel, Steps, when

WORDS = Words(when)
DAILY = limit("everyone: 1k tokens/day")
GRANTED = Granted(1, 10, 100, shrunk=False, limit=None, expires_at=0)
SHRUNK = Granted(1, 10, 100, shrunk=True, limit=DAILY, expires_at=0)
MODEL = Model("m", "m", (), ScriptedModel(Steps()), Terms("m", ("m",)), 100, 60_000, 30_000)
PROMPT = Prompt((), 10, 12, 10, Said(Message("user", "hi"), 5), 0, 0)


def received(**changes: Any) -> Received:
    return replace(Received(asked=True), **changes)


def words(count: int, **changes: Any) -> Received:
    return received(parts=["w "] * count, pieces=count, began=True, **changes)


def call(
    came: Received,
    *,
    granted: Granted = GRANTED,
    prompt: Prompt = PROMPT,
    done: Settlement | None = None,
) -> Call:
    reservation = Reservation(requester(), MODEL.terms, granted, (), granted.hold_id)
    charge = charge_for(came, 10, 7, GRANTED, MODEL)
    return Call(MODEL, prompt, reservation, came, charge=charge, done=done)


FREE = "free"
CHARGES = [
    # Not sent, or refused before any work: free.
    (Received(), FREE),
    (received(trouble=ModelError("unreachable")), FREE),
    (received(trouble=ModelError("overloaded")), FREE),
    (received(trouble=ModelError("rejected")), FREE),
    (received(trouble=ModelError("failed")), FREE),
    # Sent, and nobody knows: the prompt as it is likely to be billed.
    (received(ending="late"), (10, 0, "counted", "usage missing")),
    (received(trouble=ModelError("silent"), ending="late"), (10, 0, "counted", "usage missing")),
    (received(trouble=ModelError("broken")), (10, 0, "counted", "usage missing")),
    (received(), (10, 0, "counted", "usage missing")),
    # What came: never fewer tokens than pieces, never more than the cap.
    (words(3), (10, 7, "counted", "usage missing")),
    (words(9), (10, 9, "counted", "usage missing")),
    (words(3, bad_usage=True), (10, 7, "counted", "usage not believable")),
    # The provider's own count.
    (words(3, usage=Usage(5, 0, 4), finished="stop"), (5, 4, "provider", "")),
    (words(3, usage=Usage(5, 0, 3)), (5, 3, "provider", "")),
    (words(3, usage=Usage(500, 0, 400), finished="stop"), (500, 400, "provider", "")),
    (received(began=True, usage=Usage(5, 0, 0), finished="stop"), (5, 0, "provider", "")),
    (received(began=True, usage=Usage(0, 0, 0), finished="stop"), (0, 0, "provider", "")),
    (
        words(3, usage=Usage(5, 0, 2), finished="stop"),
        (5, 2, "provider", "reported less than the 3 pieces sent"),
    ),
    # Nothing for text that came is a lie; so is an early count of a stream that was cut.
    (words(3, usage=Usage(0, 0, 0), finished="stop"), (10, 7, "counted", "usage not believable")),
    (words(3, usage=Usage(5, 0, 0), finished="stop"), (5, 7, "counted", "usage not believable")),
    (words(3, usage=Usage(5, 0, 1)), (5, 7, "counted", "usage not believable")),
]


@pytest.mark.parametrize(("came", "want"), CHARGES, ids=range(len(CHARGES)))
def test_each_case_has_its_charge(came: Received, want: Any) -> None:
    charge = charge_for(came, 10, 7 if came.pieces else 0, GRANTED, MODEL)
    if charge.usage is None:
        assert want == FREE
    else:
        usage = charge.usage
        assert (usage.input, usage.output, charge.source, charge.note) == want


def test_an_unknown_prompt_may_be_free() -> None:
    model = replace(MODEL, charge_unknown=False)
    assert charge_for(received(ending="late"), 10, 0, GRANTED, model).usage is None
    # What came is known.
    assert charge_for(words(3, ending="late"), 10, 7, GRANTED, model).usage == Usage(10, 0, 7)


def test_our_own_count_never_passes_the_cap() -> None:
    assert charge_for(words(3), 10, 5_000, GRANTED, MODEL).usage == Usage(10, 0, 100)


@pytest.mark.parametrize(
    ("ending", "text", "normal", "shrunk"),
    [
        ("finished", True, "stop", "stop"),
        ("finished", False, "stop", "stop"),
        ("filtered", True, "stop", "stop"),
        ("length", True, "length", "quota"),
        ("cut", True, "length", "quota"),
        ("truncated", True, "cut", "cut"),
        ("truncated", False, None, None),
        ("late", True, "cut", "cut"),
        ("late", False, None, None),
        ("broken", True, "cut", "cut"),
        ("broken", False, None, None),
    ],
)
def test_each_ending_has_its_name(
    ending: Any, text: bool, normal: str | None, shrunk: str | None
) -> None:
    came = words(3 if text else 0, ending=ending)
    assert ended_how([call(came)], None, stopped=False) == normal
    assert ended_how([call(came, granted=SHRUNK)], None, stopped=False) == shrunk
    assert ended_how([call(came, granted=SHRUNK)], None, stopped=True) == "stopped"


MONTHLY = limit("everyone: 20k tokens/month")
BALANCES = (
    Balance(MONTHLY, "allowance", Unit.TOKENS, 20_000, 13, 0, 19_987, 0, MORNING + 7),
    Balance(DAILY, "allowance", Unit.TOKENS, 1_000, 950, 0, 50, 0, MORNING),
)
DONE = Settlement("settle", 13, 0, None, 0, BALANCES)


def answer(came: Received, finish: Any = "stop", **more: Any) -> Answer:
    calls = [call(came, **({"done": DONE} | more))]
    return answer_of(calls, sum_of(calls), finish, WORDS)


@pytest.mark.parametrize(
    ("end", "note"),
    [
        (answer(words(3), "length"), "… ✂ Stopped at the longest answer this model may give."),
        (answer(words(3), "cut"), "… ✂ The answer broke off on the way. Charged 13 tokens for"),
        (answer(words(3), "stopped"), "⏹ Stopped by you. Charged 13 tokens; 97 reserved tokens"),
        (answer(words(3, ending="filtered")), "The model's provider withheld the rest of this"),
        (answer(words(0, ending="filtered")), "The model's provider withheld this answer."),
        (answer(words(0)), "The model gave an empty answer."),
        (
            answer(words(3), "quota", granted=SHRUNK),
            (
                "… ✂ Stopped at your limit. What you see was charged, nothing more. "
                "More is possible at 09:00."
            ),
        ),
        (answer(words(3), prompt=PROMPT._replace(dropped=4)), "Earlier messages were left out"),
    ],
)
def test_what_is_not_simply_whole_is_said(end: Answer, note: str) -> None:
    assert len(end.notes) == 1
    assert end.notes[0].startswith(note)


def test_a_whole_answer_needs_no_words() -> None:
    end = answer(words(3))
    assert end.notes == ()
    assert end.footer == "≈13 tokens · 5% left today · resets at 09:00"


def test_an_answer_that_the_books_do_not_hold_yet_says_so() -> None:
    end = answer(words(3), done=None)
    assert end.notes == (
        "The books cannot be written right now; this answer will be counted later.",
    )
    assert (end.charged_tokens, end.footer, end.balances) == (0, "", ())


def test_of_one_limit_only_the_last_notice_is_said() -> None:
    notices = tuple(
        Notice(rule, Unit.TOKENS, percent, 1_000, 50, MORNING)
        for rule, percent in ((DAILY, 75), (DAILY, 90), (MONTHLY, 75))
    )
    end = answer(words(3), done=DONE._replace(notices=notices))
    assert end.notices == notices
    assert [note[:22] for note in end.notes] == [
        "⚠ You have used 90% of",
        "⚠ You have used 75% of",
    ]


@pytest.mark.parametrize(
    ("came", "done", "code", "text"),
    [
        (
            received(trouble=ModelError("overloaded")),
            *(0, "provider", "The model did not answer. Nothing was charged. Try again in a"),
        ),
        (
            received(trouble=ModelError("rejected")),
            *(0, "provider", "The model's provider did not accept the request. Nothing was"),
        ),
        (
            received(trouble=ModelError("broken")),
            *(10, "provider", "The model's answer broke off before its first word. Charged 10"),
        ),
        (received(ending="late"), 10, "timeout", "The model did not answer in time. Charged 10"),
        (received(ending="late"), 0, "timeout", "The model did not answer in time. Nothing was"),
        (
            received(ending="late"),
            *(None, "store", "The model did not answer. The books cannot be written right now;"),
        ),
    ],
)
def test_a_failure_says_what_was_charged(
    came: Received, done: int | None, code: str, text: str
) -> None:
    settled = None if done is None else DONE._replace(tokens=done)
    calls = [call(came, done=settled)]
    failure = failure_of(calls, sum_of(calls), WORDS)
    assert failure.code == code
    assert failure.text.startswith(text)


def test_the_log_knows_under_which_name_a_member_was_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    trouble = ModelError("failed", detail="APIStatusError 500")
    calls = [call(received(trouble=trouble), done=DONE._replace(tokens=0))]
    failure = failure_of(calls, sum_of(calls), WORDS)
    ref = failure.text.rpartition("(ref ")[2].removesuffix(")")
    assert f"ref={ref} trouble=failed APIStatusError 500" in caplog.text
    assert "APIStatusError" not in failure.text


def test_a_reference_is_short_and_never_the_same_for_long() -> None:
    seen = {reference() for _ in range(200)}
    assert len(seen) > 150
    assert all(len(ref) == 4 and ref.upper() == ref for ref in seen)


def test_what_was_seen_before_is_told_by_how() -> None:
    assert seen_before(Seen("duplicate"), WORDS) == Duplicate()
    interrupted, reused = (seen_before(Seen(how), WORDS) for how in ("interrupted", "reused"))
    assert isinstance(interrupted, Failure)
    assert interrupted.code == "interrupted"
    assert isinstance(reused, Failure)
    assert reused.code == "id_reused"
