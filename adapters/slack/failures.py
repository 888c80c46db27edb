"""How a call of Slack can fail: with a name that Slack gives, or without an answer."""

from typing import Any

from aiohttp import ClientError
from slack_sdk.errors import SlackApiError, SlackClientError

# Without an answer whether it was carried out is not known. SlackApiError is one of these, too.
LOST = (ClientError, OSError, TimeoutError, SlackClientError)
TOO_MANY = 429


def error_of(failed: BaseException) -> str:
    """The name that Slack gave a failure, empty where Slack did not answer."""
    if not isinstance(failed, SlackApiError):
        return ""
    response: Any = failed.response
    if getattr(response, "status_code", None) == TOO_MANY:
        return "ratelimited"
    return str(response.get("error", ""))


def retry_after_ms(failed: SlackApiError) -> int:
    """How long Slack asks to wait."""
    headers = {str(k).lower(): v for k, v in (failed.response.headers or {}).items()}
    value = str(headers.get("retry-after", "1"))
    return int(value) * 1_000 if value.isdecimal() else 1_000
