"""What the reading commands of the command line find in the books."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import NamedTuple

from bot.admin_commands import SHORT_INPUT
from bot.cli_views import (
    RECEIPT_COLUMNS,
    STANDING_COLUMNS,
    Json,
    Standing,
    balance_json,
    difference_json,
    entry_json,
    grant_json,
    limit_json,
    reason_json,
    receipt_json,
    receipt_row,
    refused_json,
    stranger,
    table,
    when_in,
)
from bot.figures import panel_text
from bot.text import Words
from quota.calls import CallRequest
from quota.errors import BadRuleError
from quota.ledger import LedgerEntry
from quota.members import Member, Requester, Space
from quota.quotas import Quotas
from quota.receipts import total
from quota.rules import Terms
from quota.store import Store

# So far one looks for the end of the ledger; ids are 64-bit.
_ID_MAX = 1 << 62


class Shown(NamedTuple):
    """What a person reads and what a program reads."""

    text: str
    data: Json | list[Json]


async def show(quotas: Quotas, requester: Requester, terms: Terms) -> Shown:
    """Where one member stands."""
    balances = await quotas.balances(requester, terms)
    grants = await quotas.governing.grants(requester.member)
    data = {
        "member": requester.member.wallet,
        "balances": [balance_json(b) for b in balances],
        "grants": [grant_json(g) for g in grants],
    }
    panel = _words(quotas).quota(f"@{requester.member.id}", balances, grants)
    return Shown(await _about(quotas, requester.member, panel_text(panel)), data)


async def explain(quotas: Quotas, requester: Requester, terms: Terms, output_max: int) -> Shown:
    """Why a member would be answered or refused now, rule by rule."""
    words, member = _words(quotas), requester.member
    reasons = quotas.policy_for(requester).reasons(requester, terms.names)
    balances = await quotas.balances(requester, terms)
    call = CallRequest(requester, terms, SHORT_INPUT, output_max, "", "", quotas.clock.now())
    refused = await quotas.would_refuse(call)
    roles = ", ".join(requester.roles) or "none given (--role)"
    lines = (f"Roles: {roles}. Model: {terms.key}.", words.verdict(refused))
    data = {
        "member": member.wallet,
        "roles": list(requester.roles),
        "model": terms.key,
        "refused": refused_json(refused),
        "reasons": [reason_json(r) for r in reasons],
        "balances": [balance_json(b) for b in balances],
    }
    text = panel_text(words.explained(f"@{member.id}", lines, reasons, balances))
    return Shown(await _about(quotas, member, text), data)


async def _about(quotas: Quotas, member: Member, text: str) -> str:
    """The text, below a line for a member who was never met: every name has an allowance."""
    known = member.wallet in await quotas.store.wallets()
    return text if known else f"{stranger(member.wallet)}\n{text}"


def limits(quotas: Quotas, space: Space) -> Shown:
    """Every limit of a space, with where it was set."""
    found = quotas.policy(space.key).limits
    if not found:
        return Shown(f"No limits are set in {space.key}: everything is allowed.", [])
    rows = [(x.id, x.rule.text, x.kind, x.origin) for x in found]
    return Shown(table(("rule", "limit", "kind", "set in"), rows), [limit_json(x) for x in found])


async def balances(quotas: Quotas, terms: Terms, space: Space | None) -> Shown:
    """Where everybody stands who ever used something."""
    standings = []
    for wallet in await quotas.store.wallets():
        try:
            member = Member.from_wallet(wallet)
        except BadRuleError:
            continue  # no member's: nothing that anybody could look up
        if space in {None, member.space}:
            found = await quotas.balances(Requester(member), terms)
            standings.append(Standing(member, found))
    when = when_in(quotas.rules.zone)
    rows = [row for standing in standings for row in standing.rows(when)]
    text = table(STANDING_COLUMNS, rows) if rows else "Nobody has used anything yet."
    return Shown(text, [standing.json() for standing in standings])


async def verify(quotas: Quotas) -> Shown:
    """Whether every counter is what its entries add up to; no data: it is."""
    found = await quotas.store.verify()
    if not found:
        return Shown("The books agree: every counter is what its entries add up to.", [])
    rows = [(d.what, str(d.counted), str(d.proven)) for d in found]
    return Shown(
        table(("counter", "is", "entries prove"), rows), [difference_json(d) for d in found]
    )


async def newest(store: Store, count: int) -> int:
    """The id behind which about the newest `count` entries stand."""
    # Somewhere between an entry that is there and an id that is not yet.
    low, high = 0, 1
    while high < _ID_MAX and await _is_after(store, high):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if await _is_after(store, middle) else (low, middle)
    last = high if await _is_after(store, low) else low
    return max(0, last - count)


async def _is_after(store: Store, entry_id: int) -> bool:
    """Whether the ledger goes on behind an id."""
    async for _ in store.entries(entry_id, 1):
        return True
    return False


async def receipt(quotas: Quotas, answer: str) -> Shown:
    """What one answer took, call by call; no data: nothing is known of it."""
    store = quotas.store
    turns = [int(answer)] if answer.isdecimal() else await store.turns([answer])
    found = await store.receipts(turns[-1:])
    if not found:
        bare = ":" not in answer and not answer.isdecimal()
        whole = f" Write an event with its space: console:console:{answer}." if bare else ""
        told = f"Nothing is known of {answer}: its entries are gone, or never were.{whole}"
        return Shown(told, [])
    (receipt,) = found
    sums = total(receipt.calls)
    when = when_in(quotas.rules.zone, past=True)
    price = "no price" if sums.credits is None else f"{sums.credits} credits"
    house = f"{sums.house_tokens} tokens and {sums.house_credits} credits more"
    head = f"Turn {receipt.turn} of {receipt.wallet}: {sums.tokens} tokens, {price}"
    tail = f"; the house paid {house}" if sums.house_tokens or sums.house_credits else ""
    tail += f"; {receipt.running} still running" if receipt.running else ""
    lines = (
        f"{head}{tail}.",
        table(RECEIPT_COLUMNS, [receipt_row(call, when) for call in receipt.calls]),
    )
    return Shown("\n".join(lines), receipt_json(receipt))


def entry_rows(entries: Sequence[LedgerEntry], when: Callable[[int], str]) -> str:
    """A few entries as a table."""
    columns = ("id", "at", "kind", "member", "model", "tokens", "credits", "note")
    return table(
        columns,
        [
            (
                *(str(e.id), when(e.at), e.kind, e.wallet, e.model, str(e.tokens)),
                *("" if e.credits is None else str(e.credits), e.note or e.actor),
            )
            for e in entries
        ],
    )


async def entries_json(store: Store, since_id: int) -> AsyncIterator[Json]:
    """The ledger from an id on, flat."""
    async for entry in store.entries(since_id, None):
        yield entry_json(entry)


def _words(quotas: Quotas) -> Words:
    return Words(when_in(quotas.rules.zone))
