"""What people read of fair pools: members in a sentence, admins on a card, the curious in figures."""

from collections.abc import Iterator, Sequence

from bot.figures import amount, during, grouped, percent, plain
from bot.panels import Gauge, Panel, Table, Tone
from bot.text_dialect import Dialect
from quota.forecast import Evenly, Forecast
from quota.limits import Bound, Limit, Reason
from quota.members import Scope
from quota.pool import Decision, hint
from quota.pool_governing import NotKept
from quota.pooling import PoolView
from quota.store import AddToPool, ForgetPast, KeepFor, PoolDeed, PoolState
from quota.verdicts import Balance, PoolBalance, Refused
from quota.windows import Calendar

FULL = 100


# For members.


def rule(limit: Limit, pool: PoolBalance) -> str:
    """How a pool is divided, in a sentence."""
    rule_, unit = limit.rule, limit.rule.unit
    floor = (
        f"Everyone can count on {plain(pool.floor, unit)}; beyond that you" if pool.floor else "You"
    )
    return (
        f"{_who(limit.scope)} shares {amount(rule_.amount or 0, unit)} {_each(limit)}. "
        f"{floor} may use as much as would still be left for everyone else expected "
        f"{during(rule_.window)}."
    )


def gauge(words: Dialect, balance: Balance, pool: PoolBalance) -> Gauge:
    """A member's own part of a pool; the bar is full when nothing more is theirs."""
    unit, limit = balance.unit, balance.limit
    window = during(limit.rule.window)
    label = f"{window[0].upper()}{window[1:]}, shared fairly by {limit.scope.text}"
    room = hint(balance.left or 0)
    details = [f"about {plain(room, unit)} more now" if room else "no room right now"]
    if pool.kept and pool.kept_until is not None:
        details.append(f"{plain(pool.kept, unit)} kept for you until {words.when(pool.kept_until)}")
    taken = balance.used + balance.held
    details.append(f"all together {plain(taken, unit)} of {plain(balance.granted or 0, unit)}")
    if balance.opens_at is not None:
        details.append(words.refills(limit, balance.opens_at))
    numbers = f"you used {amount(pool.used, unit)}"
    return Gauge(label, percent(balance), numbers, " · ".join(details))


def refusal(words: Dialect, refused: Refused, pool: PoolBalance) -> str:
    """Why the pool gives no more, and when it does."""
    assert refused.limit is not None, "a pool has a limit"
    name, unit = words.limit(refused.limit), refused.unit
    window = during(refused.limit.rule.window)
    opens = "" if refused.opens_at is None else f" It opens {words.when(refused.opens_at)}."
    if pool.free < refused.needed:
        why = f"⛔ The shared budget is used up {window} (rule {name})."
    elif pool.used:
        why = (
            f"⛔ You have had {amount(pool.used, unit)} from the shared pool {window}; more would "
            f"leave less than that for the others still expected (rule {name})."
        )
    else:
        why = (
            f"⛔ What is left in the shared pool {window} is kept for those who came before you "
            f"and for the others still expected (rule {name})."
        )
    fits = ""
    if refused.fits:
        needed, room = amount(refused.needed, unit), plain(refused.left, unit)
        fits = f" This message needs about {needed}; one of {room} would fit now."
    return f"{why}{fits}{opens} Your own allowance is untouched."


def forecast(words: Dialect, limit: Limit, told: Forecast, pace: Evenly | None) -> str:
    """When it runs out at this pace, as exactly as that can be known."""
    what = f"{_each_name(limit)} {limit.rule.unit}"
    if told.earliest is None:
        return f"At this pace {what} last until they reset."
    until = "the reset" if told.latest is None else words.when(told.latest)
    line = f"At this pace {what} run out between {words.when(told.earliest)} and {until}"
    if pace is None or not pace.amount:
        return f"{line}."
    return f"{line}; about {plain(pace.amount, limit.rule.unit)} {_a(pace.per)} gets you there."


# For admins.


def cards(words: Dialect, views: Sequence[PoolView]) -> Panel:
    """Every fair pool that binds here."""
    if not views:
        line = "No pool here is divided fairly. Write: pool 2M tokens per day fair."
        return Panel("Pools", "neutral", (line,))
    tone: Tone = "warning" if any(view.outlook.surprising for view in views) else "neutral"
    lines = tuple(line for view in views for line in _lines(words, view))
    rows = tuple(_row(words, view) for view in views)
    columns = ("pool", "used", "held", "kept", "free", "members", "line", "kept until")
    gauges = tuple(_gauge(words, view) for view in views)
    return Panel("Pools", tone, lines, gauges, Table(columns, rows))


def _lines(words: Dialect, view: PoolView) -> Iterator[str]:
    bound, state, seen, runs_out = view
    unit, name = bound.unit, words.limit(bound.limit)
    window = during(bound.limit.rule.window)
    if view.guessed:
        yield f"{name}: no period has closed yet, so what members need is a guess."
    else:
        usual = f"usual are {amount(seen.usual, unit)}"
        yield f"{name}: about {amount(seen.demand, unit)} are wanted {window}; {usual}."
    if seen.surprising:
        yield "That is more than twice as much as usual: top it up, or say lend 80% behind it."
    line = f"nobody goes beyond {plain(seen.line, unit)} now"
    if seen.line >= state.row.size:
        line = "nobody is held back now"
    elif not seen.line:
        line = "only that and what is kept are left"
    yield f"Everyone can count on {plain(seen.floor, unit)}; {line}."
    if runs_out is not None:
        yield forecast(words, bound.limit, runs_out, None)
    if state.added:
        sign = "+" if state.added > 0 else ""
        yield f"Admins gave it {sign}{amount(state.added, unit)} {window}."


def _gauge(words: Dialect, view: PoolView) -> Gauge:
    bound, state, _, _ = view
    row = state.row
    taken, size = row.used + row.held + state.before, row.size + state.before
    percent_ = min(FULL, max(taken * FULL // size, 1 if taken else 0)) if size else FULL
    numbers = f"{plain(taken, bound.unit)} / {amount(size, bound.unit)}"
    return Gauge(words.limit(bound.limit), percent_, numbers, f"closes {words.when(row.closes_at)}")


def _row(words: Dialect, view: PoolView) -> tuple[str, ...]:
    bound, state, seen, _ = view
    row, unit = state.row, bound.unit
    return (
        bound.limit.id,
        plain(row.used + state.before, unit),
        plain(row.held, unit),
        plain(row.claims, unit),
        plain(row.free, unit),
        f"{grouped(seen.seen)} of {grouped(seen.expected)}",
        plain(seen.line, unit),
        words.when(row.keep_until),
    )


def explained(words: Dialect, bound: Bound, decision: Decision) -> str:
    """Every figure that a pool decides by."""
    unit = bound.unit
    verdict = f"grants {plain(decision.grant, unit)}" if decision.grant else "refuses"
    figures = (
        f"asked {plain(decision.need, unit)} to {plain(decision.want, unit)}",
        f"level with it {plain(decision.level, unit)} per weight, weight {bound.weight}",
        f"floor {plain(decision.floor, unit)}",
        f"kept {plain(decision.kept, unit)}",
        f"free {plain(decision.free, unit)}",
        f"kept for others {plain(decision.others_kept, unit)}",
        f"floors of those expected {plain(decision.newcomers, unit)}",
        f"others need up to that level {plain(decision.others_need, unit)}",
        f"last call {plain(decision.last_call, unit)}",
        f"still to come {decision.to_come // 10}%",
    )
    return f"{words.limit(bound.limit)} {verdict}: {', '.join(figures)}."


def reasons(found: Sequence[Reason], balances: Sequence[Balance]) -> tuple[str, ...]:
    """The sentence of each fair pool that binds."""
    limits = {reason.limit for reason in found}
    return tuple(
        rule(balance.limit, balance.pool)
        for balance in balances
        if balance.pool is not None and balance.limit in limits
    )


def changed(words: Dialect, bound: Bound, deed: PoolDeed, state: PoolState) -> Panel:
    """What an admin did to a pool."""
    unit, row, name = bound.unit, state.row, words.limit(bound.limit)
    window = during(bound.limit.rule.window)
    match deed:
        case AddToPool(value):
            verb = "Added" if value > 0 else "Took"
            way = "to" if value > 0 else "from"
            size = amount(row.size + state.before, unit)
            line = f"{verb} {amount(abs(value), unit)} {way} {name}: {size} {window}."
            kept = "What is used, held and kept for members stays." if value < 0 else ""
            return Panel("Pool", "good", (line, *filter(None, (kept,))))
        case KeepFor(_, value):
            kept_now = state.member.own if state.member is not None else 0
            line = (
                f"{amount(value, unit)} more of {name} are kept, {plain(kept_now, unit)} in all, "
                f"until {words.when(row.keep_until)}."
            )
            return Panel("Kept", "good", (line,))
        case ForgetPast():
            line = f"{name} has forgotten what earlier periods taught it."
            return Panel("Pool", "good", (line, "What is kept for members stays kept."))


def not_kept(words: Dialect, bound: Bound, why: NotKept) -> str:
    """Why nothing more is kept for a member."""
    name = words.limit(bound.limit)
    if why.reason == "late":
        return (
            f"nothing more is kept in {name} {during(bound.limit.rule.window)}: keeping has ended"
        )
    return f"only {amount(why.room, bound.unit)} of {name} are kept for nobody"


def still_fair(limit: Limit) -> str:
    """A pool that was fair becomes first come."""
    return (
        f"What is kept for members {during(limit.rule.window)} stays kept until the period ends; "
        "then it is first come, first served."
    )


def floor_too_high(limit: Limit, members: int) -> str:
    """A floor that is first come again."""
    return (
        f"Such a floor cannot be kept for the {grouped(members)} members expected, so it is first "
        f"come, first served; at most {plain((limit.rule.amount or 0) // (2 * members), limit.rule.unit)} can."
    )


def surprise(words: Dialect, view: PoolView) -> Panel:
    """Demand has outgrown what is usual."""
    return Panel("Pool in demand", "warning", tuple(_lines(words, view)))


def _who(scope: Scope) -> str:
    return {"space": "This place", "house": "Everybody here and elsewhere"}.get(
        scope.kind, f"The {scope.text}"
    )


def _each(limit: Limit) -> str:
    window = limit.rule.window
    return _a(window.unit) if isinstance(window, Calendar) else during(window)


def _each_name(limit: Limit) -> str:
    """today's, this hour's."""
    return f"{during(limit.rule.window)}'s"


def _a(unit: str) -> str:
    return f"an {unit}" if unit == "hour" else f"a {unit}"
