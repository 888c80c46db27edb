"""Refusals in Discord's own words, and a form that collects what is wrong with a body.

Codes and their texts: topics/opcodes-and-status-codes; the shape of a refused form: reference,
"Error Messages". The HTTP status and the inner codes of forms (BASE_TYPE_REQUIRED and its kin) are
what the API is seen to send; no document lists them all.
"""

from collections.abc import Mapping, Sequence
from typing import Any

Json = dict[str, Any]

# code: (HTTP status, message)
REFUSALS: dict[int, tuple[int, str]] = {
    10003: (404, "Unknown Channel"),
    10004: (404, "Unknown Guild"),
    10007: (404, "Unknown Member"),
    10008: (404, "Unknown Message"),
    10011: (404, "Unknown Role"),
    10013: (404, "Unknown User"),
    10015: (404, "Unknown Webhook"),
    10062: (404, "Unknown interaction"),
    10063: (404, "Unknown application command"),
    20012: (403, "You are not authorized to perform this action on this application"),
    30046: (429, "Maximum number of edits to messages older than 1 hour reached. Try again later"),
    40005: (413, "Request entity too large"),
    40060: (400, "Interaction has already been acknowledged."),
    40094: (400, "This interaction has hit the maximum number of follow up messages"),
    50001: (403, "Missing Access"),
    50003: (403, "Cannot execute action on a DM channel"),
    50005: (403, "Cannot edit a message authored by another user"),
    50006: (400, "Cannot send an empty message"),
    50007: (403, "Cannot send messages to this user"),
    50008: (400, "Cannot send messages in a non-text channel"),
    50013: (403, "Missing Permissions"),
    50016: (400, "Provided too few or too many messages to delete."),
    50021: (403, "Cannot execute action on a system message"),
    50024: (400, "Cannot execute action on this channel type"),
    50027: (401, "Invalid Webhook Token"),
    50033: (400, "Invalid Recipient(s)"),
    50034: (400, "A message provided was too old to bulk delete"),
    50035: (400, "Invalid Form Body"),
    50083: (400, "Thread is archived"),
    50109: (400, "The request body contains invalid JSON."),
    160002: (403, "Cannot reply without permission to read message history"),
    160004: (400, "A thread has already been created for this message"),
    160005: (400, "Thread is locked"),
}


class ApiError(Exception):
    """A refusal as the API words it."""

    def __init__(
        self,
        code: int,
        *,
        status: int | None = None,
        message: str | None = None,
        errors: Json | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        usual_status, usual_message = REFUSALS.get(code, (status or 400, message or ""))
        self.code = code
        self.status = status or usual_status
        self.message = message or usual_message
        self.errors = errors
        self.retry_after_s = retry_after_s
        super().__init__(f"{self.status} {self.code}: {self.message} {errors or ''}".strip())

    @property
    def body(self) -> Json:
        body: Json = {"message": self.message, "code": self.code}
        if self.errors is not None:
            body["errors"] = self.errors
        if self.retry_after_s is not None:
            body |= {"retry_after": self.retry_after_s, "global": False}
        return body


Path = tuple[str | int, ...]


class Form:
    """What is wrong with a body, each finding at the place where it is."""

    def __init__(self) -> None:
        self.errors: Json = {}

    def wrong(self, path: Path, code: str, message: str) -> None:
        """Note one finding at this place."""
        node = self.errors
        for step in path:
            node = node.setdefault(str(step), {})
        node.setdefault("_errors", []).append({"code": code, "message": message})

    def enforce(self) -> None:
        """Refuse the whole body if anything in it is wrong."""
        if self.errors:
            raise ApiError(50035, errors=self.errors)

    def required(self, path: Path) -> None:
        self.wrong(path, "BASE_TYPE_REQUIRED", "This field is required")

    def text(
        self, body: Mapping[str, Any], key: str, at: Path, least: int, most: int, *, must: bool
    ) -> None:
        """Check the length of a text, and that it is one."""
        value = body.get(key)
        if value is None:
            if must:
                self.required((*at, key))
        elif not isinstance(value, str):
            self.wrong((*at, key), "STRING_TYPE_CONVERT", "Could not interpret value as string.")
        elif len(value) < least and value == "":
            self.required((*at, key))
        elif not least <= len(value) <= most:
            if least:
                message = f"Must be between {least} and {most} in length."
                self.wrong((*at, key), "BASE_TYPE_BAD_LENGTH", message)
            else:
                message = f"Must be {most} or fewer in length."
                self.wrong((*at, key), "BASE_TYPE_MAX_LENGTH", message)

    def number(
        self, body: Mapping[str, Any], key: str, at: Path, least: int, most: int, usual: int
    ) -> int:
        """Check that a number is within its bounds; give it, or the usual one."""
        value = body.get(key)
        if value is None:
            return usual
        if not isinstance(value, int) or isinstance(value, bool):
            self.wrong((*at, key), "NUMBER_TYPE_COERCE", f"Value {value!r} is not int.")
            return usual
        if value < least:
            message = f"int value should be greater than or equal to {least}."
            self.wrong((*at, key), "NUMBER_TYPE_MIN", message)
        elif value > most:
            message = f"int value should be less than or equal to {most}."
            self.wrong((*at, key), "NUMBER_TYPE_MAX", message)
        return value

    def array(
        self, body: Mapping[str, Any], key: str, at: Path, least: int, most: int
    ) -> Sequence[Any]:
        """Check the length of an array; give it, empty where there is none."""
        value = body.get(key)
        if value is None:
            if least:
                self.required((*at, key))
            return ()
        if not isinstance(value, list):
            self.wrong((*at, key), "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
            return ()
        if not least <= len(value) <= most:
            message = (
                f"Must be between {least} and {most} in length."
                if least
                else f"Must be {most} or fewer in length."
            )
            code = "BASE_TYPE_BAD_LENGTH" if least else "BASE_TYPE_MAX_LENGTH"
            self.wrong((*at, key), code, message)
        return value

    def choice(
        self, body: Mapping[str, Any], key: str, at: Path, allowed: Sequence[Any], *, must: bool
    ) -> None:
        """Check that a value is one of the allowed."""
        value = body.get(key)
        if value is None:
            if must:
                self.required((*at, key))
        elif value not in allowed:
            message = f"Value must be one of {tuple(allowed)}."
            self.wrong((*at, key), "BASE_TYPE_CHOICES", message)
