"""/quota receipt: what an answer took, call by call, for whoever asked it and nobody else."""

import re

from bot import text_receipts
from bot.desk import Desk, Handled, Typed
from bot.grammar import MistakeError
from bot.text import Words
from bot.text_receipts import Around, Spent
from quota.receipts import Receipt, total
from quota.windows import Calendar

# How the platforms write the way to a message.
_DISCORD_LINK = re.compile(r"https://[\w.]+/channels/(?:\d+|@me)/\d+/(\d+)/?")
_SLACK_LINK = re.compile(r"https://[\w.-]+/archives/(\w+)/p(\d+)(\d{6})(?:\?\S*)?")


async def receipt(desk: Desk, typed: Typed, rest: str, words: Words) -> Handled:
    """The receipt of one's last answer, or of the one in a message (its id, or a link to it)."""
    store, member = desk.quotas.store, typed.requester.member
    message = _id_in(rest)
    if message:
        turns = await desk.chat.leads.turns(member.space, message)
    else:
        turns = await store.turns_of(member.wallet, 1)
    found = await store.receipts(turns[-1:])
    if not found:
        missing = text_receipts.unknown if message else text_receipts.none_yet
        raise MistakeError(missing(words))
    (mine,) = found
    if mine.wallet != member.wallet:
        raise MistakeError(text_receipts.not_theirs(words))
    around = await _around(desk, typed, mine, message)
    return Handled(text_receipts.receipt(words, mine, around))


async def leads_to_one(desk: Desk, typed: Typed) -> bool:
    """Whether the message that something was used on shows an answer of this member."""
    if not typed.message:
        return False
    store, member = desk.quotas.store, typed.requester.member
    turns = await desk.chat.leads.turns(member.space, typed.message)
    return any(found.wallet == member.wallet for found in await store.receipts(turns))


async def _around(desk: Desk, typed: Typed, mine: Receipt, message: str) -> Around:
    """What the member spent in the same conversation, today and this month."""
    store, member = desk.quotas.store, typed.requester.member
    turns = await store.turns(desk.chat.talks.names(member, message))
    answers, conversation = 0, None
    if mine.turn in turns:
        theirs = [r for r in await store.receipts(turns) if r.wallet == member.wallet]
        sums = total(call for found in theirs for call in found.calls)
        answers, conversation = len(theirs), Spent(sums.tokens, sums.credits)
    now, zone = desk.clock.now(), desk.quotas.rules.zone
    today = await _since(desk, member.wallet, Calendar("day", zone).period_at(now).opens_at)
    month = await _since(desk, member.wallet, Calendar("month", zone).period_at(now).opens_at)
    return Around(answers, conversation, today, month)


async def _since(desk: Desk, wallet: str, at: int) -> Spent:
    rows = await desk.quotas.store.spending(wallet, at, desk.clock.now() + 1)
    mine = [row for row in rows if row.wallet == wallet]
    credits_ = sum(row.credits for row in mine)
    return Spent(sum(row.tokens for row in mine), credits_ or None)


def _id_in(text: str) -> str:
    """The id of a message that somebody named, or gave a link to."""
    said = text.strip().strip("<>")
    if found := _DISCORD_LINK.fullmatch(said):
        return found[1]
    if found := _SLACK_LINK.fullmatch(said):
        return f"{found[1]}:{found[2]}.{found[3]}"
    return said
