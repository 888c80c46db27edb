"""How the double says no: by the name that Slack uses."""

from typing import Any

Json = dict[str, Any]


class RefusedError(Exception):
    """The call is answered `ok: false` with this error name and these extra fields."""

    def __init__(self, error: str, *messages: str, status: int = 200, **extra: Any) -> None:
        super().__init__(error, *messages)
        self.error = error
        self.messages = messages
        self.status = status
        self.extra = extra

    @property
    def body(self) -> Json:
        found: Json = {"ok": False, "error": self.error, **self.extra}
        if self.messages:
            lines = [f"[ERROR] {message}" for message in self.messages]
            found["response_metadata"] = {"messages": lines}
            found["errors"] = list(self.messages)
        return found


class NotPossibleError(AssertionError):
    """A person cannot do this in Slack's window: no such button, no such place, not theirs."""
