"""Files that come with a message: text, pictures and PDF; all else is named with the reason."""

import logging
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from adapters.slack.failures import LOST
from adapters.slack.workspace import Workspace
from bot import text_slack
from bot.messages import Attachment, Document, Files, Image
from bot.text import Words

_log = logging.getLogger(__name__)

FILES_MAX = 10
TEXT_BYTES_MAX = 256 * 1024
IMAGE_BYTES_MAX = 8 * 1024 * 1024
DOCUMENT_BYTES_MAX = 20 * 1024 * 1024
DOCUMENTS = frozenset({"application/pdf"})
IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
OK = 200
_TEXTS = frozenset(
    {"application/json", "application/xml", "application/yaml", "application/x-yaml"}
    | {"application/javascript", "application/toml", "application/x-sh", "application/sql"}
)


class _LeftOutError(Exception):
    """The file is not taken; `told` says why in a language."""

    def __init__(self, told: Callable[[Words], str]) -> None:
        """Say it later."""
        super().__init__()
        self.told = told


def _why(sentence: str) -> Callable[[Words], str]:
    return lambda words: words.say(sentence)


def _too_large(size: int, most: int) -> Callable[[Words], str]:
    return lambda words: text_slack.file_too_large(words, size, most)


async def take(workspace: Workspace, files: Sequence[dict[str, Any]], words: Words) -> Files:
    """Fetch what can be read, one after the other."""
    texts: list[Attachment] = []
    images: list[Image] = []
    documents: list[Document] = []
    left_out: list[tuple[str, str]] = []
    for number, file in enumerate(files):
        name = str(file.get("name") or file.get("title") or file.get("id") or "file")
        try:
            taken = await _taken(workspace, file, name, number)
        except _LeftOutError as why:
            left_out.append((name, why.told(words)))
            continue
        if isinstance(taken, Image):
            images.append(taken)
        elif isinstance(taken, Document):
            documents.append(taken)
        else:
            texts.append(taken)
    return Files(tuple(texts), tuple(images), tuple(documents), tuple(left_out))


async def _taken(
    workspace: Workspace, file: dict[str, Any], name: str, number: int
) -> Attachment | Document | Image:
    kind = str(file.get("mimetype", ""))
    if number >= FILES_MAX:
        raise _LeftOutError(lambda words: text_slack.too_many_files(words, FILES_MAX))
    if kind in IMAGES:
        return Image(name, kind, await _fetched(workspace, file, IMAGE_BYTES_MAX))
    if kind in DOCUMENTS:
        return Document(name, kind, await _fetched(workspace, file, DOCUMENT_BYTES_MAX))
    if kind.startswith("text/") or kind in _TEXTS:
        data = await _fetched(workspace, file, TEXT_BYTES_MAX)
        return Attachment(name, _decoded(data))
    raise _LeftOutError(_why(text_slack.FILE_KIND))


async def _fetched(workspace: Workspace, file: dict[str, Any], most: int) -> bytes:
    size = int(file.get("size") or 0)
    if size > most:
        raise _LeftOutError(_too_large(size, most))
    address = str(file.get("url_private_download") or file.get("url_private") or "")
    if not _is_slacks(address, workspace.web.base_url):
        # The token goes along: it is shown to Slack and to nobody else.
        raise _LeftOutError(_why(text_slack.FILE_ELSEWHERE))
    session = workspace.web.session
    assert session is not None, "all calls share their connections"
    headers = {"Authorization": f"Bearer {workspace.who.token}"}
    try:
        async with session.get(address, headers=headers, allow_redirects=False) as response:
            if response.status != OK:
                raise _LeftOutError(_why(text_slack.FILE_UNREADABLE))
            data = bytearray()
            async for chunk in response.content.iter_chunked(1 << 16):
                data += chunk
                if len(data) > most:
                    raise _LeftOutError(_too_large(len(data), most))
    except LOST as error:
        _log.info("a file could not be fetched: %s", error)
        raise _LeftOutError(_why(text_slack.FILE_UNREADABLE)) from error
    return bytes(data)


def _is_slacks(address: str, api: str) -> bool:
    there, ours = urlsplit(address), urlsplit(api)
    if (there.scheme, there.netloc) == (ours.scheme, ours.netloc):
        return True
    host = there.hostname or ""
    return there.scheme == "https" and (host == "slack.com" or host.endswith(".slack.com"))


def _decoded(data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _LeftOutError(_why(text_slack.FILE_NO_TEXT)) from None
    if "\0" in text:
        raise _LeftOutError(_why(text_slack.FILE_NO_TEXT))
    return text
