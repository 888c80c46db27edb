"""Another name in place of a member, in everything that the memory store keeps."""

from collections.abc import Callable, Iterator

from quota.counters import Account
from quota.erasing import VeiledBooks
from quota.ledger import LedgerEntry
from quota.members import Member
from quota.memory_shelf import MemoryShelf
from quota.store import AuditRow
from quota.veils import NEVER_ENDS, ends_at, hiding, split_book


def erase(
    books: VeiledBooks, shelf: MemoryShelf, audit: list[AuditRow], wallet: str, now: int
) -> str:
    """See ErasingStore."""
    books.mark = now = max(books.mark, now)
    name = books.veils.made(wallet)
    books.rename(wallet, name)
    hide, member = hiding(wallet, name), Member.from_wallet(wallet)
    _rename(shelf, wallet, name, hide)
    until = max((books.veils.until.get(name, 0), *_ends(shelf, name, now)))
    if until > now:
        books.veils.until[name] = until
    audit[:] = [_hidden(row, member, hide) for row in audit]
    shelf.entries[:] = [_renamed(entry, wallet, name, member, hide) for entry in shelf.entries]
    shelf.resolved = {e.hold_id: e for e in shelf.entries if e.hold_id in shelf.resolved}
    books.evict()
    return name


def _rename(shelf: MemoryShelf, wallet: str, name: str, hide: Callable[[str], str]) -> None:
    for account in [account for account in shelf.accounts.values() if whose(account) == wallet]:
        before = account.book
        account.book = f"{split_book(before)[0]}|{name}"
        shelf.accounts[account.book, account.opens_at] = shelf.accounts.pop(
            (before, account.opens_at)
        )
        if shelf.latest.get(before) is account:
            shelf.latest[account.book] = shelf.latest.pop(before)
    mine, theirs = Member.from_wallet(wallet), Member.from_wallet(name)
    for purse in shelf.grants.values():
        ask = purse.request
        if Member.from_wallet(ask.wallet).space == mine.space:
            actor = theirs.id if ask.actor == mine.id else ask.actor
            owner = name if ask.wallet == wallet else ask.wallet
            purse.request = ask._replace(wallet=owner, actor=actor, reason=hide(ask.reason))
    for members in shelf.pool_members.values():
        if wallet in members:
            members[name] = members.pop(wallet)._replace(member=name)
    turns = {entry.turn for entry in shelf.entries if entry.wallet == wallet and entry.turn}
    shelf.shown = {message: turn for message, turn in shelf.shown.items() if turn not in turns}
    for event in shelf.events.values():
        if event.hold in turns:
            event.hold = 0


def whose(account: Account) -> str:
    """The member whose own counter this is; empty where it is shared."""
    return "" if account.book.startswith("shared|") else split_book(account.book)[1]


def _ends(shelf: MemoryShelf, name: str, now: int) -> Iterator[int]:
    pools = {account for account, members in shelf.pool_members.items() if name in members}
    for account in shelf.accounts.values():
        if whose(account) == name or account.id in pools:
            yield ends_at(account.book, account.closes_at, now)
    for purse in shelf.grants.values():
        if purse.request.wallet == name and purse.spent != purse.request.amount:
            yield NEVER_ENDS if purse.request.until is None else purse.request.until


def _renamed(
    entry: LedgerEntry, wallet: str, name: str, member: Member, hide: Callable[[str], str]
) -> LedgerEntry:
    if not entry.wallet.startswith(f"{member.space.key}:"):
        return entry
    actor = hide(entry.actor) if entry.actor == member.id else entry.actor
    owner = name if entry.wallet == wallet else entry.wallet
    return entry._replace(wallet=owner, actor=actor, note=hide(entry.note))


def _hidden(row: AuditRow, member: Member, hide: Callable[[str], str]) -> AuditRow:
    if row.space != member.space.key:
        return row
    return row._replace(
        actor=hide(row.actor) if row.actor == member.id else row.actor,
        subject=hide(row.subject),
        before=hide(row.before),
        after=hide(row.after),
        reason=hide(row.reason),
    )
