"""/quota: where one stands, why, and how it went; and what one may change about it oneself."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from bot import (
    price_commands,
    receipt_views,
    request_commands,
    text_pool,
    text_prices,
    text_quota,
)
from bot.desk import Desk, Handled, Typed
from bot.grammar import MistakeError
from bot.outlooks import emptying, forecasts
from bot.panels import Chart
from bot.text import Words
from quota.ceilings import ceiling_of, lift_ceiling, parse_ceiling, set_ceiling
from quota.limits import Bound
from quota.members import Requester
from quota.units import Unit
from quota.windows import Calendar, Period, window_text

View = Callable[[Desk, Typed, str, Words], Awaitable[Handled]]

HISTORY_DAYS = 7
USAGE = "/quota [summary|rules|history|receipt|more|ceiling|remind|price|confirm|fallback]"


async def quota(desk: Desk, typed: Typed, view: str, words: Words) -> Handled:
    """One view of what binds the requester, for the model that they use."""
    name, _, rest = " ".join(view.split()).partition(" ")
    if (name.casefold(), rest) == ("share", ""):
        name, rest = "summary", "share"
    shows = VIEWS.get(name.casefold() or "summary")
    if shows is None:
        raise MistakeError("/quota has no view {name!r}", USAGE, name=name[:40])
    return await shows(desk, typed, rest, words)


async def _summary(desk: Desk, typed: Typed, rest: str, words: Words) -> Handled:
    shared = _shared(rest, "/quota summary share")
    requester, model = typed.requester, desk.chat.models.find(typed.model)
    terms = (model or desk.chat.models.default).terms
    balances = await desk.quotas.balances(requester, terms)
    if shared:
        # For others to see: no grants, and nobody's name but one's own.
        return Handled(words.quota(words.who(requester.member.id), balances, ()), balances)
    grants = await desk.quotas.governing.grants(requester.member)
    panel = words.quota("you", balances, grants)
    store, wallet, now = desk.quotas.store, requester.member.wallet, desk.clock.now()
    ahead = (
        *forecasts(words, balances, now),
        *await emptying(words, balances, store, wallet, now),
    )
    room = await desk.chat.sending.estimates.questions(requester, balances, terms.rates)
    human = () if room is None else (text_prices.questions(words, room),)
    panel = replace(panel, lines=(*panel.lines, *human, *ahead))
    if typed.previews:
        about = typed.message if await receipt_views.leads_to_one(desk, typed) else ""
        panel = replace(panel, actions=text_quota.views(words, about))
    return Handled(panel, balances)


async def _rules(desk: Desk, typed: Typed, rest: str, words: Words) -> Handled:
    _nothing_more(rest, "/quota rules")
    requester, model = typed.requester, desk.chat.models.find(typed.model)
    terms = (model or desk.chat.models.default).terms
    reasons = desk.quotas.policy_for(requester).reasons(requester, terms.names)
    balances = await desk.quotas.balances(requester, terms)
    panel = words.rules("you", reasons)
    panel = replace(panel, lines=(*panel.lines, *text_pool.reasons(words, reasons, balances)))
    return Handled(panel, balances)


async def _history(desk: Desk, typed: Typed, rest: str, words: Words) -> Handled:
    """Tokens of the last seven days, from the counters of their periods."""
    shared = _shared(rest, "/quota history share")
    bound = _daily(desk, typed.requester)
    if bound is None or not isinstance(bound.window, Calendar):
        raise MistakeError(text_quota.no_history(words))
    days = _days(bound.window, desk.clock.now())
    found = await desk.quotas.store.periods(bound.book, days[0].opens_at)
    bars = []
    for day in days:
        closes = day.closes_at or desk.clock.now() + 1
        tokens = sum(spent for at, spent in found if day.opens_at <= at < closes)
        bars.append((text_quota.day_name(words, day.opens_at, bound.window.zone), tokens))
    whose = words.who(typed.requester.member.id) if shared else ""
    chart = Chart(text_quota.history_title(words), text_quota.tokens(words), tuple(bars))
    return Handled(text_quota.history(words, chart, whose))


def _daily(desk: Desk, requester: Requester) -> Bound | None:
    """An own limit whose counters tell what was used on each day; days before hours."""
    own = [b for b in desk.bounds(requester) if b.kind != "shared" and b.unit is Unit.TOKENS]
    calendar = {window_text(b.window): b for b in reversed(own) if isinstance(b.window, Calendar)}
    return calendar.get("day") or calendar.get("hour")


def _days(window: Calendar, now: int) -> list[Period]:
    """The last days in a zone, today last."""
    day = Calendar("day", window.zone)
    periods = [day.period_at(now)]
    while len(periods) < HISTORY_DAYS:
        periods.append(day.period_at(periods[-1].opens_at - 1))
    return periods[::-1]


async def _ceiling(desk: Desk, typed: Typed, rest: str, words: Words) -> Handled:
    """A ceiling of one's own: below what one may use, and one's own to change."""
    member, governing, rules = typed.requester.member, desk.quotas.governing, desk.quotas.rules
    if not rest:
        return Handled(text_quota.ceiling(words, ceiling_of(governing, member, rules)))
    if rest.casefold() in {"off", "none", "unlimited"}:
        lifted = await lift_ceiling(governing, member)
        return Handled(text_quota.ceiling_lifted(words, was=lifted))
    wanted = parse_ceiling(rest, member, rules)
    for bound in desk.bounds(typed.requester):
        same = (bound.unit, window_text(bound.window)) == wanted.slot[2:4]
        real = bound.limit.origin != "self" and bound.kind != "shared"
        if same and real and bound.amount is not None and bound.amount <= (wanted.rule.amount or 0):
            raise MistakeError(text_quota.ceiling_too_high(words, bound.limit))
    await set_ceiling(governing, wanted, member)
    return Handled(text_quota.ceiling(words, wanted), await desk.balances(typed.requester))


async def _remind(desk: Desk, typed: Typed, rest: str, words: Words) -> Handled:
    return await remind(desk, typed.requester, rest, words)


async def remind(desk: Desk, requester: Requester, on: str, words: Words) -> Handled:
    """Whether one is told when a limit that stopped one has opened."""
    if on.casefold() not in {"on", "off"}:
        raise MistakeError("it is on or off", "/quota remind on|off")
    chosen = desk.settings.member(requester.member)
    wanted = on.casefold() == "on"
    await desk.settings.set_member(requester.member, replace(chosen, notify_reset=wanted))
    if wanted:
        await desk.chat.reminders.asked(requester)
    await desk.chat.reminders.asked(requester)
    return Handled(text_quota.reminding(words, on=wanted))


def _shared(rest: str, usage: str) -> bool:
    if rest.casefold() not in {"", "share"}:
        raise MistakeError("{said!r} is not understood", usage, said=rest[:40])
    return bool(rest)


def _nothing_more(rest: str, usage: str) -> None:
    if rest:
        raise MistakeError("{said!r} is not understood", usage, said=rest[:40])


VIEWS: dict[str, View] = {
    "summary": _summary,
    "rules": _rules,
    "history": _history,
    "receipt": receipt_views.receipt,
    "more": request_commands.more,
    "ceiling": _ceiling,
    "remind": _remind,
    "price": price_commands.price,
    "confirm": price_commands.confirm,
    "fallback": price_commands.fallback,
}
