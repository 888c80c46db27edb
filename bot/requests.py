"""Asking for more, and deciding on it: kept with the books, so a request outlives a restart.

A request is open until somebody decides; what was decided is kept for a week, which is also what
bounds how often one may ask. The grant itself is an ordinary one, named after its request, so a
press that comes twice, or again after a crash, gives nothing twice.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from secrets import token_hex
from typing import Literal, Self

from bot import text_requests
from bot.desk import Desk, Handled, act_of
from bot.grammar import MistakeError, parse_amount_word, parse_until
from bot.staff import check_cap, put_in, reason_of
from bot.text import Words
from quota.governing import NEVER_ENDS, Act, Governing, Said
from quota.limits import Bound
from quota.members import Member, Requester, Space
from quota.prepaid import AddToBalance
from quota.store import GrantRow
from quota.undoing import ACTS_MAX
from quota.units import Amount, Unit, amount_text
from quota.windows import window_text

REQUEST = "request"
DAY_MS = 86_400_000
OPEN_MS = 30 * DAY_MS
DONE_MS = 7 * DAY_MS
A_DAY_MAX = 3
WHY_CHARS_MAX = 300
USAGE = "/quota more 5k tokens until 3d -- why you need it"

_UNITS = {str(unit): unit for unit in Unit}
State = Literal["open", "approved", "denied"]


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asked for: `until` None is the end of the period, `by` who has decided."""

    id: str
    member: str
    amount: int
    unit: Unit
    window: str
    until: int | None
    why: str
    at: int
    state: State = "open"
    by: str = ""
    given: int = 0

    @classmethod
    def read(cls, text: str) -> Self:
        """What `written` wrote."""
        found = json.loads(text)
        return cls(**{**found, "unit": _UNITS[found["unit"]]})

    @property
    def written(self) -> str:
        """As it is kept."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @property
    def what(self) -> str:
        """`5k tokens`."""
        return amount_text(self.amount, self.unit)


async def ask(desk: Desk, requester: Requester, text: str, why: str, words: Words) -> Handled:
    """Ask for `5k tokens until 3d`, with the reason; admins hear of it."""
    amount_part, until = parse_until(text, desk.clock.now())
    amount = parse_amount_word(amount_part, USAGE)
    bound = bound_for(desk, requester, amount, words)
    if amount.value <= 0 or until == NEVER_ENDS:
        raise MistakeError(text_requests.not_for_good(words), USAGE)
    if not why.strip() or len(why) > WHY_CHARS_MAX:
        raise MistakeError(text_requests.why_missing(words, len(why), WHY_CHARS_MAX), USAGE)
    request = new(desk, requester.member, amount, bound, until, why.strip())
    await send(desk, requester, request, words)
    return Handled(text_requests.asked(words, request))


def new(
    desk: Desk, member: Member, amount: Amount, bound: Bound, until: int | None, why: str
) -> Request:
    """A request that nobody has heard of yet."""
    window, now = window_text(bound.window), desk.clock.now()
    return Request(token_hex(4), member.id, amount.value, bound.unit, window, until, why, now)


async def send(desk: Desk, requester: Requester, request: Request, words: Words) -> None:
    """Keep a request and tell those who decide: one at a time for each member and window."""
    space, now = requester.member.space, desk.clock.now()
    member = Member(space, request.member)
    with alone(desk, f"more {member.wallet}", words):
        mine = [r for r in of_space(desk, space) if r.member == request.member]
        same = (request.unit, request.window)
        if any(r.state == "open" and (r.unit, r.window) == same for r in mine):
            raise MistakeError(text_requests.open_already(words))
        if sum(r.at > now - DAY_MS for r in mine) >= A_DAY_MAX:
            raise MistakeError(text_requests.too_often(words, A_DAY_MAX))
        said = Said(REQUEST, member.wallet, "", request.what)
        act, until = act_of(requester, request.why), now + OPEN_MS
        governing = desk.quotas.governing
        await governing.record(act, said, REQUEST, request.id, request.written, until)
    desk.news.alert(space, text_requests.alert(desk.words_for(space), request))


def of_space(desk: Desk, space: Space, state: State | None = None) -> list[Request]:
    """The requests of a space, oldest first; those in one state, or all that are kept."""
    kept = kept_in(desk.quotas.governing, space)
    return sorted((r for r in kept if state in {None, r.state}), key=lambda r: (r.at, r.id))


def kept_in(governing: Governing, space: Space) -> list[Request]:
    """The requests of a space, as they were kept."""
    return [*map(Request.read, governing.flags(space.key, REQUEST).values())]


def found(desk: Desk, space: Space, id_: str) -> Request | None:
    """One request, as long as it is kept."""
    value = desk.quotas.governing.flag(space.key, REQUEST, id_.casefold())
    return Request.read(value) if value else None


async def approve(
    desk: Desk, requester: Requester, id_: str, less: str, reason: str, words: Words
) -> Handled:
    """Give what was asked for, or less; the member is told."""
    request = _open(desk, requester, id_, words)
    member = Member(requester.member.space, request.member)
    # What staff may give one member is counted before it is given: one gift at a time.
    with alone(desk, f"decide {request.id}", words), alone(desk, f"give {member.wallet}", words):
        amount = Amount(request.amount, request.unit)
        if less.strip():
            amount = parse_amount_word(less, f"approve {request.id} 2k tokens")
            amount = amount._replace(unit=amount.unit or request.unit)
        if not 0 < amount.value <= request.amount or amount.unit is not request.unit:
            raise MistakeError(text_requests.not_less(words, request))
        bound = bound_for(desk, desk.last_seen(member), amount, words)
        mark = f"{REQUEST} {request.id}"
        given = await _given(desk, member, bound, mark, request.at)
        if given is None:
            await check_cap(desk, requester, member, bound, amount, words)
            why = reason_of(requester, f"{mark}: {reason or request.why}")
            given = await give(desk, act_of(requester, why), bound, member, amount, request.until)
        done = replace(request, state="approved", by=requester.member.id, given=given.amount)
        await _decided(desk, requester, done, reason)
    theirs = desk.words_for(member.space, member)
    desk.news.tell(member, text_requests.granted(theirs, done, given, reason))
    return Handled(text_requests.decided(words, done, reason))


async def deny(desk: Desk, requester: Requester, id_: str, reason: str, words: Words) -> Handled:
    """Give nothing; the member is told why."""
    request = _open(desk, requester, id_, words)
    with alone(desk, f"decide {request.id}", words):
        done = replace(request, state="denied", by=requester.member.id)
        await _decided(desk, requester, done, reason)
    member = Member(requester.member.space, request.member)
    theirs = desk.words_for(member.space, member)
    desk.news.tell(member, text_requests.denied(theirs, done, reason))
    return Handled(text_requests.decided(words, done, reason))


async def _decided(desk: Desk, requester: Requester, done: Request, reason: str) -> None:
    wallet = Member(requester.member.space, done.member).wallet
    after = amount_text(done.given, done.unit) if done.given else ""
    said = Said(f"{REQUEST} {done.state}", wallet, done.what, after)
    until = desk.clock.now() + DONE_MS
    act = act_of(requester, reason)
    await desk.quotas.governing.record(act, said, REQUEST, done.id, done.written, until)


def _open(desk: Desk, requester: Requester, id_: str, words: Words) -> Request:
    """The request, if it waits for a decision that this requester may take."""
    request = found(desk, requester.member.space, id_)
    if request is None:
        raise MistakeError(text_requests.unknown(words, id_), "requests")
    if request.state != "open":
        raise MistakeError(text_requests.decided_already(words, request))
    if request.member == requester.member.id and not requester.is_admin:
        raise MistakeError(text_requests.ones_own(words))
    return request


async def give(
    desk: Desk, act: Act, bound: Bound, member: Member, amount: Amount, until: int | None
) -> GrantRow:
    """Add to an allowance until a time; what is put into a balance stays there."""
    if bound.kind != "balance":
        bounds = desk.bounds(desk.last_seen(member))
        return await desk.quotas.governing.grant(act, member, amount, bounds, until)
    await desk.quotas.prepaying.change(act, member, AddToBalance(amount.value))
    return _put_in(member, amount.value, desk.clock.now(), act)


async def _given(
    desk: Desk, member: Member, bound: Bound, mark: str, since: int
) -> GrantRow | None:
    """What was given for a request already: its mark is in the reason."""
    governing = desk.quotas.governing
    if bound.kind != "balance":
        return next((g for g in await governing.grants(member) if mark in g.reason), None)
    trail = await governing.audit_trail(member.space.key, since, ACTS_MAX)
    mine = (r for r in trail if (r.action, r.subject) == ("balance add", member.wallet))
    row = next((r for r in mine if mark in r.reason), None)
    if row is None:
        return None
    return _put_in(member, put_in(row), row.at, Act(row.actor, row.space, row.reason))


def _put_in(member: Member, amount: int, at: int, act: Act) -> GrantRow:
    """What was put into a balance, as a gift that never ends."""
    return GrantRow(0, member.wallet, Unit.CREDITS, amount, 0, 0, at, None, act.actor, act.reason)


def bound_for(desk: Desk, requester: Requester, amount: Amount, words: Words) -> Bound:
    """The balance or the own allowance that an amount would be added to."""
    bounds = desk.bounds(requester)
    own = [b for b in bounds if b.kind == "allowance" and b.amount is not None]
    # Who asks for money asks for what they can keep.
    balances = [b for b in bounds if b.kind == "balance"]
    own = [*balances, *own] if amount.unit is Unit.CREDITS else [*own, *balances]
    if not own:
        raise MistakeError(text_requests.nothing_to_add_to(words))
    bound = next((b for b in own if b.unit is (amount.unit or own[0].unit)), None)
    if bound is None:
        raise MistakeError(text_requests.other_unit(words, str(own[0].unit)), USAGE)
    return bound


@contextmanager
def alone(desk: Desk, what: str, words: Words) -> Iterator[None]:
    """One at a time: a second press while the first is being written changes nothing."""
    if what in desk.busy:
        raise MistakeError(text_requests.under_way(words))
    desk.busy.add(what)
    try:
        yield
    finally:
        desk.busy.discard(what)
