"""Prepaid balances as admins see and change them: who has what, put in, take out, set."""

from bot import text_balance
from bot.desk import Desk, Handled, Typed, act_of, space_of
from bot.grammar import Line, MistakeError, parse_amount_word
from bot.text import Words
from bot.undo_commands import with_undo
from quota.prepaid import AddToBalance, Deposit, SetBalance
from quota.units import Unit

USAGE = "balance list | balance add @ana $2 | balance add @ana -$2 | balance set @ana $1 -- reason"
ROWS_MAX = 50


async def balance(desk: Desk, typed: Typed, line: Line, words: Words) -> Handled:
    """`balance list`, `balance add @ana $2 -- reason`, `balance set @ana $1`."""
    verb, _, rest = line.rest.partition(" ")
    match verb.casefold():
        case "" | "list":
            return await _listed(desk, typed, words)
        case "add" | "set":
            return await _change(desk, typed, line._replace(rest=rest), verb.casefold(), words)
        case _:
            raise MistakeError("balance is list, add or set", USAGE)


async def _listed(desk: Desk, typed: Typed, words: Words) -> Handled:
    rows = await desk.quotas.prepaying.rows(f"{space_of(typed).key}:")
    lowest = sorted(rows, key=lambda row: row.credits)[:ROWS_MAX]
    total = sum(row.credits for row in rows)
    return Handled(text_balance.listed(words, lowest, len(rows), total))


async def _change(desk: Desk, typed: Typed, line: Line, verb: str, words: Words) -> Handled:
    target, rest = desk.member_of(typed.requester, line.rest, USAGE)
    amount = parse_amount_word(rest, USAGE)
    if amount.unit is not Unit.CREDITS:
        raise MistakeError("{said!r} is no sum of money; write it like $2", USAGE, said=rest[:40])
    what: Deposit = AddToBalance(amount.value) if verb == "add" else SetBalance(amount.value)
    act = act_of(typed.requester, line.reason)
    done = await desk.quotas.prepaying.change(act, target, what)
    because = words.because(line.reason) if line.reason else ""
    panel = text_balance.changed(words, target.id, done, because)
    handled = Handled(panel, await desk.balances(desk.last_seen(target)))
    return await with_undo(desk, typed, handled, (f"balance {verb}", target.wallet), words)
