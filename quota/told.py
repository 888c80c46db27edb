"""How the audit trail tells a switch, so that it can be read back and set again."""

import re
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ENDS = re.compile(r"(.*) until (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00)", re.DOTALL)


def told_of(value: str, until: int | None) -> str:
    """A switch as the audit trail tells it, read back by `value_of`."""
    if not value or until is None:
        return value
    ends = _EPOCH + timedelta(milliseconds=until)
    return f"{value} until {ends.isoformat(timespec='milliseconds')}"


def value_of(told: str) -> tuple[str, int | None]:
    """The value of a switch and when it ends."""
    match = _ENDS.fullmatch(told)
    if match is None:
        return told, None
    return match[1], (datetime.fromisoformat(match[2]) - _EPOCH) // timedelta(milliseconds=1)
