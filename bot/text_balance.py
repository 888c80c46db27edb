"""What is said of prepaid balances: to those who have one, and to admins who fill it."""

from collections.abc import Iterator, Sequence

from bot.figures import floored, money, percent
from bot.panels import Gauge, Panel, Table
from bot.text_dialect import Dialect
from quota.forecast import HORIZON_DAYS, Forecast
from quota.members import Member
from quota.prepaid import Deposited, PrepaidRow, Refill
from quota.refilling import next_refill
from quota.verdicts import Balance, Notice, PrepaidBalance, Refused


def gauge(words: Dialect, balance: Balance, prepaid: PrepaidBalance) -> Gauge:
    """What is there, what is owed, what comes when.

    The whole of it is named only where it was there once: what refills go up to is said with them.
    """
    left, full = there(words, prepaid.credits), balance.granted or 0
    numbers = words.say("{left} left", left=left)
    if prepaid.refill is None or full > prepaid.refill.cap:
        numbers = words.say("{left} of {full} left", left=left, full=there(words, full))
    details = " · ".join(_details(words, balance, prepaid))
    return Gauge(words.say("Balance"), percent(balance), numbers, details)


def _details(words: Dialect, balance: Balance, prepaid: PrepaidBalance) -> Iterator[str]:
    if prepaid.credits < 0:
        debt = taken(words, -prepaid.credits)
        yield words.say("{amount} owed, repaid first", amount=debt)
    if prepaid.overdraft:
        yield words.say("up to {amount} may be owed", amount=money(prepaid.overdraft, words))
    if balance.held:
        yield words.say("{n} held", n=taken(words, balance.held))
    if prepaid.next_at is not None and prepaid.refill is not None:
        yield comes(words, prepaid.refill, prepaid.next_at)


def there(words: Dialect, credits_: int) -> str:
    """What is on a balance, as people are told: never more than that."""
    return money(floored(credits_), words)


def taken(words: Dialect, credits_: int) -> str:
    """What is needed, held or owed: never less than that."""
    return money(-floored(-credits_), words)


def title(words: Dialect, prepaid: PrepaidBalance) -> str:
    """Above a card, where the balance is what is nearest to its end."""
    return words.say("Quota — balance {left}", left=there(words, prepaid.credits))


def comes(words: Dialect, refill: Refill, at: int) -> str:
    """What the next refill brings."""
    each, cap = money(refill.amount, words), money(refill.cap, words)
    return words.say("{amount} more {when}, up to {cap}", amount=each, when=words.when(at), cap=cap)


def forecast(words: Dialect, told: Forecast) -> str:
    """When it is empty at this pace, as exactly as that can be known."""
    if told.earliest is None:
        return words.say("At this pace your balance lasts longer than {n} days.", n=HORIZON_DAYS)
    if told.latest is None:
        earliest = words.when(told.earliest)
        return words.say("At this pace your balance lasts at least until {when}.", when=earliest)
    return words.say(
        "At this pace your balance is empty between {earliest} and {latest}.",
        earliest=words.when(told.earliest),
        latest=words.when(told.latest),
    )


def footer(words: Dialect, prepaid: PrepaidBalance) -> str:
    """Under an answer."""
    return words.say("balance {left}", left=there(words, prepaid.credits))


def notice(words: Dialect, told: Notice) -> str:
    """Once per threshold, until it was filled up again."""
    said = words.say(
        "⚠ Your balance is down to {left}, at most {percent}% of {full}.",
        left=there(words, told.left),
        percent=100 - told.threshold,
        full=there(words, told.granted),
    )
    terms = told.limit.rule.prepaid
    if told.opens_at is None or terms is None or terms.refill is None:
        return said
    more = comes(words, terms.refill, told.opens_at)
    return words.joined(said, words.say("{what}.", what=more))


def clamped(words: Dialect, tokens: str) -> str:
    """An answer was made shorter."""
    return words.say(
        "Answer limited to about {n} tokens, all that your balance pays for.", n=tokens
    )


def refusal(words: Dialect, refused: Refused, prepaid: PrepaidBalance) -> str:
    """What was needed, what is there or owed, and when there is enough."""
    needed = taken(words, refused.needed)
    if prepaid.credits < 0:
        said = words.say(
            "⛔ You owe {debt} of your balance, and this message needs about {needed}. What comes in repays that first.",
            debt=taken(words, -prepaid.credits),
            needed=needed,
        )
    else:
        said = words.say(
            "⛔ This message needs about {needed}, and {left} of your balance is left.",
            needed=needed,
            left=there(words, prepaid.credits),
        )
    if refused.reason == "too_large":
        said = words.joined(said, words.say("Shorten it, or begin anew: /new."))
    if refused.opens_at is not None:
        when = words.when(refused.opens_at)
        return words.joined(said, words.say("There is enough {when}.", when=when))
    return words.joined(said, words.say("An admin can put something in."))


def changed(words: Dialect, who: str, done: Deposited, because: str) -> Panel:
    """What was there before and is now."""
    before, after = money(done.before, words), money(done.after, words)
    lines = [
        words.say(
            "The balance of {who} was {before} and is {after}.",
            who=words.who(who),
            before=before,
            after=after,
        )
    ]
    if done.after < 0:
        lines.append(words.say("That is a debt; what comes in repays it first."))
    if because:
        lines.append(because)
    return Panel(words.say("Balance"), "good", tuple(lines))


def listed(words: Dialect, rows: Sequence[PrepaidRow], all_of_them: int, total: int) -> Panel:
    """The balances of a space, the lowest first; `total` is what all of them make."""
    title = words.say("Balances")
    if not rows:
        line = words.say("Nobody has a balance yet; it begins with the first question.")
        return Panel(title, "neutral", (line,))
    sum_ = there(words, total)
    lines = [
        words.count(
            all_of_them, "1 balance, {sum} in all.", "{n} balances, {sum} in all.", sum=sum_
        )
    ]
    if len(rows) < all_of_them:
        line = words.say("The lowest {n} are shown.", n=words.grouped(len(rows)))
        lines.append(line)
    cells = tuple(
        (
            words.who(Member.from_wallet(row.wallet).id),
            there(words, row.credits),
            _refills(words, row),
        )
        for row in rows
    )
    columns = tuple(words.say("member | balance | next refill").split(" | "))
    return Panel(title, "neutral", tuple(lines), table=Table(columns, cells))


def _refills(words: Dialect, row: PrepaidRow) -> str:
    if row.refill is None or row.credits >= row.refill.cap:
        return "–"
    return words.when(next_refill(row.refill, row.refilled_to))
