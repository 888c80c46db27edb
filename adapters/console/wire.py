"""JSON lines: what a line may say, and how an end is written. Pure functions, no I/O.

The keys are those of the design's section on the console, no more and no fewer: programs are
written against them.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Never

from bot import text_console as say
from bot.messages import Answer, Ask, Card, Duplicate, End, Failure, Refusal
from bot.panels import Panel
from quota.members import Member, Requester, Space
from quota.verdicts import Balance, Notice, Refused

LINE_BYTES_MAX = 1 << 20
SPACE, CHANNEL = "console", "general"

Json = dict[str, Any]


class BadLineError(Exception):
    """The line cannot be understood; the message says why, and what to write."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop the turn with this id; in one space, or wherever it runs where `space` is empty."""

    id: str
    space: str


def parse(data: bytes | None) -> Ask | Stop:
    """Read a line (None: one that was too long); BadLineError for anything but an ask or a stop."""
    line = _object(data)
    for key, value in line.items():
        wanted = _KEYS.get(key)
        if wanted is None:
            raise BadLineError(say.key_unknown(key, tuple(_KEYS)))
        if not wanted[0](value):
            raise BadLineError(say.key_type(key, wanted[1]))
        if key != "text" and not _is_unicode(value):
            raise BadLineError(say.key_unicode(key))
    stop = line.get("stop", False)
    for key in ("id",) if stop else ("id", "member", "text"):
        if key not in line:
            raise BadLineError(say.key_missing(key))
        if not line[key]:
            raise BadLineError(say.key_empty(key))
    if stop:
        return Stop(line["id"], line.get("space", ""))
    member = Member(Space("console", line.get("space") or SPACE), line["member"])
    requester = Requester(
        member,
        tuple(line.get("roles", ())),
        line.get("channel") or CHANNEL,
        line.get("admin", False),
    )
    return Ask(
        line["id"],
        requester,
        line["text"],
        line.get("model", ""),
        line.get("thread", ""),
        confirmed=line.get("confirmed", False),
    )


def _object(data: bytes | None) -> Json:
    if data is None:
        raise BadLineError(say.line_too_long(LINE_BYTES_MAX))
    try:
        line = json.loads(
            data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant
        )
    except UnicodeDecodeError as error:
        raise BadLineError(say.line_not_utf8(error.start)) from None
    except json.JSONDecodeError as error:
        problem = f"{error.msg} at character {error.pos + 1}"
        raise BadLineError(say.line_not_json(problem)) from None
    except RecursionError:
        raise BadLineError(say.line_not_json("it is nested too deeply")) from None
    except ValueError:  # Python refuses numbers of thousands of digits
        raise BadLineError(say.line_not_json("a number is too long")) from None
    if not isinstance(line, dict):
        raise BadLineError(say.line_not_object())
    return line


def _once(pairs: list[tuple[str, Any]]) -> Json:
    found: Json = {}
    for key, value in pairs:
        if key in found:
            raise BadLineError(say.key_twice(key))
        found[key] = value
    return found


def _no_constant(name: str) -> Never:
    raise BadLineError(say.line_not_json(f"{name} is no value"))


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(part, str) for part in value)


def _is_switch(value: object) -> bool:
    return isinstance(value, bool)


def _is_unicode(value: object) -> bool:
    parts = value if isinstance(value, list) else [value]
    return not any(
        isinstance(part, str) and any("\ud800" <= c <= "\udfff" for c in part) for part in parts
    )


_TEXT = (_is_text, "a string")
_SWITCH = (_is_switch, "true or false")
_KEYS: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "id": _TEXT,
    "member": _TEXT,
    "text": _TEXT,
    "roles": (_is_texts, "a list of strings"),
    "channel": _TEXT,
    "admin": _SWITCH,
    "space": _TEXT,
    "model": _TEXT,
    "thread": _TEXT,
    "confirmed": _SWITCH,
    "stop": _SWITCH,
}


# Out.

_ENCODER = json.JSONEncoder(separators=(",", ":"))


def line_of(value: Json) -> bytes:
    """One line. Only ASCII, so that no reader takes a character for the end of a line."""
    return _ENCODER.encode(value).encode("ascii") + b"\n"


def delta(event_id: str, text: str) -> Json:
    """More of an answer."""
    return {"id": event_id, "event": "delta", "text": text}


def bad_line(number: int, text: str) -> Json:
    """A line that could not be understood."""
    return {"event": "error", "code": "bad_input", "line": number, "text": text}


def end(event_id: str, ended: End) -> Json:
    """The one end of an id."""
    head = {"id": event_id}
    match ended:
        case Answer():
            return head | _answer(ended)
        case Refusal(refused, text):
            return head | _refused(refused) | {"text": text}
        case Failure(code, text):
            return head | {"event": "error", "code": code, "text": text}
        case Card(panel, text, balances):
            shown = {"event": "panel", "panel": _panel(panel), "balances": _balances(balances)}
            return head | shown | {"text": text}
        case Duplicate():
            return head | {"event": "duplicate"}


def _answer(answer: Answer) -> Json:
    return {
        "event": "answer",
        "text": answer.text,
        "tokens": {
            "input": answer.usage.input,
            "cached": answer.usage.cached,
            "output": answer.usage.output,
            "source": answer.source,
        },
        "credits": answer.credits,
        "balances": _balances(answer.balances),
        "notices": [_notice(notice) for notice in answer.notices],
        "finish": answer.finish,
    }


def _refused(refused: Refused) -> Json:
    limit = refused.limit.name if refused.limit is not None else None
    if limit is None and refused.reason == "too_large":
        limit = refused.note or None  # A limit of the chat, not of the books.
    return {
        "event": "refused",
        "reason": refused.reason,
        "limit": limit,
        "needed": refused.needed,
        "left": refused.left,
        "opens_at": instant(refused.opens_at),
    }


def _balances(balances: Sequence[Balance]) -> list[Json]:
    return [
        {
            "limit": balance.limit.name,
            "unit": str(balance.unit),
            "granted": balance.granted,
            "used": balance.used,
            "held": balance.held,
            "left": balance.left,
            "opens_at": instant(balance.opens_at),
        }
        | _beside(balance)
        for balance in balances
    ]


def _beside(balance: Balance) -> Json:
    """What a fair pool keeps for the member; what is on a balance, and may be owed."""
    pool, prepaid = balance.pool, balance.prepaid
    if prepaid is not None:
        return {"balance": prepaid.credits, "overdraft": prepaid.overdraft}
    return {} if pool is None else {"kept": pool.kept, "kept_until": instant(pool.kept_until)}


def _notice(notice: Notice) -> Json:
    return {"limit": notice.limit.name, "threshold": notice.threshold, "left": notice.left}


def _panel(panel: Panel) -> Json:
    table = panel.table
    return {
        "title": panel.title,
        "tone": panel.tone,
        "lines": list(panel.lines),
        "gauges": [
            {"label": g.label, "percent": g.percent, "numbers": g.numbers, "detail": g.detail}
            for g in panel.gauges
        ],
        "table": None
        if table is None
        else {"columns": list(table.columns), "rows": [list(row) for row in table.rows]},
        "footer": panel.footer,
    }


def instant(at: int | None) -> str | None:
    """RFC 3339 in UTC, whole seconds, rounded up so that nobody comes too early."""
    found = say.moment(at) if at is not None else None
    if found is None:
        return None
    if found.microsecond:
        found = found.replace(microsecond=0) + timedelta(seconds=1)
    return f"{found:%Y-%m-%dT%H:%M:%SZ}"
