"""What is kept about one member, and how they have it deleted.

What was used counts against limits until their periods end, and the sums of the ledger must stay
true: entries go on, under a name that leads back to nobody (quota/veils.py). They carry counts and
times, never a word of a message, and are let go of after their retention (bot/upkeep.py).
"""

from typing import Any

from bot.desk import Desk
from bot.requests import REQUEST, of_space
from quota.ceilings import ceiling_of, lift_ceiling
from quota.members import Requester

ENTRIES_MAX = 10_000
# What admins decided about a member is theirs; the member's ceiling has a way of its own.
_NOT_THEIRS = frozenset({"block", "ceiling"})


async def export(desk: Desk, requester: Requester) -> dict[str, Any]:
    """Everything that is kept under the member's id, as plain values."""
    member, governing = requester.member, desk.quotas.governing
    entries = await desk.quotas.store.entries_of(member.wallet, ENTRIES_MAX)
    grants = await governing.grants(member)
    ceiling = ceiling_of(governing, member, desk.quotas.rules)
    return {
        "member": member.wallet,
        "roles_last_seen": list(desk.roles.get(member.wallet, ())),
        "language_last_read": desk.languages.get(member.wallet, ""),
        "settings": {flag.name: flag.value for flag in governing.kept_about(member)},
        "ceiling": None if ceiling is None else ceiling.rule.text,
        "requests": [r.written for r in of_space(desk, member.space) if r.member == member.id],
        "grants": [grant._asdict() | {"unit": str(grant.unit)} for grant in grants],
        "entries": [_entry(entry._asdict()) for entry in entries],
    }


def _entry(values: dict[str, Any]) -> dict[str, Any]:
    """An entry without what only the books understand."""
    rates = values["rates"]
    plain = {k: v for k, v in values.items() if k not in {"lines", "purses", "rates"}}
    return plain | {"rates": None if rates is None else rates._asdict()}


async def delete(desk: Desk, requester: Requester) -> None:
    """Let go of choices, requests, and all that was said; what was used counts as nobody's."""
    member, governing = requester.member, desk.quotas.governing
    desk.chat.stop_member(member.wallet)
    desk.chat.forget(requester, everywhere=True)
    if ceiling_of(governing, member, desk.quotas.rules) is not None:
        await lift_ceiling(governing, member)
    for request in of_space(desk, member.space):
        if request.member == member.id:
            await governing.keep(member.space.key, REQUEST, request.id, "")
    for flag in governing.kept_about(member):
        if flag.name not in _NOT_THEIRS:
            await governing.keep(flag.space, flag.name, flag.subject, "")
    desk.roles.pop(member.wallet, None)
    desk.languages.pop(member.wallet, None)
    await desk.quotas.store.erase(member.wallet, desk.clock.now())
