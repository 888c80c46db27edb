"""What admins are told without having asked."""

from bot.figures import amount, grouped, money, plain
from bot.panels import Action, Panel
from bot.text import Words
from quota.verdicts import Balance


def shared(words: Words, balance: Balance, threshold: int) -> Panel:
    """A pot that all share runs low, or is empty."""
    total = amount(balance.granted or 0, balance.unit)
    until = f" It {words.refills(balance.limit, balance.opens_at)}." if balance.opens_at else ""
    name = words.limit(balance.limit)
    if threshold >= 100:  # noqa: PLR2004 - percent
        line = f"The shared limit {name} is used up.{until}"
        return Panel("Used up", "bad", (line,))
    line = f"{threshold}% of the shared {total} is used; {plain(balance.left or 0, balance.unit)} left (rule {name}).{until}"
    return Panel("Running low", "warning", (line,))


def overrun(_words: Words, model: str, tokens: int, credits_: int) -> Panel:
    """A provider took more than was held."""
    cost = f" ({money(credits_)})" if credits_ else ""
    line = f"{model} took {grouped(tokens)} tokens{cost} more than it was allowed to. The member pays what was reserved, the rest is the house's. Told once an hour."
    return Panel("Overrun", "warning", (line,))


def failing(_words: Words, model: str, times: int) -> Panel:
    """A provider fails again and again."""
    line = f"{model} has failed {times} times in a row. Members were told, and are charged only for what was sent. The log says why. Told once an hour."
    return Panel("The model does not answer", "bad", (line,))


def lapsed(words: Words, hold_id: int, member_id: str, tokens: int) -> Panel:
    """A hold of a process that died."""
    line = f"An answer for {words.who(member_id)} was interrupted; {grouped(tokens)} tokens were charged, because the provider may have billed them."
    back = Action("giveback", "Give back", f"{hold_id} {member_id}")
    return Panel("Interrupted", "warning", (line,), actions=(back,))


def disagree(_words: Words, counters: int) -> Panel:
    """The books do not prove themselves."""
    what = "1 counter disagrees" if counters == 1 else f"{grouped(counters)} counters disagree"
    line = f"{what} with the ledger. The bot is paused until the operator has compared the books with a backup (quotabot ledger verify, quotabot resume)."
    return Panel("The books do not agree", "bad", (line,))


def given_back(words: Words, member_id: str, told: str) -> Panel:
    """A lapse was given back."""
    return Panel("Given back", "good", (f"{words.who(member_id)} has {told} back.",))


def no_lapse(_words: Words) -> str:
    """Nothing to give back."""
    return "there is no interrupted answer of this member to give back"


def back_already(_words: Words) -> str:
    """Once is enough."""
    return "this was given back already"
