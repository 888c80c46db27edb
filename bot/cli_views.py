"""How the command line shows things: tables that stay readable in a pipe, JSON for programs."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from unicodedata import combining, east_asian_width
from zoneinfo import ZoneInfo

from bot.figures import floored, money, plain
from bot.text_console import moment
from quota.ledger import Difference, LedgerEntry
from quota.limits import Limit, Reason
from quota.members import Member
from quota.receipts import Receipt, total
from quota.store import GrantRow
from quota.verdicts import Balance, Refused

Json = dict[str, Any]

# A spreadsheet takes a cell that begins so for a formula.
_FORMULA = ("=", "+", "-", "\u2212", "@", "\t", "\r", "\n")


def instant_json(at: int | None) -> str | None:
    """RFC 3339 in UTC, rounded up so that nobody comes too early; None for never."""
    found = moment(at + 999) if at is not None else None
    return None if found is None else f"{found:%Y-%m-%dT%H:%M:%SZ}"


def when_in(zone: str, *, past: bool = False) -> Callable[[int], str]:
    """Writes instants as a clock of that zone shows them, to the minute.

    What is to come is rounded up, so that nobody is too early; `past` is not put off.
    """
    info, later_ms = ZoneInfo(zone), 0 if past else 59_999

    def when(at: int) -> str:
        found = moment(at + later_ms)
        return "never" if found is None else f"{found.astimezone(info):%Y-%m-%d %H:%M %Z}"

    return when


def stranger(wallet: str) -> str:
    """What to say of somebody who may be a slip of the pen."""
    return f"{wallet!r} has used nothing yet; quotabot balances lists who has."


def balance_json(balance: Balance) -> Json:
    """The same shape as in the lines of `chat --json`."""
    return {
        "limit": balance.limit.name,
        "unit": balance.unit.value,
        "granted": balance.granted,
        "used": balance.used,
        "held": balance.held,
        "left": balance.left,
        "opens_at": instant_json(balance.opens_at),
    } | _beside(balance)


def _beside(balance: Balance) -> Json:
    """What a fair pool keeps for the member; what is on a balance, and may be owed."""
    pool, prepaid = balance.pool, balance.prepaid
    if prepaid is not None:
        return {"balance": prepaid.credits, "overdraft": prepaid.overdraft}
    return {} if pool is None else {"kept": pool.kept, "kept_until": instant_json(pool.kept_until)}


def grant_json(grant: GrantRow) -> Json:
    """A grant as it stands."""
    return {
        "id": grant.id,
        "member": grant.wallet,
        "unit": grant.unit.value,
        "amount": grant.amount,
        "spent": grant.spent,
        "held": grant.held,
        "at": instant_json(grant.at),
        "until": instant_json(grant.until),
        "actor": grant.actor,
        "reason": grant.reason,
    }


def limit_json(limit: Limit) -> Json:
    """A limit with the name by which `quota drop` knows it."""
    return {
        "rule": limit.id,
        "for": limit.scope.text,
        "limit": limit.rule.text,
        "models": limit.models,
        "kind": limit.kind,
        "origin": limit.origin,
    }


def reason_json(reason: Reason) -> Json:
    """One line of an explanation."""
    by = reason.by.name if reason.by is not None else None
    return {**limit_json(reason.limit), "binds": reason.binds, "why": reason.why, "by": by}


def refused_json(refused: Refused | None) -> Json | None:
    """What a short question would be refused with; None: it would be answered."""
    if refused is None:
        return None
    return {
        "reason": refused.reason,
        "limit": refused.limit.name if refused.limit is not None else None,
        "needed": refused.needed,
        "left": refused.left,
        "opens_at": instant_json(refused.opens_at),
    }


def difference_json(difference: Difference) -> Json:
    return {
        "what": difference.what,
        "counted": difference.counted,
        "proven": difference.proven,
    }


ENTRY_COLUMNS = (
    *("id", "at", "kind", "hold", "member", "model", "input", "cached", "output", "reasoning"),
    *("source", "tokens", "credits", "house_tokens", "house_credits"),
    *("rate_input", "rate_cached", "rate_output", "rate_reasoning"),
    *("estimated_input", "actor", "note"),
    *("turn", "purpose", "served", "billed"),
)


def entry_json(entry: LedgerEntry) -> Json:
    """An entry of the ledger, flat, under `ENTRY_COLUMNS`; rates are micro-dollars a million."""
    rates = entry.rates or (None, None, None, None)
    values = (
        *(entry.id, instant_json(entry.at), entry.kind, entry.hold_id or None, entry.wallet),
        *(entry.model, entry.input, entry.cached, entry.output, entry.reasoning),
        *(entry.source, entry.tokens, entry.credits, entry.house_tokens, entry.house_credits),
        *rates,
        *(entry.estimated_input, entry.actor, entry.note),
        *(entry.turn or None, entry.purpose, entry.served, entry.billed),
    )
    return dict(zip(ENTRY_COLUMNS, values, strict=True))


RECEIPT_COLUMNS = (
    *("entry", "at", "kind", "purpose", "model", "served", "input", "cached", "output"),
    *("reasoning", "rates", "billed", "credits", "source", "note"),
)


def receipt_row(call: LedgerEntry, when: Callable[[int], str]) -> tuple[str, ...]:
    """A call of a receipt under `RECEIPT_COLUMNS`; rates are micro-dollars a million."""
    counts = (call.input, call.cached, call.output, call.reasoning)
    rates = "" if call.rates is None else "/".join(map(str, call.rates))
    money = ("" if amount is None else str(amount) for amount in (call.billed, call.credits))
    return (
        *(str(call.id), when(call.at), call.kind, call.purpose, call.model, call.served),
        *map(str, counts),
        rates,
        *money,
        call.source,
        call.note,
    )


def receipt_json(receipt: Receipt) -> Json:
    """What one answer took: each call as the ledger has it, and all of them together."""
    return {
        "turn": receipt.turn,
        "member": receipt.wallet,
        "running": receipt.running,
        "total": total(receipt.calls)._asdict(),
        "calls": [entry_json(call) for call in receipt.calls],
    }


def csv_line(values: Iterable[object]) -> str:
    """One line of CSV, in which no text is taken for a formula."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow([_cell(value) for value in values])
    return line.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, str):
        mark = "'" if value.lstrip(" ").startswith(_FORMULA) else ""
        # A line break inside a cell would be a new row to simple readers.
        return mark + printable(value)
    return "" if value is None else value


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one member stands with every limit that binds."""

    member: Member
    balances: Sequence[Balance]

    def json(self) -> Json:
        return {
            "member": self.member.wallet,
            "balances": [balance_json(balance) for balance in self.balances],
        }

    def rows(self, when: Callable[[int], str]) -> Iterator[tuple[str, ...]]:
        """A row per limit."""
        for b in self.balances:
            granted = "∞" if b.granted is None else plain(b.granted, b.unit)
            left = "∞" if b.left is None else plain(b.left, b.unit)
            used, held = plain(b.used, b.unit), plain(b.held, b.unit)
            if b.prepaid is not None:
                used, left = "", money(floored(b.prepaid.credits))
                held = money(-floored(-b.held))
            opens = when(b.opens_at) if b.opens_at is not None else ""
            yield (self.member.wallet, b.limit.name, used, held, left, granted, opens)


STANDING_COLUMNS = ("member", "limit", "used", "held", "left", "of", "resets")


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns under their names, padded with blanks; what looks like a number stands right."""
    lines = [tuple(columns), *([printable(cell) for cell in row] for row in rows)]
    widths = [max(_width(line[i]) for line in lines) for i in range(len(columns))]
    right = [
        len(lines) > 1 and all(line[i][:1] in "0123456789$-∞" for line in lines[1:] if line[i])
        for i in range(len(columns))
    ]
    return "\n".join(
        "  ".join(
            _padded(cell, width, right=flag)
            for cell, width, flag in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in lines
    )


def pairs(values: Mapping[str, str]) -> str:
    """One `name  value` a line."""
    width = max(map(len, values), default=0)
    return "\n".join(f"{name.ljust(width)}  {value}" for name, value in values.items())


def printable(text: str) -> str:
    """A text that cannot move the cursor or reorder a line of the terminal."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


def _width(text: str) -> int:
    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def _padded(text: str, width: int, *, right: bool) -> str:
    blanks = " " * (width - _width(text))
    return blanks + text if right else text + blanks
