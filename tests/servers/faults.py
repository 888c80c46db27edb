"""What the model server can do wrong, by name.

A fault is a `Script`: how one request is answered. `FAULTS` names those that providers have been
seen to do; `script` makes one from a name and changes, checked, so that a misspelt field in a test
or in a JSON request fails at once instead of testing nothing.
"""

import re
from collections.abc import Mapping
from dataclasses import field
from typing import Any, Literal

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

INNER_TEXT = "pool postgres://billing:hunter2@10.0.0.7/prod is exhausted (org-7Hq2)"


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid", strict=True))
class Script:
    """How one request is answered; the default is an honest answer."""

    # Refused: an HTTP status other than 200, with our usual words or with `message`.
    status: int = 200
    message: str = ""
    retry_after_s: int | None = None
    refused_field: str = ""  # 400 where the request has this field, as "max_tokens"

    # Before the first byte: silent until the client leaves, or hung up without an answer.
    start: Literal["at_once", "silent", "dropped"] = "at_once"

    # The answer. `answer_tokens` beats "say N".
    answer_tokens: int | None = None
    finish_reason: str = ""
    cap_ignored: bool = False
    served_model: str = ""
    comment: str = ""  # An SSE comment ahead of the first chunk.
    reasoning_tokens: int = 0  # Ahead of the words; they fill the cap and are billed as output.
    reasoning_shown: bool = False

    # The end of a stream, at most `after` tokens in.
    end: Literal["done", "cut", "eof", "stall", "broken_json", "error_chunk"] = "done"
    after: int = 3

    # The report. `usage_fields` overwrites what would be reported, last of all.
    usage_on: Literal["last", "never", "every", "finish"] = "last"
    usage_times: int = 1
    usage_fields: Mapping[str, object] = field(default_factory=dict)
    cached_tokens: int = 0


def _counts(prompt: Any, output: Any, total: Any) -> dict[str, Any]:
    counts = {"prompt_tokens": prompt, "completion_tokens": output, "total_tokens": total}
    return {"usage_fields": counts}


FAULTS: Mapping[str, Mapping[str, Any]] = {
    "ok": {},
    # Refused before the model was asked.
    "unauthorized": {"status": 401},
    "rate_limit": {"status": 429, "retry_after_s": 1},
    "server_error": {"status": 500},
    "overloaded": {"status": 503},
    "secret_error": {"status": 500, "message": INNER_TEXT},
    "no_max_tokens": {"refused_field": "max_tokens"},
    "no_stream_options": {"refused_field": "stream_options"},
    # Asked, and nothing came back.
    "silent": {"start": "silent"},
    "dropped": {"start": "dropped"},
    # Broken off in mid-stream.
    "cut": {"end": "cut"},
    "eof": {"end": "eof"},
    "stall": {"end": "stall"},
    "broken_json": {"end": "broken_json"},
    "error_chunk": {"end": "error_chunk"},
    "secret_chunk": {"end": "error_chunk", "message": INNER_TEXT},
    # Whole, but unusual.
    "empty": {"answer_tokens": 0},
    "content_filter": {"finish_reason": "content_filter"},
    "cap_ignored": {"cap_ignored": True},
    "other_model": {"served_model": "some-other-model-2026-11-01"},
    "reasoning": {"reasoning_tokens": 4, "reasoning_shown": True},
    "hidden_reasoning": {"reasoning_tokens": 4},
    "openrouter": {"comment": "OPENROUTER PROCESSING", "usage_fields": {"cost": 0.00014}},
    # Reports of usage.
    "usage_never": {"usage_on": "never"},
    "usage_every": {"usage_on": "every"},
    "usage_on_finish": {"usage_on": "finish"},
    "usage_tenfold": {"usage_times": 10},
    "usage_zero": _counts(0, 0, 0),
    "usage_text": _counts("7", "nine", None),
    "usage_negative": _counts(-7, -1_000_000, -1_000_007),
    "usage_absurd": _counts(10**30, 1.5, True),
    "cached": {"cached_tokens": 2},
}

_MARKER = re.compile(r"\[fault:(\w+)(?::(\d+))?\]")


def script(name: str = "ok", **changes: Any) -> Script:
    """Make the named script with these fields changed; a ValueError says what is wrong."""
    if name not in FAULTS:
        known = ", ".join(FAULTS)
        raise ValueError(f"no fault is named {name!r}; there are: {known}")
    return Script(**{**FAULTS[name], **changes})


def marked_script(text: str) -> Script | None:
    """The script that a message asks for by "[fault:cut]" or, after 5 tokens, "[fault:cut:5]"."""
    marker = _MARKER.search(text)
    if marker is None:
        return None
    name, after = marker.groups()
    return script(name) if after is None else script(name, after=int(after))
