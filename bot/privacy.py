"""What is kept about one member, and how it is deleted: by themselves, or by the operator for them.

What was used counts against limits until their periods end, and the sums of the ledger must stay
true: entries go on, under a name that leads back to nobody (quota/veils.py). They carry counts and
times, never a word of a message, and are let go of after their retention (bot/upkeep.py).
"""

import json
from dataclasses import replace
from typing import Any, NamedTuple, Self

from bot.desk import Desk
from bot.requests import DONE_MS, REQUEST, kept_in
from quota.ceilings import ceiling_of, lift_ceiling
from quota.members import Member, Requester
from quota.quotas import Quotas

# What a platform takes as a file; at the command line there is no such bound.
ENTRIES_MAX = 10_000
ENTRIES_ALL = 1 << 62
ACTS_MAX = 100_000
# So long one waits for what is being answered to come to its end.
STOPPED_MS = 10_000
# What admins decided about a member is theirs.
BLOCK = "block"


class Met(NamedTuple):
    """What a running bot remembers of a member beside the books."""

    roles: tuple[str, ...] = ()
    language: str = ""

    @classmethod
    def read(cls, line: dict[str, Any]) -> Self:
        """What a running bot said over the wire."""
        return cls(tuple(map(str, line.get("roles", ()))), str(line.get("language", "")))


def met(desk: Desk, member: Member) -> Met:
    """How a member was seen last, if they were since the start."""
    wallet = member.wallet
    return Met(desk.roles.get(wallet, ()), desk.languages.get(wallet, ""))


async def export(
    quotas: Quotas, member: Member, seen: Met, entries_max: int = ENTRIES_MAX
) -> dict[str, Any]:
    """Everything that is kept under the member's id, as plain values."""
    governing = quotas.governing
    entries = await quotas.store.entries_of(member.wallet, entries_max)
    grants = await governing.grants(member)
    ceiling = ceiling_of(governing, member, quotas.rules)
    trail = await governing.audit_trail(member.space.key, 0, ACTS_MAX)
    names = {member.id, member.wallet}
    return {
        "member": member.wallet,
        "roles_last_seen": list(seen.roles),
        "language_last_read": seen.language,
        "settings": {flag.name: flag.value for flag in governing.kept_about(member)},
        "ceiling": None if ceiling is None else ceiling.rule.text,
        "requests": [r.written for r in kept_in(governing, member.space) if r.member == member.id],
        "grants": [grant._asdict() | {"unit": str(grant.unit)} for grant in grants],
        "entries": [_entry(entry._asdict()) for entry in entries],
        "acts": [row._asdict() for row in reversed(trail) if {row.actor, row.subject} & names],
    }


def _entry(values: dict[str, Any]) -> dict[str, Any]:
    """An entry without what only the books understand."""
    rates = values["rates"]
    plain = {k: v for k, v in values.items() if k not in {"lines", "purses", "rates"}}
    return plain | {"rates": None if rates is None else rates._asdict()}


def written(data: dict[str, Any]) -> str:
    """An export as the file that a member is given."""
    return json.dumps(data, indent=1, ensure_ascii=False)


async def delete(desk: Desk, requester: Requester, by: str = "") -> None:
    """Let go of choices, requests, and all that was said; what was used counts as nobody's.

    `by` is who does it, where it is not they themselves.
    """
    member = requester.member
    # Whoever is still being answered would be remembered again at the end of it.
    await desk.chat.stopped(member.wallet, STOPPED_MS)
    desk.chat.forget(requester, everywhere=True)
    desk.quotas.shut.forget(member.wallet)
    await erase(desk.quotas, member, by)
    desk.roles.pop(member.wallet, None)
    desk.languages.pop(member.wallet, None)


async def erase(quotas: Quotas, member: Member, by: str = "") -> None:
    """The part of `delete` that is about the books."""
    governing = quotas.governing
    if ceiling_of(governing, member, quotas.rules) is not None:
        await lift_ceiling(governing, member)
    requests, now = kept_in(governing, member.space), quotas.clock.now()
    for request in requests:
        if request.member == member.id:
            await governing.keep(member.space.key, REQUEST, request.id, "")
    for flag in governing.kept_about(member):
        if flag.name != BLOCK:
            await governing.keep(flag.space, flag.name, flag.subject, "")
    name = Member.from_wallet(await quotas.store.erase(member.wallet, now, by))
    for request in requests:
        # It is somebody else's, and was decided by the one who goes.
        if request.by == member.id and request.member != member.id:
            told = replace(request, by=name.id).written
            await governing.keep(member.space.key, REQUEST, request.id, told, now + DONE_MS)


class Extent(NamedTuple):
    """What deleting would do: how many things go or count on as nobody's, and what stays.

    `stays` names what admins decided about the member: a block, limits of their own. `elsewhere`
    are the members of other spaces with the same id: on one platform that is the same person.
    """

    settings: int
    requests: int
    entries: int
    grants: int
    acts: int
    stays: tuple[str, ...]
    elsewhere: tuple[str, ...]
    is_known: bool


async def extent(quotas: Quotas, data: dict[str, Any]) -> Extent:
    """What deleting all that an export tells of would do."""
    member = Member.from_wallet(data["member"])
    theirs = [name for name in data["settings"] if name != BLOCK]
    # What was given to somebody who was erased before is another name's already.
    grants = [grant for grant in data["grants"] if grant["wallet"] == member.wallet]
    limits = quotas.governing.limits(member.space.key)
    set_for = [x.id for x in limits if (x.scope.kind, x.scope.name) == ("member", member.id)]
    stays = (*(name for name in data["settings"] if name == BLOCK), *set_for)
    found = (theirs, data["requests"], data["entries"], grants, data["acts"])
    # A counter outlives its entries.
    wallets = await quotas.store.wallets()
    is_known = any(found) or bool(stays) or member.wallet in wallets
    elsewhere = tuple(wallet for wallet in wallets if _is_same(wallet, member))
    settings, requests, entries, granted, acts = map(len, found)
    return Extent(settings, requests, entries, granted, acts, stays, elsewhere, is_known)


def _is_same(wallet: str, member: Member) -> bool:
    """Whether a wallet is that of the same person in another space."""
    platform, _, rest = wallet.partition(":")
    same = platform == member.space.platform and rest.partition(":")[2] == member.id
    return same and wallet != member.wallet
