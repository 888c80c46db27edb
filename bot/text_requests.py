"""What is said about asking for more, and about what staff may give."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bot.figures import amount, grouped
from bot.panels import Action, Field, Form, Panel, Table
from bot.text import Words
from quota.store import GrantRow
from quota.units import Unit, amount_text

if TYPE_CHECKING:
    from bot.requests import Request


def form(_words: Words, subject: str) -> Form:
    """Asking for more."""
    fields = (
        Field("amount", "How much", hint="5k tokens, 20 requests, $0.40"),
        Field(
            "until",
            "For how long",
            hint="3d or 2h; empty: to the end of the period",
            required=False,
        ),
        Field("why", "What for", "long", chars_max=300),
    )
    return Form("more", "Ask for more", fields, "Send", subject)


def less_form(_words: Words, request: "Request") -> Form:
    """Giving less than was asked for."""
    fields = (
        Field("amount", f"How much (asked: {request.what})", value=request.what),
        Field("reason", "Why", "long", required=False, chars_max=300),
    )
    return Form("less", "Approve less", fields, "Approve", request.id)


def deny_form(_words: Words, request: "Request") -> Form:
    """Saying no, with a reason."""
    field = Field("reason", "Why", "long", required=False, chars_max=300)
    return Form("deny", "Deny the request", (field,), "Deny", request.id)


def alert(words: Words, request: "Request") -> Panel:
    """For those who decide."""
    lines = (
        f"{words.who(request.member)} asks for {_what(words, request)}.",
        f"Why: {request.why}",
    )
    actions = (
        Action("approve", "Approve", request.id, style="primary"),
        Action("less", "Approve less", request.id),
        Action("deny", "Deny", request.id, style="danger"),
    )
    return Panel(
        "Request for more", "neutral", lines, footer=f"Request {request.id}", actions=actions
    )


def _what(words: Words, request: "Request") -> str:
    until = (
        "to the end of the period"
        if request.until is None
        else f"until {words.when(request.until)}"
    )
    return f"{amount(request.amount, request.unit)} more {until}"


def asked(words: Words, request: "Request") -> Panel:
    """To the one who asked."""
    line = f"You asked for {_what(words, request)}. The admins decide; you will be told."
    return Panel("Request sent", "good", (line,))


def granted(words: Words, request: "Request", grant: GrantRow, reason: str) -> Panel:
    """To the one who asked."""
    until = "for good" if grant.until is None else f"until {words.when(grant.until)}"
    got = amount(grant.amount, grant.unit)
    asked_ = "" if grant.amount == request.amount else f" of the {request.what} you asked for"
    lines = [f"{words.who(request.by)} gave you {got}{asked_} {until}."]
    if reason:
        lines.append(f"Reason: {reason}")
    return Panel("Request approved", "good", tuple(lines), actions=(Action("quota", "Quota"),))


def denied(words: Words, request: "Request", reason: str) -> Panel:
    """To the one who asked."""
    lines = [f"{words.who(request.by)} did not approve the {request.what} you asked for."]
    if reason:
        lines.append(f"Reason: {reason}")
    return Panel("Request denied", "neutral", tuple(lines))


def decided(words: Words, request: "Request", reason: str) -> Panel:
    """To those who decide, in place of the request."""
    by, who = words.who(request.by), words.who(request.member)
    if request.state == "denied":
        lines = [f"{by} denied {who} the {request.what}."]
    else:
        given = amount_text(request.given, request.unit)
        asked_ = "" if given == request.what else f" of the {request.what} asked for"
        lines = [f"{by} gave {who} {given}{asked_}."]
    if reason:
        lines.append(f"Reason: {reason}")
    return Panel("Request for more", "good", (*lines, f"Why it was asked: {request.why}"))


def listed(words: Words, requests: Sequence["Request"], *, done: bool) -> Panel:
    """All that wait, or all that were decided in the last week."""
    if not requests:
        line = (
            "Nothing was decided in the last 7 days."
            if done
            else "Nobody is waiting for an answer."
        )
        return Panel("Requests", "neutral", (line,))
    rows = tuple(
        (
            request.id,
            words.when(request.at),
            words.who(request.member),
            request.what,
            request.why,
            f"{request.state} by {words.actor(request.by)}" if request.by else "open",
        )
        for request in requests
    )
    table = Table(("request", "when", "who", "asks for", "why", "state"), rows)
    first = next((r for r in requests if r.state == "open"), None)
    actions = alert(words, first).actions if first is not None and len(requests) == 1 else ()
    return Panel("Requests", table=table, actions=actions)


def capped(words: Words, request: "Request", left: int) -> Panel:
    """A grant by staff that became a request."""
    line = f"Staff may give {words.who(request.member)} {amount(left, request.unit)} more in this period. Your {request.what} went to the admins as a request."
    return Panel("Request sent", "warning", (line,))


def above_cap(_words: Words, left: int, unit: Unit) -> str:
    """More than staff may give."""
    return f"staff may give this member {amount(left, unit)} more in this period; an admin has to decide on the rest"


def not_for_good(_words: Words) -> str:
    """Nothing is given for good on request."""
    return "a request is for a positive amount and ends"


def why_missing(_words: Words, size: int, most: int) -> str:
    """Those who decide want to know."""
    return (
        f"the reason has {grouped(size)} characters; at most {most} are read"
        if size > most
        else "a reason is missing"
    )


def open_already(_words: Words) -> str:
    """One at a time."""
    return "you have asked already, and nobody has decided yet"


def too_often(_words: Words, most: int) -> str:
    """The admins have other things to do."""
    return f"at most {most} requests a day are taken; ask again tomorrow"


def unknown(_words: Words, id_: str) -> str:
    """No such request, here or any more."""
    return f"there is no request {id_[:20]!r} here"


def decided_already(words: Words, request: "Request") -> str:
    """Somebody was faster."""
    return f"{words.who(request.by)} has {request.state} this request already"


def ones_own(_words: Words) -> str:
    """Staff do not decide for themselves."""
    return "somebody else has to decide on your own request"


def not_less(_words: Words, request: "Request") -> str:
    """More than was asked for, or nothing, or another unit."""
    return f"asked for was {request.what}; give that or less"


def nothing_to_add_to() -> str:
    """Unlimited, or without any limit."""
    return "no limited allowance is there that could be added to"


def other_unit(unit: str) -> str:
    """The allowance counts something else."""
    return f"the allowance counts {unit}; ask for {unit}"


def under_way(_words: Words) -> str:
    """A second press."""
    return "this is being done already"
