"""A chat model behind any OpenAI-compatible endpoint, over `chat.completions` with streaming.

Why the SDK may not retry (`max_retries=0`): it sends a POST again whose answer is merely late, and
each sending may be billed. The caller retries, where every attempt stands in the books.

Why errors are mapped by what may have been billed: `unreachable` is said only where no request
left, `silent` where one left and no status came back. Nothing that a provider wrote gets into a
ModelError, and none holds the SDK's exception, because a log would print its message.

Why aiohttp below the SDK: a chunk takes 0.55 of the CPU that it takes with the SDK's default
transport, and a request leaves in one piece. It never sends a POST again either.

Why `chat.completions`: OpenAI, Ollama, vLLM, LiteLLM and OpenRouter all serve it, with usage.
"""

import asyncio
import json
import re
from base64 import b64encode
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from adapters.openai_chat.chunks import Places, chunk_events, clean
from bot.messages import Image
from bot.ports import Finished, Message, ModelCall, ModelError, ModelEvent, Tool, ToolCall

if TYPE_CHECKING:  # The import takes half a second, and the offline model has no need of it.
    from openai import APIStatusError, AsyncOpenAI, AsyncStream

OutputCapField = Literal["max_completion_tokens", "max_tokens"]

_OPENAI_HOST = "api.openai.com"
_CONNECT_S = 10
# Shorter than the 5 s after which uvicorn and Node hang up: a request that meets a connection
# being closed is lost without a trace, and would have to count as sent.
_KEEP_ALIVE_S = 3
_RETRY_AFTER_MS_MAX = 120_000

_OVERLOADED = {429, 503, 529}
_REJECTED = {400, 401, 402, 403, 404, 405, 409, 410, 413, 415, 422}
# With status 429, but no waiting helps: the account has no money left.
_OUT_OF_MONEY = {"insufficient_quota", "billing_not_active", "billing_hard_limit_reached"}
_SECONDS = re.compile(r"(\d{1,9})(?:\.(\d{1,9}))?", re.ASCII)


def output_cap_field_for(base_url: str) -> OutputCapField:
    """The field that caps an answer there: OpenAI refuses the old name, others know no new one."""
    return "max_completion_tokens" if _is_openai(base_url) else "max_tokens"


class OpenAIChat:
    """Streams from `base_url`. An empty key stands for a server that asks for none.

    `silence_s` is the longest wait for the next byte, far above the time-outs of the caller, who
    leaves the stream when one runs out.
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        output_cap_field: OutputCapField,
        silence_s: float = 900,
    ) -> None:
        self._base_url = base_url
        self._api_key = api_key or "none"  # The SDK refuses an empty one.
        self._output_cap_field = output_cap_field
        self._silence_s = silence_s
        self._is_openai = _is_openai(base_url)
        self._client: AsyncOpenAI | None = None
        self._building = asyncio.Lock()

    async def warm_up(self) -> None:
        """Load the SDK in a thread, so that the first turn need not wait for it."""
        async with self._building:
            if self._client is None:
                self._client = await asyncio.to_thread(self._build)

    @asynccontextmanager
    async def stream(self, call: ModelCall) -> AsyncGenerator[AsyncIterator[ModelEvent], None]:
        """As ChatModel.stream; each message goes out with half characters replaced."""
        chunks = await self._send(call)
        events = _events(chunks)
        try:
            yield events
        finally:
            await events.aclose()
            with suppress(Exception):  # The connection is given up; how it ends changes nothing.
                await chunks.close()

    async def close(self) -> None:
        """Let go of connections; a later stream would open new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def _build(self) -> "AsyncOpenAI":
        import httpx2
        from openai import AsyncOpenAI, DefaultAioHttpClient

        return AsyncOpenAI(
            api_key=self._api_key,
            base_url=self._base_url,  # Left out, OPENAI_BASE_URL would decide where prompts go.
            max_retries=0,
            http_client=DefaultAioHttpClient(
                timeout=httpx2.Timeout(self._silence_s, connect=_CONNECT_S, pool=_CONNECT_S),
                limits=httpx2.Limits(max_connections=1000, keepalive_expiry=_KEEP_ALIVE_S),
            ),
        )

    async def _send(self, call: ModelCall) -> "AsyncStream[object]":
        if self._client is None:
            await self.warm_up()
        assert self._client is not None  # What warm_up promises.
        try:
            return await self._create(self._client, call)
        except Exception as error:  # Whatever it is, no answer came, and the caller must know.
            trouble = _entering_trouble(error)
        raise trouble

    async def _create(self, client: "AsyncOpenAI", call: ModelCall) -> "AsyncStream[object]":
        from openai import AsyncStream

        body: dict[str, object] = {
            "model": call.model,
            "messages": [_param(message) for message in call.messages],
            self._output_cap_field: call.output_cap,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if call.tools:
            body["tools"] = [_tool_param(tool) for tool in call.tools]
            if not call.may_use_tools:
                body["tool_choice"] = "none"
        if self._is_openai and call.member_hash:
            body["safety_identifier"] = call.member_hash
        # `chat.completions.create` sends the same, but turns "7", 7.0 and true into numbers on
        # the way back; the books want to see what came. It takes five times as long as well.
        return await client.post(
            "/chat/completions",
            body=body,
            cast_to=object,
            stream=True,
            stream_cls=AsyncStream[object],
        )


def _is_openai(base_url: str) -> bool:
    host = urlsplit(base_url).hostname or ""
    return host == _OPENAI_HOST or host.endswith(f".{_OPENAI_HOST}")


def _param(message: Message) -> dict[str, object]:
    if message.calls:
        # What OpenAI itself answers with where nothing was said beside the calls.
        text = clean(message.content) or None
        calls = [_call_param(call) for call in message.calls]
        return {"role": message.role, "content": text, "tool_calls": calls}
    if message.role == "tool":
        content = clean(message.content)
        return {"role": "tool", "tool_call_id": message.answers, "content": content}
    if not message.images:
        return {"role": message.role, "content": clean(message.content)}
    # The question after what it is about; an empty text is refused by some.
    parts: list[dict[str, object]] = [_image_part(image) for image in message.images]
    if message.content.strip():
        parts.append({"type": "text", "text": clean(message.content)})
    return {"role": message.role, "content": parts}


def _tool_param(tool: Tool) -> dict[str, object]:
    about = {"name": tool.name, "description": clean(tool.description)}
    return {"type": "function", "function": {**about, "parameters": json.loads(tool.schema)}}


def _call_param(call: ToolCall) -> dict[str, object]:
    function = {"name": call.name, "arguments": clean(call.arguments)}
    return {"id": call.id, "type": "function", "function": function}


def _image_part(image: Image) -> dict[str, object]:
    data = b64encode(image.data).decode()
    url = f"data:{image.media_type};base64,{data}"
    # Unless it is said, newer models take an image at its full size, at any price.
    return {"type": "image_url", "image_url": {"url": url, "detail": "high"}}


async def _events(chunks: "AsyncStream[object]") -> AsyncGenerator[ModelEvent, None]:
    """What the chunks say, at most one Finished; ModelError where they break off or are noise."""
    trouble: ModelError | None = None
    is_begun = is_finished = False
    places = Places()
    try:
        async for chunk in chunks:
            for event in chunk_events(chunk, places):
                is_begun = True
                if isinstance(event, Finished):
                    if is_finished:
                        continue  # OpenRouter says the end again beside its usage.
                    is_finished = True
                yield event
    except Exception as error:  # Nonsense raises anything: the SDK hands it on unchecked.
        trouble = _reading_trouble(error)
    if is_finished:
        return  # However the connection ends after that, the answer is whole.
    if trouble is not None:
        raise trouble
    if not is_begun:
        # Plain JSON or the page of a proxy, with status 200: the SDK finds no events in either.
        raise ModelError("broken", detail="no event in the answer")


def _entering_trouble(error: Exception) -> ModelError:
    import aiohttp
    import httpx2
    import openai

    if isinstance(error, openai.APIStatusError):
        return _status_trouble(error)
    if not isinstance(error, openai.APIConnectionError | aiohttp.ClientError):
        return ModelError("failed", detail=type(error).__name__)
    not_processed = (
        *(aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL),
        *(aiohttp.NonHttpUrlClientError, aiohttp.ClientHttpProxyError, httpx2.TooManyRedirects),
    )
    is_sent = not isinstance(_cause(error), not_processed)
    return ModelError("silent" if is_sent else "unreachable", detail=_names(error))


def _status_trouble(error: "APIStatusError") -> ModelError:
    status = error.status_code
    detail = f"{type(error).__name__} {status}"
    if status in _REJECTED or _OUT_OF_MONEY & {_word(error.code), _word(error.type)}:
        return ModelError("rejected", detail=detail)
    if status in _OVERLOADED:
        wait_ms = _retry_after_ms(error.response.headers)
        return ModelError("overloaded", retry_after_ms=wait_ms, detail=detail)
    return ModelError("failed", detail=detail)


def _reading_trouble(error: Exception) -> ModelError:
    import aiohttp

    is_late = isinstance(_cause(error), aiohttp.SocketTimeoutError)
    return ModelError("silent" if is_late else "broken", detail=_names(error))


def _cause(error: BaseException) -> BaseException | None:
    """What aiohttp said, where it did: above it, every lost connection is called a time-out."""
    import aiohttp

    cause = error.__cause__
    below = cause and cause.__cause__
    return below if isinstance(below, aiohttp.ClientError) else cause


def _names(error: Exception) -> str:
    """The classes of an error and of its cause: what the log may know."""
    cause = _cause(error)
    return type(error).__name__ + (f" from {type(cause).__name__}" if cause else "")


def _word(value: object) -> str:
    """The value of an error field, which a provider may fill with anything."""
    return value if isinstance(value, str) else ""


def _retry_after_ms(headers: Any) -> int | None:
    """How long to wait, at most two minutes; None where that is not told in seconds."""
    exact, seconds = headers.get("retry-after-ms"), headers.get("retry-after")
    for text, unit_ms in ((exact, 1), (seconds, 1_000)):
        match = _SECONDS.fullmatch(text.strip()) if text else None
        if match:
            part = match[2] or ""
            # Rounded up: to come early is to be refused again.
            wait_ms: int = -(-int(match[1] + part) * unit_ms // 10 ** len(part))
            return min(wait_ms, _RETRY_AFTER_MS_MAX)
    return None
