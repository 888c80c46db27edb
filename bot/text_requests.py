"""What is said about asking for more, and about what staff may give."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bot.figures import amount, grouped
from bot.languages import phrase
from bot.panels import Action, Field, Form, Panel, Table
from bot.text import Words
from quota.store import GrantRow
from quota.units import Unit, amount_text

if TYPE_CHECKING:
    from bot.requests import Request

_STATES = {
    "open": phrase("open"),
    "approved": phrase("approved by {who}"),
    "denied": phrase("denied by {who}"),
}


def form(words: Words, subject: str) -> Form:
    """Asking for more."""
    until = words.say("3d or 2h; empty: to the end of the period")
    fields = (
        Field("amount", words.say("How much"), hint="5k tokens, 20 requests, $0.40"),
        Field("until", words.say("For how long"), hint=until, required=False),
        Field("why", words.say("What for"), "long", chars_max=300),
    )
    return Form("more", words.say("Ask for more"), fields, words.say("Send"), subject)


def less_form(words: Words, request: "Request") -> Form:
    """Giving less than was asked for."""
    much = words.say("How much (asked: {what})", what=request.what)
    why = words.say("Why")
    fields = (
        Field("amount", much, value=request.what),
        Field("reason", why, "long", required=False, chars_max=300),
    )
    return Form("less", words.say("Approve less"), fields, words.say("Approve"), request.id)


def deny_form(words: Words, request: "Request") -> Form:
    """Saying no, with a reason."""
    field = Field("reason", words.say("Why"), "long", required=False, chars_max=300)
    return Form("deny", words.say("Deny the request"), (field,), words.say("Deny"), request.id)


def alert(words: Words, request: "Request") -> Panel:
    """For those who decide."""
    who = words.who(request.member)
    lines = (
        words.say("{who} asks for {what}.", who=who, what=_what(words, request)),
        words.say("Why: {reason}", reason=request.why),
    )
    actions = (
        Action("approve", words.say("Approve"), request.id, style="primary"),
        Action("less", words.say("Approve less"), request.id),
        Action("deny", words.say("Deny"), request.id, style="danger"),
    )
    title, footer = words.say("Request for more"), words.say("Request {id}", id=request.id)
    return Panel(title, "neutral", lines, footer=footer, actions=actions)


def _what(words: Words, request: "Request") -> str:
    much = amount(request.amount, request.unit, words)
    if request.window == "balance":
        return words.say("{amount} more for good", amount=much)
    if request.until is None:
        return words.say("{amount} more to the end of the period", amount=much)
    return words.say("{amount} more until {when}", amount=much, when=words.when(request.until))


def asked(words: Words, request: "Request") -> Panel:
    """To the one who asked."""
    line = words.say(
        "You asked for {what}. The admins decide; you will be told.", what=_what(words, request)
    )
    return Panel(words.say("Request sent"), "good", (line,))


def granted(words: Words, request: "Request", grant: GrantRow, reason: str) -> Panel:
    """To the one who asked."""
    by, until = words.who(request.by), words.until(grant.until)
    got = amount(grant.amount, grant.unit, words)
    line = words.say("{who} gave you {amount} {until}.", who=by, amount=got, until=until)
    if grant.amount != request.amount:
        line = words.say(
            "{who} gave you {amount} of the {what} you asked for {until}.",
            who=by,
            amount=got,
            what=request.what,
            until=until,
        )
    lines = (line, words.because(reason)) if reason else (line,)
    quota = Action("quota", words.quota_label())
    return Panel(words.say("Request approved"), "good", lines, actions=(quota,))


def denied(words: Words, request: "Request", reason: str) -> Panel:
    """To the one who asked."""
    line = words.say(
        "{who} did not approve the {what} you asked for.",
        who=words.who(request.by),
        what=request.what,
    )
    lines = (line, words.because(reason)) if reason else (line,)
    return Panel(words.say("Request denied"), "neutral", lines)


def decided(words: Words, request: "Request", reason: str) -> Panel:
    """To those who decide, in place of the request."""
    by, who = words.who(request.by), words.who(request.member)
    given = amount_text(request.given, request.unit)
    if request.state == "denied":
        line = words.say("{by} denied {who} the {what}.", by=by, who=who, what=request.what)
    elif given == request.what:
        line = words.say("{by} gave {who} {amount}.", by=by, who=who, amount=given)
    else:
        line = words.say(
            "{by} gave {who} {amount} of the {what} asked for.",
            by=by,
            who=who,
            amount=given,
            what=request.what,
        )
    lines = (line, words.because(reason)) if reason else (line,)
    why = words.say("Why it was asked: {reason}", reason=request.why)
    return Panel(words.say("Request for more"), "good", (*lines, why))


def listed(words: Words, requests: Sequence["Request"], *, done: bool) -> Panel:
    """All that wait, or all that were decided in the last week."""
    title = words.say("Requests")
    if not requests:
        line = words.say("Nobody is waiting for an answer.")
        if done:
            line = words.say("Nothing was decided in the last 7 days.")
        return Panel(title, "neutral", (line,))
    rows = tuple(
        (
            request.id,
            words.when(request.at),
            words.who(request.member),
            request.what,
            request.why,
            _state(words, request),
        )
        for request in requests
    )
    columns = (
        *(words.say("request"), words.say("when"), words.say("who")),
        *(words.say("asks for"), words.say("why"), words.say("state")),
    )
    first = next((r for r in requests if r.state == "open"), None)
    actions = alert(words, first).actions if first is not None and len(requests) == 1 else ()
    return Panel(title, table=Table(columns, rows), actions=actions)


def _state(words: Words, request: "Request") -> str:
    if not request.by:
        return words.say("open")
    return words.say(_STATES[request.state], who=words.actor(request.by))


def capped(words: Words, request: "Request", left: int) -> Panel:
    """A grant by staff that became a request."""
    line = words.say(
        "Staff may give {who} {amount} more in this period. Your {what} went to the admins as a request.",
        who=words.who(request.member),
        amount=amount(left, request.unit, words),
        what=request.what,
    )
    return Panel(words.say("Request sent"), "warning", (line,))


def above_cap(words: Words, left: int, unit: Unit) -> str:
    """More than staff may give."""
    return words.say(
        "staff may give this member {amount} more in this period; an admin has to decide on the rest",
        amount=amount(left, unit, words),
    )


def not_for_good(words: Words) -> str:
    """Nothing is given for good on request."""
    return words.say("a request is for a positive amount and ends")


def why_missing(words: Words, size: int, most: int) -> str:
    """Those who decide want to know."""
    if size <= most:
        return words.say("a reason is missing")
    return words.say(
        "the reason has {size} characters; at most {most} are read",
        size=grouped(size, words),
        most=most,
    )


def open_already(words: Words) -> str:
    """One at a time."""
    return words.say("you have asked already, and nobody has decided yet")


def too_often(words: Words, most: int) -> str:
    """The admins have other things to do."""
    return words.say("at most {most} requests a day are taken; ask again tomorrow", most=most)


def unknown(words: Words, id_: str) -> str:
    """No such request, here or any more."""
    return words.say("there is no request {id!r} here", id=id_[:20])


def decided_already(words: Words, request: "Request") -> str:
    """Somebody was faster."""
    by = words.who(request.by)
    if request.state == "denied":
        return words.say("{who} has denied this request already", who=by)
    return words.say("{who} has approved this request already", who=by)


def ones_own(words: Words) -> str:
    """Staff do not decide for themselves."""
    return words.say("somebody else has to decide on your own request")


def not_less(words: Words, request: "Request") -> str:
    """More than was asked for, or nothing, or another unit."""
    return words.say("asked for was {what}; give that or less", what=request.what)


def nothing_to_add_to(words: Words) -> str:
    """Unlimited, or without any limit."""
    return words.say("no limited allowance is there that could be added to")


def other_unit(words: Words, unit: str) -> str:
    """The allowance counts something else."""
    return words.say("the allowance counts {unit}; ask for {unit}", unit=unit)


def under_way(words: Words) -> str:
    """A second press."""
    return words.say("this is being done already")
