"""What people read of fair pools: members in a sentence, admins on a card, the curious in figures."""

from collections.abc import Iterator, Sequence

from bot.figures import amount, begun, during, grouped, percent, plain
from bot.languages import phrase
from bot.panels import Gauge, Panel, Table, Tone
from bot.text_dialect import Dialect
from quota.forecast import Evenly, Forecast
from quota.limits import Bound, Limit, Reason
from quota.pool import Decision, hint
from quota.pool_governing import NotKept
from quota.pooling import PoolView
from quota.store import AddToPool, ForgetPast, KeepFor, PoolDeed, PoolState
from quota.verdicts import Balance, PoolBalance, Refused

FULL = 100


# For members.


def rule(words: Dialect, limit: Limit, pool: PoolBalance) -> str:
    """How a pool is divided, in a sentence."""
    unit, window = limit.rule.unit, during(limit.rule.window, words)
    size = amount(limit.rule.amount or 0, unit, words)
    shares = words.say(
        "{limit}: all share {amount} {during}.",
        limit=words.limit(limit),
        amount=size,
        during=window,
    )
    if not pool.floor:
        beyond = words.say(
            "You may use as much as would still be left for everyone else expected {during}.",
            during=window,
        )
    else:
        beyond = words.say(
            "Everyone can count on {floor}; beyond that you may use as much as would still be left for everyone else expected {during}.",
            floor=plain(pool.floor, unit, words),
            during=window,
        )
    return words.joined(shares, beyond)


def reasons(
    words: Dialect, found: Sequence[Reason], balances: Sequence[Balance]
) -> tuple[str, ...]:
    """The sentence of each fair pool that binds."""
    limits = {reason.limit for reason in found}
    return tuple(
        rule(words, balance.limit, balance.pool)
        for balance in balances
        if balance.pool is not None and balance.limit in limits
    )


def gauge(words: Dialect, balance: Balance, pool: PoolBalance) -> Gauge:
    """A member's own part of a pool; the bar is full when nothing more is theirs."""
    unit, limit = balance.unit, balance.limit
    label = words.say(
        "{during}, shared fairly by {by}",
        during=begun(during(limit.rule.window, words)),
        by=limit.scope.text,
    )
    room = hint(balance.left or 0)
    about = words.say("about {n} more now", n=plain(room, unit, words))
    details = [about if room else words.say("no room right now")]
    if pool.kept and pool.kept_until is not None:
        kept, until = plain(pool.kept, unit, words), words.when(pool.kept_until)
        details.append(words.say("{n} kept for you until {when}", n=kept, when=until))
    taken = plain(balance.used + balance.held, unit, words)
    whole = plain(balance.granted or 0, unit, words)
    details.append(words.say("all together {used} of {whole}", used=taken, whole=whole))
    if balance.opens_at is not None:
        details.append(words.refills(limit, balance.opens_at))
    numbers = words.say("you used {amount}", amount=amount(pool.used, unit, words))
    return Gauge(label, percent(balance), numbers, " · ".join(details))


def refusal(words: Dialect, refused: Refused, pool: PoolBalance) -> str:
    """Why the pool gives no more, and when it does."""
    assert refused.limit is not None, "a pool has a limit"
    name, unit = words.limit(refused.limit), refused.unit
    window = during(refused.limit.rule.window, words)
    told = [_why(words, refused, pool, name, window)]
    if refused.fits:
        told.append(
            words.say(
                "This message needs about {needed}; one of {room} would fit now.",
                needed=amount(refused.needed, unit, words),
                room=plain(refused.left, unit, words),
            )
        )
    if refused.opens_at is not None:
        told.append(words.say("It opens {when}.", when=words.when(refused.opens_at)))
    told.append(words.say("Your own allowance is untouched."))
    return words.joined(*told)


def _why(words: Dialect, refused: Refused, pool: PoolBalance, name: str, window: str) -> str:
    if pool.free < refused.needed:
        return words.say(
            "⛔ The shared budget is used up {during} (rule {rule}).", during=window, rule=name
        )
    if pool.used:
        return words.say(
            "⛔ You have had {amount} from the shared pool {during}; more would leave less than that for the others still expected (rule {rule}).",
            amount=amount(pool.used, refused.unit, words),
            during=window,
            rule=name,
        )
    return words.say(
        "⛔ What is left in the shared pool {during} is kept for those who came before you and for the others still expected (rule {rule}).",
        during=window,
        rule=name,
    )


def forecast(words: Dialect, limit: Limit, told: Forecast, pace: Evenly | None) -> str:
    """When it runs out at this pace, as exactly as that can be known."""
    name = words.limit(limit)
    if told.earliest is None:
        return words.say("At this pace {limit} lasts until it resets.", limit=name)
    until = words.say("the reset") if told.latest is None else words.when(told.latest)
    line = words.say(
        "At this pace {limit} runs out between {earliest} and {latest}.",
        limit=name,
        earliest=words.when(told.earliest),
        latest=until,
    )
    if pace is None or not pace.amount:
        return line
    each = {
        "hour": phrase("About {amount} an hour gets you to the reset."),
        "day": phrase("About {amount} a day gets you to the reset."),
    }[pace.per]
    even = words.say(each, amount=plain(pace.amount, limit.rule.unit, words))
    return words.joined(line, even)


# For admins.


def cards(words: Dialect, views: Sequence[PoolView]) -> Panel:
    """Every fair pool that binds here."""
    title = words.say("Pools")
    if not views:
        line = words.say("No pool here is divided fairly.")
        how = words.say("Write: {line}", line=f"{words.admin_prefix} pool 2M tokens per day fair")
        return Panel(title, "neutral", (line, how))
    tone: Tone = "warning" if any(view.outlook.surprising for view in views) else "neutral"
    lines = tuple(line for view in views for line in _lines(words, view))
    columns = words.say("pool | used | held | kept | free | members | line | kept until")
    table = Table(tuple(columns.split(" | ")), tuple(_row(words, view) for view in views))
    return Panel(title, tone, lines, tuple(_gauge(words, view) for view in views), table)


def surprise(words: Dialect, view: PoolView) -> Panel:
    """Demand has outgrown what is usual."""
    return Panel(words.say("Pool in demand"), "warning", tuple(_lines(words, view)))


def _lines(words: Dialect, view: PoolView) -> Iterator[str]:
    bound, state, seen, runs_out = view
    unit, name = bound.unit, words.limit(bound.limit)
    window = during(bound.limit.rule.window, words)
    if view.guessed:
        yield words.say(
            "{limit}: no period has closed yet, so what members need is a guess.", limit=name
        )
    else:
        yield words.say(
            "{limit}: about {demand} are wanted {during}; usual are {usual}.",
            limit=name,
            demand=amount(seen.demand, unit, words),
            during=window,
            usual=amount(seen.usual, unit, words),
        )
    if seen.surprising:
        yield words.say(
            "That is more than twice as much as usual: give it more, or say lend 80% behind it."
        )
    yield words.joined(
        words.say("Everyone can count on {floor}.", floor=plain(seen.floor, unit, words)),
        _line(words, view),
    )
    if runs_out is not None:
        yield forecast(words, bound.limit, runs_out, None)
    if state.added:
        much = ("+" if state.added > 0 else "") + amount(state.added, unit, words)
        yield words.say("Admins gave it {amount} {during}.", amount=much, during=window)


def _line(words: Dialect, view: PoolView) -> str:
    """How far anybody may go now."""
    line = view.outlook.line
    if line >= view.state.row.size:
        return words.say("Nobody is held back now.")
    if not line:
        return words.say("Beyond that and what is kept nothing is given now.")
    most = plain(line, view.bound.unit, words)
    return words.say("Nobody goes beyond {line} now.", line=most)


def _gauge(words: Dialect, view: PoolView) -> Gauge:
    bound, state, _, _ = view
    row = state.row
    taken, size = row.used + row.held + state.before, row.size + state.before
    percent_ = min(FULL, max(taken * FULL // size, 1 if taken else 0)) if size else FULL
    numbers = f"{plain(taken, bound.unit, words)} / {amount(size, bound.unit, words)}"
    closes = words.refills(bound.limit, row.closes_at)
    return Gauge(words.limit(bound.limit), percent_, numbers, closes)


def _row(words: Dialect, view: PoolView) -> tuple[str, ...]:
    bound, state, seen, _ = view
    row, unit = state.row, bound.unit
    counted = grouped(seen.seen, words), grouped(seen.expected, words)
    return (
        bound.limit.id,
        plain(row.used + state.before, unit, words),
        plain(row.held, unit, words),
        plain(row.claims, unit, words),
        plain(row.free, unit, words),
        words.say("{seen} of {expected}", seen=counted[0], expected=counted[1]),
        plain(seen.line, unit, words),
        words.when(row.keep_until),
    )


def explained(words: Dialect, bound: Bound, decision: Decision) -> str:
    """Every figure that a pool decides by."""

    def plainly(value: int) -> str:
        return plain(value, bound.unit, words)

    if decision.grant:
        verdict = words.say("grants {amount}", amount=plainly(decision.grant))
    else:
        verdict = words.say("refuses")
    figures = words.say(
        "asked {need} to {want}; level with it {level} per weight, weight {weight}; floor {floor}; kept {kept}; free {free}; kept for others {others_kept}; floors of those expected {newcomers}; others need up to that level {others_need}; last call {last_call}; still to come {to_come}%",
        need=plainly(decision.need),
        want=plainly(decision.want),
        level=plainly(decision.level),
        weight=bound.weight,
        floor=plainly(decision.floor),
        kept=plainly(decision.kept),
        free=plainly(decision.free),
        others_kept=plainly(decision.others_kept),
        newcomers=plainly(decision.newcomers),
        others_need=plainly(decision.others_need),
        last_call=plainly(decision.last_call),
        to_come=decision.to_come // 10,
    )
    return f"{words.limit(bound.limit)} {verdict}: {figures}."


def changed(words: Dialect, bound: Bound, deed: PoolDeed, state: PoolState) -> Panel:
    """What an admin did to a pool."""
    unit, row, name = bound.unit, state.row, words.limit(bound.limit)
    match deed:
        case AddToPool(value):
            much, size = amount(abs(value), unit, words), row.size + state.before
            done = phrase("Added {amount} to {limit}: {size} {during}.")
            if value < 0:
                done = phrase("Took {amount} from {limit}: {size} {during}.")
            lines = [
                words.say(
                    done,
                    amount=much,
                    limit=name,
                    size=amount(size, unit, words),
                    during=during(bound.limit.rule.window, words),
                )
            ]
            if value < 0:
                lines.append(words.say("What is used, held and kept for members stays."))
            return Panel(words.say("Pool"), "good", tuple(lines))
        case KeepFor(_, value):
            own = state.member.own if state.member is not None else 0
            line = words.say(
                "{amount} more of {limit} are kept, {own} in all, until {when}.",
                amount=amount(value, unit, words),
                limit=name,
                own=plain(own, unit, words),
                when=words.when(row.keep_until),
            )
            return Panel(words.say("Kept"), "good", (line,))
        case ForgetPast():
            forgot = words.say("{limit} has forgotten what earlier periods taught it.", limit=name)
            stays = words.say("What is kept for members stays kept.")
            return Panel(words.say("Pool"), "good", (forgot, stays))


def not_kept(words: Dialect, bound: Bound, why: NotKept) -> str:
    """Why nothing more is kept for a member."""
    name = words.limit(bound.limit)
    if why.reason == "late":
        window = during(bound.limit.rule.window, words)
        return words.say(
            "nothing more is kept of {limit} {during}: keeping has ended", limit=name, during=window
        )
    room = amount(why.room, bound.unit, words)
    return words.say("only {amount} of {limit} are kept for nobody", amount=room, limit=name)


def still_fair(words: Dialect, limit: Limit) -> str:
    """A pool that was fair becomes first come."""
    return words.say(
        "What is kept for members {during} stays kept until the period ends; then it is first come, first served.",
        during=during(limit.rule.window, words),
    )


def floor_too_high(words: Dialect, limit: Limit, members: int) -> str:
    """A floor that is first come again."""
    return words.say(
        "Such a floor cannot be kept for the {members} members expected, so it is first come, first served; at most {most} can.",
        members=grouped(members, words),
        most=plain((limit.rule.amount or 0) // (2 * members), limit.rule.unit, words),
    )
