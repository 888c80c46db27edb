"""What staff may give: up to a cap for each member and window; above it an admin decides."""

from bot import text_requests
from bot.desk import Desk
from bot.grammar import MistakeError
from bot.text import Words
from quota.limits import Bound
from quota.members import Member, Requester
from quota.store import AuditRow
from quota.undoing import ACTS_MAX
from quota.units import Amount, Unit, parse_amount
from quota.windows import Anchored, Calendar, Rolling

# What the reason of a grant by staff begins with; the audit trail counts by it.
BY_STAFF = "staff: "


def reason_of(requester: Requester, reason: str) -> str:
    """The reason as it is written down, so that the cap can count what staff gave."""
    return reason if requester.is_admin else f"{BY_STAFF}{reason}"


async def left_to_give(desk: Desk, member: Member, bound: Bound) -> Amount | None:
    """What staff may still give this member in the window; None: staff may give nothing at all."""
    cap = desk.quotas.rules.staff_cap
    if cap is None or cap.unit is not bound.unit:
        return None
    since = _opened(bound, desk.clock.now())
    rows = await desk.quotas.governing.audit_trail(member.space.key, since, ACTS_MAX)
    by_staff = [r for r in rows if r.subject == member.wallet and r.reason.startswith(BY_STAFF)]
    if bound.kind == "balance":
        given = sum(put_in(row) for row in by_staff if row.action == "balance add")
    else:
        amounts = [parse_amount(row.after) for row in by_staff if row.action == "grant"]
        given = sum(amount.value for amount in amounts if amount.unit is bound.unit)
    return Amount(max(0, cap.value - given), bound.unit)


def put_in(row: AuditRow) -> int:
    """What an act has put into a balance, by what was there before and after."""
    before, after = (parse_amount(told).value for told in (row.before, row.after))
    return after - before


async def check_cap(
    desk: Desk, requester: Requester, member: Member, bound: Bound, amount: Amount, words: Words
) -> None:
    """MistakeError where staff would give more than they may; admins have no cap."""
    if requester.is_admin:
        return
    left = await left_to_give(desk, member, bound)
    if left is None or amount.value > left.value:
        unit = left.unit if left is not None and left.unit is not None else Unit.TOKENS
        raise MistakeError(text_requests.above_cap(words, left.value if left else 0, unit))


def _opened(bound: Bound, now: int) -> int:
    """When the window opened that holds this instant; 0 for one without an end.

    What staff put into balances counts from one refill to the next; without any, for a month.
    """
    terms = bound.limit.rule.prepaid
    window = bound.window
    if terms is not None:
        window = Calendar("month") if terms.refill is None else terms.refill.window
    match window:
        case Calendar():
            return window.period_at(now).opens_at
        case Anchored() | Rolling():
            return now - window.length_ms
        case _:
            return 0
