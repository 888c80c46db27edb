"""What receipts say: each call of an answer, what it took, and at which price."""

from collections.abc import Iterator, Sequence
from itertools import compress
from typing import NamedTuple

from bot.figures import grouped, money
from bot.languages import phrase
from bot.panels import Panel, Table
from bot.text import Words
from quota.ledger import LedgerEntry
from quota.receipts import Receipt, Total, total
from quota.units import Rates

_PURPOSES = {
    "answer": phrase("Answer"),
    "tools": phrase("After tools"),
    "summary": phrase("Summary"),
    "title": phrase("Title"),
}


class Spent(NamedTuple):
    """So much by one member in some time; `credits` is None where nothing had a price."""

    tokens: int
    credits: int | None


class Around(NamedTuple):
    """What a member spent beside one answer; `conversation` is None where it is not remembered.

    `answers` of the conversation were theirs.
    """

    answers: int
    conversation: Spent | None
    today: Spent
    month: Spent


def receipt(words: Words, found: Receipt, around: Around) -> Panel:
    """A card with a row for each call."""
    sums = total(found.calls)
    lines = [spent(words, Spent(sums.tokens, sums.credits), exact=True)]
    if around.conversation is not None:
        conversation = words.count(
            around.answers,
            "This conversation so far ({n} answer): {amount}",
            "This conversation so far ({n} answers): {amount}",
            amount=spent(words, around.conversation),
        )
        lines.append(conversation)
    lines += [*_marks(words, found, sums), *_prices(words, found.calls)]
    table = _table(words, found.calls, sums) if found.calls else None
    today = words.say("Today: {amount}", amount=spent(words, around.today))
    month = words.say("This month: {amount}", amount=spent(words, around.month))
    footer = f"{today}\n{month}"
    return Panel(words.say("Receipt"), "neutral", tuple(lines), table=table, footer=footer)


def spent(words: Words, much: Spent, *, exact: bool = False) -> str:
    """1,240 tokens, $0.0004; `exact`: the credits too."""
    tokens = words.count(much.tokens, "{n} token", "{n} tokens")
    if much.credits is None:
        return tokens
    dollars = money(much.credits, words)
    if exact:
        credits_ = words.count(much.credits, "{n} credit", "{n} credits")
        dollars = words.say("{money} ({credits})", money=dollars, credits=credits_)
    return words.say("{tokens}, {money}", tokens=tokens, money=dollars)


def _table(words: Words, calls: Sequence[LedgerEntry], sums: Total) -> Table:
    """What it cost comes first, for telephones are narrow; what would say nothing is left out."""
    wanted = (True, True, True, sums.cached, True, sums.reasoning, len(set(map(_model, calls))) > 1)
    heads = (
        *(words.say("call"), words.say("cost"), words.say("input"), words.say("cached")),
        *(words.say("output"), words.say("of it thinking"), words.say("model")),
    )
    rows = (tuple(compress(_row(words, call), wanted)) for call in calls)
    return Table(tuple(compress(heads, wanted)), tuple(rows))


def _row(words: Words, call: LedgerEntry) -> tuple[str, ...]:
    counts = (call.input, call.cached, call.output, call.reasoning)
    told = (grouped(count, words) for count in counts)
    return (words.say(_PURPOSES[call.purpose or "answer"]), _cost(words, call), *told, _model(call))


def _model(call: LedgerEntry) -> str:
    """What was asked for, and what the provider says it served."""
    return f"{call.model} ({call.served})" if call.served not in {"", call.model} else call.model


def _cost(words: Words, call: LedgerEntry) -> str:
    if call.kind == "release":
        return words.say("nothing")
    if call.credits is None:
        return words.say("no price")
    about = "≈ " if call.source == "counted" else ""
    return f"{about}{money(call.credits, words)}"


def _marks(words: Words, found: Receipt, sums: Total) -> Iterator[str]:
    """What is not simply so, in words."""
    if found.running:
        yield words.count(
            found.running, "{n} call is still running.", "{n} calls are still running."
        )
    if sums.lapsed:
        yield words.say("Interrupted: charged by what was known when the bot stopped.")
    if sums.partial:
        yield words.say("Cut off or stopped: what had come by then is charged.")
    if sums.estimated > sums.lapsed:
        yield words.say("≈ The provider did not say how much it was: counted here.")
    if sums.house_tokens or sums.house_credits:
        priced = sums.house_credits or sums.credits is not None
        more = Spent(sums.house_tokens, sums.house_credits if priced else None)
        yield words.say(
            "The provider took {amount} more than was reserved; that is not yours to pay.",
            amount=spent(words, more),
        )


def _prices(words: Words, calls: Sequence[LedgerEntry]) -> Iterator[str]:
    """The price of each model, once."""
    charged = [call for call in calls if call.kind != "release"]
    for model in dict.fromkeys(_model(call) for call in charged if call.billed is not None):
        yield words.say("{model}: the cost is what the provider says it took.", model=model)
    priced = [(_model(c), c.rates) for c in charged if c.billed is None and c.rates is not None]
    for model, rates in dict.fromkeys(priced):
        yield _price(words, model, rates)


def _price(words: Words, model: str, rates: Rates) -> str:
    told = [words.say("{price} input", price=money(rates.input, words))]
    if rates.cached != rates.input:
        told.append(words.say("{price} cached", price=money(rates.cached, words)))
    told.append(words.say("{price} output", price=money(rates.output, words)))
    if rates.reasoning != rates.output:
        told.append(words.say("{price} thinking", price=money(rates.reasoning, words)))
    return words.say("{model}: {prices} per million tokens.", model=model, prices=" · ".join(told))


def unknown(words: Words) -> str:
    """No turn is known."""
    return words.say("nothing is known of what this message took")


def not_theirs(words: Words) -> str:
    """Somebody else asked."""
    return words.say("only the person who asked can see what an answer took")


def none_yet(words: Words) -> str:
    """The member was never answered."""
    return words.say("you have had no answer yet")


def of_answer(words: Words) -> str:
    """On the button that leads from an answer to its receipt."""
    return words.say("Cost of this answer")


def last(words: Words) -> str:
    """On the button that leads to the receipt of the last answer."""
    return words.say("Last receipt")
