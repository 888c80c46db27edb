"""Requests for more as typed lines and buttons: members ask, staff and admins decide."""

from bot import requests, text_requests
from bot.desk import Desk, Handled, Typed, act_of, space_of
from bot.grammar import Line, MistakeError, parse_amount_word, parse_line, parse_until
from bot.panels import Form
from bot.pressing import Pressed, Pressing, Shown
from bot.requests import Request
from bot.staff import left_to_give, reason_of
from bot.text import Words
from quota.members import Requester

GRANT_USAGE = "/quota-staff grant @ana 5k tokens -- reason"


async def more(desk: Desk, typed: Typed, rest: str, words: Words) -> Handled:
    """`/quota more 5k tokens until 3d -- why`."""
    line = parse_line(f"more {rest}")
    return await requests.ask(desk, typed.requester, line.rest, line.reason, words)


async def listed(desk: Desk, typed: Typed, line: Line, words: Words) -> Handled:
    """`requests [open|done]`."""
    match line.rest.strip().casefold():
        case "" | "open":
            found = requests.of_space(desk, space_of(typed), "open")
            return Handled(text_requests.listed(words, found, done=False))
        case "done":
            found = [r for r in requests.of_space(desk, space_of(typed)) if r.state != "open"]
            return Handled(text_requests.listed(words, found, done=True))
        case other:
            raise MistakeError(
                "{said!r} is not understood", "requests [open|done]", said=other[:40]
            )


async def approve(desk: Desk, typed: Typed, line: Line, words: Words) -> Handled:
    """`approve 12ab34cd [2k tokens] -- reason`."""
    id_, _, less = line.rest.partition(" ")
    return await requests.approve(desk, typed.requester, id_, less, line.reason, words)


async def deny(desk: Desk, typed: Typed, line: Line, words: Words) -> Handled:
    """`deny 12ab34cd -- reason`."""
    return await requests.deny(desk, typed.requester, line.rest.strip(), line.reason, words)


async def show(desk: Desk, typed: Typed, line: Line, words: Words) -> Handled:
    """`/quota-staff show @ana`: where a member stands."""
    usage = "/quota-staff show @ana"
    target, rest = desk.member_of(typed.requester, line.rest, usage)
    if rest:
        raise MistakeError("{said!r} is not understood", usage, said=rest)
    balances = await desk.balances(desk.last_seen(target))
    grants = await desk.quotas.governing.grants(target)
    return Handled(words.quota(words.who(target.id), balances, grants), balances)


async def grant(desk: Desk, typed: Typed, line: Line, words: Words) -> Handled:
    """`/quota-staff grant`: up to the cap; what is above it becomes a request."""
    target, rest = desk.member_of(typed.requester, line.rest, GRANT_USAGE)
    amount_part, until = parse_until(rest, desk.clock.now())
    amount = parse_amount_word(amount_part, GRANT_USAGE)
    if amount.value <= 0:
        raise MistakeError("staff can give, not take", GRANT_USAGE)
    if not line.reason:
        raise MistakeError("a reason is missing", GRANT_USAGE)
    if target == typed.requester.member and not typed.requester.is_admin:
        raise MistakeError(text_requests.ones_own(words))
    requester = desk.last_seen(target)
    bound = requests.bound_for(desk, requester, amount, words)
    with requests.alone(desk, f"give {target.wallet}", words):
        left = await left_to_give(desk, target, bound)
        if not typed.requester.is_admin and (left is None or amount.value > left.value):
            request = requests.new(desk, target, amount, bound, until, line.reason)
            await requests.send(desk, typed.requester, request, words)
            return Handled(text_requests.capped(words, request, left.value if left else 0))
        act = act_of(typed.requester, reason_of(typed.requester, line.reason))
        row = await requests.give(desk, act, bound, target, amount, until)
    balances = await desk.balances(requester)
    shown = row._replace(reason=line.reason)
    return Handled(words.granted(target.id, shown, balances), balances)


# Buttons.


def more_form(_desk: Desk, pressed: Pressed, words: Words) -> Form:
    """What is asked for, for how long, and why."""
    return text_requests.form(words, pressed.subject)


async def more_sent(desk: Desk, pressed: Pressed, words: Words) -> Pressing:
    """The form of a member."""
    if not pressed.values:
        raise MistakeError("nothing was asked for", requests.USAGE)
    values = pressed.values
    until = values.get("until", "").strip()
    text = values.get("amount", "").strip() + (f" until {until}" if until else "")
    asked = await requests.ask(desk, pressed.requester, text, values.get("why", ""), words)
    return Shown(asked.card)


def less_form(desk: Desk, pressed: Pressed, words: Words) -> Form | None:
    """How much less; None where nothing waits."""
    found = _found(desk, pressed.requester, pressed.subject)
    return text_requests.less_form(words, found) if found else None


def deny_form(desk: Desk, pressed: Pressed, words: Words) -> Form | None:
    """Why not; None where nothing waits."""
    found = _found(desk, pressed.requester, pressed.subject)
    return text_requests.deny_form(words, found) if found else None


async def approved(desk: Desk, pressed: Pressed, words: Words) -> Pressing:
    """One press, or the form with less."""
    less, reason = (pressed.values.get(name, "").strip() for name in ("amount", "reason"))
    if pressed.name == "less" and not less:
        raise MistakeError("an amount is missing", "approve <request> 2k tokens")
    handled = await requests.approve(desk, pressed.requester, pressed.subject, less, reason, words)
    return Shown(handled.card, replaces=True)


async def denied(desk: Desk, pressed: Pressed, words: Words) -> Pressing:
    """The form with the reason."""
    reason = pressed.values.get("reason", "").strip()
    handled = await requests.deny(desk, pressed.requester, pressed.subject, reason, words)
    return Shown(handled.card, replaces=True)


def _found(desk: Desk, requester: Requester, id_: str) -> Request | None:
    found = requests.found(desk, requester.member.space, id_)
    return found if found is not None and found.state == "open" else None
