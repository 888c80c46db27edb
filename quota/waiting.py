"""Asks that wait for holds: first come, first served wherever they share an account."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Iterable, Sequence
from typing import NamedTuple, TypeVar

from quota.limits import Bound
from quota.members import Requester
from quota.verdicts import Refused

T = TypeVar("T")
SHUT_KEPT = 10_000


class Ticket:
    """One waiting ask, in line at each of its books by its number.

    At a fair pool (one of `pools`) nobody stands in front of another: what is kept for a member
    is theirs, whoever else waits. There all are called, and the pool decides.
    """

    def __init__(self, number: int, books: tuple[str, ...], pools: frozenset[str]) -> None:
        """Stand for an ask that needs room in all these books."""
        self.number = number
        self.books = books
        self.pools = pools
        self.turn = asyncio.Event()


class Lines:
    """A line per book. Only who is first in all of their lines may try.

    Whoever came first of all is first everywhere, so somebody always may.
    """

    def __init__(self) -> None:
        """Nobody waits."""
        self._lines: dict[str, deque[Ticket]] = {}
        self._number = 0

    def busy(self, books: Iterable[str]) -> bool:
        """Whether somebody waits at any of these books."""
        return any(book in self._lines for book in books)

    def join(self, books: tuple[str, ...], pools: frozenset[str] = frozenset()) -> Ticket:
        """Go to the end of each line; the first in all of them may try at once."""
        self._number += 1
        ticket = Ticket(self._number, books, pools)
        self._enter(ticket)
        self._call(ticket)
        return ticket

    def move(
        self, ticket: Ticket, books: tuple[str, ...], pools: frozenset[str] = frozenset()
    ) -> None:
        """Stand in other lines from here on, at the place of one's number."""
        if (books, pools) != (ticket.books, ticket.pools):
            self.leave(ticket)
            ticket.books, ticket.pools = books, pools
            self._enter(ticket)

    def is_first(self, ticket: Ticket) -> bool:
        """Whether nobody who came earlier waits in any of the ticket's lines."""
        lined = (book for book in ticket.books if book not in ticket.pools)
        return all(self._lines[book][0] is ticket for book in lined)

    def stir(self) -> None:
        """Let everybody look again: what they wait for may have changed."""
        for line in self._lines.values():
            for ticket in line:
                ticket.turn.set()

    def leave(self, ticket: Ticket) -> None:
        """Step out of every line, and let the next ones try."""
        for book in ticket.books:
            line = self._lines[book]
            line.remove(ticket)
            if not line:
                del self._lines[book]
        self.wake(ticket.books)

    def wake(self, books: Iterable[str] | None = None) -> None:
        """There may be room in these books (None: in all): let the first ones try."""
        for book in list(self._lines) if books is None else books:
            for place, ticket in enumerate(self._lines.get(book, ())):
                if place == 0 or book in ticket.pools:
                    self._call(ticket)

    def _enter(self, ticket: Ticket) -> None:
        for book in ticket.books:
            line = self._lines.setdefault(book, deque())
            place = len(line)
            while place and line[place - 1].number > ticket.number:
                place -= 1
            line.insert(place, ticket)

    def _call(self, ticket: Ticket) -> None:
        if self.is_first(ticket):
            ticket.turn.set()


def lines_of(bounds: Sequence[Bound]) -> tuple[tuple[str, ...], frozenset[str]]:
    """The books that an ask waits at, and which of them are fair pools."""
    pools = (bound.book for bound in bounds if bound.limit.rule.fair is not None)
    return tuple(bound.book for bound in bounds), frozenset(pools)


class Fresh(NamedTuple):
    """Somebody who was refused, and whose limit has opened since."""

    requester: Requester
    refused: Refused


class Shut:
    """Who was refused until when, to tell them; only a courtesy, for periods open by themselves."""

    def __init__(self) -> None:
        """Nobody was refused yet."""
        self._refused: dict[str, Fresh] = {}

    def note(self, requester: Requester, refused: Refused) -> None:
        """Remember a refusal that ends; in bounded memory, so the oldest may be forgotten."""
        if refused.opens_at is not None:
            if len(self._refused) >= SHUT_KEPT:
                self._refused.pop(next(iter(self._refused)))
            self._refused[requester.member.wallet] = Fresh(requester, refused)

    def of(self, wallet: str) -> Fresh | None:
        """The last refusal of a member that has not opened yet."""
        return self._refused.get(wallet)

    def forget(self, wallet: str) -> None:
        """Tell them nothing any more."""
        self._refused.pop(wallet, None)

    def opened(self, now: int) -> list[Fresh]:
        """Whose limit has opened since; each is told of once."""
        opened = {w: f for w, f in self._refused.items() if (f.refused.opens_at or 0) <= now}
        for wallet in opened:
            del self._refused[wallet]
        return list(opened.values())


async def whole(move: Awaitable[T]) -> T:
    """Wait until a move upon the books has happened, also when cancelled; then be cancelled."""
    moving = asyncio.ensure_future(move)
    cancelled: asyncio.CancelledError | None = None
    while not moving.done():
        try:
            await asyncio.wait((moving,))
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    return moving.result()
