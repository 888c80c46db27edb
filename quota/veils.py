"""Members who had themselves erased: the books go on, under a name that leads back to nobody.

What was used must stay counted until its periods end: the sums of the ledger stay true, and who
comes back gets no second allowance. So another name stands in place of the member in every row,
made from theirs with a key, and while any period of theirs is open, what they ask for is counted
under it. When the last has closed, the name is let go of; with the last name, the key.
"""

import re
from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Protocol

from quota.limits import Bound
from quota.members import Member
from quota.windows import Rolling, parse_window

NEVER_ENDS = 1 << 62
KEY_BYTES = 16
ID = "deleted-"
# What has fewer is the book of a space or of the house, and no member's.
COLONS = 2


class ErasingStore(Protocol):
    """What a member may have done about what the books know of them."""

    async def erase(self, wallet: str, now: int, by: str = "") -> str:
        """Put another name in place of a member everywhere, and give it; sums stay as they are.

        What an admin set for them (a limit, a block) stays. A second time changes nothing. The
        audit trail says who has done it (empty: they themselves), and that name alone.
        """


class Veils:
    """The names in place of those who were erased, each with the end of its last period."""

    def __init__(self, key: bytes, until: dict[str, int]) -> None:
        """Names are made with this key; `until` has those that were given."""
        self.key = key
        self.until = until

    def __bool__(self) -> bool:
        """Whether anybody goes by another name."""
        return bool(self.until)

    def let_go(self, now: int) -> None:
        """Forget the names whose periods have all closed."""
        self.until = {name: until for name, until in self.until.items() if until > now}

    def made(self, wallet: str) -> str:
        """The name that stands for this member."""
        digest = blake2b(wallet.encode("utf-8", "surrogatepass"), key=self.key, digest_size=8)
        return Member(Member.from_wallet(wallet).space, ID + digest.hexdigest()).wallet

    def of(self, wallet: str, now: int) -> str:
        """The name under which this member is counted now."""
        if not self.until or wallet.count(":") < COLONS:
            return wallet
        made = self.made(wallet)
        return made if self.until.get(made, 0) > now else wallet

    def bound(self, bound: Bound, now: int) -> Bound:
        """The same limit, counted under that name; shared ones belong to nobody."""
        if bound.book.startswith("shared|"):
            return bound
        what, wallet = split_book(bound.book)
        return bound._replace(book=f"{what}|{self.of(wallet, now)}")

    def bounds(self, bounds: Iterable[Bound], now: int) -> tuple[Bound, ...]:
        """Each of them."""
        return tuple(self.bound(bound, now) for bound in bounds)


def split_book(book: str) -> tuple[str, str]:
    """What a counter counts, and whose it is."""
    kind, window, models, subject = book.split("|", 3)
    return f"{kind}|{window}|{models}", subject


def ends_at(book: str, closes_at: int | None, now: int) -> int:
    """Until when a period of a book counts."""
    if closes_at is not None:
        return closes_at
    window = parse_window(book.split("|")[1].partition("/")[2])
    return now + window.length_ms if isinstance(window, Rolling) else NEVER_ENDS


def hiding(wallet: str, name: str) -> Callable[[str], str]:
    """Puts the name in place of a member in a text: of the wallet, and of the id as a word."""
    member, hidden = Member.from_wallet(wallet), Member.from_wallet(name)
    found = re.compile(rf"(?<![\w-])(?:{re.escape(wallet)}|{re.escape(member.id)})(?![\w-])")

    def put(match: re.Match[str]) -> str:
        return name if match[0] == wallet else hidden.id

    return lambda text: found.sub(put, text)
