"""The chat-completions wire, as pure functions: what is asked, what is answered.

Refused as the real API refuses it (the body of each error as quoted in the public thread named):

- 400 body that is no JSON object; no `model` (spring-projects/spring-ai#4381); no `messages`
  (form of langchain-ai/langgraphjs#506); empty `messages` (CopilotKit/CopilotKit#529); a message
  that is no object, has an unknown role, or content that is neither text nor text parts
  (roles and parts: API reference of chat/create, as typed in openai 3.54).
- 400 `max_tokens` together with `max_completion_tokens` (langchain-ai/langgraph#5943); a cap that
  is no integer (diffbot/code-gpt-docs#273) or below 1 (OpenBMB/ChatDev#446).
- 400 `stream_options` without `stream` (BerriAI/litellm#5803).
- 400 a field that the model does not take, where a script says so (sipeed/picoclaw#16).
- 400 tools, calls of them and results that do not fit together: tool_api.py.
- 401 no key (chatboxai/chatbox#98), wrong key, part of it echoed (chatanywhere/GPT_API_free#62).
- 404 a model that is not served (timkmecl/chatgpt-vscode#45).

Tokens are the server's own: a word of the answer ("w1", " w2", ...) is one token, so a real
tokenizer counts about double; the prompt is its words plus 3 for each message.
"""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tests.servers import tool_api
from tests.servers.faults import Script

_ROLES = ("developer", "system", "user", "assistant", "tool", "function")
_SAY = re.compile(r"\bsay (\d+)\b", re.IGNORECASE)
_STATUSES = {
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided: sk-te*cret."),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached for requests."),
    500: ("server_error", None, "The server had an error while processing your request."),
    503: ("service_unavailable_error", "server_is_overloaded", "The model is overloaded."),
}


class ApiError(Exception):
    """A refusal in OpenAI's shape."""

    def __init__(
        self,
        status: int,
        message: str,
        param: str | None = None,
        code: str | None = None,
        *,
        kind: str = "invalid_request_error",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        error = {"message": message, "type": kind, "param": param, "code": code}
        self.body = {"error": error}
        self.headers = headers or {}


def refusal(status: int, message: str, retry_after_s: int | None = None) -> ApiError:
    """The error that the real API sends with this status, with its words or with these."""
    kind, code, usual = _STATUSES.get(status, ("api_error", None, f"Status {status}."))
    headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    return ApiError(status, message or usual, code=code, kind=kind, headers=headers)


@dataclass(frozen=True, kw_only=True)
class Ask:
    """A request that the real API would accept."""

    model: str
    messages: tuple[Mapping[str, Any], ...]
    prompt_tokens: int
    last_user_text: str
    cap_field: str | None
    cap: int | None
    stream: bool
    usage_asked: bool
    fields: frozenset[str]
    tools: frozenset[str] = frozenset()
    use: tool_api.Use | None = None


def check_key(header: str | None, key: str | None) -> None:
    """Refuse a caller without the key, where the server has one."""
    if key is None:
        return
    if not header:
        raise ApiError(401, "You didn't provide an API key.")
    given = header.removeprefix("Bearer ")
    if given != key:
        # The real API echoes both ends of the key: not for members to see.
        message = f"Incorrect API key provided: {given[:8]}****{given[-4:]}."
        raise ApiError(401, message, code="invalid_api_key")


def read_ask(text: str, models: Collection[str]) -> Ask:
    """Read a request body as the real API does, or refuse it."""
    try:
        body = json.loads(text)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise ApiError(400, "We could not parse the JSON body of your request.")
    if not isinstance(body.get("model"), str) or not body["model"]:
        raise ApiError(400, "you must provide a model parameter")
    texts = _read_messages(body.get("messages"))
    try:
        tools = tool_api.read_tools(body)
        tool_api.check_results(body["messages"])
    except tool_api.BadToolsError as error:
        raise ApiError(400, str(error)) from error
    cap_field, cap = _read_cap(body)
    options = body.get("stream_options") or {}
    if options and not body.get("stream"):
        message = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        raise ApiError(400, message, "stream_options")
    if body["model"] not in models:
        message = f"The model `{body['model']}` does not exist or you do not have access to it."
        raise ApiError(404, message, code="model_not_found")
    said = [*(text for _role, text in texts), *tools.values()]
    last_user_text = next((text for role, text in reversed(texts) if role == "user"), "")
    return Ask(
        model=body["model"],
        messages=tuple(body["messages"]),
        prompt_tokens=sum(3 + len(text.split()) for text in said),
        last_user_text=last_user_text,
        cap_field=cap_field,
        cap=cap,
        stream=bool(body.get("stream")),
        usage_asked=bool(options.get("include_usage")),
        fields=frozenset(body),
        tools=frozenset(tools),
        use=(
            tool_api.wanted(last_user_text, body["messages"])
            if body.get("tool_choice", "auto") == "auto"
            else None
        ),
    )


def _read_messages(messages: object) -> list[tuple[str, str]]:
    """The role and the text of each."""
    if messages is None:
        message = "Missing required parameter: 'messages'."
        raise ApiError(400, message, "messages", "missing_required_parameter")
    if not isinstance(messages, list):
        message = "Invalid type for 'messages': expected an array of objects."
        raise ApiError(400, message, "messages", "invalid_type")
    if not messages:
        message = "Invalid 'messages': empty array. Expected an array with minimum length 1."
        raise ApiError(400, message, "messages", "empty_array")
    return [_read_message(f"messages[{place}]", each) for place, each in enumerate(messages)]


def _read_message(param: str, message: object) -> tuple[str, str]:
    if not isinstance(message, dict):
        raise ApiError(400, f"Invalid type for '{param}'.", param, "invalid_type")
    role, content = message.get("role"), message.get("content")
    if role not in _ROLES:
        raise ApiError(400, f"Invalid value for '{param}.role'.", f"{param}.role", "invalid_value")
    if calls := message.get("tool_calls"):
        if role != "assistant" or not isinstance(calls, list):
            raise ApiError(400, f"Invalid value for '{param}.tool_calls'.", param, "invalid_value")
        content = f"{content or ''} {tool_api.texts_of(message)}"
    parts = content if isinstance(content, list) else [{"text": content}]
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    words = [text for text in texts if isinstance(text, str)]
    if len(words) < len(parts):
        param = f"{param}.content"
        raise ApiError(400, f"Invalid type for '{param}'.", param, "invalid_type")
    return role, " ".join(words)


def _read_cap(body: Mapping[str, Any]) -> tuple[str | None, int | None]:
    names = [name for name in ("max_tokens", "max_completion_tokens") if body.get(name) is not None]
    if not names:
        return None, None
    if len(names) > 1:
        message = (
            "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported."
        )
        raise ApiError(400, message, "max_tokens", "invalid_parameter_combination")
    name, cap = names[0], body[names[0]]
    if isinstance(cap, bool) or not isinstance(cap, int):
        message = f"Invalid type for '{name}': expected an integer."
        raise ApiError(400, message, name, "invalid_type")
    if cap < 1:
        message = f"Invalid '{name}': integer below minimum value. Expected a value >= 1."
        raise ApiError(400, message, name, "integer_below_min_value")
    return name, cap


@dataclass(frozen=True)
class Token:
    """One token of an answer, and the field of the delta that carries it."""

    place: Literal["content", "reasoning_content", "hidden", "tool_calls"]
    text: str
    piece: Mapping[str, Any] | None = None


def plan_answer(ask: Ask, script: Script, usual_tokens: int) -> tuple[list[Token], str]:
    """Plan the tokens to send, none beyond the cap or the script's end, and the finish reason."""
    said = _SAY.search(ask.last_user_text)
    words = int(said[1]) if said else usual_tokens
    if script.answer_tokens is not None:
        words = script.answer_tokens
    thought: Literal["reasoning_content", "hidden"] = (
        "reasoning_content" if script.reasoning_shown else "hidden"
    )
    tokens = [
        *(Token(thought, text) for text in _words("r", script.reasoning_tokens)),
        *(Token("content", text) for text in _words("w", words)),
    ]
    finish = "stop"
    if ask.use is not None and ask.use.name in ask.tools:
        pieces = tool_api.pieces(ask.use, sum("tool_calls" in m for m in ask.messages))
        tokens += [Token("tool_calls", "", piece) for piece in pieces]
        finish = "tool_calls"
    if ask.cap is not None and len(tokens) > ask.cap and not script.cap_ignored:
        tokens, finish = tokens[: ask.cap], "length"
    if script.end != "done":
        tokens = tokens[: script.after]
    return tokens, script.finish_reason or finish


def _words(letter: str, count: int) -> list[str]:
    return [f"{' ' if number > 1 else ''}{letter}{number}" for number in range(1, count + 1)]


def usage_report(script: Script, prompt_tokens: int, output_tokens: int) -> dict[str, Any]:
    """Report these counts as OpenAI does, as far as the script is honest."""
    prompt, output = prompt_tokens * script.usage_times, output_tokens * script.usage_times
    return {
        "prompt_tokens": prompt,
        "completion_tokens": output,
        "total_tokens": prompt + output,
        "prompt_tokens_details": {"cached_tokens": script.cached_tokens, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": min(script.reasoning_tokens, output_tokens),
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
        **script.usage_fields,
    }
