"""What admins are told without having asked."""

from bot.figures import amount, grouped, money, plain
from bot.panels import Action, Panel
from bot.text import Words
from quota.verdicts import Balance


def shared(words: Words, balance: Balance, threshold: int) -> Panel:
    """A pot that all share runs low, or is empty."""
    name = words.limit(balance.limit)
    empty = threshold >= 100  # noqa: PLR2004 - percent
    if empty:
        line = words.say("The shared limit {limit} is used up.", limit=name)
    else:
        line = words.say(
            "{percent}% of the shared {total} is used; {left} left (rule {rule}).",
            percent=threshold,
            total=amount(balance.granted or 0, balance.unit, words),
            left=plain(
                balance.pool.free if balance.pool else balance.left or 0, balance.unit, words
            ),
            rule=name,
        )
    if balance.opens_at:
        again = words.refills(balance.limit, balance.opens_at)
        line = words.joined(line, words.say("It {refills}.", refills=again))
    if empty:
        return Panel(words.say("Used up"), "bad", (line,))
    return Panel(words.say("Running low"), "warning", (line,))


def overrun(words: Words, model: str, tokens: int, credits_: int) -> Panel:
    """A provider took more than was held."""
    much = words.say("{n} tokens", n=grouped(tokens, words)) if tokens else ""
    if credits_:
        much = f"{much} ({money(credits_, words)})" if much else money(credits_, words)
    line = words.say(
        "{model} took {amount} more than it was allowed to. The member pays what was reserved, the rest is the house's. Told once an hour.",
        model=model,
        amount=much,
    )
    return Panel(words.say("Overrun"), "warning", (line,))


def failing(words: Words, model: str, times: int) -> Panel:
    """A provider fails again and again."""
    line = words.say(
        "{model} has failed {times} times in a row. Members were told, and are charged only for what was sent. The log says why. Told once an hour.",
        model=model,
        times=times,
    )
    return Panel(words.say("The model does not answer"), "bad", (line,))


def absurd(words: Words, model: str) -> Panel:
    """A provider says what cannot be true."""
    line = words.say(
        "{model} reported a usage or a cost that cannot be true. What was sent and received was charged instead. Told once an hour.",
        model=model,
    )
    return Panel(words.say("Not believed"), "bad", (line,))


def lapsed(words: Words, hold_id: int, member_id: str, tokens: int) -> Panel:
    """A hold of a process that died."""
    line = words.say(
        "An answer for {who} was interrupted; {n} tokens were charged, because the provider may have billed them.",
        who=words.who(member_id),
        n=grouped(tokens, words),
    )
    back = Action("giveback", words.say("Give back"), f"{hold_id} {member_id}")
    return Panel(words.say("Interrupted"), "warning", (line,), actions=(back,))


def disagree(words: Words, counters: int) -> Panel:
    """The books do not prove themselves."""
    what = words.count(
        counters,
        "1 counter disagrees with the ledger.",
        "{n} counters disagree with the ledger.",
    )
    then = words.say(
        "The bot is paused until the operator has compared the books with a backup (quotabot ledger verify, quotabot resume)."
    )
    return Panel(words.say("The books do not agree"), "bad", (words.joined(what, then),))


def given_back(words: Words, member_id: str, told: str) -> Panel:
    """A lapse was given back."""
    line = words.say("{who} has {amount} back.", who=words.who(member_id), amount=told)
    return Panel(words.say("Given back"), "good", (line,))


def no_lapse(words: Words) -> str:
    """Nothing to give back."""
    return words.say("there is no interrupted answer of this member to give back")


def back_already(words: Words) -> str:
    """Once is enough."""
    return words.say("this was given back already")
